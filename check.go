package kernels

import (
	"fmt"
	"math"
	"strings"
	"unsafe"
)

// The checks panic or return an error before anything is written. A wrong shape is a bug of the
// caller and panics; an option or a label out of its range is bad data and gives an error. Each
// message is made in a function of its own that is not inlined, so that its check can be inlined.
// The panic itself is in the check where that matters: the compiler then knows that nothing follows
// it, and a function that is called for few elements need not keep its arguments.

func checkLen[T Float](fn, nameA string, a []T, nameB string, b []T) {
	if len(a) != len(b) {
		panic(lenMessage(fn, nameA, len(a), nameB, len(b)))
	}
}

//go:noinline
func lenMessage(fn, nameA string, a int, nameB string, b int) string {
	return fmt.Sprintf("kernels: %s: len(%s) = %d, len(%s) = %d", fn, nameA, a, nameB, b)
}

func checkMask(fn string, mask []uint64, n int) {
	if len(mask) < (n+63)/64 {
		panic(maskMessage(fn, len(mask), n))
	}
}

//go:noinline
func maskMessage(fn string, mask, n int) string {
	return fmt.Sprintf("kernels: %s: len(mask) = %d, %d elements need %d", fn, mask, n, MaskLen(n))
}

// checkRows returns the number of rows in n elements, where rows begin stride elements apart. The
// last row may end with its classes.
func checkRows(fn, name string, n, classes, stride int) int {
	if classes <= 0 {
		panicClasses(fn, classes)
	}
	if n == 0 {
		return 0
	}
	if n == classes { // a division takes long beside one short row
		return 1
	}
	rows := int(uint(n-1)/uint(stride)) + 1
	if n-(rows-1)*stride < classes {
		panicRows(fn, name, n, classes, stride)
	}
	return rows
}

//go:noinline
func panicRows(fn, name string, n, classes, stride int) {
	if stride == classes {
		panic(fmt.Sprintf("kernels: %s: len(%s) = %d is not a multiple of classes = %d",
			fn, name, n, classes))
	}
	panic(fmt.Sprintf("kernels: %s: len(%s) = %d ends inside a row: classes = %d, stride = %d",
		fn, name, n, classes, stride))
}

//go:noinline
func panicClasses(fn string, classes int) {
	panic(fmt.Sprintf("kernels: %s: classes = %d", fn, classes))
}

// checkPerRow checks the length of a slice with one element per row.
func checkPerRow(fn, name string, n, rows int) {
	if n != rows {
		panicPerRow(fn, name, n, rows)
	}
}

//go:noinline
func panicPerRow(fn, name string, n, rows int) {
	panic(fmt.Sprintf("kernels: %s: len(%s) = %d, rows = %d", fn, name, n, rows))
}

func checkSameRows(fn, nameA string, a int, nameB string, b int) {
	if a != b {
		panicSameRows(fn, nameA, a, nameB, b)
	}
}

//go:noinline
func panicSameRows(fn, nameA string, a int, nameB string, b int) {
	panic(fmt.Sprintf("kernels: %s: %s has %d rows, %s has %d", fn, nameA, a, nameB, b))
}

// checkScale returns the option LogitScale, or 1 if it is 0.
func checkScale[T Float](fn string, scale T) (T, error) {
	switch {
	case scale == 0:
		return 1, nil
	case !(scale > 0 && float64(scale) <= math.MaxFloat64):
		return 0, fmt.Errorf("kernels: %s: LogitScale = %v is not positive and finite", fn, scale)
	}
	return scale, nil
}

// checkStride returns an option that is the stride of rows of cols elements, or cols if it is 0.
// The message calls their number what of says.
func checkStride(fn, name string, stride int, of string, cols int) (int, error) {
	switch {
	case stride == 0:
		return cols, nil
	case stride < cols:
		return 0, fmt.Errorf("kernels: %s: %s = %d is less than %s = %d", fn, name, stride, of, cols)
	}
	return stride, nil
}

// checkWeights checks that all weights are finite and not negative.
func checkWeights[T Float](fn, name string, weights []T) error {
	if !allPositive(weights) { // or one is -0, which is allowed
		for i, w := range weights {
			if !(w >= 0 && float64(w) <= math.MaxFloat64) {
				return fmt.Errorf("kernels: %s: %s[%d] = %v is not a finite number >= 0", fn, name, i, w)
			}
		}
	}
	return nil
}

// allPositive reports whether no element is -0, negative, infinite or NaN. The bits of these, as
// integers, are above those of all other numbers.
func allPositive[T Float](weights []T) bool {
	if is32[T]() {
		var top [2]uint32
		w := f32(weights)
		for ; len(w) >= 2; w = w[2:] {
			top[0], top[1] = max(top[0], math.Float32bits(w[0])), max(top[1], math.Float32bits(w[1]))
		}
		for _, v := range w {
			top[0] = max(top[0], math.Float32bits(v))
		}
		return max(top[0], top[1]) < 0x7f800000
	}
	var top uint64
	for _, v := range f64(weights) {
		top = max(top, math.Float64bits(v))
	}
	return top < 0x7ff<<52
}

// checkAlias panics if a and b, which have equal lengths, partly overlap. It is a faster checkApart
// for two slices.
func checkAlias[T Float](fn, nameA string, a []T, nameB string, b []T) {
	var v T
	size := len(a) * int(unsafe.Sizeof(v))
	d := distance(unsafe.Pointer(unsafe.SliceData(a)), unsafe.Pointer(unsafe.SliceData(b)))
	if d != 0 && -size < d && d < size {
		panicOverlap(fn, nameA, nameB, "partly overlap")
	}
}

// distance returns the distance from b to a in bytes. Comparing addresses is sound here: what they
// point to is alive, and Go moves a stack only at calls, together with all pointers into it.
func distance(a, b unsafe.Pointer) int { return int(uintptr(a) - uintptr(b)) }

// A span is the memory of an operand: bytes from p on, of which a matrix has rows of size bytes
// that begin stride bytes apart. (With another field, the compiler would copy a span through
// memory.)
type span struct {
	p                   unsafe.Pointer
	bytes, size, stride int
}

func spanOf[E any](s []E) span {
	var e E
	n := len(s) * int(unsafe.Sizeof(e))
	return span{unsafe.Pointer(unsafe.SliceData(s)), n, n, n}
}

func spanOfRows[T Float](x []T, rows, cols, stride int) span {
	var v T
	size := int(unsafe.Sizeof(v))
	if rows <= 1 { // the stride may be anything
		stride = cols
	}
	n := 0
	if len(x) > 0 {
		n = ((rows-1)*stride + cols) * size
	}
	return span{unsafe.Pointer(unsafe.SliceData(x)), n, cols * size, stride * size}
}

// checkApart panics if one of the first written operands, which are the destinations, shares an
// element with another operand. names has the names of the operands, separated by commas. An
// operand whose name begins with = may also be the same as the first one.
func checkApart(fn, names string, written int, spans ...span) {
	for i := range written {
		p, n := uintptr(spans[i].p), spans[i].bytes
		if n == 0 {
			continue
		}
		for j := i + 1; j < len(spans); j++ {
			if d := int(p - uintptr(spans[j].p)); -n < d && d < spans[j].bytes {
				checkOverlaps(fn, names, written, spans)
				return
			}
		}
	}
}

// checkOverlaps is the rest of checkApart, for operands with memory that is not disjoint: rows may
// still interleave.
//
//go:noinline
func checkOverlaps(fn, names string, written int, spans []span) {
	for i := range written {
		for j := i + 1; j < len(spans); j++ {
			if !spans[i].meets(&spans[j]) {
				continue
			}
			nameA, nameB, how := nth(names, i), nth(names, j), "overlap"
			if i == 0 && nameB[0] == '=' {
				if spans[i] == spans[j] {
					continue
				}
				nameB, how = nameB[1:], "partly overlap"
			}
			panicOverlap(fn, nameA, strings.TrimPrefix(nameB, "="), how)
		}
	}
}

// nth returns element i of a comma-separated list.
func nth(list string, i int) string {
	for range i {
		_, list, _ = strings.Cut(list, ",")
	}
	name, _, _ := strings.Cut(list, ",")
	return name
}

// meets reports whether two spans share a byte. Rows that interleave in one matrix do not.
func (s *span) meets(b *span) bool {
	at := distance(s.p, b.p) // where a row of s begins, from the beginning of b
	for left := s.bytes; left > 0 && b.bytes > 0; left -= s.stride {
		first := 0 // where the first row of b begins that ends after the row of s begins
		if at >= b.size {
			first = ((at-b.size)/b.stride + 1) * b.stride
		}
		if first < b.bytes && first < at+s.size {
			return true
		}
		at += s.stride
	}
	return false
}

func panicOverlap(fn, nameA, nameB, how string) {
	panic("kernels: " + fn + ": " + nameA + " and " + nameB + " " + how)
}
