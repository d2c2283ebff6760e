package kernels

func gegluTanhGeneric[T Float](dst, gate, up []T) {
	dst, up = dst[:len(gate)], up[:len(gate)]
	for i, v := range gate {
		y := [1]T{v}
		geluTanhGeneric(y[:], y[:])
		dst[i] = y[0] * up[i]
	}
}

func gegluTanhBackwardGeneric[T Float](dgate, dy, gate, up []T) {
	dgate, gate, up = dgate[:len(dy)], gate[:len(dy)], up[:len(dy)]
	for i, v := range dy {
		g := [1]T{v * up[i]}
		geluTanhBackwardGeneric(g[:], g[:], gate[i:i+1])
		dgate[i] = g[0]
	}
}

func gegluGeneric[T Float](dst, gate, up []T) {
	dst, up = dst[:len(gate)], up[:len(gate)]
	for i, v := range gate {
		y := [1]T{v}
		geluGeneric(y[:], y[:])
		dst[i] = y[0] * up[i]
	}
}

func gegluBackwardGeneric[T Float](dgate, dy, gate, up []T) {
	dgate, gate, up = dgate[:len(dy)], gate[:len(dy)], up[:len(dy)]
	for i, v := range dy {
		g := [1]T{v * up[i]}
		geluBackwardGeneric(g[:], g[:], gate[i:i+1])
		dgate[i] = g[0]
	}
}
