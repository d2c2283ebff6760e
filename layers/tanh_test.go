package layers_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"kernels"
	"kernels/layers"
)

func TestTanh(t *testing.T) {
	eachType(t, testTanh[float32], testTanh[float64])
}

func testTanh[T kernels.Float](t *testing.T, tol float64) {
	var tanh layers.Tanh[T]
	assert.PanicsWithValue(t, "layers: Tanh: Backward before Forward: call Forward first", func() {
		tanh.Backward(nil)
	})
	x := []float64{-1, 1, 2, 0, -5.5, 7.25}
	dout := []float64{1, 2, -3, 4, -5, 6}
	var y, dx []float64
	for i, v := range x {
		p := math.Tanh(v)
		y = append(y, p)
		dx = append(dx, dout[i]*(1-p*p))
	}
	requireClose(t, y, tanh.Forward(floats[T](x...)), tol)
	requireClose(t, dx, tanh.Backward(floats[T](dout...)), 2*tol)
	assert.Panics(t, func() { tanh.Backward(floats[T](1, 2)) })
	in, g := floats[T](x...), floats[T](dout...)
	assert.Zero(t, testing.AllocsPerRun(10, func() { tanh.Forward(in); tanh.Backward(g) }))
}

// The layer against central differences of its own Forward.
func TestTanhGradient(t *testing.T) {
	var tanh layers.Tanh[float64]
	x, dout := floats[float64](-3, -0.4, 0, 0.02, 1.3, 2.7),
		floats[float64](0.5, -2, 1, 3, -1, 0.25)
	numerical := layers.NumericalGradient(func(x []float64) float64 {
		var other layers.Tanh[float64]
		sum := 0.0
		for i, v := range other.Forward(x) {
			sum += v * dout[i]
		}
		return sum
	}, x)
	tanh.Forward(x)
	requireClose(t, numerical, tanh.Backward(dout), 1e-9)
}
