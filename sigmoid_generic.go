package kernels

import "math"

// Sigmoid. With y = -x, s and p as in exp_generic.go, except that a is c, the sigmoid is c/d, where
// d = c + s + s*p. The factor c keeps s normal at both ends. dl is what the rounding of d loses.
// The remainder (c - q*d - q*dl)/c, relative to the quotient q, corrects it; for 1/c it takes a
// power of two. In float32 operations:
//
//	d = fma(s, p, c+s); dl = fma(s, p, (max(c, s)-d) + min(c, s)); q = c/d
//	e = fma(-q, dl, fma(-q, d, c)) * 2^32
//	sigmoid = fma(q, e, q)
//
// In float32, p has a constant term of its own: p = fma(t*t - 0x1.3b4028p-25, r, t).

func sigmoidGeneric[T Float](dst, x []T) {
	if is32[T]() {
		sigmoid32(f32(dst), f32(x))
	} else {
		sigmoid64(f64(dst), f64(x))
	}
}

var (
	sigmoidTable32 = newTable32([8]float32{
		0x1.016cb6p+0, 0x1.18b93cp+0, 0x1.322198p+0, 0x1.4dd6a6p+0,
		0x1.6c0daep+0, 0x1.8d00cap+0, 0x1.b0ef58p+0, 0x1.d81e7p+0,
	})
	sigmoidTable64 = newTable64([4]float64{
		0x1.000d6a5af9f9dp+0, 0x1.307fd4cc07582p+0, 0x1.6a1cdf51696b2p+0, 0x1.aea089757c16bp+0,
	})
)

// sigmoidP32 returns p for sigmoidTable32.
func sigmoidP32(t float64) float64 {
	const (
		e0 = -0x1.3b4028p-25
		e2 = 0x1.000a7p-1
	)
	return round32(round32(t*t+e0)*round32(e3F32*t+e2) + t)
}

// The loop is in two halves because one chain of dependent operations this long leaves a CPU
// waiting.
func sigmoid32(dst, x []float32) {
	const (
		c     = 0x1.016cb6p-32
		magic = 0x1.8p52 + 8*(127-32)
	)
	var ss, ps [64]float64
	for len(x) > 0 {
		n := min(len(x), len(ss))
		for i, v := range x[:n] {
			i %= len(ss) // no bounds check
			if v < -105 {
				v = -105
			}
			if v > 17.5 {
				v = 17.5
			}
			s, t := sigmoidTable32.reduce32(-float64(v), magic)
			ss[i], ps[i] = s, sigmoidP32(t)
		}
		out := dst[:n]
		for i := range out {
			i %= len(ss)
			s := ss[i]
			sp := s * ps[i]
			more, less := s, float64(c)
			if s < c {
				more, less = c, s
			}
			d := round32(round32(c+s) + sp)
			dl := round32(round32(round32(more-d)+less) + sp)
			q := round32(c / d)
			e := round32((c-q*d)-q*dl) * 0x1p32 // c-q*d is exact
			y := q*e + q
			if halfway(y) {
				y = roundOdd(q*e, q)
			}
			out[i] = float32(y)
		}
		dst, x = dst[n:], x[n:]
	}
}

func sigmoid64(dst, x []float64) {
	const (
		c     = 0x1.000d6a5af9f9dp-256
		magic = 0x1.8p52 + 0x1p31 + 4*(1023-256)
	)
	dst = dst[:len(x)]
	for i, v := range x {
		if v < -750 {
			v = -750
		}
		if v > 38 {
			v = 38
		}
		s, t := sigmoidTable64.reduce64(-v, magic)
		p := math.FMA(float64(t*t), poly64(t), t)
		more, less := s, float64(c)
		if s < c {
			more, less = c, s
		}
		d := math.FMA(s, p, c+s)
		dl := math.FMA(s, p, (more-d)+less)
		q := c / d
		e := math.FMA(-q, d, c)
		e = math.FMA(-q, dl, e)
		e = math.Float64frombits(math.Float64bits(e) + 256<<52)
		dst[i] = math.FMA(q, e, q)
	}
}

// SigmoidFast. In float32, E is a polynomial for -6*exp(t) of degree 3. Its leading coefficient is
// 1, and it is evaluated by way of a square, which spares an operation. With s = -c/6*2^(n/8), in
// float32 operations and for w = -t:
//
//	v = w + fastA; E = fma(w, fma(v, v, fastB), fastC)
//	sigmoid = c / fma(s, E, c)
//
// In float64, with w = -t, v = fastUnit*w and Q = v/tanh(w/2), a polynomial in v*v, exp(-w) is
// (Q-v)/(Q+v), and the sigmoid is one quotient, c*(Q+v) / (c*(Q+v) + s*(Q-v)). What the rounding of
// the numerator loses cancels where the sigmoid is near 1. With fastUnit, both Q+v and Q-v are in
// the upper half of a binade, where a rounding is small.

func sigmoidFastGeneric[T Float](dst, x []T) {
	if is32[T]() {
		sigmoidFast32(f32(dst), f32(x))
	} else {
		sigmoidFast64(f64(dst), f64(x))
	}
}

var fastTable32 = newTable32([8]float32{
	-0x1.0e5cd8p+0, -0x1.26d524p+0, -0x1.418468p+0, -0x1.5e9df4p+0,
	-0x1.7e59bep+0, -0x1.a0f4ccp+0, -0x1.c6b1aap+0, -0x1.efd8eap+0,
})

func sigmoidFast32(dst, x []float32) {
	const (
		c     = 0x1.958396p-30
		magic = 0x1.8p52 + 8*(127-32)
		fastA = -0x1.80087ap+0
		fastB = 0x1.dfe4bep+1
		fastC = -0x1.7ff8bap+2
	)
	dst = dst[:len(x)]
	for i, v := range x {
		if v < -105 {
			v = -105
		}
		if v > 17.5 {
			v = 17.5
		}
		s, t := fastTable32.reduce32(-float64(v), magic)
		a := round32(fastA - t)
		E := round32(fastC - t*round32(a*a+fastB))
		dst[i] = float32(c / round32(s*E+c))
	}
}

// fastTable64 has the scale exp(fastShift/fastUnit). v is off by fastShift, for which all entries
// are rounded by very little.
var fastTable64 = newTable64([4]float64{
	0x1.ff40210617edp-1, 0x1.2ffdca51b3cb2p+0, 0x1.69823a0b7f23dp+0, 0x1.ade8a19d196c7p+0,
})

// Q = 2*fastUnit + f2*v*v + f4*v^4 + f6*v^6, where the constant term is fixed, is the minimax of
// w*(Q/fastUnit - w/tanh(w/2)), twice the error that reaches exp(-w), on |w| <= ln2/8*(1+2^-20) and
// the shift, by weighted least squares that were repeated until the extremes were equal: 3.1e-18.
// With one term fewer it is 7.1e-14.
const (
	fastUnit  = 0.84375
	fastShift = -0x1.4405p-10
	f2F64     = 0x1.948b0fcd6c991p-3
	f4F64     = -0x1.2f10b018b6955p-8
	f6F64     = 0x1.4437abfc29711p-13
)

func sigmoidFast64(dst, x []float64) {
	const (
		c     = 0x1p-256
		magic = 0x1.8p52 + 0x1p31 + 4*(1023-256)
	)
	dst = dst[:len(x)]
	for i, x := range x {
		if x < -750 {
			x = -750
		}
		if x > 38 {
			x = 38
		}
		s, n, t := fastTable64.reduceHi64(-x, magic)
		v := math.FMA(-t, fastUnit, math.FMA(n, fastUnit*(ln2LoF64/4), fastShift))
		u := v * v
		q := math.FMA(u, f6F64, f4F64)
		q = math.FMA(u, q, f2F64)
		q = math.FMA(u, q, 2*fastUnit)
		num := c * (q + v)
		dst[i] = num / math.FMA(s, q-v, num)
	}
}

func sigmoidBackwardGeneric[T Float](dx, dy, y []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		g := dy[i] * (1 - v)
		dx[i] = g * v
	}
}
