package main

import (
	"bytes"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRun runs a kernel of elements, one of rows and a product, with small arguments.
func TestRun(t *testing.T) {
	if runtime.GOARCH == "wasm" {
		t.Skip("one thread only")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var out bytes.Buffer
	require.NoError(t, run([]string{"-run", "^(ReLU|SoftmaxWith|ColumnSums)$", "-size", "1", "-time",
		"1ms"}, &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	// the heading, the loop and two copies; ReLU; five shapes and a strided one; one shape
	assert.Len(t, lines, 2+3+2*(1+6+1), out.String())
	for _, line := range lines[2:] {
		assert.NotRegexp(t, ` 0 +0s +0s`, line, "nothing was measured")
	}

	assert.ErrorContains(t, run([]string{"-run", "nothing"}, &out), "no kernel matches")
	assert.ErrorContains(t, run([]string{"-run", "("}, &out), "-run")
}

func TestQuantile(t *testing.T) {
	p := pauses{[]uint64{0, 3, 1, 1}, []float64{math.Inf(-1), 0, 1e-6, 2e-6, math.Inf(1)}}
	assert.EqualValues(t, 5, p.total())
	assert.Equal(t, time.Microsecond, p.quantile(0.5))
	assert.Equal(t, 2*time.Microsecond, p.quantile(0.8))
	assert.Equal(t, 2*time.Microsecond, p.quantile(1)) // the last bucket has no upper bound
	assert.Zero(t, pauses{}.quantile(1))
}
