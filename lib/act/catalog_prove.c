#include "act/catalog_prove.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_check.h"

/* ---- out of a catalog ---- */

/* The entry that is looked for, as it was found. */
struct wanted {
    const char *model_id;
    uint64_t revision; /* 0 for the highest */
    bool found, other; /* OTHER: the model is there in another revision */
    uint64_t index;
    struct mm_buf line;
    struct mm_diags *diags;
};

static int look_at(void *context, const struct mm_catalog_entry *entry, const struct mm_catalog_line *line)
{
    struct wanted *w = context;
    if (strcmp(entry->model_id, w->model_id) != 0)
        return 0;
    if (w->revision && w->revision != entry->revision) {
        w->other = true;
        return 0;
    }
    w->found = true; /* they come in the order of revisions */
    w->index = line->number - 1;
    mm_buf_clear(&w->line);
    mm_buf_add(&w->line, line->text, line->length);
    return w->line.failed ? mm_diag_memory(w->diags) : 0;
}

/* What there is instead of the entry. */
static int not_found(struct mm_catalog_folder *folder, const struct wanted *w, struct mm_diags *diags)
{
    struct mm_catalog_rows withdrawn = {0};
    struct mm_catalog_sums sums;
    char which[32] = "";
    int result = mm_catalog_withdrawals(folder, &withdrawn, &sums, diags);
    bool gone = result == 0 && mm_catalog_is_withdrawn(&withdrawn, w->model_id, w->revision);
    if (w->revision)
        snprintf(which, sizeof which, " revision %" PRIu64, w->revision);
    mm_catalog_at(folder, MM_CATALOG_ENTRIES, diags);
    if (result == 0)
        result = mm_diag(diags, MM_RULE_CATALOG_MODEL, "expected an entry of %s%s, found %s", w->model_id, which,
                         gone       ? "that it was withdrawn"
                         : w->other ? "other revisions alone"
                                    : "none");
    mm_catalog_rows_release(&withdrawn);
    return result;
}

/* Reads the catalog's lines, and again for the path of the one that was found. */
static int read_entries(struct mm_catalog_folder *folder, const struct mm_catalog_head *head, struct wanted *w,
                        struct mm_merkle_path *path, struct mm_diags *diags)
{
    struct mm_catalog_sums sums;
    int fd = mm_catalog_open(folder, MM_CATALOG_ENTRIES, diags);
    int result = fd < 0 ? -1 : mm_catalog_entries_read(fd, look_at, w, 0, NULL, &sums, diags);
    if (result == 0 && !w->found)
        result = not_found(folder, w, diags);
    if (result == 0 && lseek(fd, 0, SEEK_SET) < 0)
        result = mm_diag(diags, MM_RULE_IO_READ, "cannot go back to the first byte");
    if (result == 0)
        result = mm_catalog_entries_read(fd, NULL, NULL, w->index, path, &sums, diags);
    if (result == 0)
        result = mm_catalog_compare_entries(folder, head, &sums, diags);
    if (fd >= 0)
        close(fd);
    return result;
}

static int read_head(struct mm_signed_head *head, struct mm_catalog_folder *folder,
                     const struct mm_catalog_trust *trust, struct mm_diags *diags)
{
    char key_id[MM_KEY_ID_TEXT];
    int there = mm_signed_head_read(head, folder, MM_CATALOG_HEAD, diags);
    if (there == 0)
        return mm_diag(diags, MM_RULE_CATALOG_FILE, "expected the head of a catalog, found none");
    return there < 0 ? -1 : mm_signed_head_judge(head, trust, key_id, diags);
}

static int prove(struct mm_catalog_folder *folder, const struct mm_signed_head *head, struct wanted *w,
                 struct mm_buf *out, struct mm_diags *diags)
{
    struct mm_entry_proof *proof = calloc(1, sizeof *proof);
    if (!proof)
        return mm_diag_memory(diags);
    int result = read_entries(folder, &head->head, w, &proof->path, diags);
    if (result == 0) {
        memcpy(proof->head_sha256, head->head.sha256, MM_HASH_BYTES);
        memcpy(proof->root, head->head.merkle_root, MM_HASH_BYTES);
        proof->count = head->head.entry_count;
        proof->index = w->index;
        proof->line = w->line;
        mm_entry_proof_write(proof, out);
        result = out->failed ? mm_diag_memory(diags) : 0;
    }
    free(proof);
    return result;
}

int mm_catalog_prove(struct mm_catalog_folder *folder, const struct mm_catalog_trust *trust, const char *model_id,
                     uint64_t revision, struct mm_buf *out, struct mm_diags *diags)
{
    struct mm_signed_head head = {0};
    struct wanted w = {.model_id = model_id, .revision = revision, .diags = diags};
    const char *shown = diags->file;
    mm_catalog_hold(folder, diags);
    int result = read_head(&head, folder, trust, diags) < 0 ? -1 : prove(folder, &head, &w, out, diags);
    mm_catalog_let_go(folder);
    mm_buf_release(&w.line);
    mm_signed_head_release(&head);
    diags->file = shown;
    return result;
}

static int prove_since(struct mm_catalog_folder *folder, const struct mm_catalog_head *head,
                       const struct mm_catalog_head *old, struct mm_buf *out, struct mm_diags *diags)
{
    unsigned char(*hashes)[MM_HASH_BYTES] = NULL;
    struct mm_consistency *proof = calloc(1, sizeof *proof);
    int result = proof ? mm_catalog_check_chain(folder, head, &hashes, diags) : mm_diag_memory(diags);
    mm_catalog_at(folder, MM_CATALOG_HEAD, diags);
    if (result == 0 &&
        (old->sequence > head->sequence || memcmp(hashes[old->sequence - 1], old->sha256, MM_HASH_BYTES) != 0))
        result = mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                         "expected a history with the head that was given, found one without");
    if (result == 0)
        result = mm_consistency_make(proof, hashes, old->sequence, head->sequence, diags);
    if (result == 0) {
        mm_consistency_write(proof, out);
        result = out->failed ? mm_diag_memory(diags) : 0;
    }
    free(proof);
    free(hashes);
    return result;
}

int mm_catalog_prove_since(struct mm_catalog_folder *folder, const struct mm_catalog_trust *trust,
                           const struct mm_catalog_head *old, struct mm_buf *out, struct mm_diags *diags)
{
    struct mm_signed_head head = {0};
    const char *shown = diags->file;
    mm_catalog_hold(folder, diags);
    int result = read_head(&head, folder, trust, diags) < 0 ? -1 : prove_since(folder, &head.head, old, out, diags);
    mm_catalog_let_go(folder);
    mm_signed_head_release(&head);
    diags->file = shown;
    return result;
}

/* ---- against a head ---- */

void mm_catalog_proved_release(struct mm_catalog_proved *proved)
{
    mm_entry_proof_release(&proved->entry);
}

int mm_catalog_proved_is(const struct mm_catalog_proved *proved, const char *model_id, uint64_t revision,
                         struct mm_diags *diags)
{
    const struct mm_catalog_entry *entry = &proved->entry.entry;
    if (!proved->of_entry)
        return mm_diag(diags, MM_RULE_CATALOG_PROOF, "expected a proof of %s, found one of a history", model_id);
    if (strcmp(entry->model_id, model_id) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_PROOF, "expected a proof of %s, found one of %s", model_id,
                       entry->model_id);
    if (revision && entry->revision != revision)
        return mm_diag(diags, MM_RULE_CATALOG_PROOF,
                       "expected a proof of revision %" PRIu64 " of %s, found one of %" PRIu64, revision, model_id,
                       entry->revision);
    return 0;
}

static int compare_entry(const struct mm_entry_proof *proof, const struct mm_catalog_head *head, struct mm_diags *diags)
{
    if (memcmp(proof->head_sha256, head->sha256, MM_HASH_BYTES) != 0 ||
        memcmp(proof->root, head->merkle_root, MM_HASH_BYTES) != 0 || proof->count != head->entry_count)
        return mm_diag(diags, MM_RULE_CATALOG_PROOF,
                       "expected a proof under the head that was given, found one under another");
    return 0;
}

static int compare_continued(const struct mm_consistency *proof, const struct mm_catalog_head *head,
                             const struct mm_catalog_head *old, struct mm_diags *diags)
{
    if (proof->after.sequence != head->sequence || memcmp(proof->after.head_sha256, head->sha256, MM_HASH_BYTES) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_PROOF,
                       "expected a proof of the head that was given, found one of another");
    if (old &&
        (proof->before.sequence != old->sequence || memcmp(proof->before.head_sha256, old->sha256, MM_HASH_BYTES) != 0))
        return mm_diag(diags, MM_RULE_CATALOG_PROOF,
                       "expected a proof from the older head that was given, found one from another");
    if (old && head->sequence == old->sequence + 1 && memcmp(head->previous_sha256, old->sha256, MM_HASH_BYTES) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                       "expected a head that names the older one as the one before, found another");
    return 0;
}

/* The proof alone tells neither whose heads they are, nor that one of an entry is under a head that whoever saw OLD may take for the present one. */
static int compare_old(const struct mm_catalog_head *head, const struct mm_catalog_head *old, struct mm_diags *diags)
{
    if (strcmp(head->catalog_id, old->catalog_id) != 0 || strcmp(head->publisher_id, old->publisher_id) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY, "expected a head of catalog %s of %s, found one of %s of %s",
                       old->catalog_id, old->publisher_id, head->catalog_id, head->publisher_id);
    if (head->sequence < old->sequence)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                       "expected a sequence from %" PRIu64 ", which was seen before, found %" PRIu64, old->sequence,
                       head->sequence);
    if (head->sequence == old->sequence && memcmp(head->sha256, old->sha256, MM_HASH_BYTES) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                       "expected the head %" PRIu64 " that was seen before, found another", old->sequence);
    if (strcmp(head->created, old->created) < 0)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                       "expected a head made at %s or later, as the one seen before was, found one made at %s",
                       old->created, head->created);
    return 0;
}

static bool begins(const struct mm_buf *text, const char *type)
{
    size_t length = strlen(type);
    return text->length > length && memcmp(text->data, type, length) == 0;
}

static int check_text(struct mm_catalog_proved *proved, const struct mm_buf *text, const struct mm_catalog_head *old,
                      struct mm_diags *diags)
{
    proved->of_entry = !begins(text, MM_CONSISTENCY_TYPE);
    if (proved->of_entry)
        return mm_entry_proof_read(&proved->entry, mm_buf_text(text), text->length, diags) < 0
                   ? -1
                   : compare_entry(&proved->entry, &proved->head, diags);
    return mm_consistency_read(&proved->continued, mm_buf_text(text), text->length, diags) < 0
               ? -1
               : compare_continued(&proved->continued, &proved->head, old, diags);
}

int mm_catalog_check_proof(struct mm_catalog_proved *proved, const struct mm_buf *text,
                           const struct mm_signed_head *head, const char *head_path, const struct mm_catalog_head *old,
                           const struct mm_catalog_trust *trust, const char *now, struct mm_diags *diags)
{
    const char *shown = diags->file;
    uint64_t errors = diags->errors;
    *proved = (struct mm_catalog_proved){.head = head->head};
    check_text(proved, text, old, diags);
    diags->file = head_path;
    mm_signed_head_judge(head, trust, proved->key_id, diags);
    if (old)
        compare_old(&head->head, old, diags);
    if (strcmp(now, head->head.expires) >= 0)
        mm_diag(diags, MM_RULE_CATALOG_EXPIRED, "expected a head that is good still, found one that expired at %s",
                head->head.expires);
    diags->file = shown;
    return diags->errors > errors ? -1 : 0;
}
