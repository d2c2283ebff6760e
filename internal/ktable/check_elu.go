package ktable

import (
	"kernels"
	kt "kernels/internal/ktest"
)

// eluDD is x, or alpha*(exp(x)-1) for x < 0, for |x| < 2^19.
func eluDD[T kernels.Float](c *Call[T], i int) kt.Scaled {
	x := float64(c.T(1)[i])
	if x < 0 {
		return kt.Expm1DD(x).Mul(kt.ScaledOf(float64(c.Scale)))
	}
	return kt.ScaledOf(x)
}

// eluGradDD is 1, or alpha*exp(x) for x <= 0, for |x| < 2^19.
func eluGradDD[T kernels.Float](c *Call[T], x T) kt.Scaled {
	if x > 0 {
		return one
	}
	return kt.ExpDD(kt.DD{Hi: float64(x)}).Mul(kt.ScaledOf(float64(c.Scale)))
}
