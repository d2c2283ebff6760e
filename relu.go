package kernels

// ReLU sets dst[i] to x[i] where x[i] > 0, to +0 where x[i] <= 0 (-0 included), and to NaN where x[i] is NaN.
// The result is exact.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func ReLU[T Float](dst, x []T) {
	checkLen("ReLU", "dst", dst, "x", x)
	checkAlias("ReLU", "dst", dst, "x", x)
	step, stream := chunkLen[T](), streams(dst, x, 2)
	for len(x) > 0 {
		n := min(len(x), step)
		if stream {
			reluStream(dst[:n], x[:n])
		} else {
			relu(dst[:n], x[:n])
		}
		dst, x = dst[n:], x[n:]
	}
}

// ReLUMask is [ReLU], and keeps what [ReLUBackward] needs: bit i%64 of mask[i/64] is set where x[i] <= 0, and clear
// where x[i] > 0 or is NaN. It writes exactly MaskLen(len(x)) words; the bits of the last word past len(x) are clear.
//
// dst may be x. It panics if the lengths of dst and x differ, if they partly overlap, or if mask is shorter than
// [MaskLen] says; a longer mask is fine.
func ReLUMask[T Float](dst, x []T, mask []uint64) {
	checkLen("ReLUMask", "dst", dst, "x", x)
	checkAlias("ReLUMask", "dst", dst, "x", x)
	checkMask("ReLUMask", mask, len(x))
	step, stream := chunkLen[T](), streams(dst, x, 2)
	for len(x) > 0 {
		n := min(len(x), step)
		words := MaskLen(n)
		if stream {
			reluMaskStream(dst[:n], x[:n], mask[:words])
		} else {
			reluMask(dst[:n], x[:n], mask[:words])
		}
		dst, x, mask = dst[n:], x[n:], mask[words:]
	}
}

// ReLUBackward sets dx[i] to +0 where bit i of the mask is set, and to dy[i] where it is clear. The bits past the last
// element, and words past the last that is needed, are not looked at. The result is exact; NaN in dy passes where the
// bit is clear, with its payload.
//
// dx may be dy. It panics if the lengths of dx and dy differ, if they partly overlap, or if mask is shorter than
// [MaskLen] says.
func ReLUBackward[T Float](dx, dy []T, mask []uint64) {
	checkLen("ReLUBackward", "dx", dx, "dy", dy)
	checkAlias("ReLUBackward", "dx", dx, "dy", dy)
	checkMask("ReLUBackward", mask, len(dy))
	step, stream := chunkLen[T](), streams(dx, dy, 2)
	for len(dy) > 0 {
		n := min(len(dy), step)
		words := MaskLen(n)
		if stream {
			reluBackwardStream(dx[:n], dy[:n], mask[:words])
		} else {
			reluBackward(dx[:n], dy[:n], mask[:words])
		}
		dx, dy, mask = dx[n:], dy[n:], mask[words:]
	}
}

// ReLUBackwardOutput is [ReLUBackward] from the output y of [ReLU] instead of a mask: it sets dx[i] to +0 where y[i] <= 0, and to
// dy[i] where y[i] > 0 or is NaN. The result is exact; NaN in dy passes where y[i] is not <= 0, with its payload.
// y may also be the input of ReLU.
//
// dx may be dy or y, and they may be one slice. It panics if the lengths differ or dx partly overlaps one of the others.
func ReLUBackwardOutput[T Float](dx, dy, y []T) {
	checkLen("ReLUBackwardOutput", "dx", dx, "dy", dy)
	checkLen("ReLUBackwardOutput", "dx", dx, "y", y)
	checkAlias("ReLUBackwardOutput", "dx", dx, "dy", dy)
	checkAlias("ReLUBackwardOutput", "dx", dx, "y", y)
	step := chunkLen[T]()
	for len(y) > 0 {
		n := min(len(y), step)
		reluBackwardOutput(dx[:n], dy[:n], y[:n])
		dx, dy, y = dx[n:], dy[n:], y[n:]
	}
}
