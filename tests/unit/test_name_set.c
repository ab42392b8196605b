#include "unit.h"

#include "hash/name_set.h"

static struct mm_sha256 *sha;

static int set_up(void **state)
{
    (void)state;
    sha = mm_sha256_new();
    return sha ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mm_sha256_free(sha);
    return 0;
}

static enum mm_name_added add(struct mm_name_set *set, const char *name, uint32_t level)
{
    unsigned char digest[MM_HASH_BYTES];
    mm_sha256_once(sha, name, strlen(name), digest);
    return mm_name_set_add(set, digest, level);
}

static void a_name_is_new_once(void **state)
{
    struct mm_name_set set = {0};
    (void)state;
    assert_int_equal(mm_name_set_add_text(&set, sha, BYTES("a")), MM_NAME_NEW);
    assert_int_equal(mm_name_set_add_text(&set, sha, BYTES("b")), MM_NAME_NEW);
    assert_int_equal(mm_name_set_add_text(&set, sha, BYTES("a")), MM_NAME_KNOWN);
    assert_int_equal(mm_name_set_add_text(&set, sha, BYTES("A")), MM_NAME_NEW);
    assert_int_equal(mm_name_set_add_text(&set, sha, BYTES("")), MM_NAME_NEW);
    assert_int_equal(mm_name_set_add_text(&set, sha, BYTES("a\0")), MM_NAME_NEW);
    assert_int_equal(mm_name_set_add_text(&set, sha, BYTES("")), MM_NAME_KNOWN);
    assert_int_equal(set.count, 5);
    mm_name_set_release(&set);
    assert_int_equal(set.count, 0);
    mm_name_set_release(&set);
}

static void levels_have_names_of_their_own(void **state)
{
    struct mm_name_set set = {0};
    (void)state;
    assert_int_equal(add(&set, "a", 1), MM_NAME_NEW);
    assert_int_equal(add(&set, "a", 2), MM_NAME_NEW);
    assert_int_equal(add(&set, "b", 2), MM_NAME_NEW);
    assert_int_equal(add(&set, "a", 2), MM_NAME_KNOWN);
    assert_int_equal(add(&set, "a", 5), MM_NAME_NEW);
    mm_name_set_leave(&set, 5);
    mm_name_set_leave(&set, 2);
    assert_int_equal(set.count, 1);
    assert_int_equal(add(&set, "a", 1), MM_NAME_KNOWN);
    assert_int_equal(add(&set, "b", 2), MM_NAME_NEW);
    assert_int_equal(add(&set, "a", 2), MM_NAME_NEW);
    mm_name_set_leave(&set, 2);
    mm_name_set_leave(&set, 1);
    assert_int_equal(set.count, 0);
    assert_int_equal(add(&set, "a", 1), MM_NAME_NEW);
    mm_name_set_release(&set);
}

static void leaving_a_level_without_names_keeps_the_others(void **state)
{
    struct mm_name_set set = {0};
    (void)state;
    mm_name_set_leave(&set, 1);
    assert_int_equal(add(&set, "a", 1), MM_NAME_NEW);
    mm_name_set_leave(&set, 2);
    assert_int_equal(add(&set, "a", 1), MM_NAME_KNOWN);
    mm_name_set_release(&set);
}

static void a_hundred_thousand_names_are_told_apart(void **state)
{
    struct mm_name_set set = {0};
    char name[32];
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        int length = snprintf(name, sizeof name, "name-%u", i);
        if (mm_name_set_add_text(&set, sha, name, (size_t)length) != MM_NAME_NEW)
            fail_msg("%s is not new", name);
    }
    for (unsigned i = 0; i < 100000; i++) {
        int length = snprintf(name, sizeof name, "name-%u", i);
        if (mm_name_set_add_text(&set, sha, name, (size_t)length) != MM_NAME_KNOWN)
            fail_msg("%s is not known", name);
    }
    assert_int_equal(set.count, 100000);
    mm_name_set_release(&set);
}

/* Leaving must find every bucket's newest name, before and after the table grew. */
static void levels_survive_growth(void **state)
{
    struct mm_name_set set = {0};
    char name[32];
    (void)state;
    for (uint32_t level = 1; level <= 50; level++)
        for (unsigned i = 0; i < 200; i++) {
            snprintf(name, sizeof name, "%u", i);
            assert_int_equal(add(&set, name, level), MM_NAME_NEW);
        }
    for (uint32_t level = 50; level >= 1; level--) {
        for (unsigned i = 0; i < 200; i++) {
            snprintf(name, sizeof name, "%u", i);
            assert_int_equal(add(&set, name, level), MM_NAME_KNOWN);
        }
        mm_name_set_leave(&set, level);
        assert_int_equal(set.count, (level - 1) * 200);
    }
    mm_name_set_release(&set);
}

/* Names in one bucket: digests whose first eight bytes are equal. */
static void names_of_one_bucket_differ_in_their_rest(void **state)
{
    struct mm_name_set set = {0};
    unsigned char digest[MM_HASH_BYTES] = {0};
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        digest[8] = (unsigned char)i, digest[15] = (unsigned char)(i >> 8);
        assert_int_equal(mm_name_set_add(&set, digest, 0), MM_NAME_NEW);
        assert_int_equal(mm_name_set_add(&set, digest, 0), MM_NAME_KNOWN);
    }
    mm_name_set_release(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_new_once),
        cmocka_unit_test(levels_have_names_of_their_own),
        cmocka_unit_test(leaving_a_level_without_names_keeps_the_others),
        cmocka_unit_test(a_hundred_thousand_names_are_told_apart),
        cmocka_unit_test(levels_survive_growth),
        cmocka_unit_test(names_of_one_bucket_differ_in_their_rest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
