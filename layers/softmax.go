package layers

import (
	"fmt"

	"kernels"
)

// Softmax is the layer that turns each row of logits into probabilities: exp(x_j) over the sum of
// the row's exponentials.
//
// To compute a loss, use [SoftmaxWithLoss] instead: it is faster, and keeps small gradients that a
// loss computed from probabilities loses.
type Softmax[T kernels.Float] struct {
	// Classes is the length of a row. It must be set before the first Forward. A later change takes
	// effect at the next Forward.
	Classes int

	y, dx   []T
	classes int // Classes at Forward; 0 before
}

// Forward returns the softmax of each row of x; see [kernels.Softmax] for NaN and infinities. Do
// not change the result before Backward, which reads it.
func (l *Softmax[T]) Forward(x []T) []T {
	checkRows("Softmax", "Forward", len(x), l.Classes)
	y := grow(l.y, len(x))
	kernels.Softmax(y, x, l.Classes)
	l.y, l.classes = y, l.Classes
	return y
}

// Backward returns, row by row, y * (dout - sum(dout*y)), with the y that Forward returned.
func (l *Softmax[T]) Backward(dout []T) []T {
	checkBackward("Softmax", l.classes > 0, len(dout), len(l.y))
	dx := grow(l.dx, len(dout))
	kernels.SoftmaxBackward(dx, dout, l.y, l.classes)
	l.dx = dx
	return dx
}

// checkRows panics unless n elements are whole rows, and returns their number.
func checkRows(layer, method string, n, classes int) int {
	if classes <= 0 {
		panic(fmt.Sprintf("layers: %s: Classes = %d: set it to the length of a row",
			layer, classes))
	}
	if n%classes != 0 {
		panic(fmt.Sprintf("layers: %s: %s: len(x) = %d is not a multiple of Classes = %d: pass whole rows",
			layer, method, n, classes))
	}
	return n / classes
}
