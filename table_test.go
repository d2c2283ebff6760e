package kernels

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// args are the operands of one call, whatever the kernel. A kernel uses those
// that its row in the table names; the others are nil.
type args[T Float] struct {
	rows, cols int // elementwise kernels: 1, n
	narrow     bool
	scale      T

	out  []T // rows at outS
	in   [3][]T
	outS int
	inS  [3]int

	perRow [3][]T    // inputs, one element a row
	skip   []int     // input, one element a row: a column
	loss   []T       // output, one element a row
	sum    []float64 // output, one element a row
	index  []int     // output, one element a row
	mask   []uint64  // input or output
}

// A kernel is a row of the table: all that the tests of bits, golden hashes,
// guard pages and allocations have to know about one kernel.
type kernel[T Float] struct {
	name string
	run  func(c *args[T])

	rows   bool // works on rows of cols elements
	inner  bool // a primitive: strides, at most a piece of a row, at most maxRows rows
	ins    int  // inputs of as many elements as the output
	noOut  bool // has per-row outputs only
	alias  []int
	perRow int // inputs of one element a row
	// prep sets the inputs to what the kernel may rely on; they are filled before.
	prep func(r *kt.Rand, c *args[T])

	maskIn, maskOut       bool
	skip, loss, sum, find bool

	// stack calls the kernel on arrays that stay on the stack, unless the kernel lets them escape.
	stack func()
}

// testScales are the gradient scales that the table goes through.
var testScales = []float64{1, 1.0 / 30, -2, 0, 0x1p-40, 0x1p40, 0.3, 1e-30, 1e30}

// labels gives every row one of its columns.
func randomLabels[T Float](r *kt.Rand, c *args[T]) {
	for i := range c.skip {
		c.skip[i] = r.Intn(c.cols)
	}
}

// zeroOne makes most targets 0 or 1, and weights that the options take.
func zeroOne[T Float](r *kt.Rand, c *args[T]) {
	for i := range c.in[1] {
		if k := r.Intn(8); k < 6 {
			c.in[1][i] = T(k % 2)
		}
	}
	for i, p := range c.in[2] {
		if p = T(math.Abs(float64(p))); p-p != 0 {
			p = 3
		}
		c.in[2][i] = p
	}
}

// table returns every kernel of the public API for one type.
func table[T Float]() []kernel[T] {
	probs := func(r *kt.Rand, c *args[T]) {
		randomLabels[T](r, c)
		if r.Intn(3) != 0 { // else any values: the bits still have to agree
			kt.FillProb(r, c.in[1], c.cols)
		}
	}
	return append([]kernel[T]{
		{name: "ReLU", ins: 1, alias: []int{0},
			run:   func(c *args[T]) { ReLU(c.out, c.in[0]) },
			stack: func() { var d, x [70]T; ReLU(d[:], x[:]) }},
		{name: "ReLUMask", ins: 1, alias: []int{0}, maskOut: true,
			run:   func(c *args[T]) { ReLUMask(c.out, c.in[0], c.mask) },
			stack: func() { var d, x [70]T; var m [2]uint64; ReLUMask(d[:], x[:], m[:]) }},
		{name: "ReLUBackward", ins: 1, alias: []int{0}, maskIn: true,
			run:   func(c *args[T]) { ReLUBackward(c.out, c.in[0], c.mask) },
			stack: func() { var d, x [70]T; var m [2]uint64; ReLUBackward(d[:], x[:], m[:]) }},
		{name: "ReLUBackwardOutput", ins: 2, alias: []int{0, 1},
			run:   func(c *args[T]) { ReLUBackwardOutput(c.out, c.in[0], c.in[1]) },
			stack: func() { var d, x, y [70]T; ReLUBackwardOutput(d[:], x[:], y[:]) }},
		{name: "Sigmoid", ins: 1, alias: []int{0},
			run:   func(c *args[T]) { Sigmoid(c.out, c.in[0]) },
			stack: func() { var d, x [70]T; Sigmoid(d[:], x[:]) }},
		{name: "SigmoidFast", ins: 1, alias: []int{0},
			run:   func(c *args[T]) { SigmoidFast(c.out, c.in[0]) },
			stack: func() { var d, x [70]T; SigmoidFast(d[:], x[:]) }},
		{name: "SigmoidBackward", ins: 2, alias: []int{0, 1},
			run:   func(c *args[T]) { SigmoidBackward(c.out, c.in[0], c.in[1]) },
			stack: func() { var d, x, y [70]T; SigmoidBackward(d[:], x[:], y[:]) }},
		{name: "Tanh", ins: 1, alias: []int{0},
			run:   func(c *args[T]) { Tanh(c.out, c.in[0]) },
			stack: func() { var d, x [70]T; Tanh(d[:], x[:]) }},
		{name: "TanhBackward", ins: 2, alias: []int{0, 1},
			run:   func(c *args[T]) { TanhBackward(c.out, c.in[0], c.in[1]) },
			stack: func() { var d, x, y [70]T; TanhBackward(d[:], x[:], y[:]) }},
		{name: "SigmoidCrossEntropy", ins: 2, alias: []int{0, 1}, prep: zeroOne[T],
			run:   func(c *args[T]) { SigmoidCrossEntropy(c.out, c.in[0], c.in[1]) },
			stack: func() { var l, x, t [70]T; SigmoidCrossEntropy(l[:], x[:], t[:]) }},
		{name: "SigmoidCrossEntropyGrad", ins: 2, alias: []int{0, 1}, prep: zeroOne[T],
			run:   func(c *args[T]) { SigmoidCrossEntropyGrad(c.out, nil, c.in[0], c.in[1], c.scale) },
			stack: func() { var d, l, x, t [70]T; SigmoidCrossEntropyGrad(d[:], l[:], x[:], t[:], 0.1) }},
		{name: "SigmoidCrossEntropyGradLosses", ins: 2, prep: zeroOne[T],
			run: func(c *args[T]) {
				SigmoidCrossEntropyGrad(make([]T, len(c.out)), c.out, c.in[0], c.in[1], c.scale)
			},
			stack: func() { var d, x, t [70]T; SigmoidCrossEntropyGrad(d[:], nil, x[:], t[:], 0.1) }},
		{name: "SigmoidCrossEntropyWith", ins: 3, alias: []int{0, 1}, prep: zeroOne[T],
			run: func(c *args[T]) {
				o := SigmoidCrossEntropyOptions[T]{PosWeight: c.in[2]}
				must(SigmoidCrossEntropyWith(c.out, c.in[0], c.in[1], &o))
			},
			stack: func() {
				var l, x, t [70]T
				var p [10]T
				must(SigmoidCrossEntropyWith(l[:], x[:], t[:], &SigmoidCrossEntropyOptions[T]{PosWeight: p[:]}))
			}},
		{name: "SigmoidCrossEntropyGradWith", ins: 3, alias: []int{0, 1}, prep: zeroOne[T],
			run: func(c *args[T]) {
				o := SigmoidCrossEntropyOptions[T]{PosWeight: c.in[2]}
				must(SigmoidCrossEntropyGradWith(c.out, nil, c.in[0], c.in[1], c.scale, &o))
			},
			stack: func() {
				var d, l, x, t [70]T
				var p [35]T
				must(SigmoidCrossEntropyGradWith(d[:], l[:], x[:], t[:], 1, &SigmoidCrossEntropyOptions[T]{PosWeight: p[:]}))
			}},
		{name: "SigmoidCrossEntropyGradWithLosses", ins: 3, prep: zeroOne[T],
			run: func(c *args[T]) {
				o := SigmoidCrossEntropyOptions[T]{PosWeight: c.in[2]}
				must(SigmoidCrossEntropyGradWith(make([]T, len(c.out)), c.out, c.in[0], c.in[1], c.scale, &o))
			},
			stack: func() {
				var d, x, t [70]T
				var p [7]T
				must(SigmoidCrossEntropyGradWith(d[:], nil, x[:], t[:], 1, &SigmoidCrossEntropyOptions[T]{PosWeight: p[:]}))
			}},

		{name: "Softmax", rows: true, ins: 1, alias: []int{0},
			run:   func(c *args[T]) { Softmax(c.out, c.in[0], c.cols) },
			stack: func() { var d, x [70]T; Softmax(d[:], x[:], 10); Softmax(d[:], x[:], 70) }},
		{name: "LogSoftmax", rows: true, ins: 1, alias: []int{0},
			run:   func(c *args[T]) { LogSoftmax(c.out, c.in[0], c.cols) },
			stack: func() { var d, x [70]T; LogSoftmax(d[:], x[:], 10); LogSoftmax(d[:], x[:], 70) }},
		{name: "SoftmaxBackward", rows: true, ins: 2, alias: []int{0, 1},
			run:   func(c *args[T]) { SoftmaxBackward(c.out, c.in[0], c.in[1], c.cols) },
			stack: func() { var d, x, y [70]T; SoftmaxBackward(d[:], x[:], y[:], 10) }},
		{name: "LogSoftmaxBackward", rows: true, ins: 2, alias: []int{0, 1},
			run:   func(c *args[T]) { LogSoftmaxBackward(c.out, c.in[0], c.in[1], c.cols) },
			stack: func() { var d, x, y [70]T; LogSoftmaxBackward(d[:], x[:], y[:], 10) }},

		{name: "Argmax", rows: true, ins: 1, noOut: true, find: true,
			run:   func(c *args[T]) { Argmax(c.index, c.in[0], c.cols) },
			stack: func() { var d [7]int; var x [70]T; Argmax(d[:], x[:], 10); Argmax(d[:1], x[:], 70) }},

		{name: "CrossEntropy", rows: true, ins: 1, noOut: true, skip: true, loss: true, prep: randomLabels[T],
			run: func(c *args[T]) { must(CrossEntropy(c.loss, c.in[0], c.skip, c.cols)) },
			stack: func() {
				var l [7]T
				var x [70]T
				var labels [7]uint8
				must(CrossEntropy(l[:], x[:], labels[:], 10))
			}},
		{name: "CrossEntropyGrad", rows: true, ins: 1, alias: []int{0}, skip: true, loss: true, prep: randomLabels[T],
			run: func(c *args[T]) { must(CrossEntropyGrad(c.out, c.loss, c.in[0], c.skip, c.cols, c.scale)) },
			stack: func() {
				var l [7]T
				var d, x [70]T
				var labels [7]int32
				must(CrossEntropyGrad(d[:], l[:], x[:], labels[:], 10, 0.1))
			}},
		{name: "CrossEntropyProb", rows: true, ins: 2, noOut: true, loss: true, prep: probs,
			run: func(c *args[T]) { must(CrossEntropyProb(c.loss, c.in[0], c.in[1], c.cols)) },
			stack: func() {
				var l [7]T
				var x, t [70]T
				must(CrossEntropyProb(l[:], x[:], t[:], 10))
			}},
		{name: "CrossEntropyProbGrad", rows: true, ins: 2, alias: []int{0}, loss: true, prep: probs,
			run: func(c *args[T]) { must(CrossEntropyProbGrad(c.out, c.loss, c.in[0], c.in[1], c.cols, c.scale)) },
			stack: func() {
				var l [7]T
				var d, x, t [70]T
				must(CrossEntropyProbGrad(d[:], l[:], x[:], t[:], 10, 0.1))
			}},
	}, append(shardTable[T](), optionTable[T]()...)...)
}

// primitives returns the primitives that have forms in assembly and a calling
// convention of their own. The tests of bits go over them too, with strides
// that the public functions do not use (yet).
func primitives[T Float]() []kernel[T] {
	// rowMax gives every row its true maximum, as the drivers do.
	rowMax := func(r *kt.Rand, c *args[T]) {
		generic(func() { rowsMax(c.perRow[0], c.in[0], c.cols, c.inS[0]) })
		for i := range c.skip {
			c.skip[i] = r.Intn(c.cols+2) - 1 // one before and one past: nothing is left out
		}
	}
	// edge gives some rows a maximum where the exponential goes from one form to the other.
	edge := func(r *kt.Rand, c *args[T]) {
		for i := range c.rows {
			row, m := c.in[0][i*c.inS[0]:][:c.cols], kt.FromBits[T](kt.Bits(T(1024))+uint64(r.Intn(2)))
			if r.Intn(4) != 0 {
				continue
			}
			if r.Intn(2) == 0 {
				m = -m
			}
			for j, v := range row {
				row[j] = min(v, m)
			}
			row[r.Intn(c.cols)] = m
		}
	}
	// numbers is labels without NaN, which leaves open what a row's maximum is.
	numbers := func(r *kt.Rand, c *args[T]) {
		randomLabels(r, c)
		for i, v := range c.in[0] {
			if v != v {
				c.in[0][i] = -7
			}
		}
		edge(r, c)
	}
	// small is rowMax with every row in the plain form's range.
	small := func(r *kt.Rand, c *args[T]) {
		for i, v := range c.in[0] {
			if v > 1024 {
				c.in[0][i] = 1000
			}
		}
		rowMax(r, c)
		for i, m := range c.perRow[0] {
			if m < -1024 { // a row of -Inf, or far below
				c.in[0][i*c.inS[0]] = -1000
				c.perRow[0][i] = -1000
			}
		}
		// The maximum of a row with NaN may be any of its elements.
		for i, m := range c.perRow[0] {
			if m != m {
				c.perRow[0][i] = 0
			}
		}
	}
	// scaled is rowMax for scaled logits.
	scaled := func(r *kt.Rand, c *args[T]) {
		c.scale = []T{1, 0.5, 3, 1.0 / 7}[r.Intn(4)]
		edge(r, c)
		rowMax(r, c)
		for i, m := range c.perRow[0] {
			c.perRow[0][i] = T(m*c.scale) + 0
		}
	}
	return []kernel[T]{
		{name: "rowsMax", ins: 1, noOut: true, loss: true,
			run: func(c *args[T]) { rowsMax(c.loss, c.in[0], c.cols, c.inS[0]) },
			prep: func(_ *kt.Rand, c *args[T]) { // with NaN the result is not fixed
				for i, v := range c.in[0] {
					if v != v {
						c.in[0][i] = -7
					}
				}
			}},
		{name: "rowsTop", ins: 1, noOut: true, loss: true,
			run: func(c *args[T]) { rowsTop(c.loss, c.in[0], c.cols, c.inS[0]) }},
		{name: "rowsExpSum", ins: 1, alias: []int{0}, perRow: 1, sum: true, prep: small,
			run: func(c *args[T]) {
				rowsExpSum(c.sum, c.out, c.in[0], c.perRow[0], c.cols, c.outS, c.inS[0], c.narrow)
			}},
		{name: "rowsExpSumScaled", ins: 1, alias: []int{0}, perRow: 1, sum: true, prep: scaled,
			run: func(c *args[T]) {
				rowsExpSumScaled(c.sum, c.out, c.in[0], c.perRow[0], c.cols, c.outS, c.inS[0], c.scale, c.narrow)
			}},
		{name: "rowsExpSumSkip", ins: 1, alias: []int{0}, perRow: 1, skip: true, sum: true, prep: small,
			run: func(c *args[T]) {
				rowsExpSumSkip(c.sum, c.out, c.in[0], c.perRow[0], c.skip, c.cols, c.outS, c.inS[0], c.narrow)
			}},
		{name: "rowsExpSumSkipScaled", ins: 1, alias: []int{0}, perRow: 1, skip: true, sum: true, prep: scaled,
			run: func(c *args[T]) {
				rowsExpSumSkipScaled(c.sum, c.out, c.in[0], c.perRow[0], c.skip, c.cols, c.outS, c.inS[0], c.scale, c.narrow)
			}},
		{name: "rowsSumSkip", ins: 1, noOut: true, perRow: 1, skip: true, sum: true, prep: small,
			run: func(c *args[T]) {
				rowsSumSkip(c.sum, c.in[0], c.perRow[0], c.skip, c.cols, c.inS[0], c.narrow)
			}},
		{name: "rowsSumSkipScaled", ins: 1, noOut: true, perRow: 1, skip: true, sum: true, prep: scaled,
			run: func(c *args[T]) {
				rowsSumSkipScaled(c.sum, c.in[0], c.perRow[0], c.skip, c.cols, c.inS[0], c.scale, c.narrow)
			}},
		{name: "rowsScale", ins: 1, alias: []int{0}, perRow: 2,
			run: func(c *args[T]) {
				rowsScale(c.out, c.in[0], c.perRow[0], c.perRow[1], c.cols, c.outS, c.inS[0])
			}},
		{name: "rowsScaleGrad", ins: 1, alias: []int{0}, perRow: 2,
			run: func(c *args[T]) {
				rowsScaleGrad(c.out, c.in[0], c.perRow[0], c.perRow[1], c.cols, c.outS, c.inS[0])
			}},
		{name: "rowsDot", ins: 2, noOut: true, sum: true,
			run: func(c *args[T]) {
				rowsDot(c.sum, c.in[0], c.in[1], c.cols, c.inS[0], c.inS[1], c.narrow)
			}},
		{name: "rowsSum", ins: 1, noOut: true, sum: true,
			run: func(c *args[T]) { rowsSum(c.sum, c.in[0], c.cols, c.inS[0], c.narrow) }},
		{name: "rowsSoftmaxBackward", ins: 2, alias: []int{0, 1}, perRow: 1,
			run: func(c *args[T]) {
				rowsSoftmaxBackward(c.out, c.in[0], c.in[1], c.perRow[0], c.cols, c.outS, c.inS[0], c.inS[1])
			}},
		{name: "rowsLogSoftmax", ins: 1, alias: []int{0}, perRow: 2,
			run: func(c *args[T]) {
				rowsLogSoftmax(c.out, c.in[0], c.perRow[0], c.perRow[1], c.cols, c.outS, c.inS[0])
			}},
		{name: "rowsLogSoftmaxBackward", ins: 2, alias: []int{0, 1}, perRow: 1,
			run: func(c *args[T]) {
				rowsLogSoftmaxBackward(c.out, c.in[0], c.in[1], c.perRow[0], c.cols, c.outS, c.inS[0], c.inS[1])
			}},
		{name: "rowsFind", ins: 1, noOut: true, perRow: 1, find: true,
			prep: func(r *kt.Rand, c *args[T]) {
				rowMax(r, c)
				for i := range c.perRow[0] { // not always the maximum: something below it, or what the row does not have
					switch row := c.in[0][i*c.inS[0]:][:c.cols]; r.Intn(4) {
					case 0:
						c.perRow[0][i] = row[r.Intn(c.cols)] + 0
					case 1:
						c.perRow[0][i] = T(r.Intn(2)) * 12345
					}
				}
			},
			run: func(c *args[T]) { rowsFind(c.index, c.in[0], c.perRow[0], c.cols, c.inS[0]) }},
		{name: "rowsSumProb", ins: 2, noOut: true, perRow: 2, sum: true, prep: rowMax,
			run: func(c *args[T]) {
				rowsSumProb(c.sum, c.in[0], c.in[1], c.perRow[0], c.perRow[1], c.cols, c.inS[0], c.inS[1], c.narrow)
			}},
		{name: "rowsSumTargetSkip", ins: 1, noOut: true, perRow: 1, skip: true, sum: true, prep: rowMax,
			run: func(c *args[T]) {
				rowsSumTargetSkip(c.sum, c.in[0], c.skip, c.cols, c.inS[0], c.narrow)
			}},
		{name: "rowsProbGrad", ins: 2, alias: []int{0}, perRow: 2,
			run: func(c *args[T]) {
				rowsProbGrad(c.out, c.in[0], c.in[1], c.perRow[0], c.perRow[1], c.cols, c.outS, c.inS[0], c.inS[1])
			}},
		// Few columns: a row to each lane. Fewer rows than lanes, or more columns, never come here.
		{name: "columnsSoftmax", ins: 1, alias: []int{0},
			run: func(c *args[T]) {
				columns(c, func(half int) { columnsSoftmax(c.out, c.in[0], c.rows, c.cols, half, c.outS, c.inS[0]) })
			}},
		{name: "columnsSumSkip", ins: 1, noOut: true, skip: true, loss: true, prep: numbers,
			run: func(c *args[T]) {
				m, w := make([]T, c.rows), make([]T, c.rows)
				columns(c, func(half int) {
					columnsSumSkip(m, c.loss, w, c.in[0], c.skip, c.rows, c.cols, half, c.inS[0])
				})
			}},
		{name: "columnsGrad", ins: 1, alias: []int{0}, perRow: 3, skip: true, loss: true,
			prep: func(r *kt.Rand, c *args[T]) {
				numbers(r, c)
				for i := range c.rows { // most factors as the drivers make them, each row its own; else any values
					if r.Intn(4) != 0 {
						scale := T(testScales[r.Intn(len(testScales))])
						num, after := splitFactor(scale)
						c.perRow[0][i], c.perRow[1][i], c.perRow[2][i] = scale, num, after
					}
				}
			},
			run: func(c *args[T]) {
				m, w := make([]T, c.rows), make([]T, c.rows)
				columns(c, func(half int) {
					columnsGrad(c.out, m, c.loss, w, c.in[0], c.skip, c.perRow[0], c.perRow[1], c.perRow[2], c.rows, c.cols, half, c.outS, c.inS[0])
				})
			}},
		// Elementwise primitives in the clothes of one row.
		{name: "expAt", ins: 2, alias: []int{0, 1},
			run: func(c *args[T]) {
				for r := range c.rows { // rows without the gaps
					o, i, j := r*c.outS, r*c.inS[0], r*c.inS[1]
					expAt(c.out[o:o+c.cols], c.in[0][i:i+c.cols], c.in[1][j:j+c.cols])
				}
			},
			prep: func(r *kt.Rand, c *args[T]) {
				for k := range c.in[1] { // maxima at or above the elements, the two of them read in step
					if k < len(c.in[0]) && r.Intn(8) != 0 {
						c.in[1][k] = c.in[0][k] + T(r.Intn(40))
					}
				}
			}},
		{name: "lossLog", ins: 3, alias: []int{0},
			run: func(c *args[T]) {
				for r := range c.rows {
					o, i, j, k := r*c.outS, r*c.inS[0], r*c.inS[1], r*c.inS[2]
					lossLog(as64(c.out[o:o+c.cols]), as64(c.in[0][i:i+c.cols]), as64(c.in[1][j:j+c.cols]), as64(c.in[2][k:k+c.cols]))
				}
			},
			prep: func(r *kt.Rand, c *args[T]) {
				// Sums are at least zero, exponentials above it; the base is zero for most rows.
				for k, v := range c.in[0] {
					c.in[0][k] = T(math.Abs(float64(v)))
				}
				for k, v := range c.in[1] {
					c.in[1][k] = T(math.Abs(float64(v))) + 0x1p-20
				}
				for k := range c.in[2] {
					if r.Intn(4) != 0 {
						c.in[2][k] = 0
					}
				}
			}},
	}
}

// columns runs f where a columns kernel may be called, and else under the generic code, which needs no half.
func columns[T Float](c *args[T], f func(half int)) {
	if columnsFit[T](c.rows, c.cols) {
		f(columnsHalf(c.cols))
	} else {
		generic(func() { f(0) })
	}
}

// as64 passes float64 slices on; lossLog has no other form.
func as64[T Float](x []T) []float64 { return f64(x) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func generic(f func()) { kt.With(isa.NameGeneric, f) }

// all returns the whole table, primitives included.
func all[T Float]() []kernel[T] {
	ks := table[T]()
	for _, k := range primitives[T]() {
		if k.name == "lossLog" && is32[T]() {
			continue
		}
		k.rows, k.inner = true, true
		ks = append(ks, k)
	}
	return ks
}

// A shape is the size of a case: rows of cols elements, pad elements between
// them and more the further back the operand.
type shape struct{ rows, cols, pad int }

func (s shape) stride(operand int) int {
	if s.pad == 0 {
		return s.cols
	}
	return s.cols + s.pad + operand
}

func (s shape) size(stride int) int {
	if s.rows == 0 {
		return 0
	}
	return (s.rows-1)*stride + s.cols
}

// aliasing of a case: the index of the input that the output is, or one of these.
const (
	apart  = -1 // nowhere
	allOne = -2 // all inputs and the output are one slice
)

// prepare returns the inputs of a case, in memory of their own. With allOne
// there is one input in all places.
func prepare[T Float](k *kernel[T], s shape, kind kt.Kind, seed uint64, alias int) *args[T] {
	r := kt.NewRand(seed*1000003 + uint64(s.rows)*8191 + uint64(s.cols)*31 + uint64(kind))
	c := &args[T]{rows: s.rows, cols: s.cols}
	c.scale = T(testScales[r.Intn(len(testScales))])
	c.narrow = s.cols <= blockLen[T]() && r.Intn(4) != 0
	for i := range k.ins {
		c.inS[i] = s.stride(i + 1)
		if alias == allOne {
			c.inS[i] = s.stride(1)
		}
		if alias == allOne && i > 0 {
			c.in[i] = c.in[0]
			continue
		}
		c.in[i] = make([]T, s.size(c.inS[i]))
		kd := kind
		if i > 0 && r.Intn(2) == 0 {
			kd = kt.Unit
		}
		kt.Fill(r, kd, c.in[i], max(c.inS[i], 1))
	}
	c.outS = s.stride(0)
	if alias >= 0 {
		c.outS = c.inS[alias]
	} else if alias == allOne {
		c.outS = c.inS[0]
	}
	for i := range k.perRow {
		c.perRow[i] = make([]T, s.rows)
		kt.Fill(r, kind, c.perRow[i], s.rows)
	}
	if k.skip {
		c.skip = make([]int, s.rows)
	}
	if k.maskIn {
		c.mask = make([]uint64, MaskLen(s.cols))
		for i := range c.mask {
			c.mask[i] = r.Uint64() // also past the end
		}
	}
	if k.prep != nil && s.rows > 0 {
		k.prep(r, c)
	}
	return c
}

// blockLen is the length of a block of the canonical sum.
func blockLen[T Float]() int {
	if is32[T]() {
		return 32
	}
	return 16
}

// memory places operands: in frames of canaries at an offset, or against guard
// pages.
type memory struct {
	off    int         // elements past a 64-byte boundary
	guards []*kt.Guard // nil: frames
	end    bool        // against the guard behind, or the one before
	next   int
	checks []func() error
}

func (m *memory) guard() *kt.Guard {
	g := m.guards[m.next]
	m.next++
	g.ReadOnly(false)
	m.checks = append(m.checks, g.Check)
	return g
}

// guardCount is enough guards for the operands of any kernel.
const guardCount = 11

func place[E any](m *memory, n int) ([]E, func()) {
	if m.guards != nil {
		g := m.guard()
		if m.end {
			return kt.AtEnd[E](g, n), func() { g.ReadOnly(true) }
		}
		return kt.AtStart[E](g, n), func() { g.ReadOnly(true) }
	}
	f := kt.NewFrame[E](n, m.off)
	m.off = (m.off*5 + 3) % 16
	m.checks = append(m.checks, f.Check)
	return f.S, func() {}
}

// placeIn places a copy that only may be read.
func placeIn[E any](m *memory, src []E) []E {
	if src == nil {
		return nil
	}
	s, seal := place[E](m, len(src))
	copy(s, src)
	seal()
	return s
}

// layout returns the case's operands in m; outputs hold a pattern.
func layout[T Float](k *kernel[T], c *args[T], s shape, alias int, m *memory) *args[T] {
	d := *c
	for i := range k.ins {
		switch {
		case alias == allOne && i > 0:
			d.in[i] = d.in[0]
		case alias == i || alias == allOne:
			d.in[i], _ = place[T](m, len(c.in[i]))
			copy(d.in[i], c.in[i])
		default:
			d.in[i] = placeIn(m, c.in[i])
		}
	}
	for i := range k.perRow {
		d.perRow[i] = placeIn(m, c.perRow[i])
	}
	d.skip = placeIn(m, c.skip)
	if k.maskIn {
		d.mask = placeIn(m, c.mask)
	}
	if !k.noOut {
		switch {
		case alias == allOne:
			d.out = d.in[0]
		case alias >= 0:
			d.out = d.in[alias]
		default:
			d.out = placeOut[T](m, s.size(c.outS))
		}
	}
	if k.maskOut {
		d.mask = placeOut[uint64](m, MaskLen(s.cols))
	}
	if k.loss {
		d.loss = placeOut[T](m, s.rows)
	}
	if k.sum {
		d.sum = placeOut[float64](m, s.rows)
	}
	if k.find {
		d.index = placeOut[int](m, s.rows)
	}
	return &d
}

func placeOut[E any](m *memory, n int) []E {
	s, _ := place[E](m, n)
	kt.FillCanary(byteView(s))
	return s
}

// compare returns what is wrong with the results in got, want being the
// generic ones and c the inputs as they were.
func compare[T Float](k *kernel[T], c, want, got *args[T], alias int) error {
	if !k.noOut {
		for r := range c.rows {
			w, g := want.out[r*want.outS:][:c.cols], got.out[r*got.outS:][:c.cols]
			if j := kt.Diff(g, w); j >= 0 {
				return fmt.Errorf("row %d, element %d: got %v (%#x), want %v (%#x)%s", r, j, g[j], kt.Bits(g[j]), w[j], kt.Bits(w[j]), inputsAt(k, c, r, j))
			}
			if r == c.rows-1 {
				continue
			}
			lo, hi := r*got.outS+c.cols, (r+1)*got.outS
			for i, b := range byteView(got.out[lo:hi]) {
				before := byte(0xa5)
				switch {
				case alias == allOne:
					before = byteView(c.in[0][lo:hi])[i]
				case alias >= 0:
					before = byteView(c.in[alias][lo:hi])[i]
				}
				if b != before {
					return fmt.Errorf("row %d: written between the rows", r)
				}
			}
		}
	}
	for i := range k.ins {
		if alias == i || alias == allOne {
			continue
		}
		for j, v := range got.in[i] {
			if kt.RawBits(v) != kt.RawBits(c.in[i][j]) {
				return fmt.Errorf("input %d was written to at %d", i, j)
			}
		}
	}
	for i := range k.perRow {
		for j, v := range got.perRow[i] {
			if kt.RawBits(v) != kt.RawBits(c.perRow[i][j]) {
				return fmt.Errorf("per-row input %d was written to at %d", i, j)
			}
		}
	}
	for r, v := range got.skip {
		if v != c.skip[r] {
			return fmt.Errorf("labels were written to at %d", r)
		}
	}
	for i, v := range got.mask {
		if v != want.mask[i] {
			return fmt.Errorf("mask word %d: got %#x, want %#x", i, v, want.mask[i])
		}
	}
	for r, v := range got.index {
		if v != want.index[r] {
			return fmt.Errorf("index of row %d: got %d, want %d", r, v, want.index[r])
		}
	}
	if r := kt.Diff(got.loss, want.loss); r >= 0 {
		return fmt.Errorf("row %d: got %v (%#x), want %v (%#x)", r, got.loss[r], kt.Bits(got.loss[r]), want.loss[r], kt.Bits(want.loss[r]))
	}
	if r := kt.Diff(got.sum, want.sum); r >= 0 {
		return fmt.Errorf("sum of row %d: got %v (%#x), want %v (%#x)", r, got.sum[r], kt.Bits(got.sum[r]), want.sum[r], kt.Bits(want.sum[r]))
	}
	return nil
}

func inputsAt[T Float](k *kernel[T], c *args[T], r, j int) string {
	var b strings.Builder
	for i := range k.ins {
		fmt.Fprintf(&b, ", in[%d] = %v", i, c.in[i][r*c.inS[i]+j])
	}
	return b.String()
}

// check runs one case in m under the instruction set in force.
func check[T Float](k *kernel[T], c, want *args[T], s shape, alias int, m *memory) error {
	got := layout(k, c, s, alias, m)
	var err error
	if m.guards != nil {
		err = kt.Try(func() { k.run(got) })
	} else {
		k.run(got)
	}
	if err == nil {
		err = compare(k, c, want, got, alias)
	}
	for _, f := range m.checks {
		if e := f(); err == nil && e != nil {
			err = e
		}
	}
	return err
}

// expect returns the generic results of a case.
func expect[T Float](k *kernel[T], c *args[T], s shape) *args[T] {
	want := layout(k, c, s, apart, &memory{})
	generic(func() { k.run(want) })
	return want
}

// aliases lists the ways of passing one slice twice that k allows.
func (k *kernel[T]) aliases() []int {
	a := append([]int{apart}, k.alias...)
	if k.ins == 2 && len(k.alias) == 2 {
		a = append(a, allOne)
	}
	return a
}

// elementLengths are 0..130 and the surroundings of blocks and chunks.
func elementLengths[T Float]() []int {
	var ns []int
	for n := range 131 {
		ns = append(ns, n)
	}
	for _, b := range []int{192, 256, 320, 512, 1024, 4096} {
		ns = append(ns, b-1, b, b+1)
	}
	c := chunkLen[T]()
	return append(ns, c-1, c, c+1, c+64, 2*c+37)
}

// rowShapes are the sizes of the row kernels' cases.
func rowShapes[T Float](inner bool) []shape {
	var out []shape
	add := func(rows, cols int) {
		if rows == 0 && inner || inner && (rows > maxRows || cols > canonicalChunk[T]()) {
			return
		}
		out = append(out, shape{rows, cols, 0})
		if inner && rows > 1 {
			out = append(out, shape{rows, cols, 1 + (rows+cols)%5})
		}
	}
	upTo := func(n int, cols ...int) {
		for _, c := range cols {
			for r := range n + 1 {
				add(r, c)
			}
		}
	}
	for c := 1; c <= 40; c++ {
		if testing.Short() {
			upTo(9, c)
			add(10+c%11, c)
		} else {
			upTo(20, c)
		}
		for _, r := range []int{63, 64, 65, 130} {
			if !testing.Short() || (r+c)%4 == 0 {
				add(r, c)
			}
		}
	}
	mid, big := 20, 20
	if testing.Short() {
		mid, big = 5, 2
	}
	for _, r := range []int{16, 21, 32, 59} { // columns kernels on the widest vectors
		for c := 2; c <= 5; c++ {
			add(r, c)
		}
	}
	upTo(mid, 63, 64, 65, 66, 100, 127, 128, 129, 130)
	upTo(big, 1000, 2047, 2048, 2049, 4095, 4096, 4097, 8193)
	return out
}

// rowKinds and elementKinds are the inputs of the cases, the telling ones first.
var (
	rowKinds = []kt.Kind{kt.Normal, kt.Wide80, kt.Shifted, kt.RareSpecial, kt.Wide300, kt.Finite, kt.Ties, kt.NegInf, kt.OneLarger,
		kt.Huge, kt.Special, kt.Constant, kt.OneHot, kt.Ascending, kt.Descending, kt.Wide1000, kt.Unit, kt.AnyBits, kt.Zeros}
	elementKinds = []kt.Kind{kt.Special, kt.Wide80, kt.Normal, kt.Finite, kt.AnyBits, kt.Wide1000, kt.Unit, kt.Wide300, kt.Zeros, kt.Huge}
)

// TestTable runs every kernel on every instruction set over lengths, offsets,
// kinds of inputs and aliasing, against the generic bits, with canaries around
// every operand.
func TestTable(t *testing.T) {
	t.Run("float32", testTable[float32])
	t.Run("float64", testTable[float64])
}

func testTable[T Float](t *testing.T) {
	for _, k := range all[T]() {
		t.Run(k.name, func(t *testing.T) {
			kt.Require(t)
			if k.rows {
				for i, s := range rowShapes[T](k.inner) {
					if kt.Thinned(k.name, i) {
						continue
					}
					kinds := rowKinds
					if testing.Short() {
						kinds = []kt.Kind{rowKinds[i%4], rowKinds[4+i%15]}
						if s.rows*s.cols > 500 {
							kinds = kinds[:1]
						}
					} else if s.rows*s.cols > 2000 {
						kinds = []kt.Kind{rowKinds[i%4], rowKinds[(i/3)%len(rowKinds)]}
					}
					testCases(t, &k, s, kinds, i)
				}
				return
			}
			for i, n := range elementLengths[T]() {
				if kt.Thinned(k.name, i) {
					continue
				}
				kinds := elementKinds
				if testing.Short() {
					kinds = elementKinds[:4]
				}
				testCases(t, &k, shape{1, n, 0}, kinds, i)
			}
		})
	}
}

// testCases runs one size: under the generic code once, to prove aliasing and
// bounds, and under every other instruction set at several offsets.
func testCases[T Float](t *testing.T, k *kernel[T], s shape, kinds []kt.Kind, turn int) {
	t.Helper()
	for _, kind := range kinds {
		for _, alias := range k.aliases() {
			if k.inner && alias == allOne {
				continue
			}
			c := prepare(k, s, kind, 1, alias)
			want := expect(k, c, s)
			for _, name := range isa.Available() {
				offs := []int{0, turn % 16}
				switch {
				case name == isa.NameGeneric || s.rows*s.cols > 1000 || testing.Short():
					offs = offs[1:]
				case !testing.Short() && kind == kinds[0] && s.rows*s.cols <= 130:
					offs = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
				}
				for _, off := range offs {
					var err error
					kt.With(name, func() { err = check(k, c, want, s, alias, &memory{off: off}) })
					if err != nil {
						t.Fatalf("%s %s, %d rows of %d (+%d), offset %d, inputs %v, alias %d: %v",
							name, k.name, s.rows, s.cols, s.pad, off, kind, alias, err)
					}
				}
			}
		}
	}
}

// TestBulk compares many more elements than the table has, so that a constant
// that is off by one in its last place shows.
func TestBulk(t *testing.T) {
	t.Run("float32", testBulk[float32])
	t.Run("float64", testBulk[float64])
}

func testBulk[T Float](t *testing.T) {
	kt.Require(t)
	if len(isa.Available()) == 1 {
		t.Skip("nothing to compare the generic code with")
	}
	for _, k := range all[T]() {
		t.Run(k.name, func(t *testing.T) {
			shapes := []shape{{1, 1 << 17, 0}}
			kinds := []kt.Kind{kt.Wide80, kt.Normal, kt.Unit, kt.Wide1000, kt.AnyBits}
			if k.inner {
				// whole blocks, partial ones, and single elements, whose sum is the element
				shapes = []shape{{64, 1000, 0}, {20, canonicalChunk[T](), 0}, {64, 57, 0}, {64, 26, 1}, {64, 10, 3}, {64, 1, 0}}
				kinds = []kt.Kind{kt.Normal, kt.Wide80, kt.Shifted, kt.Huge}
			} else if k.rows {
				shapes = []shape{{60, 1000, 0}, {5000, 10, 0}, {3000, 26, 0}, {3, 20011, 0}}
				kinds = []kt.Kind{kt.Normal, kt.Wide80, kt.Shifted, kt.Huge}
			}
			for _, s := range shapes {
				seeds := uint64(max(1, 10000/(s.rows*s.cols)))
				if !testing.Short() {
					seeds *= 8
				}
				for _, kind := range kinds {
					for seed := range seeds {
						c := prepare(&k, s, kind, 100+seed, apart)
						want := expect(&k, c, s)
						for _, name := range isa.Available() {
							if name == isa.NameGeneric {
								continue
							}
							var err error
							kt.With(name, func() {
								err = check(&k, c, want, s, apart, &memory{off: 1})
								if err == nil && !k.rows && !k.maskIn && !k.maskOut {
									err = checkPieces(&k, c, want)
								}
							})
							if err != nil {
								t.Fatalf("%s, %d rows of %d, inputs %v: %v", name, s.rows, s.cols, kind, err)
							}
						}
					}
				}
			}
		})
	}
}

// checkPieces runs an elementwise kernel on its elements a few at a time, so that not only the longest of its loops sees many inputs.
func checkPieces[T Float](k *kernel[T], c, want *args[T]) error {
	got := *c
	got.out = make([]T, c.cols)
	for i, n := 0, 1; i < c.cols; n = n%149 + 1 {
		j := min(i+n, c.cols)
		piece := *c
		piece.cols, piece.out = j-i, got.out[i:j]
		for in := range k.ins {
			piece.in[in] = c.in[in][i:j]
		}
		k.run(&piece)
		i = j
	}
	if j := kt.Diff(got.out, want.out); j >= 0 {
		return fmt.Errorf("element %d in a short slice: got %v (%#x), want %v (%#x)%s", j, got.out[j], kt.Bits(got.out[j]), want.out[j], kt.Bits(want.out[j]), inputsAt(k, c, 0, j))
	}
	return nil
}

// TestGuardPages runs every kernel flush against inaccessible pages, with
// inputs that fault on a write.
func TestGuardPages(t *testing.T) {
	t.Run("float32", testGuardPages[float32])
	t.Run("float64", testGuardPages[float64])
}

func testGuardPages[T Float](t *testing.T) {
	guards := make([]*kt.Guard, guardCount)
	for i := range guards {
		guards[i] = kt.NewGuard(t, 1<<20)
	}
	for _, k := range all[T]() {
		t.Run(k.name, func(t *testing.T) {
			kt.EachISA(t, func(t *testing.T, name string) {
				if testing.Short() && name == isa.NameGeneric && len(isa.Available()) > 1 {
					return // the compiler checks its bounds
				}
				var shapes []shape
				if k.rows {
					for c := 1; c <= 70; c++ {
						for _, r := range []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 17} {
							if !testing.Short() || (r+c)%3 == 0 {
								shapes = append(shapes, shape{r, c, 0})
								if k.inner {
									shapes = append(shapes, shape{r, c, 2})
								}
							}
						}
					}
					shapes = append(shapes, shape{3, 127, 0}, shape{2, 1000, 0}, shape{1, canonicalChunk[T]() - 1, 0}, shape{1, canonicalChunk[T](), 0})
					if !k.inner {
						shapes = append(shapes, shape{1, canonicalChunk[T]() + 1, 0}, shape{65, 10, 0}, shape{2, 8193, 0})
					}
				} else {
					for n := range 131 {
						shapes = append(shapes, shape{1, n, 0})
					}
					for _, n := range []int{255, 256, 257, 4095, 4097, chunkLen[T]() - 1, chunkLen[T](), chunkLen[T]() + 1} {
						shapes = append(shapes, shape{1, n, 0})
					}
				}
				for i, s := range shapes {
					if kt.Thinned(k.name, i) {
						continue
					}
					for _, alias := range k.aliases() {
						if k.inner && alias == allOne || testing.Short() && alias >= 0 && i%2 == 0 {
							continue
						}
						kind := []kt.Kind{kt.Normal, kt.Special, kt.Wide80}[i%3]
						c := prepare(&k, s, kind, 7, alias)
						want := expect(&k, c, s)
						for _, end := range []bool{false, true} {
							if err := check(&k, c, want, s, alias, &memory{guards: guards, end: end}); err != nil {
								t.Fatalf("%d rows of %d (+%d), end %v, inputs %v, alias %d: %v", s.rows, s.cols, s.pad, end, kind, alias, err)
							}
						}
					}
				}
			})
		})
	}
}

// TestNoAllocation calls every kernel on arrays of the caller's stack.
func TestNoAllocation(t *testing.T) {
	t.Run("float32", testNoAllocation[float32])
	t.Run("float64", testNoAllocation[float64])
}

func testNoAllocation[T Float](t *testing.T) {
	for _, k := range table[T]() {
		t.Run(k.name, func(t *testing.T) {
			kt.EachISA(t, func(t *testing.T, _ string) {
				if n := testing.AllocsPerRun(20, k.stack); n != 0 {
					t.Errorf("%v allocations in a call", n)
				}
			})
		})
	}
}

// canonicalChunk is the length of a chunk of the canonical sum.
func canonicalChunk[T Float]() int {
	if is32[T]() {
		return 4096
	}
	return 2048
}
