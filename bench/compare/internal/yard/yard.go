// Package yard has the yardsticks that Go cannot express: loops that only read memory, that write
// past the caches, and that take a known number of cycles.
package yard

import "golang.org/x/sys/cpu"

// Spin takes n cycles, give or take its prologue, for a chain of dependent additions. It serves to
// measure the clock frequency between other runs. n must be a multiple of 64.
func Spin(n int) { spin(n) }

// Available reports whether Read and CopyNT can run on this CPU.
func Available() bool { return available && cpu.X86.HasAVX2 }

// Clean zeroes the upper halves of the vector registers. If a peer leaves them dirty, the next SSE
// code on the thread is many times slower, and that is often another peer's.
func Clean() {
	if available && cpu.X86.HasAVX {
		clean()
	}
}

// Read loads all bytes of b, whose length must be a multiple of 128, and does nothing with them.
func Read(b []byte) {
	if len(b) > 0 {
		read(&b[0], len(b))
	}
}

// CopyNT copies src to dst with stores past the caches. The length must be a multiple of 128, and
// dst aligned to 32 bytes.
func CopyNT(dst, src []byte) {
	if len(src) > 0 {
		copyNT(&dst[:len(src)][0], &src[0], len(src))
	}
}
