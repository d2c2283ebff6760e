//go:build peers

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/ktable"
	"kernels/internal/ktest"
)

var writeTorch = flag.Bool("writetorch", false, "write "+torchPage)

const (
	torchPage = "results/torch/README.md"
	// torchULP is the error, in ULP, from which on PyTorch's result counts as wrong.
	torchULP = 4
	values   = 10_000 // of each function and type
)

// A torchCase is a function that PyTorch has too.
type torchCase[T kernels.Float] struct {
	name  string
	bound [2]float64 // of our results, in ULP: float32 and float64
	// exact returns element i of result k of a call.
	exact func(c *ktable.Call[T], k, i int) ktest.Scaled
	// slack returns what an error of the bound is allowed to be at least, as the doc comment of a
	// function says whose result may cross zero; nil: nothing.
	slack func(c *ktable.Call[T], k, i int) float64
}

// A torchRow is a row of the page: the largest error of one result of a function.
type torchRow struct {
	name, typ                string
	bound                    float64
	ours, torch              float64 // of finite values that PyTorch has a number for
	oursAt, torchAt          string
	got, want                string
	wrong, special, disagree int
	firstSpecial             string
	finite                   bool // firstSpecial is of finite inputs
}

// TestTorchValues compares our results and PyTorch's with exact ones, for 10,000 values of each
// function and type. Ours have to be within their bounds. Where the two disagree by more than our
// bound and an ULP, which is what the authors of PyTorch's vector functions promise, PyTorch's has
// to be further from the truth. The page lists where.
func TestTorchValues(t *testing.T) {
	python := ""
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(p, "-c", "import torch, numpy").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		t.Skip("no python3 has torch and numpy: install-peers.sh installs them")
	}
	dir := t.TempDir()
	a, b := torchJobs[float32](t, dir), torchJobs[float64](t, dir)
	jobs, err := json.Marshal(slices.Concat(jobsOf(a), jobsOf(b)))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "jobs.json"), jobs, 0o600))
	cmd := exec.Command(python, "testdata/torch_values.py", dir)
	cmd.Env = append(os.Environ(), "ATEN_CPU_CAPABILITY=avx2", "OMP_NUM_THREADS=1")
	cmd.Stderr = os.Stderr
	version, err := cmd.Output()
	require.NoError(t, err)

	rows := append(compareTorch(t, a), compareTorch(t, b)...)
	slices.SortStableFunc(rows, func(a, b *torchRow) int { return strings.Compare(a.typ, b.typ) })
	page := torchMarkdown(strings.TrimSpace(string(version)), rows)
	t.Log(page)
	if *writeTorch {
		require.NoError(t, os.MkdirAll(filepath.Dir(torchPage), 0o755))
		require.NoError(t, os.WriteFile(torchPage, []byte(page), 0o644))
	}
	written, err := os.ReadFile(torchPage)
	require.NoError(t, err)
	if head, _, _ := strings.Cut(page, "|"); strings.HasPrefix(string(written), head) {
		assert.Equal(t, page, string(written), "go test -tags peers -run TorchValues . -writetorch writes the page")
	} else {
		t.Logf("%s is of another version of PyTorch", torchPage)
	}
}

// A torchJob is a call, and what the script needs to do the same.
type torchJob[T kernels.Float] struct {
	c       *ktable.Call[T]
	of      torchCase[T]
	request map[string]any
	out     []string
}

func jobsOf[T kernels.Float](jobs []*torchJob[T]) (all []map[string]any) {
	for _, j := range jobs {
		all = append(all, j.request)
	}
	return all
}

// torchJobs makes the calls and writes their inputs into dir.
func torchJobs[T kernels.Float](t *testing.T, dir string) (jobs []*torchJob[T]) {
	typ := ktest.TypeName[T]()
	for _, of := range torchCases[T]() {
		c := torchCall[T](of.name)
		j := &torchJob[T]{c: c, of: of}
		in := map[string]string{}
		for i, arg := range c.Args {
			path := filepath.Join(dir, fmt.Sprintf("%s.%s.%s", of.name, arg.Name, typ))
			if arg.In && c.Ops[i].Mem != nil {
				in[arg.Name] = path
				require.NoError(t, os.WriteFile(path, c.Ops[i].Mem, 0o600))
			}
			if arg.Out && c.Ops[i].Mem != nil {
				j.out = append(j.out, path)
			}
		}
		classes := 0
		if c.Func.Rows {
			classes = c.Classes
		}
		j.request = map[string]any{"name": of.name, "type": typ, "in": in, "out": j.out,
			"scale": float64(c.Scale), "classes": classes}
		jobs = append(jobs, j)
	}
	return jobs
}

// torchCall makes a call with values from all of a function's domain.
func torchCall[T kernels.Float](name string) *ktable.Call[T] {
	f, r := ktable.Named[T](name), ktest.NewRand(2026)
	rows, classes := values, 1
	if f.Rows {
		rows, classes = values/10, 10
	}
	c := f.Make(r, rows, classes, ktable.Values{Kind: ktest.Normal, Typical: true}, f.Shares()[0])
	if c.Scale = 1; strings.HasPrefix(name, "LeakyReLU") {
		c.Scale = 0.01
	}
	// losses beside a gradient are those of the function without the gradient
	if i := f.Index("losses"); i > 0 {
		c.Ops[i].Mem = nil
	}
	x := c.Arg("x")
	for _, arg := range []string{"gate", "logits"} {
		if x == nil {
			x = c.Arg(arg)
		}
	}
	if y := c.Arg("y"); y != nil {
		x = y
	}
	if f.Rows {
		torchLogits(r, c, x)
	} else {
		torchInputs(r, name, x)
	}
	for _, arg := range []string{"dy", "up"} {
		for i := range c.Arg(arg) {
			c.Arg(arg)[i] = T(math.Ldexp(float64(ktest.Uniform[T](r, 1)), r.Intn(21)-10))
		}
	}
	for i := range c.Arg("targets") {
		c.Arg("targets")[i] = T(r.Intn(2))
	}
	c.Bind()
	return c
}

// torchInputs fills x with special values and then, in turns, with normally distributed ones, those
// of the range where something happens, powers of two, and any bits.
func torchInputs[T kernels.Float](r *ktest.Rand, name string, x []T) {
	end := 110
	if !ktest.Is32[T]() {
		end = 760
	}
	special := []T{0, 1, 2, 3, 0.5, 20, 6, T(math.Inf(1)), T(math.NaN()), ktest.FromBits[T](1),
		T(smallestNormal[T]()), T(float64(end)), 1e30}
	for i := range x {
		switch {
		case i < 2*len(special):
			x[i] = special[i/2] * T(1-2*(i%2))
		case i%5 == 0:
			x[i] = 3 * ktest.Gauss[T](r)
		case i%5 == 1:
			x[i] = ktest.Uniform[T](r, 14)
		case i%5 == 2:
			x[i] = ktest.Uniform[T](r, end)
		case i%5 == 3:
			x[i] = T(math.Ldexp(float64(ktest.Uniform[T](r, 2)), -r.Intn(40)))
		default:
			for x[i] = T(math.NaN()); !(math.Abs(float64(x[i])) <= math.MaxFloat64); {
				x[i] = ktest.FromBits[T](r.Uint64())
			}
		}
		switch a := math.Abs(float64(x[i])); {
		case name == "Log" && i%8 != 0, name == "Log1p" && x[i] < -1 && i%8 != 0:
			x[i] = T(a)
		case strings.HasPrefix(name, "Hard") && strings.HasSuffix(name, "Backward") && (a == 3 || a != a):
			x[i] = 2.5 // at kinks and for NaN, the gradient is a matter of convention
		case name == "SigmoidBackward": // what Sigmoid returned
			x[i] = T(ktest.SigmoidRef64(float64(x[i])))
		case name == "TanhBackward":
			x[i] = T(math.Tanh(float64(x[i])))
		}
	}
}

// torchLogits fills rows of logits of deviation 3, 30, or with labels or others that lead.
func torchLogits[T kernels.Float](r *ktest.Rand, c *ktable.Call[T], x []T) {
	for i := range x {
		row := i / c.Classes
		x[i] = 3 * ktest.Gauss[T](r)
		switch lead := i%c.Classes == row%c.Classes; {
		case row%4 == 1:
			x[i] *= 10
		case row%4 == 2 && lead:
			x[i] += T(r.Intn(60))
		case row%4 == 3 && lead:
			x[i] += T(r.Intn(800))
		case row%40 == 39:
			x[i] = T(math.Inf(-1))
		}
	}
	if k := c.Index("labels"); k >= 0 {
		for row := range c.Rows {
			label := row % c.Classes
			if row%8 == 3 {
				label = r.Intn(c.Classes)
			}
			c.PutLabel(k, row, label)
		}
	}
}

// compareTorch runs our functions, and compares the results and those that the script left.
func compareTorch[T kernels.Float](t *testing.T, jobs []*torchJob[T]) (rows []*torchRow) {
	for _, j := range jobs {
		before := *j.c
		before.Ops = slices.Clone(j.c.Ops)
		require.NoError(t, j.c.Run(), j.of.name)
		if j.c.Check != nil && !j.c.Func.Rows {
			assert.NoError(t, j.c.Check(&before, j.c), j.of.name)
		}
		k := 0
		for i, arg := range j.c.Args {
			if !arg.Out || j.c.Ops[i].Mem == nil {
				continue
			}
			b, err := os.ReadFile(j.out[k])
			require.NoError(t, err, "PyTorch has no %s", j.of.name)
			require.Len(t, b, len(j.c.Ops[i].Mem), j.of.name)
			theirs := make([]T, j.c.Ops[i].Len())
			copy(raw(theirs), b)
			rows = append(rows, compareValues(t, j, k, j.c.T(i), theirs))
			if k++; len(j.out) > 1 {
				rows[len(rows)-1].name += ", " + arg.Name
			}
		}
	}
	return rows
}

func compareValues[T kernels.Float](t *testing.T, j *torchJob[T], k int, ours, theirs []T) *torchRow {
	row := &torchRow{name: j.of.name, typ: ktest.TypeName[T](), bound: j.of.bound[1]}
	if ktest.Is32[T]() {
		row.bound = j.of.bound[0]
	}
	for i, y := range ours {
		want := j.of.exact(j.c, k, i)
		slack := 0.0
		if j.of.slack != nil {
			slack = j.of.slack(j.c, k, i)
		}
		at := torchAt(j.c, i, len(ours))
		a, b := torchError(y, want, row.bound, slack), torchError(theirs[i], want, row.bound, slack)
		if !assert.LessOrEqual(t, a, row.bound, "%s[%s]: f(%s) = %v, want %v", row.name, row.typ, at, y,
			want.Float64()) {
			return row
		}
		if a > row.ours {
			row.ours, row.oursAt = a, at
		}
		if b > torchULP {
			row.wrong++
		}
		switch {
		case math.IsInf(b, 1):
			// the first one, and rather one of finite inputs
			row.special++
			if finite := !strings.ContainsAny(at, "IN"); row.firstSpecial == "" || finite && !row.finite {
				row.firstSpecial = fmt.Sprintf("f(%s) = %v, not %v", at, theirs[i], y)
				row.finite = finite
			}
		case b > row.torch:
			row.torch, row.torchAt = b, at
			row.got, row.want = fmt.Sprint(theirs[i]), fmt.Sprint(T(want.Float64()))
		}
		// the distance of the two, in the same unit
		if d := torchError(theirs[i], ktest.ScaledOf(float64(y)), row.bound, slack); d > row.bound+1 &&
			y == y && !math.IsInf(float64(y), 0) {
			row.disagree++
			assert.Greater(t, b, a, "%s[%s]: f(%s) = %v, PyTorch has %v, exact is %v", row.name, row.typ,
				at, y, theirs[i], want.Float64())
		}
	}
	return row
}

// torchAt describes the inputs of result i of n.
func torchAt[T kernels.Float](c *ktable.Call[T], i, n int) string {
	if c.Func.Rows {
		return fmt.Sprintf("row %d", i*c.Rows/n)
	}
	var s []string
	for k, arg := range c.Args {
		if arg.In {
			s = append(s, fmt.Sprint(c.T(k)[i]))
		}
	}
	return strings.Join(s, ", ")
}

// torchError returns the error of y in ULP of want, or, if that is less, in units such that bound
// of them are slack. It is infinite if one of the two is NaN, infinite or 0 and cannot be taken for
// the other.
func torchError[T kernels.Float](y T, want ktest.Scaled, bound, slack float64) float64 {
	finite := func(x float64) bool { return x-x == 0 }
	e := math.Inf(1)
	switch w := want.Hi; {
	case float64(y) == w && (w == 0 || !finite(w)), y != y && w != w:
		return 0
	case finite(w) && w != 0 && y == y:
		e = ktest.Err(y, want)
	}
	if slack > 0 && finite(want.Hi) && finite(float64(y)) {
		off := math.Abs(want.Add(ktest.ScaledOf(-float64(y))).Float64())
		e = min(e, bound*(off/slack))
	}
	return e
}

// torchMarkdown writes the page.
func torchMarkdown(version string, rows []*torchRow) string {
	var b strings.Builder
	wrong := 0
	for _, r := range rows {
		if r.wrong > 0 {
			wrong++
		}
	}
	fmt.Fprintf(&b, `# Beside PyTorch

PyTorch %s, 10,000 values of each function and type, written by

    go test -tags peers -run TestTorchValues . -writetorch

`, version)
	fmt.Fprintf(&b, `The values are special ones, normally distributed ones, those of the range where something
happens, powers of two, and any bits; f's arguments stand in the order of our functions, and rows
have 10 classes. Errors are in ULP of the exact result, and in backwards as in the doc comments: n
ULP or u*|dy|, whichever is larger. Ours are within their bounds everywhere. Where the two differ by
more than our bound and an ULP, PyTorch's is further from the exact result, without an exception.

In %d of %d lines PyTorch has results that are off by more than %d ULP; the largest error is that of
numbers. The last column counts results that are NaN, infinite or not 0 where that is wrong, or the
other way round, and has one of them. PyTorch's may be the closer ones where both are within the
bound, as in the tail of GELU's gradient in float32, where ours is 0 below -6.05.

`, wrong, len(rows), torchULP)
	b.WriteString("| function | type | our bound | ours, at | PyTorch, at | its result | exact | " +
		"off by more than 4 ULP | they differ | NaN, infinite or 0 |\n" +
		"|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		special := ""
		if r.special > 0 {
			special = fmt.Sprintf("%d: %s", r.special, r.firstSpecial)
		}
		at := func(e float64, at string) string {
			if e == 0 {
				return "0"
			}
			return fmt.Sprintf("%.3g, %s", e, at)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %.4g | %s | %s | %s | %s | %d | %d | %s |\n", r.name, r.typ, r.bound,
			at(r.ours, r.oursAt), at(r.torch, r.torchAt), r.got, r.want, r.wrong, r.disagree, special)
	}
	b.WriteString("\nLeft out: `ReLUMask`, which PyTorch has no function for; products of matrices and " +
		"optimizers, whose\nerrors depend on the order of sums and on parameters; and the forms with options.\n")
	return b.String()
}
