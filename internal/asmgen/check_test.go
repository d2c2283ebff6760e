package asmgen

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mapOf returns a Map from x to dst.
func mapOf(body func(b *Builder, x V) []V) Map {
	return Map{Out: []string{"dst"}, In: []string{"x"}, Unroll: 1,
		Body: func(b *Builder, in, _ []V) []V {
			return body(b, in[0])
		}}
}

// rowsOf returns Rows from x and q, one factor per row, to dst.
func rowsOf(body func(b *Builder, x, q V) ([]V, V)) Rows {
	return Rows{Out: []string{"dst"}, In: []string{"x"}, Row: []string{"q"},
		Body: func(b *Builder, in, row []V) ([]V, V) {
			return body(b, in[0], row[0])
		}}
}

const (
	mapParams     = "dst, x []T"
	rowsParams    = "dst, x, q []T, cols, dststride, xstride int"
	sumParams     = "sum []float64, x []T, cols, xstride int, narrow bool"
	columnsParams = "dst, x []T, rows, cols, half, dststride, xstride int"
)

// columnsOf returns Columns that compute x - max over its sum, after change.
func columnsOf(change func(s *Columns)) Columns {
	s := Columns{Dst: true,
		Prologue: func(_ *Builder, m V) []V { return []V{m} },
		Exp:      func(b *Builder, x V, row []V) V { return b.Sub(x, row[0]) },
		Epilogue: func(_ *Builder, _, sum, _ V, _ []V) (perRow, finish []V) { return nil, []V{sum} },
		Finish:   func(b *Builder, w V, f []V) V { return b.Div(w, f[0]) }}
	change(&s)
	return s
}

// TestRefused checks that Generate returns an error for a page that makes no sense. The error names
// page, kernel and operation, and no file is written.
func TestRefused(t *testing.T) {
	total := Rows{In: []string{"x"}, Reduce: Sum, Body: func(_ *Builder, in, _ []V) ([]V, V) {
		return nil, in[0]
	}}
	same := func(s *Columns) {}
	good := []Kernel{tiny, {Params: rowsParams, Shape: rowsOf(func(b *Builder, x, q V) ([]V, V) {
		return []V{b.Mul(x, q)}, -1
	})},
		{Params: sumParams, Shape: total}, {Params: columnsParams, Shape: columnsOf(same)}}
	for i, kn := range good {
		for _, typ := range typesOf(kn) {
			require.NoError(t, kn.check(typ), "%d", i)
		}
	}
	twice := func(b *Builder, x V) []V { return []V{b.Add(x, x)} }
	for _, tt := range []struct {
		params string
		shape  Shape
		want   string // % is the line of an operation
	}{
		// outputs
		{mapParams, mapOf(func(b *Builder, x V) []V {
			return append(twice(b, x), x)
		}), "Body returns 2 values for Out, which names 1: dst"},
		{mapParams, mapOf(func(*Builder, V) []V {
			return nil
		}), "Body returns 0 values for Out, which names 1: dst\nBody: x is never used"},
		{rowsParams, rowsOf(func(b *Builder, x, q V) ([]V, V) {
			return []V{b.Mul(x, q), q}, -1
		}), "Body returns 2 values for Out, which names 1: dst"},
		{rowsParams, rowsOf(func(b *Builder, x, q V) ([]V, V) {
			return nil, -1
		}),
			"Body returns 0 values for Out, which names 1: dst\nBody: x is never used\nBody: q is never used"},
		{rowsParams, rowsOf(func(b *Builder, x, q V) ([]V, V) {
			return []V{x}, q
		}), "Body returns a value to reduce, and there is no reduction"},
		{sumParams, Rows{In: []string{"x"}, Reduce: Sum, Body: func(_ *Builder, in, _ []V) ([]V, V) {
			return in, -1
		}},
			"Body returns 1 values for Out, which names 0: \nBody: the value to reduce is no value of this sequence"},
		{columnsParams, columnsOf(func(s *Columns) {
			s.Epilogue = func(_ *Builder, m, sum, _ V, _ []V) (perRow, finish []V) {
				return []V{m}, []V{sum}
			}
		}), "Epilogue returns 1 values for PerRow, which names 0: "},
		{columnsParams, columnsOf(func(s *Columns) {
			s.Epilogue = func(_ *Builder, m, sum, _ V, _ []V) (perRow, finish []V) {
				return nil, []V{sum, m, m, m}
			}
			s.Finish = func(b *Builder, w V, f []V) V {
				return b.FMA(w, f[0], b.FMA(f[1], f[2], f[3]))
			}
		}), "Epilogue returns 4 values for Finish, where there is room for 3"},
		{columnsParams, columnsOf(func(s *Columns) {
			s.Reciprocal = true
		}), "Reciprocal stands for an Epilogue with two values for Finish and nothing else"},
		{"dst, x []T, sum []float64, rows, cols, half, dststride, xstride int",
			columnsOf(func(s *Columns) {
				s.Sum = "sum"
				s.Epilogue = func(_ *Builder, m, _, _ V, _ []V) (perRow, finish []V) {
					return nil, []V{m}
				}
			}), "Sum needs a label, and Over, one of at most 3 inputs of Row, needs Sum"},
		{"dst, x []T, label []int, q []T, rows, cols, half, dststride, xstride int",
			columnsOf(func(s *Columns) {
				s.Label, s.Row, s.Over = true, []string{"q"}, "q"
				s.Epilogue = func(_ *Builder, m, sum, _ V, row []V) (perRow, finish []V) {
					return nil, []V{sum, row[0]}
				}
			}), "Sum needs a label, and Over, one of at most 3 inputs of Row, needs Sum"},
		{"dst, x []T, label []int, sum, q []T, rows, cols, half, dststride, xstride int",
			columnsOf(func(s *Columns) {
				s.Label, s.Sum, s.Row, s.Over = true, "sum", []string{"q"}, "q"
				s.Epilogue = func(_ *Builder, m, sum, _ V, row []V) (perRow, finish []V) {
					return nil, []V{sum, row[0]}
				}
			}), "parameter sum is []T, not []float64"},
		{columnsParams, columnsOf(func(s *Columns) {
			s.Prologue = func(_ *Builder, m V) []V { return []V{m, m, m, m} }
			s.Exp = func(b *Builder, x V, row []V) V {
				return b.FMA(b.FMA(x, row[0], row[1]), row[2], row[3])
			}
		}), "Prologue returns 4 values for Exp, where there is room for 3"},
		{"x []T, rows, cols, half, xstride int", columnsOf(func(s *Columns) {
			s.Dst = false
		}), "Epilogue returns 1 values for Finish, and there is no dst"},
		{columnsParams, columnsOf(func(s *Columns) {
			s.Finish = nil
		}), "there is no Finish for dst"},
		{"dst, x []T, label []int, rows, cols, half, dststride, xstride int",
			columnsOf(func(s *Columns) {
				s.Label = true
				s.Epilogue = func(b *Builder, _, sum, at V, _ []V) (perRow, finish []V) {
					return nil, nil
				}
			}), "Epilogue: sum is never used\nEpilogue returns nothing for the label"},
		{mapParams, Map{In: []string{"dst", "x"}, Body: func(b *Builder, in, _ []V) []V {
			return nil
		}}, "Out names nothing\nBody: dst is never used\nBody: x is never used"},

		// parameters
		{"dst []T, x []float64", mapOf(twice), "parameter x is []float64, not []T"},
		{"dst []float32, x []T", mapOf(twice), "parameter dst is []float32, not []T"},
		{"dst, x []T, s float64", Map{Out: []string{"dst"}, In: []string{"x"},
			Scalars: []string{"s"}, Body: func(b *Builder, in, s []V) []V {
				return []V{b.Mul(in[0], s[0])}
			}},
			"parameter s is float64, not T"},
		{"dst, x, s []T", Map{Out: []string{"dst"}, In: []string{"x"}, Scalars: []string{"s"},
			Body: func(b *Builder, in, s []V) []V {
				return []V{b.Mul(in[0], s[0])}
			}},
			"parameter s is []T, not T"},
		{"dst, y []T", mapOf(twice),
			"there is no parameter x []T\nparameter y []T is nothing to the shape"},
		{"dst, x []T, n int", mapOf(twice), "parameter n int is nothing to the shape"},
		{"dst, x, x []T", mapOf(twice), "parameter x is there twice"},
		{"dst, x []T, n", mapOf(twice), "the last of 3 parameters has no type"},
		{"dst, x []T, q T, cols, dststride, xstride int", good[1].Shape,
			"parameter q is T, not []T"},
		{"dst, x []T, q []float64, cols, dststride, xstride int", good[1].Shape,
			"parameter q is []float64, not []T"},
		{"dst, x, q []T, cols, dststride int, xstride T", good[1].Shape,
			"parameter xstride is T, not int"},
		{"dst, x, q []T, cols, dststride int", good[1].Shape, "there is no parameter xstride int"},
		{"sum, x []T, cols, xstride int, narrow bool", total,
			"parameter sum is []T, not []float64"},
		{"sum []float64, x []T, cols, xstride, narrow int", total,
			"parameter narrow is int, not bool"},
		{"sum []float64, x []T, xstride int, narrow bool", total, "there is no parameter cols int"},
		{"m []float64, x []T, cols, xstride int", Rows{In: []string{"x"}, Reduce: Max,
			Body: total.Body}, "parameter m is []float64, not []T"},
		{"sum []float64, x []T, skip []T, cols, xstride int, narrow bool",
			Rows{In: []string{"x"}, Reduce: Sum, Skip: true, Body: total.Body},
			"parameter skip is []T, not []int"},
		{"dst, x, q []T, skip []int, cols, dststride, xstride int", func() Rows {
			s := good[1].Shape.(Rows)
			s.Skip = true
			return s
		}(),
			"Skip leaves an element out of a sum, and there is none"},
		{"dst, x []T, cols, dststride, xstride int", Rows{Out: []string{"dst"}, In: []string{"x"},
			Body: func(_ *Builder, in, _ []V) ([]V, V) {
				return in, -1
			}},
			"Row names nothing, and nothing else tells the number of rows"},
		{"dst, x []T, label []T, rows, cols, half, dststride, xstride int",
			columnsOf(func(s *Columns) {
				s.Label = true
			}), "parameter label is []T, not []int"},
		{"dst, x []T, q T, rows, cols, half, dststride, xstride int", columnsOf(func(s *Columns) {
			s.Row = []string{"q"}
			s.Epilogue = func(b *Builder, _, sum, _ V, row []V) (perRow, finish []V) {
				return nil, []V{b.Mul(sum, row[0])}
			}
		}), "parameter q is T, not []T"},
		{"dst, x []T, mask []T", MaskOut{}, "parameter mask is []T, not []uint64"},
		{"dx []T, dy []float32, mask []uint64", MaskIn{}, "parameter dy is []float32, not []T"},
		{"index []T, x, m []T, cols, xstride int", Find{}, "parameter index is []T, not []int"},

		// unused values
		{mapParams, mapOf(func(b *Builder, x V) []V {
			b.Mul(x, x)
			return twice(b, x)
		}), "Body: Mul (check_test.go:%): its value is never used"},
		{mapParams, mapOf(func(b *Builder, x V) []V {
			b.Spill(b.Add(x, x))
			return twice(b, x)
		}), "Body: Spill (check_test.go:%): its value is never used"},
		{mapParams, mapOf(func(b *Builder, x V) []V {
			b.Less(x, b.Bits(7))
			return twice(b, x)
		}), "Body: Less (check_test.go:%): its value is never used"},
		{mapParams, mapOf(func(b *Builder, x V) []V {
			b.Bits(7)
			return twice(b, x)
		}), "Body: the constant 0x7 is never used"},
		{"dst, x, y []T", Map{Out: []string{"dst"}, In: []string{"x", "y"},
			Body: func(b *Builder, in, _ []V) []V {
				return twice(b, in[0])
			}}, "Body: y is never used"},
		{rowsParams, rowsOf(func(b *Builder, x, q V) ([]V, V) {
			return twice(b, x), -1
		}), "Body: q is never used"},
		{rowsParams, func() Rows {
			s := good[1].Shape.(Rows)
			s.Prologue = func(b *Builder, row, _ []V) []V { b.Sub(row[0], row[0]); return row }
			return s
		}(), "Prologue: Sub (check_test.go:%): its value is never used"},
		{rowsParams, func() Rows {
			s := good[1].Shape.(Rows)
			s.Prologue = func(b *Builder, row, _ []V) []V {
				return []V{row[0], b.Add(row[0], row[0])}
			}
			return s
		}(), "Body: value 2 of Prologue is never used"},
		{columnsParams, columnsOf(func(s *Columns) {
			s.Exp = func(b *Builder, x V, row []V) V { b.Add(x, x); return b.Sub(x, row[0]) }
		}),
			"Exp: Add (check_test.go:%): its value is never used"},
		{columnsParams, columnsOf(func(s *Columns) {
			s.Epilogue = func(b *Builder, m, sum, _ V, _ []V) (perRow, finish []V) {
				b.Div(m, sum)
				return nil, []V{sum}
			}
		}), "Epilogue: Div (check_test.go:%): its value is never used"},
		{columnsParams, columnsOf(func(s *Columns) {
			s.Finish = func(b *Builder, w V, f []V) V { b.Max(w, w); return b.Div(w, f[0]) }
		}),
			"Finish: Max (check_test.go:%): its value is never used"},

		// operands of the wrong kind
		{mapParams, mapOf(func(b *Builder, x V) []V {
			return []V{b.Add(b.Less(x, b.Bits(7)), x)}
		}), "Body: Add (check_test.go:%): operand 1 is a mask"},
		{mapParams, mapOf(func(b *Builder, x V) []V {
			return []V{b.Select(x, x, x)}
		}), "Body: Select (check_test.go:%): operand 1 is not a mask"},
		{mapParams, mapOf(func(b *Builder, x V) []V {
			return []V{b.Equal(x, x)}
		}), "Body: dst is a mask"},
		{mapParams, mapOf(func(b *Builder, x V) []V {
			return []V{b.Add(x, b.ShiftLeft(b.Bits(7), 1, 2))}
		}), "Body: ShiftLeft (check_test.go:%): operand 1 is a constant"},
		{mapParams, mapOf(func(b *Builder, x V) []V {
			twice(b, x)
			return []V{b.Bits(7)}
		}), "Body: dst is a constant\nBody: Add (check_test.go:%): its value is never used"},
		{mapParams, mapOf(func(b *Builder, x V) []V {
			return []V{b.Add(x, 99)}
		}), "Body: Add (check_test.go:%): operand 2 is no value of this sequence"},
		{mapParams, mapOf(func(b *Builder, x V) []V {
			return []V{99}
		}), "Body: dst is no value of this sequence\nBody: x is never used"},
		{"dst, x, q, s []T, cols, dststride, xstride int",
			Rows{Out: []string{"dst"}, In: []string{"x"}, Row: []string{"q", "s"},
				Prologue: func(b *Builder, row, _ []V) []V { return []V{row[1], row[0]} },
				Body: func(b *Builder, in, row []V) ([]V, V) {
					return []V{b.FMA(in[0], row[0], row[1])}, -1
				}},
			"Prologue returns q as value 2, after value 1 took its place"},
		{columnsParams, columnsOf(func(s *Columns) {
			s.Epilogue = func(b *Builder, _, sum, at V, _ []V) (perRow, finish []V) {
				return nil, []V{b.Add(sum, at)}
			}
		}), "Epilogue: Add (check_test.go:%): there is no value at the label here"},
		{columnsParams, columnsOf(func(s *Columns) {
			s.Epilogue = func(b *Builder, _, sum, at V, _ []V) (perRow, finish []V) {
				return nil, []V{at}
			}
		}), "Epilogue: there is no value at the label here\nEpilogue: sum is never used"},
		{"x []T, sum []float64, label []int, m []T, rows, cols, half, xstride int",
			columnsOf(func(s *Columns) {
				s.Dst, s.Finish, s.Label, s.Sum, s.PerRow = false, nil, true, "sum", []string{"m"}
				s.Epilogue = func(_ *Builder, _, sum, _ V, _ []V) (perRow, finish []V) {
					return []V{sum}, nil
				}
			}), "Epilogue: there is no sum here"},
		{mapParams, Map{Out: []string{"dst"}, In: []string{"x"},
			Body: func(_ *Builder, in, _ []V) []V {
				return in[1:2:3]
			}}, "Body panics: runtime error: slice bounds out of range [::3] with capacity 1"},
	} {
		kn := Kernel{Page: "wrong", Name: "bad", Params: tt.params, Loop: "-", Shape: tt.shape}
		dir := t.TempDir()
		err := Generate(dir, []Kernel{tiny, kn})
		if !assert.Error(t, err, tt.want) {
			continue
		}
		assert.Regexp(t,
			"^"+strings.ReplaceAll(regexp.QuoteMeta("asmgen: page wrong, kernel bad, float32: "+tt.want),
				"%", `\d+`)+"$", err.Error(), tt.params)
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, files)
		_, _, err = Variants(kn, "AVX2 F32", nil)
		assert.Error(t, err)
	}
}

// TestRefusedFloat64 checks that the second type is checked, too.
func TestRefusedFloat64(t *testing.T) {
	kn := Kernel{Page: "wrong", Name: "bad", Params: mapParams, Loop: "-",
		Shape: mapOf(func(b *Builder, x V) []V {
			if b.Type() == F64 {
				b.Sub(x, x)
			}
			return []V{b.Add(x, x)}
		})}
	require.NoError(t, kn.check(F32))
	assert.ErrorContains(t, Generate(t.TempDir(), []Kernel{kn}),
		"asmgen: page wrong, kernel bad, float64: Body: Sub (check_test.go:")
}
