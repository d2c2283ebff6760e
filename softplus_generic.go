package kernels

import "math"

// Softplus is max(0, x) + log(1+E), E = exp(-|x|), log(1+E) = 2*atanh(q*unit), q*unit = E/(2+E).
// With w = a*E/unit, s and p as in sigmoidloss_generic.go, in operations of T:
//
//	w = fma(s, p, s); wl = fma(s, p, s-w)
//	d = fma(w, unit, 2*a); dl = fma(wl, unit, fma(w, unit, 2*a-d))
//	q = w/d; r = fma(-q, dl, fma(-q, d, w) + wl)
//	u = (q*unit)*(q*unit); l = a polynomial in u, that of sigmoidLossTerms
//	more = fma(q*u, l, r*fma(d, slope, chord)); slope and chord make 2/d, nearly
//	softplus = fma(q+q + more, unit, max(0, x))

func softplusGeneric[T Float](dst, x []T) {
	dst = dst[:len(x)]
	for i, v := range x {
		if is32[T]() {
			dst[i] = T(softplus32(float32(v)))
		} else {
			dst[i] = T(softplus64(float64(v)))
		}
	}
}

func softplus32(x float32) float32 {
	const (
		unit  = 0x1p-64
		twoA  = 2 * 0x1.4b2404p+0
		slope = -0x1.98p-3
		chord = 0x1.468p+0
	)
	z := math.Abs(float64(x))
	if z > 105 {
		z = 105
	}
	wide, t := rowTable32.reduce32(-z, magicF32)
	s, p := float32(wide), float32(sigmoidP32(t))
	w := fma32(s, p, s)
	wl := fma32(s, p, s-w)
	d := fma32(w, unit, twoA)
	dl := fma32(wl, unit, fma32(w, unit, twoA-d))
	q := w / d
	r := fma32(-q, dl, fma32(-q, d, w)+wl)
	v := q * unit
	u := v * v
	l := fma32(l4F32, u, l3F32)
	l = fma32(l, u, l2F32)
	l = fma32(l, u, l1F32)
	l = fma32(l, u, l0F32)
	more := fma32(q*u, l, float32(r*fma32(d, slope, chord)))
	if x < 0 {
		x = 0
	}
	return fma32(q+q+more, unit, x)
}

func softplus64(x float64) float64 {
	const (
		unit  = 0x1p-512
		twoA  = 2 * 0x1.4f6647eb09a0ap+0
		slope = -0x1.8dbp-3
		chord = 0x1.4258p+0
	)
	z := math.Abs(x)
	if z > 750 {
		z = 750
	}
	s, t := rowTable64.reduce64(-z, magicF64+1)
	p := math.FMA(float64(t*t), poly64(t), t)
	w := math.FMA(s, p, s)
	wl := math.FMA(s, p, s-w)
	d := math.FMA(w, unit, twoA)
	dl := math.FMA(wl, unit, math.FMA(w, unit, twoA-d))
	q := w / d
	r := math.FMA(-q, dl, math.FMA(-q, d, w)+wl)
	v := q * unit
	u := v * v
	l := math.FMA(l9F64, u, l8F64)
	l = math.FMA(l, u, l7F64)
	l = math.FMA(l, u, l6F64)
	l = math.FMA(l, u, l5F64)
	l = math.FMA(l, u, l4F64)
	l = math.FMA(l, u, l3F64)
	l = math.FMA(l, u, l2F64)
	l = math.FMA(l, u, l1F64)
	l = math.FMA(l, u, l0F64)
	more := math.FMA(q*u, l, float64(r*math.FMA(d, slope, chord)))
	if x < 0 {
		x = 0
	}
	return math.FMA(q+q+more, unit, x)
}

// softplusBackwardGeneric multiplies by the sigmoid, which it computes a few at a time.
func softplusBackwardGeneric[T Float](dx, dy, x []T) {
	var y [64]T
	for len(x) > 0 {
		n := min(len(x), len(y))
		sigmoidGeneric(y[:n], x[:n])
		out, in := dx[:n], dy[:n]
		for i, s := range y[:n] {
			out[i] = in[i] * s
		}
		dx, dy, x = dx[n:], dy[n:], x[n:]
	}
}
