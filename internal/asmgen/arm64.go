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
	if k.withTable {
		m.ins("MOVD $%s<>(SB), %s", k.pool.table, armConstBase)
	}
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
	m.ins("FMOVQ %d(%s), F%d // %s", k.constOffset(bits), armConstBase, dst, stem(k.constName(bits)))
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

// loadPartial loads the elements that exist. The other lanes are zero, or repeat the first one or two where the kernel asks for that.
func (m *arm) loadPartial(k *kernelState, d int, at gpr) {
	part, done := m.newLabel("part"), m.newLabel("loaded")
	m.branchImm(lt, k.count, 16/k.t.Size(), part)
	m.ins("FMOVQ (%s), F%d", at, d)
	m.jump(done)
	m.label(part)
	low := func(size int) { // the first size bytes
		switch {
		case k.repeat:
			m.ins("VLD1R (%s), [V%d.%s]", at, d, map[int]string{4: "S4", 8: "D2"}[size])
		default:
			m.ins("FMOV%s (%s), F%d", map[int]string{4: "S", 8: "D"}[size], at, d)
		}
	}
	if k.t == F64 {
		low(8)
	} else {
		one := m.newLabel("one")
		m.ins("TBZ $1, %s, %s", k.count, one)
		low(8)
		m.ins("TBZ $0, %s, %s", k.count, done)
		m.ins("ADD $8, %s, %s", at, k.scratch)
		m.ins("VLD1 (%s), V%d.S[2]", k.scratch, d)
		m.jump(done)
		m.label(one)
		low(4)
	}
	m.label(done)
}

func (m *arm) storePartial(k *kernelState, v int, at gpr) {
	part, done := m.newLabel("part"), m.newLabel("stored")
	m.branchImm(lt, k.count, 16/k.t.Size(), part)
	m.ins("FMOVQ F%d, (%s)", v, at)
	m.jump(done)
	m.label(part)
	if k.t == F64 {
		m.ins("FMOVD F%d, (%s)", v, at)
	} else {
		one := m.newLabel("one")
		m.ins("TBZ $1, %s, %s", k.count, one)
		m.ins("FMOVD F%d, (%s)", v, at)
		m.ins("TBZ $0, %s, %s", k.count, done)
		m.ins("ADD $8, %s, %s", at, k.scratch)
		m.ins("VST1 V%d.S[2], (%s)", v, k.scratch)
		m.jump(done)
		m.label(one)
		m.ins("FMOVS F%d, (%s)", v, at)
	}
	m.label(done)
}

func (m *arm) tailMask(k *kernelState, n, tmp gpr) {
	m.note("Partial vector.")
	m.movImm(tmp, int64(16/k.t.Size()))
	m.ins("CMP %s, %s", tmp, n)
	m.ins("CSEL LT, %s, %s, %s", n, tmp, tmp)
	m.ins("MOVD $%s+32(SB), %s", k.table(tailTable), armTable)
	m.ins("SUB %s<<%d, %s, %s", tmp, 2+k.t, armTable, armTable)
	m.ins("FMOVQ (%s), F%d", armTable, armTailMask)
}

func (m *arm) skipMask(k *kernelState, rel, tmp gpr) {
	m.ins("MOVD $-1, %s", tmp)
	m.ins("CMP $%d, %s", k.block(), rel)
	m.ins("CSEL LO, %s, %s, %s", rel, tmp, tmp)
	m.ins("MOVD $%s+%d(SB), %s", k.table(skipTable), (k.block()-1)*k.t.Size(), armMaskPtr)
	m.ins("SUB %s<<%d, %s, %s", tmp, 2+k.t, armMaskPtr, armMaskPtr)
}

// sums are two registers of two float64, and for float64 two of errors.
func (m *arm) sums(t Type) int { return 2 + 2*int(t) }

func (m *arm) fold(k *kernelState, acc []int) {
	stop := 1 // registers that hold the four lanes
	if k.t == F64 {
		stop = 2
	}
	for n := len(acc) / 2; n >= stop; n /= 2 {
		for i := 0; i < n; i++ {
			m.fadd(k.t, acc[i], acc[i], acc[i+n])
		}
	}
}

func (m *arm) foldVector(*kernelState, int, int) { panic("asmgen: four lanes are a vector or two") }

func (m *arm) carry(k *kernelState, lane []int, sum []int, tmp []int) {
	if k.t == F32 {
		m.word2(0x0e617800, "fcvtl", tmp[0], "v%d.2d", lane[0], "v%d.2s")
		m.word2(0x4e617800, "fcvtl2", tmp[1], "v%d.2d", lane[0], "v%d.4s")
		m.fadd(F64, sum[0], sum[0], tmp[0])
		m.fadd(F64, sum[1], sum[1], tmp[1])
		return
	}
	for i := 0; i < 2; i++ { // TwoSum, as in x86.carry
		a, acc, err, s, b := lane[i], sum[i], sum[i+2], tmp[0], tmp[1]
		m.twoSum(acc, a, s, b)
		m.fadd(F64, err, err, b)
		m.copyVector(acc, s)
	}
}

func (m *arm) finish(k *kernelState, sum []int, tmp []int, out gpr) {
	if k.t == F32 {
		m.fadd(F64, sum[0], sum[0], sum[1])
		m.word2(0x7e70d800, "faddp", sum[0], "d%d", sum[0], "v%d.2d")
		m.storeScalar(sum[0], out, F64)
		return
	}
	// as x86.finishF64
	a, y, err, s, b := sum[0], sum[1], sum[2], tmp[0], tmp[1]
	m.twoSum(a, y, s, b)
	m.copyVector(a, s)
	m.fadd(F64, err, err, sum[3])
	m.fadd(F64, err, b, err)
	m.word2(0x7e70d800, "faddp", err, "d%d", err, "v%d.2d")
	m.ins("VEXT $8, V%d.B16, V%d.B16, V%d.B16", a, a, y)
	m.twoSum(a, y, s, b)
	m.copyVector(a, s)
	m.fadd(F64, b, b, err)
	m.fadd(F64, a, a, b)
	m.storeScalar(a, out, F64)
}

// twoSum is x86.twoSum.
func (m *arm) twoSum(x, y, s, b int) {
	m.fadd(F64, s, x, y)
	m.fsub(F64, b, s, x)
	m.fsub(F64, y, y, b)
	m.fsub(F64, b, s, b)
	m.fsub(F64, b, x, b)
	m.fadd(F64, b, b, y)
}

func (m *arm) finishNarrow(k *kernelState, lane []int, t int, out gpr) {
	a := lane[0]
	if k.t == F64 {
		m.fadd(F64, a, a, lane[1])
		m.word2(0x7e70d800, "faddp", a, "d%d", a, "v%d.2d")
	} else {
		m.ins("VEXT $8, V%d.B16, V%d.B16, V%d.B16", a, a, t)
		m.fadd(F32, a, a, t)
		m.word2(0x7e30d800, "faddp", a, "s%d", a, "v%d.2s")
		m.ins("FCVTSD F%d, F%d", a, a)
	}
	m.storeScalar(a, out, F64)
}

func (m *arm) maxAcross(k *kernelState, acc []int, t int, out gpr) {
	for n := len(acc) / 2; n > 0; n /= 2 {
		for i := 0; i < n; i++ {
			m.fmax(k.t, acc[i], acc[i], acc[i+n])
		}
	}
	a := acc[0]
	if k.t == F32 {
		m.word2(0x6e30f800, "fmaxv", a, "s%d", a, "v%d.4s")
	} else {
		m.word2(0x7e70f800, "fmaxp", a, "d%d", a, "v%d.2d")
	}
	m.zero(t)
	m.ins("FADD%s F%d, F%d, F%d", [...]string{"S", "D"}[k.t], t, a, a)
	m.storeScalar(a, out, k.t)
}
