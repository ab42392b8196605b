#include "unit.h"

#include "doc/manifest.h"

#define H "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* SHA-256 of "abc" */
#define ABC_LEAF "8a7deab2cc5ee003b6394337538a52b3198f1a6ddeb10c7daf62fe1c9834b43b"
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* A valid manifest; tests change its lines by number. */
static const char *const base[] = {
    /*  1 */ "minimodel-manifest 0",
    /*  2 */ "model-id: org/tiny",
    /*  3 */ "version: 1.0",
    /*  4 */ "revision: 1",
    /*  5 */ "display-name: Tiny",
    /*  6 */ "tag: a",
    /*  7 */ "tag: b",
    /*  8 */ "publisher-id: org",
    /*  9 */ "key-id: none",
    /* 10 */ "signature-scheme: none",
    /* 11 */ "created: 2026-01-01T00:00:00Z",
    /* 12 */ "expires: 2027-01-01T00:00:00Z",
    /* 13 */ "license: MIT",
    /* 14 */ "license-route: LICENSE",
    /* 15 */ "model-card-route: https://example.org/card",
    /* 16 */ "takedown-route: mailto:a@example.org",
    /* 17 */ "source-lane: converted",
    /* 18 */ "source: - hf://org/base",
    /* 19 */ "architecture: llama",
    /* 20 */ "quantization: f32",
    /* 21 */ "evidence: derived pass - -",
    /* 22 */ "peer-hint: none",
    /* 23 */ "x-a: one",
    /* 24 */ "x-b: two",
    /* 25 */ "artifact: LICENSE",
    /* 26 */ "artifact-role: license",
    /* 27 */ "artifact-format: text",
    /* 28 */ "artifact-bytes: 3",
    /* 29 */ "artifact-sha256: " ABC,
    /* 30 */ "chunk-scheme: fixed-size-merkle-v0",
    /* 31 */ "chunk-size: 65536",
    /* 32 */ "chunk-count: 1",
    /* 33 */ "merkle-root: " ABC_LEAF,
    /* 34 */ "artifact: model.gguf",
    /* 35 */ "artifact-role: weights",
    /* 36 */ "artifact-format: gguf",
    /* 37 */ "artifact-bytes: 65537",
    /* 38 */ "artifact-sha256: " H,
    /* 39 */ "chunk-scheme: fixed-size-merkle-v0",
    /* 40 */ "chunk-size: 65536",
    /* 41 */ "chunk-count: 2",
    /* 42 */ "merkle-root: " H,
    /* 43 */ "chunk-list-route: model.gguf.chunks",
    /* 44 */ "chunk-list-sha256: " H,
};

/* Line LINE becomes TEXT: "" takes it out, LFs make it several. */
struct edit {
    size_t line;
    const char *text;
};

static void edit_base(const struct edit *edits, size_t count, struct mm_buf *text)
{
    for (size_t i = 0; i < COUNT_OF(base); i++) {
        const char *line = base[i];
        for (size_t k = 0; k < count; k++)
            if (edits[k].line == i + 1)
                line = edits[k].text;
        if (*line)
            mm_buf_printf(text, "%s\n", line);
    }
}

/* What every document is linted into, one after another: each finds the memory of the one before. */
static struct mm_manifest linted;

static void check_lint(const char *what, const char *text, size_t length, const char *expected)
{
    static const unsigned char none[MM_HASH_BYTES];
    struct mm_diags diags;
    mm_diags_init(&diags);
    int result = mm_manifest_lint(&linted, text, length, &diags);
    check_findings(what, &diags, expected);
    check_number(what, (uint64_t)(result + 1), !*expected);
    assert_int_equal(linted.valid, !*expected);
    assert_int_equal(linted.length, length);
    assert_memory_equal(linted.text, text, length);
    assert_memory_equal(linted.sha256, none, sizeof none);
    mm_diags_release(&diags);
}

static int release_linted(void **state)
{
    (void)state;
    mm_manifest_release(&linted);
    return 0;
}

static void check_document(const char *what, const char *text, size_t length, const char *expected)
{
    struct mm_manifest manifest;
    struct mm_diags diags;
    check_lint(what, text, length, expected);
    mm_diags_init(&diags);
    int result = mm_manifest_read(&manifest, text, length, &diags);
    check_findings(what, &diags, expected);
    check_number(what, (uint64_t)(result + 1), !*expected);
    assert_int_equal(manifest.valid, !*expected);
    mm_manifest_release(&manifest);
    mm_diags_release(&diags);
}

/* A manifest with up to three lines changed, and all that is found in it. */
struct change {
    struct edit edits[3];
    const char *found;
};

static void check_changes(const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct mm_buf text = {0};
        edit_base(changes[i].edits, COUNT_OF(changes[i].edits), &text);
        check_document(changes[i].edits[0].text, text.data, text.length, changes[i].found);
        mm_buf_release(&text);
    }
}

static void the_base_is_valid(void **state)
{
    struct mm_buf text = {0};
    (void)state;
    edit_base(NULL, 0, &text);
    check_document("base", text.data, text.length, "");
    mm_buf_release(&text);
}

/* ---- lines ---- */

static void the_grammar_holds(void **state)
{
    static const struct change changes[] = {
        {{{1, "minimodel-manifest 1"}}, "text-version-unsupported@1:20"},
        {{{1, "minimodel-receipt 0"}}, "text-first-line@1:1"},
        {{{3, "version: 1.0\n"}}, "text-blank-line@4:1"},
        {{{3, "# note\nversion: 1.0"}}, "text-key@3:1"},
        {{{3, "version: 1.0 "}}, "text-value-space@3:13"},
        {{{5, "display-name: T\tiny"}}, "text-control@5:16"},
        {{{5, "display-name: T\xE2\x80\xAEiny"}}, "text-invisible@5:16"},
        {{{5, "display-name: \xD9\x86\xE2\x80\x8C\xD9\x87"}}, ""},
        {{{5, "display-name: \xFF"}}, "text-utf8@5:15"},
        {{{23, "x-a: \xE2\x80\x8D"}}, "text-invisible@23:6"},
        {{{44, "chunk-list-sha256: " H "\r"}}, "text-line-end@44:84"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void values_have_their_form(void **state)
{
    static const struct change changes[] = {
        {{{3, "version: -1"}}, "value-pattern@3:10"},
        {{{4, "revision: 0"}}, "value-range@4:11"},
        {{{4, "revision: 01"}}, "value-number@4:11"},
        {{{11, "created: 2026-02-30T00:00:00Z"}}, "value-time@11:10"},
        {{{13, "license: MIT or ISC"}}, "value-license@13:13"},
        {{{22, "peer-hint: maybe"}}, "value-word@22:12"},
        {{{42, "merkle-root: 00"}}, "value-hash@42:14"},
        {{{40, "chunk-size: 1000"}}, "value-range@40:13"},
        {{{16, "takedown-route: mailto:a"}}, "value-route@16:25"},
        {{{34, "artifact: a/../model.gguf"}, {43, ""}, {44, ""}}, "value-path@34:14"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void ends_of_text_are_checked(void **state)
{
    struct mm_buf text = {0};
    (void)state;
    edit_base(NULL, 0, &text);
    check_document("no last LF", text.data, text.length - 1, "text-last-line@44:84");
    check_document("empty", "", 0, "text-first-line@1:1");
    check_document("first line alone", BYTES("minimodel-manifest 0\n"),
                   "manifest-field-missing@2:1 manifest-field-missing@2:1 manifest-field-missing@2:1 manifest-field-missing@2:1 manifest-field-missing@2:1 "
                   "manifest-field-missing@2:1 manifest-field-missing@2:1 manifest-field-missing@2:1 manifest-field-missing@2:1 manifest-field-missing@2:1 "
                   "manifest-field-missing@2:1 manifest-field-missing@2:1 manifest-field-missing@2:1 manifest-field-missing@2:1 manifest-field-missing@2:1 "
                   "manifest-field-missing@2:1 manifest-field-missing@2:1");
    mm_buf_release(&text);
}

static void manifests_end_at_a_mebibyte(void **state)
{
    struct mm_buf text = {0};
    struct mm_manifest manifest;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    edit_base((const struct edit[]){{24, "x-b: two\nx-c: HERE"}}, 1, &text);
    char *at = strstr(text.data, "HERE");
    struct mm_buf large = {0};
    mm_buf_add(&large, text.data, (size_t)(at - text.data));
    unsigned key = 0;
    for (mm_buf_str(&large, "x\n"); large.length + strlen(at) + 1200 < MM_MANIFEST_MAX;) {
        mm_buf_printf(&large, "x-d%04u: ", key++);
        for (int i = 0; i < 1024; i++)
            mm_buf_char(&large, 'v');
        mm_buf_char(&large, '\n');
    }
    mm_buf_str(&large, "x-e: ");
    while (large.length + strlen(at + 4) < MM_MANIFEST_MAX)
        mm_buf_char(&large, 'v');
    mm_buf_str(&large, at + 4);
    assert_int_equal(large.length, MM_MANIFEST_MAX);
    check_document("a mebibyte", large.data, large.length, "");
    int fd = file_of(large.data, large.length);
    assert_int_equal(mm_manifest_read_file(&manifest, fd, &diags), 0);
    assert_int_equal(manifest.length, MM_MANIFEST_MAX);
    mm_manifest_release(&manifest);
    close(fd);
    mm_buf_char(&large, '\n');
    check_document("one byte more", large.data, large.length, "text-size@1:1");
    fd = file_of(large.data, large.length);
    assert_int_equal(mm_manifest_read_file(&manifest, fd, &diags), -1);
    check_findings("file", &diags, "text-size@1:1");
    mm_manifest_release(&manifest);
    close(fd);
    mm_diags_release(&diags);
    mm_buf_release(&text);
    mm_buf_release(&large);
}

/* ---- fields and their order ---- */

static void fields_are_those_of_the_table(void **state)
{
    static const struct change changes[] = {
        {{{3, "version: 1.0\nflavour: x"}}, "manifest-field-unknown@4:1"},
        {{{3, "version: 1.0\nx-: x"}}, "manifest-field-unknown@4:1"},
        {{{23, "y-a: one"}}, "manifest-field-unknown@23:1"},
        {{{3, ""}}, "manifest-field-missing@3:1"},
        {{{2, ""}}, "manifest-field-missing@2:1"},
        {{{22, ""}}, "manifest-field-missing@22:1"},
        {{{22, ""}, {23, ""}, {24, ""}}, "manifest-field-missing@22:1"},
        {{{33, ""}}, "manifest-field-missing@33:1"},
        {{{26, ""}}, "manifest-field-missing@26:1"},
        {{{42, ""}, {43, ""}, {44, ""}}, "manifest-field-missing@42:1"},
        {{{3, "version: 1.0\nversion: 1.0"}}, "manifest-field-repeated@4:1"},
        {{{3, "version: 1.0\nversion: 2.0"}}, "manifest-field-repeated@4:1"},
        {{{12, "expires: 2027-01-01T00:00:00Z\nexpires: 2028-01-01T00:00:00Z"}}, "manifest-field-repeated@13:1"},
        {{{24, "x-b: two\nx-b: three"}}, "manifest-field-repeated@25:1"},
        {{{28, "artifact-bytes: 3\nartifact-bytes: 3"}}, "manifest-field-repeated@29:1"},
        {{{25, "artifact: LICENSE\nx-c: x"}}, "manifest-field-section@26:1"},
        {{{25, "artifact: LICENSE\npeer-hint: none"}}, "manifest-field-section@26:1"},
        {{{24, "x-b: two\nartifact-role: other"}}, "manifest-field-section@25:1"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void fields_stand_in_order(void **state)
{
    static const struct change changes[] = {
        {{{3, "revision: 1"}, {4, "version: 1.0"}}, "manifest-field-order@4:1"},
        {{{2, ""}, {5, "display-name: Tiny\nmodel-id: org/tiny"}}, "manifest-field-order@5:1"},
        {{{22, "x-0: x\npeer-hint: none"}}, "manifest-field-order@23:1"},
        {{{27, "artifact-bytes: 3"}, {28, "artifact-format: text"}}, "manifest-field-order@28:1"},
        {{{6, "tag: b"}, {7, "tag: a"}}, "manifest-many-order@7:1"},
        {{{6, "tag: a"}, {7, "tag: a"}}, "manifest-many-equal@7:1"},
        {{{6, "tag: ab"}, {7, "tag: a"}}, "manifest-many-order@7:1"},
        {{{23, "x-b: two"}, {24, "x-a: one"}}, "manifest-many-order@24:1"},
        {{{18, "source: - b\nsource: - a"}}, "manifest-many-order@19:1"},
        {{{21, "evidence: derived pass - -\nevidence: derived fail - -"}}, "manifest-many-order@22:1"},
        {{{21, "evidence: derived pass - -\nevidence: derived pass - -"}}, "manifest-many-equal@22:1"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

/* Equal lines are a fault of their own wherever they stand, and nothing that a new order would mend. */
static void equal_lines_are_found_apart(void **state)
{
    static const struct change changes[] = {
        {{{6, "tag: a\ntag: b"}, {7, "tag: a"}}, "manifest-many-order@8:1 manifest-many-equal@8:1"},
        {{{8, "publisher-id: org\ntag: a"}}, "manifest-field-order@9:1 manifest-many-equal@9:1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct mm_buf text = {0};
        struct mm_manifest manifest;
        struct mm_diags diags;
        bool found = false;
        mm_diags_init(&diags);
        edit_base(changes[i].edits, 3, &text);
        assert_int_equal(mm_manifest_read(&manifest, text.data, text.length, &diags), -1);
        for (size_t k = 0; k < diags.count; k++)
            found = found || diags.items[k].rule == MM_RULE_MANIFEST_MANY_EQUAL;
        check_true(changes[i].found, found);
        assert_false(mm_manifest_repairable(&diags));
        mm_manifest_release(&manifest);
        mm_diags_release(&diags);
        mm_buf_release(&text);
    }
}

static void tags_are_at_most_16(void **state)
{
    static const struct change changes[] = {
        {{{6, "tag: 01\ntag: 02\ntag: 03\ntag: 04\ntag: 05\ntag: 06\ntag: 07\ntag: 08\ntag: 09\ntag: 10\ntag: 11\ntag: 12\ntag: 13\ntag: 14\ntag: 15"}}, ""},
        {{{6, "tag: 01\ntag: 02\ntag: 03\ntag: 04\ntag: 05\ntag: 06\ntag: 07\ntag: 08\ntag: 09\ntag: 10\ntag: 11\ntag: 12\ntag: 13\ntag: 14\ntag: 15\ntag: 16"}}, "manifest-tags@22:1"},
        {{{6, ""}, {7, ""}}, ""},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

/* ---- rules across the model's fields ---- */

static void model_fields_agree(void **state)
{
    static const struct change changes[] = {
        {{{8, "publisher-id: or"}}, "manifest-publisher@8:15"},
        {{{8, "publisher-id: orga"}}, "manifest-publisher@8:15"},
        {{{9, "key-id: 0123456789ABCDEF"}}, "manifest-signature@10:19"},
        {{{10, "signature-scheme: minisign"}}, "manifest-signature@10:19"},
        {{{9, "key-id: 0123456789ABCDEF"}, {10, "signature-scheme: minisign"}}, ""},
        {{{12, "expires: 2026-01-01T00:00:00Z"}}, "manifest-expires@12:10"},
        {{{12, "expires: 2025-12-31T23:59:59Z"}}, "manifest-expires@12:10"},
        {{{12, "expires: 2026-01-01T00:00:01Z"}}, ""},
        {{{12, ""}}, ""},
        {{{17, "source-lane: original"}}, "manifest-lane@18:1"},
        {{{17, "source-lane: original"}, {18, ""}}, ""},
        {{{18, ""}}, "manifest-lane@18:1"},
        {{{17, "source-lane: mirrored"}, {18, ""}}, "manifest-lane@18:1"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void routes_may_be_none_for_local_models(void **state)
{
    static const struct change changes[] = {
        {{{14, "license-route: none"}}, "manifest-local@14:16"},
        {{{15, "model-card-route: none"}}, "manifest-local@15:19"},
        {{{16, "takedown-route: none"}}, "manifest-local@16:17"},
        {{{2, "model-id: local/tiny"}, {8, "publisher-id: local"}, {16, "takedown-route: none"}}, ""},
        {{{2, "model-id: local/tiny"}, {8, "publisher-id: local"}, {14, "license-route: none"}}, ""},
        {{{2, "model-id: locals/tiny"}, {8, "publisher-id: locals"}, {14, "license-route: none"}}, "manifest-local@14:16"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

/* A fault in the name must not make routes wrong that the publisher allows. */
static void the_publisher_counts_where_the_name_is_wrong(void **state)
{
    static const struct change changes[] = {
        {{{2, "model-id: local/Tiny"}, {8, "publisher-id: local"}, {14, "license-route: none"}}, "value-pattern@2:17"},
        {{{2, "model-id: org/Tiny"}, {8, "publisher-id: other"}}, "value-pattern@2:15 manifest-publisher@8:15"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

/* ---- routes and the catalog boundary ---- */

static void path_routes_name_artifacts(void **state)
{
    static const struct change changes[] = {
        {{{14, "license-route: LICENCE"}}, "manifest-route@14:16"},
        {{{14, "license-route: license"}}, "manifest-route@14:16"},
        {{{15, "model-card-route: LICENSE"}}, ""},
        {{{15, "model-card-route: docs/LICENSE"}}, "manifest-route@15:19"},
        {{{21, "evidence: derived pass - LICENSE"}}, ""},
        {{{21, "evidence: derived pass - report.txt"}}, "manifest-route@21:26"},
        {{{21, "evidence: derived pass " H " https://h/report"}}, ""},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void routes_do_not_lead_to_weights(void **state)
{
    static const struct change changes[] = {
        {{{14, "license-route: model.gguf"}}, "value-boundary@14:16"},
        {{{15, "model-card-route: https://h/other.gguf"}}, "value-boundary@15:19"},
        {{{15, "model-card-route: https://h/x.ZIP"}}, "value-boundary@15:19"},
        {{{15, "model-card-route: https://h/x.tar.gz/"}}, "value-boundary@15:19"},
        {{{15, "model-card-route: https://h/x%2Egg%75f"}}, "value-boundary@15:19"},
        {{{15, "model-card-route: https://h/x.gguf/card"}}, ""},
        {{{15, "model-card-route: https://h/x.chunks.gz"}}, "value-boundary@15:19"},
        {{{15, "model-card-route: https://h/a.torrent"}}, "value-boundary@15:19"},
        {{{15, "model-card-route: https://h/card\nmanifest-route: https://h/tiny.manifest"}}, ""},
        {{{15, "model-card-route: https://h/card\nmanifest-route: https://h/tiny.bin"}}, "value-boundary@16:17"},
        {{{16, "takedown-route: https://h/x.pt"}}, "value-boundary@16:17"},
        {{{21, "evidence: derived pass - https://h/x.safetensors"}}, "value-boundary@21:26"},
        {{{21, "evidence: derived pass - model.gguf"}}, "value-boundary@21:26"},
        {{{43, "chunk-list-route: https://h/x.chunks.gz"}}, ""},
        {{{43, "chunk-list-route: https://h/x.gguf.chunks"}}, ""},
        /* the file name of weights, whatever it is called */
        {{{34, "artifact: model"}, {43, "chunk-list-route: model.chunks"}, {15, "model-card-route: https://h/a/MODEL"}}, "value-boundary@15:19"},
        {{{34, "artifact: model"}, {43, "chunk-list-route: model.chunks"}, {15, "model-card-route: https://h/%6Dodel/"}}, "value-boundary@15:19"},
        {{{34, "artifact: model"}, {43, "chunk-list-route: model.chunks"}, {15, "model-card-route: https://h/model2"}}, ""},
        {{{34, "artifact: model"}, {43, "chunk-list-route: model.chunks"}, {15, "model-card-route: https://h/model/x"}}, ""},
        {{{34, "artifact: model.gguf"}, {35, "artifact-role: adapter"}, {14, "license-route: model.gguf"}}, "value-boundary@14:16"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void urls_in_free_text_obey_too(void **state)
{
    static const struct change changes[] = {
        {{{18, "source: - see https://h/repo for it"}}, ""},
        {{{18, "source: - see https://h/x.gguf for it"}}, "value-boundary@18:15"},
        {{{18, "source: - http://h/repo"}}, "value-boundary@18:11"},
        {{{18, "source: - ftp://h/repo"}}, "value-boundary@18:11"},
        {{{18, "source: - magnet:?xt=1"}}, "value-boundary@18:11"},
        {{{18, "source: - IPFS://Qm"}}, "value-boundary@18:11"},
        {{{18, "source: - https://u@h/x"}}, "value-route@18:20"},
        {{{18, "source: - HTTPS://h/x"}}, "value-route@18:11"},
        {{{18, "source: - https://h"}}, "value-route@18:20"},
        {{{18, "source: " H " http://h/"}}, "value-boundary@18:74"},
        {{{23, "x-a: https://h/a http://h/b"}}, "value-boundary@23:18"},
        {{{23, "x-a: https://h/a?q"}}, "value-route@23:17"},
        {{{23, "x-a: https://h/a.zip https://h/b.zip"}}, "value-boundary@23:6 value-boundary@23:22"},
        {{{23, "x-a: https://h/model.gguf"}}, "value-boundary@23:6"},
        {{{23, "x-a: model.gguf"}}, ""},
        {{{23, "x-a: https://h/x.chunks.gz"}}, "value-boundary@23:6"},
        {{{5, "display-name: http://h/x.gguf"}}, ""},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

/* ---- rules across an artifact's fields ---- */

static void sizes_and_counts_agree(void **state)
{
    static const struct change changes[] = {
        {{{41, "chunk-count: 1"}}, "manifest-chunk-count@41:14"},
        {{{41, "chunk-count: 3"}}, "manifest-chunk-count@41:14"},
        {{{37, "artifact-bytes: 65536"}}, "manifest-chunk-count@41:14 manifest-hashes@42:14"},
        {{{37, "artifact-bytes: 131072"}}, ""},
        {{{37, "artifact-bytes: 131073"}}, "manifest-chunk-count@41:14"},
        {{{40, "chunk-size: 131072"}}, "manifest-chunk-count@41:14 manifest-hashes@42:14"},
        {{{41, "chunk-count: 0"}}, "manifest-chunk-count@41:14"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void small_artifacts_leave_no_choice_of_hashes(void **state)
{
    static const struct change changes[] = {
        {{{33, "merkle-root: " ABC}}, "manifest-hashes@33:14"},
        {{{29, "artifact-sha256: " H}}, "manifest-hashes@33:14"},
        {{{28, "artifact-bytes: 0"}, {32, "chunk-count: 0"}}, "manifest-hashes@29:18 manifest-hashes@33:14"},
        {{{28, "artifact-bytes: 0"}, {29, "artifact-sha256: " NOTHING}, {32, "chunk-count: 0"}}, "manifest-hashes@33:14"},
        {{{28, "artifact-bytes: 65536"}}, ""},
        {{{28, "artifact-bytes: 65537"}, {32, "chunk-count: 2"}, {33, "merkle-root: " H}}, ""},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void an_empty_artifact_is_valid(void **state)
{
    const struct edit edits[] = {{28, "artifact-bytes: 0"}, {29, "artifact-sha256: " NOTHING}, {32, "chunk-count: 0"}, {33, "merkle-root: " NOTHING}};
    struct mm_buf text = {0};
    (void)state;
    edit_base(edits, COUNT_OF(edits), &text);
    check_document("empty", text.data, text.length, "");
    mm_buf_release(&text);
}

static void digests_stand_where_formats_hold_them(void **state)
{
    static const struct change changes[] = {
        {{{38, "artifact-sha256: " H "\ntokenizer-sha256: " H "\nchat-template-sha256: " H "\ntensor-layout-sha256: " H}}, ""},
        {{{29, "artifact-sha256: " ABC "\ntokenizer-sha256: " H}}, "manifest-digests@30:1"},
        {{{29, "artifact-sha256: " ABC "\nchat-template-sha256: " H}}, "manifest-digests@30:1"},
        {{{29, "artifact-sha256: " ABC "\ntensor-layout-sha256: " H}}, "manifest-digests@30:1"},
        {{{36, "artifact-format: slm"}, {38, "artifact-sha256: " H "\ntokenizer-sha256: " H "\nchat-template-sha256: " H "\ntensor-layout-sha256: " H}}, "manifest-digests@40:1"},
        {{{36, "artifact-format: safetensors"}, {38, "artifact-sha256: " H "\nchat-template-sha256: " H}}, "manifest-digests@39:1"},
        {{{36, "artifact-format: safetensors"}, {38, "artifact-sha256: " H "\ntokenizer-sha256: " H "\ntensor-layout-sha256: " H}}, ""},
        {{{27, "artifact-format: safetensors"}, {36, "artifact-format: safetensors"}, {38, "artifact-sha256: " H "\ntokenizer-sha256: " H}}, "manifest-digests@39:1"},
        {{{27, "artifact-format: safetensors"}, {36, "artifact-format: safetensors"}, {29, "artifact-sha256: " ABC "\ntokenizer-sha256: " H}}, ""},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void chunk_lists_come_with_route_and_hash(void **state)
{
    static const struct change changes[] = {
        {{{43, ""}, {44, ""}}, ""},
        {{{44, ""}}, "manifest-chunk-list@43:1"},
        {{{43, ""}}, "manifest-chunk-list@43:1"},
        {{{43, "chunk-list-route: model.gguf.chunks.gz"}}, ""},
        {{{43, "chunk-list-route: other.chunks"}}, "manifest-chunk-list@43:19"},
        {{{43, "chunk-list-route: MODEL.gguf.chunks"}}, "manifest-chunk-list@43:19"},
        {{{43, "chunk-list-route: model.ggufx.chunks"}}, "manifest-chunk-list@43:19"},
        {{{43, "chunk-list-route: model.gguf/x.chunks"}}, "manifest-chunk-list@43:19"},
        {{{43, "chunk-list-route: https://h/other.chunks"}}, ""},
        {{{25, "artifact: Model.GGUF.chunks"}, {14, "license-route: https://h/l"}}, "manifest-chunk-list@25:11"},
        {{{25, "artifact: license.chunks"}, {14, "license-route: https://h/l"}}, ""},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void the_sum_of_sizes_is_below_2_63(void **state)
{
    /* 8,000,000 chunks of 64 MiB are far less, so the sizes that overflow are wrong in their counts too */
    static const struct change changes[] = {
        {{{28, "artifact-bytes: 9223372036854710271"}}, "manifest-chunk-count@32:14 manifest-bytes@37:17"},
        {{{28, "artifact-bytes: 9223372036854710270"}}, "manifest-chunk-count@32:14"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

/* ---- rules across artifacts ---- */

static void one_artifact_is_weights_or_adapter(void **state)
{
    static const struct change changes[] = {
        {{{35, "artifact-role: other"}}, "manifest-weights@25:1"},
        {{{35, "artifact-role: adapter"}}, ""},
        {{{26, "artifact-role: weights"}, {35, "artifact-role: other"}, {14, "license-route: https://h/l"}}, ""},
        {{{35, "artifact-role: weight"}}, "value-word@35:16"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void groups_are_sorted_and_apart(void **state)
{
    static const struct change changes[] = {
        {{{25, "artifact: model.ggux"}, {14, "license-route: https://h/l"}}, "manifest-artifact-order@34:11"},
        {{{25, "artifact: model.gguf"}, {14, "license-route: https://h/l"}}, "manifest-paths@34:11"},
        {{{25, "artifact: Model.gguf"}, {14, "license-route: https://h/l"}}, "manifest-paths@34:11"},
        {{{25, "artifact: model"}, {34, "artifact: model/a"}, {43, "chunk-list-route: model/a.chunks"}}, "manifest-route@14:16 manifest-paths@34:11"},
        {{{25, "artifact: A/x"}, {34, "artifact: a/y"}, {43, "chunk-list-route: a/y.chunks"}}, "manifest-route@14:16 manifest-paths@34:11"},
        {{{25, "artifact: a/x"}, {34, "artifact: a/y"}, {43, "chunk-list-route: a/y.chunks"}}, "manifest-route@14:16"},
        {{{25, "artifact: a b"}, {34, "artifact: a/b"}, {43, "chunk-list-route: a/b.chunks"}}, "manifest-route@14:16"},
    };
    (void)state;
    check_changes(changes, COUNT_OF(changes));
}

static void a_manifest_has_an_artifact(void **state)
{
    struct mm_buf text = {0};
    (void)state;
    for (size_t i = 0; i < 24; i++)
        mm_buf_printf(&text, "%s\n", i == 13 ? "license-route: https://h/l" : base[i]);
    check_document("no artifact", text.data, text.length, "manifest-field-missing@25:1");
    mm_buf_release(&text);
}

static void every_broken_rule_is_found_in_order(void **state)
{
    const struct edit edits[] = {{2, "model-id: Org/tiny"}, {4, "revision: x"}, {9, ""}, {12, "expires: 2020-01-01T00:00:00Z"}, {24, "x-b: http://h"}, {26, "artifact-role: none"}, {35, "artifact-role: other\r"}};
    struct mm_buf text = {0};
    (void)state;
    edit_base(edits, COUNT_OF(edits), &text);
    check_document("many", text.data, text.length,
                   "value-pattern@2:11 value-number@4:11 manifest-field-missing@9:1 manifest-expires@11:10 value-boundary@23:6 value-word@25:16 text-line-end@34:21");
    mm_buf_release(&text);
}

/* ---- the canonical form ---- */

static void check_canonical(const char *what, const char *text, size_t length, bool repairable)
{
    struct mm_buf expected = {0}, canonical = {0};
    struct mm_manifest manifest;
    struct mm_diags diags;
    mm_diags_init(&diags);
    edit_base(NULL, 0, &expected);
    mm_manifest_read(&manifest, text, length, &diags);
    check_number(what, mm_manifest_repairable(&diags), repairable);
    if (repairable) {
        mm_diags_clear(&diags);
        assert_int_equal(mm_manifest_write(&manifest, &canonical, &diags), 0);
        check_text(what, mm_buf_text(&canonical), mm_buf_text(&expected));
    }
    mm_manifest_release(&manifest);
    mm_diags_release(&diags);
    mm_buf_release(&expected);
    mm_buf_release(&canonical);
}

static void a_valid_manifest_is_its_own_canonical_form(void **state)
{
    struct mm_buf text = {0};
    (void)state;
    edit_base(NULL, 0, &text);
    check_canonical("base", text.data, text.length, true);
    mm_buf_release(&text);
}

/* Any order of fields in their sections, with artifact lines first, gives the one canonical form. */
static void order_and_line_ends_are_mended(void **state)
{
    uint32_t noise = 7;
    (void)state;
    for (int round = 0; round < 50; round++) {
        const char *lines[COUNT_OF(base)];
        struct mm_buf text = {0};
        memcpy(lines, base, sizeof base);
        static const size_t sections[][2] = {{1, 24}, {25, 33}, {34, 44}};
        for (size_t s = 0; s < COUNT_OF(sections); s++)
            for (size_t i = sections[s][1] - 1; i > sections[s][0]; i--) {
                noise = noise * 1664525 + 1013904223;
                size_t k = sections[s][0] + (noise >> 16) % (i - sections[s][0] + 1);
                const char *held = lines[i];
                lines[i] = lines[k];
                lines[k] = held;
            }
        for (size_t i = 0; i < 24; i++)
            mm_buf_printf(&text, "%s%s\n", lines[i], round % 3 ? "" : "\r");
        bool swapped = round % 2;
        for (size_t i = swapped ? 33 : 24; i < (swapped ? COUNT_OF(base) : 33); i++)
            mm_buf_printf(&text, "%s\n", lines[i]);
        for (size_t i = swapped ? 24 : 33; i < (swapped ? 33 : COUNT_OF(base)); i++)
            mm_buf_printf(&text, "%s\n", lines[i]);
        check_canonical("shuffled", text.data, text.length - (round % 5 == 0), true);
        mm_buf_release(&text);
    }
}

static void other_faults_are_not_mended(void **state)
{
    static const struct edit edits[] = {
        {3, ""}, {3, "version: 1.0\nversion: 1.0"}, {6, "tag: b"}, {3, "version:  1.0"}, {3, "version: 1.0\n"}, {3, "version: 1.0\nflavour: x"}, {24, "x-b: two\nartifact-role: other"},
        {41, "chunk-count: 1"}, {25, "artifact: LICENSE\nx-c: x"}, {5, "display-name: \xE2\x80\x8B"}, {1, "minimodel-manifest 1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(edits); i++) {
        struct mm_buf text = {0};
        edit_base(&edits[i], 1, &text);
        check_canonical(edits[i].text, text.data, text.length, false);
        mm_buf_release(&text);
    }
}

/* ---- what a manifest gives ---- */

static void claims_are_read_back(void **state)
{
    const struct edit edits[] = {{38, "artifact-sha256: " H "\ntokenizer-sha256: " H "\ntensor-layout-sha256: " ABC}};
    struct mm_manifest manifest;
    struct mm_buf text = {0};
    struct mm_diags diags;
    struct mm_claim claim;
    char hex[MM_HASH_HEX + 1];
    (void)state;
    mm_diags_init(&diags);
    edit_base(edits, 1, &text);
    int fd = file_of(text.data, text.length);
    assert_int_equal(mm_manifest_read_file(&manifest, fd, &diags), 0);
    close(fd);
    assert_int_equal(mm_manifest_artifacts(&manifest), 2);
    mm_manifest_claim(&manifest, 1, &claim);
    assert_string_equal(claim.path, "LICENSE");
    assert_int_equal(claim.role, MM_ROLE_LICENSE);
    assert_int_equal(claim.format, MM_FORMAT_TEXT);
    assert_int_equal(claim.chunks.bytes, 3);
    assert_null(claim.chunk_list_route);
    assert_false(claim.tokenizer.known || claim.chat_template.known || claim.layout.known || claim.chunk_list.known);
    mm_manifest_claim(&manifest, 2, &claim);
    assert_string_equal(claim.path, "model.gguf");
    assert_int_equal(claim.role, MM_ROLE_WEIGHTS);
    assert_int_equal(claim.format, MM_FORMAT_GGUF);
    assert_int_equal(claim.chunks.bytes, 65537);
    assert_int_equal(claim.chunks.size, 65536);
    assert_int_equal(claim.chunks.count, 2);
    assert_true(claim.chunks.has_sha256);
    mm_hex(hex, claim.chunks.sha256, MM_HASH_BYTES);
    assert_string_equal(hex, H);
    mm_hex(hex, claim.chunks.root, MM_HASH_BYTES);
    assert_string_equal(hex, H);
    assert_true(claim.tokenizer.known && claim.layout.known && claim.chunk_list.known);
    assert_false(claim.chat_template.known);
    mm_hex(hex, claim.layout.bytes, MM_HASH_BYTES);
    assert_string_equal(hex, ABC);
    assert_true(mm_entry_is(claim.chunk_list_route, "model.gguf.chunks"));
    mm_manifest_release(&manifest);
    mm_diags_release(&diags);
    mm_buf_release(&text);
}

static void fields_are_found_by_group(void **state)
{
    struct mm_manifest manifest;
    struct mm_buf text = {0};
    struct mm_diags diags;
    struct mm_sha256 *sha = mm_sha256_new();
    unsigned char digest[MM_HASH_BYTES];
    char value[1025];
    (void)state;
    mm_diags_init(&diags);
    edit_base(NULL, 0, &text);
    assert_int_equal(mm_manifest_read(&manifest, text.data, text.length, &diags), 0);
    assert_string_equal(mm_manifest_text(&manifest, 0, MM_FIELD_TAG, value), "a");
    assert_string_equal(mm_manifest_text(&manifest, 0, MM_FIELD_PREVIOUS_MANIFEST, value), "");
    assert_string_equal(mm_manifest_text(&manifest, 2, MM_FIELD_CHUNK_COUNT, value), "2");
    assert_null(mm_manifest_get(&manifest, 3, MM_FIELD_ARTIFACT));
    assert_null(mm_manifest_get(&manifest, 0, MM_FIELD_ARTIFACT));
    assert_null(mm_manifest_get(&manifest, 1, MM_FIELD_MODEL_ID));
    mm_sha256_once(sha, text.data, text.length, digest);
    assert_memory_equal(manifest.sha256, digest, sizeof digest);
    mm_sha256_free(sha);
    mm_manifest_release(&manifest);
    mm_manifest_release(&manifest);
    mm_diags_release(&diags);
    mm_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_base_is_valid),
        cmocka_unit_test(the_grammar_holds),
        cmocka_unit_test(values_have_their_form),
        cmocka_unit_test(ends_of_text_are_checked),
        cmocka_unit_test(manifests_end_at_a_mebibyte),
        cmocka_unit_test(fields_are_those_of_the_table),
        cmocka_unit_test(fields_stand_in_order),
        cmocka_unit_test(equal_lines_are_found_apart),
        cmocka_unit_test(tags_are_at_most_16),
        cmocka_unit_test(model_fields_agree),
        cmocka_unit_test(routes_may_be_none_for_local_models),
        cmocka_unit_test(the_publisher_counts_where_the_name_is_wrong),
        cmocka_unit_test(path_routes_name_artifacts),
        cmocka_unit_test(routes_do_not_lead_to_weights),
        cmocka_unit_test(urls_in_free_text_obey_too),
        cmocka_unit_test(sizes_and_counts_agree),
        cmocka_unit_test(small_artifacts_leave_no_choice_of_hashes),
        cmocka_unit_test(an_empty_artifact_is_valid),
        cmocka_unit_test(digests_stand_where_formats_hold_them),
        cmocka_unit_test(chunk_lists_come_with_route_and_hash),
        cmocka_unit_test(the_sum_of_sizes_is_below_2_63),
        cmocka_unit_test(one_artifact_is_weights_or_adapter),
        cmocka_unit_test(groups_are_sorted_and_apart),
        cmocka_unit_test(a_manifest_has_an_artifact),
        cmocka_unit_test(every_broken_rule_is_found_in_order),
        cmocka_unit_test(a_valid_manifest_is_its_own_canonical_form),
        cmocka_unit_test(order_and_line_ends_are_mended),
        cmocka_unit_test(other_faults_are_not_mended),
        cmocka_unit_test(claims_are_read_back),
        cmocka_unit_test(fields_are_found_by_group),
    };
    return cmocka_run_group_tests(tests, NULL, release_linted);
}
