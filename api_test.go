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

// TestMessages: what a wrong call says, an example of each kind. TestBadCalls goes over all functions.
func TestMessages(t *testing.T) {
	x, y, mask, l := make([]float32, 12), make([]float32, 12), make([]uint64, 3), make([]float32, 4)
	stats, labels := make([]RowStats[float32], 3), make([]int, 4)
	with := func(opts CrossEntropyOptions[float32]) func() {
		return func() { _, _ = CrossEntropyWith(l, x, labels, 3, &opts) }
	}
	gradient := func(n int) func() {
		return func() { _, _ = CrossEntropyGradWith(y, l, x, labels, 3, make([]float32, n), nil) }
	}
	for want, f := range map[string]func(){
		"MaskLen: n = -1":                                      func() { MaskLen(-1) },
		"ReLU: len(dst) = 3, len(x) = 4":                       func() { ReLU(y[:3], x[:4]) },
		"Tanh: dst and x partly overlap":                       func() { Tanh(x[1:5], x[:4]) },
		"TanhBackward: len(dx) = 3, len(y) = 4":                func() { TanhBackward(y[:3], x[:3], x[:4]) },
		"ReLUMask: len(mask) = 0, 4 elements need 1":           func() { ReLUMask(y[:4], x[:4], mask[:0]) },
		"ReLUBackward: len(mask) = 3, 193 elements need 4":     func() { ReLUBackward(make([]float32, 193), make([]float32, 193), mask) },
		"Softmax: classes = 0":                                 func() { Softmax[float32](nil, nil, 0) },
		"Softmax: len(x) = 4 is not a multiple of classes = 3": func() { Softmax(y[:4], x[:4], 3) },
		"Argmax: len(index) = 3, rows = 2":                     func() { Argmax(make([]int, 3), x[:4], 2) },
		"CrossEntropy: len(losses) = 3, rows = 2":              func() { _ = CrossEntropy(y[:3], x[:8], []int{0, 1}, 4) },
		"CrossEntropy: losses and logits overlap":              func() { _ = CrossEntropy(x[:2], x[:8], []int{0, 1}, 4) },
		"Parallel: grain = 0":                                  func() { Parallel(4, 0, func(_, _ int) { t.Error("called") }) },
		"Parallel: grain = -3":                                 func() { Parallel(0, -3, func(_, _ int) { t.Error("called") }) },
		"Parallel: n = -1":                                     func() { Parallel(-1, 1, func(_, _ int) { t.Error("called") }) },
		"CrossEntropyWith: len(logits) = 12 ends inside a row: classes = 3, stride = 10":      with(CrossEntropyOptions[float32]{Stride: 10}),
		"CrossEntropyWith: len(Weights) = 2, classes = 3":                                     with(CrossEntropyOptions[float32]{Weights: l[:2]}),
		"CrossEntropyGradWith: len(dloss) = 3, rows = 4: pass nil, one element, or one a row": gradient(3),
		"CrossEntropyGradWith: len(dloss) = 0, rows = 4: pass nil, one element, or one a row": gradient(0),
		"SoftmaxWith: len(x) = 11 ends inside a row: classes = 4, stride = 8":                 func() { _ = SoftmaxWith(y, x[:11], 4, &SoftmaxOptions[float32]{Stride: 8}) },
		"SoftmaxWith: dst has 3 rows, x has 2":                                                func() { _ = SoftmaxWith(y, x, 4, &SoftmaxOptions[float32]{Stride: 8}) },
		"SigmoidCrossEntropyWith: len(logits) = 12 is not a multiple of len(PosWeight) = 5": func() {
			_ = SigmoidCrossEntropyWith(y, x, x, &SigmoidCrossEntropyOptions[float32]{PosWeight: make([]float32, 5)})
		},
		"ShardStats: logits has 3 rows, stats has 2":    func() { _ = ShardStats(stats[:2], x, Shard[float32]{Classes: 4}) },
		"MergeRowStats: len(dst) = 3, len(src) = 2":     func() { MergeRowStats(stats, stats[:2]) },
		"ShardSums: len(sums) = 2, 3 rows of 1 chunks":  func() { _ = ShardSums(make([]float64, 2), l[:3], x, y[:3], labels[:3], Shard[float32]{Classes: 4}) },
		"FoldChunks: len(sums) = 2, 3 rows of 0 chunks": func() { FoldChunks(stats, y[:3], nil, make([]float64, 2)) },
		"ShardChunks: classes = -1":                     func() { ShardChunks[float32](-1) },
	} {
		require.PanicsWithValue(t, "kernels: "+want, f)
	}
	_, err := CrossEntropyProbWith(l, x, y[:11], 3, nil)
	require.EqualError(t, err, "kernels: CrossEntropyProbWith: len(targets) = 11, 4 rows of 3 classes need 12")
	require.EqualError(t, CrossEntropy(y[:3], x, []int{0, 4, -1}, 4), "kernels: CrossEntropy: row 1: label 4 is not in [0, 4)")
	require.EqualError(t, CrossEntropy(y[:1], x[:4], []int8{-128}, 4), "kernels: CrossEntropy: row 0: label -128 is not in [0, 4)")
	require.EqualError(t, CrossEntropy(y[:1], x[:4], []uint64{math.MaxUint64}, 4), "kernels: CrossEntropy: row 0: label 18446744073709551615 is not in [0, 4)")
}

// TestMeanOfNoRows is NaN, and their sum 0.
func TestMeanOfNoRows(t *testing.T) {
	v, err := CrossEntropyGradWith[float32, int](nil, nil, nil, nil, 3, nil, nil)
	require.NoError(t, err)
	require.True(t, v != v)
	v, err = CrossEntropyProbWith[float32](nil, nil, nil, 3, &CrossEntropyOptions[float32]{Reduction: ReductionSum, Stride: 5})
	require.NoError(t, err)
	require.Zero(t, v)
}

func TestMaskLen(t *testing.T) {
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
