//go:build cgo

package cpeers

// #cgo CFLAGS: -O3 -std=gnu11 -Wall
// #cgo LDFLAGS: -lm
// #include "runner.h"
import "C"

func cjob(j *Job) *C.job {
	c := &C.job{
		kernel: C.int(j.Kernel), n: C.long(j.N), rows: C.long(j.Rows), classes: C.long(j.Classes),
		x: j.X, dy: j.DY, y: j.Y, dst: j.Dst, losses: j.Losses,
		labels: (*C.int64_t)(j.Labels), bools: (*C.uint8_t)(j.Bools), scale: C.double(j.Scale),
		inner: C.long(j.Inner), args: C.int(len(j.Args)),
	}
	for i, a := range j.Args {
		c.arg[i], c.len[i] = a.P, C.long(a.N)
	}
	if j.Float64 {
		c.f64 = 1
	}
	if j.AVX512 {
		c.avx512 = 1
	}
	return c
}

func runnerOf(r *C.runner) *Runner {
	if r == nil {
		return nil
	}
	return &Runner{Run: func(reps int) {
		C.run_many(r, C.long(reps))
	}, Close: func() { C.free_runner(r) }}
}
