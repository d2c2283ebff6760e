package bench_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktable"
	"kernels/internal/ktest"
	"kernels/internal/timing"
)

// TestNaiveAgrees checks that the loops that are timed side by side compute the same thing.
func TestNaiveAgrees(t *testing.T) {
	t.Run("float32", naiveAgrees[float32])
	t.Run("float64", naiveAgrees[float64])
}

func naiveAgrees[T kernels.Float](t *testing.T) {
	for _, f := range ktable.Funcs[T]() {
		for _, classes := range []int{1, 2, 10, 100, 1000} {
			// TestMasksAgree
			if f.Naive == nil || f.Opts&^(ktable.Scale|ktable.Matrices|ktable.Stepping) != 0 ||
				f.Index("PosWeight") >= 0 || f.Name == "ReLUMask" {
				continue
			}
			c := timing.Call(&f, 5, classes)
			want, _ := c.Case().Expect()
			timing.Must(c.Naive(c))
			// a naive sum over a row loses up to one epsilon per element
			tol := (64 + 4*float64(classes)) * math.Ldexp(1, -ktest.Digits[T]()-1)
			for i, a := range f.Args {
				if !a.Out || a.Type != ktable.Elem ||
					ktest.DiffArrays(c.Ops[i], ktest.NewArray(c.TypeOf(i), c.Ops[i].Len())) < 0 {
					continue // an input, or nothing that the loop writes
				}
				for j := range want[i].Len() {
					w, g := float64(ktest.View[T](want[i])[j]), float64(c.T(i)[j])
					if !(g != g && w != w || math.Abs(g-w) <= tol*max(1, math.Abs(w))) {
						require.Failf(t, "differs from the naive loop",
							"%s of %d: %s[%d]: %v, naive %v", f.Name, classes, a.Name, j, w, g)
					}
				}
			}
		}
	}
}

// TestMasksAgree checks that the masks of both forms of ReLUMask name the same elements.
func TestMasksAgree(t *testing.T) {
	c := timing.Call(ktable.Named[float32]("ReLUMask"), 1000, 1)
	want := append([]float32(nil), c.T(0)...)
	timing.Must(c.Run())
	copy(want, c.T(0))
	timing.Must(c.Naive(c)) // the mask that it starts with is that of Run
	assert.Equal(t, want, c.T(0))
	for i, set := range c.Bools() {
		require.Equal(t, set, ktest.View[uint64](c.Ops[2])[i/64]>>(i%64)&1 == 1, "element %d", i)
	}
	assert.Contains(t, c.Bools(), true)
	assert.Contains(t, c.Bools(), false)
	assert.NotEmpty(t, isa.Name())
}
