// Command kernels writes the assembly of the package: kernels_amd64.s, kernels_arm64.s, their stubs and dispatch.
// Run it from the module's root by `go generate` or `go run ./kernels`. `go run ./kernels -tune sigmoid "AVX2 F32"` times a
// kernel under many schedules of its main loop.
//
// Each file beside this one is a page: the formulas of one family of kernels, their error bounds and worst inputs, and the vector operations that
// compute them, once for every instruction set. kernels_generic.go has the same formulas in Go, written by hand.
package main

import (
	"fmt"
	"os"

	"kernels/internal/asmgen"
)

// Short names for what every page uses.
type (
	block = asmgen.Block
	vec   = asmgen.V
)

// pages are all kernels in the order of the files.
func pages() (all []asmgen.Kernel) {
	for _, page := range []struct {
		name    string
		kernels []asmgen.Kernel
	}{
		{"relu", relu}, {"sigmoid", sigmoid}, {"sigmoid", []asmgen.Kernel{sigmoidFast, sigmoidBackward}}, {"tanh", tanh},
		{"rows", rowMax}, {"rows", exponential}, {"rows", rowScale}, {"rows", rowBackward}, {"rows", crossEntropy},
		{"sigmoidloss", sigmoidLoss}, {"log", []asmgen.Kernel{lossLog}}, {"columns", columns},
	} {
		for _, kn := range page.kernels {
			kn.Page = page.name
			all = append(all, kn)
		}
	}
	return append(all, streams(all)...)
}

// streams are the kernels that are bound by memory once more, storing past the caches: for slices beyond the last of them.
func streams(all []asmgen.Kernel) (list []asmgen.Kernel) {
	for _, kn := range all {
		switch kn.Name {
		case "relu", "reluMask", "reluBackward", "sigmoidBackward":
			kn.Stream, kn.Plain = true, kn.Name
			kn.Name += "Stream"
			list = append(list, kn)
		}
	}
	return list
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "-tune" {
		tune(os.Args[2], os.Args[3], pages())
		return
	}
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := asmgen.Generate(dir, pages()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
