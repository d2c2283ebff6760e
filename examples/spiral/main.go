// Command spiral trains the book's two-layer network on the book's three-armed spiral, which it
// generates.
//
//	go -C examples run ./spiral
//
// The losses are printed with their bits: they are the same on every run. Charts of the losses and
// of the decision regions are written to -out.
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"

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

func train[T nn.Float](o *cli.Options, stdout, stderr io.Writer) error {
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

// spiral returns the points x0, y0, x1, y1, ... of the three arms, and the arm of each.
func spiral(seed uint64) (xy []float64, labels []int) {
	rnd := rand.New(rand.NewPCG(seed, 3))
	for arm := range arms {
		for i := range points {
			radius := float64(i) / points
			theta := 4*float64(arm) + float64(4*radius) + float64(0.2*normal(rnd))
			xy = append(xy, round(radius*math.Sin(theta)), round(radius*math.Cos(theta)))
			labels = append(labels, arm)
		}
	}
	return xy, labels
}

// normal returns a number that is nearly normally distributed: the sum of twelve uniform ones.
// Unlike rnd.NormFloat64, which calls math.Exp, it is the same on every architecture.
func normal(rnd *rand.Rand) float64 {
	sum := -6.0
	for range 12 {
		sum += rnd.Float64()
	}
	return sum
}

// round rounds to a multiple of 2^-20: sines differ in their last bit from one architecture to
// another, and the points of the spiral must not.
func round(v float64) float64 {
	return math.Round(v*0x1p20) * 0x1p-20
}

func convert[T nn.Float](s []float64) []T {
	c := make([]T, len(s))
	for i, v := range s {
		c[i] = T(v)
	}
	return c
}
