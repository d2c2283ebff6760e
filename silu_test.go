package kernels

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// walkBackward measures the derivative that a float32 backward has for dy = 1. It returns the
// largest error in ULP of those that are more than 2^-24.
func walkBackward(
	t *testing.T, name string, run func(dx, dy, x []float32), want func(x float64) float64,
) float64 {
	var w worst
	walk(stride(), func(x []float32) {
		dx, dy := make([]float32, len(x)), make([]float32, len(x))
		for i := range dy {
			dy[i] = 1
		}
		run(dx, dy, x)
		top, at := 0.0, 0
		for i, v := range x {
			y := want(float64(v))
			if err := kt.Err32(dx[i], y); err > top && !(err*kt.ULP32(y) <= 0x1p-24) {
				top, at = err, i
			}
		}
		w.add("", top, func() string {
			return fmt.Sprintf("x = %v (%#08x, %x): got %v", x[at], math.Float32bits(x[at]), x[at], dx[at])
		})
	})
	f := w.max[""]
	t.Logf("%s: %.4f ULP at %s", name, f.err, f.at)
	return f.err
}

func siluRef(x float64) float64 {
	if x < -1e6 {
		return math.Copysign(0, -1)
	}
	return x * kt.SigmoidRef64(x)
}

// TestWalkSwiGLU32 measures the SiLU of SwiGLU and of its backward, relative to its size. With 2^32
// the scaled form of a SiLU that is subnormal is among the results.
func TestWalkSwiGLU32(t *testing.T) {
	ones, large := make([]float32, walkLen), make([]float32, walkLen)
	for i := range ones {
		ones[i], large[i] = 1, 0x1p32
	}
	require.LessOrEqual(t, walkRelative(t, "SwiGLU", func(dst, x []float32) { SwiGLU(dst, x, ones[:len(x)]) },
		siluRef)+0.5, swigluBound32)
	require.LessOrEqual(t, walkRelative(t, "SwiGLU, up = 2^32", func(dst, x []float32) {
		SwiGLU(dst, x, large[:len(x)])
	}, func(x float64) float64 { return siluRef(x) * 0x1p32 })+0.5, swigluBound32)
	walkSlope(t, "SwiGLUBackward, dup", func(dup, dy, x []float32) {
		SwiGLUBackward(make([]float32, len(x)), dup, dy, x, ones[:len(x)])
	}, siluRef, 4.8, 1)
}

func siluGradRef(x float64) float64 {
	s, o := kt.SigmoidRef64(x), kt.SigmoidRef64(-x)
	if x < -1e6 {
		return math.Copysign(0, -1)
	} else if x > 1e6 {
		return 1
	}
	return s * (1 + x*o)
}

// TestWalkSiLUBackward32 measures the derivative against package math in float64.
func TestWalkSiLUBackward32(t *testing.T) {
	require.LessOrEqual(t, walkBackward(t, "SiLUBackward, dy = 1", SiLUBackward[float32], siluGradRef), 4.32)
	walkSlope(t, "SiLUBackward", SiLUBackward[float32], siluGradRef, 5.5, 1)
}

func siluBig(x float64) *big.Float { return kt.SigmoidBig(x).Mul(kt.SigmoidBig(x), kt.Big(x)) }

// siluSamples fills x as sample64 does, and with what has subnormal results.
func siluSamples(r *kt.Rand, x, up []float64) {
	sample64(r, x)
	for i := range x {
		if up[i] = kt.Uniform[float64](r, 4); r.Intn(8) == 0 {
			x[i] = -700 - math.Abs(kt.Uniform[float64](r, 55))
		}
	}
}

// TestWalkSiLU64 samples the float64 forms.
func TestWalkSiLU64(t *testing.T) {
	require.LessOrEqual(t, walk64(t, "SiLU", siluSamples, func(d, x, _ []float64) { SiLU(d, x) },
		func(x, _ float64) kt.Scaled { return kt.SiLUDD(x) },
		func(got, x, _ float64) float64 { return kt.ErrBig(got, siluBig(x)) }), 2.0)
	require.LessOrEqual(t, walk64(t, "SwiGLU", siluSamples, func(d, x, up []float64) { SwiGLU(d, x, up) },
		func(x, up float64) kt.Scaled { return kt.SiLUDD(x).Mul(kt.Scaled{DD: kt.DD{Hi: up}}) },
		func(got, x, up float64) float64 {
			return kt.ErrBig(got, siluBig(x).Mul(siluBig(x), kt.Big(up)))
		}), swigluBound64)
}

// TestWalkSiLUBackward64 samples the float64 derivative.
func TestWalkSiLUBackward64(t *testing.T) {
	grad := func(x float64) kt.Scaled {
		p := kt.SigmoidDD(-x)
		p.DD = p.MulF(x)
		return kt.SigmoidDD(x).Mul(p.Add(kt.Scaled{DD: kt.DD{Hi: 1}}))
	}
	r := kt.NewRand(1)
	x, dy, dx := make([]float64, samples()), make([]float64, samples()), make([]float64, samples())
	sample64(r, x)
	for i := range dy {
		dy[i] = 1
	}
	SiLUBackward(dx, dy, x)
	top, at := 0.0, 0
	for i, v := range x {
		want := grad(v)
		off := math.Abs(want.DD.Add(kt.DD{Hi: -math.Ldexp(dx[i], -want.Exp)}).Hi)
		off = math.Ldexp(off, want.Exp) / max(0x1p-53, kt.ULP64(want.Float64()))
		if off > top {
			top, at = off, i
		}
	}
	t.Logf("%.3f ULP or 2^-53 at %v", top, x[at])
	require.LessOrEqual(t, top, 4.0)
}

// TestSiLUBound64 adds up the roundings of the float64 SiLU, for results that are normal numbers.
// Where exp(-x) is below 2^-54, the result is x or next to it; above 2^60, 1 is nothing beside it.
func TestSiLUBound64(t *testing.T) {
	cells := pickLong(256, 128) / 4
	top, at, relative := worstCell(-54, 60, 4, cells, func(n int, lo, hi float64) kt.Rounded {
		if n == 0 {
			return kt.Const(1) // below
		}
		return siluRoundings(n, lo, hi)
	})
	edge := func(b, i int) float64 { return min(math.Ln2/8, math.Ldexp(1+float64(i)/64, b)) }
	for b := -60; b < -3; b++ {
		for i := range 64 {
			for _, sign := range []float64{1, -1} {
				lo, hi := sign*edge(b, i), sign*edge(b, i+1)
				if lo == hi {
					continue
				}
				v := siluRoundings(0, min(lo, hi), max(lo, hi))
				if v.Straddles() {
					continue
				}
				relative = max(relative, v.Relative()+1)
				if e := v.RoundedULPs(); e > top {
					top, at = e, fmt.Sprintf("n = 0, w = %g", lo)
				}
			}
		}
	}
	t.Logf("SiLU: %.3f ULP at %s, relative %.3f * 2^-53", top, at, relative)
	require.LessOrEqual(t, top, siluBound64)
	require.LessOrEqual(t, relative+0.5, swigluBound64)
}

// siluBound64 is the bound of the float64 SiLU in ULP.
const siluBound64 = 2.52

// The bounds of SwiGLU in ULP: the largest relative error of SiLU, and half an ULP.
const swigluBound32, swigluBound64 = 3.3, 3.6

// siluRoundings repeats the float64 SiLU for exp(-x) = 2^(n/4)*exp(-w), w between lo and hi,
// without the last rounding and without the factor C/c, which changes none. See sigmoidRoundings.
func siluRoundings(n int, lo, hi float64) kt.Rounded {
	const scale = 0x1.ff7cf5e200d5ep-1
	var r kt.Rounding
	c := kt.Const(scale)
	s := entry(&r, &siluTable64, kt.DD{Hi: scale}, n&3).Mul(kt.Const(math.Ldexp(1, n>>2)))
	u := kt.Exact(-hi, -lo)
	if n != 0 {
		u = r.Round(u)
	}
	p := r.Off(r.Round(r.Round(u.Square()).Mul(polyRoundings(&r, u)).Add(u)), expPolynomialError(-hi, -lo))
	power := math.Exp2(float64(n) / 4)
	elo, ehi := power*math.Exp(-hi), power*math.Exp(-lo)
	sp := s.Mul(p)
	d := r.Round(r.Add(c, s).Add(sp)).Within(scale*(1+elo)*(1-0x1p-50), scale*(1+ehi)*(1+0x1p-50))
	dl := r.Round(r.Add(r.Sub(s, d), c).Add(sp)).Within(0, 0)
	q := r.Round(c.Div(d)).Within(1/(1+ehi)*(1-0x1p-50), 1/(1+elo)*(1+0x1p-50))
	e := r.Round(c.Sub(q.Mul(d)).Within(0, 0))
	e = r.Round(e.Sub(q.Mul(dl)).Within(0, 0))
	x := -float64(n) * math.Ln2 / 4
	y := r.Round(kt.Exact(x+lo, x+hi).Mul(q))
	return y.Add(y.Mul(e))
}

func TestSpecialSiLU(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialSiLU[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialSiLU[float64](t) })
	})
}

func specialSiLU[T Float](t *testing.T) {
	tiny, negZero, none := kt.FromBits[T](1), T(math.Copysign(0, -1)), kt.NaN[T]()
	inf, most := kt.Inf[T](1), T(kt.Pick[T](math.MaxFloat32, math.MaxFloat64))
	least := T(kt.Pick[T](-109, -752)) // the result is less than half of the smallest number
	for _, c := range []struct{ x, y, dx T }{
		{0, 0, 0.5}, {negZero, negZero, 0.5}, {inf, inf, 1}, {-inf, negZero, negZero}, {none, none, none},
		{tiny, 0, 0.5}, {-tiny, negZero, 0.5}, {3 * tiny, 2 * tiny, 0.5}, {4 * tiny, 2 * tiny, 0.5},
		{most, most, 1}, {-most, negZero, negZero}, {least, negZero, negZero}, {1000, 1000, 1},
		{1e30, 1e30, 1},
	} {
		for n := 1; n < 70; n += 3 {
			for _, at := range []int{0, n / 2, n - 1} {
				x, y, dy, dx := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
				x[at], dy[at] = c.x, 1
				SiLU(y, x)
				require.True(t, kt.Same(c.y, y[at]), "SiLU(%v) = %v", c.x, y[at])
				SiLUBackward(dx, dy, x)
				require.True(t, kt.Same(c.dx, dx[at]), "SiLUBackward(%v) = %v", c.x, dx[at])
				SwiGLU(y, x, dy)
				require.True(t, kt.Same(c.y, y[at]), "SwiGLU(%v, 1) = %v", c.x, y[at])
			}
		}
	}

	// Products of a SiLU that is subnormal or less, with a number that is large.
	big := T(kt.Pick[T](0x1p32, 0x1p700))
	y := make([]T, 1)
	for _, g := range []T{3 * tiny, -5 * tiny, T(kt.Pick[T](-100, -740)), T(kt.Pick[T](-105, -749)),
		T(kt.Pick[T](-110, -760)), T(kt.Pick[T](-125, -1150))} {
		m, e := math.Frexp(float64(g))
		want := kt.SigmoidDD(float64(g)).Mul(kt.Scaled{DD: kt.DD{Hi: m * float64(big)}, Exp: e})
		if !is32[T]() {
			want = kt.SigmoidDD(float64(g)).Mul(kt.Scaled{DD: kt.DD{Hi: m}, Exp: e + 700})
		}
		SwiGLU(y, []T{g}, []T{big})
		require.LessOrEqual(t, kt.Err(y[0], want), 3.0, "SwiGLU(%v, %v) = %v", g, big, y[0])
	}
	SwiGLU(y, []T{-inf}, []T{most}) // the limit, not what is left at the clamp
	require.True(t, kt.Same(y[0], negZero), "%v", y[0])
	SwiGLU(y, []T{inf}, []T{-2})
	require.True(t, kt.Same(y[0], -inf), "%v", y[0])
	SwiGLU(y, []T{1}, []T{none})
	require.True(t, y[0] != y[0])
	SwiGLU(y, []T{none}, []T{0})
	require.True(t, y[0] != y[0])
}

func TestNumericalGradientSiLU(t *testing.T) {
	t.Run("float32", testNumericalGradientSiLU[float32])
	t.Run("float64", testNumericalGradientSiLU[float64])
}

func testNumericalGradientSiLU[T Float](t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, n := range []int{1, 3, 16, 33, 70} {
			r := kt.NewRand(uint64(n))
			x, up, dy := make([]T, n), make([]T, n), make([]T, n)
			dx, dgate, dup := make([]T, n), make([]T, n), make([]T, n)
			kt.Fill(r, kt.Normal, x, n)
			kt.Fill(r, kt.Unit, up, n)
			kt.Fill(r, kt.Unit, dy, n)
			for i := range x {
				x[i] = max(-6, min(6, x[i]))
			}
			glu := func(x, up []float64) float64 {
				s := 0.0
				for i, v := range x {
					s += float64(dy[i]) * v / (1 + math.Exp(-v)) * up[i]
				}
				return s
			}
			ones := make([]float64, n)
			for i := range ones {
				ones[i] = 1
			}
			SiLUBackward(dx, dy, x)
			checkGrad(t, "SiLU", dx, x, func(x []float64) float64 { return glu(x, ones) })
			SwiGLUBackward(dgate, dup, dy, x, up)
			checkGrad(t, "SwiGLU, gate", dgate, x, func(x []float64) float64 { return glu(x, to64(up)) })
			checkGrad(t, "SwiGLU, up", dup, up, func(up []float64) float64 { return glu(to64(x), up) })
		}
	})
}

// TestSiLUBackwardBound64 adds up the roundings of the float64 derivative, and those of the
// sigmoids that SwiGLUBackward multiplies. From |x| = 45 on, the slope is so near to 0 or 1 that
// all that is below it is allowed.
func TestSiLUBackwardBound64(t *testing.T) {
	cells := pickLong(256, 32)
	top, at, sigmoid := 0.0, "", 0.0
	for n := -4 * 65; n <= 0; n++ {
		for i := -cells; i < cells; i++ {
			lo, hi := math.Ln2/8*float64(i)/float64(cells), math.Ln2/8*float64(i+1)/float64(cells)
			if n == 0 && hi > 0 {
				continue
			}
			sigmoids, slopes := siluSlopeRoundings(n, lo, hi)
			for j, v := range slopes {
				if e := v.SlopeError(6); e > top {
					top, at = e, fmt.Sprintf("|x| = %.6f", -float64(n)*math.Ln2/4-lo)
				}
				sigmoid = max(sigmoid, sigmoids[j].Relative())
			}
		}
	}
	t.Logf("%.4f of what is allowed at %s; sigmoid: %.3f * 2^-53", top, at, sigmoid)
	require.LessOrEqual(t, top, 1.0)
	require.LessOrEqual(t, sigmoid+1.5, 4.8) // with x*sigmoid and its product with dy, that of dup
}

// siluSlopeRoundings repeats siluGradGeneric in float64 for exp(-|x|) = 2^(n/4)*exp(t), t between
// lo and hi: the sigmoids of -|x| and |x|, and the slopes there. See sigmoidLossRoundings.
func siluSlopeRoundings(n int, lo, hi float64) (sigmoids, slopes [2]kt.Rounded) {
	var r kt.Rounding
	one := kt.Const(1)
	w := lossExpRoundings(&r, n, lo, hi)
	elo, ehi := math.Exp2(float64(n)/4)*math.Exp(lo), math.Exp2(float64(n)/4)*math.Exp(hi)
	small := r.Round(w.Div(r.Round(w.Add(kt.Const(lossExpScale)))))
	small = small.Within(elo/(1+elo)*(1-0x1p-50), ehi/(1+ehi)*(1+0x1p-50))
	large := r.Round(one.Sub(small)).Within(1/(1+ehi)*(1-0x1p-50), 1/(1+elo)*(1+0x1p-50))
	x := kt.Exact(-float64(n)*math.Ln2/4-hi, -float64(n)*math.Ln2/4-lo)
	below := r.Round(small.Mul(r.Round(one.Sub(x.Mul(large)))))
	above := r.Round(large.Mul(r.Round(one.Add(x.Mul(small)))))
	return [2]kt.Rounded{small, large}, [2]kt.Rounded{below, above}
}
