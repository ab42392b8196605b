/* Anchors and the signatures beside receipts: what is written is read, and every change of a bit is found. */
#include "unit.h"

#include <errno.h>

#include "act/chain_sign.h"
#include "act/home.h"

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define BEGIN "minimodel-anchor 0\ncreated: 2026-11-21T12:00:00Z\n"
#define GOOD BEGIN "receipts: 3\nhead: " HASH "\n"

/* ---- the document ---- */

static void check(const char *text, const char *expected)
{
    struct mm_anchor anchor;
    struct mm_diags diags;
    struct mm_buf again = {0};
    mm_diags_init(&diags);
    int result = mm_anchor_read(&anchor, text, strlen(text), &diags);
    check_findings(text, &diags, expected);
    check_number(text, (uint64_t)(result + 1), !*expected);
    if (result == 0) {
        mm_anchor_write(&anchor, &again);
        check_text("written again", mm_buf_text(&again), text);
    }
    mm_buf_release(&again);
    mm_diags_release(&diags);
}

static void anchors_are_read_and_written_again(void **state)
{
    (void)state;
    check(GOOD, "");
    check(BEGIN "host-label: my desk\nreceipts: 9223372036854775807\nhead: " HASH "\n", "");
}

static void what_is_wrong_in_an_anchor_is_found_where_it_stands(void **state)
{
    char label[1100];
    (void)state;
    check("", "text-first-line@1:1");
    check("minimodel-anchor 1\n", "text-version-unsupported@1:18");
    check("minimodel-receipt 0\n", "text-first-line@1:1");
    check("minimodel-anchor 0\n", "text-field-order@2:1");
    check("minimodel-anchor 0\ncreated: 2026-02-30T12:00:00Z\n", "receipt-anchor@2:10");
    check(BEGIN "head: " HASH "\n", "text-field-order@3:1");
    check(BEGIN "receipts: 0\nhead: " HASH "\n", "receipt-anchor@3:11");
    check(BEGIN "receipts: 01\nhead: " HASH "\n", "receipt-anchor@3:11");
    check(BEGIN "receipts: 9223372036854775808\nhead: " HASH "\n", "receipt-anchor@3:11");
    check(BEGIN "receipts: 3\nhead: none\n", "receipt-anchor@4:7");
    check(BEGIN "receipts: 3\n", "text-field-order@4:1");
    check(BEGIN "receipts: 3\nhost-label: x\nhead: " HASH "\n", "text-field-order@4:1");
    check(GOOD "x: y\n", "text-field-order@5:1");
    check(BEGIN "host-label: a\nhost-label: b\nreceipts: 3\nhead: " HASH "\n", "text-field-order@4:1");
    memset(label, 'a', sizeof label);
    memcpy(label, BEGIN "host-label: ", strlen(BEGIN "host-label: "));
    label[sizeof label - 1] = '\0';
    struct mm_buf text = {0};
    mm_buf_printf(&text, "%s%s\nreceipts: 3\nhead: " HASH "\n", label, label + 100);
    check(mm_buf_text(&text), "text-value-length@3:13");
    mm_buf_release(&text);
}

/* ---- signatures ---- */

struct store {
    char *folder;
    int home;
    struct mm_diags diags;
    struct mm_secret_key *key, *other;
    char path[MM_RECEIPT_PATH];
    unsigned char head[MM_HASH_BYTES];
};

static void open_store(struct store *s)
{
    *s = (struct store){.folder = make_folder()};
    mm_diags_init(&s->diags);
    s->home = mm_home_open(s->folder, true, &s->diags);
    s->key = mm_secret_key_new(&s->diags);
    s->other = mm_secret_key_new(&s->diags);
    assert_true(s->home >= 0 && s->key && s->other);
}

static void close_store(struct store *s)
{
    close(s->home);
    mm_secret_key_free(s->key);
    mm_secret_key_free(s->other);
    mm_diags_release(&s->diags);
    remove_folder(s->folder);
}

static int append_with(struct store *s, const struct mm_secret_key *key)
{
    static const char report[] = "minimodel-report 0\ntool: slm-verify 0.1.0\nmanifest-sha256: " HASH
                                 "\nmodel-id: local/tiny\nversion: 1\nrevision: 1\n"
                                 "signature: unsigned\ncheck: manifest pass\ncheck: signature pass\ncheck: expiry "
                                 "pass\ncheck: policy skip none\ncheck: set skip none\n"
                                 "artifact: a\nartifact-bytes: 5\nartifact-sha256: " HASH
                                 "\ncheck: bytes pass\ncheck: sha256 pass\ncheck: merkle pass\n"
                                 "check: chunk-list skip none\ncheck: format pass\ncheck: tensor-layout skip "
                                 "none\ncheck: tokenizer skip none\ncheck: chat-template skip none\n"
                                 "check: facts skip none\nverdict: pass\n";
    struct mm_receipt receipt;
    assert_int_equal(mm_receipt_read_report(&receipt, report, strlen(report), &s->diags), 0);
    int result = mm_chain_append(s->home, &receipt, key, s->path, s->head, &s->diags);
    mm_receipt_release(&receipt);
    return result;
}

static void append(struct store *s, const struct mm_secret_key *key)
{
    assert_int_equal(append_with(s, key), 0);
    check_findings("appending", &s->diags, "");
}

/* Checks the chain by the key that signs, and by the other one too if BOTH. */
static void check_chain(struct store *s, bool both, bool required, uint64_t verified, const char *expected)
{
    struct mm_public_key items[2] = {*mm_secret_key_public(s->key), *mm_secret_key_public(s->other)};
    struct mm_chain_keys keys = {.items = items, .count = both ? 2 : 1, .required = required};
    struct mm_chain_facts facts;
    int result = mm_chain_check(s->home, NULL, &keys, &facts, &s->diags);
    check_findings("checking", &s->diags, expected);
    bool faulty = strstr(expected, " receipt-") || strncmp(expected, "receipt-", 8) == 0;
    check_number("result", (uint64_t)(result + 1), !faulty);
    check_number("verified", facts.verified, verified);
    mm_diags_clear(&s->diags);
}

static void load(const char *path, struct mm_buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char block[4096];
    ssize_t got;
    assert_true(fd >= 0);
    mm_buf_clear(out);
    while ((got = read(fd, block, sizeof block)) > 0)
        mm_buf_add(out, block, (size_t)got);
    close(fd);
}

static const char *signature_path(struct store *s)
{
    char name[MM_RECEIPT_PATH + 16];
    snprintf(name, sizeof name, "%s" MM_SIGNATURE_SUFFIX, s->path);
    return in_folder(s->folder, name);
}

static void receipts_are_signed_beside_them(void **state)
{
    struct store s;
    struct stat info;
    (void)state;
    open_store(&s);
    append(&s, s.key);
    assert_int_equal(stat(signature_path(&s), &info), 0);
    check_number("mode", info.st_mode & 07777, 0444);
    check_chain(&s, false, true, 1, "");
    append(&s, NULL);
    check_chain(&s, false, false, 1, "");
    check_chain(&s, false, true, 1, "receipt-signature");
    append(&s, s.other);
    check_chain(&s, false, false, 1, "receipt-signature");
    check_chain(&s, true, false, 2, "");
    assert_int_equal(mm_chain_check(s.home, NULL, NULL, &(struct mm_chain_facts){0}, &s.diags), 0);
    check_findings("without keys", &s.diags, "");
    close_store(&s);
}

static void a_signature_needs_its_receipt(void **state)
{
    struct store s;
    char lone[MM_RECEIPT_PATH];
    struct mm_buf text = {0};
    (void)state;
    open_store(&s);
    append(&s, s.key);
    load(signature_path(&s), &text);
    snprintf(lone, sizeof lone, "%s",
             "receipts/local/tiny/20260101T000000Z-0011223344556677.receipt" MM_SIGNATURE_SUFFIX);
    write_file(in_folder(s.folder, lone), text.data, text.length);
    check_chain(&s, false, true, 1, "receipt-surplus");
    assert_int_equal(append_with(&s, s.key), 0);
    check_findings("the next append", &s.diags, "note:receipt-surplus");
    mm_diags_clear(&s.diags);
    assert_int_equal(access(in_folder(s.folder, lone), F_OK), -1);
    check_chain(&s, false, true, 2, "");
    assert_int_equal(unlink(signature_path(&s)), 0);
    assert_int_equal(symlink("/dev/null", signature_path(&s)), 0);
    check_chain(&s, false, false, 1, "receipt-signature");
    assert_int_equal(unlink(signature_path(&s)), 0);
    assert_int_equal(mkdir(signature_path(&s), 0700), 0);
    check_chain(&s, false, false, 1, "receipt-signature");
    mm_buf_release(&text);
    close_store(&s);
}

static void a_restart_makes_notes_of_what_was_before(void **state)
{
    struct store s;
    (void)state;
    open_store(&s);
    append(&s, s.other);
    append(&s, s.other);
    assert_int_equal(mm_chain_restart(s.home, "lost", &s.diags), 0);
    sleep(1); /* or else the next receipt is the first one once more */
    append(&s, s.key);
    check_chain(&s, false, true, 1, "note:receipt-signature note:receipt-signature note:receipt-order");
    close_store(&s);
}

/* A flipped bit anywhere but in the untrusted comment. */
static void every_bit_of_a_signature_counts(void **state)
{
    struct store s;
    struct mm_buf text = {0}, receipt = {0}, comment = {0};
    struct mm_receipt read;
    (void)state;
    open_store(&s);
    append(&s, s.key);
    struct mm_chain_keys keys = {.items = mm_secret_key_public(s.key), .count = 1};
    load(signature_path(&s), &text);
    load(in_folder(s.folder, s.path), &receipt);
    assert_int_equal(mm_receipt_read(&read, receipt.data, receipt.length, &s.diags), 0);
    mm_receipt_trusted_comment(&read, s.head, &comment);
    assert_int_equal(
        mm_chain_signature_check(&text, &receipt, mm_buf_text(&comment), &keys, MM_RULE_RECEIPT_SIGNATURE, &s.diags),
        0);
    size_t begin = (size_t)(strchr(text.data, '\n') + 1 - text.data);
    for (size_t bit = 8 * begin; bit < 8 * (text.length - 1); bit++) {
        text.data[bit / 8] ^= (char)(1 << bit % 8);
        check_number("a changed signature",
                     (uint64_t)(mm_chain_signature_check(&text, &receipt, comment.data, &keys,
                                                         MM_RULE_RECEIPT_SIGNATURE, &s.diags) +
                                1),
                     0);
        check_number("its findings", s.diags.count, 1);
        check_text("its finding", mm_rule_info(s.diags.items[0].rule)->name, "receipt-signature");
        text.data[bit / 8] ^= (char)(1 << bit % 8);
        mm_diags_clear(&s.diags);
    }
    mm_receipt_release(&read);
    mm_buf_release(&text);
    mm_buf_release(&receipt);
    mm_buf_release(&comment);
    close_store(&s);
}

static void an_anchor_tells_the_head(void **state)
{
    struct store s;
    struct mm_anchor anchor;
    struct mm_buf document = {0}, signature = {0};
    (void)state;
    open_store(&s);
    struct mm_chain_keys keys = {.items = mm_secret_key_public(s.key), .count = 1};
    assert_int_equal(mm_anchor_make(&anchor, s.home, NULL, s.key, &document, &signature, &s.diags), -1);
    check_findings("nothing to anchor", &s.diags, "receipt-none");
    mm_diags_clear(&s.diags);
    append(&s, NULL);
    append(&s, NULL);
    assert_int_equal(mm_anchor_make(&anchor, s.home, "desk", s.key, &document, &signature, &s.diags), 0);
    assert_int_equal(mm_anchor_verify(&anchor, &document, &signature, &keys, &s.diags), 0);
    assert_memory_equal(anchor.head, s.head, MM_HASH_BYTES);
    check_number("receipts", anchor.receipts, 2);
    check_text("label", anchor.host_label, "desk");
    append(&s, NULL);
    struct mm_chain_facts facts;
    assert_int_equal(mm_chain_check(s.home, anchor.head, NULL, &facts, &s.diags), 0);
    check_number("the head's place", facts.expected, 2);
    assert_int_equal(mm_anchor_compare(&anchor, &facts, &s.diags), 0);
    anchor.receipts = 3;
    assert_int_equal(mm_anchor_compare(&anchor, &facts, &s.diags), -1);
    check_findings("another place", &s.diags, "receipt-anchor");
    mm_diags_clear(&s.diags);
    for (size_t bit = 0; bit < 8 * document.length; bit++) {
        document.data[bit / 8] ^= (char)(1 << bit % 8);
        check_number("a changed anchor",
                     (uint64_t)(mm_anchor_verify(&anchor, &document, &signature, &keys, &s.diags) + 1), 0);
        document.data[bit / 8] ^= (char)(1 << bit % 8);
        mm_diags_clear(&s.diags);
    }
    keys.items = mm_secret_key_public(s.other);
    assert_int_equal(mm_anchor_verify(&anchor, &document, &signature, &keys, &s.diags), -1);
    check_findings("another key", &s.diags, "receipt-anchor");
    mm_buf_release(&document);
    mm_buf_release(&signature);
    close_store(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anchors_are_read_and_written_again),
        cmocka_unit_test(what_is_wrong_in_an_anchor_is_found_where_it_stands),
        cmocka_unit_test(receipts_are_signed_beside_them),
        cmocka_unit_test(a_signature_needs_its_receipt),
        cmocka_unit_test(a_restart_makes_notes_of_what_was_before),
        cmocka_unit_test(every_bit_of_a_signature_counts),
        cmocka_unit_test(an_anchor_tells_the_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
