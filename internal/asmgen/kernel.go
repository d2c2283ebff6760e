package asmgen

import (
	"strings"
)

// A Kernel is one primitive of the package.
type Kernel struct {
	// Page is the file of package pages with the kernel, without its extension. Errors name it.
	Page string
	// Name without the type and instruction-set suffixes, as the package's drivers call it.
	Name string
	// Params is the Go parameter list, with T for the element type: "dst, x []T".
	Params string
	// Loop is the Go loop that the kernel performs: the doc comment of the primitive. T stands for
	// the element type.
	Loop string
	// Shape is the loop around the body.
	Shape Shape
	// Types lists the types the kernel exists for; both if empty.
	Types []Type
	// Stream makes the main loop store past the caches on x86. The outputs must be aligned to 64
	// bytes. On ARM the primitive calls the kernel named Plain instead.
	Stream bool
	Plain  string
	// Streams asks for a second kernel with Stream set, and with Stream at the end of its name.
	Streams bool
}

// A Shape is a loop over elements or rows.
type Shape interface {
	emit(k *kernelState)
	check(c *checker)
	accesses(kn Kernel) []access
}

// param is one parameter of a stub.
type param struct {
	name, typ string
	off       int
}

func (p param) slice() bool { return strings.HasPrefix(p.typ, "[]") }

// splitParams gives every parameter its type.
func splitParams(list string) (ps []param) {
	var pending []param
	for f := range strings.SplitSeq(list, ",") {
		name, typ, typed := strings.Cut(strings.TrimSpace(f), " ")
		pending = append(pending, param{name: name})
		if typed {
			for _, p := range pending {
				p.typ = typ
				ps = append(ps, p)
			}
			pending = nil
		}
	}
	return ps
}

// parseParams lays the parameters out as Go's ABI0 does and returns the size of the argument frame.
func parseParams(list string, t Type) (ps []param, size int) {
	ps = splitParams(list)
	for i := range ps {
		switch ps[i].typ {
		case "[]T":
			ps[i].typ = "[]" + t.Go()
		case "T":
			ps[i].typ = t.Go()
		}
		n, align := 8, 8
		switch {
		case ps[i].slice():
			n = 24
		case ps[i].typ == "float32":
			n, align = 4, 4
		case ps[i].typ == "bool":
			n, align = 1, 1
		}
		size = (size + align - 1) / align * align
		ps[i].off = size
		size += n
	}
	return ps, size
}

// tables of lane masks
type tableKind int

const (
	tailTable tableKind = iota // ones, then zeros
	skipTable                  // ones with a single zero
)

// kernelState is what is known while one kernel is written for one target and type.
type kernelState struct {
	machine
	w      *writer
	kernel Kernel
	t      Type
	target target
	params []param

	pool       *constPool
	names      map[uint64]string // of constants, without the type
	numbers    map[uint64]bool   // constants that are floating-point numbers
	tableUsed  bool              // a constant came from the page's table
	withTable  bool              // the page's table is needed: set for the emission that writes
	uses       map[uint64]int
	order      []uint64
	pinned     map[uint64]int // constants in registers
	pinLimit   int
	tables     []Table
	tableAt    []int // their first registers
	skew       int
	freeGPRs   []gpr
	nextVector int // next register to pin, from the bottom
	topVector  int // constants are pinned from the top

	// A shape is emitted until it fits, and then once more to be written. Until then its text is
	// thrown away, and the sequences whose vectors may be interleaved in several ways are
	// collected.
	writing       bool
	sequences     []placed
	short, noGPRs bool // there are too few registers
	slow          bool // a vector takes more than two turns of the pipelined loop

	tracing bool // operations know their line in the page
	frame   int  // bytes of stack
	streams []gpr
	outputs []gpr // those of the streams that a kernel stores past the caches
	skip    bool
	whole   bool // what is left for a partial vector may be a whole one
	repeat  bool
	count   gpr // elements left in the row
	scratch gpr
}

func (k *kernelState) useConst(bits uint64) {
	if k.uses[bits] == 0 {
		k.order = append(k.order, bits)
	}
	k.uses[bits]++
}

func (k *kernelState) table(kind tableKind) string {
	return [...]string{"tail", "skip"}[kind] + k.t.Suffix() + "<>"
}

// setting names the target and type, as in Map.Pipeline.
func (k *kernelState) setting() string { return k.target.String() + " " + k.t.Suffix() }

func (k *kernelState) lanes() int { return k.vectorBytes() / k.t.Size() }

func (k *kernelState) param(name string) param {
	for _, p := range k.params {
		if p.name == name {
			return p
		}
	}
	panic("asmgen: " + k.kernel.Name + " has no parameter " + name)
}

// strideNames lists the names that the stride parameter of a matrix may have. The first one that
// exists is used.
func strideNames(matrix string) []string {
	return []string{matrix + "stride", matrix[:1] + "stride", "stride"}
}

func (k *kernelState) strideOf(matrix string) param { return k.param(k.kernel.strideOf(matrix)) }

func (k *kernelState) gpr() gpr {
	if len(k.freeGPRs) == 0 {
		k.noGPRs = true
		return ""
	}
	r := k.freeGPRs[0]
	k.freeGPRs = k.freeGPRs[1:]
	return r
}

// base loads the address of a slice into a new register.
func (k *kernelState) base(name string) gpr {
	r := k.gpr()
	k.loadArg(r, name+"_base", k.param(name).off)
	return r
}

func (k *kernelState) length(name string) gpr {
	r := k.gpr()
	k.loadArg(r, name+"_len", k.param(name).off+8)
	return r
}

func stubName(kn Kernel, t Type, tg target) string { return kn.Name + t.Suffix() + tg.String() }

// paramList is the Go text of the parameters, neighbours of one type joined.
func paramList(ps []param) string {
	var sb strings.Builder
	for i, p := range ps {
		if i > 0 {
			sb.WriteString(", ")
		}
		sb.WriteString(p.name)
		if i == len(ps)-1 || ps[i+1].typ != p.typ {
			sb.WriteString(" " + p.typ)
		}
	}
	return sb.String()
}
