// Package layers has the layers of the book "Deep Learning from Scratch" (Saitoh) as small stateful
// types on the kernels of package kernels: [ReLU], [Sigmoid], [Tanh], [Softmax], [SoftmaxWithLoss]
// and [SigmoidWithLoss], each with a Forward and a Backward, for float32 and float64, and
// [NumericalGradient], the check by central differences that the book ends with.
//
//	relu := layers.ReLU[float32]{}
//	loss := layers.SoftmaxWithLoss[float32]{Classes: 10}
//
//	h := relu.Forward(x)              // x: the output of an affine layer, a batch of rows
//	l, err := loss.Forward(h, labels) // the mean loss of the batch
//	dh := loss.Backward(1)            // dl/dh
//	dx := relu.Backward(dh)           // dl/dx
//
// What holds for every layer:
//
//   - A batch is a flat slice, row after row. Its size may change from call to call. Backward belongs to the last Forward that
//     succeeded, and takes a gradient of that Forward's size.
//   - Slices that a layer returns belong to the layer: they are valid until the next call of the method that returned them, and
//     their memory is used again then. Once a size has been seen, calls of that size and of smaller ones allocate nothing.
//   - Slices that a caller passes are read during the call only. They are never changed, and may be changed or used again as
//     soon as the call returns, also between Forward and Backward.
//   - What a Forward returned may be changed by the caller (for dropout, say) where Backward does not need it: that is said
//     at each Forward. What a Backward returned may always be changed (for clipping, say).
//   - A wrong size, and Backward before Forward, are bugs of the caller and panic, with a message that says what to do; the
//     layer stays as it was. Bad data (a label out of range) is returned as an error, and the layer stays as it was too: the
//     Forward before it can still be followed by its Backward.
//   - The bits of a result depend on the input alone: not on the CPU, not on earlier calls, not on earlier sizes.
//   - A layer is used by one goroutine at a time, and not copied once used. Composite literals name their fields; a field may be
//     added in a later version, its zero value meaning what is done without it today.
package layers

import "kernels"

// grow returns a slice of n elements in the memory of s where that is large enough, new memory
// otherwise. s keeps its contents until the caller writes to the result.
func grow[E any](s []E, n int) []E {
	if n <= cap(s) {
		return s[:n]
	}
	return make([]E, n)
}

// same reports whether a and b have the same value and sign; never for NaN.
func same[T kernels.Float](a, b T) bool {
	return a == b && (a != 0 || 1/a == 1/b)
}
