package kernels_test

import (
	"flag"
	"fmt"
	"math"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktable"
	kt "kernels/internal/ktest"
)

var (
	differentialTime = flag.Duration("differential", 0,
		"how long TestDifferential goes on; 0: some seconds")
	differentialSeed = flag.Uint64("seed", 0,
		"the seed of TestDifferential's first call; 0: that of the suite, or the time where -differential is set")
)

// knownFindings are known faults, by their numbers in the issue. A fault that is fixed is removed
// from the list.
var knownFindings = []struct {
	fault    string
	function string // a pattern that matches the whole name
	finding  string // a way to make the call, without its numbers
}{}

// TestDifferential makes random calls of random functions. It repeats each in other ways: on each
// instruction set, at other places in memory, in place, in parts, and on several cores. All have
// to give the same bits, write nothing else and leave the inputs unchanged. Wrong calls have to
// fail and write nothing.
//
//	go test -run TestDifferential -timeout 0 . -differential 20m
//
// A failure names a seed; with -seed, that call is the first.
func TestDifferential(t *testing.T) {
	kt.Require(t)
	seed, limit := *differentialSeed, *differentialTime
	if limit == 0 {
		limit = 3 * time.Second
	} else if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	d := differential{funcs32: ktable.Funcs[float32](), funcs64: ktable.Funcs[float64](),
		found: map[string]int{}}
	for start := time.Now(); time.Since(start) < limit && d.unknown < 50; seed++ {
		d.seed = seed
		d.calls++
		if r := kt.NewRand(seed * 0x9e3779b97f4a7c15); r.Intn(2) == 0 {
			differentialOf(t, &d, r, d.funcs32)
		} else {
			differentialOf(t, &d, r, d.funcs64)
		}
	}
	t.Logf("%d calls, %d other ways to make them; %d were wrong on purpose", d.calls, d.ways, d.wrong)
	var lines []string
	for line, n := range d.found {
		lines = append(lines, fmt.Sprintf("%s (%d times)", line, n))
	}
	slices.Sort(lines)
	for _, line := range lines {
		t.Log(line)
	}
}

type differential struct {
	funcs32            []ktable.Func[float32]
	funcs64            []ktable.Func[float64]
	seed               uint64
	calls, ways, wrong int
	unknown            int
	found              map[string]int // known faults by function and finding
}

// knownFault returns the number of the known fault that explains a finding, or "" if there is none.
func knownFault(function, way string) string {
	way = finding(way)
	for _, k := range knownFindings {
		if match(k.function, function) && match(k.finding, way) {
			return k.fault
		}
	}
	return ""
}

// finding returns a way to make a call, without its numbers.
func finding(way string) string {
	way, _, _ = strings.Cut(way, ",")
	return regexp.MustCompile(`-?\d+`).ReplaceAllString(way, "N")
}

// report reports what is wrong with a way to make a call.
func (d *differential) report(t *testing.T, name, call, way string, err error) {
	key := name + ": " + finding(way)
	if fault := knownFault(name, way); fault != "" {
		d.found["fault "+fault+": "+key]++
		return
	}
	if d.found[key]++; d.found[key] <= 2 {
		d.unknown++
		t.Errorf("-seed %d: %s: %v\n%.3000s", d.seed, way, err, call)
	}
}

func match(pattern, s string) bool {
	return regexp.MustCompile("^(?:" + pattern + ")$").MatchString(s)
}

// differentialOf makes one call and all calls that are compared with it.
func differentialOf[T kernels.Float](
	t *testing.T, d *differential, r *kt.Rand, funcs []ktable.Func[T],
) {
	f := &funcs[r.Intn(len(funcs))]
	if len(f.Args) == 0 {
		if err := f.Call(nil); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		return
	}
	kinds := kt.Kinds()
	v := ktable.Values{Kind: kinds[r.Intn(len(kinds))], Wild: true}
	rows, classes := randomShape(r, f.Rows)
	shares := f.Shares()
	share := shares[0]
	if r.Intn(2) == 0 {
		share = shares[r.Intn(len(shares))]
	}
	var c *ktable.Call[T]
	kt.With(isa.NameGeneric, func() { c = f.Make(r, rows, classes, v, share) })
	report := func(way string, err error) {
		if d.ways++; err != nil {
			d.report(t, f.Name, c.String(), way, err)
		}
	}
	panics := func(f func() error) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
		}()
		return f()
	}
	memory := func() kt.Memory { return kt.Memory{Off: r.Intn(16), Spare: r.Intn(2) == 0} }
	names := isa.Available()
	some := names[r.Intn(len(names))]
	run := func(k *kt.Case, way string, want []kt.Array) {
		m := memory()
		kt.With(some, func() { report(way+", "+some, panics(func() error { return k.Check(m, want) })) })
	}

	shared := c.Case().Shared(share)
	apart := shared.Apart()
	var want []kt.Array
	if err := panics(func() (err error) { want, err = apart.Expect(); return }); err != nil {
		way := "valid call"
		if c.Stride > math.MaxInt-1<<14 {
			way = "a stride near MaxInt"
		}
		report(way, err)
		return
	} else {
		if f.Check != nil {
			report("against the reference", f.Check(c, c.With(want)))
		}
		for _, name := range names {
			kt.With(name, func() {
				report("at another place, "+name, panics(func() error { return apart.Check(memory(), want) }))
			})
		}
		if i := slices.IndexFunc(share, func(j int) bool { return j >= 0 }); i >= 0 {
			run(shared, "in place", want)
		}
		differentialParts(c, r, share, run, panics)
		differentialUpstream(c, r, run, want, apart)
	}
	if wrongs := wrongCalls(c, r); len(wrongs) > 0 {
		for range 3 {
			w := wrongs[r.Intn(len(wrongs))]
			d.wrong++
			m := memory()
			kt.With(some, func() { report("wrong: "+w.what, w.check(f.Name, m)) })
		}
	}
}

// differentialParts cuts the rows of a call.
func differentialParts[T kernels.Float](
	c *ktable.Call[T], r *kt.Rand, share []int, run func(k *kt.Case, way string, want []kt.Array),
	panics func(f func() error) error,
) {
	if c.Whole {
		return
	}
	whole := c.Summed().Case().Shared(share)
	var want []kt.Array
	if panics(func() (err error) { want, err = whole.Expect(); return }) != nil {
		return
	}
	grain := c.Grain()
	var cuts []int
	if r.Intn(4) == 0 {
		for at := grain; at < min(c.Rows, 200*grain); at += grain {
			cuts = append(cuts, at)
		}
	} else {
		for range 1 + r.Intn(4) {
			cuts = append(cuts, r.Intn(c.Rows/grain+1)*grain)
		}
	}
	slices.Sort(cuts)
	run(whole.Cut(cuts...), fmt.Sprint("in parts, up to ", cuts), want)

	cores := 1 + r.Intn(4)
	grain *= 1 + r.Intn(max(c.Rows/grain, 1))
	k := whole.Cut()
	k.Run = func(mem []kt.Array) error {
		errs := make(chan error, c.Rows+1)
		kernels.Parallel(c.Rows, grain, func(lo, hi int) { errs <- k.Piece(mem, lo, hi) })
		close(errs)
		for err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
	runtime.GOMAXPROCS(cores)
	run(k, fmt.Sprintf("on %d cores", cores), want)
}

// differentialUpstream repeats one upstream gradient for each row, and passes no losses.
func differentialUpstream[T kernels.Float](
	c *ktable.Call[T], r *kt.Rand, run func(k *kt.Case, way string, want []kt.Array), want []kt.Array,
	apart *kt.Case,
) {
	if i := c.Index("dloss"); i >= 0 && c.Rows > 0 {
		g := c.T(i)
		if len(g) == 1 || g == nil {
			d := *apart
			d.Args = slices.Clone(d.Args)
			op := kt.NewArray(c.Ops[i].Type, c.Rows)
			for row := range c.Rows {
				kt.View[T](op)[row] = 1
				if len(g) == 1 {
					kt.View[T](op)[row] = g[0]
				}
			}
			d.Args[i].Data = op
			run(&d, fmt.Sprintf("len(dloss) = %d instead of %d", c.Rows, len(g)), want)
		}
	}
	if i := c.Index("losses"); i > 0 && c.Args[i].Nil && c.Ops[i].Mem != nil {
		d := *apart
		d.Args = slices.Clone(d.Args)
		d.Args[i].Data.Mem = nil
		want = slices.Clone(want)
		want[i] = d.Args[i].Data
		run(&d, "without losses", want)
	}
}

// randomShape returns random rows and classes, more often near numbers at which something changes.
func randomShape(r *kt.Rand, rows bool) (int, int) {
	around := func(n int) int { return max(n-2+r.Intn(5), 0) }
	if !rows {
		switch r.Intn(8) {
		case 0:
			return around([]int{192, 256, 320, 512, 1024, 4096, 8192, 16384}[r.Intn(8)]), 1
		case 1:
			return r.Intn(40000), 1
		}
		return r.Intn(131), 1
	}
	classes := 1 + r.Intn(40)
	switch r.Intn(6) {
	case 0:
		classes = max(around([]int{16, 32, 64, 128, 256}[r.Intn(5)]), 1)
	case 1:
		classes = around([]int{1000, 2048, 4096, 8192}[r.Intn(4)])
	case 2:
		classes = []int{2, 10, 16, 17, 32, 33}[r.Intn(6)]
	}
	n := r.Intn(20)
	switch r.Intn(5) {
	case 0:
		n = 1
	case 1:
		n = around([]int{64, 64, 128, 16, 32}[r.Intn(5)])
	}
	return min(n, 1+20000/classes), classes
}
