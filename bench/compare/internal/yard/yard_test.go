package yard

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

func TestSpinIsLinear(t *testing.T) {
	best := func(n int) time.Duration {
		d := time.Hour
		for range 50 {
			start := time.Now()
			Spin(n)
			d = min(d, time.Since(start))
		}
		return d
	}
	ratio := float64(best(1<<19)) / float64(best(1<<17))
	assert.InDelta(t, 4, ratio, 1)
}

func TestReadAndCopy(t *testing.T) {
	if !Available() {
		t.Skip("no AVX2")
	}
	buf := make([]byte, 4096+64)
	off := int(-uintptr(unsafe.Pointer(&buf[0])) & 31)
	dst := buf[off : off+1024]
	src := make([]byte, 1024)
	for i := range src {
		src[i] = byte(i*7 + 1)
	}
	Read(src)
	CopyNT(dst, src)
	assert.Equal(t, src, dst)
	assert.Zero(t, buf[off+1024], "CopyNT wrote past its end")
	CopyNT(nil, nil)
	Read(nil)
}
