package kernels

import (
	"fmt"

	"kernels/internal/isa"
)

// Work is how much a kernel does with an element, for [Grain].
type Work uint8

const (
	// LightWork is little more than loads and stores: ReLU and its kin with their backwards,
	// HardSigmoid and HardSwish with theirs, SigmoidBackward, TanhBackward, SGD, Momentum.
	LightWork Work = iota
	// HeavyWork is an exponential, a logarithm, or a sum over a row: all other kernels but Argmax,
	// which is between the two, and the matrix products.
	HeavyWork
)

// nsPerElement is what an element takes at least, in nanoseconds, by kind of work and by type, with
// data in the second-level cache of a Zen 4. Some kernels take three times as much. The figures of
// NEON are those of AVX2.
var nsPerElement = [...]struct{ generic, vector, avx512 [2]float64 }{
	LightWork: {[2]float64{0.5, 0.7}, [2]float64{0.07, 0.18}, [2]float64{0.07, 0.18}},
	HeavyWork: {[2]float64{7, 7}, [2]float64{0.3, 1.1}, [2]float64{0.2, 0.65}},
}

// It takes 13 us of the caller's time to wake a core that sleeps, and 30 to 50 us until that core
// works, with the other core of a virtual machine with two. There, work of 70 us was done no later
// with help than without; less work, later.
const (
	payingNs = 100e3 // the least work that other cores help with
	rangeNs  = 10e3  // of work, about, in a grain
)

// Grain returns a grain for [Parallel] over n items of size elements each: over the rows of a
// matrix, where size is the number of classes, or over elements, where size is 1.
//
//	grain := kernels.Grain[float32](kernels.HeavyWork, rows, classes)
//	kernels.Parallel(rows, grain, func(lo, hi int) {
//		kernels.Softmax(y[lo*classes:hi*classes], x[lo*classes:hi*classes], classes)
//	})
//
// If all items together are too short a work to wake another core for, less than some 100
// microseconds on one core, it returns n, or 1 if n is 0, so that Parallel makes one call on the
// caller's goroutine. Otherwise it returns as many items as take about ten microseconds, at least
// one, and for size 1 a multiple of 64, so that masks are cut between words.
//
// The time is an estimate, from w, the type and the instruction set in use. If f does more than one
// kernel, size is the sum of their elements.
//
// Grain panics, with a string, if n < 0, size <= 0, or w is neither LightWork nor HeavyWork.
func Grain[T Float](w Work, n, size int) int {
	if n < 0 || size <= 0 || int(w) >= len(nsPerElement) {
		panic(fmt.Sprintf("kernels: Grain: w = %d, n = %d, size = %d", w, n, size))
	}
	ns := nsPerElement[w].generic
	switch {
	case isa.AVX512:
		ns = nsPerElement[w].avx512
	case isa.AVX2 || isa.NEON:
		ns = nsPerElement[w].vector
	}
	each := ns[1] * float64(size)
	if is32[T]() {
		each = ns[0] * float64(size)
	}
	if float64(n)*each < payingNs {
		return max(n, 1)
	}
	grain := max(int(rangeNs/each), 1)
	if size == 1 {
		grain = (grain + 63) &^ 63
	}
	return grain
}
