package kernels

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// hardExact is the exact value of a function of this file with dy = 1, or NaN.
type hardExact struct {
	name  string
	bound float64
	run   func(dst, x []float32)
	run64 func(dst, x []float64)
	exact func(x *big.Float) *big.Float
}

func ones[T Float](n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// lineOf is a*x + b, and c below -3, d above 3.
func lineOf(x, a, b, below, above *big.Float) *big.Float {
	three := kt.Big(3)
	switch {
	case x.Cmp(kt.Big(-3)) <= 0:
		return below
	case x.Cmp(three) >= 0:
		return above
	}
	y := new(big.Float).SetPrec(kt.Prec).Mul(a, x)
	return y.Add(y, b)
}

func ratio(p, q float64) *big.Float { return new(big.Float).SetPrec(kt.Prec).Quo(kt.Big(p), kt.Big(q)) }

var hardCases = []hardExact{
	{"HardSigmoid", 1.17, HardSigmoid[float32], HardSigmoid[float64], func(x *big.Float) *big.Float {
		return lineOf(x, ratio(1, 6), ratio(1, 2), kt.Big(0), kt.Big(1))
	}},
	{"HardSigmoidBackward", 1,
		func(dx, x []float32) { HardSigmoidBackward(dx, ones[float32](len(x)), x) },
		func(dx, x []float64) { HardSigmoidBackward(dx, ones[float64](len(x)), x) },
		func(x *big.Float) *big.Float {
			return lineOf(x, kt.Big(0), ratio(1, 6), kt.Big(0), kt.Big(0))
		}},
	{"HardSwish", 2.5, HardSwish[float32], HardSwish[float64], func(x *big.Float) *big.Float {
		y := lineOf(x, ratio(1, 6), ratio(1, 2), kt.Big(0), kt.Big(1))
		return new(big.Float).SetPrec(kt.Prec).Mul(y, x)
	}},
	{"HardSwishBackward", 1.17,
		func(dx, x []float32) { HardSwishBackward(dx, ones[float32](len(x)), x) },
		func(dx, x []float64) { HardSwishBackward(dx, ones[float64](len(x)), x) },
		func(x *big.Float) *big.Float {
			return lineOf(x, ratio(1, 3), ratio(1, 2), kt.Big(0), kt.Big(1))
		}},
}

// TestHardErrors measures the functions against math/big, in float32 on all inputs near the points
// where something changes and on a sample of the others.
func TestHardErrors(t *testing.T) {
	for _, k := range hardCases {
		var w worst
		step := stride() * 101
		if *walkFlag == "all" {
			step = 1009
		}
		check := func(x []float32) {
			y := make([]float32, len(x))
			k.run(y, x)
			for i, v := range x {
				if v-v != 0 {
					continue
				}
				err := kt.ErrBig(y[i], k.exact(kt.Big(float64(v))))
				w.add("float32", err, func() string { return fmt.Sprintf("x = %v: got %v", v, y[i]) })
			}
		}
		walk(step, check)
		for _, at := range []float32{-3, -1.5, 3, -2.25, 1, -2, -1} { // where things change
			x := make([]float32, 4000)
			for i := range x {
				x[i] = math.Float32frombits(math.Float32bits(at) + uint32(i) - uint32(len(x)/2))
			}
			check(x)
		}
		r := kt.NewRand(1)
		x, y := make([]float64, samples()/10), make([]float64, samples()/10)
		for i := range x {
			switch x[i] = kt.Uniform[float64](r, 4); r.Intn(4) {
			case 0:
				x[i] = math.Ldexp(x[i], -r.Intn(1070))
			case 1:
				x[i] = float64([]int{-3, 3, -1}[r.Intn(3)]) + math.Ldexp(x[i], -r.Intn(54))
			}
		}
		k.run64(y, x)
		for i, v := range x {
			err := kt.ErrBig(y[i], k.exact(kt.Big(v)))
			w.add("float64", err, func() string { return fmt.Sprintf("x = %v: got %v", v, y[i]) })
		}
		for class, f := range w.max {
			t.Logf("%s %s: %.4f ULP at %s", k.name, class, f.err, f.at)
			require.LessOrEqual(t, f.err, k.bound, "%s, %s", k.name, f.at)
		}
	}
}

// TestHardSixth holds the product with two parts of 1/6 to the quotient, on every sum of x and 3
// that differs by its mantissa.
func TestHardSixth(t *testing.T) {
	step := uint32(1)
	if testing.Short() {
		step = 61
	}
	x, y, g := make([]float32, 0, walkLen), make([]float32, walkLen), make([]float32, walkLen)
	check := func() {
		HardSigmoid(y[:len(x)], x)
		HardSwishBackward(g[:len(x)], ones[float32](len(x)), x)
		for i, v := range x {
			require.True(t, kt.Same(y[i], (v+3)/6) && kt.Same(g[i], float32(2*float64(v)+3)/6), "%v", v)
		}
		x = x[:0]
	}
	for u := uint32(0); u < 3<<22; u += step { // from 0x1p-1 to below 3, and the same below 0
		v := math.Float32frombits(0x3f000000 + u)
		if v >= 3 {
			break
		}
		if x = append(x, v, -v); len(x) > walkLen-2 {
			check()
		}
	}
	check()
}

func TestSpecialHard(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialHard[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { specialHard[float64](t) })
	})
}

func specialHard[T Float](t *testing.T) {
	negZero, inf, nan, huge := T(math.Copysign(0, -1)), kt.Inf[T](1), kt.NaN[T](),
		kt.Pick[T](math.MaxFloat32, math.MaxFloat64)
	in := T(kt.Pick[T](0x1.7ffffep+1, 0x1.7ffffffffffffp+1)) // the number before 3
	// x, HardSigmoid, HardSwish, and their gradients for dy = 12
	for _, c := range [][5]T{
		{0, 0.5, 0, 2, 6}, {negZero, 0.5, negZero, 2, 6}, {3, 1, 3, 0, 12}, {-3, 0, negZero, 0, 0},
		{inf, 1, inf, 0, 12}, {-inf, 0, negZero, 0, 0}, {nan, nan, nan, 2, nan},
		{T(huge), 1, T(huge), 0, 12}, {T(-huge), 0, negZero, 0, 0},
		{-1.5, 0.25, -0.375, 2, 0}, {1.5, 0.75, 1.125, 2, 12}, {in, 1, in, 2, 18}, {7, 1, 7, 0, 12},
	} {
		x, y := make([]T, 70), make([]T, 70)
		for at := range x {
			for i := range x {
				x[i] = 1
			}
			x[at] = c[0]
			dy := make([]T, len(x))
			for i := range dy {
				dy[i] = 12
			}
			HardSigmoid(y, x)
			require.True(t, kt.Same(c[1], y[at]), "HardSigmoid(%v) = %v", c[0], y[at])
			HardSwish(y, x)
			require.True(t, kt.Same(c[2], y[at]), "HardSwish(%v) = %v", c[0], y[at])
			HardSigmoidBackward(y, dy, x)
			require.True(t, kt.Same(c[3], y[at]), "HardSigmoidBackward(%v) = %v", c[0], y[at])
			HardSwishBackward(y, dy, x)
			if c[0] == in { // 12 times a number a little below 3/2
				require.InEpsilon(t, 18, float64(y[at]), 1e-6)
				continue
			}
			require.True(t, kt.Same(c[4], y[at]), "HardSwishBackward(%v) = %v", c[0], y[at])
		}
	}
	dx := make([]T, 3)
	HardSigmoidBackward(dx, []T{nan, nan, inf}, []T{1, 4, -4})
	require.True(t, dx[0] != dx[0] && dx[1] == 0 && dx[2] == 0)
	HardSwishBackward(dx, []T{nan, nan, inf}, []T{1, 4, -4})
	require.True(t, dx[0] != dx[0] && dx[1] != dx[1] && dx[2] == 0)
}

func TestNumericalGradientHard(t *testing.T) {
	t.Run("float32", testNumericalGradientHard[float32])
	t.Run("float64", testNumericalGradientHard[float64])
}

func testNumericalGradientHard[T Float](t *testing.T) {
	hardSigmoid := func(v float64) float64 { return min(max(v/6+0.5, 0), 1) }
	kt.EachISA(t, func(t *testing.T, _ string) {
		gradients(t, "HardSigmoid", []float64{-3, 3}, HardSigmoidBackward[T], hardSigmoid)
		gradients(t, "HardSwish", []float64{-3, 3}, HardSwishBackward[T],
			func(v float64) float64 { return v * hardSigmoid(v) })
		gradients(t, "ReLUSquared", nil, ReLUSquaredBackward[T],
			func(v float64) float64 { return max(v, 0) * max(v, 0) })
		gradients(t, "LeakyReLU", []float64{0},
			func(dx, dy, x []T) { LeakyReLUBackward(dx, dy, x, 0.25) },
			func(v float64) float64 { return max(v, v/4) })
	})
}
