package asmgen

import "fmt"

// MatMul multiplies matrices: a panel of the columns of a product, of any number of rows. A tile of
// the panel, rows x vectors, is held in registers while the products are added, one element of each
// row of a after the other against a row of b. Each element's sum is one chain of multiply-adds,
// whatever the tile.
//
// The parameters are the slices dst, start, a and b, rows, k and cols, and the strides dststride,
// startstride, arow and acol (from a row of a to the next, and from a column to the next) and
// bstride. cols is at least one, and at most the panel's columns.
type MatMul struct{}

// matmulCode is a MatMul while it is written.
type matmulCode struct {
	*kernelState
	left gpr // rows
	r    tileRows
	b    gpr
	step gpr // from a row of b to the next
	n    gpr // of them left

	acc    []int // row by row
	bRegs  []int // of a row of b
	factor int   // an element of a, in all lanes
}

// tileRows are the addresses of the rows of a in a tile: a pointer for every few rows, whose
// distance and thrice that are in registers. next is the distance of columns.
type tileRows struct {
	ptr                   []gpr
	stride, stride3, next gpr
}

func (s MatMul) emit(k *kernelState) {
	rows, vectors := k.tile()
	c := &matmulCode{kernelState: k}
	for range (rows[0] + k.rowsPerPointer() - 1) / k.rowsPerPointer() {
		c.r.ptr = append(c.r.ptr, k.gpr())
	}
	for _, r := range []*gpr{&c.left, &c.r.stride, &c.r.next, &c.b, &c.step, &c.n} {
		*r = k.gpr()
	}
	if k.rowsPerPointer() > 1 {
		c.r.stride3 = k.gpr()
		k.count, k.scratch = c.r.ptr[0], c.n // which are not needed at the same time
	} else {
		k.count, k.scratch = k.gpr(), k.gpr()
	}
	for range rows[0] * vectors {
		c.acc = append(c.acc, k.pin())
	}
	for range vectors {
		c.bRegs = append(c.bRegs, k.pin())
	}
	c.factor = k.pin()
	k.loadPinned()

	done := k.w.newLabel("done")
	var panels []func()
	for v := vectors; v >= 1; v-- {
		for _, part := range []bool{false, true} {
			label := k.w.newLabel("panel")
			c.loadInt(c.n, "cols")
			if part {
				c.branchImm(ge, c.n, (v-1)*k.lanes()+1, label)
			} else {
				c.branchImm(eq, c.n, v*k.lanes(), label)
			}
			panels = append(panels, func() { c.panel(label, rows, v, part, done) })
		}
	}
	k.jump(done)
	for _, f := range panels {
		f()
	}
	k.w.label(done)
	k.ret(k)
}

// loadInt loads a parameter.
func (c *matmulCode) loadInt(dst gpr, name string) { c.loadArg(dst, name, c.param(name).off) }

// loadBytes loads a parameter that counts elements, as bytes.
func (c *matmulCode) loadBytes(dst gpr, name string) {
	c.loadInt(dst, name)
	c.shl(dst, 2+int(c.t))
}

// panel goes over the rows of a panel of v vectors, of which the last is a partial one if part is
// set: in tiles of the largest size, and then of the smaller ones.
func (c *matmulCode) panel(label string, rows []int, v int, part bool, done string) {
	c.w.notes["panel"] = "A panel of " + plural(v, "vector") + "."
	if part {
		c.w.notes["panel"] = "A panel of " + plural(v, "vector") + ", the last a partial one."
	}
	c.w.label(label)
	c.loadInt(c.left, "rows")
	if part {
		c.partCount(v)
		c.tailMask(c.kernelState, c.count, c.b, false)
	}
	for i, n := range rows {
		next := done
		if i+1 < len(rows) {
			next = c.w.newLabel("fewer")
		}
		tile := c.w.newLabel("tile")
		c.branchImm(lt, c.left, n, next)
		c.w.notes["tile"] = "A tile of " + plural(n, "row") + "."
		c.w.label(tile)
		c.emitTile(n, v, part)
		c.addImm(c.left, -n)
		c.branchImm(ge, c.left, n, tile)
		if i+1 < len(rows) {
			c.w.label(next)
		}
	}
	c.jump(done)
}

// partCount sets count to the elements in the last of v vectors. Tiles with masks have no use for
// it.
func (c *matmulCode) partCount(v int) {
	c.loadInt(c.count, "cols")
	c.addImm(c.count, -(v-1)*c.lanes())
}

// rowAt sets dst to the address of the tile's first row in a slice.
func (c *matmulCode) rowAt(dst, tmp gpr, slice, stride string) {
	c.loadInt(dst, "rows")
	c.sub(dst, c.left)
	c.loadBytes(tmp, stride)
	c.mul(dst, tmp)
	c.loadArg(tmp, slice+"_base", c.param(slice).off)
	c.add(dst, tmp)
}

// emitTile is one tile of n rows and v vectors.
func (c *matmulCode) emitTile(n, v int, part bool) {
	k, vb := c.kernelState, c.vectorBytes()
	at := func(i, j int) int { return c.acc[i*v+j] }
	last := func(j int) bool { return part && j == v-1 }
	// the beginnings of the chains
	c.rowAt(c.b, c.step, "start", "startstride")
	c.loadBytes(c.step, "startstride")
	if part && !c.maskedStores() {
		c.partCount(v)
	}
	for i := range n {
		for j := range v {
			if last(j) {
				c.loadPart(k, at(i, j), c.b, j*vb)
			} else {
				c.loadAt(k.t, at(i, j), c.b, j*vb)
			}
		}
		if i+1 < n {
			c.add(c.b, c.step)
		}
	}
	end, loop := c.w.newLabel("store"), c.w.newLabel("loop")
	c.loadInt(c.n, "k")
	c.branchImm(eq, c.n, 0, end)
	// the rows of a
	c.rowAt(c.r.ptr[0], c.r.stride, "a", "arow")
	c.loadBytes(c.r.stride, "arow")
	c.tileRows(c.r, n)
	c.loadBytes(c.r.next, "acol")
	c.loadArg(c.b, "b_base", c.param("b").off)
	c.loadBytes(c.step, "bstride")
	c.w.align()
	c.w.label(loop)
	if n*v == len(c.acc) && !part {
		c.w.note(c.kernel.Page + ".go")
	}
	for j := range v {
		if last(j) {
			c.loadPart(k, c.bRegs[j], c.b, j*vb)
		} else {
			c.loadAt(k.t, c.bRegs[j], c.b, j*vb)
		}
	}
	c.add(c.b, c.step)
	for i := range n {
		c.broadcastRow(k.t, c.factor, c.r, i)
		for j := range v {
			c.multiplyAdd(k.t, at(i, j), c.factor, c.bRegs[j])
		}
	}
	c.nextColumn(c.r, n)
	c.addImm(c.n, -1)
	c.branchImm(ne, c.n, 0, loop)
	c.w.label(end)
	// the results
	c.rowAt(c.b, c.step, "dst", "dststride")
	c.loadBytes(c.step, "dststride")
	if part && !c.maskedStores() {
		c.partCount(v)
	}
	for i := range n {
		for j := range v {
			if last(j) {
				c.storePart(k, at(i, j), c.factor, c.b, j*vb)
			} else {
				c.storeAt(k.t, at(i, j), c.b, j*vb)
			}
		}
		if i+1 < n {
			c.add(c.b, c.step)
		}
	}
}

// plural says how many there are of something.
func plural(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (MatMul) check(c *checker) {
	c.param("[]T", "dst", "start", "a", "b")
	c.param("int", "rows", "k", "cols", "dststride", "startstride", "arow", "acol", "bstride")
}

// Transpose writes rows of src as columns of dst, a vector of rows at a time. The parameters are
// dst and src, rows, a multiple of a vector's elements, cols, at least those of 16 bytes, and the
// strides dststride and srcstride. The last columns may be written twice.
type Transpose struct{}

func (Transpose) emit(k *kernelState) {
	width, size, vb := 16/k.t.Size(), k.t.Size(), k.vectorBytes()
	src, dst, at, p, stride := k.gpr(), k.gpr(), k.gpr(), k.gpr(), k.gpr()
	rows, n, q1, q3 := k.gpr(), k.gpr(), k.gpr(), k.gpr()
	var reg, tmp []int
	for range width {
		reg = append(reg, k.pin())
	}
	for range width {
		tmp = append(tmp, k.pin())
	}
	k.loadPinned()
	arg := func(dst gpr, name string) { k.loadArg(dst, name, k.param(name).off) }
	lbl := k.w.newLabel
	batches, loop, last, next := lbl("rows"), lbl("cols"), lbl("last"), lbl("next")
	k.loadArg(src, "src_base", k.param("src").off)
	k.loadArg(dst, "dst_base", k.param("dst").off)
	arg(rows, "rows")
	arg(stride, "srcstride")
	k.shl(stride, log2(size))
	k.w.label(batches)
	k.mov(p, src)
	k.mov(at, dst)
	arg(n, "cols")
	k.w.label(loop)
	k.readRows(k, batch{p: p, stride: stride, q1: q1, q3: q3, reg: reg, tmp: tmp})
	arg(q1, "dststride")
	k.shl(q1, log2(size))
	k.mov(q3, at)
	for i, r := range reg {
		k.storeAt(k.t, r, q3, 0)
		if i+1 < len(reg) {
			k.add(q3, q1)
		}
	}
	k.addImm(n, -width)
	k.branchImm(eq, n, 0, next)
	k.branchImm(lt, n, width, last)
	k.addImm(p, 16)
	k.add(q3, q1)
	k.mov(at, q3)
	k.jump(loop)
	k.w.label(last)
	// n columns are left: go on by as many
	k.mov(q3, n)
	k.shl(q3, log2(size))
	k.add(p, q3)
	k.mul(q1, n)
	k.add(at, q1)
	k.movImm(n, int64(width))
	k.jump(loop)
	k.w.label(next)
	k.addImm(dst, vb)
	k.mov(q1, stride)
	k.shl(q1, log2(k.lanes()))
	k.add(src, q1)
	k.addImm(rows, -k.lanes())
	k.branchImm(ne, rows, 0, batches)
	k.ret(k)
}

func (Transpose) check(c *checker) {
	c.param("[]T", "dst", "src")
	c.param("int", "rows", "cols", "dststride", "srcstride")
}
