package kernels

import "math"

// The exponential. In float32, a*exp(z) = a*2^(n/8) * exp(t), where n is 8*z/ln2 rounded and |t| <=
// ln2/16. To multiply by 8*log2e and add a magic number leaves n in the low bits of the sum k. The
// lowest three choose an entry from a table of a*2^(j/8), and a shift takes the others to its
// exponent. The bias of the exponent, and any power of two by which the result is to be scaled, are
// in the magic number too. In float64 there are quarters instead of eighths. All functions that
// need an exponential use these two steps:
//
//	k = fma(z, 8*log2e, magic); n = k - magic; s = a*2^(n/8), from the bits of k and the table
//	t = fma(n, -ln2lo/8, fma(n, -ln2hi/8, z))
//	r = (exp(t) - 1 - t) / (t*t), a polynomial in t by Horner's rule
//
// a*exp(z) is then s*(1+p), with p = fma(t*t, r, t). The scale a is chosen so that all entries are
// rounded by very little. It cancels in a quotient of exponentials.
//
// Functions that use reduceWhole64 have no table: n is a whole number, and |t| <= ln2/2.

// 1/ln2, and ln2 in two parts. The high part times any exponent is exact.
const (
	log2eF32 = 0x1.715476p0
	ln2HiF32 = 0x1.62e4p-1
	ln2LoF32 = 0x1.7f7d1cp-20
	log2eF64 = 0x1.71547652b82fep0
	ln2HiF64 = 0x1.62e42fefa38p-1
	ln2LoF64 = 0x1.ef35793c7673p-45
)

// exp(t) = 1 + t + t*t*(e2 + e3*t + ...) for |t| <= ln2/16 (float64: ln2/8).
const (
	e2F32 = 0x1.000a3p-1
	e3F32 = 0x1.555bccp-3

	e2F64 = 0x1.fffffffffffffp-2
	e3F64 = 0x1.5555555557e71p-3
	e4F64 = 0x1.5555555558a71p-5
	e5F64 = 0x1.111110a184b7fp-7
	e6F64 = 0x1.6c16c0cd9e21fp-10
	e7F64 = 0x1.a030c70367f3ap-13
	e8F64 = 0x1.a0310f1c08a4ap-16
)

// The same for |t| <= ln2/2.
const (
	w2F64  = 0x1.000000000000ap-1
	w3F64  = 0x1.55555555554fep-3
	w4F64  = 0x1.55555555506bfp-5
	w5F64  = 0x1.1111111126b36p-7
	w6F64  = 0x1.6c16c18475faap-10
	w7F64  = 0x1.a01a012fed2e6p-13
	w8F64  = 0x1.a01999629942ap-16
	w9F64  = 0x1.71df18f7a6667p-19
	w10F64 = 0x1.28adf8e7a4278p-22
	w11F64 = 0x1.ad92d1dacb82fp-26
)

// A table32 has the entries of a float32 table, and a table64 those of a float64 one, as bits less
// the number of the entry, where k has it, and the bias: added to k<<20 (k<<50), they are the entry
// with its exponent. wide has the entries as float64, for k<<49.
type (
	table32 struct {
		bits [8]uint32
		wide [8]uint64
	}
	table64 [4]uint64
)

func newTable32(entries [8]float32) (t table32) {
	for j, v := range entries {
		t.bits[j] = math.Float32bits(v) - uint32(j)<<20 - 127<<23
		t.wide[j] = math.Float64bits(float64(v)) - uint64(j)<<49 - 127<<52
	}
	return t
}

func newTable64(entries [4]float64) (t table64) {
	for j, v := range entries {
		t[j] = math.Float64bits(v) - uint64(j)<<50 - 1023<<52
	}
	return t
}

// The scales of these are aF32, to 0.33*2^-24, and aF64. See expRow.
var (
	rowTable32 = newTable32([8]float32{
		0x1.4b2404p+0, 0x1.691c8ap+0, 0x1.89cb7cp+0, 0x1.ad6fb4p+0,
		0x1.d44dbcp+0, 0x1.feb052p+0, 0x1.16747cp+1, 0x1.2fa848p+1,
	})
	rowTable64 = newTable64([4]float64{
		0x1.1a0948c3ee325p+0, 0x1.4f6647eb09a0ap+0, 0x1.8edc090f7b59ap+0, 0x1.da539a28f8fa0p+0,
	})
)

// reduce32 returns s and t for a float32 z. There is no FMA in Go for float32: float64 carries the
// operations. Adding 0x1.8p52 rounds to an integer there, as 0x1.8p23 does in float32.
func (table *table32) reduce32(z, magic float64) (s, t float64) {
	k := z*(8*log2eF32) + magic
	n := k - magic
	bits := math.Float64bits(k)
	s = math.Float64frombits(bits<<49 + table.wide[bits&7])
	return s, round32((z - n*(ln2HiF32/8)) - n*(ln2LoF32/8)) // the inner difference is exact
}

func (table *table64) reduce64(z, magic float64) (s, t float64) {
	s, n, t := table.reduceHi64(z, magic)
	return s, math.FMA(n, -ln2LoF64/4, t)
}

// reduceHi64 is reduce64 without the second part of ln2. It returns n, too.
func (table *table64) reduceHi64(z, magic float64) (s, n, t float64) {
	k := math.FMA(z, 4*log2eF64, magic)
	n = k - magic
	bits := math.Float64bits(k)
	return math.Float64frombits(bits<<50 + table[bits&3]), n, math.FMA(n, -ln2HiF64/4, z)
}

func poly64(t float64) float64 {
	r := math.FMA(e8F64, t, e7F64)
	r = math.FMA(r, t, e6F64)
	r = math.FMA(r, t, e5F64)
	r = math.FMA(r, t, e4F64)
	r = math.FMA(r, t, e3F64)
	return math.FMA(r, t, e2F64)
}

// reduceWhole64 and polyWhole64 are reduce64 and poly64 without a table.
func reduceWhole64(z, magic float64) (s, t float64) {
	k := math.FMA(z, log2eF64, magic)
	n := k - magic
	t = math.FMA(n, -ln2HiF64, z)
	return math.Float64frombits(math.Float64bits(k) << 52), math.FMA(n, -ln2LoF64, t)
}

func polyWhole64(t float64) float64 {
	r := math.FMA(w11F64, t, w10F64)
	r = math.FMA(r, t, w9F64)
	r = math.FMA(r, t, w8F64)
	r = math.FMA(r, t, w7F64)
	r = math.FMA(r, t, w6F64)
	r = math.FMA(r, t, w5F64)
	r = math.FMA(r, t, w4F64)
	r = math.FMA(r, t, w3F64)
	return math.FMA(r, t, w2F64)
}

// expRow is what the exponential needs to know of a row. It computes w = a*exp(z)*2^(64-nm), in
// float64 a*exp(z)*2^(512-nm), where nm is the row's maximum m in units of ln2, rounded. To shift
// by nm in the exponent costs nothing and is exact, whereas the rounding of x - m would cost every
// element of a wide row many ULP. w is less than 2^65, and nothing is subnormal on the way.
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

	// The magic numbers, without nm: the bias of the exponent and the scale. In float64, 2^31 is
	// there for the look-up of AVX2.
	magicF32 = 0x1.8p52 + 8*(127+64)
	magicF64 = 0x1.8p52 + 0x1p31 + 4*(1023+512)

	// The common factor of all exponentials. That of float32 has float64's precision, since the
	// polynomial makes up for what the table is off.
	aF32 = 0x1.4b24046d80f1cp+0
	aF64 = 0x1.1a0948c3ee325p+0
)

// expShift returns what the exponential of a row with maximum m is relative to: w = a*exp(x*scale -
// sub) * 2^(E-nm), E = 64 or 512, where nm is m0 = m - sub in units of ln2.
func expShift[T Float](m T) (sub, m0, nm float64) {
	m0 = float64(m)
	if !isPlain(m) {
		sub = m0
		m0 -= sub
	}
	if is32[T]() {
		return sub, m0, float64(fma32(float32(m0), log2eF32, 0x1.8p23) - 0x1.8p23)
	}
	return sub, m0, math.FMA(m0, log2eF64, 0x1.8p52) - 0x1.8p52
}

func newExpRow[T Float](m T) expRow {
	sub, m0, nm := expShift(m)
	if is32[T]() {
		return expRow{sub, float64(T(m0) - clampF32), magicF32 - 8*nm}
	}
	return expRow{sub, m0 - clampF64, magicF64 - 4*nm}
}

// exp32 returns w for v, which is x*scale - sub, in float32.
func (c *expRow) exp32(v float32) float32 {
	z := float64(v)
	if z < c.lo {
		z = c.lo
	}
	mg := c.mg
	if k := z*(8*log2eF32) + mg; math.Float64bits(k)-math.Float64bits(0x1.8p52)-8 >= 8*253 {
		return expSlow32(float32(z), mg)
	}
	s, t := rowTable32.reduce32(z, mg)
	p := round32(round32(t*t)*round32(e3F32*t+e2F32) + t)
	w := s*p + s
	if halfway(w) {
		w = roundOdd(s*p, s)
	}
	return float32(w)
}

func (c *expRow) exp64(z float64) float64 {
	if z < c.lo {
		z = c.lo
	}
	s, t := rowTable64.reduce64(z, c.mg)
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
	k := fma32(z, 8*log2eF32, magic)
	n := k - magic
	bits := math.Float32bits(k)
	s := math.Float32frombits(bits<<20 + rowTable32.bits[bits&7])
	t := fma32(n, -ln2HiF32/8, z)
	t = fma32(n, -ln2LoF32/8, t)
	r := fma32(e3F32, t, e2F32)
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
