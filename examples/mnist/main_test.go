package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/examples/internal/cli"
	"kernels/examples/internal/idx"
)

// digits returns count images of 4x4 pixels in which row label%4 is bright. They stand in for
// MNIST, which is not in this repository.
func digits(count int) idx.MNIST {
	m := idx.MNIST{Images: idx.Images{Count: count, Rows: 4, Cols: 4,
		Pixels: make([]byte, 16*count)}, Labels: make([]byte, count)}
	for i := range m.Labels {
		m.Labels[i] = byte(i * 7 % 10)
		for j := range 4 {
			m.Images.Pixels[16*i+4*int(m.Labels[i]%4)+j] = byte(200 + i%50)
		}
		m.Images.Pixels[16*i+int(m.Labels[i])] ^= 0xff
	}
	return m
}

func TestTrain(t *testing.T) {
	o := cli.Options{Type: "float32", Hidden: "relu", Optimizer: "adam", Rate: 0.01, Epochs: 30,
		Batch: 20, Units: 30, Seed: 1}
	var first, second, stderr bytes.Buffer
	o.Out = t.TempDir()
	require.NoError(t, train[float32](&o, digits(300), 200, 100, &first, &stderr))
	require.NoError(t, train[float32](&o, digits(300), 200, 100, &second, &stderr))
	assert.Equal(t, first.String(), second.String())
	assert.Contains(t, first.String(), "accuracy 100.00%")
	assert.FileExists(t, filepath.Join(o.Out, "mnist-relu-float32-loss.png"))

	o.Type, o.Hidden, o.Optimizer, o.Rate = "float64", "sigmoid", "sgd", 0.5
	require.NoError(t, train[float64](&o, digits(300), 200, 100, &first, &stderr))
	assert.FileExists(t, filepath.Join(o.Out, "mnist-sigmoid-float64-loss.png"))
	assert.Empty(t, stderr.String(), "no bar where there is no terminal")

	err := train[float64](&o, digits(299), 200, 100, &first, &stderr)
	assert.EqualError(t, err,
		"299 images: at least 300 are needed, 200 to train on and 100 to test")
}

func TestSamples(t *testing.T) {
	m := digits(5)
	m.Images.Pixels[16*2] = 51
	s := samples[float64](m, 2, 4)
	assert.Equal(t, []int{4, 1}, s.Labels)
	require.Len(t, s.X, 2*16)
	assert.Equal(t, 0.2, s.X[0])
	m.Images.Pixels[16*2] = 255
	assert.Equal(t, float32(1), samples[float32](m, 2, 3).X[0])
}

func TestDataErrors(t *testing.T) {
	var stdout, stderr bytes.Buffer
	assert.ErrorContains(t, run(nil, &stdout, &stderr),
		"-data DIR is missing: the folder with t10k-images-idx3-ubyte.gz")
	missing := filepath.Join(t.TempDir(), "nowhere")
	assert.ErrorContains(t, run([]string{"-data", missing}, &stdout, &stderr),
		"-data: no folder "+missing)
	assert.ErrorContains(t, run([]string{"-data", t.TempDir(), "-type", "float64"}, &stdout,
		&stderr), "t10k-images-idx3-ubyte.gz: ")
	assert.Empty(t, stdout.String())
}
