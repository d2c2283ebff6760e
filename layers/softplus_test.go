package layers_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"kernels"
	"kernels/layers"
)

func TestSoftplus(t *testing.T) {
	eachType(t, testSoftplus[float32], testSoftplus[float64])
}

func testSoftplus[T kernels.Float](t *testing.T, tol float64) {
	var softplus layers.Softplus[T]
	assert.PanicsWithValue(t, "layers: Softplus: Backward before Forward: call Forward first", func() {
		softplus.Backward(nil)
	})
	x := []float64{-1, 1, 2, 0, -5.5, 7.25}
	dout := []float64{1, 2, -3, 4, -5, 6}
	var y, dx []float64
	for i, v := range x {
		s := 1 / (1 + math.Exp(-v))
		y = append(y, math.Log1p(math.Exp(v)))
		dx = append(dx, dout[i]*s)
	}
	in, g := floats[T](x...), floats[T](dout...)
	out := softplus.Forward(in)
	requireClose(t, y, out, tol)
	clear(in) // the layer has its own copy, and does not read the result
	clear(out)
	requireClose(t, dx, softplus.Backward(g), 8*tol)
	assert.Panics(t, func() { softplus.Backward(floats[T](1, 2)) })
	assert.Zero(t, testing.AllocsPerRun(10, func() { softplus.Forward(in); softplus.Backward(g) }))
}

// The layer against central differences of its own Forward.
func TestSoftplusGradient(t *testing.T) {
	var softplus layers.Softplus[float64]
	x, dout := floats[float64](-3, -0.4, 0, 0.02, 1.3, 2.7),
		floats[float64](0.5, -2, 1, 3, -1, 0.25)
	numerical := layers.NumericalGradient(func(x []float64) float64 {
		var other layers.Softplus[float64]
		sum := 0.0
		for i, v := range other.Forward(x) {
			sum += v * dout[i]
		}
		return sum
	}, x)
	softplus.Forward(x)
	requireClose(t, numerical, softplus.Backward(dout), 1e-9)
}
