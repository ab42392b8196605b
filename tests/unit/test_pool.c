#include "unit.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/pool.h"

struct sum {
    uint64_t count, end_at; /* results taken; the one that ends it, UINT64_MAX for none */
    uint64_t next;          /* the job whose result has to come now */
    unsigned slots, released;
    atomic_uint running, most;
};

struct slot {
    struct sum *sum;
    uint64_t job, square;
    char name[32];
    bool used;
};

static struct sum *released_in;

/* Every seventh job has findings; later jobs are quicker, so that they are done before earlier ones. */
static int work(const void *context, void *slot_pointer, struct mm_diags *diags)
{
    struct slot *slot = slot_pointer;
    struct sum *sum = slot->sum;
    unsigned running = atomic_fetch_add(&sum->running, 1) + 1, most = atomic_load(&sum->most);
    while (running > most && !atomic_compare_exchange_weak(&sum->most, &most, running))
        ;
    assert_ptr_equal(context, sum);
    if (slot->job % 5 == 0)
        usleep(500);
    slot->square = slot->job * slot->job;
    atomic_fetch_sub(&sum->running, 1);
    if (slot->job % 7 != 3)
        return 0;
    snprintf(slot->name, sizeof slot->name, "job %" PRIu64, slot->job);
    diags->file = slot->name;
    mm_note(diags, MM_RULE_GGUF_TEMPLATE, "first of %" PRIu64, slot->job);
    return mm_diag(diags, MM_RULE_IO_READ, "second of %" PRIu64, slot->job);
}

static int take(void *context, void *slot_pointer, int result, struct mm_diags *diags)
{
    struct sum *sum = context;
    struct slot *slot = slot_pointer;
    check_number("jobs come in their order", slot->job, sum->next++);
    check_number("what was made of it", slot->square, slot->job * slot->job);
    check_number("its result", (uint64_t)-result, slot->job % 7 == 3);
    sum->count++;
    if (slot->job == sum->end_at)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "the end");
    return 0;
}

static void release(void *slot_pointer)
{
    struct slot *slot = slot_pointer;
    released_in->slots += slot->used;
    released_in->released++;
}

static const struct mm_pool_kind kind = {sizeof(struct slot), work, take, release, 1};
static const struct mm_pool_kind in_batches = {sizeof(struct slot), work, take, release, 5};

/* Gives COUNT jobs; returns what the settling did. */
static int give(struct mm_pool *pool, struct sum *sum, uint64_t first, uint64_t count, struct mm_diags *diags)
{
    struct slot *slot;
    for (uint64_t i = first; i < first + count && (slot = mm_pool_slot(pool, diags)); i++) {
        slot->sum = sum;
        slot->job = i;
        slot->used = true;
        mm_pool_give(pool);
    }
    return mm_pool_settle(pool, diags);
}

static void text_of(const struct mm_diags *diags, struct mm_buf *out)
{
    for (size_t i = 0; i < diags->count; i++)
        mm_buf_printf(out, "%s: %s\n", diags->items[i].file, diags->items[i].text);
}

static void results_and_findings_come_in_order(void **state)
{
    struct mm_buf expected = {0};
    (void)state;
    for (unsigned turn = 0; turn < 6; turn++) {
        unsigned threads = 1 + turn / 2 * 4;
        struct sum sum = {.end_at = UINT64_MAX};
        struct mm_diags diags;
        struct mm_buf found = {0};
        mm_diags_init(&diags);
        released_in = &sum;
        struct mm_pool *pool = mm_pool_new(turn % 2 ? &in_batches : &kind, &sum, threads, &diags);
        assert_non_null(pool);
        assert_int_equal(give(pool, &sum, 0, 1000, &diags), 0);
        check_number("results", sum.count, 1000);
        assert_int_equal(give(pool, &sum, 1000, 1, &diags), 0); /* it goes on after that */
        assert_int_equal(mm_pool_settle(pool, &diags), 0);
        check_number("results", sum.count, 1001);
        mm_pool_free(pool);
        assert_true(atomic_load(&sum.most) <= threads);
        assert_true(sum.slots > 0 && sum.released >= sum.slots);
        check_number("errors", diags.errors, 143);
        check_number("findings", diags.count, 286);
        text_of(&diags, turn == 0 ? &expected : &found);
        if (turn > 0)
            check_text("findings", mm_buf_text(&found), mm_buf_text(&expected));
        mm_buf_release(&found);
        mm_diags_release(&diags);
    }
    assert_int_equal(strncmp(mm_buf_text(&expected), "job 3: first of 3\njob 3: second of 3\njob 10: ", 44), 0);
    mm_buf_release(&expected);
}

static void what_comes_behind_the_end_is_dropped(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 8; turn++) {
        unsigned threads = 1 + turn / 2;
        struct sum sum = {.end_at = 20};
        struct mm_diags diags;
        mm_diags_init(&diags);
        released_in = &sum;
        struct mm_pool *pool = mm_pool_new(turn % 2 ? &in_batches : &kind, &sum, threads, &diags);
        assert_non_null(pool);
        assert_int_equal(give(pool, &sum, 0, 1000, &diags), -1);
        check_number("results", sum.count, 21);
        assert_null(mm_pool_slot(pool, &diags));
        assert_int_equal(mm_pool_settle(pool, &diags), -1);
        mm_pool_free(pool);
        check_findings(
            "the end", &diags,
            "note:gguf-chat-template io-read note:gguf-chat-template io-read note:gguf-chat-template io-read "
            "io-limit");
        mm_diags_release(&diags);
    }
}

static void a_pool_ends_with_jobs_in_hand(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 8; turn++) {
        unsigned threads = 1 + turn / 2;
        struct sum sum = {.end_at = UINT64_MAX};
        struct mm_diags diags;
        mm_diags_init(&diags);
        released_in = &sum;
        struct mm_pool *pool = mm_pool_new(turn % 2 ? &in_batches : &kind, &sum, threads, &diags);
        assert_non_null(pool);
        for (uint64_t i = 0; i < 3 && threads > 1; i++) {
            struct slot *slot = mm_pool_slot(pool, &diags);
            *slot = (struct slot){.sum = &sum, .job = i, .used = true};
            mm_pool_give(pool);
        }
        mm_pool_free(pool);
        check_number("results", sum.count, 0);
        check_number("nobody works any more", atomic_load(&sum.running), 0);
        assert_true(sum.released > 0);
        mm_diags_release(&diags);
    }
    mm_pool_free(NULL);
}

static void more_threads_than_there_may_be_are_none(void **state)
{
    struct sum sum = {.end_at = UINT64_MAX};
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    released_in = &sum;
    struct mm_pool *pool = mm_pool_new(&kind, &sum, 1000, &diags);
    assert_non_null(pool);
    assert_int_equal(give(pool, &sum, 0, 3, &diags), 0);
    mm_pool_free(pool);
    assert_true(mm_pool_processors(MM_POOL_THREADS) >= 1);
    assert_true(mm_pool_processors(MM_POOL_THREADS) <= MM_POOL_THREADS);
    assert_int_equal(mm_pool_processors(1), 1);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_and_findings_come_in_order),
        cmocka_unit_test(what_comes_behind_the_end_is_dropped),
        cmocka_unit_test(a_pool_ends_with_jobs_in_hand),
        cmocka_unit_test(more_threads_than_there_may_be_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
