package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/bench/compare/internal/yard"
	"kernels/internal/ktest"
)

// TestPeersAgree checks that the peers compute the same thing; with -tags peers that includes the C
// libraries.
func TestPeersAgree(t *testing.T) {
	for _, avx512 := range []bool{false, true} {
		if avx512 && kernels.ISA() != "avx512" {
			continue
		}
		peers := goPeers()
		if yard.Available() {
			peers = append(peers, cPeers(avx512)...)
			peers = append(peers, recipePeers(t, avx512)...)
		}
		for _, p := range peers {
			t.Run(fmt.Sprintf("%s/avx512=%t", p.Name, avx512), func(t *testing.T) {
				assert.Positive(t, peerAgrees[float32](t, p)+peerAgrees[float64](t, p),
					"a peer that does nothing")
			})
		}
	}
}

// recipePeers builds c-recipe, or none without cgo or a compiler.
func recipePeers(t *testing.T, avx512 bool) []*peer {
	name := "avx2"
	if avx512 {
		name = "avx512"
	}
	peers, err := recipe(name)
	if err != nil {
		t.Logf("without c-recipe: %v", err)
	}
	return peers
}

func peerAgrees[T kernels.Float](t *testing.T, p *peer) (done int) {
	check := func(kernel string, rows, classes int) {
		var a arena
		defer a.free()
		j := newJob[T](&a, kernel, rows, classes)
		r := prepare(p, j)
		if r == nil {
			return
		}
		defer r.done()
		done++
		w := newReference(j)
		r.run(2)
		j.reset()
		r.run(1)
		if r.fetch != nil {
			r.fetch()
		}
		if err := w.check(j); checks(p, kernel) {
			require.NoError(t, err, "%s %s %dx%d", kernel, ktest.TypeName[T](), rows, classes)
		}
	}
	for _, k := range elementKernels {
		for _, n := range []int{1, 7, 64, 100, 1000} {
			check(k, 1, n)
		}
	}
	for _, k := range rowKernels {
		for _, c := range []int{1, 2, 3, 10, 26, 100, 1000} {
			check(k, 5, c)
		}
	}
	for _, k := range otherKernels() {
		if inRows(k) {
			check(k, 5, 100)
		} else {
			check(k, 1, 100)
		}
	}
	return done
}

// TestEveryGoldenKernelHasARow checks that a run times every kernel of testdata/golden.json, in
// both types: beside a copy, and beside its naive loop if it has one.
func TestEveryGoldenKernelHasARow(t *testing.T) {
	data, err := os.ReadFile("../../testdata/golden.json")
	require.NoError(t, err)
	golden := map[string]any{}
	require.NoError(t, json.Unmarshal(data, &golden))
	require.Greater(t, len(golden), 80)
	for _, quick := range []bool{false, true} {
		timed := map[string]bool{}
		for _, c := range allCases(quick) {
			timed[c.Kernel+"/"+c.Type] = true
		}
		for name := range golden {
			assert.True(t, timed[name], "%s has no row, quick = %t", name, quick)
		}
	}
	m := &meter{turn: 10 * time.Microsecond, budget: time.Millisecond, rounds: 5,
		log: func(string, ...any) {}}
	for _, c := range allCases(true) {
		if c.N() > 20000 {
			continue
		}
		x, err := m.measure(c, goPeers()[:2])
		require.NoError(t, err)
		assert.NotNil(t, x.get("kernels"), "%s", c)
		assert.NotNil(t, x.get("copy"), "%s", c)
		assert.Positive(t, x.Bytes, "%s", c)
		if table()[c.Kernel].Naive != nil {
			assert.NotNil(t, x.get("naive"), "%s", c)
		}
	}
}

// TestMoved compares the bytes that a job moves with those of its formula.
func TestMoved(t *testing.T) {
	for kernel, want := range map[string]int{"ReLU": 2 * 4 * 640, "Tanh": 2 * 4 * 640,
		"ReLUMask": 2*4*640 + 640/8, "ReLUBackward": 2*4*640 + 640/8, "SigmoidBackward": 3 * 4 * 640,
		"Softmax": 2 * 4 * 640, "CrossEntropyGrad": 2*4*640 + 64*(4+8), "SGD": 3 * 4 * 640,
		"SigmoidCrossEntropyGrad": 3 * 4 * 640, "SigmoidCrossEntropyGradLosses": 4 * 4 * 640,
		"Argmax": 4*640 + 8*64} {
		var a arena
		assert.Equal(t, want, newJob[float32](&a, kernel, 64, 10).moved(), kernel)
		a.free()
	}
}

// TestJobRepeats checks that a long job repeats the values of a short one.
func TestJobRepeats(t *testing.T) {
	var a arena
	defer a.free()
	const n = 150_000
	j, k := newJob[float32](&a, "ReLUBackward", 1, n), newJob[float32](&a, "ReLUBackward", 1, 1<<16)
	require.Len(t, j.dy, n)
	require.Len(t, j.mask, kernels.MaskLen(n))
	for i, v := range j.dy {
		require.Equal(t, k.dy[i%(1<<16)], v)
		require.Equal(t, k.bools[i%(1<<16)], j.bools[i])
		require.Equal(t, j.bools[i], j.mask[i/64]>>(i%64)&1 == 1)
	}
}

// TestReferenceNotices checks that a reference tells a wrong result from an inaccurate one.
func TestReferenceNotices(t *testing.T) {
	var a arena
	defer a.free()
	j := newJob[float32](&a, "Softmax", 3, 10)
	w := newReference(j)
	require.Len(t, w.want, 30)
	set := func() {
		for i, v := range w.want {
			j.dst[w.at[i].i] = float32(v) + 1e-6
		}
	}
	set()
	assert.NoError(t, w.check(j))
	assert.Error(t, w.check(j), "the results were not wiped")
	set()
	j.dst[12] = float32(math.NaN())
	assert.Error(t, w.check(j), "NaN, where the result is a number")
	set()
	j.dst[12] += 1e-3
	assert.ErrorContains(t, w.check(j), "[12]")
}

func TestInterleave(t *testing.T) {
	spin := func(n int) *runner { return loop(func() { yard.Spin(n) }) }
	m := &meter{turn: 200 * time.Microsecond, budget: time.Second, rounds: 15, log: t.Logf}
	x, err := m.interleave(Case{"ReLU", "float32", 1, 1000}, []string{"kernels", "twice", "same"},
		[]*runner{spin(1 << 12), spin(1 << 13), spin(1 << 12)})
	require.NoError(t, err)
	assert.InDelta(t, 2, x.get("twice").Ratio, 0.4)
	assert.InDelta(t, 1, x.get("same").Ratio, 0.25)
	assert.Nil(t, x.get("nobody"))
	if runtime.GOARCH == "amd64" {
		assert.InDelta(t, 4.1, x.cycles(x.get("kernels")), 1.2,
			"4096 cycles and a call over 1000 elements")
	}
}

func TestAccuracyOfTheKernels(t *testing.T) {
	list := append(accuracies[float32](goPeers()[:1], true, func(string) bool { return true }),
		accuracies[float64](goPeers()[:1], true, func(string) bool { return true })...)
	require.Len(t, list, 2*(len(elementKernels)+len(activations)+len(rowKernels)))
	for _, a := range list {
		limit := map[string]float64{"Sigmoid": 1, "Tanh": 2, "SigmoidFast": 2.5, "SigmoidBackward": 2.5,
			"Exp": 1, "Expm1": 1, "Log": 1, "Log1p": 1, "Erf": 1.5, "SiLU": 3.02, "GELU": 2, "GELUTanh": 2,
			"Softplus": 2, "Softmax": 4, "CrossEntropyGrad": 6}[a.Kernel]
		assert.LessOrEqual(t, a.ULPAll, limit, "%s %s", a.Kernel, a.Type)
		assert.Less(t, a.Label, 4e-7)
		assert.Less(t, a.Loss, 4e-7)
		assert.GreaterOrEqual(t, a.Samples, 10000)
	}
}

func TestAccuracyNotices(t *testing.T) {
	liar := &peer{Name: "liar", f32: func(j *job[float32]) *runner {
		return loop(func() {
			kernels.Sigmoid(j.dst, j.x)
			for i, v := range j.x {
				if v < -85 {
					j.dst[i] = 0
				} else if v > 3 {
					j.dst[i] *= 1 - 0x1p-20
				}
			}
		})
	}}
	list := elementAccuracy[float32]("Sigmoid", "float32", []*peer{liar}, true)
	require.Len(t, list, 1)
	assert.InDelta(t, 16, list[0].ULP, 1, "2^-20 at the upper end of a binade")
	assert.Greater(t, list[0].ULPAll, 1e5)
}

// example returns a result as a run would give it, made by hand.
func example() *Result {
	m := func(kernel, typ string, rows, classes int, ns ...float64) *Measurement {
		x := &Measurement{Case: Case{kernel, typ, rows, classes}, GHz: 2, Rounds: 5}
		for i, name := range []string{"kernels", "naive", "xnnpack", "copy"} {
			x.Timings = append(x.Timings, Timing{Name: name, NS: ns[i], Best: ns[i],
				Ratio: ns[i] / ns[0], Reps: 1})
		}
		return x
	}
	return &Result{
		ISA: "avx2", CPU: "a CPU", Peers: []*peer{{Name: "kernels", Version: "1"}},
		Allocs: map[string]float64{"ReLU": 1},
		Accuracy: []*Accuracy{{Kernel: "SigmoidFast", Type: "float32", Name: "kernels", ULP: 2.4,
			ULPAll: 2.4, Samples: 9},
			{Kernel: "SigmoidFast", Type: "float32", Name: "xnnpack", ULP: 4.7, ULPAll: wrong,
				Samples: 9}},
		Measurements: []*Measurement{
			m("SigmoidFast", "float32", 1, 2<<10, 900, 20000, 1000, 100),
			m("SigmoidFast", "float32", 1, 4<<10, 1800, 40000, 2000, 200),
			m("Sigmoid", "float32", 1, 2<<10, 1200, 20000, 1000, 100),
			m("ReLU", "float32", 1, 8, 12, 5, 14, 3),
			m("Softmax", "float32", rowsFor(10), 10, 16384, 100000, 20000, 3000),
			m("Softmax", "float32", rowsFor(100), 100, 16384, 9000, 10000, 3000),
		},
	}
}

func TestJudge(t *testing.T) {
	verdicts := map[string]Verdict{}
	for _, v := range judge(example()) {
		verdicts[v.Kernel+" "+v.Where] = v
	}
	require.Len(t, verdicts, 5)
	v := verdicts["SigmoidFast L1"]
	assert.Equal(t, []string{"0.90 x xnnpack"}, v.Misses, "the limit is 0.70")
	assert.InDelta(t, 0.9, v.ToXNNPACK, 1e-9)
	assert.InDelta(t, 900*2/2048.0, v.Cycles, 1e-9)
	assert.Equal(t, "xnnpack", v.Best)
	assert.Equal(t, 4.7, v.BestULP)
	assert.Equal(t, []string{"1.20 x xnnpack", "ULP not measured"}, verdicts["Sigmoid L1"].Misses)
	assert.Equal(t, []string{"12.0 ns", "1 allocations"}, verdicts["ReLU n=8"].Misses)
	assert.Empty(t, verdicts["Softmax C=10"].Faster)
	assert.Equal(t, []string{"1.64 x xnnpack", "1.82 x naive", "ULP not measured"},
		verdicts["Softmax C=100"].Misses)
	r := example()
	r.ISA = "avx512"
	for _, v := range judge(r) {
		if v.Kernel == "Sigmoid" {
			assert.Equal(t, "<= 1.30 x best, <= 1 ULP", v.Target)
			assert.Equal(t, []string{"ULP not measured"}, v.Misses)
		}
	}
}

func TestWriteAndReadAgain(t *testing.T) {
	dir := t.TempDir()
	r := example()
	r.Targets = judge(r)
	require.NoError(t, r.write(dir))
	again, err := readResult(filepath.Join(dir, "results.json"))
	require.NoError(t, err)
	again.Targets = judge(again)
	assert.Equal(t, r, again)
	page, err := os.ReadFile(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	for _, want := range []string{
		"| SigmoidFast f32 L1 | <= 0.70 x best, <= 2.5 ULP | 0.879 (900) | 2.40 | " +
			"xnnpack 0.977 | 4.70 | 0.90 | 9.00 | 0.90 |  | missed: 0.90 x xnnpack |",
		"missed: 1.20 x xnnpack", "| 1638 x 10 | 2.00 |",
		"| SigmoidFast f32 | xnnpack | 4.70 | wrong |",
		"![sigmoidfast-float32](sigmoidfast-float32.svg)"} {
		assert.Contains(t, string(page), want)
	}
	for _, chart := range []string{"sigmoidfast-float32.svg", "softmax-float32.svg"} {
		svg, err := os.ReadFile(filepath.Join(dir, chart))
		require.NoError(t, err)
		assert.True(t, strings.Contains(string(svg), "<svg") &&
			strings.Contains(string(svg), "xnnpack"))
	}
}

// TestSummary checks that the README has the results as they are, and draws their chart.
func TestSummary(t *testing.T) {
	require.LessOrEqual(t, len(summaryRows), 12)
	s, err := readSummary("results")
	require.NoError(t, err)
	var page strings.Builder
	s.write(&page)
	file, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	readme := strings.ReplaceAll(string(file), "\r\n", "\n")
	assert.Contains(t, readme, "`compare -summary` -->\n"+page.String()+"<!-- results: end -->",
		"README.md is not what compare -summary prints")
	count := s.count()
	assert.Contains(t, readme, strings.ToUpper(count[:1])+count[1:])
	chart := filepath.Join(t.TempDir(), "summary.svg")
	require.NoError(t, s.chart(chart))
	want, err := os.ReadFile("results/summary.svg")
	require.NoError(t, err)
	got, err := os.ReadFile(chart)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "results/summary.svg is not what compare -summary draws")

	_, err = readSummary(t.TempDir())
	require.Error(t, err)
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "", 0.12345: "0.123", 1.2345: "1.23", 12.345: "12.3",
		1234.5: "1234", 99.99: "100.0"} {
		assert.Equal(t, want, sig(v))
	}
	assert.Equal(t, "16k", short(16<<10))
	assert.Equal(t, "16M", short(16<<20))
	assert.Equal(t, "1000", short(1000))
}
