package pages

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
)

// ln2 is ln 2, with the digits of https://oeis.org/A002162.
var ln2, _ = new(big.Float).SetPrec(200).SetString(
	"0.693147180559945309417232121458176568075500134360255254120680009")

func rounded32(x *big.Float) float64 {
	f, _ := x.Float32()
	return float64(f)
}

func rounded64(x *big.Float) float64 {
	f, _ := x.Float64()
	return f
}

// TestLogarithms checks that the constants of the exponentials are what their comments say.
func TestLogarithms(t *testing.T) {
	inverse := new(big.Float).Quo(big.NewFloat(1).SetPrec(200), ln2)
	f32, _ := inverse.Float32()
	f64, _ := inverse.Float64()
	assert.Equal(t, number{"log2e", f32, f64}, log2e)
	assert.Equal(t, number{"minusTwoLog2e", -2 * f32, -2 * f64}, minusTwoLog2e)

	for _, c := range []struct {
		hi     float64
		bits   uint // of n
		rest   func(x *big.Float) float64
		lo     float64
		digits uint
	}{
		{float64(ln2Hi.f32), 9, rounded32, float64(ln2Lo.f32), 24},
		{ln2Hi.f64, 11, rounded64, ln2Lo.f64, 53},
	} {
		scaled := math.Ldexp(c.hi, int(c.digits-c.bits))
		assert.Equal(t, math.Trunc(scaled), scaled, "the product with n fits the mantissa")
		assert.Equal(t, c.lo, c.rest(new(big.Float).Sub(ln2, big.NewFloat(c.hi))))
	}
}

// TestMagic: x + magic, shifted, is 2^(rint(x)+e).
func TestMagic(t *testing.T) {
	for _, c := range []struct {
		number
		e32, e64 int
	}{{tanhMagic, 0, 0}, {sigmoidMagic, -32, -256}, {rowMagic, 64, 512}} {
		for _, x := range []float64{-30.3, -1, -0.2, 0, 0.4, 20.6} {
			k32, k64 := float32(x)+c.f32, x+c.f64
			n := int(math.RoundToEven(x))
			p32 := math.Float32frombits(math.Float32bits(k32) << shift32)
			p64 := math.Float64frombits(math.Float64bits(k64) << shift64)
			assert.Equal(t, float32(math.Ldexp(1, n+c.e32)), p32, c.name)
			assert.Equal(t, math.Ldexp(1, n+c.e64), p64, c.name)
			assert.Equal(t, float32(n), k32-c.f32, c.name)
			assert.Equal(t, float64(n), k64-c.f64, c.name)
		}
	}
	power := func(e int) float64 { return math.Ldexp(1, e) }
	assert.Equal(t, number{"sigmoidScale", float32(power(-scale32)), power(-scale64)}, sigmoidScale)
	assert.Equal(t, number{"rowUnit", float32(power(-64)), power(-512)}, rowUnit)
}

// TestRange checks the ranges. Outside the sigmoid's range its value rounds to 0 or 1. Outside a
// row's range an exponential is too small to count, and with its scale it is a normal number.
func TestRange(t *testing.T) {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	assert.Zero(t, float32(sigmoid(float64(minX.f32))))
	assert.Equal(t, float32(1), float32(sigmoid(float64(maxX.f32))))
	assert.Zero(t, math.Exp(minX.f64))
	assert.Equal(t, 1., sigmoid(maxX.f64))
	assert.Equal(t, float32(1), float32(math.Tanh(float64(tanhMax.f32))))
	assert.Equal(t, 1., math.Tanh(tanhMax.f64))
	assert.Equal(t, -188., math.Floor(-float64(rowReach.f32)*math.Log2E))
	assert.Equal(t, -1530., math.Floor(-rowReach.f64*math.Log2E))
}
