package kernels

import (
	"fmt"
	"math"
)

// CrossEntropy sets losses[r] to -log(softmax(row r of logits)[labels[r]]). It computes log1p(R/w),
// where w is the exponential of the label's logit and R the sum of the others, so that the loss of
// a confident row is not rounded to zero. Its relative error is at most (d+3.8)*2^-24 in float32,
// 6e-7 for any number of classes, and (d+4.8)*2^-53 in float64, 1.1e-15, with the d of the
// package's documentation, as long as the loss is a normal number, for a label far above the others
// and for one far below. The largest seen is 8.85*2^-24 (100 classes) and 6.73*2^-53 (32 classes).
//
// A row with a NaN or +Inf, or with nothing but -Inf, has the loss NaN. A row of finite logits but
// for the label's, which is -Inf, has the loss +Inf.
//
// There are len(losses) rows and as many labels. CrossEntropy panics if the lengths of losses and
// labels differ, losses overlaps logits, classes is not positive, or len(logits) is not
// len(losses)*classes. If a label is not in [0, classes), it returns an error that names the row,
// and writes nothing.
func CrossEntropy[T Float, L Label](losses, logits []T, labels []L, classes int) error {
	opts := CrossEntropyOptions[T]{Reduction: ReductionNone}
	var l lossCall[T]
	l.losses, l.logits, l.opts = losses, logits, &opts
	_, err := byLabel("CrossEntropy", &l, labels, classes)
	return err
}

// CrossEntropyGrad is [CrossEntropy] and its gradient in one pass. It sets dlogits to
// scale*(softmax(logits) - onehot(label)). With scale 1/rows, this is the gradient of the mean
// loss. At the label it is computed as -scale*(R/S), where S = R+w, and not from p - 1: like the
// loss, it keeps its precision in a confident row. The losses have the bits of CrossEntropy.
//
// An entry is off by at most d+5.8 ULP, in float32 rows of more than 32 classes d+4.8, in float64
// d+5.4: two exponentials, the additions, the quotient scale/S and the product. The entry of the
// label has the same bound relative to itself, 6.5e-7 and 1.2e-15 for any number of classes. Both
// are for 2^-30 <= |scale| <= 1; any other scale that is no power of two adds a rounding, and above
// 1 the bound is for probabilities that are normal numbers. The largest seen is 9.57 ULP (32
// classes) and 8.12 ULP (16 classes) in the other entries, 7.55*2^-24 (5 classes) and 7.48*2^-53 (5
// classes) in the label's.
//
// dlogits may be logits, and losses may be nil if only the gradient is wanted. A row whose loss is
// NaN is all NaN in dlogits. Panics and the error are those of CrossEntropy. It also panics if the
// lengths of dlogits and logits differ, if they partly overlap, or if losses overlaps dlogits.
func CrossEntropyGrad[T Float, L Label](
	dlogits, losses, logits []T, labels []L, classes int, scale T,
) error {
	checkLen("CrossEntropyGrad", "dlogits", dlogits, "logits", logits)
	opts := CrossEntropyOptions[T]{Reduction: ReductionNone}
	var l lossCall[T]
	l.grad, l.dlogits, l.losses, l.logits, l.dloss, l.opts = true, dlogits, losses, logits,
		[]T{scale}, &opts
	_, err := byLabel("CrossEntropyGrad", &l, labels, classes)
	return err
}

// CrossEntropyWith is [CrossEntropy] with options. It returns the reduced loss, which is summed in
// float64 and in row order. Unless losses is nil, it is set to the losses of the rows, with weights
// and smoothing, and not divided by the divisor of the mean. With ReductionNone losses must not be
// nil. The sum of float64 losses may be infinite where their mean is not too large.
func CrossEntropyWith[T Float, L Label](
	losses, logits []T, labels []L, classes int, opts *CrossEntropyOptions[T],
) (float64, error) {
	if opts == nil {
		opts = &CrossEntropyOptions[T]{}
	}
	var l lossCall[T]
	l.losses, l.logits, l.opts = losses, logits, opts
	return byLabel("CrossEntropyWith", &l, labels, classes)
}

// CrossEntropyGradWith is [CrossEntropyWith], and in the same pass sets dlogits to the gradient of
// the reduced loss by the logits. For the mean without other options this is (softmax -
// onehot)/rows. The gradient is multiplied by dloss, the gradient by this loss of what the caller
// goes on to compute: nil means 1, one element is for all rows, and otherwise there is one element
// per row. dlogits has the length of logits, and may be logits. Losses may be nil with any
// reduction.
//
// The bounds are those of [CrossEntropy] and [CrossEntropyGrad], with these additions. A label's
// weight adds nothing to a float32 loss and a rounding to a float64 one. The factors of a gradient,
// which are dloss, the divisor of the mean, LogitScale and the label's weight, make one product. It
// adds one rounding in float32 and one for each factor in float64. With LabelSmoothing the bounds
// are those of [CrossEntropyProb] and [CrossEntropyProbGrad], and three roundings more for the
// weighted targets.
func CrossEntropyGradWith[T Float, L Label](
	dlogits, losses, logits []T, labels []L, classes int, dloss []T, opts *CrossEntropyOptions[T],
) (float64, error) {
	checkLen("CrossEntropyGradWith", "dlogits", dlogits, "logits", logits)
	if opts == nil {
		opts = &CrossEntropyOptions[T]{}
	}
	var l lossCall[T]
	l.grad, l.dlogits, l.losses, l.logits, l.dloss, l.opts = true, dlogits, losses, logits, dloss, opts
	return byLabel("CrossEntropyGradWith", &l, labels, classes)
}

// CrossEntropyProb sets losses[r] to the sum of -targets*log(softmax(logits)) over row r. A target
// of 0 contributes nothing, even if the logit is -Inf. Targets may be any numbers: CrossEntropyProb
// does not check that they are not negative and sum to one.
//
// For targets that are not negative, the relative error of the loss is at most (2*d+4.8)*2^-24 in
// float32, one more in rows of more than 32 classes, and (2*d+5.8)*2^-53 in float64: that of an
// entry of [LogSoftmax], a product with the target and the additions. The largest seen is
// 7.87*2^-24 (17 classes) and 6.07*2^-53 (26 classes).
//
// It panics if the lengths of logits and targets differ, losses does not have one element per row,
// losses overlaps logits or targets, classes is not positive, or len(logits) is not a multiple of
// classes. The error is always nil: it is there for checks that later versions may have.
func CrossEntropyProb[T Float](losses, logits, targets []T, classes int) error {
	checkLen("CrossEntropyProb", "logits", logits, "targets", targets)
	opts := CrossEntropyOptions[T]{Reduction: ReductionNone}
	var l lossCall[T]
	l.losses, l.logits, l.targets, l.opts = losses, logits, targets, &opts
	_, err := byProb("CrossEntropyProb", &l, classes)
	return err
}

// CrossEntropyProbGrad is [CrossEntropyProb] and its gradient. It sets dlogits to
// scale*(softmax*sum(targets) - targets), with the sum over the row.
//
// With A the sum of the targets, an entry scale*(p*A - t) is off by at most (2*d+5.8)*u of
// |scale|*(p*A + t), in float64 (2*d+7.4)*u: the difference may cancel. At the row's first largest
// logit it is computed as scale*((A-t)*p - t*(1-p)) and has this bound relative to |scale|*((A-t)*p
// + t*(1-p)), so that a confident one-hot row is not rounded to zero. The largest seen is
// 9.53*2^-24 (26 classes) and 8.05*2^-53 (10 classes). If the targets of a row sum to less than
// classes*2^-61 (float64: classes*2^-509), but not to 0, they are no probabilities, and
// softmax*sum(targets) may be lost.
//
// dlogits may be logits but not targets, and losses may be nil. Panics and the error are those of
// CrossEntropyProb. It also panics if the lengths of dlogits and logits differ, if they partly
// overlap, or if dlogits overlaps targets or losses.
func CrossEntropyProbGrad[T Float](
	dlogits, losses, logits, targets []T, classes int, scale T,
) error {
	checkLen("CrossEntropyProbGrad", "dlogits", dlogits, "logits", logits)
	checkLen("CrossEntropyProbGrad", "logits", logits, "targets", targets)
	opts := CrossEntropyOptions[T]{Reduction: ReductionNone}
	var l lossCall[T]
	l.grad, l.dlogits, l.losses, l.logits, l.targets, l.dloss, l.opts = true, dlogits, losses, logits,
		targets, []T{scale}, &opts
	_, err := byProb("CrossEntropyProbGrad", &l, classes)
	return err
}

// CrossEntropyProbWith is [CrossEntropyProb] with options. Losses and the result are as in
// [CrossEntropyWith]. It returns an error if len(targets) is not the number of rows times classes.
func CrossEntropyProbWith[T Float](
	losses, logits, targets []T, classes int, opts *CrossEntropyOptions[T],
) (float64, error) {
	if opts == nil {
		opts = &CrossEntropyOptions[T]{}
	}
	var l lossCall[T]
	l.losses, l.logits, l.targets, l.opts = losses, logits, targets, opts
	return byProb("CrossEntropyProbWith", &l, classes)
}

// CrossEntropyProbGradWith is [CrossEntropyProbGrad] with options. Losses, the result and dloss are
// as in [CrossEntropyGradWith], and the errors those of [CrossEntropyProbWith].
//
// The bounds are those of [CrossEntropyProb] and [CrossEntropyProbGrad], with one more rounding for
// weights, three for smoothing, four for both, and those that [CrossEntropyGradWith] adds for
// factors.
func CrossEntropyProbGradWith[T Float](
	dlogits, losses, logits, targets []T, classes int, dloss []T, opts *CrossEntropyOptions[T],
) (float64, error) {
	checkLen("CrossEntropyProbGradWith", "dlogits", dlogits, "logits", logits)
	if opts == nil {
		opts = &CrossEntropyOptions[T]{}
	}
	var l lossCall[T]
	l.grad, l.dlogits, l.losses, l.logits, l.targets, l.dloss, l.opts = true, dlogits, losses, logits,
		targets, dloss, opts
	return byProb("CrossEntropyProbGradWith", &l, classes)
}

// byLabel checks the arguments of a cross-entropy by label and runs it.
func byLabel[T Float, L Label](
	fn string, l *lossCall[T], labels []L, classes int,
) (float64, error) {
	stride, rows, err := l.check(fn, classes)
	if err != nil {
		return 0, err
	}
	checkPerRow(fn, "labels", len(labels), rows)
	checkApart(fn, "dlogits,losses,=logits,dloss,Weights,labels", 2,
		spanOfRows(l.dlogits, rows, classes, stride), spanOf(l.losses),
		spanOfRows(l.logits, rows, classes, stride),
		spanOf(l.dloss), spanOf(l.opts.Weights), spanOf(labels))
	r, divisor := checkLabels(labels, classes, l.opts)
	if r >= 0 {
		return 0, fmt.Errorf("kernels: %s: row %d: label %d is not in [0, %d)", fn, r, labels[r], classes)
	}
	do := toLabelLoss
	if l.opts.LabelSmoothing != 0 && !allZero(l.opts.Weights) {
		do = toTargetLoss
	}
	return l.run(do, rows, classes, stride, labelsOf(labels), divisor), nil
}

// byProb checks the arguments of a cross-entropy with probability targets and runs it.
func byProb[T Float](fn string, l *lossCall[T], classes int) (float64, error) {
	stride, rows, err := l.check(fn, classes)
	if err != nil {
		return 0, err
	}
	checkApart(fn, "dlogits,losses,=logits,targets,dloss,Weights", 2,
		spanOfRows(l.dlogits, rows, classes, stride), spanOf(l.losses),
		spanOfRows(l.logits, rows, classes, stride),
		spanOf(l.targets), spanOf(l.dloss), spanOf(l.opts.Weights))
	if len(l.targets) != rows*classes {
		return 0, fmt.Errorf("kernels: %s: len(targets) = %d, %d rows of %d classes need %d",
			fn, len(l.targets), rows, classes, rows*classes)
	}
	l.byProb = true
	return l.run(toTargetLoss, rows, classes, stride, labelList{}, float64(rows)), nil
}

// run goes over the rows and returns the reduced loss.
func (l *lossCall[T]) run(
	do action, rows, classes, stride int, labels labelList, divisor float64,
) float64 {
	l.setDivisor(divisor)
	var c call[T]
	c.rows, c.cols, c.scale, c.labels, c.lossCall = rows, classes, l.scale, labels, l
	c.dst, c.x = matrix[T]{l.dlogits, stride}, matrix[T]{l.logits, stride}
	c.run(do)
	if l.opts.Reduction == ReductionNone {
		return 0
	}
	return l.reduced / l.divisor
}

// check checks the arguments that all cross-entropies have, and returns the stride of the logits
// and the number of rows.
func (l *lossCall[T]) check(fn string, classes int) (stride, rows int, err error) {
	if l.scale, stride, err = l.opts.resolved(fn, classes); err != nil {
		return 0, 0, err
	}
	rows = checkRows(fn, "logits", len(l.logits), classes, stride)
	if l.losses != nil || l.opts.Reduction == ReductionNone && !l.grad {
		checkPerRow(fn, "losses", len(l.losses), rows)
	}
	if n := len(l.dloss); n > 1 && n != rows || l.dloss != nil && n == 0 && rows > 0 {
		panicGradient(fn, n, rows)
	}
	l.keep = 1
	if eps := float64(l.opts.LabelSmoothing); eps != 0 {
		l.keep, l.each = 1-eps, eps/float64(classes)
	}
	return stride, rows, nil
}

// setDivisor sets the divisor of the mean. If it would be 0 it is NaN, so that the mean and its
// gradient are NaN whatever the losses.
func (l *lossCall[T]) setDivisor(divisor float64) {
	switch {
	case l.opts.Reduction != ReductionMean:
		divisor = 1
	case divisor == 0:
		divisor = math.NaN()
	}
	l.divisor = divisor
}

//go:noinline
func panicGradient(fn string, n, rows int) {
	panic(fmt.Sprintf("kernels: %s: len(dloss) = %d, rows = %d: pass nil, one element, or one per row",
		fn, n, rows))
}

// checkLabels returns the first row whose label is neither a class nor ignored, or -1 if there is
// none, and the sum of the labels' weights.
func checkLabels[T Float, L Label](
	labels []L, classes int, o *CrossEntropyOptions[T],
) (row int, weights float64) {
	if o.IgnoreIndex == nil && o.Weights == nil {
		for r, l := range labels {
			if uint64(l) >= uint64(classes) { // a negative label is a huge uint64
				return r, 0
			}
		}
		return -1, float64(len(labels))
	}
	for r, l := range labels {
		switch {
		case o.IgnoreIndex != nil && isIgnored(l, int64(*o.IgnoreIndex)):
		case uint64(l) >= uint64(classes):
			return r, 0
		case o.Weights == nil:
			weights++
		default:
			weights += float64(o.Weights[l])
		}
	}
	return -1, weights
}

// isIgnored reports whether l and ignore are the same number, whatever the label's type: the uint64
// 2^64-1 is not -1.
func isIgnored[L Label](l L, ignore int64) bool {
	return int64(l) == ignore && (l < 0) == (ignore < 0)
}

// allZero reports whether weights is not nil and all weights are 0.
func allZero[T Float](weights []T) bool {
	for _, w := range weights {
		if w != 0 {
			return false
		}
	}
	return weights != nil
}
