package kernels

import "math"

// Tanh. With a = |x|, tanh(a) = (1 - exp(-2a)) / (1 + exp(-2a)), and with s and p of exp(-2a), as
// in exp_generic.go, that is num/den, where num = 1-s - s*p and den = 1+s + s*p. Nothing cancels:
// where a is small, s is 1 and num is -p. In float32 operations:
//
//	a = min(|x|, 10)
//	tanh = fma(-s, p, 1-s) / fma(s, p, 1+s), with the sign of x
//
// Past 9.02, exp(-2a) is less than half an ULP of 1. For a subnormal x, s = 1, p = -2a and den = 2,
// and the result is x.

func tanhGeneric[T Float](dst, x []T) {
	if is32[T]() {
		tanh32(f32(dst), f32(x))
	} else {
		tanh64(f64(dst), f64(x))
	}
}

func tanh32(dst, x []float32) {
	const (
		magic = 0x1.8p52 + 127
		sign  = 1 << 31
	)
	dst = dst[:len(x)]
	for i, v := range x {
		a := math.Float32frombits(math.Float32bits(v) &^ sign)
		if a > 10 {
			a = 10
		}
		s, t := reduce32(-2*float64(a), magic)
		tr := round32(t*t) * poly32(t)
		p := tr + t
		if halfway(p) { // for |x| = 0x1.000002p-24 it matters, and nowhere else
			p = roundOdd(tr, t)
		}
		p = round32(p)
		num := round32(round32(1-s) - s*p)
		den := round32(round32(1+s) + s*p)
		y := float32(num / den)
		dst[i] = math.Float32frombits(math.Float32bits(y) | math.Float32bits(v)&sign)
	}
}

// In float64, nl and dl are what the roundings of num and den lose. The remainder corrects the
// quotient. It takes a 1/den, for which a chord is close enough.
func tanh64(dst, x []float64) {
	const (
		magic = 0x1.8p52 + 1023
		sign  = 1 << 63
	)
	dst = dst[:len(x)]
	for i, v := range x {
		a := math.Float64frombits(math.Float64bits(v) &^ sign)
		if a > 20 {
			a = 20
		}
		s, t := reduce64(-2*a, magic)
		p := math.FMA(t*t, poly64(t), t)
		sp := s * p // exact, so that nothing changes where it is fused
		num, den := (1-s)-sp, (1+s)+sp
		nl, dl := ((1-s)-num)-sp, ((1+s)-den)+sp
		q := num / den
		e := math.FMA(-q, dl, math.FMA(-q, den, num)+nl)
		y := math.FMA(e, math.FMA(den, -0.5, 1.5), q)
		dst[i] = math.Float64frombits(math.Float64bits(y) | math.Float64bits(v)&sign)
	}
}

func tanhBackwardGeneric[T Float](dx, dy, y []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		if is32[T]() {
			dx[i] = dy[i] * T(fma32(float32(-v), float32(v), 1))
		} else {
			dx[i] = dy[i] * T(math.FMA(float64(-v), float64(v), 1))
		}
	}
}
