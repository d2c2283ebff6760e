package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

func TestSpecialLeakyReLU(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialLeakyReLU[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialLeakyReLU[float64](t) })
	})
}

func specialLeakyReLU[T Float](t *testing.T) {
	tiny, negZero, inf, nan := kt.FromBits[T](1), T(math.Copysign(0, -1)), kt.Inf[T](1), kt.NaN[T]()
	for _, c := range []struct{ x, slope, y T }{
		{0, 0.5, 0}, {negZero, 0.5, negZero}, {0, -2, negZero}, {negZero, -2, 0}, {nan, 0.5, nan},
		{nan, 0, nan}, {inf, 0.5, inf}, {inf, 0, inf}, {-inf, 0.5, -inf}, {-inf, -1, inf},
		{-inf, 0, nan}, {0, inf, nan}, {-1, inf, -inf}, {1, nan, 1}, {-1, nan, nan},
		{tiny, 0.5, tiny}, {-tiny, 0.5, negZero}, {-3 * tiny, 0.5, -2 * tiny}, {-3, 1, -3},
		{-2, 0, negZero}, {3, -7, 3},
	} {
		for n := 1; n < 70; n += 3 {
			for _, at := range []int{0, n / 2, n - 1} {
				x, y, dy, dx := ones[T](n), make([]T, n), ones[T](n), make([]T, n)
				x[at], dy[at] = c.x, c.x
				LeakyReLU(y, x, c.slope)
				LeakyReLUBackward(dx, dy, x, c.slope)
				for i := range x {
					want := T(1)
					if i == at {
						want = c.y
					}
					require.True(t, kt.Same(want, y[i]) && kt.Same(want, dx[i]),
						"%v, slope %v: %v, %v at %d of %d", c.x, c.slope, y[i], dx[i], i, n)
				}
			}
		}
	}
	dx := make([]T, 5) // the branch is that of x, whatever dy
	LeakyReLUBackward(dx, []T{8, -8, nan, 8, 8}, []T{1, -1, 1, nan, 0}, 0.5)
	for i, want := range []T{8, -4, nan, 4, 4} {
		require.True(t, kt.Same(want, dx[i]), "dx[%d] = %v", i, dx[i])
	}
}

func TestSpecialReLUSquared(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialReLUSquared[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialReLUSquared[float64](t) })
	})
}

func specialReLUSquared[T Float](t *testing.T) {
	tiny, negZero, inf, nan := kt.FromBits[T](1), T(math.Copysign(0, -1)), kt.Inf[T](1), kt.NaN[T]()
	huge := T(kt.Pick[T](math.MaxFloat32, math.MaxFloat64))
	// x, its square, dy, the gradient
	for _, c := range [][4]T{
		{0, 0, 1, 0}, {negZero, 0, 1, 0}, {3, 9, -2, -12}, {-3, 0, 5, 0}, {inf, inf, 1, inf},
		{-inf, 0, inf, 0}, {nan, nan, 1, nan}, {-2, 0, nan, 0}, {2, 4, nan, nan}, {tiny, 0, 3, 6 * tiny},
		{huge, inf, 0.25, huge / 2}, {1, 1, tiny, 2 * tiny}, {inf, inf, 0, nan},
	} {
		for at := range 70 {
			x, y, dy, dx := ones[T](70), make([]T, 70), ones[T](70), make([]T, 70)
			x[at], dy[at] = c[0], c[2]
			ReLUSquared(y, x)
			ReLUSquaredBackward(dx, dy, x)
			require.True(t, kt.Same(c[1], y[at]) && kt.Same(c[3], dx[at]), "%v: %v, %v", c, y[at], dx[at])
		}
	}
}
