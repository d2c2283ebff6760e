package layers_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/layers"
)

func TestMessages(t *testing.T) {
	four, six := make([]float32, 4), make([]float32, 6)
	var relu layers.ReLU[float32]
	var sigmoid layers.Sigmoid[float32]
	softmax := layers.Softmax[float32]{Classes: 3}
	loss := layers.SoftmaxWithLoss[float32]{Classes: 3}

	before := func(name string) string {
		return "layers: " + name + ": Backward before Forward: call Forward first"
	}
	assert.PanicsWithValue(t, before("ReLU"), func() { relu.Backward(four) })
	assert.PanicsWithValue(t, before("ReLU"), func() { relu.Backward(nil) })
	assert.PanicsWithValue(t, before("Sigmoid"), func() { sigmoid.Backward(four) })
	assert.PanicsWithValue(t, before("Softmax"), func() { softmax.Backward(six) })
	assert.PanicsWithValue(t, before("SoftmaxWithLoss"), func() { loss.Backward(1) })

	wrong := func(name string, got, want int) string {
		return fmt.Sprintf("layers: %s: Backward: len(dout) = %d, but the last Forward had %d "+
			"elements: pass one gradient for each",
			name, got, want)
	}
	relu.Forward(four)
	assert.PanicsWithValue(t, wrong("ReLU", 6, 4), func() { relu.Backward(six) })
	sigmoid.Forward(four)
	assert.PanicsWithValue(t, wrong("Sigmoid", 6, 4), func() { sigmoid.Backward(six) })
	softmax.Forward(six)
	assert.PanicsWithValue(t, wrong("Softmax", 4, 6), func() { softmax.Backward(four) })

	assert.PanicsWithValue(t, "layers: Softmax: Classes = 0: set it to the length of a row",
		func() { new(layers.Softmax[float32]).Forward(six) })
	assert.PanicsWithValue(t,
		"layers: SoftmaxWithLoss: Classes = -1: set it to the length of a row",
		func() { (&layers.SoftmaxWithLoss[float32]{Classes: -1}).Forward(six, []int{1, 1}) })
	assert.PanicsWithValue(t,
		"layers: Softmax: Forward: len(x) = 4 is not a multiple of Classes = 3: pass whole rows",
		func() { softmax.Forward(four) })
	assert.PanicsWithValue(t,
		"layers: SoftmaxWithLoss: Forward: len(x) = 4 is not a multiple of Classes = 3: pass whole rows",
		func() { loss.Forward(four, []int{1, 1}) })
	assert.PanicsWithValue(t,
		"layers: SoftmaxWithLoss: ForwardProb: len(x) = 4 is not a multiple of Classes = 3: pass whole rows",
		func() { loss.ForwardProb(four, four) })
	assert.PanicsWithValue(t,
		"layers: SoftmaxWithLoss: Forward: len(labels) = 3, but len(x) = 6 is 2 rows of Classes "+
			"= 3: pass one label per row",
		func() { loss.Forward(six, []int{1, 1, 1}) })
	assert.PanicsWithValue(t,
		"layers: SoftmaxWithLoss: ForwardProb: len(t) = 4, len(x) = 6: pass one target row of "+
			"Classes = 3 for each row of x",
		func() { loss.ForwardProb(six, four) })

	_, err := loss.Forward(six, []int{1, 1})
	require.NoError(t, err)
	dx := loss.Backward(1)
	assert.PanicsWithValue(t,
		"layers: SoftmaxWithLoss: Forward: x is the slice that Backward returned: pass a copy",
		func() { loss.Forward(dx, []int{1, 1}) })
	assert.PanicsWithValue(t,
		"layers: SoftmaxWithLoss: ForwardProb: t is the slice that Backward returned: pass a copy",
		func() { loss.ForwardProb(six, dx) })
}

// TestInvalidDataLeavesTheLayer checks the messages for invalid data, and that the layer stays as
// it was: Backward still returns the gradient of the Forward before.
func TestInvalidDataLeavesTheLayer(t *testing.T) {
	eachType(t, testInvalidDataLeavesTheLayer[float32], testInvalidDataLeavesTheLayer[float64])
}

func testInvalidDataLeavesTheLayer[T kernels.Float](t *testing.T, _ float64) {
	x, target := randomLogits[T](4, 3, 2), floats[T](1, 0, 0, 0, 0.5, 0.5, 0, 0, 1, 0.25, 0.25, 0.5)
	other := randomLogits[T](9, 3, 5)
	bad := func(i int, v float64) []T {
		s := make([]T, len(other))
		s[i] = T(v)
		return s
	}
	forwards := map[string]func(l *layers.SoftmaxWithLoss[T]) (float64, error){
		"labels": func(l *layers.SoftmaxWithLoss[T]) (float64, error) {
			return l.Forward(x, []int{2, 0, 1, 1})
		},
		"prob": func(l *layers.SoftmaxWithLoss[T]) (float64, error) {
			return l.ForwardProb(x, target)
		},
	}
	for name, forward := range forwards {
		for _, dout := range []T{1, 3} {
			t.Run(fmt.Sprint(name, " ", dout), func(t *testing.T) {
				reference := layers.SoftmaxWithLoss[T]{Classes: 3}
				_, err := forward(&reference)
				require.NoError(t, err)
				want := bits(reference.Backward(dout))

				layer := layers.SoftmaxWithLoss[T]{Classes: 3}
				_, err = forward(&layer)
				require.NoError(t, err)
				wantLosses := bits(layer.Losses())

				l, err := layer.Forward(other, []int{0, 1, 2, 0, 1, 3, 2, 1, 0})
				require.ErrorContains(t, err, "layers: SoftmaxWithLoss: Forward: kernels: ")
				assert.ErrorContains(t, err, "3")
				assert.ErrorContains(t, err, "row 5")
				assert.Zero(t, l)
				_, err = layer.Forward(x, []int{0, -1, 2, 0}) // fits the buffers that are there
				require.ErrorContains(t, err, "row 1")
				_, err = layers.ForwardLabels(&layer, x, []uint64{0, 1, math.MaxUint64, 0})
				require.ErrorContains(t, err, "row 2")
				assert.ErrorContains(t, err, "18446744073709551615")

				_, err = layer.ForwardProb(other, bad(16, -0.5))
				assert.EqualError(t, err,
					"layers: SoftmaxWithLoss: ForwardProb: target -0.5 at row 5, class 1 is not a probability")
				_, err = layer.ForwardProb(other, bad(0, math.NaN()))
				assert.EqualError(t, err,
					"layers: SoftmaxWithLoss: ForwardProb: target NaN at row 0, class 0 is not a probability")
				_, err = layer.ForwardProb(other, bad(26, math.Inf(1)))
				assert.EqualError(t, err,
					"layers: SoftmaxWithLoss: ForwardProb: target +Inf at row 8, class 2 is not a probability")

				// Wrong sizes leave it too.
				assert.Panics(t, func() { layer.Forward(other, []int{1}) })
				assert.Panics(t, func() { layer.ForwardProb(other[:4], other[:4]) })
				layer.Classes = 5
				assert.Panics(t, func() { layer.Forward(other, []int{1}) })

				assert.Equal(t, wantLosses, bits(layer.Losses()))
				assert.Equal(t, want, bits(layer.Backward(dout)))
			})
		}
	}
}

func TestWrongSizesLeaveTheLayer(t *testing.T) {
	x := randomLogits[float64](3, 4, 3)
	dout := randomLogits[float64](4, 3, 1)
	var relu layers.ReLU[float64]
	var sigmoid layers.Sigmoid[float64]
	softmax := layers.Softmax[float64]{Classes: 4}
	for name, l := range map[string]interface {
		Forward([]float64) []float64
		Backward([]float64) []float64
	}{"relu": &relu, "sigmoid": &sigmoid, "softmax": &softmax} {
		t.Run(name, func(t *testing.T) {
			l.Forward(x)
			want := bits(l.Backward(dout))
			y := l.Forward(x)
			assert.Panics(t, func() { l.Backward(dout[1:]) })
			assert.Panics(t, func() { l.Forward(y[1:9]) }, "overlaps the layer's own memory")
			softmax.Classes = 5
			assert.Panics(t, func() { softmax.Forward(x) })
			assert.Equal(t, want, bits(l.Backward(dout)))
			softmax.Classes = 4
		})
	}
}

// TestBatchSizes checks that batches of changing sizes, also empty ones, give the results of a new
// layer.
func TestBatchSizes(t *testing.T) {
	eachType(t, testBatchSizes[float32], testBatchSizes[float64])
}

func testBatchSizes[T kernels.Float](t *testing.T, _ float64) {
	const classes = 10
	var relu layers.ReLU[T]
	var sigmoid layers.Sigmoid[T]
	softmax := layers.Softmax[T]{Classes: classes}
	loss := layers.SoftmaxWithLoss[T]{Classes: classes}
	for _, rows := range []int{5, 1, 0, 64, 7, 65, 3, 200, 64} {
		x, dout := randomLogits[T](rows, classes, 6), randomLogits[T](classes, rows, 1)
		labels := make([]int, rows)
		for i := range labels {
			labels[i] = (i * 3) % classes
		}
		newReLU, newSigmoid, newSoftmax := layers.ReLU[T]{}, layers.Sigmoid[T]{},
			layers.Softmax[T]{Classes: classes}
		newLoss := layers.SoftmaxWithLoss[T]{Classes: classes}
		assert.Equal(t, bits(newReLU.Forward(x)), bits(relu.Forward(x)))
		assert.Equal(t, bits(newReLU.Backward(dout)), bits(relu.Backward(dout)))
		assert.Equal(t, bits(newSigmoid.Forward(x)), bits(sigmoid.Forward(x)))
		assert.Equal(t, bits(newSigmoid.Backward(dout)), bits(sigmoid.Backward(dout)))
		assert.Equal(t, bits(newSoftmax.Forward(x)), bits(softmax.Forward(x)))
		assert.Equal(t, bits(newSoftmax.Backward(dout)), bits(softmax.Backward(dout)))

		want, err := newLoss.Forward(x, labels)
		require.NoError(t, err)
		got, err := loss.Forward(x, labels)
		require.NoError(t, err)
		if rows == 0 {
			assert.True(t, math.IsNaN(got), "the mean of nothing")
		} else {
			assert.Equal(t, want, got)
		}
		assert.Len(t, loss.Losses(), rows)
		gradient := bits(newLoss.Backward(0.5))
		assert.Equal(t, gradient, bits(loss.Backward(0.5)), "from the dout guessed, or afresh")

		// The other kind of target in between, and other Classes.
		loss.Classes = 2
		target := make([]T, len(x))
		_, err = loss.ForwardProb(x, target)
		require.NoError(t, err)
		loss.Classes = classes
		for _, v := range loss.Backward(1) {
			require.Zero(t, v, "no weight on any target")
		}
	}
}

// TestCallersSlices checks that neither Forward nor Backward changes a caller's slices, and that a
// caller may change them in between.
func TestCallersSlices(t *testing.T) {
	const rows, classes = 9, 8
	x, dout := randomLogits[float32](rows, classes, 4), randomLogits[float32](classes, rows, 1)
	labels, target := make([]int, rows), make([]float32, len(x))
	for i := range labels {
		labels[i] = i % classes
		target[i*classes+i%classes] = 1
	}
	x0, dout0, target0, labels0 := bits(x), bits(dout), bits(target), append([]int(nil), labels...)
	unchanged := func() {
		t.Helper()
		assert.Equal(t, x0, bits(x))
		assert.Equal(t, dout0, bits(dout))
		assert.Equal(t, target0, bits(target))
		assert.Equal(t, labels0, labels)
	}
	scribble := func(s []float32) {
		for i := range s {
			s[i] = float32(math.NaN())
		}
	}

	var relu layers.ReLU[float32]
	var sigmoid layers.Sigmoid[float32]
	softmax := layers.Softmax[float32]{Classes: classes}
	for name, l := range map[string]interface {
		Forward([]float32) []float32
		Backward([]float32) []float32
	}{"relu": &relu, "sigmoid": &sigmoid, "softmax": &softmax} {
		t.Run(name, func(t *testing.T) {
			l.Forward(x)
			want := bits(l.Backward(dout))
			unchanged()
			own := append([]float32(nil), x...)
			y := l.Forward(own)
			scribble(own)
			if name == "relu" {
				scribble(y) // Backward does not look at it
			}
			dx := l.Backward(dout)
			assert.Equal(t, want, bits(dx))
			scribble(dx)
			assert.Equal(t, want, bits(l.Backward(dout)))
		})
	}

	for _, byProb := range []bool{false, true} {
		layer := layers.SoftmaxWithLoss[float32]{Classes: classes}
		forward := func(x []float32, labels []int, target []float32) {
			var err error
			if byProb {
				_, err = layer.ForwardProb(x, target)
			} else {
				_, err = layer.Forward(x, labels)
			}
			require.NoError(t, err)
		}
		forward(x, labels, target)
		one := bits(layer.Backward(1))
		half := bits(layer.Backward(0.5))
		unchanged()
		assert.NotEqual(t, one, half)

		ownX, ownTarget, ownLabels := append([]float32(nil), x...),
			append([]float32(nil), target...), append([]int(nil), labels...)
		forward(ownX, ownLabels, ownTarget)
		scribble(ownX)
		scribble(ownTarget)
		for i := range ownLabels {
			ownLabels[i] = -1
		}
		dx := layer.Backward(0.5)
		assert.Equal(t, half, bits(dx), "as Forward guessed")
		scribble(dx)
		assert.Equal(t, half, bits(layer.Backward(0.5)),
			"a second time, after the caller has changed the first")
		assert.Equal(t, one, bits(layer.Backward(1)))
	}
}

func TestNoAllocation(t *testing.T) {
	eachType(t, testNoAllocation[float32], testNoAllocation[float64])
}

func testNoAllocation[T kernels.Float](t *testing.T, _ float64) {
	const classes = 10
	x, target := randomLogits[T](50, classes, 4), make([]T, 50*classes)
	labels, bytes := make([]int, 50), make([]uint8, 50)
	var relu layers.ReLU[T]
	var sigmoid layers.Sigmoid[T]
	softmax := layers.Softmax[T]{Classes: classes}
	loss := layers.SoftmaxWithLoss[T]{Classes: classes}
	all := func() {
		for _, rows := range []int{50, 20, 49, 50} {
			x, target := x[:rows*classes], target[:rows*classes]
			relu.Backward(relu.Forward(x))
			sigmoid.Backward(sigmoid.Forward(x))
			softmax.Backward(softmax.Forward(x))
			_, err1 := loss.Forward(x, labels[:rows])
			loss.Backward(1)
			_, err2 := loss.ForwardProb(x, target)
			loss.Backward(2)
			_, err3 := layers.ForwardLabels(&loss, x, bytes[:rows])
			loss.Backward(1)
			if err1 != nil || err2 != nil || err3 != nil {
				t.Fatal(err1, err2, err3)
			}
		}
	}
	all()
	assert.Zero(t, testing.AllocsPerRun(10, all))
}

// TestNamedTypes checks that a layer of a named float type computes as one of its underlying type.
func TestNamedTypes(t *testing.T) {
	type weight float32
	x := randomLogits[float32](2, 5, 3)
	named := make([]weight, len(x))
	for i, v := range x {
		named[i] = weight(v)
	}
	var a layers.Sigmoid[float32]
	var b layers.Sigmoid[weight]
	assert.Equal(t, bits(a.Forward(x)), bits(b.Forward(named)))
}
