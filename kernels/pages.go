// Package pages describes the kernels. A page is one file, for one family of kernels: formulas,
// error bounds, worst inputs, and the vector operations that compute them, once for all instruction
// sets. exp.go has what the exponentials share. The *_generic.go files of the module's root have
// the same formulas in Go, written by hand.
//
// The command in kernels/generate writes the assembly from the pages. The one in kernels/tune looks
// for the fastest order of the instructions.
package pages

import "kernels/internal/asmgen"

// Short names for what every page uses.
type (
	builder = asmgen.Builder
	vec     = asmgen.V
)

// A page is one file and its kernels.
type page struct {
	name    string // of the file
	kernels []asmgen.Kernel
}

// list has the pages in the order of the assembly files.
var list = []page{
	{"relu", relu},
	{"leakyrelu", leakyReLU},
	{"hard", hard},
	{"sigmoid", sigmoid},
	{"tanh", tanh},
	{"gelutanh", geluTanh},
	{"gelu", gelu},
	{"erf", erf},
	{"geglu", geglu},
	{"silu", silu},
	{"elementary", elementary},
	{"softplus", softplus},
	{"elu", elu},
	{"rows", rows},
	{"sigmoidloss", sigmoidLoss},
	{"log", logarithm},
	{"columns", columns},
	{"matmul", matmul},
	{"optimizers", optimizers},
}

// Kernels returns the kernels of all pages, followed by the forms of them that store past the
// caches.
func Kernels() (all []asmgen.Kernel) {
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
