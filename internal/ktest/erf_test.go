package ktest

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestErfReferences compares the references with each other and with package math.
func TestErfReferences(t *testing.T) {
	for _, a := range []float64{0x1p-1074, 1e-300, 1e-9, 0.3, 0.75, 1, 1.5, 2, 3.5, 5, 5.9, 8.9, 9, 29, 1e300} {
		for _, x := range []float64{a, -a} {
			want := ErfBig(x)
			w, _ := want.Float64()
			require.InEpsilon(t, w, math.Erf(x), 1e-15, x)
			got := ErfDD(x)
			diff := newBig().Sub(newBig().SetMantExp(Big(got.Hi), got.Exp), want)
			diff.Add(diff, newBig().SetMantExp(Big(got.Lo), got.Exp))
			off, _ := diff.Quo(diff, want).Float64()
			require.Less(t, math.Abs(off), 0x1p-95, x)
		}
	}
	require.Zero(t, ErfDD(0).Hi)
	w, _ := ErfBig(1).Float64() // as in tables
	require.Equal(t, 0.8427007929497149, w)
}
