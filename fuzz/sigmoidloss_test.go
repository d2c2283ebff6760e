package fuzz

import (
	"math"
	"testing"

	"kernels"
	kt "kernels/internal/ktest"
)

// sigmoidLoss holds the losses, or the gradient, at targets 0 and 1 to 3 ULP, and at others to what they are the difference of.
func sigmoidLoss[T kernels.Float](gradient bool) spec[T] {
	run := func(c *call[T]) error { kernels.SigmoidCrossEntropy(c.out, c.in[0], c.in[1]); return nil }
	if gradient {
		run = func(c *call[T]) error {
			kernels.SigmoidCrossEntropyGrad(c.out, nil, c.in[0], c.in[1], 1)
			return nil
		}
	}
	return spec[T]{ins: 2, alias: []int{0, 1}, run: run,
		prep: func(c *call[T], data []byte) {
			for i := range c.in[1] { // most targets are labels
				if b := at(data, i); b%8 < 6 {
					c.in[1][i] = T(b % 2)
				}
			}
		},
		check: func(t *testing.T, c *call[T]) {
			for i, v := range c.in[0] {
				x, target, got := float64(v), float64(c.in[1][i]), c.out[i]
				if x != x || target != target {
					if got == got {
						t.Fatalf("x = %v, t = %v: %v", x, target, got)
					}
					continue
				}
				if math.Abs(x) > 1e5 || math.Abs(target) > 2 {
					continue // the table and the special values have these
				}
				if target == 1 { // target 0 of -x, the gradient with the other sign
					x, target = -x, 0
					if gradient {
						got = -got
					}
				}
				one := kt.Scaled{DD: kt.DD{Hi: 1}}
				want := kt.Log1pDD(kt.ExpDD(kt.DD{Hi: -math.Abs(x)})).Add(kt.Scaled{DD: kt.DD{Hi: max(x, 0)}})
				if gradient {
					e := kt.ExpDD(kt.DD{Hi: -math.Abs(x)})
					want = one.Div(one.Add(e))
					if x < 0 {
						want = want.Mul(e)
					}
				}
				if target == 0 {
					if err := kt.Err(got, want); !(err < 3) {
						t.Fatalf("%s: x = %v, t = %v: %v, %v ULP off", kt.TypeName[T](), v, c.in[1][i], got, err)
					}
					continue
				}
				off := x * target
				if gradient {
					off = target
				}
				w := want.Float64()
				tol := 0x1p-50
				if kt.Is32[T]() {
					tol = 0x1p-21
				}
				if d := math.Abs(float64(got) - (w - off)); !(d <= tol*(math.Abs(w)+math.Abs(off)+math.Abs(x)+1)) {
					t.Fatalf("%s: x = %v, t = %v: %v, want %v", kt.TypeName[T](), v, c.in[1][i], got, w-off)
				}
			}
		}}
}

func FuzzSigmoidCrossEntropy(f *testing.F) {
	fuzzBoth(f, sigmoidLoss[float32](false), sigmoidLoss[float64](false))
}

func FuzzSigmoidCrossEntropyGrad(f *testing.F) {
	fuzzBoth(f, sigmoidLoss[float32](true), sigmoidLoss[float64](true))
}
