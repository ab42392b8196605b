/* From head to head: the chain, and what became of the entries of an old one. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_check.h"
#include "base/checked.h"
#include "doc/catalog_changes.h"

/* ---- the chain ---- */

/* What the check of one head leaves for the next. */
struct chain {
    struct mm_catalog_folder *folder;
    const struct mm_catalog_head *last;
    struct mm_catalog_head before;
    struct mm_diags *diags;
};

static int check_head(struct chain *c, uint64_t sequence, struct mm_signed_head *head)
{
    char name[MM_CATALOG_NAME];
    int there = mm_signed_head_read(head, c->folder, mm_catalog_head_name(name, sequence, ""), c->diags), result = 0;
    if (there == 0)
        result = mm_diag(c->diags, MM_RULE_CATALOG_HISTORY, "expected the head %" PRIu64 " of %" PRIu64 ", found none",
                         sequence, c->last->sequence);
    else if (there < 0)
        result = -1;
    else if (sequence == 1 && head->head.sequence != 1)
        result =
            mm_diag(c->diags, MM_RULE_CATALOG_HISTORY, "expected the sequence 1, found %" PRIu64, head->head.sequence);
    else if (sequence > 1)
        result = mm_catalog_head_follows(&head->head, &c->before, c->diags);
    if (result == 0 && sequence == c->last->sequence && memcmp(head->head.sha256, c->last->sha256, MM_HASH_BYTES) != 0)
        result = mm_diag(c->diags, MM_RULE_CATALOG_HISTORY,
                         "expected the head that stands in " MM_CATALOG_HEAD ", found another");
    c->before = head->head;
    return result;
}

int mm_catalog_check_chain(struct mm_catalog_folder *folder, const struct mm_catalog_head *head,
                           unsigned char (**hashes)[MM_HASH_BYTES], struct mm_diags *diags)
{
    struct chain c = {.folder = folder, .last = head, .diags = diags};
    size_t count = 0, capacity = 0;
    int result = 0;
    for (uint64_t sequence = 1; result == 0 && sequence <= head->sequence; sequence++) {
        struct mm_signed_head present = {0};
        result = check_head(&c, sequence, &present); /* the first that lacks ends it, whatever the head claims */
        mm_signed_head_release(&present);
        if (result < 0 || !hashes)
            continue;
        if (!mm_grow(hashes, count, &capacity, MM_HASH_BYTES))
            return mm_diag_memory(diags);
        memcpy((*hashes)[count++], c.before.sha256, MM_HASH_BYTES);
    }
    return result;
}

/* ---- what is kept beside the heads ---- */

struct keeping {
    struct mm_catalog_folder *folder;
    const struct mm_catalog_trust *trust;
    struct mm_diags *diags;
    bool has_signed;                /* a head before was */
    bool told;                      /* of a key that is not known */
    struct mm_signature *signature; /* it holds a whole file */
    struct mm_known_key known;      /* of the head before, where there is one */
    bool has_known;
};

/* The key that made the signature in k->signature, as far as it is known: 1, 0 or -1. */
static int find_key(struct keeping *k, const struct mm_catalog_head *head)
{
    const struct mm_public_key *own = k->trust->own;
    const unsigned char *id = k->signature->key_id;
    char text[MM_KEY_ID_TEXT];
    if (k->has_known && memcmp(k->known.key.id, id, MM_KEY_ID_BYTES) == 0)
        return 1;
    k->has_known = own && memcmp(own->id, id, MM_KEY_ID_BYTES) == 0;
    if (k->has_known)
        k->known = (struct mm_known_key){.key = *own};
    enum mm_found found = k->has_known ? MM_FOUND_YES
                          : k->trust->keyring
                              ? mm_keyring_find(k->trust->keyring, head->publisher_id, id, &k->known, k->diags)
                              : MM_FOUND_NO;
    k->has_known = found == MM_FOUND_YES;
    if (found == MM_FOUND_NO && !k->told)
        mm_note(k->diags, MM_RULE_SIGNATURE_UNKNOWN,
                "the keyring has no key %s of %s: whether it made this signature, and those of older heads by keys "
                "that it has not, is not known",
                mm_key_id_text(text, id), head->publisher_id);
    k->told = k->told || found == MM_FOUND_NO;
    return found == MM_FOUND_UNKNOWN ? -1 : k->has_known;
}

/* A key that was revoked since was good when it signed, as the head that follows says. */
static int check_old_signature(struct keeping *k, const struct mm_signed_head *head)
{
    unsigned char prehash[MM_PREHASH_BYTES];
    struct mm_buf comment = {0};
    char id[MM_KEY_ID_TEXT];
    if (mm_signature_read(k->signature, mm_buf_text(&head->signature), head->signature.length, k->diags) < 0)
        return -1;
    int found = find_key(k, &head->head), result = found < 0 ? -1 : 0;
    mm_catalog_head_comment(&head->head, &comment);
    if (!mm_buf_text(&comment))
        result = mm_diag_memory(k->diags);
    else if (result == 0 && strcmp(comment.data, k->signature->comment) != 0)
        result = mm_diag(k->diags, MM_RULE_SIGNATURE_COMMENT,
                         "expected the trusted comment of head %" PRIu64 ", found another", head->head.sequence);
    mm_buf_release(&comment);
    if (result < 0 || found == 0)
        return result;
    mm_prehash(mm_buf_text(&head->text), head->text.length, prehash);
    return mm_signature_holds(k->signature, &k->known.key, prehash)
               ? 0
               : mm_diag(k->diags, MM_RULE_SIGNATURE_BAD,
                         "expected a signature of head %" PRIu64 " by %s, found another", head->head.sequence,
                         mm_key_id_text(id, k->signature->key_id));
}

/* A signed head is followed by signed ones, and one that is not signed has to be let pass as such. */
static int check_kept_head(struct keeping *k, uint64_t sequence)
{
    struct mm_signed_head head = {0};
    char name[MM_CATALOG_NAME];
    int there = mm_signed_head_read(&head, k->folder, mm_catalog_head_name(name, sequence, ""), k->diags);
    mm_catalog_at(k->folder, mm_catalog_head_name(name, sequence, MM_SIGNATURE_SUFFIX), k->diags);
    int result = there < 0 ? -1 : 0;
    if (there > 0 && head.has_signature)
        result = check_old_signature(k, &head);
    else if (there > 0 && (k->has_signed || !k->trust->allow_unsigned))
        result =
            mm_diag(k->diags, MM_RULE_CATALOG_FILE, "expected the signature of head %" PRIu64 ", found none", sequence);
    k->has_signed = k->has_signed || head.has_signature;
    mm_signed_head_release(&head);
    return result;
}

/* Opens the changes of head SEQUENCE, which have to say that they are. Returns the descriptor, to be closed behind CHANGES, or -1. */
static int open_changes(struct mm_catalog_folder *folder, uint64_t sequence, struct mm_catalog_changes *changes,
                        struct mm_diags *diags)
{
    char name[MM_CATALOG_NAME];
    int fd = mm_catalog_open(folder, mm_catalog_head_name(name, sequence, MM_CATALOG_CHANGES_SUFFIX), diags);
    *changes = (struct mm_catalog_changes){0};
    if (fd < 0)
        return -1;
    if (mm_catalog_changes_open(changes, fd, diags) == 0 &&
        (changes->sequence == sequence ||
         mm_diag(diags, MM_RULE_CATALOG_HISTORY, "expected the sequence %" PRIu64 ", found %" PRIu64, sequence,
                 changes->sequence) == 0))
        return fd;
    mm_catalog_changes_close(changes);
    close(fd);
    return -1;
}

static int check_kept_changes(struct keeping *k, uint64_t sequence)
{
    struct mm_catalog_changes changes;
    struct mm_catalog_change change;
    int fd = open_changes(k->folder, sequence, &changes, k->diags), some = 0;
    if (fd < 0)
        return -1;
    while ((some = mm_catalog_changes_next(&changes, &change, k->diags)) > 0)
        ;
    mm_catalog_changes_close(&changes);
    close(fd);
    return some;
}

int mm_catalog_check_kept(struct mm_catalog_folder *folder, const struct mm_catalog_head *head, bool has_signature,
                          const struct mm_catalog_trust *trust, struct mm_diags *diags)
{
    struct keeping k = {.folder = folder, .trust = trust, .diags = diags, .signature = malloc(sizeof *k.signature)};
    int result = k.signature ? 0 : mm_diag_memory(diags);
    for (uint64_t sequence = 1; k.signature && sequence <= head->sequence; sequence++) {
        k.has_signed = k.has_signed || (has_signature && sequence == head->sequence);
        if (check_kept_head(&k, sequence) < 0)
            result = -1;
        if (check_kept_changes(&k, sequence) < 0)
            result = -1;
    }
    free(k.signature);
    return result;
}

/* ---- back to an old head ---- */

/* What a name was before a step: a line, or nothing. */
struct state {
    char *model_id;
    uint64_t revision, sequence; /* of the step */
    char *line;                  /* NULL for nothing */
    size_t length;
    bool there; /* after the last step that names it */
};

/* Changes are kept in memory up to here: nobody signed them, and there may be as many files of them as heads. */
#define HELD_MAX (256u * 1024 * 1024)

struct history {
    struct mm_catalog_folder *folder;
    const struct mm_catalog_head *old;
    struct mm_diags *diags;
    struct state *states; /* sorted: how the old catalog differs from the present one */
    size_t count, capacity, at;
    uint64_t held;                      /* bytes that changes need */
    struct mm_catalog_rows withdrawals; /* that were added since */
    struct mm_catalog_rows withdrawn;   /* all that there are now */
    struct mm_merkle tree;              /* of the old catalog, made again */
    uint64_t kept;                      /* withdrawals that were there already */
    struct mm_sha256 *sha;
};

static int refuse(struct history *h, const char *why, const char *model_id, uint64_t revision)
{
    return mm_diag(h->diags, MM_RULE_CATALOG_HISTORY, "%s: %s revision %" PRIu64, why, model_id, revision);
}

/* gcc's analyser does not see that what mm_grow gave room to is the list's from then on. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

static int add_state(struct history *h, const struct mm_catalog_change *change, uint64_t sequence)
{
    bool removed = change->kind == MM_CHANGE_REMOVED;
    if (!mm_grow(&h->states, h->count, &h->capacity, sizeof *h->states))
        return mm_diag_memory(h->diags);
    struct state *state = &h->states[h->count];
    *state = (struct state){
        strdup(change->model_id), change->revision, sequence, removed ? strndup(change->line, change->length) : NULL,
        change->length,           !removed};
    if (!state->model_id || (removed && !state->line)) {
        free(state->model_id);
        free(state->line);
        return mm_diag_memory(h->diags);
    }
    h->count++;
    return 0;
}

static int take_change(struct history *h, const struct mm_catalog_change *change, uint64_t sequence)
{
    struct mm_catalog_row row = {.model_id = (char *)change->model_id, .revision = change->revision}; /* copied */
    bool withdrawn = change->kind == MM_CHANGE_WITHDRAWN;
    h->held += (withdrawn ? sizeof row : sizeof(struct state)) + strlen(change->model_id) + change->length;
    if (h->held > HELD_MAX)
        return mm_diag(h->diags, MM_RULE_IO_LIMIT,
                       "expected changes since that head that need at most %u bytes of memory, found more", HELD_MAX);
    return withdrawn ? mm_catalog_rows_add(&h->withdrawals, &row, h->diags) : add_state(h, change, sequence);
}

static int read_step(struct history *h, uint64_t sequence)
{
    struct mm_catalog_changes changes;
    struct mm_catalog_change change;
    int fd = open_changes(h->folder, sequence, &changes, h->diags), result = fd < 0 ? -1 : 0, some = 0;
    while (result == 0 && (some = mm_catalog_changes_next(&changes, &change, h->diags)) > 0)
        result = take_change(h, &change, sequence);
    if (fd >= 0) {
        mm_catalog_changes_close(&changes);
        close(fd);
    }
    return result < 0 || some < 0 ? -1 : 0;
}

static int compare_states(const void *a, const void *b)
{
    const struct state *x = a, *y = b;
    int order = mm_catalog_compare(x->model_id, x->revision, y->model_id, y->revision);
    return order ? order : (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* Of each name, what it was before the earliest step: that is what it was under the old head. */
static int sort_states(struct history *h)
{
    size_t kept = 0;
    int result = 0;
    if (h->count)
        qsort(h->states, h->count, sizeof *h->states, compare_states);
    for (size_t i = 0; i < h->count; i++) {
        struct state *state = &h->states[i], *last = kept ? &h->states[kept - 1] : NULL;
        bool again = last && mm_catalog_compare(last->model_id, last->revision, state->model_id, state->revision) == 0;
        if (again && last->sequence == state->sequence)
            result = refuse(h, "expected an entry that stays as it is, found one that was changed", state->model_id,
                            state->revision);
        else if (again && last->there == state->there)
            result = refuse(h, "expected steps that add and remove an entry by turns, found one done twice",
                            state->model_id, state->revision);
        if (!again) {
            h->states[kept++] = *state;
            continue;
        }
        last->sequence = state->sequence;
        last->there = state->there;
        free(state->model_id);
        free(state->line);
    }
    h->count = kept;
    return result;
}

static void take_line(struct history *h, const char *line, size_t length)
{
    mm_merkle_add_data(&h->tree, line, length);
    mm_sha256_update(h->sha, line, length);
    mm_sha256_update(h->sha, "\n", 1);
}

/* An entry that is not there any more: it was withdrawn. */
static int put_back(struct history *h, const struct state *state)
{
    if (state->there)
        return refuse(h, "expected the entry that a step added, found none", state->model_id, state->revision);
    if (!state->line)
        return 0; /* it came and went in between */
    take_line(h, state->line, state->length);
    if (!mm_catalog_is_withdrawn(&h->withdrawn, state->model_id, state->revision))
        return refuse(h, "expected a withdrawal of an entry that is gone, found none", state->model_id,
                      state->revision);
    return 0;
}

static int walk_back(void *context, const struct mm_catalog_entry *entry, const struct mm_catalog_line *line)
{
    struct history *h = context;
    int order = -1, result = 0;
    while (h->at < h->count) {
        const struct state *state = &h->states[h->at];
        order = mm_catalog_compare(state->model_id, state->revision, entry->model_id, entry->revision);
        if (order >= 0)
            break;
        if (put_back(h, state) < 0)
            result = -1;
        h->at++;
    }
    if (h->at == h->count || order != 0) {
        take_line(h, line->text, line->length);
        return result;
    }
    const struct state *state = &h->states[h->at++];
    if (!state->there)
        return refuse(h, "expected that an entry is gone that a step removed, found it", state->model_id,
                      state->revision);
    if (!state->line)
        return result; /* it was added since */
    take_line(h, state->line, state->length);
    if (state->length != line->length || memcmp(state->line, line->text, line->length) != 0)
        result = refuse(h, "expected an entry that stays as it is, found another", entry->model_id, entry->revision);
    return result;
}

static int check_old_entries(struct history *h)
{
    struct mm_catalog_sums now;
    unsigned char sha256[MM_HASH_BYTES], root[MM_HASH_BYTES];
    int fd = mm_catalog_open(h->folder, MM_CATALOG_ENTRIES, h->diags);
    int result = fd < 0 ? -1 : mm_catalog_entries_read(fd, walk_back, h, 0, NULL, &now, h->diags);
    if (fd >= 0)
        close(fd);
    for (; result == 0 && h->at < h->count; h->at++)
        result = put_back(h, &h->states[h->at]);
    if (result < 0)
        return -1;
    mm_sha256_take(h->sha, sha256);
    mm_merkle_root(&h->tree, root);
    if (h->tree.count == h->old->entry_count && memcmp(sha256, h->old->entries_sha256, sizeof sha256) == 0 &&
        memcmp(root, h->old->merkle_root, sizeof root) == 0)
        return 0;
    mm_catalog_at(h->folder, NULL, h->diags);
    return mm_diag(h->diags, MM_RULE_CATALOG_HISTORY,
                   "expected changes that lead back to the entries of head %" PRIu64 ", found that they do not",
                   h->old->sequence);
}

static int skip_new(void *context, const struct mm_withdrawal *withdrawal, const struct mm_catalog_line *line)
{
    struct history *h = context;
    if (mm_catalog_rows_find(&h->withdrawals, withdrawal->model_id, withdrawal->revision))
        return 0;
    h->kept++;
    mm_sha256_update(h->sha, line->text, line->length);
    mm_sha256_update(h->sha, "\n", 1);
    return 0;
}

static int check_old_withdrawals(struct history *h)
{
    struct mm_catalog_sums now;
    unsigned char sha256[MM_HASH_BYTES];
    int fd = mm_catalog_open(h->folder, MM_CATALOG_WITHDRAWN, h->diags);
    int result = fd < 0 ? -1 : mm_withdrawals_read(fd, skip_new, h, &now, h->diags);
    if (fd >= 0)
        close(fd);
    mm_sha256_take(h->sha, sha256);
    if (result < 0)
        return -1;
    if (h->kept == h->old->withdrawn_count && memcmp(sha256, h->old->withdrawn_sha256, sizeof sha256) == 0)
        return 0;
    return mm_diag(h->diags, MM_RULE_CATALOG_HISTORY,
                   "expected the withdrawals of head %" PRIu64 " and those added since, found others",
                   h->old->sequence);
}

static void release(struct history *h)
{
    for (size_t i = 0; i < h->count; i++) {
        free(h->states[i].model_id);
        free(h->states[i].line);
    }
    free(h->states);
    mm_catalog_rows_release(&h->withdrawals);
    mm_catalog_rows_release(&h->withdrawn);
    mm_merkle_release(&h->tree);
    mm_sha256_free(h->sha);
}

static int walk(struct history *h, const struct mm_catalog_head *head)
{
    struct mm_catalog_sums sums;
    if (mm_merkle_init(&h->tree, h->diags) < 0)
        return -1;
    if (!(h->sha = mm_sha256_new()))
        return mm_diag_memory(h->diags);
    for (uint64_t sequence = h->old->sequence + 1; sequence <= head->sequence; sequence++)
        if (read_step(h, sequence) < 0)
            return -1;
    mm_catalog_rows_sort(&h->withdrawals);
    if (sort_states(h) < 0 || mm_catalog_withdrawals(h->folder, &h->withdrawn, &sums, h->diags) < 0)
        return -1;
    return check_old_entries(h) < 0 ? -1 : check_old_withdrawals(h);
}

/* OLD is of this catalog, not later, and the head that stands in its place. */
static int check_old_head(struct mm_catalog_folder *folder, const struct mm_catalog_head *head,
                          const struct mm_catalog_head *old, struct mm_diags *diags)
{
    struct mm_signed_head there = {0};
    char name[MM_CATALOG_NAME];
    mm_catalog_at(folder, MM_CATALOG_HEAD, diags);
    if (strcmp(head->catalog_id, old->catalog_id) != 0 || strcmp(head->publisher_id, old->publisher_id) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY, "expected a head of catalog %s of %s, found one of %s of %s",
                       old->catalog_id, old->publisher_id, head->catalog_id, head->publisher_id);
    if (head->sequence < old->sequence)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                       "expected a sequence from %" PRIu64 ", which was seen before, found %" PRIu64, old->sequence,
                       head->sequence);
    int found = mm_signed_head_read(&there, folder, mm_catalog_head_name(name, old->sequence, ""), diags);
    bool same = found > 0 && memcmp(there.head.sha256, old->sha256, MM_HASH_BYTES) == 0;
    mm_signed_head_release(&there);
    if (same)
        return 0;
    return found < 0
               ? -1
               : mm_diag(diags, MM_RULE_CATALOG_HISTORY, "expected the head %" PRIu64 " that was seen before, found %s",
                         old->sequence, found ? "another" : "none");
}

int mm_catalog_check_since(struct mm_catalog_folder *folder, const struct mm_catalog_head *head,
                           const struct mm_catalog_head *old, struct mm_diags *diags)
{
    struct history h = {.folder = folder, .old = old, .diags = diags};
    if (check_old_head(folder, head, old, diags) < 0)
        return -1;
    int result = walk(&h, head);
    release(&h);
    return result;
}
