package kernels

import (
	kt "kernels/internal/ktest"
)

// shardTable is what the table has of shards and of softmax with options: rows in two shards, at a temperature.
func shardTable[T Float]() []kernel[T] {
	// shards cuts the columns in two, where there are two.
	shards := func(c *args[T]) []Shard[T] {
		n := (c.cols + 1) / 2
		s := []Shard[T]{{Classes: n, Stride: c.cols, DstStride: c.cols, LogitScale: 0.75}}
		if c.cols > n {
			s = append(s, Shard[T]{Classes: c.cols - n, Offset: n, Stride: c.cols, DstStride: c.cols, LogitScale: 0.75})
		}
		return s
	}
	merged := func(c *args[T]) []RowStats[T] {
		stats, next := make([]RowStats[T], c.rows), make([]RowStats[T], c.rows)
		for i, s := range shards(c) {
			must(ShardStats(next, part(c.in[0], s, c.rows), s))
			if i == 0 {
				copy(stats, next)
			} else {
				MergeRowStats(stats, next)
			}
		}
		return stats
	}
	opts := func(c *args[T]) *SoftmaxOptions[T] { return &SoftmaxOptions[T]{LogitScale: 0.75} }
	return []kernel[T]{
		{name: "SoftmaxWith", rows: true, ins: 1, alias: []int{0},
			run:   func(c *args[T]) { must(SoftmaxWith(c.out, c.in[0], c.cols, opts(c))) },
			stack: func() { var d, x [70]T; must(SoftmaxWith(d[:], x[:], 10, &SoftmaxOptions[T]{LogitScale: 3})) }},
		{name: "LogSoftmaxWith", rows: true, ins: 1, alias: []int{0},
			run:   func(c *args[T]) { must(LogSoftmaxWith(c.out, c.in[0], c.cols, opts(c))) },
			stack: func() { var d, x [70]T; must(LogSoftmaxWith(d[:], x[:], 10, &SoftmaxOptions[T]{LogitScale: 3})) }},
		{name: "SoftmaxBackwardWith", rows: true, ins: 2, alias: []int{0, 1},
			run: func(c *args[T]) { must(SoftmaxBackwardWith(c.out, c.in[0], c.in[1], c.cols, opts(c))) },
			stack: func() {
				var d, x [70]T
				must(SoftmaxBackwardWith(d[:], d[:], x[:], 10, &SoftmaxOptions[T]{LogitScale: 3}))
			}},
		{name: "LogSoftmaxBackwardWith", rows: true, ins: 2, alias: []int{0, 1},
			run: func(c *args[T]) { must(LogSoftmaxBackwardWith(c.out, c.in[0], c.in[1], c.cols, opts(c))) },
			stack: func() {
				var d, x [70]T
				must(LogSoftmaxBackwardWith(d[:], d[:], x[:], 10, &SoftmaxOptions[T]{LogitScale: 3}))
			}},
		{name: "ShardStats", rows: true, ins: 1, noOut: true, loss: true,
			run: func(c *args[T]) {
				for r, s := range merged(c) {
					c.loss[r] = T(s.Rest) + s.Max
				}
			},
			stack: func() { var x [70]T; var s [7]RowStats[T]; must(ShardStats(s[:], x[:], Shard[T]{Classes: 10})) }},
		{name: "ShardCrossEntropyGrad", rows: true, ins: 1, alias: []int{0}, skip: true, loss: true, prep: func(r *kt.Rand, c *args[T]) {
			randomLabels(r, c)
			c.scale = 0.3
		},
			run: func(c *args[T]) {
				stats, here := merged(c), make([]T, c.rows)
				clear(c.loss)
				for _, s := range shards(c) {
					must(ShardCrossEntropyGrad(part(c.out, s, c.rows), here, part(c.in[0], s, c.rows), stats, c.skip, c.scale, s))
					for r, v := range here {
						c.loss[r] += v
					}
				}
			},
			stack: func() {
				var d, x [70]T
				var l [7]uint8
				var s [7]RowStats[T]
				must(ShardCrossEntropyGrad(d[:], nil, x[:], s[:], l[:], 1, Shard[T]{Classes: 10}))
			}},
		{name: "ShardSoftmax", rows: true, ins: 1, alias: []int{0},
			run: func(c *args[T]) {
				stats := merged(c)
				for _, s := range shards(c) {
					must(ShardSoftmax(part(c.out, s, c.rows), part(c.in[0], s, c.rows), stats, s))
				}
			},
			stack: func() {
				var d, x [70]T
				var s [7]RowStats[T]
				must(ShardSoftmax(d[:], x[:], s[:], Shard[T]{Classes: 10}))
			}},
		{name: "ShardLogSoftmax", rows: true, ins: 1, alias: []int{0},
			run: func(c *args[T]) {
				stats := merged(c)
				for _, s := range shards(c) {
					must(ShardLogSoftmax(part(c.out, s, c.rows), part(c.in[0], s, c.rows), stats, s))
				}
			},
			stack: func() {
				var d, x [70]T
				var s [7]RowStats[T]
				must(ShardLogSoftmax(d[:], x[:], s[:], Shard[T]{Classes: 10}))
			}},
	}
}
