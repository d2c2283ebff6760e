package asmgen

// Columns handles rows of few columns: as many rows at a time as a vector has lanes. They are transposed into a buffer on the stack, one vector a
// column, worked on there, and transposed back. Rows left over at the end are done together with rows before them: that last
// batch is read before anything is stored, so that working in place stays right.
//
// The parameters are rows, cols, half (the largest power of two below cols), the strides, and those named below. All rows must be at least
// the lanes of a vector; the rows of one block of the canonical sum are meant: 2 <= cols <= 32 (16).
type Columns struct {
	// Dst says that the columns go back to the parameter dst.
	Dst bool
	// Label leaves column label[r] out of the sum.
	Label bool
	// Row are inputs with one element for each row, apart from all outputs; PerRow are outputs of the kind.
	Row, PerRow []string
	// Prologue computes from the row maximum what Exp needs.
	Prologue func(b *Block, max V) []V
	Exp      func(b *Block, x V, row []V) V
	// Epilogue computes, from the maximum, the sum, the value at the label and the inputs Row, the outputs PerRow and what Finish needs.
	Epilogue func(b *Block, max, sum, at V, row []V) (perRow, finish []V)
	// Finish computes an element of dst; at the label it is the last of the values from Epilogue.
	Finish func(b *Block, w V, finish []V) V
}

const (
	maxParams = 3 // values that Prologue and Epilogue may return for a batch
	cacheLine = 64
)

func (s Columns) emit(k *kernelState) {
	lanes, vb, size := k.lanes(), k.vectorBytes(), k.t.Size()
	width := 16 / size // columns transposed at a time
	maxCols := k.block()
	// Buffers of the frame take turns, so that out-of-order execution has three batches to work on: one is read while the exponentials of the one ahead
	// of it are computed, and finished after those of the next. The last buffer is for the rows left over. Behind the columns each has the maximum and
	// what the exponential needs of it, later the labels and what Finish needs, and the number of its first row.
	slot := maxCols * vb
	area := slot + (1+maxParams)*vb + cacheLine
	rowSlot, spare, tree := area-cacheLine, 3*area, 4*area
	k.frame = tree + maxCols/2*vb + cacheLine // to begin with a line
	maximum, total := k.pin(), k.pin()
	label, col, at, col2 := -1, -1, -1, total // total is not there yet while col2 is
	if s.Label {
		label, col, at = k.pin(), k.pin(), k.pin()
	}
	row, scr, next, prev := k.gpr(), k.gpr(), k.gpr(), k.gpr()
	cur, cur2, treePtr, n, p, stride, tmp := k.gpr(), k.gpr(), k.gpr(), k.gpr(), k.gpr(), k.gpr(), k.gpr()
	k.loadPinned()

	arg := func(dst gpr, name string) {
		q := k.param(name)
		if q.slice() {
			k.loadArg(dst, name+"_base", q.off)
		} else {
			k.loadArg(dst, name, q.off)
		}
	}
	// rowPointer turns p from the number of a row of the matrix into its address, and sets stride to the distance of rows in bytes.
	rowPointer := func(matrix string) {
		arg(stride, k.strideOf(matrix).name)
		k.shl(stride, 2+int(k.t))
		k.mul(p, stride)
		arg(tmp, matrix)
		k.add(p, tmp)
	}
	// rowOffset sets p to how far the first row that is worked on is from the beginning of a slice with size bytes a row; perRow sets tmp
	// to its element there.
	rowOffset := func(size int) {
		k.mov(p, row)
		k.addImm(p, -lanes)
		k.shl(p, log2(size))
	}
	perRow := func(name string) {
		arg(tmp, name)
		k.add(tmp, p)
	}
	lbl := k.w.newLabel
	read, rotate, process, end, after, full, done := lbl("read"), lbl("rotate"), lbl("process"), lbl("end"), lbl("after"), lbl("full"), lbl("done")

	// the last rows first, unless the batches come out even
	k.scratchAddr(scr, area, k.frame)
	k.scratchAddr(prev, 2*area, k.frame)
	k.movImm(tmp, -1) // no rows yet
	k.storeWord(tmp, scr, rowSlot)
	arg(row, "rows")
	k.mov(tmp, row)
	k.shl(tmp, 64-map[int]int{2: 1, 4: 2, 8: 3, 16: 4}[lanes])
	k.branchImm(eq, tmp, 0, full)
	k.addImm(row, -lanes)
	k.scratchAddr(next, spare, k.frame)
	k.jump(read)
	k.w.label(full)
	k.movImm(row, 0)
	k.scratchAddr(next, 0, k.frame)

	// rows from `row` on to the buffer next
	k.w.label(read)
	k.mov(p, row)
	rowPointer("x")
	b := k.newBlock(false)
	b.moveTo(maximum, b.K(negInf32, negInf64))
	k.write(b)
	s.transpose(k, true, maximum, next, cur, cur2, treePtr, n, p, stride, tmp, width)
	b = k.newBlock(false)
	b.Add(b.pinnedValue(maximum), b.K(0, 0))
	b.into(maximum)
	params := s.Prologue(b, b.pinnedValue(maximum))
	save := k.nextVector
	var rowRegs []int
	for _, v := range params {
		r := k.pin()
		rowRegs = append(rowRegs, r)
		b.moveTo(r, v)
	}
	k.write(b)
	for i, r := range append([]int{maximum}, rowRegs...) {
		k.storeAt(k.t, r, next, slot+i*vb)
	}
	k.scratchAddr(tmp, spare, k.frame)
	first := lbl("first")
	k.branch(ne, next, tmp, first)
	k.movImm(row, 0)
	k.scratchAddr(next, 0, k.frame)
	k.jump(read)
	k.w.label(first)
	k.branchImm(ne, row, 0, process)
	k.w.label(rotate)
	k.mov(tmp, prev)
	k.mov(prev, scr)
	k.mov(scr, next)
	k.mov(next, tmp)
	arg(n, "rows")
	k.addImm(row, lanes)
	k.mov(tmp, row)
	k.addImm(tmp, lanes)
	k.branch(le, tmp, n, read)

	// the lanes rows ahead of `row`, in the buffer scr
	k.w.label(process)
	k.mov(p, row)
	k.addImm(p, -lanes)
	k.storeWord(p, scr, rowSlot)
	for i, r := range append([]int{maximum}, rowRegs...) {
		k.loadAt(k.t, r, scr, slot+i*vb)
	}
	if s.Label {
		b = k.newBlock(false)
		b.moveTo(at, b.K(0, 0))
		b.moveTo(col, b.K(0, 0))
		k.write(b)
		rowOffset(8)
		perRow("label")
		k.loadLabels(k, label, col2, tmp)
	}
	// exponentials, columns j and j+half together, then those that have no partner
	arg(n, "half")
	if s.Label {
		k.broadcastInt(col2, n, k.t) // the second column's number
	}
	k.mov(cur2, n)
	k.shl(cur2, log2(vb))
	k.add(cur2, scr)
	k.mov(cur, scr)
	k.scratchAddr(treePtr, tree, k.frame)
	k.streams = []gpr{cur, cur2, treePtr}
	exp := func(b *Block, stream, column int) V {
		var row []V
		for _, r := range rowRegs {
			row = append(row, b.pinnedValue(r))
		}
		w := s.Exp(b, b.load(stream), row)
		if s.Dst {
			b.store(stream, w)
		}
		if !s.Label {
			return w
		}
		is := b.emit(opIntEqual, b.pinnedValue(column), b.pinnedValue(label), -1, 0)
		b.Select(is, w, b.pinnedValue(at))
		b.into(at)
		b.IntAdd(b.pinnedValue(column), b.KInt(1, 1))
		b.into(column)
		return b.Select(is, b.K(0, 0), w)
	}
	// pairs: cols - half of them
	k.mov(tmp, n)
	arg(n, "cols")
	k.sub(n, tmp)
	pair := lbl("pair")
	k.w.align()
	k.w.label(pair)
	b = k.newBlock(false)
	b.store(2, b.Add(exp(b, 0, col), exp(b, 1, col2)))
	k.write(b)
	k.advance(vb)
	k.addImm(n, -1)
	k.branchImm(ne, n, 0, pair)
	// singles: 2*half - cols
	single, summed := lbl("single"), lbl("sum")
	arg(n, "half")
	k.add(n, n)
	arg(tmp, "cols")
	k.sub(n, tmp)
	k.branchImm(eq, n, 0, summed)
	k.w.label(single)
	b = k.newBlock(false)
	b.store(2, exp(b, 0, col))
	k.write(b)
	k.addImm(cur, vb)
	k.addImm(treePtr, vb)
	k.addImm(n, -1)
	k.branchImm(ne, n, 0, single)
	k.w.label(summed)
	k.nextVector = save
	// the tree: halves of what is left
	k.scratchAddr(treePtr, tree, k.frame)
	k.streams = []gpr{treePtr}
	ready := lbl("ready")
	arg(n, "half")
	for h := maxCols / 2; h >= 1; h /= 2 {
		next := lbl("tree")
		if h > 1 {
			k.branchImm(ne, n, h, next)
		}
		b := k.newBlock(false)
		var v []V
		part := func(i int) V {
			x := b.load(0)
			b.ops[len(b.ops)-1].lane = i
			return x
		}
		if h == 1 {
			b.moveTo(total, part(0))
		} else {
			for i := range h / 2 {
				v = append(v, b.Add(part(i), part(i+h/2)))
			}
			for n := h / 4; n >= 1; n /= 2 {
				for i := range n {
					v[i] = b.Add(v[i], v[i+n])
				}
			}
			b.into(total)
		}
		k.writeInOrder(b)
		if h > 1 {
			k.jump(ready)
			k.w.label(next)
		}
	}
	k.w.label(ready)

	// what ends the rows
	save = k.nextVector
	b = k.newBlock(false)
	var in []V
	if len(s.Row)+len(s.PerRow) > 0 {
		rowOffset(size)
	}
	for _, name := range s.Row {
		r := k.pin()
		perRow(name)
		k.loadAt(k.t, r, tmp, 0)
		in = append(in, b.pinnedValue(r))
	}
	outs, fin := s.Epilogue(b, b.pinnedValue(maximum), b.pinnedValue(total), b.pinnedValue(at), in)
	outRegs := []int{}
	for _, v := range outs {
		r := b.vals[v].pinned
		if r < 0 {
			r = k.pin()
			b.moveTo(r, v)
		}
		outRegs = append(outRegs, r)
	}
	var finRegs []int
	for _, v := range fin {
		r := k.pin()
		finRegs = append(finRegs, r)
		b.moveTo(r, v)
	}
	if s.Label {
		finRegs = append([]int{label}, finRegs...)
	}
	if len(b.ops) > 0 {
		k.write(b)
	}
	for i, name := range s.PerRow {
		perRow(name)
		k.storeAt(k.t, outRegs[i], tmp, 0)
	}
	if s.Dst {
		for i, r := range finRegs {
			k.storeAt(k.t, r, scr, slot+i*vb)
		}
		// the rows in the buffer prev
		k.w.label(end)
		k.loadWord(p, prev, rowSlot)
		k.branchImm(lt, p, 0, after)
		for i, r := range finRegs {
			k.loadAt(k.t, r, prev, slot+i*vb)
		}
		if s.Label {
			finRegs = finRegs[1:]
			k.zero(col)
		}
		finish := lbl("finish")
		arg(n, "cols")
		k.mov(cur, prev)
		k.streams = []gpr{cur}
		k.w.label(finish)
		b = k.newBlock(false)
		var f []V
		for _, r := range finRegs {
			f = append(f, b.pinnedValue(r))
		}
		y := s.Finish(b, b.load(0), f)
		if s.Label {
			is := b.emit(opIntEqual, b.pinnedValue(col), b.pinnedValue(label), -1, 0)
			y = b.Select(is, f[len(f)-1], y)
			b.IntAdd(b.pinnedValue(col), b.KInt(1, 1))
			b.into(col)
		}
		b.store(0, y)
		k.write(b)
		k.addImm(cur, vb)
		k.addImm(n, -1)
		k.branchImm(ne, n, 0, finish)
		k.nextVector = save
		rowPointer("dst")
		s.transpose(k, false, -1, prev, cur, cur2, treePtr, n, p, stride, tmp, width)
		k.w.label(after)
		k.branch(eq, scr, prev, done)
	}
	k.nextVector = save
	arg(n, "rows")
	k.mov(tmp, row)
	k.addImm(tmp, lanes)
	k.branch(le, tmp, n, rotate)
	if s.Dst { // what is left is finished at once, at the very end with scr = prev
		k.mov(prev, scr)
		k.branch(eq, row, n, end)
	} else {
		k.branch(eq, row, n, done)
	}
	k.mov(row, n)
	k.scratchAddr(scr, spare, k.frame)
	k.jump(process)
	k.w.label(done)
	k.ret(k)
}

// transpose moves a batch of rows between memory and the columns of the buffer, width columns at a time, the last of them overlapping. On the way in,
// it takes the maximum.
func (s Columns) transpose(k *kernelState, in bool, maximum int, scr, cur, q1, q2, n, p, stride, q3 gpr, width int) {
	vb, size := k.vectorBytes(), k.t.Size()
	regs := k.spareAfter()
	if len(regs) < 2*width {
		k.short = true
		return
	}
	cols, tmp := regs[:width], regs[width:2*width]
	step := func(high gpr, halves bool, offs func(i int) (gpr, int)) {
		if !in {
			for i, r := range cols {
				base, off := offs(i)
				k.loadAt(k.t, r, base, off)
			}
			k.writeRows(k, p, stride, high, q1, q2, q3, cols, tmp, halves)
			return
		}
		k.readRows(k, p, stride, high, q1, q2, q3, cols, tmp, halves)
		for i, r := range cols {
			base, off := offs(i)
			k.storeAt(k.t, r, base, off)
		}
		for h := width / 2; h >= 1; h /= 2 {
			larger(k, cols[:h], cols[h:])
		}
		larger(k, []int{maximum}, cols)
	}
	lbl := k.w.newLabel
	end, loop, last := lbl("end"), lbl("cols"), lbl("last")
	k.mov(cur, scr)
	k.loadArg(n, "cols", k.param("cols").off)
	if width == 4 {
		few := lbl("wide")
		k.branchImm(ge, n, 4, few)
		// two or three columns: the first two and the last two
		high := q3
		k.mov(high, n)
		k.addImm(high, -2)
		k.shl(high, log2(vb))
		k.add(high, cur)
		k.mov(n, high) // columns cols-2 and cols-1 of the buffer
		k.loadArg(q2, "cols", k.param("cols").off)
		k.addImm(q2, -2)
		k.shl(q2, log2(size))
		step(q2, true, func(i int) (gpr, int) {
			if i < 2 {
				return cur, i * vb
			}
			return n, (i - 2) * vb
		})
		k.jump(end)
		k.w.label(few)
	}
	k.w.label(loop)
	step("", false, func(i int) (gpr, int) { return cur, i * vb })
	k.addImm(n, -width)
	k.branchImm(eq, n, 0, end)
	k.branchImm(lt, n, width, last)
	k.addImm(cur, width*vb)
	k.addImm(p, 16)
	k.jump(loop)
	k.w.label(last)
	// back so far that the last columns end the row; n = width then ends the loop
	k.mov(q1, n)
	k.shl(q1, log2(vb))
	k.add(cur, q1)
	k.mov(q1, n)
	k.shl(q1, log2(size))
	k.add(p, q1)
	k.movImm(n, int64(width))
	k.jump(loop)
	k.w.label(end)
}

// larger sets each register of a to the larger of it and its like in b.
func larger(k *kernelState, a, b []int) {
	bl := k.newBlock(false)
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
