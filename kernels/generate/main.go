// Command generate writes the assembly of the package from the pages: kernels_amd64.s,
// kernels_arm64.s, and dispatch_*.go with their stubs and the dispatch. Run it from the module's
// root by go generate.
//
//	go run ./kernels/generate [folder]
package main

import (
	"fmt"
	"os"

	"kernels/internal/asmgen"
	pages "kernels/kernels"
)

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := asmgen.Generate(dir, pages.Kernels()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
