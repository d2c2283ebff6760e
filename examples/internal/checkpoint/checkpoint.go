// Package checkpoint keeps the state of a run in a file, which is whole or not there: it is written
// under another name, synced, and renamed.
//
// The file has a line that says what it is, the length and the SHA-256 of the rest, the description
// of the run, and the state, both as package gob writes them, which keeps every bit of a number.
package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const magic = "kernels checkpoint 1\n"

// header is the length of what stands before the rest: magic, length and sum.
const header = len(magic) + 8 + sha256.Size

// Write writes a checkpoint of the run that is described, such as by its settings. An older one of
// that name is there until the new one is whole.
func Write(name, run string, state any) error {
	var body bytes.Buffer
	e := gob.NewEncoder(&body)
	if err := errors.Join(e.Encode(run), e.Encode(state)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	data := binary.LittleEndian.AppendUint64([]byte(magic), uint64(body.Len()))
	sum := sha256.Sum256(body.Bytes())
	data = append(append(data, sum[:]...), body.Bytes()...)
	temporary := name + ".tmp" // what a run leaves that is killed here, the next one overwrites
	if err := writeSynced(temporary, data); err != nil {
		return err
	}
	if err := os.Rename(temporary, name); err != nil {
		return err
	}
	// The new name is safe when the folder is. Not every system can sync one: then the older
	// checkpoint may come back after a crash of the machine.
	if dir, err := os.Open(filepath.Dir(name)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

func writeSynced(name string, data []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Load returns the bytes of a checkpoint for [Read], or nil if there is no file of that name.
func Load(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Read sets state, a pointer, to that in the bytes of a checkpoint. The error has the name that
// they were read from, and says whether they are damaged or of another run.
func Read(name string, data []byte, run string, state any) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: "+format, append([]any{name}, args...)...)
	}
	if n := min(len(data), len(magic)); string(data[:n]) != magic[:n] || n == 0 {
		return fail("not a checkpoint")
	}
	if len(data) < header {
		return fail("damaged: cut off after %d bytes", len(data))
	}
	body, size := data[header:], binary.LittleEndian.Uint64(data[len(magic):])
	if uint64(len(body)) != size {
		return fail("damaged: %d bytes of %d", len(body), size)
	}
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], data[header-sha256.Size:header]) {
		return fail("damaged: its SHA-256 is not that of what was written")
	}
	d := gob.NewDecoder(bytes.NewReader(body))
	var of string
	if err := d.Decode(&of); err != nil {
		return fail("%w", err)
	}
	if of != run {
		return fail("of another run:\n  it is of  %s\n  this is   %s", of, run)
	}
	if err := d.Decode(state); err != nil {
		return fail("%w", err)
	}
	return nil
}
