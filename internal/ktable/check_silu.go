package ktable

import (
	"fmt"
	"math"

	"kernels"
	kt "kernels/internal/ktest"
)

// The checks of SiLU and of what is made of it, and of the other activations with an exponential.

// values checks that the results of a function of elements are at most bound ULP off want. Inputs
// that are infinite, or so large that the reference has no exponential of them, are left to the
// tests of special values.
func values[T kernels.Float](bound float64, want func(c *Call[T], i int) kt.Scaled) checkOf[T] {
	return func(c, out *Call[T]) error {
		for i, v := range c.T(1) {
			y := out.T(0)[i]
			switch {
			case v != v:
				if y == y {
					return fmt.Errorf("f(NaN) = %v", y)
				}
			case math.Abs(float64(v)) < 1e5:
				if w := want(c, i); !(kt.Err(y, w) <= bound) {
					return fmt.Errorf("f(%v) = %v, want %v", v, y, w.Float64())
				}
			}
		}
		return nil
	}
}

// gradients checks that the results of a backward are at most n ULP or u*|dy| off dy times the
// derivative at x. Beyond ±1e5 it no longer changes.
func gradients[T kernels.Float](n float64, derivative func(c *Call[T], x T) kt.Scaled) checkOf[T] {
	return func(c, out *Call[T]) error {
		for i, x := range c.T(2) {
			var want kt.Scaled
			if x == x {
				want = derivative(c, min(max(x, -1e5), 1e5))
			}
			if err := gradient(n, out.T(0)[i], x, want, 1, c.T(1)[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// slope is the derivative of gradients for a function that has it in double-double.
func slope[T kernels.Float](of func(x float64) kt.DD) func(c *Call[T], x T) kt.Scaled {
	return func(_ *Call[T], x T) kt.Scaled { return kt.Scaled{DD: of(float64(x))} }
}

// gradient checks that dx is at most n ULP or limit*u*|dy| off derivative*dy, where derivative
// depends on x.
func gradient[T kernels.Float](n float64, dx, x T, derivative kt.Scaled, limit float64, dy T) error {
	d := float64(dy)
	if x != x || dy != dy {
		if dx == dx {
			return fmt.Errorf("x = %v, dy = %v: got %v, want NaN", x, dy, dx)
		}
		return nil
	}
	if math.IsInf(d, 0) {
		return nil // infinite, or NaN where the derivative is 0
	}
	want := derivative.Mul(kt.ScaledOf(d))
	off := math.Abs(want.Add(kt.ScaledOf(-float64(dx))).Float64())
	slack := max(limit*eps[T]()/2*math.Abs(d), smallest[T]())
	if e := kt.Err(dx, want); !(e <= n || off <= slack) {
		return fmt.Errorf("x = %v, dy = %v: got %v, want %v, %v ULP", x, dy, dx, want.Float64(), e)
	}
	return nil
}

// siluGradDD is s*(1 + x*(1-s)), s = sigmoid(x), for |x| < 2^19.
func siluGradDD[T kernels.Float](_ *Call[T], x T) kt.Scaled {
	s, o := kt.SigmoidDD(float64(x)), kt.SigmoidDD(-float64(x))
	return s.Mul(one.Add(o.Mul(kt.ScaledOf(float64(x)))))
}

// tinySiLU returns how much SwiGLU may be off where SiLU is next to nothing and up is large.
func tinySiLU[T kernels.Float](up float64) float64 {
	if math.Abs(up) <= pick[T](0x1p32, 0x1p700) {
		return 0
	}
	return math.Ldexp(math.Abs(up), int(pick[T](-185, -1800)))
}

func checkSwiGLU[T kernels.Float](c, out *Call[T]) error {
	for i, g := range c.T(1) {
		up, y := c.T(2)[i], out.T(0)[i]
		switch u := float64(up); {
		case g != g || up != up:
			if y == y {
				return fmt.Errorf("gate %v, up %v: got %v, want NaN", g, up, y)
			}
		case math.Abs(float64(g)) < 1e5 && !math.IsInf(u, 0):
			want := kt.SiLUDD(float64(g)).Mul(kt.ScaledOf(u))
			off := math.Abs(float64(y) - want.Float64())
			if e := kt.Err(y, want); !(e <= pick[T](3.3, 3.6) || off <= tinySiLU[T](u)) {
				return fmt.Errorf("gate %v, up %v: got %v, want %v, %v ULP", g, up, y,
					want.Float64(), e)
			}
		}
	}
	return nil
}

// checkSwiGLUBackward allows dup the error of a product with a sigmoid, and dgate that of
// SiLUBackward and of a product more.
func checkSwiGLUBackward[T kernels.Float](c, out *Call[T]) error {
	for i, g := range c.T(3) {
		dy, up := c.T(2)[i], c.T(4)[i]
		var silu, grad kt.Scaled
		if math.Abs(float64(g)) < 1e5 {
			silu, grad = kt.SiLUDD(float64(g)), siluGradDD(c, g)
		} else if g == g {
			continue
		}
		if err := gradient(4.8, out.T(1)[i], g, silu, 1, dy); err != nil {
			return fmt.Errorf("dup: %w", err)
		}
		p, first := dy*up, T(grad.Mul(kt.ScaledOf(float64(dy))).Float64()) // dgate is first*up
		if math.IsInf(float64(p), 0) || math.IsInf(float64(first), 0) ||
			math.Abs(float64(dy)) < 4*smallest[T]()/eps[T]() {
			continue
		}
		if err := gradient(pick[T](6.5, 7), out.T(0)[i], g, grad, 2, p); err != nil {
			return fmt.Errorf("dgate, dy = %v, up = %v: %w", dy, up, err)
		}
	}
	return nil
}
