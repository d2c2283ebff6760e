package ktable

import (
	"fmt"
	"math"
	"strings"

	"kernels"
	kt "kernels/internal/ktest"
)

// Values says what a call works on.
type Values struct {
	Kind  kt.Kind
	Fault Fault
	Huge  bool // strides of a single row, which mean nothing, up to the largest int
}

// Fault is what is done to the values of one argument.
type Fault uint8

const (
	NoFault   Fault = iota
	OneNaN          // in any one place
	OneInf          // of either sign
	Subnormal       // all
	Largest         // all are finite and of the largest exponents
	numFaults
)

// Faults is their number.
const Faults = int(numFaults)

// Make returns a call with options and values that r draws, and with equal strides where arguments are
// to be one slice. Functions of elements take the elements of all rows.
func (f *Func[T]) Make(r *kt.Rand, rows, classes int, v Values, share []int) *Call[T] {
	if !f.Rows {
		rows, classes = rows*classes, 1
	}
	c := &Call[T]{Func: f, Rows: rows, Classes: classes, Labels: r.Intn(len(f.calls)), Scale: T(scales[r.Intn(len(scales))])}
	shared := false
	for _, j := range share {
		shared = shared || j >= 0
	}
	c.draw(r, v, shared)
	extra := [3]int{Packed: 0, AtStride: r.Intn(6), AtDstStride: r.Intn(6)} // what slices have behind the last row
	if shared {
		extra[AtDstStride] = extra[AtStride]
	}
	c.Ops = make([]kt.Array, len(f.Args))
	gap := kt.Array{Layout: "1", Mem: []byte{[]byte{0xa5, 0xff, 0x7f, 0}[r.Intn(4)]}}
	for i := range f.Args {
		a := &f.Args[i]
		n, isNil := c.length(r, i, extra[a.Stride]), a.Nil && r.Intn(3) == 0
		if a.Name == "losses" && c.Reduction == kernels.ReductionNone && !f.Gradient() {
			isNil = false
		}
		if (a.Len == PerClass || a.Len == Repeats) && c.None {
			isNil = true
		}
		if isNil {
			c.Ops[i].Layout = c.Layout(i)
			continue
		}
		c.Ops[i] = kt.NewArray(c.Layout(i), n)
		if a.Stride != Packed {
			for k := range c.Ops[i].Mem {
				c.Ops[i].Mem[k] = gap.Mem[0]
			}
		}
	}
	victim := r.Intn(len(f.Args) + 1)
	first := true
	for i := range f.Args {
		if a := &f.Args[i]; a.In && c.Ops[i].Mem != nil {
			kind := v.Kind
			if !first && r.Intn(2) == 0 {
				kind = kt.Unit
			}
			first = false
			c.fill(r, i, kind)
			if v.Fault != NoFault && (a.Type == Elem && a.Fill != Positive || a.Type == Double) && (i == victim || victim == len(f.Args)) {
				c.spoil(r, i, v.Fault)
			}
		}
	}
	for i := range f.Args { // what depends on others
		a := &f.Args[i]
		if j := f.Index(a.NilWith); j >= 0 && c.Ops[j].Mem == nil {
			c.Ops[i].Mem = nil
		}
		if c.Ops[i].Mem != nil && (a.Fill == Merged || a.Fill == Maxima) {
			c.derive(r, i, v.Kind)
		}
	}
	c.Bind()
	return c
}

// scales are what gradients are multiplied by.
var scales = []float64{1, 1.0 / 30, -2, 0, 0x1p-40, 0x1p40, 0.3, 1e-30, 1e30}

// Gradient reports whether the function computes one, or anything else beside losses.
func (f *Func[T]) Gradient() bool { return f.Args[0].Name != "losses" }

// draw draws options.
func (c *Call[T]) draw(r *kt.Rand, v Values, shared bool) {
	o, has := &c.Options, func(x Opts) bool { return c.Opts&x != 0 && r.Intn(2) == 0 }
	if o.None = r.Intn(6) == 0; o.None {
		return
	}
	if has(LogitScale) {
		o.LogitScale = []T{1, 0.5, 3, 1.0 / 7, 0.75, 1e-3, 1e3}[r.Intn(7)]
	}
	stride := func() int {
		if v.Huge && c.Rows <= 1 && r.Intn(2) == 0 {
			return max(c.Classes, []int{math.MaxInt, math.MaxInt - 1 - r.Intn(70), math.MaxInt / 2, math.MaxInt32, int(r.Uint64() >> 1)}[r.Intn(5)])
		}
		return c.Classes + r.Intn(2*c.Classes+7)
	}
	if has(Strides) {
		o.Stride = stride()
	}
	if has(DstStrides) {
		o.DstStride = stride()
	}
	if shared {
		if c.Opts&DstStrides != 0 {
			o.DstStride = o.Stride
		}
	}
	if has(Smoothing) {
		o.LabelSmoothing = []T{0.1, 1, 0x1p-20, 0.5}[r.Intn(4)]
	}
	if has(Ignoring) {
		o.IgnoreIndex = new([]int{-100, 0, r.Intn(c.Classes), c.Classes, -1}[r.Intn(5)])
	}
	if c.Opts&Reducing != 0 {
		o.Reduction = kernels.Reduction(r.Intn(3))
	}
	if has(Offset) {
		o.Offset = []int{1, 4096, r.Intn(300), math.MaxInt32}[r.Intn(4)]
	}
}

// Layout returns the layout of argument i.
func (c *Call[T]) Layout(i int) string {
	elem := kt.LayoutOf[T]()
	return [...]string{Elem: elem, Label: c.LabelType().layout, Int: kt.LayoutOf[int](), Double: "d", Word: "8", Stats: elem + elem + "d"}[c.Args[i].Type]
}

// length returns how long argument i is.
func (c *Call[T]) length(r *kt.Rand, i, extra int) int {
	n := c.Rows * c.Classes
	switch c.Args[i].Len {
	case PerRow:
		return c.Rows
	case PerWord:
		return kernels.MaskLen(n)
	case PerClass:
		return c.Classes
	case Upstream:
		if r.Intn(2) == 0 {
			return 1
		}
		return c.Rows
	case Repeats:
		return []int{1, c.Classes, c.Classes, max(n, 1)}[r.Intn(4)]
	case Chunks:
		return c.Rows * kernels.ShardChunks[T](c.Classes)
	case Folds:
		return c.Rows * (1 + r.Intn(5))
	}
	return c.Span(i, c.Rows) + min(extra, c.Pitch(i)-c.Classes)*min(c.Rows, 1)
}

// each calls f with each row of an argument that is T's.
func (c *Call[T]) each(i int, f func(row []T)) {
	if l := c.Args[i].Len; l != Each && l != Checked {
		f(c.T(i))
		return
	}
	for r := range c.Rows {
		f(c.Row(i, r))
	}
}

// Row returns row r of argument i.
func (c *Call[T]) Row(i, r int) []T { return c.T(i)[r*c.Pitch(i):][:c.Classes] }

func (c *Call[T]) fill(r *kt.Rand, i int, kind kt.Kind) {
	switch a := &c.Args[i]; a.Type {
	case Word:
		for k := range kt.View[uint64](c.Ops[i]) {
			kt.View[uint64](c.Ops[i])[k] = r.Uint64() // also past the end
		}
	case Double:
		kt.Fill(r, kind, kt.View[float64](c.Ops[i]), max(c.Ops[i].Len(), 1))
	case Label:
		t := c.LabelType()
		for row := range c.Rows {
			label := c.Offset + r.Intn(c.Classes)
			if c.Opts&Offset != 0 && r.Intn(4) == 0 {
				label = int(r.Uint64()) // perhaps nobody's
			} else if c.Opts&Offset == 0 {
				label = r.Intn(min(c.Classes, t.Max))
				if p := c.IgnoreIndex; p != nil && r.Intn(3) == 0 && *p >= t.Min && *p <= t.Max {
					label = *p
				}
			}
			c.PutLabel(i, row, label)
		}
	case Elem:
		switch c.each(i, func(row []T) {
			if a.Fill != Probs || len(row) == 0 {
				kt.Fill(r, kind, row, max(len(row), 1))
			} else if r.Intn(3) != 0 {
				kt.FillProb(r, row, len(row))
			} else {
				kt.Fill(r, kind, row, len(row))
			}
		}); a.Fill {
		case ZeroOne:
			for k := range c.T(i) {
				if b := r.Intn(8); b < 6 {
					c.T(i)[k] = T(b % 2)
				}
			}
		case Positive:
			for k, v := range c.T(i) {
				if w := math.Abs(float64(v)); w <= 1e3 {
					c.T(i)[k] = T(w)
				} else {
					c.T(i)[k] = T(r.Intn(3))
				}
			}
		}
	}
}

// spoil does a fault to argument i.
func (c *Call[T]) spoil(r *kt.Rand, i int, fault Fault) {
	if c.Args[i].Type == Double {
		if x := kt.View[float64](c.Ops[i]); len(x) > 0 {
			x[r.Intn(len(x))] = math.NaN()
		}
		return
	}
	rows := 0
	c.each(i, func([]T) { rows++ })
	at := r.Intn(rows + 1)
	c.each(i, func(row []T) {
		if len(row) == 0 {
			return
		}
		k := r.Intn(len(row))
		switch rows--; fault {
		case OneNaN:
			if rows == at || at == c.Rows {
				row[k] = T(math.NaN())
			}
		case OneInf:
			if rows == at || at == c.Rows {
				row[k] = T(math.Inf(r.Intn(2)*2 - 1))
			}
		case Subnormal:
			for k, v := range row {
				if v-v == 0 {
					row[k] = kt.FromBits[T](r.Uint64()>>(64-r.Intn(kt.Digits[T]())) | kt.RawBits(v)&kt.SignBit[T]())
				}
			}
		case Largest:
			for k, v := range row {
				row[k] = kt.FromBits[T](kt.Bits(T(math.Inf(1))) - 1 - r.Uint64()>>(63-kt.Digits[T]()) | kt.RawBits(v)&kt.SignBit[T]())
			}
		}
	})
}

// derive makes stats and maxima that rows of logits may have.
func (c *Call[T]) derive(r *kt.Rand, i int, kind kt.Kind) {
	if c.Opts == 0 { // of any logits
		x := make([]T, 3*c.Rows)
		kt.Fill(r, kind, x, 3)
		check(kernels.ShardStats(statsOf(c, i), x, kernels.Shard[T]{Classes: 3}))
		return
	}
	c.Bind()
	logits, other := c.T(c.Index("logits")), make([]T, 3*c.Rows)
	kt.Fill(r, kind, other, 3)
	turn := r.Intn(3)
	m := make([]T, c.Rows)
	check(kernels.ShardMax(m, logits, c.Shard))
	if c.Args[i].Fill == Maxima {
		if turn > 0 {
			for row := range m {
				m[row] = max(m[row], other[row])
			}
		}
		copy(c.T(i), m)
		return
	}
	stats := statsOf(c, i)
	check(kernels.ShardStats(stats, logits, c.Shard))
	switch turn {
	case 0:
		more := make([]kernels.RowStats[T], c.Rows)
		check(kernels.ShardStats(more, other, kernels.Shard[T]{Classes: 3}))
		kernels.MergeRowStats(stats, more)
	case 1:
		sums := make([]float64, c.Rows*kernels.ShardChunks[T](c.Classes))
		check(kernels.ShardSums[T, int](sums, nil, logits, m, nil, c.Shard))
		kernels.FoldChunks(stats, m, nil, sums)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// String describes the call for whoever has to repeat it.
func (c *Call[T]) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s[%s], %d rows of %d", c.Name, kt.TypeName[T](), c.Rows, c.Classes)
	o := c.Options
	if o.None && c.Opts != 0 {
		b.WriteString(", opts nil")
	}
	show := func(has Opts, format string, v ...any) {
		if c.Opts&has != 0 && !o.None {
			fmt.Fprintf(&b, ", "+format, v...)
		}
	}
	show(LogitScale, "LogitScale %v", o.LogitScale)
	show(Strides, "Stride %d", o.Stride)
	show(DstStrides, "DstStride %d", o.DstStride)
	show(Smoothing, "LabelSmoothing %v", o.LabelSmoothing)
	show(Offset, "Offset %d", o.Offset)
	show(Reducing, "Reduction %v", o.Reduction)
	if o.IgnoreIndex != nil {
		show(Ignoring, "IgnoreIndex %d", *o.IgnoreIndex)
	}
	if c.Opts&Scale != 0 {
		fmt.Fprintf(&b, ", scale %v", c.Scale)
	}
	for i, a := range c.Args {
		switch {
		case a.Type == Label:
			fmt.Fprintf(&b, ", %s %s", a.Name, c.LabelType().Name)
		case c.Ops[i].Mem == nil:
			fmt.Fprintf(&b, ", %s nil", a.Name)
		case a.In && c.Ops[i].Len() <= 40:
			fmt.Fprintf(&b, ", %s [%v]", a.Name, c.Ops[i])
		}
	}
	return b.String()
}
