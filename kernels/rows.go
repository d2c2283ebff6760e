package pages

import (
	"math"
	"slices"

	"kernels/internal/asmgen"
)

// rows are all kernels of this page.
var rows = slices.Concat(rowMax, exponential, rowScale, rowBackward, crossEntropy)

// The maximum of each row, plus +0.
var rowMax = []asmgen.Kernel{{
	Name:   "rowsMax",
	Params: "m, x []T, cols, xstride int",
	Loop: `
for r := range m {
	m[r] = max of x[r*xstride:][:cols], plus +0
}`,
	Shape: asmgen.Rows{
		In: []string{"x"}, Reduce: asmgen.Max,
		Body: func(_ *builder, in, _ []vec) ([]vec, vec) {
			return nil, in[0]
		},
	},
}, {
	// For Argmax: a row with a NaN has the maximum +Inf.
	Name:   "rowsTop",
	Params: "m, x []T, cols, xstride int",
	Loop: `
for r := range m {
	m[r] = max of x[r*xstride:][:cols] with NaN as +Inf, plus +0
}`,
	Shape: asmgen.Rows{
		In: []string{"x"}, Reduce: asmgen.Max,
		Body: func(b *builder, in, _ []vec) ([]vec, vec) {
			isNumber := b.Equal(in[0], in[0])
			return nil, b.Select(isNumber, in[0], b.K(float32(math.Inf(1)), math.Inf(1)))
		},
	},
}, {
	Name:   "rowsFind",
	Params: "index []int, x, m []T, cols, xstride int",
	Loop: `
for r := range index {
	index[r] = first j with x[r*xstride+j] == m[r], else 0
}`,
	Shape: asmgen.Find{},
}}

// A row's exponentials are scaled by a*2^64 (2^512), to keep all of them normal. An element more
// than rowReach below the maximum is taken as rowReach below it: 2^-187 (2^-1529) times the largest
// exponential.
var (
	rowMagic      = tableMagic("rowMagic", 64, 512)
	rowUnit       = number{"rowUnit", 0x1p-64, 0x1p-512}
	rowOne        = number{"rowOne", 0x1.8bd1d6p-65, 0x1.d0bc0c113fdc3p-513} // rowUnit/a
	rowReach      = number{"rowReach", 130, 1060}
	minusRowReach = rowReach.times("minusRowReach", -1)
	above1024     = number{"above1024", 0x1.000002p10, 0x1.0000000000001p10} // the next number
)

// rowParams turns the maximum m of a row into the parameters of its exponential. A row is shifted
// by a multiple of ln 2, in the exponent: nm = rint(m/ln 2) goes into the magic number, so that
//
//	w = a * exp(x) * 2^(64-nm)
//
// (2^512 in float64) has no rounding of x-m in it. In the magic number there are eighths
// (quarters).
func rowParams(b *builder, m vec) (magic, low vec) {
	round := roundingPart.in(b)
	nm := b.Sub(b.FMA(m, log2ePart.in(b), round), round)
	return b.Sub(rowMagic.in(b), nm), b.Sub(m, rowReach.in(b))
}

// rowTable has a scale a that almost cancels: softmax is a ratio of exponentials.
var rowTable = table{
	name: "rowTable",
	f32: [...]float32{
		0x1.4b2404p+0, 0x1.691c8ap+0, 0x1.89cb7cp+0, 0x1.ad6fb4p+0,
		0x1.d44dbcp+0, 0x1.feb052p+0, 0x1.16747cp+1, 0x1.2fa848p+1,
	},
	f64: [...]float64{
		0x1.1a0948c3ee325p+0, 0x1.4f6647eb09a0ap+0, 0x1.8edc090f7b59ap+0, 0x1.da539a28f8fa0p+0,
	},
}

// expCore is the exponential of a row, w = a*exp(z)*2^(64-nm) (float64: 2^(512-nm)). Float32: at
// most 0.859 ULP, at -56.448147, and 1.3683*2^-24 relative, at 805.9249, of all inputs. Float64: at
// most 0.673 ULP and 1.186*2^-53, the sum of its roundings (TestExpError).
func expCore(b *builder, z, magic, low vec) vec {
	return expOf(b, z, magic, low, func(k vec) vec { return k })
}

// expAny is expCore where z may be far above the maximum, and bit 31 of k not set. That is so
// beside NaN only, and nothing depends on it, but the result is the same on all instruction sets.
func expAny(b *builder, z, magic, low vec) vec {
	return expOf(b, z, magic, low, func(k vec) vec {
		if b.Type() == asmgen.F32 {
			return k
		}
		return b.Or(k, b.Named("bit31", b.KInt(0, 1<<31)))
	})
}

func expOf(b *builder, z, magic, low vec, index func(k vec) vec) vec {
	z = b.Max(low, z)
	k := b.FMA(z, log2ePart.in(b), magic)
	n := b.Sub(k, magic)
	s := rowTable.powerAt(b, k, index(k))
	t := reduce(b, n, z, minusLn2PartHi, minusLn2PartLo)
	r := horner(b, t, expPolynomial)
	p := b.FMA(b.Mul(t, t), r, t)
	return b.FMA(s, p, s)
}

// scaledParams is rowParams for any m. Where |m| > 1024, or m is NaN or Inf, m itself is first
// subtracted from the row.
func scaledParams(b *builder, m vec) (magic, low, sub vec) {
	abs := b.And(m, notSign(b))
	sub = b.Select(b.Less(abs, above1024.in(b)), b.K(0, 0), m)
	magic, low = rowParams(b, b.Sub(m, sub))
	return magic, low, sub
}

type expForm struct {
	loop                string
	store, skip, scaled bool
}

func (f expForm) kernel() asmgen.Kernel {
	name, params := "rowsSum", "sum []float64"
	if f.store {
		name = "rowsExpSum"
		params += ", w"
	} else {
		params += ","
	}
	if f.store {
		params += ", x, m []T"
	} else {
		params += " x, m []T"
	}
	if f.skip {
		name += "Skip"
		params += ", skip []int"
	}
	params += ", cols"
	if f.store {
		params += ", wstride"
	}
	params += ", xstride int"
	if f.scaled {
		name += "Scaled"
		params += ", scale T"
	}
	params += ", narrow bool"
	shape := asmgen.Rows{
		In: []string{"x"}, Row: []string{"m"}, Reduce: asmgen.Sum, Skip: f.skip,
		Slow: true, Repeat: true, // 0 may be far above the maximum
	}
	if f.store {
		shape.Out = []string{"w"}
	}
	if f.scaled {
		shape.Scalars = []string{"scale"}
		shape.Prologue = func(b *builder, row, scalars []vec) []vec {
			magic, low, sub := scaledParams(b, row[0])
			return []vec{magic, low, sub, scalars[0]}
		}
	} else {
		shape.Pipeline = pipelines["rowsExpSum"]
		shape.Prologue = func(b *builder, row, _ []vec) []vec {
			magic, low := rowParams(b, row[0])
			return []vec{magic, low}
		}
	}
	shape.Body = func(b *builder, in, row []vec) ([]vec, vec) {
		z := in[0]
		if f.scaled {
			z = b.Sub(b.Mul(z, row[3]), row[2])
		}
		w := expCore(b, z, row[0], row[1])
		if f.store {
			return []vec{w}, w
		}
		return nil, w
	}
	return asmgen.Kernel{Name: name, Params: params, Loop: f.loop, Shape: shape}
}

var exponential = []asmgen.Kernel{
	expForm{store: true, loop: `
for r := range sum {
	w, sum[r] = exponential of row r of x, its canonical sum
}`}.kernel(),
	expForm{store: true, skip: true, loop: `
for r := range sum {
	w, sum[r] = exponential of row r of x, its canonical sum without column skip[r]
}`}.kernel(),
	expForm{skip: true, loop: `
for r := range sum {
	sum[r] = canonical sum of the exponential of row r of x without column skip[r]
}`}.kernel(),
	expForm{store: true, scaled: true, loop: `
for r := range sum {
	w, sum[r] = exponential of row r of x*scale, its canonical sum
}`}.kernel(),
	expForm{store: true, skip: true, scaled: true, loop: `
for r := range sum {
	w, sum[r] = exponential of row r of x*scale, its canonical sum without column skip[r]
}`}.kernel(),
	expForm{skip: true, scaled: true, loop: `
for r := range sum {
	sum[r] = canonical sum of the exponential of row r of x*scale without column skip[r]
}`}.kernel(),
	{
		Name:   "expAt",
		Params: "w, x, m []T",
		Loop: `
for i := range w {
	w[i] = exponential of x[i] in a row with maximum m[i]
}`,
		Shape: asmgen.Map{
			Out: []string{"w"}, In: []string{"x", "m"}, Unroll: 1,
			Body: func(b *builder, in, _ []vec) []vec {
				magic, low, sub := scaledParams(b, in[1])
				return []vec{expAny(b, b.Sub(in[0], sub), magic, low)}
			},
		},
	},
}

// The passes that finish a row.
var rowScale = []asmgen.Kernel{{
	Name:   "rowsScale",
	Params: "dst, w, rh, rl []T, cols, dststride, wstride int",
	Loop: `
for r := range rh {
	for j := range cols {
		dst[r*dststride+j] = FMA(w[r*wstride+j], rh[r], w[r*wstride+j]*rl[r])
	}
}`,
	Shape: asmgen.Rows{
		Out: []string{"dst"}, In: []string{"w"}, Row: []string{"rh", "rl"},
		Body: func(b *builder, in, row []vec) ([]vec, vec) {
			return []vec{b.FMA(in[0], row[0], b.Mul(in[0], row[1]))}, -1
		},
	},
}, {
	Name:   "rowsScaleGrad",
	Params: "dst, w, q, after []T, cols, dststride, wstride int",
	Loop: `
for r := range q {
	for j := range cols {
		dst[r*dststride+j] = w[r*wstride+j] * q[r] * after[r]
	}
}`,
	Shape: asmgen.Rows{
		Out: []string{"dst"}, In: []string{"w"}, Row: []string{"q", "after"},
		Body: func(b *builder, in, row []vec) ([]vec, vec) {
			return []vec{b.Mul(b.Mul(in[0], row[0]), row[1])}, -1
		},
	},
}, {
	Name:   "rowsLogSoftmax",
	Params: "dst, x, m, l []T, cols, dststride, xstride int",
	Loop: `
for r := range m {
	for j := range cols {
		dst[r*dststride+j] = x[r*xstride+j] - m[r] - l[r]
	}
}`,
	Shape: asmgen.Rows{
		Out: []string{"dst"}, In: []string{"x"}, Row: []string{"m", "l"},
		Body: func(b *builder, in, row []vec) ([]vec, vec) {
			return []vec{b.Sub(b.Sub(in[0], row[0]), row[1])}, -1
		},
	},
}}

var rowBackward = []asmgen.Kernel{{
	Name:   "rowsDot",
	Params: "sum []float64, a, b []T, cols, astride, bstride int, narrow bool",
	Loop: `
for r := range sum {
	sum[r] = canonical sum of the rounded products a*b of row r
}`,
	Shape: asmgen.Rows{
		In: []string{"a", "b"}, Reduce: asmgen.Sum,
		Body: func(b *builder, in, _ []vec) ([]vec, vec) {
			return nil, b.Mul(in[0], in[1])
		},
	},
}, {
	Name:   "rowsSum",
	Params: "sum []float64, a []T, cols, astride int, narrow bool",
	Loop: `
for r := range sum {
	sum[r] = canonical sum of row r of a
}`,
	Shape: asmgen.Rows{
		In: []string{"a"}, Reduce: asmgen.Sum,
		Body: func(_ *builder, in, _ []vec) ([]vec, vec) {
			return nil, in[0]
		},
	},
}, {
	Name:   "rowsSoftmaxBackward",
	Params: "dx, dy, y, s []T, cols, dxstride, dystride, ystride int",
	Loop: `
for r := range s {
	for j := range cols {
		dx[r*dxstride+j] = (dy[r*dystride+j] - s[r]) * y[r*ystride+j]
	}
}`,
	Shape: asmgen.Rows{
		Out: []string{"dx"}, In: []string{"dy", "y"}, Row: []string{"s"},
		Body: func(b *builder, in, row []vec) ([]vec, vec) {
			return []vec{b.Mul(b.Sub(in[0], row[0]), in[1])}, -1
		},
	},
}, {
	// exp(y) for y <= 0 is the row exponential with m = 0, times what 1 is in its unit.
	Name:   "rowsLogSoftmaxBackward",
	Params: "dx, dy, y, s []T, cols, dxstride, dystride, ystride int",
	Loop: `
for r := range s {
	for j := range cols {
		dx[r*dxstride+j] = FMA(-exp(min(y[r*ystride+j], 0)), s[r], dy[r*dystride+j])
	}
}`,
	Shape: asmgen.Rows{
		Out: []string{"dx"}, In: []string{"dy", "y"}, Row: []string{"s"},
		Body: func(b *builder, in, row []vec) ([]vec, vec) {
			w := expCore(b, b.Min(b.K(0, 0), in[1]), rowMagic.in(b), minusRowReach.in(b))
			return []vec{b.FNMA(b.Mul(w, rowOne.in(b)), row[0], in[0])}, -1
		},
	},
}}

var crossEntropy = []asmgen.Kernel{{
	Name:   "rowsSumProb",
	Params: "sum []float64, x, t, m, l []T, cols, xstride, tstride int, narrow bool",
	Loop: `
for r := range sum {
	sum[r] = canonical sum of t == 0 ? 0 : t * (l[r] + (m[r] - x)) over row r
}`,
	Shape: asmgen.Rows{
		In: []string{"x", "t"}, Row: []string{"m", "l"}, Reduce: asmgen.Sum,
		Body: func(b *builder, in, row []vec) ([]vec, vec) {
			u := b.Mul(in[1], b.Add(row[1], b.Sub(row[0], in[0])))
			zero := b.K(0, 0)
			return nil, b.Select(b.Equal(in[1], zero), zero, u)
		},
	},
}, {
	Name:   "rowsSumTargetSkip",
	Params: "sum []float64, t []T, skip []int, cols, tstride int, narrow bool",
	Loop: `
for r := range sum {
	sum[r] = canonical sum of row r of t without column skip[r]
}`,
	Shape: asmgen.Rows{
		In: []string{"t"}, Reduce: asmgen.Sum, Skip: true,
		Body: func(_ *builder, in, _ []vec) ([]vec, vec) {
			return nil, in[0]
		},
	},
}, {
	Name:   "rowsProbGrad",
	Params: "dst, w, t, q, scale []T, cols, dststride, wstride, tstride int",
	Loop: `
for r := range q {
	for j := range cols {
		dst[r*dststride+j] = FMA(w[r*wstride+j], q[r], -t[r*tstride+j]) * scale[r]
	}
}`,
	Shape: asmgen.Rows{
		Out: []string{"dst"}, In: []string{"w", "t"}, Row: []string{"q", "scale"},
		Body: func(b *builder, in, row []vec) ([]vec, vec) {
			// -t by subtraction from -0, which is exact also for zeros
			return []vec{b.Mul(b.FMA(in[0], row[0], b.Sub(signBit(b), in[1])), row[1])}, -1
		},
	},
}}
