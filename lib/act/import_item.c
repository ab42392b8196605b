/* One artifact on its way into the store. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

#include "act/import_parts.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/tree.h"

#define LACKS_MAX 268435456 /* bytes of that file that are read back */
#define NAMED_LACKS 16      /* chunks of an artifact that findings name */

void mm_item_release(struct mm_item *item)
{
    if (item->fd >= 0)
        close(item->fd);
    item->fd = -1;
    mm_intake_release(&item->intake);
    mm_hashes_release(&item->hashes);
    free(item->holes);
    free(item->bad);
    free(item->lacks);
}

/* ---- finding or making the partial file ---- */

static int shelve(struct mm_import *i, const struct mm_store_model *model)
{
    struct mm_manifest manifest = {0};
    struct mm_diags ignored; /* a model that cannot be read is no source */
    int result = 0;
    mm_diags_init(&ignored);
    if (mm_store_manifest(i->home, model, &manifest, &ignored) == 0)
        for (size_t group = 1; group <= mm_manifest_artifacts(&manifest) && result == 0; group++) {
            struct mm_claim claim;
            mm_manifest_claim(&manifest, group, &claim);
            if (!mm_grow(&i->shelf, i->shelf_count, &i->shelf_capacity, sizeof *i->shelf)) {
                result = mm_diag_memory(i->diags);
                break;
            }
            struct mm_shelf *shelf = &i->shelf[i->shelf_count++];
            snprintf(shelf->path, sizeof shelf->path, "%s/files/%s", model->path, claim.path);
            shelf->bytes = claim.chunks.bytes;
            memcpy(shelf->sha256, claim.chunks.sha256, MM_HASH_BYTES);
        }
    mm_manifest_release(&manifest);
    mm_diags_release(&ignored);
    return result;
}

static int fill_shelf(struct mm_import *i)
{
    struct mm_store_list models = {0};
    int result = i->shelf_filled ? 0 : mm_store_list(i->home, false, &models, i->diags);
    for (size_t k = 0; k < models.count && result == 0; k++)
        result = shelve(i, &models.models[k]);
    i->shelf_filled = true;
    mm_store_list_release(&models);
    return result;
}

static bool is_equal(const struct mm_shelf *shelf, const struct mm_claim *claim)
{
    return shelf->bytes == claim->chunks.bytes && memcmp(shelf->sha256, claim->chunks.sha256, MM_HASH_BYTES) == 0;
}

/* True if every name of the file INFO is one of the store's: nobody else can write to it. */
static bool is_own(const struct mm_import *i, const struct mm_claim *claim, const struct stat *info)
{
    nlink_t names = 0;
    struct stat other;
    for (size_t k = 0; k < i->shelf_count; k++)
        if (is_equal(&i->shelf[k], claim) && fstatat(i->home, i->shelf[k].path, &other, AT_SYMLINK_NOFOLLOW) == 0)
            names += other.st_dev == info->st_dev && other.st_ino == info->st_ino;
    return names == info->st_nlink;
}

/* Gives the artifact the bytes of an equal one in the store, by a link. Returns true if there is one. */
static bool reuse(struct mm_import *i, const struct mm_item *item)
{
    struct stat info;
    for (size_t k = 0; k < i->shelf_count; k++)
        if (is_equal(&i->shelf[k], &item->claim) &&
            fstatat(i->home, i->shelf[k].path, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
            is_own(i, &item->claim, &info) && linkat(i->home, i->shelf[k].path, i->files, item->claim.path, 0) == 0)
            return true;
    return false;
}

static int create(struct mm_import *i, const struct mm_item *item)
{
    int fd = openat(i->files, item->claim.path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    return fd >= 0 ? fd
                   : mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot create %s: %s", item->claim.path, strerror(errno));
}

static bool reflink(int to, int from)
{
#ifdef FICLONE
    return ioctl(to, FICLONE, from) == 0;
#else
    (void)to, (void)from;
    return false;
#endif
}

/* The first source's file that has the artifact's size, or -1. */
static int whole_file(const struct mm_item *item)
{
    const struct mm_intake *intake = &item->intake;
    for (size_t root = 0; root < intake->supply->root_count; root++)
        if (intake->files[root] >= 0 && (uint64_t)intake->before[root].st_size == item->claim.chunks.bytes)
            return intake->files[root];
    return -1;
}

/* A second name for the very file that is open as FD. */
static bool hard_link(struct mm_import *i, const struct mm_item *item, int fd)
{
    char source[40];
    snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
    unlinkat(i->files, item->claim.path, 0);
    return linkat(AT_FDCWD, source, i->files, item->claim.path, AT_SYMLINK_FOLLOW) == 0;
}

/* Shares the bytes of a source's file where that is wanted and can be done. */
static int share(struct mm_import *i, struct mm_item *item, int file)
{
    int fd = create(i, item);
    if (fd < 0)
        return -1;
    bool shared = item->claim.chunks.bytes > 0 && reflink(fd, file);
    close(fd);
    if (shared) {
        item->how = MM_ITEM_REFLINKED;
    } else if (i->options->link) {
        if (hard_link(i, item, file))
            item->how = MM_ITEM_HARD_LINKED;
        else
            mm_note(i->diags, MM_RULE_STORE_LINK, "%s is copied, as it cannot be linked: %s", item->claim.path,
                    strerror(errno));
    }
    return 0;
}

/* Nothing is there yet: an equal file of the store, a link to a source's, or an empty file. */
static int begin_file(struct mm_import *i, struct mm_item *item)
{
    if (fill_shelf(i) < 0)
        return -1;
    if (reuse(i, item)) {
        item->how = MM_ITEM_REUSED;
    } else {
        if (mm_intake_open(&item->intake, i->supply, &item->claim, i->diags) < 0)
            return -1;
        int file = whole_file(item);
        int result = file >= 0 ? share(i, item, file) : 0;
        mm_intake_release(&item->intake);
        if (result < 0)
            return -1;
    }
    if (item->how != MM_ITEM_COPIED)
        item->kept = item->claim.chunks.bytes;
    item->needed = item->claim.chunks.bytes - item->kept;
    return 0;
}

/* A file with another name is not written to: it is somebody's. */
static bool is_shared(const struct mm_item *item)
{
    return item->how == MM_ITEM_REUSED || item->how == MM_ITEM_HARD_LINKED;
}

/* An earlier run left INFO: whole chunks of it are taken, after they were hashed again. */
static int continue_file(struct mm_import *i, struct mm_item *item, const struct stat *info)
{
    uint64_t bytes = item->claim.chunks.bytes, size = item->claim.chunks.size, there = (uint64_t)info->st_size;
    if (info->st_nlink > 1)
        item->how = i->options->link ? MM_ITEM_HARD_LINKED : MM_ITEM_REUSED;
    else if (!(info->st_mode & S_IWUSR) && fchmodat(i->files, item->claim.path, 0644, 0) < 0) /* nearly published */
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot write %s: %s", item->claim.path, strerror(errno));
    item->kept = there >= bytes ? bytes : there / size * size;
    item->needed = bytes - item->kept;
    for (size_t k = 0; k < item->hole_count; k++)
        item->needed += item->holes[k] * size < item->kept ? size : 0;
    return 0;
}

int mm_item_prepare(struct mm_import *i, struct mm_item *item)
{
    struct stat info;
    if (i->options->in_place) {
        item->how = MM_ITEM_IN_PLACE;
        return 0;
    }
    if (mm_tree_make_for(i->files, item->claim.path, i->diags) < 0)
        return -1;
    bool there = fstatat(i->files, item->claim.path, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode);
    uint64_t size = there ? (uint64_t)info.st_size : 0, bytes = item->claim.chunks.bytes;
    if (there &&
        (info.st_nlink > 1 ? size == bytes : size <= bytes)) /* what is shared is whole, or somebody changed it */
        return continue_file(i, item, &info);
    there = fstatat(i->files, item->claim.path, &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && unlinkat(i->files, item->claim.path, 0) < 0)
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot remove %s: %s", item->claim.path, strerror(errno));
    return begin_file(i, item);
}

/* ---- the first check: reading and writing at once ---- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool is_hole(const struct mm_item *item, uint64_t chunk)
{
    return item->hole_count && bsearch(&chunk, item->holes, item->hole_count, sizeof *item->holes, by_number);
}

static bool is_kept(const struct mm_item *item, uint64_t chunk)
{
    return chunk * item->claim.chunks.size < item->kept && !is_hole(item, chunk);
}

/* Counts GOT bytes that were in the partial file before. */
static void count_kept(struct mm_import *i, const struct mm_item *item, uint64_t got)
{
    uint64_t *count = item->how == MM_ITEM_COPIED   ? &i->facts->kept
                      : item->how == MM_ITEM_REUSED ? &i->facts->reused
                                                    : &i->facts->linked;
    *count += got;
}

/* Counts GOT bytes that were taken in. */
static void count_taken(struct mm_import *i, enum mm_intake_from from, uint64_t got)
{
    uint64_t *count = from == MM_FROM_STORE  ? &i->facts->reused
                      : i->options->in_place ? &i->facts->linked
                                             : &i->facts->copied;
    *count += got;
    i->used_set = i->used_set || from == MM_FROM_SET;
}

/* Has the shape of mm_origin's read. */
static ssize_t read_and_write(void *context, uint64_t offset, void *out, size_t length)
{
    struct mm_import *i = context;
    struct mm_item *item = i->current;
    uint64_t size = item->claim.chunks.size, chunk = offset / size, end = (chunk + 1) * size;
    enum mm_intake_from from;
    if (end > item->claim.chunks.bytes)
        end = item->claim.chunks.bytes;
    if (offset >= end)
        return 0;
    if (length > end - offset)
        length = (size_t)(end - offset);
    if (is_kept(item, chunk)) {
        ssize_t got = pread(item->fd, out, length, (off_t)offset);
        if (got > 0)
            count_kept(i, item, (uint64_t)got);
        return got == 0 ? (errno = EIO, -1) : got;
    }
    ssize_t got = mm_intake_read(&item->intake, offset, out, length, &from);
    if (got <= 0)
        return -1;
    if (!i->options->in_place && pwrite(item->fd, out, (size_t)got, (off_t)offset) != got) {
        i->write_error = errno ? errno : ENOSPC;
        return -1;
    }
    i->facts->read += from == MM_FROM_STORE ? 0 : (uint64_t)got;
    count_taken(i, from, (uint64_t)got);
    item->chunks_reused += from == MM_FROM_STORE && offset % size == 0;
    return got;
}

/* Opens the partial file, to be written unless it is shared. */
static int open_partial_file(struct mm_import *i, struct mm_item *item)
{
    item->fd =
        is_shared(item) ? openat(i->files, item->claim.path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : create(i, item);
    if (item->fd < 0 && is_shared(item))
        mm_diag(i->diags, MM_RULE_IO_OPEN, "cannot open %s: %s", item->claim.path, strerror(errno));
    return item->fd;
}

/* What stays in place is read from the one file that the store will lead to, and is all there. */
static int keep_in_place(struct mm_import *i, struct mm_item *item)
{
    struct mm_intake *intake = &item->intake;
    int file = whole_file(item);
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
    return file >= 0 ? 0
                     : mm_diag(i->diags, MM_RULE_VERIFY_ABSENT, "expected a file of %" PRIu64 " bytes, found none",
                               item->claim.chunks.bytes);
}

int mm_item_open(struct mm_import *i, struct mm_item *item, const struct mm_chunk_list *list, struct mm_origin *origin)
{
    if (mm_intake_open(&item->intake, i->supply, &item->claim, i->diags) < 0)
        return -1;
    if (i->options->in_place ? keep_in_place(i, item) < 0 : open_partial_file(i, item) < 0) {
        mm_intake_release(&item->intake);
        return -1;
    }
    item->choices = 0;
    for (size_t root = 0; root < i->supply->root_count; root++)
        item->choices += item->intake.files[root] >= 0;
    item->intake.list = list;
    if (list && !i->options->in_place && item->kept < item->claim.chunks.bytes)
        mm_intake_know(&item->intake, i->home, &i->facts->model, list);
    *origin = (struct mm_origin){read_and_write, i, item->claim.chunks.bytes};
    return 0;
}

void mm_item_close(struct mm_import *i, struct mm_item *item, const struct mm_chunk_compare *compare, bool read)
{
    item->read = read; /* bytes that are the manifest's prove themselves, whatever becomes of their file */
    if (i->options->in_place && mm_intake_finish(&item->intake, i->diags) < 0)
        i->changed = true;
    if (compare && compare->bad_count > 0) {
        item->bad = mm_realloc_array(NULL, compare->bad_count, sizeof *item->bad);
        for (size_t k = 0; item->bad && k < compare->bad_count; k++)
            item->bad[k] = compare->bad[k].index;
        if (!item->bad)
            mm_diag_memory(i->diags);
        item->bad_count = item->bad ? compare->bad_count : 0;
    }
    if (item->intake.longer)
        mm_note(i->diags, MM_RULE_VERIFY_BYTES, "a source's file is longer than %" PRIu64 " bytes, and is not taken",
                item->claim.chunks.bytes);
    item->intake.list = NULL;
    mm_intake_release(&item->intake);
    if (item->fd >= 0)
        close(item->fd);
    item->fd = -1;
}

/* ---- mending ---- */

bool mm_item_is_wrong(const struct mm_item *item, const struct mm_artifact_report *report)
{
    if (!item->read)
        return report->checks[MM_CHECK_BYTES].result != MM_RESULT_PASS;
    bool wrong = report->checks[MM_CHECK_MERKLE].result == MM_RESULT_FAIL;
    return wrong && (item->listed || item->kept > 0 || item->choices > 1);
}

static bool is_bad(const struct mm_item *item, uint64_t chunk)
{
    return item->bad_count && bsearch(&chunk, item->bad, item->bad_count, sizeof *item->bad, by_number);
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
        return chunk >= item->seen && !is_kept(item, chunk);
    if (chunk < item->seen)
        return is_bad(item, chunk);
    return !is_kept(item, chunk) || !holds(item, list, chunk);
}

/* The bytes of chunk CHUNK, which is the last one's rest or a whole one. */
static uint64_t chunk_bytes(const struct mm_item *item, uint64_t chunk)
{
    uint64_t left = item->claim.chunks.bytes - chunk * item->claim.chunks.size;
    return left < item->claim.chunks.size ? left : item->claim.chunks.size;
}

static int note_lack(struct mm_import *i, struct mm_item *item, uint64_t chunk)
{
    uint64_t offset = chunk * item->claim.chunks.size, end = offset + chunk_bytes(item, chunk);
    if (!mm_grow(&item->lacks, item->lack_count, &item->lack_capacity, sizeof *item->lacks))
        return mm_diag_memory(i->diags);
    item->lacks[item->lack_count++] = chunk;
    if (item->lack_count > NAMED_LACKS)
        return 0;
    if (item->intake.error)
        return mm_diag_offset(i->diags, MM_RULE_IO_READ, offset,
                              "chunk %" PRIu64 " bytes %" PRIu64 "-%" PRIu64 " cannot be read: %s", chunk, offset,
                              end - 1, strerror(item->intake.error));
    return mm_diag_offset(i->diags, MM_RULE_STORE_CHUNK, offset,
                          "chunk %" PRIu64 " bytes %" PRIu64 "-%" PRIu64 " is in no source as the manifest has it",
                          chunk, offset, end - 1);
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
        count_taken(i, from, chunk_bytes(item, chunk));
        item->chunks_reused += from == MM_FROM_STORE;
    }
    return result;
}

static int fetch_wanted(struct mm_import *i, struct mm_item *item, const struct mm_chunk_list *list)
{
    for (uint64_t chunk = 0; chunk < item->claim.chunks.count; chunk++) {
        bool wanted = is_wanted(item, list, chunk);
        size_t lacks = item->lack_count;
        if (!wanted && chunk >= item->seen)
            count_kept(i, item, chunk_bytes(item, chunk));
        if (wanted && fetch(i, item, chunk) < 0 && item->lack_count == lacks)
            return -1; /* the store's side failed */
    }
    if (item->lack_count > NAMED_LACKS)
        mm_note(i->diags, MM_RULE_STORE_CHUNK, "%zu chunks lack in all", item->lack_count);
    return item->lack_count ? -1 : mm_intake_finish(&item->intake, i->diags);
}

/* Copies the artifact from the file of source ROOT. Returns 0 where the bytes lead to the manifest's root, 1 where they do not, or
 * cannot be read; -1 with a finding. */
static int copy_file(struct mm_import *i, struct mm_item *item, size_t root)
{
    struct mm_chunker chunker;
    struct mm_chunk_facts facts;
    uint64_t at = 0, bytes = item->claim.chunks.bytes;
    unsigned char *block = item->intake.block;
    int result = mm_chunker_init(&chunker, item->claim.chunks.size, false, NULL, NULL, i->diags);
    while (result == 0 && at < bytes) {
        ssize_t got = pread(item->intake.files[root], block, MM_INTAKE_BLOCK, (off_t)at);
        if (got <= 0 || (uint64_t)got > bytes - at)
            result = 1;
        else if (mm_intake_write(item->fd, block, (size_t)got, at, i->diags) < 0)
            result = -1;
        else
            mm_chunker_update(&chunker, block, (size_t)got);
        at += got > 0 ? (uint64_t)got : 0;
    }
    i->facts->read += at;
    if (result == 0)
        result = mm_chunker_finish(&chunker, &facts, i->diags);
    if (result == 0)
        result = memcmp(facts.root, item->claim.chunks.root, MM_HASH_BYTES) != 0;
    if (result == 0)
        count_taken(i, MM_FROM_FILE, bytes);
    mm_chunker_release(&chunker);
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
    return mm_diag(i->diags, MM_RULE_STORE_CHUNK,
                   "no source has the artifact as the manifest has it; without a chunk list no chunk can be named");
}

/* A shared file that is wrong is left to its owner, and the artifact begun anew. */
static int unshare(struct mm_import *i, struct mm_item *item)
{
    if (item->how != MM_ITEM_COPIED) {
        if (unlinkat(i->files, item->claim.path, 0) < 0 && errno != ENOENT)
            return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot remove %s: %s", item->claim.path, strerror(errno));
        item->how = MM_ITEM_COPIED;
        item->kept = 0;
        item->seen = 0;
    }
    return open_partial_file(i, item) < 0 ? -1 : 0;
}

static int read_list(struct mm_import *i, const struct mm_item *item, struct mm_chunk_list *list)
{
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
            mm_intake_know(&item->intake, i->home, &i->facts->model, &list);
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

static void write_lacks(const struct mm_item *item, struct mm_buf *out)
{
    for (size_t k = 0; k < item->lack_count; k++) {
        mm_buf_printf(out, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\n", item->lacks[k],
                      item->lacks[k] * item->claim.chunks.size, chunk_bytes(item, item->lacks[k]), item->claim.path);
    }
}

int mm_import_write_lacks(struct mm_import *i)
{
    struct mm_buf text = {0};
    char path[MM_STORE_PATH + 8];
    int result = 0;
    for (size_t k = 0; k < i->count; k++)
        write_lacks(&i->items[k], &text);
    snprintf(path, sizeof path, "%s/" MM_IMPORT_LACKS, i->partial);
    unlinkat(i->home, path, 0);
    if (text.failed) {
        result = mm_diag_memory(i->diags);
    } else if (text.length) {
        int fd = openat(i->home, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        result = fd < 0 ? mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot write %s: %s", path, strerror(errno))
                        : mm_file_write_all(fd, text.data, text.length, path, i->diags);
        if (fd >= 0)
            close(fd);
        if (i->options->bad_ranges)
            mm_buf_add(i->options->bad_ranges, text.data, text.length);
    }
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
        bool next = item->hole_count == 0 || item->holes[item->hole_count - 1] < chunk;
        if (strlen(item->claim.path) != size || memcmp(item->claim.path, path, size) != 0 || !next)
            continue;
        if (!mm_grow(&item->holes, item->hole_count, &item->hole_capacity, sizeof *item->holes))
            return mm_diag_memory(i->diags);
        item->holes[item->hole_count++] = chunk;
    }
    return 0;
}

int mm_import_read_lacks(struct mm_import *i)
{
    char path[MM_STORE_PATH + 8];
    struct mm_buf text = {0};
    snprintf(path, sizeof path, "%s/" MM_IMPORT_LACKS, i->partial);
    int fd = mm_file_open_beneath(i->home, path, MM_LINKS_BENEATH);
    if (fd < 0)
        return 0;
    int result = mm_file_read_all(fd, LACKS_MAX, &text, i->diags) < 0 ? -1 : 0;
    close(fd);
    for (const char *at = text.data, *end = at + text.length; at && at < end && result == 0;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        if (!feed)
            break;
        result = take_lack(i, at, (size_t)(feed - at));
        at = feed + 1;
    }
    mm_buf_release(&text);
    return result;
}
