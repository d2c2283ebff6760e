// Command mnist trains the book's two-layer network on digits: on the first 8,000 images of MNIST's
// test set, testing it on the last 2,000 (or as -images says).
//
//	go -C examples run ./mnist -data DIR
//
// DIR holds t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz. It is absolute, or relative to
// examples/ or to the repository's root. Without -data, the program draws as many digits itself.
// The losses are printed with their bits: they are the same in every run, on every CPU. A chart of
// them is written to -out.
package main

import (
	"flag"
	"fmt"
	"io"

	"kernels"
	"kernels/examples/internal/cli"
	"kernels/examples/internal/digits"
	"kernels/examples/internal/idx"
)

func main() { cli.Main("mnist", run) }

func run(args []string, stdout, stderr io.Writer) error {
	var o cli.Options
	set := flag.NewFlagSet("mnist", flag.ContinueOnError)
	set.SetOutput(stderr)
	dir := set.String("data", "", digits.Usage)
	images := set.Int("images", 8000, digits.ImagesUsage)
	o.Flags(set, 20, 50, 0.002, 0.5)
	if err := o.Parse(set, args); err != nil {
		return err
	}
	if *images < 4 {
		return fmt.Errorf("-images %d: it is at least 4", *images)
	}
	data, err := digits.Read(*dir, *images+*images/4)
	if err != nil {
		return fmt.Errorf("-data: %w", err)
	}
	if o.Type == "float64" {
		return train[float64](&o, data, *images, *images/4, stdout, stderr)
	}
	return train[float32](&o, data, *images, *images/4, stdout, stderr)
}

func train[T kernels.Float](o *cli.Options, data idx.MNIST, first, last int, stdout,
	stderr io.Writer) error {
	count := len(data.Labels)
	if count < first+last {
		return fmt.Errorf("%d images: at least %d are needed, %d to train on and %d to test", count,
			first+last, first, last)
	}
	net, epochs, err := cli.Train(o, digits.Classes, digits.Samples[T](data, 0, first),
		digits.Samples[T](data, count-last, count), stderr)
	if err != nil {
		return err
	}
	cli.Report(o, net, epochs, stdout)
	return o.LossChart(fmt.Sprintf("mnist-%s-%s-loss.png", o.Hidden, o.Type), "MNIST",
		epochs, stdout)
}
