package pages

import "kernels/internal/asmgen"

// Minimax coefficients of (2*atanh(s)/s - 2)/u in u = s*s on |s| <= 1/3. Their errors are 4e-10 and
// 5e-18 of the logarithm.
var atanhPolynomial = polynomial{
	name: "atanh",
	c32:  []float32{0x1.dba27ep-3, 0x1.bc8cf2p-3, 0x1.24c926p-2, 0x1.9998d4p-2, 0x1.555556p-1},
	c64: []float64{
		0x1.4b0a54788458dp-3, 0x1.687a436582196p-4, 0x1.eb9066f48c871p-4, 0x1.10ac756ae7399p-3,
		0x1.3b18b29ba9df4p-3, 0x1.745cf0b0a125ap-3, 0x1.c71c727144729p-3, 0x1.24924923d44acp-2,
		0x1.999999999a3ddp-2, 0x1.5555555555555p-1,
	},
}

var (
	lossA     = number{"lossA", rowTable.f32[0], rowTable.f64[1]} // a
	twoLossA  = lossA.times("twoLossA", 2)
	lossMagic = number{"lossMagic", rowMagic.f32, rowMagic.f64 + 1} // for a*2^64 (2^512)
	lossMax   = minX.times("lossMax", -1)                           // beyond, E is 0
)

// The cross-entropy of the sigmoid of x with the target t, where p is the weight of the positive
// class (1 in the plain form):
//
//	loss = p*t*(-log(sigmoid(x))) + (1-t)*(-log(1-sigmoid(x)))
//
// With E = exp(-|x|) and L = log(1+E), -log(sigmoid(x)) is L for x >= 0, and |x| + L for x < 0; for
// -log(1-sigmoid(x)) it is the other way round. Hence
//
//	loss = (p*t + 1-t)*L + c*|x|
//
// where c is 1-t for x >= 0, and p*t for x < 0. Nothing cancels. If the target is 0 and x < 0, or 1
// and x >= 0, then c = 0 and the loss is (p*t + 1-t)*L. L = 2*atanh(s), s = E/(2+E) <= 1/3.
//
//	gradient = scale * ((1-t)*sigmoid(x) - p*t*sigmoid(-x))
//
// Nothing cancels for targets 0 and 1. The smaller of the two sigmoids is E/(1+E), the larger one
// is 1 minus that.
//
// At targets 0 and 1, the largest errors over all float32 inputs are 2.720 ULP of the loss (target
// 0, x = -4.8514524) and 2.334 ULP of the gradient (x = -7.680463): see TestWalk32.
//
// E is computed as w = a*E*2^64 (float64: 2^512), where a is an entry of the row's table: with a
// scale that is a number, unlike the row's own, E/(2+E) and E/(1+E) are w/(w*2^-64 + 2a) and
// w/(w*2^-64 + a), in which a cancels. It is the entry with the smallest errors, in float32 of
// those that give log 2 and 1/2 at 0. The quotients keep the power of two as long as they may be
// subnormal.
type sigmoidLossForm struct{ name, params, loop string }

func (f sigmoidLossForm) kernel(gradient, weighted bool) asmgen.Kernel {
	shape := asmgen.Map{
		Out: []string{"losses"}, In: []string{"x", "t"},
		Unroll: 2, Pipeline: pipelines[f.name],
	}
	if gradient {
		// In this order: losses may be dst, if the caller does not want them.
		shape.Out, shape.Scalars = []string{"losses", "dst"}, []string{"scale"}
	}
	if weighted {
		shape.In = append(shape.In, "p")
	}
	shape.Body = func(b *builder, in, scalars []vec) []vec {
		x, t := in[0], in[1]
		zero, one := b.K(0, 0), b.K(1, 1)
		unit := rowUnit.in(b)
		a := b.And(x, notSign(b))
		negative := b.Less(x, zero)
		s0, p0 := sigmoidExp(b, rowTable, b.Min(lossMax.in(b), a), lossMagic.in(b))
		w := b.FNMA(s0, p0, s0)

		s1 := b.Div(w, b.FMA(w, unit, twoLossA.in(b)))
		s := b.Mul(s1, unit)
		u := b.Mul(s, s)
		l := b.Mul(b.FMA(b.Mul(s1, u), horner(b, u, atanhPolynomial), b.Add(s1, s1)), unit)

		pos, neg := t, b.Sub(one, t)
		if weighted {
			pos = b.Mul(in[2], t)
			l = b.Mul(b.Add(pos, neg), l)
		}
		c := b.Select(negative, pos, neg)
		loss := b.Select(b.Equal(c, zero), l, b.FMA(c, a, l)) // 0 even where |x| is Inf
		if !gradient {
			return []vec{loss}
		}
		small := b.Mul(b.Div(w, b.FMA(w, unit, lossA.in(b))), unit)
		large := b.Sub(one, small)
		up := b.Mul(neg, b.Select(negative, small, large))
		return []vec{loss, b.Mul(b.FNMA(pos, b.Select(negative, large, small), up), scalars[0])}
	}
	return asmgen.Kernel{Name: f.name, Params: f.params, Loop: f.loop, Shape: shape}
}

var sigmoidLoss = []asmgen.Kernel{
	sigmoidLossForm{"sigmoidLoss", "losses, x, t []T", `
for i, v := range x {
	losses[i] = max(v, 0) - v*t[i] + math.Log1p(math.Exp(-math.Abs(v)))
}`}.kernel(false, false),
	sigmoidLossForm{"sigmoidLossPos", "losses, x, t, p []T", `
for i, v := range x {
	losses[i] = p[i]*t[i]*math.Log1p(math.Exp(-v)) + (1-t[i])*math.Log1p(math.Exp(v))
}`}.kernel(false, true),
	sigmoidLossForm{"sigmoidLossGrad", "dst, losses, x, t []T, scale T", `
for i, v := range x {
	losses[i] = as sigmoidLoss // losses may be dst
	dst[i] = scale * (sigmoid(v) - t[i])
}`}.kernel(true, false),
	sigmoidLossForm{"sigmoidLossGradPos", "dst, losses, x, t, p []T, scale T", `
for i, v := range x {
	losses[i] = as sigmoidLossPos // losses may be dst
	dst[i] = scale * ((1-t[i])*sigmoid(v) - p[i]*t[i]*sigmoid(-v))
}`}.kernel(true, true),
}
