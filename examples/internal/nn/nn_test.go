package nn

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/layers"
)

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func uniform[T Float](n int, rnd *rand.Rand) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = T(2*rnd.Float64() - 1)
	}
	return s
}

func requireClose[T Float](t *testing.T, want, got []T, tol float64) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.InDelta(t, float64(want[i]), float64(got[i]), tol, "element %d", i)
	}
}

func TestAffine(t *testing.T) {
	a := NewAffine[float64](2, 3, 1, random(1))
	copy(a.w.Value, []float64{1, 2, 3, 4, 5, 6})
	copy(a.b.Value, []float64{10, 20, 30})
	assert.Equal(t, []float64{19, 32, 45, 6, 15, 24}, a.Forward([]float64{1, 2, 0, -1}))
	assert.Equal(t, []float64{14, 32, -1, -4}, a.Backward([]float64{1, 2, 3, -1, 0, 0}))
	assert.Equal(t, []float64{1, 2, 3, 3, 4, 6}, a.w.Grad)
	assert.Equal(t, []float64{0, 2, 3}, a.b.Grad)
	assert.Empty(t, a.Forward(nil))
}

func TestAffineGradients(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testAffineGradients[float32](t, 2e-4) })
	t.Run("float64", func(t *testing.T) { testAffineGradients[float64](t, 1e-9) })
}

func testAffineGradients[T Float](t *testing.T, tol float64) {
	rnd := random(2)
	for _, c := range [][3]int{{1, 1, 1}, {3, 2, 5}, {7, 13, 4}} {
		rows, in, out := c[0], c[1], c[2]
		a := NewAffine[T](in, out, 1, rnd)
		x, weights := uniform[T](rows*in, rnd), uniform[T](rows*out, rnd)
		f := func([]T) float64 {
			sum := 0.0
			for i, v := range a.Forward(x) {
				sum += float64(v) * float64(weights[i])
			}
			return sum
		}
		dx, dw, db := layers.NumericalGradient(f, x), layers.NumericalGradient(f, a.w.Value),
			layers.NumericalGradient(f, a.b.Value)
		a.Forward(x)
		requireClose(t, dx, a.Backward(weights), tol)
		requireClose(t, dw, a.w.Grad, tol)
		requireClose(t, db, a.b.Grad, tol)
	}
}

// TestNetworkGradients is the book's check of a whole network: it compares the gradients of all
// parameters with numerical ones.
func TestNetworkGradients(t *testing.T) {
	for _, activation := range []string{"relu", "sigmoid"} {
		t.Run(activation, func(t *testing.T) {
			net, err := NewNetwork[float64](4, 6, 3, activation, random(3))
			require.NoError(t, err)
			x, labels := uniform[float64](5*4, random(4)), []int{0, 2, 1, 1, 2}
			f := func([]float64) float64 {
				l, err := net.Loss(x, labels)
				require.NoError(t, err)
				return l
			}
			for _, p := range net.Params() {
				numerical := layers.NumericalGradient(f, p.Value)
				f(nil)
				net.Backward()
				requireClose(t, numerical, p.Grad, 1e-9)
			}
		})
	}
	_, err := NewNetwork[float64](4, 6, 3, "tanh", random(3))
	assert.ErrorContains(t, err, `"tanh"`)
}

func TestOptimizers(t *testing.T) {
	w := []Param[float64]{{Value: []float64{1, -2}, Grad: []float64{0.5, -4}}}
	SGD[float64]{Rate: 0.25}.Step(w)
	assert.Equal(t, []float64{0.875, -1}, w[0].Value)

	// The first step of Adam is the rate, against the sign of the gradient; the second by the
	// paper's formulas.
	w = []Param[float64]{{Value: []float64{1, -2}, Grad: []float64{0.5, -4}}}
	adam := &Adam[float64]{Rate: 0.1}
	adam.Step(w)
	requireClose(t, []float64{0.9, -1.9}, w[0].Value, 1e-7)
	w[0].Grad = []float64{-0.25, -4}
	adam.Step(w)
	m := (0.9*0.1*0.5 + 0.1*-0.25) / (1 - 0.81)
	v := (0.999*0.001*0.25 + 0.001*0.0625) / (1 - 0.999*0.999)
	requireClose(t, []float64{0.9 - 0.1*m/math.Sqrt(v), -1.8}, w[0].Value, 1e-7)
}

func TestClassify(t *testing.T) {
	net, err := NewNetwork[float32](2, 2, 3, "relu", random(5))
	require.NoError(t, err)
	copy(net.first.w.Value, []float32{1, 0, 0, 1})
	copy(net.second.w.Value, []float32{0, 1, 1, 2, 0, 1})
	assert.Equal(t, []int{1, 0, 0}, net.Classify([]float32{3, 0, 0, 3, -1, -1}),
		"ties go to the lowest class")
	assert.Equal(t, 0.5, Accuracy([]int{1, 0, 2, 2}, []int{1, 1, 2, 0}))
}

// The sizes are such that gonum's Gemm splits its products among goroutines.
func TestTrainIsReproducible(t *testing.T) {
	const rows, inputs, classes = 150, 200, 5
	train := func(procs int) ([]Epoch, uint64) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		rnd := random(6)
		set := Set[float32]{X: uniform[float32](rows*inputs, rnd), Labels: make([]int, rows)}
		for i := range set.Labels {
			set.Labels[i] = i % classes
		}
		net, err := NewNetwork[float32](inputs, 130, classes, "sigmoid", rnd)
		require.NoError(t, err)
		steps := 0
		training := Training[float32]{Epochs: 4, Batch: 64, Optimizer: &Adam[float32]{Rate: 0.01},
			Random: rnd, Step: func() {
				steps++
			}}
		epochs, err := net.Train(set, Set[float32]{X: set.X[:10*inputs], Labels: set.Labels[:10]},
			training)
		require.NoError(t, err)
		require.Equal(t, 4*3, steps, "the last batch is a small one")
		require.Equal(t, steps, training.Steps(rows))
		require.Less(t, epochs[3].Loss, epochs[0].Loss)
		return epochs, Digest(epochs, net.Params())
	}
	want, digest := train(1)
	for _, procs := range []int{1, 2, 8} {
		got, d := train(procs)
		assert.Equal(t, want, got)
		assert.Equal(t, digest, d)
	}
	want[1].Loss = math.Nextafter(want[1].Loss, 2)
	assert.NotEqual(t, Digest[float32](want[:2], nil), Digest[float32](want[:1], nil))
}

func TestTrainReportsBadLabels(t *testing.T) {
	net, err := NewNetwork[float64](1, 2, 3, "relu", random(7))
	require.NoError(t, err)
	_, err = net.Train(Set[float64]{X: []float64{1, 2}, Labels: []int{0, 3}}, Set[float64]{},
		Training[float64]{Epochs: 1, Batch: 2, Optimizer: SGD[float64]{}, Random: random(7)})
	assert.ErrorContains(t, err, "label 3 is not in [0, 3)")
}
