package layers

import "kernels"

// Softplus is the layer y = log(1+exp(x)), the smooth ReLU. The zero value is ready for use.
//
// It keeps a copy of x.
type Softplus[T kernels.Float] struct {
	x, y, dx []T
	ready    bool
}

// Forward returns log(1+exp(x)), within two units in the last place; see [kernels.Softplus]. The
// caller may change the result: Backward does not read it.
func (l *Softplus[T]) Forward(x []T) []T {
	in := grow(l.x, len(x))
	copy(in, x)
	y := grow(l.y, len(x))
	kernels.Softplus(y, in)
	l.x, l.y, l.ready = in, y, true
	return y
}

// Backward returns dout times the derivative at Forward's x; see [kernels.SoftplusBackward].
func (l *Softplus[T]) Backward(dout []T) []T {
	checkBackward("Softplus", l.ready, len(dout), len(l.x))
	dx := grow(l.dx, len(dout))
	kernels.SoftplusBackward(dx, dout, l.x)
	l.dx = dx
	return dx
}
