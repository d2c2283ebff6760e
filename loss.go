package kernels

import (
	"math"
	"unsafe"
)

// Cross-entropy of a batch.
//
// The loss of a row is (sum over j of a[j]*(-log p[j])) + k*(-log p[y]). For a label y, a is 0 and
// k the label's weight. For a smoothed label, a[j] = w[j]*e/C and k = w[y]*(1-e). For probabilities
// t, a[j] = w[j]*((1-e)*t[j] + e/C) and k = 0. With A = k + the sum of all a[j], the gradient by
// the scaled logits is A*p[j] - a[j], and at y it is k less.
//
// For a label, the sum R of the exponentials leaves out the label's exponential w; it is not
// computed as S - w. So the loss log1p(R/w) and the label's gradient -k*R/S keep their precision in
// a confident row. With a target for every class, R leaves out the largest exponential. At its
// column A*p[j] - a[j] may cancel, so the gradient there is (A - a[j])*p[j] - a[j]*(1-p[j]), where
// A - a[j] is a sum without a[j], and 1-p[j] comes from R.

// A lossCall has the operands of a call that only cross-entropy has.
type lossCall[T Float] struct {
	grad            bool // the gradient is wanted
	byProb          bool // targets are probabilities
	dlogits, losses []T  // losses are not wanted if nil
	logits, targets []T
	dloss           []T // nil, one element, or one per row
	opts            *CrossEntropyOptions[T]

	scale      T       // LogitScale, 1 where it is 0
	keep, each float64 // 1-eps and eps/classes
	divisor    float64 // of the mean; else 1
	reduced    float64 // the losses so far, added in row order
}

// weight returns the weight of class j.
func (l *lossCall[T]) weight(j int) float64 {
	if l.opts.Weights == nil {
		return 1
	}
	return float64(l.opts.Weights[j])
}

// factor returns the factor of the gradient of row r by the logits, without weights. One element of
// dloss for all rows gives the same bits as that value for each row.
func (c *call[T]) factor(r int) float64 {
	g := 1.0
	switch {
	case len(c.dloss) == 1:
		g = float64(c.dloss[0])
	case c.dloss != nil:
		g = float64(c.dloss[r])
	}
	if c.divisor != 1 { // a division takes long beside one short row
		g /= c.divisor
	}
	return g * float64(c.scale)
}

// A labelList has the labels of a call, of any integer type.
type labelList struct {
	p     unsafe.Pointer
	width int // of a label in bytes; negative if labels are signed
}

func labelsOf[L Label](l []L) labelList {
	var zero L
	width := int(unsafe.Sizeof(zero))
	if zero-1 < 0 {
		width = -width
	}
	return labelList{unsafe.Pointer(unsafe.SliceData(l)), width}
}

// columns sets index to the columns of the labels from row r0 on, in a shard of classes that begins
// at offset. A label that is elsewhere gives -1. If all is set, the labels are known to be in the
// shard, and offset is 0.
func (l labelList) columns(index []int, r0, offset, classes int, all bool) {
	switch l.width {
	case -1:
		labelColumns[int8](index, l.p, r0, offset, classes, all)
	case 1:
		labelColumns[uint8](index, l.p, r0, offset, classes, all)
	case -2:
		labelColumns[int16](index, l.p, r0, offset, classes, all)
	case 2:
		labelColumns[uint16](index, l.p, r0, offset, classes, all)
	case -4:
		labelColumns[int32](index, l.p, r0, offset, classes, all)
	case 4:
		labelColumns[uint32](index, l.p, r0, offset, classes, all)
	case -8:
		labelColumns[int64](index, l.p, r0, offset, classes, all)
	case 8:
		labelColumns[uint64](index, l.p, r0, offset, classes, all)
	}
}

func labelColumns[L Label](index []int, p unsafe.Pointer, r0, offset, classes int, all bool) {
	labels := unsafe.Slice((*L)(p), r0+len(index))[r0:]
	index = index[:len(labels)]
	if all {
		for r, l := range labels {
			index[r] = int(l)
		}
		return
	}
	for r, l := range labels {
		index[r] = -1
		if u := uint64(l) - uint64(offset); u < uint64(classes) { // a negative label is a huge uint64
			index[r] = int(u)
		}
	}
}

// rowsDiffer reports whether the factor of the gradient, or the weight, depends on the row.
func (c *call[T]) rowsDiffer() bool {
	return c.opts.Weights != nil || c.opts.IgnoreIndex != nil && !c.byProb || len(c.dloss) > 1
}

// startLosses is called when the number of rows in a batch changes. It sets the factors of the rows
// if all rows have the same.
func (b *batch[T]) startLosses() {
	b.made = false
	if b.rowsDiffer() || b.dst.data == nil && b.do == toLabelLoss {
		return
	}
	gr := T(b.factor(0))
	first, after := splitFactor(gr)
	n := b.n
	g, num, q2 := b.g()[:n], b.num()[:n], b.q2()[:n]
	for r := range n {
		g[r], num[r], q2[r] = gr, first, after
	}
}

// a returns the part of the scratch for targets, and scaled the part for logits. The scratch is
// after the arrays of T.
func (b *batch[T]) a() []T {
	n, _ := b.scratchLen(b.n)
	return unsafe.Slice(unsafe.SliceData(b.array(maxArrays)), n)
}

func (b *batch[T]) scaled() []T {
	a, n := b.scratchLen(b.n)
	return unsafe.Slice(unsafe.SliceData(b.array(maxArrays)), a+n)[a:]
}

// splitFactor returns two factors of g: the gradient is multiplied by num/S and then by after. A
// large g comes after the quotient, so that what is 0 stays 0; so does a tiny g, so that the
// quotient stays normal.
func splitFactor[T Float](g T) (num, after T) {
	if a := math.Abs(float64(g)); !(a >= 0x1p-30 && a <= 1) {
		return 1, g
	}
	return g, 1
}

// takeLabels sets index to the columns of the labels of a batch, and sets the factors of the rows.
// It sets none for rows that contribute nothing: rows that are ignored, which are computed with
// label 0, and, without smoothing, rows whose label has weight 0.
func (b *batch[T]) takeLabels(index []int) {
	b.labels.columns(index, b.r0, b.offset, b.cols, !b.sharded && b.opts.IgnoreIndex == nil)
	b.anyNone = false
	switch {
	case b.sharded:
		none, signs := b.none(), 0
		for r, j := range index {
			none[r] = j < 0
			signs |= j
		}
		b.anyNone = signs < 0
		return
	case !b.rowsDiffer() && b.do == toLabelLoss:
		return
	}
	none, k, g, num, q2 := b.none(), b.k(), b.g(), b.num(), b.q2()
	for r, j := range index {
		none[r] = j < 0 || b.opts.IgnoreIndex != nil && j == *b.opts.IgnoreIndex
		if none[r] {
			index[r], b.anyNone = 0, true
			continue
		}
		w := b.weight(j)
		k[r] = b.keep * w
		if !b.rowsDiffer() {
			continue
		}
		f := b.factor(b.r0 + r)
		if b.do == toLabelLoss && w == 0 {
			none[r], b.anyNone = true, true
		} else if b.do == toLabelLoss {
			f *= w
		}
		g[r] = T(f)
		num[r], q2[r] = splitFactor(g[r])
	}
}

// labelLoss computes the losses of a batch by label and the gradient.
func (b *batch[T]) labelLoss() {
	b.takeLabels(b.out())
	switch {
	case b.sharded:
		b.fromStats()
		b.labelLogits(b.xout(), b.wout(), b.out())
		b.leaveOut(b.xout(), b.wout())
		if b.d.data != nil {
			b.shardExponentials()
			b.labelGradient()
		}
	case b.scale == 1 && columnsFit[T](b.do, b.n, b.cols):
		b.fewClasses()
	default:
		maxima(b.max(), b.z, b.cols, false)
		b.scaleMaxima()
		b.labelLogits(b.xout(), b.wout(), b.out())
		b.exponentials(b.d.data != nil)
		if b.d.data != nil {
			b.labelGradient()
		}
	}
	b.labelLosses()
	b.clearNone()
}

// labelLogits sets x to the scaled logits at the labels and w to their exponentials. It has to be
// called before exponentials are stored, which may overwrite the logits.
func (b *batch[T]) labelLogits(x, w []T, label []int) {
	z, scale, m := b.z, b.scale, b.max()
	for r, j := range label {
		v := m[r]
		if j >= 0 {
			v = T(z.data[r*z.stride+j] * scale)
		}
		x[r] = v
	}
	expAt(w, x, m)
}

// fewClasses is labelLoss for few classes.
func (b *batch[T]) fewClasses() {
	at, stride, z, xout := 0, b.z.stride, b.z.data, b.xout()
	for r, j := range b.out() {
		xout[r] = z[at+j]
		at += stride
	}
	half := columnsHalf(b.cols)
	if b.d.data == nil {
		columnsSumSkip(b.max(), b.rest(), b.wout(), b.z.data, b.out(), b.n, b.cols, half, b.z.stride)
	} else {
		columnsGrad(b.d.data, b.max(), b.rest(), b.wout(), b.z.data, b.out(), b.g(), b.num(), b.q2(),
			b.n, b.cols, half, b.d.stride, b.z.stride)
	}
}

// totals sets total to the sum of rest and the exponential that it leaves out, rounded to T for a
// narrow row.
func (b *batch[T]) totals() {
	rest, total, narrow := b.rest(), b.total(), b.narrow
	for r, w := range b.wout() {
		s := rest[r] + float64(w)
		if narrow {
			s = float64(T(s))
		}
		total[r] = s
	}
}

// labelGradient computes the gradient of a batch from its exponentials.
func (b *batch[T]) labelGradient() {
	if !b.sharded {
		b.totals()
	}
	q, num := b.q(), b.num()
	for r, s := range b.total() {
		q[r] = T(float64(num[r]) / s)
	}
	for j, n := range chunksOf[T](b.cols) {
		rowsScaleGrad(b.d.data[j:], b.d.data[j:], b.q(), b.q2(), n, b.d.stride, b.d.stride)
	}
	d, g, rest, total := b.d, b.g(), b.rest(), b.total()
	for r, j := range b.out() {
		if j >= 0 {
			d.data[r*d.stride+j] = 0 - T(g[r]*T(rest[r]/total[r]))
		}
	}
}

// wanted reports whether the losses of a batch are wanted.
func (b *batch[T]) wanted() bool { return b.losses != nil || b.opts.Reduction != ReductionNone }

// labelLosses stores and adds the losses of a batch.
func (b *batch[T]) labelLosses() {
	if !b.wanted() {
		return
	}
	n := b.n // tells the compiler that the lengths are equal
	nll, w, base, rest := b.nll()[:n], b.w()[:n], b.base()[:n], b.rest()[:n]
	wout, xout, m := b.wout()[:n], b.xout()[:n], b.max()[:n]
	far := false
	for r := range n {
		w[r], base[r] = float64(wout[r]), 0
		if d := m[r] - xout[r]; !(d < 98) { // it may be far, in either type
			far = true
		}
	}
	if far { // no call in the loop above: it would keep all slices in memory
		b.farLosses()
	}
	lossLog(nll, rest, w, base)
	if b.opts.Weights != nil || b.keep != 1 {
		for r, k := range b.k() {
			nll[r] = weigh(k, nll[r], float64(m[r]), float64(xout[r]))
		}
	}
	b.store(nll)
}

// farLosses changes the arguments of lossLog for rows whose label is far below the maximum. The
// label's exponential is clamped, or nearly so, and R/w is too large. So the loss is log(S) - z.
//
//go:noinline
func (b *batch[T]) farLosses() {
	rest, w, base := b.rest(), b.w(), b.base()
	for r, m := range b.max() {
		x := float64(b.xout()[r])
		sub, m0, nm := expShift(m)
		if x/2-float64(m)/2 < -math.MaxFloat64/2 {
			w[r], base[r] = 1, math.Inf(1)
		} else if z := x - sub; z < m0-farBelow[T]() {
			rest[r] = (rest[r] + w[r]) * expUnit[T]()
			w[r], base[r] = 1, math.FMA(nm, math.Ln2, -z) // R/w is not used, and must not overflow
		}
	}
}

// weigh returns k*nll, where nll is a little more than max - x, without overflow on the way. A
// weight of 0 gives 0 whatever the logit.
func weigh(k, nll, max, x float64) float64 {
	switch {
	case k == 0:
		return 0
	case nll > math.MaxFloat64 && x > math.Inf(-1):
		return float64(k*(max/2-x/2)) * 2
	}
	return k * nll
}

// store rounds the losses of a batch, stores them, and adds them in row order.
func (b *batch[T]) store(losses []float64) {
	if b.anyNone {
		for r, none := range b.none() {
			if none {
				losses[r] = 0
			}
		}
	}
	if b.losses != nil {
		to := b.losses[b.r0:][:len(losses)]
		for r, v := range losses {
			to[r] = T(v)
		}
	}
	if b.opts.Reduction != ReductionNone {
		sum := b.reduced
		for _, v := range losses {
			sum += float64(T(v))
		}
		b.reduced = sum
	}
}

// clearNone clears the gradients of the rows that contribute nothing.
func (b *batch[T]) clearNone() {
	if b.d.data == nil || b.sharded || !b.anyNone {
		return
	}
	for r, none := range b.none() {
		if none {
			clearRow(b.d.from(r, 0)[:b.cols])
		}
	}
}

// farBelow is how far below the maximum a label's exponential is still used in a loss: not so far
// that it might be clamped.
func farBelow[T Float]() float64 {
	if is32[T]() {
		return 100
	}
	return 700
}

// expUnit is 2^-E/a, of expShift: it turns a sum of w into units of exp(nm*ln2 + sub).
func expUnit[T Float]() float64 {
	if is32[T]() {
		return 0x1p-64 / aF32
	}
	return 0x1p-512 / aF64
}

// A target for every class.

// composed reports whether the targets have to be computed. For probabilities with weights or
// smoothing, they are computed for each row. For smoothed labels, they are the same for all rows,
// except at the label.
func (c *call[T]) composed() bool {
	return c.do == toTargetLoss && (!c.byProb || c.opts.Weights != nil || c.opts.LabelSmoothing != 0)
}

// scratchRows reports whether the scratch has elements for each row of a batch.
func (c *call[T]) scratchRows() bool {
	return c.do == toTargetLoss && (c.byProb && c.composed() || c.scale != 1)
}

// scratchLen returns the lengths of the parts of the scratch for a batch of rows rows.
func (c *call[T]) scratchLen(rows int) (a, scaled int) {
	chunk := min(c.cols, maxCols[T]())
	if c.composed() {
		a = chunk
		if c.byProb {
			a *= rows
		}
	}
	if c.do == toTargetLoss && c.scale != 1 {
		scaled = chunk * rows
	}
	return a, scaled
}

// chunkTargets returns the targets a for columns j to j+n of a batch, and the distance between
// their rows.
func (b *batch[T]) chunkTargets(j, n int) (a []T, stride int) {
	if !b.composed() {
		return b.targets[b.r0*b.cols+j:], b.cols
	}
	a, stride = b.a(), n
	if !b.byProb {
		stride = 0 // one row for all
	}
	if b.made {
		return a, stride
	}
	b.made = n == b.cols || !b.byProb && b.opts.Weights == nil // the first chunk is the longest
	var zero, f [maxRows]T
	switch {
	case !b.byProb && b.opts.Weights == nil:
		each := T(b.each)
		for i := range a[:n] {
			a[i] = each
		}
	case !b.byProb:
		f[0], zero[0] = T(b.each), 1
		rowsScaleGrad(a, b.opts.Weights[j:], f[:1], zero[:1], n, n, n)
	default:
		t, tstride := b.targets[b.r0*b.cols+j:], b.cols
		if b.opts.LabelSmoothing != 0 {
			var one [maxRows]T
			for r := range b.n {
				f[r], one[r] = T(b.keep), 1
			}
			rowsScaleGrad(a, t, f[:b.n], one[:b.n], n, n, tstride)
			for r := range b.n {
				f[r] = -T(b.each)
			}
			rowsLogSoftmax(a, a, zero[:b.n], f[:b.n], n, n, n) // (a - 0) + each
			t, tstride = a, n
		}
		if b.opts.Weights != nil {
			rowsSoftmaxBackward(a, t, b.opts.Weights[j:], zero[:b.n], n, n, tstride, 0) // (t - 0) * weight
		}
	}
	return a, stride
}

// element returns a[j] of a row of the batch.
func (b *batch[T]) element(r, j int) float64 {
	a := T(b.each)
	if b.byProb {
		a = b.targets[(b.r0+r)*b.cols+j]
		if b.opts.LabelSmoothing != 0 {
			a = T(a*T(b.keep)) - -T(b.each)
		}
	}
	if b.opts.Weights != nil {
		a = T(a * b.opts.Weights[j])
	}
	return float64(a)
}

// targetLoss computes the losses of a batch with a target for every class, and the gradient.
func (b *batch[T]) targetLoss() {
	if !b.byProb {
		b.takeLabels(b.label())
	} else {
		b.made, b.anyNone = false, false
	}
	maxima(b.max(), b.z, b.cols, false)
	locate(b.out(), b.z, b.max(), b.cols)
	b.scaleMaxima()
	if !b.byProb {
		b.labelLogits(b.xlabel(), b.wlabel(), b.label())
	}
	grad := b.d.data != nil
	inPlace := unsafe.SliceData(b.d.data) == unsafe.SliceData(b.z.data)
	if grad && inPlace && b.wanted() { // the losses need the logits once more
		b.exponentials(false)
		b.logarithms()
		b.targetLosses()
	}
	b.exponentials(grad)
	b.logarithms()
	if !(grad && inPlace) && b.wanted() {
		b.targetLosses()
	}
	if grad {
		b.targetGradient()
		b.clearNone()
	}
}

// targetLosses computes, stores and adds the losses of a batch. It uses the results of logarithms.
func (b *batch[T]) targetLosses() {
	sum := b.w() // lossLog no longer needs it
	var total rowSum[T]
	for j, n := range chunksOf[T](b.cols) {
		z := matrix[T]{b.z.data[j:], b.z.stride}
		if b.scale != 1 {
			z = matrix[T]{b.scaled(), n}
			scaleRows(z, matrix[T]{b.z.data[j:], b.z.stride}, b.n, n, b.scale)
		}
		a, astride := b.chunkTargets(j, n)
		rowsSumProb(sum, z.data, a, b.max(), b.q(), n, z.stride, astride, b.narrow)
		total.add(sum[0])
	}
	total.end(sum, b.cols)
	for r, v := range sum {
		if v-v != 0 {
			sum[r] = b.wideSum(r)
		}
	}
	if !b.byProb {
		b.addLabels(sum)
	}
	b.store(sum)
}

// addLabels adds the terms k*(-log p[y]) of smoothed labels to the losses.
func (b *batch[T]) addLabels(sum []float64) {
	top, xlabel, label, out, nlls, k := b.max(), b.xlabel(), b.label(), b.out(), b.nll(), b.k()
	for r, v := range sum {
		if k[r] == 0 {
			continue
		}
		nll, m, x := nlls[r], float64(top[r]), float64(xlabel[r])
		switch {
		case label[r] == out[r]:
		case m/2-x/2 > math.MaxFloat64/2:
			nll = math.Inf(1)
		default:
			nll += m - x
		}
		if nll <= math.MaxFloat64 {
			sum[r] = math.FMA(k[r], nll, v)
		} else {
			sum[r] = v + weigh(k[r], nll, m, x)
		}
	}
}

// wideSum returns the sum of a[j]*(-log p[j]) over row r, for a row whose canonical sum is not
// finite. It computes the terms as fractions and exponents, so that no term and no part of the sum
// overflows unless the result does.
func (b *batch[T]) wideSum(r int) float64 {
	m, l := float64(b.max()[r])/4, float64(b.q()[r])/4
	if l != l {
		if b.anyTarget(r) {
			return l
		}
		return 0
	}
	term := func(j int) (fraction float64, exponent int, special bool) {
		a := b.element(r, j)
		if a == 0 {
			return 0, 0, false
		}
		d := (m - float64(T(b.z.data[r*b.z.stride+j]*b.scale))/4) + l
		if t := a * d; math.IsInf(a, 0) || d-d != 0 || a != a {
			return t, 0, true
		}
		fa, ea := math.Frexp(a)
		fd, ed := math.Frexp(d)
		return fa * fd, ea + ed + 2, false
	}
	top, sum := math.MinInt, 0.0
	for j := range b.cols {
		f, e, special := term(j)
		if special {
			sum += f
		} else if f != 0 {
			top = max(top, e)
		}
	}
	if sum != 0 || top == math.MinInt { // infinite, NaN, or there are no terms
		return sum
	}
	var total rowSum[float64]
	for j := range b.cols {
		f, e, _ := term(j)
		total.add(math.Ldexp(f, e-top))
	}
	return math.Ldexp(total.sum(), top)
}

// targetGradient computes the gradient of a batch from its exponentials.
func (b *batch[T]) targetGradient() {
	sum := b.w() // of the targets without the one at out
	var one [1]int
	var total rowSum[T]
	for j, n := range chunksOf[T](b.cols) {
		a, astride := b.chunkTargets(j, n)
		rowsSumTargetSkip(sum, a, b.skip(j, &one), n, astride, b.narrow)
		total.add(sum[0])
	}
	total.end(sum, b.cols)
	rest, wout, q, q2, g, none := b.rest(), b.wout(), b.q(), b.q2(), b.g(), b.none()
	k, label, xlabel, wlabel := b.k(), b.label(), b.xlabel(), b.wlabel()
	for r, i := range b.out() {
		others, a, w := sum[r], b.element(r, i), float64(wout[r])
		s := rest[r] + w
		if b.byProb {
			none[r] = s != s && !b.anyTarget(r)
			b.anyNone = b.anyNone || none[r]
			if b.rowsDiffer() {
				g[r] = T(b.factor(b.r0 + r))
			}
		}
		f, all := float64(g[r]), others+a
		if !b.byProb {
			l := label[r]
			all += k[r]
			if l == i {
				a += k[r]
			} else {
				others += k[r]
			}
			xlabel[r] = T(f * (float64(all*(float64(wlabel[r])/s)) - (b.element(r, l) + k[r])))
		}
		q[r] = T(all / s)
		q2[r] = T(f * (float64(others*(w/s)) - float64(a*(rest[r]/s))))
	}
	for j, n := range chunksOf[T](b.cols) {
		a, astride := b.chunkTargets(j, n)
		rowsProbGrad(b.d.data[j:], b.d.data[j:], a, b.q(), b.g(), n, b.d.stride, b.d.stride, astride)
	}
	for r, i := range b.out() {
		d := b.d.from(r, 0)
		if !b.byProb {
			d[label[r]] = xlabel[r]
		}
		d[i] = q2[r]
	}
}

// anyTarget reports whether a target of row r is not 0.
func (b *batch[T]) anyTarget(r int) bool {
	for j := range b.cols {
		if b.element(r, j) != 0 {
			return true
		}
	}
	return false
}
