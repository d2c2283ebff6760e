// Pause measures how long the kernels keep the Go runtime waiting. Assembly cannot be preempted, so
// whoever stops the world, such as the garbage collector, waits for the end of a call into it.
//
//	go run ./bench/pause
//
// runs each kernel over 1 GiB on one core, for half a second, while another goroutine stops the
// world again and again, by [runtime.ReadMemStats] and [runtime.GC]. It prints the median and the
// longest time until the world had stopped, as runtime/metrics counts them, beside those of an
// empty loop and of a copy. Go cannot stop a copy before its end, and a loop of short copies only
// if its signal comes between two of them; the loops of the kernels can be stopped after each call
// into assembly. All arguments together fill the size; a product of matrices has 2000 x 2000
// elements instead. Half an hour or more in all. Flags:
//
//	-run 'Softmax'   only kernels whose names match a regular expression
//	-size 64         so many MiB
//	-time 100ms      so long for each line
//
// The times include what the operating system takes away from the kernel's thread, so the machine
// should have nothing else to do.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"kernels"
	"kernels/internal/ktable"
	kt "kernels/internal/ktest"
	"kernels/internal/timing"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "pause:", err)
		os.Exit(1)
	}
}

// shapes are the numbers of classes of the calls. 1 stands for elements.
var shapes = []int{2, 10, 1000, 128256, 10_000_000}

func run(args []string, w io.Writer) error {
	flags := flag.NewFlagSet("pause", flag.ContinueOnError)
	pattern := flags.String("run", "", "only kernels that match this regular expression")
	size := flags.Int("size", 1024, "MiB of all arguments together")
	budget := flags.Duration("time", 500*time.Millisecond, "for each line")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp // flag has said what is wrong
	}
	match, err := regexp.Compile(*pattern)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	if runtime.GOMAXPROCS(0) < 2 {
		return errors.New("needs GOMAXPROCS of 2 or more")
	}
	m := &meter{w: w, budget: *budget}
	fmt.Fprintf(w, "%s, %s, instruction set %s\n", runtime.Version(), runtime.GOARCH, kernels.ISA())
	fmt.Fprintf(w, "%-26s %-8s %-22s %6s %11s %11s %12s\n", "kernel", "type", "shape", "stops",
		"median", "longest", "one call")
	var stop atomic.Bool
	m.line("an empty loop", "", "", func() {
		for start := time.Now(); time.Since(start) < time.Millisecond && !stop.Load(); {
		}
	})
	src, dst := make([]byte, *size<<19), make([]byte, *size<<19)
	m.line("copy", "", fmt.Sprintf("%d MiB", *size/2), func() { copy(dst, src) })
	m.line("copy", "", "64 KiB a call", func() {
		for i := 0; i < len(src); i += 64 << 10 {
			copy(dst[i:], src[i:i+64<<10])
		}
	})
	src, dst = nil, nil
	f64 := ktable.Funcs[float64]()
	lines := 0
	for i, f := range ktable.Funcs[float32]() {
		if len(f.Args) > 0 && match.MatchString(f.Name) {
			lines += kernel(m, &f, "float32", *size<<20) + kernel(m, &f64[i], "float64", *size<<20)
		}
	}
	if lines == 0 {
		return fmt.Errorf("no kernel matches %q", *pattern)
	}
	return nil
}

// kernel measures a kernel with arguments of each shape, and returns the number of lines.
func kernel[T kernels.Float](m *meter, f *ktable.Func[T], typ string, size int) (lines int) {
	line := func(shape string, c *ktable.Call[T]) {
		m.line(f.Name, typ, shape, func() { timing.Must(c.Run()) })
		lines++
	}
	// bytes per row, of a call with two rows
	each := func(classes int) (n int) {
		c := f.Make(kt.NewRand(1), 2, classes, ktable.Values{Kind: kt.Normal, Typical: true}, nil)
		for _, op := range c.Ops {
			n += len(op.Mem)
		}
		return max(n/2, 1)
	}
	switch {
	case f.Sizes():
		line("2000 x 2000", timing.Call(f, 2000, 2000))
	case !f.TakesClasses():
		line("elements", timing.Call(f, size/each(1), 1))
	default:
		for _, classes := range shapes {
			rows := size / each(classes)
			if rows == 0 {
				rows = 1
			}
			line(fmt.Sprintf("%d x %d", rows, classes), timing.Call(f, rows, classes))
		}
		if c := strided(f, 1000, size/3/each(1000)); c != nil {
			line(fmt.Sprintf("%d x %d of %d", c.Rows, c.Classes, c.Stride), c)
		}
	}
	return lines
}

// strided returns a call whose rows lie apart, or nil if f does not take any.
func strided[T kernels.Float](f *ktable.Func[T], classes, rows int) *ktable.Call[T] {
	if f.Opts&ktable.Strides == 0 {
		return nil
	}
	for seed := uint64(1); seed <= 1000; seed++ {
		v := ktable.Values{Kind: kt.Normal}
		if c := f.Make(kt.NewRand(seed), 2, classes, v, nil); c.Stride > classes && !c.None {
			// the options do not depend on the number of rows
			if c := f.Make(kt.NewRand(seed), max(rows, 1), classes, v, nil); c.Run() == nil {
				return c
			}
		}
	}
	return nil
}

// A meter measures and prints.
type meter struct {
	w      io.Writer
	budget time.Duration
}

// line stops the world while f runs again and again, and prints what that took.
func (m *meter) line(name, typ, shape string, f func()) {
	var stop, started atomic.Bool
	took := make(chan time.Duration)
	go func() {
		calls, start := 0, time.Now()
		for ; calls == 0 || !stop.Load(); calls++ {
			started.Store(true)
			f()
		}
		took <- time.Since(start) / time.Duration(calls)
	}()
	for !started.Load() {
		runtime.Gosched()
	}
	var stats runtime.MemStats
	before := stops()
	for i, start := 0, time.Now(); time.Since(start) < m.budget; i++ {
		if runtime.ReadMemStats(&stats); i%16 == 0 {
			runtime.GC()
		}
		time.Sleep(200 * time.Microsecond)
	}
	p := stops().sub(before)
	stop.Store(true)
	call := <-took
	fmt.Fprintf(m.w, "%-26s %-8s %-22s %6d %11v %11v %12v\n", name, typ, shape, p.total(),
		p.quantile(0.5), p.quantile(1), call.Round(time.Microsecond))
}

// pauses are counts of times, by the bounds of runtime/metrics.
type pauses struct {
	counts  []uint64
	buckets []float64 // seconds
}

// stops returns how often it took how long, so far, until the world had stopped.
func stops() pauses {
	s := []metrics.Sample{
		{Name: "/sched/pauses/stopping/gc:seconds"},
		{Name: "/sched/pauses/stopping/other:seconds"},
	}
	metrics.Read(s)
	var p pauses
	for _, s := range s {
		h := s.Value.Float64Histogram()
		if p.counts == nil {
			p = pauses{make([]uint64, len(h.Counts)), h.Buckets}
		}
		for i, n := range h.Counts {
			p.counts[i] += n
		}
	}
	return p
}

func (p pauses) sub(before pauses) pauses {
	for i := range p.counts {
		p.counts[i] -= before.counts[i]
	}
	return p
}

func (p pauses) total() (n uint64) {
	for _, c := range p.counts {
		n += c
	}
	return n
}

// quantile returns the upper bound of the bucket with the quantile q.
func (p pauses) quantile(q float64) time.Duration {
	left := uint64(math.Ceil(q * float64(p.total())))
	for i, c := range p.counts {
		if left <= c {
			s := p.buckets[i+1]
			if math.IsInf(s, 0) {
				s = p.buckets[i]
			}
			return time.Duration(s * 1e9).Round(100 * time.Nanosecond)
		}
		left -= c
	}
	return 0
}
