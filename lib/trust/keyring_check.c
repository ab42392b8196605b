/* What is wrong in a publisher's folder beside its keys: the signatures that say why they are there. */
#include <string.h>

#include "trust/keyring_parts.h"

/* A .minisig whose file is not there. Returns true, with a finding, if that is so. */
static bool is_alone(const struct mm_ring *ring, const struct mm_ring_entry *entry, struct mm_diags *diags)
{
    enum mm_ring_kind of = entry->kind == MM_RING_REVOKED_SIGNATURE ? MM_RING_REVOKED : MM_RING_SUCCESSOR;
    if (mm_ring_entry(ring, entry->id, of))
        return false;
    mm_diag(diags, MM_RULE_KEYRING_SURPLUS, "expected %s%s beside its signature, found none", entry->id,
            mm_ring_endings[of]);
    return true;
}

/* The revocation's signature: of any key of the publisher, as who signed it may have been revoked since. */
static int check_revocation_signature(const struct mm_ring *ring, const struct mm_ring_entry *entry,
                                      struct mm_buf *text, struct mm_buf *signature, struct mm_diags *diags)
{
    struct mm_signature own;
    char id[MM_KEY_ID_TEXT];
    enum mm_ring_read read = mm_ring_text(ring, entry->id, MM_RING_REVOKED_SIGNATURE, signature, diags);
    if (read != MM_RING_READ)
        return read == MM_RING_FAILED ? -1 : 0;
    if (mm_signature_read(&own, signature->data, signature->length, diags) < 0)
        return 0;
    struct mm_diags mark = *diags;
    read = mm_ring_text(ring, entry->id, MM_RING_REVOKED, text, diags);
    if (read == MM_RING_FAILED)
        return -1;
    mm_diags_rewind(diags, &mark); /* said of the file itself */
    const struct mm_ring_key *signer = mm_ring_key(ring, mm_key_id_text(id, own.key_id));
    if (read == MM_RING_READ && !signer)
        mm_note(diags, MM_RULE_REVOCATION_SIGNATURE, "signed by %s, which is no key of %s here (any more)", id,
                ring->publisher);
    else if (read == MM_RING_READ && !mm_ring_signed(&own, &signer->known.key, text))
        mm_diag(diags, MM_RULE_REVOCATION_SIGNATURE, "expected %s's signature over the revocation, found another one",
                id);
    return 0;
}

/* A revocation of which no key is here: it still is to be one. */
static int check_revocation(const struct mm_ring *ring, const struct mm_ring_entry *entry, struct mm_buf *text,
                            struct mm_diags *diags)
{
    struct mm_revocation revocation;
    if (mm_ring_key(ring, entry->id))
        return 0; /* looked at with its key */
    enum mm_ring_read read = mm_ring_text(ring, entry->id, MM_RING_REVOKED, text, diags);
    if (read == MM_RING_READ && mm_revocation_read(&revocation, text->data, text->length, diags) == 0)
        mm_note(diags, MM_RULE_KEYRING_KEY, "revokes a key that is not here");
    return read == MM_RING_FAILED ? -1 : 0;
}

int mm_ring_check(const struct mm_ring *ring, struct mm_diags *diags)
{
    const char *outer = diags->file;
    struct mm_buf text = {0}, signature = {0}, shown = {0};
    int result = 0;
    for (size_t i = 0; i < ring->entry_count && result == 0; i++) {
        const struct mm_ring_entry *entry = &ring->entries[i];
        mm_ring_shown(ring, entry->id, entry->kind, &shown);
        diags->file = mm_buf_text(&shown);
        bool signature_alone =
            (entry->kind == MM_RING_REVOKED_SIGNATURE || entry->kind == MM_RING_SUCCESSOR_SIGNATURE) &&
            is_alone(ring, entry, diags);
        if (entry->kind == MM_RING_REVOKED_SIGNATURE && !signature_alone)
            result = check_revocation_signature(ring, entry, &text, &signature, diags);
        else if (entry->kind == MM_RING_REVOKED)
            result = check_revocation(ring, entry, &text, diags);
    }
    diags->file = outer;
    mm_buf_release(&text);
    mm_buf_release(&signature);
    mm_buf_release(&shown);
    return result;
}
