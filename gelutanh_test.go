package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// sampleGELU fills x with inputs of all magnitudes, and more of those where the function bends and
// where its tail is.
func sampleGELU(r *kt.Rand, x []float64, tail float64) {
	for i := range x {
		switch r.Intn(8) {
		case 0, 1:
			x[i] = kt.Uniform[float64](r, 10)
		case 2:
			x[i] = kt.Uniform[float64](r, 2)
		case 3, 4:
			x[i] = -math.Abs(kt.Uniform[float64](r, 1)) * tail
		case 5:
			x[i] = -tail + 1.5*kt.Uniform[float64](r, 1) // the last results, subnormal ones too
		case 6:
			x[i] = math.Ldexp(kt.Uniform[float64](r, 1), -r.Intn(1074))
		case 7:
			x[i] = 6 + 2*kt.Uniform[float64](r, 1)
		}
	}
}

// TestWalkGELUTanh64 samples the float64 form.
func TestWalkGELUTanh64(t *testing.T) {
	fill := func(r *kt.Rand, x, _ []float64) { sampleGELU(r, x, 21.5) }
	require.Less(t, walk64(t, "GELUTanh", fill, func(d, x, _ []float64) { GELUTanh(d, x) },
		func(x, _ float64) kt.Scaled { return kt.GELUTanhDD(x) },
		func(got, x, _ float64) float64 { return kt.ErrBig(got, kt.GELUTanhBig(x)) }), 2.)
}

// walkSlope measures the derivative of a backward, with dy = 1, in units of what is allowed: n ULP
// or 2^-24*|dy|, whichever is larger, for any dy.
func walkSlope(t *testing.T, name string, run func(dx, dy, x []float32), ref func(x float64) float64,
	n, bound float64) {
	t.Helper()
	ones := make([]float32, walkLen)
	for i := range ones {
		ones[i] = 1
	}
	var w worst
	walk(stride(), func(x []float32) {
		dx := make([]float32, len(x))
		run(dx, ones[:len(x)], x)
		top, at := -1.0, 0
		for i, v := range x {
			if v != v {
				if dx[i] == dx[i] {
					w.add("NaN", math.Inf(1), func() string { return fmt.Sprint(v) })
				}
				continue
			}
			want := ref(float64(v))
			if e := kt.SlopeError[float32](float64(dx[i])-want, want, n); e > top {
				top, at = e, i
			}
		}
		w.add("", top, func() string {
			return fmt.Sprintf("x = %v (%#08x): got %v", x[at], math.Float32bits(x[at]), dx[at])
		})
	})
	f := w.max[""]
	t.Logf("%s: %.4f of what is allowed at %s", name, f.err, f.at)
	require.LessOrEqual(t, f.err, bound, f.at)
	require.Len(t, w.max, 1)
}

func TestWalkGELUTanhBackward32(t *testing.T) {
	walkSlope(t, "GELUTanhBackward", GELUTanhBackward[float32], kt.GELUTanhSlopeRef64, 3, 1)
}

// walkSlope64 samples the derivative of a float64 backward as walkSlope does.
func walkSlope64(t *testing.T, name string, run func(dx, dy, x []float64), ref func(x float64) kt.DD,
	tail, n, bound float64) {
	t.Helper()
	r := kt.NewRand(1)
	const size = 4096
	x, dx, ones := make([]float64, size), make([]float64, size), make([]float64, size)
	for i := range ones {
		ones[i] = 1
	}
	top, at := -1.0, 0.0
	for range samples()/size + 1 {
		sampleGELU(r, x, tail)
		run(dx, ones, x)
		for i, v := range x {
			want := ref(v)
			if e := kt.SlopeError[float64](kt.DD{Hi: dx[i]}.Add(want.Neg()).Hi, want.Hi, n); e > top {
				top, at = e, v
			}
		}
	}
	t.Logf("%s: %.4f of what is allowed at %v", name, top, at)
	require.LessOrEqual(t, top, bound)
}

func TestWalkGELUTanhBackward64(t *testing.T) {
	walkSlope64(t, "GELUTanhBackward", GELUTanhBackward[float64], kt.GELUTanhSlopeDD, 21.5, 3, 1)
}

// TestGELUTanhBound64 adds up the roundings of the float64 GELUTanh, for exp(-z) from 2^-60 to
// 2^1022. Above it they are the same, but for the last one where the result is subnormal. Beside
// that of r, those of the argument are nothing. Near 0 they are those at 2^-40.
func TestGELUTanhBound64(t *testing.T) {
	top, at, relative := worstCell(-60, 1022, 4, pickLong(32, 2), geluTanhRoundings)
	fine, fineAt, fineRelative := worstCell(-60, 60, 4, pickLong(64, 16), geluTanhRoundings)
	if fine > top {
		top, at = fine, fineAt
	}
	relative = max(relative, fineRelative)
	t.Logf("GELUTanh: %.3f ULP at %s, relative %.3f * 2^-53", top, at, relative)
	require.LessOrEqual(t, top, geluTanhBound64)
	require.LessOrEqual(t, relative, 2.4) // half an ULP more is GEGLUTanh's bound
}

// geluTanhBound64 is the bound of the float64 GELUTanh in ULP.
const geluTanhBound64 = 1.70

// geluTanhInverse returns the x with the given z.
func geluTanhInverse(z float64) float64 {
	const a, b = 1.5957691216057308, 0.044715 * 1.5957691216057308
	x := math.Copysign(min(math.Abs(z)/a, math.Cbrt(math.Abs(z)/b)), z)
	for range 40 {
		x -= (a*x + b*x*x*x - z) / (a + 3*b*x*x)
	}
	return x
}

// geluTanhRoundings repeats the float64 GELUTanh for exp(-z) = 2^(n/4)*exp(-w), w between lo and
// hi, without the last rounding.
func geluTanhRoundings(n int, lo, hi float64) kt.Rounded {
	if n == 0 && math.Abs(lo+hi) < 0x1p-40 {
		return kt.Exact(1, 1)
	}
	var r kt.Rounding
	one := kt.Const(1)
	s, p, elo, ehi := geluTanhPower(&r, n, lo, hi)
	more, less := one, s
	if n > 0 {
		more, less = s, one
	}
	sum := r.Add(one, s)
	sl := r.Add(r.Sub(more, sum), less).Within(0, 0)
	d := r.Add(sum, r.Round(s.Mul(p).Add(sl))).Within((1+elo)*(1-0x1p-50), (1+ehi)*(1+0x1p-50))
	x0, x1 := geluTanhInverse(lo-float64(n)*math.Ln2/4), geluTanhInverse(hi-float64(n)*math.Ln2/4)
	y0, y1 := x0/(1+ehi), x1/(1+elo)
	return kt.Exact(x0, x1).Div(d).Within(min(y0, y1), max(y0, y1))
}

// geluTanhPower repeats s and P for exp(-z) = 2^(n/4)*exp(-w), and returns the ends of that, too.
func geluTanhPower(r *kt.Rounding, n int, lo, hi float64) (s, p kt.Rounded, elo, ehi float64) {
	const scale = 0x1.000d6a5af9f9dp+0
	s = entry(r, &sigmoidTable64, kt.DD{Hi: scale}, n&3).Mul(kt.Const(math.Ldexp(1, n>>2)))
	power := math.Exp2(float64(n) / 4)
	return s, exp2Roundings(r, -hi, -lo), power * math.Exp(-hi), power * math.Exp(-lo)
}

// TestGELUTanhBackwardBound64 adds up the roundings of the float64 derivative. From z = 48 on, the
// slope is so near to 0 or 1 that all that is below it is allowed.
func TestGELUTanhBackwardBound64(t *testing.T) {
	top, at := 0.0, ""
	cells := pickLong(64, 16)
	for n := 0; n >= -4*70; n-- {
		for i := -cells; i < cells; i++ {
			lo, hi := math.Ln2/8*float64(i)/float64(cells), math.Ln2/8*float64(i+1)/float64(cells)
			if n == 0 && lo < 0 {
				continue
			}
			for _, v := range geluTanhSlopeRoundings(n, lo, hi) {
				if e := v.SlopeError(3); e > top {
					top, at = e, fmt.Sprintf("|x| = %.6f", geluTanhInverse(lo-float64(n)*math.Ln2/4))
				}
			}
		}
	}
	t.Logf("%.4f of what is allowed at %s", top, at)
	require.LessOrEqual(t, top, 1.0)
}

// geluTanhSlopeRoundings repeats geluTanhSlope64 for exp(-z) = 2^(n/4)*exp(-w), w between lo and
// hi: the slopes at -|x| and |x|. What is left of A is nothing; what B is rounded by counts.
func geluTanhSlopeRoundings(n int, lo, hi float64) [2]kt.Rounded {
	const slopeA, slopeB3 = 0x1.9884533d43651p+0, 0x1.b6676bf7450f0p-3
	var r kt.Rounding
	one := kt.Const(1)
	s, p, elo, ehi := geluTanhPower(&r, n, lo, hi)
	sp := s.Mul(p)
	e := r.Round(s.Add(sp)).Within(elo*(1-0x1p-50), ehi*(1+0x1p-50))
	el := r.Lost(r.Sub(s, e).Add(sp))
	d := r.Add(one, e).Within((1+elo)*(1-0x1p-50), (1+ehi)*(1+0x1p-50))
	dl := r.Lost(r.Sub(one, d).Add(e))
	q := r.Round(e.Div(d)).Within(elo/(1+elo)*(1-0x1p-50), ehi/(1+ehi)*(1+0x1p-50))
	t := r.Round(one.Div(d)).Within(1/(1+ehi)*(1-0x1p-50), 1/(1+elo)*(1+0x1p-50))
	ql := r.Lost(r.Lost(e.Sub(q.Mul(d))).Add(el))
	ql = r.Lost(r.Lost(ql.Sub(q.Mul(dl))).Mul(t))

	x := kt.Exact(geluTanhInverse(lo-float64(n)*math.Ln2/4), geluTanhInverse(hi-float64(n)*math.Ln2/4))
	u := r.Round(x.Square())
	product := r.Off(u.Mul(kt.Const(slopeB3)), 0x1p-56*u.Most())
	slope := r.Round(product.Add(kt.Const(slopeA)))
	sl := r.Lost(r.Sub(kt.Const(slopeA), slope).Add(product))
	m := r.Round(x.Mul(slope))
	ml := r.Lost(r.Lost(m.Sub(x.Mul(slope))).Sub(x.Mul(sl)))
	mt := r.Round(m.Mul(t))
	mtl := r.Lost(r.Lost(mt.Sub(m.Mul(t))).Add(ml.Mul(t)))
	ql = r.Lost(ql.Mul(r.Round(m.Mul(r.Sub(q, t)).Add(one))))
	ql = r.Lost(q.Mul(mtl).Add(ql))
	below := r.Round(q.Add(r.Round(ql.Sub(q.Mul(mt)))))
	return [2]kt.Rounded{below, r.Round(one.Sub(below))}
}

// exp2Roundings repeats P of expScaled64 for a reduced argument between lo and hi, in
// natural units.
func exp2Roundings(r *kt.Rounding, lo, hi float64) kt.Rounded {
	t := r.Round(r.Round(kt.Exact(lo*4/math.Ln2, hi*4/math.Ln2)))
	p := kt.Const(g8F64)
	for _, c := range []float64{g7F64, g6F64, g5F64, g4F64, g3F64, g2F64, g1F64, g0F64} {
		p = r.Round(p.Mul(t).Add(kt.Const(c)))
	}
	return r.Off(p, 3.1e-18)
}

func TestSpecialGELUTanh(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) {
			specialGELU(t, GELUTanh[float32], GELUTanhBackward[float32])
		})
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) {
			specialGELU(t, GELUTanh[float64], GELUTanhBackward[float64])
		})
	})
}

func specialGELU[T Float](t *testing.T, f func(dst, x []T), backward func(dx, dy, x []T)) {
	tiny, negZero := kt.FromBits[T](1), T(math.Copysign(0, -1))
	huge := T(kt.Pick[T](3e38, 1.7e308))
	for _, c := range [][3]T{ // x, the result, and the derivative
		{0, 0, 0.5}, {negZero, negZero, 0.5}, {kt.Inf[T](1), kt.Inf[T](1), 1},
		{kt.Inf[T](-1), negZero, 0}, {kt.NaN[T](), kt.NaN[T](), kt.NaN[T]()},
		{huge, huge, 1}, {-huge, negZero, 0}, {1e20, 1e20, 1}, {-1e20, negZero, 0}, {50, 50, 1},
		{-50, negZero, 0}, {4 * tiny, 2 * tiny, 0.5}, {-4 * tiny, -2 * tiny, 0.5},
		{T(kt.Pick[T](0x1p-120, 0x1p-1000)), T(kt.Pick[T](0x1p-121, 0x1p-1001)), 0.5},
	} {
		for n := 1; n < 70; n += 3 {
			for _, at := range []int{0, n / 2, n - 1} {
				x, y, dx, dy := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
				x[at], dy[at] = c[0], 1
				f(y, x)
				require.True(t, kt.Same(c[1], y[at]), "f(%v) = %v", c[0], y[at])
				backward(dx, dy, x)
				require.True(t, c[2] == dx[at] || c[2] != c[2] && dx[at] != dx[at], "f'(%v) = %v",
					c[0], dx[at])
				if n > 1 {
					require.True(t, kt.Same(y[(at+1)%n], 0))
				}
			}
		}
	}
	dx := make([]T, 4)
	backward(dx, []T{3, kt.NaN[T](), kt.Inf[T](-1), -2}, []T{0, 0, 1, 50})
	require.True(t, dx[0] == 1.5 && dx[1] != dx[1] && dx[2] == kt.Inf[T](-1) && dx[3] == -2)
}

func TestNumericalGradientGELUTanh(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		numericalGradientGELU(t, GELUTanhBackward[float32], kt.GELUTanhRef64)
	})
	t.Run("float64", func(t *testing.T) {
		numericalGradientGELU(t, GELUTanhBackward[float64], kt.GELUTanhRef64)
	})
}

func numericalGradientGELU[T Float](t *testing.T, backward func(dx, dy, x []T),
	f func(x float64) float64) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, n := range []int{1, 3, 16, 33, 70} {
			r := kt.NewRand(uint64(n))
			x, dy, dx := make([]T, n), make([]T, n), make([]T, n)
			kt.Fill(r, kt.Normal, x, n)
			kt.Fill(r, kt.Unit, dy, n)
			backward(dx, dy, x)
			checkGrad(t, "GELU", dx, x, func(x []float64) float64 {
				out := make([]float64, n)
				for i, v := range x {
					out[i] = f(v)
				}
				return weighted(out, to64(dy))
			})
		}
	})
}

// TestGEGLUTanhSpecial: an infinite gate passes up, or gives 0.
func TestGEGLUTanhSpecial(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		testGEGLUSpecial(t, GEGLUTanh[float32], GEGLUTanhBackward[float32])
	})
	t.Run("float64", func(t *testing.T) {
		testGEGLUSpecial(t, GEGLUTanh[float64], GEGLUTanhBackward[float64])
	})
}

func TestNumericalGradientGEGLUTanh(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		testNumericalGradientGEGLU(t, kt.GELUTanhRef64, GEGLUTanhBackward[float32])
	})
	t.Run("float64", func(t *testing.T) {
		testNumericalGradientGEGLU(t, kt.GELUTanhRef64, GEGLUTanhBackward[float64])
	})
}
