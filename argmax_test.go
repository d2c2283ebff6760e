package kernels

import (
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

// TestArgmaxLongRow has the first NaN and the first infinity anywhere in a row of several chunks.
func TestArgmaxLongRow(t *testing.T) {
	t.Run("float32", func(t *testing.T) { kt.EachISA(t, func(t *testing.T, _ string) { argmaxLongRow[float32](t) }) })
	t.Run("float64", func(t *testing.T) { kt.EachISA(t, func(t *testing.T, _ string) { argmaxLongRow[float64](t) }) })
}

func argmaxLongRow[T Float](t *testing.T) {
	row := make([]T, 9001)
	var at [1]int
	for _, j := range []int{0, 1, 31, 2047, 2048, 4095, 4096, 8192, 9000} {
		clear(row)
		row[j] = inf[T](1)
		Argmax(at[:], row, len(row))
		require.Equal(t, j, at[0])
		row[min(j+3, 9000)], row[max(j-2, 0)] = nan[T](), inf[T](1)
		Argmax(at[:], row, len(row))
		require.Equal(t, min(j+3, 9000), at[0])
		for i := range row {
			row[i] = inf[T](-1)
		}
		Argmax(at[:], row, len(row))
		require.Zero(t, at[0])
		row[j] = -1e30
		Argmax(at[:], row, len(row))
		require.Equal(t, j, at[0])
	}
}
