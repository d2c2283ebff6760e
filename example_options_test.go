package kernels_test

import (
	"fmt"

	"kernels"
)

// A batch as PyTorch would have it: torch.nn.functional.cross_entropy(logits, labels, weight, ignore_index=-100,
// label_smoothing=0.1).backward().
func ExampleCrossEntropyGradWith() {
	logits := []float64{
		2, 1, 0,
		0, 3, 1,
		5, 5, 5, // padding
	}
	labels := []int{0, 2, -100}
	opts := &kernels.CrossEntropyOptions[float64]{
		Weights:        []float64{1, 1, 2},
		IgnoreIndex:    new(-100),
		LabelSmoothing: 0.1,
	}
	losses, dlogits := make([]float64, 3), make([]float64, 9)
	loss, err := kernels.CrossEntropyGradWith(dlogits, losses, logits, labels, 3, nil, opts)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.4f %.4f\n", loss, losses)
	for r := range 3 {
		fmt.Printf("%+.4f\n", dlogits[3*r:][:3])
	}
	_, err = kernels.CrossEntropyWith(nil, logits, []int{0, 3, -100}, 3, opts)
	fmt.Println(err)
	// Output:
	// 1.5832 [0.5879 4.1617 0.0000]
	// [-0.0820 +0.0732 +0.0088]
	// [+0.0160 +0.5327 -0.5486]
	// [+0.0000 +0.0000 +0.0000]
	// kernels: CrossEntropyWith: row 1: label 3 is not in [0, 3)
}
