package asmgen

import (
	"slices"
	"sort"
)

// The canonical sum of a row. A block is 32 float32 or 16 float64 elements; a group is four or two
// blocks. A group has one accumulator per element of a block. At its end they are folded to four
// lanes, which are added to the float64 accumulators.

// block is the number of elements in a block of the canonical sum.
func (k *kernelState) block() int { return 32 >> k.t }

// group is the number of blocks in a group.
func (k *kernelState) group() int { return 4 >> k.t }

// sumRows adds the elements of the rows. The end of a row's sum is a chain of additions that has
// to wait for its last exponentials. So a row's last group and its sums are kept in the frame, and
// that chain comes after the elements of the next row.
func (r *rowsCode) sumRows() {
	k, vb := r.kernelState, r.vectorBytes()
	if r.unroll > copiedTails {
		r.state = r.unroll * vb
	}
	kept := r.kept()
	k.frame = r.state + len(kept)*vb + cacheLine // room to start at a cache line
	r.blocks = k.gpr()
	if r.backward {
		r.lastRow()
	}
	row, first, last := k.w.newLabel("row"), k.w.newLabel("first"), k.w.newLabel("last")
	k.w.label(row)
	r.beginRow()
	k.loadArg(k.count, "cols", k.param("cols").off)
	r.sumRow()
	k.loadArg(k.scratch, "sum_len", k.param("sum").off+8)
	k.branch(eq, r.rows, k.scratch, first)
	free := r.accs[len(kept)-len(r.sums):]
	free = slices.Concat(free, k.spare(max(3, len(kept)+3-len(free))))
	before := free[:len(kept)]
	k.scratchAddr(k.scratch, r.state, k.frame)
	for i, reg := range before {
		k.loadAt(k.t, reg, k.scratch, i*vb)
	}
	r.endSum(before, free[len(kept):])
	k.w.label(first)
	k.addImm(r.rows, -1)
	k.branchImm(eq, r.rows, 0, last)
	k.scratchAddr(k.scratch, r.state, k.frame)
	for i, reg := range kept {
		k.storeAt(k.t, reg, k.scratch, i*vb)
	}
	r.backToStart()
	r.nextRow()
	k.jump(row)
	k.w.label(last)
	r.endSum(kept, k.spare(3))
	k.ret(k)
}

// lastRow moves the pointers to the last row.
func (r *rowsCode) lastRow() {
	k := r.kernelState
	k.mov(k.count, r.rows)
	k.addImm(k.count, -1)
	for i, name := range r.matrices() {
		p := k.strideOf(name)
		k.loadArg(k.scratch, p.name, p.off)
		k.mul(k.scratch, k.count)
		k.shl(k.scratch, 2+int(k.t))
		k.add(k.streams[i], k.scratch)
	}
	k.mov(k.scratch, k.count)
	k.shl(k.scratch, 2+int(k.t))
	k.addTo(r.rowPtrs, k.scratch)
	k.shl(k.count, 3)
	k.add(r.result, k.count)
	if r.s.Skip {
		k.add(r.skipPtr, k.count)
	}
}

// backToStart moves the streams from the end of a row to its start: by cols less the rest of the
// count.
func (r *rowsCode) backToStart() {
	k := r.kernelState
	k.loadArg(k.scratch, "cols", k.param("cols").off)
	k.sub(k.scratch, k.count)
	k.shl(k.scratch, 2+int(k.t))
	k.subFrom(k.streams, k.scratch)
}

// sumRow adds the elements of a row to the float64 accumulators in sums, except those of the last
// group of a Slow one, which it leaves in groupSum. A group has to wait for its last exponentials,
// too. So with a pipeline those before the last are folded and added after the elements of the next
// group; until then, blocks is not 0.
func (r *rowsCode) sumRow() {
	k := r.kernelState
	lbl := k.w.newLabel
	group, pending, blocks := lbl("group"), lbl("pending"), lbl("blocks")
	block, tail, fold, end := lbl("block"), lbl("tail"), lbl("fold"), lbl("end")
	for _, s := range r.sums {
		k.zero(s)
	}
	p, pipelined := r.s.Pipeline[k.setting()]
	if pipelined {
		k.branchImm(lt, k.count, k.group()*k.block(), blocks)
		k.movImm(r.blocks, 0)
		k.w.label(group)
		r.wholeGroup(p, pending)
		k.branchImm(ge, k.count, 1, group)
		k.jump(end)
		k.w.label(pending)
		r.addPending()
	}
	k.w.label(blocks)
	for _, a := range r.accs {
		k.zero(a)
	}
	k.movImm(r.blocks, int64(k.group()))
	k.w.align()
	k.w.label(block)
	k.branchImm(lt, k.count, k.block(), tail)
	r.leaveOut()
	r.body(0, r.unroll, false)
	r.stepSum(k.block())
	k.addImm(r.blocks, -1)
	k.branchImm(ne, r.blocks, 0, block)
	k.jump(fold)
	k.w.label(tail)
	r.partialBlock(fold)
	k.w.label(fold)
	k.fold(k, r.accs)
	switch {
	case pipelined:
		k.movImm(r.blocks, 2)
		k.branchImm(ge, k.count, 1, group)
	case r.s.Slow:
		k.branchImm(le, k.count, 0, end)
		r.addGroup(r.groupSum(), r.sums, k.spare(3))
		k.jump(blocks)
	default:
		wide, lanes := lbl("wide"), r.groupSum()
		k.foldVector(k, lanes[0], k.spare(1)[0])
		r.ifWide(wide)
		for i, a := range lanes {
			k.copyVector(r.sums[i], a)
		}
		k.jump(end)
		k.w.label(wide)
		k.carry(k, lanes, r.sums, k.spare(3))
		k.branchImm(ge, k.count, 1, blocks)
	}
	k.w.label(end)
}

// kept lists the registers with what is left of a row until its sum is stored: the last group of a
// Slow one, and the float64 accumulators. If the others are narrow, these hold the four lanes.
func (r *rowsCode) kept() []int {
	if r.s.Slow {
		return slices.Concat(r.groupSum(), r.sums)
	}
	return r.sums
}

// groupSum lists the registers that hold the sum of a group until it is folded to four lanes: the
// first accumulators.
func (r *rowsCode) groupSum() []int { return r.accs[:max(1, 4*r.t.Size()/r.vectorBytes())] }

// addGroup folds the sum of a group to four lanes and adds these to the float64 accumulators.
func (r *rowsCode) addGroup(group, sums, tmp []int) {
	r.foldVector(r.kernelState, group[0], tmp[0])
	r.carry(r.kernelState, group, sums, tmp)
}

// ifWide jumps unless the rows are narrow.
func (r *rowsCode) ifWide(wide string) {
	p := r.param("narrow")
	r.loadFlag(r.scratch, p.name, p.off)
	r.branchImm(eq, r.scratch, 0, wide)
}

// endSum ends the sum of a row that has left what is in kept, and stores it.
func (r *rowsCode) endSum(kept, tmp []int) {
	k, n := r.kernelState, len(kept)-len(r.sums)
	total, stored := k.w.newLabel("total"), k.w.newLabel("stored")
	r.ifWide(total)
	if r.s.Slow {
		k.foldVector(k, kept[0], tmp[0])
	}
	k.storeNarrowSum(k, kept, tmp[0], r.result)
	k.jump(stored)
	k.w.label(total)
	if r.s.Slow {
		r.addGroup(kept[:n], kept[n:], tmp)
	}
	k.storeSum(k, kept[n:], tmp, r.result)
	k.w.label(stored)
	r.next(r.result, 8)
}

// leaveOut prepares the masks of a block if an element may be left out.
func (r *rowsCode) leaveOut() {
	if r.s.Skip {
		r.skipMask(r.kernelState, r.rel, r.scratch)
	}
}

// stepSum advances by n elements.
func (r *rowsCode) stepSum(n int) {
	r.step(n)
	if r.s.Skip {
		r.addImm(r.rel, -n)
	}
}

// copiedTails is the largest number of vectors in a block for which the code of the last, partial
// block is written out vector by vector. For more of them, as NEON's eight, it is a loop.
const copiedTails = 4

// partialBlock adds the last elements of a row, fewer than a block, one vector after the other.
func (r *rowsCode) partialBlock(fold string) {
	k := r.kernelState
	r.leaveOut()
	if r.unroll > copiedTails {
		r.partialBlockLoop(fold)
		return
	}
	for lane := range r.unroll {
		k.whole = lane < r.unroll-1 // if the last were whole, so would be the block
		k.branchImm(le, k.count, 0, fold)
		part := func() {
			k.tailMask(k, k.count, k.scratch, true)
			r.body(lane, 1, true)
			k.step(k.lanes())
		}
		if r.s.Slow { // half a vector may take half the time
			if long := k.halve(k); long != "" {
				part()
				k.jump(fold)
				k.unhalve()
				k.w.label(long)
			}
		}
		part()
	}
}

// partialBlockLoop does the same in a loop. Instructions cannot choose a register by a number, so
// the accumulators are kept in memory meanwhile, and each is added to in accs[0].
func (r *rowsCode) partialBlockLoop(fold string) {
	k, vb := r.kernelState, r.vectorBytes()
	k.whole = true
	k.branchImm(le, k.count, 0, fold)
	at := r.blocks // no longer needed as the counter
	k.scratchAddr(at, 0, k.frame)
	for i, a := range r.accs {
		k.storeAt(k.t, a, at, i*vb)
	}
	loop := k.w.newLabel("partial")
	k.w.label(loop)
	k.tailMask(k, k.count, k.scratch, true)
	k.loadAt(k.t, r.accs[0], at, 0)
	r.body(0, 1, true)
	k.storeAt(k.t, r.accs[0], at, 0)
	k.addImm(at, vb)
	if r.s.Skip {
		k.skipNext(k)
	}
	k.step(k.lanes())
	k.branchImm(ge, k.count, 1, loop)
	k.scratchAddr(at, 0, k.frame)
	for i, a := range r.accs {
		k.loadAt(k.t, a, at, i*vb)
	}
}

// wholeGroup adds a group with no element left out. It jumps to byBlock if the next group is not
// such a one.
func (r *rowsCode) wholeGroup(p Pipeline, byBlock string) {
	k, n := r.kernelState, r.group()*r.block()
	k.branchImm(lt, k.count, n, byBlock)
	if r.s.Skip {
		whole := k.w.newLabel("whole")
		k.branchImm(lt, r.rel, 0, whole)
		k.branchImm(lt, r.rel, n, byBlock)
		k.w.label(whole)
	}
	r.emitGroup(p)
	r.stepSum(n)
	r.addPending()
	k.copyVector(r.accs[0], r.accs[1])
	k.addImm(r.blocks, 1)
}

// addPending adds the group before, if there is one, whose sum is in groupSum.
func (r *rowsCode) addPending() {
	k, none := r.kernelState, r.w.newLabel("none")
	k.branchImm(eq, r.blocks, 0, none)
	if r.t == F64 { // nothing is rounded off 0 plus the first group
		later := k.w.newLabel("later")
		k.branchImm(ne, r.blocks, 1, later)
		k.foldVector(k, r.groupSum()[0], k.spare(1)[0])
		k.copyVector(r.sums[0], r.groupSum()[0])
		k.jump(none)
		k.w.label(later)
	}
	r.addGroup(r.groupSum(), r.sums, k.spare(3))
	k.w.label(none)
}

// emitGroup writes a whole group without a branch. The vectors start one after the other as in a
// software-pipelined loop. Those of one accumulator are together, so that few accumulators are
// alive at a time. The sum, folded to one vector, is left in accs[1]. Of the other accumulators,
// only accs[0] is kept.
func (r *rowsCode) emitGroup(p Pipeline) {
	k, b, n := r.kernelState, r.newBuilder(false), len(r.accs)
	// one records the operations of vector i of a block and adds the result to acc, unless acc is
	// -1.
	one := func(b *Builder, i int, acc V) V {
		b.lane = i
		w := r.vector(b)
		if acc < 0 {
			return w
		}
		return b.Add(acc, w)
	}
	probe := k.newBuilder(false)
	one(probe, 0, probe.pinnedValue(r.accs[0]))
	times := p.schedule(probe.ops)

	var (
		at     []int // cycle of each operation
		vector = 0
		added  = 0 // cycle of the last addition
	)
	// sum adds the accumulators i, i+step, i+2*step, ... As in fold, accumulators half a block
	// apart are added first.
	var sum func(i, step int) V
	sum = func(i, step int) V {
		if step < n {
			x := sum(i, 2*step)
			x = b.Add(x, sum(i+step, 2*step))
			added += max(1, 4*p.Latency/100)
			at = append(at, added)
			return x
		}
		acc := V(-1)
		for block := range k.group() {
			acc = one(b, block*n+i, acc)
			for o := range b.ops[len(at):] {
				added = max(added, vector*p.Interval+times[o])
				at = append(at, vector*p.Interval+times[o])
			}
			vector++
		}
		return acc
	}
	total := sum(0, 1)
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(x, y int) bool { return at[order[x]] < at[order[y]] })
	ops := make([]op, len(at))
	for i, from := range order {
		ops[i] = b.ops[from]
	}
	b.ops = ops
	b.moveTo(r.accs[1], total)
	k.writeInOrder(b, r.accs[1:]...)
}
