// Package layers has the layers of the book "Deep Learning from Scratch" (Saitoh) as small stateful
// types: [Affine], [ReLU], [LeakyReLU], [Sigmoid], [Tanh], [Softmax], [SoftmaxWithLoss] and
// [SigmoidWithLoss], and beside them [SiLU], [Softplus], [GELU] and [GELUTanh]. Each has a Forward
// and a Backward, for float32 and float64, computed by package kernels. [He] and [Xavier] make the
// first weights, and [SGD], [Momentum] and [Adam] change them. [NumericalGradient] checks a
// Backward by central differences, as the book does.
//
//	affine := layers.NewAffine[float32](784, 10)
//	layers.He(affine.W, 784, rand.NewPCG(1, 2))
//	relu := layers.ReLU[float32]{}
//	loss := layers.SoftmaxWithLoss[float32]{Classes: 10}
//	sgd := layers.SGD[float32]{Rate: 0.1}
//
//	h := relu.Forward(affine.Forward(x)) // x: a batch of rows
//	l, err := loss.Forward(h, labels)    // the mean loss of the batch
//	dh := loss.Backward(1)               // dl/dh
//	dx := affine.Backward(relu.Backward(dh))
//	sgd.Step(affine.Params()) // by affine.DW and affine.DB, which are dl/dW and dl/dB
//
// The rules for every layer:
//
//   - A batch is a flat slice, row after row. Its size may change from call to call. Backward
//     belongs to the last successful Forward, and takes a gradient of the same size.
//   - A slice that a layer returns belongs to the layer. It is valid until the next call of the
//     method that returned it, which uses its memory again: pass that method a copy of it. Once a
//     layer has seen a size, calls of that size and of smaller ones allocate nothing.
//   - A slice that a caller passes is read during the call only, and never written. The caller may
//     change it as soon as the call returns, also between Forward and Backward.
//   - The comment of each Forward says whether the caller may change its result (for dropout, say)
//     before Backward. The result of a Backward may always be changed (for clipping, say).
//   - A wrong size, or Backward before Forward, is a bug of the caller: the method panics with a
//     message that says what to do. Bad data (a label out of range) is an error. In both cases the
//     layer stays as it was: the Forward before can still be followed by its Backward.
//   - The bits of a result depend on the input alone, not on the CPU, earlier calls or earlier
//     sizes.
//   - A layer must not be used by several goroutines at a time, nor copied after first use. Name
//     the fields in composite literals: later versions may add fields, whose zero value keeps
//     today's behaviour.
package layers

import (
	"fmt"

	"kernels"
)

// grow returns a slice of n elements, in the memory of s if that is large enough. s keeps its
// contents until the caller writes to the result.
func grow[E any](s []E, n int) []E {
	if n <= cap(s) {
		return s[:n]
	}
	return make([]E, n)
}

// checkCopy panics if s begins where own does, which method other has returned and this one
// overwrites while it needs s.
func checkCopy[T kernels.Float](layer, method, name string, s []T, other string, own []T) {
	if len(s) > 0 && cap(own) > 0 && &s[0] == &own[:1][0] {
		panic(fmt.Sprintf("layers: %s: %s: %s is the slice that %s returned: pass a copy",
			layer, method, name, other))
	}
}

// same reports whether a and b have the same value and sign. It is false for NaN.
func same[T kernels.Float](a, b T) bool {
	return a == b && (a != 0 || 1/a == 1/b)
}
