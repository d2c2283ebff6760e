package kernels

import "math"

func reluGeneric[T Float](dst, x []T) {
	dst = dst[:len(x)]
	for i, v := range x {
		if v <= 0 {
			v = 0
		}
		dst[i] = v
	}
}

func reluMaskGeneric[T Float](dst, x []T, mask []uint64) {
	for w := range mask {
		xs := x[w*64 : min(w*64+64, len(x))]
		ds := dst[w*64:][:len(xs)]
		var bits uint64
		for i, v := range xs {
			if v <= 0 {
				v = 0
				bits |= 1 << i
			}
			ds[i] = v
		}
		mask[w] = bits
	}
}

// The signs of activations are as good as random, so there is no branch on the mask.
func reluBackwardGeneric[T Float](dx, dy []T, mask []uint64) {
	for w, bits := range mask {
		ys := dy[w*64 : min(w*64+64, len(dy))]
		ds := dx[w*64:][:len(ys)]
		for i, v := range ys {
			keep := bits>>i&1 - 1 // all ones or 0
			if is32[T]() {
				ds[i] = T(math.Float32frombits(math.Float32bits(float32(v)) & uint32(keep)))
			} else {
				ds[i] = T(math.Float64frombits(math.Float64bits(float64(v)) & keep))
			}
		}
	}
}

func reluBackwardOutputGeneric[T Float](dx, dy, y []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		g := dy[i]
		if v <= 0 {
			g = 0
		}
		dx[i] = g
	}
}

func reluSquaredGeneric[T Float](dst, x []T) {
	dst = dst[:len(x)]
	for i, v := range x {
		if v <= 0 {
			v = 0
		}
		dst[i] = v * v
	}
}

func reluSquaredBackwardGeneric[T Float](dx, dy, x []T) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		g := dy[i] * v
		if v <= 0 {
			g = 0
		}
		dx[i] = g + g
	}
}
