package layers

import (
	"fmt"
	"math"

	"kernels"
)

// Param is a parameter of a network, such as the weights of a layer, and its gradient. The two have
// one length.
type Param[T kernels.Float] struct{ Value, Grad []T }

// Params returns the weights and the bias with their gradients, in the memory that Backward uses.
func (l *Affine[T]) Params() []Param[T] {
	l.DW, l.DB = grow(l.DW, len(l.W)), grow(l.DB, len(l.B))
	return []Param[T]{{l.W, l.DW}, {l.B, l.DB}}
}

// An Optimizer changes the parameters of a network by their gradients. Step is called with the same
// parameters, in the same order, each time, because an optimizer may keep a state for each.
//
// A step has the same bits on every CPU, as the kernels that compute it. The first Step allocates
// the state; the others allocate nothing. A state that does not fit the parameters, and a gradient
// of another length than its parameter's, is a bug of the caller: Step panics, and changes nothing.
// Values, gradients and states must not share elements. Where those of a parameter do, Step panics
// too, but has changed the parameters before it.
type Optimizer[T kernels.Float] interface {
	Step(params []Param[T])
}

// SGD is gradient descent: [kernels.SGD]. It has no state.
type SGD[T kernels.Float] struct {
	Rate T // the learning rate
}

// Step implements [Optimizer].
func (o *SGD[T]) Step(params []Param[T]) {
	checkParams("SGD", params)
	for _, p := range params {
		kernels.SGD(p.Value, p.Grad, o.Rate)
	}
}

// Momentum is gradient descent with a velocity: [kernels.Momentum].
type Momentum[T kernels.Float] struct {
	Rate     T // the learning rate
	Momentum T // the part of the velocity that a step keeps; 0 stands for 0.9

	// V has the velocity of each parameter. It is the whole state: nil at first, and to be kept
	// with the parameters if the training is to go on later.
	V [][]T
}

// Step implements [Optimizer].
func (o *Momentum[T]) Step(params []Param[T]) {
	checkParams("Momentum", params)
	o.V = state("Momentum", "V", o.V, params)
	for i, p := range params {
		kernels.Momentum(p.Value, o.V[i], p.Grad, o.Rate, or(o.Momentum, 0.9))
	}
}

// Adam is the optimizer of Kingma and Ba: [kernels.Adam]. The t-th step has the rate
//
//	Rate * sqrt(1-Beta2^t) / (1-Beta1^t)
//
// computed in float64 from left to right, with powers by repeated multiplication, and rounded to T.
type Adam[T kernels.Float] struct {
	Rate         T // the learning rate: 0.001, say
	Beta1, Beta2 T // the parts of the moments that a step keeps; 0 stands for 0.9 and 0.999
	Epsilon      T // what is added to the divisor; 0 stands for the book's 1e-7

	// M and V have the moments of each parameter, and Steps is the number of steps. They are the
	// whole state: nil and 0 at first, and to be kept with the parameters if the training is to go
	// on later.
	M, V  [][]T
	Steps int

	power1, power2 float64 // of the betas
	steps          int     // their exponent
	of1, of2       T       // the betas
}

// Step implements [Optimizer].
func (o *Adam[T]) Step(params []Param[T]) {
	checkParams("Adam", params)
	m, v := state("Adam", "M", o.M, params), state("Adam", "V", o.V, params)
	o.M, o.V, o.Steps = m, v, o.Steps+1
	p := kernels.AdamParams[T]{Beta1: or(o.Beta1, 0.9), Beta2: or(o.Beta2, 0.999),
		Epsilon: or(o.Epsilon, 1e-7)}
	p.Rate = o.rate(p.Beta1, p.Beta2)
	for i, q := range params {
		kernels.Adam(q.Value, m[i], v[i], q.Grad, p)
	}
}

// rate returns the rate of step o.Steps.
func (o *Adam[T]) rate(beta1, beta2 T) T {
	if o.steps >= o.Steps || o.steps == 0 || o.of1 != beta1 || o.of2 != beta2 {
		o.power1, o.power2, o.steps, o.of1, o.of2 = 1, 1, 0, beta1, beta2
	}
	for ; o.steps < o.Steps; o.steps++ {
		// the conversions round, so that no compiler may fuse a product with the difference
		o.power1 = float64(o.power1 * float64(beta1))
		o.power2 = float64(o.power2 * float64(beta2))
	}
	return T(float64(o.Rate) * math.Sqrt(1-o.power2) / (1 - o.power1))
}

// or returns x, or a default where it is 0.
func or[T kernels.Float](x, otherwise T) T {
	if x == 0 {
		return otherwise
	}
	return x
}

// checkParams panics unless each gradient has the length of its parameter.
func checkParams[T kernels.Float](optimizer string, params []Param[T]) {
	for i, p := range params {
		if len(p.Value) != len(p.Grad) {
			panic(fmt.Sprintf("layers: %s: Step: parameter %d has %d elements, its gradient %d: call "+
				"Backward first", optimizer, i, len(p.Value), len(p.Grad)))
		}
	}
}

// state returns s, or a new state of zeros where s is nil. It panics unless s fits the parameters.
func state[T kernels.Float](optimizer, name string, s [][]T, params []Param[T]) [][]T {
	if s == nil {
		s = make([][]T, len(params))
		for i, p := range params {
			s[i] = make([]T, len(p.Value))
		}
	}
	if len(s) != len(params) {
		panic(fmt.Sprintf("layers: %s: Step: %s is of %d parameters, but there are %d: pass the same "+
			"each time", optimizer, name, len(s), len(params)))
	}
	for i, p := range params {
		if len(s[i]) != len(p.Value) {
			panic(fmt.Sprintf("layers: %s: Step: %s[%d] has %d elements, parameter %d has %d: pass the "+
				"same each time", optimizer, name, i, len(s[i]), i, len(p.Value)))
		}
	}
	return s
}
