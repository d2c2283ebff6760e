//go:build !amd64

package yard

const available = false

//go:noinline
func spin(n int) {
	// Four dependent operations a turn; without assembly this is an estimate.
	a, b := n, n|1
	for ; n > 0; n -= 4 {
		a += b
		a ^= b
		a += b
		a ^= b
	}
	sink = a
}

var sink int

func clean() {}

func read(*byte, int)          { panic("yard: no read loop on this architecture") }
func copyNT(*byte, *byte, int) { panic("yard: no non-temporal copy on this architecture") }
