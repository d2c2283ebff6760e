//go:build race

package kernels

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// raceChild, in the environment, has TestRaceChild run the cases of TestRace. They are in a process
// of their own, because a test fails where there is a race.
const raceChild = "KERNELS_RACE_CHILD"

// raceCase begins the output of a case: its name and whether there is a race in it.
const raceCase = "=== case "

// TestRace: two goroutines that share a slice race, whatever kernel reads or writes it, and two
// that share only a matrix do not. A case that is wrong fails by name.
func TestRace(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestRaceChild$", "-test.count=1")
	// every race is told, also where two have the same stacks
	cmd.Env = append(os.Environ(), raceChild+"=1", "GORACE=suppress_equal_stacks=0 suppress_equal_addresses=0 atexit_sleep_ms=0")
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

// TestRaceChild runs the cases of TestRace, each of which names itself first.
func TestRaceChild(t *testing.T) {
	if os.Getenv(raceChild) == "" {
		t.Skip("TestRace runs it")
	}
	raceTable[float32]()
	raceTable[float64]()
	raceStreams()
	raceColumns()
	d := make([]float64, 3*chunkLen[float64]())
	together("clearRow", true, func() { clearRow(d) }, func() { clearRow(d[len(d)-1:]) })
	together("clearRow, apart", false, func() { clearRow(d[:len(d)-1]) }, func() { clearRow(d[len(d)-1:]) })
	fmt.Fprintln(os.Stderr, raceCase+"the end")
}

// together runs a and b in goroutines that know nothing of one another: b after a, because the
// detector may miss accesses in the very same moment, but nothing tells it so.
func together(name string, race bool, a, b func()) {
	fmt.Fprintf(os.Stderr, "%s%s: %v\n", raceCase, name, race)
	var wg sync.WaitGroup
	var turn turn
	wg.Go(func() { a(); turn.pass() })
	wg.Go(func() {
		for !turn.passed() {
			runtime.Gosched()
		}
		b()
	})
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

// raceTable goes over the kernels of the table and the slices of each.
func raceTable[T Float]() {
	for _, k := range all[T]() {
		s := shape{17, 7, 0} // rows enough for a vector of few columns
		switch {
		case k.inner:
			s.pad = 3
		case !k.rows:
			s = shape{1, 200, 0}
		}
		c := prepare(&k, s, kt.Normal, 3, apart)
		place := func() *args[T] { return layout(&k, c, s, apart, &memory{}) }
		name := k.name + "/" + kt.TypeName[T]() + " "

		if !k.noOut {
			raceRowsOf(name+"out", &k, place, true, func(c *args[T]) ([]T, int) { return c.out, c.outS })
		}
		for i := range k.ins {
			if i > 0 && k.rows && !k.inner {
				break // options need not read it
			}
			raceRowsOf(fmt.Sprint(name, "in ", i), &k, place, false, func(c *args[T]) ([]T, int) { return c.in[i], c.inS[i] })
		}
		if k.rows && !k.inner {
			continue
		}
		for i := range k.perRow {
			if k.name != "rowsSumTargetSkip" { // which has its place in the table only
				raceSliceOf(fmt.Sprint(name, "per row ", i), &k, place, false, func(c *args[T]) []T { return c.perRow[i] })
			}
		}
		if k.loss {
			raceSliceOf(name+"loss", &k, place, true, func(c *args[T]) []T { return c.loss })
		}
		if k.sum {
			raceSliceOf(name+"sum", &k, place, true, func(c *args[T]) []float64 { return c.sum })
		}
		if k.skip {
			raceSliceOf(name+"skip", &k, place, false, func(c *args[T]) []int { return c.skip })
		}
		if k.find {
			raceSliceOf(name+"index", &k, place, true, func(c *args[T]) []int { return c.index })
		}
		if k.maskIn || k.maskOut {
			raceSliceOf(name+"mask", &k, place, k.maskOut, func(c *args[T]) []uint64 { return c.mask })
		}
	}
}

// sink keeps a read from being left out; the goroutines of a case may share it.
func sink[E any](E) {}

// raceSliceOf has k read or write a slice while another goroutine does so in its last element.
func raceSliceOf[T Float, E any](name string, k *kernel[T], place func() *args[T], written bool, of func(c *args[T]) []E) {
	raceElement(name, k, place, written, func(c *args[T]) *E { s := of(c); return &s[len(s)-1] })
}

func raceElement[T Float, E any](name string, k *kernel[T], place func() *args[T], written bool, at func(c *args[T]) *E) {
	c := place()
	p := at(c)
	together(name+": read meanwhile", written, func() { k.run(c) }, func() { sink(*p) })
	c = place()
	p = at(c)
	v := *p
	together(name+": written meanwhile", true, func() { k.run(c) }, func() { *p = v })
}

// raceRowsOf is raceSliceOf for rows, between which others may write.
func raceRowsOf[T Float](name string, k *kernel[T], place func() *args[T], written bool, of func(c *args[T]) ([]T, int)) {
	raceElement(name, k, place, written, func(c *args[T]) *T { s, _ := of(c); return &s[len(s)-1] })
	if written { // two goroutines, each by the kernel
		c, d := place(), place()
		if k.inner || !k.rows {
			d.out = c.out
		} else {
			d.out, d.loss = c.out, c.loss
		}
		together(name+": written twice", true, func() { k.run(c) }, func() { k.run(d) })
	}
	c := place()
	s, stride := of(c)
	if stride == c.cols {
		return
	}
	together(name+": written between the rows", false, func() { k.run(c) }, func() {
		for r := range c.rows - 1 { // not by clear, which the detector does not see
			for j := r*stride + c.cols; j < (r+1)*stride; j++ {
				s[j] = 0
			}
		}
	})
}

// raceStreams has the kernels that store past the caches write one slice.
func raceStreams() {
	const n = 300
	x := make([]float32, n)
	for name, f := range map[string]func(dst []float32, mask []uint64){
		"reluStream":            func(dst []float32, _ []uint64) { reluStream(dst, x) },
		"reluMaskStream":        func(dst []float32, mask []uint64) { reluMaskStream(dst, x, mask) },
		"reluBackwardStream":    func(dst []float32, _ []uint64) { reluBackwardStream(dst, x, make([]uint64, MaskLen(n))) },
		"sigmoidBackwardStream": func(dst []float32, _ []uint64) { sigmoidBackwardStream(dst, x, x) },
	} {
		dst, other := kt.NewFrame[float32](n, 0).S, kt.NewFrame[float32](n, 0).S
		mask, otherMask := make([]uint64, MaskLen(n)), make([]uint64, MaskLen(n))
		together(name, true, func() { f(dst, mask) }, func() { f(dst, otherMask) })
		together(name+", apart", false, func() { f(dst, mask) }, func() { f(other, otherMask) })
	}
}

// raceColumns has two goroutines work on columns of one matrix, as few as go through the kernels
// for few columns and more.
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
