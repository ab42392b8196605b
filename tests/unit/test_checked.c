#include "unit.h"

#include "base/checked.h"

#define LIMIT ((uint64_t)INT64_MAX)

static void sums_stop_at_2_63(void **state)
{
    static const struct { uint64_t a, b; bool fits; } cases[] = {
        {0, 0, true}, {1, 2, true}, {LIMIT, 0, true}, {0, LIMIT, true}, {LIMIT - 1, 1, true},
        {LIMIT, 1, false}, {1, LIMIT, false}, {LIMIT + 1, 0, false}, {UINT64_MAX, 1, false}, {UINT64_MAX, UINT64_MAX, false},
        {UINT64_MAX, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t sum = 77;
        assert_int_equal(mm_add(cases[i].a, cases[i].b, &sum), cases[i].fits);
        if (cases[i].fits)
            assert_int_equal(sum, cases[i].a + cases[i].b);
    }
}

static void products_stop_at_2_63(void **state)
{
    static const struct { uint64_t a, b; bool fits; } cases[] = {
        {0, 0, true}, {0, UINT64_MAX, true}, {UINT64_MAX, 0, true}, {1, LIMIT, true}, {LIMIT, 1, true},
        {7, LIMIT / 7, true}, {UINT64_C(1) << 31, UINT64_C(1) << 31, true},
        {2, LIMIT / 2 + 1, false}, {UINT64_C(1) << 32, UINT64_C(1) << 31, false}, {UINT64_C(1) << 32, UINT64_C(1) << 32, false},
        {UINT64_MAX, 2, false}, {1, LIMIT + 1, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t product = 77;
        assert_int_equal(mm_mul(cases[i].a, cases[i].b, &product), cases[i].fits);
        if (cases[i].fits)
            assert_int_equal(product, cases[i].a * cases[i].b);
    }
}

static void alignment_rounds_up(void **state)
{
    static const struct { uint64_t value, alignment, aligned; bool fits; } cases[] = {
        {0, 32, 0, true}, {1, 32, 32, true}, {31, 32, 32, true}, {32, 32, 32, true}, {33, 32, 64, true},
        {5, 1, 5, true}, {LIMIT - 31, 32, LIMIT - 31, true}, {LIMIT - 31 + 1, 32, 0, false}, {LIMIT, 1, LIMIT, true},
        {LIMIT, 2, 0, false}, {UINT64_MAX, 64, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t aligned = 0;
        assert_int_equal(mm_align(cases[i].value, cases[i].alignment, &aligned), cases[i].fits);
        if (cases[i].fits)
            assert_int_equal(aligned, cases[i].aligned);
    }
}

static void powers_of_two_are_known(void **state)
{
    (void)state;
    assert_false(mm_power_of_two(0));
    for (unsigned shift = 0; shift < 64; shift++) {
        uint64_t power = UINT64_C(1) << shift;
        assert_true(mm_power_of_two(power));
        assert_true(mm_power_of_two(power - 1) == (shift == 1));
        assert_true(mm_power_of_two(power + 1) == (shift == 0));
    }
}

static void arrays_that_overflow_are_refused(void **state)
{
    (void)state;
    assert_null(mm_realloc_array(NULL, SIZE_MAX / 2 + 1, 2));
    assert_null(mm_realloc_array(NULL, SIZE_MAX, SIZE_MAX));
    void *empty = mm_realloc_array(NULL, 0, 8);
    assert_non_null(empty);
    unsigned *grown = mm_realloc_array(empty, 100, sizeof *grown);
    assert_non_null(grown);
    grown[99] = 1;
    free(grown);
}

static void growing_keeps_the_elements(void **state)
{
    uint32_t *items = NULL;
    size_t capacity = 0;
    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(mm_grow(&items, i, &capacity, sizeof *items));
        assert_true(capacity > i);
        items[i] = i * 3;
    }
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i * 3);
    free(items);
}

static void growing_in_vain_leaves_the_array(void **state)
{
    char first = 'x', *items = &first;
    size_t capacity = SIZE_MAX / 2;
    (void)state;
    assert_false(mm_grow(&items, capacity, &capacity, 16));
    assert_ptr_equal(items, &first);
    assert_int_equal(capacity, SIZE_MAX / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_stop_at_2_63),
        cmocka_unit_test(products_stop_at_2_63),
        cmocka_unit_test(alignment_rounds_up),
        cmocka_unit_test(powers_of_two_are_known),
        cmocka_unit_test(arrays_that_overflow_are_refused),
        cmocka_unit_test(growing_keeps_the_elements),
        cmocka_unit_test(growing_in_vain_leaves_the_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
