/* The 64 rounds of SHA-256 over vectors, one piece a lane. Private to lib/hash, for files that each make one path of it.
 *
 * The operations below are C's own on vectors, which any processor can do. A file that knows better ones defines their
 * names, and LANES, before it includes this: the compiler's flags for that file decide what becomes of the rest. */
#ifndef MM_HASH_SHA256_ROUNDS_H
#define MM_HASH_SHA256_ROUNDS_H

#include <stdbool.h>
#include <string.h>

#include "hash/sha256_path.h"

#ifndef LANES
#define LANES 4
#endif

/* the same word of each lane */
typedef uint32_t mm_words __attribute__((vector_size(4 * LANES)));

#ifndef rotate
#define rotate(x, n) ((x) >> (n) | (x) << (32 - (n)))
#endif
#ifndef xor3
#define xor3(x, y, z) ((x) ^ (y) ^ (z))
#endif
#ifndef choose
#define choose(x, y, z) ((((y) ^ (z)) & (x)) ^ (z))
#endif
#ifndef majority
#define majority(x, y, z) ((((x) | (y)) & (z)) | ((x) & (y)))
#endif

/* Keeps a compiler from turning sums into others that take longer to come about. */
#ifndef in_order
#define in_order(x) ((void)(x))
#endif

/* The 16 words of the block at OFFSET of each piece. A file that defines OWN_LOADING brings its own. */
static inline void load_block(mm_words w[16], const unsigned char *const *pieces, size_t offset);

#ifndef OWN_LOADING
static inline uint32_t big_endian_word(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline void load_block(mm_words w[16], const unsigned char *const *pieces, size_t offset)
{
    for (size_t i = 0; i < 16; i++)
        for (size_t lane = 0; lane < LANES; lane++)
            w[i][lane] = big_endian_word(pieces[lane] + offset + 4 * i);
}
#endif

/* A round takes the words as they stand and renames them by turning the order of its arguments. What depends on the round
 * before is added last. After it, w[i] becomes the word of 16 rounds later. */
#define MM_ROUND(a, b, c, d, e, f, g, h, i)                                                                            \
    do {                                                                                                               \
        h += w[i] + constants[i];                                                                                      \
        in_order(h);                                                                                                   \
        h += choose(e, f, g);                                                                                          \
        in_order(h);                                                                                                   \
        h += xor3(rotate(e, 6), rotate(e, 11), rotate(e, 25));                                                         \
        in_order(h);                                                                                                   \
        d += h;                                                                                                        \
        h += majority(a, b, c) + xor3(rotate(a, 2), rotate(a, 13), rotate(a, 22));                                     \
        if (schedule)                                                                                                  \
            w[i] = mm_next_word(w[i], w[((i) + 1) % 16], w[((i) + 9) % 16], w[((i) + 14) % 16]);                       \
    } while (0)
#define MM_EIGHT_ROUNDS(i)                                                                                             \
    do {                                                                                                               \
        MM_ROUND(a, b, c, d, e, f, g, h, (i));                                                                         \
        MM_ROUND(h, a, b, c, d, e, f, g, (i) + 1);                                                                     \
        MM_ROUND(g, h, a, b, c, d, e, f, (i) + 2);                                                                     \
        MM_ROUND(f, g, h, a, b, c, d, e, (i) + 3);                                                                     \
        MM_ROUND(e, f, g, h, a, b, c, d, (i) + 4);                                                                     \
        MM_ROUND(d, e, f, g, h, a, b, c, (i) + 5);                                                                     \
        MM_ROUND(c, d, e, f, g, h, a, b, (i) + 6);                                                                     \
        MM_ROUND(b, c, d, e, f, g, h, a, (i) + 7);                                                                     \
    } while (0)

/* gcc's analyser takes a shift of each lane for one of the number of lanes. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-shift-count-overflow"
#endif

/* The word that follows 16 others, from the ones 16, 15, 7 and 2 before it. */
static inline __attribute__((always_inline)) mm_words mm_next_word(mm_words w16, mm_words w15, mm_words w7, mm_words w2)
{
    mm_words word = w16 + w7;
    in_order(word);
    word += xor3(rotate(w15, 7), rotate(w15, 18), w15 >> 3);
    in_order(word);
    return word + xor3(rotate(w2, 17), rotate(w2, 19), w2 >> 10);
}

/* 16 rounds over STATE; SCHEDULE: there are more, so W becomes the words that they take. */
static inline __attribute__((always_inline)) void mm_sixteen_rounds(mm_words state[8], mm_words w[16],
                                                                    const uint32_t constants[16], bool schedule)
{
    mm_words a = state[0], b = state[1], c = state[2], d = state[3];
    mm_words e = state[4], f = state[5], g = state[6], h = state[7];
    MM_EIGHT_ROUNDS(0);
    MM_EIGHT_ROUNDS(8);
    state[0] = a, state[1] = b, state[2] = c, state[3] = d;
    state[4] = e, state[5] = f, state[6] = g, state[7] = h;
}

/* Has the shape of mm_sha256_lanes_fn. */
static inline void mm_sha256_rounds(uint32_t *states, const unsigned char *const *pieces, size_t blocks)
{
    mm_words before[8], state[8], w[16];
    memcpy(before, states, sizeof before);
    for (size_t block = 0; block < blocks; block++) {
        memcpy(state, before, sizeof before);
        load_block(w, pieces, block * MM_SHA256_BLOCK);
        for (size_t t = 0; t < 48; t += 16)
            mm_sixteen_rounds(state, w, mm_sha256_constants + t, true);
        mm_sixteen_rounds(state, w, mm_sha256_constants + 48, false);
#pragma GCC unroll 8
        for (size_t i = 0; i < 8; i++)
            before[i] += state[i];
    }
    memcpy(states, before, sizeof before);
}

#endif
