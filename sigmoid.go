package kernels

// Sigmoid sets dst[i] to 1/(1+exp(-x[i])).
//
// In float32 the error is at most 0.923 ULP for negative x, at -2.7171273 (-0x1.5bcad4p+1), and
// 0.622 for others, at 0.11853957 (0x1.e589cp-4). In float64 it is at most 0.73 ULP, and the
// largest seen is 0.69, at -20.885525657093748. The result is in [0, 1]. Where it is subnormal, the
// error in float32 is at most 0.690 of the smallest number. -Inf gives +0, +Inf gives 1, ±0 give
// 0.5, NaN gives NaN.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func Sigmoid[T Float](dst, x []T) {
	checkLen("Sigmoid", "dst", dst, "x", x)
	checkAlias("Sigmoid", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		sigmoid(dst, x)
		return
	}
	for stream := streams(dst, x); len(x) > step; dst, x = dst[step:], x[step:] {
		if stream {
			sigmoidStream(dst[:step], x[:step])
		} else {
			sigmoid(dst[:step], x[:step])
		}
	}
	sigmoid(dst, x)
}

// SigmoidFast is faster than [Sigmoid] and has a larger error: it is one quotient, without a
// correction. Its bits are not those of Sigmoid. In everything else it is the same.
//
// In float32 the error is at most 2.099 ULP for negative x, at -26.383032 (-0x1.a620e6p+4), 1.459
// for others, at 1.3011373 (0x1.4d1756p+0), and 1.210 where the result is subnormal. In float64 it
// is at most 2.83 ULP, and the largest seen is 2.39, at -3.5797089516412934.
func SigmoidFast[T Float](dst, x []T) {
	checkLen("SigmoidFast", "dst", dst, "x", x)
	checkAlias("SigmoidFast", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		sigmoidFast(dst, x)
		return
	}
	for ; len(x) > step; dst, x = dst[step:], x[step:] {
		sigmoidFast(dst[:step], x[:step])
	}
	sigmoidFast(dst, x)
}

// SigmoidBackward sets dx[i] to dy[i]*(1-y[i])*y[i], where y is what [Sigmoid] or [SigmoidFast]
// returned: (dy*(1-y))*y, each of the three operations rounded. Where y is 0 or 1, dx is a zero for
// finite dy. NaN in dy or y gives NaN.
//
// dx may be dy or y, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func SigmoidBackward[T Float](dx, dy, y []T) {
	checkLen("SigmoidBackward", "dx", dx, "dy", dy)
	checkLen("SigmoidBackward", "dx", dx, "y", y)
	checkAlias("SigmoidBackward", "dx", dx, "dy", dy)
	checkAlias("SigmoidBackward", "dx", dx, "y", y)
	step := maxLen[T]()
	if len(y) <= step { // the short way, without a loop
		sigmoidBackward(dx, dy, y)
		return
	}
	stream := streams(dx, dy, y)
	for ; len(y) > step; dx, dy, y = dx[step:], dy[step:], y[step:] {
		if stream {
			sigmoidBackwardStream(dx[:step], dy[:step], y[:step])
		} else {
			sigmoidBackward(dx[:step], dy[:step], y[:step])
		}
	}
	sigmoidBackward(dx, dy, y)
}
