package kernels

import "fmt"

// SigmoidCrossEntropyOptions are the options of [SigmoidCrossEntropyWith], under the names of
// torch.nn.functional.binary_cross_entropy_with_logits. A nil pointer and the zero value mean the
// plain loss. There is no reduction: that is left to the caller and to package layers.
type SigmoidCrossEntropyOptions[T Float] struct {
	// PosWeight multiplies the part of the loss for t = 1. It has a weight for each column of the
	// logits, or one weight for all; nil means that all are 1. A weight above 1 raises the recall
	// of a rare class, a weight below 1 the precision. A weight that is negative, infinite or NaN
	// is an error.
	PosWeight []T
}

// SigmoidCrossEntropy sets losses[i] to the binary cross-entropy of the sigmoid of x = logits[i]
// with t = targets[i], which is a label 0 or 1 or a probability:
//
//	-t*log(sigmoid(x)) - (1-t)*log(1-sigmoid(x)) = max(x, 0) - x*t + log1p(exp(-|x|))
//
// It is computed without cancellation: a confident right answer has the loss exp(-|x|), not 0.
// Targets are not checked. For a target outside [0, 1] the formula holds too, but its terms may
// cancel.
//
// For targets 0 and 1 the error is, in float32, at most 2.720 ULP (target 0 at x = -4.8514524) of
// all logits; in float64 it is at most 3.62 ULP, and the largest seen 2.50, at x =
// -17.434615630726476. For targets between 0 and 1, where 1-t is rounded first, the relative error
// is at most 5.6*u, and the largest seen 4.03*2^-24 and 3.84*2^-53. With PosWeight it is at most
// 8.6*u; the largest seen is 6.23*2^-24 and 6.43*2^-53.
//
// NaN in x or t gives NaN. x = ±Inf gives 0 if the target is right and +Inf if it is not.
// (PyTorch's formula is Inf-Inf in the first case.)
//
// losses may be logits or targets. It panics if the lengths differ or the slices partly overlap.
func SigmoidCrossEntropy[T Float](losses, logits, targets []T) {
	checkSigmoidLoss("SigmoidCrossEntropy", losses, logits, targets, nil)
	sigmoidLossParts(losses, logits, targets, nil)
}

// SigmoidCrossEntropyWith is [SigmoidCrossEntropy] with options: with the weight p of a column, the
// loss is -p*t*log(sigmoid(x)) - (1-t)*log(1-sigmoid(x)). It returns an error that names the
// option, and writes nothing, if an option is out of its range. It panics if len(logits) is not a
// multiple of the number of weights.
func SigmoidCrossEntropyWith[T Float](
	losses, logits, targets []T, opts *SigmoidCrossEntropyOptions[T],
) error {
	p, err := opts.posWeight("SigmoidCrossEntropyWith", len(logits))
	checkSigmoidLoss("SigmoidCrossEntropyWith", losses, logits, targets, p)
	if err != nil {
		return err
	}
	sigmoidLossParts(losses, logits, targets, p)
	return nil
}

// SigmoidCrossEntropyGrad is [SigmoidCrossEntropy] and its gradient by the logits in one pass:
//
//	dlogits[i] = scale * (sigmoid(x) - t)
//
// For the mean of n losses, scale is 1/n. The gradient is computed as scale * ((1-t)*sigmoid(x) -
// t*sigmoid(-x)), so that nothing cancels for targets 0 and 1: a confident right answer has the
// gradient ∓exp(-|x|)*scale, not 0. The losses have the bits of SigmoidCrossEntropy; losses may be
// nil.
//
// For targets 0 and 1 and scale 1, the error is, in float32, at most 2.334 ULP (target 0 at x =
// -7.680463) of all logits; in float64 it is at most 3.21 ULP, and the largest seen 2.05, at x =
// -16.72891054446121. For other targets, and any scale, it is at most 8.5*u of
// |scale|*((1-t)*sigmoid(x) + p*t*sigmoid(-x)), where p is 1 without PosWeight; the largest seen is
// 5.63*2^-24 and 6.00*2^-53.
//
// dlogits may be logits or targets. It panics if the lengths differ, if slices partly overlap, or
// if losses overlaps anything.
func SigmoidCrossEntropyGrad[T Float](dlogits, losses, logits, targets []T, scale T) {
	checkSigmoidLossGrad("SigmoidCrossEntropyGrad", dlogits, losses, logits, targets, nil)
	sigmoidLossGradParts(dlogits, losses, logits, targets, nil, scale)
}

// SigmoidCrossEntropyGradWith is [SigmoidCrossEntropyGrad] with options: the gradient is scale *
// ((1-t)*sigmoid(x) - p*t*sigmoid(-x)). Losses, error and panics are as in
// [SigmoidCrossEntropyWith].
func SigmoidCrossEntropyGradWith[T Float](
	dlogits, losses, logits, targets []T, scale T, opts *SigmoidCrossEntropyOptions[T],
) error {
	const fn = "SigmoidCrossEntropyGradWith"
	p, err := opts.posWeight(fn, len(logits))
	checkSigmoidLossGrad(fn, dlogits, losses, logits, targets, p)
	if err != nil {
		return err
	}
	sigmoidLossGradParts(dlogits, losses, logits, targets, p, scale)
	return nil
}

func checkSigmoidLoss[T Float](fn string, losses, logits, targets, weights []T) {
	checkLen(fn, "losses", losses, "logits", logits)
	checkLen(fn, "targets", targets, "logits", logits)
	checkAlias(fn, "losses", losses, "logits", logits)
	checkAlias(fn, "losses", losses, "targets", targets)
	if weights != nil {
		checkApart(fn, "losses,PosWeight", 1, spanOf(losses), spanOf(weights))
	}
}

func checkSigmoidLossGrad[T Float](fn string, dlogits, losses, logits, targets, weights []T) {
	checkLen(fn, "dlogits", dlogits, "logits", logits)
	checkLen(fn, "targets", targets, "logits", logits)
	checkAlias(fn, "dlogits", dlogits, "logits", logits)
	checkAlias(fn, "dlogits", dlogits, "targets", targets)
	if losses != nil || weights != nil {
		if losses != nil {
			checkLen(fn, "losses", losses, "logits", logits)
		}
		checkApart(fn, "dlogits,losses,=logits,=targets,PosWeight", 2, spanOf(dlogits),
			spanOf(losses), spanOf(logits), spanOf(targets), spanOf(weights))
	}
}

// posWeight returns the weights for n logits, or nil if all are 1.
func (o *SigmoidCrossEntropyOptions[T]) posWeight(fn string, n int) ([]T, error) {
	if o == nil || o.PosWeight == nil || n == 0 && len(o.PosWeight) == 0 {
		return nil, nil
	}
	if len(o.PosWeight) == 0 || n%len(o.PosWeight) != 0 {
		panic(fmt.Sprintf("kernels: %s: len(logits) = %d is not a multiple of len(PosWeight) = %d",
			fn, n, len(o.PosWeight)))
	}
	return o.PosWeight, checkWeights(fn, "PosWeight", o.PosWeight)
}

// posRows aligns the weights of the columns with the elements. If there are few columns, a buffer
// repeats their weights for as many rows as it holds. If there are many, a part of the weights is
// used at a time.
type posRows[T Float] struct {
	n   int // elements of buf in use; 0: the weights are used as they are
	buf [512]T
}

func (p *posRows[T]) init(weights []T) {
	if c := len(weights); c <= len(p.buf)/2 {
		for p.n+c <= len(p.buf) {
			p.n += copy(p.buf[p.n:], weights)
		}
	}
}

// next returns the weights of up to limit elements from element i on. If the buffer is in use,
// element i has to be the first of a row.
func (p *posRows[T]) next(weights []T, i, limit int) []T {
	if p.n > 0 {
		return p.buf[:min(limit, p.n)]
	}
	at := i % len(weights)
	return weights[at:min(at+limit, len(weights))]
}

func sigmoidLossParts[T Float](losses, x, t, weights []T) {
	if weights == nil {
		for step := maxLen[T]() / 2; len(x) > 0; {
			n := min(len(x), step)
			sigmoidLoss(losses[:n], x[:n], t[:n])
			losses, x, t = losses[n:], x[n:], t[n:]
		}
		return
	}
	var pos posRows[T]
	pos.init(weights)
	for i := 0; i < len(x); {
		p := pos.next(weights, i, min(len(x)-i, maxLen[T]()/2))
		j := i + len(p)
		sigmoidLossPos(losses[i:j], x[i:j], t[i:j], p)
		i = j
	}
}

func sigmoidLossGradParts[T Float](dst, losses, x, t, weights []T, scale T) {
	if losses == nil {
		losses = dst // the primitives store the gradient after the loss
	}
	if weights == nil {
		for step := maxLen[T]() / 2; len(x) > 0; {
			n := min(len(x), step)
			sigmoidLossGrad(dst[:n], losses[:n], x[:n], t[:n], scale)
			dst, losses, x, t = dst[n:], losses[n:], x[n:], t[n:]
		}
		return
	}
	var pos posRows[T]
	pos.init(weights)
	for i := 0; i < len(x); {
		p := pos.next(weights, i, min(len(x)-i, maxLen[T]()/2))
		j := i + len(p)
		sigmoidLossGradPos(dst[i:j], losses[i:j], x[i:j], t[i:j], p, scale)
		i = j
	}
}
