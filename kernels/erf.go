package pages

import (
	"fmt"

	"kernels/internal/asmgen"
)

// From erfMax on the result is 1. In float32, the cells of |x| are those whose number is
// |x|*erfPerWidth, rounded.
var (
	erfMax      = number{"erfMax", 3.95, 6}
	erfPerWidth = number{"erfPerWidth", 1 / 0.53125, 0}
	erfCell     = number{"erfCell", rounding.f32, 0}
	erfCut      = number{"erfCut", 0, 1.03125}
	erfFar      = number{"erfFar", 0, 3}
	erfK        = number{"erfK", 0, 0x1.71547652b82fep+2} // 4/ln 2
)

// Erf, < 1.1 ULP in float32 and < 1.5 in float64. In float32, in each of eight cells of a = |x|, a
// polynomial of degree 7 in t = a - N, with coefficients from tables:
//
//	erf(N+t) = C0 + t*(C1 + C2*t + ...)
//
// The numbers N, near the middles of the cells, are those for which C0 happens to be rounded by
// very little. In the cell at 0, N is 0 and a stands in the place of C0, so that C1 is 2/sqrt(pi)
// less 1.
//
// In float64, with polynomials P and F, the exponential that of base 2,
//
//	a < 1.03125: a + a*P(a*a)
//	else:        1 - exp(-a*a)*F((a-3)/(a+3))
//
// What is subtracted from 1 is at most 0.145, so that its roundings count little. They are larger,
// relative to it, the larger a is, but it falls faster: a*a needs no second part.
var erf = []asmgen.Kernel{{
	Name:   "erf",
	Params: "dst, x []T",
	Loop: `
for i, v := range x {
	dst[i] = T(math.Erf(v))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["erf"],
		Body: func(b *builder, in, _ []vec) []vec {
			a := b.Min(erfMax.in(b), b.And(in[0], notSign(b)))
			y := erf64
			if b.Type() == asmgen.F32 {
				y = erf32
			}
			return []vec{b.Or(y(b, a), b.And(in[0], signBit(b)))}
		},
	},
}}

func erf32(b *builder, a vec) vec {
	cell := b.FMA(a, erfPerWidth.in(b), erfCell.in(b))
	c := func(i int) vec {
		return b.Lookup(table{name: fmt.Sprintf("erfC%d", i), f32: erfC32[i]}.entries(), cell)
	}
	n := b.Lookup(erfN.entries(), cell)
	t := b.Sub(a, n)
	y := c(7)
	for i := 6; i > 0; i-- {
		y = b.FMA(y, t, c(i))
	}
	return b.FMA(y, t, b.Select(b.Equal(n, b.K(0, 0)), a, c(0)))
}

func erf64(b *builder, a vec) vec {
	z := b.Mul(a, a)
	near := b.FMA(a, horner(b, z, erfNear), a)
	magic := geluMagicAt0.in(b)
	k := b.FNMA(z, erfK.in(b), magic)
	s := sigmoidTable.power(b, k)
	p := horner(b, b.FNMA(z, erfK.in(b), b.Sub(magic, k)), exp2Polynomial)
	w := b.Div(b.Sub(a, erfFar.in(b)), b.Add(a, erfFar.in(b)))
	t := b.Mul(s, horner(b, w, erfTail))
	one := b.K(0, 1)
	return b.Select(b.Less(a, erfCut.in(b)), near, b.Sub(one, b.FMA(t, p, t)))
}

var erfN = table{
	name: "erfN",
	f32: [...]float32{
		0, 0x1.0f8272p-1, 0x1.1077ap+0, 0x1.97e504p+0,
		0x1.1096e8p+1, 0x1.53d786p+1, 0x1.982822p+1, 0x1.dcabcap+1,
	},
}

// The polynomials with the smallest error, rounded: in float32 off by at most 0.34*2^-24 together.
var erfC32 = [...][8]float32{
	{
		0, 0x1.17eac2p-1, 0x1.bc4632p-1, 0x1.f396f4p-1,
		0x1.feab82p-1, 0x1.ffe942p-1, 0x1.ffff26p-1, 0x1.fffffcp-1,
	},
	{
		0x1.06eba8p-3, 0x1.b41c74p-1, 0x1.743678p-2, 0x1.6cf8ecp-4,
		0x1.8c89aep-7, 0x1.00ced2p-10, 0x1.6b4a26p-15, 0x1.1f5dfcp-20,
	},
	{
		0, -0x1.ce8822p-2, -0x1.8c27eep-2, -0x1.22c32cp-3,
		-0x1.a63b84p-6, -0x1.54ea0cp-9, -0x1.21a04p-13, -0x1.0b9f08p-18,
	},
	{
		-0x1.812728p-2, -0x1.fce446p-4, 0x1.3a0ae2p-3, 0x1.f00dd6p-4,
		0x1.0aaf2cp-5, 0x1.184f0ap-8, 0x1.24b31p-12, 0x1.4040d2p-17,
	},
	{
		0, 0x1.77b3b8p-3, 0x1.843556p-5, -0x1.92a4ep-5,
		-0x1.ab545ep-6, -0x1.3b4bf6p-8, -0x1.a1c0ep-12, -0x1.1264bap-16,
	},
	{
		0x1.ce0dacp-4, -0x1.ac0ebcp-10, -0x1.0efcecp-4, -0x1.48d79ep-8,
		0x1.980bf6p-7, 0x1.f5a654p-9, 0x1.bd71cp-12, 0x1.687e16p-16,
	},
	{
		0, -0x1.83befap-5, 0x1.49ca6ap-7, 0x1.ffddf4p-7,
		-0x1.bac83ep-10, -0x1.139f6ep-9, -0x1.78998cp-12, -0x1.974d74p-16,
	},
	{
		-0x1.ac45a8p-6, 0x1.e3beaep-8, 0x1.945866p-7, -0x1.773122p-8,
		-0x1.f6f3d4p-10, 0x1.5bdc4ep-11, 0x1.cb900ep-13, 0x1.5878e6p-16,
	},
}

// P is off by at most 0.25*2^-53, and F by 0.11*2^-53 where it is multiplied by the exponential.
var (
	erfNear = polynomial{
		name: "erfNear",
		c64: []float64{
			-0x1.a11d0a4622babp-31, 0x1.d38de52d6b804p-27, -0x1.5b83ab4b866a8p-23, 0x1.b96a6dbb2de67p-20,
			-0x1.f4c826dff1705p-17, 0x1.f9a297618068ap-14, -0x1.c02daece44039p-11, 0x1.565bccf003abdp-8,
			-0x1.b82ce311b90b4p-6, 0x1.ce2f21a03ffa3p-4, -0x1.812746b0379b5p-2, 0x1.06eba8214db69p-3,
		},
	}
	erfTail = polynomial{
		name: "erfTail",
		c64: []float64{
			0x1.fd01536ef9be1p-17, 0x1.af5d41187c72fp-14, 0x1.3fc48866b830fp-14, -0x1.30bba88be99b3p-11,
			0x1.75dd24aff721fp-11, 0x1.17dc01bd774f6p-8, -0x1.8fa4e37f53f1cp-6, 0x1.258b16770c482p-4,
			-0x1.336ffbf6143d9p-3, 0x1.f6ff203e5ac1dp-3, -0x1.4e102b9d09dd8p-2, 0x1.6e9827d2296ecp-3,
		},
	}
)
