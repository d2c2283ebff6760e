package bench

import (
	"math"

	"kernels"
)

// Naive holds the loops one writes first: straight from the formula, with math.Exp, no blocking, no
// tricks. They are the yardstick of x-naive. Rows are computed as the book does, after subtracting
// the maximum, and losses as -log p.
type Naive[T kernels.Float] struct{}

// ReLU sets dst[i] = max(x[i], 0).
func (Naive[T]) ReLU(dst, x []T) {
	for i, v := range x {
		if v > 0 {
			dst[i] = v
		} else {
			dst[i] = 0
		}
	}
}

// ReLUMask also sets mask[i] = x[i] <= 0, as the book's layer does.
func (Naive[T]) ReLUMask(dst, x []T, mask []bool) {
	for i, v := range x {
		mask[i] = v <= 0
		if mask[i] {
			dst[i] = 0
		} else {
			dst[i] = v
		}
	}
}

// ReLUBackward sets dx[i] = dy[i] where the mask is not set, and 0 elsewhere.
func (Naive[T]) ReLUBackward(dx, dy []T, mask []bool) {
	for i, v := range dy {
		if mask[i] {
			dx[i] = 0
		} else {
			dx[i] = v
		}
	}
}

// ReLUBackwardOutput sets dx[i] = dy[i] where y[i] > 0, and 0 elsewhere.
func (Naive[T]) ReLUBackwardOutput(dx, dy, y []T) {
	for i, v := range y {
		if v > 0 {
			dx[i] = dy[i]
		} else {
			dx[i] = 0
		}
	}
}

// LeakyReLU sets dst[i] = x[i] where x[i] > 0, and slope*x[i] elsewhere.
func (Naive[T]) LeakyReLU(dst, x []T, slope T) {
	for i, v := range x {
		if v > 0 {
			dst[i] = v
		} else {
			dst[i] = slope * v
		}
	}
}

// LeakyReLUBackward sets dx[i] = dy[i] where x[i] > 0, and slope*dy[i] elsewhere.
func (Naive[T]) LeakyReLUBackward(dx, dy, x []T, slope T) {
	for i, v := range x {
		if v > 0 {
			dx[i] = dy[i]
		} else {
			dx[i] = slope * dy[i]
		}
	}
}

// ReLUSquared sets dst[i] = max(x[i], 0)^2.
func (Naive[T]) ReLUSquared(dst, x []T) {
	for i, v := range x {
		if v > 0 {
			dst[i] = v * v
		} else {
			dst[i] = 0
		}
	}
}

// ReLUSquaredBackward sets dx[i] = dy[i] * 2*max(x[i], 0).
func (Naive[T]) ReLUSquaredBackward(dx, dy, x []T) {
	for i, v := range x {
		if v > 0 {
			dx[i] = dy[i] * 2 * v
		} else {
			dx[i] = 0
		}
	}
}

// HardSigmoid sets dst[i] = min(max(x[i]+3, 0), 6) / 6.
func (Naive[T]) HardSigmoid(dst, x []T) {
	for i, v := range x {
		dst[i] = min(max(v+3, 0), 6) / 6
	}
}

// HardSigmoidBackward sets dx[i] = dy[i] / 6 where -3 < x[i] < 3, and 0 elsewhere.
func (Naive[T]) HardSigmoidBackward(dx, dy, x []T) {
	for i, v := range x {
		if v > -3 && v < 3 {
			dx[i] = dy[i] / 6
		} else {
			dx[i] = 0
		}
	}
}

// HardSwish sets dst[i] = x[i] * min(max(x[i]+3, 0), 6) / 6.
func (Naive[T]) HardSwish(dst, x []T) {
	for i, v := range x {
		dst[i] = v * min(max(v+3, 0), 6) / 6
	}
}

// HardSwishBackward sets dx[i] = dy[i] * (x[i]/3 + 1/2) where -3 < x[i] < 3, 0 below and dy[i]
// above.
func (Naive[T]) HardSwishBackward(dx, dy, x []T) {
	for i, v := range x {
		switch {
		case v <= -3:
			dx[i] = 0
		case v >= 3:
			dx[i] = dy[i]
		default:
			dx[i] = dy[i] * (v/3 + 0.5)
		}
	}
}

// Sigmoid sets dst[i] = 1 / (1 + exp(-x[i])).
func (Naive[T]) Sigmoid(dst, x []T) {
	for i, v := range x {
		dst[i] = T(1 / (1 + math.Exp(-float64(v))))
	}
}

// Exp sets dst[i] = exp(x[i]).
func (Naive[T]) Exp(dst, x []T) {
	for i, v := range x {
		dst[i] = T(math.Exp(float64(v)))
	}
}

// Expm1 sets dst[i] = exp(x[i]) - 1.
func (Naive[T]) Expm1(dst, x []T) {
	for i, v := range x {
		dst[i] = T(math.Expm1(float64(v)))
	}
}

// Log sets dst[i] = log(x[i]).
func (Naive[T]) Log(dst, x []T) {
	for i, v := range x {
		dst[i] = T(math.Log(float64(v)))
	}
}

// Log1p sets dst[i] = log(1 + x[i]).
func (Naive[T]) Log1p(dst, x []T) {
	for i, v := range x {
		dst[i] = T(math.Log1p(float64(v)))
	}
}

// SigmoidBackward sets dx[i] = dy[i] * (1 - y[i]) * y[i].
func (Naive[T]) SigmoidBackward(dx, dy, y []T) {
	for i, v := range y {
		dx[i] = dy[i] * (1 - v) * v
	}
}

// Tanh sets dst[i] = tanh(x[i]).
func (Naive[T]) Tanh(dst, x []T) {
	for i, v := range x {
		dst[i] = T(math.Tanh(float64(v)))
	}
}

// TanhBackward sets dx[i] = dy[i] * (1 - y[i] * y[i]).
func (Naive[T]) TanhBackward(dx, dy, y []T) {
	for i, v := range y {
		dx[i] = dy[i] * (1 - v*v)
	}
}

// Erf sets dst[i] = erf(x).
func (Naive[T]) Erf(dst, x []T) {
	for i, v := range x {
		dst[i] = T(math.Erf(float64(v)))
	}
}

// GELUTanh sets dst[i] = x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715*x^3))).
func (Naive[T]) GELUTanh(dst, x []T) {
	for i, v := range x {
		v := float64(v)
		dst[i] = T(0.5 * v * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v))))
	}
}

// GELUTanhBackward sets dx = dy times the derivative of GELUTanh at x.
func (Naive[T]) GELUTanhBackward(dx, dy, x []T) {
	for i, v := range x {
		v := float64(v)
		t := math.Tanh(math.Sqrt(2/math.Pi) * (v + 0.044715*v*v*v))
		slope := math.Sqrt(2/math.Pi) * (1 + 3*0.044715*v*v)
		dx[i] = dy[i] * T(0.5*(1+t)+0.5*v*(1-t*t)*slope)
	}
}

// GELU sets dst[i] = x/2 * erfc(-x/sqrt(2)).
func (Naive[T]) GELU(dst, x []T) {
	for i, v := range x {
		v := float64(v)
		dst[i] = T(0.5 * v * math.Erfc(-v/math.Sqrt2))
	}
}

// GELUBackward sets dx = dy times the derivative of GELU at x.
func (Naive[T]) GELUBackward(dx, dy, x []T) {
	for i, v := range x {
		v := float64(v)
		dx[i] = dy[i] * T(0.5*math.Erfc(-v/math.Sqrt2)+v*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi))
	}
}

// GEGLU sets dst = GELU(gate) * up.
func (Naive[T]) GEGLU(dst, gate, up []T) {
	for i, v := range gate {
		v := float64(v)
		dst[i] = T(0.5*v*math.Erfc(-v/math.Sqrt2)) * up[i]
	}
}

// GEGLUBackward sets the gradients of GEGLU.
func (Naive[T]) GEGLUBackward(dgate, dup, dy, gate, up []T) {
	for i, v := range gate {
		v, g, u := float64(v), dy[i], up[i]
		p := 0.5 * math.Erfc(-v/math.Sqrt2)
		dgate[i] = g * u * T(p+v*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi))
		dup[i] = g * T(v*p)
	}
}

// GEGLUTanh sets dst = GELUTanh(gate) * up.
func (n Naive[T]) GEGLUTanh(dst, gate, up []T) {
	for i, v := range gate {
		v := float64(v)
		dst[i] = T(0.5*v*(1+math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))) * up[i]
	}
}

// GEGLUTanhBackward sets the gradients of GEGLUTanh.
func (n Naive[T]) GEGLUTanhBackward(dgate, dup, dy, gate, up []T) {
	for i, v := range gate {
		v, g, u := float64(v), dy[i], up[i]
		t := math.Tanh(math.Sqrt(2/math.Pi) * (v + 0.044715*v*v*v))
		slope := math.Sqrt(2/math.Pi) * (1 + 3*0.044715*v*v)
		dgate[i] = g * u * T(0.5*(1+t)+0.5*v*(1-t*t)*slope)
		dup[i] = g * T(0.5*v*(1+t))
	}
}

// SigmoidCrossEntropy sets losses[i] = max(x, 0) - x*t + log(1 + exp(-|x|)).
func (Naive[T]) SigmoidCrossEntropy(losses, logits, targets []T) {
	for i, v := range logits {
		x := float64(v)
		losses[i] = T(max(x, 0) - x*float64(targets[i]) + math.Log1p(math.Exp(-math.Abs(x))))
	}
}

// SigmoidCrossEntropyGrad sets dlogits[i] = scale * (1/(1+exp(-x)) - t).
func (Naive[T]) SigmoidCrossEntropyGrad(dlogits, logits, targets []T, scale T) {
	for i, v := range logits {
		dlogits[i] = scale * (T(1/(1+math.Exp(-float64(v)))) - targets[i])
	}
}

// Softmax sets every row of dst to exp(x - max) / sum.
func (Naive[T]) Softmax(dst, x []T, classes int) {
	for lo := 0; lo < len(x); lo += classes {
		row, out := x[lo:lo+classes], dst[lo:lo+classes]
		m := row[0]
		for _, v := range row {
			m = max(m, v)
		}
		var sum T
		for j, v := range row {
			out[j] = T(math.Exp(float64(v - m)))
			sum += out[j]
		}
		for j := range out {
			out[j] /= sum
		}
	}
}

// LogSoftmax sets every row of dst to x - max - log sum exp(x - max).
func (Naive[T]) LogSoftmax(dst, x []T, classes int) {
	for lo := 0; lo < len(x); lo += classes {
		row, out := x[lo:lo+classes], dst[lo:lo+classes]
		m := row[0]
		for _, v := range row {
			m = max(m, v)
		}
		var sum T
		for _, v := range row {
			sum += T(math.Exp(float64(v - m)))
		}
		l := m + T(math.Log(float64(sum)))
		for j, v := range row {
			out[j] = v - l
		}
	}
}

// LogSumExp sets dst[r] to max + log sum exp(x - max) over row r.
func (Naive[T]) LogSumExp(dst, x []T, classes int) {
	for r := range dst {
		row := x[r*classes : (r+1)*classes]
		m := row[0]
		for _, v := range row {
			m = max(m, v)
		}
		var sum T
		for _, v := range row {
			sum += T(math.Exp(float64(v - m)))
		}
		dst[r] = m + T(math.Log(float64(sum)))
	}
}

// SoftmaxBackward sets every row of dx to (dy - sum(dy*y)) * y.
func (Naive[T]) SoftmaxBackward(dx, dy, y []T, classes int) {
	for lo := 0; lo < len(y); lo += classes {
		var s T
		for j := lo; j < lo+classes; j++ {
			s += dy[j] * y[j]
		}
		for j := lo; j < lo+classes; j++ {
			dx[j] = (dy[j] - s) * y[j]
		}
	}
}

// LogSoftmaxBackward sets every row of dx to dy - exp(y) * sum(dy).
func (Naive[T]) LogSoftmaxBackward(dx, dy, y []T, classes int) {
	for lo := 0; lo < len(y); lo += classes {
		var s T
		for j := lo; j < lo+classes; j++ {
			s += dy[j]
		}
		for j := lo; j < lo+classes; j++ {
			dx[j] = dy[j] - T(math.Exp(float64(y[j])))*s
		}
	}
}

// Argmax sets index[r] to the index of the first largest element.
func (Naive[T]) Argmax(index []int, x []T, classes int) {
	for r := range index {
		best, at := x[r*classes], 0
		for j, v := range x[r*classes : (r+1)*classes] {
			if v > best {
				best, at = v, j
			}
		}
		index[r] = at
	}
}

// MatMul sets dst = a*b.
func (Naive[T]) MatMul(dst, a, b []T, m, k, n int) {
	for i := range m {
		row := dst[i*n : (i+1)*n]
		clear(row)
		for p, v := range a[i*k : (i+1)*k] {
			for j, w := range b[p*n : (p+1)*n] {
				row[j] += v * w
			}
		}
	}
}

// MatMulTransA sets dst = aᵀ*b.
func (Naive[T]) MatMulTransA(dst, a, b []T, m, k, n int) {
	clear(dst)
	for p := range k {
		for i, v := range a[p*m : (p+1)*m] {
			row := dst[i*n : (i+1)*n]
			for j, w := range b[p*n : (p+1)*n] {
				row[j] += v * w
			}
		}
	}
}

// MatMulTransB sets dst = a*bᵀ.
func (Naive[T]) MatMulTransB(dst, a, b []T, m, k, n int) {
	for i := range m {
		for j := range n {
			var s T
			for p, v := range a[i*k : (i+1)*k] {
				s += v * b[j*k+p]
			}
			dst[i*n+j] = s
		}
	}
}

// ColumnSums adds the rows of x.
func (Naive[T]) ColumnSums(dst, x []T, cols int) {
	clear(dst)
	for ; len(x) >= cols; x = x[cols:] {
		for j, v := range x[:cols] {
			dst[j] += v
		}
	}
}

// CrossEntropy sets losses[r] = max + log sum exp(x - max) - x[label].
func (Naive[T]) CrossEntropy(losses, logits []T, labels []int, classes int) {
	for r := range losses {
		row := logits[r*classes : (r+1)*classes]
		m := row[0]
		for _, v := range row {
			m = max(m, v)
		}
		var sum T
		for _, v := range row {
			sum += T(math.Exp(float64(v - m)))
		}
		losses[r] = m + T(math.Log(float64(sum))) - row[labels[r]]
	}
}

// CrossEntropyGrad computes the softmax p, the loss -log p[label], and the gradient scale * (p -
// onehot).
func (n Naive[T]) CrossEntropyGrad(dlogits, losses, logits []T, labels []int,
	classes int, scale T) {
	n.Softmax(dlogits, logits, classes)
	for r, label := range labels {
		row := dlogits[r*classes : (r+1)*classes]
		losses[r] = T(-math.Log(float64(row[label])))
		row[label]--
		for j := range row {
			row[j] *= scale
		}
	}
}

// CrossEntropyProb sets losses[r] = -sum(t * log p), where log p = x - max - log sum exp(x - max).
func (Naive[T]) CrossEntropyProb(losses, logits, targets []T, classes int) {
	for r := range losses {
		row, t := logits[r*classes:(r+1)*classes], targets[r*classes:(r+1)*classes]
		m := row[0]
		for _, v := range row {
			m = max(m, v)
		}
		var sum T
		for _, v := range row {
			sum += T(math.Exp(float64(v - m)))
		}
		l := m + T(math.Log(float64(sum)))
		var loss T
		for j, v := range row {
			loss += t[j] * (l - v)
		}
		losses[r] = loss
	}
}

// CrossEntropyProbGrad computes the softmax p, the loss -sum(t * log p), and the gradient scale *
// (p - t).
func (n Naive[T]) CrossEntropyProbGrad(dlogits, losses, logits, targets []T, classes int, scale T) {
	n.Softmax(dlogits, logits, classes)
	for r := range losses {
		row, t := dlogits[r*classes:(r+1)*classes], targets[r*classes:(r+1)*classes]
		var loss T
		for j, p := range row {
			loss -= t[j] * T(math.Log(float64(p)))
			row[j] = scale * (p - t[j])
		}
		losses[r] = loss
	}
}

// SGD is w -= rate * dw.
func (Naive[T]) SGD(w, dw []T, rate T) {
	for i, g := range dw {
		w[i] -= rate * g
	}
}

// Momentum is v = momentum*v - rate*dw, w += v.
func (Naive[T]) Momentum(w, v, dw []T, rate, momentum T) {
	for i, g := range dw {
		v[i] = momentum*v[i] - rate*g
		w[i] += v[i]
	}
}

// Adam is the step of the book: m += (1-beta1)*(dw-m), v += (1-beta2)*(dw*dw-v), w -= rate *
// m/(sqrt(v)+epsilon).
func (Naive[T]) Adam(w, m, v, dw []T, rate, beta1, beta2, epsilon T) {
	for i, g := range dw {
		m[i] += (1 - beta1) * (g - m[i])
		v[i] += (1 - beta2) * (g*g - v[i])
		w[i] -= rate * m[i] / (T(math.Sqrt(float64(v[i]))) + epsilon)
	}
}
