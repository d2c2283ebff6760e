//go:build race

package kernels

import (
	"runtime"
	"unsafe"
)

// The race detector sees nothing of the assembly: so each primitive reports what it reads and
// writes, before it does.
const (
	raceEnabled = true
	raceRead    = false
	raceWrite   = true
)

// raceObserver, set by tests, is told of each slice that a primitive is given: in how many places
// apart it lies, and how many bytes it has in all.
var raceObserver func(what string, places, bytes int)

// raceSlice reports an access to the whole of x; what names primitive and slice.
func raceSlice[E any](what string, write bool, x []E) { raceRows(what, write, x, 1, len(x), len(x)) }

// raceRows reports an access to rows of cols elements, without what lies between them.
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
		p := unsafe.Pointer(hidden(&row[0])) // which the runtime does not keep, but does not say so
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

// hidden returns p, of which the compiler's escape analysis loses track. What p points to has to
// outlive every use of the result. Between the two lines there must be no call, for one may move the
// stack, and x does not move along: checkptr, which comes with the race detector, would make one.
//
//go:nocheckptr
func hidden[E any](p *E) *E {
	x := uintptr(unsafe.Pointer(p))
	return *(**E)(unsafe.Pointer(&x))
}
