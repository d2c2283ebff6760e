package kernels

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// A streamForm is a primitive that has a form which stores past the caches. The list is in
// dispatch_streams_test.go.
type streamForm[T Float] struct {
	name          string
	plain, stream func(c *streamCall[T])
}

// A streamCall has the operands of a streamForm. Each takes those that it needs.
type streamCall[T Float] struct {
	out             [3][]T
	in              [4][]T
	maskIn, maskOut []uint64
	scalar          T
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
	var in [4][]T
	for i := range in {
		in[i] = kt.AtEnd[T](kt.NewGuard(t, most*8), most)
	}
	m := kt.AtEnd[uint64](kt.NewGuard(t, most), MaskLen(most))
	for i := range m {
		m[i] = 0x9e3779b97f4a7c15 << i
	}
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, f := range streamForms[T]() {
			for n := range most + 1 {
				for i := range in { // each length has its special values at other places
					kt.Fill(kt.NewRand(uint64(n*len(in)+i)), kt.Special, in[i], most)
				}
				run := func(f func(c *streamCall[T])) (bits []uint64) {
					mask := kt.NewFrame[uint64](MaskLen(n), 0)
					c := &streamCall[T]{maskIn: m[len(m)-MaskLen(n):], maskOut: mask.S, scalar: 0.3}
					for i := range in {
						c.in[i] = in[i][most-n:]
					}
					var outs [len(c.out)]*kt.Frame[T]
					for i := range outs {
						outs[i] = kt.NewFrame[T](n, 0)
						c.out[i] = outs[i].S
					}
					require.NoError(t, kt.Try(func() { f(c) }), "of %d", n)
					for _, out := range outs {
						require.NoError(t, out.Check(), "of %d", n)
						for _, v := range out.S {
							bits = append(bits, kt.Bits(v))
						}
					}
					require.NoError(t, mask.Check(), "of %d: mask", n)
					return append(bits, mask.S...)
				}
				require.Equal(t, run(f.plain), run(f.stream), "%s of %d", f.name, n)
			}
		}
	})
}

// TestStreamChoice checks when a kernel stores past the caches: in slices that are larger than
// these, aligned, and apart.
func TestStreamChoice(t *testing.T) {
	cache := isa.LastLevelCache
	defer func() { isa.LastLevelCache = cache }()
	kt.EachISA(t, func(t *testing.T, _ string) {
		frame := func() []float32 { return kt.NewFrame[float32](1024, 0).S }
		x, y, z := frame(), frame(), frame()
		isa.LastLevelCache = 2 * 4096
		require.False(t, streams(x, y), "as large as the cache")
		require.Equal(t, isa.AVX2, streams(x, y, z), "three slices are more")
		isa.LastLevelCache--
		require.Equal(t, isa.AVX2, streams(x, y))
		require.False(t, streams(x, x), "in place, the lines are in the caches")
		require.False(t, streams(x, y, x), "in place of the second")
		require.False(t, streams(x[1:], y[1:]), "unaligned")
	})
}
