package kernels

import "math"

// Maxima, and where they are.

func rowsMaxGeneric[T Float](m, x []T, cols, xstride int) {
	for r := range m {
		best := T(math.Inf(-1))
		for _, v := range x[r*xstride:][:cols] {
			if v > best {
				best = v
			}
		}
		m[r] = best + 0 // -0 becomes +0
	}
}

func rowsTopGeneric[T Float](m, x []T, cols, xstride int) {
	inf := T(math.Inf(1))
	for r := range m {
		best := -inf
		for _, v := range x[r*xstride:][:cols] {
			if v != v {
				v = inf
			}
			if v > best {
				best = v
			}
		}
		m[r] = best + 0
	}
}

func rowsFindGeneric[T Float](index []int, x, m []T, cols, xstride int) {
	for r := range index {
		index[r] = 0
		for j, v := range x[r*xstride:][:cols] {
			if v == m[r] {
				index[r] = j
				break
			}
		}
	}
}

// The exponential and its sum. There is one loop: x*1 - 0 is x, so for a row that needs neither a
// scale nor a shift, the plain and the scaled form have the same bits.

func rowsExpSumGeneric[T Float](
	sum []float64, w, x, m []T, cols, wstride, xstride int, narrow bool,
) {
	expSums(sum, w, x, m, nil, cols, wstride, xstride, 1, narrow)
}

func rowsExpSumSkipGeneric[T Float](
	sum []float64, w, x, m []T, skip []int, cols, wstride, xstride int, narrow bool,
) {
	expSums(sum, w, x, m, skip, cols, wstride, xstride, 1, narrow)
}

func rowsExpSumScaledGeneric[T Float](
	sum []float64, w, x, m []T, cols, wstride, xstride int, scale T, narrow bool,
) {
	expSums(sum, w, x, m, nil, cols, wstride, xstride, scale, narrow)
}

func rowsExpSumSkipScaledGeneric[T Float](
	sum []float64, w, x, m []T, skip []int, cols, wstride, xstride int, scale T, narrow bool,
) {
	expSums(sum, w, x, m, skip, cols, wstride, xstride, scale, narrow)
}

func rowsSumSkipGeneric[T Float](
	sum []float64, x, m []T, skip []int, cols, xstride int, narrow bool,
) {
	expSums(sum, nil, x, m, skip, cols, 0, xstride, 1, narrow)
}

func rowsSumSkipScaledGeneric[T Float](
	sum []float64, x, m []T, skip []int, cols, xstride int, scale T, narrow bool,
) {
	expSums(sum, nil, x, m, skip, cols, 0, xstride, scale, narrow)
}

// expSums sets w, unless it is nil, to the exponentials, and sum to their sums without those at
// skip, unless that is nil.
func expSums[T Float](
	sum []float64, w, x, m []T, skip []int, cols, wstride, xstride int, scale T, narrow bool,
) {
	const step = blockF32 // which is no longer than a group of float64
	var buf [step]T
	_, group := groupLen[T]()
	for r := range sum {
		c, s, out := newExpRow(m[r]), canonicalSum[T]{narrow: narrow}, skipped(skip, r)
		row := x[r*xstride:][:cols]
		for j := 0; j < cols; j += group {
			var a lanes[T]
			for k := j; k < min(j+group, cols); k += step {
				from := row[k:min(k+step, cols)]
				to := buf[:len(from)]
				if w != nil {
					to = w[r*wstride+k:][:len(from)]
				}
				rowExp(&c, to, from, scale)
				a.add(to, out-k)
			}
			s.add(&a)
		}
		sum[r] = s.sum()
	}
}

// skipped returns the column that the sum of row r leaves out; none is -1.
func skipped(skip []int, r int) int {
	if skip == nil {
		return -1
	}
	return skip[r]
}

// Other sums.

func rowsSumGeneric[T Float](sum []float64, a []T, cols, astride int, narrow bool) {
	rowsSumTargetSkipGeneric(sum, a, nil, cols, astride, narrow)
}

func rowsSumTargetSkipGeneric[T Float](
	sum []float64, t []T, skip []int, cols, tstride int, narrow bool,
) {
	_, group := groupLen[T]()
	for r := range sum {
		s, out := canonicalSum[T]{narrow: narrow}, skipped(skip, r)
		row := t[r*tstride:][:cols]
		for j := 0; j < cols; j += group {
			var a lanes[T]
			a.add(row[j:min(j+group, cols)], out-j)
			s.add(&a)
		}
		sum[r] = s.sum()
	}
}

func rowsDotGeneric[T Float](sum []float64, a, b []T, cols, astride, bstride int, narrow bool) {
	block, group := groupLen[T]()
	for r := range sum {
		s := canonicalSum[T]{narrow: narrow}
		as, bs := a[r*astride:][:cols], b[r*bstride:][:cols]
		for j := 0; j < cols; j += group {
			ag := as[j:min(j+group, cols)]
			bg := bs[j:][:len(ag)]
			var a lanes[T]
			for i, v := range ag {
				a[i%block] += T(v * bg[i])
			}
			s.add(&a)
		}
		sum[r] = s.sum()
	}
}

func rowsSumProbGeneric[T Float](
	sum []float64, x, t, m, l []T, cols, xstride, tstride int, narrow bool,
) {
	block, group := groupLen[T]()
	for r := range sum {
		s := canonicalSum[T]{narrow: narrow}
		xs, ts, mr, lr := x[r*xstride:][:cols], t[r*tstride:][:cols], m[r], l[r]
		for j := 0; j < cols; j += group {
			xg := xs[j:min(j+group, cols)]
			tg := ts[j:][:len(xg)]
			var a lanes[T]
			for i, v := range xg {
				if tg[i] != 0 { // the target of an entry that is -Inf may be 0
					a[i%block] += T(tg[i] * (lr + (mr - v)))
				}
			}
			s.add(&a)
		}
		sum[r] = s.sum()
	}
}

// The last pass of each function.

// The float32 arm of rowsScaleGeneric is fma32 with what is known of its operands left out.
func rowsScaleGeneric[T Float](dst, w, rh, rl []T, cols, dststride, wstride int) {
	for r := range rh {
		h, l := float64(rh[r]), float64(rl[r])
		d := dst[r*dststride:][:cols]
		for j, v := range w[r*wstride:][:cols] { // fma(v, h, v*l)
			v := float64(v)
			if is32[T]() {
				q := round32(v * l)
				y := v*h + q
				if halfway(y) {
					y = roundOdd(v*h, q)
				}
				d[j] = T(y)
			} else {
				d[j] = T(math.FMA(v, h, v*l))
			}
		}
	}
}

func rowsScaleGradGeneric[T Float](dst, w, q, after []T, cols, dststride, wstride int) {
	for r, qr := range q {
		d, a := dst[r*dststride:][:cols], after[r]
		for j, v := range w[r*wstride:][:cols] {
			d[j] = T(v*qr) * a
		}
	}
}

func rowsSoftmaxBackwardGeneric[T Float](dx, dy, y, s []T, cols, dxstride, dystride, ystride int) {
	for r, sr := range s {
		d, g := dx[r*dxstride:][:cols], dy[r*dystride:][:cols]
		for j, v := range y[r*ystride:][:cols] {
			d[j] = (g[j] - sr) * v
		}
	}
}

func rowsLogSoftmaxGeneric[T Float](dst, x, m, l []T, cols, dststride, xstride int) {
	for r := range m {
		mr, lr := m[r], l[r]
		d := dst[r*dststride:][:cols]
		for j, v := range x[r*xstride:][:cols] {
			d[j] = (v - mr) - lr
		}
	}
}

func rowsLogSoftmaxBackwardGeneric[T Float](
	dx, dy, y, s []T, cols, dxstride, dystride, ystride int,
) {
	c := newExpRow(T(0))
	for r, sr := range s {
		d, g := dx[r*dxstride:][:cols], dy[r*dystride:][:cols]
		for j, v := range y[r*ystride:][:cols] {
			if v > 0 {
				v = 0
			}
			if is32[T]() {
				e := c.exp32(float32(v)) * (0x1p-64 / aF32)
				d[j] = T(fma32(-e, float32(sr), float32(g[j])))
			} else {
				e := c.exp64(float64(v)) * (0x1p-512 / aF64)
				d[j] = T(math.FMA(-e, float64(sr), float64(g[j])))
			}
		}
	}
}

func rowsProbGradGeneric[T Float](
	dst, w, t, q, scale []T, cols, dststride, wstride, tstride int,
) {
	for r, qr := range q {
		d, ts, a := dst[r*dststride:][:cols], t[r*tstride:][:cols], scale[r]
		for j, v := range w[r*wstride:][:cols] {
			if is32[T]() {
				d[j] = T(fma32(float32(v), float32(qr), float32(-ts[j]))) * a
			} else {
				d[j] = T(math.FMA(float64(v), float64(qr), float64(-ts[j]))) * a
			}
		}
	}
}
