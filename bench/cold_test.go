//go:build unix

package bench

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"kernels"
)

// BenchmarkColdCall times the longest call into assembly, which nothing can interrupt: 64 rows in
// as many fresh pages of input and of output, so that the operating system has to find memory for
// each. For comparison, it clears the same pages one by one, as Go would.
func BenchmarkColdCall(b *testing.B) {
	const rows = 64
	page := os.Getpagesize()
	stride := page / 4
	cold := func(b *testing.B, f func(x, dst []float32)) {
		var all []time.Duration
		for range b.N {
			var m [2][]byte
			for i := range m {
				var err error
				if m[i], err = unix.Mmap(-1, 0, rows*page, unix.PROT_READ|unix.PROT_WRITE,
					unix.MAP_ANON|unix.MAP_PRIVATE); err != nil {
					b.Fatal(err)
				}
				if err := unix.Madvise(m[i], adviceNoHugePages); err != nil {
					b.Log("huge pages cannot be turned off: ", err)
				}
			}
			x := unsafe.Slice((*float32)(unsafe.Pointer(&m[0][0])), rows*stride)
			dst := unsafe.Slice((*float32)(unsafe.Pointer(&m[1][0])), rows*stride)
			start := time.Now()
			f(x, dst)
			all = append(all, time.Since(start))
			for i := range m {
				if err := unix.Munmap(m[i]); err != nil {
					b.Fatal(err)
				}
			}
		}
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Nanoseconds()), "ns-median")
		b.ReportMetric(float64(all[len(all)-1].Nanoseconds()), "ns-worst")
	}
	for _, classes := range []int{2, 10, 1000} {
		o := &kernels.SoftmaxOptions[float32]{Stride: stride, DstStride: stride}
		b.Run(fmt.Sprintf("SoftmaxWith/float32/%d", classes), func(b *testing.B) {
			cold(b, func(x, dst []float32) {
				if err := kernels.SoftmaxWith(dst, x, classes, o); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
	b.Run("clear-pages", func(b *testing.B) {
		cold(b, func(x, dst []float32) {
			for _, m := range [][]float32{x, dst} {
				for p := 0; p < len(m); p += stride {
					clear(m[p : p+stride])
				}
			}
		})
	})
}
