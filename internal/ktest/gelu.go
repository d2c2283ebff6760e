package ktest

import (
	"math"
	"math/big"
	"sync"
)

// bigPi is pi, with the digits of https://oeis.org/A000796.
var bigPi = sync.OnceValue(func() *big.Float {
	pi, _ := newBig().SetString(
		"3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")
	return pi
})

// toDD returns the double-double nearest to x.
func toDD(x *big.Float) DD {
	hi, _ := x.Float64()
	lo, _ := newBig().Sub(x, Big(hi)).Float64()
	return DD{hi, lo}
}

// geluTanhSlope returns 2*sqrt(2/pi), and cubic 0.044715 times that.
var geluTanhSlope = sync.OnceValue(func() *big.Float {
	a := newBig().Quo(Big(8), bigPi())
	return a.Sqrt(a)
})

var geluTanhCubic = sync.OnceValue(func() *big.Float {
	b, _ := newBig().SetString("0.044715")
	return b.Mul(b, geluTanhSlope())
})

var (
	geluTanhSlopeDD = sync.OnceValue(func() DD { return toDD(geluTanhSlope()) })
	geluTanhCubicDD = sync.OnceValue(func() DD { return toDD(geluTanhCubic()) })
)

// GELUTanhBig returns x/(1 + exp(-z)), z = 2*sqrt(2/pi)*(x + 0.044715*x*x*x).
func GELUTanhBig(x float64) *big.Float {
	switch {
	case x > 1000:
		return Big(x)
	case x < -1000:
		return newBig()
	}
	v := Big(x)
	z := newBig().Mul(v, v)
	z.Mul(z, geluTanhCubic())
	z.Add(z, geluTanhSlope())
	z.Mul(z, v)
	e := ExpBig(z.Neg(z))
	return v.Quo(v, e.Add(e, bigOne))
}

// GELUTanhDD returns the same in double-double.
func GELUTanhDD(x float64) Scaled {
	switch {
	case x > 100:
		return Scaled{DD{x, 0}, 0}
	case x < -100:
		return Scaled{}
	}
	z := DD{x, 0}.Mul(DD{x, 0}).Mul(geluTanhCubicDD()).Add(geluTanhSlopeDD()).MulF(x)
	one := Scaled{DD{1, 0}, 0}
	return number(x).Div(one.Add(ExpDD(z.Neg())))
}

// number returns x with an exponent of its own, so that a subnormal has products with two parts.
func number(x float64) Scaled {
	f, e := math.Frexp(x)
	return Scaled{DD{f, 0}, e}
}

// GELUTanhRef64 is GELUTanh in plain float64 with package math, good to 2^-43 of a float32 result.
func GELUTanhRef64(x float64) float64 {
	if x < -100 {
		return math.Copysign(0, -1)
	}
	z := 2 * math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x)
	return x / (1 + math.Exp(-z))
}

// GELUTanhSlopeDD returns the derivative of GELUTanh at x.
func GELUTanhSlopeDD(x float64) DD {
	if math.Abs(x) > 100 {
		return DD{max(0, math.Copysign(1, x)), 0}
	}
	sq := DD{x, 0}.Mul(DD{x, 0}).Mul(geluTanhCubicDD())
	z := sq.Add(geluTanhSlopeDD()).MulF(x)
	slope := sq.MulF(3).Add(geluTanhSlopeDD())
	one := Scaled{DD{1, 0}, 0}
	up, down := one.Div(one.Add(ExpDD(z.Neg()))), one.Div(one.Add(ExpDD(z)))
	m := up.Mul(down).Mul(Scaled{slope.MulF(x), 0})
	g := up.Add(m)
	return g.ldexp(max(g.Exp, -900))
}

// GELUTanhSlopeRef64 is the same in plain float64.
func GELUTanhSlopeRef64(x float64) float64 {
	if math.Abs(x) > 100 {
		return max(0, math.Copysign(1, x))
	}
	z := 2 * math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x)
	up, down := 1/(1+math.Exp(-z)), 1/(1+math.Exp(z))
	return up + x*2*math.Sqrt(2/math.Pi)*(1+3*0.044715*x*x)*up*down
}

// SlopeError returns the most that dy*g may be off, for a g that is off the exact slope by err,
// over what is allowed: n ULP or u*|dy|, whichever is larger.
func SlopeError[T Float](err, slope, n float64) float64 {
	u := 0x1p-53
	if Is32[T]() {
		u = 0x1p-24
	}
	err, slope = math.Abs(err)/u, math.Abs(slope)
	return min(err+slope, (err/slope+0.5)/n)
}
