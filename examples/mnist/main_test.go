package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/examples/internal/cli"
	"kernels/examples/internal/idx"
)

// made returns count images of 4x4 pixels in which row label%4 is bright. They stand in for
// MNIST, which is not in this repository.
func made(count int) idx.MNIST {
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
	require.NoError(t, train[float32](&o, made(300), 200, 100, &first, &stderr))
	require.NoError(t, train[float32](&o, made(300), 200, 100, &second, &stderr))
	assert.Equal(t, first.String(), second.String())
	assert.Contains(t, first.String(), "accuracy 100.00%")
	assert.FileExists(t, filepath.Join(o.Out, "mnist-relu-float32-loss.png"))

	o.Type, o.Hidden, o.Optimizer, o.Rate = "float64", "sigmoid", "sgd", 0.5
	require.NoError(t, train[float64](&o, made(300), 200, 100, &first, &stderr))
	assert.FileExists(t, filepath.Join(o.Out, "mnist-sigmoid-float64-loss.png"))
	assert.Empty(t, stderr.String(), "no bar where there is no terminal")

	err := train[float64](&o, made(299), 200, 100, &first, &stderr)
	assert.EqualError(t, err,
		"299 images: at least 300 are needed, 200 to train on and 100 to test")
}

// TestDigest repeats the run of README.md on drawn digits. CI runs it on other CPUs and
// architectures.
func TestDigest(t *testing.T) {
	args, digest := published(t, "-epochs [^`]*")
	checkDigest(t, digest, args...)
}

// TestMNIST repeats the run of README.md with MNIST, in the folder of the environment variable
// KERNELS_MNIST.
func TestMNIST(t *testing.T) {
	dir := os.Getenv("KERNELS_MNIST")
	if dir == "" {
		t.Skip("KERNELS_MNIST is not set")
	}
	_, digest := published(t, "-data DIR")
	checkDigest(t, digest, "-data", dir)
}

// published returns the flags and the digest of the run in README.md whose flags match the pattern.
func published(t *testing.T, flags string) (args []string, digest string) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	runs := regexp.MustCompile("(?m)^\\| `mnist ("+flags+")` \\| `([0-9a-f]{16})` \\|").
		FindAllStringSubmatch(string(readme), -1)
	require.Len(t, runs, 1)
	return strings.Fields(runs[0][1]), runs[0][2]
}

func checkDigest(t *testing.T, digest string, args ...string) {
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(append(args, "-out", ""), &stdout, &stderr))
	assert.Contains(t, stdout.String(), "digest of all losses and of the weights: "+digest+"\n")
}

func TestDataErrors(t *testing.T) {
	var stdout, stderr bytes.Buffer
	missing := filepath.Join(t.TempDir(), "nowhere")
	assert.ErrorContains(t, run([]string{"-data", missing}, &stdout, &stderr),
		"-data: no folder "+missing)
	assert.ErrorContains(t, run([]string{"-data", t.TempDir(), "-type", "float64"}, &stdout,
		&stderr), "t10k-images-idx3-ubyte.gz: ")
	assert.EqualError(t, run([]string{"-images", "3"}, &stdout, &stderr), "-images 3: it is at least 4")
	assert.Empty(t, stdout.String())
}
