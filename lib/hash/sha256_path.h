/* What a way to compute SHA-256 is made of; private to lib/hash. A state is eight 32-bit words, as FIPS 180-4 calls them a to h. */
#ifndef MM_HASH_SHA256_PATH_H
#define MM_HASH_SHA256_PATH_H

#include <stddef.h>
#include <stdint.h>

#include "base/processor.h"

#define MM_SHA256_BLOCK 64
#define MM_SHA256_LANES_MAX 16

/* Takes BLOCKS blocks of 64 bytes at each of PIECES, as many as the path has lanes, into STATES: word w of lane l is
 * STATES[w * lanes + l]. */
typedef void mm_sha256_lanes_fn(uint32_t *states, const unsigned char *const *pieces, size_t blocks);

/* Takes BLOCKS blocks at BYTES into two states, which have seen different things before. */
typedef void mm_sha256_twin_fn(uint32_t whole[8], uint32_t piece[8], const unsigned char *bytes, size_t blocks);

struct mm_sha256_path {
    const char *name;
    size_t lanes;
    unsigned needs; /* MM_CPU_… */
    unsigned cost;  /* time of all lanes, filled or not; a stream of libcrypto with the SHA instructions: 100 */
    mm_sha256_lanes_fn *update; /* NULL: of another architecture; of libcrypto, which keeps its states to itself */
    mm_sha256_twin_fn *twin;    /* NULL: two lanes of `update` */
};

/* First 32 bits of the fractional parts of the cube roots of the first 64 primes. */
extern const uint32_t mm_sha256_constants[64];

/* x86-64 */
mm_sha256_lanes_fn mm_sha256_avx512, mm_sha256_avx2, mm_sha256_shani;
mm_sha256_twin_fn mm_sha256_shani_twin;
/* arm64 */
mm_sha256_lanes_fn mm_sha256_armv8, mm_sha256_neon;
mm_sha256_twin_fn mm_sha256_armv8_twin;
/* any */
mm_sha256_lanes_fn mm_sha256_portable;

#endif
