//go:build arm64 && !purego

package isa

// Go's arm64 port requires NEON.
var detected = []string{NameNEON}
