package layers

import (
	"fmt"

	"kernels"
)

// ReLU is the layer y = max(0, x). The zero value is ready for use.
//
// It keeps one bit per element of x, set if x <= 0.
type ReLU[T kernels.Float] struct {
	y, dx []T
	mask  []uint64
	ready bool
}

// Forward returns 0 where x <= 0, and x elsewhere; a NaN stays a NaN. The caller may change the
// result: Backward does not read it.
func (l *ReLU[T]) Forward(x []T) []T {
	y := grow(l.y, len(x))
	mask := grow(l.mask, kernels.MaskLen(len(x)))
	kernels.ReLUMask(y, x, mask)
	l.y, l.mask, l.ready = y, mask, true
	return y
}

// Backward returns 0 where Forward's x was <= 0, and dout elsewhere.
func (l *ReLU[T]) Backward(dout []T) []T {
	checkBackward("ReLU", l.ready, len(dout), len(l.y))
	dx := grow(l.dx, len(dout))
	kernels.ReLUBackward(dx, dout, l.mask)
	l.dx = dx
	return dx
}

// checkBackward panics unless Forward has been called and dout has n elements, as many as Forward's
// result.
func checkBackward(layer string, ready bool, got, n int) {
	if !ready {
		panic(fmt.Sprintf("layers: %s: Backward before Forward: call Forward first", layer))
	}
	if got != n {
		panic(fmt.Sprintf("layers: %s: Backward: len(dout) = %d, but the last Forward had %d "+
			"elements: pass one gradient for each",
			layer, got, n))
	}
}
