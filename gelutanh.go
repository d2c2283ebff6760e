package kernels

// GELUTanh sets dst[i] to x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3))), x = x[i]: the tanh form of
// GELU, which is PyTorch's gelu with approximate='tanh', JAX's and TensorFlow's with
// approximate=True. [GELUTanhBackward] is its backward.
//
// In float32 the error is at most 1.808 ULP, at -2.1897175 (-0x1.1848aap+1), and 1.229 where the
// result is subnormal, at -10.101883. In float64 it is at most 1.7 ULP, and the largest seen is
// 1.66, at -8.712142083148048.
//
// ±0 give ±0, +Inf gives +Inf, -Inf gives -0, the limit, where PyTorch gives NaN. NaN gives NaN.
// Nothing overflows on the way.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func GELUTanh[T Float](dst, x []T) {
	checkLen("GELUTanh", "dst", dst, "x", x)
	checkAlias("GELUTanh", "dst", dst, "x", x)
	for step := maxLen[T](); len(x) > step; dst, x = dst[step:], x[step:] {
		geluTanh(dst[:step], x[:step])
	}
	geluTanh(dst, x)
}

// GELUTanhBackward sets dx[i] to dy[i] times the derivative of [GELUTanh] at x[i].
//
// The error is at most 3 ULP or u*|dy[i]|, whichever is larger, with u = 2^-24 in float32 and 2^-53
// in float64: near x = -0.7524614 the derivative crosses zero, and far below its tail is that
// small. There, in float32, it is a multiple of u*|dy[i]|, and 0 for x below -5.6. ±0 give dy/2,
// +Inf gives dy, -Inf gives a zero, NaN in dy or x gives NaN.
//
// dx may be dy or x, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func GELUTanhBackward[T Float](dx, dy, x []T) {
	checkLen("GELUTanhBackward", "dx", dx, "dy", dy)
	checkLen("GELUTanhBackward", "dx", dx, "x", x)
	checkAlias("GELUTanhBackward", "dx", dx, "dy", dy)
	checkAlias("GELUTanhBackward", "dx", dx, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		geluTanhBackward(dx, dy, x)
		return
	}
	stream := streams(dx, dy, x)
	for ; len(x) > step; dx, dy, x = dx[step:], dy[step:], x[step:] {
		if stream {
			geluTanhBackwardStream(dx[:step], dy[:step], x[:step])
		} else {
			geluTanhBackward(dx[:step], dy[:step], x[:step])
		}
	}
	geluTanhBackward(dx, dy, x)
}
