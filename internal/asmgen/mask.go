package asmgen

// MaskOut is ReLU that also packs a bit for every element into words of 64: dst = x <= 0 ? +0 : x, bit = x <= 0.
type MaskOut struct{}

// MaskIn zeroes the elements whose bit is set: dx = bit ? +0 : dy.
type MaskIn struct{}

// maskMachine is the part of a machine that moves between lanes and bits. Vector registers are free; word and tmp are general registers.
type maskMachine interface {
	// maskSetup loads constants.
	maskSetup(k *kernelState)
	// pack64 handles 64 elements from in to out and leaves their bits in word.
	pack64(k *kernelState, out, in, word, tmp gpr)
	// pack handles one vector and leaves its bits in word; with tail set only count elements exist, and the other bits are 0.
	pack(k *kernelState, out, in, word, tmp gpr, tail bool)
	// unpack64 handles 64 elements by the bits of word, which it may change.
	unpack64(k *kernelState, out, in, word, tmp gpr)
	// unpack handles one vector by the low bits of word.
	unpack(k *kernelState, out, in, word, tmp gpr, tail bool)
	orShifted(dst, src, shift gpr) // dst |= src << shift; src is lost
	shr(dst gpr, n int)
}

func (MaskOut) emit(k *kernelState) {
	m := k.machine.(maskMachine)
	in, out, mask := k.base("x"), k.base("dst"), k.base("mask")
	k.streams = []gpr{out, in}
	k.count, k.scratch = k.length("x"), k.gpr()
	word, bits, pos, tmp := k.gpr(), k.gpr(), k.gpr(), k.gpr()
	m.maskSetup(k)
	loop, rest, one, part, store, done := k.w.newLabel("loop"), k.w.newLabel("rest"), k.w.newLabel("one"), k.w.newLabel("part"), k.w.newLabel("store"), k.w.newLabel("done")
	k.branchImm(lt, k.count, 64, rest)
	k.w.ins("PCALIGN $32")
	k.w.label(loop)
	m.pack64(k, out, in, word, tmp)
	k.storeWord(word, mask, 0)
	k.addImm(mask, 8)
	k.advance(64 * k.t.Size())
	k.addImm(k.count, -64)
	k.branchImm(ge, k.count, 64, loop)
	k.w.label(rest)
	k.branchImm(eq, k.count, 0, done)
	k.movImm(word, 0)
	k.movImm(pos, 0)
	k.w.label(one)
	k.branchImm(lt, k.count, k.lanes(), part)
	m.pack(k, out, in, bits, tmp, false)
	m.orShifted(word, bits, pos)
	k.addImm(pos, k.lanes())
	k.advance(k.vectorBytes())
	k.addImm(k.count, -k.lanes())
	k.jump(one)
	k.w.label(part)
	k.branchImm(eq, k.count, 0, store)
	k.tailMask(k, k.count, k.scratch)
	m.pack(k, out, in, bits, tmp, true)
	m.orShifted(word, bits, pos)
	k.w.label(store)
	k.storeWord(word, mask, 0)
	k.w.label(done)
	k.ret(k)
}

func (MaskIn) emit(k *kernelState) {
	m := k.machine.(maskMachine)
	in, out, mask := k.base("dy"), k.base("dx"), k.base("mask")
	k.streams = []gpr{out, in}
	k.count, k.scratch = k.length("dy"), k.gpr()
	word, tmp := k.gpr(), k.gpr()
	m.maskSetup(k)
	loop, rest, one, part, done := k.w.newLabel("loop"), k.w.newLabel("rest"), k.w.newLabel("one"), k.w.newLabel("part"), k.w.newLabel("done")
	k.branchImm(lt, k.count, 64, rest)
	k.w.ins("PCALIGN $32")
	k.w.label(loop)
	k.loadWord(word, mask, 0)
	k.addImm(mask, 8)
	m.unpack64(k, out, in, word, tmp)
	k.advance(64 * k.t.Size())
	k.addImm(k.count, -64)
	k.branchImm(ge, k.count, 64, loop)
	k.w.label(rest)
	k.branchImm(eq, k.count, 0, done)
	k.loadWord(word, mask, 0)
	k.w.label(one)
	k.branchImm(lt, k.count, k.lanes(), part)
	m.unpack(k, out, in, word, tmp, false)
	m.shr(word, k.lanes())
	k.advance(k.vectorBytes())
	k.addImm(k.count, -k.lanes())
	k.jump(one)
	k.w.label(part)
	k.branchImm(eq, k.count, 0, done)
	k.tailMask(k, k.count, k.scratch)
	m.unpack(k, out, in, word, tmp, true)
	k.w.label(done)
	k.ret(k)
}

// x86. Register 0 is zero; on AVX2 register 1 holds the order in which packed dwords are put right.

func (m *x86) shr(dst gpr, n int) { m.ins("SHRQ $%d, %s", n, dst) }

func (m *x86) orShifted(dst, src, shift gpr) {
	m.ins("SHLXQ %s, %s, %s", shift, src, src)
	m.ins("ORQ %s, %s", src, dst)
}

func (m *x86) maskSetup(k *kernelState) {
	m.zero(0)
	if !m.wide && k.t == F32 {
		m.ins("VMOVUPS %s(SB), Y1", "packOrder<>+0")
	}
}

// positive computes the mask of !(x <= 0), which is true for NaN, and x under it.
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
				m.ins("%s Z%d, %d(%s)", k.store(), r, i*vb, out)
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
			m.ins("%s Y%d, %d(%s)", k.store(), r, i*vb, out)
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
			m.ins("%s Y%d, %d(%s)", k.store(), 2+i, j*vb, out)
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
			m.ins("%s Z%d, %d(%s)", k.store(), 1+i%4, i*vb, out)
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
			m.ins("%s Y%d, %d(%s)", k.store(), 2+i%4, i*vb, out)
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
		m.ins("%s Y%d, %d(%s)", k.store(), 2+i%4, i*vb, out)
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

// NEON. Register 0 has the bit of each lane (1, 2, 4, 8), register 1 that of each byte (1 to 128, twice).

func (m *arm) shr(dst gpr, n int) { m.ins("LSR $%d, %s, %s", n, dst, dst) }

func (m *arm) orShifted(dst, src, shift gpr) {
	m.ins("LSL %s, %s, %s", shift, src, src)
	m.ins("ORR %s, %s, %s", src, dst, dst)
}

func (m *arm) maskSetup(k *kernelState) {
	m.ins("MOVD $laneBits%s<>(SB), %s", k.t.Suffix(), armTable)
	m.ins("FMOVQ (%s), F0", armTable)
	m.ins("MOVD $byteBits<>(SB), %s", armTable)
	m.ins("FMOVQ (%s), F1", armTable)
}

// lessEqualZero computes the mask of x <= 0 and x where it is false.
func (m *arm) lessEqualZero(k *kernelState, v, mask int) {
	_, a := arrangement(k.t)
	m.ins("WORD $0x%08x // fcmle v%d.%s, v%d.%s, #0.0", 0x6ea0d800|uint32(k.t)<<22|uint32(v)<<5|uint32(mask), mask, a, v, a)
	m.bic(v, v, mask)
}

func (m *arm) bic(d, n, mask int) {
	m.ins("WORD $0x%08x // bic v%d.16b, v%d.16b, v%d.16b", 0x4e601c00|uint32(mask)<<16|uint32(n)<<5|uint32(d), d, n, mask)
}

func (m *arm) cmtst(k *kernelState, d, n, mm int) {
	_, a := arrangement(k.t)
	m.ins("WORD $0x%08x // cmtst v%d.%s, v%d.%s, v%d.%s", 0x4ea08c00|uint32(k.t)<<22|uint32(mm)<<16|uint32(n)<<5|uint32(d), d, a, n, a, mm, a)
}

func (m *arm) pack64(k *kernelState, out, in, word, tmp gpr) {
	// every quarter's 16 masks are narrowed to bytes, in registers 2 to 5
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
