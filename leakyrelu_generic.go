package kernels

func leakyReLUGeneric[T Float](dst, x []T, slope T) {
	dst = dst[:len(x)]
	for i, v := range x {
		if !(v > 0) { // NaN too
			v *= slope
		}
		dst[i] = v
	}
}

func leakyReLUBackwardGeneric[T Float](dx, dy, x []T, slope T) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		g := dy[i]
		if !(v > 0) {
			g *= slope
		}
		dx[i] = g
	}
}
