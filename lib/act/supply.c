#include "act/supply.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#endif

#include "base/beneath.h"
#include "base/checked.h"
#include "base/file.h"
#include "text/path.h"
#include "trust/minisign.h"

#define SET_ENDING ".chunkset"
#define MODELS "models"

/* ---- the sources ---- */

void mm_supply_release(struct mm_supply *supply)
{
    for (size_t i = 0; i < supply->root_count; i++) {
        free(supply->roots[i].path);
        free(supply->roots[i].manifest);
        close(supply->roots[i].folder);
    }
    for (size_t i = 0; i < supply->medium_count; i++) {
        free(supply->media[i].path);
        close(supply->media[i].folder);
    }
    free(supply->media);
    for (size_t i = 0; i < supply->manifest_count; i++) {
        free(supply->manifests[i].path);
        close(supply->manifests[i].fd);
    }
    free(supply->roots);
    free(supply->manifests);
    *supply = (struct mm_supply){0};
}

/* Whether the kernel calls the device of the open file FD removable; a partition's answer stands at its disk. */
static bool is_removable(int fd)
{
#ifdef __linux__
    struct stat info;
    for (int i = 0; i < 2 && fstat(fd, &info) == 0; i++) {
        char path[64], answer = 0;
        snprintf(path, sizeof path, "/sys/dev/block/%u:%u/%sremovable", major(info.st_dev), minor(info.st_dev),
                 i ? "../" : "");
        int file = open(path, O_RDONLY | O_CLOEXEC);
        bool told = file >= 0 && read(file, &answer, 1) == 1;
        if (file >= 0)
            close(file);
        if (told)
            return answer == '1';
    }
#else
    (void)fd;
#endif
    return false;
}

static int add_root(struct mm_supply *supply, const char *path, int folder, bool is_set, struct mm_diags *diags)
{
    if (!mm_grow(&supply->roots, supply->root_count, &supply->root_capacity, sizeof *supply->roots)) {
        close(folder);
        return mm_diag_memory(diags);
    }
    struct mm_supply_root *root = &supply->roots[supply->root_count];
    *root = (struct mm_supply_root){
        .path = strdup(path), .folder = folder, .is_set = is_set, .removable = is_removable(folder)};
    supply->root_count++;
    return root->path ? 0 : mm_diag_memory(diags);
}

/* The SHA-256 of the file FD, which is read from its start, if it is no longer than a manifest can be. */
static int hash_manifest(int fd, unsigned char digest[static MM_HASH_BYTES], struct mm_diags *diags)
{
    struct mm_buf text = {0};
    struct mm_sha256 *sha = mm_sha256_new();
    int result = sha ? mm_file_read_all(fd, MM_MANIFEST_MAX, &text, diags) : mm_diag_memory(diags);
    if (sha)
        mm_sha256_once(sha, text.data, text.length, digest);
    mm_sha256_free(sha);
    mm_buf_release(&text);
    return result < 0 ? -1 : 0;
}

/* Takes FD over. The manifest belongs to the source that is added next; a copy of one that is there already is no other. DIGEST gets its
 * SHA-256. */
static int add_manifest(struct mm_supply *supply, const char *path, int fd, unsigned char digest[static MM_HASH_BYTES],
                        struct mm_diags *diags)
{
    if (hash_manifest(fd, digest, diags) < 0) {
        close(fd);
        return -1;
    }
    for (size_t i = 0; i < supply->manifest_count; i++)
        if (memcmp(supply->manifests[i].sha256, digest, MM_HASH_BYTES) == 0) {
            close(fd);
            return 0;
        }
    if (!mm_grow(&supply->manifests, supply->manifest_count, &supply->manifest_capacity, sizeof *supply->manifests)) {
        close(fd);
        return mm_diag_memory(diags);
    }
    struct mm_supply_manifest *manifest = &supply->manifests[supply->manifest_count];
    *manifest = (struct mm_supply_manifest){.path = strdup(path), .fd = fd, .root = supply->root_count};
    memcpy(manifest->sha256, digest, MM_HASH_BYTES);
    supply->manifest_count++;
    return manifest->path ? 0 : mm_diag_memory(diags);
}

/* What stands in a folder that is a source. */
struct contents {
    char manifest[NAME_MAX + 1]; /* the name of the last one, "" for none */
    size_t manifests;
    bool pieces; /* folders of two hex digits: chunks by their hashes */
    bool models; /* a folder of that name: it is a medium or a store */
    bool folded; /* one that has that name in another case */
};

static bool is_manifest(int folder, const char *name)
{
    struct stat info;
    bool named = name[0] != '.' && (strcmp(name, "manifest") == 0 || mm_path_ends_in(name, ".manifest"));
    return named && (fstatat(folder, name, &info, 0) < 0 || S_ISREG(info.st_mode)); /* opening it tells the rest */
}

static bool is_pieces(const char *name)
{
    static const char digits[] = "0123456789abcdef";
    return name[0] && strchr(digits, name[0]) && name[1] && strchr(digits, name[1]) && !name[2];
}

static bool has_models(int folder)
{
    struct stat info;
    return fstatat(folder, MODELS, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static int look_into(int folder, struct contents *contents, struct mm_diags *diags)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (!dir) {
        mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot read the folder", errno);
        if (copy >= 0)
            close(copy);
        return -1;
    }
    struct dirent *entry;
    *contents = (struct contents){.models = has_models(folder)};
    errno = 0;
    while ((entry = readdir(dir))) {
        contents->pieces = contents->pieces || is_pieces(entry->d_name);
        contents->folded =
            contents->folded || (strcasecmp(entry->d_name, MODELS) == 0 && strcmp(entry->d_name, MODELS) != 0);
        if (is_manifest(folder, entry->d_name)) {
            snprintf(contents->manifest, sizeof contents->manifest, "%s", entry->d_name);
            contents->manifests++;
        }
        errno = 0;
    }
    int error = errno;
    closedir(dir);
    return error ? mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read the folder", error) : 0;
}

/* What is known of the sources from FIRST on: the first has MANIFEST ("" for none) with DIGEST. */
static int tell_roots(struct mm_supply *supply, size_t first, const char *manifest, const unsigned char *digest,
                      struct mm_diags *diags)
{
    for (size_t i = first; manifest[0] && i < supply->root_count; i++)
        memcpy(supply->roots[i].manifest_sha256, digest, MM_HASH_BYTES);
    if (manifest[0] && first < supply->root_count && !(supply->roots[first].manifest = strdup(manifest)))
        return mm_diag_memory(diags);
    return 0;
}

/* Adds the folder PATH, in which MANIFEST with DIGEST stands ("" for none). A model's folder of a store keeps its files in files/, which is
 * a source too. Takes FOLDER over. */
static int add_files(struct mm_supply *supply, const char *path, int folder, const char *manifest,
                     const unsigned char *digest, struct mm_diags *diags)
{
    size_t first = supply->root_count;
    char below[PATH_MAX];
    bool model =
        strcmp(manifest, "manifest") == 0 &&
        (size_t)snprintf(below, sizeof below, "%s%sfiles", path, mm_path_ends_in(path, "/") ? "" : "/") < sizeof below;
    int files = model ? openat(folder, "files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    int result = add_root(supply, path, folder, false, diags);
    if (files >= 0 && result == 0)
        result = add_root(supply, below, files, false, diags);
    else if (files >= 0)
        close(files);
    return result < 0 ? -1 : tell_roots(supply, first, manifest, digest, diags);
}

/* True for a chunk set by its name. */
static bool is_set(const char *path)
{
    size_t length = strlen(path), size = strlen(SET_ENDING);
    while (length > 0 && path[length - 1] == '/')
        length--;
    return length >= size && memcmp(path + length - size, SET_ENDING, size) == 0;
}

/* A folder that looks like a set may be one under another name, and is a folder of files all the same. */
static int add_as_set(struct mm_supply *supply, const char *path, int folder, struct mm_diags *diags)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return copy < 0 ? mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open the folder", errno)
                    : add_root(supply, path, copy, true, diags);
}

/* A manifest whose folder could not be added, or whose name could not be kept, is none: its signature stands in that folder. */
static void drop_orphans(struct mm_supply *supply)
{
    while (supply->manifest_count > 0) {
        struct mm_supply_manifest *last = &supply->manifests[supply->manifest_count - 1];
        if (last->path && last->root < supply->root_count)
            return;
        free(last->path);
        close(last->fd);
        supply->manifest_count--;
    }
}

static int add_folder(struct mm_supply *supply, const char *path, int folder, struct mm_diags *diags);

/* The model in the folder MODEL beneath a medium. */
static int add_model(struct mm_supply *supply, const char *path, int folder, const char *model, struct mm_diags *diags)
{
    char below[PATH_MAX];
    size_t first = supply->root_count;
    int fd = mm_beneath_folder(folder, model, false), error = fd < 0 ? errno : ENAMETOOLONG;
    diags->file = path;
    if (fd < 0 || (size_t)snprintf(below, sizeof below, "%s%s%s", path, mm_path_ends_in(path, "/") ? "" : "/", model) >=
                      sizeof below) {
        if (fd >= 0)
            close(fd);
        return mm_diag(diags, MM_RULE_IO_OPEN, "cannot open %s: %s", model, strerror(error));
    }
    diags->file = below;
    int result = add_folder(supply, below, fd, diags);
    diags->file = path;
    drop_orphans(supply);
    for (size_t k = first; k < supply->root_count; k++)
        supply->roots[k].serves_one = true;
    return result;
}

/* Every model beneath a medium: one that cannot be used is named, and the others are taken. What is no model's folder there is passed over, and so
 * are folders without a manifest. */
static int add_models(struct mm_supply *supply, const char *path, int folder, struct mm_diags *diags)
{
    struct mm_store_list list = {0};
    int result = mm_store_list(folder, false, &list, diags);
    for (size_t i = 0; i < list.count; i++)
        if (add_model(supply, path, folder, list.models[i].path, diags) < 0)
            result = -1;
    diags->file = path;
    mm_store_list_release(&list);
    return result;
}

/* A folder that has models/ is one of files all the same. */
static int add_medium(struct mm_supply *supply, const char *path, int folder, struct mm_diags *diags)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open the folder", errno);
    if (!mm_grow(&supply->media, supply->medium_count, &supply->medium_capacity, sizeof *supply->media)) {
        close(copy);
        return mm_diag_memory(diags);
    }
    struct mm_supply_medium *medium = &supply->media[supply->medium_count++];
    *medium = (struct mm_supply_medium){strdup(path), copy};
    return medium->path ? add_models(supply, path, folder, diags) : mm_diag_memory(diags);
}

/* Takes FOLDER over. */
static int add_folder(struct mm_supply *supply, const char *path, int folder, struct mm_diags *diags)
{
    char shown[PATH_MAX];
    unsigned char digest[MM_HASH_BYTES];
    struct contents contents;
    const char *name = contents.manifest;
    int result = look_into(folder, &contents, diags), models = 0;
    if (result == 0 && is_set(path))
        return add_root(supply, path, folder, true, diags);
    if (result == 0 && contents.models)
        models = add_medium(supply, path, folder, diags);
    if (result == 0 && contents.folded && !contents.models && contents.manifests == 0)
        result = mm_diag(diags, MM_RULE_STORE_SOURCE,
                         "expected a folder models, found one with its name in another case: names have to be as they "
                         "were exported, so copy with long names, or from the medium itself");
    if (result == 0 && contents.pieces && contents.manifests == 0)
        result = add_as_set(supply, path, folder, diags);
    if (result == 0 && contents.manifests > 1)
        result = mm_diag(diags, MM_RULE_STORE_SOURCE,
                         "expected one manifest in the folder, found %zu: name one of them", contents.manifests);
    if (result < 0) {
        close(folder);
        return -1;
    }
    if (name[0]) {
        int fd = mm_file_open_beneath(folder, name, supply->links);
        bool fits = (size_t)snprintf(shown, sizeof shown, "%s%s%s", path, mm_path_ends_in(path, "/") ? "" : "/", name) <
                    sizeof shown;
        if (fd < 0)
            mm_diag(diags, MM_RULE_IO_OPEN, "cannot open the manifest %s: %s", name, strerror(errno));
        if (fd < 0 || add_manifest(supply, fits ? shown : name, fd, digest, diags) < 0) {
            close(folder);
            return -1;
        }
    }
    return add_files(supply, path, folder, name, digest, diags) < 0 ? -1 : models;
}

static int add_file(struct mm_supply *supply, const char *path, struct mm_diags *diags)
{
    char folder[PATH_MAX];
    unsigned char digest[MM_HASH_BYTES];
    size_t length = mm_path_folder_length(path);
    int fd = mm_file_open(path, diags);
    if (fd < 0)
        return -1;
    if (length >= sizeof folder) {
        close(fd);
        return mm_diag(diags, MM_RULE_IO_OPEN, "expected a shorter path");
    }
    snprintf(folder, sizeof folder, "%.*s", length ? (int)length : 1, length ? path : ".");
    int root = mm_file_open_folder(folder, diags);
    if (root < 0) {
        close(fd);
        return -1;
    }
    if (add_manifest(supply, path, fd, digest, diags) < 0) {
        close(root);
        return -1;
    }
    return add_files(supply, folder, root, mm_path_name(path), digest, diags);
}

int mm_supply_add(struct mm_supply *supply, const char *path, struct mm_diags *diags)
{
    const char *shown = diags->file;
    diags->file = path;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = folder >= 0        ? add_folder(supply, path, folder, diags)
                 : errno == ENOTDIR ? add_file(supply, path, diags)
                                    : mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
    drop_orphans(supply);
    diags->file = shown;
    return result;
}

/* ---- one manifest's part of them ---- */

static bool has_manifest(const struct mm_supply_root *root, const struct mm_supply_manifest *manifest)
{
    return memcmp(root->manifest_sha256, manifest->sha256, MM_HASH_BYTES) == 0;
}

void mm_supply_set_apart(struct mm_supply *supply)
{
    static const unsigned char none[MM_HASH_BYTES];
    for (size_t i = 0; i < supply->root_count; i++)
        if (memcmp(supply->roots[i].manifest_sha256, none, sizeof none) != 0)
            supply->roots[i].serves_one = true;
}

int mm_supply_view(struct mm_supply *view, const struct mm_supply *supply, size_t which, struct mm_diags *diags)
{
    const struct mm_supply_manifest *manifest = &supply->manifests[which];
    *view = (struct mm_supply){.links = supply->links, .incomplete = supply->incomplete};
    view->roots = mm_realloc_array(NULL, supply->root_count, sizeof *view->roots);
    view->manifests = mm_realloc_array(NULL, 1, sizeof *view->manifests);
    if (!view->roots || !view->manifests) {
        mm_supply_view_release(view);
        return mm_diag_memory(diags);
    }
    view->manifests[view->manifest_count++] = *manifest;
    for (size_t i = 0; i < supply->root_count; i++) {
        const struct mm_supply_root *root = &supply->roots[i];
        if (root->serves_one && !has_manifest(root, manifest))
            continue;
        if (i == manifest->root)
            view->manifests->root = view->root_count;
        view->roots[view->root_count++] = *root;
    }
    return 0;
}

void mm_supply_view_release(struct mm_supply *view)
{
    free(view->roots);
    free(view->manifests);
    *view = (struct mm_supply){0};
}

static bool has_signature(const struct mm_supply_root *root)
{
    char name[NAME_MAX + sizeof MM_SIGNATURE_SUFFIX];
    return root->manifest &&
           (size_t)snprintf(name, sizeof name, "%s" MM_SIGNATURE_SUFFIX, root->manifest) < sizeof name &&
           faccessat(root->folder, name, F_OK, 0) == 0;
}

const struct mm_supply_root *mm_supply_signed(const struct mm_supply *supply, size_t which, size_t skip)
{
    const struct mm_supply_manifest *manifest = &supply->manifests[which];
    for (size_t i = manifest->root; i < supply->root_count; i++) /* the manifest was found in the first copy's source */
        if (has_manifest(&supply->roots[i], manifest) && has_signature(&supply->roots[i]) && skip-- == 0)
            return &supply->roots[i];
    return NULL;
}

/* ---- chunk lists ---- */

bool mm_supply_is_trouble(int error)
{
    return error != ENOENT && error != ENOTDIR && error != ELOOP && error != EXDEV && error != EISDIR && error != ENXIO;
}

/* Whether the list behind FD is that of CLAIM. Returns 1, 0, or -1 with a finding where the file cannot be read. */
static int judge_list(int fd, const char *path, const struct mm_claim *claim, struct mm_buf *stored,
                      struct mm_buf *text, bool *stated, struct mm_diags *diags)
{
    struct mm_chunk_list list = {0};
    int read = mm_chunk_list_read(&list, fd, claim->chunks.count, diags);
    bool fits = read == 0 && list.facts.bytes == claim->chunks.bytes && list.facts.size == claim->chunks.size &&
                memcmp(list.facts.root, claim->chunks.root, MM_HASH_BYTES) == 0 &&
                memcmp(list.facts.sha256, claim->chunks.sha256, MM_HASH_BYTES) == 0;
    *stated = fits && claim->chunk_list.known && memcmp(list.file_sha256, claim->chunk_list.bytes, MM_HASH_BYTES) == 0;
    if (fits && mm_path_ends_in(path, ".gz"))
        mm_chunk_list_write(&list.facts, &list.hashes, text);
    mm_chunk_list_release(&list);
    if (!fits)
        return read < 0 && !diags->no ? -1 : 0;
    if (text->failed)
        return mm_diag_memory(diags);
    if (lseek(fd, 0, SEEK_SET) != 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
    int whole = mm_file_read_all(fd, 65 * (size_t)claim->chunks.count + 4096, stored, diags);
    return whole < 0 ? -1 : whole == 0;
}

int mm_supply_read_list(int folder, const char *path, enum mm_links links, const struct mm_claim *claim,
                        struct mm_buf *stored, struct mm_buf *text, bool *stated, struct mm_diags *diags)
{
    struct mm_diags own;
    int fd = mm_file_open_beneath(folder, path, links), error = fd < 0 ? errno : 0, result = 0;
    *stated = false;
    mm_buf_clear(stored);
    mm_buf_clear(text);
    mm_diags_init(&own);
    own.file = path;
    if (fd >= 0) {
        result = judge_list(fd, path, claim, stored, text, stated, &own);
        close(fd);
    } else if (mm_supply_is_trouble(error)) {
        result = mm_diag_errno(&own, MM_RULE_IO_OPEN, "cannot open the chunk list", error);
    }
    if (result < 0)
        mm_diags_move(diags, &own);
    mm_diags_release(&own);
    return result;
}

/* Reads the list of the first source that has it with this ending; if ONLY_STATED, the very one that the manifest states. Returns 1, or 0; what
 * cannot be read is passed over, with findings. */
static int find_list(const struct mm_supply *supply, const struct mm_claim *claim, bool compressed, bool only_stated,
                     struct mm_buf *stored, struct mm_buf *text, struct mm_diags *diags)
{
    char path[sizeof claim->path + 16];
    bool stated;
    snprintf(path, sizeof path, "%s.chunks%s", claim->path, compressed ? ".gz" : "");
    for (size_t i = 0; i < supply->root_count; i++)
        if (!supply->roots[i].is_set &&
            mm_supply_read_list(supply->roots[i].folder, path, supply->links, claim, stored, text, &stated, diags) >
                0 &&
            (stated || !only_stated))
            return 1;
    return 0;
}

int mm_supply_chunk_list(const struct mm_supply *supply, const struct mm_claim *claim, struct mm_buf *stored,
                         struct mm_buf *text, bool *compressed, struct mm_diags *diags)
{
    struct mm_diags mark = *diags;
    bool gz = mm_claim_list_ends_in(claim, ".gz");
    *compressed = gz;
    int found = find_list(supply, claim, gz, true, stored, text, diags);
    mm_diags_rewind(diags, &mark); /* the same files are read again */
    if (!found)
        found = find_list(supply, claim, gz, false, stored, text, diags);
    if (!found) {
        *compressed = !gz;
        found = find_list(supply, claim, !gz, false, stored, text, diags);
    }
    if (found)
        mm_diags_rewind(diags, &mark);
    return found ? 1 : diags->errors > mark.errors ? -1 : 0;
}
