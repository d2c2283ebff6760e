package ktest

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
)

// ThinEnv names the environment variable that says how many of the cases in the long tables are
// run: KERNELS_THIN=8 runs one in eight, for emulators, which are hundreds of times slower than the
// machine, and KERNELS_THIN=1 all, for which Go's ten minutes are not enough on a busy machine.
// Without it, -short runs all cases of its short tables, and a long run one in four.
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

// Thinned reports whether case i of the named kernel is left out. Kernels take different cases, so
// that together they see all of them.
func Thinned(name string, i int) bool {
	for _, c := range []byte(name) {
		i += int(c)
	}
	return i%thin() != 0
}
