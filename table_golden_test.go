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
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktable"
	kt "kernels/internal/ktest"
)

var update = flag.Bool("update", false, "write what follows from the table: hashes, calls, names")

// golden has the hashes of one kernel and type in testdata/golden.json: of the inputs, to tell a
// change of this test from a change of the kernel, and of the results. Both are the same on every
// architecture and instruction set: inputs are made from integers by exact steps, values are hashed
// as little-endian words, and all NaN are hashed alike.
type golden struct {
	Inputs  string `json:"inputs"`
	Results string `json:"results"`
}

var goldenFile = filepath.Join("testdata", "golden.json")

// TestGolden compares the bits of every kernel with the published ones.
//
// After a deliberate change of a kernel's bits, make golden writes them anew; the CHANGELOG names
// the kernel.
func TestGolden(t *testing.T) {
	if *update {
		got := map[string]golden{}
		kt.With(isa.NameGeneric, func() { goldenHashes(got, "", true) })
		data, err := json.MarshalIndent(got, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(goldenFile), 0o777))
		require.NoError(t, os.WriteFile(goldenFile, append(data, '\n'), 0o666))
	}
	data, err := os.ReadFile(goldenFile)
	require.NoError(t, err)
	want := map[string]golden{}
	require.NoError(t, json.Unmarshal(data, &want))
	kt.EachISA(t, func(t *testing.T, set string) {
		got := map[string]golden{}
		// Inputs do not depend on the instruction set, and take longer to hash than the results.
		inputs := set == isa.NameGeneric
		goldenHashes(got, "", inputs)
		for name, g := range got {
			w, ok := want[name]
			faulty := faultyFMA() && strings.HasSuffix(name, "/float64")
			if g.Results != w.Results && !inputs && !faulty { // because of the inputs?
				goldenHashes(got, name, true)
				g = got[name]
			}
			switch {
			case !ok:
				t.Errorf("%s is not in %s: make golden adds it", name, goldenFile)
			case (inputs || g.Results != w.Results && !faulty) && g.Inputs != w.Inputs:
				t.Errorf("%s: the inputs changed: %s, published %s", name, g.Inputs, w.Inputs)
			case g.Results != w.Results && faulty:
				t.Logf(
					"%s: not the published bits: this CPU's float64 FMA is wrong; compared with pure Go on it",
					name)
				alike := map[string]golden{}
				kt.With(isa.NameGeneric, func() { goldenHashes(alike, name, inputs) })
				require.Equal(t, alike[name], g, name)
			case g.Results != w.Results:
				t.Errorf("%s: the bits changed: %s, published %s", name, g.Results, w.Results)
			}
		}
		for name := range want {
			if _, ok := got[name]; !ok {
				t.Errorf("%s is in %s, and no function of internal/ktable", name, goldenFile)
			}
		}
	})
}

// goldenSeed is the seed of the inputs.
const goldenSeed = 43

// faultyFMA reports whether the CPU is Bochs 2.7, an emulator on which CI runs AVX-512. Its float64
// FMA gives 0 if the sum cancels to less than 2^-63 of the product. The remainder of a division is
// such a sum, and one row in a million shows it, on all instruction sets alike. No real CPU has
// this fault.
func faultyFMA() bool {
	return math.FMA(fmaProbe[0], fmaProbe[1], fmaProbe[2]) != -0x1.5beb356716p-63
}

// fmaProbe is a variable, so that the CPU computes the FMA and not the compiler.
var fmaProbe = [3]float64{-0x1.c97571b1d45d4p+511, 0x1.1e85a1b58a1fep-512, 1}

// goldenHashes adds the hashes of all kernels, or of the one called only, under the names
// KERNEL/TYPE; with inputs, those of the inputs, too.
func goldenHashes(to map[string]golden, only string, inputs bool) {
	goldenOf[float32](to, only, inputs)
	goldenOf[float64](to, only, inputs)
}

func goldenOf[T kernels.Float](to map[string]golden, only string, inputs bool) {
	filled := map[goldenShape]*goldenFilled[T]{}
	shards, products, steps := goldenShards[T](), goldenProducts[T](), goldenSteps[T]()
	for _, f := range ktable.Funcs[T]() {
		call, in := goldenCall[T], goldenIn[f.Name]
		if c := shards[f.Name]; c != nil {
			call = c
		} else if c := products[f.Name]; c != nil {
			call = c
		} else if c := steps[f.Name]; c != nil {
			call = c
		}
		if len(f.Args) == 0 || in != "" {
			continue
		}
		add := func(name string, results func(all []kt.Array) []kt.Array) {
			if name += "/" + kt.TypeName[T](); only == "" || only == name {
				to[name] = goldenHash(&f, func(f *ktable.Func[T], c *kt.Operands[T]) []kt.Array {
					return results(call(f, c))
				}, filled, inputs)
			}
		}
		if f.Index("losses") == 1 && f.Args[1].Len == ktable.Each { // a loss for each element: its own entry
			add(f.Name, func(all []kt.Array) []kt.Array { return all[:1] })
			add(f.Name+"Losses", func(all []kt.Array) []kt.Array { return all[1:] })
		} else {
			add(f.Name, func(all []kt.Array) []kt.Array { return all })
		}
	}
}

// goldenIn maps a function without an entry of its own to the entry that includes its results.
var goldenIn = map[string]string{"MergeRowStats": "ShardStats", "ShardMax": "ShardSums",
	"MergeRowMax": "ShardSums", "FoldChunks": "ShardSums"}

// goldenResults calls a function with operands and returns its results.
type goldenResults[T kernels.Float] func(f *ktable.Func[T], c *kt.Operands[T]) []kt.Array

// A goldenShape is what filled operands depend on.
type goldenShape struct {
	rows, cols  int
	kind        kt.Kind
	ins, perRow int
	skip, mask  bool
}

// A goldenFilled holds filled operands, which many functions share, and the generator behind them.
type goldenFilled[T kernels.Float] struct {
	c *kt.Operands[T]
	r kt.Rand
}

// goldenHash returns the hashes of a function's calls. The way the inputs are made never changes.
func goldenHash[T kernels.Float](f *ktable.Func[T], call goldenResults[T],
	filled map[goldenShape]*goldenFilled[T], inputs bool) golden {
	k := kt.Primitive[T]{Skip: f.Index("labels") >= 0}
	for _, a := range f.Args {
		switch {
		case a.Type == ktable.Word:
			k.MaskIn = a.In
		case a.In && a.Type == ktable.Elem && (a.Len == ktable.PerRow || a.Len == ktable.Upstream):
			k.PerRow++
		case a.In && a.Type == ktable.Elem: // weights, too: their first values
			k.Ins++
		}
	}
	if f.Sizes() {
		k.Ins = 2 // the matrices
	}
	k.Ins = min(k.Ins, 3) // Adam makes its fourth of the second
	target := f.Index("targets")
	prepare := func(r *kt.Rand, c *kt.Operands[T]) {
		for i := range c.Skip {
			c.Skip[i] = r.Intn(c.Cols)
		}
		switch {
		case f.Index("probs") == 1: // a row of probabilities is all NaN, or has none
			for i, v := range c.In[0] {
				if v != v {
					c.In[0][i] = 0.5
				}
			}
		case target >= 0 && f.Args[target].Fill == ktable.ZeroOne:
			for i := range c.In[1] {
				if k := r.Intn(8); k < 6 {
					c.In[1][i] = T(k % 2)
				}
			}
			for i, p := range c.In[2] {
				if c.In[2][i] = T(math.Abs(float64(p))); p-p != 0 {
					c.In[2][i] = 3
				}
			}
		case target >= 0 && f.Opts&ktable.Smoothing == 0 && r.Intn(3) != 0:
			kt.FillProb(r, c.In[1], c.Cols)
		case f.Opts&ktable.Offset != 0 && f.Opts&ktable.Scale != 0:
			c.Scale = 0.3
		}
	}
	shapes := [][2]int{{1, 1}, {1, 7}, {1, 31}, {1, 64}, {1, 100}, {1, 1000}, {1, 4097}}
	if f.TakesClasses() {
		shapes = [][2]int{{3, 1}, {5, 2}, {4, 3}, {9, 5}, {7, 10}, {2, 16}, {3, 17}, {9, 26}, {2, 32},
			{2, 33}, {65, 10}, {3, 100},
			{2, 129}, {1, 1000}, {1, 4097}}
	}
	in, res := sha256.New(), sha256.New()
	for _, s := range shapes {
		for _, kind := range kt.Kinds() {
			at := goldenShape{s[0], s[1], kind, k.Ins, k.PerRow, k.Skip, k.MaskIn}
			all := filled[at]
			if all == nil {
				all = &goldenFilled[T]{}
				k.Prep = func(r *kt.Rand, _ *kt.Operands[T]) { all.r = *r }
				all.c = k.Operands(kt.Shape{Rows: s[0], Cols: s[1]}, kind, goldenSeed, -1)
				filled[at] = all
			}
			c, r := *all.c, all.r
			for i, x := range c.In {
				c.In[i] = slices.Clone(x)
			}
			c.Skip = slices.Clone(c.Skip)
			prepare(&r, &c)
			if inputs {
				for _, x := range c.In {
					hashArray(in, kt.ArrayOf(x))
				}
				hashArray(in, kt.ArrayOf(c.Skip))
				hashArray(in, kt.ArrayOf(c.Mask))
				hashArray(in, kt.ArrayOf([]T{c.Scale}))
			}
			for _, a := range call(f, &c) {
				hashArray(res, a)
			}
		}
	}
	return golden{digest(in), digest(res)}
}

// goldenCall calls f with operands; the options follow from the size.
func goldenCall[T kernels.Float](f *ktable.Func[T], c *kt.Operands[T]) (results []kt.Array) {
	d := ktable.Call[T]{Func: f, Rows: c.Rows, Classes: c.Cols, Scale: c.Scale,
		Ops: make([]kt.Array, len(f.Args))}
	if !f.Rows {
		d.Rows, d.Classes = c.Cols, 1
	}
	turn, ins := c.Rows+c.Cols, 0
	if f.Opts&ktable.DstStrides != 0 || f.Opts&ktable.Smoothing != 0 && turn%4 == 1 {
		d.LogitScale = 0.75
	}
	if f.Opts&ktable.Smoothing != 0 {
		if turn%3 != 0 {
			d.LabelSmoothing = 0.1
		}
		if turn%5 == 1 {
			d.IgnoreIndex = kt.Ptr(0)
		}
		d.Reduction = kernels.Reduction(turn % 3)
	}
	for i, a := range f.Args {
		op := kt.Array{}
		switch {
		case a.Out && (a.Name != "losses" || f.Index("rest") != 1): // Keep has no losses here
			n := map[ktable.Len]int{ktable.Each: c.Rows * c.Cols, ktable.PerRow: c.Rows,
				ktable.PerWord: kernels.MaskLen(c.Cols)}[a.Len]
			op = kt.NewArray(d.TypeOf(i), n)
		case a.Out:
		case a.Type == ktable.Label:
			op = kt.ArrayOf(c.Skip)
		case a.Type == ktable.Word:
			op = kt.ArrayOf(c.Mask)
		case a.Len == ktable.Upstream && turn%7 < 3:
			op = kt.ArrayOf([]T{c.Scale})
		case a.Len == ktable.Upstream:
			op = kt.ArrayOf(c.PerRow[0])
		case a.Len == ktable.PerRow:
			op = kt.ArrayOf(c.PerRow[1])
		case a.Len == ktable.PerClass && turn%2 == 0:
		case a.Len == ktable.PerClass:
			op = kt.ArrayOf(c.In[ins][:c.Cols]).Clone()
			for j, w := range kt.View[T](op) {
				if w = T(math.Abs(float64(w))); !(w <= 16) {
					w = 1
				}
				kt.View[T](op)[j] = w
			}
		default:
			op = kt.ArrayOf(c.In[ins])
			ins++
		}
		if d.Ops[i] = op; op.Mem != nil && (a.Out || a.Type == ktable.Word) {
			results = append(results, op)
		}
	}
	d.Bind()
	must(d.Run())
	return results
}

// goldenShards returns the functions of shards. Rows are divided between two shards.
func goldenShards[T kernels.Float]() map[string]goldenResults[T] {
	type stats = []kernels.RowStats[T]
	// shards merges the stats of two shards, and calls f with each shard and its parts of a result
	// and of the logits.
	shards := func(
		c *kt.Operands[T], f func(d, x []T, all stats, s kernels.Shard[T]) error,
	) (kt.Array, stats) {
		d, all, next := make([]T, c.Rows*c.Cols), make(stats, c.Rows), make(stats, c.Rows)
		each := func(f func(d, x []T, s kernels.Shard[T]) error) {
			n := (c.Cols + 1) / 2
			for lo := 0; lo < c.Cols; lo += n {
				s := kernels.Shard[T]{Classes: min(n, c.Cols-lo), Offset: lo, Stride: c.Cols, DstStride: c.Cols,
					LogitScale: 0.75}
				hi := (c.Rows-1)*c.Cols + lo + s.Classes
				must(f(d[lo:hi], c.In[0][lo:hi], s))
			}
		}
		for r := range all {
			all[r] = kernels.NoRowStats[T]()
		}
		each(func(_, x []T, s kernels.Shard[T]) error {
			defer func() { kernels.MergeRowStats(all, next) }()
			return kernels.ShardStats(next, x, s)
		})
		each(func(d, x []T, s kernels.Shard[T]) error { return f(d, x, all, s) })
		return kt.ArrayOf(d), all
	}
	dst := func(f func(d, x []T, all stats, s kernels.Shard[T]) error) goldenResults[T] {
		return func(_ *ktable.Func[T], c *kt.Operands[T]) []kt.Array { d, _ := shards(c, f); return []kt.Array{d} }
	}
	return map[string]goldenResults[T]{
		"ShardSoftmax":    dst(kernels.ShardSoftmax[T]),
		"ShardLogSoftmax": dst(kernels.ShardLogSoftmax[T]),
		"ShardStats": func(_ *ktable.Func[T], c *kt.Operands[T]) []kt.Array {
			_, all := shards(c, func(_, _ []T, _ stats, _ kernels.Shard[T]) error { return nil })
			sums := make([]T, c.Rows)
			for r, s := range all {
				sums[r] = T(s.Rest) + s.Max
			}
			return []kt.Array{kt.ArrayOf(sums)}
		},
		"ShardCrossEntropy": func(_ *ktable.Func[T], c *kt.Operands[T]) []kt.Array {
			losses := make([]T, c.Rows)
			shards(c, func(_, x []T, all stats, s kernels.Shard[T]) error {
				here := make([]T, c.Rows)
				defer func() { add(losses, here) }()
				return kernels.ShardCrossEntropy(here, x, all, c.Skip, s)
			})
			return []kt.Array{kt.ArrayOf(losses)}
		},
		"ShardCrossEntropyGrad": func(_ *ktable.Func[T], c *kt.Operands[T]) []kt.Array {
			losses := make([]T, c.Rows)
			d, _ := shards(c, func(d, x []T, all stats, s kernels.Shard[T]) error {
				here := make([]T, c.Rows)
				defer func() { add(losses, here) }()
				return kernels.ShardCrossEntropyGrad(d, here, x, all, c.Skip, c.Scale, s)
			})
			return []kt.Array{d, kt.ArrayOf(losses)}
		},
		"ShardSums": func(_ *ktable.Func[T], c *kt.Operands[T]) []kt.Array { // the two rounds
			m, out, all := make([]T, c.Rows), make([]T, c.Rows), make(stats, c.Rows)
			chunks := make([][]float64, c.Rows)
			shards(c, func(_, x []T, _ stats, s kernels.Shard[T]) error {
				here := make([]T, c.Rows)
				defer func() {
					if s.Offset == 0 {
						copy(m, here)
					}
					kernels.MergeRowMax(m, here)
				}()
				return kernels.ShardMax(here, x, s)
			})
			shards(c, func(_, x []T, _ stats, s kernels.Shard[T]) error {
				n := kernels.ShardChunks[T](s.Classes)
				sums := make([]float64, c.Rows*n)
				err := kernels.ShardSums(sums, out, x, m, c.Skip, s)
				for r := range chunks {
					chunks[r] = append(chunks[r], sums[r*n:(r+1)*n]...)
				}
				return err
			})
			kernels.FoldChunks(all, m, out, slices.Concat(chunks...))
			rest := make([]float64, c.Rows)
			for r, s := range all {
				m[r], out[r], rest[r] = s.Max, s.Out, s.Rest
			}
			return []kt.Array{kt.ArrayOf(m), kt.ArrayOf(out), kt.ArrayOf(rest)}
		},
	}
}

// goldenProducts are the products of matrices: of the rows with their own transpose, and with
// others, a sum as long as the rows or the columns.
func goldenProducts[T kernels.Float]() map[string]goldenResults[T] {
	type options = kernels.MatMulOptions[T]
	// form computes a product of x, as long as its rows (or columns, with transA), with another
	// matrix.
	form := func(transA bool, f func(dst, a, b []T, m, k, n int, o *options) error) goldenResults[T] {
		return func(_ *ktable.Func[T], c *kt.Operands[T]) []kt.Array {
			m, k, n := c.Rows, c.Cols, 1+(c.Rows+c.Cols)%37
			if transA {
				m, k = min(k, 129), m
			}
			x, other := c.In[0], c.In[1]
			if transA {
				x = x[:m*k]
			}
			b := make([]T, k*n)
			for i := range b {
				b[i] = other[i%len(other)]
			}
			dst := make([]T, m*n)
			must(f(dst, x, b, m, k, n, &options{Bias: b[:n]}))
			must(f(dst, x, b, m, k, n, &options{Add: true}))
			return []kt.Array{kt.ArrayOf(dst)}
		}
	}
	plain := func(transA bool, f func(dst, a, b []T, m, k, n int)) goldenResults[T] {
		return form(transA, func(dst, a, b []T, m, k, n int, o *options) error {
			if o.Add { // once is enough
				return nil
			}
			f(dst, a, b, m, k, n)
			return nil
		})
	}
	return map[string]goldenResults[T]{
		"MatMul":           plain(false, kernels.MatMul[T]),
		"MatMulTransA":     plain(true, kernels.MatMulTransA[T]),
		"MatMulTransB":     plain(false, kernels.MatMulTransB[T]),
		"MatMulWith":       form(false, kernels.MatMulWith[T]),
		"MatMulTransAWith": form(true, kernels.MatMulTransAWith[T]),
		"MatMulTransBWith": form(false, kernels.MatMulTransBWith[T]),
		"ColumnSums": func(_ *ktable.Func[T], c *kt.Operands[T]) []kt.Array {
			dst := make([]T, c.Cols)
			kernels.ColumnSums(dst, c.In[0], c.Rows, c.Cols)
			return []kt.Array{kt.ArrayOf(dst)}
		},
		"ColumnSumsWith": func(_ *ktable.Func[T], c *kt.Operands[T]) []kt.Array {
			dst := append([]T(nil), c.In[0][:c.Cols]...)
			must(kernels.ColumnSumsWith(dst, c.In[0], c.Rows, c.Cols, &kernels.ColumnSumsOptions{Add: true}))
			return []kt.Array{kt.ArrayOf(dst)}
		},
	}
}

// goldenSteps are two steps of the optimizers. The second moments of Adam are the absolute values
// of the first, in reverse order.
func goldenSteps[T kernels.Float]() map[string]goldenResults[T] {
	type operands = *kt.Operands[T]
	steps := func(f func(c operands, w, m, v []T)) goldenResults[T] {
		return func(fn *ktable.Func[T], c operands) []kt.Array {
			w, m, v := slices.Clone(c.In[0]), slices.Clone(c.In[1]), slices.Clone(c.In[1])
			slices.Reverse(v)
			for i, x := range v {
				v[i] = T(math.Abs(float64(x)))
			}
			f(c, w, m, v)
			f(c, w, m, v)
			return []kt.Array{kt.ArrayOf(w), kt.ArrayOf(m), kt.ArrayOf(v)}[:len(fn.Args)-1]
		}
	}
	return map[string]goldenResults[T]{
		"SGD": steps(func(c operands, w, _, _ []T) { kernels.SGD(w, c.In[1], c.Scale) }),
		"Momentum": steps(func(c operands, w, m, _ []T) {
			kernels.Momentum(w, m, c.In[2], c.Scale, 0.9)
		}),
		"Adam": steps(func(c operands, w, m, v []T) {
			kernels.Adam(w, m, v, c.In[2], kernels.AdamParams[T]{Rate: c.Scale, Beta1: 0.9, Beta2: 0.999,
				Epsilon: 1e-7})
		}),
	}
}

func add[T kernels.Float](to, x []T) {
	for i, v := range x {
		to[i] += v
	}
}

func digest(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:16]) }

// hashArray hashes elements as little-endian words.
func hashArray(h hash.Hash, a kt.Array) {
	switch a.Type.Kind() {
	case reflect.Float32:
		hashWords(h, kt.View[float32](a), kt.Bits)
	case reflect.Float64:
		hashWords(h, kt.View[float64](a), kt.Bits)
	case reflect.Int:
		hashWords(h, kt.View[int](a), func(v int) uint64 { return uint64(int64(v)) })
	default:
		hashWords(h, kt.View[uint64](a), func(v uint64) uint64 { return v })
	}
}

func hashWords[E any](h hash.Hash, x []E, bits func(E) uint64) {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, bits(v))
	}
	h.Write(b)
}

// TestGoldenSeesOneBit proves that the hash notices a single changed result.
func TestGoldenSeesOneBit(t *testing.T) {
	x := []float32{1, 2, 3}
	a, b := sha256.New(), sha256.New()
	hashArray(a, kt.ArrayOf(x))
	x[1] = kt.FromBits[float32](kt.Bits(x[1]) + 1)
	hashArray(b, kt.ArrayOf(x))
	require.NotEqual(t, digest(a), digest(b))
	require.Equal(t, isa.NameGeneric, isa.Available()[len(isa.Available())-1])
}

// TestChangelog has the CHANGELOG name all kernels whose bits are published, and no other.
func TestChangelog(t *testing.T) {
	const mark, start, end = "**Bits**", "float32 and float64:\n\n", ".\n\n"
	list := body(t, "CHANGELOG.md", mark, start, end)
	data, err := os.ReadFile(goldenFile)
	require.NoError(t, err)
	published := map[string]golden{}
	require.NoError(t, json.Unmarshal(data, &published))
	var names []string
	for name := range published {
		if kernel, ok := strings.CutSuffix(name, "/float32"); ok {
			names = append(names, kernel)
			require.Contains(t, published, kernel+"/float64")
		}
	}
	require.Len(t, published, 2*len(names))
	slices.Sort(names)
	if *update {
		data, err := os.ReadFile("CHANGELOG.md")
		require.NoError(t, err)
		text := strings.Replace(string(data), start+list+end, start+wrap(names)+end, 1)
		require.NoError(t, os.WriteFile("CHANGELOG.md", []byte(text), 0o666))
		list = body(t, "CHANGELOG.md", mark, start, end)
	}
	listed := strings.Fields(strings.ReplaceAll(list, ",", " "))
	without := func(names, these []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(these, n) })
	}
	if missing, extra := without(names, listed), without(listed, names); len(missing)+len(extra) > 0 {
		t.Errorf("CHANGELOG.md, the list of kernels under **Bits**: missing %v, without hashes %v: "+
			"make golden writes it", missing, extra)
	}
	require.Len(t, listed, len(names), "a kernel is listed twice")
}

// wrap joins names with commas, in lines of at most 100 columns.
func wrap(names []string) string {
	var lines []string
	line := ""
	for i, name := range names {
		if i < len(names)-1 {
			name += ","
		}
		switch {
		case line == "":
			line = name
		case len(line)+1+len(name) > 100:
			lines, line = append(lines, line), name
		default:
			line += " " + name
		}
	}
	return strings.Join(append(lines, line), "\n")
}
