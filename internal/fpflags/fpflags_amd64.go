package fpflags

// Supported reports whether the flags of this architecture can be read.
const Supported = true

// clearFlags clears the exceptions in MXCSR.
func clearFlags()

// mxcsr reads MXCSR.
func mxcsr() uint32

func readFlags() Flags {
	bits := mxcsr() // bit 1 stands for subnormal operands
	return Flags(bits&1 | bits>>1&6)
}
