package asmgen

import (
	"bytes"
	"cmp"
	"fmt"
)

// An access is the part of one slice that a primitive reads or writes. The race detector does not
// see assembly, so the primitives report their accesses.
type access struct {
	slice string
	write bool
	// length is the number of elements; if empty, the whole slice. It is a Go expression, as are
	// rows and stride.
	length string
	// rows, unless empty, is the number of rows. Each has cols elements, unless it names another
	// number, and they start stride apart.
	rows, cols, stride string
	// colstride, unless empty, is the distance between the elements of a row.
	colstride string
}

// reads and writes of whole slices.
func reads(slices ...string) []access  { return accesses(false, "", slices) }
func writes(slices ...string) []access { return accesses(true, "", slices) }

func accesses(write bool, length string, slices []string) (as []access) {
	for _, s := range slices {
		as = append(as, access{slice: s, write: write, length: length})
	}
	return as
}

// matrices are accesses to rows of cols elements.
func (kn Kernel) matrices(write bool, rows string, names []string) (as []access) {
	for _, name := range names {
		as = append(as, access{slice: name, write: write, rows: rows, stride: kn.strideOf(name)})
	}
	return as
}

// strideOf names the stride parameter of a matrix.
func (kn Kernel) strideOf(matrix string) string {
	for _, n := range strideNames(matrix) {
		for _, p := range splitParams(kn.Params) {
			if p.name == n {
				return n
			}
		}
	}
	panic("asmgen: " + kn.Name + " has no stride for " + matrix)
}

func (s Map) accesses(Kernel) []access { return append(reads(s.In...), writes(s.Out...)...) }

func (s Rows) accesses(kn Kernel) []access {
	out, rows := []string(nil), ""
	switch s.Reduce {
	case Sum:
		out, rows = []string{"sum"}, "len(sum)"
	case Max:
		out, rows = []string{"m"}, "len(m)"
	case None:
		rows = "len(" + s.Row[0] + ")"
	}
	as := append(kn.matrices(false, rows, s.In), reads(s.Row...)...)
	if s.Skip {
		as = append(as, reads("skip")...)
	}
	return append(append(as, kn.matrices(true, rows, s.Out)...), writes(out...)...)
}

func (s Columns) accesses(kn Kernel) []access {
	as := append(kn.matrices(false, "rows", []string{"x"}), accesses(false, "rows", s.Row)...)
	if s.Label {
		as = append(as, accesses(false, "rows", []string{"label"})...)
	}
	if s.Dst {
		as = append(as, kn.matrices(true, "rows", []string{"dst"})...)
	}
	as = append(as, accesses(true, "rows", s.PerRow)...)
	if s.Sum != "" {
		as = append(as, accesses(true, "rows", []string{s.Sum})...)
	}
	return as
}

func (MaskOut) accesses(Kernel) []access {
	as := append(reads("x"), writes("dst")...)
	return append(as, accesses(true, "MaskLen(len(x))", []string{"mask"})...)
}

func (MaskIn) accesses(Kernel) []access {
	as := append(reads("dy"), accesses(false, "MaskLen(len(dy))", []string{"mask"})...)
	return append(as, writes("dx")...)
}

func (Find) accesses(kn Kernel) []access {
	as := append(kn.matrices(false, "len(index)", []string{"x"}), reads("m")...)
	return append(as, writes("index")...)
}

func (MatMul) accesses(Kernel) []access {
	return []access{
		{slice: "start", rows: "rows", stride: "startstride"},
		{slice: "a", rows: "rows", cols: "k", stride: "arow", colstride: "acol"},
		{slice: "b", rows: "k", stride: "bstride"},
		{slice: "dst", write: true, rows: "rows", stride: "dststride"},
	}
}

func (Transpose) accesses(Kernel) []access {
	return []access{
		{slice: "src", rows: "rows", stride: "srcstride"},
		{slice: "dst", write: true, rows: "cols", cols: "rows", stride: "dststride"},
	}
}

// report writes the code that reports a primitive's accesses to the race detector. Without the
// detector it compiles to nothing.
func (kn Kernel) report(out *bytes.Buffer) {
	out.WriteString("if raceEnabled {\n")
	for _, a := range kn.Shape.accesses(kn) {
		what, how := fmt.Sprintf("%q", kn.Name+" "+a.slice), "raceRead"
		if a.write {
			how = "raceWrite"
		}
		switch {
		case a.colstride != "":
			fmt.Fprintf(out, "raceMatrix(%s, %s, %s, %s, %s, %s, %s)\n",
				what, how, a.slice, a.rows, a.cols, a.stride, a.colstride)
		case a.rows != "":
			fmt.Fprintf(out, "raceRows(%s, %s, %s, %s, %s, %s)\n",
				what, how, a.slice, a.rows, cmp.Or(a.cols, "cols"), a.stride)
		case a.length != "":
			fmt.Fprintf(out, "raceSlice(%s, %s, %s[:%s])\n", what, how, a.slice, a.length)
		default:
			fmt.Fprintf(out, "raceSlice(%s, %s, %s)\n", what, how, a.slice)
		}
	}
	out.WriteString("}\n")
}
