package kernels

// Exp sets dst[i] to e to the power of x[i].
//
// The error is below 1 ULP. In float32 it is at most 0.868, at -31.928072, and 0.926 of the
// smallest number where the result is subnormal, at -87.4551. In float64 it is at most 0.712, and
// 0.856 of the smallest number where the result is subnormal; the largest seen is 0.70, at
// -541.4408421815754. A result that is too large for the type is +Inf. -Inf gives +0, +Inf gives
// +Inf, ±0 give 1, NaN gives NaN.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func Exp[T Float](dst, x []T) {
	checkLen("Exp", "dst", dst, "x", x)
	checkAlias("Exp", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		exp(dst, x)
		return
	}
	for stream := streams(dst, x); len(x) > step; dst, x = dst[step:], x[step:] {
		if stream {
			expStream(dst[:step], x[:step])
		} else {
			exp(dst[:step], x[:step])
		}
	}
	exp(dst, x)
}

// Expm1 sets dst[i] to e to the power of x[i], less 1. It keeps its precision where x[i] is small.
//
// The error is below 1 ULP. In float32 it is at most 0.613, at -0.031741545. In float64 it is at
// most 0.645, and the largest seen is 0.58, at 0.08664340122672305. A zero or a subnormal gives
// itself. A result that is too large for the type is +Inf. -Inf gives -1, +Inf gives +Inf, NaN
// gives NaN.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func Expm1[T Float](dst, x []T) {
	checkLen("Expm1", "dst", dst, "x", x)
	checkAlias("Expm1", "dst", dst, "x", x)
	for step := maxLen[T](); len(x) > step; dst, x = dst[step:], x[step:] {
		expm1(dst[:step], x[:step])
	}
	expm1(dst, x)
}

// Log sets dst[i] to the natural logarithm of x[i].
//
// The error is below 1 ULP. In float32 it is at most 0.951, at 1.3979094. In float64 it is at most
// 0.81, and the largest seen is 0.75, at 1.405358850146371. x[i] may be subnormal. ±0 give -Inf,
// negative numbers and -Inf give NaN, +Inf gives +Inf, 1 gives +0, NaN gives NaN.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func Log[T Float](dst, x []T) {
	checkLen("Log", "dst", dst, "x", x)
	checkAlias("Log", "dst", dst, "x", x)
	for step := maxLen[T](); len(x) > step; dst, x = dst[step:], x[step:] {
		log(dst[:step], x[:step])
	}
	log(dst, x)
}

// Log1p sets dst[i] to the natural logarithm of 1+x[i], without the error of the sum: it keeps its
// precision where x[i] is small.
//
// The error is below 1 ULP. In float32 it is at most 0.957, at 0.39801556. In float64 it is at most
// 0.81, and the largest seen is 0.76, at -0.2979346460954927. A zero or a subnormal gives itself,
// -1 gives -Inf, numbers below -1 and -Inf give NaN, +Inf gives +Inf, NaN gives NaN.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func Log1p[T Float](dst, x []T) {
	checkLen("Log1p", "dst", dst, "x", x)
	checkAlias("Log1p", "dst", dst, "x", x)
	for step := maxLen[T](); len(x) > step; dst, x = dst[step:], x[step:] {
		log1p(dst[:step], x[:step])
	}
	log1p(dst, x)
}
