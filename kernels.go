package kernels

import (
	"fmt"
	"unsafe"

	"kernels/internal/isa"
)

// Float is the element type of every kernel. A named type computes the same bits as its underlying type.
type Float interface{ ~float32 | ~float64 }

// Label is the type of a class index. Its value, whatever the type, is in [0, classes).
type Label interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// MaskLen returns the number of words that a mask for n elements has: one bit an element, n/64 rounded up.
// It panics if n is negative.
func MaskLen(n int) int {
	if n < 0 {
		panic(fmt.Sprintf("kernels: MaskLen: n = %d", n))
	}
	return int((uint(n) + 63) / 64)
}

// ISA returns the instruction set in use: "avx512", "avx2", "neon" or "generic". It decides the speed, never the
// result. See the package documentation for how it is chosen.
func ISA() string { return isa.Name() }

// chunkBytes is the most that one primitive of elements is given: assembly cannot be preempted, and the garbage
// collector waits for it. It is a multiple of 64 elements, so that a mask is cut between words.
const chunkBytes = 64 << 10

// is32 tells float32 from float64. The compiler folds it in each instance, and the other arm goes away.
func is32[T Float]() bool {
	var v T
	return unsafe.Sizeof(v) == 4
}

// chunkLen is chunkBytes in elements.
func chunkLen[T Float]() int {
	var v T
	return chunkBytes / int(unsafe.Sizeof(v))
}

// streams tells whether an operation on slices slices of dst's length is to store past the caches: where all of them
// exceed the last cache, the lines of dst need not be read first. In place they are there already. The kernels ask for
// dst aligned to 64 bytes, as all large allocations are.
func streams[T Float](dst, src []T, slices int) bool {
	var v T
	p := unsafe.SliceData(dst)
	return isa.AVX2 && len(dst)*int(unsafe.Sizeof(v))*slices > isa.LastLevelCache &&
		uintptr(unsafe.Pointer(p))%64 == 0 && p != unsafe.SliceData(src)
}

// f32 and f64 see a slice as its underlying type. Only the one that is32 names is ever called on a slice.
func f32[T Float](x []T) []float32 { return *(*[]float32)(unsafe.Pointer(&x)) }
func f64[T Float](x []T) []float64 { return *(*[]float64)(unsafe.Pointer(&x)) }

// The checks panic before anything is written: a wrong shape is a bug of the caller. The panics are functions of
// their own, and not inlined where the check would become too long for that.

func checkLen[T Float](fn, nameA string, a []T, nameB string, b []T) {
	if len(a) != len(b) {
		panicLen(fn, nameA, len(a), nameB, len(b))
	}
}

//go:noinline
func panicLen(fn, nameA string, a int, nameB string, b int) {
	panic(fmt.Sprintf("kernels: %s: len(%s) = %d, len(%s) = %d", fn, nameA, a, nameB, b))
}

// checkAlias allows a and b, of one length, to be the same or to be apart, and nothing between.
func checkAlias[T Float](fn, nameA string, a []T, nameB string, b []T) {
	var v T
	size := len(a) * int(unsafe.Sizeof(v))
	if d := distance(a, b); d != 0 && -size < d && d < size {
		panicOverlap(fn, nameA, nameB, "partly overlap")
	}
}

// distance is that from the start of b to that of a, in bytes. Comparing addresses is sound here: both slices are alive, and Go
// moves a stack only at calls, with all pointers into it.
func distance[T Float](a, b []T) int {
	return int(uintptr(unsafe.Pointer(unsafe.SliceData(a))) - uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

// checkApart allows no element in both a and b.
func checkApart[T Float](fn, nameA string, a []T, nameB string, b []T) {
	if overlap(a, b) {
		panicOverlap(fn, nameA, nameB, "overlap")
	}
}

func panicOverlap(fn, nameA, nameB, how string) {
	panic("kernels: " + fn + ": " + nameA + " and " + nameB + " " + how)
}

// overlap tells whether a and b share memory.
func overlap[T Float](a, b []T) bool {
	var v T
	size, d := int(unsafe.Sizeof(v)), distance(a, b)
	return len(a) > 0 && len(b) > 0 && -len(a)*size < d && d < len(b)*size
}

func checkMask(fn string, mask []uint64, n int) {
	if len(mask) < (n+63)/64 {
		panicMask(fn, len(mask), n)
	}
}

//go:noinline
func panicMask(fn string, mask, n int) {
	panic(fmt.Sprintf("kernels: %s: len(mask) = %d, %d elements need %d", fn, mask, n, MaskLen(n)))
}

// checkRows returns the number of rows in n elements.
func checkRows(fn, name string, n, classes int) int {
	if classes <= 0 || n%classes != 0 {
		panicRows(fn, name, n, classes)
	}
	return n / classes
}

//go:noinline
func panicRows(fn, name string, n, classes int) {
	if classes <= 0 {
		panicClasses(fn, classes)
	}
	panicDivide(fn, name, n, classes)
}

func panicClasses(fn string, classes int) {
	panic(fmt.Sprintf("kernels: %s: classes = %d", fn, classes))
}

func panicDivide(fn, name string, n, classes int) {
	panic(fmt.Sprintf("kernels: %s: len(%s) = %d is not a multiple of classes = %d", fn, name, n, classes))
}

// checkPerRow checks a slice that has one element a row.
func checkPerRow(fn, name string, n, rows int) {
	if n != rows {
		panicPerRow(fn, name, n, rows)
	}
}

//go:noinline
func panicPerRow(fn, name string, n, rows int) {
	panic(fmt.Sprintf("kernels: %s: len(%s) = %d, rows = %d", fn, name, n, rows))
}
