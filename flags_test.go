package kernels

import (
	"testing"

	"kernels/internal/fpflags"
	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// TestFlags: no kernel raises invalid, divide-by-zero or overflow where inputs and exact results
// are finite, at any length of the last vector.
func TestFlags(t *testing.T) {
	if !fpflags.Supported {
		t.Skip("the flags of this architecture cannot be read")
	}
	t.Run("float32", testFlags[float32])
	t.Run("float64", testFlags[float64])
}

func testFlags[T Float](t *testing.T) {
	kinds := []kt.Kind{kt.Finite, kt.Shifted, kt.Normal, kt.Wide1000, kt.Huge, kt.Zeros, kt.Unit, kt.OneHot, kt.Ties, kt.Wide80, kt.Wide300, kt.Constant, kt.OneLarger}
	for _, k := range all[T]() {
		t.Run(k.name, func(t *testing.T) {
			for i, s := range flagShapes[T](&k) {
				if kt.Thinned(k.name, i) {
					continue
				}
				kinds := kinds
				if testing.Short() || s.rows*s.cols > 1000 {
					kinds = []kt.Kind{kinds[i%2], kinds[2+i%11]}
				}
				for _, kind := range kinds {
					c := prepare(&k, s, kind, 1, apart)
					moderate(c)
					if k.prep != nil && s.rows > 0 {
						k.prep(kt.NewRand(uint64(i)), c)
					}
					for _, name := range isa.Available() {
						got := layout(&k, c, s, apart, &memory{off: i % 16})
						var f fpflags.Flags
						kt.With(name, func() { f = fpflags.Raised(func() { k.run(got) }) })
						if f != 0 && finite(got) {
							t.Fatalf("%s %s, %d rows of %d (+%d), inputs %v: %v", name, k.name, s.rows, s.cols, s.pad, kind, f)
						}
					}
				}
			}
		})
	}
}

// flagShapes are sizes with every length of the last vector and, for rows, of the last group of
// rows.
func flagShapes[T Float](k *kernel[T]) (shapes []shape) {
	if !k.rows {
		for n := range 131 {
			shapes = append(shapes, shape{1, n, 0})
		}
		return append(shapes, shape{1, 1000, 0}, shape{1, chunkLen[T]() + 1, 0})
	}
	for cols := 1; cols <= 40; cols++ {
		for _, rows := range []int{1, 2, 3, 4, 8, 9, 17} {
			shapes = append(shapes, shape{rows, cols, 0})
			if k.inner {
				shapes = append(shapes, shape{rows, cols, 3})
			}
		}
	}
	for rows := 1; rows <= 40; rows++ {
		for _, cols := range []int{1, 2, 3, 10} {
			shapes = append(shapes, shape{rows, cols, 0})
		}
	}
	return append(shapes, shape{5, 63, 0}, shape{3, 64, 0}, shape{2, 100, 0}, shape{2, 129, 0}, shape{2, 1000, 0}, shape{1, canonicalChunk[T]() - 1, 0})
}

// moderate leaves the first input at most 1e30 in size (float64: 1e300) and the others 1000, or the
// scale large and all inputs at most 1000: the product of two large numbers overflows by itself,
// also in a loss that nobody asked for, and so does the distance of the largest number from its
// negative.
func moderate[T Float](c *args[T]) {
	large, others := 1e30, T(1000)
	if !is32[T]() {
		large = 1e300
	}
	if c.scale > 1000 {
		large = 1000
	}
	for i, x := range append(c.in[:], c.perRow[:]...) {
		limit := others
		if i == 0 {
			limit = T(large)
		}
		for j, v := range x {
			x[j] = max(-limit, min(limit, v))
		}
	}
}

// finite tells whether all results are.
func finite[T Float](c *args[T]) bool {
	sum := 0.0
	for _, s := range [][]T{c.out, c.loss} {
		for _, v := range s {
			sum += float64(v - v)
		}
	}
	for _, v := range c.sum {
		sum += v - v
	}
	return sum == 0
}

// A label far below many maxima: log(S) and the distance are added, and nothing divides by the
// exponential of the label.
func TestFlagsFar(t *testing.T) {
	if !fpflags.Supported {
		t.Skip("the flags of this architecture cannot be read")
	}
	const classes = 5000
	x, dx := make([]float64, classes), make([]float64, classes)
	x[7] = -2000
	var loss [1]float64
	kt.EachISA(t, func(t *testing.T, _ string) {
		if f := fpflags.Raised(func() { must(CrossEntropyGrad(dx, loss[:], x, []int{7}, classes, 1)) }); f != 0 {
			t.Errorf("%v, loss %v", f, loss[0])
		}
	})
}

// The sum of four lanes overflows neither on the way nor in a lane that is thrown away.
func TestFlagsSum(t *testing.T) {
	if !fpflags.Supported {
		t.Skip("the flags of this architecture cannot be read")
	}
	row, sum := []float32{-2e38, 0, 3e38, 0, -1e38, 1}, make([]float64, 1)
	kt.EachISA(t, func(t *testing.T, _ string) {
		for n := 3; n <= len(row); n++ {
			if f := fpflags.Raised(func() { rowsSum(sum, row[:n], n, n, true) }); f != 0 {
				t.Errorf("%d elements: %v, sum %v", n, f, sum[0])
			}
		}
	})
}

// TestFlagsStreams is TestFlags for the kernels that store past the caches.
func TestFlagsStreams(t *testing.T) {
	if !fpflags.Supported {
		t.Skip("the flags of this architecture cannot be read")
	}
	cache := isa.LastLevelCache
	defer func() { isa.LastLevelCache = cache }()
	isa.LastLevelCache = 0
	kt.EachISA(t, func(t *testing.T, _ string) {
		for n := 1; n <= 300; n++ {
			x, y, dst, mask := make([]float32, n), make([]float32, n), kt.NewFrame[float32](n, 0).S, make([]uint64, MaskLen(n))
			for i := range x {
				x[i], y[i] = float32(i%7)-3, float32(i%3)/2
			}
			if f := fpflags.Raised(func() {
				ReLU(dst, x)
				ReLUMask(dst, x, mask)
				ReLUBackward(dst, x, mask)
				SigmoidBackward(dst, x, y)
			}); f != 0 {
				t.Errorf("%d elements: %v", n, f)
			}
		}
	})
}
