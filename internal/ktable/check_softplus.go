package ktable

import (
	"math"

	"kernels"
	kt "kernels/internal/ktest"
)

// softplusDD is max(0, x) + log(1+exp(-|x|)) for |x| < 2^19.
func softplusDD[T kernels.Float](x T) kt.Scaled {
	l := kt.Log1pDD(kt.ExpDD(kt.DD{Hi: -math.Abs(float64(x))}))
	if x <= 0 {
		return l
	}
	return l.Add(scaled(float64(x)))
}

func sigmoidDD[T kernels.Float](_ *Call[T], x T) kt.Scaled { return kt.SigmoidDD(float64(x)) }
