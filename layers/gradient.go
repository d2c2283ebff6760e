package layers

import (
	"math"
	"unsafe"

	"kernels"
)

// NumericalGradient returns the gradient of f at x by central differences, to check a Backward
// against:
//
//	df/dx[i] = (f(x with x[i]+h) - f(x with x[i]-h)) / 2h
//
// The step is h = 2^-17 * max(1, |x[i]|) in float64 and 2^-8 * max(1, |x[i]|) in float32: about the
// cube root of the type's rounding unit, which balances the two errors. One is that of the method,
// at most h*h/6 times the largest third derivative near x[i]; the other is the error d of f's own
// values, at most d/h. For a smooth f of values and derivatives around 1, that is about 5e-11 in
// float64; about 2e-5 in float32, where f should sum in float64. (What is divided by is the
// distance of the two points after rounding, so that rounding x[i]+h costs nothing.) Where f has a
// kink within h of x[i], as ReLU has at 0, or is not finite there, the result says nothing.
//
// f is called twice for each element, with x itself: during a call one element of x is off by h. So
// f may use its argument, or be a closure over a network whose weights are x. The elements are put
// back exactly, also when f panics.
func NumericalGradient[T kernels.Float](f func(x []T) float64, x []T) []T {
	step := 0x1p-17
	if unsafe.Sizeof(T(0)) == 4 {
		step = 0x1p-8
	}
	grad := make([]T, len(x))
	for i := range x {
		grad[i] = derivative(f, x, i, step)
	}
	return grad
}

// derivative returns the derivative of f by x[i].
func derivative[T kernels.Float](f func(x []T) float64, x []T, i int, step float64) T {
	v := x[i]
	defer func() { x[i] = v }()
	h := step * math.Max(1, math.Abs(float64(v)))
	hi, lo := T(float64(v)+h), T(float64(v)-h)
	x[i] = hi
	above := f(x)
	x[i] = lo
	below := f(x)
	return T((above - below) / (float64(hi) - float64(lo)))
}
