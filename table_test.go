package kernels_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktable"
	kt "kernels/internal/ktest"
)

func init() {
	kernels.Table32, kernels.Table64 = ktable.Routines[float32](), ktable.Routines[float64]()
	kernels.Walks = walks()
}

// walks returns the calls for TestWalkISA: all functions of elements. Each input is x, but targets
// are 0, because at others the larger term of a loss hides the smaller one.
func walks() (all []kernels.Walk) {
	for _, f := range ktable.Funcs[float32]() {
		if f.Rows || len(f.Args) == 0 || slices.ContainsFunc(f.Args, func(a ktable.Arg) bool {
			return a.Type != ktable.Elem && a.Type != ktable.Word || a.In && a.Out
		}) {
			continue
		}
		scales := map[string]float32{f.Name: 1}
		if f.Opts&ktable.Scale != 0 {
			scales[f.Name+" times 0.3"] = 0.3
		}
		for name, scale := range scales {
			for o, out := range f.Args { // one call for each result
				if !out.Out || out.Nil || out.Type != ktable.Elem {
					continue
				}
				if o > 0 {
					name += ", " + out.Name
				}
				all = append(all, kernels.Walk{Name: name, Run: func(dst, x []float32, mask []uint64) {
					c := &ktable.Call[float32]{Func: &f, Rows: len(x), Classes: 1, Scale: scale}
					for i, a := range f.Args {
						op := x
						switch {
						case a.Type == ktable.Word:
							c.Ops = append(c.Ops, kt.ArrayOf(mask))
							continue
						case i == o:
							op = dst
						case a.Out && a.Nil:
							op = nil
						case a.Out || a.Fill == ktable.ZeroOne:
							op = make([]float32, len(x))
						}
						c.Ops = append(c.Ops, kt.ArrayOf(op))
					}
					c.Bind()
					must(c.Run())
				}})
			}
		}
	}
	return all
}

// TestEveryFunctionHasARow compares the table with the functions that the package exports.
func TestEveryFunctionHasARow(t *testing.T) {
	rows := map[string]bool{}
	for _, f := range ktable.Funcs[float32]() {
		require.False(t, rows[f.Name], "internal/ktable has two rows for %s", f.Name)
		rows[f.Name] = true
	}
	exported := exportedFunctions(t)
	require.Greater(t, len(exported), 40)
	for _, name := range exported {
		if !rows[name] {
			t.Errorf(
				"%s has no row in internal/ktable: so no test over the table, no fuzz target and "+
					"no benchmark has it", name)
		}
		delete(rows, name)
	}
	for name := range rows {
		t.Errorf("internal/ktable has a row for %s, which the package does not export", name)
	}
}

// TestReferencesSee checks that the references of the table notice a single wrong result.
func TestReferencesSee(t *testing.T) {
	for _, f := range ktable.Funcs[float64]() {
		if f.Check == nil || f.Name == "ShardCrossEntropyGrad" { // which looks at results of its own
			continue
		}
		c := f.Make(kt.NewRand(1), 5, 10, ktable.Values{Kind: kt.Normal, Typical: true}, f.Shares()[0])
		for i, a := range c.Case().Args {
			want, err := c.Case().Expect()
			require.NoError(t, err)
			require.NoError(t, f.Check(c, c.With(want)), f.Name)
			if !a.Out || a.Name == "probs" || a.Name == "rest" {
				continue
			}
			switch v := want[i].At(want[i].Len() - 1); {
			case v.CanFloat() && math.IsNaN(v.Float()):
				v.SetFloat(1)
			case v.CanFloat():
				v.SetFloat(v.Float()*(1+1e-9) + 1e-12)
			case v.CanInt():
				v.SetInt(v.Int() ^ 1)
			default:
				v.SetUint(v.Uint() ^ 1)
			}
			require.Error(t, f.Check(c, c.With(want)), "%s: %s", f.Name, a.Name)
		}
	}
}

// exportedFunctions returns the names of the exported functions, and of the exported methods with
// their types.
func exportedFunctions(t *testing.T) (names []string) {
	forEachFunction(t, func(fn *ast.FuncDecl) {
		if !fn.Name.IsExported() {
			return
		}
		name := fn.Name.Name
		if fn.Recv != nil {
			var recv string
			ast.Inspect(fn.Recv.List[0].Type, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && recv == "" {
					recv = id.Name
				}
				return true
			})
			if !ast.IsExported(recv) {
				return
			}
			name = recv + "." + name
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	})
	return names
}

// forEachFunction calls f with the declaration of each function of the package.
func forEachFunction(t *testing.T, f func(fn *ast.FuncDecl)) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				f(fn)
			}
		}
	}
}

// forEachRoutine runs f for every function of the table and every primitive, of both types. chunk
// is the number of columns of a chunk, and most the most elements that a primitive gets.
func forEachRoutine(t *testing.T, f func(t *testing.T, k kt.Routine, chunk, most int)) {
	t.Run("float32", func(t *testing.T) { forEachOf[float32](t, f) })
	t.Run("float64", func(t *testing.T) { forEachOf[float64](t, f) })
}

func forEachOf[T kernels.Float](t *testing.T, f func(t *testing.T, k kt.Routine, chunk, most int)) {
	kt.Require(t)
	for _, k := range append(ktable.Routines[T](), kernels.Routines[T]()...) {
		t.Run(k.Name, func(t *testing.T) { f(t, k, kernels.ShardGrain[T](), kernels.MaxLen[T]()) })
	}
}

// elementShapes returns 0 to 130 elements, and lengths around those of blocks and around most.
func elementShapes(most int) (all []kt.Shape) {
	for n := range 131 {
		all = append(all, kt.Shape{Rows: 1, Cols: n})
	}
	for _, b := range []int{192, 256, 320, 512, 1024, 4096, most} {
		all = append(all, shapes(1, b-1, 1, b, 1, b+1)...)
	}
	return append(all, shapes(1, most+64, 1, 2*most+37)...)
}

// shapes returns the shapes of pairs of rows and columns.
func shapes(n ...int) (all []kt.Shape) {
	for ; len(n) > 0; n = n[2:] {
		all = append(all, kt.Shape{Rows: n[0], Cols: n[1]})
	}
	return all
}

// rowShapes returns shapes for the row functions. If inner is set, they are for a primitive, and
// some have gaps between rows.
func rowShapes(inner bool, chunk int) (all []kt.Shape) {
	add := func(rows, cols int) {
		if inner && (rows == 0 || rows > kernels.MaxRows || cols > chunk) {
			return
		}
		all = append(all, kt.Shape{Rows: rows, Cols: cols})
		if inner && rows > 1 {
			all = append(all, kt.Shape{Rows: rows, Cols: cols, Pad: 1 + (rows+cols)%5})
		}
	}
	upTo := func(n, short int, cols ...int) {
		if testing.Short() {
			n = short
		}
		for _, c := range cols {
			for r := range n + 1 {
				add(r, c)
			}
		}
	}
	for c := 1; c <= 40; c++ {
		upTo(20, 9, c)
		add(10+c%11, c)
		for _, r := range []int{63, 64, 65, 130} {
			if !testing.Short() || (r+c)%4 == 0 {
				add(r, c)
			}
		}
	}
	for _, r := range []int{16, 21, 32, 59} { // columns primitives on the widest vectors
		for _, c := range []int{2, 3, 4, 5, 33, 36, 47, 48, 49, 59, 60, 61, 63, 64} {
			add(r, c)
		}
	}
	upTo(20, 5, 63, 64, 65, 66, 100, 127, 128, 129, 130)
	upTo(20, 2, 1000, 2047, 2048, 2049, 4095, 4096, 4097, 8193)
	return all
}

// rowKinds and elementKinds are the kinds of inputs, the most revealing ones first.
var (
	rowKinds = []kt.Kind{kt.Normal, kt.Wide80, kt.Shifted, kt.RareSpecial, kt.Wide300, kt.Finite,
		kt.Ties,
		kt.NegInf, kt.OneLarger, kt.Huge, kt.Special, kt.Constant, kt.OneHot, kt.Ascending, kt.Descending,
		kt.Wide1000, kt.Unit, kt.AnyBits, kt.Zeros}
	elementKinds = []kt.Kind{kt.Special, kt.Wide80, kt.Normal, kt.Finite, kt.AnyBits, kt.Wide1000,
		kt.Unit,
		kt.Wide300, kt.Zeros, kt.Huge}
)

// TestTable runs every routine on every instruction set over lengths, offsets,
// kinds of inputs and aliasing, against the generic bits, with canaries around
// every operand.
func TestTable(t *testing.T) {
	forEachRoutine(t, func(t *testing.T, k kt.Routine, chunk, most int) {
		sizes, all := elementShapes(most), elementKinds
		if k.Rows {
			sizes, all = rowShapes(k.Inner, chunk), rowKinds
		}
		i := -1 // counts the cases that are run
		for at, s := range sizes {
			if kt.Thinned(k.Name, at) {
				continue
			}
			i++
			kinds, size, shares := all, s.Rows*s.Cols, k.Shares
			if testing.Short() && size > 1000 {
				shares = shares[i%len(shares):][:1]
			}
			switch {
			case !k.Rows && testing.Short() && size > 130:
				kinds = []kt.Kind{all[i%4]}
			case !k.Rows && testing.Short(): // all four at each length modulo 16, the widest vector
				kinds = []kt.Kind{all[(i+i/16)%4], all[(i+i/16+2)%4]}
			case k.Rows && testing.Short() && (size > 500 || i%2 == 0):
				kinds = []kt.Kind{all[i/2%4]}
			case k.Rows && testing.Short():
				kinds = []kt.Kind{all[4+i/2%15]}
			case k.Rows && size > 2000:
				kinds = []kt.Kind{all[i%4], all[i/3%len(all)]}
			}
			for _, kind := range kinds {
				offs := []int{0, i % 16}
				switch {
				case size > 1000 || testing.Short():
					offs = offs[1:]
				case kind == kinds[0] && size <= 130:
					offs = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
				}
				testCase(t, &k, s, kind, shares, offs)
			}
		}
	})
}

// testCase makes one call: once on the generic code, which checks aliasing and bounds, and on every
// other instruction set at several offsets.
func testCase(t *testing.T, k *kt.Routine, s kt.Shape, kind kt.Kind, shares [][]int, offs []int) {
	t.Helper()
	for _, share := range shares {
		c := k.Case(s, kind, 1, share)
		want, err := c.Expect()
		require.NoError(t, err)
		for _, name := range kt.Sets() {
			here := offs
			if name == isa.NameGeneric {
				here = offs[len(offs)-1:]
			}
			for _, off := range here {
				kt.With(name, func() { err = c.Check(kt.Memory{Off: off, Spare: off%2 == 0}, want) })
				if err != nil {
					t.Fatalf("%s, %+v, offset %d, inputs %v, shared %v: %v", name, s, off, kind, share, err)
				}
			}
		}
	}
}

// TestGapsOfFewClasses compares rows of few classes whose results have gaps between them, many more
// than TestTable has in a short run: what is stored past the end of a row shows in a gap alone, as
// the next row's results are stored after it.
func TestGapsOfFewClasses(t *testing.T) {
	t.Run("float32", testGapsOfFewClasses[float32])
	t.Run("float64", testGapsOfFewClasses[float64])
}

func testGapsOfFewClasses[T kernels.Float](t *testing.T) {
	for _, name := range []string{"SoftmaxWith", "CrossEntropyGradWith"} {
		f := ktable.Named[T](name)
		for i := range 400 {
			c := f.Make(kt.NewRand(uint64(i)), 16+i%3, 2+i%8, ktable.Values{Kind: kt.Normal}, f.Shares()[0])
			if c.Pitch(0) == c.Classes {
				continue
			}
			k := c.Case()
			want, err := k.Expect()
			require.NoError(t, err)
			for _, set := range isa.Available() {
				kt.With(set, func() { err = k.Check(kt.Memory{}, want) })
				require.NoError(t, err, "%s: %v", set, c)
			}
		}
	}
}

// TestTails compares the elements whose results are subnormal or nearly so, which few inputs of the
// other tests have. There a product or a scale in another order has other bits.
func TestTails(t *testing.T) {
	t.Run("float32", testTails[float32])
	t.Run("float64", testTails[float64])
}

func testTails[T kernels.Float](t *testing.T) {
	found := 0
	for _, f := range ktable.Funcs[T]() {
		x := slices.IndexFunc(f.Args, func(a ktable.Arg) bool {
			return slices.Contains([]string{"x", "gate", "logits"}, a.Name)
		})
		if f.Rows || x < 0 {
			continue
		}
		lo, hi := tail(&f, x)
		if lo == hi {
			continue
		}
		found++
		t.Run(f.Name, func(t *testing.T) {
			r := kt.NewRand(5)
			for i := range 100 {
				n := 1 + i
				c := f.Make(r, 1, n, ktable.Values{Kind: kt.Unit}, f.Shares()[0])
				for i := range c.T(x) {
					c.T(x)[i] = lo + (hi-lo)*(kt.Uniform[T](r, 1)+1)/2
				}
				k := c.Case()
				want, err := k.Expect()
				require.NoError(t, err)
				for _, name := range isa.Available() {
					kt.With(name, func() { err = k.Check(kt.Memory{}, want) })
					require.NoError(t, err, "%s of %d", name, n)
				}
			}
		})
	}
	require.Greater(t, found, 10)
}

// tail returns the range of the negative inputs from -1000 on at which a result is so small that
// its products may be subnormal, or nothing. Argument x is that input, the others are 1.
func tail[T kernels.Float](f *ktable.Func[T], x int) (lo, hi T) {
	const n = 1000 * 8
	c := f.Make(kt.NewRand(1), 1, n, ktable.Values{Kind: kt.Unit, Typical: true}, f.Shares()[0])
	for i, a := range f.Args {
		for j := range n {
			switch {
			case !a.In || a.Type != ktable.Elem:
			case i == x:
				c.T(i)[j] = -T(j+1) / 8
			default:
				c.T(i)[j] = 1
			}
		}
	}
	kt.With(isa.NameGeneric, func() { must(c.Run()) })
	for j := range n {
		if y := math.Abs(float64(c.T(0)[j])); y > 0 && y < kt.Pick[T](0x1p-116, 0x1p-1000) {
			v := c.T(x)[j]
			if hi == 0 {
				hi = v + 0.125
			}
			lo = v - 0.125
		}
	}
	return lo, hi
}

// TestBulk compares many more elements than TestTable, so that a constant with a wrong last bit
// shows. Element kernels also get a few elements at a time, so that not only their longest loop
// sees many inputs.
func TestBulk(t *testing.T) {
	if len(isa.Available()) == 1 {
		t.Skip("nothing to compare the generic code with")
	}
	forEachRoutine(t, func(t *testing.T, k kt.Routine, chunk, _ int) {
		sizes := shapes(1, 1<<17)
		if testing.Short() {
			sizes = shapes(1, 1<<16)
		}
		kinds := []kt.Kind{kt.Wide80, kt.Normal, kt.Unit, kt.Wide1000, kt.AnyBits}
		if k.Rows {
			sizes = shapes(60, 1000, 5000, 10, 3000, 26, 3, 20011)
			kinds = []kt.Kind{kt.Normal, kt.Wide80, kt.Shifted, kt.Huge}
		}
		if k.Inner { // whole blocks, partial ones, and single elements, whose sum is the element
			sizes = shapes(64, 1000, 20, chunk, 64, 57, 64, 26, 64, 10, 64, 1)
			sizes[3].Pad, sizes[4].Pad = 1, 3
		}
		i := 0
		for _, s := range sizes {
			seeds := uint64(max(1, 10000/(s.Rows*s.Cols)))
			if !testing.Short() {
				seeds *= 16
			}
			for _, kind := range kinds {
				for seed := range seeds {
					if i++; kt.Thinned(k.Name, i) {
						continue
					}
					c := k.Case(s, kind, 100+seed, k.Shares[0])
					want, err := c.Expect()
					require.NoError(t, err)
					var cuts []int
					for i, n := 0, 1; c.Grain == 1 && !k.Rows && i < s.Cols; n = n%149 + 1 {
						cuts = append(cuts, i)
						i += n
					}
					for _, name := range isa.Available()[:len(isa.Available())-1] {
						kt.With(name, func() { err = c.Check(kt.Memory{Off: 1}, want) })
						if err == nil && cuts != nil {
							kt.With(name, func() { err = c.Cut(cuts...).Check(kt.Memory{Off: 1}, want) })
						}
						if err != nil {
							t.Fatalf("%s, %+v, inputs %v: %v", name, s, kind, err)
						}
					}
				}
			}
		}
	})
}

// TestGuardPages runs every routine on slices that begin or end at inaccessible pages, with inputs
// that fault when written to.
func TestGuardPages(t *testing.T) {
	guards := make([]*kt.Guard, 11) // enough for any routine's arguments
	for i := range guards {
		guards[i] = kt.NewGuard(t, 1<<20)
	}
	forEachRoutine(t, func(t *testing.T, k kt.Routine, chunk, most int) {
		sizes := elementShapes(most)
		if k.Rows {
			sizes = shapes(3, 127, 2, 1000, 1, chunk-1, 1, chunk)
			if !k.Inner {
				sizes = append(sizes, shapes(1, chunk+1, 65, 10, 2, 8193)...)
			}
			for c := 1; c <= 70; c++ {
				for _, r := range []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 17} {
					if testing.Short() && (r+c)%3 != 0 {
						continue
					}
					for pad := 0; pad == 0 || pad == 2 && k.Inner; pad += 2 {
						sizes = append(sizes, kt.Shape{Rows: r, Cols: c, Pad: pad})
					}
				}
			}
		}
		type call struct {
			c    *kt.Case
			want []kt.Array
		}
		calls := map[[2]int]call{} // those of the other instruction sets, with their results
		kt.EachISA(t, func(t *testing.T, name string) {
			if testing.Short() && name == isa.NameGeneric && len(isa.Available()) > 1 {
				return // the compiler checks its bounds
			}
			for i, s := range sizes {
				if kt.Thinned(k.Name, i+9) { // other lengths than in TestTable
					continue
				}
				for j, share := range k.Shares {
					if testing.Short() && j > 0 && (i%2 == 0 || s.Rows*s.Cols > 1000) {
						continue
					}
					kind := []kt.Kind{kt.Normal, kt.Special, kt.Wide80}[i%3]
					at := calls[[2]int{i, j}]
					if at.c == nil {
						at.c = k.Case(s, kind, 7, share)
						var err error
						at.want, err = at.c.Expect()
						require.NoError(t, err)
						calls[[2]int{i, j}] = at
					}
					for _, end := range []bool{false, true} {
						if err := at.c.Check(kt.Memory{Guards: guards, End: end}, at.want); err != nil {
							t.Fatalf("%+v, end %v, inputs %v, shared %v: %v", s, end, kind, share, err)
						}
					}
				}
			}
		})
	})
}

func must(errs ...error) {
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		panic(errs[i])
	}
}
