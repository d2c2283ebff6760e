package ktest

import "math"

// A RowRef is a [RowDD] for a row of which few elements change at a time: only their exponentials
// are computed again. Elements more than 740 below the largest do not count.
type RowRef struct {
	x       []float64
	w       []DD // exp(x-base)
	base    float64
	sum     DD
	inverse DD
	top     int // first maximum
	logs    struct {
		ok bool
		l  DD // log1p(R) for the first maximum
	}
}

// Set takes over a row of finite elements.
func (b *RowRef) Set(row []float64) {
	fresh := len(b.x) != len(row)
	if fresh {
		b.x, b.w = make([]float64, len(row)), make([]DD, len(row))
	}
	b.top = 0
	for j, v := range row {
		if v > row[b.top] {
			b.top = j
		}
	}
	if m := row[b.top]; fresh || math.Abs(m-b.base) > 20 {
		b.base, fresh = m, true
	}
	s := DD{}
	for j, v := range row {
		if fresh || v != b.x[j] {
			b.x[j] = v
			b.w[j] = DD{}
			if d := twoSum(v, -b.base); d.Hi > -760 {
				e := ExpDD(d)
				b.w[j] = e.ldexp(e.Exp + 512)
			}
		}
		s = s.Add(b.w[j])
	}
	b.sum = s
	b.inverse = DD{0x1p512, 0}.Div(s)
	b.logs.ok = false
}

// without returns the sum of the exponentials without the one of element j.
func (b *RowRef) without(j int) DD {
	s := DD{}
	for i, w := range b.w {
		if i != j {
			s = s.Add(w)
		}
	}
	return s
}

// Prob returns the softmax at j.
func (b *RowRef) Prob(j int) Scaled { return Scaled{b.w[j].Mul(b.inverse), -512} }

// NegLogProb returns -log of the softmax at j.
func (b *RowRef) NegLogProb(j int) Scaled {
	if !b.logs.ok {
		l := Log1pDD(Scaled{b.without(b.top), -512}.Div(Scaled{b.w[b.top], -512}))
		b.logs.l, b.logs.ok = l.ldexp(l.Exp), true
	}
	return Scaled{twoSum(b.x[b.top], -b.x[j]).Add(b.logs.l), 0}
}

// Grad returns softmax - onehot at j.
func (b *RowRef) Grad(j, label int) Scaled {
	if j != label {
		return b.Prob(j)
	}
	return Scaled{b.without(j).Mul(b.inverse).Neg(), -512}
}

// Top returns the index of the first maximum.
func (b *RowRef) Top() int { return b.top }
