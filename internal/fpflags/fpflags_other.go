//go:build !amd64 && !arm64

package fpflags

// Supported reports whether the flags of this architecture can be read.
const Supported = false

func clearFlags() {}

func readFlags() Flags { return 0 }
