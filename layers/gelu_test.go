package layers_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/layers"
)

func TestGELU(t *testing.T) {
	eachType(t, testGELU[float32], testGELU[float64])
}

func testGELU[T kernels.Float](t *testing.T, tol float64) {
	var gelu layers.GELU[T]
	assert.PanicsWithValue(t, "layers: GELU: Backward before Forward: call Forward first", func() {
		gelu.Backward(nil)
	})
	x := []float64{-1, 1, 2, 0, -5.5, 7.25, 0.125}
	dout := []float64{1, 2, -3, 4, -5, 6, -0.5}
	var y, dx []float64
	for i, v := range x {
		p := math.Erfc(-v/math.Sqrt2) / 2
		y = append(y, v*p)
		dx = append(dx, dout[i]*(p+v*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi)))
	}
	in := floats[T](x...)
	got := gelu.Forward(in)
	requireClose(t, y, got, tol)
	clear(in) // Backward does not read them
	clear(got)
	requireClose(t, dx, gelu.Backward(floats[T](dout...)), 4*tol)
	// As PyTorch's gelu has them.
	requireClose(t, []float64{-0.158655, 0.841345}, gelu.Forward(floats[T](-1, 1)), 1e-6)
	assert.Panics(t, func() { gelu.Backward(make([]T, 3)) })
	var whole, part layers.GELU[T] // x is a part of what Forward returned
	want := whole.Forward(append([]T(nil), whole.Forward(in)[1:]...))
	require.Equal(t, bits(want), bits(part.Forward(part.Forward(in)[1:])))
	in = floats[T](x...)
	g := floats[T](dout...)
	assert.Zero(t, testing.AllocsPerRun(10, func() { gelu.Forward(in); gelu.Backward(g) }))
}

func TestGELUGradient(t *testing.T) {
	var gelu layers.GELU[float64]
	x := []float64{-3, -0.75, -0.5, 0, 0.25, 1, 4}
	checkGradients(t, gelu.Forward, gelu.Backward, x, 1e-8)
}
