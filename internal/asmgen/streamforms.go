package asmgen

import (
	"bytes"
	"fmt"
	"go/format"
	"slices"
)

// streamForms writes the Go file of a test: the list of the primitives with a form that stores past
// the caches. The tests that go over it then cannot miss one.
func streamForms(kernels []Kernel) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(generated + "package kernels\n\n")
	out.WriteString("// streamForms lists the primitives that have a form which stores past the caches.\n")
	out.WriteString("func streamForms[T Float]() []streamForm[T] {\n\treturn []streamForm[T]{\n")
	for _, kn := range kernels {
		if !kn.Stream {
			continue
		}
		args, err := kn.operands()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "{%q,\n", kn.Plain)
		for _, name := range []string{kn.Plain, kn.Name} {
			fmt.Fprintf(&out, "func(c *streamCall[T]) {\n%s\n},\n", fill("", name+"(", args, ")"))
		}
		out.WriteString("},\n")
	}
	out.WriteString("}\n}\n")
	src, err := format.Source(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("list of the primitives that stream: %w\n%s", err, out.Bytes())
	}
	return src, nil
}

// operands names the fields of a test's streamCall that are kn's arguments.
func (kn Kernel) operands() (args []string, err error) {
	var written []string
	for _, a := range kn.Shape.accesses(kn) {
		if a.write {
			written = append(written, a.slice)
		}
	}
	ins, outs := 0, 0
	for _, p := range splitParams(kn.Params) {
		switch out := slices.Contains(written, p.name); {
		case p.typ == "[]T" && out:
			args = append(args, fmt.Sprintf("c.out[%d]", outs))
			outs++
		case p.typ == "[]T":
			args = append(args, fmt.Sprintf("c.in[%d]", ins))
			ins++
		case p.typ == "[]uint64" && out:
			args = append(args, "c.maskOut")
		case p.typ == "[]uint64":
			args = append(args, "c.maskIn")
		case p.typ == "T":
			args = append(args, "c.scalar")
		default:
			return nil, fmt.Errorf("%s: a test knows no operand for the parameter %s %s of a kernel "+
				"that streams", kn.Name, p.name, p.typ)
		}
	}
	return args, nil
}
