package comm

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// each calls f on n ranks and returns what they return, in order.
func each[R any](t *testing.T, n int, f func(Comm) (R, error)) []R {
	t.Helper()
	results := make([]R, n)
	require.NoError(t, Run(n, func(c Comm) (err error) {
		results[c.Rank()], err = f(c)
		return err
	}))
	return results
}

// leaf returns numbers whose sum depends on the order.
func leaf(i int) []float32 {
	v := make([]float32, 5)
	for j := range v {
		v[j] = float32((i*7+j*3)%11+1) / float32(3+j) * float32(math.Pow(10, float64((i+j)%8)))
	}
	return v
}

// TestTree checks that a sum has the bits of the tree, written out, on any number of ranks.
func TestTree(t *testing.T) {
	want := make([]float32, 5)
	differs := 0
	for j := range want {
		l := func(i int) float32 { return leaf(i)[j] }
		want[j] = ((l(0) + l(1)) + (l(2) + l(3))) + ((l(4) + l(5)) + (l(6) + l(7)))
		chain := float32(0)
		for i := range 8 {
			chain += l(i)
		}
		if chain != want[j] {
			differs++
		}
	}
	require.NotZero(t, differs, "the order matters")
	for _, n := range []int{1, 2, 4, 8} {
		got := each(t, n, func(c Comm) ([]float32, error) {
			tree := Tree[float32]{Comm: c, Leaves: 8}
			dst := make([]float32, 5)
			for range 2 { // the second time in used memory
				if err := tree.Sum(dst, func(i int, dst []float32) error {
					copy(dst, leaf(i))
					return nil
				}); err != nil {
					return nil, err
				}
			}
			return dst, nil
		})
		for rank := range got {
			assert.Equal(t, want, got[rank], "rank %d of %d", rank, n)
		}
	}
	tree := Tree[float32]{Leaves: 6}
	assert.ErrorContains(t, tree.Sum(nil, nil), "power of two")
}

func TestTreeReportsALeaf(t *testing.T) {
	err := Run(4, func(c Comm) error {
		tree := Tree[float64]{Comm: c, Leaves: 8}
		return tree.Sum(make([]float64, 1), func(i int, _ []float64) error {
			if i == 5 {
				return errors.New("leaf 5")
			}
			return nil
		})
	})
	assert.EqualError(t, err, "rank 2: leaf 5")
}

func TestReduceMaxAndGather(t *testing.T) {
	for _, n := range []int{1, 2, 4, 8} {
		maxima := each(t, n, func(c Comm) ([]float32, error) {
			v := []float32{float32(c.Rank()), float32(-c.Rank()), 1}
			if c.Rank() == n/2 {
				v[2] = float32(math.NaN())
			}
			return v, Reduce(c, v, Max[float32])
		})
		lists := each(t, n, func(c Comm) ([]uint64, error) {
			return Gather(c, []uint64{uint64(c.Rank()), 7})
		})
		collected := each(t, n, func(c Comm) ([]uint64, error) {
			return Collect(c, []uint64{uint64(c.Rank()), 7})
		})
		texts := each(t, n, func(c Comm) (string, error) {
			b, err := Broadcast(c, []byte(fmt.Sprintf("from rank %d", c.Rank())))
			return string(b), err
		})
		nothing := each(t, n, func(c Comm) (int, error) {
			b, err := Broadcast(c, nil)
			return len(b), err
		})
		var want []uint64
		for rank := range n {
			want = append(want, uint64(rank), 7)
		}
		for rank := range n {
			assert.Equal(t, []float32{float32(n - 1), 0}, maxima[rank][:2])
			assert.True(t, maxima[rank][2] != maxima[rank][2])
			assert.Equal(t, want, lists[rank])
			assert.Equal(t, "from rank 0", texts[rank])
			if rank == 0 {
				assert.Equal(t, want, collected[rank])
			} else {
				assert.Nil(t, collected[rank])
			}
			assert.Zero(t, nothing[rank])
		}
	}
}

func TestAgree(t *testing.T) {
	require.NoError(t, Run(4, func(c Comm) error { return Agree(c, "flags", 5) }))
	err := Run(4, func(c Comm) error { return Agree(c, "flags", uint64(c.Rank()/3)) })
	assert.Regexp(t, `^rank \d: rank \d and rank \d differ in flags$`, err.Error())
}

func TestCheckSize(t *testing.T) {
	for n := 1; n <= 16; n++ {
		err := Run(n, func(c Comm) error {
			if err := CheckSize(c, 8); err != nil {
				return err
			}
			lo, hi := Parts(c, 8)
			assert.Equal(t, 8/n, hi-lo)
			assert.Equal(t, c.Rank()*8/n, lo)
			return nil
		})
		if n == 1 || n == 2 || n == 4 || n == 8 {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, fmt.Sprintf("%d ranks: their number is a power of two", n))
		}
	}
	assert.ErrorContains(t, Run(0, nil), "there is at least 1")
}

// TestRankThatEnds checks that nobody waits for a rank that has ended, and that what it sent before
// arrives.
func TestRankThatEnds(t *testing.T) {
	err := Run(2, func(c Comm) error {
		if c.Rank() == 1 {
			return c.Exchange(0, []byte("bye"), nil)
		}
		got := make([]byte, 3)
		if err := c.Exchange(1, nil, got); err != nil {
			return err
		}
		assert.Equal(t, "bye", string(got))
		return c.Exchange(1, got, got)
	})
	assert.EqualError(t, err, "rank 0: rank 1 has ended")

	var mu sync.Mutex
	var ends []string
	err = Run(4, func(c Comm) error {
		if c.Rank() == 3 {
			return errors.New("out of memory")
		}
		err := Reduce(c, make([]float32, 1), Add[float32])
		mu.Lock()
		defer mu.Unlock()
		ends = append(ends, err.Error())
		return err
	})
	assert.EqualError(t, err, "rank 3: out of memory", "the cause, and not what follows from it")
	assert.Len(t, ends, 3)

	err = Run(2, func(c Comm) error {
		return c.Exchange(1-c.Rank(), make([]byte, 1+c.Rank()), make([]byte, 1))
	})
	assert.EqualError(t, err, "rank 0: rank 1 sends 2 bytes, not 1")
}

func TestMeter(t *testing.T) {
	each(t, 4, func(c Comm) (int, error) {
		m := &Meter{Comm: c}
		err := Reduce(m, make([]float64, 10), Add[float64])
		assert.Equal(t, 2, m.Exchanges)
		assert.Equal(t, int64(160), m.Sent)
		assert.Positive(t, m.Time)
		return 0, err
	})
}
