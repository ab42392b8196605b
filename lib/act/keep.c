#include "act/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "act/chain_sign.h"
#include "act/consent.h"
#include "act/folder.h"
#include "act/held.h"
#include "act/verify.h"
#include "base/file.h"
#include "base/tree.h"
#include "hash/name_set.h"
#include "text/line.h"
#include "text/path.h"

#define UNFINISHED_SECONDS 3600 /* a file of store/chunks without its name is left so long */

/* ---- what the receipts say ---- */

struct imports {
    const struct mm_store_list *models;
    struct mm_keep_import *imports;
};

static int note_import(void *context, const struct mm_receipt *receipt, const char *path)
{
    struct imports *imports = context;
    struct mm_store_model wanted = {0};
    (void)path;
    if (receipt->action != MM_ACTION_IMPORTED && receipt->action != MM_ACTION_REMOVED)
        return 0;
    mm_store_model(&wanted, receipt->model_id, receipt->revision);
    const struct mm_store_model *model = mm_store_in(imports->models, &wanted);
    if (model) {
        struct mm_keep_import *import = &imports->imports[model - imports->models->models];
        import->manifest.known = receipt->action == MM_ACTION_IMPORTED;
        import->removed = receipt->action == MM_ACTION_REMOVED;
        memcpy(import->manifest.bytes, receipt->manifest_sha256, MM_HASH_BYTES);
        import->in_place = receipt->medium == MM_MEDIUM_IN_PLACE;
    }
    return 0;
}

int mm_keep_imports(int home, const struct mm_store_list *models, struct mm_keep_import *imports,
                    struct mm_diags *diags)
{
    struct imports noted = {models, imports};
    uint64_t errors = diags->errors;
    int result = mm_chain_each(home, note_import, &noted, diags);
    for (size_t i = 0; i < models->count; i++)
        imports[i].unread = diags->unknown && !imports[i].manifest.known;
    return result < 0 || diags->errors > errors ? -1 : 0;
}

int mm_keep_import(int home, const struct mm_store_model *model, struct mm_keep_import *import, struct mm_diags *diags)
{
    struct mm_store_model wanted = *model;
    struct mm_store_list list = {.models = &wanted, .count = 1};
    struct imports noted = {&list, import};
    uint64_t errors = diags->errors;
    *import = (struct mm_keep_import){0};
    int result = mm_chain_each_of(home, model->id, note_import, &noted, diags);
    import->unread = diags->unknown && !import->manifest.known;
    return result < 0 || diags->errors > errors ? -1 : 0;
}

/* ---- taking a model out ---- */

/* Writes the receipt of the removal: the lines and fingerprints of the model's import. */
static int write_removal(int home, const struct mm_store_model *model, const struct mm_secret_key *key,
                         char receipt[static 320], struct mm_diags *diags)
{
    struct mm_receipt import = {0};
    unsigned char head[MM_HASH_BYTES];
    int result = mm_consent_prepare(home, model->id, model->revision, &import, diags);
    import.action = MM_ACTION_REMOVED;
    import.execution_consent = false;
    if (result == 0)
        result = mm_chain_append(home, &import, key, receipt, head, diags);
    mm_receipt_release(&import);
    return result;
}

/* The receipt comes first: a kill behind it leaves a model that the next removal finishes or the next import vouches for again;
 * a model that went without a receipt could not be told of any more. */
static int remove_locked(int home, const struct mm_store_model *model, bool force, const struct mm_secret_key *key,
                         char receipt[static 320], struct mm_diags *diags)
{
    struct mm_store_model wanted = *model;
    struct mm_store_list list = {.models = &wanted, .count = 1};
    struct mm_keep_import import = {0};
    char trash[MM_STORE_TRASH_PATH];
    int result = mm_keep_imports(home, &list, &import, diags);
    if (result == 0)
        result = mm_tree_make(home, MM_STORE_TRASH, diags); /* what can fail fails before the receipt */
    if (result == 0 && import.manifest.known)
        result = write_removal(home, model, key, receipt, diags);
    else if (result == 0 && !import.removed && !force)
        result = mm_diag(diags, MM_RULE_RECEIPT_NONE, "expected a receipt of the model's import, found none");
    if (result == 0)
        result = mm_store_hide(home, model->path, trash, diags);
    return result == 0 ? mm_tree_remove(home, trash, diags) : -1;
}

/* The lock that an import of the model takes, so that neither sees the other half-way; *FD is -1 for a model whose manifest
 * cannot be read, which no import takes for its own. */
static int lock_import(int home, const struct mm_store_model *model, char path[static MM_STORE_PATH], int *fd,
                       struct mm_diags *diags)
{
    struct mm_manifest manifest = {0};
    struct mm_diags ignored;
    char hex[MM_HASH_HEX + 1];
    bool waited = false;
    mm_diags_init(&ignored);
    bool sound = mm_store_manifest(home, model, &manifest, &ignored) == 0;
    mm_hex(hex, manifest.sha256, MM_HASH_BYTES);
    snprintf(path, MM_STORE_PATH, MM_STORE_PARTIAL "/%s.lock", hex);
    *fd = sound ? mm_store_lock(home, path, true, &waited, diags) : -1;
    mm_manifest_release(&manifest);
    mm_diags_release(&ignored);
    return sound && *fd < 0 ? -1 : 0;
}

int mm_keep_remove(int home, const struct mm_store_model *model, bool force, const struct mm_secret_key *key,
                   char receipt[static 320], struct mm_diags *diags)
{
    char lock[MM_STORE_PATH], folder[MM_STORE_PATH];
    struct stat info;
    int fd, result = lock_import(home, model, lock, &fd, diags);
    receipt[0] = '\0';
    if (result == 0 && fstatat(home, model->path, &info, AT_SYMLINK_NOFOLLOW) < 0)
        result = mm_diag(diags, errno == ENOENT ? MM_RULE_STORE_MODEL : MM_RULE_IO_READ,
                         "expected a model of the store at %s: %s", model->path, strerror(errno));
    if (result == 0)
        result = remove_locked(home, model, force, key, receipt, diags);
    if (result == 0) {
        snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(model->path, '/') - model->path), model->path);
        mm_tree_prune(home, folder);
    }
    if (fd >= 0) {
        unlinkat(home, lock, 0);
        close(fd);
    }
    return result;
}

/* ---- clearing away ---- */

struct clearing {
    int home;
    const struct mm_keep_options *options;
    mm_keep_fn *each;
    void *context;
    struct mm_diags *diags;
    struct mm_name_set needed; /* of the models that are there: manifest hashes and Merkle roots, as text */
    struct mm_sha256 *sha;
};

static uint64_t bytes_of(int home, const char *path)
{
    struct stat info;
    struct mm_folder folder;
    struct mm_diags ignored;
    uint64_t bytes = 0;
    if (fstatat(home, path, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (!S_ISDIR(info.st_mode))
        return (uint64_t)info.st_size;
    int fd = mm_tree_open(home, path);
    if (fd < 0)
        return 0;
    mm_diags_init(&ignored);
    if (mm_folder_list(&folder, fd, &ignored) == 0)
        for (size_t i = 0; i < folder.count; i++)
            if (fstatat(fd, folder.entries[i].path, &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_nlink == 1)
                bytes += (uint64_t)info.st_size;
    mm_folder_release(&folder);
    mm_diags_release(&ignored);
    close(fd);
    return bytes;
}

static int drop(struct clearing *c, const char *path)
{
    c->each(c->context, path, bytes_of(c->home, path));
    return c->options->dry_run ? 0 : mm_tree_remove(c->home, path, c->diags);
}

/* Calls EACH with the path of everything in the folder PATH. */
static int each_in(struct clearing *c, const char *path, int (*each)(struct clearing *c, const char *path))
{
    char name[MM_STORE_PATH + 256];
    int fd = mm_tree_open(c->home, path), result = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd < 0 && errno == ENOENT)
            return 0;
        mm_diag(c->diags, MM_RULE_IO_OPEN, "cannot open the folder %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    struct dirent *entry;
    while (result == 0 && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            result = each(c, name);
        }
    closedir(dir);
    return result;
}

static bool is_needed(struct clearing *c, const char *name, size_t length)
{
    return mm_name_set_has(&c->needed, c->sha, name, length);
}

/* A chunk list, or what an interrupted write left of one. */
static int clear_list(struct clearing *c, const char *path)
{
    const char *name = mm_path_name(path);
    bool list = mm_path_ends_in(name, ".chunks") && name[0] != '.';
    struct stat info;
    if (name[0] == '.' && fstatat(c->home, path, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        time(NULL) - info.st_mtime < UNFINISHED_SECONDS) /* somebody may be writing it */
        return 0;
    return list && is_needed(c, name, strlen(name) - strlen(".chunks")) ? 0 : drop(c, path);
}

/* An import's folder or lock, unless a process has the lock. */
static int clear_partial(struct clearing *c, const char *path)
{
    char lock[MM_STORE_PATH + 272];
    const char *name = mm_path_name(path);
    bool waited = false, is_lock = mm_path_ends_in(name, ".lock");
    snprintf(lock, sizeof lock, "%s%s", path, is_lock ? "" : ".lock");
    if (!is_lock && !c->options->partial && !is_needed(c, name, strlen(name)))
        return 0;
    int fd = mm_store_lock(c->home, lock, false, &waited, c->diags);
    if (fd < 0)
        return waited ? 0 : -1;
    int result = is_lock ? 0 : drop(c, path);
    if (!c->options->dry_run || !is_lock)
        unlinkat(c->home, lock, 0);
    close(fd);
    return result;
}

static int need(struct clearing *c, const unsigned char hash[static MM_HASH_BYTES])
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, hash, MM_HASH_BYTES);
    return mm_name_set_add_text(&c->needed, c->sha, hex, MM_HASH_HEX) == MM_NAME_MEMORY ? mm_diag_memory(c->diags) : 0;
}

static int need_model(struct clearing *c, const struct mm_store_model *model)
{
    struct mm_manifest manifest = {0};
    struct mm_diags mark = *c->diags;
    struct stat info;
    int result = mm_store_manifest(c->home, model, &manifest, c->diags);
    if (result == 0)
        result = need(c, manifest.sha256);
    for (size_t group = 1; result == 0 && group <= mm_manifest_artifacts(&manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(&manifest, group, &claim);
        result = need(c, claim.chunks.root);
    }
    if (result < 0 && fstatat(c->home, model->path, &info, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT) {
        mm_diags_rewind(c->diags, &mark); /* it was removed since it was listed */
        result = 0;
    }
    mm_manifest_release(&manifest);
    return result;
}

int mm_keep_clear(int home, const struct mm_keep_options *options, mm_keep_fn *each, void *context,
                  struct mm_diags *diags)
{
    struct clearing c = {
        .home = home, .options = options, .each = each, .context = context, .diags = diags, .sha = mm_sha256_new()};
    struct mm_store_list models = {0};
    int result = c.sha ? mm_store_list(home, false, &models, diags) : mm_diag_memory(diags);
    for (size_t i = 0; i < models.count && result == 0; i++)
        result = need_model(&c, &models.models[i]);
    if (result == 0 && (each_in(&c, MM_STORE_TRASH, drop) < 0 || each_in(&c, MM_STORE_PARTIAL, clear_partial) < 0 ||
                        each_in(&c, MM_STORE_CHUNKS, clear_list) < 0))
        result = -1;
    mm_store_list_release(&models);
    mm_name_set_release(&c.needed);
    mm_sha256_free(c.sha);
    return result;
}

/* ---- checking ---- */

/* Findings since FIRST that name an artifact name it beneath FOLDER. Where memory lacks, the short name stays. */
static void name_beneath(const char *folder, size_t first, struct mm_diags *diags)
{
    for (size_t i = first; i < diags->count; i++) {
        char *name;
        if (strncmp(diags->items[i].file, MM_STORE_MODELS "/", strlen(MM_STORE_MODELS) + 1) == 0 ||
            asprintf(&name, "%s/%s", folder, diags->items[i].file) < 0)
            continue;
        free(diags->items[i].file);
        diags->items[i].file = name;
    }
}

/* Beside the files a model's folder holds its manifest and perhaps signatures; links are there only for a model in place. */
static void check_surplus(int fd, bool in_place, struct mm_diags *diags)
{
    struct mm_folder folder = {0};
    char shown[MM_SHOWN];
    if (mm_folder_list(&folder, fd, diags) == 0)
        for (size_t i = 0; i < folder.count; i++) {
            const char *path = folder.entries[i].path;
            bool file = strncmp(path, "files/", 6) == 0;
            if (!file && strcmp(path, MM_STORE_MANIFEST) != 0 && !mm_signature_is_beside(path, MM_STORE_MANIFEST))
                mm_diag(diags, MM_RULE_STORE_SURPLUS, "expected manifest and files alone, found %s",
                        mm_show(shown, path, strlen(path)));
            else if (folder.entries[i].kind != MM_ENTRY_FILE && !(file && in_place))
                mm_diag(diags, MM_RULE_STORE_SURPLUS, "expected a regular file, found a link or the like at %s",
                        mm_show(shown, path, strlen(path)));
        }
    mm_folder_release(&folder);
}

static void check_files(int home, const struct mm_store_model *model, const struct mm_manifest *manifest,
                        const struct mm_keep_import *import, const struct mm_keep_check *options,
                        struct mm_diags *diags)
{
    char path[MM_STORE_PATH + 8], manifest_path[MM_STORE_PATH + 16];
    struct mm_report report = {0};
    struct mm_trusted trusted = {0};
    struct mm_verify_options how = {
        .trusted = &trusted,
        .quick = options->quick,
        .means = options->means,
        .strict = true,
        .links = import->in_place || !import->manifest.known ? MM_LINKS_FOLLOW : MM_LINKS_BENEATH,
        .progress = options->progress,
        .progress_context = options->progress_context,
    };
    snprintf(path, sizeof path, "%s/files", model->path);
    snprintf(manifest_path, sizeof manifest_path, "%s/" MM_STORE_MANIFEST, model->path);
    int files = mm_tree_open(home, path), folder = mm_tree_open(home, model->path);
    bool verified = files >= 0 && folder >= 0;
    diags->file = manifest_path;
    if (!verified)
        mm_diag(diags, MM_RULE_IO_OPEN, "cannot open %s: %s", path, strerror(errno));
    else
        verified = mm_held_judge(&trusted, folder, manifest, options->trust, diags) == 0;
    size_t first = diags->count;
    verified = verified && mm_verify(manifest, files, &how, &report, diags) == 0;
    diags->file = model->path;
    if (verified)
        check_surplus(folder, import->in_place || !import->manifest.known, diags);
    name_beneath(path, first, diags);
    if (verified && mm_report_verdict(&report) == MM_VERDICT_PARTIAL && !diags->no && !diags->unknown)
        mm_diag(diags, MM_RULE_IO_LIMIT, "expected a model that can be verified whole");
    mm_trusted_release(&trusted);
    mm_report_release(&report);
    if (files >= 0)
        close(files);
    if (folder >= 0)
        close(folder);
}

enum mm_answer mm_keep_check_model(int home, const struct mm_store_model *model, const struct mm_keep_import *import,
                                   const struct mm_keep_check *options, struct mm_diags *diags)
{
    struct mm_manifest manifest = {0};
    struct mm_diags before = *diags; /* only the flags are compared */
    diags->no = diags->unknown = false;
    diags->file = model->path;
    if (mm_store_manifest(home, model, &manifest, diags) == 0) {
        mm_held_check_name(model, &manifest, diags);
        check_files(home, model, &manifest, import, options, diags);
        mm_held_check_receipt(home, model, import, &manifest, diags);
    }
    mm_manifest_release(&manifest);
    enum mm_answer answer = mm_diags_answer(diags);
    diags->no = diags->no || before.no;
    diags->unknown = diags->unknown || before.unknown;
    return answer;
}

int mm_keep_check_home(int home, struct mm_diags *diags)
{
    static const char *const names[] = {".", "..", MM_STORE_MODELS, "receipts", "receipts.log", "store"};
    char shown[MM_SHOWN];
    int fd = openat(home, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read the store's folder", errno);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        bool known = false;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            known = known || strcmp(entry->d_name, names[i]) == 0;
        if (!known)
            result = mm_diag(diags, MM_RULE_STORE_SURPLUS, "expected models, receipts and store alone, found %s",
                             mm_show(shown, entry->d_name, strlen(entry->d_name)));
    }
    closedir(dir);
    return result;
}
