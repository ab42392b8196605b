#include "exchange/shares.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "exchange/shares_parts.h"

/* ---- one of them ---- */

static void release_blob(struct mm_share_blob *blob)
{
    free(blob->memory);
    free(blob->path);
    if (blob->fd >= 0)
        close(blob->fd);
}

void mm_share_file_release(struct mm_share_file *file)
{
    release_blob(&file->content);
    release_blob(&file->list);
    free(file->have);
    mm_share_part_release(file->part);
}

void mm_share_model_release(struct mm_share_model *model)
{
    release_blob(&model->manifest);
    release_blob(&model->signature);
    for (size_t i = 0; i < model->other_count; i++)
        release_blob(&model->others[i].text);
    free(model->others);
}

void mm_shares_keep(struct mm_shares *shares)
{
    shares->users++;
}

void mm_shares_drop(struct mm_shares *shares)
{
    if (!shares || --shares->users > 0)
        return;
    for (size_t i = 0; i < shares->model_count; i++)
        mm_share_model_release(&shares->models[i]);
    for (size_t i = 0; i < shares->file_count; i++)
        mm_share_file_release(&shares->files[i]);
    free(shares->models);
    free(shares->files);
    free(shares->by_root);
    free(shares->open);
    mm_buf_release(&shares->listing);
    free(shares);
}

size_t mm_shares_models(const struct mm_shares *shares)
{
    return shares->model_count;
}

const struct mm_buf *mm_shares_listing(const struct mm_shares *shares)
{
    return &shares->listing;
}

/* ---- finding ---- */

static int model_order(const void *key, const void *model)
{
    return memcmp(key, ((const struct mm_share_model *)model)->manifest.sha256, MM_HASH_BYTES);
}

static int file_order(const void *key, const void *file)
{
    return memcmp(key, ((const struct mm_share_file *)file)->chunks.sha256, MM_HASH_BYTES);
}

static int root_order(const void *key, const void *place)
{
    return memcmp(key, (*(struct mm_share_file *const *)place)->chunks.root, MM_HASH_BYTES);
}

struct mm_share_model *mm_shares_manifest(struct mm_shares *shares, const unsigned char sha256[static MM_HASH_BYTES])
{
    size_t count = shares->model_count;
    return count ? bsearch(sha256, shares->models, count, sizeof *shares->models, model_order) : NULL;
}

struct mm_share_file *mm_shares_artifact(struct mm_shares *shares, const unsigned char sha256[static MM_HASH_BYTES])
{
    size_t count = shares->file_count;
    return count ? bsearch(sha256, shares->files, count, sizeof *shares->files, file_order) : NULL;
}

struct mm_share_file *mm_shares_root(struct mm_shares *shares, const unsigned char root[static MM_HASH_BYTES])
{
    size_t count = shares->file_count;
    struct mm_share_file **place =
        count ? bsearch(root, shares->by_root, count, sizeof(struct mm_share_file *), root_order) : NULL;
    return place ? *place : NULL;
}

/* ---- descriptors ---- */

/* The same file as it was when it was shared. Its change time moves when another model gets a link to it, and is left out. */
static bool is_same(int fd, const struct mm_share_blob *blob)
{
    struct mm_fingerprint now = {0}, was = blob->fingerprint;
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    bool taken = mm_fingerprint_take(&now, fd, &ignored) == 0 && now.known;
    mm_diags_release(&ignored);
    if (blob->grows)
        return taken && was.known && now.device == was.device && now.inode == was.inode;
    now.ctime = was.ctime;
    now.verity.known = was.verity.known = false; /* a file can get it later without a change */
    return taken && mm_fingerprint_same(&now, &was);
}

/* Closes the file that nobody reads and that was asked for longest ago, if at least LEAST of those are open. Returns whether it did. */
static bool close_one(struct mm_shares *shares, size_t least)
{
    size_t oldest = SIZE_MAX, idle = 0;
    for (size_t i = 0; i < shares->open_count; i++) {
        if (shares->open[i]->readers > 0)
            continue;
        idle++;
        if (oldest == SIZE_MAX || shares->open[i]->used < shares->open[oldest]->used)
            oldest = i;
    }
    if (idle < least)
        return false;
    close(shares->open[oldest]->fd);
    shares->open[oldest]->fd = -1;
    shares->open[oldest] = shares->open[--shares->open_count];
    return true;
}

/* Where nothing more may be open, files that nobody reads make room. */
static int open_file(struct mm_shares *shares, const struct mm_share_blob *blob)
{
    int fd = mm_file_open_beneath(shares->home, blob->path, MM_LINKS_NONE);
    while (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
        int error = errno;
        if (!close_one(shares, 1)) {
            errno = error;
            return -1;
        }
        fd = mm_file_open_beneath(shares->home, blob->path, MM_LINKS_NONE);
    }
    return fd;
}

int mm_shares_open(struct mm_shares *shares, struct mm_share_blob *blob)
{
    if (blob->fd < 0) {
        close_one(shares, MM_SHARES_OPEN);
        if (!mm_grow(&shares->open, shares->open_count, &shares->open_capacity, sizeof(struct mm_share_blob *))) {
            errno = ENOMEM;
            return -1;
        }
        int fd = open_file(shares, blob);
        if (fd < 0)
            return -1;
        if (!is_same(fd, blob)) {
            close(fd);
            errno = ESTALE;
            return -1;
        }
        blob->fd = fd;
        shares->open[shares->open_count++] = blob;
    }
    blob->readers++;
    blob->used = ++shares->clock;
    return blob->fd;
}

void mm_shares_close(struct mm_shares *shares, struct mm_share_blob *blob)
{
    blob->readers--;
    if (blob->readers == 0 && shares->open_count > MM_SHARES_OPEN)
        close_one(shares, MM_SHARES_OPEN);
}
