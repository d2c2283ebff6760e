package ktest

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, s string) *big.Float {
	f, _, err := big.ParseFloat(s, 10, Prec, big.ToNearestEven)
	require.NoError(t, err)
	return f
}

// near checks that a agrees with a published decimal value to the given bits.
func near(t *testing.T, a *big.Float, decimal string, bits int) {
	t.Helper()
	d := newBig().Sub(a, parse(t, decimal))
	if d.Sign() != 0 {
		require.Less(t, d.MantExp(nil)-a.MantExp(nil), -bits, "%s", decimal)
	}
}

func TestBigAgainstPublishedDigits(t *testing.T) {
	near(t, bigLn2(),
		"0.693147180559945309417232121458176568075500134360255254120680009493393621969694715605863326996418687",
		230)
	near(t, ExpBig(Big(1)),
		"2.71828182845904523536028747135266249775724709369995957496696762772407663035354759457138217",
		220)
	near(t, ExpBig(Big(-1)),
		"0.36787944117144232159552377016146086744581113103176783450783680169746149574489980335714727",
		220)
	near(t, ExpBig(Big(0.5)),
		"1.64872127070012814684865078781416357165377610071014801157507931164066102119421560863277652",
		220)
	near(t, LogBig(Big(10)),
		"2.30258509299404568401799145468436420760110148862877297603332790096757260967735248023599720",
		220)
	near(t, LogBig(Big(2)),
		"0.693147180559945309417232121458176568075500134360255254120680009493393621969694715605863326996418687",
		220)
	near(t, Log1pBig(Big(1)),
		"0.693147180559945309417232121458176568075500134360255254120680009493393621969694715605863326996418687",
		220)
	near(t, TanhBig(1),
		"0.76159415595576488811945828260479359041276859725793655159681050012195324457663848345894752",
		220)
	near(t, SigmoidBig(1),
		"0.73105857863000487925115924182183627436514464016505651927636590791904045307", 220)
}

// TestBigIdentities checks the references against each other by identities.
func TestBigIdentities(t *testing.T) {
	r := NewRand(1)
	for range 200 {
		x := Uniform[float64](r, 700)
		e := ExpBig(Big(x))
		l := LogBig(e)
		require.Less(t, RelBig(x, l), 0x1p-190, "log(exp(%g))", x)
		v := math.Ldexp(Uniform[float64](r, 1), -r.Intn(300))
		v = math.Abs(v)
		back := ExpBig(Log1pBig(Big(v))) // 1+v: its distance to 1 holds v only where v is not tiny
		back.Sub(back, bigOne)
		if v > 0x1p-100 {
			require.Less(t, RelBig(v, back), 0x1p-90, "%g", v)
		}
		small := Big(v)
		if v < 0x1p-60 { // log1p(v) = v - v^2/2 + ...
			two := newBig().Mul(small, small)
			small.Sub(small, two.Mul(two, Big(0.5)))
			f := newBig().Quo(Log1pBig(Big(v)), small)
			f.Sub(f, bigOne)
			require.True(t, f.Sign() == 0 || f.MantExp(nil) < -118, "%g", v)
		}
		th := TanhBig(x / 1000)
		e2 := ExpBig(Big(x / 1000))
		i2 := newBig().Quo(bigOne, e2)
		q := newBig().Quo(newBig().Sub(e2, i2), newBig().Add(e2, i2))
		q.Quo(q, th).Sub(q, bigOne)
		require.True(t, q.Sign() == 0 || q.MantExp(nil) < -200, "tanh(%g)", x/1000)
	}
}

// relDD returns log2 of the relative error of s.
func relDD(s Scaled, want *big.Float) int {
	b := Big(s.Hi)
	b.Add(b, Big(s.Lo))
	b.SetMantExp(b, s.Exp)
	b.Sub(b, want)
	if b.Sign() == 0 {
		return -1000
	}
	return b.MantExp(nil) - want.MantExp(nil) + 1
}

func TestDoubleDoubleAgainstBig(t *testing.T) {
	r := NewRand(2)
	worst := map[string]int{"exp": -1000, "sigmoid": -1000, "tanh": -1000, "log1p": -1000}
	note := func(name string, e int) { worst[name] = max(worst[name], e) }
	for i := range 4000 {
		x := Uniform[float64](r, 800)
		switch i % 4 {
		case 1:
			x = Uniform[float64](r, 40)
		case 2:
			x = Uniform[float64](r, 2)
		case 3:
			x = math.Ldexp(x, -r.Intn(80))
		}
		lo := x * 0x1p-54 * Uniform[float64](r, 1)
		b := newBig().Add(Big(x), Big(lo))
		note("exp", relDD(ExpDD(DD{x, lo}), ExpBig(b)))
		note("sigmoid", relDD(SigmoidDD(x), SigmoidBig(x)))
		note("tanh", relDD(TanhDD(x), TanhBig(x)))
		v := ExpDD(DD{x, 0})
		vb := Big(v.Hi)
		vb.Add(vb, Big(v.Lo))
		vb.SetMantExp(vb, v.Exp)
		note("log1p", relDD(Log1pDD(v), Log1pBig(vb)))
	}
	t.Logf("log2 of the worst relative errors: %v", worst)
	require.Less(t, worst["exp"], -92)
	require.Less(t, worst["sigmoid"], -91)
	require.Less(t, worst["tanh"], -70)
	require.Less(t, worst["log1p"], -90)
}

func TestFloat64ReferenceAgainstBig(t *testing.T) {
	r := NewRand(3)
	for range 2000 {
		x := float64(Uniform[float32](r, 110))
		require.Less(t, RelBig(SigmoidRef64(x), SigmoidBig(x)), 0x1p-50, "%g", x)
		require.Less(t, RelBig(math.Exp(x), ExpBig(Big(x))), 0x1p-51, "%g", x)
	}
}

func TestDistance(t *testing.T) {
	sub := math.SmallestNonzeroFloat64
	require.Equal(t, uint64(0), Distance(0.0, math.Copysign(0, -1)))
	require.Equal(t, uint64(2), Distance(sub, -sub))
	require.Equal(t, uint64(1), Distance(1.0, math.Nextafter(1, 2)))
	require.Equal(t, uint64(1), Distance(float32(math.MaxFloat32), float32(math.Inf(1))))
	require.Equal(t, uint64(0), Distance(math.NaN(), -math.NaN()))
	require.Equal(t, uint64(math.MaxUint64), Distance(math.NaN(), 0))
	require.Equal(t, uint64(2*0x7ff0)<<48, Distance(math.Inf(1), math.Inf(-1)))
}

func TestFractionalULP(t *testing.T) {
	require.Equal(t, 0.5, Err32(1, 1+0x1p-24))
	require.Equal(t, 1.0, Err32(math.Float32frombits(1), 0))
	require.Equal(t, 0.25, Err32(0, 0x1p-151))
	require.Equal(t, math.Inf(1), Err32(0, math.NaN()))
	require.Equal(t, 0.5, Err64(1, Scaled{DD{1, 0x1p-53}, 0}))
	require.Equal(t, 0.25, Err64(0, Scaled{DD{1, 0}, -1076}))
	require.Equal(t, 0.75, Err64(0x1p-1074, Scaled{DD{1, 0}, -1076}))
	require.Equal(t, 1.0, Err64(0x1p-1074, Scaled{}))
	require.Equal(t, 0.5, ErrBig(float32(1), Big(1+0x1p-24)))
	require.Equal(t, 0.25, ErrBig(float32(0), Big(0x1p-151)))
	require.Equal(t, 0.5, ErrBig(1.0, newBig().Add(Big(1), Big(0x1p-53))))
	require.Equal(t, 0.0, ErrBig(float32(0), newBig()))
	require.Equal(t, 1.0, ErrBig(float32(math.Inf(1)), Big(math.MaxFloat32)))
	require.Equal(t, 0.0, ErrBig(float32(math.Inf(1)), Big(1e39)))
	require.Equal(t, 1.0, Err32(float32(math.Inf(-1)), -math.MaxFloat32))
	require.Equal(t, 0.0, Err32(float32(math.Inf(-1)), -1e39))
	require.Greater(t, Err32(float32(math.Inf(-1)), 1e39), 1e6)
	require.Equal(t, 1.0, Err64(math.Inf(1), Scaled{DD{math.MaxFloat64, 0}, 0}))
	require.Equal(t, 0.0, Err64(math.Inf(1), Scaled{DD{1.5, 0}, 1024}))
	require.Equal(t, math.Inf(1), Err64(math.Inf(-1), Scaled{DD{1.5, 0}, 1024}))
	require.Equal(t, math.Inf(1), ErrBig(math.NaN(), Big(1)))
}

// TestGeneratorIsFrozen checks that the generator gives the same bits everywhere and for ever:
// golden hashes depend on them.
func TestGeneratorIsFrozen(t *testing.T) {
	r := NewRand(0)
	require.Equal(t, uint64(0xe220a8397b1dcdaf), r.Uint64())
	require.Equal(t, uint64(0x6e789e6aa1b965f4), r.Uint64())
	hash := func(k Kind, f32 bool) uint64 {
		h := uint64(14695981039346656037)
		mix := func(u uint64) {
			for range 8 {
				h = (h ^ u&255) * 1099511628211
				u >>= 8
			}
		}
		r := NewRand(uint64(k))
		if f32 {
			x := make([]float32, 1000)
			Fill(r, k, x, 10)
			for _, v := range x {
				mix(Bits(v))
			}
		} else {
			x := make([]float64, 1000)
			Fill(r, k, x, 10)
			for _, v := range x {
				mix(Bits(v))
			}
		}
		return h
	}
	h := uint64(0)
	for _, k := range Kinds() {
		h = h*31 + hash(k, true)
		h = h*31 + hash(k, false)
	}
	require.Equal(t, uint64(frozen), h, "%#x", h)
}

func TestKindsCoverSpecialValues(t *testing.T) {
	x := make([]float32, 5000)
	Fill(NewRand(1), Special, x, 10)
	seen := map[string]bool{}
	for _, v := range x {
		switch {
		case v != v:
			seen["nan"] = true
		case math.IsInf(float64(v), 1):
			seen["+inf"] = true
		case math.IsInf(float64(v), -1):
			seen["-inf"] = true
		case RawBits(v) == 0:
			seen["+0"] = true
		case RawBits(v) == 1<<31:
			seen["-0"] = true
		case v < 0x1p-126 && v > -0x1p-126:
			seen["subnormal"] = true
		}
	}
	require.Len(t, seen, 6)
	Fill(NewRand(1), Finite, x, 10)
	for _, v := range x {
		require.Zero(t, v-v)
	}
}

func TestGuard(t *testing.T) {
	g := NewGuard(t, 5000)
	s := AtEnd[float32](g, 3)
	require.NoError(t, Try(func() { s[0], s[2] = 1, 2 }))
	p := AtStart[float64](g, 3)
	require.NoError(t, Try(func() { p[0], p[2] = 1, 2 }))
	require.Empty(t, AtEnd[uint64](g, 0))
	if !GuardsFault {
		t.Skip("no guard pages here")
	}
	past := AtEnd[float32](&Guard{mem: g.mem, data: g.mem[:len(g.mem)]}, 1)
	require.ErrorContains(t, Try(func() { past[0] = 1 }), "fault")
	before := AtStart[float32](&Guard{mem: g.mem, data: g.mem}, 1)
	require.ErrorContains(t, Try(func() { sink = before[0] }), "fault")
	g.ReadOnly(g.data[len(g.data)-12:])
	require.NoError(t, Try(func() { sink = s[2] }))
	require.ErrorContains(t, Try(func() { s[2] = 3 }), "fault")
	g.ReadOnly(nil)
	require.NoError(t, Try(func() { s[2] = 3 }))
}

var sink float32

func TestFrame(t *testing.T) {
	for _, off := range []int{0, 1, 15} {
		f := NewFrame[float32](5, off)
		require.NoError(t, f.Check())
		for i := range f.S {
			f.S[i] = 1
		}
		require.NoError(t, f.Check())
		f.buf[f.hi] = 0
		require.ErrorContains(t, f.Check(), "written 1 elements past")
		f.buf[f.hi] = canary
		f.buf[f.lo-1] = 0
		require.ErrorContains(t, f.Check(), "written 1 elements before")
	}
}

func TestRowReferencesAgree(t *testing.T) {
	r := NewRand(4)
	for _, k := range []Kind{Normal, Wide80, Wide300, Constant, OneLarger, OneHot, NegInf, Huge} {
		row := make([]float64, 13)
		Fill(r, k, row, 13)
		row[3] = 1 // never all -Inf
		b, d := NewRowBig(row), NewRowDD(row)
		for j := range row {
			// below that the fast one says 0
			if !math.IsInf(row[j], -1) && row[b.max]-row[j] < 400000 {
				require.Less(t, relDD(d.Prob(j), b.Prob(j)), -85)
				require.Less(t, relDD(d.NegLogProb(j), b.NegLogProb(j)), -85)
				require.Less(t, relDD(d.Grad(j, 5), b.Grad(j, 5)), -85)
			}
		}
	}
}

func TestNumGrad(t *testing.T) {
	f := func(x []float64) float64 { return math.Exp(x[0]) * x[1] }
	x := []float64{0.3, 2}
	require.InEpsilon(t, 2*math.Exp(0.3), NumGrad(f, x, 0, 1e-3), 1e-11)
	require.InEpsilon(t, math.Exp(0.3), NumGrad(f, x, 1, 1e-3), 1e-11)
	require.Equal(t, []float64{0.3, 2}, x)
}

func TestFromBytesReachesEverything(t *testing.T) {
	data := make([]byte, 4096)
	r := NewRand(9)
	for i := range data {
		data[i] = byte(r.Uint64())
	}
	x := make([]float32, 4096)
	FromBytes(data, x)
	var nan, inf, zero, sub int
	for _, v := range x {
		switch {
		case v != v:
			nan++
		case math.IsInf(float64(v), 0):
			inf++
		case v == 0:
			zero++
		case v < 0x1p-126 && v > -0x1p-126:
			sub++
		}
	}
	require.Positive(t, nan)
	require.Positive(t, inf)
	require.Positive(t, zero)
	require.Positive(t, sub)
	FromBytes(nil, x)
	require.Zero(t, x[0])
}

func TestFMA32AgainstBig(t *testing.T) {
	r := NewRand(10)
	for i := range 30000 {
		a, b, c := FromBits[float32](r.Uint64()), FromBits[float32](r.Uint64()),
			FromBits[float32](r.Uint64())
		switch i % 4 {
		case 1:
			a, b, c = Uniform[float32](r, 1), Uniform[float32](r, 1), Uniform[float32](r, 2)
		case 2: // a tiny product beside a sum in the middle of two values
			a, b, c = 0x1p-24*(1+0x1p-23*float32(r.Intn(3)-1)), 1+0x1p-23*float32(r.Intn(3)-1),
				1+0x1p-23*float32(r.Intn(8))
		case 3:
			a, b, c = Uniform[float32](r, 1)*0x1p-70, Uniform[float32](r, 1)*0x1p-70,
				FromBits[float32](r.Uint64()&0x80ffffff)
		}
		got := FMA32(a, b, c)
		if s := float64(a)*float64(b) + float64(c); s != s || math.IsInf(s, 0) {
			require.True(t, Same(got, float32(s)))
			continue
		}
		// 600 bits hold any sum of a product and a float32.
		p := new(big.Float).SetPrec(600).Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b)))
		p.Add(p, big.NewFloat(float64(c)))
		want, _ := p.Float32()
		require.True(t, got == want, "%x * %x + %x = %x, want %x", a, b, c, got, want)
	}
}
