#include "trust/two_lines.h"

#include <sodium.h>
#include <string.h>

int mm_two_lines_read(struct mm_two_lines *lines, const char *text, size_t length, enum mm_rule rule,
                      struct mm_diags *diags)
{
    static const char prefix[] = MM_UNTRUSTED_COMMENT;
    const char *end = length ? memchr(text, '\n', length) : NULL;
    size_t first = end ? (size_t)(end - text) : length;
    if (!end || first < sizeof prefix - 1 || memcmp(text, prefix, sizeof prefix - 1) != 0)
        return mm_diag_line(diags, rule, 1, 1, "expected 'untrusted comment: ', found something else");
    if (memchr(text, '\0', first) || memchr(text, '\r', first))
        return mm_diag_line(diags, rule, 1, 1, "expected a line without NUL and CR, found them");
    lines->value = end + 1;
    size_t left = length - first - 1;
    const char *stop = left ? memchr(lines->value, '\n', left) : NULL;
    lines->value_length = stop ? (size_t)(stop - lines->value) : left;
    lines->rest = stop ? stop + 1 : text + length;
    lines->rest_length = (size_t)(text + length - lines->rest);
    return 0;
}

int mm_base64_exact(const char *text, size_t length, unsigned char *out, size_t size)
{
    size_t got = 0;
    const char *end = NULL;
    unsigned char all = 0;
    if (length != sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL) - 1)
        return -1;
    for (size_t i = 0; i < length; i++) /* without a branch for each, as the text may be secret */
        all |= (unsigned char)text[i];
    if (all & 0x80) /* libsodium takes each such byte for a slash */
        return -1;
    return sodium_base642bin(out, size, text, length, NULL, &got, &end, sodium_base64_VARIANT_ORIGINAL) == 0 &&
                   got == size && end == text + length
               ? 0
               : -1;
}
