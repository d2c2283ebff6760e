//go:build !unix

package ktest

import (
	"bytes"
	"errors"
	"testing"
)

// A Guard is memory between two runs of canaries.
type Guard struct {
	mem, data []byte
	snapshot  []byte // the data when it became read-only
}

// GuardsFault reports whether guards are real pages here; elsewhere they are canaries that Check
// looks at.
const GuardsFault = false

const guardBytes = 4096

// NewGuard allocates at least size bytes.
func NewGuard(tb testing.TB, size int) *Guard {
	size = (max(size, 1) + 4095) &^ 4095
	mem := make([]byte, size+2*guardBytes)
	for i := range mem {
		mem[i] = canary
	}
	return &Guard{mem: mem, data: mem[guardBytes : guardBytes+size]}
}

// ReadOnly remembers the data for Check, or forgets them.
func (g *Guard) ReadOnly(on bool) {
	g.snapshot = nil
	if on {
		g.snapshot = bytes.Clone(g.data)
	}
}

// Check returns an error if a canary or read-only data changed.
func (g *Guard) Check() error {
	for _, p := range [][]byte{g.mem[:guardBytes], g.mem[guardBytes+len(g.data):]} {
		for _, b := range p {
			if b != canary {
				return errors.New("written outside the slice")
			}
		}
	}
	if g.snapshot != nil && !bytes.Equal(g.snapshot, g.data) {
		return errors.New("written to an input")
	}
	return nil
}

// Size returns the number of bytes between the guards.
func (g *Guard) Size() int { return len(g.data) }
