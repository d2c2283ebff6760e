package asmgen

import (
	"bytes"
	"fmt"
	"go/format"
	"slices"
	"strings"
)

const primitives = `
// The primitives: every loop over elements, and every reduction, is one of these. The drivers of
// the public functions check, cut the work into parts and call them. Each calls the float32 or the
// float64 form for the instruction set in use. The forms in pure Go (suffix Generic) are the
// specification.
//
// All of them may rely on this: slices have the right length, and are not empty in the rows forms.
// One call has at most maxBytes of elements, or, in the rows forms, at most maxRows rows of
// 1 <= cols <= maxCols columns. Row r of x starts at x[r*xstride]; the number of rows is the length
// of a slice that has one element for each row. Working in place is allowed between whole slices of
// equal stride. narrow says that the whole row, of which this may be a chunk, is one block of the
// canonical sum.
//
// The race detector sees no assembly, so each primitive tells it what it reads and writes.
`

// dispatch writes the Go file of an architecture: a function for every primitive, and the stubs of
// its assembly.
func dispatch(a arch, kernels []Kernel) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(generated)
	if a.name == "other" {
		out.WriteString("//go:build purego || (!amd64 && !arm64)\n\npackage kernels\n")
	} else {
		out.WriteString("//go:build !purego\n\npackage kernels\n\n")
		out.WriteString("import \"kernels/internal/isa\"\n")
	}
	out.WriteString(primitives)
	for _, kn := range kernels {
		primitive(&out, a, kn)
	}
	if len(a.targets) > 0 {
		out.WriteString("\n// The assembly. Each function performs the loop of its primitive.\n")
	}
	for _, kn := range kernels {
		stubs(&out, a, kn)
	}
	src, err := format.Source(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("dispatch of %s: %w\n%s", a.name, err, out.Bytes())
	}
	return src, nil
}

// primitive writes the function that the package's drivers call.
func primitive(out *bytes.Buffer, a arch, kn Kernel) {
	comment(out, kn.Name, kn.Loop)
	types, params := typesOf(kn), splitParams(kn.Params)
	head := "func " + kn.Name + "[T Float]"
	if len(types) == 1 {
		params, _ = parseParams(kn.Params, types[0])
		head = "func " + kn.Name
	}
	fmt.Fprintf(out, "%s {\n", signature(head, params))
	kn.report(out)
	if calls := a.calls(kn, params); len(calls) == 1 {
		fmt.Fprintf(out, "%s\n", calls[0].text)
	} else {
		out.WriteString("switch {\n")
		for _, c := range calls {
			fmt.Fprintf(out, "%s:\n%s\n", c.arm(), c.text)
		}
		out.WriteString("}\n")
	}
	out.WriteString("}\n")
}

// A call is one arm of a primitive's switch.
type call struct {
	when []string // conditions, all of which must hold
	text string
}

func (c call) arm() string {
	if len(c.when) == 0 {
		return "default"
	}
	return "case " + strings.Join(c.when, " && ")
}

// calls lists the functions that a primitive may call. It calls the first one whose conditions
// hold.
func (a arch) calls(kn Kernel, params []param) (calls []call) {
	types, plain := typesOf(kn), kn.Name
	if kn.Stream {
		plain = kn.Plain
	}
	for i, t := range types {
		var when []string
		if i+1 < len(types) {
			when = []string{"is32[T]()"} // folds to a constant
		}
		for _, tg := range a.targets {
			name := kn.Name
			if !kn.on(tg) {
				name = plain
			}
			conds := append(slices.Clone(when), "isa."+tg.String())
			if _, ok := kn.Shape.(Columns); ok && tg == avx512 {
				// fewer rows do not fill a vector
				conds = append(conds, fmt.Sprintf("rows >= vectorAVX512/%d", t.Size()))
			}
			calls = append(calls, call{conds, arguments(name+t.Suffix()+tg.String(), params, t)})
		}
	}
	var args []string
	for _, p := range params {
		args = append(args, p.name)
	}
	return append(calls, call{text: fill("", plain+"Generic(", args, ")")})
}

// on reports whether a kernel has assembly of its own for an instruction set.
func (kn Kernel) on(tg target) bool { return !kn.Stream || tg != neon }

// arguments is the text of a call of one form of a primitive for one type.
func arguments(name string, params []param, t Type) string {
	var args []string
	for _, p := range params {
		switch p.typ {
		case "[]T":
			args = append(args, fmt.Sprintf("f%d(%s)", 8*t.Size(), p.name))
		case "T":
			args = append(args, fmt.Sprintf("%s(%s)", t.Go(), p.name))
		default:
			args = append(args, p.name)
		}
	}
	return fill("", name+"(", args, ")")
}

// stubs declares the assembly of a kernel.
func stubs(out *bytes.Buffer, a arch, kn Kernel) {
	first := true
	for _, t := range typesOf(kn) {
		for _, tg := range a.targets {
			if !kn.on(tg) {
				continue
			}
			if first {
				fmt.Fprintf(out, "\n// See %s.\n\n", kn.Name)
				first = false
			}
			params, _ := parseParams(kn.Params, t)
			fmt.Fprintf(out, "//go:noescape\n%s\n", signature("func "+stubName(kn, t, tg), params))
		}
	}
}

// comment is the doc comment of a function that performs a loop.
func comment(out *bytes.Buffer, name, loop string) {
	fmt.Fprintf(out, "\n// %s performs\n//\n", name)
	for line := range strings.SplitSeq(strings.TrimSpace(loop), "\n") {
		fmt.Fprintf(out, "//\t%s\n", line)
	}
}

// width is the number of columns that generated Go code fills, a tab counted as four.
const width = 100

// signature is the head of a function, on more lines if it is long.
func signature(head string, params []param) string {
	var groups []string // parameters of one type
	var names []string
	for i, p := range params {
		names = append(names, p.name)
		if i == len(params)-1 || params[i+1].typ != p.typ {
			groups = append(groups, strings.Join(names, ", ")+" "+p.typ)
			names = nil
		}
	}
	return fill("\t", head+"(", groups, ")")
}

// fill writes a list between open and end: on one line or, if that is too long, on as many indented
// lines as it takes.
func fill(indent, open string, list []string, end string) string {
	if one := open + strings.Join(list, ", ") + end; len(one)+len("\t\t {")+6 <= width {
		return one
	}
	var sb strings.Builder
	sb.WriteString(open + "\n\t" + indent)
	column := 0
	for i, x := range list {
		if column > 0 && column+len(x)+1 > width-12 {
			sb.WriteString("\n\t" + indent)
			column = 0
		} else if i > 0 {
			sb.WriteString(" ")
		}
		sb.WriteString(x + ",")
		column += len(x) + 2
	}
	sb.WriteString("\n" + end)
	return sb.String()
}
