/* How many of a policy's countersigners have signed the manifest. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/obey_parts.h"
#include "text/line.h"

enum counting { COUNTS, COUNTS_NOT, COUNTS_OPEN /* cannot be found out */ };

struct counting_all {
    struct mm_obey *o;
    struct mm_signature *signature; /* the one that is looked at; it holds a whole file */
    struct mm_buf comment;          /* the trusted comment that it has to have */
    unsigned char prehash[MM_PREHASH_BYTES];
    struct mm_public_key seen[MM_POLICY_COUNTERSIGNERS + 1]; /* the manifest's own key, and those that counted */
    size_t seen_count;
    bool own_open; /* the manifest's own key cannot be looked up, so that nobody is known to be another */
    const char *reasons[MM_POLICY_COUNTERSIGNERS]; /* why a countersigner does not count, NULL where it does */
    uint64_t counted, open;
};

/* The manifest's own key is nobody else's, whatever id it goes by there. One that the keyring has not is known by its id alone. */
static void see_own_key(struct counting_all *c)
{
    char publisher[MM_VALUE_MAX + 1], key_id[MM_VALUE_MAX + 1];
    unsigned char id[MM_KEY_ID_BYTES];
    struct mm_known_key known;
    struct mm_diags ignored; /* the judgement of the signature has told of them */
    mm_manifest_text(c->o->manifest, 0, MM_FIELD_PUBLISHER_ID, publisher);
    mm_manifest_text(c->o->manifest, 0, MM_FIELD_KEY_ID, key_id);
    if (!mm_key_id_read(key_id, strlen(key_id), id))
        return;
    mm_diags_init(&ignored);
    enum mm_found found = mm_keyring_find(c->o->keyring, publisher, id, &known, &ignored);
    mm_diags_release(&ignored);
    if (found == MM_FOUND_YES)
        c->seen[c->seen_count++] = known.key;
    c->own_open = found == MM_FOUND_UNKNOWN;
    if (c->own_open)
        mm_diag(c->o->diags, MM_RULE_KEYRING_OPEN, "the manifest's own key, %s, cannot be looked up", key_id);
}

/* True if the key is one that was seen; otherwise it is from now on. Ids are no proof, so they are left aside. */
static bool seen_before(struct counting_all *c, const struct mm_public_key *key)
{
    for (size_t i = 0; i < c->seen_count; i++)
        if (memcmp(c->seen[i].point, key->point, sizeof key->point) == 0)
            return true;
    c->seen[c->seen_count++] = *key;
    return false;
}

static enum counting not_for(const char **reason, const char *why)
{
    *reason = why;
    return COUNTS_NOT;
}

/* The signature was read, and KNOWN is the key that it should be of. */
static enum counting judge_with_key(struct counting_all *c, const struct mm_known_key *known, const char **reason)
{
    if (known->revoked)
        return not_for(reason, "the key is revoked");
    if (strcmp(c->signature->comment, mm_buf_text(&c->comment)) != 0)
        return not_for(reason, "its trusted comment is not the one for this manifest");
    if (!mm_signature_holds(c->signature, &known->key, c->prehash))
        return not_for(reason, "the key did not make it");
    if (seen_before(c, &known->key))
        return not_for(reason, "the key has signed as another one");
    *reason = "the manifest's own key cannot be looked up";
    return c->own_open ? COUNTS_OPEN : COUNTS;
}

/* The signature is there and cannot be read. */
static enum counting leave_open(struct counting_all *c, const struct mm_policy_line *line, const char **reason)
{
    *reason = "it cannot be read";
    mm_diag(c->o->diags, MM_RULE_IO_READ, "the countersignature of %s cannot be read", line->value);
    return COUNTS_OPEN;
}

/* The signature TEXT by the countersigner of LINE. */
static enum counting judge_text(struct counting_all *c, const struct mm_policy_line *line, const struct mm_buf *text,
                                const char **reason)
{
    size_t length = mm_policy_publisher_length(line);
    char publisher[MM_PUBLISHER_MAX + 1], own[MM_VALUE_MAX + 1];
    const char *key_id = line->value + length + 1, *shown = c->o->diags->file;
    unsigned char id[MM_KEY_ID_BYTES];
    struct mm_known_key known;
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    int read = mm_signature_read(c->signature, text->data ? text->data : "", text->length, &ignored);
    bool unknown = ignored.unknown;
    mm_diags_release(&ignored);
    snprintf(publisher, sizeof publisher, "%.*s", (int)length, line->value);
    if (strcmp(key_id, mm_manifest_text(c->o->manifest, 0, MM_FIELD_KEY_ID, own)) == 0)
        return not_for(reason, "it is the manifest's own key");
    if (unknown)
        return leave_open(c, line, reason);
    if (read < 0)
        return not_for(reason, "it has not the form of a signature");
    if (!mm_key_id_read(key_id, strlen(key_id), id) || memcmp(id, c->signature->key_id, sizeof id) != 0)
        return not_for(reason, "it is by another key than its name says");
    enum mm_found found =
        c->o->keyring ? mm_keyring_find(c->o->keyring, publisher, id, &known, c->o->diags) : MM_FOUND_UNKNOWN;
    c->o->diags->file = shown;
    if (found == MM_FOUND_NO)
        return not_for(reason, "the keyring has no usable key of that id for the publisher");
    *reason = "the keyring cannot be read";
    return found == MM_FOUND_YES ? judge_with_key(c, &known, reason) : COUNTS_OPEN;
}

/* The countersigner WHICH (from 0). */
static void judge_one(struct counting_all *c, size_t which)
{
    const struct mm_signatures *signatures = c->o->signatures;
    const struct mm_policy_line *line = &c->o->policy->lines[c->o->policy->first[MM_POLICY_COUNTERSIGNER] + which];
    const char *key_id = line->value + mm_policy_publisher_length(line) + 1;
    size_t at = 0;
    c->reasons[which] = "there is none";
    while (at < signatures->other_count && strcmp(signatures->others[at].key_id, key_id) != 0)
        at++;
    if (at == signatures->other_count)
        return;
    enum counting counting = signatures->others[at].unreadable
                                 ? leave_open(c, line, &c->reasons[which])
                                 : judge_text(c, line, &signatures->others[at].text, &c->reasons[which]);
    if (counting == COUNTS) {
        c->reasons[which] = NULL;
        c->o->trusted->counted[at] = true;
    }
    c->counted += counting == COUNTS;
    c->open += counting == COUNTS_OPEN;
}

/* Notes say who does not count, and why. */
static void explain(const struct counting_all *c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c->reasons[i])
            mm_note(c->o->diags, MM_RULE_POLICY_RULE, "no countersignature of %s: %s",
                    c->o->policy->lines[c->o->policy->first[MM_POLICY_COUNTERSIGNER] + i].value, c->reasons[i]);
}

/* MARK: the findings before. Where the rule is decided, a key that could not be looked at has changed nothing. */
static int conclude(const struct counting_all *c, const struct mm_diags *mark)
{
    const struct mm_policy *policy = c->o->policy;
    uint64_t needed = policy->lines[policy->first[MM_POLICY_COUNTERSIGNATURES]].number;
    enum mm_result result = c->counted >= needed             ? MM_RESULT_PASS
                            : c->counted + c->open >= needed ? MM_RESULT_SKIP
                                                             : MM_RESULT_FAIL;
    char expected[32], found[96];
    snprintf(expected, sizeof expected, "%" PRIu64, needed);
    snprintf(found, sizeof found, "%" PRIu64, c->counted);
    if (result == MM_RESULT_SKIP)
        snprintf(found, sizeof found, "%" PRIu64 " of %" PRIu64 ", and %" PRIu64 " that cannot be decided", c->counted,
                 needed, c->open);
    if (result != MM_RESULT_SKIP && c->open > 0)
        mm_diags_rewind(c->o->diags, mark);
    if (result != MM_RESULT_PASS)
        explain(c, policy->counts[MM_POLICY_COUNTERSIGNER]);
    return mm_obey_add(c->o, MM_POLICY_COUNTERSIGNATURES, result, NULL, expected, found);
}

int mm_obey_countersignatures(struct mm_obey *o)
{
    struct mm_diags mark = *o->diags;
    struct counting_all *c = calloc(1, sizeof *c);
    if (!c)
        return mm_diag_memory(o->diags);
    c->o = o;
    c->signature = malloc(sizeof *c->signature);
    mm_manifest_trusted_comment(o->manifest, &c->comment);
    int result = c->signature && mm_buf_text(&c->comment) ? 0 : mm_diag_memory(o->diags);
    if (result == 0) {
        mm_prehash(o->manifest->text, o->manifest->length, c->prehash);
        if (o->keyring)
            see_own_key(c);
        for (size_t i = 0; i < o->policy->counts[MM_POLICY_COUNTERSIGNER]; i++)
            judge_one(c, i);
        result = conclude(c, &mark);
    }
    mm_buf_release(&c->comment);
    free(c->signature);
    free(c);
    return result;
}
