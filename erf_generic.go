package kernels

import "math"

// Erf. In float32, with t = |x| - N, for a number N near |x| from a table, it is C0 + C1*t + C2*t*t
// + ... with coefficients from tables. In the cell at 0, N is 0 and |x| stands in the place of C0.
// In float64, with a = |x|, it is a + a*P(a*a) below 1.03125, and from there on 1 - exp(-a*a)*F(w),
// w = (a-3)/(a+3), with the exponential of GELUTanh.

func erfGeneric[T Float](dst, x []T) {
	if is32[T]() {
		erf32(f32(dst), f32(x))
	} else {
		erf64(f64(dst), f64(x))
	}
}

func erf32(dst, x []float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		a := math.Float32frombits(math.Float32bits(v) &^ (1 << 31))
		if a > 3.95 {
			a = 3.95
		}
		j := math.Float32bits(fma32(a, 1/0.53125, 0x1.8p23)) & 7
		t := a - erfN[j]
		y := erfC[7][j]
		for k := 6; k > 0; k-- {
			y = fma32(y, t, erfC[k][j])
		}
		base := erfC[0][j]
		if erfN[j] == 0 {
			base = a
		}
		y = fma32(y, t, base)
		dst[i] = math.Float32frombits(math.Float32bits(y) | math.Float32bits(v)&(1<<31))
	}
}

func erf64(dst, x []float64) {
	const (
		perOctave = 0x1.71547652b82fep+2 // 4/ln 2
		magic     = 0x1.8p52 + 0x1p31 + 4*1023
	)
	dst = dst[:len(x)]
	for i, v := range x {
		a := math.Float64frombits(math.Float64bits(v) &^ (1 << 63))
		if a > 6 {
			a = 6
		}
		z := float64(a * a)
		var y float64
		if a < 1.03125 {
			y = math.FMA(a, hornerOf(erfNear[:], z), a)
		} else {
			k := math.FMA(-z, perOctave, magic)
			s, p := expScaled64(k, math.FMA(-z, perOctave, magic-k))
			t := float64(s * hornerOf(erfTail[:], (a-3)/(a+3)))
			y = 1 - math.FMA(t, p, t)
		}
		dst[i] = math.Float64frombits(math.Float64bits(y) | math.Float64bits(v)&(1<<63))
	}
}

// hornerOf evaluates a polynomial, whose coefficients begin with the constant.
func hornerOf(c []float64, x float64) float64 {
	y := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		y = math.FMA(y, x, c[i])
	}
	return y
}

// The tables of float32, by the number of the cell: |x|/0.53125, rounded.
var erfN = [8]float32{
	0, 0x1.0f8272p-1, 0x1.1077ap+0, 0x1.97e504p+0,
	0x1.1096e8p+1, 0x1.53d786p+1, 0x1.982822p+1, 0x1.dcabcap+1,
}

var erfC = [8][8]float32{
	{
		0, 0x1.17eac2p-1, 0x1.bc4632p-1, 0x1.f396f4p-1,
		0x1.feab82p-1, 0x1.ffe942p-1, 0x1.ffff26p-1, 0x1.fffffcp-1,
	},
	{
		0x1.06eba8p-3, 0x1.b41c74p-1, 0x1.743678p-2, 0x1.6cf8ecp-4,
		0x1.8c89aep-7, 0x1.00ced2p-10, 0x1.6b4a26p-15, 0x1.1f5dfcp-20,
	},
	{
		0, -0x1.ce8822p-2, -0x1.8c27eep-2, -0x1.22c32cp-3,
		-0x1.a63b84p-6, -0x1.54ea0cp-9, -0x1.21a04p-13, -0x1.0b9f08p-18,
	},
	{
		-0x1.812728p-2, -0x1.fce446p-4, 0x1.3a0ae2p-3, 0x1.f00dd6p-4,
		0x1.0aaf2cp-5, 0x1.184f0ap-8, 0x1.24b31p-12, 0x1.4040d2p-17,
	},
	{
		0, 0x1.77b3b8p-3, 0x1.843556p-5, -0x1.92a4ep-5,
		-0x1.ab545ep-6, -0x1.3b4bf6p-8, -0x1.a1c0ep-12, -0x1.1264bap-16,
	},
	{
		0x1.ce0dacp-4, -0x1.ac0ebcp-10, -0x1.0efcecp-4, -0x1.48d79ep-8,
		0x1.980bf6p-7, 0x1.f5a654p-9, 0x1.bd71cp-12, 0x1.687e16p-16,
	},
	{
		0, -0x1.83befap-5, 0x1.49ca6ap-7, 0x1.ffddf4p-7,
		-0x1.bac83ep-10, -0x1.139f6ep-9, -0x1.78998cp-12, -0x1.974d74p-16,
	},
	{
		-0x1.ac45a8p-6, 0x1.e3beaep-8, 0x1.945866p-7, -0x1.773122p-8,
		-0x1.f6f3d4p-10, 0x1.5bdc4ep-11, 0x1.cb900ep-13, 0x1.5878e6p-16,
	},
}

// P and F of float64.
var (
	erfNear = [...]float64{
		0x1.06eba8214db69p-3, -0x1.812746b0379b5p-2, 0x1.ce2f21a03ffa3p-4, -0x1.b82ce311b90b4p-6,
		0x1.565bccf003abdp-8, -0x1.c02daece44039p-11, 0x1.f9a297618068ap-14, -0x1.f4c826dff1705p-17,
		0x1.b96a6dbb2de67p-20, -0x1.5b83ab4b866a8p-23, 0x1.d38de52d6b804p-27, -0x1.a11d0a4622babp-31,
	}
	erfTail = [...]float64{
		0x1.6e9827d2296ecp-3, -0x1.4e102b9d09dd8p-2, 0x1.f6ff203e5ac1dp-3, -0x1.336ffbf6143d9p-3,
		0x1.258b16770c482p-4, -0x1.8fa4e37f53f1cp-6, 0x1.17dc01bd774f6p-8, 0x1.75dd24aff721fp-11,
		-0x1.30bba88be99b3p-11, 0x1.3fc48866b830fp-14, 0x1.af5d41187c72fp-14, 0x1.fd01536ef9be1p-17,
	}
)
