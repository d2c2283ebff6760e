package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"kernels"
	"kernels/bench/compare/internal/yard"
	"kernels/internal/ktable"
	"kernels/internal/ktest"
)

// A job is a call of a row of internal/ktable on buffers that every peer shares: a kernel over n
// elements, or over rows x classes of them.
type job[T kernels.Float] struct {
	kernel        string
	call          *ktable.Call[T]
	n             int
	rows, classes int // 1 and n for elementwise kernels
	// The slices of the call by their names in most kernels; nil if it has none of the name. x is
	// the input or the logits, and dst the first output.
	x, y, dy    []T
	dst, losses []T
	mask        []uint64
	labels      []int
	scale       T
	bools       []bool        // the mask as the peers have it
	ones        []T           // the mask as 0 and 1, for libraries that multiply
	before      []ktest.Array // what the arguments that are input and output held at first
}

// losing is the end of the name of a kernel whose losses may be nil and are not.
const losing = "Losses"

// table returns the row of a kernel, for what does not depend on the type of the elements.
var table = sync.OnceValue(func() map[string]*ktable.Func[float32] {
	rows := map[string]*ktable.Func[float32]{}
	for _, f := range ktable.Funcs[float32]() {
		rows[f.Name] = &f
		if lossEach(&f) {
			rows[f.Name+losing] = &f
		}
	}
	return rows
})

// lossEach reports whether a function computes a loss for each element if it is asked for. It is
// timed both ways.
func lossEach[T kernels.Float](f *ktable.Func[T]) bool {
	return len(f.Args) > 1 && f.Args[1].Name == "losses" && f.Args[1].Len == ktable.Each
}

// inRows reports whether a kernel works on rows.
func inRows(kernel string) bool { return table()[kernel].Rows }

// reads reports whether a kernel has an input of the name.
func reads(kernel, arg string) bool {
	f := table()[kernel]
	i := f.Index(arg)
	return i >= 0 && f.Args[i].In
}

// An arena hands out memory that Go does not manage, so that C may keep pointers to it. The memory
// is aligned to cache lines and, if the system has them, on huge pages. It is given back as a
// whole.
//
// The buffers start at offsets in their pages that are far apart. A CPU tells loads from earlier
// stores by these bits of an address. If the output lies a few lines behind the input (448 bytes,
// say), the loads of a kernel wait for its stores, but those of copy do not. They are whole pages
// apart, too: where two inputs lie a multiple of 256 MiB apart, the first-level cache of Zen cannot
// hold a line of both at the same place, and SwiGLU takes up to twice the time.
type arena struct{ maps [][]byte }

func (a *arena) bytes(n int) []byte {
	n = max(n, 1)
	skip := len(a.maps)*24*64%4096 + len(a.maps)*17*4096
	b, err := unix.Mmap(-1, 0, (n+skip+4095)&^4095, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic(fmt.Sprintf("mmap of %d bytes: %v", n, err))
	}
	if n >= 4<<20 {
		// without huge pages, all use pages of 4 KiB
		_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	}
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1 // all untouched pages are the same page of zeros
	}
	for i := 0; i < len(b); i += 4096 {
		b[i] = 0
	}
	a.maps = append(a.maps, b)
	return b[skip : skip+n]
}

func (a *arena) free() {
	for _, b := range a.maps {
		_ = unix.Munmap(b)
	}
	a.maps = nil
}

func slice[E any](a *arena, n int) []E {
	var e E
	return unsafe.Slice((*E)(unsafe.Pointer(unsafe.SliceData(a.bytes(n*int(unsafe.Sizeof(e)))))), n)
}

// newJob makes a job with inputs as in a network: logits of deviation 3, and labels and signs that
// are random, so that branches on them are mispredicted, as they are in practice.
func newJob[T kernels.Float](a *arena, kernel string, rows, classes int) *job[T] {
	f := ktable.Named[T](strings.TrimSuffix(kernel, losing))
	n := rows * classes
	// Slices repeat these many values: too many for a predictor to learn, and quick for a gigabyte.
	some := n
	if !f.Rows {
		rows, classes, some = 1, n, min(n, 1<<16)
	}
	c := f.Make(ktest.NewRand(7), rows, some/rows, ktable.Values{Kind: ktest.Normal, Typical: true},
		f.Shares()[0])
	c.Scale = 1
	if !f.Rows {
		c.Rows = n
	}
	j := &job[T]{kernel: kernel, call: c, n: n, rows: rows, classes: classes, scale: c.Scale}
	for i, arg := range f.Args {
		op := &c.Ops[i]
		if op.Mem == nil || i == 1 && lossEach(f) && f.Name == kernel {
			op.Mem = nil
			continue
		}
		mem := a.bytes((op.Len()*n + some - 1) / some * int(op.Type.Size()))
		if arg.In {
			for k := 0; k < len(mem); k += copy(mem[k:], op.Mem) {
			}
		}
		op.Mem = mem
		if arg.In && arg.Out {
			j.before = append(j.before, op.Clone())
		} else {
			j.before = append(j.before, ktest.Array{})
		}
	}
	c.Bind()
	j.x, j.y, j.dy, j.losses = c.Arg("x"), c.Arg("y"), c.Arg("dy"), c.Arg("losses")
	if j.x == nil {
		j.x = c.Arg("logits")
	}
	if f.Args[0].Type == ktable.Elem {
		j.dst = c.T(0)
	}
	if i := f.Index("labels"); i >= 0 {
		j.labels = ktest.View[int](c.Ops[i])
	}
	if kernel == "SigmoidBackward" || kernel == "TanhBackward" {
		fill(j.y, 2, func(r *ktest.Rand) T { return (ktest.Uniform[T](r, 1) + 1) / 2 })
	}
	if i := f.Index("mask"); i >= 0 {
		j.mask, j.bools, j.ones = ktest.View[uint64](c.Ops[i]), slice[bool](a, n), slice[T](a, n)
		if j.x == nil { // some libraries take it instead of the mask
			j.x = slice[T](a, n)
			fill(j.x, 1, ktest.Gauss[T])
		}
		j.remask()
	}
	return j
}

// remask makes the masks for x.
func (j *job[T]) remask() {
	clear(j.mask)
	for i, v := range j.x {
		j.bools[i], j.ones[i] = v <= 0, 1
		if v <= 0 {
			j.mask[i/64] |= 1 << (i % 64)
			j.ones[i] = 0
		}
	}
}

// reset wipes the outputs, so that the next peer has to write them again, and restores the
// arguments that are both input and output.
func (j *job[T]) reset() {
	for i, arg := range j.call.Args {
		switch op := j.call.Ops[i]; {
		case !arg.Out:
		case arg.In:
			copy(op.Mem, j.before[i].Mem)
		default:
			ktest.FillCanary(op.Mem)
		}
	}
}

// moved is the number of bytes that the job has to read and write.
func (j *job[T]) moved() int {
	n := 0
	for i, arg := range j.call.Args {
		if arg.In {
			n += len(j.call.Ops[i].Mem)
		}
		if arg.Out {
			n += len(j.call.Ops[i].Mem)
		}
	}
	return n
}

// fill repeats 64k values of f: too many for a predictor to learn, and quick for a gigabyte.
func fill[T kernels.Float](s []T, seed uint64, f func(*ktest.Rand) T) {
	r := ktest.NewRand(seed)
	for i := range s[:min(len(s), 1<<16)] {
		s[i] = f(r)
	}
	for i := 1 << 16; i < len(s); i *= 2 {
		copy(s[i:], s[:i])
	}
}

// A runner is a peer prepared for a job.
type runner struct {
	run   func(reps int)
	timed func(reps int) time.Duration // nil: the clock around run
	// brings the result to the job's dst and losses; nil if run writes there itself
	fetch func()
	close func()
}

func (r *runner) time(reps int) time.Duration {
	yard.Clean() // another peer may have left them dirty
	if r.timed != nil {
		return r.timed(reps)
	}
	start := time.Now()
	r.run(reps)
	return time.Since(start)
}

func (r *runner) done() {
	if r.close != nil {
		r.close()
	}
}

// A peer is a library that can do some of the jobs. f32 and f64 return nil for the others.
type peer struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Note    string `json:"note"`
	f32     func(*job[float32]) *runner
	f64     func(*job[float64]) *runner
}

// prepare calls f32 or f64, by the type of j.
func prepare[T kernels.Float](p *peer, j *job[T]) *runner {
	switch j := any(j).(type) {
	case *job[float32]:
		if p.f32 != nil {
			return p.f32(j)
		}
	case *job[float64]:
		if p.f64 != nil {
			return p.f64(j)
		}
	}
	return nil
}

// loop makes a runner from a function.
func loop(f func()) *runner {
	return &runner{run: func(reps int) {
		for range reps {
			f()
		}
	}}
}
