package kernels

import (
	"fmt"
	"runtime"
	"sync"
)

// Parallel calls f for ranges [lo, hi) that together cover [0, n) once, each on a goroutine of its own, at most
// GOMAXPROCS of them, and returns when all are done. Every range begins at a multiple of grain and ends at one or at n.
//
// The kernels themselves start no goroutine; Parallel is how a caller spreads one over cores, by rows or by elements:
//
//	kernels.Parallel(rows, 16, func(lo, hi int) {
//		kernels.Softmax(y[lo*classes:hi*classes], x[lo*classes:hi*classes], classes)
//	})
//
// The bits do not depend on how the work is split. Choose grain so that a range of it is worth a goroutine (some ten
// microseconds), and a multiple of 64 where masks are written. With n <= grain, or one core, f(0, n) is called directly;
// with n = 0 it is not called.
//
// A panic in f is raised again in the caller once all ranges have ended; of several, the one of the lowest range.
// Parallel panics if grain <= 0 or n < 0.
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

	var wg sync.WaitGroup
	panics := make([]any, workers)
	// The first extra ranges have one grain more, so that lo is found without a product that could overflow.
	size, extra := grains/workers, grains%workers
	run := func(i int) {
		lo := (i*size + min(i, extra)) * grain
		grainsHere := size
		if i < extra {
			grainsHere++
		}
		hi := n
		if i < workers-1 {
			hi = lo + grainsHere*grain
		}
		returned := false
		defer func() {
			if returned {
				return
			}
			// A nil from recover without a return is runtime.Goexit, which has to end the caller instead.
			if panics[i] = recover(); panics[i] == nil {
				panics[i] = goexit{}
			}
		}()
		f(lo, hi)
		returned = true
	}
	for i := 1; i < workers; i++ {
		wg.Go(func() { run(i) })
	}
	defer wg.Wait() // also when f ends the caller's goroutine by runtime.Goexit
	run(0)
	wg.Wait()
	for _, p := range panics {
		if p == (goexit{}) {
			runtime.Goexit()
		}
		if p != nil {
			panic(p)
		}
	}
}

type goexit struct{}
