#include "act/chain_sign.h"

#include <inttypes.h>
#include <string.h>

#include "act/now.h"
#include "hash/sha256.h"

void mm_receipt_trusted_comment(const struct mm_receipt *receipt, const unsigned char sha256[static MM_HASH_BYTES],
                                struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, sha256, MM_HASH_BYTES);
    mm_buf_printf(out, "receipt:%s created:%s sha256:%s", receipt->model_id, receipt->created, hex);
}

void mm_anchor_trusted_comment(const struct mm_anchor *anchor, const unsigned char sha256[static MM_HASH_BYTES],
                               struct mm_buf *out)
{
    char head[MM_HASH_HEX + 1], hex[MM_HASH_HEX + 1];
    mm_hex(head, anchor->head, MM_HASH_BYTES);
    mm_hex(hex, sha256, MM_HASH_BYTES);
    mm_buf_printf(out, "anchor:%s receipts:%" PRIu64 " sha256:%s", head, anchor->receipts, hex);
}

/* ---- signatures ---- */

/* Anyone can make a key of any id, so that several keys of one id are tried each. */
static bool made_by_one(const struct mm_signature *signature, const struct mm_buf *text,
                        const struct mm_chain_keys *keys, bool *named)
{
    unsigned char prehash[MM_PREHASH_BYTES];
    *named = false;
    mm_prehash(text->data, text->length, prehash);
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->items[i].id, signature->key_id, MM_KEY_ID_BYTES) == 0) {
            *named = true;
            if (mm_signature_holds(signature, &keys->items[i], prehash))
                return true;
        }
    return false;
}

int mm_chain_signature_check(const struct mm_buf *signature, const struct mm_buf *text, const char *comment,
                             const struct mm_chain_keys *keys, enum mm_rule rule, struct mm_diags *diags)
{
    struct mm_signature read;
    struct mm_diags mark = *diags;
    char id[MM_KEY_ID_TEXT], shown[MM_SHOWN];
    bool named;
    if (mm_signature_read(&read, signature->data ? signature->data : "", signature->length, diags) < 0) {
        mm_diags_turn(diags, &mark, MM_GROUP_TRUST, rule);
        return -1;
    }
    bool made = made_by_one(&read, text, keys, &named);
    if (!named)
        return mm_diag(diags, rule, "expected a signature by a key that was given, found one by %s",
                       mm_key_id_text(id, read.key_id));
    if (!made)
        return mm_diag(diags, rule, "expected a signature by the key %s over this file and comment, found another",
                       mm_key_id_text(id, read.key_id));
    if (strcmp(read.comment, comment) != 0)
        return mm_diag(diags, rule, "expected the trusted comment '%s', found '%s'", comment,
                       mm_show(shown, read.comment, strlen(read.comment)));
    return 0;
}

/* ---- anchors ---- */

static int sha256_of(const struct mm_buf *text, unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags)
{
    struct mm_sha256 *sha = mm_sha256_new();
    if (!sha)
        return mm_diag_memory(diags);
    mm_sha256_once(sha, text->data, text->length, sha256);
    mm_sha256_free(sha);
    return 0;
}

static int comment_of(const struct mm_anchor *anchor, const struct mm_buf *document, struct mm_buf *comment,
                      struct mm_diags *diags)
{
    unsigned char sha256[MM_HASH_BYTES];
    if (sha256_of(document, sha256, diags) < 0)
        return -1;
    mm_anchor_trusted_comment(anchor, sha256, comment);
    return mm_buf_text(comment) ? 0 : mm_diag_memory(diags);
}

static int sign(const struct mm_anchor *anchor, const struct mm_secret_key *key, const struct mm_buf *document,
                struct mm_buf *signature, struct mm_diags *diags)
{
    unsigned char prehash[MM_PREHASH_BYTES];
    struct mm_buf comment = {0};
    int result = comment_of(anchor, document, &comment, diags);
    if (result == 0) {
        mm_prehash(document->data, document->length, prehash);
        result = mm_secret_key_sign(key, prehash, comment.data, signature, diags);
    }
    mm_buf_release(&comment);
    return result;
}

int mm_anchor_make(struct mm_anchor *anchor, int home, const char *host_label, const struct mm_secret_key *key,
                   struct mm_buf *document, struct mm_buf *signature, struct mm_diags *diags)
{
    struct mm_chain_facts facts;
    *anchor = (struct mm_anchor){0};
    if (mm_chain_head(home, &facts, diags) < 0)
        return -1;
    if (!facts.head.known)
        return mm_diag(diags, MM_RULE_RECEIPT_NONE, "expected a receipt to anchor, found a chain without any");
    if (!mm_time_written(anchor->created) && strcmp(anchor->created, facts.created) < 0) {
        memcpy(anchor->created, facts.created, sizeof anchor->created);
        mm_now_note_behind(anchor->created, diags);
    }
    if (host_label && !(mm_value_sound(host_label, strlen(host_label)) && strlen(host_label) <= MM_VALUE_MAX))
        return mm_diag(diags, MM_RULE_RECEIPT_ANCHOR, "expected a label of 1 to %d bytes, found another", MM_VALUE_MAX);
    if (host_label)
        memcpy(anchor->host_label, host_label, strlen(host_label));
    anchor->receipts = facts.receipts;
    memcpy(anchor->head, facts.head.bytes, MM_HASH_BYTES);
    mm_anchor_write(anchor, document);
    if (!mm_buf_text(document))
        return mm_diag_memory(diags);
    return sign(anchor, key, document, signature, diags);
}

int mm_anchor_verify(struct mm_anchor *anchor, const struct mm_buf *document, const struct mm_buf *signature,
                     const struct mm_chain_keys *keys, struct mm_diags *diags)
{
    struct mm_buf comment = {0};
    int result = mm_anchor_read(anchor, document->data ? document->data : "", document->length, diags);
    if (result == 0)
        result = comment_of(anchor, document, &comment, diags);
    if (result == 0)
        result = mm_chain_signature_check(signature, document, comment.data, keys, MM_RULE_RECEIPT_ANCHOR, diags);
    mm_buf_release(&comment);
    return result;
}

int mm_anchor_compare(const struct mm_anchor *anchor, const struct mm_chain_facts *facts, struct mm_diags *diags)
{
    if (!facts->expected || facts->expected == anchor->receipts)
        return 0;
    return mm_diag(diags, MM_RULE_RECEIPT_ANCHOR,
                   "expected the head to be receipt %" PRIu64
                   " of the chain, as the anchor says, found it to be receipt "
                   "%" PRIu64,
                   anchor->receipts, facts->expected);
}
