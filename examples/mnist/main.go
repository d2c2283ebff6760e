// Command mnist trains the book's two-layer network on real digits: on the first 8,000 images of
// MNIST's test set, testing it on the last 2,000.
//
//	go -C examples run ./mnist -data DIR
//
// DIR holds t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz. It is absolute, or relative to
// examples/ or to the repository's root. The losses are printed with their bits: they are the same
// in every run, on every CPU. A chart of them is written to -out.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"kernels"
	"kernels/examples/internal/cli"
	"kernels/examples/internal/idx"
	"kernels/examples/internal/nn"
)

const classes = 10

func main() { cli.Main("mnist", run) }

func run(args []string, stdout, stderr io.Writer) error {
	var o cli.Options
	set := flag.NewFlagSet("mnist", flag.ContinueOnError)
	set.SetOutput(stderr)
	dir := set.String("data", "", "`folder` with "+idx.ImagesFile+" and "+idx.LabelsFile)
	o.Flags(set, 20, 50, 0.002, 0.5)
	if err := o.Parse(set, args); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("-data DIR is missing: the folder with " + idx.ImagesFile + " and " +
			idx.LabelsFile)
	}
	data, err := idx.ReadMNIST(folder(*dir))
	if err != nil {
		return fmt.Errorf("-data: %w", err)
	}
	if o.Type == "float64" {
		return train[float64](&o, data, 8000, 2000, stdout, stderr)
	}
	return train[float32](&o, data, 8000, 2000, stdout, stderr)
}

// folder returns dir, or dir relative to the repository's root: go -C examples runs the program one
// level below the root.
func folder(dir string) string {
	if up := filepath.Join("..", dir); !filepath.IsAbs(dir) && !exists(dir) && exists(up) {
		return up
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func train[T kernels.Float](o *cli.Options, data idx.MNIST, first, last int, stdout,
	stderr io.Writer) error {
	count := len(data.Labels)
	if count < first+last {
		return fmt.Errorf("%d images: at least %d are needed, %d to train on and %d to test", count,
			first+last, first, last)
	}
	net, epochs, err := cli.Train(o, classes, samples[T](data, 0, first),
		samples[T](data, count-last, count), stderr)
	if err != nil {
		return err
	}
	cli.Report(o, net, epochs, stdout)
	return o.LossChart(fmt.Sprintf("mnist-%s-%s-loss.png", o.Hidden, o.Type), "MNIST",
		epochs, stdout)
}

// samples returns the images [lo, hi), their pixels from 0 to 1.
func samples[T kernels.Float](data idx.MNIST, lo, hi int) nn.Set[T] {
	size := data.Images.Rows * data.Images.Cols
	s := nn.Set[T]{X: make([]T, (hi-lo)*size), Labels: make([]int, hi-lo)}
	for i, v := range data.Images.Pixels[lo*size : hi*size] {
		s.X[i] = T(v) / 255
	}
	for i, label := range data.Labels[lo:hi] {
		s.Labels[i] = int(label)
	}
	return s
}
