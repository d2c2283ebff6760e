package kernels_test

import (
	"fmt"
	"sync"

	"kernels"
)

// Two rows of six classes, split over three goroutines that hold two classes each, as three machines would.
func ExampleShard() {
	const rows, classes, shards = 2, 6, 3
	logits := []float32{
		3, -1, 0.5, 60, 2, 1, // confident: the label is class 3
		1, 2, 3, 4, 5, 6,
	}
	labels := []int{3, 0}

	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		merged  = make([]kernels.RowStats[float32], rows)
		arrived sync.WaitGroup // an all-reduce: nobody goes on before all have come
		losses  = make([]float32, rows)
		grad    = make([]float32, len(logits))
	)
	for r := range merged {
		merged[r] = kernels.NoRowStats[float32]()
	}
	arrived.Add(shards)
	for i := range shards {
		wg.Go(func() {
			// Columns 2*i and 2*i+1 of the matrix; a machine of its own would have them without the stride.
			shard := kernels.Shard[float32]{Classes: classes / shards, Offset: i * classes / shards, Stride: classes}
			lo, hi := shard.Offset, (rows-1)*classes+shard.Offset+shard.Classes
			stats := make([]kernels.RowStats[float32], rows)
			if err := kernels.ShardStats(stats, logits[lo:hi], shard); err != nil {
				panic(err)
			}
			mu.Lock()
			kernels.MergeRowStats(merged, stats)
			mu.Unlock()
			arrived.Done()
			arrived.Wait()

			here := make([]float32, rows) // 0 for rows whose label is in another shard
			if err := kernels.ShardCrossEntropyGrad(grad[lo:hi], here, logits[lo:hi], merged, labels, 1, shard); err != nil {
				panic(err)
			}
			mu.Lock()
			for r, v := range here {
				losses[r] += v
			}
			mu.Unlock()
		})
	}
	wg.Wait()

	fmt.Printf("losses   %.4g\n", losses)
	fmt.Printf("gradient %.2g\n", grad[:classes])
	fmt.Printf("         %.2g\n", grad[classes:])
	// Output:
	// losses   [2.82e-25 5.456]
	// gradient [1.8e-25 3.2e-27 1.4e-26 -2.8e-25 6.5e-26 2.4e-26]
	//          [-1 0.012 0.032 0.086 0.23 0.63]
}

// The bits of the whole row, from shards that begin at multiples of ShardGrain.
func ExampleFoldChunks() {
	type T = float64
	classes := 3 * kernels.ShardGrain[T]()
	logits, labels := make([]T, classes), []int{5000}
	for j := range logits {
		logits[j] = float64(j%97) / 7
	}
	shards := []kernels.Shard[T]{
		{Classes: kernels.ShardGrain[T]()},
		{Classes: 2 * kernels.ShardGrain[T](), Offset: kernels.ShardGrain[T]()},
	}
	columns := func(s kernels.Shard[T]) []T { return logits[s.Offset:][:s.Classes] }

	// Round one: the row's maximum.
	m, here := make([]T, 1), make([]T, 1)
	for i, s := range shards {
		if err := kernels.ShardMax(here, columns(s), s); err != nil {
			panic(err)
		}
		if i == 0 {
			copy(m, here)
		}
		kernels.MergeRowMax(m, here)
	}
	// Round two: the sums, in the order of the classes, and the label's logit from the shard that has it.
	var sums []float64
	out := make([]T, 1)
	for _, s := range shards {
		part := make([]float64, kernels.ShardChunks[T](s.Classes))
		if err := kernels.ShardSums(part, out, columns(s), m, labels, s); err != nil {
			panic(err)
		}
		sums = append(sums, part...)
	}
	stats := make([]kernels.RowStats[T], 1)
	kernels.FoldChunks(stats, m, out, sums)

	sharded, whole := 0.0, make([]T, 1)
	for _, s := range shards {
		if err := kernels.ShardCrossEntropy(here, columns(s), stats, labels, s); err != nil {
			panic(err)
		}
		sharded += here[0]
	}
	if err := kernels.CrossEntropy(whole, logits, labels, classes); err != nil {
		panic(err)
	}
	fmt.Println(sharded == whole[0])
	// Output: true
}
