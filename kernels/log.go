package pages

import "kernels/internal/asmgen"

// The constants of fdlibm's logarithm (e_log.c), for float64 only: ln 2 in two parts, of which the
// first ends in 32 zero bits, and the coefficients of R, by the power of s*s.
var (
	logLn2Hi = number{"logLn2Hi", 0, 6.93147180369123816490e-01}
	logLn2Lo = number{"logLn2Lo", 0, 1.90821492927058770002e-10}
	logC     = [...]number{
		1: {"logC1", 0, 6.666666666666735130e-01},
		2: {"logC2", 0, 3.999999999940941908e-01},
		3: {"logC3", 0, 2.857142874366239149e-01},
		4: {"logC4", 0, 2.222219843214978396e-01},
		5: {"logC5", 0, 1.818357216161805012e-01},
		6: {"logC6", 0, 1.531383769920937332e-01},
		7: {"logC7", 0, 1.479819860511658591e-01},
	}

	// An integer i < 2^52 in the mantissa of 2^52 is the number 2^52 + i.
	toNumber   = number{"toNumber", 0, 0x1p52}
	fromNumber = number{"fromNumber", 0, 0x1p52 + bias64}
)

// lossLog ends rows of cross-entropy, several at once: log1p(r/w), or base + log(r) where base is
// not 0. The quotient r/w is computed in all lanes. Lanes without a row hold a copy of another row,
// because 0/0 would raise a floating-point exception.
//
// The logarithm is fdlibm's (e_log.c, s_log1p.c), without branches:
//
//	u = 1+v, c its rounding error
//	u = 2^k * (1+f), sqrt(1/2) <= 1+f < sqrt(2)
//	s = f/(2+f)
//	log(1+f) = f - (f*f/2 - s*(f*f/2 + R(s*s)))
//	log1p(v) = log(u) + c/u
var logarithm = []asmgen.Kernel{{
	Name:   "lossLog",
	Params: "loss, r, w, base []T",
	Types:  []asmgen.Type{asmgen.F64},
	Loop: `
for i := range loss {
	if base[i] == 0 {
		loss[i] = math.Log1p(r[i] / w[i])
	} else {
		loss[i] = base[i] + math.Log(r[i])
	}
}`,
	Shape: asmgen.Map{
		Out: []string{"loss"}, In: []string{"r", "w", "base"}, Repeat: true,
		Unroll: 1, Pipeline: pipelines["lossLog"], Body: lossLog,
	},
}}

func lossLog(b *builder, in, _ []vec) []vec {
	k := func(x float64) vec { return b.K(0, x) }
	v := b.Div(in[0], in[1])
	u := b.Add(k(1), v)
	d := b.Sub(u, k(1))
	c := b.Add(b.Sub(k(1), b.Sub(u, d)), b.Sub(v, d))
	plain := b.Equal(in[2], k(0))
	u = b.Select(plain, u, in[0])
	c = b.Select(plain, c, k(0))

	// k and f from the bits of u, so that sqrt(1/2) <= 1+f
	const one, sqrtHalf = 0x3ff0000000000000, 0x3fe6a09e667f3bcd
	bits := b.IntAdd(u, b.Named("oneMinusSqrtHalf", b.Bits(one-sqrtHalf)))
	n := b.Sub(b.Or(b.ShiftRight(bits, 0, shift64), toNumber.in(b)), fromNumber.in(b))
	mantissa := b.And(bits, b.Named("mantissa", b.Bits(1<<shift64-1)))
	f := b.Sub(b.IntAdd(mantissa, b.Named("sqrtHalf", b.Bits(sqrtHalf))), k(1))

	s := b.Div(f, b.Add(k(2), f))
	z := b.Mul(s, s)
	p := fdlibmR(b, z)
	h := b.Mul(b.Mul(k(0.5), f), f)
	// the operations on bits above lose a NaN; c/u keeps it
	t := b.FMA(s, b.Add(h, p), b.FMA(n, logLn2Lo.in(b), b.Div(c, u)))
	return []vec{b.Add(b.FMA(n, logLn2Hi.in(b), b.Sub(f, b.Sub(h, t))), in[2])}
}

// fdlibmR is R in z = s*s.
func fdlibmR(b *builder, z vec) vec {
	q := b.Mul(z, z)
	even := b.FMA(q, logC[6].in(b), logC[4].in(b))
	even = b.FMA(q, even, logC[2].in(b))
	odd := b.FMA(q, logC[7].in(b), logC[5].in(b))
	odd = b.FMA(q, odd, logC[3].in(b))
	odd = b.FMA(q, odd, logC[1].in(b))
	return b.FMA(z, odd, b.Mul(q, even))
}
