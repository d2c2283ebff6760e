// Instruction sets of the functions between BEGIN and END, for gcc and clang.
#ifndef CPEERS_TARGET_H
#define CPEERS_TARGET_H

#define PRAGMA(x) _Pragma(#x)
#ifdef __clang__
#define BEGIN(t) PRAGMA(clang attribute push(__attribute__((target(t))), apply_to = function))
#define END_TARGET PRAGMA(clang attribute pop)
#else
#define BEGIN(t) PRAGMA(GCC push_options) PRAGMA(GCC target(t))
#define END_TARGET PRAGMA(GCC pop_options)
#endif
#define BEGIN_AVX2 BEGIN("avx2,fma")
#define BEGIN_AVX512 BEGIN("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")

#endif
