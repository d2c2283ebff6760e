package kernels

// The divisions by 6 are what the product with 1/6 in two parts gives, correctly rounded.

func hardSigmoidGeneric[T Float](dst, x []T) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = min(max(v+3, 0), 6) / 6
	}
}

func hardSigmoidBackwardGeneric[T Float](dx, dy, x []T) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		g := dy[i] * T(1.0/6)
		if v <= -3 || v >= 3 {
			g = 0
		}
		dx[i] = g
	}
}

func hardSwishGeneric[T Float](dst, x []T) {
	dst = dst[:len(x)]
	for i, v := range x {
		v = max(v, -3)
		dst[i] = v * (min(v+3, 6) / 6)
	}
}

// 2*v is exact, so that nothing changes where the sum is fused. (It is infinite only where dx has
// no use for it.)
func hardSwishBackwardGeneric[T Float](dx, dy, x []T) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		g := dy[i]
		if !(v >= 3) {
			g *= (2*v + 3) / 6
		}
		if v <= -3 {
			g = 0
		}
		dx[i] = g
	}
}
