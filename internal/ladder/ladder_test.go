package ladder

import (
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/isa"
)

// ExpectEnv names the instruction set that must have been chosen at start.
const ExpectEnv = "KERNELS_EXPECT"

func TestExpected(t *testing.T) {
	t.Logf("%s; available: %v", kernels.ISA(), isa.Available())
	assert.Equal(t, isa.Available()[len(isa.Available())-1], isa.NameGeneric)
	want := os.Getenv(ExpectEnv)
	if want == "" {
		t.Skip(ExpectEnv + " is not set")
	}
	require.Equal(t, want, kernels.ISA())
}

func TestFloat32(t *testing.T) { everything[float32](t) }
func TestFloat64(t *testing.T) { everything[float64](t) }

// everything calls the whole API on the instruction set in force and on pure Go.
func everything[T kernels.Float](t *testing.T) {
	for _, n := range []int{1, 3, 8, 17, 64, 100, 257} {
		x, y := make([]T, n), make([]T, n)
		for i := range x {
			x[i] = T(i*37%101-50) / 4
			y[i] = T(i*53%97) / 97
		}
		if n > 64 { // the shorter ones stay finite
			for i, special := range []float64{math.Inf(-1), math.Copysign(0, -1), -1e30, math.Inf(1), math.NaN()} {
				x[n-1-13*i] = T(special)
			}
		}
		got := calls(t, x, y)
		restore := isa.Force(isa.NameGeneric)
		want := calls(t, x, y)
		restore()
		for name, w := range want {
			for i := range w {
				if w[i] != w[i] && got[name][i] != got[name][i] { // one NaN is as good as another
					continue
				}
				if math.Float64bits(float64(w[i])) != math.Float64bits(float64(got[name][i])) {
					t.Errorf("%s, %d elements: element %d is %v on %s, %v in pure Go", name, n, i, got[name][i], kernels.ISA(), w[i])
					break
				}
			}
		}
	}
}

// calls returns the results of every function of the API, elementwise on x and y, and on rows of them.
func calls[T kernels.Float](t *testing.T, x, y []T) map[string][]T {
	n := len(x)
	out := map[string][]T{}
	do := func(name string, f func(dst []T)) {
		dst := make([]T, n)
		f(dst)
		out[name] = dst
	}
	mask := make([]uint64, kernels.MaskLen(n))
	do("ReLU", func(dst []T) { kernels.ReLU(dst, x) })
	do("ReLUMask", func(dst []T) { kernels.ReLUMask(dst, x, mask) })
	do("ReLUBackward", func(dst []T) { kernels.ReLUBackward(dst, y, mask) })
	do("Sigmoid", func(dst []T) { kernels.Sigmoid(dst, x) })
	do("SigmoidFast", func(dst []T) { kernels.SigmoidFast(dst, x) })
	do("SigmoidBackward", func(dst []T) { kernels.SigmoidBackward(dst, x, y) })
	do("Parallel", func(dst []T) {
		kernels.Parallel(n, 64, func(lo, hi int) { kernels.Sigmoid(dst[lo:hi], x[lo:hi]) })
	})
	for classes := 1; classes <= n; classes++ {
		if n%classes != 0 {
			continue
		}
		rows := n / classes
		labels := make([]int, rows)
		for i := range labels {
			labels[i] = i % classes
		}
		name := func(s string) string { return fmt.Sprintf("%s of %d", s, classes) }
		losses := make([]T, rows)
		keep := func(s string) { out[name(s)+", losses"] = append([]T(nil), losses...) }
		do(name("Softmax"), func(dst []T) { kernels.Softmax(dst, x, classes) })
		do(name("LogSoftmax"), func(dst []T) { kernels.LogSoftmax(dst, x, classes) })
		do(name("SoftmaxBackward"), func(dst []T) { kernels.SoftmaxBackward(dst, x, y, classes) })
		do(name("LogSoftmaxBackward"), func(dst []T) { kernels.LogSoftmaxBackward(dst, x, y, classes) })
		require.NoError(t, kernels.CrossEntropy(losses, x, labels, classes))
		keep("CrossEntropy")
		do(name("CrossEntropyGrad"), func(dst []T) {
			require.NoError(t, kernels.CrossEntropyGrad(dst, losses, x, labels, classes, 0.5))
		})
		keep("CrossEntropyGrad")
		require.NoError(t, kernels.CrossEntropyProb(losses, x, y, classes))
		keep("CrossEntropyProb")
		do(name("CrossEntropyProbGrad"), func(dst []T) {
			require.NoError(t, kernels.CrossEntropyProbGrad(dst, losses, x, y, classes, 0.5))
		})
		keep("CrossEntropyProbGrad")
	}
	return out
}
