package kernels

import "math"

// expRowF32 holds what the exponential needs to know of a row. It computes w = exp(z)*2^(64-nm), where nm is the
// row's maximum m in units of ln 2, rounded: the shift is taken out in the exponent, where it costs nothing and is exact,
// while rounding x - m would cost every element of a wide row many ULP. w is at most 2^64.5, and nothing is subnormal
// on the way.
//
// Where |m| > 1024, and only there, m itself is subtracted first: sub = m. Rows with a NaN or +Inf, or with nothing but
// -Inf, make every w NaN, or at least one.
// An element more than clampF32 below the maximum counts as one that is just so far below: exp(-130)*2^64 is still normal, and
// so small that a great many of them do not show beside the smallest loss of a confident row, exp(-87).
type expRowF32 struct {
	sub, lo float32
	mg      float64 // 0x1.8p52+191-nm, where float32 operations have 0x1.8p23
}

const (
	clampF32 = 130
	clampF64 = 1060
)

func newExpRowF32(m float32) expRowF32 {
	var sub float32
	if !(m >= -1024 && m <= 1024) {
		sub = m
	}
	m -= sub
	nm := float64(fma32(m, log2eF32, 0x1.8p23) - 0x1.8p23)
	return expRowF32{sub: sub, lo: m - clampF32, mg: (0x1.8p52 + 191) - nm}
}

// exp returns the exponential of v, which is x*scale - sub. In float32 operations, with mg = 0x1.8p23+191-nm:
//
//	k = fma(v, log2e, mg); n = k - mg; s = bits(k)<<23
//	t = fma(n, -ln2lo, fma(n, -ln2hi, v))
//	r = fma(fma(fma(fma(e6, t, e5), t, e4), t, e3), t, e2)
//	w = fma(s, fma(t*t, r, t), s)
func (c *expRowF32) exp(v float32) float32 {
	const m7, m5, m3 = 0x1.8p22, 0x1.8p24, 0x1.8p26 // as in sigmoidF32Generic
	if v < c.lo {
		v = c.lo
	}
	z := float64(v)
	k := z*log2eF32 + c.mg
	b := math.Float64bits(k) - math.Float64bits(0x1.8p52) // the exponent field of s
	if b-1 >= 254 {
		return c.expSlow(v)
	}
	n := k - c.mg
	s := math.Float64frombits((b + (1023 - 127)) << 52)
	t := round32((z - n*ln2HiF32) - n*ln2LoF32)
	r := (e6F32*t + (m7 + e5F32)) - m7
	r = (r*t + (m5 + e4F32)) - m5
	r = (r*t + (m3 + e3F32)) - m3
	r = round32(r*t + e2F32)
	p := round32(round32(t*t)*r + t)
	return float32(s*p + s)
}

// expSlow is exp where s is not a normal float32: for NaN, and for an element above the maximum, which is a row with a
// NaN in it. What becomes of that is not used, but it is the same for every instruction set.
//
//go:noinline
func (c *expRowF32) expSlow(z float32) float32 {
	mg := float32(c.mg - 0x1.8p52 + 0x1.8p23)
	k := fma32(z, log2eF32, mg)
	n := k - mg
	s := math.Float32frombits(math.Float32bits(k) << 23)
	t := fma32(n, -ln2HiF32, z)
	t = fma32(n, -ln2LoF32, t)
	r := fma32(e6F32, t, e5F32)
	r = fma32(r, t, e4F32)
	r = fma32(r, t, e3F32)
	r = fma32(r, t, e2F32)
	return fma32(s, fma32(t*t, r, t), s)
}

func (c *expRowF32) plain(w, x []float32) {
	w = w[:len(x)]
	for i, z := range x {
		w[i] = c.exp(z)
	}
}

func (c *expRowF32) scaled(w, x []float32, scale float32) {
	w = w[:len(x)]
	for i, v := range x {
		w[i] = c.exp(float32(v*scale) - c.sub)
	}
}

// expRowF64 is expRowF32 with w = exp(z)*2^(512-nm).
type expRowF64 struct{ sub, lo, mg float64 }

func newExpRowF64(m float64) expRowF64 {
	var sub float64
	if !(m >= -1024 && m <= 1024) {
		sub = m
	}
	m -= sub
	nm := math.FMA(m, log2eF64, 0x1.8p52) - 0x1.8p52
	return expRowF64{sub: sub, lo: m - clampF64, mg: (0x1.8p52 + 1535) - nm}
}

func (c *expRowF64) exp(z float64) float64 {
	if z < c.lo {
		z = c.lo
	}
	k := math.FMA(z, log2eF64, c.mg)
	n := k - c.mg
	s := math.Float64frombits(math.Float64bits(k) << 52)
	t := math.FMA(n, -ln2HiF64, z)
	t = math.FMA(n, -ln2LoF64, t)
	r := math.FMA(e11F64, t, e10F64)
	r = math.FMA(r, t, e9F64)
	r = math.FMA(r, t, e8F64)
	r = math.FMA(r, t, e7F64)
	r = math.FMA(r, t, e6F64)
	r = math.FMA(r, t, e5F64)
	r = math.FMA(r, t, e4F64)
	r = math.FMA(r, t, e3F64)
	r = math.FMA(r, t, e2F64)
	p := math.FMA(t*t, r, t)
	return math.FMA(s, p, s)
}

func (c *expRowF64) plain(w, x []float64) {
	w = w[:len(x)]
	for i, z := range x {
		w[i] = c.exp(z)
	}
}

func (c *expRowF64) scaled(w, x []float64, scale float64) {
	w = w[:len(x)]
	for i, v := range x {
		w[i] = c.exp(float64(v*scale) - c.sub)
	}
}
