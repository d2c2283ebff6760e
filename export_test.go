package kernels

import (
	"math"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// MaxRows and MaxCols are the most rows and columns that a primitive gets.
const MaxRows = maxRows

func MaxCols[T Float]() int { return maxCols[T]() }

// MaxLen returns the most elements that a primitive gets.
func MaxLen[T Float]() int { return maxLen[T]() }

// labels gives every row one of its columns.
func labels[T Float](r *kt.Rand, c *kt.Operands[T]) {
	for i := range c.Skip {
		c.Skip[i] = r.Intn(c.Cols)
	}
}

// Routines returns the primitives in the form that the tests over the table use.
func Routines[T Float]() (all []kt.Routine) {
	for _, k := range Primitives[T]() {
		all = append(all, k.Routine())
	}
	return all
}

// Primitives returns the primitives that have a calling convention of their own. They are called
// with more strides than the public functions use.
func Primitives[T Float]() []kt.Primitive[T] {
	return slices.DeleteFunc(allPrimitives[T](), func(k kt.Primitive[T]) bool {
		return k.Name == "lossLog" && is32[T]() // it has no float32 form
	})
}

func allPrimitives[T Float]() []kt.Primitive[T] {
	// rowMax gives every row its true maximum, as the drivers do.
	rowMax := func(r *kt.Rand, c *kt.Operands[T]) {
		generic(func() { rowsMax(c.PerRow[0], c.In[0], c.Cols, c.InS[0]) })
		for i := range c.Skip {
			c.Skip[i] = r.Intn(c.Cols+2) - 1 // one before and one past: nothing is left out
		}
	}
	// edge gives some rows a maximum at which the exponential changes its form, or the next number.
	edge := func(r *kt.Rand, c *kt.Operands[T]) {
		for i := range c.Rows {
			row, m := c.In[0][i*c.InS[0]:][:c.Cols], kt.FromBits[T](kt.Bits(T(1024))+uint64(r.Intn(2)))
			if r.Intn(4) != 0 {
				continue
			}
			if r.Intn(2) == 0 {
				m = -m
			}
			for j, v := range row {
				row[j] = min(v, m)
			}
			row[r.Intn(c.Cols)] = m
		}
	}
	// numbers is labels, and replaces NaN, with which a row's maximum is not determined.
	numbers := func(r *kt.Rand, c *kt.Operands[T]) {
		labels(r, c)
		for i, v := range c.In[0] {
			if v != v {
				c.In[0][i] = -7
			}
		}
		edge(r, c)
	}
	// small is rowMax with every row in the plain form's range.
	small := func(r *kt.Rand, c *kt.Operands[T]) {
		for i, v := range c.In[0] {
			if v > 1024 {
				c.In[0][i] = 1000
			}
		}
		rowMax(r, c)
		for i, m := range c.PerRow[0] {
			if m < -1024 { // a row of -Inf, or far below
				c.In[0][i*c.InS[0]] = -1000
				c.PerRow[0][i] = -1000
			}
		}
		// The maximum of a row with NaN may be any of its elements.
		for i, m := range c.PerRow[0] {
			if m != m {
				c.PerRow[0][i] = 0
			}
		}
	}
	// scaled is rowMax for scaled logits.
	scaled := func(r *kt.Rand, c *kt.Operands[T]) {
		c.Scale = []T{1, 0.5, 3, 1.0 / 7}[r.Intn(4)]
		edge(r, c)
		rowMax(r, c)
		for i, m := range c.PerRow[0] {
			c.PerRow[0][i] = T(m*c.Scale) + 0
		}
	}
	return []kt.Primitive[T]{
		{Name: "rowsMax", Ins: 1, NoOut: true, Loss: true,
			Run: func(c *kt.Operands[T]) { rowsMax(c.Loss, c.In[0], c.Cols, c.InS[0]) },
			Prep: func(_ *kt.Rand, c *kt.Operands[T]) { // with NaN the result is not determined
				for i, v := range c.In[0] {
					if v != v {
						c.In[0][i] = -7
					}
				}
			}},
		{Name: "rowsTop", Ins: 1, NoOut: true, Loss: true,
			Run: func(c *kt.Operands[T]) { rowsTop(c.Loss, c.In[0], c.Cols, c.InS[0]) }},
		{Name: "rowsExpSum", Ins: 1, Alias: []int{0}, PerRow: 1, Sum: true, Prep: small,
			Run: func(c *kt.Operands[T]) {
				rowsExpSum(c.Sum, c.Out, c.In[0], c.PerRow[0], c.Cols, c.OutS, c.InS[0], c.Narrow)
			}},
		{Name: "rowsExpSumScaled", Ins: 1, Alias: []int{0}, PerRow: 1, Sum: true, Prep: scaled,
			Run: func(c *kt.Operands[T]) {
				rowsExpSumScaled(c.Sum, c.Out, c.In[0], c.PerRow[0], c.Cols, c.OutS, c.InS[0], c.Scale,
					c.Narrow)
			}},
		{Name: "rowsExpSumSkip", Ins: 1, Alias: []int{0}, PerRow: 1, Skip: true, Sum: true, Prep: small,
			Run: func(c *kt.Operands[T]) {
				rowsExpSumSkip(c.Sum, c.Out, c.In[0], c.PerRow[0], c.Skip, c.Cols, c.OutS, c.InS[0], c.Narrow)
			}},
		{Name: "rowsExpSumSkipScaled", Ins: 1, Alias: []int{0}, PerRow: 1, Skip: true, Sum: true,
			Prep: scaled,
			Run: func(c *kt.Operands[T]) {
				rowsExpSumSkipScaled(c.Sum, c.Out, c.In[0], c.PerRow[0], c.Skip, c.Cols, c.OutS, c.InS[0],
					c.Scale, c.Narrow)
			}},
		{Name: "rowsSumSkip", Ins: 1, NoOut: true, PerRow: 1, Skip: true, Sum: true, Prep: small,
			Run: func(c *kt.Operands[T]) {
				rowsSumSkip(c.Sum, c.In[0], c.PerRow[0], c.Skip, c.Cols, c.InS[0], c.Narrow)
			}},
		{Name: "rowsSumSkipScaled", Ins: 1, NoOut: true, PerRow: 1, Skip: true, Sum: true, Prep: scaled,
			Run: func(c *kt.Operands[T]) {
				rowsSumSkipScaled(c.Sum, c.In[0], c.PerRow[0], c.Skip, c.Cols, c.InS[0], c.Scale, c.Narrow)
			}},
		{Name: "rowsScale", Ins: 1, Alias: []int{0}, PerRow: 2,
			Run: func(c *kt.Operands[T]) {
				rowsScale(c.Out, c.In[0], c.PerRow[0], c.PerRow[1], c.Cols, c.OutS, c.InS[0])
			}},
		{Name: "rowsScaleGrad", Ins: 1, Alias: []int{0}, PerRow: 2,
			Run: func(c *kt.Operands[T]) {
				rowsScaleGrad(c.Out, c.In[0], c.PerRow[0], c.PerRow[1], c.Cols, c.OutS, c.InS[0])
			}},
		{Name: "rowsDot", Ins: 2, NoOut: true, Sum: true,
			Run: func(c *kt.Operands[T]) {
				rowsDot(c.Sum, c.In[0], c.In[1], c.Cols, c.InS[0], c.InS[1], c.Narrow)
			}},
		{Name: "rowsSum", Ins: 1, NoOut: true, Sum: true,
			Run: func(c *kt.Operands[T]) { rowsSum(c.Sum, c.In[0], c.Cols, c.InS[0], c.Narrow) }},
		{Name: "rowsSoftmaxBackward", Ins: 2, Alias: []int{0, 1}, PerRow: 1,
			Run: func(c *kt.Operands[T]) {
				rowsSoftmaxBackward(c.Out, c.In[0], c.In[1], c.PerRow[0], c.Cols, c.OutS, c.InS[0], c.InS[1])
			}},
		{Name: "rowsLogSoftmax", Ins: 1, Alias: []int{0}, PerRow: 2,
			Run: func(c *kt.Operands[T]) {
				rowsLogSoftmax(c.Out, c.In[0], c.PerRow[0], c.PerRow[1], c.Cols, c.OutS, c.InS[0])
			}},
		{Name: "rowsLogSoftmaxBackward", Ins: 2, Alias: []int{0, 1}, PerRow: 1,
			Run: func(c *kt.Operands[T]) {
				rowsLogSoftmaxBackward(c.Out, c.In[0], c.In[1], c.PerRow[0], c.Cols, c.OutS, c.InS[0], c.InS[1])
			}},
		{Name: "rowsFind", Ins: 1, NoOut: true, PerRow: 1, Find: true,
			Prep: func(r *kt.Rand, c *kt.Operands[T]) {
				rowMax(r, c)
				// not always the maximum: also a smaller element, or a value that is not in the row
				for i := range c.PerRow[0] {
					switch row := c.In[0][i*c.InS[0]:][:c.Cols]; r.Intn(4) {
					case 0:
						c.PerRow[0][i] = row[r.Intn(c.Cols)] + 0
					case 1:
						c.PerRow[0][i] = T(r.Intn(2)) * 12345
					}
				}
			},
			Run: func(c *kt.Operands[T]) { rowsFind(c.Index, c.In[0], c.PerRow[0], c.Cols, c.InS[0]) }},
		{Name: "rowsSumProb", Ins: 2, NoOut: true, PerRow: 2, Sum: true, Prep: rowMax,
			Run: func(c *kt.Operands[T]) {
				rowsSumProb(c.Sum, c.In[0], c.In[1], c.PerRow[0], c.PerRow[1], c.Cols, c.InS[0], c.InS[1],
					c.Narrow)
			}},
		{Name: "rowsSumTargetSkip", Ins: 1, NoOut: true, PerRow: 1, Skip: true, Sum: true, Prep: rowMax,
			Run: func(c *kt.Operands[T]) {
				rowsSumTargetSkip(c.Sum, c.In[0], c.Skip, c.Cols, c.InS[0], c.Narrow)
			}},
		{Name: "rowsProbGrad", Ins: 2, Alias: []int{0}, PerRow: 2,
			Run: func(c *kt.Operands[T]) {
				rowsProbGrad(c.Out, c.In[0], c.In[1], c.PerRow[0], c.PerRow[1], c.Cols, c.OutS, c.InS[0],
					c.InS[1])
			}},
		// Few columns, with a row in each lane. There are at least as many rows as lanes.
		{Name: "columnsSoftmax", Ins: 1, Alias: []int{0},
			Run: func(c *kt.Operands[T]) {
				columns(toSoftmax, c, func(half int) {
					columnsSoftmax(c.Out, c.In[0], c.Rows, c.Cols, half, c.OutS, c.InS[0])
				})
			}},
		{Name: "columnsSumSkip", Ins: 1, NoOut: true, Skip: true, Sum: true, Prep: numbers,
			Run: func(c *kt.Operands[T]) {
				m, w := make([]T, c.Rows), make([]T, c.Rows)
				columns(toLabelLoss, c, func(half int) {
					columnsSumSkip(m, c.Sum, w, c.In[0], c.Skip, c.Rows, c.Cols, half, c.InS[0])
				})
			}},
		{Name: "columnsGrad", Ins: 1, Alias: []int{0}, PerRow: 3, Skip: true, Sum: true,
			Prep: func(r *kt.Rand, c *kt.Operands[T]) {
				numbers(r, c)
				for i := range c.Rows { // most factors as the engine makes them; else any values
					if r.Intn(4) != 0 {
						g := T([]float64{1, 1.0 / 30, -2, 0, 0x1p-40, 0x1p40, 0.3, 1e-30, 1e30}[r.Intn(9)])
						num, after := splitFactor(g)
						c.PerRow[0][i], c.PerRow[1][i], c.PerRow[2][i] = g, num, after
					}
				}
			},
			Run: func(c *kt.Operands[T]) {
				m, w := make([]T, c.Rows), make([]T, c.Rows)
				columns(toLabelLoss, c, func(half int) {
					columnsGrad(c.Out, m, c.Sum, w, c.In[0], c.Skip, c.PerRow[0], c.PerRow[1], c.PerRow[2],
						c.Rows, c.Cols, half, c.OutS, c.InS[0])
				})
			}},
		// Element primitives in the form of row primitives.
		{Name: "expAt", Ins: 2, Alias: []int{0, 1},
			Run: func(c *kt.Operands[T]) {
				for r := range c.Rows { // rows without the gaps
					o, i, j := r*c.OutS, r*c.InS[0], r*c.InS[1]
					expAt(c.Out[o:o+c.Cols], c.In[0][i:i+c.Cols], c.In[1][j:j+c.Cols])
				}
			},
			Prep: func(r *kt.Rand, c *kt.Operands[T]) {
				for k := range c.In[1] { // maxima at or above most elements, which are read in step with them
					if k < len(c.In[0]) && r.Intn(8) != 0 {
						c.In[1][k] = c.In[0][k] + T(r.Intn(40))
					}
				}
			}},
		{Name: "lossLog", Ins: 3, Alias: []int{0},
			Run: func(c *kt.Operands[T]) {
				for r := range c.Rows {
					o, i, j, k := r*c.OutS, r*c.InS[0], r*c.InS[1], r*c.InS[2]
					lossLog(as64(c.Out[o:o+c.Cols]), as64(c.In[0][i:i+c.Cols]), as64(c.In[1][j:j+c.Cols]),
						as64(c.In[2][k:k+c.Cols]))
				}
			},
			Prep: func(r *kt.Rand, c *kt.Operands[T]) {
				// Sums are at least zero, exponentials above it; the base is zero for most rows.
				for k, v := range c.In[0] {
					c.In[0][k] = T(math.Abs(float64(v)))
				}
				for k, v := range c.In[1] {
					c.In[1][k] = T(math.Abs(float64(v))) + 0x1p-20
				}
				for k := range c.In[2] {
					if r.Intn(4) != 0 {
						c.In[2][k] = 0
					}
				}
			}},
	}
}

// Table32, Table64 and Walks are made from the rows of internal/ktable, which the tests inside the
// package cannot import. A test outside sets them.
var (
	Table32, Table64 []kt.Routine
	Walks            []Walk
)

// A Walk is a call of a function of elements with every input x. The mask is an input or an output.
type Walk struct {
	Name string
	Run  func(dst, x []float32, mask []uint64)
}

// columns runs f if the columns primitives may be called for what to do, and otherwise runs it on
// the generic code, which needs no half.
func columns[T Float](do action, c *kt.Operands[T], f func(half int)) {
	if columnsFit[T](do, c.Rows, c.Cols) {
		f(columnsHalf(c.Cols))
	} else {
		generic(func() { f(0) })
	}
}

// as64 returns a float64 slice as it is. lossLog has no other form.
func as64[T Float](x []T) []float64 { return f64(x) }

// TestMain makes the garbage collector run less often: the tests over the table allocate millions
// of small frames.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func generic(f func()) { kt.With(isa.NameGeneric, f) }

// RowsSum is the primitive rowsSum.
func RowsSum[T Float](sum []float64, x []T, cols, stride int, narrow bool) {
	rowsSum(sum, x, cols, stride, narrow)
}
