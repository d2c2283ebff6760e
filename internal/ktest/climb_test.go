package ktest

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestClimb checks that a climb finds the one worst input among some 2^60, and that it does not end
// below its start.
func TestClimb(t *testing.T) {
	target := []float64{1.5, -0.25, 3}
	c := Climb[float64]{Len: 3, Start: func(r *Rand, x []float64) {
		Fill(r, Normal, x, 3)
	}, Error: func(x []float64) float64 {
		d := 0.0
		for i, v := range x {
			d += math.Abs(v - target[i])
		}
		if x[0] > 2 {
			return -1
		}
		return 1 / (1e-9 + d)
	}}
	steps := 0
	x, err := c.Run(NewRand(1), func() bool { steps++; return steps < 200000 })
	require.Greater(t, err, 1e5)
	require.Equal(t, err, c.Error(x))
	require.LessOrEqual(t, x[0], 2.0)

	c.Best = target
	x, err = c.Run(NewRand(1), func() bool { return false })
	require.InEpsilon(t, 1e9, err, 1e-12)
	require.Equal(t, target, x)
}

func TestNext(t *testing.T) {
	r := NewRand(1)
	for range 1000 {
		x := Gauss[float64](r)
		require.Equal(t, math.Nextafter(x, 100), Next(x, 1))
		require.Equal(t, math.Nextafter(x, -100), Next(x, -1))
		y := Gauss[float32](r)
		require.Equal(t, math.Nextafter32(y, 100), Next(y, 1))
		require.Equal(t, y, Next(Next(y, -1000), 1000))
	}
	require.Equal(t, -math.SmallestNonzeroFloat64, Next(0.0, -1))
	require.Equal(t, float32(math.SmallestNonzeroFloat32), Next(-math.Float32frombits(1), 2))
}

// TestRowRef compares the references of a climb with math/big, after changes of single elements, of
// the largest one, and of all of them.
func TestRowRef(t *testing.T) {
	r := NewRand(3)
	for _, classes := range []int{1, 2, 5, 33} {
		for _, kind := range []Kind{Normal, Wide80, Wide300, OneLarger, Ties, Shifted} {
			x := make([]float64, classes)
			Fill(r, kind, x, classes)
			var ref RowRef
			for range 8 {
				switch r.Intn(4) {
				case 0:
					x[r.Intn(classes)] += Gauss[float64](r)
				case 1:
					x[r.Intn(classes)] += 30
				case 2:
					for j := range x {
						x[j] -= 50
					}
				}
				ref.Set(x)
				b := NewRowBig(x)
				require.Equal(t, b.max, ref.Top())
				for j, v := range x {
					if x[b.max]-v > 600 {
						continue
					}
					require.Less(t, relDD(ref.Prob(j), b.Prob(j)), -85)
					if classes > 1 {
						require.Less(t, relDD(ref.NegLogProb(j), b.NegLogProb(j)), -80,
							"%v %d", x, j)
						require.Less(t, relDD(ref.Grad(j, j), b.Grad(j, j)), -85)
					}
				}
			}
		}
	}
}

// TestRounding checks some computations whose worst cases are known.
func TestRounding(t *testing.T) {
	var r Rounding
	require.Equal(t, 0x1p-53, r.Round(Exact(1, 1.001)).Error())
	require.Equal(t, 0x1p-54, r.Round(Exact(0.999, 1)).Error()) // to 1, but not past it

	a := r.Round(Exact(1.5, 1.501))
	require.Zero(t, a.Sub(a).Error(), "a rounding that meets itself")
	require.InDelta(t, 0, a.Div(a).Error(), 0x1p-100)
	require.InEpsilon(t, 2*1.5*0x1p-53, a.Square().Error(), 1e-3)
	b := r.Round(Exact(3, 3.001))
	require.InEpsilon(t, (1.5*0x1p-52 + 3*0x1p-53), a.Mul(b).Error(), 1e-3)
	require.InEpsilon(t, 0x1p-53/3+1.5*0x1p-52/9, a.Div(b).Error(), 1e-3)
	// in [4, 8): half an ULP, a fourth and an eighth
	require.InEpsilon(t, 1.01*0.875, r.Round(a.Add(b)).ULPs(), 1e-12)
	require.True(t, Exact(0.99, 1.01).Straddles())
	require.False(t, Exact(0.99, 1).Straddles())
	require.Equal(t, 0x1p-1074, ULP64(0))
	require.Equal(t, 0x1p-52, ULP64(1.5))
}

// TestRoundingExact checks that a multiple of a power of two with few enough bits is not rounded.
func TestRoundingExact(t *testing.T) {
	var r Rounding
	require.Zero(t, r.Round(Const(1.5).Mul(Const(0.375)).Add(Const(1024))).Error())
	a := r.Round(Exact(1.2, 1.3)) // a multiple of 2^-52
	require.Equal(t, a.Error(), r.Sub(a, Const(1)).Error())
	require.Greater(t, r.Sub(a, Const(0.125+0x1p-54)).Error(), a.Error())
	// lost, but no more than that
	require.Equal(t, a.Error()+0x1p-60, r.Add(a, Const(0x1p-60)).Error())
	require.InEpsilon(t, 0.5+0.5*1.01, a.RoundedULPs(), 1e-12)

	b := Rounding{}
	c := b.Off(Exact(0.999, 1), 0x1p-53) // one ULP, past 1: it is rounded to a multiple of two
	require.InEpsilon(t, 1.01+1, c.RoundedULPs(), 1e-12)
	c = b.Off(Exact(0.999, 1), 0x1p-54) // not so far: to 1
	require.InEpsilon(t, 1.01/2+0.5, c.RoundedULPs(), 1e-12)
}
