/* Patterns, one a line, held against an entry and a withdrawal: whatever they are, a pattern and its opposite never agree, and the same
 * pattern twice says the same. */
#include <string.h>

#include "doc/catalog_query.h"
#include "source.h"

static const char line[] =
    "{\"architecture\":\"llama\",\"artifact_bytes\":3,\"artifacts\":[{\"bytes\":3,\"format\":\"gguf\",\"merkle_root\":"
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"path\":\"m.gguf\",\"role\":\"weights\","
    "\"sha256\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}],\"created\":"
    "\"2026-03-05T06:07:08Z\",\"display_name\":\"A \\\"Tiny\\\" \\\\ one\",\"key_id\":\"none\",\"license\":"
    "\"(MIT OR Apache-2.0) AND ISC\",\"license_route\":\"LICENSE\",\"manifest_route\":"
    "\"manifests/demo/tiny/2.manifest\",\"manifest_sha256\":"
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"model_card_route\":\"README.md\","
    "\"model_id\":\"demo/tiny\",\"parameters\":1000,\"peer_hint\":\"none\",\"publisher_id\":\"demo\","
    "\"quantization\":\"q8_0\",\"revision\":2,\"source_lane\":\"quantized\",\"source_summary\":[\"- hf://demo/base\"],"
    "\"tags\":[\"chat\",\"tiny\"],\"takedown_route\":\"mailto:a@example.org\",\"version\":\"1.0\"}";

static void hold(const char *pattern, const struct mm_catalog_entry *entry)
{
    static const struct mm_withdrawal withdrawal = {.model_id = "demo/tiny", .revision = 2, .reason = "x y"};
    struct mm_catalog_query query = {0}, opposite = {0};
    char text[4100];
    bool ok = mm_catalog_query_add(&query, pattern) == NULL;
    must(query.count == ok);
    if (ok) {
        bool met = mm_catalog_query_entry(&query, entry), withdrawn = mm_catalog_query_withdrawal(&query, &withdrawal);
        must(mm_catalog_query_add(&query, pattern) == NULL);
        must(mm_catalog_query_entry(&query, entry) == met);
        snprintf(text, sizeof text, "!%s", pattern);
        if (pattern[0] != '!') {
            must(mm_catalog_query_add(&opposite, text) == NULL);
            must(mm_catalog_query_entry(&opposite, entry) != met);
            must(mm_catalog_query_withdrawal(&opposite, &withdrawal) != withdrawn);
        }
    }
    mm_catalog_query_release(&query);
    mm_catalog_query_release(&opposite);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_catalog_entry entry;
    struct mm_diags diags;
    char pattern[4096];
    mm_diags_init(&diags);
    must(mm_catalog_entry_read(&entry, line, sizeof line - 1, 1, &diags) == 0);
    mm_diags_release(&diags);
    for (size_t at = 0; at < size;) {
        const uint8_t *feed = memchr(data + at, '\n', size - at);
        size_t length = feed ? (size_t)(feed - data) - at : size - at;
        if (length < sizeof pattern) {
            memcpy(pattern, data + at, length);
            pattern[length] = '\0';
            hold(pattern, &entry);
        }
        at += length + 1;
    }
    return 0;
}
