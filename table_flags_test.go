package kernels_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/fpflags"
	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// TestFlags checks that no primitive raises invalid, divide-by-zero or overflow if inputs and exact
// results are finite, at any length of the last vector. TestFlagsOfFunctions does so for the public
// functions.
func TestFlags(t *testing.T) {
	requireFlags(t)
	t.Run("float32", testFlags[float32])
	t.Run("float64", testFlags[float64])
}

func requireFlags(t *testing.T) {
	if !fpflags.Supported {
		t.Skip("the flags of this architecture cannot be read")
	}
}

func testFlags[T kernels.Float](t *testing.T) {
	all := []kt.Kind{kt.Finite, kt.Shifted, kt.Normal, kt.Wide1000, kt.Huge, kt.Zeros, kt.Unit,
		kt.OneHot, kt.Ties, kt.Wide80, kt.Wide300, kt.Constant, kt.OneLarger}
	for _, k := range kernels.Primitives[T]() {
		t.Run(k.Name, func(t *testing.T) {
			for i, s := range flagShapes(kernels.MaxCols[T]()) {
				if kt.Thinned(k.Name, i) {
					continue
				}
				kinds := all
				if testing.Short() || s.Rows*s.Cols > 1000 {
					kinds = []kt.Kind{all[i%2], all[2+i%11]}
				}
				for _, kind := range kinds {
					c := k.Operands(s, kind, 1, -1)
					moderate(c)
					if k.Prep != nil && s.Rows > 0 {
						k.Prep(kt.NewRand(uint64(i)), c)
					}
					for _, name := range isa.Available() {
						got := *c
						if !k.NoOut {
							got.Out = kt.NewFrame[T]((s.Rows-1)*c.OutS+s.Cols, i%16).S
						}
						got.Loss, got.Sum, got.Index = make([]T, s.Rows), make([]float64, s.Rows),
							make([]int, s.Rows)
						var f fpflags.Flags
						kt.With(name, func() { f = fpflags.Raised(func() { k.Run(&got) }) })
						if f != 0 && finiteResults(&got) {
							t.Fatalf("%s %s, %d rows of %d (+%d), inputs %v: %v",
								name, k.Name, s.Rows, s.Cols, s.Pad, kind, f)
						}
					}
				}
			}
		})
	}
}

// flagShapes returns sizes with every length of the last vector, and of the last group of rows.
func flagShapes(chunk int) (shapes []kt.Shape) {
	for cols := 1; cols <= 40; cols++ {
		for _, rows := range []int{1, 2, 3, 4, 8, 9, 17} {
			shapes = append(shapes, kt.Shape{Rows: rows, Cols: cols},
				kt.Shape{Rows: rows, Cols: cols, Pad: 3})
		}
	}
	for rows := 1; rows <= 40; rows++ {
		for _, cols := range []int{1, 2, 3, 10} {
			shapes = append(shapes, kt.Shape{Rows: rows, Cols: cols})
		}
	}
	for _, s := range [][2]int{{5, 63}, {3, 64}, {2, 100}, {2, 129}, {2, 1000}, {1, chunk - 1}} {
		shapes = append(shapes, kt.Shape{Rows: s[0], Cols: s[1]})
	}
	return shapes
}

// moderate limits the absolute values of the first input to 1e30 (float64: 1e300) and of the others
// to 1000; with a large scale, all to 1000. A product of two large numbers would overflow, even if
// it is no part of the result, and so would the distance of the largest number from its negative.
func moderate[T kernels.Float](c *kt.Operands[T]) {
	large, others := 1e30, T(1000)
	if !kt.Is32[T]() {
		large = 1e300
	}
	if c.Scale > 1000 {
		large = 1000
	}
	for i, x := range append(c.In[:], c.PerRow[:]...) {
		limit := others
		if i == 0 {
			limit = T(large)
		}
		for j, v := range x {
			x[j] = max(-limit, min(limit, v))
		}
	}
}

// finiteResults reports whether all results of a primitive are finite.
func finiteResults[T kernels.Float](c *kt.Operands[T]) bool {
	sum := 0.0
	for _, s := range [][]T{c.Out, c.Loss} {
		for _, v := range s {
			sum += float64(v - v)
		}
	}
	for _, v := range c.Sum {
		sum += v - v
	}
	return sum == 0
}

// TestFlagsFar has a label far below many maxima. The loss is log(S) plus the distance: nothing may
// be divided by the exponential of the label.
func TestFlagsFar(t *testing.T) {
	requireFlags(t)
	const classes = 5000
	x, dx := make([]float64, classes), make([]float64, classes)
	x[7] = -2000
	var loss [1]float64
	kt.EachISA(t, func(t *testing.T, _ string) {
		if f :=
			fpflags.Raised(func() {
				must(kernels.CrossEntropyGrad(dx, loss[:], x, []int{7}, classes,
					1))
			}); f != 0 {
			t.Errorf("%v, loss %v", f, loss[0])
		}
	})
}

// TestFlagsStreams is TestFlags for the kernels that store past the caches.
func TestFlagsStreams(t *testing.T) {
	requireFlags(t)
	cache := isa.LastLevelCache
	defer func() { isa.LastLevelCache = cache }()
	isa.LastLevelCache = 0
	kt.EachISA(t, func(t *testing.T, _ string) {
		for n := 1; n <= 300; n++ {
			x, y, dst, mask := make([]float32, n), make([]float32, n), kt.NewFrame[float32](n, 0).S,
				make([]uint64, kernels.MaskLen(n))
			for i := range x {
				x[i], y[i] = float32(i%7)-3, float32(i%3)/2
			}
			if f := fpflags.Raised(func() {
				kernels.ReLU(dst, x)
				kernels.ReLUMask(dst, x, mask)
				kernels.ReLUBackward(dst, x, mask)
				kernels.SigmoidBackward(dst, x, y)
			}); f != 0 {
				t.Errorf("%d elements: %v", n, f)
			}
		}
	})
}

// TestFlagsSum checks that the sum of four lanes overflows neither on the way nor in a lane that is
// not used.
func TestFlagsSum(t *testing.T) {
	requireFlags(t)
	row, sum := []float32{-2e38, 0, 3e38, 0, -1e38, 1}, make([]float64, 1)
	kt.EachISA(t, func(t *testing.T, _ string) {
		for n := 3; n <= len(row); n++ {
			if f := fpflags.Raised(func() { kernels.RowsSum(sum, row[:n], n, n, true) }); f != 0 {
				t.Errorf("%d elements: %v, sum %v", n, f, sum[0])
			}
		}
	})
}

// TestFlagsOfFunctions checks that no public function raises invalid, divide-by-zero or overflow if
// inputs and results are finite.
func TestFlagsOfFunctions(t *testing.T) {
	requireFlags(t)
	kinds := []kt.Kind{kt.Normal, kt.Shifted, kt.Wide1000, kt.Huge, kt.Zeros, kt.Unit, kt.OneHot,
		kt.Ties, kt.Wide80, kt.Wide300, kt.Constant, kt.OneLarger}
	forEachRoutine(t, func(t *testing.T, k kt.Routine, chunk, most int) {
		if k.Inner {
			return
		}
		shapes := []kt.Shape{{Rows: 5, Cols: 63}, {Rows: 3, Cols: 100}, {Rows: 2, Cols: 1000},
			{Rows: 1, Cols: chunk + 1}}
		for cols := 1; cols <= 40; cols++ {
			for _, rows := range []int{1, 2, 3, 8, 9, 17} {
				if !k.Rows && testing.Short() && rows > 2 {
					continue // each length with two kinds of inputs instead of six
				}
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
			if err != nil || !finiteCall(want, c) {
				continue
			}
			for _, name := range isa.Available() {
				p := kt.Memory{Off: i % 16}.Place(c)
				var f fpflags.Flags
				kt.With(name, func() { f = fpflags.Raised(func() { err = p.Run(p.Mem) }) })
				if f != 0 {
					t.Fatalf("%s %s, %d rows of %d, inputs %v: %v",
						name, k.Name, s.Rows, s.Cols, kinds[i%len(kinds)], f)
				}
			}
		}
	})
}

// finiteCall reports whether all inputs and results of a call are finite.
func finiteCall(mem []kt.Array, c *kt.Case) bool {
	for i := range c.Args {
		if !mem[i].Finite() {
			return false
		}
	}
	return true
}

// TestFlagsOfLargeArguments checks that functions of one argument raise none of these exceptions up
// to the largest numbers, where a product of a branch that is not taken could overflow.
func TestFlagsOfLargeArguments(t *testing.T) {
	requireFlags(t)
	t.Run("float32", testFlagsOfLargeArguments[float32])
	t.Run("float64", testFlagsOfLargeArguments[float64])
}

func testFlagsOfLargeArguments[T kernels.Float](t *testing.T) {
	x, dst := make([]T, 67), make([]T, 67)
	for fn, f := range map[string]func(dst, x []T){
		"ReLU": kernels.ReLU[T], "ReLUSquared": kernels.ReLUSquared[T],
		"HardSigmoid": kernels.HardSigmoid[T], "HardSwish": kernels.HardSwish[T],
		"Sigmoid": kernels.Sigmoid[T], "SigmoidFast": kernels.SigmoidFast[T],
		"Tanh": kernels.Tanh[T], "SiLU": kernels.SiLU[T], "GELU": kernels.GELU[T],
		"GELUTanh": kernels.GELUTanh[T], "Softplus": kernels.Softplus[T], "Erf": kernels.Erf[T],
		"Exp": kernels.Exp[T], "Expm1": kernels.Expm1[T],
		"Log": kernels.Log[T], "Log1p": kernels.Log1p[T],
	} {
		finite := 0
		for v := T(kt.Pick[T](math.MaxFloat32, math.MaxFloat64)); v > 0; v /= 7 {
			for _, v := range []T{v, -v} {
				for i := range x {
					x[i] = v
				}
				for _, name := range isa.Available() {
					var raised fpflags.Flags
					kt.With(name, func() { raised = fpflags.Raised(func() { f(dst, x) }) })
					if dst[0]-dst[0] == 0 {
						require.Zero(t, raised, "%s of %s at %v", name, fn, v)
						finite++
					}
				}
			}
		}
		require.Greater(t, finite, 50, fn)
	}
}
