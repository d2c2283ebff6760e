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

// A machine writes the instructions of one instruction set. Its mnemonics are in a file of each
// architecture, what moves data between lanes in another; loops and shapes are written in terms of
// a machine alone.
type machine interface {
	vectorBytes() int
	vectorRegs() int
	gprs() []gpr
	separateMasks() bool // masks have registers of their own

	scalarCode
	vectorCode
	partialCode
	sumCode
	columnCode
	bitCode
}

// scalarCode is arithmetic in general registers, dst op= src, and control.
type scalarCode interface {
	prologue(k *kernelState)
	loadArg(dst gpr, name string, off int)
	loadFlag(dst gpr, name string, off int)
	loadWord(dst, base gpr, off int)
	storeWord(src, base gpr, off int)
	mov(dst, src gpr)
	movImm(dst gpr, imm int64)
	add(dst, src gpr)
	sub(dst, src gpr)
	mul(dst, src gpr)
	addImm(dst gpr, imm int)
	shl(dst gpr, n int)
	shr(dst gpr, n int)
	orShifted(dst, src, shift gpr) // dst |= src << shift; src is lost
	branch(c cond, a, b gpr, label string)
	branchImm(c cond, a gpr, imm int, label string)
	jump(label string)
	ret(k *kernelState)
}

// vectorCode is what treats all lanes alike.
type vectorCode interface {
	loadConst(k *kernelState, dst int, bits uint64)
	zero(dst int)
	copyVector(dst, src int)
	copyMask(dst, src int) // a mask of its own kind of register
	broadcast(dst int, base gpr, t Type)
	broadcastArg(dst int, name string, off int, t Type)
	broadcastInt(dst int, src gpr, t Type)
	loadAt(t Type, dst int, base gpr, off int)
	storeAt(t Type, src int, base gpr, off int)
	storeScalar(src int, base gpr, t Type)
	// Tables are held in tableRegs registers for the whole kernel, in memory if that is none.
	// tableIndex records the operations that turn lane integers into what opLookup takes.
	tableRegs() int
	loadTable(k *kernelState, dst int, name string)
	tableIndex(b *Block, i V) V
	// demand says which registers an operation needs, and may exchange its operands.
	demand(al *alloc, o op) (op, demand)
	lower(b *Block, o assigned)
}

// partialCode is for the last vector of a row, and for an element left out.
type partialCode interface {
	// tailMask prepares partial loads and stores of n elements and, with values set, what masks
	// values. n is more than a vector only where a whole one may be left.
	tailMask(k *kernelState, n, tmp gpr, values bool)
	// skipMask prepares the masks for a block in which element rel (if 0 <= rel < block) is left
	// out.
	skipMask(k *kernelState, rel, tmp gpr)
	// skipNext makes the masks of a block's second vector those of its first, and so on.
	skipNext(k *kernelState)
}

// sumCode is what reduces a row: sums in the canonical order, and the maximum.
type sumCode interface {
	// sumRegs is how many registers hold the float64 accumulators and, for float64, their errors.
	sumRegs(t Type) int
	// fold leaves four lanes at the start of acc.
	fold(k *kernelState, acc []int)
	// foldVector leaves the four lanes of a vector at its own start: the rest of fold, where four
	// lanes are less than a vector.
	foldVector(k *kernelState, acc, tmp int)
	// carry adds the four lanes to the accumulators in the registers sum.
	carry(k *kernelState, lane, sum, tmp []int)
	// finish stores the total.
	finish(k *kernelState, sum, tmp []int, out gpr)
	// finishNarrow ends a row of one block within the type.
	finishNarrow(k *kernelState, lane []int, tmp int, out gpr)
	// maxAcross stores the largest lane of acc, plus +0.
	maxAcross(k *kernelState, acc []int, tmp int, out gpr)
}

// columnCode moves rows of few columns to vectors of columns and back.
type columnCode interface {
	// scratchAddr loads the address of byte off, a multiple of a cache line, of the frame.
	scratchAddr(dst gpr, off, frame int)
	// readRows loads columns of a batch of rows, writeRows stores them.
	readRows(k *kernelState, x batch)
	writeRows(k *kernelState, x batch)
	// loadLabels converts lanes int64 labels to lane integers.
	loadLabels(k *kernelState, dst, tmp int, base gpr)
}

// A batch is as many rows as a vector has lanes, row i at p + i*stride, and the columns of them
// that are in the registers reg. With high set these are the first two and the two at p+high, which
// is then lost.
type batch struct {
	p, stride, high gpr
	q1, q3          gpr // free
	reg, tmp        []int
}

// bitCode moves between lanes and bits.
type bitCode interface {
	// maskSetup loads the constants of pack, or of unpack, to which all vector registers are free;
	// word and tmp are general registers.
	maskSetup(k *kernelState, pack bool)
	// pack64 handles 64 elements from in to out and leaves their bits in word.
	pack64(k *kernelState, out, in, word, tmp gpr)
	// pack handles one vector and leaves its bits in word; with tail set only count elements exist,
	// and the other bits are 0.
	pack(k *kernelState, out, in, word, tmp gpr, tail bool)
	// unpack64 handles 64 elements by the bits of word, which it may change.
	unpack64(k *kernelState, out, in, word, tmp gpr)
	// unpack handles one vector by the low bits of word.
	unpack(k *kernelState, out, in, word, tmp gpr, tail bool)
	// equalBits compares a vector of in with register value; the lowest set bit of bits tells the
	// lane.
	equalBits(k *kernelState, value, tmp int, in, bits gpr, tail bool)
	// lane turns what equalBits left into the number of the first lane that is equal.
	lane(k *kernelState, bits gpr)
}

// writer collects the text of one function.
type writer struct {
	sb     strings.Builder
	lines  int
	labels int
	notes  map[string]string // comments of labels, by stem
	traced map[string]bool   // blocks whose operations have comments
}

func (w *writer) ins(format string, args ...any) {
	w.lines++
	w.sb.WriteByte('\t')
	fmt.Fprintf(&w.sb, format, args...)
	w.sb.WriteByte('\n')
}

// align starts a loop at a boundary.
func (w *writer) align() { w.ins("PCALIGN $32") }

func (w *writer) newLabel(stem string) string {
	w.labels++
	return fmt.Sprintf("%s%d", stem, w.labels)
}
