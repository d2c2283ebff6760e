// What every peer is given, and the three functions each of them has. See cpeers.go.
#ifndef CPEERS_JOB_H
#define CPEERS_JOB_H

#include <stdint.h>
#include <stddef.h>

enum { RELU, RELU_MASK, RELU_BACKWARD, SIGMOID, SIGMOID_BACKWARD, SOFTMAX, CROSS_ENTROPY_GRAD };

typedef struct job {
	int kernel, f64, avx512;
	long n, rows, classes;
	const void *x, *dy, *y;
	void *dst, *losses;
	const int64_t *labels;
	uint8_t *bools;
	double scale;
} job;

// A prepared job: run it reps times, and free what it holds.
typedef struct runner runner;
struct runner {
	job j;
	void (*once)(runner *);
	void (*destroy)(runner *);
	void *state[8];
};

runner *new_runner(const job *j);
void run_many(runner *r, long reps);
void free_runner(runner *r);

// The cross-entropy gradient of a library that only has a softmax: losses from p, then scale * (p - onehot) in place.
void finish_cross_entropy_grad_f32(const job *j);

runner *loops_prepare(const job *j);
runner *libmvec_prepare(const job *j);
runner *sleef_prepare(const job *j);
runner *recipe_prepare(const job *j);
runner *onednn_prepare(const job *j);
runner *xnnpack_prepare(const job *j);

#endif
