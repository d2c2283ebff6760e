//go:build race

package kernels

import (
	"runtime"
	"unsafe"
)

// The race detector does not see what assembly does. So each primitive reports what it will read
// and write.
const (
	raceEnabled = true
	raceRead    = false
	raceWrite   = true
)

// raceObserver, if a test has set it, is called for each slice of a primitive, with the number of
// places that lie apart and the bytes in all of them.
var raceObserver func(what string, places, bytes int)

// raceSlice reports an access to all of x. what is the name of the primitive and of the slice.
func raceSlice[E any](what string, write bool,
	x []E) {
	raceRows(what, write, x, 1, len(x), len(x))
}

// raceRows reports an access to rows of cols elements, and not to the elements between rows.
func raceRows[E any](what string, write bool, x []E, rows, cols, stride int) {
	if stride == cols { // one run of memory
		rows, cols = 1, rows*cols
	}
	if cols == 0 {
		return
	}
	bytes := cols * int(unsafe.Sizeof(x[0]))
	for r := range rows {
		row := x[r*stride:][:cols]
		p := unsafe.Pointer(hidden(&row[0])) // the runtime does not keep it, but does not say so
		if write {
			runtime.RaceWriteRange(p, bytes)
		} else {
			runtime.RaceReadRange(p, bytes)
		}
	}
	if raceObserver != nil {
		raceObserver(what, rows, rows*bytes)
	}
}

// raceMatrix reports an access to a matrix that may also lie transposed: stride is then 1, and
// colstride the distance between columns.
func raceMatrix[E any](what string, write bool, x []E, rows, cols, stride, colstride int) {
	switch {
	case colstride == 1 || rows == 0 || cols == 0:
		raceRows(what, write, x, rows, cols, stride)
	case colstride == 0: // all columns are one
		raceRows(what, write, x, rows, 1, stride)
	default:
		raceRows(what, write, x, cols, rows, colstride)
	}
}

// hidden returns p in a way that hides it from the compiler's escape analysis. What p points to has
// to outlive every use of the result. There must be no call between the two lines: a call may move
// the stack, and x would keep the old address. checkptr, which comes with the race detector, would
// add one.
//
//go:nocheckptr
func hidden[E any](p *E) *E {
	x := uintptr(unsafe.Pointer(p))
	return *(**E)(unsafe.Pointer(&x))
}
