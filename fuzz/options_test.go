package fuzz

import (
	"math"
	"testing"

	"kernels"
	kt "kernels/internal/ktest"
)

// optionsOf makes options of bytes of the data that the operands do not start with; weights are those of the first row of in[1].
func optionsOf[T kernels.Float](c *call[T], data []byte) *kernels.CrossEntropyOptions[T] {
	b := at(data, 5)
	o := &kernels.CrossEntropyOptions[T]{Reduction: kernels.Reduction(b % 3)}
	if b&4 != 0 && c.rows > 0 {
		o.Weights = make([]T, c.cols)
		for j := range o.Weights {
			o.Weights[j] = 1
			if w := math.Abs(float64(c.in[1][j])); w <= 1e6 {
				o.Weights[j] = T(w)
			}
		}
	}
	o.LabelSmoothing = []T{0, 0.1, 1, 0x1p-20}[b>>3&3]
	o.LogitScale = []T{0, 0.5, 3, 0}[b>>5&3]
	if b&128 != 0 {
		o.IgnoreIndex = new(int(at(data, 6)) % c.cols)
	}
	return o
}

// checkOptions holds losses and gradients to the definition, in float64 with package math: where the row, its weights and what
// comes of them are ordinary numbers.
func checkOptions[T kernels.Float](t *testing.T, c *call[T], o *kernels.CrossEntropyOptions[T], losses, grad []T) {
	scale := T(1)
	if o.LogitScale != 0 {
		scale = o.LogitScale
	}
	divisor := 0.0
	weight := func(j int) float64 {
		if o.Weights == nil {
			return 1
		}
		return float64(o.Weights[j])
	}
	ignored := func(r int) bool { return o.IgnoreIndex != nil && c.labels[r] == *o.IgnoreIndex }
	for r := range c.rows {
		if !ignored(r) {
			divisor += weight(c.labels[r])
		}
	}
	if o.Reduction != kernels.ReductionMean {
		divisor = 1
	}
	tolerance := 1e-12
	if kt.Is32[T]() {
		tolerance = 4e-6
	}
	for r := range c.rows {
		x, d := row(c.in[0], r, c.cols), row(grad, r, c.cols)
		if ignored(r) {
			for _, v := range append([]T{losses[r]}, d...) {
				if kt.RawBits(v) != 0 {
					t.Fatalf("row %d is ignored and has %v", r, v)
				}
			}
			continue
		}
		z, m := make([]float64, c.cols), math.Inf(-1)
		for j, v := range x {
			z[j] = float64(T(v * scale))
			m = math.Max(m, z[j])
		}
		if !(m >= -300 && m <= 300) || !(divisor > 1e-3) {
			continue // held to the generic bits only
		}
		sum := 0.0
		for _, v := range z {
			sum += math.Exp(v - m)
		}
		loss, largest, a, total := 0.0, 0.0, make([]float64, c.cols), 0.0
		underflow := smallest[T]() // of the weighted targets: each is off by less than the smallest subnormal, and is multiplied by -log p
		for j, v := range z {
			a[j] = float64(o.LabelSmoothing) / float64(c.cols)
			if j == c.labels[r] {
				a[j] += 1 - float64(o.LabelSmoothing)
			}
			a[j] *= weight(j)
			total += a[j]
			if a[j] != 0 {
				loss += a[j] * (m - v + math.Log(sum))
				underflow += smallest[T]() * (m - v + math.Log(sum))
			}
		}
		if math.Abs(float64(losses[r])-loss) > tolerance*math.Max(math.Abs(loss), total)+underflow && !(loss > 1e30) {
			t.Fatalf("%s: loss of row %d: %v, want %v; label %d, options %+v, x = %v", kt.TypeName[T](), r, losses[r], loss, c.labels[r], *o, x)
		}
		if total < float64(c.cols)*pick[T](0x1p-61, 0x1p-509) {
			continue // the gradient of such weights has little precision, as CrossEntropyOptions says
		}
		for j, v := range z {
			want := (total*math.Exp(v-m)/sum - a[j]) * float64(c.scale) / divisor * float64(scale)
			largest = total * math.Abs(float64(c.scale)) / divisor * float64(scale)
			if math.Abs(float64(d[j])-want) > tolerance*largest+float64(smallest[T]())*(1+math.Abs(float64(c.scale))) {
				t.Fatalf("%s: gradient %d of row %d: %v, want %v; label %d, options %+v, scale %v, x = %v", kt.TypeName[T](), j, r, d[j], want, c.labels[r], *o, c.scale, x)
			}
		}
	}
}

func crossEntropyOptions[T kernels.Float]() spec[T] {
	var o *kernels.CrossEntropyOptions[T]
	return spec[T]{rows: true, ins: 2, alias: []int{0}, loss: true, labels: true,
		prep: func(c *call[T], data []byte) { o = optionsOf(c, data) },
		run: func(c *call[T]) error {
			_, err := kernels.CrossEntropyGradWith(c.out, c.loss, c.in[0], c.labels, c.cols, []T{c.scale}, o)
			return err
		},
		check: func(t *testing.T, c *call[T]) { checkOptions(t, c, o, c.loss, c.out) }}
}

func FuzzCrossEntropyGradWith(f *testing.F) {
	fuzzBoth(f, crossEntropyOptions[float32](), crossEntropyOptions[float64]())
}

// The same bits everywhere, for probability targets of any values.
func probOptions[T kernels.Float]() spec[T] {
	var o *kernels.CrossEntropyOptions[T]
	return spec[T]{rows: true, ins: 2, alias: []int{0}, loss: true,
		prep: func(c *call[T], data []byte) {
			o = optionsOf(c, data)
			targetsPrep(c, data)
		},
		run: func(c *call[T]) error {
			_, err := kernels.CrossEntropyProbGradWith(c.out, c.loss, c.in[0], c.in[1], c.cols, []T{c.scale}, o)
			return err
		}}
}

func FuzzCrossEntropyProbGradWith(f *testing.F) {
	fuzzBoth(f, probOptions[float32](), probOptions[float64]())
}
