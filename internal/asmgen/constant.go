package asmgen

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Named gives the constant v its name in the assembly, where a suffix for the type is added. A name
// stands for the same number on all pages.
func (b *Builder) Named(name string, v V) V {
	if c := b.vals[v]; !c.isConst {
		panic("asmgen: " + name + " is not a constant")
	} else if b.k.names[c.bits] == "" {
		b.k.names[c.bits] = name
	}
	return v
}

// plainNames are the names of numbers that need no call of Named.
var plainNames = map[float64]string{
	0: "zero", 0.5: "half", 1: "one", 1.5: "threeHalves", 2: "two", -0.5: "minusHalf",
	math.Inf(1): "inf", math.Inf(-1): "minusInf",
}

// constName is the symbol of a constant, without <>.
func (k *kernelState) constName(bits uint64) string {
	if name := k.names[bits]; name != "" {
		return name + k.t.Suffix()
	}
	if name, ok := plainNames[k.t.value(bits)]; ok && bits != k.t.signBit() {
		return name + k.t.Suffix()
	}
	if bits == 1 {
		return "integerOne" + k.t.Suffix()
	}
	return fmt.Sprintf("x%x%s", bits, k.t.Suffix()) // its bits: Named gives a better one
}

// value is the number with the given bits.
func (t Type) value(bits uint64) float64 {
	if t == F32 {
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(bits)
}

func (t Type) signBit() uint64 { return 1 << (8*t.Size() - 1) }

// text is the number with the given bits, as Go writes it.
func (t Type) text(bits uint64) string {
	switch x := t.value(bits); {
	case x == math.Trunc(x) && math.Abs(x) < 1<<11 || math.IsInf(x, 0):
		return fmt.Sprint(x)
	default:
		exponent := strings.NewReplacer("p+0", "p+", "p-0", "p-")
		return strings.Replace(exponent.Replace(fmt.Sprintf("%x", x)), "p+", "p", 1)
	}
}

// A constPool collects the constants of one type in a file. On x86 each constant is a symbol of its
// own, repeated to fill a vector. On ARM an address takes two instructions, so the constants of a
// page are a table with a register that points to it. The place of a constant does not depend on
// other pages.
type constPool struct {
	table string // its symbol, without <>; "" on x86
	t     Type
	names map[string]uint64
	list  []constant // in the order of first use
	err   error

	tables []Table
}

type constant struct {
	name string
	bits uint64
	note string // the number, if it is one
}

const armStride = 16 // of constants in a table

func newPool(table string, t Type) *constPool {
	return &constPool{table: table, t: t, names: map[string]uint64{}}
}

// scratch is an empty pool for a trial.
func (p *constPool) scratch() *constPool {
	return newPool(p.table, p.t)
}

// use adds a constant, unless it is there already.
func (p *constPool) use(name string, bits uint64, number bool) {
	note := ""
	if number {
		note = p.t.text(bits)
	}
	old, ok := p.names[name]
	switch {
	case !ok:
		p.names[name] = bits
		p.list = append(p.list, constant{name, bits, note})
	case old != bits:
		p.err = fmt.Errorf("asmgen: the constant %s is %#x and %#x", name, old, bits)
	}
}

// constAddr is the address of a constant's symbol.
func (k *kernelState) constAddr(bits uint64) string {
	name := k.constName(bits)
	k.pool.use(name, bits, k.numbers[bits])
	return name + "<>(SB)"
}

// constOffset is the place of a constant in its table.
func (k *kernelState) constOffset(bits uint64) int {
	name := k.constName(bits)
	k.pool.use(name, bits, k.numbers[bits])
	k.tableUsed = true
	at := slices.IndexFunc(k.pool.list, func(c constant) bool { return c.name == name })
	return armStride * at
}

// symbols writes the constants of x86, sorted by name.
func (p *constPool) symbols(out *bytes.Buffer) {
	list := slices.Clone(p.list)
	letters := func(c constant) string { return strings.TrimRight(stem(c.name), "0123456789") }
	slices.SortFunc(list, func(a, b constant) int { // C2 before C10
		return cmp.Or(cmp.Compare(letters(a), letters(b)),
			cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
	})
	for _, c := range list {
		line := fmt.Sprintf("%s(%s<>, $0x%0*x)", constMacro[p.t], c.name, 2*p.t.Size(), c.bits)
		if c.note != "" {
			line += " // " + c.note
		}
		fmt.Fprintln(out, line)
	}
}

func stem(name string) string { return name[:len(name)-len("F32")] }

var constMacro = [...]string{"CONST32", "CONST64"}

// constMacros define a constant that fills 32 bytes.
const constMacros = `
// Constants, repeated to fill a vector.
#define CONST32(name, bits) \
	DATA name+0(SB)/4, bits; DATA name+4(SB)/4, bits; DATA name+8(SB)/4, bits; \
	DATA name+12(SB)/4, bits; DATA name+16(SB)/4, bits; DATA name+20(SB)/4, bits; \
	DATA name+24(SB)/4, bits; DATA name+28(SB)/4, bits; \
	GLOBL name(SB), RODATA|NOPTR, $32
#define CONST64(name, bits) \
	DATA name+0(SB)/8, bits; DATA name+8(SB)/8, bits; \
	DATA name+16(SB)/8, bits; DATA name+24(SB)/8, bits; \
	GLOBL name(SB), RODATA|NOPTR, $32

`

// asTable writes the constants of ARM.
func (p *constPool) asTable(out *bytes.Buffer) {
	for i, c := range p.list {
		bits := c.bits
		if p.t == F32 {
			bits |= bits << 32
		}
		note := stem(c.name)
		if c.note != "" {
			note += ": " + c.note
		}
		fmt.Fprintf(out, "DATA %s<>+%d(SB)/8, $0x%016x // %s\n", p.table, armStride*i, bits, note)
		fmt.Fprintf(out, "DATA %s<>+%d(SB)/8, $0x%016x\n", p.table, armStride*i+8, bits)
	}
	if len(p.list) > 0 {
		fmt.Fprintf(out, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", p.table, armStride*len(p.list))
	}
}
