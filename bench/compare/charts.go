package main

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// colours has one colour per name for all charts: ours is strong, yardsticks are grey and dashed.
var colours = map[string]color.RGBA{
	"kernels":  {0xd6, 0x27, 0x28, 255},
	"copy":     {0x77, 0x77, 0x77, 255},
	"ntcopy":   {0xaa, 0xaa, 0xaa, 255},
	"naive":    {0x8c, 0x56, 0x4b, 255},
	"math32":   {0xc4, 0x9c, 0x94, 255},
	"vek":      {0x2c, 0xa0, 0x2c, 255},
	"gonum":    {0x98, 0xdf, 0x8a, 255},
	"spago":    {0xbc, 0xbd, 0x22, 255},
	"libmvec":  {0x17, 0xbe, 0xcf, 255},
	"sleef":    {0x1f, 0x77, 0xb4, 255},
	"c-loop":   {0x55, 0x55, 0xbb, 255},
	"c-recipe": {0xae, 0xc7, 0xe8, 255},
	"onednn":   {0xff, 0x7f, 0x0e, 255},
	"xnnpack":  {0x94, 0x67, 0xbd, 255},
	"torch":    {0xe3, 0x77, 0xc2, 255},
}

// others are the colours of peers without one, in the order of the results.
var others = []color.RGBA{{0x1b, 0x9e, 0x77, 255}, {0xd9, 0x5f, 0x02, 255}, {0x75, 0x70, 0xb3, 255},
	{0xe6, 0xab, 0x02, 255}, {0x66, 0x66, 0x66, 255}, {0xa6, 0x76, 0x1d, 255}}

// colour returns the colour of a name, the i-th of a chart.
func colour(name string, i int) color.RGBA {
	if c, ok := colours[name]; ok {
		return c
	}
	return others[i%len(others)]
}

// charts writes a chart for each kernel and type and returns the names of the files.
func (r *Result) charts(dir string) ([]string, error) {
	var files []string
	for _, typ := range types {
		for _, k := range slices.Concat(elementKernels, rowKernels) {
			var ms []*Measurement
			for _, m := range r.Measurements {
				if m.Kernel == k && m.Type == typ {
					ms = append(ms, m)
				}
			}
			if len(ms) < 2 {
				continue
			}
			slices.SortStableFunc(ms, func(a, b *Measurement) int { return a.Classes - b.Classes })
			chart := r.lines
			if inRows(k) {
				chart = r.bars
			}
			p, err := chart(k, typ, ms)
			if err != nil {
				return nil, err
			}
			name := fmt.Sprintf("%s-%s.svg", strings.ToLower(k), typ)
			if err := save(p, filepath.Join(dir, name)); err != nil {
				return nil, err
			}
			files = append(files, name)
		}
	}
	return files, nil
}

// save draws the plot with its legend beside it, so that the legend hides nothing.
func save(p *plot.Plot, path string) error {
	const width, height, right = 9 * vg.Inch, 4.6 * vg.Inch, 1.1 * vg.Inch
	legend := p.Legend
	p.Legend = plot.NewLegend()
	canvas := vgsvg.New(width, height)
	c := draw.New(canvas)
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, vg.Points(6), -vg.Points(6), vg.Points(6), -vg.Points(6))
	p.Draw(draw.Crop(c, 0, -right, 0, 0))
	legend.Top, legend.Left, legend.Padding = true, true, vg.Points(2)
	legend.TextStyle.Font.Size = vg.Points(10)
	legend.Draw(draw.Crop(c, width-right, 0, 0, -vg.Points(24)))
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
}

// newPlot returns a plot with the unit in its title: the plot library misplaces the label of a
// logarithmic axis.
func (r *Result) newPlot(kernel, typ, unit string) *plot.Plot {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s %s, %s, one core: %s", kernel, typ, r.ISA, unit)
	p.Title.Padding = vg.Points(6)
	p.Add(grid())
	return p
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = color.Gray{0xe4}, color.Gray{0xe4}
	return g
}

// lines draws bandwidth over n for memory-bound kernels, and cycles per element over n for the
// others.
func (r *Result) lines(kernel, typ string, ms []*Measurement) (*plot.Plot, error) {
	bandwidth := memoryBound(kernel)
	unit := "cycles per element (less is better)"
	if bandwidth {
		unit = "GB/s read and written (more is better)"
	}
	p := r.newPlot(kernel, typ, unit)
	p.X.Label.Text, p.X.Scale, p.X.Tick.Marker = "elements", plot.LogScale{}, powers{}
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, decades{}
	low, high := math.Inf(1), 0.0
	for i, name := range names(ms, func(n string) bool { return n == "memset" || n == "read" }) {
		var pts plotter.XYs
		for _, m := range ms {
			t := m.get(name)
			if t == nil || m.Classes < 8 {
				continue
			}
			y := m.cycles(t)
			if bandwidth {
				y = float64(m.Bytes) / t.NS
			}
			pts = append(pts, plotter.XY{X: float64(m.Classes), Y: y})
			low, high = min(low, y), max(high, y)
		}
		if len(pts) == 0 {
			continue
		}
		l, err := plotter.NewLine(pts)
		if err != nil {
			return nil, err
		}
		l.Color, l.Width = colour(name, i), vg.Points(1.2)
		switch {
		case name == "kernels":
			l.Width = vg.Points(2.6)
		case isYardstick(name):
			l.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		}
		p.Add(l)
		p.Legend.Add(name, l)
	}
	p.Y.Min, p.Y.Max = low/1.3, high*1.3
	return p, nil
}

// bars draws cycles per element for each number of classes, with a bar for each peer.
func (r *Result) bars(kernel, typ string, ms []*Measurement) (*plot.Plot, error) {
	p := r.newPlot(kernel, typ, "cycles per element (less is better)")
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, decades{}
	p.X.Label.Text = "classes"
	ms = slices.DeleteFunc(slices.Clone(ms), func(m *Measurement) bool {
		return m.Rows == 30 && m.Classes == 10
	})
	list := names(ms, isYardstick)
	width := 0.8 / float64(len(list))
	low, high := math.Inf(1), 0.0
	var labels []string
	for _, m := range ms {
		labels = append(labels, strconv.Itoa(m.Classes))
		for _, t := range m.Timings {
			if !isYardstick(t.Name) {
				low, high = min(low, m.cycles(&t)), max(high, m.cycles(&t))
			}
		}
	}
	// The bars stand on the lower edge: a log scale has no zero.
	floor := math.Pow(2, math.Floor(math.Log2(low))-1)
	for i, name := range list {
		b := &logBars{floor: floor, width: width, offset: (float64(i)+0.5)*width - 0.4,
			fill: colour(name, i)}
		for x, m := range ms {
			if t := m.get(name); t != nil {
				b.pts = append(b.pts, plotter.XY{X: float64(x), Y: m.cycles(t)})
			}
		}
		p.Add(b)
		p.Legend.Add(name, b)
	}
	p.NominalX(labels...)
	p.X.Min, p.X.Max = -0.5, float64(len(ms))-0.5
	p.Y.Min, p.Y.Max = floor, high*1.3
	return p, nil
}

// names lists the peers in the order of the measurements, without those for which skip is true.
func names(ms []*Measurement, skip func(string) bool) []string {
	var list []string
	for _, m := range ms {
		for _, t := range m.Timings {
			if !skip(t.Name) && !slices.Contains(list, t.Name) {
				list = append(list, t.Name)
			}
		}
	}
	return list
}

// logBars are bars on a logarithmic axis, for which the plot library has no bar chart.
type logBars struct {
	pts                  plotter.XYs
	floor, width, offset float64
	fill                 color.Color
}

func (b *logBars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, pt := range b.pts {
		l, r, bottom, top := x(pt.X+b.offset-b.width*0.45), x(pt.X+b.offset+b.width*0.45),
			y(b.floor), y(pt.Y)
		c.FillPolygon(b.fill, []vg.Point{
			{X: l, Y: bottom}, {X: l, Y: top}, {X: r, Y: top}, {X: r, Y: bottom}})
	}
}

// Thumbnail draws the square in the legend.
func (b *logBars) Thumbnail(c *draw.Canvas) {
	c.FillPolygon(b.fill, []vg.Point{
		{X: c.Min.X, Y: c.Min.Y}, {X: c.Min.X, Y: c.Max.Y},
		{X: c.Max.X, Y: c.Max.Y}, {X: c.Max.X, Y: c.Min.Y}})
}

// powers marks an axis at powers of four, by their short names.
type powers struct{}

func (powers) Ticks(lo, hi float64) (t []plot.Tick) {
	for v := 1; float64(v) <= hi; v *= 4 {
		if float64(v) >= lo {
			t = append(t, plot.Tick{Value: float64(v), Label: short(v)})
		}
	}
	return t
}

// decades marks an axis at 1, 2 and 5 times powers of ten.
type decades struct{}

func (decades) Ticks(lo, hi float64) (t []plot.Tick) {
	for e := math.Floor(math.Log10(lo)); math.Pow(10, e) <= hi; e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := math.Round(m*math.Pow(10, e+6)) / 1e6; v >= lo && v <= hi {
				t = append(t, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', -1, 64)})
			}
		}
	}
	return t
}
