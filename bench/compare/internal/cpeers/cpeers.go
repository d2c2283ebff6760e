// Package cpeers runs C and C++ libraries on the same buffers as the kernels. Each library is
// behind a build tag of its name (libmvec, sleef, onednn, xnnpack), and all of them behind the tag
// peers; without any of these tags the package is empty, plain Go.
package cpeers

import "unsafe"

// A Kernel numbers what is to be computed. The numbers are those of job.h.
type Kernel int

// The kernels, as the package kernels has them.
const (
	ReLU Kernel = iota
	ReLUMask
	ReLUBackward
	Sigmoid
	SigmoidBackward
	Softmax
	CrossEntropyGrad
)

// A Job describes one computation. Its buffers are C's business as long as a Runner lives, so they
// must not be Go memory.
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
	Bools         unsafe.Pointer // a byte for each element, 1 where X <= 0: the libraries' mask
	Scale         float64
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
	Prepare func(*Job) *Runner // nil where the library has no such operation
}

// Libraries lists what was built in.
var Libraries []Library
