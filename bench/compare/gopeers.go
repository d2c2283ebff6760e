package main

import (
	"math"
	"runtime/debug"

	"github.com/chewxy/math32"
	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/mat/float"
	"github.com/viterin/vek"
	"github.com/viterin/vek/vek32"
	"gonum.org/v1/gonum/floats"

	"kernels"
)

// ours calls the kernels. Where small calls are timed it calls them directly: a closure between the
// loop and the call would cost as much as the call.
func ours[T kernels.Float](j *job[T]) *runner {
	dst, x := j.dst, j.x
	switch j.kernel {
	case "ReLU":
		return &runner{run: func(reps int) {
			for range reps {
				kernels.ReLU(dst, x)
			}
		}}
	case "Sigmoid":
		return &runner{run: func(reps int) {
			for range reps {
				kernels.Sigmoid(dst, x)
			}
		}}
	case "SigmoidFast":
		return &runner{run: func(reps int) {
			for range reps {
				kernels.SigmoidFast(dst, x)
			}
		}}
	case "Tanh":
		return &runner{run: func(reps int) {
			for range reps {
				kernels.Tanh(dst, x)
			}
		}}
	}
	if f := activation[T](j.kernel); f != nil {
		return loop(func() { f(dst, x) })
	}
	return loop(func() { must(j.call.Run()) })
}

// activation returns the function of the kernel, if it is one of those that are timed beside peers
// in calls of few elements. There the way through a row of the table takes as long as the call.
func activation[T kernels.Float](kernel string) func(dst, x []T) {
	switch kernel {
	case "Exp":
		return kernels.Exp[T]
	case "Expm1":
		return kernels.Expm1[T]
	case "Log":
		return kernels.Log[T]
	case "Log1p":
		return kernels.Log1p[T]
	case "Erf":
		return kernels.Erf[T]
	case "SiLU":
		return kernels.SiLU[T]
	case "GELU":
		return kernels.GELU[T]
	case "GELUTanh":
		return kernels.GELUTanh[T]
	case "Softplus":
		return kernels.Softplus[T]
	}
	return nil
}

// naive calls the loops one writes first, those of package bench.
func naive[T kernels.Float](j *job[T]) *runner {
	if j.call.Naive == nil {
		return nil
	}
	return loop(func() { must(j.call.Naive(j.call)) })
}

// must panics on an error of a call that is valid by construction.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// labelStep turns probabilities into the loss and the gradient, as one does with a library that
// stops at the softmax.
func labelStep[T kernels.Float](j *job[T], log func(T) T) {
	for r, label := range j.labels {
		row := j.dst[r*j.classes : (r+1)*j.classes]
		j.losses[r] = -log(row[label])
		row[label]--
		if j.scale != 1 {
			for i := range row {
				row[i] *= j.scale
			}
		}
	}
}

func log64(v float64) float64 { return math.Log(v) }

// math32Loops runs the naive loops with the float32 functions of chewxy/math32.
func math32Loops(j *job[float32]) *runner {
	dst, x := j.dst, j.x
	softmax := func() {
		for lo := 0; lo < len(x); lo += j.classes {
			row, out := x[lo:lo+j.classes], dst[lo:lo+j.classes]
			m := row[0]
			for _, v := range row {
				m = max(m, v)
			}
			var sum float32
			for i, v := range row {
				out[i] = math32.Exp(v - m)
				sum += out[i]
			}
			r := 1 / sum
			for i := range out {
				out[i] *= r
			}
		}
	}
	switch j.kernel {
	case "Sigmoid", "SigmoidFast":
		return loop(func() {
			for i, v := range x {
				dst[i] = 1 / (1 + math32.Exp(-v))
			}
		})
	case "Tanh":
		return loop(func() {
			for i, v := range x {
				dst[i] = math32.Tanh(v)
			}
		})
	case "Softmax":
		return loop(softmax)
	case "CrossEntropyGrad":
		return loop(func() { softmax(); labelStep(j, math32.Log) })
	}
	return nil
}

// vek32s composes the kernels from viterin/vek, whole slices at a time, without allocations.
func vek32s(j *job[float32]) *runner {
	dst, x, y, dy := j.dst, j.x, j.y, j.dy
	softmax := func() {
		for lo := 0; lo < len(x); lo += j.classes {
			out := dst[lo : lo+j.classes : lo+j.classes]
			vek32.SubNumber_Into(out, x[lo:lo+j.classes], vek32.Max(x[lo:lo+j.classes]))
			vek32.Exp_Inplace(out)
			vek32.MulNumber_Inplace(out, 1/vek32.Sum(out))
		}
	}
	switch j.kernel {
	case "ReLU":
		return loop(func() { vek32.MaximumNumber_Into(dst, x, 0) })
	case "ReLUMask":
		return loop(func() {
			vek32.LteNumber_Into(j.bools, x, 0)
			vek32.MaximumNumber_Into(dst, x, 0)
		})
	case "ReLUBackward":
		return loop(func() { vek32.Mul_Into(dst, dy, j.ones) })
	case "Sigmoid", "SigmoidFast":
		return loop(func() {
			vek32.Neg_Into(dst, x)
			vek32.Exp_Inplace(dst)
			vek32.AddNumber_Inplace(dst, 1)
			vek32.Inv_Inplace(dst)
		})
	case "SigmoidBackward":
		return loop(func() {
			vek32.Neg_Into(dst, y)
			vek32.AddNumber_Inplace(dst, 1)
			vek32.Mul_Inplace(dst, y)
			vek32.Mul_Inplace(dst, dy)
		})
	case "Softmax":
		return loop(softmax)
	case "CrossEntropyGrad":
		return loop(func() { softmax(); labelStep(j, math32.Log) })
	}
	return nil
}

// veks is vek32s for float64, where vek has no exponential.
func veks(j *job[float64]) *runner {
	dst, x, y, dy := j.dst, j.x, j.y, j.dy
	switch j.kernel {
	case "ReLU":
		return loop(func() { vek.MaximumNumber_Into(dst, x, 0) })
	case "ReLUMask":
		return loop(func() {
			vek.LteNumber_Into(j.bools, x, 0)
			vek.MaximumNumber_Into(dst, x, 0)
		})
	case "ReLUBackward":
		return loop(func() { vek.Mul_Into(dst, dy, j.ones) })
	case "SigmoidBackward":
		return loop(func() {
			vek.Neg_Into(dst, y)
			vek.AddNumber_Inplace(dst, 1)
			vek.Mul_Inplace(dst, y)
			vek.Mul_Inplace(dst, dy)
		})
	}
	return nil
}

// gonums composes the kernels from the loops of gonum/floats, with math.Exp in between.
func gonums(j *job[float64]) *runner {
	dst, x, y, dy := j.dst, j.x, j.y, j.dy
	softmax := func() {
		for lo := 0; lo < len(x); lo += j.classes {
			row, out := x[lo:lo+j.classes], dst[lo:lo+j.classes]
			m := floats.Max(row)
			for i, v := range row {
				out[i] = math.Exp(v - m)
			}
			floats.Scale(1/floats.Sum(out), out)
		}
	}
	switch j.kernel {
	case "ReLUBackward":
		return loop(func() { floats.MulTo(dst, dy, j.ones) })
	case "SigmoidBackward":
		return loop(func() {
			floats.MulTo(dst, y, y)
			floats.SubTo(dst, y, dst)
			floats.Mul(dst, dy)
		})
	case "Softmax":
		return loop(softmax)
	case "CrossEntropyGrad":
		return loop(func() { softmax(); labelStep(j, log64) })
	}
	return nil
}

// spago uses nlpodyssey/spago. Its matrices allocate their results; its softmax takes one vector at
// a time.
func spago[T float.DType](j *job[T]) *runner {
	dense := func(s []T) mat.Matrix {
		switch s := any(s).(type) {
		case []float32:
			return mat.NewDense[float32](mat.WithShape(len(s)), mat.WithBacking(s))
		case []float64:
			return mat.NewDense[float64](mat.WithShape(len(s)), mat.WithBacking(s))
		}
		panic("spago: unexpected type")
	}
	backing := func(m mat.Matrix) []T { return mat.Data[T](m) }
	switch j.kernel {
	case "Sigmoid", "SigmoidFast":
		x := dense(j.x)
		var out mat.Matrix
		r := loop(func() { out = x.Sigmoid() })
		r.fetch = func() { copy(j.dst, backing(out)) }
		return r
	case "Softmax", "CrossEntropyGrad":
		var in, out []mat.Matrix
		for lo := 0; lo < j.n; lo += j.classes {
			in = append(in, dense(j.x[lo:lo+j.classes]))
		}
		out = make([]mat.Matrix, len(in))
		r := loop(func() {
			for i, m := range in {
				out[i] = m.Softmax()
				if j.kernel == "CrossEntropyGrad" {
					p := backing(out[i])
					j.losses[i] = T(-math.Log(float64(p[j.labels[i]])))
					p[j.labels[i]]--
				}
			}
		})
		r.fetch = func() {
			for i, m := range out {
				copy(j.dst[i*j.classes:], backing(m))
			}
		}
		if j.scale != 1 {
			return nil
		}
		return r
	}
	return nil
}

// goPeers lists the Go libraries, ours first.
func goPeers() []*peer {
	version := func(path string) string {
		info, ok := debug.ReadBuildInfo()
		if ok {
			for _, m := range info.Deps {
				if m.Path == path {
					return m.Version
				}
			}
		}
		return "unknown"
	}
	return []*peer{
		{Name: "kernels", Version: "this tree", Note: "ours", f32: ours[float32],
			f64: ours[float64]},
		{Name: "naive", Version: "bench.Naive", Note: "plain Go loops with math.Exp",
			f32: naive[float32], f64: naive[float64]},
		{Name: "math32", Version: version("github.com/chewxy/math32"),
			Note: "plain Go loops with chewxy/math32", f32: math32Loops},
		{Name: "vek", Version: version("github.com/viterin/vek"),
			Note: "viterin/vek, composed; AVX2", f32: vek32s, f64: veks},
		{Name: "gonum", Version: version("gonum.org/v1/gonum"),
			Note: "gonum/floats, composed, with math.Exp", f64: gonums},
		{Name: "spago", Version: version("github.com/nlpodyssey/spago"),
			Note: "nlpodyssey/spago mat; allocates its results",
			f32:  spago[float32], f64: spago[float64]},
	}
}
