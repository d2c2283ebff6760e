package kernels_test

import (
	"testing"

	"kernels/internal/fpflags"
	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// TestFlagsOfFunctions is TestFlags for the public functions: invalid, divide-by-zero and overflow are
// not raised where inputs and results are ordinary numbers.
func TestFlagsOfFunctions(t *testing.T) {
	if !fpflags.Supported {
		t.Skip("the flags of this architecture cannot be read")
	}
	kinds := []kt.Kind{kt.Normal, kt.Shifted, kt.Wide1000, kt.Huge, kt.Zeros, kt.Unit, kt.OneHot, kt.Ties, kt.Wide80, kt.Wide300, kt.Constant, kt.OneLarger}
	forEachRoutine(t, func(t *testing.T, k kt.Routine, chunk, most int) {
		if k.Inner {
			return
		}
		shapes := []kt.Shape{{Rows: 5, Cols: 63}, {Rows: 3, Cols: 100}, {Rows: 2, Cols: 1000}, {Rows: 1, Cols: chunk + 1}}
		for cols := 1; cols <= 40; cols++ {
			for _, rows := range []int{1, 2, 3, 8, 9, 17} {
				if !k.Rows {
					rows = 1
				}
				shapes = append(shapes, kt.Shape{Rows: rows, Cols: cols})
			}
		}
		for i, s := range shapes {
			if kt.Thinned(k.Name, i) {
				continue
			}
			c := k.Case(s, kinds[i%len(kinds)], uint64(i), k.Shares[0])
			want, err := c.Expect()
			if err != nil || !finite(want, c) {
				continue
			}
			for _, name := range isa.Available() {
				p := kt.Memory{Off: i % 16}.Place(c)
				var f fpflags.Flags
				kt.With(name, func() { f = fpflags.Raised(func() { err = p.Run(p.Mem) }) })
				if f != 0 {
					t.Fatalf("%s %s, %d rows of %d, inputs %v: %v", name, k.Name, s.Rows, s.Cols, kinds[i%len(kinds)], f)
				}
			}
		}
	})
}

// finite reports whether all that a call has read and written are numbers.
func finite(mem []kt.Array, c *kt.Case) bool {
	for i := range c.Args {
		if !mem[i].Finite() {
			return false
		}
	}
	return true
}
