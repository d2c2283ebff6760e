// The C interface of a peer: the job that it is given, and what a shared library exports that is
// loaded with -peer-library FILE.
#ifndef COMPARE_JOB_H
#define COMPARE_JOB_H

#include <stdint.h>
#include <stddef.h>

// What job.kernel is. SIGMOID is for Sigmoid and SigmoidFast, OTHER for the kernels without a number.
enum { RELU, RELU_MASK, RELU_BACKWARD, SIGMOID, SIGMOID_BACKWARD, SOFTMAX, CROSS_ENTROPY_GRAD, TANH, OTHER,
	EXP, EXPM1, LOG, LOG1P, ERF, SILU, GELU, GELU_TANH, SOFTPLUS, HARD_SWISH, KERNELS };

// A job is one call of a kernel. All buffers are float, or double if f64 is set; each lives as long as the job, starts
// on a cache line and does not overlap another. A pointer is NULL if the kernel has no such argument.
typedef struct job {
	int kernel, f64;
	int avx512;          // whether AVX-512 is allowed; AVX2 and FMA always are
	long n;              // elements of x
	long rows, classes;  // n = rows * classes; 1 and n for kernels over elements
	long inner;          // of products of matrices: dst is rows x classes, a row of it sums inner terms
	const void *x;       // the input, or the logits
	const void *dy, *y;  // of backward kernels: the gradient, and the result of the forward kernel
	void *dst;           // the first output
	void *losses;        // one for each row
	const int64_t *labels;
	uint8_t *bools;      // one for each element, in place of the mask of bits: 1 where x <= 0
	double scale;        // of gradients
	int args;            // the slices of the Go function in the order of its parameters, and their lengths
	void *arg[8];
	long len[8];
} job;

// A shared library of peers exports three symbols:
//
//	const int compare_abi = COMPARE_ABI;
//	const char compare_version[] = "what it was built from: a commit, a compiler";
//	const compare_entry compare_entries[] = {{...}, ..., {0}};
//
// The last entry has no name. Entries of one name are one peer, which is a column in the results.
#define COMPARE_ABI 1

typedef struct compare_entry {
	const char *name;           // of the peer, such as "xnnpack-rr1-p5"
	const char *kernel;         // the function of package kernels that it computes, without options: "Softmax".
	                            // "Sigmoid" is for SigmoidFast as well
	const char *type;           // "float32" or "float64"
	const char *isa;            // "avx2" or "avx512": the runs that it takes part in; NULL for all
	const char *error;          // what its authors say of its error, such as "2 ULP"; NULL for nothing
	void (*run)(const job *j);  // computes the job once; it is called again and again
} compare_entry;

#endif
