#include "unit.h"

#include <zlib.h>

#include "doc/chunk_list.h"

#define SIZE 65536

/* The facts and hashes of a file of BYTES bytes. */
struct made {
    struct mm_chunk_facts facts;
    struct mm_hashes hashes;
    struct mm_buf text; /* the list */
};

static void make(struct made *made, size_t bytes)
{
    struct mm_diags diags;
    *made = (struct made){0};
    unsigned char *content = test_malloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++)
        content[i] = (unsigned char)(i / SIZE + 1);
    mm_diags_init(&diags);
    struct mm_chunker *chunker = mm_chunker_new(
        &(struct mm_chunker_options){.size = SIZE, .whole = true, .each = mm_hashes_add, .context = &made->hashes},
        &diags);
    assert_non_null(chunker);
    mm_chunker_update(chunker, content, bytes);
    assert_int_equal(mm_chunker_finish(chunker, &made->facts, &diags), 0);
    mm_chunker_free(chunker);
    mm_diags_release(&diags);
    test_free(content);
    mm_chunk_list_write(&made->facts, &made->hashes, &made->text);
}

static void unmake(struct made *made)
{
    mm_hashes_release(&made->hashes);
    mm_buf_release(&made->text);
}

/* Appends one gzip member of TEXT, with a comment of COMMENT bytes in its header. */
static void pack(const struct mm_buf *text, size_t comment, struct mm_buf *out)
{
    size_t room = text->length + comment + 4096;
    unsigned char *block = test_malloc(room), *words = test_calloc(1, comment + 1);
    gz_header header = {.comment = words};
    z_stream stream = {
        .next_in = (Bytef *)text->data, .avail_in = (uInt)text->length, .next_out = block, .avail_out = (uInt)room};
    memset(words, 'c', comment);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    if (comment)
        assert_int_equal(deflateSetHeader(&stream, &header), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    mm_buf_add(out, block, stream.total_out);
    deflateEnd(&stream);
    test_free(block);
    test_free(words);
}

static void check_list(const char *what, const struct mm_buf *stored, uint64_t count, const char *expected)
{
    struct mm_chunk_list list;
    struct mm_diags diags;
    mm_diags_init(&diags);
    int fd = file_of(stored->data ? stored->data : "", stored->length);
    int result = mm_chunk_list_read(&list, fd, count, &diags);
    check_findings(what, &diags, expected);
    check_number(what, (uint64_t)(result + 1), !*expected);
    mm_chunk_list_release(&list);
    mm_diags_release(&diags);
    close(fd);
}

static void written_lists_are_read_back(void **state)
{
    static const size_t sizes[] = {0, 1, SIZE, SIZE + 1, 7 * SIZE};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (int packed = 0; packed < 2; packed++) {
            struct made made;
            struct mm_chunk_list list;
            struct mm_diags diags;
            struct mm_buf stored = {0};
            unsigned char digest[MM_HASH_BYTES];
            make(&made, sizes[i]);
            if (packed)
                pack(&made.text, 0, &stored);
            else
                mm_buf_add(&stored, made.text.data, made.text.length);
            mm_diags_init(&diags);
            int fd = file_of(stored.data, stored.length);
            assert_int_equal(mm_chunk_list_read(&list, fd, made.facts.count, &diags), 0);
            assert_int_equal(list.facts.bytes, sizes[i]);
            assert_int_equal(list.facts.size, SIZE);
            assert_int_equal(list.facts.count, made.facts.count);
            assert_true(list.facts.has_sha256);
            assert_memory_equal(list.facts.sha256, made.facts.sha256, MM_HASH_BYTES);
            assert_memory_equal(list.facts.root, made.facts.root, MM_HASH_BYTES);
            assert_int_equal(list.hashes.count, made.facts.count);
            for (size_t k = 0; k < list.hashes.count; k++)
                assert_memory_equal(list.hashes.items[k], made.hashes.items[k], MM_HASH_BYTES);
            struct mm_sha256 *sha = mm_sha256_new();
            mm_sha256_once(sha, stored.data, stored.length, digest);
            mm_sha256_free(sha);
            assert_memory_equal(list.file_sha256, digest, sizeof digest);
            check_findings("list", &diags, "");
            close(fd);
            mm_chunk_list_release(&list);
            mm_diags_release(&diags);
            mm_buf_release(&stored);
            unmake(&made);
        }
}

static void a_list_is_the_text_of_its_page(void **state)
{
    static const char expected[] = "minimodel-chunk-list 0\nartifact-bytes: 1\nartifact-sha256: "
                                   "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a\n"
                                   "chunk-size: 65536\nchunk-count: 1\nmerkle-root: "
                                   "9d1843c1a24a654a39ff3448714bc9fe69da0170fa390b1ac67047377ba72f0e\n4bf5122f344554c53"
                                   "bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a\n";
    struct made made;
    (void)state;
    make(&made, 1);
    assert_string_equal(mm_buf_text(&made.text), expected);
    unmake(&made);
}

/* The list of three chunks with the first FROM replaced by TO. */
static void check_changed(const char *from, const char *to, const char *expected)
{
    struct made made;
    struct mm_buf text = {0};
    make(&made, 2 * SIZE + 5);
    char *at = strstr(made.text.data, from);
    assert_non_null(at);
    mm_buf_add(&text, made.text.data, (size_t)(at - made.text.data));
    mm_buf_str(&text, to);
    mm_buf_str(&text, at + strlen(from));
    check_list(to, &text, 3, expected);
    mm_buf_release(&text);
    unmake(&made);
}

static void lies_are_found_where_they_stand(void **state)
{
    static const struct {
        const char *from, *to, *found;
    } cases[] = {
        {"artifact-bytes: 131077", "artifact-bytes: 131072", "chunk-list@5:14"},
        {"artifact-bytes: 131077", "artifact-bytes: 196609", "chunk-list@5:14"},
        {"artifact-bytes: 131077", "artifact-bytes: 131078", ""},
        {"artifact-bytes: 131077", "artifact-bytes: 0131077", "value-number@2:17"},
        {"artifact-bytes: 131077", "artifact-bytes: 9223372036854775808", "value-number@2:17"},
        {"artifact-bytes: 131077", "artifact-bytes: 9223372036854775807", "chunk-list@5:14"},
        {"chunk-size: 65536", "chunk-size: 65537", "chunk-list@4:13"},
        {"chunk-size: 65536", "chunk-size: 32768", "chunk-list@4:13"},
        {"chunk-size: 65536", "chunk-size: 0", "chunk-list@4:13"},
        {"chunk-size: 65536", "chunk-size: 131072", "chunk-list@5:14"},
        {"chunk-size: 65536", "chunk-size: 64K", "value-number@4:13"},
        {"chunk-count: 3", "chunk-count: 2", "chunk-list@5:14"},
        {"chunk-count: 3", "chunk-count: 4", "chunk-list@5:14"},
        {"chunk-count: 3", "chunk-count: 9223372036854775807", "chunk-list@5:14"},
        {"merkle-root: ", "merkle-root: 0", "value-hash@6:14"},
        {"artifact-sha256: ", "artifact-sha256: x", "value-hash@3:18"},
        {"merkle-root", "merkle-roots", "text-field-order@6:1"},
        {"minimodel-chunk-list 0", "minimodel-chunk-list 1", "text-version-unsupported@1:22"},
        {"minimodel-chunk-list 0", "minimodel-manifest 0", "text-first-line@1:1"},
        {"chunk-count: 3\n", "", "text-field-order@5:1"},
        {"chunk-count: 3\n", "chunk-count: 3\nx-note: x\n", "text-field-order@6:1"},
        {"chunk-count: 3", "chunk-count:  3", "text-value-space@5:14"},
        {"chunk-count: 3\n", "chunk-count: 3\r\n", "text-line-end@5:15"},
        {"chunk-count: 3\n", "chunk-count: 3\n\n", "text-blank-line@6:1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_changed(cases[i].from, cases[i].to, cases[i].found);
}

/* Faults of the first line are faults of the list, though its other lines can be read. */
static void the_first_line_counts_too(void **state)
{
    (void)state;
    check_changed("minimodel-chunk-list 0", "\xEF\xBB\xBFminimodel-chunk-list 0", "text-bom@1:1");
    check_changed("minimodel-chunk-list 0", "minimodel-chunk-list 0\r", "text-line-end@1:23");
}

static void hashes_lead_to_the_root(void **state)
{
    struct made made;
    (void)state;
    make(&made, 2 * SIZE + 5);
    char *root = strstr(made.text.data, "merkle-root: ") + 13, *first = strchr(root, '\n') + 1;
    *root = *root == '0' ? '1' : '0';
    check_list("another root", &made.text, 3, "chunk-list@6:14");
    unmake(&made);
    make(&made, 2 * SIZE + 5);
    first = strchr(strstr(made.text.data, "merkle-root: "), '\n') + 1;
    first[70] = first[70] == '0' ? '1' : '0';
    check_list("another hash", &made.text, 3, "chunk-list@6:14");
    unmake(&made);
    make(&made, 2 * SIZE + 5);
    first = strchr(strstr(made.text.data, "merkle-root: "), '\n') + 1;
    char held[65];
    memcpy(held, first, 65);
    memcpy(first, first + 65, 65);
    memcpy(first + 65, held, 65);
    check_list("two hashes swapped", &made.text, 3, "chunk-list@6:14");
    unmake(&made);
}

static void the_whole_hash_follows_from_one_chunk_or_none(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= SIZE; bytes += SIZE) {
        struct made made;
        make(&made, bytes);
        char *sha = strstr(made.text.data, "artifact-sha256: ") + 17;
        *sha = *sha == '0' ? '1' : '0';
        check_list("another whole hash", &made.text, 1, "chunk-list@3:18");
        unmake(&made);
    }
}

static void the_body_is_one_hash_a_line(void **state)
{
    static const struct {
        const char *what;
        int from_end;
        const char *added, *found;
    } cases[] = {
        {"as it is", 0, "", ""},
        {"no last LF", 1, "", "value-hash@9:1"},
        {"a line lacks", 65, "", "chunk-list@9:1"},
        {"all lines lack", 195, "", "chunk-list@7:1"},
        {"half a line", 30, "", "value-hash@9:1"},
        {"a line too many", 0, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", "chunk-list@10:1"},
        {"a blank line", 0, "\n", "value-hash@10:1"},
        {"words", 0, "more\n", "value-hash@10:1"},
        {"CR LF", 1, "\r\n", "value-hash@9:1"},
        {"upper case", 65, "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\n", "value-hash@9:1"},
        {"a digit too many", 1, "0\n", "value-hash@9:1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct made made;
        struct mm_buf text = {0};
        make(&made, 2 * SIZE + 5);
        mm_buf_add(&text, made.text.data, made.text.length - (size_t)cases[i].from_end);
        mm_buf_str(&text, cases[i].added);
        check_list(cases[i].what, &text, 3, cases[i].found);
        mm_buf_release(&text);
        unmake(&made);
    }
}

static void early_ends_are_found(void **state)
{
    struct made made;
    (void)state;
    make(&made, 2 * SIZE + 5);
    for (size_t length = 0; length < made.text.length; length++) {
        struct mm_buf text = {0};
        struct mm_chunk_list list;
        struct mm_diags diags;
        mm_diags_init(&diags);
        mm_buf_add(&text, made.text.data, length);
        int fd = file_of(text.data, length);
        if (mm_chunk_list_read(&list, fd, 3, &diags) != -1 || mm_diags_answer(&diags) != MM_NO)
            fail_msg("cut at %zu", length);
        mm_chunk_list_release(&list);
        mm_diags_release(&diags);
        mm_buf_release(&text);
        close(fd);
    }
    unmake(&made);
}

static void the_caller_caps_the_size(void **state)
{
    struct made made;
    struct mm_buf packed = {0};
    (void)state;
    make(&made, 100 * SIZE);
    check_list("as many as stated", &made.text, 100, "");
    check_list("fewer stated", &made.text, 1, "text-size@1:1");
    check_list("none stated", &made.text, 0, "text-size@1:1");
    pack(&made.text, 0, &packed);
    check_list("packed", &packed, 100, "");
    check_list("packed, the most that there may be", &packed, MM_CHUNK_COUNT_MAX, "");
    mm_buf_release(&packed);
    unmake(&made);
}

static void inflating_is_capped_too(void **state)
{
    struct mm_buf zeros = {0}, packed = {0};
    struct mm_chunk_list list;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    for (int i = 0; i < 1000000; i++)
        mm_buf_char(&zeros, '0');
    pack(&zeros, 0, &packed);
    int fd = file_of(packed.data, packed.length);
    assert_int_equal(mm_chunk_list_read(&list, fd, 3, &diags), -1);
    assert_int_equal(diags.count, 1);
    assert_int_equal(diags.items[0].rule, MM_RULE_CHUNK_GZIP);
    mm_chunk_list_release(&list);
    mm_diags_release(&diags);
    mm_buf_release(&zeros);
    mm_buf_release(&packed);
    close(fd);
}

static void a_compressed_list_is_one_member(void **state)
{
    struct made made;
    struct mm_buf packed = {0};
    char expected[64];
    (void)state;
    make(&made, 3);
    pack(&made.text, 0, &packed);
    size_t end = packed.length;
    snprintf(expected, sizeof expected, "chunk-list-gzip@#%zu", end);
    pack(&made.text, 0, &packed);
    check_list("two members", &packed, 1, expected);
    packed.length = end;
    mm_buf_char(&packed, '\n');
    check_list("a byte behind", &packed, 1, expected);
    packed.length = end - 1;
    snprintf(expected, sizeof expected, "chunk-list-gzip@#%zu", end - 1);
    check_list("a byte less", &packed, 1, expected);
    mm_buf_release(&packed);
    unmake(&made);
}

/* A member that ends exactly where reading stops must not hide what stands behind it. */
static void nothing_hides_behind_the_cap(void **state)
{
    struct made made;
    struct mm_buf packed = {0}, padded = {0};
    struct mm_chunk_list list;
    struct mm_diags diags;
    (void)state;
    make(&made, 3);
    pack(&made.text, 1, &packed);
    size_t cap = 65 + 4096 + 1;
    pack(&made.text, 1 + cap - packed.length, &padded);
    assert_int_equal(padded.length, cap);
    mm_buf_str(&padded, "hidden");
    mm_diags_init(&diags);
    int fd = file_of(padded.data, padded.length);
    assert_int_equal(mm_chunk_list_read(&list, fd, 1, &diags), -1);
    assert_int_equal(mm_diags_answer(&diags), MM_NO);
    mm_chunk_list_release(&list);
    mm_diags_release(&diags);
    close(fd);
    mm_buf_release(&packed);
    mm_buf_release(&padded);
    unmake(&made);
}

/* ---- comparing ---- */

static void check_ranges(size_t bytes, uint64_t seen, uint64_t wrong, const char *expected)
{
    static const unsigned char other[MM_HASH_BYTES] = {1};
    struct made made;
    struct mm_buf text = {0};
    struct mm_diags diags;
    make(&made, bytes);
    struct mm_chunk_list list = {.facts = made.facts, .hashes = made.hashes};
    struct mm_chunk_compare compare = {.list = &list};
    mm_diags_init(&diags);
    for (uint64_t i = 0; i < seen; i++)
        mm_chunk_compare_add(&compare, i, i == wrong || i >= made.hashes.count ? other : made.hashes.items[i]);
    assert_int_equal(mm_chunk_compare_finish(&compare, &diags), 0);
    mm_bad_ranges_write(&compare, "a/b.gguf", &text);
    check_text("ranges", mm_buf_text(&text), expected);
    mm_chunk_compare_release(&compare);
    mm_buf_release(&text);
    mm_diags_release(&diags);
    unmake(&made);
}

static void wrong_chunks_are_named_with_their_bytes(void **state)
{
    (void)state;
    check_ranges(2 * SIZE + 5, 3, UINT64_MAX, "");
    check_ranges(2 * SIZE + 5, 3, 0, "0\t0\t65536\ta/b.gguf\n");
    check_ranges(2 * SIZE + 5, 3, 2, "2\t131072\t5\ta/b.gguf\n");
    check_ranges(2 * SIZE + 5, 1, 0, "0\t0\t65536\ta/b.gguf\n1\t65536\t65536\ta/b.gguf\n2\t131072\t5\ta/b.gguf\n");
    check_ranges(2 * SIZE + 5, 0, 0, "0\t0\t65536\ta/b.gguf\n1\t65536\t65536\ta/b.gguf\n2\t131072\t5\ta/b.gguf\n");
    check_ranges(2 * SIZE + 5, 5, UINT64_MAX, "");
    check_ranges(2 * SIZE, 2, 1, "1\t65536\t65536\ta/b.gguf\n");
    check_ranges(0, 0, 0, "");
    check_ranges(0, 1, 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_lists_are_read_back),
        cmocka_unit_test(a_list_is_the_text_of_its_page),
        cmocka_unit_test(lies_are_found_where_they_stand),
        cmocka_unit_test(the_first_line_counts_too),
        cmocka_unit_test(hashes_lead_to_the_root),
        cmocka_unit_test(the_whole_hash_follows_from_one_chunk_or_none),
        cmocka_unit_test(the_body_is_one_hash_a_line),
        cmocka_unit_test(early_ends_are_found),
        cmocka_unit_test(the_caller_caps_the_size),
        cmocka_unit_test(inflating_is_capped_too),
        cmocka_unit_test(a_compressed_list_is_one_member),
        cmocka_unit_test(nothing_hides_behind_the_cap),
        cmocka_unit_test(wrong_chunks_are_named_with_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
