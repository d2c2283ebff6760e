// Package nn has what the examples need besides package layers: the Affine layer on gonum's BLAS,
// two optimizers, and the book's two-layer network with its training loop.
//
// A run is reproducible: the same seed gives the same losses to the last bit, however many
// goroutines gonum's Gemm uses, because each part of a product belongs to one goroutine. A network
// may still differ in last bits from one architecture to another, though package kernels does not:
// gonum has assembly on some of them and plain Go on others.
package nn

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
)

// Float lists the types of gonum's BLAS.
type Float interface{ float32 | float64 }

// Param is a parameter and its gradient.
type Param[T Float] struct{ Value, Grad []T }

// Affine is the layer y = x*W + b. W has in rows of out elements.
type Affine[T Float] struct {
	in, out int
	w, b    Param[T]
	x       []T // the argument of the last Forward, not a copy
	y, dx   []T
}

// NewAffine returns a layer with b = 0 and W uniform in [-limit, limit).
func NewAffine[T Float](in, out int, limit float64, rnd *rand.Rand) *Affine[T] {
	a := &Affine[T]{
		in: in, out: out,
		w: Param[T]{make([]T, in*out), make([]T, in*out)},
		b: Param[T]{make([]T, out), make([]T, out)},
	}
	// uniform, since normal numbers would take math.Log or math.Exp, whose last bits depend on the
	// architecture
	for i := range a.w.Value {
		a.w.Value[i] = T((2*rnd.Float64() - 1) * limit)
	}
	return a
}

// Forward returns x*W + b. Do not change x before Backward, which reads it.
func (a *Affine[T]) Forward(x []T) []T {
	rows := len(x) / a.in
	a.x, a.y = x, resize(a.y, rows*a.out)
	for r := range rows {
		copy(a.y[r*a.out:], a.b.Value)
	}
	gemm(blas.NoTrans, blas.NoTrans, matrix(x, rows, a.in), matrix(a.w.Value, a.in, a.out), 1,
		matrix(a.y, rows, a.out))
	return a.y
}

// Gradients computes the gradients of W and b.
func (a *Affine[T]) Gradients(dout []T) {
	rows := len(dout) / a.out
	gemm(blas.Trans, blas.NoTrans, matrix(a.x, rows, a.in), matrix(dout, rows, a.out), 0,
		matrix(a.w.Grad, a.in, a.out))
	clear(a.b.Grad)
	for r := range rows {
		for j, d := range dout[r*a.out : (r+1)*a.out] {
			a.b.Grad[j] += d
		}
	}
}

// Backward computes the gradients of W and b, and returns the gradient of x.
func (a *Affine[T]) Backward(dout []T) []T {
	a.Gradients(dout)
	rows := len(dout) / a.out
	a.dx = resize(a.dx, rows*a.in)
	gemm(blas.NoTrans, blas.Trans, matrix(dout, rows, a.out), matrix(a.w.Value, a.in, a.out), 0,
		matrix(a.dx, rows, a.in))
	return a.dx
}

// Params returns W and b.
func (a *Affine[T]) Params() []Param[T] { return []Param[T]{a.w, a.b} }

func resize[T Float](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	return make([]T, n)
}

type general[T Float] struct {
	rows, cols int
	data       []T
}

func matrix[T Float](data []T, rows, cols int) general[T] { return general[T]{rows, cols, data} }

// gemm sets c = op(a)*op(b) + beta*c.
func gemm[T Float](ta, tb blas.Transpose, a, b general[T], beta T, c general[T]) {
	if c.rows == 0 {
		return // no batch; gonum does not take a stride of 0
	}
	switch data := any(c.data).(type) {
	case []float32:
		of := func(m general[T], data []float32) blas32.General {
			return blas32.General{Rows: m.rows, Cols: m.cols, Stride: m.cols, Data: data}
		}
		blas32.Gemm(ta, tb, 1, of(a, any(a.data).([]float32)), of(b, any(b.data).([]float32)),
			float32(beta), of(c, data))
	case []float64:
		of := func(m general[T], data []float64) blas64.General {
			return blas64.General{Rows: m.rows, Cols: m.cols, Stride: m.cols, Data: data}
		}
		blas64.Gemm(ta, tb, 1, of(a, any(a.data).([]float64)), of(b, any(b.data).([]float64)),
			float64(beta), of(c, data))
	}
}

// Optimizer changes parameters by their gradients.
type Optimizer[T Float] interface {
	Step(params []Param[T])
}

// SGD is gradient descent: w -= rate * dw.
type SGD[T Float] struct{ Rate T }

// Step implements [Optimizer].
func (o SGD[T]) Step(params []Param[T]) {
	for _, p := range params {
		for i, g := range p.Grad {
			p.Value[i] -= T(o.Rate * g)
		}
	}
}

// Adam is the optimizer of Kingma and Ba, with their constants and the given rate.
type Adam[T Float] struct {
	Rate T

	m, v           [][]T
	power1, power2 float64 // 0.9^t, 0.999^t
}

// Step implements [Optimizer]. It must be called with the same params each time.
func (o *Adam[T]) Step(params []Param[T]) {
	const beta1, beta2, epsilon = 0.9, 0.999, 1e-8
	if o.m == nil {
		for _, p := range params {
			o.m, o.v = append(o.m, make([]T, len(p.Value))), append(o.v, make([]T, len(p.Value)))
		}
		o.power1, o.power2 = 1, 1
	}
	o.power1, o.power2 = o.power1*beta1, o.power2*beta2
	rate := T(float64(o.Rate) * math.Sqrt(1-o.power2) / (1 - o.power1))
	for k, p := range params {
		m, v := o.m[k], o.v[k]
		for i, g := range p.Grad {
			// the conversion rounds the product, so that no compiler may fuse it with the addition
			m[i] += T((1 - beta1) * (g - m[i]))
			v[i] += T((1 - beta2) * (T(g*g) - v[i]))
			p.Value[i] -= T(rate*m[i]) / (T(math.Sqrt(float64(v[i]))) + epsilon)
		}
	}
}
