package kernels_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	kt "kernels/internal/ktest"
)

// TestOptimizerBounds holds the steps to the bounds that they promise, against exact results. Some
// error comes close to each bound.
func TestOptimizerBounds(t *testing.T) {
	t.Run("float32", optimizerBounds[float32])
	t.Run("float64", optimizerBounds[float64])
}

func optimizerBounds[T kernels.Float](t *testing.T) {
	const n = 2000
	u := math.Ldexp(1, -kt.Digits[T]()-1)
	x := func(v T) *big.Float { return kt.Big(float64(v)) }
	z := func() *big.Float { return new(big.Float).SetPrec(kt.Prec) }
	ulp := func(v *big.Float) float64 { // of the exact result
		return 2 * u * math.Ldexp(1, v.MantExp(nil)-1)
	}
	worst := map[string]float64{}
	check := func(what string, got T, want *big.Float, bound float64) {
		t.Helper()
		d, _ := z().Sub(x(got), want).Float64()
		require.LessOrEqual(t, math.Abs(d), bound, "%s is %v, exactly %v", what, got, want)
		worst[what] = max(worst[what], math.Abs(d)/bound)
	}
	for seed := range uint64(8) {
		r := kt.NewRand(seed)
		var s [4][]T
		for i := range s {
			s[i] = make([]T, n)
			kt.Fill(r, []kt.Kind{kt.Normal, kt.Unit}[int(seed)%2], s[i], n)
		}
		w, m, v, dw := s[0], s[1], s[2], s[3]
		for i, a := range v {
			v[i] = T(math.Abs(float64(a))) + 0x1p-20
			if i%3 == 0 {
				m[i], v[i] = m[i]*0x1p-10, v[i]*0x1p-10
			}
		}
		rate, factor := T(0.1), T(0.9)
		p := kernels.AdamParams[T]{Rate: 0.01, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7}

		sgd := append([]T(nil), w...)
		kernels.SGD(sgd, dw, rate)
		momentum, velocity := append([]T(nil), w...), append([]T(nil), m...)
		kernels.Momentum(momentum, velocity, dw, rate, factor)
		adam, m1, v1 := append([]T(nil), w...), append([]T(nil), m...), append([]T(nil), v...)
		kernels.Adam(adam, m1, v1, dw, p)
		for i := range n {
			step := z().Mul(x(rate), x(dw[i]))
			want := z().Sub(x(w[i]), step)
			check("SGD", sgd[i], want, ulp(want)/2)

			kept := z().Mul(x(factor), x(m[i]))
			want = z().Sub(kept, step)
			check("v of Momentum", velocity[i], want, ulp(want)/2+ulp(kept)/2)
			want = z().Add(x(w[i]), x(velocity[i]))
			check("w of Momentum", momentum[i], want, ulp(want)/2)

			c1, c2 := z().Sub(kt.Big(1), x(p.Beta1)), z().Sub(kt.Big(1), x(p.Beta2))
			by := z().Mul(c1, z().Sub(x(dw[i]), x(m[i])))
			size, _ := by.Float64()
			want = z().Add(x(m[i]), by)
			check("m of Adam", m1[i], want, ulp(want)/2+u*math.Abs(size))
			by = z().Mul(c2, z().Sub(z().Mul(x(dw[i]), x(dw[i])), x(v[i])))
			size, _ = by.Float64()
			want = z().Add(x(v[i]), by)
			check("v of Adam", v1[i], want, ulp(want)/2+u*math.Abs(size))

			by = z().Quo(z().Mul(x(p.Rate), x(m1[i])), z().Add(z().Sqrt(x(v1[i])), x(p.Epsilon)))
			size, _ = by.Float64()
			want = z().Sub(x(w[i]), by)
			check("w of Adam", adam[i], want, ulp(want)/2+4.000001*u*math.Abs(size))
			// from 0, the step itself is seen
			only := []T{0}
			kernels.Adam(only, []T{m[i]}, []T{v[i]}, dw[i:i+1], p)
			check("step of Adam", only[0], by.Neg(by), 4.000001*u*math.Abs(size))
		}
	}
	for what, part := range worst {
		t.Logf("%s: %.3f of the bound", what, part)
		assert.Greater(t, part, 0.6, what)
	}
}

// TestOptimizerFormulas compares steps with the book's formulas on numbers that are exact.
func TestOptimizerFormulas(t *testing.T) {
	t.Run("float32", optimizerFormulas[float32])
	t.Run("float64", optimizerFormulas[float64])
}

func optimizerFormulas[T kernels.Float](t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		w, dw := []T{1, -2, 8}, []T{0.5, -4, 0}
		kernels.SGD(w, dw, 0.25)
		assert.Equal(t, []T{0.875, -1, 8}, w)

		w, v := []T{1, -2, 8}, []T{0, 4, 1}
		kernels.Momentum(w, v, dw, 0.25, 0.5)
		assert.Equal(t, []T{-0.125, 3, 0.5}, v)
		assert.Equal(t, []T{0.875, 1, 8.5}, w)

		w, m, v := []T{1, -2, 8}, []T{0, 4, 1}, []T{0, 16, 12}
		kernels.Adam(w, m, v, dw, kernels.AdamParams[T]{Rate: 2, Beta1: 0.5, Beta2: 0.75, Epsilon: 1})
		assert.Equal(t, []T{0.25, 0, 0.5}, m)
		assert.Equal(t, []T{0.0625, 16, 9}, v)
		assert.Equal(t, []T{1 - 0.5/1.25, -2, 8 - 1.0/4}, w)
	})
}

// TestOptimizerSpecials checks what the documentation says about special values, at every place of
// a vector.
func TestOptimizerSpecials(t *testing.T) {
	t.Run("float32", optimizerSpecials[float32])
	t.Run("float64", optimizerSpecials[float64])
}

func optimizerSpecials[T kernels.Float](t *testing.T) {
	nan, inf := T(math.NaN()), T(math.Inf(1))
	fill := func(v T) []T {
		s := make([]T, 37)
		for i := range s {
			s[i] = v
		}
		return s
	}
	all := func(want T, got []T) {
		t.Helper()
		for i, v := range got {
			require.True(t, kt.Same(v, want), "element %d is %v, want %v", i, v, want)
		}
	}
	kt.EachISA(t, func(*testing.T, string) {
		sgd := func(w, dw, rate T) []T {
			s := fill(w)
			kernels.SGD(s, fill(dw), rate)
			return s
		}
		all(nan, sgd(1, nan, 0))
		all(-inf, sgd(1, inf, 0.1))
		all(nan, sgd(1, inf, 0))
		all(nan, sgd(inf, inf, 1))
		all(T(math.Copysign(0, -1)), sgd(T(math.Copysign(0, -1)), 0, 1))

		adam := func(m, v, dw, epsilon T) (w, m2, v2 []T) {
			w, m2, v2 = fill(1), fill(m), fill(v)
			kernels.Adam(w, m2, v2, fill(dw),
				kernels.AdamParams[T]{Rate: 1, Beta1: 0.5, Beta2: 0.5, Epsilon: epsilon})
			return
		}
		w, m, v := adam(0, 0, 0, 1e-7)
		all(1, w)
		all(0, m)
		all(0, v)
		w, _, _ = adam(0, 0, 0, 0) // 0/0
		all(nan, w)
		w, _, _ = adam(1, 0, 0, 0) // 0.5/0
		all(-inf, w)
		w, _, v = adam(0, -1, 0, 1)
		all(nan, w)
		all(-0.5, v)
		w, m, v = adam(0, 1, inf, 1)
		all(nan, w) // Inf/Inf
		all(inf, m)
		all(inf, v)
		_, _, v = adam(0, inf, 0, 1) // Inf-Inf
		all(nan, v)
		w, m, v = adam(0, 0, nan, 1)
		all(nan, w)
		all(nan, m)
		all(nan, v)
	})
}
