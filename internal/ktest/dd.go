package ktest

import "math"

// A DD is the unevaluated sum of two float64, about 106 bits.
type DD struct{ Hi, Lo float64 }

// A Scaled is a DD times 2^Exp, so that results far below the float64 range keep their precision.
type Scaled struct {
	DD
	Exp int
}

func twoSum(a, b float64) DD {
	s := a + b
	t := s - a
	return DD{s, (a - (s - t)) + (b - t)}
}

func quickTwoSum(a, b float64) DD {
	s := a + b
	return DD{s, b - (s - a)}
}

// Add returns a + b with an error of a few 2^-106 of the result's magnitude (unless opposite values
// cancel).
func (a DD) Add(b DD) DD {
	s := twoSum(a.Hi, b.Hi)
	t := twoSum(a.Lo, b.Lo)
	s = quickTwoSum(s.Hi, s.Lo+t.Hi)
	return quickTwoSum(s.Hi, s.Lo+t.Lo)
}

// Neg returns -a.
func (a DD) Neg() DD { return DD{-a.Hi, -a.Lo} }

// Mul returns a * b.
func (a DD) Mul(b DD) DD {
	p := float64(a.Hi * b.Hi)
	e := math.FMA(a.Hi, b.Hi, -p)
	e += float64(a.Hi*b.Lo) + float64(a.Lo*b.Hi)
	return quickTwoSum(p, e)
}

// MulF returns a * b.
func (a DD) MulF(b float64) DD {
	p := float64(a.Hi * b)
	e := math.FMA(a.Hi, b, -p)
	return quickTwoSum(p, e+float64(a.Lo*b))
}

// Div returns a / b.
func (a DD) Div(b DD) DD {
	q := a.Hi / b.Hi
	r := a.Add(b.MulF(-q))
	q2 := r.Hi / b.Hi
	r = r.Add(b.MulF(-q2))
	q3 := r.Hi / b.Hi
	return quickTwoSum(q, q2).Add(DD{q3, 0})
}

// ldexp multiplies by a power of two that keeps both parts normal.
func (a DD) ldexp(e int) DD { return DD{math.Ldexp(a.Hi, e), math.Ldexp(a.Lo, e)} }

// The leading 32 bits of ln 2: a product with any k below 2^20 is exact.
const ln2A = 0x1.62e42fefp-1

// ln2Parts recomputes ln 2 minus ln2A from the reference in math/big, once.
var ln2Parts = func() DD {
	r := newBig().Sub(bigLn2Wide(), Big(ln2A))
	hi, _ := r.Float64()
	lo, _ := r.Sub(r, Big(hi)).Float64()
	return DD{hi, lo}
}()

// 1/i!, i = 2..10, as double-doubles.
var invFact = func() (f [11]DD) {
	q := Big(1)
	for i := 1; i < len(f); i++ {
		q.Quo(q, Big(float64(i)))
		hi, _ := q.Float64()
		lo, _ := newBig().Sub(q, Big(hi)).Float64()
		f[i] = DD{hi, lo}
	}
	return f
}()

// ExpDD returns e^x for finite |x| < 2^19 with a relative error below 2^-93: x = k ln 2 + 256 r,
// the Taylor series of e^r - 1, squared eight times.
func ExpDD(x DD) Scaled {
	p, k := expm1Reduced(x)
	return Scaled{p.Add(DD{1, 0}), k}
}

// expm1Reduced returns p and k, where e^x is (1+p)*2^k.
func expm1Reduced(x DD) (p DD, exp int) {
	k := math.RoundToEven(x.Hi * (1 / math.Ln2))
	r := twoSum(x.Hi, float64(-k*ln2A))
	r = r.Add(DD{x.Lo, 0})
	r = r.Add(ln2Parts.MulF(-k))
	r = r.ldexp(-8)
	// |r| < 0.0014: the tenth power over 10! is below 2^-116.
	p = invFact[10]
	for i := 9; i >= 1; i-- {
		p = p.Mul(r).Add(invFact[i])
	}
	p = p.Mul(r) // e^r - 1
	for range 8 {
		// (1+p)^2 - 1 = 2p + p^2
		p = p.ldexp(1).Add(p.Mul(p))
	}
	return p, int(k)
}

// Expm1DD returns e^x - 1 for finite |x| < 2^19 with a relative error below 2^-79.
func Expm1DD(x float64) Scaled {
	if math.Abs(x) < 0x1p-80 {
		f, e := math.Frexp(x)
		return Scaled{DD{f, 0}, e}
	}
	p, k := expm1Reduced(DD{x, 0})
	if k == 0 {
		return Scaled{p, 0}
	}
	return Scaled{p.Add(DD{1, 0}), k}.Add(Scaled{DD{-1, 0}, 0})
}

// at returns a's value scaled to exponent e, or zero if it is more than 2^900 smaller.
func (a Scaled) at(e int) DD {
	if d := a.Exp - e; d > -900 {
		return a.ldexp(d)
	}
	return DD{}
}

// Add returns a + b.
func (a Scaled) Add(b Scaled) Scaled {
	if a.Hi == 0 {
		return b
	}
	if b.Hi == 0 {
		return a
	}
	if a.Exp < b.Exp {
		a, b = b, a
	}
	return Scaled{a.DD.Add(b.at(a.Exp)), a.Exp}
}

// Mul returns a * b.
func (a Scaled) Mul(b Scaled) Scaled { return Scaled{a.DD.Mul(b.DD), a.Exp + b.Exp} }

// Div returns a / b.
func (a Scaled) Div(b Scaled) Scaled { return Scaled{a.DD.Div(b.DD), a.Exp - b.Exp} }

// Float64 returns the nearest float64 (rounded twice where it is subnormal).
func (a Scaled) Float64() float64 { return math.Ldexp(a.Hi+a.Lo, a.Exp) }

// Err64 returns how many ULP a float64 result is away from want.
func Err64(got float64, want Scaled) float64 {
	if got != got || want.Hi != want.Hi {
		if got != got && want.Hi != want.Hi {
			return 0
		}
		return math.Inf(1)
	}
	if want.Hi == 0 {
		return math.Abs(got) * 0x1p1000 * 0x1p74
	}
	// Bring want's leading bit to 2^0, and got along with it.
	_, e := math.Frexp(want.Hi)
	e-- // want.Hi = [1,2) * 2^e
	w := want.ldexp(-e)
	e += want.Exp
	var g float64
	if math.IsInf(got, 0) {
		if e < 1023 || (got > 0) != (want.Hi > 0) {
			return math.Inf(1)
		}
		if e > 1023 {
			return 0 // infinity stands for all beyond the largest finite value
		}
		g = math.Copysign(math.Ldexp(1, 1024-e), got)
	} else {
		f, ge := math.Frexp(got)
		g = math.Ldexp(f, max(min(ge-e, 1000), -1000))
	}
	ulp := math.Ldexp(1, max(e, -1022)-52-e)
	return math.Abs((g-w.Hi)-w.Lo) / ulp
}

// Err returns how many ULP of T a result is away from want.
func Err[T Float](got T, want Scaled) float64 {
	if Is32[T]() {
		return Err32(float32(got), want.Float64())
	}
	return Err64(float64(got), want)
}

// SigmoidDD returns 1/(1+e^-x) for |x| < 2^19.
func SigmoidDD(x float64) Scaled {
	one := Scaled{DD{1, 0}, 0}
	return one.Div(one.Add(ExpDD(DD{-x, 0})))
}

// TanhDD returns tanh x with a relative error below 2^-70.
func TanhDD(x float64) Scaled {
	switch a := math.Abs(x); {
	case a < 1e-8: // x - x^3/3: less than 2^-53 x below x
		return Scaled{DD{x, -x * x / 3 * x}, 0}
	case a > 30:
		return Scaled{DD{math.Copysign(1, x), 0}, 0}
	}
	one := Scaled{DD{1, 0}, 0}
	e := ExpDD(DD{2 * math.Abs(x), 0})
	t := e.Add(Scaled{DD{-1, 0}, 0}).Div(e.Add(one))
	if x < 0 {
		t.DD = t.Neg()
	}
	return t
}

// LogDD returns log x for finite x > 0 with a relative error below 2^-80: near 1 by way of
// log1p(x-1) or, for x < 1, -log1p((1-x)/x), and elsewhere as y + log1p(x*e^-y - 1) with a y that
// is nearly right.
func LogDD(x float64) Scaled {
	f, e := math.Frexp(x)
	if x < 0.5 || x > 2 {
		y := math.Log(f) + float64(e)*math.Ln2
		q := Scaled{DD{f, 0}, e}.Mul(ExpDD(DD{-y, 0})).at(0).Add(DD{-1, 0})
		return Scaled{DD{y, 0}.Add(q).Add(q.Mul(q).MulF(-0.5)), 0}
	}
	d := twoSum(x, -1)
	if x >= 1 {
		return Log1pDD(Scaled{d, 0})
	}
	y := Log1pDD(Scaled{d.Neg(), 0}.Div(Scaled{DD{x, 0}, 0}))
	y.DD = y.Neg()
	return y
}

// Log1pOfDD returns log(1+x) for finite x > -1, as LogDD does log x.
func Log1pOfDD(x float64) Scaled {
	f, e := math.Frexp(x)
	switch {
	case x > 0 && x < 1:
		return Log1pDD(Scaled{DD{f, 0}, e})
	case x <= 0 && x > -0.5: // -log1p(-x/(1+x))
		y := Log1pDD(Scaled{DD{-f, 0}, e}.Div(Scaled{twoSum(1, x), 0}))
		y.DD = y.Neg()
		return y
	case x >= 0x1p110: // 1/x is below 2^-110
		return LogDD(x)
	}
	u := twoSum(1, x)
	f, e = math.Frexp(u.Hi)
	y := math.Log(f) + float64(e)*math.Ln2
	q := Scaled{u, 0}.Mul(ExpDD(DD{-y, 0})).at(0).Add(DD{-1, 0})
	return Scaled{DD{y, 0}.Add(q).Add(q.Mul(q).MulF(-0.5)), 0}
}

// SoftplusDD is log(1+exp(x)) for |x| < 2^19.
func SoftplusDD(x float64) Scaled {
	l := Log1pDD(ExpDD(DD{Hi: -math.Abs(x)}))
	if x <= 0 {
		return l
	}
	return l.Add(ScaledOf(x))
}

// SiLUDD is x*sigmoid(x) for |x| < 2^19.
func SiLUDD(x float64) Scaled { return SigmoidDD(x).Mul(ScaledOf(x)) }

// ScaledOf is x with a number from 1/2 to 1, so that no product of it overflows or loses its end.
func ScaledOf(x float64) Scaled {
	m, e := math.Frexp(x)
	return Scaled{DD: DD{Hi: m}, Exp: e}
}

// Log1pDD returns log(1+v) for v >= 0 with a relative error below 2^-90.
func Log1pDD(v Scaled) Scaled {
	switch f := v.Float64(); {
	case v.Hi == 0:
		return v
	case f < 0.01:
		// 2*atanh(s), s = v/(2+v) < 0.005: s^16 is below 2^-122.
		s := v.Div(Scaled{DD{2, 0}, 0}.Add(v))
		var s2 DD
		if s.Exp > -400 {
			q := s.at(0)
			s2 = q.Mul(q)
		}
		sum := DD{}
		for i := 15; i >= 1; i -= 2 {
			sum = sum.Mul(s2).Add(DD{1, 0}.Div(DD{float64(i), 0}))
		}
		return Scaled{s.DD.Mul(sum).ldexp(1), s.Exp}
	default:
		u := Scaled{DD{1, 0}, 0}.Add(v)
		// Newton from package math's logarithm, taken of the mantissa.
		m, e := math.Frexp(u.Hi)
		k := float64(e + u.Exp)
		y := math.Log(m) + float64(k*math.Ln2)
		t := u.Mul(ExpDD(DD{-y, 0}))
		d := t.at(0).Add(DD{-1, 0})       // u*e^-y - 1, about 2^-50
		d = d.Add(d.Mul(d).MulF(-0.5))    // log(1+d) to the second order
		return Scaled{DD{y, 0}.Add(d), 0} // y + log(u*e^-y)
	}
}

// SigmoidRef64 is the sigmoid in plain float64 with package math, good to a few 2^-53: the
// reference of float32 results.
func SigmoidRef64(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// A RowDD is a RowBig in double-double, fast enough for rows of hundreds of thousands of classes.
type RowDD struct {
	W   []Scaled // e^(x-max)
	Sum Scaled
	R   Scaled // Sum without the first maximum
	Max int    // index of the first maximum
	X   []float64
}

// NewRowDD prepares a row of finite or -Inf entries, one of them finite.
func NewRowDD[T Float](row []T) *RowDD {
	b := &RowDD{W: make([]Scaled, len(row)), X: make([]float64, len(row))}
	for j, v := range row {
		b.X[j] = float64(v)
		if v > row[b.Max] {
			b.Max = j
		}
	}
	for j, v := range b.X {
		if d := twoSum(v, -b.X[b.Max]); d.Hi > -400000 {
			b.W[j] = ExpDD(d)
		}
	}
	b.R = b.Without(b.Max)
	b.Sum = b.R.Add(b.W[b.Max])
	return b
}

// Without sums W with entry j left out.
func (b *RowDD) Without(j int) Scaled {
	var s Scaled
	for i, w := range b.W {
		if i != j {
			s = s.Add(w)
		}
	}
	return s
}

// Prob returns the softmax of entry j.
func (b *RowDD) Prob(j int) Scaled { return b.W[j].Div(b.Sum) }

// NegLogProb returns -log of the softmax of entry j, +Inf for an entry of -Inf.
func (b *RowDD) NegLogProb(j int) Scaled {
	if math.IsInf(b.X[j], -1) {
		return Scaled{DD{math.Inf(1), 0}, 0}
	}
	m, x := b.X[b.Max], b.X[j]
	// the difference may be past the largest float64
	if math.Abs(m) > 1e300 || math.Abs(x) > 1e300 {
		return Scaled{twoSum(m*0x1p-4, -x*0x1p-4), 4}.Add(Log1pDD(b.R))
	}
	return Scaled{twoSum(m, -x), 0}.Add(Log1pDD(b.R))
}

// Grad returns softmax - onehot at entry j for the given label.
func (b *RowDD) Grad(j, label int) Scaled {
	if j != label {
		return b.Prob(j)
	}
	g := b.Without(j).Div(b.Sum)
	g.DD = g.Neg()
	return g
}
