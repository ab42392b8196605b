/* Copies in sealed memory, and descriptors that are sent to another process. */
#include "unit.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/parcel.h"
#include "base/sealed.h"

static int file_with(const char *text)
{
    int fd = memfd_create("unit", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static void check_bytes(int fd, const char *expected)
{
    char found[64] = {0};
    assert_int_equal(pread(fd, found, sizeof found - 1, 0), strlen(expected));
    check_text("bytes", found, expected);
}

static void a_copy_cannot_be_changed(void **state)
{
    struct mm_diags diags;
    char path[40];
    int fd = file_with("the bytes"), sealed;
    (void)state;
    mm_diags_init(&diags);
    sealed = mm_sealed_copy(fd, 9, "a/model.gguf", &diags);
    assert_true(sealed >= 0);
    assert_int_equal(pwrite(fd, "OTHER", 5, 0), 5);
    check_bytes(sealed, "the bytes");
    assert_int_equal(lseek(sealed, 0, SEEK_CUR), 0);
    assert_int_equal(write(sealed, "x", 1), -1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", sealed);
    int again = open(path, O_RDWR | O_CLOEXEC);
    if (again >= 0) { /* whoever owns it may open it, and no more */
        assert_int_equal(write(again, "x", 1), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(again, 3), -1);
        assert_int_equal(ftruncate(again, 100), -1);
        assert_ptr_equal(mmap(NULL, 9, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0), MAP_FAILED);
        close(again);
    }
    void *mapped = mmap(NULL, 9, PROT_READ, MAP_SHARED, sealed, 0);
    assert_ptr_not_equal(mapped, MAP_FAILED);
    assert_memory_equal(mapped, "the bytes", 9);
    munmap(mapped, 9);
    check_bytes(sealed, "the bytes");
    check_findings("a copy", &diags, "");
    close(sealed);
    close(fd);
}

static void an_empty_file_is_copied(void **state)
{
    struct mm_diags diags;
    int fd = file_with(""), sealed;
    (void)state;
    mm_diags_init(&diags);
    sealed = mm_sealed_copy(fd, 0, "", &diags);
    assert_true(sealed >= 0);
    check_bytes(sealed, "");
    close(sealed);
    close(fd);
}

static void what_does_not_fit_is_refused_before_it_is_read(void **state)
{
    struct mm_diags diags;
    uint64_t available = mm_memory_available();
    (void)state;
    if (available == UINT64_MAX)
        skip();
    mm_diags_init(&diags);
    assert_int_equal(mm_sealed_copy(-1, UINT64_MAX / 2, "large", &diags), -1);
    check_findings("too large", &diags, "io-limit");
    mm_diags_release(&diags);
}

static void a_file_that_ends_early_is_a_finding(void **state)
{
    struct mm_diags diags;
    int fd = file_with("short");
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_sealed_copy(fd, 10, "short", &diags), -1);
    check_findings("short", &diags, "io-changed");
    mm_diags_release(&diags);
    close(fd);
}

static void parcels_arrive_in_their_order(void **state)
{
    int ends[2], a = file_with("first"), b = file_with("second"), fd;
    char text[MM_PARCEL_TEXT], longest[MM_PARCEL_TEXT];
    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(mm_parcel_open(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        _exit(mm_parcel_send(ends[1], "one", a) | mm_parcel_send(ends[1], longest, b));
    }
    close(ends[1]);
    assert_int_equal(mm_parcel_receive(ends[0], text, 100, &fd), 1);
    check_text("text", text, "one");
    assert_true(fd >= 100);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    check_bytes(fd, "first");
    close(fd);
    assert_int_equal(mm_parcel_receive(ends[0], text, 0, &fd), 1);
    check_text("text", text, longest);
    check_bytes(fd, "second");
    close(fd);
    assert_int_equal(mm_parcel_receive(ends[0], text, 0, &fd), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(a);
    close(b);
}

static void what_is_no_parcel_is_an_error(void **state)
{
    int ends[2], fd = -5;
    char text[MM_PARCEL_TEXT], longer[MM_PARCEL_TEXT + 1] = {0};
    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    assert_int_equal(mm_parcel_open(ends), 0);
    assert_int_equal(write(ends[1], "no descriptor", 13), 13);
    assert_int_equal(mm_parcel_receive(ends[0], text, 0, &fd), -1);
    assert_int_equal(errno, EBADMSG);
    assert_int_equal(mm_parcel_send(ends[1], longer, ends[1]), 0);
    assert_int_equal(mm_parcel_receive(ends[0], text, 0, &fd), -1);
    assert_int_equal(errno, EBADMSG);
    assert_int_equal(fd, -5);
    assert_int_equal(mm_parcel_send(ends[1], "x", -1), -1);
    close(ends[0]);
    assert_int_equal(mm_parcel_send(ends[1], "nobody listens", ends[1]), -1); /* and no SIGPIPE */
    close(ends[1]);
}

static void a_full_table_of_descriptors_is_an_error(void **state)
{
    int ends[2], fd;
    char text[MM_PARCEL_TEXT];
    struct rlimit before, few;
    (void)state;
    assert_int_equal(mm_parcel_open(ends), 0);
    assert_int_equal(mm_parcel_send(ends[1], "x", ends[1]), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(ends[0]);
    close(next);
    few = before;
    few.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int got = mm_parcel_receive(ends[0], text, 0, &fd), error = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(got, -1);
    assert_int_equal(error, EMFILE);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_cannot_be_changed),
        cmocka_unit_test(an_empty_file_is_copied),
        cmocka_unit_test(what_does_not_fit_is_refused_before_it_is_read),
        cmocka_unit_test(a_file_that_ends_early_is_a_finding),
        cmocka_unit_test(parcels_arrive_in_their_order),
        cmocka_unit_test(what_is_no_parcel_is_an_error),
        cmocka_unit_test(a_full_table_of_descriptors_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
