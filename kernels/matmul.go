package pages

import "kernels/internal/asmgen"

// The product of two matrices. An element is the sum of k products, from start[i][j] on in the
// order of k, each added by a multiply-add, which rounds once:
//
//	s = start[i][j]; s = FMA(a[i][p], b[p][j], s) for p = 0, 1, ..., k-1
//
// So |error| <= ((1+u)^k - 1) * (|start[i][j]| + sum of |a[i][p]*b[p][j]|), u = 2^-24 (2^-53),
// while nothing overflows or is subnormal, whatever the tile that an instruction set holds in
// registers: its lanes are elements, and each has its own chain. What is worth packing is:
// transposeRows makes a panel of b of its transpose, and the product without products (k = 0)
// copies.
var matmul = []asmgen.Kernel{{
	Name: "matmulPanel",
	Params: "dst, start, a, b []T, rows, k, cols, dststride, startstride, arow, acol, " +
		"bstride int",
	Loop: `
for i := range rows {
	for j := range cols {
		s := start[i*startstride+j]
		for p := range k {
			s = FMA(a[i*arow+p*acol], b[p*bstride+j], s)
		}
		dst[i*dststride+j] = s
	}
}`,
	Shape: asmgen.MatMul{},
}, {
	Name:   "transposeRows",
	Params: "dst, src []T, rows, cols, dststride, srcstride int",
	Loop: `
for r := range rows {
	for j := range cols {
		dst[j*dststride+r] = src[r*srcstride+j]
	}
}`,
	Shape: asmgen.Transpose{},
}}
