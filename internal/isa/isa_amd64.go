//go:build amd64 && !purego

package isa

import "github.com/klauspost/cpuid/v2"

// cpuid reports a feature only where XGETBV says that the operating system saves its registers.
var detected = func() []string {
	var names []string
	if cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.BMI2) {
		if cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX512BW, cpuid.AVX512VL) {
			names = append(names, NameAVX512)
		}
		names = append(names, NameAVX2)
	}
	return names
}()
