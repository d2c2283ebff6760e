package pages

import "kernels/internal/asmgen"

// eluPolynomial is that for (exp(t)-1-t)/t^2 on |t| <= ln(2)/2 in float32, with an error of
// 0.24*2^-24 of exp(t)-1. Float64 has that of wholePolynomial, whose error is 0.45*2^-53.
var eluPolynomial = polynomial{
	name: "elu",
	c32: []float32{
		0x1.6ab16cp-10, 0x1.122c86p-7, 0x1.55579ep-5, 0x1.5554aap-3, 0x1.fffffep-2,
	},
	c64: wholePolynomial.c64,
}

// Below eluMin, exp(x)-1 is -1.
var (
	eluMin     = number{"eluMin", -20, -40}
	eluMagic   = magic("eluMagic", 0, 0)
	minusLn2Hi = ln2Hi.times("minusLn2Hi", -1)
	minusLn2Lo = ln2Lo.times("minusLn2Lo", -1)
)

// ELU: y = x < 0 ? alpha*(exp(x)-1) : x. With exp(x) = s*exp(t), |t| <= ln(2)/2, and P = exp(t)-1,
//
//	y = (s*alpha - alpha) + s*alpha*P
//
// s is a power of two, so s*alpha is exact. The bracket is 0 for s = 1, and exact for s = 1/2,
// where the sum cancels most; for a smaller s it is rounded. That is why there is no table: Expm1,
// which has one, spends a dozen operations on what this difference loses.
//
// In float32 at most 0.950 ULP for alpha = 1, at -0x1.99d688p-2, and 1.894 for any alpha; in
// float64 at most 1.27 and 2.06: see TestWalk32, TestWalkELUAlpha32 and TestELUBound64.
var elu = []asmgen.Kernel{{
	Name:    "elu",
	Params:  "dst, x []T, alpha T",
	Streams: true,
	Loop: `
for i, v := range x {
	if v < 0 {
		v = alpha * T(math.Expm1(v))
	}
	dst[i] = v
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Scalars: []string{"alpha"},
		Unroll: 2, Pipeline: pipelines["elu"],
		Body: func(b *builder, in, scalars []vec) []vec {
			x, alpha, zero := in[0], scalars[0], b.K(0, 0)
			z := b.Max(eluMin.in(b), b.Min(zero, x))
			magic := eluMagic.in(b)
			k := b.FMA(z, log2e.in(b), magic)
			s := b.Mul(powerOfTwo(b, k), alpha)
			t := reduce(b, b.Sub(k, magic), z, minusLn2Hi, minusLn2Lo)
			p := b.FMA(b.Mul(t, t), horner(b, t, eluPolynomial), t)
			y := b.FMA(s, p, b.Sub(s, alpha))
			return []vec{b.Select(b.Less(x, zero), y, x)}
		},
	},
}, {
	// dx = x > 0 ? dy : dy*(alpha*exp(x)), where the exponential has the bits of Exp.
	Name:    "eluBackward",
	Params:  "dx, dy, x []T, alpha T",
	Streams: true,
	Loop: `
for i, v := range x {
	dx[i] = dy[i]
	if !(v > 0) {
		dx[i] *= alpha * T(math.Exp(v))
	}
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "x"}, Scalars: []string{"alpha"},
		Unroll: 2, Pipeline: pipelines["eluBackward"],
		Body: func(b *builder, in, scalars []vec) []vec {
			dy, x, zero := in[0], in[1], b.K(0, 0)
			z := b.Max(expMin.in(b), b.Min(zero, x))
			w := expScaled(b, z, expMagicDown.in(b))
			slope := b.Mul(b.Mul(w, expDown.in(b)), scalars[0])
			return []vec{b.Select(b.Less(zero, x), dy, b.Mul(dy, slope))}
		},
	},
}}
