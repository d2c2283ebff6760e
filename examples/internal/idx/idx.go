// Package idx reads the IDX files that MNIST comes in, compressed by gzip.
package idx

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxBytes is more than any file of the MNIST family holds. It keeps a broken header from making
// the program allocate more memory.
const maxBytes = 1 << 30

// Images are the pixels of Count images, Rows*Cols bytes each.
type Images struct {
	Count, Rows, Cols int
	Pixels            []byte
}

// ReadImages reads an images file (idx3-ubyte.gz).
func ReadImages(name string) (Images, error) {
	dims, data, err := read(name, 3)
	if err != nil {
		return Images{}, err
	}
	return Images{Count: dims[0], Rows: dims[1], Cols: dims[2], Pixels: data}, nil
}

// ReadLabels reads a labels file (idx1-ubyte.gz).
func ReadLabels(name string) ([]byte, error) {
	_, data, err := read(name, 1)
	return data, err
}

// read returns the dimensions and the bytes of a file of unsigned bytes.
func read(name string, rank int) (dims []int, data []byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err // names the file
	}
	defer f.Close()
	fail := func(format string, args ...any) ([]int, []byte, error) {
		return nil, nil, fmt.Errorf("%s: "+format, append([]any{name}, args...)...)
	}
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return fail("not a gzip file: %w", cut(err))
	}
	header := make([]byte, 4+4*rank)
	if _, err := io.ReadFull(z, header[:4]); err != nil {
		return fail("the header is cut off: %w", cut(err))
	}
	// Two zeros, the type (8: unsigned bytes), the number of dimensions.
	if magic, want := binary.BigEndian.Uint32(header), uint32(0x800+rank); magic != want {
		return fail("not the IDX file wanted: it starts with %#08x, and not with %#08x "+
			"(unsigned bytes, %d dimensions)",
			magic, want, rank)
	}
	if _, err := io.ReadFull(z, header[4:]); err != nil {
		return fail("the header is cut off: %w", cut(err))
	}
	size := uint64(1)
	for i := range rank {
		dim := binary.BigEndian.Uint32(header[4+4*i:])
		dims = append(dims, int(dim))
		if size *= uint64(dim); size > maxBytes {
			return fail("the header asks for %d or more bytes: more than the %d that are read at most",
				size, maxBytes)
		}
	}
	data = make([]byte, size)
	if n, err := io.ReadFull(z, data); err != nil {
		return fail("cut off after %d of %d bytes: %w", n, size, cut(err))
	}
	// The end of the stream is where gzip checks its sum.
	switch n, err := z.Read(make([]byte, 1)); {
	case n > 0:
		return fail("more than the %d bytes that the header names", size)
	case err != io.EOF:
		return fail("%w", cut(err))
	}
	return dims, data, nil
}

// cut returns err for a place where EOF is unexpected: io.EOF becomes io.ErrUnexpectedEOF.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// MNIST is a set of images and their labels, 0 to 9.
type MNIST struct {
	Images Images
	Labels []byte
}

// The files of MNIST's test set.
const (
	ImagesFile = "t10k-images-idx3-ubyte.gz"
	LabelsFile = "t10k-labels-idx1-ubyte.gz"
)

// ReadMNIST reads MNIST's test set from a folder.
func ReadMNIST(dir string) (MNIST, error) {
	abs, err := filepath.Abs(dir) // the message shows what dir is relative to
	if err != nil {
		return MNIST{}, err
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return MNIST{},
			fmt.Errorf("no folder %s (a relative one starts at the working directory, which is "+
				"examples/ after go -C examples run)",
				abs)
	}
	var m MNIST
	if m.Images, err = ReadImages(filepath.Join(abs, ImagesFile)); err == nil {
		m.Labels, err = ReadLabels(filepath.Join(abs, LabelsFile))
	}
	if errors.Is(err, os.ErrNotExist) {
		return MNIST{}, fmt.Errorf("%w: the folder has to hold MNIST's test set, %s and %s", err,
			ImagesFile, LabelsFile)
	}
	if err != nil {
		return MNIST{}, err
	}
	if len(m.Labels) != m.Images.Count {
		return MNIST{}, fmt.Errorf("%s: %d images in %s, but %d labels in %s", abs, m.Images.Count,
			ImagesFile, len(m.Labels), LabelsFile)
	}
	for i, label := range m.Labels {
		if label > 9 {
			return MNIST{}, fmt.Errorf("%s: label %d of image %d is not in [0, 10)",
				filepath.Join(abs, LabelsFile), label, i)
		}
	}
	return m, nil
}
