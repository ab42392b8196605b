#include "unit.h"

#include "doc/chunk_list.h"

/* The proof of leaf INDEX of COUNT, where chunk i's hash is 32 bytes of i. */
static void make(struct mm_proof *proof, uint64_t index, uint64_t count, struct mm_buf *text)
{
    struct mm_merkle tree;
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(mm_merkle_init(&tree, &diags), 0);
    mm_merkle_track(&tree, index);
    for (uint64_t i = 0; i < count; i++) {
        unsigned char hash[MM_HASH_BYTES];
        memset(hash, (int)i, sizeof hash);
        mm_merkle_add(&tree, hash);
    }
    *proof = (struct mm_proof){.count = count, .index = index};
    memset(proof->chunk, (int)index, sizeof proof->chunk);
    mm_merkle_root(&tree, proof->root);
    proof->path = tree.path;
    mm_merkle_release(&tree);
    mm_diags_release(&diags);
    mm_buf_clear(text);
    mm_proof_write(proof, text);
}

static void check_proof(const char *what, const char *text, size_t length, const char *expected)
{
    struct mm_proof proof;
    struct mm_diags diags;
    mm_diags_init(&diags);
    int result = mm_proof_read(&proof, text, length, &diags);
    check_findings(what, &diags, expected);
    check_number(what, (uint64_t)(result + 1), !*expected);
    mm_diags_release(&diags);
}

static void written_proofs_are_read_back(void **state)
{
    struct mm_buf text = {0};
    (void)state;
    for (uint64_t count = 1; count <= 20; count++)
        for (uint64_t index = 0; index < count; index++) {
            struct mm_proof made, read;
            struct mm_diags diags;
            make(&made, index, count, &text);
            mm_diags_init(&diags);
            assert_int_equal(mm_proof_read(&read, text.data, text.length, &diags), 0);
            assert_int_equal(read.count, count);
            assert_int_equal(read.index, index);
            assert_int_equal(read.path.length, made.path.length);
            assert_memory_equal(read.root, made.root, MM_HASH_BYTES);
            assert_memory_equal(read.chunk, made.chunk, MM_HASH_BYTES);
            assert_memory_equal(read.path.siblings, made.path.siblings, made.path.length * MM_HASH_BYTES);
            check_findings("proof", &diags, "");
            mm_diags_release(&diags);
        }
    mm_buf_release(&text);
}

static void a_proof_is_the_text_of_its_page(void **state)
{
    struct mm_proof proof;
    struct mm_buf text = {0};
    (void)state;
    make(&proof, 1, 2, &text);
    assert_string_equal(mm_buf_text(&text),
                        "minimodel-proof 0\nmerkle-root: 28fb81e496897e0ce886f08602392e9239b65c659041e5202163e58ad898f444\nchunk-count: 2\nchunk-index: 1\n"
                        "chunk-sha256: 0101010101010101010101010101010101010101010101010101010101010101\nsibling: 7f9c9e31ac8256ca2f258583df262dbc7d6f68f2a03043d5c99a4ae5a7396ce9\n");
    mm_buf_release(&text);
}

static void changed_proofs_are_refused(void **state)
{
    static const struct { const char *from, *to, *found; } cases[] = {
        {"minimodel-proof 0", "minimodel-proof 1", "text-version-unsupported@1:17"}, {"minimodel-proof 0", "minimodel-chunk-list 0", "text-first-line@1:1"},
        {"merkle-root: ", "merkle-root: 0", "value-hash@2:14"}, {"merkle-root", "root", "text-field-order@2:1"}, {"chunk-count: 6", "chunk-count: 06", "value-number@3:14"},
        {"chunk-count: 6", "chunk-count: 8000001", "value-number@3:14"}, {"chunk-count: 6", "chunk-count: 4", "chunk-index@4:14"}, {"chunk-count: 6", "chunk-count: 0", "chunk-index@4:14"},
        {"chunk-count: 6", "chunk-count: 5", "chunk-proof@6:1"}, {"chunk-count: 6", "chunk-count: 8", "chunk-proof@6:1"}, {"chunk-index: 4", "chunk-index: 6", "chunk-index@4:14"},
        {"chunk-index: 4", "chunk-index: 9223372036854775808", "value-number@4:14"}, {"chunk-index: 4", "chunk-index: 3", "chunk-proof@6:1"}, {"chunk-index: 4", "chunk-index: 5", "chunk-proof@2:14"},
        {"chunk-sha256: 04", "chunk-sha256: 05", "chunk-proof@2:14"}, {"chunk-sha256: 04", "chunk-sha256: 0G", "value-hash@5:15"}, {"sibling: ", "sibling: -", "value-hash@6:10"},
        {"sibling: ", "siblings: ", "text-field-order@6:1"}, {"sibling: ", "sibling:  ", "text-value-space@6:10"}, {"sibling: ", "\nsibling: ", "text-blank-line@6:1"},
        {"chunk-index: 4\n", "", "text-field-order@4:1"}, {"chunk-count: 6\n", "chunk-count: 6\r\n", "text-line-end@3:15"},
    };
    struct mm_proof proof;
    struct mm_buf text = {0};
    (void)state;
    make(&proof, 4, 6, &text);
    assert_int_equal(proof.path.length, 2);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_buf changed = {0};
        char *at = strstr(text.data, cases[i].from);
        mm_buf_add(&changed, text.data, (size_t)(at - text.data));
        mm_buf_str(&changed, cases[i].to);
        mm_buf_str(&changed, at + strlen(cases[i].from));
        check_proof(cases[i].to, changed.data, changed.length, cases[i].found);
        mm_buf_release(&changed);
    }
    mm_buf_release(&text);
}

/* Faults of the first line are faults of the proof, though its other lines can be read. */
static void the_first_line_counts_too(void **state)
{
    struct mm_proof proof;
    struct mm_buf text = {0}, changed = {0};
    (void)state;
    make(&proof, 0, 2, &text);
    mm_buf_str(&changed, "\xEF\xBB\xBF");
    mm_buf_add(&changed, text.data, text.length);
    check_proof("a byte order mark", changed.data, changed.length, "text-bom@1:1");
    mm_buf_clear(&changed);
    mm_buf_str(&changed, "minimodel-proof 0\r");
    mm_buf_str(&changed, strchr(text.data, '\n'));
    check_proof("CR LF", changed.data, changed.length, "text-line-end@1:18");
    mm_buf_release(&text);
    mm_buf_release(&changed);
}

static void siblings_are_as_many_as_the_place_asks_for(void **state)
{
    static const char sibling[] = "sibling: 0000000000000000000000000000000000000000000000000000000000000000\n";
    struct mm_proof proof;
    struct mm_buf text = {0};
    (void)state;
    make(&proof, 4, 6, &text);
    size_t whole = text.length, line = sizeof sibling - 1;
    check_proof("one less", text.data, whole - line, "chunk-proof@6:1");
    check_proof("none", text.data, whole - 2 * line, "chunk-proof@6:1");
    check_proof("no last LF", text.data, whole - 1, "text-last-line@7:74");
    check_proof("half a line", text.data, whole - 30, "text-last-line@7:45");
    mm_buf_str(&text, sibling);
    check_proof("one more", text.data, text.length, "chunk-proof@6:1");
    for (int i = 3; i < MM_MERKLE_HEIGHT; i++)
        mm_buf_str(&text, sibling);
    check_proof("64", text.data, text.length, "chunk-proof@6:1");
    mm_buf_str(&text, sibling);
    check_proof("65", text.data, text.length, "chunk-proof@70:1");
    mm_buf_release(&text);
}

static void altered_hashes_do_not_lead_to_the_root(void **state)
{
    struct mm_proof proof;
    struct mm_buf text = {0};
    (void)state;
    make(&proof, 2, 7, &text);
    for (char *at = strstr(text.data, "sibling: "); at; at = strstr(at + 1, "sibling: ")) {
        at[9] = at[9] == 'a' ? 'b' : 'a';
        check_proof("sibling", text.data, text.length, "chunk-proof@2:14");
        make(&proof, 2, 7, &text);
    }
    char *first = strstr(text.data, "sibling: "), *second = strstr(first + 1, "sibling: "), held[64];
    memcpy(held, first + 9, 64);
    memcpy(first + 9, second + 9, 64);
    memcpy(second + 9, held, 64);
    check_proof("siblings swapped", text.data, text.length, "chunk-proof@2:14");
    mm_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_proofs_are_read_back),
        cmocka_unit_test(a_proof_is_the_text_of_its_page),
        cmocka_unit_test(changed_proofs_are_refused),
        cmocka_unit_test(the_first_line_counts_too),
        cmocka_unit_test(siblings_are_as_many_as_the_place_asks_for),
        cmocka_unit_test(altered_hashes_do_not_lead_to_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
