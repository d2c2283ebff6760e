package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"kernels"
	"kernels/bench/compare/internal/yard"
	"kernels/internal/isa"
	"kernels/internal/ktest"
)

// A Sweep has the cycles per element of row kernels for many numbers of classes. It shows cliffs: a
// number of classes at which a row suddenly costs more.
type Sweep struct {
	Date    string  `json:"date"`
	Command string  `json:"command"`
	CPU     string  `json:"cpu"`
	Go      string  `json:"go"`
	Rounds  int     `json:"rounds"`
	Quick   bool    `json:"quick"`
	Lines   []*Line `json:"lines"`
}

// A Line is one kernel, type and instruction set.
type Line struct {
	Kernel  string    `json:"kernel"`
	Type    string    `json:"type"`
	ISA     string    `json:"isa"`
	Classes []int     `json:"classes"`
	Cycles  []float64 `json:"cycles_per_element"` // the median over the rounds
}

// A Step is the ratio of the cycles per element of C+1 classes to those of C.
type Step struct {
	C     int
	Ratio float64
}

// sweptClasses lists 2 to 300, and the numbers around each power of two up to 4096.
func sweptClasses() (list []int) {
	for c := 2; c <= 300; c++ {
		list = append(list, c)
	}
	for p := 512; p <= 4096; p *= 2 {
		for d := -2; d <= 3; d++ {
			list = append(list, p+d)
		}
	}
	return list
}

// steps returns the steps between neighbours, the largest first.
func (l *Line) steps() (list []Step) {
	for i := 1; i < len(l.Classes); i++ {
		if l.Classes[i] == l.Classes[i-1]+1 {
			list = append(list, Step{l.Classes[i-1], l.Cycles[i] / l.Cycles[i-1]})
		}
	}
	slices.SortStableFunc(list, func(a, b Step) int { return cmp.Compare(b.Ratio, a.Ratio) })
	return list
}

// A sweeper measures lines: in each round it visits all numbers of classes, in an order that
// changes from round to round, for a turn each.
type sweeper struct {
	isas    []string
	classes []int
	turn    time.Duration
	rounds  int
	log     func(format string, args ...any)
}

// sweep measures the row kernels, on the thread and the core it is called on.
func (s *sweeper) sweep() (lines []*Line) {
	for _, k := range rowKernels {
		lines = append(lines, sweepAs[float32](s, k)...)
		lines = append(lines, sweepAs[float64](s, k)...)
	}
	return lines
}

func sweepAs[T kernels.Float](s *sweeper, kernel string) (lines []*Line) {
	var a arena
	defer a.free()
	var most, rows int
	for _, c := range s.classes {
		most, rows = max(most, rowsFor(c)*c), max(rows, rowsFor(c))
	}
	x, dst, losses := slice[T](&a, most), slice[T](&a, most), slice[T](&a, rows)
	r := ktest.NewRand(7)
	fill(x, 1, func(r *ktest.Rand) T { return 3 * ktest.Gauss[T](r) })
	labels := map[int][]int{}
	for _, c := range s.classes {
		for range rowsFor(c) {
			labels[c] = append(labels[c], r.Intn(c))
		}
	}
	visit := func(c, reps int) time.Duration {
		n := rowsFor(c) * c
		yard.Clean()
		start := time.Now()
		for range reps {
			if kernel == "Softmax" {
				kernels.Softmax(dst[:n], x[:n], c)
			} else {
				must(kernels.CrossEntropyGrad(dst[:n], losses[:rowsFor(c)], x[:n], labels[c], c, 1))
			}
		}
		return time.Since(start)
	}
	times := make([][][]float64, len(s.isas)) // by instruction set and number of classes
	for i := range times {
		times[i] = make([][]float64, len(s.classes))
	}
	order := make([]int, len(s.classes))
	for i := range order {
		order[i] = i
	}
	for range s.rounds {
		for i := len(order) - 1; i > 0; i-- {
			j := r.Intn(i + 1)
			order[i], order[j] = order[j], order[i]
		}
		for i, name := range s.isas {
			ktest.With(name, func() {
				clock := 0.0
				for k, at := range order {
					if k%16 == 0 {
						clock = ghz()
					}
					c := s.classes[at]
					one := visit(c, 1) // warms the caches
					reps := max(1, int(s.turn/max(one, 1)))
					ns := float64(visit(c, reps).Nanoseconds()) / float64(reps)
					times[i][at] = append(times[i][at], ns*clock/float64(rowsFor(c)*c))
				}
			})
		}
	}
	for i, name := range s.isas {
		l := &Line{Kernel: kernel, Type: ktest.TypeName[T](), ISA: name, Classes: s.classes}
		for at := range s.classes {
			l.Cycles = append(l.Cycles, median(times[i][at]))
		}
		lines = append(lines, l)
		s.log("%s", l)
	}
	return lines
}

// String names the line and its largest step.
func (l *Line) String() string {
	top := l.steps()[0]
	return fmt.Sprintf("%s %s %s: the largest step is %.2f, from %d to %d classes", l.Kernel,
		typeShort(l.Type), l.ISA, top.Ratio, top.C, top.C+1)
}

// write writes classes.json, the page and the charts into a folder.
func (s *Sweep) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "classes.json"), append(b, '\n'), 0o644); err != nil {
		return err
	}
	var page strings.Builder
	s.markdown(&page)
	for i, l := range s.Lines {
		if i > 0 && l.Kernel == s.Lines[i-1].Kernel && l.Type == s.Lines[i-1].Type {
			continue // another instruction set of the same chart
		}
		name := fmt.Sprintf("%s-%s", strings.ToLower(l.Kernel), l.Type)
		p, err := s.chart(l.Kernel, l.Type)
		if err != nil {
			return err
		}
		if err := save(p, filepath.Join(dir, name+".svg")); err != nil {
			return err
		}
		fmt.Fprintf(&page, "![%s](%[1]s.svg)\n", name)
	}
	return os.WriteFile(filepath.Join(dir, "README.md"), []byte(page.String()), 0o644)
}

// markdown writes the page up to the charts.
func (s *Sweep) markdown(w io.Writer) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format, args...) }
	p("# Cycles per element as a function of the number of classes\n\n")
	p("Written by bench/compare; nothing here is typed.\n\n")
	p("| | |\n|---|---|\n| CPU | %s |\n| Go | %s |\n| date | %s |\n| command | `%s` |\n\n", s.CPU,
		s.Go, s.Date, s.Command)
	if s.Quick {
		p("This was a quick run of few rounds. It shows that things work, not how fast.\n\n")
	}
	p(`One core, one thread, about 16k elements at a time. A value is the median of %d rounds, each of
which visits all numbers of classes in another order: 2 to 300, and those around each power of two
up to 4096. A step is the cycles per element of C+1 classes over those of C.

| kernel | instruction set | the largest steps, from C |
|---|---|---|
`, s.Rounds)
	for _, l := range s.Lines {
		var top []string
		for _, t := range l.steps()[:3] {
			top = append(top, fmt.Sprintf("%.2f from %d", t.Ratio, t.C))
		}
		p("| %s %s | %s | %s |\n", l.Kernel, typeShort(l.Type), l.ISA, strings.Join(top, ", "))
	}
	p("\n| kernel | instruction set |")
	shown := []int{2, 10, 16, 17, 32, 33, 64, 65, 100, 128, 200, 300, 1024, 4096}
	for _, c := range shown {
		p(" %d |", c)
	}
	p("\n|%s\n", strings.Repeat("---|", len(shown)+2))
	for _, l := range s.Lines {
		p("| %s %s | %s |", l.Kernel, typeShort(l.Type), l.ISA)
		for _, c := range shown {
			if i := slices.Index(l.Classes, c); i >= 0 {
				p(" %s |", sig(l.Cycles[i]))
			} else {
				p(" |")
			}
		}
		p("\n")
	}
	p("\n")
}

// isaColours has a colour for each instruction set.
var isaColours = map[string]color.RGBA{isa.NameAVX512: {0xd6, 0x27, 0x28, 255},
	isa.NameAVX2: {0x1f, 0x77, 0xb4, 255}, isa.NameNEON: {0x2c, 0xa0, 0x2c, 255}}

// chart draws the lines of a kernel and type. Numbers of classes that do not follow each other are
// not joined.
func (s *Sweep) chart(kernel, typ string) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s %s, one core: cycles per element (less is better)", kernel, typ)
	p.Title.Padding = vg.Points(6)
	p.Add(grid())
	p.X.Label.Text, p.X.Scale, p.X.Tick.Marker = "classes", plot.LogScale{}, twos{}
	high := 0.0
	for _, l := range s.Lines {
		if l.Kernel != kernel || l.Type != typ {
			continue
		}
		for from, to := 0, 0; from < len(l.Classes); from = to {
			var pts plotter.XYs
			for to = from; to < len(l.Classes) &&
				l.Classes[to]-l.Classes[from] == to-from; to++ {
				pts = append(pts, plotter.XY{X: float64(l.Classes[to]), Y: l.Cycles[to]})
				high = max(high, l.Cycles[to])
			}
			line, err := plotter.NewLine(pts)
			if err != nil {
				return nil, err
			}
			line.Color, line.Width = isaColours[l.ISA], vg.Points(1.4)
			p.Add(line)
			if from == 0 {
				p.Legend.Add(l.ISA, line)
			}
		}
	}
	p.Y.Min, p.Y.Max = 0, 1.05*high
	return p, nil
}

// twos marks an axis at powers of two.
type twos struct{}

func (twos) Ticks(lo, hi float64) (t []plot.Tick) {
	for v := 1; float64(v) <= hi; v *= 2 {
		if float64(v) >= lo {
			t = append(t, plot.Tick{Value: float64(v), Label: fmt.Sprint(v)})
		}
	}
	return t
}

// sweepClasses measures c/e as a function of the number of classes and writes it into a folder, or
// to the standard output if the folder has no name.
func sweepClasses(dir, command string, quick bool) error {
	isas := slices.DeleteFunc(isa.Available(), func(n string) bool { return n == isa.NameGeneric })
	if len(isas) == 0 {
		return fmt.Errorf("-classes: this CPU has no instruction set that there are kernels for")
	}
	s := &sweeper{isas: isas, classes: sweptClasses(), turn: 150 * time.Microsecond, rounds: 51,
		log: func(format string, args ...any) { fmt.Printf(format+"\n", args...) }}
	if quick {
		s.turn, s.rounds = 30*time.Microsecond, 5
	}
	r := &Sweep{Date: time.Now().UTC().Format("2006-01-02"), Command: command, CPU: cpuName(),
		Go: runtime.Version(), Rounds: s.rounds, Quick: quick, Lines: s.sweep()}
	if dir == "" {
		r.markdown(os.Stdout)
		return nil
	}
	return r.write(dir)
}
