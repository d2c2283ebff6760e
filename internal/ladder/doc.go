// Package ladder holds the test of dispatch on CPUs of every kind: that the instruction set in
// force is the expected one, that every function of internal/ktable runs on it, and that its bits
// are those of pure Go.
//
// It is small enough for an emulator, and knows the package only from outside:
//
//	CGO_ENABLED=0 KERNELS_EXPECT=avx2 AVX512_CPU=corei7_haswell_4770 go test -exec "$PWD/.ci/avx512-run.sh" ./internal/ladder
package ladder
