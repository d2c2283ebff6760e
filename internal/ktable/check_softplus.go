package ktable

import (
	"kernels"
	kt "kernels/internal/ktest"
)

func sigmoidDD[T kernels.Float](_ *Call[T], x T) kt.Scaled { return kt.SigmoidDD(float64(x)) }
