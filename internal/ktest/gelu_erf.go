package ktest

import (
	"math"
	"math/big"
	"sync"
)

// normalDensity is 1/sqrt(2*pi).
var normalDensity = sync.OnceValue(func() *big.Float {
	d := newBig().Mul(Big(2), bigPi())
	return d.Quo(bigOne, d.Sqrt(d))
})

var normalDensityDD = sync.OnceValue(func() DD { return toDD(normalDensity()) })

// tailBig returns exp(a*a/2)*erfc(a/sqrt(2))/2 for a >= 0: below 8 from the series of erf, from
// there as a continued fraction.
func tailBig(a float64) *big.Float {
	v := Big(a)
	if a >= 8 {
		f := newBig()
		for k := 400; k > 0; k-- {
			f.Quo(Big(float64(k)), f.Add(f, v))
		}
		return f.Quo(normalDensity(), f.Add(f, v))
	}
	square := newBig().Mul(v, v)
	sum, term := newBig(), newBig().Set(v)
	for k := 1.; term.Sign() != 0 && term.MantExp(nil) > -Prec; k += 2 {
		sum.Add(sum, term)
		term.Quo(term.Mul(term, square), Big(k+2))
	}
	half := ExpBig(square.Quo(square, Big(2)))
	half.Quo(half, Big(2))
	return half.Sub(half, sum.Mul(sum, normalDensity()))
}

// GELUBig returns x/2*erfc(-x/sqrt(2)).
func GELUBig(x float64) *big.Float {
	switch {
	case x > 1000:
		return Big(x)
	case x < -1000:
		return newBig()
	}
	a := Big(math.Abs(x))
	h := newBig().Mul(a, a)
	e := ExpBig(h.Neg(h.Quo(h, Big(2))))
	e.Mul(e.Mul(e, a), tailBig(math.Abs(x)))
	return e.Sub(Big(max(0, x)), e)
}

// NormalTailDD returns the same as tailBig in double-double.
func NormalTailDD(a float64) DD {
	if a >= 4 {
		var f DD
		for k := 60 + int(1600/(a*a)); k > 0; k-- {
			f = DD{float64(k), 0}.Div(f.Add(DD{a, 0}))
		}
		return normalDensityDD().Div(f.Add(DD{a, 0}))
	}
	square := DD{a, 0}.Mul(DD{a, 0})
	var sum DD
	term := DD{a, 0}
	for k := 1.; term.Hi > 0x1p-110; k += 2 {
		sum = sum.Add(term)
		term = term.Mul(square).Div(DD{k + 2, 0})
	}
	half := ExpDD(square.ldexp(-1))
	return half.ldexp(half.Exp - 1).Add(sum.Mul(normalDensityDD()).Neg())
}

// halfSquareDD returns exp(-a*a/2).
func halfSquareDD(a float64) Scaled {
	return ExpDD(DD{a, 0}.Mul(DD{a, 0}).ldexp(-1).Neg())
}

// GELUDD returns the same as GELUBig in double-double.
func GELUDD(x float64) Scaled {
	a := math.Abs(x)
	switch {
	case x > 100:
		return Scaled{DD{x, 0}, 0}
	case x < -100:
		return Scaled{}
	}
	y := halfSquareDD(a).Mul(Scaled{NormalTailDD(a), 0}).Mul(number(-a))
	if x < 0 {
		return y
	}
	return number(x).Add(y)
}

// GELURef64 is GELU in plain float64 with package math, good to 2^-20 of a float32 result's ULP.
func GELURef64(x float64) float64 {
	if x < -100 {
		return math.Copysign(0, -1)
	}
	return x / 2 * math.Erfc(-x/math.Sqrt2)
}

// GELUSlopeDD returns the derivative of GELU at x.
func GELUSlopeDD(x float64) DD {
	a := math.Abs(x)
	if a > 100 {
		return DD{max(0, math.Copysign(1, x)), 0}
	}
	g := halfSquareDD(a).Mul(Scaled{NormalTailDD(a).Add(normalDensityDD().MulF(-a)), 0})
	below := g.ldexp(max(g.Exp, -900))
	if x < 0 {
		return below
	}
	return DD{1, 0}.Add(below.Neg())
}

// GELUSlopeRef64 is the same in plain float64.
func GELUSlopeRef64(x float64) float64 {
	if math.Abs(x) > 100 {
		return max(0, math.Copysign(1, x))
	}
	return math.Erfc(-x/math.Sqrt2)/2 + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}
