package kernels

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// A bad call panics, or returns an error, with exactly this message, and
// writes nothing.
type badCall struct {
	message string
	call    func(m *badMemory) error // nil error: it has to panic
}

// badMemory is what the bad calls work on: everything they could write to.
type badMemory struct {
	x, y, dst []float32
	losses    []float32
	mask      []uint64
}

func newBadMemory() *badMemory {
	m := &badMemory{make([]float32, 12), make([]float32, 12), make([]float32, 12), make([]float32, 12), make([]uint64, 3)}
	for i := range 12 {
		m.x[i], m.y[i], m.dst[i], m.losses[i] = float32(i)-5, float32(i)/16, -77, -78
	}
	for i := range m.mask {
		m.mask[i] = 0x5555
	}
	return m
}

func badCalls() []badCall {
	type m = badMemory
	// do makes a call that has to panic.
	do := func(message string, f func(m *m)) badCall {
		return badCall{message, func(m *badMemory) error { f(m); return nil }}
	}
	fail := func(message string, f func(m *m) error) badCall { return badCall{message, f} }
	bad := []badCall{
		do("kernels: MaskLen: n = -1", func(m *m) { MaskLen(-1) }),

		do("kernels: ReLU: len(dst) = 3, len(x) = 4", func(m *m) { ReLU(m.dst[:3], m.x[:4]) }),
		do("kernels: ReLU: dst and x partly overlap", func(m *m) { ReLU(m.x[1:5], m.x[:4]) }),
		do("kernels: ReLUMask: len(dst) = 5, len(x) = 4", func(m *m) { ReLUMask(m.dst[:5], m.x[:4], m.mask) }),
		do("kernels: ReLUMask: dst and x partly overlap", func(m *m) { ReLUMask(m.x[:4], m.x[3:7], m.mask) }),
		do("kernels: ReLUMask: len(mask) = 0, 4 elements need 1", func(m *m) { ReLUMask(m.dst[:4], m.x[:4], m.mask[:0]) }),
		do("kernels: ReLUMask: len(mask) = 3, 193 elements need 4", func(m *m) { ReLUMask(make([]float32, 193), make([]float32, 193), m.mask) }),
		do("kernels: ReLUBackward: len(dx) = 3, len(dy) = 4", func(m *m) { ReLUBackward(m.dst[:3], m.x[:4], m.mask) }),
		do("kernels: ReLUBackward: dx and dy partly overlap", func(m *m) { ReLUBackward(m.x[2:6], m.x[:4], m.mask) }),
		do("kernels: ReLUBackward: len(mask) = 1, 65 elements need 2", func(m *m) { ReLUBackward(make([]float32, 65), make([]float32, 65), m.mask[:1]) }),

		do("kernels: Sigmoid: len(dst) = 3, len(x) = 4", func(m *m) { Sigmoid(m.dst[:3], m.x[:4]) }),
		do("kernels: Sigmoid: dst and x partly overlap", func(m *m) { Sigmoid(m.x[1:5], m.x[:4]) }),
		do("kernels: SigmoidFast: len(dst) = 3, len(x) = 4", func(m *m) { SigmoidFast(m.dst[:3], m.x[:4]) }),
		do("kernels: SigmoidFast: dst and x partly overlap", func(m *m) { SigmoidFast(m.x[1:5], m.x[:4]) }),
		do("kernels: SigmoidBackward: len(dx) = 3, len(dy) = 4", func(m *m) { SigmoidBackward(m.dst[:3], m.x[:4], m.y[:3]) }),
		do("kernels: SigmoidBackward: len(dx) = 3, len(y) = 4", func(m *m) { SigmoidBackward(m.dst[:3], m.x[:3], m.y[:4]) }),
		do("kernels: SigmoidBackward: dx and dy partly overlap", func(m *m) { SigmoidBackward(m.x[1:5], m.x[:4], m.y[:4]) }),
		do("kernels: SigmoidBackward: dx and y partly overlap", func(m *m) { SigmoidBackward(m.y[1:5], m.x[:4], m.y[:4]) }),
		do("kernels: Tanh: len(dst) = 3, len(x) = 4", func(m *m) { Tanh(m.dst[:3], m.x[:4]) }),
		do("kernels: Tanh: dst and x partly overlap", func(m *m) { Tanh(m.x[1:5], m.x[:4]) }),

		do("kernels: Argmax: classes = 0", func(m *m) { Argmax(make([]int, 4), m.x[:4], 0) }),
		do("kernels: Argmax: len(x) = 4 is not a multiple of classes = 3", func(m *m) { Argmax(make([]int, 1), m.x[:4], 3) }),
		do("kernels: Argmax: len(index) = 3, rows = 2", func(m *m) { Argmax(make([]int, 3), m.x[:4], 2) }),
	}
	for name, f := range map[string]func(dx, dy, y []float32){"TanhBackward": TanhBackward[float32], "ReLUBackwardOutput": ReLUBackwardOutput[float32]} {
		bad = append(bad,
			do("kernels: "+name+": len(dx) = 3, len(dy) = 4", func(m *m) { f(m.dst[:3], m.x[:4], m.y[:3]) }),
			do("kernels: "+name+": len(dx) = 3, len(y) = 4", func(m *m) { f(m.dst[:3], m.x[:3], m.y[:4]) }),
			do("kernels: "+name+": dx and dy partly overlap", func(m *m) { f(m.x[1:5], m.x[:4], m.y[:4]) }),
			do("kernels: "+name+": dx and y partly overlap", func(m *m) { f(m.y[1:5], m.x[:4], m.y[:4]) }))
	}
	for name, f := range map[string]func(dst, x []float32, classes int){"Softmax": Softmax[float32], "LogSoftmax": LogSoftmax[float32]} {
		bad = append(bad,
			do("kernels: "+name+": len(dst) = 3, len(x) = 4", func(m *m) { f(m.dst[:3], m.x[:4], 1) }),
			do("kernels: "+name+": dst and x partly overlap", func(m *m) { f(m.x[1:5], m.x[:4], 2) }),
			do("kernels: "+name+": classes = 0", func(m *m) { f(m.dst[:4], m.x[:4], 0) }),
			do("kernels: "+name+": classes = -2", func(m *m) { f(m.dst[:4], m.x[:4], -2) }),
			do("kernels: "+name+": len(x) = 4 is not a multiple of classes = 3", func(m *m) { f(m.dst[:4], m.x[:4], 3) }),
			do("kernels: "+name+": classes = 0", func(m *m) { f(nil, nil, 0) }))
	}
	for name, f := range map[string]func(dx, dy, y []float32, classes int){
		"SoftmaxBackward": SoftmaxBackward[float32], "LogSoftmaxBackward": LogSoftmaxBackward[float32]} {
		bad = append(bad,
			do("kernels: "+name+": len(dx) = 3, len(dy) = 4", func(m *m) { f(m.dst[:3], m.x[:4], m.y[:3], 1) }),
			do("kernels: "+name+": len(dx) = 3, len(y) = 4", func(m *m) { f(m.dst[:3], m.x[:3], m.y[:4], 1) }),
			do("kernels: "+name+": dx and dy partly overlap", func(m *m) { f(m.x[1:5], m.x[:4], m.y[:4], 2) }),
			do("kernels: "+name+": dx and y partly overlap", func(m *m) { f(m.y[1:5], m.x[:4], m.y[:4], 2) }),
			do("kernels: "+name+": classes = 0", func(m *m) { f(m.dst[:4], m.x[:4], m.y[:4], 0) }),
			do("kernels: "+name+": len(dx) = 4 is not a multiple of classes = 3", func(m *m) { f(m.dst[:4], m.x[:4], m.y[:4], 3) }))
	}
	ce := func(m *m, losses, rows int, labels []int, classes int) error {
		return CrossEntropy(m.losses[:losses], m.x[:rows*4], labels, classes)
	}
	bad = append(bad,
		fail("kernels: CrossEntropy: classes = 0", func(m *m) error { return ce(m, 2, 2, []int{0, 1}, 0) }),
		fail("kernels: CrossEntropy: len(logits) = 8 is not a multiple of classes = 3", func(m *m) error { return ce(m, 2, 2, []int{0, 1}, 3) }),
		fail("kernels: CrossEntropy: len(losses) = 3, rows = 2", func(m *m) error { return ce(m, 3, 2, []int{0, 1}, 4) }),
		fail("kernels: CrossEntropy: len(labels) = 1, rows = 2", func(m *m) error { return ce(m, 2, 2, []int{0}, 4) }),
		fail("kernels: CrossEntropy: losses and logits overlap", func(m *m) error { return CrossEntropy(m.x[:2], m.x[:8], []int{0, 1}, 4) }),
		fail("kernels: CrossEntropy: row 1: label 4 is not in [0, 4)", func(m *m) error { return ce(m, 3, 3, []int{0, 4, -1}, 4) }),
		fail("kernels: CrossEntropy: row 2: label -1 is not in [0, 4)", func(m *m) error { return ce(m, 3, 3, []int{0, 3, -1}, 4) }),
		fail("kernels: CrossEntropy: row 0: label -128 is not in [0, 4)", func(m *m) error { return CrossEntropy(m.losses[:1], m.x[:4], []int8{-128}, 4) }),
		fail("kernels: CrossEntropy: row 0: label 18446744073709551615 is not in [0, 4)", func(m *m) error {
			return CrossEntropy(m.losses[:1], m.x[:4], []uint64{math.MaxUint64}, 4)
		}))
	g := func(m *m, d, losses, rows int, labels []int, classes int) error {
		return CrossEntropyGrad(m.dst[:d], m.losses[:losses], m.x[:rows*4], labels, classes, 1)
	}
	bad = append(bad,
		fail("kernels: CrossEntropyGrad: len(dlogits) = 7, len(logits) = 8", func(m *m) error { return g(m, 7, 2, 2, []int{0, 1}, 4) }),
		fail("kernels: CrossEntropyGrad: classes = -1", func(m *m) error { return g(m, 8, 2, 2, []int{0, 1}, -1) }),
		fail("kernels: CrossEntropyGrad: len(logits) = 8 is not a multiple of classes = 5", func(m *m) error { return g(m, 8, 2, 2, []int{0, 1}, 5) }),
		fail("kernels: CrossEntropyGrad: len(losses) = 1, rows = 2", func(m *m) error { return g(m, 8, 1, 2, []int{0, 1}, 4) }),
		fail("kernels: CrossEntropyGrad: len(labels) = 3, rows = 2", func(m *m) error { return g(m, 8, 2, 2, []int{0, 1, 2}, 4) }),
		fail("kernels: CrossEntropyGrad: dlogits and logits partly overlap", func(m *m) error {
			return CrossEntropyGrad(m.x[1:9], m.losses[:2], m.x[:8], []int{0, 1}, 4, 1)
		}),
		fail("kernels: CrossEntropyGrad: losses and logits overlap", func(m *m) error {
			return CrossEntropyGrad(m.dst[:8], m.x[7:9], m.x[:8], []int{0, 1}, 4, 1)
		}),
		fail("kernels: CrossEntropyGrad: dlogits and losses overlap", func(m *m) error {
			return CrossEntropyGrad(m.dst[:8], m.dst[:2], m.x[:8], []int{0, 1}, 4, 1)
		}),
		fail("kernels: CrossEntropyGrad: row 1: label 9 is not in [0, 4)", func(m *m) error { return g(m, 8, 2, 2, []int{0, 9}, 4) }),

		fail("kernels: CrossEntropyProb: len(logits) = 8, len(targets) = 7", func(m *m) error { return CrossEntropyProb(m.losses[:2], m.x[:8], m.y[:7], 4) }),
		fail("kernels: CrossEntropyProb: classes = 0", func(m *m) error { return CrossEntropyProb(m.losses[:2], m.x[:8], m.y[:8], 0) }),
		fail("kernels: CrossEntropyProb: len(logits) = 8 is not a multiple of classes = 3", func(m *m) error { return CrossEntropyProb(m.losses[:2], m.x[:8], m.y[:8], 3) }),
		fail("kernels: CrossEntropyProb: len(losses) = 3, rows = 2", func(m *m) error { return CrossEntropyProb(m.losses[:3], m.x[:8], m.y[:8], 4) }),
		fail("kernels: CrossEntropyProb: losses and logits overlap", func(m *m) error { return CrossEntropyProb(m.x[:2], m.x[:8], m.y[:8], 4) }),
		fail("kernels: CrossEntropyProb: losses and targets overlap", func(m *m) error { return CrossEntropyProb(m.y[:2], m.x[:8], m.y[:8], 4) }),

		fail("kernels: CrossEntropyProbGrad: len(dlogits) = 9, len(logits) = 8", func(m *m) error {
			return CrossEntropyProbGrad(m.dst[:9], m.losses[:2], m.x[:8], m.y[:8], 4, 1)
		}),
		fail("kernels: CrossEntropyProbGrad: len(logits) = 8, len(targets) = 4", func(m *m) error {
			return CrossEntropyProbGrad(m.dst[:8], m.losses[:2], m.x[:8], m.y[:4], 4, 1)
		}),
		fail("kernels: CrossEntropyProbGrad: classes = 0", func(m *m) error {
			return CrossEntropyProbGrad(m.dst[:8], m.losses[:2], m.x[:8], m.y[:8], 0, 1)
		}),
		fail("kernels: CrossEntropyProbGrad: len(logits) = 8 is not a multiple of classes = 3", func(m *m) error {
			return CrossEntropyProbGrad(m.dst[:8], m.losses[:2], m.x[:8], m.y[:8], 3, 1)
		}),
		fail("kernels: CrossEntropyProbGrad: len(losses) = 1, rows = 2", func(m *m) error {
			return CrossEntropyProbGrad(m.dst[:8], m.losses[:1], m.x[:8], m.y[:8], 4, 1)
		}),
		fail("kernels: CrossEntropyProbGrad: dlogits and logits partly overlap", func(m *m) error {
			return CrossEntropyProbGrad(m.x[2:10], m.losses[:2], m.x[:8], m.y[:8], 4, 1)
		}),
		fail("kernels: CrossEntropyProbGrad: dlogits and targets overlap", func(m *m) error {
			return CrossEntropyProbGrad(m.y[:8], m.losses[:2], m.x[:8], m.y[:8], 4, 1)
		}),
		fail("kernels: CrossEntropyProbGrad: losses and logits overlap", func(m *m) error {
			return CrossEntropyProbGrad(m.dst[:8], m.x[:2], m.x[:8], m.y[:8], 4, 1)
		}),
		fail("kernels: CrossEntropyProbGrad: losses and targets overlap", func(m *m) error {
			return CrossEntropyProbGrad(m.dst[:8], m.y[:2], m.x[:8], m.y[:8], 4, 1)
		}),
		fail("kernels: CrossEntropyProbGrad: dlogits and losses overlap", func(m *m) error {
			return CrossEntropyProbGrad(m.dst[:8], m.dst[:2], m.x[:8], m.y[:8], 4, 1)
		}),
		do("kernels: Parallel: grain = 0", func(m *m) { Parallel(4, 0, func(_, _ int) { m.dst[0] = 0 }) }),
		do("kernels: Parallel: grain = -3", func(m *m) { Parallel(0, -3, func(_, _ int) { m.dst[0] = 0 }) }),
		do("kernels: Parallel: n = -1", func(m *m) { Parallel(-1, 1, func(_, _ int) { m.dst[0] = 0 }) }),
	)
	return bad
}

// TestBadCalls: wrong shapes panic and wrong data return an error, with the
// message, before anything is written.
func TestBadCalls(t *testing.T) {
	for i, b := range badCalls() {
		t.Run(fmt.Sprint(i, b.message), func(t *testing.T) {
			m := newBadMemory()
			var panicked any
			var err error
			func() {
				defer func() { panicked = recover() }()
				err = b.call(m)
			}()
			if err != nil {
				require.Nil(t, panicked)
				require.EqualError(t, err, b.message)
				require.Contains(t, b.message, "label", "only data make an error")
			} else {
				require.Equal(t, b.message, panicked)
			}
			require.Equal(t, newBadMemory(), m, "written to")
		})
	}
}

// TestEmpty: empty and nil slices are fine everywhere.
func TestEmpty(t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, x := range [][]float64{nil, {}} {
			ReLU(x, nil)
			ReLUMask(x, x, nil)
			ReLUBackward(x, x, nil)
			Sigmoid(x, x)
			SigmoidFast(x, x)
			SigmoidBackward(x, x, x)
			Tanh(x, x)
			TanhBackward(x, x, x)
			ReLUBackwardOutput(x, x, x)
			Argmax(nil, x, 3)
			Softmax(x, x, 3)
			LogSoftmax(x, x, 3)
			SoftmaxBackward(x, x, x, 3)
			LogSoftmaxBackward(x, x, x, 3)
			require.NoError(t, CrossEntropy(x, x, []int(nil), 3))
			require.NoError(t, CrossEntropyGrad(x, x, x, []uint8{}, 3, 1))
			require.NoError(t, CrossEntropyProb(x, x, x, 3))
			require.NoError(t, CrossEntropyProbGrad(x, x, x, x, 3, 1))
		}
	})
	require.Equal(t, 0, MaskLen(0))
	require.Equal(t, 1, MaskLen(1))
	require.Equal(t, 1, MaskLen(64))
	require.Equal(t, 2, MaskLen(65))
	require.Equal(t, (math.MaxInt-1)/64+1, MaskLen(math.MaxInt))
}

type (
	myFloat float32
	myLabel uint8
)

// TestNamedTypes: named types give the bits of their underlying types, and
// every label type the same losses.
func TestNamedTypes(t *testing.T) {
	x := make([]float32, 300)
	kt.Fill(kt.NewRand(1), kt.Normal, x, 10)
	mine := make([]myFloat, len(x))
	for i, v := range x {
		mine[i] = myFloat(v)
	}
	want, got := make([]float32, len(x)), make([]myFloat, len(x))
	same := func() {
		t.Helper()
		for i, v := range got {
			require.True(t, kt.Same(float32(v), want[i]))
		}
	}
	Sigmoid(want, x)
	Sigmoid(got, mine)
	same()
	Softmax(want, x, 10)
	Softmax(got, mine, 10)
	same()
	losses, labels := make([]float32, 30), make([]int, 30)
	for i := range labels {
		labels[i] = i % 10
	}
	require.NoError(t, CrossEntropy(losses, x, labels, 10))
	labelType[int8](t, x, losses)
	labelType[int16](t, x, losses)
	labelType[int32](t, x, losses)
	labelType[int64](t, x, losses)
	labelType[uint](t, x, losses)
	labelType[uint8](t, x, losses)
	labelType[uint16](t, x, losses)
	labelType[uint32](t, x, losses)
	labelType[uint64](t, x, losses)
	labelType[myLabel](t, x, losses)
}

func labelType[L Label](t *testing.T, x, want []float32) {
	labels := make([]L, len(want))
	for i := range labels {
		labels[i] = L(i % 10)
	}
	got, d := make([]float32, len(want)), make([]float32, len(x))
	require.NoError(t, CrossEntropy(got, x, labels, 10))
	require.Equal(t, want, got)
	require.NoError(t, CrossEntropyGrad(d, got, x, labels, 10, 1))
	require.Equal(t, want, got)
	bad := append([]L(nil), labels...)
	bad[29] = 10
	require.EqualError(t, CrossEntropy(got, x, bad, 10), "kernels: CrossEntropy: row 29: label 10 is not in [0, 10)")
}

// TestNilLosses: gradients without losses are the same gradients.
func TestNilLosses(t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, classes := range []int{1, 2, 10, 26, 33, 100, 5000} {
			x, target := make([]float32, 3*classes), make([]float32, 3*classes)
			r := kt.NewRand(3)
			kt.Fill(r, kt.Normal, x, classes)
			kt.FillProb(r, target, classes)
			labels := []int{0, classes / 2, classes - 1}
			a, b, l := make([]float32, len(x)), make([]float32, len(x)), make([]float32, 3)
			require.NoError(t, CrossEntropyGrad(a, l, x, labels, classes, 0.5))
			require.NoError(t, CrossEntropyGrad(b, nil, x, labels, classes, 0.5))
			require.Equal(t, -1, kt.Diff(a, b))
			require.NoError(t, CrossEntropyProbGrad(a, l, x, target, classes, 0.5))
			require.NoError(t, CrossEntropyProbGrad(b, nil, x, target, classes, 0.5))
			require.Equal(t, -1, kt.Diff(a, b))
			copy(b, x)
			require.NoError(t, CrossEntropyProbGrad(b, nil, b, target, classes, 0.5))
			require.Equal(t, -1, kt.Diff(a, b))
		}
	})
}

// TestSplit: the bits do not depend on how rows or elements are split.
func TestSplit(t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		const n = 40000
		x, a, b := make([]float32, n), make([]float32, n), make([]float32, n)
		kt.Fill(kt.NewRand(1), kt.Wide80, x, 10)
		Sigmoid(a, x)
		Parallel(n, 64, func(lo, hi int) { Sigmoid(b[lo:hi], x[lo:hi]) })
		require.Equal(t, -1, kt.Diff(a, b))
		for _, classes := range []int{10, 25, 100, 5000} {
			Softmax(a, x, classes)
			Parallel(n/classes, 1, func(lo, hi int) { Softmax(b[lo*classes:hi*classes], x[lo*classes:hi*classes], classes) })
			require.Equal(t, -1, kt.Diff(a, b), "%d classes", classes)
			for r := range n / classes {
				lo, hi := r*classes, (r+1)*classes
				Softmax(b[lo:hi], x[lo:hi], classes)
			}
			require.Equal(t, -1, kt.Diff(a, b), "%d classes, row by row", classes)
		}
		am, bm := make([]uint64, MaskLen(n)), make([]uint64, MaskLen(n))
		ReLUMask(a, x, am)
		Parallel(n, 128, func(lo, hi int) { ReLUMask(b[lo:hi], x[lo:hi], bm[lo/64:]) })
		require.Equal(t, am, bm)
	})
}

// TestConcurrentUse runs kernels on several goroutines at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	x := make([]float64, 1000)
	kt.Fill(kt.NewRand(1), kt.Normal, x, 10)
	want := make([]float64, len(x))
	Softmax(want, x, 10)
	var wg sync.WaitGroup
	var wrong atomic.Int32
	for range 4 {
		wg.Go(func() {
			y := make([]float64, len(x))
			for range 50 {
				Softmax(y, x, 10)
				if kt.Diff(y, want) >= 0 {
					wrong.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.Zero(t, wrong.Load())
}

// TestForce: an instruction set this machine lacks panics with the list of
// those it has, and nothing changes.
func TestForce(t *testing.T) {
	before := isa.Name()
	require.Panics(t, func() { isa.Force("mmx") })
	require.Equal(t, before, ISA())
	isa.Force(isa.NameGeneric)()
	require.Equal(t, before, ISA())
	defer func() {
		require.Contains(t, fmt.Sprint(recover()), "generic")
	}()
	isa.Force("mmx")
}
