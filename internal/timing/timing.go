// Package timing times calls, for the benchmarks and for the report.
package timing

import (
	"slices"
	"time"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktable"
	"kernels/internal/ktest"
)

// A Way is one of the ways to do a piece of work that are compared.
type Way struct {
	Run func()
	ISA string // the instruction set to force, if any
}

// rounds is the number of times that each way is timed. It is odd, so that one is in the middle.
const rounds = 7

// Compare returns the nanoseconds that a run takes in each way. The ways are timed in turns, so
// that whatever slows the machine down slows all of them, and each time is the median of the
// rounds. All of it takes about as long as budget, or a run of each way per round if that is
// longer.
func Compare(budget time.Duration, ways ...Way) []float64 {
	each := budget / time.Duration(len(ways)*(rounds+1))
	runs := make([]int, len(ways))
	times := make([][]float64, len(ways))
	for i, w := range ways {
		w.batch(1) // warms the caches
		runs[i] = w.fit(each)
	}
	for range rounds {
		for i, w := range ways {
			times[i] = append(times[i], float64(w.batch(runs[i]))/float64(runs[i]))
		}
	}
	medians := make([]float64, len(ways))
	for i, t := range times {
		slices.Sort(t)
		medians[i] = t[rounds/2]
	}
	return medians
}

// fit returns the number of runs that take about d.
func (w Way) fit(d time.Duration) int {
	for n := 1; ; n *= 2 {
		if t := w.batch(n); t > d/2 {
			return max(1, int(float64(n)*float64(d)/float64(t)))
		}
	}
}

// batch returns the time of n runs.
func (w Way) batch(n int) time.Duration {
	if w.ISA != "" {
		defer isa.Force(w.ISA)()
	}
	start := time.Now()
	for range n {
		w.Run()
	}
	return time.Since(start)
}

var copyFrom, copyTo []byte

// Copy returns the work to compare memory traffic with: a copy that moves the given number of
// bytes, half of them read and half written.
func Copy(moved int) func() {
	n := moved / 2
	if len(copyFrom) < n {
		copyFrom, copyTo = make([]byte, n), make([]byte, n)
		for i := range copyFrom {
			copyFrom[i] = byte(i) // fresh pages are all one page of zeros until they are written
		}
	}
	from, to := copyFrom[:n], copyTo[:n]
	return func() { copy(to, from) }
}

// Call makes a call of f on normal values: n elements, or rows of classes.
func Call[T kernels.Float](f *ktable.Func[T], rows, classes int) *ktable.Call[T] {
	return f.Make(ktest.NewRand(7), rows, classes, ktable.Values{Kind: ktest.Normal, Typical: true},
		f.Shares()[0])
}

// Moved returns the number of bytes in the arguments of c.
func Moved[T kernels.Float](c *ktable.Call[T]) (bytes int) {
	for _, op := range c.Ops {
		bytes += len(op.Mem)
	}
	return bytes
}

// Must panics on an error of a call that is valid by construction.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}
