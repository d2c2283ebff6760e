package asmgen

// Code that moves data between the lanes of a vector, or treats some lanes apart: partial vectors,
// folds, transposition, bit masks.

// Partial vectors.

// loadPartial loads the elements that exist. The other lanes are zero, or repeat the first one or
// two elements if the kernel has Repeat.
func (m *arm) loadPartial(k *kernelState, d int, at gpr) {
	low := func(size int) { // the first size bytes
		if k.repeat {
			m.ins("VLD1R (%s), [V%d.%s]", at, d, map[int]string{4: "S4", 8: "D2"}[size])
		} else {
			m.ins("FMOV%s (%s), F%d", map[int]string{4: "S", 8: "D"}[size], at, d)
		}
	}
	third := func(at gpr) { m.ins("VLD1 (%s), V%d.S[2]", at, d) }
	m.partial(k, "loaded", at, func() { m.ins("FMOVQ (%s), F%d", at, d) }, low, third)
}

func (m *arm) storePartial(k *kernelState, v int, at gpr) {
	low := func(size int) { m.ins("FMOV%s F%d, (%s)", map[int]string{4: "S", 8: "D"}[size], v, at) }
	third := func(at gpr) { m.ins("VST1 V%d.S[2], (%s)", v, at) }
	m.partial(k, "stored", at, func() { m.ins("FMOVQ F%d, (%s)", v, at) }, low, third)
}

// partial moves a whole vector, if there may be one, or the remaining elements: the first size
// bytes by low, and the third float32 element by third.
func (m *arm) partial(k *kernelState, end string, at gpr,
	whole func(), low func(size int), third func(at gpr)) {
	done := ""
	if k.whole || k.t == F32 {
		done = m.newLabel(end)
	}
	if k.whole {
		part := m.newLabel("part")
		m.branchImm(lt, k.count, k.lanes(), part)
		whole()
		m.jump(done)
		m.label(part)
	}
	if k.t == F64 {
		low(8)
	} else {
		one := m.newLabel("one")
		m.ins("TBZ $1, %s, %s", k.count, one)
		low(8)
		m.ins("TBZ $0, %s, %s", k.count, done)
		m.ins("ADD $8, %s, %s", at, k.scratch)
		third(k.scratch)
		m.jump(done)
		m.label(one)
		low(4)
	}
	if done != "" {
		m.label(done)
	}
}

func (m *arm) halve(*kernelState) string { return "" }

func (m *arm) unhalve() {}

func (m *arm) tailMask(k *kernelState, n, tmp gpr, values bool) {
	m.note("Partial vector.")
	if !values {
		return
	}
	if k.whole {
		m.movImm(tmp, int64(k.lanes()))
		m.ins("CMP %s, %s", tmp, n)
		m.ins("CSEL LT, %s, %s, %s", n, tmp, tmp)
		n = tmp
	}
	m.ins("MOVD $%s+32(SB), %s", k.table(tailTable), armTable)
	m.ins("SUB %s<<%d, %s, %s", n, 2+k.t, armTable, armTable)
	m.ins("FMOVQ (%s), F%d", armTable, armTailMask)
}

func (m *arm) skipMask(k *kernelState, rel, tmp gpr) {
	m.ins("MOVD $-1, %s", tmp)
	m.ins("CMP $%d, %s", k.block(), rel)
	m.ins("CSEL LO, %s, %s, %s", rel, tmp, tmp)
	m.ins("MOVD $%s+%d(SB), %s", k.table(skipTable), (k.block()-1)*k.t.Size(), armMaskPtr)
	m.ins("SUB %s<<%d, %s, %s", tmp, 2+k.t, armMaskPtr, armMaskPtr)
}

func (m *arm) skipNext(*kernelState) { m.addImm(armMaskPtr, 16) }

// Sums and maxima.

// sumRegs is the number of registers: two for four float64 sums, and for float64 two for their
// errors.
func (m *arm) sumRegs(t Type) int { return 2 + 2*int(t) }

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

func (m *arm) foldVector(*kernelState, int, int) {} // four lanes are a vector or two

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

func (m *arm) storeSum(k *kernelState, sum []int, tmp []int, out gpr) {
	if k.t == F32 {
		m.fadd(F64, sum[0], sum[0], sum[1])
		m.word2(0x7e70d800, "faddp", sum[0], "d%d", sum[0], "v%d.2d")
		m.storeScalar(sum[0], out, F64)
		return
	}
	// as x86.totalF64
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

func (m *arm) storeNarrowSum(k *kernelState, lane []int, t int, out gpr) {
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

// Columns.

func (m *arm) scratchAddr(dst gpr, off, frame int) {
	m.ins("MOVD $buffer-%d(SP), %s", frame-off, dst)
}

func (m *arm) loadLabels(k *kernelState, dst, tmp int, base gpr) {
	m.ins("FMOVQ (%s), F%d", base, dst)
	if k.t == F32 {
		m.ins("FMOVQ 16(%s), F%d", base, tmp)
		m.ins("VUZP1 V%d.S4, V%d.S4, V%d.S4", tmp, dst, dst)
	}
}

func (m *arm) widen(dst, src, half int) {
	if half == 0 {
		m.word2(0x0e617800, "fcvtl", dst, "v%d.2d", src, "v%d.2s")
	} else {
		m.word2(0x4e617800, "fcvtl2", dst, "v%d.2d", src, "v%d.4s")
	}
}

func (m *arm) narrow(dst, src, _, half int) {
	if half == 0 {
		m.word2(0x0e616800, "fcvtn", dst, "v%d.2s", src, "v%d.2d")
	} else {
		m.word2(0x4e616800, "fcvtn2", dst, "v%d.4s", src, "v%d.2d")
	}
}

func (m *arm) double(op opKind, dst, a, b int) {
	switch op {
	case opAdd:
		m.fadd(F64, dst, a, b)
	case opSub:
		m.fsub(F64, dst, a, b)
	case opDiv:
		m.word3(0x6e20fc00, "fdiv", F64, dst, a, b)
	}
}

// eachRow calls do for the register of each row of a batch, with x.q1 at the row and x.high, if it
// is set, at its other columns.
func (m *arm) eachRow(x batch, do func(r int)) {
	m.mov(x.q1, x.p)
	if x.high != "" {
		m.add(x.high, x.p)
	}
	for i, r := range x.reg {
		if i > 0 {
			m.add(x.q1, x.stride)
			if x.high != "" {
				m.add(x.high, x.stride)
			}
		}
		do(r)
	}
}

func (m *arm) readRows(k *kernelState, x batch) {
	m.eachRow(x, func(r int) {
		if x.high == "" {
			m.ins("FMOVQ (%s), F%d", x.q1, r)
			return
		}
		m.ins("FMOVD (%s), F%d", x.q1, r)
		m.ins("VLD1 (%s), V%d.D[1]", x.high, r)
	})
	m.transpose(k, x.reg, x.tmp)
}

func (m *arm) transpose(k *kernelState, reg, tmp []int) {
	zip := func(n int, g string, a, b, d int) {
		m.ins("VZIP%d V%d.%s, V%d.%s, V%d.%s", n, b, g, a, g, d, g)
	}
	if k.t == F64 {
		zip(2, "D2", reg[0], reg[1], tmp[0])
		zip(1, "D2", reg[0], reg[1], reg[0])
		m.copyVector(reg[1], tmp[0])
		return
	}
	zip(1, "S4", reg[0], reg[1], tmp[0])
	zip(2, "S4", reg[0], reg[1], tmp[1])
	zip(1, "S4", reg[2], reg[3], tmp[2])
	zip(2, "S4", reg[2], reg[3], tmp[3])
	zip(1, "D2", tmp[0], tmp[2], reg[0])
	zip(2, "D2", tmp[0], tmp[2], reg[1])
	zip(1, "D2", tmp[1], tmp[3], reg[2])
	zip(2, "D2", tmp[1], tmp[3], reg[3])
}

func (m *arm) writeRows(k *kernelState, x batch) {
	m.transpose(k, x.reg, x.tmp)
	m.eachRow(x, func(r int) {
		if x.high == "" {
			m.ins("FMOVQ F%d, (%s)", r, x.q1)
			return
		}
		m.ins("FMOVD F%d, (%s)", r, x.q1)
		m.ins("VST1 V%d.D[1], (%s)", r, x.high)
	})
}

// Bits. Register 0 has the bit of each lane (1, 2, 4, 8), register 1 the bit of each byte (1 to
// 128, twice).

func (m *arm) maskSetup(k *kernelState, pack bool) {
	m.ins("MOVD $laneBits%s<>(SB), %s", k.t.Suffix(), armTable)
	m.ins("FMOVQ (%s), F0", armTable)
	if pack {
		m.ins("MOVD $byteBits<>(SB), %s", armTable)
		m.ins("FMOVQ (%s), F1", armTable)
	}
}

// lessEqualZero computes the mask x <= 0, and zeroes x where it is true.
func (m *arm) lessEqualZero(k *kernelState, v, mask int) {
	_, a := arrangement(k.t)
	enc := 0x6ea0d800 | uint32(k.t)<<22 | uint32(v)<<5 | uint32(mask)
	m.ins("WORD $0x%08x // fcmle v%d.%s, v%d.%s, #0.0", enc, mask, a, v, a)
	m.bic(v, v, mask)
}

func (m *arm) bic(d, n, mask int) {
	enc := 0x4e601c00 | uint32(mask)<<16 | uint32(n)<<5 | uint32(d)
	m.ins("WORD $0x%08x // bic v%d.16b, v%d.16b, v%d.16b", enc, d, n, mask)
}

func (m *arm) cmtst(k *kernelState, d, n, mm int) {
	m.word3(0x4ea08c00, "cmtst", k.t, d, n, mm)
}

func (m *arm) pack64(k *kernelState, out, in, word, tmp gpr) {
	// narrow the 16 masks of each quarter to bytes, in registers 2 to 5
	for quarter := range 4 {
		n := 16 / k.lanes()
		for i := range n {
			off := (quarter*n + i) * 16
			m.ins("FMOVQ %d(%s), F%d", off, in, 6+i)
			m.lessEqualZero(k, 6+i, 14+i)
			m.ins("FMOVQ F%d, %d(%s)", 6+i, off, out)
		}
		if k.t == F64 {
			for i := range 4 {
				m.ins("VUZP1 V%d.S4, V%d.S4, V%d.S4", 15+2*i, 14+2*i, 14+i)
			}
		}
		m.ins("VUZP1 V15.H8, V14.H8, V14.H8")
		m.ins("VUZP1 V17.H8, V16.H8, V16.H8")
		m.ins("VUZP1 V16.B16, V14.B16, V%d.B16", 2+quarter)
		m.ins("VAND V1.B16, V%d.B16, V%d.B16", 2+quarter, 2+quarter)
	}
	m.ins("VADDP V3.B16, V2.B16, V2.B16")
	m.ins("VADDP V5.B16, V4.B16, V4.B16")
	m.ins("VADDP V4.B16, V2.B16, V2.B16")
	m.ins("VADDP V2.B16, V2.B16, V2.B16")
	m.ins("VMOV V2.D[0], %s", word)
}

func (m *arm) pack(k *kernelState, out, in, word, tmp gpr, tail bool) {
	if tail {
		m.loadPartial(k, 6, in)
	} else {
		m.ins("FMOVQ (%s), F6", in)
	}
	m.lessEqualZero(k, 6, 14)
	if tail {
		m.storePartial(k, 6, out)
		m.ins("VAND V%d.B16, V14.B16, V14.B16", armTailMask)
	} else {
		m.ins("FMOVQ F6, (%s)", out)
	}
	m.ins("VAND V0.B16, V14.B16, V14.B16")
	if k.t == F32 {
		m.ins("VADDV V14.S4, V14")
		m.ins("VMOV V14.S[0], %s", word)
	} else {
		m.ins("VADDP V14.D2, V14.D2, V14.D2")
		m.ins("VMOV V14.D[0], %s", word)
	}
}

func (m *arm) unpack64(k *kernelState, out, in, word, tmp gpr) {
	g, _ := arrangement(k.t)
	n := 64 / k.lanes()
	for i := range n {
		if k.t == F32 && i%8 == 0 {
			if i > 0 {
				m.shr(word, 32)
			}
			m.ins("VDUP %s, V2.S4", word)
		} else if i == 0 {
			m.ins("VDUP %s, V2.D2", word)
		}
		v, c := 4+i%8, 14+i%8
		m.ins("FMOVQ %d(%s), F%d", i*16, in, v)
		m.cmtst(k, c, 2, 0)
		if i+1 < n && !(k.t == F32 && i%8 == 7) {
			m.ins("VUSHR $%d, V2.%s, V2.%s", k.lanes(), g, g)
		}
		m.bic(v, v, c)
		m.ins("FMOVQ F%d, %d(%s)", v, i*16, out)
	}
}

func (m *arm) unpack(k *kernelState, out, in, word, tmp gpr, tail bool) {
	g, _ := arrangement(k.t)
	m.ins("VDUP %s, V2.%s", word, g)
	if tail {
		m.loadPartial(k, 4, in)
	} else {
		m.ins("FMOVQ (%s), F4", in)
	}
	m.cmtst(k, 5, 2, 0)
	m.bic(4, 4, 5)
	if tail {
		m.storePartial(k, 4, out)
	} else {
		m.ins("FMOVQ F4, (%s)", out)
	}
}

// Find.

func (m *arm) equalBits(k *kernelState, value, tmp int, in, bits gpr, tail bool) {
	if tail {
		m.loadPartial(k, tmp, in)
	} else {
		m.ins("FMOVQ (%s), F%d", in, tmp)
	}
	m.word3(0x4e20e400, "fcmeq", k.t, tmp, tmp, value)
	if tail {
		m.ins("VAND V%d.B16, V%d.B16, V%d.B16", armTailMask, tmp, tmp)
	}
	// halve the lanes so that all fit 64 bits
	g := [...]string{"H8", "S4"}[k.t]
	m.ins("VUZP1 V%d.%s, V%d.%s, V%d.%s", tmp, g, tmp, g, tmp, g)
	m.ins("VMOV V%d.D[0], %s", tmp, bits)
}

func (m *arm) lane(k *kernelState, bits gpr) {
	m.ins("RBIT %s, %s", bits, bits)
	m.ins("CLZ %s, %s", bits, bits)
	m.shr(bits, 4+int(k.t))
}

// Matrices.

func (m *arm) tile() (rows []int, vectors int) { return []int{8, 4, 1}, 3 }

func (m *arm) rowsPerPointer() int { return 1 }

func (m *arm) tileRows(r tileRows, rows int) {
	for i := 1; i < rows; i++ {
		m.ins("ADD %s, %s, %s", r.stride, r.ptr[i-1], r.ptr[i])
	}
}

// broadcastRow goes on to the next element.
func (m *arm) broadcastRow(t Type, dst int, r tileRows, i int) {
	g, _ := arrangement(t)
	m.ins("VLD1R.P (%s)(%s), [V%d.%s]", r.ptr[i], r.next, dst, g)
}

func (m *arm) nextColumn(tileRows, int) {}

func (m *arm) multiplyAdd(t Type, acc, x, y int) {
	g, _ := arrangement(t)
	m.ins("VFMLA V%d.%s, V%d.%s, V%d.%s", x, g, y, g, acc, g)
}

func (m *arm) loadPart(k *kernelState, dst int, base gpr, off int) {
	m.offset(base, off, func() { m.loadPartial(k, dst, base) })
}

func (m *arm) storePart(k *kernelState, src, _ int, base gpr, off int) {
	m.offset(base, off, func() { m.storePartial(k, src, base) })
}

// offset has f done with base off bytes further.
func (m *arm) offset(base gpr, off int, f func()) {
	if off > 0 {
		m.addImm(base, off)
	}
	f()
	if off > 0 {
		m.addImm(base, -off)
	}
}
