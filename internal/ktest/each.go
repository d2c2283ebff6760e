package ktest

import (
	"os"
	"slices"
	"strings"
	"testing"

	"kernels/internal/isa"
)

// RequireEnv names the environment variable that turns the absence of an instruction set into a
// failure: a comma-separated list, as avx2,avx512.
const RequireEnv = "KERNELS_REQUIRE"

// Require fails the test if KERNELS_REQUIRE names an instruction set that is not available here, so
// that no test passes by falling back.
func Require(tb testing.TB) {
	tb.Helper()
	for name := range strings.SplitSeq(os.Getenv(RequireEnv), ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(isa.Available(), name) {
			tb.Fatalf("%s names %s, which is not available here: %s", RequireEnv, name,
				strings.Join(isa.Available(), ", "))
		}
	}
}

// EachISA runs f as a subtest under every available instruction set, the generic code first. Tests
// that use it must not run in parallel.
func EachISA(t *testing.T, f func(t *testing.T, name string)) {
	t.Helper()
	Require(t)
	names := isa.Available()
	slices.Reverse(names)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			defer isa.Force(name)()
			if got := isa.Name(); got != name {
				t.Fatalf("forced %s, got %s", name, got)
			}
			f(t, name)
		})
	}
}

// With runs f under the named instruction set.
func With(name string, f func()) {
	defer isa.Force(name)()
	f()
}
