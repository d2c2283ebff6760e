#include "textflag.h"

DATA one<>+0(SB)/4, $1.0
DATA one<>+4(SB)/4, $1.0
GLOBL one<>(SB), RODATA|NOPTR, $8

// R14 and X15 are free; two returns; a loop.
TEXT ·plainAVX2(SB), NOSPLIT, $0-24
	MOVQ x_base+0(FP), AX
	MOVQ x_len+8(FP), R14
	VBROADCASTSS one<>+0(SB), Y15
	TESTQ R14, R14
	JEQ done
loop:
	VMOVUPS (AX), Y0
	VFMADD213PS Y15, Y0, Y0
	VADDPS (AX), Y0, Y0
	VMOVUPS Y0, (AX)
	ADDQ $32, AX
	SUBQ $8, R14
	JG loop
	SFENCE
	VZEROUPPER
	RET
done:
	VZEROUPPER
	RET

// A frame: the assembler writes SP and BP.
TEXT ·frameAVX2(SB), NOSPLIT, $32-24
	MOVQ x_base+0(FP), AX
	VMOVUPS (AX), Y0
	VMOVUPS Y0, 0(SP)
	VPADDD 0(SP), Y0, Y0
	VMOVUPS Y0, (AX)
	VZEROUPPER
	RET

TEXT ·maskAVX512(SB), NOSPLIT, $0-24
	MOVQ x_base+0(FP), AX
	MOVL $0x7f, CX
	KMOVW CX, K1
	VMOVUPS.Z (AX), K1, Z17
	VADDPS.BCST.Z (AX), Z17, K1, Z17
	VANDPS Z17, Z17, Z17
	VMOVUPS Z17, K1, (AX)
	VZEROUPPER
	RET

// A frame that needs the check of the stack, with an address in it.
TEXT ·splitAVX2(SB), 0, $2560-24
	MOVQ x_base+0(FP), AX
	VMOVUPS (AX), Y0
	LEAQ 64(SP), CX
	VMOVUPS Y0, (CX)
	VMOVUPS Y0, (AX)
	VZEROUPPER
	RET

TEXT ·hugeAVX2(SB), 0, $5120-24
	VZEROUPPER
	RET
