package fuzz

import (
	"math"
	"testing"

	"kernels"
	"kernels/internal/isa"
	kt "kernels/internal/ktest"
	"kernels/layers"
)

// The layers hold no arithmetic of their own, so their targets check what they
// keep: results equal to the kernels', inputs untouched, sizes that change
// from call to call, and the gradient by differences.

// eachISA runs f for both types under every instruction set.
func eachISA(f *testing.F, f32 func(t *testing.T, data []byte, shape uint16), f64 func(t *testing.T, data []byte, shape uint16)) {
	f.Add([]byte("\x00\x10\x20 0\xb0\xff\xc8\x01\xc8\x02 seed"), uint16(0x0a0a))
	f.Fuzz(func(t *testing.T, data []byte, shape uint16) {
		for _, name := range isa.Available() {
			kt.With(name, func() { f32(t, data, shape); f64(t, data, shape) })
		}
	})
}

// same fails unless got and want have the same bits.
func same[T kernels.Float](t *testing.T, what string, got, want []T) {
	t.Helper()
	if i := kt.Diff(got, want); i >= 0 {
		t.Fatalf("%s %s, element %d of %d differs: %v, %v", what, kt.TypeName[T](), i, len(want), got[min(i, len(got)-1)], want[min(i, len(want)-1)])
	}
}

// untouched fails unless x still has the bits of its copy.
func untouched[T kernels.Float](t *testing.T, what string, x, was []T) {
	t.Helper()
	for i, v := range x {
		if kt.RawBits(v) != kt.RawBits(was[i]) {
			t.Fatalf("%s: the caller's slice was written to at %d", what, i)
		}
	}
}

func clone[T any](x []T) []T { return append([]T(nil), x...) }

// sizes are those that a layer goes through in one run: growing and shrinking.
func sizes(shape uint16, rows bool) [][2]int {
	r, c, _ := size(shape, rows)
	r2, _, _ := size(shape>>3, rows)
	if !rows {
		_, c2, _ := size(shape>>3, rows)
		return [][2]int{{1, c}, {1, c2}, {1, c}}
	}
	return [][2]int{{r, c}, {min(r2, 20), c}, {r, c}}
}

func layerReLU[T kernels.Float](t *testing.T, data []byte, shape uint16) {
	var l layers.ReLU[T]
	for turn, s := range sizes(shape, false) {
		n := s[1]
		x, dy := make([]T, n), make([]T, n)
		kt.FromBytes(rotate(data, turn*len(data)/4), x)
		kt.FromBytes(rotate(data, len(data)/2), dy)
		x0, dy0 := clone(x), clone(dy)
		want, mask := make([]T, n), make([]uint64, kernels.MaskLen(n))
		kernels.ReLUMask(want, x, mask)
		same(t, "ReLU.Forward", l.Forward(x), want)
		kernels.ReLUBackward(want, dy, mask)
		same(t, "ReLU.Backward", l.Backward(dy), want)
		untouched(t, "ReLU", x, x0)
		untouched(t, "ReLU", dy, dy0)
	}
}

func FuzzLayerReLU(f *testing.F) { eachISA(f, layerReLU[float32], layerReLU[float64]) }

func layerSigmoid[T kernels.Float](t *testing.T, data []byte, shape uint16) {
	var l layers.Sigmoid[T]
	for turn, s := range sizes(shape, false) {
		n := s[1]
		x, dy := make([]T, n), make([]T, n)
		kt.FromBytes(rotate(data, turn*len(data)/4), x)
		kt.FromBytes(rotate(data, len(data)/2), dy)
		x0, dy0 := clone(x), clone(dy)
		y, want := make([]T, n), make([]T, n)
		kernels.Sigmoid(y, x)
		same(t, "Sigmoid.Forward", l.Forward(x), y)
		kernels.SigmoidBackward(want, dy, y)
		same(t, "Sigmoid.Backward", l.Backward(dy), want)
		untouched(t, "Sigmoid", x, x0)
		untouched(t, "Sigmoid", dy, dy0)
	}
}

func FuzzLayerSigmoid(f *testing.F) { eachISA(f, layerSigmoid[float32], layerSigmoid[float64]) }

func layerSoftmax[T kernels.Float](t *testing.T, data []byte, shape uint16) {
	var l layers.Softmax[T]
	for turn, s := range sizes(shape, true) {
		n := s[0] * s[1]
		l.Classes = s[1]
		x, dy := make([]T, n), make([]T, n)
		kt.FromBytes(rotate(data, turn*len(data)/4), x)
		kt.FromBytes(rotate(data, len(data)/2), dy)
		x0, dy0 := clone(x), clone(dy)
		y, want := make([]T, n), make([]T, n)
		kernels.Softmax(y, x, l.Classes)
		same(t, "Softmax.Forward", l.Forward(x), y)
		kernels.SoftmaxBackward(want, dy, y, l.Classes)
		same(t, "Softmax.Backward", l.Backward(dy), want)
		untouched(t, "Softmax", x, x0)
		untouched(t, "Softmax", dy, dy0)
	}
}

func FuzzLayerSoftmax(f *testing.F) { eachISA(f, layerSoftmax[float32], layerSoftmax[float64]) }

func layerLoss[T kernels.Float](t *testing.T, data []byte, shape uint16) {
	var l layers.SoftmaxWithLoss[T]
	for turn, s := range sizes(shape, true) {
		rows, classes := s[0], s[1]
		n := rows * classes
		l.Classes = classes
		x, target := make([]T, n), make([]T, n)
		kt.FromBytes(rotate(data, turn*len(data)/4), x)
		if rows > 0 {
			kt.FillProb(kt.NewRand(uint64(at(data, turn))), target, classes)
		}
		labels := make([]int, rows)
		for r := range labels {
			labels[r] = int(at(data, r)) % classes
		}
		x0, target0 := clone(x), clone(target)
		dout := T(scales[int(at(data, 5))%len(scales)])
		scale := T(float64(dout) / float64(rows))

		want, losses := make([]T, n), make([]T, rows)
		must(t, kernels.CrossEntropyGrad(want, losses, x, labels, classes, scale))
		loss, err := l.Forward(x, labels)
		must(t, err)
		mean(t, loss, losses)
		same(t, "SoftmaxWithLoss.Losses", l.Losses(), losses)
		same(t, "SoftmaxWithLoss.Backward", l.Backward(dout), want)
		same(t, "SoftmaxWithLoss.Backward again", l.Backward(dout), want)

		must(t, kernels.CrossEntropyProbGrad(want, losses, x, target, classes, scale))
		loss, err = l.ForwardProb(x, target)
		must(t, err)
		mean(t, loss, losses)
		same(t, "SoftmaxWithLoss.Backward after ForwardProb", l.Backward(dout), want)
		untouched(t, "SoftmaxWithLoss", x, x0)
		untouched(t, "SoftmaxWithLoss", target, target0)

		// A label out of range is an error, and leaves the layer as it was.
		if rows > 0 {
			bad := clone(labels)
			bad[rows-1] = classes
			if _, err := l.Forward(x, bad); err == nil {
				t.Fatal("no error for a label out of range")
			}
			same(t, "SoftmaxWithLoss.Backward after an error", l.Backward(dout), want)
		}

		// The gradient by differences, on a tame batch.
		if rows > 0 && rows <= 3 && classes <= 30 && turn == 0 {
			x := tame(x, 6)
			mean := func(x []T) float64 {
				y := to64(x)
				s := 0.0
				for r, label := range labels {
					s -= refLogSoftmax(row(y, r, classes))[label]
				}
				return s / float64(rows)
			}
			_, err := l.Forward(x, labels)
			must(t, err)
			dx := l.Backward(1)
			for i, want := range layers.NumericalGradient(mean, x) {
				if !(math.Abs(float64(dx[i]-want)) <= pick[T](1e-4, 1e-8)) {
					t.Fatalf("SoftmaxWithLoss %s: dx[%d] = %v, numerical gradient %v, x = %v", kt.TypeName[T](), i, dx[i], want, x)
				}
			}
		}
	}
}

// mean checks a mean loss: in float64, in row order.
func mean[T kernels.Float](t *testing.T, got float64, losses []T) {
	t.Helper()
	s := 0.0
	for _, v := range losses {
		s += float64(v)
	}
	if want := s / float64(len(losses)); !kt.Same(got, want) {
		t.Fatalf("mean loss %v, want %v", got, want)
	}
}

func FuzzLayerSoftmaxWithLoss(f *testing.F) { eachISA(f, layerLoss[float32], layerLoss[float64]) }

// FuzzParallel: every index once, in ranges that begin at multiples of grain.
func FuzzParallel(f *testing.F) {
	f.Add(uint16(100), uint16(7))
	f.Fuzz(func(t *testing.T, n, grain uint16) {
		g := int(grain)%300 + 1
		seen := make([]byte, n)
		kernels.Parallel(int(n), g, func(lo, hi int) {
			if lo%g != 0 || lo >= hi {
				panic("a range that does not begin at a multiple of grain")
			}
			for i := lo; i < hi; i++ {
				seen[i]++
			}
		})
		for i, c := range seen {
			if c != 1 {
				t.Fatalf("index %d of %d seen %d times, grain %d", i, n, c, g)
			}
		}
	})
}
