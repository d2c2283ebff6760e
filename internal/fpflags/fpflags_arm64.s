#include "textflag.h"

// func clearFlags()
TEXT ·clearFlags(SB), NOSPLIT, $0-0
	MOVD FPSR, R0
	AND  $~0x9f, R0
	MOVD R0, FPSR
	RET

// func fpsr() uint64
TEXT ·fpsr(SB), NOSPLIT, $0-8
	MOVD FPSR, R0
	MOVD R0, ret+0(FP)
	RET
