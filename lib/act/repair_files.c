/* The files that a call is about: what a repair makes for itself is none of them, and no file is mended as two (act/repair.h). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/repair.h"
#include "base/checked.h"

/* What a call knows of one file under one name. */
struct mm_repair_file {
    dev_t device;
    ino_t inode;
    bool target; /* it has to be what CHUNKS says */
    bool linked; /* its name leads through a symbolic link */
    struct mm_chunk_facts chunks;
};

void mm_repair_files_release(struct mm_repair_files *files)
{
    free(files->items);
    *files = (struct mm_repair_files){0};
}

static bool is_before(const struct mm_repair_file *file, const struct stat *info)
{
    return file->device < info->st_dev || (file->device == info->st_dev && file->inode < info->st_ino);
}

static bool is_of(const struct mm_repair_file *file, const struct stat *info)
{
    return file->device == info->st_dev && file->inode == info->st_ino;
}

/* The place of the first entry of the file INFO, or where it would stand. */
static size_t place_of(const struct mm_repair_files *files, const struct stat *info)
{
    size_t low = 0, high = files->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_before(&files->items[middle], info))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int add(struct mm_repair_files *files, const struct mm_repair_file *file, const struct stat *info,
               struct mm_diags *diags)
{
    if (!mm_grow(&files->items, files->count, &files->capacity, sizeof *files->items))
        return mm_diag_memory(diags);
    size_t at = place_of(files, info);
    memmove(files->items + at + 1, files->items + at, (files->count - at) * sizeof *files->items);
    files->items[at] = *file;
    files->items[at].device = info->st_dev;
    files->items[at].inode = info->st_ino;
    files->count++;
    return 0;
}

int mm_repair_files_add(struct mm_repair_files *files, int fd, struct mm_diags *diags)
{
    struct stat info;
    const struct mm_repair_file kept = {.target = false};
    return fd >= 0 && fstat(fd, &info) == 0 ? add(files, &kept, &info, diags) : 0;
}

int mm_repair_files_add_copies(struct mm_repair_files *files, const struct mm_copies *copies, struct mm_diags *diags)
{
    int result = 0;
    for (size_t i = 0; i < copies->count && result == 0; i++) {
        const struct mm_copy *copy = &copies->items[i];
        result = mm_repair_files_add(files, copy->file, diags);
        for (int k = 0; k < 2 && result == 0; k++)
            result = mm_repair_files_add(files, copy->lists[k], diags);
    }
    return result;
}

int mm_repair_files_add_target(struct mm_repair_files *files, int folder, const char *path,
                               const struct mm_chunk_facts *chunks, struct mm_diags *diags)
{
    struct mm_repair_file file = {.target = true, .chunks = *chunks};
    struct stat info;
    if (fstatat(folder, path, &info, 0) < 0)
        return 0;
    int fd = mm_file_open_beneath(folder, path, MM_LINKS_NONE);
    file.linked = fd < 0;
    if (fd >= 0)
        close(fd);
    return add(files, &file, &info, diags);
}

int mm_repair_files_add_artifacts(struct mm_repair_files *files, int folder, const struct mm_manifest *manifest,
                                  struct mm_diags *diags)
{
    int result = 0;
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest) && result == 0; group++) {
        struct mm_claim claim;
        mm_manifest_claim(manifest, group, &claim);
        result = mm_repair_files_add_target(files, folder, claim.path, &claim.chunks, diags);
    }
    return result;
}

bool mm_repair_files_have(const struct mm_repair_files *files, const struct stat *info)
{
    size_t at = place_of(files, info);
    return at < files->count && is_of(&files->items[at], info);
}

/* A name of its own of a file with several keeps what it has when another is made anew; a link to that other does not. */
bool mm_repair_files_clash(const struct mm_repair_files *files, const struct stat *info,
                           const struct mm_chunk_facts *chunks)
{
    for (size_t i = place_of(files, info); i < files->count && is_of(&files->items[i], info); i++) {
        const struct mm_repair_file *file = &files->items[i];
        bool same =
            file->chunks.bytes == chunks->bytes && memcmp(file->chunks.sha256, chunks->sha256, MM_HASH_BYTES) == 0;
        if (file->target && !same && (info->st_nlink == 1 || file->linked))
            return true;
    }
    return false;
}
