package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

func eluRef(x float64) float64 {
	if x < 0 {
		return math.Expm1(x)
	}
	return x
}

func eluDD(x, alpha float64) kt.Scaled {
	if x < 0 {
		return kt.Expm1DD(x).Mul(kt.Scaled{DD: kt.DD{Hi: alpha}})
	}
	return kt.Scaled{DD: kt.DD{Hi: x}}
}

// The bounds in ULP: with an alpha of 1, and with any other.
const (
	eluBound32      = 0.950
	eluAlphaBound32 = 1.894
	eluBound64      = 1.27
	eluAlphaBound64 = 2.06
)

// TestWalkELUAlpha32 has the error for any alpha from what s, p and the difference s*alpha - alpha
// are off. The last is exact for s = 1 and 1/2. An error relative to the result, in units of 2^-24,
// is at most as many ULP. The last rounding adds a half.
func TestWalkELUAlpha32(t *testing.T) {
	const unit = 0x1p-24
	var w worst
	walk(stride(), func(x []float32) {
		top, at := -1.0, float32(0)
		for _, v := range x {
			if !(v < 0 && v >= -100) {
				continue
			}
			sf, pf := eluExp32(max(v, -20))
			s, p, want := float64(sf), float64(pf), math.Expm1(float64(v))
			off := math.Abs((s*p + (s - 1)) - want)
			if s < 0.5 {
				off += (1 - s) * unit
			}
			if e := off/math.Abs(want)/unit + 0.5; e > top {
				top, at = e, v
			}
		}
		w.add("", top, func() string { return fmt.Sprintf("%v (%x)", at, at) })
	})
	t.Logf("%.4f ULP at %s", w.max[""].err, w.max[""].at)
	require.LessOrEqual(t, w.max[""].err, eluAlphaBound32)
}

// sampleELU fills x with negative numbers: also tiny ones, and the ends of the intervals of t. The
// first of alpha counts for all.
func sampleELU(r *kt.Rand, x, alpha []float64) {
	sampleExpm1(r, x)
	for i, v := range x {
		if r.Intn(8) == 0 {
			v = (float64(r.Intn(40))+0.5)*math.Ln2 + math.Ldexp(kt.Uniform[float64](r, 1), -4-r.Intn(40))
		}
		x[i] = -math.Abs(v)
	}
	alpha[0] = 1 + math.Abs(kt.Uniform[float64](r, 1))
	for i := range alpha {
		alpha[i] = alpha[0]
	}
}

// TestWalkELU64 samples the float64 form, with an alpha of 1 and with others.
func TestWalkELU64(t *testing.T) {
	fill := func(r *kt.Rand, x, alpha []float64) {
		sampleELU(r, x, alpha)
		for i := range alpha {
			alpha[i] = 1
		}
	}
	run := func(d, x, alpha []float64) { ELU(d, x, alpha[0]) }
	verify := func(got, x, alpha float64) float64 {
		want := kt.Expm1Big(kt.Big(x))
		return kt.ErrBig(got, want.Mul(want, kt.Big(alpha)))
	}
	require.LessOrEqual(t, walk64(t, "ELU", fill, run, eluDD, verify), eluBound64)
	require.LessOrEqual(t, walk64(t, "ELU, alpha", sampleELU, run, eluDD, verify), eluAlphaBound64)
}

// TestELUBound64 adds up the roundings of the float64 ELU in each of many intervals. Where exp(x)
// is below 2^-57, the result is -alpha.
func TestELUBound64(t *testing.T) {
	relative, place := 0.0, ""
	value := func(n int, lo, hi float64) kt.Rounded {
		if e := eluRoundings(n, lo, hi, true).Relative(); e > relative {
			relative, place = e, fmt.Sprintf("n = %d, t = %g", n, lo)
		}
		return eluRoundings(n, lo, hi, false)
	}
	cells := pickLong(1024, 256)
	top, at, _ := worstCell(-57, -1, 1, cells, value)
	octaves(-60, math.Ln2/2, cells, func(lo, hi float64) {
		if v := value(0, lo, hi); hi < 0 && v.RoundedULPs() > top {
			top, at = v.RoundedULPs(), fmt.Sprintf("t = %g", lo)
		}
	})
	t.Logf("ELU: %.4f ULP at %s; with any alpha %.4f at %s", top, at, relative+0.5, place)
	require.LessOrEqual(t, top, eluBound64)
	require.InDelta(t, eluBound64, top, 0.01)
	require.LessOrEqual(t, relative+0.5, eluAlphaBound64)
	require.InDelta(t, eluAlphaBound64, relative+0.5, 0.02)
}

// eluRoundings repeats the float64 ELU for exp(x) = 2^n*exp(t), t between lo and hi, without the
// last rounding, relative to alpha. With any alpha, s*alpha - alpha is rounded, but for s = 1 and
// 1/2.
func eluRoundings(n int, lo, hi float64, anyAlpha bool) kt.Rounded {
	var r kt.Rounding
	s, one, t := kt.Const(math.Ldexp(1, n)), kt.Const(1), kt.Exact(lo, hi)
	if n != 0 {
		t = r.Round(t)
	}
	p := kt.Const(wholePolynomial[0])
	for _, c := range wholePolynomial[1:] {
		p = r.Round(p.Mul(t).Add(kt.Const(c)))
	}
	p = r.Round(t.Square()).Mul(p).Add(t)
	if n != 0 || anyAlpha { // else this is the last rounding
		p = r.Round(p)
	}
	p = r.Off(p, polynomialError(wholePolynomial, lo, hi))
	c := r.Add(s, one.Neg())
	if anyAlpha && n < -1 {
		c = r.Off(s.Add(one.Neg()), 0x1p-53*(1-math.Ldexp(1, n)))
	}
	a, b := math.Ldexp(math.Exp(lo), n)-1, math.Ldexp(math.Exp(hi), n)-1
	if n == 0 {
		a, b = math.Expm1(lo), math.Expm1(hi)
	}
	return s.Mul(p).Add(c).Within(a-math.Abs(a)*0x1p-50, b+math.Abs(b)*0x1p-50)
}

// TestELUBackward compares the backward with the product of dy, alpha and Exp, bit by bit.
func TestELUBackward(t *testing.T) {
	t.Run("float32", testELUBackward[float32])
	t.Run("float64", testELUBackward[float64])
}

func testELUBackward[T Float](t *testing.T) {
	for _, alpha := range []T{1, 1.7, -0.3} {
		sameProduct(t, Exp[T], func(dx, dy, x []T) { ELUBackward(dx, dy, x, alpha) }, func(dy, x, e T) T {
			if x > 0 {
				return dy
			}
			return dy * T(alpha*e)
		})
	}
}

// TestELUBackwardBound has the bound of the backward: the relative error of Exp in units of 2^-24
// (2^-53), at most as many ULP as that, one such unit for the product with alpha, and the half ULP
// of the last rounding.
func TestELUBackwardBound(t *testing.T) {
	var w worst
	walk(stride(), func(x []float32) {
		y := make([]float32, len(x))
		Exp(y, x)
		top, at := -1.0, float32(0)
		for i, v := range x {
			if v <= 0 && v >= -87 {
				want := math.Exp(float64(v))
				if e := math.Abs(float64(y[i])-want) / want / 0x1p-24; e > top {
					top, at = e, v
				}
			}
		}
		w.add("", top, func() string { return fmt.Sprintf("%v (%x)", at, at) })
	})
	t.Logf("float32: %.4f * 2^-24 at %s", w.max[""].err, w.max[""].at)
	require.LessOrEqual(t, w.max[""].err, 1.345)
	require.LessOrEqual(t, w.max[""].err+1.5, 3.0)

	top, cells := 0.0, pickLong(1024, 256)
	for j := range 4 {
		for i := -cells; i < cells; i++ {
			end := math.Ln2 / 8 / float64(cells)
			v := exactExpRoundings(j, end*float64(i), end*float64(i+1))
			top = max(top, v.Relative()+1) // and its last rounding
		}
	}
	t.Logf("float64: %.4f * 2^-53", top)
	require.LessOrEqual(t, top+1.5, 3.0)
}

func TestSpecialELU(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialELU[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialELU[float64](t) })
	})
}

func specialELU[T Float](t *testing.T) {
	tiny, negZero, inf, nan := kt.FromBits[T](1), T(math.Copysign(0, -1)), kt.Inf[T](1), kt.NaN[T]()
	huge := T(kt.Pick[T](math.MaxFloat32, math.MaxFloat64))
	// x, alpha, ELU, the gradient for dy = 8
	for _, c := range [][4]T{
		{0, 0.5, 0, 4}, {negZero, 0.5, negZero, 4}, {negZero, -2, negZero, -16}, {3, 0.5, 3, 8},
		{inf, 0.5, inf, 8}, {-inf, 0.5, -0.5, 0}, {-inf, 1, -1, 0}, {-inf, -3, 3, negZero},
		{nan, 0.5, nan, nan}, {huge, 2, huge, 8}, {-huge, 2, -2, 0}, {tiny, 0.5, tiny, 8},
		{-tiny, 2, -2 * tiny, 16}, {-tiny, 1, -tiny, 8}, {-1000, 1.5, -1.5, 0}, {-1000, huge, -huge, 0},
		{-inf, 0, 0, 0}, {2, 0, 2, 8}, {5, nan, 5, 8}, {-5, nan, nan, nan}, {5, inf, 5, 8},
		{-5, inf, nan, inf}, {0, inf, 0, inf},
	} {
		for n := 1; n < 70; n += 3 {
			for _, at := range []int{0, n / 2, n - 1} {
				x, y, dy, dx := ones[T](n), make([]T, n), ones[T](n), make([]T, n)
				x[at], dy[at] = c[0], 8
				ELU(y, x, c[1])
				ELUBackward(dx, dy, x, c[1])
				for i := range x {
					want, grad := T(1), T(1)
					if i == at {
						want, grad = c[2], c[3]
					}
					require.True(t, kt.Same(want, y[i]) && kt.Same(grad, dx[i]),
						"%v, alpha %v: %v, %v at %d of %d", c[0], c[1], y[i], dx[i], i, n)
				}
			}
		}
	}
	dx := make([]T, 5)
	ELUBackward(dx, []T{nan, nan, inf, -inf, 0}, []T{1, -1, -1, 1, -1}, 1)
	for i, want := range []T{nan, nan, inf, -inf, 0} {
		require.True(t, kt.Same(want, dx[i]), "dx[%d] = %v", i, dx[i])
	}
}

func TestNumericalGradientELU(t *testing.T) {
	t.Run("float32", testNumericalGradientELU[float32])
	t.Run("float64", testNumericalGradientELU[float64])
}

func testNumericalGradientELU[T Float](t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, alpha := range []float64{1, 0.25, -1.5} {
			gradients(t, "ELU", []float64{0},
				func(dx, dy, x []T) { ELUBackward(dx, dy, x, T(alpha)) },
				func(v float64) float64 {
					if v < 0 {
						return alpha * math.Expm1(v)
					}
					return v
				})
		}
	})
}

// TestELUAlpha samples alphas of all magnitudes, also those of which s*alpha is subnormal.
func TestELUAlpha(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testELUAlpha[float32](t, eluAlphaBound32, -96) })
	t.Run("float64", func(t *testing.T) { testELUAlpha[float64](t, eluAlphaBound64, -960) })
}

func testELUAlpha[T Float](t *testing.T, bound float64, least int) {
	r := kt.NewRand(1)
	var top [2]float64
	x, y := make([]T, 64), make([]T, 64)
	for range pickLong(20000, 2000) {
		for i := range x {
			x[i] = -T(math.Abs(kt.Uniform[float64](r, []int{1, 2, 25, 45}[i&3])))
		}
		c, e := 0, r.Intn(-least)
		if r.Intn(4) == 0 {
			c, e = 1, -least+r.Intn(kt.Digits[T]()+30)
		}
		alpha := T(math.Ldexp(1+kt.Uniform[float64](r, 1)/2, -e))
		ELU(y, x, alpha)
		for i, v := range x {
			want := kt.Expm1DD(float64(v)).Mul(kt.ScaledOf(float64(alpha)))
			top[c] = max(top[c], kt.Err(y[i], want))
		}
	}
	t.Logf("%.3f ULP, %.3f for a small alpha", top[0], top[1])
	require.LessOrEqual(t, top[0], bound)
	require.LessOrEqual(t, top[1], bound+0.75)
}
