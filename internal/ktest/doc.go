// Package ktest holds what the tests of this module share: references of high precision, distances
// in ULP, guard pages, deterministic inputs and numerical gradients.
//
// The references share no code with the kernels. They come in three speeds: math/big at 240 bits
// (the judge), double-double with about 2^-95 relative error (for millions of float64 samples;
// checked against the judge), and plain float64 with package math (for walks of all float32
// inputs).
//
// Every random input is derived from integers by exact operations, so that a seed gives the same
// bits on every architecture.
package ktest

import (
	"math"
	"unsafe"
)

// Float is the constraint of the kernels' element types, repeated here so that the package does not
// depend on the one it tests.
type Float interface{ ~float32 | ~float64 }

// Is32 reports whether T is a float32.
func Is32[T Float]() bool {
	var t T
	return unsafe.Sizeof(t) == 4
}

// Pick returns the first number for float32 and the second for float64.
func Pick[T Float](f32, f64 float64) float64 {
	if Is32[T]() {
		return f32
	}
	return f64
}

// Ptr returns a pointer to a copy of v, as new(v) does since Go 1.26.
func Ptr[E any](v E) *E { return &v }

// Inf returns positive infinity if sign >= 0 and negative infinity if sign < 0.
func Inf[T Float](sign int) T { return T(math.Inf(sign)) }

// NaN returns a NaN.
func NaN[T Float]() T { return T(math.NaN()) }

// TypeName returns "float32" or "float64".
func TypeName[T Float]() string {
	if Is32[T]() {
		return "float32"
	}
	return "float64"
}

// Bits returns the bits of x, a float32's in the low half. All NaN give the same bits, because
// their sign and payload are unspecified.
func Bits[T Float](x T) uint64 {
	if x != x {
		if Is32[T]() {
			return 0x7fc00000
		}
		return 0x7ff8000000000000
	}
	return RawBits(x)
}

// RawBits returns the bits of x as they are, NaN payloads included.
func RawBits[T Float](x T) uint64 {
	if Is32[T]() {
		return uint64(math.Float32bits(float32(x)))
	}
	return math.Float64bits(float64(x))
}

// FromBits makes a value from the low bits of u.
func FromBits[T Float](u uint64) T {
	if Is32[T]() {
		return T(math.Float32frombits(uint32(u)))
	}
	return T(math.Float64frombits(u))
}

// Same reports whether a and b have the same bits; all NaN are equal.
func Same[T Float](a, b T) bool { return Bits(a) == Bits(b) }

// Diff returns the first index where a and b differ in bits, or -1. Slices of different lengths
// differ at the end of the shorter one.
func Diff[T Float](a, b []T) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] || a[i] == 0 { // the fast path: equal and not a zero
			if !Same(a[i], b[i]) {
				return i
			}
		}
	}
	if len(a) != len(b) {
		return n
	}
	return -1
}

// Digits returns the number of bits that T's mantissa takes in memory.
func Digits[T Float]() int {
	if Is32[T]() {
		return 23
	}
	return 52
}
