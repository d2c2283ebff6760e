package kernels

import (
	"math"
	"unsafe"
)

// Cross-entropy with label smoothing and with probability targets and options.
//
// A row has the loss sum of a[j]*(-log p[j]) + k*(-log p[y]): a[j] = w[j]*e/C and k = w[y]*(1-e) for a label y that is
// smoothed, a[j] = w[j]*((1-e)*t[j] + e/C) and k = 0 for probabilities t. With A the sum of all a and k, its gradient by the
// scaled logits is A*p[j] - a[j], less k at y. At the largest p, where this may cancel, it is (A - a[j])*p[j] - a[j]*(1-p[j]), with
// A - a[j] added up without a[j] and 1-p[j] from a sum that leaves it out.

// CrossEntropyProbWith is [CrossEntropyProb] with options, and in all else [CrossEntropyWith]. A length of targets other than
// that of whole rows of classes for all rows of logits is an error.
func CrossEntropyProbWith[T Float](losses, logits, targets []T, classes int, opts *CrossEntropyOptions[T]) (float64, error) {
	if opts.unused() && losses != nil && len(targets) == len(logits) {
		if err := crossEntropyProbNamed(probWith.name(), losses, logits, targets, classes); err != nil {
			return 0, err
		}
		return opts.reduce(losses), nil
	}
	c, err := newLossCall[T](probWith, "logits", len(logits), classes, opts)
	if err != nil {
		return 0, err
	}
	c.optionalLosses(losses, false)
	checkApart(c.fn.name(), "losses", losses, "logits", logits)
	checkApart(c.fn.name(), "losses", losses, "targets", targets)
	if err := c.checkTargets(targets); err != nil {
		return 0, err
	}
	if c.plainTargets() {
		b := targetBatch[T]{c: &c, targets: targets}
		b.init()
		b.forwardAll(losses, logits)
	} else {
		var work scratch
		b := targetBatch[T]{c: &c, targets: targets, work: &work}
		b.init()
		b.forwardAll(losses, logits)
	}
	return c.result(), nil
}

// CrossEntropyProbGradWith is [CrossEntropyProbGrad] with options, and in all else [CrossEntropyGradWith].
func CrossEntropyProbGradWith[T Float](dlogits, losses, logits, targets []T, classes int, dloss []T, opts *CrossEntropyOptions[T]) (float64, error) {
	if opts.unused() && losses != nil && len(targets) == len(logits) && (dloss == nil || len(dloss) == 1) {
		checkApart("CrossEntropyProbGradWith", "dloss", dloss, "dlogits", dlogits)
		checkApart("CrossEntropyProbGradWith", "dloss", dloss, "losses", losses)
		if err := crossEntropyProbGradNamed(probGradWith.name(), dlogits, losses, logits, targets, classes, opts.factor(dloss, len(losses))); err != nil {
			return 0, err
		}
		return opts.reduce(losses), nil
	}
	checkLen("CrossEntropyProbGradWith", "dlogits", dlogits, "logits", logits)
	c, err := newLossCall[T](probGradWith, "logits", len(logits), classes, opts)
	if err != nil {
		return 0, err
	}
	c.checkGradient(dloss)
	c.dloss = dloss
	c.optionalLosses(losses, true)
	checkAlias(c.fn.name(), "dlogits", dlogits, "logits", logits)
	checkApart(c.fn.name(), "dlogits", dlogits, "targets", targets)
	checkApart(c.fn.name(), "losses", losses, "logits", logits)
	checkApart(c.fn.name(), "losses", losses, "targets", targets)
	checkApart(c.fn.name(), "losses", losses, "dlogits", dlogits)
	checkApart(c.fn.name(), "dloss", dloss, "dlogits", dlogits)
	checkApart(c.fn.name(), "dloss", dloss, "losses", losses)
	if err := c.checkTargets(targets); err != nil {
		return 0, err
	}
	if c.plainTargets() {
		b := targetBatch[T]{c: &c, targets: targets}
		b.init()
		b.gradientAll(dlogits, losses, logits)
	} else {
		var work scratch
		b := targetBatch[T]{c: &c, targets: targets, work: &work}
		b.init()
		b.gradientAll(dlogits, losses, logits)
	}
	return c.result(), nil
}

// CrossEntropyProbKeep is [CrossEntropyKeep] for probability targets.
func CrossEntropyProbKeep[T Float](probs, rest, losses, logits, targets []T, classes int, opts *CrossEntropyOptions[T]) (float64, error) {
	checkLen("CrossEntropyProbKeep", "probs", probs, "logits", logits)
	c, err := newLossCall[T](probKeep, "logits", len(logits), classes, opts)
	if err != nil {
		return 0, err
	}
	checkKeep(&c, probs, rest, losses, logits)
	checkApart(c.fn.name(), "probs", probs, "targets", targets)
	checkApart(c.fn.name(), "rest", rest, "targets", targets)
	checkApart(c.fn.name(), "losses", losses, "targets", targets)
	if err := c.checkTargets(targets); err != nil {
		return 0, err
	}
	if c.plainTargets() {
		b := targetBatch[T]{c: &c, targets: targets}
		b.init()
		b.keepAll(probs, rest, losses, logits)
	} else {
		var work scratch
		b := targetBatch[T]{c: &c, targets: targets, work: &work}
		b.init()
		b.keepAll(probs, rest, losses, logits)
	}
	return c.result(), nil
}

// CrossEntropyProbBackward is [CrossEntropyBackward] for probability targets.
func CrossEntropyProbBackward[T Float](dlogits, probs, rest, targets []T, classes int, dloss []T, opts *CrossEntropyOptions[T]) error {
	checkLen("CrossEntropyProbBackward", "dlogits", dlogits, "probs", probs)
	c, err := newLossCall[T](probBackward, "probs", len(probs), classes, opts)
	if err != nil {
		return err
	}
	checkBackward(&c, dlogits, probs, rest, dloss)
	c.dloss = dloss
	checkApart(c.fn.name(), "dlogits", dlogits, "targets", targets)
	if err := c.checkTargets(targets); err != nil {
		return err
	}
	if c.plainTargets() {
		b := targetBatch[T]{c: &c, targets: targets}
		b.init()
		b.backwardAll(dlogits, probs, rest)
	} else {
		var work scratch
		b := targetBatch[T]{c: &c, targets: targets, work: &work}
		b.init()
		b.backwardAll(dlogits, probs, rest)
	}
	return nil
}

func (b *targetBatch[T]) forwardAll(losses, logits []T) {
	for r0 := 0; r0 < b.c.rows; r0 += b.batch {
		b.start(r0, min(b.batch, b.c.rows-r0))
		b.forward(logits[r0*b.c.stride:])
		b.losses(losses, logits[r0*b.c.stride:])
	}
}

func (b *targetBatch[T]) gradientAll(dlogits, losses, logits []T) {
	for r0 := 0; r0 < b.c.rows; r0 += b.batch {
		lo := r0 * b.c.stride
		b.start(r0, min(b.batch, b.c.rows-r0))
		b.gradient(dlogits[lo:], losses, logits[lo:])
	}
}

func (b *targetBatch[T]) keepAll(probs, rest, losses, logits []T) {
	for r0 := 0; r0 < b.c.rows; r0 += b.batch {
		lo := r0 * b.c.stride
		b.start(r0, min(b.batch, b.c.rows-r0))
		b.keep(probs[lo:], rest[r0:], losses, logits[lo:])
	}
}

func (b *targetBatch[T]) backwardAll(dlogits, probs, rest []T) {
	for r0 := 0; r0 < b.c.rows; r0 += b.batch {
		lo := r0 * b.c.stride
		b.start(r0, min(b.batch, b.c.rows-r0))
		b.backward(dlogits[lo:], probs[lo:], rest[r0:])
	}
}

func smoothForward[T Float, L Label](c *lossCall[T], losses, logits []T, labels []L) {
	var work scratch
	b := targetBatch[T]{c: c, work: &work}
	b.init()
	for r0 := 0; r0 < c.rows; r0 += b.batch {
		b.start(r0, min(b.batch, c.rows-r0))
		setTargets(&b, labels[r0:r0+b.n])
		b.forward(logits[r0*c.stride:])
		b.losses(losses, logits[r0*c.stride:])
	}
}

func smoothGradient[T Float, L Label](c *lossCall[T], dlogits, losses, logits []T, labels []L) {
	var work scratch
	b := targetBatch[T]{c: c, work: &work}
	b.init()
	for r0 := 0; r0 < c.rows; r0 += b.batch {
		lo := r0 * c.stride
		b.start(r0, min(b.batch, c.rows-r0))
		setTargets(&b, labels[r0:r0+b.n])
		b.gradient(dlogits[lo:], losses, logits[lo:])
	}
}

func smoothKeep[T Float, L Label](c *lossCall[T], probs, rest, losses, logits []T, labels []L) {
	var work scratch
	b := targetBatch[T]{c: c, work: &work}
	b.init()
	for r0 := 0; r0 < c.rows; r0 += b.batch {
		lo := r0 * c.stride
		b.start(r0, min(b.batch, c.rows-r0))
		setTargets(&b, labels[r0:r0+b.n])
		b.keep(probs[lo:], rest[r0:], losses, logits[lo:])
	}
}

func smoothBackward[T Float, L Label](c *lossCall[T], dlogits, probs, rest []T, labels []L) {
	var work scratch
	b := targetBatch[T]{c: c, work: &work}
	b.init()
	for r0 := 0; r0 < c.rows; r0 += b.batch {
		lo := r0 * c.stride
		b.start(r0, min(b.batch, c.rows-r0))
		setTargets(&b, labels[r0:r0+b.n])
		b.backward(dlogits[lo:], probs[lo:], rest[r0:])
	}
}

// scratch is room for a piece of a batch, at most a chunk of the canonical sum: its targets, and its scaled logits.
type scratch struct{ a, z [chunkF32 / 2]float64 }

func room[T Float](s *[chunkF32 / 2]float64) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(s)), maxCols[T]())
}

// targetBatch is a batch of rows with a target for every class.
type targetBatch[T Float] struct {
	c       *lossCall[T]
	targets []T // all; nil: labels that are smoothed
	batch   int // rows in a batch
	made    bool
	plain   bool // a is the targets as they are

	// Of the batch.
	r0, n   int
	label   [maxRows]int
	ignored [maxRows]bool
	any     bool
	k       [maxRows]float64 // what the label's target is more than a

	m     [maxRows]T       // maximum of the scaled logits
	index [maxRows]int     // the first column that holds it
	rest  [maxRows]float64 // the sum of the exponentials without it
	w     [maxRows]T       // its exponential
	l     [maxRows]T       // log1p(rest/w)
	xt    [maxRows]T       // the label's logit, scaled
	wt    [maxRows]T       // its exponential
	top   [maxRows]float64 // for the gradient: the largest p, 1 less it, p at the label, the sum of the targets
	less  [maxRows]float64
	pt    [maxRows]float64
	sum   [maxRows]float64
	q     [maxRows]T
	g     [maxRows]T
	own   [maxRows]T
	log   logArgs

	work *scratch // where init says that it is needed
}

// plainTargets tells whether probabilities, and logits, are used as they are: then there is no need for a scratch.
func (c *lossCall[T]) plainTargets() bool { return c.weights == nil && c.eps == 0 && c.scale == 1 }

func (b *targetBatch[T]) init() {
	c, targets := b.c, b.targets
	b.plain = targets != nil && c.weights == nil && c.eps == 0
	b.batch = batchLen[T](c.classes)
	if targets != nil && !c.plainTargets() || c.scale != 1 {
		b.batch = min(b.batch, max(1, maxCols[T]()/c.classes))
	}
}

func (b *targetBatch[T]) start(r0, n int) {
	b.r0, b.n = r0, n
	if b.targets != nil {
		b.made = false
	}
}

// setTargets is setLabels, and what the label's target is more than that of the others.
func setTargets[T Float, L Label](b *targetBatch[T], labels []L) {
	b.any = setLabels(b.c, b.label[:b.n], b.ignored[:b.n], labels)
	for r, l := range b.label[:b.n] {
		b.k[r] = b.c.keep * b.c.weight(l)
	}
}

// piece returns a for columns j to j+n of the batch's rows, and the distance between its rows.
func (b *targetBatch[T]) piece(j, n int) ([]T, int) {
	c := b.c
	if b.plain {
		return b.targets[b.r0*c.classes+j:], c.classes
	}
	a, stride := room[T](&b.work.a), n
	if b.targets == nil {
		stride = 0 // one row for all
	}
	if b.made {
		return a, stride
	}
	b.made = n == c.classes // it stays until the next batch
	var zero, f, ones [maxRows]T
	filled(&ones, b.n, 1)
	switch {
	case b.targets == nil && c.weights == nil:
		for i := range a[:n] {
			a[i] = T(c.each)
		}
		b.made = true // and so are all pieces: the first one is the longest
	case b.targets == nil:
		f[0] = T(c.each)
		rowsScaleGrad(a, c.weights[j:], f[:1], ones[:1], n, n, n)
	default:
		t, tstride := b.targets[b.r0*c.classes+j:], c.classes
		if c.eps != 0 {
			for r := range b.n {
				f[r] = T(c.keep)
			}
			rowsScaleGrad(a, t, f[:b.n], ones[:b.n], n, n, tstride)
			for r := range b.n {
				f[r] = -T(c.each)
			}
			rowsLogSoftmax(a, a, zero[:b.n], f[:b.n], n, n, n) // (a - 0) + each
			t, tstride = a, n
		}
		if c.weights != nil {
			rowsSoftmaxBackward(a, t, c.weights[j:], zero[:b.n], n, n, tstride, 0) // (t - 0) * weight
		}
	}
	return a, stride
}

// element returns a[j] of a row of the batch.
func (b *targetBatch[T]) element(r, j int) float64 {
	c := b.c
	a := T(c.each)
	if b.targets != nil {
		a = b.targets[(b.r0+r)*c.classes+j]
		if c.eps != 0 {
			a = T(a*T(c.keep)) - -T(c.each)
		}
	}
	if c.weights != nil {
		a = T(a * c.weights[j])
	}
	return float64(a)
}

// maxima sets m and index, and tells whether the plain form of the exponential will do.
func (b *targetBatch[T]) maxima(x []T) (plain bool) {
	c, m := b.c, b.m[:b.n]
	plain = batchMax(m, x, c.classes, c.stride, 1)
	batchFind(b.index[:b.n], x, m, c.classes, c.stride)
	if c.scale != 1 {
		for r := range m {
			m[r] = T(m[r]*c.scale) + 0
		}
		return false
	}
	return plain
}

// logarithms sets w and l from m and rest, and wt from xt.
func (b *targetBatch[T]) logarithms() {
	n := b.n
	loss, w, base := b.log.loss[:n], b.log.w[:n], b.log.base[:n]
	expAt(b.w[:n], b.m[:n], b.m[:n])
	for r, v := range b.w[:n] {
		w[r], base[r] = float64(v), 0
	}
	lossLog(loss, b.rest[:n], w, base)
	for r, v := range loss {
		b.l[r] = T(v)
	}
	if b.targets == nil {
		expAt(b.wt[:n], b.xt[:n], b.m[:n])
	}
}

// labelLogits has to come before the logits are overwritten.
func (b *targetBatch[T]) labelLogits(x []T) {
	if b.targets == nil {
		for r, l := range b.label[:b.n] {
			b.xt[r] = T(x[r*b.c.stride+l] * b.c.scale)
		}
	}
}

func (b *targetBatch[T]) forward(x []T) {
	c := b.c
	plain := b.maxima(x)
	b.labelLogits(x)
	batchSumSkip(b.rest[:b.n], x, b.m[:b.n], b.index[:b.n], c.classes, c.stride, c.scale, plain)
	b.logarithms()
}

// losses stores and adds the losses of a batch after forward or the like, x being its logits.
func (b *targetBatch[T]) losses(losses, x []T) {
	c, n := b.c, b.n
	m, l, sum := b.m[:n], b.l[:n], b.sum[:n]
	step, narrow := maxCols[T](), isNarrow[T](c.classes)
	var scales, ones [maxRows]T
	filled(&scales, n, c.scale)
	filled(&ones, n, 1)
	var total rowSum[T]
	for j := 0; j < c.classes; j += step {
		cols := min(c.classes-j, step)
		z, zstride := x[j:], c.stride
		if c.scale != 1 {
			z, zstride = room[T](&b.work.z), cols
			rowsScaleGrad(z, x[j:], scales[:n], ones[:n], cols, cols, c.stride)
		}
		a, astride := b.piece(j, cols)
		sumProb(sum, z, a, m, l, cols, zstride, astride, narrow)
		total.add(sum[0])
	}
	if c.classes > step {
		sum[0] = total.sum()
	}
	loss := b.own[:n]
	if losses != nil {
		loss = losses[b.r0 : b.r0+n]
	}
	for r, v := range sum {
		if b.targets == nil && b.k[r] != 0 {
			nll := b.log.loss[r]
			if b.label[r] != b.index[r] {
				nll += float64(m[r]) - float64(b.xt[r])
			}
			v = math.FMA(b.k[r], nll, v)
		}
		loss[r] = T(v)
	}
	if b.any {
		for r, ignored := range b.ignored[:n] {
			if ignored {
				loss[r] = 0
			}
		}
	}
	c.add(loss)
}

// exponentials stores the exponentials of a batch in dst, which may be x, and its losses.
func (b *targetBatch[T]) exponentials(dst, losses, x []T) {
	c, n := b.c, b.n
	inPlace := unsafe.SliceData(dst) == unsafe.SliceData(x)
	plain := b.maxima(x)
	b.labelLogits(x)
	if inPlace { // the losses need the logits once more
		batchSumSkip(b.rest[:n], x, b.m[:n], b.index[:n], c.classes, c.stride, c.scale, plain)
		b.logarithms()
		b.losses(losses, x)
	}
	batchExpSumSkip(b.rest[:n], dst, x, b.m[:n], b.index[:n], c.classes, c.stride, c.stride, c.scale, plain)
	if !inPlace {
		b.logarithms()
		b.losses(losses, x)
	}
}

func (b *targetBatch[T]) gradient(dst, losses, x []T) {
	b.exponentials(dst, losses, x)
	for r := range b.n {
		w := float64(b.w[r])
		s := b.rest[r] + w
		b.top[r], b.less[r] = w/s, b.rest[r]/s
		b.pt[r] = float64(b.wt[r]) / s
		b.rest[r] = s
	}
	b.finish(dst, dst, true)
}

func (b *targetBatch[T]) keep(probs, rest, losses, x []T) {
	b.exponentials(probs, losses, x)
	c, n := b.c, b.n
	q := b.q[:n]
	for r := range q {
		s := b.rest[r] + float64(b.w[r])
		q[r] = T(1 / s)
		rest[r] = T(b.rest[r] / s)
		b.g[r] = T(float64(b.w[r]) / s)
	}
	var ones [maxRows]T
	filled(&ones, n, 1)
	step := maxCols[T]()
	for j := 0; j < c.classes; j += step {
		rowsScaleGrad(probs[j:], probs[j:], q, ones[:n], min(c.classes-j, step), c.stride, c.stride)
	}
	for r, i := range b.index[:n] {
		probs[r*c.stride+i] = b.g[r]
	}
}

func (b *targetBatch[T]) backward(dst, probs, rest []T) {
	c, n := b.c, b.n
	batchMax(b.m[:n], probs, c.classes, c.stride, 1)
	batchFind(b.index[:n], probs, b.m[:n], c.classes, c.stride)
	for r := range n {
		b.top[r], b.less[r] = float64(probs[r*c.stride+b.index[r]]), float64(rest[r])
		if b.targets == nil {
			b.pt[r] = float64(probs[r*c.stride+b.label[r]])
		}
	}
	b.finish(dst, probs, false)
}

// finish sets dst to the gradient: w is the exponentials, whose sums are in rest, or the probabilities. It may be dst.
func (b *targetBatch[T]) finish(dst, w []T, exponentials bool) {
	c, n := b.c, b.n
	index, sum := b.index[:n], b.sum[:n] // of a without the one at index
	step, narrow := maxCols[T](), isNarrow[T](c.classes)
	var total rowSum[T]
	var skip [1]int
	for j := 0; j < c.classes; j += step {
		cols := min(c.classes-j, step)
		a, astride := b.piece(j, cols)
		if c.classes <= step {
			rowsSumTargetSkip(sum, a, index, cols, astride, narrow)
			break
		}
		skip[0] = index[0] - j
		rowsSumTargetSkip(sum, a, skip[:], cols, astride, narrow)
		total.add(sum[0])
	}
	if c.classes > step {
		sum[0] = total.sum()
	}

	var top, at [maxRows]T // the elements at index and at the label
	for r, i := range index {
		g := T(c.factor(b.r0 + r))
		others, a := sum[r], b.element(r, i)
		all := others + a
		if b.targets == nil {
			k, l := b.k[r], b.label[r]
			all += k
			if l == i {
				a += k
			} else {
				others += k
			}
			at[r] = T(float64(g) * (float64(all*b.pt[r]) - (b.element(r, l) + k)))
		}
		top[r] = T(float64(g) * (float64(others*b.top[r]) - float64(a*b.less[r])))
		b.g[r] = g
		if exponentials {
			b.q[r] = T(all / b.rest[r])
		} else {
			b.q[r] = T(all)
		}
	}
	for j := 0; j < c.classes; j += step {
		cols := min(c.classes-j, step)
		a, astride := b.piece(j, cols)
		rowsProbGrad(dst[j:], w[j:], a, b.q[:n], b.g[:n], cols, c.stride, c.stride, astride)
	}
	for r, i := range index {
		d := dst[r*c.stride:][:c.classes]
		if b.targets == nil {
			d[b.label[r]] = at[r]
		}
		d[i] = top[r]
		if b.any && b.ignored[r] {
			clear(d)
		}
	}
}
