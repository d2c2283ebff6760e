package asmgen

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestReport checks that a primitive reports to the race detector what its shape reads and writes:
// rows without the gaps between them, one element per row, whole slices, and no more of a mask than
// there are elements.
func TestReport(t *testing.T) {
	for _, tt := range []struct {
		params string
		shape  Shape
		want   string
	}{
		{"dst, x, y []T, s T", Map{Out: []string{"dst"}, In: []string{"x", "y"}, Scalars: []string{"s"}}, `
			raceSlice("k x", raceRead, x)
			raceSlice("k y", raceRead, y)
			raceSlice("k dst", raceWrite, dst)`},
		{"sum []float64, w, x, m []T, skip []int, cols, wstride, xstride int, scale T, narrow bool",
			Rows{Out: []string{"w"}, In: []string{"x"}, Row: []string{"m"},
				Scalars: []string{"scale"}, Reduce: Sum, Skip: true}, `
			raceRows("k x", raceRead, x, len(sum), cols, xstride)
			raceSlice("k m", raceRead, m)
			raceSlice("k skip", raceRead, skip)
			raceRows("k w", raceWrite, w, len(sum), cols, wstride)
			raceSlice("k sum", raceWrite, sum)`},
		{"m, x []T, cols, stride int", Rows{In: []string{"x"}, Reduce: Max}, `
			raceRows("k x", raceRead, x, len(m), cols, stride)
			raceSlice("k m", raceWrite, m)`},
		{"dst, x, q []T, cols, dstride, xstride int",
			Rows{Out: []string{"dst"}, In: []string{"x"}, Row: []string{"q"}}, `
			raceRows("k x", raceRead, x, len(q), cols, xstride)
			raceSlice("k q", raceRead, q)
			raceRows("k dst", raceWrite, dst, len(q), cols, dstride)`},
		{"dst, m, x []T, label []int, f []T, s []float64, rows, cols, half, dststride, xstride int",
			Columns{Dst: true, Label: true, Row: []string{"f"}, PerRow: []string{"m"}, Sum: "s"}, `
			raceRows("k x", raceRead, x, rows, cols, xstride)
			raceSlice("k f", raceRead, f[:rows])
			raceSlice("k label", raceRead, label[:rows])
			raceRows("k dst", raceWrite, dst, rows, cols, dststride)
			raceSlice("k m", raceWrite, m[:rows])
			raceSlice("k s", raceWrite, s[:rows])`},
		{"dst, x []T, mask []uint64", MaskOut{}, `
			raceSlice("k x", raceRead, x)
			raceSlice("k dst", raceWrite, dst)
			raceSlice("k mask", raceWrite, mask[:MaskLen(len(x))])`},
		{"dx, dy []T, mask []uint64", MaskIn{}, `
			raceSlice("k dy", raceRead, dy)
			raceSlice("k mask", raceRead, mask[:MaskLen(len(dy))])
			raceSlice("k dx", raceWrite, dx)`},
		{"index []int, x, m []T, cols, xstride int", Find{}, `
			raceRows("k x", raceRead, x, len(index), cols, xstride)
			raceSlice("k m", raceRead, m)
			raceSlice("k index", raceWrite, index)`},
	} {
		var out bytes.Buffer
		Kernel{Name: "k", Params: tt.params, Shape: tt.shape}.report(&out)
		want := "if raceEnabled {" + strings.ReplaceAll(tt.want, "\t", "") + "\n}\n"
		assert.Equal(t, want, out.String())
	}
}
