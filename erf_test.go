package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// TestWalkErf64 samples the float64 form.
func TestWalkErf64(t *testing.T) {
	fill := func(r *kt.Rand, x, _ []float64) {
		for i := range x {
			switch r.Intn(4) {
			case 0:
				x[i] = math.Ldexp(kt.Uniform[float64](r, 1), -r.Intn(1074))
			case 1:
				x[i] = kt.Uniform[float64](r, 7)
			default:
				x[i] = kt.Uniform[float64](r, 2)
			}
		}
	}
	require.Less(t, walk64(t, "Erf", fill, func(d, x, _ []float64) { Erf(d, x) },
		func(x, _ float64) kt.Scaled { return kt.ErfDD(x) },
		func(got, x, _ float64) float64 { return kt.ErrBig(got, kt.ErfBig(x)) }), erfBound64)
}

// erfBound64 is the bound of the float64 Erf in ULP.
const erfBound64 = 1.49

// What the polynomials of the float64 Erf are off, the second one times the exponential.
const erfNearError, erfTailError = 0.25 * 0x1p-53, 0.106 * 0x1p-53

// TestErfPolynomials64 compares the polynomials, without roundings, with the function.
func TestErfPolynomials64(t *testing.T) {
	eval := func(c []float64, x kt.DD) kt.DD {
		p := kt.DD{}
		for i := len(c) - 1; i >= 0; i-- {
			p = p.Mul(x).Add(kt.DD{Hi: c[i]})
		}
		return p
	}
	one := kt.DD{Hi: 1}
	var near, tail float64
	for i := range 4001 {
		a := 1.03125 * float64(i+1) / 4001
		p := eval(erfNear[:], kt.DD{Hi: a}.Mul(kt.DD{Hi: a}))
		off := dd(kt.ErfDD(a)).Div(kt.DD{Hi: a}).Add(one.Add(p).Neg())
		near = max(near, math.Abs(off.Hi))
		a = 1.03125 + 4.96875*float64(i)/4000
		w := kt.DD{Hi: a - 3}.Div(kt.DD{Hi: a}.Add(kt.DD{Hi: 3}))
		e := dd(kt.ExpDD(kt.DD{Hi: a}.Mul(kt.DD{Hi: a}).Neg()))
		off = one.Add(dd(kt.ErfDD(a)).Neg()).Add(e.Mul(eval(erfTail[:], w)).Neg())
		tail = max(tail, math.Abs(off.Hi))
	}
	t.Logf("near %.4f, tail %.4f * 2^-53", near*0x1p53, tail*0x1p53)
	require.LessOrEqual(t, near, erfNearError)
	require.LessOrEqual(t, tail, erfTailError)
	require.Greater(t, near, 0.9*erfNearError)
	require.Greater(t, tail, 0.9*erfTailError)
}

// TestErfBound64 adds up the roundings of the float64 Erf.
func TestErfBound64(t *testing.T) {
	top, at := 0.0, 0.0
	var cell func(lo, hi float64, value func(lo, hi float64) kt.Rounded)
	cell = func(lo, hi float64, value func(lo, hi float64) kt.Rounded) {
		v := value(lo, hi)
		if v.Straddles() && hi-lo > 0x1p-45*hi {
			cell(lo, (lo+hi)/2, value)
			cell((lo+hi)/2, hi, value)
			return
		}
		if e := v.RoundedULPs(); e > top {
			top, at = e, lo
		}
	}
	cells := pickLong(4096, 1024)
	for lo := 0x1p-60; lo < 1; lo *= 2 {
		for i := range cells / 8 {
			step := lo / float64(cells/8)
			cell(lo+step*float64(i), lo+step*float64(i+1), erfNearRoundings)
		}
	}
	for i := range cells / 8 {
		step := 0.03125 / float64(cells/8)
		cell(1+step*float64(i), 1+step*float64(i+1), erfNearRoundings)
	}
	t.Logf("Erf, |x| < 1.03125: %.3f ULP at %v", top, at)
	near := top
	top = 0
	for lo := 1.03125; lo < 6; {
		hi := min(6, lo*(1+1/float64(cells)))
		// Where a quarter of an octave of the exponential ends, so does an interval.
		if n := math.Floor(lo*lo*4/math.Ln2+0.5) + 0.5; math.Sqrt(n*math.Ln2/4) > lo {
			hi = min(hi, math.Sqrt(n*math.Ln2/4))
		}
		cell(lo, hi, erfTailRoundings)
		lo = hi
	}
	t.Logf("Erf, |x| >= 1.03125: %.3f ULP at %v", top, at)
	require.LessOrEqual(t, max(near, top), erfBound64)
	require.InDelta(t, erfBound64, max(near, top), 0.01)
}

// erfNearRoundings repeats the float64 Erf for |x| between a0 and a1, below 1.03125, without the
// last rounding.
func erfNearRoundings(a0, a1 float64) kt.Rounded {
	var r kt.Rounding
	a := kt.Exact(a0, a1)
	z := r.Round(a.Square())
	p := kt.Const(erfNear[11])
	for i := 10; i >= 0; i-- {
		p = r.Round(p.Mul(z).Add(kt.Const(erfNear[i])))
	}
	p = r.Off(p, erfNearError)
	return a.Mul(p).Add(a).Within(math.Erf(a0)*(1-1e-15), math.Erf(a1)*(1+1e-15))
}

// erfTailRoundings repeats it from 1.03125 on.
func erfTailRoundings(a0, a1 float64) kt.Rounded {
	const scale = 0x1.000d6a5af9f9dp+0
	var r kt.Rounding
	a := kt.Exact(a0, a1)
	z := r.Round(a.Square())
	n := int(-math.Round((a0*a0 + a1*a1) / 2 * 4 / math.Ln2))
	s := entry(&r, &sigmoidTable64, kt.DD{Hi: scale}, n&3).Mul(kt.Const(math.Ldexp(1, n>>2)))
	// 4/ln 2 is rounded, too; the reduced argument is that of the rounded square.
	low, high := -a1*a1-float64(n)*math.Ln2/4, -a0*a0-float64(n)*math.Ln2/4
	p := r.Off(exp2Roundings(&r, low, high), 1.1*(z.Error()+0x1p-54*a1*a1))
	w := r.Round(a.Sub(kt.Const(3)).Div(r.Round(a.Add(kt.Const(3)))))
	w = w.Within((a0-3)/(a0+3)-0x1p-50, (a1-3)/(a1+3)+0x1p-50)
	f := kt.Const(erfTail[11])
	for i := 10; i >= 0; i-- {
		f = r.Round(f.Mul(w).Add(kt.Const(erfTail[i])))
	}
	t := r.Round(s.Mul(f))
	e := r.Round(t.Mul(p).Add(t)).Within(math.Erfc(a1)*(1-1e-13), math.Erfc(a0)*(1+1e-13))
	e = r.Off(e, erfTailError)
	return kt.Const(1).Sub(e).Within(math.Erf(a0)*(1-1e-15), min(1, math.Erf(a1)*(1+1e-15)))
}

func TestSpecialErf(t *testing.T) {
	t.Run("float32", testSpecialErf[float32])
	t.Run("float64", testSpecialErf[float64])
}

func testSpecialErf[T Float](t *testing.T) {
	tiny, negZero := kt.FromBits[T](1), T(math.Copysign(0, -1))
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, c := range [][2]T{
			{0, 0}, {negZero, negZero}, {kt.Inf[T](1), 1}, {kt.Inf[T](-1), -1}, {kt.NaN[T](), kt.NaN[T]()},
			{1e30, 1}, {-1e30, -1}, {10, 1}, {-10, -1}, {tiny, tiny}, {-tiny, -tiny}, {8 * tiny, 9 * tiny},
			{0.5, T(math.Erf(0.5))}, {-3, T(math.Erf(-3))},
		} {
			for n := 1; n < 70; n += 3 {
				for _, at := range []int{0, n / 2, n - 1} {
					x, y := make([]T, n), make([]T, n)
					x[at] = c[0]
					Erf(y, x)
					if c[0] != c[0] {
						require.True(t, y[at] != y[at])
					} else {
						require.InDelta(t, float64(c[1]), float64(y[at]), 1e-7, c[0])
						if a := math.Abs(float64(c[0])); a < 0x1p-100 || a > 8 {
							require.True(t, kt.Same(c[1], y[at]), "erf(%v) = %v", c[0], y[at])
						}
					}
					if n > 1 {
						require.True(t, kt.Same(y[(at+1)%n], 0))
					}
				}
			}
		}
		// The results are odd and never above 1.
		r := kt.NewRand(1)
		x, minus := make([]T, 999), make([]T, 999)
		for i := range x {
			x[i] = kt.Uniform[T](r, 7)
			minus[i] = -x[i]
		}
		y, z := make([]T, 999), make([]T, 999)
		Erf(y, x)
		Erf(z, minus)
		for i := range y {
			require.True(t, kt.Same(y[i], -z[i]) && y[i] >= -1 && y[i] <= 1)
		}
	})
}
