package layers

import "kernels"

// Tanh is the layer y = tanh(x). The zero value is ready for use.
//
// It keeps y; the gradient is dout * (1 - y*y).
type Tanh[T kernels.Float] struct {
	y, dx []T
	ready bool
}

// Forward returns tanh(x), within two units in the last place; see [kernels.Tanh]. Do not change
// the result before Backward, which reads it.
func (l *Tanh[T]) Forward(x []T) []T {
	y := grow(l.y, len(x))
	kernels.Tanh(y, x)
	l.y, l.ready = y, true
	return y
}

// Backward returns dout * (1 - y*y), with the y that Forward returned.
func (l *Tanh[T]) Backward(dout []T) []T {
	checkBackward("Tanh", l.ready, len(dout), len(l.y))
	dx := grow(l.dx, len(dout))
	kernels.TanhBackward(dx, dout, l.y)
	l.dx = dx
	return dx
}
