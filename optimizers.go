package kernels

// SGD takes a step of gradient descent: w[i] -= rate * dw[i], as one multiply-add,
//
//	w[i] = FMA(-rate, dw[i], w[i])
//
// so that the result is the correctly rounded one. NaN and infinities go the way of the formula.
//
// It panics if the lengths differ or w overlaps dw.
func SGD[T Float](w, dw []T, rate T) {
	checkLen("SGD", "w", w, "dw", dw)
	checkApart("SGD", "w,dw", 1, spanOf(w), spanOf(dw))
	for step := maxLen[T](); len(w) > step; w, dw = w[step:], dw[step:] {
		sgd(w[:step], dw[:step], rate)
	}
	sgd(w, dw, rate)
}

// Momentum takes a step of gradient descent with a velocity v, which is 0 before the first step and
// loses a part of itself in each:
//
//	v[i] = FMA(-rate, dw[i], momentum*v[i])
//	w[i] = w[i] + v[i]
//
// where the product and the sum are rounded, too. The error of v[i], in one step, is at most 1/2
// ULP of v[i] and 1/2 ULP of momentum*v[i]; w[i] is the correctly rounded sum. NaN and infinities
// go the way of the formulas.
//
// It panics if the lengths differ or slices overlap.
func Momentum[T Float](w, v, dw []T, rate, momentum T) {
	checkLen("Momentum", "w", w, "v", v)
	checkLen("Momentum", "w", w, "dw", dw)
	checkApart("Momentum", "w,v,dw", 2, spanOf(w), spanOf(v), spanOf(dw))
	for step := maxLen[T](); len(w) > step; w, v, dw = w[step:], v[step:], dw[step:] {
		momentumStep(w[:step], v[:step], dw[:step], rate, momentum)
	}
	momentumStep(w, v, dw, rate, momentum)
}

// AdamParams are the numbers of a step of [Adam].
type AdamParams[T Float] struct {
	// Rate is the learning rate of this step, with the correction of the bias: rate *
	// sqrt(1-Beta2^t) / (1-Beta1^t) for the t-th step, from 1 on.
	Rate T
	// Beta1 and Beta2 are the parts of the moments that a step keeps: 0.9 and 0.999 in the paper.
	Beta1, Beta2 T
	// Epsilon is added to the divisor: 1e-7 in the book, 1e-8 in the paper.
	Epsilon T
}

// Adam takes a step of the optimizer of Kingma and Ba. m and v are the moments of the gradient,
// which are 0 before the first step. Each operation is rounded:
//
//	m[i] = FMA(1-Beta1, dw[i]-m[i], m[i])
//	v[i] = FMA(-(1-Beta2), FMA(-dw[i], dw[i], v[i]), v[i])
//	w[i] = w[i] - (Rate*m[i]) / (sqrt(v[i])+Epsilon)
//
// 1-Beta1 and 1-Beta2 are exact for a beta from 1/2 to 1. Then the error of m[i], in one step, is
// at most 1/2 ULP and u*(1-Beta1)*|dw[i]-m[i]|, that of v[i] at most 1/2 ULP and
// u*(1-Beta2)*|dw[i]*dw[i]-v[i]|, where u is 2^-24 (2^-53 in float64). What is subtracted from w[i]
// is off by at most 4.000001*u of itself, given the m[i] and v[i] that are stored, and the
// difference by 1/2 ULP more. This holds as long as nothing overflows or is subnormal. NaN and
// infinities go the way of the formulas: w[i] becomes NaN where dw[i] is infinite or v[i] negative,
// and where v[i] and Epsilon are 0 the divisor is 0.
//
// Adam of package kernels/layers keeps the moments and corrects the rate.
//
// It panics if the lengths differ or slices overlap.
func Adam[T Float](w, m, v, dw []T, p AdamParams[T]) {
	checkLen("Adam", "w", w, "m", m)
	checkLen("Adam", "w", w, "v", v)
	checkLen("Adam", "w", w, "dw", dw)
	checkApart("Adam", "w,m,v,dw", 3, spanOf(w), spanOf(m), spanOf(v), spanOf(dw))
	c1, c2 := 1-p.Beta1, 1-p.Beta2
	for step := maxLen[T](); len(w) > step; w, m, v, dw = w[step:], m[step:], v[step:], dw[step:] {
		adam(w[:step], m[:step], v[:step], dw[:step], p.Rate, c1, c2, p.Epsilon)
	}
	adam(w, m, v, dw, p.Rate, c1, c2, p.Epsilon)
}
