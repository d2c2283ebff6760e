package kernels

import (
	"fmt"
	"strconv"
)

// SoftmaxOptions changes what [SoftmaxWith] and its like compute, and where their rows lie. The
// zero value of every field is the plain function, and so is a nil pointer: SoftmaxWith(dst, x,
// classes, nil) is Softmax(dst, x, classes), bit for bit.
//
// The options are those of a layer: the same value goes to the forward and to its backward. Softmax
// of a stack of 32 rows of 10 logits, which are columns 100 to 109 of a matrix of 1000 columns, at
// temperature 2, and back, the gradient into the same columns of another such matrix:
//
//	opts := &kernels.SoftmaxOptions[float32]{LogitScale: 1.0 / 2, Stride: 1000}
//	lo, hi := 100, 31*1000+110
//	err := kernels.SoftmaxWith(y, m[lo:hi], 10, opts)              // y has 32*10 elements
//	err = kernels.SoftmaxBackwardWith(dm[lo:hi], dy, y, 10, opts)
type SoftmaxOptions[T Float] struct {
	// LogitScale, finite and positive, multiplies the logits before anything else, and so the
	// gradients after everything else: softmax(LogitScale*x). It is one over the temperature; 0
	// stands for 1. Each product is rounded to T, and the result has the bits of the plain function
	// of these products.
	LogitScale T
	// Stride is the distance, in elements, from the beginning of one row to that of the next in x
	// and in its gradient dx, as the leading dimension of a matrix is in BLAS. 0 stands for
	// classes. A slice with a stride may end anywhere between the last class of its last row and
	// the full stride; what lies between the rows is neither read nor written.
	Stride int
	// DstStride is the same for the forward's result (dst, and y and dy in a backward).
	DstStride int
}

// resolved checks the options, and returns them with the values for which zero stands.
func (opts *SoftmaxOptions[T]) resolved(fn string, classes int) (scale T, stride, dststride int, err error) {
	if classes <= 0 {
		panicClasses(fn, classes)
	}
	if opts == nil {
		return 1, classes, classes, nil
	}
	if scale, err = checkScale(fn, opts.LogitScale); err != nil {
		return 0, 0, 0, err
	}
	if stride, err = checkStride(fn, "Stride", opts.Stride, classes); err != nil {
		return 0, 0, 0, err
	}
	dststride, err = checkStride(fn, "DstStride", opts.DstStride, classes)
	return scale, stride, dststride, err
}

// Reduction says what becomes of the losses of the rows. The zero value is [ReductionMean], as in
// PyTorch.
type Reduction uint8

const (
	// ReductionMean adds the losses of the rows and divides by the sum of the weights of the labels
	// of the rows that are not ignored: by their number where there are no weights. Where that is
	// 0, as when all rows are ignored, the result is NaN, and so are the gradients of the rows that
	// contribute something. With probability targets it divides by the number of rows, whatever the
	// weights.
	ReductionMean Reduction = iota
	// ReductionSum adds the losses of the rows.
	ReductionSum
	// ReductionNone leaves the losses as they are: the result of the call is 0, and the losses are
	// in losses.
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

// CrossEntropyOptions is what torch.nn.functional.cross_entropy takes besides logits and targets,
// under the same names, and a scale and a stride of the logits. A nil pointer and the zero value
// mean the plain mean.
//
// With p the softmax of a row of z = LogitScale*logits, w the weights (1 without), C the number of
// classes and e the label smoothing, the loss of a row with label y is
//
//	w[y]*(1-e)*(-log p[y]) + e/C * sum over j of w[j]*(-log p[j])
//
// and that of a row with target probabilities t
//
//	sum over j of w[j]*((1-e)*t[j] + e/C)*(-log p[j])
//
// A term whose factor is 0 contributes 0, whatever the logit: also where it is -Inf, as that of a
// class that is masked out. A row in which all terms are such has the loss 0 and the gradient 0,
// even if it has a NaN.
//
// The gradient of a row is multiplied by dloss, the divisor of the mean, LogitScale and, by label
// and without smoothing, the weight of the label: dloss/divisor*LogitScale*w[y], computed in
// float64 in this order and rounded to T once. A factor that is too large for T is infinite, and so
// is the gradient then, or NaN where it is multiplied by 0.
//
// An option that is out of its range is an error that names its value; nothing has been written
// then. Options are not changed, and may be used by several goroutines at once. A call that is one
// of several for one batch ([Parallel]) takes ReductionSum or ReductionNone: what the mean divides
// by depends on all rows.
type CrossEntropyOptions[T Float] struct {
	// Weights has a weight for each class, finite and not negative; nil: all are 1. If their number
	// is not that of the classes the call panics. Weights so small that the weighted targets of a
	// row sum to less than classes*2^-61 (float64: classes*2^-509) lose precision in the gradient
	// where targets are probabilities or smoothed, and one whose product with a target rounds to 0
	// counts as 0: scale them.
	Weights []T

	// IgnoreIndex is the label of rows that do not count: their losses and gradients are 0 (+0),
	// whatever the logits, and the mean does not count them. It need not be a class. nil, and that
	// is unlike PyTorch's -100, ignores nothing; new(-100) is PyTorch's. It has no meaning for
	// probability targets.
	IgnoreIndex *int

	// LabelSmoothing, in [0, 1], is the part of each target that is spread evenly over all classes.
	LabelSmoothing T

	// Reduction says what the call returns, and what its gradients are gradients of.
	Reduction Reduction

	// LogitScale, finite and positive, multiplies the logits, the inverse of a temperature; 0 is 1.
	// Losses and gradients are those for logits multiplied before (and rounded), to the bit;
	// gradients are by the logits as passed.
	LogitScale T

	// Stride is the distance between the starts of two rows of logits, and of dlogits where a call
	// has them: rows inside a wider matrix, as BLAS's lda. 0 is the number of classes; a smaller
	// one than that is an error. The elements between rows are not touched, and need not be there
	// after the last row. Targets are without gaps.
	Stride int
}

// resolved checks the options, and returns LogitScale and Stride with the values for which zero
// stands.
func (opts *CrossEntropyOptions[T]) resolved(fn string, classes int) (scale T, stride int, err error) {
	if classes <= 0 {
		panicClasses(fn, classes)
	}
	if opts.Weights != nil {
		if len(opts.Weights) != classes {
			panic(fmt.Sprintf("kernels: %s: len(Weights) = %d, classes = %d", fn, len(opts.Weights), classes))
		}
		if err := checkWeights(fn, "Weights", opts.Weights); err != nil {
			return 0, 0, err
		}
	}
	if !(opts.LabelSmoothing >= 0 && opts.LabelSmoothing <= 1) {
		return 0, 0, fmt.Errorf("kernels: %s: LabelSmoothing = %v is not in [0, 1]", fn, opts.LabelSmoothing)
	}
	if opts.Reduction > ReductionNone {
		return 0, 0, fmt.Errorf("kernels: %s: Reduction = %d is not one of ReductionMean, ReductionSum and ReductionNone", fn, uint8(opts.Reduction))
	}
	if scale, err = checkScale(fn, opts.LogitScale); err != nil {
		return 0, 0, err
	}
	stride, err = checkStride(fn, "Stride", opts.Stride, classes)
	return scale, stride, err
}
