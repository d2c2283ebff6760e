// Command compare times the kernels and their peers in turns, on one core, in one process, and
// measures the accuracy of each of them. The README beside it lists the peers and says how to
// install them.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/cpuid/v2"

	"kernels"
	"kernels/internal/isa"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatalf("compare: %v", err)
	}
}

func run() error {
	isaName := flag.String("isa", isa.Available()[0],
		"instruction set of ours: "+strings.Join(isa.Available(),
			", ")+"; peers follow it where they can")
	quick := flag.Bool("quick", false, "few sizes and rounds: does everything work?")
	only := flag.String("only", "", "measure only the cases that match, such as '^Softmax/float32'")
	without := flag.String("without", "^$", "leave out the peers that match")
	out := flag.String("out", "",
		"folder of the results; the default is results/ and the instruction set, or none for a part")
	core := flag.Int("core", 0, "the core to be pinned to")
	python := flag.String("torch", "auto",
		"python interpreter that has PyTorch, auto to look for one, none to do without")
	from := flag.String("from", "",
		"write tables and charts again from this results.json, measuring nothing")
	summary := flag.Bool("summary", false, "print the part of the project's README with the results, "+
		"and draw its chart, from the files in results, measuring nothing")
	times := flag.Bool("times", true, "measure times")
	errors := flag.Bool("accuracy", true, "measure accuracy")
	rounds := flag.Int("rounds", 31, "rounds of a case, at most")
	byClasses := flag.Bool("classes", false, "measure only the row kernels, on all instruction sets, "+
		"as a function of the number of classes; written to results/classes")
	var libraries []string
	flag.Func("peer-library", "shared library with peers, as internal/cpeers/job.h describes it; "+
		"may be repeated", func(file string) error {
		libraries = append(libraries, file)
		return nil
	})
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if *summary {
		s, err := readSummary("results")
		if err != nil {
			return err
		}
		s.write(os.Stdout)
		return s.chart(filepath.Join("results", "summary.svg"))
	}
	if *from != "" {
		r, err := readResult(*from)
		if err != nil {
			return err
		}
		r.Targets = judge(r)
		if *out == "" {
			*out = filepath.Dir(*from)
		}
		return r.write(*out)
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	leave, err := regexp.Compile(*without)
	if err != nil {
		return err
	}
	if !slices.Contains(isa.Available(), *isaName) {
		return fmt.Errorf("-isa %s: this CPU has %s", *isaName, strings.Join(isa.Available(), ", "))
	}
	defer isa.Force(*isaName)()
	if err := pin(*core); err != nil {
		return err
	}

	command := strings.Join(append([]string{"compare"}, os.Args[1:]...), " ")
	if *byClasses {
		if *out == "" && !*quick {
			*out = filepath.Join("results", "classes")
		}
		return sweepClasses(*out, command, *quick)
	}
	avx512 := *isaName == isa.NameAVX512
	peers := goPeers()
	if runtime.GOARCH == "amd64" && cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) {
		peers = append(peers, cPeers(avx512)...)
		if p, err := recipe(*isaName); err != nil {
			log.Printf("without c-recipe: %v", err)
		} else {
			peers = append(peers, p...)
		}
	}
	for _, file := range libraries {
		p, err := libraryPeers(file, *isaName)
		if err != nil {
			return err
		}
		peers = append(peers, p...)
	}
	if *python != "none" {
		t, p, err := startTorch(*python, *core, avx512)
		if err != nil {
			log.Printf("without PyTorch: %v", err)
		} else {
			defer t.stop()
			peers = append(peers, p)
		}
	}
	for i, p := range peers {
		if slices.ContainsFunc(peers[:i], func(q *peer) bool { return q.Name == p.Name }) ||
			isYardstick(p.Name) {
			return fmt.Errorf("two peers are called %s", p.Name)
		}
	}
	peers = slices.DeleteFunc(peers, func(p *peer) bool {
		return p.Name != "kernels" && leave.MatchString(p.Name)
	})

	r := &Result{
		Date:    time.Now().UTC().Format("2006-01-02"),
		Command: command,
		ISA:     kernels.ISA(), CPU: cpuName(), Caches: caches(), System: system(),
		Go: runtime.Version(), Quick: *quick,
		Peers: peers, Allocs: allocs(),
	}
	if *errors {
		log.Print("accuracy ...")
		wanted := func(typ string) func(string) bool {
			return func(k string) bool { return pattern.MatchString(k+"/"+typ+"/") || *only == "" }
		}
		r.Accuracy = append(accuracies[float32](peers, *quick, wanted("float32")),
			accuracies[float64](peers, *quick, wanted("float64"))...)
	}
	m := &meter{turn: time.Millisecond, budget: 4 * time.Second, rounds: *rounds, log: log.Printf}
	if *quick {
		m.turn, m.budget, m.rounds = 100*time.Microsecond, 100*time.Millisecond, 7
	}
	if *times {
		for _, c := range allCases(*quick) {
			if !pattern.MatchString(c.String()) {
				continue
			}
			x, err := m.measure(c, peers)
			if err != nil {
				return err
			}
			r.Measurements = append(r.Measurements, x)
		}
	}
	r.Targets = judge(r)
	dir := *out
	if dir == "" && *only == "" && *without == "^$" && !*quick && *times && *errors {
		dir = filepath.Join("results", r.ISA)
	}
	if dir == "" {
		r.markdown(os.Stdout, nil)
		return nil
	}
	if err := r.write(dir); err != nil {
		return err
	}
	r.targetTable(os.Stdout)
	log.Printf("written to %s", dir)
	return nil
}

// allocs counts the allocations of a call on slices that live on the stack.
func allocs() map[string]float64 {
	return map[string]float64{
		"ReLU": testing.AllocsPerRun(100, func() {
			var x, y [8]float32
			kernels.ReLU(y[:], x[:])
		}),
		"SigmoidFast": testing.AllocsPerRun(100, func() {
			var x, y [8]float32
			kernels.SigmoidFast(y[:], x[:])
		}),
		"Sigmoid": testing.AllocsPerRun(100, func() {
			var x, y [8]float32
			kernels.Sigmoid(y[:], x[:])
		}),
	}
}

func cpuName() string {
	c := cpuid.CPU
	return fmt.Sprintf("%s (family %d, model %d, stepping %d), %d cores", c.BrandName, c.Family,
		c.Model, c.Stepping, runtime.NumCPU())
}

func caches() string {
	c := cpuid.CPU.Cache
	kib := func(n int) string {
		switch {
		case n <= 0:
			return "unknown"
		case n >= 1<<20:
			return fmt.Sprintf("%g MiB", float64(n)/(1<<20))
		}
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("L1 %s, L2 %s, L3 %s", kib(c.L1D), kib(c.L2), kib(c.L3))
}

// system describes the operating system: its kernel, and whether it hands out huge pages.
func system() string {
	read := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			return "unknown"
		}
		return strings.TrimSpace(string(b))
	}
	return fmt.Sprintf("%s %s, transparent huge pages %s", runtime.GOOS,
		read("/proc/sys/kernel/osrelease"),
		read("/sys/kernel/mm/transparent_hugepage/enabled"))
}
