// Package asmcheck reads the kernels' assembly back from a linked binary and checks what neither
// the assembler nor go vet checks.
//
// For each TEXT of an assembly file whose name ends in AVX2, AVX512 or NEON, it checks:
//
//   - amd64: VZEROUPPER stands before each RET. R15 and BP are not used, and SP is not written (R14
//     and X15 are free in ABI0 bodies: the caller restores them). Each instruction belongs to the
//     ISA of the name, so there is no EVEX encoding, ZMM or mask register in an AVX2 function.
//     There is no legacy SSE, MMX or x87 instruction, and MXCSR is left alone.
//   - arm64: each WORD decodes to the instruction in its comment, with the same operands. All
//     instructions are ARMv8.0-A. R18 (platform), R28 (g), R29 (FP) and R30 (LR) are not used, and
//     R27 by the assembler only. SP is not written, and FPCR is left alone.
//   - both: there is no call and no jump out of the function. The last instruction returns. A
//     function without a frame is NOSPLIT. The function is in the binary (the linker drops what
//     nothing calls).
//
// A frame is allowed: the assembler's own prologue, stack check and epilogue are recognised.
// Addresses in the frame may be taken.
//
// The comment of a WORD is in Arm's syntax, as llvm-objdump prints it. Letter case, spaces and the
// base of numbers do not matter, and text after a semicolon is ignored:
//
//	WORD $0x4e21d400 // fadd v0.4s, v0.4s, v1.4s; sum of the low half
//
// The Go tools do not decode VEX and EVEX, so this takes LLVM's llvm-objdump. The GNU assembler,
// which knows the CPUID bits of each instruction, decides whether one belongs to an ISA.
package asmcheck

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// A Text is one TEXT directive of an assembly file.
type Text struct {
	Name    string // without package and middle dot
	Line    int
	NoSplit bool
	Frame   bool // it has a frame
	Words   []Word
}

// A Word is one instruction given by its encoding.
type Word struct {
	Line    int
	Code    uint32
	Comment string
}

// A Func is a function as it stands in a binary.
type Func struct {
	Name string // Go symbol without package and .abi0
	Code []Inst
}

// An Inst is one decoded instruction.
type Inst struct {
	Addr uint64
	Raw  []byte // in the order of memory
	Text string // mnemonic and operands in the disassembler's syntax, without its comments
}

// Tools are the programs that decode and encode.
type Tools struct {
	Objdump string // LLVM's
	As      string // GNU's, for x86
}

// ErrNoTools is returned if the tools are not installed.
var ErrNoTools = errors.New("llvm-objdump 16 or later or GNU as for x86 not found; on Debian: " +
	"apt-get install -y --no-install-recommends llvm-19 binutils-x86-64-linux-gnu")

// FindTools looks for the tools, also under their names in Debian.
func FindTools() (t Tools, err error) {
	names := []string{"llvm-objdump-19"} // what CI has comes first
	for v := 25; v >= 16; v-- {
		names = append(names, "llvm-objdump-"+strconv.Itoa(v))
	}
	t.Objdump = look(append(names, "llvm-objdump")...)
	if !printsAsExpected(t.Objdump) {
		t.Objdump = ""
	}
	t.As = look("x86_64-linux-gnu-as")
	if t.As == "" && runtime.GOARCH == "amd64" {
		t.As = look("as")
	}
	if t.Objdump == "" || t.As == "" {
		return t, ErrNoTools
	}
	return t, nil
}

// printsAsExpected reports whether an llvm-objdump is of version 16 or later. Older ones print
// numbers and the bytes of instructions in another way.
func printsAsExpected(objdump string) bool {
	out, _ := exec.Command(objdump, "--version").Output()
	m := regexp.MustCompile(`LLVM version (\d+)`).FindSubmatch(out)
	if m == nil {
		return false
	}
	v, err := strconv.Atoi(string(m[1]))
	return err == nil && v >= 16
}

func look(names ...string) string {
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	return ""
}

var (
	textLine = regexp.MustCompile(`^TEXT\s+·(\w+)(?:<ABI0>)?\(SB\)\s*,(?:\s*([A-Z\d|]+)\s*,)?\s*\$(\d+)`)
	wordLine = regexp.MustCompile(`^WORD\s+\$(\w+)$`)
	dataLine = regexp.MustCompile(`^(BYTE|LONG|QUAD|DWORD)\s`)
)

// ParseSource reads the TEXT directives of an assembly file. It reports encodings that have no
// comment, that are not one WORD per line, or that name the assembler's temporary register.
func ParseSource(r io.Reader) (texts []Text, problems []string, err error) {
	bad := func(line int, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
	}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		code, comment, _ := strings.Cut(s.Text(), "//")
		code = strings.TrimSpace(code)
		if m := textLine.FindStringSubmatch(code); m != nil {
			texts = append(texts,
				Text{Name: m[1], Line: n, NoSplit: slices.Contains(strings.Split(m[2], "|"),
					"NOSPLIT"), Frame: m[3] != "0"})
			continue
		}
		switch {
		case strings.HasPrefix(code, "TEXT"):
			bad(n, "cannot read %q", code)
		case dataLine.MatchString(code):
			bad(n, "%q: only WORD may give an encoding", code)
		case strings.HasPrefix(code, "WORD"):
			m := wordLine.FindStringSubmatch(code)
			if m == nil || len(texts) == 0 {
				bad(n, "cannot read %q", code)
				continue
			}
			v, err := strconv.ParseUint(m[1], 0, 32)
			if err != nil {
				bad(n, "%q: %v", code, err)
				continue
			}
			if normalize(comment) == "" {
				bad(n, "%q has no comment with its instruction", code)
				continue
			}
			t := &texts[len(texts)-1]
			t.Words = append(t.Words,
				Word{Line: n, Code: uint32(v), Comment: strings.TrimSpace(comment)})
			if tempReg.MatchString(normalize(comment)) {
				bad(n, "%q uses x27, the assembler's temporary register", comment)
			}
		}
	}
	return texts, problems, s.Err()
}

var (
	tempReg = regexp.MustCompile(`\b[xw]27\b`)
	number  = regexp.MustCompile(`-?\b(?:0x[0-9a-f]+|\d+\.\d+(?:e[-+]?\d+)?|\d+)\b`)
)

// normalize brings the text of an instruction into one form: lower case, no needless spaces, plain
// decimal numbers.
func normalize(s string) string {
	s, _, _ = strings.Cut(s, ";")
	s = strings.Join(strings.Fields(strings.ToLower(s)), " ")
	for _, c := range []string{",", "[", "]", "{", "}"} {
		s = strings.ReplaceAll(strings.ReplaceAll(s, " "+c, c), c+" ", c)
	}
	s = strings.Replace(s, "{", " {", 1) // ld1 { v0.4s }
	s = strings.Join(strings.Fields(s), " ")
	return number.ReplaceAllStringFunc(s, func(n string) string {
		if v, err := strconv.ParseInt(n, 0, 64); err == nil {
			return strconv.FormatInt(v, 10)
		}
		if v, err := strconv.ParseFloat(n, 64); err == nil {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
		return n
	})
}

// Disassemble decodes the named functions of package pkg in an ELF binary, in the order of the
// names. Functions that are not in the binary are left out. On arm64, instructions beyond ARMv8.0-A
// are "<unknown>".
func Disassemble(tools Tools, binary, pkg string, names []string) ([]Func, error) {
	f, err := elf.Open(binary)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			have[s.Name] = true
		}
	}
	var want []string // symbols
	for _, n := range names {
		// if the suffixed name exists, the plain one is a wrapper of the compiler's
		if s := pkg + "." + n; have[s+".abi0"] {
			want = append(want, s+".abi0")
		} else if have[s] {
			want = append(want, s)
		}
	}
	if len(want) == 0 {
		return nil, nil
	}
	args := []string{"-d", "--disassemble-symbols=" + strings.Join(want, ",")}
	if f.Machine == elf.EM_AARCH64 {
		args = append(args, "--mattr=+v8a")
	}
	var stderr bytes.Buffer
	cmd := exec.Command(tools.Objdump, append(args, binary)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", tools.Objdump, err, stderr.String())
	}
	got, err := parseObjdump(out, f.Machine == elf.EM_AARCH64)
	if err != nil {
		return nil, err
	}
	var funcs []Func
	for _, s := range want {
		code, ok := got[s]
		if !ok {
			return nil, fmt.Errorf("%s printed nothing for %s", tools.Objdump, s)
		}
		funcs = append(funcs,
			Func{Name: strings.TrimSuffix(strings.TrimPrefix(s, pkg+"."), ".abi0"), Code: code})
	}
	return funcs, nil
}

var (
	symbolLine = regexp.MustCompile(`^[0-9a-f]+ <(.*)>:$`)
	instLine   = regexp.MustCompile(`^\s*([0-9a-f]+):\s([0-9a-f]{8}|[0-9a-f]{2}(?: [0-9a-f]{2})*) *\t(.*)$`)
)

func parseObjdump(out []byte, words bool) (map[string][]Inst, error) {
	got := map[string][]Inst{}
	symbol := ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, "\n")
		if m := symbolLine.FindStringSubmatch(line); m != nil {
			symbol = m[1]
			continue
		}
		m := instLine.FindStringSubmatch(line)
		if m == nil || symbol == "" {
			continue // headers, and "..." for padding
		}
		addr, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			return nil, err
		}
		var raw []byte
		for _, b := range strings.Fields(m[2]) {
			for ; b != ""; b = b[2:] {
				v, err := strconv.ParseUint(b[:2], 16, 8)
				if err != nil {
					return nil, err
				}
				raw = append(raw, byte(v))
			}
		}
		if words { // printed as a number; memory is little-endian
			slices.Reverse(raw)
		}
		text := m[3]
		for _, c := range []string{" //", "\t//", " # ", "\t# "} { // the disassembler's remarks
			text, _, _ = strings.Cut(text, c)
		}
		text = strings.Join(strings.Fields(text), " ")
		got[symbol] = append(got[symbol], Inst{Addr: addr, Raw: raw, Text: text})
	}
	for s, code := range got { // padding between functions
		n := len(code)
		for n > 0 && (code[n-1].Text == "int3" || code[n-1].Text == "udf #0x0" ||
			code[n-1].Text == "nop") {
			n--
		}
		got[s] = code[:n]
	}
	return got, nil
}

// Suffix returns the ISA at the end of a function's name, or "".
func Suffix(name string) string {
	for _, s := range []string{"AVX2", "AVX512", "NEON"} {
		if strings.HasSuffix(name, s) {
			return s
		}
	}
	return ""
}

// features of the tiers, as internal/isa requires them
var features = map[string]string{
	"AVX2":   "+avx2+fma+bmi2",
	"AVX512": "+avx2+fma+bmi2+avx512f+avx512dq+avx512bw+avx512vl",
}

// Check returns the problems of the functions of the texts, one line each.
func Check(tools Tools, texts []Text, funcs []Func) ([]string, error) {
	var problems []string
	byName := map[string]Func{}
	for _, f := range funcs {
		byName[f.Name] = f
	}
	isas := map[string][]Func{}
	for _, t := range texts {
		if !t.NoSplit && !t.Frame {
			problems = append(problems, t.Name+": not NOSPLIT")
		}
		isa := Suffix(t.Name)
		f, ok := byName[t.Name]
		switch {
		case isa == "":
			problems = append(problems, t.Name+": the name does not end in AVX2, AVX512 or NEON")
			continue
		case !ok:
			problems = append(problems, t.Name+": not in the binary: nothing calls it")
			continue
		case isa == "NEON":
			problems = append(problems, checkARM64(f, t.Frame)...)
			problems = append(problems, checkWords(t, f)...)
		default:
			problems = append(problems, checkAMD64(f, isa, t.Frame)...)
			isas[isa] = append(isas[isa], f)
		}
	}
	for isa, funcs := range isas {
		more, err := checkFeatures(tools, isa, funcs)
		if err != nil {
			return nil, err
		}
		problems = append(problems, more...)
	}
	return problems, nil
}

// complaints collects the problems of one function.
type complaints struct {
	name string
	list []string
}

func (c *complaints) add(in Inst, why string) {
	c.list = append(c.list, fmt.Sprintf("%s: %#x %q: %s", c.name, in.Addr, in.Text, why))
}

var (
	memory    = regexp.MustCompile(`\([^)]*\)`)
	regR15    = regexp.MustCompile(`%r15[dwb]?\b`)
	regBP     = regexp.MustCompile(`%([re]?bp|bpl)\b`)
	regSP     = regexp.MustCompile(`%([re]?sp|spl)\b`)
	regXMM    = regexp.MustCompile(`%[xyz]mm\d`)
	regOld    = regexp.MustCompile(`%(mm\d|st\b)`)
	regEVEX   = regexp.MustCompile(`%(zmm|k\d|[xy]mm(1[6-9]|2\d|3[01])\b)`)
	jumpX86   = regexp.MustCompile(`^(j\w+|loop\w*) (0x[0-9a-f]+)\b`)
	branchARM = regexp.MustCompile(`^(b|b\.\w+|cbn?z|tbn?z) (?:.*, )?(0x[0-9a-f]+)\b`)
	reserved  = regexp.MustCompile(`\b([xw](18|28|29|30)|fp|lr)\b`)
	spAlone   = regexp.MustCompile(`\bw?sp\b`)
	spRead    = regexp.MustCompile(`^((add|sub|mov) [xw]\d+, sp\b|cmp )`)
	spMoves   = regexp.MustCompile(`\[w?sp\b[^]]*\](!|, [#x])`)
	bracket   = regexp.MustCompile(`\[[^]]*\]`)
)

// frameCode matches the code that the assembler adds to a function with a frame: the stack check
// and the frame at the start, the end of the frame before each return, and the code that grows the
// stack after the last return.
type frameCode struct{ head, epilogue, tail []*regexp.Regexp }

func patterns(list ...string) (all []*regexp.Regexp) {
	for _, p := range list {
		all = append(all, regexp.MustCompile("^"+p+"$"))
	}
	return all
}

const (
	hex      = `-?0x[0-9a-f]+`
	anywhere = hex + ` <.*>`
)

var (
	frameAMD64 = frameCode{
		head: patterns(`movq %fs:-0x8, %r\w+`, `leaq `+hex+`\(%rsp\), %r12`,
			`movq %rsp, %r12`, `subq \$`+hex+`, %r12`, `jb `+anywhere, // a large frame
			`cmpq 0x10\(%r\w+\), %r(12|sp)`, `jbe `+anywhere,
			`pushq %rbp`, `movq %rsp, %rbp`, `(sub|add)q \$`+hex+`, %rsp`),
		epilogue: patterns(`(sub|add)q \$`+hex+`, %rsp`, `popq %rbp`),
		tail:     patterns(`callq `+hex+` <runtime\.morestack.*>`, `jmp `+anywhere),
	}
	frameARM64 = frameCode{
		head: patterns(`ldr x16, \[x28, #0x10\]`,
			`mov x27, #`+hex, `subs x17, sp, x27`, `b\.lo `+anywhere, // a large frame
			`sub x17, sp, #`+hex, `cmp (x17|sp), x16`, `b\.ls `+anywhere,
			`mov x27, #`+hex, `sub x20, sp, x27`, // a large frame
			`sub x20, sp, #`+hex, `stp x29, x30, \[x20, #-0x8\]`, `mov sp, x20`,
			`str x30, \[sp, #`+hex+`\]!`, `stur x29, \[sp, #-0x8\]`, `sub x29, sp, #0x8`),
		epilogue: patterns(`mov x27, #`+hex, `add x29, sp, x27`, `mov x27, #`+hex,
			`add sp, sp, x27`, // a large frame
			`add x29, sp, #`+hex, `ldur x29, \[sp, #-0x8\]`,
			`ldr x30, \[sp\], #`+hex, `add sp, sp, #`+hex),
		tail: patterns(`mov x3, x30`, `bl `+hex+` <runtime\.morestack.*>`, `b `+anywhere),
	}
)

// find marks the instructions of the frame, and returns the number of instructions without those
// that grow the stack.
func (p *frameCode) find(code []Inst, ret string) (mark []bool, end int) {
	mark, end = make([]bool, len(code)), len(code)
	i := 0
	for _, r := range p.head { // each of them may be missing
		if i < len(code) && r.MatchString(code[i].Text) {
			mark[i] = true
			i++
		}
	}
	for j := range code {
		if code[j].Text != ret {
			continue
		}
		at := j - 1
		for k := len(p.epilogue) - 1; k >= 0 && at >= i; k-- {
			if p.epilogue[k].MatchString(code[at].Text) {
				mark[at] = true
				at--
			}
		}
	}
	n := len(code) - len(p.tail)
	for k, r := range p.tail {
		if n < 1 || !r.MatchString(code[n+k].Text) {
			return mark, end
		}
	}
	for k := n; k < len(code); k++ {
		mark[k] = true
	}
	return mark, n
}

func checkAMD64(f Func, isa string, hasFrame bool) []string {
	c := complaints{name: f.Name}
	code := f.Code
	inside := targets(code)
	frame, end := make([]bool, len(code)), len(code)
	if hasFrame {
		frame, end = frameAMD64.find(code, "retq")
	}
	for i, in := range code {
		if in.Text != "retq" {
			continue
		}
		for i--; i >= 0 && frame[i]; i-- {
		}
		if i < 0 || code[i].Text != "vzeroupper" {
			c.add(in, "no VZEROUPPER before it")
		}
	}
	for i, in := range code {
		mnemonic, operands, _ := strings.Cut(in.Text, " ")
		direct := memory.ReplaceAllString(operands, "")
		switch {
		case strings.HasPrefix(mnemonic, "call") && !frame[i]:
			c.add(in, "a call")
		case jumpX86.MatchString(in.Text):
			if !inside[jumpX86.FindStringSubmatch(in.Text)[2]] {
				c.add(in, "a jump out of the function")
			}
		case strings.HasPrefix(mnemonic, "j"):
			c.add(in, "an indirect jump")
		}
		if frame[i] {
			continue
		}
		if regR15.MatchString(operands) {
			c.add(in, "R15 is reserved")
		}
		if regBP.MatchString(operands) {
			c.add(in, "BP is reserved")
		}
		if regSP.MatchString(direct) || mnemonic == "pushq" || mnemonic == "popq" {
			c.add(in, "SP may only be the base of an address")
		}
		if regOld.MatchString(operands) || mnemonic == "emms" ||
			(mnemonic[0] == 'f' && mnemonic != "fs") {
			c.add(in, "an x87 or MMX instruction")
		}
		if regXMM.MatchString(operands) && mnemonic[0] != 'v' && mnemonic[0] != 'k' {
			c.add(in, "a legacy SSE instruction among AVX")
		}
		if strings.HasSuffix(mnemonic, "ldmxcsr") || mnemonic == "fldcw" {
			c.add(in, "changes the rounding mode or the flags of every goroutine on this thread")
		}
		if isa == "AVX2" && (regEVEX.MatchString(operands) || evex(in.Raw)) {
			c.add(in, "an AVX-512 instruction in an AVX2 function")
		}
	}
	c.end(code[:end], "retq", "jmp")
	return c.list
}

// evex reports whether the encoding has the EVEX prefix. In 64-bit mode the byte 0x62 has no other
// use. Only segment and address size prefixes may stand before it.
func evex(raw []byte) bool {
	for len(raw) > 0 && slices.Contains([]byte{0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67}, raw[0]) {
		raw = raw[1:]
	}
	return len(raw) > 0 && raw[0] == 0x62
}

func checkARM64(f Func, hasFrame bool) []string {
	c := complaints{name: f.Name}
	inside := targets(f.Code)
	frame, end := make([]bool, len(f.Code)), len(f.Code)
	if hasFrame {
		frame, end = frameARM64.find(f.Code, "ret")
	}
	for i, in := range f.Code {
		if frame[i] {
			continue
		}
		mnemonic, operands, _ := strings.Cut(in.Text, " ")
		switch {
		case mnemonic == "<unknown>":
			c.add(in, fmt.Sprintf("% x is not an ARMv8.0-A instruction", in.Raw))
			continue
		case mnemonic == "bl" || mnemonic == "blr":
			c.add(in, "a call")
		case mnemonic == "br":
			c.add(in, "an indirect jump")
		case mnemonic == "msr":
			c.add(in, "changes the state of the thread")
		case branchARM.MatchString(in.Text) && !inside[branchARM.FindStringSubmatch(in.Text)[2]]:
			c.add(in, "a jump out of the function")
		}
		operands, _, _ = strings.Cut(operands, "<") // the symbol of an address
		if r := reserved.FindString(operands); r != "" {
			c.add(in, r+" is reserved")
		}
		if spAlone.MatchString(bracket.ReplaceAllString(operands, "")) &&
			!spRead.MatchString(in.Text) || spMoves.MatchString(operands) {
			c.add(in, "SP may only be the base of an address")
		}
	}
	c.end(f.Code[:end], "ret", "b")
	return c.list
}

// targets returns the set of addresses of the code, as the disassembler writes them.
func targets(code []Inst) map[string]bool {
	set := map[string]bool{}
	for _, in := range code {
		set[fmt.Sprintf("%#x", in.Addr)] = true
	}
	return set
}

// end checks that control does not fall through the end of the function.
func (c *complaints) end(code []Inst, last ...string) {
	if len(code) == 0 {
		c.list = append(c.list, c.name+": empty")
		return
	}
	in := code[len(code)-1]
	if m, _, _ := strings.Cut(in.Text, " "); !slices.Contains(last, m) {
		c.add(in, "the function does not end here")
	}
}

// checkWords compares each WORD with what its encoding decodes to.
func checkWords(t Text, f Func) []string {
	var problems []string
	decoded := map[uint32]string{}
	for _, in := range f.Code {
		if len(in.Raw) == 4 {
			decoded[uint32(in.Raw[0])|uint32(in.Raw[1])<<8|uint32(in.Raw[2])<<16|uint32(in.Raw[3])<<24] = in.Text
		}
	}
	for _, w := range t.Words {
		text, ok := decoded[w.Code]
		switch {
		case !ok:
			problems = append(problems,
				fmt.Sprintf("%s: line %d: WORD $%#08x is not in the binary, which was made from another source",
					t.Name, w.Line, w.Code))
		case normalize(text) != normalize(w.Comment):
			problems = append(problems,
				fmt.Sprintf("%s: line %d: WORD $%#08x is %q, the comment says %q", t.Name, w.Line,
					w.Code, text, w.Comment))
		}
	}
	return problems
}

var asError = regexp.MustCompile(`(?m)^[^:\n]+:(\d+): Error: (.*)$`)

// checkFeatures assembles each instruction again for a CPU that has only the ISA.
func checkFeatures(tools Tools, isa string, funcs []Func) ([]string, error) {
	type place struct {
		name string
		in   Inst
	}
	seen := map[string]bool{}
	var lines []place
	var source strings.Builder
	for _, f := range funcs {
		for _, in := range f.Code {
			if seen[in.Text] || strings.HasPrefix(in.Text, "j") ||
				strings.HasPrefix(in.Text, "call") {
				continue
			}
			seen[in.Text] = true
			lines = append(lines, place{f.Name, in})
			source.WriteString(in.Text + "\n")
		}
	}
	dir, err := os.MkdirTemp("", "asmcheck")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(tools.As, "--64", "-march=generic64"+features[isa], "-o",
		filepath.Join(dir, "out.o"), "-")
	cmd.Stdin = strings.NewReader(source.String())
	out, err := cmd.CombinedOutput()
	var problems []string
	for _, m := range asError.FindAllSubmatch(out, -1) {
		n, err := strconv.Atoi(string(m[1]))
		if err != nil || n < 1 || n > len(lines) {
			return nil, fmt.Errorf("%s: %s", tools.As, m[0])
		}
		p := complaints{name: lines[n-1].name}
		why, _, _ := strings.Cut(string(m[2]), " on `generic64")
		p.add(lines[n-1].in, fmt.Sprintf("not of %s: %s", isa, why))
		problems = append(problems, p.list...)
	}
	if err != nil && len(problems) == 0 {
		return nil, fmt.Errorf("%s: %w: %s", tools.As, err, out)
	}
	return problems, nil
}
