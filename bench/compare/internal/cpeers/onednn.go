//go:build onednn || peers

package cpeers

// #cgo LDFLAGS: -ldnnl -lgomp
// #include "runner.h"
// #include <oneapi/dnnl/dnnl.h>
// #include <oneapi/dnnl/dnnl_version.h>
import "C"

import "fmt"

func init() {
	Libraries = append(Libraries, Library{
		Name: "onednn",
		Version: func(bool) string {
			v := C.dnnl_version()
			return fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch)
		},
		Prepare: func(j *Job) *Runner { return runnerOf(C.onednn_prepare(cjob(j))) },
	})
}
