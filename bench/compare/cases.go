package main

import (
	"fmt"
	"runtime"
	"slices"

	"kernels"
	"kernels/internal/ktable"
)

// A Case is one line of the measurement: a kernel, a type, and a size.
type Case struct {
	Kernel  string `json:"kernel"`
	Type    string `json:"type"`
	Rows    int    `json:"rows"`    // 1 for elementwise kernels
	Classes int    `json:"classes"` // the elements of elementwise kernels
}

// N is the number of elements.
func (c Case) N() int { return c.Rows * c.Classes }

func (c Case) size() int {
	if c.Type == "float32" {
		return 4
	}
	return 8
}

func (c Case) isRows() bool { return inRows(c.Kernel) }

func (c Case) String() string {
	if c.isRows() {
		return fmt.Sprintf("%s/%s/%dx%d", c.Kernel, c.Type, c.Rows, c.Classes)
	}
	return fmt.Sprintf("%s/%s/%s", c.Kernel, c.Type, short(c.Classes))
}

// shape writes the size for tables.
func (c Case) shape() string {
	if c.isRows() {
		return fmt.Sprintf("%d x %d", c.Rows, c.Classes)
	}
	return short(c.Classes)
}

// short writes round sizes as people say them, such as 16k.
func short(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%dM", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%dk", n>>10)
	}
	return fmt.Sprint(n)
}

var (
	// The kernels that many libraries have, which are measured at all sizes.
	elementKernels = []string{"ReLU", "ReLUMask", "ReLUBackward", "Sigmoid", "SigmoidFast",
		"SigmoidBackward", "Tanh"}
	rowKernels = []string{"Softmax", "CrossEntropyGrad"}
	// Other kernels whose errors, and those of their peers, are measured.
	activations = []string{"Exp", "Expm1", "Log", "Log1p", "Erf", "SiLU", "GELU", "GELUTanh",
		"Softplus"}
	types = []string{"float32", "float64"}

	smallSizes = []int{1, 2, 4, 8, 16, 32}
	sizes      = []int{64, 256, 1 << 10, 2 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20,
		4 << 20, 16 << 20}
	quickSizes = []int{64, 2 << 10, 64 << 10, 1 << 20}
	classes    = []int{2, 3, 10, 17, 26, 33, 65, 100, 300, 1000, 32000, 128256}
)

// l1Size is a number of elements whose input and output take 16 KiB, which fits any L1 cache: they
// have at least 32 KiB.
func l1Size(typ string) int {
	if typ == "float32" {
		return 2 << 10
	}
	return 1 << 10
}

// dramBytes is the input size at which memory is measured: 512 MiB, past any L3, or half of that in
// quick runs.
const dramBytes = 512 << 20

// copyKernels lists those of the other kernels that have targets beside copy, in a cache.
var copyKernels = []string{"LeakyReLU", "ReLUSquared", "HardSigmoid", "HardSwish"}

// memoryBound reports whether a kernel is worth measuring past the last cache.
func memoryBound(kernel string) bool {
	switch kernel {
	case "Sigmoid", "SigmoidFast", "Tanh":
		return false
	case "SwiGLU":
		return true
	}
	return slices.Contains(elementKernels, kernel) || slices.Contains(copyKernels, kernel)
}

func dramCase(kernel, typ string) Case {
	return Case{kernel, typ, 1, dramBytes / Case{Type: typ}.size()}
}

// otherKernels lists the other kernels of the table, in its order.
func otherKernels() []string {
	var list []string
	for _, f := range ktable.Funcs[float32]() {
		if len(f.Args) == 0 || hasPeers(f.Name) {
			continue
		}
		if list = append(list, f.Name); lossEach(&f) {
			list = append(list, f.Name+losing)
		}
	}
	return list
}

// hasPeers reports whether a kernel is one that many libraries have.
func hasPeers(kernel string) bool {
	return slices.Contains(elementKernels, kernel) || slices.Contains(rowKernels, kernel)
}

// otherCases returns the sizes at which one of otherKernels is measured: a call of few elements,
// and what fits the first cache and the last.
func otherCases(kernel, typ string, quick bool) (cases []Case) {
	ns, classes := []int{64, l1Size(typ), 1 << 20}, []int{10, 100, 1000}
	if quick {
		ns, classes = []int{l1Size(typ)}, []int{10}
	}
	if !inRows(kernel) {
		for _, n := range ns {
			cases = append(cases, Case{kernel, typ, 1, n})
		}
		if memoryBound(kernel) && !quick {
			cases = append(cases, dramCase(kernel, typ))
		}
		return cases
	}
	for _, c := range classes {
		cases = append(cases, Case{kernel, typ, rowsFor(c), c})
	}
	return cases
}

// rowsFor returns the number of rows for 16k elements, which fit the L2 cache and average out
// labels and shapes.
func rowsFor(classes int) int { return max(1, (16<<10)/classes) }

func allCases(quick bool) []Case {
	var cases []Case
	for _, typ := range types {
		for _, k := range elementKernels {
			var ns []int
			if k == "ReLU" || k == "Sigmoid" || k == "SigmoidFast" || k == "Tanh" {
				ns = append(ns, smallSizes...)
			}
			if quick {
				ns = append(ns, quickSizes...)
				if typ == "float64" {
					ns = append(ns, l1Size(typ))
				}
			} else {
				ns = append(ns, sizes...)
			}
			for _, n := range ns {
				cases = append(cases, Case{k, typ, 1, n})
			}
			if memoryBound(k) && !quick {
				cases = append(cases, dramCase(k, typ))
			}
		}
		for _, k := range rowKernels {
			cases = append(cases, Case{k, typ, 30, 10}) // the batch of the book
			for _, c := range classes {
				if !quick || c <= 32000 {
					cases = append(cases, Case{k, typ, rowsFor(c), c})
				}
			}
		}
		for _, k := range otherKernels() {
			cases = append(cases, otherCases(k, typ, quick)...)
		}
	}
	return cases
}

// measure makes the job of the case and times the peers that can do it.
func (m *meter) measure(c Case, peers []*peer) (*Measurement, error) {
	if c.Type == "float32" {
		return measureAs[float32](m, c, peers)
	}
	return measureAs[float64](m, c, peers)
}

func measureAs[T kernels.Float](m *meter, c Case, peers []*peer) (*Measurement, error) {
	var a arena
	defer a.free()
	j := newJob[T](&a, c.Kernel, c.Rows, c.Classes)
	var runners []*runner
	var names []string
	defer func() {
		for _, r := range runners {
			r.done()
		}
	}()
	want := newReference(j)
	for _, p := range peers {
		if slow(p, c) {
			continue
		}
		r := prepare(p, j)
		if r == nil {
			continue
		}
		runners, names = append(runners, r), append(names, p.Name)
		// the first run is checked, so that no peer is timed that computes something else
		r.run(1)
		if r.fetch != nil {
			r.fetch()
		}
		if err := want.check(j); err != nil && checks(p, c.Kernel) {
			return nil, fmt.Errorf("%s: %s: %w", c, p.Name, err)
		}
	}
	for _, y := range yardsticks(&a, j.moved(), hasPeers(c.Kernel)) {
		runners, names = append(runners, y.runner), append(names, y.name)
	}
	runtime.GC()
	x, err := m.interleave(c, names, runners)
	if err == nil {
		x.Bytes = j.moved()
	}
	return x, err
}

// checks reports whether a peer has to compute what the kernel does. The naive loop of a kernel
// with options does not: it is the one of the kernel without. Package bench checks the others.
func checks(p *peer, kernel string) bool { return p.Name != "naive" || hasPeers(kernel) }

// slow reports whether a case would take a peer minutes and show nothing that smaller sizes do not.
func slow(p *peer, c Case) bool {
	return c.N() > 32<<20 && p.Name == "spago"
}
