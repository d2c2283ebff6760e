package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// TestWalkSigmoidLoss64 samples the float64 form.
func TestWalkSigmoidLoss64(t *testing.T) {
	fill := func(r *kt.Rand, x, m []float64) {
		sample64(r, x)
		clear(m)
	}
	logTerm := func(x float64) kt.Scaled { return kt.Log1pDD(kt.ExpDD(kt.DD{Hi: -math.Abs(x)})) }
	loss := walk64(t, "loss", fill, func(d, x, m []float64) { SigmoidCrossEntropy(d, x, m) },
		func(x, _ float64) kt.Scaled { return kt.Scaled{DD: kt.DD{Hi: max(x, 0)}}.Add(logTerm(x)) },
		func(got, x, _ float64) float64 {
			l := kt.Log1pBig(kt.ExpBig(kt.Big(-math.Abs(x))))
			return kt.ErrBig(got, l.Add(l, kt.Big(max(x, 0))))
		})
	require.Less(t, loss, 3.0)
	gradient := walk64(t, "gradient", fill, func(d, x, m []float64) {
		SigmoidCrossEntropyGrad(d, nil, x, m, 1)
	},
		func(x, _ float64) kt.Scaled { return kt.SigmoidDD(x) },
		func(got, x, _ float64) float64 { return kt.ErrBig(got, kt.SigmoidBig(x)) })
	require.Less(t, gradient, 3.0)
}

// bce returns the loss and its gradient in float64, with a weight and for any target.
func bce(x, t, p float64) (loss, dx float64) {
	l := math.Log1p(math.Exp(-math.Abs(x)))
	up, down := l+math.Max(-x, 0), l+math.Max(x, 0) // -log sigmoid(x), -log sigmoid(-x)
	return p*t*up + (1-t)*down, (1-t)*kt.SigmoidRef64(x) - p*t*kt.SigmoidRef64(-x)
}

func TestSigmoidLossOptions(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { sigmoidLossOptions[float32](t, 1e-6) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { sigmoidLossOptions[float64](t, 2e-15) })
	})
}

func sigmoidLossOptions[T Float](t *testing.T, tol float64) {
	for _, c := range []int{1, 2, 3, 10, 100, 255, 256, 257, 512, 513, 1000, 20000} {
		rows := max(1, 1500/c) + 1
		n := rows * c
		r := kt.NewRand(uint64(c))
		x, y, p := make([]T, n), make([]T, n), make([]T, c)
		kt.Fill(r, kt.Wide80, x, n)
		for i := range y {
			switch y[i] = T(r.Intn(2)); r.Intn(3) {
			case 0:
				y[i] = (kt.Uniform[T](r, 1) + 1) / 2
			}
		}
		for i := range p {
			p[i] = T(r.Intn(5)) / 2
		}
		loss, dx, again, dx2 := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
		opts := &SigmoidCrossEntropyOptions[T]{PosWeight: p}
		require.NoError(t, SigmoidCrossEntropyWith(loss, x, y, opts))
		require.NoError(t, SigmoidCrossEntropyGradWith(dx, again, x, y, 0.5, opts))
		require.Equal(t, loss, again)
		require.NoError(t, SigmoidCrossEntropyGradWith(dx2, nil, x, y, 0.5, opts))
		require.Equal(t, dx, dx2)
		for i := range x {
			l, g := bce(float64(x[i]), float64(y[i]), float64(p[i%c]))
			require.InDelta(t, l, float64(loss[i]), tol*max(l, 1e-30),
				"%d columns, loss of %v, %v, weight %v", c, x[i], y[i], p[i%c])
			// soft targets: relative to the magnitudes that are subtracted
			size := math.Abs(g)
			if y[i] != 0 && y[i] != 1 {
				size = 3
			}
			require.InDelta(t, 0.5*g, float64(dx[i]), tol*size, "%d columns, gradient of %v, %v, weight %v",
				c, x[i], y[i], p[i%c])
		}
		// If targets are labels, weights of one change nothing, however many there are.
		for i := range y {
			y[i] = T(r.Intn(2))
		}
		for i := range p {
			p[i] = 1
		}
		SigmoidCrossEntropyGrad(dx, loss, x, y, 0.25)
		for _, o := range []*SigmoidCrossEntropyOptions[T]{nil, {}, opts, {PosWeight: p[:1]}} {
			require.NoError(t, SigmoidCrossEntropyGradWith(dx2, again, x, y, 0.25, o))
			require.Equal(t, loss, again)
			require.Equal(t, dx, dx2)
			require.NoError(t, SigmoidCrossEntropyWith(again, x, y, o))
			require.Equal(t, loss, again)
		}
	}
}

func TestSpecialSigmoidLoss(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialSigmoidLoss[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialSigmoidLoss[float64](t) })
	})
}

func specialSigmoidLoss[T Float](t *testing.T) {
	plus, minus, none := kt.Inf[T](1), kt.Inf[T](-1), kt.NaN[T]()
	for _, c := range []struct{ x, t, loss, dx T }{
		{plus, 1, 0, 0}, {plus, 0, plus, 1}, {minus, 0, 0, 0}, {minus, 1, plus, -1},
		{plus, 0.5, plus, 0.5}, {minus, 0.25, plus, -0.25},
		{none, 0, none, none}, {none, 1, none, none}, {1, none, none, none}, {-1, none, none, none},
		{0, 0, T(math.Ln2), 0.5}, {T(math.Copysign(0, -1)), 1, T(math.Ln2), -0.5},
		{2000, 1, 0, 0}, {-2000, 1, 2000, -1}, {2000, 0, 2000, 1}, {-2000, 0, 0, 0},
	} {
		for n := 1; n < 70; n += 7 {
			x, y, loss, dx := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
			at := n / 2
			x[at], y[at] = c.x, c.t
			SigmoidCrossEntropyGrad(dx, loss, x, y, 1)
			require.True(t, kt.Same(c.loss, loss[at]), "x = %v, t = %v: loss %v", c.x, c.t, loss[at])
			require.True(t, kt.Same(c.dx, dx[at]) || c.dx == 0 && dx[at] == 0, "x = %v, t = %v: gradient %v",
				c.x, c.t, dx[at])
		}
	}
}

func TestNumericalGradientSigmoidLoss(t *testing.T) {
	t.Run("float32", numericalGradientSigmoidLoss[float32])
	t.Run("float64", numericalGradientSigmoidLoss[float64])
}

func numericalGradientSigmoidLoss[T Float](t *testing.T) {
	for _, n := range []int{1, 6, 33} {
		r := kt.NewRand(uint64(n))
		x, y, p, dx := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
		kt.Fill(r, kt.Normal, x, n)
		for i := range y {
			y[i], p[i] = (kt.Uniform[T](r, 1)+1)/2, T(r.Intn(6))/2
			if i%3 == 0 {
				y[i] = T(i % 2)
			}
		}
		for _, weights := range [][]T{nil, p} {
			require.NoError(t,
				SigmoidCrossEntropyGradWith(dx, nil, x, y, 1/T(n),
					&SigmoidCrossEntropyOptions[T]{PosWeight: weights}))
			checkGrad(t, "SigmoidCrossEntropy", dx, x, func(x []float64) float64 {
				s := 0.0
				for i, v := range x {
					w := 1.0
					if weights != nil {
						w = float64(weights[i])
					}
					l, _ := bce(v, float64(y[i]), w)
					s += l / float64(n)
				}
				return s
			})
		}
	}
}
