package pages

import "kernels/internal/asmgen"

// Rows of few columns, each one block of the canonical sum or up to two: several rows at a time, a
// lane each.
// The operations are those of the page for rows, in the general form, so that every row may have
// its own shift.
func columnParams(b *builder, m vec) []vec {
	magic, low, sub := scaledParams(b, m)
	return []vec{magic, low, sub}
}

func columnExp(b *builder, x vec, row []vec) vec {
	return expCore(b, b.Sub(x, row[2]), row[0], row[1])
}

var columns = []asmgen.Kernel{{
	// p = w/S by 1/S in two parts, so that it is rounded once
	Name:   "columnsSoftmax",
	Params: "dst, x []T, rows, cols, half, dststride, xstride int",
	Loop: `
for r := range rows {
	dst = softmax of row r of x
}`,
	Shape: asmgen.Columns{
		Dst: true, Reciprocal: true,
		Prologue: columnParams, Exp: columnExp,
		Epilogue: func(b *builder, _, sum, _ vec, _ []vec) (perRow, finish []vec) {
			rh := b.Div(b.K(1, 1), sum)
			return nil, []vec{rh, b.Mul(b.FNMA(sum, rh, b.K(1, 1)), rh)}
		},
		Finish: func(b *builder, w vec, f []vec) vec { return b.FMA(w, f[0], b.Mul(w, f[1])) },
	},
}, {
	Name:   "columnsSumSkip",
	Params: "m []T, rest []float64, w, x []T, label []int, rows, cols, half, xstride int",
	Loop: `
for r := range rows {
	m[r] = maximum of row r of x
	rest[r] = sum of its exponentials without the label's
	w[r] = the label's exponential
}`,
	Shape: asmgen.Columns{
		Label: true, PerRow: []string{"m", "w"}, Sum: "rest",
		Prologue: columnParams, Exp: columnExp,
		Epilogue: func(_ *builder, m, _, at vec, _ []vec) (perRow, finish []vec) {
			return []vec{m, at}, nil
		},
	},
}, {
	// g = (w*q)*after with q = num/S, at the label 0 - scale*(R/S)
	Name: "columnsGrad",
	Params: "dst, m []T, rest []float64, w, x []T, label []int, scale, num, after []T, " +
		"rows, cols, half, dststride, xstride int",
	Loop: `
for r := range rows {
	m[r], rest[r], w[r] = as columnsSumSkip
	dst = scale[r] * (softmax of row r of x - onehot(label[r])) // (exp*(num[r]/sum))*after[r]
}`,
	Shape: asmgen.Columns{
		Dst: true, Label: true,
		Row:      []string{"scale", "num", "after"},
		PerRow:   []string{"m", "w"},
		Sum:      "rest",
		Over:     "num",
		Prologue: columnParams, Exp: columnExp,
		Epilogue: func(b *builder, m, part, at vec, row []vec) (perRow, finish []vec) {
			g := b.Sub(b.K(0, 0), b.Mul(row[0], part))
			return []vec{m, at}, []vec{row[1], row[2], g}
		},
		Finish: func(b *builder, w vec, f []vec) vec { return b.Mul(b.Mul(w, f[0]), f[1]) },
	},
}}
