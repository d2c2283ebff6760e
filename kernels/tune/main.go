// Command tune times a kernel under hundreds of pipelines, in turns, and prints the fastest ones.
// Run it on an idle machine that has the instruction set, and put the winner into
// kernels/pipelines.go:
//
//	go run ./kernels/tune sigmoid 'AVX2 F32'
//	go run ./kernels/tune rowsExpSum 'AVX512 F64'
package main

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"kernels/internal/asmgen"
	pages "kernels/kernels"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: tune KERNEL 'AVX2 F32'")
		os.Exit(2)
	}
	if err := tune(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// tune writes a program that times the variants, and runs it.
func tune(kernel, setting string) error {
	all := pages.Kernels()
	i := slices.IndexFunc(all, func(kn asmgen.Kernel) bool { return kn.Name == kernel })
	if i < 0 {
		return fmt.Errorf("there is no kernel %s", kernel)
	}
	settings := loops()
	if _, ok := all[i].Shape.(asmgen.Rows); ok {
		settings = groups()
	}
	dir, err := os.MkdirTemp("", "tune")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := write(dir, all[i], setting, settings); err != nil {
		return err
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stdout, os.Stderr
	return cmd.Run()
}

// loops are the pipelines to try for a Map: so many drawn at random, the same ones in each run. A
// grid of as many would be coarse.
func loops() (settings []asmgen.Pipeline) {
	const tries = 2000
	r := rand.New(rand.NewPCG(1, 2))
	for range tries {
		unrolls, constants := []int{2, 3, 4, 5, 6, 8}, []int{0, 4, 5, 6, 7}
		settings = append(settings, asmgen.Pipeline{
			Interval:  6 + r.IntN(50),
			Latency:   20 + 5*r.IntN(22),
			Unroll:    unrolls[r.IntN(len(unrolls))],
			Width:     2 + r.IntN(3),
			Constants: constants[r.IntN(len(constants))],
			Sink:      r.IntN(3) > 0,
		})
	}
	return settings
}

// groups are the pipelines to try for a group of the canonical sum, which is not unrolled further.
func groups() (settings []asmgen.Pipeline) {
	for _, width := range []int{2, 4} {
		for interval := 3; interval <= 24; interval += 1 + interval/8 {
			for _, latency := range []int{10, 15, 20, 25, 30, 35, 40, 50, 60, 75, 90} {
				for _, constants := range []int{0, 1, 2, 3, 4} {
					p := asmgen.Pipeline{
						Interval: interval, Latency: latency, Width: width, Constants: constants,
					}
					settings = append(settings, p)
					p.Sink = true
					settings = append(settings, p)
				}
			}
		}
	}
	return settings
}

// timing is the program that times the variants. variants.go and the assembly are written beside
// it.
//
//go:embed timing.go.txt
var timing string

// write writes the program into dir.
func write(dir string, kn asmgen.Kernel, setting string, settings []asmgen.Pipeline) error {
	params, err := asmgen.ParamsOf(kn, setting)
	if err != nil {
		return err
	}
	present := pipelineOf(kn, setting)
	asm, variants, err := asmgen.Variants(kn, setting, append(present, settings...))
	if err != nil {
		return err
	}
	float := "float32"
	if strings.HasSuffix(setting, "F64") {
		float = "float64"
	}
	var declared, args []string
	for _, p := range params {
		declared = append(declared, p.Name+" "+p.Type)
		args = append(args, argument(p))
	}
	var list, stubs strings.Builder
	fmt.Fprintf(&list, "package main\n\ntype float = %s\n\n", float)
	fmt.Fprintf(&list, "// Without a pipeline, and with the present one.\nconst present = %d\n\n",
		1+len(present))
	fmt.Fprintf(&list, "var variants = []variant{\n")
	for _, v := range variants {
		name := fmt.Sprintf("%+v", v.Pipeline)
		fmt.Fprintf(&list, "\t{%q, func() { %s(%s) }},\n", name, v.Func, strings.Join(args, ", "))
		fmt.Fprintf(&stubs, "\n//go:noescape\nfunc %s(%s)\n", v.Func, strings.Join(declared, ", "))
	}
	list.WriteString("}\n")
	for name, text := range map[string]string{
		"go.mod":      "module tune\n\ngo 1.24\n",
		"timing.go":   timing,
		"variants.go": list.String() + stubs.String(),
		"k_amd64.s":   string(asm),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// pipelineOf returns the kernel's pipeline for a setting, if it has one.
func pipelineOf(kn asmgen.Kernel, setting string) (one []asmgen.Pipeline) {
	all := map[string]asmgen.Pipeline{}
	switch s := kn.Shape.(type) {
	case asmgen.Map:
		all = s.Pipeline
	case asmgen.Rows:
		all = s.Pipeline
	}
	if p, ok := all[setting]; ok {
		one = append(one, p)
	}
	return one
}

// argument returns the argument for a parameter in a call on one row of n elements.
func argument(p asmgen.Param) string {
	switch {
	case slices.Contains([]string{"dst", "dx", "dgate", "w", "losses", "loss"}, p.Name):
		return "y"
	case p.Name == "dup":
		return "z"
	case slices.Contains([]string{"t", "p", "r", "base", "dy", "gate", "up"}, p.Name):
		return "x"
	case p.Name == "narrow":
		return "false"
	case p.Type == "int":
		return "n"
	case !strings.HasPrefix(p.Type, "[]"):
		return "1"
	}
	return p.Name // x, and slices with one element per row: m, sum, skip
}
