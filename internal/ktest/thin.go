package ktest

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"kernels/internal/isa"
)

// ThinEnv names the environment variable that says how many of the cases in the long tables are
// run: KERNELS_THIN=15 runs one in 15, for emulators, which are hundreds of times slower than the
// machine, and KERNELS_THIN=1 all, for which Go's ten minutes are not enough on a busy machine.
// Without it, -short runs all cases of its short tables, and a long run one in four.
//
// The lengths of slices follow one another in the tables. So with an odd number, those that are run
// end in the middle of a vector at all places; with 15, the ten up to 130 and the ten of
// TestGuardPages together have all places in 16 lanes.
const ThinEnv = "KERNELS_THIN"

var thin = sync.OnceValue(func() int {
	s := os.Getenv(ThinEnv)
	switch {
	case s == "" && testing.Short():
		return 1
	case s == "":
		return 4
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		panic(fmt.Sprintf("%s=%s is not a positive number", ThinEnv, s))
	}
	return n
})

// Sets returns the instruction sets to run in the long tables: all that are available, or with
// -short and [ThinEnv] the best, because that is for an emulator of just this one.
func Sets() []string {
	all := isa.Available()
	if testing.Short() && thin() > 1 {
		all = all[:1]
	}
	return all
}

// Thinned reports whether case i of the named kernel is left out. Kernels take different cases, so
// that together they see all of them.
func Thinned(name string, i int) bool {
	for _, c := range []byte(name) {
		i += int(c)
	}
	return i%thin() != 0
}
