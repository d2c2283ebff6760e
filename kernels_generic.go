package kernels

import "math"

// The primitives in pure Go, in the files *_generic.go. They are the specification: the assembly
// has to compute these bits. Each primitive has one form here, its name and Generic, for both types
// of element. It is one formula where the types differ in nothing but rounding; it has an arm for
// each type where there is an FMA; and it calls a function for each type where the coefficients
// differ.
//
// Every expression is a sequence of correctly rounded operations in the order written. The Go
// compiler may fuse a product and a sum into an FMA, and on some architectures does. So a product
// that is added to something is converted explicitly, which rules that out, or is exact, so that
// it makes no difference. What is an FMA is written as one: fma32 or math.FMA. (Not as a generic
// function for both types: the compiler does not inline it, which costs 30%.)

// fma32 returns a*b+c with one rounding.
//
// The product of two float32 is exact in float64. The sum is rounded to float64 and then to
// float32. That goes wrong only where the first rounding lands in the middle between two float32,
// or where the result is subnormal and its middles are elsewhere. There, the sum is rounded to odd
// first.
func fma32(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := p + float64(c) // the same bits if the compiler fuses it
	if halfway(s) {
		s = roundOdd(p, float64(c))
	}
	return float32(s)
}

// roundOdd returns p+c rounded to odd.
//
//go:noinline
func roundOdd(p, c float64) float64 {
	s, e := twoSum(p, c)
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

// halfway reports whether s, a sum in float64, cannot simply be rounded to float32. See fma32.
func halfway(s float64) bool {
	u := math.Float64bits(s)
	return u&0x1fffffff == 0x10000000 || u>>52&0x7ff < 1023-126
}

// round32 rounds a float64 that carries a float32 computation. Conversions are what the loops over
// float32 spend their time on. So they use round32 instead of fma32 where rounding twice is the
// same as rounding once, which was checked on every input.
func round32(x float64) float64 { return float64(float32(x)) }

// twoSum returns a+b rounded, and what the rounding lost, exactly.
func twoSum(a, b float64) (s, e float64) {
	s = a + b
	bb := s - a
	return s, (a - (s - bb)) + (b - bb)
}

// clearRow zeroes d. It is a primitive of its own because the built-in clear is assembly too, which
// cannot be preempted and which the race detector does not see: so clear gets at most maxBytes at
// a time, and the detector is told.
func clearRow[T Float](d []T) {
	for len(d) > 0 {
		n := min(len(d), maxLen[T]())
		if raceEnabled {
			raceSlice("clearRow d", raceWrite, d[:n])
		}
		clear(d[:n])
		d = d[n:]
	}
}
