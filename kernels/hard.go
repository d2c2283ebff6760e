package pages

import "kernels/internal/asmgen"

// The hard activations are made of straight lines: between -3 and 3, (x+3)/6 for HardSigmoid, and
// x times that for HardSwish.
//
// x+3 is exact near -3. A sixth has two parts, the second of which corrects the product with the
// first. That gives the correctly rounded quotient: t/6 is at least a sixth of a ULP away from the
// middle of two numbers, for six times that middle is not a number, and the next are as far away
// from it as its last bit, doubled, says.
var (
	sixth   = number{"sixth", 0x1.555556p-3, 0x1.5555555555555p-3}
	sixthLo = number{"sixthLo", -0x1.555556p-28, 0x1.5555555555555p-57}
)

var (
	three      = number{"three", 3, 3}
	minusThree = number{"minusThree", -3, -3}
	six        = number{"six", 6, 6}
)

// bySix is t/6 for 0 or a normal t, correctly rounded.
func bySix(b *builder, t vec) vec { return b.FMA(t, sixth.in(b), b.Mul(t, sixthLo.in(b))) }

// belowThree is the largest number below 3: x > belowThree is x >= 3.
var belowThree = number{"belowThree", 0x1.7ffffep+1, 0x1.7ffffffffffffp+1}

// fromThree is the mask x >= 3, false for NaN.
func fromThree(b *builder, x vec) vec { return b.Less(belowThree.in(b), x) }

// HardSigmoid: y = min(max(x+3, 0), 6)/6, x+3 and the quotient rounded.
//
// HardSwish: y = x*HardSigmoid(x), rounded once more. The first factor is at least -3, so that
// -Inf gives -0 and not NaN.
//
// Backward of HardSigmoid: dx = dy*fl(1/6) for |x| < 3, else 0.
//
// Backward of HardSwish: dx = dy*((2*x+3)/6) for |x| < 3, 0 below and dy above. 2*x+3 is exact
// near its zero, and keeps the result's relative precision there.
var hard = []asmgen.Kernel{{
	Name:    "hardSigmoid",
	Params:  "dst, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	dst[i] = min(max(v+3, 0), 6) / 6
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"},
		Body: func(b *builder, in, _ []vec) []vec {
			// max may return -0 where x+3 is -0, which it never is
			t := b.Min(six.in(b), b.Max(b.K(0, 0), b.Add(in[0], three.in(b))))
			return []vec{bySix(b, t)}
		},
	},
}, {
	Name:    "hardSigmoidBackward",
	Params:  "dx, dy, x []T",
	Streams: true,
	Loop: `
for i, v := range dy {
	if abs(x[i]) >= 3 {
		dx[i] = 0
	} else {
		dx[i] = v * T(1.0/6)
	}
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "x"},
		Body: func(b *builder, in, _ []vec) []vec {
			outside := fromThree(b, b.And(in[1], notSign(b)))
			return []vec{b.Select(outside, b.K(0, 0), b.Mul(in[0], sixth.in(b)))}
		},
	},
}, {
	Name:    "hardSwish",
	Params:  "dst, x []T",
	Streams: true,
	Loop: `
for i, v := range x {
	v = max(v, -3)
	dst[i] = v * (min(v+3, 6) / 6)
}`,
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"},
		Body: func(b *builder, in, _ []vec) []vec {
			x := b.Max(minusThree.in(b), in[0])
			return []vec{b.Mul(x, bySix(b, b.Min(six.in(b), b.Add(x, three.in(b)))))}
		},
	},
}, {
	Name:    "hardSwishBackward",
	Params:  "dx, dy, x []T",
	Streams: true,
	Loop: `
for i, v := range dy {
	switch {
	case x[i] <= -3:
		dx[i] = 0
	case x[i] >= 3:
		dx[i] = v
	default:
		dx[i] = v * (FMA(x[i], 2, 3) / 6)
	}
}`,
	Shape: asmgen.Map{
		Out: []string{"dx"}, In: []string{"dy", "x"},
		Body: func(b *builder, in, _ []vec) []vec {
			dy, x := in[0], in[1]
			slope := bySix(b, b.FMA(x, b.K(2, 2), three.in(b)))
			g := b.Mul(dy, b.Select(fromThree(b, x), b.K(1, 1), slope))
			below := b.Less(x, b.Named("aboveMinusThree", b.K(-0x1.7ffffep+1, -0x1.7ffffffffffffp+1)))
			return []vec{b.Select(below, b.K(0, 0), g)}
		},
	},
}}
