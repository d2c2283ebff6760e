//go:build unix

package ktest

import (
	"syscall"
	"time"
)

// CPUTime returns the time that the process has been running on CPUs.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
