package pages

import "kernels/internal/asmgen"

// The sigmoid's exponential is scaled by c, a little above 2^-32 (2^-256), so that all intermediate
// values stay normal while the result goes down to the subnormals. Below minX the result is 0;
// above maxX, 1.
const scale32, scale64 = 32, 256

var (
	sigmoidScale = number{"sigmoidScale", 0x1.016cb6p-32, 0x1.000d6a5af9f9dp-256} // c
	sigmoidMagic = tableMagic("sigmoidMagic", -scale32, -scale64)
	minX         = number{"sigmoidMin", -105, -750}
	maxX         = number{"sigmoidMax", 17.5, 38}
)

// sigmoidTable has c*2^32 (c*2^256) for a scale. The remainder is divided by c in the exponent
// alone, so c is near a power of two: within 1%. It is above it, for below it what c is more than d
// would not be exact.
var sigmoidTable = table{
	name: "sigmoidTable",
	f32: [...]float32{
		0x1.016cb6p+0, 0x1.18b93cp+0, 0x1.322198p+0, 0x1.4dd6a6p+0,
		0x1.6c0daep+0, 0x1.8d00cap+0, 0x1.b0ef58p+0, 0x1.d81e7p+0,
	},
	f64: [...]float64{
		0x1.000d6a5af9f9dp+0, 0x1.307fd4cc07582p+0, 0x1.6a1cdf51696b2p+0, 0x1.aea089757c16bp+0,
	},
}

// sigmoidPolynomial is expPolynomial with another error, which sigmoidConstant makes smaller.
var sigmoidPolynomial = polynomial{
	name: "sigmoidExp",
	c32:  []float32{0x1.555bccp-3, 0x1.000a7p-1},
	c64:  expPolynomial.c64,
}

// sigmoidConstant is what 1 in exp(-w) = 1 - w + ... is off, over 1/2.
var sigmoidConstant = number{"sigmoidConstant", -0x1.3b4028p-25, 0}

// clamp keeps x where the sigmoid changes. NaN passes.
func clamp(b *builder, x vec) vec { return b.Max(minX.in(b), b.Min(maxX.in(b), x)) }

// scaleExponent is the scale in the place of the exponent, for integer additions.
func scaleExponent(b *builder) vec {
	return b.Named("sigmoidExponent", b.KInt(scale32<<shift32, scale64<<shift64))
}

// sigmoidExp returns s and P, of which s*(1-P) is exp(-x) times a scale, of the table and in magic.
func sigmoidExp(b *builder, t table, x, magic vec) (s, p vec) {
	k := b.FMA(x, minusLog2ePart.in(b), magic)
	n := b.Sub(k, magic)
	s = t.power(b, k)
	w := reduce(b, n, x, ln2PartHi, ln2PartLo)
	r := horner(b, w, sigmoidPolynomial.negate())
	if b.Type() == asmgen.F32 {
		return s, b.FNMA(b.FMA(w, w, sigmoidConstant.in(b)), r, w)
	}
	return s, b.FNMA(b.Mul(w, w), r, w)
}

// Sigmoid, < 1 ULP: y = c/(c + c*exp(-x)).
//
//	n = rint(-8*x/ln 2)  (float64: 4)
//	w = x + n/8*ln 2
//	s = c * 2^(n/8)
//	P = 1 - exp(-w) = w - w*w*r
//	c*exp(-x) = s*(1-P)
//	y = c/(c + s - s*P)
//
// The denominator is kept in two parts, d and dl: what the smaller of c and s loses when it is
// added to the larger one is exact. The quotient q = c/d is corrected by its remainder. Because of
// the factor c, the exponent of the remainder is put right by an integer addition.
var sigmoid = []asmgen.Kernel{{
	Name:    "sigmoid",
	Params:  "dst, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	dst[i] = T(1 / (1 + math.Exp(-v)))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["sigmoid"],
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{sigmoidOf(b, in[0])}
		},
	},
}, sigmoidFast, sigmoidBackward}

// sigmoidOf is the sigmoid of x.
func sigmoidOf(b *builder, x vec) vec {
	x = clamp(b, x)
	magic, c := sigmoidMagic.in(b), sigmoidScale.in(b)
	s, p := sigmoidExp(b, sigmoidTable, x, magic)
	more, less := b.Max(c, s), b.Min(c, s)
	d := b.FNMA(s, p, b.Add(c, s))
	dl := b.FNMA(s, p, b.Add(b.Sub(more, d), less))
	q := b.Div(c, d)
	e := b.FNMA(q, d, c)
	e = b.FNMA(q, dl, e)
	e = b.IntAdd(e, scaleExponent(b))
	return b.FMA(q, e, q)
}

// SigmoidFast, 2.099 ULP in float32, at -0x1.a620e6p+4.
//
//	E = -6*exp(-w), a polynomial of degree 3 with leading coefficient 1
//	s = -c/6 * 2^(n/8)
//	y = c/(c + s*E)
//
// In float64, v = fastUnit*w, Q = v/tanh(w/2), a polynomial in v*v, and
//
//	exp(-w) = (Q-v)/(Q+v)
//	num = c*(Q+v)
//	y = num/(num + s*(Q-v))
//
// A rounding of Q cancels but for w times it. With fastUnit, Q+v and Q-v are both in the upper half
// of a binade, where a rounding is small. v is off by fastShift, so that the numbers of the table,
// c*exp(fastShift/fastUnit)*2^(n/4), happen to be rounded by very little. Nothing needs a
// correction: what rounding does to num cancels where y is near 1. The factor c = 2^-256 comes by
// an integer subtraction from the exponent, which spares a multiplication where all else waits for
// the multiply-adds. The subtraction makes a number of NaN, but Q-v is still NaN.
var sigmoidFast = asmgen.Kernel{
	Name:   "sigmoidFast",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	dst[i] = T(1 / (1 + math.Exp(-v)))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["sigmoidFast"],
		Body: func(b *builder, in, _ []vec) []vec {
			x := clamp(b, in[0])
			magic := sigmoidMagic.in(b)
			k := b.FMA(x, minusLog2ePart.in(b), magic)
			n := b.Sub(k, magic)
			s := b.Spill(fastTable.power(b, k))
			if b.Type() == asmgen.F64 {
				v := b.FMA(b.FMA(n, ln2PartHi.in(b), x), fastUnit.in(b),
					b.FMA(n, fastLo.in(b), fastShift.in(b)))
				q := horner(b, b.Mul(v, v), fastQuotient)
				num := b.IntSub(b.Add(q, v), scaleExponent(b))
				return []vec{b.Div(num, b.FMA(s, b.Sub(q, v), num))}
			}
			c := fastScale.in(b)
			w := reduce(b, n, x, ln2PartHi, ln2PartLo)
			v := b.Add(w, fastA.in(b))
			e := b.FMA(w, b.FMA(v, v, fastB.in(b)), fastC.in(b))
			return []vec{b.Div(c, b.FMA(s, e, c))}
		},
	},
}

// The cubic w*((w+A)^2+B)+C. Its scale is free, so that the leading coefficient may be 1, and its
// square spares a multiply-add.
var (
	fastScale = number{"fastScale", 0x1.958396p-30, 0} // c
	fastA     = number{"fastA", -0x1.80087ap+0, 0}
	fastB     = number{"fastB", 0x1.dfe4bep+1, 0}
	fastC     = number{"fastC", -0x1.7ff8bap+2, 0}
)

// fastTable has -c/6*2^32 for a scale, and in float64 exp(fastShift/fastUnit).
var fastTable = table{
	name: "fastTable",
	f32: [...]float32{
		-0x1.0e5cd8p+0, -0x1.26d524p+0, -0x1.418468p+0, -0x1.5e9df4p+0,
		-0x1.7e59bep+0, -0x1.a0f4ccp+0, -0x1.c6b1aap+0, -0x1.efd8eap+0,
	},
	f64: [...]float64{
		0x1.ff40210617edp-1, 0x1.2ffdca51b3cb2p+0, 0x1.69823a0b7f23dp+0, 0x1.ade8a19d196c7p+0,
	},
}

var (
	fastUnit  = number{"fastUnit", 0, 0.84375}
	fastShift = number{"fastShift", 0, -0x1.4405p-10}
	fastLo    = ln2PartLo.times("fastLo", fastUnit.f64)
)

// fastQuotient is v/tanh(w/2) in v*v, for |w| up to ln(2)/8 and the shift. Of all polynomials of
// its degree with this constant term it has the smallest largest error times w.
var fastQuotient = polynomial{
	name: "fastQuotient",
	c64:  []float64{0x1.4437abfc29711p-13, -0x1.2f10b018b6955p-8, 0x1.948b0fcd6c991p-3, 2 * fastUnit.f64},
}

// SigmoidBackward: dx = (dy*(1-y))*y, every step rounded.
var sigmoidBackward = asmgen.Kernel{
	Name:    "sigmoidBackward",
	Params:  "dx, dy, y []T",
	Streams: true,
	Loop: `
for i, v := range y {
	g := dy[i] * (1 - v)
	dx[i] = g * v
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "y"},
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{b.Mul(b.Mul(in[0], b.Sub(b.K(1, 1), in[1])), in[1])}
		},
	},
}
