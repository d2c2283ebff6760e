package asmgen

import (
	"maps"
	"slices"
	"sort"
)

// A Pipeline is a software-pipelined main loop: while one vector is in its last operations, the next ones are in earlier stages, so that an instruction
// enters the CPU's scheduler when its operands are about ready. Plain interleaving leaves every vector at the same place of
// the same long chain.
type Pipeline struct {
	// Interval is the number of cycles after which the next vector starts.
	Interval int
	// Latency scales the latencies, in percent: out-of-order execution covers the rest.
	Latency int
	// Unroll is the number of vectors in the loop.
	Unroll int
	// Width is how many operations a cycle takes.
	Width int
	// Sink computes what is needed late from values that live on anyway as late as possible: so it takes a register for less long.
	Sink bool
	// Constants is how many constants AVX2 keeps in registers, in a Map at least 3.
	Constants int
}

// latency of an operation in cycles, about right for the x86 and ARM cores of the last ten years.
func (o op) latency() int {
	switch o.kind {
	case opLoad, opSpill:
		return 6
	case opDiv:
		return 14
	case opShl, opShr, opAnd, opOr, opIntAdd, opIntSub:
		return 1
	case opStore:
		return 0
	}
	return 4
}

// schedule assigns a cycle to every operation of one vector: list scheduling in order of the longest way to the end, in a
// reservation table that repeats every interval.
func (p Pipeline) schedule(ops []op) []int {
	producer := map[V]int{}
	for i, o := range ops {
		if o.dst >= 0 {
			producer[o.dst] = i
		}
	}
	uses := make([][]int, len(ops))
	for i, o := range ops {
		for _, v := range [...]V{o.a, o.b, o.c} {
			if j, ok := producer[v]; ok && v >= 0 && j < i {
				uses[j] = append(uses[j], i)
			}
		}
	}
	scaled := func(o op) int { return (o.latency()*p.Latency + 50) / 100 }
	height := make([]int, len(ops))
	for i := len(ops) - 1; i >= 0; i-- {
		for _, j := range uses[i] {
			height[i] = max(height[i], height[j]+max(1, scaled(ops[i])))
		}
	}
	order := make([]int, len(ops))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return height[order[a]] > height[order[b]] })
	at := make([]int, len(ops))
	busy := make([]int, p.Interval)
	stored := 0
	for _, i := range order {
		t := 0
		for _, v := range [...]V{ops[i].a, ops[i].b, ops[i].c} {
			if j, ok := producer[v]; ok && v >= 0 && j < i {
				t = max(t, at[j]+max(1, scaled(ops[j])))
			}
		}
		if !ops[i].kind.memory() {
			for try := 0; busy[t%p.Interval] >= p.Width && try < p.Interval; try++ {
				t++
			}
			busy[t%p.Interval]++
		}
		if ops[i].kind == opStore { // they stay in order: two outputs may be one slice
			t = max(t, stored)
			stored = t
		}
		at[i] = t
	}
	if !p.Sink {
		return at
	}
	slices.SortStableFunc(order, func(a, b int) int { return at[b] - at[a] })
	for _, i := range order {
		if ops[i].kind.memory() || len(uses[i]) == 0 {
			continue
		}
		late := at[i] + 1<<20
		for _, j := range uses[i] {
			late = min(late, at[j]-max(1, scaled(ops[i])))
		}
		for _, v := range [...]V{ops[i].a, ops[i].b, ops[i].c} {
			if j, ok := producer[v]; ok && v >= 0 && j < i {
				last := 0 // other use of the operand
				for _, u := range uses[j] {
					if u != i {
						last = max(last, at[u])
					}
				}
				late = min(late, last)
			}
		}
		for t := late; t > at[i]; t-- {
			if busy[t%p.Interval] < p.Width {
				busy[at[i]%p.Interval]--
				busy[t%p.Interval]++
				at[i] = t
			}
		}
	}
	return at
}

// emitPipeline writes the pipelined loop over groups of Unroll vectors; what is left is for the loops that follow. once
// records the operations of one vector.
func (k *kernelState) emitPipeline(p Pipeline, once func(b *Block)) {
	probe := k.newBlock(false)
	once(probe)
	at := p.schedule(probe.ops)
	stages := 0
	for _, t := range at {
		stages = max(stages, t/p.Interval+1)
	}
	if stages > p.Unroll {
		panic(outOfRegisters{}) // a vector must be through when the loop comes round twice
	}
	// Two iterations of the loop as straight-line code, with the parts before and after: what runs is the fill, the second iteration any number of
	// times, and the drain. Vector v of the three parts has its loads in part v/Unroll.
	vectors := 2 * p.Unroll
	b := k.newBlock(false)
	perVector := make([][]op, vectors)
	for v := range vectors {
		start := len(b.ops)
		once(b)
		perVector[v] = append([]op(nil), b.ops[start:]...)
	}
	b.ops = nil
	byTime := make([]int, len(at))
	for i := range byTime {
		byTime[i] = i
	}
	sort.SliceStable(byTime, func(x, y int) bool { return at[byTime[x]]%p.Interval < at[byTime[y]]%p.Interval })
	var bounds [4]int
	type key struct{ op, vector int } // identifies a value
	made := map[V]key{}
	for part := range 3 {
		bounds[part] = len(b.ops)
		for u := range p.Unroll {
			for _, i := range byTime {
				v := part*p.Unroll + u - at[i]/p.Interval
				if v < 0 || v >= vectors {
					continue
				}
				o := perVector[v][i]
				o.lane = v - part*p.Unroll // the address, from the pointers of this part
				if o.dst >= 0 {
					made[o.dst] = key{i, v}
				}
				b.ops = append(b.ops, o)
			}
		}
	}
	bounds[3] = len(b.ops)

	loop, drain, rest := k.w.newLabel("pipe"), k.w.newLabel("drain"), k.w.newLabel("plain")
	step := p.Unroll * k.lanes()
	k.branchImm(lt, k.count, step, rest)
	al := k.allocator(b)
	run := func(part int) {
		for i := bounds[part]; i < bounds[part+1]; i++ {
			al.pos = i
			k.lower(al, b.ops[i])
		}
	}
	// live lists the values in registers that are used from position pos on
	live := func(pos int) map[key]V {
		m := map[key]V{}
		for v, id := range made {
			if al.reg[v] >= 0 && al.last[v] >= pos && al.b.vals[v].pinned < 0 {
				m[id] = v
			}
		}
		return m
	}
	run(0)
	k.advance(p.Unroll * k.vectorBytes())
	k.addImm(k.count, -step)
	k.branchImm(lt, k.count, step, drain)
	atLoop := map[key]int{}
	for id, v := range live(bounds[1]) {
		atLoop[id] = al.reg[v]
	}
	k.w.align()
	k.w.label(loop)
	run(1)
	// the values of the vectors that follow move to where the loop expects them
	ids := live(bounds[2])
	for _, masks := range []bool{false, true} {
		free, copyTo := al.free, k.copyVector
		if masks {
			free, copyTo = al.kfre, k.copyMask
		}
		var from, to []int
		for o := range at {
			for v := range vectors {
				if x, ok := ids[key{o, v}]; ok && masks == (k.separateMasks() && b.vals[x].isMask) {
					from = append(from, al.reg[x])
					to = append(to, atLoop[key{o, v - p.Unroll}])
					al.reg[x] = to[len(to)-1]
				}
			}
		}
		spare := -1
		for r, ok := range free {
			if ok && !slices.Contains(to, r) {
				spare = r
			}
		}
		parallelMove(from, to, spare, copyTo)
		for _, r := range from {
			free[r] = true
		}
		for _, r := range to {
			free[r] = false
		}
	}
	k.advance(p.Unroll * k.vectorBytes())
	k.addImm(k.count, -step)
	k.branchImm(ge, k.count, step, loop)
	k.w.label(drain)
	run(2)
	k.w.label(rest)
}

// parallelMove copies from[i] to to[i], all at once in effect; spare is a register that is in neither list.
func parallelMove(from, to []int, spare int, copyTo func(dst, src int)) {
	pending := map[int]int{} // destination: source
	for i := range from {
		if from[i] != to[i] {
			pending[to[i]] = from[i]
		}
	}
	for len(pending) > 0 {
		moved := false
		for _, d := range slices.Sorted(maps.Keys(pending)) {
			needed := false
			for _, other := range pending {
				needed = needed || other == d
			}
			if needed {
				continue
			}
			copyTo(d, pending[d])
			delete(pending, d)
			moved = true
		}
		if !moved { // a cycle: break it
			if spare < 0 {
				panic(outOfRegisters{})
			}
			s := pending[slices.Min(slices.Collect(maps.Keys(pending)))]
			copyTo(spare, s)
			for e, src := range pending {
				if src == s {
					pending[e] = spare
				}
			}
		}
	}
}
