//go:build !mpi

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/examples/internal/comm"
)

// output returns what a run prints.
func output(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(args, &stdout, &stderr))
	assert.Empty(t, stderr.String())
	return stdout.String()
}

// digest returns the line of a run's output with its digest.
func digest(t *testing.T, output string) string {
	t.Helper()
	d := regexp.MustCompile(`(?m)^digest of .*: [0-9a-f]{16}$`).FindString(output)
	require.NotEmpty(t, d)
	return d
}

// TestDigest repeats the runs of README.md, and checks that they end with the digests there. CI
// runs it on other CPUs and architectures.
func TestDigest(t *testing.T) {
	for _, r := range readme(t) {
		for _, ranks := range []int{1, 2, 4, 8} {
			if testing.Short() && ranks != 4 {
				continue
			}
			args := append(r.args[:len(r.args):len(r.args)], "-ranks", strconv.Itoa(ranks))
			assert.Contains(t, output(t, args...), r.digest, "%v", args)
		}
	}
}

// TestMNIST does the same with MNIST, in the folder of the environment variable KERNELS_MNIST.
func TestMNIST(t *testing.T) {
	dir := os.Getenv("KERNELS_MNIST")
	if dir == "" {
		t.Skip("KERNELS_MNIST is not set")
	}
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	want := regexp.MustCompile("(?s)`digits -data DIR`.*? `([0-9a-f]{16})`").FindStringSubmatch(string(text))
	require.NotNil(t, want)
	for _, ranks := range []string{"1", "8"} {
		got := output(t, "digits", "-data", dir, "-out", "", "-ranks", ranks)
		assert.Contains(t, got, "weights: "+want[1]+"\n")
	}
}

// small is a short run with a last batch, and micro-batches, of odd sizes.
func small(more ...string) []string {
	return append([]string{"digits", "-images", "101", "-batch", "30", "-units", "9", "-out", ""}, more...)
}

// TestResume checks that a run that goes on from a checkpoint, on any number of ranks, ends with
// the digest of one that was not interrupted.
func TestResume(t *testing.T) {
	for _, flags := range [][]string{
		{"-optimizer", "adam"},
		{"-optimizer", "momentum", "-type", "float64"},
		{"-optimizer", "sgd", "-hidden", "sigmoid"},
	} {
		file := filepath.Join(t.TempDir(), "run.checkpoint")
		args := func(more ...string) []string { return small(append(more, flags...)...) }
		want := output(t, args("-epochs", "5")...)
		assert.NotContains(t, want, "going on")
		for _, part := range [][]string{{"2", "4"}, {"3", "1"}, {"5", "8"}, {"5", "2"}} {
			got := output(t, args("-epochs", part[0], "-ranks", part[1], "-checkpoint", file)...)
			if part[0] == "5" {
				assert.Equal(t, digest(t, want), digest(t, got))
			} else {
				assert.NotEqual(t, digest(t, want), digest(t, got))
			}
			if part[0] != "2" {
				assert.Regexp(t, `\ngoing on after epoch [235], from .*run\.checkpoint\n`, got)
			}
		}
	}
}

func TestResumeClasses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.checkpoint")
	args := func(more ...string) []string { return append([]string{"classes", "-batch", "3"}, more...) }
	want := digest(t, output(t, args("-steps", "5")...))
	for i, part := range [][]string{{"3", "4"}, {"5", "2"}, {"5", "1"}} {
		got := output(t, args("-steps", part[0], "-ranks", part[1], "-every", "2", "-checkpoint", file)...)
		if i == 0 {
			assert.NotEqual(t, want, digest(t, got))
			continue
		}
		assert.Equal(t, want, digest(t, got))
		assert.Regexp(t, `\ngoing on after step [35], from .*run\.checkpoint\n`, got)
	}
	assert.ErrorContains(t, run(args("-steps", "4", "-checkpoint", file), io.Discard, io.Discard),
		file+": of 5 steps, more than the 4 of -steps")
	assert.ErrorContains(t, run(args("-seed", "2", "-ranks", "2", "-checkpoint", file), io.Discard,
		io.Discard), file+": of another run:")
}

// TestRefusedCheckpoint checks that a checkpoint that is damaged, or of another run, is refused by
// its name, and stays as it is.
func TestRefusedCheckpoint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.checkpoint")
	output(t, small("-epochs", "2", "-checkpoint", file)...)
	good, err := os.ReadFile(file)
	require.NoError(t, err)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	for _, c := range []struct {
		data []byte
		args []string
		want string
	}{
		{flipped, nil, "damaged: its SHA-256 is not that of what was written"},
		{good[:1000], nil, "damaged: "},
		{nil, nil, "not a checkpoint"},
		{[]byte("hello\n"), nil, "not a checkpoint"},
		{good, []string{"-seed", "2"}, "of another run:"},
		{good, []string{"-type", "float64"}, "of another run:"},
		{good, []string{"-images", "99"}, "of another run:"},
		{good, []string{"-epochs", "1"}, "of 2 epochs, more than the 1 of -epochs"},
	} {
		require.NoError(t, os.WriteFile(file, c.data, 0o666))
		for _, ranks := range []string{"1", "4"} {
			args := append(small("-epochs", "3", "-checkpoint", file, "-ranks", ranks), c.args...)
			var stdout, stderr bytes.Buffer
			err := run(args, &stdout, &stderr)
			assert.ErrorContains(t, err, file+": "+c.want)
			assert.NotContains(t, stdout.String(), "epoch ")
		}
		now, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(c.data), string(now))
	}
}

// TestDigitsLearns checks that many micro-batches train as well as one batch does.
func TestDigitsLearns(t *testing.T) {
	got := output(t, "digits", "-images", "4000", "-epochs", "5", "-out", t.TempDir())
	accuracy := regexp.MustCompile(`epoch 5 .* accuracy (\S+)%\n`).FindStringSubmatch(got)
	require.NotNil(t, accuracy)
	percent, err := strconv.ParseFloat(accuracy[1], 64)
	require.NoError(t, err)
	assert.Greater(t, percent, 95.0)
	chart := regexp.MustCompile(`(?m)^chart: (.*)$`).FindStringSubmatch(got)
	require.NotNil(t, chart)
	assert.FileExists(t, chart[1])
	assert.Regexp(t, `time of rank 0: \d+\.\d{3} s computing, 0\.000 s communicating`, got)
}

// TestClasses checks that the losses and gradients of the sharded classifier have the bits of one
// that is not sharded, on any number of ranks.
func TestClasses(t *testing.T) {
	t.Run("float32", testClasses[float32])
	t.Run("float64", testClasses[float64])
}

func testClasses[T kernels.Float](t *testing.T) {
	const rows = 5
	x, labels := samples[T](rows, rand.NewPCG(1, 5))
	labels[1], labels[2], labels[3] = 0, classes-1, block // the ends of blocks
	var w, b []T
	var hidden []T
	require.NoError(t, comm.Run(1, func(c comm.Comm) error {
		m := newClassifier[T](c, 1)
		hidden = append(hidden, m.relu.Forward(m.first.Forward(x))...)
		w, b = make([]T, units*classes), make([]T, classes)
		for i, a := range m.blocks {
			for row := range units {
				copy(w[row*classes+i*block:][:block], a.W[row*block:])
			}
		}
		return nil
	}))
	logits, losses := make([]T, rows*classes), make([]T, rows)
	require.NoError(t, kernels.MatMulWith(logits, hidden, w, rows, units, classes,
		&kernels.MatMulOptions[T]{Bias: b}))
	kernels.CrossEntropyGrad(logits, losses, logits, labels, classes, T(1.0/rows))
	dw, db := make([]T, units*classes), make([]T, classes)
	kernels.MatMulTransA(dw, hidden, logits, units, rows, classes)
	kernels.ColumnSums(db, logits, rows, classes)
	mean := 0.0
	for _, l := range losses {
		mean += float64(l)
	}
	mean /= rows

	var want []T // the gradient of the first layer, on one rank
	for _, ranks := range []int{1, 2, 4, 8} {
		firsts := make([][]T, ranks)
		require.NoError(t, comm.Run(ranks, func(c comm.Comm) error {
			m := newClassifier[T](c, 1)
			got, err := m.gradients(x, labels)
			if err != nil {
				return err
			}
			assert.Equal(t, mean, got, "loss of rank %d of %d", c.Rank(), ranks)
			for i, a := range m.blocks {
				at := (m.lo + i) * block
				assert.True(t, equal(a.DB, db[at:at+block]), "bias, rank %d of %d", c.Rank(), ranks)
				for row := range units {
					if !equal(a.DW[row*block:][:block], dw[row*classes+at:][:block]) {
						return fmt.Errorf("weights of unit %d differ, with %d ranks", row, ranks)
					}
				}
			}
			firsts[c.Rank()] = m.first.DW
			return nil
		}))
		if ranks == 1 {
			want = firsts[0]
			testHiddenGradient(t, hidden, logits, w, x, want)
		}
		for rank, got := range firsts {
			assert.Equal(t, want, got, "rank %d of %d", rank, ranks)
		}
	}
}

// testHiddenGradient checks the gradient of the first layer's weights against the tree of the
// blocks, written out.
func testHiddenGradient[T kernels.Float](t *testing.T, hidden, dlogits, w, x, got []T) {
	rows := len(hidden) / units
	var d [parts][]T
	for i := range d {
		d[i] = make([]T, rows*units)
		require.NoError(t, kernels.MatMulTransBWith(d[i], dlogits[i*block:(rows-1)*classes+(i+1)*block],
			w[i*block:(units-1)*classes+(i+1)*block], rows, block, units,
			&kernels.MatMulOptions[T]{AStride: classes, BStride: classes}))
	}
	sum := make([]T, rows*units)
	for j := range sum {
		if hidden[j] > 0 {
			sum[j] = ((d[0][j] + d[1][j]) + (d[2][j] + d[3][j])) +
				((d[4][j] + d[5][j]) + (d[6][j] + d[7][j]))
		}
	}
	want := make([]T, inputs*units)
	kernels.MatMulTransA(want, x, sum, inputs, rows, units)
	assert.Equal(t, want, got)
	assert.NotEqual(t, make([]T, len(got)), got)
}

func equal[T kernels.Float](a, b []T) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

func TestRanksAndFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "mpi digits [FLAG...] or mpi classes [FLAG...]"},
		{[]string{"letters"}, `no "letters": mpi digits`},
		{small("-ranks", "3"), "3 ranks: their number is a power of two and divides 8"},
		{[]string{"classes", "-ranks", "16"}, "16 ranks: their number is a power of two and divides 8"},
		{small("-ranks", "0"), "0 ranks: there is at least 1"},
		{small("-images", "3"), "-images 3: it is at least 4"},
		{small("-epochs", "0"), "-epochs 0: it is at least 1"},
		{small("-data", "nowhere"), "-data: no folder"},
		{[]string{"classes", "-steps", "0"}, "-steps 0: it is at least 1"},
		{[]string{"classes", "-every", "0"}, "-every 0: it is at least 1"},
		{[]string{"classes", "-batch", "0"}, "-batch 0: it is at least 1"},
		{[]string{"classes", "-rate", "-1"}, "-rate -1: it is a positive number"},
		{[]string{"classes", "more"}, `unexpected argument "more"`},
	} {
		assert.ErrorContains(t, run(c.args, io.Discard, io.Discard), c.want, "%v", c.args)
	}
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(small("-epochs", "1", "-ranks", "2", "-v"), &stdout, &stderr))
	assert.Regexp(t, `(?m)^rank 1 of 2: process \d+ on `, stderr.String())
}
