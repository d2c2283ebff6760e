package main

import (
	"regexp"
	"time"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktable"
	"kernels/internal/timing"
)

// A Group is what one chart shows: kernels on arguments of one shape.
type Group struct {
	Title   string
	Results []Result

	shape         shape
	rows, classes int
}

// A shape is what the arguments of a kernel are.
type shape uint8

const (
	elements shape = iota
	rows           // of classes
	matrices
)

func shapeOf[T kernels.Float](f *ktable.Func[T]) shape {
	switch {
	case f.Sizes():
		return matrices
	case f.TakesClasses():
		return rows
	}
	return elements
}

// groups returns the groups of a report, without results.
func groups(large bool) []Group {
	gs := []Group{
		{Title: "4,096 elements", shape: elements, rows: 4096, classes: 1},
		{Title: "400 rows of 10 classes", shape: rows, rows: 400, classes: 10},
		{Title: "40 rows of 100 classes", shape: rows, rows: 40, classes: 100},
		{Title: "4 rows of 1,000 classes", shape: rows, rows: 4, classes: 1000},
		{Title: "Matrices of 100 × 100", shape: matrices, rows: 100, classes: 100},
	}
	if large {
		gs = append(gs,
			Group{Title: "16 million elements", shape: elements, rows: 16_000_000, classes: 1},
			Group{Title: "16,000 rows of 1,000 classes", shape: rows, rows: 16_000, classes: 1000})
	}
	return gs
}

// A Result is what one kernel took.
type Result struct {
	Kernel   string
	Type     string
	Elements int
	Naive    float64 // nanoseconds of the naive loop, 0 if none does the same
	Copy     float64 // of a copy that moves as many bytes, 0 for products of matrices
	Times    []Time  // best instruction set first, pure Go last
}

// A Time is the time of a kernel with an instruction set.
type Time struct {
	ISA string
	NS  float64
}

// Per returns ns per element.
func (r Result) Per(ns float64) float64 { return ns / float64(r.Elements) }

// Element returns the nanoseconds per element with the best instruction set.
func (r Result) Element() float64 { return r.Per(r.Times[0].NS) }

// Gain returns how many times faster than the naive loop ns is.
func (r Result) Gain(ns float64) float64 { return r.Naive / ns }

// OfCopy returns the speed with the best instruction set, of that of a copy of as many bytes.
func (r Result) OfCopy() float64 { return r.Copy / r.Times[0].NS }

// A job measures one kernel.
type job struct {
	name  string // for the progress
	group int
	run   func(budget time.Duration) Result
}

// jobs lists what a report measures: the kernels whose names match, for both types. Without all,
// functions with options are left out, because the naive loops have no options.
func jobs(gs []Group, match *regexp.Regexp, all bool) (js []job) {
	const parameters = ktable.Scale | ktable.Stepping | ktable.Matrices
	fs64 := ktable.Funcs[float64]()
	for g := range gs {
		for i, f := range ktable.Funcs[float32]() {
			if len(f.Args) == 0 || shapeOf(&f) != gs[g].shape || !match.MatchString(f.Name) {
				continue
			}
			plain := f.Naive != nil && f.Opts&^parameters == 0 && f.Index("PosWeight") < 0
			if plain || all {
				js = append(js, newJob(g, gs[g], &f, "float32", plain),
					newJob(g, gs[g], &fs64[i], "float64", plain))
			}
		}
	}
	return js
}

func newJob[T kernels.Float](group int, g Group, f *ktable.Func[T], typ string,
	plain bool) job {
	return job{name: f.Name + " " + typ, group: group, run: func(budget time.Duration) Result {
		c := timing.Call(f, g.rows, g.classes)
		var ways []timing.Way
		for _, name := range isa.Available() {
			ways = append(ways, timing.Way{ISA: name, Run: func() { timing.Must(c.Run()) }})
		}
		last := len(ways)
		ways = append(ways, timing.Way{Run: timing.Copy(timing.Moved(c))})
		if plain {
			ways = append(ways, timing.Way{Run: func() { timing.Must(c.Naive(c)) }})
		}
		ns := timing.Compare(budget, ways...)
		r := Result{Kernel: f.Name, Type: typ, Elements: c.Rows * c.Classes}
		for i, w := range ways[:last] {
			r.Times = append(r.Times, Time{w.ISA, ns[i]})
		}
		if !f.Sizes() { // a product reads its arguments more than once
			r.Copy = ns[last]
		}
		if plain {
			r.Naive = ns[last+1]
		}
		return r
	}}
}
