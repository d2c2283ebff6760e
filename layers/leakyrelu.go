package layers

import "kernels"

// LeakyReLU is the layer y = x where x > 0, and y = Slope*x elsewhere. Set Slope: the zero value is
// a ReLU, and PyTorch has 0.01 where one gives none.
//
// It keeps a copy of x.
type LeakyReLU[T kernels.Float] struct {
	Slope T

	x, y, dx []T
	slope    T // of the Forward before
	ready    bool
}

// Forward returns x where x > 0, and Slope*x elsewhere; see [kernels.LeakyReLU]. The caller may
// change the result: Backward does not read it.
func (l *LeakyReLU[T]) Forward(x []T) []T {
	in := grow(l.x, len(x))
	copy(in, x)
	y := grow(l.y, len(x))
	kernels.LeakyReLU(y, in, l.Slope)
	l.x, l.y, l.slope, l.ready = in, y, l.Slope, true
	return y
}

// Backward returns dout where Forward's x was > 0, and Slope*dout elsewhere, with the Slope that
// Forward had.
func (l *LeakyReLU[T]) Backward(dout []T) []T {
	checkBackward("LeakyReLU", l.ready, len(dout), len(l.x))
	dx := grow(l.dx, len(dout))
	kernels.LeakyReLUBackward(dx, dout, l.x, l.slope)
	l.dx = dx
	return dx
}
