#include "textflag.h"

// func clearFlags()
TEXT ·clearFlags(SB), NOSPLIT, $8-0
	STMXCSR bits-8(SP)
	ANDL    $~0x3f, bits-8(SP)
	LDMXCSR bits-8(SP)
	RET

// func mxcsr() uint32
TEXT ·mxcsr(SB), NOSPLIT, $0-4
	STMXCSR ret+0(FP)
	RET
