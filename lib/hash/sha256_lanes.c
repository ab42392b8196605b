#include "hash/sha256_lanes.h"

#include <stdlib.h>
#include <string.h>

#include "hash/sha256.h"
#include "hash/sha256_path.h"

_Alignas(64) const uint32_t mm_sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* First 32 bits of the fractional parts of the square roots of the first eight primes. */
static const uint32_t beginning[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

#ifdef __x86_64__
#define X86(name) name
#else
#define X86(name) NULL
#endif
#if defined __aarch64__ && defined __linux__
#define ARM(name) name
#else
#define ARM(name) NULL
#endif

/* Without vectors, four lanes are four times one. */
#if defined __SSE2__ || defined __ARM_NEON || defined __ALTIVEC__
#define PORTABLE_COST 830
#else
#define PORTABLE_COST 1600
#endif

/* Costs are measured (make bench) on x86-64, guessed on arm64; libcrypto's is that of a processor that has no SHA
 * instructions, as only there it is taken. */
static const struct mm_sha256_path paths[] = {
    {"avx512", 16, MM_CPU_AVX512, 770, X86(mm_sha256_avx512), NULL},
    {"shani", 2, MM_CPU_SHA, 106, X86(mm_sha256_shani), X86(mm_sha256_shani_twin)},
    {"armv8", 2, MM_CPU_SHA, 110, ARM(mm_sha256_armv8), ARM(mm_sha256_armv8_twin)},
    {"avx2", 8, MM_CPU_AVX2, 770, X86(mm_sha256_avx2), NULL},
    {"neon", 4, MM_CPU_NEON, 800, ARM(mm_sha256_neon), NULL},
    {"libcrypto", 1, 0, 260, NULL, NULL},
    {"portable", 4, 0, PORTABLE_COST, mm_sha256_portable, NULL},
};
enum { PATHS = sizeof paths / sizeof paths[0], LIBCRYPTO = PATHS - 2, PORTABLE = PATHS - 1 };

const struct mm_sha256_path *mm_sha256_path_at(size_t index)
{
    return index < PATHS ? &paths[index] : NULL;
}

const struct mm_sha256_path *mm_sha256_path_named(const char *name)
{
    for (size_t i = 0; i < PATHS; i++)
        if (strcmp(paths[i].name, name) == 0)
            return &paths[i];
    return NULL;
}

const char *mm_sha256_path_name(const struct mm_sha256_path *path)
{
    return path->name;
}

static bool of_libcrypto(const struct mm_sha256_path *path)
{
    return path == &paths[LIBCRYPTO];
}

bool mm_sha256_path_runs(const struct mm_sha256_path *path)
{
    return (path->update || of_libcrypto(path)) && (path->needs & ~mm_cpu_features()) == 0;
}

/* The one that takes least for each of COUNT pieces. */
static const struct mm_sha256_path *fastest(size_t count)
{
    const struct mm_sha256_path *best = &paths[PORTABLE];
    for (size_t i = 0; i < PATHS; i++) {
        size_t here = count < paths[i].lanes ? count : paths[i].lanes;
        size_t there = count < best->lanes ? count : best->lanes;
        if (mm_sha256_path_runs(&paths[i]) && paths[i].cost * there < best->cost * here)
            best = &paths[i];
    }
    return best;
}

size_t mm_sha256_path_lanes(const struct mm_sha256_path *path)
{
    return path ? path->lanes : fastest(MM_SHA256_LANES_MAX)->lanes;
}

bool mm_sha256_path_twins(const struct mm_sha256_path *path)
{
    return (path ? path : fastest(1))->twin != NULL;
}

static void put_big_endian(unsigned char *out, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)(number >> 8 * (size - 1 - i));
}

/* Writes the blocks that end a message of LENGTH bytes, the last of which, less than a block, stand at REST. Returns their number. */
static size_t last_blocks(unsigned char out[2 * MM_SHA256_BLOCK], const unsigned char *rest, uint64_t length)
{
    size_t left = length % MM_SHA256_BLOCK, blocks = left < MM_SHA256_BLOCK - 8 ? 1 : 2;
    memset(out, 0, 2 * MM_SHA256_BLOCK);
    if (left)
        memcpy(out, rest, left);
    out[left] = 0x80;
    put_big_endian(out + blocks * MM_SHA256_BLOCK - 8, length * 8, 8);
    return blocks;
}

/* Up to as many pieces as PATH has lanes; the lanes that are left do the first piece again. */
static void in_lanes(const struct mm_sha256_path *path, const unsigned char *const *pieces, size_t count, size_t length,
                     unsigned char (*digests)[MM_HASH_BYTES])
{
    uint32_t states[8 * MM_SHA256_LANES_MAX];
    unsigned char ends[MM_SHA256_LANES_MAX][2 * MM_SHA256_BLOCK];
    const unsigned char *at[MM_SHA256_LANES_MAX] = {0};
    size_t lanes = path->lanes, whole = length - length % MM_SHA256_BLOCK, blocks = 0;
    for (size_t i = 0; i < 8 * lanes; i++)
        states[i] = beginning[i / lanes];
    for (size_t i = 0; i < lanes; i++)
        at[i] = pieces[i < count ? i : 0];
    path->update(states, at, length / MM_SHA256_BLOCK);
    for (size_t i = 0; i < count; i++)
        blocks = last_blocks(ends[i], whole ? pieces[i] + whole : pieces[i], length);
    for (size_t i = 0; i < lanes; i++)
        at[i] = ends[i < count ? i : 0];
    path->update(states, at, blocks);
    for (size_t i = 0; i < 8 * count; i++)
        put_big_endian(digests[i / 8] + 4 * (i % 8), states[i % 8 * lanes + i / 8], 4);
}

/* False when memory is exhausted. */
static bool by_libcrypto(const unsigned char *piece, size_t length, unsigned char digest[MM_HASH_BYTES])
{
    struct mm_sha256 *sha = mm_sha256_new();
    if (!sha)
        return false;
    mm_sha256_once(sha, piece, length, digest);
    mm_sha256_free(sha);
    return true;
}

void mm_sha256_pieces(const struct mm_sha256_path *path, const unsigned char *const *pieces, size_t count,
                      size_t length, unsigned char (*digests)[MM_HASH_BYTES])
{
    while (count > 0) {
        const struct mm_sha256_path *here = path ? path : fastest(count);
        size_t group = count < here->lanes ? count : here->lanes;
        if (!of_libcrypto(here))
            in_lanes(here, pieces, group, length, digests);
        else if (!by_libcrypto(*pieces, length, *digests))
            in_lanes(&paths[PORTABLE], pieces, group, length, digests);
        pieces += group, digests += group, count -= group;
    }
}

struct mm_sha256_twin {
    const struct mm_sha256_path *path;
    struct mm_sha256 *streams[2]; /* of libcrypto: the whole's, the piece's */
    uint32_t whole[8], piece[8];
    uint64_t whole_bytes, piece_bytes;
    unsigned char block[MM_SHA256_BLOCK]; /* begun, of both */
};

/* What goes through two streams one after the other, so that the second one finds it in the nearest cache. */
#define SLICE 16384

struct mm_sha256_twin *mm_sha256_twin_new(const struct mm_sha256_path *path)
{
    struct mm_sha256_twin *twin = calloc(1, sizeof *twin);
    if (!twin)
        return NULL;
    twin->path = path ? path : fastest(1);
    if (of_libcrypto(twin->path)) {
        twin->streams[0] = mm_sha256_new();
        twin->streams[1] = mm_sha256_new();
        if (!twin->streams[0] || !twin->streams[1]) {
            mm_sha256_twin_free(twin);
            return NULL;
        }
    }
    memcpy(twin->whole, beginning, sizeof beginning);
    memcpy(twin->piece, beginning, sizeof beginning);
    return twin;
}

void mm_sha256_twin_free(struct mm_sha256_twin *twin)
{
    if (!twin)
        return;
    mm_sha256_free(twin->streams[0]);
    mm_sha256_free(twin->streams[1]);
    free(twin);
}

/* BLOCKS blocks into both states. A path that knows of nothing but pieces has one of them in each of two lanes. */
static void both_states(const struct mm_sha256_path *path, uint32_t whole[8], uint32_t piece[8],
                        const unsigned char *bytes, size_t blocks)
{
    uint32_t states[8 * MM_SHA256_LANES_MAX];
    const unsigned char *at[MM_SHA256_LANES_MAX] = {0};
    size_t lanes = path->lanes;
    if (path->twin) {
        path->twin(whole, piece, bytes, blocks);
        return;
    }
    for (size_t i = 0; i < lanes; i++)
        at[i] = bytes;
    for (size_t i = 0; i < 8 * lanes; i++)
        states[i] = i % lanes ? piece[i / lanes] : whole[i / lanes];
    path->update(states, at, blocks);
    for (size_t i = 0; i < 8; i++) {
        whole[i] = states[i * lanes];
        piece[i] = states[i * lanes + 1];
    }
}

static void both_streams(struct mm_sha256_twin *twin, const unsigned char *bytes, size_t length)
{
    for (size_t at = 0; at < length; at += SLICE) {
        size_t slice = length - at < SLICE ? length - at : SLICE;
        mm_sha256_update(twin->streams[0], bytes + at, slice);
        mm_sha256_update(twin->streams[1], bytes + at, slice);
    }
}

void mm_sha256_twin_update(struct mm_sha256_twin *twin, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    size_t begun = twin->whole_bytes % MM_SHA256_BLOCK;
    if (of_libcrypto(twin->path)) {
        both_streams(twin, at, length);
        return;
    }
    if (!length)
        return;
    twin->whole_bytes += length;
    twin->piece_bytes += length;
    if (begun) {
        size_t missing = MM_SHA256_BLOCK - begun, taken = length < missing ? length : missing;
        memcpy(twin->block + begun, at, taken);
        at += taken;
        length -= taken;
        if (taken < missing)
            return;
        both_states(twin->path, twin->whole, twin->piece, twin->block, 1);
    }
    both_states(twin->path, twin->whole, twin->piece, at, length / MM_SHA256_BLOCK);
    memcpy(twin->block, at + (length - length % MM_SHA256_BLOCK), length % MM_SHA256_BLOCK);
}

/* The digest of what STATE has seen and the block that is begun, LENGTH bytes in all; STATE begins anew. */
static void take(struct mm_sha256_twin *twin, uint32_t state[8], uint64_t length, unsigned char digest[MM_HASH_BYTES])
{
    unsigned char end[2 * MM_SHA256_BLOCK];
    uint32_t idle[8] = {0};
    both_states(twin->path, state, idle, end, last_blocks(end, twin->block, length));
    for (size_t i = 0; i < 8; i++)
        put_big_endian(digest + 4 * i, state[i], 4);
    memcpy(state, beginning, sizeof beginning);
}

void mm_sha256_twin_take_piece(struct mm_sha256_twin *twin, unsigned char digest[static MM_HASH_BYTES])
{
    if (of_libcrypto(twin->path))
        mm_sha256_take(twin->streams[1], digest);
    else
        take(twin, twin->piece, twin->piece_bytes, digest);
    twin->piece_bytes = 0;
}

void mm_sha256_twin_take_whole(struct mm_sha256_twin *twin, unsigned char digest[static MM_HASH_BYTES])
{
    unsigned char dropped[MM_HASH_BYTES];
    if (of_libcrypto(twin->path)) {
        mm_sha256_take(twin->streams[0], digest);
        mm_sha256_take(twin->streams[1], dropped);
    } else {
        take(twin, twin->whole, twin->whole_bytes, digest);
        memcpy(twin->piece, beginning, sizeof beginning);
    }
    twin->whole_bytes = twin->piece_bytes = 0;
}
