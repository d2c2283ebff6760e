// Package isa decides at start which instruction set the kernels use. Available are those that the
// CPU, the operating system and the build support and GODEBUG has not turned off. The choice is the
// best of them, or the one that KERNELS_ISA names.
//
// The primitives test AVX512, AVX2 and NEON, in this order. The choice changes the speed only,
// never the bits of a result.
package isa

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// Names of the instruction sets, as KERNELS_ISA and Force take them and Name returns them.
const (
	// AVX-512 F, DQ, BW and VL, with the operating system saving ZMM and mask registers
	NameAVX512  = "avx512"
	NameAVX2    = "avx2"    // AVX2, FMA and BMI2, with the operating system saving YMM registers
	NameNEON    = "neon"    // every arm64
	NameGeneric = "generic" // pure Go
)

// Env is the environment variable that overrides the choice at start.
const Env = "KERNELS_ISA"

// The choice in force. Only Force writes these variables after init.
var (
	AVX512 bool
	AVX2   bool // also true if AVX512 is, for a kernel without an AVX-512 form
	NEON   bool
)

// LastLevelCache is the size in bytes of the largest cache. It decides which calls store past the
// caches. Only assembly of amd64 does that, and asks the CPU; the value here, a common size of a
// desktop's L3, is for a CPU that does not tell.
var LastLevelCache = 8 << 20

func init() {
	name := Available()[0]
	if env := os.Getenv(Env); env != "" {
		name = env
	}
	choose(Env+"=", name)
}

// Available lists the instruction sets of this CPU and this build, best first. The last is always
// "generic". One that GODEBUG turns off, as in GODEBUG=cpu.avx512f=off, is not listed.
func Available() []string {
	return append(slices.Clone(detected), NameGeneric)
}

// Name returns the instruction set in force.
func Name() string {
	switch {
	case AVX512:
		return NameAVX512
	case AVX2:
		return NameAVX2
	case NEON:
		return NameNEON
	}
	return NameGeneric
}

// Force switches to the named instruction set and returns a function that switches back. It panics
// if the name is not Available. It is for tests, which must not run kernels at the same time.
func Force(name string) (restore func()) {
	avx512, avx2, neon := AVX512, AVX2, NEON
	choose("isa.Force: ", name)
	return func() { AVX512, AVX2, NEON = avx512, avx2, neon }
}

func choose(who, name string) {
	have := Available()
	if !slices.Contains(have, name) {
		panic("kernels: " + who + strconv.Quote(name) +
			" is not available on this CPU or in this build, which has: " +
			strings.Join(have, ", "))
	}
	AVX512 = name == NameAVX512
	AVX2 = name == NameAVX2 || name == NameAVX512
	NEON = name == NameNEON
}
