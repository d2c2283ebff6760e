package isa_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
	kt "kernels/internal/ktest"
)

// reportEnv makes this binary print its choice, and nothing else.
const reportEnv = "KERNELS_TEST_ISA"

func TestMain(m *testing.M) {
	if os.Getenv(reportEnv) != "" {
		fmt.Println(isa.Name(), strings.Join(isa.Available(), ","))
		return
	}
	os.Exit(m.Run())
}

// start starts this binary again with the given GODEBUG and KERNELS_ISA. It returns the choice and
// what was available, or the error the binary died with.
func start(t *testing.T, godebug, name string) (chosen string, available []string, err error) {
	t.Helper()
	if runtime.GOOS == "js" || runtime.GOOS == "wasip1" {
		t.Skip("no processes here")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), reportEnv+"=1", "GODEBUG="+godebug, isa.Env+"="+name)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", nil, fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	require.NoError(t, err)
	chosen, list, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	return chosen, strings.Split(list, ","), nil
}

// TestGODEBUG checks that an instruction set is not available if GODEBUG turns off a part of it, or
// of one that it builds on, and that the best of the others is chosen.
func TestGODEBUG(t *testing.T) {
	kt.Require(t)
	chosen, all, err := start(t, "", "")
	require.NoError(t, err)
	require.Equal(t, all[0], chosen)
	require.Equal(t, isa.NameGeneric, all[len(all)-1])

	wide := []string{isa.NameAVX512}
	both := []string{isa.NameAVX512, isa.NameAVX2}
	for godebug, without := range map[string][]string{
		"cpu.avx512=off":   wide,
		"cpu.avx512f=off":  wide,
		"cpu.avx512dq=off": wide,
		"cpu.avx512bw=off": wide,
		"cpu.avx512vl=off": wide,
		"cpu.avx=off":      both,
		"cpu.avx2=off":     both,
		"cpu.fma=off":      both,
		"cpu.bmi2=off":     both,
		"cpu.all=off":      both,
		"cpu.all=off,cpu.avx=on,cpu.avx2=on,cpu.fma=on,cpu.bmi2=on": wide,
		"panicnil=1,cpu.avx512f=off,cpu.sse3=off":                   wide,
		"cpu.avx512vnni=off,cpu.aes=off":                            nil, // not needed
		"cpu.asimd=off":                                             nil, // unknown to Go's runtime
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(name string) bool {
			return slices.Contains(without, name)
		})
		chosen, available, err := start(t, godebug, "")
		require.NoError(t, err, godebug)
		assert.Equal(t, want, available, godebug)
		assert.Equal(t, want[0], chosen, godebug)
	}
}

// TestKernelsISA checks that each available name can be chosen, and that any other is fatal at
// start, with a message that quotes the name and lists the available ones.
func TestKernelsISA(t *testing.T) {
	kt.Require(t)
	_, all, err := start(t, "", "")
	require.NoError(t, err)
	for _, name := range all {
		chosen, available, err := start(t, "", name)
		require.NoError(t, err, name)
		assert.Equal(t, name, chosen)
		assert.Equal(t, all, available)
	}

	type choice struct{ godebug, name, quoted string }
	bad := []choice{
		{"", "avx9", `"avx9"`},
		{"", "generic ", `"generic "`},
		{"", "AVX2\n", `"AVX2\n"`},
	}
	if slices.Contains(all, isa.NameAVX2) {
		bad = append(bad, choice{"cpu.avx2=off", isa.NameAVX2, `"avx2"`})
	}
	for _, b := range bad {
		_, available, err := start(t, b.godebug, "")
		require.NoError(t, err)
		_, _, err = start(t, b.godebug, b.name)
		assert.ErrorContains(t, err, "panic: kernels: KERNELS_ISA="+b.quoted+
			" is not available on this CPU or in this build, which has: "+strings.Join(available,
			", ")+"\n")
	}
}
