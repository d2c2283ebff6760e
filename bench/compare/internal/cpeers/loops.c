//go:build libmvec || peers

// What gcc -O3 makes of the plain loops, for kernels that need no exponential.
#include "runner.h"

#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")))

#define LOOPS(SUFFIX, TARGET, T) \
	TARGET static void relu_##SUFFIX(const job *j) { \
		const T *restrict x = j->x; \
		T *restrict y = j->dst; \
		for (long i = 0, n = j->n; i < n; i++) y[i] = x[i] > 0 ? x[i] : 0; \
	} \
	TARGET static void relu_mask_##SUFFIX(const job *j) { \
		const T *restrict x = j->x; \
		T *restrict y = j->dst; \
		uint8_t *restrict m = j->bools; \
		for (long i = 0, n = j->n; i < n; i++) { \
			m[i] = x[i] <= 0; \
			y[i] = x[i] > 0 ? x[i] : 0; \
		} \
	} \
	TARGET static void relu_backward_##SUFFIX(const job *j) { \
		const T *restrict dy = j->dy; \
		T *restrict dx = j->dst; \
		const uint8_t *restrict m = j->bools; \
		for (long i = 0, n = j->n; i < n; i++) dx[i] = m[i] ? 0 : dy[i]; \
	} \
	TARGET static void sigmoid_backward_##SUFFIX(const job *j) { \
		const T *restrict dy = j->dy, *restrict y = j->y; \
		T *restrict dx = j->dst; \
		for (long i = 0, n = j->n; i < n; i++) dx[i] = dy[i] * (1 - y[i]) * y[i]; \
	} \
	static void (*const loops_##SUFFIX[KERNELS])(const job *) = {[RELU] = relu_##SUFFIX, [RELU_MASK] = relu_mask_##SUFFIX, \
		[RELU_BACKWARD] = relu_backward_##SUFFIX, [SIGMOID_BACKWARD] = sigmoid_backward_##SUFFIX};

LOOPS(f32_avx2, AVX2, float)
LOOPS(f64_avx2, AVX2, double)
LOOPS(f32_avx512, AVX512, float)
LOOPS(f64_avx512, AVX512, double)

runner *loops_prepare(const job *j) {
	return runner_of(j, (j->f64 ? j->avx512 ? loops_f64_avx512 : loops_f64_avx2
		: j->avx512 ? loops_f32_avx512 : loops_f32_avx2)[j->kernel]);
}
