package layers

import (
	"fmt"

	"kernels"
)

// SoftmaxWithLoss is the layer at the end of a classifier: softmax and cross-entropy in one, its output the mean loss of a
// batch. The target of a row is a class index ([SoftmaxWithLoss.Forward], [ForwardLabels]) or a row of probabilities,
// one-hot or not ([SoftmaxWithLoss.ForwardProb]).
//
// Losses and gradients of confident rows are not rounded to zero: see [kernels.CrossEntropy].
//
// Forward computes the gradient along with the losses, in one pass over the logits, for the dout that Backward was called
// with last (1 at first); it keeps a copy of logits and targets besides, from which Backward starts afresh where its dout is
// another one. The bits are the same either way: always those of one [kernels.CrossEntropyGrad] with scale dout/rows. Where
// only losses are wanted, [kernels.CrossEntropy] needs neither.
type SoftmaxWithLoss[T kernels.Float] struct {
	// Classes is the length of a row. It has to be set before the first Forward; changed later, it counts from the next one.
	Classes int

	// Of the last Forward that succeeded:
	kind    targetKind
	classes int
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

// Forward returns the mean over the rows of x of -log(softmax(row)[label]). There is one label for each row; one that is
// not in [0, Classes) gives an error that names it and its row, and leaves the layer as it was. The mean is taken in float64,
// in row order; that of no rows is NaN.
func (l *SoftmaxWithLoss[T]) Forward(x []T, labels []int) (float64, error) {
	return ForwardLabels(l, x, labels)
}

// ForwardLabels is [SoftmaxWithLoss.Forward] for labels of any integer type. (It is a function because a method of a
// generic type has no type parameter of its own.)
func ForwardLabels[T kernels.Float, L kernels.Label](l *SoftmaxWithLoss[T], x []T, labels []L) (float64, error) {
	rows := l.checkForward("Forward", x)
	if len(labels) != rows {
		panic(fmt.Sprintf("layers: SoftmaxWithLoss: Forward: len(labels) = %d, but len(x) = %d is %d rows of Classes = %d: pass one label a row",
			len(labels), len(x), rows, l.Classes))
	}
	dx, losses, dout := grow(l.dx, len(x)), grow(l.losses, rows), l.guess()
	err := kernels.CrossEntropyGrad(dx, losses, x, labels, l.Classes, perRow(dout, rows))
	if err != nil {
		return 0, fmt.Errorf("layers: SoftmaxWithLoss: Forward: %w", err)
	}
	l.labels = grow(l.labels, rows)
	for i, label := range labels {
		l.labels[i] = int(label) // fits: it is below Classes
	}
	l.keep(byLabel, x, dx, losses, dout)
	return mean(losses), nil
}

// ForwardProb is [SoftmaxWithLoss.Forward] with a row of probabilities t for each row of x, one-hot or soft: the mean of
// -sum(t*log(softmax(row))). len(t) is len(x). That a row of t sums to one is not checked, but an entry that is negative, NaN
// or infinite gives an error that names it, and leaves the layer as it was.
func (l *SoftmaxWithLoss[T]) ForwardProb(x, t []T) (float64, error) {
	rows := l.checkForward("ForwardProb", x)
	if len(t) != len(x) {
		panic(fmt.Sprintf("layers: SoftmaxWithLoss: ForwardProb: len(t) = %d, len(x) = %d: pass one target row of Classes = %d for each row of x",
			len(t), len(x), l.Classes))
	}
	l.checkOwn("ForwardProb", "t", t)
	for i, v := range t {
		if !(v-v == 0 && v >= 0) {
			return 0, fmt.Errorf("layers: SoftmaxWithLoss: ForwardProb: target %v at row %d, class %d is not a probability",
				v, i/l.Classes, i%l.Classes)
		}
	}
	dx, losses, dout := grow(l.dx, len(x)), grow(l.losses, rows), l.guess()
	err := kernels.CrossEntropyProbGrad(dx, losses, x, t, l.Classes, perRow(dout, rows))
	if err != nil {
		return 0, fmt.Errorf("layers: SoftmaxWithLoss: ForwardProb: %w", err)
	}
	l.targets = grow(l.targets, len(t))
	copy(l.targets, t)
	l.keep(byProb, x, dx, losses, dout)
	return mean(losses), nil
}

// Losses returns the loss of each row of the last Forward; nil before the first. They are not to be changed.
func (l *SoftmaxWithLoss[T]) Losses() []T {
	return l.losses
}

// Backward returns the gradient of dout times the mean loss by the logits: dout * (softmax(row) - target) / rows. dout is 1
// where the loss is what is minimized, and another factor where the loss is scaled or is a part of a larger sum.
func (l *SoftmaxWithLoss[T]) Backward(dout T) []T {
	if l.kind == nothing {
		panic("layers: SoftmaxWithLoss: Backward before Forward: call Forward first")
	}
	// Once handed out, dx may have been changed by the caller.
	if !l.fresh || !same(dout, l.dout) {
		var err error
		scale := perRow(dout, len(l.losses))
		if l.kind == byLabel {
			err = kernels.CrossEntropyGrad(l.dx, l.losses, l.x, l.labels, l.classes, scale)
		} else {
			err = kernels.CrossEntropyProbGrad(l.dx, l.losses, l.x, l.targets, l.classes, scale)
		}
		if err != nil {
			panic(err) // cannot be: Forward has checked the copies
		}
	}
	l.dout, l.fresh = dout, false
	return l.dx
}

// checkForward panics where x is not whole rows, and returns their number.
func (l *SoftmaxWithLoss[T]) checkForward(method string, x []T) int {
	rows := checkRows("SoftmaxWithLoss", method, len(x), l.Classes)
	l.checkOwn(method, "x", x)
	return rows
}

// checkOwn panics where s starts at the layer's own gradient, which Forward writes to before it has kept s.
func (l *SoftmaxWithLoss[T]) checkOwn(method, name string, s []T) {
	if len(s) > 0 && cap(l.dx) > 0 && &s[0] == &l.dx[:1][0] {
		panic(fmt.Sprintf("layers: SoftmaxWithLoss: %s: %s is the slice that Backward returned: pass a copy", method, name))
	}
}

// guess returns the dout that the next Backward is likely to have.
func (l *SoftmaxWithLoss[T]) guess() T {
	if l.dout == 0 {
		return 1
	}
	return l.dout
}

// keep ends a Forward that has succeeded.
func (l *SoftmaxWithLoss[T]) keep(kind targetKind, x, dx, losses []T, dout T) {
	l.x = grow(l.x, len(x))
	copy(l.x, x)
	l.kind, l.classes = kind, l.Classes
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
