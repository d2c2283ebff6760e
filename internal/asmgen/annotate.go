package asmgen

import (
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"strings"
)

// Comments in the assembly say how much a loop takes at a time, and which function of a page an
// operation comes from. The first code for one vector, whole or partial, has the operations in the
// page's order, and a comment says where each group of them comes from. The code that follows
// repeats them without comments, in a mixed order where it handles several vectors.

// notes are the comments of labels, by shape and stem.
var notes = map[string]map[string]string{
	"Map": {
		"drain": "The vectors under way.",
	},
	"Rows": {
		"row":      "One row.",
		"group":    "One group.",
		"blocks":   "One group, by blocks.",
		"block":    "One block.",
		"tail":     "A partial block.",
		"partial":  "One vector of the block, or a part of one.",
		"fold":     "The sum of the blocks.",
		"wide":     "Add to the sum.",
		"pending":  "Add the group before.",
		"first":    "Keep the row's sums.",
		"last":     "The end of the last sum.",
		"total":    "The end of a sum.",
		"short":    "Rows of less than a vector.",
		"askew":    "Rows that do not begin at a vector's boundary.",
		"straight": "Rows that do, and short ones.",
	},
	"Columns": {
		"read":     "Transpose a batch into a buffer.",
		"rotate":   "The buffers take turns.",
		"process":  "The exponentials of a batch.",
		"pair":     "Two columns.",
		"single":   "One column.",
		"sum":      "The tree of the sums.",
		"ready":    "End the rows.",
		"finished": "What the result needs is there.",
		"end":      "The result of a batch.",
		"finish":   "One column of the result.",
		"cols":     "Transpose some columns.",
		"last":     "The last columns.",
	},
	"MaskOut": {"loop": "64 elements.", "one": "One vector.", "part": "Partial vector."},
	"MaskIn":  {"loop": "64 elements.", "one": "One vector.", "part": "Partial vector."},
	"MatMul": {
		"loop":  "A row of b.",
		"fewer": "Fewer rows are left.",
		"store": "The sums.",
	},
	"Transpose": {
		"rows": "A vector of rows.",
		"cols": "Some of their columns.",
		"last": "The last ones, which end the rows.",
	},
	"Find": {
		"row":   "One row.",
		"loop":  "One vector.",
		"part":  "Partial vector.",
		"found": "The first that is equal.",
	},
}

// annotate sets the comments of the labels of a shape.
func (w *writer) annotate(s Shape) {
	w.notes = maps.Clone(notes[strings.TrimPrefix(fmt.Sprintf("%T", s), "asmgen.")])
}

// counts spells the numbers of vectors that a loop may take.
var counts = [...]string{"No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight"}

// describe sets the comment of the next labels with a stem: a loop over n vectors.
func (w *writer) describe(stem string, n int, how string) {
	if w.notes == nil {
		w.notes = map[string]string{}
	}
	vectors := " vectors"
	if n == 1 {
		vectors = " vector"
	}
	w.notes[stem] = counts[n] + vectors + how + "."
}

// note writes a comment among instructions.
func (w *writer) note(text string) {
	if text != "" {
		w.sb.WriteString("\t// " + text + "\n")
	}
}

// label writes a label, with the comment of its stem above it.
func (w *writer) label(l string) {
	w.lines++
	w.sb.WriteByte('\n')
	if note := w.notes[strings.TrimRight(l, "0123456789")]; note != "" {
		w.sb.WriteString("// " + note + "\n")
	}
	w.sb.WriteString(l + ":\n")
}

// traced returns the comments that say where operations come from, one per operation. They are all
// empty for a sequence of several vectors, and for one whose comments were written before.
func (k *kernelState) traced(ops []op) []string {
	list := make([]string, len(ops))
	last := ""
	for i, o := range ops {
		if o.lane != ops[0].lane {
			return make([]string, len(ops))
		}
		if o.from != "" && o.from != last {
			list[i], last = o.from, o.from
		}
	}
	whole := strings.Join(list, "\n")
	if k.w.traced[whole] {
		return make([]string, len(ops))
	}
	if k.w.traced == nil {
		k.w.traced = map[string]bool{}
	}
	k.w.traced[whole] = true
	return list
}

// pageFunction returns the page that called a method of Builder, and the function in it: "exp.go:
// horner".
func pageFunction() string {
	f, ok := pageFrame()
	if !ok {
		return ""
	}
	page := filepath.Base(f.File)
	name := f.Function[strings.LastIndex(f.Function, ".")+1:]
	closure := strings.Contains(f.Function, ".func") || strings.Trim(name, "0123456789") == ""
	if closure || strings.HasPrefix(name, "init") { // a kernel's body
		return page
	}
	return page + ": " + name
}

// pageFrame returns the caller of a method of Builder. ok reports whether that is a page, not the
// engine itself.
func pageFrame() (f runtime.Frame, ok bool) {
	const engine = "kernels/internal/asmgen."
	var pcs [8]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for more := true; more; {
		f, more = frames.Next()
		if !strings.HasPrefix(f.Function, engine+"(*Builder).") && !strings.HasSuffix(f.Function,
			").tableIndex") {
			inside := strings.HasPrefix(f.Function, engine)
			return f, !inside || strings.HasSuffix(f.File, "_test.go")
		}
	}
	return f, false
}
