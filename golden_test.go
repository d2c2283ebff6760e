package kernels

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"hash"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

var update = flag.Bool("update", false, "write testdata/golden.json from the generic code")

// golden is what testdata keeps of one kernel and type: a hash of the inputs,
// to tell a change of this test from a change of the kernel, and one of the
// results. Both are the same on every architecture and instruction set: inputs
// are made of integers by exact steps, values are hashed as little-endian
// words, and all NaN count as one.
type golden struct {
	Inputs  string `json:"inputs"`
	Results string `json:"results"`
}

var goldenFile = filepath.Join("testdata", "golden.json")

// TestGolden compares the bits of every kernel with the published ones.
//
// After a deliberate change of a kernel's bits, `go test -run TestGolden
// -update .` writes them anew; the CHANGELOG names the kernel.
func TestGolden(t *testing.T) {
	if *update {
		got := map[string]golden{}
		generic(func() { goldenHashes(got, "") })
		data, err := json.MarshalIndent(got, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(goldenFile), 0o777))
		require.NoError(t, os.WriteFile(goldenFile, append(data, '\n'), 0o666))
	}
	data, err := os.ReadFile(goldenFile)
	require.NoError(t, err)
	want := map[string]golden{}
	require.NoError(t, json.Unmarshal(data, &want))
	kt.EachISA(t, func(t *testing.T, _ string) {
		got := map[string]golden{}
		goldenHashes(got, "")
		for name, g := range got {
			w, ok := want[name]
			switch {
			case !ok:
				t.Errorf("%s is not in %s: run with -update", name, goldenFile)
			case g.Inputs != w.Inputs:
				t.Errorf("%s: the inputs changed: %s, published %s", name, g.Inputs, w.Inputs)
			case g.Results != w.Results && faultyFMA() && strings.HasSuffix(name, "/float64"):
				t.Logf("%s: not the published bits: this CPU's float64 FMA is wrong; compared with pure Go on it", name)
				alike := map[string]golden{}
				generic(func() { goldenHashes(alike, name) })
				require.Equal(t, alike[name], g, name)
			case g.Results != w.Results:
				t.Errorf("%s: the bits changed: %s, published %s", name, g.Results, w.Results)
			}
		}
		require.Len(t, want, len(got), "kernels in %s", goldenFile)
	})
}

// goldenSeed makes the inputs.
const goldenSeed = 43

// faultyFMA tells whether the CPU is Bochs 2.7, on which CI runs AVX-512: where a float64 FMA cancels to less than 2^-63
// of the product, it gives 0. The remainder of a division is such an FMA, and in one row of a million the result
// shows it, on all instruction sets alike. A CPU proper never gets here.
func faultyFMA() bool {
	return math.FMA(fmaProbe[0], fmaProbe[1], fmaProbe[2]) != -0x1.5beb356716p-63
}

var fmaProbe = [3]float64{-0x1.c97571b1d45d4p+511, 0x1.1e85a1b58a1fep-512, 1} // a variable, so that the CPU computes it

// goldenHashes adds the hashes of all kernels, or of one, as KERNEL/TYPE.
func goldenHashes(to map[string]golden, only string) {
	goldenOf[float32](to, only)
	goldenOf[float64](to, only)
}

func goldenOf[T Float](to map[string]golden, only string) {
	for _, k := range table[T]() {
		name := k.name + "/" + kt.TypeName[T]()
		if only != "" && only != name {
			continue
		}
		var shapes []shape
		if k.rows {
			shapes = []shape{{3, 1, 0}, {5, 2, 0}, {4, 3, 0}, {9, 5, 0}, {7, 10, 0}, {2, 16, 0}, {3, 17, 0}, {9, 26, 0}, {2, 32, 0}, {2, 33, 0},
				{65, 10, 0}, {3, 100, 0}, {2, 129, 0}, {1, 1000, 0}, {1, 4097, 0}}
		} else {
			for _, n := range []int{1, 7, 31, 64, 100, 1000, 4097} {
				shapes = append(shapes, shape{1, n, 0})
			}
		}
		in, res := sha256.New(), sha256.New()
		for _, s := range shapes {
			for _, kind := range kt.Kinds() {
				c := prepare(&k, s, kind, goldenSeed, apart)
				c = layout(&k, c, s, apart, &memory{})
				for _, x := range c.in {
					hashFloats(in, x)
				}
				hashInts(in, c.skip)
				if k.maskIn {
					hashWords(in, c.mask)
				}
				hashFloats(in, []T{c.scale})
				k.run(c)
				hashFloats(res, c.out)
				hashFloats(res, c.loss)
				hashWords(res, c.mask)
				hashInts(res, c.index)
			}
		}
		to[name] = golden{digest(in), digest(res)}
	}
}

func digest(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:16]) }

func hashFloats[T Float](h hash.Hash, x []T) {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, kt.Bits(v))
	}
	h.Write(b)
}

func hashWords(h hash.Hash, x []uint64) {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	h.Write(b)
}

func hashInts(h hash.Hash, x []int) {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, uint64(int64(v)))
	}
	h.Write(b)
}

// TestGoldenSeesOneBit proves that the hash notices a single changed result.
func TestGoldenSeesOneBit(t *testing.T) {
	x := []float32{1, 2, 3}
	a, b := sha256.New(), sha256.New()
	hashFloats(a, x)
	x[1] = kt.FromBits[float32](kt.Bits(x[1]) + 1)
	hashFloats(b, x)
	require.NotEqual(t, digest(a), digest(b))
	require.Equal(t, isa.NameGeneric, isa.Available()[len(isa.Available())-1])
}
