package kernels

import "math"

// GELU. With a = |x| and R(a) = exp(a*a/2)*erfc(a/sqrt(2))/2, it is max(0, x) - a*R(a)*exp(-a*a/2).
// V = a*R(a) is in two parts: v and, with its sign changed, vn. The exponential is as in GELUTanh.

func geluGeneric[T Float](dst, x []T) {
	if is32[T]() {
		gelu32(f32(dst), f32(x))
	} else {
		gelu64(f64(dst), f64(x))
	}
}

func gelu32(dst, x []float32) {
	const (
		kHi     = 0x1.715476p+2
		kLo     = 0x1.4ae0cp-24
		magic   = 0x1.8p23 + 8*127
		magicUp = 0x1.8p23 + 8*(127+64)
	)
	dst = dst[:len(x)]
	for i, v := range x {
		if v != v {
			dst[i] = v
			continue
		}
		a := math.Float32frombits(math.Float32bits(v) &^ (1 << 31))
		if a > 14.5 {
			a = 14.5
		}
		sum := a + 1.5
		j := math.Float32bits(sum) >> 22 & 7
		t := a - geluN[j]
		q := geluC[8][j]
		for k := 7; k > 0; k-- {
			q = fma32(q, t, geluC[k][j])
		}
		base, scale, m := geluC[0][j], float32(0x1p-64), float32(magicUp)
		if sum < 2 {
			base, scale, m = t*0.5, 1, magic
		}
		y := fma32(q, t, base)
		yn := fma32(-q, t, y-base)
		h := a * a
		k := fma32(-h, kHi, m)
		r := fma32(-h, kHi, m-k)
		r = fma32(fma32(-a, a, h), kHi, r)
		r = fma32(-h, kLo, r)
		s, p := expScaled32(k, r)
		y, yn = y*scale, yn*scale
		more := fma32(-y, p, yn)
		if v < 0 {
			y = fma32(-s, y, s*more)
		} else {
			y = fma32(-s, y-more, v)
		}
		dst[i] = math.Float32frombits(math.Float32bits(y) | math.Float32bits(v)&(1<<31))
	}
}

// geluN and geluC have the polynomials of V in float32, by the bits of a+1.5.
var geluN = [8]float32{
	0x1.ff7bf8p-1, 0x1.ff556p+0, 0x1.bfb4bep+1, 0x1.5f12a6p+2,
	0x1.1094fep+3, 0x1.90bfa6p+3, 0, 0,
}

var geluC = [9][8]float32{
	{
		0x1.0bba5cp-2, 0x1.5828bcp-2, 0x1.7d1c68p-2, 0x1.8c1c3p-2,
		0x1.931adcp-2, 0x1.95f5ep-2, 0, 0,
	},
	{
		0x1.fd673ap-4, 0x1.5e0c02p-5, 0x1.a347cep-7, 0x1.09c488p-8,
		0x1.38fe04p-10, 0x1.9a67a4p-12, 0, 0,
	},
	{
		-0x1.34b5eap-4, -0x1.4a8abep-6, -0x1.1f75b6p-8, -0x1.04649ap-10,
		-0x1.a33534p-13, -0x1.7fc1cep-15, 0, -0x1.988452p-2,
	},
	{
		0x1.2fceb8p-5, 0x1.03f232p-7, 0x1.508bf2p-10, 0x1.bb4064p-13,
		0x1.ed68b4p-16, 0x1.3d1d36p-18, 0, 0x1.ffff8cp-3,
	},
	{
		-0x1.03dec2p-6, -0x1.6a3beap-9, -0x1.641b7cp-12, -0x1.5a190cp-15,
		-0x1.0d3654p-18, -0x1.e88674p-22, 0, -0x1.1050c8p-3,
	},
	{
		0x1.8f7658p-8, 0x1.ccb072p-11, 0x1.5c5c9ap-14, 0x1.fbab22p-18,
		0x1.15221p-21, 0x1.669f78p-25, 0, 0x1.ff0fp-5,
	},
	{
		-0x1.1a3c0cp-9, -0x1.1081a2p-12, -0x1.42356p-16, -0x1.63af9p-20,
		-0x1.12cf88p-24, -0x1.fcfaaep-29, 0, -0x1.ab5c92p-6,
	},
	{
		0x1.876b1ep-11, 0x1.3afcb4p-14, 0x1.3aa39cp-18, 0x1.fc24b2p-23,
		0x1.3006f2p-27, 0x1.79071ap-32, 0, 0x1.2ad162p-7,
	},
	{
		-0x1.e59cdep-13, -0x1.4bf39cp-16, -0x1.0c307cp-20, -0x1.47314ep-25,
		-0x1.2a514ap-30, -0x1.07572cp-35, 0, -0x1.02c676p-9,
	},
}

// geluT has those of (a+1.1875)*R(a)*2^128 in float64, in w = (a-5)/(a+5). geluTLo is what the
// constant lacks.
var geluT = [...]float64{
	0x1.e75c57e7a493ap+126, -0x1.e52c6db249fd2p+124, 0x1.b07b835d217e2p+123, -0x1.52630d0d42654p+120,
	-0x1.1d8b050bbbfbap+122, 0x1.4a160ae0f8f63p+122, -0x1.b9dc77072e512p+121, 0x1.8e31d1056218dp+120,
	-0x1.ac94b9618552cp+118, 0x1.148f7f98f9b88p+113, 0x1.669f1ea3ddd44p+115, -0x1.c02f27fa4d883p+113,
	-0x1.224577c4a39adp+111, 0x1.280b74ca0ff1p+111, -0x1.a368a435446c1p+105, -0x1.53434445b5eb3p+108,
	0x1.2a61786ec64cbp+105, 0x1.99fc2a961dc99p+105, -0x1.9bf4ef6ec8266p+102, -0x1.05ee237c8761ap+103,
	0x1.bc47cf717f814p+97, 0x1.028503a0d5df1p+100, 0x1.69cccfb2969eap+97,
}

const geluTLo = 0x1.42266d66ea2afp+72

// geluT64 returns T in two parts.
func geluT64(a float64) (t, tl float64) {
	w := (a+a)/(a+5) - 1
	square := float64(w * w)
	even, odd := geluT[22], geluT[21]
	for i := 20; i > 3; i -= 2 {
		even = math.FMA(even, square, geluT[i])
		if i > 4 {
			odd = math.FMA(odd, square, geluT[i-1])
		}
	}
	p := math.FMA(odd, w, even)
	for i := 3; i > 0; i-- {
		p = math.FMA(p, w, geluT[i])
	}
	t = math.FMA(p, w, geluT[0])
	return t, math.FMA(p, w, geluT[0]-t) + geluTLo
}

// geluSum64 returns a+1.1875 in two parts.
func geluSum64(a float64) (d, dl float64) {
	d = a + 1.1875
	more := d - a
	return d, (a - (d - more)) + (1.1875 - more)
}

// geluArgument64 returns n and the magic number, and r, of -a*a/2 in quarters of an octave.
func geluArgument64(a, magic float64) (k, r float64) {
	const (
		kHi = 0x1.71547652b82fep+1
		kLo = 0x1.777d0ffda0ep-55
	)
	h := float64(a * a)
	k = math.FMA(-h, kHi, magic)
	r = math.FMA(-h, kHi, magic-k)
	r = math.FMA(math.FMA(-a, a, h), kHi, r)
	return k, math.FMA(-h, kLo, r)
}

const geluEnd64 = 38.75

func gelu64(dst, x []float64) {
	const magic = 0x1.8p52 + 0x1p31 + 4*(1023+(1<<12)-128)
	dst = dst[:len(x)]
	for i, v := range x {
		if v != v {
			dst[i] = v
			continue
		}
		a := math.Float64frombits(math.Float64bits(v) &^ (1 << 63))
		if a > geluEnd64 {
			a = geluEnd64
		}
		far := math.Float64bits(a) & (1 << 62) >> 2
		t, tl := geluT64(a)
		d, dl := geluSum64(a)
		q := 1 / d
		scaled := math.Float64frombits(math.Float64bits(a) - far)
		m := float64(scaled * t)
		mn := math.FMA(-scaled, tl, math.FMA(-scaled, t, m))
		y := float64(m * q)
		yl := float64((math.FMA(-y, dl, math.FMA(-y, d, m)) - mn) * q)
		k, r := geluArgument64(a, magic)
		s, p := expScaled64(k, r)
		s = math.Float64frombits(math.Float64bits(s) + far)
		more := math.FMA(y, p, yl)
		u := y + more
		lost := (y - u) + more
		y = math.FMA(-s, u, math.FMA(-s, lost, max(0, v)))
		dst[i] = math.Float64frombits(math.Float64bits(y) | math.Float64bits(v)&(1<<63))
	}
}

// The derivative. In float64 it is exp(-a*a/2)*(R(a) - a/sqrt(2*pi)) for -a, and 1 less that for a.
func geluBackwardGeneric[T Float](dx, dy, x []T) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		if is32[T]() {
			dx[i] = dy[i] * T(geluBend.slope(float32(v)))
		} else {
			dx[i] = dy[i] * T(geluSlope64(float64(v)))
		}
	}
}

func geluSlope64(x float64) float64 {
	const (
		density   = 0x1.9884533d43651p+126
		densityLo = -0x1.cbc0d30ebfd15p+72
		magic     = 0x1.8p52 + 0x1p31 + 4*(1023+128)
	)
	a := math.Float64frombits(math.Float64bits(x) &^ (1 << 63))
	if a > geluEnd64 {
		a = geluEnd64
	}
	t, tl := geluT64(a)
	d, dl := geluSum64(a)
	q := 1 / d
	ratio := float64(t * q)
	rest := float64((math.FMA(-ratio, dl, math.FMA(-ratio, d, t)) + tl) * q)
	g := math.FMA(-a, density, ratio)
	gl := math.FMA(-a, density, ratio-g)
	gl = math.FMA(-a, densityLo, gl+rest)
	k, r := geluArgument64(a, magic)
	power, p := expScaled64(k, r)
	e := math.FMA(power, p, power)
	el := math.FMA(power, p, power-e)
	below := math.FMA(e, g, math.FMA(e, gl, float64(el*g)))
	below = float64(below * 0x1p-256)
	if x < 0 {
		return below
	}
	return 1 - below
}

var geluBend = bend{6.05, 1 / 0.8125,
	[8]float32{
		0, 0x1.a06ab2p-1, 0x1.9fcd5cp+0, 0x1.382aep+1,
		0x1.a024eap+1, 0x1.03ddp+2, 0x1.389a38p+2, 0x1.6ca402p+2,
	},
	[8][8]float32{
		{
			0, 0x1.0cd68ap-1, 0x1.3e004ep-1, 0x1.15af58p-1,
			0x1.031226p-1, 0x1.0034a2p-1, 0x1.00019ep-1, 0x1.000006p-1,
		},
		{
			0x1.988454p-1, 0x1.88d298p-2, -0x1.16cf84p-4, -0x1.49ab4ap-4,
			-0x1.1bda6ap-6, -0x1.8e7aa6p-10, -0x1.e2a092p-15, -0x1.236becp-20,
		},
		{
			-0x1.5e6f6cp-22, -0x1.8e6ep-2, -0x1.e340cap-4, 0x1.8cb04ep-5,
			0x1.61bc7ep-6, 0x1.5ca4p-9, 0x1.0bb804p-13, 0x1.83f71ep-19,
		},
		{
			-0x1.10561p-2, 0x1.2db13cp-7, 0x1.115792p-3, 0x1.f6e826p-8,
			-0x1.ccc3fp-7, -0x1.6fabbp-9, -0x1.75b4b8p-13, -0x1.4b6d48p-18,
		},
		{
			-0x1.768b52p-14, 0x1.bbc332p-4, -0x1.df34fp-6, -0x1.9956ecp-6,
			0x1.e2e1bep-9, 0x1.f92f2p-10, 0x1.6c76aep-13, 0x1.9412e6p-18,
		},
		{
			0x1.ee350cp-5, -0x1.604914p-6, -0x1.572a2cp-6, 0x1.8725e2p-7,
			0x1.7b0952p-10, -0x1.b642b2p-11, -0x1.04b7e2p-13, -0x1.747b1ep-18,
		},
		{
			-0x1.62fc7p-10, -0x1.10e76p-6, 0x1.6cbeeap-7, -0x1.0a7368p-14,
			-0x1.b1fbbp-10, 0x1.33adfep-13, 0x1.1aff7ap-14, 0x1.294962p-18,
		},
		{
			-0x1.01d45p-7, 0x1.53cdbp-8, 0x1.43a8eep-11, -0x1.e6b224p-10,
			0x1.1c2ccep-11, 0x1.e38598p-15, -0x1.a26a7ep-16, -0x1.8280d4p-19,
		},
	},
}
