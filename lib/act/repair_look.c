/* What a file is worth: read once, read around what cannot be read, compared with its list and its claim (act/repair_parts.h). */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "act/repair_parts.h"

#define TRIES 3 /* of a read that fails */

struct looking {
    const struct mm_repair_run *run;
    struct mm_look *look;
    int fd;
    uint64_t size;   /* that is read: no more than the file has to have */
    uint64_t unread; /* up to here zeros stand for what cannot be read: the end of a chunk */
    uint64_t seen;   /* chunks that were hashed */
    bool failed;     /* memory was exhausted */
};

void mm_look_release(struct mm_look *look)
{
    mm_bits_release(&look->bad);
}

static void add_bad(struct looking *l, uint64_t index)
{
    l->failed = l->failed || !mm_bits_add(&l->look->bad, index);
}

/* Has the shape of mm_origin's read. */
static ssize_t read_around(void *context, uint64_t offset, void *out, size_t length)
{
    struct looking *l = context;
    uint64_t size = l->run->target->claim->chunks.size;
    ssize_t got = -1;
    if (length > l->size - offset)
        length = (size_t)(l->size - offset);
    if (offset >= l->unread)
        got = pread(l->fd, out, length, (off_t)offset);
    uint64_t left = (offset / size + 1) * size - offset;
    if (got < 0 && length > left) /* what fails may be another chunk's */
        length = (size_t)left;
    for (int attempt = 1; offset >= l->unread && got < 0 && attempt < TRIES; attempt++)
        got = pread(l->fd, out, length, (off_t)offset);
    if (got >= 0)
        return got;
    if (offset >= l->unread) {
        l->unread = (offset / size + 1) * size;
        l->look->unread = true;
        if (l->run->list)
            add_bad(l, offset / size);
    }
    if (length > l->unread - offset)
        length = (size_t)(l->unread - offset);
    memset(out, 0, length);
    return (ssize_t)length;
}

/* Has the shape of mm_chunk_fn. */
static void compare(void *context, uint64_t index, const unsigned char hash[static MM_HASH_BYTES])
{
    struct looking *l = context;
    const struct mm_chunk_list *list = l->run->list;
    l->seen = index + 1;
    if (list && index < list->hashes.count && memcmp(hash, list->hashes.items[index], MM_HASH_BYTES) != 0)
        add_bad(l, index);
}

/* The bytes alone: nothing says a format. */
static int read_bytes(struct looking *l, const struct mm_origin *origin, struct mm_chunk_facts *found,
                      struct mm_diags *diags)
{
    struct mm_source source = {0};
    struct mm_chunker *chunker = mm_chunker_new(
        &(struct mm_chunker_options){
            .size = l->run->target->claim->chunks.size, .whole = true, .each = compare, .context = l},
        diags);
    int result = chunker ? mm_source_open_origin(&source, origin, diags) : -1;
    source.sink = mm_chunker_update;
    source.sink_context = chunker;
    source.progress = l->run->options->progress;
    source.progress_context = l->run->options->progress_context;
    if (result == 0)
        result = mm_source_finish(&source, diags);
    if (result == 0)
        result = mm_chunker_finish(chunker, found, diags);
    mm_source_release(&source);
    mm_chunker_free(chunker);
    return result;
}

/* With the checks of the format that the manifest states. */
static int read_artifact(struct looking *l, const struct mm_origin *origin, struct mm_chunk_facts *found, bool *valid,
                         struct mm_diags *diags)
{
    const struct mm_claim *claim = l->run->target->claim;
    struct mm_artifact artifact = {0};
    const struct mm_artifact_options options = {
        .format = (int)claim->format,
        .chunk_size = claim->chunks.size,
        .whole = true,
        .origin = origin,
        .each = compare,
        .each_context = l,
        .progress = l->run->options->progress,
        .progress_context = l->run->options->progress_context,
    };
    int result = mm_artifact_read(-1, claim->path, &options, &artifact, diags);
    *found = artifact.chunks;
    *valid = artifact.valid;
    mm_artifact_release(&artifact);
    return result;
}

/* Says what is wrong although no chunk is, as far as chunks are known. */
static void tell(const struct looking *l, const struct mm_chunk_facts *found, struct mm_diags *diags)
{
    const struct mm_chunk_facts *stated = &l->run->target->claim->chunks;
    if (l->look->bytes != stated->bytes)
        mm_diag_offset(diags, MM_RULE_VERIFY_BYTES, l->look->bytes < stated->bytes ? l->look->bytes : stated->bytes,
                       "expected %" PRIu64 " bytes, found %" PRIu64, stated->bytes, l->look->bytes);
    else if (memcmp(found->root, stated->root, MM_HASH_BYTES) != 0)
        mm_diag(diags, MM_RULE_VERIFY_MERKLE, "expected the stated Merkle root, found another");
    else if (memcmp(found->sha256, stated->sha256, MM_HASH_BYTES) != 0)
        mm_diag(diags, MM_RULE_VERIFY_SHA256,
                "every chunk is the stated one; expected the stated SHA-256, found another");
}

/* Behind a reading that ended well. */
static void judge(struct looking *l, const struct mm_chunk_facts *found, bool valid)
{
    const struct mm_chunk_facts *stated = &l->run->target->claim->chunks;
    for (uint64_t index = l->seen; l->run->list && index < stated->count && !l->failed; index++)
        add_bad(l, index);
    l->look->whole = valid && !l->look->unread && l->look->bad.count == 0 && l->look->bytes == stated->bytes &&
                     memcmp(found->root, stated->root, MM_HASH_BYTES) == 0 &&
                     memcmp(found->sha256, stated->sha256, MM_HASH_BYTES) == 0;
}

int mm_look_at(const struct mm_repair_run *run, int fd, bool final, struct mm_look *look)
{
    struct looking l = {.run = run, .look = look, .fd = fd};
    struct mm_chunk_facts found = {0};
    struct mm_diags *diags = run->diags, mark = *diags;
    struct stat before, after;
    bool valid = true;
    *look = (struct mm_look){0};
    if (fstat(fd, &before) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
    look->bytes = (uint64_t)before.st_size;
    l.size = look->bytes < run->target->claim->chunks.bytes ? look->bytes : run->target->claim->chunks.bytes;
    const struct mm_origin origin = {.read = read_around, .context = &l, .size = l.size};
    int result = run->target->any_format ? read_bytes(&l, &origin, &found, diags)
                                         : read_artifact(&l, &origin, &found, &valid, diags);
    if (l.failed)
        return mm_diag_memory(diags);
    if (result < 0)
        return -1;
    judge(&l, &found, valid);
    if (l.failed)
        return mm_diag_memory(diags);
    if (!final || look->bad.count > 0 || look->unread)
        mm_diags_rewind(diags, &mark); /* what a damaged file breaks says nothing more */
    else
        tell(&l, &found, diags);
    if (final && look->unread && look->bad.count == 0)
        return mm_diag(diags, MM_RULE_IO_READ, "what was written cannot be read back");
    if (fstat(fd, &after) == 0 && mm_file_same(&before, &after))
        return 0;
    look->whole = false;
    return final ? mm_diag(diags, MM_RULE_IO_CHANGED, "the file changed while it was read") : 0;
}
