package kernels

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// The accuracy tests run on the instruction set that was chosen at start: TestTable proves that all
// others give the same bits.

// sumEps returns the unit in which sums of probabilities are judged: 2^-23 or 2^-52.
func sumEps[T Float]() float64 {
	if is32[T]() {
		return 0x1p-23
	}
	return 0x1p-52
}

// accuracyPatterns are the rows for which the package promises its bounds.
var accuracyPatterns = []kt.Kind{kt.Normal, kt.Wide80, kt.Wide300, kt.Constant, kt.OneLarger,
	kt.OneHot, kt.Ties, kt.Ascending, kt.Descending}

func accuracyClasses() []int {
	c := []int{1, 2, 3, 4, 5, 7, 8, 10, 15, 16, 17, 26, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129,
		1000, 2049, 4096, 4097, 10000}
	if !testing.Short() {
		c = append(c, 32000, 50257, 128256)
	}
	return c
}

// TestSoftmaxAccuracy checks that every probability, and their sum, is within the bound for the
// number of classes, and that none is above one.
func TestSoftmaxAccuracy(t *testing.T) {
	t.Run("float32", testSoftmaxAccuracy[float32])
	t.Run("float64", testSoftmaxAccuracy[float64])
}

func testSoftmaxAccuracy[T Float](t *testing.T) {
	var ulps, sums worst
	for _, kind := range accuracyPatterns {
		for _, classes := range accuracyClasses() {
			for seed := range max(1, min(20, 1000/classes)) {
				x := make([]T, classes)
				kt.Fill(kt.NewRand(uint64(seed*1000+classes)), kind, x, classes)
				p := make([]T, classes)
				Softmax(p, x, classes)
				ref := kt.NewRowDD(x)
				var sum kt.DD
				for j, v := range p {
					want := ref.Prob(j)
					err, bound := kt.Err(v, want), kt.SoftmaxBound[T](classes)
					if want.Float64() < climbTiny[T]() {
						bound += 0.5
					}
					if err > bound || v > 1 {
						t.Fatalf("%d classes: x[%d] = %v has %v, %v ULP off, bound %v",
							classes, j, x[j], v, err, bound)
					}
					ulps.add(kind.String(), err, func() string {
						return fmt.Sprintf("%d classes, x[%d] = %v", classes, j, x[j])
					})
					sum = sum.Add(kt.DD{Hi: float64(v)})
				}
				off := math.Abs(sum.Hi-1+sum.Lo) / sumEps[T]()
				require.LessOrEqual(t, off, kt.SoftmaxSumBound[T](classes)/2, "%d classes", classes)
				sums.add(kind.String(), off, func() string { return fmt.Sprintf("%d classes", classes) })
			}
		}
	}
	for _, kind := range accuracyPatterns {
		u, s := ulps.max[kind.String()], sums.max[kind.String()]
		t.Logf("%-10v p: %.3f ULP (%s); |sum-1| = %.3f * %g (%s)",
			kind, u.err, u.at, s.err, sumEps[T](), s.at)
	}
}

// TestLogSoftmaxAccuracy checks that every entry is within the bound for the number of classes, in
// confident rows too.
func TestLogSoftmaxAccuracy(t *testing.T) {
	t.Run("float32", testLogSoftmaxAccuracy[float32])
	t.Run("float64", testLogSoftmaxAccuracy[float64])
}

func testLogSoftmaxAccuracy[T Float](t *testing.T) {
	var ulps worst
	for _, kind := range accuracyPatterns {
		for _, classes := range accuracyClasses() {
			if classes > 5000 {
				continue
			}
			for seed := range max(1, min(20, 1000/classes)) {
				x := make([]T, classes)
				kt.Fill(kt.NewRand(uint64(seed*1000+classes)), kind, x, classes)
				y := make([]T, classes)
				LogSoftmax(y, x, classes)
				ref := kt.NewRowDD(x)
				for j, v := range y {
					err := kt.Err(-v, ref.NegLogProb(j))
					if bound := kt.LogSoftmaxBound[T](classes); err > bound {
						t.Fatalf("%d classes: x[%d] = %v has %v, %v ULP off, bound %v",
							classes, j, x[j], v, err, bound)
					}
					ulps.add(kind.String(), err, func() string {
						return fmt.Sprintf("%d classes, x[%d] = %v", classes, j, x[j])
					})
				}
			}
		}
	}
	for _, kind := range accuracyPatterns {
		u := ulps.max[kind.String()]
		t.Logf("%-10v %.3f ULP (%s)", kind, u.err, u.at)
	}
}

// marginRow fills x with a row whose label is margin above the others, which
// lie within one of each other.
func marginRow[T Float](r *kt.Rand, x []T, label int, base, margin float64) {
	for j := range x {
		x[j] = T(base) - T(math.Abs(float64(kt.Uniform[float32](r, 1))))
	}
	if len(x) > 1 {
		x[(label+1)%len(x)] = T(base)
	}
	x[label] = T(base + margin)
}

// TestCrossEntropyMargins checks the relative errors of the loss and of the label's gradient in
// rows whose label leads by 0 to 80 (float64: 700), and in rows where it is as far behind.
func TestCrossEntropyMargins(t *testing.T) {
	t.Run("float32", testCrossEntropyMargins[float32])
	t.Run("float64", testCrossEntropyMargins[float64])
}

func testCrossEntropyMargins[T Float](t *testing.T) {
	margins := []float64{0, 1, 10, 20, 50, 80, -1, -10, -50, -80, -99, -101, -104, -106, -200, -1e4}
	if !is32[T]() {
		margins = append(margins, 200, 500, 700, -500, -690, -699, -701, -740, -749, -751, -760, -1e6)
	}
	var loss, grad, other worst
	sizes := []int{2, 3, 10, 16, 17, 32, 33, 100, 1000, 5000}
	if testing.Short() {
		sizes = []int{2, 10, 17, 33, 1000}
	}
	for _, classes := range sizes {
		for _, base := range []float64{0, -40, 7.3, 400, 1500} {
			for _, margin := range margins {
				for seed := range uint64(3) {
					r := kt.NewRand(seed)
					label := r.Intn(classes)
					x := make([]T, classes)
					marginRow(r, x, label, base, margin)
					got, alone, d := make([]T, 1), make([]T, 1), make([]T, classes)
					require.NoError(t, CrossEntropyGrad(d, got, x, []int{label}, classes, 1))
					require.NoError(t, CrossEntropy(alone, x, []int{label}, classes))
					require.True(t, kt.Same(got[0], alone[0]),
						"CrossEntropy and CrossEntropyGrad disagree: %v, %v", alone[0], got[0])
					ref := kt.NewRowDD(x)
					at := func() string {
						return fmt.Sprintf("%d classes, base %v, margin %v, seed %d: loss %v, gradient %v",
							classes, base, margin, seed, got[0], d[label])
					}
					key := fmt.Sprint(margin)
					l, g := relative(float64(got[0]), ref.NegLogProb(label)),
						relative(float64(d[label]), ref.Grad(label, label))
					require.LessOrEqual(t, l, roundoff[T]()*kt.CrossEntropyBound[T](classes), "%s", at())
					require.LessOrEqual(t, g, roundoff[T]()*kt.CrossEntropyGradBound[T](classes), "%s", at())
					loss.add(key, l, at)
					grad.add(key, g, at)
					for _, j := range []int{0, classes / 2, classes - 1} {
						if j != label {
							err := kt.Err(d[j], ref.Prob(j))
							require.LessOrEqual(t, err, kt.CrossEntropyGradBound[T](classes), "%s", at())
							other.add(key, err, at)
						}
					}
				}
			}
		}
	}
	for _, margin := range margins {
		key := fmt.Sprint(margin)
		l, g, o := loss.max[key], grad.max[key], other.max[key]
		t.Logf(
			"margin %6s: relative error of the loss %.2e, of the label's gradient %.2e; other entries %.2f ULP",
			key, l.err, g.err, o.err)
	}
}

// roundoff returns the unit of the bounds, half an ULP of one.
func roundoff[T Float]() float64 { return sumEps[T]() / 2 }

// relative returns |got-want| / |want|.
func relative(got float64, want kt.Scaled) float64 {
	b := kt.Big(want.Hi)
	b.Add(b, kt.Big(want.Lo))
	return kt.RelBig(got, b.SetMantExp(b, want.Exp))
}

// TestCrossEntropyFarClasses has one class that is 80 (700) behind the label, and very many that
// are so far behind that they must not change the result.
func TestCrossEntropyFarClasses(t *testing.T) {
	t.Run("float32", testCrossEntropyFarClasses[float32])
	t.Run("float64", testCrossEntropyFarClasses[float64])
}

func testCrossEntropyFarClasses[T Float](t *testing.T) {
	for _, classes := range []int{3, 10, 30, 1000, 128256} {
		x := make([]T, classes)
		for j := range x {
			x[j] = T(kt.Pick[T](-200, -2000))
		}
		x[1], x[2] = 0, T(kt.Pick[T](-80, -700))
		loss, d := make([]T, 1), make([]T, classes)
		require.NoError(t, CrossEntropyGrad(d, loss, x, []int{1}, classes, 1))
		want := kt.ExpDD(kt.DD{Hi: float64(x[2])}) // and so are log1p(R) and R/(1+R), to double precision
		require.LessOrEqual(t, relative(float64(loss[0]), want),
			roundoff[T]()*kt.CrossEntropyBound[T](classes), "loss, %d classes", classes)
		require.LessOrEqual(t, relative(-float64(d[1]), want),
			roundoff[T]()*kt.CrossEntropyGradBound[T](classes), "gradient, %d classes", classes)
	}
}

// TestCrossEntropyMarginsBig repeats some margins against math/big itself.
func TestCrossEntropyMarginsBig(t *testing.T) {
	t.Run("float32", testCrossEntropyMarginsBig[float32])
	t.Run("float64", testCrossEntropyMarginsBig[float64])
}

func testCrossEntropyMarginsBig[T Float](t *testing.T) {
	for _, margin := range []float64{0, 10, 20, 50, 80} {
		x := make([]T, 10)
		marginRow(kt.NewRand(1), x, 3, 1, margin)
		loss, d := make([]T, 1), make([]T, 10)
		require.NoError(t, CrossEntropyGrad(d, loss, x, []uint8{3}, 10, 1))
		ref := kt.NewRowBig(x)
		require.LessOrEqual(t, kt.RelBig(float64(loss[0]), ref.NegLogProb(3)),
			roundoff[T]()*kt.CrossEntropyBound[T](10))
		require.LessOrEqual(t, kt.RelBig(float64(d[3]), ref.Grad(3, 3)),
			roundoff[T]()*kt.CrossEntropyGradBound[T](10))
	}
}

// TestCrossEntropyPatterns checks losses and gradients of ordinary rows.
func TestCrossEntropyPatterns(t *testing.T) {
	t.Run("float32", testCrossEntropyPatterns[float32])
	t.Run("float64", testCrossEntropyPatterns[float64])
}

func testCrossEntropyPatterns[T Float](t *testing.T) {
	var loss, grad, other worst
	for _, kind := range accuracyPatterns {
		for _, classes := range accuracyClasses() {
			if classes > 5000 {
				continue
			}
			for seed := range max(1, min(20, 1000/classes)) {
				r := kt.NewRand(uint64(seed*1000 + classes))
				x := make([]T, classes)
				kt.Fill(r, kind, x, classes)
				label := r.Intn(classes)
				l, d := make([]T, 1), make([]T, classes)
				require.NoError(t, CrossEntropyGrad(d, l, x, []int64{int64(label)}, classes, 1))
				ref := kt.NewRowDD(x)
				at := func() string {
					return fmt.Sprintf("%d classes, label %d: loss %v", classes, label, l[0])
				}
				if classes == 1 {
					require.Zero(t, l[0])
					require.Zero(t, d[0])
					continue
				}
				// A loss or gradient below the smallest normal number is judged by its own spacing.
				tiny := kt.Pick[T](0x1p-126, 0x1p-1022)
				if want := ref.NegLogProb(label); want.Float64() >= tiny {
					err := relative(float64(l[0]), want)
					require.LessOrEqual(t, err, roundoff[T]()*kt.CrossEntropyBound[T](classes), "%s", at())
					loss.add(kind.String(), err, at)
				}
				bound := kt.CrossEntropyGradBound[T](classes)
				for j, v := range d {
					want := ref.Grad(j, label)
					if j == label && math.Abs(want.Float64()) >= tiny {
						err := relative(float64(v), want)
						require.LessOrEqual(t, err, roundoff[T]()*bound, "%s", at())
						grad.add(kind.String(), err, at)
					} else {
						err := kt.Err(v, want)
						if err > bound {
							t.Fatalf("%s: entry %d is %v ULP off, bound %v", at(), j, err, bound)
						}
						other.add(kind.String(), err, at)
					}
				}
			}
		}
	}
	for _, kind := range accuracyPatterns {
		l, g, o := loss.max[kind.String()], grad.max[kind.String()], other.max[kind.String()]
		t.Logf(
			"%-10v relative error of the loss %.2e, of the label's gradient %.2e; other entries %.2f ULP",
			kind, l.err, g.err, o.err)
	}
}

// TestCrossEntropyProbAccuracy checks losses and gradients with probability targets. Gradients are
// judged by p*sum(t) + t, because p*sum(t) - t cancels, and those of one-hot rows like those of
// labels.
func TestCrossEntropyProbAccuracy(t *testing.T) {
	t.Run("float32", testCrossEntropyProbAccuracy[float32])
	t.Run("float64", testCrossEntropyProbAccuracy[float64])
}

func testCrossEntropyProbAccuracy[T Float](t *testing.T) {
	var loss, grad, hot worst
	for _, kind := range accuracyPatterns {
		for _, classes := range []int{2, 3, 10, 16, 17, 32, 33, 100, 1000} {
			if testing.Short() && classes > 33 { // math/big is slow
				continue
			}
			for seed := range max(1, min(pickLong(10, 3), 300/classes)) {
				r := kt.NewRand(uint64(seed*1000 + classes))
				x, target := make([]T, classes), make([]T, classes)
				kt.Fill(r, kind, x, classes)
				kt.FillProb(r, target, classes)
				l, d := make([]T, 1), make([]T, classes)
				require.NoError(t, CrossEntropyProbGrad(d, l, x, target, classes, 1))
				ref := kt.NewRowBig(x)
				at := func() string {
					return fmt.Sprintf("%v, %d classes, seed %d, loss %v, targets %.4v",
						kind, classes, seed, l[0], target[:min(classes, 10)])
				}
				within := func(w *worst, err, bound float64) {
					if err > bound {
						t.Fatalf("%s: %g off, bound %g", at(), err, bound)
					}
					w.add(kind.String(), err, at)
				}
				tiny := kt.Pick[T](0x1p-120, 0x1p-1000)
				if want, _ := kt.ProbLossBig(ref, target).Float64(); math.Abs(want) > tiny {
					within(&loss, kt.RelBig(float64(l[0]), kt.ProbLossBig(ref, target)),
						roundoff[T]()*kt.CrossEntropyProbBound[T](classes))
				}
				targetSum, top := kt.Big(0), maxOf(x)
				for _, v := range target {
					targetSum.Add(targetSum, kt.Big(float64(v)))
				}
				for j, v := range d {
					want := kt.ProbGradBig(ref, target, j)
					p, a := ref.Prob(j), targetSum
					size := kt.Big(float64(target[j])) // p*A + t
					if x[j] == top {                   // p*(A-t) + (1-p)*t
						size.Mul(size, new(big.Float).Neg(ref.Grad(j, j)))
						a = new(big.Float).Sub(targetSum, kt.Big(float64(target[j])))
						top = T(math.Inf(1)) // only at the first
					}
					size.Add(size, p.Mul(p, a))
					if f, _ := size.Float64(); f < tiny {
						continue
					}
					e := kt.Big(float64(v))
					rel, _ := e.Quo(e.Sub(e, want), size).Float64()
					within(&grad, math.Abs(rel), roundoff[T]()*kt.CrossEntropyProbGradBound[T](classes))
				}
				// One-hot: the label's gradient and loss keep their precision.
				label := r.Intn(classes)
				clear(target)
				target[label] = 1
				require.NoError(t, CrossEntropyProbGrad(d, l, x, target, classes, 1))
				want := ref.Grad(label, label)
				if f, _ := want.Float64(); math.Abs(f) > tiny && x[label] >= maxOf(x) {
					within(&hot, kt.RelBig(float64(d[label]), want),
						roundoff[T]()*kt.CrossEntropyProbGradBound[T](classes))
				}
				if f, _ := ref.NegLogProb(label).Float64(); f > tiny {
					within(&hot, kt.RelBig(float64(l[0]), ref.NegLogProb(label)),
						roundoff[T]()*kt.CrossEntropyProbBound[T](classes))
				}
			}
		}
	}
	for _, kind := range accuracyPatterns {
		l, g, h := loss.max[kind.String()], grad.max[kind.String()], hot.max[kind.String()]
		t.Logf(
			"%-10v relative error of the loss %.2e, of the gradient to what is subtracted %.2e, of one-hot rows %.2e",
			kind, l.err, g.err, h.err)
	}
}

func maxOf[T Float](x []T) T {
	m := x[0]
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// TestBackwardAccuracy checks that the backwards of rows are within a few roundings of the exact
// value, relative to the magnitudes that are added.
func TestBackwardAccuracy(t *testing.T) {
	t.Run("float32", testBackwardAccuracy[float32])
	t.Run("float64", testBackwardAccuracy[float64])
}

func testBackwardAccuracy[T Float](t *testing.T) {
	eps := roundoff[T]()
	var soft, log worst
	for _, classes := range []int{1, 2, 10, 16, 17, 32, 33, 100, 1000, 5000} {
		for seed := range uint64(5) {
			r := kt.NewRand(seed)
			x, y, dy, dx := make([]T, classes), make([]T, classes), make([]T, classes), make([]T, classes)
			kt.Fill(r, kt.Normal, x, classes)
			kt.Fill(r, kt.Normal, dy, classes)
			Softmax(y, x, classes)
			SoftmaxBackward(dx, dy, y, classes)
			s, mag := kt.DD{}, 0.0
			for j := range y {
				s = s.Add(kt.DD{Hi: float64(dy[j])}.MulF(float64(y[j])))
				mag += math.Abs(float64(dy[j]) * float64(y[j]))
			}
			for j, v := range dx {
				want := kt.DD{Hi: float64(dy[j])}.Add(s.Neg()).MulF(float64(y[j]))
				unit := eps * float64(y[j]) * (math.Abs(float64(dy[j])) + mag)
				err := math.Abs(float64(v)-want.Hi) / unit
				if bound := kt.SoftmaxBackwardBound[T](classes); err > bound {
					t.Fatalf("SoftmaxBackward, %d classes, element %d: %v roundings, bound %v",
						classes, j, err, bound)
				}
				soft.add("", err, func() string { return fmt.Sprintf("%d classes", classes) })
			}

			LogSoftmax(y, x, classes)
			LogSoftmaxBackward(dx, dy, y, classes)
			s, mag = kt.DD{}, 0
			for j := range dy {
				s = s.Add(kt.DD{Hi: float64(dy[j])})
				mag += math.Abs(float64(dy[j]))
			}
			for j, v := range dx {
				e := kt.ExpDD(kt.DD{Hi: float64(y[j])}).Float64()
				want := float64(dy[j]) - e*s.Hi
				if !is32[T]() {
					want = kt.DD{Hi: float64(dy[j])}.Add(s.MulF(-e)).Hi // e is good to half an ULP
				}
				unit := eps * (math.Abs(float64(dy[j])) + e*mag)
				err := math.Abs(float64(v)-want) / unit
				if bound := kt.LogSoftmaxBackwardBound[T](classes); err > bound {
					t.Fatalf("LogSoftmaxBackward, %d classes, element %d: %v roundings, bound %v",
						classes, j, err, bound)
				}
				log.add("", err, func() string { return fmt.Sprintf("%d classes", classes) })
			}
		}
	}
	t.Logf("SoftmaxBackward: %.2f roundings (%s); LogSoftmaxBackward: %.2f (%s)",
		soft.max[""].err, soft.max[""].at, log.max[""].err, log.max[""].at)
}

// TestStartedISA logs which instruction set the accuracy tests measure.
func TestStartedISA(t *testing.T) {
	t.Logf("accuracy is measured on %s; available: %v", isa.Name(), isa.Available())
	require.Equal(t, isa.Name(), ISA())
	kt.Require(t)
}

// pickLong returns long, or short with -short.
func pickLong(long, short int) int {
	if testing.Short() {
		return short
	}
	return long
}
