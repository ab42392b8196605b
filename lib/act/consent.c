#include "act/consent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

/* The newest import of a revision. */
struct import {
    uint64_t revision, place; /* among the receipts, from 1; 0: none that was not removed */
};

struct search {
    const char *model_id;
    uint64_t revision;      /* 0 for any */
    struct import *imports; /* sorted by revision */
    size_t count, capacity;
    uint64_t place; /* of the receipt that is looked at; then the one that is wanted */
    struct mm_receipt *receipt;
    struct mm_diags *diags;
};

/* The entry of REVISION, made where it lacks; NULL with a finding. */
static struct import *import_of(struct search *s, uint64_t revision)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->imports[middle].revision < revision)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < s->count && s->imports[low].revision == revision)
        return &s->imports[low];
    if (s->count >= MM_CONSENT_REVISIONS) {
        mm_diag(s->diags, MM_RULE_IO_LIMIT, "at most %d revisions of a model are told apart", MM_CONSENT_REVISIONS);
        return NULL;
    }
    if (!mm_grow(&s->imports, s->count, &s->capacity, sizeof *s->imports)) {
        mm_diag_memory(s->diags);
        return NULL;
    }
    memmove(s->imports + low + 1, s->imports + low, (s->count - low) * sizeof *s->imports);
    s->count++;
    s->imports[low] = (struct import){.revision = revision};
    return &s->imports[low];
}

/* First reading: which imports there are. */
static int note_import(void *context, const struct mm_receipt *receipt, const char *path)
{
    struct search *s = context;
    (void)path;
    s->place++;
    bool counts = receipt->action == MM_ACTION_IMPORTED || receipt->action == MM_ACTION_REMOVED;
    if (!counts || strcmp(receipt->model_id, s->model_id) != 0 || (s->revision && receipt->revision != s->revision))
        return 0;
    struct import *import = import_of(s, receipt->revision);
    if (!import)
        return -1;
    import->place = receipt->action == MM_ACTION_IMPORTED ? s->place : 0;
    return 0;
}

/* Takes what a consent repeats of the import FROM: all but the machine's label. */
static int copy_import(struct mm_receipt *to, const struct mm_receipt *from, struct mm_diags *diags)
{
    struct mm_buf text = {0};
    mm_receipt_write(from, &text);
    int result = mm_buf_text(&text) ? mm_receipt_read(to, text.data, text.length, diags) : mm_diag_memory(diags);
    free(to->host_label);
    to->host_label = NULL;
    to->action = MM_ACTION_CONSENTED;
    to->execution_consent = true;
    mm_buf_release(&text);
    return result;
}

/* Second reading: the wanted one. The chain can only have grown since the first. */
static int take_import(void *context, const struct mm_receipt *receipt, const char *path)
{
    struct search *s = context;
    (void)path;
    if (--s->place > 0)
        return 0;
    return copy_import(s->receipt, receipt, s->diags) < 0 ? -1 : 1;
}

static int none_found(const struct search *s)
{
    if (s->revision)
        return mm_diag(s->diags, MM_RULE_RECEIPT_NONE,
                       "expected a receipt of an import of %s, revision %" PRIu64
                       ", that was not removed since, found none",
                       s->model_id, s->revision);
    return mm_diag(s->diags, MM_RULE_RECEIPT_NONE,
                   "expected a receipt of an import of %s that was not removed since, found none", s->model_id);
}

int mm_consent_prepare(int home, const char *model_id, uint64_t revision, struct mm_receipt *receipt,
                       struct mm_diags *diags)
{
    struct search s = {.model_id = model_id, .revision = revision, .receipt = receipt, .diags = diags};
    uint64_t errors = diags->errors, newest = 0;
    *receipt = (struct mm_receipt){0};
    int result = mm_chain_each(home, note_import, &s, diags);
    for (size_t i = 0; i < s.count; i++)
        newest = s.imports[i].place > newest ? s.imports[i].place : newest;
    free(s.imports);
    if (result != 0 || diags->errors > errors)
        return -1;
    if (newest == 0)
        return none_found(&s);
    s.place = newest;
    result = mm_chain_each(home, take_import, &s, diags);
    if (diags->errors > errors)
        return -1;
    return result > 0 ? 0 : none_found(&s); /* what was there a moment ago is not, now */
}

/* ---- is there one? ---- */

struct finding {
    const unsigned char *sha256;
    uint64_t revision;
    bool imported, elsewhere; /* elsewhere: a consent for another revision or manifest */
    struct mm_consent *consent;
};

static int note_consent(void *context, const struct mm_receipt *receipt, const char *path)
{
    struct finding *f = context;
    bool same = receipt->revision == f->revision && memcmp(receipt->manifest_sha256, f->sha256, MM_HASH_BYTES) == 0;
    if (receipt->action == MM_ACTION_CONSENTED && !same)
        f->elsewhere = true;
    if (receipt->revision != f->revision)
        return 0;
    if (receipt->action == MM_ACTION_IMPORTED)
        f->imported = same;
    if (receipt->action == MM_ACTION_REMOVED)
        f->imported = false;
    if (receipt->action == MM_ACTION_IMPORTED ||
        receipt->action == MM_ACTION_REMOVED) /* it was given for what was there before */
        f->consent->receipt[0] = '\0';
    if (receipt->action == MM_ACTION_CONSENTED && same && f->imported) {
        snprintf(f->consent->receipt, sizeof f->consent->receipt, "%s", path);
        memcpy(f->consent->created, receipt->created, sizeof f->consent->created);
    }
    return 0;
}

/* True of a consent before a restart: none of the receipts since is it. */
static int is_consent(void *context, const struct mm_receipt *receipt, const char *path)
{
    const struct mm_consent *consent = context;
    (void)receipt;
    return strcmp(path, consent->receipt) == 0;
}

int mm_consent_find(int home, const char *model_id, uint64_t revision, const unsigned char sha256[static MM_HASH_BYTES],
                    struct mm_consent *consent, struct mm_diags *diags)
{
    struct finding f = {.sha256 = sha256, .revision = revision, .consent = consent};
    uint64_t errors = diags->errors;
    *consent = (struct mm_consent){0};
    if (mm_chain_each_of(home, model_id, note_consent, &f, diags) < 0 || diags->errors > errors)
        return -1;
    int present = consent->receipt[0] ? mm_chain_each_present(home, model_id, is_consent, consent, diags) : 0;
    if (present > 0 && diags->errors == errors)
        return 0;
    if (present < 0 || diags->errors > errors)
        return -1;
    if (consent->receipt[0])
        return mm_diag(diags, MM_RULE_RECEIPT_CONSENT,
                       "expected a consent to run %s, revision %" PRIu64 ", since the chain of receipts was restarted, "
                       "found one from before; 'receipt-write --grant-execution %s@%" PRIu64 "' writes one",
                       model_id, revision, model_id, revision);
    return mm_diag(diags, MM_RULE_RECEIPT_CONSENT,
                   "expected a consent to run %s, revision %" PRIu64 ", given since its import, found %s; "
                   "'receipt-write --grant-execution %s@%" PRIu64 "' writes one",
                   model_id, revision, f.elsewhere ? "one for another import of it" : "none", model_id, revision);
}
