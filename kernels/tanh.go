package pages

import "kernels/internal/asmgen"

// Beyond tanhMax the result is 1.
var (
	tanhMax       = number{"tanhMax", 9.1, 20}
	tanhMagic     = magic("tanhMagic", 0, 0)
	minusTwoLog2e = log2e.times("minusTwoLog2e", -2)
)

// Tanh, < 2 ULP. In float32 without an exponential: of eight numbers N, the nearest to |x| but for
// the ends of their intervals, the hyperbolic tangent B is in a table, with C = 1-B*B.
//
//	t = |x| - N
//	Q = t/tanh(t), a polynomial in t*t
//	tanh(N+t) = (B + tanh(t))/(1 + B*tanh(t)) = B + t*C/(Q + B*t)
//
// t is exact, and so is a result of subnormals, where N = B = 0 and Q = C = 1. At the worst of all
// inputs it is 1.841 ULP off: see TestWalk32.
//
// In float64, (1-E)/(1+E) with E = exp(-2|x|) = s*(1-P), s = 2^n.
//
//	numerator = 1-s + s*P
//	denominator = 1+s - s*P
//
// For small x, n is 0 and the numerator is P itself. nl and dl keep what is lost when the two are
// rounded, and the quotient is corrected by its remainder; without this it is 2.1 ULP off. The
// remainder is divided by the denominator, for which the chord 1.5 - den/2 is close enough to
// 1/den.
var tanh = []asmgen.Kernel{{
	Name:    "tanh",
	Params:  "dst, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	dst[i] = T(math.Tanh(v))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["tanh"],
		Body: func(b *builder, in, _ []vec) []vec {
			sign := b.And(in[0], signBit(b))
			a := b.Min(tanhMax.in(b), b.And(in[0], notSign(b)))
			if b.Type() == asmgen.F64 {
				return []vec{b.Or(tanh64(b, a), sign)}
			}
			cell := b.ShiftRight(b.Add(a, tanhCell.in(b)), tanhShift, 0)
			t := b.Sub(a, b.Lookup(tanhN.entries(), cell))
			at, c := b.Lookup(tanhB.entries(), cell), b.Lookup(tanhC.entries(), cell)
			q := horner(b, b.Mul(t, t), tanhQuotient)
			y := b.Add(at, b.Div(b.Mul(t, c), b.FMA(at, t, q)))
			return []vec{b.Or(y, sign)}
		},
	},
}, {
	// dx = dy * (1 - y*y), the bracket rounded once.
	Name:    "tanhBackward",
	Params:  "dx, dy, y []T",
	Streams: true,
	Loop: `
for i, v := range y {
	dx[i] = dy[i] * FMA(-v, v, 1)
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "y"},
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{b.Mul(in[0], b.FNMA(in[1], in[1], b.K(1, 1)))}
		},
	},
}}

// The bits of |x| + tanhCell from tanhShift on count the cells of |x|: there is a new one at 1/2,
// 3/2, 5/2, 7/2, 9/2, 13/2 and 17/2.
var tanhCell = number{"tanhCell", 3.5, 0}

const tanhShift = 21

// The tables by the low three bits of the cell's number.
var (
	tanhN = table{name: "tanhN", f32: [...]float32{
		0x1.53029p+2, 0x1.cc867cp+2, 0x1.154246p+3, 0,
		0x1.f22734p-1, 0x1.ffca5cp+0, 0x1.7fbc22p+1, 0x1.003d06p+2,
	}}
	tanhB = table{name: "tanhB", f32: [...]float32{
		0x1.fff96ep-1, 0x1.ffffdap-1, 0x1.fffffep-1, 0,
		0x1.800004p-1, 0x1.ed8d7p-1, 0x1.fd7522p-1, 0x1.ffa8bep-1,
	}}
	tanhC = table{name: "tanhC", f32: [...]float32{
		0x1.a47d4cp-14, 0x1.2dd372p-19, 0x1.ffffecp-24, 1,
		0x1.bffff4p-2, 0x1.21d7c2p-4, 0x1.44a026p-7, 0x1.5cea44p-10,
	}}
)

// tanhQuotient is t/tanh(t) in t*t.
var tanhQuotient = polynomial{
	name: "tanhQuotient",
	c32:  []float32{0x1.089866p-9, -0x1.6bdcfep-6, 0x1.555532p-2, 1},
}

func tanh64(b *builder, a vec) vec {
	one := b.K(0, 1)
	magic := tanhMagic.in(b)
	k := b.FMA(a, minusTwoLog2e.in(b), magic)
	n := b.Sub(k, magic)
	s := b.Spill(powerOfTwo(b, k))
	w := reduce(b, n, b.Add(a, a), ln2Hi, ln2Lo)
	p := b.FNMA(b.Mul(w, w), horner(b, w, wholePolynomial.negate()), w)
	less, more := b.Sub(one, s), b.Add(one, s)
	sp := b.Mul(s, p) // exact; additions have ports of their own on some CPUs
	num, den := b.Add(less, sp), b.Sub(more, sp)
	q := b.Div(num, den)
	nl := b.Add(b.Sub(less, num), sp)
	dl := b.Sub(b.Sub(more, den), sp)
	e := b.FNMA(q, dl, b.Add(b.FNMA(q, den, num), nl))
	return b.FMA(e, b.FMA(den, b.K(0, -0.5), b.K(0, 1.5)), q)
}
