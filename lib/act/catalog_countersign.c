#include "act/catalog_countersign.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "act/catalog_check.h"
#include "act/catalog_witness.h"
#include "base/beneath.h"
#include "base/checked.h"
#include "base/file.h"
#include "doc/catalog_proof.h"
#include "text/path.h"

/* ---- the state ---- */

/* Opens the file and locks it; whoever had it before may have put another in its place meanwhile. Returns 0 with file->fd -1 for none. */
static int open_locked(struct mm_witness_file *file, struct mm_diags *diags)
{
    for (;;) {
        file->fd = mm_beneath_file(file->folder, file->name);
        if (file->fd < 0 && errno == ENOENT)
            return 0;
        if (file->fd < 0)
            return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open the witness's state", errno);
        while (flock(file->fd, LOCK_EX) < 0)
            if (errno != EINTR)
                return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot lock the witness's state", errno);
        if (mm_file_is_named(file->folder, file->name, file->fd))
            return 0;
        close(file->fd);
    }
}

static int read_state(struct mm_witness_file *file, struct mm_diags *diags)
{
    struct mm_buf text = {0};
    int result = mm_file_read_all(file->fd, MM_WITNESS_MAX, &text, diags); /* one that is too long is none */
    if (result >= 0)
        result = mm_witness_read(&file->seen, mm_buf_text(&text), text.length, diags);
    mm_buf_release(&text);
    return result;
}

int mm_witness_file_open(struct mm_witness_file *file, const char *path, bool first, struct mm_diags *diags)
{
    size_t length = mm_path_folder_length(path);
    char *folder = length ? strndup(path, length) : strdup(".");
    *file = (struct mm_witness_file){.path = path, .name = path + length, .folder = -1, .fd = -1};
    if (!folder)
        return mm_diag_memory(diags);
    file->folder = mm_file_open_folder(folder, diags);
    free(folder);
    if (file->folder < 0 || open_locked(file, diags) < 0)
        return -1;
    if (first)
        return file->fd < 0
                   ? 0
                   : mm_diag(diags, MM_RULE_CATALOG_WITNESS, "expected no state of a witness who begins, found one");
    if (file->fd < 0)
        return mm_diag(diags, MM_RULE_CATALOG_WITNESS, "expected the witness's state, found none: --first begins one");
    return read_state(file, diags);
}

void mm_witness_file_release(struct mm_witness_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->folder >= 0)
        close(file->folder);
    *file = (struct mm_witness_file){.folder = -1, .fd = -1};
}

/* Replaces the state, or begins one, which fails where another process did. */
static int keep_state(const struct mm_witness_file *file, const struct mm_witness *next, struct mm_diags *diags)
{
    struct mm_writer writer;
    struct mm_buf text = {0};
    diags->file = file->path;
    mm_witness_write(next, &text);
    int result = mm_buf_text(&text) ? mm_writer_open_in(&writer, file->folder, file->path, file->fd >= 0, diags)
                                    : mm_diag_memory(diags);
    if (result == 0) {
        result = mm_writer_write(&writer, text.data, text.length, diags);
        if (result == 0)
            result = mm_writer_commit(&writer, diags);
        mm_writer_abandon(&writer);
    }
    mm_buf_release(&text);
    return result;
}

/* ---- what both ways have in common ---- */

void mm_countersigned_release(struct mm_countersigned *done)
{
    mm_buf_release(&done->path);
}

static bool has_seen(const struct mm_countersigning *how)
{
    return how->file->fd >= 0;
}

/* HEAD can come after what was seen, or be it. */
static int check_seen(const struct mm_countersigning *how, const struct mm_catalog_head *head, struct mm_diags *diags)
{
    const struct mm_witness *seen = &how->file->seen;
    if (!has_seen(how))
        return 0;
    if (strcmp(head->catalog_id, seen->catalog_id) != 0 || strcmp(head->publisher_id, seen->publisher_id) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_WITNESS, "expected a head of catalog %s of %s, found one of %s of %s",
                       seen->catalog_id, seen->publisher_id, head->catalog_id, head->publisher_id);
    if (head->sequence < seen->sequence)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                       "expected a sequence from %" PRIu64 ", which was signed before, found %" PRIu64, seen->sequence,
                       head->sequence);
    if (head->sequence == seen->sequence && memcmp(head->sha256, seen->head_sha256, MM_HASH_BYTES) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                       "expected the head %" PRIu64 " that was signed before, found another: its history is forked",
                       seen->sequence);
    return 0;
}

/* A publisher does not witness for himself. */
static int check_key(const struct mm_countersigning *how, const struct mm_catalog_head *head, struct mm_diags *diags)
{
    int own = how->trust.keyring ? mm_catalog_is_publishers_key(how->trust.keyring, head->publisher_id,
                                                                mm_secret_key_public(how->key), diags)
                                 : -1;
    return own > 0 ? mm_diag(diags, MM_RULE_CATALOG_WITNESS, "expected the key of a witness, found one of %s itself",
                             head->publisher_id)
                   : own;
}

static int make_signature(struct mm_countersigned *done, const struct mm_countersigning *how,
                          const struct mm_signed_head *head, struct mm_buf *signature, struct mm_diags *diags)
{
    unsigned char prehash[MM_PREHASH_BYTES];
    struct mm_buf comment = {0};
    mm_key_id_text(done->key_id, mm_secret_key_public(how->key)->id);
    mm_prehash(mm_buf_text(&head->text), head->text.length, prehash);
    mm_catalog_head_comment(&head->head, &comment);
    int result = mm_buf_text(&comment) ? mm_secret_key_sign(how->key, prehash, comment.data, signature, diags)
                                       : mm_diag_memory(diags);
    mm_buf_release(&comment);
    return result;
}

static int write_signature(struct mm_countersigned *done, int folder, const struct mm_buf *signature,
                           struct mm_diags *diags)
{
    struct mm_writer writer;
    diags->file = mm_buf_text(&done->path);
    int result = mm_writer_open_in(&writer, folder, done->path.data, true, diags);
    if (result < 0)
        return -1;
    result = mm_writer_write(&writer, mm_buf_text(signature), signature->length, diags);
    if (result == 0)
        result = mm_writer_commit(&writer, diags);
    mm_writer_abandon(&writer);
    return result;
}

/* HEAD was checked, and its log has the root done->log_root. The state first: where the machine stops between the two, the same head is signed
 * again and no other one. */
static int countersign(struct mm_countersigned *done, const struct mm_countersigning *how,
                       const struct mm_signed_head *head, int folder, const char *path, struct mm_diags *diags)
{
    struct mm_witness next = {.sequence = head->head.sequence};
    struct mm_buf signature = {0};
    memcpy(next.catalog_id, head->head.catalog_id, sizeof next.catalog_id);
    memcpy(next.publisher_id, head->head.publisher_id, sizeof next.publisher_id);
    memcpy(next.head_sha256, head->head.sha256, MM_HASH_BYTES);
    memcpy(next.log_root, done->log_root, MM_HASH_BYTES);
    done->head = head->head;
    done->since = has_seen(how) ? how->file->seen.sequence : 0;
    diags->file = path;
    int result = check_key(how, &head->head, diags);
    if (result == 0)
        result = make_signature(done, how, head, &signature, diags);
    mm_buf_printf(&done->path, "%s.%s" MM_SIGNATURE_SUFFIX, path, done->key_id);
    if (result == 0 && !mm_buf_text(&done->path))
        result = mm_diag_memory(diags);
    if (result == 0 && done->since != next.sequence)
        result = keep_state(how->file, &next, diags);
    if (result == 0)
        result = write_signature(done, folder, &signature, diags);
    mm_buf_release(&signature);
    return result;
}

/* ---- with the catalog at hand ---- */

/* The head that was seen, out of the history of the catalog. */
static int find_seen(const struct mm_countersigning *how, struct mm_catalog_folder *folder,
                     struct mm_catalog_head *since, struct mm_diags *diags)
{
    struct mm_signed_head head = {0};
    char name[MM_CATALOG_NAME];
    const struct mm_witness *seen = &how->file->seen;
    int there = mm_signed_head_read(&head, folder, mm_catalog_head_name(name, seen->sequence, ""), diags);
    *since = head.head;
    mm_signed_head_release(&head);
    if (there > 0 && memcmp(since->sha256, seen->head_sha256, MM_HASH_BYTES) == 0)
        return 0;
    return there < 0 ? -1
                     : mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                               "expected the head %" PRIu64 " that was signed before, found %s", seen->sequence,
                               there ? "another: its history is forked" : "none");
}

/* The root of the log that ends with the head SEQUENCE. */
static int log_root(const unsigned char (*hashes)[MM_HASH_BYTES], uint64_t sequence, unsigned char *root,
                    struct mm_diags *diags)
{
    struct mm_merkle tree;
    int result = mm_merkle_init(&tree, diags);
    for (uint64_t i = 0; result == 0 && i < sequence; i++)
        mm_merkle_add(&tree, hashes[i]);
    if (result == 0)
        mm_merkle_root(&tree, root);
    mm_merkle_release(&tree);
    return result;
}

static int check_log(struct mm_countersigned *done, const struct mm_countersigning *how,
                     struct mm_catalog_folder *folder, const struct mm_catalog_head *head, struct mm_diags *diags)
{
    unsigned char(*hashes)[MM_HASH_BYTES] = NULL, before[MM_HASH_BYTES];
    const struct mm_witness *seen = &how->file->seen;
    int result = mm_catalog_check_chain(folder, head, &hashes, diags);
    if (result == 0)
        result = log_root(hashes, head->sequence, done->log_root, diags);
    if (result == 0 && has_seen(how)) {
        result = log_root(hashes, seen->sequence, before, diags);
        diags->file = how->file->path;
        if (result == 0 && memcmp(before, seen->log_root, sizeof before) != 0)
            result = mm_diag(diags, MM_RULE_CATALOG_WITNESS,
                             "expected the log root of the heads up to %" PRIu64 ", found another", seen->sequence);
    }
    free(hashes);
    return result;
}

/* The catalog was CHECKED. */
static int countersign_checked(struct mm_countersigned *done, const struct mm_countersigning *how,
                               struct mm_catalog_folder *folder, const struct mm_catalog_checked *checked,
                               struct mm_diags *diags)
{
    struct mm_signed_head head = {0};
    struct mm_buf path = {0};
    int there = mm_signed_head_read(&head, folder, MM_CATALOG_HEAD, diags), result = -1;
    memcpy(done->publisher_key_id, checked->key_id, sizeof done->publisher_key_id);
    mm_buf_printf(&path, "%s/" MM_CATALOG_HEAD, folder->path);
    if (!mm_buf_text(&path))
        mm_diag_memory(diags);
    else if (there >= 0 && (there == 0 || memcmp(head.head.sha256, checked->head.sha256, MM_HASH_BYTES) != 0))
        mm_diag(diags, MM_RULE_CATALOG_CHANGING, "expected the head that was checked, found another");
    else if (there > 0 && check_seen(how, &head.head, diags) == 0 &&
             check_log(done, how, folder, &head.head, diags) == 0)
        result = countersign(done, how, &head, folder->fd, path.data, diags);
    mm_buf_release(&path);
    mm_signed_head_release(&head);
    return result;
}

int mm_countersign_catalog(struct mm_countersigned *done, const struct mm_countersigning *how,
                           struct mm_catalog_folder *folder, struct mm_diags *diags)
{
    const char *shown = diags->file;
    struct mm_catalog_head since;
    struct mm_catalog_check_options options = {.trust = how->trust, .now = how->now};
    struct mm_catalog_checked *checked = calloc(1, sizeof *checked);
    *done = (struct mm_countersigned){0};
    int result = checked ? 0 : mm_diag_memory(diags);
    if (result == 0 && has_seen(how)) {
        result = find_seen(how, folder, &since, diags);
        options.since = &since;
    }
    if (result == 0)
        result = mm_catalog_check(folder, &options, checked, diags);
    if (result == 0)
        result = countersign_checked(done, how, folder, checked, diags);
    free(checked);
    diags->file = shown;
    return result;
}

/* ---- with heads and hashes alone ---- */

/* Each head names the one before, the first of them the one that was seen. The log's root alone would not do: no head names it, so that a
 * publisher could show a log of heads that are not those before his. */
static int check_heads(const struct mm_countersigning *how, const struct mm_heads_to_sign *to_sign,
                       struct mm_diags *diags)
{
    const struct mm_witness *seen = &how->file->seen;
    const struct mm_catalog_head *first = &to_sign->heads[0].head;
    for (size_t i = 1; i < to_sign->count; i++) {
        diags->file = to_sign->paths[i];
        if (mm_catalog_head_follows(&to_sign->heads[i].head, &to_sign->heads[i - 1].head, diags) < 0)
            return -1;
    }
    diags->file = to_sign->paths[to_sign->count - 1];
    if (check_seen(how, &to_sign->heads[to_sign->count - 1].head, diags) < 0)
        return -1;
    diags->file = to_sign->paths[0];
    if (!has_seen(how) || first->sequence == seen->sequence)
        return !has_seen(how) || memcmp(first->sha256, seen->head_sha256, MM_HASH_BYTES) == 0
                   ? 0
                   : mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                             "expected the head %" PRIu64 " that was signed before, found another", seen->sequence);
    if (first->sequence != seen->sequence + 1)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                       "expected every head from %" PRIu64 " on, in their order, found %" PRIu64 " first",
                       seen->sequence + 1, first->sequence);
    return memcmp(first->previous_sha256, seen->head_sha256, MM_HASH_BYTES) == 0
               ? 0
               : mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                         "expected the hash of head %" PRIu64
                         ", which was signed before, as the previous one, found another: its history is forked",
                         seen->sequence);
}

/* PROOF is about the last head, and begins with what was seen. */
static int compare_proof(const struct mm_countersigning *how, const struct mm_consistency *proof,
                         const struct mm_catalog_head *last, struct mm_diags *diags)
{
    const struct mm_witness *seen = &how->file->seen;
    if (proof->after.sequence != last->sequence || memcmp(proof->after.head_sha256, last->sha256, MM_HASH_BYTES) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_PROOF, "expected a proof of the head to sign, found one of another");
    if (has_seen(how) && (proof->before.sequence != seen->sequence ||
                          memcmp(proof->before.head_sha256, seen->head_sha256, MM_HASH_BYTES) != 0 ||
                          memcmp(proof->before.root, seen->log_root, MM_HASH_BYTES) != 0))
        return mm_diag(diags, MM_RULE_CATALOG_PROOF,
                       "expected a proof from the head and log root that were seen before, found one from others");
    return 0;
}

/* The heads between are those of the log too, not only the last one. */
static int compare_log(const struct mm_consistency *proof, const struct mm_heads_to_sign *to_sign,
                       struct mm_diags *diags)
{
    unsigned char root[MM_HASH_BYTES];
    size_t skip = to_sign->heads[0].head.sequence == proof->before.sequence, count = to_sign->count - skip;
    unsigned char(*hashes)[MM_HASH_BYTES] = mm_realloc_array(NULL, count ? count : 1, MM_HASH_BYTES);
    if (!hashes)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < count; i++)
        memcpy(hashes[i], to_sign->heads[i + skip].head.sha256, MM_HASH_BYTES);
    int result = mm_log_continue(&proof->before, (const unsigned char(*)[MM_HASH_BYTES])hashes, count, root, diags);
    free(hashes);
    if (result == 0 && memcmp(root, proof->after.root, sizeof root) != 0)
        result = mm_diag(diags, MM_RULE_CATALOG_PROOF, "expected the log root of these heads, found another");
    return result;
}

/* What the log's root is: as the proof says, or as it was, or that of a first head alone. */
static int find_root(struct mm_countersigned *done, const struct mm_countersigning *how,
                     const struct mm_heads_to_sign *to_sign, struct mm_consistency *proof, struct mm_diags *diags)
{
    const struct mm_catalog_head *last = &to_sign->heads[to_sign->count - 1].head;
    if (to_sign->proof) {
        if (mm_consistency_read(proof, mm_buf_text(to_sign->proof), to_sign->proof->length, diags) < 0 ||
            compare_proof(how, proof, last, diags) < 0 || (has_seen(how) && compare_log(proof, to_sign, diags) < 0))
            return -1;
        memcpy(done->log_root, proof->after.root, MM_HASH_BYTES);
        return 0;
    }
    if (has_seen(how) && last->sequence == how->file->seen.sequence) {
        memcpy(done->log_root, how->file->seen.log_root, MM_HASH_BYTES);
        return 0;
    }
    if (last->sequence == 1)
        return log_root((const unsigned char(*)[MM_HASH_BYTES]) & last->sha256, 1, done->log_root, diags);
    return mm_diag(diags, MM_RULE_CATALOG_PROOF, "expected a proof of the log, found none");
}

int mm_countersign_heads(struct mm_countersigned *done, const struct mm_countersigning *how,
                         const struct mm_heads_to_sign *to_sign, struct mm_diags *diags)
{
    const char *shown = diags->file, *path = to_sign->paths[to_sign->count - 1];
    const struct mm_signed_head *last = &to_sign->heads[to_sign->count - 1];
    struct mm_consistency *proof = calloc(1, sizeof *proof);
    *done = (struct mm_countersigned){0};
    int result = proof ? check_heads(how, to_sign, diags) : mm_diag_memory(diags);
    diags->file = shown;
    if (result == 0)
        result = find_root(done, how, to_sign, proof, diags);
    diags->file = path;
    if (result == 0)
        result = mm_signed_head_judge(last, &how->trust, done->publisher_key_id, diags);
    if (result == 0 && strcmp(how->now, last->head.expires) >= 0)
        result = mm_diag(diags, MM_RULE_CATALOG_EXPIRED,
                         "expected a head that is good still, found one that expired at %s", last->head.expires);
    if (result == 0)
        result = countersign(done, how, last, to_sign->folder, path, diags);
    free(proof);
    diags->file = shown;
    return result;
}
