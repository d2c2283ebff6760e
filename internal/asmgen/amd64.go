package asmgen

import "fmt"

// x86 writes AVX2 with FMA3, or AVX-512 (F, DQ, BW, VL), in Go's operand order: the destination
// comes last.
type x86 struct {
	*writer
	wide bool // AVX-512
	half bool // with vectors of half the width

	// The flags are the comparison of register result with 0 as long as the text has no more than
	// written lines. After a shift they only say whether it is 0.
	result  gpr
	written int
	shifted bool
}

// Mask registers of AVX-512: K1 is the tail mask; K2 and K3 leave an element out of a block. The
// allocator has the others, and these too while they are not needed. On AVX2 the tail mask is a
// vector register, and the mask of a block lies in memory at maskPtr.
const (
	x86TailMask = 15
	maskPtr     = gpr("R13")
	maskPtrTmp  = gpr("R14") // addresses the table of tail masks
)

func (m *x86) vectorBytes() int {
	if m.wide && !m.half {
		return 64
	}
	return 32
}

func (m *x86) vectorRegs() int {
	if m.wide {
		return 32
	}
	return 16
}

func (m *x86) gprs() []gpr {
	return []gpr{"SI", "DI", "DX", "BX", "R8", "R9", "R10", "R11", "R12", "AX", "CX"}
}

func (m *x86) separateMasks() bool { return m.wide }
func (m *x86) maskedStores() bool  { return m.wide }

func (m *x86) prologue(*kernelState)                 {}
func (m *x86) loadArg(dst gpr, name string, off int) { m.ins("MOVQ %s+%d(FP), %s", name, off, dst) }
func (m *x86) loadFlag(dst gpr, name string, off int) {
	m.ins("MOVBQZX %s+%d(FP), %s", name, off, dst)
}
func (m *x86) loadWord(dst, base gpr, off int)  { m.ins("MOVQ %d(%s), %s", off, base, dst) }
func (m *x86) storeWord(src, base gpr, off int) { m.ins("MOVQ %s, %d(%s)", src, off, base) }
func (m *x86) mov(dst, src gpr)                 { m.ins("MOVQ %s, %s", src, dst) }
func (m *x86) movImm(dst gpr, imm int64)        { m.ins("MOVQ $%d, %s", imm, dst) }
func (m *x86) jump(label string)                { m.ins("JMP %s", label) }

func (m *x86) addImm(dst gpr, imm int) {
	if imm < 0 {
		m.ins("SUBQ $%d, %s", -imm, dst)
	} else {
		m.ins("ADDQ $%d, %s", imm, dst)
	}
	m.setFlags(dst)
}

func (m *x86) add(dst, src gpr) {
	m.ins("ADDQ %s, %s", src, dst)
	m.setFlags(dst)
}

func (m *x86) sub(dst, src gpr) {
	m.ins("SUBQ %s, %s", src, dst)
	m.setFlags(dst)
}

// setFlags notes that the last instruction compared its result with 0. Sums and differences of
// counts do not overflow.
func (m *x86) setFlags(r gpr) { m.result, m.written, m.shifted = r, m.lines, false }

func (m *x86) branch(c cond, a, b gpr, label string) {
	m.ins("CMPQ %s, %s", a, b)
	m.ins("J%s %s", c, label)
}

func (m *x86) branchImm(c cond, a gpr, imm int, label string) {
	switch {
	case imm != 0:
		m.ins("CMPQ %s, $%d", a, imm)
	case a != m.result || m.written != m.lines || m.shifted && c != eq && c != ne:
		m.ins("TESTQ %s, %s", a, a)
	}
	m.ins("J%s %s", c, label)
}

func (m *x86) ret(k *kernelState) {
	if k.kernel.Stream {
		m.ins("SFENCE")
	}
	m.ins("VZEROUPPER")
	m.ins("RET")
}

// touchAhead prefetches the first line of the second page after dst's. A store past the caches that
// waits for the translation of its address holds up all stores behind it, and the queue of these is
// full long before the next translation is known. Each turn of the loop asks again, because a
// processor may drop a prefetch. The inputs are left to the hardware, which prefetches them better.
func (m *x86) touchAhead(dst, tmp gpr) {
	const page = 4096
	m.ins("LEAQ %d(%s), %s", 2*page, dst, tmp)
	m.ins("ANDQ $-%d, %s", page, tmp)
	m.ins("PREFETCHT0 (%s)", tmp)
}

func (m *x86) shl(dst gpr, n int) {
	m.ins("SHLQ $%d, %s", n, dst)
	m.setFlags(dst)
	m.shifted = true
}

func (m *x86) mul(dst, src gpr) { m.ins("IMULQ %s, %s", src, dst) }

func (m *x86) shr(dst gpr, n int) { m.ins("SHRQ $%d, %s", n, dst) }

func (m *x86) orShifted(dst, src, shift gpr) {
	m.ins("SHLXQ %s, %s, %s", shift, src, src)
	m.ins("ORQ %s, %s", src, dst)
}

func (m *x86) loadAt(t Type, dst int, base gpr, off int) {
	m.ins("%s %d(%s), %s", ps(t, "VMOVU"), off, base, m.r(dst))
}

func (m *x86) storeAt(t Type, src int, base gpr, off int) {
	m.ins("%s %s, %d(%s)", ps(t, "VMOVU"), m.r(src), off, base)
}

func (m *x86) broadcastInt(dst int, src gpr, t Type) {
	if m.wide {
		m.ins("VPBROADCAST%s %s, Z%d", [...]string{"D", "Q"}[t], src, dst)
		return
	}
	m.ins("VMOVQ %s, X%d", src, dst)
	m.ins("VPBROADCAST%s X%d, Y%d", [...]string{"D", "Q"}[t], dst, dst)
}

// r is the name of vector register n in the width in use.
func (m *x86) r(n int) string {
	if m.wide && !m.half {
		return fmt.Sprintf("Z%d", n)
	}
	return fmt.Sprintf("Y%d", n)
}

func ps(t Type, stem string) string { return stem + [...]string{"PS", "PD"}[t] }

// store is the instruction for a full vector: past the caches if the kernel says so.
func (m *x86) store(k *kernelState) string {
	if k.kernel.Stream {
		return ps(k.t, "VMOVNT")
	}
	return ps(k.t, "VMOVU")
}

func (m *x86) broadcastArg(dst int, name string, off int, t Type) {
	m.ins("VBROADCAST%s %s+%d(FP), %s", [...]string{"SS", "SD"}[t], name, off, m.r(dst))
}

func (m *x86) broadcast(dst int, base gpr, t Type) {
	m.ins("VBROADCAST%s (%s), %s", [...]string{"SS", "SD"}[t], base, m.r(dst))
}

func (m *x86) loadConst(k *kernelState, dst int, bits uint64) {
	if bits == 0 {
		m.zero(dst)
		return
	}
	m.ins("VBROADCAST%s %s, %s", [...]string{"SS", "SD"}[k.t], k.constAddr(bits), m.r(dst))
}

func (m *x86) zero(dst int) {
	if dst > 15 {
		m.ins("VPXORD Z%d, Z%d, Z%d", dst, dst, dst)
		return
	}
	m.ins("VXORPS X%d, X%d, X%d", dst, dst, dst) // clears the whole register
}

func (m *x86) copyVector(dst, src int) { m.ins("VMOVAPS %s, %s", m.r(src), m.r(dst)) }
func (m *x86) copyMask(dst, src int)   { m.ins("KMOVQ K%d, K%d", src, dst) }

func (m *x86) storeScalar(src int, base gpr, t Type) {
	m.ins("VMOV%s X%d, (%s)", [...]string{"SS", "SD"}[t], src, base)
}

// src3 returns operand i of o in the place that may be memory, and the suffix for an embedded
// broadcast.
func (m *x86) src3(b *Builder, o assigned, i int) (operand, suffix string) {
	v := o.operands()[i]
	switch x := b.vals[v]; {
	case o.in[i] >= 0:
		return m.r(o.in[i]), ""
	case x.spilled:
		return m.spillAddr(b, o), ""
	case m.wide:
		return b.k.constAddr(x.bits), ".BCST"
	default:
		return b.k.constAddr(x.bits), ""
	}
}

// spillAddr is the address of the first output.
func (m *x86) spillAddr(b *Builder, o assigned) string {
	return fmt.Sprintf("%d(%s)", o.lane*m.vectorBytes(), b.k.streams[0])
}

// fetch loads operand i of o, which lies in memory.
func (m *x86) fetch(b *Builder, o assigned, i, dst int) {
	if x := b.vals[o.operands()[i]]; x.isConst {
		m.loadConst(b.k, dst, x.bits)
		return
	}
	m.ins("%s %s, %s", ps(b.k.t, "VMOVU"), m.spillAddr(b, o), m.r(dst))
}

var x86Ops = map[opKind][2]string{
	opAdd: {"VADDPS", "VADDPD"}, opSub: {"VSUBPS", "VSUBPD"},
	opMul: {"VMULPS", "VMULPD"}, opDiv: {"VDIVPS", "VDIVPD"},
	opMax: {"VMAXPS", "VMAXPD"}, opMin: {"VMINPS", "VMINPD"},
	opAnd: {"VPAND", "VPAND"}, opOr: {"VPOR", "VPOR"},
	opIntAdd: {"VPADDD", "VPADDQ"}, opIntSub: {"VPSUBD", "VPSUBQ"},
}

// tableRegs is 0 on AVX2, where a table is a memory operand.
func (m *x86) tableRegs() int {
	if m.wide {
		return 1
	}
	return 0
}

func (m *x86) loadTable(k *kernelState, dst int, name string) {
	m.ins("%s %s<>(SB), %s", ps(k.t, "VMOVU"), name, m.r(dst))
}

// tableIndex returns i, because a permutation uses the low bits of each lane as the index. AVX2
// permutes 32-bit lanes only, so entry j of float64 has the halves 2j and 2j+1. Doubling the index
// in both halves of a lane gives these: the carry from bit 31 is the 1 in the upper half.
func (m *x86) tableIndex(b *Builder, i V) V {
	if m.wide || b.k.t == F32 {
		return i
	}
	i = b.emit(opTwice, i, -1, -1, 0)
	return b.emit(opIntAdd, i, i, -1, 0)
}

// demand lets one operand of an operation lie in memory: b, or for a multiply-add b or c.
func (m *x86) demand(al *alloc, o op) (op, demand) {
	b := al.b
	masked := !m.wide && b.tail
	switch o.kind {
	case opLoad:
		return o, demand{scratch: masked && b.k.repeat}
	case opStore:
		return o, demand{scratch: masked}
	case opAdd, opSub, opMul, opDiv, opMax, opMin, opAnd, opOr, opIntAdd, opIntSub:
		if o.kind.commutative() && b.inMemory(o.a) {
			o.a, o.b = o.b, o.a
		}
		return o, demand{load: operandA, reuse: operandA | operandB}
	case opFMA, opFNMA:
		return m.demandFMA(al, o)
	case opShl, opShr:
		return o, demand{reuse: operandA}
	case opLess, opEqual:
		return o, demand{load: operandA, reuse: operandA | operandB, mask: m.wide}
	case opIntEqual:
		return o, demand{mask: m.wide}
	case opTwice, opLookup, opSqrt:
		return o, demand{load: operandA, reuse: operandA}
	case opSelect:
		return o, demand{load: operandC, reuse: operandB | operandC}
	case opMove:
		return o, demand{load: operandA, early: true}
	case opKeep:
		return o, demand{scratch: m.half || !m.wide && (b.tail || b.k.skip)}
	case opFill:
		return o, demand{load: operandB, reuse: operandA}
	}
	return o, demand{}
}

// demandFMA picks the form of the instruction: the destination is an operand that dies, and a
// constant is the memory operand.
func (m *x86) demandFMA(al *alloc, o op) (op, demand) {
	b := al.b
	if b.inMemory(o.a) || (al.dies(o.b) && !al.dies(o.a)) {
		o.a, o.b = o.b, o.a // a is not in memory now, unless both are
	}
	pinned := b.vals[o.dst].pinned >= 0
	switch {
	case !pinned && al.dies(o.c):
		return o, demand{load: operandA, reuse: operandC} // 231
	case !pinned && al.dies(o.a) && b.inMemory(o.b):
		return o, demand{load: operandC, reuse: operandA} // 132
	case !pinned && al.dies(o.a):
		return o, demand{reuse: operandA} // 213
	}
	return o, demand{load: operandA, early: true} // 231, c copied to the result
}

func (m *x86) lower(b *Builder, o assigned) {
	k, t := b.k, b.k.t
	vb := m.vectorBytes()
	d := o.result
	for i := range o.in {
		if o.loaded>>i&1 != 0 && !(o.kind == opFMA || o.kind == opFNMA) {
			m.fetch(b, o, i, o.in[i])
		}
	}
	switch o.kind {
	case opSpill:
		m.ins("%s %s, %s", ps(t, "VMOVU"), m.r(o.in[0]), m.spillAddr(b, o))
	case opLoad:
		m.lowerLoad(b, o)
	case opStore:
		at, v := k.streams[o.stream], o.in[0]
		switch {
		case b.ragged > 0 && o.lane == b.ragged:
			m.ins("%s %s, K1, %d(%s)", ps(t, "VMOVU"), m.r(v), o.lane*vb, at)
		case !b.tail:
			m.ins("%s %s, %d(%s)", m.store(k), m.r(v), o.lane*vb, at)
		case m.wide:
			m.ins("%s %s, K1, (%s)", ps(t, "VMOVU"), m.r(v), at)
		default:
			m.storePartial(k, v, o.scratch, at)
		}
	case opAdd, opSub, opMul, opDiv, opMax, opMin, opAnd, opOr, opIntAdd, opIntSub:
		s3, suffix := m.src3(b, o, 1)
		name := x86Ops[o.kind][t]
		if m.wide && (o.kind == opAnd || o.kind == opOr) {
			name += [...]string{"D", "Q"}[t]
		}
		m.ins("%s%s %s, %s, %s", name, suffix, s3, m.r(o.in[0]), m.r(d))
	case opFMA, opFNMA:
		m.lowerFMA(b, o)
	case opShl, opShr:
		name := [...]string{"VPSLL", "VPSRL"}[o.kind-opShl] + [...]string{"D", "Q"}[t]
		m.ins("%s $%d, %s, %s", name, o.imm, m.r(o.in[0]), m.r(d))
	case opLess, opEqual, opIntEqual:
		m.lowerCompare(b, o)
	case opSelect:
		s3, suffix := m.src3(b, o, 1)
		if m.wide {
			m.ins("%s%s %s, %s, K%d, %s", ps(t, "VBLENDM"), suffix, s3, m.r(o.in[2]),
				o.in[0], m.r(d))
		} else {
			m.ins("%s %s, %s, %s, %s", ps(t, "VBLENDV"), m.r(o.in[0]), s3, m.r(o.in[2]), m.r(d))
		}
	case opSqrt:
		m.ins("%s %s, %s", ps(t, "VSQRT"), m.r(o.in[0]), m.r(d))
	case opTwice:
		m.ins("VMOVSLDUP %s, %s", m.r(o.in[0]), m.r(d))
	case opLookup:
		switch {
		case !m.wide: // VPERMPS for both types: see tableIndex
			m.ins("VPERMPS %s<>(SB), Y%d, Y%d", k.tableName(o.imm), o.in[0], d)
		case k.tableAt == nil:
			table := k.tableName(o.imm) + "<>(SB)"
			m.ins("%s %s, %s, %s", ps(t, "VPERM"), table, m.r(o.in[0]), m.r(d))
		default:
			m.ins("%s %s, %s, %s", ps(t, "VPERM"), m.r(k.tableAt[o.imm]), m.r(o.in[0]), m.r(d))
		}
	case opMove:
		m.ins("%s %s, %s", ps(t, "VMOVA"), m.r(o.in[0]), m.r(d))
	case opKeep:
		m.lowerKeep(b, o)
	case opFill:
		if m.wide {
			m.ins("%s %s, %s, K1, %s", ps(t, "VBLENDM"), m.r(o.in[0]), m.r(o.in[1]), m.r(d))
		} else {
			blend := ps(t, "VBLENDV")
			m.ins("%s %s, %s, %s, %s", blend, m.r(x86TailMask), m.r(o.in[0]), m.r(o.in[1]), m.r(d))
		}
	default:
		panic("asmgen: unknown operation")
	}
}

func (m *x86) lowerLoad(b *Builder, o assigned) {
	k, t, d := b.k, b.k.t, o.result
	at := fmt.Sprintf("(%s)", k.streams[o.stream])
	switch {
	case b.ragged > 0 && o.lane == b.ragged:
		at = fmt.Sprintf("%d%s", o.lane*m.vectorBytes(), at)
	case !b.tail:
		m.ins("%s %d%s, %s", ps(t, "VMOVU"), o.lane*m.vectorBytes(), at, m.r(d))
		return
	}
	first := "VBROADCAST" + [...]string{"SS", "SD"}[t]
	switch {
	case m.wide && k.repeat:
		m.ins("%s %s, %s", first, at, m.r(d))
		m.ins("%s %s, K1, %s", ps(t, "VMOVU"), at, m.r(d))
	case m.wide:
		m.ins("%s.Z %s, K1, %s", ps(t, "VMOVU"), at, m.r(d))
	default:
		m.ins("%s %s, %s, %s", ps(t, "VMASKMOV"), at, m.r(x86TailMask), m.r(d))
		if k.repeat {
			m.ins("%s %s, %s", first, at, m.r(o.scratch))
			m.ins("%s %s, %s, %s, %s", ps(t, "VBLENDV"), m.r(x86TailMask), m.r(d),
				m.r(o.scratch), m.r(d))
		}
	}
}

func (m *x86) lowerCompare(b *Builder, o assigned) {
	t, d := b.k.t, m.r(o.result)
	if m.wide {
		d = fmt.Sprintf("K%d", o.result)
	}
	if o.kind == opIntEqual {
		m.ins("%s %s, %s, %s", [...]string{"VPCMPEQD", "VPCMPEQQ"}[t], m.r(o.in[1]),
			m.r(o.in[0]), d)
		return
	}
	pred := 0 // EQ_OQ
	if o.kind == opLess {
		pred = 1 // LT_OS
	}
	s3, suffix := m.src3(b, o, 1)
	m.ins("%s%s $%d, %s, %s, %s", ps(t, "VCMP"), suffix, pred, s3, m.r(o.in[0]), d)
}

func (m *x86) lowerKeep(b *Builder, o assigned) {
	k, t := b.k, b.k.t
	acc, w := m.r(o.result), o.in[0]
	if m.wide {
		mask := ""
		switch {
		case b.tail && k.skip:
			m.ins("KANDW K1, K%d, K%d", 2+o.lane, 2+o.lane)
			mask = fmt.Sprintf("K%d, ", 2+o.lane)
		case b.tail:
			mask = "K1, "
		case k.skip:
			mask = fmt.Sprintf("K%d, ", 2+o.lane)
		}
		if m.half { // +0 to the upper half of acc: a result of half the width would clear it
			m.ins("%s.Z %s, %s%s", ps(t, "VMOVA"), m.r(w), mask, m.r(o.scratch))
			m.ins("%s Z%d, Z%d, Z%d", ps(t, "VADD"), o.scratch, o.result, o.result)
			return
		}
		m.ins("%s %s, %s, %s%s", ps(t, "VADD"), m.r(w), acc, mask, acc)
		return
	}
	// w may be needed again, so mask a copy
	if k.skip {
		m.ins("%s %d(%s), %s, %s", ps(t, "VAND"), o.lane*m.vectorBytes(), maskPtr, m.r(w),
			m.r(o.scratch))
		w = o.scratch
	}
	if b.tail {
		m.ins("%s %s, %s, %s", ps(t, "VAND"), m.r(x86TailMask), m.r(w), m.r(o.scratch))
		w = o.scratch
	}
	m.ins("%s %s, %s, %s", ps(t, "VADD"), m.r(w), acc, acc)
}

// lowerFMA writes the form that demandFMA picked.
func (m *x86) lowerFMA(b *Builder, o assigned) {
	t, d := b.k.t, o.result
	const (
		x = iota
		y
		z
	)
	form, source, second := "231", y, x // the operand that may be memory, and that in a register
	switch {
	case d == o.in[z]:
	case d == o.in[x] && o.in[y] < 0:
		form, source, second = "132", y, z
	case d == o.in[x]:
		form, source, second = "213", z, y
	case o.in[z] < 0:
		m.fetch(b, o, z, d)
	default:
		m.ins("%s %s, %s", ps(t, "VMOVA"), m.r(o.in[z]), m.r(d))
	}
	if o.loaded>>second&1 != 0 {
		m.fetch(b, o, second, o.in[second])
	}
	name := "VFMADD"
	if o.kind == opFNMA {
		name = "VFNMADD"
	}
	s3, suffix := m.src3(b, o, source)
	m.ins("%s%s%s %s, %s, %s", name, ps(t, form), suffix, s3, m.r(o.in[second]), m.r(d))
}
