#include "unit.h"

#include "act/repair.h"

#define SIZE 65536
#define CHUNKS 5
#define BYTES_ALL (4 * SIZE + 999)

/* A file as it should be, its list, and a folder with damaged ones. */
struct place {
    char *top;
    int folder;
    unsigned char whole[BYTES_ALL];
    struct mm_chunk_list list;
    struct mm_claim claim;
    struct mm_copies copies;
    struct mm_repair_files *files;
    struct mm_diags diags;
};

static uint64_t state_of_noise = 88172645463325252u;

static uint64_t noise(void)
{
    state_of_noise ^= state_of_noise << 13;
    state_of_noise ^= state_of_noise >> 7;
    return state_of_noise ^= state_of_noise << 17;
}

static int set_up(void **state)
{
    static struct place place;
    place = (struct place){.top = make_folder()};
    place.folder = open(place.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < BYTES_ALL; i++)
        place.whole[i] = (unsigned char)noise();
    mm_diags_init(&place.diags);
    struct mm_chunker *chunker = mm_chunker_new(
        &(struct mm_chunker_options){.size = SIZE, .whole = true, .each = mm_hashes_add, .context = &place.list.hashes},
        &place.diags);
    assert_non_null(chunker);
    mm_chunker_update(chunker, place.whole, BYTES_ALL);
    assert_int_equal(mm_chunker_finish(chunker, &place.list.facts, &place.diags), 0);
    mm_chunker_free(chunker);
    mm_repair_claim(&place.claim, &place.list, "file");
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    mm_chunk_list_release(&place->list);
    mm_copies_release(&place->copies);
    mm_diags_release(&place->diags);
    close(place->folder);
    remove_folder(place->top);
    return 0;
}

/* Writes NAME with LENGTH bytes of the whole file (more: zeros behind it) and a wrong byte at each of the offsets, up to one beyond. */
static void write_copy(const struct place *place, const char *name, size_t length, const size_t *wrong, size_t count)
{
    unsigned char *bytes = calloc(1, length + 1);
    assert_non_null(bytes);
    memcpy(bytes, place->whole, length < BYTES_ALL ? length : BYTES_ALL);
    for (size_t i = 0; i < count; i++)
        if (wrong[i] < length)
            bytes[wrong[i]] ^= 1;
    write_file(in_folder(place->top, name), bytes, length);
    free(bytes);
}

#define WRITE_COPY(place, name, length, ...)                                                                           \
    write_copy(place, name, length, (const size_t[]){__VA_ARGS__}, COUNT_OF(((const size_t[]){__VA_ARGS__})))

static void add_copy(struct place *place, const char *name)
{
    assert_int_equal(mm_copies_add(&place->copies, in_folder(place->top, name), &place->diags), 0);
}

/* A bit for each chunk of the file NAME that is right. */
static unsigned right_chunks(const struct place *place, const char *name)
{
    static unsigned char bytes[BYTES_ALL];
    unsigned right = 0;
    int fd = open(in_folder(place->top, name), O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, bytes, sizeof bytes) : 0;
    if (fd >= 0)
        close(fd);
    for (unsigned i = 0; i < CHUNKS; i++) {
        size_t begin = i * SIZE, end = i + 1 < CHUNKS ? begin + SIZE : BYTES_ALL;
        if ((size_t)got >= end && memcmp(bytes + begin, place->whole + begin, end - begin) == 0)
            right |= 1u << i;
    }
    return right;
}

static int repair(struct place *place, bool force, const char *bad, struct mm_repair_facts *facts)
{
    struct mm_buf text = {0};
    if (bad)
        mm_buf_str(&text, bad);
    const struct mm_repair_target target = {.folder = place->folder,
                                            .path = "file",
                                            .shown = "file",
                                            .claim = &place->claim,
                                            .any_format = true,
                                            .alone = true,
                                            .list = &place->list,
                                            .out_folder = -1};
    const struct mm_repair_options options = {
        .copies = &place->copies, .files = place->files, .force = force, .bad = bad ? &text : NULL};
    int result = mm_repair(&target, &options, facts, &place->diags);
    mm_buf_release(&text);
    return result;
}

static void check_repair(struct place *place, const char *what, int result, enum mm_repair_state state, uint64_t lacks,
                         const char *findings)
{
    struct mm_repair_facts facts;
    check_number(what, (uint64_t)repair(place, false, NULL, &facts), (uint64_t)result);
    check_number(what, facts.state, state);
    check_number(what, facts.lacks.count, lacks);
    check_findings(what, &place->diags, findings);
    mm_repair_release(&facts);
}

static void a_whole_file_is_left_alone(void **state)
{
    struct place *place = *state;
    write_copy(place, "file", BYTES_ALL, NULL, 0);
    check_repair(place, "no copy is needed", 0, MM_REPAIR_WHOLE, 0, "");
    WRITE_COPY(place, "file", BYTES_ALL, 7);
    check_repair(place, "without copies", -1, MM_REPAIR_LACKS, 1, "store-chunk@#0");
}

static void copies_that_are_damaged_elsewhere_make_a_whole(void **state)
{
    struct place *place = *state;
    WRITE_COPY(place, "file", BYTES_ALL, 1, SIZE + 1, 4 * SIZE + 998);
    WRITE_COPY(place, "one", BYTES_ALL, 1, 2 * SIZE);
    WRITE_COPY(place, "two", BYTES_ALL, SIZE + 1);
    add_copy(place, "one");
    add_copy(place, "two");
    check_repair(place, "two copies", 0, MM_REPAIR_REPAIRED, 0, "");
    check_number("all of it", right_chunks(place, "file"), 31);
    check_repair(place, "again", 0, MM_REPAIR_WHOLE, 0, "");
}

/* One copy ends within a chunk, another has its beginning wrong: together they have it. */
static void a_chunk_is_put_together(void **state)
{
    struct place *place = *state;
    struct mm_repair_facts facts;
    WRITE_COPY(place, "file", BYTES_ALL, SIZE + 100, SIZE + 40000);
    WRITE_COPY(place, "short", SIZE + 20480);
    WRITE_COPY(place, "wrong", BYTES_ALL, SIZE + 4096);
    add_copy(place, "wrong");
    add_copy(place, "short");
    assert_int_equal(repair(place, false, NULL, &facts), 0);
    check_number("all of it", right_chunks(place, "file"), 31);
    check_number("of the wrong one", facts.copies[0].copied, SIZE - 20480);
    check_number("of the short one", facts.copies[1].copied, 20480);
    check_number("is one chunk", facts.copies[0].chunks + facts.copies[1].chunks, 1);
    check_number("the wrong one", facts.copies[0].wrong, 1);
    check_number("nothing was unreadable", facts.copies[1].unreadable, 0);
    mm_repair_release(&facts);
}

static void another_file_is_not_replaced(void **state)
{
    struct place *place = *state;
    struct mm_repair_facts facts;
    WRITE_COPY(place, "file", BYTES_ALL, 1, SIZE, 2 * SIZE, 3 * SIZE, 4 * SIZE);
    write_copy(place, "copy", BYTES_ALL, NULL, 0);
    add_copy(place, "copy");
    check_repair(place, "no chunk is right", -1, MM_REPAIR_LACKS, 5, "chunk-wrong");
    check_number("nothing was written", right_chunks(place, "file"), 0);
    assert_int_equal(repair(place, true, NULL, &facts), 0);
    check_number("with force", right_chunks(place, "file"), 31);
    mm_repair_release(&facts);
}

static void hints_are_not_believed(void **state)
{
    struct place *place = *state;
    struct mm_repair_facts facts;
    WRITE_COPY(place, "file", BYTES_ALL + 5, SIZE, 3 * SIZE);
    write_copy(place, "copy", BYTES_ALL, NULL, 0);
    add_copy(place, "copy");
    assert_int_equal(
        repair(place, false, "0\t0\t65536\tfile\n1\t65536\t65536\tfile\n2\t131072\t65536\tother\n", &facts), 0);
    check_number("wrong ones, named or not", facts.wrong, 2);
    check_number("are copied", facts.copied, 2 * SIZE);
    check_number("and nothing else", facts.copies[0].read, 2 * SIZE);
    check_number("all of it", right_chunks(place, "file"), 31);
    mm_repair_release(&facts);
    assert_int_equal(repair(place, false, "0\t0\t65535\tfile\n", &facts), -1);
    check_findings("no chunk", &place->diags, "chunk-ranges@1:1");
    mm_repair_release(&facts);
}

/* Whatever is damaged how: what was right stays, what a copy has comes in, nothing else changes, and the counts agree. */
static void any_damage(struct place *place)
{
    static const char *const names[] = {"file", "one", "two", "three"};
    struct mm_repair_facts facts;
    unsigned right[4], all = 0;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t wrong[6], length = noise() % 4 ? BYTES_ALL : noise() % (BYTES_ALL + SIZE);
        for (size_t k = 0; k < COUNT_OF(wrong); k++)
            wrong[k] = noise() % 3 ? noise() % BYTES_ALL : SIZE_MAX;
        write_copy(place, names[i], length, wrong, COUNT_OF(wrong));
        right[i] = right_chunks(place, names[i]);
        all |= right[i];
    }
    int result = repair(place, true, noise() % 2 ? NULL : "1\t65536\t65536\tfile\n", &facts);
    unsigned now = right_chunks(place, "file");
    check_number("what was right is right", now & right[0], right[0]);
    check_number("what a copy has is right", now & all, all);
    check_number("it is whole if it says so", now == 31, result == 0);
    check_number("the chunks that lack are told", facts.lacks.count, (uint64_t)(CHUNKS - __builtin_popcount(now)));
    for (unsigned i = 0; i < CHUNKS; i++)
        check_number("each", mm_bits_has(&facts.lacks, i), !(now >> i & 1));
    check_number("mended", facts.mended, (uint64_t)__builtin_popcount(now & ~right[0]));
    uint64_t copied = 0;
    for (size_t i = 0; i < place->copies.count; i++)
        copied += facts.copies[i].copied;
    check_number("the copies gave what was copied", facts.copied, copied);
    mm_repair_release(&facts);
    mm_diags_clear(&place->diags);
}

static void right_chunks_stay_and_others_come(void **state)
{
    struct place *place = *state;
    write_copy(place, "one", 0, NULL, 0);
    write_copy(place, "two", 0, NULL, 0);
    write_copy(place, "three", 0, NULL, 0);
    add_copy(place, "one");
    add_copy(place, "two");
    add_copy(place, "three");
    for (int i = 0; i < 300; i++)
        any_damage(place);
}

/* What a folder that does not tell a name's cases apart does: two names, one file. */
static void a_file_that_has_to_be_two_is_written_as_neither(void **state)
{
    struct place *place = *state;
    struct mm_repair_files files = {0};
    struct mm_chunk_facts other = place->claim.chunks;
    struct stat info;
    other.sha256[0] ^= 1;
    WRITE_COPY(place, "file", BYTES_ALL, 1);
    write_copy(place, "copy", BYTES_ALL, NULL, 0);
    add_copy(place, "copy");
    place->files = &files;
    assert_int_equal(mm_repair_files_add_copies(&files, &place->copies, &place->diags), 0);
    assert_int_equal(fstat(place->copies.items[0].file, &info), 0);
    assert_true(mm_repair_files_have(&files, &info));
    assert_false(mm_repair_files_clash(&files, &info, &other));
    assert_int_equal(mm_repair_files_add_target(&files, place->folder, "nothing", &other, &place->diags), 0);
    check_number("what is not there is none", files.count, 1);
    assert_int_equal(mm_repair_files_add_target(&files, place->folder, "file", &place->claim.chunks, &place->diags), 0);
    assert_int_equal(mm_repair_files_add_target(&files, place->folder, "file", &other, &place->diags), 0);
    check_repair(place, "it has to be another too", -1, MM_REPAIR_FAILED, 0, "io-not-regular");
    check_number("nothing was written", right_chunks(place, "file"), 30);
    mm_repair_files_release(&files);
    assert_int_equal(mm_repair_files_add_target(&files, place->folder, "file", &place->claim.chunks, &place->diags), 0);
    check_repair(place, "it is one", 0, MM_REPAIR_REPAIRED, 0, "");
    assert_int_equal(unlinkat(place->folder, "file", 0), 0);
    mm_repair_files_release(&files);
    check_repair(place, "made anew", 0, MM_REPAIR_REPAIRED, 0, "");
    assert_int_equal(fstatat(place->folder, "file", &info, 0), 0);
    assert_true(mm_repair_files_have(&files, &info));
    assert_true(mm_repair_files_clash(&files, &info, &other));
    mm_repair_files_release(&files);
}

static void bad_ranges_are_no_leave_to_replace_another_file(void **state)
{
    struct place *place = *state;
    struct mm_repair_facts facts;
    WRITE_COPY(place, "file", BYTES_ALL, 1, SIZE, 2 * SIZE, 3 * SIZE, 4 * SIZE);
    write_copy(place, "copy", BYTES_ALL, NULL, 0);
    add_copy(place, "copy");
    assert_int_equal(repair(place, false, "0\t0\t65536\tfile\n", &facts), -1);
    check_findings("no chunk is right", &place->diags, "chunk-wrong");
    check_number("all are wrong", facts.wrong, CHUNKS);
    check_number("nothing was written", facts.copied, 0);
    mm_repair_release(&facts);
    WRITE_COPY(place, "file", BYTES_ALL, 1, SIZE, 2 * SIZE, 3 * SIZE);
    assert_int_equal(repair(place, false, "0\t0\t65536\tfile\n", &facts), 0);
    check_number("one was right", facts.wrong, CHUNKS - 1);
    check_number("all of it", right_chunks(place, "file"), 31);
    mm_repair_release(&facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_file_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(copies_that_are_damaged_elsewhere_make_a_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_chunk_is_put_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_file_is_not_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hints_are_not_believed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_has_to_be_two_is_written_as_neither, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_ranges_are_no_leave_to_replace_another_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(right_chunks_stay_and_others_come, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
