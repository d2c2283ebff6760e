package bench_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktable"
	"kernels/internal/ktest"
	"kernels/internal/timing"
)

// timeOf returns the nanoseconds that f takes, measured in about 15 ms; with -short, which is for
// seeing that all benchmarks run, in no time.
func timeOf(f func()) float64 {
	budget := 15 * time.Millisecond
	if testing.Short() {
		budget = 0
	}
	return timing.Compare(budget, timing.Way{Run: f})[0]
}

// sizes returns all sizes of a benchmark, or the smallest one with -short.
func sizes[S any](all ...S) []S {
	if testing.Short() {
		return all[:1]
	}
	return all
}

var copyTimes = map[int]float64{} // measured at the first use and kept for the run

// timeOfCopy returns the time of a copy that moves the given number of bytes.
func timeOfCopy(moved int) float64 {
	t, ok := copyTimes[moved]
	if !ok {
		t = timeOf(timing.Copy(moved))
		copyTimes[moved] = t
	}
	return t
}

// compare runs a call and its naive loop as sub-benchmarks of b.
func compare[T kernels.Float](b *testing.B, c *ktable.Call[T]) {
	moved, naive := timing.Moved(c), 0.0
	one := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			base := timeOfCopy(moved)
			if naive == 0 && c.Naive != nil {
				naive = timeOf(func() { timing.Must(c.Naive(c)) })
			}
			b.SetBytes(int64(moved))
			for b.Loop() {
				timing.Must(f())
			}
			ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			b.ReportMetric(ns/float64(c.Rows*c.Classes), "ns/element")
			b.ReportMetric(ns/base, "x-copy")
			b.ReportMetric(naive/ns, "x-naive")
		})
	}
	if c.Naive != nil {
		one("naive", func() error { return c.Naive(c) })
	}
	for _, name := range isa.Available() {
		restore := isa.Force(name)
		one(name, c.Run)
		restore()
	}
}

// each runs f32 and f64 for each function of elements, or for each function of rows.
func each(b *testing.B, rows bool, f32 func(b *testing.B, f *ktable.Func[float32]),
	f64 func(b *testing.B, f *ktable.Func[float64])) {
	for i, f := range ktable.Funcs[float32]() {
		if len(f.Args) > 0 && f.TakesClasses() == rows {
			b.Run(f.Name+"/float32", func(b *testing.B) { f32(b, &f) })
			b.Run(f.Name+"/float64", func(b *testing.B) { f64(b, &ktable.Funcs[float64]()[i]) })
		}
	}
}

func BenchmarkElements(b *testing.B) { each(b, false, elements[float32], elements[float64]) }

func elements[T kernels.Float](b *testing.B, f *ktable.Func[T]) {
	type size struct {
		name string
		n    int
	}
	for _, s := range sizes(size{"64", 64}, size{"1k", 1 << 10}, size{"16k", 1 << 14},
		size{"1M", 1 << 20}, size{"16M", 1 << 24}) {
		runtime.GC() // frees the old slices before new ones are made
		b.Run(s.name, func(b *testing.B) { compare(b, timing.Call(f, s.n/16, 16)) })
	}
}

func BenchmarkRows(b *testing.B) { each(b, true, rows[float32], rows[float64]) }

func rows[T kernels.Float](b *testing.B, f *ktable.Func[T]) {
	for _, classes := range sizes(10, 100, 1000, 32000) {
		b.Run(fmt.Sprint(classes), func(b *testing.B) {
			compare(b, timing.Call(f, max(1, 32000/classes), classes))
		})
	}
}

// nothing is the loop that a call is compared with: it visits the elements without working on them.
//
//go:noinline
func nothing(dst, x []byte, size int) (n int) {
	_ = dst[:len(x)]
	for i := 0; i < len(x); i += size {
		n++
	}
	return n
}

func BenchmarkCall(b *testing.B) { each(b, false, calls[float32], calls[float64]) }

func calls[T kernels.Float](b *testing.B, f *ktable.Func[T]) {
	for _, n := range sizes(1, 2, 4, 8, 16, 32, 64) {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := timing.Call(f, n, 1)
			x := c.Ops[0]
			empty := timeOf(func() { nothing(x.Mem, x.Mem, int(x.Type.Size())) })
			b.ReportAllocs()
			for b.Loop() {
				timing.Must(c.Run())
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/empty, "x-empty")
		})
	}
}

func BenchmarkParallel(b *testing.B) {
	for _, n := range sizes(1<<6, 1<<8, 1<<10, 1<<12, 1<<14, 1<<16, 1<<18, 1<<20, 1<<22) {
		v := timing.Call(ktable.Named[float32]("Sigmoid"), n, 1)
		dst, x := v.T(0), v.T(1)
		parallel(b, fmt.Sprintf("Sigmoid/float32/%d", n), func() {
			kernels.Sigmoid(dst, x)
		}, func() {
			grain := kernels.Grain[float32](kernels.HeavyWork, n, 1)
			kernels.Parallel(n, grain, func(lo, hi int) { kernels.Sigmoid(dst[lo:hi], x[lo:hi]) })
		})
		parallel(b, fmt.Sprintf("ReLU/float32/%d", n), func() {
			kernels.ReLU(dst, x)
		}, func() {
			grain := kernels.Grain[float32](kernels.LightWork, n, 1)
			kernels.Parallel(n, grain, func(lo, hi int) { kernels.ReLU(dst[lo:hi], x[lo:hi]) })
		})
	}
	for _, s := range sizes([2]int{30, 10}, [2]int{1000, 10}, [2]int{300, 1000}, [2]int{1000, 1000},
		[2]int{3000, 1000}) {
		v, c := timing.Call(ktable.Named[float32]("CrossEntropyGrad"), s[0], s[1]), s[1]
		d, l, x, labels := v.T(0), v.T(1), v.T(2), ktest.View[int](v.Ops[3])
		parallel(b, fmt.Sprintf("CrossEntropyGrad/float32/%dx%d", s[0], c), func() {
			timing.Must(kernels.CrossEntropyGrad(d, l, x, labels, c, v.Scale))
		}, func() {
			grain := kernels.Grain[float32](kernels.HeavyWork, s[0], c)
			kernels.Parallel(s[0], grain, func(lo, hi int) {
				timing.Must(kernels.CrossEntropyGrad(d[lo*c:hi*c], l[lo:hi], x[lo*c:hi*c], labels[lo:hi],
					c, v.Scale))
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
			var one, several time.Duration // in turns, so that both see the same machine
			for b.Loop() {
				t := time.Now()
				serial()
				one += time.Since(t)
				t = time.Now()
				split()
				several += time.Since(t)
			}
			b.ReportMetric(float64(one)/float64(several), "x-serial")
			b.ReportMetric(float64(several.Nanoseconds())/float64(b.N), "ns/split")
		})
	}
}
