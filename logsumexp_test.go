package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// logSumExpCase searches for the largest error besides the half ULP of the result, in u of
// log1p(rest), where the result is not so large that the half ULP is all there is.
func logSumExpCase[T Float]() climbCase[T] {
	return climbCase[T]{"LogSumExp", "u", climbClasses, kt.LogSumExpBound[T],
		func(classes int) kt.Climb[T] {
			row, y := &climbRow[T]{}, make([]T, 1)
			return kt.Climb[T]{Len: classes, Start: func(r *kt.Rand, x []T) {
				startRow(r, x)
				row.set(x)
				if r.Intn(2) == 0 { // where the sum nearly cancels
					m := row.ref.NegLogProb(row.ref.Top()).Float64() + float64(x[row.ref.Top()])
					for j := range x {
						x[j] -= T(m)
					}
				}
			}, Move: moveRow[T], Error: func(x []T) float64 {
				if !row.set(x) {
					return -1
				}
				LogSumExp(y, x, classes)
				l := row.ref.NegLogProb(row.ref.Top())
				want := dd(l).Add(kt.DD{Hi: float64(x[row.ref.Top()])})
				if l.Float64() < math.Abs(want.Hi)/1024 || l.Float64() < climbTiny[T]() {
					return 0
				}
				half := kt.ULP64(want.Hi) / 2
				if is32[T]() {
					half = kt.ULP32(want.Hi) / 2
				}
				off := math.Abs(want.Add(kt.DD{Hi: -float64(y[0])}).Hi)
				return max(0, off-half*(1+0x1p-20)) / l.Float64() / roundoff[T]()
			}}
		}}
}

func TestSpecialLogSumExp(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialLogSumExp[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialLogSumExp[float64](t) })
	})
}

func specialLogSumExp[T Float](t *testing.T) {
	inf, nan := kt.Inf[T](1), kt.NaN[T]()
	huge := T(kt.Pick[T](math.MaxFloat32, math.MaxFloat64))
	for _, classes := range []int{1, 2, 3, 5, 17, 40, 100, 5000} {
		for _, rows := range []int{1, 2, 70} {
			if testing.Short() && rows*classes > 20000 {
				continue
			}
			for _, scale := range []T{1, 0.5, 3} {
				opts := &SoftmaxOptions[T]{LogitScale: scale}
				for _, c := range []struct{ all, one, want T }{
					{-inf, -inf, -inf}, {1, nan, nan}, {inf, nan, nan}, {-inf, nan, nan}, {-huge, inf, inf},
					{-inf, inf, inf}, {-inf, 2, 2 * scale}, {-1e4, 8, 8 * scale}, {-inf, 0, 0},
				} {
					x, y := make([]T, rows*classes), make([]T, rows)
					for at := 0; at < classes; at += 1 + classes/5 {
						for i := range x {
							x[i] = 1
						}
						r := at % rows
						for j := range classes {
							x[r*classes+j] = c.all
						}
						x[r*classes+at] = c.one
						require.NoError(t, LogSumExpWith(y, x, classes, opts))
						for i, v := range y {
							want := c.want
							if i != r {
								want = scale + T(math.Log(float64(classes)))
							}
							if i == r || classes == 1 {
								require.True(t, kt.Same(want, v), "%v, %d classes: %v, want %v", c, classes, v, want)
							} else {
								require.InEpsilon(t, want, v, 1e-5)
							}
						}
					}
				}
				x, y := make([]T, rows*classes), make([]T, rows) // no finite row overflows
				for i := range x {
					x[i] = huge
				}
				LogSumExp(y, x, classes)
				require.Equal(t, x[:rows], y)
			}
		}
	}
	var y [2]T
	require.NoError(t, LogSumExpWith(y[:], []T{huge, huge, 0, 1}, 2, &SoftmaxOptions[T]{LogitScale: 2}))
	require.Equal(t, inf, y[0], "the product overflows")
	LogSumExp(y[:1], []T{T(math.Copysign(0, -1))}, 1)
	require.True(t, kt.Same(0, y[0]), "+0 for -0")
}

// TestLogSumExpOptions: with options, the bits are those of packed rows of products, also where two
// logits have one product.
func TestLogSumExpOptions(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { logSumExpOptions[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { logSumExpOptions[float64](t) })
	})
}

func logSumExpOptions[T Float](t *testing.T) {
	r := kt.NewRand(1)
	for _, classes := range []int{1, 2, 7, 33, 1000, 5000} {
		for _, scale := range []T{0, 1, 0.55, 0x1p-60} {
			const rows = 3
			stride := classes + r.Intn(3)
			x, packed := make([]T, rows*stride), make([]T, 0, rows*classes)
			kt.Fill(r, kt.Normal, x, stride)
			for i := range rows {
				top := x[i*stride : i*stride+classes] // with neighbours of the maximum
				for range classes / 8 {
					top[r.Intn(classes)] = kt.Next(T(7.9), r.Intn(3))
				}
				for _, v := range top {
					if scale != 0 {
						v *= scale
					}
					packed = append(packed, v)
				}
			}
			got, want := make([]T, rows), make([]T, rows)
			LogSumExp(want, packed, classes)
			require.NoError(t, LogSumExpWith(got, x[:(rows-1)*stride+classes], classes,
				&SoftmaxOptions[T]{LogitScale: scale, Stride: stride}))
			require.Negative(t, kt.Diff(got, want), "%d classes, scale %v: %v, %v", classes, scale, got, want)
		}
	}
	var y [2]T
	err := LogSumExpWith(y[:], make([]T, 4), 2, &SoftmaxOptions[T]{DstStride: 2})
	require.EqualError(t, err, "kernels: LogSumExpWith: DstStride = 2, and dst has one element per row")
	x := make([]T, 4)
	require.PanicsWithValue(t, "kernels: LogSumExp: dst and x overlap", func() { LogSumExp(x[:2], x, 2) })
	require.PanicsWithValue(t, "kernels: LogSumExp: len(dst) = 1, rows = 2", func() { LogSumExp(y[:1], x, 2) })
}
