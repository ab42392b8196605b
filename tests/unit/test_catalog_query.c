/* Patterns: what an entry and a withdrawal meet, and what is none. */
#include "unit.h"

#include "act/catalog_find_parts.h"
#include "doc/catalog_query.h"

#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char line[] =
    "{\"architecture\":\"llama\",\"artifact_bytes\":4294967296,\"artifacts\":[{\"bytes\":4294967296,\"format\":\"gguf\",\"merkle_root\":\"" H
    "\",\"path\":\"m.gguf\",\"role\":\"weights\",\"sha256\":\"" H "\"}],\"created\":\"2026-03-05T06:07:08Z\",\"display_name\":\"A \\\"Tiny\\\" \\\\ one\","
    "\"key_id\":\"0123456789ABCDEF\",\"license\":\"MIT OR Apache-2.0\",\"license_route\":\"LICENSE\","
    "\"manifest_route\":\"manifests/demo/tiny/2.manifest\",\"manifest_sha256\":\"" OTHER "\","
    "\"manifest_signature_route\":\"manifests/demo/tiny/2.manifest.minisig\",\"model_card_route\":\"README.md\",\"model_id\":\"demo/tiny\","
    "\"model_shape\":{\"block_count\":12,\"context_length\":32768,\"embedding_length\":3,\"feed_forward_length\":4,\"head_count\":5,\"head_count_kv\":6,"
    "\"vocab_size\":7},\"peer_hint\":\"none\",\"publisher_id\":\"demo\",\"quantization\":\"q8_0\",\"revision\":2,\"source_lane\":\"quantized\","
    "\"source_summary\":[\"- hf://demo/base\"],\"tags\":[\"chat\",\"llama.cpp\"],\"takedown_route\":\"mailto:a@example.org\",\"version\":\"1.0\"}";

/* True if the line, or the withdrawal, meets the pattern; fails where that is none. */
static bool meets(const char *pattern, const struct mm_catalog_entry *entry, const struct mm_withdrawal *withdrawal)
{
    struct mm_catalog_query query = {0};
    const char *expected = mm_catalog_query_add(&query, pattern);
    if (expected)
        fail_msg("%s: expected %s", pattern, expected);
    bool met = entry ? mm_catalog_query_entry(&query, entry) : mm_catalog_query_withdrawal(&query, withdrawal);
    mm_catalog_query_release(&query);
    return met;
}

struct pattern_case {
    const char *pattern;
    bool met;
};

/* Each, and its opposite. */
static void check_patterns(const struct pattern_case *cases, size_t count, const struct mm_catalog_entry *entry,
                           const struct mm_withdrawal *withdrawal)
{
    for (size_t i = 0; i < count; i++) {
        char opposite[256];
        snprintf(opposite, sizeof opposite, "!%s", cases[i].pattern);
        if (meets(cases[i].pattern, entry, withdrawal) != cases[i].met)
            fail_msg("%s: expected %d", cases[i].pattern, cases[i].met);
        if (meets(opposite, entry, withdrawal) == cases[i].met)
            fail_msg("%s: expected %d", opposite, !cases[i].met);
    }
}

static void an_entry_meets_patterns(void **state)
{
    static const struct pattern_case cases[] = {
        {"tiny", true}, {"DEMO/T", true}, {"chat", true}, {"cpp", true}, {"mit", true}, {"q8", true}, {"hf", true}, {"gguf", false}, {"quantized", false},
        {"\"tiny\" \\ o", true}, {"any:\"tiny\" \\ o", true}, {"any:hf://", true}, {"ba?e", true}, {"any:*=*", false}, {"any:!x", false},
        {"id=demo/tiny", true}, {"id=tiny", false}, {"id:tiny", true}, {"model-id:t*", true}, {"MODEL_ID:t*", true}, {"id!=demo/tiny", false},
        {"name:one", true}, {"name=a \"tiny\" \\ ONE", true}, {"name=one", false}, {"tag=chat", true}, {"tag=cha", false}, {"tag!=chat", false}, {"tag!=x", true},
        {"tag:x,chat", true}, {"tag:x,", false}, {"license:MIT", true}, {"license:mit", true}, {"license:Apache-2.0", true}, {"license:ISC", false},
        {"license:ISC,MIT", true}, {"license:M?T", true}, {"license=MIT", false}, {"license=mit or apache-2.0", true}, {"license!=MIT", true},
        {"arch:llama", true}, {"lane:quant", true}, {"publisher=demo", true}, {"key:89ab", true}, {"version=1.0", true}, {"peer_hint=none", true},
        {"evidence:*", false}, {"evidence!=x", false}, {"source:demo/base", true}, {"reason:x", false},
        {"sha256:" H, true}, {"sha256=" OTHER, true}, {"sha256:2123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", false}, {"sha256!=" H, false},
        {"bytes=4GiB", true}, {"bytes>4GB", true}, {"bytes<=4GB", false}, {"artifact-bytes<4GiB", false}, {"artifacts=1", true}, {"artifacts!=1", false},
        {"revision:2", true}, {"revision>1", true}, {"revision>=3", false}, {"parameters>=0", false}, {"parameters!=1", false},
        {"block_count>=12", true}, {"block-count>12", false}, {"context_length>32k", true}, {"context_length=32Ki", true}, {"vocab_size<7", false},
        {"head_count_kv=6", true}, {"head_count=5", true}, {"embedding_length=3", true}, {"feed_forward_length=4", true},
        {"created=2026", true}, {"created=2026-03", true}, {"created:2026-03-05", true}, {"created>2026-03-04", true}, {"created>2026-03-05", false},
        {"created<=2026-03-05", true}, {"created<2026-03-05T06:07:08Z", false}, {"created>=2026-03-05T06:07:08Z", true}, {"created!=2025", true}, {"expires>2000", false},
    };
    struct mm_catalog_entry entry;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    int result = mm_catalog_entry_read(&entry, line, sizeof line - 1, 1, &diags);
    check_findings("the line", &diags, "");
    assert_int_equal(result, 0);
    mm_diags_release(&diags);
    check_patterns(cases, COUNT_OF(cases), &entry, NULL);
}

static void a_withdrawal_meets_what_it_says(void **state)
{
    static const struct pattern_case one[] = {
        {"tiny", true}, {"wrong", true}, {"mit", false}, {"id=demo/tiny", true}, {"id!=demo/x", true}, {"publisher=demo", true}, {"publisher=dem", false},
        {"publisher!=other", true}, {"reason:\"TOKEN*", true}, {"reason=x", false}, {"name:tiny", false}, {"license:MIT", false}, {"created>2000", false},
        {"revision=2", true}, {"revision>2", false}, {"bytes>=0", false}, {"sha256:" H, true}, {"sha256:" OTHER, false}, {"sha256!=" OTHER, true},
    };
    static const struct pattern_case all[] = {{"revision=2", true}, {"revision>99", true}, {"sha256:" H, false}, {"sha256!=" OTHER, false}, {"tiny", true}};
    struct mm_withdrawal withdrawal = {.model_id = "demo/tiny", .revision = 2, .reason = "wrong \"tokenizer\"", .time = "2026-01-01T00:00:00Z"};
    (void)state;
    mm_hex_hash(H, MM_HASH_HEX, withdrawal.manifest_sha256);
    check_patterns(one, COUNT_OF(one), NULL, &withdrawal);
    withdrawal.revision = 0;
    check_patterns(all, COUNT_OF(all), NULL, &withdrawal);
}

static void all_patterns_have_to_be_met(void **state)
{
    struct mm_catalog_query query = {0};
    struct mm_withdrawal withdrawal = {.model_id = "demo/tiny", .reason = "x"};
    (void)state;
    assert_true(mm_catalog_query_withdrawal(&query, &withdrawal));
    for (int i = 0; i < 100; i++)
        assert_null(mm_catalog_query_add(&query, "tiny"));
    assert_true(mm_catalog_query_withdrawal(&query, &withdrawal));
    assert_non_null(mm_catalog_query_add(&query, "colour:red"));
    assert_int_equal(query.count, 100);
    assert_null(mm_catalog_query_add(&query, "!demo"));
    assert_false(mm_catalog_query_withdrawal(&query, &withdrawal));
    mm_catalog_query_release(&query);
}

static void what_is_no_pattern_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "!", "!!a", "a=b", "a:b", ":x", "=x", "x<y", "a.b:c", "https://x", "id:", "id=", "id<x", "tag>=x", "license:", "license:MIT,,ISC", "license:,MIT",
        "license:MIT OR ISC", "license:(MIT)", "license>MIT", "parameters", "parameters<", "parameters<x", "bytes:4 GiB", "revision=1.5", "created:x", "created<20",
        "created<2026-1", "created<2026-02-30", "created<2026-01-01T00:00:00z", "sha256:abc", "sha256<" H, "sha256:" H "0", "any=x", "any!=x", "any:", "id!x",
        "a_key_that_is_longer_than_any_of_them:x",
    };
    struct mm_catalog_query query = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const char *expected = mm_catalog_query_add(&query, wrong[i]);
        /* these two are words */
        bool word = strcmp(wrong[i], "parameters") == 0 || strcmp(wrong[i], "id!x") == 0;
        check_true(wrong[i], (expected == NULL) == word);
        check_true(wrong[i], word || strlen(expected) > 0);
    }
    check_number("patterns", query.count, 2);
    char *value = calloc(1, 1030);
    assert_non_null(value);
    memset(value, 'a', 1025);
    assert_non_null(mm_catalog_query_add(&query, value));
    value[1024] = '\0';
    assert_null(mm_catalog_query_add(&query, value));
    free(value);
    mm_catalog_query_release(&query);
}

/* So many revisions of one model that their names would have no room: one of them is held. */
static void a_higher_revision_takes_the_place_and_the_name(void **state)
{
    const struct mm_catalog_find_options options = {.sort = MM_SORT_ID, .limit = UINT64_MAX};
    struct mm_catalog_find *find = mm_catalog_find_new(&options);
    struct mm_catalog_entry entry = {0};
    struct mm_catalog_line found = {.text = "x", .length = 1};
    struct mm_diags diags;
    (void)state;
    assert_non_null(find);
    mm_diags_init(&diags);
    memset(entry.model_id, 'a', MM_MODEL_ID_MAX);
    for (found.offset = 0; found.offset < MM_CATALOG_FOUND_IDS / MM_MODEL_ID_MAX + 1; found.offset++)
        if (mm_catalog_hit_add(find, 0, &entry, NULL, &found, &diags) < 0)
            fail_msg("revision %llu is refused", (unsigned long long)found.offset);
    check_number("matches", find->matches, 1);
    check_number("held", find->hit_count, 1);
    check_number("the last one", find->hits[0].at, found.offset - 1);
    check_number("names", find->ids.length, MM_MODEL_ID_MAX + 1);
    mm_catalog_find_free(find);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_meets_patterns), cmocka_unit_test(a_withdrawal_meets_what_it_says),
        cmocka_unit_test(all_patterns_have_to_be_met), cmocka_unit_test(what_is_no_pattern_is_refused),
        cmocka_unit_test(a_higher_revision_takes_the_place_and_the_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
