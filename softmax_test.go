package kernels_test

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"kernels"
	kt "kernels/internal/ktest"
)

// With options, softmax, its logarithm and their backwards have the bits of the plain functions on
// packed rows of scaled logits, and touch nothing between the rows.

// byteView returns the memory of s.
func byteView[E any](s []E) []byte {
	var e E
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(e)))
}

// spread lays out rows of cols elements at a stride, in a slice that ends with the last row,
// between canaries.
func spread[T kernels.Float](packed []T, cols, stride int) *kt.Frame[T] {
	rows := len(packed) / cols
	f := kt.NewFrame[T](max((rows-1)*stride+cols, 0), 3)
	kt.FillCanary(byteView(f.S))
	for r := range rows {
		copy(f.S[r*stride:], packed[r*cols:][:cols])
	}
	return f
}

// gather is the inverse of spread. It fails if anything between the rows has been written.
func gather[T kernels.Float](t *testing.T, f *kt.Frame[T], cols, stride int) []T {
	t.Helper()
	require.NoError(t, f.Check())
	var packed []T
	for lo := 0; lo < len(f.S); lo += stride {
		packed = append(packed, f.S[lo:lo+cols]...)
		for i, b := range byteView(f.S[lo+cols : min(lo+stride, len(f.S))]) {
			require.EqualValues(t, 0xa5, b, "byte %d behind the row at %d was written to", i, lo)
		}
	}
	return packed
}

func TestSoftmaxOptions(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { softmaxOptions[float32](t) })
	})
	t.Run("float64", func(t *testing.T) {
		kt.EachISA(t, func(t *testing.T, _ string) { softmaxOptions[float64](t) })
	})
}

func softmaxOptions[T kernels.Float](t *testing.T) {
	type forward = func(dst, x []T, classes int)
	type forwardWith = func(dst, x []T, classes int, opts *kernels.SoftmaxOptions[T]) error
	type backward = func(dx, dy, y []T, classes int)
	type backwardWith = func(dx, dy, y []T, classes int, opts *kernels.SoftmaxOptions[T]) error
	same := func(got, want []T, format string, args ...any) {
		t.Helper()
		if i := kt.Diff(got, want); i >= 0 || len(got) != len(want) {
			require.FailNow(t, "not the plain bits", "element %d of %d, %d: %s",
				i, len(got), len(want), fmt.Sprintf(format, args...))
		}
	}
	turn := 0
	for _, cols := range []int{1, 2, 3, 10, 16, 17, 31, 32, 33, 100, 129, 2049, 4097, 9000} {
		for _, rows := range []int{0, 1, 2, 9, 70, 150} {
			if rows*cols > 20000 {
				continue
			}
			for _, scale := range []T{0, 1, 0.5, 3, 1.0 / 7} {
				if turn++; testing.Short() && turn%4 != 0 {
					continue
				}
				stride, dstStride := cols+turn%5, cols+turn%3
				opts := &kernels.SoftmaxOptions[T]{LogitScale: scale, Stride: stride, DstStride: dstStride}
				kind := []kt.Kind{kt.Normal, kt.Wide80, kt.Special, kt.Shifted, kt.Huge}[turn/5%5]
				r := kt.NewRand(uint64(turn))
				x, scaled := make([]T, rows*cols), make([]T, rows*cols)
				kt.Fill(r, kind, x, cols)
				for i, v := range x {
					scaled[i] = v
					if scale != 0 {
						scaled[i] = T(v * scale)
					}
				}
				for name, f := range map[string]struct {
					plain forward
					with  forwardWith
				}{"Softmax": {kernels.Softmax[T], kernels.SoftmaxWith[T]},
					"LogSoftmax": {kernels.LogSoftmax[T], kernels.LogSoftmaxWith[T]}} {
					want := make([]T, len(x))
					f.plain(want, scaled, cols)
					in, out := spread(x, cols, stride), spread(make([]T, len(x)), cols, dstStride)
					require.NoError(t, f.with(out.S, in.S, cols, opts))
					same(gather(t, out, cols, dstStride), want, "%s, %d rows of %d, %+v, %v",
						name, rows, cols, *opts, kind)
					same(gather(t, in, cols, stride), x, "%s wrote to its input", name)
					// in place
					require.NoError(t,
						f.with(in.S, in.S, cols,
							&kernels.SoftmaxOptions[T]{LogitScale: scale, Stride: stride, DstStride: stride}))
					same(gather(t, in, cols, stride), want, "%s in place, %d rows of %d, %+v, %v",
						name, rows, cols, *opts, kind)
				}

				dy, y := make([]T, len(x)), make([]T, len(x))
				kt.Fill(r, kt.Normal, dy, cols)
				kernels.Softmax(y, scaled, cols)
				for name, f := range map[string]struct {
					plain backward
					with  backwardWith
				}{"SoftmaxBackward": {kernels.SoftmaxBackward[T], kernels.SoftmaxBackwardWith[T]},
					"LogSoftmaxBackward": {kernels.LogSoftmaxBackward[T], kernels.LogSoftmaxBackwardWith[T]}} {
					want := make([]T, len(x))
					f.plain(want, dy, y, cols)
					for i, v := range want {
						if scale != 0 {
							want[i] = T(v * scale)
						}
					}
					dys, ys, out := spread(dy, cols, dstStride), spread(y, cols, dstStride),
						spread(make([]T, len(x)), cols, stride)
					require.NoError(t, f.with(out.S, dys.S, ys.S, cols, opts))
					same(gather(t, out, cols, stride), want, "%s, %d rows of %d, %+v, %v",
						name, rows, cols, *opts, kind)
					same(gather(t, ys, cols, dstStride), y, "%s wrote to y", name)
					require.NoError(t,
						f.with(dys.S, dys.S, ys.S, cols,
							&kernels.SoftmaxOptions[T]{LogitScale: scale, Stride: dstStride, DstStride: dstStride}))
					same(gather(t, dys, cols, dstStride), want, "%s in place, %d rows of %d, %+v, %v",
						name, rows, cols, *opts, kind)
				}
			}
		}
	}

	// Two softmaxes side by side in one matrix, from one half of its columns to the other.
	m, want := make([]T, 9*20), make([]T, 9*10)
	kt.Fill(kt.NewRand(1), kt.Normal, m, 20)
	x := make([]T, 0, 90)
	for r := range 9 {
		x = append(x, m[r*20:][:10]...)
	}
	kernels.Softmax(want, x, 10)
	require.NoError(t,
		kernels.SoftmaxWith(m[10:], m, 10, &kernels.SoftmaxOptions[T]{Stride: 20, DstStride: 20}))
	for r := range 9 {
		same(m[r*20+10:][:10], want[r*10:][:10], "columns 10 to 19")
		same(m[r*20:][:10], x[r*10:][:10], "columns 0 to 9")
	}
}

// TestSoftmaxTemperatureGradient compares backwards at a temperature with numerical gradients.
func TestSoftmaxTemperatureGradient(t *testing.T) {
	const cols = 7
	opts := &kernels.SoftmaxOptions[float64]{LogitScale: 0.3, Stride: 9, DstStride: 8}
	r := kt.NewRand(5)
	x, dy := make([]float64, 2*9), make([]float64, 2*8)
	kt.Fill(r, kt.Normal, x, 9)
	kt.Fill(r, kt.Normal, dy, 8)
	for name, f := range map[string]struct {
		forward  func(dst, x []float64, classes int, opts *kernels.SoftmaxOptions[float64]) error
		backward func(dx, dy, y []float64, classes int, opts *kernels.SoftmaxOptions[float64]) error
	}{
		"Softmax":    {kernels.SoftmaxWith[float64], kernels.SoftmaxBackwardWith[float64]},
		"LogSoftmax": {kernels.LogSoftmaxWith[float64], kernels.LogSoftmaxBackwardWith[float64]},
	} {
		y, dx := make([]float64, 2*8), make([]float64, 2*9)
		require.NoError(t, f.forward(y, x, cols, opts))
		require.NoError(t, f.backward(dx, dy, y, cols, opts))
		for i := range x {
			want := 0.0
			if i%9 < cols {
				want = kt.NumGrad(func(x []float64) float64 {
					out := make([]float64, 2*8)
					must(f.forward(out, x, cols, opts))
					sum := 0.0
					for j, v := range out {
						if j%8 < cols {
							sum += v * dy[j]
						}
					}
					return sum
				}, x, i, 1e-5)
			}
			require.InDelta(t, want, dx[i], 1e-8, "%s: dx[%d]", name, i)
		}
	}
}
