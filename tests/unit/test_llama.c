#include "unit.h"

#include <math.h>

#include "model/llama.h"

static struct mm_llama sound(void)
{
    return (struct mm_llama){
        .numbers =
            {
                [MM_LLAMA_BLOCK_COUNT] = 2,
                [MM_LLAMA_EMBEDDING_LENGTH] = 64,
                [MM_LLAMA_FEED_FORWARD_LENGTH] = 128,
                [MM_LLAMA_HEAD_COUNT] = 8,
                [MM_LLAMA_HEAD_COUNT_KV] = 4,
                [MM_LLAMA_KEY_LENGTH] = 6,
                [MM_LLAMA_VALUE_LENGTH] = 10,
                [MM_LLAMA_VOCAB_SIZE] = 300,
                [MM_LLAMA_CONTEXT_LENGTH] = 2048,
                [MM_LLAMA_ROPE_DIMENSIONS] = 6,
            },
        .rope_base = 10000,
        .norm_epsilon = 1e-5F,
    };
}

static void names_lead_there_and_back(void **state)
{
    static const uint32_t blocks[] = {0, 1, 9, 10, 65534, UINT32_MAX};
    char name[MM_LLAMA_NAME_MAX];
    (void)state;
    for (int which = 0; which < MM_LLAMA_TENSORS; which++)
        for (size_t i = 0; i < COUNT_OF(blocks); i++) {
            uint32_t block = 4711, expected = mm_llama_tensors[which].blocks ? blocks[i] : 0;
            mm_llama_name(which, blocks[i], name);
            check_number(name, (uint64_t)mm_llama_tensor_of(name, strlen(name), &block), (uint64_t)which);
            check_number(name, block, expected);
            mm_llama_safetensors_name(which, blocks[i], name);
            check_number(name, (uint64_t)mm_llama_tensor_of_safetensors(name, strlen(name), &block), (uint64_t)which);
            check_number(name, block, expected);
        }
    check_text("a block's tensor", mm_llama_name(MM_LLAMA_T_ATTN_Q, 12, name), "blk.12.attn_q.weight");
    check_text("of safetensors", mm_llama_safetensors_name(MM_LLAMA_T_ATTN_Q, 12, name), "model.layers.12.self_attn.q_proj.weight");
    check_text("without blocks", mm_llama_name(MM_LLAMA_T_TOKEN_EMBD, 12, name), "token_embd.weight");
}

static void other_names_are_none(void **state)
{
    static const char *const bad[] = {"", "blk", "blk.", "blk..attn_q.weight", "blk.00.attn_q.weight", "blk.01.attn_q.weight", "blk.-1.attn_q.weight",
                                      "blk.+1.attn_q.weight", "blk.4294967296.attn_q.weight", "blk.1.attn_q.weight2", "blk.1.attn_q", "blk.1.attn_q.weigh",
                                      "xblk.1.attn_q.weight", "blk.1 .attn_q.weight", "blk.1.2.attn_q.weight", "blk.%u.attn_q.weight", "token_embd.weight ",
                                      "token_embd.bias", "Token_embd.weight", "rope_freqs.weight", "blk.0.attn_q_norm.weight", "model.norm.weight",
                                      "blk.18446744073709551616.attn_q.weight"};
    uint32_t block;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        check_true(bad[i], mm_llama_tensor_of(bad[i], strlen(bad[i]), &block) == -1);
    check_true("the length counts", mm_llama_tensor_of("blk.1.attn_q.weight", 18, &block) == -1);
    check_true("a name of GGUF in safetensors", mm_llama_tensor_of_safetensors("blk.1.attn_q.weight", 19, &block) == -1);
    check_true("a NUL inside", mm_llama_tensor_of("blk.1\0.attn_q.weight", 20, &block) == -1);
}

static void dimensions_follow_from_the_facts(void **state)
{
    static const struct { int which; unsigned rank; uint64_t dims[4]; } cases[] = {
        {MM_LLAMA_T_TOKEN_EMBD, 2, {64, 300}}, {MM_LLAMA_T_OUTPUT_NORM, 1, {64}},   {MM_LLAMA_T_OUTPUT, 2, {64, 300}},
        {MM_LLAMA_T_ATTN_NORM, 1, {64}},       {MM_LLAMA_T_ATTN_Q, 2, {64, 48}},    {MM_LLAMA_T_ATTN_Q_BIAS, 1, {48}},
        {MM_LLAMA_T_ATTN_K, 2, {64, 24}},      {MM_LLAMA_T_ATTN_K_BIAS, 1, {24}},   {MM_LLAMA_T_ATTN_V, 2, {64, 40}},
        {MM_LLAMA_T_ATTN_V_BIAS, 1, {40}},     {MM_LLAMA_T_ATTN_OUT, 2, {80, 64}},  {MM_LLAMA_T_ATTN_OUT_BIAS, 1, {64}},
        {MM_LLAMA_T_FFN_NORM, 1, {64}},        {MM_LLAMA_T_FFN_GATE, 2, {64, 128}}, {MM_LLAMA_T_FFN_GATE_BIAS, 1, {128}},
        {MM_LLAMA_T_FFN_UP, 2, {64, 128}},     {MM_LLAMA_T_FFN_UP_BIAS, 1, {128}},  {MM_LLAMA_T_FFN_DOWN, 2, {128, 64}},
        {MM_LLAMA_T_FFN_DOWN_BIAS, 1, {64}},
    };
    struct mm_llama llama = sound();
    uint64_t dims[4];
    (void)state;
    assert_int_equal(COUNT_OF(cases), MM_LLAMA_TENSORS);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *name = mm_llama_tensors[cases[i].which].name;
        check_number(name, mm_llama_dimensions(&llama, cases[i].which, dims), cases[i].rank);
        check_true(name, memcmp(dims, cases[i].dims, sizeof dims) == 0);
    }
    llama.numbers[MM_LLAMA_HEAD_COUNT] = llama.numbers[MM_LLAMA_KEY_LENGTH] = UINT32_MAX;
    mm_llama_dimensions(&llama, MM_LLAMA_T_ATTN_Q, dims);
    check_number("a product above 2^63", dims[1], 0);
}

static void the_table_says_what_is_optional(void **state)
{
    unsigned once = 0, blocks = 0;
    (void)state;
    for (int i = 0; i < MM_LLAMA_TENSORS; i++) {
        once += mm_llama_tensors[i].once;
        blocks += mm_llama_tensors[i].blocks;
        check_true(mm_llama_tensors[i].name, mm_llama_tensors[i].blocks == (strncmp(mm_llama_tensors[i].name, "blk.", 4) == 0));
    }
    check_number("tensors that every model has", once, 11);
    check_number("tensors of a block", blocks, 16);
}

static void defaults_fill_what_is_not_stated(void **state)
{
    struct mm_llama llama = {.numbers = {[MM_LLAMA_EMBEDDING_LENGTH] = 64, [MM_LLAMA_HEAD_COUNT] = 8}};
    (void)state;
    mm_llama_defaults(&llama);
    check_number("head-count-kv", llama.numbers[MM_LLAMA_HEAD_COUNT_KV], 8);
    check_number("key-length", llama.numbers[MM_LLAMA_KEY_LENGTH], 8);
    check_number("value-length", llama.numbers[MM_LLAMA_VALUE_LENGTH], 8);
    check_number("rope-dimension-count", llama.numbers[MM_LLAMA_ROPE_DIMENSIONS], 8);
    check_true("rope-base", llama.rope_base == 10000);
    check_number("what does not follow stays", llama.numbers[MM_LLAMA_VOCAB_SIZE], 0);
    struct mm_llama stated = sound(), before = sound();
    mm_llama_defaults(&stated);
    check_true("what is stated stays", memcmp(&stated, &before, sizeof stated) == 0);
    struct mm_llama nothing = {0};
    mm_llama_defaults(&nothing);
    check_number("no head, no length of one", nothing.numbers[MM_LLAMA_KEY_LENGTH], 0);
}

static void check_fault(const char *what, const struct mm_llama *llama, const char *expected)
{
    const char *key = NULL, *fault = mm_llama_fault(llama, &key);
    check_text(what, fault ? key : "none", expected);
}

static void facts_hold_together(void **state)
{
    struct mm_llama llama = sound();
    (void)state;
    check_fault("sound", &llama, "none");
    for (int i = 0; i < MM_LLAMA_NUMBERS; i++) {
        llama = sound();
        llama.numbers[i] = 0;
        check_fault("not stated", &llama, mm_llama_numbers[i].slm);
        llama.numbers[i] = (uint32_t)INT32_MAX + 1;
        check_fault("too large", &llama, mm_llama_numbers[i].slm);
    }
    llama = sound();
    llama.numbers[MM_LLAMA_BLOCK_COUNT] = 65536;
    check_fault("65536 blocks", &llama, "block-count");
    llama = sound();
    llama.numbers[MM_LLAMA_HEAD_COUNT_KV] = 3;
    check_fault("8 heads, 3 of keys and values", &llama, "head-count-kv");
    llama = sound();
    llama.numbers[MM_LLAMA_ROPE_DIMENSIONS] = 5;
    check_fault("an odd rotation", &llama, "rope-dimension-count");
    llama.numbers[MM_LLAMA_ROPE_DIMENSIONS] = 8;
    check_fault("more than a key has", &llama, "rope-dimension-count");
}

static void reals_are_in_range(void **state)
{
    struct mm_llama llama = sound();
    (void)state;
    llama.rope_factor = 4;
    llama.norm_epsilon = 0;
    check_fault("a factor, and no epsilon", &llama, "none");
    static const float bad[] = {0, -1, INFINITY, NAN};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        llama = sound();
        llama.rope_base = bad[i];
        check_fault("rope-base", &llama, "rope-base");
        llama = sound();
        llama.rope_factor = bad[i];
        check_fault("factor", &llama, i == 0 ? "none" : "rope-scaling");
        llama = sound();
        llama.norm_epsilon = bad[i];
        check_fault("epsilon", &llama, i == 0 ? "none" : "norm-epsilon");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_there_and_back),
        cmocka_unit_test(other_names_are_none),
        cmocka_unit_test(dimensions_follow_from_the_facts),
        cmocka_unit_test(the_table_says_what_is_optional),
        cmocka_unit_test(defaults_fill_what_is_not_stated),
        cmocka_unit_test(facts_hold_together),
        cmocka_unit_test(reals_are_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
