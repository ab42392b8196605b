#include "unit.h"

#include "sha256_paths.h"

#include "hash/sha256.h"

static void by_libcrypto(const void *bytes, size_t length, unsigned char digest[MM_HASH_BYTES])
{
    struct mm_sha256 *sha = mm_sha256_new();
    assert_non_null(sha);
    mm_sha256_once(sha, bytes, length, digest);
    mm_sha256_free(sha);
}

/* A group of pieces in the thousands and more than a stream's slice: what stays between groups and slices. */
static void long_ones_are_right(const struct mm_sha256_path *path)
{
    enum { LENGTH = 100000, COUNT = 19 };
    static unsigned char bytes[COUNT * LENGTH], digests[COUNT][MM_HASH_BYTES], digest[MM_HASH_BYTES];
    const unsigned char *pieces[COUNT];
    struct mm_sha256_twin *twin;
    fill(bytes, sizeof bytes, 1);
    for (size_t i = 0; i < COUNT; i++)
        pieces[i] = bytes + i * LENGTH;
    mm_sha256_pieces(path, pieces, COUNT, LENGTH, digests);
    for (size_t i = 0; i < COUNT; i++) {
        by_libcrypto(pieces[i], LENGTH, digest);
        assert_memory_equal(digests[i], digest, MM_HASH_BYTES);
    }
    twin = mm_sha256_twin_new(path);
    assert_non_null(twin);
    mm_sha256_twin_update(twin, bytes, sizeof bytes);
    mm_sha256_twin_take_piece(twin, digests[0]);
    mm_sha256_twin_take_whole(twin, digests[1]);
    mm_sha256_twin_free(twin);
    by_libcrypto(bytes, sizeof bytes, digest);
    assert_memory_equal(digests[0], digest, MM_HASH_BYTES);
    assert_memory_equal(digests[1], digest, MM_HASH_BYTES);
}

static void nothing_is_at_no_address(const struct mm_sha256_path *path)
{
    const unsigned char *pieces[3] = {NULL, NULL, NULL};
    unsigned char digests[3][MM_HASH_BYTES];
    mm_sha256_pieces(path, pieces, 3, 0, digests);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(digests[i], mm_sha256_empty, MM_HASH_BYTES);
}

static void a_path_is_right(void **state)
{
    const struct mm_sha256_path *path = *state;
    struct path_case test = {path, by_libcrypto, ""};
    const char *name = path ? mm_sha256_path_name(path) : "the chosen path", *failed;
    failed = failed_check(&test);
    if (failed)
        fail_msg("%s: %s: wrong: %s", name, failed, test.wrong);
    long_ones_are_right(path);
    nothing_is_at_no_address(path);
}

static void what_is_written_down_is_what_libcrypto_says(void **state)
{
    static unsigned char text[ALL_LENGTHS], digests[ALL_LENGTHS][MM_HASH_BYTES];
    unsigned char digest[MM_HASH_BYTES];
    char hex[MM_HASH_HEX + 1];
    (void)state;
    for (size_t length = 0; length < ALL_LENGTHS; length++) {
        fill(text, length, length);
        by_libcrypto(text, length, digests[length]);
    }
    by_libcrypto(digests, sizeof digests, digest);
    mm_hex(hex, digest, MM_HASH_BYTES);
    check_text("digests of all lengths", hex, all_lengths_hex);
}

static void paths_have_names(void **state)
{
    const struct mm_sha256_path *path, *last = NULL;
    size_t count = 0;
    (void)state;
    while ((path = mm_sha256_path_at(count)) != NULL) {
        assert_ptr_equal(mm_sha256_path_named(mm_sha256_path_name(path)), path);
        assert_in_range(mm_sha256_path_lanes(path), 1, 16);
        last = path;
        count++;
    }
    check_number("paths", count, 7);
    assert_null(mm_sha256_path_at(count + 1));
    assert_null(mm_sha256_path_named("none"));
    assert_string_equal(mm_sha256_path_name(last), "portable");
    assert_true(mm_sha256_path_runs(last));
    assert_true(mm_sha256_path_runs(mm_sha256_path_named("libcrypto")));
    assert_in_range(mm_sha256_path_lanes(NULL), 1, 16);
}

static void two_twins_do_not_mix(void **state)
{
    unsigned char digest[MM_HASH_BYTES], expected[MM_HASH_BYTES];
    struct mm_sha256_twin *one = mm_sha256_twin_new(NULL), *other = mm_sha256_twin_new(NULL);
    (void)state;
    mm_sha256_twin_update(one, "a", 1);
    mm_sha256_twin_update(other, "zzz", 3);
    mm_sha256_twin_update(one, NULL, 0);
    mm_sha256_twin_update(one, "bc", 2);
    mm_sha256_twin_take_whole(one, digest);
    by_libcrypto("abc", 3, expected);
    assert_memory_equal(digest, expected, MM_HASH_BYTES);
    mm_sha256_twin_take_piece(other, digest);
    by_libcrypto("zzz", 3, expected);
    assert_memory_equal(digest, expected, MM_HASH_BYTES);
    mm_sha256_twin_take_whole(one, digest);
    assert_memory_equal(digest, mm_sha256_empty, MM_HASH_BYTES);
    mm_sha256_twin_free(one);
    mm_sha256_twin_free(other);
    mm_sha256_twin_free(NULL);
}

/* One test a path; tests/run.sh counts the lines of those that cannot be tried here. */
int main(void)
{
    enum { OTHERS = 3, PATHS_MAX = 10 };
    struct CMUnitTest tests[OTHERS + PATHS_MAX + 1] = {
        cmocka_unit_test(what_is_written_down_is_what_libcrypto_says),
        cmocka_unit_test(paths_have_names),
        cmocka_unit_test(two_twins_do_not_mix),
        {"the chosen path", a_path_is_right, NULL, NULL, NULL},
    };
    const struct mm_sha256_path *path;
    size_t count = OTHERS + 1;
    for (size_t i = 0; i < PATHS_MAX && (path = mm_sha256_path_at(i)) != NULL; i++) {
        struct CMUnitTest test = {mm_sha256_path_name(path), a_path_is_right, NULL, NULL, (void *)path};
        if (mm_sha256_path_runs(path))
            tests[count++] = test;
        else
            printf("skip SHA-256 by %s (not on this machine)\n", mm_sha256_path_name(path));
    }
    fflush(stdout);
    return _cmocka_run_group_tests("sha256_lanes", tests, count, NULL, NULL);
}
