//go:build race

package kernels

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// raceChild is an environment variable that makes TestRaceChild run the cases of TestRace. They run
// in a process of their own, because a race fails the test.
const raceChild = "KERNELS_RACE_CHILD"

// raceCase begins the output of a case, followed by its name and whether it has a race.
const raceCase = "=== case "

// TestRace checks that two goroutines that access the same elements race, whatever primitive or
// kernel it is, and that two goroutines that access different columns of a matrix do not.
func TestRace(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestRaceChild$", "-test.count=1")
	// report every race, even if two have the same stacks
	cmd.Env = append(os.Environ(), raceChild+"=1",
		"GORACE=suppress_equal_stacks=0 suppress_equal_addresses=0 atexit_sleep_ms=0")
	out, _ := cmd.CombinedOutput() // it fails, because there are races
	cases := strings.Split(string(out), raceCase)[1:]
	require.Greater(t, len(cases), 300, "%s", out)
	require.Contains(t, cases[len(cases)-1], "the end")
	races := 0
	for _, c := range cases[:len(cases)-1] {
		name, output, _ := strings.Cut(c, "\n")
		seen := strings.Contains(output, "DATA RACE")
		if want := strings.HasSuffix(name, ": true"); seen != want {
			t.Errorf("%s, seen %v\n%s", name, seen, output)
		}
		if seen {
			races++
		}
	}
	t.Logf("%d cases, %d of them with a race", len(cases)-1, races)
}

// TestRaceChild runs the cases of TestRace. Each prints its name first.
func TestRaceChild(t *testing.T) {
	if os.Getenv(raceChild) == "" {
		t.Skip("TestRace runs it")
	}
	raceTable[float32]()
	raceTable[float64]()
	raceStreams()
	raceColumns()
	d := make([]float64, 3*maxLen[float64]())
	together("clearRow", true, func() { clearRow(d) }, func() { clearRow(d[len(d)-1:]) })
	together("clearRow, apart", false, func() { clearRow(d[:len(d)-1]) }, func() {
		clearRow(d[len(d)-1:])
	})
	fmt.Fprintln(os.Stderr, raceCase+"the end")
}

// together runs a and b in two goroutines that are not synchronized as far as the detector can see.
// b runs after a, because the detector may miss accesses at the very same time.
func together(name string, race bool, a, b func()) {
	fmt.Fprintf(os.Stderr, "%s%s: %v\n", raceCase, name, race)
	var wg sync.WaitGroup
	var turn turn
	wg.Add(2)
	go func() { defer wg.Done(); a(); turn.pass() }()
	go func() {
		defer wg.Done()
		for !turn.passed() {
			runtime.Gosched()
		}
		b()
	}()
	wg.Wait()
}

// A turn is a flag whose accesses the race detector does not see.
type turn struct{ done bool }

//go:norace
//go:noinline
func (t *turn) pass() { t.done = true }

//go:norace
//go:noinline
func (t *turn) passed() bool { return t.done }

// raceTable goes over the primitives and the slices of each.
func raceTable[T Float]() {
	for _, k := range Primitives[T]() {
		s := kt.Shape{Rows: 17, Cols: 7, Pad: 3} // enough rows for the columns primitives
		place := func() *kt.Operands[T] {
			c := k.Operands(s, kt.Normal, 3, -1)
			if !k.NoOut {
				c.Out = make([]T, (s.Rows-1)*c.OutS+s.Cols)
			}
			c.Loss, c.Sum, c.Index = make([]T, s.Rows), make([]float64, s.Rows), make([]int, s.Rows)
			return c
		}
		name := k.Name + "/" + kt.TypeName[T]() + " "
		if !k.NoOut {
			raceRowsOf(name+"out", &k, place, true, func(c *kt.Operands[T]) ([]T, int) {
				return c.Out, c.OutS
			})
		}
		for i := range k.Ins {
			raceRowsOf(fmt.Sprint(name, "in ", i), &k, place, false, func(c *kt.Operands[T]) ([]T, int) {
				return c.In[i], c.InS[i]
			})
		}
		for i := range k.PerRow {
			if k.Name != "rowsSumTargetSkip" { // which ignores it
				raceElement(fmt.Sprint(name, "per row ", i), &k, place, false, func(c *kt.Operands[T]) *T {
					return &c.PerRow[i][s.Rows-1]
				})
			}
		}
		if k.Loss {
			raceElement(name+"loss", &k, place, true, func(c *kt.Operands[T]) *T {
				return &c.Loss[s.Rows-1]
			})
		}
		if k.Sum {
			raceElement(name+"sum", &k, place, true, func(c *kt.Operands[T]) *float64 {
				return &c.Sum[s.Rows-1]
			})
		}
		if k.Skip {
			raceElement(name+"skip", &k, place, false, func(c *kt.Operands[T]) *int {
				return &c.Skip[s.Rows-1]
			})
		}
		if k.Find {
			raceElement(name+"index", &k, place, true, func(c *kt.Operands[T]) *int {
				return &c.Index[s.Rows-1]
			})
		}
	}
	raceElements[T]()
}

func table[T Float]() []kt.Routine {
	if is32[T]() {
		return Table32
	}
	return Table64
}

// elementCalls returns a call of each function that takes each element for itself, n of them, with
// all slices that it can have. It leaves out those for the statistics of rows, which are no
// assembly. Memory.Place aligns the result as stores past the caches need it.
func elementCalls[T Float](n int) (all []*kt.Case) {
	for _, r := range table[T]() {
		if strings.HasPrefix(r.Name, "MergeRow") || r.Name == "FoldChunks" {
			continue
		}
		for seed := uint64(1); ; seed++ {
			c := r.Case(kt.Shape{Rows: 1, Cols: n}, kt.Normal, seed, r.Shares[0])
			if r.Rows && !slices.ContainsFunc(c.Args, func(a kt.Arg) bool { return a.Name == "PosWeight" }) {
				break
			}
			if !slices.ContainsFunc(c.Args, func(a kt.Arg) bool { return a.Data.Mem == nil }) {
				all = append(all, c)
				break
			}
		}
	}
	return all
}

// raceElements goes over the element primitives, which the public functions call.
func raceElements[T Float]() {
	const n = 200
	calls := elementCalls[T](n)
	if len(calls) < 13 {
		panic("the table has too few functions of elements")
	}
	for _, c := range calls {
		// The detector reports an address once, so each case has its own slices.
		with := func(what string, race bool, meanwhile func(p *kt.Placed)) {
			p := kt.Memory{}.Place(c)
			together(c.Name+"/"+kt.TypeName[T]()+" "+what, race, func() { must(p.Run(p.Mem)) },
				func() { meanwhile(p) })
		}
		with("called twice", true, func(p *kt.Placed) { must(p.Run(p.Mem)) })
		for i, a := range c.Args {
			last := len(a.Data.Mem) - 1
			if a.Name == "mask" { // which may be longer than it has to be
				last = 8*MaskLen(n) - 1
			}
			with(a.Name+": read meanwhile", a.Out, func(p *kt.Placed) { sink(p.Mem[i].Mem[last]) })
			with(a.Name+": written meanwhile", true, func(p *kt.Placed) { p.Mem[i].Mem[last] = 1 })
		}
	}
}

// sink keeps the compiler from removing a read.
func sink[E any](E) {}

func raceElement[T Float, E any](
	name string, k *kt.Primitive[T], place func() *kt.Operands[T], written bool,
	at func(c *kt.Operands[T]) *E,
) {
	c := place()
	p := at(c)
	together(name+": read meanwhile", written, func() { k.Run(c) }, func() { sink(*p) })
	c = place()
	p = at(c)
	v := *p
	together(name+": written meanwhile", true, func() { k.Run(c) }, func() { *p = v })
}

// raceRowsOf is raceElement for rows. Others may write between the rows.
func raceRowsOf[T Float](
	name string, k *kt.Primitive[T], place func() *kt.Operands[T], written bool,
	of func(c *kt.Operands[T]) ([]T, int),
) {
	raceElement(name, k, place, written, func(c *kt.Operands[T]) *T { s, _ := of(c); return &s[len(s)-1] })
	if written { // two goroutines, each by the primitive
		c, d := place(), place()
		d.Out = c.Out
		together(name+": written twice", true, func() { k.Run(c) }, func() { k.Run(d) })
	}
	c := place()
	s, stride := of(c)
	if stride == c.Cols {
		return
	}
	together(name+": written between the rows", false, func() { k.Run(c) }, func() {
		for r := range c.Rows - 1 { // not by clear, which the detector does not see
			for j := r*stride + c.Cols; j < (r+1)*stride; j++ {
				s[j] = 0
			}
		}
	})
}

// raceStreams has two goroutines write one slice by the primitives that store past the caches.
func raceStreams() {
	const n = 300
	place := func() *streamCall[float32] {
		c := &streamCall[float32]{maskIn: make([]uint64, MaskLen(n)), maskOut: make([]uint64, MaskLen(n))}
		for i := range c.in {
			c.in[i] = make([]float32, n)
		}
		for i := range c.out {
			c.out[i] = kt.NewFrame[float32](n, 0).S
		}
		return c
	}
	for _, f := range streamForms[float32]() {
		c, d := place(), place()
		d.out = c.out
		together(f.name+"Stream", true, func() { f.stream(c) }, func() { f.stream(d) })
		c, d = place(), place()
		d.in, d.maskIn = c.in, c.maskIn
		together(f.name+"Stream, apart", false, func() { f.stream(c) }, func() { f.stream(d) })
	}
}

// raceColumns has two goroutines work on columns of one matrix: few, for the columns primitives,
// and more.
func raceColumns() {
	for _, classes := range []int{2, 5, 50} {
		const rows = 100
		stride := 2*classes + 1
		x, y := make([]float32, rows*stride), make([]float32, rows*stride)
		softmax := func(from int) func() {
			o := &SoftmaxOptions[float32]{Stride: stride, DstStride: stride}
			end := (rows-1)*stride + from + classes
			return func() { must(SoftmaxWith(y[from:end], x[from:end], classes, o)) }
		}
		name := fmt.Sprintf("SoftmaxWith, %d columns of a matrix", classes)
		together(name+", others meanwhile", false, softmax(0), softmax(classes))
		together(name+", others with a gap", false, softmax(0), softmax(classes+1))
		together(name+", one of them meanwhile", true, softmax(0), softmax(classes-1))
		together(name+", the same meanwhile", true, softmax(0), softmax(0))
	}
}

// TestCallSize checks that one call of a primitive, which cannot be preempted, gets at most 64 KiB
// of each slice, in at most 64 places that lie apart, whatever the sizes and strides of the public
// call. It reads the reports to the race detector. Every primitive has to report each of its
// slices.
func TestCallSize(t *testing.T) {
	kt.Require(t)
	source, err := os.ReadFile("dispatch_other.go")
	require.NoError(t, err)
	seen := map[string]bool{}
	reports := regexp.MustCompile(`race(?:Slice|Rows)\("(\w+ \w+)"`)
	for _, m := range reports.FindAllStringSubmatch(string(source), -1) {
		seen[m[1]] = false
	}
	require.Greater(t, len(seen), 80)

	function := ""
	worst := map[string]string{} // by primitive and slice
	raceObserver = func(what string, places, bytes int) {
		seen[what] = true
		if places > maxRows || bytes > maxBytes {
			if _, ok := worst[what]; !ok {
				worst[what] = fmt.Sprintf("%s, called by %s: %d bytes in %d places",
					what, function, bytes, places)
			}
		}
	}
	defer func() { raceObserver = nil }()
	callElements[float32](&function)
	callElements[float64](&function)
	callRows[float32](&function)
	callRows[float64](&function)
	callProducts[float32](&function)
	callProducts[float64](&function)

	for _, what := range slices.Sorted(maps.Keys(worst)) {
		t.Error(worst[what])
	}
	without := "^$" // primitives that are not called here
	switch {
	case isa.AVX2:
	case isa.NEON:
		without = `Stream `
	default:
		without = `Stream |^columns`
	}
	for _, what := range slices.Sorted(maps.Keys(seen)) {
		if !seen[what] && !regexp.MustCompile(without).MatchString(what) {
			t.Errorf("%s was never reported", what)
		}
	}
}

// callElements calls the element kernels on long slices, with stores past the caches and without.
func callElements[T Float](function *string) {
	cache := isa.LastLevelCache
	defer func() { isa.LastLevelCache = cache }()
	calls := elementCalls[T](3*maxLen[T]() + 1000)
	for _, isa.LastLevelCache = range []int{1 << 40, 0} {
		for _, c := range calls {
			*function = c.Name + "/" + kt.TypeName[T]()
			p := kt.Memory{}.Place(c)
			for i, a := range p.Mem { // stores past the caches need the beginning of a line
				if a.Mem != nil {
					p.Mem[i].Mem = kt.NewFrame[byte](len(a.Mem), 0).S
					copy(p.Mem[i].Mem, a.Mem)
				}
			}
			must(p.Run(p.Mem))
		}
	}
}

// callProducts multiplies matrices of sizes that are packed and that are not, with gaps and
// without.
func callProducts[T Float](function *string) {
	for _, s := range [][3]int{{1, 3000, 100}, {70, 70, 130}, {100, 784, 100}, {3, 9, 3000}, {300, 300, 70}} {
		m, k, n := s[0], s[1], s[2]
		for _, gap := range []int{0, 3, 2048 - max(k, n)%2048} {
			a, b := make([]T, max(m, k)*(max(m, k)+gap)), make([]T, max(n, k)*(max(n, k)+gap))
			dst := make([]T, m*(n+gap))
			o := MatMulOptions[T]{DstStride: n + gap, AStride: k + gap, BStride: n + gap}
			*function = fmt.Sprintf("MatMul/%s of %v, gap %d", kt.TypeName[T](), s, gap)
			must(MatMulWith(dst, a[:m*(k+gap)], b[:k*(n+gap)], m, k, n, &o))
			o.AStride = m + gap
			must(MatMulTransAWith(dst, a[:k*(m+gap)], b[:k*(n+gap)], m, k, n, &o))
			o.AStride, o.BStride = k+gap, k+gap
			must(MatMulTransBWith(dst, a[:m*(k+gap)], b[:n*(k+gap)], m, k, n, &o))
			must(ColumnSumsWith(dst[:n], a[:0:0], 0, n, nil))
			must(ColumnSumsWith(dst[:n], b[:k*(n+gap)], k, n, &ColumnSumsOptions{Stride: n + gap}))
		}
	}
}

// callRows calls the row kernels with few and many classes, in a packed matrix and in columns of a
// wider one.
func callRows[T Float](function *string) {
	for _, classes := range []int{2, 3, 10, 33, 1000, 10_000} {
		elements := 200_000
		if testing.Short() {
			elements = 50_000
		}
		rows := min(5000, elements/classes)
		for _, scale := range []T{1, 0.75} {
			for _, strides := range [][2]int{{classes, classes}, {classes + 3, classes},
				{classes, classes + 3}, {classes + 3, classes + 3}} {
				*function = fmt.Sprintf("%s/%s of %d classes, strides %d and %d", "%s",
					kt.TypeName[T](), classes, strides[0], strides[1])
				callStrided(function, rows, classes, scale, strides[0], strides[1])
			}
		}
	}
}

// callStrided calls each row kernel that has strides.
func callStrided[T Float](function *string, rows, classes int, scale T, stride, dststride int) {
	r := kt.NewRand(uint64(classes))
	matrix := func(stride int) []T {
		x := make([]T, (rows-1)*stride+classes)
		kt.Fill(r, kt.Normal, x, stride)
		return x
	}
	labels := make([]int, rows)
	for i := range labels {
		labels[i] = r.Intn(classes)
	}
	x, dx, y, dy := matrix(stride), matrix(stride), matrix(dststride), matrix(dststride)
	p, losses, stats := matrix(classes), make([]T, rows), make([]RowStats[T], rows)
	softmax := &SoftmaxOptions[T]{LogitScale: scale, Stride: stride, DstStride: dststride}
	shard := Shard[T]{Classes: classes, LogitScale: scale, Stride: stride, DstStride: dststride}
	must(ShardStats(stats, x, shard))
	ignore := &CrossEntropyOptions[T]{LogitScale: scale, Stride: stride, IgnoreIndex: new(int)}
	smooth := &CrossEntropyOptions[T]{LogitScale: scale, Stride: stride, LabelSmoothing: 0.1}
	form := *function
	for name, f := range map[string]func() error{
		"Argmax": func() error {
			index := make([]int, rows)
			Argmax(index, p, classes)
			return nil
		},
		"SoftmaxWith":    func() error { return SoftmaxWith(y, x, classes, softmax) },
		"LogSoftmaxWith": func() error { return LogSoftmaxWith(y, x, classes, softmax) },
		"LogSumExpWith": func() error {
			return LogSumExpWith(losses, x, classes, &SoftmaxOptions[T]{LogitScale: scale, Stride: stride})
		},
		"SoftmaxBackwardWith": func() error {
			return SoftmaxBackwardWith(dx, dy, y, classes, softmax)
		},
		"LogSoftmaxBackwardWith": func() error {
			return LogSoftmaxBackwardWith(dx, dy, y, classes, softmax)
		},
		"ShardSums": func() error {
			m, sums := make([]T, rows), make([]float64, ShardChunks[T](classes)*rows)
			must(ShardMax(m, x, shard))
			return ShardSums(sums, losses, x, m, labels, shard)
		},
		"ShardStats": func() error { return ShardStats(stats, x, shard) },
		"ShardCrossEntropy": func() error {
			return ShardCrossEntropy(losses, x, stats, labels, shard)
		},
		"ShardCrossEntropyGrad": func() error {
			return ShardCrossEntropyGrad(dx, losses, x, stats, labels, 1, shard)
		},
		"ShardSoftmax":    func() error { return ShardSoftmax(y, x, stats, shard) },
		"ShardLogSoftmax": func() error { return ShardLogSoftmax(y, x, stats, shard) },
	} {
		*function = fmt.Sprintf(form, name)
		must(f())
	}
	plain := &CrossEntropyOptions[T]{LogitScale: scale, Stride: stride}
	for name, o := range map[string]*CrossEntropyOptions[T]{"plain": plain, "ignoring": ignore,
		"smoothed": smooth} {
		for f, call := range map[string]func() (float64, error){
			"CrossEntropyWith": func() (float64, error) {
				return CrossEntropyWith(losses, x, labels, classes, o)
			},
			"CrossEntropyGradWith": func() (float64, error) {
				return CrossEntropyGradWith(dx, losses, x, labels, classes, []T{1}, o)
			},
			"CrossEntropyProbWith": func() (float64, error) {
				return CrossEntropyProbWith(losses, x, p, classes, o)
			},
			"CrossEntropyProbGradWith": func() (float64, error) {
				return CrossEntropyProbGradWith(dx, losses, x, p, classes, []T{1}, o)
			},
		} {
			if o == ignore && (f == "CrossEntropyProbWith" || f == "CrossEntropyProbGradWith") {
				continue
			}
			*function = fmt.Sprintf(form, f) + ", " + name
			_, err := call()
			must(err)
		}
	}
}
