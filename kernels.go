//go:generate go run ./kernels/generate

package kernels

import (
	"fmt"
	"unsafe"

	"kernels/internal/isa"
)

// Float is the element type of every kernel. A named type computes the same bits as its underlying
// type.
type Float interface{ ~float32 | ~float64 }

// Label is the type of a class index. Its value, whatever the type, is in [0, classes).
type Label interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// MaskLen returns the number of words of a mask for n elements, which has one bit per element: n/64
// rounded up. It panics if n is negative.
func MaskLen(n int) int {
	if n < 0 {
		panic(fmt.Sprintf("kernels: MaskLen: n = %d", n))
	}
	return int((uint(n) + 63) / 64)
}

// ISA returns the instruction set in use: "avx512", "avx2", "neon" or "generic". It decides the
// speed, never the result. See the package documentation for how it is chosen.
func ISA() string { return isa.Name() }

// maxBytes is the most bytes of a slice that one call of an element primitive gets. Assembly cannot
// be preempted, and the garbage collector waits for it. It is a multiple of 64 elements, so that a
// mask is cut between words.
const maxBytes = 64 << 10

// is32 reports whether T is a float32. It is a constant in each instance of a generic function, and
// the compiler removes the branch that is not taken.
func is32[T Float]() bool {
	var v T
	return unsafe.Sizeof(v) == 4
}

// maxLen returns maxBytes in elements.
func maxLen[T Float]() int {
	var v T
	return maxBytes / int(unsafe.Sizeof(v))
}

// streams reports whether a kernel of these slices should store dst past the caches. It should if
// the slices together exceed the last-level cache: the lines of dst are then not read first. In
// place, these lines are in the caches already. dst has to be aligned to 64 bytes, as all large
// allocations are.
func streams[T Float](dst []T, others ...[]T) bool {
	var v T
	p := unsafe.SliceData(dst)
	for _, o := range others {
		if unsafe.SliceData(o) == p {
			return false
		}
	}
	return isa.AVX2 && len(dst)*int(unsafe.Sizeof(v))*(1+len(others)) > isa.LastLevelCache &&
		uintptr(unsafe.Pointer(p))%64 == 0
}

// f32 and f64 return a slice of a named type as a slice of the underlying one. Only the one that
// matches is32 may be called.
func f32[T Float](x []T) []float32 { return *(*[]float32)(unsafe.Pointer(&x)) }
func f64[T Float](x []T) []float64 { return *(*[]float64)(unsafe.Pointer(&x)) }
