package kernels

// The columns kernels in Go: row by row, by the primitives for rows.

func columnsSoftmaxF32Generic(dst, x []float32, rows, cols, half, dststride, xstride int) {
	for r := range rows {
		var sum [1]float64
		var m [1]float32
		d, v := dst[r*dststride:][:cols], x[r*xstride:][:cols]
		rowsMaxF32Generic(m[:], v, cols, cols)
		rowsExpSumScaledF32Generic(sum[:], d, v, m[:], cols, cols, cols, 1, true)
		rh, rl := reciprocal[float32](sum[0], true)
		rowsScaleF32Generic(d, d, []float32{rh}, []float32{rl}, cols, cols, cols)
	}
}

func columnsSoftmaxF64Generic(dst, x []float64, rows, cols, half, dststride, xstride int) {
	for r := range rows {
		var sum [1]float64
		var m [1]float64
		d, v := dst[r*dststride:][:cols], x[r*xstride:][:cols]
		rowsMaxF64Generic(m[:], v, cols, cols)
		rowsExpSumScaledF64Generic(sum[:], d, v, m[:], cols, cols, cols, 1, true)
		rh, rl := reciprocal[float64](sum[0], true)
		rowsScaleF64Generic(d, d, []float64{rh}, []float64{rl}, cols, cols, cols)
	}
}

func columnsSumSkipF32Generic(m, rest, w, x []float32, label []int, rows, cols, half, xstride int) {
	for r := range rows {
		var sum [1]float64
		v := x[r*xstride:][:cols]
		rowsMaxF32Generic(m[r:r+1], v, cols, cols)
		rowsSumSkipScaledF32Generic(sum[:], v, m[r:r+1], label[r:r+1], cols, cols, 1, true)
		rest[r] = float32(sum[0])
		expAtF32Generic(w[r:r+1], v[label[r]:][:1], m[r:r+1])
	}
}

func columnsSumSkipF64Generic(m, rest, w, x []float64, label []int, rows, cols, half, xstride int) {
	for r := range rows {
		v := x[r*xstride:][:cols]
		rowsMaxF64Generic(m[r:r+1], v, cols, cols)
		rowsSumSkipScaledF64Generic(rest[r:r+1], v, m[r:r+1], label[r:r+1], cols, cols, 1, true)
		expAtF64Generic(w[r:r+1], v[label[r]:][:1], m[r:r+1])
	}
}

func columnsGradF32Generic(dst, m, rest, w, x []float32, label []int, scale, num, after []float32, rows, cols, half, dststride, xstride int) {
	for r := range rows {
		var sum [1]float64
		d, v, l := dst[r*dststride:][:cols], x[r*xstride:][:cols], label[r]
		rowsMaxF32Generic(m[r:r+1], v, cols, cols)
		expAtF32Generic(w[r:r+1], v[l:l+1], m[r:r+1])
		rowsExpSumSkipScaledF32Generic(sum[:], d, v, m[r:r+1], label[r:r+1], cols, cols, cols, 1, true)
		rest[r] = float32(sum[0])
		s := rest[r] + w[r]
		rowsScaleGradF32Generic(d, d, []float32{num[r] / s}, after[r:r+1], cols, cols, cols)
		d[l] = 0 - float32(scale[r]*(rest[r]/s))
	}
}

func columnsGradF64Generic(dst, m, rest, w, x []float64, label []int, scale, num, after []float64, rows, cols, half, dststride, xstride int) {
	for r := range rows {
		d, v, l := dst[r*dststride:][:cols], x[r*xstride:][:cols], label[r]
		rowsMaxF64Generic(m[r:r+1], v, cols, cols)
		expAtF64Generic(w[r:r+1], v[l:l+1], m[r:r+1])
		rowsExpSumSkipScaledF64Generic(rest[r:r+1], d, v, m[r:r+1], label[r:r+1], cols, cols, cols, 1, true)
		s := rest[r] + w[r]
		rowsScaleGradF64Generic(d, d, []float64{num[r] / s}, after[r:r+1], cols, cols, cols)
		d[l] = 0 - float64(scale[r]*(rest[r]/s))
	}
}
