package kernels

// Tanh sets dst[i] to the hyperbolic tangent of x[i].
//
// The error is below 2 ULP: in float32 at most 1.841, at x = 0.5363241 (0x1.129912p-1), of all 2^32
// inputs; in float64 at most 1.95, and the largest seen is 1.52, at 0.031232586597401676. x[i] = -0
// gives -0, ±Inf gives ±1, NaN gives NaN, a subnormal gives itself. |dst[i]| is never above 1, and
// Tanh(-x) has the bits of -Tanh(x).
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func Tanh[T Float](dst, x []T) {
	checkLen("Tanh", "dst", dst, "x", x)
	checkAlias("Tanh", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		tanh(dst, x)
		return
	}
	for stream := streams(dst, x); len(x) > step; dst, x = dst[step:], x[step:] {
		if stream {
			tanhStream(dst[:step], x[:step])
		} else {
			tanh(dst[:step], x[:step])
		}
	}
	tanh(dst, x)
}

// TanhBackward sets dx[i] to dy[i]*(1-y[i]*y[i]), where y is what [Tanh] returned. 1-y*y is rounded
// once, as by a fused multiply-add, so that it keeps its precision where y is near ±1; the product
// is rounded once more. NaN in dy or y gives NaN.
//
// dx may be dy or y, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func TanhBackward[T Float](dx, dy, y []T) {
	checkLen("TanhBackward", "dx", dx, "dy", dy)
	checkLen("TanhBackward", "dx", dx, "y", y)
	checkAlias("TanhBackward", "dx", dx, "dy", dy)
	checkAlias("TanhBackward", "dx", dx, "y", y)
	step := maxLen[T]()
	if len(y) <= step { // the short way, without a loop
		tanhBackward(dx, dy, y)
		return
	}
	stream := streams(dx, dy, y)
	for ; len(y) > step; dx, dy, y = dx[step:], dy[step:], y[step:] {
		if stream {
			tanhBackwardStream(dx[:step], dy[:step], y[:step])
		} else {
			tanhBackward(dx[:step], dy[:step], y[:step])
		}
	}
	tanhBackward(dx, dy, y)
}
