package kernels_test

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/ktable"
	kt "kernels/internal/ktest"
)

// TestBadCalls checks that wrong lengths, overlaps and numbers of classes panic, and that wrong
// labels and options give an error, with a message that names what is wrong, before anything is
// written.
func TestBadCalls(t *testing.T) {
	t.Run("float32", badCalls[float32])
	t.Run("float64", badCalls[float64])
}

func badCalls[T kernels.Float](t *testing.T) {
	for _, f := range ktable.Funcs[T]() {
		t.Run(f.Name, func(t *testing.T) {
			for seed := range uint64(60) {
				if r := kt.NewRand(seed); len(f.Args) > 0 {
					c := f.Make(r, []int{0, 1, 2, 5, 65}[seed%5], []int{1, 2, 4, 17}[seed%4],
						ktable.Values{Kind: kt.Normal}, f.Shares()[0])
					for _, w := range wrongCalls(c, r) {
						if err := w.check(f.Name, kt.Memory{Off: int(seed % 16)}); err != nil &&
							knownFault(f.Name, "wrong: "+w.what) == "" {
							t.Errorf("%s: %v\n%v", w.what, err, c)
						}
					}
				}
			}
		})
	}
}

// TestEmpty checks that all functions accept empty and nil slices.
func TestEmpty(t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, f := range ktable.Funcs[float64]() {
			for seed := range uint64(10) {
				if len(f.Args) == 0 {
					continue
				}
				c := f.Make(kt.NewRand(seed), 0, 3, ktable.Values{}, f.Shares()[0])
				for i := range c.Ops {
					if seed%2 == 0 && c.Ops[i].Len() == 0 && (f.Args[i].Name != "losses" || f.Args[i].Nil) {
						c.Ops[i].Mem = nil
					}
				}
				require.NoError(t, c.With(c.Ops).Run(), "%v", c)
			}
		}
	})
}

// TestSplit checks that the bits do not depend on how rows or elements are split.
func TestSplit(t *testing.T) {
	t.Run("float32", split[float32])
	t.Run("float64", split[float64])
}

func split[T kernels.Float](t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, f := range ktable.Funcs[T]() {
			for i, s := range [][2]int{{2, 5000}, {9, 10}, {65, 25}, {70, 2}, {4, 100}, {130, 33}} {
				if len(f.Args) == 0 || f.Whole || knownFault(f.Name, "in parts") != "" {
					continue
				}
				c := f.Make(kt.NewRand(uint64(i)), s[0], s[1], ktable.Values{Kind: kt.Wide80},
					f.Shares()[0]).Summed()
				var cuts []int
				for at := c.Grain(); at < c.Rows; at += c.Grain() * (1 + i%3) {
					cuts = append(cuts, at)
				}
				want, err := c.Case().Expect()
				require.NoError(t, err)
				require.NoError(t, c.Case().Cut(cuts...).Check(kt.Memory{Off: i}, want), "%v", c)
			}
		}
	})
}

// A wrongCall has to panic, or to return an error if only its data are wrong, before it writes
// anything.
type wrongCall struct {
	what    string
	mention []string // what the message names besides the function; bars separate alternatives
	data    bool     // an error; otherwise a panic
	either  bool
	place   func(m kt.Memory) *kt.Placed
}

// check makes the call in m.
func (w *wrongCall) check(name string, m kt.Memory) error {
	panicked, failed, err := w.place(m).Refuse()
	switch {
	case err != nil:
		return err
	case panicked == nil && failed == nil:
		return errors.New("accepted")
	case w.data && failed == nil && !w.either:
		return fmt.Errorf("panics instead of returning an error: %v", panicked)
	case !w.data && panicked == nil && !w.either:
		return fmt.Errorf("returns an error instead of panicking: %v", failed)
	}
	said := fmt.Sprint(panicked)
	if failed != nil {
		said = failed.Error()
	}
	for _, s := range append([]string{"kernels: " + name + ": "}, w.mention...) {
		if !slices.ContainsFunc(strings.Split(s, "|"),
			func(s string) bool { return strings.Contains(said, s) }) {
			return fmt.Errorf("the message %q does not name %q", said, s)
		}
	}
	return nil
}

// wrongCalls returns calls like c with one thing wrong in each.
func wrongCalls[T kernels.Float](c *ktable.Call[T], r *kt.Rand) []wrongCall {
	var all []wrongCall
	add := func(what string, data bool, change func(d *ktable.Call[T]), mention ...string) {
		d := *c
		d.Ops = append([]kt.Array(nil), c.Ops...)
		change(&d)
		all = append(all, wrongCall{what: what, data: data, mention: mention,
			place: func(m kt.Memory) *kt.Placed { return m.Place(d.Case()) }})
	}
	wrongLengths(c, add)
	for i := range all { // a wrong length of targets is an error, and so is any slice that does not match it
		all[i].either = c.Index("targets") >= 0 && c.Args[c.Index("targets")].Len == ktable.Checked
	}
	if c.Rows*c.Classes > 0 {
		wrongOverlaps(c, r, &all)
	}
	if c.Sizes() {
		for _, n := range []int{-1, math.MinInt} {
			add(fmt.Sprint("m = ", n), false, func(d *ktable.Call[T]) { d.Rows = n }, fmt.Sprint("m = ", n))
			add(fmt.Sprint("n = ", n), false, func(d *ktable.Call[T]) { d.Classes = n }, fmt.Sprint("n = ", n))
			if len(c.Args) > 2 {
				add(fmt.Sprint("k = ", n), false, func(d *ktable.Call[T]) { d.Inner = n }, fmt.Sprint("k = ", n))
			}
		}
		if len(c.Args) > 2 && c.Rows > 0 && c.Inner > 0 && c.Options.Stride == 0 { // sizes whose products overflow
			add(
				"m = 1<<62",
				false,
				func(d *ktable.Call[T]) { d.Rows = 1 << (bits.UintSize - 2) },
				"len(dst)|len(a)|len(b)",
			)
		}
	} else if c.TakesClasses() {
		for _, n := range []int{0, -1, math.MinInt} {
			add(fmt.Sprint("classes = ", n), false, func(d *ktable.Call[T]) { d.Classes = n },
				fmt.Sprint("classes = ", n))
		}
	}
	wrongOptions(c, r, add)
	if i := c.Index("labels"); i >= 0 && c.Opts&ktable.Offset == 0 && c.Rows > 0 {
		row := r.Intn(c.Rows)
		for _, label := range []int{-1, c.Classes, math.MaxInt32, math.MinInt32} {
			d := *c
			d.Ops = slices.Clone(c.Ops)
			d.Ops[i] = c.Ops[i].Clone()
			if p := c.IgnoreIndex; p != nil && *p == label || !d.PutLabel(i, row, label) &&
				d.Ops[i].Type.Size() < 8 {
				continue
			}
			add(fmt.Sprintf("label %d in row %d", label, row), true, func(e *ktable.Call[T]) {
				e.Ops[i] = d.Ops[i]
			},
				fmt.Sprintf("row %d: label %v is not in [0, %d)", row, d.Ops[i].At(row), c.Classes))
		}
	}
	return all
}

type adder[T kernels.Float] func(what string, data bool, change func(d *ktable.Call[T]),
	mention ...string)

// wrongLengths adds calls with slices that are too long, too short, nil or empty.
func wrongLengths[T kernels.Float](c *ktable.Call[T], add adder[T]) {
	for i := range c.Args {
		a, op := &c.Args[i], c.Ops[i]
		set := func(n int) {
			d := kt.NewArray(c.TypeOf(i), n)
			copy(d.Mem, op.Mem)
			if a.Type == ktable.Elem || a.Type == ktable.Double { // with valid values
				for k := op.Len(); k < n; k++ {
					copy(d.Slice(k, k+1).Mem, make([]byte, 8))
				}
			}
			add(fmt.Sprintf("len(%s) = %d instead of %d", a.Name, n, op.Len()), a.Len == ktable.Checked,
				func(d2 *ktable.Call[T]) { d2.Ops[i] = d }, a.Name+"|rows")
		}
		if op.Mem == nil {
			if a.Len == ktable.PerClass || a.Len == ktable.Repeats {
				if c.Rows*c.Classes > 0 && !c.None {
					set(0) // nil means none; anything else has to fit
				}
			}
			continue
		}
		n := op.Len()
		switch a.Len {
		case ktable.Each, ktable.Checked, ktable.Left, ktable.LeftT, ktable.Right, ktable.RightT:
			rows, cols := c.Dims(i)
			least := c.Span(i, rows)
			if least > 0 {
				set(least - 1)
			}
			if over := c.Pitch(i); rows == 0 || over-cols < 16 {
				set(max(least-cols, 0) + over*min(rows, cols, 1) + 1)
			}
		case ktable.PerRow, ktable.PerClass, ktable.Chunks:
			set(n + 1)
			if n > 0 {
				set(n - 1)
				set(0)
			}
		case ktable.PerWord:
			if n > 0 {
				set(n - 1)
			}
		case ktable.Upstream:
			for _, n := range []int{0, c.Rows - 1, c.Rows + 1} {
				if n != 1 && n != c.Rows && n >= 0 {
					set(n)
				}
			}
		case ktable.Repeats:
			if n := c.Rows * c.Classes; n > 0 {
				set(0)
				set(n + 1)
				if n > 2 {
					set(n - 1)
				}
			}
		case ktable.Folds:
			if c.Rows > 1 {
				set(n + 1)
				set(n - 1)
			}
			if c.Rows > 0 {
				set(0)
			}
		}
		if !a.Nil && a.NilWith == "" && n > 0 || a.Name == "losses" &&
			c.Reduction == kernels.ReductionNone && !c.Gradient() && n > 0 {
			add(a.Name+" nil", a.Len == ktable.Checked, func(d *ktable.Call[T]) { d.Ops[i].Mem = nil })
		}
	}
}

// meet reports whether the rows of argument i share an element with those of argument j, if i
// begins shift elements after j.
func meet[T kernels.Float](c *ktable.Call[T], i, j, shift int) bool {
	type part struct{ lo, n, stride, rows int }
	parts := func(i, lo int) part {
		a := &c.Args[i]
		if rows, cols := c.Dims(i); a.Stride != ktable.Packed && c.Pitch(i) > cols {
			return part{lo, cols, c.Pitch(i), rows}
		}
		return part{lo, c.Ops[i].Len(), 0, 1}
	}
	p, q := parts(i, shift), parts(j, 0)
	for r := range p.rows {
		for s := range q.rows {
			if lo, at := p.lo+r*p.stride, q.lo+s*q.stride; lo < at+q.n && at < lo+p.n {
				return true
			}
		}
	}
	return false
}

// wrongOverlaps adds calls with slices that share memory with a destination.
func wrongOverlaps[T kernels.Float](c *ktable.Call[T], r *kt.Rand, all *[]wrongCall) {
	for i, a := range c.Args {
		for j, b := range c.Args {
			if !a.Out || i == j || b.Out && j < i || c.Ops[i].Mem == nil || c.Ops[j].Mem == nil ||
				c.Ops[i].Type != c.Ops[j].Type {
				continue
			}
			n, m := c.Ops[i].Len(), c.Ops[j].Len()
			if n == 0 || m == 0 {
				continue
			}
			same := false
			for _, name := range a.Same {
				same = same || name == b.Name
			}
			for k, shift := range []int{0, 1, -1, m - 1, 1 - n, r.Intn(n+m-1) - n + 1} {
				if k > 0 && shift == 0 || shift <= -n || shift >= m || !meet(c, i, j, shift) {
					continue
				}
				if shift == 0 && same && (c.Rows <= 1 || c.Pitch(i) == c.Pitch(j)) {
					continue
				}
				*all = append(*all,
					wrongCall{what: fmt.Sprintf("%s begins %d elements behind %s", a.Name, shift, b.Name),
						mention: []string{a.Name, b.Name, "overlap"},
						place:   func(mem kt.Memory) *kt.Placed { return mem.Overlapping(c.Case(), i, j, shift) }})
			}
		}
	}
}

// wrongOptions adds calls with options out of their range.
func wrongOptions[T kernels.Float](c *ktable.Call[T], r *kt.Rand, add adder[T]) {
	nan, inf := math.NaN(), math.Inf(1)
	option := func(has ktable.Opts, name string, value any, what string,
		set func(o *ktable.Options[T])) {
		if c.Opts&has != 0 {
			add(fmt.Sprintf("%s = %v", name, value), true, func(d *ktable.Call[T]) {
				d.None = false
				set(&d.Options)
			}, fmt.Sprintf("%s = %v %s", name, value, what))
		}
	}
	for _, v := range []T{-1, T(nan), T(inf), T(-inf)} {
		option(ktable.LogitScale, "LogitScale", v, "is not positive and finite",
			func(o *ktable.Options[T]) { o.LogitScale = v })
	}
	for _, v := range []T{-0.5, 1.5, T(nan), T(inf)} {
		option(ktable.Smoothing, "LabelSmoothing", v, "is not in [0, 1]", func(o *ktable.Options[T]) {
			o.LabelSmoothing = v
		})
	}
	for _, v := range []int{c.Classes - 1, -1, math.MinInt} {
		if less := fmt.Sprintf("is less than classes = %d", c.Classes); v != 0 {
			option(ktable.Strides, "Stride", v, less, func(o *ktable.Options[T]) { o.Stride = v })
			option(ktable.DstStrides, "DstStride", v, less, func(o *ktable.Options[T]) { o.DstStride = v })
		}
	}
	if c.Opts&ktable.Adding != 0 {
		stride := func(name string, arg int, set func(o *ktable.Options[T], v int)) {
			_, cols := c.Dims(arg)
			for _, v := range []int{cols - 1, -1, math.MinInt} {
				if v != 0 && v < cols {
					option(ktable.Adding, name, v, "is less than ", func(o *ktable.Options[T]) { set(o, v) })
				}
			}
		}
		if c.Index("b") < 0 {
			stride("Stride", 1, func(o *ktable.Options[T], v int) { o.Stride = v })
		} else {
			stride("DstStride", 0, func(o *ktable.Options[T], v int) { o.DstStride = v })
			stride("AStride", 1, func(o *ktable.Options[T], v int) { o.Stride = v })
			stride("BStride", 2, func(o *ktable.Options[T], v int) { o.BStride = v })
			bias := kt.NewArray(c.TypeOf(3), c.Classes)
			add("Add and Bias", true, func(d *ktable.Call[T]) {
				d.None, d.Add, d.Ops[3] = false, true, bias
			}, "Add and Bias are both set")
		}
	}
	for _, v := range []uint8{3, 255} {
		option(ktable.Reducing, "Reduction", v,
			"is not one of ReductionMean, ReductionSum and ReductionNone",
			func(o *ktable.Options[T]) { o.Reduction = kernels.Reduction(v) })
	}
	option(ktable.Offset, "Offset", -1, "is negative", func(o *ktable.Options[T]) { o.Offset = -1 })
	for _, name := range []string{"Weights", "PosWeight"} {
		i := c.Index(name)
		if i < 0 || c.Rows*c.Classes == 0 {
			continue
		}
		for _, v := range []float64{-1, nan, inf, -inf} {
			op := kt.NewArray(c.TypeOf(i), c.Classes)
			kt.Fill(r, kt.OneHot, kt.View[T](op), c.Classes)
			at := r.Intn(c.Classes)
			kt.View[T](op)[at] = T(v)
			add(fmt.Sprintf("%s[%d] = %v", name, at, v), true,
				func(d *ktable.Call[T]) { d.None, d.Ops[i] = false, op },
				fmt.Sprintf("%s[%d] = %v is not a finite number >= 0", name, at, v))
		}
	}
}
