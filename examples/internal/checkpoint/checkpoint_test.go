package checkpoint

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type state struct {
	Epoch  int
	W      []float32
	Losses []float64
}

func TestRoundTrip(t *testing.T) {
	name := filepath.Join(t.TempDir(), "run.checkpoint")
	data, err := Load(name)
	require.NoError(t, err)
	require.Nil(t, data, "no file")
	for epoch := range 2 {
		want := state{epoch, []float32{1.5, -0x1p-149, float32(math.Copysign(0, -1))},
			[]float64{0x1.fffffffffffffp-1022}}
		require.NoError(t, Write(name, "a run", want))
		data, err := Load(name)
		require.NoError(t, err)
		var got state
		require.NoError(t, Read(name, data, "a run", &got))
		assert.Equal(t, want, got)
		assert.True(t, math.Signbit(float64(got.W[2])))
	}
	files, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	assert.Len(t, files, 1, "the temporary file is gone")

	assert.ErrorContains(t, Write(filepath.Join(name, "below"), "a run", state{}), name)
	_, err = Load(filepath.Dir(name))
	assert.ErrorContains(t, err, filepath.Dir(name))
}

// TestKilledWhileWriting checks that what a killed run has written of a checkpoint does no harm.
func TestKilledWhileWriting(t *testing.T) {
	name := filepath.Join(t.TempDir(), "run.checkpoint")
	require.NoError(t, Write(name, "a run", state{Epoch: 1}))
	require.NoError(t, os.WriteFile(name+".tmp", []byte(magic+"half"), 0o666))
	var got state
	data, err := Load(name)
	require.NoError(t, err)
	require.NoError(t, Read(name, data, "a run", &got))
	assert.Equal(t, 1, got.Epoch)
	require.NoError(t, Write(name, "a run", state{Epoch: 2}))
	assert.NoFileExists(t, name+".tmp")
}

func TestRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "run.checkpoint")
	require.NoError(t, Write(name, "a run", state{Epoch: 3, W: make([]float32, 100)}))
	data, err := Load(name)
	require.NoError(t, err)
	for i := range data { // any bit
		bad := append([]byte(nil), data...)
		bad[i] ^= 1 << (i % 8)
		err := Read("FILE", bad, "a run", &state{})
		require.Error(t, err, "byte %d", i)
		require.Regexp(t, `^FILE: (not a checkpoint|damaged: .*)$`, err.Error())
	}
	for n := range data { // any length
		err := Read("FILE", data[:n], "a run", &state{})
		require.Error(t, err, "%d bytes", n)
		require.Regexp(t, `^FILE: (not a checkpoint|damaged: .*)$`, err.Error())
	}
	assert.EqualError(t, Read("FILE", append(data, 0), "a run", &state{}),
		"FILE: damaged: 214 bytes of 213")
	assert.EqualError(t, Read("FILE", []byte("\x7fELF and more"), "a run", &state{}),
		"FILE: not a checkpoint")
	assert.EqualError(t, Read("FILE", data, "another", &state{}),
		"FILE: of another run:\n  it is of  a run\n  this is   another")
	assert.ErrorContains(t, Read("FILE", data, "a run", &struct{ Epoch string }{}), "FILE: gob:")
}
