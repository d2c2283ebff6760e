//go:build xnnpack || peers

// XNNPACK's operators, set up once and run on the calling thread.
#include "runner.h"
#include <cpuinfo.h>
#include <math.h>
#include <stdlib.h>
#include <xnnpack.h>

static void once(runner *r) { xnn_run_operator(r->state[0], NULL); }

static void once_grad(runner *r) {
	xnn_run_operator(r->state[0], NULL);
	finish_cross_entropy_grad_f32(&r->j);
}

static void destroy(runner *r) { xnn_delete_operator(r->state[0]); }

static int ready(int avx512) {
	static int state = -1;
	if (state < 0) {
		// The library picks its kernels once, by what cpuinfo found; there is no other way to hold it to AVX2.
		if (!cpuinfo_initialize()) return 0;
		if (!avx512) {
			cpuinfo_isa.avx512f = cpuinfo_isa.avx512cd = cpuinfo_isa.avx512dq = 0;
			cpuinfo_isa.avx512bw = cpuinfo_isa.avx512vl = 0;
		}
		state = xnn_initialize(NULL) == xnn_status_success;
	}
	return state;
}

runner *xnnpack_prepare(const job *j) {
	if (j->f64 || !ready(j->avx512)) return NULL;
	enum xnn_status s;
	xnn_operator_t op = NULL;
	size_t n = j->n, c = j->classes;
	switch (j->kernel) {
	case RELU:
		s = xnn_create_clamp_nc_f32(n, n, n, 0, INFINITY, 0, &op);
		if (s == xnn_status_success) s = xnn_setup_clamp_nc_f32(op, 1, j->x, j->dst, NULL);
		break;
	case SIGMOID:
		s = xnn_create_sigmoid_nc_f32(n, n, n, 0, &op);
		if (s == xnn_status_success) s = xnn_setup_sigmoid_nc_f32(op, 1, j->x, j->dst, NULL);
		break;
	case SOFTMAX:
	case CROSS_ENTROPY_GRAD:
		s = xnn_create_softmax_nc_f32(c, c, c, 0, &op);
		if (s == xnn_status_success) s = xnn_setup_softmax_nc_f32(op, j->rows, j->x, j->dst, NULL);
		break;
	default:
		return NULL;
	}
	if (s != xnn_status_success) return NULL;
	runner *r = new_runner(j);
	r->state[0] = op;
	r->once = j->kernel == CROSS_ENTROPY_GRAD ? once_grad : once;
	r->destroy = destroy;
	return r;
}
