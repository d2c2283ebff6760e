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

// A machine writes the instructions of one instruction set. Each architecture has one file of
// mnemonics and one for moving data between lanes. Loops and shapes use nothing but a machine.
type machine interface {
	vectorBytes() int
	vectorRegs() int
	gprs() []gpr
	separateMasks() bool // masks have registers of their own
	// maskedStores reports whether partial vectors are stored under a mask. For a while, a load or
	// a store of what follows the partial vector in memory is slow then.
	maskedStores() bool

	scalarCode
	vectorCode
	partialCode
	sumCode
	columnCode
	bitCode
	matrixCode
}

// scalarCode is arithmetic in general registers (dst op= src) and control flow.
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
	// touchAhead has the address of a page that a later turn of the loop stores to translated.
	touchAhead(dst, tmp gpr)
	shl(dst gpr, n int)
	shr(dst gpr, n int)
	orShifted(dst, src, shift gpr) // dst |= src << shift; src is lost
	branch(c cond, a, b gpr, label string)
	branchImm(c cond, a gpr, imm int, label string)
	jump(label string)
	ret(k *kernelState)
}

// vectorCode is code that treats all lanes alike.
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
	// A table is held in tableRegs registers for the whole kernel, or in memory if that is 0.
	// tableIndex records the operations that turn the integers in the lanes into the index that
	// opLookup takes.
	tableRegs() int
	loadTable(k *kernelState, dst int, name string)
	tableIndex(b *Builder, i V) V
	// demand returns the registers that an operation needs. It may exchange the operands.
	demand(al *alloc, o op) (op, demand)
	lower(b *Builder, o assigned)
}

// partialCode handles the last, partial vector of a row, and an element left out.
type partialCode interface {
	// halve begins code for 1 to h elements, where h is half a vector, with vectors of that width.
	// It returns the label that it goes to if there are more elements, or none; it returns "", and
	// does nothing, if the instruction set has no such vectors with masks. unhalve ends that code.
	halve(k *kernelState) (long string)
	unhalve()
	// tailMask prepares partial loads and stores of n elements and, if values is set, masks for
	// values. n exceeds a vector only if k.whole is set.
	tailMask(k *kernelState, n, tmp gpr, values bool)
	// skipMask prepares the masks for a block without its element rel. All elements count unless 0
	// <= rel < block.
	skipMask(k *kernelState, rel, tmp gpr)
	// skipNext moves the masks on by one vector: the second vector of the block becomes the first.
	skipNext(k *kernelState)
}

// sumCode reduces a row: the sum in the canonical order, and the maximum.
type sumCode interface {
	// sumRegs is how many registers hold the float64 accumulators and, for float64, their errors.
	sumRegs(t Type) int
	// fold adds the accumulators of a block by halves until four lanes are left, or one vector, at
	// the start of acc.
	fold(k *kernelState, acc []int)
	// foldVector adds the lanes of a vector by halves until four are left, where it has more.
	foldVector(k *kernelState, acc, tmp int)
	// carry adds the four lanes to the float64 accumulators in the registers sum.
	carry(k *kernelState, lane, sum, tmp []int)
	// storeSum adds up the float64 accumulators and stores the sum of the row.
	storeSum(k *kernelState, sum, tmp []int, out gpr)
	// storeNarrowSum folds the four lanes of a row of one block further, in the row's own type, and
	// stores the sum.
	storeNarrowSum(k *kernelState, lane []int, tmp int, out gpr)
	// maxAcross stores the largest lane of acc, plus +0.
	maxAcross(k *kernelState, acc []int, tmp int, out gpr)
}

// columnCode moves rows of few columns to vectors of columns and back.
type columnCode interface {
	// scratchAddr loads the address of byte off of the frame. off is a multiple of a cache line.
	scratchAddr(dst gpr, off, frame int)
	// readRows loads columns of a batch of rows; writeRows stores them.
	readRows(k *kernelState, x batch)
	writeRows(k *kernelState, x batch)
	// loadLabels loads an int64 label for each lane and converts it to an integer of the lane's
	// size.
	loadLabels(k *kernelState, dst, tmp int, base gpr)
	// widen converts the first or second half of the float32 lanes of src to float64; narrow rounds
	// float64 lanes to that half of dst. The first half may clear the second one.
	widen(dst, src, half int)
	narrow(dst, src, tmp, half int)
	// double computes dst = a op b on float64 lanes: opAdd, opSub or opDiv.
	double(op opKind, dst, a, b int)
}

// A batch is as many rows as a vector has lanes. Row i is at p + i*stride, and the registers reg
// hold one column each. If high is set, these are two columns at p and two at p+high, and high is
// overwritten.
type batch struct {
	p, stride, high gpr
	q1, q3          gpr // free
	reg, tmp        []int
}

// matrixCode holds what products of matrices need.
type matrixCode interface {
	// tile returns the number of rows of the largest tile and of those for the rows left over, and
	// the number of vectors of the widest tile.
	tile() (rows []int, vectors int)
	// tileRows sets the pointers to the rows of a tile and the registers that go with them. The
	// first pointer and the distance of rows are set.
	tileRows(r tileRows, rows int)
	// rowsPerPointer is the number of rows that one pointer reaches.
	rowsPerPointer() int
	// broadcastRow loads the current element of row i to all lanes. nextColumn goes on to the next
	// elements after all rows have been loaded.
	broadcastRow(t Type, dst int, r tileRows, i int)
	nextColumn(r tileRows, rows int)
	// multiplyAdd computes acc += x*y, rounded once.
	multiplyAdd(t Type, acc, x, y int)
	// loadPart and storePart move a partial vector, after tailMask. The number of its elements is
	// in count.
	loadPart(k *kernelState, dst int, base gpr, off int)
	storePart(k *kernelState, src, tmp int, base gpr, off int)
}

// bitCode converts between lanes and bits.
type bitCode interface {
	// maskSetup loads the constants of pack or of unpack. These have all vector registers to
	// themselves; word and tmp are general registers.
	maskSetup(k *kernelState, pack bool)
	// pack64 handles 64 elements, from in to out, and leaves one bit per element in word.
	pack64(k *kernelState, out, in, word, tmp gpr)
	// pack handles one vector and leaves its bits in word. If tail is set, only count elements
	// exist, and the other bits are 0.
	pack(k *kernelState, out, in, word, tmp gpr, tail bool)
	// unpack64 handles 64 elements, each by its bit of word. It may change word.
	unpack64(k *kernelState, out, in, word, tmp gpr)
	// unpack handles one vector by the low bits of word.
	unpack(k *kernelState, out, in, word, tmp gpr, tail bool)
	// equalBits compares a vector of in with the register value. The lowest set bit of bits stands
	// for the first equal lane.
	equalBits(k *kernelState, value, tmp int, in, bits gpr, tail bool)
	// lane turns the result of equalBits into the number of the first equal lane.
	lane(k *kernelState, bits gpr)
}

// writer collects the text of one function.
type writer struct {
	sb     strings.Builder
	lines  int
	labels int
	notes  map[string]string // comments of labels, by stem
	traced map[string]bool   // sequences whose operations have comments
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
