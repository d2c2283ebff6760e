package kernels

import (
	"os"
	"runtime/debug"
	"testing"
	"unsafe"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// TestMain lets the garbage collector wait longer: the table allocates millions of small frames.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}

// byteView returns the memory of s.
func byteView[E any](s []E) []byte {
	var e E
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(e)))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func generic(f func()) { kt.With(isa.NameGeneric, f) }
