package kernels

import (
	"math"
	"unsafe"
)

// What the drivers of softmax and cross-entropy share. They walk over batches of rows: as many as fit a first-level cache,
// so that a row is still there for its next pass. A row longer than a chunk of the canonical sum is a batch of its own,
// and its passes go chunk by chunk. The arrays of a batch, one element a row, are on the stack of the driver.
const (
	maxRows    = 64
	batchBytes = 32 << 10
)

// filled returns the first n elements of a, all of them v: a factor that is the same for all rows of a batch.
func filled[T Float](a *[maxRows]T, n int, v T) []T {
	s := a[:n]
	for r := range s {
		s[r] = v
	}
	return s
}

// batchLen is the number of rows in a batch: 1 where cols > maxCols.
func batchLen[T Float](cols int) int {
	var v T
	return min(max(batchBytes/int(unsafe.Sizeof(v))/cols, 1), maxRows)
}

// maxCols is the most columns that a primitive is given.
func maxCols[T Float]() int {
	if is32[T]() {
		return chunkF32
	}
	return chunkF64
}

// isNarrow tells rows that the canonical sum adds entirely in T.
func isNarrow[T Float](cols int) bool {
	if is32[T]() {
		return cols <= blockF32
	}
	return cols <= blockF64
}

// rowSum adds the sums of a row's chunks in order: float32 plainly, as chunks are float64 already, float64 by TwoSum.
type rowSum[T Float] struct{ s, e float64 }

func (a *rowSum[T]) add(v float64) {
	if is32[T]() {
		a.s += v
		return
	}
	s, e := twoSum(a.s, v)
	a.s = s
	if e == e { // it is NaN where the sum is infinite
		a.e += e
	}
}

func (a *rowSum[T]) sum() float64 {
	if is32[T]() {
		return a.s
	}
	return a.s + a.e
}

// batchMax sets m to the maxima of the batch's rows, which are then scaled, and tells whether the plain form of the
// exponential will do for all of them.
func batchMax[T Float](m, x []T, cols, xstride int, scale T) (plain bool) {
	step := maxCols[T]()
	rowsMax(m, x, min(cols, step), xstride)
	for c := step; c < cols; c += step { // one row
		var next [1]T
		rowsMax(next[:], x[c:], min(cols-c, step), xstride)
		if next[0] > m[0] {
			m[0] = next[0]
		}
	}
	if scale != 1 {
		for r := range m {
			m[r] = T(m[r]*scale) + 0
		}
		return false
	}
	for _, v := range m {
		if !(v >= -1024 && v <= 1024) {
			return false
		}
	}
	return true
}

// batchExpSum stores the exponentials of the batch in w and their sums in sum.
func batchExpSum[T Float](sum []float64, w, x, m []T, cols, wstride, xstride int, scale T, plain bool) {
	step, narrow := maxCols[T](), isNarrow[T](cols)
	if cols <= step {
		if plain {
			rowsExpSum(sum, w, x, m, cols, wstride, xstride, narrow)
		} else {
			rowsExpSumScaled(sum, w, x, m, cols, wstride, xstride, scale, narrow)
		}
		return
	}
	var total rowSum[T]
	for c := 0; c < cols; c += step {
		n := min(cols-c, step)
		if plain {
			rowsExpSum(sum, w[c:], x[c:], m, n, wstride, xstride, narrow)
		} else {
			rowsExpSumScaled(sum, w[c:], x[c:], m, n, wstride, xstride, scale, narrow)
		}
		total.add(sum[0])
	}
	sum[0] = total.sum()
}

// batchExpSumSkip is batchExpSum with one column of each row left out of the sum.
func batchExpSumSkip[T Float](sum []float64, w, x, m []T, skip []int, cols, wstride, xstride int, scale T, plain bool) {
	step, narrow := maxCols[T](), isNarrow[T](cols)
	if cols <= step {
		if plain {
			rowsExpSumSkip(sum, w, x, m, skip, cols, wstride, xstride, narrow)
		} else {
			rowsExpSumSkipScaled(sum, w, x, m, skip, cols, wstride, xstride, scale, narrow)
		}
		return
	}
	var total rowSum[T]
	var skipHere [1]int
	for c := 0; c < cols; c += step {
		n := min(cols-c, step)
		skipHere[0] = skip[0] - c
		if plain {
			rowsExpSumSkip(sum, w[c:], x[c:], m, skipHere[:], n, wstride, xstride, narrow)
		} else {
			rowsExpSumSkipScaled(sum, w[c:], x[c:], m, skipHere[:], n, wstride, xstride, scale, narrow)
		}
		total.add(sum[0])
	}
	sum[0] = total.sum()
}

// batchSumSkip is batchExpSumSkip that stores no exponential.
func batchSumSkip[T Float](sum []float64, x, m []T, skip []int, cols, xstride int, scale T, plain bool) {
	step, narrow := maxCols[T](), isNarrow[T](cols)
	if cols <= step {
		if plain {
			rowsSumSkip(sum, x, m, skip, cols, xstride, narrow)
		} else {
			rowsSumSkipScaled(sum, x, m, skip, cols, xstride, scale, narrow)
		}
		return
	}
	var total rowSum[T]
	var skipHere [1]int
	for c := 0; c < cols; c += step {
		n := min(cols-c, step)
		skipHere[0] = skip[0] - c
		if plain {
			rowsSumSkip(sum, x[c:], m, skipHere[:], n, xstride, narrow)
		} else {
			rowsSumSkipScaled(sum, x[c:], m, skipHere[:], n, xstride, scale, narrow)
		}
		total.add(sum[0])
	}
	sum[0] = total.sum()
}

// batchFind sets index to the first column of each row that holds its maximum m, unscaled; to 0 where the row has a NaN
// and no element is m.
func batchFind[T Float](index []int, x, m []T, cols, xstride int) {
	step := maxCols[T]()
	for c := 0; ; c += step {
		n := min(cols-c, step)
		rowsFind(index, x[c:], m, n, xstride)
		if cols <= step {
			return
		}
		if x[c+index[0]] == m[0] {
			index[0] += c
			return
		}
		if c+n == cols {
			index[0] = 0
			return
		}
	}
}

// expShift returns what the exponential of a row with maximum m is relative to: w = exp(x*scale - sub) * 2^(E-nm), E = 64 or
// 512; and the least x*scale - sub at which the quotient of two w is still used in a loss. See expRowF32.
func expShift[T Float](m T) (sub, nm, far float64) {
	m0 := float64(m)
	if !(m >= -1024 && m <= 1024) {
		sub = m0
	}
	m0 -= sub
	if is32[T]() {
		return sub, float64(fma32(float32(m0), log2eF32, 0x1.8p23) - 0x1.8p23), m0 - 100
	}
	return sub, math.FMA(m0, log2eF64, 0x1.8p52) - 0x1.8p52, m0 - 700
}

// expUnit is 2^-E: it turns a sum of w into units of exp(nm*ln2 + sub).
func expUnit[T Float]() float64 {
	if is32[T]() {
		return 0x1p-64
	}
	return 0x1p-512
}
