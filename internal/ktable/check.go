package ktable

import (
	"fmt"
	"math"
	"slices"

	"kernels"
	kt "kernels/internal/ktest"
)

// The checks compare results with references of higher precision, for any values that a fuzzer
// finds. c is a call with its arguments before the call, out the same with its arguments after it.
// Tests in the root package hold ordinary values to the tighter bounds that the package promises.

type checkOf[T kernels.Float] func(c, out *Call[T]) error

// exact checks that the elements of the first argument have the bits of f.
func exact[T kernels.Float](f func(c *Call[T], i int) T) checkOf[T] {
	return func(c, out *Call[T]) error {
		for i, got := range out.T(0) {
			if want := f(c, i); !kt.Same(got, want) {
				return fmt.Errorf("element %d is %v, want %v", i, got, want)
			}
		}
		return nil
	}
}

// of calls f with the elements of argument 1.
func of[T kernels.Float](f func(x T) T) checkOf[T] {
	return exact(func(c *Call[T], i int) T { return f(c.T(1)[i]) })
}

// backwardOf calls f with the elements of arguments 1 and 2.
func backwardOf[T kernels.Float](f func(dy, y T) T) checkOf[T] {
	return exact(func(c *Call[T], i int) T { return f(c.T(1)[i], c.T(2)[i]) })
}

func relu[T kernels.Float](x T) T {
	if x <= 0 {
		return 0
	}
	return x
}

// pass returns the gradient of ReLU: dy or 0.
func pass[T kernels.Float](dy T, passes bool) T {
	if !passes {
		return 0
	}
	return dy
}

// leaky is what LeakyReLU and its backward make of v.
func leaky[T kernels.Float](x, v, slope T) T {
	if x > 0 {
		return v
	}
	return slope * v
}

func reluSquaredGrad[T kernels.Float](dy, x T) T {
	if x <= 0 {
		return 0
	}
	return 2 * T(dy*x)
}

func hardSigmoid[T kernels.Float](x T) T { return min(max(x+3, 0), 6) / 6 }

func hardSigmoidGrad[T kernels.Float](dy, x T) T {
	if x <= -3 || x >= 3 {
		return 0
	}
	return dy * T(1.0/6)
}

func hardSwishGrad[T kernels.Float](dy, x T) T {
	switch {
	case x <= -3:
		return 0
	case x >= 3:
		return dy
	}
	return dy * T(fma(x, 2, 3)/6)
}

func maskBit(mask kt.Array, i int) bool { return kt.View[uint64](mask)[i/64]>>(i%64)&1 == 1 }

func checkReLUMask[T kernels.Float](c, out *Call[T]) error {
	for i := range 64 * out.Ops[2].Len() {
		if want := i < c.Rows && c.T(1)[i] <= 0; maskBit(out.Ops[2], i) != want {
			return fmt.Errorf("mask bit %d of %d is not %v", i, c.Rows, want)
		}
	}
	return of(relu[T])(c, out)
}

// tanhGrad is dy*(1-y*y), 1-y*y rounded once.
func tanhGrad[T kernels.Float](dy, y T) T {
	if kt.Is32[T]() {
		return dy * T(kt.FMA32(-float32(y), float32(y), 1))
	}
	return dy * T(math.FMA(-float64(y), float64(y), 1))
}

// steps checks that the elements of all arguments that an optimizer changes have the bits of step,
// which changes element i of each.
func steps[T kernels.Float](step func(c *Call[T], x []T)) checkOf[T] {
	return func(c, out *Call[T]) error {
		x := make([]T, len(c.Args))
		for i := range c.Rows {
			for j := range x {
				x[j] = c.T(j)[i]
			}
			step(c, x)
			for j, want := range x {
				if got := out.T(j)[i]; !kt.Same(got, want) {
					return fmt.Errorf("%s[%d] is %v, want %v", c.Args[j].Name, i, got, want)
				}
			}
		}
		return nil
	}
}

func sgd[T kernels.Float](c *Call[T], x []T) { x[0] = fma(-c.Scale, x[1], x[0]) }

func momentum[T kernels.Float](c *Call[T], x []T) {
	x[1] = fma(-c.Scale, x[2], T(c.Adam.Beta1*x[1]))
	x[0] += x[1]
}

func adam[T kernels.Float](c *Call[T], x []T) {
	m, v, g := x[1], x[2], x[3]
	x[1] = fma(1-c.Adam.Beta1, g-m, m)
	x[2] = fma(-(1 - c.Adam.Beta2), fma(-g, g, v), v)
	x[0] -= T(c.Scale*x[1]) / T(T(math.Sqrt(float64(x[2])))+c.Adam.Epsilon)
}

// within checks that the results of a function of elements are in [lo, hi], with an error below
// bound ULP.
func within[T kernels.Float](lo, hi T, bound float64, err func(y T, x float64) float64) checkOf[T] {
	return func(c, out *Call[T]) error {
		for i, v := range c.T(1) {
			switch y := out.T(0)[i]; {
			case v != v && y != y:
			case y < lo || y > hi || !(err(y, float64(v)) < bound):
				return fmt.Errorf("f(%v) = %v, %v ULP off", v, y, err(y, float64(v)))
			}
		}
		return nil
	}
}

// tailed checks that the results of a function that is x above and goes to -0 below have an error
// of at most bound ULP.
func tailed[T kernels.Float](bound float64, ref func(x float64) kt.Scaled) checkOf[T] {
	return func(c, out *Call[T]) error {
		for i, v := range c.T(1) {
			y, want := out.T(0)[i], T(math.Copysign(0, -1))
			switch {
			case v != v || v > 1e5:
				want = v
			case v == 0:
				want = v
			case v >= -1e5:
				if err := kt.Err(y, ref(float64(v))); !(err <= bound) || y < 0 != (v < 0) && y != 0 {
					return fmt.Errorf("f(%v) = %v, %v ULP off", v, y, err)
				}
				continue
			}
			if !kt.Same(y, want) {
				return fmt.Errorf("f(%v) = %v, want %v", v, y, want)
			}
		}
		return nil
	}
}

// elementOf returns f of one element.
func elementOf[T kernels.Float](f func(dst, x []T), x T) T {
	y := [1]T{x}
	f(y[:], y[:])
	return y[0]
}

// checkGEGLU checks that the gradients of a gated unit have the bits of products with those of its
// activation.
func checkGEGLU[T kernels.Float](f func(dst, x []T), backward func(dx, dy, x []T)) checkOf[T] {
	return func(c, out *Call[T]) error {
		for i, dy := range c.T(2) {
			gate, dgate := c.T(3)[i], [1]T{dy * c.T(4)[i]}
			backward(dgate[:], dgate[:], c.T(3)[i:i+1])
			if got := out.T(0)[i]; !kt.Same(got, dgate[0]) {
				return fmt.Errorf("dgate[%d] is %v, want %v", i, got, dgate[0])
			}
			if got, want := out.T(1)[i], dy*elementOf(f, gate); !kt.Same(got, want) {
				return fmt.Errorf("dup[%d] is %v, want %v", i, got, want)
			}
		}
		return nil
	}
}

var one = kt.Scaled{DD: kt.DD{Hi: 1}}

func expErr[T kernels.Float](y T, x float64) float64 {
	switch {
	case kt.Is32[T]():
		return kt.Err32(float32(y), math.Exp(x))
	case x < -1e5:
		return kt.Err64(float64(y), kt.Scaled{})
	case x > 1e5:
		return kt.Err64(float64(y), kt.Scaled{DD: one.DD, Exp: 2000})
	}
	return kt.Err64(float64(y), kt.ExpDD(kt.DD{Hi: x}))
}

func expm1Err[T kernels.Float](y T, x float64) float64 {
	switch {
	case kt.Is32[T]():
		return kt.Err32(float32(y), math.Expm1(x))
	case x < -1e5:
		return kt.Err64(float64(y), kt.Scaled{DD: one.Neg()})
	case x > 1e5:
		return kt.Err64(float64(y), kt.Scaled{DD: one.DD, Exp: 2000})
	}
	return kt.Err64(float64(y), kt.Expm1DD(x))
}

func logErr[T kernels.Float](y T, x float64) float64 {
	if kt.Is32[T]() || !(x > 0 && x <= math.MaxFloat64) {
		if want := math.Log(x); kt.Is32[T]() || !kt.Same(float64(y), want) {
			return kt.Err32(float32(y), want)
		}
		return 0
	}
	return kt.Err64(float64(y), kt.LogDD(x))
}

func log1pErr[T kernels.Float](y T, x float64) float64 {
	if kt.Is32[T]() || !(x > -1 && x <= math.MaxFloat64) {
		if want := math.Log1p(x); kt.Is32[T]() || !kt.Same(float64(y), want) {
			return kt.Err32(float32(y), want)
		}
		return 0
	}
	return kt.Err64(float64(y), kt.Log1pOfDD(x))
}

func sigmoidErr[T kernels.Float](y T, x float64) float64 {
	switch {
	case x < -1e5:
		return kt.Err(y, kt.Scaled{})
	case x > 1e5:
		return kt.Err(y, one)
	case kt.Is32[T]():
		return kt.Err32(float32(y), kt.SigmoidRef64(x))
	}
	return kt.Err64(float64(y), kt.SigmoidDD(x))
}

func tanhErr[T kernels.Float](y T, x float64) float64 {
	if kt.Is32[T]() {
		return kt.Err32(float32(y), math.Tanh(x))
	}
	return kt.Err64(float64(y), kt.TanhDD(x))
}

func erfErr[T kernels.Float](y T, x float64) float64 {
	if kt.Is32[T]() {
		return kt.Err32(float32(y), math.Erf(x))
	}
	return kt.Err64(float64(y), kt.ErfDD(x))
}

// eps is the distance from 1 to the next value of T, smallest the smallest subnormal.
func eps[T kernels.Float]() float64      { return math.Ldexp(1, -kt.Digits[T]()) }
func smallest[T kernels.Float]() float64 { return float64(kt.FromBits[T](1)) }

func pick[T kernels.Float](f32, f64 float64) float64 {
	if kt.Is32[T]() {
		return f32
	}
	return f64
}

// checkSigmoidLoss allows an error of 3 ULP at targets 0 and 1. At other targets, the error is
// relative to the terms that losses and gradients are the difference of.
func checkSigmoidLoss[T kernels.Float](c, out *Call[T]) error {
	weights, losses, d := c.Arg("PosWeight"), out.Arg("losses"), out.Arg("dlogits")
	for i, v := range c.Arg("logits") {
		x, t, p := float64(v), float64(c.Arg("targets")[i]), 1.0
		if len(weights) > 0 {
			p = float64(weights[i%len(weights)])
		}
		if math.Abs(x) > 1e5 || math.Abs(t) > 2 {
			continue // the special values have these
		}
		// check compares got with a mix of yes and no, the values for targets 1 and 0.
		check := func(what string, got T, yes, no kt.Scaled, scale float64) error {
			a, b := p*t*yes.Float64(), (1-t)*no.Float64()
			want, bound := scale*(a+b), pick[T](0x1p-21, 0x1p-50)
			off := math.Abs(float64(got)-want) - 2*smallest[T]()
			switch size := math.Abs(scale) * (math.Abs(a) + math.Abs(b) + (math.Abs(x)+1)*(1+p)); {
			case x != x || t != t:
				if off = 0; got == got {
					off = math.Inf(1)
				}
			case scale == 1 && p == 1 && t == 1:
				off, bound = kt.Err(got, yes), 3
			case scale == 1 && p == 1 && t == 0:
				off, bound = kt.Err(got, no), 3
			default:
				off /= size
			}
			if !(off < bound) {
				return fmt.Errorf("x = %v, t = %v, weight %v: %s is %v, want %v, off by %v", x, t,
					p, what, got, want, off)
			}
			return nil
		}
		e := kt.ExpDD(kt.DD{Hi: -math.Abs(x)})
		// the sigmoids of |x| and -|x|
		log, big, small := kt.Log1pDD(e), one.Div(one.Add(e)), e.Div(one.Add(e))
		up, down := log.Add(kt.Scaled{DD: kt.DD{Hi: max(-x, 0)}}),
			log.Add(kt.Scaled{DD: kt.DD{Hi: max(x, 0)}})
		if x < 0 {
			big, small = small, big
		}
		if small.DD = small.Neg(); losses != nil {
			if err := check("the loss", losses[i], up, down, 1); err != nil {
				return err
			}
		}
		if d != nil {
			if err := check("the gradient", d[i], small, big, float64(c.Scale)); err != nil {
				return err
			}
		}
	}
	return nil
}

// The bounds for rows follow from the recipes, for any row. An exponential is off by up to .75 eps.
// A sum is off by as much, and by half an eps for each of its up to six additions in T. That is 4.5
// eps in all, or nine ULP where the mantissa is near two. The result is rounded once more.
const (
	softmaxULP    = 9.5
	logSoftmaxULP = 11
	gradULP       = 11
	sumUnits      = 4.5 // |sum p - 1| in eps
)

// farSum bounds the part of a sum without the maximum that comes from elements far below it, which
// are clamped.
func farSum[T kernels.Float](cols int) float64 {
	return float64(cols) * pick[T](math.Exp(-105), math.Exp(-740))
}

// scaled returns row r of the logits (argument i) times the scale.
func (c *Call[T]) scaled(i, r int) []T {
	z, s := append([]T(nil), c.Row(i, r)...), c.LogitScale
	if s != 0 {
		for j := range z {
			z[j] *= s
		}
	}
	return z
}

// isNaN reports whether the results of a row of logits are NaN: the row has a NaN or +Inf, or
// nothing but -Inf.
func isNaN[T kernels.Float](z []T) bool {
	m := T(math.Inf(-1))
	for _, v := range z {
		m = max(m, v)
	}
	return !(math.Abs(float64(m)) <= math.MaxFloat64)
}

func wantNaN[T kernels.Float](x []T) error {
	for i, v := range x {
		if v == v {
			return fmt.Errorf("element %d is %v in a row that has to be NaN", i, v)
		}
	}
	return nil
}

// exception returns the additional error of a result that depends on exponentials within the
// exception under "Accuracy" in the documentation of package kernels.
func exception[T kernels.Float](z []T, v float64) float64 {
	m := float64(slices.Max(z))
	if v = math.Abs(v); kt.Is32[T]() || m < 1024 || m > 1490 || v > math.Exp(-500) {
		return 0
	}
	return 0x1p-44 * v
}

// checkForward compares a softmax, or its logarithm, with double-double.
func checkForward[T kernels.Float](log bool) checkOf[T] {
	return func(c, out *Call[T]) error {
		for r := range c.Rows {
			z, y := c.scaled(1, r), out.Row(0, r)
			if isNaN(z) {
				if err := wantNaN(y); err != nil {
					return err
				}
				continue
			}
			ref := kt.NewRowDD(z)
			var sum kt.DD
			for j, v := range y {
				sum = sum.Add(kt.DD{Hi: float64(v)})
				err, bound, want := 0.0, softmaxULP, kt.Scaled{}
				switch {
				case !log:
					want = ref.Prob(j)
					if err = kt.Err(v, want); !(v >= 0 && v <= 1) {
						err = math.Inf(1)
					}
				case math.IsInf(float64(z[j]), -1):
					if z[j] != v {
						err = math.Inf(1)
					}
				default:
					want = ref.NegLogProb(j)
					if bound = logSoftmaxULP; math.Abs(-float64(v)-want.Float64()) > farSum[T](c.Classes) {
						err = kt.Err(-v, want)
					}
				}
				d := math.Abs(math.Abs(float64(v)) - want.Float64())
				if !(err <= bound) && !(d <= exception(z, want.Float64())) {
					return fmt.Errorf("element %d is %v, %v ULP off, of %v", j, v, err, z)
				}
			}
			if d := math.Abs(sum.Hi-1+sum.Lo) / eps[T](); !log && d > sumUnits {
				return fmt.Errorf("the sum of probabilities is %v eps off 1, of %v", d, z)
			}
		}
		return nil
	}
}

// checkLogSumExp compares the logarithm of the sum of a row's exponentials with double-double.
func checkLogSumExp[T kernels.Float](c, out *Call[T]) error {
	for r, got := range out.T(0) {
		z := c.scaled(1, r)
		if isNaN(z) { // or infinite
			if want := slices.Max(z); !kt.Same(got, want) && !(got != got && want != want) {
				return fmt.Errorf("row %d is %v, want %v, of %v", r, got, want, z)
			}
			continue
		}
		ref := kt.NewRowDD(z)
		l := ref.NegLogProb(ref.Max).Float64()
		want := kt.DD{Hi: float64(z[ref.Max])}.Add(kt.DD{Hi: l})
		bound := kt.LogSumExpBound[T](len(z))*l*eps[T]()/2 + farSum[T](len(z)) + exception(z, l)
		off := math.Abs(want.Add(kt.DD{Hi: -float64(got)}).Hi) - halfULP[T](want.Hi)*(1+0x1p-20)
		if !(off <= bound) {
			return fmt.Errorf("row %d is %v, want %v, off by %v, of %v", r, got, want.Hi, off, z)
		}
	}
	return nil
}

// halfULP returns half of the distance between the numbers of T next to x.
func halfULP[T kernels.Float](x float64) float64 {
	if kt.Is32[T]() {
		return kt.ULP32(x) / 2
	}
	return kt.ULP64(x) / 2
}

// checkBackward compares the backward of a row with its formula in double-double. The error is
// relative to the magnitudes of the terms.
func checkBackward[T kernels.Float](log bool) checkOf[T] {
	return func(c, out *Call[T]) error {
		for _, r := range []int{0, c.Rows - 1} {
			if c.Classes > 200 || r < 0 || r >= c.Rows {
				continue
			}
			dy, y, dx := c.Row(1, r), c.Row(2, r), out.Row(0, r)
			ordinary, scale := true, 1.0
			if c.LogitScale != 0 {
				scale = float64(c.LogitScale)
			}
			var sum kt.DD
			// a subnormal product is off by as much, whatever the sum
			mag := float64(len(y)) * smallest[T]() / eps[T]()
			for j, v := range dy {
				ordinary = ordinary && math.Abs(float64(v)) < 1e7 && math.Abs(float64(y[j])) < 1e3
				term := kt.DD{Hi: float64(v)}
				if !log {
					term = term.MulF(float64(y[j]))
				}
				sum = sum.Add(term)
				mag += math.Abs(term.Hi)
			}
			for j, got := range dx {
				if !ordinary {
					continue
				}
				f := float64(y[j])
				size := (mag + math.Abs(float64(dy[j]))) * math.Abs(f)
				want := kt.DD{Hi: float64(dy[j])}.Add(sum.Neg()).MulF(f)
				// the exponential is rounded to T; it is subnormal if y is far below zero
				if log {
					e := kt.ExpDD(kt.DD{Hi: min(f, 0)}).Float64()
					want = kt.DD{Hi: float64(dy[j])}.Add(sum.MulF(-e))
					size = math.Abs(float64(dy[j])) + (e+smallest[T]()/eps[T]())*mag
				}
				if !(math.Abs(float64(got)-scale*want.Hi) <= 8*eps[T]()*scale*size+4*(1+scale)*smallest[T]()) {
					return fmt.Errorf("dx[%d] of row %d is %v, want %v; dy = %v, y = %v", j, r, got,
						scale*want.Hi, dy, y)
				}
			}
		}
		return nil
	}
}

func checkArgmax[T kernels.Float](c, out *Call[T]) error {
	for r, got := range kt.View[int](out.Ops[0]) {
		x, want := c.Row(1, r), 0
		for j, v := range x {
			if v > x[want] || v != v && x[want] == x[want] { // NaN is above everything
				want = j
			}
		}
		if got != want {
			return fmt.Errorf("row %d has %d, want %d, x = %v", r, got, want, x)
		}
	}
	return nil
}

// A lossRow is a row with its targets. Its loss is the sum of a[j]*(-log p[j]); its gradient is g
// times the gradient of the loss.
type lossRow[T kernels.Float] struct {
	z     []T // scaled logits
	a     []float64
	g     float64
	label int // the only class with a target, or -1
	// by how much the terms of a exceed it without their signs: of a negative target and smoothing
	cancelled float64
	loss      *T // nil if not computed; d likewise
	d         []T
}

// check compares the row with double-double. In a labelled row, the error of each entry is relative
// to the entry itself: loss and gradient keep their precision however confident the row is. In
// other rows it is relative to the terms that the entry is the difference of.
func (w *lossRow[T]) check() error {
	n, tiny, limit := float64(len(w.z)), smallest[T](), pick[T](1e37, 1e300)
	var all kt.DD
	for _, a := range w.a {
		all = all.Add(kt.DD{Hi: a})
	}
	nothing := !slices.ContainsFunc(w.a, func(a float64) bool { return a != 0 })
	switch {
	case nothing && w.g-w.g == 0: // for any logits, NaN included
		for _, v := range w.d {
			if v != 0 {
				return fmt.Errorf("gradient %v of a row without a target", v)
			}
		}
		if w.loss != nil && *w.loss != 0 {
			return fmt.Errorf("loss %v of a row without a target", *w.loss)
		}
		return nil
	case isNaN(w.z):
		// a class whose weight times target is 0 in T does not count
		if all.Hi < n*tiny {
			return nil
		}
		if w.loss != nil && *w.loss == *w.loss {
			return fmt.Errorf("loss %v of a row that has to be NaN; z = %v, targets %v",
				*w.loss, w.z, w.a)
		}
		return wantNaN(w.d)
	}
	ref := kt.NewRowDD(w.z)
	var loss, sum kt.DD // sum is of -log p where there is a target
	for j, a := range w.a {
		if !(a >= 0 && a < 1e6) || a != 0 && math.IsInf(float64(w.z[j]), -1) && w.label < 0 {
			return nil // only the bits of the generic code are checked
		}
		if a != 0 || j == w.label {
			nll := kt.DD{Hi: ref.NegLogProb(j).Float64()}
			loss, sum = loss.Add(nll.MulF(a)), sum.Add(nll)
		}
	}
	rel := pick[T](4e-6, 1e-12)
	if w.label >= 0 {
		rel = pick[T](7e-7, 1.5e-15)
	}
	if want := loss.Hi; w.loss != nil && sum.Hi < limit && want < limit {
		more := farSum[T](len(w.z)) * all.Hi
		if all.Hi > 0 {
			more += exception(w.z, want/all.Hi) * all.Hi
		}
		more += tiny*(n*(1+all.Hi)+sum.Hi) + rel*w.cancelled*sum.Hi
		if d := math.Abs(float64(*w.loss) - want); !(d <= rel*want+more) {
			return fmt.Errorf("loss %v, want %v; z = %v, targets %v", *w.loss, want, w.z, w.a)
		}
	}
	// the factor is rounded to T; if it is too large for T, it is infinite
	if w.d == nil || !(math.Abs(w.g)*max(all.Hi, 1) < limit) {
		return nil
	}
	// the gradient of such targets has little precision, as CrossEntropyOptions says
	lost := all.Hi < n*pick[T](0x1p-61, 0x1p-509)
	g := math.Abs(w.g)
	slack := (1+g)*(1+all.Hi)*n*tiny + farSum[T](len(w.z))*g*all.Hi
	for j, v := range w.d {
		var want kt.Scaled
		if w.label >= 0 {
			want = ref.Grad(j, w.label).Mul(kt.Scaled{DD: kt.DD{Hi: w.g}.MulF(all.Hi)})
			if kt.Err(v, want) <= gradULP {
				continue
			}
			slack = max(slack, slack+exception(w.z, ref.Grad(j, w.label).Float64())*g*all.Hi)
		} else {
			p := ref.Prob(j).Float64()
			want.DD = kt.DD{Hi: p}.MulF(all.Hi).Add(kt.DD{Hi: -w.a[j]}).MulF(w.g)
			slack = max(slack, slack+rel*g*(p*all.Hi+w.a[j]+w.cancelled))
		}
		if d := math.Abs(float64(v) - want.Float64()); !(d <= slack) && !lost {
			return fmt.Errorf("gradient %d is %v, want %v; z = %v, targets %v, times %v", j, v,
				want.Float64(), w.z, w.a, w.g)
		}
	}
	return nil
}

// checkLosses compares losses and gradients with the definition in CrossEntropyOptions.
func checkLosses[T kernels.Float](c, out *Call[T]) error {
	labels, targets, weights := c.Index("labels"), c.Index("targets"), c.Arg("Weights")
	weight := func(j int) float64 {
		if weights == nil {
			return 1
		}
		return float64(weights[j])
	}
	ignored := func(r int) bool {
		return labels >= 0 && c.IgnoreIndex != nil && c.label(labels, r) == *c.IgnoreIndex
	}
	divisor, mean := 0.0, c.Opts&Reducing != 0 && c.Reduction == kernels.ReductionMean
	for r := range c.Rows {
		switch {
		case !mean:
			divisor = 1
		case labels < 0:
			divisor++
		case !ignored(r):
			divisor += weight(c.label(labels, r))
		}
	}
	losses, sum, s := out.Arg("losses"), 0.0, float64(c.LabelSmoothing)
	for r := range c.Rows {
		w := lossRow[T]{z: c.scaled(c.Index("logits"), r), a: make([]float64, c.Classes),
			g: 1, label: -1}
		if losses != nil {
			w.loss = &losses[r]
			sum += float64(losses[r])
		}
		if c.Index("dlogits") >= 0 {
			w.d = out.Row(0, r)
		}
		if ignored(r) {
			if w.loss != nil {
				w.d = append(slices.Clone(w.d), *w.loss)
			}
			if i := slices.IndexFunc(w.d, func(v T) bool { return kt.RawBits(v) != 0 }); i >= 0 {
				return fmt.Errorf("row %d is ignored and has %v", r, w.d[i])
			}
			continue
		}
		if labels >= 0 {
			if w.a[c.label(labels, r)] = 1; s == 0 {
				w.label = c.label(labels, r)
			}
		}
		for j := range w.a {
			if targets >= 0 {
				w.a[j] = float64(c.Row(targets, r)[j])
			}
			smooth := func(t float64) float64 { return ((1-s)*t + s/float64(c.Classes)) * weight(j) }
			size := math.Abs(smooth(math.Abs(w.a[j])))
			w.a[j] = smooth(w.a[j])
			w.cancelled += size - math.Abs(w.a[j])
		}
		if c.Opts&Scale != 0 {
			w.g = float64(c.Scale)
		}
		if dloss := c.Arg("dloss"); dloss != nil {
			w.g = float64(dloss[min(r, len(dloss)-1)])
		}
		if w.g /= divisor; c.LogitScale != 0 {
			w.g *= float64(c.LogitScale)
		}
		if err := w.check(); err != nil {
			return fmt.Errorf("row %d: %w", r, err)
		}
	}
	if c.Reduction == kernels.ReductionNone {
		sum = 0
	}
	if c.Value && losses != nil && divisor != 0 && !kt.Same(out.Result, sum/divisor) {
		return fmt.Errorf("the result is %v, want %v", out.Result, sum/divisor)
	}
	return nil
}

// checkShards splits the rows of the logits into up to three shards, and compares losses and
// gradients with those of whole rows.
func checkShards[T kernels.Float](c, _ *Call[T]) error {
	logits, scale := c.Index("logits"), float64(c.Scale)
	for r := range c.Rows {
		w := lossRow[T]{z: append([]T(nil), c.Row(logits, r)...), a: make([]float64, c.Classes),
			g: scale, label: r % c.Classes, loss: new(T), d: make([]T, c.Classes)}
		w.a[w.label] = 1
		stats := []kernels.RowStats[T]{kernels.NoRowStats[T]()}
		shards := func(f func(lo, hi int, s kernels.Shard[T]) error) (err error) {
			n := (c.Classes + 2) / 3
			for lo := 0; lo < c.Classes && err == nil; lo += n {
				hi := min(lo+n, c.Classes)
				err = f(lo, hi, kernels.Shard[T]{Classes: hi - lo, Offset: lo})
			}
			return err
		}
		check(shards(func(lo, hi int, s kernels.Shard[T]) error {
			here := make([]kernels.RowStats[T], 1)
			defer func() { kernels.MergeRowStats(stats, here) }()
			return kernels.ShardStats(here, w.z[lo:hi], s)
		}))
		check(shards(func(lo, hi int, s kernels.Shard[T]) error {
			here := make([]T, 1)
			defer func() { *w.loss += here[0] }()
			return kernels.ShardCrossEntropyGrad(w.d[lo:hi], here, w.z[lo:hi], stats,
				[]int{w.label}, c.Scale, s)
		}))
		if err := w.check(); err != nil {
			return err
		}
	}
	return nil
}

// checkProduct holds a product to its chains of multiply-adds, by an FMA of its own.
func checkProduct[T kernels.Float](c, out *Call[T]) error {
	at := func(i, row, col int, transposed bool) T {
		if transposed {
			row, col = col, row
		}
		return c.T(i)[row*c.Pitch(i)+col]
	}
	bias, add := c.Arg("Bias"), c.Add && !c.None
	for i := range c.Rows {
		for j := range c.Classes {
			var s T
			if add {
				s = c.Row(0, i)[j]
			} else if bias != nil && !c.None {
				s = bias[j]
			}
			for p := range c.Inner {
				s = fma(at(1, i, p, c.Args[1].Len == LeftT), at(2, p, j, c.Args[2].Len == RightT), s)
			}
			if got := out.Row(0, i)[j]; !kt.Same(got, s) {
				return fmt.Errorf("element %d of row %d is %v, want %v", j, i, got, s)
			}
		}
	}
	return nil
}

func fma[T kernels.Float](x, y, z T) T {
	if kt.Is32[T]() {
		return T(kt.FMA32(float32(x), float32(y), float32(z)))
	}
	return T(math.FMA(float64(x), float64(y), float64(z)))
}

// checkColumnSums adds the rows one after the other.
func checkColumnSums[T kernels.Float](c, out *Call[T]) error {
	for j, got := range out.T(0) {
		var s T
		if c.Add && !c.None {
			s = c.T(0)[j]
		}
		for i := range c.Rows {
			s += c.Row(1, i)[j]
		}
		if !kt.Same(got, s) {
			return fmt.Errorf("column %d is %v, want %v", j, got, s)
		}
	}
	return nil
}
