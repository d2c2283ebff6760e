package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// TestWalkGELU64 samples the float64 form.
func TestWalkGELU64(t *testing.T) {
	fill := func(r *kt.Rand, x, _ []float64) { sampleGELU(r, x, 38) }
	require.Less(t, walk64(t, "GELU", fill, func(d, x, _ []float64) { GELU(d, x) },
		func(x, _ float64) kt.Scaled { return kt.GELUDD(x) },
		func(got, x, _ float64) float64 { return kt.ErrBig(got, kt.GELUBig(x)) }), 2.)
}

func TestWalkGELUBackward32(t *testing.T) {
	walkSlope(t, "GELUBackward", GELUBackward[float32], kt.GELUSlopeRef64, 3, 0.893)
}

func TestWalkGELUBackward64(t *testing.T) {
	walkSlope64(t, "GELUBackward", GELUBackward[float64], kt.GELUSlopeDD, 38, 3, 1)
}

func TestSpecialGELU(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) {
			specialGELU(t, GELU[float32], GELUBackward[float32])
		})
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) {
			specialGELU(t, GELU[float64], GELUBackward[float64])
		})
	})
}

func TestNumericalGradientGELU(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		numericalGradientGELU(t, GELUBackward[float32], kt.GELURef64)
	})
	t.Run("float64", func(t *testing.T) {
		numericalGradientGELU(t, GELUBackward[float64], kt.GELURef64)
	})
}

// geluBound64 is the bound of the float64 GELU in ULP, for x >= -37.5.
const geluBound64 = 1.59

// geluTError is the most that T(w) is off, relative to it, and geluTErrorAt0 that for |x| < 2^-6;
// see TestGELUPolynomial64.
const (
	geluTError    = 0.1017 * 0x1p-53
	geluTErrorAt0 = 0.0687 * 0x1p-53
)

// TestGELUPolynomial64 compares T(w), without roundings, with the function.
func TestGELUPolynomial64(t *testing.T) {
	at := func(a float64) float64 {
		w := kt.DD{Hi: a}.Add(kt.DD{Hi: -5}).Div(kt.DD{Hi: a}.Add(kt.DD{Hi: 5}))
		p := kt.DD{Hi: geluT[22]}
		for k := 21; k >= 0; k-- {
			p = p.Mul(w).Add(kt.DD{Hi: geluT[k]})
		}
		p = p.Add(kt.DD{Hi: geluTLo}).MulF(0x1p-128)
		want := kt.DD{Hi: a}.Add(kt.DD{Hi: 1.1875}).Mul(kt.NormalTailDD(a))
		return math.Abs(p.Add(want.Neg()).Hi / want.Hi)
	}
	top, at0 := 0.0, 0.0
	for i := range 4001 {
		angle := math.Pi * float64(i) / 4000
		top = max(top, at(geluEnd64/2*(1-math.Cos(angle))*(1-math.Cos(angle))/2))
		at0 = max(at0, at(0x1p-6*float64(i)/4000))
	}
	t.Logf("%.4f * 2^-53, near 0 %.4f * 2^-53", top*0x1p53, at0*0x1p53)
	require.LessOrEqual(t, top, geluTError)
	require.Greater(t, top, 0.99*geluTError)
	require.LessOrEqual(t, at0, geluTErrorAt0)
	require.Greater(t, at0, 0.99*geluTErrorAt0)
}

// TestGELUBound64 adds up the roundings of the float64 GELU for |x| from 2^-60, below which they
// stay the same, to 37.5. Below -37.5, a product on the way may be subnormal, which adds half an
// ULP.
func TestGELUBound64(t *testing.T) {
	var top [2]float64
	var at [2]float64
	relative, far := 0.0, 0.0
	var cell func(n int, lo, hi float64)
	cell = func(n int, lo, hi float64) {
		values := geluRoundings(n, lo, hi)
		if (values[0].Straddles() || values[1].Straddles()) && hi-lo > 0x1p-45*hi {
			cell(n, lo, (lo+hi)/2)
			cell(n, (lo+hi)/2, hi)
			return
		}
		if lo > 37 {
			far = max(far, values[0].RoundedULPs())
		}
		for i, v := range values {
			relative = max(relative, v.Relative()+1)
			if e := v.RoundedULPs(); e > top[i] {
				top[i], at[i] = e, lo
			}
		}
	}
	geluCells(-4*1015+1, pickLong(32, 8), cell)
	t.Logf("GELU: x < 0 %.3f ULP at %v, x > 0 %.3f ULP at %v", top[0], -at[0], top[1], at[1])
	t.Logf("relative: %.3f * 2^-53", relative)
	require.Less(t, far+0.5, 2.02) // the bound below -37.5
	require.Less(t, relative, 2.5) // half an ULP more is GEGLU's bound
	require.LessOrEqual(t, max(top[0], top[1]), geluBound64)
	require.InDelta(t, geluBound64, max(top[0], top[1]), 0.01)
}

// geluCells calls cell for small intervals of |x| from 2^-60 on, as far as exp(-x*x/2) is
// 2^((n+r)/4) with an n from last on. There are more of them where the roundings change faster.
func geluCells(last, parts int, cell func(n int, lo, hi float64)) {
	edge := func(n int) float64 { return math.Sqrt((0.5 - float64(n)) * math.Ln2 / 2) }
	for lo := 0x1p-60; lo < edge(0); lo *= 2 {
		hi := min(2*lo, edge(0))
		for i := range 4 * parts {
			from, to := float64(i)/float64(4*parts), float64(i+1)/float64(4*parts)
			cell(0, lo+(hi-lo)*from, lo+(hi-lo)*to)
		}
	}
	for n := -1; n >= last; n-- {
		lo, hi := edge(n+1), edge(n)
		cells := parts
		if n > -64 || hi > 37 {
			cells *= 4
		}
		for i := range cells {
			cell(n, lo+(hi-lo)*float64(i)/float64(cells), lo+(hi-lo)*float64(i+1)/float64(cells))
		}
	}
}

// geluRoundings repeats the float64 GELU for |x| between a0 and a1, where exp(-x*x/2) is
// 2^((n+r)/4), without the last rounding: the negative result for -|x| and that for |x|. What is in
// two parts has an error of 2^-100 or less, which is left out.
func geluRoundings(n int, a0, a1 float64) [2]kt.Rounded {
	var r kt.Rounding
	t := geluTailRoundings(&r, a0, a1)
	v := kt.Exact(a0/(a0+1.1875), a1/(a1+1.1875)).Mul(t).Within(
		a0*normalTail(a0)*(1-0x1p-50), a1*normalTail(a1)*(1+0x1p-50))
	e, power := geluPower(&r, n, a0, a1)
	more := r.Round(v.Mul(power))
	below0, below1 := -kt.GELURef64(-a0), -kt.GELURef64(-a1)
	below := e.Mul(v.Add(more))
	below = below.Within(min(below0, below1)*(1-1e-12), max(below0, below1)*(1+1e-12))
	u := r.Round(v.Add(more))
	above := kt.Exact(a0, a1).Sub(e.Mul(u))
	above = above.Within(kt.GELURef64(a0)*(1-1e-12), kt.GELURef64(a1)*(1+1e-12))
	return [2]kt.Rounded{below, above}
}

func normalTail(a float64) float64 { return kt.NormalTailDD(a).Hi }

// geluTailRoundings repeats T for |x| between a0 and a1.
func geluTailRoundings(r *kt.Rounding, a0, a1 float64) kt.Rounded {
	w := r.Round(kt.Exact(2*a0, 2*a1).Div(r.Add(kt.Exact(a0, a1), kt.Const(5))))
	w = r.Sub(w, kt.Const(1))
	exact := (a0 - 5) / (a0 + 5)
	w = w.Within(exact-0x1p-50, (a1-5)/(a1+5)+0x1p-50)
	const unit = 0x1p-128
	c := func(i int) kt.Rounded { return kt.Const(geluT[i] * unit) }
	square := r.Round(w.Square())
	even, odd := c(22), c(21)
	for i := 20; i > 3; i -= 2 {
		even = r.Round(even.Mul(square).Add(c(i)))
		if i > 4 {
			odd = r.Round(odd.Mul(square).Add(c(i - 1)))
		}
	}
	p := r.Round(odd.Mul(w).Add(even))
	for i := 3; i > 0; i-- {
		p = r.Round(p.Mul(w).Add(c(i)))
	}
	low, high := (a0+1.1875)*normalTail(a1)*(1-0x1p-50), (a1+1.1875)*normalTail(a0)*(1+0x1p-50)
	off := geluTError
	if a1 < 0x1p-6 {
		off = geluTErrorAt0
	}
	return r.Off(p.Mul(w).Add(c(0)).Within(low, high), off*high)
}

// geluPower repeats s and P for exp(-x*x/2) = 2^((n+r)/4). The argument of the exponential is
// rounded once more than in GELUTanh.
func geluPower(r *kt.Rounding, n int, a0, a1 float64) (s, p kt.Rounded) {
	const scale = 0x1.000d6a5af9f9dp+0
	r0, r1 := -a1*a1*2/math.Ln2-float64(n), -a0*a0*2/math.Ln2-float64(n)
	s = entry(r, &sigmoidTable64, kt.DD{Hi: scale}, n&3).Mul(kt.Const(math.Ldexp(1, n>>2)))
	rounding := min(0x1p-54, 0x1p-52*max(math.Abs(r0), math.Abs(r1)))
	return s, r.Off(exp2Roundings(r, r0*math.Ln2/4, r1*math.Ln2/4), rounding*math.Ln2/4)
}

// TestGELUBackwardBound64 adds up the roundings of the float64 derivative. From |x| = 9.8 on, the
// slope is so near to 0 or 1 that all that is below it is allowed.
func TestGELUBackwardBound64(t *testing.T) {
	top, at := 0.0, ""
	geluCells(-4*70, pickLong(32, 8), func(n int, lo, hi float64) {
		for _, v := range geluSlopeRoundings(n, lo, hi) {
			if e := v.SlopeError(3); e > top {
				top, at = e, fmt.Sprintf("|x| = %.6f", lo)
			}
		}
	})
	t.Logf("%.4f of what is allowed at %s", top, at)
	require.LessOrEqual(t, top, 1.0)
}

// geluSlopeRoundings repeats geluSlope64 for |x| between a0 and a1: the slopes at -|x| and |x|.
// What is left of the density at 0 is nothing.
func geluSlopeRoundings(n int, a0, a1 float64) [2]kt.Rounded {
	const density = 0x1.9884533d43651p-2
	var r kt.Rounding
	one, x, c := kt.Const(1), kt.Exact(a0, a1), kt.Const(1.1875)
	exact := geluTailRoundings(&r, a0, a1)
	t := r.Round(exact)
	tl := r.Lost(exact.Sub(t))
	d := r.Add(x, c)
	dl := r.Lost(x.Add(c).Sub(d))
	q := r.Round(one.Div(d))
	ratio := r.Round(t.Mul(q)).Within(normalTail(a1)*(1-0x1p-50), normalTail(a0)*(1+0x1p-50))
	rest := r.Lost(r.Lost(t.Sub(ratio.Mul(d))).Sub(ratio.Mul(dl)))
	rest = r.Lost(r.Lost(rest.Add(tl)).Mul(q))
	falls := x.Mul(kt.Const(density))
	g := r.Round(ratio.Sub(falls))
	gl := r.Lost(r.Sub(ratio, g).Sub(falls))
	gl = r.Lost(r.Lost(gl.Add(rest)))
	s, p := geluPower(&r, n, a0, a1)
	e := r.Round(s.Add(s.Mul(p)))
	el := r.Lost(r.Sub(s, e).Add(s.Mul(p)))
	below := r.Round(e.Mul(g).Add(r.Lost(e.Mul(gl).Add(r.Lost(el.Mul(g))))))
	return [2]kt.Rounded{below, r.Round(one.Sub(below))}
}

// walkRelative returns the largest relative error of a float32 function in units of 2^-24, where
// the exact result is a normal number. A product of the result with another number adds half an
// ULP, and has at most as many ULP.
func walkRelative(t *testing.T, name string, run func(dst, x []float32), ref func(x float64) float64) float64 {
	t.Helper()
	var w worst
	walk(stride(), func(x []float32) {
		y := make([]float32, len(x))
		run(y, x)
		top, at := 0.0, 0
		for i, v := range x {
			want := ref(float64(v))
			if size := math.Abs(want); size >= 0x1p-126 && size <= math.MaxFloat32 {
				if e := math.Abs(float64(y[i])-want) / size * 0x1p24; e > top {
					top, at = e, i
				}
			}
		}
		w.add("", top, func() string { return fmt.Sprint(x[at]) })
	})
	t.Logf("%s: %.4f * 2^-24 at %s", name, w.max[""].err, w.max[""].at)
	return w.max[""].err
}

func TestWalkGEGLU32(t *testing.T) {
	require.LessOrEqual(t, walkRelative(t, "GELU", GELU[float32], kt.GELURef64), 2.295)
	require.LessOrEqual(t, walkRelative(t, "GELUTanh", GELUTanh[float32], kt.GELUTanhRef64), 2.32)
}

// TestGEGLUSpecial: an infinite gate passes up, or gives 0.
func TestGEGLUSpecial(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testGEGLUSpecial(t, GEGLU[float32], GEGLUBackward[float32]) })
	t.Run("float64", func(t *testing.T) { testGEGLUSpecial(t, GEGLU[float64], GEGLUBackward[float64]) })
}

// testGEGLUSpecial is for both forms of GELU, which agree at these inputs.
func testGEGLUSpecial[T Float](t *testing.T, geglu func(dst, gate, up []T),
	backward func(dgate, dup, dy, gate, up []T)) {
	inf, nan := kt.Inf[T](1), kt.NaN[T]()
	kt.EachISA(t, func(t *testing.T, _ string) {
		gate := []T{inf, -inf, 100, -100, nan, 1, 0}
		up := []T{2, 3, 1e30, 1e30, 0, nan, -5}
		dst, dgate, dup := make([]T, 7), make([]T, 7), make([]T, 7)
		geglu(dst, gate, up)
		require.Equal(t, []T{inf, 0, T(100 * T(1e30)), 0}, dst[:4])
		require.True(t, dst[4] != dst[4] && dst[5] != dst[5] && dst[6] == 0 && math.Signbit(float64(dst[6])))
		backward(dgate, dup, []T{1, 1, 1, 1, 1, 1, 4}, gate, up)
		require.Equal(t, []T{2, 0, 1e30, 0}, dgate[:4])
		require.Equal(t, []T{inf, 0, 100, 0}, dup[:4])
		require.True(t, dgate[4] != dgate[4] && dup[4] != dup[4] && dgate[5] != dgate[5])
		require.Equal(t, []T{-10, 0}, []T{dgate[6], dup[6]})
	})
}

func TestNumericalGradientGEGLU(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		testNumericalGradientGEGLU(t, kt.GELURef64, GEGLUBackward[float32])
	})
	t.Run("float64", func(t *testing.T) {
		testNumericalGradientGEGLU(t, kt.GELURef64, GEGLUBackward[float64])
	})
}

func testNumericalGradientGEGLU[T Float](t *testing.T, gelu func(float64) float64,
	backward func(dgate, dup, dy, gate, up []T)) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, n := range []int{1, 3, 16, 33, 70} {
			r := kt.NewRand(uint64(n))
			gate, up, dy := make([]T, n), make([]T, n), make([]T, n)
			dgate, dup := make([]T, n), make([]T, n)
			kt.Fill(r, kt.Normal, gate, n)
			kt.Fill(r, kt.Normal, up, n)
			kt.Fill(r, kt.Unit, dy, n)
			backward(dgate, dup, dy, gate, up)
			loss := func(gate, up []float64) float64 {
				out := make([]float64, n)
				for i, v := range gate {
					out[i] = gelu(v) * up[i]
				}
				return weighted(out, to64(dy))
			}
			checkGrad(t, "gate", dgate, gate, func(x []float64) float64 { return loss(x, to64(up)) })
			checkGrad(t, "up", dup, up, func(x []float64) float64 { return loss(to64(gate), x) })
		}
	})
}

// TestGEGLUSecondPass checks the primitives that GEGLUBackward and GEGLUTanhBackward call after
// another one. Each has to set what it needs, though the first may have left the same in a
// register.
func TestGEGLUSecondPass(t *testing.T) {
	t.Run("float32", testGEGLUSecondPass[float32])
	t.Run("float64", testGEGLUSecondPass[float64])
}

func testGEGLUSecondPass[T Float](t *testing.T) {
	const most = 70
	var in [3][]T
	for i := range in {
		in[i] = kt.AtEnd[T](kt.NewGuard(t, most*8), most)
		kt.Fill(kt.NewRand(uint64(i)), kt.Normal, in[i], most)
	}
	x := make([]T, 64)
	kt.EachISA(t, func(t *testing.T, _ string) {
		for n := 1; n <= most; n++ {
			a, b, c := in[0][most-n:], in[1][most-n:], in[2][most-n:]
			want := make([]T, n)
			check := func(name string, primitive func(dst, dy, gate, up []T)) {
				generic(func() { primitive(want, a, b, c) })
				dst := kt.NewFrame[T](n, 0)
				ReLU(x[:1+n%3], x[:1+n%3])
				require.NoError(t, kt.Try(func() { primitive(dst.S, a, b, c) }), "%s of %d", name, n)
				require.NoError(t, dst.Check(), "%s of %d", name, n)
				require.Equal(t, -1, kt.Diff(want, dst.S), "%s of %d", name, n)
			}
			check("gegluBackward", gegluBackward[T])
			check("gegluTanhBackward", gegluTanhBackward[T])
		}
	})
}
