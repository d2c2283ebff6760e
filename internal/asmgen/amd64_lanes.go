package asmgen

import "fmt"

// Code that moves data between the lanes of a vector, or treats some lanes apart: partial vectors,
// folds, transposition, bit masks.

// Partial vectors.

// storePartial stores the first n lanes, where n is the remaining count: 4, 2 and 1 elements,
// because masked stores are slow on several AMD cores, or a full vector if there may be enough
// elements.
func (m *x86) storePartial(k *kernelState, v, tmp int, at gpr) {
	t, n, q := k.t, k.count, k.scratch
	done, lanes := m.newLabel("stored"), k.lanes()
	if k.whole {
		part := m.newLabel("part")
		m.branchImm(lt, n, lanes, part)
		m.ins("%s %s, (%s)", ps(t, "VMOVU"), m.r(v), at)
		m.jump(done)
		m.label(part)
	}
	m.ins("VMOVAPS %s, %s", m.r(v), m.r(tmp))
	m.mov(q, at)
	// half a register, then 8 bytes, then 4
	skip := m.newLabel("half")
	m.ins("TESTQ $%d, %s", lanes/2, n)
	m.ins("JEQ %s", skip)
	m.ins("VMOVUPS X%d, (%s)", tmp, q)
	m.ins("VEXTRACTF128 $1, Y%d, X%d", tmp, tmp)
	m.addImm(q, 16)
	m.label(skip)
	if t == F32 {
		skip = m.newLabel("pair")
		m.ins("TESTQ $2, %s", n)
		m.ins("JEQ %s", skip)
		m.ins("VMOVLPS X%d, (%s)", tmp, q)
		m.ins("VUNPCKHPD X%d, X%d, X%d", tmp, tmp, tmp)
		m.addImm(q, 8)
		m.label(skip)
	}
	m.ins("TESTQ $1, %s", n)
	m.ins("JEQ %s", done)
	m.storeScalar(tmp, q, t)
	m.label(done)
}

func (m *x86) halve(k *kernelState) (long string) {
	if !m.wide {
		return ""
	}
	m.half, long = true, m.newLabel("long")
	m.note(fmt.Sprintf("At most %d elements.", k.lanes()))
	m.ins("LEAQ -1(%s), %s", k.count, k.scratch)
	m.ins("CMPQ %s, $%d", k.scratch, k.lanes())
	m.ins("JCC %s", long) // 0 less 1 is the largest unsigned number
	return long
}

func (m *x86) unhalve() { m.half = false }

func (m *x86) tailMask(k *kernelState, n, tmp gpr, _ bool) {
	m.note("Partial vector.")
	if m.wide {
		// bits n and up cleared; n is below 256
		m.ins("MOVL $-1, %s", tmp)
		m.ins("BZHIL %s, %s, %s", n, tmp, tmp)
		m.ins("KMOVW %s, K1", tmp)
		return
	}
	// a window of the table: n lanes of ones, then zeros
	if k.whole {
		m.movImm(tmp, int64(k.lanes()))
		m.ins("CMPQ %s, %s", n, tmp)
		m.ins("CMOVQLT %s, %s", n, tmp)
	} else {
		m.mov(tmp, n)
	}
	m.ins("NEGQ %s", tmp)
	m.ins("LEAQ %s+32(SB), %s", k.table(tailTable), maskPtrTmp)
	m.ins("VMOVUPS (%s)(%s*%d), %s", maskPtrTmp, tmp, k.t.Size(), m.r(x86TailMask))
}

func (m *x86) skipMask(k *kernelState, rel, tmp gpr) {
	block := k.block()
	if m.wide {
		half := block / 2
		m.ins("MOVL $1, %s", tmp)
		m.ins("SHLXQ %s, %s, %s", rel, tmp, tmp)
		m.ins("XORL %s, %s", maskPtr, maskPtr)
		m.ins("CMPQ %s, $%d", rel, block)
		m.ins("CMOVQCC %s, %s", maskPtr, tmp)
		m.ins("NOTQ %s", tmp)
		m.ins("KMOVW %s, K2", tmp)
		m.ins("SHRQ $%d, %s", half, tmp)
		m.ins("KMOVW %s, K3", tmp)
		return
	}
	// a window of the table that has its one zero at lane rel, or none
	m.ins("MOVQ $-1, %s", tmp)
	m.ins("CMPQ %s, $%d", rel, block)
	m.ins("CMOVQCS %s, %s", rel, tmp)
	m.ins("NEGQ %s", tmp)
	m.ins("LEAQ %s+%d(SB), %s", k.table(skipTable), (block-1)*k.t.Size(), maskPtr)
	m.ins("LEAQ (%s)(%s*%d), %s", maskPtr, tmp, k.t.Size(), maskPtr)
}

func (m *x86) skipNext(*kernelState) {
	if m.wide {
		m.copyMask(2, 3)
	} else {
		m.addImm(maskPtr, 32)
	}
}

// Sums and maxima.

func (m *x86) sumRegs(t Type) int { return 1 + int(t) }

func (m *x86) fold(k *kernelState, acc []int) {
	add := ps(k.t, "VADD")
	for n := len(acc) / 2; n > 0; n /= 2 {
		for i := 0; i < n; i++ {
			m.ins("%s %s, %s, %s", add, m.r(acc[i+n]), m.r(acc[i]), m.r(acc[i]))
		}
	}
}

func (m *x86) foldVector(k *kernelState, a, t int) {
	add := ps(k.t, "VADD")
	if m.wide {
		m.ins("VEXTRACTF64X4 $1, Z%d, Y%d", a, t)
		m.ins("%s Y%d, Y%d, Y%d", add, t, a, a)
	}
	if k.t == F32 {
		m.ins("VEXTRACTF128 $1, Y%d, X%d", a, t)
		m.ins("%s X%d, X%d, X%d", add, t, a, a)
	}
}

func (m *x86) carry(k *kernelState, lane []int, sum []int, tmp []int) {
	lanes, acc := lane[0], sum[0]
	if k.t == F32 {
		m.ins("VCVTPS2PD X%d, Y%d", lanes, lanes)
		m.ins("VADDPD Y%d, Y%d, Y%d", lanes, acc, acc)
		return
	}
	err, s, b := sum[1], tmp[0], tmp[1]
	m.twoSum("PD", "Y", acc, lanes, s, b)
	m.ins("VADDPD Y%d, Y%d, Y%d", b, err, err)
	m.ins("VMOVAPD Y%d, Y%d", s, acc)
}

func (m *x86) storeSum(k *kernelState, sum []int, tmp []int, out gpr) {
	a, t := sum[0], tmp[0]
	if k.t == F64 {
		m.totalF64(a, sum[1], t, tmp[1], tmp[2])
		m.ins("VMOVSD X%d, (%s)", a, out)
		return
	}
	m.ins("VEXTRACTF128 $1, Y%d, X%d", a, t)
	m.ins("VADDPD X%d, X%d, X%d", t, a, a)
	m.ins("VUNPCKHPD X%d, X%d, X%d", a, a, t)
	m.ins("VADDSD X%d, X%d, X%d", t, a, a)
	m.ins("VMOVSD X%d, (%s)", a, out)
}

// twoSum leaves the rounded x+y in s and its rounding error, (x-(s-b)) + (y-b) with b = s-x, in b.
// It overwrites y.
func (m *x86) twoSum(suffix, r string, x, y, s, b int) {
	op := func(name string, c, a, d int) {
		m.ins("V%s%s %s%d, %s%d, %s%d", name, suffix, r, c, r, a, r, d)
	}
	op("ADD", y, x, s)
	op("SUB", x, s, b)
	op("SUB", b, y, y)
	op("SUB", b, s, b)
	op("SUB", b, x, b)
	op("ADD", y, b, b)
}

// totalF64 adds the four lanes of a by TwoSum, and the errors at the very end.
func (m *x86) totalF64(a, err, s, b, t int) {
	m.ins("VEXTRACTF128 $1, Y%d, X%d", a, t)
	m.twoSum("PD", "X", a, t, s, b) // (0+2, 1+3)
	m.ins("VMOVAPD X%d, X%d", s, a)
	m.ins("VEXTRACTF128 $1, Y%d, X%d", err, t)
	m.ins("VADDPD X%d, X%d, X%d", t, err, err)
	m.ins("VADDPD X%d, X%d, X%d", err, b, err)
	m.ins("VUNPCKHPD X%d, X%d, X%d", err, err, t)
	m.ins("VADDSD X%d, X%d, X%d", t, err, err)
	m.ins("VUNPCKHPD X%d, X%d, X%d", a, a, t)
	m.twoSum("SD", "X", a, t, s, b)
	m.ins("VMOVAPD X%d, X%d", s, a)
	m.ins("VADDSD X%d, X%d, X%d", err, b, b)
	m.ins("VADDSD X%d, X%d, X%d", b, a, a)
}

func (m *x86) storeNarrowSum(k *kernelState, lane []int, t int, out gpr) {
	a := lane[0]
	if k.t == F64 {
		m.ins("VEXTRACTF128 $1, Y%d, X%d", a, t)
		m.ins("VADDPD X%d, X%d, X%d", t, a, a)
		m.ins("VUNPCKHPD X%d, X%d, X%d", a, a, t)
		m.ins("VADDSD X%d, X%d, X%d", t, a, a)
	} else {
		// halves exchanged: no lane is added to itself, which might overflow
		m.ins("VSHUFPD $1, X%d, X%d, X%d", a, a, t)
		m.ins("VADDPS X%d, X%d, X%d", t, a, a)
		m.ins("VMOVSHDUP X%d, X%d", a, t)
		m.ins("VADDSS X%d, X%d, X%d", t, a, a)
		m.ins("VCVTSS2SD X%d, X%d, X%d", a, a, a)
	}
	m.ins("VMOVSD X%d, (%s)", a, out)
}

func (m *x86) maxAcross(k *kernelState, acc []int, t int, out gpr) {
	max := ps(k.t, "VMAX")
	for n := len(acc) / 2; n > 0; n /= 2 {
		for i := 0; i < n; i++ {
			m.ins("%s %s, %s, %s", max, m.r(acc[i+n]), m.r(acc[i]), m.r(acc[i]))
		}
	}
	a := acc[0]
	if m.wide {
		m.ins("VEXTRACTF64X4 $1, Z%d, Y%d", a, t)
		m.ins("%s Y%d, Y%d, Y%d", max, t, a, a)
	}
	m.ins("VEXTRACTF128 $1, Y%d, X%d", a, t)
	m.ins("%s X%d, X%d, X%d", max, t, a, a)
	m.ins("VUNPCKHPD X%d, X%d, X%d", a, a, t)
	m.ins("%s X%d, X%d, X%d", max, t, a, a)
	if k.t == F32 {
		m.ins("VMOVSHDUP X%d, X%d", a, t)
		m.ins("%s X%d, X%d, X%d", max, t, a, a)
	}
	m.ins("VXORPS X%d, X%d, X%d", t, t, t)
	m.ins("%s X%d, X%d, X%d", ps(k.t, "VADD"), t, a, a)
	m.storeScalar(a, out, k.t)
}

// Columns.

// scratchAddr counts from the first cache line in the frame: access to a vector in two lines takes
// twice the time.
func (m *x86) scratchAddr(dst gpr, off, frame int) {
	m.ins("LEAQ buffer-%d(SP), %s", frame-off-(cacheLine-1), dst)
	m.ins("ANDQ $-%d, %s", cacheLine, dst)
}

func (m *x86) loadLabels(k *kernelState, dst, tmp int, base gpr) {
	switch {
	case k.t == F64:
		m.ins("VMOVUPD (%s), %s", base, m.r(dst))
	case m.wide:
		m.ins("VMOVUPD (%s), Z%d", base, dst)
		m.ins("VPMOVQD Z%d, Y%d", dst, dst)
		m.ins("VMOVUPD 64(%s), Z%d", base, tmp)
		m.ins("VPMOVQD Z%d, Y%d", tmp, tmp)
		m.ins("VINSERTF64X4 $1, Y%d, Z%d, Z%d", tmp, dst, dst)
	default:
		m.ins("VMOVUPS (%s), Y%d", base, dst)
		m.ins("VSHUFPS $0x88, 32(%s), Y%d, Y%d", base, dst, dst)
		m.ins("VPERMQ $0xd8, Y%d, Y%d", dst, dst)
	}
}

func (m *x86) widen(dst, src, half int) {
	switch {
	case half == 0 && m.wide:
		m.ins("VCVTPS2PD Y%d, Z%d", src, dst)
	case half == 0:
		m.ins("VCVTPS2PD X%d, Y%d", src, dst)
	case m.wide:
		m.ins("VEXTRACTF64X4 $1, Z%d, Y%d", src, dst)
		m.ins("VCVTPS2PD Y%d, Z%d", dst, dst)
	default:
		m.ins("VEXTRACTF128 $1, Y%d, X%d", src, dst)
		m.ins("VCVTPS2PD X%d, Y%d", dst, dst)
	}
}

func (m *x86) narrow(dst, src, tmp, half int) {
	to := dst
	if half == 1 {
		to = tmp
	}
	if m.wide {
		m.ins("VCVTPD2PS Z%d, Y%d", src, to)
	} else {
		m.ins("VCVTPD2PSY Y%d, X%d", src, to)
	}
	switch {
	case half == 0:
	case m.wide:
		m.ins("VINSERTF64X4 $1, Y%d, Z%d, Z%d", tmp, dst, dst)
	default:
		m.ins("VINSERTF128 $1, X%d, Y%d, Y%d", tmp, dst, dst)
	}
}

func (m *x86) double(op opKind, dst, a, b int) {
	name := map[opKind]string{opAdd: "VADDPD", opSub: "VSUBPD", opDiv: "VDIVPD"}[op]
	m.ins("%s %s, %s, %s", name, m.r(b), m.r(a), m.r(dst))
}

// rowAddr is the address of row i of a group of rows of 128 bits.
func rowAddr(p, stride, stride3 gpr, i int) string {
	switch i {
	case 0:
		return fmt.Sprintf("(%s)", p)
	case 1:
		return fmt.Sprintf("(%s)(%s*1)", p, stride)
	case 2:
		return fmt.Sprintf("(%s)(%s*2)", p, stride)
	}
	return fmt.Sprintf("(%s)(%s*1)", p, stride3)
}

// eachRow calls do for each row of a batch, 128 bits of a vector after the other: lane counts them,
// and x.reg[i] is the register. low is the address of the row, high that of its columns at x.high,
// or empty.
func (m *x86) eachRow(x batch, do func(lane, i int, low, high string)) {
	rows := len(x.reg) // in 128 bits
	ptr, stride, stride3 := x.q1, x.stride, x.q3
	m.mov(ptr, x.p)
	if x.high != "" {
		m.add(x.high, x.p)
	}
	if rows == 4 {
		m.ins("LEAQ (%s)(%s*2), %s", stride, stride, stride3)
	}
	for lane := range m.vectorBytes() / 16 {
		if lane > 0 {
			m.ins("LEAQ (%s)(%s*%d), %s", ptr, stride, rows, ptr)
			if x.high != "" {
				m.ins("LEAQ (%s)(%s*%d), %s", x.high, stride, rows, x.high)
			}
		}
		for i := range rows {
			high := ""
			if x.high != "" {
				high = rowAddr(x.high, stride, stride3, i)
			}
			do(lane, i, rowAddr(ptr, stride, stride3, i), high)
		}
	}
}

func (m *x86) readRows(k *kernelState, x batch) {
	m.eachRow(x, func(lane, i int, low, high string) {
		r, tmp := x.reg[i], x.tmp[i]
		switch {
		case lane == 0 && high != "":
			m.ins("VMOVSD %s, X%d", low, r)
			m.ins("VMOVHPS %s, X%d, X%d", high, r, r)
		case lane == 0:
			m.ins("VMOVUPS %s, X%d", low, r)
		case high != "":
			m.ins("VMOVSD %s, X%d", low, tmp)
			m.ins("VMOVHPS %s, X%d, X%d", high, tmp, tmp)
			m.insertLane(lane, fmt.Sprintf("X%d", tmp), r)
		default:
			m.insertLane(lane, low, r)
		}
	})
	m.transpose(k, x.reg, x.tmp)
}

func (m *x86) insertLane(lane int, from string, r int) {
	if m.wide {
		m.ins("VINSERTF32X4 $%d, %s, Z%d, Z%d", lane, from, r, r)
	} else {
		m.ins("VINSERTF128 $%d, %s, Y%d, Y%d", lane, from, r, r)
	}
}

func (m *x86) extractLane(lane, r int, to string) {
	if m.wide {
		m.ins("VEXTRACTF32X4 $%d, Z%d, %s", lane, r, to)
	} else {
		m.ins("VEXTRACTF128 $%d, Y%d, %s", lane, r, to)
	}
}

// transpose swaps rows and columns within each 128-bit lane.
func (m *x86) transpose(k *kernelState, reg, tmp []int) {
	un := func(hl, t string, a, b, d int) {
		m.ins("VUNPCK%sP%s %s, %s, %s", hl, t, m.r(b), m.r(a), m.r(d))
	}
	if k.t == F64 {
		un("H", "D", reg[0], reg[1], tmp[0])
		un("L", "D", reg[0], reg[1], reg[0])
		m.ins("VMOVAPD %s, %s", m.r(tmp[0]), m.r(reg[1]))
		return
	}
	un("L", "S", reg[0], reg[1], tmp[0])
	un("H", "S", reg[0], reg[1], tmp[1])
	un("L", "S", reg[2], reg[3], tmp[2])
	un("H", "S", reg[2], reg[3], tmp[3])
	un("L", "D", tmp[0], tmp[2], reg[0])
	un("H", "D", tmp[0], tmp[2], reg[1])
	un("L", "D", tmp[1], tmp[3], reg[2])
	un("H", "D", tmp[1], tmp[3], reg[3])
}

func (m *x86) writeRows(k *kernelState, x batch) {
	m.transpose(k, x.reg, x.tmp)
	m.eachRow(x, func(lane, i int, low, high string) {
		r := x.reg[i]
		from := fmt.Sprintf("X%d", r)
		if lane > 0 && high == "" {
			m.extractLane(lane, r, low)
			return
		}
		if lane > 0 {
			from = fmt.Sprintf("X%d", x.tmp[i])
			m.extractLane(lane, r, from)
		}
		if high == "" {
			m.ins("VMOVUPS %s, %s", from, low)
			return
		}
		m.ins("VMOVLPS %s, %s", from, low)
		m.ins("VMOVHPS %s, %s", from, high)
	})
}

// Bits. Register 0 is zero. On AVX2, register 1 holds the permutation that puts packed dwords in
// order.

func (m *x86) maskSetup(k *kernelState, pack bool) {
	if pack || !m.wide {
		m.zero(0)
	}
	if pack && !m.wide && k.t == F32 {
		m.ins("VMOVUPS %s(SB), Y1", "packOrder<>+0")
	}
}

// positive computes the mask !(x <= 0), which is true for NaN, and zeroes x elsewhere.
func (m *x86) positive(k *kernelState, v, mask int) {
	const notLessEqual = 6 // NLE_US
	if m.wide {
		m.ins("%s $%d, Z0, Z%d, K%d", ps(k.t, "VCMP"), notLessEqual, v, mask)
		m.ins("%s.Z Z%d, K%d, Z%d", ps(k.t, "VMOVA"), v, mask, v)
		return
	}
	m.ins("%s $%d, Y0, Y%d, Y%d", ps(k.t, "VCMP"), notLessEqual, v, mask)
	m.ins("%s Y%d, Y%d, Y%d", ps(k.t, "VAND"), v, mask, v)
}

func (m *x86) pack64(k *kernelState, out, in, word, tmp gpr) {
	n, vb := 64/k.lanes(), m.vectorBytes()
	mov := ps(k.t, "VMOVU")
	if m.wide {
		// pairs of mask registers merge as soon as both are there
		var unpack func(lo, n int) int
		next := 1
		unpack = func(i, n int) int {
			if n == 1 {
				r := 2 + i
				m.ins("%s %d(%s), Z%d", mov, i*vb, in, r)
				kr := next
				next++
				m.positive(k, r, kr)
				m.ins("%s Z%d, %d(%s)", m.store(k), r, i*vb, out)
				return kr
			}
			a := unpack(i, n/2)
			b := unpack(i+n/2, n/2)
			width := map[int]string{8: "BW", 16: "WD", 32: "DQ"}[n/2*k.lanes()]
			m.ins("KUNPCK%s K%d, K%d, K%d", width, a, b, a)
			next = a + 1
			return a
		}
		m.ins("KMOVQ K%d, %s", unpack(0, n), word)
		m.ins("NOTQ %s", word)
		return
	}
	if k.t == F64 {
		for i := range n {
			r, c := 2+i%4*2, 3+i%4*2
			m.ins("%s %d(%s), Y%d", mov, i*vb, in, r)
			m.positive(k, r, c)
			m.ins("%s Y%d, %d(%s)", m.store(k), r, i*vb, out)
			if i == 0 {
				m.ins("VMOVMSKPD Y%d, %s", c, word)
				continue
			}
			m.ins("VMOVMSKPD Y%d, %s", c, tmp)
			m.ins("SHLQ $%d, %s", i*4, tmp)
			m.ins("ORQ %s, %s", tmp, word)
		}
		m.ins("NOTQ %s", word)
		return
	}
	for half := range 2 {
		for i := range 4 {
			j := half*4 + i
			m.ins("%s %d(%s), Y%d", mov, j*vb, in, 2+i)
			m.positive(k, 2+i, 6+i)
			m.ins("%s Y%d, %d(%s)", m.store(k), 2+i, j*vb, out)
		}
		m.ins("VPACKSSDW Y7, Y6, Y6")
		m.ins("VPACKSSDW Y9, Y8, Y8")
		m.ins("VPACKSSWB Y8, Y6, Y6")
		m.ins("VPERMD Y6, Y1, Y6") // packing works within 128 bits
		if half == 0 {
			m.ins("VPMOVMSKB Y6, %s", word)
		} else {
			m.ins("VPMOVMSKB Y6, %s", tmp)
			m.ins("SHLQ $32, %s", tmp)
			m.ins("ORQ %s, %s", tmp, word)
		}
	}
	m.ins("NOTQ %s", word)
}

func (m *x86) pack(k *kernelState, out, in, word, tmp gpr, tail bool) {
	mov := ps(k.t, "VMOVU")
	all := 1<<k.lanes() - 1
	switch {
	case m.wide && tail:
		m.ins("%s.Z (%s), K1, Z2", mov, in)
		m.ins("%s $2, Z0, Z2, K1, K3", ps(k.t, "VCMP")) // x <= 0, of those that exist
		m.positive(k, 2, 2)
		m.ins("%s Z2, K1, (%s)", mov, out)
		m.ins("KMOVW K3, %s", word)
	case m.wide:
		m.ins("%s (%s), Z2", mov, in)
		m.positive(k, 2, 2)
		m.ins("%s Z2, (%s)", mov, out)
		m.ins("KMOVW K2, %s", word)
		m.ins("XORQ $%d, %s", all, word)
	default:
		if tail {
			m.ins("%s (%s), Y%d, Y2", ps(k.t, "VMASKMOV"), in, x86TailMask)
		} else {
			m.ins("%s (%s), Y2", mov, in)
		}
		m.positive(k, 2, 3)
		if tail {
			// bits of absent lanes are cleared
			m.ins("%s Y%d, Y3, Y3", ps(k.t, "VANDN"), x86TailMask)
			m.ins("%s Y3, %s", ps(k.t, "VMOVMSK"), word)
			m.storePartial(k, 2, 4, out)
			return
		}
		m.ins("%s Y2, (%s)", mov, out)
		m.ins("%s Y3, %s", ps(k.t, "VMOVMSK"), word)
		m.ins("XORQ $%d, %s", all, word)
	}
}

func (m *x86) unpack64(k *kernelState, out, in, word, tmp gpr) {
	n, vb := 64/k.lanes(), m.vectorBytes()
	mov := ps(k.t, "VMOVU")
	if m.wide {
		m.ins("NOTQ %s", word)
		for i := range n {
			if i > 0 {
				m.shr(word, k.lanes())
			}
			m.ins("KMOVW %s, K%d", word, 1+i%4)
			m.ins("%s.Z %d(%s), K%d, Z%d", mov, i*vb, in, 1+i%4, 1+i%4)
			m.ins("%s Z%d, %d(%s)", m.store(k), 1+i%4, i*vb, out)
		}
		return
	}
	// shift the element's bit to the sign, which VBLENDV looks at
	m.ins("VMOVQ %s, X1", word)
	if k.t == F64 {
		m.ins("VPBROADCASTQ X1, Y1")
		for i := range n {
			m.ins("VPSLLVQ bitShiftF64<>+%d(SB), Y1, Y%d", i*vb, 2+i%4)
			m.ins("VMOVUPD %d(%s), Y%d", i*vb, in, 6+i%4)
			m.ins("VBLENDVPD Y%d, Y0, Y%d, Y%d", 2+i%4, 6+i%4, 2+i%4)
			m.ins("%s Y%d, %d(%s)", m.store(k), 2+i%4, i*vb, out)
		}
		return
	}
	m.ins("VPSHUFD $0x55, X1, X2")
	m.ins("VPBROADCASTD X1, Y1")
	m.ins("VPBROADCASTD X2, Y10")
	for i := range n {
		w := [...]int{1, 10}[i/4]
		m.ins("VPSLLVD bitShiftF32<>+%d(SB), Y%d, Y%d", i%4*vb, w, 2+i%4)
		m.ins("VMOVUPS %d(%s), Y%d", i*vb, in, 6+i%4)
		m.ins("VBLENDVPS Y%d, Y0, Y%d, Y%d", 2+i%4, 6+i%4, 2+i%4)
		m.ins("%s Y%d, %d(%s)", m.store(k), 2+i%4, i*vb, out)
	}
}

func (m *x86) unpack(k *kernelState, out, in, word, tmp gpr, tail bool) {
	mov := ps(k.t, "VMOVU")
	if m.wide {
		m.ins("KMOVW %s, K2", word)
		if tail {
			m.ins("KANDNW K1, K2, K2")
			m.ins("%s.Z (%s), K2, Z2", mov, in)
			m.ins("%s Z2, K1, (%s)", mov, out)
			return
		}
		m.ins("KNOTW K2, K2")
		m.ins("%s.Z (%s), K2, Z2", mov, in)
		m.ins("%s Z2, (%s)", mov, out)
		return
	}
	q := [...]string{"D", "Q"}[k.t]
	m.ins("VMOVQ %s, X1", word)
	m.ins("VPBROADCAST%s X1, Y1", q)
	m.ins("VPSLLV%s bitShift%s<>+0(SB), Y1, Y1", q, k.t.Suffix())
	if tail {
		m.ins("%s (%s), Y%d, Y2", ps(k.t, "VMASKMOV"), in, x86TailMask)
	} else {
		m.ins("%s (%s), Y2", mov, in)
	}
	m.ins("%s Y1, Y0, Y2, Y2", ps(k.t, "VBLENDV"))
	if tail {
		m.storePartial(k, 2, 3, out)
	} else {
		m.ins("%s Y2, (%s)", mov, out)
	}
}

// Find.

func (m *x86) equalBits(k *kernelState, value, tmp int, in, bits gpr, tail bool) {
	cmp := ps(k.t, "VCMP")
	switch {
	case m.wide && tail:
		m.ins("%s.Z (%s), K1, Z%d", ps(k.t, "VMOVU"), in, tmp)
		m.ins("%s $0, Z%d, Z%d, K1, K2", cmp, tmp, value)
		m.ins("KMOVW K2, %s", bits)
	case m.wide:
		m.ins("%s $0, (%s), Z%d, K2", cmp, in, value)
		m.ins("KMOVW K2, %s", bits)
	case tail:
		m.ins("%s (%s), Y%d, Y%d", ps(k.t, "VMASKMOV"), in, x86TailMask, tmp)
		m.ins("%s $0, Y%d, Y%d, Y%d", cmp, tmp, value, tmp)
		m.ins("%s Y%d, Y%d, Y%d", ps(k.t, "VAND"), x86TailMask, tmp, tmp)
		m.ins("%s Y%d, %s", ps(k.t, "VMOVMSK"), tmp, bits)
	default:
		m.ins("%s $0, (%s), Y%d, Y%d", cmp, in, value, tmp)
		m.ins("%s Y%d, %s", ps(k.t, "VMOVMSK"), tmp, bits)
	}
}

func (m *x86) lane(_ *kernelState, bits gpr) { m.ins("BSFQ %s, %s", bits, bits) }

// Matrices.

func (m *x86) tile() (rows []int, vectors int) {
	if m.wide {
		return []int{12, 4, 1}, 2
	}
	return []int{6, 4, 1}, 2
}

func (m *x86) rowsPerPointer() int { return 4 }

func (m *x86) tileRows(r tileRows, rows int) {
	if rows > 2 {
		m.ins("LEAQ (%s)(%s*2), %s", r.stride, r.stride, r.stride3)
	}
	for i := 1; i < (rows+3)/4; i++ {
		m.ins("LEAQ (%s)(%s*4), %s", r.ptr[i-1], r.stride, r.ptr[i])
	}
}

func (m *x86) broadcastRow(t Type, dst int, r tileRows, i int) {
	at := rowAddr(r.ptr[i/4], r.stride, r.stride3, i%4)
	m.ins("VBROADCAST%s %s, %s", [...]string{"SS", "SD"}[t], at, m.r(dst))
}

func (m *x86) nextColumn(r tileRows, rows int) {
	for i := range (rows + 3) / 4 {
		m.add(r.ptr[i], r.next)
	}
}

func (m *x86) multiplyAdd(t Type, acc, x, y int) {
	m.ins("%s %s, %s, %s", ps(t, "VFMADD231"), m.r(x), m.r(y), m.r(acc))
}

func (m *x86) loadPart(k *kernelState, dst int, base gpr, off int) {
	if m.wide {
		m.ins("%s.Z %d(%s), K1, %s", ps(k.t, "VMOVU"), off, base, m.r(dst))
		return
	}
	m.ins("%s %d(%s), %s, %s", ps(k.t, "VMASKMOV"), off, base, m.r(x86TailMask), m.r(dst))
}

func (m *x86) storePart(k *kernelState, src, tmp int, base gpr, off int) {
	if m.wide {
		m.ins("%s %s, K1, %d(%s)", ps(k.t, "VMOVU"), m.r(src), off, base)
		return
	}
	at := base
	if off > 0 {
		m.addImm(base, off)
	}
	m.storePartial(k, src, tmp, at)
	if off > 0 {
		m.addImm(base, -off)
	}
}
