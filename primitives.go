package kernels

// The primitives: every loop over elements, and every reduction, is one of these. The drivers of the public functions
// check, cut the work into pieces and call them; here each folds to the float32 or the float64 form, whose dispatch
// picks the instruction set. The pure Go forms (suffix Generic) are the specification.
//
// What all of them may rely on: slices are of the right length and not empty; one call has at most chunkBytes of
// elements, or, in the rows forms, at most maxRows rows of 1 <= cols <= maxCols columns. Row r of x starts at
// x[r*xstride]; the number of rows is the length of the slice that has one element a row. In place is allowed between
// whole slices of equal stride. narrow says that the whole row, of which this may be a piece, is one block of the canonical sum.

// relu: dst[i] = x[i] > 0 ? x[i] : +0; NaN passes.
func relu[T Float](dst, x []T) {
	if is32[T]() {
		reluF32(f32(dst), f32(x))
	} else {
		reluF64(f64(dst), f64(x))
	}
}

// reluMask is relu, and sets bit i of mask where x[i] <= 0; mask has MaskLen(len(x)) words, bits past the end are cleared.
func reluMask[T Float](dst, x []T, mask []uint64) {
	if is32[T]() {
		reluMaskF32(f32(dst), f32(x), mask)
	} else {
		reluMaskF64(f64(dst), f64(x), mask)
	}
}

// reluBackward: dx[i] = bit i of mask ? +0 : dy[i].
func reluBackward[T Float](dx, dy []T, mask []uint64) {
	if is32[T]() {
		reluBackwardF32(f32(dx), f32(dy), mask)
	} else {
		reluBackwardF64(f64(dx), f64(dy), mask)
	}
}

// reluBackwardOutput: dx[i] = y[i] <= 0 ? +0 : dy[i].
func reluBackwardOutput[T Float](dx, dy, y []T) {
	if is32[T]() {
		reluBackwardOutputF32(f32(dx), f32(dy), f32(y))
	} else {
		reluBackwardOutputF64(f64(dx), f64(dy), f64(y))
	}
}

// sigmoid: dst[i] = 1/(1+exp(-x[i])), the compensated form.
func sigmoid[T Float](dst, x []T) {
	if is32[T]() {
		sigmoidF32(f32(dst), f32(x))
	} else {
		sigmoidF64(f64(dst), f64(x))
	}
}

// sigmoidFast: the same by one quotient.
func sigmoidFast[T Float](dst, x []T) {
	if is32[T]() {
		sigmoidFastF32(f32(dst), f32(x))
	} else {
		sigmoidFastF64(f64(dst), f64(x))
	}
}

// sigmoidBackward: dx[i] = (dy[i]*(1-y[i]))*y[i], every step rounded.
func sigmoidBackward[T Float](dx, dy, y []T) {
	if is32[T]() {
		sigmoidBackwardF32(f32(dx), f32(dy), f32(y))
	} else {
		sigmoidBackwardF64(f64(dx), f64(dy), f64(y))
	}
}

// tanh: dst[i] = (1-exp(-2x))/(1+exp(-2x)).
func tanh[T Float](dst, x []T) {
	if is32[T]() {
		tanhF32(f32(dst), f32(x))
	} else {
		tanhF64(f64(dst), f64(x))
	}
}

// tanhBackward: dx[i] = dy[i] * fma(-y[i], y[i], 1).
func tanhBackward[T Float](dx, dy, y []T) {
	if is32[T]() {
		tanhBackwardF32(f32(dx), f32(dy), f32(y))
	} else {
		tanhBackwardF64(f64(dx), f64(dy), f64(y))
	}
}

// sigmoidLoss: losses[i] = max(x[i],0) - x[i]*t[i] + log1p(exp(-|x[i]|)).
func sigmoidLoss[T Float](losses, x, t []T) {
	if is32[T]() {
		sigmoidLossF32(f32(losses), f32(x), f32(t))
	} else {
		sigmoidLossF64(f64(losses), f64(x), f64(t))
	}
}

// sigmoidLossPos: losses[i] = p[i]*t[i]*log1p(exp(-x[i])) + (1-t[i])*log1p(exp(x[i])).
func sigmoidLossPos[T Float](losses, x, t, p []T) {
	if is32[T]() {
		sigmoidLossPosF32(f32(losses), f32(x), f32(t), f32(p))
	} else {
		sigmoidLossPosF64(f64(losses), f64(x), f64(t), f64(p))
	}
}

// sigmoidLossGrad is sigmoidLoss, and dst[i] = scale*((1-t[i])*sigmoid(x[i]) - t[i]*sigmoid(-x[i])).
func sigmoidLossGrad[T Float](dst, losses, x, t []T, scale T) {
	if is32[T]() {
		sigmoidLossGradF32(f32(dst), f32(losses), f32(x), f32(t), float32(scale))
	} else {
		sigmoidLossGradF64(f64(dst), f64(losses), f64(x), f64(t), float64(scale))
	}
}

// sigmoidLossGradPos is sigmoidLossPos, and dst[i] = scale*((1-t[i])*sigmoid(x[i]) - p[i]*t[i]*sigmoid(-x[i])).
func sigmoidLossGradPos[T Float](dst, losses, x, t, p []T, scale T) {
	if is32[T]() {
		sigmoidLossGradPosF32(f32(dst), f32(losses), f32(x), f32(t), f32(p), float32(scale))
	} else {
		sigmoidLossGradPosF64(f64(dst), f64(losses), f64(x), f64(t), f64(p), float64(scale))
	}
}

// rowsMax: m[r] = the largest element, plus +0. Where the row has a NaN, any element of it will do: what is computed
// from the row is NaN by the exponential.
func rowsMax[T Float](m, x []T, cols, xstride int) {
	if is32[T]() {
		rowsMaxF32(f32(m), f32(x), cols, xstride)
	} else {
		rowsMaxF64(f64(m), f64(x), cols, xstride)
	}
}

// rowsExpSum: w = the exponential of x (see expRow), sum[r] = its canonical sum. The plain form: |m[r]| <= 1024 in every row.
func rowsExpSum[T Float](sum []float64, w, x, m []T, cols, wstride, xstride int, narrow bool) {
	if is32[T]() {
		rowsExpSumF32(sum, f32(w), f32(x), f32(m), cols, wstride, xstride, narrow)
	} else {
		rowsExpSumF64(sum, f64(w), f64(x), f64(m), cols, wstride, xstride, narrow)
	}
}

// rowsExpSumScaled is rowsExpSum for x*scale and any m, which is the maximum of x*scale.
func rowsExpSumScaled[T Float](sum []float64, w, x, m []T, cols, wstride, xstride int, scale T, narrow bool) {
	if is32[T]() {
		rowsExpSumScaledF32(sum, f32(w), f32(x), f32(m), cols, wstride, xstride, float32(scale), narrow)
	} else {
		rowsExpSumScaledF64(sum, f64(w), f64(x), f64(m), cols, wstride, xstride, float64(scale), narrow)
	}
}

// rowsExpSumSkip is rowsExpSum with column skip[r] counted as +0 in the sum; no such column, none left out.
func rowsExpSumSkip[T Float](sum []float64, w, x, m []T, skip []int, cols, wstride, xstride int, narrow bool) {
	if is32[T]() {
		rowsExpSumSkipF32(sum, f32(w), f32(x), f32(m), skip, cols, wstride, xstride, narrow)
	} else {
		rowsExpSumSkipF64(sum, f64(w), f64(x), f64(m), skip, cols, wstride, xstride, narrow)
	}
}

// rowsExpSumSkipScaled is rowsExpSumSkip for x*scale and any m.
func rowsExpSumSkipScaled[T Float](sum []float64, w, x, m []T, skip []int, cols, wstride, xstride int, scale T, narrow bool) {
	if is32[T]() {
		rowsExpSumSkipScaledF32(sum, f32(w), f32(x), f32(m), skip, cols, wstride, xstride, float32(scale), narrow)
	} else {
		rowsExpSumSkipScaledF64(sum, f64(w), f64(x), f64(m), skip, cols, wstride, xstride, float64(scale), narrow)
	}
}

// rowsSumSkip is rowsExpSumSkip that stores no exponential.
func rowsSumSkip[T Float](sum []float64, x, m []T, skip []int, cols, xstride int, narrow bool) {
	if is32[T]() {
		rowsSumSkipF32(sum, f32(x), f32(m), skip, cols, xstride, narrow)
	} else {
		rowsSumSkipF64(sum, f64(x), f64(m), skip, cols, xstride, narrow)
	}
}

// rowsSumSkipScaled is rowsSumSkip for x*scale and any m.
func rowsSumSkipScaled[T Float](sum []float64, x, m []T, skip []int, cols, xstride int, scale T, narrow bool) {
	if is32[T]() {
		rowsSumSkipScaledF32(sum, f32(x), f32(m), skip, cols, xstride, float32(scale), narrow)
	} else {
		rowsSumSkipScaledF64(sum, f64(x), f64(m), skip, cols, xstride, float64(scale), narrow)
	}
}

// expAt: w[i] = the exponential of x[i] in a row whose maximum is m[i], both already scaled: the bits that the row forms give.
func expAt[T Float](w, x, m []T) {
	if is32[T]() {
		expAtF32(f32(w), f32(x), f32(m))
	} else {
		expAtF64(f64(w), f64(x), f64(m))
	}
}

// rowsScale: dst = fma(w, rh[r], w*rl[r]).
func rowsScale[T Float](dst, w, rh, rl []T, cols, dststride, wstride int) {
	if is32[T]() {
		rowsScaleF32(f32(dst), f32(w), f32(rh), f32(rl), cols, dststride, wstride)
	} else {
		rowsScaleF64(f64(dst), f64(w), f64(rh), f64(rl), cols, dststride, wstride)
	}
}

// rowsScaleGrad: dst = (w*q[r])*after.
func rowsScaleGrad[T Float](dst, w, q []T, after T, cols, dststride, wstride int) {
	if is32[T]() {
		rowsScaleGradF32(f32(dst), f32(w), f32(q), float32(after), cols, dststride, wstride)
	} else {
		rowsScaleGradF64(f64(dst), f64(w), f64(q), float64(after), cols, dststride, wstride)
	}
}

// rowsDot: sum[r] = the canonical sum of a*b, each product rounded.
func rowsDot[T Float](sum []float64, a, b []T, cols, astride, bstride int, narrow bool) {
	if is32[T]() {
		rowsDotF32(sum, f32(a), f32(b), cols, astride, bstride, narrow)
	} else {
		rowsDotF64(sum, f64(a), f64(b), cols, astride, bstride, narrow)
	}
}

// rowsSum: sum[r] = the canonical sum of a.
func rowsSum[T Float](sum []float64, a []T, cols, astride int, narrow bool) {
	if is32[T]() {
		rowsSumF32(sum, f32(a), cols, astride, narrow)
	} else {
		rowsSumF64(sum, f64(a), cols, astride, narrow)
	}
}

// rowsSoftmaxBackward: dx = (dy - s[r])*y.
func rowsSoftmaxBackward[T Float](dx, dy, y, s []T, cols, dxstride, dystride, ystride int) {
	if is32[T]() {
		rowsSoftmaxBackwardF32(f32(dx), f32(dy), f32(y), f32(s), cols, dxstride, dystride, ystride)
	} else {
		rowsSoftmaxBackwardF64(f64(dx), f64(dy), f64(y), f64(s), cols, dxstride, dystride, ystride)
	}
}

// rowsLogSoftmax: dst = (x - m[r]) - l[r].
func rowsLogSoftmax[T Float](dst, x, m, l []T, cols, dststride, xstride int) {
	if is32[T]() {
		rowsLogSoftmaxF32(f32(dst), f32(x), f32(m), f32(l), cols, dststride, xstride)
	} else {
		rowsLogSoftmaxF64(f64(dst), f64(x), f64(m), f64(l), cols, dststride, xstride)
	}
}

// rowsLogSoftmaxBackward: dx = fma(-exp(min(y,0)), s[r], dy).
func rowsLogSoftmaxBackward[T Float](dx, dy, y, s []T, cols, dxstride, dystride, ystride int) {
	if is32[T]() {
		rowsLogSoftmaxBackwardF32(f32(dx), f32(dy), f32(y), f32(s), cols, dxstride, dystride, ystride)
	} else {
		rowsLogSoftmaxBackwardF64(f64(dx), f64(dy), f64(y), f64(s), cols, dxstride, dystride, ystride)
	}
}

// rowsTop: m[r] = the largest element, NaN counted as +Inf, plus +0.
func rowsTop[T Float](m, x []T, cols, xstride int) {
	if is32[T]() {
		rowsTopF32(f32(m), f32(x), cols, xstride)
	} else {
		rowsTopF64(f64(m), f64(x), cols, xstride)
	}
}

// rowsFind: index[r] = the first j with x[j]+0 == m[r], or 0 where there is none.
func rowsFind[T Float](index []int, x, m []T, cols, xstride int) {
	if is32[T]() {
		rowsFindF32(index, f32(x), f32(m), cols, xstride)
	} else {
		rowsFindF64(index, f64(x), f64(m), cols, xstride)
	}
}

// rowsSumProb: sum[r] = the canonical sum of t == 0 ? +0 : t*(l[r] + (m[r]-x)), every step rounded.
func rowsSumProb[T Float](sum []float64, x, t, m, l []T, cols, xstride, tstride int, narrow bool) {
	if is32[T]() {
		rowsSumProbF32(sum, f32(x), f32(t), f32(m), f32(l), cols, xstride, tstride, narrow)
	} else {
		rowsSumProbF64(sum, f64(x), f64(t), f64(m), f64(l), cols, xstride, tstride, narrow)
	}
}

// rowsSumTargetSkip: sum[r] = the canonical sum of t with column skip[r] counted as +0.
func rowsSumTargetSkip[T Float](sum []float64, t []T, skip []int, cols, tstride int, narrow bool) {
	if is32[T]() {
		rowsSumTargetSkipF32(sum, f32(t), skip, cols, tstride, narrow)
	} else {
		rowsSumTargetSkipF64(sum, f64(t), skip, cols, tstride, narrow)
	}
}

// rowsProbGrad: dst = fma(w, q[r], -t)*scale[r].
func rowsProbGrad[T Float](dst, w, t, q, scale []T, cols, dststride, wstride, tstride int) {
	if is32[T]() {
		rowsProbGradF32(f32(dst), f32(w), f32(t), f32(q), f32(scale), cols, dststride, wstride, tstride)
	} else {
		rowsProbGradF64(f64(dst), f64(w), f64(t), f64(q), f64(scale), cols, dststride, wstride, tstride)
	}
}

// lossLog: loss[i] = log1p(r[i]/w[i]) where base[i] is 0, else base[i] + log(r[i]).
func lossLog(loss, r, w, base []float64) { lossLogF64(loss, r, w, base) }

// columnsSoftmax: dst = softmax of rows of few columns; half is columnsHalf(cols). There are at least as many rows as a vector has lanes.
func columnsSoftmax[T Float](dst, x []T, rows, cols, half, dststride, xstride int) {
	if is32[T]() {
		columnsSoftmaxF32(f32(dst), f32(x), rows, cols, half, dststride, xstride)
	} else {
		columnsSoftmaxF64(f64(dst), f64(x), rows, cols, half, dststride, xstride)
	}
}

// columnsSumSkip: m, rest, w = the maximum, the sum of the exponentials without the label's, and the label's, of rows of few columns.
func columnsSumSkip[T Float](m, rest, w, x []T, label []int, rows, cols, half, xstride int) {
	if is32[T]() {
		columnsSumSkipF32(f32(m), f32(rest), f32(w), f32(x), label, rows, cols, half, xstride)
	} else {
		columnsSumSkipF64(f64(m), f64(rest), f64(w), f64(x), label, rows, cols, half, xstride)
	}
}

// columnsGrad is columnsSumSkip, and dst = (exponential*(num/S))*after, but 0 - scale*(rest/S) at the label, with S = rest+w.
func columnsGrad[T Float](dst, m, rest, w, x []T, label []int, rows, cols, half, dststride, xstride int, scale, num, after T) {
	if is32[T]() {
		columnsGradF32(f32(dst), f32(m), f32(rest), f32(w), f32(x), label, rows, cols, half, dststride, xstride, float32(scale), float32(num), float32(after))
	} else {
		columnsGradF64(f64(dst), f64(m), f64(rest), f64(w), f64(x), label, rows, cols, half, dststride, xstride, float64(scale), float64(num), float64(after))
	}
}

// reluStream is relu with stores past the caches; see streams.
func reluStream[T Float](dst, x []T) {
	if is32[T]() {
		reluStreamF32(f32(dst), f32(x))
	} else {
		reluStreamF64(f64(dst), f64(x))
	}
}

// reluMaskStream is reluMask with stores past the caches; see streams.
func reluMaskStream[T Float](dst, x []T, mask []uint64) {
	if is32[T]() {
		reluMaskStreamF32(f32(dst), f32(x), mask)
	} else {
		reluMaskStreamF64(f64(dst), f64(x), mask)
	}
}

// reluBackwardStream is reluBackward with stores past the caches; see streams.
func reluBackwardStream[T Float](dx, dy []T, mask []uint64) {
	if is32[T]() {
		reluBackwardStreamF32(f32(dx), f32(dy), mask)
	} else {
		reluBackwardStreamF64(f64(dx), f64(dy), mask)
	}
}

// sigmoidBackwardStream is sigmoidBackward with stores past the caches; see streams.
func sigmoidBackwardStream[T Float](dx, dy, y []T) {
	if is32[T]() {
		sigmoidBackwardStreamF32(f32(dx), f32(dy), f32(y))
	} else {
		sigmoidBackwardStreamF64(f64(dx), f64(dy), f64(y))
	}
}
