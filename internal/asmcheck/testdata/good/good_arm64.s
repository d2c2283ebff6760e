#include "textflag.h"

TEXT ·wordsNEON(SB), NOSPLIT, $0-24
	MOVD x_base+0(FP), R0
	MOVD x_len+8(FP), R1
	VMOVQ $0x3f8000003f800000, $0x3f8000003f800000, V3 // by way of x27
	CBZ R1, done
loop:
	VLD1 (R0), [V0.S4, V1.S4]
	WORD $0x4e21d400 // fadd v0.4s, v0.4s, v1.4s
	WORD $0x4f0167e2 // MOVI V2.4S,#63,LSL #24 ; letter case and base do not matter
	WORD $0x4f03f604 // fmov v4.4s, #1.0
	WORD $0x4ea0c825 // fcmgt v5.4s, v1.4s, #0.0
	VFMLA V3.S4, V4.S4, V0.S4
	VST1.P [V0.S4, V1.S4], 32(R0)
	SUBS $8, R1
	BGT loop
done:
	RET

// Frames: with the check of the stack, a large one with it, and a small one.
TEXT ·splitNEON(SB), 0, $1280-24
	MOVD x_base+0(FP), R0
	VLD1 (R0), [V0.S4]
	MOVD $64(RSP), R1
	VST1 [V0.S4], (R1)
	RET

TEXT ·largeNEON(SB), 0, $4928-24
	MOVD x_base+0(FP), R0
	VLD1 (R0), [V0.S4]
	MOVD $4800(RSP), R1
	VST1 [V0.S4], (R1)
	RET

TEXT ·frameNEON(SB), NOSPLIT, $32-24
	MOVD x_base+0(FP), R0
	MOVD R0, 16(RSP)
	RET
