package bench

import "math"

// ELU sets dst[i] = x[i] where x[i] >= 0, and alpha*(exp(x[i]) - 1) elsewhere.
func (Naive[T]) ELU(dst, x []T, alpha T) {
	for i, v := range x {
		if v < 0 {
			v = alpha * T(math.Expm1(float64(v)))
		}
		dst[i] = v
	}
}

// ELUBackward sets dx[i] = dy[i] where x[i] > 0, and alpha*exp(x[i])*dy[i] elsewhere.
func (Naive[T]) ELUBackward(dx, dy, x []T, alpha T) {
	for i, v := range x {
		if v > 0 {
			dx[i] = dy[i]
		} else {
			dx[i] = dy[i] * (alpha * T(math.Exp(float64(v))))
		}
	}
}
