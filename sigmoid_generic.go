package kernels

import "math"

// Sigmoid. With y = -x, s and p as in exp_generic.go, except that s has a factor c, the sigmoid is
// c/d, where d = c + s + s*p. The factor c keeps s normal at both ends. dl is what the rounding of
// d loses. The remainder (c - q*d - q*dl)/c, relative to the quotient q, corrects it. In float32
// operations:
//
//	d = fma(s, p, c+s); dl = fma(s, p, (s-d)+c); q = c/d
//	e = fma(-q, dl, fma(-q, d, c)) / c
//	sigmoid = fma(q, e, q)

func sigmoidGeneric[T Float](dst, x []T) {
	if is32[T]() {
		sigmoid32(f32(dst), f32(x))
	} else {
		sigmoid64(f64(dst), f64(x))
	}
}

// The loop is in two halves because one chain of dependent operations this long leaves a CPU
// waiting.
func sigmoid32(dst, x []float32) {
	const (
		c     = 0x1p-32
		magic = 0x1.8p52 + 127 - 32
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
			s, t := reduce32(-float64(v), magic)
			ss[i], ps[i] = s, round32(round32(t*t)*poly32(t)+t)
		}
		out := dst[:n]
		for i := range out {
			i %= len(ss)
			s := ss[i]
			sp := s * ps[i]
			d := round32(round32(c+s) + sp)
			dl := round32(round32(round32(s-d)+c) + sp)
			q := round32(c / d)
			e := round32((c-q*d)-q*dl) * (1 / c) // c-q*d is exact
			y := q*e + q
			if halfway(y) {
				y = roundOdd(q*e, q)
			}
			out[i] = float32(y)
		}
		dst, x = dst[n:], x[n:]
	}
}

// In float64, p would be rounded too coarsely for the worst inputs. d and dl take its terms, t and
// t*t*r, one by one.
func sigmoid64(dst, x []float64) {
	const (
		c     = 0x1p-256
		magic = 0x1.8p52 + 1023 - 256
	)
	dst = dst[:len(x)]
	for i, v := range x {
		if v < -750 {
			v = -750
		}
		if v > 38 {
			v = 38
		}
		s, t := reduce64(-v, magic)
		st := float64(s * t)
		str := float64(float64(st*t) * poly64(t))
		d := (c + s) + (st + str)
		dl := ((c - (d - s)) + st) + str
		q := c / d
		e := math.FMA(-q, d, c)
		e = math.FMA(-q, dl, e)
		e = math.Float64frombits(math.Float64bits(e) + 256<<52)
		dst[i] = math.FMA(q, e, q)
	}
}

// SigmoidFast. With T = tanh(t/2), exp(t) = (1+T)/(1-T), and the sigmoid is one quotient,
// c*(1-T) / (c*(1-T) + s*(1+T)). What the rounding of the numerator loses cancels where the sigmoid
// is near 1. In float32 operations, with u = t*t and one = fastUnit:
//
//	T = t * fma(u, fma(u, f4, f2), one/2)
//	num = fma(-T, c, one*c)
//	sigmoid = num / fma(s, one+T, num)

func sigmoidFastGeneric[T Float](dst, x []T) {
	if is32[T]() {
		sigmoidFast32(f32(dst), f32(x))
	} else {
		sigmoidFast64(f64(dst), f64(x))
	}
}

// fastUnit is a factor of T and of the 1 beside it. With it, both 1+T and 1-T are in the upper half
// of a binade, where a rounding is small: 2.465 ULP instead of 2.579.
const fastUnit = 0x1.a3d708p0

func sigmoidFast32(dst, x []float32) {
	const (
		c     = 0x1p-32
		magic = 0x1.8p52 + 127 - 32
		one   = fastUnit
		f2    = -0x1.17e01ep-4
		f4    = 0x1.b85b7ep-8
	)
	dst = dst[:len(x)]
	for i, v := range x {
		if v < -105 {
			v = -105
		}
		if v > 17.5 {
			v = 17.5
		}
		s, t := reduce32(-float64(v), magic)
		u := round32(t * t)
		r := round32(u*f4 + f2)
		r = round32(u*r + one/2)
		T := round32(t * r)
		num := round32(one*c - T*c)
		den := round32(s*round32(one+T) + num)
		dst[i] = float32(num / den)
	}
}

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
		s, t := reduce64(-v, magic)
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
