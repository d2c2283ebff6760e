package kernels

import (
	"fmt"
	"strconv"
)

// SoftmaxOptions are the options of [SoftmaxWith], [LogSoftmaxWith] and their backwards: a scale of
// the logits, and where the rows lie. The zero value of every field is the default, and a nil
// pointer means all defaults: SoftmaxWith(dst, x, classes, nil) gives the bits of Softmax(dst, x,
// classes).
//
// A forward and its backward take the same options. For example, a matrix m has 32 rows of 1000
// columns, and columns 100 to 109 are logits. Their softmax at temperature 2, and its gradient,
// stored in the same columns of a matrix dm, are
//
//	opts := &kernels.SoftmaxOptions[float32]{LogitScale: 1.0 / 2, Stride: 1000}
//	lo, hi := 100, 31*1000+110
//	err := kernels.SoftmaxWith(y, m[lo:hi], 10, opts)              // y has 32*10 elements
//	err = kernels.SoftmaxBackwardWith(dm[lo:hi], dy, y, 10, opts)
type SoftmaxOptions[T Float] struct {
	// LogitScale multiplies the logits before anything else, softmax(LogitScale*x), and the
	// gradients after everything else. It is one over the temperature, and has to be positive and
	// finite; 0 means 1. Each product is rounded to T, and the result has the bits of the plain
	// function of these products.
	LogitScale T
	// Stride is the distance, in elements, from the beginning of one row to the beginning of the
	// next in x and in its gradient dx, like the leading dimension of a matrix in BLAS. 0 means
	// classes. The slice may end anywhere between the last class of its last row and the full
	// stride. The elements between rows are neither read nor written.
	Stride int
	// DstStride is the stride of the forward's result: of dst, and of y and dy in a backward.
	DstStride int
}

// resolved checks the options and returns them with zeros replaced by their defaults.
func (opts *SoftmaxOptions[T]) resolved(
	fn string, classes int,
) (scale T, stride, dststride int, err error) {
	if classes <= 0 {
		panicClasses(fn, classes)
	}
	if opts == nil {
		return 1, classes, classes, nil
	}
	if scale, err = checkScale(fn, opts.LogitScale); err != nil {
		return 0, 0, 0, err
	}
	if stride, err = checkStride(fn, "Stride", opts.Stride, "classes", classes); err != nil {
		return 0, 0, 0, err
	}
	dststride, err = checkStride(fn, "DstStride", opts.DstStride, "classes", classes)
	return scale, stride, dststride, err
}

// Reduction says what becomes of the losses of the rows. The zero value is [ReductionMean], as in
// PyTorch.
type Reduction uint8

const (
	// ReductionMean adds the losses of the rows and divides. The divisor is the sum of the labels'
	// weights over the rows that are not ignored; without weights, it is the number of these rows.
	// If it is 0, as when all rows are ignored, the result is NaN, and so are the gradients of the
	// rows that contribute something. With probability targets the divisor is the number of rows,
	// whatever the weights.
	ReductionMean Reduction = iota
	// ReductionSum adds the losses of the rows.
	ReductionSum
	// ReductionNone adds nothing: the call returns 0, and the losses are in the slice losses.
	ReductionNone
)

// String returns "mean", "sum" or "none".
func (r Reduction) String() string {
	switch r {
	case ReductionMean:
		return "mean"
	case ReductionSum:
		return "sum"
	case ReductionNone:
		return "none"
	}
	return "Reduction(" + strconv.Itoa(int(r)) + ")"
}

// CrossEntropyOptions are the options of torch.nn.functional.cross_entropy, under the same names,
// and a scale and a stride of the logits. A nil pointer and the zero value mean the plain mean.
//
// With p the softmax of a row of z = LogitScale*logits, w the weights (1 without), C the number of
// classes and e the label smoothing, the loss of a row with label y is
//
//	w[y]*(1-e)*(-log p[y]) + e/C * sum over j of w[j]*(-log p[j])
//
// and the loss of a row with target probabilities t is
//
//	sum over j of w[j]*((1-e)*t[j] + e/C)*(-log p[j])
//
// A term whose factor is 0 contributes 0 whatever the logit, even -Inf, which masks out a class. A
// row with no other terms has the loss 0 and the gradient 0, even if it has a NaN.
//
// The gradient of a row is multiplied by dloss/divisor*LogitScale*w[y], where divisor is that of
// the mean, and w[y] is there for a label without smoothing only. This factor is computed in
// float64 in this order and rounded to T once. If it is too large for T it is infinite, and so is
// the gradient, which is NaN where the factor is multiplied by 0.
//
// An option out of its range gives an error that names its value, before anything is written.
// Options are not changed, and may be used by several goroutines at once. If a batch is split over
// several calls, as under [Parallel], each call needs ReductionSum or ReductionNone, since the
// divisor of the mean depends on all rows.
type CrossEntropyOptions[T Float] struct {
	// Weights has a finite, non-negative weight for each class; nil means that all are 1. The call
	// panics if len(Weights) != classes. If targets are probabilities or smoothed, tiny weights
	// have to be scaled up: the gradient loses precision if the weighted targets of a row sum to
	// less than classes*2^-61 (float64: classes*2^-509), and a weight whose product with a target
	// rounds to 0 counts as 0.
	Weights []T

	// IgnoreIndex is the label of rows that do not count: their losses and gradients are +0,
	// whatever the logits, and the mean leaves them out. It need not be a class. nil ignores
	// nothing. (PyTorch's default is -100: that is new(-100) here, from Go 1.26 on.) It has no
	// meaning for probability targets.
	IgnoreIndex *int

	// LabelSmoothing, in [0, 1], is the part of each target that is spread evenly over all classes.
	LabelSmoothing T

	// Reduction says how the call reduces the losses to the one that it returns and differentiates.
	Reduction Reduction

	// LogitScale multiplies the logits. It is one over a temperature, and has to be positive and
	// finite; 0 means 1. Losses and gradients have the bits of those of logits that were multiplied
	// (and rounded) before the call; gradients are by the logits as passed.
	LogitScale T

	// Stride is the distance, in elements, from the beginning of one row of logits to the beginning
	// of the next, and the same in dlogits: rows may be part of a wider matrix, like BLAS's lda. 0
	// means classes, and less than classes is an error. The elements between rows are not touched,
	// and need not be there after the last row. Targets have no gaps.
	Stride int
}

// resolved checks the options and returns LogitScale and Stride, with zeros replaced by their
// defaults.
func (opts *CrossEntropyOptions[T]) resolved(
	fn string, classes int,
) (scale T, stride int, err error) {
	if classes <= 0 {
		panicClasses(fn, classes)
	}
	if opts.Weights != nil {
		if len(opts.Weights) != classes {
			panic(fmt.Sprintf("kernels: %s: len(Weights) = %d, classes = %d",
				fn, len(opts.Weights), classes))
		}
		if err := checkWeights(fn, "Weights", opts.Weights); err != nil {
			return 0, 0, err
		}
	}
	if !(opts.LabelSmoothing >= 0 && opts.LabelSmoothing <= 1) {
		return 0, 0,
			fmt.Errorf("kernels: %s: LabelSmoothing = %v is not in [0, 1]", fn, opts.LabelSmoothing)
	}
	if opts.Reduction > ReductionNone {
		const text = "kernels: %s: Reduction = %d is not one of ReductionMean, ReductionSum and ReductionNone"
		return 0, 0, fmt.Errorf(text, fn, uint8(opts.Reduction))
	}
	if scale, err = checkScale(fn, opts.LogitScale); err != nil {
		return 0, 0, err
	}
	stride, err = checkStride(fn, "Stride", opts.Stride, "classes", classes)
	return scale, stride, err
}
