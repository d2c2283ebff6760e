package ktest

import "math"

// A Climb looks for the input with the largest error of a function. It changes an input a little at
// a time, and keeps a change unless the error gets smaller.
type Climb[T Float] struct {
	// Start fills x with an input to start from.
	Start func(r *Rand, x []T)
	// Error returns the error of the function at x. It is negative if x is not a valid input.
	Error func(x []T) float64
	// Len is the number of elements of an input. Move, unless it is nil, replaces some of the
	// general steps.
	Len  int
	Move func(r *Rand, x []T)
	// Best, unless it is nil, is the input to begin with.
	Best []T
}

// Run climbs from one start after the other while more returns true. It returns the largest error
// and its input. Every second start is the best input so far, shaken.
func (c *Climb[T]) Run(r *Rand, more func() bool) (x []T, err float64) {
	best, at := -1.0, make([]T, c.Len)
	if c.Best != nil {
		copy(at, c.Best)
		best = c.Error(at)
	}
	x, old := make([]T, c.Len), make([]T, c.Len)
	for start := 0; ; start++ {
		if start%2 == 1 && best >= 0 {
			copy(x, at)
			for range 1 + r.Intn(1+c.Len/4) {
				c.step(r, x)
			}
		} else {
			c.Start(r, x)
		}
		now := c.Error(x)
		steps := (1000 + 200*c.Len) << r.Intn(4)
		for i := range steps {
			if now > best {
				best = now
				copy(at, x)
			}
			if !more() {
				return at, best
			}
			copy(old, x)
			c.step(r, x)
			e := c.Error(x)
			slack := 0.4 * float64(steps-i) / float64(steps)
			u := float64(r.Intn(1<<20)) * 0x1p-20
			if e >= now-slack*u*u*u*u && e >= 0 {
				now = e
			} else {
				copy(x, old)
			}
		}
	}
}

// step changes x.
func (c *Climb[T]) step(r *Rand, x []T) {
	if c.Move != nil && r.Intn(4) == 0 {
		c.Move(r, x)
		return
	}
	j := r.Intn(len(x))
	switch r.Intn(12) {
	case 0, 1, 2: // to a neighbour
		x[j] = Next(x[j], some(r, 4))
	case 3, 4: // and further
		x[j] = Next(x[j], some(r, 200))
	case 5, 6, 7: // by a little, of any size
		x[j] += Gauss[T](r) * T(math.Ldexp(1, 2-r.Intn(22)))
	case 8: // several at once
		for range 2 + r.Intn(4) {
			j = r.Intn(len(x))
			x[j] = Next(x[j], some(r, 20))
		}
	case 9:
		k := r.Intn(len(x))
		x[j], x[k] = x[k], x[j]
	case 10:
		x[j] = Next(x[r.Intn(len(x))], some(r, 3)-1)
	case 11: // all of them
		d := Gauss[T](r) * T(math.Ldexp(1, 4-r.Intn(12)))
		for i := range x {
			x[i] += d
		}
	}
}

// some returns an integer between -n and n that is not 0.
func some(r *Rand, n int) int {
	k := 1 + r.Intn(n)
	if r.Intn(2) == 0 {
		return -k
	}
	return k
}

// Next returns the k-th representable number after x, or before x if k is negative. ±0 counts as
// one number.
func Next[T Float](x T, k int) T {
	i := order(x) + int64(k)
	if i < 0 {
		return FromBits[T](SignBit[T]() | uint64(-i))
	}
	return FromBits[T](uint64(i))
}
