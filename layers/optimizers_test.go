package layers_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"kernels"
	"kernels/layers"
)

func TestOptimizers(t *testing.T) { eachType(t, testOptimizers[float32], testOptimizers[float64]) }

func testOptimizers[T kernels.Float](t *testing.T, tol float64) {
	start := func() []layers.Param[T] {
		return []layers.Param[T]{{Value: floats[T](1, -2), Grad: floats[T](0.5, -4)},
			{Value: floats[T](3), Grad: floats[T](1)}}
	}
	p := start()
	(&layers.SGD[T]{Rate: 0.25}).Step(p)
	assert.Equal(t, floats[T](0.875, -1), p[0].Value)
	assert.Equal(t, floats[T](2.75), p[1].Value)

	p = start()
	momentum := layers.Momentum[T]{Rate: 0.25, Momentum: 0.5}
	momentum.Step(p)
	momentum.Step(p)
	assert.Equal(t, floats[T](1-0.125-0.1875, -2+1+1.5), p[0].Value)
	assert.Equal(t, floats[T](3-0.25-0.375), p[1].Value)
	assert.Equal(t, [][]T{floats[T](-0.1875, 1.5), floats[T](-0.375)}, momentum.V)
	p = start()
	momentum = layers.Momentum[T]{Rate: 1}
	momentum.Step(p)
	momentum.Step(p)
	requireClose(t, []float64{3 - 1 - 1.9}, p[1].Value, 4*tol)

	// The first step of Adam is the rate, against the sign of the gradient. The second is by the
	// paper's formulas.
	p = start()
	adam := layers.Adam[T]{Rate: 0.1}
	adam.Step(p)
	requireClose(t, []float64{0.9, -1.9}, p[0].Value, 1e-5)
	p[0].Grad = floats[T](-0.25, -4)
	adam.Step(p)
	m := (0.9*0.1*0.5 + 0.1*-0.25) / (1 - 0.81)
	v := (0.999*0.001*0.25 + 0.001*0.0625) / (1 - 0.999*0.999)
	requireClose(t, []float64{0.9 - 0.1*m/math.Sqrt(v), -1.8}, p[0].Value, 1e-5)
	assert.Equal(t, 2, adam.Steps)
}

// TestOptimizersAreKernels checks that steps have the bits of the kernels, over so many steps that
// the correction of Adam's rate changes, and that a state may be taken from one optimizer to
// another.
func TestOptimizersAreKernels(t *testing.T) {
	eachType(t, testOptimizersAreKernels[float32], testOptimizersAreKernels[float64])
}

func testOptimizersAreKernels[T kernels.Float](t *testing.T, _ float64) {
	const n, steps = 50, 40
	grad := func(step int) []T { return randomLogits[T](steps, n, 2)[step*n : (step+1)*n] }
	w := randomLogits[T](1, n, 1)
	params := func() []layers.Param[T] {
		return []layers.Param[T]{{Value: append([]T(nil), w...), Grad: make([]T, n)}}
	}
	step := func(o layers.Optimizer[T], p []layers.Param[T], i int) {
		copy(p[0].Grad, grad(i))
		o.Step(p)
	}
	sgd, momentum, adam := layers.SGD[T]{Rate: 0.1}, layers.Momentum[T]{Rate: 0.1},
		layers.Adam[T]{Rate: 0.01, Beta1: 0.8}
	resumedMomentum, resumedAdam := layers.Momentum[T]{Rate: 0.1},
		layers.Adam[T]{Rate: 0.01, Beta1: 0.8}
	ps, pm, pa := params(), params(), params()
	ws, wm, wa := append([]T(nil), w...), append([]T(nil), w...), append([]T(nil), w...)
	v, m1, m2 := make([]T, n), make([]T, n), make([]T, n)
	power1, power2 := 1.0, 1.0
	for i := range steps {
		step(&sgd, ps, i)
		kernels.SGD(ws, grad(i), 0.1)
		assert.Equal(t, bits(ws), bits(ps[0].Value))

		if i == steps/2 {
			resumedMomentum.V = momentum.V
			momentum = resumedMomentum
			resumedAdam.M, resumedAdam.V, resumedAdam.Steps = adam.M, adam.V, adam.Steps
			adam = resumedAdam
		}
		step(&momentum, pm, i)
		kernels.Momentum(wm, v, grad(i), 0.1, 0.9)
		assert.Equal(t, bits(wm), bits(pm[0].Value))

		step(&adam, pa, i)
		beta1, beta2 := T(0.8), T(0.999)
		power1, power2 = float64(power1*float64(beta1)), float64(power2*float64(beta2))
		rate := T(float64(T(0.01)) * math.Sqrt(1-power2) / (1 - power1))
		kernels.Adam(wa, m1, m2, grad(i),
			kernels.AdamParams[T]{Rate: rate, Beta1: beta1, Beta2: beta2, Epsilon: 1e-7})
		assert.Equal(t, bits(wa), bits(pa[0].Value), "step %d", i)
	}
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		sgd.Step(ps)
		momentum.Step(pm)
		adam.Step(pa)
	}))
}

func TestOptimizerMessages(t *testing.T) {
	two := []layers.Param[float32]{{make([]float32, 2), make([]float32, 2)}}
	bad := []layers.Param[float32]{two[0], {make([]float32, 3), nil}}
	other := []layers.Param[float32]{{make([]float32, 3), make([]float32, 3)}}
	momentum, adam := layers.Momentum[float32]{Rate: 1}, layers.Adam[float32]{Rate: 1}
	momentum.Step(two)
	adam.Step(two)
	for name, o := range map[string]layers.Optimizer[float32]{
		"SGD": &layers.SGD[float32]{Rate: 1}, "Momentum": &momentum, "Adam": &adam,
	} {
		assert.PanicsWithValue(t, "layers: "+name+": Step: parameter 1 has 3 elements, its gradient 0: "+
			"call Backward first", func() { o.Step(bad) })
	}
	assert.PanicsWithValue(t, "layers: Momentum: Step: V is of 1 parameters, but there are 2: pass "+
		"the same each time", func() { momentum.Step(append(two, other...)) })
	assert.PanicsWithValue(t, "layers: Adam: Step: M[0] has 2 elements, parameter 0 has 3: pass the "+
		"same each time", func() { adam.Step(other) })
	assert.Equal(t, 1, adam.Steps, "as it was")
}

// TestAffineParams checks that an optimizer moves the weights by the gradients of Backward.
func TestAffineParams(t *testing.T) {
	l := affineOf[float64](3, 2)
	params := l.Params()
	before := append([]float64(nil), append(l.W, l.B...)...)
	l.Forward(randomLogits[float64](4, 3, 1))
	l.Backward(randomLogits[float64](4, 2, 1))
	(&layers.SGD[float64]{Rate: 1}).Step(params)
	for i, g := range append(append([]float64(nil), l.DW...), l.DB...) {
		assert.NotZero(t, g)
		assert.Equal(t, before[i]-g, append(append([]float64(nil), l.W...), l.B...)[i])
	}

	bare := layers.Affine[float64]{W: make([]float64, 6), B: make([]float64, 2)}
	params = bare.Params()
	bare.Forward(make([]float64, 3))
	bare.Backward([]float64{1, 2})
	assert.Equal(t, []float64{1, 2}, params[1].Grad, "in the memory that Params made")
}
