package asmgen

// Find sets index[r] to the index of the first element of row r that equals m[r], or to 0 if there
// is none.
type Find struct{}

func (Find) emit(k *kernelState) {
	index, rows, in, value := k.base("index"), k.length("index"), k.base("x"), k.base("m")
	k.streams = []gpr{in}
	k.count, k.scratch = k.gpr(), k.gpr()
	bits, at := k.gpr(), k.gpr()
	v, tmp := k.pin(), k.pin()
	lbl := k.w.newLabel
	row, loop, part := lbl("row"), lbl("loop"), lbl("part")
	found, none, next := lbl("found"), lbl("none"), lbl("next")
	k.w.label(row)
	k.broadcast(v, value, k.t)
	k.addImm(value, k.t.Size())
	k.loadArg(k.count, "cols", k.param("cols").off)
	k.mov(at, in)
	k.w.label(loop)
	k.branchImm(lt, k.count, k.lanes(), part)
	k.equalBits(k, v, tmp, at, bits, false)
	k.branchImm(ne, bits, 0, found)
	k.addImm(at, k.vectorBytes())
	k.addImm(k.count, -k.lanes())
	k.jump(loop)
	k.w.label(part)
	k.branchImm(eq, k.count, 0, none)
	k.tailMask(k, k.count, k.scratch, true)
	k.equalBits(k, v, tmp, at, bits, true)
	k.branchImm(eq, bits, 0, none)
	k.w.label(found)
	k.lane(k, bits)
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
