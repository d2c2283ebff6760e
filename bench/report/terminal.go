package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// A printer prints the table while it is measured. On a terminal, the last line shows the progress.
type printer struct {
	w    io.Writer
	live bool // w is a terminal
	busy bool // a line of progress is on the screen
}

// terminal reports whether f is a terminal, or another device that shows what is written at once.
func terminal(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

func (p *printer) line(format string, args ...any) {
	p.clear()
	fmt.Fprintf(p.w, format+"\n", args...)
}

func (p *printer) clear() {
	if p.busy {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.busy = false
	}
}

func (p *printer) progress(done, all int, name string) {
	if !p.live {
		return
	}
	p.clear()
	fmt.Fprintf(p.w, "%s %d of %d: %s", bar(float64(done)/float64(all), 20), done, all, name)
	p.busy = true
}

const (
	nameWidth = 27
	barWidth  = 10
)

func (p *printer) head() {
	p.line("\nns: nanoseconds per element. of copy: the speed, as a part of that of a copy of as many\n" +
		"bytes. × naive: times faster than the loop one would write without the package.")
	p.line("\n%-*s   %-33s   %s", nameWidth, "", "float32", "float64")
	columns := "       ns " + strings.Repeat(" ", barWidth-2) + "of copy × naive"
	p.line("%-*s   %s   %s", nameWidth, "", columns, columns)
}

// result prints a line: a kernel for both types.
func (p *printer) result(a, b Result) {
	p.line("%-*s   %s   %s", nameWidth, a.Kernel, a.columns(), b.columns())
}

// columns returns the figures of a result, in as many columns whatever they are.
func (r Result) columns() string {
	limit, gain := strings.Repeat(" ", barWidth), ""
	percent := ""
	if r.Copy > 0 {
		limit, percent = bar(r.OfCopy(), barWidth), fmt.Sprintf("%.0f%%", 100*r.OfCopy())
	}
	if r.Naive > 0 {
		gain = short(r.Gain(r.Times[0].NS))
	}
	return fmt.Sprintf("%9s %s %4s %7s", short(r.Element()), limit, percent, gain)
}

// short writes x with about three digits.
func short(x float64) string {
	switch {
	case x < 1:
		return fmt.Sprintf("%.3f", x)
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	case x < 100:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// bar draws x, from 0 to 1, in eighths of a character.
func bar(x float64, width int) string {
	eighths := int(min(max(x, 0), 1)*float64(8*width) + 0.5)
	s := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return s + strings.Repeat("░", width-utf8.RuneCountInString(s))
}
