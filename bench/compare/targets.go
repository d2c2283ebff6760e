package main

import (
	"fmt"
	"math"
	"strings"
)

// A Target is a row of the table of targets: a limit that the project wants to keep, for one case.
type Target struct {
	Case  Case
	Where string  // L1, DRAM, a number of classes
	Rival string  // "", a peer or a yardstick that Limit relates to
	Limit float64 // of our time over the rival's; 0 for none
	// limit of cycles per element on one Zen 3 core with AVX2; 0 for none. It does not carry over
	// to other CPUs.
	Cycles float64
	NS     float64 // limit of nanoseconds per call; 0 for none
	ULP    float64 // limit of the error; 0 for none
	Tie    bool    // XNNPACK has to be reached as well
}

// String writes the limits of the target.
func (t Target) String() string {
	var s []string
	if t.Limit > 0 {
		s = append(s, fmt.Sprintf("<= %.2f x %s", t.Limit, t.Rival))
	}
	if t.Cycles > 0 {
		s = append(s, fmt.Sprintf("%.3g c/e (Zen 3, AVX2)", t.Cycles))
	}
	if t.Tie && t.Rival != "xnnpack" {
		s = append(s, "<= 1.00 x xnnpack")
	}
	if t.NS > 0 {
		s = append(s, fmt.Sprintf("<= %g ns, 0 allocations", t.NS))
	}
	if t.ULP > 0 {
		s = append(s, fmt.Sprintf("<= %g ULP", t.ULP))
	}
	return strings.Join(s, ", ")
}

// targets lists the targets.
func targets() []Target {
	l1 := func(kernel, typ string) Case { return Case{kernel, typ, 1, l1Size(typ)} }
	dram := func(kernel, typ string) Case {
		return Case{kernel, typ, 1, dramBytes / Case{Type: typ}.size()}
	}
	rows := func(kernel, typ string, classes int) Case {
		return Case{kernel, typ, rowsFor(classes), classes}
	}
	list := []Target{
		{Case: l1("SigmoidFast", "float32"), Where: "L1", Rival: "xnnpack", Limit: 0.93,
			ULP: 2.5, Tie: true},
		{Case: l1("Sigmoid", "float32"), Where: "L1", Rival: "xnnpack", Limit: 1.10, ULP: 1},
		{Case: l1("SigmoidFast", "float64"), Where: "L1", Rival: "libmvec", Limit: 0.65, ULP: 2.5},
		{Case: l1("Sigmoid", "float64"), Where: "L1", Rival: "libmvec", Limit: 0.9, ULP: 1},
		{Case: l1("ReLU", "float32"), Where: "L1", Rival: "copy", Limit: 1.1},
		{Case: dram("ReLU", "float32"), Where: "DRAM", Rival: "onednn", Limit: 0.65},
	}
	for _, k := range []string{"ReLUMask", "ReLUBackward", "SigmoidBackward"} {
		for _, typ := range types {
			list = append(list, Target{Case: l1(k, typ), Where: "L1", Rival: "copy", Limit: 1.1},
				Target{Case: dram(k, typ), Where: "DRAM", Rival: "copy", Limit: 1.1})
		}
	}
	byClasses := func(kernel, typ string, cycles map[int]float64) {
		for _, c := range classes {
			ulp := 4.0
			if kernel != "Softmax" {
				ulp = 0
			}
			list = append(list, Target{Case: rows(kernel, typ, c), Where: fmt.Sprintf("C=%d", c),
				Cycles: cycles[c], ULP: ulp,
				Tie: typ == "float32"})
		}
	}
	byClasses("Softmax", "float32", map[int]float64{10: 2.4, 100: 1.9, 1000: 1.1, 32000: 1.15})
	byClasses("Softmax", "float64", map[int]float64{10: 4.5, 1000: 3.6})
	byClasses("CrossEntropyGrad", "float32", map[int]float64{10: 3.5, 100: 2.2, 1000: 1.25,
		32000: 1.3})
	byClasses("CrossEntropyGrad", "float64", map[int]float64{10: 5.5, 1000: 3.8})
	for _, call := range []struct {
		kernel string
		ns     float64
	}{{"ReLU", 10}, {"SigmoidFast", 25}, {"Sigmoid", 40}} {
		list = append(list, Target{Case: Case{call.kernel, "float32", 1, 8}, Where: "n=8",
			NS: call.ns})
	}
	return list
}

// A Verdict is a target with the measured values.
type Verdict struct {
	Kernel    string   `json:"kernel"`
	Type      string   `json:"type"`
	Where     string   `json:"where"`
	Target    string   `json:"target"`
	NS        float64  `json:"ns"`
	Cycles    float64  `json:"cycles_per_element"`
	ToCopy    float64  `json:"ratio_to_copy"`
	ULP       float64  `json:"ulp"`
	ToRival   float64  `json:"ratio_to_rival,omitempty"`
	Best      string   `json:"best_peer,omitempty"`
	BestNS    float64  `json:"best_ns,omitempty"`
	BestCE    float64  `json:"best_cycles_per_element,omitempty"`
	BestULP   float64  `json:"best_ulp,omitempty"`
	ToBest    float64  `json:"ratio_to_best,omitempty"`
	ToXNNPACK float64  `json:"ratio_to_xnnpack,omitempty"`
	ToTorch   float64  `json:"ratio_to_torch,omitempty"`
	Faster    []string `json:"faster_than_ours,omitempty"`
	Misses    []string `json:"misses,omitempty"`
}

// isYardstick reports whether a name is not a peer but a loop that only moves bytes.
func isYardstick(name string) bool {
	return name == "copy" || name == "memset" || name == "read" || name == "ntcopy"
}

// over returns our time over the time of the named peer, from the ratios of the rounds.
func (m *Measurement) over(name string) float64 {
	if t := m.get(name); t != nil && t.Ratio > 0 {
		return 1 / t.Ratio
	}
	return 0
}

// judge compares a result with the targets. It leaves out a target whose case was not measured.
func judge(r *Result) []Verdict {
	var out []Verdict
	for _, t := range targets() {
		var m *Measurement
		for _, c := range r.Measurements {
			if c.Case == t.Case {
				m = c
			}
		}
		if m == nil {
			continue
		}
		our := m.get("kernels")
		v := Verdict{Kernel: t.Case.Kernel, Type: t.Case.Type, Where: t.Where, Target: t.String(),
			NS: our.NS, Cycles: m.cycles(our),
			ToCopy: m.over("copy"), ToXNNPACK: m.over("xnnpack"), ToTorch: m.over("torch")}
		ulp := func(name string) float64 {
			for _, a := range r.Accuracy {
				if a.Kernel == t.Case.Kernel && a.Type == t.Case.Type && a.Name == name {
					return a.ULP
				}
			}
			return math.NaN()
		}
		v.ULP = orZero(ulp("kernels"))
		var best *Timing
		for i, p := range m.Timings {
			if p.Name == "kernels" || isYardstick(p.Name) {
				continue
			}
			if best == nil || p.Ratio < best.Ratio {
				best = &m.Timings[i]
			}
			if p.Ratio < 1 {
				v.Faster = append(v.Faster, fmt.Sprintf("%s (%.2f)", p.Name, 1/p.Ratio))
				// XNNPACK has limits of its own, small calls have a limit of time, and the C loops
				// are not a library
				if t.NS == 0 && p.Name != "xnnpack" && !strings.HasPrefix(p.Name, "c-") {
					v.Misses = append(v.Misses, fmt.Sprintf("%s is ahead: %.2f", p.Name, 1/p.Ratio))
				}
			}
		}
		if best != nil {
			v.Best, v.BestNS, v.BestCE, v.ToBest, v.BestULP = best.Name, best.NS, m.cycles(best),
				1/best.Ratio, orZero(ulp(best.Name))
		}
		miss := func(bad bool, format string, args ...any) {
			if bad {
				v.Misses = append(v.Misses, fmt.Sprintf(format, args...))
			}
		}
		if t.Limit > 0 {
			v.ToRival = m.over(t.Rival)
			miss(v.ToRival > t.Limit, "%.2f x %s", v.ToRival, t.Rival)
			if v.ToRival == 0 {
				v.Misses = append(v.Misses, t.Rival+" was not measured")
			}
		}
		miss(t.Tie && v.ToXNNPACK > 1, "%.2f x xnnpack", v.ToXNNPACK)
		miss(t.Cycles > 0 && v.Cycles > t.Cycles, "%.2f c/e", v.Cycles)
		miss(t.NS > 0 && v.NS > t.NS, "%.1f ns", v.NS)
		if n, ok := r.Allocs[t.Case.Kernel]; t.NS > 0 {
			miss(!ok || n != 0, "%v allocations", n)
		}
		miss(t.ULP > 0 && v.ULP > t.ULP, "%s ULP", ulps(v.ULP))
		miss(t.ULP > 0 && math.IsNaN(ulp("kernels")), "ULP not measured")
		out = append(out, v)
	}
	return out
}

// orZero turns NaN, for a value that was not measured, into 0.
func orZero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}
