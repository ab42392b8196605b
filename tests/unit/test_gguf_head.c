#include "unit.h"

#include "model/gguf_head.h"

/* A header being built in memory. */
struct head {
    struct mm_buf bytes;
    uint64_t pairs;
};

static void put(struct head *h, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        mm_buf_char(&h->bytes, (char)(value >> 8 * i));
}

static void put_text(struct head *h, const char *text)
{
    put(h, strlen(text), 8);
    mm_buf_str(&h->bytes, text);
}

static void put_key(struct head *h, const char *key, enum mm_gguf_type type)
{
    put_text(h, key);
    put(h, type, 4);
    h->pairs++;
}

static struct head begin(void)
{
    struct head h = {0};
    mm_buf_str(&h.bytes, "GGUF");
    put(&h, 3, 4);
    put(&h, 0, 8);
    put(&h, 0, 8);
    return h;
}

/* All kinds of values. */
static struct head sample(void)
{
    struct head h = begin();
    put_key(&h, "u", MM_GGUF_U32);
    put(&h, 7, 4);
    put_key(&h, "i", MM_GGUF_I16);
    put(&h, 0xFFFF, 2);
    put_key(&h, "f", MM_GGUF_F32);
    put(&h, 0x3F800000, 4);
    put_key(&h, "s.x", MM_GGUF_STRING);
    put_text(&h, "text");
    put_key(&h, "a", MM_GGUF_ARRAY);
    put(&h, MM_GGUF_STRING, 4);
    put(&h, 2, 8);
    put_text(&h, "one");
    put_text(&h, "");
    put_key(&h, "n", MM_GGUF_ARRAY);
    put(&h, MM_GGUF_I32, 4);
    put(&h, 3, 8);
    put(&h, 5, 4), put(&h, 6, 4), put(&h, 0xFFFFFFFF, 4);
    h.bytes.data[16] = (char)h.pairs;
    return h;
}

static void pairs_come_in_order(void **state)
{
    struct head h = sample();
    struct mm_gguf_head walk;
    struct mm_gguf_pair pair;
    struct mm_diags diags;
    const unsigned char *at = NULL;
    const char *text;
    uint64_t whole;
    size_t length;
    float real;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_gguf_head_begin(&walk, h.bytes.data, h.bytes.length, &diags), 0);
    assert_int_equal(mm_gguf_head_next(&walk, &pair, &diags), 1);
    assert_true(mm_gguf_pair_is(&pair, "u") && !mm_gguf_pair_is(&pair, "uu") && mm_gguf_pair_whole(&pair, &whole) && whole == 7 && !mm_gguf_pair_real(&pair, &real));
    check_number("offset of the value", pair.offset, 24 + 8 + 1 + 4);
    assert_int_equal(mm_gguf_head_next(&walk, &pair, &diags), 1);
    assert_false(mm_gguf_pair_whole(&pair, &whole)); /* -1 */
    assert_int_equal(mm_gguf_head_next(&walk, &pair, &diags), 1);
    assert_true(mm_gguf_pair_real(&pair, &real) && real == 1.0f && !mm_gguf_pair_whole(&pair, &whole));
    assert_int_equal(mm_gguf_head_next(&walk, &pair, &diags), 1);
    assert_true(mm_gguf_pair_behind(&pair, "s.", &length) && length == 1 && !mm_gguf_pair_behind(&pair, "s.xy", &length));
    assert_int_equal(pair.size, 4);
    assert_memory_equal(pair.value, "text", 4);
    assert_int_equal(mm_gguf_head_next(&walk, &pair, &diags), 1);
    assert_true(mm_gguf_pair_array(&pair, MM_GGUF_STRING) && !mm_gguf_pair_array(&pair, MM_GGUF_I32) && pair.count == 2);
    assert_int_equal(mm_gguf_pair_string(&pair, &at, &text, &length), 1);
    assert_true(length == 3 && memcmp(text, "one", 3) == 0);
    assert_int_equal(mm_gguf_pair_string(&pair, &at, &text, &length), 1);
    assert_int_equal(length, 0);
    assert_int_equal(mm_gguf_pair_string(&pair, &at, &text, &length), 0);
    assert_int_equal(mm_gguf_head_next(&walk, &pair, &diags), 1);
    assert_int_equal(mm_gguf_pair_element(&pair, 2), 0xFFFFFFFF);
    assert_int_equal(mm_gguf_head_next(&walk, &pair, &diags), 0);
    check_findings("all pairs", &diags, "");
    mm_buf_release(&h.bytes);
    mm_diags_release(&diags);
}

/* A header that ends anywhere is noticed, and nothing behind it is read. */
static void headers_that_end_early_are_noticed(void **state)
{
    struct head h = sample();
    (void)state;
    for (size_t length = 0; length < h.bytes.length; length++) {
        char *copy = malloc(length ? length : 1); /* so that sanitizers see what lies behind */
        struct mm_gguf_head walk;
        struct mm_gguf_pair pair;
        struct mm_diags diags;
        int more = 1;
        assert_non_null(copy);
        memcpy(copy, h.bytes.data, length);
        mm_diags_init(&diags);
        if (mm_gguf_head_begin(&walk, copy, length, &diags) == 0)
            while (more > 0)
                more = mm_gguf_head_next(&walk, &pair, &diags);
        check_findings("cut", &diags, "io-changed");
        mm_diags_release(&diags);
        free(copy);
    }
    mm_buf_release(&h.bytes);
}

static void lengths_that_lie_are_noticed(void **state)
{
    static const struct { uint32_t type, element; uint64_t count; } cases[] = {
        {13, 0, 0}, {MM_GGUF_ARRAY, MM_GGUF_ARRAY, 1}, {MM_GGUF_ARRAY, 13, 1}, {MM_GGUF_ARRAY, MM_GGUF_U64, UINT64_MAX / 8 + 1}, {MM_GGUF_ARRAY, MM_GGUF_STRING, UINT64_MAX},
        {MM_GGUF_STRING, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct head h = begin();
        struct mm_gguf_head walk;
        struct mm_gguf_pair pair;
        struct mm_diags diags;
        put_key(&h, "k", cases[i].type);
        if (cases[i].type == MM_GGUF_STRING) {
            put(&h, UINT64_MAX, 8);
        } else {
            put(&h, cases[i].element, 4);
            put(&h, cases[i].count, 8);
        }
        h.bytes.data[16] = 1;
        mm_diags_init(&diags);
        assert_int_equal(mm_gguf_head_begin(&walk, h.bytes.data, h.bytes.length, &diags), 0);
        assert_int_equal(mm_gguf_head_next(&walk, &pair, &diags), -1);
        check_findings("lie", &diags, "io-changed");
        mm_diags_release(&diags);
        mm_buf_release(&h.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_come_in_order),
        cmocka_unit_test(headers_that_end_early_are_noticed),
        cmocka_unit_test(lengths_that_lie_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
