package asmgen

import "sort"

// The canonical sum of a row: blocks of 32 (16) elements, four of them (two) a group. A group has
// an accumulator for each lane of a block; at its end they are folded to four lanes, which are
// carried to the float64 sums.

// block is the number of elements in a block of the canonical sum.
func (k *kernelState) block() int { return 32 >> k.t }

// group is the number of blocks whose sum is folded at once.
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
	finish := lbl("finish")
	if p, ok := r.s.Pipeline[k.setting()]; ok {
		byBlock := lbl("blocks")
		r.wholeGroup(p, byBlock, tmp)
		k.branchImm(ge, k.count, 1, group)
		k.jump(finish)
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
	k.finishNarrow(k, r.accs, tmp[0], r.result)
	k.jump(end)
	k.w.label(wide)
	k.carry(k, r.accs, r.sums, tmp)
	// more than a block was left: on with the next group
	k.branchImm(ge, k.count, 1, group)
	k.w.label(finish)
	k.finish(k, r.sums, tmp, r.result)
	k.w.label(end)
}

// leaveOut prepares the masks of a block in which an element may be left out.
func (r *rowsCode) leaveOut() {
	if r.s.Skip {
		r.skipMask(r.kernelState, r.rel, r.scratch)
	}
}

// stepSum goes on by n elements.
func (r *rowsCode) stepSum(n int) {
	r.step(n)
	if r.s.Skip {
		r.addImm(r.rel, -n)
	}
}

// copiedTails is how many vectors a block may have for its last, partial one to be written out
// vector by vector. With more of them, NEON's eight, the code is a loop.
const copiedTails = 4

// partialBlock adds the last block of a row, which has fewer elements than a block, one vector
// after the other.
func (r *rowsCode) partialBlock(fold string) {
	k := r.kernelState
	r.leaveOut()
	if r.unroll > copiedTails {
		r.partialBlockLoop(fold)
		return
	}
	for lane := range r.unroll {
		k.whole = lane < r.unroll-1 // the last is not, or it were a block
		k.branchImm(le, k.count, 0, fold)
		k.tailMask(k, k.count, k.scratch, true)
		r.body(lane, 1, true)
		k.step(k.lanes())
	}
}

// partialBlockLoop does so in a loop. Since no register can be chosen by a number, the accumulators
// lie in memory meanwhile, and the one that is added to is accs[0].
func (r *rowsCode) partialBlockLoop(fold string) {
	k, vb := r.kernelState, r.vectorBytes()
	k.frame = r.unroll*vb + cacheLine // to begin with a line
	k.whole = true
	k.branchImm(le, k.count, 0, fold)
	at := r.blocks // no longer counts
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

// wholeGroup adds a group from which no element is left out, and goes to byBlock where there is
// none.
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

// emitGroup writes a whole group without a branch: the vectors one after the other as in a
// software-pipelined loop, those of one accumulator together, so that few accumulators are alive.
// Their sum, folded to one vector, is left in accs[0]; the other accumulators may be overwritten.
func (r *rowsCode) emitGroup(p Pipeline) {
	k, b, n := r.kernelState, r.newBlock(false), len(r.accs)
	// one records the operations of vector i of a block and adds it to acc, unless that is none.
	one := func(b *Block, i int, acc V) V {
		b.lane = i
		w := r.vector(b)
		if acc < 0 {
			return w
		}
		return b.Add(acc, w)
	}
	probe := k.newBlock(false)
	one(probe, 0, probe.pinnedValue(r.accs[0]))
	times := p.schedule(probe.ops)

	var (
		at     []int // by operation
		vector = 0
		added  = 0 // when the last addition was
	)
	// sum adds the accumulators i, i+step, i+2*step, ...: those of half a block apart first, as
	// fold does.
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
