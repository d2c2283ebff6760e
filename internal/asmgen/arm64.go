package asmgen

// arm writes NEON. What the Go 1.26 assembler does not know is a WORD with its mnemonic in the comment; a test disassembles them.
type arm struct {
	*writer
}

const (
	armTailMask  = 31
	armMaskPtr   = gpr("R17")
	armTable     = gpr("R16")
	armConstBase = gpr("R26")
)

func (m *arm) vectorBytes() int    { return 16 }
func (m *arm) vectorRegs() int     { return 32 }
func (m *arm) separateMasks() bool { return false }

func (m *arm) gprs() []gpr {
	return []gpr{"R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}
}

func (m *arm) prologue(k *kernelState) {
	m.ins("MOVD $const%s<>(SB), %s", k.t.Suffix(), armConstBase)
}
func (m *arm) loadArg(dst gpr, name string, off int) { m.ins("MOVD %s+%d(FP), %s", name, off, dst) }
func (m *arm) loadFlag(dst gpr, name string, off int) {
	m.ins("MOVBU %s+%d(FP), %s", name, off, dst)
}
func (m *arm) loadWord(dst, base gpr, off int)  { m.ins("MOVD %d(%s), %s", off, base, dst) }
func (m *arm) storeWord(src, base gpr, off int) { m.ins("MOVD %s, %d(%s)", src, off, base) }
func (m *arm) mov(dst, src gpr)                 { m.ins("MOVD %s, %s", src, dst) }
func (m *arm) movImm(dst gpr, imm int64)        { m.ins("MOVD $%d, %s", imm, dst) }
func (m *arm) add(dst, src gpr)                 { m.ins("ADD %s, %s, %s", src, dst, dst) }
func (m *arm) sub(dst, src gpr)                 { m.ins("SUB %s, %s, %s", src, dst, dst) }
func (m *arm) shl(dst gpr, n int)               { m.ins("LSL $%d, %s, %s", n, dst, dst) }
func (m *arm) jump(label string)                { m.ins("B %s", label) }
func (m *arm) ret(*kernelState)                 { m.ins("RET") }

func (m *arm) addImm(dst gpr, imm int) {
	if imm < 0 {
		m.ins("SUB $%d, %s, %s", -imm, dst, dst)
	} else {
		m.ins("ADD $%d, %s, %s", imm, dst, dst)
	}
}

func (m *arm) branch(c cond, a, b gpr, label string) {
	m.ins("CMP %s, %s", b, a)
	m.ins("B%s %s", c, label)
}

func (m *arm) branchImm(c cond, a gpr, imm int, label string) {
	switch {
	case imm == 0 && c == eq:
		m.ins("CBZ %s, %s", a, label)
		return
	case imm == 0 && c == ne:
		m.ins("CBNZ %s, %s", a, label)
		return
	}
	m.ins("CMP $%d, %s", imm, a)
	m.ins("B%s %s", c, label)
}

func (m *arm) mul(dst, src gpr) { m.ins("MUL %s, %s, %s", src, dst, dst) }

func (m *arm) shr(dst gpr, n int) { m.ins("LSR $%d, %s, %s", n, dst, dst) }

func (m *arm) orShifted(dst, src, shift gpr) {
	m.ins("LSL %s, %s, %s", shift, src, src)
	m.ins("ORR %s, %s, %s", src, dst, dst)
}

func (m *arm) loadAt(_ Type, dst int, base gpr, off int) { m.ins("FMOVQ %d(%s), F%d", off, base, dst) }

func (m *arm) storeAt(_ Type, src int, base gpr, off int) {
	m.ins("FMOVQ F%d, %d(%s)", src, off, base)
}

func (m *arm) broadcastInt(dst int, src gpr, t Type) {
	g, _ := arrangement(t)
	m.ins("VDUP %s, V%d.%s", src, dst, g)
}

// arrangement is the lanes' name for Go mnemonics and for the comments of WORDs.
func arrangement(t Type) (goName, armName string) {
	if t == F32 {
		return "S4", "4s"
	}
	return "D2", "2d"
}

// word3 writes a three-operand vector instruction: d = n op m.
func (m *arm) word3(enc uint32, name string, t Type, d, n, mm int) {
	_, a := arrangement(t)
	enc |= uint32(t)<<22 | uint32(mm)<<16 | uint32(n)<<5 | uint32(d)
	m.ins("WORD $0x%08x // %s v%d.%s, v%d.%s, v%d.%s", enc, name, d, a, n, a, mm, a)
}

// word2 writes a two-operand instruction whose operands are given as text formats with the register.
func (m *arm) word2(enc uint32, name string, d int, df string, n int, nf string) {
	m.ins("WORD $0x%08x // %s "+df+", "+nf, enc|uint32(n)<<5|uint32(d), name, d, n)
}

func (m *arm) fadd(t Type, d, n, mm int) { m.word3(0x4e20d400, "fadd", t, d, n, mm) }
func (m *arm) fsub(t Type, d, n, mm int) { m.word3(0x4ea0d400, "fsub", t, d, n, mm) }
func (m *arm) fmax(t Type, d, n, mm int) { m.word3(0x4e20f400, "fmax", t, d, n, mm) }

func (m *arm) copyVector(d, n int) { m.ins("VMOV V%d.B16, V%d.B16", n, d) }
func (m *arm) copyMask(d, n int)   { m.copyVector(d, n) }

func (m *arm) broadcastArg(dst int, name string, off int, t Type) {
	g, _ := arrangement(t)
	m.ins("FMOV%s %s+%d(FP), F%d", [...]string{"S", "D"}[t], name, off, dst)
	m.ins("VDUP V%d.%s[0], V%d.%s", dst, g[:1], dst, g)
}

func (m *arm) broadcast(dst int, base gpr, t Type) {
	g, _ := arrangement(t)
	m.ins("VLD1R (%s), [V%d.%s]", base, dst, g)
}

func (m *arm) loadConst(k *kernelState, dst int, bits uint64) {
	if bits == 0 {
		m.zero(dst)
		return
	}
	m.ins("FMOVQ %d(%s), F%d", k.constOffset(bits), armConstBase, dst)
}

func (m *arm) zero(dst int) { m.ins("VEOR V%d.B16, V%d.B16, V%d.B16", dst, dst, dst) }

func (m *arm) storeScalar(src int, base gpr, t Type) {
	m.ins("FMOV%s F%d, (%s)", [...]string{"S", "D"}[t], src, base)
}

func (m *arm) inReg(al *alloc, v V) (r int, done func()) {
	if x := al.b.vals[v]; x.isConst {
		if r, ok := al.b.k.pinned[x.bits]; ok {
			return r, func() {}
		}
		t := al.fresh()
		m.loadConst(al.b.k, t, x.bits)
		return t, func() { al.free[t] = true }
	}
	return al.reg[v], func() {}
}

var armOps = map[opKind]struct {
	name string
	enc  uint32
}{
	opAdd: {"fadd", 0x4e20d400}, opSub: {"fsub", 0x4ea0d400}, opMul: {"fmul", 0x6e20dc00}, opDiv: {"fdiv", 0x6e20fc00},
	opMax: {"fmax", 0x4e20f400}, opMin: {"fmin", 0x4ea0f400}, opEqual: {"fcmeq", 0x4e20e400},
}

func (m *arm) lower(al *alloc, o op) {
	k, t := al.b.k, al.b.k.t
	g, _ := arrangement(t)
	d := -1
	switch o.kind {
	case opLoad:
		d = al.dst(o)
		if al.b.tail {
			m.loadPartial(k, d, k.streams[o.stream])
		} else {
			m.ins("FMOVQ %d(%s), F%d", o.lane*16, k.streams[o.stream], d)
		}
	case opStore:
		if al.b.tail {
			m.storePartial(k, al.reg[o.a], k.streams[o.stream])
		} else {
			r, done := m.inReg(al, o.a)
			m.ins("FMOVQ F%d, %d(%s)", r, o.lane*16, k.streams[o.stream])
			done()
		}
	case opAdd, opSub, opMul, opDiv, opMax, opMin, opEqual:
		ra, doneA := m.inReg(al, o.a)
		rb, doneB := m.inReg(al, o.b)
		d = al.dst(o, o.a, o.b)
		w := armOps[o.kind]
		m.word3(w.enc, w.name, t, d, ra, rb)
		doneA()
		doneB()
	case opLess: // a < b is b > a
		ra, doneA := m.inReg(al, o.a)
		rb, doneB := m.inReg(al, o.b)
		d = al.dst(o, o.a, o.b)
		m.word3(0x6ea0e400, "fcmgt", t, d, rb, ra)
		doneA()
		doneB()
	case opIntEqual:
		d = al.dst(o)
		m.ins("VCMEQ V%d.%s, V%d.%s, V%d.%s", al.reg[o.b], g, al.reg[o.a], g, d, g)
	case opAnd, opOr, opIntAdd, opIntSub:
		ra, doneA := m.inReg(al, o.a)
		rb, doneB := m.inReg(al, o.b)
		d = al.dst(o, o.a, o.b)
		switch o.kind {
		case opAnd, opOr:
			m.ins("%s V%d.B16, V%d.B16, V%d.B16", map[opKind]string{opAnd: "VAND", opOr: "VORR"}[o.kind], rb, ra, d)
		default:
			m.ins("%s V%d.%s, V%d.%s, V%d.%s", map[opKind]string{opIntAdd: "VADD", opIntSub: "VSUB"}[o.kind], rb, g, ra, g, d, g)
		}
		doneA()
		doneB()
	case opShl, opShr:
		d = al.dst(o, o.a)
		m.ins("%s $%d, V%d.%s, V%d.%s", [...]string{"VSHL", "VUSHR"}[o.kind-opShl], o.imm, al.reg[o.a], g, d, g)
	case opFMA, opFNMA:
		name := "VFMLA"
		if o.kind == opFNMA {
			name = "VFMLS"
		}
		ra, doneA := m.inReg(al, o.a)
		rb, doneB := m.inReg(al, o.b)
		d = al.b.vals[o.dst].pinned
		switch x := al.b.vals[o.c]; {
		case d < 0 && al.dies(o.c):
			d = al.reg[o.c]
		case x.isConst:
			if d < 0 {
				d = al.fresh()
			}
			if r, ok := k.pinned[x.bits]; ok {
				m.copyVector(d, r)
			} else {
				m.loadConst(k, d, x.bits)
			}
		default:
			if d < 0 {
				d = al.fresh()
			}
			m.copyVector(d, al.reg[o.c])
		}
		m.ins("%s V%d.%s, V%d.%s, V%d.%s", name, rb, g, ra, g, d, g)
		doneA()
		doneB()
	case opSelect:
		rb, doneB := m.inReg(al, o.b)
		rc, doneC := m.inReg(al, o.c)
		if al.dies(o.a) {
			d = al.reg[o.a]
		} else {
			d = al.fresh()
			m.copyVector(d, al.reg[o.a])
		}
		m.ins("VBSL V%d.B16, V%d.B16, V%d.B16", rc, rb, d)
		doneB()
		doneC()
		if p := al.b.vals[o.dst].pinned; p >= 0 {
			m.copyVector(p, d)
			if !al.dies(o.a) {
				al.free[d] = true
			}
			d = p
		}
	case opMove:
		d = al.dst(o)
		r, done := m.inReg(al, o.a)
		m.copyVector(d, r)
		done()
	case opKeep:
		d = al.dst(o)
		r := al.reg[o.a]
		if al.b.tail || k.skip {
			tmp := al.fresh()
			if k.skip {
				m.ins("FMOVQ %d(%s), F%d", o.lane*16, armMaskPtr, tmp)
				m.ins("VAND V%d.B16, V%d.B16, V%d.B16", tmp, r, tmp)
				r = tmp
			}
			if al.b.tail {
				m.ins("VAND V%d.B16, V%d.B16, V%d.B16", armTailMask, r, tmp)
				r = tmp
			}
			al.free[tmp] = true
		}
		m.fadd(t, d, d, r)
	case opFill:
		rb, done := m.inReg(al, o.b)
		d = al.fresh()
		m.copyVector(d, armTailMask)
		m.ins("VBSL V%d.B16, V%d.B16, V%d.B16", rb, al.reg[o.a], d)
		done()
	default:
		panic("asmgen: unknown operation")
	}
	al.finish(o, d, false)
}
