package ktable

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"kernels"
	kt "kernels/internal/ktest"
)

// Values says what a call works on.
type Values struct {
	Kind  kt.Kind
	Fault Fault
	Bytes []byte // instead of a kind: raw bytes, see [kt.FromBytes]
	// Wild is for what not all tests take: strides of a single row, which mean nothing, up to the
	// largest int, and NaN in rows of probabilities.
	Wild bool
	// Typical is for benchmarks: the same options in each call, ints as labels, and only dloss nil.
	Typical bool
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
	c := &Call[T]{Func: f, Rows: rows, Classes: classes, Scale: 1.0 / 32}
	if !v.Typical {
		c.Labels, c.Scale = r.Intn(len(f.calls)), T(scales[r.Intn(len(scales))])
	}
	shared := false
	for _, j := range share {
		shared = shared || j >= 0
	}
	c.draw(r, v, shared)
	extra := [3]int{Packed: 0, AtStride: r.Intn(6), AtDstStride: r.Intn(6)} // what slices have behind the last row
	if v.Typical {
		extra = [3]int{}
	}
	if shared {
		extra[AtDstStride] = extra[AtStride]
	}
	c.Ops = make([]kt.Array, len(f.Args))
	gap := []byte{0xa5, 0xff, 0x7f, 0}[r.Intn(4)]
	for i := range f.Args {
		a := &f.Args[i]
		n, isNil := c.length(r, i, extra[a.Stride]), a.Nil && r.Intn(3) == 0 && !v.Typical || v.Typical && a.Len == Upstream
		if a.Name == "losses" && c.Reduction == kernels.ReductionNone && !f.Gradient() {
			isNil = false
		}
		if (a.Len == PerClass || a.Len == Repeats) && c.None {
			isNil = true
		}
		if isNil {
			c.Ops[i].Type = c.TypeOf(i)
			continue
		}
		c.Ops[i] = kt.NewArray(c.TypeOf(i), n)
		if a.Stride != Packed {
			for k := range c.Ops[i].Mem {
				c.Ops[i].Mem[k] = gap
			}
		}
	}
	victim, ins := r.Intn(len(f.Args)+1), 0
	for i := range f.Args {
		if a := &f.Args[i]; a.In && c.Ops[i].Mem != nil {
			kind := v.Kind
			if ins > 0 && r.Intn(2) == 0 {
				kind = kt.Unit
			}
			values := func(row []T) {
				some := row[:min(len(row), 1<<16)] // more than a branch predictor learns
				kt.Fill(r, kind, some, max(len(some), 1))
				for k := len(some); k < len(row); k *= 2 {
					copy(row[k:], row[:k])
				}
			}
			if n := len(v.Bytes); n > 0 {
				x := make([]T, c.Rows*c.Classes+c.Classes)
				kt.FromBytes(slices.Concat(v.Bytes[ins*n/2%n:], v.Bytes[:ins*n/2%n]), x)
				values = func(row []T) { x = x[copy(row, x):] }
			}
			ins++
			c.fill(r, i, v.Typical || r.Intn(2) == 0, values)
			if v.Fault != NoFault && (a.Type == Elem && a.Fill != Positive || a.Type == Double) && (i == victim || victim == len(f.Args)) {
				c.spoil(r, i, v.Fault)
			}
			if a.Name == "probs" && !v.Wild {
				for k, p := range c.T(i) {
					if p != p {
						c.T(i)[k] = 0.5
					}
				}
			}
		}
	}
	for i, j := range share { // what is one slice holds the same
		if j >= 0 {
			c.Ops[i] = c.Ops[j]
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
	if v.Typical {
		if c.Opts&LogitScale != 0 {
			o.LogitScale = 0.5
		}
		if c.Opts&Smoothing != 0 {
			o.LabelSmoothing, o.Reduction = 0.1, kernels.ReductionSum
		}
		return
	}
	if o.None = r.Intn(6) == 0; o.None {
		return
	}
	if has(LogitScale) {
		o.LogitScale = []T{1, 0.5, 3, 1.0 / 7, 0.75, 1e-3, 1e3}[r.Intn(7)]
	}
	stride := func() int {
		if v.Wild && c.Rows <= 1 && r.Intn(2) == 0 {
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

// TypeOf returns the type of argument i's elements.
func (c *Call[T]) TypeOf(i int) reflect.Type {
	return [...]reflect.Type{Elem: reflect.TypeFor[T](), Label: labelTypes[c.Labels], Int: reflect.TypeFor[int](),
		Double: reflect.TypeFor[float64](), Word: reflect.TypeFor[uint64](), Stats: reflect.TypeFor[kernels.RowStats[T]]()}[c.Args[i].Type]
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
		return []int{1, c.Rows}[r.Intn(2)]
	case Repeats:
		return []int{1, c.Classes, c.Classes, max(n, 1)}[r.Intn(4)]
	case Chunks:
		return c.Rows * kernels.ShardChunks[T](c.Classes)
	case Folds:
		return c.Rows * (1 + r.Intn(5))
	}
	return c.Span(i, c.Rows) + min(extra, c.Pitch(i)-c.Classes)*min(c.Rows, 1)
}

// each calls f with each row of an argument that is T's, or with all that is not in rows.
func (c *Call[T]) each(i int, f func(row []T)) {
	if l := c.Args[i].Len; l != Each && l != Checked || !c.Func.Rows {
		f(c.T(i))
		return
	}
	for r := range c.Rows {
		f(c.Row(i, r))
	}
}

// Row returns row r of argument i.
func (c *Call[T]) Row(i, r int) []T { return c.T(i)[r*c.Pitch(i):][:c.Classes] }

// fill fills argument i with values, or what they mean; y with what a forward makes of them, or not.
func (c *Call[T]) fill(r *kt.Rand, i int, forward bool, values func(row []T)) {
	switch a := &c.Args[i]; a.Type {
	case Word:
		for k := range kt.View[uint64](c.Ops[i]) {
			kt.View[uint64](c.Ops[i])[k] = r.Uint64() // also past the end
		}
	case Double:
		kt.Fill(r, kt.Kind(r.Intn(len(kt.Kinds()))), kt.View[float64](c.Ops[i]), max(c.Ops[i].Len(), 1))
	case Label:
		for row := range c.Rows {
			switch p := c.IgnoreIndex; {
			case c.Opts&Offset != 0 && r.Intn(4) == 0:
				c.PutLabel(i, row, int(r.Uint64())) // perhaps nobody's
			case p != nil && r.Intn(3) == 0 && c.PutLabel(i, row, *p):
			case !c.PutLabel(i, row, c.Offset+r.Intn(c.Classes)):
				c.PutLabel(i, row, 0)
			}
		}
	case Elem:
		c.each(i, func(row []T) {
			if values(row); len(row) == 0 {
				return
			}
			switch {
			case a.Fill == Probs && (forward || r.Intn(2) == 0):
				kt.FillProb(r, row, len(row))
			case a.Fill == Soft && forward:
				kernels.Softmax(row, tame(row, 30), len(row))
			case a.Fill == LogSoft && forward:
				kernels.LogSoftmax(row, tame(row, 30), len(row))
			}
			for k, v := range row {
				if a.Fill == ZeroOne {
					if b := r.Intn(8); b < 6 {
						row[k] = T(b % 2)
					}
				} else if a.Fill == Positive {
					if w := math.Abs(float64(v)); w <= 1e3 {
						row[k] = T(w)
					} else {
						row[k] = T(r.Intn(3))
					}
				}
			}
		})
	}
}

// tame returns x with every value finite and in ±limit.
func tame[T kernels.Float](x []T, limit float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		f := float64(v)
		if f-f != 0 {
			f = 0.5
		}
		if math.Abs(f) > limit {
			f = math.Copysign(limit/(1+math.Abs(math.Remainder(f, 7))), f)
		}
		y[i] = T(f)
	}
	return y
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
	fmt.Fprintf(&b, "%s[%v], %d rows of %d, scale %v, %+v", c.Name, reflect.TypeFor[T](), c.Rows, c.Classes, c.Scale, c.Options)
	if c.IgnoreIndex != nil {
		fmt.Fprintf(&b, ", IgnoreIndex %d", *c.IgnoreIndex)
	}
	for i, a := range c.Args {
		switch {
		case c.Ops[i].Mem == nil:
			fmt.Fprintf(&b, ", %s nil", a.Name)
		case a.In && c.Ops[i].Len() <= 40:
			fmt.Fprintf(&b, ", %s []%v %v", a.Name, c.Ops[i].Type, c.Ops[i])
		}
	}
	return b.String()
}
