package kernels

import (
	"fmt"
	"math"
	"strconv"
)

// Reduction says what becomes of the losses of the rows. The zero value is [ReductionMean], as in PyTorch.
type Reduction uint8

const (
	// ReductionMean adds the losses of the rows and divides by the sum of the weights of the labels of the rows that are not ignored:
	// by their number where there are no weights. Where that is 0, as when all rows are ignored, the result is NaN. With
	// probability targets it divides by the number of rows, whatever the weights.
	ReductionMean Reduction = iota
	// ReductionSum adds the losses of the rows.
	ReductionSum
	// ReductionNone leaves the losses as they are: the result of the call is 0, and the losses are in losses.
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

// CrossEntropyOptions is what torch.nn.functional.cross_entropy takes besides logits and targets, under the same names, and
// a scale and a stride of the logits. A nil pointer and the zero value mean the plain mean.
//
// With p the softmax of a row of z = LogitScale*logits, w the weights (1 without), C the number of classes and e the label
// smoothing, the loss of a row with label y is
//
//	w[y]*(1-e)*(-log p[y]) + e/C * sum over j of w[j]*(-log p[j])
//
// and that of a row with target probabilities t
//
//	sum over j of w[j]*((1-e)*t[j] + e/C)*(-log p[j])
//
// An option that is out of its range is an error that names its value; nothing has been written then. Options are not
// changed, and may be used by several goroutines at once. A call that is one of several for one batch ([Parallel]) takes
// ReductionSum or ReductionNone: what the mean divides by depends on all rows.
type CrossEntropyOptions[T Float] struct {
	// Weights has a weight for each class, finite and not negative; nil: all are 1. Their number being another than that
	// of the classes is a panic.
	// Weights so small that the weighted targets of a row sum to less than classes*2^-61 (float64: classes*2^-509) lose precision in the
	// gradient where targets are probabilities or smoothed: scale them.
	Weights []T

	// IgnoreIndex is the label of rows that do not count: their losses and gradients are 0 (+0), whatever the logits, and
	// the mean does not count them. It need not be a class. nil, and that is unlike PyTorch's -100, ignores nothing;
	// new(-100) is PyTorch's. It has no meaning for probability targets.
	IgnoreIndex *int

	// LabelSmoothing, in [0, 1], is the part of each target that is spread evenly over all classes.
	LabelSmoothing T

	// Reduction says what the call returns, and what its gradients are gradients of.
	Reduction Reduction

	// LogitScale, finite and positive, multiplies the logits, the inverse of a temperature; 0 is 1. Losses, probabilities
	// and gradients are those for logits multiplied before (and rounded), to the bit; gradients are by the logits as passed.
	LogitScale T

	// Stride is the distance between the starts of two rows of logits, and of dlogits and probs where a call has them: rows
	// inside a wider matrix, as BLAS's lda. 0 is the number of classes; a smaller one than that is an error. The elements
	// between rows are not touched, and need not be there after the last row. Targets are without gaps.
	Stride int
}

// unused tells whether no option but the reduction is in use: then the functions without options do the work.
func (o *CrossEntropyOptions[T]) unused() bool {
	return o == nil || o.Weights == nil && o.IgnoreIndex == nil && o.LabelSmoothing == 0 && o.LogitScale == 0 && o.Stride == 0 && o.Reduction <= ReductionNone
}

// factor and reduce are those of lossCall where the options are unused.
func (o *CrossEntropyOptions[T]) factor(dloss []T, rows int) T {
	g := 1.0
	if dloss != nil {
		g = float64(dloss[0])
	}
	if o == nil || o.Reduction == ReductionMean {
		g /= float64(rows)
	}
	return T(g)
}

func (o *CrossEntropyOptions[T]) reduce(losses []T) float64 {
	c := lossCall[T]{divisor: 1}
	if o != nil {
		c.reduction = o.Reduction
	}
	if c.reduction == ReductionMean {
		c.divisor = float64(len(losses))
	}
	c.add(losses)
	return c.result()
}

// lossFunc names the function that was called. A number instead of the name: what a panic prints escapes, and for the compiler
// that is everything in the struct that the name is in.
type lossFunc uint8

const (
	lossWith lossFunc = iota
	lossGradWith
	lossKeep
	lossBackward
	probWith
	probGradWith
	probKeep
	probBackward
)

func (f lossFunc) name() string {
	return [...]string{"CrossEntropyWith", "CrossEntropyGradWith", "CrossEntropyKeep", "CrossEntropyBackward", "CrossEntropyProbWith", "CrossEntropyProbGradWith", "CrossEntropyProbKeep", "CrossEntropyProbBackward"}[f]
}

// lossCall is what the options mean for one call.
type lossCall[T Float] struct {
	fn            lossFunc
	rows, classes int
	stride        int
	scale         T // of the logits
	weights       []T
	eps           T
	keep, each    float64 // 1-eps and eps/classes
	reduction     Reduction
	ignoring      bool
	ignore        int64

	dloss   []T     // nil, one element, or one a row
	divisor float64 // of the mean; else 1
	total   float64 // of the losses so far, in row order
}

// newLossCall checks what has to do with the options and the matrix of n elements that is called name.
func newLossCall[T Float](fn lossFunc, name string, n, classes int, opts *CrossEntropyOptions[T]) (c lossCall[T], err error) {
	if classes <= 0 {
		panicClasses(fn.name(), classes)
	}
	c = lossCall[T]{fn: fn, classes: classes, stride: classes, scale: 1, divisor: 1}
	if opts != nil {
		c.weights, c.eps, c.reduction = opts.Weights, opts.LabelSmoothing, opts.Reduction
		if p := opts.IgnoreIndex; p != nil {
			c.ignoring, c.ignore = true, int64(*p)
		}
		if opts.LogitScale != 0 {
			c.scale = opts.LogitScale
		}
		if opts.Stride != 0 {
			c.stride = opts.Stride
		}
		if err := c.checkValues(); err != nil {
			return c, err
		}
	}
	if c.stride == classes {
		c.rows = checkRows(fn.name(), name, n, classes)
	} else {
		c.rows = (n + c.stride - 1) / c.stride
		if n > 0 && n-(c.rows-1)*c.stride < classes {
			panicStride(fn.name(), name, n, classes, c.stride)
		}
	}
	c.keep, c.each = 1-float64(c.eps), float64(c.eps)/float64(classes)
	return c, nil
}

func (c *lossCall[T]) checkValues() error {
	if c.weights != nil && len(c.weights) != c.classes {
		panic(fmt.Sprintf("kernels: %s: len(Weights) = %d, classes = %d", c.fn.name(), len(c.weights), c.classes))
	}
	if i := badWeight(c.weights); i >= 0 {
		return fmt.Errorf("kernels: %s: Weights[%d] = %v is not a finite number >= 0", c.fn.name(), i, c.weights[i])
	}
	if !(c.eps >= 0 && c.eps <= 1) {
		return fmt.Errorf("kernels: %s: LabelSmoothing = %v is not in [0, 1]", c.fn.name(), c.eps)
	}
	if !(c.scale > 0) || math.IsInf(float64(c.scale), 1) {
		return fmt.Errorf("kernels: %s: LogitScale = %v is not positive and finite", c.fn.name(), c.scale)
	}
	if c.stride < c.classes {
		return fmt.Errorf("kernels: %s: Stride = %d is less than classes = %d", c.fn.name(), c.stride, c.classes)
	}
	if c.reduction > ReductionNone {
		return fmt.Errorf("kernels: %s: Reduction = %d is not one of ReductionMean, ReductionSum and ReductionNone", c.fn.name(), uint8(c.reduction))
	}
	return nil
}

// badWeight returns the first element that is negative, NaN or infinite, or -1. As integers, these are above all others.
func badWeight[T Float](weights []T) int {
	bad := false
	if is32[T]() {
		var top [2]uint32
		w := f32(weights)
		for ; len(w) >= 2; w = w[2:] {
			top[0], top[1] = max(top[0], math.Float32bits(w[0])), max(top[1], math.Float32bits(w[1]))
		}
		for _, v := range w {
			top[0] = max(top[0], math.Float32bits(v))
		}
		bad = max(top[0], top[1]) >= 0x7f800000
	} else {
		var top uint64
		for _, v := range f64(weights) {
			top = max(top, math.Float64bits(v))
		}
		bad = top >= 0x7ff<<52
	}
	if bad { // unless it is -0
		for i, w := range weights {
			if !(w >= 0) || math.IsInf(float64(w), 1) {
				return i
			}
		}
	}
	return -1
}

//go:noinline
func panicStride(fn, name string, n, classes, stride int) {
	panic(fmt.Sprintf("kernels: %s: len(%s) = %d ends inside a row: rows of classes = %d start every %d elements", fn, name, n, classes, stride))
}

// checkGradient checks the gradient of what the caller goes on to compute. (The caller stores it: for the compiler,
// what is stored through a pointer escapes.)
func (c *lossCall[T]) checkGradient(dloss []T) {
	if len(dloss) > 1 && len(dloss) != c.rows || dloss != nil && len(dloss) == 0 && c.rows > 0 {
		panicGradient(c.fn.name(), len(dloss), c.rows)
	}
}

//go:noinline
func panicGradient(fn string, n, rows int) {
	panic(fmt.Sprintf("kernels: %s: len(dloss) = %d, rows = %d: pass nil, one element, or one a row", fn, n, rows))
}

// optionalLosses checks losses, which may be nil unless they are all that is asked for.
func (c *lossCall[T]) optionalLosses(losses []T, gradient bool) {
	if losses != nil || c.reduction == ReductionNone && !gradient {
		checkPerRow(c.fn.name(), "losses", len(losses), c.rows)
	}
}

// weight returns the weight of class j.
func (c *lossCall[T]) weight(j int) float64 {
	if c.weights == nil {
		return 1
	}
	return float64(c.weights[j])
}

// factor returns what the gradient of row r by its scaled logits is multiplied by, besides weights.
func (c *lossCall[T]) factor(r int) float64 {
	g := 1.0
	switch {
	case len(c.dloss) == 1:
		g = float64(c.dloss[0])
	case len(c.dloss) > 1:
		g = float64(c.dloss[r])
	}
	return g / c.divisor * float64(c.scale)
}

// add adds losses in row order.
func (c *lossCall[T]) add(losses []T) {
	if c.reduction == ReductionNone {
		return
	}
	total := c.total
	for _, v := range losses {
		total += float64(v)
	}
	c.total = total
}

// result reduces the losses that have been added.
func (c *lossCall[T]) result() float64 {
	if c.reduction == ReductionNone {
		return 0
	}
	return c.total / c.divisor
}

// checkLabels finds the first label that is neither a class nor ignored, and what the mean divides by.
func checkLabels[T Float, L Label](c *lossCall[T], labels []L) error {
	checkPerRow(c.fn.name(), "labels", len(labels), c.rows)
	if !c.ignoring && c.weights == nil {
		if r := badLabel(labels, c.classes); r >= 0 {
			return labelError(c.fn.name(), r, labels[r], c.classes)
		}
		if c.reduction == ReductionMean {
			c.divisor = float64(c.rows)
		}
		return nil
	}
	var sum float64
	for r, l := range labels {
		if c.ignoring && isIgnored(l, c.ignore) {
			continue
		}
		if uint64(l) >= uint64(c.classes) {
			return labelError(c.fn.name(), r, l, c.classes)
		}
		sum += c.weight(int(l))
	}
	if c.reduction == ReductionMean {
		c.divisor = sum
	}
	return nil
}

// isIgnored compares values, whatever the label's type: the uint64 2^64-1 is not -1.
func isIgnored[L Label](l L, ignore int64) bool { return int64(l) == ignore && (l < 0) == (ignore < 0) }

// checkTargets checks the length of the probability rows.
func (c *lossCall[T]) checkTargets(targets []T) error {
	if len(targets) != c.rows*c.classes {
		return fmt.Errorf("kernels: %s: len(targets) = %d, %d rows of %d classes need %d", c.fn.name(), len(targets), c.rows, c.classes, c.rows*c.classes)
	}
	if c.reduction == ReductionMean {
		c.divisor = float64(c.rows)
	}
	return nil
}
