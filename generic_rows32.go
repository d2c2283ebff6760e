package kernels

import "math"

// Row maxima and where they are.

func rowsMaxF32Generic(m, x []float32, cols, xstride int) {
	for r := range m {
		best := float32(math.Inf(-1))
		for _, v := range x[r*xstride:][:cols] {
			if v > best {
				best = v
			}
		}
		m[r] = best + 0 // -0 becomes +0
	}
}

func rowsFindF32Generic(index []int, x, m []float32, cols, xstride int) {
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

func rowsExpSumF32Generic(sum []float64, w, x, m []float32, cols, wstride, xstride int, narrow bool) {
	for r := range sum {
		c := newExpRowF32(m[r])
		sum[r] = expSumF32(&c, w[r*wstride:][:cols], x[r*xstride:][:cols], -1, narrow)
	}
}

func rowsExpSumSkipF32Generic(sum []float64, w, x, m []float32, skip []int, cols, wstride, xstride int, narrow bool) {
	for r := range sum {
		c := newExpRowF32(m[r])
		sum[r] = expSumF32(&c, w[r*wstride:][:cols], x[r*xstride:][:cols], skip[r], narrow)
	}
}

func expSumF32(c *expRowF32, w, x []float32, skip int, narrow bool) float64 {
	c.plain(w, x)
	return sliceSumF32(w, skip, narrow)
}

func rowsExpSumScaledF32Generic(sum []float64, w, x, m []float32, cols, wstride, xstride int, scale float32, narrow bool) {
	for r := range sum {
		c := newExpRowF32(m[r])
		sum[r] = expSumScaledF32(&c, w[r*wstride:][:cols], x[r*xstride:][:cols], -1, scale, narrow)
	}
}

func rowsExpSumSkipScaledF32Generic(sum []float64, w, x, m []float32, skip []int, cols, wstride, xstride int, scale float32, narrow bool) {
	for r := range sum {
		c := newExpRowF32(m[r])
		sum[r] = expSumScaledF32(&c, w[r*wstride:][:cols], x[r*xstride:][:cols], skip[r], scale, narrow)
	}
}

func expSumScaledF32(c *expRowF32, w, x []float32, skip int, scale float32, narrow bool) float64 {
	c.scaled(w, x, scale)
	return sliceSumF32(w, skip, narrow)
}

func rowsSumSkipF32Generic(sum []float64, x, m []float32, skip []int, cols, xstride int, narrow bool) {
	var buf [groupF32]float32
	for r := range sum {
		c := newExpRowF32(m[r])
		s := sumF32{narrow: narrow}
		row := x[r*xstride:][:cols]
		for j := 0; j < cols; j += groupF32 {
			g := row[j:min(j+groupF32, cols)]
			c.plain(buf[:len(g)], g)
			s.add(buf[:len(g)], skip[r]-j)
		}
		sum[r] = s.sum()
	}
}

func rowsSumSkipScaledF32Generic(sum []float64, x, m []float32, skip []int, cols, xstride int, scale float32, narrow bool) {
	var buf [groupF32]float32
	for r := range sum {
		c := newExpRowF32(m[r])
		s := sumF32{narrow: narrow}
		row := x[r*xstride:][:cols]
		for j := 0; j < cols; j += groupF32 {
			g := row[j:min(j+groupF32, cols)]
			c.scaled(buf[:len(g)], g, scale)
			s.add(buf[:len(g)], skip[r]-j)
		}
		sum[r] = s.sum()
	}
}

func expAtF32Generic(w, x, m []float32) {
	for i := range w {
		c := newExpRowF32(m[i])
		w[i] = c.exp(x[i] - c.sub)
	}
}

// Other sums.

// sliceSumF32 is the canonical sum of a row of at most one chunk.
func sliceSumF32(a []float32, skip int, narrow bool) float64 {
	s := sumF32{narrow: narrow}
	for j := 0; j < len(a); j += groupF32 {
		s.add(a[j:min(j+groupF32, len(a))], skip-j)
	}
	return s.sum()
}

func rowsSumF32Generic(sum []float64, a []float32, cols, astride int, narrow bool) {
	for r := range sum {
		sum[r] = sliceSumF32(a[r*astride:][:cols], -1, narrow)
	}
}

func rowsSumTargetSkipF32Generic(sum []float64, t []float32, skip []int, cols, tstride int, narrow bool) {
	for r := range sum {
		sum[r] = sliceSumF32(t[r*tstride:][:cols], skip[r], narrow)
	}
}

func rowsDotF32Generic(sum []float64, a, b []float32, cols, astride, bstride int, narrow bool) {
	var buf [groupF32]float32
	for r := range sum {
		s := sumF32{narrow: narrow}
		as, bs := a[r*astride:][:cols], b[r*bstride:][:cols]
		for j := 0; j < cols; j += groupF32 {
			ag := as[j:min(j+groupF32, cols)]
			bg := bs[j:][:len(ag)]
			for i, v := range ag {
				buf[i] = float32(v * bg[i])
			}
			s.add(buf[:len(ag)], -1)
		}
		sum[r] = s.sum()
	}
}

func rowsSumProbF32Generic(sum []float64, x, t, m, l []float32, cols, xstride, tstride int, narrow bool) {
	var buf [groupF32]float32
	for r := range sum {
		s := sumF32{narrow: narrow}
		xs, ts := x[r*xstride:][:cols], t[r*tstride:][:cols]
		for j := 0; j < cols; j += groupF32 {
			xg := xs[j:min(j+groupF32, cols)]
			tg := ts[j:][:len(xg)]
			for i, v := range xg {
				buf[i] = 0
				if tg[i] != 0 { // the target of an entry that is -Inf may be 0
					buf[i] = float32(tg[i] * (l[r] + (m[r] - v)))
				}
			}
			s.add(buf[:len(xg)], -1)
		}
		sum[r] = s.sum()
	}
}

// Finishing passes.

func rowsScaleF32Generic(dst, w, rh, rl []float32, cols, dststride, wstride int) {
	for r := range rh {
		h, l := float64(rh[r]), float64(rl[r])
		d := dst[r*dststride:][:cols]
		for j, v := range w[r*wstride:][:cols] { // fma32(v, h, v*l)
			v := float64(v)
			q := round32(v * l)
			y := v*h + q
			if halfway(y) {
				y = roundOdd(v*h, q, y)
			}
			d[j] = float32(y)
		}
	}
}

func rowsScaleGradF32Generic(dst, w, q, after []float32, cols, dststride, wstride int) {
	for r, qr := range q {
		d, a := dst[r*dststride:][:cols], after[r]
		for j, v := range w[r*wstride:][:cols] {
			d[j] = float32(v*qr) * a
		}
	}
}

func rowsSoftmaxBackwardF32Generic(dx, dy, y, s []float32, cols, dxstride, dystride, ystride int) {
	for r, sr := range s {
		d, g := dx[r*dxstride:][:cols], dy[r*dystride:][:cols]
		for j, v := range y[r*ystride:][:cols] {
			d[j] = (g[j] - sr) * v
		}
	}
}

func rowsLogSoftmaxF32Generic(dst, x, m, l []float32, cols, dststride, xstride int) {
	for r := range m {
		mr, lr := m[r], l[r]
		d := dst[r*dststride:][:cols]
		for j, v := range x[r*xstride:][:cols] {
			d[j] = (v - mr) - lr
		}
	}
}

func rowsLogSoftmaxBackwardF32Generic(dx, dy, y, s []float32, cols, dxstride, dystride, ystride int) {
	c := newExpRowF32(0)
	for r, sr := range s {
		d, g := dx[r*dxstride:][:cols], dy[r*dystride:][:cols]
		for j, v := range y[r*ystride:][:cols] {
			if v > 0 {
				v = 0
			}
			e := c.exp(v) * 0x1p-64
			d[j] = fma32(-e, sr, g[j])
		}
	}
}

func rowsProbGradF32Generic(dst, w, t, q, scale []float32, cols, dststride, wstride, tstride int) {
	for r, qr := range q {
		d, ts := dst[r*dststride:][:cols], t[r*tstride:][:cols]
		for j, v := range w[r*wstride:][:cols] {
			d[j] = fma32(v, qr, -ts[j]) * scale[r]
		}
	}
}
