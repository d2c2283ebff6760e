package ktest

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"unsafe"
)

// AtStart returns n elements flush with the start of g: one element before them lies on a page that
// faults.
func AtStart[T any](g *Guard, n int) []T {
	var t T
	return elements[T](g.data[:n*int(unsafe.Sizeof(t))], n)
}

// AtEnd returns n elements flush with the end of g: one element past them lies on a page that
// faults. T's size must divide the page size.
func AtEnd[T any](g *Guard, n int) []T {
	var t T
	return elements[T](g.data[len(g.data)-n*int(unsafe.Sizeof(t)):], n)
}

func elements[T any](b []byte, n int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// Try calls f and returns an error in place of a memory fault or another panic, so that one access
// out of bounds does not end the test binary.
func Try(f func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if a, ok := r.(interface{ Addr() uintptr }); ok {
				err = fmt.Errorf("memory fault at address %#x", a.Addr())
				return
			}
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	f()
	return nil
}

// A Frame is a slice with canaries before and after it.
type Frame[T any] struct {
	S []T // the n elements between the canaries
	frame
}

// A frame is memory with canaries before and after it.
type frame struct {
	buf    []byte
	lo, hi int // what lies between the canaries
	size   int // of an element
}

const canary = 0xa5

var canaries = bytes.Repeat([]byte{canary}, 4096)

// FillCanary sets all of b to the canary byte, 0xa5.
func FillCanary(b []byte) {
	for len(b) > 0 {
		b = b[copy(b, canaries):]
	}
}

// NewFrame returns a frame of n elements that starts off elements past a 64-byte boundary. At least
// 256 bytes of canaries lie on either side.
func NewFrame[T any](n, off int) *Frame[T] {
	var t T
	size := int(unsafe.Sizeof(t))
	f := newFrame(make([]byte, frameBytes(n*size, off*size)), n*size, off*size, size)
	return &Frame[T]{elements[T](f.buf[f.lo:f.hi], n), f}
}

// frameBytes returns the size of a frame of n bytes that starts off bytes past a boundary.
func frameBytes(n, off int) int { return 256 + 64 + off + n + 256 }

// newFrame makes a frame of n bytes in buf, whose contents between the canaries it keeps.
func newFrame(buf []byte, n, off, size int) frame {
	f := frame{buf: buf, size: size}
	base := int(uintptr(unsafe.Pointer(unsafe.SliceData(f.buf))) & 63)
	f.lo = 256 + (64-base)&63 + off
	f.hi = f.lo + n
	FillCanary(f.buf[:f.lo])
	FillCanary(f.buf[f.hi:])
	return f
}

// Check returns an error if a canary was overwritten.
func (f *frame) Check() error {
	lo, hi := f.buf[:f.lo], f.buf[f.hi:]
	if len(lo) < len(canaries) && len(hi) < len(canaries) && bytes.Equal(lo, canaries[:len(lo)]) &&
		bytes.Equal(hi, canaries[:len(hi)]) {
		return nil
	}
	for i, b := range lo {
		if b != canary {
			return fmt.Errorf("written %d elements before the slice", (f.lo-i+f.size-1)/f.size)
		}
	}
	for i, b := range hi {
		if b != canary {
			return fmt.Errorf("written %d elements past the slice", i/f.size+1)
		}
	}
	return nil
}
