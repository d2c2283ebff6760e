// Kernels around somebody's vector functions, for float and double, AVX2 and AVX-512. Before it is included, NAME is the
// prefix of the functions that it defines, and CALL_F32_AVX2(f) and so on are the names of the vector function f: exp and
// tanh, and if MORE is defined, expm1, log, log1p and erf. It defines NAME_pick.
#include "job.h"
#include "target.h"
#include <immintrin.h>
#include <math.h>

#define CAT2(a, b) a##_##b
#define CAT(a, b) CAT2(a, b)

BEGIN_AVX2

#define FN(f) CAT(CAT(NAME, f), f32_avx2)
#define T float
#define V __m256
#define W 8
#define OP(f) _mm256_##f##_ps
#define LOGT logf
#define CALL CALL_F32_AVX2
#define MASK __m256i
#define MASK_OF(k) _mm256_cmpgt_epi32(_mm256_set1_epi32(k), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LOADM(p, m, fill) _mm256_blendv_ps(fill, _mm256_maskload_ps(p, m), _mm256_castsi256_ps(m))
#define STOREM(p, m, v) _mm256_maskstore_ps(p, m, v)
#define ZEROM(m, v) _mm256_and_ps(_mm256_castsi256_ps(m), v)
#include "explib.h"

#define FN(f) CAT(CAT(NAME, f), f64_avx2)
#define T double
#define V __m256d
#define W 4
#define OP(f) _mm256_##f##_pd
#define LOGT log
#define CALL CALL_F64_AVX2
#define MASK __m256i
#define MASK_OF(k) _mm256_cmpgt_epi64(_mm256_set1_epi64x(k), _mm256_setr_epi64x(0, 1, 2, 3))
#define LOADM(p, m, fill) _mm256_blendv_pd(fill, _mm256_maskload_pd(p, m), _mm256_castsi256_pd(m))
#define STOREM(p, m, v) _mm256_maskstore_pd(p, m, v)
#define ZEROM(m, v) _mm256_and_pd(_mm256_castsi256_pd(m), v)
#include "explib.h"

END_TARGET
BEGIN_AVX512

#define FN(f) CAT(CAT(NAME, f), f32_avx512)
#define T float
#define V __m512
#define W 16
#define OP(f) _mm512_##f##_ps
#define LOGT logf
#define CALL CALL_F32_AVX512
#define MASK __mmask16
#define MASK_OF(k) (__mmask16)((1u << (k)) - 1)
#define LOADM(p, m, fill) _mm512_mask_loadu_ps(fill, m, p)
#define STOREM(p, m, v) _mm512_mask_storeu_ps(p, m, v)
#define ZEROM(m, v) _mm512_maskz_mov_ps(m, v)
#include "explib.h"

#define FN(f) CAT(CAT(NAME, f), f64_avx512)
#define T double
#define V __m512d
#define W 8
#define OP(f) _mm512_##f##_pd
#define LOGT log
#define CALL CALL_F64_AVX512
#define MASK __mmask8
#define MASK_OF(k) (__mmask8)((1u << (k)) - 1)
#define LOADM(p, m, fill) _mm512_mask_loadu_pd(fill, m, p)
#define STOREM(p, m, v) _mm512_mask_storeu_pd(p, m, v)
#define ZEROM(m, v) _mm512_maskz_mov_pd(m, v)
#include "explib.h"

END_TARGET

#define PICK(f) (j->f64 ? j->avx512 ? CAT(CAT(NAME, f), f64_avx512) : CAT(CAT(NAME, f), f64_avx2) \
	: j->avx512 ? CAT(CAT(NAME, f), f32_avx512) : CAT(CAT(NAME, f), f32_avx2))

// pick returns the function for a job, or NULL.
static inline void (*CAT(NAME, pick)(const job *j))(const job *) {
	switch (j->kernel) {
	case SIGMOID: return PICK(sigmoid);
	case TANH: return PICK(tanh);
	case EXP: return PICK(exp);
	case SILU: return PICK(silu);
#ifdef MORE
	case EXPM1: return PICK(expm1);
	case LOG: return PICK(log);
	case LOG1P: return PICK(log1p);
	case ERF: return PICK(erf);
	case GELU: return PICK(gelu);
	case SOFTPLUS: return PICK(softplus);
#endif
	case SOFTMAX: return PICK(softmax);
	case CROSS_ENTROPY_GRAD: return PICK(grad);
	}
	return NULL;
}
