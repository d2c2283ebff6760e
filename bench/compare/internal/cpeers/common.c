//go:build cgo

#include "runner.h"
#include <math.h>
#include <stdlib.h>

runner *new_runner(const job *j) {
	runner *r = calloc(1, sizeof *r);
	r->j = *j;
	return r;
}

runner *runner_of(const job *j, void (*run)(const job *)) {
	if (!run) return NULL;
	runner *r = new_runner(j);
	r->run = run;
	return r;
}

void run_many(runner *r, long reps) {
	if (r->run)
		for (long i = 0; i < reps; i++) r->run(&r->j);
	else
		for (long i = 0; i < reps; i++) r->once(r);
}

void free_runner(runner *r) {
	if (r->destroy) r->destroy(r);
	free(r);
}

void finish_cross_entropy_grad_f32(const job *j) {
	float *g = j->dst, *losses = j->losses, scale = (float)j->scale;
	for (long r = 0; r < j->rows; r++, g += j->classes) {
		losses[r] = -logf(g[j->labels[r]]);
		g[j->labels[r]] -= 1;
		if (scale != 1)
			for (long i = 0; i < j->classes; i++) g[i] *= scale;
	}
}
