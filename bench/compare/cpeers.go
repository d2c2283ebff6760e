package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"unsafe"

	"kernels"
	"kernels/bench/compare/internal/cpeers"
	"kernels/internal/isa"
	"kernels/internal/ktable"
	"kernels/internal/ktest"
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
	"Tanh":             cpeers.Tanh,
	"Exp":              cpeers.Exp,
	"Expm1":            cpeers.Expm1,
	"Log":              cpeers.Log,
	"Log1p":            cpeers.Log1p,
	"Erf":              cpeers.Erf,
	"SiLU":             cpeers.SiLU,
	"GELU":             cpeers.GELU,
	"GELUTanh":         cpeers.GELUTanh,
	"Softplus":         cpeers.Softplus,
	"HardSwish":        cpeers.HardSwish,
}

var cNotes = map[string]string{
	"libmvec": "glibc's vector functions in C loops with intrinsics",
	"sleef":   "SLEEF's u10 functions in C loops with intrinsics",
	"c-loop":  "plain C loops, vectorised by the compiler",
	"onednn":  "oneDNN primitives, one thread",
	"xnnpack": "XNNPACK operators, one thread; the exponential of its softmax is SSE2 in Debian's version",
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

// recipe is the peer of textbook loops, which is built when compare starts.
func recipe(isaName string) ([]*peer, error) {
	version, entries, err := cpeers.Recipe()
	if err != nil {
		return nil, err
	}
	return entryPeers("C loops with the textbook exp and tanh inlined", version, entries, isaName)
}

// libraryPeers loads the peers of a shared library that take part in runs of an instruction set.
func libraryPeers(path, isaName string) ([]*peer, error) {
	version, entries, err := cpeers.Open(path)
	if err != nil {
		return nil, err
	}
	return entryPeers("from "+filepath.Base(path), version, entries, isaName)
}

// entryPeers makes a peer of the entries of each name.
func entryPeers(note, version string, entries []cpeers.Entry, isaName string) ([]*peer, error) {
	var peers []*peer
	var of []map[string]cpeers.Entry // by kernel and type
	for _, e := range entries {
		f := table()[e.Kernel]
		switch {
		case f == nil || f.Opts&^(ktable.Scale|ktable.Matrices) != 0:
			return nil, fmt.Errorf("%s: %q is not a kernel without options", e.Name, e.Kernel)
		case !slices.Contains(types, e.Type):
			return nil, fmt.Errorf("%s: %q is not a type", e.Name, e.Type)
		case e.ISA != "" && e.ISA != isaName:
			continue
		}
		i := slices.IndexFunc(peers, func(p *peer) bool { return p.Name == e.Name })
		if i < 0 {
			i = len(peers)
			m := map[string]cpeers.Entry{}
			of = append(of, m)
			peers = append(peers, &peer{Name: e.Name, Version: version, Note: note,
				f32: func(j *job[float32]) *runner { return entryRunner(m, j, isaName) },
				f64: func(j *job[float64]) *runner { return entryRunner(m, j, isaName) }})
		}
		key := e.Kernel + "/" + e.Type
		if _, ok := of[i][key]; ok {
			return nil, fmt.Errorf("%s: two entries for %s", e.Name, key)
		}
		if of[i][key] = e; e.Error != "" {
			peers[i].Note += fmt.Sprintf("; %s %s: %s", e.Kernel, typeShort(e.Type), e.Error)
		}
	}
	return peers, nil
}

func entryRunner[T kernels.Float](of map[string]cpeers.Entry, j *job[T], isaName string) *runner {
	kernel := j.kernel
	if kernel == "SigmoidFast" {
		kernel = "Sigmoid"
	}
	e, ok := of[kernel+"/"+ktest.TypeName[T]()]
	if !ok {
		return nil
	}
	return runnerOf(e.Prepare(cJob(j, isaName == isa.NameAVX512)))
}

func cRunner[T kernels.Float](l cpeers.Library, j *job[T], avx512 bool) *runner {
	c := cJob(j, avx512)
	if c.Kernel == cpeers.Other {
		return nil
	}
	return runnerOf(l.Prepare(c))
}

func runnerOf(r *cpeers.Runner) *runner {
	if r == nil {
		return nil
	}
	return &runner{run: r.Run, close: r.Close}
}

// cJob is the job as C has it.
func cJob[T kernels.Float](j *job[T], avx512 bool) *cpeers.Job {
	kernel, ok := cKernels[j.kernel]
	if !ok {
		kernel = cpeers.Other
	}
	c := &cpeers.Job{
		Kernel: kernel, Float64: !ktest.Is32[T](), AVX512: avx512,
		N: j.n, Rows: j.rows, Classes: j.classes, Inner: j.call.Inner,
		X: ptr(j.x), DY: ptr(j.dy), Y: ptr(j.y), Dst: ptr(j.call.Ops[0].Mem), Losses: ptr(j.losses),
		Labels: ptr(j.labels), Bools: ptr(j.bools), Scale: float64(j.scale),
	}
	for _, op := range j.call.Ops {
		c.Args = append(c.Args, cpeers.Slice{P: ptr(op.Mem), N: op.Len()})
	}
	return c
}

func ptr[E any](s []E) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }
