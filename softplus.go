package kernels

// Softplus sets dst[i] to log(1+exp(x[i])), the smooth ReLU: torch.nn.functional.softplus with beta
// 1, but without its threshold of 20, and jax.nn.softplus.
//
// In float32 the error is at most 1.364 ULP, at 0.032856792 (0x1.0d29bp-05), and 0.937 where the
// result is subnormal, at -87.36947, of all inputs. In float64 it is at most 1.34 ULP, and the
// largest seen is 1.21. The result is good to its last bits over the whole range.
//
// -Inf gives 0, as does every x so low that the result is less than half of the smallest number.
// +Inf gives +Inf. A large x gives itself, and NaN gives NaN. 0 gives log(2).
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func Softplus[T Float](dst, x []T) {
	checkLen("Softplus", "dst", dst, "x", x)
	checkAlias("Softplus", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		softplus(dst, x)
		return
	}
	for stream := streams(dst, x); len(x) > step; dst, x = dst[step:], x[step:] {
		if stream {
			softplusStream(dst[:step], x[:step])
		} else {
			softplus(dst[:step], x[:step])
		}
	}
	softplus(dst, x)
}

// SoftplusBackward sets dx[i] to dy[i] times the derivative of [Softplus] at x[i], which is the
// sigmoid of x[i], with the bits of [Sigmoid].
//
// The error is at most 2.4 ULP: that of Sigmoid, which may double, as an ULP of the product may be
// half as large, relative to it, and half an ULP. Where the sigmoid is subnormal, it has fewer
// bits. NaN in dy or x gives NaN. For x = -Inf the derivative is 0, and for +Inf it is 1.
//
// dx may be dy or x, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func SoftplusBackward[T Float](dx, dy, x []T) {
	checkLen("SoftplusBackward", "dx", dx, "dy", dy)
	checkLen("SoftplusBackward", "dx", dx, "x", x)
	checkAlias("SoftplusBackward", "dx", dx, "dy", dy)
	checkAlias("SoftplusBackward", "dx", dx, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		softplusBackward(dx, dy, x)
		return
	}
	stream := streams(dx, dy, x)
	for ; len(x) > step; dx, dy, x = dx[step:], dy[step:], x[step:] {
		if stream {
			softplusBackwardStream(dx[:step], dy[:step], x[:step])
		} else {
			softplusBackward(dx[:step], dy[:step], x[:step])
		}
	}
	softplusBackward(dx, dy, x)
}
