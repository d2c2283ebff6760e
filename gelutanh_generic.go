package kernels

import "math"

// GELUTanh. z = x*(A + B*x*x) is 2*sqrt(2/pi)*(x + 0.044715*x*x*x) in eighths of an octave, in
// float64 quarters. p and pl are A + B*x*x in two parts. With s and p as in exp_generic.go, except
// that r is in parts of an octave and that the polynomial takes in the scale of the table,
// c*exp(-z) is s + s*P, and the result is c*x/(c + s + s*P). The sum of c and s is in two parts.

func geluTanhGeneric[T Float](dst, x []T) {
	if is32[T]() {
		geluTanh32(f32(dst), f32(x))
	} else {
		geluTanh64(f64(dst), f64(x))
	}
}

// 2^(r/8) = a*(1 + g0 + g1*r + ...) for |r| <= 1/2 (float64: 2^(r/4)), with the scale a of
// sigmoidTable.
const (
	g0F32 = -0x1.6ab198p-8
	g1F32 = 0x1.60ed64p-4
	g2F32 = 0x1.e9567ap-9
	g3F32 = 0x1.c43cbp-14

	g0F64 = -0x1.ad34e13f5cd19p-13
	g1F64 = 0x1.62d197e20c192p-3
	g2F64 = 0x1.ebe2192279649p-7
	g3F64 = 0x1.c698bad208e02p-11
	g4F64 = 0x1.3b1a33be3416fp-15
	g5F64 = 0x1.5d75ad96bbe40p-20
	g6F64 = 0x1.42f8258d73bcbp-25
	g7F64 = 0x1.ffcff7567be31p-31
	g8F64 = 0x1.62c26b18bc2abp-36
)

// expScaled32 returns s and P for 2^((n+r)/8), where k is n and the magic number.
func expScaled32(k, r float32) (s, p float32) {
	bits := math.Float32bits(k)
	s = math.Float32frombits(bits<<20 + sigmoidTable32.bits[bits&7])
	p = fma32(g3F32, r, g2F32)
	p = fma32(p, r, g1F32)
	return s, fma32(p, r, g0F32)
}

func expScaled64(k, r float64) (s, p float64) {
	bits := math.Float64bits(k)
	s = math.Float64frombits(bits<<50 + sigmoidTable64[bits&3])
	p = math.FMA(g8F64, r, g7F64)
	p = math.FMA(p, r, g6F64)
	p = math.FMA(p, r, g5F64)
	p = math.FMA(p, r, g4F64)
	p = math.FMA(p, r, g3F64)
	p = math.FMA(p, r, g2F64)
	p = math.FMA(p, r, g1F64)
	return s, math.FMA(p, r, g0F64)
}

func geluTanh32(dst, x []float32) {
	const (
		aHi   = 0x1.26aecp+4
		aLo   = 0x1.0de73ap-19
		bHi   = 0x1.a5a7dp-1
		bLo   = -0x1.151aaep-26
		c     = 0x1p-64
		magic = 0x1.8p23 + 8*(127-64)
		top   = 5.125
	)
	dst = dst[:len(x)]
	for i, v := range x {
		if !(v < top) { // NaN, too
			dst[i] = v
			continue
		}
		if v < -10.875 {
			v = -10.875
		}
		u := v * v
		p := fma32(u, bHi, aHi)
		pl := fma32(u, bHi, aHi-p)
		pl = fma32(-fma32(-v, v, u), bHi, pl) + fma32(u, bLo, aLo)
		k := fma32(-v, p, magic)
		r := fma32(-v, pl, fma32(-v, p, magic-k))
		s, q := expScaled32(k, r)
		sum := c + s
		d := sum + fma32(s, q, (max(c, s)-sum)+min(c, s))
		dst[i] = float32(v/d) * c
	}
}

// A bend is a function of |x| in eight cells, of which number j is that of the |x| nearest to
// j*width: a polynomial of degree 7 in |x| - N. It is constant from top on.
type bend struct {
	top, perWidth float32
	n             [8]float32
	c             [8][8]float32 // from the constant up
}

func (d *bend) at(x float32) float32 {
	a := math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
	if a > d.top {
		a = d.top
	}
	j := math.Float32bits(fma32(a, d.perWidth, 0x1.8p23)) & 7
	t := a - d.n[j]
	y := d.c[7][j]
	for i := 6; i >= 0; i-- {
		y = fma32(y, t, d.c[i][j])
	}
	return y
}

// slope is the derivative at x: 1/2, and the bend with the sign of x.
func (d *bend) slope(x float32) float32 {
	return math.Float32frombits(math.Float32bits(d.at(x))|math.Float32bits(x)&(1<<31)) + 0.5
}

var geluTanhBend = bend{5.6, 1 / 0.75,
	[8]float32{
		0, 0x1.7fb53p-1, 0x1.8023eep+0, 0x1.1f9896p+1,
		0x1.807d66p+1, 0x1.e08b4ap+1, 0x1.1f79ccp+2, 0x1.4fb966p+2,
	},
	[8][8]float32{
		{
			0, 0x1.fea8f4p-2, 0x1.41611cp-1, 0x1.1ed5dcp-1,
			0x1.05de7ep-1, 0x1.007a9ep-1, 0x1.000404p-1, 0x1.00000ap-1,
		},
		{
			0x1.988454p-1, 0x1.bb22bep-2, -0x1.f70f0ep-6, -0x1.93e1bcp-4,
			-0x1.020fep-5, -0x1.e58bc2p-9, -0x1.5774c2p-13, -0x1.174cd6p-19,
		},
		{
			-0x1.978266p-23, -0x1.8ca9eap-2, -0x1.5b4ca4p-3, 0x1.23c53ep-5,
			0x1.1be198p-5, 0x1.ab5568p-8, 0x1.aa8436p-12, 0x1.d0937ap-18,
		},
		{
			-0x1.11afeep-2, -0x1.1947a2p-6, 0x1.216072p-3, 0x1.0ff65ep-5,
			-0x1.0c24c8p-6, -0x1.aaf994p-8, -0x1.43326ep-11, -0x1.e74178p-17,
		},
		{
			-0x1.037294p-14, 0x1.d37e54p-4, -0x1.d18eaap-7, -0x1.1cee3cp-5,
			-0x1.1917ap-10, 0x1.ef8b9ap-9, 0x1.488704p-11, 0x1.6566c8p-16,
		},
		{
			0x1.f86cf4p-5, -0x1.09d44p-6, -0x1.be3618p-6, 0x1.2a8894p-7,
			0x1.5146d8p-8, -0x1.f2e176p-11, -0x1.c9d328p-12, -0x1.872e3ap-16,
		},
		{
			-0x1.215d82p-10, -0x1.392ddcp-6, 0x1.4d5454p-7, 0x1.5c0ffcp-9,
			-0x1.1ff9fcp-9, -0x1.48d604p-12, 0x1.975998p-13, 0x1.5fcfdap-16,
		},
		{
			-0x1.16be84p-7, 0x1.40f082p-8, 0x1.aa70b8p-10, -0x1.1145bp-9,
			0x1.4429c4p-14, 0x1.505082p-12, -0x1.446b62p-15, -0x1.bb452p-17,
		},
	},
}

// geluTanhArgument64 returns n and the magic number, r, and x*x.
func geluTanhArgument64(x, magic float64) (k, r, u float64) {
	const (
		aHi = 0x1.26aec21bce76p+3
		aLo = -0x1.ad12d7a64bcebp-47
		bHi = 0x1.a5a7cf7572a98p-2
		bLo = -0x1.b91c940e4cfcfp-56
	)
	u = float64(x * x)
	p := math.FMA(u, bHi, aHi)
	pl := math.FMA(u, bHi, aHi-p)
	pl = math.FMA(-math.FMA(-x, x, u), bHi, pl) + math.FMA(u, bLo, aLo)
	k = math.FMA(-x, p, magic)
	return k, math.FMA(-x, pl, math.FMA(-x, p, magic-k)), u
}

func geluTanh64(dst, x []float64) {
	const (
		c     = 0x1p-256
		magic = 0x1.8p52 + 0x1p31 + 4*(1023-256)
		top   = 7.25
	)
	dst = dst[:len(x)]
	for i, v := range x {
		if !(v < top) { // NaN, too
			dst[i] = v
			continue
		}
		if v < -21.75 {
			v = -21.75
		}
		k, r, _ := geluTanhArgument64(v, magic)
		s, q := expScaled64(k, r)
		sum := c + s
		d := sum + math.FMA(s, q, (max(c, s)-sum)+min(c, s))
		dst[i] = float64(v/d) * c
	}
}

// The derivative. In float64, with E = exp(-z) for |x|, z' its derivative, q = E/(1+E), t = 1/(1+E)
// and m = z'*|x|, it is q - q*m*t for -|x|, and 1 less that for |x|. What the rounding of q lost is
// ql, and t has as much too much.
func geluTanhBackwardGeneric[T Float](dx, dy, x []T) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		if is32[T]() {
			dx[i] = dy[i] * T(geluTanhBend.slope(float32(v)))
		} else {
			dx[i] = dy[i] * T(geluTanhSlope64(float64(v)))
		}
	}
}

func geluTanhSlope64(x float64) float64 {
	const (
		slopeA   = 0x1.9884533d43651p+0
		slopeALo = -0x1.cbc0d30ebfd15p-54
		slopeB3  = 0x1.b6676bf7450f0p-3
		c        = 0x1p256
		magic    = 0x1.8p52 + 0x1p31 + 4*(1023+256)
	)
	a := math.Float64frombits(math.Float64bits(x) &^ (1 << 63))
	if a > 22 {
		a = 22
	}
	k, r, u := geluTanhArgument64(a, magic)
	s, p := expScaled64(k, r)
	e := math.FMA(s, p, s)
	el := math.FMA(s, p, s-e)
	d := c + e
	dl := (c - d) + e
	q, t := e/d, c/d
	ql := math.FMA(-q, dl, math.FMA(-q, d, e)+el)
	ql = float64(float64(ql*(1/c)) * t)
	slope := math.FMA(u, slopeB3, slopeA)
	sl := math.FMA(u, slopeB3, slopeA-slope)
	m := float64(a * slope)
	ml := math.FMA(-a, sl+slopeALo, math.FMA(-a, slope, m))
	mt := float64(m * t)
	mtl := math.FMA(ml, t, math.FMA(-m, t, mt))
	ql = math.FMA(q, mtl, float64(ql*math.FMA(m, q-t, 1)))
	below := q + math.FMA(-q, mt, ql)
	if x < 0 {
		return below
	}
	return 1 - below
}
