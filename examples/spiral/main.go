// Command spiral trains the book's two-layer network on the book's three-armed spiral, which it
// generates.
//
//	go -C examples run ./spiral
//
// The losses are printed with their bits: they are the same in every run, on every CPU. Charts of
// the losses and of the decision regions are written to -out.
package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"

	"kernels"
	"kernels/examples/internal/chart"
	"kernels/examples/internal/cli"
	"kernels/examples/internal/nn"
)

const (
	arms   = 3
	points = 100 // per arm
)

func main() { cli.Main("spiral", run) }

func run(args []string, stdout, stderr io.Writer) error {
	var o cli.Options
	set := flag.NewFlagSet("spiral", flag.ContinueOnError)
	set.SetOutput(stderr)
	o.Flags(set, 300, 30, 0.01, 1)
	if err := o.Parse(set, args); err != nil {
		return err
	}
	if o.Type == "float64" {
		return train[float64](&o, stdout, stderr)
	}
	return train[float32](&o, stdout, stderr)
}

func train[T kernels.Float](o *cli.Options, stdout, stderr io.Writer) error {
	xy, labels := spiral(o.Seed)
	samples := nn.Set[T]{X: convert[T](xy), Labels: labels}
	net, epochs, err := cli.Train(o, arms, samples, nn.Set[T]{}, stderr)
	if err != nil {
		return err
	}
	cli.Report(o, net, epochs, stdout)
	fmt.Fprintf(stdout, "accuracy: %.2f%% of the %d points\n",
		100*nn.Accuracy(net.Classify(samples.X), labels), len(labels))

	name := fmt.Sprintf("spiral-%s-%s", o.Hidden, o.Type)
	if err := o.LossChart(name+"-loss.png", "Spiral", epochs, stdout); err != nil {
		return err
	}
	return o.Chart(name+"-regions.png", stdout, func(path string) error {
		classify := func(xy []float64) []int { return net.Classify(convert[T](xy)) }
		return chart.Regions(path, fmt.Sprintf("Spiral: %s, %s, %s", o.Hidden, o.Type, o.Optimizer),
			1.1, classify, xy, labels)
	})
}

// spiral returns the points x0, y0, x1, y1, ... of the three arms, and the arm of each. The
// conversions keep compilers from fusing a product with a sum, which some do and others do not.
func spiral(seed uint64) (xy []float64, labels []int) {
	src := rand.NewPCG(seed, 3)
	for arm := range arms {
		for i := range points {
			radius := float64(i) / points
			theta := float64(4*arm) + float64(4*radius) + float64(0.2*normal(src))
			sin, cos := sincos(theta)
			xy = append(xy, radius*sin, radius*cos)
			labels = append(labels, arm)
		}
	}
	return xy, labels
}

// normal returns a number that is nearly normally distributed: the sum of twelve uniform ones.
// Unlike rand.NormFloat64, which calls math.Exp, it is the same on every architecture.
func normal(src rand.Source) float64 {
	sum := -6.0
	for range 12 {
		sum += float64(src.Uint64()>>11) * 0x1p-53 // the product is exact, and may be fused
	}
	return sum
}

// sincos returns the sine and the cosine of theta, which is at most 16 or so in size, with an error
// of about 1e-13. Those of package math differ in their last bits from one architecture to another.
// It takes a thousandth of the angle, sums the series, and doubles the angle ten times, with the
// cosine as the distance from 1, which does not cancel.
func sincos(theta float64) (sin, cos float64) {
	x := theta / 1024
	square := float64(x * x)
	sin = x * (1 - float64(square/6*(1-square/20)))
	versine := float64(square / 2 * (1 - float64(square/12*(1-square/30))))
	for range 10 {
		sin, versine = float64(2*sin*(1-versine)), float64(2*sin*sin)
	}
	return sin, 1 - versine
}

func convert[T kernels.Float](s []float64) []T {
	c := make([]T, len(s))
	for i, v := range s {
		c[i] = T(v)
	}
	return c
}
