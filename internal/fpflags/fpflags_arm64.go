package fpflags

// Supported reports whether the flags of this architecture can be read.
const Supported = true

// clearFlags clears the exceptions in FPSR.
func clearFlags()

// fpsr reads FPSR.
func fpsr() uint64

func readFlags() Flags { return Flags(fpsr() & 7) } // in the order of Flags
