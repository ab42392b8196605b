#include "text/route.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

#define HTTPS "https://"

static bool alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* strchr without its match of the terminating NUL. */
static bool one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

bool mm_route_is_url(const char *text, size_t length)
{
    return length >= strlen(HTTPS) && memcmp(text, HTTPS, strlen(HTTPS)) == 0;
}

/* A registered name: labels of letters, digits, '-', '_' and '~', not empty (RFC 3986, 3.2.2, unreserved only). */
static const char *check_name(const char *host, size_t length, size_t *at)
{
    bool label = false;
    for (size_t i = 0; i < length; i++) {
        *at = i;
        if (host[i] == '.' && !label)
            return "a host name without empty labels";
        if (host[i] != '.' && !alphanumeric(host[i]) && !one_of(host[i], "-_~"))
            return "a host name of letters, digits, '.' and '-', without user or query";
        label = host[i] != '.';
    }
    *at = length;
    return label || (length > 1 && host[length - 1] == '.') ? NULL : "a host name";
}

/* [IPv6address], RFC 3986, 3.2.2: groups of one to four hex digits, at most one "::". IPv4 tails are refused. */
static const char *check_literal(const char *host, size_t length, size_t *at)
{
    unsigned groups = 0, digits = 0, gaps = 0;
    *at = 0;
    for (size_t i = 0; i < length; i++) {
        char c = host[i];
        *at = i;
        if (c == ':') {
            bool doubled = i + 1 < length && host[i + 1] == ':';
            if (digits == 0 && !doubled && !(i > 0 && host[i - 1] == ':'))
                return "an IPv6 address";
            gaps += doubled;
            digits = 0;
        } else if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            groups += digits == 0;
            if (++digits > 4)
                return "an IPv6 address";
        } else {
            return "an IPv6 address";
        }
    }
    bool dangling = length > 0 && host[length - 1] == ':' && !(length > 1 && host[length - 2] == ':');
    return gaps > 1 || dangling || (gaps == 0 && groups != 8) || (gaps == 1 && groups > 7) ? "an IPv6 address" : NULL;
}

static const char *check_port(const char *port, size_t length, size_t *at)
{
    unsigned long value = 0;
    *at = 0;
    for (size_t i = 0; i < length; i++) {
        *at = i;
        if (port[i] < '0' || port[i] > '9' || i >= 5)
            return "a port from 1 to 65535";
        value = value * 10 + (unsigned long)(port[i] - '0');
    }
    return length == 0 || port[0] == '0' || value > 65535 ? "a port from 1 to 65535" : NULL;
}

/* HOST[:PORT]; AT is relative to AUTHORITY. */
static const char *check_authority(const char *authority, size_t length, size_t *at)
{
    size_t host_length = length;
    const char *expected;
    if (length > 0 && authority[0] == '[') {
        const char *close = memchr(authority, ']', length);
        *at = 0;
        if (!close)
            return "an IPv6 address in brackets";
        host_length = (size_t)(close + 1 - authority);
        expected = check_literal(authority + 1, host_length - 2, at);
        *at += 1;
    } else {
        const char *colon = memchr(authority, ':', length);
        if (colon)
            host_length = (size_t)(colon - authority);
        expected = check_name(authority, host_length, at);
    }
    if (expected || host_length == length)
        return expected;
    *at = host_length;
    if (authority[host_length] != ':')
        return "':' and a port, or '/'";
    expected = check_port(authority + host_length + 1, length - host_length - 1, at);
    *at += host_length + 1;
    return expected;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes the segment's escapes into OUT (as large as the segment); RFC 3986, 3.3: pchar. */
static const char *decode_segment(const char *segment, size_t length, unsigned char *out, size_t *out_length,
                                  size_t *at)
{
    *out_length = 0;
    for (size_t i = 0; i < length; i++) {
        char c = segment[i];
        *at = i;
        if (c == '%') {
            int high = i + 1 < length ? hex_value(segment[i + 1]) : -1;
            int low = i + 2 < length ? hex_value(segment[i + 2]) : -1;
            if (high < 0 || low < 0)
                return "two hex digits after '%'";
            unsigned char byte = (unsigned char)(high << 4 | low);
            if (byte == '%' || byte == '/')
                return "no escape of '%' or '/'";
            out[(*out_length)++] = byte;
            i += 2;
        } else if (alphanumeric(c) || one_of(c, "-._~!$&'()*+,=:@;")) {
            out[(*out_length)++] = (unsigned char)c;
        } else {
            return c == '?' || c == '#' ? "no query and no fragment" : "characters of RFC 3986";
        }
    }
    return NULL;
}

/* What a segment may hold once decoded. Positions inside escapes are not worth naming: AT is the segment's start. */
static const char *check_decoded(const unsigned char *segment, size_t length, bool last)
{
    size_t bad;
    if (length == 0)
        return last ? NULL : "no empty segment";
    if (!mm_utf8_valid(segment, length, &bad))
        return "a segment that is well-formed UTF-8 once decoded";
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        i += mm_utf8_decode(segment + i, length - i, &code);
        if (mm_utf8_control(code))
            return "no control character, escaped or not";
        if (code == ';')
            return "no ';'";
    }
    if (segment[length - 1] == '.' || segment[length - 1] == ' ')
        return "no segment that ends in a dot or a space";
    return NULL;
}

static const char *check_segments(const char *path, size_t length, size_t *at)
{
    unsigned char decoded[MM_ROUTE_SEGMENT];
    for (size_t start = 0; start <= length;) {
        const char *slash = memchr(path + start, '/', length - start);
        size_t end = slash ? (size_t)(slash - path) : length, decoded_length;
        *at = 0;
        const char *expected = end - start > sizeof decoded
                                   ? "a shorter segment"
                                   : decode_segment(path + start, end - start, decoded, &decoded_length, at);
        if (!expected) {
            *at = 0;
            expected = check_decoded(decoded, decoded_length, !slash);
        }
        if (expected) {
            *at += start;
            return expected;
        }
        start = end + 1;
    }
    return NULL;
}

const char *mm_route_check_url(const char *text, size_t length, size_t *at)
{
    *at = 0;
    if (!mm_route_is_url(text, length))
        return "https://HOST/PATH";
    size_t prefix = strlen(HTTPS);
    const char *authority = text + prefix;
    const char *slash = memchr(authority, '/', length - prefix);
    size_t authority_length = slash ? (size_t)(slash - authority) : length - prefix;
    const char *expected = check_authority(authority, authority_length, at);
    *at += prefix;
    if (expected)
        return expected;
    *at = length;
    if (!slash)
        return "'/' after the host";
    size_t path = prefix + authority_length + 1;
    expected = check_segments(text + path, length - path, at);
    *at += path;
    return expected;
}

const char *mm_route_check_mail(const char *text, size_t length, size_t *at)
{
    static const char scheme[] = "mailto:";
    size_t prefix = strlen(scheme);
    *at = 0;
    if (length < prefix || memcmp(text, scheme, prefix) != 0)
        return "mailto:LOCAL@HOST";
    const char *sign = memchr(text + prefix, '@', length - prefix);
    size_t local = sign ? (size_t)(sign - text) : length;
    bool dot = true; /* a dot may neither begin, end nor double (RFC 5322, dot-atom) */
    for (size_t i = prefix; i < local; i++) {
        *at = i;
        if (text[i] == '.' ? dot : !alphanumeric(text[i]) && !one_of(text[i], "!$&'*+=-_~"))
            return "a local part of letters, digits and .!$&'*+=-_~";
        dot = text[i] == '.';
    }
    *at = local;
    if (!sign || dot)
        return "mailto:LOCAL@HOST";
    const char *expected = check_name(sign + 1, length - local - 1, at);
    *at += local + 1;
    return expected;
}

size_t mm_route_last_segment(const char *route, size_t length, char out[static MM_ROUTE_SEGMENT])
{
    size_t start, used = 0;
    if (mm_route_is_url(route, length)) {
        const char *slash = memchr(route + strlen(HTTPS), '/', length - strlen(HTTPS));
        size_t skip = slash ? (size_t)(slash + 1 - route) : length;
        route += skip;
        length -= skip;
    }
    while (length > 0 && route[length - 1] == '/')
        length--;
    for (start = length; start > 0 && route[start - 1] != '/';)
        start--;
    for (size_t i = start; i < length && used < MM_ROUTE_SEGMENT - 1; i++) {
        int high = route[i] == '%' && i + 2 < length ? hex_value(route[i + 1]) : -1;
        int low = high >= 0 ? hex_value(route[i + 2]) : -1;
        char c = route[i];
        if (low >= 0) {
            c = (char)(high * 16 + low);
            i += 2;
        }
        out[used++] = c;
    }
    out[used] = '\0';
    return used;
}

const char *mm_route_refused_ending(const char *segment, size_t length)
{
    static const char *const endings[] = {
        ".slm", ".gguf", ".ggml", ".safetensors", ".bin", ".pt",  ".pth", ".ckpt", ".onnx", ".tflite",  ".npz",
        ".h5",  ".pkl",  ".zip",  ".tar",         ".gz",  ".tgz", ".xz",  ".zst",  ".7z",   ".torrent",
    };
    const char *dot = length ? memrchr(segment, '.', length) : NULL;
    size_t size = dot ? (size_t)(segment + length - dot) : 0;
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strlen(endings[i]) == size && strncasecmp(dot, endings[i], size) == 0)
            return endings[i];
    return NULL;
}

bool mm_route_is_chunk_list(const char *segment, size_t length)
{
    return (length >= 7 && memcmp(segment + length - 7, ".chunks", 7) == 0) ||
           (length >= 10 && memcmp(segment + length - 10, ".chunks.gz", 10) == 0);
}

static bool scheme_at(const char *text, size_t length, size_t at, const char *scheme)
{
    size_t size = strlen(scheme);
    return length - at >= size && strncasecmp(text + at, scheme, size) == 0;
}

size_t mm_route_find_url(const char *text, size_t text_length, size_t *at, size_t *length, bool *https)
{
    static const char *const refused[] = {"http:", "ftp:", "magnet:", "ipfs:"};
    for (size_t i = *at; i < text_length; i++) {
        if (i > 0 && (alphanumeric(text[i - 1]) || one_of(text[i - 1], "+-.")))
            continue; /* the middle of another word or scheme (RFC 3986, 3.1) */
        *https = scheme_at(text, text_length, i, HTTPS);
        bool found = *https;
        for (size_t k = 0; !found && k < sizeof refused / sizeof *refused; k++)
            found = scheme_at(text, text_length, i, refused[k]);
        if (!found)
            continue;
        const char *space = memchr(text + i, ' ', text_length - i);
        *length = space ? (size_t)(space - text) - i : text_length - i;
        *at = i + *length;
        return i;
    }
    return SIZE_MAX;
}
