#include "act/filter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* Reads up to LENGTH bytes; fewer only at the end. Returns the number, or -1 with a finding. */
static ssize_t read_up_to(int fd, unsigned char *out, size_t length, struct mm_diags *diags)
{
    size_t used = 0;
    while (used < length) {
        ssize_t got = read(fd, out + used, length - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

static int pass_chunk(int in, int out, const struct mm_chunk_list *list, uint64_t index, unsigned char *chunk,
                      struct mm_sha256 *sha, struct mm_diags *diags)
{
    const struct mm_chunk_facts *facts = &list->facts;
    uint64_t offset = index * facts->size;
    size_t length = (size_t)mm_chunk_bytes(facts, index);
    unsigned char hash[MM_HASH_BYTES];
    ssize_t got = read_up_to(in, chunk, length, diags);
    if (got < 0)
        return -1;
    if ((size_t)got < length)
        return mm_diag_offset(diags, MM_RULE_CHUNK_TRUNCATED, offset + (uint64_t)got,
                              "expected %" PRIu64 " bytes, found the end after %" PRIu64, facts->bytes,
                              offset + (uint64_t)got);
    mm_sha256_once(sha, chunk, length, hash);
    if (memcmp(hash, list->hashes.items[index], MM_HASH_BYTES) != 0)
        return mm_diag_offset(diags, MM_RULE_CHUNK_WRONG, offset,
                              "chunk %" PRIu64 " bytes %" PRIu64 "-%" PRIu64
                              " is not as listed; nothing of it was passed on",
                              index, offset, offset + length - 1);
    return mm_file_write_all(out, chunk, length, "standard output", diags);
}

static int pass_all(int in, int out, const struct mm_chunk_list *list, unsigned char *chunk, struct mm_sha256 *sha,
                    struct mm_diags *diags)
{
    for (uint64_t index = 0; index < list->facts.count; index++)
        if (pass_chunk(in, out, list, index, chunk, sha, diags) < 0)
            return -1;
    ssize_t more = read_up_to(in, chunk, 1, diags);
    if (more > 0)
        return mm_diag_offset(diags, MM_RULE_CHUNK_LONGER, list->facts.bytes,
                              "expected %" PRIu64 " bytes, found more; they were not passed on", list->facts.bytes);
    return more < 0 ? -1 : 0;
}

int mm_filter(int in, int out, const struct mm_chunk_list *list, struct mm_diags *diags)
{
    uint64_t size = list->facts.bytes < list->facts.size ? list->facts.bytes : list->facts.size;
    unsigned char *chunk = malloc(size ? (size_t)size : 1);
    struct mm_sha256 *sha = mm_sha256_new();
    int result = chunk && sha ? pass_all(in, out, list, chunk, sha, diags) : mm_diag_memory(diags);
    mm_sha256_free(sha);
    free(chunk);
    return result;
}
