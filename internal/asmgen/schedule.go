package asmgen

import (
	"slices"
	"sort"
)

// A Pipeline is a software-pipelined main loop. While one vector is in its last operations, the
// next ones are in earlier stages, so that an instruction enters the CPU's scheduler when its
// operands are nearly ready. Plain interleaving leaves all vectors at the same place of the same
// long chain.
type Pipeline struct {
	// Interval is the number of cycles after which the next vector starts.
	Interval int
	// Latency scales the latencies, in percent: out-of-order execution covers the rest.
	Latency int
	// Unroll is the number of vectors in the loop.
	Unroll int
	// Width is the number of operations per cycle.
	Width int
	// Sink moves an operation as late as possible if its operands live that long anyway. Its result
	// then takes a register for a shorter time.
	Sink bool
	// Constants is how many constants AVX2 keeps in registers, in a Map at least 3.
	Constants int
}

// latency is the latency of an operation in cycles, about right for the x86 and ARM cores of the
// last ten years.
func (o op) latency() int {
	switch o.kind {
	case opLoad, opSpill:
		return 6
	case opDiv:
		return 14
	case opSqrt:
		return 18
	case opShl, opShr, opAnd, opOr, opIntAdd, opIntSub, opTwice:
		return 1
	case opStore:
		return 0
	}
	return 4
}

// A schedule assigns a cycle to each operation of one vector. It is list scheduling in order of the
// longest path to the end, with a reservation table that repeats every interval.
type schedule struct {
	Pipeline
	ops       []op
	producers [][]int // of an operation's operands, by operation
	uses      [][]int // of an operation's result
	order     []int
	at        []int // the cycles
	busy      []int // operations in each cycle of the interval
}

// schedule returns the cycle of each operation of one vector.
func (p Pipeline) schedule(ops []op) []int {
	n := len(ops)
	s := &schedule{Pipeline: p, ops: ops, producers: make([][]int, n), uses: make([][]int, n),
		order: make([]int, n), at: make([]int, n), busy: make([]int, p.Interval)}
	s.depend()
	s.early()
	if p.Sink {
		s.sink()
	}
	return s.at
}

// latency is the scaled latency of operation i.
func (s *schedule) latency(i int) int { return max(1, (s.ops[i].latency()*s.Latency+50)/100) }

// depend finds which operation waits for which, and orders them by the longest path to the end.
func (s *schedule) depend() {
	producer := map[V]int{}
	for i, o := range s.ops {
		if o.dst >= 0 {
			producer[o.dst] = i
		}
	}
	for i, o := range s.ops {
		for _, v := range o.operands() {
			if j, ok := producer[v]; ok && v >= 0 && j < i {
				s.producers[i] = append(s.producers[i], j)
				s.uses[j] = append(s.uses[j], i)
			}
		}
	}
	height := make([]int, len(s.ops))
	for i := len(s.ops) - 1; i >= 0; i-- {
		for _, j := range s.uses[i] {
			height[i] = max(height[i], height[j]+s.latency(i))
		}
	}
	for i := range s.order {
		s.order[i] = i
	}
	sort.SliceStable(s.order, func(a, b int) bool {
		return height[s.order[a]] > height[s.order[b]]
	})
}

// early gives each operation the first cycle in which its operands are ready and a port is free.
func (s *schedule) early() {
	stored := 0
	for _, i := range s.order {
		t := 0
		for _, j := range s.producers[i] {
			t = max(t, s.at[j]+s.latency(j))
		}
		if !s.ops[i].kind.memory() {
			for try := 0; s.busy[t%s.Interval] >= s.Width && try < s.Interval; try++ {
				t++
			}
			s.busy[t%s.Interval]++
		}
		if s.ops[i].kind == opStore { // they stay in order: two outputs may be one slice
			t = max(t, stored)
			stored = t
		}
		s.at[i] = t
	}
}

// sink moves each operation to the latest cycle in which its result is still in time, if its
// operands live until then anyway.
func (s *schedule) sink() {
	slices.SortStableFunc(s.order, func(a, b int) int { return s.at[b] - s.at[a] })
	for _, i := range s.order {
		if s.ops[i].kind.memory() || len(s.uses[i]) == 0 {
			continue
		}
		late := s.at[i] + 1<<20
		for _, j := range s.uses[i] {
			late = min(late, s.at[j]-s.latency(i))
		}
		for _, j := range s.producers[i] {
			last := 0 // other use of the operand
			for _, u := range s.uses[j] {
				if u != i {
					last = max(last, s.at[u])
				}
			}
			late = min(late, last)
		}
		for t := late; t > s.at[i]; t-- {
			if s.busy[t%s.Interval] < s.Width {
				s.busy[s.at[i]%s.Interval]--
				s.busy[t%s.Interval]++
				s.at[i] = t
			}
		}
	}
}

// interleave merges the operations of several vectors, recorded one after the other. Operation i of
// vector v stands at i + v*skew, so that each vector runs skew operations behind the one before it.
// Out-of-order execution does the rest.
func interleave(ops []op, skew int) []op {
	var vectors [][]op
	for start := 0; start < len(ops); {
		end := start + 1
		for end < len(ops) && ops[end].lane == ops[start].lane {
			end++
		}
		vectors = append(vectors, ops[start:end])
		start = end
	}
	merged := make([]op, 0, len(ops))
	for at := 0; len(merged) < len(ops); at++ {
		for v, of := range vectors {
			if i := at - v*skew; i >= 0 && i < len(of) {
				merged = append(merged, of[i])
			}
		}
	}
	return merged
}
