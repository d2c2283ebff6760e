package ktest

import (
	"math"
	"math/big"
)

// order maps the bits of a value to integers that count representable values in order; both zeros
// map to 0.
func order[T Float](x T) int64 {
	if Is32[T]() {
		i := int32(math.Float32bits(float32(x)))
		if i < 0 {
			i = math.MinInt32 - i
		}
		return int64(i)
	}
	i := int64(math.Float64bits(float64(x)))
	if i < 0 {
		i = math.MinInt64 - i
	}
	return i
}

// Distance returns the number of representable values from a to b, subnormals counted like all
// others. Two NaN are at distance 0, a NaN and a number at MaxUint64.
func Distance[T Float](a, b T) uint64 {
	if a != a || b != b {
		if a != a && b != b {
			return 0
		}
		return math.MaxUint64
	}
	i, j := order(a), order(b)
	if i < j {
		i, j = j, i
	}
	return uint64(i) - uint64(j)
}

// ULP32 returns the size of a float32's unit in the last place at |x|: the spacing of float32
// values in the binade of x, 2^-149 for subnormals.
func ULP32(x float64) float64 {
	e := math.Float64bits(x) >> 52 & 0x7ff
	return math.Float64frombits((max(e, 1023-126) - 23) << 52)
}

// Err32 returns how many ULP a float32 result is away from the exact value want, which a float64 is
// good enough to hold (2^-28 ULP). A NaN must meet a NaN, an overflow an infinity: otherwise the
// error is +Inf.
func Err32(got float32, want float64) float64 {
	switch g := float64(got); {
	case g != g || want != want:
		if g != g && want != want {
			return 0
		}
		return math.Inf(1)
	case g == want:
		return 0
	case math.IsInf(g, 0):
		// Infinity stands for the next value after the largest finite one, and for all beyond.
		return math.Max(0, 0x1p128-math.Copysign(1, g)*want) / 0x1p104
	case math.IsInf(want, 0):
		return math.Inf(1)
	default:
		return math.Abs(g-want) / ULP32(want)
	}
}

// ErrBig returns how many ULP of T a result is away from want.
func ErrBig[T Float](got T, want *big.Float) float64 {
	g := float64(got)
	mant, minExp, maxExp := 53, -1022, 1024
	if Is32[T]() {
		mant, minExp, maxExp = 24, -126, 128
	}
	if math.IsNaN(g) {
		return math.Inf(1)
	}
	if want.IsInf() {
		if math.IsInf(g, 0) && (g < 0) == want.Signbit() {
			return 0
		}
		return math.Inf(1)
	}
	b := new(big.Float).SetPrec(Prec)
	if math.IsInf(g, 0) { // the next value after the largest finite one, and all beyond
		b.SetMantExp(big.NewFloat(math.Copysign(1, g)), maxExp)
		if (g > 0) == (want.Sign() > 0) &&
			new(big.Float).Abs(want).Cmp(new(big.Float).Abs(b)) >= 0 {
			return 0
		}
	} else {
		b.SetFloat64(g)
	}
	e := minExp
	if want.Sign() != 0 {
		e = max(min(want.MantExp(nil)-1, maxExp-1), minExp)
	}
	b.Sub(b, want)
	b.SetMantExp(b, mant-1-e)
	d, _ := b.Float64()
	return math.Abs(d)
}

// RelBig returns the relative error |got-want| / |want|.
func RelBig(got float64, want *big.Float) float64 {
	if math.IsNaN(got) || math.IsInf(got, 0) {
		return math.Inf(1)
	}
	b := newBig().SetFloat64(got)
	b.Sub(b, want)
	if b.Sign() == 0 {
		return 0
	}
	if want.Sign() == 0 {
		return math.Inf(1)
	}
	d, _ := b.Quo(b, want).Float64()
	return math.Abs(d)
}
