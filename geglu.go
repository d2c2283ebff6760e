package kernels

// GEGLUTanh sets dst[i] to up[i] times [GELUTanh] of gate[i], in one pass: the gated unit GEGLU
// (Shazeer, 2020) with the tanh form of GELU, PyTorch's gelu(gate, approximate='tanh') * up.
//
// It has the bits of GELUTanh followed by a product. Its error is at most 2.9 ULP where GELUTanh of
// the gate and the result are normal numbers: that of GELUTanh, relative to its size, and half an
// ULP. Where GELUTanh is subnormal, for gates below -9.9 in float32, the rounding there counts too.
//
// dst may be gate or up, and they may be one slice. It panics if the lengths differ or dst partly
// overlaps one of the others.
func GEGLUTanh[T Float](dst, gate, up []T) {
	checkLen("GEGLUTanh", "dst", dst, "gate", gate)
	checkLen("GEGLUTanh", "dst", dst, "up", up)
	checkAlias("GEGLUTanh", "dst", dst, "gate", gate)
	checkAlias("GEGLUTanh", "dst", dst, "up", up)
	step := maxLen[T]()
	if len(up) <= step { // the short way, without a loop
		gegluTanh(dst, gate, up)
		return
	}
	stream := streams(dst, gate, up)
	for ; len(up) > step; dst, gate, up = dst[step:], gate[step:], up[step:] {
		if stream {
			gegluTanhStream(dst[:step], gate[:step], up[:step])
		} else {
			gegluTanh(dst[:step], gate[:step], up[:step])
		}
	}
	gegluTanh(dst, gate, up)
}

// GEGLUTanhBackward sets dgate[i] and dup[i] to the gradients of [GEGLUTanh] in one pass, for the
// gradient dy[i] of its result: dgate = (dy*up)*g, where g is the derivative of GELUTanh at the
// gate, and dup = dy*GELUTanh(gate). They have the bits of [GELUTanhBackward] for dy*up, rounded,
// and of GELUTanh followed by a product.
//
// dgate may be dy, gate or up, and these may be one slice. It panics if the lengths differ, dgate
// partly overlaps an input, or dup overlaps any other slice.
func GEGLUTanhBackward[T Float](dgate, dup, dy, gate, up []T) {
	checkLen("GEGLUTanhBackward", "dgate", dgate, "dup", dup)
	checkLen("GEGLUTanhBackward", "dgate", dgate, "dy", dy)
	checkLen("GEGLUTanhBackward", "dgate", dgate, "gate", gate)
	checkLen("GEGLUTanhBackward", "dgate", dgate, "up", up)
	checkApart("GEGLUTanhBackward", "dgate,dup,=dy,=gate,=up", 2, spanOf(dgate), spanOf(dup),
		spanOf(dy), spanOf(gate), spanOf(up))
	const step = 1024 // both calls find it in the first-level cache
	for len(dy) > 0 {
		n := min(len(dy), step)
		gegluTanh(dup[:n], gate[:n], dy[:n])
		gegluTanhBackward(dgate[:n], dy[:n], gate[:n], up[:n])
		dgate, dup, dy, gate, up = dgate[n:], dup[n:], dy[n:], gate[n:], up[n:]
	}
}

// GEGLU sets dst[i] to up[i] times [GELU] of gate[i], in one pass: the gated unit GEGLU (Shazeer,
// 2020), PyTorch's gelu(gate) * up. [GEGLUTanh] has the tanh form of GELU.
//
// It has the bits of GELU followed by a product. Its error is below 3 ULP where GELU of the gate
// and the result are normal numbers. Where GELU is subnormal, for gates below -13.1 in float32 and
// -37.5 in float64, the rounding there counts too.
//
// dst may be gate or up, and they may be one slice. It panics if the lengths differ or dst partly
// overlaps one of the others.
func GEGLU[T Float](dst, gate, up []T) {
	checkLen("GEGLU", "dst", dst, "gate", gate)
	checkLen("GEGLU", "dst", dst, "up", up)
	checkAlias("GEGLU", "dst", dst, "gate", gate)
	checkAlias("GEGLU", "dst", dst, "up", up)
	for step := maxLen[T](); len(up) > step; dst, gate, up = dst[step:], gate[step:], up[step:] {
		geglu(dst[:step], gate[:step], up[:step])
	}
	geglu(dst, gate, up)
}

// GEGLUBackward sets dgate[i] and dup[i] to the gradients of [GEGLU] in one pass, for the
// gradient dy[i] of its result: dgate = (dy*up)*g, where g is the derivative of GELU at the gate,
// and dup = dy*GELU(gate). They have the bits of [GELUBackward] for dy*up, rounded, and of GELU
// followed by a product.
//
// dgate may be dy, gate or up, and these may be one slice. It panics if the lengths differ, dgate
// partly overlaps an input, or dup overlaps any other slice.
func GEGLUBackward[T Float](dgate, dup, dy, gate, up []T) {
	checkLen("GEGLUBackward", "dgate", dgate, "dup", dup)
	checkLen("GEGLUBackward", "dgate", dgate, "dy", dy)
	checkLen("GEGLUBackward", "dgate", dgate, "gate", gate)
	checkLen("GEGLUBackward", "dgate", dgate, "up", up)
	checkApart("GEGLUBackward", "dgate,dup,=dy,=gate,=up", 2, spanOf(dgate), spanOf(dup),
		spanOf(dy), spanOf(gate), spanOf(up))
	const step = 1024 // both calls find it in the first-level cache
	for len(dy) > 0 {
		n := min(len(dy), step)
		geglu(dup[:n], gate[:n], dy[:n])
		gegluBackward(dgate[:n], dy[:n], gate[:n], up[:n])
		dgate, dup, dy, gate, up = dgate[n:], dup[n:], dy[n:], gate[n:], up[n:]
	}
}
