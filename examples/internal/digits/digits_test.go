package digits

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/examples/internal/idx"
)

// TestDraw checks that the digits do not change: the digests of the runs that learn them would.
func TestDraw(t *testing.T) {
	m := Draw(1000, 1)
	h := sha256.New()
	h.Write(m.Images.Pixels)
	h.Write(m.Labels)
	assert.Equal(t, "80970ffff1f595f0", hex.EncodeToString(h.Sum(nil)[:8]))

	var seen [10]int
	for _, l := range m.Labels {
		seen[l]++
	}
	for digit, n := range seen {
		assert.InDelta(t, 100, n, 40, "digit %d", digit)
	}
	first := Draw(10, 1)
	assert.Equal(t, m.Images.Pixels[:10*side*side], first.Images.Pixels, "a prefix")
	assert.NotEqual(t, first.Images.Pixels, Draw(10, 2).Images.Pixels)
}

func TestSamples(t *testing.T) {
	m := idx.MNIST{Images: idx.Images{Count: 3, Rows: 1, Cols: 2, Pixels: []byte{1, 2, 51, 0, 255, 6}},
		Labels: []byte{9, 4, 1}}
	s := Samples[float64](m, 1, 3)
	assert.Equal(t, []int{4, 1}, s.Labels)
	assert.Equal(t, []float64{0.2, 0, 1, 6.0 / 255}, s.X)
	assert.Equal(t, []float32{1, float32(6) / 255}, Samples[float32](m, 2, 3).X)
}

func TestRead(t *testing.T) {
	m, err := Read("", 7)
	require.NoError(t, err)
	assert.Equal(t, Draw(7, 1), m)
	_, err = Read("nowhere", 7)
	assert.ErrorContains(t, err, "nowhere")
	_, err = Read(t.TempDir(), 7)
	assert.ErrorContains(t, err, idx.ImagesFile)
}
