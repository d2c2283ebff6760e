package kernels

import (
	"fmt"
	"math"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// TestStreams checks that kernels give the same bits if they store past the caches, for every
// length of the tail.
func TestStreams(t *testing.T) {
	t.Run("float32", testStreams[float32])
	t.Run("float64", testStreams[float64])
}

func testStreams[T Float](t *testing.T) {
	cache := isa.LastLevelCache
	defer func() { isa.LastLevelCache = cache }()
	aligned := func(n int) []T {
		s := make([]T, n+64)
		for i := range s {
			s[i] = 7
		}
		for uintptr(unsafe.Pointer(&s[0]))%64 != 0 {
			s = s[1:]
		}
		return s[:n]
	}
	for _, name := range isa.Available() {
		t.Run(name, func(t *testing.T) {
			defer isa.Force(name)()
			for _, n := range []int{1024, 1025, 1087, 1088, 4096 + 63, 3*maxLen[T]() + 77} {
				x, y := aligned(n), aligned(n)
				for i := range x {
					x[i], y[i] = T(i*7919%401-200)/8, T(i*104729%257)/256
				}
				for i, v := range []float64{math.NaN(), math.Copysign(0, -1), 0, math.Inf(1), math.Inf(-1)} {
					for j := 3 + 7*i; j < n; j += 41 {
						x[j] = T(v)
						y[j-1] = T(v)
					}
				}
				type result struct{ relu, masked, back, sigmoid, mask []uint64 }
				run := func(limit int) result {
					isa.LastLevelCache = limit
					relu, masked, back, sigmoid, mask := aligned(n), aligned(n), aligned(n), aligned(n),
						make([]uint64, MaskLen(n))
					require.Equal(t, limit == 0 && isa.AVX2, streams(relu, x, 2), "the path meant")
					ReLU(relu, x)
					ReLUMask(masked, x, mask)
					ReLUBackward(back, y, mask)
					SigmoidBackward(sigmoid, x, y)
					bits := func(s []T) (b []uint64) {
						for i, v := range s[:cap(s)][n:] {
							require.Equal(t, T(7), v, "%d past the end", i+1)
						}
						for _, v := range s {
							b = append(b, kt.Bits(v))
						}
						return b
					}
					return result{bits(relu), bits(masked), bits(back), bits(sigmoid), mask}
				}
				require.Equal(t, run(math.MaxInt), run(0), fmt.Sprint("n = ", n))
				// in place, the lines are in the caches
				isa.LastLevelCache = 0
				require.False(t, streams(x, x, 2))
				require.False(t, streams(x[1:], y[1:], 2), "unaligned")
			}
		})
	}
}

// TestStreamPrimitives checks the primitives that store past the caches at lengths that the API
// does not give them. They compute what the others compute, write no more, and read nothing past
// the end of an input.
func TestStreamPrimitives(t *testing.T) {
	t.Run("float32", testStreamPrimitives[float32])
	t.Run("float64", testStreamPrimitives[float64])
}

func testStreamPrimitives[T Float](t *testing.T) {
	const most = 300
	x, y, m := kt.AtEnd[T](kt.NewGuard(t, most*8), most), kt.AtEnd[T](kt.NewGuard(t, most*8), most),
		kt.AtEnd[uint64](kt.NewGuard(t, most), MaskLen(most))
	for i := range x {
		x[i], y[i] = T(i*7919%401-200)/8, T(i*104729%257)/256
	}
	x[most-1], x[most-6], x[most-78], y[most-10] = T(math.NaN()), T(math.Copysign(0, -1)),
		T(math.Inf(-1)), T(math.NaN())
	for i := range m {
		m[i] = 0x9e3779b97f4a7c15 << i
	}
	kernels := map[string][2]func(dst []T, mask []uint64, n int){
		"ReLU": {func(dst []T, _ []uint64, n int) { relu(dst, x[most-n:]) },
			func(dst []T, _ []uint64, n int) { reluStream(dst, x[most-n:]) }},
		"ReLUMask": {func(dst []T, mask []uint64, n int) { reluMask(dst, x[most-n:], mask) },
			func(dst []T, mask []uint64, n int) { reluMaskStream(dst, x[most-n:], mask) }},
		"ReLUBackward": {func(dst []T, _ []uint64, n int) {
			reluBackward(dst, x[most-n:], m[len(m)-MaskLen(n):])
		},
			func(dst []T, _ []uint64, n int) { reluBackwardStream(dst, x[most-n:], m[len(m)-MaskLen(n):]) }},
		"SigmoidBackward": {func(dst []T, _ []uint64, n int) {
			sigmoidBackward(dst, x[most-n:], y[most-n:])
		},
			func(dst []T, _ []uint64, n int) { sigmoidBackwardStream(dst, x[most-n:], y[most-n:]) }},
	}
	for _, name := range isa.Available() {
		t.Run(name, func(t *testing.T) {
			defer isa.Force(name)()
			for kernel, f := range kernels {
				for n := range most + 1 {
					run := func(f func(dst []T, mask []uint64, n int)) (bits []uint64) {
						dst, mask := kt.NewFrame[T](n, 0), kt.NewFrame[uint64](MaskLen(n), 0)
						require.NoError(t, kt.Try(func() { f(dst.S, mask.S, n) }), "%s of %d", kernel, n)
						require.NoError(t, dst.Check(), "%s of %d", kernel, n)
						require.NoError(t, mask.Check(), "%s of %d: mask", kernel, n)
						for _, v := range dst.S {
							bits = append(bits, kt.Bits(v))
						}
						return append(bits, mask.S...)
					}
					require.Equal(t, run(f[0]), run(f[1]), "%s of %d", kernel, n)
				}
			}
		})
	}
}
