#include "unit.h"

#include "model/facts.h"

static int dtype(const char *name)
{
    for (int i = 0; i < MM_DTYPE_COUNT; i++)
        if (strcmp(mm_dtypes[i].name, name) == 0)
            return i;
    fail_msg("no dtype %s", name);
    return -1;
}

static void most_bytes_name_the_quantization(void **state)
{
    struct mm_dtype_use bytes[MM_DTYPE_COUNT] = {0};
    (void)state;
    assert_string_equal(mm_facts_quantization(bytes), "unknown");
    bytes[dtype("f32")] = (struct mm_dtype_use){1, 10};
    assert_string_equal(mm_facts_quantization(bytes), "f32");
    bytes[dtype("q8_0")] = (struct mm_dtype_use){1, 11};
    assert_string_equal(mm_facts_quantization(bytes), "q8_0");
    bytes[dtype("c64")] = (struct mm_dtype_use){1, INT64_MAX};
    assert_string_equal(mm_facts_quantization(bytes), "c64");
}

static void tensors_without_bytes_tie(void **state)
{
    struct mm_dtype_use uses[MM_DTYPE_COUNT] = {0};
    (void)state;
    uses[dtype("i8")].tensors = uses[dtype("f32")].tensors = 2;
    assert_string_equal(mm_facts_quantization(uses), "f32");
}

static void ties_go_to_the_bytewise_first_name(void **state)
{
    static const struct { const char *a, *b, *winner; } cases[] = {
        {"f32", "f16", "f16"}, {"f16", "f32", "f16"}, {"q4_k", "q4_0", "q4_0"}, {"bf16", "f16", "bf16"}, {"q8_k", "q8_0", "q8_0"}, {"i8", "i64", "i64"}, {"f8_e4m3fnuz", "f8_e4m3", "f8_e4m3"},
        {"u8", "bool", "bool"}, {"f8_e5m2", "f8_e4m3", "f8_e4m3"}, {"tq1_0", "u8", "tq1_0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_dtype_use bytes[MM_DTYPE_COUNT] = {0};
        bytes[dtype(cases[i].a)] = bytes[dtype(cases[i].b)] = (struct mm_dtype_use){1, 100};
        bytes[dtype("i16")] = (struct mm_dtype_use){1, 99};
        check_text(cases[i].a, mm_facts_quantization(bytes), cases[i].winner);
    }
    struct mm_dtype_use all[MM_DTYPE_COUNT];
    for (size_t i = 0; i < MM_DTYPE_COUNT; i++)
        all[i] = (struct mm_dtype_use){1, 1};
    assert_string_equal(mm_facts_quantization(all), "bf16");
}

static void architectures_are_plain_words(void **state)
{
    static const struct { const char *text; size_t length; const char *stored; } cases[] = {
        {BYTES("llama"), "llama"}, {BYTES("qwen2.5-vl_x"), "qwen2.5-vl_x"}, {BYTES("-"), "-"}, {BYTES(""), "unknown"}, {BYTES("Llama"), "unknown"}, {BYTES("a b"), "unknown"}, {BYTES("a\0b"), "unknown"},
        {BYTES("a/b"), "unknown"}, {BYTES("caf\xC3\xA9"), "unknown"}, {BYTES("a\n"), "unknown"},
    };
    char text[MM_ARCHITECTURE_MAX + 2];
    struct mm_facts facts = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        facts.states_architecture = false;
        mm_facts_set_architecture(&facts, cases[i].text, cases[i].length);
        assert_true(facts.states_architecture);
        assert_string_equal(facts.architecture, cases[i].stored);
    }
    memset(text, 'a', sizeof text);
    mm_facts_set_architecture(&facts, text, MM_ARCHITECTURE_MAX);
    assert_int_equal(strlen(facts.architecture), MM_ARCHITECTURE_MAX);
    mm_facts_set_architecture(&facts, text, MM_ARCHITECTURE_MAX + 1);
    assert_string_equal(facts.architecture, "unknown");
}

static struct mm_facts whole_facts(void)
{
    struct mm_facts facts = {0};
    for (unsigned i = 0; i < MM_SHAPE_COUNT; i++)
        facts.shape[i] = (struct mm_fact){MM_FACT_VALUE, i + 1};
    return facts;
}

static void check_shape(const char *what, const struct mm_facts *facts, const char *expected)
{
    struct mm_buf value = {0};
    check_number(what, mm_facts_shape(facts, &value), *expected != '\0');
    check_text(what, mm_buf_text(&value), expected);
    mm_buf_release(&value);
}

static void shapes_are_written_in_order(void **state)
{
    struct mm_facts facts = whole_facts();
    (void)state;
    facts.token_count = 99;
    check_shape("whole", &facts, "block_count=1 embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=5 vocab_size=6 context_length=7");
    facts.shape[MM_SHAPE_BLOCK_COUNT].value = 0;
    facts.shape[MM_SHAPE_CONTEXT_LENGTH].value = INT64_MAX;
    check_shape("edges", &facts, "block_count=0 embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=5 vocab_size=6 context_length=9223372036854775807");
}

static void two_facts_have_defaults(void **state)
{
    struct mm_facts facts = whole_facts();
    (void)state;
    facts.shape[MM_SHAPE_HEAD_COUNT_KV] = (struct mm_fact){MM_FACT_ABSENT, 0};
    check_shape("kv", &facts, "block_count=1 embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=4 vocab_size=6 context_length=7");
    facts.shape[MM_SHAPE_VOCAB_SIZE] = (struct mm_fact){MM_FACT_ABSENT, 0};
    check_shape("no tokens", &facts, "");
    facts.token_count = 32000;
    check_shape("tokens", &facts, "block_count=1 embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=4 vocab_size=32000 context_length=7");
    facts.shape[MM_SHAPE_HEAD_COUNT] = (struct mm_fact){MM_FACT_ARRAY, 0};
    check_shape("heads are an array", &facts, "");
    facts.shape[MM_SHAPE_HEAD_COUNT_KV] = (struct mm_fact){MM_FACT_VALUE, 2};
    check_shape("heads are an array, kv are not", &facts, "");
}

static void absent_facts_and_arrays_leave_no_line(void **state)
{
    (void)state;
    for (int which = 0; which < MM_SHAPE_COUNT; which++)
        for (int as_array = 0; as_array < 2; as_array++) {
            struct mm_facts facts = whole_facts();
            facts.shape[which] = (struct mm_fact){as_array ? MM_FACT_ARRAY : MM_FACT_ABSENT, 0};
            if (as_array || which != MM_SHAPE_HEAD_COUNT_KV)
                check_shape(mm_shape_names[which].manifest, &facts, "");
            facts.token_count = 5;
            if (as_array)
                check_shape(mm_shape_names[which].manifest, &facts, "");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_bytes_name_the_quantization),
        cmocka_unit_test(tensors_without_bytes_tie),
        cmocka_unit_test(ties_go_to_the_bytewise_first_name),
        cmocka_unit_test(architectures_are_plain_words),
        cmocka_unit_test(shapes_are_written_in_order),
        cmocka_unit_test(two_facts_have_defaults),
        cmocka_unit_test(absent_facts_and_arrays_leave_no_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
