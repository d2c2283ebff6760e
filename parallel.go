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
// and up to GOMAXPROCS-1 others, and returns when all calls have. Every range begins at a multiple
// of grain and ends at one or at n.
//
// The kernels themselves start no goroutine; Parallel is how a caller spreads one over cores, by
// rows or by elements:
//
//	kernels.Parallel(rows, 16, func(lo, hi int) {
//		kernels.Softmax(y[lo*classes:hi*classes], x[lo*classes:hi*classes], classes)
//	})
//
// The bits do not depend on how the work is split. A goroutine takes the next range when it is done
// with one, so that a core that wakes late, or has other work, does less; the caller does all of it
// where no other comes in time. Choose grain so that a range of it is worth some microseconds, and
// a multiple of 64 where masks are written. With n <= grain, or one core, there is one call, f(0,
// n); with n = 0 there is none.
//
// When f panics no further range begins, and once those that have begun are over, Parallel panics
// with a [*PanicError], which has the value and the stack of that panic. Of several panics it is
// the one of the lowest range. When f calls [runtime.Goexit], as testing.T.FailNow does, and no
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
	grains := n / grain
	if n%grain != 0 {
		grains++
	}
	workers := min(grains, runtime.GOMAXPROCS(0))
	if workers <= 1 {
		if n > 0 {
			alone(n, f)
		}
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

// A PanicError is what [Parallel] panics with when the function it was given has panicked. That may
// have happened on another goroutine, whose stack is gone by then, so the error keeps it. A program
// that dies of the panic prints it. The PanicError of a Parallel inside another is handed on as it
// is.
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

// protect calls f(lo, hi). When f panics, it recovers, sets *e and returns.
//
// When f ends the goroutine by runtime.Goexit, protect does not return either. The deferred
// function cannot tell that from panic(nil), since recover returns nil in both cases: *e is set,
// and whoever called has to note whether control came back. *e then has a value only when a
// function that f deferred has panicked on the way out.
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

// rangesPerWorker is more than one, so that cores which begin at different times end together.
const rangesPerWorker = 8

// task is a call of Parallel. A goroutine that comes when all ranges are taken finds nothing to do,
// and nobody waits for it.
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

// bounds returns range i. The first extra ranges have one grain more, so that lo is found without a
// product that could overflow.
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

// fail notes that range i panicked, or called runtime.Goexit where e is nil, and takes all ranges
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

// wait waits for the ranges that have begun, and passes on to the caller how they ended.
func (t *task) wait() {
	t.left.Wait()
	switch {
	case t.failed != nil:
		panic(t.failed)
	case t.exited:
		runtime.Goexit()
	}
}
