package kernels

// LeakyReLU sets dst[i] to x[i] where x[i] > 0, and to slope*x[i], rounded once, where it is not.
// The slope is negative_slope of torch.nn.LeakyReLU, where it is 0.01 unless one gives another.
//
// The error is at most 0.5 ULP. NaN in x gives NaN. +Inf gives +Inf. -Inf and zeros give what the
// product is: for a positive slope, -Inf and the same zero; NaN for 0*Inf.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func LeakyReLU[T Float](dst, x []T, slope T) {
	checkLen("LeakyReLU", "dst", dst, "x", x)
	checkAlias("LeakyReLU", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		leakyReLU(dst, x, slope)
		return
	}
	for stream := streams(dst, x); len(x) > step; dst, x = dst[step:], x[step:] {
		if stream {
			leakyReLUStream(dst[:step], x[:step], slope)
		} else {
			leakyReLU(dst[:step], x[:step], slope)
		}
	}
	leakyReLU(dst, x, slope)
}

// LeakyReLUBackward sets dx[i] to dy[i] where x[i] > 0, and to slope*dy[i], rounded once, where it
// is not. x is what [LeakyReLU] got or, for a slope that is not negative, what it returned.
//
// The error is at most 0.5 ULP. NaN in dy gives NaN. NaN in x is not > 0 and gives slope*dy[i], as
// in PyTorch. Infinities and zeros in dy give what the product is.
//
// dx may be dy or x, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func LeakyReLUBackward[T Float](dx, dy, x []T, slope T) {
	checkLen("LeakyReLUBackward", "dx", dx, "dy", dy)
	checkLen("LeakyReLUBackward", "dx", dx, "x", x)
	checkAlias("LeakyReLUBackward", "dx", dx, "dy", dy)
	checkAlias("LeakyReLUBackward", "dx", dx, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		leakyReLUBackward(dx, dy, x, slope)
		return
	}
	stream := streams(dx, dy, x)
	for ; len(x) > step; dx, dy, x = dx[step:], dy[step:], x[step:] {
		if stream {
			leakyReLUBackwardStream(dx[:step], dy[:step], x[:step], slope)
		} else {
			leakyReLUBackward(dx[:step], dy[:step], x[:step], slope)
		}
	}
	leakyReLUBackward(dx, dy, x, slope)
}
