/* Checking a whole chain: the log's lines, the receipts that they name, and the files that they do not. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "act/chain_parts.h"
#include "act/chain_sign.h"
#include "act/home.h"
#include "base/beneath.h"
#include "base/file.h"

struct check {
    struct mm_chain chain;
    struct mm_name_set names;         /* what the log names */
    const unsigned char *expected;    /* the head that has to be in the chain, or NULL */
    const struct mm_chain_keys *keys; /* of the signatures; NULL: they are counted alone */
    struct mm_chain_facts facts;
    bool broken;             /* the line before has no hash that the next receipt could name */
    struct mm_digest last;   /* the last receipt of the log, in whatever chain */
    struct mm_digest before; /* what the last receipt names as the one before it */
};

static const char *digest_text(const struct mm_digest *digest, char hex[static MM_HASH_HEX + 1])
{
    if (!digest->known)
        return "none";
    mm_hex(hex, digest->bytes, MM_HASH_BYTES);
    return hex;
}

/* ---- lines ---- */

static int check_new_chain(struct check *c, const struct mm_log_line *line, struct mm_diags *diags)
{
    char wanted[MM_HASH_HEX + 1], found[MM_HASH_HEX + 1];
    if (!c->broken && !mm_chain_same(&line->hash, &c->last))
        mm_diag_line(diags, MM_RULE_RECEIPT_ORDER, line->number, 1, "expected the old head %s, found %s",
                     digest_text(&c->last, wanted), digest_text(&line->hash, found));
    mm_note(c->chain.diags, MM_RULE_RECEIPT_ORDER, "line %" PRIu64 ": the chain was restarted behind %s: %s",
            line->number, digest_text(&line->hash, found), line->reason);
    c->facts = (struct mm_chain_facts){0};
    c->broken = false;
    c->before = (struct mm_digest){0};
    return 0;
}

/* The receipt's place: it names the one of the line before. */
static void check_previous(struct check *c, const struct mm_log_line *line, const struct mm_receipt *receipt,
                           struct mm_diags *diags)
{
    char path[MM_RECEIPT_PATH], wanted[MM_HASH_HEX + 1], found[MM_HASH_HEX + 1];
    const char *shown = diags->file;
    if (c->broken || mm_chain_same(&receipt->previous, &c->facts.head))
        return;
    bool forked = c->facts.head.known && mm_chain_same(&receipt->previous, &c->before);
    snprintf(path, sizeof path, MM_CHAIN_FOLDER "/%s", line->name);
    diags->file = path;
    mm_diag(diags, MM_RULE_RECEIPT_ORDER,
            "expected previous-receipt %s, as line %" PRIu64 " of the log has it, found %s%s",
            digest_text(&c->facts.head, wanted), line->number, digest_text(&receipt->previous, found),
            forked ? ": the chain is forked, the receipt before names the same" : "");
    diags->file = shown;
}

/* Reads the file PATH into TEXT. Returns 0; 1 where there is none; -1 with a finding. */
static int read_signature(struct check *c, const char *path, struct mm_buf *text, struct mm_diags *diags)
{
    int fd = mm_beneath_file(c->chain.home, path);
    if (fd < 0 && errno == ENOENT)
        return 1;
    if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
        return mm_diag(diags, MM_RULE_RECEIPT_SIGNATURE, "expected a signature, found no regular file");
    if (fd < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
    int result = c->keys ? mm_file_read_all(fd, MM_SIGNATURE_MAX, text, diags) : 0;
    close(fd);
    return result < 0 ? -1 : 0; /* what is too long is found so where it is parsed */
}

/* The signature of RECEIPT, the file PATH, whose text the chain holds. */
static void check_signature(struct check *c, const char *path, const unsigned char *hash,
                            const struct mm_receipt *receipt, struct mm_diags *diags)
{
    char name[MM_RECEIPT_PATH + sizeof MM_SIGNATURE_SUFFIX];
    struct mm_buf text = {0}, comment = {0};
    const char *shown = diags->file;
    snprintf(name, sizeof name, "%s" MM_SIGNATURE_SUFFIX, path);
    diags->file = name;
    int result = read_signature(c, name, &text, diags);
    c->facts.signatures += result != 1;
    if (result == 0 && c->keys) {
        mm_receipt_trusted_comment(receipt, hash, &comment);
        result = mm_buf_text(&comment) ? mm_chain_signature_check(&text, &c->chain.text, comment.data, c->keys,
                                                                  MM_RULE_RECEIPT_SIGNATURE, diags)
                                       : mm_diag_memory(diags);
        c->facts.verified += result == 0;
    } else if (result == 1 && c->keys && c->keys->required) {
        mm_diag(diags, MM_RULE_RECEIPT_SIGNATURE, "expected a signature of the receipt, found none");
    }
    diags->file = shown;
    mm_buf_release(&text);
    mm_buf_release(&comment);
}

static int check_receipt(struct check *c, const struct mm_log_line *line, struct mm_diags *diags)
{
    char path[MM_RECEIPT_PATH];
    struct mm_receipt receipt;
    unsigned char hash[MM_HASH_BYTES];
    enum mm_name_added added = mm_name_set_add_text(&c->names, c->chain.sha, line->name, strlen(line->name));
    if (added == MM_NAME_MEMORY)
        return mm_diag_memory(c->chain.diags);
    if (added == MM_NAME_KNOWN)
        mm_diag_line(diags, MM_RULE_RECEIPT_SURPLUS, line->number, 1,
                     "expected each receipt once, found %s, which a line before has too", line->name);
    struct mm_digest before = {0};
    if (mm_chain_load(&c->chain, line->name, line->hash.bytes, hash, &receipt, diags) == 0) {
        check_previous(c, line, &receipt, diags);
        snprintf(path, sizeof path, MM_CHAIN_FOLDER "/%s", line->name);
        check_signature(c, path, hash, &receipt, diags);
        before = receipt.previous;
    }
    c->before = before;
    mm_receipt_release(&receipt);
    return 0;
}

static int check_line(void *context, const struct mm_log_line *line, struct mm_diags *diags)
{
    struct check *c = context;
    int result = 0;
    if (line->kind == MM_LOG_NEW_CHAIN && line->sound)
        return check_new_chain(c, line, diags);
    if (line->sound)
        result = check_receipt(c, line, diags);
    c->broken = !line->hash.known || line->kind == MM_LOG_NEW_CHAIN;
    if (c->broken)
        return result;
    c->facts.head = c->last = line->hash;
    c->facts.receipts++;
    if (c->expected && !c->facts.expected && memcmp(c->expected, line->hash.bytes, MM_HASH_BYTES) == 0)
        c->facts.expected = c->facts.receipts;
    return result;
}

/* ---- files that no line names ---- */

static int check_unnamed(void *context, const char *name, bool unfinished)
{
    struct check *c = context;
    enum mm_chain_signs signs = unfinished ? MM_CHAIN_SIGNS_NOTHING : mm_chain_signs(&c->chain, &c->names, name);
    if (signs == MM_CHAIN_SIGNS_RECEIPT)
        return 0;
    struct mm_diags *diags = c->chain.diags, ignored;
    struct mm_receipt receipt = {0};
    struct mm_buf path = {0};
    unsigned char hash[MM_HASH_BYTES];
    char found[MM_HASH_HEX + 1];
    const char *shown = diags->file;
    mm_buf_printf(&path, MM_CHAIN_FOLDER "/%s", name);
    if (!mm_buf_text(&path))
        return mm_diag_memory(diags);
    diags->file = mm_buf_text(&path);
    mm_diags_init(&ignored);
    bool whole = !unfinished && mm_receipt_name_valid(name, strlen(name)) &&
                 mm_chain_load(&c->chain, name, NULL, hash, &receipt, &ignored) == 0;
    if (unfinished)
        mm_note(diags, MM_RULE_RECEIPT_SURPLUS, "an interrupted write left this; it can be deleted");
    else if (signs == MM_CHAIN_SIGNS_ABSENT)
        mm_diag(
            diags, MM_RULE_RECEIPT_SURPLUS,
            "expected the receipt that this signs, found none: an append was interrupted, and the next one takes it "
            "away, or somebody took the receipt");
    else if (!whole)
        mm_diag(diags, MM_RULE_RECEIPT_SURPLUS, "expected receipts that the log names, found a file that it does not");
    else if (!c->broken && mm_chain_same(&receipt.previous, &c->facts.head))
        mm_diag(diags, MM_RULE_RECEIPT_SURPLUS,
                "expected a line of the log that names this receipt, found none; it follows the head, so an append was "
                "interrupted, and the next one adds the line");
    else
        mm_diag(diags, MM_RULE_RECEIPT_SURPLUS,
                "expected a line of the log that names this receipt, found none; it names %s as the one before it: the "
                "chain is forked, or the log was cut",
                digest_text(&receipt.previous, found));
    diags->file = shown;
    mm_receipt_release(&receipt);
    mm_diags_release(&ignored);
    mm_buf_release(&path);
    return 0;
}

/* ---- the whole ---- */

static void check_end(struct check *c)
{
    struct mm_diags *diags = c->chain.diags;
    const char *shown = diags->file;
    char wanted[MM_HASH_HEX + 1], found[MM_HASH_HEX + 1];
    diags->file = MM_CHAIN_LOG;
    if (c->chain.torn)
        mm_diag(diags, MM_RULE_TEXT_LAST_LINE, "expected LF at the end of the last line, found the end of the file%s",
                c->chain.mendable ? "; an append was interrupted, and the next one mends that" : "");
    if (c->expected && !c->facts.expected) {
        mm_hex(wanted, c->expected, MM_HASH_BYTES);
        mm_diag(diags, MM_RULE_RECEIPT_HEAD,
                "expected %s in the chain, found a chain of %" PRIu64 " receipts without it, whose head is %s", wanted,
                c->facts.receipts, digest_text(&c->facts.head, found));
    }
    diags->file = shown;
}

int mm_chain_check(int home, const unsigned char *expected, const struct mm_chain_keys *keys,
                   struct mm_chain_facts *facts, struct mm_diags *diags)
{
    struct check c = {.expected = expected, .keys = keys};
    uint64_t errors = diags->errors;
    int result = mm_chain_open(&c.chain, home, false, diags);
    if (result == 0)
        result = mm_chain_walk(&c.chain, check_line, &c);
    if (result == 0)
        result = mm_chain_each_unnamed(&c.chain, &c.names, check_unnamed, &c);
    if (result == 0)
        check_end(&c);
    *facts = c.facts;
    mm_name_set_release(&c.names);
    mm_chain_close(&c.chain);
    return result == 0 && diags->errors == errors ? 0 : -1;
}
