//go:build !unix

package ktest

import "time"

var started = time.Now()

// CPUTime returns the time since the start of the process.
func CPUTime() time.Duration { return time.Since(started) }
