package kernels

// SiLU sets dst[i] to x[i]*sigmoid(x[i]) = x[i]/(1+exp(-x[i])), as torch.nn.functional.silu and
// jax.nn.silu (swish) do.
//
// In float32 the error is at most 1.843 ULP, at 1.2679585 (0x1.4498eep+0), and 1.169 where the
// result is subnormal, at -91.89779. In float64 it is at most 2.52 ULP (half an ULP more where the
// result is subnormal), and the largest seen is 1.75, at 3.432804372931713. The result is good to
// its last bits over the whole range, also where the sigmoid is subnormal.
//
// ±0 gives ±0. +Inf gives +Inf, and -Inf gives -0, the limit (PyTorch has NaN there), as does every
// x so low that the result is less than half of the smallest number. NaN gives NaN. A large x gives
// itself.
//
// dst may be x. It panics if the lengths differ or the slices partly overlap.
func SiLU[T Float](dst, x []T) {
	checkLen("SiLU", "dst", dst, "x", x)
	checkAlias("SiLU", "dst", dst, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		silu(dst, x)
		return
	}
	for stream := streams(dst, x); len(x) > step; dst, x = dst[step:], x[step:] {
		if stream {
			siluStream(dst[:step], x[:step])
		} else {
			silu(dst[:step], x[:step])
		}
	}
	silu(dst, x)
}

// SiLUBackward sets dx[i] to dy[i] times the derivative of [SiLU] at x[i], which is s*(1 +
// x[i]*(1-s)) with s = sigmoid(x[i]). The derivative is computed and then multiplied by dy.
//
// The error is at most 5.5 ULP in float32 and 6 ULP in float64, or u*|dy[i]| (u is 2^-24, in
// float64 2^-53), whichever is larger: near x = -1.278 the derivative crosses zero, and far below
// its tail is that small. For dy[i] = 1 it is at most 4.32 ULP or u in float32, at -0.57559, of all
// inputs. The derivative is 1 for +Inf and -0 for -Inf. NaN in dy or x gives NaN.
//
// dx may be dy or x, and they may be one slice. It panics if the lengths differ or dx partly
// overlaps one of the others.
func SiLUBackward[T Float](dx, dy, x []T) {
	checkLen("SiLUBackward", "dx", dx, "dy", dy)
	checkLen("SiLUBackward", "dx", dx, "x", x)
	checkAlias("SiLUBackward", "dx", dx, "dy", dy)
	checkAlias("SiLUBackward", "dx", dx, "x", x)
	step := maxLen[T]()
	if len(x) <= step { // the short way, without a loop
		siluBackward(dx, dy, x)
		return
	}
	stream := streams(dx, dy, x)
	for ; len(x) > step; dx, dy, x = dx[step:], dy[step:], x[step:] {
		if stream {
			siluBackwardStream(dx[:step], dy[:step], x[:step])
		} else {
			siluBackward(dx[:step], dy[:step], x[:step])
		}
	}
	siluBackward(dx, dy, x)
}

// SwiGLU sets dst[i] to SiLU(gate[i])*up[i], in one pass: the gated unit of today's language
// models, F.silu(gate)*up in PyTorch. The bits are not always those of [SiLU] and a product:
// SiLU(gate) is not rounded where it is less than the normal numbers.
//
// The error is at most 3.3 ULP in float32 and 3.6 ULP in float64: that of SiLU, relative to its
// size, and half an ULP. That is so for |up| up to 2^32 (float64: 2^700), also where SiLU(gate) is
// subnormal or less than the smallest number. For a larger up, the error may also be 2^-185*|up| in
// float32 and 2^-1800*|up| in float64. Nothing overflows on the way. SiLU(gate) and special values
// are those of SiLU, and the product is that of IEEE 754: a gate of -Inf gives a zero for a finite
// up, and NaN for an infinite one.
//
// dst may be gate or up, and they may be one slice. It panics if the lengths differ or dst partly
// overlaps one of the others.
func SwiGLU[T Float](dst, gate, up []T) {
	checkLen("SwiGLU", "dst", dst, "gate", gate)
	checkLen("SwiGLU", "dst", dst, "up", up)
	checkAlias("SwiGLU", "dst", dst, "gate", gate)
	checkAlias("SwiGLU", "dst", dst, "up", up)
	step := maxLen[T]()
	if len(up) <= step { // the short way, without a loop
		swiglu(dst, gate, up)
		return
	}
	stream := streams(dst, gate, up)
	for ; len(up) > step; dst, gate, up = dst[step:], gate[step:], up[step:] {
		if stream {
			swigluStream(dst[:step], gate[:step], up[:step])
		} else {
			swiglu(dst[:step], gate[:step], up[:step])
		}
	}
	swiglu(dst, gate, up)
}

// SwiGLUBackward is the backward of [SwiGLU], in one pass: it sets dup[i] to dy[i] times
// SiLU(gate[i]), and dgate[i] to dy[i] times the derivative of SiLU at gate[i] (see [SiLUBackward])
// times up[i], multiplied in this order.
//
// The error of dup is at most 4.8 ULP or u*|dy|, whichever is larger. That of dgate is at most 6.5
// ULP (float64: 7) or 2*u*|dy*up|: that of SiLUBackward, and another product. Here u is 2^-24, in
// float64 2^-53, and dy and its product with up are normal numbers. For a gate of -Inf, both are
// zeros; NaN in dy or gate gives NaN in both.
//
// dgate may be dy, gate or up, and so may dup, but they must not share an element with each other.
// It panics if the lengths differ, or if dgate or dup partly overlaps another slice.
func SwiGLUBackward[T Float](dgate, dup, dy, gate, up []T) {
	checkLen("SwiGLUBackward", "dgate", dgate, "dup", dup)
	checkLen("SwiGLUBackward", "dgate", dgate, "dy", dy)
	checkLen("SwiGLUBackward", "dgate", dgate, "gate", gate)
	checkLen("SwiGLUBackward", "dgate", dgate, "up", up)
	checkApart("SwiGLUBackward", "dgate,dup", 1, spanOf(dgate), spanOf(dup))
	checkAlias("SwiGLUBackward", "dgate", dgate, "dy", dy)
	checkAlias("SwiGLUBackward", "dgate", dgate, "gate", gate)
	checkAlias("SwiGLUBackward", "dgate", dgate, "up", up)
	checkAlias("SwiGLUBackward", "dup", dup, "dy", dy)
	checkAlias("SwiGLUBackward", "dup", dup, "gate", gate)
	checkAlias("SwiGLUBackward", "dup", dup, "up", up)
	step := maxLen[T]()
	if len(up) <= step { // the short way, without a loop
		swigluBackward(dgate, dup, dy, gate, up)
		return
	}
	stream := streams(dgate, dup, dy, gate, up) && streams(dup, dgate, dy, gate, up)
	for ; len(up) > step; dy, gate, up = dy[step:], gate[step:], up[step:] {
		if stream {
			swigluBackwardStream(dgate[:step], dup[:step], dy[:step], gate[:step], up[:step])
		} else {
			swigluBackward(dgate[:step], dup[:step], dy[:step], gate[:step], up[:step])
		}
		dgate, dup = dgate[step:], dup[step:]
	}
	swigluBackward(dgate, dup, dy, gate, up)
}
