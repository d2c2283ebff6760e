package bench

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
	"unsafe"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktest"
)

// A view is what one benchmark works on: elementwise kernels use n elements of x, y and dy, row kernels rows of classes.
type view[T kernels.Float] struct {
	classes          int // of row kernels
	x, y, dy, dst, t []T // inputs or logits, outputs in (0, 1), gradients, destination, target rows
	logy             []T // log probabilities
	losses           []T
	stats            []kernels.RowStats[T]
	labels           []int
	mask             []uint64
	bools            []bool // the naive loops' mask
}

// The backing arrays grow to the largest size asked for and are shared by all benchmarks.
var (
	views32 view[float32]
	views64 view[float64]
)

// elements returns a view of n elements.
func elements[T kernels.Float](n int) *view[T] { return rows[T](1, n) }

// rows returns a view of rows x classes elements. The inputs repeat a pattern of 64k values, too long for a branch
// predictor to learn.
func rows[T kernels.Float](rows, classes int) *view[T] {
	var all *view[T]
	if ktest.Is32[T]() {
		all = any(&views32).(*view[T])
	} else {
		all = any(&views64).(*view[T])
	}
	n := rows * classes
	if len(all.x) < n {
		*all = view[T]{} // let the collector have the old ones before asking for more
		runtime.GC()
		*all = view[T]{
			x:    repeat(n, func(r *ktest.Rand) T { return ktest.Gauss[T](r) * 3 }),
			y:    repeat(n, func(r *ktest.Rand) T { return (ktest.Uniform[T](r, 1) + 1) / 2 }),
			logy: repeat(n, func(r *ktest.Rand) T { return -(ktest.Uniform[T](r, 1) + 1) * 5 }),
			dy:   repeat(n, ktest.Gauss[T]), dst: make([]T, n), mask: make([]uint64, kernels.MaskLen(n)), bools: make([]bool, n),
		}
		kernels.ReLUMask(all.dst, all.x, all.mask)
		Naive[T]{}.ReLUMask(all.dst, all.x, all.bools)
	}
	v := &view[T]{classes: classes, x: all.x[:n], y: all.y[:n], dy: all.dy[:n], dst: all.dst[:n],
		logy: all.logy[:n], mask: all.mask[:kernels.MaskLen(n)], bools: all.bools[:n]}
	v.losses, v.labels = make([]T, rows), make([]int, rows)
	v.stats = make([]kernels.RowStats[T], rows)
	r := ktest.NewRand(uint64(n))
	for i := range v.labels {
		v.labels[i] = r.Intn(classes)
	}
	return v
}

// targets gives v rows that sum to one, for the kernels that take them.
func (v *view[T]) targets() {
	if v.t == nil {
		v.t = make([]T, len(v.x))
		ktest.FillProb(ktest.NewRand(3), v.t, v.classes)
	}
}

func repeat[T kernels.Float](n int, f func(*ktest.Rand) T) []T {
	s := make([]T, n)
	r := ktest.NewRand(7)
	for i := range s[:min(n, 1<<16)] {
		s[i] = f(r)
	}
	for i := 1 << 16; i < n; i *= 2 {
		copy(s[i:], s[:i])
	}
	return s
}

func size[T kernels.Float]() int {
	var t T
	return int(unsafe.Sizeof(t))
}

// must is for labels that are valid by construction.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A kernel is one line of the table: ours, the naive loop, and the elements read and written per element of x.
type kernel[T kernels.Float] struct {
	name        string
	moved       float64
	ours, naive func(v *view[T])
}

// scale is what the mean over a batch of 32 gives.
const scale = 1.0 / 32

func elementKernels[T kernels.Float]() []kernel[T] {
	var n Naive[T]
	bit := 1 / (8 * float64(size[T]())) // of a mask, in elements
	return []kernel[T]{
		{"ReLU", 2, func(v *view[T]) { kernels.ReLU(v.dst, v.x) }, func(v *view[T]) { n.ReLU(v.dst, v.x) }},
		{"ReLUMask", 2 + bit, func(v *view[T]) { kernels.ReLUMask(v.dst, v.x, v.mask) },
			func(v *view[T]) { n.ReLUMask(v.dst, v.x, v.bools) }},
		{"ReLUBackward", 2 + bit, func(v *view[T]) { kernels.ReLUBackward(v.dst, v.dy, v.mask) },
			func(v *view[T]) { n.ReLUBackward(v.dst, v.dy, v.bools) }},
		{"ReLUBackwardOutput", 3, func(v *view[T]) { kernels.ReLUBackwardOutput(v.dst, v.dy, v.x) },
			func(v *view[T]) { n.ReLUBackwardOutput(v.dst, v.dy, v.x) }},
		{"Sigmoid", 2, func(v *view[T]) { kernels.Sigmoid(v.dst, v.x) }, func(v *view[T]) { n.Sigmoid(v.dst, v.x) }},
		{"SigmoidFast", 2, func(v *view[T]) { kernels.SigmoidFast(v.dst, v.x) }, func(v *view[T]) { n.Sigmoid(v.dst, v.x) }},
		{"SigmoidBackward", 3, func(v *view[T]) { kernels.SigmoidBackward(v.dst, v.dy, v.y) },
			func(v *view[T]) { n.SigmoidBackward(v.dst, v.dy, v.y) }},
		{"Tanh", 2, func(v *view[T]) { kernels.Tanh(v.dst, v.x) }, func(v *view[T]) { n.Tanh(v.dst, v.x) }},
		{"TanhBackward", 3, func(v *view[T]) { kernels.TanhBackward(v.dst, v.dy, v.y) },
			func(v *view[T]) { n.TanhBackward(v.dst, v.dy, v.y) }},
		{"SigmoidCrossEntropy", 3, func(v *view[T]) { kernels.SigmoidCrossEntropy(v.dst, v.x, v.y) },
			func(v *view[T]) { n.SigmoidCrossEntropy(v.dst, v.x, v.y) }},
		{"SigmoidCrossEntropyGrad", 3, func(v *view[T]) { kernels.SigmoidCrossEntropyGrad(v.dst, nil, v.x, v.y, scale) },
			func(v *view[T]) { n.SigmoidCrossEntropyGrad(v.dst, v.x, v.y, scale) }},
	}
}

func rowKernels[T kernels.Float]() []kernel[T] {
	var n Naive[T]
	return []kernel[T]{
		{"Softmax", 2, func(v *view[T]) { kernels.Softmax(v.dst, v.x, v.classes) },
			func(v *view[T]) { n.Softmax(v.dst, v.x, v.classes) }},
		{"SoftmaxBackward", 3, func(v *view[T]) { kernels.SoftmaxBackward(v.dst, v.dy, v.y, v.classes) },
			func(v *view[T]) { n.SoftmaxBackward(v.dst, v.dy, v.y, v.classes) }},
		{"LogSoftmax", 2, func(v *view[T]) { kernels.LogSoftmax(v.dst, v.x, v.classes) },
			func(v *view[T]) { n.LogSoftmax(v.dst, v.x, v.classes) }},
		{"LogSoftmaxBackward", 3, func(v *view[T]) { kernels.LogSoftmaxBackward(v.dst, v.dy, v.logy, v.classes) },
			func(v *view[T]) { n.LogSoftmaxBackward(v.dst, v.dy, v.logy, v.classes) }},
		{"Argmax", 1, func(v *view[T]) { kernels.Argmax(v.labels, v.x, v.classes) },
			func(v *view[T]) { n.Argmax(v.labels, v.x, v.classes) }},
		{"CrossEntropy", 1, func(v *view[T]) { must(kernels.CrossEntropy(v.losses, v.x, v.labels, v.classes)) },
			func(v *view[T]) { n.CrossEntropy(v.losses, v.x, v.labels, v.classes) }},
		{"CrossEntropyGrad", 2, func(v *view[T]) {
			must(kernels.CrossEntropyGrad(v.dst, v.losses, v.x, v.labels, v.classes, scale))
		}, func(v *view[T]) { n.CrossEntropyGrad(v.dst, v.losses, v.x, v.labels, v.classes, scale) }},
		{"ShardCrossEntropyGrad", 2, func(v *view[T]) { // the rows as one shard: stats, then the gradient
			shard := kernels.Shard[T]{Classes: v.classes}
			must(kernels.ShardStats(v.stats, v.x, shard))
			must(kernels.ShardCrossEntropyGrad(v.dst, v.losses, v.x, v.stats, v.labels, scale, shard))
		}, func(v *view[T]) { n.CrossEntropyGrad(v.dst, v.losses, v.x, v.labels, v.classes, scale) }},
		{"CrossEntropyProb", 2, func(v *view[T]) { must(kernels.CrossEntropyProb(v.losses, v.x, v.t, v.classes)) },
			func(v *view[T]) { n.CrossEntropyProb(v.losses, v.x, v.t, v.classes) }},
		{"CrossEntropyProbGrad", 3, func(v *view[T]) {
			must(kernels.CrossEntropyProbGrad(v.dst, v.losses, v.x, v.t, v.classes, scale))
		}, func(v *view[T]) { n.CrossEntropyProbGrad(v.dst, v.losses, v.x, v.t, v.classes, scale) }},
	}
}

// timeOf returns the nanoseconds that f takes, the median of some batches in about 15 ms, or one run if that takes longer.
func timeOf(f func()) float64 {
	const budget = 15 * time.Millisecond
	batch := func(n int) time.Duration {
		start := time.Now()
		for range n {
			f()
		}
		return time.Since(start)
	}
	batch(1) // warm
	n, d := 1, batch(1)
	for d < budget/15 {
		n *= 2
		d = batch(n)
	}
	ds := []time.Duration{d}
	for spent := d; spent < budget; spent += d {
		d = batch(n)
		ds = append(ds, d)
	}
	slices.Sort(ds)
	return float64(ds[len(ds)/2]) / float64(n)
}

// Yardsticks, measured when first asked for and kept for the run.
var (
	copyTime         = map[int]float64{}
	naiveTime        = map[string]float64{}
	copyFrom, copyTo []byte
)

// timeOfCopy returns the time of a copy that moves as many bytes, half of them read and half written.
func timeOfCopy(moved int) float64 {
	t, ok := copyTime[moved]
	if !ok {
		n := moved / 2
		if len(copyFrom) < n {
			copyFrom, copyTo = make([]byte, n), make([]byte, n)
			for i := range copyFrom {
				copyFrom[i] = byte(i) // fresh pages are all one page of zeros until they are written
			}
		}
		t = timeOf(func() { copy(copyTo[:n], copyFrom[:n]) })
		copyTime[moved] = t
	}
	return t
}

// compare runs a kernel and its naive loop as sub-benchmarks of b over the view that mk returns.
func compare[T kernels.Float](b *testing.B, k kernel[T], v *view[T]) {
	moved := int(k.moved * float64(len(v.x)*size[T]()))
	one := func(name string, f func(*view[T])) {
		b.Run(name, func(b *testing.B) {
			base := timeOfCopy(moved)
			naive, ok := naiveTime[b.Name()[:len(b.Name())-len(name)]]
			if !ok {
				naive = timeOf(func() { k.naive(v) })
				naiveTime[b.Name()[:len(b.Name())-len(name)]] = naive
			}
			b.SetBytes(int64(moved))
			for b.Loop() {
				f(v)
			}
			ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			b.ReportMetric(ns/float64(len(v.x)), "ns/element")
			b.ReportMetric(ns/base, "x-copy")
			b.ReportMetric(naive/ns, "x-naive")
		})
	}
	one("naive", k.naive)
	for _, name := range isa.Available() {
		restore := isa.Force(name)
		one(name, k.ours)
		restore()
	}
}

var sizes = []struct {
	name string
	n    int
}{{"64", 64}, {"1k", 1 << 10}, {"16k", 1 << 14}, {"1M", 1 << 20}, {"16M", 1 << 24}}

func BenchmarkElements(b *testing.B) {
	elementsOf[float32](b)
	elementsOf[float64](b)
}

func elementsOf[T kernels.Float](b *testing.B) {
	for _, k := range elementKernels[T]() {
		b.Run(k.name+"/"+ktest.TypeName[T](), func(b *testing.B) {
			for _, s := range sizes {
				b.Run(s.name, func(b *testing.B) { compare(b, k, elements[T](s.n)) })
			}
		})
	}
}

func BenchmarkRows(b *testing.B) {
	rowsOf[float32](b)
	rowsOf[float64](b)
}

func rowsOf[T kernels.Float](b *testing.B) {
	for _, k := range rowKernels[T]() {
		b.Run(k.name+"/"+ktest.TypeName[T](), func(b *testing.B) {
			for _, classes := range []int{10, 100, 1000, 32000} {
				b.Run(fmt.Sprint(classes), func(b *testing.B) {
					v := rows[T](max(1, 32000/classes), classes)
					v.targets()
					compare(b, k, v)
				})
			}
		})
	}
}

// nothing is the loop that a call is compared with: it visits the elements and does no work on them.
//
//go:noinline
func nothing[T kernels.Float](dst, x []T) (n int) {
	_ = dst[:len(x)]
	for range x {
		n++
	}
	return n
}

func BenchmarkCall(b *testing.B) {
	callsOf[float32](b)
	callsOf[float64](b)
}

func callsOf[T kernels.Float](b *testing.B) {
	for _, k := range elementKernels[T]() {
		b.Run(k.name+"/"+ktest.TypeName[T](), func(b *testing.B) {
			for _, n := range []int{1, 2, 4, 8, 16, 32, 64} {
				b.Run(fmt.Sprint(n), func(b *testing.B) {
					v := elements[T](n)
					empty := timeOf(func() { nothing(v.dst, v.x) })
					b.ReportAllocs()
					for b.Loop() {
						k.ours(v)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/empty, "x-empty")
				})
			}
		})
	}
}

// What one core works on at least, some microseconds; it is a multiple of 64 elements, so that no two cores share a cache line.
const grain = 1 << 13

func BenchmarkParallel(b *testing.B) {
	for _, n := range []int{64, 1 << 10, 1 << 14, 1 << 20} {
		v := elements[float32](n)
		parallel(b, fmt.Sprintf("Sigmoid/float32/%d", n), func() { kernels.Sigmoid(v.dst, v.x) }, func() {
			kernels.Parallel(n, grain, func(lo, hi int) { kernels.Sigmoid(v.dst[lo:hi], v.x[lo:hi]) })
		})
	}
	for _, s := range [][2]int{{30, 10}, {1000, 10}, {1000, 1000}} {
		v := rows[float32](s[0], s[1])
		c := s[1]
		parallel(b, fmt.Sprintf("CrossEntropyGrad/float32/%dx%d", s[0], c), func() {
			must(kernels.CrossEntropyGrad(v.dst, v.losses, v.x, v.labels, c, scale))
		}, func() {
			kernels.Parallel(s[0], max(16, grain/c), func(lo, hi int) {
				must(kernels.CrossEntropyGrad(v.dst[lo*c:hi*c], v.losses[lo:hi], v.x[lo*c:hi*c], v.labels[lo:hi], c, scale))
			})
		})
	}
}

func parallel(b *testing.B, name string, serial, split func()) {
	cores := []int{1}
	if n := runtime.GOMAXPROCS(0); n > 1 {
		cores = append(cores, n)
	}
	for _, n := range cores {
		b.Run(fmt.Sprintf("%s/cores=%d", name, n), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
			base := timeOf(serial)
			for b.Loop() {
				split()
			}
			b.ReportMetric(base/(float64(b.Elapsed().Nanoseconds())/float64(b.N)), "x-serial")
		})
	}
}
