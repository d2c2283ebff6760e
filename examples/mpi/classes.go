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
	"kernels/examples/internal/checkpoint"
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
	steps, rows, every int
	rate               float64
	seed               uint64
	checkpoint         string
}

// String describes all that the bits of a step depend on.
func (o *classesOptions) String() string {
	return fmt.Sprintf("classes: float32, %d classes, batches of %d, sgd at rate %g, seed %d", classes,
		o.rows, o.rate, o.seed)
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
	set.StringVar(&o.checkpoint, "checkpoint", "",
		"`file` for the state; if it is there, the run goes on from it")
	set.IntVar(&o.every, "every", 5, "steps from one checkpoint to the next")
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
	case o.every < 1:
		return fmt.Errorf("-every %d: it is at least 1", o.every)
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
	fmt.Fprintf(stdout, "%v; ranks: %d; kernels: %s\n", o, c.Size(), kernels.ISA())
	m := newClassifier[T](c, o.seed)
	losses, err := m.resume(o.checkpoint, o.String())
	if err != nil {
		return err
	}
	if len(losses) > o.steps {
		return fmt.Errorf("%s: of %d steps, more than the %d of -steps", o.checkpoint, len(losses), o.steps)
	}
	if len(losses) > 0 {
		fmt.Fprintf(stdout, "going on after step %d, from %s\n", len(losses), o.checkpoint)
	}
	optimizer := &layers.SGD[T]{Rate: T(o.rate)}
	for step := len(losses) + 1; step <= o.steps; step++ {
		loss, err := m.gradients(samples[T](o.rows, rand.NewPCG(o.seed, 2000+uint64(step))))
		if err != nil {
			return err
		}
		optimizer.Step(m.params())
		losses = append(losses, loss)
		if o.checkpoint != "" && (step%o.every == 0 || step == o.steps) {
			if err := m.save(o.checkpoint, o.String(), losses); err != nil {
				return err
			}
		}
		fmt.Fprintf(stdout, "step %*d  loss %.6f  bits %016x\n", len(fmt.Sprint(o.steps)), step, loss,
			math.Float64bits(loss))
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

// classesState is what a checkpoint holds.
type classesState[T kernels.Float] struct {
	Losses []float64 // of the steps that are done
	Params [][]T     // of the first layer
	Blocks []T       // the parameters of all blocks, in order
}

// save writes a checkpoint. Rank 0 has it in memory, whole; a model that is too large for that
// would have a file for each block.
func (m *classifier[T]) save(name, run string, losses []float64) error {
	var own []T
	for _, b := range m.blocks {
		own = append(append(own, b.W...), b.B...)
	}
	all, err := comm.Collect(m.c, own)
	if err != nil || m.c.Rank() != 0 {
		return err
	}
	return checkpoint.Write(name, run, classesState[T]{losses, [][]T{m.first.W, m.first.B}, all})
}

// resume restores the state of a checkpoint, if there is one, and returns the losses of the steps
// that are done.
func (m *classifier[T]) resume(name, run string) ([]float64, error) {
	var s classesState[T]
	if ok, err := restore(m.c, name, run, &s); err != nil || !ok {
		return nil, err
	}
	copy(m.first.W, s.Params[0])
	copy(m.first.B, s.Params[1])
	const size = (units + 1) * block
	for i, b := range m.blocks {
		own := s.Blocks[(m.lo+i)*size:][:size]
		copy(b.W, own)
		copy(b.B, own[units*block:])
	}
	return s.Losses, nil
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
