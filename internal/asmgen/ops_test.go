package asmgen

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
)

// An operation is a kernel of one operation: dst from x, y and z.
type operation struct {
	name string
	in   int
	body func(b *Builder, x, y, z V) V
	// want is the result from operands, all as bits.
	want func(f layout, tg target, x, y, z uint64) uint64
	// bits makes the bits of a NaN count as any others.
	bits bool
}

// A layout is float32 or float64, in the low bits of a uint64.
type layout struct{ Type }

func (f layout) width() int { return 8 * f.Size() }

func (f layout) float(bits uint64) float64 {
	if f.Type == F32 {
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(bits)
}

func (f layout) round(x float64) uint64 {
	if f.Type == F32 {
		return uint64(math.Float32bits(float32(x)))
	}
	return math.Float64bits(x)
}

func (f layout) mask() uint64 { return 1<<f.width() - 1 }

// fma returns x*y + z. For float32 it is computed in math/big, because float64 would round twice.
func (f layout) fma(x, y, z uint64) uint64 {
	a, b, c := f.float(x), f.float(y), f.float(z)
	sum := math.FMA(a, b, c)
	if f.Type == F64 || math.IsNaN(sum) || math.IsInf(a, 0) || math.IsInf(b, 0) ||
		math.IsInf(c, 0) || a*b == 0 {
		return f.round(sum)
	}
	exact := func(x float64) *big.Float { return new(big.Float).SetPrec(1000).SetFloat64(x) }
	r, _ := exact(0).Add(exact(0).Mul(exact(a), exact(b)), exact(c)).Float32()
	return uint64(math.Float32bits(r))
}

// arithmetic returns an operation that rounds. For float32 it is computed in float64, which gives
// the same result.
func arithmetic(op func(x, y float64) float64) func(layout, target, uint64, uint64, uint64) uint64 {
	return func(f layout, _ target, x, y, _ uint64) uint64 {
		return f.round(op(f.float(x), f.float(y)))
	}
}

func integer(op func(f layout, x, y uint64) uint64) func(layout, target, uint64, uint64,
	uint64) uint64 {
	return func(f layout, _ target, x, y, _ uint64) uint64 { return op(f, x, y) & f.mask() }
}

// limit returns Max or Min. beyond reports whether the limit is the result, not x. Where the
// documentation leaves the result open, this is what it says about each architecture.
func limit(beyond func(limit, x float64) bool, armZero uint64) func(layout, target, uint64, uint64,
	uint64) uint64 {
	return func(f layout, tg target, l, x, _ uint64) uint64 {
		a, b := f.float(l), f.float(x)
		switch {
		case math.IsNaN(b):
			return x
		case math.IsNaN(a) && tg == neon:
			return l
		case a == 0 && b == 0 && l != x && tg == neon:
			return armZero << (f.width() - 1)
		case beyond(a, b):
			return l
		}
		return x
	}
}

// choice returns the operation that selects x or y by a mask.
func choice(mask func(x, y float64) bool) func(layout, target, uint64, uint64, uint64) uint64 {
	return func(f layout, _ target, x, y, _ uint64) uint64 {
		if mask(f.float(x), f.float(y)) {
			return x
		}
		return y
	}
}

var (
	sevens = Table{Name: "sevens", F32: [8]uint32{7, 0x80000001, 2, 0xffffffff, 0x7fc00000, 5, 6,
		0x3f800000}, F64: [4]uint64{7 << 60, 0x8000000000000001, 0x7ff8000012345678, 1}}
	primes = Table{Name: "primes", F32: [8]uint32{2, 3, 5, 7, 11, 13, 17, 19},
		F64: [4]uint64{23 << 32, 29, 31 << 30, 37 << 58}}
)

func (t Table) entry(f layout, i uint64) uint64 {
	if f.Type == F32 {
		return uint64(t.F32[i%8])
	}
	return t.F64[i%4]
}

// number makes an index from any bits.
func number(b *Builder, x V) V { return b.Or(x, b.KInt(0, 1<<31)) }

var operations = []operation{
	{name: "add", in: 2, body: func(b *Builder, x, y, _ V) V {
		return b.Add(x, y)
	}, want: arithmetic(func(x, y float64) float64 { return x + y })},
	{name: "sub", in: 2, body: func(b *Builder, x, y, _ V) V {
		return b.Sub(x, y)
	}, want: arithmetic(func(x, y float64) float64 { return x - y })},
	{name: "mul", in: 2, body: func(b *Builder, x, y, _ V) V {
		return b.Mul(x, y)
	}, want: arithmetic(func(x, y float64) float64 { return x * y })},
	{name: "div", in: 2, body: func(b *Builder, x, y, _ V) V {
		return b.Div(x, y)
	}, want: arithmetic(func(x, y float64) float64 { return x / y })},
	{name: "sqrt", in: 1, body: func(b *Builder, x, _, _ V) V {
		return b.Sqrt(x)
	}, want: arithmetic(func(x, _ float64) float64 { return math.Sqrt(x) })},
	{name: "negate", in: 1, bits: false, body: func(b *Builder, x, _, _ V) V {
		return b.Sub(b.K(float32(math.Copysign(0, -1)), math.Copysign(0, -1)), x)
	},
		want: arithmetic(func(x, _ float64) float64 { return -x })},
	{name: "fma", in: 3, body: func(b *Builder, x, y, z V) V { return b.FMA(x, y, z) },
		want: func(f layout, _ target, x, y, z uint64) uint64 { return f.fma(x, y, z) }},
	{name: "fnma", in: 3, body: func(b *Builder, x, y, z V) V { return b.FNMA(x, y, z) },
		want: func(f layout, _ target, x, y, z uint64) uint64 {
			return f.fma(x^1<<(f.width()-1), y, z)
		}},
	{name: "max", in: 2, body: func(b *Builder, l, x, _ V) V {
		return b.Max(l, x)
	}, want: limit(func(l, x float64) bool { return l > x }, 0)},
	{name: "min", in: 2, body: func(b *Builder, l, x, _ V) V {
		return b.Min(l, x)
	}, want: limit(func(l, x float64) bool { return l < x }, 1)},
	{name: "less", in: 2, bits: true, body: func(b *Builder, x, y, _ V) V {
		return b.Select(b.Less(x, y), x, y)
	}, want: choice(func(x, y float64) bool { return x < y })},
	{name: "equal", in: 2, bits: true, body: func(b *Builder, x, y, _ V) V {
		return b.Select(b.Equal(x, y), x, y)
	}, want: choice(func(x, y float64) bool { return x == y })},
	{name: "and", in: 2, bits: true, body: func(b *Builder, x, y, _ V) V {
		return b.And(x, y)
	}, want: integer(func(_ layout, x, y uint64) uint64 { return x & y })},
	{name: "or", in: 2, bits: true, body: func(b *Builder, x, y, _ V) V {
		return b.Or(x, y)
	}, want: integer(func(_ layout, x, y uint64) uint64 { return x | y })},
	{name: "intAdd", in: 2, bits: true, body: func(b *Builder, x, y, _ V) V {
		return b.IntAdd(x, y)
	}, want: integer(func(_ layout, x, y uint64) uint64 { return x + y })},
	{name: "intSub", in: 2, bits: true, body: func(b *Builder, x, y, _ V) V {
		return b.IntSub(x, y)
	}, want: integer(func(_ layout, x, y uint64) uint64 { return x - y })},
	{name: "shiftLeft", in: 1, bits: true, body: func(b *Builder, x, _, _ V) V {
		return b.ShiftLeft(x, 23, 52)
	},
		want: integer(func(f layout, x, _ uint64) uint64 { return x << [...]int{23, 52}[f.Type] })},
	{name: "shiftRight", in: 1, bits: true, body: func(b *Builder, x, _, _ V) V {
		return b.ShiftRight(x, 9, 40)
	},
		want: integer(func(f layout, x, _ uint64) uint64 { return x >> [...]int{9, 40}[f.Type] })},
	{name: "lookup", in: 1, bits: true, body: func(b *Builder, x, _, _ V) V {
		return b.Lookup(sevens, number(b, x))
	},
		want: integer(func(f layout, x, _ uint64) uint64 { return sevens.entry(f, x) })},
	// two tables, an index that is needed again, one that lies in memory, a constant one
	{name: "lookups", in: 2, bits: true, body: func(b *Builder, x, y, _ V) V {
		i := number(b, x)
		sum := b.IntAdd(b.Lookup(primes, i), b.IntSub(b.Lookup(sevens, number(b, y)), i))
		sum = b.IntAdd(sum, b.Lookup(primes, b.KInt(3, 1<<31+3)))
		return b.IntAdd(sum, b.Lookup(sevens, b.Spill(number(b, y))))
	}, want: integer(func(f layout, x, y uint64) uint64 {
		if f.Type == F64 {
			x |= 1 << 31
		}
		return primes.entry(f, x) + 2*sevens.entry(f, y) - x + primes.entry(f, 3)
	})},
}

func (o operation) kernel() Kernel {
	names := []string{"x", "y", "z"}[:o.in]
	return Kernel{Name: o.name, Params: "dst, " + strings.Join(names, ", ") + " []T", Loop: "-",
		Shape: Map{Out: []string{"dst"}, In: names,
			Body: func(b *Builder, in, _ []V) []V {
				v := append(in[:len(in):len(in)], -1, -1)
				return []V{o.body(b, v[0], v[1], v[2])}
			}}}
}

// operands returns all triples of special values, and random bits.
func (f layout) operands() (x, y, z []uint64) {
	special := []float64{0, 1, 1.5, 3, math.Inf(1), 0x1p-126, 0x1p-149, 0x1p-1022, 0x1p-1074,
		math.MaxFloat32, math.MaxFloat64}
	var values []uint64
	for _, v := range special {
		values = append(values, f.round(v), f.round(-v))
	}
	values = append(values, f.round(math.NaN()), f.round(math.NaN())|1<<(f.width()-1)|77)
	for _, a := range values {
		for _, b := range values {
			for _, c := range values {
				x, y, z = append(x, a), append(y, b), append(z, c)
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		quiet := func() uint64 { // a signalling NaN may come back quiet
			for {
				if v := r.Uint64() & f.mask(); !math.IsNaN(f.float(v)) {
					return v
				}
			}
		}
		x, y, z = append(x, quiet()), append(y, quiet()), append(z, quiet())
	}
	return x[:len(x)-3], y[:len(y)-3], z[:len(z)-3] // with a partial vector at the end
}

func (f layout) encode(v []uint64) []byte {
	var out bytes.Buffer
	for _, bits := range v {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], bits)
		out.Write(b[:f.Size()])
	}
	return out.Bytes()
}

// TestOperations checks what the operations of a page promise. It assembles each of them and runs
// it on all instruction sets that this machine has, or can emulate.
func TestOperations(t *testing.T) {
	if runtime.GOARCH != "amd64" || runtime.GOOS != "linux" {
		t.Skip("builds programs, for amd64 to run and for arm64 to emulate")
	}
	dir := t.TempDir()
	var kernels []Kernel
	for _, o := range operations {
		kernels = append(kernels, o.kernel())
	}
	require.NoError(t, Generate(dir, kernels))
	for _, name := range []string{"dispatch_amd64.go", "dispatch_arm64.go", "dispatch_other.go",
		"dispatch_streams_test.go"} {
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"),
		[]byte("module operations\n\ngo 1.24\n"), 0o644))
	var input bytes.Buffer
	counts := []any{}
	for _, typ := range []Type{F32, F64} {
		f := layout{typ}
		x, y, z := f.operands()
		counts = append(counts, len(x))
		for _, v := range [][]uint64{x, y, z} {
			input.Write(f.encode(v))
		}
	}
	for _, tt := range []struct {
		tg     target
		goarch string
		has    bool
		under  []string
	}{
		{avx2, "amd64", isa.AVX2, nil},
		{avx512, "amd64", isa.AVX512, nil},
		{neon, "arm64", true, []string{"qemu-aarch64"}},
	} {
		t.Run(tt.tg.String(), func(t *testing.T) {
			if !tt.has {
				t.Skip("the CPU has it not")
			}
			if tt.under != nil {
				if _, err := exec.LookPath(tt.under[0]); err != nil {
					t.Skip(err)
				}
			}
			main := filepath.Join(dir, "main_"+tt.goarch+".go")
			require.NoError(t,
				os.WriteFile(main,
					[]byte(fmt.Sprintf(operationsMain, append(counts, calls(kernels, tt.tg))...)),
					0o644))
			binary := filepath.Join(dir, tt.tg.String())
			build := exec.Command("go", "build", "-o", binary, ".")
			build.Dir, build.Env = dir, append(os.Environ(), "GOARCH="+tt.goarch, "CGO_ENABLED=0",
				"GOFLAGS=", "GOWORK=off")
			out, err := build.CombinedOutput()
			require.NoError(t, err, "%s", out)
			args := append(tt.under, binary)
			run := exec.Command(args[0], args[1:]...)
			run.Stdin = bytes.NewReader(input.Bytes())
			out, err = run.Output()
			require.NoError(t, err)
			for _, o := range operations {
				for _, typ := range []Type{F32, F64} {
					out = o.compare(t, layout{typ}, tt.tg, out)
				}
			}
			assert.Empty(t, out)
		})
	}
}

// compare checks the results of an operation, which are at the start of out, and returns the rest
// of out.
func (o operation) compare(t *testing.T, f layout, tg target, out []byte) []byte {
	x, y, z := f.operands()
	require.GreaterOrEqual(t, len(out), len(x)*f.Size())
	failures := 0
	for i := range x {
		var b [8]byte
		copy(b[:], out[i*f.Size():][:f.Size()])
		got := binary.LittleEndian.Uint64(b[:])
		want := o.want(f, tg, x[i], y[i], z[i])
		same := got == want || !o.bits && math.IsNaN(f.float(got)) && math.IsNaN(f.float(want))
		if failures < 5 && !assert.True(t, same, "%s %s (%#x, %#x, %#x) = %#x, not %#x", o.name,
			f.Go(), x[i], y[i], z[i], got, want) {
			failures++
		}
	}
	return out[len(x)*f.Size():]
}

// calls returns the stubs of the kernels, and a function that calls all of them.
func calls(kernels []Kernel, tg target) string {
	var stubs, body strings.Builder
	for _, kn := range kernels {
		for _, typ := range []Type{F32, F64} {
			params, _ := parseParams(kn.Params, typ)
			name := stubName(kn, typ, tg)
			fmt.Fprintf(&stubs, "//go:noescape\nfunc %s(%s)\n\n", name, paramList(params))
			args := make([]string, len(params)-1)
			for i := range args {
				args[i] = fmt.Sprintf("in%s[%d]", typ.Suffix(), i)
			}
			fmt.Fprintf(&body, "\t%s(dst%s, %s)\n\twrite(dst%[2]s)\n", name, typ.Suffix(),
				strings.Join(args, ", "))
		}
	}
	return stubs.String() + "func call() {\n" + body.String() + "}\n"
}

const operationsMain = `package main

import (
	"bufio"
	"encoding/binary"
	"os"
)

var (
	in     = bufio.NewReader(os.Stdin)
	out    = bufio.NewWriter(os.Stdout)
	inF32  = read[float32](%d)
	inF64  = read[float64](%d)
	dstF32 = make([]float32, len(inF32[0]))
	dstF64 = make([]float64, len(inF64[0]))
)

func read[T float32 | float64](n int) (v [3][]T) {
	for i := range v {
		v[i] = make([]T, n)
		if err := binary.Read(in, binary.LittleEndian, v[i]); err != nil {
			panic(err)
		}
	}
	return v
}

func write(v any) {
	if err := binary.Write(out, binary.LittleEndian, v); err != nil {
		panic(err)
	}
}

func main() {
	call()
	if err := out.Flush(); err != nil {
		panic(err)
	}
}

%s`

// TestTables checks that a table must have a name of its own.
func TestTables(t *testing.T) {
	of := func(name string, first uint32) Kernel {
		kn := tiny
		kn.Page, kn.Name = name, name
		kn.Shape = mapOf(func(b *Builder, x V) []V {
			return []V{b.Lookup(Table{Name: "t", F32: [8]uint32{first}}, x)}
		})
		return kn
	}
	dir := t.TempDir()
	require.NoError(t, Generate(dir, []Kernel{of("one", 7), of("two", 7)}))
	for _, name := range []string{"kernels_amd64.s", "kernels_arm64.s"} {
		src, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(src), "GLOBL tF32<>(SB), RODATA|NOPTR, $64\n"),
			name)
	}
	assert.EqualError(t, Generate(dir, []Kernel{of("one", 7), of("two", 8)}),
		"asmgen: there are two tables tF32")
	nameless := tiny
	nameless.Shape = mapOf(func(b *Builder, x V) []V { return []V{b.Lookup(Table{}, x)} })
	assert.ErrorContains(t, Generate(dir, []Kernel{nameless}),
		"Body panics: asmgen: a table has no name")
}

// TestOperationsListed checks that the comment of Builder lists the operations, all of them and no
// others, and that the comment of the package lists the files.
func TestOperationsListed(t *testing.T) {
	fset := token.NewFileSet()
	var files []*ast.File
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	comment := ""
	for _, name := range names {
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, f)
		if name == "doc.go" {
			comment = f.Doc.Text()
		}
	}
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") && name != "doc.go" {
			assert.True(t, strings.Contains(comment, name), "doc.go does not name %s", name)
		}
	}
	pkg, err := doc.NewFromFiles(fset, files, "kernels/internal/asmgen")
	require.NoError(t, err)
	var there, listed []string
	for _, typ := range pkg.Types {
		if typ.Name != "Builder" {
			continue
		}
		for _, m := range typ.Methods {
			if m.Name != "Type" {
				there = append(there, m.Name)
			}
		}
		for line := range strings.SplitSeq(typ.Doc, "\n") {
			if list, ok := strings.CutPrefix(line, "\t"); ok {
				list, _, _ = strings.Cut(list, "  ")
				listed = append(listed, strings.Split(list, ", ")...)
			}
		}
	}
	assert.ElementsMatch(t, there, listed)
}
