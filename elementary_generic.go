package kernels

import "math"

// Exp. With s and t as in exp_generic.go, for a table whose scale is 1, and lo what its entry
// lacks, relative to it, exp(x) is s*(1+p), where p is exp(t+lo)-1. s is scaled by 2^64 (2^512) for
// negative x, and by 2^-64 for others.

var (
	expTable32 = newTable32([8]float32{
		1, 0x1.172b84p+0, 0x1.306fep+0, 0x1.4bfdaep+0,
		0x1.6a09e6p+0, 0x1.8ace54p+0, 0x1.ae89fap+0, 0x1.d5818ep+0,
	})
	expTable64 = newTable64([4]float64{
		1, 0x1.306fe0a31b715p+0, 0x1.6a09e667f3bcdp+0, 0x1.ae89f995ad3adp+0,
	})
	expLo32 = [8]float32{
		-0x1.234028p-26, -0x1.f14638p-26, 0x1.015fdcp-26, -0x1.9bd564p-25,
		0x1.629a7cp-33, -0x1.92af6ap-27, -0x1.1010d4p-25, -0x1.8c8886p-26,
	}
	expLo64 = [4]float64{0, 0x1.34d754db0abb6p-55, -0x1.3b3efbf5e2228p-54, 0x1.c1a7792cb3387p-55}
)

func expGeneric[T Float](dst, x []T) {
	dst = dst[:len(x)]
	for i, v := range x {
		if is32[T]() {
			dst[i] = T(exp32(float32(v)))
		} else {
			dst[i] = T(exp64(float64(v)))
		}
	}
}

func exp32(x float32) float32 {
	const (
		up   = 0x1p64
		down = 0x1p-64
	)
	if x > 89 {
		x = 89
	}
	if x < -105 {
		x = -105
	}
	magic, scale := 0x1.8p52+8*(127-64), up
	if x < 0 {
		magic, scale = 0x1.8p52+8*(127+64), down
	}
	z := float64(x)
	s, t := expTable32.reduce32(z, magic)
	j := math.Float64bits(z*(8*log2eF32)+magic) & 7
	a := float32(t) + expLo32[j]
	p := fma32(a*a, fma32(e3F32, a, e2F32), a)
	return float32(scale) * fma32(float32(s), p, float32(s))
}

func exp64(x float64) float64 {
	const (
		up   = 0x1p512
		down = 0x1p-512
	)
	if x > 710 {
		x = 710
	}
	if x < -746 {
		x = -746
	}
	magic, scale := 0x1.8p52+0x1p31+4*(1023-512+4096), up
	if x < 0 {
		magic, scale = 0x1.8p52+0x1p31+4*(1023+512), down
	}
	s, t := expTable64.reduce64(x, magic)
	t += expLo64[math.Float64bits(math.FMA(x, 4*log2eF64, magic))&3]
	p := math.FMA(float64(t*t), poly64(t), t)
	return scale * math.FMA(s, p, s)
}

// Expm1. With s and t as in Exp, but t in two parts, and q = tl+lo + (exp(t)-1-t),
//
//	exp(x)-1 = (s-1) + s*th + s*q
//
// where the first sum and what its roundings lose are kept apart until the end. s is scaled by 1/4,
// so that it fits the type.

// expm1Lo32 is expLo32 without what it takes off the polynomial.
var expm1Lo32 = [8]float32{
	0, -0x1.9c0c22p-27, 0x1.125002p-25, -0x1.0a3552p-25,
	0x1.26055cp-26, 0x1.67a1cap-28, -0x1.f9c306p-27, -0x1.a5217cp-28,
}

func expm1Generic[T Float](dst, x []T) {
	dst = dst[:len(x)]
	for i, v := range x {
		if is32[T]() {
			dst[i] = T(expm132(float32(v)))
		} else {
			dst[i] = T(expm164(float64(v)))
		}
	}
}

func expm132(x float32) float32 {
	const (
		least = 0x1p-64
		magic = 0x1.8p23 + 8*(127-2)
		unit  = 0.25
		m2    = 0x1p-1
		m3    = 0x1.555c22p-3
		m4    = 0x1.5559dep-5
	)
	if x > -least && x < least {
		return x
	}
	if x > 89 {
		x = 89
	}
	if x < -18 {
		x = -18
	}
	k := fma32(x, 8*log2eF32, magic)
	n := k - magic
	bits := math.Float32bits(k)
	s := math.Float32frombits(bits<<20 + expTable32.bits[bits&7])
	th := fma32(n, -ln2HiF32/8, x)
	tl := fma32(n, -ln2LoF32/8, expm1Lo32[bits&7])
	t := th + tl
	q := fma32(t*t, fma32(fma32(m4, t, m3), t, m2), tl)

	top := s - unit
	less := top - s
	lost := (s - (top - less)) - (unit + less)
	sum := fma32(s, th, top)
	rest := fma32(s, th, (top-sum)+lost)
	return 4 * (sum + fma32(s, q, rest))
}

func expm164(x float64) float64 {
	const (
		least = 0x1p-512
		magic = 0x1.8p52 + 0x1p31 + 4*(1023-2)
		unit  = 0.25
		m2    = 0x1p-1
		m3    = 0x1.5555555555555p-3
		m4    = 0x1.55555555565cbp-5
		m5    = 0x1.111111111170dp-7
		m6    = 0x1.6c16c11687dc2p-10
		m7    = 0x1.a01a0161e0e1p-13
		m8    = 0x1.a02bcbc2b61c1p-16
		m9    = 0x1.71eb2a646228p-19
	)
	if x > -least && x < least {
		return x
	}
	if x > 710 {
		x = 710
	}
	if x < -38 {
		x = -38
	}
	k := math.FMA(x, 4*log2eF64, magic)
	n := k - magic
	bits := math.Float64bits(k)
	s := math.Float64frombits(bits<<50 + expTable64[bits&3])
	th := math.FMA(n, -ln2HiF64/4, x)
	tl := math.FMA(n, -ln2LoF64/4, expLo64[bits&3])
	t := th + tl
	r := math.FMA(m9, t, m8)
	r = math.FMA(r, t, m7)
	r = math.FMA(r, t, m6)
	r = math.FMA(r, t, m5)
	r = math.FMA(r, t, m4)
	r = math.FMA(r, t, m3)
	r = math.FMA(r, t, m2)
	q := math.FMA(float64(t*t), r, tl)

	top := s - unit
	less := top - s
	lost := (s - (top - less)) - (unit + less)
	sum := math.FMA(s, th, top)
	rest := math.FMA(s, th, (top-sum)+lost)
	return 4 * (sum + math.FMA(s, q, rest))
}

// Log. With x = 2^k*(1+f), 1+f in [sqrt(1/2), sqrt(2)), S and Sl are k*ln2Hi + f, exactly, and
//
//	log(x) = S + (Sl + k*ln2Lo + (log(1+f) - f))
//
// In float32, log(1+f) - f is f*f times a polynomial; in float64, that of fdlibm: see
// log_generic.go.

func logGeneric[T Float](dst, x []T) {
	dst = dst[:len(x)]
	for i, v := range x {
		switch {
		case v != v || v > 0 && v-v != 0:
			dst[i] = v
		case v == 0:
			dst[i] = T(math.Inf(-1))
		case v < 0:
			dst[i] = T(math.NaN())
		case is32[T]():
			dst[i] = T(log32(float32(v)))
		default:
			dst[i] = T(log64(float64(v)))
		}
	}
}

// split32 returns k and f for a positive x.
func split32(x float32) (k, f float32) {
	const (
		one      = 0x3f800000
		sqrtHalf = 0x3f3504f3
		scaled   = 0x1p23 + 127 + 24
	)
	from := float32(0x1p23 + 127)
	if x < 0x1p-126 {
		x, from = x*0x1p24, scaled
	}
	b := math.Float32bits(x) + (one - sqrtHalf)
	k = math.Float32frombits(math.Float32bits(0x1p23)|b>>23) - from
	return k, math.Float32frombits(b&(1<<23-1)+sqrtHalf) - 1
}

func split64(x float64) (k, f float64) {
	const (
		one      = 0x3ff0000000000000
		sqrtHalf = 0x3fe6a09e667f3bcd
		scaled   = 0x1p52 + 1023 + 54
	)
	from := float64(0x1p52 + 1023)
	if x < 0x1p-1022 {
		x, from = x*0x1p54, scaled
	}
	b := math.Float64bits(x) + (one - sqrtHalf)
	k = math.Float64frombits(math.Float64bits(0x1p52)|b>>52) - from
	return k, math.Float64frombits(b&(1<<52-1)+sqrtHalf) - 1
}

func log32(x float32) float32 {
	k, f := split32(x)
	return logSum32(k, f, 0)
}

// logSum32 returns k*ln2 + log(1+f) + c for a c that is small beside it.
func logSum32(k, f, c float32) float32 {
	const (
		l2  = -0x1.fffffep-2
		l3  = 0x1.555554p-2
		l4  = -0x1.00020cp-2
		l5  = 0x1.99a012p-3
		l6  = -0x1.548382p-3
		l7  = 0x1.22ea5ap-3
		l8  = -0x1.0cda32p-3
		l9  = 0x1.048f72p-3
		l10 = -0x1.3a4ff6p-4
	)
	s := fma32(k, ln2HiF32, f)
	sl := f - fma32(-k, ln2HiF32, s)
	e := fma32(k, ln2LoF32, sl+c)
	r := fma32(l10, f, l9)
	r = fma32(r, f, l8)
	r = fma32(r, f, l7)
	r = fma32(r, f, l6)
	r = fma32(r, f, l5)
	r = fma32(r, f, l4)
	r = fma32(r, f, l3)
	r = fma32(r, f, l2)
	return s + fma32(f*f, r, e)
}

func log64(x float64) float64 {
	k, f := split64(x)
	return logSum64(k, f, 0)
}

func logSum64(k, f, c float64) float64 {
	s := math.FMA(k, ln2HiF64, f)
	sl := f - math.FMA(-k, ln2HiF64, s)
	e := math.FMA(k, ln2LoF64, sl+c)
	half := 0.5 * f // exact, or nothing beside f
	q := f / (2 + f)
	r := float64(half*f) + fdlibmR(float64(q*q))
	return s + math.FMA(-half, f, math.FMA(q, r, e))
}

// Log1p is the same for u = 1+x, whose rounding error is c, with c/u among the small terms.
func log1pGeneric[T Float](dst, x []T) {
	dst = dst[:len(x)]
	for i, v := range x {
		u := 1 + v
		d := u - 1
		c := ((1 - (u - d)) + (v - d)) / u
		switch {
		case v != v || v > 0 && v-v != 0 || v == 0:
			dst[i] = v
		case u == 0:
			dst[i] = T(math.Inf(-1))
		case u < 0:
			dst[i] = T(math.NaN())
		case is32[T]():
			k, f := split32(float32(u))
			dst[i] = T(logSum32(k, f, float32(c)))
		default:
			k, f := split64(float64(u))
			dst[i] = T(logSum64(k, f, float64(c)))
		}
	}
}
