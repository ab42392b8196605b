/* What every way to compute SHA-256 of pieces has to do, in checks that need neither the test framework nor libcrypto, so that
 * a program for another processor can make them too. Each returns true, or says in `wrong` what it found. */
#ifndef MM_TESTS_SHA256_PATHS_H
#define MM_TESTS_SHA256_PATHS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash/sha256_lanes.h"

/* Whose digests are right: libcrypto's, or the portable path's once it passed what is written down here. */
typedef void reference_fn(const void *bytes, size_t length, unsigned char digest[MM_HASH_BYTES]);

struct path_case {
    const struct mm_sha256_path *path; /* NULL: the library chooses */
    reference_fn *reference;
    char wrong[200];
};

static inline bool found_wrong(struct path_case *test, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline bool found_wrong(struct path_case *test, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(test->wrong, sizeof test->wrong, format, arguments);
    va_end(arguments);
    return false;
}

/* Bytes without a pattern, the same ones for the same SEED. */
static inline uint32_t next_number(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 32);
}

static inline void fill(unsigned char *out, size_t length, uint64_t seed)
{
    for (size_t i = 0; i < length; i++)
        out[i] = (unsigned char)(next_number(&seed) >> 11);
}

enum { PIECES_MAX = 40, MILLION = 1000000 };

/* ---- what is written down ---- */

/* FIPS 180-4 examples, as NIST publishes them; the last one is TIMES letters. */
static const struct known_digest {
    const char *text;
    size_t times;
    const char *hex;
} known_digests[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
     1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"a", MILLION, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

/* The SHA-256 of the digests of all messages of 0 to 1100 bytes that fill() makes with their length as the seed; test_sha256_lanes
 * has libcrypto say the same. */
#define ALL_LENGTHS 1101
static const char all_lengths_hex[] = "66abfa74f2cb0e506e324acba3330037c8f451a9466bedfef76d4af565cd0bdb";

static inline bool digest_is(const unsigned char digest[MM_HASH_BYTES], const char *hex)
{
    char found[MM_HASH_HEX + 1];
    for (size_t i = 0; i < MM_HASH_BYTES; i++)
        snprintf(found + 2 * i, 3, "%02x", digest[i]);
    return strcmp(found, hex) == 0;
}

static inline bool known_digests_hold(struct path_case *test)
{
    unsigned char *text = malloc(MILLION), digests[PIECES_MAX][MM_HASH_BYTES];
    bool right = text != NULL;
    for (size_t k = 0; right && k < sizeof known_digests / sizeof known_digests[0]; k++) {
        const struct known_digest *known = &known_digests[k];
        const unsigned char *pieces[PIECES_MAX];
        size_t once = strlen(known->text), length = once * known->times, count = known->times > 1 ? 1 : PIECES_MAX;
        for (size_t i = 0; i < known->times; i++)
            memcpy(text + i * once, known->text, once);
        for (size_t i = 0; i < count; i++)
            pieces[i] = text;
        mm_sha256_pieces(test->path, pieces, count, length, digests);
        for (size_t i = 0; right && i < count; i++)
            if (!digest_is(digests[i], known->hex))
                right = found_wrong(test, "vector %zu of NIST, piece %zu of %zu", k, i, count);
    }
    free(text);
    return right;
}

static inline bool all_lengths_hold(struct path_case *test)
{
    unsigned char text[ALL_LENGTHS], digest[1][MM_HASH_BYTES], *digests = malloc(ALL_LENGTHS * MM_HASH_BYTES);
    const unsigned char *piece = text;
    for (size_t length = 0; digests && length < ALL_LENGTHS; length++) {
        fill(text, length, length);
        mm_sha256_pieces(test->path, &piece, 1, length, digest);
        memcpy(digests + length * MM_HASH_BYTES, digest, MM_HASH_BYTES);
    }
    piece = digests;
    mm_sha256_pieces(test->path, &piece, 1, ALL_LENGTHS * MM_HASH_BYTES, digest);
    free(digests);
    return digest_is(*digest, all_lengths_hex) || found_wrong(test, "a message of 0 to %d bytes", ALL_LENGTHS - 1);
}

/* ---- pieces ---- */

/* COUNT different pieces of LENGTH bytes, each at OFFSET bytes after an address that malloc found and with nothing behind it; nothing is
 * written behind the digests. */
static inline bool pieces_agree(struct path_case *test, size_t count, size_t length, size_t offset)
{
    unsigned char digests[PIECES_MAX + 1][MM_HASH_BYTES], expected[MM_HASH_BYTES], *blocks[PIECES_MAX] = {0};
    const unsigned char *pieces[PIECES_MAX] = {0};
    bool right = true;
    memset(digests, 0x5a, sizeof digests);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(offset + length ? offset + length : 1);
        if (!blocks[i])
            abort();
        fill(blocks[i], offset + length, 1 + i + 1000 * length);
        pieces[i] = blocks[i] + offset;
    }
    mm_sha256_pieces(test->path, pieces, count, length, digests);
    for (size_t i = 0; right && i < count; i++) {
        test->reference(pieces[i], length, expected);
        if (memcmp(digests[i], expected, MM_HASH_BYTES) != 0)
            right = found_wrong(test, "piece %zu of %zu, %zu bytes at offset %zu", i, count, length, offset);
    }
    for (size_t i = 0; right && i < MM_HASH_BYTES; i++)
        if (digests[count][i] != 0x5a)
            right = found_wrong(test, "%zu pieces of %zu bytes: a digest more is written", count, length);
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    return right;
}

/* Lengths around the edges of blocks, counts around the edges of lanes, addresses of every kind. */
static inline bool all_pieces_agree(struct path_case *test)
{
    size_t lanes = mm_sha256_path_lanes(test->path);
    for (size_t length = 0; length <= 300; length++)
        if (!pieces_agree(test, lanes + 1, length, 0))
            return false;
    for (size_t length = 4096 - 70; length <= 4096 + 70; length++)
        if (!pieces_agree(test, lanes, length, 0))
            return false;
    for (size_t count = 0; count <= PIECES_MAX; count++)
        if (!pieces_agree(test, count, 1000 + count, 0) || !pieces_agree(test, count, 64, 0))
            return false;
    for (size_t offset = 0; offset < 64; offset++)
        if (!pieces_agree(test, lanes, 257, offset))
            return false;
    return true;
}

/* ---- a stream and its pieces ---- */

struct stream_case {
    struct path_case *test;
    struct mm_sha256_twin *twin;
    const unsigned char *bytes;
    size_t length, piece, at; /* of all, of a piece, of what was passed on */
};

static inline bool piece_agrees(struct stream_case *stream)
{
    unsigned char digest[MM_HASH_BYTES], expected[MM_HASH_BYTES];
    size_t begin = stream->at ? (stream->at - 1) / stream->piece * stream->piece : 0;
    mm_sha256_twin_take_piece(stream->twin, digest);
    stream->test->reference(stream->bytes + begin, stream->at - begin, expected);
    return memcmp(digest, expected, MM_HASH_BYTES) == 0 ||
           found_wrong(stream->test, "piece at %zu to %zu of a stream of %zu", begin, stream->at, stream->length);
}

/* Passes on the bytes before END, and ends the pieces that end there. */
static inline bool pass_on(struct stream_case *stream, size_t end)
{
    while (stream->at < end) {
        size_t rest = stream->piece - stream->at % stream->piece,
               length = end - stream->at < rest ? end - stream->at : rest;
        mm_sha256_twin_update(stream->twin, stream->bytes + stream->at, length);
        stream->at += length;
        if (length == rest && !piece_agrees(stream))
            return false;
    }
    return true;
}

/* The last piece, if it is not a whole one, and everything. */
static inline bool whole_agrees(struct stream_case *stream)
{
    unsigned char digest[MM_HASH_BYTES], expected[MM_HASH_BYTES];
    if ((stream->at % stream->piece || !stream->at) && !piece_agrees(stream))
        return false;
    mm_sha256_twin_take_whole(stream->twin, digest);
    stream->test->reference(stream->bytes, stream->length, expected);
    return memcmp(digest, expected, MM_HASH_BYTES) == 0 || found_wrong(stream->test, "a stream of %zu", stream->length);
}

/* All lengths up to four blocks and a bit in pieces of two, passed on in all ways to cut them in three (every 13th first cut). */
static inline bool all_splits_agree(struct path_case *test)
{
    unsigned char bytes[4 * 64 + 10];
    struct stream_case stream = {test, mm_sha256_twin_new(test->path), bytes, 0, 128, 0};
    bool right = stream.twin != NULL || found_wrong(test, "no twin");
    fill(bytes, sizeof bytes, 7);
    for (stream.length = 0; right && stream.length <= sizeof bytes; stream.length++)
        for (size_t cut = 0; right && cut <= stream.length; cut += 13)
            for (size_t cut2 = cut; right && cut2 <= stream.length; cut2 += 1 + stream.length / 16) {
                stream.at = 0;
                right = pass_on(&stream, cut) && pass_on(&stream, cut2) && pass_on(&stream, stream.length) &&
                        whole_agrees(&stream);
            }
    mm_sha256_twin_free(stream.twin);
    return right;
}

/* Streams of some 10,000 bytes in pieces of all sizes, passed on in parts of all sizes. */
static inline bool random_splits_agree(struct path_case *test)
{
    unsigned char bytes[20000];
    uint64_t seed = 20260101;
    struct stream_case stream = {test, mm_sha256_twin_new(test->path), bytes, 0, 0, 0};
    bool right = stream.twin != NULL || found_wrong(test, "no twin");
    fill(bytes, sizeof bytes, 8);
    for (int i = 0; right && i < 100; i++) {
        size_t part = 1 + next_number(&seed) % 2000;
        stream.length = next_number(&seed) % sizeof bytes;
        stream.piece = 64 * (1 + next_number(&seed) % 70);
        stream.at = 0;
        while (right && stream.at < stream.length) {
            size_t length = next_number(&seed) % part + 1;
            right = pass_on(&stream, length < stream.length - stream.at ? stream.at + length : stream.length);
        }
        right = right && whole_agrees(&stream);
    }
    mm_sha256_twin_free(stream.twin);
    return right;
}

/* A piece that is begun when the stream ends is dropped. */
static inline bool begun_piece_is_dropped(struct path_case *test)
{
    unsigned char bytes[200], digest[MM_HASH_BYTES], expected[MM_HASH_BYTES];
    struct mm_sha256_twin *twin = mm_sha256_twin_new(test->path);
    fill(bytes, sizeof bytes, 9);
    mm_sha256_twin_update(twin, bytes, 100);
    mm_sha256_twin_take_whole(twin, digest);
    mm_sha256_twin_update(twin, bytes, 64);
    mm_sha256_twin_take_piece(twin, digest);
    mm_sha256_twin_free(twin);
    test->reference(bytes, 64, expected);
    return memcmp(digest, expected, MM_HASH_BYTES) == 0 || found_wrong(test, "a piece after a dropped one");
}

/* ---- all of it ---- */

static const struct path_check {
    const char *name;
    bool (*holds)(struct path_case *test);
} path_checks[] = {
    {"vectors of NIST", known_digests_hold},
    {"digests of all lengths", all_lengths_hold},
    {"pieces", all_pieces_agree},
    {"every split of a stream", all_splits_agree},
    {"random splits of a stream", random_splits_agree},
    {"a piece that is dropped", begun_piece_is_dropped},
};

/* The name of the check that failed, or NULL. */
static inline const char *failed_check(struct path_case *test)
{
    for (size_t i = 0; i < sizeof path_checks / sizeof path_checks[0]; i++)
        if (!path_checks[i].holds(test))
            return path_checks[i].name;
    return NULL;
}

#endif
