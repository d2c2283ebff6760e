package kernels

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// bigTargets returns the exact coefficients a of a row, whose loss is the sum of a[j]*(-log p[j]).
func bigTargets[T Float](opts *CrossEntropyOptions[T], classes, label int, probs []T) []*big.Float {
	num := func() *big.Float { return new(big.Float).SetPrec(kt.Prec) }
	eps := num().SetFloat64(float64(opts.LabelSmoothing))
	keep := num().Sub(kt.Big(1), eps)
	each := num().Quo(eps, kt.Big(float64(classes)))
	a := make([]*big.Float, classes)
	for j := range a {
		a[j] = num()
		if probs != nil {
			a[j].Mul(keep, kt.Big(float64(probs[j])))
		} else if j == label {
			a[j].Set(keep)
		}
		a[j].Add(a[j], each)
		if opts.Weights != nil {
			a[j].Mul(a[j], kt.Big(float64(opts.Weights[j])))
		}
	}
	return a
}

// bigLoss returns the loss of a row and its gradient, without cancellation.
func bigLoss[T Float](x []T, a []*big.Float) (loss *big.Float, grad []*big.Float) {
	num := func() *big.Float { return new(big.Float).SetPrec(kt.Prec) }
	row := kt.NewRowBig(x)
	loss, all := num(), num()
	for j, v := range a {
		all.Add(all, v)
		if v.Sign() != 0 {
			loss.Add(loss, num().Mul(v, row.NegLogProb(j)))
		}
	}
	grad = make([]*big.Float, len(a))
	for j, v := range a { // all*p - a; of 240 bits, enough are left where the difference is e^-700
		others := num()
		for i, w := range a {
			if i != j {
				others.Add(others, w)
			}
		}
		rest := num().Neg(row.Grad(j, j)) // 1-p
		grad[j] = num().Sub(others.Mul(others, row.Prob(j)), rest.Mul(rest, v))
	}
	return loss, grad
}

// TestOptionsConfidentRows compares losses and gradients of confident rows with math/big, with
// every option.
func TestOptionsConfidentRows(t *testing.T) {
	t.Run("float32", testOptionsConfidentRows[float32])
	t.Run("float64", testOptionsConfidentRows[float64])
}

func testOptionsConfidentRows[T Float](t *testing.T) {
	bound := kt.Pick[T](4e-7, 1e-14)
	margins := []float64{20, 37, 50, 80, -20, -80}
	if !is32[T]() {
		margins = append(margins, 200, 700, -700)
	}
	sizes := []int{2, 10, 17, 33, 130}
	if testing.Short() {
		sizes = []int{2, 10, 33}
	}
	var losses, each, largest worst
	for _, classes := range sizes {
		for _, margin := range margins {
			for _, smoothing := range []T{0, 0.1, 1} {
				for option := range 4 {
					r := kt.NewRand(uint64(classes*100) + uint64(margin+1000))
					label := r.Intn(classes)
					x, probs, weights := make([]T, classes), make([]T, classes), make([]T, classes)
					marginRow(r, x, label, 1, margin)
					for j := range weights {
						weights[j] = T(0.25 + float64(r.Intn(64))/16)
					}
					opts := &CrossEntropyOptions[T]{LabelSmoothing: smoothing, Reduction: ReductionSum}
					if option&1 != 0 {
						opts.Weights = weights
					}
					index := option&2 == 0
					if !index {
						kt.FillProb(r, probs, classes)
					}
					dloss := T(0.75)
					ways := lossWays(t, x, []int{label}, probs, classes, []T{dloss}, opts, index)
					target := probs
					if index {
						target = nil
					}
					wantLoss, wantGrad := bigLoss(x, bigTargets(opts, classes, label, target))
					top := 0.0
					for j, v := range wantGrad {
						wantGrad[j] = v.Mul(v, kt.Big(float64(dloss)))
						f, _ := v.Float64()
						top = math.Max(top, math.Abs(f))
					}
					for name, way := range ways {
						at := func() string {
							return fmt.Sprintf(
								"%s: %d classes, margin %v, smoothing %v, weights %v, index %v, loss %v",
								name, classes, margin, smoothing, option&1 != 0, index, way.losses[0])
						}
						losses.add("", kt.RelBig(float64(way.losses[0]), wantLoss), at)
						for j, v := range way.grad {
							if index && smoothing == 0 {
								each.add("", kt.RelBig(float64(v), wantGrad[j]), at)
								continue
							}
							diff := new(big.Float).SetPrec(kt.Prec).Sub(kt.Big(float64(v)), wantGrad[j])
							d, _ := diff.Float64()
							largest.add("", math.Abs(d)/top, at)
						}
					}
				}
			}
		}
	}
	l, e, g := losses.max[""], each.max[""], largest.max[""]
	t.Logf("losses %.2e (%s)", l.err, l.at)
	t.Logf("gradients by label, each %.2e (%s)", e.err, e.at)
	t.Logf("gradients with smoothing or probabilities, of the largest %.2e (%s)", g.err, g.at)
	require.LessOrEqual(t, l.err, bound, l.at)
	require.LessOrEqual(t, e.err, bound, e.at)
	require.LessOrEqual(t, g.err, bound, g.at)
}

// optionCases returns options of every kind, alone and together. They are for labels of at most 2.
func optionCases[T Float](classes int) map[string]*CrossEntropyOptions[T] {
	weights := make([]T, classes)
	for j := range weights {
		weights[j] = T((j+1)%4) / 2
	}
	return map[string]*CrossEntropyOptions[T]{
		"none":      {},
		"weights":   {Weights: weights},
		"ignore":    {IgnoreIndex: kt.Ptr(1)},
		"ignore 0":  {IgnoreIndex: kt.Ptr(0), Weights: weights},
		"smoothing": {LabelSmoothing: 0.25},
		"sum":       {Reduction: ReductionSum},
		"rows":      {Reduction: ReductionNone},
		"scale":     {LogitScale: 0.7},
		"stride":    {Stride: classes + 2},
		"all": {Weights: weights, IgnoreIndex: kt.Ptr(1), LabelSmoothing: 0.125, LogitScale: 1.75,
			Stride: classes + 1, Reduction: ReductionSum},
		"all, mean": {Weights: weights, IgnoreIndex: kt.Ptr(1), LabelSmoothing: 0.125, LogitScale: 1.75,
			Stride: classes + 1},
	}
}

// refCrossEntropy computes the definition in float64 with package math. dloss has one element per
// row.
func refCrossEntropy(
	x []float64, labels []int, probs []float64, classes int, dloss []float64,
	opts *CrossEntropyOptions[float64],
) float64 {
	scale, rows := opts.LogitScale, len(x)/classes
	if scale == 0 {
		scale = 1
	}
	weight := func(j int) float64 {
		if opts.Weights == nil {
			return 1
		}
		return opts.Weights[j]
	}
	sum, divisor := 0.0, 0.0
	for r := range rows {
		if probs == nil && opts.IgnoreIndex != nil && labels[r] == *opts.IgnoreIndex {
			continue
		}
		z := make([]float64, classes)
		for j := range z {
			z[j] = x[r*classes+j] * scale
		}
		logp, loss := refLogSoftmax(z), 0.0
		for j, lp := range logp {
			target := 0.0
			switch {
			case probs != nil:
				target = probs[r*classes+j]
			case j == labels[r]:
				target = 1
			}
			target = target*(1-opts.LabelSmoothing) + opts.LabelSmoothing/float64(classes)
			loss -= weight(j) * target * lp
		}
		sum += loss * dloss[r]
		if probs != nil {
			divisor++
		} else {
			divisor += weight(labels[r])
		}
	}
	if opts.Reduction == ReductionMean {
		return sum / divisor
	}
	return sum
}

// TestOptionsNumericalGradients compares the gradient with every option, computed in every way,
// with central differences of the definition. dloss has one element, or one per row.
func TestOptionsNumericalGradients(t *testing.T) {
	for _, classes := range []int{2, 3, 10, 17, 40} {
		const rows = 9
		r := kt.NewRand(uint64(classes))
		x, probs := make([]float64, rows*classes), make([]float64, rows*classes)
		kt.Fill(r, kt.Normal, x, classes)
		kt.FillProb(r, probs, classes)
		labels := make([]int, rows)
		for i := range labels {
			labels[i] = r.Intn(min(classes, 3))
		}
		labels[0], labels[1] = 0, 1
		up := make([]float64, rows)
		kt.Fill(r, kt.Unit, up, rows)
		for name, opts := range optionCases[float64](classes) {
			for _, index := range []bool{true, false} {
				for _, dloss := range [][]float64{nil, {-0.75}, up} {
					full := up
					if len(dloss) < 2 {
						full = make([]float64, rows)
						for i := range full {
							full[i] = 1
							if dloss != nil {
								full[i] = dloss[0]
							}
						}
					}
					target := probs
					if index {
						target = nil
					}
					f := func(x []float64) float64 {
						return refCrossEntropy(x, labels, target, classes, full, opts)
					}
					o := *opts
					o.Stride = 0 // each way has strides of its own
					for way, res := range lossWays(t, x, labels, probs, classes, dloss, &o, index) {
						if res.grad == nil {
							continue
						}
						at := append([]float64(nil), x...)
						for i := range x {
							if i%7 != 0 && classes > 3 {
								continue
							}
							require.InDelta(t, kt.NumGrad(f, at, i, gradStep), res.grad[i], 1e-9,
								"%s, %s, %d classes, index %v, dloss %v: element %d",
								name, way, classes, index, dloss, i)
						}
					}
				}
			}
		}
	}
}

// TestOptionsUnused checks that default options give the bits of the functions without options. The
// mean is computed in float64.
func TestOptionsUnused(t *testing.T) {
	t.Run("float32", testOptionsUnused[float32])
	t.Run("float64", testOptionsUnused[float64])
}

func testOptionsUnused[T Float](t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, classes := range []int{1, 2, 10, 17, 33, 1000, 4097} {
			rows := max(3, 200/classes)
			r := kt.NewRand(uint64(classes))
			x, probs, labels := make([]T, rows*classes), make([]T, rows*classes), make([]int, rows)
			kt.Fill(r, kt.Normal, x, classes)
			kt.FillProb(r, probs, classes)
			for i := range labels {
				labels[i] = r.Intn(classes)
			}
			scale := T(1 / float64(rows))
			for _, opts := range []*CrossEntropyOptions[T]{nil, {}} {
				for _, index := range []bool{true, false} {
					l, d, wl, wd := make([]T, rows), make([]T, len(x)), make([]T, rows), make([]T, len(x))
					var value float64
					var err error
					if index {
						must(CrossEntropyGrad(wd, wl, x, labels, classes, scale))
						value, err = CrossEntropyGradWith(d, l, x, labels, classes, nil, opts)
					} else {
						must(CrossEntropyProbGrad(wd, wl, x, probs, classes, scale))
						value, err = CrossEntropyProbGradWith(d, l, x, probs, classes, nil, opts)
					}
					require.NoError(t, err)
					require.Equal(t, -1, kt.Diff(l, wl))
					require.Equal(t, -1, kt.Diff(d, wd))
					sum := 0.0
					for _, v := range wl {
						sum += float64(v)
					}
					require.Equal(t, sum/float64(rows), value)
				}
			}
		}
	})
}

// TestOptionsLogitScale checks that a scale gives the bits of logits that were multiplied before.
func TestOptionsLogitScale(t *testing.T) {
	t.Run("float32", testOptionsLogitScale[float32])
	t.Run("float64", testOptionsLogitScale[float64])
}

func testOptionsLogitScale[T Float](t *testing.T) {
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, kind := range []kt.Kind{kt.Normal, kt.Wide80, kt.Shifted, kt.NegInf} {
			for _, classes := range []int{1, 2, 10, 17, 33, 1000, 4097} {
				for _, scale := range []T{0.3, 2.5} {
					for _, smoothing := range []T{0, 0.1} {
						rows := max(2, 70/classes)
						r := kt.NewRand(uint64(classes))
						x, probs, labels := make([]T, rows*classes), make([]T, rows*classes), make([]int, rows)
						kt.Fill(r, kind, x, classes)
						kt.FillProb(r, probs, classes)
						z := make([]T, len(x))
						for i, v := range x {
							z[i] = T(v * scale)
						}
						for i := range labels {
							labels[i] = r.Intn(classes)
						}
						opts := &CrossEntropyOptions[T]{LogitScale: scale, LabelSmoothing: smoothing}
						// The gradient by the logits has the scale as a factor, rounded together
						// with the others.
						up := []T{T(1 / float64(scale))}
						plain := &CrossEntropyOptions[T]{LabelSmoothing: smoothing}
						for _, index := range []bool{true, false} {
							got := lossWays(t, x, labels, probs, classes, up, opts, index)
							for way, want := range lossWays(t, z, labels, probs, classes, nil, plain, index) {
								g := got[way]
								require.Equal(t, -1, kt.Diff(g.losses, want.losses),
									"%v, %d classes, %s: losses %v, want %v",
									kind, classes, way, g.losses, want.losses)
								for i, v := range g.grad {
									if d := math.Abs(float64(v - want.grad[i])); d > kt.Pick[T](3e-7, 1e-15) {
										t.Fatalf("%v, %d classes, %s: gradient %d: %v, want %v",
											kind, classes, way, i, v, want.grad[i])
									}
								}
							}
						}
					}
				}
			}
		}
	})
}

// TestOptionsIgnoredRows checks that the loss and the gradient of an ignored row are +0, even if it
// has a NaN.
func TestOptionsIgnoredRows(t *testing.T) {
	for _, classes := range []int{3, 40, 5000} {
		for _, smoothing := range []float32{0, 0.5} {
			x := make([]float32, 3*classes)
			for i := range x {
				x[i] = float32(math.NaN())
			}
			kt.Fill(kt.NewRand(1), kt.Normal, x[classes:2*classes], classes)
			labels := []int8{-100, 2, -100}
			opts := &CrossEntropyOptions[float32]{IgnoreIndex: kt.Ptr(-100), LabelSmoothing: smoothing}
			losses, d := make([]float32, 3), make([]float32, 3*classes)
			check := func(value float64, err error) {
				require.NoError(t, err)
				require.Equal(t, float64(losses[1]), value)
				require.Equal(t, [2]uint64{}, [2]uint64{kt.RawBits(losses[0]), kt.RawBits(losses[2])})
			}
			gradients := func() {
				for i, v := range d {
					if i/classes == 1 {
						require.NotZero(t, v)
					} else {
						require.Zero(t, kt.RawBits(v))
					}
				}
			}
			check(CrossEntropyWith(losses, x, labels, classes, opts))
			check(CrossEntropyGradWith(d, losses, x, labels, classes, nil, opts))
			gradients()
			value, err := CrossEntropyWith(nil, x, []int8{-100, -100, -100}, classes, opts)
			require.NoError(t, err)
			require.True(t, value != value)
		}
	}
	require.True(t, isIgnored(uint8(255), 255))
	require.False(t, isIgnored(uint64(math.MaxUint64), -1))
	require.False(t, isIgnored(uint8(156), -100))
}

// TestOptionsMillions has two million rows and every option, and allocates nothing.
func TestOptionsMillions(t *testing.T) {
	rows := pickLong(2000000, 20000)
	const classes = 3
	x, d, probs := make([]float32, rows*classes), make([]float32, rows*classes),
		make([]float32, rows*classes)
	losses, labels := make([]float32, rows), make([]uint8, rows)
	kt.Fill(kt.NewRand(1), kt.Normal, x, classes)
	kt.FillProb(kt.NewRand(2), probs, classes)
	for r := range labels {
		labels[r] = uint8(r % 5 % classes)
	}
	weights := []float32{1, 0.5, 2}
	for _, smoothing := range []float32{0, 0.1} {
		allocs := testing.AllocsPerRun(1, func() {
			opts := &CrossEntropyOptions[float32]{Weights: weights, IgnoreIndex: kt.Ptr(2),
				LabelSmoothing: smoothing, LogitScale: 0.5}
			_, err := CrossEntropyGradWith(d, losses, x, labels, classes, []float32{2}, opts)
			must(err)
			_, err = CrossEntropyWith(nil, x, labels, classes, opts)
			must(err)
			_, err = CrossEntropyProbGradWith(d, losses, x, probs, classes, []float32{2}, nil)
			must(err)
			_, err = CrossEntropyProbGradWith(d, losses, x, probs, classes, nil, opts)
			must(err)
		})
		require.Zero(t, allocs)
	}
}

// TestOptionsWideRows compares rows of several chunks, with every option, with the definition.
func TestOptionsWideRows(t *testing.T) {
	t.Run("float32", testOptionsWideRows[float32])
	t.Run("float64", testOptionsWideRows[float64])
}

func testOptionsWideRows[T Float](t *testing.T) {
	bound := kt.Pick[T](2e-6, 1e-12)
	for _, classes := range []int{4097, 9000} {
		const rows = 3
		r := kt.NewRand(uint64(classes))
		x, probs := make([]T, rows*classes), make([]T, rows*classes)
		kt.Fill(r, kt.Normal, x, classes)
		kt.FillProb(r, probs, classes)
		labels := []int{classes - 1, 1, 2100}
		for name, opts := range optionCases[T](classes) {
			o := &CrossEntropyOptions[float64]{IgnoreIndex: opts.IgnoreIndex,
				LabelSmoothing: float64(opts.LabelSmoothing),
				Reduction:      opts.Reduction, LogitScale: float64(opts.LogitScale)}
			if opts.Weights != nil {
				o.Weights = to64(opts.Weights)
			}
			scale := 1.0
			if o.LogitScale != 0 {
				scale = o.LogitScale
			}
			dense := *opts
			dense.Stride = 0
			for _, index := range []bool{true, false} {
				target := to64(probs)
				if index {
					target = nil
				}
				up := []float64{1, 1, 1}
				want := refCrossEntropy(to64(x), labels, target, classes, up, o)
				divisor := 1.0
				if o.Reduction == ReductionMean {
					divisor = rows
					if index {
						divisor = 0
						for _, y := range labels {
							if o.IgnoreIndex == nil || y != *o.IgnoreIndex {
								w := 1.0
								if o.Weights != nil {
									w = o.Weights[y]
								}
								divisor += w
							}
						}
					}
				}
				for way, res := range lossWays(t, x, labels, probs, classes, nil, &dense, index) {
					if opts.Reduction != ReductionNone {
						require.InEpsilon(t, want, res.value, bound, "%s, %s, index %v", name, way, index)
					}
					if res.grad == nil {
						continue
					}
					for row := range rows {
						if index && o.IgnoreIndex != nil && labels[row] == *o.IgnoreIndex {
							continue
						}
						z, a := make([]float64, classes), make([]float64, classes)
						all, largest := 0.0, 0.0
						for j := range z {
							z[j] = float64(x[row*classes+j]) * scale
							switch {
							case !index:
								a[j] = target[row*classes+j]
							case j == labels[row]:
								a[j] = 1
							}
							a[j] = a[j]*(1-o.LabelSmoothing) + o.LabelSmoothing/float64(classes)
							if o.Weights != nil {
								a[j] *= o.Weights[j]
							}
							all += a[j]
						}
						p := refSoftmax(z)
						for j := range p {
							p[j] = (all*p[j] - a[j]) * scale / divisor
							largest = math.Max(largest, math.Abs(p[j]))
						}
						for j, v := range p {
							if d := math.Abs(float64(res.grad[row*classes+j]) - v); d > bound*largest {
								t.Fatalf("%s, %s, %d classes, index %v: gradient %d of row %d: %v, want %v",
									name, way, classes, index, j, row, res.grad[row*classes+j], v)
							}
						}
					}
				}
			}
		}
	}
}
