//go:build openblas

package main

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdlib.h>
//
// typedef void sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int,
//	float, float *, int);
// typedef void dgemm(int, int, int, int, int, int, double, const double *, int, const double *,
// int,
//	double, double *, int);
// static void call32(void *f, int ta, int tb, int m, int n, int k, float *a, int lda, float *b,
//	int ldb, float *c) {
//	((sgemm *)f)(101, ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, n);
// }
// static void call64(void *f, int ta, int tb, int m, int n, int k, double *a, int lda, double *b,
//	int ldb, double *c) {
//	((dgemm *)f)(101, ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, n);
// }
// static const char *core(void *f) { return ((const char *(*)(void))f)(); }
import "C"

import (
	"cmp"
	"fmt"
	"os"
	"unsafe"
)

var load = openBLAS

// openBLAS loads the library, with one thread and the kernels of an instruction set.
func openBLAS(path, isaName string) (peer, error) {
	setenv := func(name, value string) { _ = os.Setenv(name, value) } // C's too, with cgo
	setenv("OPENBLAS_NUM_THREADS", "1")
	if isaName == "avx2" {
		setenv("OPENBLAS_CORETYPE", "HASWELL")
	}
	name := C.CString(cmp.Or(path, "libopenblas.so.0"))
	defer C.free(unsafe.Pointer(name))
	lib := C.dlopen(name, C.RTLD_NOW)
	if lib == nil {
		return peer{}, fmt.Errorf("OpenBLAS: %s", C.GoString(C.dlerror()))
	}
	symbol := func(s string) unsafe.Pointer {
		name := C.CString(s)
		defer C.free(unsafe.Pointer(name))
		return C.dlsym(lib, name)
	}
	s, d, core := symbol("cblas_sgemm"), symbol("cblas_dgemm"), symbol("openblas_get_corename")
	if s == nil || d == nil || core == nil {
		return peer{}, fmt.Errorf("OpenBLAS: %s lacks a function", path)
	}
	order := func(trans bool, rows, cols int) (C.int, C.int) {
		if trans {
			return 112, C.int(rows)
		}
		return 111, C.int(cols)
	}
	return peer{"OpenBLAS " + C.GoString(C.core(core)),
		func(dst, a, b []float32, p product, transA, transB bool) {
			ta, lda := order(transA, p.m, p.k)
			tb, ldb := order(transB, p.k, p.n)
			C.call32(s, ta, tb, C.int(p.m), C.int(p.n), C.int(p.k), (*C.float)(&a[0]), lda,
				(*C.float)(&b[0]), ldb, (*C.float)(&dst[0]))
		},
		func(dst, a, b []float64, p product, transA, transB bool) {
			ta, lda := order(transA, p.m, p.k)
			tb, ldb := order(transB, p.k, p.n)
			C.call64(d, ta, tb, C.int(p.m), C.int(p.n), C.int(p.k), (*C.double)(&a[0]), lda,
				(*C.double)(&b[0]), ldb, (*C.double)(&dst[0]))
		}}, nil
}
