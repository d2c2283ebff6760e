package ktest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAdditions compares the numbers of additions with the sum that sum_generic.go describes, lane
// by lane.
func TestAdditions(t *testing.T) {
	testAdditions[float32](t)
	testAdditions[float64](t)
}

func testAdditions[T Float](t *testing.T) {
	_, group := blocks[T]()
	for classes := 1; classes <= 2*group; classes++ {
		for _, wide := range []bool{false, true} {
			want, skipped := countAdditions[T](classes, -1, wide), 0
			for j := range classes {
				skipped = max(skipped, countAdditions[T](classes, j, wide))
			}
			require.Equal(t, want, Additions[T](classes, false, wide), "%d classes, wide %v",
				classes, wide)
			require.Equal(t, skipped, Additions[T](classes, true, wide),
				"%d classes less one, wide %v", classes, wide)
		}
	}
}

// countAdditions adds a row without the element at skip, and counts, for each lane, the additions
// that its value went through.
func countAdditions[T Float](classes, skip int, wide bool) int {
	block, group := blocks[T]()
	most := 0
	for from := 0; from < classes; from += group {
		lanes := make([]int, block) // -1 for an empty lane
		for i := range lanes {
			lanes[i] = -1
		}
		add := func(a *int, b int) {
			switch {
			case b < 0:
			case *a < 0:
				*a = b
			default:
				*a = max(*a, b) + 1
			}
		}
		for i := from; i < min(classes, from+group); i++ {
			if i != skip {
				add(&lanes[i%block], 0)
			}
		}
		last := 4
		if classes <= block && !wide {
			last = 1
		}
		for h := block / 2; h >= last; h /= 2 {
			for i := range h {
				add(&lanes[i], lanes[i+h])
			}
		}
		for _, v := range lanes {
			most = max(most, v)
		}
	}
	return most
}
