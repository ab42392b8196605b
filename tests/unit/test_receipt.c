/* Reports and receipts: strict reading, the verdict that follows, fingerprints, and the same bytes back. */
#include "unit.h"

#include "doc/receipt.h"
#include "doc/receipt_log.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char report[] = "minimodel-report 0\n"
                             "tool: slm-verify 0.1.0\n"
                             "manifest-sha256: " HEX64 "\n"
                             "model-id: local/tiny\n"
                             "version: 1.0\n"
                             "revision: 7\n"
                             "signature: verified 00112233AABBCCDD\n"
                             "check: manifest pass\n"
                             "check: signature pass\n"
                             "check: expiry pass\n"
                             "check: policy skip none\n"
                             "check: set skip none; 1 surplus, first: 'x'\n"
                             "artifact: a.gguf\n"
                             "artifact-bytes: 12\n"
                             "artifact-sha256: " HEX64 "\n"
                             "check: bytes pass\n"
                             "check: sha256 pass\n"
                             "check: merkle pass\n"
                             "check: chunk-list skip none: the manifest names none\n"
                             "check: format pass\n"
                             "check: tensor-layout pass\n"
                             "check: tokenizer skip none\n"
                             "check: chat-template skip none\n"
                             "check: facts pass\n"
                             "artifact: b.txt\n"
                             "artifact-bytes: 0\n"
                             "artifact-sha256: " HEX64 "\n"
                             "check: bytes pass\n"
                             "check: sha256 skip quick\n"
                             "check: merkle pass\n"
                             "check: chunk-list skip none\n"
                             "check: format pass\n"
                             "check: tensor-layout skip none\n"
                             "check: tokenizer skip none\n"
                             "check: chat-template skip none\n"
                             "check: facts skip none\n"
                             "verdict: pass\n";

static const char head[] = "minimodel-receipt 0\n"
                           "created: 2024-02-29T12:00:00Z\n"
                           "action: imported\n"
                           "host-label: the desk\n"
                           "medium: usb a stick\n"
                           "transfer-consent: yes\n"
                           "execution-consent: no\n"
                           "previous-receipt: none\n";

/* The report as a receipt: HEAD, its lines, a fingerprint behind each artifact. */
static void make_receipt(struct mm_buf *out)
{
    const char *at = strchr(report, '\n') + 1, *second = strstr(report, "artifact: b.txt"), *verdict = strstr(report, "verdict:");
    mm_buf_str(out, head);
    mm_buf_add(out, at, (size_t)(second - at));
    mm_buf_str(out, "fingerprint: 1 2 12 1700000000000000001 1700000000000000002 " HEX64 "\n");
    mm_buf_add(out, second, (size_t)(verdict - second));
    mm_buf_str(out, "fingerprint: none\nverdict: pass\n");
}

/* TEXT with the first FROM replaced by TO. */
static void replace(struct mm_buf *out, const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    mm_buf_add(out, text, (size_t)(at - text));
    mm_buf_str(out, to);
    mm_buf_str(out, at + strlen(from));
}

static void a_report_is_read(void **state)
{
    struct mm_receipt receipt;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_receipt_read_report(&receipt, BYTES(report), &diags), 0);
    check_findings("report", &diags, "");
    assert_string_equal(receipt.model_id, "local/tiny");
    assert_string_equal(receipt.version, "1.0");
    assert_int_equal(receipt.revision, 7);
    assert_string_equal(receipt.signature, "verified");
    assert_string_equal(receipt.key_id, "00112233AABBCCDD");
    assert_int_equal(receipt.manifest_sha256[1], 0x11);
    assert_int_equal(receipt.verdict, MM_VERDICT_PASS);
    assert_int_equal(receipt.artifact_count, 2);
    assert_string_equal(receipt.artifacts[0].path, "a.gguf");
    assert_int_equal(receipt.artifacts[0].bytes, 12);
    assert_int_equal(receipt.artifacts[0].sha256[31], 0xff);
    assert_false(receipt.artifacts[0].fingerprint.known);
    assert_int_equal(receipt.artifacts[0].begin, receipt.head_end);
    assert_int_equal(receipt.artifacts[0].end, receipt.artifacts[1].begin);
    assert_int_equal(receipt.artifacts[1].end, receipt.lines.length);
    assert_int_equal(strlen("minimodel-report 0\n") + receipt.lines.length + strlen("verdict: pass\n"), strlen(report));
    assert_memory_equal(receipt.lines.data, strchr(report, '\n') + 1, receipt.lines.length);
    mm_receipt_release(&receipt);
    mm_diags_release(&diags);
}

/* Each case changes the report in one place. */
static void reports_are_strict(void **state)
{
    static const struct { const char *from, *to, *found; } cases[] = {
        {"minimodel-report 0", "minimodel-report 1", "text-version-unsupported@1:18"},
        {"minimodel-report 0", "minimodel-receipt 0", "text-first-line@1:1"},
        {"tool: slm-verify 0.1.0", "tool: slm-verify", "receipt-report@2:7"},
        {"tool: slm-verify 0.1.0", "tool: slm verify 0.1.0", "receipt-report@2:7"},
        {"tool: slm-verify 0.1.0\n", "", "text-field-order@2:1"},
        {"manifest-sha256: 0", "manifest-sha256: A", "receipt-report@3:18"},
        {"local/tiny", "local", "receipt-report@4:16"},
        {"local/tiny", "../tiny", "receipt-report@4:11"},
        {"revision: 7", "revision: 0", "receipt-report@6:11"},
        {"revision: 7", "revision: 07", "receipt-report@6:11"},
        {"verified 00112233AABBCCDD", "verified 00112233aabbccdd", "receipt-report@7:20"},
        {"verified 00112233AABBCCDD", "verified 00112233AABBCCD", "receipt-report@7:20"},
        {"verified 00112233AABBCCDD", "verified", "receipt-report@7:20"},
        {"verified 00112233AABBCCDD", "Verified", "receipt-report@7:12"},
        {"verified 00112233AABBCCDD", "skip 00112233AABBCCDD", "receipt-report@7:12"},
        {"verified 00112233AABBCCDD", "unsigned 00112233AABBCCDD", "receipt-report@7:20"},
        {"verified 00112233AABBCCDD", "unknown-key 00112233AABBCCDD", "receipt-report@9:18"},
        {"verified 00112233AABBCCDD", "missing-signature 00112233AABBCCDD", "receipt-report@9:18"},
        {"verified 00112233AABBCCDD", "revoked-key 00112233AABBCCDD", "receipt-report@9:18"},
        {"check: manifest pass\n", "", "receipt-report@8:8"},
        {"check: manifest pass", "check: manifest", "receipt-report@8:16"},
        {"check: manifest pass", "check: manifest good", "receipt-report@8:16"},
        {"check: manifest pass", "check: manifest pass  twice", "receipt-report@8:22"},
        {"check: manifest pass", "check:  manifest pass", "text-value-space@8:8"},
        {"check: policy skip none", "check: policy skip", "receipt-report@11:19"},
        {"check: policy skip none", "check: policy skip nonesuch", "receipt-report@11:20"},
        {"check: policy skip none", "check: policy skip because", "receipt-report@11:20"},
        {"check: policy skip none\n", "", "receipt-report@11:8"},
        {"check: set skip none; 1 surplus, first: 'x'\n", "check: set skip none\ncheck: set skip none\n", "text-field-order@13:1"},
        {"check: facts pass\n", "", "text-field-order@24:1"},
        {"check: facts pass\n", "check: facts pass\nfingerprint: none\n", "text-field-order@25:1"},
        {"artifact: a.gguf", "artifact: /a.gguf", "receipt-report@13:11"},
        {"artifact: a.gguf", "artifact: b.txt", "receipt-report@25:11"},
        {"artifact: a.gguf", "artifact: c", "receipt-report@25:11"},
        {"artifact-bytes: 12", "artifact-bytes: 012", "receipt-report@14:17"},
        {"artifact-bytes: 12", "artifact-bytes: 9223372036854775808", "receipt-report@14:17"},
        {"verdict: pass\n", "", "text-field-order@37:1"},
        {"verdict: pass\n", "verdict: pass\nverdict: pass\n", "text-field-order@38:1"},
        {"verdict: pass\n", "verdict: pass", "text-last-line@37:14"},
        {"verdict: pass\n", "verdict: pass\r\n", "text-line-end@37:14"},
        {"verdict: pass\n", "x-note: pass\n", "text-field-order@37:1"},
        {"verdict: pass", "verdict: partial", "receipt-verdict@37:10"},
        {"verdict: pass", "verdict: fail", "receipt-verdict@37:10"},
        {"verdict: pass", "verdict: perhaps", "receipt-verdict@37:10"},
        {"a.gguf\n", "a.gguf\n\n", "text-blank-line@14:1 text-field-order@14:1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_buf text = {0};
        struct mm_receipt receipt;
        struct mm_diags diags;
        mm_diags_init(&diags);
        replace(&text, report, cases[i].from, cases[i].to);
        int result = mm_receipt_read_report(&receipt, text.data, text.length, &diags);
        if (strncmp(cases[i].found, "text-blank", 10) == 0)
            assert_true(diags.no);
        else
            check_findings(cases[i].to, &diags, cases[i].found);
        check_number(cases[i].to, (uint64_t)(result + 1), 0);
        mm_receipt_release(&receipt);
        mm_diags_release(&diags);
        mm_buf_release(&text);
    }
}

/* What is read of a changed check, when the report states the verdict that follows. */
static void the_verdict_follows_from_the_checks(void **state)
{
    static const struct { const char *from, *to; enum mm_verdict verdict; } cases[] = {
        {"check: manifest pass", "check: manifest fail", MM_VERDICT_FAIL}, {"check: manifest pass", "check: manifest skip none", MM_VERDICT_PARTIAL},
        {"check: signature pass", "check: signature skip unsupported", MM_VERDICT_PARTIAL}, {"check: expiry pass", "check: expiry skip none", MM_VERDICT_PARTIAL},
        {"check: policy skip none", "check: policy pass a\ncheck: policy fail b", MM_VERDICT_FAIL}, {"check: policy skip none", "check: policy pass a\ncheck: policy pass b", MM_VERDICT_PASS},
        {"check: policy skip none", "check: policy pass a\ncheck: policy skip none: b cannot be decided", MM_VERDICT_PARTIAL},
        {"check: policy skip none", "check: policy skip none: b cannot be decided\ncheck: policy fail a", MM_VERDICT_FAIL},
        {"check: policy skip none", "check: policy skip only", MM_VERDICT_PARTIAL},
        {"check: set skip none;", "check: set pass", MM_VERDICT_PASS}, {"check: set skip none;", "check: set fail", MM_VERDICT_FAIL},
        {"check: bytes pass", "check: bytes skip only", MM_VERDICT_PARTIAL}, {"check: sha256 pass", "check: sha256 skip quick", MM_VERDICT_PASS},
        {"check: sha256 pass", "check: sha256 skip only", MM_VERDICT_PARTIAL}, {"check: merkle pass", "check: merkle skip quick", MM_VERDICT_PARTIAL},
        {"check: format pass", "check: format skip unsupported: x", MM_VERDICT_PARTIAL}, {"check: facts skip none", "check: facts fail", MM_VERDICT_FAIL},
        {"check: facts pass", "check: facts skip unsupported", MM_VERDICT_PASS}, {"check: tokenizer skip none", "check: tokenizer fail", MM_VERDICT_FAIL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_buf changed = {0}, text = {0};
        struct mm_receipt receipt;
        struct mm_diags diags;
        char verdict[32];
        mm_diags_init(&diags);
        replace(&changed, report, cases[i].from, cases[i].to);
        snprintf(verdict, sizeof verdict, "verdict: %s", mm_verdict_names[cases[i].verdict]);
        replace(&text, changed.data, "verdict: pass", verdict);
        check_number(cases[i].to, (uint64_t)mm_receipt_read_report(&receipt, text.data, text.length, &diags), 0);
        check_number(cases[i].to, receipt.verdict, cases[i].verdict);
        mm_receipt_release(&receipt);
        mm_diags_release(&diags);
        mm_buf_release(&text);
        mm_buf_release(&changed);
    }
}

static void a_receipt_is_written_as_it_was_read(void **state)
{
    struct mm_buf text = {0}, again = {0};
    struct mm_receipt receipt;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    make_receipt(&text);
    assert_int_equal(mm_receipt_read(&receipt, text.data, text.length, &diags), 0);
    check_findings("receipt", &diags, "");
    assert_string_equal(receipt.created, "2024-02-29T12:00:00Z");
    assert_int_equal(receipt.action, MM_ACTION_IMPORTED);
    assert_string_equal(receipt.host_label, "the desk");
    assert_int_equal(receipt.medium, MM_MEDIUM_USB);
    assert_string_equal(receipt.detail, "a stick");
    assert_true(receipt.transfer_consent);
    assert_false(receipt.execution_consent);
    assert_false(receipt.previous.known);
    const struct mm_fingerprint *fingerprint = &receipt.artifacts[0].fingerprint;
    assert_true(fingerprint->known && fingerprint->verity.known);
    assert_int_equal(fingerprint->device, 1);
    assert_int_equal(fingerprint->inode, 2);
    assert_int_equal(fingerprint->ctime, 1700000000000000002);
    assert_false(receipt.artifacts[1].fingerprint.known);
    mm_receipt_write(&receipt, &again);
    assert_string_equal(mm_buf_text(&again), mm_buf_text(&text));
    mm_receipt_release(&receipt);
    mm_diags_release(&diags);
    mm_buf_release(&text);
    mm_buf_release(&again);
}

static void receipts_are_strict(void **state)
{
    static const struct { const char *from, *to, *found; } cases[] = {
        {"created: 2024-02-29", "created: 2023-02-29", "receipt-report@2:10"}, {"action: imported", "action: loaded", "receipt-report@3:9"},
        {"host-label: the desk\n", "", ""}, {"host-label: the desk\n", "host-label: a\nhost-label: b\n", "text-field-order@5:1"},
        {"host-label: the desk\n", "host-label: a\xE2\x80\x8Bz\n", "text-invisible@4:14"}, {"medium: usb a stick", "medium: usb", ""},
        {"medium: usb a stick", "medium: in-place", ""}, {"medium: usb a stick", "medium: tape", "receipt-report@5:9"}, {"medium: usb a stick", "medium: usb  a", "receipt-report@5:9"},
        {"transfer-consent: yes", "transfer-consent: no", "receipt-report@6:19"}, {"transfer-consent: yes", "transfer-consent: not-asked", ""},
        {"execution-consent: no", "execution-consent: yes", "receipt-report@7:20"}, {"action: imported", "action: consented", "receipt-report@7:20"},
        {"action: imported", "action: removed", ""}, {"previous-receipt: none", "previous-receipt: " HEX64, ""}, {"previous-receipt: none", "previous-receipt: -", "receipt-report@8:19"},
        {"previous-receipt: none\n", "", "text-field-order@8:1"}, {"fingerprint: 1 2 12 ", "fingerprint: 1 2 13 ", "receipt-report@32:14"},
        {"fingerprint: 1 2 12 ", "fingerprint: 1 2 12 3 ", "receipt-report@32:43"}, {"fingerprint: 1 2 12 ", "fingerprint: 1 -2 12 ", "receipt-report@32:16"},
        {"fingerprint: 1 2 12 ", "fingerprint: 12 ", "receipt-report@32:57"}, {"fingerprint: none\n", "", "text-field-order@45:1"}, {"fingerprint: none\n", "fingerprint: none -\n", "receipt-report@45:14"},
        {"check: facts pass\nfingerprint", "check: facts fail\nfingerprint", "receipt-verdict@46:10"},
        {"verdict: pass", "verdict: partial", "receipt-verdict@46:10"}, {"minimodel-receipt 0", "minimodel-report 0", "text-first-line@1:1"},
    };
    struct mm_buf receipt_text = {0};
    (void)state;
    make_receipt(&receipt_text);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_buf text = {0}, again = {0};
        struct mm_receipt receipt;
        struct mm_diags diags;
        mm_diags_init(&diags);
        replace(&text, receipt_text.data, cases[i].from, cases[i].to);
        int result = mm_receipt_read(&receipt, text.data, text.length, &diags);
        if (result == 0) {
            mm_receipt_write(&receipt, &again);
            check_text(cases[i].to, mm_buf_text(&again), mm_buf_text(&text));
        }
        check_findings(cases[i].to, &diags, cases[i].found);
        mm_receipt_release(&receipt);
        mm_diags_release(&diags);
        mm_buf_release(&text);
        mm_buf_release(&again);
    }
    mm_buf_release(&receipt_text);
}

static void early_ends_are_found(void **state)
{
    struct mm_buf text = {0};
    (void)state;
    make_receipt(&text);
    for (size_t length = 0; length < text.length; length++) {
        struct mm_receipt receipt;
        struct mm_diags diags;
        mm_diags_init(&diags);
        if (mm_receipt_read(&receipt, text.data, length, &diags) != -1 || mm_diags_answer(&diags) == MM_YES)
            fail_msg("cut at %zu", length);
        mm_receipt_release(&receipt);
        mm_diags_release(&diags);
    }
    mm_buf_release(&text);
}

static void fingerprints_tell_files_apart(void **state)
{
    struct mm_fingerprint a, b;
    struct mm_diags diags;
    char *folder = make_folder();
    (void)state;
    mm_diags_init(&diags);
    write_file(in_folder(folder, "a"), "abc", 3);
    int fd = open(in_folder(folder, "a"), O_RDWR);
    assert_int_equal(mm_fingerprint_take(&a, fd, &diags), 0);
    assert_int_equal(mm_fingerprint_take(&b, fd, &diags), 0);
    assert_true(a.known && a.size == 3 && mm_fingerprint_same(&a, &b));
    const struct timespec times[] = {{1, 0}, {1, 5}};
    assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(mm_fingerprint_take(&b, fd, &diags), 0);
    assert_int_equal(b.mtime, 1000000005);
    assert_false(mm_fingerprint_same(&a, &b));
    const struct timespec before[] = {{-1, 0}, {-1, 0}};
    if (futimens(fd, before) == 0) {
        assert_int_equal(mm_fingerprint_take(&b, fd, &diags), 0);
        assert_false(b.known);
        assert_false(mm_fingerprint_same(&b, &b));
    }
    b = a;
    b.verity.known = true;
    assert_false(mm_fingerprint_same(&a, &b));
    close(fd);
    check_findings("fingerprints", &diags, "");
    mm_diags_release(&diags);
    remove_folder(folder);
}

static void names_have_one_form(void **state)
{
    static const struct { const char *name; bool valid; } cases[] = {
        {"local/tiny/20240229T120000Z-0011223344556677.receipt", true}, {"a.b/c-d/99991231T235959Z-ffffffffffffffff.receipt", true}, {"local/tiny/20230229T120000Z-0011223344556677.receipt", false},
        {"local/tiny/20240229T120000Z-001122334455667.receipt", false}, {"local/tiny/20240229T120000Z-001122334455667X.receipt", false}, {"local/tiny/20240229T120000Z_0011223344556677.receipt", false},
        {"local/../20240229T120000Z-0011223344556677.receipt", false}, {"/tiny/20240229T120000Z-0011223344556677.receipt", false}, {"tiny/20240229T120000Z-0011223344556677.receipt", false},
        {"a/b/c/20240229T120000Z-0011223344556677.receipt", false}, {"20240229T120000Z-0011223344556677.receipt", false}, {"local/tiny/20240229T120000Z-0011223344556677.receipts", false}, {"", false}, {".receipt", false},
    };
    char name[MM_RECEIPT_NAME];
    unsigned char hash[MM_HASH_BYTES] = {0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_number(cases[i].name, mm_receipt_name_valid(cases[i].name, strlen(cases[i].name)), cases[i].valid);
    mm_receipt_name(name, "local/tiny", "2024-02-29T12:00:00Z", hash);
    assert_string_equal(name, cases[0].name);
}

/* The log's lines, sound ones as their kind; what is wrong as findings. */
static void check_log(const char *what, const char *text, size_t length, const char *kinds, const char *found, bool torn, bool mendable)
{
    struct mm_receipt_log log;
    struct mm_log_line line;
    struct mm_diags diags;
    char seen[64] = "";
    size_t count = 0;
    mm_diags_init(&diags);
    int fd = file_of(text, length);
    assert_int_equal(mm_receipt_log_open(&log, fd, &diags), 0);
    while (mm_receipt_log_next(&log, &line, &diags) && count < sizeof seen - 1)
        seen[count++] = !line.sound ? 'x' : line.kind == MM_LOG_RECEIPT ? 'r' : 'n';
    check_text(what, seen, kinds);
    check_number(what, log.torn, torn);
    check_number(what, torn && mm_receipt_log_mendable(&log), mendable);
    assert_int_equal(mm_receipt_log_close(&log, &diags), 0);
    check_findings(what, &diags, found);
    mm_diags_release(&diags);
    close(fd);
}

static void the_log_is_read_line_by_line(void **state)
{
#define FIRST "minimodel-receipts 0\n"
#define LINE "receipt: " HEX64 " local/tiny/20240229T120000Z-0011223344556677.receipt\n"
    static const struct { const char *what, *text, *kinds, *found; bool torn, mendable; } cases[] = {
        {"empty", "", "", "", false, false}, {"no receipt", FIRST, "", "", false, false}, {"two", FIRST LINE LINE, "rr", "", false, false},
        {"a restart", FIRST LINE "new-chain: " HEX64 " lost some\n" LINE, "rnr", "", false, false}, {"a restart of nothing", FIRST "new-chain: none because\n", "n", "", false, false},
        {"no reason", FIRST "new-chain: none\n", "x", "receipt-report@2:12", false, false}, {"no old head", FIRST "new-chain: because of\n", "x", "receipt-report@2:12", false, false},
        {"another type", "minimodel-report 0\n" LINE, "r", "text-first-line@1:1", false, false}, {"another version", "minimodel-receipts 1\n" LINE, "r", "text-version-unsupported@1:20", false, false},
        {"another key", FIRST "note: x\n", "x", "text-field-order@2:1", false, false}, {"no hash", FIRST "receipt: x\n", "x", "receipt-report@2:10", false, false},
        {"a path that leads out", FIRST "receipt: " HEX64 " ../../20240229T120000Z-0011223344556677.receipt\n", "x", "receipt-report@2:10", false, false},
        {"another name", FIRST "receipt: " HEX64 " local/tiny/20240229T120000Z-1011223344556677.receipt\n", "x", "receipt-changed@2:10", false, false},
        {"two spaces", FIRST "receipt: " HEX64 "  local/tiny/20240229T120000Z-0011223344556677.receipt\n", "x", "receipt-report@2:10", false, false},
        {"CR LF", FIRST "receipt: x\r\n", "x", "text-line-end@2:11 receipt-report@2:10", false, false},
        {"torn", FIRST LINE "receipt: 0011", "r", "", true, true}, {"torn early", FIRST "rec", "", "", true, true}, {"torn restart", FIRST "new-c", "", "", true, true}, {"torn first line", "minimodel-rec", "", "", true, true},
        {"a foreign end", FIRST "hello", "", "", true, false}, {"a foreign file", "hello", "", "", true, false},
    };
    struct mm_buf line = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_log(cases[i].what, cases[i].text, strlen(cases[i].text), cases[i].kinds, cases[i].found, cases[i].torn, cases[i].mendable);
    check_log("torn zeros", BYTES(FIRST LINE "\0\0\0\0"), "r", "", true, true);
    check_log("zeros alone", BYTES("\0\0\0\0"), "", "", true, true);
    check_log("zeros and more", BYTES(FIRST LINE "\0\0hello"), "r", "", true, false);
    mm_buf_str(&line, FIRST);
    for (int i = 0; i < 600000; i++)
        mm_buf_char(&line, 'a');
    mm_buf_str(&line, "\n" LINE);
    check_log("a long line", line.data, line.length, "xr", "text-value-length@2:1", false, false);
    mm_buf_release(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_is_read),
        cmocka_unit_test(reports_are_strict),
        cmocka_unit_test(the_verdict_follows_from_the_checks),
        cmocka_unit_test(a_receipt_is_written_as_it_was_read),
        cmocka_unit_test(receipts_are_strict),
        cmocka_unit_test(early_ends_are_found),
        cmocka_unit_test(fingerprints_tell_files_apart),
        cmocka_unit_test(names_have_one_form),
        cmocka_unit_test(the_log_is_read_line_by_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
