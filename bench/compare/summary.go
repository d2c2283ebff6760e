package main

import (
	"cmp"
	"errors"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"kernels/internal/isa"
)

// summaryRows are the targets in the project's README.
var summaryRows = []string{
	"Softmax float32 C=10", "Softmax float32 C=100", "Softmax float32 C=1000",
	"Softmax float64 C=1000", "CrossEntropyGrad float32 C=10", "CrossEntropyGrad float32 C=1000",
	"Sigmoid float32 L1", "SigmoidFast float32 L1", "Sigmoid float64 L1", "Tanh float32 L1",
	"ReLU float32 DRAM", "ReLUMask float32 L1",
}

// summaryISAs are the columns of the table, and the bars of the chart.
var summaryISAs = []struct {
	isa, name string
	fill      color.RGBA
}{
	{isa.NameAVX512, "AVX-512", color.RGBA{0xf2, 0x8e, 0x8b, 255}},
	{isa.NameAVX2, "AVX2", color.RGBA{0xf6, 0xc8, 0x7a, 255}},
}

// A summary is what the project's README shows of the results: a verdict for each row and
// instruction set.
type summary struct {
	results  []*Result
	verdicts [][]Verdict // by row, then by instruction set
}

// readSummary reads the results of both instruction sets from the folder of results.
func readSummary(dir string) (*summary, error) {
	s := &summary{verdicts: make([][]Verdict, len(summaryRows))}
	for _, i := range summaryISAs {
		r, err := readResult(filepath.Join(dir, i.isa, "results.json"))
		if err != nil {
			return nil, err
		}
		s.results = append(s.results, r)
		all := judge(r)
		for n, row := range summaryRows {
			at := slices.IndexFunc(all, func(v Verdict) bool {
				return row == v.Kernel+" "+v.Type+" "+v.Where
			})
			if at < 0 {
				return nil, fmt.Errorf("the results of %s have no %s", i.name, row)
			}
			if all[at].Best == "" {
				return nil, fmt.Errorf("the results of %s have no peer of %s", i.name, row)
			}
			s.verdicts[n] = append(s.verdicts[n], all[at])
		}
	}
	return s, nil
}

// ahead counts the verdicts with a time below that of the best peer, and all of them.
func (s *summary) ahead() (n, of int) {
	for _, row := range s.verdicts {
		for _, v := range row {
			of++
			if v.ToBest < 1 {
				n++
			}
		}
	}
	return n, of
}

// count says how often ours is ahead, as the README's table of promises says it.
func (s *summary) count() string {
	n, of := s.ahead()
	return fmt.Sprintf("ahead of the best peer in %d of %d comparisons", n, of)
}

// write writes the part of the README between its marks.
func (s *summary) write(w io.Writer) {
	r := s.results[0]
	cpu, _, _ := strings.Cut(r.CPU, ", ") // "NAME (family ..., ...), N cores"
	cpu, _, _ = strings.Cut(cpu, " (")
	fmt.Fprintf(w, "![Our time over that of the best peer](bench/compare/results/summary.svg)\n\n")
	fmt.Fprintf(w, "Our time over the best peer's, one core of an %s, %s:\n%s. Where it is\n"+
		"**behind**: [what falls short](bench/compare/README.md#what-falls-short).\n\n", cpu, r.Date,
		s.count())
	fmt.Fprint(w,
		"| kernel | ULP | AVX-512 | best peer, ULP | AVX2 | best peer, ULP | / PyTorch |\n",
		"|---|---|---|---|---|---|---|\n")
	peers := map[string]bool{}
	for _, row := range s.verdicts {
		v := row[0]
		hasULP := v.Kernel != "CrossEntropyGrad"
		ours := "-"
		if hasULP {
			ours = ulps(v.ULP)
		}
		fmt.Fprintf(w, "| %s %s %s | %s |", v.Kernel, typeShort(v.Type), v.Where, ours)
		for _, v := range row {
			ratio := fmt.Sprintf("%.2f", v.ToBest)
			if v.ToBest >= 1 {
				ratio = "**" + ratio + " behind**"
			}
			best := v.Best
			if hasULP {
				best += ", " + ulps(v.BestULP)
			}
			fmt.Fprintf(w, " %s | %s |", ratio, best)
			peers[v.Best] = true
		}
		fmt.Fprintf(w, " %s |\n", cmp.Or(ratio(v.ToTorch), "-"))
	}
	peers["torch"] = true
	var versions []string
	last := ""
	for _, p := range r.Peers {
		switch {
		case !peers[p.Name]:
		case p.Version == last: // of one library
			versions[len(versions)-1] = p.Name + " and " + versions[len(versions)-1]
		default:
			versions, last = append(versions, p.Name+" "+p.Version), p.Version
		}
	}
	// two tildes, as Debian's versions have them, would strike out what is between them
	text := "Peers: " + strings.ReplaceAll(strings.Join(versions, ", "), "~", `\~`) +
		". [All results](bench/compare/results)."
	column := 0
	for _, word := range strings.Fields(text) {
		if column+1+len(word) > 100 || column == 0 {
			fmt.Fprintf(w, "\n%s", word)
			column = len(word)
			continue
		}
		fmt.Fprintf(w, " %s", word)
		column += 1 + len(word)
	}
	fmt.Fprintln(w)
}

// chart draws a pair of bars for each row, to be read at 400 pixels as well as at 1280. The names
// stand above the bars: fonts differ in width, and nothing else is there.
func (s *summary) chart(path string) error {
	const width, height = 4.6 * vg.Inch, 6.4 * vg.Inch
	p := plot.New()
	p.HideY()
	p.X.Tick.Marker = plot.ConstantTicks([]plot.Tick{{Value: 0, Label: "0"}, {Value: 0.5, Label: "0.5"},
		{Value: 1, Label: "1"}, {Value: 1.5, Label: "1.5"}, {Value: 2, Label: "2"}})
	p.X.Label.Text = "our time / best peer's: shorter is better"
	p.X.Tick.Label.Font.Size, p.X.Label.TextStyle.Font.Size = vg.Points(10), vg.Points(11)
	p.X.Max = 1.25
	b := &bars{}
	for n, row := range s.verdicts {
		v := row[0]
		y := float64(len(s.verdicts) - n)
		b.add(0, y+0.36, v.Kernel+" "+typeShort(v.Type)+" "+v.Where)
		for i, v := range row {
			b.list = append(b.list, bar{v.ToBest, y - 0.02 - 0.29*float64(i), summaryISAs[i].fill})
			p.X.Max = max(p.X.Max, v.ToBest)
		}
	}
	top := float64(len(s.verdicts)) + 1.2
	for i, x := range summaryISAs {
		at := p.X.Max * (0.45 + 0.3*float64(i))
		b.key = append(b.key, bar{at, top, x.fill})
		b.add(at+0.07, top, x.name)
	}
	one, err := plotter.NewLine(plotter.XYs{{X: 1, Y: 0.4}, {X: 1, Y: top - 0.4}})
	if err != nil {
		return err
	}
	one.Width, one.Dashes = vg.Points(1.2), []vg.Length{vg.Points(4), vg.Points(3)}
	p.Add(b, one)
	p.X.Min, p.Y.Min, p.Y.Max = 0, 0.4, top+0.3

	canvas := vgsvg.New(width, height)
	c := draw.New(canvas)
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	p.Draw(draw.Crop(c, vg.Points(8), -vg.Points(12), vg.Points(6), -vg.Points(6)))
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
}

// bars are horizontal bars from 0 with their values, and texts above them.
type bars struct {
	list, key []bar
	texts     []label
}

type bar struct {
	x, y float64
	fill color.Color
}

type label struct {
	x, y float64
	s    string
}

// add adds a text that begins at x.
func (b *bars) add(x, y float64, s string) {
	b.texts = append(b.texts, label{x, y, s})
}

func (b *bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	style := text.Style{Color: color.Black, Font: plot.DefaultFont, YAlign: draw.YCenter,
		Handler: p.TextHandler}
	style.Font.Size = vg.Points(11)
	for _, t := range b.texts {
		c.FillText(style, vg.Point{X: x(t.x), Y: y(t.y)}, t.s)
	}
	box := func(l, r, y, half vg.Length, fill color.Color) {
		c.FillPolygon(fill, []vg.Point{
			{X: l, Y: y - half}, {X: l, Y: y + half}, {X: r, Y: y + half}, {X: r, Y: y - half}})
	}
	half := y(0.14) - y(0)
	for _, k := range b.key {
		box(x(k.x), x(k.x)+vg.Points(9), y(k.y), vg.Points(4.5), k.fill)
	}
	style.Font.Size = vg.Points(9)
	for _, k := range b.list {
		box(x(0), x(k.x), y(k.y), half, k.fill)
		c.FillText(style, vg.Point{X: x(0) + vg.Points(3), Y: y(k.y)}, fmt.Sprintf("%.2f", k.x))
	}
}
