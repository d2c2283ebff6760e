package layers

import "kernels"

// Sigmoid is the layer y = 1 / (1 + exp(-x)). The zero value is ready for use.
//
// It keeps y; the gradient is dout * y * (1 - y).
type Sigmoid[T kernels.Float] struct {
	y, dx []T
	ready bool
}

// Forward returns 1 / (1 + exp(-x)), within one unit in the last place; see [kernels.Sigmoid]. Do
// not change the result before Backward, which reads it.
func (l *Sigmoid[T]) Forward(x []T) []T {
	y := grow(l.y, len(x))
	kernels.Sigmoid(y, x)
	l.y, l.ready = y, true
	return y
}

// Backward returns dout * y * (1 - y), with the y that Forward returned.
func (l *Sigmoid[T]) Backward(dout []T) []T {
	checkBackward("Sigmoid", l.ready, len(dout), len(l.y))
	dx := grow(l.dx, len(dout))
	kernels.SigmoidBackward(dx, dout, l.y)
	l.dx = dx
	return dx
}
