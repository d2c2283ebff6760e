package kernels

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// These tests prove what the bounds of internal/ktest are made of: the errors of the exponential
// and of the logarithm, and the number of additions in a sum.

// TestExpError walks the float32 exponential for its largest relative error, which the bounds of
// all row functions start from; at every input with -walk all. Inputs that a maximum of at most
// 1024 can have below it are from -1154 to 1024. The maximum changes the exponent only.
func TestExpError(t *testing.T) {
	const unit = 0x1p-24
	relative := func(x []float32, at func(err float64, i int)) {
		m, w := make([]float32, len(x)), make([]float32, len(x))
		for i, v := range x {
			m[i] = min(max(v, -1024), 1024)
		}
		expAt(w, x, m)
		for i, v := range x {
			want := expRef32(v, m[i])
			at(math.Abs(float64(w[i])-want)/want/unit, i)
		}
	}
	var w worst
	walk(stride(), func(x []float32) {
		in := make([]float32, 0, len(x))
		for _, v := range x {
			if v >= -1154 && v <= 1024 {
				in = append(in, v)
			}
		}
		top, at := -1.0, 0
		relative(in, func(err float64, i int) {
			if err > top {
				top, at = err, i
			}
		})
		if len(in) > 0 {
			w.add("", top, func() string { return fmt.Sprint(in[at]) })
		}
	})
	f := w.max[""]
	t.Logf("float32: %.5f * 2^-24 at %s", f.err, f.at)
	require.LessOrEqual(t, f.err, kt.ExpError[float32](), f.at)
	var loss worst // that of the sigmoid's cross-entropy, which has another scale
	walk(stride(), func(x []float32) {
		top, at := -1.0, float32(0)
		for _, v := range x {
			if v >= 0 && v <= 105 {
				want := 0x1.4b2404p+0 * math.Exp(-float64(v)) * 0x1p64
				if err := math.Abs(float64(lossExp32(v))-want) / want / unit; err > top {
					top, at = err, v
				}
			}
		}
		loss.add("", top, func() string { return fmt.Sprint(at) })
	})
	t.Logf("float32, of a loss: %.5f * 2^-24 at %s", loss.max[""].err, loss.max[""].at)
	require.LessOrEqual(t, loss.max[""].err, kt.LossExpError[float32](), loss.max[""].at)
	require.InDelta(t, kt.LossExpError[float32](),
		math.Abs(float64(lossExp32(20.999681))/0x1.4b2404p64*math.Exp(float64(float32(20.999681)))-1)/unit, 1e-4)
	relative([]float32{805.9249}, func(err float64, _ int) { // the bound is no larger than it has to be
		require.InDelta(t, kt.ExpError[float32](), err, 1e-4)
	})

	const cells = 1 << 13
	top, ulps := 0.0, 0.0
	for j := range 4 {
		for i := -cells; i < cells; i++ {
			var r kt.Rounding
			w := expRoundings(&r, &rowTable64, aF64, j, math.Ln2/8*float64(i)/cells, math.Ln2/8*float64(i+1)/cells)
			if top < w.Relative() {
				top = w.Relative()
			}
			if !w.Straddles() {
				ulps = max(ulps, w.ULPs())
			}
		}
	}
	t.Logf("float64: %.4f * 2^-53, %.4f ULP", top, ulps)
	require.LessOrEqual(t, ulps, 0.673)
	require.LessOrEqual(t, top, kt.ExpError[float64]())
	require.InDelta(t, kt.ExpError[float64](), top, 1e-3)
	require.Less(t, top+0.05, kt.LossExpError[float64]()) // see sigmoidLossRoundings
}

// expRoundings repeats the float64 exponential for entry j of the table and reduced arguments
// between lo and hi: n*ln2Hi/4 and its difference to x are exact, and what ln 2 has beyond its two
// parts is less than 2^-97. The result is without its power of two, and relative to the scale a.
func expRoundings(r *kt.Rounding, table *table64, a float64, j int, lo, hi float64) kt.Rounded {
	s := entry(r, table, kt.DD{Hi: a}, j)
	t := r.Round(kt.Exact(lo, hi))
	p := r.Round(r.Round(t.Square()).Mul(polyRoundings(r, t)).Add(t))
	p = r.Off(p, expPolynomialError(lo, hi))
	power := a * math.Exp2(float64(j)/4)
	return r.Round(s.Add(s.Mul(p))).Within(power*math.Exp(lo)*(1-0x1p-50), power*math.Exp(hi)*(1+0x1p-50))
}

// entry returns an entry of a table with scale a, and what it is off a*2^(j/4).
func entry(r *kt.Rounding, table *table64, a kt.DD, j int) kt.Rounded {
	v := math.Float64frombits(table[j] + uint64(j)<<50 + 1023<<52)
	root, _ := new(big.Float).SetPrec(200).SetString("1.1892071150027210667174999705604759152929720924638174130190")
	exact := kt.Big(a.Hi)
	exact.Add(exact, kt.Big(a.Lo))
	for range j {
		exact.Mul(exact, root)
	}
	off, _ := exact.Sub(exact, kt.Big(v)).Float64()
	return r.Off(kt.Const(v), math.Abs(off))
}

// polyRoundings repeats poly64.
func polyRoundings(r *kt.Rounding, t kt.Rounded) kt.Rounded {
	p := kt.Const(e8F64)
	for _, c := range []float64{e7F64, e6F64, e5F64, e4F64, e3F64, e2F64} {
		p = r.Round(p.Mul(t).Add(kt.Const(c)))
	}
	return p
}

// expPolynomialError returns the most that 1 + t + t*t*(the polynomial) is off exp(t), without
// roundings, for t between lo and hi, an interval in which the error goes up or down once at most.
func expPolynomialError(lo, hi float64) float64 { return polynomialError(expPolynomial, lo, hi) }

func polynomialError(c []float64, lo, hi float64) float64 {
	const least = 0x1p-10 // of less, exp(t)-1-t says too little
	if t := max(math.Abs(lo), math.Abs(hi)); t <= least {
		return max(polynomialOff(c, least), polynomialOff(c, -least)) * (t / least) * (t / least) * 1.1
	}
	return max(polynomialOff(c, lo), polynomialOff(c, lo/2+hi/2), polynomialOff(c, hi))*1.1 + 1e-20
}

var (
	expPolynomial   = []float64{e8F64, e7F64, e6F64, e5F64, e4F64, e3F64, e2F64}
	wholePolynomial = []float64{w11F64, w10F64, w9F64, w8F64, w7F64, w6F64, w5F64, w4F64, w3F64, w2F64}
)

func polynomialOff(c []float64, t float64) float64 {
	p := kt.DD{}
	for _, c := range c {
		p = p.MulF(t).Add(kt.DD{Hi: c})
	}
	want := dd(kt.ExpDD(kt.DD{Hi: t})).Add(kt.DD{Hi: -1}).Add(kt.DD{Hi: -t})
	return math.Abs(p.MulF(t).MulF(t).Add(want.Neg()).Hi)
}

// TestExpPolynomial: the error is largest, relative to exp(t), at both ends and some places
// between, and around 0 at most what it is taken for.
func TestExpPolynomial(t *testing.T) {
	for _, k := range []struct {
		c        []float64
		end, top float64
	}{{expPolynomial, math.Ln2 / 8, 4.95e-18}, {wholePolynomial, math.Ln2 / 2, 3.8e-18}} {
		top := 0.0
		for i := -500; i < 500; i++ {
			x := k.end * float64(i) / 500
			top = max(top, polynomialError(k.c, x, x+k.end/500)/math.Exp(x))
		}
		require.InEpsilon(t, 1.1*k.top, top, 0.02)
		for i := -100; i <= 100; i++ {
			x := 0x1p-10 * float64(i) / 100
			require.LessOrEqual(t, polynomialOff(k.c, x), polynomialError(k.c, x, x))
		}
	}
}

// TestLog1pError adds up the roundings of lossLog's log1p, for each k of u = 2^k*(1+f). Below
// 2^-40, f - (h-t) is all but exact and rounded once, and the c*c/2 that c/u leaves out is at most
// half an ULP.
func TestLog1pError(t *testing.T) {
	const cells = 512 // for each power of two
	top, at := 0.0, ""
	add := func(k, lo, hi float64) {
		var r kt.Rounding
		l := log1pRoundings(&r, kt.Exact(lo, hi), math.Ldexp(1+hi, int(k)), k)
		l = l.Within(math.Log1p(lo)+k*math.Ln2, math.Log1p(hi)+k*math.Ln2)
		if e := l.Relative(); e > top {
			top, at = e, fmt.Sprintf("k = %v, f = %v", k, lo)
		}
	}
	for b := -40; b < -1; b++ { // k = 0: f from 0 to sqrt(2)-1
		for i := range cells {
			if lo := math.Ldexp(1+float64(i)/cells, b); lo < math.Sqrt2-1 {
				add(0, lo, min(math.Ldexp(1+float64(i+1)/cells, b), math.Sqrt2-1))
			}
		}
	}
	for k := 1.0; k < 24; k++ { // from there on there are fewer roundings, for their size
		for i := range cells {
			add(k, math.Sqrt2/2*math.Exp2(float64(i)/cells)-1, math.Sqrt2/2*math.Exp2(float64(i+1)/cells)-1)
		}
	}
	t.Logf("%.4f * 2^-53 at %s", top, at)
	require.LessOrEqual(t, top, kt.Log1pError)
	require.InDelta(t, kt.Log1pError, top, 0.01)
}

// log1pRoundings repeats lossLog's logarithm for u = 2^k*(1+f).
func log1pRoundings(r *kt.Rounding, f kt.Rounded, u, k float64) kt.Rounded {
	c := kt.ULP64(u) / 2
	cu := r.Off(r.Round(kt.Exact(-c/u, c/u)), c*c/u/u)
	s := r.Round(f.Div(r.Round(kt.Const(2).Add(f))))
	p := fdlibmRoundings(r, r.Round(s.Square()))
	h := r.Round(f.Square().Mul(kt.Const(0.5)))
	t := r.Round(s.Mul(r.Round(h.Add(p))).Add(r.Round(kt.Const(k * 1.90821492927058770002e-10).Add(cu))))
	g := r.Round(f.Sub(r.Round(h.Sub(t))))
	if k == 0 {
		return g
	}
	return r.Round(kt.Const(k * 6.93147180369123816490e-01).Add(g))
}

// fdlibmRoundings repeats fdlibmR.
func fdlibmRoundings(r *kt.Rounding, z kt.Rounded) kt.Rounded {
	q := r.Round(z.Square())
	even := r.Round(q.Mul(kt.Const(1.531383769920937332e-01)).Add(kt.Const(2.222219843214978396e-01)))
	even = r.Round(q.Mul(even).Add(kt.Const(3.999999999940941908e-01)))
	odd := r.Round(q.Mul(kt.Const(1.479819860511658591e-01)).Add(kt.Const(1.818357216161805012e-01)))
	odd = r.Round(q.Mul(odd).Add(kt.Const(2.857142874366239149e-01)))
	odd = r.Round(q.Mul(odd).Add(kt.Const(6.666666666666735130e-01)))
	return r.Off(r.Round(z.Mul(odd).Add(r.Round(q.Mul(even)))), 0x1p-58) // fdlibm: 2^-58.45
}

// TestAdditions has the numbers of roundings that a sum has as they are stated.
func TestAdditions(t *testing.T) {
	// The table of the package's documentation.
	for _, c := range []struct{ classes, f32, f64 int }{
		{1, 0, 0}, {2, 1, 1}, {3, 2, 2}, {4, 2, 2}, {5, 3, 3}, {8, 3, 3}, {9, 4, 4}, {16, 4, 4},
		{17, 5, 4}, {32, 5, 4}, {33, 4, 4}, {64, 4, 4}, {65, 5, 4}, {96, 5, 4}, {97, 6, 4}, {2048, 6, 4},
		{2049, 6, 5}, {1 << 20, 6, 5},
	} {
		require.InDelta(t, c.f32, kt.SoftmaxSumBound[float32](c.classes)-min(1, float64(c.f32)), 1e-4,
			"%d classes", c.classes)
		require.InDelta(t, c.f64, kt.SoftmaxSumBound[float64](c.classes)-min(1, float64(c.f64)), 1e-4,
			"%d classes", c.classes)
	}
	// The code adds as it is counted: where all roundings go one way, they show. 1 meets half an
	// ULP and a bit in each addition.
	for _, classes := range []int{2, 3, 4, 8, 16, 32} {
		x := make([]float32, classes)
		x[0] = 1
		for h := 1; h < classes; h *= 2 {
			x[h] = 0x1.000002p-24
		}
		adds := kt.Additions[float32](classes, false, false)
		var sum [1]float64
		rowsSumGeneric(sum[:], x, classes, classes, true)
		require.Equal(t, 1+float64(adds)*0x1p-23, sum[0], "%d classes", classes)
	}
}

// TestSigmoidLossBound64 adds up the roundings of the float64 SigmoidCrossEntropy and its gradient
// for targets 0 and 1, in each of many intervals of x, and has the sums below the bounds that are
// stated. Where exp(-|x|) is below 2^-53, nothing is added that counts.
func TestSigmoidLossBound64(t *testing.T) {
	cells := pickLong(512, 128)
	type result struct {
		err float64
		at  string
	}
	top := map[string]result{}
	var cell func(n int, lo, hi float64)
	cell = func(n int, lo, hi float64) {
		values := sigmoidLossRoundings(n, lo, hi)
		for _, v := range values {
			if v.Straddles() && hi-lo > 0x1p-45 {
				cell(n, lo, (lo+hi)/2)
				cell(n, (lo+hi)/2, hi)
				return
			}
		}
		for name, v := range values {
			if e := v.ULPs(); e > top[name].err {
				top[name] = result{e, fmt.Sprintf("|x| = %.6f", -float64(n)*math.Ln2/4-lo)}
			}
		}
	}
	for n := 0; n >= -4*53; n-- {
		for i := -cells; i < cells; i++ {
			lo := math.Ln2 / 8 * float64(i) / float64(cells)
			hi := math.Ln2 / 8 * float64(i+1) / float64(cells)
			if n < 0 || hi <= 0 {
				cell(n, lo, hi)
			}
		}
	}
	for name, r := range top {
		t.Logf("%s: %.3f ULP at %s", name, r.err, r.at)
	}
	require.LessOrEqual(t, max(top["loss, right"].err, top["loss, wrong"].err), kt.SigmoidLossBound[float64]())
	require.LessOrEqual(t, max(top["gradient, right"].err, top["gradient, wrong"].err), kt.SigmoidGradBound[float64]())
}

const lossExpScale = 0x1.4f6647eb09a0ap+0 // off aF64*2^(1/4) by less than a twentieth of 2^-53

// lossExpRoundings repeats lossExpScale*exp(-|x|) for exp(-|x|) = 2^(n/4)*exp(t), t between lo and
// hi.
func lossExpRoundings(r *kt.Rounding, n int, lo, hi float64) kt.Rounded {
	n++
	w := expRoundings(r, &rowTable64, aF64, n&3, lo, hi).Mul(kt.Const(math.Ldexp(1, n>>2)))
	return r.Off(w, 0.05*0x1p-53*math.Exp2(float64(n)/4)*aF64)
}

// sigmoidLossRoundings repeats sigmoidLossTerms in float64 and what follows for exp(-|x|) =
// 2^(n/4)*exp(t), t between lo and hi: the losses and gradients where x is on the side of the
// target, and where it is not. The factor 2^512 of the exponential changes no rounding.
func sigmoidLossRoundings(n int, lo, hi float64) map[string]kt.Rounded {
	var r kt.Rounding
	const a = lossExpScale
	w := lossExpRoundings(&r, n, lo, hi)
	elo, ehi := math.Exp2(float64(n)/4)*math.Exp(lo), math.Exp2(float64(n)/4)*math.Exp(hi)
	s := r.Round(w.Div(r.Round(w.Add(kt.Const(2*a))))).Within(elo/(2+elo)*(1-0x1p-50), ehi/(2+ehi)*(1+0x1p-50))
	u := r.Round(s.Square())
	p := kt.Const(l9F64)
	for _, c := range []float64{l8F64, l7F64, l6F64, l5F64, l4F64, l3F64, l2F64, l1F64, l0F64} {
		p = r.Round(p.Mul(u).Add(kt.Const(c)))
	}
	p = r.Off(p, 0x1p-54) // the polynomial is good to 5e-18 of the logarithm, of which u*p is at most a 27th
	within := func(a kt.Rounded, f func(e float64) float64) kt.Rounded {
		a0, a1 := f(elo), f(ehi)
		return a.Within(min(a0, a1)*(1-0x1p-50), max(a0, a1)*(1+0x1p-50))
	}
	l := within(r.Round(r.Round(s.Mul(u)).Mul(p).Add(s.Add(s))), math.Log1p)
	small := within(r.Round(w.Div(r.Round(w.Add(kt.Const(a))))), func(e float64) float64 { return e / (1 + e) })
	x := kt.Exact(-float64(n)*math.Ln2/4-hi, -float64(n)*math.Ln2/4-lo)
	return map[string]kt.Rounded{
		"loss, right":     l,
		"loss, wrong":     within(r.Round(x.Add(l)), func(e float64) float64 { return math.Log1p(e) - math.Log(e) }),
		"gradient, right": small,
		"gradient, wrong": within(r.Round(kt.Const(1).Sub(small)),
			func(e float64) float64 { return 1 / (1 + e) }).Within(0, 1),
	}
}

// TestKnownRows has rows whose errors are above the bounds that were stated once, 4 ULP of Softmax
// and 3 of LogSoftmax, and within the bounds that are proved.
func TestKnownRows(t *testing.T) {
	row := []float32{0x1.297d48p+02, -0x1.c2d058p+05, -0x1.814abep+03, -0x1.80043ap+03, -0x1.814e2p+03}
	ref := kt.NewRowBig(row)
	p := make([]float32, 5)
	Softmax(p, row, 5)
	worst := 0.0
	for j, v := range p {
		worst = max(worst, kt.ErrBig(v, ref.Prob(j)))
	}
	require.InDelta(t, 5.77, worst, 0.005)
	require.LessOrEqual(t, worst, kt.SoftmaxBound[float32](5))

	row = []float32{-0x1.c8f45ap+02, -0x1.41c5cap+04, -0x1.5e0d66p+04, -0x1.180496p+02, -0x1.5e0e0ap+04}
	ref = kt.NewRowBig(row)
	LogSoftmax(p, row, 5)
	worst = 0
	for j, v := range p {
		worst = max(worst, kt.ErrBig(-v, ref.NegLogProb(j)))
	}
	require.InDelta(t, 5.52, worst, 0.005)
	require.LessOrEqual(t, worst, kt.LogSoftmaxBound[float32](5))
}

// TestDifferenceFromMaximum: x[j]-max is not rounded, wherever the exponential is not clamped, but
// for one range in float64: below half of a maximum between 1024 and 1490 (from there on, such
// elements are too low to show), where the exponential is less than exp(-512), and off by up to
// 2^-44.
func TestDifferenceFromMaximum(t *testing.T) {
	r := kt.NewRand(1)
	for range 20000 { // past 1024 float32 subtracts: exactly
		m := 1024 + math.Abs(float64(kt.Uniform[float32](r, 1)))*math.Exp2(float64(r.Intn(100)))
		for _, sign := range []float64{1, -1} {
			m := float32(sign * m)
			x := m - float32(math.Abs(float64(kt.Uniform[float32](r, clampF32))))
			require.Equal(t, float64(x)-float64(m), float64(x-m), "%v - %v", x, m)
		}
	}

	// The loss of a confident row is the exponential of the other element.
	loss := func(m, x float64) (err float64) {
		got := make([]float64, 1)
		require.NoError(t, CrossEntropy(got, []float64{m, x}, []int{0}, 2))
		return relative(got[0], kt.NewRowDD([]float64{m, x}).NegLogProb(0))
	}
	const unit = 0x1p-53
	bound := kt.CrossEntropyBound[float64](2) * unit
	exact, rounded := 0.0, 0.0
	for range 20000 {
		d := 512 + math.Abs(kt.Uniform[float64](r, 186)) // to 698, where the exponential is a normal number
		m := kt.Uniform[float64](r, 1024)
		exact = max(exact, loss(m, kt.Next(m-d, r.Intn(64))))
		m = 1024 + math.Abs(kt.Uniform[float64](r, 1024))
		if x := kt.Next(m-d, r.Intn(64)); x >= m/2 || m > 1490 {
			exact = max(exact, loss(m, max(x, m/2)))
		} else {
			rounded = max(rounded, loss(m, x))
		}
		m = -1024 - math.Abs(kt.Uniform[float64](r, 4096))
		exact = max(exact, loss(m, kt.Next(m-d, r.Intn(64))))
	}
	t.Logf("relative error of the loss: %.3g, below half of a maximum past 1024: %.3g", exact, rounded)
	require.LessOrEqual(t, exact, bound)
	require.LessOrEqual(t, rounded, bound+0x1p-44)
	require.Greater(t, rounded, 0x1p-46) // or the documentation need not name an exception
}

// worstCell returns the largest error of what values returns for exp(-x) = 2^(n/parts)*exp(-w), w
// between lo and hi, in ULP and over all intervals of w and n from first to last, in octaves. An
// interval in which a result has a power of two is divided. relative is the largest relative error,
// with that of the last rounding, in units of 2^-53.
func worstCell(
	first, last, parts, cells int, value func(n int, lo, hi float64) kt.Rounded,
) (top float64, at string, relative float64) {
	var cell func(n int, lo, hi float64)
	cell = func(n int, lo, hi float64) {
		v := value(n, lo, hi)
		if v.Straddles() && hi-lo > 0x1p-45 {
			cell(n, lo, (lo+hi)/2)
			cell(n, (lo+hi)/2, hi)
			return
		}
		if e := v.RoundedULPs(); e > top {
			top, at = e, fmt.Sprintf("n = %d, w = %.6f", n, lo)
		}
		if !v.Straddles() {
			relative = max(relative, v.Relative()+1)
		}
	}
	for n := first * parts; n <= last*parts; n++ {
		end := math.Ln2 / 2 / float64(parts)
		for i := -cells; i < cells; i++ {
			cell(n, end*float64(i)/float64(cells), end*float64(i+1)/float64(cells))
		}
	}
	return top, at, relative
}

// TestSigmoidBound64 adds up the roundings of the float64 sigmoids. Where exp(-x) is below 2^-52,
// the result is 1 or next to it; above 2^60, 1 is nothing beside it.
func TestSigmoidBound64(t *testing.T) {
	for _, k := range []struct {
		name   string
		values func(n int, lo, hi float64) kt.Rounded
		bound  float64
	}{
		{"Sigmoid", sigmoidRoundings, kt.SigmoidBound64},
		{"SigmoidFast", sigmoidFastRoundings, kt.SigmoidFastBound64},
	} {
		top, at, _ := worstCell(-52, 60, 4, pickLong(64, 32), k.values)
		t.Logf("%s: %.3f ULP at %s", k.name, top, at)
		require.LessOrEqual(t, top, k.bound)
		require.InDelta(t, k.bound, top, 0.01)
	}
}

// sigmoidRoundings repeats the float64 Sigmoid for exp(-x) = 2^(n/4)*exp(-w), w between lo and hi,
// without the last rounding. d + dl, and what remains of c - q*d, would be without error what they
// correct. To divide by 2^-256 instead of c makes the remainder one in two thousand too large or
// small.
func sigmoidRoundings(n int, lo, hi float64) kt.Rounded {
	const scale = 0x1.000d6a5af9f9dp+0
	var r kt.Rounding
	c := kt.Const(scale)
	s := entry(&r, &sigmoidTable64, kt.DD{Hi: scale}, n&3).Mul(kt.Const(math.Ldexp(1, n>>2)))
	t := r.Round(kt.Exact(-hi, -lo))
	p := r.Off(r.Round(r.Round(t.Square()).Mul(polyRoundings(&r, t)).Add(t)), expPolynomialError(-hi, -lo))
	power := math.Exp2(float64(n) / 4)
	elo, ehi := power*math.Exp(-hi), power*math.Exp(-lo)
	sp := s.Mul(p)
	d := r.Round(r.Add(c, s).Add(sp)).Within(scale*(1+elo)*(1-0x1p-50), scale*(1+ehi)*(1+0x1p-50))
	more, less := c, s
	if n > 0 {
		more, less = s, c
	}
	dl := r.Round(r.Add(r.Sub(more, d), less).Add(sp)).Within(0, 0)
	q := r.Round(c.Div(d)).Within(1/(1+ehi)*(1-0x1p-50), 1/(1+elo)*(1+0x1p-50))
	e := r.Round(c.Sub(q.Mul(d)).Within(0, 0))
	e = r.Round(e.Sub(q.Mul(dl)).Within(0, 0))
	return q.Add(q.Mul(e)).Within(1/(1+ehi)*(1-0x1p-50), min(1, 1/(1+elo)*(1+0x1p-50)))
}

// fastQuotientError is twice the largest relative error that the polynomial of SigmoidFast leaves
// in exp(-w).
const fastQuotientError = 3.2e-18

// TestFastQuotient compares the polynomial with w/tanh(w/2), w*(1+exp(-w))/(1-exp(-w)), in numbers
// of two parts.
func TestFastQuotient(t *testing.T) {
	const steps = 20000
	top, one := 0.0, kt.DD{Hi: 1}
	end := math.Ln2/8*(1+0x1p-20) - fastShift/fastUnit
	for i := 1; i <= steps; i++ {
		w := end * float64(i) / steps
		u := kt.DD{Hi: w}.MulF(fastUnit)
		u = u.Mul(u)
		q := kt.DD{Hi: f6F64}
		for _, c := range []float64{f4F64, f2F64, 2 * fastUnit} {
			q = q.Mul(u).Add(kt.DD{Hi: c})
		}
		e := dd(kt.ExpDD(kt.DD{Hi: -w}))
		exact := one.Add(e).MulF(w).Div(one.Add(e.Neg()))
		top = max(top, math.Abs(w*q.Div(kt.DD{Hi: fastUnit}).Add(exact.Neg()).Hi))
	}
	t.Logf("%.3g", top)
	require.LessOrEqual(t, top, fastQuotientError)
	require.Greater(t, top, 0.95*fastQuotientError)
}

// sigmoidFastRoundings is sigmoidRoundings for SigmoidFast.
func sigmoidFastRoundings(n int, lo, hi float64) kt.Rounded {
	var r kt.Rounding
	scale := dd(kt.ExpDD(kt.DD{Hi: fastShift}.Div(kt.DD{Hi: fastUnit})))
	s := entry(&r, &fastTable64, scale, n&3).Mul(kt.Const(math.Ldexp(1, n>>2)))
	shift := r.Round(kt.Exact(fastShift-0x1p-36, fastShift+0x1p-36)) // and n*ln2Lo
	v := r.Off(r.Round(kt.Exact(fastUnit*lo, fastUnit*hi).Add(shift)), fastUnit*fastQuotientError/2)
	u := r.Round(v.Square())
	q := kt.Const(f6F64)
	for _, c := range []float64{f4F64, f2F64, 2 * fastUnit} {
		q = r.Round(q.Mul(u).Add(kt.Const(c)))
	}
	num := r.Round(q.Add(v))
	den := r.Round(s.Mul(r.Round(q.Sub(v))).Add(num))
	power := math.Exp2(float64(n) / 4)
	elo, ehi := power*math.Exp(-hi), power*math.Exp(-lo)
	return num.Div(den).Within(1/(1+ehi)*(1-0x1p-50), min(1, 1/(1+elo)*(1+0x1p-50)))
}

// TestTanhBound64 adds up the roundings of the float64 Tanh. Below 2^-30 they are those at 2^-30.
func TestTanhBound64(t *testing.T) {
	top, at, _ := worstCell(-57, -1, 1, 256, tanhRoundings)
	for b := -30; b < -1; b++ {
		const cells = 64
		for i := range cells {
			edge := func(i int) float64 { return min(math.Ln2/2, math.Ldexp(1+float64(i)/cells, b)) }
			if lo, hi := edge(i), edge(i+1); lo < hi {
				if e := tanhRoundings(0, lo, hi).RoundedULPs(); e > top {
					top, at = e, fmt.Sprintf("n = 0, w = %g", lo)
				}
			}
		}
	}
	t.Logf("Tanh: %.3f ULP at %s", top, at)
	require.LessOrEqual(t, top, kt.TanhBound64)
	require.InDelta(t, kt.TanhBound64, top, 0.02)
}

// tanhRoundings repeats the float64 Tanh for exp(-2*|x|) = 2^n*exp(-w), w between lo and hi,
// without the last rounding.
func tanhRoundings(n int, lo, hi float64) kt.Rounded {
	var r kt.Rounding
	one, s := kt.Const(1), kt.Const(math.Ldexp(1, n))
	w := kt.Exact(lo, hi)
	if n != 0 {
		w = r.Round(w)
	}
	p := kt.Const(-w11F64)
	for i, c := range []float64{w10F64, w9F64, w8F64, w7F64, w6F64, w5F64, w4F64, w3F64, w2F64} {
		if i%2 == 1 {
			c = -c
		}
		p = r.Round(p.Mul(w).Add(kt.Const(c)))
	}
	p = w.Sub(r.Round(w.Square()).Mul(p))
	sp := s.Mul(r.Off(r.Round(p), polynomialError(wholePolynomial, -hi, -lo)))
	less, more := one.Sub(s), one.Add(s)
	if n < -52 {
		less, more = r.Sub(one, s), r.Add(one, s)
	}
	elo, ehi := math.Ldexp(math.Exp(-hi), n), math.Ldexp(math.Exp(-lo), n)
	num := r.Add(less, sp)
	den := r.Sub(more, sp).Within((1+elo)*(1-0x1p-50), (1+ehi)*(1+0x1p-50))
	nl := r.Add(r.Sub(less, num), sp).Within(0, 0)
	dl := r.Sub(r.Sub(more, den), sp).Within(0, 0)
	within := func(a kt.Rounded) kt.Rounded {
		a0, a1 := (1-ehi)/(1+ehi), (1-elo)/(1+elo)
		if n == 0 {
			a0, a1 = math.Tanh(lo/2), math.Tanh(hi/2)
		}
		return a.Within(a0*(1-0x1p-50), min(1, a1*(1+0x1p-50)))
	}
	q := within(r.Round(num.Div(den)))
	e := r.Add(r.Round(num.Sub(q.Mul(den)).Within(0, 0)), nl)
	e = r.Round(e.Sub(q.Mul(dl)).Within(0, 0))
	chord := r.Round(den.Mul(kt.Const(-0.5)).Add(kt.Const(1.5)))
	return within(q.Add(e.Mul(chord)))
}
