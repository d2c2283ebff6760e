package main

import (
	"fmt"
	"math"
	"strings"

	"kernels/internal/isa"
)

// A Target is a row of the table of targets: a limit that the project wants to keep, for one case.
type Target struct {
	Case  Case
	Where string  // L1, DRAM, a number of classes
	Rival string  // "", a peer or a yardstick that Limit relates to
	Limit float64 // of our time over the rival's; 0 for none
	// limits of our time over that of the best peer, of any error, by instruction set; nil for none
	Best map[string]float64
	NS   float64 // limit of nanoseconds per call; 0 for none
	ULP  float64 // limit of the error; 0 for none
	Tie  bool    // XNNPACK has to be reached as well
}

// text writes the limits of the target for an instruction set.
func (t Target) text(isaName string) string {
	var s []string
	if limit := t.Best[isaName]; limit > 0 {
		s = append(s, fmt.Sprintf("<= %.2f x best", limit))
	}
	if t.Limit > 0 {
		s = append(s, fmt.Sprintf("<= %.2f x %s", t.Limit, t.Rival))
	}
	if t.Tie {
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

// best makes limits for AVX-512 and AVX2.
func best(avx512, avx2 float64) map[string]float64 {
	return map[string]float64{isa.NameAVX512: avx512, isa.NameAVX2: avx2}
}

// targets lists the targets.
func targets() []Target {
	l1 := func(kernel, typ string) Case { return Case{kernel, typ, 1, l1Size(typ)} }
	list := []Target{
		{Case: l1("SigmoidFast", "float32"), Where: "L1", Best: best(0.85, 0.70), ULP: 2.5},
		{Case: l1("Sigmoid", "float32"), Where: "L1", Best: best(1.30, 1.10), ULP: 1},
		{Case: l1("SigmoidFast", "float64"), Where: "L1", Best: best(0.62, 0.58), ULP: 2.5},
		{Case: l1("Sigmoid", "float64"), Where: "L1", Best: best(0.85, 0.90), ULP: 1},
		{Case: l1("Tanh", "float32"), Where: "L1", Best: best(0.92, 1.15), ULP: 2},
		{Case: l1("Tanh", "float64"), Where: "L1", Best: best(0.80, 0.80), ULP: 2},
		{Case: l1("ReLU", "float32"), Where: "L1", Rival: "copy", Limit: 1.1},
		{Case: dramCase("ReLU", "float32"), Where: "DRAM", Rival: "onednn", Limit: 0.65},
	}
	for _, k := range []string{"ReLUMask", "ReLUBackward", "SigmoidBackward"} {
		for _, typ := range types {
			list = append(list, Target{Case: l1(k, typ), Where: "L1", Rival: "copy", Limit: 1.1},
				Target{Case: dramCase(k, typ), Where: "DRAM", Rival: "copy", Limit: 1.1})
		}
	}
	for _, typ := range types {
		list = append(list,
			Target{Case: dramCase("SwiGLU", typ), Where: "DRAM", Rival: "copy", Limit: 1.15})
		for _, k := range copyKernels {
			list = append(list, Target{Case: l1(k, typ), Where: "L1", Rival: "copy", Limit: 1.15},
				Target{Case: dramCase(k, typ), Where: "DRAM", Rival: "copy", Limit: 1.15})
		}
	}
	for _, k := range rowKernels {
		for _, typ := range types {
			for _, c := range classes {
				t := Target{Case: Case{k, typ, rowsFor(c), c}, Where: fmt.Sprintf("C=%d", c),
					Tie: typ == "float32"}
				if k == "Softmax" {
					t.ULP = 4
				}
				switch {
				case typ == "float64" && c >= 1000:
					t.Best = best(0.75, 0.80)
				case typ == "float64" && c >= 17 && c <= 100:
					t.Best = best(0.95, 0.95)
				case typ == "float32" && c >= 1000 && k == "Softmax":
					t.Best = best(1.03, 0.97)
				case typ == "float32" && c >= 1000:
					t.Best = best(1.08, 1.03)
				case typ == "float32" && c >= 33 && k == "Softmax":
					t.Best = best(1, 1)
				}
				list = append(list, t)
			}
		}
	}
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
		v := Verdict{Kernel: t.Case.Kernel, Type: t.Case.Type, Where: t.Where, Target: t.text(r.ISA),
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
				// XNNPACK has limits of its own, small calls have a limit of time, the C loops are
				// not a library, and a limit for the best peer is one for all
				if t.NS == 0 && p.Name != "xnnpack" && !strings.HasPrefix(p.Name, "c-") &&
					t.Best[r.ISA] == 0 {
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
		if limit := t.Best[r.ISA]; limit > 0 && best != nil {
			miss(v.ToBest > limit, "%.2f x %s", v.ToBest, v.Best)
		}
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
