// What the peers that are built in have: a function that prepares a job, or returns NULL. See cpeers.go.
#ifndef CPEERS_RUNNER_H
#define CPEERS_RUNNER_H

#include "job.h"

// A prepared job: run it reps times, and free what it holds.
typedef struct runner runner;
struct runner {
	job j;
	void (*run)(const job *);  // or once, for a library that needs the state
	void (*once)(runner *);
	void (*destroy)(runner *);
	void *state[8];
};

runner *new_runner(const job *j);
runner *runner_of(const job *j, void (*run)(const job *)); // NULL if run is
void run_many(runner *r, long reps);
void free_runner(runner *r);

// The cross-entropy gradient of a library that only has a softmax: losses from p, then scale * (p - onehot) in place.
void finish_cross_entropy_grad_f32(const job *j);

runner *loops_prepare(const job *j);
runner *libmvec_prepare(const job *j);
runner *sleef_prepare(const job *j);
runner *onednn_prepare(const job *j);
runner *xnnpack_prepare(const job *j);

#endif
