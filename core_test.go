package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A first look at every function, against the formulas in float64. The tables are elsewhere.

func smoke[T Float](t *testing.T, eps float64) {
	x := []T{-3, -1, T(math.Copysign(0, -1)), 0, 0.5, 2, 7, 1, -8, 3, 3, 2.5}
	rows, classes := 4, 3
	n := len(x)
	dst, dx := make([]T, n), make([]T, n)
	dy := make([]T, n)
	for i := range dy {
		dy[i] = T(i%5) - 1.5
	}

	ReLU(dst, x)
	mask := make([]uint64, MaskLen(n))
	ReLUMask(dx, x, mask)
	assert.Equal(t, dst, dx)
	for i, v := range x {
		assert.Equal(t, math.Float64bits(max(float64(v), 0)+0), math.Float64bits(float64(dst[i])), "ReLU(%v)", v)
		assert.Equal(t, v <= 0, mask[0]>>i&1 == 1)
	}
	ReLUBackward(dx, dy, mask)
	for i, v := range x {
		if v <= 0 {
			assert.Zero(t, dx[i])
		} else {
			assert.Equal(t, dy[i], dx[i])
		}
	}

	for _, f := range []func(dst, x []T){Sigmoid[T], SigmoidFast[T]} {
		f(dst, x)
		for i, v := range x {
			assert.InEpsilon(t, 1/(1+math.Exp(-float64(v))), float64(dst[i]), 3*eps)
		}
	}
	SigmoidBackward(dx, dy, dst)
	for i, v := range dst {
		assert.Equal(t, T(T(dy[i]*(1-v))*v), dx[i])
	}

	soft := make([]float64, n)
	logs := make([]float64, n)
	for r := range rows {
		var s float64
		for j := range classes {
			soft[r*classes+j] = math.Exp(float64(x[r*classes+j]))
			s += soft[r*classes+j]
		}
		for j := range classes {
			soft[r*classes+j] /= s
			logs[r*classes+j] = math.Log(soft[r*classes+j])
		}
	}
	Softmax(dst, x, classes)
	lsm := make([]T, n)
	LogSoftmax(lsm, x, classes)
	for i := range dst {
		assert.InEpsilon(t, soft[i], float64(dst[i]), 4*eps)
		assert.InDelta(t, logs[i], float64(lsm[i]), 16*eps)
	}
	SoftmaxBackward(dx, dy, dst, classes)
	dl := make([]T, n)
	LogSoftmaxBackward(dl, dy, lsm, classes)
	for r := range rows {
		var dot, sum float64
		for j := range classes {
			i := r*classes + j
			dot += float64(dy[i]) * soft[i]
			sum += float64(dy[i])
		}
		for j := range classes {
			i := r*classes + j
			assert.InDelta(t, (float64(dy[i])-dot)*soft[i], float64(dx[i]), 16*eps)
			assert.InDelta(t, float64(dy[i])-sum*soft[i], float64(dl[i]), 16*eps)
		}
	}

	labels := []uint8{0, 2, 1, 2}
	losses, again := make([]T, rows), make([]T, rows)
	g := make([]T, n)
	require.NoError(t, CrossEntropy(losses, x, labels, classes))
	require.NoError(t, CrossEntropyGrad(g, again, x, labels, classes, 0.25))
	assert.Equal(t, losses, again)
	onehot := make([]T, n)
	for r, l := range labels {
		assert.InEpsilon(t, -logs[r*classes+int(l)], float64(losses[r]), 16*eps)
		onehot[r*classes+int(l)] = 1
	}
	for i := range g {
		assert.InDelta(t, 0.25*(soft[i]-float64(onehot[i])), float64(g[i]), 4*eps)
	}
	probLosses, pg := make([]T, rows), make([]T, n)
	require.NoError(t, CrossEntropyProb(probLosses, x, onehot, classes))
	require.NoError(t, CrossEntropyProbGrad(pg, again, x, onehot, classes, 0.25))
	assert.Equal(t, probLosses, again)
	for r := range losses {
		assert.InEpsilon(t, float64(losses[r]), float64(probLosses[r]), 16*eps)
	}
	for i := range pg {
		assert.InDelta(t, float64(g[i]), float64(pg[i]), 4*eps)
	}
}

func TestSmoke(t *testing.T) {
	t.Run("float32", func(t *testing.T) { smoke[float32](t, 0x1p-23) })
	t.Run("float64", func(t *testing.T) { smoke[float64](t, 0x1p-52) })
}
