package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
	"unsafe"

	"kernels"
)

//go:embed torch_worker.py
var torchScript string

// torch drives a Python process in turns with ours. While it works, we wait, on the same core.
type torch struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	// folder for inputs and results, in memory if the system has a place for that
	dir  string
	next int
}

type torchReply struct {
	OK                         bool
	NS                         int64
	Error, Version, Capability string
}

// startTorch starts the process, or returns an error that says why there is none. If python is
// "auto", it looks for an interpreter with PyTorch.
func startTorch(python string, core int, avx512 bool) (*torch, *peer, error) {
	if python == "auto" {
		python = ""
		for _, p := range []string{"python3", "/usr/bin/python3"} {
			if exec.Command(p, "-c", "import torch, numpy").Run() == nil {
				python = p
				break
			}
		}
		if python == "" {
			return nil, nil, fmt.Errorf("no python3 with torch and numpy")
		}
	}
	dir, err := os.MkdirTemp(shm(), "compare-torch-")
	if err != nil {
		return nil, nil, err
	}
	capability := "avx2"
	if avx512 {
		capability = "avx512"
	}
	cmd := exec.Command(python, "-c", torchScript, strconv.Itoa(core))
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "ATEN_CPU_CAPABILITY="+capability)
	cmd.Stderr = os.Stderr
	t := &torch{cmd: cmd, dir: dir}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	t.in, t.out = in, bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	hello, err := t.read()
	if err != nil {
		t.stop()
		return nil, nil, err
	}
	return t, &peer{Name: "torch", Version: hello.Version,
		Note: "PyTorch operators on preallocated outputs, one thread, " + hello.Capability,
		f32:  func(j *job[float32]) *runner { return torchRunner(t, j) },
		f64:  func(j *job[float64]) *runner { return torchRunner(t, j) }}, nil
}

func shm() string {
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		return "/dev/shm"
	}
	return ""
}

func (t *torch) stop() {
	if t != nil {
		_ = t.in.Close()
		_ = t.cmd.Wait()
		_ = os.RemoveAll(t.dir)
	}
}

func (t *torch) read() (torchReply, error) {
	var r torchReply
	line, err := t.out.ReadBytes('\n')
	if err != nil {
		return r, fmt.Errorf("torch: %w", err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("torch: %w in %q", err, line)
	}
	if r.Error != "" {
		return r, fmt.Errorf("torch: %s", r.Error)
	}
	return r, nil
}

// ask sends a request and reads the reply. A failure of the process or its pipes ends the run.
func (t *torch) ask(request map[string]any) torchReply {
	line, err := json.Marshal(request)
	if err == nil {
		_, err = t.in.Write(append(line, '\n'))
	}
	if err != nil {
		panic(fmt.Sprintf("torch: %v", err))
	}
	r, err := t.read()
	if err != nil {
		panic(err.Error())
	}
	return r
}

func torchRunner[T kernels.Float](t *torch, j *job[T]) *runner {
	t.next++
	id := t.next
	var e T
	kind := "float64"
	if unsafe.Sizeof(e) == 4 {
		kind = "float32"
	}
	files := map[string]string{}
	file := func(name string) string { return filepath.Join(t.dir, fmt.Sprintf("%d.%s", id, name)) }
	write := func(name string, b []byte) {
		if len(b) == 0 {
			return
		}
		files[name] = file(name)
		if err := os.WriteFile(files[name], b, 0o600); err != nil {
			panic(fmt.Sprintf("torch: %v", err))
		}
	}
	write("x", raw(j.x))
	write("y", raw(j.y))
	write("dy", raw(j.dy))
	write("gate", raw(j.call.Arg("gate")))
	write("up", raw(j.call.Arg("up")))
	write("labels", raw(j.labels))
	reply := t.ask(map[string]any{"do": "prepare", "id": id, "kernel": j.kernel, "type": kind,
		"n": j.n, "rows": j.rows,
		"classes": j.classes, "isrows": j.call.Func.Rows, "scale": float64(j.scale),
		"files": files})
	for _, f := range files {
		_ = os.Remove(f)
	}
	if !reply.OK {
		return nil
	}
	r := &runner{}
	r.timed = func(reps int) time.Duration {
		return time.Duration(t.ask(map[string]any{"do": "run", "id": id, "reps": reps}).NS)
	}
	r.run = func(reps int) { r.timed(reps) }
	r.fetch = func() {
		t.ask(map[string]any{"do": "fetch", "id": id, "dst": file("dst"), "losses": file("losses")})
		get := func(name string, into []byte) {
			b, err := os.ReadFile(file(name))
			if err != nil || len(b) != len(into) {
				panic(fmt.Sprintf("torch: %d bytes of %s instead of %d: %v", len(b), name,
					len(into), err))
			}
			copy(into, b)
			_ = os.Remove(file(name))
		}
		get("dst", raw(j.dst))
		if len(j.losses) > 0 {
			get("losses", raw(j.losses))
		}
	}
	r.close = func() { t.ask(map[string]any{"do": "free", "id": id}) }
	return r
}

// raw is the memory of s.
func raw[E any](s []E) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}
