package kernels

// The canonical sum. Everything that is summed over a row is added in this order, on every
// instruction set, so that there is one result:
//
//   - A block is 32 float32 or 16 float64 elements. A group is 4 blocks of float32, 2 of float64.
//     A chunk is 4096 or 2048 elements.
//   - The blocks of a group are added lane by lane in T: ((b0+b1)+b2)+b3. What is absent or left
//     out counts as +0. Then the lanes are folded by halves, a[i] += a[i+h] for i < h, until four
//     are left.
//   - A row of one block (narrow) is folded further, until one lane is left, in T.
//   - For any other row, the four lanes of each group are added to four float64 accumulators, in
//     the order of the groups. At the end of the chunk these are added as (0+2)+(1+3). For float64,
//     the rounding errors of each accumulator are kept beside it (TwoSum), as are those of the last
//     three additions, and all errors are added at the very end.
//   - The driver adds the sums of a row's chunks in order in float64, for float64 by TwoSum.
//
// Small values are added to small ones first, and short sums to long ones late, so the error does
// not grow with the row.
const (
	blockF32 = 32
	blockF64 = 16
	groupF32 = 4 * blockF32
	groupF64 = 2 * blockF64
	chunkF32 = 32 * groupF32
	chunkF64 = 64 * groupF64
)

// groupLen returns the lengths of a block and of a group.
func groupLen[T Float]() (block, group int) {
	if is32[T]() {
		return blockF32, groupF32
	}
	return blockF64, groupF64
}

// lanes are the sums of a group lane by lane, as many as a block has elements.
type lanes[T Float] [blockF32]T

// add adds elements from the beginning of a block on, without the one at skip.
func (a *lanes[T]) add(x []T, skip int) {
	block, _ := groupLen[T]()
	for i, v := range x {
		if i != skip {
			a[i%block] += v
		}
	}
}

// canonicalSum adds the groups of a chunk, in order.
type canonicalSum[T Float] struct {
	acc, err [4]float64 // err for float64 only
	narrow   bool
}

func (s *canonicalSum[T]) add(a *lanes[T]) {
	block, _ := groupLen[T]()
	for h := block / 2; h >= 4; h /= 2 {
		low := a[:h]
		for i, v := range a[h : 2*h] {
			low[i] += v
		}
	}
	if s.narrow {
		s.acc[0] = float64((a[0] + a[2]) + (a[1] + a[3]) + 0)
		return
	}
	for j := range s.acc {
		if is32[T]() {
			s.acc[j] += float64(a[j])
		} else {
			t, e := twoSum(s.acc[j], float64(a[j]))
			s.acc[j] = t
			s.err[j] += e
		}
	}
}

func (s *canonicalSum[T]) sum() float64 {
	switch {
	case s.narrow:
		return s.acc[0]
	case is32[T]():
		return (s.acc[0] + s.acc[2]) + (s.acc[1] + s.acc[3])
	}
	a, ea := twoSum(s.acc[0], s.acc[2])
	b, eb := twoSum(s.acc[1], s.acc[3])
	c, ec := twoSum(a, b)
	return c + (ec + ((ea + (s.err[0] + s.err[2])) + (eb + (s.err[1] + s.err[3]))))
}
