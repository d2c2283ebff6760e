package comm

import (
	"fmt"
	"sync"
)

// Run calls f on n ranks, each a goroutine of this process, and returns when all have ended. The
// error is the first of any rank, with its name if there are several ranks. The others end then,
// too, at their next exchange with a rank that has ended.
func Run(n int, f func(Comm) error) error {
	if n < 1 {
		return fmt.Errorf("%d ranks: there is at least 1", n)
	}
	g := &group{ended: make([]chan struct{}, n), wires: make([][]chan []byte, n)}
	for from := range g.wires {
		g.ended[from] = make(chan struct{})
		for range n {
			// a sender need not wait for the peer, which sends something itself
			g.wires[from] = append(g.wires[from], make(chan []byte, 1))
		}
	}
	var wait sync.WaitGroup
	for rank := range n {
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer close(g.ended[rank])
			if err := f(&local{g, rank}); err != nil {
				if n > 1 {
					err = fmt.Errorf("rank %d: %w", rank, err)
				}
				g.failed.Do(func() { g.err = err })
			}
		}()
	}
	wait.Wait()
	return g.err
}

// A group is the ranks of a process.
type group struct {
	wires  [][]chan []byte // from, to
	ended  []chan struct{}
	failed sync.Once
	err    error
}

// local is the Comm of a rank of a group.
type local struct {
	*group
	rank int
}

func (l *local) Rank() int { return l.rank }
func (l *local) Size() int { return len(l.ended) }

func (l *local) Exchange(peer int, send, recv []byte) error {
	if len(send) > 0 {
		select {
		case l.wires[l.rank][peer] <- append([]byte(nil), send...):
		case <-l.ended[peer]:
			return fmt.Errorf("rank %d has ended", peer)
		}
	}
	if len(recv) == 0 {
		return nil
	}
	wire := l.wires[peer][l.rank]
	var got []byte
	select {
	case got = <-wire:
	case <-l.ended[peer]:
		select {
		case got = <-wire: // its last words
		default:
			return fmt.Errorf("rank %d has ended", peer)
		}
	}
	if len(got) != len(recv) {
		return fmt.Errorf("rank %d sends %d bytes, not %d", peer, len(got), len(recv))
	}
	copy(recv, got)
	return nil
}
