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

// A page is one file of kernels.
type page struct {
	name    string // of the file
	kernels []asmgen.Kernel
}

// list has the pages in the order that their kernels have in the assembly files.
var list = []page{
	{"relu", relu},
	{"sigmoid", sigmoid},
	{"tanh", tanh},
	{"rows", rows},
	{"sigmoidloss", sigmoidLoss},
	{"log", logarithm},
	{"columns", columns},
}

// pages are the kernels of all pages, and after them those that store past the caches.
func pages() (all []asmgen.Kernel) {
	var streams []asmgen.Kernel
	for _, p := range list {
		for _, kn := range p.kernels {
			kn.Page = p.name
			all = append(all, kn)
			if kn.Streams {
				kn.Stream, kn.Plain = true, kn.Name
				kn.Name += "Stream"
				streams = append(streams, kn)
			}
		}
	}
	return append(all, streams...)
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
