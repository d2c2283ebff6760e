package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// The functions that TestClimb goes over, each with its error and its bound.

// climbTiny returns the number below which entries of Softmax have a larger bound: see
// kt.SoftmaxBound.
func climbTiny[T Float]() float64 { return kt.Pick[T](0x1p-102, 0x1p-969) }

// unitsOff returns |got-want|/size in u.
func unitsOff[T Float](got T, want kt.Scaled, size float64) float64 {
	return math.Abs(want.DD.Add(kt.DD{Hi: -math.Ldexp(float64(got), -want.Exp)}).Hi) / math.Ldexp(size,
		-want.Exp) / roundoff[T]()
}

func dd(v kt.Scaled) kt.DD {
	return kt.DD{Hi: math.Ldexp(v.Hi, v.Exp), Lo: math.Ldexp(v.Lo, v.Exp)}
}

// labelOf returns the label that an element of an input stands for. Inputs with a label and a scale
// have them at the end.
func labelOf[T Float](v T, classes int) int { return int(math.Abs(float64(v))) % classes }

// entriesCase returns the case of a function with a result for each class.
func entriesCase[T Float](
	name string, bound func(int) float64, run func(dst, x []T, classes int),
	err func(c *climbRow[T], j int, v T) float64,
) climbCase[T] {
	return climbCase[T]{name, "ULP", climbClasses, bound, func(classes int) kt.Climb[T] {
		row, y := &climbRow[T]{}, make([]T, classes)
		return kt.Climb[T]{Len: classes, Start: startRow[T], Move: moveRow[T],
			Error: func(x []T) float64 {
				if !row.set(x) {
					return -1
				}
				run(y, x, classes)
				worst := 0.0
				for j, v := range y {
					worst = max(worst, err(row, j, v))
				}
				return worst
			}}
	}}
}

// probError returns the error of a probability, less the half ULP that the bound allows a tiny one.
func probError[T Float](c *climbRow[T], j int, v T) float64 {
	p := c.ref.Prob(j)
	e := kt.Err(v, p)
	if p.Float64() < climbTiny[T]() {
		e -= 0.5
	}
	return e
}

// logError returns the error of the logarithm of a probability.
func logError[T Float](c *climbRow[T], j int, v T) float64 {
	if want := c.ref.NegLogProb(j); want.Float64() > climbTiny[T]() {
		return kt.Err(-v, want)
	}
	return 0
}

// lossCase returns the case of a function of logits, a label and a scale.
func lossCase[T Float](
	name, unit string, bound func(int) float64,
	err func(c *climbRow[T], d []T, x []T, label int, scale T) float64,
) climbCase[T] {
	return climbCase[T]{name, unit, climbClasses, bound, func(classes int) kt.Climb[T] {
		row, d := &climbRow[T]{}, make([]T, classes)
		return kt.Climb[T]{Len: classes + 2, Start: func(r *kt.Rand, x []T) {
			startRow(r, x[:classes])
			x[classes], x[classes+1] = T(r.Intn(classes))+0.5, 0.5+T(r.Intn(8))/16
		}, Move: func(r *kt.Rand, x []T) {
			if r.Intn(8) == 0 {
				x[classes] = T(r.Intn(classes)) + 0.5
			} else {
				moveRow(r, x[:classes])
			}
		}, Error: func(x []T) float64 {
			scale := x[classes+1]
			if !row.set(x[:classes]) || !(scale >= 0x1p-20 && scale <= 1) {
				return -1
			}
			return err(row, d, x[:classes], labelOf(x[classes], classes), scale)
		}}
	}}
}

// targetCase returns the case of a function of logits and targets.
func targetCase[T Float](
	name string, bound func(int) float64, err func(c *climbRow[T], d []T, x, targets []T) float64,
) climbCase[T] {
	return climbCase[T]{name, "u", climbClasses, bound, func(classes int) kt.Climb[T] {
		row, d := &climbRow[T]{}, make([]T, classes)
		return kt.Climb[T]{Len: 2 * classes, Start: func(r *kt.Rand, x []T) {
			startRow(r, x[:classes])
			t := x[classes:]
			if r.Intn(2) == 0 {
				kt.FillProb(r, t, classes)
			}
			for j := range t {
				t[j] += T(r.Intn(1000)) / 1000 / T(classes)
			}
		}, Move: func(r *kt.Rand, x []T) {
			if j := classes + r.Intn(classes); r.Intn(2) == 0 { // targets may be 0
				x[j] = x[classes+r.Intn(classes)] * T(r.Intn(3)) / 2
			} else {
				moveRow(r, x[:classes])
			}
		}, Error: func(x []T) float64 {
			for _, t := range x[classes:] {
				if !(t >= 0 && t <= 2) || t != 0 && t < 0x1p-40 {
					return -1
				}
			}
			if !row.set(x[:classes]) {
				return -1
			}
			return err(row, d, x[:classes], x[classes:])
		}}
	}}
}

// elementCase returns the case of a function of one or two numbers.
func elementCase[T Float](
	name, unit string, bound float64, n int, start func(r *kt.Rand, x []T), err func(x []T) float64,
) climbCase[T] {
	return climbCase[T]{name, unit, []int{1}, func(int) float64 { return bound },
		func(int) kt.Climb[T] {
			return kt.Climb[T]{Len: n, Start: start, Error: err}
		}}
}

func climbCases[T Float](t *testing.T) []climbCase[T] {
	must := func(err error) { require.NoError(t, err) }
	cases := []climbCase[T]{
		entriesCase("Softmax", kt.SoftmaxBound[T], Softmax[T], probError[T]),
		{"Softmax, sum of a row", "u", climbClasses, kt.SoftmaxSumBound[T],
			func(classes int) kt.Climb[T] {
				y := make([]T, classes)
				return kt.Climb[T]{Len: classes, Start: startRow[T], Move: moveRow[T],
					Error: func(x []T) float64 {
						Softmax(y, x, classes)
						s := kt.DD{Hi: -1}
						for _, v := range y {
							s = s.Add(kt.DD{Hi: float64(v)})
						}
						return math.Abs(s.Hi) / roundoff[T]()
					}}
			}},
		entriesCase("LogSoftmax", kt.LogSoftmaxBound[T], LogSoftmax[T], logError[T]),
		logSumExpCase[T](),
		lossCase("CrossEntropyGrad, other entries", "ULP", kt.CrossEntropyGradBound[T],
			func(c *climbRow[T], d, x []T, label int, scale T) float64 {
				must(CrossEntropyGrad(d, nil, x, []int{label}, len(x), scale))
				worst := 0.0
				for j, v := range d {
					if p := c.ref.Prob(j); j != label && p.Float64() > climbTiny[T]() {
						p.DD = p.MulF(float64(scale))
						worst = max(worst, kt.Err(v, p))
					}
				}
				return worst
			}),
		lossCase("CrossEntropyGrad, the label's entry", "u", kt.CrossEntropyGradBound[T],
			func(c *climbRow[T], d, x []T, label int, scale T) float64 {
				must(CrossEntropyGrad(d, nil, x, []int{label}, len(x), scale))
				want := c.ref.Grad(label, label)
				if want.DD = want.MulF(float64(scale)); -want.Float64() < climbTiny[T]() {
					return 0
				}
				return unitsOff(d[label], want, -want.Float64())
			}),
		lossCase("CrossEntropy", "u", kt.CrossEntropyBound[T],
			func(c *climbRow[T], d, x []T, label int, _ T) float64 {
				must(CrossEntropy(d[:1], x, []int{label}, len(x)))
				want := c.ref.NegLogProb(label)
				if want.Float64() < climbTiny[T]() {
					return 0
				}
				return unitsOff(d[0], want, want.Float64())
			}),
		targetCase("CrossEntropyProbGrad", kt.CrossEntropyProbGradBound[T],
			func(c *climbRow[T], d, x, targets []T) float64 {
				must(CrossEntropyProbGrad(d, nil, x, targets, len(x), 1))
				return gradError(c, d, inDD(targets), 1)
			}),
		targetCase("CrossEntropyProb", kt.CrossEntropyProbBound[T],
			func(c *climbRow[T], d, x, targets []T) float64 {
				must(CrossEntropyProb(d[:1], x, targets, len(x)))
				return lossError(c, d[0], inDD(targets))
			}),
	}
	cases = append(cases, elementClimbs[T]()...)
	cases = append(cases, backwardClimbs[T]()...)
	cases = append(cases, optionClimbs[T](must)...)
	return append(cases, shardClimbs[T](must)...)
}

func inDD[T Float](x []T) []kt.DD {
	d := make([]kt.DD, len(x))
	for j, v := range x {
		d[j].Hi = float64(v)
	}
	return d
}

// lossError returns the relative error of a loss with targets.
func lossError[T Float](c *climbRow[T], loss T, targets []kt.DD) float64 {
	want := kt.DD{}
	for j, t := range targets {
		if t.Hi != 0 {
			want = want.Add(dd(c.ref.NegLogProb(j)).Mul(t))
		}
	}
	if want.Hi < climbTiny[T]() {
		return 0
	}
	return unitsOff(loss, kt.Scaled{DD: want}, want.Hi)
}

// gradError returns the error of a gradient with targets, relative to the magnitudes that are
// subtracted.
func gradError[T Float](c *climbRow[T], d []T, targets []kt.DD, scale float64) float64 {
	all, top := kt.DD{}, c.ref.Top()
	for _, t := range targets {
		all = all.Add(t)
	}
	worst := 0.0
	for j, v := range d {
		p, t := dd(c.ref.Prob(j)), targets[j]
		pa := p.Mul(all)
		if j == top {
			pa, t = p.Mul(all.Add(t.Neg())), t.Mul(dd(c.ref.Grad(j, j)).Neg())
		}
		want, size := pa.Add(t.Neg()).MulF(scale), (pa.Hi+t.Hi)*scale
		if size > climbTiny[T]() {
			worst = max(worst, unitsOff(v, kt.Scaled{DD: want}, size))
		}
	}
	return worst
}

func elementClimbs[T Float]() []climbCase[T] {
	start := func(r *kt.Rand, x []T) {
		var s [1]float64
		sample64(r, s[:])
		x[0] = T(s[0])
		for j := range x[1:] {
			x[j+1] = T(r.Intn(1000)) / 1000
		}
	}
	logTerm := func(x float64) kt.Scaled { return kt.Log1pDD(kt.ExpDD(kt.DD{Hi: -math.Abs(x)})) }
	within := func(x T) bool { return math.Abs(float64(x)) < 85 }
	y, l := make([]T, 1), make([]T, 1)
	cases := []climbCase[T]{
		elementCase("SigmoidCrossEntropy", "ULP", kt.SigmoidLossBound[T](), 1, start,
			func(x []T) float64 {
				SigmoidCrossEntropy(y, x, []T{0})
				return kt.Err(y[0], kt.Scaled{DD: kt.DD{Hi: max(float64(x[0]), 0)}}.Add(logTerm(float64(x[0]))))
			}),
		elementCase("SigmoidCrossEntropyGrad", "ULP", kt.SigmoidGradBound[T](), 1, start,
			func(x []T) float64 {
				SigmoidCrossEntropyGrad(y, nil, x, []T{0}, 1)
				return kt.Err(y[0], kt.SigmoidDD(float64(x[0])))
			}),
		elementCase("SigmoidCrossEntropy, targets in [0, 1]", "u", kt.SigmoidSoftLossBound[T](false), 2,
			start, func(x []T) float64 {
				if !within(x[0]) || !(x[1] >= 0 && x[1] <= 1) {
					return -1
				}
				SigmoidCrossEntropy(y, x[:1], x[1:])
				want := softLoss(float64(x[0]), float64(x[1]), 1)
				return unitsOff(y[0], kt.Scaled{DD: want}, want.Hi)
			}),
		elementCase("SigmoidCrossEntropyGrad, targets in [0, 1]", "u", kt.SigmoidSoftGradBound[T](), 3,
			start, func(x []T) float64 {
				if !within(x[0]) || !(x[1] >= 0 && x[1] <= 1) || !(x[2] >= 0x1p-20 && x[2] <= 1) {
					return -1
				}
				SigmoidCrossEntropyGrad(y, l, x[:1], x[1:2], x[2])
				want, size := softGrad(float64(x[0]), float64(x[1]), 1, float64(x[2]))
				return unitsOff(y[0], kt.Scaled{DD: want}, size)
			}),
		elementCase("SigmoidCrossEntropyWith, PosWeight", "u", kt.SigmoidSoftLossBound[T](true), 3, start,
			func(x []T) float64 {
				if !within(x[0]) || !(x[1] >= 0 && x[1] <= 1) || !(x[2] >= 0x1p-20 && x[2] <= 0x1p20) {
					return -1
				}
				if SigmoidCrossEntropyWith(y, x[:1], x[1:2],
					&SigmoidCrossEntropyOptions[T]{PosWeight: x[2:]}) != nil {
					return -1
				}
				want := softLoss(float64(x[0]), float64(x[1]), float64(x[2]))
				return unitsOff(y[0], kt.Scaled{DD: want}, want.Hi)
			}),
		elementCase("SigmoidCrossEntropyGradWith, PosWeight", "u", kt.SigmoidSoftGradBound[T](), 3, start,
			func(x []T) float64 {
				if !within(x[0]) || !(x[1] >= 0 && x[1] <= 1) || !(x[2] >= 0x1p-20 && x[2] <= 0x1p20) {
					return -1
				}
				if SigmoidCrossEntropyGradWith(y, nil, x[:1], x[1:2], 0.75,
					&SigmoidCrossEntropyOptions[T]{PosWeight: x[2:]}) != nil {
					return -1
				}
				want, size := softGrad(float64(x[0]), float64(x[1]), float64(x[2]), 0.75)
				return unitsOff(y[0], kt.Scaled{DD: want}, size)
			}),
	}
	if is32[T]() {
		return cases // walks go through all inputs: TestWalk32 and others
	}
	return append(append(cases,
		elementCase("Sigmoid", "ULP", kt.SigmoidBound64, 1, start, func(x []T) float64 {
			Sigmoid(y, x)
			return kt.Err(y[0], kt.SigmoidDD(float64(x[0])))
		}),
		elementCase("SigmoidFast", "ULP", kt.SigmoidFastBound64, 1, start, func(x []T) float64 {
			SigmoidFast(y, x)
			return kt.Err(y[0], kt.SigmoidDD(float64(x[0])))
		}),
		elementCase("SiLU", "ULP", siluBound64, 1, start, func(x []T) float64 {
			if !(float64(x[0]) > -700) {
				return -1 // the bound is for normal results
			}
			SiLU(y, x)
			return kt.Err(y[0], kt.SiLUDD(float64(x[0])))
		}),
		elementCase("GELUTanh", "ULP", geluTanhBound64, 1, start, func(x []T) float64 {
			if !(float64(x[0]) > -21) {
				return -1
			}
			GELUTanh(y, x)
			return kt.Err(y[0], kt.GELUTanhDD(float64(x[0])))
		}),
		elementCase("GELU", "ULP", geluBound64, 1, start, func(x []T) float64 {
			if !(float64(x[0]) > -37.5) {
				return -1
			}
			GELU(y, x)
			return kt.Err(y[0], kt.GELUDD(float64(x[0])))
		}),
		elementCase("Erf", "ULP", erfBound64, 1, start, func(x []T) float64 {
			if !(math.Abs(float64(x[0])) < 6.5) {
				return -1
			}
			Erf(y, x)
			return kt.Err(y[0], kt.ErfDD(float64(x[0])))
		}),
		elementCase("Softplus", "ULP", softplusBound64, 1, start, func(x []T) float64 {
			if !(float64(x[0]) > -708) {
				return -1
			}
			Softplus(y, x)
			return kt.Err(y[0], kt.SoftplusDD(float64(x[0])))
		}),
		elementCase("ELU", "ULP", eluBound64, 1, start, func(x []T) float64 {
			if !(x[0] < 0) {
				return -1
			}
			ELU(y, x, 1)
			return kt.Err(y[0], eluDD(float64(x[0]), 1))
		}),
		elementCase("ELU, alpha", "ULP", eluAlphaBound64, 2, func(r *kt.Rand, x []T) {
			start(r, x)
			x[1]++
		}, func(x []T) float64 {
			if !(x[0] < 0) || !(x[1] >= 1 && x[1] <= 2) {
				return -1
			}
			ELU(y, x[:1], x[1])
			return kt.Err(y[0], eluDD(float64(x[0]), float64(x[1])))
		}),
		elementCase("Tanh", "ULP", kt.TanhBound64, 1, start, func(x []T) float64 {
			if !(math.Abs(float64(x[0])) < 40 && math.Abs(float64(x[0])) > 0x1p-60) {
				return -1
			}
			Tanh(y, x)
			return kt.Err(y[0], tanhDD(float64(x[0])))
		}),
	), elementaryClimbs[T]()...)
}

// softLoss returns p*t*(-log sigmoid(x)) + (1-t)*(-log(1-sigmoid(x))).
func softLoss(x, t, p float64) kt.DD {
	l := dd(kt.Log1pDD(kt.ExpDD(kt.DD{Hi: -math.Abs(x)})))
	up, down := l.Add(kt.DD{Hi: max(-x, 0)}), l.Add(kt.DD{Hi: max(x, 0)})
	return up.MulF(t).MulF(p).Add(down.Mul(kt.DD{Hi: 1}.Add(kt.DD{Hi: -t})))
}

// softGrad returns scale*((1-t)*sigmoid(x) - p*t*sigmoid(-x)), and the sum instead of the
// difference.
func softGrad(x, t, p, scale float64) (want kt.DD, size float64) {
	a := dd(kt.SigmoidDD(x)).Mul(kt.DD{Hi: 1}.Add(kt.DD{Hi: -t}))
	b := dd(kt.SigmoidDD(-x)).MulF(t).MulF(p)
	return a.Add(b.Neg()).MulF(scale), (a.Hi + b.Hi) * scale
}

func backwardClimbs[T Float]() []climbCase[T] {
	pair := func(name string, bound func(int) float64, start func(r *kt.Rand, y []T),
		err func(dx, dy, y []T) float64) climbCase[T] {
		return climbCase[T]{name, "u", climbClasses, bound, func(classes int) kt.Climb[T] {
			dx := make([]T, classes)
			return kt.Climb[T]{Len: 2 * classes, Start: func(r *kt.Rand, x []T) {
				kt.Fill(r, kt.Normal, x[:classes], classes)
				start(r, x[classes:])
			}, Error: func(x []T) float64 {
				for _, v := range x {
					if !(math.Abs(float64(v)) < 1e6) || v != 0 && math.Abs(float64(v)) < 0x1p-30 {
						return -1
					}
				}
				return err(dx, x[:classes], x[classes:])
			}}
		}}
	}
	return []climbCase[T]{
		pair("SoftmaxBackward", kt.SoftmaxBackwardBound[T], func(r *kt.Rand, y []T) {
			startRow(r, y)
			Softmax(y, y, len(y))
		}, func(dx, dy, y []T) float64 {
			SoftmaxBackward(dx, dy, y, len(y))
			s, size := kt.DD{}, 0.0
			for j, v := range dy {
				p := kt.DD{Hi: float64(v)}.MulF(float64(y[j]))
				s = s.Add(p)
				size += math.Abs(p.Hi)
			}
			worst := 0.0
			for j, v := range dx {
				want := kt.DD{Hi: float64(dy[j])}.Add(s.Neg()).MulF(float64(y[j]))
				if unit := math.Abs(float64(y[j])) * (math.Abs(float64(dy[j])) + size); unit > 0 {
					worst = max(worst, unitsOff(v, kt.Scaled{DD: want}, unit))
				}
			}
			return worst
		}),
		pair("LogSoftmaxBackward", kt.LogSoftmaxBackwardBound[T], func(r *kt.Rand, y []T) {
			startRow(r, y)
			LogSoftmax(y, y, len(y))
		}, func(dx, dy, y []T) float64 {
			LogSoftmaxBackward(dx, dy, y, len(y))
			s, size := kt.DD{}, 0.0
			for _, v := range dy {
				s = s.Add(kt.DD{Hi: float64(v)})
				size += math.Abs(float64(v))
			}
			worst := 0.0
			for j, v := range dx {
				if !(y[j] <= 0 && y[j] > -80) {
					continue
				}
				e := dd(kt.ExpDD(kt.DD{Hi: float64(y[j])}))
				want := kt.DD{Hi: float64(dy[j])}.Add(e.Mul(s).Neg())
				worst = max(worst, unitsOff(v, kt.Scaled{DD: want}, math.Abs(float64(dy[j]))+e.Hi*size))
			}
			return worst
		}),
	}
}

// optionClimbs returns cases with a weight for each class and with smoothing. Inputs are logits,
// weights, targets or a label, and dloss.
func optionClimbs[T Float](must func(error)) []climbCase[T] {
	const eps = 0.1
	makeCase := func(name, unit string, targets bool, bound func(int) float64,
		err func(c *climbRow[T], d, x, weights, rest []T, dloss T) float64) climbCase[T] {
		return climbCase[T]{name, unit, climbClasses, bound, func(classes int) kt.Climb[T] {
			row, d, last := &climbRow[T]{}, make([]T, classes), 1
			if targets {
				last = classes
			}
			return kt.Climb[T]{Len: 2*classes + last + 1, Start: func(r *kt.Rand, x []T) {
				startRow(r, x[:classes])
				for j := range classes {
					x[classes+j] = 0.5 + T(r.Intn(1000))/1000
				}
				for j := range last {
					x[2*classes+j] = T(r.Intn(1000)) / 1000
				}
				if !targets {
					x[2*classes] = T(r.Intn(classes)) + 0.5
				}
				x[len(x)-1] = 0.5 + T(r.Intn(8))/16
			}, Move: func(r *kt.Rand, x []T) { moveRow(r, x[:classes]) }, Error: func(x []T) float64 {
				rest, dloss := x[2*classes:2*classes+last], x[len(x)-1]
				for _, w := range x[classes : 2*classes] {
					if !(w >= 0.125 && w <= 2) {
						return -1
					}
				}
				for _, v := range rest {
					if targets && !(v >= 0x1p-20 && v <= 2) {
						return -1
					}
				}
				if !row.set(x[:classes]) || !(dloss >= 0x1p-20 && dloss <= 1) {
					return -1
				}
				return err(row, d, x[:classes], x[classes:2*classes], rest, dloss)
			}}
		}}
	}
	options := func(weights []T, smoothing T) *CrossEntropyOptions[T] {
		return &CrossEntropyOptions[T]{Weights: weights, LabelSmoothing: smoothing,
			Reduction: ReductionSum}
	}
	smoothed := func(weights, rest []T, label int) []kt.DD {
		each := kt.DD{Hi: float64(T(eps))}.Div(kt.DD{Hi: float64(len(weights))})
		keep := kt.DD{Hi: 1}.Add(kt.DD{Hi: -float64(T(eps))})
		a := make([]kt.DD, len(weights))
		for j := range a {
			a[j] = each
			if label == j {
				a[j] = a[j].Add(keep)
			} else if label < 0 {
				a[j] = a[j].Add(keep.MulF(float64(rest[j])))
			}
			a[j] = a[j].MulF(float64(weights[j]))
		}
		return a
	}
	grad := func(classes int) float64 {
		return kt.CrossEntropyProbGradBound[T](classes) + kt.Pick[T](0, 2)
	}
	return []climbCase[T]{
		makeCase("CrossEntropyWith, weights and smoothing", "u", false, func(c int) float64 {
			return kt.SmoothedBound[T](c, 2)
		},
			func(c *climbRow[T], d, x, weights, rest []T, _ T) float64 {
				label := labelOf(rest[0], len(x))
				_, err := CrossEntropyWith(d[:1], x, []int{label}, len(x), options(weights, eps))
				must(err)
				return lossError(c, d[0], smoothed(weights, rest, label))
			}),
		makeCase("CrossEntropyProbWith, weights and smoothing", "u", true, func(c int) float64 {
			return kt.SmoothedBound[T](c, 4)
		},
			func(c *climbRow[T], d, x, weights, rest []T, _ T) float64 {
				_, err := CrossEntropyProbWith(d[:1], x, rest, len(x), options(weights, eps))
				must(err)
				return lossError(c, d[0], smoothed(weights, rest, -1))
			}),
		makeCase("CrossEntropyGradWith, weights and smoothing", "u", false, func(c int) float64 {
			return grad(c) + 2
		},
			func(c *climbRow[T], d, x, weights, rest []T, dloss T) float64 {
				label := labelOf(rest[0], len(x))
				_, err := CrossEntropyGradWith(d, nil, x, []int{label}, len(x), []T{dloss},
					options(weights, eps))
				must(err)
				return gradError(c, d, smoothed(weights, rest, label), float64(dloss))
			}),
		makeCase("CrossEntropyProbGradWith, weights and smoothing", "u", true, func(c int) float64 {
			return grad(c) + 4
		},
			func(c *climbRow[T], d, x, weights, rest []T, dloss T) float64 {
				_, err := CrossEntropyProbGradWith(d, nil, x, rest, len(x), []T{dloss}, options(weights, eps))
				must(err)
				return gradError(c, d, smoothed(weights, rest, -1), float64(dloss))
			}),
		makeCase("CrossEntropyWith, weights", "u", false,
			func(c int) float64 { return kt.WeightedBound[T](kt.CrossEntropyBound[T](c), false) },
			func(c *climbRow[T], d, x, weights, rest []T, _ T) float64 {
				label := labelOf(rest[0], len(x))
				_, err := CrossEntropyWith(d[:1], x, []int{label}, len(x), options(weights, 0))
				must(err)
				target := make([]kt.DD, len(x))
				target[label].Hi = float64(weights[label])
				return lossError(c, d[0], target)
			}),
		makeCase("CrossEntropyGradWith, weights", "ULP", false,
			func(c int) float64 { return kt.WeightedBound[T](kt.CrossEntropyGradBound[T](c), true) },
			func(c *climbRow[T], d, x, weights, rest []T, dloss T) float64 {
				label := labelOf(rest[0], len(x))
				_, err := CrossEntropyGradWith(d, nil, x, []int{label}, len(x), []T{dloss}, options(weights, 0))
				must(err)
				worst := 0.0
				for j, v := range d {
					want := c.ref.Grad(j, label)
					want.DD = want.MulF(float64(dloss)).MulF(float64(weights[label]))
					if math.Abs(want.Float64()) > climbTiny[T]() {
						worst = max(worst, kt.Err(v, want))
					}
				}
				return worst
			}),
	}
}

// shardClimbs returns cases in which a row is divided between two shards, in one round.
func shardClimbs[T Float](must func(error)) []climbCase[T] {
	// halves calls f for each shard with the stats of the whole rows.
	halves := func(x, dst []T, f func(dst, x []T, stats []RowStats[T], shard Shard[T])) {
		half := len(x) / 2
		var stats, part [1]RowStats[T]
		stats[0] = NoRowStats[T]()
		shards := []Shard[T]{{Classes: half}, {Classes: len(x) - half, Offset: half}}
		for _, s := range shards {
			must(ShardStats(part[:], x[s.Offset:][:s.Classes], s))
			MergeRowStats(stats[:], part[:])
		}
		for _, s := range shards {
			f(dst[s.Offset:][:s.Classes], x[s.Offset:][:s.Classes], stats[:], s)
		}
	}
	bound := func(f func(classes, n int) float64) func(int) float64 {
		return func(classes int) float64 { return max(f(classes/2, 2), f(classes-classes/2, 2)) }
	}
	return []climbCase[T]{
		entriesCase("ShardSoftmax", bound(kt.ShardSoftmaxBound[T]), func(dst, x []T, _ int) {
			halves(x, dst, func(dst, x []T, stats []RowStats[T], s Shard[T]) {
				must(ShardSoftmax(dst, x, stats, s))
			})
		}, probError[T]),
		entriesCase("ShardLogSoftmax", bound(kt.ShardLogSoftmaxBound[T]), func(dst, x []T, _ int) {
			halves(x, dst, func(dst, x []T, stats []RowStats[T], s Shard[T]) {
				must(ShardLogSoftmax(dst, x, stats, s))
			})
		}, logError[T]),
		lossCase("ShardCrossEntropy", "u", bound(kt.ShardCrossEntropyBound[T]),
			func(c *climbRow[T], d, x []T, label int, scale T) float64 {
				loss, total := make([]T, 1), T(0)
				halves(x, d, func(_, x []T, stats []RowStats[T], s Shard[T]) {
					must(ShardCrossEntropy(loss, x, stats, []int{label}, s))
					total += loss[0]
				})
				if want := c.ref.NegLogProb(label); want.Float64() > climbTiny[T]() {
					return unitsOff(total, want, want.Float64())
				}
				return 0
			}),
		lossCase("ShardCrossEntropyGrad", "ULP", bound(kt.ShardCrossEntropyGradBound[T]),
			func(c *climbRow[T], d, x []T, label int, scale T) float64 {
				halves(x, d, func(dst, x []T, stats []RowStats[T], s Shard[T]) {
					must(ShardCrossEntropyGrad(dst, nil, x, stats, []int{label}, scale, s))
				})
				worst := 0.0
				for j, v := range d {
					want := c.ref.Grad(j, label)
					if want.DD = want.MulF(float64(scale)); math.Abs(want.Float64()) > climbTiny[T]() {
						worst = max(worst, kt.Err(v, want))
					}
				}
				return worst
			}),
	}
}
