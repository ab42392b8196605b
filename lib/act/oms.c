#include "act/oms.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/folder.h"
#include "base/checked.h"
#include "trust/secret_form.h"

const char *const mm_oms_result_words[MM_OMS_RESULT_COUNT] = {"pass", "differs", "absent", "unreadable", "surplus"};

_Static_assert(EVP_MAX_MD_SIZE >= MM_OMS_DIGEST_MAX, "what libcrypto fills is as long as the longest digest");

/* ---- hashing one file, shard by shard ---- */

/* Called with the digest of each shard; whole files have one. */
typedef void digest_fn(void *context, const unsigned char *digest);

struct hashing {
    EVP_MD_CTX *context;
    const EVP_MD *digest;
    uint64_t shard_size, held; /* 0: whole files; bytes of the present shard */
    digest_fn *each;
    void *each_context;
    bool failed; /* libcrypto ran out of memory: no digest may be made of what is there */
};

static void end_shard(struct hashing *h)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    if (h->failed || EVP_DigestFinal_ex(h->context, digest, NULL) != 1 ||
        EVP_DigestInit_ex(h->context, h->digest, NULL) != 1) {
        h->failed = true;
        return;
    }
    h->each(h->each_context, digest);
    h->held = 0;
}

static void update(void *context, const unsigned char *bytes, size_t length)
{
    struct hashing *h = context;
    while (length > 0) {
        uint64_t room = h->shard_size ? h->shard_size - h->held : length;
        size_t some = length < room ? length : (size_t)room;
        if (EVP_DigestUpdate(h->context, bytes, some) != 1)
            h->failed = true;
        h->held += some;
        bytes += some;
        length -= some;
        if (h->shard_size && h->held == h->shard_size)
            end_shard(h);
    }
}

/* Reads FD to its end. Returns 0, or -1 with a finding. */
static int hash_file(const struct mm_oms_statement *statement, int fd, const struct mm_oms_options *options,
                     digest_fn *each, void *context, struct mm_diags *diags)
{
    struct hashing h = {.context = EVP_MD_CTX_new(),
                        .digest = statement->hash == MM_OMS_SHA256 ? EVP_sha256() : EVP_blake2b512(),
                        .shard_size = statement->shard_size,
                        .each = each,
                        .each_context = context};
    struct mm_source source = {0};
    int result = h.context && EVP_DigestInit_ex(h.context, h.digest, NULL) == 1 ? 0 : mm_diag_memory(diags);
    if (result == 0)
        result = mm_source_open(&source, fd, diags);
    source.sink = update;
    source.sink_context = &h;
    source.progress = options->progress;
    source.progress_context = options->progress_context;
    if (result == 0)
        result = mm_source_finish(&source, diags);
    if (result == 0 && (!h.shard_size || h.held > 0))
        end_shard(&h);
    if (result == 0 && h.failed)
        result = mm_diag_memory(diags);
    mm_source_release(&source);
    EVP_MD_CTX_free(h.context);
    return result;
}

/* ---- what is in the folder ---- */

/* The one file that is the model, as if the folder held no other. */
static int list_one(struct mm_folder *files, int root, const char *name, struct mm_diags *diags)
{
    struct stat info;
    *files = (struct mm_folder){0};
    if (fstatat(root, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot look at the model", errno);
    files->entries = calloc(1, sizeof *files->entries);
    if (!files->entries || !(files->entries[0].path = strdup(name)))
        return mm_diag_memory(diags);
    files->entries[0].kind = S_ISREG(info.st_mode)   ? MM_ENTRY_FILE
                             : S_ISLNK(info.st_mode) ? MM_ENTRY_LINK
                                                     : MM_ENTRY_OTHER;
    files->count = 1;
    return 0;
}

struct listing {
    const struct mm_oms_statement *statement;
    bool surplus_ignored;
};

/* What is left out may be another user's. */
static bool matters(void *context, const char *path)
{
    const struct listing *listing = context;
    return !listing->surplus_ignored && !mm_oms_ignored(listing->statement, path);
}

/* Lists what can be listed; -1 where that is not all that matters. */
static int list_files(struct mm_folder *files, const struct mm_oms_statement *statement, int root,
                      const struct mm_oms_options *options, struct mm_diags *diags)
{
    struct listing listing = {statement, options->ignore_surplus};
    return options->only ? list_one(files, root, options->only, diags)
                         : mm_folder_list_readable(files, root, matters, &listing, diags);
}

static int by_path(const void *key, const void *entry)
{
    return strcmp(key, ((const struct mm_folder_entry *)entry)->path);
}

static const struct mm_folder_entry *find(const struct mm_folder *files, const char *name)
{
    return files->count ? bsearch(name, files->entries, files->count, sizeof *files->entries, by_path) : NULL;
}

/* ---- checking ---- */

struct folder_identity {
    uint64_t device, inode;
};

struct check {
    const struct mm_oms_statement *statement;
    const struct mm_oms_options *options;
    int root;
    struct mm_folder files;
    struct mm_oms_counts *counts;
    struct mm_diags *diags;
    bool failed;
    struct folder_identity *ignoring; /* folders beneath which something is left out, sorted */
    size_t ignoring_count, ignoring_capacity;
};

/* A model that is one file is called "." by the reference program, and by its name in the specification. */
static const char *name_of(const struct check *c, const struct mm_oms_resource *resource)
{
    return c->options->only && strcmp(resource->name, ".") == 0 ? c->options->only : resource->name;
}

static void tell(struct check *c, const char *name, enum mm_oms_result result)
{
    c->counts->files += result != MM_OMS_SURPLUS;
    c->failed = c->failed || result != MM_OMS_PASS;
    if (c->options->each)
        c->options->each(c->options->each_context, name, result);
}

/* The digests of one file, compared as they come with the resources of its name. */
struct comparison {
    const struct mm_oms_resource *resources;
    size_t count, at, size; /* size: of a digest */
    bool differs;
};

static void compare(void *context, const unsigned char *digest)
{
    struct comparison *comparison = context;
    if (comparison->at == comparison->count ||
        memcmp(comparison->resources[comparison->at].digest, digest, comparison->size) != 0)
        comparison->differs = true;
    else
        comparison->at++;
}

/* False where NAME may be in a folder that could not be listed. */
static bool could_be_listed(const struct check *c, const char *name)
{
    char folder[PATH_MAX];
    const struct mm_folder_entry *entry = find(&c->files, "");
    bool listed = !entry && !c->files.full;
    for (size_t i = 0; listed && name[i] && i < sizeof folder; i++) {
        folder[i] = '\0';
        entry = name[i] == '/' ? find(&c->files, folder) : NULL;
        listed = !entry || entry->kind != MM_ENTRY_UNLISTED;
        folder[i] = name[i];
    }
    return listed;
}

/* Opens the file NAME. Returns the descriptor, or -1 with a finding and *RESULT set. */
static int open_file(struct check *c, const char *name, enum mm_oms_result *result)
{
    const struct mm_folder_entry *entry = find(&c->files, name);
    *result = MM_OMS_DIFFERS;
    if (entry && entry->kind == MM_ENTRY_LINK && !c->statement->allow_symlinks)
        return mm_diag(c->diags, MM_RULE_OMS_FILE,
                       "expected a file, found a symbolic link, of which the bundle allows none");
    /* a name that leads through a link to a folder is not in the list */
    bool look = entry || c->statement->allow_symlinks;
    int fd = look ? mm_file_open_beneath(c->root, name, c->options->links) : -1;
    int error = look ? errno : ENOENT;
    if (fd >= 0)
        return fd;
    if (!look && !could_be_listed(c, name)) {
        *result = MM_OMS_UNREADABLE;
        return mm_diag(c->diags, MM_RULE_IO_OPEN, "cannot look for it, as its folder could not be listed");
    }
    switch (error) {
    case ENOENT:
    case ENOTDIR: *result = MM_OMS_ABSENT; return mm_diag(c->diags, MM_RULE_OMS_FILE, "expected this file, found none");
    case EXDEV:
    case ELOOP:
        return mm_diag(c->diags, MM_RULE_OMS_FILE, "expected a file beneath the model, found a link that leads out");
    case ENXIO:
    case EISDIR: return mm_diag(c->diags, MM_RULE_OMS_FILE, "expected a regular file, found something else");
    default: *result = MM_OMS_UNREADABLE; return mm_diag_errno(c->diags, MM_RULE_IO_OPEN, "cannot open", error);
    }
}

/* Checks the file that the COUNT resources from FIRST on are of. */
static void check_file(struct check *c, const struct mm_oms_resource *first, size_t count)
{
    struct comparison comparison = {first, count, 0, mm_oms_digest_size(c->statement->hash), false};
    enum mm_oms_result result;
    const char *shown = c->diags->file, *name = name_of(c, first);
    c->diags->file = name;
    int fd = open_file(c, name, &result);
    if (fd >= 0) {
        struct stat info = {0};
        bool read = hash_file(c->statement, fd, c->options, compare, &comparison, c->diags) == 0;
        if (read && fstat(fd, &info) < 0)
            read = mm_diag_errno(c->diags, MM_RULE_IO_READ, "cannot read", errno) == 0;
        bool same = read && !comparison.differs && comparison.at == count &&
                    (!c->statement->shard_size || (uint64_t)info.st_size == first[count - 1].end);
        result = !read ? MM_OMS_UNREADABLE : same ? MM_OMS_PASS : MM_OMS_DIFFERS;
        if (result == MM_OMS_DIFFERS)
            mm_diag(c->diags, MM_RULE_OMS_FILE, "expected the bytes that were signed, found others");
        close(fd);
    }
    tell(c, name, result);
    c->diags->file = shown;
}

/* ---- what is left out, by way of links ---- */

static int by_identity(const void *a, const void *b)
{
    const struct folder_identity *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* Notes the folder in which PATH's first LENGTH bytes end; 0: the model's own. One that is gone is not noted. */
static int note_ignoring(struct check *c, const char *path, size_t length)
{
    char *folder = length ? strndup(path, length) : strdup(".");
    struct stat info;
    if (!folder || !mm_grow(&c->ignoring, c->ignoring_count, &c->ignoring_capacity, sizeof *c->ignoring)) {
        free(folder);
        return mm_diag_memory(c->diags);
    }
    if (fstatat(c->root, folder, &info, AT_SYMLINK_NOFOLLOW) == 0)
        c->ignoring[c->ignoring_count++] = (struct folder_identity){(uint64_t)info.st_dev, (uint64_t)info.st_ino};
    free(folder);
    return 0;
}

/* Finds all folders beneath which something is left out by its name. Through a link to one of them it has another name. */
static int find_ignoring(struct check *c)
{
    const char *before = "";
    for (size_t i = 0; i < c->files.count; i++) {
        const char *path = c->files.entries[i].path;
        if (!mm_oms_ignored(c->statement, path) ||
            (c->options->bundle >= 0 && mm_file_is_named(c->root, path, c->options->bundle)))
            continue;
        size_t same = 0;
        while (*before && path[same] == before[same])
            same++;
        if (!*before && note_ignoring(c, path, 0) < 0)
            return -1;
        if (c->files.entries[i].kind == MM_ENTRY_UNLISTED && note_ignoring(c, path, strlen(path)) < 0)
            return -1;
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
            if ((size_t)(slash - path) >= same && note_ignoring(c, path, (size_t)(slash - path)) < 0)
                return -1;
        before = path;
    }
    if (c->ignoring_count)
        qsort(c->ignoring, c->ignoring_count, sizeof *c->ignoring, by_identity);
    return 0;
}

/* Does PATH, a link, lead to a folder of the model whose files all have names of their own that are not left out, or to nothing
 * that is signed? */
static bool leads_to_signed(struct check *c, const char *path)
{
    struct stat info;
    int fd = mm_file_open_beneath(c->root, path, MM_LINKS_BENEATH);
    bool folder = fd < 0 && errno == EISDIR;
    if (fd >= 0) {
        bool empty = c->statement->shard_size && fstat(fd, &info) == 0 && info.st_size == 0;
        close(fd);
        return empty; /* of which shards say nothing */
    }
    if (!folder || fstatat(c->root, path, &info, 0) < 0)
        return false;
    struct folder_identity identity = {(uint64_t)info.st_dev, (uint64_t)info.st_ino};
    return !c->ignoring_count || !bsearch(&identity, c->ignoring, c->ignoring_count, sizeof *c->ignoring, by_identity);
}

/* Is a file that no resource names none of the model's all the same? */
static bool may_be_there(struct check *c, const struct mm_folder_entry *entry)
{
    struct stat info;
    if (c->options->bundle >= 0 && mm_file_is_named(c->root, entry->path, c->options->bundle))
        return true;
    if (entry->kind == MM_ENTRY_FILE) /* shards say nothing of empty files */
        return c->statement->shard_size && fstatat(c->root, entry->path, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
               info.st_size == 0;
    return entry->kind == MM_ENTRY_LINK && c->statement->allow_symlinks && leads_to_signed(c, entry->path);
}

static void check_surplus(struct check *c)
{
    const struct mm_oms_statement *s = c->statement;
    const char *shown = c->diags->file;
    size_t at = 0;
    for (size_t i = 0; i < c->files.count; i++) {
        const struct mm_folder_entry *entry = &c->files.entries[i];
        while (at < s->count && strcmp(name_of(c, &s->resources[at]), entry->path) < 0)
            at++;
        if (at < s->count && strcmp(name_of(c, &s->resources[at]), entry->path) == 0)
            continue;
        if (mm_oms_ignored(s, entry->path)) {
            c->counts->ignored++;
            continue;
        }
        if (entry->kind == MM_ENTRY_UNLISTED)
            continue;
        if (c->options->ignore_surplus || may_be_there(c, entry))
            continue;
        c->diags->file = entry->path;
        mm_diag(c->diags, MM_RULE_OMS_SURPLUS, "expected no file that was not signed, found %s",
                entry->kind == MM_ENTRY_FILE   ? "one"
                : entry->kind == MM_ENTRY_LINK ? "a symbolic link"
                                               : "something that is no regular file");
        tell(c, entry->path, MM_OMS_SURPLUS);
        c->diags->file = shown;
    }
}

int mm_oms_check(const struct mm_oms_statement *statement, int root, const struct mm_oms_options *options,
                 struct mm_oms_counts *counts, struct mm_diags *diags)
{
    struct check c = {.statement = statement, .options = options, .root = root, .counts = counts, .diags = diags};
    *counts = (struct mm_oms_counts){0};
    int result = 0;
    c.failed = list_files(&c.files, statement, root, options, diags) < 0; /* and what can be told is */
    for (size_t i = 0; i < statement->count;) {
        size_t next = i + 1;
        while (next < statement->count && strcmp(statement->resources[i].name, statement->resources[next].name) == 0)
            next++;
        check_file(&c, &statement->resources[i], next - i);
        i = next;
    }
    if (statement->allow_symlinks)
        result = find_ignoring(&c);
    if (result == 0)
        check_surplus(&c);
    free(c.ignoring);
    mm_folder_release(&c.files);
    return result < 0 || c.failed ? -1 : 0;
}

/* ---- collecting ---- */

static void keep_digest(void *context, const unsigned char *digest)
{
    memcpy(context, digest, MM_OMS_DIGEST_MAX);
}

static int collect_file(struct mm_oms_statement *statement, int root, const struct mm_folder_entry *entry,
                        const struct mm_oms_options *options, struct mm_diags *diags)
{
    unsigned char digest[MM_OMS_DIGEST_MAX];
    if (!mm_oms_name_sound(entry->path))
        return mm_diag(diags, MM_RULE_OMS_FILE,
                       "expected a name of UTF-8 without control characters and backslashes, found another");
    if (entry->kind != MM_ENTRY_FILE)
        return mm_diag(diags, MM_RULE_OMS_FILE, "expected a regular file, found %s",
                       entry->kind == MM_ENTRY_LINK ? "a symbolic link" : "something else");
    int fd = mm_file_open_beneath(root, entry->path, MM_LINKS_BENEATH);
    if (fd < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
    int result = mm_secret_form_refuse(fd, diags);
    if (result == 0)
        result = hash_file(statement, fd, options, keep_digest, digest, diags);
    close(fd);
    return result < 0 ? -1 : mm_oms_statement_add(statement, entry->path, digest, diags);
}

int mm_oms_collect(struct mm_oms_statement *statement, int root, const struct mm_oms_options *options,
                   struct mm_diags *diags)
{
    struct mm_folder files;
    const char *shown = diags->file;
    int result = list_files(&files, statement, root, options, diags);
    bool failed = false;
    for (size_t i = 0; result == 0 && i < files.count; i++) {
        const struct mm_folder_entry *entry = &files.entries[i];
        if (mm_oms_ignored(statement, entry->path) || entry->kind == MM_ENTRY_UNLISTED ||
            (options->bundle >= 0 && mm_file_is_named(root, entry->path, options->bundle)))
            continue;
        diags->file = entry->path;
        failed = collect_file(statement, root, entry, options, diags) < 0 || failed;
        diags->file = shown;
    }
    mm_folder_release(&files);
    if (result < 0 || failed)
        return -1;
    if (statement->count == 0)
        return mm_diag(diags, MM_RULE_OMS_FILE, "expected at least one file to sign, found none");
    return mm_oms_statement_finish(statement, diags);
}
