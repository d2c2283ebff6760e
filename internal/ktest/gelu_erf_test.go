package ktest

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGELUReferences compares the references with each other, on both sides of where they change
// from a series to a fraction.
func TestGELUReferences(t *testing.T) {
	for _, a := range []float64{1e-9, 0.3, 0.75, 1, 2, 3.5, 3.999, 4, 4.5, 6, 7.99, 8, 12, 20, 37} {
		for _, x := range []float64{a, -a} {
			want := GELUBig(x)
			got := GELUDD(x)
			w, _ := want.Float64()
			require.InEpsilon(t, GELURef64(x), w, 1e-12, x)
			diff := newBig().Sub(Big(math.Ldexp(got.Hi, 0)), newBig().SetMantExp(want, -got.Exp))
			diff.Add(diff, Big(got.Lo))
			off, _ := diff.Quo(diff, newBig().SetMantExp(want, -got.Exp)).Float64()
			require.Less(t, math.Abs(off), 0x1p-80, x)
			require.InDelta(t, GELUSlopeRef64(x), GELUSlopeDD(x).Hi, 1e-14, x)
		}
	}
	// As PyTorch has them.
	require.InDelta(t, 0.8413447460685429, GELURef64(1), 1e-15)
	require.InDelta(t, -0.15865525393145705, GELURef64(-1), 1e-15)
}
