package kernels

import (
	"flag"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

var (
	walkFlag = flag.String("walk", "", `"all" walks every float32 input (minutes for each function), `+
		"otherwise a sample is walked")
	walkStride  = flag.Uint64("walkstride", 0, "walk every N-th float32 input")
	walkSamples = flag.Int("walksamples", 0, "number of float64 inputs of the accuracy tests")
)

// stride returns the step through the 2^32 float32 inputs. It is a prime, so that all exponents and
// low bits occur.
func stride() uint64 {
	switch {
	case *walkStride != 0:
		return *walkStride
	case *walkFlag == "all":
		return 1
	case testing.Short():
		return 10007
	}
	return 1009
}

// samples returns the number of float64 inputs per test.
func samples() int {
	switch {
	case *walkSamples != 0:
		return *walkSamples
	case *walkFlag == "all":
		return 1e7
	case testing.Short():
		return 40000
	}
	return 400000
}

// walkLen is the number of inputs that a kernel gets at once.
const walkLen = 1 << 16

// walk calls f with slices of every stride-th float32, on all CPUs. A slice has at most walkLen
// elements.
func walk(stride uint64, f func(x []float32)) {
	count := (1<<32 + stride - 1) / stride
	starts := make(chan uint64)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			x := make([]float32, walkLen)
			for lo := range starts {
				n := min(walkLen, count-lo)
				for i := range n {
					x[i] = math.Float32frombits(uint32((lo + i) * stride))
				}
				f(x[:n])
			}
		}()
	}
	for lo := uint64(0); lo < count; lo += walkLen {
		starts <- lo
	}
	close(starts)
	wg.Wait()
}

// worst collects the largest errors of some classes of results.
type worst struct {
	mu  sync.Mutex
	max map[string]found
}

type found struct {
	err float64
	at  string
}

func (w *worst) add(class string, err float64, at func() string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.max == nil {
		w.max = map[string]found{}
	}
	if f, ok := w.max[class]; !ok || err > f.err {
		w.max[class] = found{err, at()}
	}
}

// expClamp32 is how far below the row's maximum the float32 exponential stops.
const expClamp32 = 130

// expRef32 returns what expAt has to give, aF32*exp(z)*2^(64-nm), in float64, with
// its own reduction: x = k ln 2 + r with ln 2 in two parts.
func expRef32(x, m float32) float64 {
	if !(m >= -1024 && m <= 1024) {
		x, m = x-m, 0
	}
	nm := math.RoundToEven(float64(m) * 0x1.715476p0) // exact but for the rounding
	x = max(x, m-expClamp32)
	k := math.RoundToEven(float64(x) / math.Ln2)
	r := float64(x) - k*0x1.62e42fefp-1 // the product is exact
	r -= float64(k * 0x1.473de6af278edp-34)
	return math.Ldexp(aF32*math.Exp(r), int(k)+64-int(nm))
}

// TestWalkExp32 measures the exponential of the softmax: below a maximum of 0,
// at the maximum, below other maxima, and past the shift at 1024.
func TestWalkExp32(t *testing.T) {
	const bound = 0.8587
	deltas := []float32{0.25, 1, 3.5, 20, 60, 100, 104.9, 300}
	for _, k := range []struct {
		name string
		max  func(x float32, i int) (m float32, ok bool)
	}{
		{"m = 0", func(x float32, _ int) (float32, bool) { return 0, x <= 0 }},
		{"m = x", func(x float32, _ int) (float32, bool) { return x + 0, x >= -1024 && x <= 1024 }},
		{"m above x", func(x float32, i int) (float32, bool) {
			m := x + deltas[i%len(deltas)]
			return m, m >= -1024 && m <= 1024
		}},
		{"past 1024", func(x float32, i int) (float32, bool) {
			m := x + deltas[i%len(deltas)]
			return m, (m < -1024 || m > 1024) && m-m == 0
		}},
	} {
		t.Run(k.name, func(t *testing.T) {
			var w worst
			walk(stride(), func(x []float32) {
				m, dst := make([]float32, len(x)), make([]float32, len(x))
				xs := make([]float32, len(x))
				n := 0
				for i, v := range x {
					if mv, ok := k.max(v, i); ok {
						xs[n], m[n] = v, mv
						n++
					}
				}
				if n == 0 {
					return
				}
				expAt(dst[:n], xs[:n], m[:n])
				top, at := -1.0, 0
				for i, v := range xs[:n] {
					if err := kt.Err32(dst[i], expRef32(v, m[i])); err > top {
						top, at = err, i
					}
				}
				w.add("", top, func() string {
					return fmt.Sprintf("x = %v (%#08x), m = %v", xs[at], math.Float32bits(xs[at]), m[at])
				})
			})
			f := w.max[""]
			t.Logf("exponential, %s: %.4f ULP at %s", k.name, f.err, f.at)
			require.LessOrEqual(t, f.err, bound, f.at)
		})
	}
}

// sample64 fills x with inputs for the float64 sigmoid or exponential: of all magnitudes, and more
// of those where exp is neither 0 nor infinite and where it ends.
func sample64(r *kt.Rand, x []float64) {
	for i := range x {
		switch r.Intn(8) {
		case 0, 1, 2:
			x[i] = kt.Uniform[float64](r, 40)
		case 3:
			x[i] = kt.Uniform[float64](r, 2)
		case 4:
			x[i] = kt.Uniform[float64](r, 760)
		case 5:
			x[i] = -708 - math.Abs(kt.Uniform[float64](r, 44)) // subnormal results
		case 6:
			x[i] = math.Ldexp(kt.Uniform[float64](r, 1), -r.Intn(70))
		case 7:
			x[i] = 36 + kt.Uniform[float64](r, 3)
		}
	}
}

// walk64 measures run against ref on many float64 inputs and checks the worst
// one again in math/big.
func walk64(t *testing.T, name string, fill func(r *kt.Rand, x, m []float64), run func(dst, x, m []float64),
	ref func(x, m float64) kt.Scaled, verify func(got, x, m float64) float64) float64 {
	t.Helper()
	const size = 4096
	parts := (samples() + size - 1) / size
	var mu sync.Mutex
	var wg sync.WaitGroup
	top, atX, atM, atY := -1.0, 0.0, 0.0, 0.0
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			x, m, y := make([]float64, size), make([]float64, size), make([]float64, size)
			for c := range next {
				fill(kt.NewRand(uint64(c)), x, m)
				run(y, x, m)
				best, at := -1.0, 0
				for i, v := range x {
					if err := kt.Err64(y[i], ref(v, m[i])); err > best {
						best, at = err, i
					}
				}
				mu.Lock()
				if best > top {
					top, atX, atM, atY = best, x[at], m[at], y[at]
				}
				mu.Unlock()
			}
		}()
	}
	for c := range parts {
		next <- c
	}
	close(next)
	wg.Wait()
	exact := verify(atY, atX, atM)
	t.Logf("%s: %.4f ULP at x = %v (%#016x), m = %v, of %d samples",
		name, exact, atX, math.Float64bits(atX), atM, parts*size)
	require.InDelta(t, exact, top, 1e-6, "the references disagree at %v", atX)
	return exact
}

// TestWalkSigmoid64 samples the float64 sigmoids.
func TestWalkSigmoid64(t *testing.T) {
	fill := func(r *kt.Rand, x, _ []float64) { sample64(r, x) }
	ref := func(x, _ float64) kt.Scaled { return kt.SigmoidDD(x) }
	verify := func(got, x, _ float64) float64 { return kt.ErrBig(got, kt.SigmoidBig(x)) }
	t.Run("Sigmoid", func(t *testing.T) {
		require.Less(t, walk64(t, "Sigmoid", fill, func(d, x, _ []float64) { Sigmoid(d, x) }, ref, verify), 0.73)
	})
	t.Run("SigmoidFast", func(t *testing.T) {
		require.LessOrEqual(t,
			walk64(t, "SigmoidFast", fill, func(d, x, _ []float64) { SigmoidFast(d, x) }, ref, verify), 2.5)
	})
}

// TestWalkExp64 samples the float64 exponential of the softmax.
func TestWalkExp64(t *testing.T) {
	fill := func(r *kt.Rand, x, m []float64) {
		sample64(r, x)
		for i := range m {
			m[i] = 0
			switch x[i] = max(x[i], -1060); r.Intn(4) {
			case 0:
				x[i] = -math.Abs(x[i])
			case 1:
				m[i] = x[i] + 0
			default:
				m[i] = x[i] + math.Abs(kt.Uniform[float64](r, 200))
			}
			x[i] = max(x[i], m[i]-1060) // the clamp has a rounding of its own
		}
	}
	// an odd one out shows as a huge error
	nm := func(m float64) int {
		return int(math.RoundToEven(m * 0x1.71547652b82fep0))
	}
	w := walk64(t, "exponential", fill, func(d, x, m []float64) { expAt(d, x, m) },
		func(x, m float64) kt.Scaled {
			e := kt.ExpDD(kt.DD{Hi: x})
			e.DD = e.DD.MulF(aF64)
			e.Exp += 512 - nm(m)
			return e
		},
		func(got, x, m float64) float64 {
			e := kt.ExpBig(kt.Big(x))
			e.Mul(e, kt.Big(aF64))
			return kt.ErrBig(got, e.SetMantExp(e, 512-nm(m)))
		})
	require.LessOrEqual(t, w, 0.673)
}

// TestWalkISA compares every float32 function of elements, and the exponentials of the others, on
// every instruction set with the generic bits.
func TestWalkISA(t *testing.T) {
	names := isa.Available()
	kt.Require(t)
	if len(names) == 1 {
		t.Skip("nothing to compare the generic code with")
	}
	step := stride()
	require.NotEmpty(t, Walks)
	for _, k := range append([]Walk{
		{"exp, m = 0", func(d, x []float32, _ []uint64) {
			neg := make([]float32, len(x))
			for i, v := range x { // an element is never above the maximum
				neg[i] = min(v, -v)
			}
			for lo := 0; lo < len(x); lo += 4096 {
				hi := min(lo+4096, len(x))
				expAt(d[lo:hi], neg[lo:hi], walkZeros[:hi-lo])
			}
		}},
		{"exp, m = x", func(d, x []float32, _ []uint64) { expAt(d, x, x) }},
		{"exp in LogSoftmaxBackward", func(d, x []float32, _ []uint64) {
			var s [1]float32
			s[0] = 1
			for lo := 0; lo < len(x); lo += 4096 {
				hi := min(lo+4096, len(x))
				rowsLogSoftmaxBackward(d[lo:hi], walkZeros[:hi-lo], x[lo:hi], s[:], hi-lo, hi-lo, hi-lo, hi-lo)
			}
		}},
	}, Walks...) {
		t.Run(k.Name, func(t *testing.T) {
			// The choice of instruction set is global. So all CPUs work on a few buffers with one
			// instruction set, and then with the next.
			var mu sync.Mutex
			var bad strings.Builder
			note := func(format string, a ...any) {
				mu.Lock()
				defer mu.Unlock()
				if bad.Len() < 2000 {
					fmt.Fprintf(&bad, format+"\n", a...)
				}
			}
			batches(step, func(bufs []*walkBuf) {
				generic(func() {
					each(bufs, func(c *walkBuf) {
						for i := range c.in {
							c.in[i] = 0x123456789abcdef * uint64(i+1)
						}
						copy(c.maskW, c.in)
						k.Run(c.want, c.x, c.maskW)
					})
				})
				for _, name := range names[:len(names)-1] {
					kt.With(name, func() {
						each(bufs, func(c *walkBuf) {
							copy(c.maskG, c.in)
							k.Run(c.got, c.x, c.maskG)
							if i := kt.Diff(c.got, c.want); i >= 0 {
								note("%s: x = %v (%#08x): got %v (%#08x), want %v (%#08x)",
									name, c.x[i], math.Float32bits(c.x[i]),
									c.got[i], math.Float32bits(c.got[i]), c.want[i], math.Float32bits(c.want[i]))
							}
							for i, w := range c.maskW {
								if c.maskG[i] != w {
									note("%s: mask word %d from x = %v: got %#x, want %#x",
										name, i, c.x[i*64], c.maskG[i], w)
								}
							}
						})
					})
				}
			})
			require.Empty(t, bad.String())
		})
	}
}

var walkZeros [4096]float32

// The recipes as they are in the design, in float32 operations with a fused
// multiply-add that is emulated step by step. The generic code gets the same
// bits by a faster way, which these prove.

// specEntry32 is an entry of a table with its exponent, from k.
func specEntry32(table [8]float32, k float32) float32 {
	bits := math.Float32bits(k)
	j := bits & 7
	return math.Float32frombits(bits<<20 + (math.Float32bits(table[j]) - j<<20 - 127<<23))
}

// specReduce32 takes n/8*ln2 from z, or adds it for sign = -1.
func specReduce32(z, n, sign float32) float32 {
	t := kt.FMA32(n, -sign*0x1.62e4p-4, z)
	return kt.FMA32(n, -sign*0x1.7f7d1cp-23, t)
}

func specSigmoid32(z float32) float32 {
	if z < -105 {
		z = -105
	}
	if z > 17.5 {
		z = 17.5
	}
	const M, c = 0x1.8p23 + 8*95, 0x1.016cb6p-32
	k := kt.FMA32(z, -0x1.715476p3, M)
	s := specEntry32([8]float32{
		0x1.016cb6p+0, 0x1.18b93cp+0, 0x1.322198p+0, 0x1.4dd6a6p+0,
		0x1.6c0daep+0, 0x1.8d00cap+0, 0x1.b0ef58p+0, 0x1.d81e7p+0,
	}, k)
	w := specReduce32(z, k-M, -1)
	r := kt.FMA32(-0x1.555bccp-3, w, 0x1.000a7p-1)
	p := kt.FMA32(-kt.FMA32(w, w, -0x1.3b4028p-25), r, w)
	hi, lo := max(c, s), min(c, s)
	d := kt.FMA32(-s, p, c+s)
	dl := kt.FMA32(-s, p, float32(hi-d)+lo)
	q := c / d
	e := kt.FMA32(-q, d, c)
	e = kt.FMA32(-q, dl, e)
	e = math.Float32frombits(math.Float32bits(e) + 32<<23)
	return kt.FMA32(q, e, q)
}

func specSigmoidFast32(z float32) float32 {
	if z < -105 {
		z = -105
	}
	if z > 17.5 {
		z = 17.5
	}
	const M, c = 0x1.8p23 + 8*95, 0x1.958396p-30
	k := kt.FMA32(z, -0x1.715476p3, M)
	s := specEntry32([8]float32{
		-0x1.0e5cd8p+0, -0x1.26d524p+0, -0x1.418468p+0, -0x1.5e9df4p+0,
		-0x1.7e59bep+0, -0x1.a0f4ccp+0, -0x1.c6b1aap+0, -0x1.efd8eap+0,
	}, k)
	w := specReduce32(z, k-M, -1)
	v := w + -0x1.80087ap+0
	e := kt.FMA32(w, kt.FMA32(v, v, 0x1.dfe4bep+1), -0x1.7ff8bap+2)
	return c / kt.FMA32(s, e, c)
}

func specExp32(x, m float32) float32 {
	var sub float32
	if !(m >= -1024 && m <= 1024) {
		sub = m
	}
	m0, z := m-sub, x-sub
	nm := kt.FMA32(m0, 0x1.715476p0, 0x1.8p23) - 0x1.8p23
	mg := (0x1.8p23 + 8*191) - 8*nm
	if z < m0-expClamp32 {
		z = m0 - expClamp32
	}
	k := kt.FMA32(z, 0x1.715476p3, mg)
	s := specEntry32([8]float32{
		0x1.4b2404p+0, 0x1.691c8ap+0, 0x1.89cb7cp+0, 0x1.ad6fb4p+0,
		0x1.d44dbcp+0, 0x1.feb052p+0, 0x1.16747cp+1, 0x1.2fa848p+1,
	}, k)
	t := specReduce32(z, k-mg, 1)
	r := kt.FMA32(0x1.555bccp-3, t, 0x1.000a3p-1)
	p := kt.FMA32(float32(t*t), r, t)
	return kt.FMA32(s, p, s)
}

// TestWalkSpec compares the generic code with the recipes.
func TestWalkSpec(t *testing.T) {
	defer isa.Force(isa.NameGeneric)()
	deltas := []float32{0, 0.25, 1, 3.5, 20, 60, 100, 104.9, 300}
	run := func(name string, f func(dst, x []float32), spec func(x float32, i int) float32) {
		t.Run(name, func(t *testing.T) {
			var w worst
			walk(stride(), func(x []float32) {
				dst := make([]float32, len(x))
				f(dst, x)
				for i, v := range x {
					if want := spec(v, i); !kt.Same(dst[i], want) {
						w.add("different", 1, func() string {
							return fmt.Sprintf("x = %v (%#08x): got %v (%#08x), want %v (%#08x)",
								v, math.Float32bits(v),
								dst[i], math.Float32bits(dst[i]), want, math.Float32bits(want))
						})
					}
				}
			})
			require.Empty(t, w.max)
		})
	}
	run("Sigmoid", Sigmoid[float32], func(x float32, _ int) float32 { return specSigmoid32(x) })
	run("SigmoidFast", SigmoidFast[float32], func(x float32, _ int) float32 { return specSigmoidFast32(x) })
	above := func(x float32, i int) float32 { return x + deltas[i%len(deltas)] + 0 }
	run("exp, m = 0", func(dst, x []float32) {
		neg := make([]float32, len(x))
		for i, v := range x {
			neg[i] = min(v, -v)
		}
		expAt(dst, neg, make([]float32, len(x)))
	}, func(x float32, _ int) float32 { return specExp32(min(x, -x), 0) })
	run("exp, other m", func(dst, x []float32) {
		m := make([]float32, len(x))
		for i, v := range x {
			m[i] = above(v, i)
		}
		expAt(dst, x, m)
	}, func(x float32, i int) float32 { return specExp32(x, above(x, i)) })
}

// TestFMA32 checks the kernels' emulated float32 FMA against math/big, where
// rounding twice would go wrong and elsewhere.
func TestFMA32(t *testing.T) {
	r := kt.NewRand(5)
	n := 100000
	if testing.Short() {
		n = 20000
	}
	for i := range n {
		a, b, c := kt.FromBits[float32](r.Uint64()), kt.FromBits[float32](r.Uint64()), kt.FromBits[float32](r.Uint64())
		switch i % 4 {
		case 1: // close in magnitude
			a, b, c = kt.Uniform[float32](r, 1), kt.Uniform[float32](r, 1), kt.Uniform[float32](r, 2)
		case 2: // the sum is near the middle of two float32
			c = kt.Uniform[float32](r, 1)
			a, b = kt.Uniform[float32](r, 1)*0x1p-20, 0x1p-10
			if r.Intn(2) == 0 {
				a = 0x1p-15 * (1 + 0x1p-23)
			}
		case 3: // subnormal results
			a, b, c = kt.Uniform[float32](r, 1)*0x1p-70, kt.Uniform[float32](r, 1)*0x1p-70,
				kt.FromBits[float32](r.Uint64()&0x80ffffff)
		}
		want := kt.FMA32(a, b, c)
		require.True(t, kt.Same(want, fma32(a, b, c)), "%x * %x + %x", a, b, c)
	}
}

// A walkBuf has the operands of a part of a walk over several instruction sets.
type walkBuf struct {
	x, want, got     []float32
	in, maskW, maskG []uint64
}

// batches calls f with every stride-th float32, a few buffers at a time.
func batches(stride uint64, f func(bufs []*walkBuf)) {
	count := (1<<32 + stride - 1) / stride
	bufs := make([]*walkBuf, 4*runtime.GOMAXPROCS(0))
	for i := range bufs {
		bufs[i] = &walkBuf{}
	}
	for lo := uint64(0); lo < count; {
		used := 0
		for ; used < len(bufs) && lo < count; used++ {
			n := min(walkLen, count-lo)
			b := bufs[used]
			if uint64(len(b.x)) != n {
				words := MaskLen(int(n))
				*b = walkBuf{make([]float32, n), make([]float32, n), make([]float32, n),
					make([]uint64, words), make([]uint64, words), make([]uint64, words)}
			}
			for i := range b.x {
				b.x[i] = math.Float32frombits(uint32((lo + uint64(i)) * stride))
			}
			lo += n
		}
		f(bufs[:used])
	}
}

// each runs f over the buffers on all CPUs.
func each(bufs []*walkBuf, f func(c *walkBuf)) {
	var wg sync.WaitGroup
	procs := runtime.GOMAXPROCS(0)
	for p := range procs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := p; i < len(bufs); i += procs {
				f(bufs[i])
			}
		}()
	}
	wg.Wait()
}
