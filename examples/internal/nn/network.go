package nn

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"kernels/layers"
)

// Layer is a layer without parameters.
type Layer[T Float] interface {
	Forward(x []T) []T
	Backward(dout []T) []T
}

// Network is the book's two-layer network: Affine - activation - Affine - SoftmaxWithLoss.
type Network[T Float] struct {
	first, second *Affine[T]
	hidden        Layer[T]
	loss          layers.SoftmaxWithLoss[T]
}

// NewNetwork returns a network with the activation "relu" or "sigmoid", and initial weights that
// suit it: He's for ReLU, Xavier's for Sigmoid.
func NewNetwork[T Float](inputs, units, classes int, activation string,
	rnd *rand.Rand) (*Network[T], error) {
	n := &Network[T]{loss: layers.SoftmaxWithLoss[T]{Classes: classes}}
	gain := 1.0
	switch activation {
	case "relu":
		n.hidden, gain = &layers.ReLU[T]{}, 2
	case "sigmoid":
		n.hidden = &layers.Sigmoid[T]{}
	default:
		return nil, fmt.Errorf("activation %q: it is relu or sigmoid", activation)
	}
	// A uniform distribution in [-l, l) has the variance l*l/3.
	n.first = NewAffine[T](inputs, units, math.Sqrt(3*gain/float64(inputs)), rnd)
	n.second = NewAffine[T](units, classes, math.Sqrt(3*gain/float64(units)), rnd)
	return n, nil
}

// Predict returns the logits of each row of x.
func (n *Network[T]) Predict(x []T) []T {
	return n.second.Forward(n.hidden.Forward(n.first.Forward(x)))
}

// Loss returns the mean loss of a batch.
func (n *Network[T]) Loss(x []T, labels []int) (float64, error) {
	return n.loss.Forward(n.Predict(x), labels)
}

// Backward computes the gradients of the last Loss with respect to all parameters.
func (n *Network[T]) Backward() {
	n.first.Gradients(n.hidden.Backward(n.second.Backward(n.loss.Backward(1))))
}

// Params returns all parameters.
func (n *Network[T]) Params() []Param[T] {
	return append(n.first.Params(), n.second.Params()...)
}

// Classify returns the class of each row of x: the index of its first largest logit.
func (n *Network[T]) Classify(x []T) []int {
	logits := n.Predict(x)
	classes := n.second.out
	got := make([]int, len(logits)/classes)
	for r := range got {
		row := logits[r*classes : (r+1)*classes]
		for j, v := range row {
			if v > row[got[r]] {
				got[r] = j
			}
		}
	}
	return got
}

// Set is a set of labelled samples, each a row of X.
type Set[T Float] struct {
	X      []T
	Labels []int
}

// Training says how to train.
type Training[T Float] struct {
	Epochs, Batch int
	Optimizer     Optimizer[T]
	Random        *rand.Rand // the order of the samples
	Step          func()     // called after each step, for a progress bar; may be nil
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
	var epochs []Epoch
	for range c.Epochs {
		var e Epoch
		order := c.Random.Perm(size)
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
func Digest[T Float](epochs []Epoch, params []Param[T]) uint64 {
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
