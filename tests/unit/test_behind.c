#include "unit.h"

#include <errno.h>
#include <pthread.h>

#include "base/behind.h"

/* What the thread was given, and when it is let go on. */
struct seen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t allowed, count; /* pieces */
    size_t fails_at;       /* this one, from 1 */
    uint64_t offsets[64];
    size_t lengths[64];
    const void *bytes[64];
};

static int work(void *context, uint64_t offset, const void *bytes, size_t length)
{
    struct seen *seen = context;
    pthread_mutex_lock(&seen->lock);
    while (seen->count >= seen->allowed)
        pthread_cond_wait(&seen->changed, &seen->lock);
    seen->offsets[seen->count] = offset;
    seen->bytes[seen->count] = bytes;
    seen->lengths[seen->count++] = length;
    bool fails = seen->count == seen->fails_at;
    pthread_mutex_unlock(&seen->lock);
    errno = ENOSPC;
    return fails ? -1 : 0;
}

static void allow(struct seen *seen, size_t pieces)
{
    pthread_mutex_lock(&seen->lock);
    seen->allowed = pieces;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static size_t count_of(struct seen *seen)
{
    pthread_mutex_lock(&seen->lock);
    size_t count = seen->count;
    pthread_mutex_unlock(&seen->lock);
    return count;
}

#define NOTHING                                                                                                        \
    {                                                                                                                  \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                                         \
    }

static void pieces_come_in_their_order(void **state)
{
    static const char bytes[40];
    struct seen seen = NOTHING;
    (void)state;
    allow(&seen, 64);
    struct mm_behind *behind = mm_behind_new(work, &seen);
    assert_non_null(behind);
    for (size_t i = 0; i < 40; i++) /* more than can wait */
        assert_int_equal(mm_behind_give(behind, i * 100, i % 3 ? bytes + i : NULL, i), 0);
    assert_int_equal(mm_behind_end(behind), 0);
    assert_int_equal(seen.count, 40);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(seen.offsets[i], i * 100);
        assert_int_equal(seen.lengths[i], i);
        assert_ptr_equal(seen.bytes[i], i % 3 ? bytes + i : NULL);
    }
}

static void what_is_settled_is_done(void **state)
{
    struct seen seen = NOTHING;
    (void)state;
    struct mm_behind *behind = mm_behind_new(work, &seen);
    assert_non_null(behind);
    mm_behind_settle(behind, UINT64_MAX); /* nothing was given */
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(mm_behind_give(behind, i * 10, "x", 10), 0);
    mm_behind_settle(behind, 0);
    allow(&seen, 3);
    mm_behind_settle(behind, 30); /* would wait for ever for the fourth */
    check_number("below 30", count_of(&seen), 3);
    mm_behind_settle(behind, 21);
    allow(&seen, 8);
    mm_behind_settle(behind, 31);
    assert_true(count_of(&seen) >= 4);
    mm_behind_settle(behind, UINT64_MAX);
    check_number("all", count_of(&seen), 8);
    assert_int_equal(mm_behind_end(behind), 0);
}

static void a_failure_is_told_and_ends_the_work(void **state)
{
    struct seen seen = NOTHING;
    (void)state;
    seen.fails_at = 2;
    allow(&seen, 64);
    struct mm_behind *behind = mm_behind_new(work, &seen);
    assert_non_null(behind);
    int given = 0;
    for (size_t i = 0; i < 5; i++)
        given += mm_behind_give(behind, i, "x", 1) == 0;
    assert_true(given >= 2);
    mm_behind_settle(behind, UINT64_MAX);
    errno = 0;
    assert_int_equal(mm_behind_give(behind, 9, "x", 1), -1);
    assert_int_equal(errno, ENOSPC);
    errno = 0;
    assert_int_equal(mm_behind_end(behind), -1);
    assert_int_equal(errno, ENOSPC);
    check_number("calls", seen.count, 2);
}

static void nothing_at_all_is_no_failure(void **state)
{
    struct seen seen = NOTHING;
    (void)state;
    assert_int_equal(mm_behind_end(NULL), 0);
    assert_int_equal(mm_behind_end(mm_behind_new(work, &seen)), 0);
    check_number("calls", seen.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_come_in_their_order),
        cmocka_unit_test(what_is_settled_is_done),
        cmocka_unit_test(a_failure_is_told_and_ends_the_work),
        cmocka_unit_test(nothing_at_all_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
