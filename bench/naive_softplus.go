package bench

import "math"

// Softplus sets dst[i] = log(1 + exp(x[i])).
func (Naive[T]) Softplus(dst, x []T) {
	for i, v := range x {
		dst[i] = T(math.Max(float64(v), 0) + math.Log1p(math.Exp(-math.Abs(float64(v)))))
	}
}

// SoftplusBackward sets dx[i] = dy[i] / (1 + exp(-x[i])).
func (Naive[T]) SoftplusBackward(dx, dy, x []T) {
	for i, v := range x {
		dx[i] = dy[i] * T(1/(1+math.Exp(-float64(v))))
	}
}
