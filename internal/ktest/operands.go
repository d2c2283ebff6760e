package ktest

// Operands are the arguments of a call of a primitive of package kernels, or of a function under
// the golden hashes. Each function uses some of them.
type Operands[T Float] struct {
	Rows, Cols int
	Narrow     bool
	Scale      T

	Out  []T // rows at OutS
	In   [3][]T
	OutS int
	InS  [3]int

	PerRow [3][]T    // inputs with one element per row
	Skip   []int     // an input with one column per row
	Mask   []uint64  // an input
	Loss   []T       // an output with one element per row
	Sum    []float64 //
	Index  []int     //
}

// A Primitive is a function of operands, with a description of the operands that it uses.
type Primitive[T Float] struct {
	Name string
	Run  func(c *Operands[T])

	Ins    int   // number of inputs with as many elements as the output
	Alias  []int // inputs that may be the same slice as the output
	PerRow int   // number of inputs with one element per row
	// Prep changes filled inputs so that they are as the function expects.
	Prep func(r *Rand, c *Operands[T])

	NoOut, Skip, MaskIn, Loss, Sum, Find bool
}

// A Shape is the size of a call: Rows rows of Cols elements. Between them are Pad elements in the
// first operand, and more in those after it.
type Shape struct{ Rows, Cols, Pad int }

func (s Shape) stride(operand int) int {
	if s.Pad == 0 {
		return s.Cols
	}
	return s.Cols + s.Pad + operand
}

func (s Shape) size(stride int) int {
	if s.Rows == 0 {
		return 0
	}
	return (s.Rows-1)*stride + s.Cols
}

var operandScales = []float64{1, 1.0 / 30, -2, 0, 0x1p-40, 0x1p40, 0.3, 1e-30, 1e30}

// Operands returns the inputs of a call. The output shares the slice of input alias, unless that is
// negative. Golden hashes depend on each bit of the inputs.
func (k *Primitive[T]) Operands(s Shape, kind Kind, seed uint64, alias int) *Operands[T] {
	r := NewRand(seed*1000003 + uint64(s.Rows)*8191 + uint64(s.Cols)*31 + uint64(kind))
	c := &Operands[T]{Rows: s.Rows, Cols: s.Cols}
	c.Scale = T(operandScales[r.Intn(len(operandScales))])
	block := 16 // of the canonical sum
	if Is32[T]() {
		block = 32
	}
	c.Narrow = s.Cols <= block && r.Intn(4) != 0
	for i := range k.Ins {
		c.InS[i] = s.stride(i + 1)
		c.In[i] = make([]T, s.size(c.InS[i]))
		kd := kind
		if i > 0 && r.Intn(2) == 0 {
			kd = Unit
		}
		Fill(r, kd, c.In[i], max(c.InS[i], 1))
	}
	c.OutS = s.stride(0)
	if alias >= 0 {
		c.OutS = c.InS[alias]
	}
	for i := range k.PerRow {
		c.PerRow[i] = make([]T, s.Rows)
		Fill(r, kind, c.PerRow[i], s.Rows)
	}
	if k.Skip {
		c.Skip = make([]int, s.Rows)
	}
	if k.MaskIn {
		c.Mask = make([]uint64, (s.Cols+63)/64)
		for i := range c.Mask {
			c.Mask[i] = r.Uint64() // also bits past the end
		}
	}
	if k.Prep != nil && s.Rows > 0 {
		k.Prep(r, c)
	}
	return c
}

// Routine returns k in the form for the tests that go over all functions.
func (k *Primitive[T]) Routine() Routine {
	shares := [][]int{nil}
	for _, in := range k.Alias {
		shares = append(shares, []int{1 + in})
	}
	return Routine{Name: k.Name, Inner: true, Rows: true, Shares: shares,
		Case: func(s Shape, kind Kind, seed uint64, share []int) *Case {
			alias := -1
			if share != nil {
				alias = share[0] - 1
			}
			return k.bind(k.Operands(s, kind, seed, alias), s).Shared(share)
		}}
}

// bind returns the case of a call with operands.
func (k *Primitive[T]) bind(c *Operands[T], s Shape) *Case {
	b := &Case{Name: k.Name}
	var set []func(d *Operands[T], a Array)
	add(b, &set, "out", !k.NoOut, true, make([]T, s.size(c.OutS)), func(d *Operands[T]) *[]T {
		return &d.Out
	})
	for i := range k.Ins {
		add(b, &set, "in", true, false, c.In[i], func(d *Operands[T]) *[]T { return &d.In[i] })
	}
	for i := range k.PerRow {
		add(b, &set, "perRow", true, false, c.PerRow[i], func(d *Operands[T]) *[]T {
			return &d.PerRow[i]
		})
	}
	add(b, &set, "skip", k.Skip, false, c.Skip, func(d *Operands[T]) *[]int { return &d.Skip })
	add(b, &set, "loss", k.Loss, true, make([]T, s.Rows), func(d *Operands[T]) *[]T {
		return &d.Loss
	})
	add(b, &set, "sum", k.Sum, true, make([]float64, s.Rows), func(d *Operands[T]) *[]float64 {
		return &d.Sum
	})
	add(b, &set, "index", k.Find, true, make([]int, s.Rows), func(d *Operands[T]) *[]int {
		return &d.Index
	})
	b.Run = func(args []Array) error {
		d := *c
		for i, a := range args {
			set[i](&d, a)
		}
		k.Run(&d)
		return nil
	}
	return b
}

func add[T Float, E any](b *Case, set *[]func(d *Operands[T], a Array), name string, used, out bool,
	data []E, field func(d *Operands[T]) *[]E) {
	if !used {
		return
	}
	a := ArrayOf(data)
	if out {
		FillCanary(a.Mem)
	}
	b.Args = append(b.Args, Arg{Name: name, Out: out, Data: a, Share: -1})
	*set = append(*set, func(d *Operands[T], a Array) { *field(d) = View[E](a) })
}
