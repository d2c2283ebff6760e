// Sigmoid, Softmax and CrossEntropyGrad around somebody's vector exponential, for float and double, AVX2 and AVX-512.
// Before it is included, NAME is the prefix of the functions and EXP_F32_AVX2, EXP_F64_AVX2, EXP_F32_AVX512 and
// EXP_F64_AVX512 are the exponentials (a file without double leaves the F64 pair out). It defines NAME_prepare.
#include "job.h"
#include <immintrin.h>
#include <math.h>

#define CAT2(a, b) a##_##b
#define CAT(a, b) CAT2(a, b)

#pragma GCC push_options
#pragma GCC target("avx2,fma")

#define FN(f) CAT(CAT(NAME, f), f32_avx2)
#define T float
#define V __m256
#define W 8
#define OP(f) _mm256_##f##_ps
#define LOG logf
#define VEXP EXP_F32_AVX2
#define MASK __m256i
#define MASK_OF(k) _mm256_cmpgt_epi32(_mm256_set1_epi32(k), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LOADM(p, m, fill) _mm256_blendv_ps(fill, _mm256_maskload_ps(p, m), _mm256_castsi256_ps(m))
#define STOREM(p, m, v) _mm256_maskstore_ps(p, m, v)
#define ZEROM(m, v) _mm256_and_ps(_mm256_castsi256_ps(m), v)
#include "explib.h"

#ifdef EXP_F64_AVX2
#define FN(f) CAT(CAT(NAME, f), f64_avx2)
#define T double
#define V __m256d
#define W 4
#define OP(f) _mm256_##f##_pd
#define LOG log
#define VEXP EXP_F64_AVX2
#define MASK __m256i
#define MASK_OF(k) _mm256_cmpgt_epi64(_mm256_set1_epi64x(k), _mm256_setr_epi64x(0, 1, 2, 3))
#define LOADM(p, m, fill) _mm256_blendv_pd(fill, _mm256_maskload_pd(p, m), _mm256_castsi256_pd(m))
#define STOREM(p, m, v) _mm256_maskstore_pd(p, m, v)
#define ZEROM(m, v) _mm256_and_pd(_mm256_castsi256_pd(m), v)
#include "explib.h"
#endif

#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")

#define FN(f) CAT(CAT(NAME, f), f32_avx512)
#define T float
#define V __m512
#define W 16
#define OP(f) _mm512_##f##_ps
#define LOG logf
#define VEXP EXP_F32_AVX512
#define MASK __mmask16
#define MASK_OF(k) (__mmask16)((1u << (k)) - 1)
#define LOADM(p, m, fill) _mm512_mask_loadu_ps(fill, m, p)
#define STOREM(p, m, v) _mm512_mask_storeu_ps(p, m, v)
#define ZEROM(m, v) _mm512_maskz_mov_ps(m, v)
#include "explib.h"

#ifdef EXP_F64_AVX512
#define FN(f) CAT(CAT(NAME, f), f64_avx512)
#define T double
#define V __m512d
#define W 8
#define OP(f) _mm512_##f##_pd
#define LOG log
#define VEXP EXP_F64_AVX512
#define MASK __mmask8
#define MASK_OF(k) (__mmask8)((1u << (k)) - 1)
#define LOADM(p, m, fill) _mm512_mask_loadu_pd(fill, m, p)
#define STOREM(p, m, v) _mm512_mask_storeu_pd(p, m, v)
#define ZEROM(m, v) _mm512_maskz_mov_pd(m, v)
#include "explib.h"
#endif

#pragma GCC pop_options

#define PICK(f) (j->avx512 ? CAT(CAT(NAME, f), f32_avx512) : CAT(CAT(NAME, f), f32_avx2))
#define PICK64(f) (j->avx512 ? CAT(CAT(NAME, f), f64_avx512) : CAT(CAT(NAME, f), f64_avx2))

runner *CAT(NAME, prepare)(const job *j) {
	void (*once)(runner *) = NULL;
	if (!j->f64) {
		if (j->kernel == SIGMOID) once = PICK(sigmoid);
		if (j->kernel == SOFTMAX) once = PICK(softmax);
		if (j->kernel == CROSS_ENTROPY_GRAD) once = PICK(grad);
	}
#ifdef EXP_F64_AVX2
	if (j->f64) {
		if (j->kernel == SIGMOID) once = PICK64(sigmoid);
		if (j->kernel == SOFTMAX) once = PICK64(softmax);
		if (j->kernel == CROSS_ENTROPY_GRAD) once = PICK64(grad);
	}
#endif
	if (!once) return NULL;
	runner *r = new_runner(j);
	r->once = once;
	return r;
}
