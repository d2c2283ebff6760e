package main

import (
	"fmt"
	"os"
	"os/exec"

	"kernels/internal/asmgen"
)

// pipelines are the settings of the main loops that were fastest in the search of tune (make tune), by kernel, then by instruction set and type.
var pipelines = map[string]map[string]asmgen.Pipeline{
	"sigmoid": {
		"AVX512 F32": {Interval: 13, Latency: 75, Unroll: 8, Width: 3},
		"AVX512 F64": {Interval: 12, Latency: 50, Unroll: 6, Width: 3},
		"AVX2 F32":   {Interval: 24, Latency: 90, Unroll: 4, Width: 3, Constants: 5},
		"AVX2 F64":   {Interval: 16, Latency: 60, Unroll: 4, Width: 3},
	},
	"sigmoidFast": {
		"AVX512 F32": {Interval: 7, Latency: 75, Unroll: 8, Width: 3},
		"AVX512 F64": {Interval: 8, Latency: 40, Unroll: 6, Width: 3},
		"AVX2 F32":   {Interval: 11, Latency: 40, Unroll: 4, Width: 2, Constants: 5},
		"AVX2 F64":   {Interval: 30, Latency: 90, Unroll: 4, Width: 2, Constants: 5},
	},
}

// tune times a kernel under many pipelines on this machine: go run ./kernels -tune sigmoid "AVX2 F32".
func tune(kernel, setting string, all []asmgen.Kernel) {
	var settings []asmgen.Pipeline
	for _, unroll := range []int{4, 6, 8} {
		for _, width := range []int{2, 3} {
			for interval := 6; interval <= 32; interval += 1 + interval/16 {
				for _, latency := range []int{20, 30, 40, 50, 60, 75, 90} {
					p := asmgen.Pipeline{Interval: interval, Latency: latency, Unroll: unroll, Width: width}
					settings = append(settings, p)
					p.Constants = 5
					settings = append(settings, p)
				}
			}
		}
	}
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	dir, err := os.MkdirTemp("", "tune")
	fail(err)
	defer os.RemoveAll(dir)
	for _, kn := range all {
		if kn.Name == kernel {
			fail(asmgen.Tune(dir, kn, setting, settings))
		}
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stdout, os.Stderr
	fail(cmd.Run())
}
