package kernels

import "math"

// lossLogGeneric sets loss to log1p(r/w) where base is 0, and to base + log(r) elsewhere. r/w is at
// least 0. In the second form r is about 1 or more, and r/w is computed but not used; it must not
// overflow. Neither r/w in the first form nor r in the second may be infinite. NaN passes.
//
// The logarithm is that of fdlibm. With u = 1+v, c its rounding error, u = 2^k*(1+f) and 1+f in
// [sqrt(1/2), sqrt(2)):
//
//	s = f/(2+f)
//	log(1+f) = f - (f*f/2 - s*(f*f/2 + R(s*s)))
//	log1p(v) = log(u) + c/u
//
// It has no branch on the way, so vectors can do several rows at once.
func lossLogGeneric(loss, r, w, base []float64) {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10

		one      = 0x3ff0000000000000
		sqrtHalf = 0x3fe6a09e667f3bcd
		magic    = 0x1p52
	)
	for i := range loss {
		v := r[i] / w[i]
		u := 1 + v
		d := u - 1
		c := (1 - (u - d)) + (v - d)
		if base[i] != 0 {
			u, c = r[i], 0
		}

		b := math.Float64bits(u) + (one - sqrtHalf)
		k := math.Float64frombits(math.Float64bits(magic)|b>>52) - (magic + 1023)
		f := math.Float64frombits(b&(1<<52-1)+sqrtHalf) - 1

		s := f / (2 + f)
		z := s * s
		p := fdlibmR(z)
		h := float64(0.5 * f * f)

		// A NaN does not survive the bits above, but it does survive c/u.
		t := math.FMA(s, h+p, math.FMA(k, ln2Lo, c/u))
		loss[i] = math.FMA(k, ln2Hi, -((h-t)-f)) + base[i]
	}
}

// fdlibmR is R in z = s*s.
func fdlibmR(z float64) float64 {
	const (
		lg1 = 6.666666666666735130e-01
		lg2 = 3.999999999940941908e-01
		lg3 = 2.857142874366239149e-01
		lg4 = 2.222219843214978396e-01
		lg5 = 1.818357216161805012e-01
		lg6 = 1.531383769920937332e-01
		lg7 = 1.479819860511658591e-01
	)
	q := z * z
	even := math.FMA(q, lg6, lg4)
	even = math.FMA(q, even, lg2)
	odd := math.FMA(q, lg7, lg5)
	odd = math.FMA(q, odd, lg3)
	odd = math.FMA(q, odd, lg1)
	return math.FMA(z, odd, q*even)
}
