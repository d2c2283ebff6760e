package kernels

import (
	"math"
	"math/bits"
	"unsafe"

	"kernels/internal/isa"
)

// The engine of softmax and cross-entropy: by label and by probability, with and without options,
// of whole rows and of shards. A public function checks its arguments, describes them in a call and
// runs it. The call processes a batch of rows by some of the steps below and in loss.go.
//
// A call goes over its rows in batches. A batch fits a first-level cache, so that a row is still
// there for its next pass. What a pass writes should fit, too, but a batch of less than fewRows
// costs more than that gains. A row that is longer than a chunk of the canonical sum is a batch of
// its own, and each pass goes over it chunk by chunk.
const (
	maxRows    = 64
	fewRows    = 32
	batchBytes = 20 << 10
	mostBytes  = 32 << 10 // of fewRows
)

// maxCols returns the number of columns of a chunk of the canonical sum, the most that one call of
// a primitive gets.
func maxCols[T Float]() int {
	if is32[T]() {
		return chunkF32
	}
	return chunkF64
}

// isNarrow reports whether the canonical sum adds rows of cols elements entirely in T.
func isNarrow[T Float](cols int) bool {
	if is32[T]() {
		return cols <= blockF32
	}
	return cols <= blockF64
}

// batchLen returns the largest number of rows in a batch of a matrix: 1 if cols > maxCols.
func batchLen[T Float](rows, cols int) int {
	var v T
	size := int(unsafe.Sizeof(v))
	if rows*cols*size <= batchBytes { // there is no need to divide
		return maxRows
	}
	size *= cols
	return min(max(batchBytes/size, min(mostBytes/size, fewRows), 1), maxRows)
}

// A matrix has rows that begin stride elements apart. Its data may end with the last row's last
// element.
type matrix[T Float] struct {
	data   []T
	stride int
}

// from returns the data from row r and column j on.
func (m matrix[T]) from(r, j int) []T { return m.data[r*m.stride+j:] }

// rows returns the matrix from row r on.
func (m matrix[T]) rows(r int) matrix[T] { return matrix[T]{m.from(r, 0), m.stride} }

// An action is what a call does with its rows.
type action uint8

const (
	toSoftmax action = iota
	toLogSoftmax
	toLogSumExp
	toLabelLoss  // cross-entropy by label, and its gradient if there is a dst
	toTargetLoss // cross-entropy with a target for every class: probabilities, or smoothed labels
	toMax        // of a shard
	toStats      // of a shard
	toChunkSums  // of a shard
)

// A call is one call of a row kernel, with its operands.
type call[T Float] struct {
	do         action
	columns    bool // there are enough rows for the columns primitives
	sharded    bool // x is a shard
	batch      int  // the most rows in a batch
	rows, cols int
	offset     int       // the class of the first column
	dst, x     matrix[T] // dst has no data if only losses are wanted
	scale      T         // of x
	labels     labelList
	*lossCall[T]
	*shardCall[T]
}

// A batch is the state of the rows in work.
type batch[T Float] struct {
	*call[T]
	r0, n   int       // rows r0 to r0+n
	d, z    matrix[T] // their parts of dst and x
	scale   T         // of z
	narrow  bool
	plain   bool // all rows may use the plain form of the exponential
	made    bool // the scratch has the targets of this batch
	anyNone bool // a row contributes nothing

	room     unsafe.Pointer // to an array on the stack
	roomSize int            // in bytes
}

// The arrays of a batch have one element per row. Those of T are at the beginning of the room, one
// after the other. The others are at its end, the first one last.

func (b *batch[T]) max() []T        { return b.array(0) }           // the row's maximum, scaled
func (b *batch[T]) q() []T          { return b.array(1) }           // the factor of the exponentials
func (b *batch[T]) q2() []T         { return b.array(2) }           // a second factor, applied after q
func (b *batch[T]) rest() []float64 { return words[float64](b, 1) } // the sum of the others than out

// For logarithms. If out is negative, rest is the whole sum.

func (b *batch[T]) out() []int      { return words[int](b, 2) } // the column that rest leaves out
func (b *batch[T]) xout() []T       { return b.array(3) }       // its logit, scaled
func (b *batch[T]) wout() []T       { return b.array(4) }       // its exponential
func (b *batch[T]) nll() []float64  { return words[float64](b, 3) }
func (b *batch[T]) w() []float64    { return words[float64](b, 4) }
func (b *batch[T]) base() []float64 { return words[float64](b, 5) }

// For cross-entropy, its gradient, and shards. A row with none set has no loss and no gradient.

func (b *batch[T]) g() []T           { return b.array(5) } // the factor of the gradient
func (b *batch[T]) num() []T         { return b.array(6) } // g or 1: see splitFactor
func (b *batch[T]) total() []float64 { return b.nll() }    // the sum of all exponentials, until nll is set
func (b *batch[T]) none() []bool     { return words[bool](b, 6) }
func (b *batch[T]) k() []float64     { return words[float64](b, 7) } // the label's target, above the others'

// For cross-entropy with a target for every class, where out is the column of the maximum: the
// label that is smoothed, its logit and its exponential.

func (b *batch[T]) label() []int { return words[int](b, 8) }
func (b *batch[T]) xlabel() []T  { return b.array(7) }
func (b *batch[T]) wlabel() []T  { return b.array(8) }

const (
	maxArrays = 9 // of each kind
	maxRoom   = 2 * maxArrays * maxRows
)

// roomFor returns the length of a room for n rows, in float64.
func (c *call[T]) roomFor(n int) int {
	t, words := 5, 5 // arrays of T and others
	switch {
	case c.do == toTargetLoss:
		a, scaled := c.scratchLen(n)
		return wordsOf[T](maxArrays*n) + maxArrays*n + wordsOf[T](a) + wordsOf[T](scaled)
	case c.do == toSoftmax && !c.sharded:
		t, words = 3, 1
	case c.do == toLabelLoss && c.rowsDiffer():
		t, words = 7, 7
	case c.do == toLabelLoss:
		if c.dst.data != nil {
			t = 7
		}
		if c.sharded {
			words = 6
		}
	}
	return wordsOf[T](t*n) + words*n
}

// wordsOf returns how many float64 take as much room as n elements.
func wordsOf[T Float](n int) int {
	var v T
	return (n*int(unsafe.Sizeof(v)) + 7) / 8
}

// array returns array i of T.
func (b *batch[T]) array(i int) []T {
	var v T
	return (*[maxRows]T)(unsafe.Add(b.room, i*b.n*int(unsafe.Sizeof(v))))[:b.n:b.n]
}

// words returns array i of the others, counted from the end of the room.
func words[E any, T Float](b *batch[T], i int) []E {
	return (*[maxRows]E)(unsafe.Add(b.room, b.roomSize-i*b.n*8))[:b.n:b.n]
}

// run goes over the rows. Go clears an array on the stack, and for a large one this takes longer
// than a short row does. So there are several sizes.
func (c *call[T]) run(do action) {
	if c.rows == 0 {
		return
	}
	c.do, c.batch = do, batchLen[T](c.rows, c.cols)
	c.columns = !c.sharded && columnsFit[T](do, c.rows, c.cols)
	rows := min(c.rows, c.batch)
	switch {
	case c.do == toSoftmax && c.columns: // needs no arrays
		rows = 0
		oneRun := c.x.stride == c.cols && c.dst.stride == c.cols
		if oneRun && c.scale == 1 && c.rows > maxRows {
			c.batch = max(maxRows, maxCols[T]()/c.cols&^15)
		}
	case c.scratchRows(): // there is room for one chunk
		c.batch = min(c.batch, max(1, maxCols[T]()/c.cols))
		rows = min(rows, c.batch)
	case c.sharded && c.do == toLabelLoss && c.dst.data == nil: // no pass over the elements
		c.batch = maxRows
		rows = min(c.rows, maxRows)
	}
	switch room := c.roomFor(rows); {
	case room == 0:
		c.walk(nil, 0)
	case room <= 32:
		c.walk32()
	case room <= 96:
		c.walk96()
	case room <= 272:
		c.walk272()
	case room <= 384:
		c.walk384()
	case room <= 576:
		c.walk576()
	case room <= maxRoom:
		c.walk1152()
	default:
		c.walk5248()
	}
}

// No step may store a pointer through its batch: the compiler assumes that what is stored through a
// pointer is on the heap. As long as none does, the call and the room stay on the stack.
// TestNoAllocation fails otherwise.

//go:noinline
func (c *call[T]) walk32() { var a [32]float64; c.walk(unsafe.Pointer(&a), len(a)) }

//go:noinline
func (c *call[T]) walk96() { var a [96]float64; c.walk(unsafe.Pointer(&a), len(a)) }

//go:noinline
func (c *call[T]) walk272() { var a [272]float64; c.walk(unsafe.Pointer(&a), len(a)) }

//go:noinline
func (c *call[T]) walk384() { var a [384]float64; c.walk(unsafe.Pointer(&a), len(a)) }

//go:noinline
func (c *call[T]) walk576() { var a [576]float64; c.walk(unsafe.Pointer(&a), len(a)) }

//go:noinline
func (c *call[T]) walk1152() { var a [maxRoom]float64; c.walk(unsafe.Pointer(&a), len(a)) }

//go:noinline
func (c *call[T]) walk5248() {
	var a [maxRoom + 2*chunkF64]float64
	c.walk(unsafe.Pointer(&a), len(a))
}

// walk goes over the rows in batches.
func (c *call[T]) walk(room unsafe.Pointer, size int) {
	b := batch[T]{call: c, room: room, roomSize: size * 8, narrow: isNarrow[T](c.cols) && !c.sharded}
	for ; b.r0 < c.rows; b.r0 += b.n {
		n := min(c.batch, c.rows-b.r0)
		if left := c.rows - b.r0 - n; c.columns && 0 < left && left < maxLanes && n > 2*maxLanes {
			n -= maxLanes // too few rows would be left for a vector
		}
		if n != b.n {
			b.n = n
			if c.do == toLabelLoss || c.do == toTargetLoss {
				b.startLosses()
			}
		}
		b.z, b.scale = c.x.rows(b.r0), c.scale
		if c.dst.data != nil {
			b.d = c.dst.rows(b.r0)
		}
		switch c.do {
		case toSoftmax:
			b.softmax()
		case toLogSoftmax:
			if c.scale != 1 {
				scaleRows(b.d, b.z, n, c.cols, c.scale)
				b.z, b.scale = b.d, 1
			}
			b.logSoftmax()
		case toLogSumExp:
			b.logSumExp()
		case toLabelLoss:
			b.labelLoss()
		case toTargetLoss:
			b.targetLoss()
		case toMax:
			b.shardMax()
		case toStats:
			b.shardStats()
		case toChunkSums:
			b.chunkSums()
		}
	}
}

// The size of a vector in bytes. With fewer rows than a vector has lanes, there is no columns
// primitive: the dispatch asks for the rows of AVX-512, columnsFit for those of the others.
const (
	vectorAVX512 = 64
	vectorAVX2   = 32
	vectorNEON   = 16
)

// maxLanes is the number of lanes of the widest vector.
const maxLanes = vectorAVX512 / 4

// columnsFit reports whether a matrix goes through the columns primitives, which compute as many
// rows at a time as a vector has lanes. With few classes, a row on its own would leave most lanes
// empty. The bits are those of the rows primitives.
func columnsFit[T Float](do action, rows, cols int) bool {
	var vector int
	switch {
	case isa.AVX2: // on every CPU with AVX-512, too: the dispatch chooses
		vector = vectorAVX2
	case isa.NEON:
		vector = vectorNEON
	default:
		return false
	}
	return cols >= 2 && cols <= mostColumns[T](do) && rows >= vector/int(unsafe.Sizeof(*new(T)))
}

// mostColumns returns the largest number of columns that go through the columns primitives, whose
// buffers have room for as many as for softmax. A row of more is as fast on its own. Two whole
// blocks are what the rows primitives are fastest at.
func mostColumns[T Float](do action) int {
	switch {
	case !is32[T]():
		return 2*blockF64 - 1
	case do == toSoftmax:
		return 2*blockF32 - 1
	}
	return 60
}

// columnsHalf returns the largest power of two below cols, which is the first step of the tree that
// adds a row.
func columnsHalf(cols int) int { return 1 << (bits.Len(uint(cols-1)) - 1) }

// maxima sets m to the maxima of the rows of x. For a row with a NaN, that is +Inf if nan is set,
// and any element of the row otherwise.
func maxima[T Float](m []T, x matrix[T], cols int, nan bool) {
	switch step := maxCols[T](); {
	case cols > step:
		rowMaximum(m, x, cols, nan)
	case nan:
		rowsTop(m, x.data, cols, x.stride)
	default:
		rowsMax(m, x.data, cols, x.stride)
	}
}

// rowMaximum is maxima for one row of several chunks.
func rowMaximum[T Float](m []T, x matrix[T], cols int, nan bool) {
	for j, n := range chunksOf[T](cols) {
		var next [1]T
		chunkMax(next[:], x.data[j:], n, x.stride, nan)
		if j == 0 || next[0] > m[0] {
			m[0] = next[0]
		}
	}
}

func chunkMax[T Float](m, x []T, cols, xstride int, nan bool) {
	if nan {
		rowsTop(m, x, cols, xstride)
	} else {
		rowsMax(m, x, cols, xstride)
	}
}

// scaleMaxima scales the maxima and sets plain.
func (b *batch[T]) scaleMaxima() {
	if scale := b.scale; scale != 1 {
		for m, r := b.max(), 0; r < len(m); r++ {
			m[r] = T(m[r]*scale) + 0
		}
	}
	b.setPlain()
}

// setPlain sets plain, which reports whether all rows may use the plain form of the exponential.
func (b *batch[T]) setPlain() {
	b.plain = b.scale == 1
	for _, v := range b.max() {
		if !isPlain(v) {
			b.plain = false
		}
	}
}

// maxPlain is the largest absolute value of a row's maximum at which the exponential takes the
// maximum out in the exponent alone. Beyond it, the maximum is subtracted first. In the pages,
// kernels/rows.go, this limit is above1024.
const maxPlain = 1024

// isPlain reports whether a row with maximum m may use the plain form of the exponential. If m is
// NaN, it may not.
func isPlain[T Float](m T) bool { return m >= -maxPlain && m <= maxPlain }

// locate sets index to the first column of each row that holds m, or to 0 if no element of a row is
// m, because it has a NaN.
func locate[T Float](index []int, x matrix[T], m []T, cols int) {
	step := maxCols[T]()
	for j := 0; ; j += step {
		n := min(cols-j, step)
		rowsFind(index, x.data[j:], m, n, x.stride)
		switch {
		case cols <= step:
			return
		case x.data[j+index[0]] == m[0]:
			index[0] += j
			return
		case j+n == cols:
			index[0] = 0
			return
		}
	}
}

// chunksOf yields the chunks of a row of cols elements: columns j to j+n. A row with more than one
// chunk has to be alone in its batch.
func chunksOf[T Float](cols int) func(yield func(j, n int) bool) {
	return func(yield func(j, n int) bool) {
		step := maxCols[T]()
		for j := 0; j < cols; j += step {
			if !yield(j, min(cols-j, step)) {
				return
			}
		}
	}
}

// A rowSum adds the sums of the chunks of a row, in order. Those of float32 are float64 and simply
// added; those of float64 are added by TwoSum.
type rowSum[T Float] struct{ s, e float64 }

func (a *rowSum[T]) add(v float64) {
	if is32[T]() {
		a.s += v
		return
	}
	s, e := twoSum(a.s, v)
	a.s = s
	if e == e { // it is NaN where the sum is infinite
		a.e += e
	}
}

func (a *rowSum[T]) sum() float64 {
	if is32[T]() {
		return a.s
	}
	return a.s + a.e
}

// end sets sums[0], which is the sum of a row's last chunk, to the sum of the whole row. Where rows
// of cols elements are one chunk, sums is left as it is.
func (a *rowSum[T]) end(sums []float64, cols int) {
	if cols > maxCols[T]() {
		sums[0] = a.sum()
	}
}

// skip returns out relative to column j, or nil if nothing is left out.
func (b *batch[T]) skip(j int, one *[1]int) []int {
	switch {
	case b.do == toSoftmax:
		return nil
	case j == 0:
		return b.out()
	}
	one[0] = b.out()[0] - j
	return one[:]
}

// exponentials sets rest to the sums of the exponentials and, if store is set, dst to the
// exponentials.
func (b *batch[T]) exponentials(store bool) {
	var one [1]int
	var total rowSum[T]
	for j, n := range chunksOf[T](b.cols) {
		b.chunkExp(b.rest(), j, n, store, b.skip(j, &one))
		total.add(b.rest()[0])
	}
	total.end(b.rest(), b.cols)
}

// chunkExp is exponentials for columns j to j+n.
func (b *batch[T]) chunkExp(sum []float64, j, n int, store bool, skip []int) {
	x := b.z.data[j:]
	switch {
	case !store && b.plain:
		rowsSumSkip(sum, x, b.max(), skip, n, b.z.stride, b.narrow)
	case !store:
		rowsSumSkipScaled(sum, x, b.max(), skip, n, b.z.stride, b.scale, b.narrow)
	case skip != nil && b.plain:
		rowsExpSumSkip(sum, b.d.data[j:], x, b.max(), skip, n, b.d.stride, b.z.stride, b.narrow)
	case skip != nil:
		rowsExpSumSkipScaled(sum, b.d.data[j:], x, b.max(), skip, n, b.d.stride, b.z.stride, b.scale,
			b.narrow)
	case b.plain:
		rowsExpSum(sum, b.d.data[j:], x, b.max(), n, b.d.stride, b.z.stride, b.narrow)
	default:
		rowsExpSumScaled(sum, b.d.data[j:], x, b.max(), n, b.d.stride, b.z.stride, b.scale, b.narrow)
	}
}

// scaleRows sets dst to x*scale, rounded. There are at most maxRows rows, or one row if it is
// longer than maxCols.
func scaleRows[T Float](dst, x matrix[T], rows, cols int, scale T) {
	var q [2][maxRows]T
	for r := range rows {
		q[0][r], q[1][r] = scale, 1
	}
	for j, n := range chunksOf[T](cols) {
		rowsScaleGrad(dst.data[j:], x.data[j:], q[0][:rows], q[1][:rows], n, dst.stride, x.stride)
	}
}

// softmax computes the softmax of a batch.
func (b *batch[T]) softmax() {
	if b.columns {
		x := b.z
		if b.scale != 1 {
			scaleRows(b.d, x, b.n, b.cols, b.scale)
			x = b.d
		}
		columnsSoftmax(b.d.data, x.data, b.n, b.cols, columnsHalf(b.cols), b.d.stride, x.stride)
		return
	}
	sums := b.rest()
	if b.sharded {
		b.fromStats()
		b.shardExponentials()
		sums = b.total()
	} else {
		maxima(b.max(), b.z, b.cols, false)
		b.scaleMaxima()
		b.exponentials(true)
	}
	reciprocals(b.q(), b.q2(), sums, b.narrow)
	for j, n := range chunksOf[T](b.cols) {
		rowsScale(b.d.data[j:], b.d.data[j:], b.q(), b.q2(), n, b.d.stride, b.d.stride)
	}
}

// reciprocals sets rh and rl to 1/s in two parts, so that w/s is rounded once, and one class gives
// exactly 1.
func reciprocals[T Float](rh, rl []T, sums []float64, narrow bool) {
	rh, rl = rh[:len(sums)], rl[:len(sums)]
	switch {
	case !is32[T]():
		for r, s := range sums {
			h := 1 / s
			rh[r], rl[r] = T(h), T(float64(math.FMA(-s, h, 1)*h))
		}
	case narrow: // s is a float32
		for r, s := range sums {
			h := 1 / float32(s)
			rh[r], rl[r] = T(h), T(float32(fma32(float32(-s), h, 1)*h))
		}
	default:
		for r, s := range sums {
			q := 1 / s
			h := T(q)
			rh[r], rl[r] = h, T(q-float64(h))
		}
	}
}

// logSoftmax computes the logarithm of the softmax of a batch: (x-max) - log1p(rest/w), where rest
// leaves out the first maximum, whose exponential is w.
func (b *batch[T]) logSoftmax() {
	if b.sharded {
		b.fromStats()
		expAt(b.wout(), b.max(), b.max())
		b.leaveOut(b.max(), b.wout())
	} else {
		maxima(b.max(), b.z, b.cols, false)
		locate(b.out(), b.z, b.max(), b.cols)
		b.setPlain()
		b.exponentials(false)
	}
	b.logarithms()
	for j, n := range chunksOf[T](b.cols) {
		rowsLogSoftmax(b.d.data[j:], b.z.data[j:], b.max(), b.q(), n, b.d.stride, b.z.stride)
	}
}

// logarithms sets wout to the exponentials of the maxima, which rest leaves out. It sets q and nll
// to log1p(rest/wout), the logarithms of the sums relative to the maxima.
func (b *batch[T]) logarithms() {
	expAt(b.wout(), b.max(), b.max())
	nll, w, base, q := b.nll(), b.w(), b.base(), b.q()
	for r, v := range b.wout() {
		w[r], base[r] = float64(v), 0
	}
	lossLog(nll, b.rest(), w, base)
	for r, v := range nll {
		q[r] = T(v)
	}
}

// logSumExp computes the logarithms of the sums of the exponentials of a batch: max +
// log1p(rest/w), as in logSoftmax. The last sum is a float64.
func (b *batch[T]) logSumExp() {
	maxima(b.max(), b.z, b.cols, true)
	b.scaleMaxima()
	if b.scale == 1 {
		locate(b.out(), b.z, b.max(), b.cols)
	} else {
		b.locateScaled()
	}
	b.exponentials(false)
	b.logarithms()
	nll, dst := b.nll(), b.d.data
	for r, m := range b.max() {
		if m-m != 0 {
			dst[r] = b.infinite(r, m)
			continue
		}
		dst[r] = T(float64(m) + nll[r])
	}
}

// locateScaled is locate with the rounded products of the elements and scale, of which two may be
// the maximum where one element is.
func (b *batch[T]) locateScaled() {
	out := b.out()
	for r, m := range b.max() {
		out[r] = 0
		for j, v := range b.z.from(r, 0)[:b.cols] {
			if T(v*b.scale) == m {
				out[r] = j
				break
			}
		}
	}
}

// infinite returns the result of a row with the maximum m, an infinity: NaN if the row has one.
func (b *batch[T]) infinite(r int, m T) T {
	for _, v := range b.z.from(r, 0)[:b.cols] {
		if v != v {
			return v
		}
	}
	return m
}

// backwardRows computes the backward of softmax, (dy - sum(dy*y))*y, or, if log is set, that of its
// logarithm, dy - exp(y)*sum(dy). sums and ss have room for a batch.
func backwardRows[T Float](
	log bool, dx, dy matrix[T], y []T, rows, cols int, scale T, sums []float64, ss []T,
) {
	narrow, batch := isNarrow[T](cols), batchLen[T](rows, cols)
	for r0 := 0; r0 < rows; r0 += batch {
		n := min(batch, rows-r0)
		sum, s, d, g, y := sums[:n], ss[:n], dx.from(r0, 0), dy.from(r0, 0), y[r0*dy.stride:]
		var total rowSum[T]
		for j, n := range chunksOf[T](cols) {
			if log {
				rowsSum(sum, g[j:], n, dy.stride, narrow)
			} else {
				rowsDot(sum, g[j:], y[j:], n, dy.stride, dy.stride, narrow)
			}
			total.add(sum[0])
		}
		total.end(sum, cols)
		for r, v := range sum {
			s[r] = T(v)
		}
		for j, n := range chunksOf[T](cols) {
			if log {
				rowsLogSoftmaxBackward(d[j:], g[j:], y[j:], s, n, dx.stride, dy.stride, dy.stride)
			} else {
				rowsSoftmaxBackward(d[j:], g[j:], y[j:], s, n, dx.stride, dy.stride, dy.stride)
			}
		}
		if scale != 1 {
			scaleRows(matrix[T]{d, dx.stride}, matrix[T]{d, dx.stride}, n, cols, scale)
		}
	}
}
