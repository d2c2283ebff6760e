package kernels

import (
	"fmt"
	"math"
)

// A Shard is a part of the classes of every row: columns Offset to Offset+Classes-1 of a matrix of
// logits that is split over goroutines, processes or machines because it is too wide for one. To
// compute softmax, cross-entropy and its gradient of the whole rows, the shards exchange only a few
// numbers per row.
//
// # One round
//
// [ShardStats] reduces each row of a shard to a [RowStats] of a few bytes. The shards exchange
// these and merge them in any order ([MergeRowStats]). With the merged stats, each shard computes
// its own part of the results: [ShardCrossEntropy], [ShardCrossEntropyGrad], [ShardSoftmax],
// [ShardLogSoftmax]. The results are nearly as accurate as those of the whole row, confident rows
// included, but do not have the same bits. The number d of additions is that of the shard with the
// most:
//
//	classes of the shard    1-4    5-8    9-16    17-32    33-64    65-96    97 or more
//	float32                 0      1      2       3        4        5        6
//	float64                 1      2      3       4        4        4        4, from 2049 on 5
//
// In float64, n shards add 2*n-1 to d. With this d, an entry of the softmax is off by at most d+3.8
// ULP (float64: d+3.4), an entry of the log-softmax by d+4 (float64: d+4.8), an entry of the
// gradient by d+4.8 (float64: d+5.4), and the relative error of a loss is at most (1.45*d+5)*u
// (float64: 1.45*d+9.2). The largest seen, with two shards, is 4.11 ULP, 5.39 ULP, 4.46 ULP and
// 5.60*2^-24 (float64: 4.96 ULP, 5.80 ULP, 4.91 ULP and 5.50*2^-53).
//
// # Two rounds
//
// If the shards first agree on each row's maximum ([ShardMax], [MergeRowMax]) and then on its sum
// ([ShardSums], [FoldChunks]), the same four functions return, bit for bit, what [Softmax],
// [CrossEntropy] and [CrossEntropyGrad] return for the whole rows, provided that every Offset is a
// multiple of [ShardGrain] and rows have more than 32 (float64: 16) classes. ShardSums says which
// labels the sums leave out for which result.
//
// In either way, results from stats or maxima that miss a shard mean nothing: where a logit is far
// above the maximum, even their bits may depend on the CPU.
type Shard[T Float] struct {
	// Classes is the number of classes in the shard: one or more.
	Classes int
	// Offset is the class of the first column. A label is a class of the whole row: the shard has
	// the labels in [Offset, Offset+Classes).
	Offset int
	// LogitScale and Stride are as in [SoftmaxOptions]: 0 means 1 and Classes. DstStride is for the
	// results of ShardSoftmax and ShardLogSoftmax; dlogits has the stride of the logits.
	LogitScale        T
	Stride, DstStride int
}

// RowStats is what a shard tells the others about one row. It is plain data and may be sent to a
// machine of any architecture, but not in a format that has no NaN, such as JSON.
//
// It describes a set of classes. [NoRowStats] describes no class: merging it changes nothing. A
// shard whose logits are all -Inf has the same stats. A NaN or +Inf among the logits makes all
// fields NaN, and so all stats that these are merged with.
type RowStats[T Float] struct {
	// Max is the largest logit of the set, scaled.
	Max T
	// Out is the scaled logit of the one class that Rest leaves out, so that the tiny losses of
	// confident rows keep their precision. It is Max or, from [FoldChunks], the logit of the label,
	// or -Inf if no class is left out.
	Out T
	// Rest is the sum of the exponentials of the others. Its unit depends on Max alone: it is a
	// power of two over a constant, 0x1.4b24046d80f1cp+0 for float32 and 0x1.1a0948c3ee325p+0
	// for float64. The power is about exp(Max)/2^64 for float32 and exp(Max)/2^512 for float64. If
	// |Max| > 1024, it is not a power of two, but exactly exp(Max) times that factor.
	Rest float64
}

// NoRowStats returns the stats of an empty set of classes.
func NoRowStats[T Float]() RowStats[T] {
	return RowStats[T]{Max: T(math.Inf(-1)), Out: T(math.Inf(-1))}
}

// ShardGrain is the number of elements in a chunk of the canonical sum: 4096 for float32, 2048 for
// float64. Shards that begin at multiples of it give the bits of the whole row; see [ShardSums].
func ShardGrain[T Float]() int { return maxCols[T]() }

// ShardChunks returns the number of chunks of each row of a shard, for each of which [ShardSums]
// computes a sum: classes/ShardGrain rounded up.
func ShardChunks[T Float](classes int) int {
	if classes <= 0 {
		panicClasses("ShardChunks", classes)
	}
	return (classes-1)/maxCols[T]() + 1
}

// resolved checks the shard and returns it with zeros replaced by their defaults.
func (s Shard[T]) resolved(fn string) (Shard[T], error) {
	opts := SoftmaxOptions[T]{s.LogitScale, s.Stride, s.DstStride}
	var err error
	s.LogitScale, s.Stride, s.DstStride, err = opts.resolved(fn, s.Classes)
	if err == nil && s.Offset < 0 {
		err = fmt.Errorf("kernels: %s: Offset = %d is negative", fn, s.Offset)
	}
	return s, err
}

// checkRows checks that the logits have as many rows as the argument called name.
func (s *Shard[T]) checkRows(fn string, logits []T, name string, rows int) {
	checkSameRows(fn, "logits", checkRows(fn, "logits", len(logits), s.Classes, s.Stride), name, rows)
}

// run runs a call for a resolved shard.
func (s *Shard[T]) run(
	do action, dst []T, dststride int, logits []T, rows int, labels labelList, l *lossCall[T],
	sc *shardCall[T],
) {
	var c call[T]
	c.sharded, c.rows, c.cols, c.offset, c.scale = true, rows, s.Classes, s.Offset, s.LogitScale
	c.dst, c.x = matrix[T]{dst, dststride}, matrix[T]{logits, s.Stride}
	c.labels, c.lossCall, c.shardCall = labels, l, sc
	c.run(do)
}

// A shardCall has the operands of a call that only shards have.
type shardCall[T Float] struct {
	rowStats []RowStats[T] // of the whole rows, or of those of the shard

	// of ShardSums: the maxima, the logits of the labels, the sums of each row and their number
	m, outs []T
	sums    []float64
	chunks  int
}

// fromStats takes the maxima and sums of a batch from the stats of its rows.
func (b *batch[T]) fromStats() {
	stats := b.rowStats[b.r0:][:b.n]
	n := len(stats) // tells the compiler that the lengths are equal
	m, xout := b.max()[:n], b.xout()[:n]
	for r := range stats {
		m[r], xout[r] = stats[r].Max, stats[r].Out
	}
	rest, total, wout := b.rest()[:n], b.total()[:n], b.wout()[:n]
	expAt(wout, xout, m)
	for r := range stats {
		v := stats[r].Rest
		rest[r], total[r] = v, v+float64(wout[r])
	}
	b.setPlain()
}

// leaveOut sets rest to the sum without the elements x, whose exponentials are w. If the stats
// leave out x, or an element equal to it, rest is that sum already. If not, x is not the largest
// element: the sum is more than twice its exponential, and little cancels.
func (b *batch[T]) leaveOut(x, w []T) {
	stats := b.rowStats[b.r0:][:b.n]
	n := len(stats) // tells the compiler that the lengths are equal
	x, w, rest, total := x[:n], w[:n], b.rest()[:n], b.total()[:n]
	for r := range stats {
		if x[r] == stats[r].Out {
			continue
		}
		others := total[r] - float64(w[r])
		if others < 0 { // max would take longer
			others = 0
		}
		rest[r] = others
	}
}

// shardExponentials stores the exponentials of a batch.
func (b *batch[T]) shardExponentials() {
	for j, n := range chunksOf[T](b.cols) {
		b.chunkExp(b.w(), j, n, true, nil) // the sums are known
	}
}

// shardMax stores the scaled maxima of a batch.
func (b *batch[T]) shardMax() {
	maxima(b.max(), b.z, b.cols, true)
	b.scaleMaxima()
	copy(b.m[b.r0:], b.max())
}

// shardStats stores the stats of the rows of a batch.
func (b *batch[T]) shardStats() {
	maxima(b.max(), b.z, b.cols, true)
	locate(b.out(), b.z, b.max(), b.cols)
	b.scaleMaxima()
	b.exponentials(false)
	rest, w := b.rest(), b.wout()
	expAt(w, b.max(), b.max())
	for r, v := range b.max() {
		switch st := &b.rowStats[b.r0+r]; {
		case float64(v) == math.Inf(-1):
			*st = NoRowStats[T]()
		case w[r] != w[r]:
			*st = RowStats[T]{w[r], w[r], math.NaN()}
		default:
			*st = RowStats[T]{v, v, rest[r]}
		}
	}
}

// chunkSums stores the sum of each chunk of the rows of a batch.
func (b *batch[T]) chunkSums() {
	copy(b.max(), b.m[b.r0:])
	b.setPlain()
	out := b.out()
	for r := range out {
		out[r] = -1
	}
	if b.labels.p != nil {
		b.labels.columns(out, b.r0, b.offset, b.cols, false)
		for r, j := range out {
			if j >= 0 {
				b.outs[b.r0+r] = T(b.z.data[r*b.z.stride+j] * b.scale)
			}
		}
	}
	var one [1]int
	for j, n := range chunksOf[T](b.cols) {
		b.chunkExp(b.rest(), j, n, false, b.skip(j, &one))
		for r, v := range b.rest() {
			b.sums[(b.r0+r)*b.chunks+j/maxCols[T]()] = v
		}
	}
}

// ShardStats sets stats[r] to the stats of row r of a shard. There are len(stats) rows.
//
// Like every function of a shard, it returns an error, and writes nothing, if a stride is less than
// Classes, LogitScale is not positive and finite, or Offset is negative. It panics if the numbers
// of rows differ or a destination overlaps another slice.
func ShardStats[T Float](stats []RowStats[T], logits []T, shard Shard[T]) error {
	const fn = "ShardStats"
	s, err := shard.resolved(fn)
	if err != nil {
		return err
	}
	s.checkRows(fn, logits, "stats", len(stats))
	checkApart(fn, "stats,logits", 1, spanOf(stats),
		spanOfRows(logits, len(stats), s.Classes, s.Stride))
	s.run(toStats, nil, 0, logits, len(stats), labelList{}, nil, &shardCall[T]{rowStats: stats})
	return nil
}

// MergeRowStats merges src into dst, row by row. It panics if they have different numbers of rows.
// See [RowStats.Merge].
func MergeRowStats[T Float](dst, src []RowStats[T]) {
	if len(dst) != len(src) {
		panic(lenMessage("MergeRowStats", "dst", len(dst), "src", len(src)))
	}
	checkApart("MergeRowStats", "dst,=src", 1,
		spanOf(dst), spanOf(src))
	for r, s := range src {
		dst[r] = dst[r].Merge(s)
	}
}

// Merge returns the stats of the union of the classes of a and b, which must have no class in
// common. Both are from [ShardStats] or from Merge.
//
// It is commutative, exactly. It is associative up to rounding: every Merge adds a relative error
// of at most 2^-52 to Rest (2^-50 where |Max| of a or b is over 1024), so two orders of merging n
// shards differ by at most (n-1)*2^-51 (or 2^-49) of Rest, and by as much in a loss or a gradient
// before it is rounded to T. Max does not depend on the order. The result is the same on every CPU.
func (a RowStats[T]) Merge(b RowStats[T]) RowStats[T] {
	lowest := T(math.Inf(-1))
	switch {
	case a.Rest != a.Rest || b.Rest != b.Rest || a.Max != a.Max || b.Max != b.Max:
		nan := math.NaN()
		return RowStats[T]{T(nan), T(nan), nan}
	case a.Max == lowest:
		return b
	case b.Max == lowest:
		return a
	case a.Max < b.Max:
		a, b = b, a
	}
	var w [1]T
	expAt(w[:], []T{b.Out}, []T{b.Max})
	if a.Max == b.Max {
		a.Rest = (a.Rest + b.Rest) + float64(w[0])
		return a
	}
	a.Rest += changeUnit(b.Rest+float64(w[0]), b.Max, a.Max)
	return a
}

// changeUnit returns v, which is relative to the maximum from, relative to the maximum to, which is
// larger. The unit is exp(sub)*2^(nm-E)/a, see expShift: without sub only the exponent changes, and
// no bit is lost.
func changeUnit[T Float](v float64, from, to T) float64 {
	subFrom, _, nmFrom := expShift(from)
	subTo, _, nmTo := expShift(to)
	k := nmFrom - nmTo
	if subFrom != subTo {
		d := subFrom - subTo
		z := d - subFrom
		e := (subFrom - (d - z)) - (subTo + z) // d + e is the difference, exactly
		if d < -4000 {
			return 0 // less than 2^-1074, whatever k, and d*log2e is an int below
		}
		n := math.FMA(d, log2eF64, 0x1.8p52) - 0x1.8p52
		t := math.FMA(n, -ln2LoF64, math.FMA(n, -ln2HiF64, d)+e)
		var f [1]float64
		expAt(f[:], []float64{t}, []float64{0})
		v = float64(v*(f[0]*expUnit[float64]())) + 0
		k += n
	}
	return math.Ldexp(v, int(k))
}

// ShardMax, the first of two rounds, sets m[r] to the largest scaled logit of row r of a shard. For
// a row with a NaN it is +Inf, so that all of the row's results will be NaN. There are len(m) rows.
func ShardMax[T Float](m, logits []T, shard Shard[T]) error {
	const fn = "ShardMax"
	s, err := shard.resolved(fn)
	if err != nil {
		return err
	}
	s.checkRows(fn, logits, "m", len(m))
	checkApart(fn, "m,logits", 1, spanOf(m), spanOfRows(logits, len(m), s.Classes, s.Stride))
	s.run(toMax, nil, 0, logits, len(m), labelList{}, nil, &shardCall[T]{m: m})
	return nil
}

// MergeRowMax sets dst[r] to the larger of dst[r] and src[r]. It panics if they have different
// lengths. The operation is associative and commutative, like the maximum of an all-reduce.
func MergeRowMax[T Float](dst, src []T) {
	checkLen("MergeRowMax", "dst", dst, "src", src)
	checkAlias("MergeRowMax", "dst", dst, "src", src)
	for r, v := range src {
		dst[r] = max(dst[r], v)
	}
}

// ShardSums, the second of two rounds, sums a shard's exponentials relative to the maxima m of the
// whole rows, which are the merged results of [ShardMax]. There is one sum for each chunk of
// [ShardGrain] columns. A row has [ShardChunks] of them, in order, beginning at
// sums[r*ShardChunks].
//
// The sums leave out the row's label, which is a class of the whole row. If the label is in the
// shard, out[r] is set to its scaled logit; if not, out[r] is not changed. For the softmax, labels
// and out are nil, and nothing is left out. For the log-softmax, labels are the rows' [Argmax].
//
// The sums of all shards, in the order of the classes, make one row of [FoldChunks].
func ShardSums[T Float, L Label](
	sums []float64, out, logits, m []T, labels []L, shard Shard[T],
) error {
	const fn = "ShardSums"
	s, err := shard.resolved(fn)
	if err != nil {
		return err
	}
	s.checkRows(fn, logits, "m", len(m))
	chunks := ShardChunks[T](s.Classes)
	if len(sums) != len(m)*chunks {
		panicSums(fn, len(sums), len(m), chunks)
	}
	if labels == nil {
		out = nil
	} else {
		checkPerRow(fn, "labels", len(labels), len(m))
		checkPerRow(fn, "out", len(out), len(m))
	}
	checkApart(fn, "sums,out,logits,m,labels", 2,
		spanOf(sums), spanOf(out), spanOfRows(logits, len(m), s.Classes, s.Stride), spanOf(m),
		spanOf(labels))
	s.run(toChunkSums, nil, 0, logits, len(m), labelsOf(labels), nil,
		&shardCall[T]{m: m, outs: out, sums: sums, chunks: chunks})
	return nil
}

//go:noinline
func panicSums(fn string, n, rows, chunks int) {
	panic(fmt.Sprintf("kernels: %s: len(sums) = %d, %d rows of %d chunks", fn, n, rows, chunks))
}

// FoldChunks ends the second of two rounds. It computes the stats of whole rows from their maxima
// m, the logits out that the sums leave out (nil if none), and the sums of all chunks. There are
// len(sums)/len(m) sums per row, one row after the other. FoldChunks panics if stats, m and out do
// not have one element per row, or sums does not have an equal number for each.
//
// What is computed from these stats has the bits of the whole row.
func FoldChunks[T Float](stats []RowStats[T], m, out []T, sums []float64) {
	checkPerRow("FoldChunks", "m", len(m), len(stats))
	if out != nil {
		checkPerRow("FoldChunks", "out", len(out), len(stats))
	}
	chunks := len(sums) / max(len(stats), 1)
	if len(sums) != len(stats)*chunks || chunks == 0 && len(stats) > 0 {
		panicSums("FoldChunks", len(sums), len(stats), chunks)
	}
	checkApart("FoldChunks", "stats,m,out,sums", 1,
		spanOf(stats), spanOf(m), spanOf(out), spanOf(sums))
	for r := range stats {
		var total rowSum[T]
		for _, v := range sums[r*chunks : (r+1)*chunks] {
			total.add(v)
		}
		stats[r] = RowStats[T]{m[r], T(math.Inf(-1)), total.sum()}
		if out != nil {
			stats[r].Out = out[r]
		}
	}
}

// ShardCrossEntropy sets losses[r] to the cross-entropy of row r if its label is in the shard, and
// to 0 if it is not: the sum over the shards, in any order, is the loss. A label that no shard has,
// such as -1, gives 0 in all of them. stats are the stats of the whole rows.
func ShardCrossEntropy[T Float, L Label](
	losses, logits []T, stats []RowStats[T], labels []L, shard Shard[T],
) error {
	checkPerRow("ShardCrossEntropy", "losses", len(losses), len(stats))
	return shardLoss("ShardCrossEntropy", false, nil, losses, logits, stats, labels, 1, shard)
}

// ShardCrossEntropyGrad sets dlogits to the shard's part of the gradient of scale times the loss by
// the logits, which is scale*LogitScale*(softmax - onehot); the product of the scales is rounded
// first. In a row whose label is not in the shard, it is scale*LogitScale*softmax. losses, unless
// nil, are set as by [ShardCrossEntropy]. dlogits has the stride of logits, and may be logits.
func ShardCrossEntropyGrad[T Float, L Label](
	dlogits, losses, logits []T, stats []RowStats[T], labels []L, scale T, shard Shard[T],
) error {
	return shardLoss("ShardCrossEntropyGrad", true, dlogits, losses, logits, stats, labels,
		scale, shard)
}

// shardLoss computes the cross-entropy of a shard and, if grad is set, its gradient.
func shardLoss[T Float, L Label](
	fn string, grad bool, dlogits, losses, logits []T, stats []RowStats[T], labels []L, scale T,
	shard Shard[T],
) error {
	s, err := shard.resolved(fn)
	if err != nil {
		return err
	}
	if grad {
		checkSameRows(fn, "dlogits", checkRows(fn, "dlogits", len(dlogits), s.Classes, s.Stride), "stats",
			len(stats))
	}
	s.checkRows(fn, logits, "stats", len(stats))
	checkPerRow(fn, "labels", len(labels), len(stats))
	if losses != nil {
		checkPerRow(fn, "losses", len(losses), len(stats))
	}
	checkApart(fn, "dlogits,losses,=logits,stats,labels", 2,
		spanOfRows(dlogits, len(stats), s.Classes, s.Stride), spanOf(losses),
		spanOfRows(logits, len(stats), s.Classes, s.Stride),
		spanOf(stats), spanOf(labels))
	opts := CrossEntropyOptions[T]{Reduction: ReductionNone}
	s.run(toLabelLoss, dlogits, s.Stride, logits, len(stats), labelsOf(labels),
		&lossCall[T]{losses: losses, dloss: []T{scale}, opts: &opts, keep: 1, divisor: 1},
		&shardCall[T]{rowStats: stats})
	return nil
}

// ShardSoftmax sets dst to the shard's part of the rows' [Softmax]. dst may be logits if the
// strides are equal. stats are the stats of the whole rows.
func ShardSoftmax[T Float](dst, logits []T, stats []RowStats[T], shard Shard[T]) error {
	return shard.softmax("ShardSoftmax", toSoftmax, dst, logits, stats)
}

// ShardLogSoftmax sets dst to the shard's part of the rows' [LogSoftmax]. dst may be logits if the
// strides are equal. stats are the stats of the whole rows.
func ShardLogSoftmax[T Float](dst, logits []T, stats []RowStats[T], shard Shard[T]) error {
	return shard.softmax("ShardLogSoftmax", toLogSoftmax, dst, logits, stats)
}

// softmax is ShardSoftmax and ShardLogSoftmax.
func (shard Shard[T]) softmax(fn string, do action, dst, logits []T, stats []RowStats[T]) error {
	s, err := shard.resolved(fn)
	if err != nil {
		return err
	}
	s.checkRows(fn, logits, "stats", len(stats))
	checkSameRows(fn, "dst", checkRows(fn, "dst", len(dst), s.Classes, s.DstStride), "stats",
		len(stats))
	checkApart(fn, "dst,=logits,stats", 1,
		spanOfRows(dst, len(stats), s.Classes, s.DstStride),
		spanOfRows(logits, len(stats), s.Classes, s.Stride), spanOf(stats))
	s.run(do, dst, s.DstStride, logits, len(stats), labelList{}, nil, &shardCall[T]{rowStats: stats})
	return nil
}
