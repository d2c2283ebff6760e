package ktest

import (
	"math"
	"math/bits"
)

// Rounding adds up, to first order, the effects of the roundings of a float64 computation on its
// result, over all inputs in a small interval. A test repeats the computation on values of type
// [Rounded], in the steps of the code. [Rounding.Round] stands for a rounding, whose error is at
// most half an ULP of the largest possible value. Each rounding is followed on its own through the
// operations after it, so that the same rounding in numerator and denominator, say, cancels as it
// does in the code.
//
// The result leaves out effects of second order: products of roundings, and the change of the
// derivatives within the interval. For intervals narrower than a thousandth of the magnitudes in
// them, 1% more covers both.
type Rounding struct{ n int }

// Rounded is a value of a computation. The exact value lies in [lo, hi]; rounding i adds d[i] times
// a number in [-1, 1]. The value that the code computes is a multiple of 2^grid.
type Rounded struct {
	lo, hi float64
	grid   int
	d      []float64
}

// noGrid is less than any exponent.
const noGrid = -1 << 20

// Exact returns a value without error between a and b.
func Exact(a, b float64) Rounded { return Rounded{lo: min(a, b), hi: max(a, b), grid: noGrid} }

// Const returns a constant.
func Const(c float64) Rounded {
	if c == 0 {
		return Rounded{grid: 1 << 20}
	}
	m := math.Float64bits(c)&(1<<52-1) | 1<<52 // normal numbers only
	return Rounded{lo: c, hi: c, grid: math.Ilogb(c) - 52 + bits.TrailingZeros64(m)}
}

func (a Rounded) mid() float64 { return a.lo/2 + a.hi/2 }

// top returns the largest possible magnitude of the computed value.
func (a Rounded) top() float64 { return a.Most() + a.Error() }

// Most returns the largest magnitude of the exact value.
func (a Rounded) Most() float64 { return max(math.Abs(a.lo), math.Abs(a.hi)) }

// linear returns the errors of a value that changes by da*a + db*b.
func linear(a Rounded, da float64, b Rounded, db float64) []float64 {
	d := make([]float64, max(len(a.d), len(b.d)))
	for i, v := range a.d {
		d[i] += v * da
	}
	for i, v := range b.d {
		d[i] += v * db
	}
	return d
}

// Add returns a + b.
func (a Rounded) Add(b Rounded) Rounded {
	return Rounded{a.lo + b.lo, a.hi + b.hi, min(a.grid, b.grid), linear(a, 1, b, 1)}
}

// Neg returns -a.
func (a Rounded) Neg() Rounded { return Rounded{-a.hi, -a.lo, a.grid, linear(a, -1, Rounded{}, 0)} }

// Sub returns a - b.
func (a Rounded) Sub(b Rounded) Rounded { return a.Add(b.Neg()) }

// Mul returns a * b.
func (a Rounded) Mul(b Rounded) Rounded {
	p, q, r, s := a.lo*b.lo, a.lo*b.hi, a.hi*b.lo, a.hi*b.hi
	return Rounded{min(p, q, r, s), max(p, q, r, s), a.grid + b.grid,
		linear(a, b.mid(), b, a.mid())}
}

// Square returns a * a.
func (a Rounded) Square() Rounded {
	s := a.Mul(a)
	if a.lo < 0 && a.hi > 0 {
		s.lo = 0
	}
	return s
}

// Div returns a / b, where b is not 0.
func (a Rounded) Div(b Rounded) Rounded {
	p, q, r, s := a.lo/b.lo, a.lo/b.hi, a.hi/b.lo, a.hi/b.hi
	return Rounded{min(p, q, r, s), max(p, q, r, s), noGrid,
		linear(a, 1/b.mid(), b, -a.mid()/(b.mid()*b.mid()))}
}

// Within returns a, given that it lies between lo and hi.
func (a Rounded) Within(lo, hi float64) Rounded {
	a.lo, a.hi = max(a.lo, lo), min(a.hi, hi)
	return a
}

// Error returns the largest possible error of a.
func (a Rounded) Error() float64 {
	s := 0.0
	for _, v := range a.d {
		s += math.Abs(v)
	}
	return s
}

// Off adds an error of at most e that is not a rounding, such as the error of an approximation.
func (r *Rounding) Off(a Rounded, e float64) Rounded {
	d := make([]float64, r.n+1)
	copy(d, a.d)
	d[r.n] = e
	r.n++
	return Rounded{a.lo, a.hi, a.grid, d}
}

// Round rounds a to float64. A multiple of 2^grid with no more than 53 bits is exact. A value of at
// most a power of two is rounded as those below that power.
func (r *Rounding) Round(a Rounded) Rounded { return r.round(a, math.Inf(1)) }

// Add returns a + b, rounded. The rounding error is less than either of them.
func (r *Rounding) Add(a, b Rounded) Rounded { return r.round(a.Add(b), min(a.top(), b.top())) }

// Sub returns a - b, rounded.
func (r *Rounding) Sub(a, b Rounded) Rounded { return r.Add(a, b.Neg()) }

// Lost returns a, rounded, given that it is what other roundings lost: without them it would be 0.
func (r *Rounding) Lost(a Rounded) Rounded { return r.Round(a.Within(0, 0)) }

func (r *Rounding) round(a Rounded, most float64) Rounded {
	top := a.top()
	if a.grid > noGrid/2 && top <= math.Ldexp(1, 53+a.grid) {
		return a
	}
	a = r.Off(a, min(most, ULP64(math.Nextafter(top, 0))/2))
	least := 0.0
	if a.lo > 0 || a.hi < 0 {
		least = max(0, min(math.Abs(a.lo), math.Abs(a.hi))-a.Error())
	}
	a.grid = math.Ilogb(ULP64(least))
	return a
}

// ULP64 returns the size of a float64's unit in the last place at |x|: 2^-1074 for subnormals.
func ULP64(x float64) float64 {
	e := max(math.Float64bits(x)>>52&0x7ff, 1)
	return math.Ldexp(1, int(e)-1075)
}

// ULPs returns the largest possible error of a, in ULP of the exact value, with the 1% for effects
// of second order. A power of two should not lie inside the interval, only at its ends.
func (a Rounded) ULPs() float64 {
	return orInf(1.01 * a.Error() / ULP64(min(math.Abs(a.lo), math.Abs(a.hi))))
}

// RoundedULPs returns the largest possible error of a after it has been rounded, in ULP of the
// exact value. That is half an ULP more than ULPs. It is one more if the exact value is below a
// power of two, and a so far above that it may not be rounded to the power itself: ULP are twice as
// large there.
func (a Rounded) RoundedULPs() float64 {
	e := a.ULPs()
	if hi := a.Most(); e >= 1 &&
		math.Ilogb(hi+a.Error()) > math.Ilogb(math.Nextafter(hi, 0)) {
		return e + 1
	}
	return e + 0.5
}

// Relative returns the largest possible relative error of a, in units of 2^-53, with the 1% for
// effects of second order.
func (a Rounded) Relative() float64 {
	return orInf(1.01 * a.Error() / min(math.Abs(a.lo), math.Abs(a.hi)) * 0x1p53)
}

// Straddles reports whether a power of two lies between the ends of the interval.
func (a Rounded) Straddles() bool {
	least := min(math.Abs(a.lo), math.Abs(a.hi))
	return math.Ilogb(least) < math.Ilogb(math.Nextafter(a.Most(), 0))
}

// SlopeError returns the largest that [SlopeError] may be for a, an exact slope between the ends of
// the interval, with the 1% for effects of second order.
func (a Rounded) SlopeError(n float64) float64 {
	least := min(math.Abs(a.lo), math.Abs(a.hi))
	if a.lo < 0 && a.hi > 0 {
		least = 0
	}
	err := 1.01 * a.Error() * 0x1p53
	return orInf(min(err+a.Most(), (err/least+0.5)/n))
}

// orInf is an error, infinite if it is NaN: what overflows in a repeated computation, or has no
// inputs, is no bound.
func orInf(e float64) float64 {
	if e != e {
		return math.Inf(1)
	}
	return e
}
