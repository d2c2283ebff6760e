package kernels

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// sampleLog fills x with positive numbers: of all magnitudes, more of those near 1, where results
// are small, and near the ends of the interval of 1+f.
func sampleLog(r *kt.Rand, x []float64) {
	for i := range x {
		u := 1 + math.Abs(kt.Uniform[float64](r, 1))
		switch r.Intn(6) {
		case 0:
			x[i] = math.Float64frombits(r.Uint64() >> 1 % 0x7ff0000000000000)
		case 1:
			x[i] = u
		case 2:
			x[i] = u / 2
		case 3:
			x[i] = 1 + math.Ldexp(kt.Uniform[float64](r, 1), -r.Intn(54))
		case 4:
			x[i] = math.Ldexp(math.Sqrt2*(1+kt.Uniform[float64](r, 1)/16), -r.Intn(4))
		case 5:
			x[i] = math.Float64frombits(1 + r.Uint64()>>(12+r.Intn(52))) // subnormal
		}
		if x[i] == 0 {
			x[i] = 1
		}
	}
}

// sampleLog1p fills x for Log1p: also with tiny numbers of both signs, and down to -1.
func sampleLog1p(r *kt.Rand, x []float64) {
	sampleLog(r, x)
	for i, v := range x {
		switch r.Intn(4) {
		case 0:
			x[i] = -min(v, 1/v) // may be -1
		case 1:
			x[i] = v - 1
		case 2:
			x[i] = math.Ldexp(kt.Uniform[float64](r, 1), -r.Intn(1070))
		}
		if x[i] <= -1 {
			x[i] = -0.5
		}
	}
}

// sampleExp is sample64 where results are neither 0 nor infinite.
func sampleExp(r *kt.Rand, x []float64) {
	sample64(r, x)
	for i, v := range x {
		x[i] = max(min(v, 709.7), -745.1)
	}
}

// sampleExpm1 fills x for Expm1: also with tiny numbers, and with the ends of the intervals of t.
func sampleExpm1(r *kt.Rand, x []float64) {
	sampleExp(r, x)
	for i := range x {
		switch r.Intn(4) {
		case 0:
			x[i] = math.Ldexp(kt.Uniform[float64](r, 1), -r.Intn(1070))
		case 1:
			n := float64(r.Intn(64)-32) + 0.5
			x[i] = n*(math.Ln2/4) + math.Ldexp(kt.Uniform[float64](r, 1), -4-r.Intn(40))
		}
	}
}

// The bounds of the float64 forms in ULP, by the roundings on the way: see TestElementaryBound64.
const (
	expBound64          = 0.712
	expSubnormalBound64 = 0.856
	expm1Bound64        = 0.645
	logBound64          = 0.81
)

// TestWalkElementary64 samples the float64 forms, against double-double and math/big.
func TestWalkElementary64(t *testing.T) {
	for _, k := range []struct {
		name  string
		bound float64
		fill  func(r *kt.Rand, x []float64)
		run   func(dst, x []float64)
		ref   func(x float64) kt.Scaled
		exact func(x *big.Float) *big.Float
	}{
		{"Exp", expSubnormalBound64, sampleExp, Exp[float64],
			func(x float64) kt.Scaled { return kt.ExpDD(kt.DD{Hi: x}) }, kt.ExpBig},
		{"Expm1", expm1Bound64, sampleExpm1, Expm1[float64], kt.Expm1DD, kt.Expm1Big},
		{"Log", logBound64, sampleLog, Log[float64], kt.LogDD, kt.LogBig},
		{"Log1p", logBound64, sampleLog1p, Log1p[float64], kt.Log1pOfDD, kt.Log1pBig},
	} {
		t.Run(k.name, func(t *testing.T) {
			fill := func(r *kt.Rand, x, _ []float64) { k.fill(r, x) }
			require.Less(t, walk64(t, k.name, fill, func(d, x, _ []float64) { k.run(d, x) },
				func(x, _ float64) kt.Scaled { return k.ref(x) },
				func(got, x, _ float64) float64 { return kt.ErrBig(got, k.exact(kt.Big(x))) }), k.bound)
		})
	}
}

// TestElementaryBound64 adds up the roundings of the float64 forms in each of many intervals, for
// results that are normal numbers. Where exp(x) is below 2^-55 or above 2^60, nothing is left of
// one of the two that Expm1 subtracts; beyond 2^±16, logarithms are so large that the rest is
// nothing.
func TestElementaryBound64(t *testing.T) {
	cells := pickLong(256, 64)
	check := func(name string, bound, top float64, at string) {
		t.Logf("%s: %.4f ULP at %s", name, top, at)
		require.LessOrEqual(t, top, bound, name)
		require.InDelta(t, bound, top, 0.01, name)
	}
	top, at, _ := worstCell(0, 1, 4, cells, func(n int, lo, hi float64) kt.Rounded {
		return exactExpRoundings(n, lo, hi)
	})
	check("Exp", expBound64, top, at)

	top, at, _ = worstCell(-55, 60, 4, cells, func(n int, lo, hi float64) kt.Rounded {
		if n == 0 {
			return kt.Const(1) // below
		}
		return expm1Roundings(n, lo, hi)
	})
	octaves(-30, math.Ln2/8, cells, func(lo, hi float64) {
		if e := expm1Roundings(0, lo, hi).RoundedULPs(); e > top {
			top, at = e, fmt.Sprintf("x = %g", lo)
		}
	})
	check("Expm1", expm1Bound64, top, at)

	for _, with := range []bool{false, true} {
		name := "Log"
		if with {
			name = "Log1p"
		}
		top, at = 0.0, ""
		var cell func(k, lo, hi float64)
		cell = func(k, lo, hi float64) {
			least := 0x1p-40
			if k == 0 { // the power may be that of any c
				least = 0x1p-12 * math.Abs(lo)
			}
			v := logRoundings(k, lo, hi, with)
			if v.Straddles() && hi-lo > least {
				cell(k, lo, (lo+hi)/2)
				cell(k, (lo+hi)/2, hi)
			} else if e := v.RoundedULPs(); e > top {
				top, at = e, fmt.Sprintf("k = %v, f = %v", k, lo)
			}
		}
		octaves(-48, math.Sqrt2-1, cells, func(lo, hi float64) {
			if lo > math.Sqrt2/2-1 {
				cell(0, lo, hi)
			}
		})
		for k := -16.0; k <= 16; k++ {
			for i := range 4 * cells {
				edge := func(i int) float64 {
					return math.Sqrt2/2*math.Exp2(float64(i)/float64(4*cells)) - 1
				}
				if k != 0 {
					cell(k, edge(i), edge(i+1))
				}
			}
		}
		check(name, logBound64, top, at)
	}

	// Below, c is as large as f, and has so few bits that most sums are exact, which intervals do
	// not know.
	r := kt.NewRand(1)
	x, y := make([]float64, samples()/4), make([]float64, samples()/4)
	for i := range x {
		x[i] = math.Ldexp(kt.Uniform[float64](r, 1), -48-r.Intn(8))
	}
	Log1p(y, x)
	for i, v := range x {
		require.Less(t, kt.Err64(y[i], kt.Log1pOfDD(v)), logBound64, v)
	}
}

// octaves calls f with intervals that cover those numbers up to end in size that are at least 2^b.
func octaves(b int, end float64, cells int, f func(lo, hi float64)) {
	for ; math.Ldexp(1, b) < end; b++ {
		for i := range cells {
			edge := func(i int) float64 {
				return min(end, math.Ldexp(1+float64(i)/float64(cells), b))
			}
			if lo, hi := edge(i), edge(i+1); lo < hi {
				f(lo, hi)
				f(-hi, -lo)
			}
		}
	}
}

// exactExpRoundings repeats the float64 Exp for exp(x) = 2^(n/4)*exp(t), t between lo and hi,
// without the last rounding. What the two parts of a table's entry lack together is nothing.
func exactExpRoundings(n int, lo, hi float64) kt.Rounded {
	var r kt.Rounding
	s := kt.Const(math.Ldexp(entry64(n), n>>2))
	lack := kt.Const(expLo64[n&3])
	t := r.Round(r.Round(kt.Exact(lo, hi).Sub(lack)).Add(lack))
	p := r.Round(r.Round(t.Square()).Mul(polyRoundings(&r, t)).Add(t))
	p = r.Off(p, expPolynomialError(lo, hi))
	power := math.Exp2(float64(n) / 4)
	return s.Add(s.Mul(p)).Within(power*math.Exp(lo)*(1-0x1p-50), power*math.Exp(hi)*(1+0x1p-50))
}

// entry64 is 2^(n/4) without its power of two, as in the table.
func entry64(n int) float64 {
	j := n & 3
	return math.Float64frombits(expTable64[j] + uint64(j)<<50 + 1023<<52)
}

var expm1Polynomial = []float64{
	0x1.71eb2a646228p-19, 0x1.a02bcbc2b61c1p-16, 0x1.a01a0161e0e1p-13, 0x1.6c16c11687dc2p-10,
	0x1.111111111170dp-7, 0x1.55555555565cbp-5, 0x1.5555555555555p-3, 0x1p-1,
}

// expm1Roundings repeats the float64 Expm1 for exp(x) = 2^(n/4)*exp(t), t between lo and hi,
// without the last rounding and the factor 1/4. rest is what the roundings of top and sum lost.
func expm1Roundings(n int, lo, hi float64) kt.Rounded {
	var r kt.Rounding
	one, s := kt.Const(1), kt.Const(math.Ldexp(entry64(n), n>>2))
	part := kt.Const(expLo64[n&3] - float64(n)*(ln2LoF64/4))
	tl, th := r.Round(part), kt.Exact(lo, hi).Sub(part)
	if n == 0 {
		tl, th = kt.Const(0), kt.Exact(lo, hi)
	}
	t := th.Add(tl)
	if n != 0 {
		t = r.Round(t)
	}
	p := kt.Const(expm1Polynomial[0])
	for _, c := range expm1Polynomial[1:] {
		p = r.Round(p.Mul(t).Add(kt.Const(c)))
	}
	q := r.Round(r.Round(t.Square()).Mul(p).Add(tl))
	q = r.Off(q, polynomialError(expm1Polynomial, lo, hi))

	top := r.Add(s, one.Neg())
	lost := s.Sub(one).Sub(top).Within(0, 0)
	sth := s.Mul(th)
	sum := r.Add(sth, top)
	rest := r.Add(r.Round(top.Sub(sum)), lost)
	rest = r.Round(sth.Add(rest).Within(0, 0))
	if n == 0 {
		sum, rest = th, kt.Const(0)
	}
	power := math.Exp2(float64(n) / 4)
	a, b := power*math.Exp(lo)-1, power*math.Exp(hi)-1
	if n == 0 {
		a, b = math.Expm1(lo), math.Expm1(hi)
	}
	return sum.Add(r.Round(s.Mul(q).Add(rest))).Within(a-math.Abs(a)*0x1p-50, b+math.Abs(b)*0x1p-50)
}

// logRoundings repeats the float64 Log for 2^k*(1+f), f between lo and hi, without the last
// rounding. With c, it is that of Log1p, whose c*c/2 is left out.
func logRoundings(k, lo, hi float64, c bool) kt.Rounded {
	var r kt.Rounding
	f := kt.Exact(lo, hi)
	s, e := f, kt.Const(0)
	if k != 0 {
		n := kt.Const(k * ln2HiF64)
		s = r.Round(n.Add(f))
		e = n.Add(f).Sub(s).Within(0, 0) // exact
	}
	low, high := math.Log1p(lo)+k*math.Ln2, math.Log1p(hi)+k*math.Ln2
	if c {
		u := math.Ldexp(1+lo, int(k))
		off := kt.ULP64(math.Ldexp(1+hi, int(k))) / 2 / u
		cu := r.Off(r.Round(kt.Exact(-off, off)), off*off/2)
		low, high = low-off, high+off
		if k != 0 {
			cu = r.Add(e, cu)
		}
		e = cu
	}
	if k != 0 {
		e = r.Round(kt.Const(k * ln2LoF64).Add(e))
	}
	half := f.Mul(kt.Const(0.5))
	q := r.Round(f.Div(r.Round(kt.Const(2).Add(f))))
	h := r.Round(half.Mul(f))
	rest := r.Add(q.Mul(r.Round(h.Add(fdlibmRoundings(&r, r.Round(q.Square()))))), e)
	rest = r.Round(rest.Sub(half.Mul(f)))
	return s.Add(rest).Within(low-math.Abs(low)*0x1p-50, high+math.Abs(high)*0x1p-50)
}

// elementaryClimbs returns the cases of the float64 forms, for normal results.
func elementaryClimbs[T Float]() []climbCase[T] {
	y := make([]T, 1)
	makeCase := func(name string, bound float64, fill func(r *kt.Rand, x []float64), lo, hi, least float64,
		run func(dst, x []T), ref func(x float64) kt.Scaled) climbCase[T] {
		start := func(r *kt.Rand, x []T) {
			var s [1]float64
			fill(r, s[:])
			x[0] = T(s[0])
		}
		return elementCase(name, "ULP", bound, 1, start, func(x []T) float64 {
			v := float64(x[0])
			if !(v > lo && v < hi) || math.Abs(v) < least {
				return -1
			}
			run(y, x)
			return kt.Err(y[0], ref(v))
		})
	}
	ref := func(x float64) kt.Scaled { return kt.ExpDD(kt.DD{Hi: x}) }
	return []climbCase[T]{
		makeCase("Exp", expBound64, sample64, -708, 709.7, 0, Exp[T], ref),
		makeCase("Expm1", expm1Bound64, sampleExpm1, -45, 709.7, 0x1p-512, Expm1[T], kt.Expm1DD),
		makeCase("Log", logBound64, sampleLog, 0, math.MaxFloat64, 0, Log[T], kt.LogDD),
		makeCase("Log1p", logBound64, sampleLog1p, -1, math.MaxFloat64, 0x1p-512, Log1p[T], kt.Log1pOfDD),
	}
}

func TestSpecialElementary(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialElementary[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialElementary[float64](t) })
	})
}

func specialElementary[T Float](t *testing.T) {
	tiny, negZero, inf, nan := kt.FromBits[T](1), T(math.Copysign(0, -1)), kt.Inf[T](1), kt.NaN[T]()
	huge := T(kt.Pick[T](math.MaxFloat32, math.MaxFloat64))
	for _, k := range []struct {
		name   string
		run    func(dst, x []T)
		values [][2]T
	}{
		{"Exp", Exp[T], [][2]T{{0, 1}, {negZero, 1}, {inf, inf}, {-inf, 0}, {nan, nan}, {huge, inf},
			{-huge, 0}, {tiny, 1}, {-tiny, 1}, {1000, inf}, {-1000, 0}}},
		{"Expm1", Expm1[T], [][2]T{{0, 0}, {negZero, negZero}, {inf, inf}, {-inf, -1}, {nan, nan},
			{huge, inf}, {-huge, -1}, {tiny, tiny}, {-tiny, -tiny}, {1000, inf}, {-1000, -1}}},
		{"Log", Log[T], [][2]T{{0, -inf}, {negZero, -inf}, {inf, inf}, {-inf, nan}, {nan, nan},
			{-1, nan}, {-tiny, nan}, {-huge, nan}, {1, 0}}},
		{"Log1p", Log1p[T], [][2]T{{0, 0}, {negZero, negZero}, {inf, inf}, {-inf, nan}, {nan, nan},
			{-1, -inf}, {-2, nan}, {-huge, nan}, {tiny, tiny}, {-tiny, -tiny}}},
	} {
		for _, c := range k.values {
			for at := range 70 {
				x, y := ones[T](70), make([]T, 70)
				x[at] = c[0]
				k.run(y, x)
				require.True(t, kt.Same(c[1], y[at]), "%s(%v) = %v", k.name, c[0], y[at])
			}
		}
	}
}
