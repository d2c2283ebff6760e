package kernels_test

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

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktable"
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
		kt.With(isa.NameGeneric, func() { goldenHashes(got, "") })
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
				kt.With(isa.NameGeneric, func() { goldenHashes(alike, name) })
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

// faultyFMA reports whether the CPU is Bochs 2.7, on which CI runs AVX-512: where a float64 FMA cancels to less than 2^-63
// of the product, it gives 0. The remainder of a division is such an FMA, and in one row of a million the result
// shows it, on all instruction sets alike. A real CPU never gets here.
func faultyFMA() bool {
	return math.FMA(fmaProbe[0], fmaProbe[1], fmaProbe[2]) != -0x1.5beb356716p-63
}

var fmaProbe = [3]float64{-0x1.c97571b1d45d4p+511, 0x1.1e85a1b58a1fep-512, 1} // a variable, so that the CPU computes it

// goldenHashes adds the hashes of all kernels, or of one, as KERNEL/TYPE.
func goldenHashes(to map[string]golden, only string) {
	goldenOf[float32](to, only)
	goldenOf[float64](to, only)
}

func goldenOf[T kernels.Float](to map[string]golden, only string) {
	shards := goldenShards[T]()
	for _, f := range ktable.Funcs[T]() {
		calls := map[string]func(c *kt.Operands[T]){f.Name: func(c *kt.Operands[T]) { goldenCall(&f, c, false) }}
		switch i := f.Index("losses"); {
		case len(f.Args) == 0:
			continue
		case f.Opts&ktable.Offset != 0 || f.Opts == 0 && f.Grain() == 1 && f.Args[0].In || f.Name == "FoldChunks":
			if calls[f.Name] = shards[f.Name]; shards[f.Name] == nil {
				continue // what these compute is in the results of the others
			}
		case i == 1 && f.Args[i].Len == ktable.Each: // the losses as well
			calls[f.Name+"Losses"] = func(c *kt.Operands[T]) { goldenCall(&f, c, true) }
		}
		for name, call := range calls {
			if name += "/" + kt.TypeName[T](); only == "" || only == name {
				to[name] = goldenHash(&f, call)
			}
		}
	}
}

// goldenHash takes the hashes of the calls of a function. How the inputs are made is fixed for ever.
func goldenHash[T kernels.Float](f *ktable.Func[T], call func(c *kt.Operands[T])) golden {
	k, numbers := kt.Primitive[T]{}, f.Index("probs") > 0
	for _, a := range f.Args {
		switch {
		case a.Type == ktable.Label:
			k.Skip = true
		case a.Type == ktable.Word:
			k.MaskIn = a.In
		case a.In && (a.Len == ktable.PerRow || a.Len == ktable.Upstream) && a.Type == ktable.Elem:
			k.PerRow++
		case a.In && a.Type == ktable.Elem: // weights, too: the first of their values
			k.Ins++
		}
	}
	k.Prep = func(r *kt.Rand, c *kt.Operands[T]) {
		for i := range c.Skip {
			c.Skip[i] = r.Intn(c.Cols)
		}
		switch i := f.Index("targets"); {
		case numbers: // a row of probabilities is all NaN, or none is
			for i, v := range c.In[0] {
				if v != v {
					c.In[0][i] = 0.5
				}
			}
		case i >= 0 && f.Args[i].Fill == ktable.ZeroOne:
			for i := range c.In[1] {
				if k := r.Intn(8); k < 6 {
					c.In[1][i] = T(k % 2)
				}
			}
			for i, p := range c.In[2] {
				if p = T(math.Abs(float64(p))); p-p != 0 {
					p = 3
				}
				c.In[2][i] = p
			}
		case i >= 0 && f.Opts&ktable.Smoothing == 0 && r.Intn(3) != 0:
			kt.FillProb(r, c.In[1], c.Cols)
		}
		if f.Name == "ShardCrossEntropyGrad" {
			c.Scale = 0.3
		}
	}
	var shapes []kt.Shape
	if f.Rows && f.Index("PosWeight") < 0 {
		for _, s := range [][2]int{{3, 1}, {5, 2}, {4, 3}, {9, 5}, {7, 10}, {2, 16}, {3, 17}, {9, 26}, {2, 32}, {2, 33}, {65, 10}, {3, 100}, {2, 129}, {1, 1000}, {1, 4097}} {
			shapes = append(shapes, kt.Shape{Rows: s[0], Cols: s[1]})
		}
	} else {
		for _, n := range []int{1, 7, 31, 64, 100, 1000, 4097} {
			shapes = append(shapes, kt.Shape{Rows: 1, Cols: n})
		}
	}
	in, res := sha256.New(), sha256.New()
	for _, s := range shapes {
		for _, kind := range kt.Kinds() {
			c := k.Operands(s, kind, goldenSeed, -1)
			for _, x := range c.In {
				hashFloats(in, x)
			}
			hashWords(in, c.Skip)
			hashWords(in, c.Mask)
			hashFloats(in, []T{c.Scale})
			call(c)
			hashFloats(res, c.Out)
			hashFloats(res, c.Loss)
			hashWords(res, c.Mask)
			hashWords(res, c.Index)
		}
	}
	return golden{digest(in), digest(res)}
}

// goldenCall calls f with operands and puts the results among them; the options follow from the size.
func goldenCall[T kernels.Float](f *ktable.Func[T], c *kt.Operands[T], losses bool) {
	d := ktable.Call[T]{Func: f, Rows: c.Rows, Classes: c.Cols, Scale: c.Scale, Ops: make([]kt.Array, len(f.Args))}
	if !f.Rows {
		d.Rows, d.Classes = c.Cols, 1
	}
	turn, ins := c.Rows+c.Cols, 0
	if f.Opts&ktable.DstStrides != 0 {
		d.LogitScale = 0.75
	}
	if f.Opts&ktable.Smoothing != 0 {
		if turn%3 != 0 {
			d.LabelSmoothing = 0.1
		}
		if turn%4 == 1 {
			d.LogitScale = 0.75
		}
		if turn%5 == 1 {
			d.IgnoreIndex = new(0)
		}
		d.Reduction = kernels.Reduction(turn % 3)
	}
	for i, a := range f.Args {
		op := &d.Ops[i]
		switch n := c.Rows * c.Cols; {
		case a.Type == ktable.Label:
			*op = kt.ArrayOf(c.Skip)
		case a.Type == ktable.Int:
			c.Index = make([]int, c.Rows)
			*op = kt.ArrayOf(c.Index)
		case a.Type == ktable.Word:
			if a.Out {
				c.Mask = make([]uint64, kernels.MaskLen(n))
			}
			*op = kt.ArrayOf(c.Mask)
		case a.Out && a.Len == ktable.Each:
			if i == 0 == !losses {
				c.Out = make([]T, n)
				*op = kt.ArrayOf(c.Out)
			} else if i == 0 {
				*op = kt.ArrayOf(make([]T, n))
			}
		case a.Out:
			if c.Loss == nil {
				c.Loss = make([]T, c.Rows)
				*op = kt.ArrayOf(c.Loss)
			}
		case a.Len == ktable.Upstream && turn%7 < 3:
			*op = kt.ArrayOf([]T{c.Scale})
		case a.Len == ktable.Upstream:
			*op = kt.ArrayOf(c.PerRow[0])
		case a.Len == ktable.PerRow:
			*op = kt.ArrayOf(c.PerRow[1])
		case a.Len == ktable.PerClass:
			if turn%2 == 0 {
				continue
			}
			weights := make([]T, c.Cols)
			for j := range weights {
				weights[j] = 1
				if w := math.Abs(float64(c.In[ins][j])); w <= 16 {
					weights[j] = T(w)
				}
			}
			*op = kt.ArrayOf(weights)
		default:
			*op = kt.ArrayOf(c.In[ins])
			ins++
		}
	}
	d.Bind()
	must(d.Run())
}

// goldenShards are the functions of shards, on rows in two of them.
func goldenShards[T kernels.Float]() map[string]func(c *kt.Operands[T]) {
	shards := func(c *kt.Operands[T], out bool, f func(d, x []T, s kernels.Shard[T]) error) {
		if out {
			c.Out = make([]T, c.Rows*c.Cols)
		}
		n := (c.Cols + 1) / 2
		for lo := 0; lo < c.Cols; lo += n {
			s := kernels.Shard[T]{Classes: min(n, c.Cols-lo), Offset: lo, Stride: c.Cols, DstStride: c.Cols, LogitScale: 0.75}
			hi := (c.Rows-1)*c.Cols + lo + s.Classes
			must(f(c.Out[min(lo, len(c.Out)):min(hi, len(c.Out))], c.In[0][lo:hi], s))
		}
	}
	merged := func(c *kt.Operands[T]) []kernels.RowStats[T] {
		stats, next := make([]kernels.RowStats[T], c.Rows), make([]kernels.RowStats[T], c.Rows)
		shards(c, false, func(_, x []T, s kernels.Shard[T]) error {
			err := kernels.ShardStats(next, x, s)
			if s.Offset == 0 {
				copy(stats, next)
			} else {
				kernels.MergeRowStats(stats, next)
			}
			return err
		})
		return stats
	}
	dst := func(f func(dst, x []T, stats []kernels.RowStats[T], s kernels.Shard[T]) error) func(c *kt.Operands[T]) {
		return func(c *kt.Operands[T]) {
			stats := merged(c)
			shards(c, true, func(d, x []T, s kernels.Shard[T]) error { return f(d, x, stats, s) })
		}
	}
	return map[string]func(c *kt.Operands[T]){
		"ShardStats": func(c *kt.Operands[T]) {
			for _, s := range merged(c) {
				c.Loss = append(c.Loss, T(s.Rest)+s.Max)
			}
		},
		"ShardSoftmax":    dst(kernels.ShardSoftmax[T]),
		"ShardLogSoftmax": dst(kernels.ShardLogSoftmax[T]),
		"ShardCrossEntropyGrad": func(c *kt.Operands[T]) {
			stats, here := merged(c), make([]T, c.Rows)
			c.Loss = make([]T, c.Rows)
			shards(c, true, func(d, x []T, s kernels.Shard[T]) error {
				err := kernels.ShardCrossEntropyGrad(d, here, x, stats, c.Skip, c.Scale, s)
				for r, v := range here {
					c.Loss[r] += v
				}
				return err
			})
		},
	}
}

func digest(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:16]) }

func hashFloats[T kernels.Float](h hash.Hash, x []T) {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, kt.Bits(v))
	}
	h.Write(b)
}

func hashWords[W int | uint64](h hash.Hash, x []W) {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
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
