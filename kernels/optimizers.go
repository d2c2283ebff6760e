package pages

import "kernels/internal/asmgen"

// The steps of the optimizers: w and the state are changed in place, element by element. A sum of a
// number and a product is a multiply-add; every other operation rounds for itself.
//
//	SGD       w = fma(-rate, dw, w)
//	Momentum  v = fma(-rate, dw, momentum*v); w = w + v
//	Adam      m = fma(c1, dw-m, m); v = fma(-c2, fma(-dw, dw, v), v)
//	          w = w - rate*m / (sqrt(v) + epsilon)
//
// Each operation is off by at most half an ULP of its own result; what Adam subtracts from w is off
// by 4 roundings, ((1+u)/(1-u))^2 - 1 of itself. Adam leaves 1-beta1 and 1-beta2, which are exact
// for a beta of at least 1/2, to its caller, as c1 and c2; and so the correction of the bias, as a
// part of the rate. Partial vectors repeat an element, because 0/0 would be invalid where epsilon
// is 0.
var optimizers = []asmgen.Kernel{{
	Name:   "sgd",
	Params: "w, dw []T, rate T",
	Loop: `
for i, g := range dw {
	w[i] = FMA(-rate, g, w[i])
}`,
	Shape: asmgen.Map{
		Out: []string{"w"}, In: []string{"w", "dw"}, Scalars: []string{"rate"},
		Body: func(b *builder, in, scalars []vec) []vec {
			return []vec{b.FNMA(scalars[0], in[1], in[0])}
		},
	},
}, {
	Name:   "momentumStep",
	Params: "w, v, dw []T, rate, factor T",
	Loop: `
for i, g := range dw {
	v[i] = FMA(-rate, g, factor*v[i])
	w[i] += v[i]
}`,
	Shape: asmgen.Map{
		Out: []string{"w", "v"}, In: []string{"w", "v", "dw"}, Scalars: []string{"rate", "factor"},
		Body: func(b *builder, in, scalars []vec) []vec {
			v := b.FNMA(scalars[0], in[2], b.Mul(scalars[1], in[1]))
			return []vec{b.Add(in[0], v), v}
		},
	},
}, {
	Name:   "adam",
	Params: "w, m, v, dw []T, rate, c1, c2, epsilon T",
	Loop: `
for i, g := range dw {
	m[i] = FMA(c1, g-m[i], m[i])
	v[i] = FMA(-c2, FMA(-g, g, v[i]), v[i])
	w[i] -= rate * m[i] / (sqrt(v[i]) + epsilon)
}`,
	Shape: asmgen.Map{
		Out: []string{"w", "m", "v"}, In: []string{"w", "m", "v", "dw"},
		Scalars: []string{"rate", "c1", "c2", "epsilon"}, Repeat: true, Unroll: 2,
		Body: func(b *builder, in, scalars []vec) []vec {
			w, m, v, g := in[0], in[1], in[2], in[3]
			rate, c1, c2, epsilon := scalars[0], scalars[1], scalars[2], scalars[3]
			m = b.FMA(c1, b.Sub(g, m), m)
			v = b.FNMA(c2, b.FNMA(g, g, v), v)
			return []vec{b.Sub(w, b.Div(b.Mul(rate, m), b.Add(b.Sqrt(v), epsilon))), m, v}
		},
	},
}}
