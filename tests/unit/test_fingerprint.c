#include "unit.h"

#include <sys/stat.h>

#include "doc/receipt.h"

static bool measures(int fd, struct mm_digest *verity)
{
    (void)fd;
    verity->known = true;
    memset(verity->bytes, 0xAB, MM_HASH_BYTES);
    return true;
}

static bool measures_nothing(int fd, struct mm_digest *verity)
{
    (void)fd;
    verity->known = false;
    return false;
}

static int open_file(void)
{
    char name[] = "/tmp/minimodel-unit.XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(write(fd, "bytes", 5), 5);
    return fd;
}

static void take(struct mm_fingerprint *fingerprint, int fd, mm_verity_fn *measure)
{
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(mm_fingerprint_take_by(fingerprint, fd, measure, &diags), 0);
    check_findings("a fingerprint", &diags, "");
    mm_diags_release(&diags);
}

static void what_is_measured_is_recorded(void **state)
{
    struct mm_fingerprint with, without;
    struct stat info;
    int fd = open_file();
    (void)state;
    take(&with, fd, measures);
    take(&without, fd, measures_nothing);
    assert_int_equal(fstat(fd, &info), 0);
    assert_true(with.known && with.verity.known && without.known && !without.verity.known);
    assert_int_equal(with.verity.bytes[31], 0xAB);
    check_number("size", with.size, 5);
    check_number("inode", with.inode, (uint64_t)info.st_ino & INT64_MAX);
    assert_false(mm_fingerprint_same(&with, &without));
    close(fd);
}

static void a_file_without_fs_verity_has_no_digest(void **state)
{
    struct mm_digest verity = {.known = true};
    int fd = open_file();
    (void)state;
    assert_false(mm_verity_measure(fd, &verity));
    assert_false(verity.known);
    close(fd);
}

static void times_that_do_not_fit_leave_it_unknown(void **state)
{
    struct mm_fingerprint fingerprint;
    struct timespec times[2] = {{.tv_sec = -1}, {.tv_sec = -1}};
    int fd = open_file();
    (void)state;
    if (futimens(fd, times) == 0) {
        take(&fingerprint, fd, measures);
        assert_false(fingerprint.known || fingerprint.verity.known);
        assert_false(mm_fingerprint_same(&fingerprint, &fingerprint));
    }
    close(fd);
}

static void a_change_shows(void **state)
{
    struct mm_fingerprint before, after;
    struct timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 1}, {.tv_sec = 1000, .tv_nsec = 1}};
    int fd = open_file();
    (void)state;
    assert_int_equal(futimens(fd, times), 0);
    take(&before, fd, measures_nothing);
    take(&after, fd, measures_nothing);
    assert_true(mm_fingerprint_same(&before, &after));
    times[1].tv_nsec = 2;
    assert_int_equal(futimens(fd, times), 0);
    take(&after, fd, measures_nothing);
    assert_int_equal(after.mtime - before.mtime, 1);
    assert_false(mm_fingerprint_same(&before, &after));
    close(fd);
}

static void a_descriptor_that_is_none_is_a_finding(void **state)
{
    struct mm_fingerprint fingerprint;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_fingerprint_take(&fingerprint, -1, &diags), -1);
    check_findings("none", &diags, "io-read");
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_measured_is_recorded),
        cmocka_unit_test(a_file_without_fs_verity_has_no_digest),
        cmocka_unit_test(times_that_do_not_fit_leave_it_unknown),
        cmocka_unit_test(a_change_shows),
        cmocka_unit_test(a_descriptor_that_is_none_is_a_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
