package kernels

import "math"

// Softmax sets each row of dst to exp(x[j])/sum(exp(x)) over its classes.
func Softmax[T Float](dst, x []T, classes int) {
	checkLen("Softmax", "dst", dst, "x", x)
	checkAlias("Softmax", "dst", dst, "x", x)
	rows := checkRows("Softmax", "x", len(x), classes)
	softmaxRows(dst, x, rows, classes, classes, classes, 1)
}

func softmaxRows[T Float](dst, x []T, rows, cols, dststride, xstride int, scale T) {
	if scale == 1 && columnsFit[T](rows, cols) {
		softmaxColumns(dst, x, rows, cols, dststride, xstride)
		return
	}
	var (
		sums   [maxRows]float64
		ms     [maxRows]T
		rhs    [maxRows]T
		rls    [maxRows]T
		narrow = isNarrow[T](cols)
		batch  = batchLen[T](cols)
		step   = maxCols[T]()
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		sum, m, rh, rl := sums[:n], ms[:n], rhs[:n], rls[:n]
		xs, ds := x[r0*xstride:], dst[r0*dststride:]
		plain := batchMax(m, xs, cols, xstride, scale)
		batchExpSum(sum, ds, xs, m, cols, dststride, xstride, scale, plain)
		for r, s := range sum {
			rh[r], rl[r] = reciprocal[T](s, narrow)
		}
		for c := 0; c < cols; c += step {
			rowsScale(ds[c:], ds[c:], rh, rl, min(cols-c, step), dststride, dststride)
		}
	}
}

// reciprocal returns 1/s in two parts, so that w/s is rounded once and one class gives exactly 1.
func reciprocal[T Float](s float64, narrow bool) (rh, rl T) {
	switch {
	case !is32[T]():
		h := 1 / s
		return T(h), T(float64(math.FMA(-s, h, 1) * h))
	case narrow: // s is a float32
		h := 1 / float32(s)
		return T(h), T(float32(fma32(float32(-s), h, 1) * h))
	default:
		q := 1 / s
		h := T(q)
		return h, T(q - float64(h))
	}
}

// LogSoftmax sets each row of dst to x[j] - log(sum(exp(x))).
func LogSoftmax[T Float](dst, x []T, classes int) {
	checkLen("LogSoftmax", "dst", dst, "x", x)
	checkAlias("LogSoftmax", "dst", dst, "x", x)
	rows := checkRows("LogSoftmax", "x", len(x), classes)
	logSoftmaxRows(dst, x, rows, classes, classes, classes)
}

func logSoftmaxRows[T Float](dst, x []T, rows, cols, dststride, xstride int) {
	var (
		st    logState[T]
		batch = batchLen[T](cols)
		step  = maxCols[T]()
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		xs, ds := x[r0*xstride:], dst[r0*dststride:]
		st.forward(n, xs, cols, xstride)
		for c := 0; c < cols; c += step {
			rowsLogSoftmax(ds[c:], xs[c:], st.m[:n], st.l[:n], min(cols-c, step), dststride, xstride)
		}
	}
}

// logState is what a batch of rows needs for the logarithm of its softmax: log p = (x-m) - l.
type logState[T Float] struct {
	m     [maxRows]T       // the row's maximum
	w     [maxRows]T       // the exponential of m
	l     [maxRows]T       // log1p(rest/w), the log of the sum of exp(x-m)
	index [maxRows]int     // the first column that holds m
	rest  [maxRows]float64 // the sum of the exponentials without it
	q     [maxRows]T       // for the gradient: sum(targets)/S, the scale, and the element at index
	scale [maxRows]T
	at    [maxRows]T
	log   logArgs
}

// logArgs are the arguments of lossLog that are not sums.
type logArgs struct{ loss, w, base [maxRows]float64 }

func (st *logState[T]) forward(n int, x []T, cols, xstride int) {
	m, index, rest := st.m[:n], st.index[:n], st.rest[:n]
	plain := batchMax(m, x, cols, xstride, 1)
	batchFind(index, x, m, cols, xstride)
	batchSumSkip(rest, x, m, index, cols, xstride, 1, plain)
	st.finish(n)
}

// finish computes w and l from m and rest.
func (st *logState[T]) finish(n int) {
	loss, w, base := st.log.loss[:n], st.log.w[:n], st.log.base[:n]
	expAt(st.w[:n], st.m[:n], st.m[:n])
	for r, v := range st.w[:n] {
		w[r], base[r] = float64(v), 0
	}
	lossLog(loss, st.rest[:n], w, base)
	for r, v := range loss {
		st.l[r] = T(v)
	}
}

// SoftmaxBackward sets dx[j] to (dy[j] - sum(dy*y))*y[j] in each row.
func SoftmaxBackward[T Float](dx, dy, y []T, classes int) {
	checkLen("SoftmaxBackward", "dx", dx, "dy", dy)
	checkLen("SoftmaxBackward", "dx", dx, "y", y)
	checkAlias("SoftmaxBackward", "dx", dx, "dy", dy)
	checkAlias("SoftmaxBackward", "dx", dx, "y", y)
	rows := checkRows("SoftmaxBackward", "dx", len(dx), classes)
	var (
		sums  [maxRows]float64
		ss    [maxRows]T
		batch = batchLen[T](classes)
		step  = maxCols[T]()
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		sum, s := sums[:n], ss[:n]
		lo := r0 * classes
		dxs, dys, ys := dx[lo:], dy[lo:], y[lo:]
		batchDot(sum, dys, ys, classes)
		for r, v := range sum {
			s[r] = T(v)
		}
		for c := 0; c < classes; c += step {
			rowsSoftmaxBackward(dxs[c:], dys[c:], ys[c:], s, min(classes-c, step), classes, classes, classes)
		}
	}
}

func batchDot[T Float](sum []float64, a, b []T, cols int) {
	step, narrow := maxCols[T](), isNarrow[T](cols)
	if cols <= step {
		rowsDot(sum, a, b, cols, cols, cols, narrow)
		return
	}
	var total rowSum[T]
	for c := 0; c < cols; c += step {
		rowsDot(sum, a[c:], b[c:], min(cols-c, step), cols, cols, narrow)
		total.add(sum[0])
	}
	sum[0] = total.sum()
}

// LogSoftmaxBackward sets dx[j] to dy[j] - exp(y[j])*sum(dy) in each row.
func LogSoftmaxBackward[T Float](dx, dy, y []T, classes int) {
	checkLen("LogSoftmaxBackward", "dx", dx, "dy", dy)
	checkLen("LogSoftmaxBackward", "dx", dx, "y", y)
	checkAlias("LogSoftmaxBackward", "dx", dx, "dy", dy)
	checkAlias("LogSoftmaxBackward", "dx", dx, "y", y)
	rows := checkRows("LogSoftmaxBackward", "dx", len(dx), classes)
	var (
		sums  [maxRows]float64
		ss    [maxRows]T
		batch = batchLen[T](classes)
		step  = maxCols[T]()
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		sum, s := sums[:n], ss[:n]
		lo := r0 * classes
		dxs, dys, ys := dx[lo:], dy[lo:], y[lo:]
		batchSum(sum, dys, classes)
		for r, v := range sum {
			s[r] = T(v)
		}
		for c := 0; c < classes; c += step {
			rowsLogSoftmaxBackward(dxs[c:], dys[c:], ys[c:], s, min(classes-c, step), classes, classes, classes)
		}
	}
}

func batchSum[T Float](sum []float64, a []T, cols int) {
	step, narrow := maxCols[T](), isNarrow[T](cols)
	if cols <= step {
		rowsSum(sum, a, cols, cols, narrow)
		return
	}
	var total rowSum[T]
	for c := 0; c < cols; c += step {
		rowsSum(sum, a[c:], min(cols-c, step), cols, narrow)
		total.add(sum[0])
	}
	sum[0] = total.sum()
}
