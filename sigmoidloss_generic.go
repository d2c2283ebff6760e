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

// sigmoidLossTerms returns log(1+E) and E/(1+E), E = exp(-|x|), from w = a*E/unit,
// where a is the first entry of the row's table, in float64 the second. In float32
// operations:
//
//	s1 = w / fma(w, unit, 2*a); s = s1*unit; u = s*s
//	r = fma(fma(fma(fma(l4, u, l3), u, l2), u, l1), u, l0)
//	log(1+E) = fma(s1*u, r, s1+s1) * unit
//	E/(1+E) = w / fma(w, unit, a) * unit
func sigmoidLossTerms[T Float](x T) (l, small T) {
	if is32[T]() {
		const unit, a = 0x1p-64, 0x1.4b2404p+0
		w := lossExp32(float32(x))
		s1 := w / fma32(w, unit, 2*a)
		s := s1 * unit
		u := s * s
		r := fma32(l4F32, u, l3F32)
		r = fma32(r, u, l2F32)
		r = fma32(r, u, l1F32)
		r = fma32(r, u, l0F32)
		return T(fma32(s1*u, r, s1+s1) * unit), T(w / fma32(w, unit, a) * unit)
	}
	const unit, a = 0x1p-512, 0x1.4f6647eb09a0ap+0
	b := math.Abs(float64(x))
	if b > 750 {
		b = 750
	}
	s0, t := rowTable64.reduce64(-b, magicF64+1)
	w := math.FMA(s0, math.FMA(float64(t*t), poly64(t), t), s0)
	s1 := w / math.FMA(w, unit, 2*a)
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
	return T(math.FMA(s1*u, r, s1+s1) * unit), T(w / math.FMA(w, unit, a) * unit)
}

// lossExp32 returns w in float32.
func lossExp32(x float32) float32 {
	b := math.Abs(float64(x))
	if b > 105 {
		b = 105
	}
	s, t := rowTable32.reduce32(-b, magicF32)
	p := sigmoidP32(t)
	w := s*p + s
	if halfway(w) {
		w = roundOdd(s*p, s)
	}
	return float32(w)
}

// With pos = p*t, where p is 1 if there is none, and neg = 1-t:
//
//	loss = pos*(-log(sigmoid(x))) + neg*(-log(1-sigmoid(x)))
//	     = (pos+neg)*log(1+E) + |x|*(neg if x >= 0, pos if x < 0)
//	gradient = neg*sigmoid(x) - pos*sigmoid(-x), the first product rounded
//
// Without p, pos+neg is 1.

func sigmoidLossGeneric[T Float](losses, x, t []T) {
	sigmoidLossPosGeneric(losses, x, t, nil)
}

func sigmoidLossPosGeneric[T Float](losses, x, t, p []T) {
	losses, t = losses[:len(x)], t[:len(x)]
	for i, v := range x {
		l, _ := sigmoidLossTerms(v)
		pos, neg := t[i], 1-t[i]
		if p != nil {
			pos = T(p[i] * t[i])
			l = T(T(pos+neg) * l)
		}
		c, a := neg, v
		if v < 0 {
			c, a = pos, -v
		}
		switch {
		case c == 0: // |x| may be infinite
			losses[i] = l
		case is32[T]():
			losses[i] = T(fma32(float32(c), float32(a), float32(l)))
		default:
			losses[i] = T(math.FMA(float64(c), float64(a), float64(l)))
		}
	}
}

func sigmoidLossGradGeneric[T Float](dst, losses, x, t []T, scale T) {
	sigmoidLossGradPosGeneric(dst, losses, x, t, nil, scale)
}

func sigmoidLossGradPosGeneric[T Float](dst, losses, x, t, p []T, scale T) {
	dst, losses, t = dst[:len(x)], losses[:len(x)], t[:len(x)]
	for i, v := range x {
		l, small := sigmoidLossTerms(v)
		pos, neg, large := t[i], 1-t[i], 1-small
		if p != nil {
			pos = T(p[i] * t[i])
			l = T(T(pos+neg) * l)
		}
		c, a := neg, v
		if v < 0 {
			c, a, small, large = pos, -v, large, small
		}
		switch {
		case c == 0:
			losses[i] = l
		case is32[T]():
			losses[i] = T(fma32(float32(c), float32(a), float32(l)))
		default:
			losses[i] = T(math.FMA(float64(c), float64(a), float64(l)))
		}
		if g := T(neg * large); is32[T]() {
			dst[i] = T(fma32(float32(-pos), float32(small), float32(g))) * scale
		} else {
			dst[i] = T(math.FMA(float64(-pos), float64(small), float64(g))) * scale
		}
	}
}
