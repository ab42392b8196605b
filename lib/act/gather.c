#include "act/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/folder.h"
#include "base/checked.h"
#include "base/source.h"
#include "model/artifact.h"
#include "text/json.h"
#include "text/path.h"

void mm_gather_release(struct mm_gather *gather)
{
    for (size_t i = 0; i < gather->count; i++) {
        free(gather->inputs[i].path);
        free(gather->inputs[i].name);
    }
    for (size_t i = 0; i < gather->folder_count; i++)
        close(gather->folders[i]);
    free(gather->inputs);
    free(gather->folders);
    *gather = (struct mm_gather){0};
}

/* Keeps FD open for the gathering. Returns FD, or -1. */
static int keep_folder(struct mm_gather *gather, int fd, struct mm_diags *diags)
{
    if (fd < 0)
        return -1;
    if (!mm_grow(&gather->folders, gather->folder_count, &gather->folder_capacity, sizeof *gather->folders)) {
        close(fd);
        return mm_diag_memory(diags);
    }
    return gather->folders[gather->folder_count++] = fd;
}

static int keep_folder_path(struct mm_gather *gather, const char *path, struct mm_diags *diags)
{
    return keep_folder(gather, mm_file_open_folder(path, diags), diags);
}

/* ---- names ---- */

/* A portable spelling of NAME, for the advice to rename. */
static void suggest(const char *path, char *out, size_t size)
{
    size_t used = 0;
    for (; *path && used + 1 < size; path++) {
        char c = *path;
        bool portable = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("._-/", c);
        bool first = used == 0 || out[used - 1] == '/';
        out[used++] = portable && !(first && c == '-') ? c : '_';
    }
    out[used] = '\0';
}

static int check_name(const char *path, struct mm_diags *diags)
{
    char shown[MM_SHOWN], advice[MM_PATH_MAX + 1];
    size_t at;
    const char *expected = mm_path_check(path, strlen(path), &at);
    if (!expected)
        return 0;
    suggest(path, advice, sizeof advice);
    mm_show(shown, path, strlen(path));
    if (mm_path_check(advice, strlen(advice), &at))
        return mm_diag(diags, MM_RULE_MAKE_NAME, "expected %s, found '%s'; rename it", expected, shown);
    return mm_diag(diags, MM_RULE_MAKE_NAME, "expected %s, found '%s'; rename it, to '%s' for example", expected, shown,
                   advice);
}

/* Why a file found in a folder is no part of the model, or NULL. */
static const char *left_out(const char *path)
{
    static const struct {
        const char *ending, *why;
    } endings[] = {
        {".incomplete", "an unfinished download"},
        {".part", "an unfinished download"},
        {".partial", "an unfinished download"},
        {".crdownload", "an unfinished download"},
        {".aria2", "an unfinished download"},
        {".lock", "a lock"},
        {".chunks", "a chunk list"},
        {".chunks.gz", "a chunk list"},
        {".manifest", "a manifest"},
        {".minisig", "a signature"},
    };
    for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (*part == '.')
            return "a dot-file";
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (mm_path_ends_in(path, endings[i].ending))
            return endings[i].why;
    return NULL;
}

/* ---- inputs ---- */

static struct mm_input *add_input(struct mm_gather *gather, const char *path, const char *name, int folder,
                                  struct mm_diags *diags)
{
    if (!mm_grow(&gather->inputs, gather->count, &gather->capacity, sizeof *gather->inputs)) {
        mm_diag_memory(diags);
        return NULL;
    }
    struct mm_input *input = &gather->inputs[gather->count];
    *input = (struct mm_input){.path = strdup(path),
                               .name = strdup(name),
                               .folder = folder,
                               .role = -1,
                               .links = gather->follow_links ? MM_LINKS_FOLLOW : MM_LINKS_BENEATH};
    if (!input->path || !input->name) {
        free(input->path);
        free(input->name);
        mm_diag_memory(diags);
        return NULL;
    }
    gather->count++;
    return input;
}

static bool all_hex(const char *text, size_t length)
{
    return strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

static void expect_digest(struct mm_input *input, const char *blob)
{
    if (all_hex(blob, 64))
        input->digest = MM_BLOB_SHA256;
    else if (all_hex(blob, 40))
        input->digest = MM_BLOB_GIT;
    else
        return;
    strcpy(input->hex, blob);
}

/* ---- folders ---- */

/* The blob that LINK, found at PATH in a snapshot, leads to: its target has to be exactly the way from there to the
 * cache's own blobs. Returns its name within TARGET, or NULL. */
static const char *blob_of(const char *path, char *target)
{
    char *at = target;
    unsigned levels = 2; /* the snapshot's commit, and snapshots/ */
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
        levels++;
    for (; levels > 0; levels--, at += 3)
        if (strncmp(at, "../", 3) != 0)
            return NULL;
    if (strncmp(at, "blobs/", 6) != 0 || !at[6] || strchr(at + 6, '/') || at[6] == '.')
        return NULL;
    return at + 6;
}

static int add_snapshot_link(struct mm_gather *gather, int folder, int blobs, const char *path, struct mm_diags *diags)
{
    char target[PATH_MAX];
    char shown[MM_SHOWN];
    ssize_t length = readlinkat(folder, path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    const char *blob = blob_of(path, target);
    if (!blob)
        return mm_diag(diags, MM_RULE_MAKE_LINK,
                       "expected '%s' to lead into the cache's own blobs, found a link to '%s'", path,
                       mm_show(shown, target, strlen(target)));
    if (left_out(blob)) {
        mm_note(diags, MM_RULE_MAKE_SKIPPED, "left out: %s, a link to %s", path, left_out(blob));
        return 0;
    }
    struct mm_input *input = add_input(gather, path, blob, blobs, diags);
    if (!input)
        return -1;
    input->links = MM_LINKS_BENEATH;
    expect_digest(input, blob);
    return 0;
}

/* BLOBS: the cache's blobs for a snapshot, -1 for an ordinary folder. */
static int add_entry(struct mm_gather *gather, int folder, int blobs, const struct mm_folder_entry *entry,
                     struct mm_diags *diags)
{
    const char *why = left_out(entry->path);
    char shown[MM_SHOWN];
    mm_show(shown, entry->path, strlen(entry->path));
    if (why) {
        mm_note(diags, MM_RULE_MAKE_SKIPPED, "left out: %s, %s", shown, why);
        return 0;
    }
    if (check_name(entry->path, diags) < 0)
        return 0; /* every such name is reported; the errors stop the rest */
    if (entry->kind == MM_ENTRY_OTHER) {
        mm_note(diags, MM_RULE_MAKE_SKIPPED, "left out: %s, no regular file", shown);
        return 0;
    }
    if (entry->kind == MM_ENTRY_LINK && blobs >= 0)
        return add_snapshot_link(gather, folder, blobs, entry->path, diags);
    return add_input(gather, entry->path, entry->path, folder, diags) ? 0 : -1;
}

static int add_folder(struct mm_gather *gather, const char *path, int blobs, struct mm_diags *diags)
{
    struct mm_folder list;
    uint64_t errors = diags->errors;
    int folder = keep_folder_path(gather, path, diags);
    if (folder < 0)
        return -1;
    int result = mm_folder_list(&list, folder, diags);
    for (size_t i = 0; result == 0 && i < list.count; i++)
        if (add_entry(gather, folder, blobs, &list.entries[i], diags) < 0 && mm_diags_answer(diags) == MM_UNKNOWN)
            result = -1;
    mm_folder_release(&list);
    return result < 0 || diags->errors > errors ? -1 : 0;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* ---- Hugging Face caches: models--ORG--NAME/{blobs,refs,snapshots/COMMIT} ---- */

/* Appends to OUT, of PATH_MAX bytes; false where it does not fit. */
static bool path_of(char out[static PATH_MAX], const char *folder, const char *name)
{
    return (size_t)snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

/* True if REAL is CACHE/snapshots/COMMIT beside CACHE/blobs, whose path goes to BLOBS. */
static bool is_snapshot(const char *real, char blobs[static PATH_MAX])
{
    char cache[PATH_MAX];
    char *slash;
    strcpy(cache, real);
    slash = strrchr(cache, '/');
    if (!slash || slash == cache)
        return false;
    *slash = '\0';
    if (!mm_path_ends_in(cache, "/snapshots"))
        return false;
    cache[strlen(cache) - strlen("/snapshots")] = '\0';
    return path_of(blobs, cache, "blobs") && is_folder(blobs);
}

static int add_snapshot(struct mm_gather *gather, const char *snapshot, const char *blobs_path, struct mm_diags *diags)
{
    int blobs = keep_folder_path(gather, blobs_path, diags);
    return blobs < 0 ? -1 : add_folder(gather, snapshot, blobs, diags);
}

/* Reads the commit that refs/main names into COMMIT. */
static int read_main(const char *refs, struct mm_buf *commit, struct mm_diags *diags)
{
    int fd = open(refs, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return mm_diag(diags, MM_RULE_IO_OPEN,
                       "cannot open refs/main of the cache: %s; give a snapshot's folder instead", strerror(errno));
    int result = mm_file_read_all(fd, 128, commit, diags);
    close(fd);
    if (result < 0)
        return -1;
    while (commit->length && commit->data[commit->length - 1] == '\n')
        commit->data[--commit->length] = '\0';
    if (result == 0 && commit->length && !strchr(commit->data, '/') && commit->data[0] != '.')
        return 0;
    return mm_diag(diags, MM_RULE_MAKE_LINK, "expected a commit in refs/main; give a snapshot's folder instead");
}

/* The snapshot that refs/main names. */
static int add_cache(struct mm_gather *gather, const char *cache, const char *blobs, struct mm_diags *diags)
{
    char refs[PATH_MAX], snapshots[PATH_MAX], snapshot[PATH_MAX], real[PATH_MAX], own[PATH_MAX];
    struct mm_buf commit = {0};
    int result = -1;
    if (!path_of(refs, cache, "refs/main") || !path_of(snapshots, cache, "snapshots"))
        return mm_diag(diags, MM_RULE_IO_OPEN, "expected a shorter path");
    if (read_main(refs, &commit, diags) < 0)
        result = -1;
    else if (!path_of(snapshot, snapshots, commit.data) || !realpath(snapshot, real))
        result = mm_diag(diags, MM_RULE_IO_OPEN, "cannot open the snapshot that refs/main names");
    else if (!is_snapshot(real, own) || strcmp(own, blobs) != 0)
        result = mm_diag(diags, MM_RULE_MAKE_LINK,
                         "expected a snapshot inside the cache, found a link that leads out of it");
    else
        result = add_snapshot(gather, snapshot, blobs, diags);
    mm_buf_release(&commit);
    return result;
}

/* ---- Ollama stores: {blobs/sha256-HEX, manifests/HOST/NAMESPACE/NAME/TAG} ---- */

/* The role that a layer's media type names, -1 for none. */
static int layer_role(const char *type)
{
    static const struct {
        const char *ending;
        enum mm_role role;
    } roles[] = {
        {".image.model", MM_ROLE_WEIGHTS},   {".image.projector", MM_ROLE_WEIGHTS},
        {".image.adapter", MM_ROLE_ADAPTER}, {".image.license", MM_ROLE_LICENSE},
        {".image.params", MM_ROLE_CONFIG},   {".container.image.v1+json", MM_ROLE_CONFIG},
    };
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (mm_path_ends_in(type, roles[i].ending))
            return roles[i].role;
    return MM_ROLE_OTHER;
}

/* BLOBS: the store's own, from which no link leads out. */
static int add_layer(struct mm_gather *gather, int blobs, const char *type, const char *digest, struct mm_diags *diags)
{
    char path[sizeof "blobs/sha256-" + 64];
    if (strncmp(digest, "sha256:", 7) != 0 || !all_hex(digest + 7, 64))
        return mm_diag(diags, MM_RULE_MAKE_BLOB, "expected layers with digests sha256:HEX");
    snprintf(path, sizeof path, "blobs/sha256-%s", digest + 7);
    for (size_t i = 0; i < gather->count; i++)
        if (strcmp(gather->inputs[i].path, path) == 0)
            return 0; /* two layers of equal bytes are one file */
    struct mm_input *input = add_input(gather, path, path + strlen("blobs/"), blobs, diags);
    if (!input)
        return -1;
    input->links = MM_LINKS_BENEATH;
    input->role = layer_role(type);
    expect_digest(input, digest + 7);
    return 0;
}

/* Keeps a text of the store's manifest; what does not fit is none that is looked for. */
static void keep_text(char *out, size_t size, const struct mm_json *json)
{
    size_t length = !json->cut && json->length < size ? json->length : 0;
    memcpy(out, json->text, length);
    out[length] = '\0';
}

/* The object that "config" names, or an element of "layers": the layers of a model. TOP is the outermost name, DEPTH the
 * number of objects and lists around. */
static bool is_layer(const char *top, unsigned depth)
{
    return (depth == 2 && strcmp(top, "config") == 0) || (depth == 3 && strcmp(top, "layers") == 0);
}

struct layers {
    char top[32], key[32]; /* outermost and last name */
    char type[256], digest[128];
    size_t found;
};

static int take_event(struct mm_gather *gather, int blobs, const struct mm_json *json, enum mm_json_event event,
                      struct layers *l, struct mm_diags *diags)
{
    bool inside = is_layer(l->top, json->depth);
    switch (event) {
    case MM_JSON_OBJECT:
        if (inside)
            l->type[0] = l->digest[0] = '\0';
        return 0;
    case MM_JSON_KEY: keep_text(json->depth == 1 ? l->top : l->key, sizeof l->key, json); return 0;
    case MM_JSON_STRING:
        if (inside && strcmp(l->key, "mediaType") == 0)
            keep_text(l->type, sizeof l->type, json);
        if (inside && strcmp(l->key, "digest") == 0)
            keep_text(l->digest, sizeof l->digest, json);
        return 0;
    case MM_JSON_OBJECT_END:
        if (!is_layer(l->top, json->depth + 1))
            return 0;
        l->found++;
        return add_layer(gather, blobs, l->type, l->digest, diags);
    default: return 0;
    }
}

/* Adds the layers that the store's manifest FD names. */
static int read_layers(struct mm_gather *gather, int blobs, int fd, size_t *found, struct mm_diags *diags)
{
    struct mm_source source = {0};
    struct mm_json json;
    struct layers layers = {0};
    enum mm_json_event event = MM_JSON_ERROR;
    int result = 0;
    bool open = mm_source_open(&source, fd, diags) == 0;
    if (mm_json_init(&json, &source, 1 << 20, MM_JSON_DEPTH, diags) == 0 && open)
        while (result == 0 && (event = mm_json_next(&json)) != MM_JSON_END && event != MM_JSON_ERROR)
            result = take_event(gather, blobs, &json, event, &layers, diags);
    mm_json_release(&json);
    if (open && mm_source_finish(&source, diags) < 0)
        result = -1;
    mm_source_release(&source);
    *found = layers.found;
    return result < 0 || event == MM_JSON_ERROR ? -1 : 0;
}

/* True if REAL lies in STORE/manifests/ beside STORE/blobs. */
static bool is_store_manifest(const char *real, char store[static PATH_MAX])
{
    char blobs[PATH_MAX];
    strcpy(store, real);
    for (char *slash = strrchr(store, '/'); slash && slash != store; slash = strrchr(store, '/')) {
        *slash = '\0';
        if (!mm_path_ends_in(store, "/manifests"))
            continue;
        store[strlen(store) - strlen("/manifests")] = '\0';
        return path_of(blobs, store, "blobs") && is_folder(blobs);
    }
    return false;
}

static int add_store_model(struct mm_gather *gather, const char *store_path, const char *manifest,
                           struct mm_diags *diags)
{
    size_t layers;
    char path[PATH_MAX];
    int blobs = path_of(path, store_path, "blobs") ? keep_folder_path(gather, path, diags) : -1;
    int fd = blobs < 0 ? -1 : mm_file_open(manifest, diags);
    if (fd < 0)
        return -1;
    int result = read_layers(gather, blobs, fd, &layers, diags);
    close(fd);
    if (result == 0 && layers == 0)
        result = mm_diag(diags, MM_RULE_MAKE_BLOB, "expected an Ollama manifest with layers, found none");
    return result;
}

/* A whole store: good where it holds one model. */
static int add_store(struct mm_gather *gather, const char *store, const char *manifests, struct mm_diags *diags)
{
    struct mm_folder list;
    char path[PATH_MAX], shown[MM_SHOWN];
    int fd = mm_file_open_folder(manifests, diags);
    if (fd < 0)
        return -1;
    int result = mm_folder_list(&list, fd, diags);
    close(fd);
    if (result == 0 && list.count == 1 && path_of(path, manifests, list.entries[0].path)) {
        result = add_store_model(gather, store, path, diags);
    } else if (result == 0) {
        result =
            mm_diag(diags, MM_RULE_MAKE_LINK,
                    "expected a store of one model, found %zu; give the file of one beneath manifests/", list.count);
        for (size_t i = 0; i < list.count && i < 16; i++)
            mm_note(diags, MM_RULE_MAKE_LINK, "manifests/%s",
                    mm_show(shown, list.entries[i].path, strlen(list.entries[i].path)));
    }
    mm_folder_release(&list);
    return result;
}

/* ---- operands ---- */

/* A single file that REAL shows to be a cache's or a store's blob: blobs/HEX or blobs/sha256-HEX. */
static void expect_digest_of_blob(struct mm_input *input, const char *real)
{
    const char *name = strstr(real, "/blobs/");
    if (!name || strchr(name + strlen("/blobs/"), '/'))
        return;
    name += strlen("/blobs/");
    expect_digest(input, strncmp(name, "sha256-", 7) == 0 ? name + 7 : name);
}

static int add_file(struct mm_gather *gather, const char *operand, const char *real, struct mm_diags *diags)
{
    const char *base = mm_path_name(operand);
    char parent[PATH_MAX];
    if ((size_t)snprintf(parent, sizeof parent, "%.*s", (int)(base - operand), operand) >= sizeof parent)
        return mm_diag(diags, MM_RULE_IO_OPEN, "expected a shorter path");
    if (check_name(base, diags) < 0)
        return -1;
    int folder = keep_folder_path(gather, base == operand ? "." : parent, diags);
    struct mm_input *input = folder < 0 ? NULL : add_input(gather, base, base, folder, diags);
    if (!input)
        return -1;
    input->named = true;
    expect_digest_of_blob(input, real);
    input->links = MM_LINKS_FOLLOW; /* a file that the user names himself */
    return 0;
}

static int add_any_folder(struct mm_gather *gather, const char *operand, const char *real, struct mm_diags *diags)
{
    char blobs[PATH_MAX], other[PATH_MAX];
    if (is_snapshot(real, blobs))
        return add_snapshot(gather, operand, blobs, diags);
    bool has_blobs = path_of(blobs, real, "blobs") && is_folder(blobs);
    if (has_blobs && path_of(other, real, "snapshots") && is_folder(other))
        return add_cache(gather, real, blobs, diags);
    if (has_blobs && path_of(other, real, "manifests") && is_folder(other))
        return add_store(gather, real, other, diags);
    return add_folder(gather, operand, -1, diags);
}

int mm_gather_add(struct mm_gather *gather, const char *operand, struct mm_diags *diags)
{
    char real[PATH_MAX], store[PATH_MAX];
    if (!realpath(operand, real))
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
    struct stat info;
    if (stat(real, &info) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
    if (S_ISDIR(info.st_mode))
        return add_any_folder(gather, operand, real, diags);
    if (is_store_manifest(real, store))
        return add_store_model(gather, store, operand, diags);
    return add_file(gather, operand, real, diags);
}

static int by_path(const void *a, const void *b)
{
    const struct mm_input *x = a, *y = b;
    return strcmp(x->path, y->path);
}

int mm_gather_finish(struct mm_gather *gather, struct mm_diags *diags)
{
    if (gather->count == 0) {
        mm_diag(diags, MM_RULE_MAKE_LACKS, "expected files to describe, found none");
        return 1;
    }
    qsort(gather->inputs, gather->count, sizeof *gather->inputs, by_path);
    for (size_t i = 1; i < gather->count; i++)
        if (strcmp(gather->inputs[i - 1].path, gather->inputs[i].path) == 0)
            return mm_diag(diags, MM_RULE_MANIFEST_PATHS, "expected file names that differ, found '%s' twice",
                           gather->inputs[i].path);
    return 0;
}

int mm_input_open(const struct mm_input *input, struct mm_diags *diags)
{
    int fd = mm_file_open_beneath(input->folder, input->name, input->links);
    if (fd >= 0)
        return fd;
    if (errno == EXDEV || errno == ELOOP)
        return mm_diag(diags, MM_RULE_MAKE_LINK,
                       "expected a file, found a link that leads out of the folder; --follow-links allows it");
    if (errno == EISDIR)
        return mm_diag(diags, MM_RULE_MAKE_LINK, "expected a file, found a link to a folder");
    return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
}
