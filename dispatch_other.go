package kernels

// The dispatch of a build without assembly: every primitive is its pure Go form.

func reluF32(dst, x []float32)                        { reluF32Generic(dst, x) }
func reluF64(dst, x []float64)                        { reluF64Generic(dst, x) }
func reluMaskF32(dst, x []float32, mask []uint64)     { reluMaskF32Generic(dst, x, mask) }
func reluMaskF64(dst, x []float64, mask []uint64)     { reluMaskF64Generic(dst, x, mask) }
func reluBackwardF32(dx, dy []float32, mask []uint64) { reluBackwardF32Generic(dx, dy, mask) }
func reluBackwardF64(dx, dy []float64, mask []uint64) { reluBackwardF64Generic(dx, dy, mask) }
func sigmoidF32(dst, x []float32)                     { sigmoidF32Generic(dst, x) }
func sigmoidF64(dst, x []float64)                     { sigmoidF64Generic(dst, x) }
func sigmoidFastF32(dst, x []float32)                 { sigmoidFastF32Generic(dst, x) }
func sigmoidFastF64(dst, x []float64)                 { sigmoidFastF64Generic(dst, x) }
func sigmoidBackwardF32(dx, dy, y []float32)          { sigmoidBackwardF32Generic(dx, dy, y) }
func sigmoidBackwardF64(dx, dy, y []float64)          { sigmoidBackwardF64Generic(dx, dy, y) }
func rowsMaxF32(m, x []float32, cols, xstride int)    { rowsMaxF32Generic(m, x, cols, xstride) }
func rowsMaxF64(m, x []float64, cols, xstride int)    { rowsMaxF64Generic(m, x, cols, xstride) }
func rowsExpSumF32(sum []float64, w, x, m []float32, cols, wstride, xstride int, narrow bool) {
	rowsExpSumF32Generic(sum, w, x, m, cols, wstride, xstride, narrow)
}
func rowsExpSumF64(sum []float64, w, x, m []float64, cols, wstride, xstride int, narrow bool) {
	rowsExpSumF64Generic(sum, w, x, m, cols, wstride, xstride, narrow)
}
func rowsExpSumScaledF32(sum []float64, w, x, m []float32, cols, wstride, xstride int, scale float32, narrow bool) {
	rowsExpSumScaledF32Generic(sum, w, x, m, cols, wstride, xstride, scale, narrow)
}
func rowsExpSumScaledF64(sum []float64, w, x, m []float64, cols, wstride, xstride int, scale float64, narrow bool) {
	rowsExpSumScaledF64Generic(sum, w, x, m, cols, wstride, xstride, scale, narrow)
}
func rowsExpSumSkipF32(sum []float64, w, x, m []float32, skip []int, cols, wstride, xstride int, narrow bool) {
	rowsExpSumSkipF32Generic(sum, w, x, m, skip, cols, wstride, xstride, narrow)
}
func rowsExpSumSkipF64(sum []float64, w, x, m []float64, skip []int, cols, wstride, xstride int, narrow bool) {
	rowsExpSumSkipF64Generic(sum, w, x, m, skip, cols, wstride, xstride, narrow)
}
func rowsExpSumSkipScaledF32(sum []float64, w, x, m []float32, skip []int, cols, wstride, xstride int, scale float32, narrow bool) {
	rowsExpSumSkipScaledF32Generic(sum, w, x, m, skip, cols, wstride, xstride, scale, narrow)
}
func rowsExpSumSkipScaledF64(sum []float64, w, x, m []float64, skip []int, cols, wstride, xstride int, scale float64, narrow bool) {
	rowsExpSumSkipScaledF64Generic(sum, w, x, m, skip, cols, wstride, xstride, scale, narrow)
}
func rowsSumSkipF32(sum []float64, x, m []float32, skip []int, cols, xstride int, narrow bool) {
	rowsSumSkipF32Generic(sum, x, m, skip, cols, xstride, narrow)
}
func rowsSumSkipF64(sum []float64, x, m []float64, skip []int, cols, xstride int, narrow bool) {
	rowsSumSkipF64Generic(sum, x, m, skip, cols, xstride, narrow)
}
func rowsSumSkipScaledF32(sum []float64, x, m []float32, skip []int, cols, xstride int, scale float32, narrow bool) {
	rowsSumSkipScaledF32Generic(sum, x, m, skip, cols, xstride, scale, narrow)
}
func rowsSumSkipScaledF64(sum []float64, x, m []float64, skip []int, cols, xstride int, scale float64, narrow bool) {
	rowsSumSkipScaledF64Generic(sum, x, m, skip, cols, xstride, scale, narrow)
}
func expAtF32(w, x, m []float32) { expAtF32Generic(w, x, m) }
func expAtF64(w, x, m []float64) { expAtF64Generic(w, x, m) }
func rowsScaleF32(dst, w, rh, rl []float32, cols, dststride, wstride int) {
	rowsScaleF32Generic(dst, w, rh, rl, cols, dststride, wstride)
}
func rowsScaleF64(dst, w, rh, rl []float64, cols, dststride, wstride int) {
	rowsScaleF64Generic(dst, w, rh, rl, cols, dststride, wstride)
}
func rowsScaleGradF32(dst, w, q []float32, after float32, cols, dststride, wstride int) {
	rowsScaleGradF32Generic(dst, w, q, after, cols, dststride, wstride)
}
func rowsScaleGradF64(dst, w, q []float64, after float64, cols, dststride, wstride int) {
	rowsScaleGradF64Generic(dst, w, q, after, cols, dststride, wstride)
}
func rowsDotF32(sum []float64, a, b []float32, cols, astride, bstride int, narrow bool) {
	rowsDotF32Generic(sum, a, b, cols, astride, bstride, narrow)
}
func rowsDotF64(sum []float64, a, b []float64, cols, astride, bstride int, narrow bool) {
	rowsDotF64Generic(sum, a, b, cols, astride, bstride, narrow)
}
func rowsSumF32(sum []float64, a []float32, cols, astride int, narrow bool) {
	rowsSumF32Generic(sum, a, cols, astride, narrow)
}
func rowsSumF64(sum []float64, a []float64, cols, astride int, narrow bool) {
	rowsSumF64Generic(sum, a, cols, astride, narrow)
}
func rowsSoftmaxBackwardF32(dx, dy, y, s []float32, cols, dxstride, dystride, ystride int) {
	rowsSoftmaxBackwardF32Generic(dx, dy, y, s, cols, dxstride, dystride, ystride)
}
func rowsSoftmaxBackwardF64(dx, dy, y, s []float64, cols, dxstride, dystride, ystride int) {
	rowsSoftmaxBackwardF64Generic(dx, dy, y, s, cols, dxstride, dystride, ystride)
}
func rowsLogSoftmaxF32(dst, x, m, l []float32, cols, dststride, xstride int) {
	rowsLogSoftmaxF32Generic(dst, x, m, l, cols, dststride, xstride)
}
func rowsLogSoftmaxF64(dst, x, m, l []float64, cols, dststride, xstride int) {
	rowsLogSoftmaxF64Generic(dst, x, m, l, cols, dststride, xstride)
}
func rowsLogSoftmaxBackwardF32(dx, dy, y, s []float32, cols, dxstride, dystride, ystride int) {
	rowsLogSoftmaxBackwardF32Generic(dx, dy, y, s, cols, dxstride, dystride, ystride)
}
func rowsLogSoftmaxBackwardF64(dx, dy, y, s []float64, cols, dxstride, dystride, ystride int) {
	rowsLogSoftmaxBackwardF64Generic(dx, dy, y, s, cols, dxstride, dystride, ystride)
}
func rowsFindF32(index []int, x, m []float32, cols, xstride int) {
	rowsFindF32Generic(index, x, m, cols, xstride)
}
func rowsFindF64(index []int, x, m []float64, cols, xstride int) {
	rowsFindF64Generic(index, x, m, cols, xstride)
}
func rowsSumProbF32(sum []float64, x, t, m, l []float32, cols, xstride, tstride int, narrow bool) {
	rowsSumProbF32Generic(sum, x, t, m, l, cols, xstride, tstride, narrow)
}
func rowsSumProbF64(sum []float64, x, t, m, l []float64, cols, xstride, tstride int, narrow bool) {
	rowsSumProbF64Generic(sum, x, t, m, l, cols, xstride, tstride, narrow)
}
func rowsSumTargetSkipF32(sum []float64, t []float32, skip []int, cols, tstride int, narrow bool) {
	rowsSumTargetSkipF32Generic(sum, t, skip, cols, tstride, narrow)
}
func rowsSumTargetSkipF64(sum []float64, t []float64, skip []int, cols, tstride int, narrow bool) {
	rowsSumTargetSkipF64Generic(sum, t, skip, cols, tstride, narrow)
}
func rowsProbGradF32(dst, w, t, q, scale []float32, cols, dststride, wstride, tstride int) {
	rowsProbGradF32Generic(dst, w, t, q, scale, cols, dststride, wstride, tstride)
}
func rowsProbGradF64(dst, w, t, q, scale []float64, cols, dststride, wstride, tstride int) {
	rowsProbGradF64Generic(dst, w, t, q, scale, cols, dststride, wstride, tstride)
}
func lossLogF64(loss, r, w, base []float64) { lossLogF64Generic(loss, r, w, base) }
