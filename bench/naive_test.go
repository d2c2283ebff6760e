package bench

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktest"
)

// What is timed side by side has to compute the same thing.
func TestNaiveAgrees(t *testing.T) {
	t.Run("float32", naiveAgrees[float32])
	t.Run("float64", naiveAgrees[float64])
}

func naiveAgrees[T kernels.Float](t *testing.T) {
	eps := 0x1p-53
	if size[T]() == 4 {
		eps = 0x1p-24
	}
	check := func(t *testing.T, k kernel[T], v *view[T], tol float64) {
		run := func(f func(*view[T])) (dst, losses []T) {
			for i := range v.dst {
				v.dst[i] = T(math.NaN())
			}
			for i := range v.losses {
				v.losses[i] = T(math.NaN())
			}
			f(v)
			return append(dst, v.dst...), append(losses, v.losses...)
		}
		dst, losses := run(k.naive)
		for _, name := range isa.Available() {
			func() {
				defer isa.Force(name)()
				got, gotLosses := run(k.ours)
				for i, want := range dst {
					requireClose(t, want, got[i], tol, k.name, name, i)
				}
				for i, want := range losses {
					requireClose(t, want, gotLosses[i], tol, k.name+" loss", name, i)
				}
			}()
		}
	}
	for _, k := range elementKernels[T]() {
		check(t, k, elements[T](1000), 8*eps)
	}
	for _, k := range rowKernels[T]() {
		for _, classes := range []int{1, 2, 10, 100, 1000} {
			t.Run(fmt.Sprintf("%s/%d", k.name, classes), func(t *testing.T) {
				v := rows[T](5, classes)
				v.targets()
				// The naive sums over a row lose up to an epsilon an element.
				check(t, k, v, (64+4*float64(classes))*eps)
			})
		}
	}
}

func requireClose[T kernels.Float](t *testing.T, want, got T, tol float64, name, set string, i int) {
	t.Helper()
	if math.IsNaN(float64(want)) && math.IsNaN(float64(got)) {
		return // what a kernel does not write keeps the NaN put there before
	}
	if d := math.Abs(float64(got - want)); !(d <= tol*max(1, math.Abs(float64(want)))) {
		require.Failf(t, "differs from the naive loop", "%s %s [%d]: %v, naive %v", name, set, i, got, want)
	}
}

// The masks of both forms of ReLUMask name the same elements; the outputs alone would not show it.
func TestMasksAgree(t *testing.T) {
	v := elements[float32](1000)
	kernels.ReLUMask(v.dst, v.x, v.mask)
	Naive[float32]{}.ReLUMask(v.dst, v.x, v.bools)
	for i, set := range v.bools {
		require.Equal(t, set, v.mask[i/64]>>(i%64)&1 == 1, "element %d", i)
	}
}

func TestTimeOf(t *testing.T) {
	v := elements[float32](1 << 12)
	short := timeOf(func() { copy(v.dst[:64], v.x[:64]) })
	long := timeOf(func() { Naive[float32]{}.Sigmoid(v.dst, v.x) })
	assert.Positive(t, short)
	assert.Greater(t, long, 20*short)
	assert.Greater(t, timeOfCopy(1<<26), timeOfCopy(1<<10))
}

func TestInputsRepeat(t *testing.T) {
	s := repeat(1<<18, ktest.Gauss[float64])
	assert.Equal(t, s[:1<<16], s[3<<16:])
	assert.NotEqual(t, s[0], s[1])
}
