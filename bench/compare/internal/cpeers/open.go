//go:build cgo

package cpeers

// #cgo linux LDFLAGS: -ldl
// #include "runner.h"
// #include <dlfcn.h>
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"path/filepath"
	"unsafe"
)

// Open loads a shared library of peers and returns its version and its entries. It stays loaded.
func Open(path string) (version string, entries []Entry, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return "", nil, err
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	lib := C.dlopen(name, C.RTLD_NOW|C.RTLD_LOCAL)
	if lib == nil {
		return "", nil, fmt.Errorf("%s", C.GoString(C.dlerror()))
	}
	symbol := func(name string) unsafe.Pointer {
		s := C.CString(name)
		defer C.free(unsafe.Pointer(s))
		p := C.dlsym(lib, s)
		if p == nil && err == nil {
			err = fmt.Errorf("%s: no symbol %s; job.h says what a library exports", path, name)
		}
		return p
	}
	abi, v, list := symbol("compare_abi"), symbol("compare_version"), symbol("compare_entries")
	if err != nil {
		return "", nil, err
	}
	if n := *(*C.int)(abi); n != C.COMPARE_ABI {
		return "", nil, fmt.Errorf("%s: interface %d, and this is %d", path, n, C.COMPARE_ABI)
	}
	for p := (*C.compare_entry)(list); p.name != nil; p = next(p) {
		e := Entry{Name: C.GoString(p.name), Kernel: C.GoString(p.kernel),
			Type: C.GoString(p._type), ISA: C.GoString(p.isa), Error: C.GoString(p.error)}
		if p.run == nil {
			return "", nil, fmt.Errorf("%s: %s has no function for %s", path, e.Name, e.Kernel)
		}
		run := p.run
		e.Prepare = func(j *Job) *Runner { return runnerOf(C.runner_of(cjob(j), run)) }
		entries = append(entries, e)
	}
	return C.GoString((*C.char)(v)), entries, nil
}

func next(p *C.compare_entry) *C.compare_entry {
	return (*C.compare_entry)(unsafe.Add(unsafe.Pointer(p), unsafe.Sizeof(*p)))
}
