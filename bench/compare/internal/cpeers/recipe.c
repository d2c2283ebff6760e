//go:build libmvec || peers

// The textbook recipe that fast libraries share (one-part reduction, a polynomial of degree 5, exponent by shift or
// scalef), inlined into the loops: what a C programmer gets with intrinsics and no library. float only.
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx2,fma")
static inline __m256 recipe_exp_avx2(__m256 x) {
	const __m256 magic = _mm256_set1_ps(0x1.8000FEp23f);
	__m256 n = _mm256_fmadd_ps(x, _mm256_set1_ps(0x1.715476p0f), magic);
	__m256 s = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(n), 23));
	n = _mm256_sub_ps(n, magic);
	__m256 t = _mm256_fmadd_ps(n, _mm256_set1_ps(-0x1.62e43p-1f), x);
	__m256 p = _mm256_fmadd_ps(_mm256_set1_ps(0x1.0fa7d8p-7f), t, _mm256_set1_ps(0x1.573adp-5f));
	p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0x1.555a6ep-3f));
	p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0x1.fffdc4p-2f));
	p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0x1.fffff6p-1f));
	__m256 e = _mm256_fmadd_ps(_mm256_mul_ps(t, s), p, s);
	// Below the smallest normal number the shift has wrapped around: zero. Above the largest one, infinity.
	e = _mm256_andnot_ps(_mm256_cmp_ps(x, _mm256_set1_ps(-0x1.5d589ep6f), _CMP_LT_OS), e);
	return _mm256_blendv_ps(e, _mm256_set1_ps(__builtin_inff()), _mm256_cmp_ps(x, _mm256_set1_ps(0x1.62e42ep6f), _CMP_GT_OS));
}
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
static inline __m512 recipe_exp_avx512(__m512 x) {
	__m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(0x1.715476p0f)), 0);
	__m512 t = _mm512_fmadd_ps(n, _mm512_set1_ps(-0x1.62e43p-1f), x);
	__m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0x1.0fa7d8p-7f), t, _mm512_set1_ps(0x1.573adp-5f));
	p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0x1.555a6ep-3f));
	p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0x1.fffdc4p-2f));
	p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0x1.fffff6p-1f));
	p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(1));
	return _mm512_scalef_ps(p, n);
}
#pragma GCC pop_options

#define NAME recipe
#define EXP_F32_AVX2 recipe_exp_avx2
#define EXP_F32_AVX512 recipe_exp_avx512
#include "expfamily.h"
