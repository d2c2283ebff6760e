package kernels

// CrossEntropyWith is [CrossEntropy] with options: it returns the reduced loss, taken in float64 and in row order, and sets
// losses, unless nil, to the losses of the rows, in which weights and smoothing are in and the divisor of the mean is not.
// With ReductionNone they cannot be nil.
func CrossEntropyWith[T Float, L Label](losses, logits []T, labels []L, classes int, opts *CrossEntropyOptions[T]) (float64, error) {
	if opts.unused() && losses != nil {
		if err := crossEntropyNamed(lossWith.name(), losses, logits, labels, classes); err != nil {
			return 0, err
		}
		return opts.reduce(losses), nil
	}
	c, err := newLossCall[T](lossWith, "logits", len(logits), classes, opts)
	if err != nil {
		return 0, err
	}
	c.optionalLosses(losses, false)
	checkApart(c.fn.name(), "losses", losses, "logits", logits)
	if err := checkLabels(&c, labels); err != nil {
		return 0, err
	}
	if c.eps != 0 {
		smoothForward(&c, losses, logits, labels)
	} else {
		labelForward(&c, losses, logits, labels)
	}
	return c.result(), nil
}

// CrossEntropyGradWith is [CrossEntropyWith], and sets dlogits to the gradient of the reduced loss by the logits, in one pass:
// for the mean and without other options, (softmax - onehot)/rows. dloss is what the gradient is multiplied by, the gradient of
// what the caller goes on to compute by this loss: nil for 1, one element for all rows, or one for each row. dlogits
// has the length of logits, and may be logits.
func CrossEntropyGradWith[T Float, L Label](dlogits, losses, logits []T, labels []L, classes int, dloss []T, opts *CrossEntropyOptions[T]) (float64, error) {
	if opts.unused() && losses != nil && (dloss == nil || len(dloss) == 1) {
		checkApart("CrossEntropyGradWith", "dloss", dloss, "dlogits", dlogits)
		checkApart("CrossEntropyGradWith", "dloss", dloss, "losses", losses)
		if err := crossEntropyGradNamed(lossGradWith.name(), dlogits, losses, logits, labels, classes, opts.factor(dloss, len(losses))); err != nil {
			return 0, err
		}
		return opts.reduce(losses), nil
	}
	checkLen("CrossEntropyGradWith", "dlogits", dlogits, "logits", logits)
	c, err := newLossCall[T](lossGradWith, "logits", len(logits), classes, opts)
	if err != nil {
		return 0, err
	}
	c.checkGradient(dloss)
	c.dloss = dloss
	c.optionalLosses(losses, true)
	checkAlias(c.fn.name(), "dlogits", dlogits, "logits", logits)
	checkApart(c.fn.name(), "losses", losses, "logits", logits)
	checkApart(c.fn.name(), "losses", losses, "dlogits", dlogits)
	checkApart(c.fn.name(), "dloss", dloss, "dlogits", dlogits)
	checkApart(c.fn.name(), "dloss", dloss, "losses", losses)
	if err := checkLabels(&c, labels); err != nil {
		return 0, err
	}
	if c.eps != 0 {
		smoothGradient(&c, dlogits, losses, logits, labels)
	} else {
		labelGradient(&c, dlogits, losses, logits, labels)
	}
	return c.result(), nil
}

// CrossEntropyKeep is [CrossEntropyWith], and keeps what [CrossEntropyBackward] needs: probs is set to the softmax, laid
// out as logits and perhaps the same slice, and rest, one element a row, to what 1-p is of the probability that p-1 or the
// like would have to be computed from. From probabilities alone, the gradient of a confident row would be rounded to zero.
func CrossEntropyKeep[T Float, L Label](probs, rest, losses, logits []T, labels []L, classes int, opts *CrossEntropyOptions[T]) (float64, error) {
	checkLen("CrossEntropyKeep", "probs", probs, "logits", logits)
	c, err := newLossCall[T](lossKeep, "logits", len(logits), classes, opts)
	if err != nil {
		return 0, err
	}
	checkKeep(&c, probs, rest, losses, logits)
	if err := checkLabels(&c, labels); err != nil {
		return 0, err
	}
	if c.eps != 0 {
		smoothKeep(&c, probs, rest, losses, logits, labels)
	} else {
		labelKeep(&c, probs, rest, losses, logits, labels)
	}
	return c.result(), nil
}

func checkKeep[T Float](c *lossCall[T], probs, rest, losses, logits []T) {
	c.optionalLosses(losses, true)
	checkPerRow(c.fn.name(), "rest", len(rest), c.rows)
	checkAlias(c.fn.name(), "probs", probs, "logits", logits)
	checkApart(c.fn.name(), "losses", losses, "logits", logits)
	checkApart(c.fn.name(), "losses", losses, "probs", probs)
	checkApart(c.fn.name(), "rest", rest, "logits", logits)
	checkApart(c.fn.name(), "rest", rest, "probs", probs)
	checkApart(c.fn.name(), "rest", rest, "losses", losses)
}

// CrossEntropyBackward sets dlogits to the gradient that [CrossEntropyGradWith] has, from what [CrossEntropyKeep] kept for the
// same labels and options. dlogits may be probs.
func CrossEntropyBackward[T Float, L Label](dlogits, probs, rest []T, labels []L, classes int, dloss []T, opts *CrossEntropyOptions[T]) error {
	checkLen("CrossEntropyBackward", "dlogits", dlogits, "probs", probs)
	c, err := newLossCall[T](lossBackward, "probs", len(probs), classes, opts)
	if err != nil {
		return err
	}
	checkBackward(&c, dlogits, probs, rest, dloss)
	c.dloss = dloss
	if err := checkLabels(&c, labels); err != nil {
		return err
	}
	if c.eps != 0 {
		smoothBackward(&c, dlogits, probs, rest, labels)
	} else {
		labelBackward(&c, dlogits, probs, rest, labels)
	}
	return nil
}

func checkBackward[T Float](c *lossCall[T], dlogits, probs, rest, dloss []T) {
	c.checkGradient(dloss)
	checkPerRow(c.fn.name(), "rest", len(rest), c.rows)
	checkAlias(c.fn.name(), "dlogits", dlogits, "probs", probs)
	checkApart(c.fn.name(), "rest", rest, "dlogits", dlogits)
	checkApart(c.fn.name(), "dloss", dloss, "dlogits", dlogits)
}

// labelBatch is a lossBatch with options. Once the gradient is there, q is free for what else a row has.
type labelBatch[T Float] struct {
	lossBatch[T]
	ignored [maxRows]bool
	any     bool // a row is ignored
}

// setLabels takes the labels of a batch. A row that is ignored is computed as if its label were 0, and then cleared.
func setLabels[T Float, L Label](c *lossCall[T], label []int, ignored []bool, labels []L) (any bool) {
	if !c.ignoring {
		for r, l := range labels {
			label[r] = int(l)
		}
		return false
	}
	for r, l := range labels {
		ignored[r] = isIgnored(l, c.ignore)
		if ignored[r] {
			label[r] = 0
			any = true
		} else {
			label[r] = int(l)
		}
	}
	return any
}

func labelForward[T Float, L Label](c *lossCall[T], losses, logits []T, labels []L) {
	var (
		st    labelBatch[T]
		batch = batchLen[T](c.classes)
	)
	for r0 := 0; r0 < c.rows; r0 += batch {
		n := min(batch, c.rows-r0)
		st.any = setLabels(c, st.label[:n], st.ignored[:n], labels[r0:r0+n])
		st.forward(n, logits[r0*c.stride:], c.classes, c.stride, c.scale)
		st.finish(c, r0, n, losses)
	}
}

func labelGradient[T Float, L Label](c *lossCall[T], dlogits, losses, logits []T, labels []L) {
	var (
		st    labelBatch[T]
		batch = batchLen[T](c.classes)
		each  = c.weights != nil || len(c.dloss) > 1
		all   = T(1)
	)
	if !each {
		all = T(c.factor(0))
	}
	for r0 := 0; r0 < c.rows; r0 += batch {
		n := min(batch, c.rows-r0)
		lo := r0 * c.stride
		st.any = setLabels(c, st.label[:n], st.ignored[:n], labels[r0:r0+n])
		st.gradient(n, dlogits[lo:], logits[lo:], c.classes, c.stride, c.stride, c.scale, all)
		if each {
			st.multiply(c, r0, n, dlogits[lo:], dlogits[lo:])
		}
		st.clear(c, n, dlogits[lo:])
		st.finish(c, r0, n, losses)
	}
}

func labelKeep[T Float, L Label](c *lossCall[T], probs, rest, losses, logits []T, labels []L) {
	var (
		st    labelBatch[T]
		batch = batchLen[T](c.classes)
	)
	for r0 := 0; r0 < c.rows; r0 += batch {
		n := min(batch, c.rows-r0)
		lo := r0 * c.stride
		st.any = setLabels(c, st.label[:n], st.ignored[:n], labels[r0:r0+n])
		st.gradient(n, probs[lo:], logits[lo:], c.classes, c.stride, c.stride, c.scale, 1)
		for r, l := range st.label[:n] { // p-1 is there
			p := &probs[lo+r*c.stride+l]
			rest[r0+r] = 0 - *p
			*p = quotient(float64(st.wt[r]), st.total(r), st.narrow, T(0))
		}
		st.finish(c, r0, n, losses)
	}
}

func labelBackward[T Float, L Label](c *lossCall[T], dlogits, probs, rest []T, labels []L) {
	var (
		st    labelBatch[T]
		batch = batchLen[T](c.classes)
	)
	for r0 := 0; r0 < c.rows; r0 += batch {
		n := min(batch, c.rows-r0)
		lo := r0 * c.stride
		st.any = setLabels(c, st.label[:n], st.ignored[:n], labels[r0:r0+n])
		st.multiply(c, r0, n, dlogits[lo:], probs[lo:])
		for r, l := range st.label[:n] {
			dlogits[lo+r*c.stride+l] = 0 - T(st.q[r]*rest[r0+r])
		}
		st.clear(c, n, dlogits[lo:])
	}
}

// multiply sets dst to src times what the gradient of each row is multiplied by.
func (st *labelBatch[T]) multiply(c *lossCall[T], r0, n int, dst, src []T) {
	g := st.q[:n]
	for r := range g {
		g[r] = T(c.factor(r0+r) * c.weight(st.label[r]))
	}
	var ones [maxRows]T
	filled(&ones, n, 1)
	step := maxCols[T]()
	for j := 0; j < c.classes; j += step {
		rowsScaleGrad(dst[j:], src[j:], g, ones[:n], min(c.classes-j, step), c.stride, c.stride)
	}
}

// clear zeroes the gradients of the rows that are ignored.
func (st *labelBatch[T]) clear(c *lossCall[T], n int, d []T) {
	if !st.any {
		return
	}
	for r, ignored := range st.ignored[:n] {
		if ignored {
			clear(d[r*c.stride:][:c.classes])
		}
	}
}

// finish stores and adds the losses of a batch.
func (st *labelBatch[T]) finish(c *lossCall[T], r0, n int, losses []T) {
	loss := st.q[:n]
	if losses != nil {
		loss = losses[r0 : r0+n]
	}
	st.losses(loss)
	if c.weights != nil {
		for r, l := range st.label[:n] {
			loss[r] *= c.weights[l]
		}
	}
	if st.any {
		for r, ignored := range st.ignored[:n] {
			if ignored {
				loss[r] = 0
			}
		}
	}
	c.add(loss)
}
