package kernels

import "math"

func reluBackwardOutputF32Generic(dx, dy, y []float32) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		g := dy[i]
		if v <= 0 {
			g = 0
		}
		dx[i] = g
	}
}

func reluBackwardOutputF64Generic(dx, dy, y []float64) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		g := dy[i]
		if v <= 0 {
			g = 0
		}
		dx[i] = g
	}
}

func rowsTopF32Generic(m, x []float32, cols, xstride int) {
	inf := float32(math.Inf(1))
	for r := range m {
		best := -inf
		for _, v := range x[r*xstride:][:cols] {
			if v != v {
				v = inf
			}
			if v > best {
				best = v
			}
		}
		m[r] = best + 0 // -0 becomes +0
	}
}

func rowsTopF64Generic(m, x []float64, cols, xstride int) {
	inf := math.Inf(1)
	for r := range m {
		best := -inf
		for _, v := range x[r*xstride:][:cols] {
			if v != v {
				v = inf
			}
			if v > best {
				best = v
			}
		}
		m[r] = best + 0
	}
}
