package layers

import (
	"fmt"

	"kernels"
)

// SigmoidWithLoss is the layer at the end of a network with yes-or-no outputs: sigmoid and binary
// cross-entropy in one. Its output is the mean loss of a batch. The zero value is ready for use.
//
// Losses and gradients of confident outputs are not rounded to zero: see
// [kernels.SigmoidCrossEntropy].
//
// Forward computes the gradient along with the losses. It does so for the dout of the last Backward
// (1 at first), and keeps a copy of logits and targets, from which Backward computes the gradient
// again if its dout is different. The bits are the same either way.
type SigmoidWithLoss[T kernels.Float] struct {
	// PosWeight multiplies the part of the loss for target 1, as PyTorch's pos_weight does. It has
	// one weight per column of a row, or one weight for all; nil means 1. A change takes effect at
	// the next Forward.
	PosWeight []T

	// The last Forward that succeeded:
	ready   bool
	losses  []T
	x, t    []T
	weights []T

	dx    []T
	dout  T    // what dx was computed for; 0 before there is one
	fresh bool // dx has not been handed out yet
}

// Forward returns the mean, over the elements of x, of the binary cross-entropy of sigmoid(x) and
// the target t: 0, 1 or a probability in between. len(t) must be len(x). The mean is taken in
// float64, in order; without elements it is NaN. If a target is not in [0, 1], or a weight is
// negative or not finite, Forward returns an error that names it, and leaves the layer as it was.
func (l *SigmoidWithLoss[T]) Forward(x, t []T) (float64, error) {
	if len(t) != len(x) {
		panic(fmt.Sprintf("layers: SigmoidWithLoss: Forward: len(t) = %d, len(x) = %d: pass one "+
			"target for each element",
			len(t), len(x)))
	}
	if n := len(l.PosWeight); n > 0 && len(x)%n != 0 {
		panic(fmt.Sprintf("layers: SigmoidWithLoss: Forward: len(x) = %d is not a multiple of "+
			"len(PosWeight) = %d: pass whole rows",
			len(x), n))
	}
	checkCopy("SigmoidWithLoss", "Forward", "x", x, "Backward", l.dx)
	checkCopy("SigmoidWithLoss", "Forward", "t", t, "Backward", l.dx)
	for i, v := range t {
		if !(v >= 0 && v <= 1) {
			return 0,
				fmt.Errorf("layers: SigmoidWithLoss: Forward: target %v at element %d is not in [0, 1]",
					v, i)
		}
	}
	dout := l.dout
	if dout == 0 {
		dout = 1
	}
	dx, losses := grow(l.dx, len(x)), grow(l.losses, len(x))
	opts := kernels.SigmoidCrossEntropyOptions[T]{PosWeight: l.PosWeight}
	if err := kernels.SigmoidCrossEntropyGradWith(dx, losses, x, t, perRow(dout, len(x)),
		&opts); err != nil {
		return 0, fmt.Errorf("layers: SigmoidWithLoss: Forward: %w", err)
	}
	l.x, l.t, l.weights = grow(l.x, len(x)), grow(l.t, len(t)), grow(l.weights, len(l.PosWeight))
	copy(l.x, x)
	copy(l.t, t)
	copy(l.weights, l.PosWeight)
	l.dx, l.losses, l.dout, l.fresh, l.ready = dx, losses, dout, true, true
	return mean(losses), nil
}

// Losses returns the loss of each element of the last Forward, or nil before the first Forward. The
// caller must not change the slice.
func (l *SigmoidWithLoss[T]) Losses() []T {
	return l.losses
}

// Backward returns the gradient of dout times the mean loss with respect to the logits. Without
// weights it is dout * (sigmoid(x) - t) / len(x).
func (l *SigmoidWithLoss[T]) Backward(dout T) []T {
	if !l.ready {
		panic("layers: SigmoidWithLoss: Backward before Forward: call Forward first")
	}
	// the caller may have changed a dx that was returned before
	if !l.fresh || !same(dout, l.dout) {
		var opts kernels.SigmoidCrossEntropyOptions[T]
		if len(l.weights) > 0 { // empty, not nil, if the layer had weights before
			opts.PosWeight = l.weights
		}
		if err := kernels.SigmoidCrossEntropyGradWith(l.dx, nil, l.x, l.t, perRow(dout, len(l.x)),
			&opts); err != nil {
			panic(err) // unreachable: Forward has checked the copies
		}
	}
	l.dout, l.fresh = dout, false
	return l.dx
}
