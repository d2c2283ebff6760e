package asmgen

import "fmt"

// x86 writes AVX2+FMA3 or AVX-512 (F, DQ, BW, VL), in Go's operand order: destination last.
type x86 struct {
	*writer
	wide bool // AVX-512
}

// Mask registers of AVX-512: K1 is the tail mask, K2 and K3 leave an element out of a block; the allocator has the others, and these where
// there is nothing for them to do.
// On AVX2 the tail mask is a vector register and the mask of a block lies in memory at maskPtr.
const (
	x86TailMask = 15
	maskPtr     = gpr("R13")
	maskPtrTmp  = gpr("R14") // addresses the table of tail masks
)

func (m *x86) vectorBytes() int {
	if m.wide {
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

func (m *x86) prologue(*kernelState)                 {}
func (m *x86) loadArg(dst gpr, name string, off int) { m.ins("MOVQ %s+%d(FP), %s", name, off, dst) }
func (m *x86) loadFlag(dst gpr, name string, off int) {
	m.ins("MOVBQZX %s+%d(FP), %s", name, off, dst)
}
func (m *x86) loadWord(dst, base gpr, off int)  { m.ins("MOVQ %d(%s), %s", off, base, dst) }
func (m *x86) storeWord(src, base gpr, off int) { m.ins("MOVQ %s, %d(%s)", src, off, base) }
func (m *x86) mov(dst, src gpr)                 { m.ins("MOVQ %s, %s", src, dst) }
func (m *x86) movImm(dst gpr, imm int64)        { m.ins("MOVQ $%d, %s", imm, dst) }
func (m *x86) add(dst, src gpr)                 { m.ins("ADDQ %s, %s", src, dst) }
func (m *x86) sub(dst, src gpr)                 { m.ins("SUBQ %s, %s", src, dst) }
func (m *x86) shl(dst gpr, n int)               { m.ins("SHLQ $%d, %s", n, dst) }
func (m *x86) jump(label string)                { m.ins("JMP %s", label) }

func (m *x86) addImm(dst gpr, imm int) {
	if imm < 0 {
		m.ins("SUBQ $%d, %s", -imm, dst)
	} else {
		m.ins("ADDQ $%d, %s", imm, dst)
	}
}

func (m *x86) branch(c cond, a, b gpr, label string) {
	m.ins("CMPQ %s, %s", a, b)
	m.ins("J%s %s", c, label)
}

func (m *x86) branchImm(c cond, a gpr, imm int, label string) {
	if imm == 0 {
		m.ins("TESTQ %s, %s", a, a)
	} else {
		m.ins("CMPQ %s, $%d", a, imm)
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

// r names vector register n in the width in use.
func (m *x86) r(n int) string {
	if m.wide {
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

// src3 is v as the operand that may be memory, with the suffix for an embedded broadcast.
func (m *x86) src3(al *alloc, v V) (operand, suffix string) {
	if x := al.b.vals[v]; x.isConst {
		if r, ok := al.b.k.pinned[x.bits]; ok {
			return m.r(r), ""
		}
		if m.wide {
			return al.b.k.constAddr(x.bits), ".BCST"
		}
		return al.b.k.constAddr(x.bits), ""
	}
	if al.b.vals[v].spilled {
		return m.spillAddr(al), ""
	}
	return m.r(al.reg[v]), ""
}

// spillAddr is the place of the first output.
func (m *x86) spillAddr(al *alloc) string {
	return fmt.Sprintf("%d(%s)", al.lane*m.vectorBytes(), al.b.k.streams[0])
}

// inReg is v in a register; what lies in memory is loaded into a temporary, which done gives back.
func (m *x86) inReg(al *alloc, v V) (r int, done func()) {
	x := al.b.vals[v]
	if r, ok := al.b.k.pinned[x.bits]; ok && x.isConst {
		return r, func() {}
	}
	if x.isConst || x.spilled {
		t := al.fresh()
		m.fetch(al, v, t)
		return t, func() { al.free[t] = true }
	}
	return al.reg[v], func() {}
}

// fetch loads what lies in memory.
func (m *x86) fetch(al *alloc, v V, dst int) {
	if x := al.b.vals[v]; x.isConst {
		m.loadConst(al.b.k, dst, x.bits)
		return
	}
	m.ins("%s %s, %s", ps(al.b.k.t, "VMOVU"), m.spillAddr(al), m.r(dst))
}

func (m *x86) isMem(al *alloc, v V) bool {
	x := al.b.vals[v]
	_, pinned := al.b.k.pinned[x.bits]
	return x.isConst && !pinned || x.spilled
}

var x86Ops = map[opKind][2]string{
	opAdd: {"VADDPS", "VADDPD"}, opSub: {"VSUBPS", "VSUBPD"}, opMul: {"VMULPS", "VMULPD"}, opDiv: {"VDIVPS", "VDIVPD"},
	opMax: {"VMAXPS", "VMAXPD"}, opMin: {"VMINPS", "VMINPD"}, opIntAdd: {"VPADDD", "VPADDQ"}, opIntSub: {"VPSUBD", "VPSUBQ"},
	opAnd: {"VPAND", "VPAND"}, opOr: {"VPOR", "VPOR"},
}

func (m *x86) lower(al *alloc, o op) {
	k, t := al.b.k, al.b.k.t
	vb := m.vectorBytes()
	d := -1
	al.lane = o.lane
	switch o.kind {
	case opSpill:
		m.ins("%s %s, %s", ps(t, "VMOVU"), m.r(al.reg[o.a]), m.spillAddr(al))
	case opLoad:
		d = al.dst(o)
		at := fmt.Sprintf("%d(%s)", o.lane*vb, k.streams[o.stream])
		if al.b.tail {
			at = fmt.Sprintf("(%s)", k.streams[o.stream])
		}
		first := "VBROADCAST" + [...]string{"SS", "SD"}[t]
		switch {
		case !al.b.tail:
			m.ins("%s %s, %s", ps(t, "VMOVU"), at, m.r(d))
		case m.wide && k.repeat:
			m.ins("%s %s, %s", first, at, m.r(d))
			m.ins("%s %s, K1, %s", ps(t, "VMOVU"), at, m.r(d))
		case m.wide:
			m.ins("%s.Z %s, K1, %s", ps(t, "VMOVU"), at, m.r(d))
		default:
			m.ins("%s %s, %s, %s", ps(t, "VMASKMOV"), at, m.r(x86TailMask), m.r(d))
			if k.repeat {
				tmp := al.fresh()
				m.ins("%s %s, %s", first, at, m.r(tmp))
				m.ins("%s %s, %s, %s, %s", ps(t, "VBLENDV"), m.r(x86TailMask), m.r(d), m.r(tmp), m.r(d))
				al.free[tmp] = true
			}
		}
	case opStore:
		at, v := k.streams[o.stream], al.reg[o.a]
		switch {
		case !al.b.tail:
			m.ins("%s %s, %d(%s)", m.store(k), m.r(v), o.lane*vb, at)
		case m.wide:
			m.ins("%s %s, K1, (%s)", ps(t, "VMOVU"), m.r(v), at)
		default:
			tmp := al.fresh()
			m.storePartial(k, v, tmp, at)
			al.free[tmp] = true
		}
	case opAdd, opSub, opMul, opDiv, opMax, opMin, opAnd, opOr, opIntAdd, opIntSub:
		a, b := o.a, o.b
		if o.kind.commutative() && m.isMem(al, a) {
			a, b = b, a
		}
		ra, done := m.inReg(al, a)
		s3, suffix := m.src3(al, b)
		d = al.dst(o, a, b)
		name := x86Ops[o.kind][t]
		if m.wide && (o.kind == opAnd || o.kind == opOr) {
			name += [...]string{"D", "Q"}[t]
		}
		m.ins("%s%s %s, %s, %s", name, suffix, s3, m.r(ra), m.r(d))
		done()
	case opFMA, opFNMA:
		d = m.lowerFMA(al, o)
	case opShl, opShr:
		d = al.dst(o, o.a)
		name := [...]string{"VPSLL", "VPSRL"}[o.kind-opShl] + [...]string{"D", "Q"}[t]
		m.ins("%s $%d, %s, %s", name, o.imm, m.r(al.reg[o.a]), m.r(d))
	case opLess, opEqual:
		pred := 0 // EQ_OQ
		if o.kind == opLess {
			pred = 1 // LT_OS
		}
		ra, done := m.inReg(al, o.a)
		s3, suffix := m.src3(al, o.b)
		if m.wide {
			d = al.freshMask()
			m.ins("%s%s $%d, %s, %s, K%d", ps(t, "VCMP"), suffix, pred, s3, m.r(ra), d)
		} else {
			d = al.dst(o, o.a, o.b)
			m.ins("%s $%d, %s, %s, %s", ps(t, "VCMP"), pred, s3, m.r(ra), m.r(d))
		}
		done()
	case opIntEqual:
		name := [...]string{"VPCMPEQD", "VPCMPEQQ"}[t]
		if m.wide {
			d = al.freshMask()
			m.ins("%s %s, %s, K%d", name, m.r(al.reg[o.b]), m.r(al.reg[o.a]), d)
		} else {
			d = al.dst(o)
			m.ins("%s %s, %s, %s", name, m.r(al.reg[o.b]), m.r(al.reg[o.a]), m.r(d))
		}
	case opSelect:
		rc, done := m.inReg(al, o.c)
		s3, suffix := m.src3(al, o.b)
		d = al.dst(o, o.b, o.c)
		if m.wide {
			m.ins("%s%s %s, %s, K%d, %s", ps(t, "VBLENDM"), suffix, s3, m.r(rc), al.reg[o.a], m.r(d))
		} else {
			m.ins("%s %s, %s, %s, %s", ps(t, "VBLENDV"), m.r(al.reg[o.a]), s3, m.r(rc), m.r(d))
		}
		done()
	case opMove:
		d = al.dst(o)
		r, done := m.inReg(al, o.a)
		m.ins("%s %s, %s", ps(t, "VMOVA"), m.r(r), m.r(d))
		done()
	case opKeep:
		d = al.dst(o)
		acc, w := m.r(d), al.reg[o.a]
		if m.wide {
			mask := ""
			switch {
			case al.b.tail && k.skip:
				m.ins("KANDW K1, K%d, K%d", 2+o.lane, 2+o.lane)
				mask = fmt.Sprintf("K%d, ", 2+o.lane)
			case al.b.tail:
				mask = "K1, "
			case k.skip:
				mask = fmt.Sprintf("K%d, ", 2+o.lane)
			}
			m.ins("%s %s, %s, %s%s", ps(t, "VADD"), m.r(w), acc, mask, acc)
			break
		}
		// w may be needed again, so mask a copy
		r := w
		if al.b.tail || k.skip {
			r = al.fresh()
		}
		from := w
		if k.skip {
			m.ins("%s %d(%s), %s, %s", ps(t, "VAND"), o.lane*vb, maskPtr, m.r(from), m.r(r))
			from = r
		}
		if al.b.tail {
			m.ins("%s %s, %s, %s", ps(t, "VAND"), m.r(x86TailMask), m.r(from), m.r(r))
		}
		m.ins("%s %s, %s, %s", ps(t, "VADD"), m.r(r), acc, acc)
		if r != w {
			al.free[r] = true
		}
	case opFill:
		rb, done := m.inReg(al, o.b)
		d = al.dst(o, o.a)
		if m.wide {
			m.ins("%s %s, %s, K1, %s", ps(t, "VBLENDM"), m.r(al.reg[o.a]), m.r(rb), m.r(d))
		} else {
			m.ins("%s %s, %s, %s, %s", ps(t, "VBLENDV"), m.r(x86TailMask), m.r(al.reg[o.a]), m.r(rb), m.r(d))
		}
		done()
	default:
		panic("asmgen: unknown operation")
	}
	al.finish(o, d, m.wide)
}

// lowerFMA picks the form of the instruction whose destination is an operand that dies, with a constant as the memory operand.
func (m *x86) lowerFMA(al *alloc, o op) int {
	t := al.b.k.t
	name := "VFMADD"
	if o.kind == opFNMA {
		name = "VFNMADD"
	}
	a, b, c := o.a, o.b, o.c
	if m.isMem(al, a) || (al.dies(b) && !al.dies(a)) {
		a, b = b, a // a is never memory now, unless both are
	}
	form := func(f string, s3 V, s2, d int) int {
		x, suffix := m.src3(al, s3)
		m.ins("%s%s%s %s, %s, %s", name, ps(t, f), suffix, x, m.r(s2), m.r(d))
		return d
	}
	pinned := al.b.vals[o.dst].pinned
	switch {
	case pinned < 0 && al.dies(c):
		ra, done := m.inReg(al, a)
		defer done()
		return form("231", b, ra, al.reg[c])
	case pinned < 0 && al.dies(a) && m.isMem(al, b):
		rc, done := m.inReg(al, c)
		defer done()
		return form("132", b, rc, al.reg[a])
	case pinned < 0 && al.dies(a):
		rb, done := m.inReg(al, b)
		defer done()
		return form("213", c, rb, al.reg[a])
	}
	d := pinned
	if d < 0 {
		d = al.fresh()
	}
	if m.isMem(al, c) || al.b.vals[c].isConst || m.isMem(al, b) {
		// a fresh copy of c is the addend
		if m.isMem(al, c) {
			m.fetch(al, c, d)
		} else {
			rc, _ := m.inReg(al, c)
			m.ins("%s %s, %s", ps(t, "VMOVA"), m.r(rc), m.r(d))
		}
	} else {
		m.ins("%s %s, %s", ps(t, "VMOVA"), m.r(al.reg[c]), m.r(d))
	}
	ra, done := m.inReg(al, a)
	defer done()
	return form("231", b, ra, d)
}
