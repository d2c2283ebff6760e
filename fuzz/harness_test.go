package fuzz

import (
	"encoding/binary"
	"strings"
	"testing"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktable"
	kt "kernels/internal/ktest"
)

// fuzz runs the target of the function that the test is named after.
func fuzz(f *testing.F) {
	f32 := ktable.Named[float32](strings.TrimPrefix(f.Name(), "Fuzz"))
	f64 := ktable.Named[float64](f32.Name)
	f.Add([]byte("\x00\x10\x20 0\xb0\xff\xc8\x01\xc8\x02 seed"), uint16(0x0a0a))
	f.Fuzz(func(t *testing.T, data []byte, shape uint16) {
		one(t, f32, data, shape)
		one(t, f64, data, shape)
	})
}

// one calls f on each instruction set, with slices apart and shared in each way that f allows, and
// checks the generic results against the reference. The reference is slow: it judges large calls in
// one way of sharing only, because Go takes a fuzz target for hung after ten seconds; and thinned,
// as under emulators, only some calls, because all of its arithmetic is in pure Go.
func one[T kernels.Float](t *testing.T, f *ktable.Func[T], data []byte, shape uint16) {
	rows, classes, off := size(shape, f.Rows)
	for i, share := range f.Shares() {
		var first [8]byte // draws the options
		copy(first[:], data)
		c := f.Make(kt.NewRand(binary.LittleEndian.Uint64(first[:])), rows, classes,
			ktable.Values{Bytes: data}, share)
		k := c.Case().Shared(share)
		want, err := k.Expect()
		judged := (i == 0 || rows*classes <= 1000) &&
			!(testing.Short() && kt.Thinned(f.Name, int(shape)))
		if err == nil && f.Check != nil && judged {
			err = f.Check(c, c.With(want))
		}
		for _, name := range isa.Available() {
			if err == nil {
				kt.With(name, func() { err = k.Check(kt.Memory{Off: off + i, Spare: i > 0}, want) })
			}
			if err != nil {
				t.Fatalf("%s, shared %v: %v\n%v", name, share, err, c)
			}
		}
	}
}

// size turns the fuzzer's number into the size of a call and an offset.
func size(shape uint16, rows bool) (r, c, off int) {
	lo, hi := int(shape&255), int(shape>>8)
	off = (lo*3 + hi) % 16
	switch {
	case !rows && hi >= 250: // around what one call of a primitive is given
		return 1, []int{4096, 8192, 16384, 32768}[lo%4] - 8 + lo/16, off
	case !rows:
		return 1, (lo + 7*hi) % 300, off
	case hi >= 248: // wide rows, up to three chunks of the canonical sum
		return hi - 247, 41 + lo*35, off
	case hi >= 200:
		return hi % 4, 33 + lo, off
	default: // few classes, up to 70 rows
		return hi % 71, 1 + lo%40, off
	}
}
