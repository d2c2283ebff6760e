package asmgen

import (
	"math/bits"
	"slices"
)

// Columns handles rows of few columns. A batch is as many rows as a vector has lanes. It is
// transposed into a buffer on the stack, one vector per column, worked on there, and transposed
// back. Rows left over at the end are done once more together with rows before them; to be right in
// place, that last batch is read before anything is stored.
//
// The parameters are rows, cols, half (the largest power of two below cols), the strides, and those
// named below. There must be at least as many rows as a vector has lanes, and 2 <= cols <= 32: for
// float32 a block of the canonical sum, for float64 two. With Reciprocal there may be 63 columns of
// float32, and with Sum 60.
type Columns struct {
	// Dst makes the columns go back to the parameter dst.
	Dst bool
	// Label leaves column label[r] out of the sum.
	Label bool
	// Row names inputs with one element per row. They must not overlap any output. PerRow names
	// outputs with one element per row.
	Row, PerRow []string
	// Sum names an output of float64 with one element per row, for the sum that leaves out the
	// label. Over names one of Row. Epilogue gets that input, and the sum, divided by the sum with
	// the label. Where a float32 row is longer than a block, its sum is float64; so are these
	// divisions, whose results are then rounded.
	Sum, Over string
	// Prologue computes from the row maximum what Exp needs.
	Prologue func(b *Builder, max V) []V
	Exp      func(b *Builder, x V, row []V) V
	// Epilogue computes the outputs PerRow and the values that Finish needs, from the maximum, the
	// sum, the value at the label and the inputs Row. With Sum and without Over, it gets no sum.
	Epilogue func(b *Builder, max, sum, at V, row []V) (perRow, finish []V)
	// Reciprocal gives Finish, where a float32 row is longer than a block, the reciprocal of its
	// float64 sum in two float32 parts: the quotient rounded, and what is left of it. Epilogue,
	// which is for the other rows, has to return as many values and no outputs.
	Reciprocal bool
	// Finish computes an element of dst. The element at the label is the last value of Epilogue
	// instead.
	Finish func(b *Builder, w V, finish []V) V
}

const one32 = 0x3f800000 // the bits of float32 1

const (
	maxParams = 3 // values that Prologue and Epilogue may return for a batch
	cacheLine = 64

	// columns that a buffer has room for; with more, rows are faster one at a time, and the buffers
	// would leave a first-level cache too little room for the rows themselves
	mostColumns = 32
	mostWide    = 63 // of float32
	mostSums    = 60
)

// most returns the largest number of columns.
func (s Columns) most(t Type) int {
	switch {
	case t == F32 && s.Reciprocal:
		return mostWide
	case t == F32 && s.Sum != "":
		return mostSums
	}
	return mostColumns
}

// columnsCode writes a Columns.
//
// Three buffers of the frame take turns, so that out-of-order execution has three batches to work
// on: while one batch is read, the exponentials of the batch read before it are computed; its
// result is stored after the exponentials of the next batch. A fourth buffer is for the rows left
// over. Behind its columns, a buffer has the maximum and what the exponential needs of it (later
// the labels and what Finish needs), and the number of its first row.
type columnsCode struct {
	*kernelState
	s     Columns
	width int // columns transposed at a time
	half  int // the largest half

	// offsets in a buffer: of the values per row, and of the number of the first row; offsets in
	// the frame: of the buffer for the rows left over, and of the vectors to be summed
	slot, rowSlot, rest, tree int

	// vector registers of the rows before row; total shares its register with col2, whose use ends
	// first
	maximum, total, label, col, col2, at int
	rowRegs                              []int // what Exp needs
	finRegs                              []int // what Finish needs, the labels first

	// row is the first row to be read, into the buffer next; scr holds the batch before it, prev
	// the batch before that
	row, scr, next, prev                     gpr
	cur, cur2, treePtr, n, p, stride, tmp    gpr
	read, rotate, process, end, after, leave string // labels
	finished                                 string // where rows longer than a block go on
}

func (s Columns) emit(k *kernelState) {
	c := &columnsCode{kernelState: k, s: s, width: 16 / k.t.Size()}
	vb := k.vectorBytes()
	most := s.most(k.t)
	c.slot = most * vb
	area := c.slot + (1+maxParams)*vb + cacheLine
	c.rowSlot, c.rest, c.tree = area-cacheLine, 3*area, 4*area
	c.half = 1 << (bits.Len(uint(most-1)) - 1)
	k.frame = c.tree + c.half*vb + cacheLine // room to start at a cache line
	c.maximum, c.total = k.pin(), k.pin()
	c.label, c.col, c.at, c.col2 = -1, -1, -1, c.total
	if s.Label {
		c.label, c.col, c.at = k.pin(), k.pin(), k.pin()
	}
	for _, r := range []*gpr{&c.row, &c.scr, &c.next, &c.prev, &c.cur, &c.cur2,
		&c.treePtr, &c.n, &c.p,
		&c.stride, &c.tmp} {
		*r = k.gpr()
	}
	k.loadPinned()
	lbl := k.w.newLabel
	c.read, c.rotate, c.process = lbl("read"), lbl("rotate"), lbl("process")
	c.end, c.after, c.finished = lbl("end"), lbl("after"), lbl("finished")
	full := lbl("full")
	c.leave = lbl("done")

	c.start(area, full)
	save := c.readBatch()
	c.exponentials()
	k.nextVector = save
	c.sum()
	c.epilogue()
	if s.Dst {
		c.storeBatch(save)
	}
	k.nextVector = save
	c.turn()
}

// arg loads a parameter; for a slice, its address.
func (c *columnsCode) arg(dst gpr, name string) {
	q := c.param(name)
	if q.slice() {
		name += "_base"
	}
	c.loadArg(dst, name, q.off)
}

// rowPointer turns p from the number of a row of the matrix into its address, and sets stride to
// the distance between rows in bytes.
func (c *columnsCode) rowPointer(matrix string) {
	c.arg(c.stride, c.strideOf(matrix).name)
	c.shl(c.stride, 2+int(c.t))
	c.mul(c.p, c.stride)
	c.arg(c.tmp, matrix)
	c.add(c.p, c.tmp)
}

// rowOffset sets p to the offset of the first row of the batch in a slice with size bytes per row.
func (c *columnsCode) rowOffset(size int) {
	c.mov(c.p, c.row)
	c.addImm(c.p, -c.lanes())
	c.shl(c.p, log2(size))
}

// perRow sets tmp to the address of that row's element of a slice.
func (c *columnsCode) perRow(name string) {
	c.arg(c.tmp, name)
	c.add(c.tmp, c.p)
}

// start reads the last rows first, unless the rows fill whole batches.
func (c *columnsCode) start(area int, full string) {
	c.scratchAddr(c.scr, area, c.frame)
	c.scratchAddr(c.prev, 2*area, c.frame)
	c.movImm(c.tmp, -1) // no rows yet
	c.storeWord(c.tmp, c.scr, c.rowSlot)
	c.arg(c.row, "rows")
	c.mov(c.tmp, c.row)
	c.shl(c.tmp, 64-log2(c.lanes()))
	c.branchImm(eq, c.tmp, 0, full)
	c.addImm(c.row, -c.lanes())
	c.scratchAddr(c.next, c.rest, c.frame)
	c.jump(c.read)
	c.w.label(full)
	c.movImm(c.row, 0)
	c.scratchAddr(c.next, 0, c.frame)
}

// readBatch reads the rows from row on into the buffer next, and makes the batch before them the
// current one. It returns how many registers are pinned for all batches.
func (c *columnsCode) readBatch() (save int) {
	lanes := c.lanes()
	c.w.label(c.read)
	c.mov(c.p, c.row)
	c.rowPointer("x")
	b := c.newBuilder(false)
	b.moveTo(c.maximum, b.K(negInf32, negInf64))
	c.write(b)
	c.transpose(true, c.next)
	b = c.newBuilder(false)
	b.Add(b.pinnedValue(c.maximum), b.K(0, 0))
	b.into(c.maximum)
	params := c.s.Prologue(b, b.pinnedValue(c.maximum))
	save = c.nextVector
	for _, v := range params {
		r := c.pin()
		c.rowRegs = append(c.rowRegs, r)
		b.moveTo(r, v)
	}
	c.write(b)
	c.storeSlots(c.next, append([]int{c.maximum}, c.rowRegs...))
	c.scratchAddr(c.tmp, c.rest, c.frame)
	first := c.w.newLabel("first")
	c.branch(ne, c.next, c.tmp, first)
	c.movImm(c.row, 0)
	c.scratchAddr(c.next, 0, c.frame)
	c.jump(c.read)
	c.w.label(first)
	c.branchImm(ne, c.row, 0, c.process)
	c.w.label(c.rotate)
	c.mov(c.tmp, c.prev)
	c.mov(c.prev, c.scr)
	c.mov(c.scr, c.next)
	c.mov(c.next, c.tmp)
	c.arg(c.n, "rows")
	c.addImm(c.row, lanes)
	c.mov(c.tmp, c.row)
	c.addImm(c.tmp, lanes)
	c.branch(le, c.tmp, c.n, c.read)
	return save
}

// storeSlots stores values per row behind the columns of a batch.
func (c *columnsCode) storeSlots(buffer gpr, regs []int) {
	for i, r := range regs {
		c.storeAt(c.t, r, buffer, c.slot+i*c.vectorBytes())
	}
}

func (c *columnsCode) loadSlots(buffer gpr, regs []int) {
	for i, r := range regs {
		c.loadAt(c.t, r, buffer, c.slot+i*c.vectorBytes())
	}
}

// exponentials works on the rows before row, in the buffer scr: first columns j and j+half
// together, then the columns without a partner. The vectors to be summed go to the tree.
func (c *columnsCode) exponentials() {
	c.w.label(c.process)
	c.mov(c.p, c.row)
	c.addImm(c.p, -c.lanes())
	c.storeWord(c.p, c.scr, c.rowSlot)
	c.loadSlots(c.scr, append([]int{c.maximum}, c.rowRegs...))
	if c.s.Label {
		b := c.newBuilder(false)
		b.moveTo(c.at, b.K(0, 0))
		b.moveTo(c.col, b.K(0, 0))
		c.write(b)
		c.rowOffset(8)
		c.perRow("label")
		c.loadLabels(c.kernelState, c.label, c.col2, c.tmp)
	}
	vb := c.vectorBytes()
	c.arg(c.n, "half")
	if c.s.Label {
		c.broadcastInt(c.col2, c.n, c.t) // the second column's number
	}
	c.mov(c.cur2, c.n)
	c.shl(c.cur2, log2(vb))
	c.add(c.cur2, c.scr)
	c.mov(c.cur, c.scr)
	c.scratchAddr(c.treePtr, c.tree, c.frame)
	c.streams = []gpr{c.cur, c.cur2, c.treePtr}
	// pairs: cols - half of them
	c.mov(c.tmp, c.n)
	c.arg(c.n, "cols")
	c.sub(c.n, c.tmp)
	pair := c.w.newLabel("pair")
	c.w.align()
	c.w.label(pair)
	b := c.newBuilder(false)
	b.store(2, b.Add(c.exp(b, 0, c.col), c.exp(b, 1, c.col2)))
	c.write(b)
	c.advance(vb)
	c.addImm(c.n, -1)
	c.branchImm(ne, c.n, 0, pair)
	// singles: 2*half - cols
	single, summed := c.w.newLabel("single"), c.w.newLabel("sum")
	c.arg(c.n, "half")
	c.add(c.n, c.n)
	c.arg(c.tmp, "cols")
	c.sub(c.n, c.tmp)
	c.branchImm(eq, c.n, 0, summed)
	c.w.label(single)
	b = c.newBuilder(false)
	b.store(2, c.exp(b, 0, c.col))
	c.write(b)
	c.addImm(c.cur, vb)
	c.addImm(c.treePtr, vb)
	c.addImm(c.n, -1)
	c.branchImm(ne, c.n, 0, single)
	c.w.label(summed)
}

// exp returns the exponential of a stream's column for the sum. At the label it is zero, and the
// exponential goes to the register at.
func (c *columnsCode) exp(b *Builder, stream, column int) V {
	row := b.pinnedValues(c.rowRegs)
	w := c.s.Exp(b, b.load(stream), row)
	if c.s.Dst {
		b.store(stream, w)
	}
	if !c.s.Label {
		return w
	}
	is := b.emit(opIntEqual, b.pinnedValue(column), b.pinnedValue(c.label), -1, 0)
	b.Select(is, w, b.pinnedValue(c.at))
	b.into(c.at)
	b.IntAdd(b.pinnedValue(column), b.KInt(1, 1))
	b.into(column)
	return b.Select(is, b.K(0, 0), w)
}

// sum adds the vectors of the tree, one half to the other, until one is left. There is code for
// each power of two. exponentials has added the first halves.
func (c *columnsCode) sum() {
	if s := c.s; len(s.Row)+len(s.PerRow) > 0 {
		c.rowOffset(c.t.Size())
	}
	c.scratchAddr(c.treePtr, c.tree, c.frame)
	c.streams = []gpr{c.treePtr}
	ready := c.w.newLabel("ready")
	c.arg(c.n, "half")
	for h := c.half; h >= 1; h /= 2 {
		next := c.w.newLabel("tree")
		if h > 1 {
			c.branchImm(ne, c.n, h, next)
		}
		if c.t == F32 && 2*h > c.block() {
			if c.s.Reciprocal {
				c.reciprocal(h)
			} else {
				c.wideTotals(h)
			}
			c.jump(c.finished)
			c.w.label(next)
			continue
		}
		c.sumOf(h)
		if h > 1 {
			c.jump(ready)
			c.w.label(next)
		}
	}
	c.w.label(ready)
}

// reciprocal adds h vectors of the tree, and leaves the reciprocals of the sums in the registers
// that the results of Epilogue have.
func (c *columnsCode) reciprocal(h int) {
	save := c.nextVector
	high, low := c.pin(), c.pin()
	lanes, tmp := c.fourLanes(h)
	for half := range 2 {
		c.wideSum(lanes, tmp, half)
		c.loadConst(c.kernelState, tmp[1], one32)
		c.widen(tmp[1], tmp[1], 0)
		c.double(opDiv, tmp[0], tmp[1], tmp[0])
		c.narrow(high, tmp[0], tmp[1], half)
		c.widen(tmp[1], high, half)
		c.double(opSub, tmp[0], tmp[0], tmp[1])
		c.narrow(low, tmp[0], tmp[1], half)
	}
	c.nextVector = save
}

// wideTotals adds h vectors of the tree and stores the sums. It leaves the quotients for Epilogue
// where divide does.
func (c *columnsCode) wideTotals(h int) {
	save := c.nextVector
	lanes, tmp := c.fourLanes(h)
	c.nextVector = save
	sums := []int{c.total, tmp[0]}
	c.wideSum(lanes, []int{sums[0], tmp[1], tmp[2]}, 0)
	c.wideSum(lanes, tmp, 1)
	c.storeSums(sums...)
	if c.s.Over == "" {
		return
	}
	num, quotient := lanes[3], save+slices.Index(c.s.Row, c.s.Over)
	c.perRow(c.s.Over)
	c.loadAt(c.t, num, c.tmp, 0)
	all, t, u := tmp[1], tmp[2], lanes[0]
	if u == quotient {
		u = lanes[1]
	}
	for half, sum := range sums {
		c.widen(t, c.at, half)
		c.double(opAdd, all, sum, t)
		c.widen(t, num, half)
		c.double(opDiv, t, t, all)
		c.narrow(quotient, t, u, half)
		c.double(opDiv, t, sum, all)
		c.narrow(c.total, t, u, half)
	}
}

// fourLanes adds h vectors of the tree, which are a group of the canonical sum, in the order of its
// folds until there are four lanes. It pins a register for each, and three more.
func (c *columnsCode) fourLanes(h int) (lanes, tmp []int) {
	for range 4 {
		lanes = append(lanes, c.pin())
	}
	for range 3 {
		tmp = append(tmp, c.pin())
	}
	if c.nextVector > c.topVector {
		c.short = true
	}
	c.nextVector -= len(tmp) // the sequence may use tmp
	b := c.newBuilder(false)
	var sum func(i, step int) V
	sum = func(i, step int) V {
		if step == h {
			x := b.load(0)
			b.ops[len(b.ops)-1].lane = i
			return x
		}
		x := sum(i, 2*step)
		return b.Add(x, sum(i+step, 2*step))
	}
	for i, r := range lanes {
		sum(i, 4)
		b.into(r)
	}
	c.writeInOrder(b)
	c.nextVector += len(tmp)
	return lanes, tmp
}

// wideSum adds half of the float32 lanes of four vectors in float64, into tmp[0], as the canonical
// sum adds the four lanes of a group.
func (c *columnsCode) wideSum(lanes, tmp []int, half int) {
	s, t, u := tmp[0], tmp[1], tmp[2]
	c.widen(s, lanes[0], half)
	c.widen(t, lanes[2], half)
	c.double(opAdd, s, s, t)
	c.widen(t, lanes[1], half)
	c.widen(u, lanes[3], half)
	c.double(opAdd, t, t, u)
	c.double(opAdd, s, s, t)
}

// sumOf adds h vectors of the tree.
func (c *columnsCode) sumOf(h int) {
	b := c.newBuilder(false)
	part := func(i int) V {
		x := b.load(0)
		b.ops[len(b.ops)-1].lane = i
		return x
	}
	if h == 1 {
		b.moveTo(c.total, part(0))
		c.writeInOrder(b)
		return
	}
	var v []V
	for i := range h / 2 {
		v = append(v, b.Add(part(i), part(i+h/2)))
	}
	wide := 2*h > c.block() // float64 alone
	for n := h / 4; n >= 1 && !(wide && n < 4); n /= 2 {
		for i := range n {
			v[i] = b.Add(v[i], v[i+n])
		}
	}
	if wide {
		// the end of the canonical sum of one group
		s, e := twoSum(b, v[0], v[2])
		t, f := twoSum(b, v[1], v[3])
		s, g := twoSum(b, s, t)
		b.Add(s, b.Add(g, b.Add(e, f)))
	}
	b.into(c.total)
	c.writeInOrder(b)
}

// twoSum is the rounded x+y and its rounding error, as x86.twoSum.
func twoSum(b *Builder, x, y V) (sum, err V) {
	sum = b.Add(x, y)
	v := b.Sub(sum, x)
	return sum, b.Add(b.Sub(x, b.Sub(sum, v)), b.Sub(y, v))
}

// storeSums stores the float64 sums of the batch, which are in one register or two.
func (c *columnsCode) storeSums(sums ...int) {
	c.perRow(c.s.Sum)
	if c.t == F32 {
		c.add(c.tmp, c.p) // p is for elements half as long
	}
	for i, r := range sums {
		c.storeAt(F64, r, c.tmp, i*c.vectorBytes())
	}
}

// totals stores the sums in total, and divides for Epilogue.
func (c *columnsCode) totals() {
	save := c.nextVector
	if c.t == F64 {
		c.storeSums(c.total)
	} else {
		low, high := c.pin(), c.pin()
		c.widen(low, c.total, 0)
		c.widen(high, c.total, 1)
		c.storeSums(low, high)
		c.nextVector = save
	}
	if c.s.Over == "" {
		return
	}
	quotient := save + slices.Index(c.s.Row, c.s.Over)
	c.perRow(c.s.Over)
	c.loadAt(c.t, quotient, c.tmp, 0)
	c.nextVector += len(c.s.Row)
	b := c.newBuilder(false)
	num, sum := b.pinnedValue(quotient), b.pinnedValue(c.total)
	all := b.Add(sum, b.pinnedValue(c.at))
	b.Div(num, all)
	b.into(quotient)
	b.Div(sum, all)
	b.into(c.total)
	c.writeInOrder(b)
	c.nextVector = save
}

// epilogue calls Epilogue, and stores the outputs PerRow.
func (c *columnsCode) epilogue() {
	s := c.s
	if s.Sum != "" {
		c.totals()
		c.w.label(c.finished)
	}
	b := c.newBuilder(false)
	var in []V
	for _, name := range s.Row {
		r := c.pin()
		if name != s.Over {
			c.perRow(name)
			c.loadAt(c.t, r, c.tmp, 0)
		}
		in = append(in, b.pinnedValue(r))
	}
	maximum, total, at := b.pinnedValue(c.maximum), b.pinnedValue(c.total), b.pinnedValue(c.at)
	outs, fin := s.Epilogue(b, maximum, total, at, in)
	var outRegs []int
	for _, v := range outs {
		r := b.vals[v].pinned
		if r < 0 {
			r = c.pin()
			b.moveTo(r, v)
		}
		outRegs = append(outRegs, r)
	}
	for _, v := range fin {
		r := c.pin()
		c.finRegs = append(c.finRegs, r)
		b.moveTo(r, v)
	}
	if s.Label {
		c.finRegs = append([]int{c.label}, c.finRegs...)
	}
	if len(b.ops) > 0 {
		c.write(b)
	}
	if s.Reciprocal {
		c.w.label(c.finished)
	}
	for i, name := range s.PerRow {
		c.perRow(name)
		c.storeAt(c.t, outRegs[i], c.tmp, 0)
	}
}

// storeBatch applies Finish to the rows in the buffer prev, if there are any, and stores them.
func (c *columnsCode) storeBatch(save int) {
	s := c.s
	c.storeSlots(c.scr, c.finRegs)
	c.w.label(c.end)
	c.loadWord(c.p, c.prev, c.rowSlot)
	c.branchImm(lt, c.p, 0, c.after)
	c.loadSlots(c.prev, c.finRegs)
	if s.Label {
		c.finishColumns()
		c.nextVector = save
	}
	c.rowPointer("dst")
	c.transpose(false, c.prev)
	c.w.label(c.after)
	c.branch(eq, c.scr, c.prev, c.leave)
}

// finishColumns applies Finish to the columns of the buffer prev where there are labels. Otherwise
// transposePart does; with the labels, AVX2 would have too few registers there.
func (c *columnsCode) finishColumns() {
	s, vb := c.s, c.vectorBytes()
	c.finRegs = c.finRegs[1:]
	c.zero(c.col)
	finish := c.w.newLabel("finish")
	c.arg(c.n, "cols")
	c.mov(c.cur, c.prev)
	c.streams = []gpr{c.cur}
	c.w.label(finish)
	b := c.newBuilder(false)
	f := b.pinnedValues(c.finRegs)
	y := s.Finish(b, b.load(0), f)
	is := b.emit(opIntEqual, b.pinnedValue(c.col), b.pinnedValue(c.label), -1, 0)
	y = b.Select(is, f[len(f)-1], y)
	b.IntAdd(b.pinnedValue(c.col), b.KInt(1, 1))
	b.into(c.col)
	b.store(0, y)
	c.write(b)
	c.addImm(c.cur, vb)
	c.addImm(c.n, -1)
	c.branchImm(ne, c.n, 0, finish)
}

// turn goes on with the next batch, or at the end with the rows left over.
func (c *columnsCode) turn() {
	c.arg(c.n, "rows")
	c.mov(c.tmp, c.row)
	c.addImm(c.tmp, c.lanes())
	c.branch(le, c.tmp, c.n, c.rotate)
	if c.s.Dst { // c.end is reached with scr = prev at the very end
		c.mov(c.prev, c.scr)
		c.branch(eq, c.row, c.n, c.end)
	} else {
		c.branch(eq, c.row, c.n, c.leave)
	}
	c.mov(c.row, c.n)
	c.scratchAddr(c.scr, c.rest, c.frame)
	c.jump(c.process)
	c.w.label(c.leave)
	c.ret(c.kernelState)
}

// transpose moves a batch of rows between memory and the columns of a buffer, width columns at a
// time; the last ones may overlap those before. On the way in, it takes the maximum.
func (c *columnsCode) transpose(in bool, buffer gpr) {
	width, vb, size := c.width, c.vectorBytes(), c.t.Size()
	q1, q2, q3 := c.cur2, c.treePtr, c.tmp
	lbl := c.w.newLabel
	end, loop, last := lbl("end"), lbl("cols"), lbl("last")
	c.mov(c.cur, buffer)
	c.loadArg(c.n, "cols", c.param("cols").off)
	if width == 4 {
		few := lbl("wide")
		c.branchImm(ge, c.n, 4, few)
		// two or three columns: the first two and the last two
		c.mov(q3, c.n)
		c.addImm(q3, -2)
		c.shl(q3, log2(vb))
		c.add(q3, c.cur)
		c.mov(c.n, q3) // columns cols-2 and cols-1 of the buffer
		c.loadArg(q2, "cols", c.param("cols").off)
		c.addImm(q2, -2)
		c.shl(q2, log2(size))
		c.transposePart(in, q2, c.n)
		c.jump(end)
		c.w.label(few)
	}
	c.w.label(loop)
	c.transposePart(in, "", "")
	c.addImm(c.n, -width)
	c.branchImm(eq, c.n, 0, end)
	c.branchImm(lt, c.n, width, last)
	c.addImm(c.cur, width*vb)
	c.addImm(c.p, 16)
	c.jump(loop)
	c.w.label(last)
	// back so far that the last columns end the row; n = width then ends the loop
	c.mov(q1, c.n)
	c.shl(q1, log2(vb))
	c.add(c.cur, q1)
	c.mov(q1, c.n)
	c.shl(q1, log2(size))
	c.add(c.p, q1)
	c.movImm(c.n, int64(width))
	c.jump(loop)
	c.w.label(end)
}

// transposePart moves width columns from p to the buffer at cur, or back. If high is set, it moves
// two columns at p, and two at p+high for the buffer at second. On the way back, it applies Finish
// if there are no labels.
func (c *columnsCode) transposePart(in bool, high, second gpr) {
	width, vb := c.width, c.vectorBytes()
	regs := c.spareAfter()
	if len(regs) < 2*width {
		c.short = true
		return
	}
	cols := regs[:width]
	rows := batch{p: c.p, stride: c.stride, high: high, q1: c.cur2, q3: c.tmp, reg: cols}
	rows.tmp = regs[width : 2*width]
	at := func(i int) (gpr, int) {
		if second != "" && i >= 2 {
			return second, (i - 2) * vb
		}
		return c.cur, i * vb
	}
	if !in {
		if c.s.Label {
			for i, r := range cols {
				base, off := at(i)
				c.loadAt(c.t, r, base, off)
			}
		} else {
			c.finishInto(cols, second)
		}
		c.writeRows(c.kernelState, rows)
		return
	}
	c.readRows(c.kernelState, rows)
	for i, r := range cols {
		base, off := at(i)
		c.storeAt(c.t, r, base, off)
	}
	for h := width / 2; h >= 1; h /= 2 {
		c.larger(cols[:h], cols[h:])
	}
	c.larger([]int{c.maximum}, cols)
}

// finishInto sets registers to Finish of the columns from cur on, the last two of four from second
// on if that is set.
func (c *columnsCode) finishInto(regs []int, second gpr) {
	save := c.nextVector
	c.nextVector = regs[len(regs)-1] + 1
	c.streams = []gpr{c.cur, second}
	b := c.newBuilder(false)
	for i, r := range regs {
		stream := 0
		if second != "" && i >= 2 {
			stream, i = 1, i-2
		}
		w := b.load(stream)
		b.ops[len(b.ops)-1].lane = i
		c.s.Finish(b, w, b.pinnedValues(c.finRegs))
		b.into(r)
	}
	c.writeInOrder(b)
	c.nextVector = save
}

// larger sets a[i] to the larger of a[i] and b[i], for registers a and b.
func (k *kernelState) larger(a, b []int) {
	bl := k.newBuilder(false)
	for i, r := range a {
		bl.Max(bl.pinnedValue(r), bl.pinnedValue(b[i]))
		bl.into(r)
	}
	k.writeInOrder(bl)
}

func log2(n int) int {
	for i := 0; ; i++ {
		if 1<<i == n {
			return i
		}
	}
}
