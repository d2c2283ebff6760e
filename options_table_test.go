package kernels

import (
	"math"
)

// optionTable is what the table has of cross-entropy with options: the options of a case follow from its size.
func optionTable[T Float]() []kernel[T] {
	options := func(c *args[T], weights []T) *CrossEntropyOptions[T] {
		o := &CrossEntropyOptions[T]{}
		turn := c.rows + c.cols
		if turn%2 != 0 && c.rows > 0 {
			o.Weights = make([]T, c.cols)
			for j := range o.Weights {
				o.Weights[j] = 1
				if w := math.Abs(float64(weights[j])); w <= 16 {
					o.Weights[j] = T(w)
				}
			}
		}
		if turn%3 != 0 {
			o.LabelSmoothing = 0.1
		}
		if turn%4 == 1 {
			o.LogitScale = 0.75
		}
		if turn%5 == 1 {
			o.IgnoreIndex = new(0)
		}
		o.Reduction = Reduction(turn % 3)
		return o
	}
	dloss := func(c *args[T]) []T {
		if (c.rows+c.cols)%7 < 3 {
			return []T{c.scale}
		}
		return c.perRow[0]
	}
	value := func(_ float64, err error) { must(err) }
	some := &CrossEntropyOptions[T]{LabelSmoothing: 0.25, LogitScale: 2}
	return []kernel[T]{
		{name: "CrossEntropyWith", rows: true, ins: 2, noOut: true, skip: true, loss: true, prep: randomLabels[T],
			run: func(c *args[T]) { value(CrossEntropyWith(c.loss, c.in[0], c.skip, c.cols, options(c, c.in[1]))) },
			stack: func() {
				var l [7]T
				var x [70]T
				var labels [7]uint8
				value(CrossEntropyWith(l[:], x[:], labels[:], 10, some))
			}},
		{name: "CrossEntropyGradWith", rows: true, ins: 2, alias: []int{0}, perRow: 1, skip: true, loss: true, prep: randomLabels[T],
			run: func(c *args[T]) {
				value(CrossEntropyGradWith(c.out, c.loss, c.in[0], c.skip, c.cols, dloss(c), options(c, c.in[1])))
			},
			stack: func() {
				var l, g [7]T
				var d, x [70]T
				var labels [7]int32
				value(CrossEntropyGradWith(d[:], l[:], x[:], labels[:], 10, g[:], some))
			}},
		{name: "CrossEntropyProbWith", rows: true, ins: 3, noOut: true, loss: true,
			run: func(c *args[T]) {
				value(CrossEntropyProbWith(c.loss, c.in[0], c.in[1], c.cols, options(c, c.in[2])))
			},
			stack: func() {
				var l [7]T
				var x, t [70]T
				value(CrossEntropyProbWith(l[:], x[:], t[:], 10, some))
			}},
		{name: "CrossEntropyProbGradWith", rows: true, ins: 3, alias: []int{0}, perRow: 1, loss: true,
			run: func(c *args[T]) {
				value(CrossEntropyProbGradWith(c.out, c.loss, c.in[0], c.in[1], c.cols, dloss(c), options(c, c.in[2])))
			},
			stack: func() {
				var l, g [7]T
				var d, x, t [70]T
				value(CrossEntropyProbGradWith(d[:], l[:], x[:], t[:], 10, g[:], some))
			}},
	}
}
