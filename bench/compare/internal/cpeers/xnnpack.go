//go:build xnnpack || peers

package cpeers

// #cgo LDFLAGS: -lXNNPACK -lpthreadpool -lcpuinfo
// #include "runner.h"
import "C"

func init() {
	Libraries = append(Libraries, Library{
		Name:    "xnnpack",
		Version: func(bool) string { return debian("libxnnpack0") },
		Prepare: func(j *Job) *Runner { return runnerOf(C.xnnpack_prepare(cjob(j))) },
	})
}
