package kernels_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/ktable"
)

// A hidden layer and the loss of two rows of three classes, forward and backward. README.md shows
// it as a program.
func Example() {
	x := []float32{2, -1, 0.5, -3, 4, 0} // two rows of three
	h, dx := make([]float32, 6), make([]float32, 6)
	losses, dh := make([]float32, 2), make([]float32, 6)
	mask := make([]uint64, kernels.MaskLen(6))

	kernels.ReLUMask(h, x, mask) // forward; the backward needs the mask
	err := kernels.CrossEntropyGrad(dh, losses, h, []uint8{0, 1}, 3, 1.0/2)
	kernels.ReLUBackward(dx, dh, mask)
	fmt.Printf("losses %.4f, %v\ndx     %.4f\n", losses, err, dx)
	// Output:
	// losses [0.3064 0.0360], <nil>
	// dx     [-0.1319 0.0000 0.0821 0.0000 -0.0177 0.0000]
}

func ExampleSigmoid() {
	x := []float64{-1000, -1, 0, 1, 1000}
	kernels.Sigmoid(x, x) // in place
	fmt.Printf("%.4f\n", x)
	// Output: [0.0000 0.2689 0.5000 0.7311 1.0000]
}

func ExampleSoftmax() {
	x := []float32{1, 2, 3, 1000, 1000, -1000}
	p := make([]float32, len(x))
	kernels.Softmax(p, x, 3)
	fmt.Printf("%.4f\n%.4f\n", p[:3], p[3:])
	// Output:
	// [0.0900 0.2447 0.6652]
	// [0.5000 0.5000 0.0000]
}

// The rows of a product on all cores: each of them has the bits that it has in one call.
func ExampleMatMul_parallel() {
	const m, k, n = 4, 2, 3
	a := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	b := []float32{1, 0, -1, 0, 1, 2}
	dst := make([]float32, m*n)
	kernels.Parallel(m, 2, func(lo, hi int) { // a grain of some 64 rows where there are more
		kernels.MatMul(dst[lo*n:hi*n], a[lo*k:hi*k], b, hi-lo, k, n)
	})
	fmt.Println(dst)
	// Output: [1 2 3 3 4 5 5 6 7 7 8 9]
}

// An affine layer with its gradients.
func ExampleMatMulWith() {
	x := []float32{1, 2, 3, 4}        // two rows of two inputs
	w := []float32{1, 0, -1, 2, 1, 0} // three outputs
	bias := []float32{10, 20, 30}
	y, dx := make([]float32, 6), make([]float32, 4)
	dw, dbias := make([]float32, 6), make([]float32, 3)

	if err := kernels.MatMulWith(y, x, w, 2, 2, 3, &kernels.MatMulOptions[float32]{Bias: bias}); err != nil {
		panic(err) // an option out of its range
	}
	dy := []float32{1, 0, 0, 0, 1, 1}
	kernels.MatMulTransB(dx, dy, w, 2, 3, 2)
	kernels.MatMulTransA(dw, x, dy, 2, 2, 3)
	kernels.ColumnSums(dbias, dy, 2, 3)
	fmt.Println(y, dx, dw, dbias)
	// Output: [15 22 29 21 24 27] [1 2 -1 1] [1 3 3 2 4 4] [1 1 1]
}

// Two steps with the correction of the rate for the moments' beginning at 0.
func ExampleAdam() {
	w, dw := []float64{1, -2}, []float64{0.5, -4}
	m, v := make([]float64, 2), make([]float64, 2)
	power1, power2 := 1.0, 1.0 // of the betas
	for range 2 {
		power1 *= 0.9
		power2 *= 0.999
		kernels.Adam(w, m, v, dw, kernels.AdamParams[float64]{
			Rate:  0.1 * math.Sqrt(1-power2) / (1 - power1),
			Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7,
		})
		fmt.Printf("%.4f\n", w)
	}
	// Output:
	// [0.9000 -1.9000]
	// [0.8000 -1.8000]
}

func ExampleReLUBackward() {
	x := []float32{3, -2, 0, 5}
	y, dx := make([]float32, 4), make([]float32, 4)
	mask := make([]uint64, kernels.MaskLen(4))
	kernels.ReLUMask(y, x, mask)
	kernels.ReLUBackward(dx, []float32{10, 20, 30, 40}, mask)
	fmt.Printf("%v %04b %v\n", y, mask[0], dx)
	// Output: [3 0 0 5] 0110 [10 0 0 40]
}

// A confident row: 1 - p is far below the rounding unit of float32, and neither the loss nor the
// gradient is lost.
func ExampleCrossEntropyGrad() {
	logits := []float32{50, 0, 0}
	grad, losses := make([]float32, 3), make([]float32, 1)
	if err := kernels.CrossEntropyGrad(grad, losses, logits, []int{0}, 3, 1); err != nil {
		panic(err)
	}
	fmt.Printf("%.3g %.3g\n", losses, grad)

	err := kernels.CrossEntropyGrad(grad, losses, logits, []int{3}, 3, 1)
	fmt.Println(err)
	// Output:
	// [3.86e-22] [-3.86e-22 1.93e-22 1.93e-22]
	// kernels: CrossEntropyGrad: row 0: label 3 is not in [0, 3)
}

func ExampleParallel() {
	const rows, classes = 1000, 10
	x := make([]float32, rows*classes)
	grain := kernels.Grain[float32](kernels.HeavyWork, rows, classes)
	kernels.Parallel(rows, grain, func(lo, hi int) {
		part := x[lo*classes : hi*classes]
		kernels.Softmax(part, part, classes)
	})
	fmt.Printf("%.2f %.2f\n", x[0], x[len(x)-1])
	// Output: 0.10 0.10
}

// This is torch.nn.functional.cross_entropy(logits, labels, weight, ignore_index=-100,
// label_smoothing=0.1).backward() in PyTorch.
func ExampleCrossEntropyGradWith() {
	logits := []float64{
		2, 1, 0,
		0, 3, 1,
		5, 5, 5, // padding
	}
	padding := -100
	labels := []int{0, 2, padding}
	opts := &kernels.CrossEntropyOptions[float64]{
		Weights:        []float64{1, 1, 2},
		IgnoreIndex:    &padding,
		LabelSmoothing: 0.1,
	}
	losses, dlogits := make([]float64, 3), make([]float64, 9)
	loss, err := kernels.CrossEntropyGradWith(dlogits, losses, logits, labels, 3, nil, opts)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.4f %.4f\n", loss, losses)
	for r := range 3 {
		fmt.Printf("%+.4f\n", dlogits[3*r:][:3])
	}
	_, err = kernels.CrossEntropyWith(nil, logits, []int{0, 3, -100}, 3, opts)
	fmt.Println(err)
	// Output:
	// 1.5832 [0.5879 4.1617 0.0000]
	// [-0.0820 +0.0732 +0.0088]
	// [+0.0160 +0.5327 -0.5486]
	// [+0.0000 +0.0000 +0.0000]
	// kernels: CrossEntropyWith: row 1: label 3 is not in [0, 3)
}

// Two rows of six classes are split over three goroutines, as over three machines: each has two of
// the classes.
func ExampleShard() {
	const rows, classes, shards = 2, 6, 3
	logits := []float32{
		3, -1, 0.5, 60, 2, 1, // confident: the label is class 3
		1, 2, 3, 4, 5, 6,
	}
	labels := []int{3, 0}

	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		merged  = make([]kernels.RowStats[float32], rows)
		arrived sync.WaitGroup // an all-reduce: nobody goes on before all have arrived
		losses  = make([]float32, rows)
		grad    = make([]float32, len(logits))
	)
	for r := range merged {
		merged[r] = kernels.NoRowStats[float32]()
	}
	arrived.Add(shards)
	for i := range shards {
		wg.Add(1)
		go func() {
			defer wg.Done()
			// Columns 2*i and 2*i+1 of the matrix. A machine would have them without the stride.
			shard := kernels.Shard[float32]{Classes: classes / shards, Offset: i * classes / shards,
				Stride: classes}
			lo, hi := shard.Offset, (rows-1)*classes+shard.Offset+shard.Classes
			stats := make([]kernels.RowStats[float32], rows)
			if err := kernels.ShardStats(stats, logits[lo:hi], shard); err != nil {
				panic(err)
			}
			mu.Lock()
			kernels.MergeRowStats(merged, stats)
			mu.Unlock()
			arrived.Done()
			arrived.Wait()

			here := make([]float32, rows) // 0 for rows whose label is in another shard
			if err := kernels.ShardCrossEntropyGrad(grad[lo:hi], here, logits[lo:hi], merged, labels, 1,
				shard); err != nil {
				panic(err)
			}
			mu.Lock()
			for r, v := range here {
				losses[r] += v
			}
			mu.Unlock()
		}()
	}
	wg.Wait()

	fmt.Printf("losses   %.4g\n", losses)
	fmt.Printf("gradient %.2g\n", grad[:classes])
	fmt.Printf("         %.2g\n", grad[classes:])
	// Output:
	// losses   [2.82e-25 5.456]
	// gradient [1.8e-25 3.2e-27 1.4e-26 -2.8e-25 6.5e-26 2.4e-26]
	//          [-1 0.012 0.032 0.086 0.23 0.63]
}

// Shards that begin at multiples of ShardGrain give the bits of the whole row.
func ExampleFoldChunks() {
	type T = float64
	classes := 3 * kernels.ShardGrain[T]()
	logits, labels := make([]T, classes), []int{5000}
	for j := range logits {
		logits[j] = float64(j%97) / 7
	}
	shards := []kernels.Shard[T]{
		{Classes: kernels.ShardGrain[T]()},
		{Classes: 2 * kernels.ShardGrain[T](), Offset: kernels.ShardGrain[T]()},
	}
	columns := func(s kernels.Shard[T]) []T { return logits[s.Offset:][:s.Classes] }

	// Round one: the row's maximum.
	m, here := make([]T, 1), make([]T, 1)
	for i, s := range shards {
		if err := kernels.ShardMax(here, columns(s), s); err != nil {
			panic(err)
		}
		if i == 0 {
			copy(m, here)
		}
		kernels.MergeRowMax(m, here)
	}
	// Round two: the sums, in the order of the classes, and the label's logit from the shard that
	// has it.
	var sums []float64
	out := make([]T, 1)
	for _, s := range shards {
		part := make([]float64, kernels.ShardChunks[T](s.Classes))
		if err := kernels.ShardSums(part, out, columns(s), m, labels, s); err != nil {
			panic(err)
		}
		sums = append(sums, part...)
	}
	stats := make([]kernels.RowStats[T], 1)
	kernels.FoldChunks(stats, m, out, sums)

	sharded, whole := 0.0, make([]T, 1)
	for _, s := range shards {
		if err := kernels.ShardCrossEntropy(here, columns(s), stats, labels, s); err != nil {
			panic(err)
		}
		sharded += here[0]
	}
	if err := kernels.CrossEntropy(whole, logits, labels, classes); err != nil {
		panic(err)
	}
	fmt.Println(sharded == whole[0])
	// Output: true
}

// TestREADME checks that the README's program is Example, whose output is checked, and that the
// README stays short.
func TestREADME(t *testing.T) {
	program := body(t, "README.md", "```go\npackage main", "func main() {", "\n}\n")
	require.Equal(t, body(t, "example_test.go", "package kernels_test", "func Example() {", "\n}\n"), program)
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Less(t, strings.Count(string(text), "\n"), 120)
}

// TestREADMEFunctions checks that each exported function of the package is in the README's list: by
// its name, or by one that it begins with, as SigmoidBackward begins with Sigmoid, with a link to
// the file that has it.
func TestREADMEFunctions(t *testing.T) {
	list := body(t, "README.md", "# kernels", "## Functions\n", "\n## ")
	links := regexp.MustCompile(`\[([^\]]*)\]\(([a-z]+\.go)\)`).FindAllStringSubmatch(list, -1)
	declared := regexp.MustCompile(`(?m)^func ([A-Z]\w*)`)
	names := regexp.MustCompile(`\w+`)
	functions, linked := map[string]string{}, map[string]bool{}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "kernels.go" {
			continue // MaskLen and ISA belong to all
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, f := range declared.FindAllStringSubmatch(string(text), -1) {
			functions[f[1]] = file
		}
	}
	for _, link := range links {
		if link[2] == "doc.go" {
			continue
		}
		for _, name := range names.FindAllString(link[1], -1) {
			require.Equal(t, link[2], functions[name], "README.md links %s", name)
			for f, file := range functions {
				// what belongs to the sharded rows has names of many kinds
				if file == link[2] && (strings.HasPrefix(f, name) || file == "shards.go") {
					linked[f] = true
				}
			}
		}
	}
	for f, file := range functions {
		require.True(t, linked[f], "the list of functions in README.md lacks [%s](%s)", f, file)
	}
}

// TestLayout checks that the first table of CONTRIBUTING.md has each file of the package, and no
// others.
func TestLayout(t *testing.T) {
	table := body(t, "CONTRIBUTING.md", "# Contributing", "## Layout\n", "\n## ")
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("`([A-Za-z0-9_*]+\\.go)`").FindAllStringSubmatch(table, -1) {
		if m[1] == "exp.go" || m[1] == "pipelines.go" {
			continue // of kernels/
		}
		found := 0
		for _, f := range files {
			if ok, err := filepath.Match(strings.ReplaceAll(m[1], "NAME", "*"), f); err != nil || ok {
				require.NoError(t, err)
				listed[f] = true
				found++
			}
		}
		require.NotZero(t, found, "CONTRIBUTING.md lists %s", m[1])
	}
	for _, f := range files {
		require.True(t, listed[f], "CONTRIBUTING.md does not list %s", f)
	}
}

// TestPlatforms checks that PLATFORMS.md has the architectures that .ci/run and .ci/nightly test,
// and no others, and that README.md counts them.
func TestPlatforms(t *testing.T) {
	words := func(text, pattern string) (all []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			all = append(all, strings.Join(m[1:], ""))
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	table, err := os.ReadFile("PLATFORMS.md")
	require.NoError(t, err)
	all, counts := []string{"amd64"}, []int(nil)
	for _, script := range []string{".ci/run", ".ci/nightly"} {
		text, err := os.ReadFile(script)
		require.NoError(t, err)
		rows := words(string(table), "(?m)^(.*) \\| `"+script+"` \\|\r?$")
		listed := words(strings.Join(rows, "\n"), "`[a-z0-9]+/([a-z0-9]+)`")
		listed = slices.DeleteFunc(listed, func(s string) bool { return s == "amd64" })
		tested := words(string(text), `GOARCH=([a-z0-9]+)|cross ([a-z0-9]+) qemu-|\b([a-z0-9]+):(?:-|qemu-)`)
		require.Equal(t, tested, listed, script)
		all = append(all, tested...)
		slices.Sort(all)
		all = slices.Compact(all)
		counts = append(counts, len(all))
	}
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme),
		fmt.Sprintf("; %d architectures in CI, [%d in all](PLATFORMS.md)", counts[0], counts[1]))
}

// body returns what stands in a file, past the first mark, between start and end.
func body(t *testing.T, file, mark, start, end string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	for _, s := range []string{mark, start} {
		var found bool
		_, text, found = strings.Cut(text, s)
		require.True(t, found, "%s has no %q", file, s)
	}
	text, _, found := strings.Cut(text, end)
	require.True(t, found, "%s has no %q", file, end)
	return text
}

// TestAccuracyTable: ACCURACY.md has every kernel, and its tests exist.
func TestAccuracyTable(t *testing.T) {
	text, err := os.ReadFile("ACCURACY.md")
	require.NoError(t, err)
	for _, f := range ktable.Funcs[float32]() {
		if name := strings.TrimSuffix(f.Name, "With"); len(f.Args) > 0 {
			require.Contains(t, string(text), "`"+name+"`")
		}
	}
	tests, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var code strings.Builder
	for _, name := range tests {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		code.Write(text)
	}
	found := 0
	for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, code.String(), "func "+m[1]+"(t *testing.T) {")
		found++
	}
	require.Greater(t, found, 50)
}
