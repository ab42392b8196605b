/* Second copies: what the user named, and what of it belongs to one file (act/repair_parts.h). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/repair_parts.h"
#include "act/store.h"
#include "base/checked.h"
#include "text/path.h"

#define SET_ENDING ".chunkset"

static const char *const list_endings[2] = {".chunks", ".chunks.gz"};

static void close_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* ---- what the user named ---- */

void mm_copies_release(struct mm_copies *copies)
{
    for (size_t i = 0; i < copies->count; i++) {
        struct mm_copy *copy = &copies->items[i];
        close_open(copy->folder);
        close_open(copy->files);
        close_open(copy->file);
        close_open(copy->lists[0]);
        close_open(copy->lists[1]);
        free(copy->path);
    }
    free(copies->items);
    *copies = (struct mm_copies){0};
}

bool mm_repair_is_manifest(int fd)
{
    static const char type[] = MM_MANIFEST_TYPE " ";
    char begin[sizeof type - 1];
    return pread(fd, begin, sizeof begin, 0) == (ssize_t)sizeof begin && memcmp(begin, type, sizeof begin) == 0;
}

/* A folder of files, of chunk sets, or a chunk set. A model's folder of a store has its files in files/. */
static void take_folder(struct mm_copy *copy, int folder)
{
    copy->folder = folder;
    if (faccessat(folder, MM_STORE_MANIFEST, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        copy->files = openat(folder, "files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int take_manifest(struct mm_copy *copy, const char *path, struct mm_diags *diags)
{
    size_t length = mm_path_folder_length(path);
    char *name = length ? strndup(path, length) : strdup(".");
    if (!name)
        return mm_diag_memory(diags);
    int folder = mm_file_open_folder(name, diags);
    free(name);
    if (folder >= 0)
        take_folder(copy, folder);
    return folder >= 0 ? 0 : -1;
}

/* One file, and the chunk lists beside it. */
static int take_file(struct mm_copy *copy, const char *path, struct mm_diags *diags)
{
    int fd = mm_file_open(path, diags);
    if (fd < 0)
        return -1;
    if (mm_repair_is_manifest(fd)) {
        close(fd);
        return take_manifest(copy, path, diags);
    }
    copy->file = fd;
    for (int i = 0; i < 2; i++) {
        char *name;
        if (asprintf(&name, "%s%s", path, list_endings[i]) < 0)
            return mm_diag_memory(diags);
        copy->lists[i] = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        free(name);
    }
    return 0;
}

int mm_copies_add(struct mm_copies *copies, const char *path, struct mm_diags *diags)
{
    const char *shown = diags->file;
    if (!mm_grow(&copies->items, copies->count, &copies->capacity, sizeof *copies->items))
        return mm_diag_memory(diags);
    struct mm_copy *copy = &copies->items[copies->count++];
    *copy = (struct mm_copy){strdup(path), -1, -1, -1, {-1, -1}};
    if (!copy->path) {
        copies->count--;
        return mm_diag_memory(diags);
    }
    diags->file = path;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
    if (folder >= 0)
        take_folder(copy, folder);
    else
        result = errno == ENOTDIR ? take_file(copy, path, diags)
                                  : mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
    diags->file = shown;
    return result;
}

/* ---- what of it belongs to the file ---- */

static bool is_same_file(const struct mm_repair_run *run, int fd)
{
    struct stat info;
    return run->old >= 0 && fstat(fd, &info) == 0 && info.st_dev == run->before.st_dev &&
           info.st_ino == run->before.st_ino;
}

/* Says why what COPY has under the file's name is not read, where it has something there. Of what could not be looked at nobody knows
 * that it lacks a chunk. */
static void tell_unopened(struct mm_repair_run *run, size_t copy, int error)
{
    const char *path = run->options->copies->items[copy].path;
    bool trouble = mm_fetch_is_trouble(error), link = error == EXDEV || error == ELOOP;
    if (trouble || link)
        run->open_error = error;
    if (trouble)
        mm_note(run->diags, MM_RULE_IO_OPEN, "%s: cannot open what it has of that name: %s", path, strerror(error));
    else if (link)
        mm_note(run->diags, MM_RULE_STORE_SOURCE,
                run->options->copies->links == MM_LINKS_FOLLOW
                    ? "%s has a symbolic link of that name that leads nowhere"
                    : "%s has a symbolic link of that name that leads out of it: --follow-links reads it",
                path);
    else if (error == EISDIR || error == ENXIO)
        mm_note(run->diags, MM_RULE_STORE_SOURCE, "%s has something of that name that is no regular file", path);
}

/* Adds a place. Takes FD over, which may be -1. */
static int add_place(struct mm_repair_run *run, int fd, bool is_set, size_t copy)
{
    struct mm_fetch *fetch = &run->fetch;
    if (fd < 0) {
        tell_unopened(run, copy, errno);
        return 0;
    }
    if (!is_set && is_same_file(run, fd)) {
        mm_note(run->diags, MM_RULE_STORE_SOURCE, "%s has the very file that is to be mended, which is no second copy",
                run->options->copies->items[copy].path);
        close(fd);
        return 0;
    }
    if (fetch->count >= MM_PLACE_MAX ||
        !mm_grow(&fetch->places, fetch->count, &fetch->capacity, sizeof *fetch->places)) {
        close(fd);
        return fetch->count >= MM_PLACE_MAX
                   ? mm_diag(run->diags, MM_RULE_IO_LIMIT, "expected fewer copies than %d", MM_PLACE_MAX / 4)
                   : mm_diag_memory(run->diags);
    }
    fetch->places[fetch->count++] = (struct mm_place){fd, is_set, false, copy};
    return 0;
}

/* The file beneath FOLDER, its chunk set, and FOLDER as a set. */
static int add_folder(struct mm_repair_run *run, int folder, size_t copy)
{
    char set[sizeof run->target->claim->path + sizeof SET_ENDING];
    const char *path = run->target->claim->path;
    if (folder < 0)
        return 0;
    snprintf(set, sizeof set, "%s" SET_ENDING, path);
    if (add_place(run, mm_file_open_beneath(folder, path, run->options->copies->links), false, copy) < 0)
        return -1;
    if (!run->list)
        return 0;
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    return add_place(run, openat(folder, set, flags | O_NOFOLLOW), true, copy) < 0
               ? -1
               : add_place(run, openat(folder, ".", flags), true, copy);
}

/* A copy that is a file is one of what has its name, or of the only thing that is asked for. */
static bool is_of(const struct mm_repair_target *target, const struct mm_copy *copy)
{
    return copy->file >= 0 &&
           (target->alone || strcmp(mm_path_name(copy->path), mm_path_name(target->claim->path)) == 0);
}

int mm_places_open(struct mm_repair_run *run)
{
    const struct mm_copies *copies = run->options->copies;
    for (size_t i = 0; i < copies->count; i++) {
        const struct mm_copy *copy = &copies->items[i];
        bool file = is_of(run->target, copy);
        if ((file && add_place(run, fcntl(copy->file, F_DUPFD_CLOEXEC, 0), false, i) < 0) ||
            add_folder(run, copy->folder, i) < 0 || add_folder(run, copy->files, i) < 0)
            return -1;
    }
    if (run->old < 0)
        return 0;
    struct mm_fetch *fetch = &run->fetch;
    if (!mm_grow(&fetch->places, fetch->count, &fetch->capacity, sizeof *fetch->places))
        return mm_diag_memory(run->diags);
    fetch->places[fetch->count++] = (struct mm_place){run->old, false, true, 0};
    return 0;
}

/* ---- the chunk list ---- */

static bool is_of_claim(const struct mm_chunk_facts *a, const struct mm_chunk_facts *b)
{
    return a->bytes == b->bytes && a->size == b->size && a->count == b->count &&
           memcmp(a->root, b->root, MM_HASH_BYTES) == 0 && memcmp(a->sha256, b->sha256, MM_HASH_BYTES) == 0;
}

/* Takes the list behind FD, which may be -1, if it is the artifact's; whose it is does not matter then. Closes FD. */
static bool take_list(struct mm_repair_run *run, int fd)
{
    struct mm_diags ignored;
    if (fd < 0) {
        run->list_unread = run->list_unread || mm_fetch_is_trouble(errno);
        return false;
    }
    mm_diags_init(&ignored);
    mm_chunk_list_release(&run->found);
    bool fits = lseek(fd, 0, SEEK_SET) == 0 &&
                mm_chunk_list_read(&run->found, fd, run->target->claim->chunks.count, &ignored) == 0 &&
                is_of_claim(&run->found.facts, &run->target->claim->chunks);
    run->list_unread = run->list_unread || ignored.unknown;
    mm_diags_release(&ignored);
    close(fd);
    if (fits)
        run->list = &run->found;
    return fits;
}

static bool find_beside(struct mm_repair_run *run, int folder, const char *path, enum mm_links links)
{
    char name[PATH_MAX];
    for (int i = 0; i < 2 && folder >= 0; i++)
        if ((size_t)snprintf(name, sizeof name, "%s%s", path, list_endings[i]) < sizeof name &&
            take_list(run, mm_file_open_beneath(folder, name, links)))
            return true;
    return false;
}

static bool find_in_copies(struct mm_repair_run *run)
{
    const struct mm_copies *copies = run->options->copies;
    const char *path = run->target->claim->path;
    for (size_t i = 0; i < copies->count; i++) {
        const struct mm_copy *copy = &copies->items[i];
        if (find_beside(run, copy->folder, path, copies->links) || find_beside(run, copy->files, path, copies->links))
            return true;
        for (int k = 0; k < 2; k++)
            if (copy->lists[k] >= 0 && take_list(run, fcntl(copy->lists[k], F_DUPFD_CLOEXEC, 0)))
                return true;
    }
    return false;
}

/* No chunk, or one, whose hash is that of the whole file. */
static int make_list(struct mm_repair_run *run)
{
    const struct mm_chunk_facts *chunks = &run->target->claim->chunks;
    run->found.facts = *chunks;
    if (chunks->count)
        mm_hashes_add(&run->found.hashes, 0, chunks->sha256);
    run->list = &run->found;
    return run->found.hashes.failed ? mm_diag_memory(run->diags) : 0;
}

int mm_repair_find_list(struct mm_repair_run *run)
{
    const struct mm_repair_target *target = run->target;
    if (target->list && !is_of_claim(&target->list->facts, &target->claim->chunks))
        return mm_diag(run->diags, MM_RULE_CHUNK_ROOT, "expected a chunk list of the artifact, found one of another");
    run->list = target->list;
    if (run->list)
        return 0;
    if (target->claim->chunks.count <= 1)
        return make_list(run);
    if (!find_beside(run, target->folder, target->path, run->options->links))
        find_in_copies(run);
    return 0;
}
