package asmgen

// arm writes NEON. An instruction that the Go 1.26 assembler lacks is a WORD, with its mnemonic in
// the comment; a test disassembles them.
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
func (m *arm) maskedStores() bool  { return false }

func (m *arm) gprs() []gpr {
	return []gpr{"R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7",
		"R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}
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
func (m *arm) touchAhead(_, _ gpr)              {} // no kernel stores past the caches

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

func (m *arm) loadAt(_ Type, dst int, base gpr, off int) {
	m.ins("FMOVQ %d(%s), F%d", off, base, dst)
}

func (m *arm) storeAt(_ Type, src int, base gpr, off int) {
	m.ins("FMOVQ F%d, %d(%s)", src, off, base)
}

func (m *arm) broadcastInt(dst int, src gpr, t Type) {
	g, _ := arrangement(t)
	m.ins("VDUP %s, V%d.%s", src, dst, g)
}

// arrangement returns the name of the lanes in Go mnemonics and in the comments of WORDs.
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

// word2 writes a two-operand instruction whose operands are given as text formats with the
// register.
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
	m.ins("FMOVQ %d(%s), F%d // %s", k.constOffset(bits), armConstBase, dst,
		stem(k.constName(bits)))
}

func (m *arm) zero(dst int) { m.ins("VEOR V%d.B16, V%d.B16, V%d.B16", dst, dst, dst) }

func (m *arm) storeScalar(src int, base gpr, t Type) {
	m.ins("FMOV%s F%d, (%s)", [...]string{"S", "D"}[t], src, base)
}

// fetchOperands loads the operands of o that have a temporary, which are constants.
func (m *arm) fetchOperands(b *Builder, o assigned) {
	for i, v := range o.operands() {
		if o.loaded>>i&1 != 0 {
			m.loadConst(b.k, o.in[i], b.vals[v].bits)
		}
	}
}

var armOps = map[opKind]struct {
	name string
	enc  uint32
}{
	opAdd: {"fadd", 0x4e20d400}, opSub: {"fsub", 0x4ea0d400},
	opMul: {"fmul", 0x6e20dc00}, opDiv: {"fdiv", 0x6e20fc00},
	opMax: {"fmax", 0x4e20f400}, opMin: {"fmin", 0x4ea0f400}, opEqual: {"fcmeq", 0x4e20e400},
}

// armIntOps are the integer operations that the assembler knows. Those on bits take all 16 bytes.
var armIntOps = map[opKind]struct {
	name string
	bits bool
}{opAnd: {"VAND", true}, opOr: {"VORR", true}, opIntAdd: {"VADD", false}, opIntSub: {"VSUB", false}}

// tableRegs is 2: a table takes 32 bytes, in consecutive registers.
func (m *arm) tableRegs() int { return 2 }

func (m *arm) loadTable(_ *kernelState, dst int, name string) {
	m.ins("MOVD $%s<>(SB), %s", name, armTable)
	m.ins("FMOVQ (%s), F%d", armTable, dst)
	m.ins("FMOVQ 16(%s), F%d", armTable, dst+1)
}

// tableIndex returns the index of each byte, as the instruction wants it. The bytes of entry j
// begin at 4j, or 8j for float64; multiplying 32-bit lanes gives all of them.
func (m *arm) tableIndex(b *Builder, i V) V {
	low, each, zeroth := uint64(7), uint64(0x04040404), uint64(0x03020100)
	if b.k.t == F64 {
		i = b.emit(opTwice, i, -1, -1, 0)
		low, each, zeroth = 3<<32|3, 0x0808080808080808, 0x0706050403020100
	}
	i = b.And(i, b.Named("lookupLow", b.Bits(low)))
	first, times := b.Named("lookupFirst", b.Bits(zeroth)), b.Named("lookupTimes", b.Bits(each))
	return b.emit(opIntMulAdd, i, times, first, 0)
}

// demand lets no operand lie in memory.
func (m *arm) demand(al *alloc, o op) (op, demand) {
	b := al.b
	switch o.kind {
	case opStore:
		if b.tail {
			return o, demand{}
		}
		return o, demand{load: operandA}
	case opAdd, opSub, opMul, opDiv, opMax, opMin, opEqual, opLess, opAnd, opOr, opIntAdd, opIntSub:
		return o, demand{load: operandA | operandB, reuse: operandA | operandB}
	case opShl, opShr:
		return o, demand{reuse: operandA}
	case opTwice, opLookup, opSqrt:
		return o, demand{load: operandA, reuse: operandA}
	case opFMA, opFNMA, opIntMulAdd:
		return o, demand{load: operandA | operandB, reuse: operandC}
	case opSelect: // the mask gives way to the result
		pinned := b.vals[o.dst].pinned >= 0
		return o, demand{load: operandB | operandC, reuse: operandA, scratch: pinned &&
			!al.dies(o.a)}
	case opMove:
		return o, demand{load: operandA, early: true}
	case opKeep:
		return o, demand{scratch: b.tail || b.k.skip}
	case opFill:
		return o, demand{load: operandB}
	}
	return o, demand{}
}

func (m *arm) lower(b *Builder, o assigned) {
	k, t := b.k, b.k.t
	g, _ := arrangement(t)
	d, in := o.result, o.in
	m.fetchOperands(b, o)
	switch o.kind {
	case opLoad:
		if b.tail {
			m.loadPartial(k, d, k.streams[o.stream])
		} else {
			m.ins("FMOVQ %d(%s), F%d", o.lane*16, k.streams[o.stream], d)
		}
	case opStore:
		if b.tail {
			m.storePartial(k, in[0], k.streams[o.stream])
		} else {
			m.ins("FMOVQ F%d, %d(%s)", in[0], o.lane*16, k.streams[o.stream])
		}
	case opAdd, opSub, opMul, opDiv, opMax, opMin, opEqual:
		w := armOps[o.kind]
		m.word3(w.enc, w.name, t, d, in[0], in[1])
	case opLess: // a < b is b > a
		m.word3(0x6ea0e400, "fcmgt", t, d, in[1], in[0])
	case opIntEqual:
		m.ins("VCMEQ V%d.%s, V%d.%s, V%d.%s", in[1], g, in[0], g, d, g)
	case opAnd, opOr, opIntAdd, opIntSub:
		w := armIntOps[o.kind]
		if w.bits {
			g = "B16"
		}
		m.ins("%s V%d.%s, V%d.%s, V%d.%s", w.name, in[1], g, in[0], g, d, g)
	case opShl, opShr:
		m.ins("%s $%d, V%d.%s, V%d.%s", [...]string{"VSHL", "VUSHR"}[o.kind-opShl], o.imm,
			in[0], g, d, g)
	case opSqrt:
		_, a := arrangement(t)
		m.word2(0x6ea1f800|uint32(t)<<22, "fsqrt", d, "v%d."+a, in[0], "v%d."+a)
	case opTwice:
		m.ins("VTRN1 V%d.S4, V%d.S4, V%d.S4", in[0], in[0], d)
	case opLookup:
		r := k.tableAt[o.imm]
		m.ins("VTBL V%d.B16, [V%d.B16, V%d.B16], V%d.B16", in[0], r, r+1, d)
	case opFMA, opFNMA, opIntMulAdd:
		switch {
		case in[2] < 0:
			m.loadConst(k, d, b.vals[o.c].bits)
		case in[2] != d:
			m.copyVector(d, in[2])
		}
		if o.kind == opIntMulAdd {
			m.word3(0x4ea09400, "mla", F32, d, in[0], in[1])
			break
		}
		name := [...]string{"VFMLA", "VFMLS"}[o.kind-opFMA]
		m.ins("%s V%d.%s, V%d.%s, V%d.%s", name, in[1], g, in[0], g, d, g)
	case opSelect:
		m.lowerSelect(b, o)
	case opMove:
		m.copyVector(d, in[0])
	case opKeep:
		m.lowerKeep(b, o)
	case opFill:
		m.copyVector(d, armTailMask)
		m.ins("VBSL V%d.B16, V%d.B16, V%d.B16", in[1], in[0], d)
	default:
		panic("asmgen: unknown operation")
	}
}

func (m *arm) lowerSelect(b *Builder, o assigned) {
	at := o.in[0] // the mask is overwritten
	switch {
	case o.scratch >= 0:
		at = o.scratch
	case b.vals[o.dst].pinned < 0:
		at = o.result
	}
	if at != o.in[0] {
		m.copyVector(at, o.in[0])
	}
	m.ins("VBSL V%d.B16, V%d.B16, V%d.B16", o.in[2], o.in[1], at)
	if at != o.result {
		m.copyVector(o.result, at)
	}
}

func (m *arm) lowerKeep(b *Builder, o assigned) {
	w := o.in[0]
	if b.k.skip {
		m.ins("FMOVQ %d(%s), F%d", o.lane*16, armMaskPtr, o.scratch)
		m.ins("VAND V%d.B16, V%d.B16, V%d.B16", o.scratch, w, o.scratch)
		w = o.scratch
	}
	if b.tail {
		m.ins("VAND V%d.B16, V%d.B16, V%d.B16", armTailMask, w, o.scratch)
		w = o.scratch
	}
	m.fadd(b.k.t, o.result, o.result, w)
}
