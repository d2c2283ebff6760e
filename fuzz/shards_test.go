package fuzz

import (
	"math"
	"testing"

	"kernels"
	kt "kernels/internal/ktest"
)

// shardCrossEntropy cuts the columns into up to three shards and merges their stats.
func shardCrossEntropy[T kernels.Float]() spec[T] {
	stats := func(c *call[T]) ([]kernels.Shard[T], []kernels.RowStats[T], error) {
		var shards []kernels.Shard[T]
		merged := make([]kernels.RowStats[T], c.rows)
		for r := range merged {
			merged[r] = kernels.NoRowStats[T]()
		}
		n := (c.cols + 2) / 3
		for lo := 0; lo < c.cols; lo += n {
			s := kernels.Shard[T]{Classes: min(n, c.cols-lo), Offset: lo, Stride: c.cols}
			here := make([]kernels.RowStats[T], c.rows)
			if err := kernels.ShardStats(here, columns(c.in[0], s, c.rows), s); err != nil {
				return nil, nil, err
			}
			kernels.MergeRowStats(merged, here)
			shards = append(shards, s)
		}
		return shards, merged, nil
	}
	return spec[T]{rows: true, ins: 1, alias: []int{0}, loss: true, labels: true,
		run: func(c *call[T]) error {
			shards, merged, err := stats(c)
			clear(c.loss)
			here := make([]T, c.rows)
			for _, s := range shards {
				if err == nil {
					err = kernels.ShardCrossEntropyGrad(columns(c.out, s, c.rows), here, columns(c.in[0], s, c.rows), merged, c.labels, c.scale, s)
				}
				for r, v := range here {
					c.loss[r] += v
				}
			}
			return err
		},
		check: func(t *testing.T, c *call[T]) {
			for r := range c.rows {
				x, d := row(c.in[0], r, c.cols), row(c.out, r, c.cols)
				if kindOf(x) == allNaN {
					wantNaN(t, "ShardCrossEntropyGrad", d)
					wantNaN(t, "ShardCrossEntropyGrad", c.loss[r:r+1])
					continue
				}
				ref := kt.NewRowDD(x)
				checkLoss(t, ref, x, c.labels[r], c.loss[r])
				scale := kt.Scaled{DD: kt.DD{Hi: float64(c.scale)}}
				for j, v := range d {
					want := ref.Grad(j, c.labels[r]).Mul(scale)
					if err := kt.Err(v, want); err > gradULP && math.Abs(float64(v)-want.Float64()) > gradSlack(c.scale, c.cols) {
						t.Fatalf("%s: dlogits[%d] = %v, want %v (%v ULP), label %d, scale %v, x = %v",
							kt.TypeName[T](), j, v, want.Float64(), err, c.labels[r], c.scale, x)
					}
				}
			}
		}}
}

// columns returns the shard's part of a matrix.
func columns[T kernels.Float](x []T, s kernels.Shard[T], rows int) []T {
	if rows == 0 {
		return nil
	}
	return x[s.Offset : (rows-1)*s.Stride+s.Offset+s.Classes]
}

func FuzzShardCrossEntropyGrad(f *testing.F) {
	fuzzBoth(f, shardCrossEntropy[float32](), shardCrossEntropy[float64]())
}
