#include "unit.h"

#include <sys/wait.h>

#include "base/source.h"

#define WINDOW MM_SOURCE_WINDOW

static unsigned char *make_bytes(size_t length)
{
    unsigned char *bytes = test_malloc(length + 1);
    uint32_t noise = 1;
    for (size_t i = 0; i < length; i++) {
        noise = noise * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(noise >> 24);
    }
    return bytes;
}

/* A sink that compares what it sees with what the file holds. */
struct seen {
    const unsigned char *bytes;
    size_t length, expected;
    bool wrong;
};

static void see(void *context, const unsigned char *bytes, size_t length)
{
    struct seen *seen = context;
    if (length > seen->expected - seen->length || memcmp(seen->bytes + seen->length, bytes, length) != 0)
        seen->wrong = true;
    else
        seen->length += length;
}

struct scene {
    unsigned char *bytes;
    size_t length;
    int fd;
    struct mm_source source;
    struct seen seen;
    struct mm_diags diags;
};

static void begin(struct scene *s, size_t length)
{
    s->bytes = make_bytes(length);
    s->length = length;
    s->fd = file_of(s->bytes, length);
    s->seen = (struct seen){s->bytes, 0, length, false};
    mm_diags_init(&s->diags);
    assert_int_equal(mm_source_open(&s->source, s->fd, &s->diags), 0);
    s->source.sink = see;
    s->source.sink_context = &s->seen;
}

/* Finishes with EXPECTED findings; the sink saw each byte once. */
static void end(struct scene *s, const char *expected)
{
    assert_int_equal(mm_source_finish(&s->source, &s->diags), *expected ? -1 : 0);
    check_findings("finish", &s->diags, expected);
    if (!*expected) {
        assert_false(s->seen.wrong);
        assert_int_equal(s->seen.length, s->length);
        assert_int_equal(s->source.fetched, s->length);
    }
    mm_source_release(&s->source);
    mm_diags_release(&s->diags);
    close(s->fd);
    test_free(s->bytes);
}

static const size_t lengths[] = {0, 1, 100, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW + 17};

static void what_no_parser_takes_is_hashed_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct scene s;
        begin(&s, lengths[i]);
        assert_true(s.source.regular);
        assert_int_equal(s.source.size, lengths[i]);
        assert_int_equal(mm_source_left(&s.source), lengths[i]);
        end(&s, "");
    }
}

static void reads_cross_windows(void **state)
{
    static const size_t pieces[] = {1, 7, 4096, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW + 5};
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct scene s;
        begin(&s, 3 * WINDOW + 17);
        unsigned char *out = test_malloc(pieces[p]);
        size_t at = 0;
        for (; at + pieces[p] <= s.length; at += pieces[p]) {
            assert_int_equal(mm_source_offset(&s.source), at);
            assert_int_equal(mm_source_left(&s.source), s.length - at);
            assert_true(mm_source_read(&s.source, out, pieces[p]));
            if (memcmp(out, s.bytes + at, pieces[p]) != 0)
                fail_msg("bytes at %zu", at);
            if (pieces[p] == 1 && at == 2000)
                break;
        }
        test_free(out);
        end(&s, "");
    }
}

static void reading_past_the_end_fails(void **state)
{
    unsigned char out[200];
    struct scene s;
    (void)state;
    begin(&s, 100);
    assert_true(mm_source_read(&s.source, out, 60));
    assert_false(mm_source_read(&s.source, out, 41));
    assert_int_equal(mm_source_left(&s.source), 0);
    assert_false(mm_source_read(&s.source, out, 1));
    assert_true(mm_source_read(&s.source, out, 0));
    assert_false(mm_source_skip(&s.source, 1));
    end(&s, "");
}

static void skips_cross_windows(void **state)
{
    unsigned char byte;
    struct scene s;
    (void)state;
    begin(&s, 3 * WINDOW);
    assert_true(mm_source_skip(&s.source, 0));
    assert_true(mm_source_skip(&s.source, 2 * WINDOW + 9));
    assert_int_equal(mm_source_offset(&s.source), 2 * WINDOW + 9);
    assert_true(mm_source_read(&s.source, &byte, 1));
    assert_int_equal(byte, s.bytes[2 * WINDOW + 9]);
    assert_true(mm_source_skip(&s.source, WINDOW - 10));
    assert_int_equal(mm_source_left(&s.source), 0);
    assert_int_equal(mm_source_offset(&s.source), 3 * WINDOW);
    assert_false(mm_source_skip(&s.source, 1));
    end(&s, "");
}

static void skipping_past_the_end_fails(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, WINDOW + 5);
    assert_false(mm_source_skip(&s.source, UINT64_MAX));
    end(&s, "");
}

static void peeking_takes_nothing(void **state)
{
    static const size_t wants[] = {0, 1, 512, 65536, WINDOW};
    const unsigned char *bytes;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        for (size_t k = 0; k < COUNT_OF(wants); k++) {
            struct scene s;
            begin(&s, lengths[i]);
            size_t expected = wants[k] < lengths[i] ? wants[k] : lengths[i];
            assert_int_equal(mm_source_peek(&s.source, wants[k], &bytes), expected);
            if (expected)
                assert_memory_equal(bytes, s.bytes, expected);
            assert_int_equal(mm_source_offset(&s.source), 0);
            assert_int_equal(mm_source_left(&s.source), lengths[i]);
            end(&s, "");
        }
}

static void what_is_at_hand_is_given_without_copying(void **state)
{
    const unsigned char *bytes;
    struct scene s;
    size_t at = 0, have;
    (void)state;
    begin(&s, 2 * WINDOW + 33);
    while ((have = mm_source_some(&s.source, &bytes)) > 0) {
        size_t take = have > 1000 ? 1000 + have / 2 : have;
        assert_memory_equal(bytes, s.bytes + at, have < 64 ? have : 64);
        mm_source_advance(&s.source, take > have ? have : take);
        at += take > have ? have : take;
        assert_int_equal(mm_source_offset(&s.source), at);
    }
    assert_int_equal(at, s.length);
    end(&s, "");
}

static void a_file_that_was_read_in_part_goes_on_there(void **state)
{
    unsigned char first[10];
    struct scene s;
    (void)state;
    begin(&s, 5000);
    mm_source_release(&s.source);
    assert_int_equal(lseek(s.fd, 1234, SEEK_SET), 1234);
    assert_int_equal(mm_source_open(&s.source, s.fd, &s.diags), 0);
    assert_int_equal(s.source.size, 5000 - 1234);
    assert_true(mm_source_read(&s.source, first, sizeof first));
    assert_memory_equal(first, s.bytes + 1234, sizeof first);
    assert_int_equal(mm_source_finish(&s.source, &s.diags), 0);
    assert_int_equal(s.source.fetched, 5000 - 1234);
    mm_source_release(&s.source);
    mm_diags_release(&s.diags);
    close(s.fd);
    test_free(s.bytes);
}

static void growth_while_reading_is_found(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, 2 * WINDOW);
    assert_true(mm_source_skip(&s.source, 10));
    assert_int_equal(pwrite(s.fd, "more", 4, 2 * WINDOW), 4);
    end(&s, "io-changed");
}

static void growth_after_the_last_byte_was_read_is_found(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, 10);
    assert_true(mm_source_skip(&s.source, 10));
    assert_int_equal(pwrite(s.fd, "more", 4, 10), 4);
    end(&s, "io-changed");
}

static void shrinking_while_reading_is_found(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, 3 * WINDOW);
    assert_true(mm_source_skip(&s.source, 10));
    assert_int_equal(ftruncate(s.fd, WINDOW + 1), 0);
    assert_false(mm_source_skip(&s.source, 2 * WINDOW));
    end(&s, "io-changed");
}

static void a_rewritten_file_of_the_same_size_is_found(void **state)
{
    const struct timespec times[2] = {{1000000, 0}, {1000000, 1}};
    struct scene s;
    (void)state;
    begin(&s, 100);
    assert_true(mm_source_skip(&s.source, 100));
    assert_int_equal(pwrite(s.fd, "x", 1, 0), 1);
    assert_int_equal(futimens(s.fd, times), 0);
    end(&s, "io-changed");
}

static void failed_reads_are_reported(void **state)
{
    struct mm_source source;
    struct mm_diags diags;
    const unsigned char *bytes;
    (void)state;
    mm_diags_init(&diags);
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mm_source_open(&source, folder, &diags), 0);
    assert_int_equal(mm_source_some(&source, &bytes), 0);
    assert_true(source.error != 0);
    assert_int_equal(mm_source_finish(&source, &diags), -1);
    check_findings("folder", &diags, "io-read");
    mm_source_release(&source);
    close(folder);
    assert_int_equal(mm_source_open(&source, -1, &diags), -1);
    check_findings("no descriptor", &diags, "io-read");
    mm_source_release(&source);
    mm_diags_release(&diags);
}

static void pipes_work_like_files(void **state)
{
    unsigned char *expected = make_bytes(20000), *out = test_malloc(20000);
    struct seen seen = {expected, 0, 20000, false};
    const unsigned char *head;
    struct mm_source source;
    struct mm_diags diags;
    int ends[2];
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], expected, 20000), 20000);
    close(ends[1]);
    assert_int_equal(mm_source_open(&source, ends[0], &diags), 0);
    source.sink = see;
    source.sink_context = &seen;
    assert_false(source.regular);
    assert_int_equal(mm_source_left(&source), INT64_MAX);
    assert_int_equal(mm_source_peek(&source, 300, &head), 300);
    assert_memory_equal(head, expected, 300);
    assert_true(mm_source_read(&source, out, 19000));
    assert_memory_equal(out, expected, 19000);
    assert_int_equal(mm_source_finish(&source, &diags), 0);
    assert_int_equal(seen.length, 20000);
    assert_false(seen.wrong);
    mm_source_release(&source);
    close(ends[0]);
    check_findings("pipe", &diags, "");
    mm_diags_release(&diags);
    test_free(expected);
    test_free(out);
}

/* A writer that gives a pipe its bytes one by one must not make a peek come short. */
static void peeking_waits_for_a_slow_pipe(void **state)
{
    const unsigned char *head;
    struct mm_source source;
    struct mm_diags diags;
    int ends[2];
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (const char *text = "slowly"; *text; text++) {
            if (write(ends[1], text, 1) != 1)
                _exit(1);
            usleep(1000);
        }
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(mm_source_open(&source, ends[0], &diags), 0);
    assert_int_equal(mm_source_peek(&source, 64, &head), 6);
    assert_memory_equal(head, "slowly", 6);
    assert_int_equal(mm_source_finish(&source, &diags), 0);
    mm_source_release(&source);
    close(ends[0]);
    mm_diags_release(&diags);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

struct progress {
    uint64_t done, total;
    bool backwards;
};

static void note_progress(void *context, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    progress->backwards = progress->backwards || done <= progress->done;
    progress->done = done;
    progress->total = total;
}

static void progress_goes_forward_to_the_end(void **state)
{
    struct progress progress = {0};
    struct scene s;
    (void)state;
    begin(&s, 2 * WINDOW + 1);
    s.source.progress = note_progress;
    s.source.progress_context = &progress;
    end(&s, "");
    assert_false(progress.backwards);
    assert_int_equal(progress.done, 2 * WINDOW + 1);
    assert_int_equal(progress.total, 2 * WINDOW + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_parser_takes_is_hashed_too),
        cmocka_unit_test(reads_cross_windows),
        cmocka_unit_test(reading_past_the_end_fails),
        cmocka_unit_test(skips_cross_windows),
        cmocka_unit_test(skipping_past_the_end_fails),
        cmocka_unit_test(peeking_takes_nothing),
        cmocka_unit_test(what_is_at_hand_is_given_without_copying),
        cmocka_unit_test(a_file_that_was_read_in_part_goes_on_there),
        cmocka_unit_test(growth_while_reading_is_found),
        cmocka_unit_test(growth_after_the_last_byte_was_read_is_found),
        cmocka_unit_test(shrinking_while_reading_is_found),
        cmocka_unit_test(a_rewritten_file_of_the_same_size_is_found),
        cmocka_unit_test(failed_reads_are_reported),
        cmocka_unit_test(pipes_work_like_files),
        cmocka_unit_test(peeking_waits_for_a_slow_pipe),
        cmocka_unit_test(progress_goes_forward_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
