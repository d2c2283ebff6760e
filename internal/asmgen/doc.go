// Package asmgen turns kernels written as short sequences of vector operations into Go assembly for
// AVX2, AVX-512 and NEON. A kernel names no instruction set: it is a body over one vector of
// elements, placed in one of the loop shapes of this package. Every operation is correctly rounded
// or exact, so that all back ends compute the same bits. See package pages in kernels/ for the
// bodies, and CONTRIBUTING.md for how to add one.
//
// The words: a page's functions record a sequence of operations with a [Builder]. A block is always
// one of the canonical sum.
//
// What a page may say is in [Builder], with what each operation promises for NaN and the sign of
// zero; the shapes are [Map], [Rows], [Columns], [MaskOut], [MaskIn], [Find],
// [MatMul] and [Transpose].
//
// The layers, from the page down:
//
//	kernel.go check.go              kernels and their parameters; what a page cannot mean
//	ops.go table.go                 the operations of a page; the tables of Lookup
//	loops.go rows.go sum.go         shapes: Map, what loops have in common; Rows; the canonical sum
//	columns.go mask.go find.go      shapes: rows of few columns, bits for elements, the search
//	matmul.go                       shapes: the product of matrices, and what it packs
//	schedule.go pipeline.go         the order of operations; software-pipelined loops
//	regalloc.go                     which register holds what
//	machine.go                      what an instruction set has to offer, and the text of a function
//	amd64.go arm64.go               the mnemonics
//	amd64_lanes.go arm64_lanes.go   what moves data between lanes, and partial vectors
//	compile.go                      a kernel through these layers, for one instruction set and type
//	files.go constant.go            the assembly files, the constants in them
//	annotate.go                     the comments in them
//	dispatch.go race.go             stubs and dispatch; what the race detector is told
//	streamforms.go                  the list of the kernels that stream, for a test
//	variants.go                     a kernel under many schedules, for the tuner
package asmgen
