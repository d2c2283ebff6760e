package asmgen

import (
	"fmt"
	"strings"
)

// A target is an instruction set.
type target int

const (
	avx2 target = iota
	avx512
	neon
)

func (t target) String() string { return [...]string{"AVX2", "AVX512", "NEON"}[t] }

// gpr names a general register.
type gpr string

// A cond is a signed comparison for branches.
type cond string

const (
	lt cond = "LT"
	ge cond = "GE"
	eq cond = "EQ"
	ne cond = "NE"
	le cond = "LE"
)

// A machine writes the instructions of one instruction set. Scalar instructions have two operands: dst op= src.
type machine interface {
	vectorBytes() int
	vectorRegs() int
	gprs() []gpr
	separateMasks() bool

	prologue(k *kernelState)
	loadArg(dst gpr, name string, off int)
	broadcastArg(dst int, name string, off int, t Type)
	loadFlag(dst gpr, name string, off int)
	loadWord(dst, base gpr, off int)
	storeWord(src, base gpr, off int)
	mov(dst, src gpr)
	movImm(dst gpr, imm int64)
	add(dst, src gpr)
	sub(dst, src gpr)
	addImm(dst gpr, imm int)
	shl(dst gpr, n int)
	branch(c cond, a, b gpr, label string)
	branchImm(c cond, a gpr, imm int, label string)
	jump(label string)
	ret(k *kernelState)

	loadConst(k *kernelState, dst int, bits uint64)
	zero(dst int)
	copyVector(dst, src int)
	copyMask(dst, src int) // a mask of its own kind of register
	broadcast(dst int, base gpr, t Type)
	storeScalar(src int, base gpr, t Type)
	lower(al *alloc, o op)

	// tailMask prepares partial loads and stores of min(n, lanes) elements.
	tailMask(k *kernelState, n, tmp gpr)
	// skipMask prepares the masks for a block in which element rel (if 0 <= rel < block) is left out.
	skipMask(k *kernelState, rel, tmp gpr)

	// Sums in the canonical order: fold leaves four lanes at the start of acc, foldVector those of a vector at its own start, which is the
	// rest of fold where the four lanes are less than a vector; carry adds them to the float64 accumulators in the
	// registers sum (and, for float64, their errors); finish stores the total; finishNarrow ends a row of one block within the type.
	sums(t Type) int
	fold(k *kernelState, acc []int)
	foldVector(k *kernelState, acc, tmp int)
	carry(k *kernelState, lane []int, sum []int, tmp []int)
	finish(k *kernelState, sum []int, tmp []int, out gpr)
	finishNarrow(k *kernelState, lane []int, tmp int, out gpr)
	maxAcross(k *kernelState, acc []int, tmp int, out gpr)
}

// writer collects the text of one function.
type writer struct {
	sb     strings.Builder
	labels int
	notes  map[string]string // comments of labels, by stem
	traced map[string]bool   // blocks whose operations have comments
}

func (w *writer) ins(format string, args ...any) {
	w.sb.WriteByte('\t')
	fmt.Fprintf(&w.sb, format, args...)
	w.sb.WriteByte('\n')
}

func (w *writer) newLabel(stem string) string {
	w.labels++
	return fmt.Sprintf("%s%d", stem, w.labels)
}
