package asmgen

// Find looks for the first element of each row that equals m[r]: index[r], or 0 where there is none.
type Find struct{}

// findMachine compares a vector of in with register value and leaves in bits something whose lowest set bit tells the lane; lane
// turns it into the lane's number.
type findMachine interface {
	equalBits(k *kernelState, value, tmp int, in, bits gpr, tail bool)
	lane(k *kernelState, bits gpr)
}

func (Find) emit(k *kernelState) {
	m := k.machine.(findMachine)
	index, rows, in, value := k.base("index"), k.length("index"), k.base("x"), k.base("m")
	k.streams = []gpr{in}
	k.count, k.scratch = k.gpr(), k.gpr()
	bits, at := k.gpr(), k.gpr()
	v, tmp := k.pin(), k.pin()
	row, loop, part, found, none, next := k.w.newLabel("row"), k.w.newLabel("loop"), k.w.newLabel("part"), k.w.newLabel("found"), k.w.newLabel("none"), k.w.newLabel("next")
	k.w.label(row)
	k.broadcast(v, value, k.t)
	k.addImm(value, k.t.Size())
	k.loadArg(k.count, "cols", k.param("cols").off)
	k.mov(at, in)
	k.w.label(loop)
	k.branchImm(lt, k.count, k.lanes(), part)
	m.equalBits(k, v, tmp, at, bits, false)
	k.branchImm(ne, bits, 0, found)
	k.addImm(at, k.vectorBytes())
	k.addImm(k.count, -k.lanes())
	k.jump(loop)
	k.w.label(part)
	k.branchImm(eq, k.count, 0, none)
	k.tailMask(k, k.count, k.scratch)
	m.equalBits(k, v, tmp, at, bits, true)
	k.branchImm(eq, bits, 0, none)
	k.w.label(found)
	m.lane(k, bits)
	k.loadArg(k.scratch, "cols", k.param("cols").off)
	k.sub(k.scratch, k.count)
	k.add(bits, k.scratch)
	k.storeWord(bits, index, 0)
	k.jump(next)
	k.w.label(none)
	k.movImm(bits, 0)
	k.storeWord(bits, index, 0)
	k.w.label(next)
	k.addImm(index, 8)
	p := k.strideOf("x")
	k.loadArg(k.scratch, p.name, p.off)
	k.shl(k.scratch, 2+int(k.t))
	k.add(in, k.scratch)
	k.addImm(rows, -1)
	k.branchImm(ne, rows, 0, row)
	k.ret(k)
}

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
