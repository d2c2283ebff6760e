package kernels

import "math"

// Argmax sets index[r] to the column of the largest element of row r of x: the lowest one where several are equal (-0 and +0 are). NaN
// counts as larger than everything, as in NumPy and PyTorch: a row with NaN gives the column of its first NaN. A row of
// -Inf gives 0. The result is exact.
//
// There are len(index) rows of classes elements. It panics if len(x) is not len(index)*classes or classes is not positive.
func Argmax[T Float](index []int, x []T, classes int) {
	rows := checkRows("Argmax", "x", len(x), classes)
	checkPerRow("Argmax", "index", len(index), rows)
	var (
		ms    [maxRows]T
		batch = batchLen[T](classes)
		step  = maxCols[T]()
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		m, out, xs := ms[:n], index[r0:r0+n], x[r0*classes:]
		rowsTop(m, xs, min(classes, step), classes)
		for c := step; c < classes; c += step { // one row
			var next [1]T
			rowsTop(next[:], xs[c:], min(classes-c, step), classes)
			m[0] = max(m[0], next[0])
		}
		batchFind(out, xs, m, classes, classes)
		for r, v := range m {
			if float64(v) <= math.MaxFloat64 {
				continue
			}
			for j, v := range xs[r*classes:][:classes] { // +Inf, or a NaN
				if v != v {
					out[r] = j
					break
				}
			}
		}
	}
}
