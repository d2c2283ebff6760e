package ktest

import (
	"math"
	"math/big"
	"sync"
)

// twoOverRootPi is 2/sqrt(pi).
var twoOverRootPi = sync.OnceValue(func() *big.Float {
	root := newBig().Sqrt(bigPi())
	return root.Quo(Big(2), root)
})

var twoOverRootPiDD = sync.OnceValue(func() DD { return toDD(twoOverRootPi()) })

// ErfBig returns erf(x), 2/sqrt(pi)*exp(-x*x) times the sum of x*(2*x*x)^k / (1*3*5*...*(2*k+1)),
// whose terms have one sign. From 30 on it is 1, to more bits than there are.
func ErfBig(x float64) *big.Float {
	if math.Abs(x) >= 30 {
		return Big(math.Copysign(1, x))
	}
	v := Big(x)
	square := newBig().Mul(v, v)
	sum, term := newBig().Set(v), newBig().Set(v)
	for k := 3.; term.Sign() != 0 && term.MantExp(nil) > sum.MantExp(nil)-Prec; k += 2 {
		term.Quo(term.Mul(term.Mul(term, square), Big(2)), Big(k))
		sum.Add(sum, term)
	}
	e := ExpBig(square.Neg(square))
	return e.Mul(e.Mul(e, sum), twoOverRootPi())
}

// ErfDD returns the same in double-double.
func ErfDD(x float64) Scaled {
	if math.Abs(x) >= 9 { // 1 - 2^-119
		return number(math.Copysign(1, x))
	}
	square := DD{x, 0}.Mul(DD{x, 0})
	sum, term := DD{}, DD{1, 0}
	for k := 3.; term.Hi > sum.Hi*0x1p-110; k += 2 {
		sum = sum.Add(term)
		term = term.Mul(square).ldexp(1).Div(DD{k, 0})
	}
	e := ExpDD(square.Neg()).Mul(Scaled{sum.Mul(twoOverRootPiDD()), 0})
	return e.Mul(number(x))
}
