// Report times the kernels on this machine: beside the loop that one would write without the
// package, beside pure Go, and beside a copy of as many bytes, which is the limit of the memory.
//
//	go run ./bench/report
//
// prints a table while it measures, and writes a page with charts, which needs no network and no
// script. That takes half a minute, and a minute more to compile the first time. Flags:
//
//	-time 2m         measures for longer, which makes the figures steadier
//	-run 'Softmax'   measures the kernels whose names match a regular expression
//	-all             measures functions with options and those without a naive loop, too
//	-large           measures arguments past the caches, too
//	-o FILE          names the page; -o "" writes none
//
// All is timed on one core, in turns, and each figure is the median of seven rounds. The machine
// should have nothing else to do. To compare with other libraries, see bench/compare.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"github.com/klauspost/cpuid/v2"

	"kernels"
)

func main() {
	log := &printer{w: os.Stdout, live: terminal(os.Stdout)}
	switch err := run(os.Args[1:], log); {
	case errors.Is(err, errUsage): // flag has said what is wrong
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("wrong usage")

// run does what the arguments say.
func run(args []string, log *printer) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	total := flags.Duration("time", 30*time.Second, "measure for about this long")
	pattern := flags.String("run", "", "measure the kernels that match this regular expression")
	large := flags.Bool("large", false, "measure arguments past the caches, too")
	all := flags.Bool("all", false,
		"measure functions with options and those without a naive loop, too")
	out := flags.String("o", "kernels-report.html", "write the page with the charts to this `file`")
	if err := flags.Parse(args); err == flag.ErrHelp {
		return nil
	} else if err != nil {
		return errUsage
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *total <= 0 {
		return fmt.Errorf("-time %v: not positive", *total)
	}
	match, err := regexp.Compile(*pattern)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	r := &Report{Machine: machine(), Date: time.Now().Format("2006-01-02"), Groups: groups(*large)}
	work := jobs(r.Groups, match, *all)
	if len(work) == 0 {
		return fmt.Errorf("no kernel to measure matches %q (see -all)", *pattern)
	}
	file, err := create(*out) // before the measurements, which would be lost
	if err != nil {
		return err
	}
	r.measure(work, *total, log)
	if file == nil {
		return nil
	}
	if err := r.write(file); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	path, err := filepath.Abs(*out)
	if err != nil {
		return err
	}
	log.line("\nThe same with charts: %s", path)
	return nil
}

func create(name string) (*os.File, error) {
	if name == "" {
		return nil, nil
	}
	return os.Create(name)
}

// A Report is what the page shows.
type Report struct {
	Machine, Date string
	Groups        []Group
}

// measure fills in the results, and prints each as soon as it is there.
func (r *Report) measure(work []job, total time.Duration, log *printer) {
	log.line("%s", r.Machine)
	log.head()
	end := time.Now().Add(total)
	group := -1
	for i, j := range work {
		if j.group != group {
			group = j.group
			log.line("\n%s", r.Groups[group].Title)
		}
		log.progress(i, len(work), j.name)
		g := &r.Groups[group]
		g.Results = append(g.Results, j.run(time.Until(end)/time.Duration(len(work)-i)))
		if n := len(g.Results); n%2 == 0 { // both types
			log.result(g.Results[n-2], g.Results[n-1])
		}
	}
}

func machine() string {
	name := cpuid.CPU.BrandName
	if name == "" {
		name = "an unnamed CPU"
	}
	return fmt.Sprintf("%s, %s/%s, %s, instruction set %s, one core", name, runtime.GOOS,
		runtime.GOARCH, runtime.Version(), kernels.ISA())
}
