package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// The numerical gradients compare every backward with central differences of its forward, which is
// written here in float64 with package math.

const gradStep = 1e-3

// weighted returns the dot product of an output with dy. Its gradient by the input is what the
// backward has to return.
func weighted(y, dy []float64) float64 {
	s := 0.0
	for i, v := range y {
		s += v * dy[i]
	}
	return s
}

func refSoftmax(x []float64) []float64 {
	m, s := math.Inf(-1), 0.0
	for _, v := range x {
		m = max(m, v)
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Exp(v - m)
		s += y[i]
	}
	for i := range y {
		y[i] /= s
	}
	return y
}

func refLogSoftmax(x []float64) []float64 {
	y := refSoftmax(x)
	for i, v := range y {
		y[i] = math.Log(v)
	}
	return y
}

func to64[T Float](x []T) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// checkGrad compares dx with the numerical gradient of f at x.
func checkGrad[T Float](t *testing.T, name string, dx, x []T, f func(x []float64) float64) {
	t.Helper()
	at := to64(x)
	for i := range x {
		want := kt.NumGrad(f, at, i, gradStep)
		require.InDelta(t, want, float64(dx[i]), kt.Pick[T](3e-6, 1e-10), "%s: dx[%d] at %v",
			name, i, x[i])
	}
}

func TestNumericalGradients(t *testing.T) {
	t.Run("float32", testNumericalGradients[float32])
	t.Run("float64", testNumericalGradients[float64])
}

func testNumericalGradients[T Float](t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, n := range []int{1, 2, 3, 10, 16, 17, 33, 70} {
			r := kt.NewRand(uint64(n))
			x, dy, y, dx := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
			kt.Fill(r, kt.Normal, x, n)
			kt.Fill(r, kt.Unit, dy, n)
			for i := range x {
				x[i] = max(-6, min(6, x[i]))
				if math.Abs(float64(x[i])) < 0.01 { // there are no differences across ReLU's corner
					x[i] = 0.5
				}
			}
			dy64 := to64(dy)

			mask := make([]uint64, MaskLen(n))
			ReLUMask(y, x, mask)
			refReLU := func(x []float64) float64 {
				y := make([]float64, n)
				for i, v := range x {
					y[i] = math.Max(v, 0)
				}
				return weighted(y, dy64)
			}
			ReLUBackward(dx, dy, mask)
			checkGrad(t, "ReLU", dx, x, refReLU)
			clear(dx)
			ReLUBackwardOutput(dx, dy, y)
			checkGrad(t, "ReLU from its output", dx, x, refReLU)

			for name, f := range map[string]func(dst, x []T){"Sigmoid": Sigmoid[T],
				"SigmoidFast": SigmoidFast[T]} {
				f(y, x)
				SigmoidBackward(dx, dy, y)
				checkGrad(t, name, dx, x, func(x []float64) float64 {
					y := make([]float64, n)
					for i, v := range x {
						y[i] = 1 / (1 + math.Exp(-v))
					}
					return weighted(y, dy64)
				})
			}

			Softmax(y, x, n)
			SoftmaxBackward(dx, dy, y, n)
			checkGrad(t, "Softmax", dx, x, func(x []float64) float64 {
				return weighted(refSoftmax(x), dy64)
			})

			LogSoftmax(y, x, n)
			LogSoftmaxBackward(dx, dy, y, n)
			checkGrad(t, "LogSoftmax", dx, x, func(x []float64) float64 {
				return weighted(refLogSoftmax(x), dy64)
			})

			label := n / 2
			loss := make([]T, 1)
			require.NoError(t, CrossEntropyGrad(dx, loss, x, []int{label}, n, 0.5))
			checkGrad(t, "CrossEntropy", dx, x, func(x []float64) float64 {
				return -0.5 * refLogSoftmax(x)[label]
			})

			target := make([]T, n)
			kt.FillProb(r, target, n)
			require.NoError(t, CrossEntropyProbGrad(dx, loss, x, target, n, 0.5))
			t64 := to64(target)
			checkGrad(t, "CrossEntropyProb", dx, x, func(x []float64) float64 {
				return -0.5 * weighted(refLogSoftmax(x), t64)
			})
			// Targets need not sum to one.
			for i := range target {
				target[i] = T(math.Abs(float64(dy[i])))
			}
			t64 = to64(target)
			require.NoError(t, CrossEntropyProbGrad(dx, loss, x, target, n, 0.25))
			checkGrad(t, "CrossEntropyProb, any targets", dx, x, func(x []float64) float64 {
				return -0.25 * weighted(refLogSoftmax(x), t64)
			})
		}
	})
}

// gradients compares the backward of a function f of elements with central differences, but for
// inputs near a corner of f.
func gradients[T Float](t *testing.T, name string, corners []float64, backward func(dx, dy, x []T),
	f func(x float64) float64) {
	t.Helper()
	for _, n := range []int{1, 3, 16, 33, 70} {
		r := kt.NewRand(uint64(n))
		x, dy, dx := make([]T, n), make([]T, n), make([]T, n)
		kt.Fill(r, kt.Normal, x, n)
		kt.Fill(r, kt.Unit, dy, n)
		for i := range x {
			for _, c := range corners {
				if math.Abs(float64(x[i])-c) < 0.01 {
					x[i] = T(c + 0.5)
				}
			}
		}
		backward(dx, dy, x)
		checkGrad(t, name, dx, x, func(x []float64) float64 {
			y := make([]float64, n)
			for i, v := range x {
				y[i] = f(v)
			}
			return weighted(y, to64(dy))
		})
	}
}
