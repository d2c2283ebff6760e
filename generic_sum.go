package kernels

// The canonical sum. Every reduction over a row adds in this order, whatever the instruction set, so that it has one
// result:
//
//   - Block: 32 float32 or 16 float64 elements. Group: 4 blocks of float32, 2 of float64. Chunk: 4096 or 2048 elements.
//   - Over the blocks of a group, lane by lane in T: ((b0+b1)+b2)+b3; what is absent or left out counts as +0.
//     Then the lanes are folded by halves, a[i] += a[i+h] for i < h, down to four.
//   - A row of one block (narrow) goes on, down to one lane, in T.
//   - Any other adds the four lanes of each group to four float64 accumulators, in the order of the groups, and these,
//     at the end of the chunk, as (0+2)+(1+3). For float64 the accumulators keep their rounding errors beside (TwoSum), and
//     so do these last three additions; all the errors are added at the very end.
//   - The sums of a row's chunks are added in order in float64, by the driver; for float64 by TwoSum.
//
// Pairs of equal weight are added early and short sums late, so the error does not grow with the row.
const (
	blockF32 = 32
	blockF64 = 16
	groupF32 = 4 * blockF32
	groupF64 = 2 * blockF64
	chunkF32 = 32 * groupF32
	chunkF64 = 64 * groupF64
)

// laneSumF32 adds the blocks of a group lane by lane; column skip counts as +0.
func laneSumF32(g []float32, skip int) (a [blockF32]float32) {
	for i, v := range g {
		if i != skip {
			a[i%blockF32] += v
		}
	}
	for h := blockF32 / 2; h >= 4; h /= 2 {
		for i := range h {
			a[i] += a[i+h]
		}
	}
	return a
}

func laneSumF64(g []float64, skip int) (a [blockF64]float64) {
	for i, v := range g {
		if i != skip {
			a[i%blockF64] += v
		}
	}
	for h := blockF64 / 2; h >= 4; h /= 2 {
		for i := range h {
			a[i] += a[i+h]
		}
	}
	return a
}

// sumF32 is a canonical sum in the making: add its groups in order, then call sum.
type sumF32 struct {
	acc    [4]float64
	narrow bool
}

func (s *sumF32) add(g []float32, skip int) {
	a := laneSumF32(g, skip)
	if s.narrow {
		a[0] += a[2]
		a[1] += a[3]
		s.acc[0] = float64(a[0] + a[1] + 0)
		return
	}
	for j := range s.acc {
		s.acc[j] += float64(a[j])
	}
}

func (s *sumF32) sum() float64 {
	if s.narrow {
		return s.acc[0]
	}
	return (s.acc[0] + s.acc[2]) + (s.acc[1] + s.acc[3])
}

type sumF64 struct {
	acc, err [4]float64
	narrow   bool
}

func (s *sumF64) add(g []float64, skip int) {
	a := laneSumF64(g, skip)
	if s.narrow {
		a[0] += a[2]
		a[1] += a[3]
		s.acc[0] = a[0] + a[1] + 0
		return
	}
	for j := range s.acc {
		t, e := twoSum(s.acc[j], a[j])
		s.acc[j] = t
		s.err[j] += e
	}
}

func (s *sumF64) sum() float64 {
	if s.narrow {
		return s.acc[0]
	}
	a, ea := twoSum(s.acc[0], s.acc[2])
	b, eb := twoSum(s.acc[1], s.acc[3])
	c, ec := twoSum(a, b)
	return c + (ec + ((ea + (s.err[0] + s.err[2])) + (eb + (s.err[1] + s.err[3]))))
}

// twoSum returns a+b rounded, and what the rounding lost, exactly.
func twoSum(a, b float64) (s, e float64) {
	s = a + b
	bb := s - a
	return s, (a - (s - bb)) + (b - bb)
}
