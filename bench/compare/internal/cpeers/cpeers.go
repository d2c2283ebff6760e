// Package cpeers runs C and C++ libraries on the same buffers as the kernels. Each library has a
// build tag of its name (libmvec, sleef, onednn, xnnpack); the tag peers builds all of them. Others
// are shared libraries, loaded by [Open]; job.h says what they export. Without cgo there are none.
package cpeers

import "unsafe"

// A Kernel is the number of a computation, as in job.h.
type Kernel int

// The kernels, as in package kernels.
const (
	ReLU Kernel = iota
	ReLUMask
	ReLUBackward
	Sigmoid
	SigmoidBackward
	Softmax
	CrossEntropyGrad
	Tanh
	Other
	Exp
	Expm1
	Log
	Log1p
	Erf
	SiLU
	GELU
	GELUTanh
	Softplus
	HardSwish
)

// A Job describes one computation. C code uses its buffers as long as a Runner lives, so they must
// not be Go memory.
type Job struct {
	Kernel        Kernel
	Float64       bool
	AVX512        bool // allow AVX-512; otherwise AVX2
	N             int  // elements of X
	Rows, Classes int  // of row kernels
	X             unsafe.Pointer
	DY, Y         unsafe.Pointer // of backward kernels
	Dst, Losses   unsafe.Pointer
	Labels        unsafe.Pointer // int64
	Bools         unsafe.Pointer // the mask of the libraries: one byte per element, 1 where X <= 0
	Scale         float64
	Inner         int     // of products of matrices
	Args          []Slice // of the Go function, at most eight
}

// A Slice is an argument of a function.
type Slice struct {
	P unsafe.Pointer
	N int
}

// A Runner computes a job again and again.
type Runner struct {
	Run   func(reps int)
	Close func()
}

// A Library is a peer that was built in.
type Library struct {
	Name    string
	Version func(avx512 bool) string
	Prepare func(*Job) *Runner // returns nil if the library has no such operation
}

// An Entry is a kernel of a shared library.
type Entry struct {
	Name, Kernel, Type string
	ISA                string // the only instruction set that it is for, or ""
	Error              string // what its authors say of its error
	Prepare            func(*Job) *Runner
}

// Libraries lists the libraries that were built in.
var Libraries []Library
