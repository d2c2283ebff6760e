package pages

import (
	"fmt"

	"kernels/internal/asmgen"
)

// From geluEnd on, what is taken from max(0, x) rounds to 0.
var (
	geluEnd      = number{"geluEnd", 14.5, 38.75}
	geluMagicAt0 = tableMagic("geluMagicAt0", 0, 0)
	geluLoMagic  = tableMagic("geluLoMagic", 0, 1<<12-128)
	geluHiMagic  = tableMagic("geluHiMagic", 0, 128)
	geluK        = number{"geluK", 0x1.715476p+2, 0x1.71547652b82fep+1} // 4/ln 2 (float64: 2/ln 2)
	geluKLo      = number{"geluKLo", 0x1.4ae0cp-24, 0x1.777d0ffda0ep-55}
)

// geluN and geluC have the polynomials of a*R(a) in float32, by the number of the cell.
var geluN = table{name: "geluN", f32: [8]float32{
	0x1.ff7bf8p-1, 0x1.ff556p+0, 0x1.bfb4bep+1, 0x1.5f12a6p+2,
	0x1.1094fep+3, 0x1.90bfa6p+3, 0, 0,
}}

var geluC = [9][8]float32{
	{
		0x1.0bba5cp-2, 0x1.5828bcp-2, 0x1.7d1c68p-2, 0x1.8c1c3p-2,
		0x1.931adcp-2, 0x1.95f5ep-2, 0, 0,
	},
	{
		0x1.fd673ap-4, 0x1.5e0c02p-5, 0x1.a347cep-7, 0x1.09c488p-8,
		0x1.38fe04p-10, 0x1.9a67a4p-12, 0, 0,
	},
	{
		-0x1.34b5eap-4, -0x1.4a8abep-6, -0x1.1f75b6p-8, -0x1.04649ap-10,
		-0x1.a33534p-13, -0x1.7fc1cep-15, 0, -0x1.988452p-2,
	},
	{
		0x1.2fceb8p-5, 0x1.03f232p-7, 0x1.508bf2p-10, 0x1.bb4064p-13,
		0x1.ed68b4p-16, 0x1.3d1d36p-18, 0, 0x1.ffff8cp-3,
	},
	{
		-0x1.03dec2p-6, -0x1.6a3beap-9, -0x1.641b7cp-12, -0x1.5a190cp-15,
		-0x1.0d3654p-18, -0x1.e88674p-22, 0, -0x1.1050c8p-3,
	},
	{
		0x1.8f7658p-8, 0x1.ccb072p-11, 0x1.5c5c9ap-14, 0x1.fbab22p-18,
		0x1.15221p-21, 0x1.669f78p-25, 0, 0x1.ff0fp-5,
	},
	{
		-0x1.1a3c0cp-9, -0x1.1081a2p-12, -0x1.42356p-16, -0x1.63af9p-20,
		-0x1.12cf88p-24, -0x1.fcfaaep-29, 0, -0x1.ab5c92p-6,
	},
	{
		0x1.876b1ep-11, 0x1.3afcb4p-14, 0x1.3aa39cp-18, 0x1.fc24b2p-23,
		0x1.3006f2p-27, 0x1.79071ap-32, 0, 0x1.2ad162p-7,
	},
	{
		-0x1.e59cdep-13, -0x1.4bf39cp-16, -0x1.0c307cp-20, -0x1.47314ep-25,
		-0x1.2a514ap-30, -0x1.07572cp-35, 0, -0x1.02c676p-9,
	},
}

// geluT is (a+1.1875)*R(a)*2^128, in w = (a-5)/(a+5), with the smallest relative error: 0.12*2^-53.
// geluTLo is what the constant lacks.
var geluT = polynomial{
	name: "geluT",
	c64: []float64{
		0x1.69cccfb2969eap+97, 0x1.028503a0d5df1p+100, 0x1.bc47cf717f814p+97, -0x1.05ee237c8761ap+103,
		-0x1.9bf4ef6ec8266p+102, 0x1.99fc2a961dc99p+105, 0x1.2a61786ec64cbp+105, -0x1.53434445b5eb3p+108,
		-0x1.a368a435446c1p+105, 0x1.280b74ca0ff1p+111, -0x1.224577c4a39adp+111, -0x1.c02f27fa4d883p+113,
		0x1.669f1ea3ddd44p+115, 0x1.148f7f98f9b88p+113, -0x1.ac94b9618552cp+118, 0x1.8e31d1056218dp+120,
		-0x1.b9dc77072e512p+121, 0x1.4a160ae0f8f63p+122, -0x1.1d8b050bbbfbap+122, -0x1.52630d0d42654p+120,
		0x1.b07b835d217e2p+123, -0x1.e52c6db249fd2p+124, 0x1.e75c57e7a493ap+126,
	},
}

var (
	geluTLo    = number{"geluTLo", 0, 0x1.42266d66ea2afp+72}
	geluOffset = number{"geluOffset", 0, 1.1875}
	five       = number{"five", 0, 5}
)

// GELU, at most 1.5 ULP in float32 and 1.59 in float64. With a = |x| and R(a) =
// exp(a*a/2)*erfc(a/sqrt(2))/2, which is between 1/2 and 0,
//
//	y = max(0, x) - a*R(a)*exp(-a*a/2)
//
// The exponential is that of base 2, of a*a to twice the precision, as in GELUTanh. V = a*R(a) is
// in two parts.
//
// In float32 it is a polynomial of degree 8 in each of seven cells, by the bits of a+1.5, in the
// cell at 0 with a/2 in the place of the constant. For x < 0, V*s is only rounded with the result;
// what P and the second part of V add is small. For x > 0 it is a part of the result, and y is x -
// s*U, with V*(1+P) rounded to U. From a = 1/2 on, s is scaled up and V down, so that only results
// are subnormal.
//
// In float64, V is a*T(w)/(a+1.1875). T varies so little (between 0.41 and 0.6) that the roundings
// of w count little, and those of the polynomial but for the last one. For the same reason it is
// without error at 0. The quotient is a product with q = 1/(a+1.1875), corrected by the remainder.
// What U = V*(1+P) loses when it is rounded is subtracted from max(0, x), which only changes 0: for
// x < 0, V*s is rounded with the result here, too. V is scaled up by 2^128 and s down by that, from
// a = 2 on the other way, so that only results are subnormal. Half of the polynomial waits for the
// other half less if its even and its odd powers are added apart.
var gelu = []asmgen.Kernel{{
	Name:   "gelu",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	dst[i] = T(v / 2 * math.Erfc(-v/math.Sqrt2))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["gelu"],
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{geluOf(b, in[0])}
		},
	},
}, geluBackward}

func geluOf(b *builder, x vec) vec {
	a := b.Min(geluEnd.in(b), b.And(x, notSign(b)))
	y := gelu64
	if b.Type() == asmgen.F32 {
		y = gelu32
	}
	return b.Or(y(b, x, a), b.And(x, signBit(b)))
}

func gelu32(b *builder, x, a vec) vec {
	small, v, vn := geluV32(b, a) // vn is minus the second part
	k, r := geluArgument(b, a, b.Select(small, geluMagicAt0.in(b), geluUpMagic.in(b)))
	s := sigmoidTable.power(b, k)
	scale := b.Select(small, b.K(1, 1), geluScale.in(b))
	v, vn = b.Mul(v, scale), b.Mul(vn, scale)
	more := b.FNMA(v, horner(b, r, exp2Polynomial), vn) // minus V*P and the second part
	below := b.Less(x, b.K(0, 0))
	return b.FNMA(s, b.Select(below, v, b.Sub(v, more)), b.Select(below, b.Mul(s, more), x))
}

func gelu64(b *builder, x, a vec) vec {
	far := b.ShiftRight(b.And(a, b.K(0, 2)), 0, 2) // 256 in the place of the exponent from 2 on
	t, tl := geluT64(b, a)
	d, dl := geluSum64(b, a)
	q := b.Div(b.K(0, 1), d)
	scaled := b.IntSub(a, far)
	m := b.Mul(scaled, t)
	mn := b.FNMA(scaled, tl, b.FNMA(scaled, t, m)) // minus what m lacks
	v := b.Mul(m, q)
	vl := b.Mul(b.Sub(b.FNMA(v, dl, b.FNMA(v, d, m)), mn), q)
	k, r := geluArgument(b, a, geluLoMagic.in(b))
	s := b.IntAdd(sigmoidTable.power(b, k), far)
	more := b.FMA(v, horner(b, r, exp2Polynomial), vl)
	u := b.Add(v, more)
	lost := b.Add(b.Sub(v, u), more)
	return b.FNMA(s, u, b.FNMA(s, lost, b.Max(b.K(0, 0), x)))
}

// geluArgument returns n and the magic number, and r, of -a*a/2 in parts of an octave.
func geluArgument(b *builder, a, magic vec) (k, r vec) {
	h := b.Mul(a, a)
	k = b.FNMA(h, geluK.in(b), magic)
	r = b.FNMA(h, geluK.in(b), b.Sub(magic, k))
	r = b.FMA(b.FNMA(a, a, h), geluK.in(b), r)
	return k, b.FNMA(h, geluKLo.in(b), r)
}

func geluV32(b *builder, a vec) (small, v, vn vec) {
	sum := b.Add(a, b.K(1.5, 0))
	small = b.Less(sum, b.K(2, 0))
	cell := b.ShiftRight(sum, 22, 0)
	c := func(i int) vec {
		return b.Lookup(table{name: fmt.Sprintf("geluC%d", i), f32: geluC[i]}.entries(), cell)
	}
	t := b.Sub(a, b.Lookup(geluN.entries(), cell))
	q := c(8)
	for i := 7; i > 0; i-- {
		q = b.FMA(q, t, c(i))
	}
	base := b.Select(small, b.Mul(t, b.K(0.5, 0)), c(0))
	v = b.FMA(q, t, base)
	return small, v, b.FNMA(q, t, b.Sub(v, base))
}

// geluT64 returns T in two parts.
func geluT64(b *builder, a vec) (t, tl vec) {
	w := b.Sub(b.Div(b.Add(a, a), b.Add(a, five.in(b))), b.K(0, 1))
	at := func(i int) vec { return geluT.coefficient(asmgen.F64, i).in(b) }
	square := b.Mul(w, w)
	even, odd := at(22), at(21)
	for i := 20; i > 3; i -= 2 {
		even = b.FMA(even, square, at(i))
		if i > 4 {
			odd = b.FMA(odd, square, at(i-1))
		}
	}
	p := b.FMA(odd, w, even)
	for i := 3; i > 0; i-- {
		p = b.FMA(p, w, at(i))
	}
	t = b.FMA(p, w, at(0))
	return t, b.Add(b.FMA(p, w, b.Sub(at(0), t)), geluTLo.in(b))
}

// geluSum64 returns a+1.1875 in two parts.
func geluSum64(b *builder, a vec) (d, dl vec) {
	c := geluOffset.in(b)
	d = b.Add(a, c)
	more := b.Sub(d, a)
	return d, b.Add(b.Sub(a, b.Sub(d, more)), b.Sub(c, more))
}

// geluBend is |y' - 1/2| of GELU, as geluTanhBend that of GELUTanh.
var geluBend = newBend("geluBend", 6.05, 0.8125,
	[8]float32{
		0, 0x1.a06ab2p-1, 0x1.9fcd5cp+0, 0x1.382aep+1,
		0x1.a024eap+1, 0x1.03ddp+2, 0x1.389a38p+2, 0x1.6ca402p+2,
	},
	[8][8]float32{
		{
			0, 0x1.0cd68ap-1, 0x1.3e004ep-1, 0x1.15af58p-1,
			0x1.031226p-1, 0x1.0034a2p-1, 0x1.00019ep-1, 0x1.000006p-1,
		},
		{
			0x1.988454p-1, 0x1.88d298p-2, -0x1.16cf84p-4, -0x1.49ab4ap-4,
			-0x1.1bda6ap-6, -0x1.8e7aa6p-10, -0x1.e2a092p-15, -0x1.236becp-20,
		},
		{
			-0x1.5e6f6cp-22, -0x1.8e6ep-2, -0x1.e340cap-4, 0x1.8cb04ep-5,
			0x1.61bc7ep-6, 0x1.5ca4p-9, 0x1.0bb804p-13, 0x1.83f71ep-19,
		},
		{
			-0x1.10561p-2, 0x1.2db13cp-7, 0x1.115792p-3, 0x1.f6e826p-8,
			-0x1.ccc3fp-7, -0x1.6fabbp-9, -0x1.75b4b8p-13, -0x1.4b6d48p-18,
		},
		{
			-0x1.768b52p-14, 0x1.bbc332p-4, -0x1.df34fp-6, -0x1.9956ecp-6,
			0x1.e2e1bep-9, 0x1.f92f2p-10, 0x1.6c76aep-13, 0x1.9412e6p-18,
		},
		{
			0x1.ee350cp-5, -0x1.604914p-6, -0x1.572a2cp-6, 0x1.8725e2p-7,
			0x1.7b0952p-10, -0x1.b642b2p-11, -0x1.04b7e2p-13, -0x1.747b1ep-18,
		},
		{
			-0x1.62fc7p-10, -0x1.10e76p-6, 0x1.6cbeeap-7, -0x1.0a7368p-14,
			-0x1.b1fbbp-10, 0x1.33adfep-13, 0x1.1aff7ap-14, 0x1.294962p-18,
		},
		{
			-0x1.01d45p-7, 0x1.53cdbp-8, 0x1.43a8eep-11, -0x1.e6b224p-10,
			0x1.1c2ccep-11, 0x1.e38598p-15, -0x1.a26a7ep-16, -0x1.8280d4p-19,
		},
	},
)

var (
	geluDensity   = number{"geluDensity", 0, 0x1.9884533d43651p+126} // 2^128/sqrt(2*pi)
	geluDensityLo = number{"geluDensityLo", 0, -0x1.cbc0d30ebfd15p+72}
)

// GELUBackward: dx = dy*g, g the derivative, in float32 as that of GELUTanh. In float64,
//
//	g(-a) = exp(-a*a/2)*(R(a) - a/sqrt(2*pi))
//
// and g(a) is 1 less that. Both factors are in two parts, so that the last rounding is most of the
// error. The exponential is scaled by a large c, as in GELUTanhBackward.
var geluBackward = asmgen.Kernel{
	Name:    "geluBackward",
	Params:  "dx, dy, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	density := math.Exp(-v*v/2) / math.Sqrt(2*math.Pi)
	dx[i] = dy[i] * T(math.Erfc(-v/math.Sqrt2)/2 + v*density)
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "x"}, Pipeline: pipelines["geluBackward"],
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{b.Mul(in[0], geluSlope(b, in[1]))}
		},
	},
}

func geluSlope(b *builder, x vec) vec {
	if b.Type() == asmgen.F32 {
		return slope32(b, x, geluBend)
	}
	a := b.Min(geluEnd.in(b), b.And(x, notSign(b)))
	t, tl := geluT64(b, a)
	d, dl := geluSum64(b, a)
	q := b.Div(b.K(0, 1), d)
	ratio := b.Mul(t, q)
	rest := b.Mul(b.Add(b.FNMA(ratio, dl, b.FNMA(ratio, d, t)), tl), q)
	g := b.FNMA(a, geluDensity.in(b), ratio)
	gl := b.FNMA(a, geluDensity.in(b), b.Sub(ratio, g))
	gl = b.FNMA(a, geluDensityLo.in(b), b.Add(gl, rest))
	k, r := geluArgument(b, a, geluHiMagic.in(b))
	power, p := sigmoidTable.power(b, k), horner(b, r, exp2Polynomial)
	e := b.FMA(power, p, power)
	el := b.FMA(power, p, b.Sub(power, e))
	below := b.FMA(e, g, b.FMA(e, gl, b.Mul(el, g)))
	below = b.Mul(below, geluDownScale.in(b))
	return b.Select(b.Less(x, b.K(0, 0)), below, b.Sub(b.K(0, 1), below))
}
