package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Result has the results of one run, as written to results.json.
type Result struct {
	Date    string `json:"date"`
	Command string `json:"command"`
	// of our kernels; the peers use the same, if they have a choice
	ISA          string             `json:"isa"`
	CPU          string             `json:"cpu"`
	Caches       string             `json:"caches"`
	System       string             `json:"system"`
	Go           string             `json:"go"`
	Quick        bool               `json:"quick"`
	Peers        []*peer            `json:"peers"`
	Allocs       map[string]float64 `json:"allocations_per_call"`
	Accuracy     []*Accuracy        `json:"accuracy"`
	Measurements []*Measurement     `json:"measurements"`
	Targets      []Verdict          `json:"targets"`
}

// write writes results.json, the tables and the charts into a folder.
func (r *Result) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "results.json"), append(b, '\n'), 0o644); err != nil {
		return err
	}
	charts, err := r.charts(dir)
	if err != nil {
		return err
	}
	var s strings.Builder
	r.markdown(&s, charts)
	return os.WriteFile(filepath.Join(dir, "README.md"), []byte(s.String()), 0o644)
}

// readResult reads a results.json.
func readResult(path string) (*Result, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Result{}
	return r, json.Unmarshal(b, r)
}

// markdown writes the result as a page.
func (r *Result) markdown(w io.Writer, charts []string) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format, args...) }
	p("# Measured, %s\n\n", r.ISA)
	p("Written by bench/compare; nothing here is typed.\n\n")
	p("| | |\n|---|---|\n")
	p("| CPU | %s |\n| caches | %s |\n| system | %s |\n", r.CPU, r.Caches, r.System)
	p("| Go | %s |\n| date | %s |\n| command | `%s` |\n\n", r.Go, r.Date, r.Command)
	if r.Quick {
		p("This was a quick run of few rounds and sizes. It shows that things work, not how fast.\n\n")
	}
	fmt.Fprint(w, `One core, one thread; the peers run in turns in one process (PyTorch in a second one on the same
core). Times are medians of the rounds, ratios are medians of the rounds' ratios. c/e is cycles per
element: time times the clock, which a chain of dependent additions measures between the rounds.
Logits have deviation 3; signs and labels are random. Row kernels work on about 16k elements at a
time (one row if a row is longer).

`)
	p("| peer | version | |\n|---|---|---|\n")
	for _, x := range r.Peers {
		p("| %s | %s | %s |\n", x.Name, x.Version, x.Note)
	}
	p("\n")
	r.targetTable(w)
	r.accuracyTables(w)
	r.timeTables(w)
	r.otherTable(w)
	if len(charts) > 0 {
		p("## Charts\n\n")
		for _, c := range charts {
			p("![%s](%s)\n", strings.TrimSuffix(c, filepath.Ext(c)), c)
		}
	}
}

// targetTable writes the table of targets with the measured values.
func (r *Result) targetTable(w io.Writer) {
	if len(r.Targets) == 0 {
		return
	}
	fmt.Fprint(w, `## Targets

The ratios are our time over the time of the best peer, copy, XNNPACK and PyTorch in this run: below
1 we are faster. ULP is the largest error over usual inputs (see below). A miss names the limit that
was not kept, or a library that is ahead.

| kernel | target | ours, c/e (ns) | ULP | best peer, c/e | its ULP `,
		`| ours/best | /copy | /xnnpack | /torch | |
|---|---|---|---|---|---|---|---|---|---|---|
`)
	// the errors of some kernels are not measured
	ulp := func(v Verdict, name string, err float64) string {
		if slices.ContainsFunc(r.Accuracy, func(a *Accuracy) bool {
			return a.Kernel == v.Kernel && a.Type == v.Type && a.Name == name
		}) {
			return ulps(err)
		}
		return "-"
	}
	for _, v := range r.Targets {
		verdict := "met"
		if len(v.Misses) > 0 {
			verdict = "missed: " + strings.Join(v.Misses, "; ")
		} else if len(v.Faster) > 0 {
			verdict = "met; faster: " + strings.Join(v.Faster, ", ")
		}
		best := v.Best
		if best != "" {
			best += " " + sig(v.BestCE)
		}
		fmt.Fprintf(w, "| %s %s %s | %s | %s (%s) | %s | %s | %s | %s | %s | %s | %s | %s |\n",
			v.Kernel, typeShort(v.Type), v.Where,
			v.Target, sig(v.Cycles), sig(v.NS), ulp(v, "kernels", v.ULP), best,
			ulp(v, v.Best, v.BestULP), ratio(v.ToBest), ratio(v.ToCopy), ratio(v.ToXNNPACK),
			ratio(v.ToTorch), verdict)
	}
	fmt.Fprintln(w)
}

func (r *Result) accuracyTables(w io.Writer) {
	if len(r.Accuracy) == 0 {
		return
	}
	fmt.Fprint(w, `## Accuracy

The largest errors in ULP, over usual inputs and over all finite ones. Usual are inputs of
functions of elements within 80 (float64: 700), and probabilities that are normal numbers. The
second column shows a library that flushes subnormal numbers to zero (an error of millions of ULP),
or gives up on large inputs. Elementwise float32 kernels take every 1021st value; Exp and those
after it, and quick runs, every 65537th. Rows have 2 to 32000 classes and logits of deviation 3,
within 1, within 80, or constant. sum is the largest |sum(p) - 1|, in units of 2^-23 (float32) or
2^-52. loss and label are the largest relative errors of the loss and of the label's gradient, on
rows whose label leads by 0 to 50: 1 means a result rounded to 0.

| kernel | | ULP | all inputs | sum | loss | label | results |
|---|---|---|---|---|---|---|---|
`)
	for _, a := range r.Accuracy {
		opt := func(v float64) string {
			switch {
			case v == 0:
				return ""
			case v >= wrong:
				return "wrong"
			}
			return fmt.Sprintf("%.2g", v)
		}
		fmt.Fprintf(w, "| %s %s | %s | %s | %s | %s | %s | %s | %d |\n", a.Kernel,
			typeShort(a.Type), a.Name, ulps(a.ULP), ulps(a.ULPAll),
			opt(a.Sum), opt(a.Loss), opt(a.Label), a.Samples)
	}
	fmt.Fprintln(w)
}

// timeTables writes a table for each kernel and type: cycles per element, and nanoseconds for small
// calls.
func (r *Result) timeTables(w io.Writer) {
	type group struct{ kernel, typ string }
	groups := map[group][]*Measurement{}
	var order []group
	for _, m := range r.Measurements {
		if !hasPeers(m.Kernel) {
			continue
		}
		g := group{m.Kernel, m.Type}
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], m)
	}
	for _, g := range order {
		ms := groups[g]
		slices.SortStableFunc(ms, func(a, b *Measurement) int { return a.Classes - b.Classes })
		var names []string
		for _, m := range ms {
			for _, t := range m.Timings {
				if !slices.Contains(names, t.Name) {
					names = append(names, t.Name)
				}
			}
		}
		size := "n"
		if inRows(g.kernel) {
			size = "rows x classes"
		}
		table := func(title string, keep func(*Measurement) bool,
			value func(*Measurement, *Timing) string) {
			if !slices.ContainsFunc(ms, keep) {
				return
			}
			fmt.Fprintf(w, "### %s %s, %s\n\n| %s | GHz | %s |\n|%s\n", g.kernel, typeShort(g.typ),
				title, size,
				strings.Join(names, " | "), strings.Repeat("---|", len(names)+2))
			for _, m := range ms {
				if !keep(m) {
					continue
				}
				fmt.Fprintf(w, "| %s | %.2f |", m.shape(), m.GHz)
				for _, name := range names {
					s := ""
					if t := m.get(name); t != nil {
						s = value(m, t)
					}
					fmt.Fprintf(w, " %s |", s)
				}
				fmt.Fprintln(w)
			}
			fmt.Fprintln(w)
		}
		small := func(m *Measurement) bool { return m.N() <= 64 }
		table("ns a call", small, func(_ *Measurement, t *Timing) string { return sig(t.NS) })
		table("c/e (time over ours)", func(m *Measurement) bool {
			return !small(m)
		}, func(m *Measurement, t *Timing) string {
			if t.Name == "kernels" {
				return sig(m.cycles(t))
			}
			return fmt.Sprintf("%s (%s)", sig(m.cycles(t)), ratio(t.Ratio))
		})
	}
}

// otherTable writes a table of the kernels that other libraries do not have.
func (r *Result) otherTable(w io.Writer) {
	var ms []*Measurement
	for _, m := range r.Measurements {
		if !hasPeers(m.Kernel) {
			ms = append(ms, m)
		}
	}
	if len(ms) == 0 {
		return
	}
	list := names(ms, func(n string) bool { return n == "kernels" })
	fmt.Fprintf(w, `### Other kernels

Every other kernel beside its naive loop, if it has one, a copy of as many bytes, and the libraries
that have it: their times over ours. The naive loop of a kernel with options is the one of the
kernel without. The inner dimension of a matrix product is the number of columns.

| kernel | | ours, ns | c/e | %s |
|%s
`, strings.Join(list, " | "), strings.Repeat("---|", len(list)+4))
	for _, m := range ms {
		our := m.get("kernels")
		fmt.Fprintf(w, "| %s %s | %s | %s | %s |", m.Kernel, typeShort(m.Type), m.shape(),
			sig(our.NS), sig(m.cycles(our)))
		for _, name := range list {
			s := ""
			if t := m.get(name); t != nil {
				s = ratio(t.Ratio)
			}
			fmt.Fprintf(w, " %s |", s)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

func typeShort(t string) string { return strings.Replace(t, "float", "f", 1) }

// sig writes three digits.
func sig(v float64) string {
	switch {
	case v == 0:
		return ""
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.*f", max(0, 2-int(math.Floor(math.Log10(math.Abs(v))))), v)
}

func ratio(v float64) string {
	if v == 0 {
		return ""
	}
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// ulps writes an error, or "wrong" for a result that is not even near.
func ulps(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= wrong:
		return "wrong"
	case v >= 1e4:
		return fmt.Sprintf("%.1g", v)
	}
	return fmt.Sprintf("%.2f", v)
}
