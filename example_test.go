package kernels_test

import (
	"fmt"

	"kernels"
)

// A hidden layer and the loss of two rows of three classes, forward and backward. README.md shows it as a program.
func Example() {
	x := []float32{2, -1, 0.5, -3, 4, 0} // two rows of three
	h, dx := make([]float32, 6), make([]float32, 6)
	losses, dh := make([]float32, 2), make([]float32, 6)
	labels := []uint8{0, 1} // any integer type
	mask := make([]uint64, kernels.MaskLen(6))

	kernels.ReLUMask(h, x, mask) // forward; the mask is for the way back
	if err := kernels.CrossEntropyGrad(dh, losses, h, labels, 3, 1.0/2); err != nil {
		panic(err) // a label out of range
	}
	kernels.ReLUBackward(dx, dh, mask)

	fmt.Printf("losses %.4f\n", losses)
	fmt.Printf("dx     %.4f\n", dx)
	// Output:
	// losses [0.3064 0.0360]
	// dx     [-0.1319 0.0000 0.0821 0.0000 -0.0177 0.0000]
}

func ExampleSigmoid() {
	x := []float64{-1000, -1, 0, 1, 1000}
	kernels.Sigmoid(x, x) // in place
	fmt.Printf("%.4f\n", x)
	// Output: [0.0000 0.2689 0.5000 0.7311 1.0000]
}

func ExampleSoftmax() {
	x := []float32{1, 2, 3, 1000, 1000, -1000}
	p := make([]float32, len(x))
	kernels.Softmax(p, x, 3)
	fmt.Printf("%.4f\n%.4f\n", p[:3], p[3:])
	// Output:
	// [0.0900 0.2447 0.6652]
	// [0.5000 0.5000 0.0000]
}

func ExampleReLUBackward() {
	x := []float32{3, -2, 0, 5}
	y, dx := make([]float32, 4), make([]float32, 4)
	mask := make([]uint64, kernels.MaskLen(4))
	kernels.ReLUMask(y, x, mask)
	kernels.ReLUBackward(dx, []float32{10, 20, 30, 40}, mask)
	fmt.Printf("%v %04b %v\n", y, mask[0], dx)
	// Output: [3 0 0 5] 0110 [10 0 0 40]
}

// A confident row: 1 - p is far below the rounding unit of float32, and neither the loss nor the gradient is lost.
func ExampleCrossEntropyGrad() {
	logits := []float32{50, 0, 0}
	grad, losses := make([]float32, 3), make([]float32, 1)
	if err := kernels.CrossEntropyGrad(grad, losses, logits, []int{0}, 3, 1); err != nil {
		panic(err)
	}
	fmt.Printf("%.3g %.3g\n", losses, grad)

	err := kernels.CrossEntropyGrad(grad, losses, logits, []int{3}, 3, 1)
	fmt.Println(err)
	// Output:
	// [3.86e-22] [-3.86e-22 1.93e-22 1.93e-22]
	// kernels: CrossEntropyGrad: row 0: label 3 is not in [0, 3)
}

func ExampleParallel() {
	const rows, classes = 1000, 10
	x := make([]float32, rows*classes)
	kernels.Parallel(rows, 64, func(lo, hi int) {
		part := x[lo*classes : hi*classes]
		kernels.Softmax(part, part, classes)
	})
	fmt.Printf("%.2f %.2f\n", x[0], x[len(x)-1])
	// Output: 0.10 0.10
}
