/* What the importer makes of digests that were computed when a file was written: it goes by them for the very file that they are of, and for no
 * other. */
#include "exchange_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/tree.h"
#include "exchange/landing.h"

/* One tensor of zeros and ones behind a safetensors header. */
#define TENSOR 200000
static const char header[] = "{\"t\":{\"dtype\":\"U8\",\"shape\":[200000],\"data_offsets\":[0,200000]}}";
#define HEADER 64
#define LENGTH (8 + HEADER + TENSOR)
#define LAYOUT "3635674320874566c50df170ae434b7f0ad800f72214bab799d21bc74457cdea"

struct stage {
    char *top;
    int home;
    struct mm_diags diags;
    struct mm_trust trust;
    unsigned char *bytes;
    struct mm_buf manifest;
    struct mm_chunk_list list;
    struct mm_import_known known;
    size_t known_count;
};

static void describe(struct stage *s)
{
    char sha256[MM_HASH_HEX + 1], root[MM_HASH_HEX + 1];
    struct mm_chunks_options options = {.size = FIXTURE_CHUNK, .whole = true};
    int fd = file_of(s->bytes, LENGTH);
    assert_int_equal(mm_chunks_hash(fd, &options, &s->list.hashes, &s->list.facts, &s->diags), 0);
    close(fd);
    mm_hex(sha256, s->list.facts.sha256, MM_HASH_BYTES);
    mm_hex(root, s->list.facts.root, MM_HASH_BYTES);
    mm_buf_printf(
        &s->manifest,
        "minimodel-manifest 0\nmodel-id: local/known\nversion: 1\nrevision: 1\ndisplay-name: known\npublisher-id: "
        "local\nkey-id: none\n"
        "signature-scheme: none\ncreated: 2026-01-01T00:00:00Z\nlicense: MIT\nlicense-route: none\nmodel-card-route: "
        "none\n"
        "takedown-route: none\nsource-lane: original\narchitecture: unknown\nparameters: %d\nquantization: u8\n"
        "peer-hint: available\nartifact: a\nartifact-role: weights\nartifact-format: safetensors\nartifact-bytes: %d\n"
        "artifact-sha256: %s\ntensor-layout-sha256: " LAYOUT "\nchunk-scheme: fixed-size-merkle-v0\nchunk-size: %d\n"
        "chunk-count: %" PRIu64 "\nmerkle-root: %s\n",
        TENSOR, LENGTH, sha256, FIXTURE_CHUNK, s->list.facts.count, root);
}

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    s->top = make_folder();
    s->home = fixture_store(s->top, "home");
    s->trust = fixture_trust(s->home);
    mm_diags_init(&s->diags);
    s->bytes = calloc(1, LENGTH);
    s->bytes[0] = HEADER;
    assert_true(sizeof header - 1 <= HEADER);
    memset(s->bytes + 8, ' ', HEADER);
    memcpy(s->bytes + 8, header, sizeof header - 1);
    for (size_t i = 8 + HEADER; i < LENGTH; i++)
        s->bytes[i] = i % 7 == 0;
    describe(s);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    close(s->home);
    remove_folder(s->top);
    mm_chunk_list_release(&s->list);
    mm_buf_release(&s->manifest);
    mm_diags_release(&s->diags);
    free(s->bytes);
    free(s);
    return 0;
}

static int import(struct stage *s, struct mm_import_facts *facts)
{
    struct mm_supply supply = {.links = MM_LINKS_NONE};
    struct mm_import_options how = {.trust = &s->trust,
                                    .allow_unsigned = true,
                                    .medium = MM_MEDIUM_PEER,
                                    .known = &s->known,
                                    .known_count = s->known_count};
    char path[300];
    snprintf(path, sizeof path, "%s/offer", s->top);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/offer/manifest", s->top);
    write_file(path, s->manifest.data, s->manifest.length);
    assert_int_equal(mm_supply_add(&supply, path, &s->diags), 0);
    int result = mm_import(s->home, &supply, 0, &how, facts, &s->diags);
    mm_supply_release(&supply);
    return result;
}

/* The partial file of the import, open to be written. */
static int partial(struct stage *s)
{
    char hex[MM_HASH_HEX + 1], path[200];
    unsigned char sha256[MM_HASH_BYTES];
    struct mm_sha256 *sha = mm_sha256_new();
    mm_sha256_once(sha, s->manifest.data, s->manifest.length, sha256);
    mm_sha256_free(sha);
    mm_hex(hex, sha256, MM_HASH_BYTES);
    snprintf(path, sizeof path, "store/partial/%s/files/a", hex);
    int fd = openat(s->home, path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* All chunks land, as from a peer; then a byte of the tensor changes if WRONG. What is known is of the file as it is then. */
static void land(struct stage *s, bool wrong)
{
    struct mm_manifest manifest;
    struct mm_import_facts facts;
    struct mm_landing landing;
    struct mm_claim claim;
    struct mm_buf text = {0};
    int result;
    assert_int_equal(mm_manifest_read(&manifest, s->manifest.data, s->manifest.length, &s->diags), 0);
    mm_manifest_claim(&manifest, 1, &claim);
    mm_chunk_list_write(&s->list.facts, &s->list.hashes, &text);
    assert_int_equal(mm_landing_put_list(s->home, &manifest, &claim, text.data, text.length, &s->diags), 0);
    mm_buf_release(&text);
    assert_int_equal(import(s, &facts), -1);
    mm_diags_clear(&s->diags);
    assert_int_equal(mm_landing_open(&landing, s->home, &manifest, &s->diags), 0);
    mm_landing_follow(&landing);
    for (uint64_t chunk = 0; chunk < s->list.facts.count; chunk++) {
        size_t at = (size_t)chunk * FIXTURE_CHUNK, length = LENGTH - at < FIXTURE_CHUNK ? LENGTH - at : FIXTURE_CHUNK;
        assert_true(mm_landing_put_next(&landing, 0, chunk, s->bytes + at, length, &result, &s->diags));
        assert_int_equal(result, 0);
        mm_landing_note(&landing, 0, chunk, length);
    }
    if (wrong)
        assert_int_equal(pwrite(landing.items[0].fd, "\5", 1, 150000), 1);
    assert_int_equal(s->known_count = mm_landing_end(&landing, &s->known), 1);
    mm_landing_release(&landing);
    mm_manifest_release(&manifest);
}

static void check_imported(struct stage *s)
{
    struct mm_import_facts facts;
    int result = import(s, &facts);
    check_findings("the import", &s->diags, "");
    assert_int_equal(result, 0);
    assert_int_equal(facts.state, MM_IMPORT_DONE);
    assert_int_equal(facts.kept, LENGTH);
}

static void check_refused(struct stage *s)
{
    struct mm_import_facts facts;
    assert_int_equal(import(s, &facts), -1);
    assert_int_equal(facts.state, MM_IMPORT_FAILED);
    assert_int_equal(mm_diags_answer(&s->diags), MM_NO);
}

static void what_is_known_is_taken(void **state)
{
    land(*state, false);
    check_imported(*state);
}

/* So it is seen that nothing was hashed: what is relied on is that the file is the one that was written. */
static void and_not_hashed_again(void **state)
{
    land(*state, true);
    check_imported(*state);
}

static void a_file_that_was_written_to_is_hashed(void **state)
{
    struct stage *s = *state;
    land(s, false);
    usleep(20000); /* the clock of the file system has ticked */
    int fd = partial(s);
    assert_int_equal(pwrite(fd, "\5", 1, 150000), 1);
    close(fd);
    check_refused(s);
}

static void another_file_in_its_place_is_hashed(void **state)
{
    struct stage *s = *state;
    land(s, true);
    s->known.fingerprint.inode++;
    check_refused(s);
}

static void what_is_known_of_another_artifact_says_nothing(void **state)
{
    struct stage *s = *state;
    land(s, true);
    s->known.artifact++;
    check_refused(s);
}

/* Digests are compared with the manifest, wherever they come from. */
static void what_is_known_is_judged(void **state)
{
    struct stage *s = *state;
    land(s, false);
    s->known.chunks.sha256[5] ^= 1;
    check_refused(s);
}

/* A root that is not the manifest's is no reason to refuse: the file is read, and found right. */
static void what_is_known_wrongly_is_found_out(void **state)
{
    struct stage *s = *state;
    land(s, false);
    s->known.chunks.root[5] ^= 1;
    check_imported(s);
}

static void its_format_is_read(void **state)
{
    struct stage *s = *state;
    s->bytes[8 + 6] = 'X';
    mm_buf_clear(&s->manifest);
    mm_chunk_list_release(&s->list);
    s->list = (struct mm_chunk_list){0};
    describe(s);
    land(s, false);
    check_refused(s);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_is_known_is_taken),
        CASE(and_not_hashed_again),
        CASE(a_file_that_was_written_to_is_hashed),
        CASE(another_file_in_its_place_is_hashed),
        CASE(what_is_known_of_another_artifact_says_nothing),
        CASE(what_is_known_is_judged),
        CASE(what_is_known_wrongly_is_found_out),
        CASE(its_format_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
