package kernels

import "math"

func sgdGeneric[T Float](w, dw []T, rate T) {
	w = w[:len(dw)]
	for i, g := range dw {
		if is32[T]() {
			w[i] = T(fma32(float32(-rate), float32(g), float32(w[i])))
		} else {
			w[i] = T(math.FMA(float64(-rate), float64(g), float64(w[i])))
		}
	}
}

func momentumStepGeneric[T Float](w, v, dw []T, rate, factor T) {
	w, v = w[:len(dw)], v[:len(dw)]
	for i, g := range dw {
		if p := T(factor * v[i]); is32[T]() {
			v[i] = T(fma32(float32(-rate), float32(g), float32(p)))
		} else {
			v[i] = T(math.FMA(float64(-rate), float64(g), float64(p)))
		}
		w[i] += v[i]
	}
}

// The square root of a float32 in float64 has enough bits to be rounded again: that is the same as
// rounding once.
func adamGeneric[T Float](w, m, v, dw []T, rate, c1, c2, epsilon T) {
	w, m, v = w[:len(dw)], m[:len(dw)], v[:len(dw)]
	for i, g := range dw {
		if d := g - m[i]; is32[T]() {
			g, s := float32(g), float32(v[i])
			m[i] = T(fma32(float32(c1), float32(d), float32(m[i])))
			v[i] = T(fma32(float32(-c2), fma32(-g, g, s), s))
		} else {
			g, s := float64(g), float64(v[i])
			m[i] = T(math.FMA(float64(c1), float64(d), float64(m[i])))
			v[i] = T(math.FMA(float64(-c2), math.FMA(-g, g, s), s))
		}
		w[i] -= T(rate*m[i]) / T(T(math.Sqrt(float64(v[i])))+epsilon)
	}
}
