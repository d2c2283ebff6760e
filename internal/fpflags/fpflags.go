// Package fpflags finds the floating-point exceptions that a piece of code raises. Go ignores them,
// but a program in which C code has unmasked them dies of SIGFPE, so no kernel may raise one
// without reason.
package fpflags

import (
	"runtime"
	"strings"
)

// Flags is a set of floating-point exceptions. Inexact and underflow are left out: nearly every
// operation is inexact.
type Flags uint8

// The exceptions.
const (
	Invalid      Flags = 1 << iota // 0/0, Inf-Inf, a NaN compared by order
	DivideByZero                   // 1/0
	Overflow                       // a finite result that is rounded to infinity
)

// String names the exceptions of f.
func (f Flags) String() string {
	var names []string
	for i, name := range []string{"invalid", "divide by zero", "overflow"} {
		if f>>i&1 == 1 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// tries is the number of calls that must all raise an exception for it to count. The runtime may
// run on the same thread and raise some, but not each time.
const tries = 3

// Raised returns the exceptions that f raises on this thread each time it is called. It calls f
// once if f raises none. It returns none if Supported is false.
func Raised(f func()) Flags {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all := Invalid | DivideByZero | Overflow
	for range tries {
		clearFlags()
		f()
		if all &= readFlags(); all == 0 {
			break
		}
	}
	return all
}
