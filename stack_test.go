package kernels

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMovingStack calls with operands on the stack of a goroutine, where the stack is full at
// another place each time: it moves at every call that the package makes, and nothing of what the
// call knows may stay behind. Builds for the race detector and for debuggers (-gcflags='-N -l') make
// other calls, and keep other things on the heap.
func TestMovingStack(t *testing.T) {
	t.Run("float32", testMovingStack[float32])
	t.Run("float64", testMovingStack[float64])
}

const stackClasses = 5

// onStack is the operands and results of a row, of which none is on the heap.
type onStack[T Float] struct {
	x, t, y, log, d, dp, dy [stackClasses]T
	loss, lossp             [1]T
	stats                   [1]RowStats[T]
	sloss                   [1]T
}

func (o *onStack[T]) call() error {
	labels := [1]int{3}
	weights := [stackClasses]T{1, 2, 0.5, 3, 0.25}
	dloss := [1]T{0.75}
	opts := CrossEntropyOptions[T]{Weights: weights[:], LabelSmoothing: 0.1, Reduction: ReductionSum}
	shard := Shard[T]{Classes: stackClasses}
	Softmax(o.y[:], o.x[:], stackClasses)
	LogSoftmax(o.log[:], o.x[:], stackClasses)
	if err := CrossEntropyGrad(o.d[:], o.loss[:], o.x[:], labels[:], stackClasses, 1); err != nil {
		return err
	}
	if _, err := CrossEntropyGradWith(o.dy[:], nil, o.x[:], labels[:], stackClasses, dloss[:], &opts); err != nil {
		return err
	}
	if _, err := CrossEntropyProbGradWith(o.dp[:], o.lossp[:], o.x[:], o.t[:], stackClasses, dloss[:], &opts); err != nil {
		return err
	}
	if err := ShardStats(o.stats[:], o.x[:], shard); err != nil {
		return err
	}
	return ShardCrossEntropy(o.sloss[:], o.x[:], o.stats[:], labels[:], shard)
}

// deeper calls f with n small frames more on the stack.
func deeper(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	deeper(n-1, f)
	runtime.KeepAlive(f) // the call before is no tail call
}

func testMovingStack[T Float](t *testing.T) {
	for i := range 512 { // frames of some 32 bytes: more than a stack that has just grown has left
		var got [2]onStack[T]
		var err [2]error
		done := make(chan bool)
		go func() {
			defer close(done)
			deeper(i, func() {
				for j := range got { // in the second round the stack is large enough
					o := onStack[T]{x: [stackClasses]T{1, -2, 0.5, 3, 2}, t: [stackClasses]T{0.1, 0.2, 0.3, 0.25, 0.15}}
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
