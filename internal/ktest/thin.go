package ktest

import (
	"fmt"
	"os"
	"strconv"
)

// ThinEnv names the environment variable that thins out the long tables of cases for emulators,
// which are hundreds of times slower than the machine: KERNELS_THIN=8 runs one case in eight.
const ThinEnv = "KERNELS_THIN"

var thin = func() int {
	s := os.Getenv(ThinEnv)
	if s == "" {
		return 1
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		panic(fmt.Sprintf("%s=%s is not a positive number", ThinEnv, s))
	}
	return n
}()

// Thinned reports whether case i of the named kernel is left out. Kernels take different cases, so
// that together they see all of them.
func Thinned(name string, i int) bool {
	for _, c := range []byte(name) {
		i += int(c)
	}
	return i%thin != 0
}
