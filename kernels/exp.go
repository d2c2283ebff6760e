package pages

import (
	"fmt"

	"kernels/internal/asmgen"
)

// What every exponential shares. With n = rint(x/ln 2) and t = x - n*ln 2,
//
//	exp(x) = 2^n * exp(t), |t| <= ln(2)/2
//
// The power of two is made of bits: see magic. The rest is a polynomial: see expPolynomial.

// A number is a constant for both types, with its name in the assembly.
type number struct {
	name string
	f32  float32
	f64  float64
}

func (c number) in(b *block) vec { return b.Named(c.name, b.K(c.f32, c.f64)) }

// times is c times a power of two, which is exact, or times -1.
func (c number) times(name string, factor float64) number {
	return number{name, c.f32 * float32(factor), c.f64 * factor}
}

var (
	// 1/ln 2, rounded.
	log2e      = number{"log2e", 0x1.715476p0, 0x1.71547652b82fep0}
	minusLog2e = log2e.times("minusLog2e", -1)

	// ln 2 in two parts, as Cody and Waite take it from x. The first part is ln 2 cut off so early
	// that its product with n is exact, for |n| < 2^9 in float32 and 2^11 in float64. The second
	// part is the rest of ln 2, rounded.
	ln2Hi      = number{"ln2Hi", 0x1.62e4p-1, 0x1.62e42fefa38p-1}
	ln2Lo      = number{"ln2Lo", 0x1.7f7d1cp-20, 0x1.ef35793c7673p-45}
	minusLn2Hi = ln2Hi.times("minusLn2Hi", -1)
	minusLn2Lo = ln2Lo.times("minusLn2Lo", -1)
)

// rounding is so large that the unit of its last place is 1: x + rounding is rounded to an integer,
// which stands in the lowest bits, and subtracting rounding again leaves it as a number. The half
// keeps the sum in one binade for negative x, too.
var rounding = number{"rounding", 0x1.8p23, 0x1.8p52}

// The bias of the exponent: the bits of 2^n are n + bias, shifted to the place of the exponent.
const (
	bias32, bias64   = 127, 1023
	shift32, shift64 = 23, 52
)

// magic is rounding + bias + e: shifted left, the sum x + magic loses all but its lowest bits, and
// is 2^(rint(x)+e). A scale e of the result is free, and keeps intermediate values normal.
func magic(name string, e32, e64 int) number {
	return number{name, rounding.f32 + float32(bias32+e32), rounding.f64 + float64(bias64+e64)}
}

// powerOfTwo is 2^n from k = n + magic.
func powerOfTwo(b *block, k vec) vec { return b.ShiftLeft(k, shift32, shift64) }

// reduce is x - n*ln 2, or x + n*ln 2 where n has been rounded from -x/ln 2.
func reduce(b *block, n, x vec, negated bool) vec {
	hi, lo := minusLn2Hi, minusLn2Lo
	if negated {
		hi, lo = ln2Hi, ln2Lo
	}
	t := b.FMA(n, hi.in(b), x)
	return b.FMA(n, lo.in(b), t)
}

// A polynomial has its coefficients from the highest degree down.
type polynomial struct {
	name    string
	c32     []float32
	c64     []float64
	negated bool // in -t: every other coefficient has the other sign
}

// expPolynomial is the minimax polynomial for (exp(t)-1-t)/t^2 on |t| <= ln(2)/2.
var expPolynomial = polynomial{
	name: "exp",
	c32:  []float32{0x1.694c82p-10, 0x1.12397cp-7, 0x1.555a26p-5, 0x1.555492p-3, 0x1.fffffap-2},
	c64: []float64{
		0x1.ad92d1dacb82fp-26, 0x1.28adf8e7a4278p-22, 0x1.71df18f7a6667p-19, 0x1.a01999629942ap-16,
		0x1.a01a012fed2e6p-13, 0x1.6c16c18475faap-10, 0x1.1111111126b36p-7, 0x1.55555555506bfp-5,
		0x1.55555555554fep-3, 0x1.000000000000ap-1,
	},
}

// negate is the polynomial that in t has the value of p in -t.
func (p polynomial) negate() polynomial {
	p.negated = true
	return p
}

// degree of the form for a type.
func (p polynomial) degree(t asmgen.Type) int {
	if t == asmgen.F32 {
		return len(p.c32) - 1
	}
	return len(p.c64) - 1
}

// coefficient of a power.
func (p polynomial) coefficient(t asmgen.Type, power int) number {
	c := number{name: fmt.Sprintf("%sC%d", p.name, power)}
	if t == asmgen.F32 {
		c.f32 = p.c32[p.degree(t)-power]
	} else {
		c.f64 = p.c64[p.degree(t)-power]
	}
	if p.negated && power%2 == 1 {
		c = c.times(fmt.Sprintf("%sMinusC%d", p.name, power), -1)
	}
	return c
}

// horner evaluates a polynomial in t.
func horner(b *block, t vec, p polynomial) vec {
	power := p.degree(b.Type())
	r := p.coefficient(b.Type(), power).in(b)
	for power--; power >= 0; power-- {
		r = b.FMA(r, t, p.coefficient(b.Type(), power).in(b))
	}
	return r
}

// signBit is -0: the bit of the sign alone.
func signBit(b *block) vec {
	bits := uint64(1) << 63
	if b.Type() == asmgen.F32 {
		bits = 1 << 31
	}
	return b.Named("signBit", b.Bits(bits))
}

// notSign is all bits but that of the sign.
func notSign(b *block) vec {
	return b.Named("notSign", b.KInt(1<<31-1, 1<<63-1))
}
