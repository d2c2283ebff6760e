package layers

import "kernels"

// SiLU is the layer y = x / (1 + exp(-x)), also known as swish. The zero value is ready for use.
//
// It keeps a copy of x.
type SiLU[T kernels.Float] struct {
	x, y, dx []T
	ready    bool
}

// Forward returns x / (1 + exp(-x)), within two units in the last place; see [kernels.SiLU]. The
// caller may change the result: Backward does not read it.
func (l *SiLU[T]) Forward(x []T) []T {
	in := grow(l.x, len(x))
	copy(in, x)
	y := grow(l.y, len(x))
	kernels.SiLU(y, in)
	l.x, l.y, l.ready = in, y, true
	return y
}

// Backward returns dout times the derivative at Forward's x; see [kernels.SiLUBackward].
func (l *SiLU[T]) Backward(dout []T) []T {
	checkBackward("SiLU", l.ready, len(dout), len(l.x))
	dx := grow(l.dx, len(dout))
	kernels.SiLUBackward(dx, dout, l.x)
	l.dx = dx
	return dx
}
