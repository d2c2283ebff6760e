package asmgen

// MaskOut sets dst = x <= 0 ? +0 : x, and packs one bit per element, x <= 0, into words of 64.
type MaskOut struct{}

// MaskIn sets dx = bit ? +0 : dy, with one bit per element.
type MaskIn struct{}

func (MaskOut) emit(k *kernelState) {
	in, out, mask := k.base("x"), k.base("dst"), k.base("mask")
	k.streams, k.outputs = []gpr{out, in}, []gpr{out}
	k.count, k.scratch = k.length("x"), k.gpr()
	word, bits, pos, tmp := k.gpr(), k.gpr(), k.gpr(), k.gpr()
	k.maskSetup(k, true)
	lbl := k.w.newLabel
	loop, rest, one := lbl("loop"), lbl("rest"), lbl("one")
	part, store, done := lbl("part"), lbl("store"), lbl("done")
	k.branchImm(lt, k.count, 64, rest)
	k.w.align()
	k.w.label(loop)
	k.pack64(k, out, in, word, tmp)
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
	k.pack(k, out, in, bits, tmp, false)
	k.orShifted(word, bits, pos)
	k.addImm(pos, k.lanes())
	k.advance(k.vectorBytes())
	k.addImm(k.count, -k.lanes())
	k.jump(one)
	k.w.label(part)
	k.branchImm(eq, k.count, 0, store)
	k.tailMask(k, k.count, k.scratch, true)
	k.pack(k, out, in, bits, tmp, true)
	k.orShifted(word, bits, pos)
	k.w.label(store)
	k.storeWord(word, mask, 0)
	k.w.label(done)
	k.ret(k)
}

func (MaskIn) emit(k *kernelState) {
	in, out, mask := k.base("dy"), k.base("dx"), k.base("mask")
	k.streams, k.outputs = []gpr{out, in}, []gpr{out}
	k.count, k.scratch = k.length("dy"), k.gpr()
	word, tmp := k.gpr(), k.gpr()
	k.maskSetup(k, false)
	lbl := k.w.newLabel
	loop, rest, one, part, done := lbl("loop"), lbl("rest"), lbl("one"), lbl("part"), lbl("done")
	k.branchImm(lt, k.count, 64, rest)
	k.w.align()
	k.w.label(loop)
	k.loadWord(word, mask, 0)
	k.addImm(mask, 8)
	k.unpack64(k, out, in, word, tmp)
	k.advance(64 * k.t.Size())
	k.addImm(k.count, -64)
	k.branchImm(ge, k.count, 64, loop)
	k.w.label(rest)
	k.branchImm(eq, k.count, 0, done)
	k.loadWord(word, mask, 0)
	k.w.label(one)
	k.branchImm(lt, k.count, k.lanes(), part)
	k.unpack(k, out, in, word, tmp, false)
	k.shr(word, k.lanes())
	k.advance(k.vectorBytes())
	k.addImm(k.count, -k.lanes())
	k.jump(one)
	k.w.label(part)
	k.branchImm(eq, k.count, 0, done)
	k.tailMask(k, k.count, k.scratch, false)
	k.unpack(k, out, in, word, tmp, true)
	k.w.label(done)
	k.ret(k)
}
