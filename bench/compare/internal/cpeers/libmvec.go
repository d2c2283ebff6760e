//go:build libmvec || peers

package cpeers

// #cgo LDFLAGS: -lmvec -lm
// #include <gnu/libc-version.h>
// #include "runner.h"
import "C"

// The plain loops need only the C compiler, so they come with this library, which is part of glibc.
func init() {
	Libraries = append(Libraries,
		Library{
			Name:    "libmvec",
			Version: func(bool) string { return "glibc " + C.GoString(C.gnu_get_libc_version()) },
			Prepare: func(j *Job) *Runner { return runnerOf(C.libmvec_prepare(cjob(j))) },
		},
		Library{
			Name:    "c-loop",
			Version: func(bool) string { return compiler },
			Prepare: func(j *Job) *Runner { return runnerOf(C.loops_prepare(cjob(j))) },
		})
}

const compiler = "gcc " + C.__VERSION__
