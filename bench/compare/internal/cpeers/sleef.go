//go:build sleef || peers

package cpeers

// #cgo LDFLAGS: -lsleef
// #include "runner.h"
import "C"

func init() {
	Libraries = append(Libraries, Library{
		Name:    "sleef",
		Version: func(bool) string { return debian("libsleef3") },
		Prepare: func(j *Job) *Runner { return runnerOf(C.sleef_prepare(cjob(j))) },
	})
}
