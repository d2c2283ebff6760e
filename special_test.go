package kernels_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	kt "kernels/internal/ktest"
)

// The special values are NaN, infinities, zeros and the ends of exp. Every case runs on all
// instruction sets, in every lane of a few vectors, tails included.

func TestSpecialReLU(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialReLU[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialReLU[float64](t) })
	})
}

func specialReLU[T kernels.Float](t *testing.T) {
	tiny := kt.FromBits[T](1)
	negZero := T(math.Copysign(0, -1))
	cases := []struct {
		x, y T
		bit  uint64
	}{
		{negZero, 0, 1}, {0, 0, 1}, {-1, 0, 1}, {1, 1, 0}, {kt.NaN[T](), kt.NaN[T](), 0},
		{kt.Inf[T](1), kt.Inf[T](1), 0}, {kt.Inf[T](-1), 0, 1},
		{tiny, tiny, 0}, {-tiny, 0, 1},
	}
	for _, c := range cases {
		for n := 1; n < 140; n += 3 {
			for _, at := range []int{0, n / 2, n - 1} {
				x, y := make([]T, n), make([]T, n)
				for i := range x {
					x[i] = 2
				}
				x[at] = c.x
				kernels.ReLU(y, x)
				require.True(t, kt.Same(c.y, y[at]), "ReLU(%v) = %v", c.x, y[at])
				mask := make([]uint64, kernels.MaskLen(n))
				kernels.ReLUMask(y, x, mask)
				require.True(t, kt.Same(c.y, y[at]), "ReLUMask(%v) = %v", c.x, y[at])
				for w, m := range mask {
					want := uint64(0)
					if at/64 == w {
						want = c.bit << (at % 64)
					}
					require.Equal(t, want, m, "mask of %v at %d of %d", c.x, at, n)
				}
				// Backward: +0 if the bit is set, and the bits of dy if not.
				dy := make([]T, n)
				for i := range dy {
					dy[i] = negZero
				}
				dy[at] = kt.NaN[T]()
				kernels.ReLUBackward(y, dy, mask)
				for i, v := range y {
					want := kt.RawBits(dy[i])
					if i == at && c.bit == 1 {
						want = 0
					}
					if kt.RawBits(v) != want {
						require.Equal(t, want, kt.RawBits(v))
					}
				}
			}
		}
	}
}

func TestSpecialSigmoid(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialSigmoid[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialSigmoid[float64](t) })
	})
}

func specialSigmoid[T kernels.Float](t *testing.T) {
	cases := map[T]T{
		kt.Inf[T](-1): 0, kt.Inf[T](1): 1, 0: 0.5, T(math.Copysign(0, -1)): 0.5,
		T(kt.Pick[T](-104.5, -746)): 0, T(kt.Pick[T](-3e38, -1e308)): 0, T(kt.Pick[T](17.5, 38)): 1,
		T(kt.Pick[T](3e38, 1e308)): 1,
		kt.FromBits[T](1):          0.5,
	}
	for name, f := range map[string]func(dst, x []T){"Sigmoid": kernels.Sigmoid[T],
		"SigmoidFast": kernels.SigmoidFast[T]} {
		for n := 1; n < 140; n += 3 {
			for _, at := range []int{0, n / 2, n - 1} {
				x, y := make([]T, n), make([]T, n)
				for in, out := range cases {
					x[at] = in
					f(y, x)
					require.True(t, kt.Same(out, y[at]), "%s(%v) = %v", name, in, y[at])
				}
				x[at] = kt.NaN[T]()
				f(y, x)
				for i, v := range y {
					if i == at && v == v || i != at && v != 0.5 {
						require.FailNow(t, "NaN in the wrong place", "%s: y[%d] = %v, NaN at %d", name, i, v, at)
					}
				}
			}
		}
		// Subnormal results are off by a unit or so, and the smallest is not lost.
		lo, hi := kt.Pick[T](-103.5, -744.5), kt.Pick[T](-87.4, -708.5)
		x, y := make([]T, 1000), make([]T, 1000)
		for i := range x {
			x[i] = T(lo + (hi-lo)*float64(i)/1000)
		}
		f(y, x)
		for i, v := range y {
			require.Positive(t, v, "%s(%v)", name, x[i])
			require.LessOrEqual(t, kt.Err(v, kt.SigmoidDD(float64(x[i]))), 1.5, "%s(%v)", name, x[i])
		}
	}
	// The backward keeps NaN, and is +0 or -0 at the saturated ends.
	y, dy, dx := []T{0, 1, 0.5, kt.NaN[T](), 0.25}, []T{3, 3, 3, 3, kt.NaN[T]()}, make([]T, 5)
	kernels.SigmoidBackward(dx, dy, y)
	require.Equal(t, []T{0, 0, 0.75}, dx[:3])
	require.True(t, dx[3] != dx[3] && dx[4] != dx[4])
}

func TestSpecialRows(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialRows[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialRows[float64](t) })
	})
}

func specialRows[T kernels.Float](t *testing.T) {
	classes := []int{1, 2, 3, 5, 8, 10, 16, 17, 26, 31, 32, 33, 63, 64, 65, 100, 129, 1000, 2049,
		4097, 9000}
	if testing.Short() {
		classes = []int{1, 2, 3, 10, 16, 17, 26, 32, 33, 65, 129, 4097}
	}
	for _, c := range classes {
		rows := 19
		turns := []int{0, 3, 7, 8, 15, rows - 1}
		if c > 100 { // one row after the other: a few will do
			rows, turns = 3, []int{1}
		}
		clean := make([]T, rows*c)
		kt.Fill(kt.NewRand(uint64(c)), kt.Normal, clean, c)
		wantP, wantL := make([]T, rows*c), make([]T, rows*c)
		kernels.Softmax(wantP, clean, c)
		kernels.LogSoftmax(wantL, clean, c)
		labels := make([]int, rows)
		target := make([]T, rows*c)
		for r := range labels {
			labels[r] = (r * 7) % c
			target[r*c+labels[r]] = 1
		}
		type run struct {
			p, l, d, pd        []T
			loss, gloss, ploss []T
		}
		calc := func(x []T) run {
			u := run{make([]T, rows*c), make([]T, rows*c), make([]T, rows*c), make([]T, rows*c),
				make([]T, rows), make([]T, rows), make([]T, rows)}
			kernels.Softmax(u.p, x, c)
			kernels.LogSoftmax(u.l, x, c)
			require.NoError(t, kernels.CrossEntropy(u.loss, x, labels, c))
			require.NoError(t, kernels.CrossEntropyGrad(u.d, u.gloss, x, labels, c, 1))
			require.NoError(t, kernels.CrossEntropyProbGrad(u.pd, u.ploss, x, target, c, 1))
			return u
		}
		base := calc(clean)
		for i, v := range base.p {
			if !(v >= 0 && v <= 1) {
				require.FailNow(t, "not a probability", "p = %v", v)
			}
			if c == 1 {
				require.Equal(t, T(1), v)
				require.Zero(t, base.l[i])
				require.Zero(t, base.d[i])
				require.Zero(t, base.loss[i])
			}
		}
		// others checks that only row r changed.
		others := func(u run, r int) {
			t.Helper()
			for q := range rows {
				if q == r {
					continue
				}
				lo, hi := q*c, (q+1)*c
				require.Equal(t, -1, kt.Diff(u.p[lo:hi], base.p[lo:hi]),
					"row %d changed with row %d, %d classes", q, r, c)
				require.Equal(t, -1, kt.Diff(u.l[lo:hi], base.l[lo:hi]),
					"row %d changed with row %d, %d classes", q, r, c)
				require.Equal(t, -1, kt.Diff(u.d[lo:hi], base.d[lo:hi]),
					"row %d changed with row %d, %d classes", q, r, c)
				require.Equal(t, -1, kt.Diff(u.pd[lo:hi], base.pd[lo:hi]),
					"row %d changed with row %d, %d classes", q, r, c)
				require.True(t, kt.Same(u.loss[q], base.loss[q]) && kt.Same(u.gloss[q], base.gloss[q]) &&
					kt.Same(u.ploss[q], base.ploss[q]))
			}
		}
		allNaN := func(x []T, what string) {
			t.Helper()
			for _, v := range x {
				if v == v {
					require.FailNow(t, "not NaN", "%s: %v in a row that has to be NaN, %d classes", what, v, c)
				}
			}
		}
		for turn, r := range turns {
			lo, hi := r*c, (r+1)*c
			label := labels[r]
			for _, at := range []int{0, c / 2, c - 1, label} {
				for _, bad := range []T{kt.NaN[T](), kt.Inf[T](1)} {
					x := append([]T(nil), clean...)
					x[lo+at] = bad
					if turn%2 == 1 && c > 2 { // beside infinities and a huge value
						x[lo+(at+1)%c] = kt.Inf[T](-1)
						x[lo+(at+2)%c] = T(kt.Pick[T](3e38, 1e308))
					}
					u := calc(x)
					others(u, r)
					allNaN(u.p[lo:hi], "Softmax")
					allNaN(u.l[lo:hi], "LogSoftmax")
					allNaN(u.d[lo:hi], "CrossEntropyGrad")
					allNaN(u.pd[lo:hi], "CrossEntropyProbGrad")
					allNaN([]T{u.loss[r], u.gloss[r], u.ploss[r]}, "losses")
				}
				// -Inf has probability +0, and the others are as if it were not there.
				if c == 1 {
					continue
				}
				x := append([]T(nil), clean...)
				x[lo+at] = kt.Inf[T](-1)
				u := calc(x)
				others(u, r)
				require.Zero(t, kt.RawBits(u.p[lo+at]), "p of -Inf")
				require.True(t, math.IsInf(float64(u.l[lo+at]), -1), "log p of -Inf: %v", u.l[lo+at])
				for j := lo; j < hi; j++ {
					if u.p[j] != u.p[j] || u.l[j] != u.l[j] || u.d[j] != u.d[j] {
						require.FailNow(t, "NaN beside a -Inf", "class %d of %d", j-lo, c)
					}
				}
				if at == label {
					require.True(t, math.IsInf(float64(u.loss[r]), 1) && math.IsInf(float64(u.gloss[r]), 1) &&
						math.IsInf(float64(u.ploss[r]), 1), "loss of -Inf")
					require.Equal(t, T(-1), u.d[lo+at])
					require.Equal(t, T(-1), u.pd[lo+at])
				} else {
					require.False(t, math.IsInf(float64(u.loss[r]), 0) || u.loss[r] != u.loss[r])
					require.False(t, math.IsInf(float64(u.ploss[r]), 0) || u.ploss[r] != u.ploss[r])
					require.Zero(t, u.d[lo+at])
				}
			}
			// Nothing but -Inf.
			x := append([]T(nil), clean...)
			for j := lo; j < hi; j++ {
				x[j] = kt.Inf[T](-1)
			}
			u := calc(x)
			others(u, r)
			allNaN(u.p[lo:hi], "Softmax of -Inf only")
			allNaN(u.l[lo:hi], "LogSoftmax of -Inf only")
			allNaN(u.d[lo:hi], "CrossEntropyGrad of -Inf only")
			allNaN([]T{u.loss[r], u.gloss[r]}, "losses of -Inf only")
			// Huge but finite logits: the largest has probability 1.
			huge := T(kt.Pick[T](3e38, 1.7e308))
			copy(x, clean)
			x[lo+label] = huge
			for j := lo; j < hi; j++ {
				if j != lo+label {
					x[j] = -huge
				}
			}
			u = calc(x)
			others(u, r)
			for j := range c {
				want := T(0)
				if j == label {
					want = 1
				}
				if u.p[lo+j] != want {
					require.Equal(t, want, u.p[lo+j])
				}
			}
			require.Zero(t, u.loss[r])
		}
	}
}

func TestSpecialReLUBackwardOutput(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialReLUBackwardOutput[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialReLUBackwardOutput[float64](t) })
	})
}

func specialReLUBackwardOutput[T kernels.Float](t *testing.T) {
	tiny, negZero := kt.FromBits[T](1), T(math.Copysign(0, -1))
	for n := 1; n < 140; n += 3 {
		for _, at := range []int{0, n / 2, n - 1} {
			for _, c := range []struct {
				y      T
				passes bool
			}{{0, false}, {negZero, false}, {-tiny, false}, {kt.Inf[T](-1), false}, {tiny, true}, {1, true},
				{kt.Inf[T](1), true}, {kt.NaN[T](), true}} {
				for _, g := range []T{negZero, 3, kt.NaN[T](), kt.Inf[T](-1)} {
					y, dy, dx := make([]T, n), make([]T, n), make([]T, n)
					for i := range y {
						y[i], dy[i] = 1, 5
					}
					y[at], dy[at] = c.y, g
					kernels.ReLUBackwardOutput(dx, dy, y)
					for i, v := range dx {
						want := kt.RawBits(dy[i])
						if i == at && !c.passes {
							want = 0
						}
						if kt.RawBits(v) != want {
							require.FailNow(t, "wrong", "y = %v, dy = %v: dx[%d] = %v", y[i], dy[i], i, v)
						}
					}
				}
			}
		}
	}
}

// TestArgmax compares Argmax with a loop: the first of equal elements, and NaN above everything.
func TestArgmax(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { testArgmax[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { testArgmax[float64](t) })
	})
}

func testArgmax[T kernels.Float](t *testing.T) {
	want := func(row []T) int {
		best := 0
		for j, v := range row {
			if v != v {
				return j
			}
			if v > row[best] {
				best = j
			}
		}
		return best
	}
	for _, classes := range []int{1, 2, 3, 7, 8, 10, 16, 17, 31, 32, 33, 64, 100, 1000, 2049,
		4097, 9000} {
		rows := 1 + 300/classes
		for _, kind := range []kt.Kind{kt.Normal, kt.Ties, kt.Constant, kt.RareSpecial, kt.Special,
			kt.NegInf, kt.Zeros, kt.Ascending, kt.Descending, kt.AnyBits} {
			x, index := make([]T, rows*classes), make([]int, rows)
			kt.Fill(kt.NewRand(uint64(classes)), kind, x, classes)
			kernels.Argmax(index, x, classes)
			for r, got := range index {
				if w := want(x[r*classes : (r+1)*classes]); got != w {
					require.FailNow(t, "wrong column", "%v, %d classes, row %d: %d (%v), want %d (%v)",
						kind, classes, r, got, x[r*classes+got], w, x[r*classes+w])
				}
			}
		}
	}
}

// TestArgmaxLongRow has the first NaN or the first infinity anywhere in a row of several chunks.
func TestArgmaxLongRow(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { argmaxLongRow[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { argmaxLongRow[float64](t) })
	})
}

func argmaxLongRow[T kernels.Float](t *testing.T) {
	row := make([]T, 9001)
	var at [1]int
	for _, j := range []int{0, 1, 31, 2047, 2048, 4095, 4096, 8192, 9000} {
		clear(row)
		row[j] = kt.Inf[T](1)
		kernels.Argmax(at[:], row, len(row))
		require.Equal(t, j, at[0])
		row[min(j+3, 9000)], row[max(j-2, 0)] = kt.NaN[T](), kt.Inf[T](1)
		kernels.Argmax(at[:], row, len(row))
		require.Equal(t, min(j+3, 9000), at[0])
		for i := range row {
			row[i] = kt.Inf[T](-1)
		}
		kernels.Argmax(at[:], row, len(row))
		require.Zero(t, at[0])
		row[j] = -1e30
		kernels.Argmax(at[:], row, len(row))
		require.Equal(t, j, at[0])
	}
}
