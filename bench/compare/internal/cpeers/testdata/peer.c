// A shared library of two small peers, as an example of what job.h asks for and for the test.
#include "job.h"
#include <math.h>

static void relu(const job *j) {
	const float *x = j->x;
	float *y = j->dst;
	for (long i = 0; i < j->n; i++) y[i] = x[i] > 0 ? x[i] : 0;
}

static void softmax(const job *j) {
	const double *x = j->x;
	double *y = j->dst;
	for (long r = 0; r < j->rows; r++, x += j->classes, y += j->classes) {
		double max = x[0], sum = 0;
		for (long i = 0; i < j->classes; i++) max = fmax(max, x[i]);
		for (long i = 0; i < j->classes; i++) sum += y[i] = exp(x[i] - max);
		for (long i = 0; i < j->classes; i++) y[i] /= sum;
	}
}

// A kernel without fields of its own in job: the slices are dst, a and b.
static void matmul(const job *j) {
	const float *a = j->arg[1], *b = j->arg[2];
	float *dst = j->arg[0];
	for (long i = 0; i < j->rows; i++)
		for (long k = 0; k < j->classes; k++) {
			float sum = 0;
			for (long p = 0; p < j->inner; p++) sum += a[i * j->inner + p] * b[p * j->classes + k];
			dst[i * j->classes + k] = sum;
		}
}

#ifndef ABI
#define ABI COMPARE_ABI
#endif
#ifndef KERNEL
#define KERNEL "ReLU"
#endif

const int compare_abi = ABI;
const char compare_version[] = "the example";
const compare_entry compare_entries[] = {
	{"example", KERNEL, "float32", NULL, "exact", relu},
	{"example", "Softmax", "float64", NULL, NULL, softmax},
	{"example-mul", "MatMul", "float32", NULL, NULL, matmul},
	{"example-avx512", "ReLU", "float32", "avx512", NULL, relu},
	{0}};
