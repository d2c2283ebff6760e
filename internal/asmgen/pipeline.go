package asmgen

import (
	"maps"
	"slices"
	"sort"
)

// A pipelined loop is scheduled as straight-line code of two iterations, in three parts: the fill,
// the loop itself, and the drain. The fill runs once, the loop any number of times, the drain once.
// Vector v has its loads in part v/unroll.
type pipelined struct {
	b          *Builder
	unroll     int
	vectors    int
	operations int    // of a vector
	bounds     [4]int // where the parts begin
	made       map[V]origin
	carried    [2]moves // vectors, masks: from where the loop leaves them to where it expects them
	al         *alloc
}

// An origin identifies a value of the straight-line code: the result of an operation of a vector.
type origin struct{ op, vector int }

// moves are copies that take effect all at once.
type moves struct {
	from, to []int
	spare    int // a register for cycles, -1: none
}

// emitPipeline writes the pipelined loop over Unroll vectors at a time. The loops that follow
// handle the vectors that it leaves. once records the operations of one vector.
func (k *kernelState) emitPipeline(p Pipeline, once func(b *Builder)) {
	l := k.layOut(p, once)
	k.slow = l == nil
	k.short = k.slow || !l.allocate(k) || k.short
	if !k.writing {
		return
	}
	loop, drain, rest := k.w.newLabel("pipe"), k.w.newLabel("drain"), k.w.newLabel("plain")
	step := p.Unroll * k.lanes()
	next := func() {
		k.advance(p.Unroll * k.vectorBytes())
		k.addImm(k.count, -step)
	}
	k.branchImm(lt, k.count, step, rest)
	l.write(0)
	next()
	k.branchImm(lt, k.count, step, drain)
	k.w.align()
	k.w.describe("pipe", p.Unroll, ", software-pipelined")
	k.w.label(loop)
	l.write(1)
	l.carried[0].write(k.copyVector)
	l.carried[1].write(k.copyMask)
	next()
	k.branchImm(ge, k.count, step, loop)
	k.w.label(drain)
	l.write(2)
	k.w.label(rest)
}

// layOut schedules one vector and orders the operations of all vectors by it. It returns nil if a
// vector takes more than two turns of the loop.
func (k *kernelState) layOut(p Pipeline, once func(b *Builder)) *pipelined {
	probe := k.newBuilder(false)
	once(probe)
	at := p.schedule(probe.ops)
	if slices.Max(at)/p.Interval+1 > p.Unroll {
		return nil
	}
	b := k.newBuilder(false)
	l := &pipelined{b: b, unroll: p.Unroll, vectors: 2 * p.Unroll, operations: len(at)}
	l.made = map[V]origin{}
	perVector := make([][]op, l.vectors)
	for v := range perVector {
		start := len(b.ops)
		once(b)
		perVector[v] = append([]op(nil), b.ops[start:]...)
	}
	b.ops = nil
	byTime := make([]int, len(at))
	for i := range byTime {
		byTime[i] = i
	}
	turn := func(i int) int { return at[i] % p.Interval }
	sort.SliceStable(byTime, func(x, y int) bool { return turn(byTime[x]) < turn(byTime[y]) })
	for part := range 3 {
		l.bounds[part] = len(b.ops)
		for u := range p.Unroll {
			for _, i := range byTime {
				v := part*p.Unroll + u - at[i]/p.Interval
				if v < 0 || v >= l.vectors {
					continue
				}
				o := perVector[v][i]
				o.lane = v - part*p.Unroll // the address, from the pointers of this part
				if o.dst >= 0 {
					l.made[o.dst] = origin{i, v}
				}
				b.ops = append(b.ops, o)
			}
		}
	}
	l.bounds[3] = len(b.ops)
	return l
}

// allocate assigns the registers. It also finds the moves at the end of the loop, which bring the
// values of the vectors under way to where the loop expects them.
func (l *pipelined) allocate(k *kernelState) bool {
	free, masks := k.registersFor(l.b)
	al := k.allocator(l.b, l.b.ops, free, masks)
	l.al = al
	if !al.run(0, l.bounds[1]) {
		return false
	}
	atLoop := map[origin]int{}
	for id, v := range l.live(l.bounds[1]) {
		atLoop[id] = al.reg[v]
	}
	if !al.run(l.bounds[1], l.bounds[2]) {
		return false
	}
	ids := l.live(l.bounds[2])
	for kind, free := range []*regSet{&al.free, &al.masks} {
		m := &l.carried[kind]
		for o := range l.operations {
			for v := range l.vectors {
				if x, ok := ids[origin{o, v}]; ok && (kind == 1) == (k.separateMasks() &&
					l.b.vals[x].isMask) {
					m.from = append(m.from, al.reg[x])
					m.to = append(m.to, atLoop[origin{o, v - l.unroll}])
					al.reg[x] = m.to[len(m.to)-1]
				}
			}
		}
		m.spare = -1
		for r := range 64 {
			if free.has(r) && !slices.Contains(m.to, r) {
				m.spare = r
			}
		}
		if !m.resolve(func(int, int) {}) {
			return false
		}
		for _, r := range m.from {
			free.add(r)
		}
		for _, r := range m.to {
			free.remove(r)
		}
	}
	return al.run(l.bounds[2], l.bounds[3])
}

// live lists the values in registers that are used from position pos on.
func (l *pipelined) live(pos int) map[origin]V {
	m := map[origin]V{}
	for v, id := range l.made {
		if l.al.reg[v] >= 0 && l.al.last[v] >= pos && l.b.vals[v].pinned < 0 {
			m[id] = v
		}
	}
	return m
}

func (l *pipelined) write(part int) { l.al.write(l.bounds[part], l.bounds[part+1], nil) }

func (m *moves) write(copyTo func(dst, src int)) { m.resolve(copyTo) }

// resolve copies from[i] to to[i], in effect all at once. It reports whether that was possible: a
// cycle takes a spare register.
func (m *moves) resolve(copyTo func(dst, src int)) bool {
	pending := map[int]int{} // destination: source
	for i, from := range m.from {
		if from != m.to[i] {
			pending[m.to[i]] = from
		}
	}
	for len(pending) > 0 {
		moved := false
		for _, d := range slices.Sorted(maps.Keys(pending)) {
			if needed := slices.Contains(slices.Collect(maps.Values(pending)), d); needed {
				continue
			}
			copyTo(d, pending[d])
			delete(pending, d)
			moved = true
		}
		if moved {
			continue
		}
		if m.spare < 0 {
			return false
		}
		// a cycle: break it
		s := pending[slices.Min(slices.Collect(maps.Keys(pending)))]
		copyTo(m.spare, s)
		for d, src := range pending {
			if src == s {
				pending[d] = m.spare
			}
		}
	}
	return true
}
