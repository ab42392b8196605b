#include "doc/receipt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const mm_action_names[MM_ACTION_COUNT] = {
    [MM_ACTION_VERIFIED] = "verified",
    [MM_ACTION_IMPORTED] = "imported",
    [MM_ACTION_REMOVED] = "removed",
    [MM_ACTION_CONSENTED] = "consented",
};
const char *const mm_medium_names[MM_MEDIUM_COUNT] = {
    [MM_MEDIUM_FILE] = "file", [MM_MEDIUM_USB] = "usb",           [MM_MEDIUM_CHUNKSET] = "chunkset",
    [MM_MEDIUM_PEER] = "peer", [MM_MEDIUM_IN_PLACE] = "in-place",
};

void mm_receipt_release(struct mm_receipt *receipt)
{
    free(receipt->host_label);
    free(receipt->detail);
    free(receipt->artifacts);
    mm_buf_release(&receipt->lines);
    *receipt = (struct mm_receipt){0};
}

/* The words of the two consents, in text and in JSON. */
static const char *transfer_word(const struct mm_receipt *receipt)
{
    return receipt->transfer_consent ? "yes" : "not-asked";
}

static const char *execution_word(const struct mm_receipt *receipt)
{
    return receipt->execution_consent ? "yes" : "no";
}

static void write_previous(const struct mm_receipt *receipt, char hex[static MM_HASH_HEX + 1])
{
    if (receipt->previous.known)
        mm_hex(hex, receipt->previous.bytes, MM_HASH_BYTES);
    else
        memcpy(hex, "none", sizeof "none");
}

/* ---- text ---- */

static void write_fingerprint(const struct mm_fingerprint *fingerprint, struct mm_buf *out)
{
    char verity[MM_HASH_HEX + 1] = "-";
    if (!fingerprint->known) {
        mm_buf_str(out, "fingerprint: none\n");
        return;
    }
    if (fingerprint->verity.known)
        mm_hex(verity, fingerprint->verity.bytes, MM_HASH_BYTES);
    mm_buf_printf(out, "fingerprint: %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %s\n",
                  fingerprint->device, fingerprint->inode, fingerprint->size, fingerprint->mtime, fingerprint->ctime,
                  verity);
}

void mm_receipt_write(const struct mm_receipt *receipt, struct mm_buf *out)
{
    char previous[MM_HASH_HEX + 1];
    write_previous(receipt, previous);
    mm_buf_printf(out, MM_RECEIPT_TYPE " 0\ncreated: %s\naction: %s\n", receipt->created,
                  mm_action_names[receipt->action]);
    if (receipt->host_label)
        mm_buf_printf(out, "host-label: %s\n", receipt->host_label);
    mm_buf_printf(out, "medium: %s%s%s\n", mm_medium_names[receipt->medium], receipt->detail ? " " : "",
                  receipt->detail ? receipt->detail : "");
    mm_buf_printf(out, "transfer-consent: %s\nexecution-consent: %s\nprevious-receipt: %s\n", transfer_word(receipt),
                  execution_word(receipt), previous);
    mm_buf_add(out, receipt->lines.data, receipt->head_end);
    for (size_t i = 0; i < receipt->artifact_count; i++) {
        const struct mm_receipt_artifact *artifact = &receipt->artifacts[i];
        mm_buf_add(out, receipt->lines.data + artifact->begin, artifact->end - artifact->begin);
        write_fingerprint(&artifact->fingerprint, out);
    }
    mm_buf_printf(out, "verdict: %s\n", mm_verdict_names[receipt->verdict]);
    out->failed = out->failed || receipt->lines.failed;
}

/* ---- JSON ---- */
