//go:build libmvec || peers

// What gcc -O3 makes of the plain loops, for kernels that need no exponential.
#include "job.h"

#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")))

#define LOOPS(SUFFIX, TARGET, T) \
	TARGET static void relu_##SUFFIX(runner *r) { \
		const T *restrict x = r->j.x; \
		T *restrict y = r->j.dst; \
		for (long i = 0, n = r->j.n; i < n; i++) y[i] = x[i] > 0 ? x[i] : 0; \
	} \
	TARGET static void relu_mask_##SUFFIX(runner *r) { \
		const T *restrict x = r->j.x; \
		T *restrict y = r->j.dst; \
		uint8_t *restrict m = r->j.bools; \
		for (long i = 0, n = r->j.n; i < n; i++) { \
			m[i] = x[i] <= 0; \
			y[i] = x[i] > 0 ? x[i] : 0; \
		} \
	} \
	TARGET static void relu_backward_##SUFFIX(runner *r) { \
		const T *restrict dy = r->j.dy; \
		T *restrict dx = r->j.dst; \
		const uint8_t *restrict m = r->j.bools; \
		for (long i = 0, n = r->j.n; i < n; i++) dx[i] = m[i] ? 0 : dy[i]; \
	} \
	TARGET static void sigmoid_backward_##SUFFIX(runner *r) { \
		const T *restrict dy = r->j.dy, *restrict y = r->j.y; \
		T *restrict dx = r->j.dst; \
		for (long i = 0, n = r->j.n; i < n; i++) dx[i] = dy[i] * (1 - y[i]) * y[i]; \
	} \
	static void (*const loops_##SUFFIX[])(runner *) = {[RELU] = relu_##SUFFIX, [RELU_MASK] = relu_mask_##SUFFIX, \
		[RELU_BACKWARD] = relu_backward_##SUFFIX, [SIGMOID_BACKWARD] = sigmoid_backward_##SUFFIX, [CROSS_ENTROPY_GRAD] = NULL};

LOOPS(f32_avx2, AVX2, float)
LOOPS(f64_avx2, AVX2, double)
LOOPS(f32_avx512, AVX512, float)
LOOPS(f64_avx512, AVX512, double)

runner *loops_prepare(const job *j) {
	void (*once)(runner *) = (j->f64 ? j->avx512 ? loops_f64_avx512 : loops_f64_avx2
		: j->avx512 ? loops_f32_avx512 : loops_f32_avx2)[j->kernel];
	if (!once) return NULL;
	runner *r = new_runner(j);
	r->once = once;
	return r;
}
