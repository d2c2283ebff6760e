package kernels

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Parallel calls f for ranges [lo, hi) that together cover [0, n) once, on the caller's goroutine and up to GOMAXPROCS-1 others, and
// returns when all calls have. Every range begins at a multiple of grain and ends at one or at n.
//
// The kernels themselves start no goroutine; Parallel is how a caller spreads one over cores, by rows or by elements:
//
//	kernels.Parallel(rows, 16, func(lo, hi int) {
//		kernels.Softmax(y[lo*classes:hi*classes], x[lo*classes:hi*classes], classes)
//	})
//
// The bits do not depend on how the work is split. A goroutine takes the next range when it is done with one, so that a core that wakes
// late, or has other work, does less; the caller does all of it where no other comes in time. Choose grain so that a range of it is worth some
// microseconds, and a multiple of 64 where masks are written. With n <= grain, or one core, f(0, n) is called directly;
// with n = 0 it is not called.
//
// After a panic in f no further range begins, and once the others have ended the panic is raised again in the caller; of several, the
// one of the lowest range. Parallel panics if grain <= 0 or n < 0.
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
			f(0, n)
		}
		return
	}
	t := &task{n: n, grain: grain, grains: grains, f: f}
	t.ranges = min(grains, rangesPerWorker*workers)
	t.left.Add(t.ranges)
	for range workers - 1 {
		go t.work()
	}
	defer t.left.Wait() // also when f ends the caller's goroutine by runtime.Goexit
	t.work()
	t.left.Wait()
	if t.failed == (goexit{}) {
		runtime.Goexit()
	}
	if t.failed != nil {
		panic(t.failed)
	}
}

// rangesPerWorker is more than one, so that cores which begin at different times end together.
const rangesPerWorker = 8

// task is a call of Parallel. A goroutine that comes when all ranges are taken finds nothing to do, and nobody waits for it.
type task struct {
	n, grain, grains int
	f                func(lo, hi int)
	ranges           int
	next             atomic.Int64   // the first range that nobody has taken
	left             sync.WaitGroup // ranges that have not ended

	mu       sync.Mutex
	failed   any // what the lowest range that did not return panicked with
	failedAt int
}

type goexit struct{}

func (t *task) work() {
	for {
		i := int(t.next.Add(1)) - 1
		if i >= t.ranges {
			return
		}
		t.run(i)
	}
}

func (t *task) run(i int) {
	// The first extra ranges have one grain more, so that lo is found without a product that could overflow.
	size, extra := t.grains/t.ranges, t.grains%t.ranges
	lo, hi := (i*size+min(i, extra))*t.grain, t.n
	if i < extra {
		size++
	}
	if i < t.ranges-1 {
		hi = lo + size*t.grain
	}
	returned := false
	defer func() {
		if !returned {
			t.fail(i, recover())
		}
		t.left.Done()
	}()
	t.f(lo, hi)
	returned = true
}

// fail notes what became of a range, and takes all that nobody has taken.
func (t *task) fail(i int, v any) {
	if v == nil { // without a return that is runtime.Goexit, which has to end the caller instead
		v = goexit{}
	}
	t.mu.Lock()
	if t.failed == nil || i < t.failedAt {
		t.failed, t.failedAt = v, i
	}
	t.mu.Unlock()
	if taken := t.next.Swap(int64(t.ranges)); taken < int64(t.ranges) {
		t.left.Add(int(taken) - t.ranges)
	}
}
