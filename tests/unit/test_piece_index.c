#include "unit.h"

#include "model/piece_index.h"

static struct mm_tokenizer tokenizer_of(const char *const *pieces, const size_t *lengths, size_t count)
{
    struct mm_tokenizer tokenizer = {.kind = MM_TOKENIZER_GPT2};
    struct mm_diags diags;
    mm_diags_init(&diags);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(mm_tokenizer_add_piece(&tokenizer, pieces[i], lengths[i], 0, MM_PIECE_NORMAL, &diags), 0);
    mm_diags_release(&diags);
    return tokenizer;
}

static void pieces_are_found_by_their_bytes(void **state)
{
    static const char *const pieces[] = {"b", "a", "", "ab", "a\0b", "\xff", "a", ""};
    static const size_t lengths[] = {1, 1, 0, 2, 3, 1, 1, 0};
    struct mm_tokenizer tokenizer = tokenizer_of(pieces, lengths, COUNT_OF(pieces));
    struct mm_piece_index index;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_piece_index_build(&index, &tokenizer, &diags), 0);
    assert_int_equal(mm_piece_index_find(&index, "b", 1), 0);
    assert_int_equal(mm_piece_index_find(&index, "a", 1), 1); /* the first of two */
    assert_int_equal(mm_piece_index_find(&index, "", 0), 2);
    assert_int_equal(mm_piece_index_find(&index, "ab", 2), 3);
    assert_int_equal(mm_piece_index_find(&index, "a\0b", 3), 4);
    assert_int_equal(mm_piece_index_find(&index, "\xff", 1), 5);
    assert_int_equal(mm_piece_index_find(&index, "a\0", 2), MM_TOKEN_NONE);
    assert_int_equal(mm_piece_index_find(&index, "c", 1), MM_TOKEN_NONE);
    assert_int_equal(mm_piece_index_find(&index, "\xff\xff", 2), MM_TOKEN_NONE);
    mm_piece_index_release(&index);
    mm_tokenizer_release(&tokenizer);
    mm_diags_release(&diags);
}

static void nothing_is_found_among_none(void **state)
{
    struct mm_tokenizer tokenizer = {0};
    struct mm_piece_index index;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_piece_index_build(&index, &tokenizer, &diags), 0);
    assert_int_equal(mm_piece_index_find(&index, "a", 1), MM_TOKEN_NONE);
    mm_piece_index_release(&index);
    mm_diags_release(&diags);
}

static void many_pieces_are_all_found(void **state)
{
    struct mm_tokenizer tokenizer = {0};
    struct mm_piece_index index;
    struct mm_diags diags;
    char text[16];
    (void)state;
    mm_diags_init(&diags);
    for (unsigned i = 0; i < 20000; i++) {
        int length = snprintf(text, sizeof text, "%u", i * 2654435761u);
        assert_int_equal(mm_tokenizer_add_piece(&tokenizer, text, (size_t)length, 0, 1, &diags), 0);
    }
    assert_int_equal(mm_piece_index_build(&index, &tokenizer, &diags), 0);
    for (unsigned i = 0; i < 20000; i++) {
        int length = snprintf(text, sizeof text, "%u", i * 2654435761u);
        assert_int_equal(mm_piece_index_find(&index, text, (size_t)length), i);
    }
    mm_piece_index_release(&index);
    mm_tokenizer_release(&tokenizer);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_found_by_their_bytes),
        cmocka_unit_test(nothing_is_found_among_none),
        cmocka_unit_test(many_pieces_are_all_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
