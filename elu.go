package kernels

// ELU sets dst[i] to x[i] where x[i] >= 0, and to alpha*(exp(x[i])-1) where x[i] < 0. It is
// torch.nn.ELU, where alpha is 1 unless one gives another.
//
// In float32 the error is at most 0.950 ULP for an alpha of 1 (or any other power of two), at
// -0.40023243, and at most 1.894 ULP for any other, of all x. In float64 it is at most 1.27 ULP for
// an alpha of 1, and 2.06 ULP for any other. The largest seen is 1.18, at -0.3467918570825252, and
// 1.98 for an alpha of 1.9999732985068666, at -0.06453927871695134. An alpha below 2^-96 (float64:
// 2^-960) in size may add three quarters of the smallest number.
//
// Zeros and +Inf give themselves, -Inf gives -alpha, NaN gives NaN. alpha may be negative. It has
// to be finite: an infinite one gives NaN for every x[i] < 0.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func ELU[T Float](dst, x []T, alpha T) {
	checkLen("ELU", "dst", dst, "x", x)
	checkAlias("ELU", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		elu(dst, x, alpha)
		return
	}
	for stream := streams(dst, x); len(x) > step; dst, x = dst[step:], x[step:] {
		if stream {
			eluStream(dst[:step], x[:step], alpha)
		} else {
			elu(dst[:step], x[:step], alpha)
		}
	}
	elu(dst, x, alpha)
}

// ELUBackward sets dx[i] to dy[i] times the derivative of [ELU] at x[i]: 1 where x[i] > 0, and
// alpha*exp(x[i]) elsewhere, also at 0, as in PyTorch. The exponential has the bits of [Exp]. x is
// what ELU got: where the result is close to -alpha, too little is left in it of the exponential.
//
// The error is at most 3 ULP, or 2^-24*abs(dy[i]) (float64: 2^-53*abs(dy[i])) if that is larger,
// for an alpha below 2^100 in size. NaN in dy or x gives NaN. -Inf in x gives 0 times dy[i], +Inf
// gives dy[i].
//
// dx may be dy or x, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func ELUBackward[T Float](dx, dy, x []T, alpha T) {
	checkLen("ELUBackward", "dx", dx, "dy", dy)
	checkLen("ELUBackward", "dx", dx, "x", x)
	checkAlias("ELUBackward", "dx", dx, "dy", dy)
	checkAlias("ELUBackward", "dx", dx, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		eluBackward(dx, dy, x, alpha)
		return
	}
	stream := streams(dx, dy, x)
	for ; len(x) > step; dx, dy, x = dx[step:], dy[step:], x[step:] {
		if stream {
			eluBackwardStream(dx[:step], dy[:step], x[:step], alpha)
		} else {
			eluBackward(dx[:step], dy[:step], x[:step], alpha)
		}
	}
	eluBackward(dx, dy, x, alpha)
}
