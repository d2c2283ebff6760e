package kernels

import (
	"fmt"
	"math"
)

// A Shard is a piece of the classes of every row: columns Offset to Offset+Classes-1 of a matrix of logits that is split over
// goroutines, processes or machines because it is too wide for one. Softmax, cross-entropy and its gradient of the whole rows come
// from the shards and a few numbers a row that these exchange.
//
// # One round
//
// [ShardStats] reduces each row of a shard to a [RowStats]. The shards exchange these, a few bytes a row, and merge them, in any
// order ([MergeRowStats]). With the merged ones, each shard computes what is its own: [ShardCrossEntropy],
// [ShardCrossEntropyGrad], [ShardSoftmax], [ShardLogSoftmax]. The results are as accurate as those of the whole row (relative error of losses
// and of gradients at the label at most 4e-7 in float32 and 1e-14 in float64, confident rows included), but not the same bits.
//
// # Two rounds
//
// If the shards first agree on each row's maximum ([ShardMax], [MergeRowMax]) and then on its sum ([ShardSums], [FoldChunks]), the
// same four functions return, bit for bit, what [Softmax], [CrossEntropy] and [CrossEntropyGrad] return for the whole rows,
// provided that every Offset is a multiple of [ShardGrain] and rows have more than 32 (float64: 16) classes.
type Shard[T Float] struct {
	// Classes is the number of classes in the shard: one or more.
	Classes int
	// Offset is the class of the first column. Labels count in the whole row: the shard has those in [Offset, Offset+Classes).
	Offset int
	// LogitScale and Stride are those of [SoftmaxOptions]: 0 stands for 1, and for Classes. DstStride is for the results of ShardSoftmax and
	// ShardLogSoftmax; dlogits has the stride of the logits.
	LogitScale        T
	Stride, DstStride int
}

// RowStats is what a shard tells the others of one row. It is plain data and may be sent to another machine, of any
// architecture; neither encoding/json nor any other decimal format has a NaN, though.
//
// It stands for a set of classes. That of no class, with which any other can be merged unchanged, is [NoRowStats]; a shard whose logits are all
// -Inf has the same. A NaN or +Inf among the logits makes all fields NaN, here and in whatever it is merged with.
type RowStats[T Float] struct {
	// Max is the largest logit of the set, scaled.
	Max T
	// Out is the scaled logit of the one class that Rest leaves out, so that the losses of confident rows, which are all
	// but 0, keep their precision: Max itself, or, from [FoldChunks], the logit of the label, or -Inf if none is left out.
	Out T
	// Rest is the sum of the exponentials of the others. Its unit depends on Max alone: it is a power of two, about exp(Max)/2^64 for
	// float32 and exp(Max)/2^512 for float64, exactly exp(Max) times that factor where |Max| > 1024.
	Rest float64
}

// NoRowStats returns the stats of no class.
func NoRowStats[T Float]() RowStats[T] {
	return RowStats[T]{Max: T(math.Inf(-1)), Out: T(math.Inf(-1))}
}

// ShardGrain is the number of elements in a piece of the canonical sum: 4096 for float32, 2048 for float64. Shards that begin at multiples of
// it give the bits of the whole row; see [ShardSums].
func ShardGrain[T Float]() int { return maxCols[T]() }

// ShardChunks returns the number of sums that [ShardSums] computes of each row of a shard: classes/ShardGrain rounded up.
func ShardChunks[T Float](classes int) int {
	if classes <= 0 {
		panicClasses("ShardChunks", classes)
	}
	return (classes-1)/maxCols[T]() + 1
}

// resolved checks the shard and returns it with the values for which zero stands.
func (s Shard[T]) resolved(fn string) (Shard[T], error) {
	opts := SoftmaxOptions[T]{s.LogitScale, s.Stride, s.DstStride}
	o, err := opts.resolved(fn, s.Classes)
	if err == nil && s.Offset < 0 {
		err = fmt.Errorf("kernels: %s: Offset = %d is negative", fn, s.Offset)
	}
	s.LogitScale, s.Stride, s.DstStride = o.LogitScale, o.Stride, o.DstStride
	return s, err
}

// column returns the column of a label, or -1 where the shard does not have it. A negative label is a huge uint64.
func column[T Float, L Label](s *Shard[T], label L) int {
	u := uint64(label) - uint64(s.Offset)
	if uint64(label) < uint64(s.Offset) || u >= uint64(s.Classes) {
		return -1
	}
	return int(u)
}

// shardRows checks the logits against the number of rows that another argument has.
func (s *Shard[T]) shardRows(fn string, logits []T, name string, rows int) {
	checkSameRows(fn, "logits", stridedRows(fn, "logits", len(logits), s.Classes, s.Stride), name, rows)
}

// shardBatch holds what a batch of rows of a shard needs.
type shardBatch[T Float] struct {
	m, out, wout [maxRows]T // Max, Out and the exponential of Out
	rest, total  [maxRows]float64
	sum          [maxRows]float64
	q, ql        [maxRows]T
	loss         lossBatch[T]
}

// start takes over n stats, and tells whether the plain form of the exponential will do for all of them.
func (b *shardBatch[T]) start(stats []RowStats[T]) (plain bool) {
	n := len(stats)
	plain = true
	for r, s := range stats {
		b.m[r], b.out[r] = s.Max, s.Out
		plain = plain && s.Max >= -1024 && s.Max <= 1024
	}
	expAt(b.wout[:n], b.out[:n], b.m[:n])
	for r, s := range stats {
		b.rest[r], b.total[r] = s.Rest, s.Rest+float64(b.wout[r])
	}
	return plain
}

// exponentials stores those of n rows in dst.
func (b *shardBatch[T]) exponentials(n int, dst, x []T, cols, dststride, xstride int, scale T, plain bool) {
	step := maxCols[T]()
	for c := 0; c < cols; c += step {
		if k := min(cols-c, step); plain && scale == 1 {
			rowsExpSum(b.sum[:n], dst[c:], x[c:], b.m[:n], k, dststride, xstride, false)
		} else {
			rowsExpSumScaled(b.sum[:n], dst[c:], x[c:], b.m[:n], k, dststride, xstride, scale, false)
		}
	}
}

// rowTops sets m to the largest elements, unscaled; to +Inf where there is a NaN.
func rowTops[T Float](m, x []T, cols, xstride int) {
	step := maxCols[T]()
	rowsTop(m, x, min(cols, step), xstride)
	for c := step; c < cols; c += step { // one row
		var next [1]T
		rowsTop(next[:], x[c:], min(cols-c, step), xstride)
		m[0] = max(m[0], next[0])
	}
}

// scaleMax scales maxima, and tells whether the plain form of the exponential will do for all of them.
func scaleMax[T Float](m []T, scale T) (plain bool) {
	plain = scale == 1
	for r := range m {
		m[r] = T(m[r]*scale) + 0
		plain = plain && m[r] >= -1024 && m[r] <= 1024
	}
	return plain
}

// ShardStats sets stats[r] to those of row r of a shard. There are len(stats) rows.
//
// Like every function of a shard, it returns an error, and writes nothing, if a stride is less than Classes, LogitScale is not
// positive and finite, or Offset is negative; it panics where numbers of rows differ or slices overlap that may not; and it
// does not allocate.
func ShardStats[T Float](stats []RowStats[T], logits []T, shard Shard[T]) error {
	s, err := shard.resolved("ShardStats")
	if err != nil {
		return err
	}
	s.shardRows("ShardStats", logits, "stats", len(stats))
	var (
		ms, ws [maxRows]T
		sums   [maxRows]float64
		index  [maxRows]int
		batch  = batchLen[T](s.Classes)
		step   = maxCols[T]()
	)
	for r0 := 0; r0 < len(stats); r0 += batch {
		n := min(batch, len(stats)-r0)
		m, w, sum, skip, x := ms[:n], ws[:n], sums[:n], index[:n], logits[r0*s.Stride:]
		rowTops(m, x, s.Classes, s.Stride)
		batchFind(skip, x, m, s.Classes, s.Stride)
		plain := scaleMax(m, s.LogitScale)
		var total rowSum[T]
		for c := 0; c < s.Classes; c += step {
			k := min(s.Classes-c, step)
			if plain {
				rowsSumSkip(sum, x[c:], m, skip, k, s.Stride, false)
			} else {
				rowsSumSkipScaled(sum, x[c:], m, skip, k, s.Stride, s.LogitScale, false)
			}
			total.add(sum[0])
			skip[0] -= step // of use where there is one row
		}
		if s.Classes > step {
			sum[0] = total.sum()
		}
		expAt(w, m, m)
		for r, v := range m {
			switch st := &stats[r0+r]; {
			case float64(v) == math.Inf(-1):
				*st = NoRowStats[T]()
			case w[r] != w[r]:
				*st = RowStats[T]{w[r], w[r], math.NaN()}
			default:
				*st = RowStats[T]{v, v, sum[r]}
			}
		}
	}
	return nil
}

// MergeRowStats merges src into dst, row by row. It panics if they have different numbers of rows. See [RowStats.Merge].
func MergeRowStats[T Float](dst, src []RowStats[T]) {
	if len(dst) != len(src) {
		panicLen("MergeRowStats", "dst", len(dst), "src", len(src))
	}
	for r, s := range src {
		dst[r] = dst[r].Merge(s)
	}
}

// Merge returns the stats of the classes of a and b together, which have none in common. Both are from [ShardStats], or from Merge.
//
// It is commutative, exactly. It is associative up to rounding: every Merge adds a relative error of at most 2^-52 to Rest
// (2^-50 where |Max| of a or b is over 1024), so that two orders of merging n shards, whatever their trees, differ by
// at most (n-1)*2^-51 (or 2^-49) of Rest, and by as much in a loss or a gradient before these are rounded to T. Max does not depend on
// the order. The result is the same on every CPU.
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

// changeUnit returns v, which is relative to the maximum from, relative to the maximum to, which is larger. The unit is
// exp(sub)*2^(nm-E), see expShift: without sub only the exponent changes, and no bit is lost.
func changeUnit[T Float](v float64, from, to T) float64 {
	subFrom, nmFrom, _ := expShift(from)
	subTo, nmTo, _ := expShift(to)
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
		v = float64(v*(f[0]*0x1p-512)) + 0
		k += n
	}
	return math.Ldexp(v, int(k))
}

// ShardMax sets m[r] to the largest scaled logit of row r of a shard: the first of two rounds. It is +Inf for a row with a NaN, so that
// all of the row's results will be NaN. There are len(m) rows.
func ShardMax[T Float](m, logits []T, shard Shard[T]) error {
	s, err := shard.resolved("ShardMax")
	if err != nil {
		return err
	}
	s.shardRows("ShardMax", logits, "m", len(m))
	checkApart("ShardMax", "m", m, "logits", logits)
	batch := batchLen[T](s.Classes)
	for r0 := 0; r0 < len(m); r0 += batch {
		n := min(batch, len(m)-r0)
		rowTops(m[r0:r0+n], logits[r0*s.Stride:], s.Classes, s.Stride)
	}
	scaleMax(m, s.LogitScale)
	return nil
}

// MergeRowMax sets dst[r] to the larger of dst[r] and src[r]. It panics if they have different lengths. The operation is an
// all-reduce's maximum: associative and commutative.
func MergeRowMax[T Float](dst, src []T) {
	checkLen("MergeRowMax", "dst", dst, "src", src)
	for r, v := range src {
		dst[r] = max(dst[r], v)
	}
}

// ShardSums computes, as the second of two rounds, the sums of a shard's exponentials relative to the maxima m of the whole rows, which
// are those of [ShardMax] merged: one sum for each [ShardGrain] columns, in order, [ShardChunks] of them a row, beginning at
// sums[r*ShardChunks]. What the row's label, counted in the whole row, contributes is left out, and out[r] set to its scaled logit; out[r] is left alone where
// the label is not in the shard. For the softmax, labels and out are nil, and nothing is left out; for the log-softmax, labels
// are the rows' [Argmax].
//
// The sums of all shards, in the order of the classes, make one row of [FoldChunks].
func ShardSums[T Float, L Label](sums []float64, out, logits, m []T, labels []L, shard Shard[T]) error {
	s, err := shard.resolved("ShardSums")
	if err != nil {
		return err
	}
	s.shardRows("ShardSums", logits, "m", len(m))
	chunks := ShardChunks[T](s.Classes)
	if len(sums) != len(m)*chunks {
		panicSums("ShardSums", len(sums), len(m), chunks)
	}
	if labels != nil {
		checkPerRow("ShardSums", "labels", len(labels), len(m))
		checkPerRow("ShardSums", "out", len(out), len(m))
		checkApart("ShardSums", "out", out, "logits", logits)
		checkApart("ShardSums", "out", out, "m", m)
	}
	var (
		index [maxRows]int
		part  [maxRows]float64
		batch = batchLen[T](s.Classes)
		step  = maxCols[T]()
	)
	for r0 := 0; r0 < len(m); r0 += batch {
		n := min(batch, len(m)-r0)
		mx, skip, sum, x := m[r0:r0+n], index[:n], part[:n], logits[r0*s.Stride:]
		plain := s.LogitScale == 1
		for r, v := range mx {
			plain = plain && v >= -1024 && v <= 1024
			skip[r] = -1
			if labels != nil {
				if j := column(&s, labels[r0+r]); j >= 0 {
					skip[r] = j
					out[r0+r] = T(x[r*s.Stride+j] * s.LogitScale)
				}
			}
		}
		for c := 0; c < s.Classes; c += step {
			k := min(s.Classes-c, step)
			if plain {
				rowsSumSkip(sum, x[c:], mx, skip, k, s.Stride, false)
			} else {
				rowsSumSkipScaled(sum, x[c:], mx, skip, k, s.Stride, s.LogitScale, false)
			}
			for r, v := range sum {
				sums[(r0+r)*chunks+c/step] = v
			}
			for r := range skip {
				skip[r] -= step
			}
		}
	}
	return nil
}

//go:noinline
func panicSums(fn string, n, rows, chunks int) {
	panic(fmt.Sprintf("kernels: %s: len(sums) = %d, %d rows of %d chunks", fn, n, rows, chunks))
}

// FoldChunks ends the second of two rounds: it makes the stats of whole rows of their maxima m, the logits out that the sums
// leave out (nil: none), and the sums of all chunks, len(sums)/len(m) of them a row, each row's beginning where the one before it
// ends. It panics if a slice has not one element a row, or sums not an equal number for each.
//
// The bits of what is computed from these stats are those of the whole row.
func FoldChunks[T Float](stats []RowStats[T], m, out []T, sums []float64) {
	checkPerRow("FoldChunks", "m", len(m), len(stats))
	if out != nil {
		checkPerRow("FoldChunks", "out", len(out), len(stats))
	}
	if len(stats) == 0 {
		return
	}
	chunks := len(sums) / len(stats)
	if chunks == 0 || len(sums)%len(stats) != 0 {
		panicSums("FoldChunks", len(sums), len(stats), chunks)
	}
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

// ShardCrossEntropy sets losses[r] to the cross-entropy of row r where its label is in the shard, and to 0 where it is
// not: the sum over the shards, in any order, is the loss. A label that no shard has, -1 say, gives 0 everywhere. stats are those of the whole rows.
func ShardCrossEntropy[T Float, L Label](losses, logits []T, stats []RowStats[T], labels []L, shard Shard[T]) error {
	const fn = "ShardCrossEntropy"
	s, err := shard.resolved(fn)
	if err != nil {
		return err
	}
	s.shardRows(fn, logits, "stats", len(stats))
	checkPerRow(fn, "losses", len(losses), len(stats))
	checkPerRow(fn, "labels", len(labels), len(stats))
	checkApart(fn, "losses", losses, "logits", logits)
	var b shardBatch[T]
	for r0 := 0; r0 < len(stats); r0 += maxRows {
		n := min(maxRows, len(stats)-r0)
		b.start(stats[r0 : r0+n])
		b.label(labelsHere(&b, &s, labels[r0:r0+n]), logits[r0*s.Stride:], &s)
		b.losses(losses[r0 : r0+n])
	}
	return nil
}

// labelsHere notes the columns of the labels, -1 for those elsewhere, and returns their number.
func labelsHere[T Float, L Label](b *shardBatch[T], s *Shard[T], labels []L) int {
	for r, l := range labels {
		b.loss.label[r] = column(s, l)
	}
	return len(labels)
}

// label computes what losses, and the gradients at the labels, need of n rows.
func (b *shardBatch[T]) label(n int, x []T, s *Shard[T]) {
	st := &b.loss
	st.narrow = false
	for r, j := range st.label[:n] {
		st.m[r], st.xt[r] = b.m[r], b.m[r]
		if j >= 0 {
			st.xt[r] = T(x[r*s.Stride+j] * s.LogitScale)
		}
	}
	expAt(st.wt[:n], st.xt[:n], st.m[:n])
	for r := range n {
		// The sum without the label is there if the label, or one equal to it, is what it leaves out. If not, the label is not
		// the largest: the sum is more than twice its exponential, and little cancels.
		st.rest[r] = b.rest[r]
		if st.xt[r] != b.out[r] {
			st.rest[r] = max(b.total[r]-float64(st.wt[r]), 0)
		}
	}
}

// losses stores those of the first len(dst) rows.
func (b *shardBatch[T]) losses(dst []T) {
	b.loss.losses(dst)
	for r, j := range b.loss.label[:len(dst)] {
		if j < 0 {
			dst[r] = 0
		}
	}
}

// ShardCrossEntropyGrad sets dlogits to the shard's part of the gradient of scale times the loss by the logits, which is
// scale*LogitScale*(softmax - onehot); the product of the scales is rounded first. In rows whose label is elsewhere, or nowhere, that
// is scale*LogitScale*softmax. losses, unless nil, are those of [ShardCrossEntropy]. dlogits may be logits, and has its stride.
func ShardCrossEntropyGrad[T Float, L Label](dlogits, losses, logits []T, stats []RowStats[T], labels []L, scale T, shard Shard[T]) error {
	const fn = "ShardCrossEntropyGrad"
	s, err := shard.resolved(fn)
	if err != nil {
		return err
	}
	s.shardRows(fn, logits, "stats", len(stats))
	checkSameRows(fn, "dlogits", stridedRows(fn, "dlogits", len(dlogits), s.Classes, s.Stride), "stats", len(stats))
	checkRowsAlias(fn, "dlogits", dlogits, s.Stride, "logits", logits, s.Stride, len(stats), s.Classes)
	checkPerRow(fn, "labels", len(labels), len(stats))
	if losses != nil {
		checkPerRow(fn, "losses", len(losses), len(stats))
		checkApart(fn, "losses", losses, "logits", logits)
		checkApart(fn, "losses", losses, "dlogits", dlogits)
	}
	var (
		b     shardBatch[T]
		all   = T(scale * s.LogitScale)
		batch = batchLen[T](s.Classes)
		step  = maxCols[T]()
	)
	num, after := splitScale(all)
	var afters [maxRows]T
	filled(&afters, min(batch, len(stats)), after)
	for r0 := 0; r0 < len(stats); r0 += batch {
		n := min(batch, len(stats)-r0)
		x, d := logits[r0*s.Stride:], dlogits[r0*s.Stride:]
		plain := b.start(stats[r0 : r0+n])
		b.label(labelsHere(&b, &s, labels[r0:r0+n]), x, &s)
		b.exponentials(n, d, x, s.Classes, s.Stride, s.Stride, s.LogitScale, plain)
		q := b.q[:n]
		for r := range q {
			q[r] = T(float64(num) / b.total[r])
		}
		for c := 0; c < s.Classes; c += step {
			rowsScaleGrad(d[c:], d[c:], q, afters[:n], min(s.Classes-c, step), s.Stride, s.Stride)
		}
		for r, j := range b.loss.label[:n] {
			if j >= 0 {
				d[r*s.Stride+j] = 0 - T(all*T(b.loss.rest[r]/b.total[r]))
			}
		}
		if losses != nil {
			b.losses(losses[r0 : r0+n])
		}
	}
	return nil
}

// ShardSoftmax sets dst to the shard's part of the rows' [Softmax]. dst may be logits where the strides are equal. stats are those of the whole rows.
func ShardSoftmax[T Float](dst, logits []T, stats []RowStats[T], shard Shard[T]) error {
	const fn = "ShardSoftmax"
	s, err := shard.forward(fn, dst, logits, len(stats))
	if err != nil {
		return err
	}
	var (
		b     shardBatch[T]
		batch = batchLen[T](s.Classes)
		step  = maxCols[T]()
	)
	for r0 := 0; r0 < len(stats); r0 += batch {
		n := min(batch, len(stats)-r0)
		x, d := logits[r0*s.Stride:], dst[r0*s.DstStride:]
		plain := b.start(stats[r0 : r0+n])
		b.exponentials(n, d, x, s.Classes, s.DstStride, s.Stride, s.LogitScale, plain)
		for r, v := range b.total[:n] {
			b.q[r], b.ql[r] = reciprocal[T](v, false)
		}
		for c := 0; c < s.Classes; c += step {
			rowsScale(d[c:], d[c:], b.q[:n], b.ql[:n], min(s.Classes-c, step), s.DstStride, s.DstStride)
		}
	}
	return nil
}

// forward checks the arguments of a forward.
func (shard Shard[T]) forward(fn string, dst, logits []T, rows int) (Shard[T], error) {
	s, err := shard.resolved(fn)
	if err != nil {
		return s, err
	}
	s.shardRows(fn, logits, "stats", rows)
	checkSameRows(fn, "dst", stridedRows(fn, "dst", len(dst), s.Classes, s.DstStride), "stats", rows)
	checkRowsAlias(fn, "dst", dst, s.DstStride, "logits", logits, s.Stride, rows, s.Classes)
	return s, nil
}

// ShardLogSoftmax sets dst to the shard's part of the rows' [LogSoftmax]. dst may be logits where the strides are equal. stats are those of
// the whole rows.
func ShardLogSoftmax[T Float](dst, logits []T, stats []RowStats[T], shard Shard[T]) error {
	const fn = "ShardLogSoftmax"
	s, err := shard.forward(fn, dst, logits, len(stats))
	if err != nil {
		return err
	}
	var (
		b     shardBatch[T]
		batch = batchLen[T](s.Classes)
		step  = maxCols[T]()
	)
	for r0 := 0; r0 < len(stats); r0 += batch {
		n := min(batch, len(stats)-r0)
		x, d, xstride := logits[r0*s.Stride:], dst[r0*s.DstStride:], s.Stride
		if s.LogitScale != 1 {
			scaleRows(d, x, n, s.Classes, s.DstStride, xstride, s.LogitScale)
			x, xstride = d, s.DstStride
		}
		b.start(stats[r0 : r0+n])
		b.logarithms(n)
		for c := 0; c < s.Classes; c += step {
			rowsLogSoftmax(d[c:], x[c:], b.m[:n], b.q[:n], min(s.Classes-c, step), s.DstStride, xstride)
		}
	}
	return nil
}

// logarithms sets q to log(sum(exp(x - Max))) of n rows.
func (b *shardBatch[T]) logarithms(n int) {
	m, w, log := b.m[:n], b.loss.wt[:n], &b.loss.log
	expAt(w, m, m)
	for r, v := range w {
		log.loss[r], log.w[r], log.base[r] = b.rest[r], float64(v), 0
		if b.out[r] != m[r] {
			log.loss[r] = max(b.total[r]-float64(v), 0)
		}
	}
	lossLog(log.loss[:n], log.loss[:n], log.w[:n], log.base[:n])
	for r, v := range log.loss[:n] {
		b.q[r] = T(v)
	}
}
