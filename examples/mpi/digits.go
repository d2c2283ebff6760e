package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"

	"kernels"
	"kernels/examples/internal/checkpoint"
	"kernels/examples/internal/cli"
	"kernels/examples/internal/comm"
	"kernels/examples/internal/digits"
	"kernels/examples/internal/idx"
	"kernels/examples/internal/nn"
	"kernels/layers"
)

// digitsOptions are the flags of mpi digits.
type digitsOptions struct {
	cli.Options
	images     int
	checkpoint string
	data       idx.MNIST
}

func runDigits(args []string, stdout, stderr io.Writer) error {
	var o digitsOptions
	var r ranks
	set := flag.NewFlagSet("mpi digits", flag.ContinueOnError)
	set.SetOutput(stderr)
	o.Flags(set, 10, 64, 0.002, 0.5)
	// a run on many machines draws no chart unless it is asked to
	o.Out, set.Lookup("out").DefValue = "", ""
	r.flags(set)
	dir := set.String("data", "", digits.Usage)
	set.IntVar(&o.images, "images", 8000, digits.ImagesUsage)
	set.StringVar(&o.checkpoint, "checkpoint", "",
		"`file` that has the state after each epoch; if it is there, the run goes on from it")
	if err := o.Parse(set, args); err != nil {
		return err
	}
	if o.images < 4 {
		return fmt.Errorf("-images %d: it is at least 4", o.images)
	}
	var err error
	if o.data, err = digits.Read(*dir, o.images+o.images/4); err != nil {
		return fmt.Errorf("-data: %w", err)
	}
	if n := len(o.data.Labels); n < o.images+o.images/4 {
		return fmt.Errorf("-images %d: with those for the test, it is more than the %d images", o.images, n)
	}
	return r.run(stdout, stderr, func(c *comm.Meter, stdout io.Writer) error {
		if o.Type == "float64" {
			return trainDigits[float64](&o, c, stdout)
		}
		return trainDigits[float32](&o, c, stdout)
	})
}

// String describes all that the bits of the run depend on.
func (o *digitsOptions) String() string {
	return fmt.Sprintf("digits: %v, %d images of data %016x", &o.Options, o.images,
		hash(append(bytes.Clone(o.data.Images.Pixels), o.data.Labels...)))
}

// digitsState is what a checkpoint holds.
type digitsState[T kernels.Float] struct {
	Epochs  []nn.Epoch // those that are done
	Weights []T
	Adam    struct { // or Momentum: V
		M, V  [][]T
		Steps int
	}
}

// trainDigits trains the network on all ranks.
func trainDigits[T kernels.Float](o *digitsOptions, c *comm.Meter, stdout io.Writer) error {
	if err := comm.Agree(c, "flags, data or the order of bytes",
		hash([]byte(fmt.Sprint(o, o.Epochs)))); err != nil {
		return err
	}
	count := len(o.data.Labels)
	t := trainer[T]{c: c, batch: o.Batch, optimizer: cli.Optimizer[T](&o.Options),
		train: digits.Samples[T](o.data, 0, o.images),
		test:  digits.Samples[T](o.data, count-o.images/4, count),
		tree:  comm.Tree[T]{Comm: c, Leaves: parts}}
	var err error
	if t.net, err = cli.Network[T](&o.Options, t.width(), digits.Classes); err != nil {
		return err
	}
	t.weights = t.net.Flatten()
	t.grad = make([]T, len(t.weights))
	fmt.Fprintf(stdout, "%v; ranks: %d; kernels: %s\n", o, c.Size(), kernels.ISA())

	epochs, err := t.resume(o.checkpoint, o.String())
	if err != nil {
		return err
	}
	if len(epochs) > o.Epochs {
		return fmt.Errorf("%s: of %d epochs, more than the %d of -epochs", o.checkpoint, len(epochs),
			o.Epochs)
	}
	if len(epochs) > 0 {
		fmt.Fprintf(stdout, "going on after epoch %d, from %s\n", len(epochs), o.checkpoint)
	}
	for len(epochs) < o.Epochs {
		e, err := t.epoch(rand.NewPCG(o.Seed, 1000+uint64(len(epochs))))
		if err != nil {
			return err
		}
		epochs = append(epochs, e)
		if o.checkpoint != "" && c.Rank() == 0 {
			if err := checkpoint.Write(o.checkpoint, o.String(), t.state(epochs)); err != nil {
				return err
			}
		}
		cli.PrintEpoch(stdout, len(epochs), o.Epochs, e)
	}
	fmt.Fprintf(stdout, "digest of all losses and of the weights: %016x\n",
		nn.Digest(epochs, t.net.Params()))
	if c.Rank() != 0 {
		return nil
	}
	return o.LossChart(fmt.Sprintf("mpi-%s-%s-loss.png", o.Hidden, o.Type), "Digits", epochs, stdout)
}

// A trainer trains a network on this rank and the others. All have the same weights, because all
// make the same steps with the same gradients; each computes the gradients of a part of the batch.
// It does not know what the Comm is.
type trainer[T kernels.Float] struct {
	c             comm.Comm
	net           *nn.Network[T]
	weights, grad []T // of all layers
	optimizer     layers.Optimizer[T]
	train, test   nn.Set[T]
	batch         int
	tree          comm.Tree[T]

	x      []T // of a micro-batch
	labels []int
}

// width returns the number of inputs.
func (t *trainer[T]) width() int { return len(t.train.X) / len(t.train.Labels) }

// epoch goes once over the samples, in the order that src gives, and tests the network.
func (t *trainer[T]) epoch(src rand.Source) (e nn.Epoch, err error) {
	order := make([]int, len(t.train.Labels))
	for i := range order {
		order[i] = i
	}
	nn.Shuffle(order, src)
	var losses, testLosses, hits [parts]float64 // of the micro-batches of this rank
	params := []layers.Param[T]{{Value: t.weights, Grad: t.grad}}
	for at := 0; at < len(order); at += t.batch {
		batch := order[at:min(at+t.batch, len(order))]
		scale := T(1 / float64(len(batch)))
		if err := t.tree.Sum(t.grad, func(i int, grad []T) error {
			loss, err := t.net.LossSum(t.gather(batch[len(batch)*i/parts : len(batch)*(i+1)/parts]))
			losses[i] += loss
			t.net.BackwardInto(grad, scale)
			return err
		}); err != nil {
			return e, err
		}
		t.optimizer.Step(params)
	}
	lo, hi := comm.Parts(t.c, parts)
	for i := lo; i < hi; i++ {
		from, to := len(t.test.Labels)*i/parts, len(t.test.Labels)*(i+1)/parts
		x, labels := t.test.X[from*t.width():to*t.width()], t.test.Labels[from:to]
		if testLosses[i], err = t.net.LossSum(x, labels); err != nil {
			return e, err
		}
		if to > from {
			hits[i] = nn.Accuracy(t.net.Classify(x), labels) * float64(to-from)
		}
	}
	for _, sum := range []struct {
		of    *[parts]float64
		mean  *float64
		count int
	}{{&losses, &e.Loss, len(order)}, {&testLosses, &e.TestLoss, len(t.test.Labels)},
		{&hits, &e.Accuracy, len(t.test.Labels)}} {
		all, err := comm.Gather(t.c, sum.of[lo:hi])
		if err != nil {
			return e, err
		}
		for _, v := range all { // in the order of the micro-batches
			*sum.mean += v
		}
		*sum.mean /= float64(sum.count)
	}
	return e, nil
}

// gather copies training samples into one matrix.
func (t *trainer[T]) gather(rows []int) (x []T, labels []int) {
	t.x, t.labels = t.x[:0], t.labels[:0]
	for _, r := range rows {
		t.x = append(t.x, t.train.X[r*t.width():(r+1)*t.width()]...)
		t.labels = append(t.labels, t.train.Labels[r])
	}
	return t.x, t.labels
}

// state returns the state after so many epochs.
func (t *trainer[T]) state(epochs []nn.Epoch) digitsState[T] {
	s := digitsState[T]{Epochs: epochs, Weights: t.weights}
	switch o := t.optimizer.(type) {
	case *layers.Adam[T]:
		s.Adam.M, s.Adam.V, s.Adam.Steps = o.M, o.V, o.Steps
	case *layers.Momentum[T]:
		s.Adam.V = o.V
	}
	return s
}

// resume restores the state of a checkpoint, if there is one, and returns the epochs that are done.
func (t *trainer[T]) resume(name, run string) ([]nn.Epoch, error) {
	var s digitsState[T]
	if ok, err := restore(t.c, name, run, &s); err != nil || !ok {
		return nil, err
	}
	copy(t.weights, s.Weights)
	switch o := t.optimizer.(type) {
	case *layers.Adam[T]:
		o.M, o.V, o.Steps = s.Adam.M, s.Adam.V, s.Adam.Steps
	case *layers.Momentum[T]:
		o.V = s.Adam.V
	}
	return s.Epochs, nil
}
