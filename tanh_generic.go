package kernels

import "math"

// Tanh. In float32, with a = |x|, a number N near it, B = tanh(N) and C = 1-B*B from tables, and
// t = a-N, tanh(a) is (B+tanh(t)) / (1+B*tanh(t)). With a polynomial Q = t/tanh(t) in u = t*t, in
// float32 operations:
//
//	a = min(|x|, 9.1)
//	Q = fma(fma(fma(q6, u, q4), u, q2), u, 1)
//	tanh = B + t*C/fma(B, t, Q), with the sign of x
//
// In float64, tanh(a) = (1 - exp(-2a)) / (1 + exp(-2a)), and with s and p of exp(-2a), as in
// exp_generic.go, that is num/den, where num = 1-s - s*p and den = 1+s + s*p. Nothing cancels:
// where a is small, s is 1 and num is -p. For a subnormal x, s = 1, p = -2a and den = 2, and the
// result is x.

func tanhGeneric[T Float](dst, x []T) {
	if is32[T]() {
		tanh32(f32(dst), f32(x))
	} else {
		tanh64(f64(dst), f64(x))
	}
}

// tanhN, tanhB and tanhC by the cell of a. They change at 1/2, 3/2, 5/2, 7/2, 9/2, 13/2 and 17/2,
// where the bits of a + 3.5 have another number in their high part.
var (
	tanhN = [8]float32{
		0x1.53029p+2, 0x1.cc867cp+2, 0x1.154246p+3, 0,
		0x1.f22734p-1, 0x1.ffca5cp+0, 0x1.7fbc22p+1, 0x1.003d06p+2,
	}
	tanhB = [8]float32{
		0x1.fff96ep-1, 0x1.ffffdap-1, 0x1.fffffep-1, 0,
		0x1.800004p-1, 0x1.ed8d7p-1, 0x1.fd7522p-1, 0x1.ffa8bep-1,
	}
	tanhC = [8]float32{
		0x1.a47d4cp-14, 0x1.2dd372p-19, 0x1.ffffecp-24, 1,
		0x1.bffff4p-2, 0x1.21d7c2p-4, 0x1.44a026p-7, 0x1.5cea44p-10,
	}
)

func tanh32(dst, x []float32) {
	const (
		sign = 1 << 31
		q2   = 0x1.555532p-2
		q4   = -0x1.6bdcfep-6
		q6   = 0x1.089866p-9
	)
	dst = dst[:len(x)]
	for i, v := range x {
		a := math.Float32frombits(math.Float32bits(v) &^ sign)
		if a > 9.1 {
			a = 9.1
		}
		cell := math.Float32bits(a+3.5) >> 21 & 7
		t, B := float64(a-tanhN[cell]), float64(tanhB[cell])
		u := round32(t * t)
		Q := round32(q6*u + q4)
		Q = round32(Q*u + q2)
		Q = round32(Q*u + 1)
		q := float32(round32(t*float64(tanhC[cell])) / round32(B*t+Q))
		y := tanhB[cell] + q
		dst[i] = math.Float32frombits(math.Float32bits(y) | math.Float32bits(v)&sign)
	}
}

// In float64, nl and dl are what the roundings of num and den lose. The remainder corrects the
// quotient. It takes a 1/den, for which a chord is close enough.
func tanh64(dst, x []float64) {
	const (
		magic = 0x1.8p52 + 1023
		sign  = 1 << 63
	)
	dst = dst[:len(x)]
	for i, v := range x {
		a := math.Float64frombits(math.Float64bits(v) &^ sign)
		if a > 20 {
			a = 20
		}
		s, t := reduceWhole64(-2*a, magic)
		p := math.FMA(t*t, polyWhole64(t), t)
		sp := s * p // exact, so that nothing changes where it is fused
		num, den := (1-s)-sp, (1+s)+sp
		nl, dl := ((1-s)-num)-sp, ((1+s)-den)+sp
		q := num / den
		e := math.FMA(-q, dl, math.FMA(-q, den, num)+nl)
		y := math.FMA(e, math.FMA(den, -0.5, 1.5), q)
		dst[i] = math.Float64frombits(math.Float64bits(y) | math.Float64bits(v)&sign)
	}
}

func tanhBackwardGeneric[T Float](dx, dy, y []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		if is32[T]() {
			dx[i] = dy[i] * T(fma32(float32(-v), float32(v), 1))
		} else {
			dx[i] = dy[i] * T(math.FMA(float64(-v), float64(v), 1))
		}
	}
}
