// Command mpi trains networks on several machines, or processes, with the bits of one.
//
//	mpi digits     the network of examples/mnist; each rank has a part of each batch
//	mpi classes    a classifier with 65,536 classes; each rank has a part of the classes
//
// See README.md. Built with the tag mpi, it is started by mpirun; built without, it is one process,
// with the same digest.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"kernels/examples/internal/checkpoint"
	"kernels/examples/internal/cli"
	"kernels/examples/internal/comm"
	"kernels/examples/internal/mpi"
)

// parts is the number of parts that the ranks share: micro-batches of a batch, or blocks of
// classes. They are added in one order, whatever the number of ranks, so a run has up to so many.
const parts = 8

func main() { cli.Main("mpi", run) }

const usage = "mpi digits [FLAG...] or mpi classes [FLAG...]; -help after either lists the flags"

func run(args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch args[0] {
	case "digits":
		return runDigits(args[1:], stdout, stderr)
	case "classes":
		return runClasses(args[1:], stdout, stderr)
	}
	return fmt.Errorf("no %q: %s", args[0], usage)
}

// ranks are the flags that both networks have.
type ranks struct {
	count    int
	patience time.Duration
	verbose  bool
}

func (r *ranks) flags(set *flag.FlagSet) {
	set.IntVar(&r.count, "ranks", 1, "`ranks` in a run without MPI: goroutines of this process")
	set.DurationVar(&r.patience, "patience", time.Minute,
		"how long to wait for a rank of MPI that does not answer")
	set.BoolVar(&r.verbose, "v", false, "print the process of each rank")
}

// run calls f on each rank, with a writer that only rank 0's output gets through.
func (r *ranks) run(stdout, stderr io.Writer, f func(c *comm.Meter, stdout io.Writer) error) error {
	return mpi.Run("mpi", r.count, r.patience, func(c comm.Comm) error {
		if err := comm.CheckSize(c, parts); err != nil {
			return err
		}
		if r.verbose {
			host, _ := os.Hostname() // for the reader only
			fmt.Fprintf(stderr, "rank %d of %d: process %d on %s\n", c.Rank(), c.Size(), os.Getpid(), host)
		}
		out := stdout
		if c.Rank() != 0 {
			out = io.Discard
		}
		start, meter := time.Now(), &comm.Meter{Comm: c}
		if err := f(meter, out); err != nil {
			return err
		}
		all := time.Since(start)
		fmt.Fprintf(out, "time of rank 0: %.3f s computing, %.3f s communicating and waiting (%.1f%%): "+
			"%d exchanges, %.1f MB sent\n", (all - meter.Time).Seconds(), meter.Time.Seconds(),
			100*meter.Time.Seconds()/all.Seconds(), meter.Exchanges, float64(meter.Sent)/1e6)
		return nil
	})
}

// restore sets state, a pointer, on all ranks to that of a checkpoint, if there is one. Rank 0
// reads the file; the others need not see it.
func restore(c comm.Comm, name, run string, state any) (bool, error) {
	if name == "" {
		return false, nil
	}
	var data []byte
	if c.Rank() == 0 {
		var err error
		if data, err = checkpoint.Load(name); err != nil {
			return false, err
		}
		if data != nil { // an error is rank 0's, and not also the others'
			if err := checkpoint.Read(name, data, run, state); err != nil {
				return false, err
			}
		}
	}
	data, err := comm.Broadcast(c, data)
	if err != nil || len(data) == 0 || c.Rank() == 0 {
		return len(data) > 0, err
	}
	return true, checkpoint.Read(name, data, run, state)
}
