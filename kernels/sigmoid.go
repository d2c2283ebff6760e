package pages

import "kernels/internal/asmgen"

// The sigmoid's exponential is scaled by c = 2^-32 (2^-256), so that all intermediate values stay
// normal while the result goes down to the subnormals. Below minX the result is 0; above maxX, 1.
const scale32, scale64 = 32, 256

var (
	sigmoidScale = number{"sigmoidScale", 0x1p-32, 0x1p-256} // 2^-scale
	sigmoidMagic = magic("sigmoidMagic", -scale32, -scale64)
	minX         = number{"sigmoidMin", -105, -750}
	maxX         = number{"sigmoidMax", 17.5, 38}
)

// clamp keeps x where the sigmoid changes. NaN passes.
func clamp(b *block, x vec) vec { return b.Max(minX.in(b), b.Min(maxX.in(b), x)) }

// scaleExponent is the scale in the place of the exponent, for integer additions.
func scaleExponent(b *block) vec {
	return b.Named("sigmoidExponent", b.KInt(scale32<<shift32, scale64<<shift64))
}

// Sigmoid, < 1 ULP: y = c/(c + c*exp(-x)).
//
//	n = rint(-x/ln 2)
//	w = x + n*ln 2
//	s = c * 2^n
//	P = 1 - exp(-w) = w - w*w*r
//	c*exp(-x) = s*(1-P)
//	y = c/(c + s - s*P)
//
// The denominator is kept in two parts, d and dl. The quotient q = c/d is corrected by its
// remainder. Because of the factor c, the exponent of the remainder is put right by an integer
// addition.
//
// In float64 the two terms of P are multiplied by s, and go into the sums one by one. This spares
// the rounding of P, and makes the sums additions: some CPUs have ports for these besides those of
// the multiply-adds, which all else waits for.
var sigmoid = []asmgen.Kernel{{
	Name:   "sigmoid",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	dst[i] = T(1 / (1 + math.Exp(-v)))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["sigmoid"],
		Body: func(b *block, in, _ []vec) []vec {
			x := clamp(b, in[0])
			magic, c := sigmoidMagic.in(b), sigmoidScale.in(b)
			k := b.FMA(x, minusLog2e.in(b), magic)
			n := b.Sub(k, magic)
			s := b.Spill(powerOfTwo(b, k))
			w := reduce(b, n, x, true)
			r := horner(b, w, expPolynomial.negate())
			var d, dl vec
			if b.Type() == asmgen.F32 {
				p := b.FNMA(b.Mul(w, w), r, w)
				d = b.FNMA(s, p, b.Add(c, s))
				dl = b.FNMA(s, p, b.Sub(c, b.Sub(d, s)))
			} else {
				sw := b.Mul(s, w)
				swr := b.Mul(b.Mul(sw, w), r)
				d = b.Sub(b.Add(c, s), b.Sub(sw, swr))
				dl = b.Add(b.Sub(b.Sub(c, b.Sub(d, s)), sw), swr)
			}
			q := b.Div(c, d)
			e := b.FNMA(q, d, c)
			e = b.FNMA(q, dl, e)
			e = b.IntAdd(e, scaleExponent(b))
			return []vec{b.FMA(q, e, q)}
		},
	},
}, sigmoidFast, sigmoidBackward}

// fastOne is what SigmoidFast has in place of 1. With it, 1+T and 1-T both stay in the upper half
// of a binade, where a rounding error is small. It was found by walking all inputs.
const fastOne = 0x1.a3d708p0

var fastUnit = number{"fastUnit", fastOne, fastOne}

// Minimax coefficients of fastUnit*tanh(t/2)/t in t*t on |t| <= ln(2)/2.
var tanhPolynomial = polynomial{
	name: "tanh",
	c32:  []float32{0x1.b85b7ep-8, -0x1.17e01ep-4, fastOne / 2},
	c64: []float64{
		0x1.717775f123c50p-21, -0x1.dbf36ee94910bp-18, 0x1.25cfe0cb45329p-14,
		-0x1.6a8749aa57382p-11, 0x1.bfd44ccc52ee4p-8, -0x1.17e4affffff11p-4, fastOne / 2,
	},
}

// SigmoidFast, 2.465 ULP in float32, at -0x1.842ba2p+3. With T = tanh(t/2),
//
//	exp(t) = (1+T)/(1-T)
//	num = c*(1+T)
//	y = num/(num + s*(1-T))
//
// This needs no correction: what rounding does to num cancels where y is near 1. T and 1 are both
// scaled by fastUnit. The factor c = 2^-32 (2^-256) comes by an integer subtraction from the
// exponent, which spares a multiplication where all else waits for the multiply-adds. The
// subtraction makes a number of NaN, but 1-T is still NaN.
var sigmoidFast = asmgen.Kernel{
	Name:   "sigmoidFast",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	dst[i] = T(1 / (1 + math.Exp(-v)))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["sigmoidFast"],
		Body: func(b *block, in, _ []vec) []vec {
			x := clamp(b, in[0])
			magic := sigmoidMagic.in(b)
			k := b.FMA(x, minusLog2e.in(b), magic)
			n := b.Sub(k, magic)
			s := b.Spill(powerOfTwo(b, k))
			t := reduce(b, n, x, true)
			th := b.Mul(t, horner(b, b.Mul(t, t), tanhPolynomial))
			num := b.IntSub(b.Add(fastUnit.in(b), th), scaleExponent(b))
			return []vec{b.Div(num, b.FMA(s, b.Sub(fastUnit.in(b), th), num))}
		},
	},
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
		Body: func(b *block, in, _ []vec) []vec {
			return []vec{b.Mul(b.Mul(in[0], b.Sub(b.K(1, 1), in[1])), in[1])}
		},
	},
}
