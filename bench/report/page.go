package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
)

//go:embed page.html
var page string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"short": short, "percent": func(x float64) string { return fmt.Sprintf("%.0f%%", 100*x) },
}).Parse(page))

// write writes the page.
func (r *Report) write(w io.Writer) error { return pageTemplate.Execute(w, r) }

// A Chart shows the results of a group for one type: how many times faster than the naive loop
// each instruction set is, on a logarithmic axis.
type Chart struct {
	Type    string
	Results []Result
	highest float64 // the right end of the axis
}

// lowest is the left end of the axis. The naive loop is at 1.
const lowest = 0.5

// Charts returns the charts of the group.
func (g Group) Charts() []Chart {
	cs := []Chart{{Type: "float32", highest: 10}, {Type: "float64", highest: 10}}
	for i := range cs {
		c := &cs[i]
		for _, r := range g.Results {
			if r.Type != c.Type {
				continue
			}
			c.Results = append(c.Results, r)
			for _, t := range r.Times {
				c.highest = max(c.highest, r.Gain(t.NS))
			}
		}
		c.highest *= 1.1
	}
	return cs
}

// X returns the place of a gain on the axis, in percent.
func (c Chart) X(gain float64) float64 {
	x := 100 * math.Log(gain/lowest) / math.Log(c.highest/lowest)
	return math.Round(10*min(max(x, 0), 100)) / 10
}

// Limit returns the place of the copy on the axis, or -1 if it is not on it.
func (c Chart) Limit(r Result) float64 {
	if r.Copy == 0 || r.Naive == 0 || r.Gain(r.Copy) > c.highest {
		return -1
	}
	return c.X(r.Gain(r.Copy))
}

// Ticks returns the marked places of the axis.
func (c Chart) Ticks() (all []Tick) {
	for v := 1.0; v < c.highest; v *= 10 {
		t := Tick{Label: fmt.Sprintf("%.0f×", v), X: c.X(v), Anchor: "middle"}
		if t.X > 90 {
			t.Anchor = "end"
		}
		all = append(all, t)
	}
	return all
}

// A Tick is a marked place of an axis.
type Tick struct {
	Label  string
	X      float64
	Anchor string // of the label
}

// Y returns the top of a bar in pixels.
func (c Chart) Y(i int) int { return 2 + 8*i }

// Height returns the height of the bars of a result in pixels.
func (c Chart) Height(r Result) int { return 2 + 8*len(r.Times) }

// ISAs lists the instruction sets that were measured, best first.
func (r *Report) ISAs() (all []string) {
	for _, t := range r.Groups[0].first().Times {
		all = append(all, t.ISA)
	}
	return all
}

func (g Group) first() Result {
	if len(g.Results) == 0 {
		return Result{}
	}
	return g.Results[0]
}
