#include "trust/secret_form.h"

#include <stdbool.h>
#include <string.h>

#define MINISIGN_LINE 212 /* base64 of 158 bytes */

static bool begins(const char *line, size_t length, const char *with)
{
    size_t size = strlen(with);
    return length >= size && memcmp(line, with, size) == 0;
}

/* `Ed`, `Sc` or two zero bytes, `B2`: six bytes, which are eight characters of their own. */
static bool is_minisign(const char *line, size_t length)
{
    return length == MINISIGN_LINE && (begins(line, length, "RWRTY0Iy") || begins(line, length, "RWQAAEIy"));
}

/* -----BEGIN PRIVATE KEY-----, with whatever stands between BEGIN and PRIVATE: RSA, EC, ENCRYPTED, OPENSSH, PGP. */
static bool is_pem(const char *line, size_t length)
{
    static const char begin[] = "-----BEGIN ", word[] = "PRIVATE KEY", end[] = "-----";
    while (length && (line[length - 1] == ' ' || line[length - 1] == '\t'))
        length--;
    return begins(line, length, begin) && length >= sizeof begin - 1 + sizeof word - 1 + sizeof end - 1 &&
           memcmp(line + length - (sizeof end - 1), end, sizeof end - 1) == 0 &&
           memmem(line, length, word, sizeof word - 1) != NULL;
}

const char *mm_secret_form(const char *bytes, size_t length)
{
    const char *end = bytes + length;
    for (const char *line = bytes; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t size = (size_t)((stop ? stop : end) - line);
        if (size && line[size - 1] == '\r')
            size--;
        if (is_minisign(line, size))
            return "a secret key of minisign";
        if (is_pem(line, size))
            return "a private key in PEM";
        line = stop ? stop + 1 : end;
    }
    return NULL;
}
