/* What this processor and its system can do beyond what the compiler was told. */
#ifndef MM_BASE_PROCESSOR_H
#define MM_BASE_PROCESSOR_H

enum {
    MM_CPU_AVX = 1 << 0,
    MM_CPU_AVX2 = 1 << 1,
    MM_CPU_AVX512 = 1 << 2, /* F and BW */
    MM_CPU_SHA = 1 << 3,    /* the SHA-256 instructions, x86 or ARMv8 */
    MM_CPU_NEON = 1 << 4,
    MM_CPU_KNOWN = 1 << 5,    /* set always */
    MM_CPU_FLOATS = 1 << 6,   /* AVX2 with FMA and F16C */
    MM_CPU_FLOATS16 = 1 << 7, /* AVX-512 with DQ and VL too, and FLOATS */
    MM_CPU_DOT = 1 << 8,      /* dot products of bytes: AVX-512 VNNI with VL, or ARMv8.2's */
};

/* The ones that are here. */
unsigned mm_cpu_features(void);

#endif
