#include "unit.h"

#include <errno.h>

#include "act/chunks.h"
#include "act/supply.h"
#include "base/number.h"
#include "base/tree.h"

#define CHUNK 65536
#define LENGTH (2 * CHUNK + 1000) /* three chunks */

/* An artifact `a` of three chunks, and a folder in which tests make sources of it. */
struct place {
    char *top;
    int root;
    struct mm_diags diags;
    struct mm_supply supply;
    struct mm_claim claim;
    struct mm_chunk_list list;
    struct mm_intake intake;
    unsigned char bytes[LENGTH];
};

static int set_up(void **state)
{
    static struct place place;
    place = (struct place){.claim = {.path = "a"}, .intake = {.piece = -1}};
    place.top = make_folder();
    place.root = open(place.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mm_diags_init(&place.diags);
    for (size_t i = 0; i < LENGTH; i++)
        place.bytes[i] = (unsigned char)(i * 7 + i / 251);
    int fd = file_of(place.bytes, LENGTH);
    struct mm_chunks_options options = {.size = CHUNK, .whole = true};
    assert_int_equal(mm_chunks_hash(fd, &options, &place.list.hashes, &place.list.facts, &place.diags), 0);
    close(fd);
    place.claim.chunks = place.list.facts;
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    mm_intake_release(&place->intake);
    mm_supply_release(&place->supply);
    mm_chunk_list_release(&place->list);
    mm_diags_release(&place->diags);
    close(place->root);
    remove_folder(place->top);
    return 0;
}

/* ---- sources ---- */

/* The source NAME with the first LENGTH bytes of the artifact, byte WRONG changed if it is one of them. */
/* True if a file or set of the sources is open. */
static bool has_any(const struct mm_intake *intake)
{
    for (size_t i = 0; i < intake->supply->root_count; i++)
        if (intake->files[i] >= 0 || intake->sets[i] >= 0)
            return true;
    return false;
}

static void make_file(struct place *place, const char *name, size_t length, size_t wrong)
{
    char path[64];
    assert_int_equal(mkdirat(place->root, name, 0700), 0);
    snprintf(path, sizeof path, "%s/a", name);
    if (wrong < length)
        place->bytes[wrong] ^= 1;
    write_file(in_folder(place->top, path), place->bytes, length);
    if (wrong < length)
        place->bytes[wrong] ^= 1;
}

/* Puts chunk INDEX into the chunk set FOLDER. */
static void make_piece(struct place *place, const char *folder, size_t index)
{
    char hex[MM_HASH_HEX + 1], path[256];
    size_t at = index * CHUNK;
    mm_hex(hex, place->list.hashes.items[index], MM_HASH_BYTES);
    snprintf(path, sizeof path, "%s/%.2s/%s", folder, hex, hex);
    assert_int_equal(mm_tree_make_for(place->root, path, &place->diags), 0);
    write_file(in_folder(place->top, path), place->bytes + at, LENGTH - at < CHUNK ? LENGTH - at : CHUNK);
}

static void add(struct place *place, const char *name)
{
    assert_int_equal(mm_supply_add(&place->supply, in_folder(place->top, name), &place->diags), 0);
}

static void open_intake(struct place *place, bool listed)
{
    assert_int_equal(mm_intake_open(&place->intake, &place->supply, &place->claim, &place->diags), 0);
    place->intake.list = listed ? &place->list : NULL;
}

static void check_read(struct place *place, uint64_t offset, size_t length, enum mm_intake_from expected)
{
    unsigned char found[LENGTH];
    enum mm_intake_from from;
    ssize_t got = mm_intake_read(&place->intake, offset, found, length, &from);
    check_number("bytes read", (uint64_t)got, length);
    check_number("where from", from, expected);
    assert_memory_equal(found, place->bytes + offset, length);
}

/* Fetches chunk INDEX. Returns what mm_intake_fetch returns; where it is there, its bytes are checked. */
static int fetch(struct place *place, uint64_t index, enum mm_intake_from *from, uint64_t *read)
{
    unsigned char found[CHUNK];
    int out = file_of("", 0);
    *read = 0;
    int result = mm_intake_fetch(&place->intake, index, out, read, from, &place->diags);
    if (result == 0 && place->intake.list) {
        size_t at = index * CHUNK, length = LENGTH - at < CHUNK ? LENGTH - at : CHUNK;
        assert_int_equal(pread(out, found, sizeof found, (off_t)at), length);
        assert_memory_equal(found, place->bytes + at, length);
    }
    close(out);
    return result;
}

static void bytes_come_from_a_file(void **state)
{
    struct place *place = *state;
    make_file(place, "one", LENGTH, LENGTH);
    add(place, "one");
    open_intake(place, false);
    assert_true(has_any(&place->intake));
    check_read(place, 0, 100, MM_FROM_FILE);
    check_read(place, 2 * CHUNK, 1000, MM_FROM_FILE);
    assert_int_equal(mm_intake_finish(&place->intake, &place->diags), 0);
    check_findings("a file", &place->diags, "");
}

static void a_source_without_the_artifact_has_nothing(void **state)
{
    struct place *place = *state;
    unsigned char found[8];
    enum mm_intake_from from;
    uint64_t read;
    assert_int_equal(mkdirat(place->root, "one", 0700), 0);
    add(place, "one");
    open_intake(place, true);
    assert_false(has_any(&place->intake));
    assert_int_equal(mm_intake_read(&place->intake, 0, found, sizeof found, &from), -1);
    assert_int_equal(errno, ENODATA);
    check_number("from", from, MM_FROM_NOWHERE);
    assert_int_equal(fetch(place, 0, &from, &read), 1);
}

static void a_longer_file_is_none(void **state)
{
    struct place *place = *state;
    make_file(place, "one", LENGTH, LENGTH);
    place->claim.chunks.bytes--;
    add(place, "one");
    open_intake(place, true);
    assert_true(place->intake.longer && !has_any(&place->intake));
}

static void what_is_no_file_is_none(void **state)
{
    static const char *const names[] = {"fifo", "folder", "link", "loop"};
    struct place *place = *state;
    make_file(place, "outside", LENGTH, LENGTH);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(mkdirat(place->root, names[i], 0700), 0);
    assert_int_equal(mkfifo(in_folder(place->top, "fifo/a"), 0600), 0);
    assert_int_equal(mkdir(in_folder(place->top, "folder/a"), 0700), 0);
    assert_int_equal(symlinkat("../outside/a", place->root, "link/a"), 0);
    assert_int_equal(symlinkat("a", place->root, "loop/a"), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        add(place, names[i]);
    open_intake(place, true);
    assert_false(has_any(&place->intake));
}

static void links_out_of_a_source_count_where_they_may(void **state)
{
    struct place *place = *state;
    make_file(place, "outside", LENGTH, LENGTH);
    assert_int_equal(mkdirat(place->root, "link", 0700), 0);
    assert_int_equal(symlinkat("../outside/a", place->root, "link/a"), 0);
    place->supply.links = MM_LINKS_FOLLOW;
    add(place, "link");
    open_intake(place, true);
    check_read(place, 0, 100, MM_FROM_FILE);
}

static void a_wrong_chunk_is_taken_from_another_place(void **state)
{
    struct place *place = *state;
    enum mm_intake_from from;
    uint64_t read;
    make_file(place, "wrong", LENGTH, CHUNK + 5);
    make_file(place, "cut", CHUNK + 100, LENGTH);
    make_file(place, "right", LENGTH, LENGTH);
    add(place, "wrong");
    add(place, "cut");
    open_intake(place, true);
    assert_int_equal(fetch(place, 1, &from, &read), 1);
    check_number("where from", from, MM_FROM_NOWHERE);
    assert_int_equal(fetch(place, 0, &from, &read), 0);
    check_number("bytes of a chunk that is right at once", read, CHUNK);
    mm_intake_release(&place->intake);
    add(place, "right");
    open_intake(place, true);
    assert_int_equal(fetch(place, 1, &from, &read), 0);
    check_number("where from", from, MM_FROM_FILE);
    check_number("bytes read", read, CHUNK + 100 + CHUNK);
    assert_int_equal(fetch(place, 2, &from, &read), 0);
    check_number("bytes of the last chunk", read, 1000);
}

static void chunks_come_from_sets(void **state)
{
    struct place *place = *state;
    enum mm_intake_from from;
    uint64_t read;
    assert_int_equal(mkdirat(place->root, "one", 0700), 0);
    make_piece(place, "one/a.chunkset", 0);
    make_piece(place, "two.chunkset", 2);
    add(place, "one");
    add(place, "two.chunkset");
    assert_true(!place->supply.roots[0].is_set && place->supply.roots[1].is_set);
    open_intake(place, true);
    assert_true(has_any(&place->intake));
    check_read(place, 100, 200, MM_FROM_SET);
    check_read(place, 2 * CHUNK, 1000, MM_FROM_SET);
    assert_int_equal(fetch(place, 0, &from, &read), 0);
    check_number("where from", from, MM_FROM_SET);
    assert_int_equal(fetch(place, 2, &from, &read), 0);
    assert_int_equal(fetch(place, 1, &from, &read), 1);
}

static void without_a_list_sets_are_of_no_use(void **state)
{
    struct place *place = *state;
    enum mm_intake_from from;
    unsigned char found[8];
    assert_int_equal(mkdirat(place->root, "one", 0700), 0);
    make_piece(place, "one/a.chunkset", 0);
    add(place, "one");
    open_intake(place, false);
    assert_int_equal(mm_intake_read(&place->intake, 0, found, sizeof found, &from), -1);
}

static void a_set_that_is_a_link_is_none(void **state)
{
    struct place *place = *state;
    make_piece(place, "real.chunkset", 0);
    assert_int_equal(mkdirat(place->root, "one", 0700), 0);
    assert_int_equal(symlinkat("../real.chunkset", place->root, "one/a.chunkset"), 0);
    add(place, "one");
    open_intake(place, true);
    assert_false(has_any(&place->intake));
}

static void a_read_goes_over_chunks_up_to_where_the_store_has_one(void **state)
{
    struct place *place = *state;
    struct mm_known_chunk known[] = {{MM_INTAKE_NO_FILE, 0}, {MM_INTAKE_NO_FILE, 0}, {0, 2}};
    unsigned char found[LENGTH];
    enum mm_intake_from from;
    make_file(place, "one", LENGTH, LENGTH);
    make_file(place, "two", LENGTH, LENGTH);
    add(place, "one");
    open_intake(place, true);
    check_read(place, 0, LENGTH, MM_FROM_FILE);
    check_read(place, 100, CHUNK, MM_FROM_FILE);
    place->intake.known = malloc(sizeof known);
    place->intake.known_files = malloc(sizeof *place->intake.known_files);
    assert_true(place->intake.known && place->intake.known_files);
    memcpy(place->intake.known, known, sizeof known);
    place->intake.known_files[0] = open(in_folder(place->top, "two/a"), O_RDONLY | O_CLOEXEC);
    place->intake.known_file_count = 1;
    check_number("up to a chunk that the store has",
                 (uint64_t)mm_intake_read(&place->intake, 10, found, LENGTH - 10, &from), 2 * CHUNK - 10);
    check_number("from", from, MM_FROM_FILE);
    check_read(place, 2 * CHUNK, 1000, MM_FROM_STORE);
}

static void pieces_of_a_set_are_read_one_by_one(void **state)
{
    struct place *place = *state;
    unsigned char found[LENGTH];
    enum mm_intake_from from;
    for (size_t index = 0; index < 3; index++)
        make_piece(place, "one/a.chunkset", index);
    add(place, "one");
    open_intake(place, true);
    check_number("a piece", (uint64_t)mm_intake_read(&place->intake, 7, found, LENGTH - 7, &from), CHUNK - 7);
    check_number("from", from, MM_FROM_SET);
    assert_memory_equal(found, place->bytes + 7, CHUNK - 7);
}

static void a_file_that_changes_is_noticed(void **state)
{
    struct place *place = *state;
    make_file(place, "one", LENGTH, LENGTH);
    add(place, "one");
    open_intake(place, true);
    check_read(place, 0, 100, MM_FROM_FILE);
    assert_int_equal(truncate(in_folder(place->top, "one/a"), 1000), 0);
    assert_int_equal(mm_intake_finish(&place->intake, &place->diags), -1);
    check_findings("a file that was cut", &place->diags, "io-changed");
}

static void a_full_device_is_the_store_s_fault(void **state)
{
    struct place *place = *state;
    enum mm_intake_from from;
    uint64_t read = 0;
    make_file(place, "one", LENGTH, LENGTH);
    add(place, "one");
    open_intake(place, true);
    int out = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (out < 0)
        skip();
    assert_int_equal(mm_intake_fetch(&place->intake, 0, out, &read, &from, &place->diags), -1);
    check_findings("a full device", &place->diags, "io-write");
    close(out);
}

/* ---- lists ---- */

static void lists_are_found_beside_the_artifact(void **state)
{
    struct place *place = *state;
    struct mm_buf text = {0}, stored = {0}, plain = {0};
    bool compressed = true;
    make_file(place, "one", LENGTH, LENGTH);
    mm_chunk_list_write(&place->list.facts, &place->list.hashes, &text);
    write_file(in_folder(place->top, "one/a.chunks"), text.data, text.length);
    add(place, "one");
    assert_int_equal(mm_supply_chunk_list(&place->supply, &place->claim, &stored, &plain, &compressed, &place->diags),
                     1);
    assert_false(compressed);
    check_text("the list", mm_buf_text(&stored), mm_buf_text(&text));
    write_file(in_folder(place->top, "one/a.chunks"), text.data, text.length - 65);
    assert_int_equal(mm_supply_chunk_list(&place->supply, &place->claim, &stored, &plain, &compressed, &place->diags),
                     0);
    write_file(in_folder(place->top, "one/a.chunks"), text.data, text.length);
    place->claim.chunks.root[0] ^= 1;
    assert_int_equal(mm_supply_chunk_list(&place->supply, &place->claim, &stored, &plain, &compressed, &place->diags),
                     0);
    mm_buf_release(&text);
    mm_buf_release(&stored);
    mm_buf_release(&plain);
}

/* A file that opens and cannot be read: nothing of this process is at its address 0. */
#define UNREADABLE "/proc/self/mem"

static void a_list_that_cannot_be_read_is_not_an_absent_one(void **state)
{
    struct place *place = *state;
    struct mm_buf text = {0}, stored = {0}, plain = {0};
    bool compressed = true;
    char byte;
    int fd = open(UNREADABLE, O_RDONLY);
    bool unreadable = fd >= 0 && read(fd, &byte, 1) < 0;
    if (fd >= 0)
        close(fd);
    if (!unreadable) {
        print_message("no file here opens and cannot be read\n");
        skip();
    }
    make_file(place, "one", LENGTH, LENGTH);
    make_file(place, "two", LENGTH, LENGTH);
    mm_chunk_list_write(&place->list.facts, &place->list.hashes, &text);
    assert_int_equal(symlink(UNREADABLE, in_folder(place->top, "one/a.chunks")), 0);
    add(place, "one");
    assert_int_equal(mm_supply_chunk_list(&place->supply, &place->claim, &stored, &plain, &compressed, &place->diags),
                     0);
    check_findings("a link that leads out is none", &place->diags, "");
    place->supply.links = MM_LINKS_FOLLOW;
    assert_int_equal(mm_supply_chunk_list(&place->supply, &place->claim, &stored, &plain, &compressed, &place->diags),
                     -1);
    check_findings("one that cannot be read", &place->diags, "io-read");
    mm_diags_clear(&place->diags);
    write_file(in_folder(place->top, "two/a.chunks"), text.data, text.length);
    add(place, "two");
    assert_int_equal(mm_supply_chunk_list(&place->supply, &place->claim, &stored, &plain, &compressed, &place->diags),
                     1);
    check_findings("another source's is as good", &place->diags, "");
    check_text("the list", mm_buf_text(&stored), mm_buf_text(&text));
    mm_buf_release(&text);
    mm_buf_release(&stored);
    mm_buf_release(&plain);
}

/* ---- what a source may be ---- */

static void check_no_source(struct place *place, const char *name, const char *findings)
{
    size_t roots = place->supply.root_count;
    assert_int_equal(mm_supply_add(&place->supply, in_folder(place->top, name), &place->diags), -1);
    check_findings(name, &place->diags, findings);
    check_number("sources", place->supply.root_count, roots);
}

static void sources_are_manifests_folders_and_sets(void **state)
{
    struct place *place = *state;
    assert_int_equal(mm_tree_make(place->root, "model/files", &place->diags), 0);
    write_file(in_folder(place->top, "model/manifest"), BYTES("x"));
    assert_int_equal(mkdirat(place->root, "other", 0700), 0);
    write_file(in_folder(place->top, "other/b.manifest"), BYTES("x"));
    assert_int_equal(mkdirat(place->root, "twice", 0700), 0);
    write_file(in_folder(place->top, "twice/a.manifest"), BYTES("x"));
    write_file(in_folder(place->top, "twice/b.manifest"), BYTES("y"));
    assert_int_equal(mkfifo(in_folder(place->top, "fifo"), 0600), 0);
    add(place, "model");
    add(place, "other");
    check_number("equal manifests", place->supply.manifest_count, 1);
    check_text("files of a model of a store", place->supply.roots[1].path, in_folder(place->top, "model/files"));
    check_no_source(place, "twice", "store-source");
    check_no_source(place, "nothing", "io-open");
    check_no_source(place, "fifo", "io-not-regular");
    add(place, "twice/b.manifest");
    check_number("another manifest", place->supply.manifest_count, 2);
    check_number("is of its own source", place->supply.manifests[1].root, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_come_from_a_file),
        TEST(a_source_without_the_artifact_has_nothing),
        TEST(a_longer_file_is_none),
        TEST(what_is_no_file_is_none),
        TEST(links_out_of_a_source_count_where_they_may),
        TEST(a_wrong_chunk_is_taken_from_another_place),
        TEST(chunks_come_from_sets),
        TEST(without_a_list_sets_are_of_no_use),
        TEST(a_set_that_is_a_link_is_none),
        TEST(a_read_goes_over_chunks_up_to_where_the_store_has_one),
        TEST(pieces_of_a_set_are_read_one_by_one),
        TEST(a_file_that_changes_is_noticed),
        TEST(a_full_device_is_the_store_s_fault),
        TEST(lists_are_found_beside_the_artifact),
        TEST(a_list_that_cannot_be_read_is_not_an_absent_one),
        TEST(sources_are_manifests_folders_and_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
