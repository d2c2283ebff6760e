//go:build onednn || peers

// oneDNN's primitives, created once and executed on the calling thread.
#include "runner.h"
#include <oneapi/dnnl/dnnl.h>

extern void omp_set_num_threads(int);

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static int ready(int avx512) {
	static int state = -1;
	if (state < 0) {
		omp_set_num_threads(1);
		if (!avx512) dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
		state = dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success &&
			dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) == dnnl_success;
	}
	return state;
}

// state: primitive, then up to three memories.
static void execute(runner *r) {
	int args[3] = {DNNL_ARG_SRC, DNNL_ARG_DST, 0}, n = 2;
	if (r->j.kernel == RELU_BACKWARD || r->j.kernel == SIGMOID_BACKWARD) {
		args[0] = r->j.kernel == RELU_BACKWARD ? DNNL_ARG_SRC : DNNL_ARG_DST;
		args[1] = DNNL_ARG_DIFF_DST;
		args[2] = DNNL_ARG_DIFF_SRC;
		n = 3;
	}
	dnnl_exec_arg_t a[3];
	for (int i = 0; i < n; i++) a[i] = (dnnl_exec_arg_t){args[i], r->state[1 + i]};
	dnnl_primitive_execute(r->state[0], stream, n, a);
	dnnl_stream_wait(stream);
}

static void execute_grad(runner *r) {
	execute(r);
	finish_cross_entropy_grad_f32(&r->j);
}

static void destroy(runner *r) {
	dnnl_primitive_destroy(r->state[0]);
	for (int i = 1; i < 4; i++)
		if (r->state[i]) dnnl_memory_destroy(r->state[i]);
}

// eltwise makes the descriptor of an elementwise operation, backward through a forward one as the library wants it.
static dnnl_status_t eltwise(dnnl_primitive_desc_t *pd, dnnl_memory_desc_t *md, dnnl_alg_kind_t alg, float alpha, int backward) {
	dnnl_eltwise_desc_t f, b;
	dnnl_primitive_desc_t hint = NULL;
	dnnl_status_t s = dnnl_eltwise_forward_desc_init(&f, backward ? dnnl_forward_training : dnnl_forward_inference, alg, md, alpha, 0);
	if (s != dnnl_success || !backward) return s != dnnl_success ? s : dnnl_primitive_desc_create(pd, &f, NULL, engine, NULL);
	if ((s = dnnl_primitive_desc_create(&hint, &f, NULL, engine, NULL)) != dnnl_success) return s;
	s = dnnl_eltwise_backward_desc_init(&b, alg, md, md, alpha, 0);
	if (s == dnnl_success) s = dnnl_primitive_desc_create(pd, &b, NULL, engine, hint);
	dnnl_primitive_desc_destroy(hint);
	return s;
}

runner *onednn_prepare(const job *j) {
	if (j->f64 || !ready(j->avx512)) return NULL;
	int softmax = j->kernel == SOFTMAX || j->kernel == CROSS_ENTROPY_GRAD;
	dnnl_memory_desc_t md;
	dnnl_dims_t dims = {softmax ? j->rows : 1, softmax ? j->classes : j->n};
	if (dnnl_memory_desc_init_by_tag(&md, 2, dims, dnnl_f32, dnnl_ab) != dnnl_success) return NULL;
	dnnl_primitive_desc_t pd = NULL;
	dnnl_status_t s;
	const void *buffers[3] = {j->x, j->dst, NULL};
	switch (j->kernel) {
	case RELU: s = eltwise(&pd, &md, dnnl_eltwise_relu, 0, 0); break;
	case SIGMOID: s = eltwise(&pd, &md, dnnl_eltwise_logistic, 0, 0); break;
	case TANH: s = eltwise(&pd, &md, dnnl_eltwise_tanh, 0, 0); break;
	case EXP: s = eltwise(&pd, &md, dnnl_eltwise_exp, 0, 0); break;
	case LOG: s = eltwise(&pd, &md, dnnl_eltwise_log, 0, 0); break;
	case SILU: s = eltwise(&pd, &md, dnnl_eltwise_swish, 1, 0); break;
	case GELU: s = eltwise(&pd, &md, dnnl_eltwise_gelu_erf, 0, 0); break;
	case GELU_TANH: s = eltwise(&pd, &md, dnnl_eltwise_gelu_tanh, 0, 0); break;
	case SOFTPLUS: s = eltwise(&pd, &md, dnnl_eltwise_soft_relu, 0, 0); break;
	case HARD_SWISH: s = eltwise(&pd, &md, dnnl_eltwise_hardswish, 0, 0); break;
	case RELU_BACKWARD:
	case SIGMOID_BACKWARD:
		s = eltwise(&pd, &md, j->kernel == RELU_BACKWARD ? dnnl_eltwise_relu : dnnl_eltwise_logistic_use_dst_for_bwd, 0, 1);
		buffers[0] = j->kernel == RELU_BACKWARD ? j->x : j->y;
		buffers[1] = j->dy;
		buffers[2] = j->dst;
		break;
	case SOFTMAX:
	case CROSS_ENTROPY_GRAD: {
		dnnl_softmax_desc_t d;
		s = dnnl_softmax_forward_desc_init(&d, dnnl_forward_inference, &md, 1);
		if (s == dnnl_success) s = dnnl_primitive_desc_create(&pd, &d, NULL, engine, NULL);
		break;
	}
	default: return NULL;
	}
	if (s != dnnl_success) return NULL;
	runner *r = new_runner(j);
	r->destroy = destroy;
	r->once = j->kernel == CROSS_ENTROPY_GRAD ? execute_grad : execute;
	dnnl_primitive_t p = NULL;
	s = dnnl_primitive_create(&p, pd);
	dnnl_primitive_desc_destroy(pd);
	r->state[0] = p;
	for (int i = 0; i < 3 && s == dnnl_success && buffers[i]; i++) {
		dnnl_memory_t m = NULL;
		s = dnnl_memory_create(&m, &md, engine, (void *)buffers[i]);
		r->state[1 + i] = m;
	}
	if (s != dnnl_success) {
		free_runner(r);
		return NULL;
	}
	return r;
}
