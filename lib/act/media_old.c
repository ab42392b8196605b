/* What an earlier export left on a medium that is written again. Its index tells; but a medium is anybody's to write on, so the index is
 * believed in nothing but names beneath the folders that are ours, and no link is followed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/media_parts.h"
#include "base/beneath.h"
#include "base/tree.h"

#define PATH_AT (MM_HASH_HEX + 2) /* of a line: hash, two spaces, path */
#define LINE (PATH_AT + MM_MEDIA_PATH + 2)

/* ---- names ---- */

/* FAT has one file under names that differ by case alone: what is to stay is known by its letters in lower case. */
static size_t fold(char folded[static MM_MEDIA_PATH], const char *path)
{
    size_t length = 0;
    for (; length < MM_MEDIA_PATH - 1 && path[length]; length++) {
        char c = path[length];
        folded[length] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    folded[length] = '\0';
    return length;
}

int mm_media_name(struct mm_media *media, struct mm_medium_folder *medium, const char *path, struct mm_diags *diags)
{
    char folded[MM_MEDIA_PATH];
    size_t length = fold(folded, path);
    return mm_name_set_add_text(&medium->named, media->sha, folded, length) == MM_NAME_MEMORY ? mm_diag_memory(diags)
                                                                                              : 0;
}

static bool is_sound_name(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == '\\' || name[i] == ':')
            return false;
    return length > 0 && !(name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')));
}

/* A relative path beneath a folder of ours, without "." and "..". */
static bool is_ours(const char *path)
{
    static const char *const ours[] = {MM_MEDIA_MODELS "/", "keys/", "revocations/", "tools/"};
    bool begins = false;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        begins = begins || strncmp(path, ours[i], strlen(ours[i])) == 0;
    for (size_t length; begins; path += length + 1) {
        length = strcspn(path, "/");
        if (!is_sound_name(path, length))
            return false;
        if (path[length] == '\0')
            return true;
    }
    return false;
}

/* ---- removing ---- */

/* What is not there, no regular file, or behind a link is left alone. */
static int remove_file(const struct mm_medium_folder *medium, const char *path, struct mm_diags *diags)
{
    char folder[MM_MEDIA_PATH], shown[MM_SHOWN];
    struct stat info;
    const char *name = strrchr(path, '/') + 1; /* is_ours saw one */
    snprintf(folder, sizeof folder, "%.*s", (int)(name - 1 - path), path);
    int fd = mm_beneath_folder(medium->folder, folder, false);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
        return 0;
    bool there = fd >= 0 && fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
    bool gone = there ? !S_ISREG(info.st_mode) || unlinkat(fd, name, 0) == 0 : fd >= 0 && errno == ENOENT;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (!gone)
        return mm_diag(diags, MM_RULE_IO_WRITE, "cannot remove %s: %s", mm_show(shown, path, strlen(path)),
                       strerror(error));
    mm_tree_prune(medium->folder, folder);
    return 0;
}

typedef bool goes_fn(struct mm_media *media, const struct mm_medium_folder *medium, const char *path);

/* The path that LINE of an index names, or NULL where it is none of ours. Cuts the line's end off. */
static const char *path_of_line(char *line)
{
    size_t length = strcspn(line, "\r\n");
    line[length] = '\0';
    return length > PATH_AT && strspn(line, "0123456789abcdef") == MM_HASH_HEX && is_ours(line + PATH_AT)
               ? line + PATH_AT
               : NULL;
}

static int remove_where(struct mm_media *media, struct mm_medium_folder *medium, goes_fn *goes, struct mm_diags *diags)
{
    char line[LINE];
    int result = 0, fd = mm_beneath_file(medium->folder, MM_MEDIA_OLD_INDEX);
    if (fd < 0 && (errno == ELOOP || errno == ENXIO))
        return 0; /* a link or a FIFO names nothing */
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (!file) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read the old index", error);
    }
    for (bool within = false; result == 0 && fgets(line, sizeof line, file);) {
        bool ends = strchr(line, '\n') != NULL;
        const char *path = ends && !within ? path_of_line(line) : NULL; /* a longer line is none of ours */
        if (path && goes(media, medium, path))
            result = remove_file(medium, path, diags);
        within = !ends;
    }
    if (result == 0 && ferror(file))
        result = mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read the old index", errno);
    fclose(file);
    return result;
}

/* ---- the old index ---- */

int mm_media_set_aside(struct mm_medium_folder *medium, struct mm_diags *diags)
{
    if (medium->done)
        return 0;
    if (renameat(medium->folder, MM_MEDIA_INDEX, medium->folder, MM_MEDIA_OLD_INDEX) < 0 && errno != ENOENT)
        return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot put the old index aside", errno);
    medium->old = faccessat(medium->folder, MM_MEDIA_OLD_INDEX, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    return 0;
}

static bool is_of_another_model(struct mm_media *media, const struct mm_medium_folder *medium, const char *path)
{
    (void)medium;
    for (size_t i = 0; i < media->model_count; i++) {
        const char *model = media->models[i].facts.model.path;
        if (strncmp(path, model, strlen(model)) == 0)
            return false;
    }
    return strncmp(path, MM_MEDIA_MODELS "/", strlen(MM_MEDIA_MODELS "/")) == 0;
}

/* May something of the medium be a source of this export? */
static bool may_be_source(const struct mm_media *media, const struct mm_medium_folder *medium)
{
    struct stat own, info;
    if (fstat(medium->folder, &own) < 0)
        return true;
    for (size_t i = 0; i < media->supply->root_count; i++)
        if (fstat(media->supply->roots[i].folder, &info) < 0 || info.st_dev == own.st_dev)
            return true;
    return false;
}

int mm_media_make_room(struct mm_media *media, struct mm_medium_folder *medium, struct mm_diags *diags)
{
    return medium->old && !may_be_source(media, medium) ? remove_where(media, medium, is_of_another_model, diags) : 0;
}

static bool is_not_named(struct mm_media *media, const struct mm_medium_folder *medium, const char *path)
{
    char folded[MM_MEDIA_PATH];
    size_t length = fold(folded, path);
    return !mm_name_set_has(&medium->named, media->sha, folded, length);
}

int mm_media_remove_old(struct mm_media *media, struct mm_medium_folder *medium, struct mm_diags *diags)
{
    if (!medium->old)
        return 0;
    if (remove_where(media, medium, is_not_named, diags) < 0)
        return -1;
    if (unlinkat(medium->folder, MM_MEDIA_OLD_INDEX, 0) < 0 && errno != ENOENT)
        return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot remove the old index", errno);
    return 0;
}

int mm_media_check_surplus(const struct mm_media *media, struct mm_diags *diags)
{
    static const char *const marks[] = {MM_MEDIA_INDEX, MM_MEDIA_OLD_INDEX, MM_MEDIA_MODELS};
    char path[64];
    for (size_t i = media->medium_count; media->options->capacity && i < MM_MEDIA_MAX; i++)
        for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
            snprintf(path, sizeof path, "%zu/%s", i + 1, marks[k]);
            if (faccessat(media->folder, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return mm_diag(diags, MM_RULE_MEDIA_SURPLUS,
                               "expected nothing behind medium %zu, the last one, found %zu of an earlier export: "
                               "remove it, or export into another folder",
                               media->medium_count, i + 1);
        }
    return 0;
}
