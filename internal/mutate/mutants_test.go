package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/internal/ktable"
	pages "kernels/kernels"
)

const small = `// header
CONST32(oneF32<>, $0x3f800000) // 1
CONST32(twoF32<>, $0x40000000) // 2

// func tinyF32AVX2(dst, x []float32)
TEXT ·tinyF32AVX2(SB), NOSPLIT, $0-48
	MOVQ dst_base+0(FP), SI
	CMPQ DX, $8
	JLT rest2
	PCALIGN $32

loop1:
	VSUBPS Y1, Y0, Y2
	// page.go: f
	VMULPS twoF32<>(SB), Y2, Y2

fold3:
	VADDPS Y2, Y0, Y0
	VADDPS Y3, Y1, Y1
	VZEROUPPER
	RET

TEXT ·tinyF32AVX512(SB), NOSPLIT, $0-48
	VMOVUPS.Z (DI), K1, Z0
	RET
`

func whats(s *source, line string) (out []string) {
	for _, f := range s.funcs {
		for _, m := range f.mutants {
			if strings.TrimSpace(s.lines[m.line]) == line {
				out = append(out, string(m.class)+": "+m.what)
			}
		}
	}
	return out
}

func TestMutants(t *testing.T) {
	s := parse(small, false)
	require.Len(t, s.funcs, 2)
	f := s.funcs[0]
	assert.Equal(t, []string{"tinyF32AVX2", "tiny", "F32", "avx2"},
		[]string{f.name, f.kernel, f.typ, f.isa})
	assert.Equal(t, "avx512", s.funcs[1].isa)
	assert.Equal(t, []string{"op: VADD for VSUB", "op: operands swapped", "op: operand passed on",
		"op: left out"}, whats(s, "VSUBPS Y1, Y0, Y2"))
	assert.Equal(t, []string{"loop: $7 for $8", "loop: $9 for $8", "loop: left out"},
		whats(s, "CMPQ DX, $8"))
	assert.Equal(t, []string{"loop: JLE for JLT", "loop: JGE for JLT", "loop: left out"},
		whats(s, "JLT rest2"))
	assert.Equal(t, []string{"const: last bit of constant 0x40000000 (twoF32) flipped",
		"const: constant 0x3f800000 (oneF32) for 0x40000000 (twoF32)",
		"op: VADD for VMUL", "op: left out"}, whats(s, "VMULPS twoF32<>(SB), Y2, Y2"))
	assert.Empty(t, whats(s, "// page.go: f"))
	assert.Contains(t, whats(s, "VADDPS Y2, Y0, Y0"),
		"sum: source exchanged with the next instruction's")
	assert.Contains(t, whats(s, "VMOVUPS.Z (DI), K1, Z0"), "tail: mask K1 left out")
	for _, l := range []string{"PCALIGN $32", "VZEROUPPER", "RET"} {
		assert.Empty(t, whats(s, l))
	}
}

// TestText checks that the file of a mutant differs from the original in the mutant's own lines
// only, and in the table for a flipped constant.
func TestText(t *testing.T) {
	s := parse(small, false)
	assert.Equal(t, small, s.text(nil))
	for _, f := range s.funcs {
		for _, m := range f.mutants {
			got := s.text(m)
			assert.NotEqual(t, small, got, m.String())
			if m.flip != "" {
				assert.Contains(t, got,
					"CONST32(twoF32<>, $0x40000000) // 2\nCONST32(flippedtwoF32<>, $0x40000001)\n")
				assert.Contains(t, got, "\tVMULPS flippedtwoF32<>(SB), Y2, Y2\n")
				continue
			}
			a, b := strings.Split(small, "\n"), s.text(m)
			for i, l := range a {
				if _, edited := m.edit[i]; !edited && strings.HasPrefix(l, "\t") {
					assert.Contains(t, b, l)
				}
			}
		}
	}
}

const smallARM = `DATA pConstF32<>+0(SB)/8, $0x3f8000003f800000 // one: 1
DATA pConstF32<>+8(SB)/8, $0x3f8000003f800000
DATA pConstF32<>+16(SB)/8, $0x4000000040000000 // two: 2
DATA pConstF32<>+24(SB)/8, $0x4000000040000000
GLOBL pConstF32<>(SB), RODATA|NOPTR, $32

TEXT ·tinyF32NEON(SB), NOSPLIT, $0-48
	MOVD $pConstF32<>(SB), R26
	FMOVQ 16(R26), F30 // two
	RET
`

// TestTables checks the constants on ARM, which are places in the table of a page.
func TestTables(t *testing.T) {
	s := parse(smallARM, true)
	assert.Equal(t, []string{"const: last bit of constant 0x4000000040000000 flipped",
		"const: constant 0x3f8000003f800000 for 0x4000000040000000",
		"loop: left out"}, whats(s, "FMOVQ 16(R26), F30 // two"))
	for _, m := range s.funcs[0].mutants {
		if m.flip != "" {
			got := s.text(m)
			assert.Contains(t, got,
				"DATA pConstF32<>+40(SB)/8, $0x4000000140000001\nGLOBL pConstF32<>(SB), RODATA|NOPTR, $48\n")
			assert.Contains(t, got, "\tFMOVQ 32(R26), F30\n")
		}
	}
}

func TestSample(t *testing.T) {
	s := parse(small, false)
	names := func(ms []*mutant) (out []string) {
		for _, m := range ms {
			out = append(out, m.String())
		}
		return out
	}
	a := names(sample(s.funcs, 6, 1))
	assert.Equal(t, a, names(sample(s.funcs, 6, 1)), "the same seed, the same sample")
	assert.Len(t, a, 6)
	assert.True(t, slices.ContainsFunc(a[:2], func(n string) bool {
		return strings.HasPrefix(n, "tinyF32AVX512 ")
	}), "every function has its turn")
	total := len(s.funcs[0].mutants) + len(s.funcs[1].mutants)
	whole := names(sample(s.funcs, 10000, 7))
	assert.Len(t, whole, total, "no mutant is there twice, none is missing")
}

// TestGeneratedFiles checks that the functions of the package have mutants of each class that fits
// them.
func TestGeneratedFiles(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "kernels_"+arch+".s"))
		require.NoError(t, err)
		s := parse(string(text), arch == "arm64")
		require.Greater(t, len(s.funcs), 50)
		require.Equal(t, string(text), s.text(nil))
		for _, f := range s.funcs {
			by := map[class]int{}
			for _, m := range f.mutants {
				by[m.class]++
				require.True(t, m.line >= f.start && m.line < f.end)
			}
			assert.NotZero(t, by[opClass], f.name)
			assert.NotZero(t, by[loopClass], f.name)
			if strings.HasPrefix(f.kernel, "rowsExpSum") {
				assert.NotZero(t, by[sumClass], f.name)
				assert.NotZero(t, by[constClass], f.name)
			}
		}
	}
}

func TestToolchainText(t *testing.T) {
	assert.Equal(t, []string{"/go/asm", "-trimpath", "/tmp/b1=>", "-o", "x y", "./a.s"},
		fields(`/go/asm -trimpath "/tmp/b1=>" -o 'x y' ./a.s`))
	member := func(name, body string) string {
		return fmt.Sprintf("%-16s%-12d%-6d%-6d%-8o%-10d`\n%s", name, 0, 0, 0, 0o644, len(body), body)
	}
	archive := arMagic + member("__.PKGDEF", "abcd") + member("kernels_amd64.o", "efghij")
	got, err := without([]byte(archive), "kernels_amd64.o")
	require.NoError(t, err)
	assert.Equal(t, arMagic+member("__.PKGDEF", "abcd"), string(got))
	_, err = without([]byte(archive), "other.o")
	assert.Error(t, err)
	assert.Equal(t, "TestA/b/c", firstFailure("--- FAIL: TestA\n"+
		"    --- FAIL: TestA/b\n        --- FAIL: TestA/b/c (0.1s)\n"))
}

// TestRowsOf: a pattern that matches no row would leave a mutant to slower tests, silently.
func TestRowsOf(t *testing.T) {
	for _, kn := range pages.Kernels() {
		re := regexp.MustCompile(rowsOf(kn.Name))
		assert.True(t, slices.ContainsFunc(ktable.Funcs[float32](), func(f ktable.Func[float32]) bool {
			return re.MatchString(f.Name)
		}), "%s: no row %s", kn.Name, re)
	}
}
