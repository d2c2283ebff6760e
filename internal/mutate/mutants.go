package main

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A class says what kind of mistake a mutant is.
type class string

const (
	// another operation, swapped operands, an operation left out, a shift by one bit more or less
	opClass    class = "op"
	constClass class = "const" // a constant with its last bit flipped, or another constant
	tailClass  class = "tail"  // masks and partial loads and stores
	loopClass  class = "loop"  // counts, branches, advances, addresses
	laneClass  class = "lane"  // order of lanes
	sumClass   class = "sum"   // the canonical sum: folds, carries, group size, error terms
)

var classes = []class{opClass, constClass, tailClass, loopClass, laneClass, sumClass}

// A mutant is one deliberate mistake in one kernel.
type mutant struct {
	fn    *function
	line  int // in the file, from 0
	class class
	edit  map[int]string // new text of lines; "" leaves the line out
	// the constant (on ARM, the table of constants) that is followed by a copy with its last bit
	// flipped
	flip string
	bits uint64
	what string
}

// function is the text of one kernel: lines [start, end) of the file.
type function struct {
	name, kernel, typ, isa string
	start, end             int
	table                  string // of constants, on ARM
	mutants                []*mutant
}

// source is one generated assembly file.
type source struct {
	arm    bool
	lines  []string
	funcs  []*function
	tables map[string][]uint64 // constants on ARM, by table: its 64-bit words
	consts map[string]constant // constants on x86, by symbol
}

// A constant is one symbol; next is another constant of the same type.
type constant struct {
	bits uint64
	next string
}

var (
	textLine = regexp.MustCompile(`^TEXT ·((\w+?)(F32|F64)(AVX2|AVX512|NEON))\(SB\)`)
	dataLine = regexp.MustCompile(`^DATA (\w+Const(?:F32|F64))<>\+(\d+)\(SB\)/8, \$(0x[0-9a-f]+)`)
	baseLine = regexp.MustCompile(`^\tMOVD \$(\w+Const(?:F32|F64))<>\(SB\), R26$`)
	oneConst = regexp.MustCompile(`^CONST(?:32|64)\((\w+(F32|F64))<>, \$(0x[0-9a-f]+)\)`)
	globl    = regexp.MustCompile(`^GLOBL (\w+)<>\(SB\), RODATA\|NOPTR, \$(\d+)`)
)

// parse reads a generated file and lists all its mutants.
func parse(text string, arm bool) *source {
	s := &source{arm: arm, lines: strings.Split(text, "\n"), tables: map[string][]uint64{},
		consts: map[string]constant{}}
	first, last := map[string]string{}, map[string]string{} // constants of a type
	for i, l := range s.lines {
		if m := dataLine.FindStringSubmatch(l); m != nil {
			w, _ := strconv.ParseUint(m[3], 0, 64)
			s.tables[m[1]] = append(s.tables[m[1]], w)
		}
		if m := oneConst.FindStringSubmatch(l); m != nil {
			name, typ := m[1], m[2]
			w, _ := strconv.ParseUint(m[3], 0, 64)
			if first[typ] == "" {
				first[typ] = name
			} else {
				s.consts[last[typ]] = constant{s.consts[last[typ]].bits, name}
			}
			s.consts[name], last[typ] = constant{w, first[typ]}, name
		}
		if m := baseLine.FindStringSubmatch(l); m != nil {
			s.funcs[len(s.funcs)-1].table = m[1]
		}
		if m := textLine.FindStringSubmatch(l); m != nil {
			s.funcs = append(s.funcs, &function{name: m[1], kernel: m[2], typ: m[3],
				isa: strings.ToLower(m[4]), start: i + 1})
		}
		if n := len(s.funcs); n > 0 {
			s.funcs[n-1].end = i + 1
		}
	}
	for _, f := range s.funcs {
		s.mutateFunction(f)
	}
	return s
}

// text returns the file with the mistake of m in it.
func (s *source) text(m *mutant) string {
	lines := slices.Clone(s.lines)
	if m == nil {
		return strings.Join(lines, "\n")
	}
	for i, l := range m.edit {
		lines[i] = l
	}
	if m.flip != "" && !s.arm {
		for i, l := range lines {
			if g := oneConst.FindStringSubmatch(l); g != nil && g[1] == m.flip {
				lines[i] += "\n" + strings.Replace(strings.Replace(g[0], g[1], flipped(g[1]), 1),
					g[3], fmt.Sprintf("%#x", m.bits), 1)
			}
		}
	}
	if m.flip != "" && s.arm {
		size := 8 * len(s.tables[m.flip])
		for i, l := range lines {
			if g := globl.FindStringSubmatch(l); g != nil && g[1] == m.flip {
				var add string
				for w := range stride / 8 {
					add += fmt.Sprintf("DATA %s<>+%d(SB)/8, $0x%016x\n", m.flip, size+8*w, m.bits)
				}
				lines[i] = add + fmt.Sprintf("GLOBL %s<>(SB), RODATA|NOPTR, $%d", m.flip,
					size+stride)
			}
		}
	}
	return strings.Join(lines, "\n")
}

// stride is the number of bytes that a constant takes in its table.
const stride = 16

// flipped names a constant with its last bit flipped.
func flipped(name string) string { return "flipped" + name }

// ins is one instruction.
type ins struct {
	op   string // with its suffixes
	args []string
}

func (x ins) String() string { return "\t" + x.op + " " + strings.Join(x.args, ", ") }

func split(line string) (x ins, ok bool) {
	if !strings.HasPrefix(line, "\t") {
		return x, false
	}
	code, _, _ := strings.Cut(strings.TrimSpace(line), "//")
	op, rest, _ := strings.Cut(strings.TrimSpace(code), " ")
	x.op = op
	if rest = strings.TrimSpace(rest); rest != "" {
		x.args = strings.Split(rest, ", ")
	}
	return x, true
}

// with returns a copy with argument i replaced; without returns a copy without argument i.
func (x ins) with(i int, arg string) ins {
	y := ins{x.op, slices.Clone(x.args)}
	y.args[i] = arg
	return y
}

func (x ins) without(i int) ins { return ins{x.op, slices.Delete(slices.Clone(x.args), i, i+1)} }

func (x ins) swapped(i, j int) ins { return x.with(i, x.args[j]).with(j, x.args[i]) }

func (x ins) named(op string) ins { return ins{op, x.args} }

// untouched instructions get no mutants. Alignment and the annotations of a frame compute nothing,
// and internal/asmcheck reads from the binary whether each kernel clears the upper halves and
// returns.
var untouched = map[string]bool{"PCALIGN": true, "NO_LOCAL_POINTERS": true, "VZEROUPPER": true,
	"RET": true}

var sumLabels = regexp.MustCompile(`^(fold|wide|group)\d+:`)

func (s *source) mutateFunction(f *function) {
	inSum := false
	for i := f.start; i < f.end; i++ {
		if strings.HasSuffix(s.lines[i], ":") {
			inSum = sumLabels.MatchString(s.lines[i])
			continue
		}
		x, ok := split(s.lines[i])
		if !ok || x.op == "" || untouched[x.op] {
			continue
		}
		add := func(c class, what string, y ins) *mutant {
			if inSum && c != loopClass {
				c = sumClass
			}
			m := &mutant{fn: f, line: i, class: c, edit: map[int]string{i: y.String()}, what: what}
			f.mutants = append(f.mutants, m)
			return m
		}
		e := editor{s: s, f: f, line: i, x: x, add: add}
		if s.arm {
			e.arm()
		} else {
			e.x86()
		}
		// the instruction left out
		c := opClass
		switch {
		case inSum:
			c = sumClass
		case !strings.HasPrefix(x.op, "V") && !strings.HasPrefix(x.op, "WORD"):
			c = loopClass
		case strings.Contains(x.op, "MASK"):
			c = tailClass
		}
		f.mutants = append(f.mutants, &mutant{fn: f, line: i, class: c, edit: map[int]string{i: ""},
			what: "left out"})
		// lanes or registers exchanged with the next instruction of the same kind
		if y, ok := split(s.lines[i+1]); ok && y.op == x.op && len(x.args) == 3 &&
			len(y.args) == 3 && x.args[0] != y.args[0] && strings.HasPrefix(x.op, "V") {
			m := add(laneClass, "source exchanged with the next instruction's",
				x.with(0, y.args[0]))
			m.edit[i+1] = y.with(0, x.args[0]).String()
		}
	}
}

// editor proposes changes of one instruction.
type editor struct {
	s    *source
	f    *function
	line int
	x    ins
	add  func(c class, what string, y ins) *mutant
}

var (
	number    = regexp.MustCompile(`^\$(-?(?:0x)?[0-9a-f]+)$`)
	static    = regexp.MustCompile(`^(\w+)<>\(SB\)$`)
	armOffset = regexp.MustCompile(`^(\d+)\(R26\)$`) // the base of the constants on arm64
	memory    = regexp.MustCompile(`^(-?\d*)\((\w+)\)$`)
	indexed   = regexp.MustCompile(`^(-?\d*)\((\w+)\)\((\w+)\*(\d)\)$`)
	symbol    = regexp.MustCompile(`^(\$?)(tail\w+|skip\w+|bitShift\w+)<>\+(\d+)\(SB\)$`)
	kRegister = regexp.MustCompile(`^K\d$`)
	vRegister = regexp.MustCompile(`^[XYZ]\d+$`)
)

func (e *editor) elem() int { return map[string]int{"F32": 4, "F64": 8}[e.f.typ] }

func (e *editor) immediate(i int) (n int64, ok bool) {
	if i >= len(e.x.args) {
		return 0, false
	}
	m := number.FindStringSubmatch(e.x.args[i])
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 0, 64)
	return n, err == nil
}

// nudge proposes each of the values for immediate i.
func (e *editor) nudge(c class, i int, values ...int64) {
	for _, v := range values {
		e.add(c, fmt.Sprintf("%s for %s", fmt.Sprintf("$%d", v), e.x.args[i]),
			e.x.with(i, fmt.Sprintf("$%d", v)))
	}
}

// constant proposes other constants for argument i, which is the symbol of a constant.
func (e *editor) constant(i int, name string) {
	c, ok := e.s.consts[name]
	if !ok {
		return
	}
	m := e.add(constClass, fmt.Sprintf("last bit of constant %#x (%s) flipped", c.bits, name),
		e.x.with(i, flipped(name)+"<>(SB)"))
	m.flip, m.bits = name, c.bits^1
	e.add(constClass, fmt.Sprintf("constant %#x (%s) for %#x (%s)", e.s.consts[c.next].bits, c.next,
		c.bits, name), e.x.with(i, c.next+"<>(SB)"))
}

// tableConstant proposes other constants for argument i, at offset off of the function's table.
func (e *editor) tableConstant(i, off int) {
	words := e.s.tables[e.f.table]
	if off/8 >= len(words) {
		return
	}
	flip := uint64(1)
	if e.f.typ == "F32" {
		flip |= 1 << 32
	}
	operand := func(off int) string { return fmt.Sprintf("%d(R26)", off) }
	m := e.add(constClass, fmt.Sprintf("last bit of constant %#x flipped", words[off/8]),
		e.x.with(i, operand(8*len(words))))
	m.flip, m.bits = e.f.table, words[off/8]^flip
	if other := (off + stride) % (8 * len(words)); other != off {
		e.add(constClass, fmt.Sprintf("constant %#x for %#x", words[other/8], words[off/8]),
			e.x.with(i, operand(other)))
	}
}

// address proposes a wrong offset for every address among the arguments.
func (e *editor) address() {
	size := e.elem()
	for i, a := range e.x.args {
		if m := memory.FindStringSubmatch(a); m != nil && m[2] != "SP" && m[2] != "R26" {
			off, _ := strconv.Atoi("0" + m[1])
			if e.s.arm && strings.HasPrefix(e.x.op, "V") {
				continue // no offsets there
			}
			e.add(loopClass, "one element further",
				e.x.with(i, fmt.Sprintf("%d(%s)", off+size, m[2])))
		}
		if m := indexed.FindStringSubmatch(a); m != nil {
			e.add(loopClass, "index scaled wrongly",
				e.x.with(i, fmt.Sprintf("%s(%s)(%s*%d)", m[1], m[2], m[3],
					map[string]int{"1": 2, "2": 1, "4": 8, "8": 4}[m[4]])))
		}
		if m := symbol.FindStringSubmatch(a); m != nil {
			off, _ := strconv.Atoi(m[3])
			for _, d := range []int{-size, size} {
				if off+d >= 0 {
					e.add(tailClass, fmt.Sprintf("window of the table moved by %d", d/size),
						e.x.with(i, fmt.Sprintf("%s%s<>+%d(SB)", m[1], m[2], off+d)))
				}
			}
		}
	}
}

// mnemonic splits a mnemonic such as VADDPS or VFMADD213PD.BCST.
var mnemonic = regexp.MustCompile(`^(V[A-Z]+?)(132|213|231)?(PS|PD|SS|SD)(\.[A-Z.]+)?$`)

var x86Float = map[string][]string{
	"VADD": {"VSUB"}, "VSUB": {"VADD"}, "VMUL": {"VADD"}, "VDIV": {"VMUL"}, "VSQRT": {"VMOVA"},
	"VMAX":   {"VMIN"},
	"VMIN":   {"VMAX"},
	"VFMADD": {"VFNMADD", "VFMSUB"}, "VFNMADD": {"VFMADD"}, "VAND": {"VOR"}, "VANDN": {"VAND"},
}

var x86Other = map[string][]string{
	"VPADDD": {"VPSUBD"}, "VPADDQ": {"VPSUBQ"}, "VPSUBD": {"VPADDD"}, "VPSUBQ": {"VPADDQ"},
	"VPAND": {"VPOR"}, "VPOR": {"VPAND"},
	"VPANDD": {"VPORD"}, "VPANDQ": {"VPORQ"}, "VPORD": {"VPANDD"}, "VPORQ": {"VPANDQ"},
	"VPSLLVD": {"VPSRLVD"}, "VPSLLVQ": {"VPSRLVQ"},
}

var x86Masks = map[string][]string{
	"KANDW": {"KORW"}, "KANDNW": {"KANDW"}, "CMOVQLT": {"CMOVQGE"}, "CMOVQCS": {"CMOVQCC"},
	"CMOVQCC":    {"CMOVQCS"},
	"VMASKMOVPS": {"VMASKMOVPD"}, "ORQ": {"ANDQ"},
}

var x86Lanes = map[string]string{
	"VUNPCKHPS": "VUNPCKLPS", "VUNPCKLPS": "VUNPCKHPS", "VUNPCKHPD": "VUNPCKLPD",
	"VUNPCKLPD": "VUNPCKHPD", "VMOVSHDUP": "VMOVSLDUP",
}

var x86Branches = map[string][]string{
	"JLT": {"JLE", "JGE"}, "JLE": {"JLT"}, "JGE": {"JGT", "JLT"}, "JGT": {"JGE"}, "JEQ": {"JNE"},
	"JNE": {"JEQ"},
}

func (e *editor) x86() {
	x := e.x
	n := len(x.args)
	e.address()
	for i, a := range x.args {
		if m := static.FindStringSubmatch(a); m != nil {
			e.constant(i, m[1])
		}
		// masked operations without their mask, or with another
		if kRegister.MatchString(a) && i < n-1 && n > 2 && strings.HasPrefix(x.op, "V") &&
			!strings.HasPrefix(x.op, "VBLENDM") {
			y := x.without(i)
			y.op = strings.Replace(y.op, ".Z", "", 1)
			e.add(tailClass, "mask "+a+" left out", y)
			if o, ok := map[string]string{"K1": "K2", "K2": "K3", "K3": "K2"}[a]; ok {
				e.add(tailClass, "another mask", x.with(i, o))
			}
		}
	}
	if m := mnemonic.FindStringSubmatch(x.op); m != nil {
		stem, form, typ, suffix := m[1], m[2], m[3], m[4]
		for _, o := range x86Float[stem] {
			e.add(opClass, o+" for "+stem, x.named(o+form+typ+suffix))
		}
		if form != "" && vRegister.MatchString(x.args[0]) {
			e.add(opClass, "operands of the FMA in another order",
				x.named(stem+map[string]string{"132": "231", "213": "231", "231": "213"}[form]+typ))
		}
		reg := func(i int) bool { return i < n && vRegister.MatchString(x.args[i]) }
		switch stem {
		case "VSUB", "VDIV", "VMAX", "VMIN", "VANDN", "VUNPCKH", "VUNPCKL":
			if reg(0) && reg(1) && x.args[0] != x.args[1] {
				e.add(opClass, "operands swapped", x.swapped(0, 1))
			}
		case "VBLENDV", "VCMP":
			if reg(1) && reg(2) && x.args[1] != x.args[2] {
				e.add(opClass, "operands swapped", x.swapped(1, 2))
			}
		case "VBLENDM":
			if reg(0) && reg(1) {
				e.add(opClass, "operands swapped", x.swapped(0, 1))
			}
		case "VMASKMOV":
			// the whole vector is loaded
			if n == 3 && reg(2) {
				e.add(tailClass, "mask left out",
					ins{"VMOVU" + typ, []string{x.args[0], x.args[2]}})
			}
		}
		if stem == "VCMP" {
			if p, ok := e.immediate(0); ok {
				e.nudge(opClass, 0, map[int64]int64{0: 2, 1: 2, 2: 1, 6: 5}[p])
			}
		}
		// the operation left out, its operand passed on
		if n == 3 && stem != "VMASKMOV" && reg(1) && reg(2) && x.args[1] != x.args[2] &&
			x.args[1][0] == x.args[2][0] {
			e.add(opClass, "operand passed on",
				ins{"VMOVA" + strings.NewReplacer("SS", "PS", "SD", "PD").Replace(typ),
					[]string{x.args[1], x.args[2]}})
		}
	}
	op, _, _ := strings.Cut(x.op, ".")
	for _, o := range x86Other[op] {
		e.add(opClass, o+" for "+x.op, x.named(strings.Replace(x.op, op, o, 1)))
	}
	for _, o := range x86Masks[op] {
		e.add(tailClass, o+" for "+x.op, x.named(o))
	}
	if o, ok := x86Lanes[op]; ok {
		e.add(laneClass, o+" for "+x.op, x.named(o))
	}
	for _, o := range x86Branches[op] {
		e.add(loopClass, o+" for "+x.op, x.named(o))
	}
	imm, hasImm := e.immediate(0)
	switch {
	case strings.HasPrefix(op, "VPSLL") || strings.HasPrefix(op, "VPSRL"):
		if hasImm {
			e.nudge(opClass, 0, imm-1, imm+1)
		}
	case strings.HasPrefix(op, "VEXTRACT"):
		e.nudge(laneClass, 0, imm^1)
	case strings.HasPrefix(op, "VINSERT"):
		e.nudge(laneClass, 0, imm^1)
	case op == "VPSHUFD" || op == "VPERMQ" || op == "VSHUFPS" || op == "VPERMILPS" ||
		op == "VPERMILPD":
		if hasImm {
			e.nudge(laneClass, 0, imm^1)
		}
	case op == "VPACKSSDW" || op == "VPACKSSWB" || strings.HasPrefix(op, "KUNPCK"):
		if x.args[0] != x.args[1] {
			e.add(laneClass, "operands swapped", x.swapped(0, 1))
		}
	case op == "VMOVLPS" && n == 2:
		e.add(tailClass, "more than two elements stored", x.named("VMOVUPS"))
	case op == "VMOVSS" && n == 2:
		e.add(tailClass, "two elements for one", x.named("VMOVSD"))
	case op == "ADDQ" || op == "SUBQ":
		if hasImm {
			e.nudge(loopClass, 0, imm+1, 2*imm)
			if imm > 1 {
				e.nudge(loopClass, 0, imm-1)
			}
		}
	case op == "CMPQ":
		if imm, ok := e.immediate(1); ok {
			e.nudge(loopClass, 1, imm-1, imm+1)
		}
	case op == "MOVQ" || op == "MOVL":
		if hasImm {
			e.nudge(loopClass, 0, imm-1, imm+1)
		}
	case op == "TESTQ":
		if hasImm {
			e.nudge(tailClass, 0, 2*imm)
		}
	case op == "SHLQ" || op == "SHRQ":
		if hasImm && imm > 0 && imm < 63 {
			e.nudge(loopClass, 0, imm-1, imm+1)
		}
	case op == "BZHIL":
		e.add(tailClass, "a lane less", x).edit[e.line] += fmt.Sprintf("\n\tSHRQ $1, %s", x.args[2])
		e.add(tailClass, "a lane more", x).edit[e.line] += fmt.Sprintf("\n\tLEAQ 1(%s)(%s*1), %s",
			x.args[2], x.args[2], x.args[2])
	case op == "SHLXQ":
		e.add(tailClass, "the next bit", x).edit[e.line] += fmt.Sprintf("\n\tSHLQ $1, %s",
			x.args[2])
	}
}

// Encodings of the NEON instructions that the assembler does not know, without registers and type.
var armWords = map[string]struct {
	to   string
	flip uint32
}{
	"fadd": {"fsub", 0x4e20d400 ^ 0x4ea0d400}, "fsub": {"fadd", 0x4e20d400 ^ 0x4ea0d400},
	"fmul": {"fadd", 0x6e20dc00 ^ 0x4e20d400},
	"fdiv": {"fmul", 0x6e20fc00 ^ 0x6e20dc00}, "fmax": {"fmin", 0x4e20f400 ^ 0x4ea0f400},
	"fmin":  {"fmax", 0x4e20f400 ^ 0x4ea0f400},
	"fcmgt": {"fcmge", 0x6ea0e400 ^ 0x6e20e400}, "fcmeq": {"fcmge", 0x4e20e400 ^ 0x6e20e400},
	"fcmle": {"fcmlt", 0x6ea0d800 ^ 0x4ea0e800},
	"bic":   {"and", 0x4e601c00 ^ 0x4e201c00}, "cmtst": {"cmeq", 0x4ea08c00 ^ 0x6ea08c00},
	"fsqrt": {"fabs", 0x6ea1f800 ^ 0x4ea0f800},
	"fmaxv": {"fminv", 0x6e30f800 ^ 0x6eb0f800},
	"fmaxp": {"fminp", 0x7e70f800 ^ 0x7ef0f800},
}

var armOther = map[string][]string{
	"VFMLA": {"VFMLS"}, "VFMLS": {"VFMLA"}, "VAND": {"VORR"}, "VORR": {"VAND"}, "VADD": {"VSUB"},
	"VSUB": {"VADD"},
}

var armLanes = map[string]string{"VUZP1": "VUZP2", "VUZP2": "VUZP1", "VZIP1": "VZIP2",
	"VZIP2": "VZIP1"}

var armBranches = map[string][]string{
	"BLT": {"BLE", "BGE"}, "BLE": {"BLT"}, "BGE": {"BGT", "BLT"}, "BGT": {"BGE"}, "BEQ": {"BNE"},
	"BNE": {"BEQ"}, "CBZ": {"CBNZ"}, "CBNZ": {"CBZ"},
	"TBZ": {"TBNZ"}, "TBNZ": {"TBZ"},
}

func (e *editor) arm() {
	x := e.x
	n := len(x.args)
	e.address()
	if x.op == "WORD" {
		e.armWord()
		return
	}
	for i, a := range x.args {
		if m := armOffset.FindStringSubmatch(a); m != nil {
			off, _ := strconv.Atoi(m[1])
			e.tableConstant(i, off)
		}
	}
	for _, o := range armOther[x.op] {
		e.add(opClass, o+" for "+x.op, x.named(o))
	}
	if o, ok := armLanes[x.op]; ok {
		e.add(laneClass, o+" for "+x.op, x.named(o))
	}
	for _, o := range armBranches[x.op] {
		e.add(loopClass, o+" for "+x.op, x.named(o))
	}
	imm, hasImm := e.immediate(0)
	switch x.op {
	case "VSHL", "VUSHR":
		e.nudge(opClass, 0, imm-1, imm+1)
	case "VEXT":
		e.nudge(laneClass, 0, imm^4)
	case "VUZP1", "VUZP2", "VZIP1", "VZIP2", "VBSL":
		if n == 3 && x.args[0] != x.args[1] {
			e.add(opClass, "operands swapped", x.swapped(0, 1))
		}
	case "TBZ", "TBNZ":
		e.nudge(tailClass, 0, imm^1)
	case "ADD", "SUB":
		if hasImm {
			e.nudge(loopClass, 0, imm+1, 2*imm)
			if imm > 1 {
				e.nudge(loopClass, 0, imm-1)
			}
		}
	case "CMP", "MOVD":
		if hasImm {
			e.nudge(loopClass, 0, imm-1, imm+1)
		}
	case "LSL", "LSR":
		if hasImm && imm > 0 && imm < 63 {
			e.nudge(loopClass, 0, imm-1, imm+1)
		}
	case "CSEL":
		e.add(tailClass, "the other one selected", x.swapped(1, 2))
	case "FMOVQ", "FMOVD":
		if !strings.Contains(strings.Join(x.args, " "), "R26") {
			e.add(tailClass, "half as many bytes",
				x.named(map[string]string{"FMOVQ": "FMOVD", "FMOVD": "FMOVS"}[x.op]))
		}
		if x.op == "FMOVD" {
			e.add(tailClass, "twice as many bytes", x.named("FMOVQ"))
		}
	case "FMOVS":
		e.add(tailClass, "twice as many bytes", x.named("FMOVD"))
	}
}

func (e *editor) armWord() {
	_, comment, _ := strings.Cut(e.s.lines[e.line], "// ")
	name, _, _ := strings.Cut(comment, " ")
	enc, err := strconv.ParseUint(strings.TrimPrefix(e.x.args[0], "$"), 0, 32)
	if err != nil {
		return
	}
	word := func(c class, what string, enc uint64) {
		e.add(c, what, ins{"WORD", []string{fmt.Sprintf("$0x%08x", enc)}})
	}
	if w, ok := armWords[name]; ok {
		word(opClass, w.to+" for "+name, enc^uint64(w.flip))
	}
	switch name {
	case "fsub", "fdiv", "fcmgt", "bic":
		a, b := enc>>5&31, enc>>16&31
		if a != b {
			word(opClass, "operands swapped", enc&^(31<<5|31<<16)|a<<16|b<<5)
		}
	}
}

// sample chooses n mutants. It takes the kernels in turn, and the classes of each kernel in turn.
func sample(funcs []*function, n int, seed uint64) []*mutant {
	r := rand.New(rand.NewPCG(seed, 1))
	shuffle := func(m []*mutant) { r.Shuffle(len(m), func(i, j int) { m[i], m[j] = m[j], m[i] }) }
	funcs = slices.Clone(funcs)
	r.Shuffle(len(funcs), func(i, j int) { funcs[i], funcs[j] = funcs[j], funcs[i] })
	var queues [][]*mutant
	for i, f := range funcs {
		by := map[class][]*mutant{}
		for _, m := range f.mutants {
			by[m.class] = append(by[m.class], m)
		}
		for _, c := range classes {
			shuffle(by[c])
		}
		var q []*mutant
		for turn := i; len(q) < len(f.mutants); turn++ {
			c := classes[turn%len(classes)]
			if l := by[c]; len(l) > 0 {
				q, by[c] = append(q, l[0]), l[1:]
			}
		}
		queues = append(queues, q)
	}
	var out []*mutant
	for round := 0; len(out) < n; round++ {
		before := len(out)
		for _, q := range queues {
			if round < len(q) && len(out) < n {
				out = append(out, q[round])
			}
		}
		if len(out) == before {
			break
		}
	}
	return out
}

// String returns the place of the mutant in the file and its mistake.
func (m *mutant) String() string {
	return fmt.Sprintf("%s +%d [%s] %s", m.fn.name, m.line-m.fn.start+1, m.class, m.what)
}
