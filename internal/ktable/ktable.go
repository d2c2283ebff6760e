// Package ktable is the table of the functions of package kernels. A row says what a function
// takes, how it is called and what it has to compute. The tests that go over all functions read it:
// of bits and of bounds, bad calls, splitting, the golden hashes. So do the fuzz targets, the
// benchmarks and the test for emulators. A test compares the table with the package.
package ktable

import (
	"reflect"
	"slices"
	"sync"

	"kernels"
	kt "kernels/internal/ktest"
)

// A Func is a row of the table: a function for one type of elements.
type Func[T kernels.Float] struct {
	Name string
	// Args are the slices that the function takes, in the order of the parameters, followed by the
	// slices in its options. A function without slices is not a kernel; Call tests it.
	Args []Arg
	Opts Opts // the options of the function
	// Call calls the function with the arguments of c.
	Call func(c *Call[T]) error

	// Naive is the loop one writes first, without options. Its labels are ints.
	Naive func(c *Call[T]) error
	// Check checks the results of a call. If it is nil, they must have the bits of the generic
	// code.
	Check func(c, out *Call[T]) error

	Rows  bool // works on rows; other functions take each element for itself
	Value bool // returns a reduced loss
	Whole bool // cannot be called for some of its rows

	calls []func(c *Call[T]) error // Call for each type of labels
}

// An Arg is a slice that a function takes.
type Arg struct {
	Name    string
	In, Out bool
	Type    Type
	Len     Len
	Stride  Stride
	Nil     bool     // may be nil
	NilWith string   // nil if and only if this argument is
	Same    []string // inputs that may be the same slice as this output
	Fill    Fill
}

// Type is the type of the elements of a slice.
type Type uint8

const (
	Elem  Type = iota // T
	Label             // any type of labels
	Int
	Double // float64
	Word   // uint64
	Stats  // RowStats[T]
)

// Len is the required length of a slice.
type Len uint8

const (
	Each     Len = iota // one element per element of the rows
	PerRow              // one element per row
	PerWord             // one bit per element; it may be longer
	PerClass            // one element per class
	Upstream            // one element for all rows, or one per row
	Repeats             // a number that divides the number of elements
	Chunks              // one element per row and piece of the canonical sum
	Folds               // the same number of elements, any, per row
	Checked             // as Each, but a wrong length is an error instead of a panic
	Left                // a matrix of Rows rows and Inner columns
	LeftT               // its transpose
	Right               // a matrix of Inner rows and Classes columns
	RightT              // its transpose
)

// Stride is the stride of the rows, if they do not lie one after the other.
type Stride uint8

const (
	Packed Stride = iota
	AtStride
	AtDstStride
	AtBStride
)

// Fill is the kind of values in a slice.
type Fill uint8

const (
	Any      Fill = iota
	Classes       // labels
	Probs         // mostly probabilities, rows that sum to 1
	ZeroOne       // mostly 0 and 1
	Positive      // finite numbers from 0 on
	Soft          // in half of the cases a result of Softmax
	LogSoft       // in half of the cases a result of LogSoftmax
	Merged        // statistics of the rows
	Maxima        // at least the maxima of the rows
	Squares       // in half of the cases numbers from 0 on
)

// Opts is a set of options.
type Opts uint16

const (
	LogitScale Opts = 1 << iota
	Strides
	DstStrides
	Smoothing
	Ignoring
	Reducing
	Offset
	Scale // a parameter, not an option: one number of type T, such as the factor of gradients
	Matrices
	Adding
	Stepping // parameters, not options: those of an optimizer besides the rate, which is Scale
)

// Options are the values of the options of all functions.
type Options[T kernels.Float] struct {
	None                       bool // pass nil; the other options are zero
	LogitScale, LabelSmoothing T
	Stride, DstStride, Offset  int
	IgnoreIndex                *int
	Reduction                  kernels.Reduction
	BStride                    int // the other two are Stride and DstStride
	Add                        bool
}

// A Call holds the arguments of a call.
type Call[T kernels.Float] struct {
	*Func[T]
	Rows, Classes int // for a function of elements: their number, and 1
	Inner         int // for a product of matrices: the number of terms of a sum
	Options[T]
	Scale  T                     // the parameter that Opts announces by Scale
	Adam   kernels.AdamParams[T] // without the rate; Momentum takes Beta1
	Labels int                   // index of the type of the labels
	Ops    []kt.Array
	Result float64 // what the call returned

	// The options as the function takes them.
	Soft  *kernels.SoftmaxOptions[T]
	Loss  *kernels.CrossEntropyOptions[T]
	Bin   *kernels.SigmoidCrossEntropyOptions[T]
	Shard kernels.Shard[T]
	Mul   *kernels.MatMulOptions[T]
	Sums  *kernels.ColumnSumsOptions
	mask  []bool
}

// T returns argument i.
func (c *Call[T]) T(i int) []T { return kt.View[T](c.Ops[i]) }

// Bools returns the mask of a naive loop.
func (c *Call[T]) Bools() []bool {
	if len(c.mask) != c.Rows {
		c.mask = make([]bool, c.Rows)
		for i := range c.mask {
			c.mask[i] = maskBit(c.Ops[2], i)
		}
	}
	return c.mask
}

// Arg returns the named argument, or nil if there is none of that name.
func (c *Call[T]) Arg(name string) []T {
	if i := c.Index(name); i >= 0 {
		return c.T(i)
	}
	return nil
}

// Index returns the position of the named argument, or -1.
func (f *Func[T]) Index(name string) int {
	return slices.IndexFunc(f.Args, func(a Arg) bool { return a.Name == name })
}

// Bind puts the arguments into c's options. It must be called before Run.
func (c *Call[T]) Bind() {
	o := c.Options
	c.Soft, c.Loss, c.Bin, c.Mul, c.Sums = nil, nil, nil, nil, nil
	if !o.None {
		c.Soft = &kernels.SoftmaxOptions[T]{LogitScale: o.LogitScale, Stride: o.Stride,
			DstStride: o.DstStride}
		c.Loss = &kernels.CrossEntropyOptions[T]{Weights: c.Arg("Weights"),
			IgnoreIndex:    o.IgnoreIndex,
			LabelSmoothing: o.LabelSmoothing, Reduction: o.Reduction, LogitScale: o.LogitScale,
			Stride: o.Stride}
		c.Bin = &kernels.SigmoidCrossEntropyOptions[T]{PosWeight: c.Arg("PosWeight")}
		c.Mul = &kernels.MatMulOptions[T]{
			Add:       o.Add,
			Bias:      c.Arg("Bias"),
			DstStride: o.DstStride,
			AStride:   o.Stride,
			BStride:   o.BStride,
		}
		c.Sums = &kernels.ColumnSumsOptions{Add: o.Add, Stride: o.Stride}
	}
	c.Shard = kernels.Shard[T]{Classes: c.Classes, Offset: o.Offset, LogitScale: o.LogitScale,
		Stride: o.Stride, DstStride: o.DstStride}
}

// TakesClasses reports whether the number of classes is a parameter of the function.
func (f *Func[T]) TakesClasses() bool { return f.Rows && f.Index("PosWeight") < 0 }

// Sizes reports whether the numbers of rows and columns are parameters.
func (f *Func[T]) Sizes() bool { return f.Opts&Matrices != 0 }

// Dims returns the rows and columns of a matrix of the call.
func (c *Call[T]) Dims(i int) (rows, cols int) {
	switch c.Args[i].Len {
	case Left:
		return c.Rows, c.Inner
	case LeftT:
		return c.Inner, c.Rows
	case Right:
		return c.Inner, c.Classes
	case RightT:
		return c.Classes, c.Inner
	}
	return c.Rows, c.Classes
}

// Matrix reports whether an argument has rows.
func (a *Arg) Matrix() bool {
	return a.Len == Each || a.Len == Checked || a.Len >= Left
}

// Run calls the function.
func (c *Call[T]) Run() error { return c.calls[c.Labels](c) }

// Case returns c for the tests that place and compare arguments.
func (c *Call[T]) Case() *kt.Case {
	k := &kt.Case{Name: c.Name, Rows: c.Rows, Grain: c.Grain()}
	for i, a := range c.Args {
		k.Args = append(k.Args, kt.Arg{Name: a.Name, Out: a.Out, Data: c.Ops[i], Share: -1})
	}
	if c.Value {
		k.Args = append(k.Args, kt.Arg{Name: kt.Result, Out: true,
			Data: kt.NewArray(reflect.TypeFor[float64](), 1), Share: -1})
	}
	k.Run = func(mem []kt.Array) error {
		d := c.With(mem)
		err := d.Run()
		if err == nil && c.Value {
			kt.View[float64](mem[len(c.Args)])[0] = d.Result
		}
		return err
	}
	k.Piece = func(mem []kt.Array, lo, hi int) error { return c.With(mem).piece(lo, hi).Run() }
	if c.Whole {
		k.Piece = nil
	}
	return k
}

// With returns c with the arguments mem, and with its result if mem has one.
func (c *Call[T]) With(mem []kt.Array) *Call[T] {
	d := *c
	if d.Ops = mem[:len(c.Args)]; len(mem) > len(c.Args) {
		d.Result = kt.View[float64](mem[len(c.Args)])[0]
	}
	d.Bind()
	return &d
}

// Pitch returns the stride of the rows of argument i.
func (c *Call[T]) Pitch(i int) int {
	switch a := &c.Args[i]; {
	case a.Stride == AtStride && c.Options.Stride != 0:
		return c.Options.Stride
	case a.Stride == AtDstStride && c.Options.DstStride != 0:
		return c.Options.DstStride
	case a.Stride == AtBStride && c.BStride != 0:
		return c.BStride
	}
	_, cols := c.Dims(i)
	return cols
}

// Span returns the number of elements from the beginning of the first of n rows of argument i to
// the end of the last.
func (c *Call[T]) Span(i, n int) int {
	_, cols := c.Dims(i)
	if n == 0 || cols == 0 {
		return 0
	}
	return (n-1)*c.Pitch(i) + cols
}

// Summed returns c with a sum in place of a mean, because the divisor of a mean depends on all
// rows.
func (c *Call[T]) Summed() *Call[T] {
	d := *c
	if c.Opts&Reducing != 0 && c.Reduction == kernels.ReductionMean {
		d.None, d.Reduction = false, kernels.ReductionSum
	}
	return &d
}

// Grain returns the number whose multiples are allowed as the number of rows in a piece.
func (f *Func[T]) Grain() int {
	if slices.ContainsFunc(f.Args, func(a Arg) bool { return a.Len == PerWord }) {
		return 64
	}
	return 1
}

// piece returns the call for the rows [lo, hi), with slices of the same memory.
func (c *Call[T]) piece(lo, hi int) *Call[T] {
	d := *c
	d.Rows, d.Ops = hi-lo, slices.Clone(c.Ops)
	for i := range c.Args {
		op := c.Ops[i]
		if op.Mem == nil {
			continue
		}
		each := 1
		switch c.Args[i].Len {
		case Each, Checked, Left:
			end := op.Len()
			if hi < c.Rows {
				end = min(end, lo*c.Pitch(i)+c.Span(i, hi-lo))
			}
			d.Ops[i] = op.Slice(min(lo*c.Pitch(i), end), end)
			continue
		case PerWord:
			d.Ops[i] = op.Slice(lo/64, (hi+63)/64)
			continue
		case PerClass, Right, RightT:
			continue
		case Repeats:
			if each = c.Classes; op.Len() != c.Rows*c.Classes || c.Rows == 1 || lo == hi {
				continue
			}
		case Upstream:
			if op.Len() == 1 {
				continue
			}
		case Chunks, Folds:
			each = op.Len() / max(c.Rows, 1)
		}
		d.Ops[i] = op.Slice(lo*each, hi*each)
	}
	d.Bind()
	return &d
}

// Shares lists the ways in which arguments of f may share one slice, in the form of
// [kt.Case.Shared]. In the first one, all are apart.
func (f *Func[T]) Shares() [][]int {
	apart := slices.Repeat([]int{-1}, len(f.Args))
	all := [][]int{apart}
	for i, a := range f.Args {
		for set := 1; set < 1<<len(a.Same); set++ {
			share := slices.Clone(apart)
			first := -1
			for k, name := range a.Same {
				if j := f.Index(name); set>>k&1 == 1 && first < 0 {
					first = j
				} else if set>>k&1 == 1 {
					share[j] = first
				}
			}
			share[i] = first
			all = append(all, share)
		}
	}
	return all
}

// Funcs returns the table. Its two forms are compiled in this package: every package that calls a
// generic function compiles it again, and the table takes the compiler half a minute.
func Funcs[T kernels.Float]() []Func[T] {
	if kt.Is32[T]() {
		return slices.Clone(any(funcs32()).([]Func[T]))
	}
	return slices.Clone(any(funcs64()).([]Func[T]))
}

var funcs32, funcs64 = sync.OnceValue(funcs[float32]), sync.OnceValue(funcs[float64])

func funcs[T kernels.Float]() []Func[T] {
	fs := table[T]()
	for _, calls := range []map[string]func(c *Call[T]) error{labelled[T, int](),
		labelled[T, uint8](), labelled[T, int32](), labelled[T, uint64]()} {
		for i := range fs {
			f := &fs[i]
			call := calls[f.Name]
			if call == nil {
				call = f.Call
			}
			f.calls = append(f.calls, call)
		}
	}
	for i := range fs {
		fs[i].Call = fs[i].calls[0]
	}
	return fs
}

// Named returns the row of the named function.
func Named[T kernels.Float](name string) *Func[T] {
	for _, f := range Funcs[T]() {
		if f.Name == name {
			return &f
		}
	}
	panic("internal/ktable has no row for " + name)
}

// labelTypes lists the types of labels, in the order of Funcs.
var labelTypes = []reflect.Type{reflect.TypeFor[int](), reflect.TypeFor[uint8](),
	reflect.TypeFor[int32](), reflect.TypeFor[uint64]()}

// PutLabel sets label r of argument i, and reports whether the type can hold it.
func (c *Call[T]) PutLabel(i, r, label int) bool {
	v := c.Ops[i].At(r)
	if v.CanUint() {
		v.SetUint(uint64(label))
		return label >= 0 && v.Uint() == uint64(label)
	}
	v.SetInt(int64(label))
	return v.Int() == int64(label)
}

// label returns label r of argument i.
func (c *Call[T]) label(i, r int) int {
	v := c.Ops[i].At(r)
	if v.CanUint() {
		return int(v.Uint())
	}
	return int(v.Int())
}

func labels[L kernels.Label, T kernels.Float](c *Call[T], i int) []L { return kt.View[L](c.Ops[i]) }

// Routines returns the functions with arguments for the tests that go over all routines.
func Routines[T kernels.Float]() (all []kt.Routine) {
	for _, f := range Funcs[T]() {
		if len(f.Args) > 0 {
			all = append(all, kt.Routine{Name: f.Name, Rows: f.Rows, Shares: f.Shares(),
				Case: func(s kt.Shape, kind kt.Kind, seed uint64, share []int) *kt.Case {
					r := kt.NewRand(seed*1000003 + uint64(s.Rows)*8191 + uint64(s.Cols)*31 +
						uint64(kind))
					c := f.Make(r, s.Rows, s.Cols, Values{Kind: kind}, share)
					return c.Case().Shared(share)
				}})
		}
	}
	return all
}
