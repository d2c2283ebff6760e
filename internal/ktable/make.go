package ktable

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"kernels"
	kt "kernels/internal/ktest"
)

// Values says which values a call works on.
type Values struct {
	Kind  kt.Kind
	Bytes []byte // instead of a kind: raw bytes, see [kt.FromBytes]
	// Wild adds values that not all tests take: a NaN or an infinity in any place, arguments of
	// subnormal or of the largest values, NaN in rows of probabilities, and for a single row, whose
	// stride means nothing, strides up to the largest int.
	Wild bool
	// Typical is for benchmarks: the options are the same in each call, labels are ints, and only
	// dloss is nil.
	Typical bool
}

// Make returns a call with options and values drawn from r. Arguments that share a slice have equal
// strides. Functions of elements take the elements of all rows.
func (f *Func[T]) Make(r *kt.Rand, rows, classes int, v Values, share []int) *Call[T] {
	if !f.Rows {
		rows, classes = rows*classes, 1
	}
	c := &Call[T]{Func: f, Rows: rows, Classes: classes, Scale: 1.0 / 32,
		Ops: make([]kt.Array, len(f.Args))}
	extra := [4]int{} // elements behind the last row of a slice
	if !v.Typical {
		c.Labels, c.Scale = r.Intn(len(f.calls)), T(scales[r.Intn(len(scales))])
		extra[AtStride], extra[AtDstStride] = r.Intn(6), r.Intn(6)
	}
	if f.Opts&Stepping != 0 {
		c.step(r, v)
	}
	if f.Sizes() {
		c.inner(r, v)
		extra[AtBStride] = extra[AtDstStride] / 2
	}
	c.draw(r, v)
	if slices.ContainsFunc(share, func(j int) bool { return j >= 0 }) {
		extra[AtDstStride], c.DstStride = extra[AtStride], c.Options.Stride
	}
	gap, ins := []byte{0xa5, 0xff, 0x7f, 0}[r.Intn(4)], 0
	for i := range f.Args {
		a := &f.Args[i]
		c.Ops[i] = kt.NewArray(c.TypeOf(i), c.length(r, i, extra[a.Stride]))
		if a.Stride != Packed {
			copy(c.Ops[i].Mem, bytes.Repeat([]byte{gap}, len(c.Ops[i].Mem)))
		}
		if a.In {
			c.fill(r, i, v, c.values(r, v, ins))
			ins++
		}
		none := a.Name == "Bias" && c.Add || a.Nil && r.Intn(3) == 0 && !v.Typical ||
			v.Typical && a.Len == Upstream || c.None && a.Nil && (a.Len == PerClass || a.Len == Repeats)
		if none && (c.Reduction != kernels.ReductionNone || a.Name != "losses" || f.Gradient()) {
			c.Ops[i].Mem = nil
		}
	}
	for i, j := range share { // arguments that share a slice hold the same values
		if j >= 0 {
			c.Ops[i] = c.Ops[j]
		}
	}
	for i := range f.Args { // arguments that depend on others
		a := &f.Args[i]
		if j := f.Index(a.NilWith); j >= 0 && c.Ops[j].Mem == nil {
			c.Ops[i].Mem = nil
		}
		if a.Fill == Merged || a.Fill == Maxima {
			c.derive(r, i, v.Kind)
		}
	}
	c.Bind()
	return c
}

// inner draws the number of terms of a sum: not so many that the generic code takes long, or that
// the matrices and their gaps take more than a MiB.
func (c *Call[T]) inner(r *kt.Rand, v Values) {
	larger := max(c.Rows, c.Classes)
	most := max(min(1<<18/max(c.Rows*c.Classes, 1), (1<<17-8*larger)/(3*larger+6)), 1)
	switch c.Inner = []int{1, 2, 3, 5, 8, 17, 63, 64, 65, 100, 256, 257, 300, 600}[r.Intn(14)]; {
	case v.Typical:
		c.Inner = min(c.Classes, 1000)
	case r.Intn(12) == 0:
		c.Inner = 0
	default:
		c.Inner = min(c.Inner, most)
	}
}

// step draws the parameters of an optimizer.
func (c *Call[T]) step(r *kt.Rand, v Values) {
	if c.Adam = (kernels.AdamParams[T]{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7}); v.Typical {
		return
	}
	betas := []T{0.9, 0.999, 0.5, 0, 1, 0.3, -2}
	c.Adam.Beta1, c.Adam.Beta2 = betas[r.Intn(len(betas))], betas[r.Intn(len(betas))]
	c.Adam.Epsilon = []T{1e-7, 1e-8, 1, 0}[r.Intn(4)]
}

// values returns the function that fills a row of input number ins.
func (c *Call[T]) values(r *kt.Rand, v Values, ins int) func(row []T) {
	if n := len(v.Bytes); n > 0 {
		x, at := make([]T, c.Rows*c.Classes+c.Classes+c.Inner*(c.Rows+c.Classes)), ins*n/2%n
		kt.FromBytes(slices.Concat(v.Bytes[at:], v.Bytes[:at]), x)
		return func(row []T) { x = x[copy(row, x):] }
	}
	if ins > 0 && r.Intn(2) == 0 {
		v.Kind = kt.Unit
	}
	return func(row []T) {
		some := row[:min(len(row), 1<<16)] // more than a branch predictor can learn
		kt.Fill(r, v.Kind, some, max(len(some), 1))
		for k := len(some); k < len(row); k *= 2 {
			copy(row[k:], row[:k])
		}
	}
}

// scales are factors of gradients.
var scales = []float64{1, 1.0 / 30, -2, 0, 0x1p-40, 0x1p40, 0.3, 1e-30, 1e30}

// Gradient reports whether the function computes a gradient, or anything else besides losses.
func (f *Func[T]) Gradient() bool { return f.Args[0].Name != "losses" }

// draw draws options.
func (c *Call[T]) draw(r *kt.Rand, v Values) {
	o, has := &c.Options, func(x Opts) bool {
		return c.Opts&x != 0 && (v.Typical || r.Intn(2) == 0)
	}
	stride := func() int {
		if v.Wild && c.Rows <= 1 && r.Intn(2) == 0 {
			return max(c.Classes, []int{math.MaxInt, math.MaxInt - 1 - r.Intn(70), math.MaxInt / 2,
				math.MaxInt32, int(r.Uint64() >> 1)}[r.Intn(5)])
		}
		return c.Classes + r.Intn(2*c.Classes+7)
	}
	if o.None = r.Intn(6) == 0 && !v.Typical; o.None {
		return
	}
	if has(LogitScale) {
		o.LogitScale = []T{0.5, 1, 3, 1.0 / 7, 0.75, 1e-3, 1e3}[r.Intn(7)]
	}
	if has(Smoothing) {
		o.LabelSmoothing = []T{0.1, 1, 0x1p-20, 0.5}[r.Intn(4)]
	}
	if has(Reducing) {
		o.Reduction = kernels.Reduction(1 + r.Intn(2))
	}
	if v.Typical {
		return
	}
	if has(Strides) {
		o.Stride = stride()
	}
	if has(DstStrides) {
		o.DstStride = stride()
	}
	if has(Ignoring) {
		o.IgnoreIndex = kt.Ptr([]int{-100, 0, r.Intn(c.Classes), c.Classes, -1}[r.Intn(5)])
	}
	if has(Matrices) && c.Args[1].Stride == AtStride {
		pitch := func(i int) int {
			_, cols := c.Dims(i)
			return cols + r.Intn(2*cols+7)
		}
		o.DstStride, o.Stride = pitch(0), pitch(1)
		if len(c.Args) > 2 {
			o.BStride = pitch(2)
		}
	}
	if has(Adding) {
		o.Add = true
	}
	if has(Offset) {
		o.Offset = []int{1, 4096, r.Intn(300), math.MaxInt32}[r.Intn(4)]
	}
}

// TypeOf returns the type of argument i's elements.
func (c *Call[T]) TypeOf(i int) reflect.Type {
	return [...]reflect.Type{Elem: reflect.TypeFor[T](), Label: labelTypes[c.Labels],
		Int:    reflect.TypeFor[int](),
		Double: reflect.TypeFor[float64](), Word: reflect.TypeFor[uint64](),
		Stats: reflect.TypeFor[kernels.RowStats[T]]()}[c.Args[i].Type]
}

// length returns the length of argument i.
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
	rows, cols := c.Dims(i)
	return c.Span(i, rows) + min(extra, c.Pitch(i)-cols)*min(rows, cols, 1)
}

// each calls f with each row of an argument of T, or with the whole argument if it has no rows.
func (c *Call[T]) each(i int, f func(row []T)) {
	if !c.Args[i].Matrix() || !c.Func.Rows {
		f(c.T(i))
		return
	}
	rows, cols := c.Dims(i)
	for r := range min(rows, rows*cols) {
		f(c.Row(i, r))
	}
}

// Row returns row r of argument i.
func (c *Call[T]) Row(i, r int) []T {
	_, cols := c.Dims(i)
	return c.T(i)[r*c.Pitch(i):][:cols]
}

// fill fills argument i with values, or with the labels, masks and so on that it holds.
func (c *Call[T]) fill(r *kt.Rand, i int, v Values, values func(row []T)) {
	a, op, sure := &c.Args[i], c.Ops[i], v.Typical || r.Intn(2) == 0
	switch a.Type {
	case Word:
		for k := range words(c, i) {
			words(c, i)[k] = r.Uint64() // also bits past the end
		}
	case Double:
		kt.Fill(r, v.Kind, doubles(c, i), max(op.Len(), 1))
	case Label:
		for row := range c.Rows {
			switch p := c.IgnoreIndex; {
			case c.Opts&Offset != 0 && r.Intn(4) == 0:
				c.PutLabel(i, row, int(r.Uint64())) // perhaps no class
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
			case a.Fill == Probs && (sure || r.Intn(2) == 0):
				kt.FillProb(r, row, len(row))
			case a.Fill == Soft && sure:
				kernels.Softmax(row, tame(row, 30), len(row))
			case a.Fill == LogSoft && sure:
				kernels.LogSoftmax(row, tame(row, 30), len(row))
			}
			for k, v := range row {
				switch b := r.Intn(8); {
				case a.Fill == ZeroOne && b < 6:
					row[k] = T(b % 2)
				case a.Fill == Squares && sure:
					row[k] = T(math.Abs(float64(v)))
				case a.Fill == Positive:
					if row[k] = T(math.Abs(float64(v))); !(row[k] <= 1e3) {
						row[k] = T(b % 3)
					}
				}
			}
		})
		if v.Wild && a.Fill != Positive && r.Intn(4) == 0 {
			c.spoil(r, i)
		}
		for k, p := range c.T(i) {
			if a.Name == "probs" && !v.Wild && p != p {
				c.T(i)[k] = 0.5
			}
		}
	}
}

// tame returns a copy of x with each value finite and within ±limit.
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

// spoil puts a NaN or an infinity somewhere into argument i, or multiplies all of it by a power of
// two so that its values become subnormal, or huge.
func (c *Call[T]) spoil(r *kt.Rand, i int) {
	turn, at, factor := r.Intn(8), r.Intn(max(c.Rows, 1)),
		math.Ldexp(1, []int{-1030, 1020}[r.Intn(2)])
	if kt.Is32[T]() {
		factor = math.Ldexp(1, []int{-135, 124}[r.Intn(2)])
	}
	c.each(i, func(row []T) {
		if at--; turn < 6 && at < 0 && len(row) > 0 {
			row[r.Intn(len(row))] = []T{T(math.NaN()), T(math.Inf(1)), T(math.Inf(-1))}[turn/2]
			if turn%2 == 0 { // else in the rows that follow, too
				turn = 6
			}
		}
		for k, v := range row {
			if turn > 6 {
				row[k] = T(float64(v) * factor)
			}
		}
	})
}

// derive makes statistics and maxima as rows of logits may have.
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

// String describes the call well enough to repeat it.
func (c *Call[T]) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s[%v], %d rows of %d, scale %v, %+v", c.Name, reflect.TypeFor[T](), c.Rows,
		c.Classes, c.Scale, c.Options)
	if c.Sizes() {
		fmt.Fprintf(&b, ", k = %d", c.Inner)
	}
	if c.Opts&Stepping != 0 {
		fmt.Fprintf(&b, ", %+v", c.Adam)
	}
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
