package kernels

import "math"

// The kernels in pure Go. They are the specification: what the assembly computes has to be these bits, and every
// expression below is a sequence of correctly rounded operations in the order written. A product that meets a sum is
// either converted explicitly or exact, so that no compiler can fuse what is not fused here; fusing is by fma32 and
// math.FMA only.

// clearRow zeroes d, a primitive of its own: the built-in clear is assembly, too, which cannot be
// preempted and which the race detector does not see. So it gets at most chunkBytes at a time, and
// reports them.
func clearRow[T Float](d []T) {
	for len(d) > 0 {
		n := min(len(d), chunkLen[T]())
		if raceEnabled {
			raceSlice("clearRow d", raceWrite, d[:n])
		}
		clear(d[:n])
		d = d[n:]
	}
}

// fma32 returns a*b+c with one rounding.
//
// The product of two float32 is exact in float64. The sum is rounded to float64 and again to float32, which can only go
// wrong where the first rounding lands on the middle between two float32, or where the result is subnormal and the
// middle is elsewhere: there the sum is rounded to odd first.
func fma32(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := p + float64(c) // the same bits if the compiler fuses it
	if halfway(s) {
		s = roundOdd(p, float64(c), s)
	}
	return float32(s)
}

// roundOdd returns p+c rounded to odd, given s, which is p+c rounded to nearest.
//
//go:noinline
func roundOdd(p, c, s float64) float64 {
	d := s - p
	e := (p - (s - d)) + (c - d) // p + c = s + e exactly
	u := math.Float64bits(s)
	if e != 0 && u&1 == 0 { // s is even and not exact: its odd neighbour on the side of e
		if (e > 0) == (s > 0) {
			u++
		} else {
			u--
		}
	}
	return math.Float64frombits(u)
}

// round32 rounds a float64 that carries a float32 computation. The loops over float32 use it instead of fma32 wherever
// rounding twice is the same as once, which was checked on every input, and end on an exact step; conversions are what
// they spend their time on.
func round32(x float64) float64 { return float64(float32(x)) }

// halfway tells whether s, a float64 sum, may not simply be rounded to float32, as fma32 explains.
func halfway(s float64) bool {
	u := math.Float64bits(s)
	return u&0x1fffffff == 0x10000000 || u>>52&0x7ff < 1023-126
}

// ReLU.

func reluF32Generic(dst, x []float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		if v <= 0 {
			v = 0
		}
		dst[i] = v
	}
}

func reluF64Generic(dst, x []float64) {
	dst = dst[:len(x)]
	for i, v := range x {
		if v <= 0 {
			v = 0
		}
		dst[i] = v
	}
}

func reluMaskF32Generic(dst, x []float32, mask []uint64) {
	for w := range mask {
		xs := x[w*64 : min(w*64+64, len(x))]
		ds := dst[w*64:][:len(xs)]
		var bits uint64
		for i, v := range xs {
			if v <= 0 {
				v = 0
				bits |= 1 << i
			}
			ds[i] = v
		}
		mask[w] = bits
	}
}

func reluMaskF64Generic(dst, x []float64, mask []uint64) {
	for w := range mask {
		xs := x[w*64 : min(w*64+64, len(x))]
		ds := dst[w*64:][:len(xs)]
		var bits uint64
		for i, v := range xs {
			if v <= 0 {
				v = 0
				bits |= 1 << i
			}
			ds[i] = v
		}
		mask[w] = bits
	}
}

func reluBackwardF32Generic(dx, dy []float32, mask []uint64) {
	for w, bits := range mask {
		ys := dy[w*64 : min(w*64+64, len(dy))]
		ds := dx[w*64:][:len(ys)]
		for i, v := range ys {
			ds[i] = math.Float32frombits(math.Float32bits(v) & (uint32(bits>>i&1) - 1))
		}
	}
}

func reluBackwardF64Generic(dx, dy []float64, mask []uint64) {
	for w, bits := range mask {
		ys := dy[w*64 : min(w*64+64, len(dy))]
		ds := dx[w*64:][:len(ys)]
		for i, v := range ys {
			ds[i] = math.Float64frombits(math.Float64bits(v) & (bits>>i&1 - 1))
		}
	}
}

// Sigmoid.

// Cody-Waite parts of ln 2 and its reciprocal. The high part times any exponent is exact.
const (
	log2eF32 = 0x1.715476p0
	ln2HiF32 = 0x1.62e4p-1
	ln2LoF32 = 0x1.7f7d1cp-20
	log2eF64 = 0x1.71547652b82fep0
	ln2HiF64 = 0x1.62e42fefa38p-1
	ln2LoF64 = 0x1.ef35793c7673p-45
)

// exp(t) = 1 + t + t*t*(e2 + e3*t + ...) for |t| <= ln2/2.
const (
	e2F32 = 0x1.fffffap-2
	e3F32 = 0x1.555492p-3
	e4F32 = 0x1.555a26p-5
	e5F32 = 0x1.12397cp-7
	e6F32 = 0x1.694c82p-10

	e2F64  = 0x1.000000000000ap-1
	e3F64  = 0x1.55555555554fep-3
	e4F64  = 0x1.55555555506bfp-5
	e5F64  = 0x1.1111111126b36p-7
	e6F64  = 0x1.6c16c18475faap-10
	e7F64  = 0x1.a01a012fed2e6p-13
	e8F64  = 0x1.a01999629942ap-16
	e9F64  = 0x1.71df18f7a6667p-19
	e10F64 = 0x1.28adf8e7a4278p-22
	e11F64 = 0x1.ad92d1dacb82fp-26
)

// With s = exp(-z)*c/exp(-w), that is 2^n*c, and P = 1 - exp(-w), which is small, the sigmoid is c/d, d = c + s - s*P. The
// factor c keeps s normal at both ends. What rounding d loses is dl; the quotient q is corrected by the remainder
// (c - q*d - q*dl)/c, relative to q. In float32 operations:
//
//	k = fma(z, -log2e, 0x1.8p23+95); n = k - (0x1.8p23+95); s = bits(k)<<23
//	w = fma(n, ln2lo, fma(n, ln2hi, z))
//	r = fma(fma(fma(fma(e6, w, -e5), w, e4), w, -e3), w, e2)
//	P = fma(-(w*w), r, w)
//	d = fma(-s, P, c+s); dl = fma(-s, P, (s-d)+c); q = c/d
//	e = fma(-q, dl, fma(-q, d, c)) / c
//	y = fma(q, e, q)
//
// Go has no such operations, so float64 carries them. The loop is in two halves because one chain of dependent
// operations this long leaves a CPU waiting.
func sigmoidF32Generic(dst, x []float32) {
	const (
		c     = 0x1p-32
		magic = 0x1.8p52 + 95 // adding it rounds to an integer, as 0x1.8p23+95 does in float32
		// Adding these rounds to a float32 in [2^-7,2^-6), [2^-5,2^-4) and [2^-3,2^-2), which is where r is.
		m7, m5, m3 = 0x1.8p22, 0x1.8p24, 0x1.8p26
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
			z := float64(v)
			k := z*-log2eF32 + magic
			n := k - magic
			ss[i] = math.Float64frombits((math.Float64bits(k) + (1023 - 127)) << 52)
			w := round32(n*ln2LoF32 + (n*ln2HiF32 + z)) // the inner sum is exact
			r := (e6F32*w + (m7 - e5F32)) - m7
			r = (r*w + (m5 + e4F32)) - m5
			r = (r*w + (m3 - e3F32)) - m3
			r = round32(r*w + e2F32)
			ps[i] = round32(w - round32(w*w)*r)
		}
		out := dst[:n]
		for i := range out {
			i %= len(ss)
			s := ss[i]
			sp := s * ps[i]
			d := round32(round32(c+s) - sp)
			dl := round32(round32(round32(s-d)+c) - sp)
			q := round32(c / d)
			e := round32((c-q*d)-q*dl) * (1 / c) // c-q*d is exact
			y := q*e + q
			if halfway(y) {
				y = roundOdd(q*e, q, y)
			}
			out[i] = float32(y)
		}
		dst, x = dst[n:], x[n:]
	}
}

// In float64 P would be rounded too coarsely at the worst inputs; d and dl take its terms, w and w*w*r, one by one.
func sigmoidF64Generic(dst, x []float64) {
	dst = dst[:len(x)]
	for i, z := range x {
		if z < -750 {
			z = -750
		}
		if z > 38 {
			z = 38
		}
		const M, c = 0x1.8p52 + 767, 0x1p-256
		k := math.FMA(z, -log2eF64, M)
		n := k - M
		s := math.Float64frombits(math.Float64bits(k) << 52)
		w := math.FMA(n, ln2HiF64, z)
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
		sw := float64(s * w)
		swr := float64(float64(sw*w) * r)
		d := (c + s) - (sw - swr)
		dl := ((c - (d - s)) - sw) + swr
		q := c / d
		e := math.FMA(-q, d, c)
		e = math.FMA(-q, dl, e)
		e = math.Float64frombits(math.Float64bits(e) + 256<<52)
		dst[i] = math.FMA(q, e, q)
	}
}

// fastUnit scales T below. With it both 1+T and 1-T are in the upper half of a binade, where a rounding is small: 2.465 ULP
// instead of 2.579.
const fastUnit = 0x1.a3d708p0

// With T = tanh(t/2), exp(t) = (1+T)/(1-T), and the sigmoid is one quotient. In float32 operations, s and t as above and
// one = fastUnit:
//
//	T = t * fma(u, fma(u, f4, f2), one/2), u = t*t
//	num = fma(T, c, one*c); y = num / fma(s, one-T, num)
//
// What rounding num loses cancels where y is near 1.
func sigmoidFastF32Generic(dst, x []float32) {
	const (
		c     = 0x1p-32
		magic = 0x1.8p52 + 95
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
		z := float64(v)
		k := z*-log2eF32 + magic
		n := k - magic
		s := math.Float64frombits((math.Float64bits(k) + (1023 - 127)) << 52)
		t := round32(n*ln2LoF32 + (n*ln2HiF32 + z))
		u := round32(t * t)
		r := round32(u*f4 + f2)
		r = round32(u*r + one/2)
		T := round32(t * r)
		num := round32(T*c + one*c)
		den := round32(s*round32(one-T) + num)
		dst[i] = float32(num / den)
	}
}

func sigmoidBackwardF32Generic(dx, dy, y []float32) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		g := dy[i] * (1 - v)
		dx[i] = g * v
	}
}

func sigmoidBackwardF64Generic(dx, dy, y []float64) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		g := dy[i] * (1 - v)
		dx[i] = g * v
	}
}

// T = t*(one/2 + f2*u + f4*u*u + ...), u = t*t. The coefficients, before they were scaled, are the minimax of
// t*(poly(u) - tanh(t/2)/t), the error that reaches 1+T, on |t| <= ln2/2*(1+2^-20) with 1/2 fixed, by Remez exchange in
// 200 bits: 4.1e-19. With one fewer it is 1.4e-16, and the sigmoid is 4.2 ULP off.
func sigmoidFastF64Generic(dst, x []float64) {
	const (
		M   = 0x1.8p52 + 767
		c   = 0x1p-256
		one = fastUnit
		f2  = -0x1.17e4affffff11p-4
		f4  = 0x1.bfd44ccc52ee4p-8
		f6  = -0x1.6a8749aa57382p-11
		f8  = 0x1.25cfe0cb45329p-14
		f10 = -0x1.dbf36ee94910bp-18
		f12 = 0x1.717775f123c50p-21
	)
	dst = dst[:len(x)]
	for i, z := range x {
		if z < -750 {
			z = -750
		}
		if z > 38 {
			z = 38
		}
		k := math.FMA(z, -log2eF64, M)
		n := k - M
		s := math.Float64frombits(math.Float64bits(k) << 52)
		t := math.FMA(n, ln2HiF64, z)
		t = math.FMA(n, ln2LoF64, t)
		u := t * t
		r := math.FMA(u, f12, f10)
		r = math.FMA(u, r, f8)
		r = math.FMA(u, r, f6)
		r = math.FMA(u, r, f4)
		r = math.FMA(u, r, f2)
		T := float64(t * math.FMA(u, r, one/2)) // rounded: one-T is not to be fused with it
		num := math.FMA(T, c, one*c)
		dst[i] = num / math.FMA(s, one-T, num)
	}
}
