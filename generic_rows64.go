package kernels

import "math"

// Row maxima and where they are.

func rowsMaxF64Generic(m, x []float64, cols, xstride int) {
	for r := range m {
		best := float64(math.Inf(-1))
		for _, v := range x[r*xstride:][:cols] {
			if v > best {
				best = v
			}
		}
		m[r] = best + 0 // -0 becomes +0
	}
}

func rowsFindF64Generic(index []int, x, m []float64, cols, xstride int) {
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

// The exponential and its sum.

func rowsExpSumF64Generic(sum []float64, w, x, m []float64, cols, wstride, xstride int, narrow bool) {
	for r := range sum {
		c := newExpRowF64(m[r])
		sum[r] = expSumF64(&c, w[r*wstride:][:cols], x[r*xstride:][:cols], -1, narrow)
	}
}

func rowsExpSumSkipF64Generic(sum []float64, w, x, m []float64, skip []int, cols, wstride, xstride int, narrow bool) {
	for r := range sum {
		c := newExpRowF64(m[r])
		sum[r] = expSumF64(&c, w[r*wstride:][:cols], x[r*xstride:][:cols], skip[r], narrow)
	}
}

func expSumF64(c *expRowF64, w, x []float64, skip int, narrow bool) float64 {
	c.plain(w, x)
	return sliceSumF64(w, skip, narrow)
}

func rowsExpSumScaledF64Generic(sum []float64, w, x, m []float64, cols, wstride, xstride int, scale float64, narrow bool) {
	for r := range sum {
		c := newExpRowF64(m[r])
		sum[r] = expSumScaledF64(&c, w[r*wstride:][:cols], x[r*xstride:][:cols], -1, scale, narrow)
	}
}

func rowsExpSumSkipScaledF64Generic(sum []float64, w, x, m []float64, skip []int, cols, wstride, xstride int, scale float64, narrow bool) {
	for r := range sum {
		c := newExpRowF64(m[r])
		sum[r] = expSumScaledF64(&c, w[r*wstride:][:cols], x[r*xstride:][:cols], skip[r], scale, narrow)
	}
}

func expSumScaledF64(c *expRowF64, w, x []float64, skip int, scale float64, narrow bool) float64 {
	c.scaled(w, x, scale)
	return sliceSumF64(w, skip, narrow)
}

func rowsSumSkipF64Generic(sum []float64, x, m []float64, skip []int, cols, xstride int, narrow bool) {
	var buf [groupF64]float64
	for r := range sum {
		c := newExpRowF64(m[r])
		s := sumF64{narrow: narrow}
		row := x[r*xstride:][:cols]
		for j := 0; j < cols; j += groupF64 {
			g := row[j:min(j+groupF64, cols)]
			c.plain(buf[:len(g)], g)
			s.add(buf[:len(g)], skip[r]-j)
		}
		sum[r] = s.sum()
	}
}

func rowsSumSkipScaledF64Generic(sum []float64, x, m []float64, skip []int, cols, xstride int, scale float64, narrow bool) {
	var buf [groupF64]float64
	for r := range sum {
		c := newExpRowF64(m[r])
		s := sumF64{narrow: narrow}
		row := x[r*xstride:][:cols]
		for j := 0; j < cols; j += groupF64 {
			g := row[j:min(j+groupF64, cols)]
			c.scaled(buf[:len(g)], g, scale)
			s.add(buf[:len(g)], skip[r]-j)
		}
		sum[r] = s.sum()
	}
}

func expAtF64Generic(w, x, m []float64) {
	for i := range w {
		c := newExpRowF64(m[i])
		w[i] = c.exp(x[i] - c.sub)
	}
}

// Other sums.

// sliceSumF64 is the canonical sum of a row of at most one chunk.
func sliceSumF64(a []float64, skip int, narrow bool) float64 {
	s := sumF64{narrow: narrow}
	for j := 0; j < len(a); j += groupF64 {
		s.add(a[j:min(j+groupF64, len(a))], skip-j)
	}
	return s.sum()
}

func rowsSumF64Generic(sum []float64, a []float64, cols, astride int, narrow bool) {
	for r := range sum {
		sum[r] = sliceSumF64(a[r*astride:][:cols], -1, narrow)
	}
}

func rowsSumTargetSkipF64Generic(sum []float64, t []float64, skip []int, cols, tstride int, narrow bool) {
	for r := range sum {
		sum[r] = sliceSumF64(t[r*tstride:][:cols], skip[r], narrow)
	}
}

func rowsDotF64Generic(sum []float64, a, b []float64, cols, astride, bstride int, narrow bool) {
	var buf [groupF64]float64
	for r := range sum {
		s := sumF64{narrow: narrow}
		as, bs := a[r*astride:][:cols], b[r*bstride:][:cols]
		for j := 0; j < cols; j += groupF64 {
			ag := as[j:min(j+groupF64, cols)]
			bg := bs[j:][:len(ag)]
			for i, v := range ag {
				buf[i] = float64(v * bg[i])
			}
			s.add(buf[:len(ag)], -1)
		}
		sum[r] = s.sum()
	}
}

func rowsSumProbF64Generic(sum []float64, x, t, m, l []float64, cols, xstride, tstride int, narrow bool) {
	var buf [groupF64]float64
	for r := range sum {
		s := sumF64{narrow: narrow}
		xs, ts := x[r*xstride:][:cols], t[r*tstride:][:cols]
		for j := 0; j < cols; j += groupF64 {
			xg := xs[j:min(j+groupF64, cols)]
			tg := ts[j:][:len(xg)]
			for i, v := range xg {
				buf[i] = 0
				if tg[i] != 0 { // the target of an entry that is -Inf may be 0
					buf[i] = float64(tg[i] * (l[r] + (m[r] - v)))
				}
			}
			s.add(buf[:len(xg)], -1)
		}
		sum[r] = s.sum()
	}
}

// Finishing passes.

func rowsScaleF64Generic(dst, w, rh, rl []float64, cols, dststride, wstride int) {
	for r := range rh {
		h, l := rh[r], rl[r]
		d := dst[r*dststride:][:cols]
		for j, v := range w[r*wstride:][:cols] {
			d[j] = math.FMA(v, h, v*l)
		}
	}
}

func rowsScaleGradF64Generic(dst, w, q, after []float64, cols, dststride, wstride int) {
	for r, qr := range q {
		d, a := dst[r*dststride:][:cols], after[r]
		for j, v := range w[r*wstride:][:cols] {
			d[j] = float64(v*qr) * a
		}
	}
}

func rowsSoftmaxBackwardF64Generic(dx, dy, y, s []float64, cols, dxstride, dystride, ystride int) {
	for r, sr := range s {
		d, g := dx[r*dxstride:][:cols], dy[r*dystride:][:cols]
		for j, v := range y[r*ystride:][:cols] {
			d[j] = (g[j] - sr) * v
		}
	}
}

func rowsLogSoftmaxF64Generic(dst, x, m, l []float64, cols, dststride, xstride int) {
	for r := range m {
		mr, lr := m[r], l[r]
		d := dst[r*dststride:][:cols]
		for j, v := range x[r*xstride:][:cols] {
			d[j] = (v - mr) - lr
		}
	}
}

func rowsLogSoftmaxBackwardF64Generic(dx, dy, y, s []float64, cols, dxstride, dystride, ystride int) {
	c := newExpRowF64(0)
	for r, sr := range s {
		d, g := dx[r*dxstride:][:cols], dy[r*dystride:][:cols]
		for j, v := range y[r*ystride:][:cols] {
			if v > 0 {
				v = 0
			}
			e := c.exp(v) * 0x1p-512
			d[j] = math.FMA(-e, sr, g[j])
		}
	}
}

func rowsProbGradF64Generic(dst, w, t, q, scale []float64, cols, dststride, wstride, tstride int) {
	for r, qr := range q {
		d, ts := dst[r*dststride:][:cols], t[r*tstride:][:cols]
		for j, v := range w[r*wstride:][:cols] {
			d[j] = math.FMA(v, qr, -ts[j]) * scale[r]
		}
	}
}
