package pages

import "kernels/internal/asmgen"

// SiLU: y = x*q, where q is the sigmoid c/(c + c*exp(-x)), as Sigmoid has it:
//
//	d = c + s - s*P, dl what is lost when d is rounded
//	q = C/d
//	e = (C - q*d - q*dl)/C
//	y = x*q + x*q*e
//
// The sum of what is left of q and of the product x*q is rounded once, so there are two roundings
// beside those in d. C is c times a power of two, which makes q and y that much larger, and only
// the last operation takes it out of y. So y is good to its last bit also where it is subnormal, or
// x is. The scale c is smaller than that of Sigmoid, because y is not 0 before x = -109, and
// because SwiGLU needs more: see there. Below siluMin, q is 0.
//
// In float32 at most 1.843 ULP, at 0x1.4498eep+0; in float64 at most 2.52: see TestWalk32 and
// TestSiLUBound64.
var silu = []asmgen.Kernel{{
	Name:    "silu",
	Params:  "dst, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	dst[i] = T(v / (1 + math.Exp(-v)))
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Pipeline: pipelines["silu"],
		Body: func(b *builder, in, _ []vec) []vec {
			y, x, _ := siluScaled(b, in[0])
			over := b.Max(signBit(b), b.Sub(x, maxX.in(b))) // -0 where x is less, which keeps a zero's sign
			return []vec{b.FMA(y, siluUnit.in(b), over)}
		},
	},
}, siluBackward, swiglu, swigluBackward}

var (
	siluScale = number{"siluScale", 0x1.feb052p-73, 0x1.ff7cf5e200d5ep-801} // c
	siluTop   = siluScale.byType("siluTop", 0x1p42, 0x1p737)                // C
	siluUnit  = number{"siluUnit", 0x1p-42, 0x1p-737}                       // c/C
	siluMagic = tableMagic("siluMagic", -72, -800)
	siluMin   = number{"siluMin", -137, -1262}
)

// siluTable has c*2^72 (c*2^800) for a scale, a little less than 1: below a power of two, what c is
// more than d is rounded half as much. Float32 has the entries of rowTable from the sixth on.
var siluTable = table{
	name: "siluTable",
	f32: [...]float32{
		0x1.feb052p-1, 0x1.16747cp+0, 0x1.2fa848p+0, 0x1.4b2404p+0,
		0x1.691c8ap+0, 0x1.89cb7cp+0, 0x1.ad6fb4p+0, 0x1.d44dbcp+0,
	},
	f64: [...]float64{
		0x1.ff7cf5e200d5ep-1, 0x1.3021f5ff1c43ap+0, 0x1.69ad3db818a6ap+0, 0x1.ae1bc8c6662d5p+0,
	},
}

// siluScaled is z*sigmoid(z)*C/c, where z is x from siluMin to maxX. It also returns x from siluMin
// on, and z. dl is exact for x <= 0. For others, s-d is rounded.
func siluScaled(b *builder, x vec) (y, above, z vec) {
	x = b.Max(siluMin.in(b), x)
	z = b.Min(maxX.in(b), x)
	magic, c, top := siluMagic.in(b), siluScale.in(b), siluTop.in(b)
	s, p := sigmoidExp(b, siluTable, z, magic)
	d := b.FNMA(s, p, b.Add(c, s))
	dl := b.FNMA(s, p, b.Add(b.Sub(s, d), c))
	q := b.Div(top, d)
	e := b.FNMA(q, d, top)
	e = b.FNMA(q, dl, e)
	e = b.IntAdd(e, b.Named("siluExponent", b.KInt(30<<shift32, 63<<shift64)))
	y = b.Mul(z, q)
	return b.FMA(y, e, y), x, z
}

// SwiGLU: y = g*sigmoid(g)*up, the product of SiLU(g) with up, rounded once more. Where SiLU(g) is
// less than c/C, up is multiplied by the scaled SiLU(g), which is less than 1, and the product is
// scaled back. So nothing overflows, and SiLU(g) may be as small as 2^-161 (float64: 2^-1754)
// without a loss. With an up of at most 2^32 (2^700), a product with a smaller one is 0.
var swiglu = asmgen.Kernel{
	Name:    "swiglu",
	Params:  "dst, gate, up []T",
	Streams: true,
	Loop: `
for i, g := range gate {
	dst[i] = T(g / (1 + math.Exp(-g)) * up[i])
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"gate", "up"}, Pipeline: pipelines["swiglu"],
		Body: func(b *builder, in, _ []vec) []vec {
			one, unit := b.K(1, 1), siluUnit.in(b)
			y, x, z := siluScaled(b, in[0])
			more := b.Sub(z, x)
			small := b.Less(b.And(y, notSign(b)), one)
			y = b.Sub(b.Select(small, y, b.Mul(y, unit)), more)
			return []vec{b.Mul(b.Mul(y, in[1]), b.Select(small, unit, one))}
		},
	},
}

// The derivative of SiLU is sigmoid(x) * (1 + x*sigmoid(-x)). With E = exp(-|x|), the smaller of
// the two sigmoids is E/(1+E), and the larger one is 1 minus that; E is computed as in
// sigmoidloss.go. The bracket is 0 near x = -1.278, where the error is relative to 1.
func siluGrad(b *builder, x vec) (sigmoid, grad vec) {
	zero, one := b.K(0, 0), b.K(1, 1)
	unit, most := rowUnit.in(b), lossMax.in(b)
	z := b.Max(minX.in(b), b.Min(most, x))
	s0, p0 := sigmoidExp(b, rowTable, b.And(z, notSign(b)), lossMagic.in(b))
	w := b.FNMA(s0, p0, s0)
	small := b.Mul(b.Div(w, b.FMA(w, unit, lossA.in(b))), unit)
	large := b.Sub(one, small)
	negative := b.Less(z, zero)
	sigmoid = b.Select(negative, small, large)
	return sigmoid, b.Mul(sigmoid, b.FMA(z, b.Select(negative, large, small), one))
}

var siluBackward = asmgen.Kernel{
	Name:    "siluBackward",
	Params:  "dx, dy, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	s := 1 / (1 + math.Exp(-v))
	dx[i] = T(dy[i] * (s * (1 + v*(1-s))))
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "x"}, Unroll: 2, Pipeline: pipelines["siluBackward"],
		Body: func(b *builder, in, _ []vec) []vec {
			_, grad := siluGrad(b, in[1])
			return []vec{b.Mul(in[0], grad)}
		},
	},
}

// SwiGLUBackward: dup = dy*SiLU(gate), dgate = dy * (the derivative of SiLU) * up.
var swigluBackward = asmgen.Kernel{
	Name:    "swigluBackward",
	Params:  "dgate, dup, dy, gate, up []T",
	Streams: true,
	Loop: `
for i, g := range gate {
	s := 1 / (1 + math.Exp(-g))
	dgate[i] = T(dy[i] * (s * (1 + g*(1-s))) * up[i])
	dup[i] = T(dy[i] * (g * s))
}`,
	Shape: asmgen.Map{
		Out: []string{"dgate", "dup"}, In: []string{"dy", "gate", "up"},
		Unroll: 2, Pipeline: pipelines["swigluBackward"],
		Body: func(b *builder, in, _ []vec) []vec {
			dy, gate := in[0], in[1]
			sigmoid, grad := siluGrad(b, gate)
			y := b.Mul(b.Max(minX.in(b), gate), sigmoid)
			return []vec{b.Mul(b.Mul(dy, grad), in[2]), b.Mul(dy, y)}
		},
	},
}
