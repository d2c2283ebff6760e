package pages

import "kernels/internal/asmgen"

// GEGLUTanh: dst = y*up, y as rounded by GELUTanh for gate. GEGLU is the same for GELU.
var geglu = []asmgen.Kernel{{
	Name:    "gegluTanh",
	Params:  "dst, gate, up []T",
	Streams: true,
	Loop: `
geluTanh(y, gate)
for i, v := range y {
	dst[i] = v * up[i]
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"gate", "up"}, Pipeline: pipelines["gegluTanh"],
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{b.Mul(geluTanhOf(b, in[0]), in[1])}
		},
	},
}, {
	// The gradient of the gate. That of up is dy*y: gegluTanh with dy for up.
	Name:   "gegluTanhBackward",
	Params: "dgate, dy, gate, up []T",
	Loop: `
for i, v := range dy {
	dgate[i] = v * up[i] * derivative(gate[i])
}`,
	Shape: asmgen.Map{
		Out: []string{"dgate"}, In: []string{"dy", "gate", "up"},
		Pipeline: pipelines["gegluTanhBackward"],
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{b.Mul(b.Mul(in[0], in[2]), geluTanhSlope(b, in[1]))}
		},
	},
}, {
	// NEON has no register for up until all else is done.
	Name:   "geglu",
	Params: "dst, gate, up []T",
	Loop: `
gelu(y, gate)
for i, v := range y {
	dst[i] = v * up[i]
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"gate", "up"}, LateLoads: true,
		Pipeline: pipelines["geglu"],
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{b.Mul(geluOf(b, in[0]), in[1])}
		},
	},
}, {
	// The gradient of the gate. That of up is dy*y: geglu with dy for up.
	Name:   "gegluBackward",
	Params: "dgate, dy, gate, up []T",
	Loop: `
for i, v := range dy {
	dgate[i] = v * up[i] * derivative(gate[i])
}`,
	Shape: asmgen.Map{
		Out: []string{"dgate"}, In: []string{"dy", "gate", "up"},
		Pipeline: pipelines["gegluBackward"],
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{b.Mul(b.Mul(in[0], in[2]), geluSlope(b, in[1]))}
		},
	},
}}
