//go:build !amd64 && !arm64

package fpflags

// Supported tells whether this architecture's flags can be read.
const Supported = false

func clearFlags() {}

func readFlags() Flags { return 0 }
