// Package comm has what the ranks of a run need of each other: sums, maxima and lists of what all
// have, made of exchanges between two ranks.
//
// Results do not depend on who sent first, nor on the number of ranks: a sum is that of a fixed
// binary tree (see [Tree]), of which a rank holds a subtree. (A sum by MPI_Allreduce would be added
// in an order that MPI leaves open.)
package comm

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"kernels"
)

// Comm connects the ranks 0 to Size()-1 of a run. Each rank has one of its own, which one goroutine
// at a time may use.
type Comm interface {
	Rank() int
	Size() int
	// Exchange sends one slice to the rank called peer, which calls Exchange, too, and fills the
	// other with what the peer sends. An empty slice is no message. If the peer has ended or does
	// not answer, it returns an error that names it. After an error, the Comm is of no more use.
	Exchange(peer int, send, recv []byte) error
}

// A Meter is a Comm that adds up what its exchanges take.
type Meter struct {
	Comm
	Time      time.Duration // waiting for the peer included
	Exchanges int
	Sent      int64 // bytes
}

// Exchange implements [Comm].
func (m *Meter) Exchange(peer int, send, recv []byte) error {
	start := time.Now()
	err := m.Comm.Exchange(peer, send, recv)
	m.Time += time.Since(start)
	m.Exchanges++
	m.Sent += int64(len(send))
	return err
}

// number is an element that all ranks have in the same size. All have the same order of bytes, too:
// [Agree] finds out.
type number interface {
	~float32 | ~float64 | ~uint64 | ~uint8
}

// bytes returns the memory of s.
func bytes[E number](s []E) []byte {
	var e E
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(e)))
}

// CheckSize returns an error unless the ranks can share out so many parts: their number is a power
// of two that divides it.
func CheckSize(c Comm, parts int) error {
	if n := c.Size(); n&(n-1) != 0 || parts%n != 0 {
		return fmt.Errorf("%d ranks: their number is a power of two and divides %d, the number of "+
			"parts that they share", n, parts)
	}
	return nil
}

// Parts returns the range [lo, hi) of parts that this rank has.
func Parts(c Comm, parts int) (lo, hi int) {
	each := parts / c.Size()
	return c.Rank() * each, (c.Rank() + 1) * each
}

// Reduce sets v, on all ranks, to the vectors v of all of them, joined in a binary tree: ranks 0
// and 1, 2 and 3, and so on, then pairs of these. It is called recursive doubling: in the last
// round, half of the ranks exchange what they have with the other half, and both join it.
//
// join joins two vectors, those of the lower and of the upper ranks, into dst, which is one of
// them.
func Reduce[E number](c Comm, v []E, join func(dst, lower, upper []E)) error {
	if c.Size() == 1 {
		return nil
	}
	return reduce(c, v, make([]E, len(v)), join)
}

func reduce[E number](c Comm, v, other []E, join func(dst, lower, upper []E)) error {
	for d := 1; d < c.Size(); d *= 2 {
		peer := c.Rank() ^ d
		if err := c.Exchange(peer, bytes(v), bytes(other)); err != nil {
			return err
		}
		if peer < c.Rank() {
			join(v, other, v)
		} else {
			join(v, v, other)
		}
	}
	return nil
}

// Add is a join for [Reduce]: dst = lower + upper.
func Add[T kernels.Float](dst, lower, upper []T) {
	lower, upper = lower[:len(dst)], upper[:len(dst)]
	for i := range dst {
		dst[i] = lower[i] + upper[i]
	}
}

// Max is a join for [Reduce]: the larger of each two elements.
func Max[T kernels.Float](dst, lower, upper []T) {
	for i := range dst {
		dst[i] = max(lower[i], upper[i])
	}
}

// Gather returns the vectors v of all ranks, which have one length, in the order of the ranks.
func Gather[E number](c Comm, v []E) ([]E, error) {
	n := len(v)
	all := make([]E, n*c.Size())
	copy(all[c.Rank()*n:], v)
	for d := 1; d < c.Size(); d *= 2 {
		here := c.Rank() &^ (d - 1) // the ranks [here, here+d) have the same now
		there := here ^ d
		err := c.Exchange(c.Rank()^d, bytes(all[here*n:(here+d)*n]), bytes(all[there*n:(there+d)*n]))
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Collect returns, on rank 0, the vectors v of all ranks, which have one length, in the order of
// the ranks, and nil on the others.
func Collect[E number](c Comm, v []E) ([]E, error) {
	if c.Rank() != 0 {
		return nil, c.Exchange(0, bytes(v), nil)
	}
	all := make([]E, len(v)*c.Size())
	copy(all, v)
	for rank := 1; rank < c.Size(); rank++ {
		if err := c.Exchange(rank, nil, bytes(all[rank*len(v):][:len(v)])); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Broadcast returns the bytes that rank 0 has. Those of other ranks are not looked at.
func Broadcast(c Comm, data []byte) ([]byte, error) {
	has := c.Rank() == 0
	for d := c.Size() / 2; d >= 1; d /= 2 {
		peer := c.Rank() ^ d
		if c.Rank()%d != 0 {
			continue // neither has it yet
		}
		var size [1]uint64
		if has {
			size[0] = uint64(len(data))
			if err := c.Exchange(peer, bytes(size[:]), nil); err != nil {
				return nil, err
			}
			if err := c.Exchange(peer, data, nil); err != nil {
				return nil, err
			}
			continue
		}
		if err := c.Exchange(peer, nil, bytes(size[:])); err != nil {
			return nil, err
		}
		data = make([]byte, size[0])
		if err := c.Exchange(peer, nil, data); err != nil {
			return nil, err
		}
		has = true
	}
	return data, nil
}

// Agree returns an error unless all ranks have the same value, such as a hash of their settings.
func Agree(c Comm, what string, value uint64) error {
	all, err := Gather(c, []uint64{value})
	for rank, v := range all {
		if v != value && err == nil {
			err = fmt.Errorf("rank %d and rank %d differ in %s", c.Rank(), rank, what)
		}
	}
	return err
}

// A Tree adds vectors, the leaves, in a fixed binary tree: leaves 0 and 1, 2 and 3, and so on, then
// pairs of these sums. Each rank computes the leaves of [Parts] and adds them up; then the ranks go
// on with [Reduce].
type Tree[T kernels.Float] struct {
	Comm   Comm
	Leaves int // a power of two; see [CheckSize]

	spare [][]T // a vector for each level
}

// Sum sets dst to the sum, on all ranks. leaf sets its argument, whatever that holds, to leaf i.
func (t *Tree[T]) Sum(dst []T, leaf func(i int, dst []T) error) error {
	if t.Leaves&(t.Leaves-1) != 0 || t.Leaves == 0 {
		return errors.New("comm: the number of leaves is not a power of two")
	}
	lo, hi := Parts(t.Comm, t.Leaves)
	if err := t.sum(lo, hi, 1, dst, leaf); err != nil {
		return err
	}
	return reduce(t.Comm, dst, t.level(0, len(dst)), Add[T])
}

// sum sets dst to the sum of the leaves [lo, hi). Levels from depth on are free.
func (t *Tree[T]) sum(lo, hi, depth int, dst []T, leaf func(i int, dst []T) error) error {
	if hi-lo == 1 {
		return leaf(lo, dst)
	}
	middle := (lo + hi) / 2
	if err := t.sum(lo, middle, depth+1, dst, leaf); err != nil {
		return err
	}
	upper := t.level(depth, len(dst))
	if err := t.sum(middle, hi, depth+1, upper, leaf); err != nil {
		return err
	}
	Add(dst, dst, upper)
	return nil
}

// level returns the spare vector of a level.
func (t *Tree[T]) level(depth, n int) []T {
	for len(t.spare) <= depth {
		t.spare = append(t.spare, nil)
	}
	if cap(t.spare[depth]) < n {
		t.spare[depth] = make([]T, n)
	}
	return t.spare[depth][:n]
}
