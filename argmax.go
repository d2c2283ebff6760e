package kernels

import "math"

// Argmax sets index[r] to the column of the largest element of row r of x. If several are equal, it
// is the first of them; -0 and +0 are equal. NaN counts as larger than everything, as in NumPy and
// PyTorch: a row with a NaN gives the column of its first NaN. A row of -Inf gives 0. The result is
// exact.
//
// There are len(index) rows of classes elements. It panics if len(x) is not len(index)*classes or
// classes is not positive.
func Argmax[T Float](index []int, x []T, classes int) {
	rows := checkRows("Argmax", "x", len(x), classes, classes)
	checkPerRow("Argmax", "index", len(index), rows)
	if rows <= 8 { // a large array takes longer to clear than so few rows
		var m [8]T
		argmax(index, x, classes, m[:])
	} else {
		var m [maxRows]T
		argmax(index, x, classes, m[:])
	}
}

// argmax is Argmax; ms has room for the maxima of a batch.
func argmax[T Float](index []int, x []T, classes int, ms []T) {
	rows := len(index)
	batch := batchLen[T](rows, classes)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		m, out, xs := ms[:n], index[r0:r0+n], matrix[T]{x, classes}.rows(r0)
		maxima(m, xs, classes, true)
		locate(out, xs, m, classes)
		for r, v := range m {
			if float64(v) <= math.MaxFloat64 {
				continue
			}
			for j, v := range xs.from(r, 0)[:classes] { // +Inf, or a NaN
				if v != v {
					out[r] = j
					break
				}
			}
		}
	}
}
