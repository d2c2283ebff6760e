package layers

import (
	"fmt"

	"kernels"
)

// SoftmaxWithLoss is the layer at the end of a classifier: softmax and cross-entropy in one. Its
// output is the mean loss of a batch. The target of a row is a class index
// ([SoftmaxWithLoss.Forward], [ForwardLabels]) or a row of probabilities, one-hot or not
// ([SoftmaxWithLoss.ForwardProb]).
//
// Losses and gradients of confident rows are not rounded to zero: see [kernels.CrossEntropy].
//
// Forward computes the gradient along with the losses, in one pass over the logits. It does so for
// the dout of the last Backward (1 at first), and keeps a copy of logits and targets, from which
// Backward computes the gradient again if its dout is different. The bits are the same either way:
// those of one call of [kernels.CrossEntropyGradWith], or without Options of
// [kernels.CrossEntropyGrad] with scale dout/rows. For losses alone, [kernels.CrossEntropyWith]
// needs neither gradient nor copies.
//
// With ReductionNone, Forward returns 0. Losses returns the losses, and
// [SoftmaxWithLoss.BackwardRows] takes a dout for each of them.
type SoftmaxWithLoss[T kernels.Float] struct {
	// Classes is the length of a row. It must be set before the first Forward. A later change takes
	// effect at the next Forward.
	Classes int

	// Options has class weights, the index of labels to ignore, label smoothing, the reduction and
	// the other [kernels.CrossEntropyOptions]. The zero value is the plain mean. A change takes
	// effect at the next Forward, but the elements of the weights must not be changed between
	// Forward and Backward: the layer does not copy them. With a Stride, the result of Backward has
	// the layout of the logits, and only the elements of rows are meaningful.
	Options kernels.CrossEntropyOptions[T]

	// The last Forward that succeeded:
	kind    targetKind
	classes int
	options kernels.CrossEntropyOptions[T]
	ignore  int // what options.IgnoreIndex points to
	losses  []T
	x       []T   // copy of the logits
	labels  []int // copy of the labels, kind byLabel
	targets []T   // copy of the targets, kind byProb

	dx    []T
	dout  T    // what dx was computed for; 0 before there is one
	fresh bool // dx has not been handed out yet
}

type targetKind uint8

const (
	nothing targetKind = iota
	byLabel
	byProb
)

// Forward returns the mean of -log(softmax(row)[label]) over the rows of x, one label per row. The
// mean is taken in float64, in row order; without rows it is NaN. If a label is not in [0,
// Classes), Forward returns an error that names the label and its row, and leaves the layer as it
// was.
func (l *SoftmaxWithLoss[T]) Forward(x []T, labels []int) (float64, error) {
	return ForwardLabels(l, x, labels)
}

// ForwardLabels is [SoftmaxWithLoss.Forward] for labels of any integer type. (It is a function
// because a method of a generic type has no type parameter of its own.)
func ForwardLabels[T kernels.Float, L kernels.Label](l *SoftmaxWithLoss[T], x []T,
	labels []L) (float64, error) {
	rows := l.checkForward("Forward", x)
	if len(labels) != rows {
		panic(fmt.Sprintf("layers: SoftmaxWithLoss: Forward: len(labels) = %d, but len(x) = %d "+
			"is %d rows of Classes = %d: pass one label per row",
			len(labels), len(x), rows, l.Classes))
	}
	dx, losses, dout := grow(l.dx, len(x)), grow(l.losses, rows), l.guess()
	value, err := kernels.CrossEntropyGradWith(dx, losses, x, labels, l.Classes,
		[]T{dout}, &l.Options)
	if err != nil {
		return 0, fmt.Errorf("layers: SoftmaxWithLoss: Forward: %w", err)
	}
	l.labels = grow(l.labels, rows)
	for i, label := range labels {
		l.labels[i] = int(label) // fits: it is below Classes, or IgnoreIndex
	}
	l.keep(byLabel, x, dx, losses, dout)
	return value, nil
}

// ForwardProb is [SoftmaxWithLoss.Forward] with a row of probabilities t, one-hot or soft, for each
// row of x: it returns the mean of -sum(t*log(softmax(row))). len(t) must be the number of rows
// times Classes. ForwardProb does not check that a row of t sums to one. If an entry of t is
// negative, NaN or infinite, it returns an error that names the entry, and leaves the layer as it
// was.
func (l *SoftmaxWithLoss[T]) ForwardProb(x, t []T) (float64, error) {
	rows := l.checkForward("ForwardProb", x)
	if len(t) != rows*l.Classes {
		panic(fmt.Sprintf("layers: SoftmaxWithLoss: ForwardProb: len(t) = %d, len(x) = %d: pass "+
			"one target row of Classes = %d for each row of x",
			len(t), len(x), l.Classes))
	}
	checkCopy("SoftmaxWithLoss", "ForwardProb", "t", t, "Backward", l.dx)
	for i, v := range t {
		if !(v-v == 0 && v >= 0) {
			return 0,
				fmt.Errorf("layers: SoftmaxWithLoss: ForwardProb: target %v at row %d, class %d is not a probability",
					v, i/l.Classes, i%l.Classes)
		}
	}
	dx, losses, dout := grow(l.dx, len(x)), grow(l.losses, rows), l.guess()
	value, err := kernels.CrossEntropyProbGradWith(dx, losses, x, t, l.Classes,
		[]T{dout}, &l.Options)
	if err != nil {
		return 0, fmt.Errorf("layers: SoftmaxWithLoss: ForwardProb: %w", err)
	}
	l.targets = grow(l.targets, len(t))
	copy(l.targets, t)
	l.keep(byProb, x, dx, losses, dout)
	return value, nil
}

// Losses returns the loss of each row of the last Forward, with weights and smoothing but not
// divided by anything, or nil before the first Forward. The caller must not change the slice.
func (l *SoftmaxWithLoss[T]) Losses() []T {
	return l.losses
}

// Backward returns the gradient of dout times the mean loss with respect to the logits: dout *
// (softmax(row) - target) / rows. dout is 1 if the loss itself is minimized, and another factor if
// the loss is scaled or is a term of a larger sum.
func (l *SoftmaxWithLoss[T]) Backward(dout T) []T {
	if l.kind == nothing {
		panic("layers: SoftmaxWithLoss: Backward before Forward: call Forward first")
	}
	// the caller may have changed a dx that was returned before
	if !l.fresh || !same(dout, l.dout) {
		l.gradient([]T{dout})
	}
	l.dout, l.fresh = dout, false
	return l.dx
}

// BackwardRows is [SoftmaxWithLoss.Backward] with a dout for each row. It is for losses that are
// not reduced, or for a mean or a sum with a factor for each term.
func (l *SoftmaxWithLoss[T]) BackwardRows(dout []T) []T {
	if l.kind == nothing {
		panic("layers: SoftmaxWithLoss: BackwardRows before Forward: call Forward first")
	}
	if len(dout) != len(l.losses) {
		panic(fmt.Sprintf("layers: SoftmaxWithLoss: BackwardRows: len(dout) = %d, but the last "+
			"Forward had %d rows: pass one gradient for each",
			len(dout), len(l.losses)))
	}
	checkCopy("SoftmaxWithLoss", "BackwardRows", "dout", dout, "Backward", l.dx)
	l.gradient(dout)
	l.fresh = false
	return l.dx
}

// gradient computes dx from the copies of the last Forward. The losses are known; dout may be they.
func (l *SoftmaxWithLoss[T]) gradient(dout []T) {
	var err error
	if l.kind == byLabel {
		_, err = kernels.CrossEntropyGradWith(l.dx, nil, l.x, l.labels, l.classes,
			dout, &l.options)
	} else {
		_, err = kernels.CrossEntropyProbGradWith(l.dx, nil, l.x, l.targets, l.classes,
			dout, &l.options)
	}
	if err != nil {
		panic(err) // unreachable: Forward has checked the copies
	}
}

// checkForward panics unless x is whole rows, and returns their number.
func (l *SoftmaxWithLoss[T]) checkForward(method string, x []T) int {
	rows := 0
	if s := l.Options.Stride; s > l.Classes && l.Classes > 0 {
		if len(x) > 0 {
			rows = (len(x)-1)/s + 1
		}
	} else {
		rows = checkRows("SoftmaxWithLoss", method, len(x), l.Classes)
	}
	checkCopy("SoftmaxWithLoss", method, "x", x, "Backward", l.dx)
	return rows
}

// guess returns the likely dout of the next Backward.
func (l *SoftmaxWithLoss[T]) guess() T {
	if l.dout == 0 {
		return 1
	}
	return l.dout
}

// keep stores the results of a successful Forward.
func (l *SoftmaxWithLoss[T]) keep(kind targetKind, x, dx, losses []T, dout T) {
	l.x = grow(l.x, len(x))
	copy(l.x, x)
	l.kind, l.classes, l.options = kind, l.Classes, l.Options
	if p := l.Options.IgnoreIndex; p != nil {
		l.ignore = *p
		l.options.IgnoreIndex = &l.ignore
	}
	l.dx, l.losses, l.dout, l.fresh = dx, losses, dout, true
}

// perRow returns dout/rows, correctly rounded.
func perRow[T kernels.Float](dout T, rows int) T {
	return T(float64(dout) / float64(rows))
}

// mean returns the mean of the losses, taken in float64 in row order.
func mean[T kernels.Float](losses []T) float64 {
	var sum float64
	for _, loss := range losses {
		sum += float64(loss)
	}
	return sum / float64(len(losses))
}
