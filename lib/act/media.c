/* The course of an export: what there is, what goes where, the small files, the artifacts, and the indexes last. */
#include "act/media.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "act/media_parts.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/tree.h"

#define FAT_MAGIC 0x4d44
#define FAT_FILE_MAX UINT32_MAX /* bytes of a file */
#define READ_ME "READ-ME-FIRST.txt"
#define READ_ME_BYTES 8192u /* without what it says of models */
#define BASE_ENTRIES                                                                                                   \
    12u /* read-me, index, the medium's own folder, keys/, revocations/, tools/ and its folders, and spare */
#define PENDING 65536u

/* ---- beginning and end ---- */

static uint64_t largest_file(int folder)
{
#ifdef __linux__
    struct statfs info;
    if (fstatfs(folder, &info) == 0 && info.f_type == FAT_MAGIC)
        return FAT_FILE_MAX;
#else
    (void)folder;
#endif
    return UINT64_MAX;
}

struct mm_media *mm_media_new(const char *dir, const struct mm_media_options *options, struct mm_diags *diags)
{
    struct mm_media *media = calloc(1, sizeof *media);
    const char *shown = diags->file;
    if (!media) {
        mm_diag_memory(diags);
        return NULL;
    }
    *media =
        (struct mm_media){.options = options, .folder = -1, .tools = -1, .dir = strdup(dir), .sha = mm_sha256_new()};
    diags->file = dir;
    int result = media->dir && media->sha ? 0 : mm_diag_memory(diags);
    if (result == 0 && mkdir(dir, 0777) < 0 && errno != EEXIST)
        result = mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot create the folder", errno);
    if (result == 0 && (media->folder = mm_file_open_folder(dir, diags)) < 0)
        result = -1;
    if (result == 0 && flock(media->folder, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        result =
            mm_diag(diags, MM_RULE_IO_WRITE, "expected to be alone, found that another export writes into the folder");
    if (result == 0 && options->tools) {
        diags->file = options->tools;
        result = (media->tools = mm_file_open_folder(options->tools, diags)) < 0 ? -1 : 0;
    }
    diags->file = shown;
    if (result < 0) {
        mm_media_free(media);
        return NULL;
    }
    media->file_limit = options->file_limit ? options->file_limit : largest_file(media->folder);
    return media;
}

void mm_media_free(struct mm_media *media)
{
    if (!media)
        return;
    for (size_t i = 0; i < media->medium_count; i++) {
        struct mm_medium_folder *medium = &media->media[i];
        mm_writer_abandon(&medium->index);
        mm_name_set_release(&medium->named);
        mm_buf_release(&medium->pending);
        if (medium->folder >= 0)
            close(medium->folder);
        free(medium->path);
    }
    for (size_t i = 0; i < media->model_count; i++)
        mm_media_model_release(&media->models[i]);
    free(media->media);
    free(media->models);
    free(media->pieces);
    if (media->folder >= 0)
        close(media->folder);
    if (media->tools >= 0)
        close(media->tools);
    mm_sha256_free(media->sha);
    mm_buf_release(&media->text);
    free(media->dir);
    free(media);
}

int mm_media_folder(const struct mm_media *media)
{
    return media->folder;
}

int mm_media_tools(const struct mm_media *media)
{
    return media->tools;
}

size_t mm_media_model_count(const struct mm_media *media)
{
    return media->model_count;
}

const struct mm_media_model_facts *mm_media_model_facts(const struct mm_media *media, size_t index)
{
    return &media->models[index].facts;
}

size_t mm_media_count(const struct mm_media *media)
{
    return media->medium_count;
}

struct mm_media_facts mm_media_facts(const struct mm_media *media, size_t index)
{
    const struct mm_medium_folder *medium = &media->media[index];
    return (struct mm_media_facts){medium->path, medium->files, medium->bytes, medium->models,
                                   medium->written || medium->done};
}

/* ---- the plan ---- */

/* Two manifests of one model and revision cannot stand side by side. */
static int check_apart(const struct mm_media *media, size_t index, struct mm_diags *diags)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(media->models[i].facts.model.path, media->models[index].facts.model.path) == 0)
            return mm_diag(diags, MM_RULE_STORE_REVISION, "expected one manifest of %s revision %" PRIu64 ", found two",
                           media->models[index].facts.model.id, media->models[index].facts.model.revision);
    return 0;
}

static int read_models(struct mm_media *media, struct mm_diags *diags)
{
    int result = 0;
    media->models = calloc(media->supply->manifest_count, sizeof *media->models);
    if (!media->models)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < media->supply->manifest_count; i++) {
        media->model_count = i + 1;
        if (mm_media_model_read(media, &media->models[i], i, diags) < 0 || check_apart(media, i, diags) < 0)
            result = -1; /* the others are looked at too */
        media->total += media->models[i].facts.total;
    }
    return result;
}

/* What every medium takes beside models. */
static int base_bytes(struct mm_media *media, uint64_t *bytes, struct mm_diags *diags)
{
    *bytes = READ_ME_BYTES + BASE_ENTRIES * mm_media_cost(1);
    return mm_media_keys(media, NULL, bytes, diags) < 0 ? -1 : mm_media_put_tools(media, NULL, bytes, diags);
}

static int check_space(const struct mm_media *media, struct mm_diags *diags)
{
    struct statvfs room;
    uint64_t needed = 0;
    for (size_t i = 0; i < media->medium_count; i++)
        needed += media->media[i].planned;
    if (fstatvfs(media->folder, &room) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot look at the file system", errno);
    uint64_t block = room.f_frsize ? room.f_frsize : room.f_bsize;
    if (!media->resumed && room.f_bavail < needed / block)
        return mm_diag(diags, MM_RULE_MEDIA_SPACE, "expected room for %" PRIu64 " bytes, found %" PRIu64, needed,
                       (uint64_t)room.f_bavail * block);
    return 0;
}

static bool stands(const struct mm_medium_folder *medium, const char *path, const void *bytes, size_t length)
{
    struct mm_buf there = {0};
    struct mm_diags ignored;
    struct stat info;
    int fd = mm_file_open_beneath(medium->folder, path, MM_LINKS_BENEATH);
    if (fd < 0)
        return false;
    mm_diags_init(&ignored);
    bool same = fstat(fd, &info) == 0 && (uint64_t)info.st_size == length &&
                mm_file_read_all(fd, length, &there, &ignored) == 0 && there.length == length &&
                (length == 0 || memcmp(there.data, bytes, length) == 0);
    mm_diags_release(&ignored);
    mm_buf_release(&there);
    close(fd);
    return same;
}

static int refuse_complete(const struct mm_medium_folder *medium, const char *which, struct mm_diags *diags)
{
    diags->file = medium->path;
    return mm_diag(diags, MM_RULE_MEDIA_COMPLETE,
                   "expected an empty folder or one whose export was interrupted, found a complete one%s: "
                   "--force writes it again",
                   which);
}

/* Media that are complete are left alone unless they may be written again. Where some of this very export are, as the read-me tells, which
 * says what goes where, the others are gone on with. */
static int check_complete(struct mm_media *media, struct mm_diags *diags)
{
    size_t done = 0;
    for (size_t i = 0; !media->options->force && i < media->medium_count; i++) {
        struct mm_medium_folder *medium = &media->media[i];
        if (faccessat(medium->folder, MM_MEDIA_INDEX, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        mm_buf_clear(&media->text);
        mm_media_read_me(media, i, &media->text);
        if (!mm_buf_text(&media->text))
            return mm_diag_memory(diags);
        medium->done = stands(medium, READ_ME, media->text.data, media->text.length);
        if (!medium->done)
            return refuse_complete(medium, " of another export", diags);
        done++;
    }
    return done > 0 && done == media->medium_count ? refuse_complete(media->media, "", diags) : 0;
}

/* The folders of the media: DIR, or DIR/1 and so on. */
static int open_media(struct mm_media *media, struct mm_diags *diags)
{
    for (size_t i = 0; i < media->medium_count; i++) {
        struct mm_medium_folder *medium = &media->media[i];
        struct mm_buf path = {0};
        char name[24];
        snprintf(name, sizeof name, "%zu", i + 1);
        bool one = media->options->capacity == 0;
        mm_buf_printf(&path, one ? "%s" : "%s/%s", media->dir, name);
        medium->path = mm_buf_text(&path) ? strdup(path.data) : NULL;
        mm_buf_release(&path);
        if (!medium->path)
            return mm_diag_memory(diags);
        diags->file = medium->path;
        if (!one && mkdirat(media->folder, name, 0777) < 0 && errno != EEXIST)
            return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot create the folder", errno);
        medium->folder = mm_tree_open(media->folder, one ? "." : name);
        if (medium->folder < 0)
            return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot open the folder", errno);
        media->resumed = media->resumed || faccessat(medium->folder, MM_MEDIA_MODELS, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    }
    return check_complete(media, diags);
}

int mm_media_plan(struct mm_media *media, const struct mm_supply *supply, struct mm_diags *diags)
{
    const char *shown = diags->file;
    uint64_t base;
    media->supply = supply;
    int result = read_models(media, diags);
    diags->file = media->dir;
    if (result == 0 && (base_bytes(media, &base, diags) < 0 || mm_media_place_all(media, base, diags) < 0))
        result = -1;
    if (result == 0)
        result = mm_media_check_surplus(media, diags) < 0 ? -1 : open_media(media, diags);
    diags->file = media->dir;
    if (result == 0)
        result = check_space(media, diags);
    diags->file = shown;
    return result;
}

/* ---- files of a medium ---- */

static int flush_pending(struct mm_medium_folder *medium, struct mm_diags *diags)
{
    int result = medium->pending.failed
                     ? mm_diag_memory(diags)
                     : mm_writer_write(&medium->index, mm_buf_text(&medium->pending), medium->pending.length, diags);
    mm_buf_clear(&medium->pending);
    return result;
}

int mm_media_index(struct mm_media *media, struct mm_medium_folder *medium, const char *path,
                   const unsigned char sha256[static MM_HASH_BYTES], uint64_t bytes, struct mm_diags *diags)
{
    char hex[MM_HASH_HEX + 1];
    if (medium->old && mm_media_name(media, medium, path, diags) < 0)
        return -1;
    mm_hex(hex, sha256, MM_HASH_BYTES);
    mm_buf_printf(&medium->pending, "%s  %s\n", hex, path);
    medium->files++;
    medium->bytes += bytes;
    return medium->pending.length >= PENDING || medium->pending.failed ? flush_pending(medium, diags) : 0;
}

int mm_media_change(struct mm_medium_folder *medium, struct mm_diags *diags)
{
    if (medium->done && unlinkat(medium->folder, MM_MEDIA_INDEX, 0) < 0 && errno != ENOENT)
        return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot remove the old index", errno);
    medium->done = false;
    return 0;
}

int mm_media_put(struct mm_media *media, struct mm_medium_folder *medium, const char *path, const void *bytes,
                 size_t length, bool *kept, struct mm_diags *diags)
{
    unsigned char sha256[MM_HASH_BYTES];
    bool there = stands(medium, path, bytes, length);
    if (kept)
        *kept = there;
    if (!there && mm_media_change(medium, diags) < 0)
        return -1;
    if (!there && mm_place_file(&medium->place, medium->folder, path, bytes, length, diags) < 0)
        return -1;
    mm_sha256_once(media->sha, bytes, length, sha256);
    return mm_media_index(media, medium, path, sha256, length, diags);
}

/* ---- the writing ---- */

static int put_model_files(struct mm_media *media, struct mm_medium_folder *medium, const struct mm_media_model *model,
                           struct mm_diags *diags)
{
    char path[MM_MEDIA_PATH + sizeof model->files->name];
    for (size_t i = 0; i < model->file_count; i++) {
        const struct mm_media_file *file = &model->files[i];
        snprintf(path, sizeof path, "%s/%s", model->facts.model.path, file->name);
        if (mm_media_put(media, medium, path, mm_buf_text(&file->text), file->text.length, NULL, diags) < 0)
            return -1;
    }
    return 0;
}

/* What an export that was killed left beneath temporary names goes. */
static int sweep(const struct mm_medium_folder *medium, struct mm_diags *diags)
{
    static const char *const folders[] = {NULL, MM_MEDIA_MODELS, "keys", "revocations", "tools"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (mm_tree_sweep(medium->folder, folders[i], diags) < 0)
            return -1;
    return 0;
}

/* What every medium has, and the small files of its models. An index that is there goes first, unless nothing may have to be changed. */
static int begin_medium(struct mm_media *media, size_t index, struct mm_diags *diags)
{
    struct mm_medium_folder *medium = &media->media[index];
    diags->file = medium->path;
    if (mm_media_set_aside(medium, diags) < 0 || sweep(medium, diags) < 0 ||
        mm_media_make_room(media, medium, diags) < 0)
        return -1;
    if (mm_writer_open_in(&medium->index, medium->folder, MM_MEDIA_INDEX, true, diags) < 0)
        return -1;
    mm_buf_clear(&media->text);
    mm_media_read_me(media, index, &media->text);
    if (!mm_buf_text(&media->text))
        return mm_diag_memory(diags);
    if (mm_media_put(media, medium, READ_ME, media->text.data, media->text.length, NULL, diags) < 0 ||
        mm_media_keys(media, medium, NULL, diags) < 0 || mm_media_put_tools(media, medium, NULL, diags) < 0)
        return -1;
    for (size_t i = 0; i < media->model_count; i++)
        if (mm_media_carries(media, index, i) && put_model_files(media, medium, &media->models[i], diags) < 0)
            return -1;
    return 0;
}

static int end_medium(struct mm_media *media, struct mm_medium_folder *medium, struct mm_diags *diags)
{
    diags->file = medium->path;
    if (medium->failed)
        return -1;
    if (flush_pending(medium, diags) < 0 || mm_media_remove_old(media, medium, diags) < 0 ||
        mm_place_flush(medium->folder, diags) < 0 || mm_writer_commit(&medium->index, diags) < 0)
        return -1;
    medium->written = true;
    return 0;
}

static size_t pieces_of_artifact(const struct mm_media *media, size_t at)
{
    const struct mm_media_piece *first = &media->pieces[at];
    size_t count = 1;
    while (at + count < media->piece_count && media->pieces[at + count].model == first->model &&
           media->pieces[at + count].artifact == first->artifact)
        count++;
    return count;
}

/* One model that fails leaves its media incomplete; the others are written. */
static int copy_all(struct mm_media *media, struct mm_diags *diags)
{
    int result = 0;
    for (size_t at = 0, count; at < media->piece_count; at += count) {
        struct mm_media_model *model = &media->models[media->pieces[at].model];
        count = pieces_of_artifact(media, at);
        diags->file = media->supply->manifests[model->which].path;
        if (model->failed || mm_media_copy(media, &media->pieces[at], count, diags) == 0)
            continue;
        model->failed = true;
        result = -1;
        for (size_t i = 0; i < media->medium_count; i++)
            if (mm_media_carries(media, i, media->pieces[at].model))
                media->media[i].failed = true;
    }
    return result;
}

int mm_media_write(struct mm_media *media, struct mm_diags *diags)
{
    const char *shown = diags->file;
    int result = 0;
    for (size_t i = 0; result == 0 && i < media->medium_count; i++)
        result = begin_medium(media, i, diags);
    if (result == 0) {
        result = copy_all(media, diags);
        for (size_t i = 0; i < media->medium_count; i++)
            if (end_medium(media, &media->media[i], diags) < 0)
                result = -1;
    }
    diags->file = shown;
    return result;
}
