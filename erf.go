package kernels

// Erf sets dst[i] to the error function of x[i], 2/sqrt(pi) times the integral of exp(-t*t) from 0
// to x[i], as math.Erf and torch.erf do.
//
// In float32 the error is at most 1.098 ULP, at 0.2804523 (0x1.1f2ee4p-2), and 0.508 where the
// result is subnormal. In float64 it is at most 1.49 ULP, and the largest seen is 1.25, at
// 1.0224537765724628.
//
// ±0 give ±0, ±Inf give ±1, NaN gives NaN. |dst[i]| is never above 1, and Erf(-x) has the bits of
// -Erf(x).
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func Erf[T Float](dst, x []T) {
	checkLen("Erf", "dst", dst, "x", x)
	checkAlias("Erf", "dst", dst, "x", x)
	for step := maxLen[T](); len(x) > step; dst, x = dst[step:], x[step:] {
		erf(dst[:step], x[:step])
	}
	erf(dst, x)
}
