//go:build mpi

// Package mpi starts the ranks of a run: with the build tag mpi, those of MPI, one a process; else
// goroutines of this process.
package mpi

/*
#cgo pkg-config: ompi-c
#include <mpi.h>
#include <sched.h>

// start returns what MPI says about threads, after the calls that every program begins with.
static int start(int *rank, int *size) {
	int provided = -1;
	if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided)) return -1;
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	MPI_Comm_rank(MPI_COMM_WORLD, rank);
	MPI_Comm_size(MPI_COMM_WORLD, size);
	return provided >= MPI_THREAD_SERIALIZED;
}

// exchange returns -1 if the peer has not answered after so many seconds, or MPI's error code.
static int exchange(void *send, int sends, void *recv, int recvs, int peer, double seconds) {
	MPI_Request r[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
	int e = 0, done = 0;
	double end = MPI_Wtime() + seconds;
	if (recvs) e = MPI_Irecv(recv, recvs, MPI_BYTE, peer, 0, MPI_COMM_WORLD, &r[0]);
	if (!e && sends) e = MPI_Isend(send, sends, MPI_BYTE, peer, 0, MPI_COMM_WORLD, &r[1]);
	while (!e && !(e = MPI_Testall(2, r, &done, MPI_STATUSES_IGNORE)) && !done) {
		if (MPI_Wtime() > end) return -1;
		sched_yield(); // there may be more ranks than cores
	}
	return e;
}

static void explain(int code, char *text, int *length) { MPI_Error_string(code, text, length); }
static void stop(void) { MPI_Abort(MPI_COMM_WORLD, 1); }
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"
	"unsafe"

	"kernels/examples/internal/comm"
)

// Run calls f on this process's rank. ranks is the number that a run without MPI has: 1, because
// here it is mpirun that says how many there are. An exchange fails if the peer does not answer in
// the time patience.
//
// If f returns an error, Run prints it with the rank's number, and MPI ends the processes of all
// ranks: it does not return.
func Run(name string, ranks int, patience time.Duration, f func(comm.Comm) error) error {
	if ranks != 1 {
		return errors.New("-ranks is for a run in one process: here, mpirun -n sets the number of ranks")
	}
	var rank, size C.int
	if C.start(&rank, &size) != 1 {
		return errors.New("MPI does not start, or cannot be called by more than one thread")
	}
	if err := f(&world{int(rank), int(size), patience}); err != nil {
		fmt.Fprintf(os.Stderr, "%s: rank %d of %d: %v\n", name, rank, size, err)
		C.stop()
	}
	C.MPI_Finalize()
	return nil
}

// world is the Comm of MPI_COMM_WORLD.
type world struct {
	rank, size int
	patience   time.Duration
}

func (w *world) Rank() int { return w.rank }
func (w *world) Size() int { return w.size }

func (w *world) Exchange(peer int, send, recv []byte) error {
	if len(send) > math.MaxInt32 || len(recv) > math.MaxInt32 {
		return fmt.Errorf("%d bytes to rank %d and %d from it: more than an int of MPI counts",
			len(send), peer, len(recv))
	}
	code := C.exchange(unsafe.Pointer(unsafe.SliceData(send)), C.int(len(send)),
		unsafe.Pointer(unsafe.SliceData(recv)), C.int(len(recv)), C.int(peer),
		C.double(w.patience.Seconds()))
	switch code {
	case 0:
		return nil
	case -1:
		return fmt.Errorf("rank %d has not answered for %v", peer, w.patience)
	}
	var text [C.MPI_MAX_ERROR_STRING]C.char
	var length C.int
	C.explain(code, &text[0], &length)
	return fmt.Errorf("exchange with rank %d: %s", peer, C.GoStringN(&text[0], length))
}
