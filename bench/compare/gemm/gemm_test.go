package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/ktest"
)

// TestPeersAgree checks that gonum is asked for the same products.
func TestPeersAgree(t *testing.T) {
	t.Run("float32", func(t *testing.T) { agree(t, gonum32) })
	t.Run("float64", func(t *testing.T) { agree(t, gonum64) })
}

func agree[T kernels.Float](t *testing.T, gonum mul[T]) {
	for _, p := range []product{{3, 4, 5}, {17, 9, 33}} {
		for _, trans := range [][2]bool{{false, false}, {true, false}, {false, true}} {
			a, b := make([]T, p.m*p.k), make([]T, p.k*p.n)
			ktest.Fill(ktest.NewRand(1), ktest.Normal, a, p.k)
			ktest.Fill(ktest.NewRand(2), ktest.Normal, b, p.n)
			want, got := make([]T, p.m*p.n), make([]T, p.m*p.n)
			ours(want, a, b, p, trans[0], trans[1])
			gonum(got, a, b, p, trans[0], trans[1])
			require.NotZero(t, want[0])
			require.InDeltaSlice(t, want, got, 1e-4)
		}
	}
}
