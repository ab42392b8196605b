#include "unit.h"

#include <zlib.h>

#include "base/inflate.h"

/* Appends one gzip member that holds BYTES. */
struct collecting {
    struct mm_buf *out;
};

static int collect(void *context, const char *bytes, size_t length)
{
    struct collecting *collecting = context;
    mm_buf_add(collecting->out, bytes, length);
    return 0;
}

static int inflate_into(const void *data, size_t length, size_t limit, struct mm_buf *out, struct mm_diags *diags)
{
    struct collecting collecting = {out};
    return mm_inflate_gzip(data, length, limit, collect, &collecting, diags);
}

static void pack(const void *bytes, size_t length, struct mm_buf *out)
{
    unsigned char *block = test_malloc(length + 4096);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)length, .next_out = block, .avail_out = (uInt)length + 4096};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    mm_buf_add(out, block, stream.total_out);
    deflateEnd(&stream);
    test_free(block);
}

/* Inflates PACKED with EXPECTED findings; returns how much came out. */
static size_t inflate_to(const struct mm_buf *packed, size_t limit, const char *text, const char *expected)
{
    struct mm_buf out = {0};
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(inflate_into(packed->data, packed->length, limit, &out, &diags), *expected ? -1 : 0);
    check_findings(text ? text : "bytes", &diags, expected);
    mm_diags_release(&diags);
    if (text && !*expected)
        assert_string_equal(mm_buf_text(&out), text);
    size_t length = out.length;
    assert_true(length <= limit);
    mm_buf_release(&out);
    return length;
}

static void one_member_inflates(void **state)
{
    struct mm_buf packed = {0};
    (void)state;
    pack(BYTES("hello, hello, hello"), &packed);
    inflate_to(&packed, 100, "hello, hello, hello", "");
    inflate_to(&packed, 19, "hello, hello, hello", "");
    mm_buf_clear(&packed);
    pack("", 0, &packed);
    inflate_to(&packed, 100, "", "");
    inflate_to(&packed, 0, "", "");
    mm_buf_release(&packed);
}

static void large_contents_inflate_whole(void **state)
{
    static const size_t sizes[] = {16383, 16384, 16385, 300000};
    (void)state;
    char *bytes = test_calloc(1, 300000);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct mm_buf packed = {0};
        pack(bytes, sizes[i], &packed);
        assert_int_equal(inflate_to(&packed, sizes[i], NULL, ""), sizes[i]);
        mm_buf_release(&packed);
    }
    test_free(bytes);
}

static void the_cap_holds(void **state)
{
    struct mm_buf packed = {0};
    struct mm_diags diags;
    struct mm_buf out = {0};
    (void)state;
    mm_diags_init(&diags);
    char *bytes = test_calloc(1, 10000000);
    pack(bytes, 10000000, &packed);
    test_free(bytes);
    assert_int_equal(inflate_into(packed.data, packed.length, 1000, &out, &diags), -1);
    assert_int_equal(diags.count, 1);
    assert_int_equal(diags.items[0].rule, MM_RULE_CHUNK_GZIP);
    assert_true(out.length <= 1000);
    mm_buf_release(&out);
    mm_diags_clear(&diags);
    assert_int_equal(inflate_into(packed.data, packed.length, 9999999, &out, &diags), -1);
    assert_int_equal(diags.items[0].rule, MM_RULE_CHUNK_GZIP);
    assert_true(out.length <= 9999999);
    mm_buf_release(&out);
    mm_buf_release(&packed);
    mm_diags_release(&diags);
}

static void nothing_may_follow_the_member(void **state)
{
    struct mm_buf packed = {0};
    char expected[64];
    (void)state;
    pack(BYTES("text"), &packed);
    size_t end = packed.length;
    snprintf(expected, sizeof expected, "chunk-list-gzip@#%zu", end);
    mm_buf_char(&packed, '\0');
    inflate_to(&packed, 100, "a zero", expected);
    packed.length = end;
    mm_buf_str(&packed, "trailing");
    inflate_to(&packed, 100, "trailing bytes", expected);
    packed.length = end;
    pack(BYTES("text"), &packed);
    inflate_to(&packed, 100, "a second member", expected);
    packed.length = end;
    pack("", 0, &packed);
    inflate_to(&packed, 100, "an empty second member", expected);
    mm_buf_release(&packed);
}

static void every_truncation_is_found(void **state)
{
    struct mm_buf packed = {0}, out = {0};
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    pack(BYTES("some text that is a little longer, longer, longer"), &packed);
    for (size_t length = 0; length < packed.length; length++) {
        mm_buf_clear(&out);
        if (inflate_into(packed.data, length, 100, &out, &diags) != -1)
            fail_msg("cut at %zu", length);
        assert_int_equal(diags.count, 1);
        assert_int_equal(diags.items[0].rule, MM_RULE_CHUNK_GZIP);
        assert_int_equal(diags.items[0].offset, length);
        mm_diags_clear(&diags);
    }
    mm_buf_release(&packed);
    mm_buf_release(&out);
    mm_diags_release(&diags);
}

/* Bytes 4 to 9 of the header (time, level, system) carry no meaning; each other byte is checked by something. */
static void every_changed_byte_is_found(void **state)
{
    static const char text[] = "some text that is a little longer, longer, longer";
    struct mm_buf packed = {0}, out = {0};
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    pack(BYTES(text), &packed);
    for (size_t i = 0; i < packed.length; i++)
        for (int bit = 0; bit < 8; bit++) {
            packed.data[i] = (char)(packed.data[i] ^ 1 << bit);
            mm_buf_clear(&out);
            int result = inflate_into(packed.data, packed.length, 100, &out, &diags);
            if (result == 0 && strcmp(mm_buf_text(&out), text) != 0)
                fail_msg("byte %zu, bit %d: other text", i, bit);
            if (result == 0 && !(i >= 4 && i <= 9) && !(i == 3 && bit == 0))
                fail_msg("byte %zu, bit %d", i, bit);
            packed.data[i] = (char)(packed.data[i] ^ 1 << bit);
            mm_diags_clear(&diags);
        }
    mm_buf_release(&packed);
    mm_buf_release(&out);
    mm_diags_release(&diags);
}

static void other_containers_are_refused(void **state)
{
    static const struct { const char *bytes; size_t length; } cases[] = {
        {BYTES("")}, {BYTES("\x1f")}, {BYTES("plain text")}, {BYTES("\x78\x9c\x03\x00\x00\x00\x00\x01")}, {BYTES("BZh9")},
        {BYTES("\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x03\x03\x00")},
    };
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_buf out = {0};
        assert_int_equal(inflate_into(cases[i].bytes, cases[i].length, 100, &out, &diags), -1);
        assert_int_equal(diags.count, 1);
        assert_int_equal(diags.items[0].rule, MM_RULE_CHUNK_GZIP);
        assert_int_equal(out.length, 0);
        mm_buf_release(&out);
        mm_diags_clear(&diags);
    }
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_member_inflates),
        cmocka_unit_test(large_contents_inflate_whole),
        cmocka_unit_test(the_cap_holds),
        cmocka_unit_test(nothing_may_follow_the_member),
        cmocka_unit_test(every_truncation_is_found),
        cmocka_unit_test(every_changed_byte_is_found),
        cmocka_unit_test(other_containers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
