package kernels

import (
	"errors"
	"fmt"
	"unsafe"

	"kernels/internal/isa"
)

// MatMulOptions changes where the sums of [MatMulWith] and its like begin, and where rows lie. The
// zero value of every field is the plain function, and so is a nil pointer.
//
// An affine layer y = x*w + bias of n inputs and c outputs, and its gradients, those of the
// parameters added to what other batches have left there:
//
//	err := kernels.MatMulWith(y, x, w, rows, n, c, &kernels.MatMulOptions[float32]{Bias: bias})
//	kernels.MatMulTransB(dx, dy, w, rows, c, n)
//	err = kernels.MatMulTransAWith(dw, x, dy, n, rows, c, &kernels.MatMulOptions[float32]{Add: true})
//	err = kernels.ColumnSumsWith(dbias, dy, rows, c, &kernels.ColumnSumsOptions{Add: true})
type MatMulOptions[T Float] struct {
	// Add has the sum of each element begin with the element that dst holds before the call. So the
	// product of long rows may be computed in pieces, in ascending order, and has the bits of the
	// whole.
	Add bool

	// Bias has the sums of column j begin with Bias[j]. It has n elements (else the call panics),
	// or is nil: then they begin with 0. A sum has one beginning: together with Add it is an error.
	Bias []T

	// DstStride, AStride and BStride are the distances, in elements, from the beginning of one row
	// to that of the next in dst, a and b, as the leading dimensions of BLAS are: of the matrices
	// as they lie in memory, also where the product takes one transposed. 0 is the number of
	// columns; a smaller one than that is an error. A slice with a stride may end anywhere between
	// the last element of its last row and the full stride; what lies between the rows is neither
	// read nor written.
	DstStride, AStride, BStride int
}

// ColumnSumsOptions changes where the sums of [ColumnSumsWith] begin, and where rows lie. The zero
// value is the plain function, and so is a nil pointer.
type ColumnSumsOptions struct {
	// Add has each sum begin with the element that dst holds before the call.
	Add bool
	// Stride is the distance, in elements, from the beginning of one row of x to that of the next;
	// 0 is n. It is as the strides in [MatMulOptions].
	Stride int
}

// MatMul computes the matrix product dst = a*b. All matrices are dense, row after row: dst is m x
// n, a is m x k, b is k x n.
//
//	dst[i*n+j] = sum over p of a[i*k+p]*b[p*n+j]
//
// The sum is one chain of fused multiply-adds, each rounded once, in ascending order of p:
//
//	s = 0; s = FMA(a[i*k+p], b[p*n+j], s) for p = 0, 1, ..., k-1
//
// That is the whole of it, whatever the sizes, and so an element has the same bits in any larger
// product: dst may be cut into blocks of rows and columns, and k by MatMulOptions.Add. Where k is
// 0, dst is 0. NaN and infinities go the way that the chain takes them; a 0 in a matrix does not
// keep them off.
//
// The error of an element is at most ((1+u)^k - 1) times the sum of |a[i*k+p]*b[p*n+j]|, which is a
// little more than k*u times that sum (up to k = 100,000 in float32, less than 1.003*k*u), as long
// as no product or partial sum overflows or is subnormal: each of these adds up to half the
// smallest subnormal.
//
// dst shares no element with a or b; these may be one matrix. Lengths other than m*n, m*k and k*n
// panic, and so do negative sizes and an overlap.
func MatMul[T Float](dst, a, b []T, m, k, n int) {
	_ = multiply("MatMul", dst, a, b, m, k, n, false, false, nil)
}

// MatMulWith is [MatMul] with options: sums that begin with what dst holds or with a bias, and rows
// with a stride. The bound of the error has the size of the beginning in its sum, and k terms
// still.
//
// It returns an error, and writes nothing, if an option is out of its range.
func MatMulWith[T Float](dst, a, b []T, m, k, n int, opts *MatMulOptions[T]) error {
	return multiply("MatMulWith", dst, a, b, m, k, n, false, false, opts)
}

// MatMulTransA computes dst = aᵀ*b, where dst is m x n, a is k x m, and b is k x n: the gradient of
// an affine layer by its weights, dw = xᵀ*dy, where k is the number of rows of the batch.
//
//	dst[i*n+j] = sum over p of a[p*m+i]*b[p*n+j]
//
// It has the bits of [MatMul] of the transpose.
func MatMulTransA[T Float](dst, a, b []T, m, k, n int) {
	_ = multiply("MatMulTransA", dst, a, b, m, k, n, true, false, nil)
}

// MatMulTransAWith is [MatMulTransA] with options, as [MatMulWith] has them.
func MatMulTransAWith[T Float](dst, a, b []T, m, k, n int, opts *MatMulOptions[T]) error {
	return multiply("MatMulTransAWith", dst, a, b, m, k, n, true, false, opts)
}

// MatMulTransB computes dst = a*bᵀ, where dst is m x n, a is m x k, and b is n x k: the gradient of
// an affine layer by its input, dx = dy*wᵀ.
//
//	dst[i*n+j] = sum over p of a[i*k+p]*b[j*k+p]
//
// It has the bits of [MatMul] of the transpose.
func MatMulTransB[T Float](dst, a, b []T, m, k, n int) {
	_ = multiply("MatMulTransB", dst, a, b, m, k, n, false, true, nil)
}

// MatMulTransBWith is [MatMulTransB] with options, as [MatMulWith] has them.
func MatMulTransBWith[T Float](dst, a, b []T, m, k, n int, opts *MatMulOptions[T]) error {
	return multiply("MatMulTransBWith", dst, a, b, m, k, n, false, true, opts)
}

// ColumnSums adds the rows of x, an m x n matrix: the gradient of an affine layer by its bias.
//
//	dst[j] = sum over i of x[i*n+j]
//
// Each sum goes from 0 over the rows in ascending order, in T. So its error is at most
// ((1+u)^(m-1) - 1) times the sum of |x[i*n+j]|. Where m is 0, dst is 0.
//
// dst, which has n elements, shares none with x. Other lengths, negative sizes and an overlap
// panic.
func ColumnSums[T Float](dst, x []T, m, n int) {
	_ = columnSums("ColumnSums", dst, x, m, n, nil)
}

// ColumnSumsWith is [ColumnSums] with options: sums that begin with what dst holds, and rows with a
// stride. It returns an error, and writes nothing, if the stride is out of its range.
func ColumnSumsWith[T Float](dst, x []T, m, n int, opts *ColumnSumsOptions) error {
	return columnSums("ColumnSumsWith", dst, x, m, n, opts)
}

// checkSize panics if a number of rows or columns is negative.
func checkSize(fn, name string, n int) {
	if n < 0 {
		panic(fmt.Sprintf("kernels: %s: %s = %d", fn, name, n))
	}
}

// checkMatrix panics unless n elements are rows of cols elements, stride apart.
func checkMatrix(fn, name string, n, rows, cols, stride int) {
	ok := n == 0
	if rows > 0 && cols > 0 { // the last row may have a part of the gap behind it
		before := n - cols
		ok = before >= 0 && before/stride == rows-1 && before%stride <= stride-cols
	}
	if !ok {
		panicMatrix(fn, name, n, rows, cols, stride)
	}
}

//go:noinline
func panicMatrix(fn, name string, n, rows, cols, stride int) {
	if stride == cols {
		panic(fmt.Sprintf("kernels: %s: len(%s) = %d, rows = %d, columns = %d", fn, name, n, rows, cols))
	}
	panic(fmt.Sprintf("kernels: %s: len(%s) = %d, rows = %d, columns = %d, stride = %d",
		fn, name, n, rows, cols, stride))
}

// A product is a call of MatMul or one of its like, after the checks. Element i, p of a is at
// a[i*arow+p*acol], element p, j of b at b[p*bstride+j] or, transposed, at b[j*bstride+p].
type product[T Float] struct {
	dst, a, b                      []T
	m, k, n                        int
	dststride, arow, acol, bstride int
	transposed, add                bool
	bias                           []T
}

// multiply checks a call and does it.
func multiply[T Float](
	fn string, dst, a, b []T, m, k, n int, transA, transB bool, opts *MatMulOptions[T],
) (err error) {
	checkSize(fn, "m", m)
	checkSize(fn, "k", k)
	checkSize(fn, "n", n)
	arows, acols, aname, brows, bcols, bname := m, k, "k", k, n, "n"
	if transA {
		arows, acols, aname = k, m, "m"
	}
	if transB {
		brows, bcols, bname = n, k, "k"
	}
	c := product[T]{dst: dst, a: a, b: b, m: m, k: k, n: n, dststride: n, transposed: transB}
	astride := acols
	c.bstride = bcols
	if opts != nil {
		c.add, c.bias = opts.Add, opts.Bias
		if c.bias != nil && len(c.bias) != n {
			panic(fmt.Sprintf("kernels: %s: len(Bias) = %d, n = %d", fn, len(c.bias), n))
		}
		if c.add && c.bias != nil {
			return errors.New("kernels: " + fn + ": Add and Bias are both set: a sum has one beginning")
		}
		if c.dststride, err = checkStride(fn, "DstStride", opts.DstStride, "n", n); err != nil {
			return err
		}
		if astride, err = checkStride(fn, "AStride", opts.AStride, aname, acols); err != nil {
			return err
		}
		if c.bstride, err = checkStride(fn, "BStride", opts.BStride, bname, bcols); err != nil {
			return err
		}
	}
	checkMatrix(fn, "dst", len(dst), m, n, c.dststride)
	checkMatrix(fn, "a", len(a), arows, acols, astride)
	checkMatrix(fn, "b", len(b), brows, bcols, c.bstride)
	checkApart(fn, "dst,a,b,Bias", 1, spanOfRows(dst, m, n, c.dststride),
		spanOfRows(a, arows, acols, astride), spanOfRows(b, brows, bcols, c.bstride), spanOf(c.bias))
	if c.arow, c.acol = astride, 1; transA {
		c.arow, c.acol = 1, astride
	}
	c.run()
	return nil
}

// columnSums is the product of a row of ones with x, which has the bits of sums: 1*x is exact.
func columnSums[T Float](fn string, dst, x []T, m, n int, opts *ColumnSumsOptions) (err error) {
	checkSize(fn, "m", m)
	checkSize(fn, "n", n)
	one := [1]T{1}
	c := product[T]{dst: dst, a: one[:], b: x, m: 1, k: m, n: n, bstride: n}
	if opts != nil {
		if c.bstride, err = checkStride(fn, "Stride", opts.Stride, "n", n); err != nil {
			return err
		}
		c.add = opts.Add
	}
	checkMatrix(fn, "dst", len(dst), 1, n, n)
	checkMatrix(fn, "x", len(x), m, n, c.bstride)
	checkApart(fn, "dst,x", 1, spanOf(dst), spanOfRows(x, m, n, c.bstride))
	c.run()
	return nil
}

// The blocks of a product. Columns are multiplied by panels, as many as a tile of the instruction
// set has, and rows by blocks, so that one call into assembly has at most maxBytes of a matrix in
// at most maxRows places. Between pieces of k, dst carries the sums.
const (
	maxPanel    = 64  // columns in pure Go, which has no tiles; others have fewer
	packedDepth = 256 // of k, where the operands are packed: dst is read and written once for each
	smallB      = 32 << 10
	largeB      = 128 << 10 // bytes of packed panels, on the stack
	packedA     = 24 << 10  // bytes of packed rows, on the stack: 12 of packedDepth float64
)

// panelLen returns the number of columns in a panel, and in a vector.
func panelLen[T Float]() (panel, lanes int) {
	var v T
	size := int(unsafe.Sizeof(v))
	switch {
	case isa.AVX512:
		return 2 * 64 / size, 64 / size
	case isa.AVX2:
		return 2 * 32 / size, 32 / size
	case isa.NEON:
		return 3 * 16 / size, 16 / size
	}
	return maxPanel, 1
}

// run computes the product: from the matrices as they lie, or packed into buffers on the stack,
// which are of several sizes because they are cleared first.
func (c *product[T]) run() {
	var v T
	bytes := c.k * c.n * int(unsafe.Sizeof(v)) // of b
	switch {
	case c.m == 0 || c.n == 0:
	case c.k == 0:
		c.begin()
	case !c.transposed && (c.m < 32 || bytes <= smallB || isa.Name() == isa.NameGeneric):
		c.direct() // b is read a few times only, or the first-level cache holds it
	case c.acol > 1 && c.k > maxRows:
		c.packBoth()
	case bytes <= smallB:
		c.packSmall()
	default:
		c.packLarge()
	}
}

//go:noinline
func (c *product[T]) packSmall() {
	var b [smallB / 8]uint64
	c.packed(nil, buffer[T](b[:]))
}

//go:noinline
func (c *product[T]) packLarge() {
	var b [largeB / 8]uint64
	c.packed(nil, buffer[T](b[:]))
}

//go:noinline
func (c *product[T]) packBoth() {
	var a [packedA / 8]uint64
	var b [largeB / 8]uint64
	c.packed(buffer[T](a[:]), buffer[T](b[:]))
}

// buffer sees words as elements.
func buffer[T Float](words []uint64) []T {
	var v T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8/int(unsafe.Sizeof(v)))
}

// start returns where the sums of a block begin at step p of k, and their stride.
func (c *product[T]) start(zeros *[maxPanel]T, i, j, p int) ([]T, int) {
	switch {
	case p > 0 || c.add:
		return c.dst[i*c.dststride+j:], c.dststride
	case c.bias != nil:
		return c.bias[j:], 0
	}
	return zeros[:], 0
}

// begin stores the sums of no products.
func (c *product[T]) begin() {
	var zeros [maxPanel]T
	panel, _ := panelLen[T]()
	for i := 0; i < c.m; i += maxRows {
		for j := 0; j < c.n; j += panel {
			start, stride := c.start(&zeros, i, j, 0)
			copyRows(c.dst[i*c.dststride+j:], start, min(maxRows, c.m-i), min(panel, c.n-j), c.dststride, stride)
		}
	}
}

// direct multiplies the matrices as they lie.
func (c *product[T]) direct() {
	var zeros [maxPanel]T
	panel, _ := panelLen[T]()
	for p := 0; p < c.k; p += maxRows {
		depth := min(maxRows, c.k-p)
		for i := 0; i < c.m; i += maxRows {
			rows := min(maxRows, c.m-i)
			for j := 0; j < c.n; j += panel {
				start, stride := c.start(&zeros, i, j, p)
				matmulPanel(c.dst[i*c.dststride+j:], start, c.a[i*c.arow+p*c.acol:], c.b[p*c.bstride+j:],
					rows, depth, min(panel, c.n-j), c.dststride, stride, c.arow, c.acol, c.bstride)
			}
		}
	}
}

// packed multiplies panels of b that are copied to the buffer b, where each is one run of memory.
// With a buffer a, blocks of the other matrix, whose columns lie apart, are copied as well.
func (c *product[T]) packed(a, b []T) {
	var zeros [maxPanel]T
	panel, _ := panelLen[T]()
	most := min(packedDepth, len(b)/panel)
	width := len(b) / most / panel * panel
	block := min(maxRows, maxLen[T]()/most) / 12 * 12 // whole tiles of 12, 6 and 4 rows
	if a != nil {
		block = 12 // a whole tile, or two: one run of memory, which stays in the first-level cache
	}
	for p := 0; p < c.k; p += most {
		depth := min(most, c.k-p)
		for j0 := 0; j0 < c.n; j0 += width {
			n := min(width, c.n-j0)
			for j := 0; j < n; j += panel {
				c.packPanel(b[j*most:], p, j0+j, depth, min(panel, n-j))
			}
			for i := 0; i < c.m; i += block {
				rows := min(block, c.m-i)
				from, arow, acol := c.a[i*c.arow+p*c.acol:], c.arow, c.acol
				if a != nil {
					packColumns(a, from, rows, depth, acol, panel)
					from, acol = a, rows
				}
				for j := 0; j < n; j += panel {
					start, stride := c.start(&zeros, i, j0+j, p)
					cols := min(panel, n-j)
					matmulPanel(c.dst[i*c.dststride+j0+j:], start, from, b[j*most:],
						rows, depth, cols, c.dststride, stride, arow, acol, cols)
				}
			}
		}
	}
}

// packPanel copies rows p to p+depth of columns j to j+n of b, one after the other.
func (c *product[T]) packPanel(to []T, p, j, depth, n int) {
	var v T
	_, lanes := panelLen[T]()
	for q := 0; q < depth; q += maxRows {
		d := min(maxRows, depth-q)
		switch whole := n / lanes * lanes; {
		case !c.transposed:
			copyRows(to[q*n:], c.b[(p+q)*c.bstride+j:], d, n, n, c.bstride)
		case d*int(unsafe.Sizeof(v)) < 16:
			transposeRowsGeneric(to[q*n:], c.b[j*c.bstride+p+q:], n, d, n, c.bstride)
		default:
			if whole > 0 {
				transposeRows(to[q*n:], c.b[j*c.bstride+p+q:], whole, d, n, c.bstride)
			}
			if whole < n {
				transposeRowsGeneric(to[q*n+whole:], c.b[(j+whole)*c.bstride+p+q:], n-whole, d, n,
					c.bstride)
			}
		}
	}
}

// packColumns copies the columns of a block, which are acol apart, one after the other.
func packColumns[T Float](to, a []T, rows, depth, acol, panel int) {
	for q := 0; q < depth; q += maxRows {
		d := min(maxRows, depth-q)
		for r := 0; r < rows; r += panel {
			copyRows(to[q*rows+r:], a[q*acol+r:], d, min(panel, rows-r), rows, acol)
		}
	}
}

// copyRows copies rows of at most a panel's columns: a product of which only the beginnings of the
// sums are there.
func copyRows[T Float](to, from []T, rows, cols, tostride, stride int) {
	matmulPanel(to, from, nil, nil, rows, 0, cols, tostride, stride, 0, 0, 0)
}
