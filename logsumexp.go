package kernels

import "fmt"

// LogSumExp sets dst[r] to log(sum(exp(x))), where the sum is over the classes elements of row r of
// x, as torch.logsumexp does over the last dimension. It computes max + log1p(rest), where rest is
// the sum of exp(x-max) over all elements but the first maximum.
//
// The result is off by at most half an ULP, and (d+2.8)*u of log1p(rest) in float32, (d+4.8)*u in
// float64, with the d of the package's documentation (u is 2^-24, in float64 2^-53): max and
// log1p(rest) may cancel. Besides the half ULP, the largest seen is 6.98*2^-24 of log1p(rest) (26
// classes) and 7.19*2^-53 (10 classes). No finite row overflows on the way; one class gives itself,
// and -0 gives +0.
//
// A row with a NaN gives NaN, any other row with +Inf gives +Inf, and a row of nothing but -Inf
// gives -Inf. -Inf beside finite elements counts as nothing.
//
// Its backward is [Softmax] of the row times dy[r]: dx[j] = dy[r]*exp(x[j]-dst[r]).
//
// There are len(dst) rows of classes elements. It panics if len(x) is not len(dst)*classes, dst
// overlaps x, or classes is not positive.
func LogSumExp[T Float](dst, x []T, classes int) {
	_ = logSumExp("LogSumExp", dst, x, classes, nil)
}

// LogSumExpWith is [LogSumExp] with a temperature and a stride: dst[r] is that of
// opts.LogitScale*x, whose rows are opts.Stride apart.
//
// It returns an error, and writes nothing, if the stride is less than classes, the scale is not
// positive and finite, or opts.DstStride is not 0: dst has one element per row. It panics if x does
// not have len(dst) whole rows, if dst overlaps a row of x, or if classes is not positive.
func LogSumExpWith[T Float](dst, x []T, classes int, opts *SoftmaxOptions[T]) error {
	return logSumExp("LogSumExpWith", dst, x, classes, opts)
}

func logSumExp[T Float](fn string, dst, x []T, classes int, opts *SoftmaxOptions[T]) error {
	scale, stride, _, err := opts.resolved(fn, classes)
	if err != nil {
		return err
	}
	if opts != nil && opts.DstStride != 0 {
		return fmt.Errorf("kernels: %s: DstStride = %d, and dst has one element per row", fn, opts.DstStride)
	}
	rows := checkRows(fn, "x", len(x), classes, stride)
	checkPerRow(fn, "dst", len(dst), rows)
	checkApart(fn, "dst,x", 1, spanOf(dst), spanOfRows(x, rows, classes, stride))
	var c call[T]
	c.rows, c.cols, c.dst, c.x, c.scale = rows, classes, matrix[T]{dst, 1}, matrix[T]{x, stride}, scale
	c.run(toLogSumExp)
	return nil
}
