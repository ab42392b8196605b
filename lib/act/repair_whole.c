/* A repair without a chunk list, where a file can only be judged as a whole (act/repair_parts.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/repair_parts.h"

#define COPY_BLOCK 262144 /* bytes that are read at once */

/* Copies the whole of PLACE into the new file, or only reads it unless WRITE. Returns 0 if it is the artifact; 1 if not, or if it cannot be
 * read; -1 with a finding. */
static int copy_whole(struct mm_repair_run *run, const struct mm_place *place, bool write)
{
    const struct mm_chunk_facts *stated = &run->target->claim->chunks;
    struct mm_copy_counts *counts = &run->fetch.counts[place->copy];
    struct mm_chunk_facts found;
    unsigned char *bytes = malloc(COPY_BLOCK);
    uint64_t at = 0;
    struct mm_chunker *chunker =
        mm_chunker_new(&(struct mm_chunker_options){.size = stated->size, .whole = true}, run->diags);
    int result = !chunker ? -1 : bytes ? 0 : mm_diag_memory(run->diags);
    while (result == 0 && at < stated->bytes) {
        ssize_t got = pread(place->fd, bytes, COPY_BLOCK, (off_t)at);
        if (got <= 0 || (uint64_t)got > stated->bytes - at) {
            counts->unreadable += got < 0;
            result = 1;
        } else if (write && mm_file_write_at(run->work, bytes, (size_t)got, at) < 0) {
            result = mm_diag_errno(run->diags, MM_RULE_IO_WRITE, "cannot write", errno);
        } else {
            mm_chunker_update(chunker, bytes, (size_t)got);
            at += (uint64_t)got;
        }
    }
    counts->read += at;
    if (result == 0)
        result = mm_chunker_finish(chunker, &found, run->diags);
    if (result == 0)
        result = memcmp(found.root, stated->root, MM_HASH_BYTES) != 0 ||
                 memcmp(found.sha256, stated->sha256, MM_HASH_BYTES) != 0;
    if (result == 0 && write) {
        counts->chunks += stated->count;
        counts->copied += stated->bytes;
    }
    mm_chunker_free(chunker);
    free(bytes);
    return result;
}

static bool is_whole_file(const struct mm_repair_run *run, const struct mm_place *place)
{
    struct stat info;
    return !place->is_set && !place->target && fstat(place->fd, &info) == 0 &&
           (uint64_t)info.st_size == run->target->claim->chunks.bytes;
}

/* What an earlier call left may have right chunks: only a copy that was read and is right takes their place. */
static int take_whole(struct mm_repair_run *run, const struct mm_place *place)
{
    int result = run->taken_up ? copy_whole(run, place, false) : 0;
    if (result == 0 && ftruncate(run->work, 0) < 0)
        return mm_diag_errno(run->diags, MM_RULE_IO_WRITE, "cannot empty the new file", errno);
    return result == 0 ? copy_whole(run, place, true) : result;
}

/* Fills the new file with the first copy that is right as a whole, unless an earlier call did so. Returns 0, or -1 with a finding. */
static int find_whole(struct mm_repair_run *run)
{
    struct mm_look look = {0};
    bool unread = run->options->incomplete || run->open_error || run->list_unread;
    int result = run->taken_up ? mm_look_at(run, run->work, false, &look) : 0;
    if (result == 0 && look.whole) {
        run->facts->kept = run->facts->total;
        return 0;
    }
    result = result < 0 ? -1 : 1;
    for (size_t i = 0; i < run->fetch.count && result > 0; i++)
        if (is_whole_file(run, &run->fetch.places[i])) {
            result = take_whole(run, &run->fetch.places[i]);
            unread = unread || run->fetch.counts[run->fetch.places[i].copy].unreadable > 0;
        }
    if (result == 0)
        run->facts->copied = run->facts->total;
    if (result <= 0)
        return result;
    run->facts->state = MM_REPAIR_LACKS;
    return mm_diag(run->diags, unread ? MM_RULE_IO_READ : MM_RULE_STORE_CHUNK,
                   "without a chunk list no chunk can be told from another, and no copy is right as a whole");
}

int mm_repair_whole(struct mm_repair_run *run)
{
    struct mm_repair_facts *facts = run->facts;
    struct mm_look look = {0};
    int result = find_whole(run);
    if (result == 0)
        result = mm_work_flush(run);
    if (result == 0)
        result = mm_look_at(run, run->work, true, &look);
    if (result == 0 && look.whole && mm_work_publish(run) == 0) {
        facts->state = MM_REPAIR_REPAIRED;
        facts->mended = facts->wrong;
    } else {
        mm_work_drop(run);
        facts->copied = facts->kept = 0;
        for (size_t i = 0; i < run->options->copies->count; i++) /* nothing of it is there */
            facts->copies[i].chunks = facts->copies[i].copied = 0;
        result = -1;
    }
    mm_look_release(&look);
    return result;
}
