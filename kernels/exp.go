package pages

import (
	"fmt"
	"math"

	"kernels/internal/asmgen"
)

// What every exponential shares. With n = rint(8*x/ln 2) and t = x - n/8*ln 2, in float64 with 4 in
// place of 8,
//
//	exp(x) = 2^(n/8) * exp(t), |t| <= ln(2)/16
//
// 2^(n/8) is a power of two, made of bits (see magic), times one of eight numbers from a table (see
// table). The rest is a polynomial, or, for SigmoidFast in float64, a quotient: see expPolynomial
// and sigmoidFast. Two kernels, ELU and, in float64, Tanh, have no table: for them n is a whole
// number, and |t| <= ln(2)/2.
//
// With a table there are three multiply-adds fewer, and the error is smaller. A look-up takes four
// instructions on NEON. For these, llvm-mca has Sigmoid in float32 8% slower on Neoverse N1 and 5%
// on V2, SigmoidFast 7% and 3% (float64: 6% and 2%), both faster on Apple M1, and nothing else more
// than 3% slower.

// A number is a constant for both types, with its name in the assembly.
type number struct {
	name string
	f32  float32
	f64  float64
}

func (c number) in(b *builder) vec { return b.Named(c.name, b.K(c.f32, c.f64)) }

// times is c times a power of two, which is exact, or times -1.
func (c number) times(name string, factor float64) number {
	return number{name, c.f32 * float32(factor), c.f64 * factor}
}

// byType is c times a power of two that depends on the type, as the size of a table does.
func (c number) byType(name string, f32, f64 float64) number {
	return number{name, c.f32 * float32(f32), c.f64 * f64}
}

var (
	// 1/ln 2, rounded.
	log2e = number{"log2e", 0x1.715476p0, 0x1.71547652b82fep0}

	// ln 2 in two parts, as Cody and Waite take it from x. The first part is ln 2 cut off so early
	// that x less its product with n is exact in a multiply-add. In float64, also the product is,
	// for |n| < 2^11. The second part is the rest of ln 2, rounded.
	ln2Hi = number{"ln2Hi", 0x1.62e4p-1, 0x1.62e42fefa38p-1}
	ln2Lo = number{"ln2Lo", 0x1.7f7d1cp-20, 0x1.ef35793c7673p-45}

	// The same for parts of an octave: eighths in float32, quarters in float64.
	log2ePart      = log2e.byType("log2ePart", 8, 4)
	minusLog2ePart = log2ePart.times("minusLog2ePart", -1)
	ln2PartHi      = ln2Hi.byType("ln2PartHi", 1./8, 1./4)
	ln2PartLo      = ln2Lo.byType("ln2PartLo", 1./8, 1./4)
	minusLn2PartHi = ln2PartHi.times("minusLn2PartHi", -1)
	minusLn2PartLo = ln2PartLo.times("minusLn2PartLo", -1)
)

// rounding is so large that the unit of its last place is 1: x + rounding is rounded to an integer,
// which stands in the lowest bits, and subtracting rounding again leaves it as a number. The half
// keeps the sum in one binade for negative x, too. roundingPart rounds to a multiple of 8 (4).
var (
	rounding     = number{"rounding", 0x1.8p23, 0x1.8p52}
	roundingPart = rounding.byType("roundingPart", 8, 4)
)

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
func powerOfTwo(b *builder, k vec) vec { return b.ShiftLeft(k, shift32, shift64) }

// A table has the eight (float64: four) numbers a*2^(j/8) (2^(j/4)), rounded. The scale a is free
// where only the ratio of exponentials counts, or where a number beside the exponential can have it
// too. It is one for which all entries happen to be rounded by very little.
type table struct {
	name string
	f32  [8]float32
	f64  [4]float64
}

const parts32, parts64 = 3, 2 // the binary logarithms of 8 and 4

// power is a*2^(n/8+e) (2^(n/4+e)) from k = n + tableMagic, where e is that of tableMagic. The low
// bits of k are the number of an entry; they would also change its bits, which the table makes up
// for.
func (t table) power(b *builder, k vec) vec { return t.powerAt(b, k, k) }

// powerAt is power with the entry's number in the low bits of another value.
func (t table) powerAt(b *builder, k, index vec) vec {
	return b.IntAdd(b.ShiftLeft(k, shift32-parts32, shift64-parts64), b.Lookup(t.bits(), index))
}

func (t table) bits() asmgen.Table {
	bits := asmgen.Table{Name: t.name}
	for j, v := range t.f32 {
		bits.F32[j] = math.Float32bits(v) - uint32(j)<<(shift32-parts32) - bias32<<shift32
	}
	for j, v := range t.f64 {
		bits.F64[j] = math.Float64bits(v) - uint64(j)<<(shift64-parts64) - bias64<<shift64
	}
	return bits
}

// entries are the numbers themselves, of a table that has no exponents to add to.
func (t table) entries() asmgen.Table {
	bits := asmgen.Table{Name: t.name}
	for j, v := range t.f32 {
		bits.F32[j] = math.Float32bits(v)
	}
	for j, v := range t.f64 {
		bits.F64[j] = math.Float64bits(v)
	}
	return bits
}

// tableMagic is magic for a table. In float64, bit 31 is set: see Lookup.
func tableMagic(name string, e32, e64 int) number {
	return number{
		name, rounding.f32 + float32((bias32+e32)<<parts32),
		rounding.f64 + 1<<31 + float64((bias64+e64)<<parts64),
	}
}

// reduce is x + n*ln 2, with ln 2, its negative or a part of it, in two parts.
func reduce(b *builder, n, x vec, hi, lo number) vec {
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

// expPolynomial is that for (exp(t)-1-t)/t^2 with the smallest error on |t| <= ln(2)/16 (ln(2)/8).
// In float32 what the error is smallest of is (1+d)*exp(t)-1-t for a d that the scale of rowTable
// takes in.
var expPolynomial = polynomial{
	name: "exp",
	c32:  []float32{0x1.555bccp-3, 0x1.000a3p-1},
	c64: []float64{
		0x1.a0310f1c08a4ap-16, 0x1.a030c70367f3ap-13, 0x1.6c16c0cd9e21fp-10, 0x1.111110a184b7fp-7,
		0x1.5555555558a71p-5, 0x1.5555555557e71p-3, 0x1.fffffffffffffp-2,
	},
}

// wholePolynomial is that on |t| <= ln(2)/2, without a table: float64 alone.
var wholePolynomial = polynomial{
	name: "whole",
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
func horner(b *builder, t vec, p polynomial) vec {
	power := p.degree(b.Type())
	r := p.coefficient(b.Type(), power).in(b)
	for power--; power >= 0; power-- {
		r = b.FMA(r, t, p.coefficient(b.Type(), power).in(b))
	}
	return r
}

// signBit is -0: the bit of the sign alone.
func signBit(b *builder) vec {
	bits := uint64(1) << 63
	if b.Type() == asmgen.F32 {
		bits = 1 << 31
	}
	return b.Named("signBit", b.Bits(bits))
}

// notSign is all bits but that of the sign.
func notSign(b *builder) vec {
	return b.Named("notSign", b.KInt(1<<31-1, 1<<63-1))
}
