package pages

import "kernels/internal/asmgen"

var (
	// 2/d for 2a <= d <= 3a, to 2.1%, is softplusChord + softplusSlope*d.
	softplusSlope = number{"softplusSlope", -0x1.98p-3, -0x1.8dbp-3}
	softplusChord = number{"softplusChord", 0x1.468p+0, 0x1.4258p+0}
)

// Softplus: y = max(0, x) + log(1+E), E = exp(-|x|), with log(1+E) = 2*atanh(E/(2+E)) as in
// sigmoidloss.go. There, the roundings of E, of the denominator and of the quotient add up. Here,
// the quotient is corrected by its remainder, to which the first two are added:
//
//	w = s - s*P, wl what is lost when w is rounded: a*E/unit in two parts
//	d = w*unit + 2a, dl what is lost, and wl*unit
//	q = w/d
//	r = w - q*d + wl - q*dl
//	log(1+E) = (2q + 2r/d + q*u*polynomial)*unit, u = (q*unit)^2
//
// A linear function is close enough to 2/d. The last operation takes out the scale and adds max(0,
// x), so that y is good to its last bit also where it is subnormal.
//
// In float32 at most 1.364 ULP, at 0x1.0d29bp-05; in float64 at most 1.34: see TestWalk32
// and TestSoftplusBound64.
var softplus = []asmgen.Kernel{{
	Name:    "softplus",
	Params:  "dst, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	dst[i] = T(max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Unroll: 2, Pipeline: pipelines["softplus"],
		Body: func(b *builder, in, _ []vec) []vec {
			x := in[0]
			unit, twoA := rowUnit.in(b), twoLossA.in(b)
			z := b.Min(lossMax.in(b), b.And(x, notSign(b)))
			s, p := sigmoidExp(b, rowTable, z, lossMagic.in(b))
			w := b.FNMA(s, p, s)
			wl := b.FNMA(s, p, b.Sub(s, w))
			d := b.FMA(w, unit, twoA)
			dl := b.FMA(wl, unit, b.FMA(w, unit, b.Sub(twoA, d)))
			q := b.Div(w, d)
			r := b.FNMA(q, dl, b.Add(b.FNMA(q, d, w), wl))
			more := b.Mul(r, b.FMA(d, softplusSlope.in(b), softplusChord.in(b)))
			v := b.Mul(q, unit)
			u := b.Mul(v, v)
			more = b.FMA(b.Mul(q, u), horner(b, u, atanhPolynomial), more)
			return []vec{b.FMA(b.Add(b.Add(q, q), more), unit, b.Max(b.K(0, 0), x))}
		},
	},
}, {
	// dx = dy*sigmoid(x), where the sigmoid has the bits of Sigmoid.
	Name:    "softplusBackward",
	Params:  "dx, dy, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	dx[i] = dy[i] * T(1/(1+math.Exp(-v)))
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "x"}, Unroll: 2,
		Pipeline: pipelines["softplusBackward"],
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{b.Mul(in[0], sigmoidOf(b, in[1]))}
		},
	},
}}
