package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// tanhDD returns tanh x in double-double.
func tanhDD(x float64) kt.Scaled {
	a := kt.DD{Hi: math.Abs(x)}
	y := kt.DD{Hi: 1}
	exp := 0
	switch {
	case math.Abs(x) < 0x1p-20: // x - x^3/3 + 2x^5/15, the rest is below 2^-120
		_, exp = math.Frexp(x)
		a.Hi = math.Ldexp(a.Hi, -exp)
		u := kt.DD{Hi: x}.Mul(kt.DD{Hi: x})
		y = a.Mul(kt.DD{Hi: 1}.Add(u.Div(kt.DD{Hi: -3})).Add(u.Mul(u).MulF(2.0 / 15)))
	case math.Abs(x) < 100:
		e := kt.ExpDD(a.MulF(2))
		one := kt.Scaled{DD: kt.DD{Hi: 1}}
		q := e.Add(kt.Scaled{DD: kt.DD{Hi: -1}}).Div(e.Add(one))
		y, exp = q.DD, q.Exp
	}
	if x < 0 {
		y = y.Neg()
	}
	return kt.Scaled{DD: y, Exp: exp}
}

// TestWalkTanh64 samples the float64 form.
func TestWalkTanh64(t *testing.T) {
	fill := func(r *kt.Rand, x, _ []float64) {
		for i := range x {
			switch r.Intn(6) {
			case 0:
				x[i] = kt.Uniform[float64](r, 1)
			case 1:
				x[i] = kt.Uniform[float64](r, 1) / 2
			case 2:
				x[i] = kt.Uniform[float64](r, 1) / 4
			case 3:
				x[i] = kt.Uniform[float64](r, 22)
			case 4:
				x[i] = math.Ldexp(kt.Uniform[float64](r, 1), -r.Intn(1074))
			case 5:
				x[i] = 18 + kt.Uniform[float64](r, 2)
			}
		}
	}
	require.Less(t, walk64(t, "Tanh", fill, func(d, x, _ []float64) { Tanh(d, x) },
		func(x, _ float64) kt.Scaled { return tanhDD(x) },
		func(got, x, _ float64) float64 { return kt.ErrBig(got, kt.TanhBig(x)) }), 2.0)
}

// specTanh32 is the recipe in float32 operations.
func specTanh32(x float32) float32 {
	a := math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
	if a > 9.1 {
		a = 9.1
	}
	type cell struct{ n, b, c float32 }
	at := [8]cell{
		{0x1.53029p+2, 0x1.fff96ep-1, 0x1.a47d4cp-14},
		{0x1.cc867cp+2, 0x1.ffffdap-1, 0x1.2dd372p-19},
		{0x1.154246p+3, 0x1.fffffep-1, 0x1.ffffecp-24},
		{0, 0, 1},
		{0x1.f22734p-1, 0x1.800004p-1, 0x1.bffff4p-2},
		{0x1.ffca5cp+0, 0x1.ed8d7p-1, 0x1.21d7c2p-4},
		{0x1.7fbc22p+1, 0x1.fd7522p-1, 0x1.44a026p-7},
		{0x1.003d06p+2, 0x1.ffa8bep-1, 0x1.5cea44p-10},
	}[math.Float32bits(a+3.5)>>21&7]
	t := a - at.n
	u := float32(t * t)
	q := kt.FMA32(0x1.089866p-9, u, -0x1.6bdcfep-6)
	q = kt.FMA32(q, u, 0x1.555532p-2)
	q = kt.FMA32(q, u, 1)
	y := at.b + float32(t*at.c)/kt.FMA32(at.b, t, q)
	return math.Float32frombits(math.Float32bits(y) | math.Float32bits(x)&(1<<31))
}

// TestWalkTanhSpec compares every instruction set, the generic code included, with the recipe.
func TestWalkTanhSpec(t *testing.T) {
	kt.EachISA(t, func(t *testing.T, name string) {
		step := stride()
		if name != isa.NameGeneric { // TestWalkISA compares the generic code with the others
			step *= 97
		}
		var w worst
		walk(step, func(x []float32) {
			dst := make([]float32, len(x))
			Tanh(dst, x)
			for i, v := range x {
				if want := specTanh32(v); !kt.Same(dst[i], want) {
					w.add("different", 1, func() string {
						return fmt.Sprintf("x = %v (%#08x): got %v, want %v", v, math.Float32bits(v), dst[i], want)
					})
				}
			}
		})
		require.Empty(t, w.max)
	})
}

func TestSpecialTanh(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialTanh[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialTanh[float64](t) })
	})
}

func specialTanh[T Float](t *testing.T) {
	tiny, negZero := kt.FromBits[T](1), T(math.Copysign(0, -1))
	for _, c := range [][2]T{{0, 0}, {negZero, negZero}, {kt.Inf[T](1), 1}, {kt.Inf[T](-1), -1},
		{kt.NaN[T](), kt.NaN[T]()}, {tiny, tiny}, {-tiny, -tiny},
		{40, 1}, {-40, -1}, {0x1p-100, 0x1p-100}, {-0x1p-40, -0x1p-40}} {
		for n := 1; n < 70; n += 3 {
			for _, at := range []int{0, n / 2, n - 1} {
				x, y := make([]T, n), make([]T, n)
				x[at] = c[0]
				Tanh(y, x)
				require.True(t, kt.Same(c[1], y[at]), "Tanh(%v) = %v", c[0], y[at])
				if n > 1 {
					require.True(t, kt.Same(y[(at+1)%n], 0))
				}
			}
		}
	}
	dx := make([]T, 4)
	TanhBackward(dx, []T{3, kt.NaN[T](), 1, -2}, []T{1, 0, kt.NaN[T](), 0.5})
	require.True(t, kt.Same(dx[0], 0) && dx[1] != dx[1] && dx[2] != dx[2])
	require.Equal(t, T(-1.5), dx[3])
	TanhBackward(dx[:1], []T{1}, []T{T(1 - kt.Pick[T](0x1p-24, 0x1p-53))}) // 1-y*y does not cancel
	require.InEpsilon(t, 2*kt.Pick[T](0x1p-24, 0x1p-53), float64(dx[0]), 1e-7)
}

func TestNumericalGradientTanh(t *testing.T) {
	t.Run("float32", testNumericalGradientTanh[float32])
	t.Run("float64", testNumericalGradientTanh[float64])
}

func testNumericalGradientTanh[T Float](t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, n := range []int{1, 3, 16, 33, 70} {
			r := kt.NewRand(uint64(n))
			x, dy, y, dx := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
			kt.Fill(r, kt.Normal, x, n)
			kt.Fill(r, kt.Unit, dy, n)
			Tanh(y, x)
			TanhBackward(dx, dy, y)
			checkGrad(t, "Tanh", dx, x, func(x []float64) float64 {
				out := make([]float64, n)
				for i, v := range x {
					out[i] = math.Tanh(v)
				}
				return weighted(out, to64(dy))
			})
		}
	})
}
