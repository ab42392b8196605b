/* SHA-256 through instructions that do several rounds of it, over two states at once: each waits for its own step before,
 * so that two of them take little longer than one. The states belong to two pieces, or to a stream and its piece, which
 * have their message in common. Private to lib/hash.
 *
 * A file that makes a path of it defines these first, and MM_STEPS:
 *   mm_quad           four words of the message
 *   mm_state          one state, in the order that the instructions want
 *   load_quad         the four words at an address
 *   add_constants     a quad and four constants
 *   next_quad         of the last 16 words, oldest first, the next four
 *   four_rounds       takes a quad that was added to its constants into a state
 *   load_state, store_state   from, to eight words that stand STRIDE apart
 *   add_states */
#ifndef MM_HASH_SHA256_STEPS_H
#define MM_HASH_SHA256_STEPS_H

#include <stdbool.h>

#include "hash/sha256_path.h"

#ifdef MM_STEPS

/* Four rounds; the words that they took make room for those of 16 rounds later. */
#define MM_STEP(i)                                                                                                     \
    do {                                                                                                               \
        mm_quad sum = add_constants(w[(i) % 4], mm_sha256_constants + 4 * (i));                                        \
        mm_quad sum2 = common ? sum : add_constants(w2[(i) % 4], mm_sha256_constants + 4 * (i));                       \
        four_rounds(&one, sum);                                                                                        \
        four_rounds(&two, sum2);                                                                                       \
        if ((i) < 12)                                                                                                  \
            w[(i) % 4] = next_quad(w[(i) % 4], w[((i) + 1) % 4], w[((i) + 2) % 4], w[((i) + 3) % 4]);                  \
        if ((i) < 12 && !common)                                                                                       \
            w2[(i) % 4] = next_quad(w2[(i) % 4], w2[((i) + 1) % 4], w2[((i) + 2) % 4], w2[((i) + 3) % 4]);             \
    } while (0)
#define MM_FOUR_STEPS(i)                                                                                               \
    do {                                                                                                               \
        MM_STEP(i);                                                                                                    \
        MM_STEP((i) + 1);                                                                                              \
        MM_STEP((i) + 2);                                                                                              \
        MM_STEP((i) + 3);                                                                                              \
    } while (0)

/* Takes BLOCKS blocks at BYTES into STATE, and those at BYTES2, which are the same if COMMON, into STATE2. */
static inline __attribute__((always_inline)) void mm_sha256_steps(uint32_t *state, uint32_t *state2, size_t stride,
                                                                  const unsigned char *bytes,
                                                                  const unsigned char *bytes2, bool common,
                                                                  size_t blocks)
{
    mm_state one = load_state(state, stride), two = load_state(state2, stride);
    for (size_t at = 0; at < blocks * MM_SHA256_BLOCK; at += MM_SHA256_BLOCK) {
        mm_state before = one, before2 = two;
        mm_quad w[4], w2[4];
        for (size_t i = 0; i < 4; i++) {
            w[i] = load_quad(bytes + at + 16 * i);
            w2[i] = common ? w[i] : load_quad(bytes2 + at + 16 * i);
        }
        MM_FOUR_STEPS(0);
        MM_FOUR_STEPS(4);
        MM_FOUR_STEPS(8);
        MM_FOUR_STEPS(12);
        one = add_states(one, before);
        two = add_states(two, before2);
    }
    store_state(one, state, stride);
    store_state(two, state2, stride);
}

#endif
#endif
