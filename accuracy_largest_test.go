package kernels

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// A largest is the largest error of all float32 inputs of a kind, in ULP and rounded up as in the
// comment of the function, and an input that has it, if the comment names one.
type largest struct {
	err float64
	at  float32
}

// largest32 has the functions of one float32 argument. -walk all goes through all inputs. Without
// it TestLargest32 sees that the inputs named have these errors, and that the comments say so.
var largest32 = []struct {
	name string
	run  func(dst, x []float32)
	ref  func(x float64) float64

	positive, negative, subnormal largest // by the input, and where the result is subnormal
}{
	{"Sigmoid", within(Sigmoid[float32], 0, 1), sigmoidRef,
		largest{0.622, 0.11853957}, largest{0.923, -2.7171273}, largest{0.690, 0}},
	{"SigmoidFast", within(SigmoidFast[float32], 0, 1), sigmoidRef,
		largest{1.459, 1.3011373}, largest{2.099, -26.383032}, largest{1.210, 0}},
	{"Tanh", odd(within(Tanh[float32], -1, 1)), math.Tanh,
		largest{1.841, 0.5363241}, largest{1.841, 0}, largest{}},
	{"SiLU", SiLU[float32], siluRef,
		largest{1.843, 1.2679585}, largest{1.843, 0}, largest{1.169, -91.89779}},
	{"GELU", GELU[float32], kt.GELURef64,
		largest{1.337, 0}, largest{1.343, -0.3348992}, largest{1.5, 0}},
	{"GELUTanh", GELUTanh[float32], kt.GELUTanhRef64,
		largest{1.808, 0}, largest{1.808, -2.1897175}, largest{1.229, -10.101883}},
	{"Softplus", Softplus[float32], softplusRef,
		largest{1.364, 0.032856792}, largest{1.364, 0}, largest{0.937, -87.36947}},
	{"ELU", func(dst, x []float32) { ELU(dst, x, 1) }, eluRef,
		largest{}, largest{0.950, -0.40023243}, largest{}},
	{"Exp", Exp[float32], math.Exp,
		largest{0.868, 0}, largest{0.868, -31.928072}, largest{0.926, -87.4551}},
	{"Expm1", Expm1[float32], math.Expm1,
		largest{0.613, 0}, largest{0.613, -0.031741545}, largest{}},
	{"Log", Log[float32], math.Log,
		largest{0.951, 1.3979094}, largest{}, largest{}},
	{"Log1p", Log1p[float32], math.Log1p,
		largest{0.957, 0.39801556}, largest{0.957, 0}, largest{}},
	{"Erf", odd(within(Erf[float32], -1, 1)), math.Erf,
		largest{1.098, 0.2804523}, largest{1.098, 0}, largest{0.508, 0}},
	{"SigmoidCrossEntropy", func(dst, x []float32) { sigmoidLoss32(dst, make([]float32, len(x)), x) },
		softplusRef,
		largest{2.720, 0}, largest{2.720, -4.8514524}, largest{2.720, 0}},
	{"SigmoidCrossEntropyGrad", func(dst, x []float32) { sigmoidLoss32(make([]float32, len(x)), dst, x) },
		sigmoidRef,
		largest{2.334, 0}, largest{2.334, -7.680463}, largest{2.334, 0}},
}

func sigmoidRef(x float64) float64 {
	if x < -1e6 { // exp underflows there anyway
		return 0
	}
	return kt.SigmoidRef64(x)
}

// within makes NaN of results outside [lo, hi].
func within(f func(dst, x []float32), lo, hi float32) func(dst, x []float32) {
	return func(dst, x []float32) {
		f(dst, x)
		for i, y := range dst {
			if y < lo || y > hi {
				dst[i] = kt.NaN[float32]()
			}
		}
	}
}

// odd makes NaN of results whose bits are not those for -x, with the other sign.
func odd(f func(dst, x []float32)) func(dst, x []float32) {
	return func(dst, x []float32) {
		neg := make([]float32, len(x))
		for i, v := range x {
			neg[i] = -v
		}
		f(dst, x)
		f(neg, neg)
		for i, y := range dst {
			if !kt.Same(y, -neg[i]) {
				dst[i] = kt.NaN[float32]()
			}
		}
	}
}

// sigmoidLoss32 sets loss and dx to those of SigmoidCrossEntropyGrad for target 0 at x. Where
// target 1 at -x does not have the same bits, they are NaN.
func sigmoidLoss32(loss, dx, x []float32) {
	n := len(x)
	one, neg, loss1, dx1 := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i, v := range x {
		one[i], neg[i] = 1, -v
	}
	SigmoidCrossEntropyGrad(dx, loss, x, make([]float32, n), 1)
	SigmoidCrossEntropyGrad(dx1, loss1, neg, one, 1)
	for i := range x {
		if !kt.Same(loss[i], loss1[i]) || !kt.Same(dx[i], -dx1[i]) && dx[i] != 0 {
			loss[i], dx[i] = kt.NaN[float32](), kt.NaN[float32]()
		}
	}
}

// TestWalk32 measures each function against package math in float64.
func TestWalk32(t *testing.T) {
	for _, f := range largest32 {
		t.Run(f.name, func(t *testing.T) {
			kinds := [3]string{"x >= 0", "x < 0", "subnormal result"}
			var w worst
			walk(stride(), func(x []float32) {
				dst := make([]float32, len(x))
				f.run(dst, x)
				var top [3]float64
				var at [3]int
				for i, v := range x {
					want, k := f.ref(float64(v)), 0
					switch {
					case math.Abs(want) < 0x1p-126:
						k = 2
					case v < 0:
						k = 1
					}
					if err := kt.Err32(dst[i], want); err > top[k] {
						top[k], at[k] = err, i
					}
				}
				for k, e := range top {
					w.add(kinds[k], e, func() string {
						v := x[at[k]]
						return fmt.Sprintf("x = %v (%#08x, %x): got %v", v, math.Float32bits(v), v, dst[at[k]])
					})
				}
			})
			for k, l := range []largest{f.positive, f.negative, f.subnormal} {
				found := w.max[kinds[k]]
				t.Logf("%s: %.4f ULP at %s", kinds[k], found.err, found.at)
				require.LessOrEqual(t, found.err, l.err, found.at)
			}
		})
	}
}

// comments returns the comments of the functions.
func comments(t *testing.T) map[string]string {
	m := map[string]string{}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				m[f.Name.Name] = strings.ReplaceAll(f.Doc.Text(), "\n", " ")
			}
		}
	}
	return m
}

// TestLargest32 holds the comments of the functions to largest32, and that to the functions.
func TestLargest32(t *testing.T) {
	comments := comments(t)
	for _, f := range largest32 {
		for _, l := range []largest{f.positive, f.negative, f.subnormal} {
			if l.err == 0 {
				continue
			}
			require.Contains(t, comments[f.name], fmt.Sprint(l.err), f.name)
			if l.at == 0 {
				continue
			}
			require.Contains(t, comments[f.name], fmt.Sprint(l.at), f.name)
			var y [1]float32
			f.run(y[:], []float32{l.at})
			err := kt.Err32(y[0], f.ref(float64(l.at)))
			require.True(t, err <= l.err && err > l.err-0.0011, "%s(%v): %v ULP", f.name, l.at, err)
		}
	}
}

// TestDocumentedBounds: the bound that a function of elements is climbed with, in both types if
// there are two, is in its comment, as it is or rounded up.
func TestDocumentedBounds(t *testing.T) {
	comments := comments(t)
	bounds := map[string]float64{}
	for _, c := range climbCases[float64](t) {
		if len(c.classes) == 1 {
			bounds[c.name] = c.bound(1)
		}
	}
	for _, c := range climbCases[float32](t) {
		if strings.Contains(c.name, ", ") && len(c.classes) == 1 {
			bounds[c.name] = max(bounds[c.name], c.bound(1))
		}
	}
	require.Greater(t, len(bounds), 15)
	for name, bound := range bounds {
		function, _, _ := strings.Cut(name, ",")
		require.Regexp(t, fmt.Sprintf("(at most|and) (%v|%.1f)[ *,(]", bound, math.Ceil(bound*10)/10),
			comments[strings.TrimSuffix(function, "With")], name)
	}
}
