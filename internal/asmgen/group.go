package asmgen

import "sort"

// emitGroup writes a whole group of the canonical sum, from which no element is left out, without a branch: the vectors one after
// the other as in a software-pipelined loop, those of one accumulator together, so that few accumulators are alive. Their sum,
// folded to one vector, is left in accs[0]; the other accumulators may be overwritten.
func (s Rows) emitGroup(k *kernelState, p Pipeline, params, accs []int) {
	b, n := k.newBlock(false), len(accs)
	// one records the operations of vector i of a block and adds it to acc, unless that is none.
	one := func(b *Block, i int, acc V) V {
		b.lane = i
		w := s.vector(b, params)
		if acc < 0 {
			return w
		}
		return b.Add(acc, w)
	}
	probe := k.newBlock(false)
	one(probe, 0, probe.pinnedValue(accs[0]))
	times := p.schedule(probe.ops)

	var (
		at     []int // by operation
		vector = 0
		added  = 0 // when the last addition was
	)
	// sum adds the accumulators i, i+step, i+2*step, ...: those of half a block apart first, as fold does.
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
	b.moveTo(accs[0], total)
	k.writeInOrder(b, accs...)
}
