package ktest

import (
	"math"
	"math/bits"
)

// The bounds in the documentation. Each is the sum of the roundings on the way.
//
// The unit is u = 2^-24 for float32 and 2^-53 for float64. A correctly rounded operation changes
// its result by a factor of 1+d with |d| <= u. A relative error of k*u is at most k ULP: nearly k
// just below a power of two, and k/2 just above it. The factors of k operations have an error of at
// most gamma(k) = k/(1-k*u), which is k to all the digits that are stated.
//
// Each rounding below the smallest normal number adds an error of at most half an ULP. The
// functions say where that happens.

// unit returns u.
func unit[T Float]() float64 {
	if Is32[T]() {
		return 0x1p-24
	}
	return 0x1p-53
}

func gamma[T Float](k float64) float64 { return k / (1 - k*unit[T]()) }

// The relative error of the exponential of a row, in u. For float32 it is the largest over all
// inputs (1.36823, at 805.9249). For float64 it is the sum of the roundings, the largest over
// 32,768 intervals of the reduced argument. TestExpError checks both.
const (
	expError32 = 1.3683
	expError64 = 1.186

	// The same for the exponential of SigmoidCrossEntropy, which has another scale. The largest of
	// all float32 inputs is at 20.999681.
	lossExpError32 = 1.4207
	lossExpError64 = 1.24
)

// ExpError returns the largest relative error of the exponential of a row, in u.
func ExpError[T Float]() float64 {
	if Is32[T]() {
		return expError32
	}
	return expError64
}

// LossExpError is ExpError for SigmoidCrossEntropy.
func LossExpError[T Float]() float64 {
	if Is32[T]() {
		return lossExpError32
	}
	return lossExpError64
}

// Log1pError is the largest relative error of lossLog's log1p, which is a float64, in units of
// 2^-53: the sum of its roundings, interval by interval. See TestLog1pError.
const Log1pError = 1.42

// blocks returns the number of elements in a block, and in a group, of the canonical sum.
func blocks[T Float]() (block, group int) {
	if Is32[T]() {
		return 32, 128
	}
	return 16, 32
}

// Additions returns the largest number of additions in T that a term of the canonical sum of a row
// goes through. Adding an absent element is exact and does not count. With skip, one element is
// left out of the sum: the one that leaves the most additions.
//
// The blocks of a group are added lane by lane, and the lanes are folded by halves: down to one
// lane for a narrow row, to four for any other. wide makes it four for a row of any length, as in a
// shard.
func Additions[T Float](classes int, skip, wide bool) int {
	block, group := blocks[T]()
	n := min(classes, group)
	switch {
	case n > block:
		return (n-1)/block + bits.Len(uint(block/4-1))
	case wide:
		return bits.Len(uint((n - 1) / 4))
	case skip && (n == 2 || n == 3):
		return n - 2
	}
	return bits.Len(uint(n - 1))
}

// sum returns the relative error of the canonical sum of numbers of one sign, in u: of the
// additions in T and, in a row that is not narrow, of the additions after them. For float32 these
// are in float64: at most 32 groups, three additions of the lanes, and one for each chunk. For
// float64 the errors are carried along: the sum of a chunk is rounded once, and the sum of several
// chunks once more.
//
// Numbers of both signs have this error relative to the sum of their magnitudes.
func sum[T Float](classes int, skip, wide bool) float64 {
	block, group := blocks[T]()
	s := float64(Additions[T](classes, skip, wide))
	if classes <= block && !wide {
		return s
	}
	chunk := 4096
	if !Is32[T]() {
		chunk = 2048
	}
	chunks := (classes + chunk - 1) / chunk
	if Is32[T]() {
		groups := (min(classes, chunk) + group - 1) / group
		return s + float64(groups+3+chunks)*0x1p-29
	}
	return s + float64(min(chunks, 2)) + 0x1p-30 // and what is of second order in the errors
}

func narrow[T Float](classes int) bool {
	block, _ := blocks[T]()
	return classes <= block
}

// wide32 is 1 for a float32 row that is not narrow: its sum, a float64, is rounded once more.
func wide32[T Float](classes int) float64 {
	if Is32[T]() && !narrow[T](classes) {
		return 1
	}
	return 0
}

// in64 returns k, the number of roundings in float64, for float64, and nearly 0 for float32.
func in64[T Float](k float64) float64 {
	if Is32[T]() {
		return k * 0x1p-29
	}
	return k
}

// SoftmaxBound is the bound of Softmax, in ULP: the error of the exponential, of the exponentials
// in the sum, of the additions of the sum, and of the product with 1/S, which is in two parts and
// so rounded once. Below 2^-102 (float64: 2^-969) the product with the second part may be
// subnormal, which adds half an ULP.
func SoftmaxBound[T Float](classes int) float64 {
	if classes == 1 {
		return 0
	}
	return gamma[T](2*ExpError[T]() + sum[T](classes, false, false) + 1 + in64[T](0x1p-40))
}

// ratio is the relative error of R/w, in u, where R is a sum of exponentials with one left out, and
// w is another exponential.
func ratio[T Float](classes int) float64 {
	return 2*ExpError[T]() + sum[T](classes, true, false)
}

// logRounding returns the roundings of log1p(R/w), in u: those in float64, and one to float32.
func logRounding[T Float]() float64 {
	if Is32[T]() {
		return 1 + Log1pError*0x1p-29
	}
	return Log1pError
}

// LogSoftmaxBound is the bound of LogSoftmax, in ULP.
//
// Let v = R/w with the relative error k*u. Then l = log1p(v) has the relative error
// k*u*v/((1+v)*l), which is at most k*u, besides its roundings. The largest entry is -l. Another
// entry is a + l with a = max-x[j]. If v < 1, a is at least -log(v), because the exponential of
// x[j] is part of R. So the part of k*u in the entry is at most p/(-log p) with p = v/(1+v), which
// grows up to p = 1/2. If v > 1, it is at most the part in l. At v = 1 both are 1/(2*log 2). The
// roundings of a and l count as the larger of them, and a + l adds one.
func LogSoftmaxBound[T Float](classes int) float64 {
	if classes == 1 {
		return 0
	}
	k := ratio[T](classes) + in64[T](1)
	return gamma[T](max(k+logRounding[T](), k/(2*math.Ln2)+max(logRounding[T](), 1)+1))
}

// LogSumExpBound is the bound of LogSumExp besides the half ULP of its last rounding, in u of
// log1p(R/w), which is a float64: the error of R/w and those of the logarithm.
func LogSumExpBound[T Float](classes int) float64 {
	if classes == 1 {
		return 0
	}
	return gamma[T](ratio[T](classes) + in64[T](1+Log1pError))
}

// CrossEntropyBound is the bound of the loss by label, relative to the loss and in u, or in ULP:
// the error of R/w and those of the logarithm.
//
// For a label far below the maximum, the loss is base + log(S) with base at least 99 (699). This
// has three roundings in float64, at most half a u for ln 2 times an integer, and a hundredth of
// the errors of S, which is less.
func CrossEntropyBound[T Float](classes int) float64 {
	if classes == 1 {
		return 0
	}
	return gamma[T](ratio[T](classes) + in64[T](1) + logRounding[T]())
}

// CrossEntropyGradBound is the bound of the gradient by label, relative or in ULP, for |scale| from
// 2^-30 to 1. For any other scale that is not a power of two it is 1 more, and for |scale| > 1 the
// probabilities must be normal numbers.
//
// An entry is w*(scale/S). Its error comes from two exponentials, the sum R without the label, the
// sum R+w (in float64 for wide float32 rows), the quotient and the product. The entry of the label
// is scale*(R/S). R/S has at most the error of R/w and the roundings of the sum and the quotient;
// the product adds one.
func CrossEntropyGradBound[T Float](classes int) float64 {
	if classes == 1 {
		return 0
	}
	add := 1.0
	if Is32[T]() && !narrow[T](classes) {
		add = 0x1p-29
	}
	return gamma[T](ratio[T](classes) + add + 2)
}

// CrossEntropyProbBound is the bound of the loss with targets t >= 0, relative to the loss and in
// u. Each term t*(-log p) has the error of an entry of the log-softmax and a product; the terms are
// added. A float32 row that is not narrow is rounded once more.
func CrossEntropyProbBound[T Float](classes int) float64 {
	if classes == 1 {
		return 0
	}
	return gamma[T](LogSoftmaxBound[T](classes) + 1 + sum[T](classes, false, false) +
		wide32[T](classes))
}

// CrossEntropyProbGradBound is the bound of the gradient with targets, in u times the magnitude of
// the terms. That is |scale|*(p*A + t), where A is the sum of the targets, and at the row's largest
// logit |scale|*(p*(A-t) + (1-p)*t).
//
// A is the sum of the targets without the one at the largest logit, plus that one; q = A/S. FMA(w,
// q, -t)*scale has the errors of w and q in p*A, and two roundings of the difference, which is at
// most the magnitude of the terms. At the largest logit both products are made of A-t, p and 1-p =
// R/S, with at most the errors of R/w. For float32 this is in float64, except for one rounding.
func CrossEntropyProbGradBound[T Float](classes int) float64 {
	if classes == 1 {
		return 0
	}
	return gamma[T](ratio[T](classes) + sum[T](classes, true, false) + 3 + in64[T](2))
}

// SoftmaxBackwardBound is the bound of SoftmaxBackward, in u of |y[j]|*(|dy[j]| + sum(|dy*y|)): the
// products and their sum, which is rounded to T, and two roundings of (dy - s)*y.
func SoftmaxBackwardBound[T Float](classes int) float64 {
	return gamma[T](1 + sum[T](classes, false, false) + wide32[T](classes) + 2)
}

// LogSoftmaxBackwardBound is the bound of LogSoftmaxBackward, in u of |dy[j]| +
// exp(y[j])*sum(|dy|), where exp(y[j]) is a normal number: the exponential, the product with 1/a, a
// the scale of all exponentials, which is off by less than u/20 and rounded, the sum, which is
// rounded to T, and one rounding of the difference.
func LogSoftmaxBackwardBound[T Float](classes int) float64 {
	return gamma[T](ExpError[T]() + 1.05 + sum[T](classes, false, false) + wide32[T](classes) + 1)
}

// WeightedBound is the bound of a loss or gradient by label with a weight; bound is the one
// without. The loss is a float64 until it has its weight, so for float32 there is no additional
// rounding. The gradient is multiplied by one factor of type T, the product of dloss and the
// weight, as by a scale.
func WeightedBound[T Float](bound float64, gradient bool) float64 {
	if bound == 0 {
		return 0
	}
	if gradient {
		return bound + 1
	}
	return bound + in64[T](1)
}

// SmoothedBound is the bound of a loss by label with smoothing, or with targets and smoothing or
// weights: CrossEntropyProbBound, the roundings of the weighted targets, and one of the result.
func SmoothedBound[T Float](classes int, roundings float64) float64 {
	if classes == 1 {
		return 0
	}
	return gamma[T](CrossEntropyProbBound[T](classes) + roundings + 1)
}

// ShardSoftmaxBound is the bound of ShardSoftmax in one round, of rows in n shards of at most so
// many classes. It is SoftmaxBound except for the sum, which is folded to four lanes in each shard
// and then added in float64. There, each shard's sum and each Merge may be off by 2^-52, if the
// magnitude of Max is at most 1024.
func ShardSoftmaxBound[T Float](classes, n int) float64 {
	return gamma[T](2*ExpError[T]() + shardSum[T](classes, n) + 1)
}

func shardSum[T Float](classes, n int) float64 {
	return sum[T](classes, false, true) + in64[T](2*float64(n-1)+1)
}

// ShardLogSoftmaxBound is LogSoftmaxBound, with the sums of ShardSoftmaxBound.
func ShardLogSoftmaxBound[T Float](classes, n int) float64 {
	k := 2*ExpError[T]() + shardSum[T](classes, n) + in64[T](1)
	return gamma[T](max(k+logRounding[T](), k/(2*math.Ln2)+max(logRounding[T](), 1)+1))
}

// ShardCrossEntropyBound is CrossEntropyBound for shards. If the element that the sum leaves out is
// not the label, R is S-w, and S is more than twice w. The loss is log(S/w), at least log 2, and an
// error of k*u in S/w becomes one of k*u/log(2).
func ShardCrossEntropyBound[T Float](classes, n int) float64 {
	k := 2*ExpError[T]() + shardSum[T](classes, n) + in64[T](3)
	return gamma[T](k/math.Ln2 + logRounding[T]())
}

// ShardCrossEntropyGradBound is CrossEntropyGradBound for shards: two exponentials, the sum, the
// quotient and the product.
func ShardCrossEntropyGradBound[T Float](classes, n int) float64 {
	return gamma[T](2*ExpError[T]() + shardSum[T](classes, n) + 2 + in64[T](1))
}

// The bounds of SigmoidCrossEntropy and its gradient for targets 0 and 1, in ULP. For float32 they
// are the largest errors over all inputs (TestWalk32). For float64 they are the sums of
// the roundings in each small interval (TestSigmoidLossBound64).

// SigmoidLossBound is the bound of SigmoidCrossEntropy, in ULP, for targets 0 and 1.
func SigmoidLossBound[T Float]() float64 {
	if Is32[T]() {
		return 2.72
	}
	return 3.62
}

// SigmoidGradBound is the bound of SigmoidCrossEntropyGrad with scale 1, in ULP, for targets 0 and
// 1.
func SigmoidGradBound[T Float]() float64 {
	if Is32[T]() {
		return 2.34
	}
	return 3.21
}

// The bounds of the float64 Sigmoid, SigmoidFast and Tanh, in ULP: the sums of the roundings in
// each small interval, for results that are normal numbers (TestSigmoidBound64, TestTanhBound64).
// The bounds for float32 are the largest errors over all inputs.
const (
	SigmoidBound64     = 0.73
	SigmoidFastBound64 = 2.83
	TanhBound64        = 1.95
)

// sigmoidTerms returns the relative errors of log(1+E) and of the two sigmoids, in u. E/(2+E) and
// E/(1+E) have the errors of E, of the denominator and of the quotient. The logarithm adds its own
// rounding, and a tenth for the rest of its series. 1 - E/(1+E) is at least a half, and adds one
// rounding.
func sigmoidTerms[T Float]() (l, sigmoid float64) {
	return LossExpError[T]() + 3.1, LossExpError[T]() + 3
}

// SigmoidSoftLossBound is the bound of SigmoidCrossEntropy for targets in [0, 1], relative to the
// loss and in u: l, 1-t and the sum. With a weight p, the sum of p*t and 1-t, these two, and the
// product with l are rounded too.
func SigmoidSoftLossBound[T Float](weighted bool) float64 {
	l, _ := sigmoidTerms[T]()
	if weighted {
		l += 3
	}
	return gamma[T](l + 1)
}

// SigmoidSoftGradBound is the bound of SigmoidCrossEntropyGrad for targets in [0, 1], in u of
// |scale|*((1-t)*sigmoid(x) + p*t*sigmoid(-x)): 1-t, the sigmoid and their product, the difference
// and the product with scale.
func SigmoidSoftGradBound[T Float]() float64 {
	_, s := sigmoidTerms[T]()
	return gamma[T](1 + s + 1 + 2)
}

// SoftmaxSumBound bounds |sum(p) - 1| for the probabilities p of Softmax, in u. The errors of the
// exponentials are in the sum too and cancel; the errors of its additions and the rounding of each
// probability do not.
func SoftmaxSumBound[T Float](classes int) float64 {
	if classes == 1 {
		return 0
	}
	return gamma[T](sum[T](classes, false, false) + 1 + in64[T](0x1p-40))
}
