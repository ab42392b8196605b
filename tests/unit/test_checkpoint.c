#include "unit.h"

#include "convert/sources.h"

#define F32 mm_dtype_of_ggml(0)

/* A checkpoint with one tensor NAME over rows of floats that count from 0. */
static struct mm_checkpoint counting(const char *name, uint64_t row, uint64_t rows, uint32_t heads, int *fd)
{
    struct mm_checkpoint checkpoint = {0};
    struct mm_diags diags;
    const uint64_t dims[4] = {row, rows};
    float values[256];
    for (size_t i = 0; i < COUNT_OF(values); i++)
        values[i] = (float)i;
    *fd = file_of(values, sizeof values);
    const struct mm_stored stored = {.fd = *fd, .offset = 8, .dtype = F32, .heads = heads};
    mm_diags_init(&diags);
    assert_int_equal(mm_checkpoint_add_tensor(&checkpoint, name, dims, rows ? 2 : 1, &stored, &diags), 0);
    mm_diags_release(&diags);
    return checkpoint;
}

static void rows_are_read_where_they_stand(void **state)
{
    int fd;
    struct mm_checkpoint checkpoint = counting("blk.0.attn_v.weight", 3, 8, 0, &fd);
    struct mm_diags diags;
    float out[6];
    (void)state;
    mm_diags_init(&diags);
    check_number("row", mm_checkpoint_row_bytes(&checkpoint, 0), 12);
    check_number("rows", mm_checkpoint_rows(&checkpoint, 0), 8);
    assert_int_equal(mm_checkpoint_read(&checkpoint, 0, 4, 2, out, &diags), 0);
    for (int i = 0; i < 6; i++)
        assert_true(out[i] == (float)(2 + 12 + i));
    mm_checkpoint_release(&checkpoint);
    mm_diags_release(&diags);
    close(fd);
}

/* Two heads of six rows: in .slm's order 0 3 1 4 2 5 of each, whatever rows are asked for together. */
static void heads_in_halves_are_put_in_order(void **state)
{
    static const int order[] = {0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11};
    int fd;
    struct mm_checkpoint checkpoint = counting("blk.0.attn_q.weight", 2, 12, 2, &fd);
    struct mm_diags diags;
    float out[24];
    (void)state;
    mm_diags_init(&diags);
    for (uint64_t first = 0; first < 12; first++)
        for (uint64_t count = 1; count <= 12 - first; count++) {
            assert_int_equal(mm_checkpoint_read(&checkpoint, 0, first, count, out, &diags), 0);
            for (uint64_t i = 0; i < count; i++)
                assert_true(out[2 * i] == (float)(2 + 2 * order[first + i]) && out[2 * i + 1] == (float)(3 + 2 * order[first + i]));
        }
    mm_checkpoint_release(&checkpoint);
    mm_diags_release(&diags);
    close(fd);
}

static void elements_of_biases_likewise(void **state)
{
    static const int order[] = {0, 2, 1, 3, 4, 6, 5, 7};
    int fd;
    struct mm_checkpoint checkpoint = counting("blk.0.attn_k.bias", 8, 0, 2, &fd);
    struct mm_diags diags;
    float out[8];
    (void)state;
    mm_diags_init(&diags);
    check_number("rows", mm_checkpoint_rows(&checkpoint, 0), 1);
    assert_int_equal(mm_checkpoint_read(&checkpoint, 0, 0, 1, out, &diags), 0);
    for (int i = 0; i < 8; i++)
        assert_true(out[i] == (float)(2 + order[i]));
    mm_checkpoint_release(&checkpoint);
    mm_diags_release(&diags);
    close(fd);
}

static void a_file_that_shrank_is_noticed(void **state)
{
    int fd;
    struct mm_checkpoint checkpoint = counting("blk.0.attn_v.weight", 3, 8, 0, &fd);
    struct mm_diags diags;
    float out[24];
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(ftruncate(fd, 50), 0);
    assert_int_equal(mm_checkpoint_read(&checkpoint, 0, 0, 8, out, &diags), -1);
    check_findings("shrank", &diags, "io-changed");
    mm_checkpoint_release(&checkpoint);
    mm_diags_release(&diags);
    close(fd);
}

static void tensors_that_do_not_fit_are_refused(void **state)
{
    static const struct { const char *name; uint64_t dims[4]; unsigned rank; int ggml; uint32_t heads; const char *found; } cases[] = {
        {"rope_freqs.weight", {4}, 1, 0, 0, "pack-tensor"},
        {"blk.01.attn_q.weight", {4, 4}, 2, 0, 0, "pack-tensor"},
        {"token_embd.weight", {256, 4}, 2, 12, 0, "pack-tensor"},
        {"token_embd.weight", {33, 4}, 2, 8, 0, "pack-tensor"},
        {"token_embd.weight", {0, 4}, 2, 0, 0, "pack-tensor"},
        {"token_embd.weight", {4}, 0, 0, 0, "pack-tensor"},
        {"token_embd.weight", {UINT64_C(1) << 62, 2}, 2, 0, 0, "pack-tensor"},
        {"token_embd.weight", {(64 << 20) / 4 + 1, 1}, 2, 0, 0, "io-limit"},
        {"token_embd.weight", {UINT64_C(1) << 62}, 1, 0, 0, "io-limit"},
        {"blk.0.attn_q.weight", {4, 6}, 2, 0, 2, "pack-tensor"}, /* three rows a head have no halves */
        {"blk.0.attn_q.weight", {4, 7}, 2, 0, 2, "pack-tensor"},
        {"blk.0.attn_q.weight", {4, 4, 2}, 3, 0, 2, "pack-tensor"},
        {"blk.0.attn_q.bias", {6}, 1, 0, 2, "pack-tensor"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_checkpoint checkpoint = {0};
        const struct mm_stored stored = {.fd = -1, .dtype = mm_dtype_of_ggml((uint32_t)cases[i].ggml), .heads = cases[i].heads};
        struct mm_diags diags;
        mm_diags_init(&diags);
        assert_int_equal(mm_checkpoint_add_tensor(&checkpoint, cases[i].name, cases[i].dims, cases[i].rank, &stored, &diags), -1);
        check_findings(cases[i].name, &diags, cases[i].found);
        assert_int_equal(checkpoint.slm.tensor_count, 0);
        mm_checkpoint_release(&checkpoint);
        mm_diags_release(&diags);
    }
}

static void keys_are_dropped_by_name_or_beginning(void **state)
{
    static const char *const drop[] = {"general.url", "x.*", ""};
    const struct mm_checkpoint_options options = {.drop = drop, .drop_count = COUNT_OF(drop)};
    static const struct { const char *key; bool dropped; } cases[] = {
        {"general.url", true}, {"general.ur", false}, {"general.urls", false}, {"x.", true}, {"x.y.z", true}, {"x", false}, {"xx.", false}, {"general.*", false},
    };
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_true(cases[i].key, mm_checkpoint_drops(&options, cases[i].key, &diags) == cases[i].dropped);
        check_findings(cases[i].key, &diags, cases[i].dropped ? "note:pack-dropped" : "");
    }
    assert_false(mm_checkpoint_drops(NULL, "x.y", &diags));
    mm_diags_release(&diags);
}

static void merges_part_at_the_first_space_behind_a_character(void **state)
{
    (void)state;
    assert_int_equal(mm_tokenizer_merge_space("a b", 3), 1);
    assert_int_equal(mm_tokenizer_merge_space("ab c d", 6), 2);
    assert_int_equal(mm_tokenizer_merge_space("  b", 3), 1);
    assert_int_equal(mm_tokenizer_merge_space(" b", 2), 0);
    assert_int_equal(mm_tokenizer_merge_space("ab", 2), 0);
    assert_int_equal(mm_tokenizer_merge_space(" ", 1), 0);
    assert_int_equal(mm_tokenizer_merge_space("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_where_they_stand),
        cmocka_unit_test(heads_in_halves_are_put_in_order),
        cmocka_unit_test(elements_of_biases_likewise),
        cmocka_unit_test(a_file_that_shrank_is_noticed),
        cmocka_unit_test(tensors_that_do_not_fit_are_refused),
        cmocka_unit_test(keys_are_dropped_by_name_or_beginning),
        cmocka_unit_test(merges_part_at_the_first_space_behind_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
