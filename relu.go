package kernels

// ReLU sets dst[i] to x[i] if x[i] > 0, to +0 if x[i] <= 0 (-0 included), and to NaN if x[i] is
// NaN. The result is exact.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func ReLU[T Float](dst, x []T) {
	checkLen("ReLU", "dst", dst, "x", x)
	checkAlias("ReLU", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		relu(dst, x)
		return
	}
	for stream := streams(dst, x); len(x) > step; dst, x = dst[step:], x[step:] {
		if stream {
			reluStream(dst[:step], x[:step])
		} else {
			relu(dst[:step], x[:step])
		}
	}
	relu(dst, x)
}

// ReLUMask is [ReLU], and stores the mask that [ReLUBackward] needs: bit i%64 of mask[i/64] is set
// if x[i] <= 0, and clear if x[i] > 0 or is NaN. It writes exactly MaskLen(len(x)) words; the bits
// of the last word past len(x) are clear.
//
// dst may be x. It panics if the lengths of dst and x differ, if they partly overlap, or if mask is
// shorter than [MaskLen] says; a longer mask is fine.
func ReLUMask[T Float](dst, x []T, mask []uint64) {
	checkLen("ReLUMask", "dst", dst, "x", x)
	checkAlias("ReLUMask", "dst", dst, "x", x)
	checkMask("ReLUMask", mask, len(x))
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		reluMask(dst, x, mask[:MaskLen(len(x))])
		return
	}
	stream := streams(dst, x)
	for ; len(x) > step; dst, x, mask = dst[step:], x[step:], mask[step/64:] {
		if stream {
			reluMaskStream(dst[:step], x[:step], mask[:step/64])
		} else {
			reluMask(dst[:step], x[:step], mask[:step/64])
		}
	}
	reluMask(dst, x, mask[:MaskLen(len(x))])
}

// ReLUBackward sets dx[i] to +0 if bit i of the mask is set, and to dy[i] if it is clear. It
// ignores the bits of the mask past the last element. The result is exact; where the bit is clear,
// a NaN in dy keeps its payload.
//
// dx may be dy. It panics if the lengths of dx and dy differ, if they partly overlap, or if mask is
// shorter than [MaskLen] says.
func ReLUBackward[T Float](dx, dy []T, mask []uint64) {
	checkLen("ReLUBackward", "dx", dx, "dy", dy)
	checkAlias("ReLUBackward", "dx", dx, "dy", dy)
	checkMask("ReLUBackward", mask, len(dy))
	step := maxLen[T]()
	if len(dy) <= step { // the short way, without a loop
		reluBackward(dx, dy, mask[:MaskLen(len(dy))])
		return
	}
	stream := streams(dx, dy)
	for ; len(dy) > step; dx, dy, mask = dx[step:], dy[step:], mask[step/64:] {
		if stream {
			reluBackwardStream(dx[:step], dy[:step], mask[:step/64])
		} else {
			reluBackward(dx[:step], dy[:step], mask[:step/64])
		}
	}
	reluBackward(dx, dy, mask[:MaskLen(len(dy))])
}

// ReLUBackwardOutput is [ReLUBackward] with the output y of [ReLU] instead of a mask: it sets dx[i]
// to +0 if y[i] <= 0, and to dy[i] if y[i] > 0 or is NaN. The result is exact; where dx[i] is
// dy[i], a NaN keeps its payload. y may also be the input of ReLU.
//
// dx may be dy or y, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func ReLUBackwardOutput[T Float](dx, dy, y []T) {
	checkLen("ReLUBackwardOutput", "dx", dx, "dy", dy)
	checkLen("ReLUBackwardOutput", "dx", dx, "y", y)
	checkAlias("ReLUBackwardOutput", "dx", dx, "dy", dy)
	checkAlias("ReLUBackwardOutput", "dx", dx, "y", y)
	step := maxLen[T]()
	if len(y) <= step { // the short way, without a loop
		reluBackwardOutput(dx, dy, y)
		return
	}
	stream := streams(dx, dy, y)
	for ; len(y) > step; dx, dy, y = dx[step:], dy[step:], y[step:] {
		if stream {
			reluBackwardOutputStream(dx[:step], dy[:step], y[:step])
		} else {
			reluBackwardOutput(dx[:step], dy[:step], y[:step])
		}
	}
	reluBackwardOutput(dx, dy, y)
}

// ReLUSquared sets dst[i] to x[i]*x[i], rounded once, if x[i] > 0, to +0 if x[i] <= 0, and to NaN
// if x[i] is NaN: torch.square(torch.relu(x)).
//
// The error is at most 0.5 ULP. +Inf gives +Inf, -Inf gives +0.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func ReLUSquared[T Float](dst, x []T) {
	checkLen("ReLUSquared", "dst", dst, "x", x)
	checkAlias("ReLUSquared", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		reluSquared(dst, x)
		return
	}
	for stream := streams(dst, x); len(x) > step; dst, x = dst[step:], x[step:] {
		if stream {
			reluSquaredStream(dst[:step], x[:step])
		} else {
			reluSquared(dst[:step], x[:step])
		}
	}
	reluSquared(dst, x)
}

// ReLUSquaredBackward sets dx[i] to 2*(dy[i]*x[i]) if x[i] > 0, to +0 if x[i] <= 0, and to NaN if
// x[i] is NaN. x is what [ReLUSquared] got.
//
// The product is rounded before it is doubled. The error is at most 0.5 ULP, and 1 where the result
// is subnormal. Only a result that is too large overflows. Where x[i] > 0, a NaN in dy gives NaN.
//
// dx may be dy or x, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func ReLUSquaredBackward[T Float](dx, dy, x []T) {
	checkLen("ReLUSquaredBackward", "dx", dx, "dy", dy)
	checkLen("ReLUSquaredBackward", "dx", dx, "x", x)
	checkAlias("ReLUSquaredBackward", "dx", dx, "dy", dy)
	checkAlias("ReLUSquaredBackward", "dx", dx, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		reluSquaredBackward(dx, dy, x)
		return
	}
	stream := streams(dx, dy, x)
	for ; len(x) > step; dx, dy, x = dx[step:], dy[step:], x[step:] {
		if stream {
			reluSquaredBackwardStream(dx[:step], dy[:step], x[:step])
		} else {
			reluSquaredBackward(dx[:step], dy[:step], x[:step])
		}
	}
	reluSquaredBackward(dx, dy, x)
}
