//go:build !mpi

// Package mpi starts the ranks of a run: with the build tag mpi, those of MPI, one a process; else
// goroutines of this process.
package mpi

import (
	"time"

	"kernels/examples/internal/comm"
)

// Run calls f on each of the ranks. A goroutine answers, or the process ends: patience is for runs
// with MPI.
func Run(_ string, ranks int, _ time.Duration, f func(comm.Comm) error) error {
	return comm.Run(ranks, f)
}
