package digits

import (
	"os"
	"path/filepath"

	"kernels"
	"kernels/examples/internal/idx"
	"kernels/examples/internal/nn"
)

// Classes is the number of digits.
const Classes = 10

// Usage describes the flag with the folder that [Read] takes.
const Usage = "`folder` with " + idx.ImagesFile + " and " + idx.LabelsFile +
	"; without it, the program draws digits"

// ImagesUsage describes the flag with the number of images.
const ImagesUsage = "`images` to train on, the first; a quarter as many, the last, are for the test"

// Read reads MNIST's test set from a folder, absolute, or relative to the working directory or the
// one above it: go -C examples runs a program one level below the repository's root. Without a
// folder it draws so many digits.
func Read(dir string, count int) (idx.MNIST, error) {
	if dir == "" {
		return Draw(count, 1), nil
	}
	if up := filepath.Join("..", dir); !filepath.IsAbs(dir) && !exists(dir) && exists(up) {
		dir = up
	}
	return idx.ReadMNIST(dir)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Samples returns the images [lo, hi), their pixels from 0 to 1.
func Samples[T kernels.Float](data idx.MNIST, lo, hi int) nn.Set[T] {
	size := data.Images.Rows * data.Images.Cols
	s := nn.Set[T]{X: make([]T, (hi-lo)*size), Labels: make([]int, hi-lo)}
	for i, v := range data.Images.Pixels[lo*size : hi*size] {
		s.X[i] = T(v) / 255
	}
	for i, label := range data.Labels[lo:hi] {
		s.Labels[i] = int(label)
	}
	return s
}
