package layers_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/layers"
)

// The book's example: f(x) = x0^2 + x1^2, whose gradient it prints as 6, 8 at (3, 4), 0, 4 at (0,
// 2) and 6, 0 at (3, 0).
func TestNumericalGradientAsInTheBook(t *testing.T) {
	square := func(x []float64) float64 { return x[0]*x[0] + x[1]*x[1] }
	for _, c := range [][2][]float64{{{3, 4}, {6, 8}}, {{0, 2}, {0, 4}}, {{3, 0}, {6, 0}}} {
		requireClose(t, c[1], layers.NumericalGradient(square, c[0]), 1e-10)
	}
}

// The documented error, for functions with known derivatives.
func TestNumericalGradientError(t *testing.T) {
	points := []float64{-3, -1, -0.3, 0, 1e-9, 0.7, 2, 10}
	t.Run("float64", func(t *testing.T) {
		got := layers.NumericalGradient(func(x []float64) float64 {
			sum := 0.0
			for _, v := range x {
				sum += math.Sin(v)
			}
			return sum
		}, append([]float64(nil), points...))
		for i, v := range points {
			// 10 has a step of 10*2^-17 (10.2e-12 * 100 * cos); the sum is up to 4, its error
			// 4*2^-53 or so.
			h := 0x1p-17 * math.Max(1, math.Abs(v))
			assert.InDelta(t, math.Cos(v), got[i], h*h/6+4*0x1p-52/h)
		}
	})
	t.Run("float32", func(t *testing.T) {
		x := make([]float32, len(points))
		for i, v := range points {
			x[i] = float32(v)
		}
		got := layers.NumericalGradient(func(x []float32) float64 {
			sum := 0.0
			for _, v := range x {
				sum += float64(float32(math.Sin(float64(v))))
			}
			return sum
		}, x)
		for i, v := range x {
			h := 0x1p-8 * math.Max(1, math.Abs(float64(v)))
			assert.InDelta(t, math.Cos(float64(v)), float64(got[i]), h*h/6+0x1p-24/h+0x1p-24)
		}
	})
}

func TestNumericalGradientRestores(t *testing.T) {
	x := []float64{0.1, math.Copysign(0, -1), 1e300, -7}
	before := bits(x)
	calls := 0
	layers.NumericalGradient(func(got []float64) float64 {
		assert.Same(t, &x[0], &got[0], "f gets x itself")
		off := 0
		for i, b := range bits(got) {
			if b != before[i] {
				off++
			}
		}
		assert.Equal(t, 1, off, "one element at a time")
		calls++
		return 0
	}, x)
	assert.Equal(t, 8, calls)
	assert.Equal(t, before, bits(x))

	assert.Panics(t, func() {
		layers.NumericalGradient(func([]float64) float64 { panic("f") }, x)
	})
	assert.Equal(t, before, bits(x), "also when f panics")
	assert.Empty(t, layers.NumericalGradient(func([]float64) float64 { return 1 }, []float64{}))
}

// checkGradients compares a layer's Backward with numerical gradients of sum(weights*Forward(x)).
func checkGradients[T kernels.Float](t *testing.T, forward, backward func([]T) []T, x []T,
	tol float64) {
	t.Helper()
	weights := randomLogits[T](1, len(x), 1)
	start := append([]T(nil), forward(x)...)
	numerical := layers.NumericalGradient(func(x []T) float64 {
		sum := 0.0
		for i, v := range forward(x) {
			// small, so that adding up rounds little
			sum += (float64(v) - float64(start[i])) * float64(weights[i])
		}
		return sum
	}, x)
	forward(x)
	requireGradients(t, numerical, backward(weights), tol)
}

func requireGradients[T kernels.Float](t *testing.T, numerical, got []T, tol float64) {
	t.Helper()
	require.Len(t, got, len(numerical))
	nonzero := 0
	for i, want := range numerical {
		require.InDelta(t, float64(want), float64(got[i]), tol, "element %d", i)
		if got[i] != 0 {
			nonzero++
		}
	}
	require.NotZero(t, nonzero)
}

func TestGradients(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testGradients[float32](t, 1e-4) })
	t.Run("float64", func(t *testing.T) { testGradients[float64](t, 1e-9) })
}

func testGradients[T kernels.Float](t *testing.T, tol float64) {
	// Odd sizes, around one and several mask words and summation blocks.
	for _, c := range [][2]int{{1, 1}, {1, 3}, {3, 2}, {13, 5}, {2, 10}, {3, 33}, {1, 129}} {
		rows, classes := c[0], c[1]
		x := randomLogits[T](rows, classes, 3)

		var relu layers.ReLU[T]
		kinkFree := append([]T(nil), x...)
		for i, v := range kinkFree {
			if v > -0.1 && v < 0.1 {
				kinkFree[i] = v + 0.25 // away from the kink at 0
			}
		}
		if rows*classes > 1 { // one element may be negative, its gradient 0
			checkGradients(t, relu.Forward, relu.Backward, kinkFree, tol)
		}

		var sigmoid layers.Sigmoid[T]
		checkGradients(t, sigmoid.Forward, sigmoid.Backward, x, tol)

		if classes == 1 {
			continue // the gradients of softmax are all 0
		}
		softmax := layers.Softmax[T]{Classes: classes}
		checkGradients(t, softmax.Forward, softmax.Backward, x, tol)

		loss := layers.SoftmaxWithLoss[T]{Classes: classes}
		labels, target := make([]int, rows), make([]T, len(x))
		for i := range labels {
			labels[i] = (i*7 + 1) % classes
			for j := range classes {
				target[i*classes+j] = T(1+(i+j*j)%4) / T(2*classes) // sums to about one
			}
		}
		for _, dout := range []T{1, -2} {
			byLabel := func(x []T) float64 {
				l, err := loss.Forward(x, labels)
				require.NoError(t, err)
				return float64(dout) * l
			}
			// The error of f grows with f, and that of the numerical gradient with it.
			numerical := layers.NumericalGradient(byLabel, x)
			f := byLabel(x)
			requireGradients(t, numerical, loss.Backward(dout), tol*(1+math.Abs(f)))

			byProb := func(x []T) float64 {
				l, err := loss.ForwardProb(x, target)
				require.NoError(t, err)
				return float64(dout) * l
			}
			numerical = layers.NumericalGradient(byProb, x)
			f = byProb(x)
			requireGradients(t, numerical, loss.Backward(dout), tol*(1+math.Abs(f)))
		}
	}
}

// Layers in a row: Sigmoid - ReLU - SoftmaxWithLoss, with the slices that they return passed
// straight on.
func TestGradientOfAStack(t *testing.T) {
	const rows, classes = 6, 7
	var sigmoid layers.Sigmoid[float64]
	var relu layers.ReLU[float64]
	loss := layers.SoftmaxWithLoss[float64]{Classes: classes}
	labels := []int{0, 6, 3, 3, 1, 5}
	f := func(x []float64) float64 {
		h := sigmoid.Forward(x)
		shifted := make([]float64, len(h)) // so that ReLU has something to cut
		for i, v := range h {
			shifted[i] = v - 0.5
		}
		l, err := loss.Forward(relu.Forward(shifted), labels)
		require.NoError(t, err)
		return l
	}
	x := randomLogits[float64](rows, classes, 5)
	numerical := layers.NumericalGradient(f, x)
	f(x)
	requireGradients(t, numerical, sigmoid.Backward(relu.Backward(loss.Backward(1))), 1e-9)
}
