#include "act/catalog_find.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/catalog_check.h"
#include "act/catalog_find_parts.h"
#include "base/checked.h"
#include "base/file.h"

#define ATTEMPTS 5

const char *const mm_head_signature_words[MM_HEAD_SIGNATURES] = {"none", "unsigned", "unknown-key", "verified"};
const char *const mm_head_age_words[MM_HEAD_AGES] = {"none", "fresh", "expired", "future"};

/* ---- the catalogs ---- */

struct mm_catalog_find *mm_catalog_find_new(const struct mm_catalog_find_options *options)
{
    struct mm_catalog_find *find = calloc(1, sizeof *find);
    if (!find)
        return NULL;
    find->options = options;
    find->sha = mm_sha256_new();
    if (find->sha)
        return find;
    free(find);
    return NULL;
}

static void close_file(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void release(struct mm_catalog_searched *c)
{
    close_file(&c->entries);
    close_file(&c->withdrawn);
    mm_catalog_rows_release(&c->binding);
    mm_catalog_folder_release(&c->folder);
    free(c->path);
    free(c->file);
    free(c->parent);
}

void mm_catalog_find_free(struct mm_catalog_find *find)
{
    if (!find)
        return;
    for (size_t i = 0; i < find->count; i++)
        release(&find->catalogs[i]);
    free(find->catalogs);
    free(find->hits);
    mm_buf_release(&find->ids);
    mm_sha256_free(find->sha);
    free(find);
}

/* Sets where the list is: in the folder PATH, or the file PATH in its folder. A link is given by whoever calls, so it is followed. */
static int locate(struct mm_catalog_searched *c, const char *path, struct mm_diags *diags)
{
    struct stat info;
    c->path = strdup(path);
    if (!c->path)
        return mm_diag_memory(diags);
    c->name = MM_CATALOG_ENTRIES;
    c->beside_head = true;
    if (stat(path, &info) < 0 || S_ISDIR(info.st_mode)) /* what is not there is a folder that cannot be opened */
        return 0;
    bool link = lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
    c->file = link ? realpath(path, NULL) : strdup(path);
    if (!c->file)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot find where it is", errno);
    char *slash = strrchr(c->file, '/');
    c->name = slash ? slash + 1 : c->file;
    c->beside_head = strcmp(c->name, MM_CATALOG_ENTRIES) == 0;
    c->parent = !slash ? strdup(".") : slash == c->file ? strdup("/") : strndup(c->file, (size_t)(slash - c->file));
    return c->parent ? 0 : mm_diag_memory(diags);
}

int mm_catalog_find_add(struct mm_catalog_find *find, const char *path, struct mm_diags *diags)
{
    struct mm_catalog_searched c = {.folder = {.fd = -1}, .entries = -1, .withdrawn = -1};
    int result = locate(&c, path, diags);
    if (result == 0)
        result = mm_catalog_folder_open(&c.folder, c.parent ? c.parent : c.path, diags);
    if (result == 0 && !mm_grow(&find->catalogs, find->count, &find->capacity, sizeof c))
        result = mm_diag_memory(diags);
    if (result < 0) {
        release(&c);
        return -1;
    }
    c.source.path = c.path;
    find->catalogs[find->count++] = c;
    return c.folder.fd;
}

/* ---- one of them ---- */

struct searching {
    struct mm_catalog_find *find;
    struct mm_catalog_searched *catalog;
    uint32_t number; /* of the catalog */
    struct mm_diags *diags;
};

/* True if all that was found since the copy MARK was taken is that the keyring has not the key. */
static bool key_unknown(const struct mm_diags *diags, const struct mm_diags *mark)
{
    const struct mm_diag *last = diags->count > mark->count ? &diags->items[diags->count - 1] : NULL;
    return diags->errors == mark->errors + 1 && last && last->severity == MM_ERROR &&
           last->rule == MM_RULE_SIGNATURE_UNKNOWN;
}

/* What the signature is worth: an error where it is wrong, and where nothing less than a trusted one will do. */
static int judge_signature(struct searching *s, const struct mm_signed_head *head)
{
    const struct mm_catalog_find_options *options = s->find->options;
    struct mm_catalog_source *source = &s->catalog->source;
    struct mm_catalog_trust trust = options->trust;
    struct mm_diags mark = *s->diags;
    trust.allow_unsigned = !options->trusted;
    if (mm_signed_head_judge(head, &trust, source->key_id, s->diags) == 0) {
        source->signature = head->has_signature ? MM_HEAD_VERIFIED : MM_HEAD_UNSIGNED;
        if (!head->has_signature)
            mm_note(s->diags, MM_RULE_CATALOG_UNSIGNED,
                    "expected a signature of the head, found none: whose catalog this is cannot be told");
        return 0;
    }
    source->key_id[0] = '\0'; /* only of a key that made it anything is said */
    if (options->trusted || !key_unknown(s->diags, &mark))
        return -1;
    mm_diags_soften(s->diags, &mark, false);
    source->signature = MM_HEAD_UNKNOWN_KEY;
    return 0;
}

static int judge_age(struct searching *s)
{
    struct mm_catalog_source *source = &s->catalog->source;
    const struct mm_catalog_head *head = &source->head;
    const char *now = s->find->now;
    bool later = strcmp(now, head->created) < 0; /* a trusted one's time counts: it came after the clock was told */
    source->age = MM_HEAD_FRESH;
    if (later && source->signature != MM_HEAD_VERIFIED) {
        source->age = MM_HEAD_FUTURE;
        mm_note(s->diags, MM_RULE_CLOCK_BEHIND, "it is %s here, the head says that it was made at %s", now,
                head->created);
    }
    if (later || strcmp(now, head->expires) < 0)
        return 0;
    source->age = MM_HEAD_EXPIRED;
    if (s->find->options->trusted)
        return mm_diag(s->diags, MM_RULE_CATALOG_EXPIRED,
                       "expected a head that is good still, found one that expired at %s", head->expires);
    mm_note(s->diags, MM_RULE_CATALOG_EXPIRED, "expected a head that is good still, found one that expired at %s",
            head->expires);
    return 0;
}

/* Returns 1 where there is a head, which may be gone by; 0 for none; -1. */
static int judge_head(struct searching *s)
{
    struct mm_catalog_searched *c = s->catalog;
    struct mm_signed_head head = {0};
    int there = c->beside_head ? mm_signed_head_read(&head, &c->folder, MM_CATALOG_HEAD, s->diags) : 0;
    int result = there;
    if (there > 0) {
        c->source.head = head.head;
        result = judge_signature(s, &head) < 0 || judge_age(s) < 0 ? -1 : 1;
    } else if (there == 0) {
        const char *text = "expected a head beside the entries, found none: whose they are cannot be told";
        mm_catalog_at(&c->folder, c->beside_head ? MM_CATALOG_HEAD : c->name, s->diags);
        if (s->find->options->trusted)
            result = mm_diag(s->diags, MM_RULE_CATALOG_FILE, "%s", text);
        else
            mm_note(s->diags, MM_RULE_CATALOG_FILE, "%s", text);
    }
    mm_signed_head_release(&head);
    return result;
}

static int take_entry(void *context, const struct mm_catalog_entry *entry, const struct mm_catalog_line *line)
{
    struct searching *s = context;
    if (!mm_catalog_query_entry(s->find->options->query, entry))
        return 0;
    return mm_catalog_hit_add(s->find, s->number, entry, NULL, line, s->diags);
}

static int take_withdrawal(void *context, const struct mm_withdrawal *withdrawal, const struct mm_catalog_line *line)
{
    struct searching *s = context;
    const char *publisher = s->catalog->source.head.publisher_id;
    size_t length = strlen(publisher);
    if (length > 0 && strncmp(withdrawal->model_id, publisher, length) == 0 && withdrawal->model_id[length] == '/') {
        struct mm_catalog_row row = {.model_id = (char *)withdrawal->model_id, /* copied */
                                     .revision = withdrawal->revision};
        if (mm_catalog_rows_add(&s->catalog->binding, &row, s->diags) < 0)
            return -1;
    }
    if (!s->find->options->withdrawn || !mm_catalog_query_withdrawal(s->find->options->query, withdrawal))
        return 0;
    return mm_catalog_hit_add(s->find, s->number, NULL, withdrawal, line, s->diags);
}

static int read_entries(struct searching *s, bool has_head)
{
    struct mm_catalog_searched *c = s->catalog;
    struct mm_catalog_sums sums;
    c->entries = mm_catalog_open(&c->folder, c->name, s->diags);
    if (c->entries < 0 || mm_catalog_entries_read(c->entries, take_entry, s, 0, NULL, &sums, s->diags) < 0)
        return -1;
    return has_head ? mm_catalog_compare_entries(&c->folder, &c->source.head, &sums, s->diags) : 0;
}

/* Where there is no head, nobody's withdrawals bind; they are looked at where they are asked for and there. */
static int read_withdrawn(struct searching *s, bool has_head)
{
    struct mm_catalog_searched *c = s->catalog;
    struct mm_catalog_sums sums;
    if (!has_head &&
        (!s->find->options->withdrawn || !c->beside_head || faccessat(c->folder.fd, MM_CATALOG_WITHDRAWN, F_OK, 0) < 0))
        return 0;
    c->withdrawn = mm_catalog_open(&c->folder, MM_CATALOG_WITHDRAWN, s->diags);
    if (c->withdrawn < 0 || mm_withdrawals_read(c->withdrawn, take_withdrawal, s, &sums, s->diags) < 0)
        return -1;
    return has_head ? mm_catalog_compare_withdrawn(&c->folder, &c->source.head, &sums, s->diags) : 0;
}

/* Everything once. */
static int attempt(struct searching *s)
{
    struct mm_catalog_searched *c = s->catalog;
    close_file(&c->entries);
    close_file(&c->withdrawn);
    mm_catalog_rows_release(&c->binding);
    c->source = (struct mm_catalog_source){.path = c->path};
    s->find->model_id[0] = '\0';
    int there = judge_head(s);
    return there < 0 || read_entries(s, there > 0) < 0 || read_withdrawn(s, there > 0) < 0 ? -1 : 0;
}

/* True if another head stands there now: then what was found may come of having read both. */
static bool moved(struct mm_catalog_searched *c)
{
    struct mm_signed_head present = {0};
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    bool other = c->beside_head && mm_signed_head_read(&present, &c->folder, MM_CATALOG_HEAD, &ignored) > 0 &&
                 memcmp(present.head.sha256, c->source.head.sha256, MM_HASH_BYTES) != 0;
    mm_signed_head_release(&present);
    mm_diags_release(&ignored);
    return other;
}

/* Reads a catalog until head and lists belong together. What was found in one that is wrong is forgotten. */
static int search(struct searching *s)
{
    struct mm_catalog_find *find = s->find;
    size_t hits = find->hit_count, ids = find->ids.length;
    uint64_t matches = find->matches;
    int result = -1;
    mm_catalog_hold(&s->catalog->folder, s->diags);
    struct mm_diags mark = *s->diags;
    for (int i = 0; i < ATTEMPTS; i++) {
        result = attempt(s);
        if (result == 0)
            break;
        find->hit_count = hits;
        find->ids.length = ids;
        find->matches = matches;
        if (!moved(s->catalog))
            break;
        mm_diags_rewind(s->diags, &mark);
        if (i + 1 == ATTEMPTS)
            mm_diag(s->diags, MM_RULE_CATALOG_CHANGING, "expected a catalog that rests, found it written anew %d times",
                    ATTEMPTS);
    }
    mm_catalog_let_go(&s->catalog->folder);
    s->catalog->whole = result == 0;
    return result;
}

/* True if there is a head that is verified and was made after NOW, which then gets its time. */
static bool made_later(const struct mm_catalog_find *find, struct mm_catalog_searched *c, char now[MM_TIME_SIZE])
{
    struct mm_signed_head head = {0};
    struct mm_diags ignored; /* all of it is found again */
    char key_id[MM_KEY_ID_TEXT];
    mm_diags_init(&ignored);
    bool later = c->beside_head && mm_signed_head_read(&head, &c->folder, MM_CATALOG_HEAD, &ignored) > 0 &&
                 head.has_signature && strcmp(head.head.created, now) > 0 &&
                 mm_signed_head_judge(&head, &find->options->trust, key_id, &ignored) == 0;
    if (later)
        memcpy(now, head.head.created, MM_TIME_SIZE);
    mm_signed_head_release(&head);
    mm_diags_release(&ignored);
    return later;
}

/* The latest of the time that was given and those of trusted heads. */
static void settle_now(struct mm_catalog_find *find, struct mm_diags *diags)
{
    struct mm_catalog_searched *newest = NULL;
    memcpy(find->now, find->options->now, MM_TIME_SIZE);
    for (size_t i = 0; i < find->count; i++)
        if (made_later(find, &find->catalogs[i], find->now))
            newest = &find->catalogs[i];
    if (!newest)
        return;
    mm_catalog_at(&newest->folder, MM_CATALOG_HEAD, diags);
    mm_note(diags, MM_RULE_CLOCK_BEHIND, "it is %s here, the head was made at %s, whose time counts",
            find->options->now, find->now);
}

static bool contradict(const struct mm_catalog_source *a, const struct mm_catalog_source *b)
{
    return a->head.sequence > 0 && a->head.sequence == b->head.sequence && a->signature == b->signature &&
           strcmp(a->head.catalog_id, b->head.catalog_id) == 0 &&
           strcmp(a->head.publisher_id, b->head.publisher_id) == 0 &&
           memcmp(a->head.sha256, b->head.sha256, MM_HASH_BYTES) != 0;
}

/* Two heads of one number, whose signatures are worth the same, are two histories of one catalog. The first of those before it is named. */
static int compare_heads(struct mm_catalog_find *find, size_t which, struct mm_diags *diags)
{
    struct mm_catalog_searched *c = &find->catalogs[which];
    char shown[MM_SHOWN];
    for (size_t i = 0; c->whole && i < which; i++) {
        const struct mm_catalog_searched *before = &find->catalogs[i];
        if (!before->whole || !contradict(&before->source, &c->source))
            continue;
        mm_catalog_at(&c->folder, MM_CATALOG_HEAD, diags);
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                       "expected the head %" PRIu64 " of catalog %s of %s that is in %s, found another",
                       c->source.head.sequence, c->source.head.catalog_id, c->source.head.publisher_id,
                       mm_show(shown, before->path, strlen(before->path)));
    }
    return 0;
}

int mm_catalog_find_search(struct mm_catalog_find *find, uint64_t *matches, struct mm_diags *diags)
{
    const char *shown = diags->file;
    int result = 0;
    settle_now(find, diags);
    for (size_t i = 0; i < find->count; i++) {
        struct searching s = {find, &find->catalogs[i], (uint32_t)i, diags};
        if (search(&s) < 0 || compare_heads(find, i, diags) < 0)
            result = -1;
    }
    diags->file = shown;
    *matches = find->matches;
    if (result == 0 && find->matches == 0)
        result = mm_diag(diags, MM_RULE_CATALOG_MODEL, "expected an entry that meets every pattern, found none");
    return result;
}
