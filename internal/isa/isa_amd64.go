//go:build amd64 && !purego

package isa

import (
	"github.com/klauspost/cpuid/v2"
	"golang.org/x/sys/cpu"
)

// Package cpu reports AVX, AVX2 and AVX-512 only if the operating system saves their registers, and
// not if GODEBUG turns them off. macOS loses the mask registers of AVX-512 before 12.2
// (go.dev/issue/49233): old versions of the package report no AVX-512 on any macOS, and newer ones
// from 12.2 on. The package does not know which features depend on others, so all of them are
// tested.
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

// Nothing else needs package cpuid. It adds almost 200 KB to a program, because it imports package
// flag and has tables of names, so other architectures do without.
func init() {
	if size := max(cpuid.CPU.Cache.L3, cpuid.CPU.Cache.L2); size > 0 { // undetected is -1 or 0
		LastLevelCache = size
	}
}
