package pages

import "kernels/internal/asmgen"

// slopeWhere is v where x > 0, and slope*v where it is not: x <= 0 or NaN.
func slopeWhere(b *builder, x, v, slope vec) vec {
	return b.Select(b.Less(b.K(0, 0), x), v, b.Mul(v, slope))
}

// LeakyReLU: y = x > 0 ? x : slope*x, the product rounded once. NaN is not > 0 and passes through
// the product. The backward, dx = x > 0 ? dy : slope*dy, is of the same form.
var leakyReLU = []asmgen.Kernel{{
	Name:    "leakyReLU",
	Params:  "dst, x []T, slope T",
	Streams: true,
	Loop: `
for i, v := range x {
	if !(v > 0) {
		v *= slope
	}
	dst[i] = v
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"}, Scalars: []string{"slope"},
		Body: func(b *builder, in, scalars []vec) []vec {
			return []vec{slopeWhere(b, in[0], in[0], scalars[0])}
		},
	},
}, {
	Name:    "leakyReLUBackward",
	Params:  "dx, dy, x []T, slope T",
	Streams: true,
	Loop: `
for i, v := range dy {
	if !(x[i] > 0) {
		v *= slope
	}
	dx[i] = v
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "x"}, Scalars: []string{"slope"},
		Body: func(b *builder, in, scalars []vec) []vec {
			return []vec{slopeWhere(b, in[1], in[0], scalars[0])}
		},
	},
}}
