// Package chart draws the charts of the examples.
package chart

import (
	"image"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// colors are the colours of classes and curves: three that the colour-blind can tell apart.
var colors = []color.RGBA{{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff},
	{0x00, 0x9e, 0x73, 0xff}}

// Curve has one value per epoch, from epoch 1 on.
type Curve struct {
	Name   string
	Values []float64
}

// Loss writes a PNG with curves of the loss.
func Loss(name, title string, curves ...Curve) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "epoch", "mean loss"
	p.X.Min, p.Y.Min = 0, 0
	p.Title.Padding = vg.Points(6)
	p.Legend.Top, p.Legend.XOffs, p.Legend.Padding = true, -vg.Points(8), vg.Points(2)
	p.Add(plotter.NewGrid())
	for i, c := range curves {
		points := make(plotter.XYs, len(c.Values))
		for j, v := range c.Values {
			points[j] = plotter.XY{X: float64(j + 1), Y: v}
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		line.Color, line.Width = colors[i%len(colors)], vg.Points(1.5)
		p.Add(line)
		if len(curves) > 1 {
			p.Legend.Add(c.Name, line)
		}
	}
	return p.Save(6*vg.Inch, 4*vg.Inch, name)
}

// Regions writes a PNG of the plane in [-limit, limit]^2, each point in the colour of its class,
// with the labelled points on top. classify returns the classes of the points x0, y0, x1, y1, ...
func Regions(name, title string, limit float64, classify func(xy []float64) []int, points []float64,
	labels []int) error {
	const side = 400
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for row := range side {
		var at []float64
		for col := range side {
			at = append(at, limit*(2*(float64(col)+0.5)/side-1),
				limit*(1-2*(float64(row)+0.5)/side))
		}
		for col, class := range classify(at) {
			c := colors[class%len(colors)]
			pale := func(v uint8) uint8 { return uint8(255 - (255-int(v))*3/10) }
			img.SetRGBA(col, row, color.RGBA{pale(c.R), pale(c.G), pale(c.B), 0xff})
		}
	}
	p := plot.New()
	p.Title.Text, p.Title.Padding = title, vg.Points(6)
	p.Add(plotter.NewImage(img, -limit, -limit, limit, limit))
	for class, c := range colors {
		var xys plotter.XYs
		for i, label := range labels {
			if label == class {
				xys = append(xys, plotter.XY{X: points[2*i], Y: points[2*i+1]})
			}
		}
		if len(xys) == 0 {
			continue
		}
		s, err := plotter.NewScatter(xys)
		if err != nil {
			return err
		}
		s.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(2), Shape: draw.CircleGlyph{}}
		p.Add(s)
	}
	return p.Save(5*vg.Inch, 5*vg.Inch, name)
}
