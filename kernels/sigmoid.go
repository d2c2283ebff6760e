package main

import "kernels/internal/asmgen"

// The parts of ln 2 that Cody-Waite reduction takes from x, n at a time: x - n*hi - n*lo, both by FMA, n*hi exact.
func reduce(b *block, n, x vec, sign float64) vec {
	t := b.FMA(n, b.K(float32(sign*0x1.62e4p-1), sign*0x1.62e42fefa38p-1), x)
	return b.FMA(n, b.K(float32(sign*0x1.7f7d1cp-20), sign*0x1.ef35793c7673p-45), t)
}

// Coefficients of (exp(t)-1-t)/t^2 on |t| <= ln2/2, highest degree first.
var (
	exp32 = []float32{0x1.694c82p-10, 0x1.12397cp-7, 0x1.555a26p-5, 0x1.555492p-3, 0x1.fffffap-2}
	exp64 = []float64{0x1.ad92d1dacb82fp-26, 0x1.28adf8e7a4278p-22, 0x1.71df18f7a6667p-19, 0x1.a01999629942ap-16,
		0x1.a01a012fed2e6p-13, 0x1.6c16c18475faap-10, 0x1.1111111126b36p-7, 0x1.55555555506bfp-5, 0x1.55555555554fep-3, 0x1.000000000000ap-1}
)

// horner evaluates a polynomial in t; with alternate set, in -t.
func horner(b *block, t vec, c32 []float32, c64 []float64, alternate bool) vec {
	n := len(c64)
	if b.Type() == asmgen.F32 {
		n = len(c32)
	}
	coefficient := func(i int) vec {
		sign := 1.0
		if alternate && (n-1-i)%2 == 1 {
			sign = -1
		}
		if b.Type() == asmgen.F32 {
			return b.K(float32(sign)*c32[i], 0)
		}
		return b.K(0, sign*c64[i])
	}
	r := b.FMA(coefficient(0), t, coefficient(1))
	for i := 2; i < n; i++ {
		r = b.FMA(r, t, coefficient(i))
	}
	return r
}

// Sigmoid, < 1 ULP. With s = c*2^k the rounded power of two in c*exp(-x), w the rest of x and P = w - w*w*r = 1 - exp(-w), the denominator
// c + s - s*P is kept in two parts, d and dl; q = c/d is corrected by its remainder. c = 2^-32 (2^-256) keeps every intermediate normal while y
// goes down to the subnormals; the exponent of the remainder is put right by an integer addition.
//
// In float64 the two terms of P go into the sums one by one, which spares its rounding, and multiplied by s, so that the sums are additions, for
// which some CPUs have ports besides those of the multiply-adds that all else waits for.
var sigmoid = []asmgen.Kernel{{
	Name:   "sigmoid",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	dst[i] = T(1 / (1 + math.Exp(-v)))
}`,
	Shape: asmgen.Map{Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["sigmoid"], Body: func(b *block, in, _ []vec) []vec {
		x := b.Max(b.K(-105, -750), b.Min(b.K(17.5, 38), in[0]))
		magic, c := b.K(0x1.8000BEp23, 0x1.8p52+767), b.K(0x1p-32, 0x1p-256)
		k := b.FMA(x, b.K(-0x1.715476p0, -0x1.71547652b82fep0), magic)
		n := b.Sub(k, magic)
		s := b.Spill(b.ShiftLeft(k, 23, 52))
		w := reduce(b, n, x, 1)
		r := horner(b, w, exp32, exp64, true)
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
		e = b.IntAdd(e, b.KInt(32<<23, 256<<52))
		return []vec{b.FMA(q, e, q)}
	}},
}}

// fastUnit is what SigmoidFast has in place of 1. With it both unit+T and unit-T stay in the upper half of a binade, where
// a rounding is small; found by walking all inputs.
const fastUnit = 0x1.a3d708p0

// Coefficients of fastUnit*tanh(t/2)/t in u = t*t on |t| <= ln2/2, highest degree first.
var (
	tanh32 = []float32{0x1.b85b7ep-8, -0x1.17e01ep-4, fastUnit / 2}
	tanh64 = []float64{0x1.717775f123c50p-21, -0x1.dbf36ee94910bp-18, 0x1.25cfe0cb45329p-14, -0x1.6a8749aa57382p-11, 0x1.bfd44ccc52ee4p-8, -0x1.17e4affffff11p-4, fastUnit / 2}
)

// SigmoidFast, 2.465 ULP in float32, at -0x1.842ba2p+3: with T = tanh(t/2), exp(t) = (1+T)/(1-T), and y = num/(num + s*(1-T)) with num =
// c*(1+T) needs no correction: what rounding does to num cancels where y is near 1. T and 1 are both scaled by fastUnit. The factor c = 2^-32
// (2^-256) comes by the exponent: a multiplication less for the ports that all the others wait for. It makes a number of NaN; 1-T is NaN still.
var sigmoidFast = asmgen.Kernel{
	Name:   "sigmoidFast",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	dst[i] = T(1 / (1 + math.Exp(-v)))
}`,
	Shape: asmgen.Map{Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["sigmoidFast"], Body: func(b *block, in, _ []vec) []vec {
		x := b.Max(b.K(-105, -750), b.Min(b.K(17.5, 38), in[0]))
		magic := b.K(0x1.8000BEp23, 0x1.8p52+767)
		k := b.FMA(x, b.K(-0x1.715476p0, -0x1.71547652b82fep0), magic)
		n := b.Sub(k, magic)
		s := b.Spill(b.ShiftLeft(k, 23, 52))
		t := reduce(b, n, x, 1)
		th := b.Mul(t, horner(b, b.Mul(t, t), tanh32, tanh64, false))
		num := b.IntSub(b.Add(b.K(fastUnit, fastUnit), th), b.KInt(32<<23, 256<<52))
		return []vec{b.Div(num, b.FMA(s, b.Sub(b.K(fastUnit, fastUnit), th), num))}
	}},
}

// SigmoidBackward: dx = (dy*(1-y))*y, every step rounded.
var sigmoidBackward = asmgen.Kernel{
	Name:   "sigmoidBackward",
	Params: "dx, dy, y []T",
	Loop: `
for i, v := range y {
	g := dy[i] * (1 - v)
	dx[i] = g * v
}`,
	Shape: asmgen.Map{Out: []string{"dx"}, In: []string{"dy", "y"}, Body: func(b *block, in, _ []vec) []vec {
		return []vec{b.Mul(b.Mul(in[0], b.Sub(b.K(1, 1), in[1])), in[1])}
	}},
}
