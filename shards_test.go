package kernels

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// split cuts classes into shards at random multiples of grain.
func split[T Float](r *kt.Rand, classes, grain, stride int) []Shard[T] {
	var shards []Shard[T]
	for lo := 0; lo < classes; {
		n := min((1+r.Intn(max((classes-lo)/grain, 1)))*grain, classes-lo)
		shards = append(shards, Shard[T]{Classes: n, Offset: lo, Stride: stride, DstStride: stride})
		lo += n
	}
	return shards
}

// part returns the shard's columns of a matrix, a slice with the whole rows' stride.
func part[T Float](x []T, s Shard[T], rows int) []T {
	if rows == 0 {
		return nil
	}
	return x[s.Offset : (rows-1)*s.Stride+s.Offset+s.Classes]
}

// oneRound returns the merged stats of a matrix, merged in a random order.
func oneRound[T Float](r *kt.Rand, x []T, rows int, shards []Shard[T]) []RowStats[T] {
	var all [][]RowStats[T]
	for _, s := range shards {
		stats := make([]RowStats[T], rows)
		must(ShardStats(stats, part(x, s, rows), s))
		all = append(all, stats)
	}
	for len(all) > 1 { // merge any two
		i := r.Intn(len(all))
		a := all[i]
		all = append(all[:i], all[i+1:]...)
		MergeRowStats(all[r.Intn(len(all))], a)
	}
	return all[0]
}

// twoRounds returns the stats of a matrix. The sums leave out the labels, unless labels is nil.
func twoRounds[T Float](x []T, rows int, labels []int, shards []Shard[T]) []RowStats[T] {
	m := make([]T, rows)
	for r := range m {
		m[r] = T(math.Inf(-1))
	}
	for _, s := range shards {
		here := make([]T, rows)
		must(ShardMax(here, part(x, s, rows), s))
		MergeRowMax(m, here)
	}
	var out []T
	if labels != nil {
		out = make([]T, rows)
	}
	chunks := make([][]float64, rows)
	for _, s := range shards {
		n := ShardChunks[T](s.Classes)
		sums := make([]float64, rows*n)
		must(ShardSums(sums, out, part(x, s, rows), m, labels, s))
		for r := range chunks {
			chunks[r] = append(chunks[r], sums[r*n:(r+1)*n]...)
		}
	}
	var sums []float64
	for _, c := range chunks {
		sums = append(sums, c...)
	}
	stats := make([]RowStats[T], rows)
	FoldChunks(stats, m, out, sums)
	return stats
}

// shardedGrad returns the losses and gradients that the shards compute from merged stats.
func shardedGrad[T Float](
	x []T, rows int, stats []RowStats[T], labels []int, scale T, shards []Shard[T],
) (losses, d []T) {
	losses, d = make([]T, rows), make([]T, len(x))
	for _, s := range shards {
		here, alone := make([]T, rows), make([]T, rows)
		must(ShardCrossEntropyGrad(part(d, s, rows), here, part(x, s, rows), stats, labels, scale, s))
		must(ShardCrossEntropy(alone, part(x, s, rows), stats, labels, s))
		for r, v := range here {
			if !kt.Same(v, alone[r]) {
				panic(fmt.Sprintf("ShardCrossEntropy and ShardCrossEntropyGrad disagree in row %d: %v, %v",
					r, alone[r], v))
			}
			losses[r] += v
		}
	}
	return losses, d
}

// TestShardsTwoRounds checks that two rounds give the bits of the whole rows.
func TestShardsTwoRounds(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { shardsTwoRounds[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { shardsTwoRounds[float64](t) })
	})
}

func shardsTwoRounds[T Float](t *testing.T) {
	turn := 0
	for _, classes := range []int{33, 100, 8192, 12288, 12301, 128256} {
		rows := max(1, min(7, 20000/classes))
		kinds := []kt.Kind{kt.Normal, kt.Wide80, kt.Huge, kt.RareSpecial, kt.NegInf, kt.OneHot}
		if classes > 100000 && testing.Short() {
			kinds = kinds[:1]
		}
		for _, kind := range kinds {
			for _, scale := range []T{1, 0.7} {
				turn++
				if testing.Short() && turn%2 == 0 && kind != kt.Normal {
					continue
				}
				r := kt.NewRand(uint64(turn))
				x, scaled := make([]T, rows*classes), make([]T, rows*classes)
				kt.Fill(r, kind, x, classes)
				labels := make([]int, rows)
				for i := range labels {
					labels[i] = r.Intn(classes)
				}
				x[labels[0]] += 50 // a confident row
				for i, v := range x {
					scaled[i] = T(v * scale)
				}
				shards := split[T](r, classes, ShardGrain[T](), classes)
				for i := range shards {
					shards[i].LogitScale = scale
				}
				same := func(what string, got, want []T) {
					t.Helper()
					i := kt.Diff(got, want)
					require.Negative(t, i, "%s, element %d of %d rows of %d, inputs %v, scale %v, shards %+v",
						what, i, rows, classes, kind, scale, shards)
				}

				const gradScale = 1.0 / 30
				losses, d := make([]T, rows), make([]T, len(x))
				require.NoError(t, CrossEntropyGrad(d, losses, scaled, labels, classes, T(gradScale*scale)))
				gotLosses, got := shardedGrad(x, rows, twoRounds(x, rows, labels, shards), labels,
					gradScale, shards)
				same("losses", gotLosses, losses)
				same("gradient", got, d)

				Softmax(d, scaled, classes)
				stats := twoRounds(x, rows, nil, shards)
				for _, s := range shards {
					require.NoError(t, ShardSoftmax(part(got, s, rows), part(x, s, rows), stats, s))
				}
				same("softmax", got, d)

				LogSoftmax(d, scaled, classes)
				Argmax(labels, scaled, classes)
				stats = twoRounds(x, rows, labels, shards)
				for _, s := range shards {
					require.NoError(t, ShardLogSoftmax(part(got, s, rows), part(x, s, rows), stats, s))
				}
				same("log-softmax", got, d)
			}
		}
	}
}

// TestShardsOneRound checks losses and gradients of rows that are cut anywhere, in confident rows
// and in rows whose label is far behind.
func TestShardsOneRound(t *testing.T) {
	t.Run("float32", shardsOneRound[float32])
	t.Run("float64", shardsOneRound[float64])
}

func shardsOneRound[T Float](t *testing.T) {
	bound := kt.Pick[T](4e-7, 1e-14)
	margins := []float64{0, 1, 10, 20, 50, 80, -1, -10, -50, -80, -99, -101, -106, -200, -1e4}
	if !is32[T]() {
		margins = append(margins, 200, 500, 700, -500, -690, -701, -751, -1e6)
	}
	sizes := []int{2, 3, 10, 33, 100, 1000, 5000}
	if testing.Short() {
		sizes = []int{2, 3, 10, 33, 300}
	}
	var loss, grad, other, log worst
	for _, classes := range sizes {
		for _, base := range []float64{0, -40, 7.3, 400, 1500} {
			for _, margin := range margins {
				for seed := range uint64(3) {
					r := kt.NewRand(seed*100 + uint64(classes))
					label := r.Intn(classes)
					x := make([]T, classes)
					marginRow(r, x, label, base, margin)
					shards := split[T](r, classes, 1, classes)
					stats := oneRound(r, x, 1, shards)
					l, d := shardedGrad(x, 1, stats, []int{label}, 1, shards)
					ref := kt.NewRowDD(x)
					at := func() string {
						return fmt.Sprintf(
							"%d classes, base %v, margin %v, seed %d, %d shards: loss %v, gradient %v",
							classes, base, margin, seed, len(shards), l[0], d[label])
					}
					key := fmt.Sprint(margin)
					loss.add(key, relative(float64(l[0]), ref.NegLogProb(label)), at)
					grad.add(key, relative(float64(d[label]), ref.Grad(label, label)), at)
					p, lp := make([]T, classes), make([]T, classes)
					for _, s := range shards {
						require.NoError(t, ShardSoftmax(part(p, s, 1), part(x, s, 1), stats, s))
						require.NoError(t, ShardLogSoftmax(part(lp, s, 1), part(x, s, 1), stats, s))
					}
					for _, j := range []int{0, label, classes / 2, classes - 1} {
						if j != label {
							other.add(key, kt.Err(d[j], ref.Prob(j)), at)
						}
						other.add(key, kt.Err(p[j], ref.Prob(j)), at)
						log.add(key, kt.Err(-lp[j], ref.NegLogProb(j)), at)
					}
				}
			}
		}
	}
	for _, margin := range margins {
		key := fmt.Sprint(margin)
		l, g, o, lg := loss.max[key], grad.max[key], other.max[key], log.max[key]
		t.Logf(
			"margin %6s: relative error of the loss %.2e, of the label's gradient %.2e; "+
				"other entries %.2f ULP, log-softmax %.2f ULP", key, l.err, g.err, o.err, lg.err)
		require.LessOrEqual(t, l.err, bound, l.at)
		require.LessOrEqual(t, g.err, bound, g.at)
		require.LessOrEqual(t, o.err, 4.0, o.at)
		require.LessOrEqual(t, lg.err, 4.0, lg.at)
	}
}

// TestShardsOneRoundBig repeats some margins with math/big itself, where the label and the second
// largest logit are in different shards.
func TestShardsOneRoundBig(t *testing.T) {
	t.Run("float32", shardsOneRoundBig[float32])
	t.Run("float64", shardsOneRoundBig[float64])
}

func shardsOneRoundBig[T Float](t *testing.T) {
	bound := kt.Pick[T](4e-7, 1e-14)
	margins := []float64{20, 50, 80}
	if !is32[T]() {
		margins = append(margins, 300, 700)
	}
	for _, margin := range margins {
		x := make([]T, 12)
		marginRow(kt.NewRand(1), x, 3, 1, margin)
		x[4], x[8] = x[4]-1, x[4] // the second largest is in the third shard
		shards := []Shard[T]{{Classes: 4, Stride: 12}, {Classes: 4, Offset: 4, Stride: 12},
			{Classes: 4, Offset: 8, Stride: 12}}
		l, d := shardedGrad(x, 1, oneRound(kt.NewRand(2), x, 1, shards), []int{3}, 1, shards)
		ref := kt.NewRowBig(x)
		require.LessOrEqual(t, kt.RelBig(float64(l[0]), ref.NegLogProb(3)), bound)
		require.LessOrEqual(t, kt.RelBig(float64(d[3]), ref.Grad(3, 3)), bound)
		for j, v := range d {
			require.LessOrEqual(t, kt.RelBig(float64(v), ref.Grad(j, 3)), bound)
		}
	}
}

// TestMergeRowStats checks that Merge is commutative to the bit, and associative within the bound
// for any order of merging, and compares it with the exact sum where the unit is a power of two.
func TestMergeRowStats(t *testing.T) {
	t.Run("float32", mergeRowStats[float32])
	t.Run("float64", mergeRowStats[float64])
}

func mergeRowStats[T Float](t *testing.T) {
	worstExact, worstPair := 0.0, 0.0
	for seed := range uint64(300) {
		r := kt.NewRand(seed)
		n := 2 + r.Intn(40)
		far := seed%3 == 0 // some maxima past 1024
		stats := make([]RowStats[T], n)
		x := make([]T, 5)
		for i := range stats {
			kind := []kt.Kind{kt.Normal, kt.Wide80, kt.Wide300, kt.Constant}[r.Intn(4)]
			kt.Fill(r, kind, x, len(x))
			if far {
				for j := range x {
					x[j] += 1000
				}
			}
			require.NoError(t, ShardStats(stats[i:i+1], x, Shard[T]{Classes: len(x)}))
		}
		var first RowStats[T]
		for try := range 10 {
			set := append([]RowStats[T](nil), stats...)
			for len(set) > 1 {
				i, j := r.Intn(len(set)), r.Intn(len(set)-1)
				if try == 0 { // one after the other
					i, j = 0, 0
				}
				if try == 1 { // pairs
					i, j = 0, len(set)-2
				}
				a := set[i]
				set = append(set[:i], set[i+1:]...)
				ab, ba := a.Merge(set[j]), set[j].Merge(a)
				require.Equal(t, ab, ba, "not commutative")
				set[j] = ab
			}
			if try == 0 {
				first = set[0]
			}
			require.Equal(t, first.Max, set[0].Max)
			require.Equal(t, first.Out, set[0].Out)
			pair := math.Abs(first.Rest-set[0].Rest) / first.Rest
			if far {
				require.LessOrEqual(t, pair, float64(n-1)*0x1p-49, "seed %d", seed)
				continue
			}
			require.LessOrEqual(t, pair, float64(n-1)*0x1p-51, "seed %d", seed)
			worstPair = max(worstPair, pair/(float64(n-1)*0x1p-51))
			exact := exactRest(stats, first.Max)
			e := kt.RelBig(set[0].Rest, exact)
			require.LessOrEqual(t, e, float64(n-1)*0x1p-52, "seed %d, try %d", seed, try)
			worstExact = max(worstExact, e/(float64(n-1)*0x1p-52))
		}
	}
	t.Logf("of the bound: %.2f between two orders, %.2f from the exact sum", worstPair, worstExact)

	// The neutral element, NaN, and infinity.
	one := []RowStats[T]{{}}
	stats := func(x ...T) RowStats[T] {
		require.NoError(t, ShardStats(one, x, Shard[T]{Classes: len(x)}))
		return one[0]
	}
	a := stats(1, 2, 3)
	none := NoRowStats[T]()
	require.Equal(t, none, stats(kt.Inf[T](-1), kt.Inf[T](-1)))
	require.Equal(t, none, none.Merge(none))
	require.Equal(t, a, a.Merge(none))
	require.Equal(t, a, none.Merge(a))
	for _, bad := range []RowStats[T]{stats(kt.NaN[T]()), stats(kt.NaN[T](), kt.Inf[T](-1)),
		stats(1, kt.NaN[T]()), stats(5, kt.Inf[T](1)), stats(kt.Inf[T](-1), kt.NaN[T]())} {
		require.True(t, bad.Max != bad.Max && bad.Out != bad.Out && bad.Rest != bad.Rest, "%v", bad)
		for _, other := range []RowStats[T]{a, none, bad} {
			for _, m := range []RowStats[T]{bad.Merge(other), other.Merge(bad)} {
				require.True(t, m.Max != m.Max && m.Rest != m.Rest, "%v", m)
			}
		}
	}

	// Stats are plain data: what arrives is what was sent.
	var wire bytes.Buffer
	require.NoError(t, gob.NewEncoder(&wire).Encode([]RowStats[T]{a, none}))
	var got []RowStats[T]
	require.NoError(t, gob.NewDecoder(&wire).Decode(&got))
	require.Equal(t, []RowStats[T]{a, none}, got)
}

// exactRest returns Rest after any number of merges, without rounding. All maxima have to be within
// ±1024.
func exactRest[T Float](stats []RowStats[T], to T) *big.Float {
	sum := new(big.Float).SetPrec(10000)
	_, _, nmTo := expShift(to)
	left := false
	for _, s := range stats {
		_, _, nm := expShift(s.Max)
		w := []T{0}
		expAt(w, []T{s.Out}, []T{s.Max})
		v := new(big.Float).SetPrec(10000).SetFloat64(s.Rest)
		if s.Max == to && !left {
			left = true
		} else {
			v.Add(v, new(big.Float).SetFloat64(float64(w[0])))
		}
		sum.Add(sum, v.SetMantExp(v, int(nm-nmTo)))
	}
	return sum
}

// TestShardsSpecial checks rows with NaN and infinities, and shards of nothing but -Inf.
func TestShardsSpecial(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { shardsSpecial[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { shardsSpecial[float64](t) })
	})
}

func shardsSpecial[T Float](t *testing.T) {
	const rows, classes = 40, 37
	for seed := range uint64(12) {
		r := kt.NewRand(seed)
		x := make([]T, rows*classes)
		kt.Fill(r, []kt.Kind{kt.RareSpecial, kt.NegInf, kt.Finite, kt.Special}[seed%4], x, classes)
		shards := split[T](r, classes, 1, classes)
		for row := range 4 { // a whole shard of -Inf
			s := shards[r.Intn(len(shards))]
			for j := range s.Classes {
				x[row*classes+s.Offset+j] = kt.Inf[T](-1)
			}
		}
		labels := make([]int, rows)
		for i := range labels {
			labels[i] = r.Intn(classes)
		}
		want, wantD := make([]T, rows), make([]T, len(x))
		require.NoError(t, CrossEntropyGrad(wantD, want, x, labels, classes, 1))
		losses, d := shardedGrad(x, rows, oneRound(r, x, rows, shards), labels, 1, shards)
		eps := kt.Pick[T](1e-6, 1e-13)
		for i, v := range want {
			ok := v == losses[i] || v != v && losses[i] != losses[i] ||
				math.Abs(float64(v-losses[i])) <= eps*math.Abs(float64(v))+kt.Pick[T](1e-35, 1e-300)
			require.True(t, ok, "loss of row %d: %v, of the whole row %v; x = %v",
				i, losses[i], v, x[i*classes:][:classes])
		}
		for i, v := range wantD {
			ok := v != v && d[i] != d[i] ||
				math.Abs(float64(v-d[i])) <= eps*math.Abs(float64(v))+kt.Pick[T](1e-35, 1e-300)
			require.True(t, ok, "gradient %d: %v, of the whole row %v; x = %v",
				i, d[i], v, x[i/classes*classes:][:classes])
		}
	}

	// A label that no shard has gives no loss, and the softmax as the gradient.
	x := []T{1, 2, 3, 4}
	shards := []Shard[T]{{Classes: 2, Stride: 4}, {Classes: 2, Offset: 2, Stride: 4}}
	stats := oneRound(kt.NewRand(1), x, 1, shards)
	for _, label := range []int{-1, 4, math.MaxInt, math.MinInt} {
		losses, d := shardedGrad(x, 1, stats, []int{label}, 1, shards)
		require.Zero(t, losses[0])
		p := make([]T, 4)
		Softmax(p, x, 4)
		for j, v := range d {
			require.InDelta(t, float64(p[j]), float64(v), kt.Pick[T](1e-7, 1e-15))
		}
	}
	var u [1]T
	require.NoError(t, ShardCrossEntropy(u[:], x[2:], stats, []uint8{3}, shards[1]))
	require.Positive(t, u[0])
	require.NoError(t, ShardCrossEntropy(u[:], x[2:], stats, []uint64{math.MaxUint64}, shards[1]))
	require.Zero(t, u[0])
}
