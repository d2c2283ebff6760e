package asmgen

import (
	"fmt"
	"slices"
)

// function writes one kernel, already checked, for one target and type. It keeps as many constants
// in registers, and as many vectors side by side, as there are registers for. A survey finds the
// constants, plans find what fits, and then the kernel is written.
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

// start begins a kernel with pins of the constants of a survey in registers.
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

// constantsKept is the number of constants that are worth a register: all of them, but on AVX2 with
// its sixteen registers only three, or as many as the schedule of the main loop says. The others
// are memory operands.
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

// newBuilder starts a sequence.
func (k *kernelState) newBuilder(tail bool) *Builder { return &Builder{k: k, tail: tail} }

// write emits a sequence, with its vectors side by side as far as there are registers.
func (k *kernelState) write(b *Builder) {
	free, masks := k.registersFor(b)
	if !k.writing {
		k.sequences = append(k.sequences, placed{b, free, masks})
		return
	}
	ops := interleave(b.ops, k.skew)
	al := k.allocator(b, ops, free, masks)
	k.short = !al.run(0, len(ops)) || k.short
	al.write(0, len(ops), k.traced(ops))
}

// writeInOrder emits a sequence in its own order. It may use the registers in more, too.
func (k *kernelState) writeInOrder(b *Builder, more ...int) {
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
