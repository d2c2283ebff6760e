//go:build libmvec || peers

// glibc's vector functions (2.35 and newer), which gcc -ffast-math calls by itself; here they are named, so that the loops around them
// are the best ones for the CPU and not what a flag makes of them.
#include <immintrin.h>

#define NAME libmvec
#define CALL_F32_AVX2(name) _ZGVdN8v_##name##f
#define CALL_F64_AVX2(name) _ZGVdN4v_##name
#define CALL_F32_AVX512(name) _ZGVeN16v_##name##f
#define CALL_F64_AVX512(name) _ZGVeN8v_##name

#define DECLARE(f) \
	__m256 CALL_F32_AVX2(f)(__m256) __attribute__((target("avx2"))); \
	__m256d CALL_F64_AVX2(f)(__m256d) __attribute__((target("avx2"))); \
	__m512 CALL_F32_AVX512(f)(__m512) __attribute__((target("avx512f"))); \
	__m512d CALL_F64_AVX512(f)(__m512d) __attribute__((target("avx512f")));
DECLARE(exp) DECLARE(expm1) DECLARE(log) DECLARE(log1p) DECLARE(erf) DECLARE(tanh)

#define MORE
#include "expfamily.h"
#include "runner.h"

runner *libmvec_prepare(const job *j) { return runner_of(j, libmvec_pick(j)); }
