package asmgen

import (
	"fmt"
	"slices"
)

// function writes one kernel, which check lets pass, for one target and type, with as many
// constants in registers and as many vectors side by side as there are registers for. A survey
// finds the constants; plans find what fits; then it is written.
func function(kn Kernel, tg target, t Type, pool *constPool) (text string, err error) {
	params, args := parseParams(kn.Params, t)
	survey := start(kn, tg, t, pool.scratch(), 0, nil)
	kn.Shape.emit(survey)
	if survey.noGPRs {
		return "", kn.refuse(t, fmt.Errorf("it needs more general registers than %s has", tg))
	}
	if survey.slow {
		return "",
			kn.refuse(t, fmt.Errorf("a vector takes more than two turns of the pipeline for %s",
				survey.setting()))
	}
	for pins := kn.constantsKept(survey); pins >= 0; pins-- {
		plan := start(kn, tg, t, pool.scratch(), pins, survey)
		kn.Shape.emit(plan)
		if plan.short || !plan.fit() {
			continue
		}
		k := start(kn, tg, t, pool, pins, survey)
		k.writing, k.skew = true, plan.skew
		kn.Shape.emit(k)
		if k.short {
			panic("asmgen: " + kn.Name + " is not written as it was planned")
		}
		text, name, flags := k.w.sb.String(), stubName(kn, t, tg), "NOSPLIT"
		if k.frame > 0 {
			flags, text = "0", "\tNO_LOCAL_POINTERS\n"+text
		}
		head := fmt.Sprintf("// func %s(%s)\nTEXT ·%s(SB), %s, $%d-%d\n", name,
			paramList(params), name,
			flags, k.frame, args)
		return head + text, nil
	}
	return "", kn.refuse(t, fmt.Errorf("it does not fit the registers of %s", tg))
}

// start begins a kernel that has so many of the constants of a survey in registers.
func start(kn Kernel, tg target, t Type, pool *constPool, pins int,
	survey *kernelState) *kernelState {
	w := &writer{}
	params, _ := parseParams(kn.Params, t)
	k := &kernelState{
		machine: newMachine(tg, w), w: w, kernel: kn, t: t, target: tg, params: params,
		pool: pool, names: map[uint64]string{}, numbers: map[uint64]bool{},
		uses: map[uint64]int{}, pinned: map[uint64]int{}, pinLimit: pins,
	}
	k.topVector = k.vectorRegs()
	if !k.separateMasks() {
		k.topVector--
	}
	k.freeGPRs = k.gprs()
	if survey != nil {
		k.pinTables(survey.tables)
		k.pinConstants(survey.order, survey.uses)
		k.names, k.numbers = survey.names, survey.numbers
		loaded := func(bits uint64) bool { return bits != 0 }
		k.withTable = survey.tableUsed || slices.ContainsFunc(survey.order, loaded)
	}
	w.annotate(kn.Shape)
	return k
}

// constantsKept is how many constants are worth a register: all, but on AVX2's sixteen only three,
// or what the schedule of the main loop says; the others are memory operands.
func (kn Kernel) constantsKept(survey *kernelState) int {
	all := len(survey.order)
	if survey.target != avx2 {
		return all
	}
	switch s := kn.Shape.(type) {
	case Map:
		return min(all, max(3, s.Pipeline[survey.setting()].Constants))
	case Rows:
		if p, ok := s.Pipeline[survey.setting()]; ok {
			return min(all, p.Constants)
		}
	}
	return min(all, 3)
}

// newBlock starts a block.
func (k *kernelState) newBlock(tail bool) *Block { return &Block{k: k, tail: tail} }

// write emits a block, its vectors side by side as far as the registers let them.
func (k *kernelState) write(b *Block) {
	free, masks := k.registersFor(b)
	if !k.writing {
		k.blocks = append(k.blocks, placed{b, free, masks})
		return
	}
	ops := interleave(b.ops, k.skew)
	al := k.allocator(b, ops, free, masks)
	k.short = !al.run(0, len(ops)) || k.short
	al.write(0, len(ops), k.traced(ops))
}

// writeInOrder emits a block as it is. It may use the registers in more, too.
func (k *kernelState) writeInOrder(b *Block, more ...int) {
	free, masks := k.registersFor(b)
	for _, r := range more {
		free.add(r)
	}
	al := k.allocator(b, b.ops, free, masks)
	k.short = !al.run(0, len(b.ops)) || k.short
	if k.writing {
		al.write(0, len(b.ops), k.traced(b.ops))
	}
}

func newMachine(tg target, w *writer) machine {
	if tg == neon {
		return &arm{w}
	}
	return &x86{writer: w, wide: tg == avx512}
}
