package kernels

// Softmax sets the elements of each row of dst to exp(x[j])/sum(exp(x)), where the sum is over the
// classes elements of the row.
//
// An entry is off by at most d+3.8 ULP in float32 and d+3.4 in float64, with the d of the package's
// documentation: 4.8 and 4.4 for two classes, 7.8 and 7.4 for ten, 9.8 from 97 on, 8.4 from 2049
// on. This is the sum of the errors of two exponentials, at most 1.37*u each (float64: 1.19*u), of
// the additions, and of one rounding. For an entry below 2^-102 (float64: 2^-969) it is half an ULP
// more. The largest seen is 8.91 ULP (129 classes) in float32 and 6.67 ULP (17 classes) in float64;
// in rows of at most five classes 5.82 ULP, at {4.6482997, -12.040868, -12.0003195, -56.34521,
// -12.040868}, and 5.60 ULP, at {-30.595334147438415, -63.85807715154164, -30.585151692178744,
// -30.59533414744162, 6.151899340566802}. The entries of a row sum to 1 within (d+1)*u; the largest
// seen is 6.36*2^-24 (128 classes) and 4.61*2^-53 (16 classes). No entry is above 1; one class
// gives exactly 1.
//
// No finite row overflows: the maximum is taken out in the exponent if |max| <= 1024, and
// subtracted otherwise. x[j]-max is not rounded, except for elements below half of a float64
// maximum between 1024 and 1490. An element more than 130 (float64: 1060) below the maximum has the
// probability 0, like the rounded exact one. In the sum it counts as if it were just that far
// below: exp(-130) is 2^-187.
//
// A row with a NaN or +Inf, or with nothing but -Inf, is all NaN; -Inf beside finite elements gives
// +0.
//
// dst may be x. It panics if the lengths differ, the slices partly overlap, classes is not
// positive, or len(x) is not a multiple of classes.
func Softmax[T Float](dst, x []T, classes int) {
	checkLen("Softmax", "dst", dst, "x", x)
	_ = softmaxForward("Softmax", toSoftmax, dst, x, classes, nil)
}

// SoftmaxWith is [Softmax] with a temperature and strides: dst = softmax(opts.LogitScale*x). The
// rows of x are opts.Stride apart and those of dst opts.DstStride. To work in place, the strides
// have to be equal.
//
// It returns an error, and writes nothing, if a stride is less than classes or the scale is not
// positive and finite. It panics if the slices do not have equal numbers of whole rows, if their
// rows partly overlap, or if classes is not positive.
func SoftmaxWith[T Float](dst, x []T, classes int, opts *SoftmaxOptions[T]) error {
	return softmaxForward("SoftmaxWith", toSoftmax, dst, x, classes, opts)
}

// LogSoftmax sets the elements of each row of dst to x[j] - log(sum(exp(x))). It computes
// (x[j]-max) - log1p(rest), where rest is the sum of exp(x-max) over all elements but the first
// maximum, so that the entry of the largest class of a confident row is not rounded to zero.
//
// An entry is off by at most d+3.8 ULP in float32 and d+4.8 in float64, with the d of the package's
// documentation. This also holds for the largest element of a confident row. It is the sum of the
// errors of rest/w, with two exponentials and d additions, of log1p, and of a rounding. The largest
// seen is 8.47 ULP (100 classes) in float32 and 7.53 ULP (17 classes) in float64; in rows of at
// most five classes 5.90 ULP, at {131.44067, 137.70581, 121.060814, 114.80506, 114.80506}, and 6.40
// ULP, at {-86.01581292358244, -117.90871190478452, -117.90871190478583, -81.16625976154862,
// -117.15989227929978}. x[j] itself is used, however far it is below the maximum; in rest it counts
// as in [Softmax].
//
// A row with a NaN or +Inf, or with nothing but -Inf, is all NaN; -Inf beside finite elements gives
// -Inf.
//
// dst may be x. It panics if the lengths differ, the slices partly overlap, classes is not
// positive, or len(x) is not a multiple of classes.
func LogSoftmax[T Float](dst, x []T, classes int) {
	checkLen("LogSoftmax", "dst", dst, "x", x)
	_ = softmaxForward("LogSoftmax", toLogSoftmax, dst, x, classes, nil)
}

// LogSoftmaxWith is [LogSoftmax] with a temperature and strides, as in [SoftmaxWith].
func LogSoftmaxWith[T Float](dst, x []T, classes int, opts *SoftmaxOptions[T]) error {
	return softmaxForward("LogSoftmaxWith", toLogSoftmax, dst, x, classes, opts)
}

func softmaxForward[T Float](
	fn string, do action, dst, x []T, classes int, opts *SoftmaxOptions[T],
) error {
	scale, stride, dststride, err := opts.resolved(fn, classes)
	if err != nil {
		return err
	}
	rows := checkRows(fn, "x", len(x), classes, stride)
	if len(dst) != len(x) || dststride != stride {
		checkSameRows(fn, "dst", checkRows(fn, "dst", len(dst), classes, dststride), "x", rows)
	}
	if opts == nil { // the short way: equal lengths, and no gaps
		checkAlias(fn, "dst", dst, "x", x)
	} else {
		checkApart(fn, "dst,=x", 1, spanOfRows(dst, rows, classes, dststride),
			spanOfRows(x, rows, classes, stride))
	}
	var c call[T]
	c.rows, c.cols, c.dst, c.x, c.scale = rows, classes, matrix[T]{dst, dststride},
		matrix[T]{x, stride}, scale
	c.run(do)
	return nil
}

// SoftmaxBackward sets dx[j] to (dy[j] - sum(dy*y))*y[j] in each row, where y is what [Softmax]
// returned. The products, the sum, the difference and the result are each rounded. A NaN in a row
// of dy or y makes the row NaN.
//
// An element is off by at most (d+3)*u of |y[j]|*(|dy[j]| + sum(|dy*y|)), one u more in float32
// rows of more than 32 classes: the difference may cancel. The largest seen is 7.55*2^-24 (17
// classes) and 6.90*2^-53 (10 classes).
//
// dx may be dy or y, and they may be one slice. It panics if the lengths differ, dx partly overlaps
// one of the others, classes is not positive, or len(dx) is not a multiple of classes.
func SoftmaxBackward[T Float](dx, dy, y []T, classes int) {
	checkLen("SoftmaxBackward", "dx", dx, "dy", dy)
	checkLen("SoftmaxBackward", "dx", dx, "y", y)
	_ = softmaxBackward("SoftmaxBackward", false, dx, dy, y, classes, nil)
}

// SoftmaxBackwardWith is the backward of [SoftmaxWith] with the same options: dx[j] =
// opts.LogitScale*(dy[j] - sum(dy*y))*y[j], rounded after each product. The rows of dx are
// opts.Stride apart and those of dy and y opts.DstStride. dx may be dy or y if the strides are
// equal. Errors and panics are those of [SoftmaxWith].
func SoftmaxBackwardWith[T Float](dx, dy, y []T, classes int, opts *SoftmaxOptions[T]) error {
	return softmaxBackward("SoftmaxBackwardWith", false, dx, dy, y, classes, opts)
}

// LogSoftmaxBackward sets dx[j] to dy[j] - exp(y[j])*sum(dy) in each row, where y is what
// [LogSoftmax] returned. The sum is rounded, and the difference once, by a fused multiply-add. A
// NaN in a row of dy makes the row NaN, one in y makes its element NaN.
//
// An element is off by at most (d+3.5)*u of |dy[j]| + exp(y[j])*sum(|dy|), one u more in float32
// rows of more than 32 classes, as long as exp(y[j]) is a normal number. The largest seen is
// 6.42*2^-24 (26 classes) and 5.49*2^-53 (26 classes).
//
// dx may be dy or y, and they may be one slice. It panics if the lengths differ, dx partly overlaps
// one of the others, classes is not positive, or len(dx) is not a multiple of classes.
func LogSoftmaxBackward[T Float](dx, dy, y []T, classes int) {
	checkLen("LogSoftmaxBackward", "dx", dx, "dy", dy)
	checkLen("LogSoftmaxBackward", "dx", dx, "y", y)
	_ = softmaxBackward("LogSoftmaxBackward", true, dx, dy, y, classes, nil)
}

// LogSoftmaxBackwardWith is the backward of [LogSoftmaxWith] with the same options: dx[j] =
// opts.LogitScale*(dy[j] - exp(y[j])*sum(dy)), rounded after each product. The rows of dx are
// opts.Stride apart and those of dy and y opts.DstStride. dx may be dy or y if the strides are
// equal. Errors and panics are those of [LogSoftmaxWith].
func LogSoftmaxBackwardWith[T Float](dx, dy, y []T, classes int, opts *SoftmaxOptions[T]) error {
	return softmaxBackward("LogSoftmaxBackwardWith", true, dx, dy, y, classes, opts)
}

func softmaxBackward[T Float](
	fn string, log bool, dx, dy, y []T, classes int, opts *SoftmaxOptions[T],
) error {
	scale, stride, dststride, err := opts.resolved(fn, classes)
	if err != nil {
		return err
	}
	rows := checkRows(fn, "dx", len(dx), classes, stride)
	if len(dy) != len(dx) || len(y) != len(dx) || dststride != stride {
		checkSameRows(fn, "dx", rows, "dy", checkRows(fn, "dy", len(dy), classes, dststride))
		checkSameRows(fn, "dx", rows, "y", checkRows(fn, "y", len(y), classes, dststride))
	}
	if len(dy) == len(dx) && len(y) == len(dx) && opts == nil { // the short way: no gaps
		checkAlias(fn, "dx", dx, "dy", dy)
		checkAlias(fn, "dx", dx, "y", y)
	} else {
		checkApart(fn, "dx,=dy,=y", 1, spanOfRows(dx, rows, classes, stride),
			spanOfRows(dy, rows, classes, dststride), spanOfRows(y, rows, classes, dststride))
	}
	to, from := matrix[T]{dx, stride}, matrix[T]{dy, dststride}
	if rows <= 8 {
		var sums [8]float64
		var s [8]T
		backwardRows(log, to, from, y, rows, classes, scale, sums[:], s[:])
	} else {
		var sums [maxRows]float64
		var s [maxRows]T
		backwardRows(log, to, from, y, rows, classes, scale, sums[:], s[:])
	}
	return nil
}
