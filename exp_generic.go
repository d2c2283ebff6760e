package kernels

import "math"

// The exponential. exp(z) = 2^n * exp(t), where n is z/ln2 rounded and |t| <= ln2/2. To multiply by
// log2e and add a magic number leaves n in the low bits of the sum k, from where a shift takes it
// to the exponent of s. The bias of the exponent, and any power of two by which the result is to be
// scaled, are in the magic number too. All functions that need an exponential use these two steps:
//
//	k = fma(z, log2e, magic); n = k - magic; s = 2^n, from the bits of k
//	t = fma(n, -ln2lo, fma(n, -ln2hi, z))
//	r = (exp(t) - 1 - t) / (t*t), a polynomial in t by Horner's rule
//
// exp(z) is then s*(1+p), with p = fma(t*t, r, t).

// 1/ln2, and ln2 in two parts. The high part times any exponent is exact.
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

// reduce32 returns s and t for a float32 z. There is no FMA in Go for float32: float64 carries the
// operations. Adding 0x1.8p52 rounds to an integer there, as 0x1.8p23 does in float32.
func reduce32(z, magic float64) (s, t float64) {
	k := z*log2eF32 + magic
	n := k - magic
	s = math.Float64frombits((math.Float64bits(k) + (1023 - 127)) << 52)
	return s, round32((z - n*ln2HiF32) - n*ln2LoF32) // the inner difference is exact
}

// poly32 returns r. Adding and subtracting one of the large numbers rounds to a float32 in
// [2^-7,2^-6), [2^-5,2^-4) and [2^-3,2^-2), which is where the steps of Horner's rule are.
func poly32(t float64) float64 {
	const m7, m5, m3 = 0x1.8p22, 0x1.8p24, 0x1.8p26
	r := (e6F32*t + (m7 + e5F32)) - m7
	r = (r*t + (m5 + e4F32)) - m5
	r = (r*t + (m3 + e3F32)) - m3
	return round32(r*t + e2F32)
}

func reduce64(z, magic float64) (s, t float64) {
	k := math.FMA(z, log2eF64, magic)
	n := k - magic
	t = math.FMA(n, -ln2HiF64, z)
	return math.Float64frombits(math.Float64bits(k) << 52), math.FMA(n, -ln2LoF64, t)
}

func poly64(t float64) float64 {
	r := math.FMA(e11F64, t, e10F64)
	r = math.FMA(r, t, e9F64)
	r = math.FMA(r, t, e8F64)
	r = math.FMA(r, t, e7F64)
	r = math.FMA(r, t, e6F64)
	r = math.FMA(r, t, e5F64)
	r = math.FMA(r, t, e4F64)
	r = math.FMA(r, t, e3F64)
	return math.FMA(r, t, e2F64)
}

// expRow is what the exponential needs to know of a row. It computes w = exp(z)*2^(64-nm), in
// float64 exp(z)*2^(512-nm), where nm is the row's maximum m in units of ln2, rounded. To shift by
// nm in the exponent costs nothing and is exact, whereas the rounding of x - m would cost every
// element of a wide row many ULP. w is at most 2^64.5, and nothing is subnormal on the way.
//
// Where |m| > 1024, and only there, m itself is subtracted first: sub = m. In a row with NaN or
// +Inf, or with nothing but -Inf, every w is NaN, or at least one.
//
// An element that is further below the maximum than clamp counts as one that is clamp below it:
// exp(-130)*2^64 is still normal, and so small that a great many of them do not show beside the
// smallest loss of a confident row, exp(-87).
type expRow struct {
	sub, lo float64 // values of T
	mg      float64 // the magic number
}

const (
	clampF32 = 130
	clampF64 = 1060

	// The magic numbers, without nm: the bias of the exponent and the scale.
	magicF32 = 0x1.8p52 + 127 + 64
	magicF64 = 0x1.8p52 + 1023 + 512
)

func newExpRow[T Float](m T) (c expRow) {
	if !isPlain(m) {
		c.sub = float64(m)
		m -= m
	}
	if is32[T]() {
		nm := fma32(float32(m), log2eF32, 0x1.8p23) - 0x1.8p23
		c.lo, c.mg = float64(m-clampF32), magicF32-float64(nm)
	} else {
		nm := math.FMA(float64(m), log2eF64, 0x1.8p52) - 0x1.8p52
		c.lo, c.mg = float64(m-clampF64), magicF64-nm
	}
	return c
}

// exp32 returns w for v, which is x*scale - sub, in float32.
func (c *expRow) exp32(v float32) float32 {
	z := float64(v)
	if z < c.lo {
		z = c.lo
	}
	mg := c.mg
	if k := z*log2eF32 + mg; math.Float64bits(k)-math.Float64bits(0x1.8p52)-1 >= 254 {
		return expSlow32(float32(z), mg)
	}
	s, t := reduce32(z, mg)
	p := round32(round32(t*t)*poly32(t) + t)
	return float32(s*p + s)
}

func (c *expRow) exp64(z float64) float64 {
	if z < c.lo {
		z = c.lo
	}
	s, t := reduce64(z, c.mg)
	p := math.FMA(t*t, poly64(t), t)
	return math.FMA(s, p, s)
}

// rowExp sets w to the exponentials of x. Mostly there is nothing to scale or to subtract.
func rowExp[T Float](c *expRow, w, x []T, scale T) {
	w = w[:len(x)]
	if sub := T(c.sub); scale != 1 || sub != 0 {
		for i, v := range x {
			w[i] = T(v*scale) - sub
		}
		x = w
	}
	for i, v := range x {
		if is32[T]() {
			w[i] = T(c.exp32(float32(v)))
		} else {
			w[i] = T(c.exp64(float64(v)))
		}
	}
}

// expSlow32 is exp32 where s is not normal: for NaN, and for an element above the maximum, which
// occurs only in a row with a NaN. Nothing depends on its result, but it is the same on every
// instruction set.
//
//go:noinline
func expSlow32(z float32, mg float64) float32 {
	magic := float32(mg - 0x1.8p52 + 0x1.8p23)
	k := fma32(z, log2eF32, magic)
	n := k - magic
	s := math.Float32frombits(math.Float32bits(k) << 23)
	t := fma32(n, -ln2HiF32, z)
	t = fma32(n, -ln2LoF32, t)
	r := fma32(e6F32, t, e5F32)
	r = fma32(r, t, e4F32)
	r = fma32(r, t, e3F32)
	r = fma32(r, t, e2F32)
	return fma32(s, fma32(t*t, r, t), s)
}

func expAtGeneric[T Float](w, x, m []T) {
	for i := range w {
		c := newExpRow(m[i])
		if v := x[i] - T(c.sub); is32[T]() {
			w[i] = T(c.exp32(float32(v)))
		} else {
			w[i] = T(c.exp64(float64(v)))
		}
	}
}
