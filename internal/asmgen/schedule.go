package asmgen

import (
	"slices"
	"sort"
)

// A Pipeline is a software-pipelined main loop: while one vector is in its last operations, the next ones are in earlier stages, so that an instruction
// enters the CPU's scheduler when its operands are about ready. Plain interleaving leaves every vector at the same place of
// the same long chain.
type Pipeline struct {
	// Interval is the number of cycles after which the next vector starts.
	Interval int
	// Latency scales the latencies, in percent: out-of-order execution covers the rest.
	Latency int
	// Unroll is the number of vectors in the loop.
	Unroll int
	// Width is how many operations a cycle takes.
	Width int
	// Sink computes what is needed late from values that live on anyway as late as possible: so it takes a register for less long.
	Sink bool
	// Constants is how many constants AVX2 keeps in registers, in a Map at least 3.
	Constants int
}

// latency of an operation in cycles, about right for the x86 and ARM cores of the last ten years.
func (o op) latency() int {
	switch o.kind {
	case opLoad, opSpill:
		return 6
	case opDiv:
		return 14
	case opShl, opShr, opAnd, opOr, opIntAdd, opIntSub:
		return 1
	case opStore:
		return 0
	}
	return 4
}

// schedule assigns a cycle to every operation of one vector: list scheduling in order of the longest way to the end, in a
// reservation table that repeats every interval.
func (p Pipeline) schedule(ops []op) []int {
	producer := map[V]int{}
	for i, o := range ops {
		if o.dst >= 0 {
			producer[o.dst] = i
		}
	}
	uses := make([][]int, len(ops))
	for i, o := range ops {
		for _, v := range [...]V{o.a, o.b, o.c} {
			if j, ok := producer[v]; ok && v >= 0 && j < i {
				uses[j] = append(uses[j], i)
			}
		}
	}
	scaled := func(o op) int { return (o.latency()*p.Latency + 50) / 100 }
	height := make([]int, len(ops))
	for i := len(ops) - 1; i >= 0; i-- {
		for _, j := range uses[i] {
			height[i] = max(height[i], height[j]+max(1, scaled(ops[i])))
		}
	}
	order := make([]int, len(ops))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return height[order[a]] > height[order[b]] })
	at := make([]int, len(ops))
	busy := make([]int, p.Interval)
	stored := 0
	for _, i := range order {
		t := 0
		for _, v := range [...]V{ops[i].a, ops[i].b, ops[i].c} {
			if j, ok := producer[v]; ok && v >= 0 && j < i {
				t = max(t, at[j]+max(1, scaled(ops[j])))
			}
		}
		if !ops[i].kind.memory() {
			for try := 0; busy[t%p.Interval] >= p.Width && try < p.Interval; try++ {
				t++
			}
			busy[t%p.Interval]++
		}
		if ops[i].kind == opStore { // they stay in order: two outputs may be one slice
			t = max(t, stored)
			stored = t
		}
		at[i] = t
	}
	if !p.Sink {
		return at
	}
	slices.SortStableFunc(order, func(a, b int) int { return at[b] - at[a] })
	for _, i := range order {
		if ops[i].kind.memory() || len(uses[i]) == 0 {
			continue
		}
		late := at[i] + 1<<20
		for _, j := range uses[i] {
			late = min(late, at[j]-max(1, scaled(ops[i])))
		}
		for _, v := range [...]V{ops[i].a, ops[i].b, ops[i].c} {
			if j, ok := producer[v]; ok && v >= 0 && j < i {
				last := 0 // other use of the operand
				for _, u := range uses[j] {
					if u != i {
						last = max(last, at[u])
					}
				}
				late = min(late, last)
			}
		}
		for t := late; t > at[i]; t-- {
			if busy[t%p.Interval] < p.Width {
				busy[at[i]%p.Interval]--
				busy[t%p.Interval]++
				at[i] = t
			}
		}
	}
	return at
}

// interleave merges the operations of several vectors, recorded one after the other: operation i of vector v stands at
// i + v*skew, so that vectors run skew operations behind one another. Out-of-order execution does the rest.
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
