package kernels_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/ktable"
	kt "kernels/internal/ktest"
)

// TestMovingStack makes calls with operands on the stack of a goroutine. Each time the stack is
// full at another place, so that it moves at every call inside the package, and no pointer to the
// old stack may be left. The test is worth running with -race and with -gcflags='-N -l', too: these
// builds make other calls, and keep other things on the heap.
func TestMovingStack(t *testing.T) {
	t.Run("float32", testMovingStack[float32])
	t.Run("float64", testMovingStack[float64])
}

const stackClasses = 5

// stackRow has the operands and results of a row. None is on the heap.
type stackRow[T kernels.Float] struct {
	x, t, y, log, d, dp, dy [stackClasses]T
	loss, lossp             [1]T
	stats                   [1]kernels.RowStats[T]
	sloss                   [1]T
	outer                   [stackClasses * stackClasses]T
	product, productb       [stackClasses]T
}

func (o *stackRow[T]) call() error {
	labels := [1]int{3}
	weights := [stackClasses]T{1, 2, 0.5, 3, 0.25}
	dloss := [1]T{0.75}
	opts := kernels.CrossEntropyOptions[T]{Weights: weights[:], LabelSmoothing: 0.1,
		Reduction: kernels.ReductionSum}
	shard := kernels.Shard[T]{Classes: stackClasses}
	kernels.Softmax(o.y[:], o.x[:], stackClasses)
	kernels.LogSoftmax(o.log[:], o.x[:], stackClasses)
	if err := kernels.CrossEntropyGrad(o.d[:], o.loss[:], o.x[:], labels[:], stackClasses,
		1); err != nil {
		return err
	}
	if _, err := kernels.CrossEntropyGradWith(o.dy[:], nil, o.x[:], labels[:], stackClasses, dloss[:],
		&opts); err != nil {
		return err
	}
	if _, err := kernels.CrossEntropyProbGradWith(o.dp[:], o.lossp[:], o.x[:], o.t[:], stackClasses,
		dloss[:], &opts); err != nil {
		return err
	}
	if err := kernels.ShardStats(o.stats[:], o.x[:], shard); err != nil {
		return err
	}
	product := kernels.MatMulOptions[T]{Bias: weights[:]}
	err := kernels.MatMulWith(o.product[:], o.x[:], o.outer[:], 1, stackClasses, stackClasses, &product)
	if err != nil {
		return err
	}
	kernels.MatMulTransB(o.productb[:], o.x[:], o.outer[:], 1, stackClasses, stackClasses) // packed
	return kernels.ShardCrossEntropy(o.sloss[:], o.x[:], o.stats[:], labels[:], shard)
}

// deeper calls f with n more small frames on the stack.
func deeper(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	deeper(n-1, f)
	runtime.KeepAlive(f) // so that the call before is not a tail call
}

func testMovingStack[T kernels.Float](t *testing.T) {
	for i := range 512 { // frames of some 32 bytes: more than fit a stack that has just grown
		var got [2]stackRow[T]
		var err [2]error
		done := make(chan bool)
		go func() {
			defer close(done)
			deeper(i, func() {
				for j := range got { // in the second round the stack is large enough
					o := stackRow[T]{x: [stackClasses]T{1, -2, 0.5, 3, 2},
						t: [stackClasses]T{0.1, 0.2, 0.3, 0.25, 0.15}}
					for k := range o.outer {
						o.outer[k] = T(k%7) - 3
					}
					err[j] = o.call()
					got[j] = o
				}
			})
		}()
		<-done
		require.NoError(t, err[0])
		require.NotZero(t, got[0].loss)
		require.Equal(t, got[1], got[0], "%d frames down", i)
	}
}

// TestNoAllocation calls every function on arrays of the caller's stack. A function that lets an
// argument escape makes the arrays allocate; go test -gcflags=-m shows which one it is.
func TestNoAllocation(t *testing.T) {
	source, err := os.ReadFile("table_stack_test.go")
	require.NoError(t, err)
	for _, k := range ktable.Routines[float32]() {
		require.Contains(t, string(source), "kernels."+k.Name+"(", "onStack does not call it")
	}
	kt.EachISA(t, func(t *testing.T, _ string) {
		require.Zero(t, testing.AllocsPerRun(20, onStack[float32]))
		require.Zero(t, testing.AllocsPerRun(20, onStack[float64]))
	})
}

func onStack[T kernels.Float]() {
	var (
		x, y, d, e    [70]T
		l, m, g       [7]T
		stats, more   [7]kernels.RowStats[T]
		sums          [7]float64
		index         [7]int
		mask          [2]uint64
		bytes, labels = [7]uint8{0, 1, 2, 3, 4, 5, 6}, [7]int32{6, 5, 4, 3, 2, 1}
		weights       [10]T
	)
	kernels.ReLU(d[:], x[:])
	kernels.ReLUMask(d[:], x[:], mask[:])
	kernels.ReLUBackward(d[:], x[:], mask[:])
	kernels.ReLUBackwardOutput(d[:], x[:], y[:])
	kernels.Sigmoid(d[:], x[:])
	kernels.SigmoidFast(d[:], x[:])
	kernels.SigmoidBackward(d[:], x[:], y[:])
	kernels.Tanh(d[:], x[:])
	kernels.TanhBackward(d[:], x[:], y[:])
	kernels.SGD(d[:], x[:], 0.1)
	kernels.Momentum(d[:], e[:], x[:], 0.1, 0.9)
	kernels.Adam(d[:], e[:], y[:], x[:], kernels.AdamParams[T]{Rate: 0.1, Beta1: 0.9, Epsilon: 1})
	b := kernels.SigmoidCrossEntropyOptions[T]{PosWeight: weights[:]}
	kernels.SigmoidCrossEntropy(d[:], x[:], y[:])
	kernels.SigmoidCrossEntropyGrad(d[:], e[:], x[:], y[:], 0.1)
	must(kernels.SigmoidCrossEntropyWith(d[:], x[:], y[:], &b),
		kernels.SigmoidCrossEntropyGradWith(d[:], e[:], x[:], y[:], 1, &b))

	o := kernels.SoftmaxOptions[T]{LogitScale: 3}
	kernels.Softmax(d[:], x[:], 10)
	kernels.Softmax(d[:], x[:], 70)
	kernels.LogSoftmax(d[:], x[:], 10)
	kernels.SoftmaxBackward(d[:], x[:], y[:], 10)
	kernels.LogSoftmaxBackward(d[:], x[:], y[:], 10)
	must(kernels.SoftmaxWith(d[:], x[:], 10, &o), kernels.LogSoftmaxWith(d[:], x[:], 10, &o),
		kernels.SoftmaxBackwardWith(d[:], d[:], x[:], 10, &o),
		kernels.LogSoftmaxBackwardWith(d[:], d[:], x[:], 10, &o))
	kernels.Argmax(index[:], x[:], 10)
	kernels.Argmax(index[:1], x[:], 70)

	p, q := kernels.MatMulOptions[T]{Bias: weights[:]}, kernels.ColumnSumsOptions{Add: true}
	kernels.MatMul(d[:], x[:], y[:49], 10, 7, 7)
	kernels.MatMulTransA(d[:], x[:], y[:49], 10, 7, 7)
	kernels.MatMulTransB(d[:], x[:], y[:49], 10, 7, 7)
	kernels.ColumnSums(e[:10], x[:], 7, 10)
	must(kernels.MatMulWith(d[:], y[:49], x[:], 7, 7, 10, &p),
		kernels.MatMulTransAWith(d[:], y[:49], x[:], 7, 7, 10, &p),
		kernels.MatMulTransBWith(d[:], y[:49], x[:], 7, 7, 10, &p),
		kernels.ColumnSumsWith(e[:10], x[:], 7, 10, &q))

	must(kernels.CrossEntropy(l[:], x[:], bytes[:], 10),
		kernels.CrossEntropyProb(l[:], x[:], y[:], 10),
		kernels.CrossEntropyGrad(d[:], l[:], x[:], labels[:], 10, 0.1),
		kernels.CrossEntropyProbGrad(d[:], l[:], x[:], y[:], 10, 0.1))
	for _, smoothing := range []T{0, 0.25} {
		o := kernels.CrossEntropyOptions[T]{Weights: weights[:], LabelSmoothing: smoothing,
			IgnoreIndex: new(2), LogitScale: 2}
		_, err1 := kernels.CrossEntropyWith(l[:], x[:], bytes[:], 10, &o)
		_, err2 := kernels.CrossEntropyGradWith(d[:], l[:], x[:], labels[:], 10, g[:], &o)
		_, err3 := kernels.CrossEntropyProbWith(l[:], x[:], y[:], 10, &o)
		_, err4 := kernels.CrossEntropyProbGradWith(d[:], l[:], x[:], y[:], 10, g[:], &o)
		must(err1, err2, err3, err4)
	}

	s := kernels.Shard[T]{Classes: 10}
	must(kernels.ShardStats(stats[:], x[:], s), kernels.ShardMax(m[:], x[:], s))
	kernels.MergeRowStats(more[:], stats[:])
	kernels.MergeRowMax(m[:], l[:])
	must(kernels.ShardSums(sums[:], g[:], x[:], m[:], bytes[:], s))
	kernels.FoldChunks(stats[:], m[:], g[:], sums[:])
	must(kernels.ShardSoftmax(d[:], x[:], stats[:], s),
		kernels.ShardLogSoftmax(d[:], x[:], stats[:], s),
		kernels.ShardCrossEntropy(l[:], x[:], stats[:], bytes[:], s),
		kernels.ShardCrossEntropyGrad(d[:], l[:], x[:], stats[:], labels[:], 1, s))
}
