package layers_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/layers"
)

func TestLeakyReLU(t *testing.T) {
	eachType(t, testLeakyReLU[float32], testLeakyReLU[float64])
}

func testLeakyReLU[T kernels.Float](t *testing.T, tol float64) {
	leaky := layers.LeakyReLU[T]{Slope: 0.25}
	assert.PanicsWithValue(t, "layers: LeakyReLU: Backward before Forward: call Forward first", func() {
		leaky.Backward(nil)
	})
	x := floats[T](-1, 1, 2, 0, -5.5, math.NaN())
	dout := floats[T](1, 2, -3, 4, -5, 8)
	y := leaky.Forward(x)
	requireClose(t, []float64{-0.25, 1, 2, 0, -1.375}, y[:5], tol)
	require.True(t, y[5] != y[5])
	clear(x) // the layer has its own copy, and reads neither the result nor a later slope
	clear(y)
	leaky.Slope = 7
	requireClose(t, []float64{0.25, 2, -3, 1, -1.25, 2}, leaky.Backward(dout), tol)
	assert.Panics(t, func() { leaky.Backward(dout[:2]) })
	assert.Zero(t, testing.AllocsPerRun(10, func() { leaky.Forward(x); leaky.Backward(dout) }))
}

// The layer against central differences of its own Forward.
func TestLeakyReLUGradient(t *testing.T) {
	leaky := layers.LeakyReLU[float64]{Slope: 0.01}
	x, dout := floats[float64](-3, -0.4, 0.1, 0.02, 1.3, 2.7), floats[float64](0.5, -2, 1, 3, -1, 0.25)
	numerical := layers.NumericalGradient(func(x []float64) float64 {
		other := layers.LeakyReLU[float64]{Slope: 0.01}
		sum := 0.0
		for i, v := range other.Forward(x) {
			sum += v * dout[i]
		}
		return sum
	}, x)
	leaky.Forward(x)
	requireClose(t, numerical, leaky.Backward(dout), 1e-9)
}
