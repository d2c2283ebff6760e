package fuzz

import (
	"math"
	"testing"

	"kernels"
	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// A call holds the operands of a kernel; it uses those that its spec names.
type call[T kernels.Float] struct {
	rows, cols int // elementwise: 1, n
	in         [2][]T
	out        []T
	loss       []T
	labels     []int // also the result of Argmax
	mask       []uint64
	scale      T
}

// A spec says how to call a kernel and what to hold it to.
type spec[T kernels.Float] struct {
	rows            bool
	ins             int
	noOut           bool
	loss, labels    bool
	index           bool
	maskIn, maskOut bool
	alias           []int // inputs that the output may be
	prep            func(c *call[T], data []byte)
	run             func(c *call[T]) error
	// check compares the generic results with a reference.
	check func(t *testing.T, c *call[T])
}

// scales of gradients, picked by a byte of the data.
var scales = []float64{1, 0.5, 1.0 / 3, -2, 0x1p-40, 1e10, 0, 1.0 / 1000}

// size turns the fuzzer's number into the size of a case and an offset.
func size(shape uint16, rows bool) (r, c, off int) {
	lo, hi := int(shape&255), int(shape>>8)
	off = (lo*3 + hi) % 16
	switch {
	case !rows && hi >= 250: // around a chunk
		return 1, []int{4096, 8192, 16384, 32768}[lo%4] - 8 + lo/16, off
	case !rows:
		return 1, (lo + 7*hi) % 300, off
	case hi >= 248: // wide rows, up to three chunks of the canonical sum
		return hi - 247, 41 + lo*35, off
	case hi >= 200:
		return hi % 4, 33 + lo, off
	default: // few classes, up to 70 rows
		return hi % 71, 1 + lo%40, off
	}
}

// fuzzBoth registers a kernel's target for both types.
func fuzzBoth(f *testing.F, s32 spec[float32], s64 spec[float64]) {
	f.Add([]byte("\x00\x10\x20 0\xb0\xff\xc8\x01\xc8\x02 seed"), uint16(0x0a0a))
	f.Fuzz(func(t *testing.T, data []byte, shape uint16) {
		one(t, s32, data, shape)
		one(t, s64, data, shape)
	})
}

func one[T kernels.Float](t *testing.T, s spec[T], data []byte, shape uint16) {
	c := &call[T]{}
	var off int
	c.rows, c.cols, off = size(shape, s.rows)
	n := c.rows * c.cols
	for i := range s.ins {
		c.in[i] = make([]T, n)
		kt.FromBytes(rotate(data, i*len(data)/2), c.in[i])
	}
	c.scale = T(scales[int(at(data, 0))%len(scales)])
	if s.labels {
		c.labels = make([]int, c.rows)
		for r := range c.labels {
			c.labels[r] = (int(at(data, r))*257 + r) % c.cols
		}
	}
	if s.maskIn {
		c.mask = make([]uint64, kernels.MaskLen(n))
		for i := range c.mask {
			for j := range 8 {
				c.mask[i] = c.mask[i]<<8 | uint64(at(data, i*8+j))
			}
		}
	}
	if s.prep != nil {
		s.prep(c, data)
	}

	want := place(s, c, -1, 0)
	kt.With(isa.NameGeneric, func() { must(t, s.run(want.call)) })
	if s.check != nil {
		s.check(t, want.call)
	}
	for _, name := range isa.Available() {
		for _, alias := range append([]int{-1}, s.alias...) {
			got := place(s, c, alias, off)
			kt.With(name, func() { must(t, s.run(got.call)) })
			compare(t, name, c, want.call, got, alias)
		}
	}
}

// at returns a byte of data, read in a circle.
func at(data []byte, i int) byte {
	if len(data) == 0 {
		return 0
	}
	return data[i%len(data)]
}

func rotate(data []byte, by int) []byte {
	return append(append([]byte(nil), data[by:]...), data[:by]...)
}

func must(t *testing.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// placed is a call whose operands lie between canaries.
type placed[T kernels.Float] struct {
	*call[T]
	checks []func() error
}

func frame[T kernels.Float, E any](p *placed[T], n, off int, src []E) []E {
	f := kt.NewFrame[E](n, off)
	p.checks = append(p.checks, f.Check)
	copy(f.S, src)
	return f.S
}

// place copies the inputs into frames, with the output on input alias if that
// is one. Outputs start as garbage.
func place[T kernels.Float](s spec[T], c *call[T], alias, off int) *placed[T] {
	d := *c
	p := &placed[T]{call: &d}
	for i := range s.ins {
		d.in[i] = frame(p, len(c.in[i]), (off+5*i)%16, c.in[i])
	}
	if s.labels {
		d.labels = frame(p, len(c.labels), off, c.labels)
	}
	if s.maskIn {
		d.mask = frame(p, len(c.mask), off, c.mask)
	}
	n := c.rows * c.cols
	garbage := make([]T, max(n, c.rows))
	for i := range garbage {
		garbage[i] = -1234.5
	}
	switch {
	case s.noOut:
	case alias >= 0:
		d.out = d.in[alias]
	default:
		d.out = frame(p, n, (off+3)%16, garbage)
	}
	if s.loss {
		d.loss = frame(p, c.rows, (off+7)%16, garbage)
	}
	if s.index {
		d.labels = frame(p, c.rows, off, []int(nil))
	}
	if s.maskOut {
		m := make([]uint64, kernels.MaskLen(n))
		for i := range m {
			m[i] = 0xa5a5
		}
		d.mask = frame(p, len(m), off, m)
	}
	return p
}

// compare checks the results of an instruction set against the generic ones,
// and that nothing else was written.
func compare[T kernels.Float](t *testing.T, name string, c, want *call[T], got *placed[T], alias int) {
	t.Helper()
	if i := kt.Diff(got.out, want.out); i >= 0 {
		t.Fatalf("%s %s, alias %d, %d rows of %d: out[%d] = %v (%#x), want %v (%#x)", name, kt.TypeName[T](), alias, c.rows, c.cols, i,
			got.out[i], kt.Bits(got.out[i]), want.out[i], kt.Bits(want.out[i]))
	}
	if i := kt.Diff(got.loss, want.loss); i >= 0 {
		t.Fatalf("%s %s, alias %d, %d rows of %d: losses[%d] = %v, want %v", name, kt.TypeName[T](), alias, c.rows, c.cols, i, got.loss[i], want.loss[i])
	}
	for i, m := range got.mask {
		if m != want.mask[i] {
			t.Fatalf("%s %s, alias %d, n = %d: mask[%d] = %#x, want %#x", name, kt.TypeName[T](), alias, c.cols, i, m, want.mask[i])
		}
	}
	for i, in := range got.in {
		if i == alias {
			continue
		}
		for j, v := range in {
			if kt.RawBits(v) != kt.RawBits(c.in[i][j]) {
				t.Fatalf("%s: input %d was written to at %d", name, i, j)
			}
		}
	}
	for i, l := range got.labels {
		if c.labels == nil && l != want.labels[i] {
			t.Fatalf("%s %s, %d rows of %d: index of row %d is %d, want %d", name, kt.TypeName[T](), c.rows, c.cols, i, l, want.labels[i])
		}
		if c.labels != nil && l != c.labels[i] {
			t.Fatalf("%s: labels were written to at %d", name, i)
		}
	}
	for _, check := range got.checks {
		if err := check(); err != nil {
			t.Fatalf("%s %s, alias %d, %d rows of %d: %v", name, kt.TypeName[T](), alias, c.rows, c.cols, err)
		}
	}
}

// eps is the distance from 1 to the next value of T.
func eps[T kernels.Float]() float64 {
	if kt.Is32[T]() {
		return 0x1p-23
	}
	return 0x1p-52
}

// smallest is the smallest subnormal of T.
func smallest[T kernels.Float]() float64 { return float64(kt.FromBits[T](1)) }

func pick[T kernels.Float](f32, f64 float64) float64 {
	if kt.Is32[T]() {
		return f32
	}
	return f64
}

// row returns row r of x.
func row[T any](x []T, r, cols int) []T { return x[r*cols : (r+1)*cols] }

// kind of a row of logits.
type rowKind int

const (
	ordinary rowKind = iota
	allNaN           // a NaN, a +Inf or nothing but -Inf: every result is NaN
)

func kindOf[T kernels.Float](x []T) rowKind {
	finite := false
	for _, v := range x {
		if v != v || math.IsInf(float64(v), 1) {
			return allNaN
		}
		if !math.IsInf(float64(v), -1) {
			finite = true
		}
	}
	if !finite {
		return allNaN
	}
	return ordinary
}

// wantNaN fails unless all of x is NaN.
func wantNaN[T kernels.Float](t *testing.T, what string, x []T) {
	t.Helper()
	for i, v := range x {
		if v == v {
			t.Fatalf("%s: element %d is %v in a row that has to be NaN", what, i, v)
		}
	}
}

// tame returns x with every value in ±limit and finite, for numerical gradients.
func tame[T kernels.Float](x []T, limit float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		f := float64(v)
		if f-f != 0 {
			f = 0.5
		}
		if math.Abs(f) > limit {
			f = math.Copysign(limit/(1+math.Abs(math.Remainder(f, 7))), f)
		}
		y[i] = T(f)
	}
	return y
}

func to64[T kernels.Float](x []T) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// checkGrad compares a few elements of dx with the numerical gradient of f.
func checkGrad[T kernels.Float](t *testing.T, name string, dx, x []T, f func(x []float64) float64) {
	t.Helper()
	if len(x) == 0 {
		return
	}
	const h = 1e-3
	at := to64(x)
	rounding := 4 * 0x1p-53 * math.Abs(f(at)) / h // of f's values, as NumGrad says: large where f adds many elements
	for _, i := range []int{0, len(x) / 2, len(x) - 1} {
		want := kt.NumGrad(f, at, i, h)
		if tol := pick[T](5e-6, 1e-9)*(1+math.Abs(want)) + rounding; !(math.Abs(want-float64(dx[i])) <= tol) {
			t.Fatalf("%s %s: dx[%d] = %v, numerical gradient %v at %v, of %d", name, kt.TypeName[T](), i, dx[i], want, x[i], len(x))
		}
	}
}

// A total adds without loss: what each addition rounds away is added at the end.
type total struct{ s, lost float64 }

func (t *total) add(v float64) {
	s := t.s + v
	b := s - t.s
	t.lost += (t.s - (s - b)) + (v - b)
	t.s = s
}

func (t *total) sum() float64 { return t.s + t.lost }

// dot is the scalar whose gradient a backward returns.
func dot(y, dy []float64) float64 {
	var t total // the difference of two plain sums of thousands of elements would be lost in their rounding
	for i, v := range y {
		t.add(float64(v * dy[i]))
	}
	return t.sum()
}

// dotOf is dot with y = f(x).
func dotOf(f func(float64) float64, x, dy []float64) float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return dot(y, dy)
}

func refSoftmax(x []float64) []float64 {
	m, s := math.Inf(-1), 0.0
	for _, v := range x {
		m = max(m, v)
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Exp(v - m)
		s += y[i]
	}
	for i := range y {
		y[i] /= s
	}
	return y
}

func refLogSoftmax(x []float64) []float64 {
	y := refSoftmax(x)
	for i, v := range y {
		y[i] = math.Log(v)
	}
	return y
}
