package fpflags

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

var sink float64

// A compiler may leave out a store that another one overwrites, and its operation.
var sinks [3]float64

// numbers that the compiler does not know
var zero, one, huge, nan = 0.0, 1.0, 1e300, math.NaN()

func TestRaised(t *testing.T) {
	if !Supported {
		t.Skip("the flags of this architecture cannot be read")
	}
	for _, tt := range []struct {
		name string
		f    func()
		want Flags
	}{
		{"", func() {}, 0},
		{"", func() { sink = one / 3 * nan }, 0},
		{"invalid", func() { sink = zero / zero }, Invalid},
		{"divide by zero", func() { sink = one / zero }, DivideByZero},
		{"overflow", func() { sink = huge * huge }, Overflow},
		{"invalid, divide by zero, overflow", func() {
			sinks[0] = one / zero
			sinks[1] = huge * huge
			sinks[2] = zero / zero
		}, Invalid | DivideByZero | Overflow},
	} {
		assert.Equal(t, tt.want, Raised(tt.f), tt.name)
		assert.Equal(t, tt.name, tt.want.String())
	}
	calls := 0
	assert.Zero(t, Raised(func() { // once in a while is not each time
		if calls++; calls == 1 {
			sink = zero / zero
		}
	}))
	assert.Equal(t, 2, calls)
}
