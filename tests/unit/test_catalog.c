/* The documents of a catalog: each is written and read back, and each fault is found where it is. */
#include "unit.h"

#include "doc/catalog_changes.h"
#include "doc/catalog_head.h"
#include "doc/catalog_proof.h"
#include "doc/catalog_read.h"
#include "doc/catalog_witness.h"

#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct mm_diags diags;

static int set_up(void **state)
{
    (void)state;
    mm_diags_init(&diags);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mm_diags_release(&diags);
    return 0;
}

/* ---- entries ---- */

/* The members of a good line, one a piece, so that a test can change one of them. */
static const char *const pieces[] = {
    "{\"architecture\":\"llama\"",
    ",\"artifact_bytes\":300",
    ",\"artifacts\":[{\"bytes\":100,\"format\":\"text\",\"merkle_root\":\"" H
    "\",\"path\":\"README.md\",\"role\":\"card\",\"sha256\":\"" H "\"}"
    ",{\"bytes\":200,\"format\":\"gguf\",\"merkle_root\":\"" H
    "\",\"path\":\"m.weights\",\"role\":\"weights\",\"sha256\":\"" H "\",\"tensor_layout_sha256\":\"" H
    "\",\"tokenizer_sha256\":\"" H "\"}]",
    ",\"created\":\"2026-01-01T00:00:00Z\"",
    ",\"display_name\":\"A \\\"tiny\\\" \\\\ one\"",
    ",\"evidence_status\":[\"derived pass - -\",\"infer-check fail - https://example.org/e\"]",
    ",\"expires\":\"2027-01-01T00:00:00Z\"",
    ",\"key_id\":\"0123456789ABCDEF\"",
    ",\"license\":\"MIT\"",
    ",\"license_route\":\"https://example.org/LICENSE\"",
    ",\"manifest_route\":\"manifests/demo/tiny/2.manifest\"",
    ",\"manifest_sha256\":\"" H "\"",
    ",\"manifest_signature_route\":\"manifests/demo/tiny/2.manifest.minisig\"",
    ",\"model_card_route\":\"README.md\"",
    ",\"model_id\":\"demo/tiny\"",
    ",\"model_shape\":{\"block_count\":1,\"context_length\":2,\"embedding_length\":3,\"feed_forward_length\":4,\"head_"
    "count\":5,\"head_count_kv\":6,\"vocab_size\":7}",
    ",\"parameters\":9007199254740991",
    ",\"peer_hint\":\"none\"",
    ",\"previous_manifest\":\"" H "\"",
    ",\"publisher_id\":\"demo\"",
    ",\"quantization\":\"q8_0\"",
    ",\"revision\":2",
    ",\"source_lane\":\"quantized\"",
    ",\"source_summary\":[\"- hf://demo/tiny\"]",
    ",\"tags\":[\"a\",\"b\"]",
    ",\"takedown_route\":\"mailto:a@example.org\"",
    ",\"version\":\"1.0\"}",
};

/* The good line with the piece that begins like INSTEAD (up to its colon) replaced by it; "-NAME" leaves one out. */
static void line_with(const char *instead, struct mm_buf *out)
{
    mm_buf_clear(out);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        const char *colon = strchr(pieces[i], ':');
        size_t length = (size_t)(colon - pieces[i]);
        if (instead && strncmp(instead, pieces[i], length + 1) == 0)
            mm_buf_str(out, instead);
        else if (!(instead && instead[0] == '-' && strncmp(instead + 1, pieces[i] + 2, length - 3) == 0 &&
                   strlen(instead) - 1 == length - 3))
            mm_buf_str(out, pieces[i]);
    }
}

static int read_line(const struct mm_buf *line, struct mm_catalog_entry *entry)
{
    return mm_catalog_entry_read(entry, line->data, line->length, 7, &diags);
}

static void an_entry_is_read(void **state)
{
    struct mm_buf line = {0};
    struct mm_catalog_entry entry;
    struct mm_canonical_text item;
    char text[64];
    size_t length;
    (void)state;
    line_with(NULL, &line);
    assert_int_equal(read_line(&line, &entry), 0);
    check_findings("a good line", &diags, "");
    assert_string_equal(entry.model_id, "demo/tiny");
    assert_int_equal(entry.revision, 2);
    assert_int_equal(entry.artifact_bytes, 300);
    assert_int_equal(entry.artifact_count, 2);
    assert_true(entry.has_parameters && entry.parameters == MM_CANONICAL_MAX && entry.has_shape && entry.beneath);
    assert_int_equal(entry.shape[MM_SHAPE_VOCAB_SIZE], 7);
    assert_int_equal(entry.shape[MM_SHAPE_CONTEXT_LENGTH], 2);
    assert_true(mm_canonical_decode(&entry.texts[MM_CATALOG_DISPLAY_NAME], text, sizeof text, &length));
    assert_string_equal(text, "A \"tiny\" \\ one");
    struct mm_canonical_text tags = entry.texts[MM_CATALOG_TAGS];
    assert_true(mm_canonical_next(&tags, &item) && item.length == 1 && item.at[0] == 'a');
    assert_true(mm_canonical_next(&tags, &item) && item.at[0] == 'b');
    assert_false(mm_canonical_next(&tags, &item));
    mm_buf_release(&line);
}

static void what_may_lack_may_lack(void **state)
{
    static const char *const without[] = {"-evidence_status", "-expires",           "-model_shape",
                                          "-parameters",      "-previous_manifest", "-tags"};
    struct mm_buf line = {0};
    struct mm_catalog_entry entry;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(without); i++) {
        line_with(without[i], &line);
        check_number(without[i], (uint64_t)read_line(&line, &entry), 0);
        check_findings(without[i], &diags, "");
    }
    mm_buf_release(&line);
}

static void every_other_spelling_is_refused(void **state)
{
    static const char *const wrong[] = {
        "-created",
        "-display_name",
        "-key_id",
        "-license",
        "-license_route",
        "-manifest_route",
        "-manifest_sha256",
        "-model_card_route",
        "-model_id",
        "-peer_hint",
        "-publisher_id",
        "-quantization",
        "-revision",
        "-source_lane",
        "-takedown_route",
        "-artifact_bytes",
        "-artifacts",
        "-source_summary",
        "-manifest_signature_route",
        "{\"architecture\": \"llama\"",
        "{\"architecture\":\"LLAMA\"",
        "{\"architecture\":\"\\u006clama\"",
        "{\"architecture\":\"llama\",\"architecture\":\"llama\"",
        "{\"architecture\":null",
        ",\"artifact_bytes\":0300",
        ",\"artifact_bytes\":3e2",
        ",\"artifact_bytes\":301",
        ",\"artifact_bytes\":300.0",
        ",\"artifact_bytes\":-300",
        ",\"artifact_bytes\":\"300\"",
        ",\"artifacts\":[]",
        (",\"artifacts\":[{\"bytes\":300,\"format\":\"text\",\"merkle_root\":\"" H
         "\",\"path\":\"README.md\",\"role\":\"card\",\"sha256\":\"" H "\"}]"),
        ",\"created\":\"2026-02-30T00:00:00Z\"",
        ",\"display_name\":\"a\\/b\"",
        ",\"display_name\":\"a\tb\"",
        ",\"display_name\":\"a\\tb\"",
        ",\"display_name\":\"\"",
        ",\"display_name\":\" a\"",
        ",\"display_name\":\"a\xE2\x80\xAE"
        "b\"",
        ",\"display_name\":\"a\xFF\"",
        ",\"evidence_status\":[]",
        ",\"evidence_status\":[\"infer-check fail - -\",\"derived pass - -\"]",
        ",\"expires\":\"2026-01-01T00:00:00Z\"",
        ",\"key_id\":\"none\"",
        ",\"key_id\":\"0123456789abcdef\"",
        ",\"license\":\"not a licence\"",
        ",\"license_route\":\"none\"",
        ",\"license_route\":\"http://example.org/\"",
        ",\"manifest_route\":\"manifests/demo/tiny/3.manifest\"",
        ",\"manifest_route\":\"../tiny.manifest\"",
        ",\"manifest_signature_route\":\"manifests/demo/tiny/2.minisig\"",
        ",\"manifest_sha256\":\"00\"",
        ",\"model_id\":\"demo\"",
        ",\"model_id\":\"other/tiny\"",
        ",\"model_shape\":{}",
        ",\"parameters\":9007199254740992",
        ",\"publisher_id\":\"dem\"",
        ",\"revision\":0",
        ",\"revision\":true",
        ",\"source_lane\":\"original\"",
        ",\"tags\":[\"b\",\"a\"]",
        ",\"tags\":[\"a\",\"a\"]",
        ",\"tags\":[\"a\", \"b\"]",
        ",\"tags\":[\"a\",]",
        ",\"takedown_route\":\"mailto:a\"",
        ",\"version\":\"1.0\"} ",
        ",\"version\":\"1.0\",\"x\":1}",
        ",\"version\":\"1.0\"",
    };
    struct mm_buf line = {0};
    struct mm_catalog_entry entry;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        line_with(wrong[i], &line);
        if (read_line(&line, &entry) == 0)
            fail_msg("accepted: %s", wrong[i]);
        check_number(wrong[i], diags.count, 1);
        check_text(wrong[i], mm_rule_info(diags.items[0].rule)->name, "catalog-entry");
        check_number(wrong[i], diags.items[0].line, 7);
        mm_diags_clear(&diags);
    }
    mm_buf_release(&line);
}

static void a_cut_line_is_refused(void **state)
{
    struct mm_buf line = {0};
    struct mm_catalog_entry entry;
    (void)state;
    line_with(NULL, &line);
    for (size_t length = 0; length < line.length; length++) {
        char *copy = malloc(length + 1); /* so that a sanitizer sees a reading beyond */
        assert_non_null(copy);
        memcpy(copy, line.data, length);
        assert_int_equal(mm_catalog_entry_read(&entry, copy, length, 1, &diags), -1);
        mm_diags_clear(&diags);
        free(copy);
    }
    mm_buf_release(&line);
}

/* A catalog carries metadata, never bytes. */
static void no_route_leads_to_weights(void **state)
{
    static const char *const wrong[] = {
        ",\"license_route\":\"https://example.org/model.gguf\"",
        ",\"license_route\":\"https://example.org/model.%67guf\"",
        ",\"model_card_route\":\"M.WEIGHTS\"",
        ",\"takedown_route\":\"https://example.org/m.weights\"",
        ",\"evidence_status\":[\"derived pass - https://example.org/a.zip\"]",
        ",\"source_summary\":[\"- https://example.org/a.safetensors\"]",
    };
    struct mm_buf line = {0};
    struct mm_catalog_entry entry;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        line_with(wrong[i], &line);
        check_number(wrong[i], (uint64_t)read_line(&line, &entry), (uint64_t)-1);
        check_text(wrong[i], mm_rule_info(diags.items[0].rule)->name, "value-boundary");
        mm_diags_clear(&diags);
    }
    line_with(",\"publisher_id\":\"local\"", &line);
    char *id = strstr(line.data, "\"model_id\":\"demo/");
    memcpy(id + 12, "loca/", 5); /* the same length */
    assert_int_equal(read_line(&line, &entry), -1);
    mm_diags_clear(&diags);
    mm_buf_release(&line);
}

static void lines_are_sorted(void **state)
{
    struct mm_buf file = {0}, line = {0};
    struct mm_catalog_sums sums;
    (void)state;
    line_with(NULL, &line);
    for (int i = 0; i < 2; i++) {
        mm_buf_add(&file, line.data, line.length);
        mm_buf_char(&file, '\n');
        int fd = file_of(file.data, file.length);
        assert_int_equal(mm_catalog_entries_read(fd, NULL, NULL, 0, NULL, &sums, &diags), i ? -1 : 0);
        check_findings("one line, and the same twice", &diags, i ? "catalog-order@2:1" : "");
        assert_true(i || sums.count == 1);
        close(fd);
    }
    int fd = file_of(line.data, line.length);
    assert_int_equal(mm_catalog_entries_read(fd, NULL, NULL, 0, NULL, &sums, &diags), -1);
    assert_int_equal(diags.items[0].rule, MM_RULE_CATALOG_ENTRY);
    mm_diags_clear(&diags);
    close(fd);
    mm_buf_release(&file);
    mm_buf_release(&line);
}

/* ---- withdrawals ---- */

static void withdrawals_are_written_and_read(void **state)
{
    static const char *const good[] = {
        "{\"manifest_sha256\":\"" H
        "\",\"model_id\":\"a/b\",\"notice_route\":\"https://example.org/n\",\"reason\":\"it is "
        "\\\"bad\\\"\",\"revision\":3,\"time\":\"2026-01-01T00:00:00Z\"}",
        "{\"model_id\":\"a/b\",\"reason\":\"r\",\"revision\":\"*\",\"time\":\"2026-01-01T00:00:00Z\"}",
    };
    static const char *const wrong[] = {
        "{}",
        "",
        "{\"model_id\":\"a/b\",\"reason\":\"r\",\"revision\":3,\"time\":\"2026-01-01T00:00:00Z\"}",
        "{\"manifest_sha256\":\"" H
        "\",\"model_id\":\"a/b\",\"reason\":\"r\",\"revision\":\"*\",\"time\":\"2026-01-01T00:00:00Z\"}",
        "{\"model_id\":\"a/b\",\"reason\":\"\",\"revision\":\"*\",\"time\":\"2026-01-01T00:00:00Z\"}",
        "{\"model_id\":\"ab\",\"reason\":\"r\",\"revision\":\"*\",\"time\":\"2026-01-01T00:00:00Z\"}",
        ("{\"model_id\":\"a/b\",\"notice_route\":\"https://example.org/"
         "a.zip\",\"reason\":\"r\",\"revision\":\"*\",\"time\":\"2026-01-01T00:00:00Z\"}"),
        "{\"model_id\":\"a/b\",\"reason\":\"r\",\"revision\":\"*\",\"time\":\"2026-01-01T00:00:60Z\"}",
        "{\"model_id\":\"a/b\",\"reason\":\"r\",\"revision\":\"*\",\"time\":\"2026-01-01T00:00:00Z\"}x",
    };
    struct mm_withdrawal withdrawal;
    struct mm_buf out = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        check_number(good[i], (uint64_t)mm_withdrawal_read(&withdrawal, good[i], strlen(good[i]), 1, &diags), 0);
        check_findings(good[i], &diags, "");
        mm_buf_clear(&out);
        mm_withdrawal_write(&withdrawal, &out);
        assert_string_equal(mm_buf_text(&out), good[i]);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        check_number(wrong[i], (uint64_t)mm_withdrawal_read(&withdrawal, wrong[i], strlen(wrong[i]), 1, &diags),
                     (uint64_t)-1);
        check_text(wrong[i], mm_rule_info(diags.items[0].rule)->name, "catalog-entry");
        mm_diags_clear(&diags);
    }
    mm_buf_release(&out);
}

/* ---- heads ---- */

#define HEAD                                                                                                           \
    "minimodel-catalog 0\ncatalog-id: keeper\npublisher-id: keeper-labs\nsequence: 2\ncreated: 2026-01-01T00:00:00Z\n" \
    "expires: 2026-02-01T00:00:00Z\nentry-count: 1\nentries-sha256: " H "\nmerkle-root: " H "\nwithdrawn-count: 0\n"   \
    "withdrawn-sha256: " EMPTY "\nprevious-head-sha256: " H "\n"

/* HEAD with the first OLD replaced by NEW. */
static void check_head(const char *old, const char *new, const char *findings)
{
    struct mm_catalog_head head;
    struct mm_buf text = {0};
    const char *at = strstr(HEAD, old);
    assert_non_null(at);
    mm_buf_add(&text, HEAD, (size_t)(at - HEAD));
    mm_buf_str(&text, new);
    mm_buf_str(&text, at + strlen(old));
    check_number(new, (uint64_t)mm_catalog_head_read(&head, text.data, text.length, &diags),
                 *findings ? (uint64_t)-1 : 0);
    check_findings(new, &diags, findings);
    mm_buf_release(&text);
}

static void heads_are_strict(void **state)
{
    struct mm_catalog_head head;
    struct mm_buf out = {0};
    (void)state;
    assert_int_equal(mm_catalog_head_read(&head, HEAD, strlen(HEAD), &diags), 0);
    assert_int_equal(mm_catalog_head_write(&head, &out, &diags), 0);
    assert_string_equal(out.data, HEAD);
    mm_buf_clear(&out);
    mm_catalog_head_comment(&head, &out);
    assert_int_equal(strncmp(out.data, "catalog:keeper sequence:2 sha256:", 33), 0);
    check_head("sequence: 2", "sequence: 0", "catalog-head@4:11");
    check_head("sequence: 2", "sequence: 02", "value-number@4:11");
    check_head("sequence: 2", "sequence: 1", "catalog-head@12:23");
    check_head("keeper-labs", "local", "catalog-head@3:15");
    check_head("keeper-labs", "Keeper", "catalog-head@3:15");
    check_head("2026-02-01", "2026-01-01", "catalog-head@6:10");
    check_head("2026-02-01", "2026-02-31", "catalog-head@6:10");
    check_head("entry-count: 1", "entry-count: 0", "catalog-head");
    check_head("withdrawn-count: 0", "withdrawn-count: 1", "catalog-head");
    check_head("merkle-root: " H, "merkle-root: " EMPTY, "catalog-head");
    check_head("previous-head-sha256: " H, "previous-head-sha256: none", "catalog-head@12:23");
    check_head("previous-head-sha256: " H "\n", "previous-head-sha256: " H "\nx: y\n", "catalog-head@13:1");
    check_head("minimodel-catalog 0", "minimodel-catalog 1", "text-version-unsupported@1:19");
    mm_buf_release(&out);
}

static void heads_follow_each_other(void **state)
{
    struct mm_catalog_head before, head;
    (void)state;
    assert_int_equal(mm_catalog_head_read(&before, HEAD, strlen(HEAD), &diags), 0);
    head = before;
    head.sequence = 3;
    memcpy(head.previous_sha256, before.sha256, MM_HASH_BYTES);
    assert_int_equal(mm_catalog_head_follows(&head, &before, &diags), 0);
    head.sequence = 4;
    assert_int_equal(mm_catalog_head_follows(&head, &before, &diags), -1);
    head.sequence = 3;
    head.previous_sha256[0] ^= 1;
    assert_int_equal(mm_catalog_head_follows(&head, &before, &diags), -1);
    head.previous_sha256[0] ^= 1;
    head.created[3] = '5';
    assert_int_equal(mm_catalog_head_follows(&head, &before, &diags), -1);
    head.created[3] = '6';
    head.catalog_id[0] = 'K';
    assert_int_equal(mm_catalog_head_follows(&head, &before, &diags), -1);
    check_findings("heads that do not follow", &diags,
                   "catalog-history catalog-history catalog-history catalog-history");
}

/* ---- changes ---- */

static void check_changes(const char *text, const char *findings)
{
    struct mm_catalog_changes changes;
    struct mm_catalog_change change;
    struct mm_buf out = {0};
    int fd = file_of(text, strlen(text)), some = 1;
    int result = mm_catalog_changes_open(&changes, fd, &diags);
    if (result == 0)
        mm_catalog_changes_write(changes.sequence, &out);
    while (result == 0 && (some = mm_catalog_changes_next(&changes, &change, &diags)) > 0)
        mm_catalog_change_write(&change, &out);
    check_true(text, (result < 0 || some < 0) == (*findings != '\0'));
    check_findings(text, &diags, findings);
    if (!*findings)
        assert_string_equal(mm_buf_text(&out), text);
    mm_catalog_changes_close(&changes);
    mm_buf_release(&out);
    close(fd);
}

static void changes_are_sorted(void **state)
{
#define BEGIN "minimodel-catalog-changes 0\nsequence: 3\n"
    struct mm_buf line = {0}, text = {0};
    (void)state;
    check_changes(BEGIN, "");
    check_changes(BEGIN "added: a/b 1\nadded: a/b 2\nadded: a/c 1\nwithdrawn: a/b *\nwithdrawn: a/b 1\n", "");
    check_changes(BEGIN "added: a/b 2\nadded: a/b 1\n", "catalog-history@4:1");
    check_changes(BEGIN "added: a/b 1\nadded: a/b 1\n", "catalog-history@4:1");
    check_changes(BEGIN "withdrawn: a/b 1\nadded: a/b 1\n", "catalog-history@4:1");
    check_changes(BEGIN "added: a/b *\n", "catalog-history@3:8");
    check_changes(BEGIN "added: a/b 0\n", "catalog-history@3:8");
    check_changes(BEGIN "added: a/b\n", "catalog-history@3:8");
    check_changes(BEGIN "moved: a/b 1\n", "catalog-history@3:1");
    check_changes(BEGIN "\n", "catalog-history@3:1");
    check_changes(BEGIN "added: a/b 1", "catalog-history@3:13");
    check_changes(BEGIN "removed: {}\n", "catalog-entry@3:2");
    check_changes("minimodel-catalog-changes 0\nsequence: 0\n", "catalog-history@2:1");
    check_changes("minimodel-catalog-changes 0\n", "catalog-history@2:1");
    check_changes("minimodel-catalog 0\nsequence: 1\n", "catalog-history@1:1");
    check_changes("", "catalog-history@1:1");
    line_with(NULL, &line);
    mm_buf_printf(&text, BEGIN "removed: %s\n", line.data);
    check_changes(text.data, "");
    mm_buf_release(&line);
    mm_buf_release(&text);
}

/* ---- proofs ---- */

/* A proof for the LINE at INDEX of COUNT lines, the others being numbers. */
static void prove(const struct mm_buf *line, uint64_t index, uint64_t count, struct mm_buf *out)
{
    struct mm_entry_proof proof = {.count = count, .index = index, .line = *line};
    struct mm_merkle tree;
    assert_int_equal(mm_merkle_init(&tree, &diags), 0);
    mm_merkle_track(&tree, index);
    for (uint64_t i = 0; i < count; i++)
        if (i == index)
            mm_merkle_add_data(&tree, line->data, line->length);
        else
            mm_merkle_add_data(&tree, &i, sizeof i);
    mm_merkle_root(&tree, proof.root);
    proof.path = tree.path;
    mm_merkle_release(&tree);
    mm_buf_clear(out);
    mm_entry_proof_write(&proof, out);
}

static void entry_proofs_lead_to_their_root(void **state)
{
    struct mm_buf line = {0}, text = {0};
    struct mm_entry_proof *proof = calloc(1, sizeof *proof);
    (void)state;
    assert_non_null(proof);
    line_with(NULL, &line);
    for (uint64_t count = 1; count <= 20; count++)
        for (uint64_t index = 0; index < count; index++) {
            prove(&line, index, count, &text);
            assert_int_equal(mm_entry_proof_read(proof, text.data, text.length, &diags), 0);
            check_findings("a proof", &diags, "");
            assert_string_equal(proof->entry.model_id, "demo/tiny");
            mm_entry_proof_release(proof);
        }
    prove(&line, 3, 7, &text);
    for (size_t i = 0; i < text.length; i += 7) {
        text.data[i] ^= 1;
        assert_int_equal(mm_entry_proof_read(proof, text.data, text.length, &diags),
                         i >= 37 && i < 101 ? 0 : -1); /* the head's hash is its reader's to compare */
        mm_diags_clear(&diags);
        mm_entry_proof_release(proof);
        text.data[i] ^= 1;
    }
    mm_buf_str(&text, "sibling: " H "\n");
    assert_int_equal(mm_entry_proof_read(proof, text.data, text.length, &diags), -1);
    check_findings("one sibling more", &diags, "catalog-proof");
    mm_entry_proof_release(proof);
    free(proof);
    mm_buf_release(&line);
    mm_buf_release(&text);
}

static void consistency_is_proved(void **state)
{
    unsigned char heads[12][MM_HASH_BYTES];
    struct mm_consistency *proof = calloc(1, sizeof *proof);
    struct mm_buf text = {0};
    (void)state;
    assert_non_null(proof);
    for (unsigned i = 0; i < COUNT_OF(heads); i++)
        memset(heads[i], (int)i + 1, sizeof heads[i]);
    for (uint64_t count = 1; count <= COUNT_OF(heads); count++)
        for (uint64_t old = 1; old <= count; old++) {
            assert_int_equal(mm_consistency_make(proof, heads, old, count, &diags), 0);
            mm_buf_clear(&text);
            mm_consistency_write(proof, &text);
            assert_int_equal(mm_consistency_read(proof, text.data, text.length, &diags), 0);
            check_findings("a proof", &diags, "");
            assert_int_equal(proof->after.sequence, count);
        }
    assert_int_equal(mm_consistency_make(proof, heads, 5, 12, &diags), 0);
    mm_buf_clear(&text);
    mm_consistency_write(proof, &text);
    for (size_t i = 0; i < text.length; i++) {
        text.data[i] ^= 1;
        if (mm_consistency_read(proof, text.data, text.length, &diags) == 0)
            fail_msg("accepted with byte %zu changed", i);
        mm_diags_clear(&diags);
        text.data[i] ^= 1;
    }
    mm_buf_release(&text);
    free(proof);
}

/* Whoever has the old place of a log and the heads since then makes the new root himself. */
static void a_log_is_continued(void **state)
{
    unsigned char heads[20][MM_HASH_BYTES], root[MM_HASH_BYTES];
    struct mm_consistency *proof = calloc(1, sizeof *proof);
    (void)state;
    assert_non_null(proof);
    for (unsigned i = 0; i < COUNT_OF(heads); i++)
        memset(heads[i], (int)i + 1, sizeof heads[i]);
    for (uint64_t count = 1; count <= COUNT_OF(heads); count++)
        for (uint64_t old = 1; old <= count; old++) {
            assert_int_equal(mm_consistency_make(proof, heads, old, count, &diags), 0);
            assert_int_equal(mm_log_continue(&proof->before, heads + old, count - old, root, &diags), 0);
            assert_memory_equal(root, proof->after.root, sizeof root);
            if (old < count) {
                heads[old][0] ^= 1;
                assert_int_equal(mm_log_continue(&proof->before, heads + old, count - old, root, &diags), 0);
                assert_memory_not_equal(root, proof->after.root, sizeof root);
                heads[old][0] ^= 1;
            }
        }
    assert_int_equal(mm_consistency_make(proof, heads, 6, 9, &diags), 0);
    proof->before.path.length++;
    assert_int_equal(mm_log_continue(&proof->before, heads + 6, 3, root, &diags), -1);
    check_findings("one sibling more", &diags, "catalog-proof");
    free(proof);
}

/* ---- witnesses ---- */

#define WITNESS                                                                                                        \
    "minimodel-witness 0\ncatalog-id: c\npublisher-id: a.b\nsequence: 7\nhead-sha256: " H "\nlog-root: " EMPTY "\n"

static void a_witness_is_written_as_it_is_read(void **state)
{
    static const struct {
        const char *text, *rule;
    } cases[] = {
        {"minimodel-witness 1\n", "text-version-unsupported@1:19"},
        {"minimodel-catalog 0\n", "text-first-line@1:1"},
        {"minimodel-witness 0\ncatalog-id: local\n", "catalog-witness@2:13"},
        {"minimodel-witness 0\ncatalog-id: c\npublisher-id: A\n", "catalog-witness@3:15"},
        {"minimodel-witness 0\ncatalog-id: c\npublisher-id: a\nsequence: 0\n", "catalog-witness@4:11"},
        {"minimodel-witness 0\ncatalog-id: c\npublisher-id: a\nsequence: 01\n", "value-number@4:11"},
        {"minimodel-witness 0\ncatalog-id: c\npublisher-id: a\nsequence: 1\nhead-sha256: x\n", "value-hash@5:14"},
        {"minimodel-witness 0\ncatalog-id: c\nsequence: 1\n", "text-field-order@3:1"},
        {WITNESS "log-root: " H "\n", "catalog-witness@7:1"},
        {"minimodel-witness 0\ncatalog-id: c", "text-last-line@2:14"},
    };
    struct mm_witness witness;
    struct mm_buf out = {0};
    (void)state;
    assert_int_equal(mm_witness_read(&witness, WITNESS, strlen(WITNESS), &diags), 0);
    check_findings("a state", &diags, "");
    assert_string_equal(witness.publisher_id, "a.b");
    assert_int_equal(witness.sequence, 7);
    mm_witness_write(&witness, &out);
    assert_string_equal(mm_buf_text(&out), WITNESS);
    mm_buf_release(&out);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(mm_witness_read(&witness, cases[i].text, strlen(cases[i].text), &diags), -1);
        check_findings(cases[i].text, &diags, cases[i].rule);
        mm_diags_clear(&diags);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_read),
        cmocka_unit_test(what_may_lack_may_lack),
        cmocka_unit_test(every_other_spelling_is_refused),
        cmocka_unit_test(a_cut_line_is_refused),
        cmocka_unit_test(no_route_leads_to_weights),
        cmocka_unit_test(lines_are_sorted),
        cmocka_unit_test(withdrawals_are_written_and_read),
        cmocka_unit_test(heads_are_strict),
        cmocka_unit_test(heads_follow_each_other),
        cmocka_unit_test(changes_are_sorted),
        cmocka_unit_test(entry_proofs_lead_to_their_root),
        cmocka_unit_test(consistency_is_proved),
        cmocka_unit_test(a_log_is_continued),
        cmocka_unit_test(a_witness_is_written_as_it_is_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
