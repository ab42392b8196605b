/* One artifact on its way into the store: it is read, and written meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/import_parts.h"
#include "base/checked.h"
#include "base/file.h"

#define READ_BLOCK 1048576 /* bytes at once: they are written while the processor's cache has them */

void mm_item_release(struct mm_item *item)
{
    if (item->fd >= 0)
        close(item->fd);
    item->fd = -1;
    mm_intake_release(&item->intake);
    mm_hashes_release(&item->hashes);
    mm_bits_release(&item->holes);
    mm_bits_release(&item->bad);
    mm_bits_release(&item->lacks);
}

bool mm_item_is_kept(const struct mm_item *item, uint64_t chunk)
{
    return chunk * item->claim.chunks.size < item->kept && !mm_bits_has(&item->holes, chunk);
}

/* Where bytes of ITEM count that were there before. */
static uint64_t *count_of(struct mm_import *i, const struct mm_item *item)
{
    return item->how == MM_ITEM_COPIED   ? &i->facts->kept
           : item->how == MM_ITEM_REUSED ? &i->facts->reused
                                         : &i->facts->linked;
}

void mm_item_count_kept(struct mm_import *i, struct mm_item *item, uint64_t got)
{
    *count_of(i, item) += got;
    item->counted += got;
}

void mm_item_count_nothing(struct mm_import *i, struct mm_item *item)
{
    *count_of(i, item) -= item->counted;
    item->counted = 0;
}

void mm_item_count_taken(struct mm_import *i, enum mm_intake_from from, uint64_t got)
{
    uint64_t *count = from == MM_FROM_STORE  ? &i->facts->reused
                      : i->options->in_place ? &i->facts->linked
                                             : &i->facts->copied;
    *count += got;
    i->used_set = i->used_set || from == MM_FROM_SET;
}

/* How many of LENGTH bytes at OFFSET are read alike: from the partial file, or from a source. */
static size_t run_length(const struct mm_item *item, uint64_t offset, size_t length)
{
    uint64_t size = item->claim.chunks.size, chunk = offset / size, end = (chunk + 1) * size;
    bool kept = mm_item_is_kept(item, chunk);
    while (end < item->claim.chunks.bytes && end - offset < length && mm_item_is_kept(item, ++chunk) == kept)
        end += size;
    if (end > item->claim.chunks.bytes)
        end = item->claim.chunks.bytes;
    return length < end - offset ? length : (size_t)(end - offset);
}

static ssize_t read_kept(struct mm_item *item, uint64_t offset, void *out, size_t length)
{
    ssize_t got = pread(item->fd, out, length, (off_t)offset);
    if (got > 0)
        item->reading.kept += (uint64_t)got;
    return got == 0 ? (errno = EIO, -1) : got;
}

static ssize_t read_source(struct mm_item *item, uint64_t offset, void *out, size_t length)
{
    struct mm_reading *reading = &item->reading;
    uint64_t size = item->claim.chunks.size;
    enum mm_intake_from from;
    ssize_t got = mm_intake_read(&item->intake, offset, out, length, &from);
    if (got <= 0)
        return -1;
    uint64_t end = offset + (uint64_t)got;
    reading->taken[from] += (uint64_t)got;
    reading->part = end < item->claim.chunks.bytes ? end % size : 0;
    reading->chunks_reused += from == MM_FROM_STORE && offset % size == 0;
    return got;
}

/* Has the shape of mm_behind_fn: BYTES, unless that is NULL for what the file had before, go into it and on to the device. */
static int write_back(void *context, uint64_t offset, const void *bytes, size_t length)
{
    struct mm_item *item = context;
    struct mm_writeback *writeback = &item->reading.writeback;
    uint64_t end = offset + length, dropped = writeback->dropped;
    if (bytes && mm_file_write_at(item->fd, bytes, length, offset) < 0)
        return -1;
    int result = end < item->claim.chunks.bytes ? mm_writeback_reach(writeback, end) : mm_writeback_end(writeback, end);
    int error = errno;
    mm_intake_forget(&item->intake, dropped, writeback->dropped);
    errno = error;
    return result;
}

/* Has the shape of mm_origin's read. It may run on a thread of its own (struct mm_reading). What is written, here or behind, are the very
 * bytes that are hashed next. */
static ssize_t read_item(void *context, uint64_t offset, void *out, size_t length)
{
    struct mm_item *item = context;
    struct mm_reading *reading = &item->reading;
    if (offset >= item->claim.chunks.bytes)
        return 0;
    length = run_length(item, offset, length < READ_BLOCK ? length : READ_BLOCK);
    bool kept = mm_item_is_kept(item, offset / item->claim.chunks.size);
    ssize_t got = kept ? read_kept(item, offset, out, length) : read_source(item, offset, out, length);
    if (got <= 0)
        return got;
    const void *bytes = kept || item->how == MM_ITEM_IN_PLACE ? NULL : out;
    int result = reading->behind ? mm_behind_give(reading->behind, offset, bytes, (size_t)got)
                                 : write_back(item, offset, bytes, (size_t)got);
    if (result < 0)
        reading->write_error = errno;
    return result < 0 ? -1 : got;
}

/* Has the shape of mm_origin's settle. */
static void settle_item(void *context, uint64_t offset)
{
    struct mm_item *item = context;
    if (item->reading.behind)
        mm_behind_settle(item->reading.behind, offset);
}

/* The reading is over: what it came to counts. */
static void count_reading(struct mm_import *i, struct mm_item *item)
{
    const struct mm_reading *reading = &item->reading;
    mm_item_count_kept(i, item, reading->kept);
    for (int from = MM_FROM_STORE; from < MM_FROM_COUNT; from++) {
        if (reading->taken[from])
            mm_item_count_taken(i, (enum mm_intake_from)from, reading->taken[from]);
        i->facts->read += from == MM_FROM_STORE ? 0 : reading->taken[from];
    }
    item->chunks_reused += reading->chunks_reused;
    if (reading->write_error)
        i->write_error = reading->write_error;
}

/* What stays in place is read from the one file that the store will lead to, and is all there. */
static int keep_in_place(struct mm_import *i, struct mm_item *item)
{
    struct mm_intake *intake = &item->intake;
    int file = mm_item_whole_file(item);
    for (size_t root = 0; root < i->supply->root_count; root++) {
        if (intake->sets[root] >= 0)
            close(intake->sets[root]);
        intake->sets[root] = -1;
        if (intake->files[root] == file)
            item->root = root;
        else if (intake->files[root] >= 0)
            close(intake->files[root]);
        if (intake->files[root] != file)
            intake->files[root] = -1;
    }
    if (file < 0 && intake->open_error)
        return mm_diag_errno(i->diags, MM_RULE_IO_OPEN, "cannot open", intake->open_error);
    if (file < 0)
        return mm_diag(i->diags, MM_RULE_VERIFY_ABSENT, "expected a file of %" PRIu64 " bytes, found none",
                       item->claim.chunks.bytes);
    return mm_fingerprint_take(&item->fingerprint, file, i->diags);
}

bool mm_item_has_choice(struct mm_import *i, struct mm_item *item)
{
    bool has = mm_intake_open(&item->intake, i->supply, &item->claim, i->diags) == 0 && mm_item_whole_file(item) >= 0;
    mm_intake_release(&item->intake);
    return has;
}

int mm_item_open(struct mm_import *i, struct mm_item *item, const struct mm_chunk_list *list, struct mm_origin *origin)
{
    if (mm_intake_open(&item->intake, i->supply, &item->claim, i->diags) < 0)
        return -1;
    if (i->options->in_place ? keep_in_place(i, item) < 0 : mm_item_open_file(i, item) < 0) {
        mm_intake_release(&item->intake);
        return -1;
    }
    item->choices = 0;
    item->seen = 0;
    item->reading = (struct mm_reading){.writeback = {.fd = item->fd, .drop = i->floods}};
    item->intake.forget = i->floods;
    mm_bits_release(&item->bad); /* of an earlier reading */
    mm_hashes_release(&item->hashes);
    for (size_t root = 0; root < i->supply->root_count; root++)
        item->choices += item->intake.files[root] >= 0;
    item->intake.list = list;
    if (list && !i->options->in_place && item->kept < item->claim.chunks.bytes)
        mm_intake_know(&item->intake, i->home, &i->shelf, &i->facts->model, list);
    if (item->how == MM_ITEM_HARD_LINKED && mm_fingerprint_take(&item->fingerprint, item->fd, i->diags) < 0) {
        mm_intake_release(&item->intake);
        return -1;
    }
    *origin = (struct mm_origin){read_item, item, item->claim.chunks.bytes, settle_item};
    /* what comes in one piece is written before a thread for it has begun */
    if (i->options->means.threads > 1 && !i->options->in_place && item->needed > 0 &&
        item->claim.chunks.bytes > READ_BLOCK)
        item->reading.behind = mm_behind_new(write_back, item);
    return 0;
}

void mm_item_close(struct mm_import *i, struct mm_item *item, const struct mm_chunk_compare *compare, bool read)
{
    if (mm_behind_end(item->reading.behind) < 0)
        item->reading.write_error = errno;
    item->reading.behind = NULL;
    count_reading(i, item);
    item->read = read; /* bytes that are the manifest's prove themselves, whatever becomes of their file */
    if (i->options->in_place && mm_intake_finish(&item->intake, i->diags) < 0)
        i->changed = true;
    item->judged = compare && !compare->failed;
    for (size_t k = 0; compare && k < compare->bad_count; k++)
        item->judged = mm_bits_add(&item->bad, compare->bad[k].index) && item->judged;
    if (item->intake.longer)
        mm_note(i->diags, MM_RULE_VERIFY_BYTES, "a source's file is longer than %" PRIu64 " bytes, and is not taken",
                item->claim.chunks.bytes);
    item->intake.list = NULL;
    mm_intake_release(&item->intake);
    if (item->fd >= 0)
        close(item->fd);
    item->fd = -1;
}
