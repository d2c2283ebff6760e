package asmgen

import (
	"math"
	"slices"
)

// Reduction is what a Rows kernel computes of each row besides its outputs.
type Reduction int

// The reductions. Sum is the canonical sum, stored in the parameter sum. Max is the maximum,
// ignoring NaN, stored in the parameter m.
const (
	None Reduction = iota
	Sum
	Max
)

// Rows is a loop over the rows of matrices. Row r of matrix x starts at element r*xstride.
type Rows struct {
	Out, In []string
	// Row names slices with one element per row.
	Row []string
	// Scalars are parameters of the element type, the same for all rows.
	Scalars []string
	Reduce  Reduction
	// Skip leaves element skip[r] out of the sum of row r.
	Skip bool
	// Slow says that what is summed takes a long chain of operations. Then a row's last group waits
	// for the elements of the next row, as the end of each row's sum does. With a Pipeline, that
	// has to be so.
	Slow bool
	// Repeat is as in Map.
	Repeat bool
	Unroll int
	// Pipeline is the schedule of a whole group of the canonical sum, by instruction set and type.
	// Without one the loop goes block by block. Its Unroll is not used.
	Pipeline map[string]Pipeline
	// Prologue computes the values that are the same for the whole row.
	Prologue func(b *Builder, row, scalars []V) []V
	// Body computes the outputs and, for a reduction, the value to reduce.
	Body func(b *Builder, in, row []V) (out []V, reduce V)
}

// rowsCode writes a Rows.
type rowsCode struct {
	*kernelState
	s        Rows
	unroll   int
	backward bool // from the last row to the first

	// vector registers: one accumulator per unrolled vector; the float64 sums and their errors;
	// parameters; the values that a row begins with, and those that Body gets of it
	accs, sums               []int
	scalars, rowRegs, params []int

	rows    gpr // rows left
	result  gpr
	rowPtrs []gpr
	skipPtr gpr
	rel     gpr // the element left out, relative to the current one
	blocks  gpr // left in the group
	state   int // offset in the frame: the sums of the row before
}

func (s Rows) emit(k *kernelState) {
	k.skip, k.repeat = s.Skip, s.Repeat
	r := &rowsCode{kernelState: k, s: s, unroll: s.Unroll}
	r.backward = s.Reduce == Sum && k.maskedStores()
	if r.unroll == 0 {
		r.unroll = defaultUnroll
	}
	r.accumulators()
	r.pointers()
	r.scalars = k.broadcastArgs(s.Scalars)
	r.rowValues()
	k.loadPinned()
	if s.Reduce == Sum {
		r.sumRows()
	} else {
		r.elementRows()
	}
}

// accumulators pins the registers that a reduction adds to. Those of a sum must be low ones.
func (r *rowsCode) accumulators() {
	switch r.s.Reduce {
	case None:
		return
	case Sum: // a block at a time
		r.unroll = r.block() / r.lanes()
	}
	for range r.unroll {
		r.accs = append(r.accs, r.pin())
	}
	if r.s.Reduce == Sum {
		for range r.sumRegs(r.t) {
			r.sums = append(r.sums, r.pin())
		}
	}
}

// pointers loads the addresses of the slices and the number of rows.
func (r *rowsCode) pointers() {
	k, s := r.kernelState, r.s
	switch s.Reduce {
	case Sum:
		r.result, r.rows = k.base("sum"), k.length("sum")
	case Max:
		r.result, r.rows = k.base("m"), k.length("m")
	case None:
		r.rows = k.length(s.Row[0])
	}
	for _, name := range r.matrices() {
		k.streams = append(k.streams, k.base(name))
	}
	for _, name := range s.Row {
		r.rowPtrs = append(r.rowPtrs, k.base(name))
	}
	if s.Skip {
		r.skipPtr, r.rel = k.base("skip"), k.gpr()
	}
	k.count, k.scratch = k.gpr(), k.gpr()
}

// matrices returns the matrices, which are the streams.
func (r *rowsCode) matrices() []string { return slices.Concat(r.s.Out, r.s.In) }

// rowValues pins registers for the values of a row.
func (r *rowsCode) rowValues() {
	s := r.s
	for range s.Row {
		r.rowRegs = append(r.rowRegs, r.pin())
	}
	if s.Prologue == nil {
		r.params = append(r.rowRegs, r.scalars...)
		return
	}
	probe := r.newBuilder(false)
	n := len(s.Prologue(probe, make([]V, len(s.Row)), make([]V, len(r.scalars))))
	for i := range n {
		if i < len(r.rowRegs) {
			r.params = append(r.params, r.rowRegs[i]) // they are written after their last use
		} else {
			r.params = append(r.params, r.pin())
		}
	}
}

// beginRow computes the values of a row.
func (r *rowsCode) beginRow() {
	k, s := r.kernelState, r.s
	for i, p := range r.rowPtrs {
		k.broadcast(r.rowRegs[i], p, k.t)
		r.next(p, k.t.Size())
	}
	if s.Prologue != nil {
		b := k.newBuilder(false)
		for i, v := range s.Prologue(b, b.pinnedValues(r.rowRegs), b.pinnedValues(r.scalars)) {
			b.moveTo(r.params[i], v)
		}
		k.write(b)
	}
	if s.Skip {
		k.loadWord(r.rel, r.skipPtr, 0)
		r.next(r.skipPtr, 8)
	}
}

// next moves a pointer to the next row's element.
func (r *rowsCode) next(p gpr, size int) {
	if r.backward {
		size = -size
	}
	r.addImm(p, size)
}

// nextRow moves the streams by their strides.
func (r *rowsCode) nextRow() {
	k := r.kernelState
	for i, name := range r.matrices() {
		p := k.strideOf(name)
		k.loadArg(k.scratch, p.name, p.off)
		k.shl(k.scratch, 2+int(k.t))
		if r.backward {
			k.sub(k.streams[i], k.scratch)
		} else {
			k.add(k.streams[i], k.scratch)
		}
	}
}

// elementRows runs Body along the rows, without a sum. The last vector of a row ends with the row,
// and overlaps the one before it. It is loaded first, in case the outputs overwrite the inputs, and
// stored last. So no vector is partial, unless the whole row is less than a vector.
func (r *rowsCode) elementRows() {
	k, s := r.kernelState, r.s
	lanes, size := k.lanes(), log2(k.t.Size())
	last, gap, full := k.gpr(), k.gpr(), k.gpr()
	short, row := k.w.newLabel("short"), k.w.newLabel("row")
	k.loadArg(last, "cols", k.param("cols").off)
	k.branchImm(lt, last, lanes, short)
	// full: elements before the last vector, if that did not overlap; last: its offset; gap: from
	// there to full
	k.mov(full, last)
	k.addImm(full, -1)
	k.shr(full, log2(lanes))
	k.shl(full, log2(lanes))
	k.addImm(last, -lanes)
	k.mov(gap, full)
	k.sub(gap, last)
	k.shl(last, size)
	k.shl(gap, size)
	ends := make([]int, len(s.Out))
	for i := range ends {
		ends[i] = k.pin()
	}
	if len(s.Out) == 1 && k.vectorBytes() >= cacheLine/2 {
		r.askewRows(last, gap, full, ends[0])
	}
	k.addTo(k.streams, last)
	k.w.label(row)
	r.beginRow()
	r.endVector(ends)
	k.subFrom(k.streams, last)
	k.mov(k.count, full)
	k.vectorLoops(r.unroll, func(n int, tail bool) { r.body(0, n, tail) })
	k.subFrom(k.streams, gap)
	for i, e := range ends {
		k.storeAt(k.t, e, k.streams[i], 0)
	}
	r.endRow(row)

	k.w.label(short)
	row = k.w.newLabel("row")
	k.mov(k.count, last)
	k.w.label(row)
	r.beginRow()
	for _, a := range r.accs {
		k.loadConst(k, a, [...]uint64{0xff800000, 0xfff0000000000000}[k.t])
	}
	k.tailMask(k, k.count, k.scratch, s.Reduce != None)
	r.body(0, 1, true)
	r.endRow(row)
}

// endVector computes the vector at the streams and leaves its outputs in ends.
func (r *rowsCode) endVector(ends []int) {
	b := r.newBuilder(false)
	out, reduce := r.compute(b)
	for i, v := range out {
		b.moveTo(ends[i], v)
	}
	if r.s.Reduce == Max {
		for _, a := range r.accs {
			b.moveTo(a, reduce)
		}
	}
	r.write(b)
}

// askewRows is for rows whose outputs do not all begin at a vector's boundary: most rows would
// store all of their vectors, or every other one, to two cache lines. The first vector of a row
// overlaps the second one, which begins at a boundary. Like the last one, it is loaded before
// anything is stored, and stored at the end. ahead and end are free for the distance to the first
// boundary and the address of the last vector. Short rows gain nothing.
func (r *rowsCode) askewRows(last, ahead, end gpr, lastReg int) {
	k, vb, size := r.kernelState, r.vectorBytes(), log2(r.t.Size())
	lbl := k.w.newLabel
	askew, straight, row, even, stored := lbl("askew"), lbl("straight"), lbl("row"), lbl("even"),
		lbl("stored")
	above := 64 - log2(vb) // a shift that leaves an address's place in a vector
	least := 3
	if vb < cacheLine {
		least = 14
	}
	k.branchImm(lt, last, least*vb, straight)
	k.mov(k.scratch, k.streams[0])
	k.shl(k.scratch, above)
	k.branchImm(ne, k.scratch, 0, askew)
	p := k.strideOf(r.s.Out[0])
	k.loadArg(k.scratch, p.name, p.off)
	k.shl(k.scratch, above+size)
	k.branchImm(eq, k.scratch, 0, straight)
	k.w.label(askew)
	firstReg := k.pin()
	k.addTo(k.streams, last)
	k.w.label(row)
	r.beginRow()
	r.endVector([]int{lastReg})
	k.mov(end, k.streams[0])
	k.subFrom(k.streams, last)
	k.mov(k.count, last)
	k.addImm(k.count, vb-1)
	k.movImm(ahead, 0)
	k.sub(ahead, k.streams[0])
	k.shl(ahead, above)
	k.shr(ahead, above)
	k.branchImm(eq, ahead, 0, even)
	r.endVector([]int{firstReg})
	k.sub(k.count, ahead)
	k.addTo(k.streams, ahead)
	k.w.label(even)
	k.shr(k.count, log2(vb))
	k.shl(k.count, log2(k.lanes()))
	k.vectorLoops(r.unroll, func(n int, tail bool) { r.body(0, n, tail) })
	k.mov(k.scratch, k.streams[0])
	k.sub(k.scratch, end)
	k.subFrom(k.streams, k.scratch)
	k.storeAt(k.t, lastReg, k.streams[0], 0)
	k.branchImm(eq, ahead, 0, stored)
	k.sub(end, last)
	k.storeAt(k.t, firstReg, end, 0)
	k.w.label(stored)
	r.endRow(row)
	k.w.label(straight)
}

// endRow ends a row, and goes on with the next one, if there is one.
func (r *rowsCode) endRow(row string) {
	k := r.kernelState
	if r.s.Reduce == Max {
		k.maxAcross(k, r.accs, k.spare(1)[0], r.result)
		k.addImm(r.result, k.t.Size())
	}
	r.nextRow()
	k.addImm(r.rows, -1)
	k.branchImm(ne, r.rows, 0, row)
	k.ret(k)
}

// addTo adds a number to several pointers; subFrom subtracts it.
func (k *kernelState) addTo(ps []gpr, n gpr) {
	for _, p := range ps {
		k.add(p, n)
	}
}

func (k *kernelState) subFrom(ps []gpr, n gpr) {
	for _, p := range ps {
		k.sub(p, n)
	}
}

// body writes n vectors, the first of which is added to the accumulator lane.
func (r *rowsCode) body(lane, n int, tail bool) {
	b := r.newBuilder(tail)
	for b.lane = lane; b.lane < lane+n; b.lane++ {
		r.once(b)
	}
	r.write(b)
}

// once loads, computes, stores and reduces one vector.
func (r *rowsCode) once(b *Builder) {
	reduce := r.vector(b)
	switch r.s.Reduce {
	case Sum:
		acc := b.pinnedValue(r.accs[b.lane])
		b.ops = append(b.ops, op{kind: opKeep, dst: acc, a: reduce, b: -1, c: -1, lane: b.lane})
	case Max:
		if b.tail {
			reduce = b.emit(opFill, reduce, b.K(negInf32, negInf64), -1, 0)
		}
		acc := b.pinnedValue(r.accs[b.lane])
		b.Max(acc, reduce)
		b.into(r.accs[b.lane])
	}
}

// vector loads, computes and stores a vector, and returns the value to reduce.
func (r *rowsCode) vector(b *Builder) (reduce V) {
	out, reduce := r.compute(b)
	for i, v := range out {
		b.store(i, v)
	}
	return reduce
}

// compute loads and computes a vector.
func (r *rowsCode) compute(b *Builder) (out []V, reduce V) {
	var in []V
	for i := range r.s.In {
		in = append(in, b.load(len(r.s.Out)+i))
	}
	return r.s.Body(b, in, b.pinnedValues(r.params))
}

var negInf32, negInf64 = float32(math.Inf(-1)), math.Inf(-1)
