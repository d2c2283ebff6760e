package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"kernels/bench/compare/internal/yard"
)

// A meter times runners in turns, on the thread and the core that it was made on.
type meter struct {
	turn   time.Duration // how long a runner works before the next one does
	budget time.Duration // for one case; a few rounds are run in any case
	rounds int           // at most
	log    func(format string, args ...any)
}

// pin binds the calling goroutine to one core.
func pin(core int) error {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(core)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pinning to core %d: %w", core, err)
	}
	return nil
}

// A Timing is the time of one runner.
type Timing struct {
	Name  string  `json:"name"`
	NS    float64 `json:"ns"`            // per call, the median over the rounds
	Best  float64 `json:"best_ns"`       // per call, the least of the rounds
	Ratio float64 `json:"ratio_to_ours"` // this over ours, the median of the rounds' ratios
	Reps  int     `json:"reps"`
}

// A Measurement is one case with the timings of all peers, ours first.
type Measurement struct {
	Case
	GHz     float64  `json:"ghz"` // measured between the runs by a chain of additions
	Rounds  int      `json:"rounds"`
	Bytes   int      `json:"bytes"` // read and written
	Timings []Timing `json:"timings"`
}

// get returns the timing of the named peer, or nil.
func (m *Measurement) get(name string) *Timing {
	if m == nil {
		return nil
	}
	for i := range m.Timings {
		if m.Timings[i].Name == name {
			return &m.Timings[i]
		}
	}
	return nil
}

// cycles returns cycles per element.
func (m *Measurement) cycles(t *Timing) float64 { return t.NS * m.GHz / float64(m.N()) }

// ghz measures the clock: 64k dependent additions, some 20 microseconds; the best of a few, as an
// interrupt only adds.
func ghz() float64 {
	const cycles = 1 << 16
	best := time.Hour
	for range 3 {
		start := time.Now()
		yard.Spin(cycles)
		best = min(best, time.Since(start))
	}
	return cycles / float64(best.Nanoseconds())
}

// interleave runs the peers in turns, in an order that changes from round to round, so that drifts
// of the clock and busy neighbours affect all alike.
func (m *meter) interleave(c Case, names []string, runners []*runner) (*Measurement, error) {
	reps := make([]int, len(runners))
	warm := make([]bool, len(runners))
	var round time.Duration
	for i, r := range runners {
		n := 1
		d := r.time(n)
		for d < m.turn/4 && n < 1<<24 {
			n *= 2
			d = r.time(n)
		}
		reps[i] = max(1, int(float64(n)*float64(m.turn)/float64(max(d, 1))))
		one := d / time.Duration(n)
		// a short run finds the caches as the previous runner left them, so it gets one run that
		// does not count
		warm[i] = one < m.turn/4
		round += one * time.Duration(reps[i])
	}
	rounds := max(5, min(m.rounds, int(m.budget/max(round, 1))))

	times := make([][]float64, len(runners))
	var clocks []float64
	for k := range rounds {
		clocks = append(clocks, ghz())
		for s := range runners {
			i := (s + k) % len(runners)
			if k%2 == 1 {
				i = len(runners) - 1 - i
			}
			if warm[i] {
				runners[i].time(max(1, reps[i]/8))
			}
			times[i] = append(times[i],
				float64(runners[i].time(reps[i]).Nanoseconds())/float64(reps[i]))
		}
	}

	out := &Measurement{Case: c, GHz: median(clocks), Rounds: rounds}
	for i, name := range names {
		ratios := make([]float64, rounds)
		for k := range ratios {
			ratios[k] = times[i][k] / times[0][k]
		}
		out.Timings = append(out.Timings,
			Timing{Name: name, NS: median(times[i]), Best: slices.Min(times[i]),
				Ratio: median(ratios), Reps: reps[i]})
	}
	for _, t := range out.Timings {
		if !(t.NS > 0) || math.IsInf(t.NS, 0) {
			return nil, fmt.Errorf("%s: %s took %v ns", c, t.Name, t.NS)
		}
	}
	m.log("%-36s %5.2f GHz %3d rounds, ours %10.4g ns", c, out.GHz, rounds, out.Timings[0].NS)
	return out, nil
}

func median(s []float64) float64 {
	s = slices.Clone(s)
	slices.Sort(s)
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

type yardstick struct {
	name string
	*runner
}

// yardsticks returns loops that move a number of bytes: copy reads half of them and writes half.
// The others come if all is asked for: memset writes half, read reads half, and ntcopy is copy with
// stores past the caches.
func yardsticks(a *arena, moved int, all bool) []yardstick {
	half := moved / 2
	from, to := a.bytes(half), a.bytes(half)
	for i := 0; i < len(from); i += 64 {
		from[i] = byte(i >> 6)
	}
	list := []yardstick{{"copy", loop(func() { copy(to, from) })}}
	if !all {
		return list
	}
	list = append(list, yardstick{"memset", loop(func() { clear(to) })})
	if yard.Available() && half >= 128 && uintptr(unsafe.Pointer(&to[0]))%32 == 0 {
		whole := half &^ 127
		list = append(list,
			yardstick{"read", loop(func() { yard.Read(from[:whole]) })},
			yardstick{"ntcopy", loop(func() { yard.CopyNT(to[:whole], from[:whole]) })})
	}
	return list
}
