#include "../unit/unit.h"

#include <stdatomic.h>

#include "infer/crew.h"

enum { MOST = 5000 };

/* How often each number was given out, and what was wrong with a share. */
struct seen {
    unsigned char times[MOST];
    uint64_t count, step;
    unsigned threads;
    _Atomic unsigned wrong;
};

static void look(void *context, uint64_t first, uint64_t how_many, unsigned thread)
{
    struct seen *seen = context;
    if (first > seen->count || how_many == 0 || how_many > seen->count - first || thread >= seen->threads || first % seen->step != 0 ||
        (how_many % seen->step != 0 && first + how_many != seen->count)) {
        seen->wrong++;
        return;
    }
    for (uint64_t i = first; i < first + how_many; i++)
        seen->times[i]++;
}

static void every_number_is_given_out_once(void **state)
{
    static const uint64_t counts[] = {0, 1, 2, 3, 4, 5, 16, 17, 63, 64, 65, 1000, 4999, MOST}, steps[] = {1, 4, 16, 7, 6000};
    static const unsigned threads[] = {1, 2, 3, 8};
    (void)state;
    for (size_t t = 0; t < COUNT_OF(threads); t++) {
        struct mm_diags diags;
        mm_diags_init(&diags);
        struct mm_crew *crew = mm_crew_new(threads[t], &diags);
        assert_non_null(crew);
        check_number("threads", mm_crew_threads(crew), threads[t]);
        for (int turn = 0; turn < 50; turn++)
            for (size_t c = 0; c < COUNT_OF(counts); c++) {
                static struct seen seen;
                seen = (struct seen){.count = counts[c], .step = steps[(size_t)turn % COUNT_OF(steps)], .threads = threads[t]};
                mm_crew_share(crew, counts[c], seen.step, look, &seen);
                check_number("wrong shares", seen.wrong, 0);
                for (uint64_t i = 0; i < MOST; i++)
                    check_number("times", seen.times[i], i < counts[c]);
                if (turn == 25 && c == 0)
                    usleep(20000); /* the others fall asleep */
            }
        mm_crew_free(crew);
        mm_diags_release(&diags);
    }
}

struct sums {
    uint64_t values[256]; /* each is added to the next one's, so that what one piece of work left has to be seen by the next */
    uint64_t turn;
};

static void add_up(void *context, uint64_t first, uint64_t how_many, unsigned thread)
{
    struct sums *sums = context;
    (void)thread;
    for (uint64_t i = first; i < first + how_many; i++) {
        uint64_t from = sums->turn % 2 ? 128 : 0, to = 128 - from;
        sums->values[to + i] = sums->values[from + (i + 1) % 128] + 1;
    }
}

static void work_sees_what_was_done_before(void **state)
{
    static struct sums sums;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    struct mm_crew *crew = mm_crew_new(4, &diags);
    assert_non_null(crew);
    for (sums.turn = 0; sums.turn < 20000; sums.turn++)
        mm_crew_share(crew, 128, 4, add_up, &sums);
    for (int i = 0; i < 128; i++)
        check_number("value", sums.values[i], 20000);
    mm_crew_free(crew);
    mm_diags_release(&diags);
}

static void a_crew_has_limits(void **state)
{
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    struct mm_crew *crew = mm_crew_new(MM_CREW_THREADS + 10, &diags);
    assert_non_null(crew);
    assert_true(mm_crew_threads(crew) <= MM_CREW_THREADS);
    mm_crew_free(crew);
    mm_crew_free(NULL);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_is_given_out_once),
        cmocka_unit_test(work_sees_what_was_done_before),
        cmocka_unit_test(a_crew_has_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
