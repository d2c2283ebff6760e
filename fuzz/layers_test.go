package fuzz

import (
	"math"
	"testing"

	"kernels"
	"kernels/internal/isa"
	kt "kernels/internal/ktest"
	"kernels/layers"
)

// The layers have no arithmetic of their own. Their targets check that the results are equal to
// those of the functions, and that inputs are untouched, while sizes change from call to call.

// eachISA runs f for both types under every instruction set.
func eachISA(f *testing.F, f32 func(v *values[float32]), f64 func(v *values[float64])) {
	f.Add([]byte("\x00\x10\x20 0\xb0\xff\xc8\x01\xc8\x02 seed"), uint16(0x0a0a))
	f.Fuzz(func(t *testing.T, data []byte, shape uint16) {
		for _, name := range isa.Available() {
			kt.With(name, func() { f32(&values[float32]{T: t, data: data, shape: shape}) })
			kt.With(name, func() { f64(&values[float64]{T: t, data: data, shape: shape}) })
		}
	})
}

// values makes slices of the fuzzer's bytes, and checks in the end that nothing has written to
// them.
type values[T kernels.Float] struct {
	*testing.T
	data  []byte
	shape uint16
	made  [2][][]T
}

func (v *values[T]) at(i int) int {
	if len(v.data) == 0 {
		return 0
	}
	return int(v.data[i%len(v.data)])
}

func (v *values[T]) slice(n, turn int) []T {
	x, i := make([]T, n), turn*len(v.data)/4
	kt.FromBytes(append(append([]byte(nil), v.data[i:]...), v.data[:i]...), x)
	v.made[0], v.made[1] = append(v.made[0], x), append(v.made[1], append([]T(nil), x...))
	return x
}

func (v *values[T]) untouched() {
	for i, x := range v.made[0] {
		v.same("the caller's slice", x, v.made[1][i])
	}
}

// same fails unless got and want have the same bits.
func (v *values[T]) same(what string, got, want []T) {
	if i := kt.Diff(got, want); i >= 0 {
		v.Fatalf("%s %s, element %d of %d differs: %v, %v", what, kt.TypeName[T](), i, len(want),
			got[min(i, len(got)-1)], want[min(i, len(want)-1)])
	}
}

// sizes returns the sizes of the batches in one run, growing and shrinking.
func (v *values[T]) sizes(rows bool) [][2]int {
	r, c, _ := size(v.shape, rows)
	r2, c2, _ := size(v.shape>>3, rows)
	if rows {
		c2 = c
	}
	return [][2]int{{r, c}, {min(r2, 20), c2}, {r, c}}
}

type layer[T kernels.Float] interface {
	Forward(x []T) []T
	Backward(dy []T) []T
}

// run compares a layer with a function and its backward.
func (v *values[T]) run(rows bool, l func(classes int) layer[T], forward,
	backward func(dst, x, y []T, classes int)) {
	for turn, s := range v.sizes(rows) {
		x, dy := v.slice(s[0]*s[1], turn), v.slice(s[0]*s[1], 2)
		y, dx := make([]T, len(x)), make([]T, len(x))
		forward(y, x, y, s[1])
		v.same("Forward", l(s[1]).Forward(x), y)
		backward(dx, dy, y, s[1])
		v.same("Backward", l(s[1]).Backward(dy), dx)
		v.untouched()
	}
}

func layerReLU[T kernels.Float](v *values[T]) {
	l, mask := &layers.ReLU[T]{}, make([]uint64, 1<<10)
	v.run(false, func(int) layer[T] { return l },
		func(y, x, _ []T, _ int) { kernels.ReLUMask(y, x, mask) },
		func(dx, dy, _ []T, _ int) { kernels.ReLUBackward(dx, dy, mask) })
}

func FuzzLayerReLU(f *testing.F) { eachISA(f, layerReLU[float32], layerReLU[float64]) }

func layerSigmoid[T kernels.Float](v *values[T]) {
	l := &layers.Sigmoid[T]{}
	v.run(false, func(int) layer[T] { return l },
		func(y, x, _ []T, _ int) { kernels.Sigmoid(y, x) },
		func(dx, dy, y []T, _ int) { kernels.SigmoidBackward(dx, dy, y) })
}

func FuzzLayerSigmoid(f *testing.F) { eachISA(f, layerSigmoid[float32], layerSigmoid[float64]) }

func layerGELU[T kernels.Float](v *values[T]) {
	l, kept := &layers.GELU[T]{}, []T(nil)
	v.run(false, func(int) layer[T] { return l },
		func(y, x, _ []T, _ int) {
			kept = append(kept[:0], x...)
			kernels.GELU(y, x)
		},
		func(dx, dy, _ []T, _ int) { kernels.GELUBackward(dx, dy, kept) })
}

func FuzzLayerGELU(f *testing.F) { eachISA(f, layerGELU[float32], layerGELU[float64]) }

func layerGELUTanh[T kernels.Float](v *values[T]) {
	l, kept := &layers.GELUTanh[T]{}, []T(nil)
	v.run(false, func(int) layer[T] { return l },
		func(y, x, _ []T, _ int) {
			kept = append(kept[:0], x...)
			kernels.GELUTanh(y, x)
		},
		func(dx, dy, _ []T, _ int) { kernels.GELUTanhBackward(dx, dy, kept) })
}

func FuzzLayerGELUTanh(f *testing.F) { eachISA(f, layerGELUTanh[float32], layerGELUTanh[float64]) }

func layerSoftmax[T kernels.Float](v *values[T]) {
	l := &layers.Softmax[T]{}
	v.run(true, func(classes int) layer[T] { l.Classes = classes; return l },
		func(y, x, _ []T, classes int) {
			kernels.Softmax(y, x, classes)
		}, kernels.SoftmaxBackward[T])
}

func FuzzLayerSoftmax(f *testing.F) { eachISA(f, layerSoftmax[float32], layerSoftmax[float64]) }

func layerAffine[T kernels.Float](v *values[T]) {
	var l *layers.Affine[T]
	for turn, s := range v.sizes(true) {
		rows, inputs, outputs := s[0], s[1], 1+v.at(4)%40
		if turn == 0 {
			l = layers.NewAffine[T](inputs, outputs)
		}
		copy(l.W, v.slice(len(l.W), 1))
		copy(l.B, v.slice(outputs, 2))
		x, dy := v.slice(rows*inputs, turn), v.slice(rows*outputs, 3)
		y, dx := make([]T, len(dy)), make([]T, len(x))
		dw, db := make([]T, len(l.W)), make([]T, outputs)
		if err := kernels.MatMulWith(y, x, l.W, rows, inputs, outputs,
			&kernels.MatMulOptions[T]{Bias: l.B}); err != nil {
			v.Fatal(err)
		}
		kernels.MatMulTransB(dx, dy, l.W, rows, outputs, inputs)
		kernels.MatMulTransA(dw, x, dy, inputs, rows, outputs)
		kernels.ColumnSums(db, dy, rows, outputs)
		v.same("Forward", l.Forward(x), y)
		v.same("Backward", l.Backward(dy), dx)
		v.same("DW", l.DW, dw)
		v.same("DB", l.DB, db)
		v.untouched()
	}
}

func FuzzLayerAffine(f *testing.F) { eachISA(f, layerAffine[float32], layerAffine[float64]) }

func layerLoss[T kernels.Float](v *values[T]) {
	var l layers.SoftmaxWithLoss[T]
	for turn, s := range v.sizes(true) {
		rows, classes := s[0], s[1]
		l.Classes = classes
		x, target, labels := v.slice(rows*classes, turn), make([]T, rows*classes), make([]int, rows)
		kt.FillProb(kt.NewRand(uint64(v.at(turn))), target, classes)
		for r := range labels {
			labels[r] = v.at(r) % classes
		}
		dout := T([]float64{1, 0.5, 1.0 / 3, -2, 0x1p-40, 1e10, 0, 1.0 / 1000}[v.at(5)%8])
		scale := T(float64(dout) / float64(rows))
		want, losses := make([]T, len(x)), make([]T, rows)
		check := func(what string, loss float64, err error, wantErr error) {
			sum := 0.0 // in float64, in row order
			for _, l := range losses {
				sum += float64(l)
			}
			if mean := sum / float64(rows); err != nil || wantErr != nil || !kt.Same(loss, mean) {
				v.Fatalf("%s: %v, errors %v and %v, want %v", what, loss, err, wantErr, mean)
			}
			v.same(what, l.Losses(), losses)
			v.same(what+", Backward", l.Backward(dout), want)
			v.same(what+", Backward again", l.Backward(dout), want)
		}
		wantErr := kernels.CrossEntropyGrad(want, losses, x, labels, classes, scale)
		loss, err := l.Forward(x, labels)
		check("Forward", loss, err, wantErr)
		wantErr = kernels.CrossEntropyProbGrad(want, losses, x, target, classes, scale)
		loss, err = l.ForwardProb(x, target)
		check("ForwardProb", loss, err, wantErr)
		v.untouched()
		if rows == 0 {
			continue
		}
		// A label out of range is an error, and leaves the layer as it was.
		bad := append([]int(nil), labels...)
		bad[rows-1] = classes
		if _, err := l.Forward(x, bad); err == nil {
			v.Fatal("no error for a label out of range")
		}
		v.same("Backward after an error", l.Backward(dout), want)
		// the numerical gradient, on a tame batch
		if rows > 3 || classes > 30 || turn > 0 {
			continue
		}
		x = append([]T(nil), x...)
		for i, f := range x {
			if !(math.Abs(float64(f)) < 6) {
				x[i] = T(i%13) - 6
			}
		}
		mean := func(x []T) float64 {
			sum := 0.0
			for r, label := range labels {
				row, s := x[r*classes:(r+1)*classes], 0.0
				for _, f := range row {
					s += math.Exp(float64(f))
				}
				sum += math.Log(s) - float64(row[label])
			}
			return sum / float64(rows)
		}
		if _, err := l.Forward(x, labels); err != nil {
			v.Fatal(err)
		}
		dx, tolerance := l.Backward(1), 1e-8
		if kt.Is32[T]() {
			tolerance = 1e-4
		}
		for i, want := range layers.NumericalGradient(mean, x) {
			if !(math.Abs(float64(dx[i]-want)) <= tolerance) {
				v.Fatalf("%s: dx[%d] = %v, numerical gradient %v, x = %v", kt.TypeName[T](), i,
					dx[i], want, x)
			}
		}
	}
}

func FuzzLayerSoftmaxWithLoss(f *testing.F) { eachISA(f, layerLoss[float32], layerLoss[float64]) }

// FuzzParallel checks that each index comes once, in ranges that begin at multiples of grain.
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
