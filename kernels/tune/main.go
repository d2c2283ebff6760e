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

// loops are the pipelines to try for a Map.
func loops() (settings []asmgen.Pipeline) {
	for _, unroll := range []int{3, 4, 6, 8} {
		for _, width := range []int{2, 3} {
			for interval := 6; interval <= 64; interval += 1 + interval/16 {
				for _, latency := range []int{30, 45, 60, 75, 90, 105} {
					p := asmgen.Pipeline{
						Interval: interval, Latency: latency, Unroll: unroll, Width: width,
					}
					settings = append(settings, p)
					for _, p.Constants = range []int{4, 5} {
						settings = append(settings, p)
					}
					p.Sink = true
					settings = append(settings, p)
				}
			}
		}
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
	asm, variants, err := asmgen.Variants(kn, setting, settings)
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
	fmt.Fprintf(&list, "package main\n\ntype float = %s\n\nvar variants = []variant{\n", float)
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
