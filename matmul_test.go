package kernels_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	kt "kernels/internal/ktest"
)

// TestMatMulBound holds products and column sums to the bounds that they promise, against exact
// sums: ((1+u)^k - 1) times the sum of the sizes of the terms. At k = 1 some error comes close to
// it.
func TestMatMulBound(t *testing.T) {
	t.Run("float32", matMulBound[float32])
	t.Run("float64", matMulBound[float64])
}

func matMulBound[T kernels.Float](t *testing.T) {
	const m, n = 7, 35
	kinds := []kt.Kind{kt.Normal, kt.Unit, kt.Shifted, kt.Constant, kt.Ascending}
	u := math.Ldexp(1, -kt.Digits[T]()-1)
	ks := []int{1, 2, 3, 10, 64, 65}
	if !testing.Short() {
		ks = append(ks, 257, 1000)
	}
	for _, k := range ks {
		worst := 0.0
		for seed := range uint64(4) {
			for _, kind := range kinds {
				r := kt.NewRand(seed)
				a, b, dst := make([]T, m*k), make([]T, k*n), make([]T, m*n)
				bias, sums := make([]T, n), make([]T, n)
				kt.Fill(r, kind, a, k)
				kt.Fill(r, kind, b, n)
				if seed%2 == 1 {
					kt.Fill(r, kind, bias, n)
				}
				opts := &kernels.MatMulOptions[T]{Bias: bias}
				require.NoError(t, kernels.MatMulWith(dst, a, b, m, k, n, opts))
				for i, got := range dst {
					row, col := i/n, i%n
					want, size := kt.Big(float64(bias[col])), kt.Big(math.Abs(float64(bias[col])))
					for p := range k {
						term := new(big.Float).Mul(kt.Big(float64(a[row*k+p])), kt.Big(float64(b[p*n+col])))
						want.Add(want, term)
						size.Add(size, term.Abs(term))
					}
					worst = max(worst, fraction(t, got, want, size, k, u))
				}
				kernels.ColumnSums(sums, b, k, n)
				for j, got := range sums {
					want, size := kt.Big(0), kt.Big(0)
					for p := range k {
						v := kt.Big(float64(b[p*n+j]))
						want.Add(want, v)
						size.Add(size, v.Abs(v))
					}
					fraction(t, got, want, size, k-1, u)
				}
			}
		}
		if t.Logf("k = %d: %.3f of the bound", k, worst); k == 1 {
			require.Greater(t, worst, 0.9)
		}
	}
}

// fraction returns how much of the bound for a sum with k roundings its error is; more than all of
// it fails.
func fraction[T kernels.Float](t *testing.T, got T, want, size *big.Float, k int, u float64) float64 {
	t.Helper()
	d := new(big.Float).Sub(kt.Big(float64(got)), want)
	err, _ := d.Abs(d).Float64()
	of, _ := size.Float64()
	bound := math.Expm1(float64(k)*math.Log1p(u)) * of
	require.LessOrEqual(t, err, bound*(1+0x1p-40), "%v, exactly %v", got, want) // the bound itself is rounded
	if bound == 0 {
		return 0
	}
	return err / bound
}

// TestMatMulSpecial: what the chain does with zeros, infinities and NaN, in a product of each size
// of tile.
func TestMatMulSpecial(t *testing.T) {
	inf, nan, zero := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, m := range []int{1, 4, 6, 8, 12, 23, 70} {
			for _, n := range []int{1, 7, 16, 33} {
				for _, c := range []struct{ a0, a1, b0, b1, want float32 }{
					{0, 1, inf, 5, nan}, // 0*Inf
					{1, 1, inf, -inf, nan},
					{1, 1, inf, 5, inf},
					{1, -1, 2, inf, -inf},
					{nan, 0, 0, 0, nan},
					{zero, zero, 1, 1, 0},                                // 0 + -0 is 0
					{math.MaxFloat32, -math.MaxFloat32, 2, 2, -inf},      // the first product is too large
					{math.MaxFloat32, math.MaxFloat32, 2, -2, -inf},      // and stays so
					{1 + 0x1p-12, -1, 1 + 0x1p-12, 1 + 0x1p-11, 0},       // rounded before the difference
					{-1, 1 + 0x1p-12, 1 + 0x1p-11, 1 + 0x1p-12, 0x1p-24}, // the product is not
				} {
					a, b, dst := make([]float32, m*2), make([]float32, 2*n), make([]float32, m*n)
					for i := range m {
						a[2*i], a[2*i+1] = c.a0, c.a1
					}
					for j := range n {
						b[j], b[n+j] = c.b0, c.b1
					}
					want := c.want
					if c.a0 == math.MaxFloat32 { // Inf, then -Inf or a finite number with it
						want = float32(math.FMA(float64(c.a1), float64(c.b1), float64(inf)))
					}
					kernels.MatMul(dst, a, b, m, 2, n)
					for _, got := range dst {
						require.True(t, kt.Same(got, want), "%v: %v, want %v", c, got, want)
					}
				}
				// No products: the beginnings.
				dst, bias := make([]float32, m*n), make([]float32, n)
				for j := range n {
					dst[j], bias[j] = nan, float32(j)
				}
				kernels.MatMul(dst, nil, nil, m, 0, n)
				require.Equal(t, make([]float32, m*n), dst)
				require.NoError(
					t,
					kernels.MatMulWith(dst, nil, nil, m, 0, n, &kernels.MatMulOptions[float32]{Bias: bias}),
				)
				require.Equal(t, bias, dst[(m-1)*n:])
				dst[0] = 7
				require.NoError(
					t,
					kernels.MatMulWith(dst, nil, nil, m, 0, n, &kernels.MatMulOptions[float32]{Add: true}),
				)
				require.EqualValues(t, 7, dst[0])
				kernels.ColumnSums(dst[:n], nil, 0, n)
				require.Equal(t, make([]float32, n), dst[:n])
			}
		}
	})
}

// TestMatMulInPieces: k in pieces by Add, and dst by blocks of rows and columns, have the bits of
// the whole.
func TestMatMulInPieces(t *testing.T) {
	const m, k, n = 67, 530, 101
	a, b, want := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
	kt.Fill(kt.NewRand(1), kt.Normal, a, k)
	kt.Fill(kt.NewRand(2), kt.Normal, b, n)
	kernels.MatMul(want, a, b, m, k, n)
	kt.EachISA(t, func(t *testing.T, _ string) {
		dst := make([]float32, m*n)
		for p := 0; p < k; p += 111 {
			d := min(111, k-p)
			o := &kernels.MatMulOptions[float32]{Add: true, AStride: k}
			require.NoError(t, kernels.MatMulWith(dst, a[p:(m-1)*k+p+d], b[p*n:(p+d)*n], m, d, n, o))
		}
		require.Equal(t, want, dst)
		clear(dst)
		for i := 0; i < m; i += 10 {
			for j := 0; j < n; j += 33 {
				r, c := min(10, m-i), min(33, n-j)
				o := &kernels.MatMulOptions[float32]{DstStride: n, BStride: n}
				require.NoError(
					t,
					kernels.MatMulWith(dst[i*n+j:(i+r-1)*n+j+c], a[i*k:(i+r)*k], b[j:(k-1)*n+j+c], r, k, c, o),
				)
			}
		}
		require.Equal(t, want, dst)
	})
}
