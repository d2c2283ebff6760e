package ktable

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"kernels"
	"kernels/bench"
	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// The arguments. in and out make arguments with one element per element of the rows; the methods
// change that.

func in(name string) Arg                  { return Arg{Name: name, In: true} }
func out(name string, same ...string) Arg { return Arg{Name: name, Out: true, Same: same} }
func (a Arg) of(t Type) Arg               { a.Type = t; return a }
func (a Arg) len(l Len) Arg               { a.Len = l; return a }
func (a Arg) at(s Stride) Arg             { a.Stride = s; return a }
func (a Arg) fill(f Fill) Arg             { a.Fill = f; return a }
func (a Arg) orNil() Arg                  { a.Nil = true; return a }
func args(a ...Arg) []Arg                 { return a }

var (
	maskIn    = in("mask").of(Word).len(PerWord)
	maskOut   = out("mask").of(Word).len(PerWord)
	label     = in("labels").of(Label).len(PerRow).fill(Classes)
	losses    = out("losses").len(PerRow)
	lossesNil = losses.orNil()
	logits    = in("logits")
	strided   = logits.at(AtStride)
	dlogits   = out("dlogits", "logits")
	dstrided  = dlogits.at(AtStride)
	target    = in("targets").fill(Probs)
	targetErr = target.len(Checked)
	dloss     = in("dloss").len(Upstream).orNil()
	weights   = in("Weights").len(PerClass).fill(Positive).orNil()
	bit       = in("targets").fill(ZeroOne)
	bitLosses = out("losses", "logits", "targets")
	bitGrad   = out("dlogits", "logits", "targets")
	each      = out("losses").orNil()
	posWeight = in("PosWeight").len(Repeats).fill(Positive).orNil()
	stats     = in("stats").of(Stats).len(PerRow).fill(Merged)
	maxima    = in("m").len(PerRow).fill(Maxima)
	merged    = Arg{Name: "dst", In: true, Out: true, Same: []string{"src"}}
	sharded   = out("dst", "logits").at(AtDstStride)

	param    = Arg{Name: "w", In: true, Out: true}
	velocity = Arg{Name: "v", In: true, Out: true}
	moment   = Arg{Name: "m", In: true, Out: true}
	square   = velocity.fill(Squares)

	left    = in("a").len(Left)
	leftT   = in("a").len(LeftT)
	right   = in("b").len(Right)
	rightT  = in("b").len(RightT)
	bias    = in("Bias").len(PerClass).orNil()
	product = Arg{Name: "dst", In: true, Out: true, Stride: AtDstStride}

	unary     = args(out("dst", "x"), in("x"))
	binary    = binaryOf(Any)
	fromInput = args(out("dx", "dy", "x"), in("dy"), in("x"))
	forward   = args(out("dst", "x").at(AtDstStride), in("x").at(AtStride))
)

func binaryOf(y Fill) []Arg { return args(out("dx", "dy", "y"), in("dy"), in("y").fill(y)) }

func backwardWith(y Fill) []Arg {
	return args(out("dx", "dy", "y").at(AtStride), in("dy").at(AtDstStride),
		in("y").at(AtDstStride).fill(y))
}

const (
	softOpts  = LogitScale | Strides | DstStrides
	lossOpts  = LogitScale | Strides | Smoothing | Ignoring | Reducing
	probOpts  = LogitScale | Strides | Smoothing | Reducing
	shardOpts = LogitScale | Strides | Offset
)

// table returns the table. The calls of functions with labels are in labelled.
func table[T kernels.Float]() []Func[T] {
	type (
		C    = *Call[T]
		call = func(c C) error
	)
	var n bench.Naive[T]
	do := func(f func(c C)) call { return func(c C) error { f(c); return nil } }
	value := returned[T]
	two := func(f func(dst, x []T)) call { return do(func(c C) { f(c.T(0), c.T(1)) }) }
	three := func(f func(dx, dy, y []T)) call { return do(func(c C) { f(c.T(0), c.T(1), c.T(2)) }) }
	masked := func(f func(dst, x []T, mask []uint64)) call {
		return do(func(c C) { f(c.T(0), c.T(1), words(c, 2)) })
	}
	bools := func(f func(dst, x []T, mask []bool)) call {
		return do(func(c C) { f(c.T(0), c.T(1), c.Bools()) })
	}
	rows2 := func(f func(dst, x []T, classes int)) call {
		return do(func(c C) { f(c.T(0), c.T(1), c.Classes) })
	}
	rows3 := func(f func(dx, dy, y []T, classes int)) call {
		return do(func(c C) { f(c.T(0), c.T(1), c.T(2), c.Classes) })
	}
	with2 := func(f func(dst, x []T, classes int, opts *kernels.SoftmaxOptions[T]) error) call {
		return func(c C) error { return f(c.T(0), c.T(1), c.Classes, c.Soft) }
	}
	with3 := func(f func(dx, dy, y []T, classes int, opts *kernels.SoftmaxOptions[T]) error) call {
		return func(c C) error { return f(c.T(0), c.T(1), c.T(2), c.Classes, c.Soft) }
	}
	shard2 := func(f func(dst, x []T, stats []kernels.RowStats[T], s kernels.Shard[T]) error) call {
		return func(c C) error { return f(c.T(0), c.T(1), statsOf(c, 2), c.Shard) }
	}
	mul := func(f func(dst, a, b []T, m, k, n int)) call {
		return do(func(c C) { f(c.T(0), c.T(1), c.T(2), c.Rows, c.Inner, c.Classes) })
	}
	mulWith := func(
		f func(dst, a, b []T, m, k, n int, opts *kernels.MatMulOptions[T]) error,
	) call {
		return func(c C) error {
			return f(c.T(0), c.T(1), c.T(2), c.Rows, c.Inner, c.Classes, c.Mul)
		}
	}
	// a function with options has the naive loop of the one without
	label1 := do(func(c C) { n.CrossEntropy(c.T(0), c.T(1), kt.View[int](c.Ops[2]), c.Classes) })
	label2 := do(func(c C) {
		n.CrossEntropyGrad(c.T(0), c.T(1), c.T(2), kt.View[int](c.Ops[3]), c.Classes, c.Scale)
	})
	prob2 := do(func(c C) {
		n.CrossEntropyProbGrad(c.T(0), c.T(1), c.T(2), c.T(3), c.Classes, c.Scale)
	})
	bitGrads := do(func(c C) { n.SigmoidCrossEntropyGrad(c.T(0), c.T(2), c.T(3), c.Scale) })
	return []Func[T]{
		{Name: "ReLU", Args: unary, Call: two(kernels.ReLU[T]), Naive: two(n.ReLU),
			Check: of(relu[T])},
		{Name: "ReLUMask", Args: args(out("dst", "x"), in("x"), maskOut),
			Call: masked(kernels.ReLUMask[T]), Naive: bools(n.ReLUMask), Check: checkReLUMask[T]},
		{Name: "ReLUBackward", Args: args(out("dx", "dy"), in("dy"), maskIn),
			Call: masked(kernels.ReLUBackward[T]), Naive: bools(n.ReLUBackward),
			Check: exact(func(c C, i int) T { return pass(c.T(1)[i], !maskBit(c.Ops[2], i)) })},
		{Name: "ReLUBackwardOutput", Args: binary, Call: three(kernels.ReLUBackwardOutput[T]),
			Naive: three(n.ReLUBackwardOutput),
			Check: backwardOf(func(dy, y T) T { return pass(dy, !(y <= 0)) })},
		{Name: "LeakyReLU", Args: unary, Opts: Scale,
			Call:  do(func(c C) { kernels.LeakyReLU(c.T(0), c.T(1), c.Scale) }),
			Naive: do(func(c C) { n.LeakyReLU(c.T(0), c.T(1), c.Scale) }),
			Check: exact(func(c C, i int) T { return leaky(c.T(1)[i], c.T(1)[i], c.Scale) })},
		{Name: "LeakyReLUBackward", Args: fromInput, Opts: Scale,
			Call:  do(func(c C) { kernels.LeakyReLUBackward(c.T(0), c.T(1), c.T(2), c.Scale) }),
			Naive: do(func(c C) { n.LeakyReLUBackward(c.T(0), c.T(1), c.T(2), c.Scale) }),
			Check: exact(func(c C, i int) T { return leaky(c.T(2)[i], c.T(1)[i], c.Scale) })},
		{Name: "ReLUSquared", Args: unary, Call: two(kernels.ReLUSquared[T]),
			Naive: two(n.ReLUSquared), Check: of(func(x T) T { return relu(x) * relu(x) })},
		{Name: "ReLUSquaredBackward", Args: fromInput, Call: three(kernels.ReLUSquaredBackward[T]),
			Naive: three(n.ReLUSquaredBackward), Check: backwardOf(reluSquaredGrad[T])},
		{Name: "HardSigmoid", Args: unary, Call: two(kernels.HardSigmoid[T]),
			Naive: two(n.HardSigmoid), Check: of(hardSigmoid[T])},
		{Name: "HardSigmoidBackward", Args: fromInput, Call: three(kernels.HardSigmoidBackward[T]),
			Naive: three(n.HardSigmoidBackward), Check: backwardOf(hardSigmoidGrad[T])},
		{Name: "HardSwish", Args: unary, Call: two(kernels.HardSwish[T]), Naive: two(n.HardSwish),
			Check: of(func(x T) T { return max(x, -3) * hardSigmoid(x) })},
		{Name: "HardSwishBackward", Args: fromInput, Call: three(kernels.HardSwishBackward[T]),
			Naive: three(n.HardSwishBackward), Check: backwardOf(hardSwishGrad[T])},
		{Name: "Sigmoid", Args: unary, Call: two(kernels.Sigmoid[T]), Naive: two(n.Sigmoid),
			Check: within(0, 1, 1, sigmoidErr[T])},
		{Name: "SigmoidFast", Args: unary, Call: two(kernels.SigmoidFast[T]), Naive: two(n.Sigmoid),
			Check: within(0, 1, 2.5, sigmoidErr[T])},
		{Name: "SigmoidBackward", Args: binary, Call: three(kernels.SigmoidBackward[T]),
			Naive: three(n.SigmoidBackward),
			Check: backwardOf(func(dy, y T) T { return T(dy*T(1-y)) * y })},
		{Name: "Tanh", Args: unary, Call: two(kernels.Tanh[T]), Naive: two(n.Tanh),
			Check: within(-1, 1, 2, tanhErr[T])},
		{Name: "TanhBackward", Args: binary, Call: three(kernels.TanhBackward[T]),
			Naive: three(n.TanhBackward), Check: backwardOf(tanhGrad[T])},
		{Name: "Erf", Args: unary, Call: two(kernels.Erf[T]), Naive: two(n.Erf),
			Check: within(-1, 1, 1.5, erfErr[T])},
		{Name: "GELUTanh", Args: unary, Call: two(kernels.GELUTanh[T]), Naive: two(n.GELUTanh),
			Check: tailed[T](2, kt.GELUTanhDD)},
		{Name: "GELUTanhBackward", Args: fromInput, Call: three(kernels.GELUTanhBackward[T]),
			Naive: three(n.GELUTanhBackward), Check: gradients(3, slope[T](kt.GELUTanhSlopeDD))},
		{Name: "GELU", Args: unary, Call: two(kernels.GELU[T]), Naive: two(n.GELU),
			Check: tailed[T](2, kt.GELUDD)},
		{Name: "GELUBackward", Args: fromInput, Call: three(kernels.GELUBackward[T]),
			Naive: three(n.GELUBackward), Check: gradients(3, slope[T](kt.GELUSlopeDD))},
		{Name: "GEGLU", Args: args(out("dst", "gate", "up"), in("gate"), in("up")),
			Call: three(kernels.GEGLU[T]), Naive: three(n.GEGLU),
			Check: exact(func(c C, i int) T { return elementOf(kernels.GELU[T], c.T(1)[i]) * c.T(2)[i] })},
		{Name: "GEGLUBackward", Args: args(out("dgate", "dy", "gate", "up"), out("dup"), in("dy"),
			in("gate"), in("up")),
			Call: do(func(c C) {
				kernels.GEGLUBackward(c.T(0), c.T(1), c.T(2), c.T(3), c.T(4))
			}),
			Naive: do(func(c C) { n.GEGLUBackward(c.T(0), c.T(1), c.T(2), c.T(3), c.T(4)) }),
			Check: checkGEGLU(kernels.GELU[T], kernels.GELUBackward[T])},
		{Name: "GEGLUTanh", Args: args(out("dst", "gate", "up"), in("gate"), in("up")),
			Call: three(kernels.GEGLUTanh[T]), Naive: three(n.GEGLUTanh),
			Check: exact(func(c C, i int) T { return elementOf(kernels.GELUTanh[T], c.T(1)[i]) * c.T(2)[i] })},
		{Name: "GEGLUTanhBackward", Args: args(out("dgate", "dy", "gate", "up"), out("dup"), in("dy"),
			in("gate"), in("up")),
			Call: do(func(c C) {
				kernels.GEGLUTanhBackward(c.T(0), c.T(1), c.T(2), c.T(3), c.T(4))
			}),
			Naive: do(func(c C) { n.GEGLUTanhBackward(c.T(0), c.T(1), c.T(2), c.T(3), c.T(4)) }),
			Check: checkGEGLU(kernels.GELUTanh[T], kernels.GELUTanhBackward[T])},

		{Name: "SiLU", Args: unary, Call: two(kernels.SiLU[T]), Naive: two(n.SiLU),
			Check: values(pick[T](1.85, 3.02), func(c C, i int) kt.Scaled { return kt.SiLUDD(float64(c.T(1)[i])) })},
		{Name: "SiLUBackward", Args: fromInput, Call: three(kernels.SiLUBackward[T]),
			Naive: three(n.SiLUBackward), Check: gradients(pick[T](5.5, 6), siluGradDD[T])},
		{Name: "SwiGLU", Args: args(out("dst", "gate", "up"), in("gate"), in("up")),
			Call: three(kernels.SwiGLU[T]), Naive: three(n.SwiGLU), Check: checkSwiGLU[T]},
		{Name: "SwiGLUBackward", Args: args(out("dgate", "dy", "gate", "up"),
			out("dup", "dy", "gate", "up"), in("dy"), in("gate"), in("up")),
			Call: do(func(c C) {
				kernels.SwiGLUBackward(c.T(0), c.T(1), c.T(2), c.T(3), c.T(4))
			}),
			Naive: do(func(c C) { n.SwiGLUBackward(c.T(0), c.T(1), c.T(2), c.T(3), c.T(4)) }),
			Check: checkSwiGLUBackward[T]},

		{Name: "Exp", Args: unary, Call: two(kernels.Exp[T]), Naive: two(n.Exp),
			Check: within(0, kt.Inf[T](1), 1, expErr[T])},
		{Name: "Expm1", Args: unary, Call: two(kernels.Expm1[T]), Naive: two(n.Expm1),
			Check: within(-1, kt.Inf[T](1), 1, expm1Err[T])},
		{Name: "Log", Args: unary, Call: two(kernels.Log[T]), Naive: two(n.Log),
			Check: within(kt.Inf[T](-1), kt.Inf[T](1), 1, logErr[T])},
		{Name: "Log1p", Args: unary, Call: two(kernels.Log1p[T]), Naive: two(n.Log1p),
			Check: within(kt.Inf[T](-1), kt.Inf[T](1), 1, log1pErr[T])},
		{Name: "Softplus", Args: unary, Call: two(kernels.Softplus[T]), Naive: two(n.Softplus),
			Check: values(2, func(c C, i int) kt.Scaled { return kt.SoftplusDD(float64(c.T(1)[i])) })},
		{Name: "SoftplusBackward", Args: fromInput, Call: three(kernels.SoftplusBackward[T]),
			Naive: three(n.SoftplusBackward), Check: gradients(2.4, sigmoidDD[T])},
		{Name: "ELU", Args: unary, Opts: Scale,
			Call:  do(func(c C) { kernels.ELU(c.T(0), c.T(1), c.Scale) }),
			Naive: do(func(c C) { n.ELU(c.T(0), c.T(1), c.Scale) }), Check: values(2.2, eluDD[T])},
		{Name: "ELUBackward", Args: fromInput, Opts: Scale,
			Call:  do(func(c C) { kernels.ELUBackward(c.T(0), c.T(1), c.T(2), c.Scale) }),
			Naive: do(func(c C) { n.ELUBackward(c.T(0), c.T(1), c.T(2), c.Scale) }),
			Check: gradients(3, eluGradDD[T])},

		{Name: "SGD", Args: args(param, in("dw")), Opts: Scale,
			Call:  do(func(c C) { kernels.SGD(c.T(0), c.T(1), c.Scale) }),
			Naive: do(func(c C) { n.SGD(c.T(0), c.T(1), c.Scale) }), Check: steps(sgd[T])},
		{Name: "Momentum", Args: args(param, velocity, in("dw")), Opts: Scale | Stepping,
			Call: do(func(c C) {
				kernels.Momentum(c.T(0), c.T(1), c.T(2), c.Scale, c.Adam.Beta1)
			}),
			Naive: do(func(c C) { n.Momentum(c.T(0), c.T(1), c.T(2), c.Scale, c.Adam.Beta1) }),
			Check: steps(momentum[T])},
		{Name: "Adam", Args: args(param, moment, square, in("dw")), Opts: Scale | Stepping,
			Call: do(func(c C) {
				p := c.Adam
				p.Rate = c.Scale
				kernels.Adam(c.T(0), c.T(1), c.T(2), c.T(3), p)
			}),
			Naive: do(func(c C) {
				n.Adam(c.T(0), c.T(1), c.T(2), c.T(3), c.Scale, c.Adam.Beta1, c.Adam.Beta2,
					c.Adam.Epsilon)
			}),
			Check: steps(adam[T])},

		{Name: "SigmoidCrossEntropy", Args: args(bitLosses, logits, bit),
			Check: checkSigmoidLoss[T],
			Call:  three(kernels.SigmoidCrossEntropy[T]), Naive: three(n.SigmoidCrossEntropy)},
		{Name: "SigmoidCrossEntropyWith", Args: args(bitLosses, logits, bit, posWeight), Rows: true,
			Call: func(c C) error {
				return kernels.SigmoidCrossEntropyWith(c.T(0), c.T(1), c.T(2), c.Bin)
			},
			Naive: three(n.SigmoidCrossEntropy), Check: checkSigmoidLoss[T]},
		{Name: "SigmoidCrossEntropyGrad", Args: args(bitGrad, each, logits, bit), Opts: Scale,
			Call: do(func(c C) {
				kernels.SigmoidCrossEntropyGrad(c.T(0), c.T(1), c.T(2), c.T(3), c.Scale)
			}),
			Naive: bitGrads, Check: checkSigmoidLoss[T]},
		{Name: "SigmoidCrossEntropyGradWith", Args: args(bitGrad, each, logits, bit, posWeight),
			Opts: Scale, Rows: true, Naive: bitGrads, Check: checkSigmoidLoss[T],
			Call: func(c C) error {
				return kernels.SigmoidCrossEntropyGradWith(c.T(0), c.T(1), c.T(2), c.T(3),
					c.Scale, c.Bin)
			}},

		{Name: "Softmax", Rows: true, Args: unary, Call: rows2(kernels.Softmax[T]),
			Naive: rows2(n.Softmax), Check: checkForward[T](false)},
		{Name: "SoftmaxWith", Rows: true, Args: forward, Opts: softOpts,
			Call: with2(kernels.SoftmaxWith[T]), Naive: rows2(n.Softmax),
			Check: checkForward[T](false)},
		{Name: "LogSoftmax", Rows: true, Args: unary, Call: rows2(kernels.LogSoftmax[T]),
			Naive: rows2(n.LogSoftmax), Check: checkForward[T](true)},
		{Name: "LogSoftmaxWith", Rows: true, Args: forward, Opts: softOpts,
			Call: with2(kernels.LogSoftmaxWith[T]), Naive: rows2(n.LogSoftmax),
			Check: checkForward[T](true)},
		{Name: "LogSumExp", Rows: true, Args: args(out("dst").len(PerRow), in("x")),
			Call: rows2(kernels.LogSumExp[T]), Naive: rows2(n.LogSumExp), Check: checkLogSumExp[T]},
		{Name: "LogSumExpWith", Rows: true, Opts: LogitScale | Strides,
			Args: args(out("dst").len(PerRow), in("x").at(AtStride)),
			Call: with2(kernels.LogSumExpWith[T]), Naive: rows2(n.LogSumExp), Check: checkLogSumExp[T]},
		{Name: "SoftmaxBackward", Rows: true, Args: binaryOf(Soft),
			Call:  rows3(kernels.SoftmaxBackward[T]),
			Naive: rows3(n.SoftmaxBackward), Check: checkBackward[T](false)},
		{Name: "SoftmaxBackwardWith", Rows: true, Args: backwardWith(Soft), Opts: softOpts,
			Call: with3(kernels.SoftmaxBackwardWith[T]), Naive: rows3(n.SoftmaxBackward),
			Check: checkBackward[T](false)},
		{Name: "LogSoftmaxBackward", Rows: true, Args: binaryOf(LogSoft),
			Call: rows3(kernels.LogSoftmaxBackward[T]), Naive: rows3(n.LogSoftmaxBackward),
			Check: checkBackward[T](true)},
		{Name: "LogSoftmaxBackwardWith", Rows: true, Args: backwardWith(LogSoft), Opts: softOpts,
			Call: with3(kernels.LogSoftmaxBackwardWith[T]), Naive: rows3(n.LogSoftmaxBackward),
			Check: checkBackward[T](true)},
		{Name: "Argmax", Rows: true, Args: args(out("index").of(Int).len(PerRow), in("x")),
			Call:  do(func(c C) { kernels.Argmax(kt.View[int](c.Ops[0]), c.T(1), c.Classes) }),
			Naive: do(func(c C) { n.Argmax(kt.View[int](c.Ops[0]), c.T(1), c.Classes) }),
			Check: checkArgmax[T]},

		{Name: "MatMul", Rows: true, Args: args(out("dst"), left, right), Opts: Matrices,
			Call: mul(kernels.MatMul[T]), Naive: mul(n.MatMul), Check: checkProduct[T]},
		{Name: "MatMulWith", Rows: true, Args: args(product, left.at(AtStride), right.at(AtBStride), bias),
			Opts: Matrices | Adding, Call: mulWith(kernels.MatMulWith[T]), Naive: mul(n.MatMul),
			Check: checkProduct[T]},
		{Name: "MatMulTransA", Rows: true, Args: args(out("dst"), leftT, right), Opts: Matrices, Whole: true,
			Call: mul(kernels.MatMulTransA[T]), Naive: mul(n.MatMulTransA), Check: checkProduct[T]},
		{Name: "MatMulTransAWith", Rows: true, Whole: true, Opts: Matrices | Adding,
			Args: args(product, leftT.at(AtStride), right.at(AtBStride), bias), Naive: mul(n.MatMulTransA),
			Call: mulWith(kernels.MatMulTransAWith[T]), Check: checkProduct[T]},
		{Name: "MatMulTransB", Rows: true, Args: args(out("dst"), left, rightT), Opts: Matrices,
			Call: mul(kernels.MatMulTransB[T]), Naive: mul(n.MatMulTransB), Check: checkProduct[T]},
		{Name: "MatMulTransBWith", Rows: true, Opts: Matrices | Adding,
			Args: args(product, left.at(AtStride), rightT.at(AtBStride), bias), Naive: mul(n.MatMulTransB),
			Call: mulWith(kernels.MatMulTransBWith[T]), Check: checkProduct[T]},
		{Name: "ColumnSums", Rows: true, Whole: true, Opts: Matrices,
			Args:  args(out("dst").len(PerClass), in("x")),
			Call:  do(func(c C) { kernels.ColumnSums(c.T(0), c.T(1), c.Rows, c.Classes) }),
			Naive: do(func(c C) { n.ColumnSums(c.T(0), c.T(1), c.Classes) }), Check: checkColumnSums[T]},
		{Name: "ColumnSumsWith", Rows: true, Whole: true, Opts: Matrices | Adding,
			Args: args(Arg{Name: "dst", In: true, Out: true, Len: PerClass}, in("x").at(AtStride)),
			Call: func(c C) error {
				return kernels.ColumnSumsWith(c.T(0), c.T(1), c.Rows, c.Classes, c.Sums)
			},
			Naive: do(func(c C) { n.ColumnSums(c.T(0), c.T(1), c.Classes) }), Check: checkColumnSums[T]},

		{Name: "CrossEntropy", Rows: true, Args: args(losses, logits, label), Check: checkLosses[T],
			Naive: label1},
		{Name: "CrossEntropyWith", Rows: true, Args: args(lossesNil, strided, label, weights),
			Opts: lossOpts, Value: true, Naive: label1, Check: checkLosses[T]},
		{Name: "CrossEntropyGrad", Rows: true, Args: args(dlogits, lossesNil, logits, label),
			Opts: Scale, Check: checkLosses[T], Naive: label2},
		{Name: "CrossEntropyGradWith", Rows: true, Opts: lossOpts, Value: true,
			Check: checkLosses[T],
			Args:  args(dstrided, lossesNil, strided, label, dloss, weights), Naive: label2},
		{Name: "CrossEntropyProb", Rows: true, Args: args(losses, logits, target),
			Check: checkLosses[T],
			Call: func(c C) error {
				return kernels.CrossEntropyProb(c.T(0), c.T(1), c.T(2), c.Classes)
			}, Naive: rows3(n.CrossEntropyProb)},
		{Name: "CrossEntropyProbWith", Rows: true,
			Args: args(lossesNil, strided, targetErr, weights),
			Opts: probOpts, Value: true, Naive: rows3(n.CrossEntropyProb), Check: checkLosses[T],
			Call: value(func(c C) (float64, error) {
				return kernels.CrossEntropyProbWith(c.T(0), c.T(1), c.T(2), c.Classes, c.Loss)
			})},
		{Name: "CrossEntropyProbGrad", Rows: true, Args: args(dlogits, lossesNil, logits, target),
			Opts: Scale, Check: checkLosses[T],
			Call: func(c C) error {
				return kernels.CrossEntropyProbGrad(c.T(0), c.T(1), c.T(2), c.T(3),
					c.Classes, c.Scale)
			}, Naive: prob2},
		{Name: "CrossEntropyProbGradWith", Rows: true, Opts: probOpts, Value: true,
			Check: checkLosses[T],
			Args:  args(dstrided, lossesNil, strided, targetErr, dloss, weights), Naive: prob2,
			Call: value(func(c C) (float64, error) {
				return kernels.CrossEntropyProbGradWith(c.T(0), c.T(1), c.T(2), c.T(3), c.Classes,
					c.T(4), c.Loss)
			})},

		{Name: "ShardStats", Rows: true, Args: args(out("stats").of(Stats).len(PerRow), strided),
			Opts: shardOpts,
			Call: func(c C) error { return kernels.ShardStats(statsOf(c, 0), c.T(1), c.Shard) }},
		{Name: "MergeRowStats", Args: args(merged.of(Stats).fill(Merged),
			in("src").of(Stats).fill(Merged)),
			Call: do(func(c C) { kernels.MergeRowStats(statsOf(c, 0), statsOf(c, 1)) })},
		{Name: "ShardMax", Rows: true, Args: args(out("m").len(PerRow), strided), Opts: shardOpts,
			Call: func(c C) error { return kernels.ShardMax(c.T(0), c.T(1), c.Shard) }},
		{Name: "MergeRowMax", Args: args(merged, in("src")), Call: two(kernels.MergeRowMax[T]),
			Check: exact(func(c C, i int) T { return max(c.T(0)[i], c.T(1)[i]) })},
		{Name: "ShardSums", Rows: true, Opts: shardOpts,
			Args: args(out("sums").of(Double).len(Chunks),
				Arg{Name: "out", Out: true, Len: PerRow, NilWith: "labels"}, strided, maxima,
				label.orNil())},
		{Name: "FoldChunks", Args: args(out("stats").of(Stats), in("m"),
			in("out").orNil(), in("sums").of(Double).len(Folds)),
			Call: do(func(c C) {
				kernels.FoldChunks(statsOf(c, 0), c.T(1), c.T(2), doubles(c, 3))
			})},
		{Name: "ShardCrossEntropy", Rows: true, Args: args(losses, strided, stats, label),
			Opts: shardOpts},
		{Name: "ShardCrossEntropyGrad", Rows: true, Opts: shardOpts | Scale, Check: checkShards[T],
			Args: args(dstrided, lossesNil, strided, stats, label)},
		{Name: "ShardSoftmax", Rows: true, Args: args(sharded, strided, stats),
			Opts: shardOpts | DstStrides, Call: shard2(kernels.ShardSoftmax[T])},
		{Name: "ShardLogSoftmax", Rows: true, Args: args(sharded, strided, stats),
			Opts: shardOpts | DstStrides, Call: shard2(kernels.ShardLogSoftmax[T])},

		// The functions without slices.
		{Name: "ISA", Call: that[T](func() bool {
			return slices.Contains(isa.Available(), kernels.ISA())
		})},
		{Name: "MaskLen", Call: that[T](func() bool {
			return kernels.MaskLen(64) == 1 && kernels.MaskLen(65) == 2
		})},
		{Name: "NoRowStats", Call: that[T](func() bool {
			return kernels.NoRowStats[T]().Rest == 0
		})},
		{Name: "RowStats.Merge", Call: that[T](func() bool {
			s := kernels.RowStats[T]{Max: 1, Out: 1, Rest: 2}
			return s.Merge(kernels.NoRowStats[T]()) == s && kernels.NoRowStats[T]().Merge(s) == s
		})},
		{Name: "ShardGrain", Call: that[T](func() bool {
			return kernels.ShardGrain[T]()*int(reflect.TypeFor[T]().Size()) == 16<<10
		})},
		{Name: "ShardChunks", Call: that[T](func() bool {
			n := kernels.ShardGrain[T]()
			return kernels.ShardChunks[T](n) == 1 && kernels.ShardChunks[T](n+1) == 2
		})},
		{Name: "Reduction.String", Call: that[T](func() bool {
			return fmt.Sprint(kernels.ReductionMean, kernels.ReductionSum, kernels.ReductionNone,
				kernels.Reduction(9)) == "mean sum none Reduction(9)"
		})},
		{Name: "Grain", Call: that[T](func() bool {
			return kernels.Grain[T](kernels.HeavyWork, 3, 2) == 3 &&
				kernels.Grain[T](kernels.LightWork, 1<<30, 1)%64 == 0
		})},
		{Name: "Parallel", Call: that[T](func() bool {
			n := 0
			kernels.Parallel(7, 7, func(lo, hi int) { n += hi - lo })
			return n == 7
		})},
		{Name: "PanicError.Error", Call: that[T](func() bool {
			return strings.Contains((&kernels.PanicError{Value: "why"}).Error(), "why")
		})},
		{Name: "PanicError.Unwrap", Call: that[T](func() bool {
			return errors.Is(&kernels.PanicError{Value: io.EOF}, io.EOF)
		})},
	}
}

// returned makes a Call of a function with a result.
func returned[T kernels.Float](f func(c *Call[T]) (float64, error)) func(c *Call[T]) error {
	return func(c *Call[T]) (err error) { c.Result, err = f(c); return }
}

// labelled returns the calls of the functions with labels, for the label type L. They are not in
// the table, so that nothing else is compiled once for each type of labels.
func labelled[T kernels.Float, L kernels.Label]() map[string]func(c *Call[T]) error {
	type C = *Call[T]
	value := returned[T]
	return map[string]func(c C) error{
		"CrossEntropy": func(c C) error {
			return kernels.CrossEntropy(c.T(0), c.T(1), labels[L](c, 2), c.Classes)
		},
		"CrossEntropyWith": value(func(c C) (float64, error) {
			return kernels.CrossEntropyWith(c.T(0), c.T(1), labels[L](c, 2), c.Classes, c.Loss)
		}),
		"CrossEntropyGrad": func(c C) error {
			return kernels.CrossEntropyGrad(c.T(0), c.T(1), c.T(2), labels[L](c, 3), c.Classes,
				c.Scale)
		},
		"CrossEntropyGradWith": value(func(c C) (float64, error) {
			return kernels.CrossEntropyGradWith(c.T(0), c.T(1), c.T(2), labels[L](c, 3), c.Classes,
				c.T(4), c.Loss)
		}),
		"ShardSums": func(c C) error {
			return kernels.ShardSums(doubles(c, 0), c.T(1), c.T(2), c.T(3), labels[L](c, 4), c.Shard)
		},
		"ShardCrossEntropy": func(c C) error {
			return kernels.ShardCrossEntropy(c.T(0), c.T(1), statsOf(c, 2), labels[L](c, 3), c.Shard)
		},
		"ShardCrossEntropyGrad": func(c C) error {
			return kernels.ShardCrossEntropyGrad(c.T(0), c.T(1), c.T(2), statsOf(c, 3),
				labels[L](c, 4), c.Scale, c.Shard)
		},
	}
}

func statsOf[T kernels.Float](c *Call[T], i int) []kernels.RowStats[T] {
	return kt.View[kernels.RowStats[T]](c.Ops[i])
}

func words[T kernels.Float](c *Call[T], i int) []uint64    { return kt.View[uint64](c.Ops[i]) }
func doubles[T kernels.Float](c *Call[T], i int) []float64 { return kt.View[float64](c.Ops[i]) }

// that makes the Call of a function without slices: ok reports whether the function does what it
// should.
func that[T kernels.Float](ok func() bool) func(c *Call[T]) error {
	return func(*Call[T]) error {
		if !ok() {
			return errors.New("does not do what it should")
		}
		return nil
	}
}
