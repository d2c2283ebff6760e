package fpflags

// Supported tells whether this architecture's flags can be read.
const Supported = true

// clearFlags clears the exceptions in MXCSR.
func clearFlags()

// mxcsr reads MXCSR.
func mxcsr() uint32

func readFlags() Flags {
	bits := mxcsr() // bit 1 tells of subnormal operands
	return Flags(bits&1 | bits>>1&6)
}
