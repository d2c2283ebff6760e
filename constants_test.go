package kernels

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestConstants compares the constants of the assembly with those of the Go code, where they are
// written a second time. The last bit of a high coefficient may change one result in 2^28, which no
// test of inputs would find.
func TestConstants(t *testing.T) {
	known := goConstants(t)
	// The Go code writes these in another way: |m|, -0, <= 1024 as < the next number, -Inf, Inf,
	// x*(-2*log2e) as (-2*x)*log2e, 8 times a rounded number as rounded to a multiple of 8, >= 3 as
	// > the number before, /6 as a product with two parts of 1/6, *0x1p30 as 30 more in the
	// exponent. The number before the last two is NaN; those are how NEON finds an entry of a
	// table.
	known[0] = append(known[0], 0x7fffffff, 1<<31, uint64(math.Float32bits(0x1.000002p10)),
		0xff800000, 0x7f800000, uint64(math.Float32bits(-2*log2eF32)), uint64(math.Float32bits(0x1.8p26)),
		0x403fffff, 0xc03fffff, uint64(math.Float32bits(-0x1.555556p-28)), 30<<23,
		0x7fc00000, 0x04040404, 0x03020100)
	known[1] = append(known[1], math.MaxInt64, 1<<63, math.Float64bits(0x1.0000000000001p10),
		0xfff0000000000000, 0x7ff0000000000000, math.Float64bits(-2*log2eF64), math.Float64bits(0x1.8p54),
		0x4007ffffffffffff, 0xc007ffffffffffff, math.Float64bits(0x1.5555555555555p-57),
		0x7ff8000000000000, 3<<32|3, 0x0808080808080808, 0x0706050403020100)
	var has [2]map[uint64]bool
	for i := range has {
		has[i] = map[uint64]bool{}
		for _, bits := range known[i] {
			has[i][bits] = true
		}
	}
	files, err := filepath.Glob("kernels_*.s")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	line := regexp.MustCompile(`(?m)^(?:DATA \w+Const(F32|F64)<>\+\d+\(SB\)/8|` +
		`CONST(?:32|64)\(\w+(F32|F64)<>), \$(0x[0-9a-f]+)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		m := line.FindAllSubmatch(text, -1)
		require.Greater(t, len(m), 80, "constants in %s", file)
		for _, m := range m {
			bits, err := strconv.ParseUint(string(m[3]), 0, 64)
			require.NoError(t, err)
			if string(m[1])+string(m[2]) == "F64" {
				if !has[1][bits] {
					t.Errorf("%s has the float64 constant %x (%#x), which no Go code has", file,
						math.Float64frombits(bits), bits)
				}
				continue
			}
			if len(m[1]) > 0 {
				require.Equal(t, bits>>32, bits&math.MaxUint32, "two float32 fill a word")
			}
			if bits &= math.MaxUint32; !has[0][bits] {
				t.Errorf("%s has the float32 constant %x (%#x), which no Go code has", file,
					math.Float32frombits(uint32(bits)), bits)
			}
		}
	}
}

// TestTables compares the tables of the assembly with those of the Go code.
func TestTables(t *testing.T) {
	pairs := func(v [8]uint32) (words []uint64) {
		for i := 0; i < len(v); i += 2 {
			words = append(words, uint64(v[i])|uint64(v[i+1])<<32)
		}
		return words
	}
	of := func(v [8]float32) (bits [8]uint32) {
		for i, v := range v {
			bits[i] = math.Float32bits(v)
		}
		return bits
	}
	of64 := func(v [4]float64) (bits []uint64) {
		for _, v := range v {
			bits = append(bits, math.Float64bits(v))
		}
		return bits
	}
	want := map[string][]uint64{
		"rowTableF32": pairs(rowTable32.bits), "rowTableF64": rowTable64[:],
		"sigmoidTableF32": pairs(sigmoidTable32.bits), "sigmoidTableF64": sigmoidTable64[:],
		"fastTableF32": pairs(fastTable32.bits),
		"expTableF32":  pairs(expTable32.bits), "expTableF64": expTable64[:],
		"expTableLoF32": pairs(of(expLo32)), "expTableLoF64": of64(expLo64),
		"tanhNF32": pairs(of(tanhN)), "tanhBF32": pairs(of(tanhB)), "tanhCF32": pairs(of(tanhC)),
	}
	want["erfNF32"] = pairs(of(erfN))
	for i, c := range erfC {
		want[fmt.Sprintf("erfC%dF32", i)] = pairs(of(c))
	}
	want["geluNF32"] = pairs(of(geluN))
	for i, c := range geluC {
		want[fmt.Sprintf("geluC%dF32", i)] = pairs(of(c))
	}
	geluBend.tables("geluBend", func(name string, v [8]float32) { want[name] = pairs(of(v)) })
	geluTanhBend.tables("geluTanhBend", func(name string, v [8]float32) { want[name] = pairs(of(v)) })
	line := regexp.MustCompile(`(?m)^DATA (\w+F(?:32|64))<>\+(\d+)\(SB\)/8, \$(0x[0-9a-f]+)`)
	for _, file := range []string{"kernels_amd64.s", "kernels_arm64.s"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		_, tables, found := strings.Cut(string(text), "\n// Tables, ")
		require.True(t, found, file)
		words := map[string]int{}
		for _, m := range line.FindAllStringSubmatch(tables, -1) {
			table, ok := want[m[1]]
			if !ok {
				continue // of lanes
			}
			at, err := strconv.Atoi(m[2])
			require.NoError(t, err)
			bits, err := strconv.ParseUint(m[3], 0, 64)
			require.NoError(t, err)
			require.Equal(t, table[at/8%4], bits, "%s: %s, byte %d", file, m[1], at)
			words[m[1]]++
		}
		for name := range want {
			require.Equal(t, 8, words[name], "%s: %s", file, name)
		}
	}
	for j := range 8 { // and the two forms of a table with each other
		require.Equal(t, rowTable32.at(j), float64(math.Float32frombits(rowTable32.bits[j]+uint32(j)<<20+127<<23)))
	}
}

// tables calls f with the names and entries of the tables of a bend.
func (d *bend) tables(name string, f func(name string, v [8]float32)) {
	f(name+"NF32", d.n)
	for i, c := range d.c {
		f(fmt.Sprintf("%sC%dF32", name, i), c)
	}
}

func (t *table32) at(j int) float64 { return math.Float64frombits(t.wide[j] + uint64(j)<<49 + 127<<52) }

// goConstants returns the bits, as float32, float64 and integers, of every constant expression in
// the pure Go code, and of its negative. The pure Go code is what the dispatch of a build without
// assembly calls, directly or not.
func goConstants(t *testing.T) (known [2][]uint64) {
	ctx := build.Default
	ctx.GOARCH, ctx.BuildTags = "s390x", []string{"purego"}
	pkg, err := ctx.ImportDir(".", 0)
	require.NoError(t, err)
	fset := token.NewFileSet()
	var files []*ast.File
	decls := map[string][]ast.Node{} // by the name of a function, method, variable or constant
	var queue []ast.Node
	for _, name := range pkg.GoFiles {
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution|parser.ParseComments)
		require.NoError(t, err)
		files = append(files, f)
		if ast.IsGenerated(f) {
			queue = append(queue, f)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				decls[d.Name.Name] = append(decls[d.Name.Name], d)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok {
						for _, id := range v.Names {
							decls[id.Name] = append(decls[id.Name], v)
						}
					}
				}
			}
		}
	}
	require.NotEmpty(t, queue, "no generated dispatch")
	info := types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	// Imports are missing, but constants have their values.
	conf := types.Config{Importer: noImports{}, Error: func(error) {}}
	_, _ = conf.Check("kernels", fset, files, &info)
	add := func(tv types.TypeAndValue) {
		if tv.Value == nil {
			return
		}
		if tv.Value.Kind() == constant.Int {
			if u, ok := constant.Uint64Val(tv.Value); ok {
				known[0], known[1] = append(known[0], u), append(known[1], u)
			}
		}
		x := constant.ToFloat(tv.Value)
		if x.Kind() != constant.Float && x.Kind() != constant.Int {
			return
		}
		v, _ := constant.Float64Val(x)
		known[1] = append(known[1], math.Float64bits(v), math.Float64bits(-v))
		f32 := []float32{float32(v)}
		if v >= 0x1.8p52 { // float32 carried in float64 rounds to integers at 2^52 instead of 2^23
			f32 = append(f32, float32(v-0x1.8p52+0x1.8p23))
		}
		for _, f := range f32 {
			known[0] = append(known[0], uint64(math.Float32bits(f)), uint64(math.Float32bits(-f)))
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		ast.Inspect(at, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				add(info.Types[e])
			}
			if id, ok := n.(*ast.Ident); ok {
				queue = append(queue, decls[id.Name]...)
				delete(decls, id.Name)
			}
			return true
		})
	}
	require.Greater(t, len(known[1]), 300)
	return known
}

type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not needed") }
