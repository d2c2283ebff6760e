package nn

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/layers"
)

func random(seed uint64) rand.Source { return rand.NewPCG(seed, 0) }

func uniform[T kernels.Float](n int, src rand.Source) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = T(int64(src.Uint64())>>11) * 0x1p-52
	}
	return s
}

func requireClose[T kernels.Float](t *testing.T, want, got []T, tol float64) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.InDelta(t, float64(want[i]), float64(got[i]), tol, "element %d", i)
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

// TestFlatten checks that a network whose parameters and gradients are each one vector computes the
// same, and that the sum of the losses has the gradient of so many times the mean.
func TestFlatten(t *testing.T) {
	net, err := NewNetwork[float64](4, 6, 3, "relu", random(3))
	require.NoError(t, err)
	x, labels := uniform[float64](4*4, random(4)), []int{0, 2, 1, 1}
	mean, err := net.Loss(x, labels)
	require.NoError(t, err)
	net.Backward()
	var want, weights []float64
	for _, p := range net.Params() {
		want, weights = append(want, p.Grad...), append(weights, p.Value...)
	}
	flat := net.Flatten()
	assert.Equal(t, weights, flat)
	for range 2 { // into one vector, then into another
		sum, err := net.LossSum(x, labels)
		require.NoError(t, err)
		assert.Equal(t, 4*mean, sum)
		grad := make([]float64, len(flat))
		net.BackwardInto(grad, 0.25)
		assert.Equal(t, want, grad)
	}
	flat[len(flat)-1]++ // the bias of class 2
	changed, err := net.Loss(x, labels)
	require.NoError(t, err)
	assert.NotEqual(t, mean, changed, "the layers have the vector's memory")

	sum, err := net.LossSum(nil, nil)
	require.NoError(t, err)
	assert.Zero(t, sum)
	grad := uniform[float64](len(flat), random(5))
	net.BackwardInto(grad, 0.25)
	assert.Equal(t, make([]float64, len(flat)), grad, "no rows: zeros, whatever was there")
}

func TestClassify(t *testing.T) {
	net, err := NewNetwork[float32](2, 2, 3, "relu", random(5))
	require.NoError(t, err)
	copy(net.first.W, []float32{1, 0, 0, 1})
	copy(net.second.W, []float32{0, 1, 1, 2, 0, 1})
	assert.Equal(t, []int{1, 0, 0}, net.Classify([]float32{3, 0, 0, 3, -1, -1}),
		"ties go to the lowest class")
	assert.Equal(t, 0.5, Accuracy([]int{1, 0, 2, 2}, []int{1, 1, 2, 0}))
}

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
		training := Training[float32]{Epochs: 4, Batch: 64, Optimizer: &layers.Adam[float32]{Rate: 0.01},
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

func TestShuffle(t *testing.T) {
	s, seen := make([]int, 6), map[string]int{}
	src := random(8)
	for range 20000 {
		for i := range s {
			s[i] = i
		}
		Shuffle(s, src)
		key := ""
		sum := 0
		for _, v := range s {
			key += string(rune('0' + v))
			sum |= 1 << v
		}
		require.Equal(t, 63, sum, "each once")
		seen[key]++
	}
	assert.Len(t, seen, 720)
	for order, n := range seen {
		assert.InDelta(t, 20000.0/720, n, 5*5.3, order)
	}
}

func TestTrainReportsBadLabels(t *testing.T) {
	net, err := NewNetwork[float64](1, 2, 3, "relu", random(7))
	require.NoError(t, err)
	_, err = net.Train(Set[float64]{X: []float64{1, 2}, Labels: []int{0, 3}}, Set[float64]{},
		Training[float64]{Epochs: 1, Batch: 2, Optimizer: &layers.SGD[float64]{}, Random: random(7)})
	assert.ErrorContains(t, err, "label 3 is not in [0, 3)")
}
