package fuzz

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

var write = flag.Bool("write", false, "write the seeds in testdata/fuzz")

// seedShapes are sizes with tails, batches, few classes and wide rows.
var seedShapes = []uint16{0x0000, 0x0101, 0x0809, 0x1109, 0x1f19, 0x2010, 0x411f, 0x4120, 0x0521,
	0xc900, 0xcaff, 0xf801, 0xf974, 0xfc0f}

// TestSeeds checks that each target has committed seeds. With -write it writes them.
func TestSeeds(t *testing.T) {
	kt.Require(t)
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	targets := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`).FindAllSubmatch(src,
			-1) {
			name := string(m[1])
			targets++
			dir := filepath.Join("testdata", "fuzz", name)
			if *write {
				require.NoError(t, writeSeeds(dir, name == "FuzzParallel"))
			}
			seeds, err := os.ReadDir(dir)
			require.NoError(t, err, "%s has no seeds: run with -write", name)
			require.GreaterOrEqual(t, len(seeds), 4, "%s has too few seeds: run with -write", name)
		}
	}
	require.GreaterOrEqual(t, targets, 19)
}

func writeSeeds(dir string, numbers bool) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for i, shape := range seedShapes {
		r := kt.NewRand(uint64(i))
		data := make([]byte, 24+i*9)
		for j := range data {
			data[j] = byte(r.Uint64())
			if i%3 == 0 && j%3 == 0 {
				data[j] %= 96 // mostly ordinary values
			}
		}
		text := "go test fuzz v1\n"
		if numbers {
			text += fmt.Sprintf("uint16(%d)\nuint16(%d)\n", shape, i*7)
		} else {
			text += fmt.Sprintf("[]byte(%s)\nuint16(%d)\n", strconv.Quote(string(data)), shape)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("seed%02d", i)), []byte(text),
			0o666); err != nil {
			return err
		}
	}
	return nil
}
