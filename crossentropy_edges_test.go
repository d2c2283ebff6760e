package kernels_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	kt "kernels/internal/ktest"
)

// These tests have losses at the ends of the type, weights of 0, and means over nothing. The result
// is the value of the definition, whatever the form of the targets.

// largest returns the largest finite value of T.
func largest[T kernels.Float]() float64 {
	if kt.Is32[T]() {
		return math.MaxFloat32
	}
	return math.MaxFloat64
}

func edges(t *testing.T, f32, f64 func(t *testing.T)) {
	t.Run("float32", func(t *testing.T) { kt.EachISA(t, func(t *testing.T, _ string) { f32(t) }) })
	t.Run("float64", func(t *testing.T) { kt.EachISA(t, func(t *testing.T, _ string) { f64(t) }) })
}

func TestFiniteLogitsDoNotOverflowOnTheWay(t *testing.T) {
	edges(t, finiteLogits[float32], finiteLogits[float64])
}

func finiteLogits[T kernels.Float](t *testing.T) {
	type options = kernels.CrossEntropyOptions[T]
	big := T(largest[T]() * 0.9)
	// x has three rows of logits that are big or -big: their distance overflows T.
	for _, classes := range []int{2, 3, 40, 5000} {
		const rows = 3
		x, probs, labels := make([]T, rows*classes), make([]T, rows*classes), make([]int, rows)
		for i := range x {
			x[i] = big
		}
		for r := range rows { // the last class is far below all others
			x[(r+1)*classes-1] = -big
			labels[r] = classes - 1
			probs[r*classes], probs[(r+1)*classes-1] = 0.75, 0.25
		}
		weights := make([]T, classes)
		for j := range weights {
			weights[j] = 0.125
		}
		distance := 2 * (float64(big) / 8) // times 8
		check := func(name string, want8 float64, losses []T, value float64, err error, d []T) {
			t.Helper()
			require.NoError(t, err, name)
			for _, loss := range losses {
				require.InEpsilon(t, want8, float64(loss)/8, 1e-6, "%s of %d classes: %v", name, classes, loss)
			}
			require.InEpsilon(t, want8, value/8, 1e-6, "%s of %d classes: %v", name, classes, value)
			for _, v := range d {
				require.False(t, math.IsNaN(float64(v)) || math.IsInf(float64(v), 0), "%s: gradient %v",
					name, v)
			}
		}
		for _, inPlace := range []bool{false, true} {
			call := func(name string, want8 float64, f func(d, losses, x []T) (float64, error)) {
				t.Helper()
				in, losses := append([]T(nil), x[:classes]...), make([]T, 1)
				d := make([]T, classes)
				if inPlace {
					d = in
				}
				value, err := f(d, losses, in)
				check(name, want8, losses, value, err, d)
			}
			call("probabilities", distance*0.25, func(d, losses, x []T) (float64, error) {
				return kernels.CrossEntropyProbGradWith(d, losses, x, probs[:classes], classes, nil, nil)
			})
			call("weighted probabilities", distance*0.25*0.125, func(d, losses, x []T) (float64, error) {
				return kernels.CrossEntropyProbGradWith(d, losses, x, probs[:classes], classes, nil,
					&options{Weights: weights})
			})
			call("weighted label", distance*0.125, func(d, losses, x []T) (float64, error) {
				return kernels.CrossEntropyGradWith(d, losses, x, labels[:1], classes, nil,
					&options{Weights: weights, Reduction: kernels.ReductionSum})
			})
			call("smoothed label", distance*0.125*(0.75+0.25/float64(classes)),
				func(d, losses, x []T) (float64, error) {
					return kernels.CrossEntropyGradWith(d, losses, x, labels[:1], classes, nil,
						&options{Weights: weights, LabelSmoothing: 0.25, Reduction: kernels.ReductionSum})
				})
			call("smoothing", distance*0.125/float64(classes), func(d, losses, x []T) (float64, error) {
				return kernels.CrossEntropyGradWith(d, losses, x, []int{0}, classes, nil,
					&options{LabelSmoothing: 0.125})
			})
		}
		// The exact losses are too large for the type.
		losses := make([]T, rows)
		require.NoError(t, kernels.CrossEntropy(losses, x, labels, classes))
		for _, loss := range losses {
			require.True(t, math.IsInf(float64(loss), 1), "%v", loss)
		}
	}
}

func TestTermOfWeightZeroContributesNothing(t *testing.T) {
	edges(t, weightZero[float32], weightZero[float64])
}

func weightZero[T kernels.Float](t *testing.T) {
	type options = kernels.CrossEntropyOptions[T]
	log := func(x float64) float64 { return math.Log1p(math.Exp(x)) }
	for _, masked := range []float64{math.Inf(-1), math.NaN(), 3} {
		// The third class has no weight. If it is masked, the softmax is that of the others.
		x := []T{1, 2, T(masked), 0.5, 0.25, T(masked)}
		weights := []T{1, 1, 0}
		for _, reduction := range []kernels.Reduction{kernels.ReductionSum, kernels.ReductionMean} {
			o := &options{Weights: weights, Reduction: reduction}
			d, losses := make([]T, 6), make([]T, 2)
			value, err := kernels.CrossEntropyGradWith(d, losses, x, []int{0, 2}, 3, nil, o)
			require.NoError(t, err)
			require.Zero(t, losses[1])
			require.Equal(t, []T{0, 0, 0}, d[3:])
			pd, plosses := make([]T, 6), make([]T, 2)
			_, err = kernels.CrossEntropyProbGradWith(pd, plosses, x, []T{1, 0, 0, 0, 0, 1}, 3, nil, o)
			require.NoError(t, err)
			require.Zero(t, plosses[1])
			require.Equal(t, []T{0, 0, 0}, pd[3:])
			switch {
			case math.IsInf(masked, -1):
				require.InEpsilon(t, log(1), value, 1e-6)
				require.InEpsilon(t, log(1), float64(plosses[0]), 1e-6)
			case math.IsNaN(masked): // the first row counts and has a NaN
				require.True(t, value != value && losses[0] != losses[0] && plosses[0] != plosses[0] &&
					d[0] != d[0] && pd[0] != pd[0])
			}
			// Smoothing spreads nothing over a class without weight.
			o.LabelSmoothing = 0.25
			value, err = kernels.CrossEntropyWith(losses, x, []int{0, 2}, 3, o)
			require.NoError(t, err)
			if math.IsInf(masked, -1) {
				smooth := 0.25 / 3
				first := (0.75+smooth)*log(1) + smooth*(log(1)-1)
				second := smooth*log(-0.25) + smooth*log(0.25)
				require.InEpsilon(t, first, float64(losses[0]), 1e-6)
				require.InEpsilon(t, second, float64(losses[1]), 1e-6)
				require.InEpsilon(t, first+second, value, 1e-6)
			}
			// No class has weight.
			o.Weights = []T{0, 0, 0}
			o.Reduction = kernels.ReductionSum
			value, err = kernels.CrossEntropyGradWith(d, losses, x, []int{0, 2}, 3, nil, o)
			require.NoError(t, err)
			require.Zero(t, value)
			require.Equal(t, []T{0, 0}, losses)
			require.Equal(t, make([]T, 6), d)
		}
	}
}

func TestMeanOverNothingIsNaN(t *testing.T) {
	edges(t, meanOverNothing[float32], meanOverNothing[float64])
}

func meanOverNothing[T kernels.Float](t *testing.T) {
	type options = kernels.CrossEntropyOptions[T]
	x := []T{1, 2, 3, 3, 1, 1}
	for _, o := range []*options{
		{Weights: []T{0, 1, 2}},
		{Weights: []T{0, 1, 2}, LabelSmoothing: 0.125},
		{IgnoreIndex: new(int)},
		{IgnoreIndex: new(int), LabelSmoothing: 0.125},
	} {
		value, err := kernels.CrossEntropyWith(nil, x, []int{0, 0}, 3, o)
		require.NoError(t, err)
		require.True(t, value != value, "%+v: %v", *o, value)
		d := make([]T, 6)
		value, err = kernels.CrossEntropyGradWith(d, nil, x, []int{0, 0}, 3, nil, o)
		require.NoError(t, err)
		require.True(t, value != value, "%+v: %v", *o, value)
		for _, v := range d { // the gradient of a row that contributes is NaN, too
			if o.IgnoreIndex == nil && o.LabelSmoothing != 0 {
				require.True(t, v != v, "%+v: %v", *o, d)
			} else {
				require.Zero(t, v, "%+v: %v", *o, d)
			}
		}
	}
	value, err := kernels.CrossEntropyProbWith(nil, nil, nil, 3, (*options)(nil))
	require.NoError(t, err)
	require.True(t, value != value)
}

// TestOneDlossForAll checks that a batch gives the same bits in one call and row by row, and with
// one dloss for all rows and the same one for each.
func TestOneDlossForAll(t *testing.T) {
	edges(t, oneDloss[float32], oneDloss[float64])
}

func oneDloss[T kernels.Float](t *testing.T) {
	for _, classes := range []int{3, 10, 33, 100, 1000} {
		const rows = 40
		r := kt.NewRand(uint64(classes))
		x, labels, g := make([]T, rows*classes), make([]int, rows), make([]T, rows)
		kt.Fill(r, kt.Normal, x, classes)
		kt.Fill(r, kt.Unit, g, rows)
		for i := range labels {
			labels[i] = r.Intn(classes)
		}
		o := &kernels.CrossEntropyOptions[T]{Reduction: kernels.ReductionSum}
		gradient := func(dloss []T, o *kernels.CrossEntropyOptions[T]) []T {
			d := make([]T, len(x))
			_, err := kernels.CrossEntropyGradWith(d, nil, x, labels, classes, dloss, o)
			require.NoError(t, err)
			return d
		}
		whole, split := gradient(g, o), make([]T, len(x))
		for i := range rows {
			lo, hi := i*classes, (i+1)*classes
			_, err := kernels.CrossEntropyGradWith(split[lo:hi], nil, x[lo:hi], labels[i:i+1], classes,
				g[i:i+1], o)
			require.NoError(t, err)
		}
		require.Equal(t, -1, kt.Diff(split, whole), "row by row, %d classes", classes)
		for i := range g {
			g[i] = 0.3
		}
		require.Equal(t, -1, kt.Diff(gradient(g[:1], nil), gradient(g, nil)),
			"{g} and {g, g, ...}, %d classes", classes)
	}
}
