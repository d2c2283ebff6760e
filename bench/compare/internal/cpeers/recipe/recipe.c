// The textbook recipes that fast libraries share, inlined into the loops: what a C programmer gets with intrinsics and
// no library. The exponential has a reduction in one part (double: two), a polynomial of degree 5 (double: 10), and the
// exponent by shift or scalef; tanh is (e - 1) / (e + 1) with a polynomial for e - 1. It is a shared library of peers, as job.h has
// it, which compare builds with clang or gcc when it starts.
#include "job.h"
#include "target.h"
#include <immintrin.h>

// The polynomials of (exp(t) - 1) / t, for |t| up to log(2)/2.
#define EXPM1_F32(SET, FMA, t) \
	FMA(FMA(FMA(FMA(FMA(SET(0x1.6d4324p-10f), t, SET(0x1.123d9p-7f)), t, SET(0x1.5554eap-5f)), t, SET(0x1.55547cp-3f)), \
		t, SET(0.5f)), t, SET(1))
#define EXPM1_F64(SET, FMA, t) \
	FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(SET(0x1.af4de97ca4194p-26), t, SET(0x1.28a2ca617b969p-22)), t, \
		SET(0x1.71de0231960ebp-19)), t, SET(0x1.a019a6611cad5p-16)), t, SET(0x1.a01a01abe7fe1p-13)), t, \
		SET(0x1.6c16c17f46982p-10)), t, SET(0x1.11111111100dcp-7)), t, SET(0x1.55555555520a4p-5)), t, \
		SET(0x1.5555555555557p-3)), t, SET(0.5)), t, SET(1))
#define EXP_F64(SET, FMA, t) \
	FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(SET(0x1.289185613a3d6p-22), t, SET(0x1.72e1150d0c9b6p-19)), t, \
		SET(0x1.a019b90d2ae7ap-16)), t, SET(0x1.a01994bd214e7p-13)), t, SET(0x1.6c16c1788bd9p-10)), t, \
		SET(0x1.11111123c1f47p-7)), t, SET(0x1.5555555553d63p-5)), t, SET(0x1.5555555550d79p-3)), t, \
		SET(0x1.0000000000001p-1)), t, SET(0x1.0000000000006p0))

BEGIN_AVX2
// shift returns 2^n and n for the integer n nearest to x. The addition leaves n and the bias in the low bits.
static inline __m256 shift_f32(__m256 x, __m256 *n) {
	const __m256 magic = _mm256_set1_ps(0x1.8000FEp23f);
	__m256 k = _mm256_add_ps(x, magic);
	*n = _mm256_sub_ps(k, magic);
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(k), 23));
}
static inline __m256d shift_f64(__m256d x, __m256d *n) {
	const __m256d magic = _mm256_set1_pd(0x1.80000000003ffp52);
	__m256d k = _mm256_add_pd(x, magic);
	*n = _mm256_sub_pd(k, magic);
	return _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(k), 52));
}

static inline __m256 exp_f32_avx2(__m256 x) {
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
static inline __m256d exp_f64_avx2(__m256d x) {
	const __m256d magic = _mm256_set1_pd(0x1.80000000003ffp52);
	__m256d n = _mm256_fmadd_pd(x, _mm256_set1_pd(0x1.71547652b82fep0), magic);
	__m256d s = _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(n), 52));
	n = _mm256_sub_pd(n, magic);
	__m256d t = _mm256_fmadd_pd(n, _mm256_set1_pd(-0x1.62e42fefa39efp-1), x);
	t = _mm256_fmadd_pd(n, _mm256_set1_pd(-0x1.abc9e3b39803fp-56), t);
	__m256d e = _mm256_fmadd_pd(_mm256_mul_pd(t, s), EXP_F64(_mm256_set1_pd, _mm256_fmadd_pd, t), s);
	e = _mm256_andnot_pd(_mm256_cmp_pd(x, _mm256_set1_pd(-708.39), _CMP_LT_OS), e);
	return _mm256_blendv_pd(e, _mm256_set1_pd(__builtin_inf()), _mm256_cmp_pd(x, _mm256_set1_pd(709.4), _CMP_GT_OS));
}

// Beyond the limits tanh is 1. The comparison lets NaN through.
#define TANH(V, T, OP, LIMIT, REDUCE, LOG2E, LN2, POLY) \
	const V sign = OP(set1)(-(T)0); \
	V a = OP(min)(OP(set1)(LIMIT), OP(andnot)(sign, x)), n; \
	V b = OP(add)(a, a), s = REDUCE(OP(mul)(b, OP(set1)(LOG2E)), &n); \
	V t = OP(fmadd)(n, OP(set1)(-LN2), b); \
	V e = OP(fmadd)(OP(mul)(t, s), POLY(OP(set1), OP(fmadd), t), OP(sub)(s, OP(set1)(1))); \
	return OP(or)(OP(div)(e, OP(add)(e, OP(set1)(2))), OP(and)(sign, x));

#define PS(f) _mm256_##f##_ps
#define PD(f) _mm256_##f##_pd
static inline __m256 tanh_f32_avx2(__m256 x) {
	TANH(__m256, float, PS, 9.02f, shift_f32, 0x1.715476p0f, 0x1.62e43p-1f, EXPM1_F32)
}
static inline __m256d tanh_f64_avx2(__m256d x) {
	TANH(__m256d, double, PD, 19.1, shift_f64, 0x1.71547652b82fep0, 0x1.62e42fefa39efp-1, EXPM1_F64)
}
#undef PS
#undef PD
END_TARGET

BEGIN_AVX512
static inline __m512 scale_f32(__m512 x, __m512 *n) {
	*n = _mm512_roundscale_ps(x, 0);
	return _mm512_scalef_ps(_mm512_set1_ps(1), *n);
}
static inline __m512d scale_f64(__m512d x, __m512d *n) {
	*n = _mm512_roundscale_pd(x, 0);
	return _mm512_scalef_pd(_mm512_set1_pd(1), *n);
}

static inline __m512 exp_f32_avx512(__m512 x) {
	__m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(0x1.715476p0f)), 0);
	__m512 t = _mm512_fmadd_ps(n, _mm512_set1_ps(-0x1.62e43p-1f), x);
	__m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0x1.0fa7d8p-7f), t, _mm512_set1_ps(0x1.573adp-5f));
	p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0x1.555a6ep-3f));
	p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0x1.fffdc4p-2f));
	p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0x1.fffff6p-1f));
	p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(1));
	return _mm512_scalef_ps(p, n);
}
static inline __m512d exp_f64_avx512(__m512d x) {
	__m512d n = _mm512_roundscale_pd(_mm512_mul_pd(x, _mm512_set1_pd(0x1.71547652b82fep0)), 0);
	__m512d t = _mm512_fmadd_pd(n, _mm512_set1_pd(-0x1.62e42fefa39efp-1), x);
	t = _mm512_fmadd_pd(n, _mm512_set1_pd(-0x1.abc9e3b39803fp-56), t);
	__m512d p = _mm512_fmadd_pd(EXP_F64(_mm512_set1_pd, _mm512_fmadd_pd, t), t, _mm512_set1_pd(1));
	return _mm512_scalef_pd(p, n);
}

#define PS(f) _mm512_##f##_ps
#define PD(f) _mm512_##f##_pd
static inline __m512 tanh_f32_avx512(__m512 x) {
	TANH(__m512, float, PS, 9.02f, scale_f32, 0x1.715476p0f, 0x1.62e43p-1f, EXPM1_F32)
}
static inline __m512d tanh_f64_avx512(__m512d x) {
	TANH(__m512d, double, PD, 19.1, scale_f64, 0x1.71547652b82fep0, 0x1.62e42fefa39efp-1, EXPM1_F64)
}
END_TARGET

#define NAME recipe
#define CALL_F32_AVX2(f) f##_f32_avx2
#define CALL_F64_AVX2(f) f##_f64_avx2
#define CALL_F32_AVX512(f) f##_f32_avx512
#define CALL_F64_AVX512(f) f##_f64_avx512
#include "expfamily.h"

const int compare_abi = COMPARE_ABI;
#ifdef __clang__
const char compare_version[] = "clang " __clang_version__;
#else
const char compare_version[] = "gcc " __VERSION__;
#endif

#define ENTRIES(kernel, f) \
	{"c-recipe", kernel, "float32", "avx2", NULL, recipe_##f##_f32_avx2}, \
	{"c-recipe", kernel, "float64", "avx2", NULL, recipe_##f##_f64_avx2}, \
	{"c-recipe", kernel, "float32", "avx512", NULL, recipe_##f##_f32_avx512}, \
	{"c-recipe", kernel, "float64", "avx512", NULL, recipe_##f##_f64_avx512}

const compare_entry compare_entries[] = {
	ENTRIES("Sigmoid", sigmoid), ENTRIES("Tanh", tanh), ENTRIES("Exp", exp), ENTRIES("SiLU", silu),
	ENTRIES("Softmax", softmax), ENTRIES("CrossEntropyGrad", grad), {0}};
