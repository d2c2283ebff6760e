package main

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSpiralIsReproducible makes a short run twice, and checks that the text is the same to the
// last bit of each loss, and that the charts are pictures.
func TestSpiralIsReproducible(t *testing.T) {
	for _, flags := range [][]string{
		{"-hidden", "relu", "-type", "float32"},
		{"-hidden", "sigmoid", "-type", "float64", "-optimizer", "sgd"},
	} {
		t.Run(fmt.Sprint(flags), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "charts") // made by the run
			args := append([]string{"-epochs", "40", "-out", dir}, flags...)
			var first, second, other, stderr bytes.Buffer
			require.NoError(t, run(args, &first, &stderr))
			require.NoError(t, run(args, &second, &stderr))
			assert.Equal(t, first.String(), second.String())
			assert.Empty(t, stderr.String(), "no bar where there is no terminal")
			require.NoError(t, run(append(args, "-seed", "2"), &other, &stderr))
			digest := regexp.MustCompile(`digest.*: [0-9a-f]{16}\n`)
			require.Regexp(t, digest, first.String())
			assert.NotEqual(t, digest.FindString(first.String()), digest.FindString(other.String()))

			losses := regexp.MustCompile(`epoch +(\d+)  loss (\S+)  bits [0-9a-f]{16}\n`).
				FindAllStringSubmatch(first.String(), -1)
			require.Len(t, losses, 20)
			require.Equal(t, "40", losses[19][1])
			start, err := strconv.ParseFloat(losses[0][2], 64)
			require.NoError(t, err)
			end, err := strconv.ParseFloat(losses[19][2], 64)
			require.NoError(t, err)
			assert.Less(t, end, start)

			charts := regexp.MustCompile(`(?m)^chart: (.*)$`).FindAllStringSubmatch(first.String(),
				-1)
			require.Len(t, charts, 2)
			for _, c := range charts {
				f, err := os.Open(c[1])
				require.NoError(t, err)
				picture, err := png.Decode(f)
				require.NoError(t, f.Close())
				require.NoError(t, err)
				assert.Greater(t, picture.Bounds().Dx(), 300)
			}
		})
	}
}

// TestSpiralLearns checks that the network separates the arms, as in the book.
func TestSpiralLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a second")
	}
	var stdout, stderr bytes.Buffer
	require.NoError(t, run([]string{"-out", t.TempDir()}, &stdout, &stderr))
	accuracy := regexp.MustCompile(`accuracy: (\S+)% of the 300 points`).FindStringSubmatch(stdout.String())
	require.NotNil(t, accuracy)
	got, err := strconv.ParseFloat(accuracy[1], 64)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, got, 98.0)
}

func TestSpiralPoints(t *testing.T) {
	xy, labels := spiral(1)
	require.Len(t, labels, 300)
	require.Len(t, xy, 600)
	for i, label := range labels {
		assert.Equal(t, i/100, label)
		radius := float64(i%100) / 100
		assert.InDelta(t, radius*radius, xy[2*i]*xy[2*i]+xy[2*i+1]*xy[2*i+1], 1e-12)
	}
}

func TestSinCos(t *testing.T) {
	for i := -1600; i <= 1600; i++ {
		theta := float64(i) / 100
		sin, cos := sincos(theta)
		assert.InDelta(t, math.Sin(theta), sin, 1e-12)
		assert.InDelta(t, math.Cos(theta), cos, 1e-12)
	}
}

// TestDigest repeats the runs of README.md, and checks that they end with the digests there. CI
// runs it on other CPUs and architectures.
func TestDigest(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	runs := regexp.MustCompile("(?m)^\\| `spiral (-epochs [^`]*)` \\| `([0-9a-f]{16})` \\|").
		FindAllStringSubmatch(string(readme), -1)
	require.Len(t, runs, 3)
	for _, r := range runs {
		var stdout, stderr bytes.Buffer
		require.NoError(t, run(append(strings.Fields(r[1]), "-out", ""), &stdout, &stderr))
		assert.Contains(t, stdout.String(), "digest of all losses and of the weights: "+r[2]+"\n", r[1])
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-type", "float16"}, `-type "float16": it is one of [float32 float64]`},
		{[]string{"-hidden", "tanh"}, `-hidden "tanh": it is one of [relu sigmoid]`},
		{[]string{"-optimizer", "lbfgs"}, `-optimizer "lbfgs": it is one of [adam momentum sgd]`},
		{[]string{"-epochs", "0"}, "-epochs 0: it is at least 1"},
		{[]string{"-batch", "-3"}, "-batch -3: it is at least 1"},
		{[]string{"-units", "0"}, "-units 0: it is at least 1"},
		{[]string{"-rate", "-1"}, "-rate -1: it is a positive number"},
		{[]string{"-rate", "NaN"}, "-rate NaN: it is a positive number"},
		{[]string{"extra"}, `unexpected argument "extra": see -help`},
		{[]string{"-unknown"}, "flag provided but not defined: -unknown"},
	} {
		var stdout, stderr bytes.Buffer
		assert.ErrorContains(t, run(c.args, &stdout, &stderr), c.want)
		assert.Empty(t, stdout.String())
	}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	var stdout, stderr bytes.Buffer
	assert.ErrorContains(t, run([]string{"-epochs", "1", "-out", file}, &stdout, &stderr), file)
}
