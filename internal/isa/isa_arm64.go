//go:build arm64 && !purego

package isa

// Go's arm64 port requires NEON, and GODEBUG has no name for it: GODEBUG=cpu.all=off leaves it on.
var detected = []string{NameNEON}
