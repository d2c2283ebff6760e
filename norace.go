//go:build !race

package kernels

// See race.go.
const (
	raceEnabled = false
	raceRead    = false
	raceWrite   = true
)

func raceSlice[E any](string, bool, []E) {}

func raceRows[E any](string, bool, []E, int, int, int) {}

func raceMatrix[E any](string, bool, []E, int, int, int, int) {}
