package ktest

import (
	"math"
	"math/big"
	"sync"
)

// Prec is the precision in bits of the references in math/big. Their results are good to at least
// 200 bits.
const Prec = 240

func newBig() *big.Float { return new(big.Float).SetPrec(Prec) }

// Big returns x as a big.Float of the references' precision.
func Big(x float64) *big.Float { return newBig().SetFloat64(x) }

var bigOne = Big(1)

// bigLn2 is ln 2 from the series 2*atanh(1/3).
var bigLn2 = sync.OnceValue(func() *big.Float { return atanh2(newBig().Quo(Big(1), Big(3))) })

// atanh2 returns 2*atanh(s) = log((1+s)/(1-s)) for small |s| by its series.
func atanh2(s *big.Float) *big.Float {
	s2 := newBig().Mul(s, s)
	sum, pow := newBig().Set(s), newBig().Set(s)
	for i := 3; pow.Sign() != 0; i += 2 {
		pow.Mul(pow, s2)
		term := newBig().Quo(pow, Big(float64(i)))
		if term.Sign() == 0 || term.MantExp(nil) < sum.MantExp(nil)-Prec-8 {
			break
		}
		sum.Add(sum, term)
	}
	return sum.Add(sum, sum)
}

// ExpBig returns e^x: the argument is reduced by a multiple of ln 2 and halved eight times, then
// the Taylor series is squared back.
func ExpBig(x *big.Float) *big.Float {
	if x.IsInf() {
		if x.Sign() < 0 {
			return newBig()
		}
		return newBig().SetInf(false)
	}
	f, _ := x.Float64()
	k := int(math.RoundToEven(f / math.Ln2))
	// A little more precision than asked for covers the squarings.
	const p = Prec + 40
	r := new(big.Float).SetPrec(p).Mul(bigLn2Wide(), new(big.Float).SetPrec(p).SetInt64(int64(k)))
	r.Sub(new(big.Float).SetPrec(p).Set(x), r)
	const halvings = 8
	r.SetMantExp(r, -halvings)
	sum := new(big.Float).SetPrec(p).SetInt64(1)
	term := new(big.Float).SetPrec(p).SetInt64(1)
	for i := 1; term.Sign() != 0 && term.MantExp(nil) > -p; i++ {
		term.Mul(term, r)
		term.Quo(term, new(big.Float).SetPrec(p).SetInt64(int64(i)))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return newBig().SetMantExp(newBig().Set(sum), k)
}

var bigLn2Wide = sync.OnceValue(func() *big.Float {
	const p = Prec + 60
	s := new(big.Float).SetPrec(p).Quo(big.NewFloat(1).SetPrec(p), big.NewFloat(3).SetPrec(p))
	s2 := new(big.Float).SetPrec(p).Mul(s, s)
	sum, pow := new(big.Float).SetPrec(p).Set(s), new(big.Float).SetPrec(p).Set(s)
	for i := int64(3); pow.MantExp(nil) > -p-8; i += 2 {
		pow.Mul(pow, s2)
		sum.Add(sum, new(big.Float).SetPrec(p).Quo(pow, new(big.Float).SetPrec(p).SetInt64(i)))
	}
	return sum.Add(sum, sum)
})

// LogBig returns log x for x > 0: package math's guess, then Halley's iteration on ExpBig, which
// triples the correct bits each time.
func LogBig(x *big.Float) *big.Float {
	m := newBig()
	e := x.MantExp(m) // x = m * 2^e, m in [.5, 1)
	if e == 1 || e == 0 {
		// Near one the result is small: the series keeps its relative precision.
		d := newBig().Sub(x, bigOne)
		if d.Sign() == 0 {
			return newBig()
		}
		if d.MantExp(nil) < -4 {
			return Log1pBig(d)
		}
	}
	f, _ := m.Float64()
	y := Big(math.Log(f))
	for range 2 {
		ey := ExpBig(y)
		num := newBig().Sub(m, ey)
		den := newBig().Add(m, ey)
		num.Quo(num, den)
		y.Add(y, num.Add(num, num))
	}
	k := newBig().Mul(bigLn2(), Big(float64(e)))
	return y.Add(y, k)
}

// Expm1Big returns e^x - 1, with full relative precision for tiny x.
func Expm1Big(x *big.Float) *big.Float {
	if x.Sign() == 0 || x.IsInf() || x.MantExp(nil) >= -4 {
		y := ExpBig(x)
		return y.Sub(y, bigOne)
	}
	y := newBig()
	for i := 40; i > 0; i-- { // x/i * (1 + the terms after it)
		y.Add(y, bigOne)
		y.Mul(y, newBig().Quo(x, Big(float64(i))))
	}
	return y
}

// Log1pBig returns log(1+v) for v > -1, with full relative precision for tiny v.
func Log1pBig(v *big.Float) *big.Float {
	if v.Sign() == 0 {
		return newBig()
	}
	if v.IsInf() {
		return newBig().SetInf(false)
	}
	if v.MantExp(nil) < -4 {
		s := newBig().Add(Big(2), v)
		return atanh2(s.Quo(v, s))
	}
	return LogBig(newBig().Add(bigOne, v))
}

// SigmoidBig returns 1/(1+e^-x).
func SigmoidBig(x float64) *big.Float {
	switch {
	case x < -1e6:
		return newBig()
	case x > 1e6:
		return Big(1)
	}
	e := ExpBig(Big(-x))
	return e.Quo(bigOne, e.Add(e, bigOne))
}

// TanhBig returns tanh x, with full relative precision for tiny x.
func TanhBig(x float64) *big.Float {
	if math.Abs(x) > 1e6 {
		return Big(math.Copysign(1, x))
	}
	if x == 0 {
		return newBig()
	}
	if math.Abs(x) < 0.0625 {
		// tanh x = sinh x / cosh x by their series.
		x2 := newBig().Mul(Big(x), Big(x))
		sinh, cosh := Big(x), Big(1)
		ts, tc := Big(x), Big(1)
		for i := 1; i < 60; i++ {
			tc.Mul(tc, x2)
			tc.Quo(tc, Big(float64((2*i-1)*(2*i))))
			ts.Mul(ts, x2)
			ts.Quo(ts, Big(float64((2*i)*(2*i+1))))
			sinh.Add(sinh, ts)
			cosh.Add(cosh, tc)
		}
		return sinh.Quo(sinh, cosh)
	}
	e := ExpBig(newBig().Mul(Big(2), Big(x)))
	n := newBig().Sub(e, bigOne)
	return n.Quo(n, e.Add(e, bigOne))
}

// A RowBig holds the terms of the softmax and the cross-entropy of one finite row, exact to the
// precision of the references.
type RowBig struct {
	x   []*big.Float // scaled logits
	w   []*big.Float // e^(x-max)
	sum *big.Float   // of w
	max int          // index of the first maximum
}

// NewRowBig prepares a row. Entries may be -Inf, but not all of them; NaN and +Inf are not allowed.
func NewRowBig[T Float](row []T) *RowBig {
	b := &RowBig{sum: newBig()}
	for j, v := range row {
		if v > row[b.max] {
			b.max = j
		}
	}
	m := Big(float64(row[b.max]))
	for _, v := range row {
		if math.IsInf(float64(v), -1) {
			b.x = append(b.x, newBig().SetInf(true))
			b.w = append(b.w, newBig())
			continue
		}
		x := Big(float64(v))
		d := newBig().Sub(x, m)
		w := newBig()
		if d.Cmp(Big(-1e6)) > 0 {
			w = ExpBig(d)
		}
		b.x = append(b.x, x)
		b.w = append(b.w, w)
		b.sum.Add(b.sum, w)
	}
	return b
}

// without sums w with entry j left out, so that nothing cancels.
func (b *RowBig) without(j int) *big.Float {
	s := newBig()
	for i, w := range b.w {
		if i != j {
			s.Add(s, w)
		}
	}
	return s
}

// Prob returns the softmax of entry j.
func (b *RowBig) Prob(j int) *big.Float { return newBig().Quo(b.w[j], b.sum) }

// NegLogProb returns -log of the softmax of entry j, accurate also where the probability is close
// to one. It is +Inf for an entry of -Inf.
func (b *RowBig) NegLogProb(j int) *big.Float {
	if b.x[j].IsInf() {
		return newBig().SetInf(false)
	}
	l := Log1pBig(b.without(b.max)) // log of sum: the maximum's w is 1
	d := newBig().Sub(b.x[b.max], b.x[j])
	return l.Add(l, d)
}

// Grad returns softmax - onehot at entry j for the given label, without cancellation.
func (b *RowBig) Grad(j, label int) *big.Float {
	if j != label {
		return b.Prob(j)
	}
	r := b.without(j)
	r.Quo(r, b.sum)
	return r.Neg(r)
}

// ProbLoss returns the cross-entropy with target probabilities t: the sum of -t*log p over entries
// where t is not zero.
func ProbLossBig[T Float](b *RowBig, t []T) *big.Float {
	s := newBig()
	for j, v := range t {
		if v != 0 {
			s.Add(s, newBig().Mul(Big(float64(v)), b.NegLogProb(j)))
		}
	}
	return s
}

// ProbGradBig returns entry j of the gradient of ProbLossBig by the logits: p*sum(t) - t, exact.
func ProbGradBig[T Float](b *RowBig, t []T, j int) *big.Float {
	// p*St - t_j = (w_j*(St-t_j) - t_j*(S-w_j)) / S
	s := newBig()
	for i, v := range t {
		if i != j {
			s.Add(s, Big(float64(v)))
		}
	}
	s.Mul(s, b.w[j])
	r := b.without(j)
	s.Sub(s, r.Mul(r, Big(float64(t[j]))))
	return s.Quo(s, b.sum)
}
