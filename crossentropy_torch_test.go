package kernels

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// lcg is the random generator of testdata/torch_cross_entropy.py.
type lcg uint64

func (g *lcg) next(n uint64) int {
	*g = *g*6364136223846793005 + 1442695040888963407
	return int(uint64(*g) >> 33 % n)
}

// torchInputs returns the inputs of the script. All values are exact in float32.
func torchInputs[T Float](rows, classes int) (x []T, labels []int, weights, probs, dloss []T) {
	g := lcg(rows * classes)
	for range rows * classes {
		x = append(x, T(g.next(4096)-2048)/256)
	}
	for range rows {
		labels = append(labels, g.next(uint64(classes)))
	}
	for range classes {
		weights = append(weights, T(g.next(33))/16)
	}
	for range rows * classes {
		here := g.next(4) == 0
		p := T(g.next(1024)) / 1024
		if !here {
			p = 0
		}
		probs = append(probs, p)
	}
	for range rows {
		dloss = append(dloss, T(g.next(64)-32)/16)
	}
	for _, y := range labels {
		weights[y] += 1.0 / 16
	}
	return x, labels, weights, probs, dloss
}

// number is a float64 that may be "NaN".
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	if string(b) == `"NaN"` {
		*n = number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

type torchCase struct {
	Kind          string
	Rows, Classes int
	Reduction     string
	Weighted      bool
	Ignore        string
	Smoothing     float64
	Value         []number
	Grad          [][]number
	Total         []number
}

func (c *torchCase) String() string {
	return fmt.Sprintf("%s targets, %d classes, %s, weights %v, ignore %s, smoothing %v",
		c.Kind, c.Classes, c.Reduction, c.Weighted, c.Ignore, c.Smoothing)
}

// TestTorch compares every way of computing a cross-entropy with PyTorch, for all combinations of
// reduction, weights, ignore_index, smoothing, kind of target and number of classes. Results agree
// within 1e-12 in float64 and 2e-6 in float32. Gradients that are differences (p-t) are judged by
// the largest of their row.
func TestTorch(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "torch_cross_entropy.json"))
	require.NoError(t, err)
	var file struct{ Cases []torchCase }
	require.NoError(t, json.Unmarshal(data, &file))
	require.Len(t, file.Cases, 2*(3*2*4*4+3*2*4))
	t.Run("float32", func(t *testing.T) { testTorch[float32](t, file.Cases) })
	t.Run("float64", func(t *testing.T) { testTorch[float64](t, file.Cases) })
}

func testTorch[T Float](t *testing.T, cases []torchCase) {
	bound := kt.Pick[T](2e-6, 1e-12)
	kt.EachISA(t, func(t *testing.T, _ string) {
		var value, grad, sharp worst
		for i := range cases {
			c := &cases[i]
			x, labels, weights, probs, dloss := torchInputs[T](c.Rows, c.Classes)
			drawn := append([]int(nil), labels...)
			opts := &CrossEntropyOptions[T]{LabelSmoothing: T(c.Smoothing)}
			if c.Weighted {
				opts.Weights = weights
			}
			switch c.Reduction {
			case "sum":
				opts.Reduction = ReductionSum
			case "none":
				opts.Reduction = ReductionNone
			}
			switch c.Ignore {
			case "class":
				opts.IgnoreIndex = kt.Ptr(labels[1])
			case "negative":
				opts.IgnoreIndex = kt.Ptr(-100)
				labels[0] = -100
			case "all":
				opts.IgnoreIndex = kt.Ptr(-1)
				for r := range labels {
					labels[r] = -1
				}
			}
			if c.Reduction != "none" {
				dloss = dloss[:1]
			}
			at := func() string { return c.String() }
			for name, r := range lossWays(t, x, labels, probs, c.Classes, dloss, opts, c.Kind == "index") {
				got := []float64{r.value}
				if c.Reduction == "none" {
					require.Zero(t, r.value)
					got = to64(r.losses)
				}
				require.Len(t, got, len(c.Value))
				for j, want := range c.Value {
					value.add("value", relativeTo(got[j], float64(want), math.Abs(float64(want))), at)
				}
				if r.grad == nil {
					continue
				}
				for row, want := range c.Grad {
					g := r.grad[row*c.Classes:][:c.Classes]
					largest, total := 0.0, 0.0
					for _, v := range g {
						largest = math.Max(largest, math.Abs(float64(v)))
						total += math.Abs(float64(v))
					}
					k := 0
					for j := range c.Classes {
						if c.Classes > 100 && j%97 != 0 && j != drawn[row] {
							continue
						}
						if c.Kind == "index" && c.Smoothing == 0 {
							sharp.add("grad",
								relativeTo(float64(g[j]), float64(want[k]), math.Abs(float64(want[k]))),
								func() string { return name + ": " + at() })
						}
						grad.add("grad", relativeTo(float64(g[j]), float64(want[k]), largest), func() string {
							return name + ": " + at()
						})
						k++
					}
					require.Equal(t, len(want), k)
					if c.Total != nil {
						grad.add("grad",
							relativeTo(total, float64(c.Total[row]), math.Abs(float64(c.Total[row]))), at)
					}
				}
			}
		}
		t.Logf("values %.2e, gradients %.2e of the row's largest, without smoothing %.2e each",
			value.max["value"].err, grad.max["grad"].err, sharp.max["grad"].err)
		require.LessOrEqual(t, value.max["value"].err, bound, value.max["value"].at)
		require.LessOrEqual(t, grad.max["grad"].err, bound, grad.max["grad"].at)
		require.LessOrEqual(t, sharp.max["grad"].err, bound, sharp.max["grad"].at)
	})
}

// relativeTo returns |got-want|/unit. Two NaN are equal, and so are two zeros.
func relativeTo(got, want, unit float64) float64 {
	if got == want || got != got && want != want {
		return 0
	}
	if d := math.Abs(got-want) / unit; d == d {
		return d
	}
	return math.Inf(1)
}

// A lossResult has the results of one way of computing a cross-entropy.
type lossResult[T Float] struct {
	value  float64
	losses []T
	grad   []T
}

// lossWays computes a cross-entropy in every way, in matrices whose gaps must not be touched.
func lossWays[T Float](
	t *testing.T, x []T, labels []int, probs []T, classes int, dloss []T, opts *CrossEntropyOptions[T],
	index bool,
) map[string]lossResult[T] {
	t.Helper()
	rows := len(x) / classes
	ways := map[string]lossResult[T]{}
	for _, stride := range []int{0, classes + 3} {
		for _, inPlace := range []bool{false, true} {
			if stride == 0 && inPlace {
				stride = classes // given, not implied
			}
			o := *opts
			o.Stride = stride
			step := max(stride, classes)
			wide := make([]T, max(0, (rows-1)*step+classes))
			for i := range wide {
				wide[i] = T(math.NaN())
			}
			for r := range rows {
				copy(wide[r*step:][:classes], x[r*classes:])
			}
			fresh := func() (in, out []T) {
				in = append([]T(nil), wide...)
				if inPlace {
					return in, in
				}
				out = append([]T(nil), wide...)
				for i := range out {
					if i%step < classes {
						out[i] = 99
					}
				}
				return in, out
			}
			narrow := func(m []T) (dense []T) {
				for r := range rows {
					dense = append(dense, m[r*step:][:classes]...)
				}
				for i, v := range m {
					if i%step >= classes {
						require.True(t, v != v, "the gap at %d was written to: %v", i, v)
					}
				}
				return dense
			}
			same := func(in []T) {
				if !inPlace {
					require.Equal(t, -1, kt.Diff(in, wide), "the input was written to")
				}
			}
			losses := make([]T, rows)
			in, d := fresh()
			var value, alone float64
			var err error
			if index {
				value, err = CrossEntropyGradWith(d, losses, in, labels, classes, dloss, &o)
			} else {
				value, err = CrossEntropyProbGradWith(d, losses, in, probs, classes, dloss, &o)
			}
			require.NoError(t, err)
			same(in)
			key := fmt.Sprintf("stride %d, in place %v", stride, inPlace)
			ways["fused, "+key] = lossResult[T]{value, losses, narrow(d)}

			aloneLosses := make([]T, rows)
			if index {
				alone, err = CrossEntropyWith(aloneLosses, wide, labels, classes, &o)
			} else {
				alone, err = CrossEntropyProbWith(aloneLosses, wide, probs, classes, &o)
			}
			require.NoError(t, err)
			require.Equal(t, -1, kt.Diff(aloneLosses, losses),
				"losses with and without the gradient: %v, %v", losses, aloneLosses)
			require.True(t, kt.Same(alone, value), "%v, %v", alone, value)
			ways["forward, "+key] = lossResult[T]{value: alone, losses: aloneLosses}
		}
	}
	return ways
}
