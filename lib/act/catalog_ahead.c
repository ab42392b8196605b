/* Files of models that a first build writes while other manifests are still judged. Most of what a build costs is making files, and that waits
 * for the device now and then: so it is done as early as can be, beside what waits for nothing. Nobody looks for them where they stand, and what
 * is refused goes away with its folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"
#include "base/file.h"
#include "base/number.h"
#include "base/tree.h"

#define PREFIX MM_WRITER_TEMPORARY "ahead-"
#ifndef O_PATH
#define O_PATH O_RDONLY
#endif
#define NOISE 8 /* random bytes of a name */

/* ---- beginning and end ---- */

void mm_catalog_ahead_begin(struct mm_catalog_build *build)
{
    struct mm_catalog_ahead *ahead = &build->ahead;
    unsigned char noise[NOISE];
    struct mm_diags ignored;
    if (build->has_head || ahead->fd >= 0 || ahead->published ||
        faccessat(build->folder.fd, MM_CATALOG_MANIFESTS, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT ||
        mm_random(noise, sizeof noise) < 0)
        return;
    strcpy(ahead->name, PREFIX);
    mm_hex(ahead->name + strlen(ahead->name), noise, sizeof noise);
    if (mkdirat(build->folder.fd, ahead->name, 0777) < 0)
        return; /* what is published later says why */
    mm_diags_init(&ignored);
    if (build->spool.length == 0 && !build->spool.sha)
        build->spool.sha = mm_sha256_new(); /* without it the lines are copied later */
    ahead->fd = mm_tree_open(build->folder.fd, ahead->name);
    if (ahead->fd < 0 || mm_page_frames_init(&ahead->frames, &ignored) < 0)
        mm_catalog_ahead_end(build);
    mm_diags_release(&ignored);
}

void mm_catalog_ahead_end(struct mm_catalog_build *build)
{
    struct mm_catalog_ahead *ahead = &build->ahead;
    struct mm_diags ignored; /* the next build removes what is left */
    if (ahead->fd >= 0)
        close(ahead->fd);
    ahead->fd = -1;
    mm_page_frames_release(&ahead->frames);
    if (!ahead->name[0] || ahead->published)
        return;
    mm_diags_init(&ignored);
    (void)mm_tree_remove(build->folder.fd, ahead->name, &ignored);
    mm_diags_release(&ignored);
    ahead->name[0] = '\0';
}

int mm_catalog_ahead_publish(struct mm_catalog_build *build, struct mm_diags *diags)
{
    struct mm_catalog_ahead *ahead = &build->ahead;
    char name[] = MM_CATALOG_MANIFESTS;
    if (ahead->fd < 0 || ahead->manifests == 0)
        return 0;
    name[strlen(name) - 1] = '\0';
    mm_catalog_at(&build->folder, NULL, diags);
    if (renameat(build->folder.fd, ahead->name, build->folder.fd, name) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot name the folder of manifests", errno);
    ahead->published = build->unflushed = true;
    return 0;
}

int mm_catalog_ahead_sweep(struct mm_catalog_build *build, struct mm_diags *diags)
{
    struct dirent *entry;
    int fd = mm_tree_open(build->folder.fd, "."), result = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    while (result == 0 && dir && (entry = readdir(dir)))
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 && strcmp(entry->d_name, build->ahead.name) != 0)
            result = mm_tree_remove(dirfd(dir), entry->d_name, diags);
    if (dir)
        closedir(dir);
    return result;
}

/* ---- files ---- */

/* The page of a model that has this one revision. Without it the page is made later. */
static bool make_page(const struct mm_catalog_build *build, struct mm_catalog_ahead_means *means,
                      const struct mm_buf *line, struct mm_diags *diags)
{
    struct mm_diags mark = *diags;
    mm_buf_clear(&means->listed);
    if (mm_catalog_entry_read(&means->entry, line->data, line->length, 1, diags) < 0) {
        mm_diags_rewind(diags, &mark);
        return false;
    }
    mm_page_model_row(&means->entry, 0, &means->listed);
    return mm_catalog_page_alone_make(&means->page, &build->ahead.frames, &means->entry) && !means->listed.failed;
}

/* Makes the folder of the model, which mostly lacks alone, and opens it. Returns the descriptor, or -1 with a finding. */
static int open_folder(int root, const char *model_id, struct mm_diags *diags)
{
    if (mkdirat(root, model_id, 0777) < 0 && errno != EEXIST && mm_tree_make(root, model_id, diags) < 0)
        return -1;
    int fd = openat(root, model_id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 ? fd : mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot open the folder of a model", errno);
}

/* Writes them into FOLDER, the model's. */
static int put_files(const struct mm_catalog_build *build, struct mm_catalog_ahead_means *means, int folder,
                     struct mm_catalog_row *row, const struct mm_buf *text, const struct mm_buf *signature,
                     const struct mm_buf *line, struct mm_diags *diags)
{
    char path[MM_CATALOG_MANIFEST_PATH + sizeof MM_SIGNATURE_SUFFIX], page[MM_PAGE_PATH];
    int written = 0;
    mm_catalog_manifest_path(path, row->model_id, row->revision);
    if (mm_place_first_in(folder, path, text->data, text->length, diags) < 0)
        return -1;
    strcat(path, MM_SIGNATURE_SUFFIX);
    if (signature && mm_place_first_in(folder, path, signature->data, signature->length, diags) < 0)
        return -1;
    if (make_page(build, means, line, diags))
        written = mm_place_first_in(folder, mm_page_path(page, row->model_id), means->page.text.data,
                                    means->page.text.length, diags);
    mm_catalog_page_alone_shrink(&means->page);
    row->listed = written > 0 ? (uint32_t)means->listed.length : 0;
    return written < 0 ? -1 : 0;
}

/* What stands there already is of a manifest that has this one's name, and both are refused; or it is the page that another revision made. */
int mm_catalog_ahead_put(const struct mm_catalog_build *build, struct mm_catalog_ahead_means *means,
                         struct mm_catalog_row *row, const struct mm_buf *text, const struct mm_buf *signature,
                         const struct mm_buf *line, struct mm_diags *diags)
{
    int folder = open_folder(build->ahead.fd, row->model_id, diags);
    if (folder < 0)
        return -1;
    int result = put_files(build, means, folder, row, text, signature, line, diags);
    close(folder);
    return result;
}

void mm_catalog_ahead_means_release(struct mm_catalog_ahead_means *means)
{
    mm_catalog_page_alone_release(&means->page);
    mm_buf_release(&means->listed);
}

/* ---- pages that need not be made again ---- */

bool mm_catalog_ahead_has_page(const struct mm_catalog_build *build, const char *model_id)
{
    const struct mm_catalog_rows *rows = &build->fresh;
    size_t at = build->ahead.published ? mm_catalog_rows_first(rows, model_id) : rows->count;
    size_t gone = mm_catalog_withdrawn_first(build, model_id);
    if (at >= rows->count || strcmp(rows->rows[at].model_id, model_id) != 0 || rows->rows[at].listed == 0 ||
        (at + 1 < rows->count && strcmp(rows->rows[at + 1].model_id, model_id) == 0))
        return false;
    return gone >= build->withdrawn_count || strcmp(build->withdrawn[gone].model_id, model_id) != 0;
}
