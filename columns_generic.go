package kernels

// The primitives for many rows of few columns: row by row, by the primitives for rows. Only tests
// get here. A vector holds a row in each lane, and without vectors the drivers go through the
// primitives for rows, whose bits these have to be.

func columnsSoftmaxGeneric[T Float](dst, x []T, rows, cols, half, dststride, xstride int) {
	for r := range rows {
		var sum [1]float64
		var m, rh, rl [1]T
		d, v := dst[r*dststride:][:cols], x[r*xstride:][:cols]
		rowsMaxGeneric(m[:], v, cols, cols)
		rowsExpSumScaledGeneric(sum[:], d, v, m[:], cols, cols, cols, 1, isNarrow[T](cols))
		reciprocals(rh[:], rl[:], sum[:], isNarrow[T](cols))
		rowsScaleGeneric(d, d, rh[:], rl[:], cols, cols, cols)
	}
}

func columnsSumSkipGeneric[T Float](
	m []T, rest []float64, w, x []T, label []int, rows, cols, half, xstride int,
) {
	for r := range rows {
		v, mr := x[r*xstride:][:cols], m[r:r+1]
		rowsMaxGeneric(mr, v, cols, cols)
		expAtGeneric(w[r:r+1], v[label[r]:][:1], mr)
		rowsSumSkipScaledGeneric(rest[r:r+1], v, mr, label[r:r+1], cols, cols, 1, isNarrow[T](cols))
	}
}

func columnsGradGeneric[T Float](
	dst, m []T, rest []float64, w, x []T, label []int, scale, num, after []T,
	rows, cols, half, dststride, xstride int,
) {
	for r := range rows {
		sum, narrow := rest[r:r+1], isNarrow[T](cols)
		d, v, mr, l := dst[r*dststride:][:cols], x[r*xstride:][:cols], m[r:r+1], label[r]
		rowsMaxGeneric(mr, v, cols, cols)
		expAtGeneric(w[r:r+1], v[l:][:1], mr)
		rowsExpSumSkipScaledGeneric(sum, d, v, mr, label[r:r+1], cols, cols, cols, 1, narrow)
		s := sum[0] + float64(w[r])
		if narrow {
			s = float64(T(s))
		}
		q := T(float64(num[r]) / s)
		rowsScaleGradGeneric(d, d, []T{q}, after[r:r+1], cols, cols, cols)
		d[l] = 0 - T(scale[r]*T(sum[0]/s))
	}
}
