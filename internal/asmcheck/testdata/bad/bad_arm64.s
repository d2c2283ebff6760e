#include "textflag.h"

TEXT ·wordsNEON(SB), NOSPLIT, $0-24
	WORD $0x4e21d400 // fadd v0.4s, v0.4s, v1.4s
	WORD $0x4e21d401 // fadd v0.4s, v0.4s, v1.4s
	WORD $0x4ea1d402 // fadd v2.4s, v0.4s, v1.4s
	WORD $0x4f0167e2 // movi v2.4s, #62, lsl #24
	WORD $0x4e411403 // fadd v3.8h, v0.8h, v1.8h
	WORD $0x4e21d404
	WORD $0x9100037b // add x27, x27, #0
	RET

TEXT ·regsNEON(SB), NOSPLIT, $0-24
	MOVD $1, R18_PLATFORM
	ADD $16, RSP
	MOVD (RSP), R0
	MOVD.P R0, 16(RSP)
	MOVD R0, R29
	MOVD R0, FPCR
	B ·wordsNEON(SB)

// A call, in a function with a frame.
TEXT ·callNEON(SB), NOSPLIT, $16-24
	BL ·wordsNEON(SB)
	RET
