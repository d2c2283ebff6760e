package asmcheck

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tools skips the test if LLVM is not installed, or fails it if KERNELS_REQUIRE_OBJDUMP=1.
func tools(t *testing.T) Tools {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command to build with: ", err)
	}
	tools, err := FindTools()
	if err != nil {
		require.NotEqual(t, "1", os.Getenv("KERNELS_REQUIRE_OBJDUMP"), err.Error())
		t.Skip(err)
	}
	return tools
}

// build runs go with the arguments and "-o FILE" for linux/arch and returns FILE.
func build(t *testing.T, arch string, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "linked")
	args = append(args[:1:1], append([]string{"-o", out}, args[1:]...)...)
	cmd := exec.Command("go", args...)
	// no flags from outside: a -tags=purego would leave the assembly out
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0",
		"GOFLAGS=-buildvcs=false", "GOAMD64=", "GOARM64=")
	msg, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", cmd, msg)
	return out
}

// checkFile runs all checks on an assembly file and the binary that holds it.
func checkFile(t *testing.T, tools Tools, file, binary, pkg string) (texts []Text,
	problems []string) {
	t.Helper()
	r, err := os.Open(file)
	require.NoError(t, err)
	defer r.Close()
	texts, problems, err = ParseSource(r)
	require.NoError(t, err)
	var names []string
	for _, x := range texts {
		names = append(names, x.Name)
	}
	funcs, err := Disassemble(tools, binary, pkg, names)
	require.NoError(t, err)
	more, err := Check(tools, texts, funcs)
	require.NoError(t, err)
	return texts, append(problems, more...)
}

// TestKernels checks the kernels in the binaries of bench/report, which links all of them.
func TestKernels(t *testing.T) {
	tools := tools(t)
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			file := filepath.Join("..", "..", "kernels_"+arch+".s")
			if _, err := os.Stat(file); os.IsNotExist(err) {
				t.Skip("there is no " + filepath.Base(file))
			}
			t.Parallel()
			texts, problems := checkFile(t, tools, file, build(t, arch, "build", "kernels/bench/report"),
				"kernels")
			assert.NotEmpty(t, texts, "no TEXT found: the check checked nothing")
			for _, p := range problems[:min(40, len(problems))] {
				t.Error(p)
			}
			words := 0
			for _, x := range texts {
				words += len(x.Words)
			}
			t.Logf("%d functions, %d WORDs", len(texts), words)
			if arch == "arm64" {
				assert.NotZero(t, words, "no WORD found: the comparison compared nothing")
			}
		})
	}
}

func TestGood(t *testing.T) {
	tools := tools(t)
	for arch, functions := range map[string]int{"amd64": 5, "arm64": 4} {
		texts, problems := checkFile(t, tools, "testdata/good/good_"+arch+".s",
			build(t, arch, "build", "./testdata/good"), "main")
		assert.Len(t, texts, functions)
		assert.Empty(t, problems)
	}
}

// TestBad checks that each kind of mistake is found, and nothing else. A line of want is the
// function or source line, and the complaint.
func TestBad(t *testing.T) {
	tools := tools(t)
	for arch, want := range map[string][]string{
		"amd64": {
			`line 61: "LONG $0x90909090": only WORD may give an encoding`,
			`zeroAVX2: retq: no VZEROUPPER before it`,
			`wideAVX2: vmovups: an AVX-512 instruction in an AVX2 function`,
			"wideAVX2: vmovups: not of AVX2: bad register name `%zmm0'",
			`wideAVX2: kmovw: an AVX-512 instruction in an AVX2 function`,
			"wideAVX2: kmovw: not of AVX2: `kmovw' is not supported",
			`highAVX2: vpsraq: an AVX-512 instruction in an AVX2 function`,
			"highAVX2: vpsraq: not of AVX2: `vpsraq' is not supported",
			"bmiAVX2: lzcntq: not of AVX2: `lzcnt' is not supported",
			`sseAVX2: movss: a legacy SSE instruction among AVX`,
			`spAVX2: pushq: SP may only be the base of an address`,
			`spAVX2: movq: SP may only be the base of an address`,
			`spAVX2: leaq: SP may only be the base of an address`,
			`spAVX2: popq: SP may only be the base of an address`,
			`spAVX2: xorl: BP is reserved`,
			`gotAVX512: not NOSPLIT`,
			`gotAVX512: movq: R15 is reserved`,
			"vbmiAVX512: vpermb: not of AVX512: `vpermb' is not supported",
			`vbmiAVX512: ldmxcsr: changes the rounding mode or the flags of every goroutine on this thread`,
			`vbmiAVX512: callq: a call`,
			`fallAVX512: jmp: a jump out of the function`,
			`deadAVX2: not in the binary: nothing calls it`,
			`noname: the name does not end in AVX2, AVX512 or NEON`,
		},
		"arm64": {
			`line 9: "WORD $0x4e21d404" has no comment with its instruction`,
			`line 10: " add x27, x27, #0" uses x27, the assembler's temporary register`,
			`wordsNEON: line 5: WORD $0x4e21d401 is "fadd v1.4s, v0.4s, v1.4s", the comment says "fadd v0.4s, v0.4s, v1.4s"`,
			`wordsNEON: line 6: WORD $0x4ea1d402 is "fsub v2.4s, v0.4s, v1.4s", the comment says "fadd v2.4s, v0.4s, v1.4s"`,
			`wordsNEON: line 7: WORD $0x4f0167e2 is "movi v2.4s, #0x3f, lsl #24", the comment says "movi v2.4s, #62, lsl #24"`,
			`wordsNEON: line 8: WORD $0x4e411403 is "<unknown>", the comment says "fadd v3.8h, v0.8h, v1.8h"`,
			`wordsNEON: <unknown>: 03 14 41 4e is not an ARMv8.0-A instruction`,
			`regsNEON: orr: x18 is reserved`,
			`regsNEON: add: SP may only be the base of an address`,
			`regsNEON: str: SP may only be the base of an address`,
			`regsNEON: mov: x29 is reserved`,
			`regsNEON: msr: changes the state of the thread`,
			`regsNEON: b: a jump out of the function`,
			`callNEON: bl: a call`,
		},
	} {
		_, problems := checkFile(t, tools, "testdata/bad/bad_"+arch+".s",
			build(t, arch, "build", "./testdata/bad"), "main")
		for i, p := range problems {
			// NAME: ADDRESS "TEXT": WHY -> NAME: MNEMONIC: WHY
			if name, rest, ok := strings.Cut(p, ": 0x"); ok {
				_, rest, _ = strings.Cut(rest, ` "`)
				text, why, _ := strings.Cut(rest, `": `)
				mnemonic, _, _ := strings.Cut(text, " ")
				problems[i] = name + ": " + mnemonic + ": " + why
			}
		}
		assert.ElementsMatch(t, want, problems, arch)
	}
}

// TestStaleBinary checks that a source that was changed after the binary was made does not pass.
func TestStaleBinary(t *testing.T) {
	texts := []Text{{Name: "fNEON", NoSplit: true, Words: []Word{
		{Line: 3, Code: 0x4e21d401, Comment: "fadd v1.4s, v0.4s, v1.4s"}}}}
	code := []Inst{{Raw: []byte{0xc0, 0x03, 0x5f, 0xd6}, Text: "ret"}}
	problems, err := Check(Tools{}, texts, []Func{{Name: "fNEON", Code: code}})
	require.NoError(t, err)
	assert.Equal(t, []string{"fNEON: line 3: WORD $0x4e21d401 is not in the binary, " +
		"which was made from another source"}, problems)
}

func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{
		" FADD  V0.4S,V1.4S , v2.4s ; sum":       "fadd v0.4s,v1.4s,v2.4s",
		"ld1 { v0.4s, v1.4s }, [x0], #0x20":      "ld1 {v0.4s,v1.4s},[x0],#32",
		"ld1	{v0.4s,v1.4s},[ x0 ],#32":           "ld1 {v0.4s,v1.4s},[x0],#32",
		"fmov v4.4s, #1.00000000":                "fmov v4.4s,#1",
		"fmov v4.4s, #-1.5":                      "fmov v4.4s,#-1.5",
		"fmla v0.4s, v1.4s, v2.s[3]":             "fmla v0.4s,v1.4s,v2.s[3]",
		"fcmge v5.2d, v1.2d, #0.0":               "fcmge v5.2d,v1.2d,#0",
		"ext v0.16b, v1.16b, v2.16b, #0x8":       "ext v0.16b,v1.16b,v2.16b,#8",
		"movi	v2.4s, #0x3f, lsl #24":             "movi v2.4s,#63,lsl #24",
		"ushr v0.2d, v1.2d, #52":                 "ushr v0.2d,v1.2d,#52",
		"tbl v0.16b, { v1.16b, v2.16b }, v3.16b": "tbl v0.16b, {v1.16b,v2.16b},v3.16b",
	} {
		assert.Equal(t, want, normalize(in), in)
	}
}
