//go:build libmvec || peers

// glibc's vector exponentials and tanh (2.35 and newer), which gcc -ffast-math calls by itself; here they are named, so that the loops around them
// are the best ones for the CPU and not what a flag makes of them.
#include <immintrin.h>

__m256 _ZGVdN8v_expf(__m256) __attribute__((target("avx2")));
__m256d _ZGVdN4v_exp(__m256d) __attribute__((target("avx2")));
__m512 _ZGVeN16v_expf(__m512) __attribute__((target("avx512f")));
__m512d _ZGVeN8v_exp(__m512d) __attribute__((target("avx512f")));
__m256 _ZGVdN8v_tanhf(__m256) __attribute__((target("avx2")));
__m256d _ZGVdN4v_tanh(__m256d) __attribute__((target("avx2")));
__m512 _ZGVeN16v_tanhf(__m512) __attribute__((target("avx512f")));
__m512d _ZGVeN8v_tanh(__m512d) __attribute__((target("avx512f")));

#define NAME libmvec
#define EXP_F32_AVX2 _ZGVdN8v_expf
#define EXP_F64_AVX2 _ZGVdN4v_exp
#define EXP_F32_AVX512 _ZGVeN16v_expf
#define EXP_F64_AVX512 _ZGVeN8v_exp
#define TANH_F32_AVX2 _ZGVdN8v_tanhf
#define TANH_F64_AVX2 _ZGVdN4v_tanh
#define TANH_F32_AVX512 _ZGVeN16v_tanhf
#define TANH_F64_AVX512 _ZGVeN8v_tanh
#include "expfamily.h"
#include "runner.h"

runner *libmvec_prepare(const job *j) { return runner_of(j, libmvec_pick(j)); }
