package asmgen

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParams(t *testing.T) {
	type slot struct {
		name, typ string
		off       int
	}
	for _, tt := range []struct {
		list string
		t    Type
		want []slot
		size int
		text string
	}{
		{"dst, x []T", F32, []slot{{"dst", "[]float32", 0}, {"x", "[]float32", 24}}, 48,
			"dst, x []float32"},
		{"sum []float64, x []T, cols int, scale T, narrow bool", F32,
			[]slot{{"sum", "[]float64", 0}, {"x", "[]float32", 24}, {"cols", "int", 48},
				{"scale", "float32", 56}, {"narrow", "bool", 60}}, 61,
			"sum []float64, x []float32, cols int, scale float32, narrow bool"},
		{"sum []float64, x []T, cols int, scale T, narrow bool", F64,
			[]slot{{"sum", "[]float64", 0}, {"x", "[]float64", 24}, {"cols", "int", 48},
				{"scale", "float64", 56}, {"narrow", "bool", 64}}, 65,
			// joined below where the types are the same
			"sum []float64, x []float64, cols int, scale float64, narrow bool"},
		{"a T, n int, b, c T", F32, []slot{{"a", "float32", 0}, {"n", "int", 8},
			{"b", "float32", 16}, {"c", "float32", 20}}, 24,
			"a float32, n int, b, c float32"},
	} {
		ps, size := parseParams(tt.list, tt.t)
		var got []slot
		for _, p := range ps {
			got = append(got, slot(p))
		}
		assert.Equal(t, tt.want, got, tt.list)
		assert.Equal(t, tt.size, size, tt.list)
		assert.Equal(t, strings.ReplaceAll(tt.text, "sum []float64, x []float64",
			"sum, x []float64"), paramList(ps))
	}
}

// one returns the assembly of a single kernel.
func one(kn Kernel, tg target, t Type) (text string, pool *constPool) {
	pool = newPool(map[bool]string{true: "constants"}[tg == neon], t)
	text, err := function(kn, tg, t, pool)
	if err != nil {
		panic(err)
	}
	return text, pool
}

// section returns the instructions between a label and the next, without comments.
func section(t *testing.T, text, label string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n"+label+":\n")
	require.True(t, ok, "no label %s in\n%s", label, text)
	var out []string
	for line := range strings.SplitSeq(rest, "\n") {
		if !strings.HasPrefix(line, "\t") {
			break
		}
		if strings.HasPrefix(line, "\t//") {
			continue
		}
		code, comment, word := strings.Cut(strings.TrimSpace(line), " // ")
		if word {
			code = comment // the mnemonic is what can be read
		}
		out = append(out, code)
	}
	return out
}

// tiny is y = (x + 1) * x: the sum needs a new register, the product takes that of an operand.
var tiny = Kernel{Name: "tiny", Params: "dst, x []T", Loop: "dst = (x + 1) * x",
	Shape: Map{Out: []string{"dst"}, In: []string{"x"}, Unroll: 1,
		Body: func(b *Builder, in, _ []V) []V {
			return []V{b.Mul(b.Add(in[0], b.K(1, 1)), in[0])}
		}}}

// TestCode checks the code of a small kernel: registers, the constant in one of them, addresses and
// advances.
func TestCode(t *testing.T) {
	for _, tt := range []struct {
		tg         target
		t          Type
		name, loop string
		want       []string
	}{
		{avx2, F32, "tinyF32AVX2", "loop1", []string{"VMOVUPS 0(DI), Y0", "VADDPS Y14, Y0, Y1",
			"VMULPS Y0, Y1, Y1", "VMOVUPS Y1, 0(SI)", "ADDQ $32, SI", "ADDQ $32, DI"}},
		{avx512, F64, "tinyF64AVX512", "loop2", []string{"VMOVUPD 0(DI), Z0", "VADDPD Z31, Z0, Z1",
			"VMULPD Z0, Z1, Z1", "VMOVUPD Z1, 0(SI)", "ADDQ $64, SI", "ADDQ $64, DI"}},
		{neon, F64, "tinyF64NEON", "loop1", []string{"FMOVQ 0(R1), F0", "fadd v1.2d, v0.2d, v30.2d",
			"fmul v1.2d, v1.2d, v0.2d", "FMOVQ F1, 0(R0)", "ADD $16, R0, R0", "ADD $16, R1, R1"}},
	} {
		text, pool := one(tiny, tt.tg, tt.t)
		assert.Contains(t, text, "TEXT ·"+tt.name+"(SB), NOSPLIT, $0-48")
		assert.Equal(t,
			[]constant{{"one" + tt.t.Suffix(), [...]uint64{0x3f800000, 0x3ff0000000000000}[tt.t],
				"1"}}, pool.list, tt.name)
		assert.Equal(t, tt.want, section(t, text, tt.loop)[:len(tt.want)], "%s:\n%s", tt.name, text)
		assert.Equal(t, 1, strings.Count(text[strings.Index(text, tt.loop+":"):], "\tRET"))
		if tt.tg != neon {
			assert.Contains(t, text, "\tVZEROUPPER\n\tRET")
		}
	}
}

// TestShort checks the code for at most half a vector: it comes before the constants are loaded,
// uses half of each register, and holds zero and a constant that occurs twice in registers. AVX2,
// NEON and kernels that store past the caches have none.
func TestShort(t *testing.T) {
	kn := tiny
	kn.Shape = Map{Out: []string{"dst"}, In: []string{"x"}, Unroll: 1,
		Body: func(b *Builder, in, _ []V) []V {
			v := b.Mul(b.Max(b.K(0, 0), in[0]), b.K(2, 2))
			return []V{b.Add(b.Mul(v, b.K(1.5, 1.5)), b.K(2, 2))}
		}}
	text, _ := one(kn, avx512, F32)
	_, text, ok := strings.Cut(text, "MOVQ dst_len+8(FP), DX\n")
	require.True(t, ok)
	short, _, ok := strings.Cut(text, "\nlong1:\n")
	require.True(t, ok)
	assert.Equal(t, []string{"LEAQ -1(DX), BX", "CMPQ BX, $8", "JCC long1",
		"MOVL $-1, BX", "BZHIL DX, BX, BX", "KMOVW BX, K1",
		"VPXORD Z31, Z31, Z31", "VBROADCASTSS twoF32<>(SB), Y30",
		"VMOVUPS.Z (DI), K1, Y0", "VMAXPS Y0, Y31, Y0", "VMULPS Y30, Y0, Y0",
		"VMULPS.BCST threeHalvesF32<>(SB), Y0, Y0", "VADDPS Y30, Y0, Y0",
		"VMOVUPS Y0, K1, (SI)", "VZEROUPPER", "RET"}, section(t, "\nshort:\n"+short, "short"))
	for _, tg := range []target{avx2, neon} {
		text, _ = one(kn, tg, F32)
		assert.NotContains(t, text, "long")
	}
	kn.Stream = true
	text, _ = one(kn, avx512, F32)
	assert.NotContains(t, text, "long")
}

// TestSpill checks that a spilled value is stored in the place of the output and read from there,
// as any operand. With enough registers, and in the tail, it stays in a register.
func TestSpill(t *testing.T) {
	kn := tiny
	kn.Shape = Map{Out: []string{"dst"}, In: []string{"x"}, Unroll: 1,
		Body: func(b *Builder, in, _ []V) []V {
			s := b.Spill(b.Add(in[0], in[0]))
			return []V{b.FMA(b.Sub(s, in[0]), s, b.FMA(in[0], in[0], s))}
		}}
	text, _ := one(kn, avx2, F32)
	assert.Equal(t, []string{"VMOVUPS 0(DI), Y0", "VADDPS Y0, Y0, Y1", "VMOVUPS Y1, 0(SI)",
		"VMOVUPS 0(SI), Y1", "VSUBPS Y0, Y1, Y2",
		"VFMADD213PS 0(SI), Y0, Y0", "VFMADD231PS 0(SI), Y2, Y0", "VMOVUPS Y0, 0(SI)"},
		section(t, text, "loop1")[:8], text)
	assert.Equal(t, 5, strings.Count(text, "0(SI)"), text)
	text, _ = one(kn, avx512, F32)
	assert.Equal(t, 1, strings.Count(text, "0(SI)"), text)
}

// TestLateLoads checks that an input is loaded before its first use, or before all else.
func TestLateLoads(t *testing.T) {
	for _, late := range []bool{false, true} {
		kn := tiny
		kn.Params = "dst, x, y []T"
		kn.Shape = Map{Out: []string{"dst"}, In: []string{"x", "y"}, Unroll: 1, LateLoads: late,
			Body: func(b *Builder, in, _ []V) []V {
				s := b.Mul(in[0], in[0])
				return []V{b.Add(b.Add(s, in[1]), in[1])}
			}}
		text, _ := one(kn, avx2, F32)
		want := []string{"VMOVUPS 0(DI), Y0", "VMOVUPS 0(DX), Y1", "VMULPS Y0, Y0, Y0"}
		if late {
			want = []string{"VMOVUPS 0(DI), Y0", "VMULPS Y0, Y0, Y0", "VMOVUPS 0(DX), Y1"}
		}
		assert.Equal(t, want, section(t, text, "loop1")[:3], text)
	}
}

// TestRepeat checks the absent lanes of a partial vector: with Repeat they hold an element that
// exists, in the tail only; without it they are zero.
func TestRepeat(t *testing.T) {
	kn := tiny
	s := kn.Shape.(Map)
	s.Repeat = true
	kn.Shape = s
	for _, tt := range []struct {
		tg               target
		t                Type
		plain, repeating []string
	}{
		{avx2, F32, []string{"VMASKMOVPS (DI), Y15, Y0\n\tVADDPS"},
			[]string{"VMASKMOVPS (DI), Y15, Y0\n\tVBROADCASTSS (DI), Y1\n\tVBLENDVPS Y15, Y0, Y1, Y0\n\tVADDPS"}},
		{avx512, F64, []string{"VMOVUPD.Z (DI), K1, Y0\n", "VMOVUPD.Z (DI), K1, Z0\n"},
			[]string{"VBROADCASTSD (DI), Y0\n\tVMOVUPD (DI), K1, Y0\n",
				"VBROADCASTSD (DI), Z0\n\tVMOVUPD (DI), K1, Z0\n"}},
		{neon, F32, []string{"FMOVD (R1), F0", "FMOVS (R1), F0"}, []string{"VLD1R (R1), [V0.D2]",
			"VLD1R (R1), [V0.S4]"}},
		{neon, F64, []string{"FMOVD (R1), F0"}, []string{"VLD1R (R1), [V0.D2]"}},
	} {
		plain, _ := one(tiny, tt.tg, tt.t)
		repeating, _ := one(kn, tt.tg, tt.t)
		for i := range tt.plain {
			assert.Equal(t, 1, strings.Count(plain, tt.plain[i]), plain)
			assert.Equal(t, 1, strings.Count(repeating, tt.repeating[i]), repeating)
			assert.NotContains(t, repeating, tt.plain[i])
			repeating = strings.Replace(repeating, tt.repeating[i], tt.plain[i], 1)
		}
		assert.Equal(t, plain, repeating)
	}
}

// TestPartialVector checks that there is no code that never runs: only before the last vector of a
// sum may a partial vector be a whole one.
func TestPartialVector(t *testing.T) {
	exponential := Kernel{Name: "exponential",
		Params: "sum []float64, w, x []T, cols, wstride, xstride int, narrow bool", Loop: "-",
		Shape: Rows{Out: []string{"w"}, In: []string{"x"}, Reduce: Sum,
			Body: func(b *Builder, in, _ []V) ([]V, V) {
				w := b.Mul(in[0], in[0])
				return []V{w}, w
			}}}
	for _, tt := range []struct {
		tg    target
		whole string // the branch away from the code for a whole vector
		// loads and stores in which there is one, of a sum
		sum int
	}{{avx2, "JLT part", 3}, {neon, "BLT part", 2}} {
		text, _ := one(tiny, tt.tg, F32)
		assert.NotContains(t, text, tt.whole)
		text, _ = one(exponential, tt.tg, F32)
		assert.Equal(t, tt.sum, strings.Count(text, tt.whole), text)
	}
}

// TestFlagsKept checks that a register is compared with 0 only if the flags do not have the result
// already.
func TestFlagsKept(t *testing.T) {
	for _, tt := range []struct {
		before func(m *x86)
		c      cond
		want   string
	}{
		{func(m *x86) { m.addImm("AX", -8) }, lt, "\tSUBQ $8, AX\n\tJLT x\n"},
		{func(m *x86) { m.add("AX", "BX") }, ge, "\tADDQ BX, AX\n\tJGE x\n"},
		{func(m *x86) { m.sub("AX", "BX") }, eq, "\tSUBQ BX, AX\n\tJEQ x\n"},
		{func(m *x86) { m.shl("AX", 3) }, ne, "\tSHLQ $3, AX\n\tJNE x\n"},
		{func(m *x86) { m.shl("AX", 3) }, lt, "\tSHLQ $3, AX\n\tTESTQ AX, AX\n\tJLT x\n"},
		{func(m *x86) { m.addImm("BX", -8) }, lt, "\tSUBQ $8, BX\n\tTESTQ AX, AX\n\tJLT x\n"},
		{func(m *x86) {
			m.addImm("AX", 8)
			m.mov("AX", "BX")
		}, lt, "\tADDQ $8, AX\n\tMOVQ BX, AX\n\tTESTQ AX, AX\n\tJLT x\n"},
		{func(m *x86) {
			m.addImm("AX", 8)
			m.label("y")
		}, lt, "\tADDQ $8, AX\n\ny:\n\tTESTQ AX, AX\n\tJLT x\n"},
	} {
		m := &x86{writer: &writer{}}
		tt.before(m)
		m.branchImm(tt.c, "AX", 0, "x")
		assert.Equal(t, tt.want, m.sb.String())
	}
}

// testBuilder returns an empty sequence of a kernel under construction.
func testBuilder(tg target) *Builder {
	w := &writer{}
	k := &kernelState{machine: newMachine(tg, w), w: w, t: F32, pool: newPool("", F32),
		uses:  map[uint64]int{},
		names: map[uint64]string{}, numbers: map[uint64]bool{},
		pinned: map[uint64]int{}, streams: []gpr{"SI", "DI"}, skew: 1}
	k.topVector = k.vectorRegs() - 1
	return k.newBuilder(false)
}

// TestAllocation runs a sequence through the allocator and simulates it: no register may be written
// while a later operation still reads it.
func TestAllocation(t *testing.T) {
	b := testBuilder(avx2)
	x, y := b.load(1), b.load(1)
	var sum V = x
	live := []V{x, y}
	for i := range 6 { // values with lives of different length
		v := b.Add(live[i], y)
		sum = b.FMA(v, sum, live[i])
		live = append(live, v)
	}
	b.store(0, b.Sub(sum, live[3]))
	const all = regSet(1<<16 - 1)
	al := b.k.allocator(b, b.ops, all, 0)
	require.True(t, al.run(0, len(b.ops)))
	holds := map[int]V{} // by register
	most := 0
	for i, o := range al.at {
		for j, v := range o.operands() {
			if v >= 0 {
				require.Equal(t, v, holds[o.in[j]], "op %d reads a register that was overwritten",
					i)
			}
		}
		if o.dst < 0 {
			continue
		}
		if old, ok := holds[o.result]; ok {
			assert.LessOrEqual(t, al.last[old], i, "op %d overwrites value %d", i, old)
		}
		holds[o.result] = o.dst
		most = max(most, o.result+1)
	}
	assert.Equal(t, all, al.free, "all registers are given back")
	assert.LessOrEqual(t, most, 9, "registers are used again")

	// as many registers as it takes are enough, one less is not
	fits := func(n int) bool { return b.k.allocator(b, b.ops, 1<<n-1, 0).run(0, len(b.ops)) }
	assert.True(t, fits(most))
	assert.False(t, fits(most-1))
}

func TestAllocationErrors(t *testing.T) {
	// an unused result is a mistake of the page
	b := testBuilder(avx2)
	b.Add(b.load(1), b.K(1, 1))
	assert.PanicsWithValue(t, "asmgen: result of op 1 is never used", func() {
		b.k.writeInOrder(b)
	})
	// more values at once than registers
	b = testBuilder(avx2)
	var v []V
	for range 17 {
		v = append(v, b.load(1))
	}
	for _, x := range v {
		b.store(0, x)
	}
	b.k.writeInOrder(b)
	assert.True(t, b.k.short)
}

// wide returns a kernel that needs n values at once.
func wide(n int) Kernel {
	return Kernel{Page: "p", Name: "wide", Params: "dst, x []T", Loop: "-",
		Shape: Map{Out: []string{"dst"}, In: []string{"x"}, Unroll: 1,
			Body: func(b *Builder, in, _ []V) []V {
				v := []V{in[0]}
				for range n - 1 {
					v = append(v, b.Add(v[len(v)-1], b.K(1, 1)))
				}
				sum := v[0]
				for _, x := range v[1:] {
					sum = b.Mul(sum, x)
				}
				return []V{sum}
			}}}
}

func TestOutOfRegisters(t *testing.T) {
	fits := func(n int, tg target, t Type) error {
		_, err := function(wide(n), tg, t, newPool("", t))
		return err
	}
	assert.NoError(t, fits(12, avx2, F32))
	assert.NoError(t, fits(20, avx512, F32))
	assert.EqualError(t, fits(20, avx2, F32),
		"asmgen: page p, kernel wide, float32: it does not fit the registers of AVX2")
	assert.EqualError(t, fits(40, neon, F64),
		"asmgen: page p, kernel wide, float64: it does not fit the registers of NEON")
	many := Kernel{Page: "p", Name: "many", Params: "a, b, c, d, e, f, g, h, i, x []T", Loop: "-",
		Shape: Map{Out: []string{"x"},
			In: []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}, Unroll: 1,
			Body: func(b *Builder, in, _ []V) []V {
				sum := in[0]
				for _, v := range in[1:] {
					sum = b.Add(sum, v)
				}
				return []V{sum}
			}}}
	require.NoError(t, many.check(F32))
	assert.EqualError(t, Generate(t.TempDir(), []Kernel{many}),
		"asmgen: page p, kernel many, float32: it needs more general registers than AVX512 has")
}

// TestSlowPipeline checks the error for a pipeline that is too short for its vectors.
func TestSlowPipeline(t *testing.T) {
	kn := tiny
	s := kn.Shape.(Map)
	kn.Page, kn.Shape = "p", s
	for interval, want := range map[int]string{
		1: "asmgen: page p, kernel tiny, float32: a vector takes more than two turns of the pipeline for AVX2 F32",
		8: "",
	} {
		s.Pipeline = map[string]Pipeline{"AVX2 F32": {Interval: interval, Latency: 100,
			Unroll: 2, Width: 4}}
		kn.Shape = s
		_, err := function(kn, avx2, F32, newPool("", F32))
		if want == "" {
			assert.NoError(t, err)
		} else {
			assert.EqualError(t, err, want)
		}
	}
}

// TestInterleave checks that each vector runs skew operations behind the one before it, in its own
// order.
func TestInterleave(t *testing.T) {
	order := func(skew int) (lanes string) {
		var ops []op
		for lane := range 3 {
			for i := range 4 {
				ops = append(ops, op{lane: lane, imm: i})
			}
		}
		next := [3]int{}
		for _, o := range interleave(ops, skew) {
			assert.Equal(t, next[o.lane], o.imm, "operations of a vector stay in order")
			next[o.lane]++
			lanes += string(rune('0' + o.lane))
		}
		return lanes
	}
	assert.Equal(t, "012012012012", order(0))
	assert.Equal(t, "001012012122", order(1))
	assert.Equal(t, "000011112222", order(4))
}

func TestConstants(t *testing.T) {
	// with a name, without one; C2 before C10
	b := testBuilder(avx2)
	for _, v := range []V{b.Named("C10", b.K(0.1, 0)), b.Named("C2", b.K(3, 0)), b.K(1, 1),
		b.K(4, 0), b.Named("int", b.KInt(5, 5))} {
		b.k.constAddr(b.vals[v].bits)
		b.k.constAddr(b.vals[v].bits)
	}
	var out bytes.Buffer
	b.k.pool.symbols(&out)
	assert.Equal(t, `CONST32(C2F32<>, $0x40400000) // 3
CONST32(C10F32<>, $0x3dcccccd) // 0x1.99999ap-4
CONST32(intF32<>, $0x00000005)
CONST32(oneF32<>, $0x3f800000) // 1
CONST32(x40800000F32<>, $0x40800000) // 4
`, out.String())
	assert.Panics(t, func() { b.Named("x", b.load(0)) })
	// a table
	b = testBuilder(neon)
	b.k.pool.table = "pageConstF32"
	b.Named("minusHalf", b.K(-0.5, 0))
	assert.Equal(t, []int{0, 16, 0}, []int{b.k.constOffset(0xbf000000), b.k.constOffset(7),
		b.k.constOffset(0xbf000000)})
	out.Reset()
	b.k.pool.asTable(&out)
	assert.Equal(t, `DATA pageConstF32<>+0(SB)/8, $0xbf000000bf000000 // minusHalf: -0x1p-1
DATA pageConstF32<>+8(SB)/8, $0xbf000000bf000000
DATA pageConstF32<>+16(SB)/8, $0x0000000700000007 // x7
DATA pageConstF32<>+24(SB)/8, $0x0000000700000007
GLOBL pageConstF32<>(SB), RODATA|NOPTR, $32
`, out.String())
	// one name for two numbers
	pi := func(name string, x float32) Kernel {
		return Kernel{Name: name, Params: "dst, x []T", Types: []Type{F32},
			Shape: Map{Out: []string{"dst"}, In: []string{"x"},
				Body: func(b *Builder, in, _ []V) []V {
					return []V{b.Mul(in[0], b.Named("pi", b.K(x, 0)))}
				}}}
	}
	assert.NoError(t, Generate(t.TempDir(), []Kernel{pi("a", 3.14), pi("b", 3.14)}))
	assert.EqualError(t, Generate(t.TempDir(), []Kernel{pi("a", 3.14), pi("b", 22./7)}),
		"asmgen: the constant piF32 is 0x4048f5c3 and 0x40492492")

	// the most used first, from the top register down
	b = testBuilder(avx2)
	b.k.topVector, b.k.pinLimit = 15, 2
	b.k.pinConstants([]uint64{1, 2, 3}, map[uint64]int{1: 1, 2: 5, 3: 2})
	assert.Equal(t, map[uint64]int{2: 14, 3: 13}, b.k.pinned)
}

// TestGenerate checks that the output is the same each time, that it has each function and its
// stub, and that a missing folder is an error.
func TestGenerate(t *testing.T) {
	kernels := []Kernel{tiny,
		{Name: "total", Params: "sum []float64, a []T, cols, astride int, narrow bool",
			Loop: "sum = a", Shape: Rows{In: []string{"a"}, Reduce: Sum,
				Body: func(_ *Builder, in, _ []V) ([]V, V) {
					return nil, in[0]
				}}}, {Name: "only", Params: "dst, x []T", Loop: "-", Types: []Type{F64},
			Shape: tiny.Shape}}
	read := func() map[string]string {
		dir := t.TempDir()
		require.NoError(t, Generate(dir, kernels))
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		got := map[string]string{}
		for _, f := range files {
			data, err := os.ReadFile(filepath.Join(dir, f.Name()))
			require.NoError(t, err)
			got[f.Name()] = string(data)
		}
		return got
	}
	first := read()
	assert.Equal(t, first, read())
	for _, arch := range []string{"amd64", "arm64"} {
		s, d := first["kernels_"+arch+".s"], first["dispatch_"+arch+".go"]
		for _, name := range map[string][]string{"amd64": {"F32AVX2", "F64AVX2", "F32AVX512",
			"F64AVX512"}, "arm64": {"F32NEON", "F64NEON"}}[arch] {
			for _, kernel := range []string{"tiny", "total", "only"} {
				there := kernel != "only" || strings.HasPrefix(name, "F64")
				assert.Equal(t, there, strings.Contains(s, "TEXT ·"+kernel+name+"(SB)"),
					kernel+name)
				assert.Equal(t, there, strings.Contains(d, "//go:noescape\nfunc "+kernel+name+"("),
					kernel+name)
			}
		}
		assert.Contains(t, d, "//\tdst = (x + 1) * x\n")
	}
	assert.NotContains(t, first["dispatch_other.go"], "AVX")
	assert.Error(t, Generate(filepath.Join(t.TempDir(), "missing"), kernels))
	bad := tiny
	bad.Name = "7"
	assert.ErrorContains(t, Generate(t.TempDir(), []Kernel{bad}), "dispatch of amd64")
}

// TestSchedule checks that a schedule starts no operation before its operands are ready, and no
// more operations in a cycle of the interval than its width.
func TestSchedule(t *testing.T) {
	b := testBuilder(avx2)
	x := b.load(0)
	k := b.FMA(x, b.K(2, 2), b.K(3, 3))
	s := b.ShiftLeft(k, 23, 52)
	sum := b.Add(s, b.K(1, 1)) // needed at the very end only, and s lives until then
	r := x
	for range 6 {
		r = b.FMA(r, x, b.K(4, 4))
	}
	b.store(1, b.FMA(s, r, sum))
	position := func(v V) int {
		for i, o := range b.ops {
			if o.dst == v {
				return i
			}
		}
		return -1
	}
	moved := false
	for interval := 3; interval < 20; interval++ {
		for _, latency := range []int{10, 50, 100} {
			for _, sink := range []bool{false, true} {
				p := Pipeline{Interval: interval, Latency: latency, Width: 4, Sink: sink}
				at := p.schedule(b.ops)
				busy := make([]int, interval)
				for i, o := range b.ops {
					for _, v := range [...]V{o.a, o.b, o.c} {
						if j := position(v); v >= 0 && j >= 0 {
							require.Less(t, at[j], at[i], "%+v: operation %d waits for %d", p, i, j)
						}
					}
					if o.kind != opLoad && o.kind != opStore {
						busy[at[i]%interval]++
					}
				}
				for _, n := range busy {
					require.LessOrEqual(t, n, p.Width, "%+v", p)
				}
				if sink {
					p.Sink = false
					moved = moved || at[position(sum)] > p.schedule(b.ops)[position(sum)]
				}
			}
		}
	}
	require.True(t, moved, "the sum was never sunk")
}

// TestMoves checks that the moves of a loop take effect all at once: chains, cycles and registers
// that stay.
func TestMoves(t *testing.T) {
	for _, c := range []struct{ from, to []int }{
		{[]int{1, 2, 3}, []int{2, 3, 4}},
		{[]int{1, 2}, []int{2, 1}},
		{[]int{1, 2, 3, 4, 5}, []int{2, 3, 1, 5, 4}},
		{[]int{3, 4, 6}, []int{3, 6, 4}},
		{nil, nil},
	} {
		regs := []int{0, 10, 20, 30, 40, 50, 60, 70}
		m := moves{c.from, c.to, 7}
		assert.True(t, m.resolve(func(dst, src int) { regs[dst] = regs[src] }))
		for i, from := range c.from {
			assert.Equal(t, 10*from, regs[c.to[i]], "%v to %v", c.from, c.to)
		}
	}
	m := moves{[]int{1, 2}, []int{2, 1}, -1}
	assert.False(t, m.resolve(func(int, int) {}), "a cycle takes a spare register")
}
