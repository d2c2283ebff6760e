package kernels

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Parallel calls f for ranges [lo, hi) that together cover [0, n) once, on the caller's goroutine
// and up to GOMAXPROCS-1 others. It returns when all calls have returned. Every range begins at a
// multiple of grain, and ends at a multiple of grain or at n.
//
// The kernels themselves start no goroutine. A caller spreads a kernel over cores with Parallel, by
// rows or by elements:
//
//	grain := kernels.Grain[float32](kernels.HeavyWork, rows, classes)
//	kernels.Parallel(rows, grain, func(lo, hi int) {
//		kernels.Softmax(y[lo*classes:hi*classes], x[lo*classes:hi*classes], classes)
//	})
//
// The bits do not depend on how the work is split. A goroutine that is done with a range takes the
// next one. So a core that wakes late, or has other work, does less, and if no other core comes in
// time, the caller does everything. [Grain] chooses a grain for the kernels. To choose one for
// other work: a range should take some ten microseconds, and work of less than a hundred should be
// one range, because to wake a core costs the caller some ten. It should be a multiple of 64 if
// masks are written. With n <= grain, or on one core, there is one call, f(0, n); with n = 0 there
// is none.
//
// If f panics, no further range begins. When the ranges that have begun are done, Parallel panics
// with a [*PanicError], which has the value and the stack of the panic. If several ranges panic, it
// is the panic of the lowest range. If f calls [runtime.Goexit], as testing.T.FailNow does, and no
// range panics, Parallel ends the caller's goroutine the same way.
//
// Parallel itself panics, with a string, if grain <= 0 or n < 0.
func Parallel(n, grain int, f func(lo, hi int)) {
	if grain <= 0 {
		panic(fmt.Sprintf("kernels: Parallel: grain = %d", grain))
	}
	if n < 0 {
		panic(fmt.Sprintf("kernels: Parallel: n = %d", n))
	}
	if n == 0 {
		return
	}
	if n <= grain { // GOMAXPROCS takes longer than a short range does
		alone(n, f)
		return
	}
	grains := (n-1)/grain + 1
	workers := min(grains, runtime.GOMAXPROCS(0))
	if workers == 1 {
		alone(n, f)
		return
	}
	t := &task{n: n, grain: grain, grains: grains, f: f}
	t.ranges = min(grains, rangesPerWorker*workers)
	t.left.Add(t.ranges)
	for range workers - 1 {
		go t.work()
	}
	defer t.wait() // also when f ends the caller's goroutine
	t.work()
}

// A PanicError is the value of [Parallel]'s panic when the function that it calls has panicked.
// That may have happened on another goroutine whose stack is gone by then, so the error keeps the
// stack. A program that dies of the panic prints it. The PanicError of a Parallel inside another is
// passed on unchanged.
type PanicError struct {
	Value any    // the argument of panic; nil only after panic(nil) under GODEBUG=panicnil=1
	Stack []byte // the stack of the goroutine that panicked, as debug.Stack formats it
}

// Error returns the value, as fmt prints it, and the stack below it.
func (e *PanicError) Error() string {
	return fmt.Sprintf("%v\n\n%s", e.Value, bytes.TrimRight(e.Stack, "\n"))
}

// Unwrap returns the value if it is an error, a [runtime.Error] for instance, and nil if not.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// protect calls f(lo, hi). If f panics, protect recovers, sets *e and returns.
//
// If f ends the goroutine by runtime.Goexit, protect does not return either. The deferred function
// cannot tell that from panic(nil), since recover returns nil in both cases. So it sets *e, and the
// caller has to note whether protect returned. If it did not, *e has a value only if a function
// that f deferred has panicked.
func protect(f func(lo, hi int), lo, hi int, e **PanicError) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover()
		if inner, ok := v.(*PanicError); ok && inner != nil {
			*e = inner
			return
		}
		*e = &PanicError{Value: v, Stack: debug.Stack()}
	}()
	f(lo, hi)
	returned = true
}

// alone is Parallel without other goroutines.
func alone(n int, f func(lo, hi int)) {
	var e *PanicError
	back := false
	defer func() {
		if e != nil && (back || e.Value != nil) {
			panic(e)
		}
	}()
	protect(f, 0, n, &e)
	back = true
}

// rangesPerWorker is more than one, so that cores that begin at different times end together.
const rangesPerWorker = 8

// A task is a call of Parallel. Nobody waits for a goroutine that starts when all ranges are taken:
// it returns at once.
type task struct {
	n, grain, grains int
	f                func(lo, hi int)
	ranges           int
	next             atomic.Int64   // the first range that nobody has taken
	left             sync.WaitGroup // ranges that have not ended

	mu       sync.Mutex
	failed   *PanicError // the panic of the lowest range that panicked, failedAt
	failedAt int
	exited   bool // a range ended its goroutine by runtime.Goexit
}

// take returns the next range, or one past the last.
func (t *task) take() int { return int(t.next.Add(1)) - 1 }

// bounds returns range i. The first extra ranges have one more grain than the others, so that no
// product overflows in the computation of lo.
func (t *task) bounds(i int) (lo, hi int) {
	size, extra := t.grains/t.ranges, t.grains%t.ranges
	lo, hi = (i*size+min(i, extra))*t.grain, t.n
	if i < extra {
		size++
	}
	if i < t.ranges-1 {
		hi = lo + size*t.grain
	}
	return lo, hi
}

// work calls f for one range after another, until none is left.
func (t *task) work() {
	var e *PanicError
	i := t.take()
	defer func() {
		if i >= t.ranges {
			return
		}
		if e.Value == nil { // control did not come back from range i, and nothing panicked
			e = nil
		}
		t.fail(i, e)
		t.left.Done()
	}()
	for ; i < t.ranges; i = t.take() {
		lo, hi := t.bounds(i)
		if protect(t.f, lo, hi, &e); e != nil {
			t.fail(i, e)
		}
		t.left.Done()
	}
}

// fail records that range i panicked, or called runtime.Goexit if e is nil. It takes all ranges
// that nobody has taken.
func (t *task) fail(i int, e *PanicError) {
	t.mu.Lock()
	switch {
	case e == nil:
		t.exited = true
	case t.failed == nil || i < t.failedAt:
		t.failed, t.failedAt = e, i
	}
	t.mu.Unlock()
	if taken := t.next.Swap(int64(t.ranges)); taken < int64(t.ranges) {
		t.left.Add(int(taken) - t.ranges)
	}
}

// wait waits for the ranges that have begun, and panics or ends the goroutine if one of them did.
func (t *task) wait() {
	t.left.Wait()
	switch {
	case t.failed != nil:
		panic(t.failed)
	case t.exited:
		runtime.Goexit()
	}
}
