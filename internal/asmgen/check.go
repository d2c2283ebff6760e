package asmgen

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// check returns an error for a kernel that makes no sense: parameters that its shape does not use
// or needs in another type, a function of the page that returns more or fewer values than the shape
// names, unused operations and inputs, and operands of the wrong kind. Without it, one output too
// many would be stored over the first input.
func (kn Kernel) check(t Type) error {
	c := &checker{kernel: kn, t: t, asked: map[string]bool{}}
	c.params = c.splitParams()
	kn.Shape.check(c)
	for _, p := range c.params {
		if !c.asked[p.name] {
			c.refuse("parameter %s %s is nothing to the shape", p.name, p.typ)
		}
	}
	if len(c.errs) == 0 {
		return nil
	}
	return kn.refuse(t, errors.Join(c.errs...))
}

// refuse adds the name of the kernel to an error.
func (kn Kernel) refuse(t Type, err error) error {
	return fmt.Errorf("asmgen: page %s, kernel %s, %s: %w", kn.Page, kn.Name, t.Go(), err)
}

// A checker collects the errors of one kernel for one type.
type checker struct {
	kernel Kernel
	t      Type
	params []param
	asked  map[string]bool
	errs   []error
}

func (c *checker) refuse(format string, args ...any) {
	if err := fmt.Errorf(format, args...); !slices.ContainsFunc(c.errs, func(e error) bool {
		return e.Error() == err.Error()
	}) {
		c.errs = append(c.errs, err)
	}
}

// splitParams returns the parameters of the kernel, and checks that each has a type and a name of
// its own.
func (c *checker) splitParams() []param {
	ps := splitParams(c.kernel.Params)
	if n := strings.Count(c.kernel.Params, ",") + 1; len(ps) != n {
		c.refuse("the last of %d parameters has no type", n)
	}
	for i, p := range ps {
		if slices.ContainsFunc(ps[:i], func(q param) bool { return q.name == p.name }) {
			c.refuse("parameter %s is there twice", p.name)
		}
	}
	return ps
}

// param requires parameters of a type.
func (c *checker) param(typ string, names ...string) {
	for _, name := range names {
		c.asked[name] = true
		switch i := slices.IndexFunc(c.params, func(p param) bool { return p.name == name }); {
		case i < 0:
			c.refuse("there is no parameter %s %s", name, typ)
		case c.params[i].typ != typ:
			c.refuse("parameter %s is %s, not %s", name, c.params[i].typ, typ)
		}
	}
}

// matrices requires slices of rows and their strides.
func (c *checker) matrices(names ...string) {
	c.param("[]T", names...)
	for _, name := range names {
		of := strideNames(name)
		i := slices.IndexFunc(of, func(n string) bool {
			return slices.ContainsFunc(c.params, func(p param) bool { return p.name == n })
		})
		c.param("int", of[max(i, 0)])
	}
}

// A part is one function of a page, on trial.
type part struct {
	*checker
	name   string // Body, ...
	b      *Builder
	inputs map[V]string
	needed map[V]bool // inputs that have to be used
	absent V          // an input that the shape does not have, or -1
}

func (c *checker) part(name string) *part {
	w := &writer{}
	// AVX2 has the fewest registers, and so operations such as Spill, which the others leave out
	k := &kernelState{machine: newMachine(avx2, w), w: w, kernel: c.kernel, t: c.t, target: avx2,
		uses: map[uint64]int{}, names: map[uint64]string{}, numbers: map[uint64]bool{},
		tracing: true}
	return &part{c, name, k.newBuilder(false), map[V]string{}, map[V]bool{}, -1}
}

// input returns a value for an argument of the function.
func (p *part) input(name string, needed bool) V {
	v := p.b.pinnedValue(0)
	p.inputs[v], p.needed[v] = name, needed
	return v
}

func (p *part) inputsOf(names []string) (vs []V) {
	for _, n := range names {
		vs = append(vs, p.input(n, true))
	}
	return vs
}

// run calls the function of the page, and reports whether it returned without a panic.
func (p *part) run(f func(b *Builder)) (ok bool) {
	defer func() {
		if e := recover(); e != nil {
			p.refuse("%s panics: %v", p.name, e)
			ok = false
		}
	}()
	f(p.b)
	return true
}

// count checks the number of values that the function returned.
func (p *part) count(got []V, what string, names []string) {
	if len(got) != len(names) {
		p.refuse("%s returns %d values for %s, which names %d: %s", p.name, len(got), what,
			len(names), strings.Join(names, ", "))
	}
}

func (p *part) atMost(got []V, what string) {
	if len(got) > maxParams {
		p.refuse("%s returns %d values for %s, where there is room for %d", p.name, len(got),
			what, maxParams)
	}
}

// number checks a value that the function returned. A value that is stored, in memory or in a sum,
// must not be a constant.
func (p *part) number(v V, what string, stored bool) {
	switch {
	case v < 0 || int(v) >= len(p.b.vals):
		p.refuse("%s: %s is no value of this sequence", p.name, what)
	case p.b.vals[v].isMask:
		p.refuse("%s: %s is a mask", p.name, what)
	case stored && p.b.vals[v].isConst:
		p.refuse("%s: %s is a constant", p.name, what)
	}
}

// end checks the operations. results are the values that are used elsewhere.
func (p *part) end(results ...V) {
	b := p.b
	used := map[V]bool{}
	for _, v := range results {
		used[v] = true
	}
	for _, o := range b.ops {
		for i, v := range [...]V{o.a, o.b, o.c} {
			if v < 0 {
				continue
			}
			if int(v) >= len(b.vals) {
				p.refuse("%s: %s: operand %d is no value of this sequence", p.name, o, i+1)
				continue
			}
			used[v] = true
			switch mask := o.kind == opSelect && i == 0; {
			case mask != b.vals[v].isMask:
				p.refuse("%s: %s: operand %d is %s", p.name, o, i+1,
					map[bool]string{true: "not a mask", false: "a mask"}[mask])
			case b.vals[v].isConst && (o.kind == opShl || o.kind == opShr || o.kind == opSpill):
				p.refuse("%s: %s: operand %d is a constant", p.name, o, i+1)
			}
			if v == p.absent {
				p.refuse("%s: %s: there is no %s here", p.name, o, p.inputs[v])
			}
		}
	}
	for _, o := range b.ops {
		if o.dst >= 0 && !used[o.dst] {
			p.refuse("%s: %s: its value is never used", p.name, o)
		}
	}
	for v := range V(len(b.vals)) {
		switch {
		case used[v]:
		case p.needed[v]:
			p.refuse("%s: %s is never used", p.name, p.inputs[v])
		case b.vals[v].isConst:
			p.refuse("%s: the constant %#x is never used", p.name, b.vals[v].bits)
		}
	}
}

// opNames has the method of Builder for each kind of operation.
var opNames = map[opKind]string{
	opSpill: "Spill", opAdd: "Add", opSub: "Sub", opMul: "Mul", opDiv: "Div", opSqrt: "Sqrt",
	opMax: "Max", opMin: "Min", opFMA: "FMA", opFNMA: "FNMA", opAnd: "And", opOr: "Or",
	opIntAdd: "IntAdd", opIntSub: "IntSub", opShl: "ShiftLeft", opShr: "ShiftRight",
	opLess: "Less", opEqual: "Equal", opSelect: "Select",
	opLookup: "Lookup", opTwice: "Lookup", opIntMulAdd: "Lookup",
}

// String names the operation and its line in the page.
func (o op) String() string { return opNames[o.kind] + " (" + o.at + ")" }

// pageLine returns the line of the page that called a method of Builder.
func pageLine() string {
	f, _ := pageFrame()
	return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
}

func (s Map) check(c *checker) {
	c.param("[]T", append(slices.Clone(s.Out), s.In...)...)
	c.param("T", s.Scalars...)
	if len(s.Out) == 0 {
		c.refuse("Out names nothing")
	}
	p := c.part("Body")
	in, scalars := p.inputsOf(s.In), p.inputsOf(s.Scalars)
	var out []V
	if !p.run(func(b *Builder) { out = s.Body(b, in, scalars) }) {
		return
	}
	p.outputs(out, s.Out)
	p.end(out...)
}

func (p *part) outputs(out []V, names []string) {
	p.count(out, "Out", names)
	for i, v := range out {
		what := "a value beyond Out"
		if i < len(names) {
			what = names[i]
		}
		p.number(v, what, true)
	}
}

func (s Rows) check(c *checker) {
	c.matrices(append(slices.Clone(s.Out), s.In...)...)
	c.param("[]T", s.Row...)
	c.param("T", s.Scalars...)
	c.param("int", "cols")
	switch s.Reduce {
	case Sum:
		c.param("[]float64", "sum")
		c.param("bool", "narrow")
	case Max:
		c.param("[]T", "m")
	case None:
		if len(s.Row) == 0 {
			c.refuse("Row names nothing, and nothing else tells the number of rows")
		}
	}
	if s.Skip {
		c.param("[]int", "skip")
		if s.Reduce != Sum {
			c.refuse("Skip leaves an element out of a sum, and there is none")
		}
	}
	names := append(slices.Clone(s.Row), s.Scalars...)
	if s.Prologue != nil {
		p := c.part("Prologue")
		row, scalars := p.inputsOf(s.Row), p.inputsOf(s.Scalars)
		var out []V
		if !p.run(func(b *Builder) { out = s.Prologue(b, row, scalars) }) {
			return
		}
		names = nil
		for i, v := range out {
			names = append(names, fmt.Sprintf("value %d of Prologue", i+1))
			p.number(v, names[i], false)
			// the values go to the registers of Row one after the other, value i to that of Row i
			if j := slices.Index(row, v); j >= 0 && j < i {
				p.refuse("Prologue returns %s as value %d, after value %d took its place",
					s.Row[j], i+1, j+1)
			}
		}
		p.end(out...)
	}
	p := c.part("Body")
	in, row := p.inputsOf(s.In), p.inputsOf(names)
	var out []V
	var reduce V
	if !p.run(func(b *Builder) { out, reduce = s.Body(b, in, row) }) {
		return
	}
	p.outputs(out, s.Out)
	switch {
	case s.Reduce != None:
		p.number(reduce, "the value to reduce", true)
	case reduce >= 0:
		c.refuse("Body returns a value to reduce, and there is no reduction")
	}
	p.end(append(slices.Clone(out), reduce)...)
}

// valuesOf names n values that a function returns.
func valuesOf(n int, function string) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("value %d of %s", i+1, function))
	}
	return names
}

func (s Columns) check(c *checker) {
	c.matrices("x")
	if s.Dst {
		c.matrices("dst")
	}
	c.param("[]T", append(slices.Clone(s.Row), s.PerRow...)...)
	c.param("int", "rows", "cols", "half")
	if s.Sum != "" {
		c.param("[]float64", s.Sum)
	}
	if s.Label {
		c.param("[]int", "label")
	}

	p := c.part("Prologue")
	var row, perRow, finish []V
	maximum := p.input("max", true)
	if !p.run(func(b *Builder) { row = s.Prologue(b, maximum) }) {
		return
	}
	p.atMost(row, "Exp")
	for i, v := range row {
		p.number(v, valuesOf(len(row), "Prologue")[i], false)
	}
	p.end(row...)

	p = c.part("Exp")
	x, in := p.input("x", true), p.inputsOf(valuesOf(len(row), "Prologue"))
	var w V
	if !p.run(func(b *Builder) { w = s.Exp(b, x, in) }) {
		return
	}
	p.number(w, "its value", true)
	p.end(w)

	p = c.part("Epilogue")
	maximum, sum, at := p.input("max", false), p.input("sum", s.Sum == "" || s.Over != ""),
		p.input("value at the label", false)
	switch {
	case !s.Label:
		p.absent = at
	case s.Sum != "" && s.Over == "":
		p.absent = sum
	}
	in = p.inputsOf(s.Row)
	if !p.run(func(b *Builder) { perRow, finish = s.Epilogue(b, maximum, sum, at, in) }) {
		return
	}
	p.count(perRow, "PerRow", s.PerRow)
	for i, v := range append(slices.Clone(perRow), finish...) {
		p.number(v, fmt.Sprintf("value %d", i+1), false)
		if v == p.absent {
			c.refuse("Epilogue: there is no %s here", p.inputs[v])
		}
	}
	p.end(append(slices.Clone(perRow), finish...)...)
	p.atMost(finish, "Finish")
	if s.Reciprocal && (len(perRow) > 0 || len(s.Row) > 0 || s.Label || len(finish) != 2) {
		c.refuse("Reciprocal stands for an Epilogue with two values for Finish and nothing else")
	}
	i := slices.Index(s.Row, s.Over)
	if s.Sum != "" && !s.Label || s.Over != "" && (s.Sum == "" || i < 0 || len(s.Row) > maxParams) {
		c.refuse("Sum needs a label, and Over, one of at most %d inputs of Row, needs Sum", maxParams)
	}
	s.checkFinish(c, finish)
}

// checkFinish checks Finish, which gets the values finish from Epilogue.
func (s Columns) checkFinish(c *checker, finish []V) {
	switch {
	case !s.Dst:
		if len(finish) > 0 || s.Finish != nil {
			c.refuse("Epilogue returns %d values for Finish, and there is no dst", len(finish))
		}
		return
	case s.Finish == nil:
		c.refuse("there is no Finish for dst")
		return
	case s.Label && len(finish) == 0:
		c.refuse("Epilogue returns nothing for the label")
		return
	}

	p := c.part("Finish")
	w, in := p.input("w", true), p.inputsOf(valuesOf(len(finish), "Epilogue"))
	if s.Label {
		p.needed[in[len(in)-1]] = false // it goes to the label without Finish
	}
	var y V
	if !p.run(func(b *Builder) { y = s.Finish(b, w, in) }) {
		return
	}
	p.number(y, "its value", true)
	p.end(y)
}

func (MaskOut) check(c *checker) {
	c.param("[]T", "dst", "x")
	c.param("[]uint64", "mask")
}

func (MaskIn) check(c *checker) {
	c.param("[]T", "dx", "dy")
	c.param("[]uint64", "mask")
}

func (Find) check(c *checker) {
	c.matrices("x")
	c.param("[]T", "m")
	c.param("[]int", "index")
	c.param("int", "cols")
}
