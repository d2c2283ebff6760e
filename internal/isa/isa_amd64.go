//go:build amd64 && !purego

package isa

import "golang.org/x/sys/cpu"

// Package cpu reports AVX, AVX2 and AVX-512 only if the operating system saves their registers, on
// macOS too, and not if GODEBUG turns them off. It does not know which features depend on others,
// so all of them are tested.
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
