//go:build peers

package main

import (
	"math"

	"kernels"
	"kernels/internal/ktable"
	"kernels/internal/ktest"
)

// torchCases lists the functions with their exact results. Each bound is that of the function's doc
// comment. A function that has none there has the sum of its roundings (SigmoidBackward,
// TanhBackward, the gradients of GEGLU), or what internal/ktable allows (SwiGLU, float64
// SiLUBackward).
func torchCases[T kernels.Float]() []torchCase[T] {
	type (
		C      = *ktable.Call[T]
		scaled = ktest.Scaled
		result = func(c C, k, i int) scaled
	)
	num := ktest.ScaledOf
	one, zero := num(1), scaled{}
	u := 0x1p-53
	if ktest.Is32[T]() {
		u = 0x1p-24
	}
	arg := func(c C, name string, i int) float64 { return float64(c.Arg(name)[i]) }
	of := func(f func(x float64) scaled) result {
		return func(c C, _, i int) scaled { return whole(f, arg(c, "x", i)) }
	}
	neg := func(a scaled) scaled { return scaled{DD: a.Neg(), Exp: a.Exp} }
	// back is dy times the derivative at x, or y.
	back := func(of string, f func(x float64) scaled) result {
		return func(c C, _, i int) scaled { return times(whole(f, arg(c, of, i)), arg(c, "dy", i)) }
	}
	ofDY := func(n float64) func(c C, k, i int) float64 {
		return func(c C, _, i int) float64 { return n * u * math.Abs(arg(c, "dy", i)) }
	}
	// The gated units: a result, and for the backward two of them.
	gated := func(f func(x float64) scaled) result {
		return func(c C, _, i int) scaled { return times(whole(f, arg(c, "gate", i)), arg(c, "up", i)) }
	}
	gatedBack := func(f, slope func(x float64) scaled) result {
		return func(c C, k, i int) scaled {
			if k == 1 {
				return times(whole(f, arg(c, "gate", i)), arg(c, "dy", i))
			}
			return times(times(whole(slope, arg(c, "gate", i)), arg(c, "dy", i)), arg(c, "up", i))
		}
	}
	tiny := float64(ktest.FromBits[T](1))
	// Where the activation is subnormal, its rounding counts.
	ofUp := func(n float64) func(c C, k, i int) float64 {
		return func(c C, _, i int) float64 { return n * tiny * math.Abs(arg(c, "up", i)) }
	}
	ofBoth := func(c C, k, i int) float64 {
		s := 2 * u * math.Abs(arg(c, "dy", i))
		if k == 0 {
			s *= math.Abs(arg(c, "up", i))
		}
		return s
	}

	clamped := func(f func(x float64) scaled) func(x float64) scaled {
		return func(x float64) scaled { return f(min(max(x, -1e5), 1e5)) }
	}
	sigmoid := clamped(func(x float64) scaled { return zeroBelow(x, ktest.SigmoidDD) })
	silu := above(func(x float64) scaled { return zeroBelow(x, ktest.SiLUDD) })
	softplus := above(func(x float64) scaled { return zeroBelow(x, ktest.SoftplusDD) })
	siluSlope := clamped(func(x float64) scaled {
		return sigmoid(x).Mul(one.Add(sigmoid(-x).Mul(num(x))))
	})
	slope := func(f func(x float64) ktest.DD) func(x float64) scaled {
		return clamped(func(x float64) scaled { return scaled{DD: f(x)} })
	}
	geluSlope, geluTanhSlope := slope(ktest.GELUSlopeDD), slope(ktest.GELUTanhSlopeDD)
	exp := func(x float64) scaled {
		switch {
		case x < -1e5:
			return zero
		case x > 1e5:
			return scaled{DD: one.DD, Exp: 2000}
		}
		return ktest.ExpDD(ktest.DD{Hi: x})
	}
	expm1 := func(x float64) scaled {
		if math.Abs(x) > 1e5 {
			return exp(x).Add(num(-1))
		}
		return ktest.Expm1DD(x)
	}
	logarithm := func(x float64) scaled {
		switch {
		case x < 0:
			return scaled{DD: ktest.DD{Hi: math.NaN()}}
		case x == 0:
			return scaled{DD: ktest.DD{Hi: math.Inf(-1)}}
		}
		return ktest.LogDD(x)
	}
	log1p := func(x float64) scaled {
		if x <= -1 {
			return logarithm(1 + x)
		}
		return ktest.Log1pOfDD(x)
	}
	relu := func(x float64) scaled { return num(max(x, 0)) }
	leaky := func(c C, x float64) scaled {
		if x > 0 {
			return one
		}
		return num(float64(c.Scale))
	}
	six := num(6)
	hardSigmoid := func(x float64) scaled {
		switch {
		case x <= -3:
			return zero
		case x >= 3:
			return one
		}
		return num(x).Add(num(3)).Div(six)
	}
	hardSwish := func(x float64) scaled {
		if x <= -3 {
			return zero
		}
		return hardSigmoid(x).Mul(num(x))
	}
	hardSigmoidSlope := func(x float64) scaled {
		if x <= -3 || x >= 3 {
			return zero
		}
		return one.Div(six)
	}
	hardSwishSlope := func(x float64) scaled {
		switch {
		case x <= -3:
			return zero
		case x >= 3:
			return one
		}
		return num(2 * x).Add(num(3)).Div(six)
	}
	elu := func(x float64) scaled { // alpha is 1
		if x < 0 {
			return expm1(x)
		}
		return num(x)
	}
	eluSlope := func(x float64) scaled {
		if x > 0 {
			return one
		}
		return exp(x)
	}
	row := func(c C, name string, r int) *ktest.RowDD { return ktest.NewRowDD(c.Row(c.Index(name), r)) }
	label := func(c C, r int) int { return int(c.Ops[c.Index("labels")].At(r).Int()) }
	bounds := func(f32, f64 float64) [2]float64 { return [2]float64{f32, f64} }
	rows := func(f32, f64 func(classes int) float64) [2]float64 { return bounds(f32(10), f64(10)) }
	more := func(b [2]float64, n float64) [2]float64 { return bounds(b[0]+n, b[1]+n) }

	return []torchCase[T]{
		{name: "ReLU", exact: of(relu)},
		{name: "ReLUBackwardOutput", exact: func(c C, _, i int) scaled {
			if arg(c, "y", i) <= 0 {
				return zero
			}
			return num(arg(c, "dy", i))
		}},
		{name: "LeakyReLU", bound: bounds(0.5, 0.5), exact: func(c C, _, i int) scaled {
			x := arg(c, "x", i)
			return whole(func(x float64) scaled { return leaky(c, x).Mul(num(x)) }, x)
		}},
		{name: "LeakyReLUBackward", bound: bounds(0.5, 0.5), exact: func(c C, _, i int) scaled {
			return leaky(c, arg(c, "x", i)).Mul(num(arg(c, "dy", i)))
		}},
		{name: "ReLUSquared", bound: bounds(0.5, 0.5),
			exact: of(func(x float64) scaled { return relu(x).Mul(relu(x)) })},
		{name: "ReLUSquaredBackward", bound: bounds(1, 1),
			exact: back("x", func(x float64) scaled { return relu(x).Mul(num(2)) })},
		{name: "HardSigmoid", bound: bounds(1.2, 1.2), exact: of(hardSigmoid)},
		{name: "HardSigmoidBackward", bound: bounds(1, 1), exact: func(c C, _, i int) scaled {
			return hardSigmoidSlope(arg(c, "x", i)).Mul(num(arg(c, "dy", i)))
		}},
		{name: "HardSwish", bound: bounds(2.5, 2.5), exact: of(hardSwish)},
		{name: "HardSwishBackward", bound: bounds(2.5, 2.5), exact: back("x", hardSwishSlope)},
		{name: "Sigmoid", bound: bounds(0.923, ktest.SigmoidBound64), exact: of(sigmoid)},
		{name: "SigmoidFast", bound: bounds(2.099, ktest.SigmoidFastBound64), exact: of(sigmoid)},
		{name: "SigmoidBackward", bound: bounds(3, 3), exact: func(c C, _, i int) scaled {
			y := num(arg(c, "y", i))
			return num(arg(c, "dy", i)).Mul(one.Add(neg(y))).Mul(y)
		}},
		{name: "Tanh", bound: bounds(1.841, ktest.TanhBound64), exact: of(ktest.TanhDD)},
		{name: "TanhBackward", bound: bounds(2, 2), exact: back("y", func(y float64) scaled {
			return one.Add(neg(num(y).Mul(num(y))))
		})},
		{name: "Erf", bound: bounds(1.098, 1.49), exact: of(ktest.ErfDD)},
		{name: "GELU", bound: bounds(1.5, 2.02), exact: of(ktest.GELUDD)},
		{name: "GELUBackward", bound: bounds(3, 3), exact: back("x", geluSlope), slack: ofDY(1)},
		{name: "GELUTanh", bound: bounds(2, 1.7), exact: of(ktest.GELUTanhDD)},
		{name: "GELUTanhBackward", bound: bounds(3, 3), exact: back("x", geluTanhSlope), slack: ofDY(1)},
		{name: "GEGLU", bound: bounds(3, 3), exact: gated(ktest.GELUDD), slack: ofUp(2.02)},
		{name: "GEGLUBackward", bound: bounds(4, 4), exact: gatedBack(ktest.GELUDD, geluSlope), slack: ofBoth},
		{name: "GEGLUTanh", bound: bounds(4.2, 4.2), exact: gated(ktest.GELUTanhDD), slack: ofUp(2)},
		{name: "GEGLUTanhBackward", bound: bounds(4.2, 4.2), exact: gatedBack(ktest.GELUTanhDD, geluTanhSlope),
			slack: ofBoth},
		{name: "SiLU", bound: bounds(1.843, 3.02), exact: of(silu)},
		{name: "SiLUBackward", bound: bounds(5.43, 5.5), exact: back("x", siluSlope), slack: ofDY(1)},
		{name: "SwiGLU", bound: bounds(4, 4), exact: gated(silu)},
		{name: "SwiGLUBackward", bound: bounds(7, 7), exact: gatedBack(silu, siluSlope), slack: ofBoth},
		{name: "Exp", bound: bounds(0.926, 0.856), exact: of(exp)},
		{name: "Expm1", bound: bounds(0.613, 0.645), exact: of(expm1)},
		{name: "Log", bound: bounds(0.951, 0.81), exact: of(logarithm)},
		{name: "Log1p", bound: bounds(0.957, 0.81), exact: of(log1p)},
		{name: "Softplus", bound: bounds(1.364, 1.34), exact: of(softplus)},
		{name: "SoftplusBackward", bound: bounds(2.4, 2.4), exact: back("x", sigmoid),
			slack: func(c C, _, i int) float64 { return tiny * max(1, math.Abs(arg(c, "dy", i))) }},
		{name: "ELU", bound: bounds(0.95, 1.27), exact: of(elu)},
		{name: "ELUBackward", bound: bounds(3, 3), exact: back("x", eluSlope), slack: ofDY(1)},
		{name: "SigmoidCrossEntropy", bound: bounds(ktest.SigmoidLossBound[float32](),
			ktest.SigmoidLossBound[float64]()), exact: func(c C, _, i int) scaled {
			x := arg(c, "logits", i)
			if arg(c, "targets", i) == 1 {
				x = -x
			}
			return whole(softplus, x)
		}},
		{name: "SigmoidCrossEntropyGrad", bound: bounds(ktest.SigmoidGradBound[float32](),
			ktest.SigmoidGradBound[float64]()), exact: func(c C, _, i int) scaled {
			if x := arg(c, "logits", i); arg(c, "targets", i) == 1 {
				return neg(whole(sigmoid, -x))
			} else {
				return whole(sigmoid, x)
			}
		}},
		{name: "Softmax", bound: rows(ktest.SoftmaxBound[float32], ktest.SoftmaxBound[float64]),
			exact: func(c C, _, i int) scaled { return row(c, "x", i/c.Classes).Prob(i % c.Classes) }},
		{name: "LogSoftmax", bound: rows(ktest.LogSoftmaxBound[float32], ktest.LogSoftmaxBound[float64]),
			exact: func(c C, _, i int) scaled { return neg(row(c, "x", i/c.Classes).NegLogProb(i % c.Classes)) }},
		{name: "LogSumExp", bound: more(rows(ktest.LogSumExpBound[float32], ktest.LogSumExpBound[float64]), 1),
			exact: func(c C, _, i int) scaled {
				b := row(c, "x", i)
				return b.NegLogProb(b.Max).Add(num(b.X[b.Max]))
			},
			slack: func(c C, _, i int) float64 {
				b := row(c, "x", i)
				bound := ktest.LogSumExpBound[T](c.Classes) + 1
				return bound * u * b.NegLogProb(b.Max).Float64()
			}},
		{name: "CrossEntropy", bound: rows(ktest.CrossEntropyBound[float32], ktest.CrossEntropyBound[float64]),
			exact: func(c C, _, i int) scaled { return row(c, "logits", i).NegLogProb(label(c, i)) }},
		{name: "CrossEntropyGrad",
			bound: rows(ktest.CrossEntropyGradBound[float32], ktest.CrossEntropyGradBound[float64]),
			exact: func(c C, _, i int) scaled {
				r := i / c.Classes
				return row(c, "logits", r).Grad(i%c.Classes, label(c, r))
			}},
	}
}

// whole is f of any x. For an infinite one, it is what f goes to; f has no bounds there, or has
// come to its end by 2e5.
func whole(f func(x float64) ktest.Scaled, x float64) ktest.Scaled {
	if x != x {
		return ktest.Scaled{DD: ktest.DD{Hi: x}}
	}
	if !math.IsInf(x, 0) {
		return f(x)
	}
	near, far := f(math.Copysign(2e5, x)), f(math.Copysign(4e5, x))
	if v := far.Float64(); math.IsInf(v, 0) || math.Abs(v) > math.Abs(near.Float64())+0.1 {
		return ktest.Scaled{DD: ktest.DD{Hi: math.Inf(int(math.Copysign(1, v)))}}
	}
	return far
}

// times is a*b, where a may be infinite and b is a number.
func times(a ktest.Scaled, b float64) ktest.Scaled {
	if math.IsInf(a.Hi, 0) {
		return ktest.Scaled{DD: ktest.DD{Hi: a.Hi * b}}
	}
	return a.Mul(ktest.ScaledOf(b))
}

// zeroBelow is f, or 0 where x is so low that f of it has no exponential.
func zeroBelow(x float64, f func(x float64) ktest.Scaled) ktest.Scaled {
	if x < -1e5+1 {
		return ktest.Scaled{}
	}
	return f(x)
}

// above is f, or x where x is so high that f of it is x.
func above(f func(x float64) ktest.Scaled) func(x float64) ktest.Scaled {
	return func(x float64) ktest.Scaled {
		if x > 1e5 {
			return ktest.ScaledOf(x)
		}
		return f(x)
	}
}
