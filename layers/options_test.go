package layers_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	kt "kernels/internal/ktest"
	"kernels/layers"
)

// TestSoftmaxWithLossOptions checks that Forward and Backward give the results of the kernels with
// the same options, whatever the dout and the order of calls. The index to ignore is the one at
// Forward.
func TestSoftmaxWithLossOptions(t *testing.T) {
	eachType(t, testSoftmaxWithLossOptions[float32], testSoftmaxWithLossOptions[float64])
}

func testSoftmaxWithLossOptions[T kernels.Float](t *testing.T, _ float64) {
	const rows, classes = 4, 3
	x, target := randomLogits[T](rows, classes, 5), floats[T](1, 0, 0, 0, 0.5, 0.5, 0, 0, 1,
		0.25, 0.25, 0.5)
	labels := []int{2, -1, 0, 1}
	up := floats[T](1, -2, 0.5, 3)
	all := map[string]kernels.CrossEntropyOptions[T]{
		"ignore":  {IgnoreIndex: kt.Ptr(-1)},
		"weights": {IgnoreIndex: kt.Ptr(-1), Weights: floats[T](1, 2, 0.5)},
		"all": {IgnoreIndex: kt.Ptr(-1), Weights: floats[T](1, 2, 0.5), LabelSmoothing: 0.1,
			LogitScale: 0.5,
			Reduction:  kernels.ReductionSum, Stride: classes},
		"rows": {IgnoreIndex: kt.Ptr(-1), Reduction: kernels.ReductionNone},
	}
	for name, opts := range all {
		for _, prob := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " prob ", prob), func(t *testing.T) {
				losses, d := make([]T, rows), make([]T, len(x))
				want := func(dloss []T) float64 {
					var value float64
					var err error
					if prob {
						value, err = kernels.CrossEntropyProbGradWith(d, losses, x, target, classes,
							dloss, &opts)
					} else {
						value, err = kernels.CrossEntropyGradWith(d, losses, x, labels, classes,
							dloss, &opts)
					}
					require.NoError(t, err)
					return value
				}
				index := *opts.IgnoreIndex
				layer := layers.SoftmaxWithLoss[T]{Classes: classes, Options: opts}
				layer.Options.IgnoreIndex = &index
				var got float64
				var err error
				if prob {
					got, err = layer.ForwardProb(x, target)
				} else {
					got, err = layer.Forward(x, labels)
				}
				require.NoError(t, err)
				index = 7
				require.Equal(t, want(nil), got)
				require.Equal(t, bits(losses), bits(layer.Losses()))
				require.Equal(t, bits(d), bits(layer.Backward(1)))
				want(floats[T](2.5))
				require.Equal(t, bits(d), bits(layer.Backward(2.5)))
				want(up)
				require.Equal(t, bits(d), bits(layer.BackwardRows(up)))
				want(append([]T(nil), losses...)) // a loss of the squares, for instance
				require.Equal(t, bits(d), bits(layer.BackwardRows(layer.Losses())))
				require.Equal(t, bits(losses), bits(layer.Losses()))
				want(nil)
				require.Equal(t, bits(d), bits(layer.Backward(1)))
			})
		}
	}
}

func TestSoftmaxWithLossOptionErrors(t *testing.T) {
	x := make([]float64, 6)
	layer := layers.SoftmaxWithLoss[float64]{Classes: 3}
	_, err := layer.Forward(x, []int{1, 2})
	require.NoError(t, err)
	want := bits(layer.Backward(1))
	layer.Options.LabelSmoothing = 2
	_, err = layer.Forward(x, []int{0, 0})
	assert.EqualError(t, err,
		"layers: SoftmaxWithLoss: Forward: kernels: CrossEntropyGradWith: LabelSmoothing = 2 is not in [0, 1]")
	_, err = layer.ForwardProb(x, make([]float64, 6))
	assert.EqualError(t, err,
		"layers: SoftmaxWithLoss: ForwardProb: kernels: CrossEntropyProbGradWith: "+
			"LabelSmoothing = 2 is not in [0, 1]")
	layer.Options = kernels.CrossEntropyOptions[float64]{Stride: 2}
	_, err = layer.Forward(x, []int{0, 0})
	assert.EqualError(t, err,
		"layers: SoftmaxWithLoss: Forward: kernels: CrossEntropyGradWith: Stride = 2 is less than classes = 3")
	require.Equal(t, want, bits(layer.Backward(1)), "the layer as it was")

	assert.PanicsWithValue(t,
		"layers: SoftmaxWithLoss: BackwardRows: len(dout) = 3, but the last Forward had 2 rows: "+
			"pass one gradient for each",
		func() { layer.BackwardRows(x[:3]) })
	assert.PanicsWithValue(t,
		"layers: SoftmaxWithLoss: BackwardRows before Forward: call Forward first",
		func() { new(layers.SoftmaxWithLoss[float32]).BackwardRows(nil) })
}

// Rows inside a wider matrix.
func TestSoftmaxWithLossStride(t *testing.T) {
	x := []float64{1, 2, 3, 99, 0, -1, 4}
	wide := layers.SoftmaxWithLoss[float64]{Classes: 3,
		Options: kernels.CrossEntropyOptions[float64]{Stride: 4}}
	dense := layers.SoftmaxWithLoss[float64]{Classes: 3}
	got, err := wide.Forward(x, []int{1, 2})
	require.NoError(t, err)
	want, err := dense.Forward([]float64{1, 2, 3, 0, -1, 4}, []int{1, 2})
	require.NoError(t, err)
	require.Equal(t, want, got)
	d, e := wide.Backward(1), dense.Backward(1)
	require.Equal(t, e[:3], d[:3])
	require.Equal(t, e[3:], d[4:])
}

// With one row, any stride of Classes or more will do.
func TestSoftmaxWithLossHugeStride(t *testing.T) {
	x := []float32{1, 2, 3}
	var plain, wide layers.SoftmaxWithLoss[float32]
	plain.Classes, wide.Classes, wide.Options.Stride = 3, 3, math.MaxInt
	want, err := plain.Forward(x, []int{1})
	require.NoError(t, err)
	got, err := wide.Forward(x, []int{1})
	require.NoError(t, err)
	require.Equal(t, want, got)
}
