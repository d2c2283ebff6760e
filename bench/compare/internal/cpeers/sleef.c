//go:build sleef || peers

// SLEEF's exponentials and tanh of 1.0 ULP, by their names for each instruction set.
#include <immintrin.h>

__m256 Sleef_expf8_u10avx2(__m256) __attribute__((target("avx2")));
__m256d Sleef_expd4_u10avx2(__m256d) __attribute__((target("avx2")));
__m512 Sleef_expf16_u10avx512f(__m512) __attribute__((target("avx512f")));
__m512d Sleef_expd8_u10avx512f(__m512d) __attribute__((target("avx512f")));
__m256 Sleef_tanhf8_u10avx2(__m256) __attribute__((target("avx2")));
__m256d Sleef_tanhd4_u10avx2(__m256d) __attribute__((target("avx2")));
__m512 Sleef_tanhf16_u10avx512f(__m512) __attribute__((target("avx512f")));
__m512d Sleef_tanhd8_u10avx512f(__m512d) __attribute__((target("avx512f")));

#define NAME sleef
#define EXP_F32_AVX2 Sleef_expf8_u10avx2
#define EXP_F64_AVX2 Sleef_expd4_u10avx2
#define EXP_F32_AVX512 Sleef_expf16_u10avx512f
#define EXP_F64_AVX512 Sleef_expd8_u10avx512f
#define TANH_F32_AVX2 Sleef_tanhf8_u10avx2
#define TANH_F64_AVX2 Sleef_tanhd4_u10avx2
#define TANH_F32_AVX512 Sleef_tanhf16_u10avx512f
#define TANH_F64_AVX512 Sleef_tanhd8_u10avx512f
#include "expfamily.h"
#include "runner.h"

runner *sleef_prepare(const job *j) { return runner_of(j, sleef_pick(j)); }
