package layers_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/layers"
)

func TestGELUTanh(t *testing.T) {
	eachType(t, testGELUTanh[float32], testGELUTanh[float64])
}

func testGELUTanh[T kernels.Float](t *testing.T, tol float64) {
	var gelu layers.GELUTanh[T]
	assert.PanicsWithValue(t, "layers: GELUTanh: Backward before Forward: call Forward first", func() {
		gelu.Backward(nil)
	})
	x := []float64{-1, 1, 2, 0, -5.5, 7.25, 0.125}
	dout := []float64{1, 2, -3, 4, -5, 6, -0.5}
	var y, dx []float64
	for i, v := range x {
		p := math.Tanh(math.Sqrt(2/math.Pi) * (v + 0.044715*v*v*v))
		y = append(y, v/2*(1+p))
		slope := math.Sqrt(2/math.Pi) * (1 + 3*0.044715*v*v)
		dx = append(dx, dout[i]*((1+p)/2+v/2*(1-p*p)*slope))
	}
	in := floats[T](x...)
	got := gelu.Forward(in)
	requireClose(t, y, got, tol)
	clear(in) // Backward does not read them
	clear(got)
	requireClose(t, dx, gelu.Backward(floats[T](dout...)), 4*tol)
	// As PyTorch's gelu has them with approximate='tanh'.
	requireClose(t, []float64{-0.158808, 0.841192}, gelu.Forward(floats[T](-1, 1)), 1e-6)
	assert.Panics(t, func() { gelu.Backward(make([]T, 3)) })
	var whole, part layers.GELUTanh[T] // x is a part of what Forward returned
	want := whole.Forward(append([]T(nil), whole.Forward(in)[1:]...))
	require.Equal(t, bits(want), bits(part.Forward(part.Forward(in)[1:])))
	in = floats[T](x...)
	g := floats[T](dout...)
	assert.Zero(t, testing.AllocsPerRun(10, func() { gelu.Forward(in); gelu.Backward(g) }))
}

func TestGELUTanhGradient(t *testing.T) {
	var gelu layers.GELUTanh[float64]
	x := []float64{-3, -0.75, -0.5, 0, 0.25, 1, 4}
	checkGradients(t, gelu.Forward, gelu.Backward, x, 1e-8)
}
