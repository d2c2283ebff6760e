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
	frozen    []byte // a read-only part of the data
	snapshot  []byte // its contents when it became read-only
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

// ReadOnly remembers mem, a part of the data, for Check, and nothing else.
func (g *Guard) ReadOnly(mem []byte) { g.frozen, g.snapshot = mem, bytes.Clone(mem) }

// Check returns an error if a canary or read-only data changed.
func (g *Guard) Check() error {
	for _, p := range [][]byte{g.mem[:guardBytes], g.mem[guardBytes+len(g.data):]} {
		for _, b := range p {
			if b != canary {
				return errors.New("written outside the slice")
			}
		}
	}
	if !bytes.Equal(g.snapshot, g.frozen) {
		return errors.New("written to an input")
	}
	return nil
}

// Size returns the number of bytes between the guards.
func (g *Guard) Size() int { return len(g.data) }
