/* Paths, routes, licences and every other kind of value, on each line of the input: the line, and what stands behind its
 * `KEY: `, so that manifests serve as seeds. Each value is a copy of its exact size, so that one byte too many is seen. */
#include <string.h>

#include "doc/manifest_field.h"
#include "source.h"
#include "text/line.h"
#include "text/path.h"
#include "text/route.h"
#include "text/spdx.h"

static void check_path(const char *text, size_t length)
{
    size_t at = 0, base = length;
    if (mm_path_check(text, length, &at)) {
        must(at <= length);
        return;
    }
    must(length >= 1 && length <= MM_PATH_MAX && text[0] != '/' && text[length - 1] != '/');
    must(!memmem(text, length, "//", 2) && !memmem(text, length, "../", 3) && !memchr(text, '\\', length) && !memchr(text, ':', length));
    must(mm_path_base(text, &base) + base == text + length && base > 0);
    must(mm_path_clash(text, length, text, length) == MM_PATH_EQUAL);
}

static void check_route(const char *text, size_t length)
{
    char segment[MM_ROUTE_SEGMENT];
    size_t at = 0, found;
    must(!mm_route_check_mail(text, length, &at) || at <= length);
    if (mm_route_check_url(text, length, &at)) {
        must(at <= length);
    } else {
        must(mm_route_is_url(text, length) && !memchr(text, '?', length) && !memchr(text, '#', length) && !memchr(text, ' ', length));
        found = mm_route_last_segment(text, length, segment);
        must(found < sizeof segment && !memchr(segment, '/', found) && !memchr(segment, '%', found) && strlen(segment) == found);
    }
    found = mm_route_last_segment(text, length, segment);
    must(found < sizeof segment && segment[found] == '\0');
    mm_route_refused_ending(segment, found);
    mm_route_is_chunk_list(segment, found);
}

/* URLs in free text do not overlap and lie inside it. */
static void check_free_text(const char *text, size_t length)
{
    size_t at = 0, size, found, before = 0;
    bool https;
    while ((found = mm_route_find_url(text, length, &at, &size, &https)) != SIZE_MAX) {
        must(found >= before && size > 0 && size <= length - found && at == found + size);
        before = at;
    }
}

static void check_fields(const char *text, size_t length)
{
    struct mm_value_fault fault;
    for (int field = 0; field < MM_FIELD_COUNT; field++)
        must(mm_field_check(field, text, length, &fault) || (fault.at <= length && fault.expected));
    if (mm_field_check(MM_FIELD_EVIDENCE, text, length, &fault))
        must(mm_evidence_route(text, length) < length);
    if (mm_field_check(MM_FIELD_SOURCE, text, length, &fault))
        must(mm_source_identity(text, length) < length);
}

static void check_value(const char *bytes, size_t length)
{
    if (length == 0 || length > MM_VALUE_MAX)
        return;
    char *text = malloc(length);
    must(text);
    memcpy(text, bytes, length);
    size_t at = 0;
    check_path(text, length);
    check_route(text, length);
    check_free_text(text, length);
    must(!mm_spdx_check(text, length, &at) || at <= length);
    if (text[0] != ' ' && text[length - 1] != ' ') /* others break the line grammar already */
        check_fields(text, length);
    free(text);
}

/* Two lines as two paths: the comparisons have no favourite. */
static void check_pair(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = mm_path_fold_compare(a, a_length, b, b_length), back = mm_path_fold_compare(b, b_length, a, a_length);
    must((order > 0) == (back < 0) && (order < 0) == (back > 0));
    must(mm_path_clash(a, a_length, b, b_length) == mm_path_clash(b, b_length, a, a_length));
    must((order == 0) == (mm_path_clash(a, a_length, b, b_length) == MM_PATH_EQUAL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size, *before = at;
    size_t before_length = 0;
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((feed ? feed : end) - at);
        const char *value = memmem(at, length, ": ", 2);
        check_value(at, length);
        if (value)
            check_value(value + 2, length - (size_t)(value + 2 - at));
        check_pair(before, before_length, at, length);
        before = at;
        before_length = length;
        at += length + (feed != NULL);
    }
    return 0;
}
