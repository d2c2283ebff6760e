package pages

import "kernels/internal/asmgen"

// Beyond tanhMax the result is 1.
var (
	tanhMax       = number{"tanhMax", 10, 20}
	tanhMagic     = magic("tanhMagic", 0, 0)
	minusTwoLog2e = log2e.times("minusTwoLog2e", -2)
)

// Tanh, < 2 ULP: (1-E)/(1+E) with E = exp(-2|x|) = s*(1-P), s = 2^n.
//
//	numerator = 1-s + s*P
//	denominator = 1+s - s*P
//
// For small x, n is 0 and the numerator is P itself. In float64, nl and dl keep what is lost when
// the two are rounded, and the quotient is corrected by its remainder; without this it is 2.1 ULP
// off. The remainder is divided by the denominator, for which the chord 1.5 - den/2 is close enough
// to 1/den.
//
// Float32 is 1.94 ULP off at the worst of all inputs: see TestWalkTanh32.
var tanh = []asmgen.Kernel{{
	Name:   "tanh",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	dst[i] = T(math.Tanh(v))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["tanh"],
		Body: func(b *block, in, _ []vec) []vec {
			one := b.K(1, 1)
			sign := b.And(in[0], signBit(b))
			a := b.Min(tanhMax.in(b), b.And(in[0], notSign(b)))
			magic := tanhMagic.in(b)
			k := b.FMA(a, minusTwoLog2e.in(b), magic)
			n := b.Sub(k, magic)
			s := b.Spill(powerOfTwo(b, k))
			w := reduce(b, n, b.Add(a, a), true)
			p := b.FNMA(b.Mul(w, w), horner(b, w, expPolynomial.negate()), w)
			less, more := b.Sub(one, s), b.Add(one, s)
			var q vec
			if b.Type() == asmgen.F32 {
				q = b.Div(b.FMA(s, p, less), b.FNMA(s, p, more))
			} else {
				sp := b.Mul(s, p) // exact; additions have ports of their own on some CPUs
				num, den := b.Add(less, sp), b.Sub(more, sp)
				q = b.Div(num, den)
				nl := b.Add(b.Sub(less, num), sp)
				dl := b.Sub(b.Sub(more, den), sp)
				e := b.FNMA(q, dl, b.Add(b.FNMA(q, den, num), nl))
				q = b.FMA(e, b.FMA(den, b.K(0, -0.5), b.K(0, 1.5)), q)
			}
			return []vec{b.Or(q, sign)}
		},
	},
}, {
	// dx = dy * (1 - y*y), the bracket rounded once.
	Name:   "tanhBackward",
	Params: "dx, dy, y []T",
	Loop: `
for i, v := range y {
	dx[i] = dy[i] * FMA(-v, v, 1)
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "y"},
		Body: func(b *block, in, _ []vec) []vec {
			return []vec{b.Mul(in[0], b.FNMA(in[1], in[1], b.K(1, 1)))}
		},
	},
}}
