package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"kernels"
	"kernels/internal/ktable"
	"kernels/internal/ktest"
)

// A reference holds the results of a job, exact enough to tell a wrong peer from an inaccurate one.
type reference[T kernels.Float] struct {
	at   []place   // what to compare: some elements at both ends and some between, or whole rows
	want []float64 // the result of each
}

// A place is an element of an argument.
type place struct{ arg, i int }

func newReference[T kernels.Float](j *job[T]) *reference[T] {
	w := &reference[T]{}
	add := func(arg, i int, want float64) {
		w.at, w.want = append(w.at, place{arg, i}), append(w.want, want)
	}
	switch {
	case !hasPeers(j.kernel): // what we compute, which other tests check
		must(j.call.Run())
		for arg, a := range j.call.Args {
			op := j.call.Ops[arg]
			if !a.Out || op.Mem == nil || a.Type == ktable.Word || a.Type == ktable.Stats {
				continue
			}
			for _, i := range ends(op.Len(), 2000) {
				add(arg, i, number(op, i))
			}
		}
		j.reset()
	case inRows(j.kernel):
		for _, r := range ends(j.rows, 8) {
			row := ktest.NewRowDD(j.x[r*j.classes : (r+1)*j.classes])
			for i := range j.classes {
				want := row.Prob(i)
				if j.kernel != "Softmax" {
					want = row.Grad(i, j.labels[r])
				}
				add(0, r*j.classes+i, want.Float64())
			}
		}
	default:
		for _, i := range ends(j.n, 2000) {
			add(0, i, exact(j, i).Float64())
		}
	}
	return w
}

// number returns element i of an array of numbers.
func number(a ktest.Array, i int) float64 {
	if v := a.At(i); v.CanInt() {
		return float64(v.Int())
	} else {
		return v.Float()
	}
}

// exact returns result i of one of elementKernels or activations, whose inputs are finite and in
// the domain.
func exact[T kernels.Float](j *job[T], i int) (want ktest.Scaled) {
	d := func(v T) ktest.DD { return ktest.DD{Hi: float64(v)} }
	switch j.kernel {
	case "ReLU", "ReLUMask":
		want.DD = d(max(j.x[i], 0))
	case "ReLUBackward":
		if !j.bools[i] {
			want.DD = d(j.dy[i])
		}
	case "Sigmoid", "SigmoidFast":
		if ktest.Is32[T]() {
			want.Hi = ktest.SigmoidRef64(float64(j.x[i]))
		} else {
			want = ktest.SigmoidDD(float64(j.x[i]))
		}
	case "Tanh":
		if ktest.Is32[T]() {
			want.Hi = math.Tanh(float64(j.x[i]))
		} else {
			want = ktest.TanhDD(float64(j.x[i]))
		}
	case "Exp":
		want = ktest.ExpDD(d(j.x[i]))
	case "Expm1":
		want = ktest.Expm1DD(float64(j.x[i]))
	case "Log":
		want = ktest.LogDD(float64(j.x[i]))
	case "Log1p":
		want = ktest.Log1pOfDD(float64(j.x[i]))
	case "Erf":
		want = ktest.ErfDD(float64(j.x[i]))
	case "SiLU":
		want = ktest.SiLUDD(float64(j.x[i]))
	case "GELU":
		want = ktest.GELUDD(float64(j.x[i]))
	case "GELUTanh":
		want = ktest.GELUTanhDD(float64(j.x[i]))
	case "Softplus":
		want = ktest.SoftplusDD(float64(j.x[i]))
	case "SigmoidBackward":
		want.DD = d(j.dy[i]).Mul(ktest.DD{Hi: 1}.Add(d(-j.y[i]))).Mul(d(j.y[i]))
	}
	return want
}

// ends returns up to k indices from the beginning of [0, n), k from its end and k in between.
func ends(n, k int) []int {
	var s []int
	if n <= 3*k {
		for i := range n {
			s = append(s, i)
		}
		return s
	}
	for i := range k {
		s = append(s, i, n-1-i, k+int(uint64(n-2*k)*uint64(i)/uint64(k)))
	}
	return s
}

// check compares the results in j with the reference, loosely, and resets j for the next peer.
func (w *reference[T]) check(j *job[T]) error {
	tol := 2e-5 // the largest known error: sums over a row in float32 and the exponential of math32
	if !ktest.Is32[T]() {
		tol = 1e-11
	}
	defer j.reset()
	for i, at := range w.at {
		got, want := number(j.call.Ops[at.arg], at.i), w.want[i]
		same := got == want || math.IsNaN(got) && math.IsNaN(want)
		if d := math.Abs(got - want); !(d <= tol*max(1, math.Abs(want))) && !same {
			return fmt.Errorf("wrong result: %s[%d] = %v, expected %v", j.call.Args[at.arg].Name,
				at.i, got, want)
		}
	}
	return nil
}

// An Accuracy has the errors of one peer on one kernel.
type Accuracy struct {
	Kernel string `json:"kernel"`
	Type   string `json:"type"`
	Name   string `json:"name"`
	// ULP is the largest error over the usual inputs, and At is the input (or the length of the
	// row) where it occurs. ULPAll is the largest error over all finite inputs. An input is usual
	// if its results are far from subnormal. ULPAll shows a library that gives up at the ends of
	// the range.
	ULP    float64 `json:"ulp"`
	At     float64 `json:"at"`
	ULPAll float64 `json:"ulp_all"`
	// Sum is max |sum p - 1| in units of 2^-23 or 2^-52 (Softmax).
	Sum float64 `json:"sum,omitempty"`
	// Loss and Label are the largest relative errors of the loss and of the label's gradient
	// (CrossEntropyGrad), on rows whose label leads by 0 to 50, so that 1 - p is small.
	Loss  float64 `json:"loss,omitempty"`
	Label float64 `json:"label,omitempty"`
	// Samples is the number of results compared.
	Samples int `json:"samples"`
}

// wrong stands for an infinite error, for which JSON has no number: a NaN, an infinity, or a result
// where there should be 0.
const wrong = 1e99

func (a *Accuracy) add(err float64, usual bool, at float64) {
	a.Samples++
	if !(err < wrong) {
		err = wrong
	}
	a.ULPAll = max(a.ULPAll, err)
	if usual && err > a.ULP {
		a.ULP, a.At = err, at
	}
}

// accuracies measures every peer on every kernel of a type.
func accuracies[T kernels.Float](peers []*peer, quick bool,
	wanted func(kernel string) bool) []*Accuracy {
	var out []*Accuracy
	typ := ktest.TypeName[T]()
	for _, k := range slices.Concat(elementKernels, activations) {
		if wanted(k) {
			out = append(out, elementAccuracy[T](k, typ, peers, quick)...)
		}
	}
	for _, k := range rowKernels {
		if wanted(k) {
			out = append(out, rowAccuracy[T](k, typ, peers, quick)...)
		}
	}
	return out
}

// each runs the peers on a job, one after the other, and calls f after each of them.
func each[T kernels.Float](peers []*peer, j *job[T], f func(p *peer)) {
	for _, p := range peers {
		r := prepare(p, j)
		if r == nil {
			continue
		}
		r.run(1)
		if r.fetch != nil {
			r.fetch()
		}
		f(p)
		r.done()
	}
}

func smallestNormal[T kernels.Float]() float64 {
	if ktest.Is32[T]() {
		return 0x1p-126
	}
	return 0x1p-1022
}

// usual is the largest usual input of Sigmoid; results become subnormal at -87 and -708.
func usual[T kernels.Float]() float64 {
	if ktest.Is32[T]() {
		return 80
	}
	return 700
}

// defined reports whether an input is in the domain of a kernel, and its result finite. The
// reference of some ends at 1e5, where they are x or 0.
func defined(kernel string, x float64) bool {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return false
	case slices.Contains(activations, kernel) && !strings.HasPrefix(kernel, "Log") && math.Abs(x) > 1e5:
		return false
	case kernel == "Exp" || kernel == "Expm1":
		return x < 88
	case kernel == "Log":
		return x > 0
	case kernel == "Log1p":
		return x > -1
	}
	return true
}

// elementAccuracy strides through all float32 values for a kernel of x, and takes samples
// otherwise.
func elementAccuracy[T kernels.Float](kernel, typ string, peers []*peer, quick bool) []*Accuracy {
	var a arena
	defer a.free()
	n, stride := 300_000, 1021
	if quick || slices.Contains(activations, kernel) { // the exact results of these take long
		n, stride = 20_000, 65537
	}
	all32 := ktest.Is32[T]() && !reads(kernel, "dy")
	if all32 {
		n = 1 << 32 / stride
	}
	j := newJob[T](&a, kernel, 1, n)
	r := ktest.NewRand(9)
	for i := range j.x {
		switch {
		case all32:
			j.x[i] = T(math.Float32frombits(uint32(i * stride)))
		case i%4 == 0:
			j.x[i] = ktest.Uniform[T](r, 760)
		default:
			j.x[i] = ktest.Uniform[T](r, 40)
		}
		if j.x != nil && !defined(kernel, float64(j.x[i])) {
			j.x[i] = 1
		}
	}
	if j.mask != nil {
		j.remask()
	}
	want := make([]ktest.Scaled, n)
	for i := range want {
		want[i] = exact(j, i)
	}
	var out []*Accuracy
	each(peers, j, func(p *peer) {
		acc := &Accuracy{Kernel: kernel, Type: typ, Name: p.Name}
		for i, w := range want {
			var err float64
			if w.Hi == 0 { // an exact zero, which the error in ULP is not defined for
				if j.dst[i] != 0 {
					err = math.Inf(1)
				}
			} else {
				err = ktest.Err(j.dst[i], w)
			}
			input := j.x
			if j.y != nil {
				input = j.y
			}
			at := float64(input[i])
			acc.add(err, math.Abs(at) <= usual[T](), at)
		}
		out = append(out, acc)
	})
	return out
}

// rowAccuracy takes rows of several lengths and kinds.
func rowAccuracy[T kernels.Float](kernel, typ string, peers []*peer, quick bool) []*Accuracy {
	results := map[string]*Accuracy{}
	var order []*Accuracy
	of := func(name string) *Accuracy {
		if results[name] == nil {
			results[name] = &Accuracy{Kernel: kernel, Type: typ, Name: name}
			order = append(order, results[name])
		}
		return results[name]
	}
	tiny := smallestNormal[T]()
	eps := 0x1p-52
	if ktest.Is32[T]() {
		eps = 0x1p-23
	}
	shapes := [][2]int{{400, 2}, {200, 10}, {100, 100}, {20, 1000}, {1, 32000}}
	if quick {
		shapes = [][2]int{{50, 2}, {50, 10}, {10, 100}, {2, 1000}}
	}
	for _, s := range shapes {
		for _, kind := range []ktest.Kind{ktest.Normal, ktest.Unit, ktest.Wide80, ktest.Constant} {
			func() {
				var a arena
				defer a.free()
				j := newJob[T](&a, kernel, s[0], s[1])
				ktest.Fill(ktest.NewRand(uint64(s[1])+uint64(kind)<<32), kind, j.x, s[1])
				var rows []*ktest.RowDD
				for r := range j.rows {
					rows = append(rows, ktest.NewRowDD(j.x[r*j.classes:(r+1)*j.classes]))
				}
				each(peers, j, func(p *peer) {
					acc := of(p.Name)
					for r, row := range rows {
						var sum ktest.DD
						for i := range j.classes {
							got := j.dst[r*j.classes+i]
							want := row.Prob(i)
							if kernel == "CrossEntropyGrad" && i == j.labels[r] {
								want = row.Grad(i, j.labels[r])
							}
							acc.add(ktest.Err(got, want), math.Abs(want.Float64()) >= tiny,
								float64(s[1]))
							sum = sum.Add(ktest.DD{Hi: float64(got)})
						}
						if kernel == "Softmax" {
							acc.Sum = worse(acc.Sum, math.Abs(sum.Hi-1+sum.Lo)/eps)
						}
					}
				})
			}()
		}
	}
	if kernel == "CrossEntropyGrad" {
		margins[T](peers, of)
	}
	return order
}

// margins measures rows of ten classes whose label leads by 0 to 50.
func margins[T kernels.Float](peers []*peer, of func(string) *Accuracy) {
	var a arena
	defer a.free()
	lead := []T{0, 5, 10, 20, 30, 40, 50}
	j := newJob[T](&a, "CrossEntropyGrad", len(lead), 10)
	for i := range j.x {
		j.x[i] = T(float64(i*7%11) / 16) // below 0.7, not the same in two rows
	}
	for r, m := range lead {
		j.x[r*10+j.labels[r]] = 0.75 + m
	}
	each(peers, j, func(p *peer) {
		acc := of(p.Name)
		for r, label := range j.labels {
			row := ktest.NewRowDD(j.x[r*10 : (r+1)*10])
			rel := func(got T, want float64) float64 {
				return math.Abs(float64(got)-want) / math.Abs(want)
			}
			acc.Loss = worse(acc.Loss, rel(j.losses[r], row.NegLogProb(label).Float64()))
			acc.Label = worse(acc.Label, rel(j.dst[r*10+label], row.Grad(label, label).Float64()))
		}
	})
}

// worse returns the larger error; NaN and infinity are the largest.
func worse(a, b float64) float64 {
	if !(b < wrong) {
		return wrong
	}
	return max(a, b)
}
