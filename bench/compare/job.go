package main

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"kernels"
	"kernels/bench/compare/internal/yard"
	"kernels/internal/ktest"
)

// A job is one computation on buffers that every peer shares: a kernel over n elements, or over
// rows x classes of them.
type job[T kernels.Float] struct {
	kernel        string
	n             int
	rows, classes int // 1 and n for elementwise kernels
	x             []T // input or logits
	y, dy         []T // of backward kernels: outputs in (0, 1), gradients
	dst, losses   []T // the outputs
	mask          []uint64
	bools         []bool // the same mask as the peers have it
	ones          []T    // the same mask as 0 and 1, for libraries that multiply
	labels        []int
	scale         T
}

// needs says which inputs a kernel reads besides x, and whether it works on rows.
var needs = map[string]struct{ y, dy, mask, rows, labels bool }{
	"ReLU": {}, "Sigmoid": {}, "SigmoidFast": {},
	"ReLUMask":         {mask: true},
	"ReLUBackward":     {dy: true, mask: true},
	"SigmoidBackward":  {y: true, dy: true},
	"Softmax":          {rows: true},
	"CrossEntropyGrad": {rows: true, labels: true},
}

// moved is the number of bytes that a kernel has to read and write, with one bit per element of a
// mask.
func moved(kernel string, n, size int) int {
	switch kernel {
	case "SigmoidBackward":
		return 3 * n * size
	case "ReLUMask", "ReLUBackward":
		return 2*n*size + n/8
	}
	return 2 * n * size
}

// An arena hands out memory that Go does not manage, so that C may keep pointers to it. The memory
// is aligned to cache lines and, if the system has them, on huge pages. It is given back as a
// whole.
//
// The buffers start at offsets in their pages that are far apart. A CPU tells loads from earlier
// stores by these bits of an address. If the output lies a few lines behind the input (448 bytes,
// say), the loads of a kernel wait for its stores, but those of copy do not.
type arena struct{ maps [][]byte }

func (a *arena) bytes(n int) []byte {
	n = max(n, 1)
	skip := len(a.maps) * 24 * 64 % 4096
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

// newJob makes a job with inputs as in a network: logits of deviation 3, gradients of deviation 1.
// Signs and labels are random, so that branches on them are mispredicted, as they are in practice.
func newJob[T kernels.Float](a *arena, kernel string, rows, classes int) *job[T] {
	need := needs[kernel]
	n := rows * classes
	j := &job[T]{kernel: kernel, n: n, rows: rows, classes: classes, x: slice[T](a, n),
		dst: slice[T](a, n), scale: 1}
	fill(j.x, 1, func(r *ktest.Rand) T { return 3 * ktest.Gauss[T](r) })
	if need.y {
		j.y = slice[T](a, n)
		fill(j.y, 2, func(r *ktest.Rand) T { return (ktest.Uniform[T](r, 1) + 1) / 2 })
	}
	if need.dy {
		j.dy = slice[T](a, n)
		fill(j.dy, 3, ktest.Gauss[T])
	}
	if need.labels {
		j.losses, j.labels = slice[T](a, rows), slice[int](a, rows)
		r := ktest.NewRand(4)
		for i := range j.labels {
			j.labels[i] = r.Intn(classes)
		}
	}
	j.remask(a)
	return j
}

// remask makes the masks for x.
func (j *job[T]) remask(a *arena) {
	if !needs[j.kernel].mask {
		return
	}
	j.mask, j.bools, j.ones = slice[uint64](a, kernels.MaskLen(j.n)), slice[bool](a, j.n),
		slice[T](a, j.n)
	for i, v := range j.x {
		if v <= 0 {
			j.mask[i/64] |= 1 << (i % 64)
			j.bools[i] = true
		} else {
			j.ones[i] = 1
		}
	}
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
