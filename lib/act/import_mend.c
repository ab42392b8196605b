/* What is wrong or lacks of an artifact after its first check is fetched again, chunk by chunk; what no source has is written
 * down. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/import_parts.h"
#include "base/checked.h"
#include "base/file.h"

#define LACK_LINE 512 /* bytes of a line of `lacks` */
#define LACKS_BLOCK 65536
#define NAMED_LACKS 16 /* chunks of an artifact that findings name */

/* The rule that what no source has breaks. Where a source, or the list that sets are read by, could not be read, it is not known to lack. */
static enum mm_rule lacking(const struct mm_import *i, const struct mm_item *item)
{
    return i->supply->incomplete || item->list_unread ? MM_RULE_IO_READ
           : i->options->asks_peers                   ? MM_RULE_PEER_LACKS
                                                      : MM_RULE_STORE_CHUNK;
}

bool mm_item_is_wrong(const struct mm_import *i, const struct mm_item *item, const struct mm_artifact_report *report)
{
    if (!item->read)
        return report->checks[MM_CHECK_BYTES].result != MM_RESULT_PASS;
    bool wrong = report->checks[MM_CHECK_MERKLE].result == MM_RESULT_FAIL;
    return wrong && (item->listed || item->kept > 0 || item->choices > 1 || i->supply->incomplete || item->list_unread);
}

/* True if chunk CHUNK in the partial file has the hash that LIST has. */
static bool holds(const struct mm_item *item, const struct mm_chunk_list *list, uint64_t chunk)
{
    const struct mm_intake *intake = &item->intake;
    uint64_t at = chunk * list->facts.size, end = at + list->facts.size;
    unsigned char hash[MM_HASH_BYTES], block[65536];
    if (end > list->facts.bytes)
        end = list->facts.bytes;
    while (at < end) {
        ssize_t got = pread(item->fd, block, end - at < sizeof block ? (size_t)(end - at) : sizeof block, (off_t)at);
        if (got <= 0)
            break;
        mm_sha256_update(intake->sha, block, (size_t)got);
        at += (uint64_t)got;
    }
    mm_sha256_take(intake->sha, hash);
    return at == end && memcmp(hash, list->hashes.items[chunk], MM_HASH_BYTES) == 0;
}

/* True if the chunk has to be fetched. */
static bool is_wanted(const struct mm_item *item, const struct mm_chunk_list *list, uint64_t chunk)
{
    if (!list)
        return chunk >= item->seen && !mm_item_is_kept(item, chunk);
    if (chunk < item->seen)
        return item->judged ? mm_bits_has(&item->bad, chunk) : !holds(item, list, chunk);
    return !mm_item_is_kept(item, chunk) || !holds(item, list, chunk);
}

static int note_lack(struct mm_import *i, struct mm_item *item, uint64_t chunk)
{
    uint64_t offset = chunk * item->claim.chunks.size, end = offset + mm_chunk_bytes(&item->claim.chunks, chunk);
    if (!mm_bits_add(&item->lacks, chunk))
        return mm_diag_memory(i->diags);
    if (item->lacks.count > NAMED_LACKS)
        return 0;
    int error = item->intake.error ? item->intake.error : item->intake.open_error;
    if (error)
        return mm_diag_offset(i->diags, MM_RULE_IO_READ, offset,
                              "chunk %" PRIu64 " bytes %" PRIu64 "-%" PRIu64 " cannot be read: %s", chunk, offset,
                              end - 1, strerror(error));
    return mm_diag_offset(i->diags, lacking(i, item), offset,
                          "chunk %" PRIu64 " bytes %" PRIu64 "-%" PRIu64 " is in no source as the manifest has it",
                          chunk, offset, end - 1);
}

/* What the first reading took for chunk CHUNK turned out to be wrong, or ended before its end: it does not count as had. */
static void count_wrong(struct mm_import *i, const struct mm_item *item, uint64_t chunk)
{
    const struct mm_intake *intake = &item->intake;
    bool of_store = intake->known && intake->known[chunk].file != MM_INTAKE_NO_FILE;
    uint64_t *count = mm_item_is_kept(item, chunk) ? &i->facts->kept : of_store ? &i->facts->reused : &i->facts->copied;
    uint64_t bytes = chunk < item->seen ? mm_chunk_bytes(&item->claim.chunks, chunk) : item->reading.part;
    *count -= bytes < *count ? bytes : *count;
}

/* Fetches chunk CHUNK, or notes that it lacks. */
static int fetch(struct mm_import *i, struct mm_item *item, uint64_t chunk)
{
    enum mm_intake_from from;
    item->intake.error = 0;
    int result = mm_intake_fetch(&item->intake, chunk, item->fd, &i->facts->read, &from, i->diags);
    if (result > 0)
        return note_lack(i, item, chunk);
    if (result == 0) {
        mm_item_count_taken(i, from, mm_chunk_bytes(&item->claim.chunks, chunk));
        item->chunks_reused += from == MM_FROM_STORE;
    }
    return result;
}

static int fetch_wanted(struct mm_import *i, struct mm_item *item, const struct mm_chunk_list *list)
{
    for (uint64_t chunk = 0; chunk < item->claim.chunks.count; chunk++) {
        bool wanted = is_wanted(item, list, chunk);
        if (wanted && (chunk == item->seen || (list && chunk < item->seen)))
            count_wrong(i, item, chunk);
        uint64_t lacks = item->lacks.count;
        if (!wanted && chunk >= item->seen)
            mm_item_count_kept(i, item, mm_chunk_bytes(&item->claim.chunks, chunk));
        if (wanted && fetch(i, item, chunk) < 0 && item->lacks.count == lacks)
            return -1; /* the store's side failed */
    }
    if (item->lacks.count > NAMED_LACKS)
        mm_note(i->diags, MM_RULE_STORE_CHUNK, "%" PRIu64 " chunks lack in all", item->lacks.count);
    return item->lacks.count ? -1 : mm_intake_finish(&item->intake, i->diags);
}

/* Copies the artifact from the file of source ROOT. Returns 0 where the bytes lead to the manifest's root, 1 where they do not, or
 * cannot be read; -1 with a finding. */
static int copy_file(struct mm_import *i, struct mm_item *item, size_t root)
{
    struct mm_chunk_facts facts;
    uint64_t at = 0, bytes = item->claim.chunks.bytes;
    unsigned char *block = item->intake.block;
    mm_hashes_release(&item->hashes); /* the first reading's, of other bytes */
    struct mm_chunker *chunker = mm_chunker_new(
        &(struct mm_chunker_options){.size = item->claim.chunks.size, .each = mm_hashes_add, .context = &item->hashes},
        i->diags);
    int result = chunker ? 0 : -1;
    while (result == 0 && at < bytes) {
        ssize_t got = pread(item->intake.files[root], block, MM_INTAKE_BLOCK, (off_t)at);
        if (got <= 0 || (uint64_t)got > bytes - at)
            result = 1;
        else if (mm_file_write_at(item->fd, block, (size_t)got, at) < 0)
            result = mm_diag_errno(i->diags, MM_RULE_IO_WRITE, "cannot write", errno);
        else
            mm_chunker_update(chunker, block, (size_t)got);
        at += got > 0 ? (uint64_t)got : 0;
    }
    i->facts->read += at;
    if (result == 0)
        result = mm_chunker_finish(chunker, &facts, i->diags);
    if (result == 0)
        result = memcmp(facts.root, item->claim.chunks.root, MM_HASH_BYTES) != 0;
    if (result == 0)
        mm_item_count_taken(i, MM_FROM_FILE, bytes);
    mm_chunker_free(chunker);
    return result;
}

/* Without a list wrong chunks cannot be told apart: every source's file is tried as a whole. */
static int choose_file(struct mm_import *i, struct mm_item *item)
{
    for (size_t root = 0; root < i->supply->root_count; root++) {
        int result = item->intake.files[root] >= 0 ? copy_file(i, item, root) : 1;
        if (result <= 0)
            return result;
    }
    unlinkat(i->files, item->claim.path, 0);
    return mm_diag(i->diags, lacking(i, item),
                   "no source has the artifact as the manifest has it; without a chunk list no chunk can be named");
}

/* A shared file that is wrong is left to its owner, and the artifact begun anew. */
static int unshare(struct mm_import *i, struct mm_item *item)
{
    if (item->how != MM_ITEM_COPIED) {
        if (unlinkat(i->files, item->claim.path, 0) < 0 && errno != ENOENT)
            return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot remove %s: %s", item->claim.path, strerror(errno));
        mm_item_count_nothing(i, item);
        item->how = MM_ITEM_COPIED;
        item->kept = 0;
        item->seen = 0;
    }
    return mm_item_open_file(i, item) < 0 ? -1 : 0;
}

static int read_list(struct mm_import *i, const struct mm_item *item, struct mm_chunk_list *list)
{
    if (item->implied)
        return mm_chunk_list_imply(list, &item->claim.chunks) ? 0 : mm_diag_memory(i->diags);
    int fd = mm_file_open_beneath(i->files, item->list_path, MM_LINKS_BENEATH);
    if (fd < 0)
        return mm_diag(i->diags, MM_RULE_IO_OPEN, "cannot open %s: %s", item->list_path, strerror(errno));
    int result = mm_chunk_list_read(list, fd, item->claim.chunks.count, i->diags);
    close(fd);
    return result;
}

int mm_item_mend(struct mm_import *i, struct mm_item *item)
{
    struct mm_chunk_list list = {0};
    const char *shown = i->diags->file;
    int result = -1;
    i->diags->file = item->claim.path;
    if (unshare(i, item) == 0 && (!item->listed || read_list(i, item, &list) == 0) &&
        mm_intake_open(&item->intake, i->supply, &item->claim, i->diags) == 0) {
        if (item->listed) {
            item->intake.list = &list;
            mm_intake_know(&item->intake, i->home, &i->shelf, &i->facts->model, &list);
        }
        result =
            item->read && !item->listed ? choose_file(i, item) : fetch_wanted(i, item, item->listed ? &list : NULL);
    }
    mm_intake_release(&item->intake);
    mm_chunk_list_release(&list);
    if (item->fd >= 0)
        close(item->fd);
    item->fd = -1;
    i->diags->file = shown;
    return result;
}

/* ---- what lacks ---- */

/* Writes what TEXT holds to FD, and to the caller's bad ranges, and empties it. */
static int flush_lacks(struct mm_import *i, int fd, const char *path, struct mm_buf *text)
{
    int result = text->failed ? mm_diag_memory(i->diags) : 0;
    if (result == 0 && i->options->bad_ranges)
        result = mm_writer_write(i->options->bad_ranges, text->data, text->length, i->diags);
    if (result == 0)
        result = mm_file_write_all(fd, text->data, text->length, path, i->diags);
    mm_buf_clear(text);
    return result;
}

static int write_item_lacks(struct mm_import *i, const struct mm_item *item, int fd, const char *path,
                            struct mm_buf *text)
{
    for (uint64_t chunk = 0; chunk < item->claim.chunks.count; chunk++) {
        if (!mm_bits_has(&item->lacks, chunk))
            continue;
        mm_buf_printf(text, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\n", chunk, chunk * item->claim.chunks.size,
                      mm_chunk_bytes(&item->claim.chunks, chunk), item->claim.path);
        if ((text->length > LACKS_BLOCK || text->failed) && flush_lacks(i, fd, path, text) < 0)
            return -1;
    }
    return 0;
}

int mm_import_write_lacks(struct mm_import *i)
{
    struct mm_buf text = {0};
    char path[MM_STORE_PATH + 8];
    uint64_t lacks = 0;
    for (size_t k = 0; k < i->count; k++)
        lacks += i->items[k].lacks.count;
    snprintf(path, sizeof path, "%s/" MM_IMPORT_LACKS, i->partial);
    unlinkat(i->home, path, 0);
    if (lacks == 0)
        return 0;
    int fd = openat(i->home, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot write %s: %s", path, strerror(errno));
    int result = 0;
    for (size_t k = 0; k < i->count && result == 0; k++)
        result = write_item_lacks(i, &i->items[k], fd, path, &text);
    if (result == 0)
        result = flush_lacks(i, fd, path, &text);
    close(fd);
    mm_buf_release(&text);
    return result;
}

/* A line that is none of ours says nothing. */
static int take_lack(struct mm_import *i, const char *line, size_t length)
{
    uint64_t chunk;
    const char *tab = memchr(line, '\t', length), *path = memrchr(line, '\t', length);
    if (!tab || !path || !mm_number(line, (size_t)(tab - line), MM_CHUNK_COUNT_MAX, &chunk))
        return 0;
    size_t size = length - (size_t)(++path - line);
    for (size_t k = 0; k < i->count; k++) {
        struct mm_item *item = &i->items[k];
        if (strlen(item->claim.path) == size && memcmp(item->claim.path, path, size) == 0 &&
            chunk < item->claim.chunks.count && !mm_bits_add(&item->holes, chunk))
            return mm_diag_memory(i->diags);
    }
    return 0;
}

int mm_import_read_lacks(struct mm_import *i)
{
    char path[MM_STORE_PATH + 8], *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    int result = 0;
    snprintf(path, sizeof path, "%s/" MM_IMPORT_LACKS, i->partial);
    int fd = mm_file_open_beneath(i->home, path, MM_LINKS_BENEATH);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (!file) {
        if (fd >= 0)
            close(fd);
        return fd >= 0 ? mm_diag_memory(i->diags) : 0;
    }
    while (result == 0 && (length = getline(&line, &capacity, file)) > 0 && length <= LACK_LINE)
        if (line[length - 1] == '\n')
            result = take_lack(i, line, (size_t)length - 1);
    free(line);
    fclose(file);
    return result;
}
