package kernels

import "math"

// ELU. With exp(x) = s*exp(t), |t| <= ln2/2, s a power of two, and p = exp(t)-1, for x < 0
//
//	elu = fma(s*alpha, p, s*alpha - alpha)

func eluGeneric[T Float](dst, x []T, alpha T) {
	dst = dst[:len(x)]
	for i, v := range x {
		switch {
		case !(v < 0): // NaN too
			dst[i] = v
		case is32[T]():
			dst[i] = T(elu32(float32(v), float32(alpha)))
		default:
			dst[i] = T(elu64(float64(v), float64(alpha)))
		}
	}
}

func elu32(x, alpha float32) float32 {
	s, p := eluExp32(max(x, -20))
	s = float32(s * alpha)
	return fma32(s, p, s-alpha)
}

// eluExp32 returns s and p for x from -20 to 0.
func eluExp32(x float32) (s, p float32) {
	const (
		magic = 0x1.8p23 + 127
		m2    = 0x1.fffffep-2
		m3    = 0x1.5554aap-3
		m4    = 0x1.55579ep-5
		m5    = 0x1.122c86p-7
		m6    = 0x1.6ab16cp-10
	)
	k := fma32(x, log2eF32, magic)
	n := k - magic
	t := fma32(n, -ln2HiF32, x)
	t = fma32(n, -ln2LoF32, t)
	r := fma32(m6, t, m5)
	r = fma32(r, t, m4)
	r = fma32(r, t, m3)
	r = fma32(r, t, m2)
	return math.Float32frombits(math.Float32bits(k) << 23), fma32(t*t, r, t)
}

func elu64(x, alpha float64) float64 {
	s, p := eluExp64(max(x, -40))
	s = float64(s * alpha)
	return math.FMA(s, p, s-alpha)
}

// eluExp64 returns s and p for x from -40 to 0.
func eluExp64(x float64) (s, p float64) {
	const magic = 0x1.8p52 + 1023
	s, t := reduceWhole64(x, magic)
	return s, math.FMA(float64(t*t), polyWhole64(t), t)
}

func eluBackwardGeneric[T Float](dx, dy, x []T, alpha T) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		switch g := dy[i]; {
		case v > 0:
			dx[i] = g
		case is32[T]():
			dx[i] = g * T(alpha*T(exp32(float32(v))))
		default:
			dx[i] = g * T(alpha*T(exp64(float64(v))))
		}
	}
}
