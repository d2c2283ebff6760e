package kernels

import (
	"fmt"
	"math"
	"unsafe"
)

// SoftmaxOptions changes what [SoftmaxWith] and its like compute, and where their rows lie. The zero value of every field is the plain
// function, and so is a nil pointer: SoftmaxWith(dst, x, classes, nil) is Softmax(dst, x, classes), bit for bit.
//
// The options are those of a layer: the same value goes to the forward and to its backward. Softmax of a stack of 32 rows of 10 logits, which are
// columns 100 to 109 of a matrix of 1000 columns, at temperature 2, and back, the gradient into the same columns of another such matrix:
//
//	opts := &kernels.SoftmaxOptions[float32]{LogitScale: 1.0 / 2, Stride: 1000}
//	lo, hi := 100, 31*1000+110
//	err := kernels.SoftmaxWith(y, m[lo:hi], 10, opts)              // y has 32*10 elements
//	err = kernels.SoftmaxBackwardWith(dm[lo:hi], dy, y, 10, opts)
type SoftmaxOptions[T Float] struct {
	// LogitScale, finite and positive, multiplies the logits before anything else, and so the gradients after everything else:
	// softmax(LogitScale*x). It is one over the temperature; 0 stands for 1. Each product is rounded to T, and the result has the bits of
	// the plain function of these products.
	LogitScale T
	// Stride is the distance, in elements, from the beginning of one row to that of the next in x and in its gradient dx, as the leading
	// dimension of a matrix is in BLAS. 0 stands for classes. A slice with a stride may end anywhere between the last class of its
	// last row and the full stride; what lies between the rows is neither read nor written.
	Stride int
	// DstStride is the same for the forward's result (dst, and y and dy in a backward).
	DstStride int
}

// resolved returns the options with the values for which zero stands.
func (opts *SoftmaxOptions[T]) resolved(fn string, classes int) (o SoftmaxOptions[T], err error) {
	if classes <= 0 {
		panicClasses(fn, classes)
	}
	if opts != nil {
		o = *opts
	}
	if o.LogitScale == 0 {
		o.LogitScale = 1
	}
	if o.Stride == 0 {
		o.Stride = classes
	}
	if o.DstStride == 0 {
		o.DstStride = classes
	}
	if !(o.LogitScale > 0 && float64(o.LogitScale) <= math.MaxFloat64) {
		return o, fmt.Errorf("kernels: %s: LogitScale = %v is not positive and finite", fn, o.LogitScale)
	}
	if o.Stride < classes {
		return o, fmt.Errorf("kernels: %s: Stride = %d is less than classes = %d", fn, o.Stride, classes)
	}
	if o.DstStride < classes {
		return o, fmt.Errorf("kernels: %s: DstStride = %d is less than classes = %d", fn, o.DstStride, classes)
	}
	return o, nil
}

// stridedRows returns the number of rows in n elements; of the last one, there need not be more than its classes.
func stridedRows(fn, name string, n, classes, stride int) int {
	if n == 0 {
		return 0
	}
	rows := (n-1)/stride + 1
	if n-(rows-1)*stride < classes {
		panicStrided(fn, name, n, classes, stride)
	}
	return rows
}

//go:noinline
func panicStrided(fn, name string, n, classes, stride int) {
	if stride == classes {
		panicDivide(fn, name, n, classes)
	}
	panic(fmt.Sprintf("kernels: %s: len(%s) = %d ends inside a row: classes = %d, stride = %d", fn, name, n, classes, stride))
}

func checkSameRows(fn, nameA string, a int, nameB string, b int) {
	if a != b {
		panicSameRows(fn, nameA, a, nameB, b)
	}
}

//go:noinline
func panicSameRows(fn, nameA string, a int, nameB string, b int) {
	panic(fmt.Sprintf("kernels: %s: %s has %d rows, %s has %d", fn, nameA, a, nameB, b))
}

// checkRowsAlias allows the rows of a and b to be the same or to be apart, and nothing between. Rows that take turns in one
// matrix are apart.
func checkRowsAlias[T Float](fn, nameA string, a []T, strideA int, nameB string, b []T, strideB, rows, cols int) {
	if unsafe.SliceData(a) == unsafe.SliceData(b) && (strideA == strideB || rows <= 1) || !overlap(a, b) {
		return
	}
	if strideA == strideB {
		size := unsafe.Sizeof(a[0])
		d := uintptr(unsafe.Pointer(unsafe.SliceData(a))) - uintptr(unsafe.Pointer(unsafe.SliceData(b)))
		if int(d) < 0 {
			d = -d
		}
		d %= uintptr(strideA) * size
		if d >= uintptr(cols)*size && d <= uintptr(strideA-cols)*size {
			return
		}
	}
	panicOverlap(fn, nameA, nameB, "partly overlap")
}

// scaleRows sets dst to x*scale, each product rounded. There are at most maxRows rows, one where they are longer than maxCols.
func scaleRows[T Float](dst, x []T, rows, cols, dststride, xstride int, scale T) {
	var scales, ones [maxRows]T
	filled(&scales, rows, scale)
	filled(&ones, rows, 1)
	step := maxCols[T]()
	for c := 0; c < cols; c += step {
		rowsScaleGrad(dst[c:], x[c:], scales[:rows], ones[:rows], min(cols-c, step), dststride, xstride)
	}
}

// Softmax sets each row of dst to exp(x[j])/sum(exp(x)) over its classes elements.
//
// The maximum is taken out in the exponent, so that no finite row overflows and the difference x[j]-max is not rounded: an entry
// has the errors of two exponentials of at most 1.05 ULP each, of a sum and of a rounding. The tests hold it to 4 ULP, and the sum of a row
// to 2*2^-23 (float64: 2*2^-52) of 1, in rows of 1 to 128,256 classes with elements up to ±300. No entry is above 1; one class gives exactly 1.
// A row with NaN or +Inf in it, or of nothing but -Inf, is all NaN; -Inf beside finite elements gives +0.
//
// dst may be x. It panics if the lengths differ, the slices partly overlap, classes is not positive, or len(x) is not a
// multiple of it.
func Softmax[T Float](dst, x []T, classes int) {
	checkLen("Softmax", "dst", dst, "x", x)
	checkAlias("Softmax", "dst", dst, "x", x)
	rows := checkRows("Softmax", "x", len(x), classes)
	softmaxRows(dst, x, rows, classes, classes, classes, 1)
}

// SoftmaxWith is [Softmax] with a temperature and strides: dst = softmax(opts.LogitScale*x), rows of x at opts.Stride and those of dst at
// opts.DstStride. In place needs equal strides.
//
// It returns an error, and writes nothing, if a stride is less than classes or the scale is not positive and finite. It panics if
// the slices do not have equal numbers of whole rows, if their rows partly overlap, or if classes is not positive.
func SoftmaxWith[T Float](dst, x []T, classes int, opts *SoftmaxOptions[T]) error {
	o, rows, err := opts.forward("SoftmaxWith", dst, x, classes)
	if err == nil {
		softmaxRows(dst, x, rows, classes, o.DstStride, o.Stride, o.LogitScale)
	}
	return err
}

// forward checks the arguments of a forward and returns the number of rows.
func (opts *SoftmaxOptions[T]) forward(fn string, dst, x []T, classes int) (SoftmaxOptions[T], int, error) {
	o, err := opts.resolved(fn, classes)
	if err != nil {
		return o, 0, err
	}
	rows := stridedRows(fn, "x", len(x), classes, o.Stride)
	checkSameRows(fn, "dst", stridedRows(fn, "dst", len(dst), classes, o.DstStride), "x", rows)
	checkRowsAlias(fn, "dst", dst, o.DstStride, "x", x, o.Stride, rows, classes)
	return o, rows, nil
}

// backward is forward for a backward.
func (opts *SoftmaxOptions[T]) backward(fn string, dx, dy, y []T, classes int) (SoftmaxOptions[T], int, error) {
	o, err := opts.resolved(fn, classes)
	if err != nil {
		return o, 0, err
	}
	rows := stridedRows(fn, "dx", len(dx), classes, o.Stride)
	checkSameRows(fn, "dx", rows, "dy", stridedRows(fn, "dy", len(dy), classes, o.DstStride))
	checkSameRows(fn, "dx", rows, "y", stridedRows(fn, "y", len(y), classes, o.DstStride))
	checkRowsAlias(fn, "dx", dx, o.Stride, "dy", dy, o.DstStride, rows, classes)
	checkRowsAlias(fn, "dx", dx, o.Stride, "y", y, o.DstStride, rows, classes)
	return o, rows, nil
}

func softmaxRows[T Float](dst, x []T, rows, cols, dststride, xstride int, scale T) {
	if columnsFit[T](rows, cols) {
		if scale == 1 {
			softmaxColumns(dst, x, rows, cols, dststride, xstride)
			return
		}
		for r0 := 0; r0 < rows; r0 += maxRows {
			n := min(maxRows, rows-r0)
			ds := dst[r0*dststride:]
			scaleRows(ds, x[r0*xstride:], n, cols, dststride, xstride, scale)
			softmaxRows(ds, ds, n, cols, dststride, dststride, 1)
		}
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

// LogSoftmax sets each row of dst to x[j] - log(sum(exp(x))), computed as (x[j]-max) - log1p(rest), where rest is the sum of
// exp(x-max) over the others than the first maximum: so the entry of a confident row's largest class is not rounded to zero.
//
// The tests hold it to 3 ULP, in rows of 1 to 4,097 classes with elements up to ±300. A row with NaN or +Inf in it, or of nothing but -Inf, is all NaN; -Inf beside finite elements gives -Inf.
//
// dst may be x. It panics if the lengths differ, the slices partly overlap, classes is not positive, or len(x) is not a
// multiple of it.
func LogSoftmax[T Float](dst, x []T, classes int) {
	checkLen("LogSoftmax", "dst", dst, "x", x)
	checkAlias("LogSoftmax", "dst", dst, "x", x)
	rows := checkRows("LogSoftmax", "x", len(x), classes)
	logSoftmaxRows(dst, x, rows, classes, classes, classes, 1)
}

// LogSoftmaxWith is [LogSoftmax] with a temperature and strides, as [SoftmaxWith] is of [Softmax].
func LogSoftmaxWith[T Float](dst, x []T, classes int, opts *SoftmaxOptions[T]) error {
	o, rows, err := opts.forward("LogSoftmaxWith", dst, x, classes)
	if err == nil {
		logSoftmaxRows(dst, x, rows, classes, o.DstStride, o.Stride, o.LogitScale)
	}
	return err
}

func logSoftmaxRows[T Float](dst, x []T, rows, cols, dststride, xstride int, scale T) {
	var (
		st    logState[T]
		batch = batchLen[T](cols)
		step  = maxCols[T]()
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		xs, ds, xstride := x[r0*xstride:], dst[r0*dststride:], xstride
		if scale != 1 {
			scaleRows(ds, xs, n, cols, dststride, xstride, scale)
			xs, xstride = ds, dststride
		}
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

// SoftmaxBackward sets dx[j] to (dy[j] - sum(dy*y))*y[j] in each row, where y is what [Softmax] returned. The products, the sum, the
// difference and the result are each rounded. A NaN in a row of dy or y makes the row NaN.
//
// dx may be dy or y, and they may be one slice. It panics if the lengths differ, dx partly overlaps one of the others, classes
// is not positive, or len(dx) is not a multiple of it.
func SoftmaxBackward[T Float](dx, dy, y []T, classes int) {
	checkLen("SoftmaxBackward", "dx", dx, "dy", dy)
	checkLen("SoftmaxBackward", "dx", dx, "y", y)
	checkAlias("SoftmaxBackward", "dx", dx, "dy", dy)
	checkAlias("SoftmaxBackward", "dx", dx, "y", y)
	rows := checkRows("SoftmaxBackward", "dx", len(dx), classes)
	softmaxBackwardRows(dx, dy, y, rows, classes, classes, classes, 1)
}

// SoftmaxBackwardWith is the backward of [SoftmaxWith], given the same options: dx[j] = opts.LogitScale*(dy[j] - sum(dy*y))*y[j], rounded after each product,
// rows of dx at opts.Stride and those of dy and y at opts.DstStride. dx may be dy or y where the strides are equal. Errors and panics are
// those of [SoftmaxWith].
func SoftmaxBackwardWith[T Float](dx, dy, y []T, classes int, opts *SoftmaxOptions[T]) error {
	o, rows, err := opts.backward("SoftmaxBackwardWith", dx, dy, y, classes)
	if err == nil {
		softmaxBackwardRows(dx, dy, y, rows, classes, o.Stride, o.DstStride, o.LogitScale)
	}
	return err
}

func softmaxBackwardRows[T Float](dx, dy, y []T, rows, cols, dxstride, ystride int, scale T) {
	var (
		sums  [maxRows]float64
		ss    [maxRows]T
		batch = batchLen[T](cols)
		step  = maxCols[T]()
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		sum, s := sums[:n], ss[:n]
		dxs, dys, ys := dx[r0*dxstride:], dy[r0*ystride:], y[r0*ystride:]
		batchDot(sum, dys, ys, cols, ystride)
		for r, v := range sum {
			s[r] = T(v)
		}
		for c := 0; c < cols; c += step {
			rowsSoftmaxBackward(dxs[c:], dys[c:], ys[c:], s, min(cols-c, step), dxstride, ystride, ystride)
		}
		if scale != 1 {
			scaleRows(dxs, dxs, n, cols, dxstride, dxstride, scale)
		}
	}
}

func batchDot[T Float](sum []float64, a, b []T, cols, stride int) {
	step, narrow := maxCols[T](), isNarrow[T](cols)
	if cols <= step {
		rowsDot(sum, a, b, cols, stride, stride, narrow)
		return
	}
	var total rowSum[T]
	for c := 0; c < cols; c += step {
		rowsDot(sum, a[c:], b[c:], min(cols-c, step), stride, stride, narrow)
		total.add(sum[0])
	}
	sum[0] = total.sum()
}

// LogSoftmaxBackward sets dx[j] to dy[j] - exp(y[j])*sum(dy) in each row, where y is what [LogSoftmax] returned. The sum is rounded, and
// the difference once, by a fused multiply-add. A NaN in a row of dy makes the row NaN, one in y makes its element NaN.
//
// dx may be dy or y, and they may be one slice. It panics if the lengths differ, dx partly overlaps one of the others, classes
// is not positive, or len(dx) is not a multiple of it.
func LogSoftmaxBackward[T Float](dx, dy, y []T, classes int) {
	checkLen("LogSoftmaxBackward", "dx", dx, "dy", dy)
	checkLen("LogSoftmaxBackward", "dx", dx, "y", y)
	checkAlias("LogSoftmaxBackward", "dx", dx, "dy", dy)
	checkAlias("LogSoftmaxBackward", "dx", dx, "y", y)
	rows := checkRows("LogSoftmaxBackward", "dx", len(dx), classes)
	logSoftmaxBackwardRows(dx, dy, y, rows, classes, classes, classes, 1)
}

// LogSoftmaxBackwardWith is the backward of [LogSoftmaxWith], given the same options: dx[j] = opts.LogitScale*(dy[j] - exp(y[j])*sum(dy)), rounded after each product,
// rows of dx at opts.Stride and those of dy and y at opts.DstStride. dx may be dy or y where the strides are equal. Errors and panics are
// those of [LogSoftmaxWith].
func LogSoftmaxBackwardWith[T Float](dx, dy, y []T, classes int, opts *SoftmaxOptions[T]) error {
	o, rows, err := opts.backward("LogSoftmaxBackwardWith", dx, dy, y, classes)
	if err == nil {
		logSoftmaxBackwardRows(dx, dy, y, rows, classes, o.Stride, o.DstStride, o.LogitScale)
	}
	return err
}

func logSoftmaxBackwardRows[T Float](dx, dy, y []T, rows, cols, dxstride, ystride int, scale T) {
	var (
		sums  [maxRows]float64
		ss    [maxRows]T
		batch = batchLen[T](cols)
		step  = maxCols[T]()
	)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		sum, s := sums[:n], ss[:n]
		dxs, dys, ys := dx[r0*dxstride:], dy[r0*ystride:], y[r0*ystride:]
		batchSum(sum, dys, cols, ystride)
		for r, v := range sum {
			s[r] = T(v)
		}
		for c := 0; c < cols; c += step {
			rowsLogSoftmaxBackward(dxs[c:], dys[c:], ys[c:], s, min(cols-c, step), dxstride, ystride, ystride)
		}
		if scale != 1 {
			scaleRows(dxs, dxs, n, cols, dxstride, dxstride, scale)
		}
	}
}

func batchSum[T Float](sum []float64, a []T, cols, stride int) {
	step, narrow := maxCols[T](), isNarrow[T](cols)
	if cols <= step {
		rowsSum(sum, a, cols, stride, narrow)
		return
	}
	var total rowSum[T]
	for c := 0; c < cols; c += step {
		rowsSum(sum, a[c:], min(cols-c, step), stride, narrow)
		total.add(sum[0])
	}
	sum[0] = total.sum()
}
