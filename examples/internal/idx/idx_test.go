package idx

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// file returns an IDX file before it is compressed.
func file(magic uint32, dims []uint32, data ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, magic)
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, data...)
}

func zip(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func write(t *testing.T, dir, name string, data []byte) string {
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, data, 0o666))
	return path
}

var (
	images = file(0x803, []uint32{2, 2, 3}, 0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 255)
	labels = file(0x801, []uint32{2}, 9, 0)
)

func TestReadMNIST(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ImagesFile, zip(t, images))
	write(t, dir, LabelsFile, zip(t, labels))
	m, err := ReadMNIST(dir)
	require.NoError(t, err)
	assert.Equal(t, MNIST{Images{2, 2, 3, images[16:]}, []byte{9, 0}}, m)

	t.Chdir(filepath.Dir(dir))
	m, err = ReadMNIST(filepath.Base(dir))
	require.NoError(t, err)
	assert.Equal(t, []byte{9, 0}, m.Labels, "by a relative path")
}

func TestReadMNISTErrors(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadMNIST(filepath.Join(dir, "nowhere"))
	assert.ErrorContains(t, err, "no folder "+filepath.Join(dir, "nowhere"))
	assert.ErrorContains(t, err, "examples/")
	t.Chdir(dir)
	_, err = ReadMNIST("nowhere")
	assert.ErrorContains(t, err, string(filepath.Separator)+"nowhere", "what it is relative to")

	path := write(t, dir, ImagesFile, zip(t, images))
	_, err = ReadMNIST(path)
	assert.ErrorContains(t, err, "no folder "+path, "a file")
	_, err = ReadMNIST(dir)
	assert.ErrorContains(t, err, LabelsFile+": ")
	assert.ErrorContains(t, err,
		"has to hold MNIST's test set, t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz")

	write(t, dir, LabelsFile, zip(t, file(0x801, []uint32{3}, 1, 2, 3)))
	_, err = ReadMNIST(dir)
	assert.ErrorContains(t, err,
		"2 images in t10k-images-idx3-ubyte.gz, but 3 labels in t10k-labels-idx1-ubyte.gz")
	write(t, dir, LabelsFile, zip(t, file(0x801, []uint32{2}, 1, 10)))
	_, err = ReadMNIST(dir)
	assert.ErrorContains(t, err, "label 10 of image 1 is not in [0, 10)")
}

func TestBrokenFiles(t *testing.T) {
	whole := zip(t, images)
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-5] ^= 1 // in the sum at the end
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "not a gzip file: unexpected EOF"},
		{"not compressed", images, "not a gzip file: gzip: invalid header"},
		{"no header", zip(t, nil), "the header is cut off: unexpected EOF"},
		{"half a header", zip(t, images[:9]), "the header is cut off: unexpected EOF"},
		{"labels", zip(t, labels),
			"it starts with 0x00000801, and not with 0x00000803 (unsigned bytes, 3 dimensions)"},
		{"other element type", zip(t, file(0xd03, []uint32{1, 1, 1}, 0)),
			"it starts with 0x00000d03"},
		{"few pixels", zip(t, images[:len(images)-1]),
			"cut off after 11 of 12 bytes: unexpected EOF"},
		{"no pixels", zip(t, images[:16]), "cut off after 0 of 12 bytes"},
		{"too many pixels", zip(t, append(bytes.Clone(images), 0)),
			"more than the 12 bytes that the header names"},
		{"cut gzip", whole[:len(whole)-3], "unexpected EOF"},
		{"damaged gzip", damaged, "gzip: invalid checksum"},
		{"huge", zip(t, file(0x803, []uint32{1 << 31, 1 << 31, 4})),
			"more than the 1073741824 that are read at most"},
		{"overflowing", zip(t, file(0x803, []uint32{1 << 22, 1 << 22, 1 << 22})),
			"more than the 1073741824 that are read at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, t.TempDir(), "images.gz", c.data)
			_, err := ReadImages(path)
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, path)
		})
	}
	_, err := ReadLabels(filepath.Join(t.TempDir(), "missing"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestEmptySet(t *testing.T) {
	path := write(t, t.TempDir(), "images.gz", zip(t, file(0x803, []uint32{0, 28, 28})))
	got, err := ReadImages(path)
	require.NoError(t, err)
	assert.Equal(t, Images{0, 28, 28, []byte{}}, got)
}
