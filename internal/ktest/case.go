package ktest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"kernels/internal/isa"
)

// A Case is a call with its arguments. Tests of bits and bounds place the arguments in memory, run
// the call, and compare its results with those of the generic code.
type Case struct {
	Name string
	Args []Arg
	Run  func(args []Array) error

	// Piece runs the call for the rows [lo, hi) of Rows. lo is a multiple of Grain. It is nil for a
	// call that cannot be split.
	Piece       func(args []Array, lo, hi int) error
	Rows, Grain int
}

// A Routine is a function for the tests that go over all functions. It makes calls of a given size
// and kind of values.
type Routine struct {
	Name   string
	Rows   bool    // works on rows; other functions take elements, as one row
	Inner  bool    // a primitive: at most a batch of rows, of at most a piece each
	Shares [][]int // arguments that may share a slice, see [Case.Shared]; in the first all are apart
	Case   func(s Shape, kind Kind, seed uint64, share []int) *Case
}

// Result is the name of the argument that stands for the result of a call.
const Result = "result"

// An Arg is a slice that a call takes.
type Arg struct {
	Name string
	Out  bool  // the call writes to it
	Data Array // its contents before the call
	// Share is the number of the argument whose memory this one shares, or -1.
	Share int
}

// Cut returns the case run in pieces. They end at the rows in cuts, and at the last row.
func (c *Case) Cut(cuts ...int) *Case {
	d := *c
	d.Args = slices.Clone(c.Args)
	for i := range d.Args { // no piece returns the result of the whole call
		d.Args[i].Out = d.Args[i].Out && d.Args[i].Name != Result
	}
	d.Run = func(args []Array) error {
		lo := 0
		for _, hi := range append(cuts, c.Rows) {
			if err := c.Piece(args, lo, hi); err != nil {
				return err
			}
			lo = hi
		}
		return nil
	}
	return &d
}

// Shared returns the case with arguments that share slices: argument i is argument share[i], unless
// that is negative. Arguments that share a slice must hold the same values before the call, so that
// the results are those of the call with all slices apart.
func (c *Case) Shared(share []int) *Case {
	d := *c
	d.Args = slices.Clone(c.Args)
	for i, j := range share {
		if j >= 0 {
			d.Args[i].Share, d.Args[i].Data = j, d.Args[j].Data
		}
	}
	return &d
}

// A Memory is a place for the arguments of a call: between canaries, or against guard pages.
type Memory struct {
	// elements past a 64-byte boundary, for the first argument; others follow from it
	Off    int
	Spare  bool     // slices have a capacity beyond their length
	Guards []*Guard // one per argument; nil for canaries
	End    bool     // against the guard behind, not the one before
}

// A Placed call has its arguments in memory.
type Placed struct {
	*Case
	Mem    []Array
	guards []*Guard
	frames []frame
}

// buffers are those of the frames of earlier cases. New ones would take the allocator and the
// collector longer than the calls take.
var buffers sync.Pool

func buffer(n int) []byte {
	if b, _ := buffers.Get().(*[]byte); b != nil && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]byte, n, n+n/4)
}

// release lets later cases have the memory of p, which nobody looks at any more.
func (p *Placed) release() {
	for i := range p.frames {
		buffers.Put(&p.frames[i].buf)
	}
	p.Mem, p.frames = nil, nil
}

// Place puts the arguments of c into m.
func (m Memory) Place(c *Case) *Placed {
	p := &Placed{Case: c, Mem: make([]Array, len(c.Args))}
	written := make([]bool, len(c.Args))
	for _, a := range c.Args {
		if a.Out && a.Share >= 0 {
			written[a.Share] = true
		}
	}
	off := m.Off
	for i, a := range c.Args {
		if a.Data.Mem == nil || a.Share >= 0 {
			p.Mem[i] = a.Data
			continue
		}
		size := int(a.Data.Type.Size())
		var mem []byte
		if m.Guards != nil {
			g := m.Guards[i]
			g.ReadOnly(nil)
			mem = g.data[:len(a.Data.Mem)]
			if m.End {
				mem = g.data[len(g.data)-len(a.Data.Mem):]
			}
			copy(mem, a.Data.Mem)
			if m.End && !a.Out && !written[i] { // not for both ends: it is slow
				g.ReadOnly(mem)
			}
			p.guards = append(p.guards, g)
		} else {
			n := len(a.Data.Mem)
			f := newFrame(buffer(frameBytes(n, off*size)), n, off*size, size)
			mem = f.buf[f.lo:f.hi]
			if !m.Spare {
				mem = mem[:len(mem):len(mem)]
			}
			copy(mem, a.Data.Mem)
			p.frames = append(p.frames, f)
		}
		p.Mem[i] = Array{a.Data.Type, mem}
		off = (off*5 + 3) % 16
	}
	for i, a := range c.Args {
		if a.Share >= 0 {
			p.Mem[i] = p.Mem[a.Share]
		}
	}
	return p
}

// Overlapping is Place, but argument i begins shift elements behind the beginning of argument j.
// Where they overlap, they hold the values of j.
func (m Memory) Overlapping(c *Case, i, j, shift int) *Placed {
	a, b := c.Args[i].Data, c.Args[j].Data
	lo, hi := min(shift, 0), max(shift+a.Len(), b.Len())
	both := NewArray(a.Type, hi-lo)
	copy(both.Slice(shift-lo, hi-lo).Mem, a.Mem)
	copy(both.Slice(-lo, hi-lo).Mem, b.Mem)
	d := *c
	d.Args = slices.Clone(c.Args)
	d.Args[i].Data = both
	p := m.Place(&d)
	all := p.Mem[i]
	p.Mem[i], p.Mem[j] = all.Slice(shift-lo, shift-lo+a.Len()), all.Slice(-lo, -lo+b.Len())
	return p
}

// Apart returns the case with all arguments apart.
func (c *Case) Apart() *Case {
	d := *c
	d.Args = slices.Clone(c.Args)
	for i := range d.Args {
		d.Args[i].Share = -1
	}
	return &d
}

// Expect returns the arguments after a call of the generic code with all of them apart.
func (c *Case) Expect() ([]Array, error) {
	p := Memory{}.Place(c.Apart())
	var err error
	With(isa.NameGeneric, func() { err = p.Run(p.Mem) })
	return p.Mem, err
}

// Check runs the call in m on the instruction set in force. It returns an error if a result differs
// from want, or if anything else was written.
func (c *Case) Check(m Memory, want []Array) error {
	p := m.Place(c)
	var err error
	if m.Guards != nil {
		if fault := Try(func() { err = p.Run(p.Mem) }); fault != nil {
			err = fault
		}
	} else {
		err = p.Run(p.Mem)
	}
	if err != nil {
		return err
	}
	if err = p.Compare(want); err == nil {
		p.release()
	}
	return err
}

// Compare returns an error if a placed call, after its run, has not written the results in want, or
// has written anything else.
func (p *Placed) Compare(want []Array) error {
	for i, a := range p.Args {
		switch {
		case a.Out:
			if at := DiffArrays(p.Mem[i], want[i]); at >= 0 {
				return fmt.Errorf("%s[%d] = %v, want %v", a.Name, at, element(p.Mem[i], at),
					element(want[i], at))
			}
		case !p.isWritten(i) && !bytes.Equal(p.Mem[i].Mem, a.Data.Mem):
			return fmt.Errorf("%s was written to", a.Name)
		}
	}
	return p.outside()
}

// isWritten reports whether argument i shares a slice with an output.
func (p *Placed) isWritten(i int) bool {
	return slices.ContainsFunc(p.Args, func(a Arg) bool {
		return a.Out && a.Share >= 0 && (a.Share == i || a.Share == p.Args[i].Share)
	})
}

func (p *Placed) outside() error {
	for _, g := range p.guards {
		if err := g.Check(); err != nil {
			return err
		}
	}
	for i := range p.frames {
		if err := p.frames[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

func element(a Array, i int) any {
	if i >= a.Len() {
		return "nothing"
	}
	return a.Slice(i, i+1)
}

// Refuse runs a call that must panic or return an error, and must not write anything. It returns
// the panic value or the error.
func (p *Placed) Refuse() (panicked any, failed, err error) {
	before := make([]Array, len(p.Mem))
	for i, a := range p.Mem {
		before[i] = a.Clone()
	}
	func() {
		defer func() { panicked = recover() }()
		failed = p.Run(p.Mem)
	}()
	for i, a := range p.Mem {
		if !bytes.Equal(a.Mem, before[i].Mem) {
			return panicked, failed, fmt.Errorf("%s was written to", p.Args[i].Name)
		}
	}
	return panicked, failed, p.outside()
}
