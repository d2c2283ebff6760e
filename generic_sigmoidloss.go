package kernels

import "math"

// log(1+E) = 2*atanh(s), s = E/(2+E): (2*atanh(s)/s - 2)/u in u = s*s on |s| <= 1/3.
const (
	l0F32 = 0x1.555556p-1
	l1F32 = 0x1.9998d4p-2
	l2F32 = 0x1.24c926p-2
	l3F32 = 0x1.bc8cf2p-3
	l4F32 = 0x1.dba27ep-3

	l0F64 = 0x1.5555555555555p-1
	l1F64 = 0x1.999999999a3ddp-2
	l2F64 = 0x1.24924923d44acp-2
	l3F64 = 0x1.c71c727144729p-3
	l4F64 = 0x1.745cf0b0a125ap-3
	l5F64 = 0x1.3b18b29ba9df4p-3
	l6F64 = 0x1.10ac756ae7399p-3
	l7F64 = 0x1.eb9066f48c871p-4
	l8F64 = 0x1.687a436582196p-4
	l9F64 = 0x1.4b0a54788458dp-3
)

// sigmoidLossTermsF32 returns log(1+E) and E/(1+E), E = exp(-|x|), from w = E*2^64. In float32 operations:
//
//	s1 = w / fma(w, 2^-64, 2); s = s1*2^-64; u = s*s
//	r = fma(fma(fma(fma(l4, u, l3), u, l2), u, l1), u, l0)
//	l = fma(s1*u, r, s1+s1) * 2^-64
//	small = w / fma(w, 2^-64, 1) * 2^-64
func sigmoidLossTermsF32(x float32) (l, small float32) {
	const unit = 0x1p-64
	c := expRowF32{lo: -105, mg: 0x1.8p52 + 191}
	w := c.exp(-math.Float32frombits(math.Float32bits(x) &^ (1 << 31)))
	s1 := w / fma32(w, unit, 2)
	s := s1 * unit
	u := s * s
	r := fma32(l4F32, u, l3F32)
	r = fma32(r, u, l2F32)
	r = fma32(r, u, l1F32)
	r = fma32(r, u, l0F32)
	l = fma32(s1*u, r, s1+s1) * unit
	small = w / fma32(w, unit, 1) * unit
	return l, small
}

func sigmoidLossTermsF64(x float64) (l, small float64) {
	const unit = 0x1p-512
	c := expRowF64{lo: -750, mg: 0x1.8p52 + 1535}
	w := c.exp(-math.Abs(x))
	s1 := w / math.FMA(w, unit, 2)
	s := s1 * unit
	u := s * s
	r := math.FMA(l9F64, u, l8F64)
	r = math.FMA(r, u, l7F64)
	r = math.FMA(r, u, l6F64)
	r = math.FMA(r, u, l5F64)
	r = math.FMA(r, u, l4F64)
	r = math.FMA(r, u, l3F64)
	r = math.FMA(r, u, l2F64)
	r = math.FMA(r, u, l1F64)
	r = math.FMA(r, u, l0F64)
	l = math.FMA(s1*u, r, s1+s1) * unit
	small = w / math.FMA(w, unit, 1) * unit
	return l, small
}

// The loss is pos*(-log(sigmoid(x))) + neg*(-log(1-sigmoid(x))): l times the sum of pos and neg, which is 1 without a weight, and |x| times
// the one of them that x is not on the side of; where that is 0, |x| may be Inf.

func sigmoidLossF32Generic(losses, x, t []float32) {
	losses, t = losses[:len(x)], t[:len(x)]
	for i, v := range x {
		l, _ := sigmoidLossTermsF32(v)
		losses[i] = lossOfF32(v, l, t[i], 1-t[i])
	}
}

func sigmoidLossPosF32Generic(losses, x, t, p []float32) {
	losses, t, p = losses[:len(x)], t[:len(x)], p[:len(x)]
	for i, v := range x {
		l, _ := sigmoidLossTermsF32(v)
		pos, neg := float32(p[i]*t[i]), 1-t[i]
		l = float32(float32(pos+neg) * l)
		losses[i] = lossOfF32(v, l, pos, neg)
	}
}

func sigmoidLossGradF32Generic(dst, losses, x, t []float32, scale float32) {
	dst, losses, t = dst[:len(x)], losses[:len(x)], t[:len(x)]
	for i, v := range x {
		l, small := sigmoidLossTermsF32(v)
		pos, neg := t[i], 1-t[i]
		losses[i] = lossOfF32(v, l, pos, neg)
		dst[i] = gradOfF32(v, small, pos, neg) * scale
	}
}

func sigmoidLossGradPosF32Generic(dst, losses, x, t, p []float32, scale float32) {
	dst, losses, t, p = dst[:len(x)], losses[:len(x)], t[:len(x)], p[:len(x)]
	for i, v := range x {
		l, small := sigmoidLossTermsF32(v)
		pos, neg := float32(p[i]*t[i]), 1-t[i]
		l = float32(float32(pos+neg) * l)
		losses[i] = lossOfF32(v, l, pos, neg)
		dst[i] = gradOfF32(v, small, pos, neg) * scale
	}
}

func lossOfF32(x, l, pos, neg float32) float32 {
	c := neg
	if x < 0 {
		c, x = pos, -x
	}
	if c == 0 {
		return l
	}
	return fma32(c, x, l)
}

// gradOfF32 returns neg*sigmoid(x) - pos*sigmoid(-x), the first product rounded.
func gradOfF32(x, small, pos, neg float32) float32 {
	large := 1 - small
	if x < 0 {
		small, large = large, small
	}
	return fma32(-pos, small, float32(neg*large))
}

func sigmoidLossF64Generic(losses, x, t []float64) {
	losses, t = losses[:len(x)], t[:len(x)]
	for i, v := range x {
		l, _ := sigmoidLossTermsF64(v)
		losses[i] = lossOfF64(v, l, t[i], 1-t[i])
	}
}

func sigmoidLossPosF64Generic(losses, x, t, p []float64) {
	losses, t, p = losses[:len(x)], t[:len(x)], p[:len(x)]
	for i, v := range x {
		l, _ := sigmoidLossTermsF64(v)
		pos, neg := float64(p[i]*t[i]), 1-t[i]
		l = float64((pos + neg) * l)
		losses[i] = lossOfF64(v, l, pos, neg)
	}
}

func sigmoidLossGradF64Generic(dst, losses, x, t []float64, scale float64) {
	dst, losses, t = dst[:len(x)], losses[:len(x)], t[:len(x)]
	for i, v := range x {
		l, small := sigmoidLossTermsF64(v)
		pos, neg := t[i], 1-t[i]
		losses[i] = lossOfF64(v, l, pos, neg)
		dst[i] = gradOfF64(v, small, pos, neg) * scale
	}
}

func sigmoidLossGradPosF64Generic(dst, losses, x, t, p []float64, scale float64) {
	dst, losses, t, p = dst[:len(x)], losses[:len(x)], t[:len(x)], p[:len(x)]
	for i, v := range x {
		l, small := sigmoidLossTermsF64(v)
		pos, neg := float64(p[i]*t[i]), 1-t[i]
		l = float64((pos + neg) * l)
		losses[i] = lossOfF64(v, l, pos, neg)
		dst[i] = gradOfF64(v, small, pos, neg) * scale
	}
}

func lossOfF64(x, l, pos, neg float64) float64 {
	c := neg
	if x < 0 {
		c, x = pos, -x
	}
	if c == 0 {
		return l
	}
	return math.FMA(c, x, l)
}

func gradOfF64(x, small, pos, neg float64) float64 {
	large := 1 - small
	if x < 0 {
		small, large = large, small
	}
	return math.FMA(-pos, small, float64(neg*large))
}
