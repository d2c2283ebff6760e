package kernels

import (
	"fmt"
	"math"
	"unsafe"
)

// CrossEntropy sets losses[r] to -log(softmax(row r of logits)[labels[r]]), computed as log1p(R/w), where w is the exponential of the
// label's logit and R the sum of the others: so the loss of a confident row is not rounded to zero. Its relative error is at most 4e-7 in
// float32 and 1e-14 in float64 as long as it is not subnormal, up to a label 80 (700) above all others, and for one however far below.
//
// A row with NaN or +Inf in it, or of nothing but -Inf, has the loss NaN. A label of -Inf beside finite logits has the loss +Inf.
//
// There are len(losses) rows and as many labels. It panics if their numbers differ, losses overlaps logits, classes is not positive,
// or len(logits) is not the number of rows times classes. A label that is not in [0, classes) is an error that names its row; nothing has been written then.
func CrossEntropy[T Float, L Label](losses, logits []T, labels []L, classes int) error {
	return crossEntropyNamed("CrossEntropy", losses, logits, labels, classes)
}

func crossEntropyNamed[T Float, L Label](fn string, losses, logits []T, labels []L, classes int) error {
	rows := checkRows(fn, "logits", len(logits), classes)
	checkPerRow(fn, "losses", len(losses), rows)
	checkPerRow(fn, "labels", len(labels), rows)
	checkApart(fn, "losses", losses, "logits", logits)
	if r := badLabel(labels, classes); r >= 0 {
		return labelError(fn, r, labels[r], classes)
	}
	var (
		st    lossBatch[T]
		batch = batchLen[T](classes)
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		for r, l := range labels[r0 : r0+n] {
			st.label[r] = int(l)
		}
		st.forward(n, logits[r0*classes:], classes, classes, 1)
		st.losses(losses[r0 : r0+n])
	}
	return nil
}

// CrossEntropyGrad is [CrossEntropy] and its gradient in one pass: dlogits = scale*(softmax(logits) - onehot(label)), with scale 1/rows the
// gradient of the mean loss. At the label it is -scale*(R/S), not p - 1, and keeps its precision in a confident row as the loss does, with
// the same bound; the other entries have the errors of [Softmax] and one more product. The losses have the bits of CrossEntropy.
//
// dlogits may be logits, and losses may be nil where only the gradient is wanted. A NaN row is NaN in dlogits too. Panics and the error
// are those of CrossEntropy, and it panics if the lengths of dlogits and logits differ, they partly overlap, or losses overlaps one of them.
func CrossEntropyGrad[T Float, L Label](dlogits, losses, logits []T, labels []L, classes int, scale T) error {
	return crossEntropyGradNamed("CrossEntropyGrad", dlogits, losses, logits, labels, classes, scale)
}

func crossEntropyGradNamed[T Float, L Label](fn string, dlogits, losses, logits []T, labels []L, classes int, scale T) error {
	checkLen(fn, "dlogits", dlogits, "logits", logits)
	rows := checkRows(fn, "logits", len(logits), classes)
	if losses != nil {
		checkPerRow(fn, "losses", len(losses), rows)
	}
	checkPerRow(fn, "labels", len(labels), rows)
	checkAlias(fn, "dlogits", dlogits, "logits", logits)
	checkApart(fn, "losses", losses, "logits", logits)
	checkApart(fn, "losses", losses, "dlogits", dlogits)
	if r := badLabel(labels, classes); r >= 0 {
		return labelError(fn, r, labels[r], classes)
	}
	var (
		st    lossBatch[T]
		batch = batchLen[T](classes)
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		for r, l := range labels[r0 : r0+n] {
			st.label[r] = int(l)
		}
		lo := r0 * classes
		st.gradient(n, dlogits[lo:], logits[lo:], classes, classes, classes, 1, scale)
		if losses != nil {
			st.losses(losses[r0 : r0+n])
		}
	}
	return nil
}

// badLabel returns the first row whose label is not in [0, classes), or -1.
func badLabel[L Label](labels []L, classes int) int {
	for r, l := range labels {
		if uint64(l) >= uint64(classes) { // a negative label is a huge uint64
			return r
		}
	}
	return -1
}

func labelError[L Label](fn string, row int, label L, classes int) error {
	return fmt.Errorf("kernels: %s: row %d: label %d is not in [0, %d)", fn, row, label, classes)
}

// lossBatch holds what a batch of labelled rows needs. Its sums leave the label's element out: R, not S - w, so that the
// loss log1p(R/w) and the label's gradient -R/S of a confident row keep their precision.
type lossBatch[T Float] struct {
	label [maxRows]int
	m     [maxRows]T       // row maximum, scaled
	xt    [maxRows]T       // the label's logit, scaled
	wt    [maxRows]T       // its exponential
	rest  [maxRows]float64 // R
	q     [maxRows]T
	log   logArgs

	narrow bool
}

// forward computes what losses needs of n rows.
func (st *lossBatch[T]) forward(n int, x []T, cols, xstride int, scale T) {
	m := st.m[:n]
	st.narrow = isNarrow[T](cols)
	if scale == 1 && columnsFit[T](n, cols) {
		st.forwardColumns(n, x, cols, xstride)
		return
	}
	plain := batchMax(m, x, cols, xstride, scale)
	st.labelLogits(n, x, xstride, scale)
	batchSumSkip(st.rest[:n], x, m, st.label[:n], cols, xstride, scale, plain)
}

// gradient computes what losses needs of n rows, and scale1*(softmax - onehot). dst may be x.
func (st *lossBatch[T]) gradient(n int, dst, x []T, cols, dststride, xstride int, scale, scale1 T) {
	m, q, rest := st.m[:n], st.q[:n], st.rest[:n]
	st.narrow = isNarrow[T](cols)
	num, after := splitScale(scale1)
	if scale == 1 && columnsFit[T](n, cols) {
		st.gradientColumns(n, dst, x, cols, dststride, xstride, scale1, num, after)
		return
	}
	plain := batchMax(m, x, cols, xstride, scale)
	st.labelLogits(n, x, xstride, scale)
	batchExpSumSkip(rest, dst, x, m, st.label[:n], cols, dststride, xstride, scale, plain)

	for r := range q {
		q[r] = quotient(float64(num), st.total(r), st.narrow, T(0))
	}
	var afters [maxRows]T
	filled(&afters, n, after)
	step := maxCols[T]()
	for c := 0; c < cols; c += step {
		rowsScaleGrad(dst[c:], dst[c:], q, afters[:n], min(cols-c, step), dststride, dststride)
	}
	for r, l := range st.label[:n] {
		dst[r*dststride+l] = 0 - T(scale1*quotient(rest[r], st.total(r), st.narrow, T(0)))
	}
}

// labelLogits sets xt and wt. In place, it has to come before the exponentials are stored.
func (st *lossBatch[T]) labelLogits(n int, x []T, xstride int, scale T) {
	for r, l := range st.label[:n] {
		st.xt[r] = T(x[r*xstride+l] * scale)
	}
	expAt(st.wt[:n], st.xt[:n], st.m[:n])
}

// total returns S = R + w of row r, in the type in which the row is added.
func (st *lossBatch[T]) total(r int) float64 {
	if st.narrow {
		return float64(T(st.rest[r]) + st.wt[r])
	}
	return st.rest[r] + float64(st.wt[r])
}

// quotient returns a/b rounded to T. Both are in T where the row is narrow.
func quotient[T Float](a, b float64, narrow bool, _ T) T {
	if narrow {
		return T(a) / T(b)
	}
	return T(a / b)
}

// losses stores the losses of the first len(dst) rows.
func (st *lossBatch[T]) losses(dst []T) {
	n := len(dst)
	loss, w, base := st.log.loss[:n], st.log.w[:n], st.log.base[:n]
	for r := range n {
		loss[r], w[r], base[r] = st.rest[r], float64(st.wt[r]), 0
		if float64(st.xt[r])-float64(st.m[r]) > -99 {
			continue // not far, for either type
		}
		sub, nm, far := expShift(st.m[r])
		if z := float64(st.xt[r]) - sub; z < far {
			// The exponential of the label is clamped, or nearly so, and R/w too large: log(S) - z instead.
			loss[r] = st.total(r) * expUnit[T]()
			base[r] = math.FMA(nm, math.Ln2, -z)
		}
	}
	lossLog(loss, loss, w, base)
	for r, v := range loss {
		dst[r] = T(v)
	}
}

// CrossEntropyProb sets losses[r] to the sum of -targets*log(softmax(logits)) over row r. A target of 0 contributes nothing, also where
// the logit is -Inf. Targets may be any numbers: that they are not negative and sum to one is not checked.
//
// It panics if the lengths of logits and targets differ, losses has not one element a row, losses overlaps one of them, classes is
// not positive, or len(logits) is not a multiple of it. The error is always nil: it is there for checks that later versions may have.
func CrossEntropyProb[T Float](losses, logits, targets []T, classes int) error {
	return crossEntropyProbNamed("CrossEntropyProb", losses, logits, targets, classes)
}

func crossEntropyProbNamed[T Float](fn string, losses, logits, targets []T, classes int) error {
	checkLen(fn, "logits", logits, "targets", targets)
	rows := checkRows(fn, "logits", len(logits), classes)
	checkPerRow(fn, "losses", len(losses), rows)
	checkApart(fn, "losses", losses, "logits", logits)
	checkApart(fn, "losses", losses, "targets", targets)
	var (
		st    logState[T]
		batch = batchLen[T](classes)
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		lo := r0 * classes
		st.forward(n, logits[lo:], classes, classes)
		batchSumProb(&st, losses[r0:r0+n], logits[lo:], targets[lo:], classes, classes, classes)
	}
	return nil
}

// CrossEntropyProbGrad is [CrossEntropyProb] and its gradient: dlogits = scale*(softmax*sum(targets) - targets), the sum over the row. At the row's
// largest logit it is computed from what is left out, so that a confident one-hot row is not rounded to zero. In a row whose targets sum
// to less than classes*2^-61 (float64: classes*2^-509), but not to 0, softmax*sum(targets) may be lost: it is no sum of probabilities.
//
// dlogits may be logits but not targets, and losses may be nil. Panics and the error are those of CrossEntropyProb, and it panics if the
// lengths of dlogits and logits differ, they partly overlap, or another of the slices that are written overlaps one of the others.
func CrossEntropyProbGrad[T Float](dlogits, losses, logits, targets []T, classes int, scale T) error {
	return crossEntropyProbGradNamed("CrossEntropyProbGrad", dlogits, losses, logits, targets, classes, scale)
}

func crossEntropyProbGradNamed[T Float](fn string, dlogits, losses, logits, targets []T, classes int, scale T) error {
	checkLen(fn, "dlogits", dlogits, "logits", logits)
	checkLen(fn, "logits", logits, "targets", targets)
	rows := checkRows(fn, "logits", len(logits), classes)
	if losses != nil {
		checkPerRow(fn, "losses", len(losses), rows)
	}
	checkAlias(fn, "dlogits", dlogits, "logits", logits)
	checkApart(fn, "dlogits", dlogits, "targets", targets)
	checkApart(fn, "losses", losses, "logits", logits)
	checkApart(fn, "losses", losses, "targets", targets)
	checkApart(fn, "losses", losses, "dlogits", dlogits)
	var (
		st    logState[T]
		batch = batchLen[T](classes)
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		lo := r0 * classes
		var loss []T
		if losses != nil {
			loss = losses[r0 : r0+n]
		}
		st.probGradient(n, dlogits[lo:], loss, logits[lo:], targets[lo:], classes, classes, classes, classes, scale)
	}
	return nil
}

// batchSumProb stores the losses of a batch that st.forward has seen.
func batchSumProb[T Float](st *logState[T], losses, x, t []T, cols, xstride, tstride int) {
	n := len(losses)
	m, l, sum := st.m[:n], st.l[:n], st.log.loss[:n]
	step, narrow := maxCols[T](), isNarrow[T](cols)
	var total rowSum[T]
	for c := 0; c < cols; c += step {
		sumProb(sum, x[c:], t[c:], m, l, min(cols-c, step), xstride, tstride, narrow)
		total.add(sum[0])
	}
	if cols > step {
		sum[0] = total.sum()
	}
	for r, v := range sum {
		losses[r] = T(v)
	}
}

// sumProb is rowsSumProb, and right where a loss is infinite: the errors that a float64 sum keeps beside it are NaN then,
// and such a row is added once more, without them.
func sumProb[T Float](sum []float64, x, t, m, l []T, cols, xstride, tstride int, narrow bool) {
	rowsSumProb(sum, x, t, m, l, cols, xstride, tstride, narrow)
	if is32[T]() || narrow {
		return
	}
	for r, v := range sum {
		if v == v {
			continue
		}
		sum[r] = 0
		xs := x[r*xstride:][:cols]
		for j, t := range t[r*tstride:][:cols] {
			if t != 0 {
				sum[r] += float64(T(t * (l[r] + (m[r] - xs[j]))))
			}
		}
	}
}

// probGradient computes the gradient of n rows, and their losses unless nil. dst may be x.
func (st *logState[T]) probGradient(n int, dst, losses, x, t []T, cols, dststride, xstride, tstride int, scale T) {
	m, index, rest := st.m[:n], st.index[:n], st.rest[:n]
	plain := batchMax(m, x, cols, xstride, 1)
	batchFind(index, x, m, cols, xstride)
	inPlace := unsafe.SliceData(dst) == unsafe.SliceData(x)
	if losses != nil && inPlace { // the losses need the logits once more
		batchSumSkip(rest, x, m, index, cols, xstride, 1, plain)
		st.finish(n)
		batchSumProb(st, losses, x, t, cols, xstride, tstride)
	}
	batchExpSumSkip(rest, dst, x, m, index, cols, dststride, xstride, 1, plain)
	st.finish(n)
	if losses != nil && !inPlace {
		batchSumProb(st, losses, x, t, cols, xstride, tstride)
	}

	step, narrow := maxCols[T](), isNarrow[T](cols)
	tsum := st.log.loss[:n] // the sum of the targets without the one at index
	var total rowSum[T]
	var skip [1]int
	for c := 0; c < cols; c += step {
		if cols <= step {
			rowsSumTargetSkip(tsum, t, index, cols, tstride, narrow)
			break
		}
		skip[0] = index[0] - c
		rowsSumTargetSkip(tsum, t[c:], skip[:], min(cols-c, step), tstride, narrow)
		total.add(tsum[0])
	}
	if cols > step {
		tsum[0] = total.sum()
	}

	q, scales, at := st.q[:n], st.scale[:n], st.at[:n]
	for r, i := range index {
		w, tr := float64(st.w[r]), float64(t[r*tstride+i])
		s := rest[r] + w
		q[r] = T((tsum[r] + tr) / s)
		scales[r] = scale
		// p*sum(t) - t at the largest p, without the cancellation: (1-p) is rest/s, and sum(t)-t is tsum.
		at[r] = T(float64(scale) * (float64(tsum[r]*(w/s)) - float64(tr*(rest[r]/s))))
	}
	for c := 0; c < cols; c += step {
		rowsProbGrad(dst[c:], dst[c:], t[c:], q, scales, min(cols-c, step), dststride, dststride, tstride)
	}
	for r, i := range index {
		dst[r*dststride+i] = at[r]
	}
}
