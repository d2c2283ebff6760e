// Package kernels provides the element and row loops of a small neural network on flat slices of
// float32 or float64: ReLU, sigmoid, tanh, softmax and cross-entropy (also the binary one), forward
// and backward. The formulas are those of the layers in the book "Deep Learning from Scratch"
// (Saitoh); package kernels/layers has these layers.
//
// # Shapes
//
// The destination comes first. Element kernels take slices of one length. Row kernels take rows of
// classes elements, one after the other: len(x) is a multiple of classes, and what has one element
// a row (losses, labels) has len(x)/classes of them. Empty and nil slices are fine.
//
// A wrong shape is a bug of the caller and panics, with a message that names the function, the
// arguments and their lengths. Bad data, a label that is not in [0, classes) or an option out of
// its range, is returned as an error that names the row or the option, the value and the range.
// Both happen before anything is written.
//
// Two slices of a call may be the same where the function says so, and the result is then computed
// in place. What is written shares no element with any other slice of the call, options included:
// an overlap panics. Rows of one matrix that take turns share none. Nothing but the destinations is
// written to, and nothing outside a slice is read.
//
// # Bits
//
// A result depends on the values alone: not on the CPU or its instruction set, nor on the length or
// alignment of a slice, where in it an element or a row stands, or how the work is split between
// calls. Results are made of additions, subtractions, multiplications, divisions and fused
// multiply-adds, each correctly rounded, and the elements of a row are added in one fixed order. A
// hash of the results of each kernel is published, in testdata/golden.json, and a version that
// changes one says so.
//
// Kernels assume rounding to nearest and gradual underflow, as Go programs have them. C code in the
// same process that was linked with -ffast-math may switch the latter off.
//
// # Special values
//
// Subnormal inputs and results are exact or rounded like others. Where a result is NaN it is NaN on
// every CPU; its sign and payload are unspecified unless a function says otherwise. A row of a row
// kernel has no effect on another: a softmax row that has a NaN or +Inf in it, or nothing but -Inf,
// is all NaN; -Inf beside finite elements has probability 0. Finite logits, however large, do not
// overflow on the way to a probability, a logarithm of one, or a loss: where such a result is
// infinite, the exact one is too large for the type.
//
// The floating-point exceptions invalid, divide-by-zero and overflow are not raised where inputs
// and results are finite and logits are at most 1e30 (float64: 1e300) in size.
//
// # Accuracy
//
// Errors are given in ULP, units in the last place of the exact result, or relative to a magnitude
// that is named, in units of u: 2^-24 for float32, 2^-53 for float64. A relative error of k*u is at
// most k ULP.
//
// A bound is proved: it is the sum of the roundings on the way. The largest error seen is no bound.
// It is that of all inputs where a function has one float32 argument, and else the largest that a
// search found which climbs from random inputs (TestClimb). The worst inputs are in
// testdata/climb.json.
//
// The errors of the row functions depend on d, the most additions, each rounded, that an
// exponential goes through in the sum of its row:
//
//	classes    1    2    3-4    5-8    9-16    17-32    33-64    65-96    97 or more
//	float32    0    1    2      3      4       5        4        5        6
//	float64    0    1    2      3      4       4        4        4        4, from 2049 on 5
//
// Longer rows do not add to it: they go on in float64, a float64 row with its rounding errors
// beside.
//
// There is one exception, in float64: of a row with a maximum between 1024 and 1490, the
// exponentials of elements below half of the maximum, less than exp(-512), are off by up to 2^-44
// of themselves. It shows where nothing else is left, as in the loss of a row whose label is that
// far above all other classes.
//
// # Speed
//
// Kernels start no goroutine, allocate nothing and keep no state: they may be called at the same
// time on slices that are apart. [Parallel] spreads work over cores; after a panic under it the
// caller gets a [*PanicError], with the value and the stack of the goroutine that panicked.
//
// The assembly is entered for at most 64 KiB of a slice at a time, and for at most 64 rows that lie
// apart, so that the garbage collector need not wait long for a goroutine in it. Under the race
// detector it reports what it reads and writes.
//
// The instruction set is chosen once, at start: AVX-512 (F, DQ, BW, VL), AVX2 (with FMA and BMI2),
// NEON, or pure Go, the best that the CPU and the operating system have. [ISA] names it. It decides
// the speed, never the result. There are three switches:
//
//   - The environment variable KERNELS_ISA = avx512, avx2, neon or generic chooses another. A name
//     that is not available panics at start, with the list of those that are.
//   - GODEBUG=cpu.NAME=off, as Go's own packages understand it, takes a feature of the CPU away, and
//     every instruction set that needs it: avx512f, avx512dq, avx512bw and avx512vl that of AVX-512;
//     avx, avx2, fma, bmi2 and all both AVX-512 and AVX2. KERNELS_ISA cannot bring it back. NEON is
//     part of every arm64 and has no name there: KERNELS_ISA=generic is its switch.
//   - The build tag purego leaves the assembly out.
//
// In pure Go, float64 needs a CPU with fused multiply-add to be fast: on 386, wasm and amd64 CPUs
// older than Haswell each one is emulated.
package kernels
