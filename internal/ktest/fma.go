package ktest

import "math"

// FMA32 returns a*b+c with one rounding. The product is exact in float64; the sum's error is taken
// by TwoSum, and the sum is rounded to odd before it is rounded to float32, which then gives what
// one rounding would.
func FMA32(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := twoSum(p, float64(c))
	if s.Lo != 0 && !math.IsInf(s.Hi, 0) && s.Lo == s.Lo {
		if bits := math.Float64bits(s.Hi); bits&1 == 0 {
			// Hi is even and not exact: take the odd neighbour on Lo's side.
			if s.Hi > 0 == (s.Lo > 0) {
				bits++
			} else {
				bits--
			}
			s.Hi = math.Float64frombits(bits)
		}
	}
	return float32(s.Hi)
}
