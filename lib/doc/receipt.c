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

static void write_key(struct mm_buf *out, char before, const char *key, size_t length)
{
    mm_buf_printf(out, "%c\"%.*s\":", before, (int)length, key);
}

static void write_member(struct mm_buf *out, char before, const char *key, const char *value)
{
    write_key(out, before, key, strlen(key));
    mm_buf_json_str(out, value);
}

/* "NAME RESULT DETAIL" as an object. */
static void write_check(struct mm_buf *out, const char *value, size_t length)
{
    const char *end = value + length, *name_end = memchr(value, ' ', length), *result = name_end + 1;
    const char *result_end = memchr(result, ' ', (size_t)(end - result));
    mm_buf_printf(out, "{\"name\":\"%.*s\",\"result\":\"%.*s\"", (int)(name_end - value), value,
                  (int)((result_end ? result_end : end) - result), result);
    if (result_end) {
        write_key(out, ',', "detail", 6);
        mm_buf_json(out, result_end + 1, (size_t)(end - result_end - 1));
    }
    mm_buf_char(out, '}');
}

static bool is_key(const char *key, size_t length, const char *wanted)
{
    return length == strlen(wanted) && memcmp(key, wanted, length) == 0;
}

/* The lines FROM to TO of a report as members of an object, the first one behind BEFORE, the list of checks last. They
 * were checked when they were read: each is a key, a colon, a space and a value, and checks stand at the end. */
static void write_lines(const struct mm_receipt *receipt, size_t from, size_t to, char before, struct mm_buf *out)
{
    const char *at = receipt->lines.data + from, *end = receipt->lines.data + to;
    const char *checks = ",\"checks\":[";
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at)), *colon = memchr(at, ':', (size_t)(feed - at));
        size_t key_length = (size_t)(colon - at), length = (size_t)(feed - colon - 2);
        if (is_key(at, key_length, "check")) {
            mm_buf_str(out, checks);
            write_check(out, colon + 2, length);
            checks = ",";
        } else {
            write_key(out, before, at, key_length);
            if (is_key(at, key_length, "revision") || is_key(at, key_length, "artifact-bytes"))
                mm_buf_add(out, colon + 2, length);
            else
                mm_buf_json(out, colon + 2, length);
            before = ',';
        }
        at = feed + 1;
    }
    mm_buf_char(out, ']');
}

static void write_json_fingerprint(const struct mm_fingerprint *fingerprint, struct mm_buf *out)
{
    char verity[MM_HASH_HEX + 1];
    if (!fingerprint->known)
        return;
    mm_buf_printf(out,
                  ",\"fingerprint\":{\"device\":%" PRIu64 ",\"inode\":%" PRIu64 ",\"size\":%" PRIu64
                  ",\"mtime-ns\":%" PRId64 ",\"ctime-ns\":%" PRId64,
                  fingerprint->device, fingerprint->inode, fingerprint->size, fingerprint->mtime, fingerprint->ctime);
    if (fingerprint->verity.known) {
        mm_hex(verity, fingerprint->verity.bytes, MM_HASH_BYTES);
        write_member(out, ',', "fs-verity-sha256", verity);
    }
    mm_buf_char(out, '}');
}

static void write_json_head(const struct mm_receipt *receipt, struct mm_buf *out)
{
    char previous[MM_HASH_HEX + 1];
    write_previous(receipt, previous);
    write_member(out, '{', "created", receipt->created);
    write_member(out, ',', "action", mm_action_names[receipt->action]);
    if (receipt->host_label)
        write_member(out, ',', "host-label", receipt->host_label);
    write_member(out, ',', "medium", mm_medium_names[receipt->medium]);
    if (receipt->detail)
        write_member(out, ',', "medium-detail", receipt->detail);
    write_member(out, ',', "transfer-consent", transfer_word(receipt));
    write_member(out, ',', "execution-consent", execution_word(receipt));
    write_member(out, ',', "previous-receipt", previous);
}

void mm_receipt_write_json(const struct mm_receipt *receipt, struct mm_buf *out)
{
    if (receipt->lines.failed) {
        out->failed = true;
        return;
    }
    write_json_head(receipt, out);
    write_lines(receipt, 0, receipt->head_end, ',', out);
    mm_buf_str(out, ",\"artifacts\":[");
    for (size_t i = 0; i < receipt->artifact_count; i++) {
        const struct mm_receipt_artifact *artifact = &receipt->artifacts[i];
        mm_buf_str(out, i ? "," : "");
        write_lines(receipt, artifact->begin, artifact->end, '{', out);
        write_json_fingerprint(&artifact->fingerprint, out);
        mm_buf_char(out, '}');
    }
    mm_buf_str(out, "]");
    write_member(out, ',', "verdict", mm_verdict_names[receipt->verdict]);
    mm_buf_str(out, "}\n");
}
