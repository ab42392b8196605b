#include "unit.h"

#include <sys/vfs.h>

#include "base/writeback.h"

#define MIB 1048576
#define TMPFS 0x01021994 /* whose pages have nowhere to go */

static void half_of_the_memory_is_where_a_model_floods_it(void **state)
{
    (void)state;
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    assert_false(mm_writeback_floods(0));
    assert_false(mm_writeback_floods(memory / 2 - MIB));
    assert_true(mm_writeback_floods(memory / 2 + MIB));
    assert_true(mm_writeback_floods(UINT64_MAX));
}

/* A file of LENGTH bytes in a new folder, which is removed again. */
static int open_file(size_t length)
{
    static char bytes[MIB];
    char *folder = make_folder();
    int fd = open(in_folder(folder, "f"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    for (size_t at = 0; at < length; at += MIB)
        assert_int_equal(pwrite(fd, bytes, MIB, (off_t)at), MIB);
    remove_folder(folder);
    return fd;
}

static void bytes_are_handed_over_in_steps(void **state)
{
    (void)state;
    int fd = open_file(20 * MIB);
    struct mm_writeback writeback = {.fd = fd};
    assert_int_equal(mm_writeback_reach(&writeback, MM_WRITEBACK_STEP - 1), 0);
    check_number("before a step", writeback.begun, 0);
    assert_int_equal(mm_writeback_reach(&writeback, MM_WRITEBACK_STEP + 5), 0);
    check_number("after one", writeback.begun, MM_WRITEBACK_STEP + 5);
    assert_int_equal(mm_writeback_reach(&writeback, MIB), 0);
    check_number("going back", writeback.begun, MM_WRITEBACK_STEP + 5);
    assert_int_equal(mm_writeback_end(&writeback, 20 * MIB), 0);
    check_number("at the end", writeback.begun, 20 * MIB);
    check_number("nothing is dropped", writeback.dropped, 0);
    close(fd);
}

/* Pages of the first LENGTH bytes of FD that are in memory. */
static size_t resident(int fd, size_t length)
{
    static unsigned char pages[64 * MIB / 4096];
    size_t count = 0;
    void *at = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(at != MAP_FAILED);
    assert_int_equal(mincore(at, length, pages), 0);
    for (size_t i = 0; i < length / (size_t)sysconf(_SC_PAGESIZE); i++)
        count += pages[i] & 1;
    munmap(at, length);
    return count;
}

static void what_arrived_is_dropped_with_some_delay(void **state)
{
    struct statfs system;
    size_t length = MM_WRITEBACK_LAG + 3 * MM_WRITEBACK_STEP;
    (void)state;
    int fd = open_file(length);
    struct mm_writeback writeback = {.fd = fd, .drop = true};
    for (size_t at = MIB; at < length; at += MIB) {
        assert_int_equal(mm_writeback_reach(&writeback, at), 0);
        assert_true(writeback.dropped <= writeback.begun && writeback.begun <= at);
    }
    check_number("so far", writeback.dropped, MM_WRITEBACK_STEP * 2);
    assert_int_equal(mm_writeback_end(&writeback, length), 0);
    check_number("in the end", writeback.dropped, length);
    bool can = fstatfs(fd, &system) == 0 && system.f_type != TMPFS;
    size_t left = resident(fd, length);
    close(fd);
    if (!can)
        skip();
    check_number("pages that are left", left, 0);
}

static void a_file_that_is_read_can_be_forgotten(void **state)
{
    struct statfs system;
    (void)state;
    int fd = open_file(4 * MIB);
    assert_int_equal(fsync(fd), 0);
    mm_writeback_forget(fd, MIB, 4 * MIB);
    mm_writeback_forget(fd, MIB, MIB); /* which would be up to the end of the file for the system */
    bool can = fstatfs(fd, &system) == 0 && system.f_type != TMPFS;
    size_t left = resident(fd, 4 * MIB), kept = resident(fd, MIB);
    close(fd);
    if (!can)
        skip();
    check_number("pages that were not forgotten", left, kept);
}

static void what_knows_no_such_thing_is_no_failure(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    for (int which = 0; which < 2; which++) {
        struct mm_writeback writeback = {.fd = which ? ends[1] : -1, .drop = true};
        assert_int_equal(mm_writeback_reach(&writeback, 100 * MIB), 0);
        assert_int_equal(mm_writeback_end(&writeback, 101 * MIB), 0);
        check_number("it counts all the same", writeback.dropped, 101 * MIB);
    }
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_the_memory_is_where_a_model_floods_it),
        cmocka_unit_test(bytes_are_handed_over_in_steps),
        cmocka_unit_test(what_arrived_is_dropped_with_some_delay),
        cmocka_unit_test(a_file_that_is_read_can_be_forgotten),
        cmocka_unit_test(what_knows_no_such_thing_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
