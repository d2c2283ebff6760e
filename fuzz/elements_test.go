package fuzz

import (
	"math"
	"testing"

	"kernels"
	kt "kernels/internal/ktest"
)

func relu[T kernels.Float]() spec[T] {
	return spec[T]{ins: 1, alias: []int{0},
		run:   func(c *call[T]) error { kernels.ReLU(c.out, c.in[0]); return nil },
		check: checkReLU[T]}
}

func checkReLU[T kernels.Float](t *testing.T, c *call[T]) {
	for i, v := range c.in[0] {
		want := v
		if v <= 0 {
			want = 0
		}
		if !kt.Same(c.out[i], want) {
			t.Fatalf("ReLU(%v) = %v", v, c.out[i])
		}
	}
}

func FuzzReLU(f *testing.F) { fuzzBoth(f, relu[float32](), relu[float64]()) }

func reluMask[T kernels.Float]() spec[T] {
	return spec[T]{ins: 1, alias: []int{0}, maskOut: true,
		run: func(c *call[T]) error { kernels.ReLUMask(c.out, c.in[0], c.mask); return nil },
		check: func(t *testing.T, c *call[T]) {
			checkReLU(t, c)
			for i := range 64 * len(c.mask) {
				bit := c.mask[i/64]>>(i%64)&1 == 1
				if want := i < len(c.in[0]) && c.in[0][i] <= 0; bit != want {
					t.Fatalf("mask bit %d of %d is %v", i, len(c.in[0]), bit)
				}
			}
		}}
}

func FuzzReLUMask(f *testing.F) { fuzzBoth(f, reluMask[float32](), reluMask[float64]()) }

func reluBackward[T kernels.Float]() spec[T] {
	return spec[T]{ins: 1, alias: []int{0}, maskIn: true,
		run: func(c *call[T]) error { kernels.ReLUBackward(c.out, c.in[0], c.mask); return nil },
		check: func(t *testing.T, c *call[T]) {
			for i, v := range c.in[0] {
				want := kt.RawBits(v)
				if c.mask[i/64]>>(i%64)&1 == 1 {
					want = 0
				}
				if kt.RawBits(c.out[i]) != want {
					t.Fatalf("dx[%d] = %v, dy %v, mask bit %v", i, c.out[i], v, want == 0)
				}
			}
			// With the mask of a forward it is the gradient of ReLU, away from its corner.
			x := tame(c.in[0], 8)
			for i, v := range x {
				if math.Abs(float64(v)) < 0.01 {
					x[i] = -0.25
				}
			}
			dy, y, dx := tame(c.in[0], 1), make([]T, len(x)), make([]T, len(x))
			mask := make([]uint64, kernels.MaskLen(len(x)))
			kernels.ReLUMask(y, x, mask)
			kernels.ReLUBackward(dx, dy, mask)
			dy64 := to64(dy)
			checkGrad(t, "ReLU", dx, x, func(x []float64) float64 { return dotOf(func(v float64) float64 { return math.Max(v, 0) }, x, dy64) })
		}}
}

func FuzzReLUBackward(f *testing.F) { fuzzBoth(f, reluBackward[float32](), reluBackward[float64]()) }

// sigmoid holds run to bound ULP; an error of the full bound is one too many where strict.
func sigmoid[T kernels.Float](run func(dst, x []T), bound float64, strict bool) spec[T] {
	return spec[T]{ins: 1, alias: []int{0},
		run: func(c *call[T]) error { run(c.out, c.in[0]); return nil },
		check: func(t *testing.T, c *call[T]) {
			for i, v := range c.in[0] {
				y := c.out[i]
				var err float64
				switch x := float64(v); {
				case x != x:
					if y == y {
						t.Fatalf("sigmoid(NaN) = %v", y)
					}
					continue
				case x < -1e5:
					err = kt.Err(y, kt.Scaled{})
				case x > 1e5:
					err = kt.Err(y, kt.Scaled{DD: kt.DD{Hi: 1}})
				case kt.Is32[T]():
					err = kt.Err32(float32(y), kt.SigmoidRef64(x))
				default:
					err = kt.Err64(float64(y), kt.SigmoidDD(x))
				}
				if err > bound || strict && err == bound || !(y >= 0 && y <= 1) {
					t.Fatalf("%s: sigmoid(%v) = %v, %v ULP off", kt.TypeName[T](), v, y, err)
				}
			}
		}}
}

func FuzzSigmoid(f *testing.F) {
	fuzzBoth(f, sigmoid(kernels.Sigmoid[float32], 1, true), sigmoid(kernels.Sigmoid[float64], 1, true))
}

func FuzzSigmoidFast(f *testing.F) {
	fuzzBoth(f, sigmoid(kernels.SigmoidFast[float32], 2.5, false), sigmoid(kernels.SigmoidFast[float64], 2.5, false))
}

func sigmoidBackward[T kernels.Float]() spec[T] {
	return spec[T]{ins: 2, alias: []int{0, 1},
		run: func(c *call[T]) error { kernels.SigmoidBackward(c.out, c.in[0], c.in[1]); return nil },
		check: func(t *testing.T, c *call[T]) {
			for i, y := range c.in[1] {
				g := T(c.in[0][i] * T(1-y)) // each step rounded: no choice of fusing
				if want := T(g * y); !kt.Same(c.out[i], want) {
					t.Fatalf("dx = %v for dy = %v, y = %v, want %v", c.out[i], c.in[0][i], y, want)
				}
			}
			x, dy := tame(c.in[0], 8), tame(c.in[1], 1)
			y, dx := make([]T, len(x)), make([]T, len(x))
			kernels.Sigmoid(y, x)
			kernels.SigmoidBackward(dx, dy, y)
			dy64 := to64(dy)
			checkGrad(t, "Sigmoid", dx, x, func(x []float64) float64 { return dotOf(kt.SigmoidRef64, x, dy64) })
		}}
}

func FuzzSigmoidBackward(f *testing.F) {
	fuzzBoth(f, sigmoidBackward[float32](), sigmoidBackward[float64]())
}

func tanh[T kernels.Float]() spec[T] {
	return spec[T]{ins: 1, alias: []int{0},
		run: func(c *call[T]) error { kernels.Tanh(c.out, c.in[0]); return nil },
		check: func(t *testing.T, c *call[T]) {
			for i, v := range c.in[0] {
				y, x := c.out[i], float64(v)
				var err float64
				switch {
				case x != x:
					if y == y {
						t.Fatalf("tanh(NaN) = %v", y)
					}
					continue
				case kt.Is32[T]():
					err = kt.Err32(float32(y), math.Tanh(x))
				case math.Abs(x) < 1e-8:
					// tanh x = x - x^3/3: less than 2^-53 x below x.
					err = kt.Err64(float64(y), kt.Scaled{DD: kt.DD{Hi: x, Lo: -x * x / 3 * x}})
				case math.Abs(x) > 1e5:
					err = kt.Err64(float64(y), kt.Scaled{DD: kt.DD{Hi: math.Copysign(1, x)}})
				case i < 8: // math/big takes its time
					err = kt.ErrBig(y, kt.TanhBig(x))
				}
				if !(err < 2) || !(y >= -1 && y <= 1) {
					t.Fatalf("%s: tanh(%v) = %v, %v ULP off", kt.TypeName[T](), v, y, err)
				}
			}
		}}
}

func FuzzTanh(f *testing.F) { fuzzBoth(f, tanh[float32](), tanh[float64]()) }

func tanhBackward[T kernels.Float]() spec[T] {
	return spec[T]{ins: 2, alias: []int{0, 1},
		run: func(c *call[T]) error { kernels.TanhBackward(c.out, c.in[0], c.in[1]); return nil },
		check: func(t *testing.T, c *call[T]) {
			for i, y := range c.in[1] {
				var want T
				if kt.Is32[T]() {
					want = c.in[0][i] * T(kt.FMA32(-float32(y), float32(y), 1))
				} else {
					want = c.in[0][i] * T(math.FMA(-float64(y), float64(y), 1))
				}
				if !kt.Same(c.out[i], want) {
					t.Fatalf("dx = %v for dy = %v, y = %v, want %v", c.out[i], c.in[0][i], y, want)
				}
			}
			x, dy := tame(c.in[0], 6), tame(c.in[1], 1)
			y, dx := make([]T, len(x)), make([]T, len(x))
			kernels.Tanh(y, x)
			kernels.TanhBackward(dx, dy, y)
			dy64 := to64(dy)
			checkGrad(t, "Tanh", dx, x, func(x []float64) float64 { return dotOf(math.Tanh, x, dy64) })
		}}
}

func FuzzTanhBackward(f *testing.F) { fuzzBoth(f, tanhBackward[float32](), tanhBackward[float64]()) }

func reluBackwardOutput[T kernels.Float]() spec[T] {
	return spec[T]{ins: 2, alias: []int{0, 1},
		run: func(c *call[T]) error { kernels.ReLUBackwardOutput(c.out, c.in[0], c.in[1]); return nil },
		check: func(t *testing.T, c *call[T]) {
			for i, y := range c.in[1] {
				want := kt.RawBits(c.in[0][i])
				if y <= 0 {
					want = 0
				}
				if kt.RawBits(c.out[i]) != want {
					t.Fatalf("dx = %v for dy = %v, y = %v", c.out[i], c.in[0][i], y)
				}
			}
		}}
}

func FuzzReLUBackwardOutput(f *testing.F) {
	fuzzBoth(f, reluBackwardOutput[float32](), reluBackwardOutput[float64]())
}
