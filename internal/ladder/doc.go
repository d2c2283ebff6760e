// Package ladder holds the test of dispatch on different CPUs. It checks that the instruction set
// in force is the expected one, that the functions of internal/ktable run on it, and that their
// bits are those of pure Go.
//
// It is small enough for an emulator, and uses only the exported API:
//
//	CGO_ENABLED=0 KERNELS_EXPECT=avx2 AVX512_CPU=corei7_haswell_4770 \
//		go test -exec "$PWD/.ci/avx512-run.sh" ./internal/ladder
package ladder
