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
// The step is h = 2^-17 * max(1, |x[i]|) in float64 and 2^-8 * max(1, |x[i]|) in float32. This is
// about the cube root of the type's rounding unit, and balances two errors. The error of the method
// is at most h*h/6 times the largest third derivative near x[i]. If the values of f have an error
// of d, it adds at most d/h. For a smooth f with values and derivatives around 1, the sum is about
// 5e-11 in float64. It is about 2e-5 in float32, where f should sum in float64. (The divisor is the
// distance of the two points after rounding, so that rounding x[i]+h costs nothing.) The result
// means nothing if f has a kink within h of x[i], as ReLU has at 0, or is not finite there.
//
// f is called twice per element. It is passed x itself, with one element changed by h, so f may use
// its argument or be a closure over a network whose weights are x. The element is restored exactly,
// also if f panics.
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

// derivative returns the derivative of f with respect to x[i].
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
