package kernels_test

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// TestMessages has an example of each message of a wrong call. TestBadCalls goes over all
// functions.
func TestMessages(t *testing.T) {
	x, y, mask, l := make([]float32, 12), make([]float32, 12), make([]uint64, 3), make([]float32, 4)
	stats, labels := make([]kernels.RowStats[float32], 3), make([]int, 4)
	with := func(opts kernels.CrossEntropyOptions[float32]) func() {
		return func() { _, _ = kernels.CrossEntropyWith(l, x, labels, 3, &opts) }
	}
	gradient := func(n int) func() {
		return func() { _, _ = kernels.CrossEntropyGradWith(y, l, x, labels, 3, make([]float32, n), nil) }
	}
	for want, f := range map[string]func(){
		"MaskLen: n = -1":                func() { kernels.MaskLen(-1) },
		"ReLU: len(dst) = 3, len(x) = 4": func() { kernels.ReLU(y[:3], x[:4]) },
		"Tanh: dst and x partly overlap": func() { kernels.Tanh(x[1:5], x[:4]) },
		"TanhBackward: len(dx) = 3, len(y) = 4": func() {
			kernels.TanhBackward(y[:3], x[:3], x[:4])
		},
		"ReLUMask: len(mask) = 0, 4 elements need 1": func() {
			kernels.ReLUMask(y[:4], x[:4], mask[:0])
		},
		"ReLUBackward: len(mask) = 3, 193 elements need 4": func() {
			kernels.ReLUBackward(make([]float32, 193), make([]float32, 193), mask)
		},
		"Softmax: classes = 0": func() {
			kernels.Softmax[float32](nil, nil, 0)
		},
		"Softmax: len(x) = 4 is not a multiple of classes = 3": func() {
			kernels.Softmax(y[:4], x[:4], 3)
		},
		"Argmax: len(index) = 3, rows = 2": func() {
			kernels.Argmax(make([]int, 3), x[:4], 2)
		},
		"CrossEntropy: len(losses) = 3, rows = 2": func() {
			_ = kernels.CrossEntropy(y[:3], x[:8], []int{0, 1}, 4)
		},
		"CrossEntropy: losses and logits overlap": func() {
			_ = kernels.CrossEntropy(x[:2], x[:8], []int{0, 1}, 4)
		},
		"Parallel: grain = 0": func() {
			kernels.Parallel(4, 0, func(_, _ int) { t.Error("called") })
		},
		"Parallel: grain = -3": func() {
			kernels.Parallel(0, -3, func(_, _ int) { t.Error("called") })
		},
		"Grain: w = 0, n = -1, size = 1": func() {
			kernels.Grain[float32](kernels.LightWork, -1, 1)
		},
		"Grain: w = 1, n = 1, size = 0": func() {
			kernels.Grain[float64](kernels.HeavyWork, 1, 0)
		},
		"Grain: w = 2, n = 1, size = 1": func() {
			kernels.Grain[float64](2, 1, 1)
		},
		"Parallel: n = -1": func() {
			kernels.Parallel(-1, 1, func(_, _ int) { t.Error("called") })
		},
		"CrossEntropyWith: len(logits) = 12 ends inside a row: classes = 3, stride = 10": with(
			kernels.CrossEntropyOptions[float32]{Stride: 10},
		),
		"CrossEntropyWith: len(Weights) = 2, classes = 3": with(
			kernels.CrossEntropyOptions[float32]{Weights: l[:2]},
		),
		"CrossEntropyGradWith: len(dloss) = 3, rows = 4: pass nil, one element, or one per row": gradient(3),
		"CrossEntropyGradWith: len(dloss) = 0, rows = 4: pass nil, one element, or one per row": gradient(0),
		"SoftmaxWith: len(x) = 11 ends inside a row: classes = 4, stride = 8": func() {
			_ = kernels.SoftmaxWith(y, x[:11], 4, &kernels.SoftmaxOptions[float32]{Stride: 8})
		},
		"SoftmaxWith: dst has 3 rows, x has 2": func() {
			_ = kernels.SoftmaxWith(y, x, 4, &kernels.SoftmaxOptions[float32]{Stride: 8})
		},
		"SigmoidCrossEntropyWith: len(logits) = 12 is not a multiple of len(PosWeight) = 5": func() {
			_ = kernels.SigmoidCrossEntropyWith(y, x, x,
				&kernels.SigmoidCrossEntropyOptions[float32]{PosWeight: make([]float32, 5)})
		},
		"ShardStats: logits has 3 rows, stats has 2": func() {
			_ = kernels.ShardStats(stats[:2], x, kernels.Shard[float32]{Classes: 4})
		},
		"MergeRowStats: len(dst) = 3, len(src) = 2": func() { kernels.MergeRowStats(stats, stats[:2]) },
		"ShardSums: len(sums) = 2, 3 rows of 1 chunks": func() {
			_ = kernels.ShardSums(make([]float64, 2), l[:3], x, y[:3], labels[:3],
				kernels.Shard[float32]{Classes: 4})
		},
		"FoldChunks: len(sums) = 2, 3 rows of 0 chunks": func() {
			kernels.FoldChunks(stats, y[:3], nil, make([]float64, 2))
		},
		"FoldChunks: len(sums) = 2, 0 rows of 2 chunks": func() {
			kernels.FoldChunks[float32](nil, nil, nil, make([]float64, 2))
		},
		"ShardChunks: classes = -1": func() { kernels.ShardChunks[float32](-1) },
	} {
		require.PanicsWithValue(t, "kernels: "+want, f)
	}
	_, err := kernels.CrossEntropyProbWith(l, x, y[:11], 3, nil)
	require.EqualError(t, err,
		"kernels: CrossEntropyProbWith: len(targets) = 11, 4 rows of 3 classes need 12")
	require.EqualError(t, kernels.CrossEntropy(y[:3], x, []int{0, 4, -1}, 4),
		"kernels: CrossEntropy: row 1: label 4 is not in [0, 4)")
	require.EqualError(t, kernels.CrossEntropy(y[:1], x[:4], []int8{-128}, 4),
		"kernels: CrossEntropy: row 0: label -128 is not in [0, 4)")
	require.EqualError(t, kernels.CrossEntropy(y[:1], x[:4], []uint64{math.MaxUint64}, 4),
		"kernels: CrossEntropy: row 0: label 18446744073709551615 is not in [0, 4)")
}

// TestMeanOfNoRows checks that the mean of no rows is NaN and their sum 0.
func TestMeanOfNoRows(t *testing.T) {
	v, err := kernels.CrossEntropyGradWith[float32, int](nil, nil, nil, nil, 3, nil, nil)
	require.NoError(t, err)
	require.True(t, v != v)
	v, err = kernels.CrossEntropyProbWith[float32](nil, nil, nil, 3,
		&kernels.CrossEntropyOptions[float32]{Reduction: kernels.ReductionSum, Stride: 5})
	require.NoError(t, err)
	require.Zero(t, v)
}

func TestMaskLen(t *testing.T) {
	require.Equal(t, 0, kernels.MaskLen(0))
	require.Equal(t, 1, kernels.MaskLen(1))
	require.Equal(t, 1, kernels.MaskLen(64))
	require.Equal(t, 2, kernels.MaskLen(65))
	require.Equal(t, (math.MaxInt-1)/64+1, kernels.MaskLen(math.MaxInt))
}

type (
	myFloat float32
	myLabel uint8
)

// TestNamedTypes checks that named types give the bits of their underlying types, and that every
// label type gives the same losses.
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
	kernels.Sigmoid(want, x)
	kernels.Sigmoid(got, mine)
	same()
	kernels.Softmax(want, x, 10)
	kernels.Softmax(got, mine, 10)
	same()
	losses, labels := make([]float32, 30), make([]int, 30)
	for i := range labels {
		labels[i] = i % 10
	}
	require.NoError(t, kernels.CrossEntropy(losses, x, labels, 10))
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

func labelType[L kernels.Label](t *testing.T, x, want []float32) {
	labels := make([]L, len(want))
	for i := range labels {
		labels[i] = L(i % 10)
	}
	got, d := make([]float32, len(want)), make([]float32, len(x))
	require.NoError(t, kernels.CrossEntropy(got, x, labels, 10))
	require.Equal(t, want, got)
	require.NoError(t, kernels.CrossEntropyGrad(d, got, x, labels, 10, 1))
	require.Equal(t, want, got)
	bad := append([]L(nil), labels...)
	bad[29] = 10
	require.EqualError(t, kernels.CrossEntropy(got, x, bad, 10),
		"kernels: CrossEntropy: row 29: label 10 is not in [0, 10)")
}

// TestConcurrentUse runs kernels on several goroutines at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	x := make([]float64, 1000)
	kt.Fill(kt.NewRand(1), kt.Normal, x, 10)
	want := make([]float64, len(x))
	kernels.Softmax(want, x, 10)
	var wg sync.WaitGroup
	var wrong atomic.Int32
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			y := make([]float64, len(x))
			for range 50 {
				kernels.Softmax(y, x, 10)
				if kt.Diff(y, want) >= 0 {
					wrong.Add(1)
				}
			}
		}()
	}
	wg.Wait()
	require.Zero(t, wrong.Load())
}

// TestForce checks that an instruction set that this machine lacks panics with the list of those it
// has, and changes nothing.
func TestForce(t *testing.T) {
	before := isa.Name()
	require.Panics(t, func() { isa.Force("mmx") })
	require.Equal(t, before, kernels.ISA())
	isa.Force(isa.NameGeneric)()
	require.Equal(t, before, kernels.ISA())
	defer func() {
		require.Contains(t, fmt.Sprint(recover()), "generic")
	}()
	isa.Force("mmx")
}
