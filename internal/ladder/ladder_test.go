package ladder

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktable"
	kt "kernels/internal/ktest"
)

// ExpectEnv names the instruction set that must have been chosen at start.
const ExpectEnv = "KERNELS_EXPECT"

func TestExpected(t *testing.T) {
	t.Logf("%s; available: %v", kernels.ISA(), isa.Available())
	assert.Equal(t, isa.Available()[len(isa.Available())-1], isa.NameGeneric)
	want := os.Getenv(ExpectEnv)
	if want == "" {
		t.Skip(ExpectEnv + " is not set")
	}
	require.Equal(t, want, kernels.ISA())
}

func TestFloat32(t *testing.T) { everything[float32](t) }
func TestFloat64(t *testing.T) { everything[float64](t) }

// everything calls each function of the table on the instruction set in force and on pure Go.
func everything[T kernels.Float](t *testing.T) {
	for _, f := range ktable.Funcs[T]() {
		if len(f.Args) == 0 {
			assert.NoError(t, f.Call(nil), f.Name)
			continue
		}
		for _, n := range []int{1, 3, 8, 17, 64, 100, 257} {
			kind := kt.Finite
			if n > 64 { // the shorter calls stay finite
				kind = kt.RareSpecial
			}
			for classes := 1; classes <= n; classes++ {
				if n%classes != 0 || classes > 1 && !f.Rows {
					continue
				}
				c := f.Make(kt.NewRand(uint64(n)), n/classes, classes, ktable.Values{Kind: kind},
					f.Shares()[0]).Case()
				want, err := c.Expect()
				require.NoError(t, err)
				require.NoError(t, c.Check(kt.Memory{Off: 1}, want), "%s, %d rows of %d, on %s",
					f.Name, n/classes, classes, kernels.ISA())
			}
		}
	}
}
