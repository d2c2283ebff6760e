package kernels

import "unsafe"

// Sigmoid sets dst[i] to 1/(1+exp(-x[i])).
func Sigmoid[T Float](dst, x []T) {
	checkLen("Sigmoid", "dst", dst, "x", x)
	checkAlias("Sigmoid", "dst", dst, "x", x)
	step := chunkLen[T]()
	for len(x) > 0 {
		n := min(len(x), step)
		sigmoid(dst[:n], x[:n])
		dst, x = dst[n:], x[n:]
	}
}

// SigmoidFast is [Sigmoid] with a larger error, and faster.
func SigmoidFast[T Float](dst, x []T) {
	checkLen("SigmoidFast", "dst", dst, "x", x)
	checkAlias("SigmoidFast", "dst", dst, "x", x)
	step := chunkLen[T]()
	for len(x) > 0 {
		n := min(len(x), step)
		sigmoidFast(dst[:n], x[:n])
		dst, x = dst[n:], x[n:]
	}
}

// SigmoidBackward sets dx[i] to dy[i]*(1-y[i])*y[i], where y is what [Sigmoid] or [SigmoidFast] returned.
func SigmoidBackward[T Float](dx, dy, y []T) {
	checkLen("SigmoidBackward", "dx", dx, "dy", dy)
	checkLen("SigmoidBackward", "dx", dx, "y", y)
	checkAlias("SigmoidBackward", "dx", dx, "dy", dy)
	checkAlias("SigmoidBackward", "dx", dx, "y", y)
	step, stream := chunkLen[T](), streams(dx, dy, 3) && unsafe.SliceData(dx) != unsafe.SliceData(y)
	for len(y) > 0 {
		n := min(len(y), step)
		if stream {
			sigmoidBackwardStream(dx[:n], dy[:n], y[:n])
		} else {
			sigmoidBackward(dx[:n], dy[:n], y[:n])
		}
		dx, dy, y = dx[n:], dy[n:], y[n:]
	}
}
