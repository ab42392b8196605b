/* For tests of what peers exchange: models of made-up bytes, and a store that holds them. */
#ifndef MM_TESTS_EXCHANGE_STORE_H
#define MM_TESTS_EXCHANGE_STORE_H

#include "unit.h"

#include "act/chunks.h"
#include "act/import.h"

#define FIXTURE_CHUNK 65536
#define FIXTURE_FILES 4

/* xorshift64*: the same bytes everywhere. */
static inline uint64_t fixture_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

/* A model of opaque files, called a, b, c ... in the order of their lengths given. */
struct fixture_model {
    struct mm_buf manifest;
    size_t count;
    unsigned char *bytes[FIXTURE_FILES];
    size_t lengths[FIXTURE_FILES];
    struct mm_chunk_list lists[FIXTURE_FILES];
    unsigned char sha256[MM_HASH_BYTES]; /* of the manifest */
};

static inline void fixture_describe(struct fixture_model *model, size_t which)
{
    char sha256[MM_HASH_HEX + 1], root[MM_HASH_HEX + 1];
    struct mm_diags diags;
    struct mm_chunks_options options = {.size = FIXTURE_CHUNK, .whole = true};
    struct mm_chunk_list *list = &model->lists[which];
    mm_diags_init(&diags);
    int fd = file_of(model->bytes[which], model->lengths[which]);
    assert_int_equal(mm_chunks_hash(fd, &options, &list->hashes, &list->facts, &diags), 0);
    close(fd);
    mm_diags_release(&diags);
    mm_hex(sha256, list->facts.sha256, MM_HASH_BYTES);
    mm_hex(root, list->facts.root, MM_HASH_BYTES);
    mm_buf_printf(&model->manifest,
                  "artifact: %c\nartifact-role: weights\nartifact-format: opaque\nartifact-bytes: %zu\nartifact-sha256: %s\n"
                  "chunk-scheme: fixed-size-merkle-v0\nchunk-size: %d\nchunk-count: %" PRIu64 "\nmerkle-root: %s\n",
                  (char)('a' + which), model->lengths[which], sha256, FIXTURE_CHUNK, list->facts.count, root);
}

/* NAME and REVISION with COUNT files of LENGTHS bytes that follow from SEED. */
static inline void fixture_make(struct fixture_model *model, const char *name, unsigned revision, const char *hint,
                                const size_t *lengths, size_t count, uint64_t seed)
{
    *model = (struct fixture_model){.count = count};
    mm_buf_printf(&model->manifest,
                  "minimodel-manifest 0\nmodel-id: local/%s\nversion: 1.%u\nrevision: %u\ndisplay-name: a fixture\n"
                  "publisher-id: local\nkey-id: none\nsignature-scheme: none\ncreated: 2026-01-01T00:00:00Z\nlicense: MIT\n"
                  "license-route: none\nmodel-card-route: none\ntakedown-route: none\nsource-lane: original\n"
                  "architecture: unknown\nquantization: unknown\npeer-hint: %s\n",
                  name, revision, revision, hint);
    for (size_t i = 0; i < count; i++) {
        model->lengths[i] = lengths[i];
        model->bytes[i] = malloc(lengths[i] + 1);
        assert_non_null(model->bytes[i]);
        for (size_t at = 0; at < lengths[i]; at++)
            model->bytes[i][at] = (unsigned char)(fixture_next(&seed) >> 56);
        fixture_describe(model, i);
    }
    struct mm_sha256 *sha = mm_sha256_new();
    mm_sha256_once(sha, model->manifest.data, model->manifest.length, model->sha256);
    mm_sha256_free(sha);
}

static inline void fixture_release(struct fixture_model *model)
{
    for (size_t i = 0; i < model->count; i++) {
        free(model->bytes[i]);
        mm_chunk_list_release(&model->lists[i]);
    }
    mm_buf_release(&model->manifest);
}

/* Who trusts nobody, with the store HOME. */
static inline struct mm_trust fixture_trust(int home)
{
    static const struct mm_keyring none = {.folder = -1};
    return (struct mm_trust){.keyring = &none, .home = home};
}

/* Imports MODEL from a folder beneath TOP into the store HOME. */
static inline void fixture_import(const struct fixture_model *model, const char *top, int home, bool in_place)
{
    struct mm_diags diags;
    struct mm_supply supply = {0};
    struct mm_trust trust = fixture_trust(home);
    struct mm_import_options how = {.trust = &trust, .allow_unsigned = true, .medium = -1, .in_place = in_place};
    struct mm_import_facts facts;
    char folder[300], name[] = "a";
    mm_diags_init(&diags);
    snprintf(folder, sizeof folder, "%s/source-XXXXXX", top);
    assert_non_null(mkdtemp(folder));
    write_file(in_folder(folder, "manifest"), model->manifest.data, model->manifest.length);
    for (size_t i = 0; i < model->count; i++) {
        name[0] = (char)('a' + i);
        write_file(in_folder(folder, name), model->bytes[i], model->lengths[i]);
    }
    assert_int_equal(mm_supply_add(&supply, folder, &diags), 0);
    int result = mm_import(home, &supply, 0, &how, &facts, &diags);
    for (size_t i = 0; i < diags.count; i++)
        if (diags.items[i].severity == MM_ERROR)
            print_error("%s\n", diags.items[i].text);
    assert_int_equal(result, 0);
    mm_supply_release(&supply);
    mm_diags_release(&diags);
}

/* An empty store beneath TOP. */
static inline int fixture_store(const char *top, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", top, name);
    assert_int_equal(mkdir(path, 0700), 0);
    int home = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(home >= 0);
    return home;
}

#endif
