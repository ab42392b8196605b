/* What stands in the folder before a build: a catalog that is what its head says, or what an interrupted build left behind. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"
#include "base/checked.h"
#include "base/file.h"
#include "doc/catalog_changes.h"

/* ---- its lines ---- */

struct reading {
    struct mm_catalog_build *build;
    struct mm_diags *diags;
};

static int take_entry(void *context, const struct mm_catalog_entry *entry, const struct mm_catalog_line *line)
{
    struct reading *r = context;
    return mm_catalog_rows_add_entry(&r->build->standing, entry, line, r->diags);
}

static int take_withdrawal(void *context, const struct mm_withdrawal *withdrawal, const struct mm_catalog_line *line)
{
    struct reading *r = context;
    (void)line;
    return mm_catalog_withdrawn_add(r->build, withdrawal, false, r->diags);
}

static int read_files(struct mm_catalog_build *build, struct mm_catalog_sums *entries,
                      struct mm_catalog_sums *withdrawn, struct mm_diags *diags)
{
    struct reading r = {build, diags};
    build->entries = mm_catalog_open(&build->folder, MM_CATALOG_ENTRIES, diags);
    if (build->entries < 0 || mm_catalog_entries_read(build->entries, take_entry, &r, 0, NULL, entries, diags) < 0)
        return -1;
    int fd = mm_catalog_open(&build->folder, MM_CATALOG_WITHDRAWN, diags);
    int result = fd < 0 ? -1 : mm_withdrawals_read(fd, take_withdrawal, &r, withdrawn, diags);
    if (fd >= 0)
        close(fd);
    return result;
}

static bool has_entries(const struct mm_catalog_head *head, const struct mm_catalog_sums *sums)
{
    return head->entry_count == sums->count && memcmp(head->entries_sha256, sums->sha256, MM_HASH_BYTES) == 0 &&
           memcmp(head->merkle_root, sums->root, MM_HASH_BYTES) == 0;
}

static bool has_withdrawn(const struct mm_catalog_head *head, const struct mm_catalog_sums *sums)
{
    return head->withdrawn_count == sums->count && memcmp(head->withdrawn_sha256, sums->sha256, MM_HASH_BYTES) == 0;
}

/* ---- whether it may be continued ---- */

/* True if all that was found since MARK is that a key is revoked. */
static bool only_revoked(const struct mm_diags *diags, const struct mm_diags *mark)
{
    const struct mm_diag *last = diags->count > mark->count ? &diags->items[diags->count - 1] : NULL;
    return diags->errors == mark->errors + 1 && last && last->severity == MM_ERROR &&
           last->rule == MM_RULE_SIGNATURE_REVOKED;
}

/* A head by a key that was revoked since may be a thief's: it is continued where the publisher says that it is his. */
static int judge(struct mm_catalog_build *build, const struct mm_signed_head *head, struct mm_diags *diags)
{
    char key_id[MM_KEY_ID_TEXT], hex[MM_HASH_HEX + 1];
    const unsigned char *adopt = build->options->adopt;
    struct mm_diags mark = *diags;
    if (mm_signed_head_judge(head, &build->options->trust, key_id, diags) == 0)
        return 0;
    if (!only_revoked(diags, &mark))
        return -1;
    mm_diags_rewind(diags, &mark);
    if (adopt && memcmp(adopt, head->head.sha256, MM_HASH_BYTES) == 0) {
        build->adopted = true;
        return 0;
    }
    mm_hex(hex, head->head.sha256, MM_HASH_BYTES);
    return mm_diag(diags, MM_RULE_SIGNATURE_REVOKED,
                   "expected a head by a key that is not revoked, found one by a key that is; if you made it, "
                   "--adopt %s continues it",
                   hex);
}

/* ---- after an interruption ---- */

static void drop_taken_back(struct mm_catalog_build *build)
{
    size_t kept = 0;
    for (size_t i = 0; i < build->withdrawn_count; i++)
        if (build->withdrawn[i].taken_back)
            free(build->withdrawn[i].model_id);
        else
            build->withdrawn[kept++] = build->withdrawn[i];
    build->withdrawn_count = kept;
}

/* Takes out the lines of withdrawn.jsonl that the changes of head SEQUENCE name. */
static int take_back_withdrawn(struct mm_catalog_build *build, uint64_t sequence, struct mm_diags *diags)
{
    char name[MM_CATALOG_NAME];
    struct mm_catalog_changes changes = {0};
    struct mm_catalog_change change;
    int fd = mm_catalog_open(&build->folder, mm_catalog_head_name(name, sequence, MM_CATALOG_CHANGES_SUFFIX), diags);
    int result = fd < 0 ? -1 : mm_catalog_changes_open(&changes, fd, diags), some = 0;
    while (result == 0 && (some = mm_catalog_changes_next(&changes, &change, diags)) > 0)
        if (change.kind == MM_CHANGE_WITHDRAWN) {
            struct mm_withdrawn_row *row =
                mm_catalog_withdrawn_one(build, build->withdrawn_count, change.model_id, change.revision);
            if (row)
                row->taken_back = true;
        }
    drop_taken_back(build);
    mm_catalog_changes_close(&changes);
    if (fd >= 0)
        close(fd);
    return result < 0 || some < 0 ? -1 : 0;
}

/* The lines that are kept have to be those of the present head. */
static int check_taken_back(struct mm_catalog_build *build, struct mm_diags *diags)
{
    unsigned char sha256[MM_HASH_BYTES];
    for (size_t i = 0; i < build->withdrawn_count; i++) {
        mm_sha256_update(build->sha, build->withdrawn_text.data + build->withdrawn[i].at, build->withdrawn[i].length);
        mm_sha256_update(build->sha, "\n", 1);
    }
    mm_sha256_take(build->sha, sha256);
    build->mend_withdrawn = true;
    mm_catalog_at(&build->folder, MM_CATALOG_WITHDRAWN, diags);
    return memcmp(sha256, build->present.head.withdrawn_sha256, MM_HASH_BYTES) == 0
               ? 0
               : mm_diag(diags, MM_RULE_CATALOG_FILE, "expected the file that the head names, found another");
}

/* The files are not those of the present head, or its signature is not. The head that was to come next stands in heads/ already, as it is written first: with both
 * of its files there it is published now, with the withdrawals alone they are taken back. */
static int recover(struct mm_catalog_build *build, const struct mm_catalog_sums *entries,
                   const struct mm_catalog_sums *withdrawn, bool judged, struct mm_diags *diags)
{
    struct mm_signed_head next = {0};
    const struct mm_catalog_head *head = &build->present.head;
    char name[MM_CATALOG_NAME];
    struct mm_diags mark = *diags;
    int there = mm_signed_head_read(&next, &build->folder, mm_catalog_head_name(name, head->sequence + 1, ""), diags);
    bool in_line = there > 0 && mm_catalog_head_follows(&next.head, head, diags) == 0;
    bool follows = in_line && judge(build, &next, diags) == 0;
    int result = -1;
    if (in_line && !follows && has_entries(&next.head, entries) && has_withdrawn(&next.head, withdrawn)) {
        mm_signed_head_release(&next);
        return -1; /* a finding says what keeps it from being published */
    }
    mm_diags_rewind(diags, &mark);
    if (follows && has_entries(&next.head, entries) && has_withdrawn(&next.head, withdrawn)) {
        result = mm_catalog_publish_head(build, &next, diags);
        mm_signed_head_release(&build->present);
        build->present = next;
        return result;
    }
    if (!judged) {
        mm_catalog_at(&build->folder, MM_CATALOG_HEAD, diags);
        result = judge(build, &build->present, diags);
    } else if (follows && has_entries(head, entries) && has_withdrawn(&next.head, withdrawn)) {
        result = take_back_withdrawn(build, next.head.sequence, diags);
        if (result == 0)
            result = check_taken_back(build, diags);
    } else {
        mm_catalog_at(&build->folder, has_entries(head, entries) ? MM_CATALOG_WITHDRAWN : MM_CATALOG_ENTRIES, diags);
        mm_diag(diags, MM_RULE_CATALOG_FILE, "expected the file that the head names, found another");
    }
    mm_signed_head_release(&next);
    return result;
}

/* ---- the first build, and all later ones ---- */

static int compare_by_hash(const void *a, const void *b)
{
    const struct mm_catalog_row *const *x = a, *const *y = b;
    return memcmp((*x)->manifest_sha256, (*y)->manifest_sha256, MM_HASH_BYTES);
}

static int index_by_hash(struct mm_catalog_build *build, struct mm_diags *diags)
{
    size_t count = build->standing.count;
    build->by_hash = mm_realloc_array(NULL, count ? count : 1, sizeof *build->by_hash);
    if (!build->by_hash)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < count; i++)
        build->by_hash[i] = &build->standing.rows[i];
    qsort(build->by_hash, count, sizeof *build->by_hash, compare_by_hash);
    return 0;
}

/* What was asked for has to be what is there. */
static int check_options(const struct mm_catalog_build *build, struct mm_diags *diags)
{
    const struct mm_catalog_build_options *o = build->options;
    const struct mm_catalog_head *head = &build->present.head;
    if ((o->catalog_id && strcmp(o->catalog_id, head->catalog_id) != 0) ||
        (o->publisher_id && strcmp(o->publisher_id, head->publisher_id) != 0))
        return mm_diag(diags, MM_RULE_CATALOG_HEAD, "expected catalog %s of %s, found %s of %s",
                       o->catalog_id ? o->catalog_id : head->catalog_id,
                       o->publisher_id ? o->publisher_id : head->publisher_id, head->catalog_id, head->publisher_id);
    if (build->present.has_signature && !o->key)
        return mm_diag(diags, MM_RULE_CATALOG_UNSIGNED, "expected --secret-key, as the head that is there is signed");
    return 0;
}

/* Where keys of the publisher are known and the one that signs is none of them, or is revoked, every reader refuses the head, and then so does the next build
 * with the right key: the catalog could not be continued. */
static int check_signer(const struct mm_catalog_build *build, struct mm_diags *diags)
{
    const struct mm_catalog_build_options *o = build->options;
    const char *publisher = build->present.head.publisher_id;
    struct mm_known_key known;
    char id[MM_KEY_ID_TEXT];
    if (!o->key || !o->trust.keyring)
        return 0;
    const unsigned char *key_id = mm_secret_key_public(o->key)->id;
    enum mm_found any = mm_keyring_knows(o->trust.keyring, publisher, diags);
    enum mm_found found =
        any == MM_FOUND_YES ? mm_keyring_find(o->trust.keyring, publisher, key_id, &known, diags) : any;
    if (found == MM_FOUND_YES && known.revoked)
        return mm_diag(diags, MM_RULE_SIGNATURE_REVOKED, "expected to sign with a key that is not revoked, found %s",
                       mm_key_id_text(id, key_id));
    if (any == MM_FOUND_NO || found == MM_FOUND_YES)
        return 0;
    return found == MM_FOUND_UNKNOWN
               ? -1
               : mm_diag(diags, MM_RULE_SIGNATURE_UNKNOWN,
                         "expected to sign with a key that the keyring has for %s, found %s, which it has not",
                         publisher, mm_key_id_text(id, key_id));
}

/* Without a head there may be the traces of a first build that was interrupted, and nothing else. */
static int begin_first(struct mm_catalog_build *build, struct mm_diags *diags)
{
    char name[MM_CATALOG_NAME];
    const struct mm_catalog_build_options *o = build->options;
    struct mm_catalog_head *head = &build->present.head;
    if (faccessat(build->folder.fd, mm_catalog_head_name(name, 2, ""), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY, "expected the head of a catalog that has a history, found none");
    if (!o->catalog_id || !o->publisher_id)
        return mm_diag(diags, MM_RULE_CATALOG_HEAD, "expected --catalog-id and --publisher for a first head");
    *head = (struct mm_catalog_head){0};
    memcpy(head->catalog_id, o->catalog_id, strlen(o->catalog_id));
    memcpy(head->publisher_id, o->publisher_id, strlen(o->publisher_id));
    memcpy(head->entries_sha256, mm_sha256_empty, MM_HASH_BYTES);
    memcpy(head->merkle_root, mm_sha256_empty, MM_HASH_BYTES);
    memcpy(head->withdrawn_sha256, mm_sha256_empty, MM_HASH_BYTES);
    return 0;
}

static int read_standing(struct mm_catalog_build *build, struct mm_diags *diags)
{
    struct mm_catalog_sums entries, withdrawn;
    struct mm_diags mark;
    int there = mm_signed_head_read(&build->present, &build->folder, MM_CATALOG_HEAD, diags);
    if (there < 0)
        return -1;
    build->has_head = there > 0;
    if (there == 0)
        return begin_first(build, diags);
    if (check_options(build, diags) < 0)
        return -1;
    mark = *diags;
    bool judged = judge(build, &build->present, diags) == 0;
    mm_diags_rewind(diags, &mark); /* the signature may be the next head's already, whose lists then are there too */
    if (read_files(build, &entries, &withdrawn, diags) < 0)
        return -1;
    if ((!judged || !has_entries(&build->present.head, &entries) || !has_withdrawn(&build->present.head, &withdrawn)) &&
        recover(build, &entries, &withdrawn, judged, diags) < 0)
        return -1;
    if (strcmp(build->now, build->present.head.created) < 0)
        memcpy(build->now, build->present.head.created, MM_TIME_SIZE); /* a history does not run backwards */
    return index_by_hash(build, diags);
}

int mm_catalog_build_read(struct mm_catalog_build *build, struct mm_diags *diags)
{
    const char *shown = diags->file;
    int result = read_standing(build, diags);
    mm_catalog_at(&build->folder, NULL, diags);
    if (result == 0)
        result = check_signer(build, diags);
    diags->file = shown;
    return result;
}
