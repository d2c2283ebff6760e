package kernels

import (
	"math"
	"math/bits"
	"unsafe"

	"kernels/internal/isa"
)

// columnsFit tells whether rows of cols elements go through the columns kernels, which take as many rows at a time as a vector has
// lanes: for few classes a row on its own would leave most lanes empty. The bits are those of the rows kernels.
func columnsFit[T Float](rows, cols int) bool {
	var lanes int
	switch size := int(unsafe.Sizeof(*new(T))); {
	case isa.AVX2: // with AVX512 as well, for which the dispatch asks for twice the rows
		lanes = 32 / size
	case isa.NEON:
		lanes = 16 / size
	default:
		return false
	}
	return cols >= 2 && isNarrow[T](cols) && rows >= lanes
}

// columnsHalf is the largest power of two below cols: the first step of the tree that adds a row.
func columnsHalf(cols int) int { return 1 << (bits.Len(uint(cols-1)) - 1) }

// softmaxColumns is Softmax for few classes.
func softmaxColumns[T Float](dst, x []T, rows, cols, dststride, xstride int) {
	half, step := columnsHalf(cols), max(64, maxCols[T]()/cols&^15)
	for r0 := 0; r0 < rows; {
		n := min(step, rows-r0)
		if left := rows - r0 - n; left > 0 && left < 16 {
			n -= 16 // too few rows would be left for a vector
		}
		columnsSoftmax(dst[r0*dststride:], x[r0*xstride:], n, cols, half, dststride, xstride)
		r0 += n
	}
}

// forwardColumns is forward for few classes.
func (st *lossBatch[T]) forwardColumns(n int, x []T, cols, xstride int) {
	for r, l := range st.label[:n] {
		st.xt[r] = x[r*xstride+l]
	}
	rest := st.q[:n]
	columnsSumSkip(st.m[:n], rest, st.wt[:n], x, st.label[:n], n, cols, columnsHalf(cols), xstride)
	for r, v := range rest {
		st.rest[r] = float64(v)
	}
}

// gradientColumns is gradient for few classes: num and after are as there.
func (st *lossBatch[T]) gradientColumns(n int, dst, x []T, cols, dststride, xstride int, scale, num, after T) {
	for r, l := range st.label[:n] {
		st.xt[r] = x[r*xstride+l]
	}
	rest := st.q[:n]
	var scales, nums, afters [maxRows]T
	columnsGrad(dst, st.m[:n], rest, st.wt[:n], x, st.label[:n], filled(&scales, n, scale), filled(&nums, n, num), filled(&afters, n, after),
		n, cols, columnsHalf(cols), dststride, xstride)
	for r, v := range rest {
		st.rest[r] = float64(v)
	}
}

// splitScale says how the gradient is multiplied: by num/S and then by after. A large scale comes afterwards, so that
// what is 0 stays 0, and a tiny one too, so that the quotient stays normal.
func splitScale[T Float](scale T) (num, after T) {
	if a := math.Abs(float64(scale)); !(a >= 0x1p-30 && a <= 1) {
		return 1, scale
	}
	return scale, 1
}
