#include "unit.h"

#include "act/media_parts.h"

#define CLUSTER UINT64_C(32768)
#define MODELS 6
#define ARTIFACTS 5

/* What a medium takes on a file system with clusters, counted apart from the planner. */
static uint64_t clusters(uint64_t bytes)
{
    return (bytes + CLUSTER - 1) / CLUSTER * CLUSTER;
}

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

struct fixture {
    struct mm_media_options options;
    struct mm_media media;
    struct mm_diags diags;
    struct mm_media_model models[MODELS];
    struct mm_claim claims[MODELS][ARTIFACTS];
};

static void claim(struct mm_claim *claim, size_t number, uint64_t bytes, uint64_t size)
{
    *claim = (struct mm_claim){0};
    snprintf(claim->path, sizeof claim->path, "%sfile-%zu", number % 2 ? "folder/inner/" : "", number);
    claim->chunks = (struct mm_chunk_facts){.bytes = bytes, .size = size, .count = bytes / size + (bytes % size != 0)};
}

/* Six models with artifacts of up to MOST bytes. */
static void begin(struct fixture *f, uint64_t seed, uint64_t most)
{
    *f = (struct fixture){0};
    mm_diags_init(&f->diags);
    f->media =
        (struct mm_media){.options = &f->options, .models = f->models, .model_count = MODELS, .file_limit = UINT64_MAX};
    for (size_t i = 0; i < MODELS; i++) {
        f->models[i].claims = f->claims[i];
        f->models[i].claim_count = 1 + next(&seed) % ARTIFACTS;
        for (size_t k = 0; k < f->models[i].claim_count; k++)
            claim(&f->claims[i][k], k, next(&seed) % 7 == 0 ? 0 : next(&seed) % most,
                  UINT64_C(65536) << (next(&seed) % 3));
    }
}

static void end(struct fixture *f)
{
    free(f->media.media);
    free(f->media.pieces);
    mm_diags_release(&f->diags);
}

static uint64_t taken_of_model(const struct mm_media_model *model)
{
    uint64_t taken = 5 * CLUSTER;
    for (size_t k = 0; k < model->claim_count; k++) {
        const struct mm_chunk_facts *chunks = &model->claims[k].chunks;
        if (chunks->count > 1)
            taken += clusters(chunks->count * 65 + 200);
        for (const char *at = model->claims[k].path; *at; at++)
            taken += *at == '/' ? CLUSTER : 0;
    }
    return taken;
}

static uint64_t taken(const struct fixture *f, size_t medium, uint64_t base)
{
    uint64_t taken = base;
    for (size_t i = 0; i < MODELS; i++)
        taken += mm_media_carries(&f->media, medium, i) ? taken_of_model(&f->models[i]) : 0;
    for (size_t i = 0; i < f->media.piece_count; i++) {
        const struct mm_media_piece *piece = &f->media.pieces[i];
        const struct mm_chunk_facts *chunks = &f->models[piece->model].claims[piece->artifact].chunks;
        if (piece->medium != medium)
            continue;
        if (piece->whole)
            taken += clusters(chunks->bytes);
        else
            taken += CLUSTER * (1 + (piece->count < 256 ? piece->count : 256)) + piece->count * clusters(chunks->size);
    }
    return taken;
}

/* Every chunk stands once in the plan, in order, and what is whole is no larger than a file may be. */
static void check_pieces(const struct fixture *f)
{
    size_t at = 0;
    const struct mm_media *media = &f->media;
    for (size_t i = 0; i < MODELS; i++)
        for (size_t k = 0; k < f->models[i].claim_count; k++) {
            uint64_t chunk = 0;
            const struct mm_chunk_facts *chunks = &f->claims[i][k].chunks;
            do {
                assert_true(at < media->piece_count);
                const struct mm_media_piece *piece = &media->pieces[at];
                assert_int_equal(piece->model, i);
                assert_int_equal(piece->artifact, k);
                assert_int_equal(piece->first, chunk);
                assert_true(piece->medium < media->medium_count);
                assert_true(!piece->whole ||
                            (chunk == 0 && piece->count == chunks->count && chunks->bytes <= media->file_limit));
                assert_true(piece->count > 0 || chunks->count == 0);
                if (at > 0 && chunk > 0)
                    assert_true(piece->medium > media->pieces[at - 1].medium);
                chunk += piece->count;
                at++;
            } while (chunk < chunks->count);
            assert_int_equal(chunk, chunks->count);
        }
    assert_int_equal(at, media->piece_count);
}

static void check_facts(const struct fixture *f)
{
    for (size_t i = 0; i < MODELS; i++)
        for (size_t medium = 0; medium < f->media.medium_count; medium++) {
            bool carries = false;
            for (size_t k = 0; k < f->media.piece_count; k++)
                carries = carries || (f->media.pieces[k].model == i && f->media.pieces[k].medium == medium);
            assert_int_equal(mm_media_carries(&f->media, medium, i), carries);
            if (carries)
                assert_in_range(medium + 1, f->models[i].facts.first, f->models[i].facts.last);
        }
}

static void test_capacity_is_never_exceeded(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct fixture f;
        uint64_t base = 65536 + seed % 5 * 10000;
        begin(&f, seed, 20000000);
        f.options.capacity = 4000000 + seed * 20000;
        f.media.file_limit = seed % 3 ? UINT64_MAX : 5000000;
        f.options.sets = seed % 11 == 0;
        assert_int_equal(mm_media_place_all(&f.media, base, &f.diags), 0);
        check_pieces(&f);
        check_facts(&f);
        for (size_t i = 0; i < f.media.medium_count; i++) {
            assert_true(taken(&f, i, base) <= f.options.capacity);
            assert_true(taken(&f, i, base) <= f.media.media[i].planned);
        }
        end(&f);
    }
}

static void test_without_capacity_there_is_one(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct fixture f;
        begin(&f, seed, 20000000);
        f.media.file_limit = seed % 2 ? UINT64_MAX : 100000;
        assert_int_equal(mm_media_place_all(&f.media, 4096, &f.diags), 0);
        assert_int_equal(f.media.medium_count, 1);
        check_pieces(&f);
        for (size_t i = 0; i < f.media.piece_count; i++)
            assert_int_equal(f.media.pieces[i].whole,
                             f.claims[f.media.pieces[i].model][f.media.pieces[i].artifact].chunks.bytes <=
                                 f.media.file_limit);
        end(&f);
    }
}

/* One model that fits, one byte of capacity after the other: the plan changes from two media to one, and never fits by luck. */
static void test_around_the_limit(void **state)
{
    (void)state;
    size_t one = 0, more = 0;
    for (uint64_t capacity = 700000; capacity < 900000; capacity += 501) {
        struct fixture f;
        begin(&f, 7, 1000);
        f.media.model_count = 1;
        f.models[0].claim_count = 1;
        claim(&f.claims[0][0], 0, 500000, 65536);
        f.options.capacity = capacity;
        assert_int_equal(mm_media_place_all(&f.media, 1000, &f.diags), 0);
        one += f.media.medium_count == 1;
        more += f.media.medium_count > 1;
        for (size_t i = 0; i < f.media.medium_count; i++)
            assert_true(taken(&f, i, 1000) <= capacity);
        end(&f);
    }
    assert_true(one > 0 && more > 0);
}

static void refused(uint64_t bytes, uint64_t size, uint64_t capacity)
{
    struct fixture f;
    begin(&f, 3, 1000);
    f.media.model_count = 1;
    f.models[0].claim_count = 1;
    claim(&f.claims[0][0], 0, bytes, size);
    f.options.capacity = capacity;
    assert_int_equal(mm_media_place_all(&f.media, 1000, &f.diags), -1);
    assert_int_equal(f.diags.items[0].rule, MM_RULE_IO_LIMIT);
    end(&f);
}

static void test_limits(void **state)
{
    (void)state;
    refused(10000000, 1048576, 1000000);          /* not one chunk fits */
    refused(1, 65536, 100000);                    /* not even what belongs to it */
    refused(UINT64_C(1) << 40, 1048576, 4000000); /* a thousand media are not enough */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity_is_never_exceeded),
        cmocka_unit_test(test_without_capacity_there_is_one),
        cmocka_unit_test(test_around_the_limit),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
