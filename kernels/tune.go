package main

import (
	"fmt"
	"os"
	"os/exec"

	"kernels/internal/asmgen"
)

// pipelines are the settings of the main loops that were fastest in the search of tune (make tune), by kernel, then by instruction set and type;
// rowsExpSum stands for all forms of the row exponential that leave enough registers, those without a scale.
var pipelines = map[string]map[string]asmgen.Pipeline{
	"sigmoid": {
		"AVX512 F32": {Interval: 11, Latency: 105, Unroll: 8, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 14, Latency: 90, Unroll: 8, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 16, Latency: 90, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 20, Latency: 90, Unroll: 8, Width: 2, Constants: 5, Sink: true},
	},
	"rowsExpSum": {
		"AVX512 F32": {Interval: 5, Latency: 90, Width: 4, Sink: true},
		"AVX512 F64": {Interval: 8, Latency: 90, Width: 4},
		"AVX2 F32":   {Interval: 8, Latency: 40, Width: 2, Constants: 1, Sink: true},
		"AVX2 F64":   {Interval: 16, Latency: 50, Width: 2, Constants: 3, Sink: true},
	},
	"tanh": {
		"AVX512 F32": {Interval: 9, Latency: 105, Unroll: 8, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 16, Latency: 90, Unroll: 8, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 15, Latency: 75, Unroll: 4, Width: 2, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 28, Latency: 90, Unroll: 4, Width: 3, Constants: 5, Sink: true},
	},
	"sigmoidLoss": {
		"AVX512 F32": {Interval: 13, Latency: 75, Unroll: 8, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 18, Latency: 75, Unroll: 8, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 20, Latency: 60, Unroll: 3, Width: 2, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 15, Latency: 30, Unroll: 4, Width: 3, Constants: 5, Sink: true},
	},
	"sigmoidLossGrad": {
		"AVX512 F32": {Interval: 18, Latency: 75, Unroll: 6, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 30, Latency: 90, Unroll: 6, Width: 2, Sink: true},
		"AVX2 F32":   {Interval: 20, Latency: 20, Unroll: 4, Width: 3},
		"AVX2 F64":   {Interval: 26, Latency: 30, Unroll: 4, Width: 3, Constants: 5, Sink: true},
	},
	"lossLog": {
		"AVX512 F64": {Interval: 15, Latency: 75, Unroll: 8, Width: 3},
		"AVX2 F64":   {Interval: 26, Latency: 60, Unroll: 4, Width: 2},
	},
	"sigmoidFast": {
		"AVX512 F32": {Interval: 9, Latency: 90, Unroll: 8, Width: 3},
		"AVX512 F64": {Interval: 9, Latency: 75, Unroll: 8, Width: 3},
		"AVX2 F32":   {Interval: 10, Latency: 105, Unroll: 8, Width: 3, Constants: 4},
		"AVX2 F64":   {Interval: 14, Latency: 105, Unroll: 8, Width: 3, Constants: 4},
	},
}

// tune times a kernel under many pipelines on this machine: go run ./kernels -tune sigmoid "AVX2 F32".
func tune(kernel, setting string, all []asmgen.Kernel) {
	var settings []asmgen.Pipeline
	for _, unroll := range []int{3, 4, 6, 8} {
		for _, width := range []int{2, 3} {
			for interval := 6; interval <= 32; interval += 1 + interval/16 {
				for _, latency := range []int{30, 45, 60, 75, 90, 105} {
					p := asmgen.Pipeline{Interval: interval, Latency: latency, Unroll: unroll, Width: width}
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
			if _, rows := kn.Shape.(asmgen.Rows); rows {
				settings = groupSettings()
			}
			fail(asmgen.Tune(dir, kn, setting, settings))
		}
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stdout, os.Stderr
	fail(cmd.Run())
}

// groupSettings are those of a group of the canonical sum, which is not unrolled further.
func groupSettings() (settings []asmgen.Pipeline) {
	for _, width := range []int{2, 4} {
		for interval := 3; interval <= 24; interval += 1 + interval/8 {
			for _, latency := range []int{10, 15, 20, 25, 30, 35, 40, 50, 60, 75, 90} {
				for _, constants := range []int{0, 1, 2, 3, 4} {
					p := asmgen.Pipeline{Interval: interval, Latency: latency, Width: width, Constants: constants}
					settings = append(settings, p)
					p.Sink = true
					settings = append(settings, p)
				}
			}
		}
	}
	return settings
}
