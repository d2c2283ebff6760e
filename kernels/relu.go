package pages

import "kernels/internal/asmgen"

// ReLU: y = x > 0 ? x : +0, and a NaN stays a NaN. max(0, x) keeps NaN, but may return -0 for x =
// -0; adding +0 makes it +0.
var relu = []asmgen.Kernel{{
	Name:    "relu",
	Params:  "dst, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	if v <= 0 {
		v = 0
	}
	dst[i] = v
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"},
		Body: func(b *builder, in, _ []vec) []vec {
			zero := b.K(0, 0)
			return []vec{b.Add(b.Max(zero, in[0]), zero)}
		},
	},
}, {
	Name:    "reluMask",
	Params:  "dst, x []T, mask []uint64",
	Streams: true,
	Loop: `
clear(mask)
for i, v := range x {
	if v <= 0 {
		v = 0
		mask[i/64] |= 1 << (i % 64)
	}
	dst[i] = v
}`,
	Shape: asmgen.MaskOut{},
}, {
	Name:    "reluBackward",
	Params:  "dx, dy []T, mask []uint64",
	Streams: true,
	Loop: `
for i, v := range dy {
	if mask[i/64]>>(i%64)&1 == 1 {
		v = 0
	}
	dx[i] = v
}`,
	Shape: asmgen.MaskIn{},
}, {
	// y <= 0 is computed as y < the smallest positive number, which is false for NaN.
	Name:    "reluBackwardOutput",
	Params:  "dx, dy, y []T",
	Streams: true,
	Loop: `
for i, v := range dy {
	if y[i] <= 0 {
		v = 0
	}
	dx[i] = v
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "y"},
		Body: func(b *builder, in, _ []vec) []vec {
			return []vec{b.Select(b.Less(in[1], b.Named("smallest", b.Bits(1))), b.K(0, 0), in[0])}
		},
	},
}, {
	// y = max(x, 0)^2, rounded once; NaN passes both operations.
	Name:    "reluSquared",
	Params:  "dst, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	v = max(v, 0)
	dst[i] = v * v
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"},
		Body: func(b *builder, in, _ []vec) []vec {
			v := b.Max(b.K(0, 0), in[0])
			return []vec{b.Mul(v, v)}
		},
	},
}, {
	// dx = x > 0 ? 2*(dy*x) : +0. To double last overflows only where the result does.
	Name:    "reluSquaredBackward",
	Params:  "dx, dy, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	g := dy[i] * v
	if v <= 0 {
		g = 0
	}
	dx[i] = g + g
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "x"},
		Body: func(b *builder, in, _ []vec) []vec {
			below := b.Less(in[1], b.Named("smallest", b.Bits(1)))
			g := b.Select(below, b.K(0, 0), b.Mul(in[0], in[1]))
			return []vec{b.Add(g, g)}
		},
	},
}}
