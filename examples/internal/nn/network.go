// Package nn has the book's two-layer network on the layers of package layers, and its training
// loop.
//
// A run is reproducible: the same seed gives the same losses and weights to the last bit, on every
// CPU. All that happens to a number on the way is a kernel, or a line of Go in which no product is
// added to anything without a conversion between the two: Go compilers for some CPUs fuse them
// otherwise.
package nn

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"
	"math/rand/v2"

	"kernels"
	"kernels/layers"
)

// Layer is a layer without parameters.
type Layer[T kernels.Float] interface {
	Forward(x []T) []T
	Backward(dout []T) []T
}

// Network is the book's two-layer network: Affine - activation - Affine - SoftmaxWithLoss.
type Network[T kernels.Float] struct {
	first, second *layers.Affine[T]
	hidden        Layer[T]
	loss          layers.SoftmaxWithLoss[T]
}

// NewNetwork returns a network with the activation "relu" or "sigmoid", and first weights that suit
// it: He's for ReLU, Xavier's for Sigmoid.
func NewNetwork[T kernels.Float](inputs, units, classes int, activation string,
	src rand.Source) (*Network[T], error) {
	n := &Network[T]{loss: layers.SoftmaxWithLoss[T]{Classes: classes}}
	weights := layers.He[T]
	switch activation {
	case "relu":
		n.hidden = &layers.ReLU[T]{}
	case "sigmoid":
		n.hidden, weights = &layers.Sigmoid[T]{}, layers.Xavier[T]
	default:
		return nil, fmt.Errorf("activation %q: it is relu or sigmoid", activation)
	}
	n.first, n.second = layers.NewAffine[T](inputs, units), layers.NewAffine[T](units, classes)
	weights(n.first.W, inputs, src)
	weights(n.second.W, units, src)
	return n, nil
}

// Predict returns the logits of each row of x.
func (n *Network[T]) Predict(x []T) []T {
	return n.second.Forward(n.hidden.Forward(n.first.Forward(x)))
}

// Loss returns the mean loss of a batch.
func (n *Network[T]) Loss(x []T, labels []int) (float64, error) {
	n.loss.Options.Reduction = kernels.ReductionMean
	return n.loss.Forward(n.Predict(x), labels)
}

// LossSum returns the sum of the losses of a batch, which may have no rows.
func (n *Network[T]) LossSum(x []T, labels []int) (float64, error) {
	n.loss.Options.Reduction = kernels.ReductionSum
	return n.loss.Forward(n.Predict(x), labels)
}

// Backward computes the gradients of the last Loss with respect to all parameters.
func (n *Network[T]) Backward() { n.backward(1) }

func (n *Network[T]) backward(dout T) {
	n.first.Gradients(n.hidden.Backward(n.second.Backward(n.loss.Backward(dout))))
}

// Flatten moves all parameters into one vector, in the order of Params, and returns it.
func (n *Network[T]) Flatten() []T {
	var all []T
	for _, p := range n.Params() {
		all = append(all, p.Value...)
	}
	rest := all
	for _, v := range []*[]T{&n.first.W, &n.first.B, &n.second.W, &n.second.B} {
		size := len(*v)
		*v, rest = rest[:size:size], rest[size:]
	}
	return all
}

// BackwardInto computes the gradients of dout times the last Loss or LossSum in grad, one vector
// of all parameters as Flatten's.
func (n *Network[T]) BackwardInto(grad []T, dout T) {
	for _, v := range []*[]T{&n.first.DW, &n.first.DB, &n.second.DW, &n.second.DB} {
		size := len(*v)
		*v, grad = grad[:size:size], grad[size:]
	}
	n.backward(dout)
}

// Params returns all parameters.
func (n *Network[T]) Params() []layers.Param[T] {
	return append(n.first.Params(), n.second.Params()...)
}

// Classify returns the class of each row of x: the index of its first largest logit.
func (n *Network[T]) Classify(x []T) []int {
	logits, classes := n.Predict(x), len(n.second.B)
	got := make([]int, len(logits)/classes)
	kernels.Argmax(got, logits, classes)
	return got
}

// Set is a set of labelled samples, each a row of X.
type Set[T kernels.Float] struct {
	X      []T
	Labels []int
}

// Training says how to train.
type Training[T kernels.Float] struct {
	Epochs, Batch int
	Optimizer     layers.Optimizer[T]
	Random        rand.Source // of the order of the samples
	Step          func()      // called after each step, for a progress bar; may be nil
}

// Epoch is the result of one pass over the samples.
type Epoch struct {
	Loss     float64 // mean over the samples, as they were met
	TestLoss float64 // after the epoch
	Accuracy float64 // after the epoch, of the test set
}

// Train trains the network. A test set without samples is left out.
func (n *Network[T]) Train(train, test Set[T], c Training[T]) ([]Epoch, error) {
	size := len(train.Labels)
	width := len(train.X) / max(size, 1)
	x, labels := make([]T, c.Batch*width), make([]int, c.Batch)
	params := n.Params()
	order := make([]int, size)
	for i := range order {
		order[i] = i
	}
	var epochs []Epoch
	for range c.Epochs {
		var e Epoch
		Shuffle(order, c.Random)
		for at := 0; at < size; at += c.Batch {
			rows := order[at:min(at+c.Batch, size)]
			for i, from := range rows {
				copy(x[i*width:(i+1)*width], train.X[from*width:])
				labels[i] = train.Labels[from]
			}
			l, err := n.Loss(x[:len(rows)*width], labels[:len(rows)])
			if err != nil {
				return nil, err
			}
			n.Backward()
			c.Optimizer.Step(params)
			e.Loss += float64(l * float64(len(rows)))
			if c.Step != nil {
				c.Step()
			}
		}
		e.Loss /= float64(size)
		if len(test.Labels) > 0 {
			var err error
			if e.TestLoss, err = n.Loss(test.X, test.Labels); err != nil {
				return nil, err
			}
			e.Accuracy = Accuracy(n.Classify(test.X), test.Labels)
		}
		epochs = append(epochs, e)
	}
	return epochs, nil
}

// Shuffle puts s into random order. (rand.Shuffle does not promise to do it the same way for ever.)
func Shuffle(s []int, src rand.Source) {
	for i := len(s) - 1; i > 0; i-- {
		j, _ := bits.Mul64(src.Uint64(), uint64(i+1)) // at most i
		s[i], s[j] = s[j], s[i]
	}
}

// Steps returns how often Train calls Step for size samples.
func (c Training[T]) Steps(size int) int {
	return c.Epochs * ((size + c.Batch - 1) / c.Batch)
}

// Accuracy returns the share of labels that got matches.
func Accuracy(got, labels []int) float64 {
	hits := 0
	for i, label := range labels {
		if got[i] == label {
			hits++
		}
	}
	return float64(hits) / float64(len(labels))
}

// Digest returns a hash of the bits of all losses and of the final parameters.
func Digest[T kernels.Float](epochs []Epoch, params []layers.Param[T]) uint64 {
	h := fnv.New64a()
	add := func(v float64) {
		_ = binary.Write(h, binary.LittleEndian, math.Float64bits(v)) // a hash does not fail
	}
	for _, e := range epochs {
		add(e.Loss)
		add(e.TestLoss)
	}
	for _, p := range params {
		for _, v := range p.Value {
			add(float64(v))
		}
	}
	return h.Sum64()
}
