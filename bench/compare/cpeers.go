package main

import (
	"unsafe"

	"kernels"
	"kernels/bench/compare/internal/cpeers"
)

var cKernels = map[string]cpeers.Kernel{
	"ReLU":             cpeers.ReLU,
	"ReLUMask":         cpeers.ReLUMask,
	"ReLUBackward":     cpeers.ReLUBackward,
	"Sigmoid":          cpeers.Sigmoid,
	"SigmoidFast":      cpeers.Sigmoid,
	"SigmoidBackward":  cpeers.SigmoidBackward,
	"Softmax":          cpeers.Softmax,
	"CrossEntropyGrad": cpeers.CrossEntropyGrad,
}

var cNotes = map[string]string{
	"libmvec":  "glibc's vector exp in C loops with intrinsics",
	"sleef":    "SLEEF's u10 exp in C loops with intrinsics",
	"c-loop":   "plain C loops, vectorised by the compiler",
	"c-recipe": "C loops with the textbook exp of degree 5 inlined",
	"onednn":   "oneDNN primitives, one thread",
	"xnnpack":  "XNNPACK operators, one thread; the exponential of its softmax is SSE2 in Debian's version",
}

// cPeers lists the C libraries that were built in.
func cPeers(avx512 bool) []*peer {
	var peers []*peer
	for _, l := range cpeers.Libraries {
		peers = append(peers, &peer{Name: l.Name, Version: l.Version(avx512), Note: cNotes[l.Name],
			f32: func(j *job[float32]) *runner { return cRunner(l, j, avx512) },
			f64: func(j *job[float64]) *runner { return cRunner(l, j, avx512) }})
	}
	return peers
}

func cRunner[T kernels.Float](l cpeers.Library, j *job[T], avx512 bool) *runner {
	var t T
	r := l.Prepare(&cpeers.Job{
		Kernel: cKernels[j.kernel], Float64: unsafe.Sizeof(t) == 8, AVX512: avx512,
		N: j.n, Rows: j.rows, Classes: j.classes,
		X: ptr(j.x), DY: ptr(j.dy), Y: ptr(j.y), Dst: ptr(j.dst), Losses: ptr(j.losses),
		Labels: ptr(j.labels), Bools: ptr(j.bools), Scale: float64(j.scale),
	})
	if r == nil {
		return nil
	}
	return &runner{run: r.Run, close: r.Close}
}

func ptr[E any](s []E) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }
