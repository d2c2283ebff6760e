package bench

import "math"

// SiLU sets dst[i] = x[i] / (1 + exp(-x[i])).
func (Naive[T]) SiLU(dst, x []T) {
	for i, v := range x {
		dst[i] = T(float64(v) / (1 + math.Exp(-float64(v))))
	}
}

// SiLUBackward sets dx[i] = dy[i] * s * (1 + x[i]*(1-s)), s the sigmoid of x[i].
func (Naive[T]) SiLUBackward(dx, dy, x []T) {
	for i, v := range x {
		s := T(1 / (1 + math.Exp(-float64(v))))
		dx[i] = dy[i] * s * (1 + v*(1-s))
	}
}

// SwiGLU sets dst[i] = gate[i] / (1 + exp(-gate[i])) * up[i].
func (Naive[T]) SwiGLU(dst, gate, up []T) {
	for i, g := range gate {
		dst[i] = T(float64(g)/(1+math.Exp(-float64(g)))) * up[i]
	}
}

// SwiGLUBackward sets dgate and dup to dy times the derivatives of SwiGLU.
func (Naive[T]) SwiGLUBackward(dgate, dup, dy, gate, up []T) {
	for i, g := range gate {
		s := T(1 / (1 + math.Exp(-float64(g))))
		d, u := dy[i], up[i]
		dgate[i] = d * u * s * (1 + g*(1-s))
		dup[i] = d * g * s
	}
}
