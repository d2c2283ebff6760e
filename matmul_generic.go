package kernels

import "math"

// The product of two matrices: one chain of FMAs for each element of the result. Four elements of a
// row are computed side by side, each by itself.

func matmulPanelGeneric[T Float](
	dst, start, a, b []T, rows, k, cols, dststride, startstride, arow, acol, bstride int,
) {
	for i := range rows {
		from, to := start[i*startstride:][:cols], dst[i*dststride:][:cols]
		var row []T
		if k > 0 {
			row = a[i*arow:]
		}
		j := 0
		for ; j+4 <= cols; j += 4 {
			s := [4]T(from[j:])
			if is32[T]() {
				chains32(&s, row, b, j, k, acol, bstride)
			} else {
				chains64(&s, row, b, j, k, acol, bstride)
			}
			*(*[4]T)(to[j:]) = s
		}
		for ; j < cols; j++ {
			s := from[j]
			for p := range k {
				if is32[T]() {
					s = T(fma32(float32(row[p*acol]), float32(b[p*bstride+j]), float32(s)))
				} else {
					s = T(math.FMA(float64(row[p*acol]), float64(b[p*bstride+j]), float64(s)))
				}
			}
			to[j] = s
		}
	}
}

// chains32 and chains64 add the products of a row with columns j to j+3.
func chains32[T Float](s *[4]T, row, b []T, j, k, acol, bstride int) {
	s0, s1, s2, s3 := float64(s[0]), float64(s[1]), float64(s[2]), float64(s[3])
	for p := range k {
		x, y := float64(row[p*acol]), b[p*bstride+j:][:4]
		p0, p1, p2, p3 := x*float64(y[0]), x*float64(y[1]), x*float64(y[2]), x*float64(y[3])
		t0, t1, t2, t3 := p0+s0, p1+s1, p2+s2, p3+s3 // exact products: see fma32
		if halfway(t0) {
			t0 = roundOdd(p0, s0)
		}
		if halfway(t1) {
			t1 = roundOdd(p1, s1)
		}
		if halfway(t2) {
			t2 = roundOdd(p2, s2)
		}
		if halfway(t3) {
			t3 = roundOdd(p3, s3)
		}
		s0, s1, s2, s3 = round32(t0), round32(t1), round32(t2), round32(t3)
	}
	*s = [4]T{T(s0), T(s1), T(s2), T(s3)}
}

func chains64[T Float](s *[4]T, row, b []T, j, k, acol, bstride int) {
	s0, s1, s2, s3 := float64(s[0]), float64(s[1]), float64(s[2]), float64(s[3])
	for p := range k {
		x, y := float64(row[p*acol]), b[p*bstride+j:][:4]
		s0 = math.FMA(x, float64(y[0]), s0)
		s1 = math.FMA(x, float64(y[1]), s1)
		s2 = math.FMA(x, float64(y[2]), s2)
		s3 = math.FMA(x, float64(y[3]), s3)
	}
	*s = [4]T{T(s0), T(s1), T(s2), T(s3)}
}

func transposeRowsGeneric[T Float](dst, src []T, rows, cols, dststride, srcstride int) {
	for r := range rows {
		for j, v := range src[r*srcstride:][:cols] {
			dst[j*dststride+r] = v
		}
	}
}
