package kernels

// GELU sets dst[i] to x/2*erfc(-x/sqrt(2)), x = x[i]: x times the normal distribution function, the
// erf form of GELU, which is PyTorch's gelu, JAX's and TensorFlow's with approximate=False.
// [GELUTanh] is the faster tanh form, and [GELUBackward] the backward.
//
// In float32 the error is at most 1.343 ULP, at x = -0.3348992 (-0x1.56efdp-2), 1.337 for positive
// x, and 1.5 where the result is subnormal. In float64 it is at most 1.59 ULP (2.02 for x below
// -37.5), and the largest seen is 1.29, at 0.38021946381594157.
//
// ±0 give ±0, +Inf gives +Inf, -Inf gives -0, the limit, where PyTorch gives NaN. NaN gives NaN.
// Nothing overflows on the way.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func GELU[T Float](dst, x []T) {
	checkLen("GELU", "dst", dst, "x", x)
	checkAlias("GELU", "dst", dst, "x", x)
	for step := maxLen[T](); len(x) > step; dst, x = dst[step:], x[step:] {
		gelu(dst[:step], x[:step])
	}
	gelu(dst, x)
}

// GELUBackward sets dx[i] to dy[i] times the derivative of [GELU] at x[i].
//
// The error is at most 3 ULP or u*|dy[i]|, whichever is larger, with u = 2^-24 in float32 and 2^-53
// in float64: near x = -0.7517916 the derivative crosses zero, and far below its tail is that
// small. In float32, no input has more than 0.893 of that. There the tail is a multiple of
// u*|dy[i]|, and 0 for x below -6.05. ±0 give dy/2, +Inf gives dy, -Inf gives a zero, NaN in dy or
// x gives NaN.
//
// dx may be dy or x, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func GELUBackward[T Float](dx, dy, x []T) {
	checkLen("GELUBackward", "dx", dx, "dy", dy)
	checkLen("GELUBackward", "dx", dx, "x", x)
	checkAlias("GELUBackward", "dx", dx, "dy", dy)
	checkAlias("GELUBackward", "dx", dx, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		geluBackward(dx, dy, x)
		return
	}
	stream := streams(dx, dy, x)
	for ; len(x) > step; dx, dy, x = dx[step:], dy[step:], x[step:] {
		if stream {
			geluBackwardStream(dx[:step], dy[:step], x[:step])
		} else {
			geluBackward(dx[:step], dy[:step], x[:step])
		}
	}
	geluBackward(dx, dy, x)
}
