package layers

import (
	"fmt"
	"math"
	"math/rand/v2"
	"unsafe"

	"kernels"
)

// Affine is the layer y = x*W + B: each row of y is a row of x times the matrix of the weights,
// plus the bias. [NewAffine] makes one of a given size; one for slices that exist already is
// Affine[T]{W: w, B: b}.
//
// Its products are those of [kernels.MatMul], where a sum is one chain of multiply-adds in
// ascending order. The chain of an element of y begins with the bias.
type Affine[T kernels.Float] struct {
	// W has the weights, a row of len(B) elements for each input. An optimizer may change the
	// elements after Backward; they must not be changed between Forward and Backward, because the
	// layer does not copy them.
	W []T
	// B has the bias, one element for each output.
	B []T

	// DW and DB are the gradients of W and B by the last Backward, sums over the rows of the batch.
	// The caller may change their elements, and may set them to slices of its own, of the sizes of
	// W and B, such as the parts of one vector of all gradients.
	DW, DB []T

	x, y, dx []T
	ready    bool
	inputs   int // at the last Forward
	outputs  int
}

// NewAffine returns a layer whose weights and bias are 0. [He] or [Xavier] gives the weights their
// first values.
func NewAffine[T kernels.Float](inputs, outputs int) *Affine[T] {
	if inputs <= 0 || outputs <= 0 {
		panic(fmt.Sprintf("layers: NewAffine: inputs = %d, outputs = %d: both must be positive",
			inputs, outputs))
	}
	if inputs > math.MaxInt/outputs {
		panic(fmt.Sprintf("layers: NewAffine: inputs = %d, outputs = %d: the product overflows an int",
			inputs, outputs))
	}
	return &Affine[T]{W: make([]T, inputs*outputs), B: make([]T, outputs),
		DW: make([]T, inputs*outputs), DB: make([]T, outputs)}
}

// Forward returns x*W + B, for a batch of rows of len(W)/len(B) inputs each. The caller may change
// the result: Backward does not read it. It reads a copy of x.
func (l *Affine[T]) Forward(x []T) []T {
	inputs, outputs := l.size()
	if len(x)%inputs != 0 {
		panic(fmt.Sprintf("layers: Affine: Forward: len(x) = %d is not a multiple of the %d inputs: "+
			"pass whole rows", len(x), inputs))
	}
	rows := len(x) / inputs
	y := grow(l.y, rows*outputs)
	checkCopy("Affine", "Forward", "x", x, "Forward", y)
	must(kernels.MatMulWith(y, x, l.W, rows, inputs, outputs,
		&kernels.MatMulOptions[T]{Bias: l.B}))
	l.x = grow(l.x, len(x))
	copy(l.x, x)
	l.y, l.inputs, l.outputs, l.ready = y, inputs, outputs, true
	return y
}

// Backward returns dout*Wᵀ, the gradient of x, and sets DW to xᵀ*dout and DB to the sums of the
// columns of dout.
func (l *Affine[T]) Backward(dout []T) []T {
	rows := l.checkBackward(dout)
	dx := grow(l.dx, rows*l.inputs)
	checkCopy("Affine", "Backward", "dout", dout, "Backward", dx)
	kernels.MatMulTransB(dx, dout, l.W, rows, l.outputs, l.inputs)
	l.dx = dx
	l.gradients(dout, rows)
	return dx
}

// Gradients sets DW and DB as Backward does, without the gradient of x, which the first layer of a
// network has no use for.
func (l *Affine[T]) Gradients(dout []T) { l.gradients(dout, l.checkBackward(dout)) }

func (l *Affine[T]) gradients(dout []T, rows int) {
	dw, db := grow(l.DW, l.inputs*l.outputs), grow(l.DB, l.outputs)
	kernels.MatMulTransA(dw, l.x, dout, l.inputs, rows, l.outputs)
	kernels.ColumnSums(db, dout, rows, l.outputs)
	l.DW, l.DB = dw, db
}

// checkBackward panics unless dout has the size of the last Forward's result, and W and B the size
// that they had then. It returns the number of rows.
func (l *Affine[T]) checkBackward(dout []T) int {
	checkBackward("Affine", l.ready, len(dout), len(l.y))
	if inputs, outputs := l.size(); inputs != l.inputs || outputs != l.outputs {
		panic(fmt.Sprintf("layers: Affine: Backward: W is %d x %d, but was %d x %d at the last "+
			"Forward: call Forward first", inputs, outputs, l.inputs, l.outputs))
	}
	return len(dout) / l.outputs
}

// size returns the numbers of inputs and outputs. It panics unless W is whole rows of len(B).
func (l *Affine[T]) size() (inputs, outputs int) {
	if len(l.B) == 0 || len(l.W) == 0 || len(l.W)%len(l.B) != 0 {
		panic(fmt.Sprintf("layers: Affine: len(W) = %d, len(B) = %d: set B to one element per "+
			"output, and W to a row of as many for each input", len(l.W), len(l.B)))
	}
	return len(l.W) / len(l.B), len(l.B)
}

// must panics if a call fails whose options are right.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// He sets the weights of a layer before ReLU, which has so many inputs, to random numbers with a
// standard deviation of sqrt(2/inputs), as the book does. They are not normal but uniform, between
// -limit and limit = sqrt(6/inputs), as those of torch.nn.init.kaiming_uniform_ are.
//
// The numbers have the same bits on every CPU if src gives the same integers, as rand.NewPCG(seed1,
// seed2) does. The weights are made in ascending order, each from one integer of src. Its top 24
// bits are a number k, and the weight is limit * ((2k+1-2^24) / 2^24), rounded once. The fraction
// is exact, never 0, and as often negative as positive. In float64 it is 53 bits, from the same
// integer. limit is rounded to T.
func He[T kernels.Float](w []T, inputs int, src rand.Source) { uniform("He", w, inputs, 6, src) }

// Xavier is [He] for a layer before [Sigmoid], [Tanh] or [SoftmaxWithLoss]: limit is
// sqrt(3/inputs), so that the deviation is the book's sqrt(1/inputs).
// (torch.nn.init.xavier_uniform_ has the mean of inputs and outputs in place of inputs.)
func Xavier[T kernels.Float](w []T, inputs int, src rand.Source) {
	uniform("Xavier", w, inputs, 3, src)
}

// uniform sets w to random numbers with a variance of a third of above/inputs.
func uniform[T kernels.Float](name string, w []T, inputs int, above float64, src rand.Source) {
	if inputs <= 0 {
		panic(fmt.Sprintf("layers: %s: inputs = %d: it must be positive", name, inputs))
	}
	limit := T(math.Sqrt(above / float64(inputs)))
	bits := digits[T]()
	for i := range w {
		k := int64(src.Uint64() >> (64 - bits))
		w[i] = limit * (T(2*k+1-1<<bits) / T(int64(1)<<bits))
	}
}

// digits returns the number of bits in the significand of T.
func digits[T kernels.Float]() int {
	if unsafe.Sizeof(T(0)) == 4 {
		return 24
	}
	return 53
}
