package layers

import "kernels"

// GELUTanh is the layer y = x/2 * (1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3))): PyTorch's GELU with
// approximate='tanh'. The zero value is ready for use.
//
// It keeps a copy of x.
type GELUTanh[T kernels.Float] struct {
	x, y, dx []T
	ready    bool
}

// Forward returns the GELU of x, within two units in the last place; see [kernels.GELUTanh]. The
// caller may change the result.
func (l *GELUTanh[T]) Forward(x []T) []T {
	kept, y := grow(l.x, len(x)), grow(l.y, len(x))
	copy(kept, x)
	kernels.GELUTanh(y, kept) // x may be a part of y
	l.x, l.y, l.ready = kept, y, true
	return y
}

// Backward returns dout times the derivative at x; see [kernels.GELUTanhBackward].
func (l *GELUTanh[T]) Backward(dout []T) []T {
	checkBackward("GELUTanh", l.ready, len(dout), len(l.x))
	dx := grow(l.dx, len(dout))
	kernels.GELUTanhBackward(dx, dout, l.x)
	l.dx = dx
	return dx
}
