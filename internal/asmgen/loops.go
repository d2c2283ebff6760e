package asmgen

import "slices"

// Map is a loop over the elements of slices of one length.
type Map struct {
	Out, In []string
	// Scalars are parameters of the element type, the same for all elements.
	Scalars []string
	// Repeat fills the lanes beyond the last element with the first element of their vector, not
	// with zeros. It is for a body that would raise a floating-point exception on zeros that it
	// does not raise on the elements.
	Repeat bool
	// Unroll is the number of vectors in the main loop, 4 when zero.
	Unroll int
	// Pipeline is the schedule of the main loop, by instruction set and type ("AVX2 F32"). Without
	// one, the main loop is the loop of Unroll vectors.
	Pipeline map[string]Pipeline
	// LateLoads loads an input where it is first used, not before all else. It takes a register for
	// a shorter time.
	LateLoads bool
	Body      func(b *Builder, in, scalars []V) (out []V)
}

// defaultUnroll is the number of vectors in a main loop.
const defaultUnroll = 4

func (s Map) emit(k *kernelState) {
	k.repeat = s.Repeat
	unroll := s.Unroll
	if unroll == 0 {
		unroll = defaultUnroll
	}
	all := slices.Concat(s.Out, s.In)
	for _, name := range all {
		k.streams = append(k.streams, k.base(name))
	}
	k.outputs = k.streams[:len(s.Out)]
	k.count = k.length(all[0])
	k.scratch = k.gpr()
	scalars := k.broadcastArgs(s.Scalars)
	s.short(k, scalars)
	k.loadPinned()
	body := func(n int, tail bool) {
		b := k.newBuilder(tail)
		for b.lane = 0; b.lane < n; b.lane++ {
			s.once(b, scalars)
		}
		k.write(b)
	}
	none := eq
	if p, ok := s.Pipeline[k.setting()]; ok {
		k.emitPipeline(p, func(b *Builder) { s.once(b, scalars) })
		switch {
		case p.Unroll <= unroll:
			unroll = 1 // the pipeline leaves fewer vectors than unroll
		case unroll > 1 && k.target == avx512 && !k.kernel.Stream:
			k.raggedLoop(unroll, func() {
				b := k.newBuilder(false)
				b.ragged = unroll - 1
				for b.lane = 0; b.lane < unroll; b.lane++ {
					s.once(b, scalars)
				}
				k.write(b)
			})
			unroll, none = 1, le // the count may be negative then
		}
	}
	k.vectorLoops(unroll, body)
	k.partialVector(none, func() { body(1, true) })
	k.ret(k)
}

// raggedLoop runs body over n vectors at a time, of which the last may be partial and is under a
// mask. There are fewer than 256 elements.
func (k *kernelState) raggedLoop(n int, body func()) {
	loop, rest := k.w.newLabel("loop"), k.w.newLabel("rest")
	least, last := (n-1)*k.lanes()+1, k.gpr()
	k.branchImm(lt, k.count, least, rest)
	k.w.align()
	k.w.describe("loop", n, ", the last under a mask")
	k.w.label(loop)
	k.mov(last, k.count)
	k.addImm(last, 1-least)
	k.tailMask(k, last, k.scratch, false)
	body()
	k.step(n * k.lanes())
	k.branchImm(ge, k.count, least, loop)
	k.w.label(rest)
}

// short handles 1 to h elements, where h is half a vector, before any constant is loaded: one
// masked vector of half the width, without loops. The constants stay in memory. What stores past
// the caches is not called for so few elements.
func (s Map) short(k *kernelState, scalars []int) {
	if k.kernel.Stream {
		return
	}
	long := k.halve(k)
	if long == "" {
		return
	}
	top, pinned, tables := k.topVector, k.pinned, k.tableAt
	k.tailMask(k, k.count, k.scratch, false)
	b := k.newBuilder(true)
	s.once(b, scalars)
	k.pinRepeated(b)
	k.write(b)
	k.ret(k)
	k.topVector, k.pinned, k.tableAt = top, pinned, tables
	k.unhalve()
	k.w.label(long)
}

// once loads, computes and stores one vector.
func (s Map) once(b *Builder, scalars []int) {
	var in []V
	first := len(b.ops)
	for i := range s.In {
		in = append(in, b.load(len(s.Out)+i))
	}
	for i, v := range s.Body(b, in, b.pinnedValues(scalars)) {
		b.store(i, v)
	}
	if s.LateLoads {
		late(b.ops[first:])
	}
}

// late moves each load to its first use.
func late(ops []op) {
	for i := len(ops) - 1; i >= 0; i-- {
		load := ops[i]
		if load.kind != opLoad {
			continue
		}
		at := i
		for ; at+1 < len(ops); at++ {
			if in := ops[at+1].operands(); slices.Contains(in[:], load.dst) {
				break
			}
			ops[at] = ops[at+1]
		}
		ops[at] = load
	}
}

// broadcastArgs pins a register for each parameter and fills its lanes with the parameter.
func (k *kernelState) broadcastArgs(names []string) (regs []int) {
	for _, name := range names {
		r := k.pin()
		k.broadcastArg(r, name, k.param(name).off, k.t)
		regs = append(regs, r)
	}
	return regs
}

// vectorLoops runs body over unroll vectors at a time, and then over one at a time, while there are
// enough elements. It advances the streams and the count.
func (k *kernelState) vectorLoops(unroll int, body func(n int, tail bool)) {
	for _, n := range []int{unroll, 1} {
		loop, rest := k.w.newLabel("loop"), k.w.newLabel("rest")
		k.branchImm(lt, k.count, n*k.lanes(), rest)
		k.w.align()
		k.w.describe("loop", n, "")
		k.w.label(loop)
		body(n, false)
		k.step(n * k.lanes())
		k.branchImm(ge, k.count, n*k.lanes(), loop)
		k.w.label(rest)
		if unroll == 1 {
			break
		}
	}
}

// partialVector runs body for the elements that the loops leave, if any. none is the condition of
// the count when there are none.
func (k *kernelState) partialVector(none cond, body func()) {
	done := k.w.newLabel("done")
	k.branchImm(none, k.count, 0, done)
	k.tailMask(k, k.count, k.scratch, false)
	body()
	k.w.label(done)
}

// advance moves the streams.
func (k *kernelState) advance(bytes int) {
	if k.kernel.Stream {
		for _, s := range k.outputs {
			k.touchAhead(s, k.scratch)
		}
	}
	for _, s := range k.streams {
		k.addImm(s, bytes)
	}
}

// step moves the streams on by n elements and counts them off.
func (k *kernelState) step(n int) {
	k.advance(n * k.t.Size())
	k.addImm(k.count, -n)
}
