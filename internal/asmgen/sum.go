package asmgen

import "sort"

// The canonical sum of a row. A block is 32 float32 or 16 float64 elements; a group is four or two
// blocks. A group has one accumulator per element of a block. At its end they are folded to four
// lanes, which are added to the float64 accumulators.

// block is the number of elements in a block of the canonical sum.
func (k *kernelState) block() int { return 32 >> k.t }

// group is the number of blocks in a group.
func (k *kernelState) group() int { return 4 >> k.t }

// emitSum adds the elements of a row.
func (r *rowsCode) emitSum() {
	k := r.kernelState
	r.blocks = k.gpr()
	defer func() { k.freeGPRs = append(k.freeGPRs, r.blocks) }()
	tmp := k.spare(3)
	lbl := k.w.newLabel
	group, block, tail := lbl("group"), lbl("block"), lbl("tail")
	fold, wide, end := lbl("fold"), lbl("wide"), lbl("end")
	for _, s := range r.sums {
		k.zero(s)
	}
	k.w.label(group)
	total := lbl("total")
	if p, ok := r.s.Pipeline[k.setting()]; ok {
		byBlock := lbl("blocks")
		r.wholeGroup(p, byBlock, tmp)
		k.branchImm(ge, k.count, 1, group)
		k.jump(total)
		k.w.label(byBlock)
	}
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
	p := k.param("narrow")
	k.loadFlag(k.scratch, p.name, p.off)
	k.branchImm(eq, k.scratch, 0, wide)
	k.storeNarrowSum(k, r.accs, tmp[0], r.result)
	k.jump(end)
	k.w.label(wide)
	k.carry(k, r.accs, r.sums, tmp)
	//         // not narrow: go on with the next group, if there is one
	k.branchImm(ge, k.count, 1, group)
	k.w.label(total)
	k.storeSum(k, r.sums, tmp, r.result)
	k.w.label(end)
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
		k.tailMask(k, k.count, k.scratch, true)
		r.body(lane, 1, true)
		k.step(k.lanes())
	}
}

// partialBlockLoop does the same in a loop. Instructions cannot choose a register by a number, so
// the accumulators are kept in memory meanwhile, and each is added to in accs[0].
func (r *rowsCode) partialBlockLoop(fold string) {
	k, vb := r.kernelState, r.vectorBytes()
	k.frame = r.unroll*vb + cacheLine // room to start at a cache line
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
func (r *rowsCode) wholeGroup(p Pipeline, byBlock string, tmp []int) {
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
	k.foldVector(k, r.accs[0], tmp[0])
	k.carry(k, r.accs[:1], r.sums, tmp)
}

// emitGroup writes a whole group without a branch. The vectors start one after the other as in a
// software-pipelined loop. Those of one accumulator are together, so that few accumulators are
// alive at a time. The sum, folded to one vector, is left in accs[0]; the other accumulators may be
// overwritten.
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
	b.moveTo(r.accs[0], total)
	k.writeInOrder(b, r.accs...)
}
