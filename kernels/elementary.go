package pages

import "kernels/internal/asmgen"

// expTable has the numbers 2^(j/8) (2^(j/4)), rounded, and expTableLo what each lacks, relative to
// itself: no scale is free here. In float32, expTableLo also takes off what the polynomial has too
// much: see expPolynomial.
var (
	expTable = table{
		name: "expTable",
		f32: [...]float32{
			1, 0x1.172b84p+0, 0x1.306fep+0, 0x1.4bfdaep+0,
			0x1.6a09e6p+0, 0x1.8ace54p+0, 0x1.ae89fap+0, 0x1.d5818ep+0,
		},
		f64: [...]float64{1, 0x1.306fe0a31b715p+0, 0x1.6a09e667f3bcdp+0, 0x1.ae89f995ad3adp+0},
	}
	expTableLo = table{
		name: "expTableLo",
		f32: [...]float32{
			-0x1.234028p-26, -0x1.f14638p-26, 0x1.015fdcp-26, -0x1.9bd564p-25,
			0x1.629a7cp-33, -0x1.92af6ap-27, -0x1.1010d4p-25, -0x1.8c8886p-26,
		},
		f64: [...]float64{
			0, 0x1.34d754db0abb6p-55, -0x1.3b3efbf5e2228p-54, 0x1.c1a7792cb3387p-55,
		},
	}
)

// Beyond expMin and expMax the result is 0 and +Inf. expUp is the scale of the result for x >= 0,
// and expDown that for x < 0. In float64 expMagicUp has 2^12 binades more, which get lost in the
// shift to the exponent: without them, k would fall below 2^31 for a low x, and Lookup needs that
// bit.
var (
	expMin       = number{"expMin", -105, -746}
	expMax       = number{"expMax", 89, 710}
	expUp        = number{"expUp", 0x1p64, 0x1p512}
	expDown      = number{"expDown", 0x1p-64, 0x1p-512}
	expMagicUp   = tableMagic("expMagicUp", -64, -512+4096)
	expMagicDown = tableMagic("expMagicDown", 64, 512)
)

// expParts returns s and p, of which s + s*p is exp(x), scaled as magic says.
func expParts(b *builder, x, magic vec) (s, p vec) {
	k := b.FMA(x, log2ePart.in(b), magic)
	n := b.Sub(k, magic)
	s = expTable.power(b, k)
	t := reduce(b, n, x, minusLn2PartHi, minusLn2PartLo)
	t = b.Add(t, b.Lookup(expTableLo.entries(), k))
	return s, b.FMA(b.Mul(t, t), horner(b, t, expPolynomial), t)
}

// expScaled is exp(x), scaled as magic says.
func expScaled(b *builder, x, magic vec) vec {
	s, p := expParts(b, x, magic)
	return b.FMA(s, p, s)
}

// expm1Lo is what each entry of expTable lacks, and nothing else.
var expm1Lo = table{
	name: "expm1Lo",
	f32: [...]float32{
		0, -0x1.9c0c22p-27, 0x1.125002p-25, -0x1.0a3552p-25,
		0x1.26055cp-26, 0x1.67a1cap-28, -0x1.f9c306p-27, -0x1.a5217cp-28,
	},
	f64: expTableLo.f64,
}

// Beyond expm1Min the result is -1. Below expm1Least in size, x is the result.
var (
	expm1Min   = number{"expm1Min", -18, -38}
	expm1Least = number{"expm1Least", 0x1p-64, 0x1p-512}
	expm1Magic = tableMagic("expm1Magic", -2, -2)
	expm1Unit  = number{"expm1Unit", 0.25, 0.25}
	expm1Units = number{"expm1Units", 4, 4} // in 1
)

// expm1Polynomial is that for (exp(t)-1-t)/t^2 on |t| <= ln(2)/16 (ln(2)/8) by interpolation: in
// float32 at 0 and 0.91 of the ends, where t times the error is smallest, in float64 at Chebyshev's
// points. It is off by at most 0.09*2^-24 (0.011*2^-53) of exp(t)-1.
var expm1Polynomial = polynomial{
	name: "expm1",
	c32:  []float32{0x1.5559dep-5, 0x1.555c22p-3, 0x1p-1},
	c64: []float64{
		0x1.71eb2a646228p-19, 0x1.a02bcbc2b61c1p-16, 0x1.a01a0161e0e1p-13, 0x1.6c16c11687dc2p-10,
		0x1.111111111170dp-7, 0x1.55555555565cbp-5, 0x1.5555555555555p-3, 0x1p-1,
	},
}

// Exp, < 1 ULP. With 2^(n/8) = s*(1+lo) from two tables,
//
//	exp(x) = s + s*p, p = exp(t+lo) - 1
//
// so that the table's rounding costs one addition. The results span more exponents than the type
// has. So s is scaled down for x >= 0 and up for x < 0, and the result is scaled back by a
// multiplication. It is exact but for results that are subnormal, which are rounded twice, the
// first time in a place that is at most half as large.
//
// Worst input of float32: -31.928072, 0.8674 ULP. In float64 the roundings add up to 0.712 ULP (see
// TestElementaryBound64), and to 0.5 + 0.712/2 of the smallest number for subnormal results.
//
// Log, < 1 ULP. x = 2^k * (1+f), sqrt(1/2) <= 1+f < sqrt(2).
//
//	S + Sl = k*ln2Hi + f, exactly
//	log(x) = S + (Sl + k*ln2Lo + (log(1+f) - f))
//
// log(1+f) - f is f*f times a polynomial in float32. In float64 it is that of fdlibm: see lossLog.
// It is small beside S, and its roundings too: the largest, for |f| from .25 on, are those of f*f/2
// and of the sum in brackets. In float64 they add up to 0.31 ULP, and the last sum has 1/2. Worst
// input of float32: 1.3979094, 0.9509 ULP.
//
// Expm1, < 1 ULP. With s, t and lo as in Exp, but t in two parts,
//
//	S + Sl = s - 1, exactly
//	Q + Ql = S + Sl + s*t
//	exp(x)-1 = Q + (Ql + s*q), q = tl+lo + (exp(t)-1-t)
//
// A unit of s is a quarter of 1, so that s fits the type where x is so large that the result hardly
// does. Where |x| is so small that Q would be subnormal, x itself is the result. What is added to Q
// is at most a 43rd of it (float64: a 20th). In float64 the roundings add up to 0.645 ULP, the last
// sum's half included. Worst input of float32: -0.031741545, 0.6129 ULP.
//
// Log1p, < 1 ULP: the same for u = 1+x, whose rounding error c is exact, with c/u among the small
// terms. Where u is 1, c is x, and so is the result. Worst input of float32: 0.39801556, 0.9569
// ULP.
var elementary = []asmgen.Kernel{{
	Name:    "exp",
	Params:  "dst, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	dst[i] = T(math.Exp(v))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["exp"],
		Body: func(b *builder, in, _ []vec) []vec {
			x := b.Max(expMin.in(b), b.Min(expMax.in(b), in[0]))
			s, p := expParts(b, x, expMagicUp.in(b))
			// The exponents of expUp and expDown differ by half of their range, as those of s
			// do: by the next bit after the sign.
			down := b.ShiftRight(b.And(in[0], signBit(b)), 1, 1)
			s = b.IntAdd(s, down)
			return []vec{b.Mul(b.FMA(s, p, s), b.IntSub(expUp.in(b), down))}
		},
	},
}, {
	Name:   "expm1",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	dst[i] = T(math.Expm1(v))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["expm1"],
		Body: func(b *builder, in, _ []vec) []vec {
			x, unit, magic := in[0], expm1Unit.in(b), expm1Magic.in(b)
			z := b.Max(expm1Min.in(b), b.Min(expMax.in(b), x))
			k := b.FMA(z, log2ePart.in(b), magic)
			n := b.Sub(k, magic)
			s := expTable.power(b, k)
			th := b.FMA(n, minusLn2PartHi.in(b), z)
			tl := b.FMA(n, minusLn2PartLo.in(b), b.Lookup(expm1Lo.entries(), k))
			t := b.Add(th, tl)
			q := b.FMA(b.Mul(t, t), horner(b, t, expm1Polynomial), tl)

			top := b.Sub(s, unit)
			less := b.Sub(top, s)
			lost := b.Sub(b.Sub(s, b.Sub(top, less)), b.Add(unit, less))
			sum := b.FMA(s, th, top)
			rest := b.FMA(s, th, b.Add(b.Sub(top, sum), lost))
			y := b.Mul(b.Add(sum, b.FMA(s, q, rest)), expm1Units.in(b))

			small := b.Less(b.And(x, notSign(b)), expm1Least.in(b))
			return []vec{b.Select(small, x, y)}
		},
	},
}, {
	Name:   "log",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	dst[i] = T(math.Log(v))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["log"],
		Body: func(b *builder, in, _ []vec) []vec {
			x := in[0]
			small := b.Less(x, logSmallest.in(b))
			u := b.Mul(x, b.Select(small, logScale.in(b), b.K(1, 1))) // x*logScale could overflow
			k, f := exponent(b, u, b.Select(small, logFromScaled.in(b), logFrom.in(b)))
			y := logSum(b, k, f, b.K(0, 0))

			return []vec{logSpecial(b, y, x, x)}
		},
	},
}, {
	Name:   "log1p",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	dst[i] = T(math.Log1p(v))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["log1p"],
		Body: func(b *builder, in, _ []vec) []vec {
			x, one := in[0], b.K(1, 1)
			u := b.Add(x, one)
			d := b.Sub(u, one)
			c := b.Add(b.Sub(one, b.Sub(u, d)), b.Sub(x, d))
			k, f := exponent(b, u, logFrom.in(b))
			y := logSum(b, k, f, b.Div(c, u))
			y = b.Or(y, b.And(x, signBit(b))) // of -0
			return []vec{logSpecial(b, y, x, u)}
		},
	},
}}

// logSpecial is the logarithm y of u but where x is +Inf or NaN, or u is not positive.
func logSpecial(b *builder, y, x, u vec) vec {
	y = b.Select(b.Less(x, plusInf(b)), y, x)
	below := b.Select(b.Equal(u, b.K(0, 0)), minusInf(b), notANumber(b))
	return b.Select(b.Less(u, b.Named("smallest", b.Bits(1))), below, y)
}

var (
	// Below logSmallest, the smallest normal number, x is multiplied by logScale.
	logSmallest = number{"logSmallest", 0x1p-126, 0x1p-1022}
	logScale    = number{"logScale", 0x1p24, 0x1p54}

	// An integer i < 2^23 (2^52) in the mantissa of logTo is the number logTo + i.
	logTo         = number{"logTo", 0x1p23, 0x1p52}
	logFrom       = number{"logFrom", 0x1p23 + bias32, 0x1p52 + bias64}
	logFromScaled = number{"logFromScaled", 0x1p23 + bias32 + 24, 0x1p52 + bias64 + 54}
)

// exponent splits a positive normal u into k and f, where u = 2^k*(1+f) and sqrt(1/2) <= 1+f <
// sqrt(2). from is logFrom for the exponent as it is.
func exponent(b *builder, u, from vec) (k, f vec) {
	const one32, sqrtHalf32 = 0x3f800000, 0x3f3504f3
	const one64, sqrtHalf64 = 0x3ff0000000000000, 0x3fe6a09e667f3bcd
	bits := b.IntAdd(u, b.Named("oneMinusSqrtHalf", b.KInt(one32-sqrtHalf32, one64-sqrtHalf64)))
	k = b.Sub(b.Or(b.ShiftRight(bits, shift32, shift64), logTo.in(b)), from)
	mantissa := b.And(bits, b.Named("mantissa", b.KInt(1<<shift32-1, 1<<shift64-1)))
	f = b.IntAdd(mantissa, b.Named("sqrtHalf", b.KInt(sqrtHalf32, sqrtHalf64)))
	return k, b.Sub(f, b.K(1, 1))
}

// logSum is k*ln 2 + log(1+f) + c for a c that is small beside it.
func logSum(b *builder, k, f, c vec) vec {
	s := b.FMA(k, ln2Hi.in(b), f)
	sl := b.Sub(f, b.FNMA(k, ln2Hi.in(b), s))
	e := b.FMA(k, ln2Lo.in(b), b.Add(sl, c))
	if b.Type() == asmgen.F32 {
		return b.Add(s, b.FMA(b.Mul(f, f), horner(b, f, logPolynomial), e))
	}
	half := b.Mul(b.K(0, 0.5), f)
	q := b.Div(f, b.Add(b.K(0, 2), f))
	r := b.Add(b.Mul(half, f), fdlibmR(b, b.Mul(q, q)))
	return b.Add(s, b.FNMA(half, f, b.FMA(q, r, e)))
}

// logPolynomial is that for (log(1+f)-f)/f^2 by interpolation, for sqrt(1/2) <= 1+f < sqrt(2).
var logPolynomial = polynomial{
	name: "log",
	c32: []float32{
		-0x1.3a4ff6p-4, 0x1.048f72p-3, -0x1.0cda32p-3, 0x1.22ea5ap-3, -0x1.548382p-3, 0x1.99a012p-3,
		-0x1.00020cp-2, 0x1.555554p-2, -0x1.fffffep-2,
	},
}

func infinity(b *builder, sign32, sign64 uint64) vec {
	if b.Type() == asmgen.F32 {
		return b.Bits(sign32 | 0x7f800000)
	}
	return b.Bits(sign64 | 0x7ff0000000000000)
}

func plusInf(b *builder) vec  { return b.Named("plusInf", infinity(b, 0, 0)) }
func minusInf(b *builder) vec { return b.Named("minusInf", infinity(b, 1<<31, 1<<63)) }

func notANumber(b *builder) vec {
	return b.Named("notANumber", infinity(b, 1<<22, 1<<51))
}
