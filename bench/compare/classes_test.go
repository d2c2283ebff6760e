package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
)

func TestSweptClasses(t *testing.T) {
	list := sweptClasses()
	assert.Len(t, list, 299+4*6)
	assert.Subset(t, list, []int{2, 300, 510, 511, 512, 513, 514, 515, 4094, 4096, 4099})
	assert.IsIncreasing(t, list)
}

func TestSteps(t *testing.T) {
	l := &Line{Kernel: "Softmax", Type: "float64", ISA: "avx2", Classes: []int{15, 16, 17, 18, 64, 65},
		Cycles: []float64{4, 4, 8, 6, 60, 66}}
	steps := l.steps()
	require.Len(t, steps, 4, "64 does not follow 18")
	assert.Equal(t, Step{16, 2}, steps[0])
	assert.Equal(t, 64, steps[1].C)
	assert.InDelta(t, 1.1, steps[1].Ratio, 1e-12)
	assert.Equal(t, Step{17, 0.75}, steps[3])
	assert.Equal(t, "Softmax f64 avx2: the largest step is 2.00, from 16 to 17 classes", l.String())
}

func TestSweep(t *testing.T) {
	s := &sweeper{isas: isa.Available(), classes: []int{2, 3, 4, 5, 100, 101, 1000},
		turn: time.Microsecond, rounds: 3, log: t.Logf}
	r := &Sweep{Rounds: 3, Lines: s.sweep()}
	require.Len(t, r.Lines, 4*len(s.isas))
	for _, l := range r.Lines {
		require.Equal(t, s.classes, l.Classes)
		require.Len(t, l.Cycles, len(s.classes))
		for i, c := range l.Cycles {
			assert.Positive(t, c, "%s, %d classes", l, l.Classes[i])
			assert.Less(t, c, 1e5)
		}
	}
	dir := t.TempDir()
	require.NoError(t, r.write(dir))
	page, err := os.ReadFile(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "| CrossEntropyGrad f64 | "+isa.Available()[0]+" | ")
	for _, name := range []string{"softmax-float32.svg", "softmax-float64.svg",
		"crossentropygrad-float32.svg", "crossentropygrad-float64.svg"} {
		assert.FileExists(t, filepath.Join(dir, name))
		assert.Contains(t, string(page), "("+name+")")
	}
}
