package asmgen

import (
	"fmt"
	"math/bits"
)

// A regSet is a set of registers.
type regSet uint64

func (s regSet) has(r int) bool { return s>>r&1 != 0 }
func (s *regSet) add(r int)     { *s |= 1 << r }
func (s *regSet) remove(r int)  { *s &^= 1 << r }

// operands is a set of an operation's operands.
type operands uint8

const (
	operandA operands = 1 << iota
	operandB
	operandC
)

// A demand lists the registers that an operation needs on one machine.
type demand struct {
	// load is the set of operands that have to be in registers. One that lies in memory is loaded
	// into a temporary.
	load operands
	// reuse is the set of operands whose register the result may take. It takes that of the first
	// one that dies.
	reuse operands
	// early gives the result its register before the temporaries get theirs.
	early bool
	// mask puts the result into a mask register.
	mask bool
	// scratch asks for one more register.
	scratch bool
}

// An assigned operation knows its registers: result, operands and scratch, -1 where there is none.
// An operand without a register lies in memory. Operands may have changed places.
type assigned struct {
	op
	result, scratch int
	in              [3]int
	loaded          operands // were in memory and have a temporary
}

// // alloc hands out registers along a sequence, the lowest free one first.
type alloc struct {
	b           *Builder
	ops         []op
	at          []assigned // by operation
	reg         []int      // by value
	last        []int      // position of the last use, by value
	free, masks regSet
	pos         int
	short       bool // there were too few registers
}

// allocator prepares the allocation of the operations of b in the order of ops.
func (k *kernelState) allocator(b *Builder, ops []op, free, masks regSet) *alloc {
	al := &alloc{b: b, ops: ops, at: make([]assigned, len(ops)), free: free, masks: masks}
	where := make([]int, 2*len(b.vals))
	al.reg, al.last = where[:len(b.vals)], where[len(b.vals):]
	for i := range b.vals {
		al.reg[i] = b.vals[i].pinned
		al.last[i] = -1
	}
	for i := range ops {
		for _, v := range ops[i].operands() {
			if v >= 0 {
				al.last[v] = i
			}
		}
	}
	return al
}

// run assigns registers to the operations from one position to another, and reports whether they
// sufficed.
func (al *alloc) run(from, to int) bool {
	for al.pos = from; al.pos < to && !al.short; al.pos++ {
		al.assign()
	}
	return !al.short
}

// assign gives the operation at pos its registers, and frees those of the operands that die.
func (al *alloc) assign() {
	k := al.b.k
	o, d := k.demand(al, al.ops[al.pos])
	a := assigned{op: o, result: -1, scratch: -1, in: [3]int{-1, -1, -1}}
	if d.early {
		a.result = al.result(o, d)
	}
	for i, v := range o.operands() {
		switch {
		case v < 0:
		case !al.b.inMemory(v):
			a.in[i] = al.register(v)
		case d.load>>i&1 != 0:
			a.in[i] = al.take(&al.free)
			a.loaded |= 1 << i
		}
	}
	if !d.early {
		a.result = al.result(o, d)
	}
	if d.scratch {
		a.scratch = al.take(&al.free)
		al.free.add(a.scratch)
	}
	for i := range a.in {
		if a.loaded>>i&1 != 0 {
			al.free.add(a.in[i])
		}
	}
	al.release(o, a.result, d.mask)
	al.at[al.pos] = a
}

// take removes the lowest register from a set.
func (al *alloc) take(s *regSet) int {
	if *s == 0 {
		al.short = true
		return 0
	}
	r := bits.TrailingZeros64(uint64(*s))
	s.remove(r)
	return r
}

// register returns the register of an operand, which must be in one.
func (al *alloc) register(v V) int {
	if x := &al.b.vals[v]; x.isConst {
		return al.b.k.pinned[x.bits]
	}
	return al.reg[v]
}

// result returns the register for the result of o: its pinned one, or that of a dying operand, or a
// new one.
func (al *alloc) result(o op, d demand) int {
	switch {
	case o.dst < 0 || al.b.vals[o.dst].spilled:
		return -1
	case al.b.vals[o.dst].pinned >= 0:
		return al.b.vals[o.dst].pinned
	case d.mask:
		return al.take(&al.masks)
	}
	for i, v := range o.operands() {
		if d.reuse>>i&1 != 0 && al.dies(v) {
			return al.reg[v]
		}
	}
	return al.take(&al.free)
}

// dies reports whether v is an unpinned value in a register whose last use is the current
// operation.
func (al *alloc) dies(v V) bool {
	if v < 0 || al.last[v] != al.pos {
		return false
	}
	x := &al.b.vals[v]
	return !x.isConst && !x.spilled && x.pinned < 0
}

// release records the register of the result and frees those of the operands that died.
func (al *alloc) release(o op, result int, mask bool) {
	separate := al.b.k.separateMasks()
	for _, v := range o.operands() {
		if !al.dies(v) || al.reg[v] < 0 {
			continue
		}
		switch r := al.reg[v]; {
		case separate && al.b.vals[v].isMask:
			al.masks.add(r)
		case r != result || mask:
			al.free.add(r)
		}
		al.reg[v] = -1
	}
	if o.dst >= 0 {
		al.reg[o.dst] = result
		if al.last[o.dst] < 0 && al.b.vals[o.dst].pinned < 0 {
			panic(fmt.Sprintf("asmgen: result of op %d is never used", al.pos))
		}
	}
}

// write writes the operations from one position to another, each after its comment, if it has one.
func (al *alloc) write(from, to int, notes []string) {
	for i := from; i < to; i++ {
		if notes != nil {
			al.b.k.w.note(notes[i])
		}
		al.b.k.lower(al.b, al.at[i])
	}
}

// inMemory reports whether v lies in memory: a constant without a register, or a spilled value.
func (b *Builder) inMemory(v V) bool {
	x := &b.vals[v]
	if !x.isConst {
		return x.spilled
	}
	_, pinned := b.k.pinned[x.bits]
	return !pinned
}

// The registers of a kernel: those at the bottom are pinned for the values of its loops, those at
// the top for constants. Those in between are for the allocator, for one sequence at a time, and
// for the code between sequences.

// pin reserves a vector register for the whole kernel.
func (k *kernelState) pin() int {
	k.nextVector++
	if k.nextVector > k.vectorRegs()-1 {
		k.short = true
		return 0
	}
	return k.nextVector - 1
}

// pinConstants puts the most used constants into registers.
func (k *kernelState) pinConstants(order []uint64, uses map[uint64]int) {
	left := append([]uint64(nil), order...)
	for n := 0; n < k.pinLimit && len(left) > 0; n++ {
		best := 0
		for i := range left {
			if uses[left[i]] > uses[left[best]] {
				best = i
			}
		}
		k.topVector--
		k.pinned[left[best]] = k.topVector
		left = append(left[:best], left[best+1:]...)
	}
}

// pinRepeated loads the constants that a sequence uses more than once, and zero, into registers.
// All others lie in memory, and so do the tables.
func (k *kernelState) pinRepeated(b *Builder) {
	k.topVector, k.pinned, k.tableAt = k.vectorRegs(), map[uint64]int{}, nil
	uses := map[uint64]int{}
	for _, o := range b.ops {
		for _, v := range o.operands() {
			if v < 0 || !b.vals[v].isConst {
				continue
			}
			bits := b.vals[v].bits
			uses[bits]++
			if _, ok := k.pinned[bits]; !ok && (uses[bits] > 1 || bits == 0) {
				k.topVector--
				k.pinned[bits] = k.topVector
				k.loadConst(k, k.topVector, bits)
			}
		}
	}
}

// loadPinned emits the loads of the pinned constants in the order of their registers.
func (k *kernelState) loadPinned() {
	k.prologue(k)
	k.loadTables()
	for r := k.vectorRegs() - 1; r >= k.topVector; r-- {
		for bits, at := range k.pinned {
			if at == r {
				k.loadConst(k, r, bits)
			}
		}
	}
}

// registersFor returns the registers that the allocator has for a sequence, and those for masks if
// masks have their own.
func (k *kernelState) registersFor(b *Builder) (free, masks regSet) {
	for r := k.nextVector; r < k.topVector; r++ {
		free.add(r)
	}
	if !k.separateMasks() {
		if !b.tail { // in the tail it holds the tail mask
			free.add(k.vectorRegs() - 1)
		}
		return free, 0
	}
	for r := 1; r < 8; r++ {
		if !(r == 1 && (b.tail || b.ragged > 0) || (r == 2 || r == 3) && k.skip) {
			masks.add(r)
		}
	}
	return free, masks
}

// spare returns n registers for the code between sequences, which no sequence keeps.
func (k *kernelState) spare(n int) []int {
	limit := k.topVector
	if k.separateMasks() {
		limit = min(limit, 16) // some of that code has no EVEX form
	}
	r := make([]int, n)
	for i := range r {
		r[i] = k.nextVector + i
	}
	if k.nextVector+n > limit {
		k.short = true
	}
	return r
}

// spareAfter lists the registers that neither a sequence nor a constant keeps.
func (k *kernelState) spareAfter() (list []int) {
	for r := k.nextVector; r < k.topVector; r++ {
		list = append(list, r)
	}
	return list
}

// maxSkew is the largest number of operations by which one vector of a loop runs behind the one
// before it.
const maxSkew = 63

// A placed sequence waits until the skew of its vectors is known.
type placed struct {
	b           *Builder
	free, masks regSet
}

// fit finds the least skew for which the registers suffice in all sequences, and reports whether
// there is one. A sequence of one vector does not depend on the skew.
func (k *kernelState) fit() bool {
	var mixed []placed
	for _, p := range k.sequences {
		if p.b.oneVector() {
			if !k.allocator(p.b, p.b.ops, p.free, p.masks).run(0, len(p.b.ops)) {
				return false
			}
			continue
		}
		mixed = append(mixed, p)
	}
next:
	for k.skew = 1; k.skew <= maxSkew; k.skew++ {
		for _, p := range mixed {
			ops := interleave(p.b.ops, k.skew)
			if !k.allocator(p.b, ops, p.free, p.masks).run(0, len(ops)) {
				continue next
			}
		}
		return true
	}
	return false
}

// oneVector reports whether all operations belong to one vector.
func (b *Builder) oneVector() bool {
	return len(b.ops) == 0 || b.ops[0].lane == b.ops[len(b.ops)-1].lane
}
