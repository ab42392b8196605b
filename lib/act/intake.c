/* One artifact's bytes from the sources (act/supply.h). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/supply.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/writeback.h"

#define SET_ENDING ".chunkset"
#define TRIES 3        /* of a read that fails */
#define KNOWN_LISTS 64 /* chunk lists of other revisions that are read for one artifact */

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; fds && i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(fds);
}

static void close_piece(struct mm_intake *intake)
{
    if (intake->piece < 0)
        return;
    if (intake->forget)
        mm_writeback_forget(intake->piece, 0, intake->claim->chunks.size);
    close(intake->piece);
    intake->piece = -1;
}

void mm_intake_release(struct mm_intake *intake)
{
    size_t roots = intake->supply ? intake->supply->root_count : 0;
    close_all(intake->files, roots);
    close_all(intake->sets, roots);
    close_all(intake->known_files, intake->known_file_count);
    if (intake->supply)
        close_piece(intake);
    free(intake->before);
    free(intake->known);
    free(intake->block);
    mm_sha256_free(intake->sha);
    *intake = (struct mm_intake){.piece = -1};
}

/* ---- opening ---- */

static int not_opened(struct mm_intake *intake)
{
    if (mm_supply_is_trouble(errno))
        intake->open_error = errno;
    return -1;
}

static int open_file(struct mm_intake *intake, size_t root)
{
    int fd = mm_file_open_beneath(intake->supply->roots[root].folder, intake->claim->path, intake->supply->links);
    if (fd < 0)
        return not_opened(intake);
    bool known = fstat(fd, &intake->before[root]) == 0;
    if (!known)
        intake->open_error = errno;
    bool longer = known && (uint64_t)intake->before[root].st_size > intake->claim->chunks.bytes;
    intake->longer = intake->longer || longer;
    if (known && !longer)
        return fd;
    close(fd);
    return -1;
}

static int open_set(struct mm_intake *intake, size_t root)
{
    char path[sizeof intake->claim->path + sizeof SET_ENDING];
    const struct mm_supply_root *source = &intake->supply->roots[root];
    snprintf(path, sizeof path, "%s" SET_ENDING, source->is_set ? "" : intake->claim->path);
    int fd = openat(source->folder, source->is_set ? "." : path,
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC | (source->is_set ? 0 : O_NOFOLLOW));
    return fd >= 0 ? fd : not_opened(intake);
}

int mm_intake_open(struct mm_intake *intake, const struct mm_supply *supply, const struct mm_claim *claim,
                   struct mm_diags *diags)
{
    size_t count = supply->root_count;
    *intake = (struct mm_intake){.supply = supply, .claim = claim, .piece = -1};
    intake->files = calloc(count ? count : 1, sizeof *intake->files);
    intake->sets = calloc(count ? count : 1, sizeof *intake->sets);
    intake->before = calloc(count ? count : 1, sizeof *intake->before);
    intake->block = malloc(MM_INTAKE_BLOCK);
    intake->sha = mm_sha256_new();
    for (size_t i = 0; i < count; i++) {
        if (intake->files)
            intake->files[i] = -1;
        if (intake->sets)
            intake->sets[i] = -1;
    }
    if (!intake->files || !intake->sets || !intake->before || !intake->block || !intake->sha)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < count; i++) {
        intake->files[i] = supply->roots[i].is_set ? -1 : open_file(intake, i);
        intake->sets[i] = open_set(intake, i);
    }
    return 0;
}

int mm_intake_finish(const struct mm_intake *intake, struct mm_diags *diags)
{
    struct stat after;
    for (size_t i = 0; i < intake->supply->root_count; i++)
        if (intake->files[i] >= 0 && (fstat(intake->files[i], &after) < 0 || !mm_file_same(&intake->before[i], &after)))
            return mm_diag(diags, MM_RULE_IO_CHANGED, "the file of %s changed while it was read",
                           intake->supply->roots[i].path);
    return 0;
}

/* ---- chunks that the store has ---- */

/* The artifact's chunks in the order of their hashes, so that another list's can be found among them. */
struct wanted_chunk {
    unsigned char hash[MM_HASH_BYTES];
    uint32_t index;
};

struct wanted {
    struct wanted_chunk *chunks;
    size_t count;
    uint64_t chunk_size;
};

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, MM_HASH_BYTES);
}

/* The first wanted chunk with HASH or a higher one, or the number of chunks. */
static size_t find(const struct wanted *wanted, const unsigned char hash[static MM_HASH_BYTES])
{
    size_t low = 0, high = wanted->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(wanted->chunks[middle].hash, hash, MM_HASH_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Marks every wanted chunk that FILE, whose chunks are listed in THERE, has. Returns how many. */
static size_t mark_known(struct mm_intake *intake, const struct wanted *wanted, const struct mm_chunk_list *there,
                         uint32_t file)
{
    size_t marked = 0;
    for (size_t k = 0; k < there->hashes.count; k++)
        for (size_t at = find(wanted, there->hashes.items[k]);
             at < wanted->count && memcmp(wanted->chunks[at].hash, there->hashes.items[k], MM_HASH_BYTES) == 0; at++)
            if (intake->known[wanted->chunks[at].index].file == MM_INTAKE_NO_FILE) {
                intake->known[wanted->chunks[at].index] = (struct mm_known_chunk){file, (uint32_t)k};
                marked++;
            }
    return marked;
}

static bool read_stored_list(int home, const struct mm_chunk_facts *chunks, struct mm_chunk_list *list)
{
    char path[MM_STORE_PATH], hex[MM_HASH_HEX + 1];
    struct mm_diags ignored;
    mm_hex(hex, chunks->root, MM_HASH_BYTES);
    snprintf(path, sizeof path, MM_STORE_CHUNKS "/%s.chunks", hex);
    int fd = mm_file_open_beneath(home, path, MM_LINKS_BENEATH);
    if (fd < 0)
        return false;
    mm_diags_init(&ignored);
    bool sound = mm_chunk_list_read(list, fd, chunks->count, &ignored) == 0;
    mm_diags_release(&ignored);
    close(fd);
    return sound;
}

/* ITEM may have chunks that are wanted. */
static void know_item(struct mm_intake *intake, int home, const struct mm_shelf *shelf,
                      const struct mm_shelf_item *item, const struct wanted *wanted)
{
    struct mm_chunk_list there = {0};
    int fd = -1;
    if (read_stored_list(home, &item->chunks, &there) &&
        mm_grow(&intake->known_files, intake->known_file_count, &intake->known_file_capacity,
                sizeof *intake->known_files))
        fd = mm_file_open_beneath(home, mm_shelf_word(shelf, item->path), MM_LINKS_BENEATH);
    if (fd >= 0 && mark_known(intake, wanted, &there, (uint32_t)intake->known_file_count) > 0)
        intake->known_files[intake->known_file_count++] = fd;
    else if (fd >= 0)
        close(fd);
    mm_chunk_list_release(&there);
}

/* Another revision's artifact whose list is worth reading. */
static bool is_worth(const struct mm_shelf *shelf, const struct mm_shelf_item *item, const struct mm_store_model *model,
                     const struct wanted *wanted)
{
    return item->chunks.count > 1 && item->chunks.size == wanted->chunk_size && item->revision != model->revision &&
           strcmp(mm_shelf_word(shelf, item->id), model->id) == 0;
}

/* First artifacts of the same path, then others: a bounded number of lists. */
static void know_revisions(struct mm_intake *intake, int home, const struct mm_shelf *shelf,
                           const struct mm_store_model *model, const struct wanted *wanted)
{
    size_t read = 0;
    for (int same = 1; same >= 0; same--)
        for (size_t i = 0; i < shelf->count && read < KNOWN_LISTS; i++) {
            const struct mm_shelf_item *item = &shelf->items[i];
            if (is_worth(shelf, item, model, wanted) &&
                (strcmp(mm_shelf_word(shelf, item->name), intake->claim->path) == 0) == same) {
                know_item(intake, home, shelf, item, wanted);
                read++;
            }
        }
}

void mm_intake_know(struct mm_intake *intake, int home, const struct mm_shelf *shelf,
                    const struct mm_store_model *model, const struct mm_chunk_list *list)
{
    size_t count = list->hashes.count;
    if (count < 2 || shelf->count == 0) /* an equal file was found as a whole */
        return;
    struct wanted wanted = {mm_realloc_array(NULL, count, sizeof *wanted.chunks), count, list->facts.size};
    intake->known = mm_realloc_array(NULL, count, sizeof *intake->known);
    for (size_t i = 0; wanted.chunks && intake->known && i < count; i++) {
        memcpy(wanted.chunks[i].hash, list->hashes.items[i], MM_HASH_BYTES);
        wanted.chunks[i].index = (uint32_t)i;
        intake->known[i] = (struct mm_known_chunk){MM_INTAKE_NO_FILE, 0};
    }
    if (wanted.chunks && intake->known) {
        qsort(wanted.chunks, count, sizeof *wanted.chunks, by_hash);
        know_revisions(intake, home, shelf, model, &wanted);
    } else {
        free(intake->known);
        intake->known = NULL;
    }
    free(wanted.chunks);
}

/* ---- reading ---- */

/* Bytes of FD at OFFSET; what fails is tried again. 0 where the file ends. */
static ssize_t try_read(struct mm_intake *intake, int fd, uint64_t offset, void *out, size_t length)
{
    ssize_t got = -1;
    for (int attempt = 0; got < 0 && attempt < TRIES; attempt++)
        got = pread(fd, out, length, (off_t)offset);
    if (got < 0)
        intake->error = errno;
    return got;
}

/* The piece of chunk INDEX that the set of ROOT has, opened; -1 if it lacks. */
static int open_piece(struct mm_intake *intake, size_t root, uint64_t index)
{
    char hex[MM_HASH_HEX + 1], path[MM_HASH_HEX + 4];
    if (!intake->list || index >= intake->list->hashes.count || intake->sets[root] < 0)
        return -1;
    if (intake->piece >= 0 && intake->piece_index == index && intake->piece_root == (int)root)
        return intake->piece;
    close_piece(intake);
    mm_hex(hex, intake->list->hashes.items[index], MM_HASH_BYTES);
    snprintf(path, sizeof path, "%.2s/%s", hex, hex);
    intake->piece = mm_file_open_beneath(intake->sets[root], path, intake->supply->links);
    if (intake->piece < 0 && mm_supply_is_trouble(errno))
        intake->error = errno;
    intake->piece_index = index;
    intake->piece_root = (int)root;
    return intake->piece;
}

/* The places of a chunk are numbered: 0 is the store, then a file and a set for each source. */
static size_t place_count(const struct mm_intake *intake)
{
    return 1 + 2 * intake->supply->root_count;
}

/* How many of LENGTH bytes at OFFSET stand in one chunk. */
static size_t in_chunk(const struct mm_intake *intake, uint64_t offset, size_t length)
{
    uint64_t left = intake->claim->chunks.size - offset % intake->claim->chunks.size;
    return length < left ? length : (size_t)left;
}

/* The same up to the first chunk that the store has. */
static size_t before_known(const struct mm_intake *intake, uint64_t offset, size_t length)
{
    uint64_t size = intake->claim->chunks.size, last = offset + length - 1;
    for (uint64_t index = offset / size + 1; intake->known && index <= last / size; index++)
        if (index >= intake->claim->chunks.count || intake->known[index].file != MM_INTAKE_NO_FILE)
            return (size_t)(index * size - offset);
    return length;
}

/* Where many chunks at once cannot be read, the first of them may. */
static ssize_t read_file(struct mm_intake *intake, int fd, uint64_t offset, void *out, size_t length)
{
    size_t run = before_known(intake, offset, length), least = in_chunk(intake, offset, length);
    ssize_t got = try_read(intake, fd, offset, out, run);
    return got < 0 && least < run ? try_read(intake, fd, offset, out, least) : got;
}

static ssize_t read_place(struct mm_intake *intake, size_t place, uint64_t offset, void *out, size_t length,
                          enum mm_intake_from *from)
{
    uint64_t size = intake->claim->chunks.size, index = offset / size;
    size_t root = (place - 1) / 2, least = in_chunk(intake, offset, length);
    errno = ENOENT;
    if (place == 0) {
        *from = MM_FROM_STORE;
        if (!intake->known || intake->known[index].file == MM_INTAKE_NO_FILE)
            return -1;
        const struct mm_known_chunk *known = &intake->known[index];
        return try_read(intake, intake->known_files[known->file], known->index * size + offset % size, out, least);
    }
    if (place % 2 == 1) {
        *from = MM_FROM_FILE;
        return intake->files[root] < 0 ? -1 : read_file(intake, intake->files[root], offset, out, length);
    }
    *from = MM_FROM_SET;
    int piece = open_piece(intake, root, index);
    return piece < 0 ? -1 : try_read(intake, piece, offset % size, out, least);
}

ssize_t mm_intake_read(struct mm_intake *intake, uint64_t offset, void *out, size_t length, enum mm_intake_from *from)
{
    int error = intake->open_error ? intake->open_error : ENODATA;
    for (size_t place = 0; place < place_count(intake); place++) {
        ssize_t got = read_place(intake, place, offset, out, length, from);
        if (got > 0)
            return got;
        if (got < 0 && errno != ENOENT)
            error = errno;
    }
    *from = MM_FROM_NOWHERE;
    errno = error;
    return -1;
}

void mm_intake_forget(struct mm_intake *intake, uint64_t from, uint64_t to)
{
    for (size_t i = 0; intake->forget && i < intake->supply->root_count; i++)
        if (intake->files[i] >= 0)
            mm_writeback_forget(intake->files[i], from, to);
}

/* Copies chunk INDEX from PLACE. Returns 0; 1 if the place lacks it or has other bytes; -1 with IO_WRITE. */
static int fetch_from(struct mm_intake *intake, size_t place, uint64_t index, int out, uint64_t *read,
                      enum mm_intake_from *from, struct mm_diags *diags)
{
    uint64_t size = intake->claim->chunks.size, at = index * size, end = at + size;
    unsigned char hash[MM_HASH_BYTES];
    if (end > intake->claim->chunks.bytes)
        end = intake->claim->chunks.bytes;
    while (at < end) {
        ssize_t got = read_place(intake, place, at, intake->block,
                                 end - at < MM_INTAKE_BLOCK ? (size_t)(end - at) : MM_INTAKE_BLOCK, from);
        if (got <= 0) {
            mm_sha256_take(intake->sha, hash); /* what was hashed of it is forgotten */
            return 1;
        }
        mm_sha256_update(intake->sha, intake->block, (size_t)got);
        *read += *from == MM_FROM_STORE ? 0 : (uint64_t)got;
        if (mm_file_write_at(out, intake->block, (size_t)got, at) < 0)
            return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot write", errno);
        at += (uint64_t)got;
    }
    mm_sha256_take(intake->sha, hash);
    return intake->list && memcmp(hash, intake->list->hashes.items[index], MM_HASH_BYTES) != 0;
}

int mm_intake_fetch(struct mm_intake *intake, uint64_t index, int out, uint64_t *read, enum mm_intake_from *from,
                    struct mm_diags *diags)
{
    for (int attempt = 0; attempt < 2; attempt++)
        for (size_t place = 0; place < place_count(intake); place++) {
            int result = fetch_from(intake, place, index, out, read, from, diags);
            if (result <= 0)
                return result;
        }
    *from = MM_FROM_NOWHERE;
    return 1;
}
