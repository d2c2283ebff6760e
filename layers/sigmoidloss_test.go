package layers_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/layers"
)

// The book's forward: y = sigmoid(x), the mean of -(t*log(y) + (1-t)*log(1-y)); its backward:
// (y-t)*dout/batch_size.
func TestSigmoidWithLossAsInTheBook(t *testing.T) {
	eachType(t, testSigmoidWithLossAsInTheBook[float32], testSigmoidWithLossAsInTheBook[float64])
}

func testSigmoidWithLossAsInTheBook[T kernels.Float](t *testing.T, tol float64) {
	var loss layers.SigmoidWithLoss[T]
	assert.PanicsWithValue(t,
		"layers: SigmoidWithLoss: Backward before Forward: call Forward first", func() {
			loss.Backward(1)
		})
	assert.Nil(t, loss.Losses())
	x, targets := []float64{-2, 0.5, 3, 0, -1.25, 2.5}, []float64{0, 1, 1, 1, 0, 0}
	want, dx := 0.0, make([]float64, len(x))
	for i, v := range x {
		y := 1 / (1 + math.Exp(-v))
		want -= (targets[i]*math.Log(y) + (1-targets[i])*math.Log(1-y)) / float64(len(x))
		dx[i] = (y - targets[i]) * 0.5 / float64(len(x))
	}
	got, err := loss.Forward(floats[T](x...), floats[T](targets...))
	require.NoError(t, err)
	assert.InDelta(t, want, got, 4*tol)
	requireClose(t, dx, loss.Backward(0.5), tol)
	again := append([]T(nil), loss.Backward(0.5)...)

	// a dout that was guessed right gives the same bits as any other
	_, err = loss.Forward(floats[T](x...), floats[T](targets...))
	require.NoError(t, err)
	assert.Equal(t, bits(again), bits(loss.Backward(0.5)))
	assert.Len(t, loss.Losses(), len(x))

	a, b := floats[T](x...), floats[T](targets...)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		loss.Forward(a, b)
		loss.Backward(1)
		loss.Backward(2)
	}))
}

// Confident right answers are not rounded to zero.
func TestSigmoidWithLossConfident(t *testing.T) {
	var loss layers.SigmoidWithLoss[float32]
	got, err := loss.Forward([]float32{40}, []float32{1})
	require.NoError(t, err)
	assert.InEpsilon(t, math.Exp(-40), got, 1e-6)
	assert.InEpsilon(t, -math.Exp(-40), loss.Backward(1)[0], 1e-6)
}

func TestSigmoidWithLossGradient(t *testing.T) {
	targets := []float64{0, 1, 0.25, 1, 0, 0.9}
	for _, weights := range [][]float64{nil, {3}, {0.5, 2}, {1, 0, 4}} {
		loss := layers.SigmoidWithLoss[float64]{PosWeight: weights}
		x := floats[float64](-2, 0.5, 3, 0.1, -1.25, 2)
		numerical := layers.NumericalGradient(func(x []float64) float64 {
			other := layers.SigmoidWithLoss[float64]{PosWeight: weights}
			l, err := other.Forward(x, targets)
			require.NoError(t, err)
			return 3 * l
		}, x)
		_, err := loss.Forward(x, targets)
		require.NoError(t, err)
		requireClose(t, numerical, loss.Backward(3), 1e-9)
	}
}

func TestSigmoidWithLossErrors(t *testing.T) {
	var loss layers.SigmoidWithLoss[float64]
	x := []float64{1, -1}
	_, err := loss.Forward(x, []float64{1, 0})
	require.NoError(t, err)
	before := append([]float64(nil), loss.Backward(1)...)
	for _, bad := range []float64{-0.5, 1.5, math.NaN()} {
		_, err = loss.Forward([]float64{5, 6}, []float64{0, bad})
		require.ErrorContains(t, err, "at element 1 is not in [0, 1]")
	}
	loss.PosWeight = []float64{1, -2}
	_, err = loss.Forward([]float64{5, 6}, []float64{0, 1})
	require.ErrorContains(t, err, "PosWeight[1] = -2 is not a finite number >= 0")
	assert.Equal(t, before, loss.Backward(1), "as it was")
	assert.PanicsWithValue(t,
		"layers: SigmoidWithLoss: Forward: len(t) = 1, len(x) = 2: pass one target for each element",
		func() { loss.Forward(x, x[:1]) })
	assert.PanicsWithValue(t,
		"layers: SigmoidWithLoss: Forward: len(x) = 3 is not a multiple of len(PosWeight) = 2: pass whole rows",
		func() { loss.Forward(make([]float64, 3), make([]float64, 3)) })
	dx := loss.Backward(1)
	assert.PanicsWithValue(t,
		"layers: SigmoidWithLoss: Forward: x is the slice that Backward returned: pass a copy",
		func() { loss.Forward(dx, x) })
	loss.PosWeight = nil
	mean, err := loss.Forward(nil, nil)
	require.NoError(t, err)
	assert.True(t, math.IsNaN(mean))
	assert.Empty(t, loss.Backward(1))
}

// A layer whose weights were taken away is the plain one.
func TestSigmoidWithLossWeightsTakenAway(t *testing.T) {
	l := layers.SigmoidWithLoss[float32]{PosWeight: []float32{2}}
	x, y := []float32{1, -2}, []float32{0, 1}
	_, err := l.Forward(x, y)
	require.NoError(t, err)
	l.PosWeight = nil
	_, err = l.Forward(x, y)
	require.NoError(t, err)
	l.Backward(1)
	var plain layers.SigmoidWithLoss[float32]
	_, err = plain.Forward(x, y)
	require.NoError(t, err)
	require.Equal(t, plain.Backward(3), l.Backward(3))
}
