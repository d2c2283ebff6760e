package layers_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/layers"
)

// affineOf returns a layer with random weights and a random bias.
func affineOf[T kernels.Float](inputs, outputs int) *layers.Affine[T] {
	l := layers.NewAffine[T](inputs, outputs)
	copy(l.W, randomLogits[T](inputs, outputs, 1))
	copy(l.B, randomLogits[T](1, outputs+1, 2)[1:])
	return l
}

func TestAffine(t *testing.T) { eachType(t, testAffine[float32], testAffine[float64]) }

func testAffine[T kernels.Float](t *testing.T, _ float64) {
	l := layers.NewAffine[T](2, 3)
	copy(l.W, floats[T](1, 2, 3, 4, 5, 6))
	copy(l.B, floats[T](10, 20, 30))
	assert.Equal(t, floats[T](19, 32, 45, 6, 15, 24), l.Forward(floats[T](1, 2, 0, -1)))
	assert.Equal(t, floats[T](14, 32, -1, -4), l.Backward(floats[T](1, 2, 3, -1, 0, 0)))
	assert.Equal(t, floats[T](1, 2, 3, 3, 4, 6), l.DW)
	assert.Equal(t, floats[T](0, 2, 3), l.DB)

	l.Gradients(floats[T](0, 0, 0, 1, 2, 3))
	assert.Equal(t, floats[T](0, 0, 0, -1, -2, -3), l.DW)
	assert.Equal(t, floats[T](1, 2, 3), l.DB)

	assert.Empty(t, l.Forward(nil))
	assert.Empty(t, l.Backward(nil))
	assert.Equal(t, make([]T, 6), l.DW, "the sum of nothing")
	assert.Equal(t, make([]T, 3), l.DB)
}

// TestAffineIsMatMul checks that the bits are those of the chains of multiply-adds.
func TestAffineIsMatMul(t *testing.T) {
	eachType(t, testAffineIsMatMul[float32], testAffineIsMatMul[float64])
}

func testAffineIsMatMul[T kernels.Float](t *testing.T, _ float64) {
	fma := func(a, b, c T) T {
		if _, ok := any(a).(float64); ok {
			return T(math.FMA(float64(a), float64(b), float64(c)))
		}
		// none of these sums is halfway between two float32
		return T(float32(math.FMA(float64(a), float64(b), float64(c))))
	}
	for _, c := range [][3]int{{1, 1, 1}, {3, 2, 5}, {7, 40, 33}} {
		rows, inputs, outputs := c[0], c[1], c[2]
		l := affineOf[T](inputs, outputs)
		x, dy := randomLogits[T](rows, inputs, 1), randomLogits[T](rows, outputs, 1)
		y, dx := make([]T, rows*outputs), make([]T, rows*inputs)
		dw, db := make([]T, inputs*outputs), make([]T, outputs)
		for r := range rows {
			for j := range outputs {
				s := l.B[j]
				for i := range inputs {
					s = fma(x[r*inputs+i], l.W[i*outputs+j], s)
					dx[r*inputs+i] = fma(dy[r*outputs+j], l.W[i*outputs+j], dx[r*inputs+i])
					dw[i*outputs+j] = fma(x[r*inputs+i], dy[r*outputs+j], dw[i*outputs+j])
				}
				y[r*outputs+j] = s
				db[j] += dy[r*outputs+j]
			}
		}
		assert.Equal(t, bits(y), bits(l.Forward(x)), "%v", c)
		assert.Equal(t, bits(dx), bits(l.Backward(dy)), "%v", c)
		assert.Equal(t, bits(dw), bits(l.DW), "%v", c)
		assert.Equal(t, bits(db), bits(l.DB), "%v", c)
	}
}

func TestAffineGradients(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testAffineGradients[float32](t, 2e-4) })
	t.Run("float64", func(t *testing.T) { testAffineGradients[float64](t, 1e-9) })
}

func testAffineGradients[T kernels.Float](t *testing.T, tol float64) {
	for _, c := range [][3]int{{1, 1, 1}, {3, 2, 5}, {7, 13, 4}} {
		rows, inputs, outputs := c[0], c[1], c[2]
		l := affineOf[T](inputs, outputs)
		x, dy := randomLogits[T](rows, inputs, 1), randomLogits[T](rows+1, outputs, 1)[outputs:]
		f := func([]T) float64 {
			sum := 0.0
			for i, v := range l.Forward(x) {
				sum += float64(v) * float64(dy[i])
			}
			return sum
		}
		dx, dw, db := layers.NumericalGradient(f, x), layers.NumericalGradient(f, l.W),
			layers.NumericalGradient(f, l.B)
		l.Forward(x)
		requireGradients(t, dx, l.Backward(dy), tol)
		requireGradients(t, dw, l.DW, tol)
		requireGradients(t, db, l.DB, tol)
	}
}

// TestNetworkGradients is the book's check of a whole network: it compares the gradients of all
// parameters with numerical ones.
func TestNetworkGradients(t *testing.T) {
	for name, hidden := range map[string]interface {
		Forward(x []float64) []float64
		Backward(dout []float64) []float64
	}{"relu": &layers.ReLU[float64]{}, "sigmoid": &layers.Sigmoid[float64]{},
		"tanh": &layers.Tanh[float64]{}} {
		t.Run(name, func(t *testing.T) {
			first, second := affineOf[float64](4, 6), affineOf[float64](6, 3)
			loss := layers.SoftmaxWithLoss[float64]{Classes: 3}
			x, labels := randomLogits[float64](5, 4, 1), []int{0, 2, 1, 1, 2}
			f := func([]float64) float64 {
				l, err := loss.Forward(second.Forward(hidden.Forward(first.Forward(x))), labels)
				require.NoError(t, err)
				return l
			}
			var numerical [][]float64
			for _, p := range [][]float64{first.W, first.B, second.W, second.B} {
				numerical = append(numerical, layers.NumericalGradient(f, p))
			}
			f(nil)
			first.Gradients(hidden.Backward(second.Backward(loss.Backward(1))))
			for i, got := range [][]float64{first.DW, first.DB, second.DW, second.DB} {
				requireGradients(t, numerical[i], got, 1e-9)
			}
		})
	}
}

func TestAffineMessages(t *testing.T) {
	const sizes = ": set B to one element per output, and W to a row of as many for each input"
	var none layers.Affine[float32]
	assert.PanicsWithValue(t, "layers: Affine: len(W) = 0, len(B) = 0"+sizes,
		func() { none.Forward(nil) })
	none.W, none.B = make([]float32, 7), make([]float32, 2)
	assert.PanicsWithValue(t, "layers: Affine: len(W) = 7, len(B) = 2"+sizes,
		func() { none.Forward(nil) })
	assert.PanicsWithValue(t, "layers: NewAffine: inputs = 2, outputs = 0: both must be positive",
		func() { layers.NewAffine[float32](2, 0) })
	const half = math.MaxInt/2 + 1
	assert.PanicsWithValue(t, fmt.Sprintf("layers: NewAffine: inputs = %d, outputs = 2: the product "+
		"overflows an int", half), func() { layers.NewAffine[float32](half, 2) })
	square := affineOf[float32](2, 2)
	assert.PanicsWithValue(t,
		"layers: Affine: Forward: x is the slice that Forward returned: pass a copy",
		func() { square.Forward(square.Forward(make([]float32, 6))) })
	assert.PanicsWithValue(t,
		"layers: Affine: Backward: dout is the slice that Backward returned: pass a copy",
		func() { square.Backward(square.Backward(make([]float32, 6))) })
	assert.NotPanics(t, func() { square.Gradients(square.Backward(make([]float32, 6))) })

	l := affineOf[float32](3, 2)
	assert.PanicsWithValue(t, "layers: Affine: Backward before Forward: call Forward first",
		func() { l.Backward(nil) })
	assert.PanicsWithValue(t, "layers: Affine: Backward before Forward: call Forward first",
		func() { l.Gradients(nil) })
	assert.PanicsWithValue(t,
		"layers: Affine: Forward: len(x) = 4 is not a multiple of the 3 inputs: pass whole rows",
		func() { l.Forward(make([]float32, 4)) })
	l.Forward(make([]float32, 6))
	assert.PanicsWithValue(t, "layers: Affine: Backward: len(dout) = 6, but the last Forward had 4 "+
		"elements: pass one gradient for each", func() { l.Backward(make([]float32, 6)) })
	l.W = l.W[2:]
	assert.PanicsWithValue(t, "layers: Affine: Backward: W is 2 x 2, but was 3 x 2 at the last "+
		"Forward: call Forward first", func() { l.Backward(make([]float32, 4)) })

	const he = "layers: He: inputs = 0: it must be positive"
	assert.PanicsWithValue(t, he, func() { layers.He(l.W, 0, rand.NewPCG(1, 2)) })
	assert.PanicsWithValue(t, "layers: Xavier: inputs = -1: it must be positive",
		func() { layers.Xavier(l.W, -1, rand.NewPCG(1, 2)) })
}

// TestAffineContract checks the rules of the package's documentation.
func TestAffineContract(t *testing.T) {
	eachType(t, testAffineContract[float32], testAffineContract[float64])
}

func testAffineContract[T kernels.Float](t *testing.T, _ float64) {
	const inputs, outputs = 5, 3
	l := affineOf[T](inputs, outputs)
	scribble := func(s []T) {
		for i := range s {
			s[i] = T(math.NaN())
		}
	}
	for _, rows := range []int{5, 1, 0, 64, 7, 200, 64} {
		x, dout := randomLogits[T](rows, inputs, 3), randomLogits[T](rows, outputs, 2)
		x0, dout0, w0 := bits(x), bits(dout), bits(l.W)
		other := affineOf[T](inputs, outputs)
		want := bits(other.Forward(x))
		wantDX := bits(other.Backward(dout))

		assert.Equal(t, want, bits(l.Forward(x)), "%d rows after others", rows)
		assert.Equal(t, x0, bits(x), "the caller's")
		scribble(x)
		scribble(l.Forward(append(x[:0:0], randomLogits[T](rows, inputs, 3)...)))
		for range 2 {
			dx := l.Backward(dout)
			assert.Equal(t, wantDX, bits(dx))
			assert.Equal(t, bits(other.DW), bits(l.DW))
			assert.Equal(t, bits(other.DB), bits(l.DB))
			scribble(dx)
			scribble(l.DW)
			scribble(l.DB)
		}
		assert.Equal(t, dout0, bits(dout))
		assert.Equal(t, w0, bits(l.W))

		// Wrong calls leave the layer as it was.
		assert.Panics(t, func() { l.Forward(make([]T, inputs+1)) })
		assert.Panics(t, func() { l.Backward(make([]T, rows*outputs+1)) })
		if y := l.Forward(randomLogits[T](rows, inputs, 3)); rows >= 5 {
			assert.Panics(t, func() { l.Forward(y[:inputs]) }, "overlaps the layer's own memory")
		}
		assert.Equal(t, wantDX, bits(l.Backward(dout)))
	}

	x, dout := randomLogits[T](50, inputs, 1), randomLogits[T](50, outputs, 1)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		for _, rows := range []int{50, 20, 49} {
			l.Forward(x[:rows*inputs])
			l.Backward(dout[:rows*outputs])
		}
	}))

	// Gradients in a vector of the caller's.
	all := make([]T, inputs*outputs+outputs)
	l.DW, l.DB = all[:inputs*outputs:inputs*outputs], all[inputs*outputs:]
	l.Forward(x)
	l.Backward(dout)
	assert.Same(t, &all[0], &l.DW[0])
	assert.NotZero(t, all[0])
	assert.NotZero(t, all[inputs*outputs])
}

// The first weights are part of the package's promise: they never change.
func TestInitialWeights(t *testing.T) {
	hex := func(w any) string { return fmt.Sprintf("%x", w) }
	f32, f64 := make([]float32, 4), make([]float64, 4)
	layers.He(f32, 784, rand.NewPCG(1, 2))
	assert.Equal(t, "[0x1.8217d4p-05 0x1.4dc6cp-06 0x1.97abccp-05 0x1.a91cbcp-05]", hex(f32))
	layers.He(f64, 784, rand.NewPCG(1, 2))
	assert.Equal(t, "[0x1.8217d4d47af6dp-05 0x1.4dc6c2e2501bfp-06 0x1.97abca9fd718fp-05 "+
		"0x1.a91cbfa1f3c97p-05]", hex(f64))
	layers.Xavier(f32, 100, rand.NewPCG(1, 2))
	assert.Equal(t, "[0x1.7e367p-04 0x1.4a6bf8p-05 0x1.9392e4p-04 0x1.a4d6f4p-04]", hex(f32))
	layers.Xavier(f64, 100, rand.NewPCG(1, 2))
	assert.Equal(t, "[0x1.7e3670e6646cfp-04 0x1.4a6bfa617c8f5p-05 0x1.9392e1ef05a97p-04 "+
		"0x1.a4d6f6ebf06fcp-04]", hex(f64))
}

// constant is a source of one integer.
type constant uint64

func (c constant) Uint64() uint64 { return uint64(c) }

func TestInitialDistribution(t *testing.T) {
	eachType(t, testInitialDistribution[float32], testInitialDistribution[float64])
}

func testInitialDistribution[T kernels.Float](t *testing.T, _ float64) {
	for _, c := range []struct {
		set      func([]T, int, rand.Source)
		variance float64
	}{{layers.He[T], 2}, {layers.Xavier[T], 1}} {
		const n, inputs = 1 << 16, 50
		w := make([]T, n)
		c.set(w, inputs, rand.NewPCG(3, 4))
		limit := math.Sqrt(3 * c.variance / inputs)
		sum, squares, fourth := 0.0, 0.0, 0.0
		for _, v := range w {
			f := float64(v) / limit
			assert.LessOrEqual(t, math.Abs(f), 1.0000001)
			sum, squares, fourth = sum+f, squares+f*f, fourth+f*f*f*f
		}
		// Within five deviations of the moments of a uniform number in [-1, 1].
		assert.InDelta(t, 0, sum/n, 5*math.Sqrt(1.0/3/n))
		assert.InDelta(t, 1.0/3, squares/n, 5*math.Sqrt((1.0/5-1.0/9)/n))
		assert.InDelta(t, 1.0/5, fourth/n, 5*math.Sqrt((1.0/9-1.0/25)/n))

		// The ends of the range and its middle, where the numbers are ±limit/2^digits.
		var top, low, up, down [1]T
		c.set(top[:], inputs, constant(math.MaxUint64))
		c.set(low[:], inputs, constant(0))
		c.set(up[:], inputs, constant(1<<63))
		c.set(down[:], inputs, constant(1<<63-1))
		assert.InEpsilon(t, limit, float64(top[0]), 2e-7)
		assert.Equal(t, -top[0], low[0])
		assert.Positive(t, up[0])
		assert.Less(t, float64(up[0]), limit*0x1p-23)
		assert.Equal(t, -up[0], down[0])
	}
}
