#include "unit.h"

#include <regex.h>

#include "doc/manifest_field.h"

#define H "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X256 X64 X64 X64 X64

/* A value of FIELD; RULE is "" where it is accepted, and AT counts from 0. */
struct value {
    enum mm_field field;
    const char *text;
    const char *rule;
    size_t at;
};

static void check_values(const struct value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct mm_value_fault fault = {MM_RULE_COUNT, 9999, NULL};
        bool sound = mm_field_check(values[i].field, values[i].text, strlen(values[i].text), &fault);
        check_text(values[i].text, sound ? "" : mm_rule_info(fault.rule)->name, values[i].rule);
        if (!sound) {
            check_number(values[i].text, fault.at, values[i].at);
            assert_true(strlen(fault.expected) > 0);
        }
    }
}

#define GOOD(field, text) {MM_FIELD_##field, text, "", 0}
#define BAD(field, text, rule, at) {MM_FIELD_##field, text, rule, at}

static void keys_are_found_in_the_table(void **state)
{
    (void)state;
    assert_int_equal(MM_FIELD_COUNT, 24 + 14);
    for (int i = 0; i < MM_FIELD_COUNT; i++) {
        const char *key = mm_fields[i].key;
        assert_int_equal(mm_field_of(key, strlen(key)), i);
        for (int first = 0; first < MM_FIELD_COUNT; first++)
            assert_int_equal(mm_field_of_from((enum mm_field)first, key, strlen(key)), i);
        assert_int_equal(mm_field_of(key, strlen(key) - 1) == i, 0);
        assert_int_equal(mm_field_is_artifact((enum mm_field)i), i >= 24);
        assert_true(strlen(mm_fields[i].meaning) > 10);
    }
    assert_int_equal(mm_field_of(BYTES("x-note")), -1);
    assert_int_equal(mm_field_of_from(MM_FIELD_ARTIFACT, BYTES("x-note")), -1);
    assert_int_equal(mm_field_of(BYTES("")), -1);
    assert_int_equal(mm_field_of(BYTES("Model-id")), -1);
    assert_int_equal(mm_field_of(BYTES("tag\0")), -1);
    assert_int_equal(mm_field_of(BYTES("artifact")), MM_FIELD_ARTIFACT);
}

static void ids_have_two_portable_parts(void **state)
{
    static const struct value values[] = {
        GOOD(MODEL_ID, "a/b"), GOOD(MODEL_ID, "org-1/name_2.0"), GOOD(MODEL_ID, X64 "/" X64), GOOD(MODEL_ID, "local/x"), GOOD(MODEL_ID, "0/9"), GOOD(MODEL_ID, "console/com"),
        BAD(MODEL_ID, "a", "value-pattern", 1), BAD(MODEL_ID, "/b", "value-pattern", 0), BAD(MODEL_ID, "a/", "value-pattern", 2), BAD(MODEL_ID, "/", "value-pattern", 0),
        BAD(MODEL_ID, "a/b/c", "value-pattern", 3), BAD(MODEL_ID, "a//b", "value-pattern", 2), BAD(MODEL_ID, "A/b", "value-pattern", 0), BAD(MODEL_ID, "a/B", "value-pattern", 2),
        BAD(MODEL_ID, "a b/c", "value-pattern", 1), BAD(MODEL_ID, "-a/b", "value-pattern", 0), BAD(MODEL_ID, "a-/b", "value-pattern", 1), BAD(MODEL_ID, "a/.b", "value-pattern", 2),
        BAD(MODEL_ID, "a/b.", "value-pattern", 3), BAD(MODEL_ID, "a..b/c", "value-pattern", 2), BAD(MODEL_ID, "a/b-_c", "value-pattern", 4), BAD(MODEL_ID, "a/b._c", "value-pattern", 4),
        BAD(MODEL_ID, X64 "x/b", "value-pattern", 64), BAD(MODEL_ID, "a/" X64 "x", "value-pattern", 66), BAD(MODEL_ID, "con/b", "value-pattern", 0), BAD(MODEL_ID, "a/nul", "value-pattern", 2),
        BAD(MODEL_ID, "a/com1.v2", "value-pattern", 2), BAD(MODEL_ID, "a/caf\xC3\xA9", "value-pattern", 5),
        GOOD(PUBLISHER_ID, "a"), GOOD(PUBLISHER_ID, X64), GOOD(PUBLISHER_ID, "a.b"), BAD(PUBLISHER_ID, "a/b", "value-pattern", 1), BAD(PUBLISHER_ID, X64 "x", "value-pattern", 64),
        BAD(PUBLISHER_ID, "aux", "value-pattern", 0), BAD(PUBLISHER_ID, "a-", "value-pattern", 1),
    };
    (void)state;
    check_values(values, COUNT_OF(values));
}

static void words_of_limited_characters(void **state)
{
    static const struct value values[] = {
        GOOD(VERSION, "1"), GOOD(VERSION, "1.0.0-rc.1+build"), GOOD(VERSION, "Z"), GOOD(VERSION, X64), BAD(VERSION, X64 "x", "value-pattern", 64), BAD(VERSION, ".1", "value-pattern", 0),
        BAD(VERSION, "-1", "value-pattern", 0), BAD(VERSION, "+1", "value-pattern", 0), BAD(VERSION, "1 0", "value-pattern", 1), BAD(VERSION, "1_0", "value-pattern", 1),
        GOOD(TAG, "chat"), GOOD(TAG, "0.5b"), GOOD(TAG, "a-"), GOOD(TAG, X16 X16), BAD(TAG, X16 X16 "x", "value-pattern", 32), BAD(TAG, "Chat", "value-pattern", 0),
        BAD(TAG, "a_b", "value-pattern", 1), BAD(TAG, "-a", "value-pattern", 0), BAD(TAG, ".a", "value-pattern", 0), BAD(TAG, "a b", "value-pattern", 1),
        GOOD(ARCHITECTURE, "llama"), GOOD(ARCHITECTURE, "unknown"), GOOD(ARCHITECTURE, "-._"), GOOD(ARCHITECTURE, X64), BAD(ARCHITECTURE, X64 "x", "value-pattern", 64),
        BAD(ARCHITECTURE, "Llama", "value-pattern", 0), BAD(ARCHITECTURE, "a b", "value-pattern", 1), BAD(ARCHITECTURE, "a/b", "value-pattern", 1),
        GOOD(QUANTIZATION, "q4_k"), GOOD(QUANTIZATION, "_"), GOOD(QUANTIZATION, X16 X16), BAD(QUANTIZATION, X16 X16 "x", "value-pattern", 32), BAD(QUANTIZATION, "Q4_K", "value-pattern", 0),
        BAD(QUANTIZATION, "q4-k", "value-pattern", 2), BAD(QUANTIZATION, "q4.k", "value-pattern", 2),
        GOOD(KEY_ID, "none"), GOOD(KEY_ID, "0123456789ABCDEF"), BAD(KEY_ID, "0123456789ABCDE", "value-pattern", 0), BAD(KEY_ID, "0123456789ABCDEF0", "value-pattern", 0),
        BAD(KEY_ID, "0123456789abcdef", "value-pattern", 0), BAD(KEY_ID, "0123456789ABCDEG", "value-pattern", 0), BAD(KEY_ID, "None", "value-pattern", 0),
        GOOD(DISPLAY_NAME, "x"), GOOD(DISPLAY_NAME, X64 X16 X16 X16 "xxxxxxxx"), BAD(DISPLAY_NAME, X64 X16 X16 X16 "xxxxxxxxx", "text-value-length", 120),
    };
    (void)state;
    check_values(values, COUNT_OF(values));
}

static void words_are_those_of_the_field(void **state)
{
    static const struct value values[] = {
        GOOD(SIGNATURE_SCHEME, "minisign"), GOOD(SIGNATURE_SCHEME, "none"), BAD(SIGNATURE_SCHEME, "gpg", "value-word", 0), BAD(SIGNATURE_SCHEME, "minisign none", "value-word", 0),
        BAD(SIGNATURE_SCHEME, "mini", "value-word", 0), BAD(SIGNATURE_SCHEME, "Minisign", "value-word", 0),
        GOOD(SOURCE_LANE, "original"), GOOD(SOURCE_LANE, "converted"), GOOD(SOURCE_LANE, "quantized"), GOOD(SOURCE_LANE, "fine-tuned"), GOOD(SOURCE_LANE, "merged"), GOOD(SOURCE_LANE, "mirrored"),
        BAD(SOURCE_LANE, "finetuned", "value-word", 0), BAD(SOURCE_LANE, "original ", "value-word", 0), GOOD(PEER_HINT, "none"), GOOD(PEER_HINT, "available"), GOOD(PEER_HINT, "restricted"),
        BAD(PEER_HINT, "yes", "value-word", 0), GOOD(ARTIFACT_ROLE, "weights"), GOOD(ARTIFACT_ROLE, "adapter"), GOOD(ARTIFACT_ROLE, "tokenizer"), GOOD(ARTIFACT_ROLE, "config"),
        GOOD(ARTIFACT_ROLE, "license"), GOOD(ARTIFACT_ROLE, "card"), GOOD(ARTIFACT_ROLE, "other"), BAD(ARTIFACT_ROLE, "weight", "value-word", 0), GOOD(ARTIFACT_FORMAT, "slm"),
        GOOD(ARTIFACT_FORMAT, "gguf"), GOOD(ARTIFACT_FORMAT, "safetensors"), GOOD(ARTIFACT_FORMAT, "json"), GOOD(ARTIFACT_FORMAT, "text"), GOOD(ARTIFACT_FORMAT, "opaque"),
        BAD(ARTIFACT_FORMAT, "onnx", "value-word", 0), GOOD(CHUNK_SCHEME, "fixed-size-merkle-v0"), BAD(CHUNK_SCHEME, "fixed-size-merkle-v1", "value-word", 0),
    };
    (void)state;
    check_values(values, COUNT_OF(values));
}

static void numbers_have_ranges(void **state)
{
    static const struct value values[] = {
        GOOD(REVISION, "1"), GOOD(REVISION, "9223372036854775807"), BAD(REVISION, "0", "value-range", 0), BAD(REVISION, "9223372036854775808", "value-number", 0), BAD(REVISION, "01", "value-number", 0),
        BAD(REVISION, "+1", "value-number", 0), BAD(REVISION, "1.0", "value-number", 0), GOOD(PARAMETERS, "0"), GOOD(PARAMETERS, "9223372036854775807"), BAD(PARAMETERS, "-1", "value-number", 0),
        GOOD(ARTIFACT_BYTES, "0"), GOOD(ARTIFACT_BYTES, "9223372036854775807"), BAD(ARTIFACT_BYTES, "1e9", "value-number", 0), GOOD(CHUNK_COUNT, "0"), GOOD(CHUNK_COUNT, "8000000"),
        BAD(CHUNK_COUNT, "8000001", "value-range", 0), BAD(CHUNK_COUNT, "08", "value-number", 0), GOOD(CHUNK_SIZE, "65536"), GOOD(CHUNK_SIZE, "1048576"), GOOD(CHUNK_SIZE, "67108864"),
        BAD(CHUNK_SIZE, "32768", "value-range", 0), BAD(CHUNK_SIZE, "134217728", "value-range", 0), BAD(CHUNK_SIZE, "65537", "value-range", 0), BAD(CHUNK_SIZE, "0", "value-range", 0), BAD(CHUNK_SIZE, "64K", "value-number", 0),
    };
    (void)state;
    check_values(values, COUNT_OF(values));
}

static void hashes_times_licences_and_paths(void **state)
{
    static const struct value values[] = {
        GOOD(PREVIOUS_MANIFEST, H), BAD(PREVIOUS_MANIFEST, H "0", "value-hash", 0), BAD(PREVIOUS_MANIFEST, "none", "value-hash", 0),
        BAD(MERKLE_ROOT, "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff", "value-hash", 0), GOOD(ARTIFACT_SHA256, H), GOOD(CHUNK_LIST_SHA256, H),
        GOOD(CREATED, "2026-02-28T00:00:00Z"), BAD(CREATED, "2026-02-29T00:00:00Z", "value-time", 0), BAD(EXPIRES, "2026-02-28", "value-time", 0),
        GOOD(LICENSE, "MIT OR Apache-2.0"), BAD(LICENSE, "MIT or Apache-2.0", "value-license", 3), BAD(LICENSE, "(MIT", "value-license", 4),
        GOOD(ARTIFACT, "a/model.gguf"), BAD(ARTIFACT, "a/../b", "value-path", 3), BAD(ARTIFACT, "a//b", "value-path", 2), BAD(ARTIFACT, "https://h/x", "value-path", 5),
    };
    (void)state;
    check_values(values, COUNT_OF(values));
}

static void routes_are_paths_or_urls(void **state)
{
    static const struct value values[] = {
        GOOD(LICENSE_ROUTE, "LICENSE"), GOOD(LICENSE_ROUTE, "docs/LICENSE.txt"), GOOD(LICENSE_ROUTE, "none"), GOOD(LICENSE_ROUTE, "https://h/LICENSE"), BAD(LICENSE_ROUTE, "http://h/", "value-route", 4),
        BAD(LICENSE_ROUTE, "HTTPS://h/", "value-route", 5), BAD(LICENSE_ROUTE, "/LICENSE", "value-route", 0), BAD(LICENSE_ROUTE, "https://h/a?b", "value-route", 11),
        GOOD(MODEL_CARD_ROUTE, "https://[::1]/x"), BAD(MODEL_CARD_ROUTE, "https://u@h/x", "value-route", 9),
        GOOD(MANIFEST_ROUTE, "https://h/x"), BAD(MANIFEST_ROUTE, "x", "value-route", 0), BAD(MANIFEST_ROUTE, "none", "value-route", 0), BAD(MANIFEST_ROUTE, "https://h", "value-route", 9),
        GOOD(TAKEDOWN_ROUTE, "none"), GOOD(TAKEDOWN_ROUTE, "mailto:a@b"), GOOD(TAKEDOWN_ROUTE, "https://h/"), BAD(TAKEDOWN_ROUTE, "path", "value-route", 0), BAD(TAKEDOWN_ROUTE, "mailto:a", "value-route", 8),
        BAD(TAKEDOWN_ROUTE, "https://h/;", "value-route", 10), BAD(TAKEDOWN_ROUTE, "a@b", "value-route", 0), BAD(TAKEDOWN_ROUTE, "mailto:a@b?c", "value-route", 10),
        GOOD(CHUNK_LIST_ROUTE, "model.gguf.chunks"), GOOD(CHUNK_LIST_ROUTE, "model.gguf.chunks.gz"), GOOD(CHUNK_LIST_ROUTE, "https://h/x.chunks"), GOOD(CHUNK_LIST_ROUTE, "https://h/x.chunks.gz"),
        BAD(CHUNK_LIST_ROUTE, "model.gguf", "value-route", 0), BAD(CHUNK_LIST_ROUTE, "https://h/x.gz", "value-route", 0), BAD(CHUNK_LIST_ROUTE, "x.CHUNKS", "value-route", 0),
        BAD(CHUNK_LIST_ROUTE, "../x.chunks", "value-route", 1), BAD(CHUNK_LIST_ROUTE, "https://h/x.chunks?y", "value-route", 18), BAD(CHUNK_LIST_ROUTE, "none", "value-route", 0),
    };
    (void)state;
    check_values(values, COUNT_OF(values));
}

static void sources_are_hash_and_identity(void **state)
{
    static const struct value values[] = {
        GOOD(SOURCE, "- hf://org/name"), GOOD(SOURCE, H " org/name at main"), GOOD(SOURCE, "- " X256), BAD(SOURCE, "- " X256 "x", "text-value-length", 258), GOOD(SOURCE, H " " X256),
        BAD(SOURCE, H " " X256 "x", "text-value-length", 321), BAD(SOURCE, "-", "value-pattern", 0), BAD(SOURCE, H, "value-pattern", 0), BAD(SOURCE, "-  x", "value-pattern", 2), BAD(SOURCE, "-- x", "value-hash", 0),
        BAD(SOURCE, "name x", "value-hash", 0), BAD(SOURCE, "-\xC2\xA0x", "value-pattern", 0),
    };
    (void)state;
    check_values(values, COUNT_OF(values));
}

static void shapes_are_seven_numbers_in_order(void **state)
{
    static const struct value values[] = {
        GOOD(MODEL_SHAPE, "block_count=1 embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=5 vocab_size=6 context_length=7"),
        GOOD(MODEL_SHAPE, "block_count=0 embedding_length=0 feed_forward_length=0 head_count=0 head_count_kv=0 vocab_size=0 context_length=9223372036854775807"),
        BAD(MODEL_SHAPE, "block_count=1 embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=5 vocab_size=6 context_length=9223372036854775808", "value-number", 112),
        BAD(MODEL_SHAPE, "block_count=1 embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=5 vocab_size=6", "value-pattern", 84),
        BAD(MODEL_SHAPE, "embedding_length=2 block_count=1 feed_forward_length=3 head_count=4 head_count_kv=5 vocab_size=6 context_length=7", "value-pattern", 0),
        BAD(MODEL_SHAPE, "block_count=1  embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=5 vocab_size=6 context_length=7", "value-pattern", 14),
        BAD(MODEL_SHAPE, "block_count=01 embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=5 vocab_size=6 context_length=7", "value-number", 12),
        BAD(MODEL_SHAPE, "block_count=1 embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=5 vocab_size=6 context_length=7 x=8", "value-number", 112),
        BAD(MODEL_SHAPE, "block_count=1 embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=5 vocab_size=6 context_length=", "value-pattern", 97),
        BAD(MODEL_SHAPE, "block_count: 1", "value-pattern", 0), BAD(MODEL_SHAPE, "block_count=", "value-pattern", 0), BAD(MODEL_SHAPE, "block_count=1", "value-pattern", 0), BAD(MODEL_SHAPE, "x", "value-pattern", 0),
    };
    (void)state;
    check_values(values, COUNT_OF(values));
}

static void evidence_is_kind_status_hash_route(void **state)
{
    static const struct value values[] = {
        GOOD(EVIDENCE, "infer-check pass " H " https://h/x"), GOOD(EVIDENCE, "derived fail - -"), GOOD(EVIDENCE, "x-a pending - card.md"), GOOD(EVIDENCE, "x-" X16 X16 " pass - -"),
        BAD(EVIDENCE, "x-" X16 X16 "x pass - -", "value-word", 0), BAD(EVIDENCE, "x- pass - -", "value-word", 0), BAD(EVIDENCE, "x-A pass - -", "value-word", 0), BAD(EVIDENCE, "other pass - -", "value-word", 0),
        BAD(EVIDENCE, "derived ok - -", "value-word", 8), BAD(EVIDENCE, "derived PASS - -", "value-word", 8), BAD(EVIDENCE, "derived pass x -", "value-hash", 13), BAD(EVIDENCE, "derived pass -", "value-pattern", 0),
        BAD(EVIDENCE, "derived", "value-pattern", 0), BAD(EVIDENCE, "derived  pass - -", "value-pattern", 0), BAD(EVIDENCE, "derived pass - http://h/", "value-route", 19), BAD(EVIDENCE, "derived pass - /x", "value-route", 15),
        BAD(EVIDENCE, "derived pass - https://h/?", "value-route", 25), BAD(EVIDENCE, "derived pass -  -", "value-route", 15), BAD(EVIDENCE, "derived pass - --", "value-route", 15),
    };
    (void)state;
    check_values(values, COUNT_OF(values));
    assert_int_equal(mm_evidence_route(BYTES("derived fail - -")), 15);
    assert_int_equal(mm_evidence_route(BYTES("x-a pass " H " a b")), 74);
    assert_int_equal(mm_source_identity(BYTES("- x")), 2);
    assert_int_equal(mm_source_identity(BYTES(H " x y")), 65);
}

/* The patterns bound each kind from outside: what the checks accept, they match. (That of paths escapes brackets as ECMA
 * 262 does and POSIX does not.) */
static void patterns_match_what_is_accepted(void **state)
{
    static const struct { enum mm_kind kind; const char *good, *bad; } cases[] = {
        {MM_KIND_MODEL_ID, "a/b-c", "a"}, {MM_KIND_VERSION, "1.0", "-1"}, {MM_KIND_HASH, H, "00"}, {MM_KIND_TAG, "a.b", "A"}, {MM_KIND_PUBLISHER, "a", "a-"}, {MM_KIND_KEY_ID, "none", "no"},
        {MM_KIND_TIME, "2026-01-01T00:00:00Z", "2026-01-01"}, {MM_KIND_LICENSE, "(MIT OR a:b) AND c+", "a;b"}, {MM_KIND_URL, "https://h/", "http://h/"}, {MM_KIND_TAKEDOWN, "mailto:a@b", "nones"},
        {MM_KIND_SOURCE, "- x", "x"}, {MM_KIND_ARCHITECTURE, "a._-", "A"}, {MM_KIND_QUANTIZATION, "q4_k", "q4-k"}, {MM_KIND_EVIDENCE, "x-a pass - -", "x-a ok - -"},
        {MM_KIND_CHUNK_LIST_ROUTE, "a.chunks.gz", "a.gz"},
        {MM_KIND_SHAPE, "block_count=1 embedding_length=0 feed_forward_length=3 head_count=4 head_count_kv=5 vocab_size=6 context_length=7", "block_count=1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        regex_t regex;
        assert_int_equal(regcomp(&regex, mm_kind_pattern(cases[i].kind), REG_EXTENDED | REG_NOSUB), 0);
        check_number(cases[i].good, regexec(&regex, cases[i].good, 0, NULL, 0), 0);
        check_number(cases[i].bad, regexec(&regex, cases[i].bad, 0, NULL, 0), REG_NOMATCH);
        regfree(&regex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_in_the_table),
        cmocka_unit_test(ids_have_two_portable_parts),
        cmocka_unit_test(words_of_limited_characters),
        cmocka_unit_test(words_are_those_of_the_field),
        cmocka_unit_test(numbers_have_ranges),
        cmocka_unit_test(hashes_times_licences_and_paths),
        cmocka_unit_test(routes_are_paths_or_urls),
        cmocka_unit_test(sources_are_hash_and_identity),
        cmocka_unit_test(shapes_are_seven_numbers_in_order),
        cmocka_unit_test(evidence_is_kind_status_hash_route),
        cmocka_unit_test(patterns_match_what_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
