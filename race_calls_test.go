//go:build race

package kernels

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// TestCallSize: one call of a primitive, which cannot be preempted, has at most 64 KiB of each slice,
// in at most 64 places that lie apart, whatever the size and the stride that a public function is
// given. The reports to the race detector tell. Every primitive has to be seen, in each slice.
func TestCallSize(t *testing.T) {
	kt.Require(t)
	source, err := os.ReadFile("dispatch_other.go")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`race(?:Slice|Rows)\("(\w+ \w+)"`).FindAllStringSubmatch(string(source), -1) {
		seen[m[1]] = false
	}
	require.Greater(t, len(seen), 80)

	function := ""
	worst := map[string]string{} // by primitive and slice
	raceObserver = func(what string, places, bytes int) {
		seen[what] = true
		if places > maxRows || bytes > chunkBytes {
			if _, ok := worst[what]; !ok {
				worst[what] = fmt.Sprintf("%s, called by %s: %d bytes in %d places", what, function, bytes, places)
			}
		}
	}
	defer func() { raceObserver = nil }()
	callElements[float32](&function)
	callElements[float64](&function)
	callRows[float32](&function)
	callRows[float64](&function)

	for _, what := range slices.Sorted(maps.Keys(worst)) {
		t.Error(worst[what])
	}
	without := "^$" // primitives that are not called here
	switch {
	case isa.AVX2:
	case isa.NEON:
		without = `Stream `
	default:
		without = `Stream |^columns`
	}
	for _, what := range slices.Sorted(maps.Keys(seen)) {
		if !seen[what] && !regexp.MustCompile(without).MatchString(what) {
			t.Errorf("%s was never reported", what)
		}
	}
}

// callElements calls the functions of elements with many of them, past the caches and not.
func callElements[T Float](function *string) {
	cache := isa.LastLevelCache
	defer func() { isa.LastLevelCache = cache }()
	for _, isa.LastLevelCache = range []int{1 << 40, 0} {
		for name, f := range newElementCall[T](300_000).calls {
			*function = name + "/" + kt.TypeName[T]()
			f()
		}
	}
}

// callRows calls the functions of rows with few and many classes, in a matrix of their own and in
// the columns of a wider one.
func callRows[T Float](function *string) {
	for _, classes := range []int{2, 3, 10, 33, 1000, 10_000} {
		elements := 200_000
		if testing.Short() {
			elements = 50_000
		}
		rows := min(5000, elements/classes)
		for _, scale := range []T{1, 0.75} {
			for _, strides := range [][2]int{{classes, classes}, {classes + 3, classes}, {classes, classes + 3}, {classes + 3, classes + 3}} {
				*function = fmt.Sprintf("%s/%s of %d classes, strides %d and %d", "%s", kt.TypeName[T](), classes, strides[0], strides[1])
				callStrided(function, rows, classes, scale, strides[0], strides[1])
			}
		}
	}
}

// callStrided calls each function that has strides.
func callStrided[T Float](function *string, rows, classes int, scale T, stride, dststride int) {
	r := kt.NewRand(uint64(classes))
	matrix := func(stride int) []T {
		x := make([]T, (rows-1)*stride+classes)
		kt.Fill(r, kt.Normal, x, stride)
		return x
	}
	labels := make([]int, rows)
	for i := range labels {
		labels[i] = r.Intn(classes)
	}
	x, dx, y, dy := matrix(stride), matrix(stride), matrix(dststride), matrix(dststride)
	p, losses, stats := matrix(classes), make([]T, rows), make([]RowStats[T], rows)
	softmax := &SoftmaxOptions[T]{LogitScale: scale, Stride: stride, DstStride: dststride}
	shard := Shard[T]{Classes: classes, LogitScale: scale, Stride: stride, DstStride: dststride}
	must(ShardStats(stats, x, shard))
	ignore := &CrossEntropyOptions[T]{LogitScale: scale, Stride: stride, IgnoreIndex: new(int)}
	smooth := &CrossEntropyOptions[T]{LogitScale: scale, Stride: stride, LabelSmoothing: 0.1}
	form := *function
	for name, f := range map[string]func() error{
		"Argmax": func() error {
			index := make([]int, rows)
			Argmax(index, p, classes)
			return nil
		},
		"SoftmaxWith":            func() error { return SoftmaxWith(y, x, classes, softmax) },
		"LogSoftmaxWith":         func() error { return LogSoftmaxWith(y, x, classes, softmax) },
		"SoftmaxBackwardWith":    func() error { return SoftmaxBackwardWith(dx, dy, y, classes, softmax) },
		"LogSoftmaxBackwardWith": func() error { return LogSoftmaxBackwardWith(dx, dy, y, classes, softmax) },
		"ShardSums": func() error {
			m, sums := make([]T, rows), make([]float64, ShardChunks[T](classes)*rows)
			must(ShardMax(m, x, shard))
			return ShardSums(sums, losses, x, m, labels, shard)
		},
		"ShardStats":            func() error { return ShardStats(stats, x, shard) },
		"ShardCrossEntropy":     func() error { return ShardCrossEntropy(losses, x, stats, labels, shard) },
		"ShardCrossEntropyGrad": func() error { return ShardCrossEntropyGrad(dx, losses, x, stats, labels, 1, shard) },
		"ShardSoftmax":          func() error { return ShardSoftmax(y, x, stats, shard) },
		"ShardLogSoftmax":       func() error { return ShardLogSoftmax(y, x, stats, shard) },
	} {
		*function = fmt.Sprintf(form, name)
		must(f())
	}
	plain := &CrossEntropyOptions[T]{LogitScale: scale, Stride: stride}
	for name, o := range map[string]*CrossEntropyOptions[T]{"plain": plain, "ignoring": ignore, "smoothed": smooth} {
		for f, call := range map[string]func() (float64, error){
			"CrossEntropyWith":         func() (float64, error) { return CrossEntropyWith(losses, x, labels, classes, o) },
			"CrossEntropyGradWith":     func() (float64, error) { return CrossEntropyGradWith(dx, losses, x, labels, classes, []T{1}, o) },
			"CrossEntropyProbWith":     func() (float64, error) { return CrossEntropyProbWith(losses, x, p, classes, o) },
			"CrossEntropyProbGradWith": func() (float64, error) { return CrossEntropyProbGradWith(dx, losses, x, p, classes, []T{1}, o) },
		} {
			if o == ignore && (f == "CrossEntropyProbWith" || f == "CrossEntropyProbGradWith") {
				continue
			}
			*function = fmt.Sprintf(form, f) + ", " + name
			_, err := call()
			must(err)
		}
	}
}
