package asmgen

import "math"

// Map is a loop over the elements of slices of one length.
type Map struct {
	Out, In []string
	// Scalars are parameters of the element type, the same for all elements.
	Scalars []string
	// Repeat has the lanes beyond the last element hold the first element of their vector, not zeros: for a body that would raise
	// a floating-point exception on zeros, beside the values that a row or its neighbours have.
	Repeat bool
	// Unroll is the number of vectors in the main loop, 4 when zero.
	Unroll int
	// Pipeline is the main loop, by instruction set and type ("AVX2 F32"); without one the loop of Unroll vectors is the main loop.
	Pipeline map[string]Pipeline
	Body     func(b *Block, in, scalars []V) (out []V)
}

func (s Map) emit(k *kernelState) {
	k.repeat = s.Repeat
	unroll := s.Unroll
	if unroll == 0 {
		unroll = 4
	}
	all := append(append([]string(nil), s.Out...), s.In...)
	for _, name := range all {
		k.streams = append(k.streams, k.base(name))
	}
	k.count = k.length(all[0])
	k.scratch = k.gpr()
	var scalars []int
	for _, name := range s.Scalars {
		r := k.pin()
		k.broadcastArg(r, name, k.param(name).off, k.t)
		scalars = append(scalars, r)
	}
	k.loadPinned()
	body := func(n int, tail bool) {
		b := k.newBlock(tail)
		for b.lane = 0; b.lane < n; b.lane++ {
			s.once(b, scalars)
		}
		k.write(b)
	}
	if p, ok := s.Pipeline[k.setting()]; ok {
		k.emitPipeline(p, func(b *Block) { s.once(b, scalars) })
		if p.Unroll <= unroll {
			unroll = 1 // it leaves fewer vectors than that
		}
	}
	k.vectorLoops(unroll, body)
	done := k.w.newLabel("done")
	k.branchImm(eq, k.count, 0, done)
	k.tailMask(k, k.count, k.scratch)
	body(1, true)
	k.w.label(done)
	k.ret(k)
}

func (s Map) once(b *Block, scalars []int) {
	var in, sc []V
	for i := range s.In {
		in = append(in, b.load(len(s.Out)+i))
	}
	for _, r := range scalars {
		sc = append(sc, b.pinnedValue(r))
	}
	for i, v := range s.Body(b, in, sc) {
		b.store(i, v)
	}
}

// vectorLoops runs body over unroll vectors at a time, then over one at a time, while the count suffices. The streams and the count advance.
func (k *kernelState) vectorLoops(unroll int, body func(n int, tail bool)) {
	for _, n := range []int{unroll, 1} {
		loop, rest := k.w.newLabel("loop"), k.w.newLabel("rest")
		k.branchImm(lt, k.count, n*k.lanes(), rest)
		k.w.align()
		k.w.label(loop)
		body(n, false)
		k.advance(n * k.vectorBytes())
		k.addImm(k.count, -n*k.lanes())
		k.branchImm(ge, k.count, n*k.lanes(), loop)
		k.w.label(rest)
		if unroll == 1 {
			break
		}
	}
}

// Reduction says what a Rows kernel computes of each row besides its outputs.
type Reduction int

// The reductions. Sum is the canonical sum, into the parameter sum; Max ignores NaN, into the parameter m.
const (
	None Reduction = iota
	Sum
	Max
)

// Rows is a loop over the rows of matrices. Row r of matrix x starts at element r*xstride.
type Rows struct {
	Out, In []string
	// Row are slices with one element for each row.
	Row []string
	// Scalars are parameters of the element type, the same for all rows.
	Scalars []string
	Reduce  Reduction
	// Skip leaves element skip[r] out of the sum of row r.
	Skip bool
	// Repeat is as in Map.
	Repeat bool
	Unroll int
	// Pipeline is the order of the operations in a whole group of the canonical sum, by instruction set and type; without one
	// the loop goes block by block. Its Unroll is not used.
	Pipeline map[string]Pipeline
	// Prologue computes the values that stay the same along a row.
	Prologue func(b *Block, row, scalars []V) []V
	// Body computes the outputs and, for a reduction, the value to reduce.
	Body func(b *Block, in, row []V) (out []V, reduce V)
}

func (s Rows) emit(k *kernelState) {
	k.skip, k.repeat = s.Skip, s.Repeat
	all := append(append([]string(nil), s.Out...), s.In...)
	var accs, sums []int
	unroll := s.Unroll
	switch s.Reduce {
	case Sum: // a block at a time; these registers must be low ones
		unroll = k.block() / k.lanes()
		for range unroll {
			accs = append(accs, k.pin())
		}
		for range k.sums(k.t) {
			sums = append(sums, k.pin())
		}
	case Max:
		if unroll == 0 {
			unroll = 4
		}
		for range unroll {
			accs = append(accs, k.pin())
		}
	case None:
		if unroll == 0 {
			unroll = 4
		}
	}

	rows := gpr("")
	var result gpr
	switch s.Reduce {
	case Sum:
		result, rows = k.base("sum"), k.length("sum")
	case Max:
		result, rows = k.base("m"), k.length("m")
	case None:
		rows = k.length(s.Row[0])
	}
	for _, name := range all {
		k.streams = append(k.streams, k.base(name))
	}
	var rowPtrs []gpr
	for _, name := range s.Row {
		rowPtrs = append(rowPtrs, k.base(name))
	}
	var skipPtr, rel gpr
	if s.Skip {
		skipPtr, rel = k.base("skip"), k.gpr()
	}
	k.count, k.scratch = k.gpr(), k.gpr()
	var scalars []int
	for _, name := range s.Scalars {
		r := k.pin()
		k.broadcastArg(r, name, k.param(name).off, k.t)
		scalars = append(scalars, r)
	}
	// the values of a row
	var rowRegs, params []int
	for range s.Row {
		rowRegs = append(rowRegs, k.pin())
	}
	if s.Prologue == nil {
		params = append(rowRegs, scalars...)
	} else {
		probe := k.newBlock(false)
		n := len(s.Prologue(probe, make([]V, len(s.Row)), make([]V, len(scalars))))
		for i := range n {
			if i < len(rowRegs) {
				params = append(params, rowRegs[i]) // written after their last use
			} else {
				params = append(params, k.pin())
			}
		}
	}
	k.loadPinned()

	row := k.w.newLabel("row")
	k.w.label(row)
	for i, p := range rowPtrs {
		k.broadcast(rowRegs[i], p, k.t)
		k.addImm(p, k.t.Size())
	}
	if s.Prologue != nil {
		b := k.newBlock(false)
		var in, sc []V
		for _, r := range rowRegs {
			in = append(in, b.pinnedValue(r))
		}
		for _, r := range scalars {
			sc = append(sc, b.pinnedValue(r))
		}
		out := s.Prologue(b, in, sc)
		for i, v := range out {
			b.moveTo(params[i], v)
		}
		k.write(b)
	}
	k.loadArg(k.count, "cols", k.param("cols").off)
	if s.Skip {
		k.loadWord(rel, skipPtr, 0)
		k.addImm(skipPtr, 8)
	}
	body := func(lane, n int, tail bool) {
		b := k.newBlock(tail)
		for b.lane = lane; b.lane < lane+n; b.lane++ {
			s.once(b, params, accs)
		}
		k.write(b)
	}
	switch s.Reduce {
	case Sum:
		s.emitSum(k, params, accs, sums, rel, result, unroll, body)
		k.addImm(result, 8)
	case Max:
		inf := [...]uint64{0xff800000, 0xfff0000000000000}[k.t]
		for _, a := range accs {
			k.loadConst(k, a, inf)
		}
		k.vectorLoops(unroll, func(n int, tail bool) { body(0, n, tail) })
		s.emitTail(k, body)
		k.maxAcross(k, accs, k.spare(1)[0], result)
		k.addImm(result, k.t.Size())
	case None:
		k.vectorLoops(unroll, func(n int, tail bool) { body(0, n, tail) })
		s.emitTail(k, body)
	}
	// from where the row left the pointers to the next row: stride - cols + what is left of the count
	for i, name := range all {
		p := k.strideOf(name)
		k.loadArg(k.scratch, p.name, p.off)
		k.add(k.scratch, k.count)
		k.shl(k.scratch, 2+int(k.t))
		k.add(k.streams[i], k.scratch)
	}
	k.loadArg(k.scratch, "cols", k.param("cols").off)
	k.shl(k.scratch, 2+int(k.t))
	for _, p := range k.streams {
		k.sub(p, k.scratch)
	}
	k.addImm(rows, -1)
	k.branchImm(ne, rows, 0, row)
	k.ret(k)
}

func (s Rows) emitTail(k *kernelState, body func(lane, n int, tail bool)) {
	done := k.w.newLabel("done")
	k.branchImm(eq, k.count, 0, done)
	k.tailMask(k, k.count, k.scratch)
	body(0, 1, true)
	k.w.label(done)
}

// emitSum is the canonical sum of a row: blocks of 32 (16) elements, folded to four lanes every four blocks.
func (s Rows) emitSum(k *kernelState, params, accs, sums []int, rel, result gpr, unroll int, body func(lane, n int, tail bool)) {
	blocks := k.gpr()
	defer func() { k.freeGPRs = append(k.freeGPRs, blocks) }()
	tmp := k.spare(3)
	group, block, tail, fold, wide, end := k.w.newLabel("group"), k.w.newLabel("block"), k.w.newLabel("tail"), k.w.newLabel("fold"), k.w.newLabel("wide"), k.w.newLabel("end")
	for _, r := range sums {
		k.zero(r)
	}
	k.w.label(group)
	finish := k.w.newLabel("finish")
	if p, ok := s.Pipeline[k.setting()]; ok {
		byBlock := k.w.newLabel("blocks")
		n := k.group() * k.block()
		k.branchImm(lt, k.count, n, byBlock)
		if s.Skip {
			whole := k.w.newLabel("whole")
			k.branchImm(lt, rel, 0, whole)
			k.branchImm(lt, rel, n, byBlock)
			k.w.label(whole)
		}
		s.emitGroup(k, p, params, accs)
		k.advance(n * k.t.Size())
		k.addImm(k.count, -n)
		if s.Skip {
			k.addImm(rel, -n)
		}
		k.foldVector(k, accs[0], tmp[0])
		k.carry(k, accs[:1], sums, tmp)
		k.branchImm(ge, k.count, 1, group)
		k.jump(finish)
		k.w.label(byBlock)
	}
	for _, r := range accs {
		k.zero(r)
	}
	k.movImm(blocks, int64(k.group()))
	k.w.align()
	k.w.label(block)
	k.branchImm(lt, k.count, k.block(), tail)
	if s.Skip {
		k.skipMask(k, rel, k.scratch)
	}
	body(0, unroll, false)
	k.advance(k.block() * k.t.Size())
	k.addImm(k.count, -k.block())
	if s.Skip {
		k.addImm(rel, -k.block())
	}
	k.addImm(blocks, -1)
	k.branchImm(ne, blocks, 0, block)
	k.jump(fold)
	k.w.label(tail)
	if s.Skip {
		k.skipMask(k, rel, k.scratch)
	}
	for lane := range unroll {
		k.branchImm(le, k.count, 0, fold)
		k.tailMask(k, k.count, k.scratch)
		body(lane, 1, true)
		k.advance(k.vectorBytes())
		k.addImm(k.count, -k.lanes())
	}
	k.w.label(fold)
	k.fold(k, accs)
	p := k.param("narrow")
	k.loadFlag(k.scratch, p.name, p.off)
	k.branchImm(eq, k.scratch, 0, wide)
	k.finishNarrow(k, accs, tmp[0], result)
	k.jump(end)
	k.w.label(wide)
	k.carry(k, accs, sums, tmp)
	// more than a block was left: on with the next group
	k.branchImm(ge, k.count, 1, group)
	k.w.label(finish)
	k.finish(k, sums, tmp, result)
	k.w.label(end)
}

// vector loads, computes and stores a vector, and returns what is to be reduced.
func (s Rows) vector(b *Block, params []int) (reduce V) {
	var in, row []V
	for i := range s.In {
		in = append(in, b.load(len(s.Out)+i))
	}
	for _, r := range params {
		row = append(row, b.pinnedValue(r))
	}
	out, reduce := s.Body(b, in, row)
	for i, v := range out {
		b.store(i, v)
	}
	return reduce
}

func (s Rows) once(b *Block, params, accs []int) {
	reduce := s.vector(b, params)
	switch s.Reduce {
	case Sum:
		b.ops = append(b.ops, op{kind: opKeep, dst: b.pinnedValue(accs[b.lane]), a: reduce, b: -1, c: -1, lane: b.lane})
	case Max:
		if b.tail {
			reduce = b.emit(opFill, reduce, b.K(negInf32, negInf64), -1, 0)
		}
		acc := b.pinnedValue(accs[b.lane])
		b.Max(acc, reduce)
		b.into(accs[b.lane])
	}
}

var negInf32, negInf64 = float32(math.Inf(-1)), math.Inf(-1)
