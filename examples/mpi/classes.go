package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/bits"
	"math/rand/v2"

	"kernels"
	"kernels/examples/internal/comm"
	"kernels/layers"
)

const (
	classes = 65536
	block   = classes / parts // of classes; a multiple of kernels.ShardGrain
	inputs  = 32
	units   = 64
)

// classesOptions are the flags of mpi classes.
type classesOptions struct {
	steps, rows int
	rate        float64
	seed        uint64
}

func runClasses(args []string, stdout, stderr io.Writer) error {
	var o classesOptions
	var r ranks
	set := flag.NewFlagSet("mpi classes", flag.ContinueOnError)
	set.SetOutput(stderr)
	r.flags(set)
	set.IntVar(&o.steps, "steps", 20, "batches")
	set.IntVar(&o.rows, "batch", 32, "samples in a step")
	set.Float64Var(&o.rate, "rate", 0.5, "learning rate")
	set.Uint64Var(&o.seed, "seed", 1, "of weights and samples")
	if err := set.Parse(args); err != nil {
		return err
	}
	switch {
	case set.NArg() > 0:
		return fmt.Errorf("unexpected argument %q: see -help", set.Arg(0))
	case o.steps < 1:
		return fmt.Errorf("-steps %d: it is at least 1", o.steps)
	case o.rows < 1:
		return fmt.Errorf("-batch %d: it is at least 1", o.rows)
	case !(o.rate > 0) || math.IsInf(o.rate, 0):
		return fmt.Errorf("-rate %v: it is a positive number", o.rate)
	}
	return r.run(stdout, stderr, func(c *comm.Meter, stdout io.Writer) error {
		return trainClasses[float32](&o, c, stdout)
	})
}

func trainClasses[T kernels.Float](o *classesOptions, c comm.Comm, stdout io.Writer) error {
	if err := comm.Agree(c, "flags or the order of bytes", hash([]byte(fmt.Sprint(*o)))); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "classes: float32, %d classes, batches of %d, sgd at rate %g, seed %d; "+
		"ranks: %d; kernels: %s\n", classes, o.rows, o.rate, o.seed, c.Size(), kernels.ISA())
	m := newClassifier[T](c, o.seed)
	src := rand.NewPCG(o.seed, 5)
	optimizer := &layers.SGD[T]{Rate: T(o.rate)}
	losses := make([]float64, o.steps)
	for step := range losses {
		var err error
		if losses[step], err = m.gradients(samples[T](o.rows, src)); err != nil {
			return err
		}
		optimizer.Step(m.params())
		fmt.Fprintf(stdout, "step %*d  loss %.6f  bits %016x\n", len(fmt.Sprint(o.steps)), step+1,
			losses[step], math.Float64bits(losses[step]))
	}
	digest, err := m.digest(losses)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "digest of all losses and of the weights: %016x\n", digest)
	return nil
}

// samples returns rows of inputs and their labels: each label has a pattern of its own, from the
// bits of a product, which comes with some noise. All ranks make the same samples.
func samples[T kernels.Float](rows int, src rand.Source) (x []T, labels []int) {
	for range rows {
		label, _ := bits.Mul64(src.Uint64(), 64)
		label *= classes / 64 // few of the classes, so that there is something to learn in few steps
		pattern := (label + 1) * 0x9e3779b97f4a7c15 >> (64 - inputs)
		for j := range inputs {
			noise := T(int64(src.Uint64())>>40) / (1 << 25) // within 1/4; exact
			x = append(x, T(int(pattern>>j&1)*2-1)+noise)
		}
		labels = append(labels, int(label))
	}
	return x, labels
}

// A classifier is the network Affine - ReLU - Affine with a softmax of 65,536 classes, in blocks,
// of which a rank has some. All ranks have the first layer. It does not know what the Comm is.
//
// The shards' two rounds give the losses and the gradients of the logits the bits of the whole
// rows. So the gradients of the weights have those, too. The gradient of the hidden units is a sum
// over all classes: over those of a block in one chain, and over the blocks in a [comm.Tree].
type classifier[T kernels.Float] struct {
	c      comm.Comm
	first  *layers.Affine[T]
	relu   layers.ReLU[T]
	lo     int                 // the first block of this rank
	blocks []*layers.Affine[T] // of this rank
	tree   comm.Tree[T]
}

func newClassifier[T kernels.Float](c comm.Comm, seed uint64) *classifier[T] {
	lo, hi := comm.Parts(c, parts)
	m := &classifier[T]{c: c, first: layers.NewAffine[T](inputs, units), lo: lo,
		tree: comm.Tree[T]{Comm: c, Leaves: parts}}
	layers.He(m.first.W, inputs, rand.NewPCG(seed, 6))
	for i := lo; i < hi; i++ {
		b := layers.NewAffine[T](units, block)
		layers.Xavier(b.W, units, rand.NewPCG(seed, 1000+uint64(i)))
		m.blocks = append(m.blocks, b)
	}
	return m
}

func (m *classifier[T]) shard(i int) kernels.Shard[T] {
	return kernels.Shard[T]{Classes: block, Offset: i * block}
}

// params returns the parameters that this rank has.
func (m *classifier[T]) params() []layers.Param[T] {
	p := m.first.Params()
	for _, b := range m.blocks {
		p = append(p, b.Params()...)
	}
	return p
}

// gradients computes the gradients of the mean loss of a batch, and returns the loss.
func (m *classifier[T]) gradients(x []T, labels []int) (float64, error) {
	rows := len(labels)
	hidden := m.relu.Forward(m.first.Forward(x))
	logits := make([][]T, len(m.blocks))
	for i, b := range m.blocks {
		logits[i] = b.Forward(hidden)
	}
	stats, err := m.stats(logits, labels)
	if err != nil {
		return 0, err
	}
	losses, own := make([]T, rows), make([]T, rows)
	dhidden := make([]T, len(hidden))
	if err := m.tree.Sum(dhidden, func(i int, dst []T) error {
		z := logits[i-m.lo]
		err := kernels.ShardCrossEntropyGrad(z, own, z, stats, labels, T(1/float64(rows)), m.shard(i))
		if err != nil {
			return err
		}
		comm.Add(losses, losses, own) // all but one block have 0
		copy(dst, m.blocks[i-m.lo].Backward(z))
		return nil
	}); err != nil {
		return 0, err
	}
	m.first.Gradients(m.relu.Backward(dhidden))
	if err := comm.Reduce(m.c, losses, comm.Add[T]); err != nil {
		return 0, err
	}
	sum := 0.0
	for _, v := range losses {
		sum += float64(v)
	}
	return sum / float64(rows), nil
}

// stats returns the stats of the whole rows by the shards' two rounds: the ranks agree on the
// maxima first, and then on the sums.
func (m *classifier[T]) stats(logits [][]T, labels []int) ([]kernels.RowStats[T], error) {
	rows := len(labels)
	top, out, own := make([]T, rows), make([]T, rows), make([]T, rows)
	for r := range top {
		top[r], out[r] = T(math.Inf(-1)), T(math.Inf(-1))
	}
	for i, z := range logits {
		if err := kernels.ShardMax(own, z, m.shard(m.lo+i)); err != nil {
			return nil, err
		}
		kernels.MergeRowMax(top, own)
	}
	if err := comm.Reduce(m.c, top, comm.Max[T]); err != nil {
		return nil, err
	}

	chunks := kernels.ShardChunks[T](block)
	sums := make([]float64, len(logits)*rows*chunks) // block by block, each row by row
	for i, z := range logits {
		own := sums[i*rows*chunks:][:rows*chunks]
		if err := kernels.ShardSums(own, out, z, top, labels, m.shard(m.lo+i)); err != nil {
			return nil, err
		}
	}
	if err := comm.Reduce(m.c, out, comm.Max[T]); err != nil { // one rank has the label's logit
		return nil, err
	}
	all, err := comm.Gather(m.c, sums)
	if err != nil {
		return nil, err
	}
	byRow := make([]float64, 0, len(all))
	for r := range rows {
		for i := range parts {
			byRow = append(byRow, all[(i*rows+r)*chunks:][:chunks]...)
		}
	}
	stats := make([]kernels.RowStats[T], rows)
	kernels.FoldChunks(stats, top, out, byRow)
	return stats, nil
}

// digest returns a hash of the losses and of all weights: of the first layer, then block by block.
func (m *classifier[T]) digest(losses []float64) (uint64, error) {
	var own []uint64
	for _, b := range m.blocks {
		own = append(own, hash(appendBits(appendBits(nil, b.W), b.B)))
	}
	blocks, err := comm.Gather(m.c, own)
	all := appendBits(appendBits(appendBits(nil, losses), m.first.W), m.first.B)
	for _, h := range blocks {
		all = binary.LittleEndian.AppendUint64(all, h)
	}
	return hash(all), err
}

func appendBits[T kernels.Float](to []byte, s []T) []byte {
	for _, v := range s {
		to = binary.LittleEndian.AppendUint64(to, math.Float64bits(float64(v)))
	}
	return to
}

func hash(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}
