// Package kernels provides the element and row loops of a small neural network on flat slices of
// float32 or float64: activations (ReLU and its kin, ELU, sigmoid, tanh, SiLU, GELU, softplus, hard
// sigmoid and swish, and the gated units SwiGLU and GEGLU), softmax and cross-entropy (also the
// binary one), forward and backward, the matrix products between them, and the steps of optimizers;
// also [Exp], [Expm1], [Log], [Log1p], [Erf] and, of rows, [LogSumExp]. Most formulas are those of
// the layers in the book "Deep Learning from Scratch" (Saitoh); package kernels/layers has these
// layers.
//
// # Shapes
//
// The destination comes first. Element kernels take slices of one length. Row kernels take rows of
// classes elements, one after the other: len(x) is a multiple of classes, and a slice with one
// element per row (losses, labels) has len(x)/classes elements. Products of matrices take their
// sizes: m rows and n columns of the result, sums of k terms. Empty and nil slices are fine.
//
// A wrong shape is a bug of the caller and panics, with a message that names the function, the
// arguments and their lengths. Bad data, such as a label that is not in [0, classes) or an option
// out of its range, gives an error that names the row or the option, the value and the range. Both
// happen before anything is written.
//
// Two slices of a call may be the same where the function says so: the result is then computed in
// place. A destination must not share an element with any other slice of the call, options
// included; a call with such an overlap panics. Rows that interleave in one matrix share no
// element. Nothing but the destinations is written, and nothing outside a slice is read.
//
// # Bits
//
// A result depends on the values alone. It does not depend on the CPU or its instruction set, on
// the length or alignment of a slice, on the position of an element or a row in it, or on how the
// work is split between calls. Results are made of additions, subtractions, multiplications,
// divisions, square roots and fused multiply-adds, each correctly rounded, and the elements of a
// row are added in one fixed order, and so are the terms of a product of matrices. A hash of the
// results of each kernel is published, in testdata/golden.json, and a version that changes one says
// so.
//
// Kernels assume rounding to nearest and gradual underflow, as Go programs have them. C code in the
// same process that was linked with -ffast-math may switch the latter off. Where Go does without a
// floating-point unit (GO386=softfloat, GOARM=5, GOMIPS=softfloat, GOMIPS64=softfloat), bits may
// differ: there, Go itself gets a difference of float64 wrong if it cancels to a subnormal number
// (go.dev/issue/79964).
//
// # Special values
//
// Subnormal inputs and results are exact or rounded like others. A result that is NaN is NaN on
// every CPU; its sign and payload are unspecified unless a function says otherwise.
//
// A row of a row kernel has no effect on another. A softmax row with a NaN or +Inf, or with nothing
// but -Inf, is all NaN; -Inf beside finite elements has probability 0. Finite logits, however
// large, do not overflow on the way to a probability, its logarithm, or a loss: if such a result is
// infinite, the exact one is too large for the type.
//
// The floating-point exceptions invalid, divide-by-zero and overflow are not raised where inputs,
// products of inputs and results are finite and logits are at most 1e30 (float64: 1e300) in size.
//
// # Accuracy
//
// Errors are given in ULP, units in the last place of the exact result, or relative to a named
// magnitude in units of u, which is 2^-24 for float32 and 2^-53 for float64. A relative error of
// k*u is at most k ULP. Relative bounds are for magnitudes, and products on the way, that are
// normal numbers: a subnormal one is off by up to half of the smallest number, whatever its size.
//
// A bound is proved: it is the sum of the roundings on the way. The largest error seen is not a
// bound. For a function of one float32 argument it is the largest error of all inputs; for any
// other function it is the largest that was found by a search that climbs from random inputs
// (TestClimb). The worst inputs are in testdata/climb.json.
//
// The errors of the row functions depend on d, the largest number of rounded additions that an
// exponential takes part in when its row is summed:
//
//	classes    1    2    3-4    5-8    9-16    17-32    33-64    65-96    97 or more
//	float32    0    1    2      3      4       5        4        5        6
//	float64    0    1    2      3      4       4        4        4        4, from 2049 on 5
//
// Longer rows do not add to d: their sums go on in float64, for a float64 row with the rounding
// errors kept beside them.
//
// There is one exception, in float64. In a row with a maximum between 1024 and 1490, the
// exponential of an element below half of the maximum is less than exp(-512) and has a relative
// error of up to 2^-44. This shows only where nothing else is left, as in the loss of a row whose
// label is that far above all other classes.
//
// # Speed
//
// Kernels start no goroutine, allocate nothing and keep no state, so they may be called
// concurrently on slices that do not overlap. [Parallel] spreads work over cores, and [Grain] says
// in what portions, and whether the work is long enough at all. If the work panics, the caller gets
// a [*PanicError] with the value and the stack of the goroutine that panicked.
//
// Assembly cannot be preempted. So one call of it gets at most 64 KiB of a slice, and at most 64
// rows that lie apart: the garbage collector does not wait long. Under the race detector the
// package reports what its assembly reads and writes.
//
// The instruction set is chosen once, at start: AVX-512 (F, DQ, BW, VL), AVX2 (with FMA and BMI2),
// NEON, or pure Go, whichever is the best that the CPU and the operating system support. [ISA]
// names it. It decides the speed, never the result. There are three switches:
//
//   - The environment variable KERNELS_ISA = avx512, avx2, neon or generic chooses another. A name
//     that is not available panics at start, with the list of those that are.
//   - GODEBUG=cpu.NAME=off, as Go's own packages understand it, disables a feature of the CPU and
//     every instruction set that needs it. The names avx512f, avx512dq, avx512bw and avx512vl
//     disable AVX-512; avx, avx2, fma, bmi2 and all disable both AVX-512 and AVX2. KERNELS_ISA
//     cannot enable them again. NEON is part of every arm64 and has no such name:
//     KERNELS_ISA=generic is its switch.
//   - The build tag purego leaves the assembly out.
//
// In pure Go, float64 needs a CPU with fused multiply-add to be fast: on 386, wasm and amd64 CPUs
// older than Haswell each of these is emulated.
package kernels
