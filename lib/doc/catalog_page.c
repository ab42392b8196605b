#include "doc/catalog_page.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog_page_files.h" /* share/catalog as C, see the Makefile */
#include "doc/catalog_page_parts.h"
#include "hash/sha256.h"

#define BEGINNING "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
#define LAYOUT "<meta name=\"generator\" content=\"minimodel-catalog pages "
#define HEAD_HASH "<meta name=\"catalog-head\" content=\""

#define STYLE_FILE "page.css"
#define SCRIPT_FILE "page.js"

const struct mm_page_file mm_page_files[MM_PAGE_FILES] = {{STYLE_FILE, MM_PAGE_CSS MM_MODEL_CSS},
                                                          {SCRIPT_FILE, MM_COPY_JS}};

/* ---- names ---- */

const char *mm_page_name(char out[static MM_PAGE_NAME], bool withdrawn, uint64_t number)
{
    const char *base = withdrawn ? "withdrawn" : "index";
    if (number == 1)
        snprintf(out, MM_PAGE_NAME, "%s" MM_PAGE_SUFFIX, base);
    else
        snprintf(out, MM_PAGE_NAME, "%s-%" PRIu64 MM_PAGE_SUFFIX, base, number);
    return out;
}

const char *mm_page_path(char out[static MM_PAGE_PATH], const char *model_id)
{
    snprintf(out, MM_PAGE_PATH, MM_CATALOG_MANIFESTS "%s" MM_PAGE_OF_MODEL, model_id);
    return out;
}

/* ---- what a page says of itself ---- */

static bool takes(const char **at, const char *end, const char *literal)
{
    size_t length = strlen(literal);
    if ((size_t)(end - *at) < length || memcmp(*at, literal, length) != 0)
        return false;
    *at += length;
    return true;
}

/* Moves *AT behind the layout's line. */
static uint64_t read_layout(const char **at, const char *end)
{
    uint64_t layout = 0;
    if (!takes(at, end, BEGINNING LAYOUT))
        return 0;
    const char *quote = memchr(*at, '"', (size_t)(end - *at));
    if (!quote || !mm_number(*at, (size_t)(quote - *at), MM_NUMBER_MAX, &layout))
        return 0;
    *at = quote;
    return takes(at, end, "\">\n") ? layout : 0;
}

uint64_t mm_page_layout(const char *page, size_t length)
{
    return read_layout(&page, page + length);
}

bool mm_page_is_of(const char *page, size_t length, const struct mm_catalog_head *head)
{
    char hex[MM_HASH_HEX + 1];
    const char *end = page + length;
    mm_hex(hex, head->sha256, MM_HASH_BYTES);
    return read_layout(&page, end) == MM_PAGE_LAYOUT && takes(&page, end, HEAD_HASH) && takes(&page, end, hex);
}

/* ---- values ---- */

static const char *entity(char c)
{
    static const char *const entities[UCHAR_MAX + 1] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
    return entities[(unsigned char)c];
}

static void add_text(struct mm_buf *out, const char *text, size_t length, bool json)
{
    const char *from = text, *end = text + length;
    for (const char *at = text; at < end; at++) {
        bool escape = json && *at == '\\';
        const char *as = escape ? "" : entity(*at);
        if (!as)
            continue;
        mm_buf_add(out, from, (size_t)(at - from));
        mm_buf_str(out, as);
        from = at + 1;
        if (escape && ++at < end && *at == '"') { /* a quote; a backslash stays as it is */
            mm_buf_str(out, entity('"'));
            from = at + 1;
        }
    }
    mm_buf_add(out, from, (size_t)(end - from));
}

void mm_page_text(struct mm_buf *out, const char *text, size_t length)
{
    add_text(out, text, length, false);
}

void mm_page_value(struct mm_buf *out, const struct mm_canonical_text *value)
{
    add_text(out, value->at, value->length, true);
}

void mm_page_isolated(struct mm_buf *out, const struct mm_canonical_text *value)
{
    mm_buf_str(out, "<bdi>");
    mm_page_value(out, value);
    mm_buf_str(out, "</bdi>");
}

void mm_page_exact(struct mm_buf *out, uint64_t number)
{
    char digits[MM_DECIMAL_DIGITS];
    size_t length = mm_decimal_write(digits, number);
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            mm_buf_char(out, ',');
        mm_buf_char(out, digits[i]);
    }
}

/* KEPT, whose last 0 to 2 digits are DECIMALS. */
static void add_decimal(struct mm_buf *out, uint64_t kept, unsigned decimals)
{
    unsigned scale = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;
    mm_buf_number(out, kept / scale);
    if (decimals > 0)
        mm_buf_char(out, '.');
    for (; scale > 1; scale /= 10)
        mm_buf_char(out, (char)('0' + kept % scale / (scale / 10)));
}

/* Three digits are kept, the last one rounded; numbers are at most 2^63-1. */
void mm_page_number(struct mm_buf *out, uint64_t number, const char *unit)
{
    const char *signs = unit[0] ? " kMGTPE" : " kMBTPE"; /* of bytes; a billion of anything else is a B */
    unsigned sign = 0, decimals = 0;
    uint64_t scale = 1; /* of the last digit that is kept */
    for (uint64_t rest = number; rest >= 1000; rest /= 10)
        scale *= 10;
    uint64_t kept = number / scale + (number % scale >= scale - number % scale && scale > 1);
    if (kept == 1000) { /* 999.5 is 1.00 k */
        kept = 100;
        scale *= 10;
    }
    for (uint64_t rest = scale; rest > 1; rest /= 1000) {
        sign++;
        decimals = rest == 10 ? 2 : rest == 100 ? 1 : 0;
    }
    mm_buf_str(out, "<data value=\"");
    mm_buf_number(out, number);
    mm_buf_str(out, "\" title=\"");
    mm_page_exact(out, number);
    mm_buf_str(out, "\">");
    add_decimal(out, kept, decimals);
    if (sign > 0 || unit[0])
        mm_buf_char(out, ' ');
    if (sign > 0)
        mm_buf_char(out, signs[sign]);
    mm_buf_str(out, unit);
    mm_buf_str(out, "</data>");
}

void mm_page_time(struct mm_buf *out, const char *time, size_t length)
{
    mm_buf_str(out, "<time datetime=\"");
    mm_page_text(out, time, length);
    mm_buf_str(out, "\">");
    mm_page_text(out, time, length < 10 ? length : 10); /* the date */
    if (length == MM_TIME_SIZE - 1) {
        mm_buf_char(out, ' ');
        mm_page_text(out, time + 11, 8);
        mm_buf_str(out, " UTC");
    }
    mm_buf_str(out, "</time>");
}

void mm_page_route(struct mm_buf *out, const struct mm_canonical_text *route)
{
    bool link = (route->length > 8 && memcmp(route->at, "https://", 8) == 0) ||
                (route->length > 7 && memcmp(route->at, "mailto:", 7) == 0);
    if (!link) {
        mm_buf_str(out, "<code>");
        mm_page_isolated(out, route);
        mm_buf_str(out, "</code>");
        return;
    }
    mm_buf_str(out, "<a rel=\"noreferrer nofollow\" href=\"");
    mm_page_value(out, route);
    mm_buf_str(out, "\">");
    mm_page_isolated(out, route);
    mm_buf_str(out, "</a>");
}

static bool is_plain(const char *word, size_t length)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/@:+,%=";
    for (size_t i = 0; i < length; i++)
        if (!word[i] || !strchr(plain, word[i]))
            return false;
    return length > 0 && word[0] != '-' && word[0] != '=';
}

void mm_page_word(struct mm_buf *out, const char *word, size_t length)
{
    if (is_plain(word, length)) {
        mm_buf_add(out, word, length);
        return;
    }
    mm_buf_str(out, "&#39;");
    for (size_t i = 0; i < length; i++)
        if (word[i] == '\'')
            mm_buf_str(out, "&#39;\\&#39;&#39;");
        else
            mm_page_text(out, word + i, 1);
    mm_buf_str(out, "&#39;");
}

/* ---- what stands around ---- */

static void add_base64(struct mm_buf *out, const unsigned char digest[static MM_HASH_BYTES])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < MM_HASH_BYTES; i += 3) {
        bool last = i + 2 >= MM_HASH_BYTES; /* two bytes are left */
        unsigned bits = (unsigned)digest[i] << 16 | (unsigned)digest[i + 1] << 8 | (last ? 0U : digest[i + 2]);
        char four[] = {digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63],
                       last ? '=' : digits[bits & 63]};
        mm_buf_add(out, four, sizeof four);
    }
}

static void add_source(struct mm_buf *out, const char *directive, struct mm_sha256 *sha, const char *text)
{
    unsigned char digest[MM_HASH_BYTES];
    mm_sha256_once(sha, text, strlen(text), digest);
    mm_buf_printf(out, "; %s 'sha256-", directive);
    add_base64(out, digest);
    mm_buf_char(out, '\'');
}

#define POLICY_BEGINNING "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'"
#define POLICY_END                                                                                                     \
    "; base-uri 'none'; form-action 'none'\">\n"                                                                       \
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"                                       \
    "<title>"

/* The page may use its own style and script, known by their hashes, and nothing else. */
static void make_list_frame(struct mm_page_frame *frame, struct mm_sha256 *sha)
{
    static const char style[] = MM_PAGE_CSS MM_INDEX_CSS, script[] = MM_INDEX_JS MM_COPY_JS;
    mm_buf_str(&frame->before, POLICY_BEGINNING);
    add_source(&frame->before, "style-src", sha, style);
    add_source(&frame->before, "script-src", sha, script);
    mm_buf_str(&frame->before, POLICY_END);
    mm_buf_printf(&frame->behind, "</title>\n<style>%s</style>\n</head>\n<body>\n", style);
    mm_buf_printf(&frame->end, "</main>\n<script>%s</script>\n</body>\n</html>\n", script);
}

/* The page may use files of the place that it comes from, and nothing else. */
static void make_model_frame(struct mm_page_frame *frame)
{
    mm_buf_str(&frame->before, POLICY_BEGINNING "; style-src 'self'; script-src 'self'" POLICY_END);
    mm_buf_str(&frame->behind,
               "</title>\n<link rel=\"stylesheet\" href=\"" MM_PAGE_UP STYLE_FILE "\">\n</head>\n<body>\n");
    mm_buf_str(&frame->end, "</main>\n<script src=\"" MM_PAGE_UP SCRIPT_FILE "\"></script>\n</body>\n</html>\n");
}

int mm_page_frames_init(struct mm_page_frames *frames, struct mm_diags *diags)
{
    struct mm_page_frame *list = &frames->kinds[MM_PAGE_LIST], *model = &frames->kinds[MM_PAGE_MODEL];
    *frames = (struct mm_page_frames){0};
    struct mm_sha256 *sha = mm_sha256_new();
    if (!sha)
        return mm_diag_memory(diags);
    make_list_frame(list, sha);
    make_model_frame(model);
    mm_sha256_free(sha);
    bool failed = list->before.failed || list->behind.failed || list->end.failed || model->before.failed ||
                  model->behind.failed || model->end.failed;
    return failed ? mm_diag_memory(diags) : 0;
}

void mm_page_frames_release(struct mm_page_frames *frames)
{
    for (int kind = 0; kind < MM_PAGE_KINDS; kind++) {
        struct mm_page_frame *frame = &frames->kinds[kind];
        mm_buf_release(&frame->before);
        mm_buf_release(&frame->behind);
        mm_buf_release(&frame->end);
    }
}

void mm_page_begin(const struct mm_page_frames *frames, enum mm_page_kind kind, const struct mm_catalog_head *head,
                   const struct mm_buf *title, struct mm_buf *out)
{
    const struct mm_page_frame *frame = &frames->kinds[kind];
    char hex[MM_HASH_HEX + 1];
    mm_buf_printf(out, BEGINNING LAYOUT "%d\">\n", MM_PAGE_LAYOUT);
    if (head) {
        mm_hex(hex, head->sha256, MM_HASH_BYTES);
        mm_buf_printf(out, HEAD_HASH "%s\">\n", hex);
    }
    mm_buf_add(out, frame->before.data, frame->before.length);
    mm_buf_add(out, mm_buf_text(title), title->length);
    mm_buf_add(out, frame->behind.data, frame->behind.length);
}

void mm_page_end(const struct mm_page_frames *frames, enum mm_page_kind kind, struct mm_buf *out)
{
    const struct mm_buf *end = &frames->kinds[kind].end;
    mm_buf_add(out, end->data, end->length);
}
