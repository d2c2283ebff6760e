package kernels

import "math"

// SiLU. With the sigmoid as in sigmoid_generic.go, but with a smaller c, and with C, which is c
// times 2^42 (float64: 2^737), for numerator:
//
//	z = max(-137, min(17.5, x)); s and p as there, of -z
//	d = fma(s, p, c+s); dl = fma(s, p, (s-d) + c); q = C/d
//	e = fma(-q, dl, fma(-q, d, C)) * 2^30
//	silu = fma(z*q, e, z*q) * 2^-42 - (z - max(-137, x))

const (
	siluUnit32 = 0x1p-42
	siluUnit64 = 0x1p-737
)

var (
	siluTable32 = newTable32([8]float32{
		0x1.feb052p-1, 0x1.16747cp+0, 0x1.2fa848p+0, 0x1.4b2404p+0,
		0x1.691c8ap+0, 0x1.89cb7cp+0, 0x1.ad6fb4p+0, 0x1.d44dbcp+0,
	})
	siluTable64 = newTable64([4]float64{
		0x1.ff7cf5e200d5ep-1, 0x1.3021f5ff1c43ap+0, 0x1.69ad3db818a6ap+0, 0x1.ae1bc8c6662d5p+0,
	})
)

// siluScaled32 returns SiLU times 2^42 of x, in float32, for x up to 17.5.
func siluScaled32(x float32) float32 {
	const (
		c     = 0x1.feb052p-73
		top   = 0x1.feb052p-31
		magic = 0x1.8p52 + 8*(127-72)
	)
	if x < -137 {
		x = -137
	}
	if x > 17.5 {
		x = 17.5
	}
	z := float64(x)
	s, t := siluTable32.reduce32(-z, magic)
	sp := s * sigmoidP32(t)
	d := round32(round32(c+s) + sp)
	dl := round32(round32(round32(s-d)+c) + sp)
	q := round32(top / d)
	e := round32((top-q*d)-q*dl) * 0x1p30 // top-q*d is exact
	p := round32(z * q)
	y := p*e + p
	if halfway(y) {
		y = roundOdd(p*e, p)
	}
	return float32(y)
}

// siluScaled64 returns SiLU times 2^737 of x, for x up to 38.
func siluScaled64(x float64) float64 {
	const (
		c     = 0x1.ff7cf5e200d5ep-801
		top   = 0x1.ff7cf5e200d5ep-64
		magic = 0x1.8p52 + 0x1p31 + 4*(1023-800)
	)
	if x < -1262 {
		x = -1262
	}
	if x > 38 {
		x = 38
	}
	s, t := siluTable64.reduce64(-x, magic)
	p := math.FMA(float64(t*t), poly64(t), t)
	d := math.FMA(s, p, c+s)
	dl := math.FMA(s, p, (s-d)+c)
	q := top / d
	e := math.FMA(-q, d, top)
	e = math.FMA(-q, dl, e)
	e = math.Float64frombits(math.Float64bits(e) + 63<<52)
	y := float64(x * q)
	return math.FMA(y, e, y)
}

// siluMax is where clamping begins.
func siluMax[T Float]() T {
	if is32[T]() {
		return 17.5
	}
	return 38
}

// siluGeneric adds to the clamped result what x is more.
func siluGeneric[T Float](dst, x []T) {
	dst = dst[:len(x)]
	limit := siluMax[T]()
	for i, v := range x {
		var y T
		if is32[T]() {
			y = T(siluScaled32(float32(v)) * siluUnit32)
		} else {
			y = T(siluScaled64(float64(v)) * siluUnit64)
		}
		if v > limit {
			y -= limit - v
		}
		dst[i] = y
	}
}

// swigluGeneric leaves the scale in a SiLU that is less than it until after the product.
func swigluGeneric[T Float](dst, gate, up []T) {
	dst, up = dst[:len(gate)], up[:len(gate)]
	limit := siluMax[T]()
	for i, g := range gate {
		var y, scale T
		if is32[T]() {
			y, scale = T(siluScaled32(float32(g))), 1
			scale /= 1 << 42
		} else {
			y, scale = T(siluScaled64(float64(g))), T(siluScale64())
		}
		unit := T(1)
		if y > -1 && y < 1 {
			unit = scale
		} else {
			y = T(y * scale)
		}
		if g > limit {
			y -= limit - g
		}
		dst[i] = T(y*up[i]) * unit
	}
}

// siluScale64 is siluUnit64 as a variable: as a constant it does not fit a float32.
func siluScale64() float64 { return siluUnit64 }

// siluGradGeneric returns the sigmoid of x and the derivative of SiLU. In operations of T, with z =
// x clamped to ±105 (float64: 750) and w = a*exp(-|z|)/unit:
//
//	small = w / fma(w, unit, a) * unit; large = 1-small; they are the sigmoids of -|z| and |z|
//	derivative = sigmoid(z) * fma(z, sigmoid(-z), 1)
func siluGradGeneric[T Float](x T) (sigmoid, grad T) {
	var small T
	if is32[T]() {
		const unit, a = 0x1p-64, 0x1.4b2404p+0
		if x > 105 {
			x = 105
		} else if x < -105 {
			x = -105
		}
		w := lossExp32(float32(x))
		small = T(w / fma32(w, unit, a) * unit)
	} else {
		const unit, a = 0x1p-512, 0x1.4f6647eb09a0ap+0
		if x > 750 {
			x = 750
		} else if x < -750 {
			x = -750
		}
		s, t := rowTable64.reduce64(-math.Abs(float64(x)), magicF64+1)
		w := math.FMA(s, math.FMA(float64(t*t), poly64(t), t), s)
		small = T(w / math.FMA(w, unit, a) * unit)
	}
	sigmoid, other := 1-small, small
	if x < 0 {
		sigmoid, other = other, sigmoid
	}
	if is32[T]() {
		return sigmoid, sigmoid * T(fma32(float32(x), float32(other), 1))
	}
	return sigmoid, sigmoid * T(math.FMA(float64(x), float64(other), 1))
}

func siluBackwardGeneric[T Float](dx, dy, x []T) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		_, grad := siluGradGeneric(v)
		dx[i] = dy[i] * grad
	}
}

func swigluBackwardGeneric[T Float](dgate, dup, dy, gate, up []T) {
	least := T(-105)
	if !is32[T]() {
		least = -750
	}
	for i, g := range gate {
		sigmoid, grad := siluGradGeneric(g)
		if g < least {
			g = least
		}
		d, u := dy[i], up[i]
		dgate[i] = T(d*grad) * u
		dup[i] = d * T(g*sigmoid)
	}
}
