package layers_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/layers"
)

// floats returns values as a []T.
func floats[T kernels.Float](values ...float64) []T {
	s := make([]T, len(values))
	for i, v := range values {
		s[i] = T(v)
	}
	return s
}

// bits returns the bit patterns of s.
func bits[T kernels.Float](s []T) []uint64 {
	b := make([]uint64, len(s))
	for i, v := range s {
		b[i] = math.Float64bits(float64(v)) // the conversion is exact
	}
	return b
}

// requireClose fails unless |got-want| <= tol*max(1, |want|) for each element.
func requireClose[T kernels.Float](t *testing.T, want []float64, got []T, tol float64) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.InDelta(t, want[i], float64(got[i]), tol*math.Max(1, math.Abs(want[i])),
			"element %d", i)
	}
}

// eachType runs a test for both types, with a tolerance for results of a few roundings.
func eachType(t *testing.T, f32 func(t *testing.T, tol float64),
	f64 func(t *testing.T, tol float64)) {
	t.Run("float32", func(t *testing.T) { f32(t, 4*0x1p-23) })
	t.Run("float64", func(t *testing.T) { f64(t, 4*0x1p-52) })
}

func TestReLUAsInTheBook(t *testing.T) {
	eachType(t, testReLUAsInTheBook[float32], testReLUAsInTheBook[float64])
}

func testReLUAsInTheBook[T kernels.Float](t *testing.T, _ float64) {
	var relu layers.ReLU[T]
	// The book's x, and what its mask says.
	assert.Equal(t, floats[T](1, 0, 0, 3), relu.Forward(floats[T](1, -0.5, -2, 3)))
	assert.Equal(t, floats[T](10, 0, 0, 40), relu.Backward(floats[T](10, 20, 30, 40)))

	negativeZero := math.Copysign(0, -1)
	y := relu.Forward(floats[T](0, negativeZero, math.Inf(1), math.Inf(-1), math.NaN()))
	assert.Equal(t, bits(floats[T](0, 0, math.Inf(1), 0)), bits(y[:4]), "zeros are +0")
	assert.True(t, y[4] != y[4], "NaN is passed")
	assert.Equal(t, floats[T](0, 0, 1, 0, 1), relu.Backward(floats[T](1, 1, 1, 1, 1)))
}

func TestSigmoidAsInTheBook(t *testing.T) {
	eachType(t, testSigmoidAsInTheBook[float32], testSigmoidAsInTheBook[float64])
}

func testSigmoidAsInTheBook[T kernels.Float](t *testing.T, tol float64) {
	var sigmoid layers.Sigmoid[T]
	x := []float64{-1, 1, 2, 0, -5.5, 7.25}
	dout := []float64{1, 2, -3, 4, -5, 6}
	var y, dx []float64
	for i, v := range x {
		p := 1 / (1 + math.Exp(-v))
		y = append(y, p)
		dx = append(dx, dout[i]*(1-p)*p)
	}
	requireClose(t, y, sigmoid.Forward(floats[T](x...)), tol)
	requireClose(t, dx, sigmoid.Backward(floats[T](dout...)), tol)
	// As printed in the book.
	requireClose(t, []float64{0.26894142, 0.73105858, 0.88079708},
		sigmoid.Forward(floats[T](-1, 1, 2)), 1e-7)
}

func TestSoftmaxAsInTheBook(t *testing.T) {
	eachType(t, testSoftmaxAsInTheBook[float32], testSoftmaxAsInTheBook[float64])
}

func testSoftmaxAsInTheBook[T kernels.Float](t *testing.T, tol float64) {
	softmax := layers.Softmax[T]{Classes: 3}
	x := []float64{0.3, 2.9, 4.0, 1010, 1000, 990}
	dout := []float64{1, -2, 3, 0.5, 0.25, -4}
	y := softmaxOf(x, 3)
	var dx []float64
	for r := 0; r < len(x); r += 3 {
		dot := dout[r]*y[r] + dout[r+1]*y[r+1] + dout[r+2]*y[r+2]
		for j := r; j < r+3; j++ {
			dx = append(dx, y[j]*(dout[j]-dot))
		}
	}
	got := softmax.Forward(floats[T](x...))
	// 0.3, 2.9 and 4.0 are not float32 numbers: their rounding shifts the result by up to x*2^-24.
	requireClose(t, y, got, 2*tol)
	// As printed in the book.
	requireClose(t, []float64{0.01821127, 0.24519181, 0.73659691}, got[:3], 1e-7)
	requireClose(t, []float64{9.99954600e-01, 4.53978686e-05, 2.06106005e-09}, got[3:], 1e-8+tol)
	requireClose(t, dx, softmax.Backward(floats[T](dout...)), 4*tol)
}

// softmaxOf returns the softmax of each row, by the book's formula.
func softmaxOf(x []float64, classes int) []float64 {
	y := make([]float64, len(x))
	for r := 0; r < len(x); r += classes {
		m := math.Inf(-1)
		for _, v := range x[r : r+classes] {
			m = math.Max(m, v)
		}
		sum := 0.0
		for j, v := range x[r : r+classes] {
			y[r+j] = math.Exp(v - m)
			sum += y[r+j]
		}
		for j := range classes {
			y[r+j] /= sum
		}
	}
	return y
}

func TestSoftmaxWithLossAsInTheBook(t *testing.T) {
	eachType(t, testSoftmaxWithLossAsInTheBook[float32], testSoftmaxWithLossAsInTheBook[float64])
}

func testSoftmaxWithLossAsInTheBook[T kernels.Float](t *testing.T, tol float64) {
	// The book's y as probabilities of the logits log(y) (its 0 becoming -Inf), and its loss for
	// the label 2.
	p := []float64{0.1, 0.05, 0.6, 0, 0.05, 0.1, 0, 0.1, 0, 0}
	logits := make([]float64, len(p))
	for i, v := range p {
		logits[i] = math.Log(v)
	}
	book := layers.SoftmaxWithLoss[T]{Classes: 10}
	l, err := book.Forward(floats[T](logits...), []int{2})
	require.NoError(t, err)
	assert.InDelta(t, 0.510825457099338, l, 2e-7, "the book adds 1e-7 to y")
	assert.InDelta(t, -math.Log(0.6), l, tol)
	l, err = book.Forward(floats[T](logits...), []int{7})
	require.NoError(t, err)
	assert.InDelta(t, 2.302584092994546, l, 2e-6)
	assert.InDelta(t, -math.Log(0.1), l, 2*tol)

	// Three rows, by the formulas.
	const classes = 4
	x := []float64{0.25, -1.5, 3, 0.5, 2, 2, 2, 2, -8, 7.75, 0, 1}
	y := softmaxOf(x, classes)
	labels := []int{2, 0, 3}
	oneHot := make([]float64, len(x))
	want := 0.0
	for i, label := range labels {
		oneHot[i*classes+label] = 1
		want -= math.Log(y[i*classes+label]) / 3
	}
	soft := []float64{0.1, 0.2, 0.3, 0.4, 1, 0, 0, 0, 0, 0.25, 0.25, 0.5}
	wantSoft := 0.0
	for i, v := range soft {
		wantSoft -= v * math.Log(y[i]) / 3
	}
	gradient := func(dout float64, target []float64) []float64 {
		dx := make([]float64, len(x))
		for i := range dx {
			dx[i] = dout * (y[i] - target[i]) / 3
		}
		return dx
	}

	layer := layers.SoftmaxWithLoss[T]{Classes: classes}
	for _, dout := range []float64{1, 0.5, -3, 0, 65536} {
		l, err = layer.Forward(floats[T](x...), labels)
		require.NoError(t, err)
		assert.InDelta(t, want, l, 4*tol)
		requireClose(t, gradient(dout, oneHot), layer.Backward(T(dout)), 4*tol)
		assert.Len(t, layer.Losses(), 3)
		assert.InDelta(t, -math.Log(y[2]), float64(layer.Losses()[0]), 4*tol)

		l, err = layer.ForwardProb(floats[T](x...), floats[T](oneHot...))
		require.NoError(t, err)
		assert.InDelta(t, want, l, 4*tol)
		requireClose(t, gradient(dout, oneHot), layer.Backward(T(dout)), 4*tol)

		l, err = layer.ForwardProb(floats[T](x...), floats[T](soft...))
		require.NoError(t, err)
		assert.InDelta(t, wantSoft, l, 8*tol)
		requireClose(t, gradient(dout, soft), layer.Backward(T(dout)), 4*tol)
	}
}

// The loss is the float64 mean, in row order, of the row losses.
func TestSoftmaxWithLossMean(t *testing.T) {
	eachType(t, testSoftmaxWithLossMean[float32], testSoftmaxWithLossMean[float64])
}

func testSoftmaxWithLossMean[T kernels.Float](t *testing.T, _ float64) {
	const rows, classes = 1000, 3
	x, labels := randomLogits[T](rows, classes, 4), make([]int, rows)
	for i := range labels {
		labels[i] = i * i % classes
	}
	layer := layers.SoftmaxWithLoss[T]{Classes: classes}
	got, err := layer.Forward(x, labels)
	require.NoError(t, err)

	losses := make([]T, rows)
	require.NoError(t, kernels.CrossEntropy(losses, x, labels, classes))
	sum := 0.0
	for _, v := range losses {
		sum += float64(v)
	}
	assert.Equal(t, math.Float64bits(sum/rows), math.Float64bits(got))
	assert.Equal(t, bits(losses), bits(layer.Losses()))
}

// A confident row keeps its loss and its gradient: log1p(exp(-margin)) and -dout*exp(-margin)/rows
// at the label.
func TestSoftmaxWithLossConfidentRows(t *testing.T) {
	eachType(t, testSoftmaxWithLossConfidentRows[float32],
		testSoftmaxWithLossConfidentRows[float64])
}

func testSoftmaxWithLossConfidentRows[T kernels.Float](t *testing.T, tol float64) {
	margins := []float64{20, 50, 80}
	var x, oneHot []T
	var labels []int
	for i, m := range margins {
		row, target := make([]T, 2), make([]T, 2)
		row[i%2], target[i%2] = T(m), 1
		x, oneHot, labels = append(x, row...), append(oneHot, target...), append(labels, i%2)
	}
	layer := layers.SoftmaxWithLoss[T]{Classes: 2}
	for _, dout := range []float64{1, 0.25} {
		for _, byProb := range []bool{false, true} {
			var err error
			if byProb {
				_, err = layer.ForwardProb(x, oneHot)
			} else {
				_, err = layer.Forward(x, labels)
			}
			require.NoError(t, err)
			dx := layer.Backward(T(dout))
			for i, m := range margins {
				assert.InEpsilon(t, math.Log1p(math.Exp(-m)), float64(layer.Losses()[i]), 4*tol,
					"loss at margin %v", m)
				p := math.Exp(-m) / (1 + math.Exp(-m))
				assert.InEpsilon(t, -dout*p/3, float64(dx[2*i+i%2]), 4*tol,
					"gradient at margin %v", m)
				assert.InEpsilon(t, dout*p/3, float64(dx[2*i+1-i%2]), 4*tol,
					"gradient beside the label at margin %v", m)
			}
		}
	}
}

// A scale near the end of the type's range reaches the kernel as one factor. If the gradient were
// computed for 1 and multiplied afterwards, it would be rounded to a subnormal, or to zero, on the
// way.
func TestSoftmaxWithLossScaledLoss(t *testing.T) {
	const rows = 256
	layer := layers.SoftmaxWithLoss[float32]{Classes: 2}
	x := make([]float32, 2*rows)
	for r := range rows {
		x[2*r] = 87
	}
	_, err := layer.Forward(x, make([]int, rows))
	require.NoError(t, err)
	want := -0x1p24 / rows * math.Exp(-87)
	assert.InEpsilon(t, want, float64(layer.Backward(0x1p24)[0]), 4*0x1p-23)
	afterwards := 0x1p24 * layer.Backward(1)[0]
	assert.Greater(t, math.Abs(float64(afterwards)/want-1), 1e-6, "this row tells the two apart")
}

func TestForwardLabelsTypes(t *testing.T) {
	x := randomLogits[float32](5, 3, 2)
	var layer layers.SoftmaxWithLoss[float32]
	layer.Classes = 3
	want, err := layer.Forward(x, []int{0, 1, 2, 1, 0})
	require.NoError(t, err)
	wantDX := bits(layer.Backward(2))

	type digit uint8
	got, err := layers.ForwardLabels(&layer, x, []digit{0, 1, 2, 1, 0})
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, wantDX, bits(layer.Backward(2)))
	got, err = layers.ForwardLabels(&layer, x, []int64{0, 1, 2, 1, 0})
	require.NoError(t, err)
	assert.Equal(t, want, got)
	layer.Backward(1)
	assert.Equal(t, wantDX, bits(layer.Backward(2)), "from the kept labels")
}

// randomLogits returns rows of reproducible values in [-span, span).
func randomLogits[T kernels.Float](rows, classes int, span float64) []T {
	x, state := make([]T, rows*classes), uint32(12345)
	for i := range x {
		state = 1664525*state + 1013904223
		x[i] = T((float64(state>>8)/(1<<23) - 1) * span)
	}
	return x
}
