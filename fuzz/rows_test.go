package fuzz

import (
	"math"
	"testing"

	"kernels"
	kt "kernels/internal/ktest"
)

// The bounds here are those that follow from the recipes for any row, which is
// what a fuzzer finds: an exponential is off by up to .75 eps, a sum by the
// same and by half an eps for each of its up to six additions in T, which is
// 4.5 eps in all or nine ULP where the mantissa is near two, and the result is
// rounded once more. The tests in the root package hold ordinary rows to the
// tighter bounds that the package promises for them.
const (
	softmaxULP    = 9.5
	logSoftmaxULP = 11
	gradULP       = 11
	sumUnits      = 4.5 // |sum p - 1| in eps
)

// farSum bounds what the elements that are clamped far below the maximum add
// to a sum that leaves the maximum out.
func farSum[T kernels.Float](cols int) float64 {
	return float64(cols) * pick[T](math.Exp(-105), math.Exp(-740))
}

func softmax[T kernels.Float]() spec[T] {
	return spec[T]{rows: true, ins: 1, alias: []int{0},
		run: func(c *call[T]) error { kernels.Softmax(c.out, c.in[0], c.cols); return nil },
		check: func(t *testing.T, c *call[T]) {
			for r := range c.rows {
				x, p := row(c.in[0], r, c.cols), row(c.out, r, c.cols)
				if kindOf(x) == allNaN {
					wantNaN(t, "Softmax", p)
					continue
				}
				ref := kt.NewRowDD(x)
				var sum kt.DD
				for j, v := range p {
					if err := kt.Err(v, ref.Prob(j)); err > softmaxULP || !(v >= 0 && v <= 1) {
						t.Fatalf("%s: p[%d] = %v, %v ULP off, x = %v", kt.TypeName[T](), j, v, err, x)
					}
					sum = sum.Add(kt.DD{Hi: float64(v)})
				}
				if d := math.Abs(sum.Hi-1+sum.Lo) / eps[T](); d > sumUnits {
					t.Fatalf("%s: sum p - 1 = %v eps, x = %v", kt.TypeName[T](), d, x)
				}
			}
		}}
}

func FuzzSoftmax(f *testing.F) { fuzzBoth(f, softmax[float32](), softmax[float64]()) }

func logSoftmax[T kernels.Float]() spec[T] {
	return spec[T]{rows: true, ins: 1, alias: []int{0},
		run: func(c *call[T]) error { kernels.LogSoftmax(c.out, c.in[0], c.cols); return nil },
		check: func(t *testing.T, c *call[T]) {
			for r := range c.rows {
				x, y := row(c.in[0], r, c.cols), row(c.out, r, c.cols)
				if kindOf(x) == allNaN {
					wantNaN(t, "LogSoftmax", y)
					continue
				}
				ref := kt.NewRowDD(x)
				slack := farSum[T](c.cols)
				for j, v := range y {
					if math.IsInf(float64(x[j]), -1) {
						if !math.IsInf(float64(v), -1) {
							t.Fatalf("log p of -Inf is %v", v)
						}
						continue
					}
					want := ref.NegLogProb(j)
					if err := kt.Err(-v, want); err > logSoftmaxULP && math.Abs(-float64(v)-want.Float64()) > slack {
						t.Fatalf("%s: log p[%d] = %v, %v ULP off, x = %v", kt.TypeName[T](), j, v, err, x)
					}
				}
			}
		}}
}

func FuzzLogSoftmax(f *testing.F) { fuzzBoth(f, logSoftmax[float32](), logSoftmax[float64]()) }

// backwardPrep makes y the result of the forward for every second case, and
// leaves raw values in the others.
func backwardPrep[T kernels.Float](forward func(dst, x []T, classes int)) func(c *call[T], data []byte) {
	return func(c *call[T], data []byte) {
		if at(data, 1)&1 == 0 {
			x := tame(c.in[1], 30)
			forward(c.in[1], x, c.cols)
			c.in[0] = tame(c.in[0], 1e6)
		}
	}
}

// backwardCheck compares a row backward with its formula in double-double,
// relative to the magnitudes that meet in it.
func backwardCheck[T kernels.Float](name string, exact func(dy, y []T, j int) (want, mag float64)) func(t *testing.T, c *call[T]) {
	return func(t *testing.T, c *call[T]) {
		if c.cols > 200 || c.rows == 0 {
			return
		}
		for _, r := range []int{0, c.rows - 1} {
			dy, y, dx := row(c.in[0], r, c.cols), row(c.in[1], r, c.cols), row(c.out, r, c.cols)
			ordinary := true
			for j := range y {
				ordinary = ordinary && math.Abs(float64(dy[j])) < 1e7 && math.Abs(float64(y[j])) < 1e3
			}
			for j := range dx {
				want, mag := 0.0, 0.0
				if ordinary {
					want, mag = exact(dy, y, j)
				}
				if ordinary && !(math.Abs(float64(dx[j])-want) <= 8*eps[T]()*mag+4*smallest[T]()) {
					t.Fatalf("%s %s: dx[%d] = %v, want %v; dy = %v, y = %v", name, kt.TypeName[T](), j, dx[j], want, dy, y)
				}
			}
		}
	}
}

func softmaxBackward[T kernels.Float]() spec[T] {
	exact := func(dy, y []T, j int) (float64, float64) {
		var s kt.DD
		mag := 0.0
		for i, v := range y {
			s = s.Add(kt.DD{Hi: float64(dy[i])}.MulF(float64(v)))
			mag += math.Abs(float64(dy[i]) * float64(v))
		}
		want := kt.DD{Hi: float64(dy[j])}.Add(s.Neg()).MulF(float64(y[j]))
		// A product that is subnormal is off by as much, whatever the sum.
		mag += float64(len(y)) * smallest[T]() / eps[T]()
		return want.Hi, (mag + math.Abs(float64(dy[j]))) * math.Abs(float64(y[j]))
	}
	check := backwardCheck("SoftmaxBackward", exact)
	return spec[T]{rows: true, ins: 2, alias: []int{0, 1}, prep: backwardPrep(kernels.Softmax[T]),
		run: func(c *call[T]) error { kernels.SoftmaxBackward(c.out, c.in[0], c.in[1], c.cols); return nil },
		check: func(t *testing.T, c *call[T]) {
			check(t, c)
			rowGradient(t, "Softmax", c, kernels.Softmax[T], kernels.SoftmaxBackward[T], refSoftmax)
		}}
}

func FuzzSoftmaxBackward(f *testing.F) {
	fuzzBoth(f, softmaxBackward[float32](), softmaxBackward[float64]())
}

func logSoftmaxBackward[T kernels.Float]() spec[T] {
	exact := func(dy, y []T, j int) (float64, float64) {
		var s kt.DD
		mag := 0.0
		for _, v := range dy {
			s = s.Add(kt.DD{Hi: float64(v)})
			mag += math.Abs(float64(v))
		}
		e := kt.ExpDD(kt.DD{Hi: min(float64(y[j]), 0)}).Float64()
		want := kt.DD{Hi: float64(dy[j])}.Add(s.MulF(-e))
		// The exponential is rounded to T, which is a subnormal where y is far below zero.
		return want.Hi, math.Abs(float64(dy[j])) + (e+smallest[T]()/eps[T]())*mag
	}
	check := backwardCheck("LogSoftmaxBackward", exact)
	return spec[T]{rows: true, ins: 2, alias: []int{0, 1}, prep: backwardPrep(kernels.LogSoftmax[T]),
		run: func(c *call[T]) error { kernels.LogSoftmaxBackward(c.out, c.in[0], c.in[1], c.cols); return nil },
		check: func(t *testing.T, c *call[T]) {
			check(t, c)
			rowGradient(t, "LogSoftmax", c, kernels.LogSoftmax[T], kernels.LogSoftmaxBackward[T], refLogSoftmax)
		}}
}

func FuzzLogSoftmaxBackward(f *testing.F) {
	fuzzBoth(f, logSoftmaxBackward[float32](), logSoftmaxBackward[float64]())
}

// rowGradient checks forward and backward of one tame row against differences.
func rowGradient[T kernels.Float](t *testing.T, name string, c *call[T], forward func(dst, x []T, classes int),
	backward func(dx, dy, y []T, classes int), ref func(x []float64) []float64) {
	t.Helper()
	if c.rows == 0 || c.cols > 60 {
		return
	}
	x, dy := tame(row(c.in[0], 0, c.cols), 6), tame(row(c.in[1], 0, c.cols), 1)
	y, dx := make([]T, c.cols), make([]T, c.cols)
	forward(y, x, c.cols)
	backward(dx, dy, y, c.cols)
	dy64 := to64(dy)
	checkGrad(t, name, dx, x, func(x []float64) float64 { return dot(ref(x), dy64) })
}

// lossError returns the relative bound for losses of any row.
func lossError[T kernels.Float]() float64 { return pick[T](7e-7, 1.4e-15) }

func checkLoss[T kernels.Float](t *testing.T, ref *kt.RowDD, x []T, label int, loss T) {
	t.Helper()
	if math.IsInf(float64(x[label]), -1) {
		if !math.IsInf(float64(loss), 1) {
			t.Fatalf("loss of a label at -Inf is %v", loss)
		}
		return
	}
	want := ref.NegLogProb(label)
	w := want.Float64()
	limit := math.MaxFloat32
	if !kt.Is32[T]() {
		limit = math.MaxFloat64
	}
	if w > limit*(1-eps[T]()) {
		return // overflows, or nearly
	}
	if d := math.Abs(float64(loss) - w); !(d <= lossError[T]()*w+farSum[T](len(x))+smallest[T]()) {
		t.Fatalf("%s: loss %v, want %v (relative %v), label %d, x = %v", kt.TypeName[T](), loss, w, d/w, label, x)
	}
}

func crossEntropy[T kernels.Float]() spec[T] {
	return spec[T]{rows: true, ins: 1, noOut: true, loss: true, labels: true,
		run: func(c *call[T]) error { return kernels.CrossEntropy(c.loss, c.in[0], c.labels, c.cols) },
		check: func(t *testing.T, c *call[T]) {
			for r := range c.rows {
				x := row(c.in[0], r, c.cols)
				if kindOf(x) == allNaN {
					wantNaN(t, "CrossEntropy", c.loss[r:r+1])
					continue
				}
				checkLoss(t, kt.NewRowDD(x), x, c.labels[r], c.loss[r])
			}
		}}
}

func FuzzCrossEntropy(f *testing.F) { fuzzBoth(f, crossEntropy[float32](), crossEntropy[float64]()) }

// gradSlack is what a gradient may be off besides its ULP: with a scale that
// is multiplied afterwards, a subnormal probability is what is multiplied.
func gradSlack[T kernels.Float](scale T, cols int) float64 {
	s := math.Abs(float64(scale))
	slack := smallest[T]() + farSum[T](cols)*s
	if !(s >= 0x1p-30 && s <= 1) {
		slack += s * smallest[T]()
	}
	return slack
}

func crossEntropyGrad[T kernels.Float]() spec[T] {
	return spec[T]{rows: true, ins: 1, alias: []int{0}, loss: true, labels: true,
		run: func(c *call[T]) error {
			return kernels.CrossEntropyGrad(c.out, c.loss, c.in[0], c.labels, c.cols, c.scale)
		},
		check: func(t *testing.T, c *call[T]) {
			for r := range c.rows {
				x, d := row(c.in[0], r, c.cols), row(c.out, r, c.cols)
				if kindOf(x) == allNaN {
					wantNaN(t, "CrossEntropyGrad", d)
					wantNaN(t, "CrossEntropyGrad", c.loss[r:r+1])
					continue
				}
				ref := kt.NewRowDD(x)
				checkLoss(t, ref, x, c.labels[r], c.loss[r])
				scale := kt.Scaled{DD: kt.DD{Hi: float64(c.scale)}}
				for j, v := range d {
					want := ref.Grad(j, c.labels[r]).Mul(scale)
					if err := kt.Err(v, want); err > gradULP && math.Abs(float64(v)-want.Float64()) > gradSlack(c.scale, c.cols) {
						t.Fatalf("%s: dlogits[%d] = %v, want %v (%v ULP), label %d, scale %v, x = %v",
							kt.TypeName[T](), j, v, want.Float64(), err, c.labels[r], c.scale, x)
					}
				}
			}
			if c.rows > 0 && c.cols <= 60 {
				x, label := tame(row(c.in[0], 0, c.cols), 6), c.labels[0]
				dx := make([]T, c.cols)
				must(t, kernels.CrossEntropyGrad(dx, nil, x, []int{label}, c.cols, 0.5))
				checkGrad(t, "CrossEntropy", dx, x, func(x []float64) float64 { return -0.5 * refLogSoftmax(x)[label] })
			}
		}}
}

func FuzzCrossEntropyGrad(f *testing.F) {
	fuzzBoth(f, crossEntropyGrad[float32](), crossEntropyGrad[float64]())
}

// targetsPrep makes proper targets of the second input for most cases: one-hot
// rows, or rows that sum to one.
func targetsPrep[T kernels.Float](c *call[T], data []byte) {
	switch at(data, 2) % 4 {
	case 0: // raw values
	case 1:
		clear(c.in[1])
		for r := range c.rows {
			c.in[1][r*c.cols+int(at(data, r))%c.cols] = 1
		}
	default:
		if c.rows > 0 {
			kt.FillProb(kt.NewRand(uint64(at(data, 3))), c.in[1], c.cols)
		}
	}
}

func checkProb[T kernels.Float](t *testing.T, c *call[T]) {
	for r := range c.rows {
		x, target := row(c.in[0], r, c.cols), row(c.in[1], r, c.cols)
		if kindOf(x) == allNaN || !finiteTargets(x, target) {
			continue // held to the generic bits only
		}
		ref := kt.NewRowDD(x)
		var loss, targets total
		var mag float64
		for j, v := range target {
			targets.add(float64(v))
			if v != 0 {
				l := float64(v) * ref.NegLogProb(j).Float64()
				loss.add(l)
				mag += math.Abs(l)
			}
		}
		want, sum := loss.sum(), targets.sum()
		if mag > pick[T](1e37, 1e300) {
			continue
		}
		n := float64(c.cols)
		if got := float64(c.loss[r]); !(math.Abs(got-want) <= pick[T](1e-6, 1e-14)*mag+farSum[T](c.cols)*sum+n*smallest[T]()) {
			t.Fatalf("%s: loss %v, want %v (of %v), x = %v, targets %v", kt.TypeName[T](), got, want, mag, x, target)
		}
		if c.out == nil {
			continue
		}
		s := math.Abs(float64(c.scale))
		for j, v := range row(c.out, r, c.cols) {
			p := ref.Prob(j).Float64()
			grad := (p*sum - float64(target[j])) * float64(c.scale)
			tol := pick[T](1e-6, 1e-14)*s*(p*sum+float64(target[j])) + (1+s)*(1+sum)*n*smallest[T]()
			if sum < n*pick[T](0x1p-61, 0x1p-509) {
				tol += s * p * sum // what CrossEntropyProbGrad says of tiny targets
			}
			if math.Abs(grad) < pick[T](1e37, 1e300) && !(math.Abs(float64(v)-grad) <= tol) {
				t.Fatalf("%s: dlogits[%d] = %v, want %v, scale %v, x = %v, targets %v", kt.TypeName[T](), j, v, grad, c.scale, x, target)
			}
		}
	}
	if c.out != nil && c.rows > 0 && c.cols <= 60 {
		x, target := tame(row(c.in[0], 0, c.cols), 6), tame(row(c.in[1], 0, c.cols), 1)
		dx := make([]T, c.cols)
		must(t, kernels.CrossEntropyProbGrad(dx, nil, x, target, c.cols, 0.5))
		t64 := to64(target)
		checkGrad(t, "CrossEntropyProb", dx, x, func(x []float64) float64 { return -0.5 * dot(refLogSoftmax(x), t64) })
	}
}

// finiteTargets: no negative, huge or non-finite target, and none but 0 on a -Inf.
func finiteTargets[T kernels.Float](x, target []T) bool {
	for j, v := range target {
		if !(v >= 0 && float64(v) < 1e6) || v != 0 && math.IsInf(float64(x[j]), -1) {
			return false
		}
	}
	return true
}

func crossEntropyProb[T kernels.Float]() spec[T] {
	return spec[T]{rows: true, ins: 2, noOut: true, loss: true, prep: targetsPrep[T],
		run:   func(c *call[T]) error { return kernels.CrossEntropyProb(c.loss, c.in[0], c.in[1], c.cols) },
		check: checkProb[T]}
}

func FuzzCrossEntropyProb(f *testing.F) {
	fuzzBoth(f, crossEntropyProb[float32](), crossEntropyProb[float64]())
}

func crossEntropyProbGrad[T kernels.Float]() spec[T] {
	return spec[T]{rows: true, ins: 2, alias: []int{0}, loss: true, prep: targetsPrep[T],
		run: func(c *call[T]) error {
			return kernels.CrossEntropyProbGrad(c.out, c.loss, c.in[0], c.in[1], c.cols, c.scale)
		},
		check: checkProb[T]}
}

func FuzzCrossEntropyProbGrad(f *testing.F) {
	fuzzBoth(f, crossEntropyProbGrad[float32](), crossEntropyProbGrad[float64]())
}

func argmax[T kernels.Float]() spec[T] {
	return spec[T]{rows: true, ins: 1, noOut: true, index: true,
		run: func(c *call[T]) error { kernels.Argmax(c.labels, c.in[0], c.cols); return nil },
		check: func(t *testing.T, c *call[T]) {
			for r, got := range c.labels {
				x, want := row(c.in[0], r, c.cols), 0
				for j, v := range x {
					if v != v { // above everything
						want = j
						break
					}
					if v > x[want] {
						want = j
					}
				}
				if got != want {
					t.Fatalf("%s: Argmax is %d, want %d, x = %v", kt.TypeName[T](), got, want, x)
				}
			}
		}}
}

func FuzzArgmax(f *testing.F) { fuzzBoth(f, argmax[float32](), argmax[float64]()) }
