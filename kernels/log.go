package main

import "kernels/internal/asmgen"

// lossLog ends rows of cross-entropy, several at once: log1p(r/w), or base + log(r) where base is not 0. r/w is computed for all of them, and so
// are copies of a row in the lanes that do not exist: zeros would be divided.
//
// The logarithm is fdlibm's (e_log.c, s_log1p.c), without branches: u = 1+v with its rounding error c, u = 2^k*(1+f) with 1+f in
// [sqrt(1/2), sqrt(2)), s = f/(2+f), log(1+f) = f - (f*f/2 - s*(f*f/2 + R(s*s))), and log1p(v) = log(u) + c/u.
var lossLog = asmgen.Kernel{
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
	Shape: asmgen.Map{Out: []string{"loss"}, In: []string{"r", "w", "base"}, Repeat: true, Unroll: 1, Pipeline: pipelines["lossLog"], Body: func(b *block, in, _ []vec) []vec {
		k := func(x float64) vec { return b.K(0, x) }
		const one, sqrtHalf = 0x3ff0000000000000, 0x3fe6a09e667f3bcd
		v := b.Div(in[0], in[1])
		u := b.Add(k(1), v)
		d := b.Sub(u, k(1))
		c := b.Add(b.Sub(k(1), b.Sub(u, d)), b.Sub(v, d))
		plain := b.Equal(in[2], k(0))
		u = b.Select(plain, u, in[0])
		c = b.Select(plain, c, k(0))

		bits := b.IntAdd(u, b.Bits(one-sqrtHalf))
		n := b.Sub(b.Or(b.ShiftRight(bits, 0, 52), k(0x1p52)), k(0x1p52+1023))
		f := b.Sub(b.IntAdd(b.And(bits, b.Bits(1<<52-1)), b.Bits(sqrtHalf)), k(1))

		s := b.Div(f, b.Add(k(2), f))
		z := b.Mul(s, s)
		q := b.Mul(z, z)
		even := b.FMA(q, k(1.531383769920937332e-01), k(2.222219843214978396e-01))
		even = b.FMA(q, even, k(3.999999999940941908e-01))
		odd := b.FMA(q, k(1.479819860511658591e-01), k(1.818357216161805012e-01))
		odd = b.FMA(q, odd, k(2.857142874366239149e-01))
		odd = b.FMA(q, odd, k(6.666666666666735130e-01))
		p := b.FMA(z, odd, b.Mul(q, even))
		h := b.Mul(b.Mul(k(0.5), f), f)
		// a NaN does not survive the bits above, but it does survive c/u
		t := b.FMA(s, b.Add(h, p), b.FMA(n, k(1.90821492927058770002e-10), b.Div(c, u)))
		return []vec{b.Add(b.FMA(n, k(6.93147180369123816490e-01), b.Sub(f, b.Sub(h, t))), in[2])}
	}},
}
