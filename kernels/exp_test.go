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
		e64 int
	}{{tanhMagic, 0}, {eluMagic, 0}} {
		for _, x := range []float64{-30.3, -1, -0.2, 0, 0.4, 20.6} {
			k := x + c.f64
			n := int(math.RoundToEven(x))
			p := math.Float64frombits(math.Float64bits(k) << shift64)
			assert.Equal(t, math.Ldexp(1, n+c.e64), p, c.name)
			assert.Equal(t, float64(n), k-c.f64, c.name)
		}
	}
}

// TestTables: n + magic, shifted, and an entry's number and bits make the entry times a power of
// two.
func TestTables(t *testing.T) {
	for _, c := range []struct {
		table
		magic    number
		e32, e64 int
	}{
		{rowTable, rowMagic, 64, 512},
		{sigmoidTable, sigmoidMagic, -32, -256},
		{fastTable, sigmoidMagic, -32, -256},
	} {
		bits := c.bits()
		for n := -203; n < 203; n++ {
			k := float32(n) + c.magic.f32
			b := math.Float32bits(k)
			j := n & 7
			assert.Equal(t, float32(n), k-c.magic.f32, c.name)
			got := math.Float32frombits(b<<(shift32-parts32) + bits.F32[b&7])
			want := math.Ldexp(float64(c.f32[j]), n>>3+c.e32)
			assert.Equal(t, float32(want), got, "%s %d", c.name, n)
			k64 := float64(n) + c.magic.f64
			b64 := math.Float64bits(k64)
			assert.Equal(t, float64(n), k64-c.magic.f64, c.name)
			assert.NotZero(t, b64&(1<<31), "of which AVX2 makes the number of the upper half")
			got64 := math.Float64frombits(b64<<(shift64-parts64) + bits.F64[b64&3])
			assert.Equal(t, math.Ldexp(c.f64[n&3], n>>2+c.e64), got64, "%s %d", c.name, n)
		}
	}
}

// TestScales: the entries of a table are a*2^(j/8), with an a for which they are rounded by much
// less than a rounding may lose.
func TestScales(t *testing.T) {
	root := new(big.Float).SetPrec(200).SetInt64(2)
	for range parts32 {
		root.Sqrt(root)
	}
	for _, c := range []struct {
		table
		a32, within float64 // and the most that entries are off, in 2^-24
	}{{rowTable, 0x1.4b24040f51b69p+0, 0.05}, {sigmoidTable, 0x1.016cb6p+0, 0.13}} {
		exact32 := new(big.Float).SetPrec(200).SetFloat64(c.a32)
		exact64 := new(big.Float).SetPrec(200).SetFloat64(c.f64[0])
		off := func(got float64, exact *big.Float) float64 {
			d := new(big.Float).SetPrec(200).SetFloat64(got)
			f, _ := d.Quo(d.Sub(d, exact), exact).Float64()
			return math.Abs(f)
		}
		for j := range 8 {
			assert.Less(t, off(float64(c.f32[j]), exact32), c.within*0x1p-24, "%s %d", c.name, j)
			exact32.Mul(exact32, root)
		}
		for j := range 4 {
			assert.Less(t, off(c.f64[j], exact64), 0.05*0x1p-53, "%s %d", c.name, j)
			exact64.Mul(exact64, root).Mul(exact64, root)
		}
	}
	power := func(e int) float64 { return math.Ldexp(1, e) }
	assert.Equal(t, sigmoidTable.f32[0]*float32(power(-scale32)), sigmoidScale.f32)
	assert.Equal(t, sigmoidTable.f64[0]*power(-scale64), sigmoidScale.f64)
	assert.Equal(t, number{"rowUnit", float32(power(-64)), power(-512)}, rowUnit)
	assert.Equal(t, number{"rowOne", float32(power(-64) / 0x1.4b24046d80f1cp+0), power(-512) / rowTable.f64[0]}, rowOne)
	for j, v := range fastTable.f32 {
		assert.InEpsilon(t, float64(fastTable.f32[0])*math.Exp2(float64(j)/8), float64(v), 0x1p-24)
		assert.InEpsilon(t, -math.Ldexp(float64(fastScale.f32), scale32)/6*math.Exp2(float64(j)/8), float64(v), 1e-4)
	}
	for j, v := range fastTable.f64 { // their distances to exact ones are in the root's TestSigmoidBound64
		assert.InEpsilon(t, math.Exp2(float64(j)/4)*math.Exp(fastShift.f64/fastUnit.f64), v, 0x1p-51)
	}
	assert.Equal(t, fastUnit.f64*ln2PartLo.f64, fastLo.f64)
	assert.Equal(t, 2*fastUnit.f64, fastQuotient.c64[len(fastQuotient.c64)-1])
}

// TestTanhCells: the numbers of the cells are near their middles, and the tables have the
// hyperbolic tangents there.
func TestTanhCells(t *testing.T) {
	from := []float64{0, 0.5, 1.5, 2.5, 3.5, 4.5, 6.5, 8.5}
	for i, a := range from {
		to := 9.1
		if i+1 < len(from) {
			to = from[i+1]
		}
		for _, a := range []float64{a, float64(math.Nextafter32(float32(to), 0))} {
			j := math.Float32bits(float32(a)+tanhCell.f32) >> tanhShift & 7
			n, b, c := float64(tanhN.f32[j]), float64(tanhB.f32[j]), float64(tanhC.f32[j])
			assert.LessOrEqual(t, math.Abs(a-n), 1.31)
			assert.InDelta(t, math.Tanh(n), b, 0x1p-25)
			assert.InEpsilon(t, 1/(math.Cosh(n)*math.Cosh(n)), c, 0x1p-23)
			assert.Equal(t, a-n, float64(float32(a)-float32(n)), "exact")
		}
	}
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
