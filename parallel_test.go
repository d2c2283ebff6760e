package kernels_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/ktest"
)

// eachProcs runs f under several values of GOMAXPROCS. With 1, Parallel starts no goroutine.
func eachProcs(t *testing.T, f func(t *testing.T)) {
	for _, procs := range []int{1, 2, 3, 8} {
		t.Run(fmt.Sprintf("procs=%d", procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			f(t)
		})
	}
}

// TestParallel checks that f gets every index once, in ranges that begin at multiples of grain, and
// that no more of them run at a time than GOMAXPROCS.
func TestParallel(t *testing.T) {
	eachProcs(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 2, 63, 64, 65, 1000, 4096} {
			for _, grain := range []int{1, 2, 64, 100, 5000, math.MaxInt} {
				seen := make([]int32, n)
				var running, most atomic.Int32
				kernels.Parallel(n, grain, func(lo, hi int) {
					if r := running.Add(1); r > most.Load() {
						most.Store(r)
					}
					defer running.Add(-1)
					if lo%grain != 0 || hi%grain != 0 && hi != n || lo >= hi {
						panic(fmt.Sprintf("range [%d, %d)", lo, hi))
					}
					for i := lo; i < hi; i++ {
						atomic.AddInt32(&seen[i], 1)
					}
				})
				for i, c := range seen {
					require.EqualValues(t, 1, c, "index %d of %d, grain %d", i, n, grain)
				}
				require.LessOrEqual(t, int(most.Load()), runtime.GOMAXPROCS(0))
				require.Zero(t, running.Load())
			}
		}
	})
}

// TestGrain checks that Parallel with the grain that Grain chooses makes one call for a short work
// and enough of them for a long one, on every instruction set.
func TestGrain(t *testing.T) {
	t.Run("float32", testGrain[float32])
	t.Run("float64", testGrain[float64])
}

func testGrain[T kernels.Float](t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	ktest.EachISA(t, func(t *testing.T, _ string) {
		ranges := func(w kernels.Work, n, size int) (count int) {
			var c atomic.Int64
			kernels.Parallel(n, kernels.Grain[T](w, n, size), func(int, int) { c.Add(1) })
			return int(c.Load())
		}
		least := [2]int{} // elements that more than one core works on
		for _, w := range []kernels.Work{kernels.LightWork, kernels.HeavyWork} {
			assert.Equal(t, 1, kernels.Grain[T](w, 0, 1))
			assert.Equal(t, 1, kernels.Grain[T](w, 1, math.MaxInt), "one long row")
			for n := 1; least[w] == 0; n *= 2 {
				if ranges(w, n, 1) > 1 {
					least[w] = n
				} else {
					assert.Equal(t, 1, ranges(w, 1, n), "%d elements in one row", n)
				}
			}
			n := least[w]
			assert.Equal(t, 1, ranges(w, n/128, 64), "half as much, in rows")
			assert.Greater(t, ranges(w, n/64, 64), 4, "%d rows of 64: more ranges than cores", n/64)
			assert.Zero(t, kernels.Grain[T](w, n, 1)%64)
			assert.LessOrEqual(t, kernels.Grain[T](w, n, 1), n/5, "ten ranges, where the least time is met")
			assert.Equal(t, 1, kernels.Grain[T](w, 100, 1<<22), "long rows, one by one")
		}
		assert.Less(t, least[kernels.HeavyWork], least[kernels.LightWork])
	})
}

// TestParallelAllocs checks that Parallel without other goroutines allocates nothing.
func TestParallelAllocs(t *testing.T) {
	x := make([]int, 100)
	f := func(lo, hi int) { x[lo] = hi }
	assert.Zero(t, testing.AllocsPerRun(100, func() { kernels.Parallel(len(x), 1, f) }))
}

var empty []int

func fault(lo, hi int) { empty[lo] = hi } // all on the line that faultLine returns

func faultLine() string {
	entry := reflect.ValueOf(fault).Pointer()
	file, line := runtime.FuncForPC(entry).FileLine(entry)
	return fmt.Sprintf("%s:%d", file, line)
}

// caught returns the value of f's panic.
func caught(t *testing.T, f func()) *kernels.PanicError {
	t.Helper()
	var v any
	func() {
		defer func() { v = recover() }()
		f()
	}()
	require.IsType(t, (*kernels.PanicError)(nil), v)
	return v.(*kernels.PanicError)
}

// TestPanicError checks that the panic in the caller has the value and the stack with the line at
// fault, and that it unwraps to the value if that is an error.
func TestPanicError(t *testing.T) {
	eachProcs(t, func(t *testing.T) {
		e := caught(t, func() { kernels.Parallel(100, 1, fault) })
		assert.Contains(t, string(e.Stack), faultLine())
		assert.True(t, strings.HasPrefix(e.Error(), "runtime error: index out of range ["), "%s", e)
		assert.True(t, strings.HasSuffix(e.Error(), strings.TrimRight(string(e.Stack), "\n")), "%s", e)
		var asRuntime runtime.Error
		require.ErrorAs(t, e, &asRuntime)
		assert.Equal(t, e.Value, asRuntime)

		e = caught(t, func() {
			kernels.Parallel(100, 1, func(_, _ int) { panic(fmt.Errorf("row 3: %w", io.ErrUnexpectedEOF)) })
		})
		require.ErrorIs(t, e, io.ErrUnexpectedEOF)
		assert.True(t, strings.HasPrefix(e.Error(), "row 3: unexpected EOF\n\ngoroutine "), "%s", e)

		for _, bad := range []int{0, 57} {
			var begun, ended atomic.Int32
			e = caught(t, func() {
				kernels.Parallel(100, 1, func(lo, hi int) {
					begun.Add(1)
					defer ended.Add(1)
					if lo <= bad && bad < hi {
						panic(bad)
					}
				})
			})
			assert.Equal(t, bad, e.Value)
			assert.NoError(t, errors.Unwrap(e), "a number is no error")
			assert.Equal(t, begun.Load(), ended.Load(), "ranges still running after Parallel")
		}

		var begun atomic.Int32
		e = caught(t, func() {
			kernels.Parallel(100, 1, func(lo, _ int) {
				begun.Add(1)
				panic(lo)
			})
		})
		assert.Equal(t, 0, e.Value)
		assert.LessOrEqual(t, int(begun.Load()), runtime.GOMAXPROCS(0), "a range began after a panic")
	})
}

// TestPanicErrorNested checks that only the innermost of several calls of Parallel wraps a panic.
func TestPanicErrorNested(t *testing.T) {
	eachProcs(t, func(t *testing.T) {
		var inner atomic.Pointer[kernels.PanicError]
		e := caught(t, func() {
			kernels.Parallel(10, 1, func(lo, _ int) {
				if lo != 0 {
					return
				}
				defer func() {
					v := recover()
					inner.Store(v.(*kernels.PanicError))
					panic(v)
				}()
				kernels.Parallel(10, 1, func(lo, hi int) {
					kernels.Parallel(10, 1, fault)
				})
			})
		})
		assert.Same(t, inner.Load(), e)
		require.Implements(t, (*runtime.Error)(nil), e.Value)
		assert.Equal(t, 1, strings.Count(e.Error(), faultLine()))
	})
}

// TestPanicErrorLowest checks that of several panics the one of the lowest range is passed on. Each
// range waits for the other.
func TestPanicErrorLowest(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for _, last := range []int{0, 1} { // whichever is recorded last
		var both, first sync.WaitGroup
		both.Add(2)
		first.Add(1)
		e := caught(t, func() {
			kernels.Parallel(2, 1, func(lo, _ int) {
				both.Done()
				both.Wait()
				if lo == last {
					first.Wait()
					for range 100 {
						runtime.Gosched()
					}
				} else {
					defer first.Done()
				}
				panic(lo)
			})
		})
		assert.Equal(t, 0, e.Value)
	}
}

// ended runs f on a goroutine of its own and returns whether it returned and what it panicked with.
func ended(f func()) (returned bool, v any) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { v = recover() }()
		f()
		returned = true
	}()
	<-done
	return returned, v
}

// TestParallelGoexit checks that runtime.Goexit in f ends the caller, whichever goroutine f was on,
// and runs the functions that the caller has deferred.
func TestParallelGoexit(t *testing.T) {
	eachProcs(t, func(t *testing.T) {
		for _, where := range []int{0, 1, 99} {
			var begun, over atomic.Int32
			deferred := false
			returned, v := ended(func() {
				defer func() { deferred = true }()
				kernels.Parallel(100, 1, func(lo, hi int) {
					begun.Add(1)
					defer over.Add(1)
					if lo <= where && where < hi {
						runtime.Goexit()
					}
				})
			})
			assert.False(t, returned)
			assert.Nil(t, v)
			assert.True(t, deferred)
			assert.Equal(t, begun.Load(), over.Load(), "ranges still running after Parallel")
		}

		// on the goroutine of an inner Parallel
		returned, v := ended(func() {
			kernels.Parallel(10, 1, func(_, _ int) {
				kernels.Parallel(10, 1, func(lo, _ int) {
					if lo == 0 {
						runtime.Goexit()
					}
				})
			})
		})
		assert.False(t, returned)
		assert.Nil(t, v)

		// a function that f deferred panics while Goexit runs it
		returned, v = ended(func() {
			kernels.Parallel(100, 1, func(lo, _ int) {
				if lo == 0 {
					defer fault(0, 0)
					runtime.Goexit()
				}
			})
		})
		assert.False(t, returned)
		require.IsType(t, (*kernels.PanicError)(nil), v)
		assert.Contains(t, string(v.(*kernels.PanicError).Stack), faultLine())
	})
}

// TestParallelGoexitBeside runs two ranges at once, one of which calls runtime.Goexit. This ends
// the caller. A panic of the other range is not lost, whichever range is on the caller's goroutine
// and whichever ends first.
func TestParallelGoexitBeside(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for i := range 80 {
		exits, panics := i%2, i/2%2 == 1
		var both sync.WaitGroup
		both.Add(2)
		returned, v := ended(func() {
			kernels.Parallel(2, 1, func(lo, _ int) {
				both.Done()
				both.Wait()
				if lo == exits {
					runtime.Goexit()
				}
				if panics {
					panic(lo)
				}
			})
		})
		assert.False(t, returned)
		if !panics {
			assert.Nil(t, v)
			continue
		}
		require.IsType(t, (*kernels.PanicError)(nil), v)
		assert.Equal(t, 1-exits, v.(*kernels.PanicError).Value)
	}
}

// TestPanicNil checks that panic(nil) is a panic, whatever recover returns.
func TestPanicNil(t *testing.T) {
	panicNil := func(lo, hi int) {
		if lo <= 57 && 57 < hi {
			panic(nil)
		}
	}
	eachProcs(t, func(t *testing.T) {
		e := caught(t, func() { kernels.Parallel(100, 1, panicNil) })
		assert.IsType(t, (*runtime.PanicNilError)(nil), e.Value)

		t.Setenv("GODEBUG", "panicnil=1")
		e = caught(t, func() { kernels.Parallel(100, 1, panicNil) })
		assert.Nil(t, e.Value)
		assert.NoError(t, errors.Unwrap(e))
		assert.Contains(t, string(e.Stack), "TestPanicNil.func1")
	})
}

// TestPanicErrorPrinted checks that a program that dies of a panic under Parallel prints the line
// at fault.
func TestPanicErrorPrinted(t *testing.T) {
	const env = "KERNELS_TEST_DIE"
	if os.Getenv(env) != "" {
		go kernels.Parallel(100, 1, fault) // testing recovers panics on the goroutine of a test
		select {}
	}
	if runtime.GOOS == "js" || runtime.GOOS == "wasip1" {
		t.Skip("no processes here")
	}
	for _, procs := range []string{"1", "2"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPanicErrorPrinted$")
		cmd.Env = append(os.Environ(), env+"=1", "GOMAXPROCS="+procs)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, 2, exit.ExitCode(), "the status of a panic")
		assert.Contains(t, string(out), "panic: runtime error: index out of range [")
		assert.Contains(t, string(out), faultLine(), "GOMAXPROCS=%s", procs)
	}
}
