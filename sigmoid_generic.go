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
// In float64, with T = tanh(t/2), exp(t) = (1+T)/(1-T), and the sigmoid is one quotient,
// c*(1-T) / (c*(1-T) + s*(1+T)). What the rounding of the numerator loses cancels where the sigmoid
// is near 1.

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

// fastUnit is a factor of T and of the 1 beside it. With it, both 1+T and 1-T are in the upper half
// of a binade, where a rounding is small.
const fastUnit = 0x1.a3d708p0

// T = t*(one/2 + f2*u + f4*u*u + ...), u = t*t. Before they were scaled, the coefficients were the
// minimax of t*(poly(u) - tanh(t/2)/t), the error that reaches 1+T, on |t| <= ln2/2*(1+2^-20), with
// the first one fixed at 1/2, by Remez exchange in 200 bits: 4.1e-19. With one fewer it is 1.4e-16,
// and the sigmoid is 4.2 ULP off.
func sigmoidFast64(dst, x []float64) {
	const (
		c     = 0x1p-256
		magic = 0x1.8p52 + 1023 - 256
		one   = fastUnit
		f2    = -0x1.17e4affffff11p-4
		f4    = 0x1.bfd44ccc52ee4p-8
		f6    = -0x1.6a8749aa57382p-11
		f8    = 0x1.25cfe0cb45329p-14
		f10   = -0x1.dbf36ee94910bp-18
		f12   = 0x1.717775f123c50p-21
	)
	dst = dst[:len(x)]
	for i, v := range x {
		if v < -750 {
			v = -750
		}
		if v > 38 {
			v = 38
		}
		s, t := reduceWhole64(-v, magic)
		u := t * t
		r := math.FMA(u, f12, f10)
		r = math.FMA(u, r, f8)
		r = math.FMA(u, r, f6)
		r = math.FMA(u, r, f4)
		r = math.FMA(u, r, f2)
		T := float64(t * math.FMA(u, r, one/2)) // rounded: one+T is not to be fused with it
		num := math.FMA(-T, c, one*c)
		dst[i] = num / math.FMA(s, one+T, num)
	}
}

func sigmoidBackwardGeneric[T Float](dx, dy, y []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		g := dy[i] * (1 - v)
		dx[i] = g * v
	}
}
