//go:build unix

package ktest

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Guard is memory between two pages that fault on any access.
type Guard struct {
	mem, data []byte
	frozen    []byte // the pages that are read-only
}

// GuardsFault reports whether guards are real pages here; elsewhere they are canaries that Check
// looks at.
const GuardsFault = true

// NewGuard maps at least size bytes; they are released when the test ends.
func NewGuard(tb testing.TB, size int) *Guard {
	tb.Helper()
	page := unix.Getpagesize()
	size = (max(size, 1) + page - 1) / page * page
	mem, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		tb.Fatalf("mmap: %v", err)
	}
	tb.Cleanup(func() { _ = unix.Munmap(mem) })
	g := &Guard{mem: mem, data: mem[page : page+size]}
	for _, p := range [][]byte{mem[:page], mem[page+size:]} {
		if err := unix.Mprotect(p, unix.PROT_NONE); err != nil {
			tb.Fatalf("mprotect: %v", err)
		}
	}
	return g
}

// ReadOnly makes any write to the pages of mem, a part of the data, fault, and allows writing
// everywhere else. To protect all of the data each time would take most of the time of a test.
func (g *Guard) ReadOnly(mem []byte) {
	g.protect(unix.PROT_READ | unix.PROT_WRITE)
	g.frozen = nil
	if len(mem) > 0 {
		page := unix.Getpagesize()
		lo := int(uintptr(unsafe.Pointer(&mem[0])) - uintptr(unsafe.Pointer(&g.data[0])))
		g.frozen = g.data[lo/page*page : (lo+len(mem)+page-1)/page*page]
	}
	g.protect(unix.PROT_READ)
}

func (g *Guard) protect(prot int) {
	if g.frozen == nil {
		return
	}
	if err := unix.Mprotect(g.frozen, prot); err != nil {
		panic("mprotect: " + err.Error())
	}
}

// Check has nothing to do here: a forbidden access has already faulted.
func (g *Guard) Check() error { return nil }

// Size returns the number of bytes between the guards.
func (g *Guard) Size() int { return len(g.data) }
