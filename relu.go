package kernels

// ReLU sets dst[i] to x[i] where x[i] > 0, to +0 where x[i] <= 0 (-0 included), and to NaN where x[i] is NaN.
// The result is exact.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func ReLU[T Float](dst, x []T) {
	checkLen("ReLU", "dst", dst, "x", x)
	checkAlias("ReLU", "dst", dst, "x", x)
	step := chunkLen[T]()
	for len(x) > 0 {
		n := min(len(x), step)
		relu(dst[:n], x[:n])
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
	step := chunkLen[T]()
	for len(x) > 0 {
		n := min(len(x), step)
		words := MaskLen(n)
		reluMask(dst[:n], x[:n], mask[:words])
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
	step := chunkLen[T]()
	for len(dy) > 0 {
		n := min(len(dy), step)
		words := MaskLen(n)
		reluBackward(dx[:n], dy[:n], mask[:words])
		dx, dy, mask = dx[n:], dy[n:], mask[words:]
	}
}
