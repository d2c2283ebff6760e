package kernels

// HardSigmoid sets dst[i] to min(max(x[i]+3, 0), 6)/6: 0 for x[i] <= -3, 1 for x[i] >= 3, and a
// straight line between them. It is torch.nn.Hardsigmoid, with the same bits: the sum and the
// quotient are rounded.
//
// The error is at most 1.2 ULP, and the largest seen is 1.0, at x = 1.9557745. -Inf gives +0, +Inf
// gives 1, ±0 give 0.5, NaN gives NaN.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func HardSigmoid[T Float](dst, x []T) {
	checkLen("HardSigmoid", "dst", dst, "x", x)
	checkAlias("HardSigmoid", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		hardSigmoid(dst, x)
		return
	}
	for stream := streams(dst, x); len(x) > step; dst, x = dst[step:], x[step:] {
		if stream {
			hardSigmoidStream(dst[:step], x[:step])
		} else {
			hardSigmoid(dst[:step], x[:step])
		}
	}
	hardSigmoid(dst, x)
}

// HardSigmoidBackward sets dx[i] to dy[i]/6 where -3 < x[i] < 3, and to +0 where x[i] <= -3 or x[i]
// >= 3, as PyTorch does. x is what [HardSigmoid] got.
//
// dy[i] is multiplied by a sixth, which is a number rounded like another: the error is at most 1
// ULP. NaN in x gives dy[i]/6. Where x[i] is between -3 and 3, or NaN, a NaN in dy gives NaN.
//
// dx may be dy or x, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func HardSigmoidBackward[T Float](dx, dy, x []T) {
	checkLen("HardSigmoidBackward", "dx", dx, "dy", dy)
	checkLen("HardSigmoidBackward", "dx", dx, "x", x)
	checkAlias("HardSigmoidBackward", "dx", dx, "dy", dy)
	checkAlias("HardSigmoidBackward", "dx", dx, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		hardSigmoidBackward(dx, dy, x)
		return
	}
	stream := streams(dx, dy, x)
	for ; len(x) > step; dx, dy, x = dx[step:], dy[step:], x[step:] {
		if stream {
			hardSigmoidBackwardStream(dx[:step], dy[:step], x[:step])
		} else {
			hardSigmoidBackward(dx[:step], dy[:step], x[:step])
		}
	}
	hardSigmoidBackward(dx, dy, x)
}

// HardSwish sets dst[i] to x[i]*[HardSigmoid](x[i]), with the bits of that function and the product
// rounded once more: torch.nn.Hardswish.
//
// The error is at most 2.5 ULP, and the largest seen is 1.872, at x = 1.3714979. The result is x[i]
// for x[i] >= 3, however large, where PyTorch multiplies by 6 first and overflows. It is -0 for
// x[i] <= -3, -Inf included, and a zero for that zero. +Inf gives +Inf, NaN gives NaN.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func HardSwish[T Float](dst, x []T) {
	checkLen("HardSwish", "dst", dst, "x", x)
	checkAlias("HardSwish", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		hardSwish(dst, x)
		return
	}
	for stream := streams(dst, x); len(x) > step; dst, x = dst[step:], x[step:] {
		if stream {
			hardSwishStream(dst[:step], x[:step])
		} else {
			hardSwish(dst[:step], x[:step])
		}
	}
	hardSwish(dst, x)
}

// HardSwishBackward sets dx[i] to +0 where x[i] <= -3, to dy[i] where x[i] >= 3, and elsewhere to
// dy[i]*((2*x[i]+3)/6), the sum, the quotient and the product rounded. x is what [HardSwish] got.
// (Versions of PyTorch differ in what they give at -3 and 3 themselves. There, the newer ones have
// what this function has.)
//
// The error is at most 2.5 ULP, also around x = -1.5, where the slope is 0. NaN in x gives NaN.
// Where x[i] > -3, a NaN in dy gives NaN.
//
// dx may be dy or x, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func HardSwishBackward[T Float](dx, dy, x []T) {
	checkLen("HardSwishBackward", "dx", dx, "dy", dy)
	checkLen("HardSwishBackward", "dx", dx, "x", x)
	checkAlias("HardSwishBackward", "dx", dx, "dy", dy)
	checkAlias("HardSwishBackward", "dx", dx, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		hardSwishBackward(dx, dy, x)
		return
	}
	stream := streams(dx, dy, x)
	for ; len(x) > step; dx, dy, x = dx[step:], dy[step:], x[step:] {
		if stream {
			hardSwishBackwardStream(dx[:step], dy[:step], x[:step])
		} else {
			hardSwishBackward(dx[:step], dy[:step], x[:step])
		}
	}
	hardSwishBackward(dx, dy, x)
}
