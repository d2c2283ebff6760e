package kernels

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

func softplusRef(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func softplusBig(x float64) *big.Float {
	l := kt.Log1pBig(kt.ExpBig(kt.Big(-math.Abs(x))))
	if x <= 0 {
		return l
	}
	return l.Add(l, kt.Big(x))
}

// TestWalkSoftplus64 samples the float64 form, subnormal results included.
func TestWalkSoftplus64(t *testing.T) {
	fill := func(r *kt.Rand, x, _ []float64) { sample64(r, x) }
	require.LessOrEqual(t, walk64(t, "Softplus", fill, func(d, x, _ []float64) { Softplus(d, x) },
		func(x, _ float64) kt.Scaled { return kt.SoftplusDD(x) },
		func(got, x, _ float64) float64 { return kt.ErrBig(got, softplusBig(x)) }), softplusBound64)
}

// TestSoftplusBound64 adds up the roundings of the float64 Softplus, for results that are normal
// numbers. Where exp(-|x|) is below 2^-54, nothing is added to a positive x that counts, and for a
// negative one the rest of the logarithm is nothing beside its first term.
func TestSoftplusBound64(t *testing.T) {
	for _, side := range []struct {
		name string
		sign float64
	}{{"x < 0", -1}, {"x > 0", 1}} {
		value := func(n int, lo, hi float64) kt.Rounded {
			if n == 0 {
				lo = max(lo, 0) // |x| is at least 0
			}
			if lo >= hi {
				return kt.Const(1)
			}
			return softplusRoundings(n, lo, hi, side.sign)
		}
		top, at, _ := worstCell(0, 54, 4, pickLong(512, 128), value)
		for b := -60; b < -3; b++ { // near 0, where an interval has to be small beside x
			for i := range 64 {
				lo, hi := math.Ldexp(1+float64(i)/64, b), math.Ldexp(1+float64(i+1)/64, b)
				if e := value(0, lo, min(hi, math.Ln2/8)).RoundedULPs(); e > top {
					top, at = e, fmt.Sprintf("n = 0, w = %g", lo)
				}
			}
		}
		t.Logf("Softplus, %s: %.3f ULP at %s", side.name, top, at)
		require.LessOrEqual(t, top, softplusBound64)
	}
}

// softplusBound64 is the bound of the float64 Softplus in ULP.
const softplusBound64 = 1.34

// softplusRoundings repeats the float64 Softplus for exp(-|x|) = 2^(-n/4)*exp(-w), w between lo and
// hi, without the last rounding: for x < 0, that after the logarithm is none. The factor 2^512 of
// the exponential changes no rounding.
func softplusRoundings(n int, lo, hi, sign float64) kt.Rounded {
	const a = 0x1.4f6647eb09a0ap+0 // off aF64*2^(1/4) by less than a twentieth of 2^-53
	var r kt.Rounding
	m := 1 - n
	s := entry(&r, &rowTable64, kt.DD{Hi: aF64}, m&3).Mul(kt.Const(math.Ldexp(1, m>>2)))
	s = r.Off(s, 0.05*0x1p-53*math.Exp2(float64(m)/4)*aF64)
	z := kt.Exact(-hi, -lo)
	if n != 0 {
		z = r.Round(z)
	}
	p := r.Off(r.Round(r.Round(z.Square()).Mul(polyRoundings(&r, z)).Add(z)), expPolynomialError(-hi, -lo))
	elo, ehi := math.Exp2(-float64(n)/4)*math.Exp(-hi), math.Exp2(-float64(n)/4)*math.Exp(-lo)
	within := func(a kt.Rounded, f func(e float64) float64) kt.Rounded {
		return a.Within(f(elo)*(1-0x1p-50), f(ehi)*(1+0x1p-50))
	}
	sp, twoA := s.Mul(p), kt.Const(2*a)
	w := within(r.Round(s.Add(sp)), func(e float64) float64 { return a * e })
	wl := r.Round(r.Sub(s, w).Add(sp).Within(0, 0))
	d := r.Add(w, twoA).Within(a*(2+elo)*(1-0x1p-50), a*(2+ehi)*(1+0x1p-50))
	dl := r.Round(wl.Add(r.Add(w, r.Sub(twoA, d)).Within(0, 0)))
	q := within(r.Round(w.Div(d)), func(e float64) float64 { return e / (2 + e) })
	rest := r.Add(r.Round(w.Sub(q.Mul(d)).Within(0, 0)), wl)
	rest = r.Round(rest.Sub(q.Mul(dl)).Within(0, 0))
	more := r.Round(rest.Mul(r.Round(d.Mul(kt.Const(-0x1.8dbp-3)).Add(kt.Const(0x1.4258p+0)))))
	u := r.Round(q.Square())
	l := kt.Const(l9F64)
	for _, c := range []float64{l8F64, l7F64, l6F64, l5F64, l4F64, l3F64, l2F64, l1F64, l0F64} {
		l = r.Round(l.Mul(u).Add(kt.Const(c)))
	}
	l = r.Off(l, 0x1p-54) // see sigmoidLossRoundings
	more = r.Round(r.Round(q.Mul(u)).Mul(l).Add(more))
	q = q.Add(q)
	if sign < 0 {
		return within(q.Add(more), math.Log1p)
	}
	x := kt.Exact(float64(n)*math.Ln2/4+lo, float64(n)*math.Ln2/4+hi)
	return x.Add(within(r.Add(q, more), math.Log1p))
}

// TestSoftplusBackward compares the backward with the product of dy and Sigmoid, bit by bit.
func TestSoftplusBackward(t *testing.T) {
	t.Run("float32", testSoftplusBackward[float32])
	t.Run("float64", testSoftplusBackward[float64])
}

func testSoftplusBackward[T Float](t *testing.T) {
	sameProduct(t, Sigmoid[T], SoftplusBackward[T], func(dy, _, s T) T { return dy * s })
}

// sameProduct checks on each instruction set that a backward has the bits of want, which gets dy, x
// and the result of f at x.
func sameProduct[T Float](t *testing.T, f func(y, x []T), backward func(dx, dy, x []T), want func(dy, x, y T) T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		r := kt.NewRand(1)
		for _, n := range []int{1, 7, 64, 65, 200, 1000} {
			x, dy, dx, y := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
			for i := range x {
				x[i] = kt.Uniform[T](r, []int{2, 20, 110, 760}[i&3])
				dy[i] = kt.Uniform[T](r, 4)
			}
			f(y, x)
			backward(dx, dy, x)
			for i := range x {
				require.True(t, kt.Same(want(dy[i], x[i], y[i]), dx[i]), "x = %v, dy = %v: %v", x[i], dy[i], dx[i])
			}
		}
	})
}

func TestSpecialSoftplus(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialSoftplus[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialSoftplus[float64](t) })
	})
}

func specialSoftplus[T Float](t *testing.T) {
	tiny, negZero, none := kt.FromBits[T](1), T(math.Copysign(0, -1)), kt.NaN[T]()
	inf, most, log2 := kt.Inf[T](1), T(kt.Pick[T](math.MaxFloat32, math.MaxFloat64)), T(math.Ln2)
	least := T(kt.Pick[T](-104, -746)) // the result is less than half of the smallest number
	for _, c := range []struct{ x, y, dx T }{
		{0, log2, 0.5}, {negZero, log2, 0.5}, {tiny, log2, 0.5}, {-tiny, log2, 0.5},
		{inf, inf, 1}, {-inf, 0, 0}, {none, none, none}, {most, most, 1}, {-most, 0, 0},
		{least, 0, 0}, {1000, 1000, 1}, {1e30, 1e30, 1},
	} {
		for n := 1; n < 70; n += 3 {
			for _, at := range []int{0, n / 2, n - 1} {
				x, y, dy, dx := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
				x[at], dy[at] = c.x, 1
				Softplus(y, x)
				SoftplusBackward(dx, dy, x)
				for i := range x {
					want, grad := log2, T(0)
					if i == at {
						want, grad = c.y, c.dx
					}
					require.True(t, kt.Same(want, y[i]), "Softplus(%v) = %v", x[i], y[i])
					require.True(t, kt.Same(grad, dx[i]), "SoftplusBackward(%v) = %v", x[i], dx[i])
				}
			}
		}
	}
	y, dx := make([]T, 1), make([]T, 2)
	Softplus(y, []T{least + 1})
	require.True(t, kt.Same(tiny, y[0]), "%v", y[0])
	SoftplusBackward(dx, []T{none, inf}, []T{1, -1})
	require.True(t, dx[0] != dx[0] && kt.Same(inf, dx[1]), fmt.Sprint(dx))
}

func TestNumericalGradientSoftplus(t *testing.T) {
	t.Run("float32", testNumericalGradientSoftplus[float32])
	t.Run("float64", testNumericalGradientSoftplus[float64])
}

func testNumericalGradientSoftplus[T Float](t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, n := range []int{1, 3, 16, 33, 70} {
			r := kt.NewRand(uint64(n))
			x, dy, dx := make([]T, n), make([]T, n), make([]T, n)
			kt.Fill(r, kt.Normal, x, n)
			kt.Fill(r, kt.Unit, dy, n)
			SoftplusBackward(dx, dy, x)
			checkGrad(t, "Softplus", dx, x, func(x []float64) float64 {
				s := 0.0
				for i, v := range x {
					s += float64(dy[i]) * softplusRef(v)
				}
				return s
			})
		}
	})
}
