// Command mutate measures the tests: it makes one deliberate mistake at a time in the generated
// assembly (another operation, a constant off by its last bit, a mask or a partial store off by
// one, lanes in another order, a sum grouped differently) and runs the short tests of the package.
// A mutant that they do not notice survives. equivalent.go explains the survivors that compute the
// same bits.
//
//	go run ./internal/mutate -n 200 -isa avx2,avx512
//
// The mutants are a sample, stratified by kernel, type, instruction set and kind of mistake. The
// same seed gives the same sample. NEON runs under qemu-aarch64. All work is done in a temporary
// copy of the module.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"kernels/internal/isa"
	pages "kernels/kernels"
)

type verdict int

const (
	failed verdict = iota // a test failed
	// the process died: a fault outside the guarded pages, a corrupted stack
	crashed
	timedOut // an endless loop
	survived
	same    // survived, and is known to compute the same
	invalid // does not assemble
)

func (v verdict) String() string {
	return [...]string{"failed", "crashed", "timed out", "SURVIVED", "equivalent", "invalid"}[v]
}

// result is the outcome of one mutant.
type result struct {
	m       *mutant
	verdict verdict
	by      string // the test, or why it is equivalent
}

var (
	count = flag.Int("n", 200, "number of mutants for each file (architecture); 0: all")
	seed  = flag.Uint64("seed", 1, "seed of the sample")
	sets  = flag.String("isa", strings.Join(native(), ","), "instruction sets")
	only  = flag.String("kernel", "",
		"regular expression for the names of the functions in the assembly, such as reluF32AVX2")
	kind    = flag.String("class", "", "only this class: op, const, tail, loop, lane, sum")
	what    = flag.String("what", "", "regular expression for the mistakes")
	jobs    = flag.Int("j", max(1, runtime.NumCPU()/2), "mutants at a time")
	list    = flag.Bool("list", false, "count the possible mutants and stop")
	verbose = flag.Bool("v", false, "report every mutant")
	limit   = flag.Duration("timeout", 40*time.Second,
		"CPU time for the tests of one kernel; six times as long for the whole short suite")
)

func native() []string {
	return slices.DeleteFunc(isa.Available(), func(s string) bool { return s == isa.NameGeneric })
}

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run() error {
	start := time.Now()
	tmp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	module := filepath.Join(tmp, "module")
	if err := copyModule(".", module); err != nil {
		return err
	}
	gen := exec.Command("go", "run", "./kernels/generate")
	gen.Dir = module
	if out, err := gen.CombinedOutput(); err != nil {
		return fmt.Errorf("generating: %w\n%s", err, out)
	}
	var results []result
	for _, a := range []struct {
		goarch string
		isas   []string
	}{{"amd64", []string{isa.NameAVX2, isa.NameAVX512}}, {"arm64", []string{isa.NameNEON}}} {
		wanted := slices.DeleteFunc(slices.Clone(a.isas), func(s string) bool {
			return !slices.Contains(strings.Split(*sets, ","), s)
		})
		if len(wanted) == 0 {
			continue
		}
		rs, err := mutateFile(tmp, module, a.goarch, wanted)
		if err != nil {
			return err
		}
		results = append(results, rs...)
	}
	if !*list {
		report(results)
		fmt.Printf("%v, seed %d, %d at a time\n", time.Since(start).Round(time.Second),
			*seed, *jobs)
	}
	if slices.ContainsFunc(results, func(r result) bool { return r.verdict == survived }) {
		return fmt.Errorf("some mutants survived")
	}
	return nil
}

func mutateFile(tmp, module, goarch string, isas []string) ([]result, error) {
	file := "kernels_" + goarch + ".s"
	text, err := os.ReadFile(filepath.Join(module, file))
	if err != nil {
		return nil, err
	}
	src := parse(string(text), goarch == "arm64")
	names, err := regexp.Compile(*only)
	if err != nil {
		return nil, err
	}
	src.funcs = slices.DeleteFunc(src.funcs, func(f *function) bool {
		return !slices.Contains(isas, f.isa) || !names.MatchString(f.name)
	})
	mistakes, err := regexp.Compile(*what)
	if err != nil {
		return nil, err
	}
	total := 0
	by := map[class]int{}
	for _, f := range src.funcs {
		f.mutants = slices.DeleteFunc(f.mutants, func(m *mutant) bool {
			return *kind != "" && string(m.class) != *kind || !mistakes.MatchString(m.what)
		})
		total += len(f.mutants)
		for _, m := range f.mutants {
			by[m.class]++
		}
	}
	fmt.Printf("%s: %d functions, %d possible mutants:", strings.Join(isas, ", "),
		len(src.funcs), total)
	for _, c := range classes {
		fmt.Printf(" %s %d", c, by[c])
	}
	fmt.Println()
	if *list {
		return nil, nil
	}
	n := *count
	if n == 0 {
		n = total
	}
	chosen := sample(src.funcs, n, *seed)

	tc, err := newToolchain(module, file, goarch)
	if err != nil {
		return nil, err
	}
	defer tc.close()
	var wrap []string
	if runtime.GOARCH != goarch {
		wrap = []string{"qemu-aarch64"}
	}
	// the same steps must pass without a mistake
	dir := filepath.Join(tmp, goarch)
	if err := copyModule(module, dir); err != nil {
		return nil, err
	}
	binary, err := tc.build(dir, src.text(nil))
	if err != nil {
		return nil, err
	}
	all := suite(overRows+"|"+others, src.funcs...)
	if v, by := tc.run(dir, binary, wrap, 10**limit, "-test.run="+all); v != survived || by != "" {
		return nil, fmt.Errorf("the tests do not pass without a mutant: %v %s", v, by)
	}

	results := make([]result, len(chosen))
	work := make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for j := range *jobs {
		dir := filepath.Join(tmp, fmt.Sprint(goarch, j))
		if err := copyModule(module, dir); err != nil {
			return nil, err
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range work {
				results[i] = try(tc, src, chosen[i], dir, wrap)
				mu.Lock()
				if r := results[i]; *verbose || r.verdict == survived {
					fmt.Printf("%v: %v: %s\n%s", r.verdict, r.m, r.by, src.show(r.m))
				}
				mu.Unlock()
			}
		}()
	}
	for i := range chosen {
		work <- i
	}
	close(work)
	wg.Wait()
	return results, nil
}

// The tests that compare bits. Those over the rows of the table have a subtest for each function.
const (
	overRows = "Table|GuardPages|Bulk|Tails"
	others   = "Constants|Streams|StreamPrimitives|Argmax|Golden|Flags"
)

// suite selects the tests that compare bits, and the tests of the families of fs, which are those
// with the name of the page: TestTanhSmall for a kernel of kernels/tanh.go. All others are about
// accuracy and arguments.
func suite(tests string, fs ...*function) string {
	var families []string
	for _, kn := range pages.Kernels() {
		if !slices.Contains(families, kn.Page) &&
			slices.ContainsFunc(fs, func(f *function) bool { return f.kernel == kn.Name }) {
			families = append(families, kn.Page)
		}
	}
	if len(families) > 0 {
		tests += "|(?i:" + strings.Join(families, "|") + `)\w*`
	}
	return "^Test(" + tests + ")$"
}

// rowsOf returns an expression for the rows of the table that call a kernel.
func rowsOf(kernel string) string {
	for _, group := range []struct{ kernels, rows string }{
		{"^(columns|rows|lossLog|expAt)", "^(Softmax|Log|CrossEntropy|Argmax)"},
		{"^sigmoidLoss", "^SigmoidCrossEntropy"},
		{"^(matmulPanel|transposeRows)", "^MatMul"},
		{"^momentumStep", "^Momentum"},
	} {
		if regexp.MustCompile(group.kernels).MatchString(kernel) {
			return group.rows
		}
	}
	return "(?i)^" + strings.TrimSuffix(kernel, "Stream") + "$"
}

// try builds and tests one mutant: first with the rows of the table that name its kernel, then with
// the tests that are quick, then with the whole suite.
func try(tc *toolchain, src *source, m *mutant, dir string, wrap []string) result {
	binary, err := tc.build(dir, src.text(m))
	if err != nil {
		return result{m, invalid, firstLine(err.Error())}
	}
	typ := map[string]string{"F32": "float32", "F64": "float64"}[m.fn.typ]
	v, by := tc.run(dir, binary, wrap, *limit,
		"-test.run=^Test("+overRows+")$/^"+typ+"$/"+rowsOf(m.fn.kernel))
	if v == survived {
		v, by = tc.run(dir, binary, wrap, *limit, "-test.run="+suite(others, m.fn))
	}
	if v == survived {
		v, by = tc.run(dir, binary, wrap, 6**limit, "-test.run="+suite(overRows+"|"+others))
	}
	if v == survived {
		if why := src.equivalent(m); why != "" {
			v, by = same, why
		}
	}
	return result{m, v, by}
}

// show prints the instructions around the mistake.
func (s *source) show(m *mutant) string {
	var b strings.Builder
	for i := max(m.fn.start, m.line-3); i < min(m.fn.end, m.line+5); i++ {
		edit, changed := m.edit[i]
		switch {
		case !changed:
			fmt.Fprintf(&b, "    %s\n", s.lines[i])
		default:
			fmt.Fprintf(&b, "  - %s\n", s.lines[i])
			if edit != "" {
				fmt.Fprintf(&b, "  + %s\n", edit)
			}
		}
	}
	return b.String()
}

// report prints the counts by instruction set and class, and what killed the mutants.
func report(results []result) {
	type key struct {
		isa string
		c   class
	}
	counts := map[key]map[verdict]int{}
	tests := map[string]int{}
	var keys []key
	total := map[verdict]int{}
	for _, r := range results {
		k := key{r.m.fn.isa, r.m.class}
		if counts[k] == nil {
			counts[k] = map[verdict]int{}
			keys = append(keys, k)
		}
		counts[k][r.verdict]++
		total[r.verdict]++
		if r.verdict == failed {
			name, _, _ := strings.Cut(r.by, "/")
			tests[name]++
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.isa, b.isa), cmp.Compare(slices.Index(classes, a.c),
			slices.Index(classes, b.c)))
	})
	fmt.Printf("\n%-8s %-6s %7s %7s %9s %9s %10s %7s\n", "isa", "class", "failed", "crashed",
		"timed out", "survived", "equivalent", "invalid")
	row := func(isa, class string, n map[verdict]int) {
		fmt.Printf("%-8s %-6s %7d %7d %9d %9d %10d %7d\n", isa, class, n[failed], n[crashed],
			n[timedOut], n[survived], n[same], n[invalid])
	}
	for _, k := range keys {
		row(k.isa, string(k.c), counts[k])
	}
	row("all", "", total)
	fmt.Printf("killed %d of %d that assemble and are not equivalent; by",
		total[failed]+total[crashed]+total[timedOut], len(results)-total[same]-total[invalid])
	names := make([]string, 0, len(tests))
	for n := range tests {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		fmt.Printf(" %s %d", n, tests[n])
	}
	fmt.Println()
	// the equivalent mutants, and why they are
	for _, r := range results {
		if r.verdict == same {
			fmt.Printf("equivalent: %v: %s\n", r.m, r.by)
		}
	}
}
