package timing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"kernels/internal/isa"
	"kernels/internal/ktable"
)

func TestCompare(t *testing.T) {
	c := Call(ktable.Named[float32]("Sigmoid"), 1<<12, 1)
	start := time.Now()
	ns := Compare(20*time.Millisecond,
		Way{Run: func() { copy(c.T(0)[:64], c.T(1)[:64]) }},
		Way{Run: func() { Must(c.Naive(c)) }},
		Way{Run: Copy(1 << 10)}, Way{Run: Copy(1 << 24)})
	assert.Less(t, time.Since(start), 10*time.Second)
	assert.Positive(t, ns[0])
	assert.Greater(t, ns[1], 20*ns[0])
	assert.Greater(t, ns[3], 20*ns[2])
}

func TestWayForces(t *testing.T) {
	before := isa.Name()
	for _, name := range isa.Available() {
		Compare(time.Millisecond, Way{ISA: name, Run: func() {
			if isa.Name() != name {
				t.Fatalf("runs on %s instead of %s", isa.Name(), name)
			}
		}})
		assert.Equal(t, before, isa.Name())
	}
}

func TestMoved(t *testing.T) {
	assert.Equal(t, 2*4*1000, Moved(Call(ktable.Named[float32]("ReLU"), 1000, 1)))
	assert.Equal(t, 3*8*1000, Moved(Call(ktable.Named[float64]("TanhBackward"), 1000, 1)))
}
