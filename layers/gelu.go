package layers

import "kernels"

// GELU is the layer y = x/2 * erfc(-x/sqrt(2)): PyTorch's GELU. The zero value is ready for use.
//
// It keeps a copy of x.
type GELU[T kernels.Float] struct {
	x, y, dx []T
	ready    bool
}

// Forward returns the GELU of x, within two units in the last place; see [kernels.GELU]. The
// caller may change the result.
func (l *GELU[T]) Forward(x []T) []T {
	kept, y := grow(l.x, len(x)), grow(l.y, len(x))
	copy(kept, x)
	kernels.GELU(y, kept) // x may be a part of y
	l.x, l.y, l.ready = kept, y, true
	return y
}

// Backward returns dout times the derivative at x; see [kernels.GELUBackward].
func (l *GELU[T]) Backward(dout []T) []T {
	checkBackward("GELU", l.ready, len(dout), len(l.x))
	dx := grow(l.dx, len(dout))
	kernels.GELUBackward(dx, dout, l.x)
	l.dx = dx
	return dx
}
