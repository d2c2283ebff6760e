package pages

import "kernels/internal/asmgen"

// The sigmoid's exponential is scaled by c = 2^-32 (2^-256): all that is computed stays normal while
// the result goes down to the subnormals. Below minX that is 0, and above maxX it is 1.
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
	}},
}, sigmoidFast, sigmoidBackward}

// fastUnit is what SigmoidFast has in place of 1. With it both unit+T and unit-T stay in the upper half of a binade, where
// a rounding is small; found by walking all inputs.
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
		x := clamp(b, in[0])
		magic := sigmoidMagic.in(b)
		k := b.FMA(x, minusLog2e.in(b), magic)
		n := b.Sub(k, magic)
		s := b.Spill(powerOfTwo(b, k))
		t := reduce(b, n, x, true)
		th := b.Mul(t, horner(b, b.Mul(t, t), tanhPolynomial))
		num := b.IntSub(b.Add(fastUnit.in(b), th), scaleExponent(b))
		return []vec{b.Div(num, b.FMA(s, b.Sub(fastUnit.in(b), th), num))}
	}},
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
	Shape: asmgen.Map{Out: []string{"dx"}, In: []string{"dy", "y"}, Body: func(b *block, in, _ []vec) []vec {
		return []vec{b.Mul(b.Mul(in[0], b.Sub(b.K(1, 1), in[1])), in[1])}
	}},
}
