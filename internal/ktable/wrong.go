package ktable

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"kernels"
	kt "kernels/internal/ktest"
)

// A Wrong call is one that has to panic, or to return an error if its data are wrong, before it has
// written anything.
type Wrong struct {
	What    string
	Mention []string // what the message names, beside the function: one of those between bars
	Data    bool     // an error; else a panic
	Either  bool
	Place   func(m kt.Memory) *kt.Placed
}

// Check makes the call in m.
func (w *Wrong) Check(name string, m kt.Memory) error {
	panicked, failed, err := w.Place(m).Refuse()
	switch {
	case err != nil:
		return err
	case panicked == nil && failed == nil:
		return errors.New("accepted")
	case w.Data && failed == nil && !w.Either:
		return fmt.Errorf("panics instead of returning an error: %v", panicked)
	case !w.Data && panicked == nil && !w.Either:
		return fmt.Errorf("returns an error instead of panicking: %v", failed)
	}
	said := fmt.Sprint(panicked)
	if failed != nil {
		said = failed.Error()
	}
	for _, s := range append([]string{"kernels: " + name + ": "}, w.Mention...) {
		if !slices.ContainsFunc(strings.Split(s, "|"), func(s string) bool { return strings.Contains(said, s) }) {
			return fmt.Errorf("the message %q does not name %q", said, s)
		}
	}
	return nil
}

// Wrongs returns the calls that differ from c in one thing which is wrong.
func (c *Call[T]) Wrongs(r *kt.Rand) []Wrong {
	var all []Wrong
	add := func(what string, data bool, change func(d *Call[T]), mention ...string) {
		d := *c
		d.Ops = append([]kt.Array(nil), c.Ops...)
		change(&d)
		all = append(all, Wrong{What: what, Data: data, Mention: mention,
			Place: func(m kt.Memory) *kt.Placed { return m.Place(d.Case(true)) }})
	}
	c.wrongLengths(add)
	for i := range all { // what does not go with targets is an error where their length is
		all[i].Either = c.Index("targets") >= 0 && c.Args[c.Index("targets")].Len == Checked
	}
	if c.Rows*c.Classes > 0 {
		c.wrongOverlaps(r, &all)
	}
	if c.takesClasses() {
		for _, n := range []int{0, -1, math.MinInt} {
			add(fmt.Sprint("classes = ", n), false, func(d *Call[T]) { d.Classes = n }, fmt.Sprint("classes = ", n))
		}
	}
	c.wrongOptions(r, add)
	if i := c.Index("labels"); i >= 0 && c.Opts&Offset == 0 && c.Rows > 0 {
		t, row := labelTypes[c.Labels], r.Intn(c.Rows)
		for _, label := range []int{-1, c.Classes, t.max, t.min} {
			if p := c.IgnoreIndex; p != nil && *p == label || label < t.min || label > t.max || label >= 0 && label < c.Classes {
				continue
			}
			add(fmt.Sprintf("label %d in row %d", label, row), true, func(d *Call[T]) {
				d.Ops[i] = d.Ops[i].Clone()
				d.putLabel(d.Ops[i], row, label)
			}, fmt.Sprintf("row %d: label %d is not in [0, %d)", row, label, c.Classes))
		}
	}
	return all
}

type adder[T kernels.Float] func(what string, data bool, change func(d *Call[T]), mention ...string)

// takesClasses reports whether the number of classes is a parameter.
func (f *Func[T]) takesClasses() bool { return f.Rows && f.Index("PosWeight") < 0 }

// wrongLengths are slices that are too long, too short, nil or empty.
func (c *Call[T]) wrongLengths(add adder[T]) {
	for i := range c.Args {
		a, op := &c.Args[i], c.Ops[i]
		set := func(n int) {
			d := kt.NewArray(a.layout(c), n)
			copy(d.Mem, op.Mem)
			if a.Type == Elem || a.Type == Double { // values that would do
				for k := op.Len(); k < n; k++ {
					copy(d.Slice(k, k+1).Mem, make([]byte, 8))
				}
			}
			add(fmt.Sprintf("len(%s) = %d instead of %d", a.Name, n, op.Len()), a.Len == Checked, func(d2 *Call[T]) { d2.Ops[i] = d }, a.Name+"|rows")
		}
		if op.Mem == nil {
			if a.Len == PerClass || a.Len == Repeats {
				if c.Rows*c.Classes > 0 && !c.None {
					set(0) // nil is none; anything else has to fit
				}
			}
			continue
		}
		n := op.Len()
		switch a.Len {
		case Each, Checked:
			least := c.span(a, c.Rows)
			if least > 0 {
				set(least - 1)
			}
			if over := c.stride(a); c.Rows == 0 || over-c.Classes < 16 {
				set(max(least-c.Classes, 0) + over*min(c.Rows, 1) + 1)
			}
		case PerRow, PerClass, Chunks:
			set(n + 1)
			if n > 0 {
				set(n - 1)
				set(0)
			}
		case PerWord:
			if n > 0 {
				set(n - 1)
			}
		case Upstream:
			for _, n := range []int{0, c.Rows - 1, c.Rows + 1} {
				if n != 1 && n != c.Rows && n >= 0 {
					set(n)
				}
			}
		case Repeats:
			if n := c.Rows * c.Classes; n > 0 {
				set(0)
				set(n + 1)
				if n > 2 {
					set(n - 1)
				}
			}
		case Folds:
			if c.Rows > 1 {
				set(n + 1)
				set(n - 1)
			}
			if c.Rows > 0 {
				set(0)
			}
		}
		if !a.Nil && a.NilWith == "" && n > 0 || a.Name == "losses" && c.Reduction == kernels.ReductionNone && !c.Gradient() && n > 0 {
			add(a.Name+" nil", a.Len == Checked, func(d *Call[T]) { d.Ops[i].Mem = nil })
		}
	}
}

// meet reports whether an element of the rows of argument i, which begins shift elements behind
// argument j, is one of j's rows.
func (c *Call[T]) meet(i, j, shift int) bool {
	type part struct{ lo, n, stride, rows int }
	parts := func(i, lo int) part {
		a := &c.Args[i]
		if a.Stride != Packed && c.stride(a) > c.Classes {
			return part{lo, c.Classes, c.stride(a), c.Rows}
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

// wrongOverlaps are slices that share memory with what is written.
func (c *Call[T]) wrongOverlaps(r *kt.Rand, all *[]Wrong) {
	for i, a := range c.Args {
		for j, b := range c.Args {
			if !a.Out || i == j || b.Out && j < i || c.Ops[i].Mem == nil || c.Ops[j].Mem == nil || c.Ops[i].Layout != c.Ops[j].Layout {
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
				if k > 0 && shift == 0 || shift <= -n || shift >= m || !c.meet(i, j, shift) {
					continue
				}
				if shift == 0 && same && (c.Rows <= 1 || c.stride(&a) == c.stride(&b)) {
					continue
				}
				*all = append(*all, Wrong{What: fmt.Sprintf("%s begins %d elements behind %s", a.Name, shift, b.Name),
					Mention: []string{a.Name, b.Name, "overlap"},
					Place:   func(mem kt.Memory) *kt.Placed { return mem.Overlapping(c.Case(true), i, j, shift) }})
			}
		}
	}
}

// wrongOptions are options out of their range.
func (c *Call[T]) wrongOptions(r *kt.Rand, add adder[T]) {
	nan, inf := math.NaN(), math.Inf(1)
	option := func(has Opts, name string, value any, set func(o *Options[T])) {
		if c.Opts&has != 0 {
			add(fmt.Sprintf("%s = %v", name, value), true, func(d *Call[T]) {
				d.None = false
				set(&d.Options)
			}, fmt.Sprintf("%s = %v ", name, value))
		}
	}
	for _, v := range []T{-1, T(nan), T(inf), T(-inf)} {
		option(LogitScale, "LogitScale", v, func(o *Options[T]) { o.LogitScale = v })
	}
	for _, v := range []T{-0.5, 1.5, T(nan), T(inf)} {
		option(Smoothing, "LabelSmoothing", v, func(o *Options[T]) { o.LabelSmoothing = v })
	}
	for _, v := range []int{c.Classes - 1, -1, math.MinInt} {
		if v != 0 {
			option(Strides, "Stride", v, func(o *Options[T]) { o.Stride = v })
			option(DstStrides, "DstStride", v, func(o *Options[T]) { o.DstStride = v })
		}
	}
	for _, v := range []uint8{3, 255} {
		option(Reducing, "Reduction", v, func(o *Options[T]) { o.Reduction = kernels.Reduction(v) })
	}
	option(Offset, "Offset", -1, func(o *Options[T]) { o.Offset = -1 })
	for _, name := range []string{"Weights", "PosWeight"} {
		i := c.Index(name)
		if i < 0 || c.Rows*c.Classes == 0 {
			continue
		}
		for _, v := range []float64{-1, nan, inf, -inf} {
			op := kt.NewArray(c.elem(), c.Classes)
			kt.Fill(r, kt.OneHot, kt.View[T](op), c.Classes)
			at := r.Intn(c.Classes)
			kt.View[T](op)[at] = T(v)
			add(fmt.Sprintf("%s[%d] = %v", name, at, v), true, func(d *Call[T]) { d.None, d.Ops[i] = false, op }, fmt.Sprintf("%s[%d] = %v", name, at, v))
		}
	}
}
