package kernels

import "unsafe"

// Sigmoid sets dst[i] to 1/(1+exp(-x[i])).
//
// In float32 the error is at most 0.965 ULP for negative x, at -27.382631 (-0x1.b61f42p+4), and
// 0.708 for others, at 16.982107 (0x1.0fb6b6p+4). In float64 it is at most 1.06 ULP, and the
// largest seen is 0.86, at -37.776892523442626. The result is in [0, 1]. Where it is subnormal, the
// error in float32 is at most 0.667 of the smallest number. -Inf gives +0, +Inf gives 1, ±0 give
// 0.5, NaN gives NaN.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func Sigmoid[T Float](dst, x []T) {
	checkLen("Sigmoid", "dst", dst, "x", x)
	checkAlias("Sigmoid", "dst", dst, "x", x)
	for step := maxLen[T](); len(x) > step; dst, x = dst[step:], x[step:] {
		sigmoid(dst[:step], x[:step])
	}
	sigmoid(dst, x)
}

// SigmoidFast is faster than [Sigmoid] and has a larger error: it is one quotient, without a
// correction. Its bits are not those of Sigmoid. In everything else it is the same.
//
// In float32 the error is at most 2.465 ULP for negative x, at -12.130326 (-0x1.842ba2p+3), 1.528
// for others, at 2.387293 (0x1.3192dp+1), and 1.197 where the result is subnormal. In float64 it is
// at most 2.86 ULP, and the largest seen is 2.35, at -12.137076185962387.
func SigmoidFast[T Float](dst, x []T) {
	checkLen("SigmoidFast", "dst", dst, "x", x)
	checkAlias("SigmoidFast", "dst", dst, "x", x)
	for step := maxLen[T](); len(x) > step; dst, x = dst[step:], x[step:] {
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
	stream := streams(dx, dy, 3) && unsafe.SliceData(dx) != unsafe.SliceData(y)
	for ; len(y) > step; dx, dy, y = dx[step:], dy[step:], y[step:] {
		if stream {
			sigmoidBackwardStream(dx[:step], dy[:step], y[:step])
		} else {
			sigmoidBackward(dx[:step], dy[:step], y[:step])
		}
	}
	sigmoidBackward(dx, dy, y)
}
