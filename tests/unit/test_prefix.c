/* Digests that follow the chunks of a file as they land, and what the importer makes of them. */
#include "exchange_store.h"

#include <sys/stat.h>

#include "base/tree.h"
#include "exchange/landing.h"

#define CHUNKS 9
#define LENGTH (8 * FIXTURE_CHUNK + 1234)

struct stage {
    struct fixture_model model;
    struct mm_prefix *prefix;
    int fd;
};

static int set_up(void **state)
{
    static struct stage s;
    size_t length = LENGTH;
    unsigned char need[2] = {0xff, 0x80};
    fixture_make(&s.model, "fixture", 1, "available", &length, 1, 7);
    s.fd = file_of("", 0);
    s.prefix = mm_prefix_new(&s.model.lists[0].facts, &s.model.lists[0], s.fd, need);
    assert_non_null(s.prefix);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    mm_prefix_free(s->prefix);
    close(s->fd);
    fixture_release(&s->model);
    return 0;
}

static size_t length_of(uint64_t chunk)
{
    return chunk == CHUNKS - 1 ? 1234 : FIXTURE_CHUNK;
}

/* Chunk CHUNK lands, as a judge has it: with the digests if it is the next one. Returns whether it was. */
static bool land(struct stage *s, uint64_t chunk)
{
    const unsigned char *bytes = s->model.bytes[0] + chunk * FIXTURE_CHUNK;
    unsigned char hash[MM_HASH_BYTES];
    bool next = mm_prefix_is_next(s->prefix, chunk);
    if (next) {
        assert_true(mm_prefix_take(s->prefix, bytes, length_of(chunk), hash));
        assert_memory_equal(hash, s->model.lists[0].hashes.items[chunk], MM_HASH_BYTES);
    }
    assert_int_equal(pwrite(s->fd, bytes, length_of(chunk), (off_t)(chunk * FIXTURE_CHUNK)), length_of(chunk));
    assert_int_equal(mm_prefix_wrote(s->prefix, chunk), 0);
    return next;
}

static void check_known(struct stage *s)
{
    struct mm_import_known known;
    struct mm_fingerprint now;
    struct mm_diags diags;
    const struct mm_chunk_facts *facts = &s->model.lists[0].facts;
    assert_true(mm_prefix_end(s->prefix, 3, &known));
    assert_int_equal(known.artifact, 3);
    assert_int_equal(known.chunks.bytes, LENGTH);
    assert_int_equal(known.chunks.count, CHUNKS);
    assert_true(known.chunks.has_sha256);
    assert_memory_equal(known.chunks.sha256, facts->sha256, MM_HASH_BYTES);
    assert_memory_equal(known.chunks.root, facts->root, MM_HASH_BYTES);
    mm_diags_init(&diags);
    assert_int_equal(mm_fingerprint_take(&now, s->fd, &diags), 0);
    assert_true(mm_fingerprint_same(&now, &known.fingerprint));
    mm_diags_release(&diags);
}

static void in_order_nothing_is_read_back(void **state)
{
    struct stage *s = *state;
    for (uint64_t chunk = 0; chunk < CHUNKS; chunk++) {
        assert_true(land(s, chunk));
        assert_false(mm_prefix_is_behind(s->prefix));
    }
    check_known(s);
}

static void in_any_order_what_was_early_is_read_back(void **state)
{
    struct stage *s = *state;
    static const uint64_t order[CHUNKS] = {3, 0, 8, 1, 2, 7, 4, 5, 6};
    static const bool next[CHUNKS] = {false, true, false, true, true, false, true, true, true};
    for (size_t i = 0; i < CHUNKS; i++) {
        check_number("next", land(s, order[i]), next[i]);
        while (i != 3 && mm_prefix_is_behind(s->prefix))
            mm_prefix_catch_up(s->prefix);
    }
    check_known(s);
}

static void nothing_is_known_while_chunks_lack(void **state)
{
    struct stage *s = *state;
    struct mm_import_known known;
    for (uint64_t chunk = 0; chunk < CHUNKS; chunk++)
        if (chunk != 5)
            land(s, chunk);
    assert_false(mm_prefix_end(s->prefix, 0, &known));
    land(s, 5);
    check_known(s);
}

static void a_wrong_chunk_spoils_them(void **state)
{
    struct stage *s = *state;
    struct mm_import_known known;
    unsigned char hash[MM_HASH_BYTES], *wrong = s->model.bytes[0] + FIXTURE_CHUNK;
    land(s, 0);
    wrong[17] ^= 1;
    assert_true(mm_prefix_is_next(s->prefix, 1));
    assert_false(mm_prefix_take(s->prefix, wrong, FIXTURE_CHUNK, hash));
    wrong[17] ^= 1;
    for (uint64_t chunk = 1; chunk < CHUNKS; chunk++)
        assert_false(land(s, chunk));
    assert_false(mm_prefix_is_behind(s->prefix));
    assert_false(mm_prefix_end(s->prefix, 0, &known));
}

/* Wherever the wrong one is, nothing is known, and the right bytes of that chunk do not mend it. */
static void a_wrong_chunk_anywhere_spoils_them(void **state)
{
    struct stage *s = *state;
    static const uint64_t places[] = {0, CHUNKS / 2, CHUNKS - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct mm_import_known known;
        unsigned char need[2] = {0xff, 0x80}, hash[MM_HASH_BYTES];
        unsigned char *wrong = s->model.bytes[0] + places[i] * FIXTURE_CHUNK;
        mm_prefix_free(s->prefix);
        s->prefix = mm_prefix_new(&s->model.lists[0].facts, &s->model.lists[0], s->fd, need);
        for (uint64_t chunk = 0; chunk < places[i]; chunk++)
            assert_true(land(s, chunk));
        wrong[length_of(places[i]) - 1] ^= 0x80;
        assert_false(mm_prefix_take(s->prefix, wrong, length_of(places[i]), hash));
        wrong[length_of(places[i]) - 1] ^= 0x80;
        for (uint64_t chunk = places[i]; chunk < CHUNKS; chunk++)
            assert_false(land(s, chunk));
        assert_false(mm_prefix_end(s->prefix, 0, &known));
    }
}

/* What an earlier fetch left, which nobody took into the digests, is read back from the disk; what changed there since is found. */
static void what_was_there_before_is_read_back(void **state)
{
    struct stage *s = *state;
    unsigned char need[2] = {0x0a, 0x80}; /* 4, 6 and 8 lack */
    struct mm_import_known known;
    assert_int_equal(pwrite(s->fd, s->model.bytes[0], LENGTH, 0), LENGTH);
    for (int changed = 0; changed < 2; changed++) {
        mm_prefix_free(s->prefix);
        s->prefix = mm_prefix_new(&s->model.lists[0].facts, &s->model.lists[0], s->fd, need);
        if (changed)
            assert_int_equal(pwrite(s->fd, "changed", 7, 5 * FIXTURE_CHUNK), 7);
        assert_false(mm_prefix_is_next(s->prefix, 4));
        for (uint64_t chunk = 4; chunk < CHUNKS; chunk += 2)
            land(s, chunk);
        if (changed)
            assert_false(mm_prefix_end(s->prefix, 3, &known));
        else
            check_known(s);
    }
}

/* Files of one byte, and of one chunk to the byte. */
static void one_chunk_is_enough(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, FIXTURE_CHUNK, FIXTURE_CHUNK + 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct fixture_model model;
        struct mm_import_known known;
        unsigned char need[1] = {0xc0}, hash[MM_HASH_BYTES];
        size_t length = lengths[i];
        fixture_make(&model, "fixture", 1, "available", &length, 1, 7);
        int fd = file_of("", 0);
        struct mm_prefix *prefix = mm_prefix_new(&model.lists[0].facts, &model.lists[0], fd, need);
        assert_non_null(prefix);
        for (uint64_t chunk = 0; chunk * FIXTURE_CHUNK < length; chunk++) {
            size_t at = (size_t)chunk * FIXTURE_CHUNK, some = length - at < FIXTURE_CHUNK ? length - at : FIXTURE_CHUNK;
            assert_false(mm_prefix_end(prefix, 0, &known));
            assert_true(mm_prefix_is_next(prefix, chunk));
            assert_true(mm_prefix_take(prefix, model.bytes[0] + at, some, hash));
            assert_int_equal(pwrite(fd, model.bytes[0] + at, some, (off_t)at), some);
            assert_int_equal(mm_prefix_wrote(prefix, chunk), 0);
        }
        assert_true(mm_prefix_end(prefix, 0, &known));
        assert_memory_equal(known.chunks.sha256, model.lists[0].facts.sha256, MM_HASH_BYTES);
        mm_prefix_free(prefix);
        close(fd);
        fixture_release(&model);
    }
}

/* What is read back is compared with the list: the file may have changed since it was written. */
static void a_change_before_the_reading_spoils_them(void **state)
{
    struct stage *s = *state;
    struct mm_import_known known;
    for (uint64_t chunk = CHUNKS; chunk-- > 0;)
        land(s, chunk);
    assert_int_equal(pwrite(s->fd, "changed", 7, 6 * FIXTURE_CHUNK + 99), 7);
    assert_true(mm_prefix_is_behind(s->prefix));
    assert_false(mm_prefix_end(s->prefix, 0, &known));
}

static void a_file_that_is_shorter_spoils_them(void **state)
{
    struct stage *s = *state;
    struct mm_import_known known;
    for (uint64_t chunk = CHUNKS; chunk-- > 0;)
        land(s, chunk);
    assert_int_equal(ftruncate(s->fd, LENGTH - 1), 0);
    assert_false(mm_prefix_end(s->prefix, 0, &known));
}

/* Several files, of which the digests of those with tensors follow. */
static void a_landing_follows_tensors_alone(void **state)
{
    struct stage *s = *state;
    struct mm_landing landing = MM_LANDING_NONE;
    struct mm_import_known known;
    struct mm_bits lacks = {0};
    struct mm_claim claim = {.format = MM_FORMAT_OPAQUE, .chunks = s->model.lists[0].facts};
    struct mm_diags diags;
    int result;
    mm_diags_init(&diags);
    for (uint64_t chunk = 0; chunk < CHUNKS; chunk++)
        assert_true(mm_bits_add(&lacks, chunk));
    assert_int_equal(mm_landing_open_file(&landing, &claim, &s->model.lists[0], s->fd, &lacks, &diags), 0);
    mm_landing_follow(&landing);
    assert_null(landing.items[0].prefix);
    assert_int_equal(mm_landing_end(&landing, &known), 0);
    landing.items[0].claim.format = MM_FORMAT_GGUF;
    mm_landing_follow(&landing);
    assert_non_null(landing.items[0].prefix);
    assert_false(mm_landing_put_next(&landing, 0, 1, s->model.bytes[0] + FIXTURE_CHUNK, FIXTURE_CHUNK, &result, &diags));
    for (uint64_t chunk = 0; chunk < CHUNKS; chunk++) {
        assert_true(mm_landing_put_next(&landing, 0, chunk, s->model.bytes[0] + chunk * FIXTURE_CHUNK, length_of(chunk), &result, &diags));
        assert_int_equal(result, 0);
    }
    mm_landing_note(&landing, 0, 2, FIXTURE_CHUNK);
    mm_landing_note(&landing, 0, 2, FIXTURE_CHUNK); /* from another peer too */
    assert_int_equal(landing.written, FIXTURE_CHUNK);
    assert_false(mm_landing_catch_up(&landing));
    assert_int_equal(mm_landing_end(&landing, &known), 1);
    assert_int_equal(known.artifact, 0);
    mm_landing_release(&landing);
    mm_bits_release(&lacks);
    mm_diags_release(&diags);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(in_order_nothing_is_read_back),
        CASE(in_any_order_what_was_early_is_read_back),
        CASE(nothing_is_known_while_chunks_lack),
        CASE(a_wrong_chunk_spoils_them),
        CASE(a_wrong_chunk_anywhere_spoils_them),
        CASE(what_was_there_before_is_read_back),
        cmocka_unit_test(one_chunk_is_enough),
        CASE(a_change_before_the_reading_spoils_them),
        CASE(a_file_that_is_shorter_spoils_them),
        CASE(a_landing_follows_tensors_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
