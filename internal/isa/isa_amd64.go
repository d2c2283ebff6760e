//go:build amd64 && !purego

package isa

import "golang.org/x/sys/cpu"

// Package cpu has AVX, AVX2 and AVX-512 only where the operating system saves their registers, on
// macOS too, and lacks what GODEBUG turns off. It does not know which features need another, so all
// are asked for.
var detected = func() []string {
	var names []string
	x := &cpu.X86
	if x.HasAVX && x.HasAVX2 && x.HasFMA && x.HasBMI2 {
		if x.HasAVX512 && x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL {
			names = append(names, NameAVX512)
		}
		names = append(names, NameAVX2)
	}
	return names
}()
