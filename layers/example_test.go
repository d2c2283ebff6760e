package layers_test

import (
	"fmt"
	"math/rand/v2"

	"kernels/layers"
)

// The network of the book learns exclusive or.
func ExampleAffine() {
	src := rand.NewPCG(1, 2)
	first, second := layers.NewAffine[float32](2, 8), layers.NewAffine[float32](8, 2)
	layers.He(first.W, 2, src)
	layers.He(second.W, 8, src)
	relu := layers.ReLU[float32]{}
	loss := layers.SoftmaxWithLoss[float32]{Classes: 2}
	adam := layers.Adam[float32]{Rate: 0.05}
	params := append(first.Params(), second.Params()...)

	x, labels := []float32{0, 0, 0, 1, 1, 0, 1, 1}, []int{0, 1, 1, 0}
	for step := range 201 {
		l, err := loss.Forward(second.Forward(relu.Forward(first.Forward(x))), labels)
		if err != nil {
			fmt.Println(err)
			return
		}
		if step%100 == 0 {
			fmt.Printf("%.4f\n", l)
		}
		first.Gradients(relu.Backward(second.Backward(loss.Backward(1))))
		adam.Step(params)
	}
	// Output:
	// 0.8267
	// 0.0025
	// 0.0009
}

func ExampleSoftmaxWithLoss() {
	loss := layers.SoftmaxWithLoss[float64]{Classes: 3}
	logits := []float64{
		0.3, 2.9, 4.0,
		1.0, 1.0, 1.0,
	}
	l, err := loss.Forward(logits, []int{2, 0})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f\n", l)
	fmt.Printf("%.4f\n", loss.Backward(1))
	// Output:
	// 0.7022
	// [0.0091 0.1226 -0.1317 -0.3333 0.1667 0.1667]
}

func ExampleNumericalGradient() {
	x := []float64{-1, 0.5, 2}
	var sigmoid layers.Sigmoid[float64]
	sum := func(x []float64) float64 {
		var s float64
		for _, y := range sigmoid.Forward(x) {
			s += y
		}
		return s
	}
	fmt.Printf("%.6f\n", layers.NumericalGradient(sum, x))

	sigmoid.Forward(x)
	fmt.Printf("%.6f\n", sigmoid.Backward([]float64{1, 1, 1}))
	// Output:
	// [0.196612 0.235004 0.104994]
	// [0.196612 0.235004 0.104994]
}
