#include "trust/judgement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/line.h"

/* One judgement on its way. */
struct judge {
    struct mm_judgement *judgement;
    const struct mm_manifest *manifest;
    const struct mm_keyring *keyring;
    mm_verified_before_fn *verified_before;
    void *context;
    struct mm_diags *diags;
    const struct mm_signature *signature;
    unsigned char prehash[MM_PREHASH_BYTES];
    char publisher[MM_VALUE_MAX + 1];
};

static void add_field(const struct mm_manifest *manifest, const char *name, enum mm_field field, struct mm_buf *out)
{
    char text[MM_VALUE_MAX + 1];
    mm_buf_printf(out, "%s:%s ", name, mm_manifest_text(manifest, 0, field, text));
}

void mm_manifest_trusted_comment(const struct mm_manifest *manifest, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    add_field(manifest, "model", MM_FIELD_MODEL_ID, out);
    add_field(manifest, "version", MM_FIELD_VERSION, out);
    add_field(manifest, "revision", MM_FIELD_REVISION, out);
    mm_hex(hex, manifest->sha256, MM_HASH_BYTES);
    mm_buf_printf(out, "sha256:%s", hex);
}

/* The outcome, with one sentence for the report and, under RULE, for the findings. Returns 0: it is a judgement. */
static int MM_PRINTF(4) refuse(struct judge *j, enum mm_signed outcome, enum mm_rule rule, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(j->judgement->detail, sizeof j->judgement->detail, format, arguments);
    va_end(arguments);
    j->judgement->outcome = outcome;
    mm_diag(j->diags, rule, "%s", j->judgement->detail);
    return 0;
}

/* The keyring is there and could not be read, which is a finding already. */
static int leave_open(struct judge *j, enum mm_signed outcome)
{
    j->judgement->outcome = outcome;
    j->judgement->undecided = true;
    snprintf(j->judgement->detail, sizeof j->judgement->detail, "the keyring cannot be read");
    return 0;
}

/* ---- keys of other publishers ---- */

/* Who else has the key that made the signature. */
struct stranger {
    const struct judge *judge;
    char publisher[MM_PUBLISHER_MAX + 1]; /* "" for nobody */
};

/* An id proves nothing: only who made the signature is its signer. */
static int look_at_stranger(void *context, const struct mm_known_key *known)
{
    struct stranger *stranger = context;
    const struct judge *j = stranger->judge;
    if (strcmp(known->publisher, j->publisher) == 0 ||
        memcmp(known->key.id, j->signature->key_id, MM_KEY_ID_BYTES) != 0 ||
        !mm_signature_holds(j->signature, &known->key, j->prehash))
        return 0;
    snprintf(stranger->publisher, sizeof stranger->publisher, "%s", known->publisher);
    return 1;
}

/* The publisher has no usable key of that id: it is another publisher's, or unknown. */
static int judge_without_key(struct judge *j)
{
    struct stranger stranger = {.judge = j};
    const char *shown = j->diags->file;
    struct mm_diags ignored; /* what is damaged elsewhere in the keyring is no matter here */
    mm_diags_init(&ignored);
    int found = mm_keyring_each(j->keyring, NULL, false, look_at_stranger, &stranger, &ignored);
    mm_diags_release(&ignored);
    j->diags->file = shown;
    if (found > 0)
        return refuse(j, MM_SIGNED_WRONG_KEY, MM_RULE_SIGNATURE_WRONG_KEY,
                      "expected a key of %s, found %s, which speaks for %s", j->publisher, j->judgement->key_id,
                      stranger.publisher);
    return refuse(j, MM_SIGNED_UNKNOWN_KEY, MM_RULE_SIGNATURE_UNKNOWN,
                  "expected a key that the keyring has for %s, found %s, which it has not", j->publisher,
                  j->judgement->key_id);
}

/* ---- with the key ---- */

/* The time at which a receipt recorded the manifest as verified, before the key was revoked; or NULL. */
static const char *exception(const struct judge *j, const struct mm_known_key *known)
{
    const struct mm_revocation *revocation = &known->revocation;
    if (!known->revocation_read || mm_revocation_is_compromise(revocation) || !j->verified_before)
        return NULL;
    const char *since = j->verified_before(j->context, j->judgement->key_id);
    return since && since[0] && strcmp(since, revocation->revoked) < 0 ? since : NULL;
}

static int judge_revoked(struct judge *j, const struct mm_known_key *known)
{
    const struct mm_revocation *revocation = &known->revocation;
    const char *since = exception(j, known);
    char shown[MM_SHOWN];
    if (since) {
        snprintf(j->judgement->detail, sizeof j->judgement->detail,
                 "the key was revoked as of %s; a receipt of %s records the manifest as verified before",
                 revocation->revoked, since);
        mm_note(j->diags, MM_RULE_SIGNATURE_REVOKED, "%s", j->judgement->detail);
        j->judgement->outcome = MM_SIGNED_VERIFIED;
        return 0;
    }
    if (!known->revocation_read)
        return refuse(j, MM_SIGNED_REVOKED_KEY, MM_RULE_SIGNATURE_REVOKED,
                      "expected a key that is not revoked, found %s with a revocation that cannot be read",
                      j->judgement->key_id);
    return refuse(j, MM_SIGNED_REVOKED_KEY, MM_RULE_SIGNATURE_REVOKED,
                  "expected a key that is not revoked, found %s, revoked as of %s: %s", j->judgement->key_id,
                  revocation->revoked, mm_show(shown, revocation->reason, strlen(revocation->reason)));
}

static int judge_with_key(struct judge *j, const struct mm_known_key *known)
{
    char shown[MM_SHOWN];
    struct mm_buf comment = {0};
    if (!mm_signature_holds(j->signature, &known->key, j->prehash))
        return refuse(j, MM_SIGNED_BAD, MM_RULE_SIGNATURE_BAD,
                      "expected a signature of %s by %s over this manifest and this trusted comment, found another",
                      j->publisher, j->judgement->key_id);
    mm_manifest_trusted_comment(j->manifest, &comment);
    const char *expected = mm_buf_text(&comment);
    bool same = expected && strcmp(expected, j->signature->comment) == 0;
    mm_buf_release(&comment);
    if (!expected)
        return mm_diag_memory(j->diags);
    if (!same)
        return refuse(j, MM_SIGNED_WRONG_COMMENT, MM_RULE_SIGNATURE_COMMENT,
                      "expected the trusted comment of this manifest, found '%s'",
                      mm_show(shown, j->signature->comment, strlen(j->signature->comment)));
    if (known->revoked)
        return judge_revoked(j, known);
    j->judgement->outcome = MM_SIGNED_VERIFIED;
    if (known->by_succession)
        snprintf(j->judgement->detail, sizeof j->judgement->detail, "the key follows %s", known->predecessor);
    return 0;
}

/* The signature has the right form, and is J's. */
static int judge_signature(struct judge *j)
{
    struct mm_known_key known = {0};
    char stated[MM_VALUE_MAX + 1];
    mm_manifest_text(j->manifest, 0, MM_FIELD_KEY_ID, stated);
    mm_key_id_text(j->judgement->key_id, j->signature->key_id);
    if (strcmp(stated, j->judgement->key_id) != 0)
        return refuse(j, MM_SIGNED_WRONG_KEY, MM_RULE_SIGNATURE_WRONG_KEY,
                      "expected a signature by %s, the manifest's key-id, found one by %s", stated,
                      j->judgement->key_id);
    if (!j->keyring)
        return leave_open(j, MM_SIGNED_UNKNOWN_KEY);
    mm_prehash(j->manifest->text, j->manifest->length, j->prehash);
    const char *shown = j->diags->file;
    enum mm_found found = mm_keyring_find(j->keyring, j->publisher, j->signature->key_id, &known, j->diags);
    j->diags->file = shown;
    if (found == MM_FOUND_UNKNOWN)
        return leave_open(j, MM_SIGNED_UNKNOWN_KEY);
    return found == MM_FOUND_YES ? judge_with_key(j, &known) : judge_without_key(j);
}

/* ---- without a signature ---- */

static int judge_unsigned(struct judge *j)
{
    j->judgement->outcome = MM_SIGNED_UNSIGNED;
    enum mm_found knows = j->keyring ? mm_keyring_knows(j->keyring, j->publisher, j->diags) : MM_FOUND_UNKNOWN;
    if (knows == MM_FOUND_UNKNOWN)
        return leave_open(j, MM_SIGNED_UNSIGNED);
    j->judgement->publisher_known = knows == MM_FOUND_YES;
    return 0;
}

/* The first error among the findings since FIRST becomes the detail. */
static void take_detail(struct judge *j, size_t first)
{
    for (size_t i = first; i < j->diags->count; i++)
        if (j->diags->items[i].severity == MM_ERROR) {
            snprintf(j->judgement->detail, sizeof j->judgement->detail, "%s", j->diags->items[i].text);
            return;
        }
}

static int judge_text(struct judge *j, const struct mm_buf *text)
{
    struct mm_signature *signature = malloc(sizeof *signature); /* it holds a whole file */
    size_t first = j->diags->count;
    int result = 0;
    if (!signature || text->failed) {
        result = mm_diag_memory(j->diags);
    } else if (mm_signature_read(signature, text->data ? text->data : "", text->length, j->diags) < 0) {
        j->judgement->outcome = MM_SIGNED_BAD;
        take_detail(j, first);
    } else {
        j->signature = signature;
        result = judge_signature(j);
    }
    free(signature);
    return result;
}

int mm_judge(struct mm_judgement *judgement, const struct mm_manifest *manifest, const struct mm_buf *signature,
             const struct mm_keyring *keyring, mm_verified_before_fn *verified_before, void *context,
             struct mm_diags *diags)
{
    struct judge j = {judgement, manifest, keyring, verified_before, context, diags, NULL, {0}, ""};
    char key_id[MM_VALUE_MAX + 1];
    *judgement = (struct mm_judgement){.outcome = MM_SIGNED_MISSING};
    mm_manifest_text(manifest, 0, MM_FIELD_PUBLISHER_ID, j.publisher);
    if (mm_entry_is(mm_manifest_get(manifest, 0, MM_FIELD_SIGNATURE_SCHEME), "none"))
        return judge_unsigned(&j);
    mm_manifest_text(manifest, 0, MM_FIELD_KEY_ID, key_id);
    snprintf(judgement->key_id, sizeof judgement->key_id, "%.16s", key_id);
    if (!signature)
        return refuse(&j, MM_SIGNED_MISSING, MM_RULE_SIGNATURE_MISSING,
                      "expected a signature by %s beside the manifest, found none", judgement->key_id);
    return judge_text(&j, signature);
}
