/* What lies between the products of a layer, sixteen elements side by side: attention and the gate of the feed-forward part. One set of functions for
 * each instruction set, all of which give the same bits: each lane is computed alone, with additions, multiplications and divisions that are
 * rounded one by one; sums run over the positions in their order, or in sixteen lanes that are added in pairs that lie half the rest apart. */
#ifndef MM_INFER_STAGES_H
#define MM_INFER_STAGES_H

#include <stddef.h>

#define MM_STAGE_LANES 16

/* The heads that share one head of keys and values, at one position. */
struct mm_attention {
    const float *queries; /* HEADS × KEY_LENGTH */
    const float
        *keys; /* [position / 16][element][position % 16], to whole sixteens; those behind POSITIONS are any numbers */
    const float *values; /* [position][VALUE_STRIDE] */
    size_t heads, positions, key_length, value_length;
    size_t value_stride; /* VALUE_LENGTH to whole sixteens; the rest are zeros */
    float scale;
    float *scores; /* room for HEADS × POSITIONS to whole sixteens */
    float *out;    /* HEADS × VALUE_LENGTH */
};

struct mm_stages {
    const char *name; /* as mm_kernels_name has it */

    /* OUT: the values, weighed by the softmax of the products of queries and keys times SCALE. At least one position. */
    void (*attend)(const struct mm_attention *attention);

    /* GATE[i] = GATE[i] / (1 + e^-GATE[i]) × UP[i] */
    void (*gate)(float *gate, const float *up, size_t count);
};

/* The functions for the instruction set NAME, or those for any processor where there are none of their own. */
const struct mm_stages *mm_stages_find(const char *name);

/* The sets. Those of AVX are to be called where the processor has it. */
extern const struct mm_stages mm_stages_portable, mm_stages_avx2, mm_stages_avx512;

#endif
