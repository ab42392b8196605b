/* What a catalog's folder may hold, and what it holds. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/catalog_check.h"
#include "base/pool.h"
#include "base/tree.h"
#include "doc/manifest_field.h"

/* Folders: manifests/PUBLISHER/NAME and no deeper. */
#define DEPTH 3
#define THREADS 8 /* at most */
#define BATCH 4   /* folders that a thread takes at once */

struct search {
    const struct mm_catalog_rows *entries;
    const struct mm_catalog_page_counts *pages;
    uint64_t sequence;
    struct mm_diags *diags;
    struct mm_pool *pool; /* for the folders of models; NULL in one of those */
    char path[1024];
    int result;
};

/* The folder of a model. */
struct model_folder {
    struct search search;
    const char *file; /* what findings are about */
    int fd;           /* it is open while OPEN */
    bool open;
};

/* What begins with BEFORE and ends with BEHIND: what stands between them, and its length in *LENGTH; or NULL. */
static const char *between(const char *text, const char *before, const char *behind, size_t *length)
{
    size_t first = strlen(before), last = strlen(behind), size = strlen(text);
    if (size < first + last || memcmp(text, before, first) != 0 || memcmp(text + size - last, behind, last) != 0)
        return NULL;
    *length = size - first - last;
    return text + first;
}

/* NUMBER, at least 1 and at most MAX, between both. */
static bool numbered(const char *text, const char *before, const char *behind, uint64_t max)
{
    size_t length;
    uint64_t number;
    const char *middle = between(text, before, behind, &length);
    return middle && mm_number(middle, length, max, &number) && number > 0;
}

static bool is_key_id(const char *text, size_t length)
{
    unsigned char id[MM_KEY_ID_BYTES];
    return mm_key_id_read(text, length, id);
}

/* catalog.head, its signature and countersignatures, the lists. */
static bool of_catalog(const char *path)
{
    static const char *const names[] = {MM_CATALOG_HEAD, MM_CATALOG_HEAD MM_SIGNATURE_SUFFIX, MM_CATALOG_ENTRIES,
                                        MM_CATALOG_WITHDRAWN};
    size_t length;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(path, names[i]) == 0)
            return true;
    const char *witness = between(path, MM_CATALOG_HEAD ".", MM_SIGNATURE_SUFFIX, &length);
    return witness && is_key_id(witness, length);
}

/* heads/N.KEYID.minisig: a witness's signature of a head that is an older one by now, or that was signed there. */
static bool of_witness(const char *path, uint64_t sequence)
{
    size_t length;
    uint64_t number;
    const char *name = between(path, MM_CATALOG_HEADS "/", MM_SIGNATURE_SUFFIX, &length);
    const char *dot = name ? memchr(name, '.', length) : NULL;
    return dot && mm_number(name, (size_t)(dot - name), sequence, &number) && number > 0 &&
           is_key_id(dot + 1, (size_t)(name + length - dot - 1));
}

static bool of_heads(const char *path, uint64_t sequence)
{
    return numbered(path, MM_CATALOG_HEADS "/", "", sequence) ||
           numbered(path, MM_CATALOG_HEADS "/", MM_SIGNATURE_SUFFIX, sequence) ||
           numbered(path, MM_CATALOG_HEADS "/", MM_CATALOG_CHANGES_SUFFIX, sequence) || of_witness(path, sequence);
}

/* One of COUNT lists of pages; how many there are of another layout is not known. */
static bool of_lists(const char *path, bool withdrawn, uint64_t count)
{
    char name[MM_PAGE_NAME];
    return (count > 0 && strcmp(path, mm_page_name(name, withdrawn, 1)) == 0) ||
           (numbered(path, withdrawn ? "withdrawn-" : "index-", MM_PAGE_SUFFIX,
                     count < MM_NUMBER_MAX ? count : MM_NUMBER_MAX) &&
            strcmp(path, withdrawn ? "withdrawn-1" MM_PAGE_SUFFIX : "index-1" MM_PAGE_SUFFIX) != 0);
}

/* Those, what they have in common, and the page of a model that has an entry. */
static bool of_pages(const struct search *s)
{
    char id[MM_MODEL_ID_MAX + 1];
    size_t length;
    const char *middle = between(s->path, MM_CATALOG_MANIFESTS, MM_PAGE_OF_MODEL, &length);
    for (int i = 0; i < MM_PAGE_FILES; i++)
        if (strcmp(s->path, mm_page_files[i].name) == 0)
            return true;
    if (!middle || !mm_catalog_model_id(middle, length, id))
        return of_lists(s->path, false, s->pages->lists) || of_lists(s->path, true, s->pages->withdrawn);
    return mm_catalog_rows_have(s->entries, id);
}

/* manifests/PUBLISHER/NAME/REVISION.manifest of an entry, its signature where it has one, countersignatures. */
static bool of_manifests(const struct mm_catalog_rows *entries, const char *path)
{
    char id[MM_MODEL_ID_MAX + 1];
    uint64_t revision;
    size_t length;
    const char *name = strrchr(path, '/'), *id_text = between(path, MM_CATALOG_MANIFESTS, "", &length);
    if (!id_text || name < id_text || !mm_catalog_model_id(id_text, (size_t)(name - id_text), id))
        return false;
    const char *ending = strstr(++name, MM_CATALOG_MANIFEST_SUFFIX);
    if (!ending || !mm_number(name, (size_t)(ending - name), MM_NUMBER_MAX, &revision))
        return false;
    const struct mm_catalog_row *row = mm_catalog_rows_find(entries, id, revision);
    if (!row || !row->beneath)
        return false;
    ending += sizeof MM_CATALOG_MANIFEST_SUFFIX - 1;
    const char *witness = between(ending, ".", MM_SIGNATURE_SUFFIX, &length);
    return !*ending || (row->has_signature && strcmp(ending, MM_SIGNATURE_SUFFIX) == 0) ||
           (witness && is_key_id(witness, length));
}

static bool belongs(const struct search *s)
{
    return of_catalog(s->path) || of_heads(s->path, s->sequence) || of_pages(s) || of_manifests(s->entries, s->path);
}

/* Findings come in the order in which the folders were read. */
static void settle(struct search *s)
{
    if (s->pool && mm_pool_settle(s->pool, s->diags) < 0)
        s->result = -1;
}

static void say(struct search *s, const char *what)
{
    char shown[MM_SHOWN];
    settle(s);
    s->result = mm_diag(s->diags, MM_RULE_CATALOG_SURPLUS, "expected only what belongs to a catalog, found %s '%s'",
                        what, mm_show(shown, s->path, strlen(s->path)));
}

static int fails(struct search *s)
{
    char shown[MM_SHOWN];
    int error = errno;
    settle(s);
    s->result = mm_diag(s->diags, MM_RULE_IO_READ, "cannot read the folder '%s': %s",
                        mm_show(shown, s->path, strlen(s->path)), strerror(error));
    return -1;
}

/* ---- folders ---- */

static int search_folder(struct search *s, int fd, int depth);

/* The folder FD, which is taken over, at s->path. Those of models, of which there may be many, are for the pool. */
static int search_below(struct search *s, int fd, int depth)
{
    if (depth < DEPTH || !s->pool)
        return search_folder(s, fd, depth);
    struct model_folder *model = mm_pool_slot(s->pool, s->diags);
    if (!model) {
        close(fd);
        return -1;
    }
    *model = (struct model_folder){
        {.entries = s->entries, .pages = s->pages, .sequence = s->sequence}, s->diags->file, fd, true};
    memcpy(model->search.path, s->path, strlen(s->path) + 1);
    mm_pool_give(s->pool);
    return 0;
}

/* What NAME in the open FOLDER is, which has KIND: DT_REG, DT_DIR, or DT_UNKNOWN for what is something else; -1 where that cannot be found out,
 * with errno. */
static int kind_of(int folder, const char *name, int kind)
{
    struct stat info;
    if (kind == DT_REG || kind == DT_DIR)
        return kind;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    return S_ISREG(info.st_mode) ? DT_REG : S_ISDIR(info.st_mode) ? DT_DIR : DT_UNKNOWN;
}

/* True if s->path is the folder of a model that was looked at with its one entry. */
static bool looked_at(const struct search *s)
{
    size_t length;
    char id[MM_MODEL_ID_MAX + 1];
    const char *text = between(s->path, MM_CATALOG_MANIFESTS, "", &length);
    if (!text || !mm_catalog_model_id(text, length, id))
        return false;
    size_t at = mm_catalog_rows_first(s->entries, id);
    return at < s->entries->count && s->entries->rows[at].alone && strcmp(s->entries->rows[at].model_id, id) == 0;
}

/* A folder whose names are gone through. */
struct names {
    struct search *search;
    int folder, depth;
    size_t length; /* of its path */
    bool ended;    /* by what one of them is */
};

/* NAME, which is s->path in n->folder. */
static int look_at(const struct names *n, const char *name, int told)
{
    struct search *s = n->search;
    int kind = kind_of(n->folder, name, told);
    if (kind < 0)
        return errno == ENOENT ? 0 : fails(s);
    if (kind != DT_DIR) {
        if (kind != DT_REG || !belongs(s))
            say(s, kind == DT_REG ? "the file" : "what is no regular file,");
        return 0;
    }
    if (n->depth == DEPTH) {
        say(s, "the folder");
        return 0;
    }
    if (n->depth + 1 == DEPTH && looked_at(s))
        return 0;
    int below = mm_tree_open(n->folder, name);
    return below < 0 ? fails(s) : search_below(s, below, n->depth + 1);
}

static int look(void *context, const char *name, int kind)
{
    struct names *n = context;
    struct search *s = n->search;
    snprintf(s->path + n->length, sizeof s->path - n->length, "%s%s", n->length ? "/" : "", name);
    int result = look_at(n, name, kind);
    s->path[n->length] = '\0';
    n->ended = result < 0;
    return result;
}

/* Takes FD over. */
static int search_folder(struct search *s, int fd, int depth)
{
    struct names names = {.search = s, .folder = fd, .depth = depth, .length = strlen(s->path)};
    int result = mm_tree_names(fd, look, &names);
    if (result < 0 && !names.ended)
        fails(s);
    close(fd);
    return result;
}

/* ---- folders of models, on any thread ---- */

static int search_model(const void *context, void *slot, struct mm_diags *diags)
{
    struct model_folder *model = slot;
    (void)context;
    model->open = false;
    diags->file = model->file;
    model->search.diags = diags;
    return search_folder(&model->search, model->fd, DEPTH);
}

static int take_model(void *context, void *slot, int result, struct mm_diags *diags)
{
    struct search *s = context;
    const struct model_folder *model = slot;
    (void)diags; /* the same as the search's */
    if (model->search.result < 0)
        s->result = -1;
    return result;
}

static void release_model(void *slot)
{
    struct model_folder *model = slot;
    if (model->open)
        close(model->fd);
}

int mm_catalog_check_surplus(struct mm_catalog_folder *folder, const struct mm_catalog_rows *entries, uint64_t sequence,
                             const struct mm_catalog_page_counts *pages, struct mm_diags *diags)
{
    static const struct mm_pool_kind kind = {sizeof(struct model_folder), search_model, take_model, release_model,
                                             BATCH};
    struct search s = {.entries = entries, .pages = pages, .sequence = sequence, .diags = diags};
    mm_catalog_at(folder, NULL, diags);
    int fd = mm_tree_open(folder->fd, ".");
    if (fd < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read the folder", errno);
    s.pool = mm_pool_new(&kind, &s, mm_pool_processors(THREADS), diags);
    if (!s.pool)
        close(fd);
    int result = s.pool ? search_below(&s, fd, 0) : -1;
    settle(&s);
    mm_pool_free(s.pool);
    return result < 0 ? -1 : s.result;
}
