package asmgen

import "math"

// Type is an element type.
type Type int

// The element types.
const (
	F32 Type = iota
	F64
)

// Size is the element size in bytes.
func (t Type) Size() int { return 4 << t }

// Suffix ends the names of a type's primitives: F32 or F64.
func (t Type) Suffix() string { return [...]string{"F32", "F64"}[t] }

// Go is the Go name of the type.
func (t Type) Go() string { return [...]string{"float32", "float64"}[t] }

// V is a value of a Builder: one vector of elements, or a mask with one truth value per element.
type V int

type opKind uint8

const (
	opLoad opKind = iota
	opStore
	opSpill // into the place of the output, where memory operands find it
	opAdd
	opSub
	opMul
	opDiv
	opSqrt
	opMax
	opMin
	opFMA  // a*b + c
	opFNMA // -(a*b) + c
	opAnd
	opOr
	opIntAdd
	opIntSub
	opIntMulAdd // a*b + c
	opTwice     // the low half of a 64-bit lane in both
	opShl
	opShr
	opLess
	opEqual
	opIntEqual
	opSelect // a ? b : c
	opMove   // into a pinned register
	opKeep   // acc += a, except where the lane is left out (skip mask) or absent (tail mask)
	opLookup // the entry a of a table, in the form that the machine's tableIndex gives it
	opFill   // a in the lanes that exist, b in the absent ones of a partial vector
)

// commutative operations may swap a and b.
func (k opKind) commutative() bool {
	return k == opAdd || k == opMul || k == opAnd || k == opOr || k == opIntAdd
}

// memory operations have ports of their own.
func (k opKind) memory() bool { return k == opLoad || k == opStore || k == opSpill }

type op struct {
	kind    opKind
	dst     V // -1: none
	a, b, c V // -1: none
	imm     int
	lane    int // which of the unrolled vectors
	stream  int
	at      string // the line of the page, where that is recorded
	from    string // the page and its function, where that is recorded
}

// operands are the values that the operation reads, -1 where there is none.
func (o *op) operands() [3]V { return [...]V{o.a, o.b, o.c} }

// value says where a V lives: a constant, a register held throughout the sequence, or a register
// chosen by the allocator.
type value struct {
	isConst bool
	bits    uint64
	pinned  int // register, or -1
	isMask  bool
	spilled bool // in memory, at the place of the output
}

// A Builder records a sequence of operations, such as a loop body. These are all that a page may
// use, lane by lane:
//
//	K, KInt, Bits             constants
//	Named                     a constant with a name
//	Add, Sub, Mul, Div        x+y, x-y, x*y, x/y
//	Sqrt                      the square root of x
//	FMA, FNMA                 x*y+z, -(x*y)+z with one rounding
//	Max, Min                  the larger or smaller of a limit and x
//	Less, Equal               masks
//	Select                    a mask's choice of two values
//	And, Or                   of bits
//	IntAdd, IntSub            of lanes as integers, which wrap around
//	ShiftLeft, ShiftRight     of bits, zeros coming in
//	Lookup                    an entry of a small table
//	Spill                     the value itself, where registers are few
//
// The bits of a result are the same on all instruction sets, with two exceptions: the sign and
// payload of a NaN, and what Max and Min leave open. A page must keep both out of its outputs.
//
// NaN. Arithmetic returns NaN for a NaN operand, Inf-Inf, 0*Inf, 0/0, Inf/Inf and the root of a
// negative number. Its sign and payload depend on the CPU, so no mask, integer or selection may
// depend on its bits. It may depend on whether a value is NaN (Equal of the value with itself).
// Less and Equal are false where an operand is NaN. Select, And, Or, shifts and integer operations
// treat a NaN as any other bits.
//
// Zeros. Arithmetic follows IEEE 754, rounding to nearest: a sum of zeros is -0 only if both are
// -0; x-x is +0; a product or quotient is negative if exactly one of its operands is; a sum that
// cancels in FMA and FNMA is +0; the root of a zero is that zero. For Less and Equal, -0 and +0 are
// equal. Select and the operations on bits keep the sign as any other bit.
type Builder struct {
	k       *kernelState
	ops     []op
	vals    []value
	indices map[V]V // the results of tableIndex
	lane    int
	tail    bool // the last, partial vector of a row
	ragged  int  // the lane whose vector may be partial beside whole ones, 0: none
}

func (b *Builder) value(v value) V {
	b.vals = append(b.vals, v)
	return V(len(b.vals) - 1)
}

func (b *Builder) emit(k opKind, x, y, z V, imm int) V {
	d := b.value(value{pinned: -1, isMask: k == opLess || k == opEqual || k == opIntEqual})
	b.record(op{kind: k, dst: d, a: x, b: y, c: z, imm: imm, lane: b.lane})
	return d
}

// record appends an operation of the page.
func (b *Builder) record(o op) {
	if b.k.tracing {
		o.at = pageLine()
	} else if b.k.writing {
		o.from = pageFunction()
	}
	b.ops = append(b.ops, o)
}

// Type is the element type of the sequence.
func (b *Builder) Type() Type { return b.k.t }

// K is a constant: the first value for float32, the second for float64.
func (b *Builder) K(f32 float32, f64 float64) V {
	bits := math.Float64bits(f64)
	if b.k.t == F32 {
		bits = uint64(math.Float32bits(f32))
	}
	v := b.Bits(bits)
	b.k.numbers[bits] = true
	return v
}

// KInt is an integer constant in every lane: the first for 32-bit lanes, the second for 64-bit
// lanes.
func (b *Builder) KInt(i32 int32, i64 int64) V {
	if b.k.t == F32 {
		return b.Bits(uint64(uint32(i32)))
	}
	return b.Bits(uint64(i64))
}

// Bits is a constant given by its bit pattern.
func (b *Builder) Bits(bits uint64) V {
	b.k.useConst(bits)
	return b.value(value{isConst: true, bits: bits, pinned: -1})
}

// Add is x + y.
func (b *Builder) Add(x, y V) V { return b.emit(opAdd, x, y, -1, 0) }

// Sub is x - y. -0 - y is -y, for zeros too.
func (b *Builder) Sub(x, y V) V { return b.emit(opSub, x, y, -1, 0) }

// Mul is x * y.
func (b *Builder) Mul(x, y V) V { return b.emit(opMul, x, y, -1, 0) }

// Div is x / y.
func (b *Builder) Div(x, y V) V { return b.emit(opDiv, x, y, -1, 0) }

// Sqrt is the square root of x, correctly rounded.
func (b *Builder) Sqrt(x V) V { return b.emit(opSqrt, x, -1, -1, 0) }

// FMA is x*y + z with one rounding.
func (b *Builder) FMA(x, y, z V) V { return b.emit(opFMA, x, y, z, 0) }

// FNMA is -(x*y) + z with one rounding.
func (b *Builder) FNMA(x, y, z V) V { return b.emit(opFNMA, x, y, z, 0) }

// Max is the larger of limit and x. Where x is NaN the result is NaN. It is left open where limit
// is NaN (x on x86, NaN on ARM), and where the two are zeros of different sign (x on x86, +0 on
// ARM).
func (b *Builder) Max(limit, x V) V { return b.emit(opMax, limit, x, -1, 0) }

// Min is the smaller of limit and x. NaN is as in Max; of zeros of different sign it is x on x86,
// -0 on ARM.
func (b *Builder) Min(limit, x V) V { return b.emit(opMin, limit, x, -1, 0) }

// And is the bitwise and.
func (b *Builder) And(x, y V) V { return b.emit(opAnd, x, y, -1, 0) }

// Or is the bitwise or.
func (b *Builder) Or(x, y V) V { return b.emit(opOr, x, y, -1, 0) }

// IntAdd adds lanes as integers.
func (b *Builder) IntAdd(x, y V) V { return b.emit(opIntAdd, x, y, -1, 0) }

// IntSub subtracts lanes as integers.
func (b *Builder) IntSub(x, y V) V { return b.emit(opIntSub, x, y, -1, 0) }

// ShiftLeft shifts lanes left by n32 bits (float32) or n64 bits (float64). x is not a constant.
func (b *Builder) ShiftLeft(x V, n32, n64 int) V {
	return b.emit(opShl, x, -1, -1, b.pick(n32, n64))
}

// ShiftRight shifts lanes right, filling with zeros. x is not a constant.
func (b *Builder) ShiftRight(x V, n32, n64 int) V {
	return b.emit(opShr, x, -1, -1, b.pick(n32, n64))
}

// Less is the mask x < y, false for NaN.
func (b *Builder) Less(x, y V) V { return b.emit(opLess, x, y, -1, 0) }

// Equal is the mask x == y, false for NaN.
func (b *Builder) Equal(x, y V) V { return b.emit(opEqual, x, y, -1, 0) }

// Select is m ? x : y, lane by lane.
func (b *Builder) Select(m, x, y V) V { return b.emit(opSelect, m, x, y, 0) }

// A Table holds bit patterns that one instruction looks up by their index. Its name stands for the
// same table on all pages.
type Table struct {
	Name string
	F32  [8]uint32
	F64  [4]uint64
}

// Lookup is the entry of t at the index in the low bits of i: three bits for float32, two for
// float64. The other bits do not matter, except that bit 31 of a float64 index must be set: AVX2
// finds the two halves of an entry by it, and takes them from different entries if it is clear. A
// sum with a magic number has it set if 0x1p31 is part of the magic number; otherwise Or sets it.
func (b *Builder) Lookup(t Table, i V) V {
	n := b.k.useTable(t)
	at, ok := b.indices[i]
	if !ok {
		at = b.k.tableIndex(b, i)
		if b.indices == nil {
			b.indices = map[V]V{}
		}
		b.indices[i] = at
	}
	return b.emit(opLookup, at, -1, -1, n)
}

func (b *Builder) pick(n32, n64 int) int {
	if b.k.t == F32 {
		return n32
	}
	return n64
}

func (b *Builder) load(stream int) V {
	d := b.value(value{pinned: -1})
	b.ops = append(b.ops, op{kind: opLoad, dst: d, a: -1, b: -1, c: -1, lane: b.lane,
		stream: stream})
	return d
}

func (b *Builder) store(stream int, x V) {
	b.ops = append(b.ops, op{kind: opStore, dst: -1, a: x, b: -1, c: -1, lane: b.lane,
		stream: stream})
}

// Spill is x. Where registers are few, it is held in memory from here on and read as a memory
// operand. The place is that of the first output, whose result is stored later. A Map may spill one
// value, and all of its outputs must depend on that value.
func (b *Builder) Spill(x V) V {
	if b.k.vectorRegs() > 16 || b.tail { // a partial vector has no place of full width
		return x
	}
	d := b.value(value{pinned: -1, spilled: true})
	b.record(op{kind: opSpill, dst: d, a: x, b: -1, c: -1, lane: b.lane})
	return d
}

func (b *Builder) pinnedValue(reg int) V { return b.value(value{pinned: reg}) }

// pinnedValues returns the values in the pinned registers regs.
func (b *Builder) pinnedValues(regs []int) (vs []V) {
	for _, r := range regs {
		vs = append(vs, b.pinnedValue(r))
	}
	return vs
}

// moveTo puts x in the pinned register reg.
func (b *Builder) moveTo(reg int, x V) {
	b.ops = append(b.ops, op{kind: opMove, dst: b.pinnedValue(reg), a: x, b: -1, c: -1,
		lane: b.lane})
}

// into makes the last operation write to the pinned register reg.
func (b *Builder) into(reg int) { b.ops[len(b.ops)-1].dst = b.pinnedValue(reg) }
