package ktable

import (
	"fmt"
	"slices"

	"kernels"
	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// The arguments. in and out make those with an element for each element; the methods change that.

func in(name string) Arg                  { return Arg{Name: name, In: true} }
func out(name string, same ...string) Arg { return Arg{Name: name, Out: true, Same: same} }
func (a Arg) of(t Type) Arg               { a.Type = t; return a }
func (a Arg) len(l Len) Arg               { a.Len = l; return a }
func (a Arg) at(s Stride) Arg             { a.Stride = s; return a }
func (a Arg) fill(f Fill) Arg             { a.Fill = f; return a }
func (a Arg) orNil() Arg                  { a.Nil = true; return a }
func args(a ...Arg) []Arg                 { return a }

var (
	maskIn    = Arg{Name: "mask", In: true, Type: Word, Len: PerWord}
	maskOut   = Arg{Name: "mask", Out: true, Type: Word, Len: PerWord}
	label     = in("labels").of(Label).len(PerRow).fill(Classes)
	losses    = out("losses").len(PerRow)
	lossesNil = losses.orNil()
	logits    = in("logits")
	strided   = logits.at(AtStride)
	dlogits   = out("dlogits", "logits")
	target    = in("targets").fill(Probs)
	targetErr = target.len(Checked)
	rest      = in("rest").len(PerRow)
	dloss     = in("dloss").len(Upstream).orNil()
	weights   = in("Weights").len(PerClass).fill(Positive).orNil()
	posWeight = in("PosWeight").len(Repeats).fill(Positive).orNil()
	bit       = in("targets").fill(ZeroOne)
	stats     = in("stats").of(Stats).len(PerRow).fill(Merged)
	maxima    = in("m").len(PerRow).fill(Maxima)

	unary    = args(out("dst", "x"), in("x"))
	binary   = args(out("dx", "dy", "y"), in("dy"), in("y"))
	forward  = args(out("dst", "x").at(AtDstStride), in("x").at(AtStride))
	backward = args(out("dx", "dy", "y").at(AtStride), in("dy").at(AtDstStride), in("y").at(AtDstStride))
)

const (
	softmaxOpts = LogitScale | Strides | DstStrides
	lossOpts    = LogitScale | Strides | Smoothing | Ignoring | Reducing
	probOpts    = LogitScale | Strides | Smoothing | Reducing
	shardOpts   = LogitScale | Strides | Offset
)

// table is the table; L is the type of labels.
func table[T kernels.Float, L kernels.Label]() []Func[T] {
	type call = func(c *Call[T]) error
	two := func(f func(dst, x []T)) call { return func(c *Call[T]) error { f(c.T(0), c.T(1)); return nil } }
	three := func(f func(dx, dy, y []T)) call {
		return func(c *Call[T]) error { f(c.T(0), c.T(1), c.T(2)); return nil }
	}
	value := func(f func(c *Call[T]) (float64, error)) call {
		return func(c *Call[T]) (err error) { c.Result, err = f(c); return }
	}
	return []Func[T]{
		{Name: "ReLU", Args: unary, Call: two(kernels.ReLU[T])},
		{Name: "ReLUMask", Args: args(out("dst", "x"), in("x"), maskOut),
			Call: func(c *Call[T]) error { kernels.ReLUMask(c.T(0), c.T(1), kt.View[uint64](c.Ops[2])); return nil }},
		{Name: "ReLUBackward", Args: args(out("dx", "dy"), in("dy"), maskIn),
			Call: func(c *Call[T]) error { kernels.ReLUBackward(c.T(0), c.T(1), kt.View[uint64](c.Ops[2])); return nil }},
		{Name: "ReLUBackwardOutput", Args: binary, Call: three(kernels.ReLUBackwardOutput[T])},
		{Name: "Sigmoid", Args: unary, Call: two(kernels.Sigmoid[T])},
		{Name: "SigmoidFast", Args: unary, Call: two(kernels.SigmoidFast[T])},
		{Name: "SigmoidBackward", Args: binary, Call: three(kernels.SigmoidBackward[T])},
		{Name: "Tanh", Args: unary, Call: two(kernels.Tanh[T])},
		{Name: "TanhBackward", Args: binary, Call: three(kernels.TanhBackward[T])},

		{Name: "SigmoidCrossEntropy", Args: args(out("losses", "logits", "targets"), logits, bit),
			Call: three(kernels.SigmoidCrossEntropy[T])},
		{Name: "SigmoidCrossEntropyWith", Args: args(out("losses", "logits", "targets"), logits, bit, posWeight), Rows: true,
			Call: func(c *Call[T]) error { return kernels.SigmoidCrossEntropyWith(c.T(0), c.T(1), c.T(2), c.Bin) }},
		{Name: "SigmoidCrossEntropyGrad", Args: args(out("dlogits", "logits", "targets"), out("losses").orNil(), logits, bit), Opts: Scale,
			Call: func(c *Call[T]) error {
				kernels.SigmoidCrossEntropyGrad(c.T(0), c.T(1), c.T(2), c.T(3), c.Scale)
				return nil
			}},
		{Name: "SigmoidCrossEntropyGradWith", Opts: Scale, Rows: true,
			Args: args(out("dlogits", "logits", "targets"), out("losses").orNil(), logits, bit, posWeight),
			Call: func(c *Call[T]) error {
				return kernels.SigmoidCrossEntropyGradWith(c.T(0), c.T(1), c.T(2), c.T(3), c.Scale, c.Bin)
			}},

		{Name: "Softmax", Rows: true, Args: unary,
			Call: func(c *Call[T]) error { kernels.Softmax(c.T(0), c.T(1), c.Classes); return nil }},
		{Name: "SoftmaxWith", Rows: true, Args: forward, Opts: softmaxOpts,
			Call: func(c *Call[T]) error { return kernels.SoftmaxWith(c.T(0), c.T(1), c.Classes, c.Soft) }},
		{Name: "LogSoftmax", Rows: true, Args: unary,
			Call: func(c *Call[T]) error { kernels.LogSoftmax(c.T(0), c.T(1), c.Classes); return nil }},
		{Name: "LogSoftmaxWith", Rows: true, Args: forward, Opts: softmaxOpts,
			Call: func(c *Call[T]) error { return kernels.LogSoftmaxWith(c.T(0), c.T(1), c.Classes, c.Soft) }},
		{Name: "SoftmaxBackward", Rows: true, Args: binary,
			Call: func(c *Call[T]) error { kernels.SoftmaxBackward(c.T(0), c.T(1), c.T(2), c.Classes); return nil }},
		{Name: "SoftmaxBackwardWith", Rows: true, Args: backward, Opts: softmaxOpts,
			Call: func(c *Call[T]) error {
				return kernels.SoftmaxBackwardWith(c.T(0), c.T(1), c.T(2), c.Classes, c.Soft)
			}},
		{Name: "LogSoftmaxBackward", Rows: true, Args: binary,
			Call: func(c *Call[T]) error { kernels.LogSoftmaxBackward(c.T(0), c.T(1), c.T(2), c.Classes); return nil }},
		{Name: "LogSoftmaxBackwardWith", Rows: true, Args: backward, Opts: softmaxOpts,
			Call: func(c *Call[T]) error {
				return kernels.LogSoftmaxBackwardWith(c.T(0), c.T(1), c.T(2), c.Classes, c.Soft)
			}},
		{Name: "Argmax", Rows: true, Args: args(out("index").of(Int).len(PerRow), in("x")),
			Call: func(c *Call[T]) error { kernels.Argmax(kt.View[int](c.Ops[0]), c.T(1), c.Classes); return nil }},

		{Name: "CrossEntropy", Rows: true, Args: args(losses, logits, label),
			Call: func(c *Call[T]) error { return kernels.CrossEntropy(c.T(0), c.T(1), labels[L](c, 2), c.Classes) }},
		{Name: "CrossEntropyWith", Rows: true, Value: true, Args: args(lossesNil, strided, label, weights), Opts: lossOpts,
			Call: value(func(c *Call[T]) (float64, error) {
				return kernels.CrossEntropyWith(c.T(0), c.T(1), labels[L](c, 2), c.Classes, c.Loss)
			})},
		{Name: "CrossEntropyGrad", Rows: true, Args: args(dlogits, lossesNil, logits, label), Opts: Scale,
			Call: func(c *Call[T]) error {
				return kernels.CrossEntropyGrad(c.T(0), c.T(1), c.T(2), labels[L](c, 3), c.Classes, c.Scale)
			}},
		{Name: "CrossEntropyGradWith", Rows: true, Value: true, Opts: lossOpts,
			Args: args(dlogits.at(AtStride), lossesNil, strided, label, dloss, weights),
			Call: value(func(c *Call[T]) (float64, error) {
				return kernels.CrossEntropyGradWith(c.T(0), c.T(1), c.T(2), labels[L](c, 3), c.Classes, c.T(4), c.Loss)
			})},
		{Name: "CrossEntropyProb", Rows: true, Args: args(losses, logits, target),
			Call: func(c *Call[T]) error { return kernels.CrossEntropyProb(c.T(0), c.T(1), c.T(2), c.Classes) }},
		{Name: "CrossEntropyProbWith", Rows: true, Value: true, Args: args(lossesNil, strided, targetErr, weights), Opts: probOpts,
			Call: value(func(c *Call[T]) (float64, error) {
				return kernels.CrossEntropyProbWith(c.T(0), c.T(1), c.T(2), c.Classes, c.Loss)
			})},
		{Name: "CrossEntropyProbGrad", Rows: true, Args: args(dlogits, lossesNil, logits, target), Opts: Scale,
			Call: func(c *Call[T]) error {
				return kernels.CrossEntropyProbGrad(c.T(0), c.T(1), c.T(2), c.T(3), c.Classes, c.Scale)
			}},
		{Name: "CrossEntropyProbGradWith", Rows: true, Value: true, Opts: probOpts,
			Args: args(dlogits.at(AtStride), lossesNil, strided, targetErr, dloss, weights),
			Call: value(func(c *Call[T]) (float64, error) {
				return kernels.CrossEntropyProbGradWith(c.T(0), c.T(1), c.T(2), c.T(3), c.Classes, c.T(4), c.Loss)
			})},

		{Name: "CrossEntropyKeep", Rows: true, Value: true, Opts: lossOpts,
			Args: args(out("probs", "logits").at(AtStride), out("rest").len(PerRow), lossesNil, strided, label, weights),
			Call: value(func(c *Call[T]) (float64, error) {
				return kernels.CrossEntropyKeep(c.T(0), c.T(1), c.T(2), c.T(3), labels[L](c, 4), c.Classes, c.Loss)
			})},
		{Name: "CrossEntropyBackward", Rows: true, Opts: lossOpts,
			Args: args(out("dlogits", "probs").at(AtStride), in("probs").at(AtStride), rest, label, dloss, weights),
			Call: func(c *Call[T]) error {
				return kernels.CrossEntropyBackward(c.T(0), c.T(1), c.T(2), labels[L](c, 3), c.Classes, c.T(4), c.Loss)
			}},
		{Name: "CrossEntropyProbKeep", Rows: true, Value: true, Opts: probOpts,
			Args: args(out("probs", "logits").at(AtStride), out("rest").len(PerRow), lossesNil, strided, targetErr, weights),
			Call: value(func(c *Call[T]) (float64, error) {
				return kernels.CrossEntropyProbKeep(c.T(0), c.T(1), c.T(2), c.T(3), c.T(4), c.Classes, c.Loss)
			})},
		{Name: "CrossEntropyProbBackward", Rows: true, Opts: probOpts,
			Args: args(out("dlogits", "probs").at(AtStride), in("probs").at(AtStride), rest, targetErr, dloss, weights),
			Call: func(c *Call[T]) error {
				return kernels.CrossEntropyProbBackward(c.T(0), c.T(1), c.T(2), c.T(3), c.Classes, c.T(4), c.Loss)
			}},

		{Name: "ShardStats", Rows: true, Args: args(out("stats").of(Stats).len(PerRow), strided), Opts: shardOpts,
			Call: func(c *Call[T]) error { return kernels.ShardStats(statsOf(c, 0), c.T(1), c.Shard) }},
		{Name: "MergeRowStats", Args: args(Arg{Name: "dst", In: true, Out: true, Type: Stats, Fill: Merged, Same: []string{"src"}},
			in("src").of(Stats).fill(Merged)),
			Call: func(c *Call[T]) error { kernels.MergeRowStats(statsOf(c, 0), statsOf(c, 1)); return nil }},
		{Name: "ShardMax", Rows: true, Args: args(out("m").len(PerRow), strided), Opts: shardOpts,
			Call: func(c *Call[T]) error { return kernels.ShardMax(c.T(0), c.T(1), c.Shard) }},
		{Name: "MergeRowMax", Args: args(Arg{Name: "dst", In: true, Out: true, Same: []string{"src"}}, in("src")),
			Call: two(kernels.MergeRowMax[T])},
		{Name: "ShardSums", Rows: true, Opts: shardOpts, Args: args(out("sums").of(Double).len(Chunks),
			Arg{Name: "out", Out: true, Len: PerRow, NilWith: "labels"}, strided, maxima, label.orNil()),
			Call: func(c *Call[T]) error {
				return kernels.ShardSums(kt.View[float64](c.Ops[0]), c.T(1), c.T(2), c.T(3), labels[L](c, 4), c.Shard)
			}},
		{Name: "FoldChunks", Args: args(out("stats").of(Stats), in("m"), in("out").orNil(), in("sums").of(Double).len(Folds)),
			Call: func(c *Call[T]) error {
				kernels.FoldChunks(statsOf(c, 0), c.T(1), c.T(2), kt.View[float64](c.Ops[3]))
				return nil
			}},
		{Name: "ShardCrossEntropy", Rows: true, Args: args(losses, strided, stats, label), Opts: shardOpts,
			Call: func(c *Call[T]) error {
				return kernels.ShardCrossEntropy(c.T(0), c.T(1), statsOf(c, 2), labels[L](c, 3), c.Shard)
			}},
		{Name: "ShardCrossEntropyGrad", Rows: true, Opts: shardOpts | Scale,
			Args: args(dlogits.at(AtStride), lossesNil, strided, stats, label),
			Call: func(c *Call[T]) error {
				return kernels.ShardCrossEntropyGrad(c.T(0), c.T(1), c.T(2), statsOf(c, 3), labels[L](c, 4), c.Scale, c.Shard)
			}},
		{Name: "ShardSoftmax", Rows: true, Args: args(out("dst", "logits").at(AtDstStride), strided, stats), Opts: shardOpts | DstStrides,
			Call: func(c *Call[T]) error { return kernels.ShardSoftmax(c.T(0), c.T(1), statsOf(c, 2), c.Shard) }},
		{Name: "ShardLogSoftmax", Rows: true, Args: args(out("dst", "logits").at(AtDstStride), strided, stats), Opts: shardOpts | DstStrides,
			Call: func(c *Call[T]) error { return kernels.ShardLogSoftmax(c.T(0), c.T(1), statsOf(c, 2), c.Shard) }},

		// What has no slices.
		{Name: "ISA", Call: func(*Call[T]) error {
			return that(slices.Contains(isa.Available(), kernels.ISA()), "ISA() is not available")
		}},
		{Name: "MaskLen", Call: func(*Call[T]) error {
			return that(kernels.MaskLen(0) == 0 && kernels.MaskLen(1) == 1 && kernels.MaskLen(64) == 1 && kernels.MaskLen(65) == 2, "MaskLen")
		}},
		{Name: "NoRowStats", Call: func(*Call[T]) error {
			s := kernels.RowStats[T]{Max: 1, Out: 1, Rest: 2}
			return that(kernels.NoRowStats[T]().Merge(s) == s, "NoRowStats is not neutral")
		}},
		{Name: "RowStats.Merge", Call: func(*Call[T]) error {
			s := kernels.RowStats[T]{Max: 1, Out: 1, Rest: 2}
			return that(s.Merge(kernels.NoRowStats[T]()) == s, "Merge with nothing changes stats")
		}},
		{Name: "ShardGrain", Call: func(*Call[T]) error {
			return that(kernels.ShardGrain[T]()*len(kt.NewArray(kt.LayoutOf[T](), 1).Mem) == 16<<10, "ShardGrain")
		}},
		{Name: "ShardChunks", Call: func(*Call[T]) error {
			n := kernels.ShardGrain[T]()
			return that(kernels.ShardChunks[T](n) == 1 && kernels.ShardChunks[T](n+1) == 2, "ShardChunks")
		}},
		{Name: "Reduction.String", Call: func(*Call[T]) error {
			return that(fmt.Sprint(kernels.ReductionMean, kernels.ReductionSum, kernels.ReductionNone, kernels.Reduction(9)) == "mean sum none Reduction(9)", "Reduction.String")
		}},
		{Name: "Parallel", Call: func(*Call[T]) error {
			n := 0
			kernels.Parallel(7, 7, func(lo, hi int) { n += hi - lo })
			return that(n == 7, "Parallel")
		}},
	}
}

func statsOf[T kernels.Float](c *Call[T], i int) []kernels.RowStats[T] {
	return kt.View[kernels.RowStats[T]](c.Ops[i])
}

func that(ok bool, what string) error {
	if !ok {
		return fmt.Errorf("kernels: %s", what)
	}
	return nil
}
