package layers_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels/layers"
)

// spiralReference is what testdata/spiral_reference.py prints.
type spiralReference struct {
	Classes, Hidden, Batch int
	Rate                   float64
	Seed                   uint32
	X                      []float64
	Labels                 []int
	W1, W2                 []float64
	Losses                 []float64
}

// shuffle is the shuffle of the script.
func shuffle(state *uint32, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		*state = 1664525**state + 1013904223
		j := int(*state>>16) % (i + 1)
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// TestSpiralAgainstNumPy trains the book's network on the book's spiral, in 3000 steps of gradient
// descent over 300 epochs, and compares it with the same in NumPy.
func TestSpiralAgainstNumPy(t *testing.T) {
	text, err := os.ReadFile("testdata/spiral_reference.json")
	require.NoError(t, err)
	var ref spiralReference
	require.NoError(t, json.Unmarshal(text, &ref))
	require.Len(t, ref.Losses, 300)
	require.Len(t, ref.X, 2*len(ref.Labels))
	require.Less(t, ref.Losses[299], 0.15, "the reference has not learned")

	for _, oneHot := range []bool{false, true} {
		name := map[bool]string{false: "labels", true: "one-hot"}[oneHot]
		t.Run(name, func(t *testing.T) {
			first, second := layers.NewAffine[float64](2, ref.Hidden),
				layers.NewAffine[float64](ref.Hidden, ref.Classes)
			copy(first.W, ref.W1)
			copy(second.W, ref.W2)
			sgd := layers.SGD[float64]{Rate: ref.Rate}
			params := append(first.Params(), second.Params()...)
			var sigmoid layers.Sigmoid[float64]
			loss := layers.SoftmaxWithLoss[float64]{Classes: ref.Classes}

			state, worst := ref.Seed, 0.0
			for epoch, want := range ref.Losses {
				order := shuffle(&state, len(ref.Labels))
				total, batches := 0.0, 0
				for at := 0; at < len(order); at += ref.Batch {
					var x, target []float64
					var labels []int
					for _, i := range order[at : at+ref.Batch] {
						x = append(x, ref.X[2*i], ref.X[2*i+1])
						labels = append(labels, ref.Labels[i])
						target = append(target, make([]float64, ref.Classes)...)
						target[len(target)-ref.Classes+ref.Labels[i]] = 1
					}
					score := second.Forward(sigmoid.Forward(first.Forward(x)))
					var l float64
					var err error
					if oneHot {
						l, err = loss.ForwardProb(score, target)
					} else {
						l, err = loss.Forward(score, labels)
					}
					require.NoError(t, err)
					first.Backward(sigmoid.Backward(second.Backward(loss.Backward(1))))
					sgd.Step(params)
					total += l
					batches++
				}
				got := total / float64(batches)
				require.InDelta(t, want, got, 1e-6, "epoch %d", epoch)
				worst = math.Max(worst, math.Abs(got-want))
			}
			t.Logf("largest difference of an epoch's loss from NumPy's: %.2g", worst)
		})
	}
}
