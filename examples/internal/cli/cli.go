// Package cli has the flags that the examples share, their progress bar and their report.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"kernels"
	"kernels/examples/internal/chart"
	"kernels/examples/internal/nn"
	"kernels/layers"
)

// Options are the flags that the examples share.
type Options struct {
	Type, Hidden, Optimizer string
	Rate                    float64
	Epochs, Batch, Units    int
	Seed                    uint64
	Out                     string

	adam, sgd float64 // the default rates
}

// Flags adds the flags to a set. The other arguments are the defaults: of the epochs, of the batch
// size, and of the learning rates of Adam and SGD.
func (o *Options) Flags(set *flag.FlagSet, epochs, batch int, adam, sgd float64) {
	o.adam, o.sgd = adam, sgd
	set.StringVar(&o.Type, "type", "float32", "`type` of all numbers: float32 or float64")
	set.StringVar(&o.Hidden, "hidden", "relu", "hidden `layer`: relu or sigmoid")
	set.StringVar(&o.Optimizer, "optimizer", "adam", "adam, momentum or sgd")
	set.Float64Var(&o.Rate, "rate", 0,
		fmt.Sprintf("learning rate (default %g for adam, %g for momentum, %g for sgd)", adam, sgd/10, sgd))
	set.IntVar(&o.Epochs, "epochs", epochs, "turns over the samples")
	set.IntVar(&o.Batch, "batch", batch, "samples in a step")
	set.IntVar(&o.Units, "units", 100, "hidden units")
	set.Uint64Var(&o.Seed, "seed", 1, "of weights and order; the same seed gives the same bits")
	set.StringVar(&o.Out, "out", "out", "`folder` for the charts, made where it is missing; empty for no charts")
}

// Parse parses the arguments of a command, which takes flags only, and checks the values of
// Options.
func (o *Options) Parse(set *flag.FlagSet, args []string) error {
	if err := set.Parse(args); err != nil {
		return err
	}
	oneOf := func(name, value string, values ...string) error {
		for _, v := range values {
			if v == value {
				return nil
			}
		}
		return fmt.Errorf("-%s %q: it is one of %v", name, value, values)
	}
	var err error
	if set.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q: see -help", set.Arg(0))
	}
	err = errors.Join(err,
		oneOf("type", o.Type, "float32", "float64"),
		oneOf("hidden", o.Hidden, "relu", "sigmoid"),
		oneOf("optimizer", o.Optimizer, "adam", "momentum", "sgd"))
	for _, n := range []struct {
		name  string
		value int
	}{{"epochs", o.Epochs}, {"batch", o.Batch}, {"units", o.Units}} {
		if n.value < 1 {
			err = errors.Join(err, fmt.Errorf("-%s %d: it is at least 1", n.name, n.value))
		}
	}
	if o.Rate < 0 || math.IsNaN(o.Rate) || math.IsInf(o.Rate, 0) {
		err = errors.Join(err, fmt.Errorf("-rate %v: it is a positive number", o.Rate))
	}
	if o.Rate == 0 {
		o.Rate = map[string]float64{"adam": o.adam, "momentum": o.sgd / 10, "sgd": o.sgd}[o.Optimizer]
	}
	return err
}

// Main runs an example as the body of a main function.
func Main(name string, run func(args []string, stdout, stderr io.Writer) error) {
	switch err := run(os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Network makes a network for samples of so many inputs.
func Network[T kernels.Float](o *Options, inputs, classes int) (*nn.Network[T], error) {
	return nn.NewNetwork[T](inputs, o.Units, classes, o.Hidden, rand.NewPCG(o.Seed, 1))
}

// Optimizer makes the optimizer.
func Optimizer[T kernels.Float](o *Options) layers.Optimizer[T] {
	switch rate := T(o.Rate); o.Optimizer {
	case "adam":
		return &layers.Adam[T]{Rate: rate}
	case "momentum":
		return &layers.Momentum[T]{Rate: rate}
	default:
		return &layers.SGD[T]{Rate: rate}
	}
}

// Train makes a network for the samples and trains it, with a progress bar if stderr is a terminal.
func Train[T kernels.Float](o *Options, classes int, train, test nn.Set[T],
	stderr io.Writer) (*nn.Network[T], []nn.Epoch, error) {
	net, err := Network[T](o, len(train.X)/len(train.Labels), classes)
	if err != nil {
		return nil, nil, err
	}
	training := nn.Training[T]{Epochs: o.Epochs, Batch: o.Batch, Optimizer: Optimizer[T](o),
		Random: rand.NewPCG(o.Seed, 2)}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		bar := progressbar.NewOptions(training.Steps(len(train.Labels)),
			progressbar.OptionSetWriter(f), progressbar.OptionSetDescription("training"),
			progressbar.OptionShowCount(),
			progressbar.OptionFullWidth(), progressbar.OptionThrottle(50*time.Millisecond),
			progressbar.OptionClearOnFinish())
		defer bar.Close()
		training.Step = func() { _ = bar.Add(1) } // training goes on if the bar cannot be drawn
	}
	epochs, err := net.Train(train, test, training)
	return net, epochs, err
}

// String describes the run: all that its bits depend on, besides the samples and the epochs.
func (o *Options) String() string {
	return fmt.Sprintf("%s, %d hidden units (%s), %s at rate %g, batches of %d, seed %d",
		o.Type, o.Units, o.Hidden, o.Optimizer, o.Rate, o.Batch, o.Seed)
}

// Report prints the losses with their bits, all of them or about twenty, and the digest of the run.
func Report[T kernels.Float](o *Options, net *nn.Network[T], epochs []nn.Epoch, stdout io.Writer) {
	fmt.Fprintf(stdout, "%v; kernels: %s\n", o, kernels.ISA())
	every := max(1, len(epochs)/20)
	for i, e := range epochs {
		if (i+1)%every == 0 || i == len(epochs)-1 {
			PrintEpoch(stdout, i+1, len(epochs), e)
		}
	}
	fmt.Fprintf(stdout, "digest of all losses and of the weights: %016x\n",
		nn.Digest(epochs, net.Params()))
}

// PrintEpoch prints the losses of an epoch, which has a number from 1 to last, and their bits.
func PrintEpoch(stdout io.Writer, epoch, last int, e nn.Epoch) {
	fmt.Fprintf(stdout, "epoch %*d  loss %.6f  bits %016x", len(fmt.Sprint(last)), epoch, e.Loss,
		math.Float64bits(e.Loss))
	if e.TestLoss != 0 {
		fmt.Fprintf(stdout, "  test loss %.6f  accuracy %.2f%%", e.TestLoss, 100*e.Accuracy)
	}
	fmt.Fprintln(stdout)
}

// Chart makes the folder for the charts, draws the named chart there and prints its path. Without a
// folder it does nothing.
func (o *Options) Chart(name string, stdout io.Writer, drawTo func(path string) error) error {
	if o.Out == "" {
		return nil
	}
	if err := os.MkdirAll(o.Out, 0o777); err != nil {
		return err
	}
	path := filepath.Join(o.Out, name)
	if err := drawTo(path); err != nil {
		return err
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	fmt.Fprintln(stdout, "chart:", path)
	return nil
}

// LossChart draws the losses by epoch, and those of the test set if there is one.
func (o *Options) LossChart(name, title string, epochs []nn.Epoch, stdout io.Writer) error {
	train, test := chart.Curve{Name: "training"}, chart.Curve{Name: "test"}
	for _, e := range epochs {
		train.Values = append(train.Values, e.Loss)
		test.Values = append(test.Values, e.TestLoss)
	}
	curves := []chart.Curve{train}
	if epochs[len(epochs)-1].TestLoss != 0 {
		curves = append(curves, test)
	}
	title = fmt.Sprintf("%s: %s, %s, %s", title, o.Hidden, o.Type, o.Optimizer)
	return o.Chart(name, stdout, func(path string) error {
		return chart.Loss(path, title, curves...)
	})
}
