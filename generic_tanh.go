package kernels

import "math"

// With a = |x| and exp(-2a) = s*(1-P), s = 2^n and P small as in the sigmoid, tanh(a) = (1 - exp(-2a)) / (1 + exp(-2a)) is
// num/den, num = 1-s + s*P, den = 1+s - s*P. Nothing cancels: where a is small, n = 0 and num = P. In float32 operations:
//
//	a = min(|x|, 10); k = fma(a, -2*log2e, 0x1.8p23+127); n = k - (0x1.8p23+127); s = bits(k)<<23
//	w = fma(n, ln2lo, fma(n, ln2hi, a+a))
//	r = fma(fma(fma(fma(e6, w, -e5), w, e4), w, -e3), w, e2)
//	P = fma(-(w*w), r, w)
//	y = fma(s, P, 1-s) / fma(-s, P, 1+s), with the sign of x
//
// Past 9.02, exp(-2a) is less than half an ULP of 1; a subnormal x gives s = 1, P = 2a, den = 2, and so itself.
func tanhF32Generic(dst, x []float32) {
	const (
		magic      = 0x1.8p52 + 127 // adding it rounds to an integer, as 0x1.8p23+127 does in float32
		m7, m5, m3 = 0x1.8p22, 0x1.8p24, 0x1.8p26
		sign       = 1 << 31
	)
	dst = dst[:len(x)]
	for i, v := range x {
		a := math.Float32frombits(math.Float32bits(v) &^ sign)
		if a > 10 {
			a = 10
		}
		z := 2 * float64(a)
		k := z*-log2eF32 + magic
		n := k - magic
		s := math.Float64frombits((math.Float64bits(k) + (1023 - 127)) << 52)
		w := round32(n*ln2LoF32 + (n*ln2HiF32 + z)) // the inner sum is exact
		r := (e6F32*w + (m7 - e5F32)) - m7
		r = (r*w + (m5 + e4F32)) - m5
		r = (r*w + (m3 - e3F32)) - m3
		r = round32(r*w + e2F32)
		wr := round32(w*w) * r
		p := w - wr
		if halfway(p) { // for |x| = 0x1.000002p-24 it matters, and nowhere else
			p = roundOdd(-wr, w, p)
		}
		p = round32(p)
		num := round32(s*p + round32(1-s))
		den := round32(round32(1+s) - s*p)
		y := float32(num / den)
		dst[i] = math.Float32frombits(math.Float32bits(y) | math.Float32bits(v)&sign)
	}
}

// In float64, what rounding num and den loses is kept (nl, dl), and the quotient is corrected by its remainder. A chord is
// close enough to the 1/den that this takes.
func tanhF64Generic(dst, x []float64) {
	const (
		M    = 0x1.8p52 + 1023
		sign = 1 << 63
	)
	dst = dst[:len(x)]
	for i, v := range x {
		a := math.Float64frombits(math.Float64bits(v) &^ sign)
		if a > 20 {
			a = 20
		}
		k := math.FMA(a, -2*log2eF64, M)
		n := k - M
		s := math.Float64frombits(math.Float64bits(k) << 52)
		w := math.FMA(n, ln2HiF64, a+a)
		w = math.FMA(n, ln2LoF64, w)
		r := math.FMA(-e11F64, w, e10F64)
		r = math.FMA(r, w, -e9F64)
		r = math.FMA(r, w, e8F64)
		r = math.FMA(r, w, -e7F64)
		r = math.FMA(r, w, e6F64)
		r = math.FMA(r, w, -e5F64)
		r = math.FMA(r, w, e4F64)
		r = math.FMA(r, w, -e3F64)
		r = math.FMA(r, w, e2F64)
		p := math.FMA(-(w * w), r, w)
		sp := s * p // exact, so that nothing changes where it is fused
		num, den := (1-s)+sp, (1+s)-sp
		nl, dl := ((1-s)-num)+sp, ((1+s)-den)-sp
		q := num / den
		e := math.FMA(-q, dl, math.FMA(-q, den, num)+nl)
		y := math.FMA(e, math.FMA(den, -0.5, 1.5), q)
		dst[i] = math.Float64frombits(math.Float64bits(y) | math.Float64bits(v)&sign)
	}
}

func tanhBackwardF32Generic(dx, dy, y []float32) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		g := fma32(-v, v, 1)
		dx[i] = dy[i] * g
	}
}

func tanhBackwardF64Generic(dx, dy, y []float64) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		g := math.FMA(-v, v, 1)
		dx[i] = dy[i] * g
	}
}
