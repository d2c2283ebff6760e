//go:build sleef || peers

// SLEEF's functions of 1.0 ULP, by their names for each instruction set.
#include <immintrin.h>

#define NAME sleef
#define CALL_F32_AVX2(name) Sleef_##name##f8_u10avx2
#define CALL_F64_AVX2(name) Sleef_##name##d4_u10avx2
#define CALL_F32_AVX512(name) Sleef_##name##f16_u10avx512f
#define CALL_F64_AVX512(name) Sleef_##name##d8_u10avx512f

#define DECLARE(f) \
	__m256 CALL_F32_AVX2(f)(__m256) __attribute__((target("avx2"))); \
	__m256d CALL_F64_AVX2(f)(__m256d) __attribute__((target("avx2"))); \
	__m512 CALL_F32_AVX512(f)(__m512) __attribute__((target("avx512f"))); \
	__m512d CALL_F64_AVX512(f)(__m512d) __attribute__((target("avx512f")));
DECLARE(exp) DECLARE(expm1) DECLARE(log) DECLARE(log1p) DECLARE(erf) DECLARE(tanh)

#define MORE
#include "expfamily.h"
#include "runner.h"

runner *sleef_prepare(const job *j) { return runner_of(j, sleef_pick(j)); }
