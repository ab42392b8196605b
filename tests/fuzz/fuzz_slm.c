/* .slm: no input is both valid and broken, a valid one is explained to its last byte, and what was read of it writes the same
 * bytes again. Hashes keep changed files from being looked into, so each input is read a second time with hashes that fit. */
#include <string.h>

#include "base/checked.h"
#include "hash/sha256.h"
#include "model/slm.h"
#include "source.h"

#define ENTRY 96

static uint64_t number_at(const uint8_t *bytes, size_t size)
{
    return mm_little_endian(bytes, size);
}

static bool inside(uint64_t offset, uint64_t length, size_t size)
{
    return offset <= size && length <= size - offset;
}

/* Hashes of tensors, then of sections, then of the head, wherever the header says that they are. */
static void seal(uint8_t *bytes, size_t size, struct mm_sha256 *sha)
{
    uint64_t table = number_at(bytes + 56, 8), table_size = number_at(bytes + 64, 8), data = number_at(bytes + 72, 8);
    uint64_t count = number_at(bytes + 88, 8);
    for (uint64_t i = 0; i < count && i < table_size / ENTRY && inside(table, (i + 1) * ENTRY, size); i++) {
        uint8_t *entry = bytes + table + i * ENTRY;
        uint64_t offset = number_at(entry, 8), length = number_at(entry + 8, 8), start;
        if (mm_add(data, offset, &start) && inside(start, length, size))
            mm_sha256_once(sha, bytes + start, (size_t)length, entry + 64);
    }
    for (int i = 0; i < 3; i++) {
        uint64_t offset = number_at(bytes + 24 + 16 * i, 8), length = number_at(bytes + 32 + 16 * i, 8);
        if (inside(offset, length, size))
            mm_sha256_once(sha, bytes + offset, (size_t)length, bytes + 96 + 32 * i);
    }
    memset(bytes + 192, 0, 32);
    if (data <= size && data >= MM_SLM_HEADER) {
        unsigned char digest[MM_HASH_BYTES];
        mm_sha256_once(sha, bytes, (size_t)data, digest);
        memcpy(bytes + 192, digest, sizeof digest);
    }
}

/* One model has one byte sequence. */
static void must_write_the_same(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_slm slm;
    struct mm_buf head = {0};
    mm_diags_init(&diags);
    must(mm_slm_read_head(&slm, data, size, size, &diags) == 0);
    must(diags.errors == 0);
    must(mm_slm_settle(&slm, &diags) == 0);
    must(mm_slm_write_head(&slm, &head, &diags) == 0);
    must(head.length == slm.data_offset && head.length <= size && memcmp(head.data, data, head.length) == 0);
    must(slm.data_offset + slm.data_size == size);
    mm_buf_release(&head);
    mm_slm_release(&slm);
    mm_diags_release(&diags);
}

static void read_whole(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_source source;
    struct mm_model model = {.keep_pairs = true};
    int fd = source_fd(data, size);
    mm_diags_init(&diags);
    must(mm_source_open(&source, fd, &diags) == 0);
    int result = mm_slm_read(&source, &model, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        must(mm_source_fill(&source) == 0);
        model_must_fit(&model, size);
        must_write_the_same(data, size);
    }
    must(mm_source_finish(&source, &diags) == 0);
    mm_source_release(&source);
    mm_model_release(&model);
    mm_diags_release(&diags);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_whole(data, size);
    if (size < MM_SLM_HEADER)
        return 0;
    struct mm_sha256 *sha = mm_sha256_new();
    uint8_t *sealed = malloc(size);
    must(sha && sealed);
    memcpy(sealed, data, size);
    seal(sealed, size, sha);
    read_whole(sealed, size);
    free(sealed);
    mm_sha256_free(sha);
    return 0;
}
