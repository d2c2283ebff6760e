package pages

import (
	"fmt"

	"kernels/internal/asmgen"
)

// The exponential is scaled by c, so that 1+exp(-z) has a place for all z. Above geluTanhMax the
// result is x; below geluTanhMin it rounds to -0.
const geluScale32, geluScale64 = 64, 256

var (
	geluScale   = number{"geluScale", 0x1p-64, 0x1p-256} // c
	geluMagic   = tableMagic("geluMagic", -geluScale32, -geluScale64)
	geluTanhMax = number{"geluTanhMax", 5.125, 7.25}
	geluTanhMin = number{"geluTanhMin", -10.875, -21.75}
)

// z is x*(A + B*x*x) in eighths of an octave (float64: quarters): A is 2*sqrt(2/pi)*8/ln 2, and B
// that times 0.044715, both in two parts. The first part of A is so short that A - p is exact.
var (
	geluTanhA   = number{"geluTanhA", 0x1.26aecp+4, 0x1.26aec21bce76p+3}
	geluTanhALo = number{"geluTanhALo", 0x1.0de73ap-19, -0x1.ad12d7a64bcebp-47}
	geluTanhB   = number{"geluTanhB", 0x1.a5a7dp-1, 0x1.a5a7cf7572a98p-2}
	geluTanhBLo = number{"geluTanhBLo", -0x1.151aaep-26, -0x1.b91c940e4cfcfp-56}
)

// exp2Polynomial is 2^(r/8)/a - 1 (float64: 2^(r/4)/a - 1) with the smallest error on |r| <=
// 0.5005, where a is the scale of sigmoidTable: 1.8e-8 (3.0e-18).
var exp2Polynomial = polynomial{
	name: "exp2",
	c32:  []float32{0x1.c43cbp-14, 0x1.e9567ap-9, 0x1.60ed64p-4, -0x1.6ab198p-8},
	c64: []float64{
		0x1.62c26b18bc2abp-36, 0x1.ffcff7567be31p-31, 0x1.42f8258d73bcbp-25, 0x1.5d75ad96bbe40p-20,
		0x1.3b1a33be3416fp-15, 0x1.c698bad208e02p-11, 0x1.ebe2192279649p-7, 0x1.62d197e20c192p-3,
		-0x1.ad34e13f5cd19p-13,
	},
}

// GELUTanh, < 2 ULP: y = x/(1 + exp(-z)), z = 2*sqrt(2/pi)*(x + 0.044715*x^3).
//
// In the tail, the relative error of the result is the absolute error of z. So z is x*(p+pl), in
// parts of an octave and to twice the precision, and the exponential is that of base 2:
//
//	n = rint(-z)
//	r = -z - n
//	s = a*c * 2^(n/8)  (float64: 4)
//	P = 2^(r/8)/a - 1
//	c*exp(-z) = s*(1+P)
//
// The sum of c and s in two parts leaves one rounding of the denominator, and another of the
// quotient. c is a power of two, and y/c is normal, so that to multiply by c rounds only where y is
// subnormal.
var geluTanh = []asmgen.Kernel{{
	Name:   "geluTanh",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	z := 2 * math.Sqrt(2/math.Pi) * (v + 0.044715*v*v*v)
	dst[i] = T(v / (1 + math.Exp(-z)))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["geluTanh"],
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{geluTanhOf(b, in[0])}
		},
	},
}, geluTanhBackward}

func geluTanhOf(b *builder, v vec) vec {
	top, c := geluTanhMax.in(b), geluScale.in(b)
	x := b.Max(geluTanhMin.in(b), b.Min(top, v))
	k, r, _ := geluTanhArgument(b, x, geluMagic)
	s := sigmoidTable.power(b, k)
	sum := b.Add(c, s)
	sl := b.Add(b.Sub(b.Max(c, s), sum), b.Min(c, s))
	d := b.Add(sum, b.FMA(s, horner(b, r, exp2Polynomial), sl))
	y := b.Mul(b.Div(x, d), c)
	return b.Select(b.Less(v, top), y, v)
}

// geluTanhArgument returns n and the magic number, r, and x*x.
func geluTanhArgument(b *builder, x vec, shift number) (k, r, square vec) {
	magic := shift.in(b)
	square = b.Mul(x, x)
	p := b.FMA(square, geluTanhB.in(b), geluTanhA.in(b))
	pl := b.FMA(square, geluTanhB.in(b), b.Sub(geluTanhA.in(b), p))
	pl = b.FNMA(b.FNMA(x, x, square), geluTanhB.in(b), pl)
	pl = b.Add(pl, b.FMA(square, geluTanhBLo.in(b), geluTanhALo.in(b)))
	k = b.FNMA(x, p, magic)
	r = b.FNMA(x, pl, b.FNMA(x, p, b.Sub(magic, k)))
	return k, r, square
}

// A bend is a function of |x| in eight cells, of which number j is that of the |x| nearest to
// j*width: a polynomial of degree 7 in |x| - N. It is constant from top on, which is in the last
// cell.
type bend struct {
	top, perWidth number
	n             table
	c             [8]table // from the constant up
}

func newBend(name string, top float32, width float64, n [8]float32, c [8][8]float32) (d bend) {
	d.top = number{name + "Top", top, 0}
	d.perWidth = number{name + "PerWidth", float32(1 / width), 0}
	d.n = table{name: name + "N", f32: n}
	for i := range c {
		d.c[i] = table{name: fmt.Sprintf("%sC%d", name, i), f32: c[i]}
	}
	return d
}

// at is the value at |x|. NaN passes.
func (d bend) at(b *builder, x vec) vec {
	a := b.Min(d.top.in(b), b.And(x, notSign(b)))
	cell := b.FMA(a, d.perWidth.in(b), rounding.in(b))
	t := b.Sub(a, b.Lookup(d.n.entries(), cell))
	y := b.Lookup(d.c[7].entries(), cell)
	for i := 6; i >= 0; i-- {
		y = b.FMA(y, t, b.Lookup(d.c[i].entries(), cell))
	}
	return y
}

// geluTanhBend is |y' - 1/2| of GELUTanh. The numbers N, near the middles of the cells, are those
// for which the constants happen to be rounded by very little. The other coefficients are those of
// the polynomial with the smallest error, rounded: off by at most 0.27*2^-24 together.
var geluTanhBend = newBend("geluTanhBend", 5.6, 0.75,
	[8]float32{
		0, 0x1.7fb53p-1, 0x1.8023eep+0, 0x1.1f9896p+1,
		0x1.807d66p+1, 0x1.e08b4ap+1, 0x1.1f79ccp+2, 0x1.4fb966p+2,
	},
	[8][8]float32{
		{
			0, 0x1.fea8f4p-2, 0x1.41611cp-1, 0x1.1ed5dcp-1,
			0x1.05de7ep-1, 0x1.007a9ep-1, 0x1.000404p-1, 0x1.00000ap-1,
		},
		{
			0x1.988454p-1, 0x1.bb22bep-2, -0x1.f70f0ep-6, -0x1.93e1bcp-4,
			-0x1.020fep-5, -0x1.e58bc2p-9, -0x1.5774c2p-13, -0x1.174cd6p-19,
		},
		{
			-0x1.978266p-23, -0x1.8ca9eap-2, -0x1.5b4ca4p-3, 0x1.23c53ep-5,
			0x1.1be198p-5, 0x1.ab5568p-8, 0x1.aa8436p-12, 0x1.d0937ap-18,
		},
		{
			-0x1.11afeep-2, -0x1.1947a2p-6, 0x1.216072p-3, 0x1.0ff65ep-5,
			-0x1.0c24c8p-6, -0x1.aaf994p-8, -0x1.43326ep-11, -0x1.e74178p-17,
		},
		{
			-0x1.037294p-14, 0x1.d37e54p-4, -0x1.d18eaap-7, -0x1.1cee3cp-5,
			-0x1.1917ap-10, 0x1.ef8b9ap-9, 0x1.488704p-11, 0x1.6566c8p-16,
		},
		{
			0x1.f86cf4p-5, -0x1.09d44p-6, -0x1.be3618p-6, 0x1.2a8894p-7,
			0x1.5146d8p-8, -0x1.f2e176p-11, -0x1.c9d328p-12, -0x1.872e3ap-16,
		},
		{
			-0x1.215d82p-10, -0x1.392ddcp-6, 0x1.4d5454p-7, 0x1.5c0ffcp-9,
			-0x1.1ff9fcp-9, -0x1.48d604p-12, 0x1.975998p-13, 0x1.5fcfdap-16,
		},
		{
			-0x1.16be84p-7, 0x1.40f082p-8, 0x1.aa70b8p-10, -0x1.1145bp-9,
			0x1.4429c4p-14, 0x1.505082p-12, -0x1.446b62p-15, -0x1.bb452p-17,
		},
	},
)

// GELUTanhBackward: dx = dy*g, g the derivative. 1/2 is what g(x) and g(-x) are both off, by a
// bend of |x|. In float32 that is a polynomial; its rounding and the last one are all that counts.
//
// In float64, with E = exp(-z) for |x| and z' its derivative,
//
//	q = E/(1+E), t = 1/(1+E)
//	g(-|x|) = q - q*z'*|x|*t
//
// and g(|x|) is 1 less that. ql is what q lacks, the low parts of E and 1+E included; t has as much
// too much. To correct both is to add ql*(1 - z'*|x|*(t-q)) to g: then the last rounding is most of
// the error. The exponential is scaled by a large c, so that it is normal for all |x| whose g is
// not 0.
var geluTanhBackward = asmgen.Kernel{
	Name:    "geluTanhBackward",
	Params:  "dx, dy, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	u := math.Sqrt(2/math.Pi) * v * (1 + 0.044715*v*v)
	slope := math.Sqrt(2/math.Pi) * (1 + 3*0.044715*v*v)
	t := math.Tanh(u)
	dx[i] = dy[i] * T((1+t)/2 + v/2*(1-t*t)*slope)
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "x"}, Pipeline: pipelines["geluTanhBackward"],
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{b.Mul(in[0], geluTanhSlope(b, in[1]))}
		},
	},
}

func geluTanhSlope(b *builder, x vec) vec {
	if b.Type() == asmgen.F32 {
		return slope32(b, x, geluTanhBend)
	}
	return geluTanhSlope64(b, x)
}

// slope32 is 1/2 and a bend with the sign of x.
func slope32(b *builder, x vec, d bend) vec {
	return b.Add(b.Or(d.at(b, x), b.And(x, signBit(b))), b.K(0.5, 0))
}

var (
	geluUpScale      = number{"geluUpScale", 0, 0x1p256}
	geluDownScale    = number{"geluDownScale", 0, 0x1p-256}
	geluUpMagic      = tableMagic("geluUpMagic", geluScale32, geluScale64)
	geluTanhEnd      = number{"geluTanhEnd", 0, 22}
	geluTanhSlopeA   = number{"geluTanhSlopeA", 0, 0x1.9884533d43651p+0} // 2*sqrt(2/pi)
	geluTanhSlopeALo = number{"geluTanhSlopeALo", 0, -0x1.cbc0d30ebfd15p-54}
	geluTanhSlopeB3  = number{"geluTanhSlopeB3", 0, 0x1.b6676bf7450f0p-3} // 3*0.044715 times that
)

func geluTanhSlope64(b *builder, x vec) vec {
	one, c := b.K(0, 1), geluUpScale.in(b)
	a := b.Min(geluTanhEnd.in(b), b.And(x, notSign(b)))
	k, r, square := geluTanhArgument(b, a, geluUpMagic)
	s := sigmoidTable.power(b, k)
	p := horner(b, r, exp2Polynomial)
	e := b.FMA(s, p, s)
	el := b.FMA(s, p, b.Sub(s, e))
	d := b.Add(c, e)
	dl := b.Add(b.Sub(c, d), e)
	q, t := b.Div(e, d), b.Div(c, d)
	ql := b.FNMA(q, dl, b.Add(b.FNMA(q, d, e), el))
	ql = b.Mul(b.Mul(ql, geluDownScale.in(b)), t)
	slope := b.FMA(square, geluTanhSlopeB3.in(b), geluTanhSlopeA.in(b))
	sl := b.FMA(square, geluTanhSlopeB3.in(b), b.Sub(geluTanhSlopeA.in(b), slope))
	m := b.Mul(a, slope)
	ml := b.FNMA(a, b.Add(sl, geluTanhSlopeALo.in(b)), b.FNMA(a, slope, m))
	mt := b.Mul(m, t)
	mtl := b.FMA(ml, t, b.FNMA(m, t, mt))
	ql = b.FMA(q, mtl, b.Mul(ql, b.FMA(m, b.Sub(q, t), one)))
	below := b.Add(q, b.FNMA(q, mt, ql))
	return b.Select(b.Less(x, b.K(0, 0)), below, b.Sub(one, below))
}
